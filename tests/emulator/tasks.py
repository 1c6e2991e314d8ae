"""/api/v1/tasks: listing and query. No model of the text part makes tasks, so nothing is ever known here."""
from __future__ import annotations

from tests.emulator.wire import Exchange, Reply, ignored, invalid, json_reply

FILTERS = {"task_id", "start_time", "end_time", "model_name", "status", "page_no", "page_size"}


def listing(exchange: Exchange) -> Reply:
    """Always empty."""
    for name in sorted(set(exchange.query) - FILTERS):
        raise ignored(name, "is no filter of the task list")
    page = {name: exchange.query.get(name, default) for name, default in (("page_no", "1"), ("page_size", "10"))}
    for name, value in page.items():
        if not value.isdigit() or int(value) < 1:
            raise invalid(f"'{name}' must be a positive Integer", param=name)
    return json_reply({"total": 0, "data": [], "total_page": 0, **{name: int(value) for name, value in page.items()},
                       "request_id": exchange.request_id})


def get(exchange: Exchange) -> Reply:
    """An unknown id is HTTP 200 with the state UNKNOWN."""
    return json_reply({"request_id": exchange.request_id,
                       "output": {"task_id": exchange.captured["id"], "task_status": "UNKNOWN"}})
