"""What the model says: a scripted turn, or one made from the request, readable enough for a demonstration."""
from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from tests.emulator import cache, ocr, schema, telling
from tests.emulator.call import Call, text_of, tokens

SCRIPT_KEYS = frozenset(("text", "reasoning", "finish_reason", "tool_calls", "chunks", "usage", "headers", "delay",
                         "ocr_result"))
CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass
class Turn:
    """One assistant turn. `chunks` overrides how it is cut into a stream."""
    text: str = ""
    reasoning: str = ""
    tool_calls: List[Dict[str, Any]] = field(default_factory=list)
    finish_reason: str = "stop"
    usage: Optional[Dict[str, Any]] = None
    cached: Dict[str, Any] = field(default_factory=lambda: {"cached_tokens": 0})   # usage.prompt_tokens_details
    chunks: Optional[List[Any]] = None
    headers: Dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    ocr_result: Optional[Dict[str, Any]] = None    # native, beside the text


def turn_for(call: Call) -> Turn:
    script = call.exchange.emulator.take_script(call.exchange)
    turn = _scripted(call, script) if script is not None else _made(call)
    turn.cached = cache.prompt_details(call)
    return turn


# Scripts

def check_script(script: Dict[str, Any]) -> None:
    unknown = sorted(set(script) - SCRIPT_KEYS)
    if unknown:
        raise ValueError(f"unknown in a reply script: {', '.join(unknown)}; known: {', '.join(sorted(SCRIPT_KEYS))}")


def _scripted(call: Call, script: Dict[str, Any]) -> Turn:
    turn = Turn(**{key: value for key, value in script.items() if value is not None})
    turn.tool_calls = [_tool_call(number, scripted) for number, scripted in enumerate(turn.tool_calls)]
    if turn.tool_calls and not script.get("finish_reason"):
        turn.finish_reason = "tool_calls"
    if script.get("delay") is None:
        turn.delay = call.exchange.emulator.delay
    for key in ("text", "reasoning"):
        if turn.chunks is not None and not script.get(key):
            setattr(turn, key, "".join(_folded(key, turn.chunks)))
    return turn


def _folded(key: str, chunks: List[Any]) -> Iterator[str]:
    """The text or reasoning inside scripted chunks, for usage and for callers that do not stream."""
    for piece in chunks:
        if isinstance(piece, str):
            yield piece if key == "text" else ""
        elif isinstance(piece, dict):
            yield piece.get("content" if key == "text" else "reasoning_content") or ""


def _tool_call(number: int, scripted: Dict[str, Any]) -> Dict[str, Any]:
    """A full tool call from {"name", "arguments", "id"} or from the full form; arguments may be an object."""
    function = scripted.get("function", scripted)
    arguments = function.get("arguments", {})
    arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    call_id = scripted.get("id") or "call_" + uuid.uuid4().hex[:24]
    return {"index": number, "id": call_id, "type": "function", "function": {"name": function["name"], "arguments": arguments}}


# Answers made from the request

def _made(call: Call) -> Turn:
    maker = next((maker for applies, maker in MAKERS if applies(call)), describe)
    turn = maker(call)
    turn.delay = call.exchange.emulator.delay
    if call.thinking:
        turn.reasoning = _reasoning(call)
    return _limited(call, turn)


def describe(call: Call) -> Turn:
    """Says who answers, what arrived, and how the prompt begins."""
    return see(call) if call.seen else count(call)


def see(call: Call) -> Turn:
    """Names the pictures and videos."""
    prompt = call.last_text("user")
    if CHINESE.search(prompt):
        return Turn(f"这里是本机的模拟服务，代替 {call.model.name} 作答。{telling.sentence(call.seen, True)}"
                    f"你的话是这样开头的：“{opening(prompt)}”。")
    begins = f" Your prompt begins: \"{opening(prompt)}\"." if prompt.strip() else ""
    return Turn(f"This is the emulator, answering in place of {call.model.name}. {telling.sentence(call.seen, False)}{begins}")


def count(call: Call) -> Turn:
    """Counts the messages."""
    prompt = call.last_text("user")
    characters = sum(len(text_of(message)) for message in call.messages)
    if CHINESE.search(prompt):
        return Turn(f"这里是本机的模拟服务，代替 {call.model.name} 作答。收到 {len(call.messages)} 条消息，共 {characters} 个字符。"
                    f"你的话是这样开头的：“{opening(prompt)}”。")
    return Turn(f"This is the emulator, answering in place of {call.model.name}. It received {_count(len(call.messages), 'message')}, "
                f"{_count(characters, 'character')} in all. Your prompt begins: \"{opening(prompt)}\".")


def after_tool(call: Call) -> Turn:
    """Quotes the result of the tool."""
    result = opening(call.last_text("tool"), 80)
    if CHINESE.search(call.last_text("user")):
        return Turn(f"这里是本机的模拟服务。工具返回了：{result}")
    return Turn(f"This is the emulator. The tool returned: {result}")


def continue_prefix(call: Call) -> Turn:
    """What follows the prefix; the prefix itself is not repeated."""
    prefix = text_of(call.messages[-1])
    ending = "……以下由模拟服务续写完毕。" if CHINESE.search(prefix) else " ... and so the emulator ends it."
    return Turn(ending)


def call_tools(call: Call) -> Turn:
    """Calls the forced tool, else the first one; twice when parallel calls are allowed."""
    offered = {tool["function"]["name"]: tool["function"] for tool in call.options["tools"]}
    choice = call.options.get("tool_choice", "auto")
    forced = choice["function"]["name"] if isinstance(choice, dict) else None
    name = forced or next(iter(offered))
    arguments = schema.instance({"type": "object", **offered[name].get("parameters", {})})
    count = 2 if call.options.get("parallel_tool_calls") else 1
    calls = [_tool_call(number, {"name": name, "arguments": arguments}) for number in range(count)]
    return Turn(tool_calls=calls, finish_reason="stop" if forced else "tool_calls")


def fill_schema(call: Call) -> Turn:
    return Turn(json.dumps(schema.instance(call.options["response_format"]["json_schema"]["schema"]), ensure_ascii=False))


def json_object(call: Call) -> Turn:
    """What a schema in the text asks for, else what describes the request."""
    texts = (text_of(message) for message in call.messages if message["role"] in ("system", "user"))
    wanted = next((found for found in map(schema.in_text, texts) if found), None)
    if wanted:
        return Turn(json.dumps(schema.instance(wanted), ensure_ascii=False))
    return Turn(json.dumps({"answer": describe(call).text}, ensure_ascii=False))


def translate(call: Call) -> Turn:
    """[target] and the source text, with the terms put in."""
    options, text = call.options["translation_options"], call.last_text("user")
    for term in options.get("terms", []):
        text = text.replace(term["source"], term["target"])
    return Turn(f"[{options['target_lang']}] {text}")


def read(call: Call) -> Turn:
    """The answer of an OCR task."""
    text, result = ocr.answer(call)
    return Turn(text, ocr_result=result)


def _wants_tools(call: Call) -> bool:
    return bool(call.options.get("tools")) and call.options.get("tool_choice") != "none" and call.messages[-1]["role"] == "user"


# The first row that applies makes the answer; else it is `describe`.
MAKERS: Tuple[Tuple[Callable[[Call], bool], Callable[[Call], Turn]], ...] = (
    (lambda call: call.model.can("mt"), translate),
    (lambda call: "ocr_options" in call.options, read),
    (_wants_tools, call_tools),
    (lambda call: call.form == "json_schema", fill_schema),
    (lambda call: call.form == "json_object", json_object),
    (lambda call: call.partial, continue_prefix),
    (lambda call: call.messages[-1]["role"] == "tool", after_tool),
)


def _reasoning(call: Call) -> str:
    prompt = call.last_text("user")
    if CHINESE.search(prompt):
        return f"用户的话有 {len(prompt)} 个字符。说明收到了什么，就够了。"
    return f"The prompt has {_count(len(prompt), 'character')}. It is enough to say what arrived."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def opening(text: str, length: int = 40) -> str:
    """The first words, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length].rstrip() + "…"


# Limits

def _limited(call: Call, turn: Turn) -> Turn:
    """Apply stop, thinking_budget, max_completion_tokens and max_tokens to an answer made here."""
    turn.text = _stopped(turn.text, call.options.get("stop", []))
    total = call.options.get("max_completion_tokens", 10 ** 9)
    turn.reasoning = _first_tokens(turn.reasoning, min(call.options.get("thinking_budget", total), total))
    room = min(call.options.get("max_tokens", total), total - tokens(turn.reasoning))
    if tokens(turn.text) > room:
        turn.text, turn.finish_reason = _first_tokens(turn.text, room), "length"
    return turn


def _stopped(text: str, stop: Any) -> str:
    for word in [stop] if isinstance(stop, str) else stop:
        if isinstance(word, str) and word:
            text = text.split(word)[0]
    return text


def _first_tokens(text: str, limit: int) -> str:
    if tokens(text) <= limit:
        return text
    spent = 0.0
    for place, character in enumerate(text):
        spent += 0.25 if character.isascii() else 1
        if spent > limit:
            return text[:place]
    return text


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of four to eight characters."""
    place, size = 0, 4
    while place < len(text):
        yield text[place:place + size]
        place, size = place + size, 4 + (size - 3) % 5


# Usage, in compat names

def usage(call: Call, turn: Turn) -> Dict[str, Any]:
    if turn.usage is not None:
        return turn.usage
    prompt, reasoning = call.prompt_tokens, tokens(turn.reasoning)
    said = tokens(turn.text) + sum(tokens(called["function"]["arguments"]) + 8 for called in turn.tool_calls)
    counted: Dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": reasoning + said, "total_tokens": prompt + reasoning + said}
    if turn.reasoning:
        counted["completion_tokens_details"] = {"reasoning_tokens": reasoning, "text_tokens": reasoning + said}
    split = {**call.media_tokens, "text_tokens": call.text_tokens} if call.media_tokens else {}
    counted["prompt_tokens_details"] = {**turn.cached, **split}
    return counted
