"""/api/v1/tasks: what asynchronous calls leave behind. A task goes on by being looked at: PENDING, RUNNING, and its end.

Any kind of work fits: a task only needs a function that gives its output and usage when it is done.
"""
from __future__ import annotations

import re
import time
import uuid
from calendar import timegm
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from tests.emulator.wire import Exchange, Refusal, Reply, ignored, invalid, json_reply

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, UNKNOWN = "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"
DAY = 24 * 3600
KEPT_TASKS = 200_000
BEIJING = 8 * 3600                     # the zone of the naive times
QUEUED, WORKED = 0.04, 20.0            # seconds that a task says it waited and took
FILTERS = {"task_id", "start_time", "end_time", "model_name", "status", "page_no", "page_size", "api_key_id", "region"}
NOT_PENDING = Refusal(400, "UnsupportedOperation",
                      "Failed to cancel the task, please confirm if the task is in PENDING status.")


@dataclass
class End:
    """How a task ends."""
    status: str = SUCCEEDED
    output: Dict[str, Any] = field(default_factory=dict)
    usage: Optional[Dict[str, Any]] = None
    flat: bool = False                 # a failure told without `output`


@dataclass
class Task:
    id: str
    account: Tuple[str, str]           # region and digest of the key
    model: str
    service: str                       # as in aigc:text2image:image-synthesis
    request_id: str
    created: float
    total: int                         # of task_metrics; 0: it has none
    finish: Callable[[], End] = field(repr=False)
    polls: int = 0
    canceled: bool = False
    ended: float = 0
    end: Optional[End] = None
    placed: bool = True                # False: it waits until another task of the model ends

    @property
    def kind(self) -> Tuple[str, str, str]:
        return (*self.account, self.model)


def create(exchange: Exchange, model: str, finish: Callable[[str], End], total: int = 0) -> Task:
    """A new task; `finish` gets its id. It must not hold on to the body of the request."""
    emulator, number = exchange.emulator, str(uuid.uuid4())
    service = exchange.path.rstrip("/").partition("/services/")[2].replace("/", ":")
    task = Task(number, account_of(exchange), model, service, exchange.request_id, emulator.clock(), total,
                lambda: finish(number))
    emulator.tasks[number] = task
    _place(emulator, task)
    if len(emulator.tasks) > KEPT_TASKS:
        with emulator.lock:
            for old in list(emulator.tasks)[:KEPT_TASKS // 4]:
                del emulator.tasks[old]
    return task


def _place(emulator: Epoch, task: Task) -> None:
    """A task may start, or waits when as many of its model are going as `running_limits` says."""
    with emulator.lock:
        emulator.unfinished[task.kind] += 1
        emulator.most_unfinished[task.model] = max(emulator.most_unfinished[task.model], emulator.unfinished[task.kind])
        task.placed = emulator.placed[task.kind] < emulator.running_limits.get(task.model, KEPT_TASKS)
        if task.placed:
            _start(emulator, task)
        else:
            emulator.waiting[task.kind].append(task)


def _start(emulator: Epoch, task: Task) -> None:
    task.placed = True
    emulator.placed[task.kind] += 1
    emulator.most_running[task.model] = max(emulator.most_running[task.model], emulator.placed[task.kind])


def _leave(emulator: Epoch, task: Task) -> None:
    """Its end, or its cancellation: the next one may start."""
    waiting = emulator.waiting[task.kind]
    emulator.unfinished[task.kind] -= 1
    if not task.placed:
        waiting.remove(task)
        return
    emulator.placed[task.kind] -= 1
    if waiting:
        _start(emulator, waiting.pop(0))


def created(exchange: Exchange, task: Task) -> Reply:
    return json_reply({"output": {"task_status": PENDING, "task_id": task.id}, "request_id": exchange.request_id})


def account_of(exchange: Exchange) -> Tuple[str, str]:
    """The region and the key; the hosts of one region share their accounts."""
    return "dashscope-intl" if exchange.host == "dashscope-intl" else "dashscope", exchange.key_sha256 or ""


def find(exchange: Exchange, number: str) -> Optional[Task]:
    """The task, if it is of this account and not forgotten."""
    task = exchange.emulator.tasks.get(number)
    known = task is not None and task.account == account_of(exchange) and exchange.emulator.clock() - task.created < DAY
    return task if known else None


def status_of(emulator: Epoch, task: Task) -> str:
    """What the last look at it saw."""
    pending, running = emulator.task_polls
    if task.canceled:
        return CANCELED
    if task.end is not None:
        return task.end.status
    return PENDING if task.polls <= pending or not task.placed else RUNNING


def get(exchange: Exchange) -> Reply:
    """An unknown id is HTTP 200 with the state UNKNOWN."""
    if exchange.headers.get("x-dashscope-async") == "enable":
        raise ignored("X-DashScope-Async", "belongs to the request that creates a task")
    emulator, task = exchange.emulator, find(exchange, exchange.captured["id"])
    if task is None:
        return unknown(exchange)
    with emulator.lock:
        task.polls += task.placed
        if task.end is None and not task.canceled and task.placed and task.polls > sum(emulator.task_polls):
            task.end, task.ended = task.finish(), emulator.clock()
            _leave(emulator, task)
    status = status_of(emulator, task)
    if status == UNKNOWN:
        return unknown(exchange)
    if status == FAILED and task.end and task.end.flat:
        return json_reply({"request_id": exchange.request_id, "code": task.end.output["code"],
                           "message": task.end.output["message"]})
    told = emulator.running_status if status == RUNNING else status
    output = {"task_id": task.id, "task_status": told, **_times(task, status)}
    if status not in (SUCCEEDED, FAILED):
        if task.total and status == RUNNING:
            output["task_metrics"] = {"TOTAL": task.total, "SUCCEEDED": 0, "FAILED": 0}
        return json_reply({"request_id": exchange.request_id, "output": output})
    answer = {"request_id": exchange.request_id, "output": {**output, **task.end.output}}
    if task.end.usage is not None:
        answer["usage"] = task.end.usage
    return json_reply(answer)


def unknown(exchange: Exchange) -> Reply:
    return json_reply({"request_id": exchange.request_id,
                       "output": {"task_id": exchange.captured["id"], "task_status": UNKNOWN}})


def _times(task: Task, status: str) -> Dict[str, str]:
    times = {"submit_time": _clock(task.created)}
    if status in (RUNNING, SUCCEEDED, FAILED):
        times["scheduled_time"] = _clock(task.created + QUEUED)
    if status in (SUCCEEDED, FAILED, CANCELED):
        times["end_time"] = _clock(task.created + WORKED)
    return times


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds + BEIJING)) + f".{int(seconds % 1 * 1000):03d}"


def cancel(exchange: Exchange) -> Reply:
    if exchange.body.strip() not in (b"", b"{}"):
        raise ignored("body", "of a cancellation must be empty")
    task = find(exchange, exchange.captured["id"])
    with exchange.emulator.lock:
        if task is None or status_of(exchange.emulator, task) != PENDING:
            raise NOT_PENDING
        task.canceled = True
        _leave(exchange.emulator, task)
        exchange.emulator.unbill(task.id)
    return json_reply({"request_id": exchange.request_id})


# The list

def listing(exchange: Exchange) -> Reply:
    """The tasks of this account, the newest first; without `output` around it, and with times in milliseconds."""
    query = exchange.query
    for name in sorted(set(query) - FILTERS):
        raise ignored(name, "is no filter of the task list")
    number, size = (_positive(query, name, default) for name, default in (("page_no", "1"), ("page_size", "10")))
    found = _filtered(exchange)
    page = [_row(exchange, task) for task in found[(number - 1) * size:number * size]]
    return json_reply({"total": len(found), "data": page, "total_page": -(-len(found) // size), "page_no": number,
                       "page_size": size,
                       "request_id": exchange.request_id})


def _positive(query: Dict[str, str], name: str, default: str) -> int:
    value = query.get(name, default)
    if not value.isdigit() or int(value) < 1:
        raise invalid(f"'{name}' must be a positive Integer", param=name)
    return int(value)


def _filtered(exchange: Exchange) -> List[Task]:
    query, emulator = exchange.query, exchange.emulator
    first, last = _window(query, emulator.clock())
    if query.get("status", PENDING) not in (PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED):
        raise invalid(f"emulator: 'status' {query['status']!r} is no state of a task", param="status")
    account = account_of(exchange)
    return [task for task in reversed(list(emulator.tasks.values()))
            if task.account == account and first <= task.created <= last
            and query.get("task_id", task.id) == task.id and query.get("model_name", task.model) == task.model
            and ("status" not in query or query["status"] == status_of(emulator, task))]


def _window(query: Dict[str, str], now: float) -> Tuple[float, float]:
    last = _moment(query["end_time"], "end_time") + 1 if "end_time" in query else now
    first = _moment(query["start_time"], "start_time") if "start_time" in query else last - DAY
    if last - first > DAY + 1:
        raise invalid("emulator: start_time and end_time may lie 24 hours apart at most", param="start_time")
    return first, last


def _moment(value: str, name: str) -> float:
    try:
        if not re.fullmatch(r"\d{14}", value):
            raise ValueError(value)
        return timegm(time.strptime(value, "%Y%m%d%H%M%S")) - BEIJING
    except ValueError:
        raise invalid(f"emulator: '{name}' must be YYYYMMDDhhmmss", param=name) from None


def _row(exchange: Exchange, task: Task) -> Dict[str, Any]:
    status = status_of(exchange.emulator, task)
    row = {"api_key_id": "8", "caller_parent_id": "1234", "caller_uid": "1234", "gmt_create": int(task.created * 1000),
           "region": "ap-southeast-1" if exchange.host == "dashscope-intl" else "cn-beijing", "request_id": task.request_id,
           "status": status, "task_id": task.id, "model_name": task.model,
           "user_api_unique_key": f"apikey:v1:{task.service}:{task.model}"}
    if status != PENDING:
        row["start_time"] = int((task.created + QUEUED) * 1000)
    if status in (SUCCEEDED, FAILED, CANCELED):
        row["end_time"] = int((task.created + WORKED) * 1000)
    return row
