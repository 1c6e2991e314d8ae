"""Faults: event streams that go wrong; a reply that is no stream passes unchanged."""
from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Callable, Dict, Iterable, Iterator, Optional

from tests.emulator.fault_errors import INTERNAL
from tests.emulator.wire import Exchange, Refusal, Reply, dumps, error_event, parse_json, stream_reply

Proceed = Callable[[], Reply]


def on_stream(reply: Reply, change: Callable[[Iterable[bytes]], Iterable[bytes]], end: str = "keep") -> Reply:
    return reply if reply.events is None else replace(reply, events=change(reply.events), end=end)


def on_events(proceed: Proceed, change: Callable[[bytes], bytes]) -> Reply:
    return on_stream(proceed(), lambda events: map(change, events))


def cut_sse(exchange: Exchange, proceed: Proceed, after_chunks: int = 2, clean: bool = False) -> Reply:
    """clean=True ends the HTTP body properly, as a proxy does that lost its upstream."""
    return on_stream(proceed(), lambda events: islice(events, after_chunks), "keep" if clean else "close")


def cut_sse_reset(exchange: Exchange, proceed: Proceed, after_chunks: int = 2) -> Reply:
    return on_stream(proceed(), lambda events: islice(events, after_chunks), "reset")


def sse_error(exchange: Exchange, proceed: Proceed, after_chunks: int = 2, code: str = "internal_error",
              message: str = "An internal error has occured, please try again later.") -> Reply:
    last = error_event(exchange, Refusal(500, code, message, type=code), after_chunks + 1)
    return on_stream(proceed(), lambda events: chain(islice(events, after_chunks), [last]))


def no_done(exchange: Exchange, proceed: Proceed) -> Reply:
    return on_stream(proceed(), lambda events: (event for event in events if event != b"data: [DONE]\n\n"))


def done_no_finish(exchange: Exchange, proceed: Proceed) -> Reply:
    return on_events(proceed, _without_finish)


def _without_finish(event: bytes) -> bytes:
    if not event.startswith(b"data: {"):
        return event
    chunk = json.loads(event[6:])
    for choice in chunk["choices"]:
        choice["finish_reason"] = None
    return b"data: " + dumps(chunk) + b"\n\n"


def crlf_sse(exchange: Exchange, proceed: Proceed) -> Reply:
    return on_events(proceed, lambda event: event.replace(b"\n", b"\r\n"))


def no_space_sse(exchange: Exchange, proceed: Proceed) -> Reply:
    return on_events(proceed, lambda event: b": keep-alive\n\n" + event.replace(b"data: ", b"data:", 1))


def stream_as(exchange: Exchange, proceed: Proceed, kind: Optional[str] = "text/plain") -> Reply:
    """The right stream under another Content-Type, or none."""
    reply = proceed()
    if reply.events is not None:
        reply.headers.pop("content-type")
        reply.headers.update({"content-type": kind} if kind else {})
    return reply


def unasked_stream(exchange: Exchange, proceed: Proceed) -> Reply:
    """A stream for whoever asked for none; what is no chat comes whole in one event."""
    if exchange.path.endswith("/chat/completions"):
        body = parse_json(exchange)
        body["stream"], body["stream_options"] = True, {"include_usage": True}
        return proceed()
    reply = proceed()
    if reply.events is not None or reply.status != 200:
        return reply
    event = b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:" + reply.body + b"\n\n"
    return stream_reply([event])


# Errors inside a stream of HTTP 200

def sse_internal(exchange: Exchange, proceed: Proceed, after_chunks: int = 0) -> Reply:
    return sse_error(exchange, proceed, after_chunks, "internal_server_error", INTERNAL)


def sse_throttled(exchange: Exchange, proceed: Proceed, after_chunks: int = 0, code: Any = "429",
                  message: str = "Throttling: TPM(10/10)") -> Reply:
    """`code` may be a number, too; a comment tells the status."""
    body: Dict[str, Any] = {"error": {"message": message, "type": "Throttling", "code": code, "param": None}}
    if exchange.native:
        body = {"code": code, "message": message, "request_id": exchange.request_id}
    last = b":HTTP_STATUS/429\ndata: " + dumps(body) + b"\n\n"
    return on_stream(proceed(), lambda events: chain(islice(events, after_chunks), [last]))


# What is said, in other pieces

def split_surrogates(exchange: Exchange, proceed: Proceed, lone: bool = False) -> Reply:
    """The two halves of an emoji in two deltas; with `lone` the second half never comes."""
    exchange.script = {"chunks": ["Hi \ud83d", "!" if lone else "\ude00!"]}
    return proceed()


def cumulative(exchange: Exchange, proceed: Proceed) -> Reply:
    """Each delta repeats all that came before."""
    return _retold(proceed(), _repeat)


def _repeat(so_far: str, choice: Choice) -> None:
    if choice.text:
        choice.say(so_far)


def whole_message(exchange: Exchange, proceed: Proceed) -> Reply:
    """The last frame brings the whole message again: beside its delta, in the native dialect instead of it."""
    return _retold(proceed(), _say_all)


def _say_all(so_far: str, choice: Choice) -> None:
    if choice.raw.get("finish_reason") in (None, "null"):
        return
    if "delta" in choice.raw:
        choice.raw["message"] = {"role": "assistant", "content": so_far}
    else:
        choice.say(so_far)


def tool_index(exchange: Exchange, proceed: Proceed, missing: bool = False, arguments: bool = True) -> Reply:
    """Parallel tool calls that all have the index 0, or none; with arguments=False their arguments are empty."""
    return _retold(proceed(), lambda so_far, choice: choice.tools(missing, arguments))


def sparse_stream(exchange: Exchange, proceed: Proceed) -> Reply:
    """Streams of today leave out what is null, send `role: null`, and end with an empty delta; native content is []."""
    return _retold(proceed(), lambda so_far, choice: choice.thin())


@dataclass
class Choice:
    """The only choice of a chunk or frame, to be read and changed in either dialect."""
    raw: Dict[str, Any]

    @property
    def message(self) -> Dict[str, Any]:
        return self.raw.get("delta") or self.raw.get("message") or {}

    @property
    def text(self) -> str:
        content = self.message.get("content")
        if isinstance(content, list):
            return "".join(part.get("text", "") for part in content)
        return content or ""

    def say(self, text: str) -> None:
        listed = isinstance(self.message.get("content"), list)
        self.message["content"] = [{"text": text}] if listed else text

    def tools(self, missing: bool, arguments: bool) -> None:
        calls = self.message.get("tool_calls", [])
        if not arguments:              # then nothing follows the beginning of a call
            calls[:] = [call for call in calls if call.get("id")]
        for call in calls:
            call["index"] = 0
            if missing:
                del call["index"]
            if not arguments:
                call["function"]["arguments"] = ""

    def thin(self) -> None:
        if "delta" not in self.raw:
            if not self.text:
                self.message["content"] = []
            return
        for call in self.message.get("tool_calls", []):
            call["function"].setdefault("name", "")
        ended = self.raw.get("finish_reason") is not None
        for name in ("finish_reason", "logprobs"):
            if self.raw.get(name) is None:
                self.raw.pop(name, None)
        if ended and not self.text and not self.message.get("tool_calls"):
            self.raw["delta"] = {}
        else:
            self.message["role"] = None


def _retold(reply: Reply, change: Callable[[str, Choice], None]) -> Reply:
    """Each event parsed and changed; `change` gets the text so far, that of the event included."""
    return on_stream(reply, lambda events: _retell(events, change))


def _retell(events: Iterable[bytes], change: Callable[[str, Choice], None]) -> Iterator[bytes]:
    so_far = ""
    for event in events:
        head, mark, tail = event.partition(b"data:")
        choices = _choices(tail)
        if not mark or choices is None:
            yield event
            continue
        value, found = choices
        for one in found:
            choice = Choice(one)
            so_far += choice.text
            change(so_far, choice)
        yield head + b"data: " + dumps(value) + b"\n\n"


def _choices(data: bytes) -> Optional[tuple]:
    try:
        value = json.loads(data)
    except ValueError:                 # [DONE]
        return None
    found = value.get("choices", value.get("output", {}).get("choices"))
    return (value, found) if isinstance(found, list) else None


# How it ends

def filtered(exchange: Exchange, proceed: Proceed, reason: str = "content_filter", text: str = "Half of an") -> Reply:
    """A 200 whose answer was ended by a filter, or by another reason."""
    exchange.script = {"text": text, "finish_reason": reason}
    return proceed()


def empty_answer(exchange: Exchange, proceed: Proceed, reasoning: str = "") -> Reply:
    """Nothing is said, or only thought."""
    exchange.script = {"text": "", "reasoning": reasoning, "chunks": None}
    return proceed()


FAULTS: Dict[str, Callable[..., Reply]] = {
    "cut-sse": cut_sse,
    "cut-sse-reset": cut_sse_reset,
    "sse-error": sse_error,
    "no-done": no_done,
    "done-no-finish": done_no_finish,
    "crlf-sse": crlf_sse,
    "no-space-sse": no_space_sse,
    "stream-as": stream_as,
    "unasked-stream": unasked_stream,
    "sse-internal": sse_internal,
    "sse-throttled": sse_throttled,
    "split-surrogates": split_surrogates,
    "cumulative": cumulative,
    "whole-message": whole_message,
    "tool-index": tool_index,
    "sparse-stream": sparse_stream,
    "content-filter": filtered,
    "empty-answer": empty_answer,
}
