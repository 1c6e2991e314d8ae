"""What travels: one request in flight, its record without the key, the reply, and the refusals in both dialects."""
from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, Optional
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from tests.emulator.results import Download
    from tests.emulator.epoch import Epoch

JSON = "application/json"
OSS = "oss"                            # the host, as in /@oss/, that plays the object storage
RESULTS = "results"                    # the host of what tasks and image calls leave to be downloaded
KEPT_BODY = 32 * 1024 * 1024           # of a longer body the record keeps size and digest only
EVENT_STREAM = "text/event-stream;charset=UTF-8"
PUBLIC = re.compile("(Bearer )?(sk-sp-|sk-ws-|sk-|st-)?", re.IGNORECASE)
SECRET_HEADERS = ("authorization", "proxy-authorization", "x-api-key")
KEY_KINDS = (("sk-sp-", "plan"), ("sk-", "standard"), ("st-", "temporary"))


def dumps(value: Any) -> bytes:
    """JSON in UTF-8; where half of a UTF-16 pair stands alone, everything is escaped."""
    try:
        return strict_dumps(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def strict_dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def kind_of(key: str) -> str:
    """standard, plan, temporary or other, told by the public prefix; case does not matter."""
    lowered = key.lower()
    return next((kind for prefix, kind in KEY_KINDS if lowered.startswith(prefix)), "other")


def bearer_key(headers: Dict[str, str]) -> Optional[str]:
    """The key of a well-formed `Authorization: Bearer KEY`, else None."""
    match = re.fullmatch(r"Bearer (\S+)", headers.get("authorization", ""))
    return match.group(1) if match else None


def masked(value: str) -> str:
    """A credential reduced to its scheme and public prefix."""
    return PUBLIC.match(value).group() + "***"


@dataclass
class Recorded:
    """One request as it came, except that credentials are masked and a body over 32 MiB is left out."""
    host: str
    method: str
    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    body: bytes                        # b"" when it was too long to keep, and for uploads to the object storage
    status: Optional[int] = None       # None until the reply is chosen; 0 when the connection was cut instead
    authorized: bool = False           # an Authorization header was there
    bearer: bool = False               # ... in the form "Bearer KEY"
    key_kind: Optional[str] = None     # standard, plan, temporary, other; "malformed" without "Bearer KEY"; None if absent
    key_sha256: Optional[str] = None   # hex digest of the key
    body_size: int = 0                 # this and the digest are of `body` before it was left out
    body_sha256: str = ""

    @cached_property
    def json(self) -> Any:
        """The body parsed; None when it is not a JSON object or array."""
        if self.body[:1] not in (b"{", b"["):
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@lru_cache(maxsize=64)
def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode("latin-1")).hexdigest()


@dataclass
class Fate:
    """What a fault has in store for a create once it is accepted; a refusal comes then instead of the answer."""
    name: str
    parameters: Dict[str, Any] = field(default_factory=dict)
    refusal: Optional["Refusal"] = None


@dataclass
class Exchange:
    """A request while it is being answered. The only place that holds the key."""
    emulator: "Epoch"
    host: str
    method: str
    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    body: bytes
    request_id: str
    key: Optional[str] = field(default=None, repr=False)
    script: Optional[Dict[str, Any]] = None
    captured: Dict[str, str] = field(default_factory=dict)
    incoming: Iterator[bytes] = field(default_factory=lambda: iter(()), repr=False)   # of the body, not read yet
    fate: Optional[Fate] = None
    parsed: Optional[Dict[str, Any]] = field(default=None, repr=False)                # the body, once it was read as JSON
    download: Optional["Download"] = None
    swap: Callable[[bytes], bytes] = lambda data: data         # what a download gives instead of the file

    @property
    def streams(self) -> bool:
        """Whether the answer is to be an event stream."""
        if self.native:
            return (self.headers.get("x-dashscope-sse") == "enable"
                    or self.headers.get("accept", "").startswith("text/event-stream"))
        return b'"stream"' in self.body and _says_stream(self.body)

    @property
    def key_sha256(self) -> Optional[str]:
        return None if self.key is None else digest_of(self.key)

    @property
    def native(self) -> bool:
        return self.path.startswith("/api/")

    def record(self) -> Recorded:
        headers = {name: masked(value) if name in SECRET_HEADERS else value for name, value in self.headers.items()}
        authorized = "authorization" in self.headers
        body = self.body if len(self.body) <= KEPT_BODY else b""
        record = Recorded(self.host, self.method, self.path, self.query, headers, body,
                          authorized=authorized, bearer=self.key is not None, key_sha256=self.key_sha256,
                          body_size=len(self.body), body_sha256=hashlib.sha256(self.body).hexdigest())
        if authorized:
            record.key_kind = kind_of(self.key) if self.key is not None else "malformed"
        return record


def _says_stream(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("stream") is True


@dataclass
class Reply:
    """What goes back. `events` (an iterable of bytes) makes it a stream, one write per event."""
    status: int = 200
    body: bytes = b""
    headers: Dict[str, str] = field(default_factory=dict)
    events: Optional[Iterable[bytes]] = None
    length: Optional[int] = None       # a Content-Length to declare; None sends the body chunked
    end: str = "keep"                  # keep, close (no final chunk), reset (RST)


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, dumps(value), {"content-type": JSON, **headers})


def stream_reply(events: Iterable[bytes], headers: Optional[Dict[str, str]] = None) -> Reply:
    return Reply(200, headers={"content-type": EVENT_STREAM, **(headers or {})}, events=events)


def html_reply(status: int, title: str, text: str) -> Reply:
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
    return Reply(status, page.encode(), {"content-type": "text/html; charset=utf-8"})


def xml_reply(status: int, code: str, message: str, request_id: str) -> Reply:
    """An error as the object storage spells it."""
    text = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n  <Code>{escape(code)}</Code>\n'
            f"  <Message>{escape(message)}</Message>\n  <RequestId>{request_id}</RequestId>\n"
            "  <HostId>dashscope-file-mgr.emulator</HostId>\n</Error>\n")
    return Reply(status, text.encode("utf-8"), {"content-type": "application/xml", "x-oss-request-id": request_id})


def empty_reply(status: int) -> Reply:
    return Reply(status, length=0)


class BadRequest(Exception):
    """The request is not HTTP as it should be."""


class Refusal(Exception):
    """An error of the service, spelled for both dialects, or as XML on the host of the object storage.

    `code` and `message` are the compat ones; `native` and `native_message` replace them on /api/v1. `wrapped` puts
    the engine's "<400> ..." prefix before the compat message, as parameter errors have it.
    """

    def __init__(self, status: int, code: Optional[str], message: str, *, native: Optional[str] = None,
                 native_message: Optional[str] = None, type: str = "invalid_request_error", param: Optional[str] = None,
                 wrapped: bool = False):
        super().__init__(message)
        self.status, self.code, self.message, self.type, self.param = status, code, message, type, param
        self.native, self.native_message = native or code, native_message or message
        self.wrapped = wrapped

    def compat_body(self, request_id: str) -> Dict[str, Any]:
        prefix = f"<{self.status}> InternalError.Algo.InvalidParameter: " if self.wrapped else ""
        body = {"error": {"message": prefix + self.message, "type": self.type, "param": self.param, "code": self.code}}
        if self.wrapped:
            body["id"] = "chatcmpl-" + request_id
        if self.status != 401:         # the captured 401 has no request_id in the body: only the header tells it
            body["request_id"] = request_id
        return body

    def native_body(self, request_id: str) -> Dict[str, Any]:
        return {"code": self.native, "message": self.native_message, "request_id": request_id}

    def reply(self, exchange: Exchange) -> Reply:
        if exchange.emulator.sse_refusals and exchange.streams and self.status != 401:
            return event_refusal(exchange, self)
        if exchange.host in (OSS, RESULTS):
            return xml_reply(self.status, self.native or "InternalError", self.native_message, exchange.request_id)
        if not exchange.native:
            return json_reply(self.compat_body(exchange.request_id), self.status)
        reply = json_reply(self.native_body(exchange.request_id), self.status)
        if self.status == 401:
            del reply.headers["content-type"]
        return reply


def invalid(message: str, *, param: Optional[str] = None, wrapped: bool = True, native: str = "InvalidParameter") -> Refusal:
    """400 for a bad parameter."""
    return Refusal(400, "invalid_parameter_error", message, native=native, param=param, wrapped=wrapped)


def ignored(name: str, why: str) -> Refusal:
    """400 of the emulator's own: the service would take this and do nothing with it."""
    return invalid(f"emulator: {name!r} {why}", param=name, wrapped=False)


def parse_json(exchange: Exchange) -> Dict[str, Any]:
    """The body as a JSON object; anything else is refused."""
    if exchange.parsed is None:
        exchange.parsed = _parsed(exchange)
    return exchange.parsed


def _parsed(exchange: Exchange) -> Dict[str, Any]:
    content_type = exchange.headers.get("content-type", "")
    if content_type.split(";")[0].strip().lower() != JSON:
        raise ignored("Content-Type", f"must be application/json, not {content_type!r}")
    try:
        value = json.loads(exchange.body.decode("utf-8"), parse_constant=_no_constant)
        if b"\\ud" in exchange.body or b"\\uD" in exchange.body:
            strict_dumps(value)        # raises for a lone surrogate, which is no text
    except (ValueError, RecursionError):
        raise invalid("Required body invalid, please check the request body format.", native="BadRequest.IllegalInput",
                      wrapped=False) from None
    if not isinstance(value, dict):
        raise invalid("Required body invalid, please check the request body format.", wrapped=False)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def error_event(exchange: Exchange, refusal: Refusal, number: int) -> bytes:
    """An error inside a stream; `number` counts the native frames from 1."""
    if not exchange.native:
        return b"data: " + dumps({"error": refusal.compat_body(exchange.request_id)["error"]}) + b"\n\n"
    head = f"id:{number}\nevent:error\n:HTTP_STATUS/{refusal.status}\ndata:".encode()
    return head + dumps(refusal.native_body(exchange.request_id)) + b"\n\n"


def event_refusal(exchange: Exchange, refusal: Refusal, inside: bool = False) -> Reply:
    """A refusal as streaming requests get it since 2026: the HTTP status, and a body that is an event stream.

    `inside`: the compat body has its ids within `error`, which was seen too.
    """
    if exchange.native:
        body = error_event(exchange, refusal, 1)
    else:
        ids = {"id": "chatcmpl-" + exchange.request_id, "request_id": exchange.request_id}
        error = refusal.compat_body(exchange.request_id)["error"]
        body = b"data: " + dumps({"error": {**error, **ids}} if inside else {"error": error, **ids}) + b"\n\n"
    return Reply(refusal.status, body, {"content-type": EVENT_STREAM})


def streamed_refusal(exchange: Exchange, refusal: Refusal) -> Reply:
    """What a native call that asked for a stream gets: HTTP 200 as of 2024, or the status, as `sse_refusals` says."""
    if exchange.emulator.sse_refusals:
        return event_refusal(exchange, refusal)
    return stream_reply([error_event(exchange, refusal, 1)])
