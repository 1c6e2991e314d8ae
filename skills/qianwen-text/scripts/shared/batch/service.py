"""The service's Batch API: jobs made of files of rows, recorded on disk before each step,
so that no row is paid twice.

Wire facts: section 10 of the updates. A command's jobs are one record of the journal, with one id of its own.
"""
from __future__ import annotations

import contextlib
import os
from urllib.parse import quote, urlencode

from ..body import object_in, objects_in
from ..failures import BUDGET, Exit, Failure
from ..files.whole import remove
from ..money.cost import FREE, parts, total
from ..money.payments import correct
from ..tasks.bill import cost_counted, going_on
from ..tasks.journal import Journal, READY, resume_command, RUNNING
from ..tasks.polling import LIST_DELAY, Polled, SUCCEEDED
from ..transport.multipart import Multipart
from ..transport.request import Request
from ..transport.retries import Retries
from ..words import counted, data_size
from .job_facts import (
    check_stopped, CREATED, CREATING, ENDS, files_of, furthest, GONE, id_of, is_id, MERGED, number_of,
    reasons_of, UNKNOWN, UPLOADED, with_way, WRITTEN
)
from .job_files import URL
from .stored import Costs

KIND, LIFE = "batch", 44 * 86400  # seconds: the longest window, and 30 days of keeping a job after its end
PATIENCE = 10.0  # seconds that another command may take to write the record
PACE = (71.0, 300.0)  # seconds between two looks: at least 60, whatever the jitter of 15 % does
_PAGES = 20  # of a list: 100 jobs or 1000 files each


class Jobs(Polled):
    """The jobs of one record; `--status` and `--cancel` are those of tasks."""

    repeat = 300.0
    kept = "the service keeps jobs for 30 days after their end, and for the account that made them alone"

    def __init__(self, client, journal: Journal, console, record: dict, pace=PACE, payments=None, **clocks):
        super().__init__(client, journal, console, pace=pace, **clocks)
        self.record, self._payments = record, payments
        self._before = {job.get("batch") for job in record.get("jobs", ())}  # ids of jobs that earlier runs made
        self.refused: Failure | None = None  # the budget does not allow the rest of the jobs now

    @property
    def jobs(self) -> list:
        return self.record["jobs"]

    def _url(self, *parts: str) -> str:
        return "/".join([self.client.endpoint.compatible, *(quote(part, safe="") for part in parts)])

    def save(self, made: bool = False, looked: bool = False) -> None:
        """The record to disk, as far as it goes on: one that another command has removed does not rise again,
        unless a job was `made`; one that was cancelled makes no more. A command that only `looked` keeps jobs
        that another one has brought further. Raises Failure: without it a later step could be paid twice."""
        with self._written() as now:
            if now and looked:
                self.record["jobs"] = furthest(self.jobs, now["jobs"])
                self.record["state"] = READY if self._have_ended() and not self._knows_none() else RUNNING
            if now is None or now.get("cancelled"):
                self.record["cancelled"] = True
                self.record["jobs"] = [job for job in self.jobs if job["state"] in (CREATED, CREATING, MERGED)]
            if now is not None or made:
                self.journal.write(self.record)

    @contextlib.contextmanager
    def _written(self):
        """The block in which the record is written; it yields what another command has left of it."""
        try:
            with self.journal.fetching(self.record, PATIENCE) as now:
                yield now
        except OSError as error:
            raise self.with_way(Failure(
                Exit.UNSAVED, f"the journal {self.journal.folder} cannot be written: {error.strerror}",
                fix="make room there")) from error

    def with_way(self, failure: Failure) -> Failure:
        return with_way(failure, self.record, self.journal)

    # -- submit

    def submit_all(self) -> None:
        """Upload and create what is not created yet. Raises Failure with the way to go on; `refused` is that
        of a job over the budget where others are to be fetched first. One whose file is gone is left out."""
        self.record["jobs"] = [job for job in self.jobs if job["state"] != WRITTEN or os.path.isfile(job["file"])]
        try:
            for number, job in enumerate(self.jobs, 1):
                if job["state"] in (WRITTEN, UPLOADED, CREATING):
                    self._submit_job(job, number)
        except Failure as failure:
            self.with_way(failure)
            if failure.code != BUDGET or not self.to_fetch():
                raise
            self.refused = failure
            self.console.note(f"job {number} of {len(self.jobs)} waits: {failure.message}")
        except KeyboardInterrupt:
            raise self.with_way(Failure(Exit.INTERRUPTED, "interrupted while submitting the jobs",
                                         "a job that was created continues", accepted="maybe")) from None

    def _submit_job(self, job: dict, number: int) -> None:
        if job["state"] == WRITTEN:
            self._payments.check(job["model"], cost_counted(job))
            self.console.note(f"uploading job {number} of {len(self.jobs)}: {counted(job['rows'], 'row')}, "
                              f"{data_size(job['bytes'])}")
            form = Multipart({"purpose": "batch"}, job["file"], media_type="application/jsonl",
                             filename=self._name(number) + ".jsonl")
            # a second upload costs nothing
            reply = self.client.json(Request("POST", self._url("files"), form), Retries.READ)
            job["input"], job["state"] = id_of(reply, "file"), UPLOADED
            self.save()
        if job["state"] == CREATING and not self._find_patiently(job):
            self._correct(job, FREE)
            job["state"] = UPLOADED
        if job["state"] == UPLOADED:
            self._create(job, number)
        remove(job["file"])

    def _name(self, number: int) -> str:
        return f"{self.record['id']}-{number}"

    def _create(self, job: dict, number: int) -> None:
        """Create a job. One that may have been taken is looked for,
        and never created again before it is surely not there."""
        job["state"], job["asked"] = CREATING, self.journal.clock()
        self.record["state"] = RUNNING  # others may have ended already
        body = {"input_file_id": job["input"], "endpoint": URL, "completion_window": self.record["window"],
                "metadata": {"ds_name": self._name(number), "qianwen_job": job["hash"]}}
        try:
            with self._payments.paying(job["model"], cost_counted(job)) as payment:
                payment.note(job["counted"])
                self.save()
                self._check_wanted()
                reply = self.client.json(Request("POST", self._url("batches"), body), Retries.CREATE)
                job["batch"] = id_of(reply, "job")
                payment.goes_on(job["batch"])
        except Failure as failure:
            if failure.accepted != "maybe":
                job["state"] = UPLOADED
                self.save()
                raise
            if not self._found(job):
                failure.cause = (f"{failure.cause}. The service may have created the job, "
                                 "and then bills its rows").lstrip(". ")
                failure.fix = ""
                raise
        job["state"] = CREATED
        self.save(made=True)
        if self.record.get("cancelled"):  # while the service made it
            self._cancel_job(job)
            self._check_wanted()

    def _check_wanted(self) -> None:
        """No job is made, or goes on, for a batch that another command has cancelled. Raises Failure."""
        if self.record.get("cancelled"):
            raise Failure(Exit.FAILED, "the batch was cancelled by another command", accepted="no")

    def _found(self, job: dict) -> bool:
        try:
            return self._find(job)
        except Failure:  # the create's own failure says more
            return False

    def bill(self, session) -> tuple:
        """(`billing` of the document, its line for people) of the jobs that this run has created."""
        made = [job for job in self.jobs if job["state"] == CREATED and job["batch"] not in self._before]
        cost = total(cost_counted(job) for job in made)[0]
        what = f"{counted(sum(job['rows'] for job in made), 'row')} in {counted(len(made), 'job')}"
        return going_on(session, what, cost, cost.units) if made else ({}, "")

    def settle(self, costs: Costs) -> None:
        """The spending learns what the answers cost, model by model,
        in place of what was counted when jobs were made."""
        for model in dict.fromkeys(job["model"] for job in self.jobs):
            jobs = [job for job in self.to_fetch() if job["model"] == model and "counted" in job]
            cost, rows, doubts = costs.of(model)
            rest = max(0, rows - len(jobs))  # a row is a call, as in a batch of direct calls
            for job, part in zip(jobs, parts(cost, [job.get("done", 0) for job in jobs])):
                is_last = job is jobs[-1]
                self._correct(job, part, 1 + rest * is_last, doubts * is_last)
                del job["counted"]

    def _correct(self, job: dict, cost, calls: int = 1, doubts: int = 0) -> None:
        """Count a job with this cost in place of its estimate, on the day of its create."""
        correct(self._payments, job["model"], job["counted"], cost_counted(job), cost, job.get("batch", ""),
                calls, doubts)

    def _find_patiently(self, job: dict) -> bool:
        """Whether the job of an unclear create is there; a list may be some seconds behind."""
        while not self._find(job):
            left = LIST_DELAY - (self.journal.clock() - job.get("asked", 0))
            if not 0 < left <= LIST_DELAY:
                return False
            self.sleep(left)
        return True

    def _find(self, job: dict) -> bool:
        """Look in the service's list for the job that was made of this file."""
        after = ""
        for _ in range(_PAGES):
            query = {"limit": 100, "input_file_ids": job["input"], **({"after": after} if after else {})}
            body = self.client.json(Request("GET", f"{self._url('batches')}?{urlencode(query)}"),
                                    Retries.READ).body
            items = objects_in(body, "data")
            for item in items:
                if item.get("input_file_id") == job["input"] and is_id(item.get("id")):
                    job.update(batch=item["id"], state=CREATED)
                    self.save()
                    return True
            if not body.get("has_more") or not items or not is_id(items[-1].get("id")):
                return False
            after = items[-1]["id"]
        return False

    # -- look, as Polled.wait and --status do

    def look(self, task_id: str) -> tuple:
        """(SUCCEEDED when all jobs have ended, what `--status` says of them)."""
        for job in self.jobs:
            if job["state"] == CREATED and job["status"] not in ENDS:
                self._look_at(job)
        self.save(looked=True)
        is_lost = self._knows_none() or self._are_all(GONE)
        status = "RUNNING" if not self._have_ended() else UNKNOWN.upper() if is_lost else SUCCEEDED
        return status, {"output": {"message": self.words()}}

    def _have_ended(self) -> bool:
        return all(job["status"] in (*ENDS, UNKNOWN) or job["state"] not in (CREATED, CREATING)
                   for job in self.jobs)

    def is_known(self, job: dict) -> bool:
        """Whether the service knows a job that is not given up; it is looked at."""
        if job["status"] != GONE:
            self._look_at(job)
        return job["status"] not in (UNKNOWN, GONE)

    def _look_at(self, job: dict) -> None:
        try:
            reply = self.client.json(Request("GET", self._url("batches", job["batch"])), Retries.READ)
        except Failure as failure:
            if failure.http_status != 404 or self._find_patiently(job):
                raise
            job["status"], self.record["state"] = UNKNOWN, RUNNING
            return
        self.journal.heard(reply.headers)
        body = reply.body
        counts = object_in(body, "request_counts")
        job["status"] = str(body.get("status") or "").lower()
        job["done"] = sum(number_of(counts.get(name)) for name in ("completed", "failed"))
        for name, field in (("output", "output_file_id"), ("errors", "error_file_id")):
            job[name] = body[field] if is_id(body.get(field)) else ""
        job["reasons"] = reasons_of(body.get("errors"))

    def _knows_none(self) -> bool:
        """Whether the service knows no job that is to be fetched, though it should still have them."""
        return self._are_all(UNKNOWN) and not self.journal.expired(self.record)

    def _are_all(self, status: str) -> bool:
        """Whether this is the status of all jobs that are to be fetched."""
        return {job["status"] for job in self.to_fetch()} == {status}

    def check_known(self) -> None:
        """Raise Failure where the key may be that of another account: the jobs stay in the record then."""
        if not self._knows_none():
            return
        names = ", ".join(job["batch"] for job in self.to_fetch())
        raise self._waits(f"the service does not know {names}", self.kept, "set the key of that account, then ")

    def lost(self, job: dict, file_id: str) -> Failure:
        """The Failure of results that are not there though their job is. The job waits for them, or for the user
        to give it up."""
        job["lost"] = True
        self.save()
        return self._waits(f"the service has no file {file_id}, which has the results of {job['batch']}",
                           "it was deleted, or cannot be had at this moment")

    def _waits(self, message: str, cause: str, first: str = "") -> Failure:
        given, resume = self.record["id"], resume_command(self.record["id"], self.journal)
        return Failure(Exit.FAILED, message, cause, f"{first}go on with: {resume}; or give them up with: "
                       + resume_command(given, self.journal, "--cancel"),
                       task_id=given, resume=resume, accepted="maybe")

    def check(self, record: dict, status: str, body: dict, times: int) -> None:
        self.check_known()

    def words(self) -> str:
        """How far the jobs are, in words."""
        ended = sum(job["status"] in ENDS for job in self.jobs)
        done, total = (sum(job.get(name, 0) for job in self.jobs) for name in ("done", "rows"))
        states = ", ".join(sorted({job["status"] or job["state"] for job in self.jobs}))
        rows = f"{done:,} of {counted(total, 'row')}" if done else counted(total, "row")
        return f"{ended} of {counted(len(self.jobs), 'job')} ended ({states}), {rows}"

    def progress(self, record: dict, status: str) -> str:
        return f"{record['id']}: {self.words()}"

    # -- cancel, fetch, tidy

    def to_fetch(self) -> list:
        """The jobs whose results are not in the folder yet."""
        return [job for job in self.jobs if job["state"] == CREATED]

    def fetched(self) -> None:
        """Their results are in the folder."""
        for job in self.to_fetch():
            job["state"] = MERGED
        self.save()

    def is_done(self) -> bool:
        return all(job["state"] == MERGED for job in self.jobs)

    def end_of(self, tally) -> Failure | None:
        """Why rows are missing, where jobs did not run to their end, or wait for the budget."""
        missing = tally.counts()["not_started"]
        failed = [job for job in self.to_fetch() if job["status"] == "failed"]
        reasons = [reason for job in failed for reason in job.get("reasons") or ()]
        if failed:
            return Failure(Exit.FAILED,
                           f"{len(failed)} of {counted(len(self.jobs), 'job')} failed the service's "
                           f"validation: {'; '.join(reasons[:5]) or 'no reason given'}",
                           "the service ran and billed nothing of such a job",
                           "correct the rows or the flags, then run the command again: "
                           "it does only what is missing")
        if self.refused or not missing:
            return self.refused
        states = sorted({job["status"] for job in self.to_fetch()} - {"completed"})
        code = Exit.PARTIAL if tally.done or tally.failed else Exit.FAILED
        return Failure(code, f"not run: {counted(missing, 'row')}"
                       + (f": the jobs are {', '.join(states)}" if states else ""),
                       "rows that were not run are not billed", tally.go_on)

    def cancel(self, task_id: str, record: dict | None = None) -> None:
        """Cancel every job that has not ended; what it has done by then is billed and can be fetched.
        Another command that is making jobs makes no more. Raises Failure where all had ended."""
        self._take_over()
        for job in self.jobs:
            if job["state"] == CREATING and not self._find_patiently(job):
                self._correct(job, FREE)
            if job.get("lost"):
                job["status"] = GONE
            if job["state"] == CREATED and job["status"] not in ENDS:
                self._cancel_job(job)
        check_stopped(self.record, self.journal)
        self.save()
        self.check_known()
        self.record["jobs"] = [job for job in self.jobs if job["state"] in (CREATED, MERGED)]
        if not self.to_fetch():
            self.delete_files()
            return self.journal.remove(self.record)
        said = "rows that were done are billed; fetch them"
        if self._are_all(GONE):
            self.record["state"], said = READY, "the rows may have been billed; note them as in doubt"
        self.save()
        self.console.note(f"{said} with: {resume_command(self.record['id'], self.journal)}")

    def _take_over(self) -> None:
        """The record as another command has left it, marked as cancelled. Raises Failure."""
        with self._written() as now:
            if now is None:
                raise Failure(Exit.FAILED, f"{self.record['id']} cannot be cancelled: another command has fetched "
                              "or cancelled it meanwhile", task_id=self.record["id"])
            self.record.update(now, cancelled=True)
            self.journal.write(self.record)

    def _cancel_job(self, job: dict) -> None:
        try:
            self.client.json(Request("POST", self._url("batches", job["batch"], "cancel")), Retries.READ)
        except Failure as failure:
            if failure.http_status not in (400, 404, 409):  # it has ended meanwhile
                raise
            if failure.http_status == 404 and job["status"] == UNKNOWN:  # the user knows by now
                job["status"] = GONE
            else:
                self._look_at(job)

    def fetch(self, file_id: str, file) -> None:
        """The content of a file of results into an open file. Raises OSError of the disk."""
        self.client.save(Request("GET", self._url("files", file_id, "content")), file)

    def delete_files(self) -> None:
        """Take input, output and errors out of the account, and uploads whose answer was lost, but for jobs
        whose files stay. One that cannot be deleted fails nothing."""
        known = [file_id for job in self.jobs for file_id in files_of(job)]
        stay = {file_id for job in self.jobs if job.get("stay") for file_id in files_of(job)}
        left = []
        for file_id in dict.fromkeys([*known, *self._uploaded()]):
            if file_id in stay:
                continue
            try:
                answer = self.client.json(Request("DELETE", self._url("files", file_id)), Retries.READ).body
                is_there = answer.get("deleted") is False
            except Failure as failure:
                is_there = failure.http_status != 404
            if is_there:
                left.append(file_id)
        if left:
            self.console.warn(f"these files could not be deleted from the account: {', '.join(left)}")

    def _uploaded(self) -> list:
        """The ids of all files in the account that are named after this record:
        an upload whose answer was lost is made again."""
        found, after = [], ""
        try:
            for _ in range(_PAGES):
                query = {"purpose": "batch", "limit": 1000, **({"after": after} if after else {})}
                body = self.client.json(Request("GET", f"{self._url('files')}?{urlencode(query)}"),
                                        Retries.READ).body
                items = [item for item in objects_in(body, "data") if is_id(item.get("id"))]
                found += [item["id"] for item in items
                          if str(item.get("filename")).startswith(self.record["id"] + "-")]
                if not body.get("has_more") or not items:
                    break
                after = items[-1]["id"]
        except Failure as failure:
            self.console.warn(f"the files of the account could not be listed: {failure.message}",
                              f"delete those whose names begin with {self.record['id']} in the console")
        return found
