"""What a command does: lists, checks, jobs of before, many calls, or one."""
from __future__ import annotations


def run_calls(session, call, make_parser, table=None, estimate=None, **batch_settings):
    """What every script does: --models of its `table`, --check, the rows of --batch, or the one
    `call(session)`.

    `estimate(session)` gives the model, the Cost that its call is expected to have, and what is counted in
    words. `batch_settings` are those of `many.run_batch`.
    """
    options = session.options
    if options.models is not None:
        from ..cli.models import show_models
        return show_models(session, table)
    if options.check:
        from ..cli.check import check
        return check(session)
    if options.estimate:
        from .estimate import show_estimate
        return show_estimate(session, estimate, make_parser, **batch_settings)
    if options.batch is not None:
        from .many import run_batch
        return run_batch(session, call, make_parser, table=table, **batch_settings)
    if options.has_api and (options.tasks or options.status or options.cancel or options.resume):
        return _about_jobs(session, call, make_parser, table, batch_settings)
    return call(session)


def _about_jobs(session, call, make_parser, table, batch_settings: dict):
    """--tasks, --status, --cancel and --resume of jobs of the Batch API."""
    from ..tasks.commands import list_tasks
    from ..tasks.flags import check_single
    from ..tasks.journal import journal_of
    from .many import later
    check_single(session.options)
    if session.options.tasks:
        return list_tasks(journal_of(session), session.console)
    return later(session, call, make_parser, table, **batch_settings)
