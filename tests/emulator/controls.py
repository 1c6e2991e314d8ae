"""The controls of an emulator over HTTP, for one in a process of its own: /_emulator/..."""
from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Callable, Dict

from tests.emulator import ledger
from tests.emulator.wire import Exchange, Reply, empty_reply, json_reply

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch


def _inject(exchange: Exchange) -> Any:
    exchange.emulator.inject(**json.loads(exchange.body))
    return {"ok": True}


def _reply(exchange: Exchange) -> Any:
    exchange.emulator.reply(**json.loads(exchange.body))
    return {"ok": True}


def _requests(exchange: Exchange) -> Any:
    return [{**asdict(record), "body": record.body.decode("utf-8", "replace"), "json": record.json}
            for record in list(exchange.emulator.requests)]


def _uploads(exchange: Exchange) -> Any:
    return [{**asdict(upload), "head": upload.head.hex()} for upload in list(exchange.emulator.uploads)]


def _flaky(exchange: Exchange) -> Any:
    exchange.emulator.flaky(**json.loads(exchange.body))
    return {"ok": True}


def _settings(exchange: Exchange) -> Any:
    given = json.loads(exchange.body)
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise ValueError(f"unknown settings {', '.join(unknown)}; known: {', '.join(SETTINGS)}")
    for name, value in given.items():
        SETTINGS[name](exchange.emulator, value)
    return {"ok": True}


def _clock_offset(emulator: Epoch, value: Any) -> None:
    offset = float(value)
    emulator.clock = lambda: time.time() + offset


def _numbers(kind: Callable[[Any], Any], count: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is None:
            return None
        if len(value) != count:
            raise ValueError(f"{value} are not {count} numbers")
        return tuple(map(kind, value))
    return read


# setting -> what its value is read with
PLAIN: Dict[str, Callable[[Any], Any]] = {
    "latency": float, "delay": float, "task_polls": _numbers(int, 2), "late_refusals": bool, "flat_failures": bool,
    "video_bytes": int, "web_seconds": float, "doubtful_uploads": bool, "unit_seconds": float, "running_status": str,
    "result_name": str, "retired": bool, "sse_refusals": bool,
    "batch_polls": _numbers(int, 3), "batch_seconds": _numbers(float, 3), "batch_share": float, "batch_cancel_polls": int,
    "batch_counts_move": bool, "batch_cancel_fails_rows": bool, "batch_expires_at": bool, "batch_row_bytes": int,
    "batch_live_limit": int, "batch_error_form": str, "batch_error_prefix": str, "batch_reasoning": bool,
}
SETTINGS: Dict[str, Callable[[Epoch, Any], None]] = {
    **{name: (lambda emulator, value, name=name, read=read: setattr(emulator, name, read(value)))
       for name, read in PLAIN.items()},
    "clock_offset": _clock_offset,
    "running_limits": lambda emulator, value: emulator.running_limits.update(value),
}


def _creates(exchange: Exchange) -> Any:
    return [asdict(create) for create in list(exchange.emulator.creates)]


def _downloads(exchange: Exchange) -> Any:
    return [asdict(download) for download in list(exchange.emulator.downloads)]


def _summary(exchange: Exchange) -> Any:
    return ledger.summary(exchange.emulator)


def _reset(exchange: Exchange) -> Any:
    exchange.emulator.reset()
    return {"ok": True}


CONTROLS: Dict[tuple, Callable[[Exchange], Any]] = {
    ("POST", "/_emulator/inject"): _inject,
    ("POST", "/_emulator/reply"): _reply,
    ("GET", "/_emulator/requests"): _requests,
    ("GET", "/_emulator/uploads"): _uploads,
    ("POST", "/_emulator/reset"): _reset,
    ("POST", "/_emulator/flaky"): _flaky,
    ("POST", "/_emulator/settings"): _settings,
    ("GET", "/_emulator/creates"): _creates,
    ("GET", "/_emulator/downloads"): _downloads,
    ("GET", "/_emulator/summary"): _summary,
}


def control(exchange: Exchange) -> Reply:
    action = CONTROLS.get((exchange.method, exchange.path))
    if action is None:
        return empty_reply(404)
    try:
        return json_reply(action(exchange))
    except (TypeError, ValueError) as error:
        return json_reply({"error": str(error)}, 400)
