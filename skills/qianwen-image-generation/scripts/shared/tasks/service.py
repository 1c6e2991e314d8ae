"""Asynchronous tasks: submitted once, in the journal before the first poll, polled, resumed, cancelled.

There is no idempotency key: a second create is a second bill. So a create is never repeated unless it was
surely not taken, and one whose answer was lost is looked for in the service's own list
(image contract 3 and 8.4).
"""
from __future__ import annotations

import hashlib
import json
import re

from ..body import elide_media, object_in
from ..failures import Exit, Failure, usage
from ..transport.context import ServiceError
from ..transport.request import encoded, is_id, Request
from ..transport.retries import Retries
from .answers import makes_nothing, repeats, whole_answer
from .finding import clock_of, CODES, Finding, NOT_CLEAR, NOT_LISTED, NOT_YET
from .journal import Journal, LOST, READY, resume_command, RUNNING
from .polling import CANCELED, FAILED, PERHAPS, Polled, SUCCEEDED, UNKNOWN

_SURE = 5  # such answers in a row are the task's, and so is a result without a link
YOUNG = 30.0  # seconds in which a new task may not be known everywhere yet
# What a task may fail for, besides content (image contract 8.1, 8.3). A gateway or a sign-in has codes of its
# own: InvalidToken, FileNotFound, ImagePullBackOff.
_OF_A_TASK = re.compile(r"(InvalidParameter|Invalid(File|Image)\.\w+|InvalidImage(Resolution|Format)"
                        r"|InvalidPerson|InvalidURL\.(ConnectionRefused|Timeout)"
                        r"|BadRequest\.InputDownloadFailed|InternalError\.(Algo|FileUpload|Upload))(\.\w+)*",
                        re.IGNORECASE)
_PERHAPS_OF_A_TASK = re.compile(r"(InternalError|InvalidURL|BadRequest)(\.\w+)*", re.IGNORECASE)


def fingerprint(path: str, body: dict, stand_ins=()) -> str:
    """Tells identical requests: the same model, input and parameters.
    What stands in for an upload has the file's name, by which nothing is told apart."""
    content = encoded(body)
    for address in stand_ins:
        content = content.replace(encoded(address), b'""')
    return hashlib.sha256(path.encode() + b"\n" + content).hexdigest()


def check_given(given: str, record: dict | None, journal: Journal) -> None:
    """Refuse an id that cannot be the service's; the journal's own ids mean nothing to it. Raises usage."""
    if record is not None:
        return
    if re.match(r"(q|row)-", given):
        raise usage(f"{given} is not in the journal {journal.folder}",
                    "the id is known only in that journal: set XDG_STATE_HOME and HOME "
                    "as they were when it was created; --tasks lists what is there")
    if not is_id(given):
        raise usage(f"{ascii(given)} is not the id of a task", "--tasks lists what can be fetched")


def refuse_twin(record: dict, journal: Journal) -> None:
    """The same request again would be billed again, and is most likely a mistake. Raises Failure."""
    twin = journal.same_request(record["fingerprint"])
    if twin:
        given = twin["task_id"] or twin["id"]
        command = resume_command(given, journal)
        what = "was made already and is not fetched" if twin["state"] == READY else "is under way already"
        raise Failure(Exit.RUNNING, f"the same request {what}, as {given}",
                      fix=f"fetch it with: {command}, or add --again to create another one",
                      task_id=twin["task_id"], resume=command)


class Tasks(Polled):
    """The tasks of one account. `forget(record)` is called for a task that ended without a result, or was not
    taken at all: it is not billed. `has_result(record, body)` tells whether an answer has a result that can be
    read. `pacing` is what Polled takes."""

    kept = "the service keeps tasks for 24 hours, in the region and account that created them"
    WORDS = {"PENDING": "waiting", PERHAPS: "in an unknown state", "": "in an unknown state",
             SUCCEEDED: "without a result that can be read"}

    def __init__(self, client, journal: Journal, console, *, usual: str = "", forget=lambda record: None,
                 has_result=None, **pacing):
        super().__init__(client, journal, console, **pacing)
        self.usual, self._forget, self._has_result = usual, forget, has_result

    # -- create

    def submit(self, request: Request, record: dict, alone: bool = False) -> dict | None:
        """Create the task and put its id into the record on disk.
        A create that may have been taken is not repeated. Returns an answer that has the result already.
        `alone`: the same request that is under way already is refused."""
        began = self.journal.clock()
        self._begin(record, alone)
        try:
            reply = self.client.json(request, Retries.CREATE)
        except Failure as failure:
            if failure.accepted == "maybe":
                record["ended"] = clock_of(self.journal, record)
                self.keep(record)
                self._explain_lost(failure, record)
            else:
                self.journal.remove(record)
            raise
        except BaseException as error:
            command = resume_command(record["id"], self.journal)
            raise Failure(Exit.INTERRUPTED, "interrupted while creating the task",
                          "the service may have created it", f"look for it before trying again: {command}",
                          accepted="maybe", resume=command) from error
        self.journal.heard(reply.headers)
        record["request_id"] = reply.request_id
        if self.took(record, reply.body):
            return None
        task_id = _task_id(reply.body)
        is_done = _status_in(reply.body) in (None, SUCCEEDED)
        if is_done and self._has_result and self._has_result(record, reply.body):
            return reply.body
        record.update(ended=record["created"], created=record["created"] - self.journal.clock() + began)
        raise self._no_id(record, whole_answer(reply.body), bool(task_id))

    def took(self, record: dict, body: dict) -> bool:
        """Whether a create, or a direct call, was answered with the id of a task, which is on disk now."""
        record.update(created=self.journal.now(), timed=self.journal.ahead is not None)
        task_id = _task_id(body)
        if not is_id(task_id):
            return False
        record.update(task_id=task_id, state=RUNNING)
        self.keep(record)
        return True

    def _begin(self, record: dict, alone: bool) -> None:
        """The record is on disk before anything is sent."""
        record.update(created=self.journal.now(), timed=self.journal.ahead is not None)
        with self.journal.creating():
            if alone:
                refuse_twin(record, self.journal)
            try:
                self.journal.write(record)
            except OSError as error:
                raise usage(f"the journal {self.journal.folder} cannot be written ({error.strerror}); "
                            "nothing was sent",
                            "make room there, or set XDG_STATE_HOME to another folder") from error

    def _no_id(self, record: dict, answer: dict, is_odd: bool) -> Failure:
        """The task, or its result, is most likely paid: what is known of it stays in the record."""
        record["answer"] = answer
        self.keep(record)
        what = "a task id of a format that this script cannot read" if is_odd else "no task id"
        command = resume_command(record["id"], self.journal)
        return Failure(Exit.FAILED, f"the service accepted the request but gave {what}",
                       f"it answered {_said(answer)}", f"look for the task: {command}",
                       request_id=record["request_id"], accepted="maybe", resume=command)

    def keep(self, record: dict) -> None:
        """The id must be on disk before the first poll; where the disk refuses, it is at least shown."""
        try:
            self.journal.write(record)
        except OSError as error:
            self.console.warn(
                f"the task {record['task_id'] or record['id']} could not be saved in the journal: "
                f"{error.strerror}", *(["keep this id: it leads to the result"] if record["task_id"] else []))

    def _explain_lost(self, failure: Failure, record: dict) -> None:
        """Say how to find a task whose create may have been taken."""
        failure.resume = resume_command(record["id"], self.journal)
        cause = f"{failure.cause}. The service may have created the task, and then bills it"
        failure.cause = cause.lstrip(". ")
        failure.fix = f"look for it before trying again: {failure.resume}"

    def look_for(self, record: dict) -> str:
        """The id of a task whose create was not answered, from the service's list.
        Raises Failure where it is not there."""
        try:
            task_id = Finding(self, record).task_id()
        except Failure as failure:
            raise failure if failure.code in CODES else self._unasked(failure, record)
        record.update(task_id=task_id, state=RUNNING, found=True)
        self.keep(record)
        return task_id

    def _unasked(self, failure: Failure, record: dict) -> Failure:
        """A question that failed says nothing of the create."""
        failure.resume, failure.accepted = resume_command(record["id"], self.journal), "maybe"
        advice = "" if "again" in failure.fix else failure.fix + "; "  # never to run what may be paid once more
        failure.fix = f"{advice}look for the task with: {failure.resume}"
        return failure

    def check_ours(self, record: dict, body: dict) -> None:
        """Raise Failure where a task that was found for a lost create turns out to be another one's."""
        if not record.get("found") or repeats(record, body) is not False:
            return
        other, command = record["task_id"], resume_command(record["id"], self.journal)
        record.update(others=[*record.get("others", ()), other], task_id="", state=LOST, found=False)
        self.keep(record)
        raise Failure(Exit.FAILED, f"the task {other}, which began at that time, has another prompt",
                      "somebody else with this account created it", f"look for the right one: {command}",
                      accepted="maybe", resume=command)

    def prove_ours(self, record: dict) -> None:
        """Raise Failure where nothing but its time speaks for a task that was found for a lost create: as long
        as one waits, it shows no prompt."""
        task_id = record["task_id"]
        _, body = self.look(task_id)
        self.check_ours(record, body)
        if not repeats(record, body):
            cancelling = resume_command(task_id, self.journal, "--cancel")
            raise Failure(Exit.FAILED, f"{task_id} began at that time, but does not show whose it is; "
                                       "nothing was cancelled",
                          "somebody else with this account may have created it",
                          f"if it is yours: {cancelling}", accepted="maybe", task_id=task_id,
                          resume=resume_command(record["id"], self.journal))

    def find(self, record: dict, max_wait: float, waits_for=(NOT_YET,)) -> str:
        """The id of the task of an unanswered create, as `look_for` does,
        waiting where its Failure has one of the codes `waits_for`."""
        deadline = self.clock() + max_wait
        while True:
            try:
                return self.look_for(record)
            except Failure as failure:
                left = deadline - self.clock()
                if failure.code not in waits_for or left <= 0:
                    raise
                self.sleep(min(left, failure.retry_after or self.pace[1]))

    def find_or_forget(self, record: dict, max_wait: float) -> bool:
        """Whether the task of an unanswered create is found, waiting for what is not clear yet.

        A record without a task is deleted: nothing was made, and the request may be sent again. Raises
        Failure where several tasks could be the one.
        """
        try:
            return bool(self.find(record, max_wait, (NOT_YET, NOT_CLEAR)))
        except Failure as failure:
            if failure.code != NOT_LISTED:
                raise
            return False

    def drop(self, record: dict) -> None:
        """Nothing came of it, and nothing is billed."""
        self._forget(record)
        self.journal.remove(record)

    # -- poll

    def look(self, task_id: str) -> tuple:
        """(status, the whole answer) of one poll. A failed task is an answer here, not an error."""
        from urllib.parse import quote
        request = Request("GET", f"{self.client.endpoint.native}/tasks/{quote(task_id, safe='')}")
        reply = self.client.json(request, Retries.READ, errors_pass=True)
        self.journal.heard(reply.headers)
        body = reply.body
        status = _status_in(body)
        if status is None:  # some families report a failed task without an output
            code = object_in(body, "output").get("code") or body.get("code") or ""
            status = self._status_of_error(str(code), body)
        return status, body

    def _status_of_error(self, code: str, body: dict) -> str:
        """FAILED where the code can be a task's only, PERHAPS where the question itself may have met with it.

        Raises Failure where it tells of trouble with the question.
        """
        if not code:
            return ""
        message, request_id = str(body.get("message") or ""), str(body.get("request_id") or "")
        failure = self.client.context.explain(ServiceError(200, code, message, request_id))
        is_its_own = failure.exit_code == Exit.FAILED and _OF_A_TASK.fullmatch(code)
        if failure.exit_code == Exit.CONTENT or is_its_own:
            return FAILED
        if _PERHAPS_OF_A_TASK.fullmatch(code):
            return PERHAPS
        raise failure

    def is_readable(self, record: dict, body: dict, times: int) -> bool:
        return times >= _SURE or not self._has_result or self._has_result(record, body) or makes_nothing(body)

    def check(self, record: dict, status: str, body: dict, times: int) -> None:
        status = FAILED if status == PERHAPS and times >= _SURE else status
        if status in (FAILED, CANCELED) or status == UNKNOWN and not self._is_young(record):
            raise self.ended(record, status, body)

    def progress(self, record: dict, status: str) -> str:
        return f"task {record['task_id']}: {self.word(status)}"

    def _is_young(self, record: dict) -> bool:
        """Whether the task may not be known everywhere yet.
        A moment in the future comes from a clock that was wrong."""
        return 0 <= self.journal.now() - record["created"] + 1 < YOUNG

    def ended(self, record: dict, status: str, body: dict) -> Failure:
        """The Failure of a task that ended without a result;
        its record goes where there is nothing to fetch."""
        self.check_ours(record, body)
        if status != UNKNOWN:
            self.drop(record)
        elif self.journal.expired(record):  # unknown may also mean another account or region
            self.journal.forget(record)
        request_id = str(body.get("request_id") or "")
        known = {"code": status, "request_id": request_id, "task_id": record["task_id"]}
        if status == UNKNOWN:
            return Failure(
                Exit.FAILED, f"the service does not know the task {record['task_id']}",
                self.kept,
                "check QWEN_REGION and the key; "
                "when 24 hours have passed, the result is gone, so run the original command again with --again: "
                "it makes the result anew, which is billed", accepted="maybe", **known)
        if status == CANCELED:
            return Failure(Exit.FAILED, f"the task {record['task_id']} was cancelled",
                           "somebody cancelled it while it waited", "run the original command again", **known)
        return self._failed(record, body, request_id)

    def _failed(self, record: dict, body: dict, request_id: str) -> Failure:
        output = object_in(body, "output")
        code = str(output.get("code") or body.get("code") or "TaskFailed")
        message = str(output.get("message") or body.get("message") or "the task failed")
        failure = self.client.context.explain(ServiceError(200, code, message, request_id))
        failure.http_status, failure.task_id, failure.accepted = 0, record["task_id"], "no"
        failure.cause = f"{failure.cause}. A failed task is not billed"
        return failure

    # -- cancel

    def cancel(self, task_id: str, record: dict | None = None) -> None:
        """Cancel a task that still waits, and forget its record.
        Raises Failure when it has begun: then it runs to its end and is billed."""
        from urllib.parse import quote
        request = Request("POST", f"{self.client.endpoint.native}/tasks/{quote(task_id, safe='')}/cancel")
        try:
            self.client.json(request, Retries.READ)
            self._check_cancelled(task_id)
        except Failure as failure:
            if failure.code == "UnsupportedOperation":
                failure.cause = "only a waiting task can be cancelled; this one has begun or ended"
                failure.fix = f"fetch its result: {resume_command(task_id, self.journal)}"
            failure.task_id, failure.accepted = task_id, "maybe"
            raise
        if record:
            self.drop(record)

    def _check_cancelled(self, task_id: str) -> None:
        """The answer to a cancel says nothing (image contract 3.6); the task's own status does."""
        for pause in (self.pace[0], self.pace[0], 0):
            status, body = self.look(task_id)
            if object_in(body, "output").get("task_id") not in (task_id, None) or status == PERHAPS:
                status = ""
            if status in (CANCELED, "CANCELLED"):
                return
            if status != "PENDING":
                break
            if pause:
                self.sleep(pause)
        command = resume_command(task_id, self.journal)
        said = f"is {status}" if status else "tells no status"
        raise Failure(Exit.FAILED, f"the task {task_id} {said}, so it was not cancelled",
                      "the service accepted the cancellation, but did not carry it out",
                      f"fetch its result: {command}, or look at it again with --status",
                      code=status, resume=command)


def _said(answer: dict) -> str:
    """The beginning of an answer as text, without inline media."""
    return json.dumps(elide_media(answer), ensure_ascii=False)[:2000]


def _status_in(body: dict) -> str | None:
    """The status that an answer tells, None without one."""
    status = object_in(body, "output").get("task_status") or body.get("task_status")
    return status.strip().upper() if isinstance(status, str) else None


def _task_id(body: dict) -> str:
    """The id in the answer to a create; an older form has it in a list."""
    output = object_in(body, "output")
    data = body.get("data")
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
    found = output.get("task_id") or first.get("task_id") or body.get("task_id")
    return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""
