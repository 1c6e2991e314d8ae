"""`--batch-api`: the rows of a batch through the service's Batch API, into the same results as direct calls.

A command's jobs are one record of the journal; the folder of results learns of a row only when its outcome is
fetched. So a run that ends anywhere goes on with the same command, or with `--resume` and the record's id.
"""
from __future__ import annotations

import contextlib
import json
import os
import shutil

from ..chat.price import charged
from ..cli.failed import defect, failure_document
from ..failures import BAD_FORM, Exit, Failure, usage
from ..files.own import make_private
from ..files.whole import Temporary
from ..money.cost import document, FREE
from ..tasks.bill import cost_counted
from ..tasks.commands import show_fetched
from ..tasks.journal import Journal, READY, resume_command, RUNNING
from ..transport.context import ServiceError
from ..words import counted
from .bad_rows import BadRows
from .folder import BatchFolder
from .job_files import job_folder, JobFiles, sweep
from .outcomes import Outcomes, raw_answer
from .service import Jobs, KIND, LIFE, MERGED, PACE, share_of
from .stored import body_of, Costs, StoredSession, Taken
from .tally import report, Tally
from .worker import GO_ON
from .workers import doubt_document, RowConsole

REGIONS = ("cn-beijing", "ap-southeast-1")
_LOOPBACK = "loopback"
_NO_RESULT = "no result of this row can be read: the service may have billed it"
_WITH_BATCH = "run the command with --batch again: it does only what is missing, in a new job"
_ODD_FIX = "what came is in partial.line; run the command again with --again to resend such rows"


class ApiBatch:
    """The rows of one RowFile that go through the Batch API.
    `call(session of the row)` is the same as for direct calls. `resumed`: the command names the jobs."""

    def __init__(self, session, call, table, row_file, batch_folder: BatchFolder, journal: Journal,
                 resumed: bool = False):
        self._session, self._call, self._table = session, call, table
        self._rows, self._folder, self.journal = row_file, batch_folder, journal
        self._console, self._options = session.console, session.options
        self._resumed, self._go_on = resumed, _WITH_BATCH if resumed else GO_ON
        self._costs = Costs()
        self._unread: Failure | None = None  # why a file of results could not be read

    @property
    def flags(self) -> dict:
        return self._rows.flags

    # -- from the command to the jobs

    def run(self, record: dict | None) -> Exit:
        """Make jobs of what is missing, or go on with a `record` of before; wait, and fetch what is done."""
        # all is fetched, and the account is not tidied yet
        if record and all(job["state"] == MERGED for job in record["jobs"]):
            self._tidy(self.jobs(record))
            if self._resumed:  # rows that failed are sent again by the batch's own command alone
                return show_jobs_fetched(record["id"], self.journal, self._session)
            record = None
        is_new, record = record is None, record or self._new_record()
        if record is None:
            return self._nothing_to_do()
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
            if is_new:
                failure.billing, failure.bill = jobs.bill(self._session)
            raise
        return self._fetch(jobs)

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
        flags = self._rows.flags
        if self._console.redact_result(flags) != flags:
            raise usage("the flags contain the key, but flags are written to the journal",
                        "remove it from the flags")
        endpoint = self._session.endpoint
        return {"prompt": f"{self._rows.path} to {self._folder.folder}/",
                "endpoint": endpoint.origin + endpoint.prefix, "model": "",
                "flags": json.loads(json.dumps(flags)), "batch": os.path.abspath(self._rows.path),
                "output": os.path.realpath(self._folder.folder), "cwd": os.getcwd(),
                "csv": bool(self._folder.table), "any_files": bool(self._options.any_files)}

    def _write_files(self, folder: str) -> list:
        files, bad = JobFiles(folder), BadRows(self._rows.path)
        for row in self._rows.rows():
            if self._folder.wants(row):
                with bad.noting(row):
                    files.add(row.key, *self.request(row))
        jobs = files.close()
        bad.refuse()
        return jobs

    def request(self, row) -> tuple:
        """The body of a row, checked as for a direct call, and its expected Cost. Raises Failure."""
        try:
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
        self._forget(jobs.record)
        failure.resume, failure.task_id = "", ""
        failure.fix = (failure.fix.rpartition("go on with: ")[0].rpartition("; then ")[0]
                       or "run the same command again")

    def _forget(self, record: dict) -> None:
        if all(job["state"] == MERGED for job in record["jobs"]):
            paths = filter(None, (self._folder.results, self._folder.table))
            record.update(state=READY, saved={path: {"path": os.path.abspath(path)} for path in paths})
        shutil.rmtree(job_folder(self.journal, record), ignore_errors=True)
        self.journal.remove(record)

    def _submitted(self, record: dict, billing: dict, line: str) -> Exit:
        console, command = self._console, resume_command(record["id"], self.journal)
        if not console.json_mode:
            console.result(record["id"] + "\n")
            jobs = counted(len(record["jobs"]), "job")
            console.note(f"{jobs} under way; fetch the results with: {command}")
        console.note(line)
        if console.json_mode:
            console.document({"ok": True, "skill": console.skill, "model": record["model"],
                              "task_id": record["id"], "resume": command,
                              "jobs": [shown(job) for job in record["jobs"]], "billing": billing,
                              "warnings": console.warnings})
        return Exit.OK

    def _nothing_to_do(self) -> Exit:
        tally = Tally(self._rows.total, self._folder, self._go_on)
        self._folder.open()
        self._note_doubts(tally)
        return self._report(tally)

    # -- from the results to the folder

    def _fetch(self, jobs: Jobs) -> Exit:
        """Bring what the jobs did into the folder, once, whatever ends the run in between;
        then tidy the account."""
        tally = Tally(self._rows.total, self._folder, self._go_on)
        with contextlib.ExitStack() as stack:
            outcomes = self._download(jobs, stack)
            if self._unread and not len(outcomes):
                raise self._unread
            self._folder.open()
            self._merge(outcomes, tally, bool(jobs.record["stay"]) and not self._unread)
        tally.end = self._unread or jobs.end_of(tally)
        return self._report(tally) if self._unread else self._report(tally, lambda: self._settle(jobs))

    def _settle(self, jobs: Jobs) -> None:
        """The results are on disk: say so in the record before the files of the account go."""
        jobs.settle(self._costs)
        jobs.fetched()
        if jobs.is_done():
            self._tidy(jobs)

    def _tidy(self, jobs: Jobs) -> None:
        stay = jobs.record.get("stay")
        if stay:
            known = (job.get(name) for job in jobs.jobs for name in ("output", "errors", "batch"))
            self._console.warn(f"{stay}, so the files stay in the account: {', '.join(filter(None, known))}",
                               "look into them in the console of the service, and delete them there")
        elif not self._options.keep_documents:
            jobs.delete_files()
        self._forget(jobs.record)

    def _download(self, jobs: Jobs, stack) -> Outcomes:
        """All results of the jobs in temporary files, found by the key of their row.
        Raises Failure with the way to go on."""
        outcomes, folder = Outcomes(), job_folder(self.journal, jobs.record)
        if not any(job["state"] == MERGED for job in jobs.jobs):
            jobs.record["stay"] = ""  # why the files stay in the account
        try:
            make_private(folder)
            for job in jobs.to_fetch():
                files = filter(None, (job.get("errors"), job.get("output")))  # a row in both succeeded
                found = sum(self._fetched(jobs, job, file_id, folder, outcomes, stack) for file_id in files)
                if found < job.get("done", 0) and job["status"] != "failed":
                    jobs.record["stay"] = "the service counted more rows than its result files have"
                    for _ in range(job["done"] - found):
                        self._count({"job": job})
        except Failure as failure:
            raise jobs.with_way(failure)
        except OSError as error:
            raise jobs.with_way(Failure(
                Exit.UNSAVED, f"the results could not be saved in {folder}: {error.strerror}",
                fix="make room there")) from error
        if outcomes.odd:
            lines = counted(outcomes.odd, "line")
            jobs.record["stay"] = f"the results have {lines} that cannot be read or name no row"
        outcomes.seal()
        return outcomes

    def _fetched(self, jobs: Jobs, job: dict, file_id: str, folder: str, outcomes: Outcomes, stack) -> int:
        """How many rows a file of results has. One that came damaged is fetched once more."""
        temporary = Temporary(folder)
        stack.callback(temporary.discard)
        file = temporary.create().file
        for is_last in (False, True):
            jobs.fetch(file_id, file)
            found = outcomes.add(file, is_last, job)
            if found is not None:
                return found
        self._unread = jobs.with_way(Failure(
            Exit.NETWORK, f"the results {file_id} cannot be read",
            "a proxy or a log-in page answers instead of the service, or the download is incomplete",
            accepted="maybe"))
        return 0

    def _merge(self, outcomes: Outcomes, tally: Tally, some_are_lost: bool) -> None:
        """Save what came of the rows; where `some_are_lost`, rows without a result may be these."""
        seen = 0
        for row in self._rows.rows():
            outcome = outcomes.get(row.key)
            seen += outcome is not None
            if self._folder.skipped(row.key):
                if outcome is not None:  # an earlier run saved it, and was cut off before it could sum up
                    self._document(row, outcome)
                continue
            if outcome is not None:
                self._record(row, self._document(row, outcome), tally)
            elif not self._folder.wants(row):
                self._record(row, doubt_document(self._console), tally)
            elif some_are_lost:
                self._record(row, doubt_document(self._console, _NO_RESULT), tally)
        if seen < len(outcomes):
            lost = counted(len(outcomes) - seen, "result")
            self._console.warn(f"the file {self._rows.path} no longer has the rows of {lost}, "
                               "saved at the end of results.jsonl")
            self._save_orphans(outcomes)

    def _note_doubts(self, tally: Tally) -> None:
        for row in self._rows.rows():
            if not self._folder.skipped(row.key) and not self._folder.wants(row):
                self._record(row, doubt_document(self._console), tally)

    def _record(self, row, document: dict, tally: Tally) -> None:
        self._write(row, document)
        tally.begin()
        tally.add(row, document, begun=True)

    def _write(self, row, document: dict) -> None:
        try:
            self._folder.record(row, document)
        except OSError as error:
            raise Failure(Exit.UNSAVED, f"{self._folder.folder} cannot be written: {error.strerror}",
                          fix="make room there, then " + GO_ON) from error

    def _save_orphans(self, outcomes: Outcomes) -> None:
        """Answers whose row is gone are paid all the same."""
        from .rows import Row
        for key, outcome in outcomes.items():
            if key in self._rows.keys:
                continue
            billing = self._count(outcome)
            if not self._folder.skipped(key):
                answer = self._console.redact_result(raw_answer(outcome))
                self._write(Row(0, None, key, None), {"ok": "body" in outcome, "skill": self._console.skill,
                                                      **answer, **({"billing": billing} if billing else {})})

    def _count(self, outcome: dict) -> dict:
        """Count an answer that no row is made of; its `billing`, empty where it cost nothing."""
        if "message" in outcome:
            return {}
        job, usage = outcome["job"], outcome.get("body", outcome).get("usage")
        cost = charged(self._table.find(job["model"])[0], usage, self._session.endpoint.price_region, batch=True)
        self._costs.add(job["model"], cost, share_of(job))
        return {"units": cost.units, "cost": document(cost)}

    def _document(self, row, outcome: dict) -> dict:
        """The document of a row, made from its stored answer as from one that has just come."""
        console = RowConsole(self._console)

        def answer() -> dict:
            if "body" in outcome:
                return outcome["body"]
            raise self._explained(outcome)
        session = StoredSession(self._session, row, row.options(), console, answer, self._costs)
        try:
            self._call(session)
            return console.captured
        except Failure as error:
            failure = error
        except Exception as error:
            failure = defect(error, self._console)
        is_paid = "message" not in outcome
        is_odd = is_paid and (failure.code == BAD_FORM or failure.exit_code == Exit.UNEXPECTED)
        if is_paid and (is_odd or not failure.partial):
            failure.partial = raw_answer(outcome, is_odd)  # what the row bought is not lost
        if not session.payments.settled:
            failure.billing = self._count(outcome)
        if is_odd:
            failure.cause, failure.fix = "", _ODD_FIX
        document = failure_document(console, failure)
        return {**document, "in_doubt": True} if is_odd else document

    def _explained(self, outcome: dict) -> Failure:
        if "message" not in outcome:
            return Failure(Exit.FAILED, "the result of this row has a format this script cannot read",
                           code=BAD_FORM, accepted="maybe")
        failure = self._session.client().context.explain(ServiceError(
            outcome["status"] or 200, outcome["code"], outcome["message"], outcome["request_id"]))
        failure.http_status, failure.accepted = outcome["status"], "no"
        return failure

    def _report(self, tally: Tally, before=lambda: None) -> Exit:
        try:
            self._folder.close(0, getattr(self._options, "schema", None))
        except OSError as error:
            raise Failure(Exit.UNSAVED, f"{self._folder.folder} cannot be written: {error.strerror}",
                          fix="make room there, then " + GO_ON) from error
        before()
        self._console.ignore_broken_pipe = True
        return report(tally, self._rows, self._folder, self._session)


def show_jobs_fetched(given: str, journal: Journal, session) -> Exit | None:
    """`--resume` of jobs that are fetched already; None where that is not known."""
    note = journal.fetched(given)
    if note is None:
        return None
    billing = {"plan": session.verdict.key.billing, "units": {}, "cost": document(FREE)}
    show_fetched(given, note, billing, session.console)
    return Exit.OK


def shown(job: dict) -> dict:
    """What documents tell of a job."""
    return {name: job[name] for name in ("batch", "model", "rows", "bytes", "status")
            if job.get(name) not in (None, "")}


def live_record(journal: Journal, skill: str, folder: str) -> dict | None:
    """The jobs that are under way for a folder of results."""
    real = os.path.realpath(folder)
    return next((record for record in journal.all()
                 if record.get("kind") == KIND and record.get("output") == real
                 and record["skill"] == skill), None)


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
