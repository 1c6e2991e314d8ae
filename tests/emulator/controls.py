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


def _task_polls(emulator: Epoch, value: Any) -> None:
    pending, running = map(int, value)
    emulator.task_polls = (pending, running)


def _clock_offset(emulator: Epoch, value: Any) -> None:
    offset = float(value)
    emulator.clock = lambda: time.time() + offset


SETTINGS: Dict[str, Callable[[Epoch, Any], None]] = {
    "latency": lambda emulator, value: setattr(emulator, "latency", float(value)),
    "delay": lambda emulator, value: setattr(emulator, "delay", float(value)),
    "task_polls": _task_polls,
    "late_refusals": lambda emulator, value: setattr(emulator, "late_refusals", bool(value)),
    "flat_failures": lambda emulator, value: setattr(emulator, "flat_failures", bool(value)),
    "clock_offset": _clock_offset,
    "video_bytes": lambda emulator, value: setattr(emulator, "video_bytes", int(value)),
    "web_seconds": lambda emulator, value: setattr(emulator, "web_seconds", float(value)),
    "doubtful_uploads": lambda emulator, value: setattr(emulator, "doubtful_uploads", bool(value)),
    "running_limits": lambda emulator, value: emulator.running_limits.update(value),
    "unit_seconds": lambda emulator, value: setattr(emulator, "unit_seconds", float(value)),
    "running_status": lambda emulator, value: setattr(emulator, "running_status", str(value)),
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
