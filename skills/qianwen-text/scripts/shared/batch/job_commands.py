"""What commands do with jobs of the Batch API: --batch-api, --tasks, --status, --cancel and --resume."""
from __future__ import annotations

import contextlib
import json
import os

from ..failures import Exit, Failure, usage
from ..tasks.commands import (
    cancel, check_same_account, check_same_skill, list_tasks, say_status, show_status
)
from ..tasks.flags import check_single
from ..tasks.journal import Journal, journal_of, resume_command
from .api import ApiBatch, check_endpoint, find_record, live_record, show_jobs_fetched
from .folder import BatchFolder
from .job_facts import MERGED, with_way
from .job_preview import show_costs, show_requests
from .many import LOCK_WAIT, look_at_batch, open_batch, take_batch
from .service import Jobs


def run_jobs(session, call, make_parser, table, **row_settings) -> Exit:
    """`--batch-api`: make jobs of the rows that are missing, or go on with those of before. With --estimate
    or --dry-run: what they would cost, or what would be sent."""
    options = session.options
    check_endpoint(session.endpoint)
    if options.estimate:
        row_file, batch_folder = look_at_batch(session, make_parser, **row_settings)
    else:
        row_file, batch_folder = take_batch(session, make_parser, allowed=("no_wait",), **row_settings)
    api = ApiBatch(session, call, table, row_file, batch_folder, journal_of(session))
    if not options.estimate and not options.dry_run:
        return _run(api, session, batch_folder)
    record = _live_record(api, session) if options.output else None
    if record and all(job["state"] == MERGED for job in record["jobs"]):
        record = None
    if options.dry_run:
        batch_folder.read()
    show = show_costs if options.estimate else show_requests
    return show(session, api, row_file, batch_folder, record)


def _run(api: ApiBatch, session, batch_folder: BatchFolder, record: dict | None = None) -> Exit:
    """Go on with the jobs of this folder, or make some of the rows that are missing."""
    check_endpoint(session.endpoint)
    session.pass_guard()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(batch_folder.locked(session.options.timeout + LOCK_WAIT, lambda: None))
            record = _live_record(api, session, record)
            if record:
                _bring_to(batch_folder.folder, api.jobs(record))
            batch_folder.read()
        except Failure as failure:
            known = record or live_record(api.journal, session.skill, api.rows)
            raise with_way(failure, known, api.journal) if known and not failure.resume else failure
        return api.run(record)


def _live_record(api: ApiBatch, session, record=None) -> dict | None:
    """The jobs that are under way for this folder, those of `record` as they are now.
    Raises Failure where they were made with other flags."""
    record = (record and api.journal.read(record["id"])
              or live_record(api.journal, session.skill, api.rows))
    if record and record["flags"] != json.loads(json.dumps(api.flags)):
        raise _under_way(record, api.journal)
    return record


def refuse_under_way(session, row_file) -> None:
    """Rows that a job has are not sent again by direct calls."""
    journal = journal_of(session)
    record = live_record(journal, session.skill, row_file)
    if record:
        _bring_to(row_file.folder, Jobs(session.client(), journal, session.console, record))
        raise _under_way(record, journal)


def _bring_to(folder: str, jobs: Jobs) -> None:
    """What the jobs bring goes to the folder of results, also where that has got another name meanwhile."""
    real, before = os.path.realpath(folder), jobs.record["output"]
    if real != before:
        jobs.record.update(output=real, prompt=f"{jobs.record['batch']} to {folder}/")
        jobs.save()
        jobs.console.note(f"{before} is gone, so the results of its jobs go to {folder}")


def _under_way(record: dict, journal: Journal) -> Failure:
    command = resume_command(record["id"], journal)
    return Failure(
        Exit.RUNNING,
        f"jobs of the Batch API are under way for the rows in {record['output']}; nothing was sent",
        fix=f"fetch them first: {command} (or give --cancel in place of --resume)",
        task_id=record["id"], resume=command)


def about_jobs(session, call, make_parser, table, **row_settings) -> Exit | None:
    """--tasks, --status, --cancel and --resume."""
    options, console = session.options, session.console
    check_single(options, make_parser, ("keep_documents",))
    journal = journal_of(session)
    if options.tasks:
        return list_tasks(journal, console)
    given = options.status or options.cancel or options.resume
    note = journal.fetched(given) if find_record(journal, given) is None else None
    if note:
        return _after_the_fetch(given, note, journal, session)
    record = _record_of(given, journal, session)
    if options.resume:
        try:
            session.options = _options_of(record, options, make_parser)
            row_file, batch_folder = open_batch(session, make_parser, record["output"], **row_settings)
        except Failure as failure:
            raise with_way(failure, record, journal)
        api = ApiBatch(session, call, table, row_file, batch_folder, journal, resumed=True)
        return _run(api, session, batch_folder, record)
    runner = Jobs(session.client(), journal, console, record, payments=session.payments)
    if options.status:
        show_status(record["id"], record, runner, journal, console)
    else:
        cancel(record["id"], runner, journal, console)
    return None


def _after_the_fetch(given: str, note: dict, journal: Journal, session) -> Exit | None:
    """The same of jobs whose results are here."""
    if session.options.resume:
        return show_jobs_fetched(given, journal, session)
    said = f"fetched already to {', '.join(entry['path'] for entry in note['files'])}"
    if session.options.status:
        return say_status({"task_id": given, "status": "FETCHED", "message": said}, journal, session.console)
    raise Failure(Exit.FAILED, f"{given} cannot be cancelled: it has ended and was {said}", task_id=given)


def _record_of(given: str, journal: Journal, session) -> dict:
    """The record of the jobs with this id. Raises usage where none of this skill and endpoint has it."""
    record = find_record(journal, given)
    if record is None:
        raise usage(f"{given} is not in the journal {journal.folder}",
                    "--tasks lists what is there; set XDG_STATE_HOME and HOME as they were when it was made")
    check_same_skill(record, session.skill)
    check_same_account(record, session.endpoint)
    return record


def _options_of(record: dict, now, make_parser):
    """The options of the command that made the jobs; how to wait and what to say are those of now."""
    try:
        os.chdir(record["cwd"])  # files that rows name are looked up from there
    except OSError as error:
        raise usage(
            f"the working directory of the batch, {record['cwd']}, cannot be entered: {error.strerror}",
            "make it available again; the service keeps results for 30 days") from None
    options = make_parser().parse_args([])
    vars(options).update(record["flags"])
    for name in ("json", "quiet", "verbose", "timeout", "retries", "max_wait", "no_wait", "poll",
                 "keep_documents"):
        setattr(options, name, getattr(now, name))
    options.batch, options.output, options.batch_api = record["batch"], record["output"], True
    options.any_files, options.window, options.csv = record["any_files"], record["window"], record["csv"]
    options.overwrite = record.get("overwrite", False)
    return options
