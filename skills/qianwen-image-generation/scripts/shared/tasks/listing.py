"""The service's list of its tasks (image contract 3.7), read for the task of a create whose answer was lost.

Only a list that was read to its end, each item of which was understood, says of a task that it is not there.
"""
from __future__ import annotations

import math
import re
from collections import namedtuple

from ..transport.request import is_id

_PAGES = 20  # more are not read
_SNAPSHOT = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")  # the end of a model's name
_FAR = 1e11  # seconds; what is more is told in milliseconds or finer


class Listed(namedtuple("Listed", "task_id model began")):
    """A task of the list: its model, '' where that is not told, and its beginning in epoch seconds, 0 where
    that cannot be read."""

    __slots__ = ()

    def is_of(self, model: str) -> bool:
        return self.model.lower() == model.lower()

    def may_be_of(self, model: str) -> bool:
        """Whether the list may mean this model: another snapshot of it is named, or none."""
        return not self.model or _without_day(self.model) == _without_day(model)


def read_list(ask) -> tuple:
    """(the tasks of a list, whether these surely are all of them). `ask(page)` gives the answer of a page.
    Raises ValueError where that is no list."""
    found: dict = {}
    odd = 0
    for page in range(1, _PAGES + 1):
        body = ask(page)
        data = body.get("data", "")
        if data is not None and not isinstance(data, list):
            raise ValueError("its answer is not a list")
        tasks = [_listed(item) for item in data or ()]
        new = [task for task in tasks if task and task.task_id not in found]
        found.update((task.task_id, task) for task in new)
        odd += tasks.count(None)
        if _ends(body, page, len(found) + odd):
            return list(found.values()), not odd
        if not new:
            break
    return list(found.values()), False


def _ends(body: dict, page: int, read: int) -> bool:
    """Whether nothing comes after this page, by all counts that the answer has; without any, when it is
    empty."""
    told = [(count, reached) for count, reached in ((body.get("total"), read), (body.get("total_page"), page))
            if count is not None]
    if not told:
        return not body["data"]
    return all(re.fullmatch("[0-9]{1,9}", str(count)) and int(count) <= reached for count, reached in told)


def _listed(item) -> Listed | None:
    """What an item says, None where it names no task."""
    item = item if isinstance(item, dict) else {}
    given = item.get("task_id") or item.get("taskId")
    task_id = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    model = item.get("model_name") or item.get("model")
    return Listed(task_id, model if isinstance(model, str) else "", _began(item)) if is_id(task_id) else None


def _began(item: dict) -> float:
    try:
        moment = float(item.get("gmt_create") or item.get("start_time") or 0)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    while _FAR < moment < math.inf:
        moment /= 1000
    return moment if math.isfinite(moment) else 0.0


def _without_day(model: str) -> str:
    return _SNAPSHOT.sub("", model.lower())
