"""Messages: their shape, their order, and tool calls with their answers."""
from __future__ import annotations

import json
from typing import Any, Dict, List

from tests.emulator.call import Call
from tests.emulator.wire import Refusal, ignored, invalid

KEYS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "reasoning_content", "tool_calls", "partial"},
    "tool": {"role", "content", "tool_call_id"},
}
EMPTY = Refusal(400, "ServiceUnavailableError", "Role must be user or assistant and Content length must be greater than 0.",
                type="ServiceUnavailableError")


def shapes(call: Call) -> None:
    if not isinstance(call.messages, list):
        raise invalid("'messages' must be List", param="messages")
    if not call.messages:
        raise invalid("[] is too short - 'messages'", param="messages")
    for number, message in enumerate(call.messages):
        _shape(message, f"messages[{number}]")


def _shape(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise invalid("Input should be a valid dictionary or instance of GPT3Message", param=where)
    role = message.get("role")
    if not isinstance(role, str) or role not in KEYS:
        raise invalid(f"Role must be in [user, assistant]: {where}.role is {role!r}", param=where)
    for name in sorted(set(message) - KEYS[role]):
        raise invalid(f"emulator: unknown field {where + '.' + name!r}", param=name, wrapped=False)
    if not isinstance(message.get("tool_calls", []), list):
        raise ignored(f"{where}.tool_calls", "must be a list")
    _content(message, role, where)


def _content(message: Dict[str, Any], role: str, where: str) -> None:
    content = message.get("content")
    if content is None and not (role == "assistant" and message.get("tool_calls")):
        raise invalid("The content field is a required field.", param=f"{where}.content")
    if not isinstance(content, (str, list, type(None))):
        raise ignored(f"{where}.content", "must be a string or a list of parts")
    if role == "user" and not content:
        raise EMPTY


def order(call: Call) -> None:
    roles = [message["role"] for message in call.messages]
    if "user" not in roles:
        raise invalid("input messages do not contain elements with the role of user", param="messages")
    leading = next(number for number, role in enumerate(roles) if role != "system")
    if "system" in roles[leading:]:
        raise ignored(f"messages[{roles.index('system', leading)}].role", "system messages come first")
    if roles[-1] == "assistant" and "partial" not in call.messages[-1]:
        raise ignored(f"messages[{len(roles) - 1}].role", "the last message must be of the user, or a tool's answer")


def tool_replies(call: Call) -> None:
    """Each call of an assistant is answered by the tool messages right after it, and nothing else is."""
    waiting: List[str] = []
    for number, message in enumerate(call.messages):
        if message["role"] == "tool":
            _answered(message, waiting)
            continue
        _none_waiting(waiting, number)
        if message["role"] == "assistant":
            waiting = [_call_id(tool_call, f"messages[{number}].tool_calls[{place}]")
                       for place, tool_call in enumerate(message.get("tool_calls", []))]
    _none_waiting(waiting, len(call.messages))


def _answered(message: Dict[str, Any], waiting: List[str]) -> None:
    if message.get("tool_call_id") not in waiting:
        raise invalid('messages with role "tool" must be a response to a preceeding message with "tool_calls"', param="messages")
    waiting.remove(message["tool_call_id"])


def _none_waiting(waiting: List[str], number: int) -> None:
    if waiting:
        raise invalid('An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id". '
                      f"The following tool_call_ids did not have response messages: message[{number}].role", param="messages")


def _call_id(tool_call: Any, where: str) -> str:
    function = tool_call.get("function") if isinstance(tool_call, dict) else None
    if not isinstance(function, dict) or tool_call.get("type", "function") != "function" or not tool_call.get("id"):
        raise ignored(where, "must have an id, the type function, and the function")
    if not function.get("name"):
        raise ignored(f"{where}.function.name", "is missing")
    try:
        json.loads(function.get("arguments") or "")
    except (TypeError, ValueError):
        raise invalid('The "function.arguments" parameter of the code model must be in JSON format.', param="messages") from None
    return tool_call["id"]
