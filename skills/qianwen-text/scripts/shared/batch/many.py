"""`--batch FILE.jsonl` or `FILE.csv`:
many calls by some threads, each row paid once, whatever happens in between.

In the output folder, `results.jsonl` gets one line a row: `id`, `row` (its line), `key`, and the skill's JSON
document. Run again, a batch does what is missing: rows that failed are retried, those that succeeded stay,
and those whose outcome nobody knows (killed under way, or the connection broke before the answer) are not
paid again unasked.
"""
from __future__ import annotations

import copy
import os

from ..cli.console import Console
from ..failures import Exit, Failure, usage
from ..files.names import expanded
from ..files.whole import InUse
from .bad_rows import BadRows
from .folder import BatchFolder
from .row_flags import NOT_WITH_BATCH
from .rows import RowFile
from .tally import report, Tally
from .throttle import Throttle
from .worker import listen, reads_stdin
from .workers import RowConsole, SilentConsole, unsaved, Workers

CONCURRENCY = 4
LOCK_WAIT = 60.0  # seconds beyond --timeout that another run may take to finish its rows


def run_batch(session, call, make_parser, *, files=None, before=None, after=None, most: int = 0,
              **row_settings) -> Exit:
    """Do all rows of --batch that are not done yet, each by `call(session of the row)`.

    `files` and `row_settings` are those of `open_batch`. `before(row_file)` is called before anything is sent,
    ahead of the wait for the folder and after it, `after(folder)` at the end. `most` workers are useful, 0 where
    that is not known.
    """
    options, console = session.options, session.console
    throttle = Throttle(options.concurrency or CONCURRENCY)
    listen(throttle.stop, reads_stdin(options))
    row_file, batch_folder = take_batch(session, make_parser, lambda: _go_on(throttle), files=files,
                                        **row_settings)
    if options.dry_run:
        batch_folder.read()
        check_rows(row_file, batch_folder, builder(session, call))
        return _dry_run(row_file, batch_folder, session, call)
    if before:
        before(row_file)
    console.ignore_broken_pipe = True  # the rows matter more than who reads the summary
    session.pass_guard()
    with batch_folder.locked(options.timeout + LOCK_WAIT, lambda: _go_on(throttle)):
        if before:  # once more: the run that this one waited for may have changed what it looks at
            before(row_file)
        batch_folder.read()
        check_rows(row_file, batch_folder, builder(session, call), lambda: _go_on(throttle))
        batch_folder.open()
        throttle.limit(min(row_file.total, most or row_file.total))
        tally = Tally(row_file.total, batch_folder)
        Workers(row_file, batch_folder, session, call, throttle, tally).work()
        _close(batch_folder, tally, session, files)
        _call_after(after, batch_folder.folder, console)
        return report(tally, row_file, batch_folder, session)


def take_batch(session, make_parser, tick=lambda: None, *, allowed=(), **row_settings) -> tuple:
    """The rows of --batch and their folder, for a run: its flags are checked, of which those `allowed` go
    with this batch though not with others, and remarks on the rows are shown. Raises usage."""
    folder = _check_flags(session.options, make_parser, allowed)
    return _remarked(session, *open_batch(session, make_parser, folder, tick, **row_settings))


def _remarked(session, row_file, batch_folder) -> tuple:
    for remark in row_file.remarks():
        session.console.warn(remark)
    return row_file, batch_folder


def open_batch(session, make_parser, folder: str, tick=lambda: None, *, main: str = "prompt", instead=(),
               files=None, recoverable=None) -> tuple:
    """The rows of --batch, all of them looked at, and what is known of them in the folder. Raises usage.

    `main` is the main input's name in a row and in the options; a row may lack it where one of the flags
    `instead` is there. `files(output)`, of a skill that writes files, is the stem of their names.
    `recoverable(row)` gives the journal's record of a row that was begun, by which the skill can find out what
    became of it; None without one.
    `tick()` is called at each line.
    """
    options = session.options
    row_file = RowFile(options.batch, _row_defaults(options), make_parser, folder, main=main, instead=instead,
                       files=files, holds_key=session.console.holds_key)
    row_file.check(tick)
    return row_file, BatchFolder(folder, row_file, session.console, again=options.again,
                                 recoverable=recoverable, table=row_file.source.is_table or options.csv,
                                 overwrite=options.overwrite)


def look_at_batch(session, make_parser, **row_settings) -> tuple:
    """The rows of --batch and what is known of them, for --estimate, with remarks on the rows. Nothing is
    written."""
    output = session.options.output
    row_file, batch_folder = _remarked(
        session, *open_batch(session, make_parser, _folder_of(output or "."), **row_settings))
    if output:
        batch_folder.read()
    return row_file, batch_folder


def check_rows(row_file: RowFile, batch_folder: BatchFolder, build, tick=lambda: None) -> None:
    """`build(row)` each row that is to be paid, which sends nothing. Raises one usage Failure that names those
    that are illegal. What a row that is only fetched names may be gone."""
    bad = BadRows(row_file.path)
    for row in row_file.rows():
        tick()
        if batch_folder.wants(row) and not batch_folder.is_paid(row):
            with bad.noting(row):
                build(row)
    bad.refuse()


def builder(session, call):
    """What builds the request of a row as `call` does, and sends nothing; a defect is left to the call."""
    def build(row) -> None:
        options = row.options()
        options.dry_run = True
        try:
            call(session.for_row(row, options, SilentConsole(session.console)))
        except Failure:
            raise
        except Exception:
            pass
    return build


def _close(batch_folder: BatchFolder, tally: Tally, session, files: bool) -> None:
    """Results that do not stand where they belong are a failure, whatever became of the rows."""
    try:
        return batch_folder.close(tally.under_way + len(tally.lost), getattr(session.options, "schema", None),
                                  files)
    except Failure as error:
        failure = error
    except InUse as error:
        failure = Failure(Exit.UNSAVED, f"{error.filename} could not be replaced: {error.strerror}",
                          fix="close that program, then run the same command again, or rename the new file")
    except OSError as error:
        failure = unsaved(error.filename or batch_folder.results, error)
    if not tally.end or tally.end.message == failure.message:
        tally.end = failure
    elif tally.end.exit_code != Exit.UNSAVED:
        session.console.warn(failure.message, failure.fix)


def _check_flags(options, make_parser, allowed) -> str:
    """Refuse what does not go with --batch; return the output folder."""
    parser = make_parser()
    for name in NOT_WITH_BATCH:
        if getattr(options, name, None) != parser.get_default(name) and name not in allowed:
            raise usage(f"--{name.replace('_', '-')} does not go with --batch", "leave one of them out")
    if options.batch == "-":
        raise usage("--batch - is not possible: the file is read twice", "save the rows as a file")
    if not options.output or options.output == "-":
        raise usage("--batch needs --output: the folder for results.jsonl and the files of the rows",
                    "add -o FOLDER/")
    folder = _folder_of(options.output)
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise usage(f"--output {options.output} is not a folder",
                    "name a folder; it is created if absent")
    return folder


def _folder_of(output: str) -> str:
    return expanded(output).rstrip("/" + os.sep) or "/"


def _row_defaults(options):
    """What all rows have in common; `batch` stays set,
    so that the key is judged as one that is used for a batch."""
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
    shown = first.captured if first else None
    session.console.document({"rows": row_file.total, "would_send": missing, "first": shown})
    return Exit.OK


def _call_after(after, folder: str, console: Console) -> None:
    if after:
        try:
            after(folder)
        except Failure as failure:
            console.warn(failure.message, failure.fix)
