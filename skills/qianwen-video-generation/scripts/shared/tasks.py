"""Asynchronous tasks: submitted once, in the journal before the first poll, polled, resumed, cancelled.

There is no idempotency key: a second create is a second bill. So a create is never repeated unless it was surely not
taken, and one whose answer was lost is looked for in the service's own list (image contract 3 and 8.4).
"""
from __future__ import annotations

import hashlib
import os
import random
import shlex
import sys
import time

from .failures import Exit, Failure, ServiceError, explain, usage
from .journal import LOST, RUNNING, SUBMITTING, Journal
from .transport import Request, Retries, encoded

SUCCEEDED, FAILED, CANCELED, UNKNOWN = "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"
LIST_DELAY = 15.0  # seconds after which the service surely lists a new task
YOUNG = 30.0  # seconds in which a new task may not be known everywhere yet
LOST_WINDOW = 120.0  # seconds around a create whose answer was lost, in which its task is looked for
_AHEAD = 8 * 3600  # seconds that the service's naive times are ahead of UTC (image contract 3.2)


def fingerprint(path: str, body: dict) -> str:
    """Tells identical requests: the same model, input and parameters."""
    return hashlib.sha256(path.encode() + b"\n" + encoded(body)).hexdigest()


def resume_command(given: str) -> str:
    """The exact command that goes on with a task."""
    command = [sys.executable, os.path.abspath(sys.argv[0]), "--resume", given]
    if os.name == "nt":
        import subprocess
        return subprocess.list2cmdline(command)
    return shlex.join(command)


class Tasks:
    """The tasks of one account. `pace` is the first and the longest pause between two polls, in seconds."""

    def __init__(self, client, journal: Journal, console, *, pace=(2.0, 10.0), clock=time.monotonic, sleep=time.sleep,
                 usual: str = ""):
        self.client, self.journal, self.console = client, journal, console
        self.pace, self.clock, self.sleep, self.usual = pace, clock, sleep, usual

    # -- create

    def submit(self, request: Request, record: dict) -> None:
        """Create the task and put its id into the record on disk. A create that may have been taken is not repeated."""
        try:
            self.journal.write(record)
        except OSError as error:
            raise usage(f"the journal {self.journal.folder} cannot be written ({error.strerror}); nothing was sent",
                        "make room there, or set XDG_STATE_HOME to another folder") from error
        try:
            reply = self.client.json(request, Retries.CREATE)
        except Failure as failure:
            if failure.accepted == "maybe":
                self._explain_lost(failure, record)
            else:
                self.journal.remove(record)
            raise
        except BaseException as error:
            raise Failure(Exit.INTERRUPTED, "interrupted while the task was being created", "it may have been created",
                          "look for it with --resume " + record["id"], accepted="maybe",
                          resume=resume_command(record["id"])) from error
        task_id = _task_id(reply.body)
        if not task_id:
            raise Failure(Exit.FAILED, "the service took the request but gave no task id", request_id=reply.request_id,
                          accepted="maybe", fix=f"look for the task: {resume_command(record['id'])}",
                          resume=resume_command(record["id"]))
        record.update(task_id=task_id, state=RUNNING, request_id=reply.request_id)
        self._keep(record)

    def _keep(self, record: dict) -> None:
        """The id must be on disk before the first poll; where the disk refuses, it is at least shown."""
        try:
            self.journal.write(record)
        except OSError as error:
            self.console.warn(f"the task {record['task_id']} could not be written to the journal: {error.strerror}",
                              "keep this id: it leads to the result")

    def _explain_lost(self, failure: Failure, record: dict) -> None:
        """Say how to find a task whose create may have been taken."""
        failure.resume = resume_command(record["id"])
        failure.cause = f"{failure.cause}. The service may have created the task, and bills it then".lstrip(". ")
        failure.fix = f"look for it before trying again: {failure.resume}"

    def look_for(self, record: dict) -> str:
        """The id of a task whose create was not answered, from the service's list. Raises Failure where it is not there.

        The list tells models and times, not prompts: only a single new task of the model at that time can be the one.
        """
        known = self.journal.known_tasks()
        items, earliest = self._listed(record["created"])
        found = [item for item in items if item.get("model_name") == record["model"] and item.get("task_id") not in known
                 and _started(item) >= earliest]
        if len(found) == 1:
            record.update(task_id=found[0]["task_id"], state=RUNNING)
            self._keep(record)
            return record["task_id"]
        if not found:
            self._give_up(record)
            raise Failure(Exit.FAILED, "the service lists no such task, so the request was not taken and costs nothing",
                          fix="run the original command again")
        ids = ", ".join(str(item.get("task_id")) for item in found)
        raise Failure(Exit.FAILED, f"{len(found)} tasks of {record['model']} began at that time: {ids}",
                      "the list tells no prompts, so which one it is cannot be told",
                      "fetch the right one with --resume TASK_ID", accepted="maybe")

    def _give_up(self, record: dict) -> None:
        """A task that is not listed was not created; but a list may be some seconds behind."""
        if self.journal.clock() - record["created"] > LIST_DELAY:
            self.journal.remove(record)
            return
        record["state"] = LOST
        self._keep(record)

    def _listed(self, created: float) -> tuple:
        """The service's tasks around a moment of this machine, and the earliest beginning that can be meant by it."""
        begin, end = created - LOST_WINDOW, created + 2 * LOST_WINDOW + self.client.timeout
        first, last = (time.strftime("%Y%m%d%H%M%S", time.gmtime(moment + _AHEAD)) for moment in (begin, end))
        items, page = [], 1
        while page <= 20:
            url = (f"{self.client.endpoint.native}/tasks/?page_no={page}&page_size=100"
                   f"&start_time={first}&end_time={last}")
            reply = self.client.json(Request("GET", url), Retries.READ)
            body = reply.body
            data = body.get("data") if isinstance(body.get("data"), list) else []
            items += [item for item in data if isinstance(item, dict)]
            if len(data) < 100:
                break
            page += 1
        ahead = _clock_of(reply.headers)
        return items, begin if ahead is None else created + ahead - self.journal.clock() - 5

    # -- poll

    def look(self, task_id: str) -> tuple:
        """(status, the whole answer) of one poll. A failed task is an answer here, not an error."""
        from urllib.parse import quote
        request = Request("GET", f"{self.client.endpoint.native}/tasks/{quote(task_id, safe='')}")
        body = self.client.json(request, Retries.READ, errors_pass=True).body
        output = body.get("output") if isinstance(body.get("output"), dict) else {}
        status = output.get("task_status")
        if not isinstance(status, str):  # some families report a failed task without an output
            status = FAILED if body.get("code") or output.get("code") else ""
        return status.upper(), body

    def wait(self, record: dict, max_wait: float) -> dict:
        """Poll until the task has ended well and return the whole answer.

        Raises Failure: RUNNING after `max_wait` seconds, INTERRUPTED on Ctrl-C, FAILED or CONTENT when the task failed.
        """
        begin, pause, told = self.clock(), self.pace[0], None
        try:
            while True:
                status, body = self._patient_look(record, begin, max_wait)
                if status == SUCCEEDED:
                    return body
                young = self.journal.clock() - record["created"] < YOUNG
                if status in (FAILED, CANCELED) or status == UNKNOWN and not young:
                    raise self.ended(record, status, body)
                told = self._tell(record, status, self.clock() - begin, told)
                left = begin + max_wait - self.clock()
                if left <= 0:
                    raise self._goes_on(record, Exit.RUNNING, f"the task is still {_word(status)} after {max_wait:g} seconds")
                self.sleep(min(left, pause * random.uniform(0.85, 1.15)))
                pause = min(self.pace[1], pause * 1.5)
        except KeyboardInterrupt:
            raise self._goes_on(record, Exit.INTERRUPTED, "interrupted; the task goes on") from None

    def _patient_look(self, record: dict, begin: float, max_wait: float) -> tuple:
        """A poll that outlives resets, 5xx and 429: the task goes on whatever happens to the question."""
        while True:
            try:
                return self.look(record["task_id"])
            except Failure as failure:
                left = begin + max_wait - self.clock()
                passing = failure.retryable and (failure.exit_code in (Exit.NETWORK, Exit.QUOTA) or failure.http_status >= 500)
                if not passing:
                    raise self._still_there(failure, record)
                if left <= 0:
                    raise self._goes_on(record, Exit.RUNNING, f"the task's state could not be had within {max_wait:g} seconds: "
                                        f"{failure.message}") from failure
                self.console.note(f"{failure.message} — asking again")
                self.sleep(min(left, failure.retry_after or self.pace[1]))

    def _still_there(self, failure: Failure, record: dict) -> Failure:
        """A poll was refused; that says nothing of the task, so the way to its result goes with the message."""
        failure.task_id, failure.resume = record["task_id"], resume_command(record["task_id"])
        failure.fix = f"{failure.fix}; the task goes on, fetch it then with: {failure.resume}".lstrip("; ")
        return failure

    def _tell(self, record: dict, status: str, seconds: float, told):
        """One line of progress: redrawn on a terminal, elsewhere printed when something changed."""
        now = (status, int(seconds // 30))
        text = f"task {record['task_id']}: {_word(status)}, {seconds:.0f} s so far" + \
            (f", usually {self.usual}" if self.usual else "")
        if self.console.stderr.isatty():
            self.console.redraw(text)
        elif now != told:
            self.console.note(text)
        return now

    def _goes_on(self, record: dict, exit_code: Exit, message: str) -> Failure:
        command = resume_command(record["task_id"])
        return Failure(exit_code, message, fix=f"fetch the result with: {command}", task_id=record["task_id"],
                       resume=command, accepted="maybe")

    def ended(self, record: dict, status: str, body: dict) -> Failure:
        """The Failure of a task that ended without a result; its record goes where there is nothing to fetch."""
        if status != UNKNOWN or self.journal.expired(record):  # unknown may also mean another account or region
            self.journal.remove(record)
        request_id = str(body.get("request_id") or "")
        if status == UNKNOWN:
            return Failure(Exit.FAILED, f"the service does not know the task {record['task_id']}",
                           "tasks are kept for 24 hours, by the region and account that made them",
                           "check QWEN_REGION and the key; when 24 hours have passed, the result is gone and the original "
                           "command has to be run again", code=UNKNOWN, request_id=request_id, task_id=record["task_id"])
        if status == CANCELED:
            return Failure(Exit.FAILED, f"the task {record['task_id']} was cancelled", "somebody cancelled it while it waited",
                           "run the original command again", code=CANCELED, request_id=request_id, task_id=record["task_id"])
        return self._failed(record, body, request_id)

    def _failed(self, record: dict, body: dict, request_id: str) -> Failure:
        output = body.get("output") if isinstance(body.get("output"), dict) else {}
        code = str(output.get("code") or body.get("code") or "TaskFailed")
        message = str(output.get("message") or body.get("message") or "the task failed")
        failure = explain(ServiceError(200, code, message, request_id), self.client.context)
        failure.http_status, failure.task_id, failure.accepted = 0, record["task_id"], "no"
        failure.cause = f"{failure.cause}. A failed task is not billed"
        return failure

    # -- cancel

    def cancel(self, task_id: str) -> None:
        """Cancel a task that still waits. Raises Failure when it has begun: then it runs to its end and is billed."""
        from urllib.parse import quote
        request = Request("POST", f"{self.client.endpoint.native}/tasks/{quote(task_id, safe='')}/cancel")
        try:
            self.client.json(request, Retries.READ)
        except Failure as failure:
            if failure.code == "UnsupportedOperation":
                failure.cause = "only a task that still waits can be cancelled; this one has begun or ended"
                failure.fix = f"fetch its result: {resume_command(task_id)}"
            failure.task_id = task_id
            raise


def _task_id(body: dict) -> str:
    """The id in the answer to a create; an older form has it in a list."""
    output = body.get("output") if isinstance(body.get("output"), dict) else {}
    data = body.get("data")
    found = output.get("task_id") or (data[0].get("task_id") if isinstance(data, list) and data and isinstance(data[0], dict)
                                      else "")
    return found if isinstance(found, str) else ""


def _clock_of(headers: dict):
    """Epoch seconds by the service's clock, which may differ from ours; None where it does not tell."""
    from email.utils import parsedate_to_datetime
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None


def _started(item: dict) -> float:
    """Epoch seconds of a listed task's beginning; the list has milliseconds."""
    moment = item.get("gmt_create") or item.get("start_time") or 0
    return moment / 1000 if isinstance(moment, (int, float)) else 0.0


def _word(status: str) -> str:
    return {"PENDING": "waiting", "RUNNING": "running", "": "in an unknown state"}.get(status, status.lower())


def describe(records: list, journal: Journal) -> list:
    """The records as rows for `--tasks`, without what is private to the journal."""
    now = journal.clock()
    return [{"id": record["task_id"] or record["id"], "skill": record["skill"], "model": record.get("model", ""),
             "state": "expired" if journal.expired(record) else record["state"],
             "prompt": str(record.get("prompt", ""))[:80], "age_seconds": int(now - record["created"]),
             "output": record.get("output", ""), "resume": resume_command(record["task_id"] or record["id"])}
            for record in records]


def is_submitting(record: dict) -> bool:
    """Whether the create of this record was never answered."""
    return record["state"] in (SUBMITTING, LOST) and not record["task_id"]
