"""/api/v1/services/aigc/(text|multimodal)-generation/generation: the native dialect of the same chat."""
from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator, List, Tuple

from tests.emulator.answers import Turn, pieces, turn_for, usage
from tests.emulator.call import Call, tokens
from tests.emulator.chat import find_model, tool_fragments
from tests.emulator.checks import validate
from tests.emulator.wire import Exchange, Refusal, Reply, dumps, invalid, json_reply, parse_json, stream_reply, streamed_refusal

TEXT_BY_DEFAULT = ("qwen-max", "qwen-plus", "qwen-turbo")     # result_format of the oldest models
NO_ASYNC = Refusal(403, "access_denied", "Current user api does not support asynchronous calls.", native="AccessDenied")
SEARCH_INFO = {"search_results": [{"icon": "https://example.com/icon.png", "site_name": "Example", "index": 1,
                                   "title": "An example page", "url": "https://example.com/a"}], "extra_tool_info": []}


def generate(exchange: Exchange) -> Reply:
    if exchange.headers.get("x-dashscope-async") == "enable":
        raise NO_ASYNC
    stream = (exchange.headers.get("x-dashscope-sse") == "enable"
              or exchange.headers.get("accept", "").startswith("text/event-stream"))
    try:
        call = read(exchange, stream)
        validate(call)
    except Refusal as refusal:
        if not stream:
            raise
        return streamed_refusal(exchange, refusal)
    turn = turn_for(call)
    if stream:
        return stream_reply(frames(call, turn), turn.headers)
    return json_reply(result(call, turn), **turn.headers)


def read(exchange: Exchange, stream: bool) -> Call:
    body = parse_json(exchange)
    misplaced = set() if "input" in body else {"messages", "prompt"}     # these get an error of their own
    for name in sorted(set(body) - {"model", "input", "parameters"} - misplaced):
        raise invalid(f"emulator: unknown field {name!r}", param=name)
    model = find_model(body.get("model"), exchange)
    if model.multimodal != (exchange.captured["kind"] == "multimodal"):
        raise invalid("url error, please check url！")
    options = body.get("parameters", {})
    if not isinstance(options, dict):
        raise invalid("'parameters' must be Dict")
    options = dict(options)
    options.setdefault("result_format", "text" if model.name in TEXT_BY_DEFAULT else "message")
    return Call(exchange, model, _messages(body.get("input")), options, stream, True, native=True,
                incremental=bool(options.get("incremental_output", False)))


def _messages(given: Any) -> List[Any]:
    if not isinstance(given, dict) or ("messages" in given) == ("prompt" in given):
        raise invalid('Either "prompt" or "messages" must exist and cannot both be none')
    for name in sorted(set(given) - {"messages", "prompt"}):
        raise invalid(f"emulator: unknown field 'input.{name}'", param=name)
    return given["messages"] if "messages" in given else [{"role": "user", "content": given["prompt"]}]


# Whole answers

def result(call: Call, turn: Turn) -> Dict[str, Any]:
    output = _output(call, turn, turn.finish_reason)
    if _sources(call):
        output["search_info"] = SEARCH_INFO
    return {"output": output, "usage": native_usage(call, turn), "request_id": call.exchange.request_id}


def _output(call: Call, turn: Turn, finish_reason: str) -> Dict[str, Any]:
    if call.options["result_format"] == "text" and not call.model.multimodal:
        return {"text": turn.text, "finish_reason": finish_reason}
    content: Any = turn.text
    if call.model.multimodal:
        result = {"ocr_result": turn.ocr_result} if turn.ocr_result and finish_reason != "null" else {}
        content = [{"text": turn.text, **result}] if turn.text or result else []
    message = {"role": "assistant", "content": content, "reasoning_content": turn.reasoning}
    if turn.tool_calls:
        message["tool_calls"] = turn.tool_calls
    return {"choices": [{"finish_reason": finish_reason, "message": message}]}


def _sources(call: Call) -> bool:
    return bool(call.options.get("enable_search") and call.options.get("search_options", {}).get("enable_source"))


def native_usage(call: Call, turn: Turn) -> Dict[str, Any]:
    """The compat usage under its native names; a scripted usage passes as it is."""
    if turn.usage is not None:
        return turn.usage
    counted = usage(call, turn)
    reasoning = tokens(turn.reasoning)
    details = {"reasoning_tokens": reasoning}
    if call.model.multimodal:
        details["text_tokens"] = counted["completion_tokens"] - reasoning
    named = {"input_tokens": counted["prompt_tokens"], "output_tokens": counted["completion_tokens"],
             "total_tokens": counted["total_tokens"], "output_tokens_details": details,
             "prompt_tokens_details": turn.cached, **call.media_tokens}
    if call.model.multimodal:
        named["input_tokens_details"] = {"text_tokens": call.text_tokens, **call.media_tokens}
    if call.options.get("enable_search"):
        named["plugins"] = {"search": {"count": 1}}
    return named


# Streams

def frames(call: Call, turn: Turn) -> Iterator[bytes]:
    """Each frame carries the usage so far; without incremental_output also the text so far."""
    for number, (step, so_far, finish_reason) in enumerate(_steps(call, turn), 1):
        if number > 1 and turn.delay:
            call.exchange.emulator.pause(turn.delay)
        output = _output(call, step if call.incremental else so_far, finish_reason)
        if _sources(call):
            output["search_info"] = SEARCH_INFO if number == 1 else {"search_results": [], "extra_tool_info": []}
        value = {"output": output, "usage": native_usage(call, so_far), "request_id": call.exchange.request_id}
        yield f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:".encode() + dumps(value) + b"\n\n"


def _steps(call: Call, turn: Turn) -> Iterator[Tuple[Turn, Turn, str]]:
    """(what is new, everything so far, finish_reason) of each frame; "null" until the last one."""
    so_far = replace(turn, text="", reasoning="", tool_calls=[])
    for step in _new_parts(call, turn):
        so_far = replace(so_far, text=so_far.text + step.text, reasoning=so_far.reasoning + step.reasoning)
        yield step, so_far, "null"
    fragments = list(tool_fragments(call, turn.tool_calls)) if call.incremental else []
    for number, fragment in enumerate(fragments):
        last = number == len(fragments) - 1
        yield replace(turn, text="", reasoning="", tool_calls=fragment), turn if last else so_far, turn.finish_reason if last else "null"
    if not fragments:
        yield replace(turn, text="", reasoning="", tool_calls=turn.tool_calls), turn, turn.finish_reason


def _new_parts(call: Call, turn: Turn) -> Iterator[Turn]:
    for piece in pieces(turn.reasoning):
        yield replace(turn, text="", reasoning=piece, tool_calls=[])
    for piece in turn.chunks if turn.chunks is not None and all(isinstance(c, str) for c in turn.chunks) else pieces(turn.text):
        yield replace(turn, text=piece, reasoning="", tool_calls=[])
