"""POST /compatible-mode/v1/chat/completions: the request read, and the answer in the OpenAI dialect."""
from __future__ import annotations

import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from tests.emulator import models
from tests.emulator.answers import Turn, pieces, turn_for, usage
from tests.emulator.call import Call
from tests.emulator.checks import validate
from tests.emulator.wire import Exchange, Refusal, Reply, dumps, ignored, invalid, json_reply, parse_json, stream_reply

DONE = b"data: [DONE]\n\n"
Delta = Tuple[Dict[str, Any], Optional[str]]        # the delta and the finish_reason that goes with it


def complete(exchange: Exchange) -> Reply:
    call = read(exchange)
    validate(call)
    turn = turn_for(call)
    if call.stream:
        return stream_reply(events(call, turn), turn.headers)
    return json_reply(completion(call, turn), **turn.headers)


def read(exchange: Exchange) -> Call:
    body = parse_json(exchange)
    model = find_model(body.pop("model", None), exchange)
    messages = body.pop("messages", [])
    stream = body.pop("stream", False)
    if not isinstance(stream, bool):
        raise invalid("'stream' must be Boolean", param="stream")
    include_usage = _include_usage(body, stream)
    return Call(exchange, model, messages, body, stream, include_usage)


def find_model(name: Any, exchange: Exchange) -> models.Model:
    if not name or not isinstance(name, str):
        raise Refusal(400, None, "you must provide a model parameter.", native="BadRequest.EmptyModel",
                      native_message='Required parameter "model" missing from request.')
    model = models.find(name, exchange.emulator.models)
    if model is None:
        raise models.unsupported(name) if models.NATIVE_ONLY.fullmatch(name) else models.unknown(name)
    return model


def _include_usage(body: Dict[str, Any], stream: bool) -> bool:
    if "stream_options" not in body:
        return False
    options = body.pop("stream_options")
    if not stream:
        raise ignored("stream_options", "does nothing without stream")
    if not isinstance(options, dict) or set(options) - {"include_usage"} or not isinstance(options.get("include_usage", True), bool):
        raise ignored("stream_options", 'must be {"include_usage": true or false}')
    return options.get("include_usage", False)


# Whole answers

def completion(call: Call, turn: Turn) -> Dict[str, Any]:
    choice = {"message": _message(call, turn), "finish_reason": turn.finish_reason, "index": 0,
              "logprobs": _logprobs(call, turn.text)}
    choices = [{**choice, "index": index} for index in range(call.options.get("n", 1))]
    return {"choices": choices, "object": "chat.completion", "usage": usage(call, turn), "created": int(time.time()),
            "system_fingerprint": None, "model": call.model.name, "id": _id(call)}


def _message(call: Call, turn: Turn) -> Dict[str, Any]:
    message: Dict[str, Any] = {"content": turn.text, "role": "assistant"}
    if turn.reasoning or call.model.thinking != models.NEVER:
        message["reasoning_content"] = turn.reasoning
    if turn.tool_calls:
        message["tool_calls"] = turn.tool_calls
    return message


def _id(call: Call) -> str:
    return "chatcmpl-" + call.exchange.request_id


def _logprobs(call: Call, text: Optional[str]) -> Any:
    if not call.options.get("logprobs") or not text:
        return None
    best = call.options.get("top_logprobs", 0)
    return {"content": [{"token": piece, "bytes": list(piece.encode("utf-8")), "logprob": -0.1,
                         "top_logprobs": [{"token": piece, "bytes": list(piece.encode("utf-8")), "logprob": -0.1 - rank}
                                          for rank in range(best)]} for piece in pieces(text)]}


# Streams

def events(call: Call, turn: Turn) -> Iterator[bytes]:
    """The lines of the stream; `turn.delay` passes between them."""
    for number, event in enumerate(_events(call, turn)):
        if number and turn.delay:
            call.exchange.emulator.pause(turn.delay)
        yield event


def _events(call: Call, turn: Turn) -> Iterator[bytes]:
    created = int(time.time())
    if turn.chunks is not None and any(_is_raw(piece) for piece in turn.chunks):
        yield from (_raw(piece) for piece in turn.chunks)
    else:
        for number, (delta, finish_reason) in enumerate(deltas(call, turn)):
            for index in range(call.options.get("n", 1)):
                choice = {"delta": delta, "index": index, "logprobs": _logprobs(call, delta.get("content")),
                          "finish_reason": finish_reason}
                yield _chunk(call, created, [_reordered(choice, number)], None)
    if call.include_usage:
        yield _chunk(call, created, [], usage(call, turn))
    yield DONE


def _chunk(call: Call, created: int, choices: List[Any], counted: Optional[Dict[str, Any]]) -> bytes:
    return _line({"choices": choices, "object": "chat.completion.chunk", "usage": counted, "created": created,
                  "system_fingerprint": None, "model": call.model.name, "id": _id(call)})


def _line(value: Any) -> bytes:
    return b"data: " + dumps(value) + b"\n\n"


def _reordered(choice: Dict[str, Any], number: int) -> Dict[str, Any]:
    """Key order differs between chunks; the first one keeps it."""
    items = list(choice.items())
    turn = number % len(items)
    return dict(items[turn:] + items[:turn])


def _is_raw(piece: Any) -> bool:
    return isinstance(piece, bytes) or (isinstance(piece, dict) and "choices" in piece)


def _raw(piece: Any) -> bytes:
    return piece if isinstance(piece, bytes) else _line(piece)


def deltas(call: Call, turn: Turn) -> Iterator[Delta]:
    """Opener, thinking, answer, tool calls, finish."""
    thinks = bool(call.thinking or turn.reasoning)
    idle = {"reasoning_content": None} if thinks else {}
    yield ({"content": None, "role": "assistant", "reasoning_content": ""} if thinks else {"content": "", "role": "assistant"}), None
    if turn.chunks is not None:
        yield from ((_scripted_delta(piece, idle), None) for piece in turn.chunks)
    else:
        for piece in pieces(turn.reasoning):
            yield {"content": None, "reasoning_content": piece}, None
        for text in _answer_pieces(call, turn.text):
            yield {"content": text, **idle}, None
    fragments = list(tool_fragments(call, turn.tool_calls))
    for number, fragment in enumerate(fragments):
        last = number == len(fragments) - 1
        yield {"content": "", **idle, "tool_calls": fragment}, turn.finish_reason if last else None
    if not fragments:
        yield from _finish(call, turn, idle)


def _scripted_delta(piece: Any, idle: Dict[str, Any]) -> Dict[str, Any]:
    return {"content": piece, **idle} if isinstance(piece, str) else piece


def _answer_pieces(call: Call, text: str) -> Iterator[str]:
    """Some translation models repeat everything so far in each chunk."""
    so_far = ""
    for piece in pieces(text):
        so_far += piece
        yield so_far if call.model.can("mtc") else piece


def _finish(call: Call, turn: Turn, idle: Dict[str, Any]) -> Iterator[Delta]:
    if call.model.can("mt"):           # these say it twice
        text = turn.text if call.model.can("mtc") else ""
        yield {"content": text}, turn.finish_reason
        yield {"content": text}, turn.finish_reason
    else:
        yield {"content": "", **idle}, turn.finish_reason


def tool_fragments(call: Call, tool_calls: List[Dict[str, Any]]) -> Iterator[List[Dict[str, Any]]]:
    """The tool_calls lists of successive deltas: the id comes once and is "" afterwards; a call that begins shares
    its chunk with the end of the one before."""
    whole = call.model.can("ts") and not call.options.get("tool_stream")
    for number, tool_call in enumerate(tool_calls):
        name, arguments = tool_call["function"]["name"], tool_call["function"]["arguments"]
        cuts = [arguments] if whole else [arguments[:10], *_cut(arguments[10:], 12)]
        first = {"index": number, "id": tool_call["id"], "type": "function", "function": {"name": name, "arguments": cuts[0]}}
        yield [_follow_up(number - 1, ""), first] if number else [first]
        yield from ([_follow_up(number, cut)] for cut in cuts[1:])


def _follow_up(index: int, arguments: str) -> Dict[str, Any]:
    return {"index": index, "id": "", "type": "function", "function": {"arguments": arguments}}


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[place:place + size] for place in range(0, len(text), size))
