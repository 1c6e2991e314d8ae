"""What an error says, in the service's words or in a gateway's: its code, its message and its request id."""
from __future__ import annotations

import json
import re

from .context import ServiceError
from .request import MOST_ID, request_id_of

# What a code, a message and a request id are called, by the service and by gateways, in any case.
_CODES = ("code", "type", "error_code", "errorcode", "status_code")
_MESSAGES = ("message", "msg", "detail", "error_msg", "errormsg", "error_message", "errormessage",
             "status_msg", "error_description", "errors", "error", "base_resp", "title")
_IDS = ("request_id", "requestid")


def error_of(status: int, body: dict, headers: dict) -> ServiceError:
    """The error that a body is, or holds in its `error`."""
    request_id = request_id_of(body, {}) or _first(body, _IDS) or request_id_of(None, headers)
    error = body.get("error")
    while isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    if isinstance(error, dict):
        request_id = _first(error, _IDS) or request_id  # seen inside the error as well
        return ServiceError(status, _first(error, _CODES), _words_in(error), request_id)
    if isinstance(error, str) and error:
        return ServiceError(status, f"http_{status}", error, request_id)
    code, said = _first(body, _CODES[:1] if status < 400 else _CODES), _words_in(body)
    if body and not code and not said:
        said = snippet(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    return ServiceError(status, code or f"http_{status}", said, request_id)


def bare_error(status: int, raw: bytes, headers: dict) -> ServiceError:
    """The error of an HTTP status whose body is no JSON."""
    return ServiceError(status, f"http_{status}", snippet(raw), request_id_of(None, headers))


def _first(body: dict, names) -> str:
    """The first of these fields that holds something, as text."""
    held = _lower(body)
    return next((str(held[name])[:MOST_ID] for name in names if held.get(name)
                 and not isinstance(held[name], (dict, list))), "")


def _lower(body: dict) -> dict:
    return {str(name).lower(): value for name, value in body.items()}


def _words_in(value, depth: int = 3) -> str:
    """The message in what a body calls so: text, or text within objects and lists."""
    if isinstance(value, str) or not depth:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_words_in(one, depth - 1) for one in value[:5])))
    if isinstance(value, dict):
        held = _lower(value)
        found = next(filter(None, (_words_in(held.get(name), depth - 1) for name in _MESSAGES)), "")
        place = value.get("loc")
        return f"{'.'.join(map(str, place))}: {found}" if isinstance(place, list) and place else found
    return ""


def snippet(raw: bytes) -> str:
    """The start of a body as one line of text, tags removed."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", raw[:20000].decode("utf-8", "replace"),
                  flags=re.DOTALL)
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:200] + "…"
