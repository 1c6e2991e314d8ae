"""What image and video share above batches and tasks: a command about tasks, a batch, a page, or one call."""
from __future__ import annotations

from .batch.run import run_calls
from .failures import Exit
from .files.outputs import stem_of
from .gallery.page import gallery_alone, page_after
from .tasks.commands import list_tasks
from .tasks.flags import check_single
from .tasks.journal import interrupted, Journal, journal_of
from .tasks.rows import left_of


def run_files(session, make_run, make_parser, *, instead, most: int, estimate, table) -> Exit | None:
    """What a script that makes files of tasks does: a command about tasks, a batch, a page, or one call.

    `instead` are the flags that may stand in place of a prompt, `most` is how many tasks the service runs at
    a time (0: not known), `table` has the models. `estimate(session)` gives the model, the Cost that its call
    is expected to have, and what is counted in words.
    """
    options, console = session.options, session.console
    if options.check or options.models is not None:
        return run_calls(session, None, make_parser, table)
    check_single(options, make_parser, ("output", "overwrite", "no_sidecar", "gallery"))
    journal = journal_of(session)
    if options.tasks:
        return list_tasks(journal, console)
    if options.status or options.cancel or options.resume:
        return _call(make_run(session, journal), "later")
    names = ("prompt", "prompt_file", "batch", *(name.replace("-", "_") for name in instead))
    if options.gallery and not any(getattr(options, name) for name in names):
        return gallery_alone(options, console)
    more = batch_settings(session, journal) if options.batch is not None else {}
    return run_calls(session, lambda one: _call(make_run(one, journal), "generate"), make_parser, table,
                     estimate, files=stem_of, instead=instead, most=most, **more)


def _call(run, step: str) -> Exit | None:
    """One call of a run, `step` by name; an interrupt at any moment is told with the way to what exists."""
    try:
        return getattr(run, step)()
    except KeyboardInterrupt:
        with run.telling_cost(run.record):
            raise interrupted(run.record, run.journal) from None


def batch_settings(session, journal: Journal) -> dict:
    """What a batch of files needs to know: which rows can be found again, and the page at the end."""
    return {"recoverable": lambda row: left_of(row, row.options(), journal, session.console.skill),
            **page_after(session)}
