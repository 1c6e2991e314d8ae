"""Finding the task of a create whose answer was lost, in the service's list (image contract 3.7 and 8.4).

The list tells models and times, not prompts. So a task is taken when it can be no other's, or when it repeats
the prompt, as the older families do once they have ended. That there is no task is believed of a whole list
alone; else the create stays in doubt, with its record.
"""
from __future__ import annotations

import json
import math
import time

from ..failures import Exit, Failure
from ..transport.request import Request
from ..transport.retries import Retries
from ..words import counted
from .answers import repeats
from .journal import is_submitting, Journal, resume_command
from .listing import read_list
from .polling import CANCELED, FAILED, LIST_DELAY, SUCCEEDED, UNKNOWN

NOT_LISTED, NOT_YET, NOT_CLEAR = "TaskNotListed", "TaskNotListedYet", "TaskNotClear"
IN_DOUBT = "TaskInDoubt"
CODES = (NOT_LISTED, NOT_YET, NOT_CLEAR, IN_DOUBT)  # of failures that say what is known of the create
LOST_WINDOW = 120.0  # seconds around a create in which its task is looked for
_MOST_LOOKS = 20  # at tasks, for their prompts
_AHEAD = 8 * 3600  # seconds that the service's naive times are ahead of UTC (image contract 3.2)
_AGAIN = "run the original command again with --again, only if paying twice is acceptable"


def clock_of(journal: Journal, record: dict) -> float:
    """Now, by the clock that the moments of a record are of: the service's, where it was known then."""
    return journal.now() if record.get("timed") else journal.clock()


class Finding:
    """The search for one record's task; `tasks` is the Tasks of its account."""

    def __init__(self, tasks, record: dict):
        self.tasks, self.journal, self.client, self.record = tasks, tasks.journal, tasks.client, record

    def task_id(self) -> str:
        """The id of the record's task. Raises Failure where it is not there, or cannot be told."""
        model = self.record["model"]
        around, is_whole = self._new_tasks(self._window())
        begin, end = self._moments()
        found = [task for task in around if begin <= (task.began or begin) <= end]
        found = [task for task in found if task.is_of(model)] or found
        if len(found) == 1 and found[0].is_of(model) and not self._has_rivals():
            return found[0].task_id
        what = f"{counted(len(found), 'task')} of {model} began at that time"
        if not found:
            found = self._of_another_time(is_whole)
            what = (f"no task of {model} is listed for the time of the create by this machine's clock, "
                    f"but {len(found)} of another time")
        return self._of_prompt([task.task_id for task in found], what)

    def _has_rivals(self) -> bool:
        """Whether another create of this model was lost too, whose task it could be."""
        return any(is_submitting(other) and other.get("model") == self.record["model"]
                   and other["id"] != self.record["id"] and not self.journal.expired(other)
                   for other in self.journal.all())

    def _of_prompt(self, found: list, what: str) -> str:
        """The one of several tasks that repeats the prompt of the record. Raises Failure."""
        looks = {task_id: self.tasks.look(task_id) for task_id in found[:_MOST_LOOKS]}
        same = [task_id for task_id, (_, body) in looks.items() if repeats(self.record, body)]
        if len(same) == 1:
            return same[0]
        if any(status not in (SUCCEEDED, FAILED, CANCELED, UNKNOWN) for status, _ in looks.values()):
            raise self._unclear(f"{what}, and not all have ended: {', '.join(found)}",
                                "an ended task shows its prompt, which tells which one it is")
        raise Failure(Exit.FAILED, f"{what}: {', '.join(found)}",
                      "they do not show their prompts, so the script cannot tell which one it is",
                      f"fetch the right one with --resume TASK_ID; if it is none of them, {_AGAIN}",
                      accepted="maybe", code=IN_DOUBT)

    # -- the list

    def _new_tasks(self, window: str = "") -> tuple:
        """(the listed tasks that may be of this model and that this machine does not know, whether the list
        surely has all). Without a window the service lists the last 24 hours."""
        def ask(page: int) -> dict:
            url = f"{self.client.endpoint.native}/tasks/?page_no={page}&page_size=100{window}"
            reply = self.client.json(Request("GET", url), Retries.READ)
            self.journal.heard(reply.headers)
            return reply.body
        known = self.journal.known_tasks() | set(self.record.get("others", ()))
        try:
            tasks, is_whole = read_list(ask)
        except ValueError as error:
            raise self._unclear("the service's list of tasks cannot be read", str(error)) from None
        return [task for task in tasks
                if task.task_id not in known and task.may_be_of(self.record["model"])], is_whole

    def _window(self) -> str:
        """The time around the create, as the list is asked for it."""
        moments = (self.record["created"] - LOST_WINDOW, self._ended() + LOST_WINDOW)
        try:
            first, last = (time.strftime("%Y%m%d%H%M%S", time.gmtime(moment + _AHEAD)) for moment in moments)
        except (ValueError, OverflowError, OSError):  # of a clock that was far off
            return ""
        return f"&start_time={first}&end_time={last}"

    def _moments(self) -> tuple:
        """Between which moments of the service's clock the task can have begun."""
        ahead = 0.0 if self.record.get("timed") else self.journal.ahead
        around, ahead = LOST_WINDOW if ahead is None else 5.0, ahead or 0.0
        return self.record["created"] + ahead - around, self._ended() + ahead + around

    def _ended(self) -> float:
        return self.record.get("ended", self.record["created"] + self.client.timeout)

    # -- where no task is listed for that time

    def _of_another_time(self, is_whole: bool) -> list:
        """The new tasks of the last 24 hours, where only this machine's clock told the moment of the create:
        it may have been corrected since. Raises Failure where there is none."""
        self._wait_for_the_list()
        found: list = []
        if is_whole and not self.record.get("timed"):
            found, is_whole = self._new_tasks()
        if found:
            return found
        answer = self.record.get("answer")
        if answer is not None:
            raise self._in_doubt("the service accepted the request, but its list has no such task",
                                 f"its answer was {json.dumps(answer, ensure_ascii=False)[:2000]}")
        if not is_whole:
            raise self._in_doubt("the service's list of tasks cannot be read as a whole",
                                 "it has items of another form, or fewer than it counts")
        if self.journal.expired(self.record):
            raise self._in_doubt("the service lists no such task, but only those of the last 24 hours",
                                 "the create is older")
        self.tasks.drop(self.record)
        raise Failure(Exit.FAILED, "the service lists no such task, so it did not accept the request, "
                                   "which costs nothing",
                      fix="run the original command again", code=NOT_LISTED)

    def _wait_for_the_list(self) -> None:
        """Raise Failure while the list may be some seconds behind. The moment of a create that lies in the
        future comes from a clock that was wrong, so the first look counts then."""
        now, record = clock_of(self.journal, self.record), self.record
        looked = record["looked"] if record.get("looked", now) < now else now
        left = LIST_DELAY - (now - min(record["created"], looked))
        if not 0 < left <= LIST_DELAY:
            return
        record["looked"] = looked
        self.tasks.keep(record)
        command = resume_command(record["id"], self.journal)
        raise Failure(Exit.RUNNING, "the service does not list the task yet",
                      "its list may be some seconds behind",
                      f"look for it again in {counted(math.ceil(left), 'second')}: {command}",
                      code=NOT_YET, accepted="maybe", resume=command, retry_after=left)

    def _unclear(self, what: str, why: str) -> Failure:
        """It may be told a little later."""
        command = resume_command(self.record["id"], self.journal)
        return Failure(Exit.RUNNING, what, why, f"try again in a minute: {command}", accepted="maybe",
                       code=NOT_CLEAR, resume=command)

    def _in_doubt(self, what: str, why: str) -> Failure:
        """Whether there is a task, which is billed then, cannot be told; the record stays."""
        command = resume_command(self.record["id"], self.journal)
        return Failure(Exit.FAILED, what, f"{why}; so the task may exist, and is billed then",
                       f"look for it again: {command}; or {_AGAIN}", accepted="maybe", code=IN_DOUBT,
                       resume=command)
