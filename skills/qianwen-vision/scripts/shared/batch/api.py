"""`--batch-api`: the rows of a batch through the service's Batch API, into the same results as direct calls.

A command's jobs are one record of the journal; the folder of results learns of a row only when its outcome is
fetched. So a run that ends anywhere goes on with the same command, or with `--resume` and the record's id.
"""
from __future__ import annotations

import json
import os
import shutil

from ..failures import Exit, Failure, usage
from ..money.cost import document, FREE
from ..tasks.bill import cost_counted
from ..tasks.commands import show_fetched
from ..tasks.journal import Journal, READY, resume_command, RUNNING
from ..words import counted
from .bad_rows import BadRows
from .folder import BatchFolder
from .job_facts import MERGED
from .job_files import job_folder, JobFiles, sweep
from .landing import Landing
from .service import Jobs, KIND, LIFE, PACE
from .stored import body_of, interruptible, StoredSession, Taken
from .worker import GO_ON
from .workers import RowConsole

REGIONS = ("cn-beijing", "ap-southeast-1")
_LOOPBACK = "loopback"
_WITH_BATCH = "run the command with --batch again: it does only what is missing, in a new job"


class ApiBatch:
    """The rows of one RowFile that go through the Batch API.
    `call(session of the row)` is the same as for direct calls. `resumed`: the command names the jobs."""

    def __init__(self, session, call, table, row_file, batch_folder: BatchFolder, journal: Journal,
                 resumed: bool = False):
        self._session, self._call, self._table = session, call, table
        self.rows, self._folder, self.journal = row_file, batch_folder, journal
        self._console, self._options = session.console, session.options
        self._resumed = resumed
        self._landing = Landing(session, call, table, row_file, batch_folder, journal,
                                _WITH_BATCH if resumed else GO_ON)

    @property
    def flags(self) -> dict:
        return self.rows.flags

    # -- from the command to the jobs

    def run(self, record: dict | None) -> Exit:
        """Make jobs of what is missing, or go on with a `record` of before; wait, and fetch what is done."""
        # all is fetched, and the account is not tidied yet
        if record and all(job["state"] == MERGED for job in record["jobs"]):
            self._landing.tidy(self.jobs(record))
            if self._resumed:  # rows that failed are sent again by the batch's own command alone
                return show_jobs_fetched(record["id"], self.journal, self._session)
            record = None
        record = record or self._new_record()
        if record is None:
            return self._landing.nothing_to_do()
        jobs = self.jobs(record)
        try:
            jobs.submit_all()
            if self._options.no_wait:
                if jobs.refused:
                    raise jobs.refused
                return self._submitted(record, *jobs.bill(self._session))
            if record["state"] != READY:
                jobs.wait(record, self._options.max_wait)
        except Failure as failure:
            self._forget_unsent(jobs, failure)
            failure.billing, failure.bill = jobs.bill(self._session)
            raise
        return self._landing.fetch(jobs)

    def jobs(self, record: dict) -> Jobs:
        most = self._options.poll
        if most and self._session.endpoint.kind != _LOOPBACK:
            most = max(60.0, most)
        pace = (most, most) if most and most < PACE[0] else (PACE[0], max(PACE[0], most or PACE[1]))
        return Jobs(self._session.client(), self.journal, self._console, record, pace, self._session.payments)

    def _new_record(self) -> dict | None:
        """The record with the files of all rows to do; None when nothing is missing.
        Nothing has been sent yet. Raises Failure."""
        self.journal.prove()
        sweep(self.journal)
        record = self.journal.new(self._console.skill, life=LIFE, kind=KIND, window=self._options.window,
                                  jobs=[], **self._facts())
        record["task_id"] = record["id"]
        folder = job_folder(self.journal, record)
        try:
            record["jobs"] = self._write_files(folder)
            if record["jobs"]:
                models = sorted({job["model"] for job in record["jobs"]})
                record.update(state=RUNNING, model=", ".join(models))
                first = record["jobs"][0]
                self._session.payments.check(first["model"], cost_counted(first))
                self.journal.write(record)
                return record
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise usage(f"{folder} cannot be written: {error.strerror}",
                        "make room there, or set XDG_STATE_HOME to another folder") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def _facts(self) -> dict:
        """What a later run needs to know, to fetch the results as this one would."""
        flags = self.rows.flags
        if self._console.redact_result(flags) != flags:
            raise usage("the flags contain the key, but flags are written to the journal",
                        "remove it from the flags")
        endpoint = self._session.endpoint
        return {"prompt": f"{self.rows.path} to {self._folder.folder}/",
                "endpoint": endpoint.origin + endpoint.prefix, "model": "",
                "flags": json.loads(json.dumps(flags)), "batch": os.path.abspath(self.rows.path),
                "output": os.path.realpath(self._folder.folder), "cwd": os.getcwd(),
                "csv": bool(self._folder.table), "any_files": bool(self._options.any_files),
                "overwrite": bool(self._options.overwrite)}

    def _write_files(self, folder: str) -> list:
        files, bad = JobFiles(folder), BadRows(self.rows.path)
        for row in self.rows.rows():
            if self._folder.wants(row):
                with bad.noting(row):
                    files.add(row.key, *self.request(row))
        jobs = files.close()
        bad.refuse()
        return jobs

    def request(self, row) -> tuple:
        """The body of a row, checked as for a direct call, and its expected Cost. Raises Failure."""
        try:
            with interruptible():
                self._call(StoredSession(self._session, row, row.options(), RowConsole(self._console)))
        except Taken as taken:
            return body_of(taken.request, self._table), taken.cost
        raise usage("this row sends nothing")

    def _forget_unsent(self, jobs: Jobs, failure: Failure) -> None:
        """Where surely nothing was created, nothing is left to go on with."""
        unsent = all(job["state"] in ("written", "uploaded") for job in jobs.jobs)
        if not unsent or failure.exit_code == Exit.INTERRUPTED:
            return
        try:
            jobs.delete_files()
        except KeyboardInterrupt:  # the record stays, and the next run goes on with what is uploaded
            return
        self._landing.forget(jobs.record)
        failure.resume, failure.task_id = "", ""
        failure.fix = (failure.fix.rpartition("go on with: ")[0].rpartition("; then ")[0]
                       or "run the same command again")

    def _submitted(self, record: dict, billing: dict, line: str) -> Exit:
        console, command = self._console, resume_command(record["id"], self.journal)
        if not console.json_mode:
            console.result(record["id"] + "\n")
            jobs = counted(len(record["jobs"]), "job")
            console.note(f"{jobs} under way; fetch the results with: {command}")
        if line:
            console.note(line)
        if console.json_mode:
            console.document({"ok": True, "skill": console.skill, "model": record["model"],
                              "task_id": record["id"], "resume": command,
                              "jobs": [shown(job) for job in record["jobs"]],
                              "billing": billing or _free(self._session), "warnings": console.warnings})
        return Exit.OK


def show_jobs_fetched(given: str, journal: Journal, session) -> Exit | None:
    """`--resume` of jobs that are fetched already; None where that is not known."""
    note = journal.fetched(given)
    if note is None:
        return None
    show_fetched(given, note, _free(session), session.console)
    return Exit.OK


def _free(session) -> dict:
    """`billing` of a command that made no job."""
    return {"plan": session.verdict.key.billing, "units": {}, "cost": document(FREE)}


def shown(job: dict) -> dict:
    """What documents tell of a job."""
    return {name: job[name] for name in ("batch", "model", "rows", "bytes", "status")
            if job.get(name) not in (None, "")}


def live_record(journal: Journal, skill: str, row_file) -> dict | None:
    """The jobs that are under way for the folder of a RowFile; else those of the same rows whose folder is no
    longer there, because it got another name."""
    real, rows = os.path.realpath(row_file.folder), [os.path.abspath(row_file.path), row_file.flags]
    records = [record for record in journal.all() if record.get("kind") == KIND and record["skill"] == skill]
    here = (record for record in records if record.get("output") == real)
    moved = (record for record in records if not os.path.lexists(record.get("output", ""))
             and [record.get("batch"), record.get("flags")] == json.loads(json.dumps(rows)))
    return next(here, None) or next(moved, None)


def find_record(journal: Journal, given: str) -> dict | None:
    """The record with this id, be it its own or one of its jobs'."""
    return journal.find(given) or next(
        (record for record in journal.all() if record.get("kind") == KIND
         and any(job.get("batch") == given for job in record.get("jobs", ()))), None)


def check_endpoint(endpoint) -> None:
    """The Batch API is not in all regions. Raises usage."""
    if endpoint.kind == "dashscope" and endpoint.region not in REGIONS:
        raise usage(f"the Batch API is not offered in {endpoint.region or endpoint.host}",
                    f"use {' or '.join(REGIONS)} (QWEN_REGION), or leave out --batch-api")
