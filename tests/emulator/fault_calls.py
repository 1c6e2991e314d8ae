"""Faults: creates that are accepted and then go wrong, looks that say nothing of the task, speech that fails."""
from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Callable, Dict, Optional

from tests.emulator.fault_errors import ERRORS
from tests.emulator.fault_links import hang, html_200, reset
from tests.emulator.fault_streams import cut_sse, on_stream
from tests.emulator.wire import Exchange, Fate, Refusal, Reply, dumps, json_reply

Proceed = Callable[[], Reply]


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


def answer_lost(exchange: Exchange, proceed: Proceed, status: str = "504") -> Reply:
    """Accepted and billed, and then an error of the way back: "500", "502", "503" or "504"."""
    proceed()
    return ERRORS[status].reply(exchange)


def fated(name: str, exchange: Exchange, proceed: Proceed, code: Optional[str] = None, message: Optional[str] = None,
          flat: Optional[bool] = None, failed: int = 1, images: Optional[int] = None) -> Reply:
    """The create is accepted; what comes of it is another matter."""
    told = {"code": code, "message": message, "flat": flat, "failed": failed, "images": images}
    exchange.fate = Fate(name, {option: value for option, value in told.items() if value is not None})
    return proceed()


# Looks at a task or a batch that are answered by trouble which is not the task's

def poll_throttled(exchange: Exchange, proceed: Proceed, code: str = "Throttling.RateQuota",
                   message: str = "Requests rate limit exceeded, please try again later.") -> Reply:
    return json_reply({"code": code, "message": message, "request_id": exchange.request_id})


def poll_damaged(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    return replace(reply, body=reply.body[:len(reply.body) * 2 // 3])


# Speech that goes wrong

def speech_error_200(exchange: Exchange, proceed: Proceed, code: str = "InvalidParameter", message: str = "emulator: injected") -> Reply:
    return json_reply({"code": code, "message": message, "request_id": exchange.request_id})


def speech_stream_error(exchange: Exchange, proceed: Proceed, after_chunks: int = 2, event: str = "result", status: int = 200,
                        code: str = "InternalError", message: str = "emulator: injected") -> Reply:
    body = dumps({"code": code, "message": message, "request_id": exchange.request_id})
    last = f"id:{after_chunks + 1}\nevent:{event}\n:HTTP_STATUS/{status}\ndata:".encode() + body + b"\n\n"
    return on_stream(proceed(), lambda events: chain(islice(events, after_chunks), [last]))


def speech_engine(exchange: Exchange, proceed: Proceed, code: int = 418) -> Reply:
    words = {411: "[cosyvoice:]Engine error [411]: TTS speak operation failed"}.get(code, f"[tts:]Engine return error code: {code}")
    return Refusal(400, "InvalidParameter", words).reply(exchange)


def speech_throttled(exchange: Exchange, proceed: Proceed) -> Reply:
    return json_reply({"output": {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "data": None},
                       "request_id": exchange.request_id})


def speech_grpc(exchange: Exchange, proceed: Proceed) -> Reply:
    return Refusal(500, "InternalError", "Remote cancelled grpc stream.").reply(exchange)


SPEECH_FATES = ("speech-multiline", "speech-bad-base64", "speech-empty", "speech-other-format", "speech-no-url",
                "speech-repeated-header", "speech-bare-pcm")
FATES = ("task-failed", "task-partial", "task-unknown", "task-canceled", "task-empty", "fewer-images", "links-twice",
         "no-human")
CREATES: Dict[str, Callable[..., Reply]] = {
    "accept-then-reset": accept_then_reset,
    "accept-then-hang": accept_then_hang,
    "accept-then-500": accept_then_500,
    "answer-lost": answer_lost,
    **{name: partial(fated, name) for name in FATES},
}
POLLS: Dict[str, Callable[..., Reply]] = {
    "poll-throttled": poll_throttled,
    "poll-damaged": poll_damaged,
    "poll-html": html_200,
}
SPEECH: Dict[str, Callable[..., Reply]] = {
    "speech-error-200": speech_error_200,
    "speech-stream-error": speech_stream_error,
    "speech-event-error": partial(speech_stream_error, event="error", status=400),
    "speech-cut": cut_sse,
    "speech-engine": speech_engine,
    "speech-throttled-base-resp": speech_throttled,
    "speech-grpc": speech_grpc,
    **{name: partial(fated, name) for name in SPEECH_FATES},
}
