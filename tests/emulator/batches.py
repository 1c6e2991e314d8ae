"""/compatible-mode/v1/batches: jobs made of a file of rows. A batch goes on by being looked at, or with the clock."""
from __future__ import annotations

import re
import threading
import uuid
from calendar import timegm
from dataclasses import dataclass, field
from time import strptime
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from tests.emulator import batch_rows, files
from tests.emulator.batch_rows import CHAT, DRY, EMBEDDINGS, NeverDone, Row
from tests.emulator.tasks import BEIJING, account_of
from tests.emulator.wire import Exchange, Refusal, Reply, invalid, json_reply, parse_json

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

VALIDATING, RUNNING, FINALIZING, CANCELLING = "validating", "in_progress", "finalizing", "cancelling"
FAILED, COMPLETED, EXPIRED, CANCELLED = "failed", "completed", "expired", "cancelled"
STATES = (VALIDATING, RUNNING, FINALIZING, CANCELLING, FAILED, COMPLETED, EXPIRED, CANCELLED)
ENDS = frozenset((FAILED, COMPLETED, EXPIRED, CANCELLED))
STAMPS = ("in_progress_at", "expires_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at",
          "cancelled_at")
WINDOW = re.compile(r"(\d{1,3})([hd])")
HOURS = {"h": 1, "d": 24}
KEPT_SECONDS = 30 * 24 * 3600
FIELDS = {"input_file_id", "endpoint", "completion_window", "metadata"}
FILTERS = {"after", "limit", "status", "ds_name", "input_file_ids", "create_after", "create_before"}
LENGTHS = {"ds_name": 100, "ds_description": 200}
TOO_MANY = Refusal(429, "limit_requests", "Too many batches are running.", type="limit_requests")


@dataclass
class Batch:
    id: str
    account: Tuple[str, str]
    endpoint: str
    input_file_id: str
    window: str
    hours: int
    metadata: Dict[str, Any]
    created: float
    data: bytes = field(repr=False)
    status: str = VALIDATING
    looks: int = 0
    cancel_looks: int = 0
    rows: List[Row] = field(default_factory=list, repr=False)
    errors: List[Dict[str, Any]] = field(default_factory=list)
    total: int = 0                     # these three as the batch tells them
    completed: int = 0
    failed: int = 0
    output_file_id: Optional[str] = None
    error_file_id: Optional[str] = None
    stamps: Dict[str, Optional[int]] = field(default_factory=lambda: dict.fromkeys(STAMPS))
    lock: Any = field(default_factory=threading.RLock, repr=False)

    @property
    def deadline(self) -> float:
        return self.created + self.hours * 3600

    def enter(self, status: str, now: float) -> None:
        self.status = status
        self.stamps[status + "_at"] = int(now)

    def as_json(self) -> Dict[str, Any]:
        told = {"id": self.id, "object": "batch", "endpoint": self.endpoint,
                "errors": {"object": "list", "data": self.errors} if self.errors else None,
                "input_file_id": self.input_file_id, "completion_window": self.window, "status": self.status,
                "output_file_id": self.output_file_id, "error_file_id": self.error_file_id,
                "created_at": int(self.created), **self.stamps}
        counts = {"total": self.total, "completed": self.completed, "failed": self.failed}
        return {**told, "request_counts": counts, "metadata": self.metadata}


# Create

def create(exchange: Exchange) -> Reply:
    body, emulator = parse_json(exchange), exchange.emulator
    for name in sorted(set(body) - FIELDS):
        raise invalid(f"emulator: unknown field {name!r}", param=name, wrapped=False)
    file = _input(exchange, body.get("input_file_id"))
    if body.get("endpoint") not in (CHAT, EMBEDDINGS, DRY):
        raise invalid(f"The provided endpoint '{body.get('endpoint')}' is not supported by the Batch API.", param="endpoint",
                      wrapped=False)
    hours = _hours(body.get("completion_window"))
    metadata = _metadata(body.get("metadata"))
    if exchange.fate is not None and exchange.fate.refusal is not None:
        raise exchange.fate.refusal
    batch = Batch(f"batch_{uuid.uuid4()}", account_of(exchange), body["endpoint"], file.id, body["completion_window"], hours,
                  metadata, emulator.clock(), file.data)
    if emulator.batch_expires_at:
        batch.stamps["expires_at"] = int(batch.deadline)
    with emulator.lock:
        live = sum(one.status not in ENDS and one.account == batch.account for one in emulator.batches.values())
        if live >= emulator.batch_live_limit:
            raise TOO_MANY
        emulator.batches[batch.id] = batch
        emulator.most_batches = max(emulator.most_batches, live + 1)
    return json_reply(batch.as_json())


def _input(exchange: Exchange, number: Any) -> files.StoredFile:
    file = exchange.emulator.files.get(number) if isinstance(number, str) else None
    if file is None or file.account != account_of(exchange):
        raise invalid(f"No such File object: {number}", param="input_file_id", wrapped=False)
    if file.purpose != "batch":
        raise invalid(f"The purpose of the file {number} is '{file.purpose}', not 'batch'.", param="input_file_id", wrapped=False)
    return file


def _hours(window: Any) -> int:
    match = WINDOW.fullmatch(window) if isinstance(window, str) else None
    hours = int(match.group(1)) * HOURS[match.group(2)] if match else 0
    if not 24 <= hours <= 336:
        raise invalid("completion_window must be 24h to 336h, or 1d to 14d", param="completion_window", wrapped=False)
    return hours


def _metadata(given: Any) -> Dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise invalid("'metadata' must be Dict", param="metadata", wrapped=False)
    for name, value in (given or {}).items():
        if not isinstance(value, str) or len(value) > LENGTHS.get(name, 512):
            raise invalid(f"emulator: 'metadata.{name}' must be a string of {LENGTHS.get(name, 512)} characters at most",
                          param="metadata", wrapped=False)
    return given or {}


# How a batch goes on

def advance(exchange: Exchange, batch: Batch) -> None:
    """One look further. Rows are run when the batch has reached its end, or what comes before it."""
    emulator = exchange.emulator
    with batch.lock:
        batch.looks += 1
        now = emulator.clock()
        stage = _stage(emulator, batch, now)
        if batch.status == CANCELLING:
            batch.cancel_looks += 1
            if batch.cancel_looks > emulator.batch_cancel_polls:
                _end(exchange, batch, CANCELLED, now)
        elif batch.status not in ENDS and now >= batch.deadline:
            _validate(exchange, batch, now)
            if batch.status not in ENDS:
                _end(exchange, batch, EXPIRED, now)
        elif batch.status not in ENDS:
            _forward(exchange, batch, stage, now)


def _stage(emulator: Epoch, batch: Batch, now: float) -> int:
    """0 validating, 1 in progress, 2 finalizing, 3 done."""
    if emulator.batch_seconds is not None:
        limits, place = emulator.batch_seconds, now - batch.created
    else:
        limits, place = emulator.batch_polls, batch.looks - 1
    total = 0.0
    for stage, limit in enumerate(limits):
        total += limit
        if place < total:
            return stage
    return len(limits)


def _forward(exchange: Exchange, batch: Batch, stage: int, now: float) -> None:
    if stage >= 1:
        _validate(exchange, batch, now)
    if batch.status == RUNNING and stage >= 2:
        try:
            _finish(exchange, batch, len(batch.rows))
        except NeverDone:              # a row with an address that nobody reaches: until the window is over
            return
        batch.enter(FINALIZING, now)
    if batch.status == FINALIZING and stage >= 3:
        batch.enter(COMPLETED, now)


def _validate(exchange: Exchange, batch: Batch, now: float) -> None:
    if batch.status != VALIDATING:
        return
    batch.rows, batch.errors = batch_rows.validated(exchange, batch.data, batch.endpoint)
    batch.data = b""
    batch.enter(FAILED if batch.errors else RUNNING, now)
    batch.total = len(batch.rows)
    if exchange.emulator.batch_counts_move:
        batch.completed = int(batch.total * exchange.emulator.batch_share)


def _finish(exchange: Exchange, batch: Batch, count: int) -> None:
    """The first `count` rows are run, and their results lie in files."""
    outcome = batch_rows.run(exchange, batch.id, batch.rows[:count])
    rest = batch.rows[count:]
    if rest and batch.status == CANCELLING and exchange.emulator.batch_cancel_fails_rows:
        outcome.errors += batch_rows.unfinished(exchange, rest)
    batch.rows = []
    batch.completed, batch.failed = len(outcome.output), len(outcome.errors)
    prefixes = files.PREFIXES["batch_output"], exchange.emulator.batch_error_prefix
    batch.output_file_id, batch.error_file_id = (
        files.keep(exchange, prefix, batch.id, lines) for prefix, lines in zip(prefixes, (outcome.output, outcome.errors)))


def _end(exchange: Exchange, batch: Batch, status: str, now: float) -> None:
    """Before its time: a share of the rows is done."""
    if batch.rows:
        try:
            _finish(exchange, batch, int(len(batch.rows) * exchange.emulator.batch_share))
        except NeverDone:
            batch.completed = 0
    batch.enter(status, now)


# Look, list, cancel

def get(exchange: Exchange) -> Reply:
    batch = _find(exchange)
    advance(exchange, batch)
    return json_reply(batch.as_json())


def cancel(exchange: Exchange) -> Reply:
    """The time of it is told from the next look on."""
    batch = _find(exchange)
    with batch.lock:
        if batch.status in ENDS or batch.status == CANCELLING:
            raise Refusal(400, "invalid_request_error", f"Cannot cancel a batch with status '{batch.status}'.", native="Conflict")
        _validate(exchange, batch, exchange.emulator.clock())
        told = batch.as_json()
        if batch.status != FAILED:
            batch.enter(CANCELLING, exchange.emulator.clock())
            told = {**batch.as_json(), "cancelling_at": None}
    return json_reply(told)


def _find(exchange: Exchange) -> Batch:
    number = exchange.captured["id"]
    batch = exchange.emulator.batches.get(number)
    if batch is None or batch.account != account_of(exchange) or exchange.emulator.clock() - batch.created > KEPT_SECONDS:
        raise Refusal(404, "not_found", f"No batch found with id '{number}'.", param="id", native="NotFound")
    return batch


def listing(exchange: Exchange) -> Reply:
    """The newest first."""
    query = exchange.query
    for name in sorted(set(query) - FILTERS):
        raise invalid(f"emulator: unknown field {name!r}", param=name, wrapped=False)
    limit = query.get("limit", "20")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        raise invalid("Range of limit should be [1, 100]", param="limit", wrapped=False)
    found = _after(_filtered(exchange), query.get("after"))
    page = [batch.as_json() for batch in found[:int(limit)]]
    return json_reply({"object": "list", "data": page or None, "first_id": page[0]["id"] if page else None,
                       "last_id": page[-1]["id"] if page else None, "has_more": len(found) > len(page)})


def _filtered(exchange: Exchange) -> List[Batch]:
    query, account = exchange.query, account_of(exchange)
    states = query["status"].split(",") if "status" in query else STATES
    if not set(states) <= set(STATES):
        raise invalid(f"emulator: 'status' may hold {', '.join(STATES)}", param="status", wrapped=False)
    inputs = query["input_file_ids"].split(",") if "input_file_ids" in query else None
    if inputs is not None and len(inputs) > 20:
        raise invalid("emulator: 'input_file_ids' may hold 20 ids", param="input_file_ids", wrapped=False)
    first, last = _moment(query, "create_after", 0), _moment(query, "create_before", float("inf"))
    return [batch for batch in reversed(list(exchange.emulator.batches.values()))
            if batch.account == account and batch.status in states and first <= batch.created <= last
            and query.get("ds_name", "") in batch.metadata.get("ds_name", "")
            and (inputs is None or batch.input_file_id in inputs)]


def _moment(query: Dict[str, str], name: str, default: float) -> float:
    if name not in query:
        return default
    try:
        if not re.fullmatch(r"\d{14}", query[name]):
            raise ValueError(query[name])
        return timegm(strptime(query[name], "%Y%m%d%H%M%S")) - BEIJING
    except ValueError:
        raise invalid(f"emulator: {name!r} must be yyyyMMddHHmmss", param=name, wrapped=False) from None


def _after(batches: List[Batch], number: Optional[str]) -> List[Batch]:
    ids = [batch.id for batch in batches]
    return batches[ids.index(number) + 1:] if number in ids else batches
