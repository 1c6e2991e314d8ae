"""`--batch FILE.jsonl` or `FILE.csv`: many calls by some threads, each row paid once, whatever happens in
between.

In the output folder, `results.jsonl` gets one line a row: `id`, `row` (its line), `key`, and the skill's JSON
document. Run again, a batch does what is missing: rows that failed are retried, those that succeeded stay,
and those whose outcome nobody knows (killed under way, or the connection broke before the answer) are not
paid again unasked.
"""
from __future__ import annotations

import copy
import json
import os

from ..cli.console import Console
from ..failures import Exit, Failure, usage
from ..files.whole import InUse
from ..tasks.commands import cancel, check_same_account, check_same_skill, show_status
from ..tasks.journal import Journal, journal_of, resume_command
from .api import ApiBatch, check_endpoint, find_record, live_record
from .folder import BatchFolder
from .rows import NOT_WITH_BATCH, RowFile
from .service import Jobs
from .tally import report, Tally
from .throttle import Throttle
from .worker import listen
from .workers import RowConsole, Workers

CONCURRENCY = 4
_LOCK_WAIT = 60.0  # seconds beyond --timeout that another run may take to finish its rows


def run_batch(session, call, make_parser, *, main: str = "prompt", instead=(), files: bool = False,
              recoverable=None,
              after=None, most: int = 0, table=None) -> Exit:
    """Do all rows of --batch that are not done yet, each by `call(session of the row)`.

    `main` is the main input's name in a row and in the options; a row may lack it where one of the flags
    `instead` is there. `files`: the skill writes files, so each row has an output folder. `recoverable(row)`
    tells of a row in doubt that the skill can find out by itself what became of it. `after(folder)` is called
    at the end. `most` workers are useful, 0 where that is not known.
    """
    options, console = session.options, session.console
    throttle = Throttle(options.concurrency or CONCURRENCY)
    listen(throttle.stop)
    folder = _check_flags(options, make_parser)
    row_file = RowFile(options.batch, _row_defaults(options), make_parser, folder, main=main, instead=instead,
                       files=files)
    row_file.check(lambda: _go_on(throttle))
    for remark in row_file.remarks():
        console.warn(remark)
    batch_folder = BatchFolder(folder, row_file, console, again=options.again, recoverable=recoverable,
                               table=row_file.source.is_table or options.csv)
    api = (ApiBatch(session, call, table, row_file, batch_folder, journal_of(session))
           if options.batch_api else None)
    if options.dry_run:
        batch_folder.read()
        return api.dry_run() if api else _dry_run(row_file, batch_folder, session, call)
    if api:
        return _through_api(api, session, batch_folder)
    _refuse_under_way(session, folder)
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


def _through_api(api: ApiBatch, session, batch_folder: BatchFolder, record: dict | None = None) -> Exit:
    """Go on with the jobs of this folder, or make some of the rows that are missing."""
    check_endpoint(session.endpoint)
    session.pass_guard()
    with batch_folder.locked(session.options.timeout + _LOCK_WAIT, lambda: None):
        record = record and api.journal.read(record["id"]) or live_record(api.journal, session.skill,
            batch_folder.folder)
        if record and record["flags"] != json.loads(json.dumps(api.flags)):
            raise _under_way(record, api.journal)
        batch_folder.read()
        return api.run(record)


def _refuse_under_way(session, folder: str) -> None:
    """Rows that a job has are not sent again by direct calls."""
    if session.options.has_api and os.path.isabs(session.account.state):
        journal = journal_of(session)
        record = live_record(journal, session.skill, folder)
        if record:
            raise _under_way(record, journal)


def _under_way(record: dict, journal: Journal) -> Failure:
    command = resume_command(record["id"], journal)
    return Failure(Exit.RUNNING,
        f"jobs of the Batch API are under way for the rows in {record['output']}; nothing was sent",
                   fix=f"fetch them first: {command} (or give --cancel in place of "
                       "--resume)", task_id=record["id"],
                   resume=command)


def later(session, call, make_parser, table, *, main: str = "prompt", instead=(), **_) -> Exit | None:
    """--status, --cancel and --resume of jobs of the Batch API."""
    options, console, journal = session.options, session.console, journal_of(session)
    given = options.status or options.cancel or options.resume
    record = find_record(journal, given)
    if record is None:
        raise usage(f"{given} is not in the journal {journal.folder}",
                    "--tasks lists what is there; set XDG_STATE_HOME and HOME "
                    "as they were when it was made")
    check_same_skill(record, session.skill)
    check_same_account(record, session.endpoint)
    if not options.resume:
        runner = Jobs(session.client(), journal, console, record)
        return (show_status if options.status else cancel)(record["id"], runner, journal, console)
    session.options = options = _options_of(record, options, make_parser)
    row_file = RowFile(options.batch, _row_defaults(options), make_parser, options.output, main=main,
                       instead=instead)
    row_file.check()
    batch_folder = BatchFolder(options.output, row_file, console, again=False, recoverable=None,
                               table=record["csv"])
    return _through_api(ApiBatch(session, call, table, row_file, batch_folder, journal), session,
                        batch_folder, record)


def _options_of(record: dict, now, make_parser):
    """The options of the command that made the jobs; how to wait and what to say are those of now."""
    try:
        os.chdir(record["cwd"])  # files that rows name are looked up from there
    except OSError as error:
        raise usage(f"the working directory of the batch, {record['cwd']}, cannot be entered: "
                    f"{error.strerror}",
                    "make it available again; the service keeps results for 30 days") from None
    options = make_parser().parse_args([])
    vars(options).update(record["flags"])
    for name in ("json", "quiet", "verbose", "timeout", "retries", "max_wait", "no_wait", "poll",
                 "keep_documents"):
        setattr(options, name, getattr(now, name))
    options.batch, options.output, options.batch_api = record["batch"], record["output"], True
    options.any_files, options.window, options.csv = record["any_files"], record["window"], record["csv"]
    return options


def rows_to_do(options, make_parser, console: Console, *, main: str = "prompt", instead=(),
               files: bool = False, recoverable=None):
    """The rows of --batch that a run would send now: what --estimate counts. Nothing is written."""
    folder = (options.output or ".").rstrip("/" + os.sep) or "/"
    row_file = RowFile(options.batch, options, make_parser, folder, main=main, instead=instead, files=files)
    row_file.check()
    batch_folder = BatchFolder(folder, row_file, console, again=getattr(options, "again", False),
                               recoverable=recoverable)
    if options.output:
        batch_folder.read()
    return (row for row in row_file.rows() if batch_folder.wants(row))


def _close(batch_folder: BatchFolder, tally: Tally, session, files: bool) -> None:
    try:
        batch_folder.close(tally.under_way, getattr(session.options, "schema", None), files)
    except InUse as error:
        session.console.warn(f"{error.filename} could not be replaced: {error.strerror}",
                             "close that program, then rename it")
    except OSError as error:
        session.console.warn(f"{error.filename or batch_folder.results} may not be on the disk itself: "
                             f"{error.strerror}",
                             "check it before relying on it")


def _check_flags(options, make_parser) -> str:
    """Refuse what does not go with --batch; return the output folder."""
    parser = make_parser()
    for name in NOT_WITH_BATCH:
        if getattr(options, name, None) != parser.get_default(name) and not (options.batch_api
            and name == "no_wait"):
            raise usage(f"--{name.replace('_', '-')} does not go with --batch", "leave one of them out")
    if options.batch == "-":
        raise usage("--batch - is not possible: the file is read twice", "save the rows as a file")
    if not options.output or options.output == "-":
        raise usage("--batch needs --output: the folder for results.jsonl and the files of the rows",
                    "add -o FOLDER/")
    if os.path.lexists(options.output) and not os.path.isdir(options.output):
        raise usage(f"--output {options.output} is not a folder",
                    "name a folder; it is created if absent")
    return options.output.rstrip("/" + os.sep) or "/"


def _row_defaults(options):
    """What all rows have in common; `batch` stays set, so that the key is judged as one that is used for a
    batch."""
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
    session.console.document({"rows": row_file.total, "would_send": missing, "first": first.captured if first
                              else None})
    return Exit.OK


def _call_after(after, folder: str, console: Console) -> None:
    if after:
        try:
            after(folder)
        except Failure as failure:
            console.warn(failure.message, failure.fix)
