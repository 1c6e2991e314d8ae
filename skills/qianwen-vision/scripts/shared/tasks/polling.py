"""Waiting for what goes on at the service, a task or the jobs of a batch: it is asked until that has ended.

Whatever ends the wait earlier says how to go on: what goes on is paid for, and ends without us.
"""
from __future__ import annotations

import random
import time

# what failures need is loaded now: an update of the skill during a long wait may take it away
from ..cli import failed  # noqa: F401
from ..failures import Exit, Failure
from ..transport import errors, said, troubles  # noqa: F401
from ..words import counted
from .journal import Journal, resume_command

SUCCEEDED, FAILED, CANCELED, UNKNOWN = "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"
PERHAPS = "FAILED?"  # a code without a status: that of the task, or of the question
LIST_DELAY = 15.0  # seconds after which the service surely lists what was created


class Polled:
    """What goes on at the service.
    `pace` is the first and the longest pause between two polls, in seconds."""

    usual = ""  # how long it takes, in words
    kept = ""  # for how long and for whom the service keeps it, in words
    repeat = 30.0  # seconds after which a line of progress is printed although nothing has changed
    WORDS: dict = {}  # status -> the word for it, where that is not the status itself

    def __init__(self, client, journal: Journal, console, *, pace, clock=time.monotonic,
                 sleep=time.sleep):
        self.client, self.journal, self.console = client, journal, console
        self.pace, self.clock, self.sleep = pace, clock, sleep

    # -- what a class fills in

    def look(self, task_id: str) -> tuple:
        """(status, the whole answer) of one poll. Raises Failure where the poll was refused."""
        raise NotImplementedError

    def is_readable(self, record: dict, body: dict, times: int) -> bool:
        """Whether the answer of what has ended well has what it should bring; else it is asked for again. It
        came so many times in a row."""
        return True

    def check(self, record: dict, status: str, body: dict, times: int) -> None:
        """Raise the Failure of what has ended without a result. The status came so many times in a row."""

    def progress(self, record: dict, status: str) -> str:
        """What a line of progress says, the time aside."""
        raise NotImplementedError

    # -- what they have in common

    def wait(self, record: dict, max_wait: float) -> dict:
        """Poll until it has ended well and return the whole answer.

        Raises Failure: RUNNING after `max_wait` seconds, INTERRUPTED on Ctrl-C, and those of `check`.
        """
        begin, pause, before, times, told = self.clock(), self.pace[0], None, 0, None
        try:
            while True:
                status, body = self._patient_look(record, begin, max_wait)
                before, times = status, times + 1 if status == before else 1
                if status == SUCCEEDED and self.is_readable(record, body, times):
                    return body
                self.check(record, status, body, times)
                told = self._tell(record, status, self.clock() - begin, told)
                left = begin + max_wait - self.clock()
                if left <= 0:
                    said = f"the task is still {self.word(status)} after {counted(max_wait, 'second')}"
                    raise self._goes_on(record, Exit.RUNNING, said)
                self.sleep(min(left, pause * random.uniform(0.85, 1.15)))
                pause = min(self.pace[1], pause * 1.5)
        except KeyboardInterrupt:
            raise self._goes_on(record, Exit.INTERRUPTED, "interrupted; the task continues") from None

    def word(self, status: str) -> str:
        return self.WORDS.get(status, status.lower())

    def _patient_look(self, record: dict, begin: float, max_wait: float) -> tuple:
        """A poll that outlives resets, 5xx and 429: the task goes on whatever happens to the question."""
        while True:
            try:
                return self.look(record["task_id"])
            except Failure as failure:
                left = begin + max_wait - self.clock()
                refused = failure.exit_code == Exit.QUOTA or 400 <= failure.http_status < 500
                is_final = refused and not failure.retryable
                if is_final or failure.exit_code in (Exit.KEY, Exit.USAGE, Exit.INTERRUPTED):
                    raise self._still_there(failure, record)
                if left <= 0:
                    waited = counted(max_wait, "second")
                    said = f"the task's state could not be read within {waited}: {failure.message}"
                    raise self._goes_on(record, Exit.RUNNING, said) from failure
                self.console.note(f"{failure.message} — asking again")
                self.sleep(min(left, max(failure.retry_after or 0.0, self.pace[1])))

    def _still_there(self, failure: Failure, record: dict) -> Failure:
        """A poll was refused; that says nothing of the task,
        so the way to its result goes with the message."""
        failure.task_id, failure.resume = record["task_id"], resume_command(record["task_id"], self.journal)
        advice = "" if "again" in failure.fix else failure.fix + "; "  # never to run what is paid once more
        failure.fix = f"{advice}the task continues; fetch it with: {failure.resume}"
        failure.accepted = "maybe"
        return failure

    def _tell(self, record: dict, status: str, seconds: float, told):
        """One line of progress: redrawn on a terminal, elsewhere printed when something changed."""
        line = self.progress(record, status)
        now = (status, line, int(seconds // self.repeat))
        text = f"{line}, {seconds:.0f} s so far" + (f", usually {self.usual}" if self.usual else "")
        if self.console.stderr.isatty():
            self.console.redraw(text)
        elif now != told:
            self.console.note(text)
        return now

    def _goes_on(self, record: dict, exit_code: Exit, message: str) -> Failure:
        command = resume_command(record["task_id"], self.journal)
        return Failure(exit_code, message, fix=f"fetch the result with: {command}", task_id=record["task_id"],
                       resume=command, accepted="maybe")
