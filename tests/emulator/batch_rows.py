"""The rows of a batch: what its validation finds wrong with the file, and what comes of each row."""
from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from tests.emulator import addresses, chat, models
from tests.emulator.answers import Turn, turn_for
from tests.emulator.call import Call
from tests.emulator.checks import validate as validate_call
from tests.emulator.ledger import Create
from tests.emulator.retired import is_retired
from tests.emulator.wire import Exchange, Refusal, dumps

CHAT, EMBEDDINGS, DRY = "/v1/chat/completions", "/v1/embeddings", "/v1/chat/ds-test"
TEST_MODEL, TEST_ROWS, TEST_BYTES, TEST_ANSWER = "batch-test-model", 100, 1_000_000, "This is a test result."
MOST_ROWS, LONGEST_ID, MOST_ERRORS = 50_000, 256, 100
MOST_TOKENS = 256_000                  # of the input of a row
ROW_FIELDS = {"custom_id", "method", "url", "body"}
FAILED, MISSING = "[emulator:row-failed]", "[emulator:row-missing]"    # in a prompt: the fate of its row


class RowError(Exception):
    """One entry of `errors.data`."""

    def __init__(self, code: str, message: str, param: Optional[str] = None):
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


@dataclass
class Row:
    custom_id: str
    body: Dict[str, Any]


@dataclass
class _Seen:
    """What the rows before had."""
    ids: Set[str] = field(default_factory=set)
    model: Optional[str] = None
    thinking: Optional[bool] = None


# Validation

def validated(exchange: Exchange, data: bytes, endpoint: str) -> Tuple[List[Row], List[Dict[str, Any]]]:
    """The rows, and the reasons why the file is refused as a whole; one of the two is empty."""
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        return [], [_told(RowError("empty_file", "The input file has no rows."), 0)]
    most = TEST_ROWS if endpoint == DRY else MOST_ROWS
    if len(lines) > most or endpoint == DRY and len(data) > TEST_BYTES:
        told = f"The input file may have {most} rows, it has {len(lines)}."
        return [], [_told(RowError("too_many_rows", told), most + 1)]
    rows, errors, seen = [], [], _Seen()
    for number, line in enumerate(lines, 1):
        try:
            rows.append(_row(exchange, line, endpoint, seen))
        except RowError as error:
            errors.append(_told(error, number))
            if len(errors) == MOST_ERRORS:
                break
    return ([], errors) if errors else (rows, [])


def _told(error: RowError, line: int) -> Dict[str, Any]:
    return {"code": error.code, "message": error.message, "param": error.param, "line": line}


def _row(exchange: Exchange, line: bytes, endpoint: str, seen: _Seen) -> Row:
    longest = exchange.emulator.batch_row_bytes
    if len(line) > longest:
        raise RowError("row_too_large", f"A row may have {longest} bytes, this one has {len(line)}.")
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise RowError("invalid_json_line", "This line is not parseable as valid JSON.") from None
    if not isinstance(value, dict) or set(value) != ROW_FIELDS or not isinstance(value["body"], dict):
        raise RowError("invalid_row", f"A row must be an object with {', '.join(sorted(ROW_FIELDS))} and nothing else.")
    _custom_id(value["custom_id"], seen)
    if value["method"] != "POST":
        raise RowError("invalid_method", f"The provided method '{value['method']}' is not supported.", "method")
    if value["url"] != endpoint:
        raise RowError("url_not_found", f"The provided url '{value['url']}' is not supported by the Batch API.", "url")
    _model(exchange, value["body"], endpoint, seen)
    return Row(value["custom_id"], value["body"])


def _custom_id(value: Any, seen: _Seen) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        raise RowError("invalid_custom_id", f"custom_id must be a string of 1 to {LONGEST_ID} characters.", "custom_id")
    if value in seen.ids:
        raise RowError("duplicate_custom_id", f"The custom_id '{value}' comes twice.", "custom_id")
    seen.ids.add(value)


def _model(exchange: Exchange, body: Dict[str, Any], endpoint: str, seen: _Seen) -> None:
    name = body.get("model")
    if (name == TEST_MODEL) != (endpoint == DRY) or not _known(exchange, name):
        told = f"The provided model '{name}' is not supported by the Batch API."
        raise RowError("model_not_found", told, "body.model")
    if seen.model not in (None, name):
        told = f"All rows must have one model: '{seen.model}' came before '{name}'."
        raise RowError("mismatched_model", told, "body.model")
    if "stream" in body or "stream_options" in body or "extra_body" in body:
        raise RowError("invalid_body", "A row of a batch takes no stream, stream_options or extra_body.", "body")
    thinking = body.get("enable_thinking")
    if seen.model is not None and thinking != seen.thinking:
        raise RowError("mismatched_thinking", "All rows must have one thinking mode.", "body.enable_thinking")
    seen.model, seen.thinking = name, thinking


def _known(exchange: Exchange, name: Any) -> bool:
    if name == TEST_MODEL:
        return True
    model = models.find(name, exchange.emulator.models) if isinstance(name, str) else None
    gone = exchange.emulator.retired and is_retired(name)
    return model is not None and not gone and name not in exchange.emulator.batch_refused_models


# What comes of the rows

@dataclass
class Outcome:
    """The result rows of a batch, and how many there are of each kind."""
    output: List[bytes] = field(default_factory=list)
    errors: List[bytes] = field(default_factory=list)


class NeverDone(Exception):
    """A row that goes on until the batch expires."""


def run(exchange: Exchange, batch_id: str, rows: List[Row]) -> Outcome:
    """Every row answered, in another order than it came. Raises NeverDone before anything is billed."""
    outcome, bills = Outcome(), []
    for row in rows:
        answer = _answer(exchange, row)
        if isinstance(answer, Refusal):
            outcome.errors.append(_error_line(exchange, row, answer))
        elif answer is not None:
            response = {"status_code": 200, "request_id": answer["id"][9:], "body": answer}
            outcome.output.append(_line(row, response, None))
            bills.append((row, answer))
    for row, answer in bills:
        exchange.emulator.bill(_bill(exchange, batch_id, row, answer))
    for lines in (outcome.output, outcome.errors):
        random.Random(len(lines)).shuffle(lines)
    return outcome


def _answer(exchange: Exchange, row: Row) -> Any:
    """The body of a completion, a Refusal, or None when the row is lost."""
    request = replace(exchange, method="POST", path="/compatible-mode" + CHAT, parsed=dict(row.body), body=b"",
                      request_id=str(uuid.uuid4()), fate=None)
    if row.body["model"] == TEST_MODEL:
        return _test_answer(request)
    try:
        call = chat.read(request)
        validate_call(call)
        if call.prompt_tokens > MOST_TOKENS:
            raise Refusal(400, "invalid_parameter_error", f"Range of input length should be [1, {MOST_TOKENS}]")
        prompt = call.last_text("user")
        if FAILED in prompt:
            raise Refusal(500, "internal_error", "An internal error has occured.")
    except Refusal as refusal:
        if refusal.message == addresses.UNREACHED:
            raise NeverDone from None
        return refusal
    return None if MISSING in prompt else _completion(exchange, call, turn_for(call))


def _completion(exchange: Exchange, call: Call, turn: Turn) -> Dict[str, Any]:
    """Without cache hits, and without reasoning unless told otherwise."""
    turn.cached = {"cached_tokens": 0}
    answer = chat.completion(call, turn)
    if not exchange.emulator.batch_reasoning:
        for choice in answer["choices"]:
            choice["message"].pop("reasoning_content", None)
    return answer


def _test_answer(request: Exchange) -> Dict[str, Any]:
    message = {"role": "assistant", "content": TEST_ANSWER}
    return {"id": "chatcmpl-" + request.request_id, "object": "chat.completion", "created": int(request.emulator.clock()),
            "model": TEST_MODEL, "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}


def _line(row: Row, response: Any, error: Any) -> bytes:
    return dumps({"id": str(uuid.uuid4()), "custom_id": row.custom_id, "response": response, "error": error})


def _error_line(exchange: Exchange, row: Row, refusal: Refusal) -> bytes:
    response = {"status_code": refusal.status, "request_id": str(uuid.uuid4()), "body": None}
    with_response, names = ERROR_FORMS[exchange.emulator.batch_error_form]
    return _line(row, response if with_response else None, dict(zip(names, (refusal.code, refusal.message))))


# how an error row is spelled: as captured, as documented, as the sample reads it -> with a response, names of its fields
ERROR_FORMS = {"response": (True, ("code", "message")), "null": (False, ("code", "message")),
               "flat": (False, ("error_code", "error_message"))}


def unfinished(exchange: Exchange, rows: List[Row]) -> Iterator[bytes]:
    """Error rows of what a cancellation stopped, as they were captured once."""
    refusal = Refusal(400, "batch_cancelled", "This request was not executed: the batch was cancelled.")
    return (_error_line(exchange, row, refusal) for row in rows)


def _bill(exchange: Exchange, batch_id: str, row: Row, answer: Dict[str, Any]) -> Create:
    messages = row.body.get("messages") or [{}]
    content = messages[-1].get("content") or ""
    prompt = content if isinstance(content, str) else dumps(content).decode("utf-8")
    return Create(row.body["model"], prompt[:2000], 1, 0, "/compatible-mode/v1/batches", answer["id"][9:], batch_id,
                  exchange.key_sha256 or "", exchange.emulator.clock(),
                  details={"custom_id": row.custom_id, "usage": answer["usage"]})
