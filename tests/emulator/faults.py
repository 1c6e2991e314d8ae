"""Failures on request. A fault takes the exchange and `proceed`, which gives the ordinary reply, and returns a reply."""
from __future__ import annotations

import gzip
import inspect
import json
import random
import threading
import zlib
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple
from urllib.parse import quote

from tests.emulator.wire import OSS, RESULTS, Exchange, Fate, Refusal, Reply, dumps, html_reply, json_reply, xml_reply
from tests.media_samples import jpeg

Proceed = Callable[[], Reply]
HELP = " For details, see: https://help.aliyun.com/zh/model-studio/error-code#"

ERRORS: Dict[str, Refusal] = {
    "401": Refusal(401, "invalid_api_key", "Incorrect API key provided. ", native="InvalidApiKey",
                   native_message="Invalid API-key provided."),
    "403": Refusal(403, "access_denied", "Access denied.", type="access_denied", native="AccessDenied"),
    "500": Refusal(500, "internal_error", "An internal error has occured, please try again later or contact service support.",
                   type="internal_error", native="InternalError"),
    "503": Refusal(503, "ModelServingError", "Too many requests. Your requests are being throttled due to system capacity limits.",
                   type="ModelServingError", native="ModelServingError"),
    "502": Refusal(502, "bad_gateway", "Bad Gateway", type="bad_gateway"),
    "504": Refusal(504, "gateway_timeout", "Gateway Timeout", type="gateway_timeout"),
    "arrearage": Refusal(400, "Arrearage", "Access denied, please make sure your account is in good standing."
                         + HELP + "overdue-payment", type="Arrearage"),
    "moderation": Refusal(400, "data_inspection_failed", "Input data may contain inappropriate content." + HELP + "inappropriate-content",
                          type="data_inspection_failed", native="DataInspectionFailed"),
    "free-tier": Refusal(403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted. If you wish to continue "
                         "access the model on a paid basis, please disable the \"use free tier only\" mode in the management console.",
                         type="AllocationQuota.FreeTierOnly"),
}
OSS_ERRORS: Dict[str, Refusal] = {
    "policy-expired": Refusal(403, "AccessDenied", "Invalid according to Policy: Policy expired."),
    "oss-403": Refusal(403, "AccessDenied", "You have no right to access this object because of bucket acl."),
}
RATE_LIMITS: Dict[str, Refusal] = {
    "limit_requests": Refusal(429, "limit_requests", "You have exceeded your current request limit." + HELP + "rate-limit",
                              type="limit_requests", native="Throttling.RateQuota",
                              native_message="Requests rate limit exceeded, please try again later."),
    "limit_burst_rate": Refusal(429, "limit_burst_rate", "Request rate increased too quickly. To ensure system stability, please adjust "
                                "your client logic to scale requests more smoothly over time.", type="limit_burst_rate", param="",
                                native="Throttling.BurstRate"),
    "insufficient_quota": Refusal(429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."
                                  + HELP + "token-limit", type="insufficient_quota", native="Throttling.AllocationQuota",
                                  native_message="Allocated quota exceeded, please increase your quota limit."),
}


@dataclass
class Fault:
    """An injected fault; `times` None means until reset."""
    name: str
    times: Optional[int] = 1
    path: Optional[str] = None
    parameters: Dict[str, Any] = field(default_factory=dict)
    text: bytes = b""                  # what the body of the request must hold

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"unknown fault {self.name!r}; known: {', '.join(FAULTS)}")
        if self.path is None:
            self.path = next((path for path, names in HOMES if self.name in names), None)
        try:
            inspect.signature(FAULTS[self.name]).bind(None, None, **self.parameters)
        except TypeError as error:
            raise ValueError(f"fault {self.name!r}: {error}") from None

    def matches(self, path: str) -> bool:
        return self.times != 0 and (self.path is None or self.path in path)

    def apply(self, exchange: Exchange, proceed: Proceed) -> Reply:
        return FAULTS[self.name](exchange, proceed, **self.parameters)


# Errors the service answers with

def error(refusal: Refusal, exchange: Exchange, proceed: Proceed, html: bool = False, retry_after: Any = None) -> Reply:
    reply = html_reply(refusal.status, str(refusal.status), refusal.message) if html else refusal.reply(exchange)
    if retry_after is not None:
        reply.headers["retry-after"] = str(retry_after)
    return reply


def rate_limit(exchange: Exchange, proceed: Proceed, code: str = "limit_requests", retry_after: Any = None) -> Reply:
    return error(RATE_LIMITS[code], exchange, proceed, retry_after=retry_after)


def gateway(name: str, exchange: Exchange, proceed: Proceed, html: bool = True, retry_after: Any = None) -> Reply:
    return error(ERRORS[name], exchange, proceed, html, retry_after)


def any_error(exchange: Exchange, proceed: Proceed, status: int = 500, code: str = "internal_error", message: str = "emulator: injected",
              retry_after: Any = None) -> Reply:
    return error(Refusal(status, code, message, type=code), exchange, proceed, retry_after=retry_after)


def echo_key(exchange: Exchange, proceed: Proceed) -> Reply:
    key = exchange.key or ""
    message = f"Incorrect API key provided: {key}. You sent {key[:6]}{'*' * 20}{key[-4:]} ({key[:3]}...{key[-4:]})."
    return Refusal(401, "invalid_api_key", message, native="InvalidApiKey").reply(exchange)


def echo_key_answer(exchange: Exchange, proceed: Proceed) -> Reply:
    key = exchange.key or ""
    exchange.script = {"text": f"The key you sent is {key}, is it not?", "reasoning": f"The header says Bearer {key} so I repeat it."}
    return proceed()


# Trouble with the connection

def reset(exchange: Exchange, proceed: Proceed) -> Reply:
    return Reply(status=0, end="reset")


def reset_before_body(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    return replace(reply, body=b"", events=(), end="reset")


def oss_reset(exchange: Exchange, proceed: Proceed) -> Reply:
    """Reads half of the body, then resets the connection."""
    half, size = int(exchange.headers.get("content-length", "0")) // 2, 0
    for piece in exchange.incoming:
        size += len(piece)
        if size >= half:
            break
    return reset(exchange, proceed)


def hang(exchange: Exchange, proceed: Proceed, seconds: Optional[float] = None) -> Reply:
    exchange.emulator.stopping.wait(seconds)
    return Reply(status=0, end="close")


def slow_first_byte(exchange: Exchange, proceed: Proceed, seconds: float = 1.0) -> Reply:
    exchange.emulator.stopping.wait(seconds)
    return proceed()


def short_body(exchange: Exchange, proceed: Proceed, missing: int = 50) -> Reply:
    reply = proceed()
    body = reply.body if reply.events is None else b"".join(reply.events)
    return replace(reply, body=body, events=None, length=len(body) + missing, end="close")


def redirect(exchange: Exchange, proceed: Proceed, to: str, status: int = 302) -> Reply:
    return Reply(status, headers={"location": to}, length=0)


# Bodies that are not what they should be

def html_200(exchange: Exchange, proceed: Proceed) -> Reply:
    return html_reply(200, "Sign in to the network", "Please accept the terms of use to go on.")


def empty_200(exchange: Exchange, proceed: Proceed) -> Reply:
    return Reply(200, headers={"content-type": "application/json"}, length=0)


def bad_json(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    if reply.events is None:
        return replace(reply, body=reply.body[:len(reply.body) // 2])
    return replace(reply, events=_break_one(reply.events))


def _break_one(events: Iterable[bytes]) -> Iterator[bytes]:
    for number, event in enumerate(events):
        yield event[:len(event) // 2].rstrip(b"\n") + b"\n\n" if number == 1 else event


def gzipped(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    headers = {**reply.headers, "content-encoding": "gzip"}
    if reply.events is None:
        return replace(reply, body=gzip.compress(reply.body), headers=headers, length=None)
    return replace(reply, events=_gzip_events(reply.events), headers=headers)


def _gzip_events(events: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for event in events:
        yield packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


# Event streams that go wrong; a reply that is no stream passes unchanged

def _on_stream(reply: Reply, change: Callable[[Iterable[bytes]], Iterable[bytes]], end: str = "keep") -> Reply:
    return reply if reply.events is None else replace(reply, events=change(reply.events), end=end)


def _on_events(proceed: Proceed, change: Callable[[bytes], bytes]) -> Reply:
    return _on_stream(proceed(), lambda events: map(change, events))


def cut_sse(exchange: Exchange, proceed: Proceed, after_chunks: int = 2, clean: bool = False) -> Reply:
    """clean=True ends the HTTP body properly, as a proxy does that lost its upstream."""
    return _on_stream(proceed(), lambda events: islice(events, after_chunks), "keep" if clean else "close")


def cut_sse_reset(exchange: Exchange, proceed: Proceed, after_chunks: int = 2) -> Reply:
    return _on_stream(proceed(), lambda events: islice(events, after_chunks), "reset")


def sse_error(exchange: Exchange, proceed: Proceed, after_chunks: int = 2, code: str = "internal_error",
              message: str = "An internal error has occured, please try again later.") -> Reply:
    last = error_event(exchange, Refusal(500, code, message, type=code), after_chunks + 1)
    return _on_stream(proceed(), lambda events: chain(islice(events, after_chunks), [last]))


def error_event(exchange: Exchange, refusal: Refusal, number: int) -> bytes:
    """An error inside a stream; `number` counts the native frames from 1."""
    if not exchange.native:
        return b"data: " + dumps({"error": refusal.compat_body(exchange.request_id)["error"]}) + b"\n\n"
    head = f"id:{number}\nevent:error\n:HTTP_STATUS/{refusal.status}\ndata:".encode()
    return head + dumps(refusal.native_body(exchange.request_id)) + b"\n\n"


def no_done(exchange: Exchange, proceed: Proceed) -> Reply:
    return _on_stream(proceed(), lambda events: (event for event in events if event != b"data: [DONE]\n\n"))


def done_no_finish(exchange: Exchange, proceed: Proceed) -> Reply:
    return _on_events(proceed, _without_finish)


def _without_finish(event: bytes) -> bytes:
    if not event.startswith(b"data: {"):
        return event
    chunk = json.loads(event[6:])
    for choice in chunk["choices"]:
        choice["finish_reason"] = None
    return b"data: " + dumps(chunk) + b"\n\n"


def crlf_sse(exchange: Exchange, proceed: Proceed) -> Reply:
    return _on_events(proceed, lambda event: event.replace(b"\n", b"\r\n"))


def no_space_sse(exchange: Exchange, proceed: Proceed) -> Reply:
    return _on_events(proceed, lambda event: b": keep-alive\n\n" + event.replace(b"data: ", b"data:", 1))


# Creates that are accepted and then go wrong

def accept_then_reset(exchange: Exchange, proceed: Proceed) -> Reply:
    """Accepted and billed; the connection is reset before a byte of the answer."""
    proceed()
    return reset(exchange, proceed)


def accept_then_hang(exchange: Exchange, proceed: Proceed, seconds: Optional[float] = None) -> Reply:
    proceed()
    return hang(exchange, proceed, seconds)


def accept_then_500(exchange: Exchange, proceed: Proceed) -> Reply:
    """Read and found good, then an internal error: nothing is made and nothing billed."""
    exchange.fate = Fate("refuse", refusal=ERRORS["500"])
    return proceed()


def fated(name: str, exchange: Exchange, proceed: Proceed, code: Optional[str] = None, message: Optional[str] = None,
          flat: Optional[bool] = None, failed: int = 1, images: Optional[int] = None) -> Reply:
    """The create is accepted; what comes of it is another matter."""
    told = {"code": code, "message": message, "flat": flat, "failed": failed, "images": images}
    exchange.fate = Fate(name, {option: value for option, value in told.items() if value is not None})
    return proceed()


# Downloads that go wrong

def _downloaded(exchange: Exchange, reply: Reply) -> Reply:
    """The record tells what really went out."""
    if exchange.download is not None:
        exchange.download.status, exchange.download.size = reply.status, len(reply.body)
    return reply


def download_cut(exchange: Exchange, proceed: Proceed, at: int = 1000) -> Reply:
    """Content-Length is right, but the connection closes after `at` bytes of the body."""
    reply = proceed()
    return _downloaded(exchange, replace(reply, body=reply.body[:at], end="close") if len(reply.body) > at else reply)


def download_short(exchange: Exchange, proceed: Proceed, at: int = 1000) -> Reply:
    """A truncated file whose Content-Length agrees with it."""
    reply = proceed()
    body = reply.body[:at]
    return _downloaded(exchange, replace(reply, body=body, length=len(body)))


def download_html(exchange: Exchange, proceed: Proceed) -> Reply:
    proceed()
    return _downloaded(exchange, _with_length(html_200(exchange, proceed)))


def download_xml(exchange: Exchange, proceed: Proceed, status: int = 200, code: str = "InternalError",
                 message: str = "We encountered an internal error. Please try again.") -> Reply:
    proceed()
    return _downloaded(exchange, _with_length(xml_reply(status, code, message, exchange.request_id)))


def download_expired(exchange: Exchange, proceed: Proceed) -> Reply:
    return download_xml(exchange, proceed, 403, "AccessDenied", "Request has expired.")


def download_jpeg(exchange: Exchange, proceed: Proceed) -> Reply:
    """Another format than the name says."""
    reply = proceed()
    return _downloaded(exchange, _with_length(replace(reply, status=200, body=jpeg(64, 48))))


def download_no_range(exchange: Exchange, proceed: Proceed) -> Reply:
    """The whole file, whatever part was asked for."""
    exchange.headers.pop("range", None)
    reply = proceed()
    reply.headers.pop("accept-ranges", None)
    return reply


def download_changed(exchange: Exchange, proceed: Proceed) -> Reply:
    """The file is another one by now: If-Range does not hold, and the tag is new."""
    if "if-range" in exchange.headers:
        exchange.headers["if-range"] = '"another"'
    reply = proceed()
    reply.headers["etag"] = '"' + "0" * 32 + '"'
    return reply


def download_slow(exchange: Exchange, proceed: Proceed, seconds: float = 1.0, pieces: int = 4) -> Reply:
    """The body comes in pieces with pauses that make `seconds` together."""
    reply = proceed()
    return replace(reply, body=b"", events=_slowly(exchange, reply.body, seconds, pieces)) if reply.body else reply


def _slowly(exchange: Exchange, body: bytes, seconds: float, pieces: int) -> Iterator[bytes]:
    long = -(-len(body) // pieces)
    for place in range(0, len(body), long):
        exchange.emulator.stopping.wait(seconds / pieces)
        yield body[place:place + long]


def download_empty(exchange: Exchange, proceed: Proceed) -> Reply:
    return download_short(exchange, proceed, 0)


def download_redirect(exchange: Exchange, proceed: Proceed, status: int = 302, to: Optional[str] = None) -> Reply:
    """To another path of the same host, or to another address."""
    proceed()
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in exchange.query.items())
    moved = exchange.path if exchange.path.startswith("/moved/") else "/moved" + exchange.path
    return _downloaded(exchange,
                       redirect(exchange, proceed, to or f"{exchange.emulator.host_url(RESULTS)}{moved}?{query}", status))


def _with_length(reply: Reply) -> Reply:
    return replace(reply, length=len(reply.body))


# Speech that goes wrong

def speech_error_200(exchange: Exchange, proceed: Proceed, code: str = "InvalidParameter", message: str = "emulator: injected") -> Reply:
    return json_reply({"code": code, "message": message, "request_id": exchange.request_id})


def speech_stream_error(exchange: Exchange, proceed: Proceed, after_chunks: int = 2, event: str = "result", status: int = 200,
                        code: str = "InternalError", message: str = "emulator: injected") -> Reply:
    body = dumps({"code": code, "message": message, "request_id": exchange.request_id})
    last = f"id:{after_chunks + 1}\nevent:{event}\n:HTTP_STATUS/{status}\ndata:".encode() + body + b"\n\n"
    return _on_stream(proceed(), lambda events: chain(islice(events, after_chunks), [last]))


def speech_engine(exchange: Exchange, proceed: Proceed, code: int = 418) -> Reply:
    words = {411: "[cosyvoice:]Engine error [411]: TTS speak operation failed"}.get(code, f"[tts:]Engine return error code: {code}")
    return Refusal(400, "InvalidParameter", words).reply(exchange)


def speech_throttled(exchange: Exchange, proceed: Proceed) -> Reply:
    return json_reply({"output": {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "data": None},
                       "request_id": exchange.request_id})


def speech_grpc(exchange: Exchange, proceed: Proceed) -> Reply:
    return Refusal(500, "InternalError", "Remote cancelled grpc stream.").reply(exchange)


SPEECH_FATES = ("speech-multiline", "speech-bad-base64", "speech-empty", "speech-other-format", "speech-no-url", "speech-repeated-header",
                "speech-bare-pcm")
FATES = ("task-failed", "task-partial", "task-unknown", "task-canceled", "task-empty", "fewer-images", "no-human")
DOWNLOAD_FAULTS: Dict[str, Callable[..., Reply]] = {
    "download-cut": download_cut,
    "download-short": download_short,
    "download-html": download_html,
    "download-xml": download_xml,
    "download-jpeg": download_jpeg,
    "download-expired": download_expired,
    "download-no-range": download_no_range,
    "download-changed": download_changed,
    "download-slow": download_slow,
    "download-empty": download_empty,
    "download-redirect": download_redirect,
}
CREATE_FAULTS: Dict[str, Callable[..., Reply]] = {
    "accept-then-reset": accept_then_reset,
    "accept-then-hang": accept_then_hang,
    "accept-then-500": accept_then_500,
    **{name: partial(fated, name) for name in FATES},
}
SPEECH_FAULTS: Dict[str, Callable[..., Reply]] = {
    "speech-error-200": speech_error_200,
    "speech-stream-error": speech_stream_error,
    "speech-event-error": partial(speech_stream_error, event="error", status=400),
    "speech-cut": cut_sse,
    "speech-engine": speech_engine,
    "speech-throttled-base-resp": speech_throttled,
    "speech-grpc": speech_grpc,
    **{name: partial(fated, name) for name in SPEECH_FATES},
}
FAULTS: Dict[str, Callable[..., Reply]] = {
    **CREATE_FAULTS,
    **SPEECH_FAULTS,
    **DOWNLOAD_FAULTS,
    **{name: partial(error, refusal) for name, refusal in {**ERRORS, **OSS_ERRORS}.items()},
    "oss-reset": oss_reset,
    "429": rate_limit,
    "502": partial(gateway, "502"),
    "504": partial(gateway, "504"),
    "error": any_error,
    "echo-key": echo_key,
    "echo-key-answer": echo_key_answer,
    "reset": reset,
    "reset-before-body": reset_before_body,
    "hang": hang,
    "slow-first-byte": slow_first_byte,
    "short-body": short_body,
    "redirect": redirect,
    "html-200": html_200,
    "empty-200": empty_200,
    "bad-json": bad_json,
    "gzip": gzipped,
    "cut-sse": cut_sse,
    "cut-sse-reset": cut_sse_reset,
    "sse-error": sse_error,
    "no-done": no_done,
    "done-no-finish": done_no_finish,
    "crlf-sse": crlf_sse,
    "no-space-sse": no_space_sse,
}
# where a fault without a path waits: for an upload to the object storage, a download, a create
HOMES = ((f"/@{OSS}/", frozenset((*OSS_ERRORS, "oss-reset"))), (f"/@{RESULTS}/", frozenset(DOWNLOAD_FAULTS)),
         ("/services/aigc/", frozenset(CREATE_FAULTS)), ("/services/", frozenset(SPEECH_FAULTS)))


# Chance

class Flaky:
    """A seeded plan: of the requests whose path contains `path`, each fault befalls its share."""

    def __init__(self, path: str, seed: int, rates: Dict[str, float]):
        if sum(rates.values()) > 1 or min(rates.values(), default=0) < 0:
            raise ValueError(f"the rates {rates} are no shares of one whole")
        self.path, self.random, self.lock = path, random.Random(seed), threading.Lock()
        self.shares: List[Tuple[float, Fault]] = [(rate, Fault(name, None, path)) for name, rate in rates.items()]

    def take(self, path: str) -> Optional[Fault]:
        if self.path not in path:
            return None
        with self.lock:
            drawn = self.random.random()
        for share, fault in self.shares:
            drawn -= share
            if drawn < 0:
                return fault
        return None
