"""`--batch FILE.jsonl` or `FILE.csv`: many calls by some threads, each row paid once, whatever happens in between.

In the output folder, `results.jsonl` gets one line a row: `id`, `row` (its line), `key`, and the skill's JSON document.
Run again, a batch does what is missing: rows that failed are retried, those that succeeded stay, and those whose
outcome nobody knows (killed under way, or the connection broke before the answer) are not paid again unasked.
"""
from __future__ import annotations

import copy
import os

from ..cli.console import Console
from ..failures import Exit, Failure, usage
from .folder import BatchFolder
from .rows import RowFile, NOT_WITH_BATCH
from .tally import report, Tally
from .throttle import Throttle
from .worker import listen
from .workers import RowConsole, Workers

CONCURRENCY = 4
_LOCK_WAIT = 60.0  # seconds beyond --timeout that another run may take to finish its rows


def run_calls(session, call, make_parser, table=None, **batch_settings):
    """What every script does: --models of its `table`, --check, the rows of --batch, or the one `call(session)`."""
    if session.options.models is not None:
        from ..cli.models import show_models
        return show_models(session, table)
    if session.options.check:
        from ..cli.check import check
        return check(session)
    if session.options.batch is not None:
        return run_batch(session, call, make_parser, **batch_settings)
    return call(session)


def run_batch(session, call, make_parser, *, main: str = "prompt", instead=(), files: bool = False, recoverable=None,
              after=None, most: int = 0) -> Exit:
    """Do all rows of --batch that are not done yet, each by `call(session of the row)`.

    `main` is the main input's name in a row and in the options; a row may lack it where one of the flags `instead` is
    there. `files`: the skill writes files, so each row has an output folder. `recoverable(row)` tells of a row
    in doubt that the skill can find out by itself what became of it. `after(folder)` is called at the end. `most` workers
    are useful, 0 where that is not known.
    """
    options, console = session.options, session.console
    throttle = Throttle(options.concurrency or CONCURRENCY)
    listen(throttle.stop)
    folder = _check_flags(options, make_parser)
    row_file = RowFile(options.batch, _row_defaults(options), make_parser, folder, main=main, instead=instead, files=files)
    row_file.check(lambda: _go_on(throttle))
    for remark in row_file.remarks():
        console.warn(remark)
    batch_folder = BatchFolder(folder, row_file, console, again=options.again, recoverable=recoverable,
                               table=row_file.source.is_table or options.csv)
    if options.dry_run:
        batch_folder.read()
        return _dry_run(row_file, batch_folder, session, call)
    console.ignore_broken_pipe = True  # the rows matter more than who reads the summary
    session.pass_guard()
    with batch_folder.locked(options.timeout + _LOCK_WAIT, lambda: _go_on(throttle)):
        batch_folder.read()
        batch_folder.open()
        throttle.limit(min(row_file.total, most or row_file.total))
        tally = Tally(row_file.total, batch_folder)
        Workers(row_file, batch_folder, session, call, throttle, tally).work()
        _close(batch_folder, tally, session, files)
        _call_after(after, folder, console)
        return report(tally, row_file, batch_folder, session)


def _close(batch_folder: BatchFolder, tally: Tally, session, files: bool) -> None:
    try:
        batch_folder.close(tally.under_way, getattr(session.options, "schema", None), files)
    except OSError as error:
        session.console.warn(f"{error.filename or batch_folder.results} may not be on the disk itself: {error.strerror}",
                             "check it before relying on it")


def _check_flags(options, make_parser) -> str:
    """Refuse what does not go with --batch; return the output folder."""
    parser = make_parser()
    for name in NOT_WITH_BATCH:
        if getattr(options, name, None) != parser.get_default(name):
            raise usage(f"--{name.replace('_', '-')} does not go with --batch", "leave one of them out")
    if options.batch == "-":
        raise usage("--batch - is not possible: the file is read twice", "save the rows as a file")
    if not options.output or options.output == "-":
        raise usage("--batch needs --output: the folder for results.jsonl and the files of the rows", "add -o FOLDER/")
    if os.path.lexists(options.output) and not os.path.isdir(options.output):
        raise usage(f"--output {options.output} is not a folder", "name a folder; it is made when it is not there")
    return options.output.rstrip("/" + os.sep) or "/"


def _row_defaults(options):
    """What all rows have in common; `batch` stays set, so that the key is judged as one that is used for a batch."""
    defaults = copy.copy(options)
    defaults.json = defaults.quiet = True
    defaults.verbose = False
    return defaults


def _go_on(throttle: Throttle) -> None:
    if throttle.stopped:
        raise Failure(Exit.INTERRUPTED, "interrupted; nothing was sent", fix="run the command again")


def _dry_run(row_file: RowFile, batch_folder: BatchFolder, session, call) -> Exit:
    """One document: how many rows would be sent, and the first of them as it would be."""
    first, missing = None, 0
    for row in row_file.rows():
        if batch_folder.wants(row):
            missing += 1
            if first is None:
                first = RowConsole(session.console)
                call(session.for_row(row, row.options(), first))
    session.console.document({"rows": row_file.total, "would_send": missing, "first": first.captured if first else None})
    return Exit.OK


def _call_after(after, folder: str, console: Console) -> None:
    if after:
        try:
            after(folder)
        except Failure as failure:
            console.warn(failure.message, failure.fix)
