"""What a user brings along is checked: the messages of a conversation, and a body of --request."""
from __future__ import annotations

import json

from ..body import MOST
from ..failures import usage

_COUNTS = ("max_tokens", "max_completion_tokens", "thinking_budget", "n")


def check_counts(fields: dict) -> None:
    """Refuse a count from which neither an estimate nor a budget can tell what may come out."""
    for name in _COUNTS:
        value = fields.get(name)
        if value is not None and not (type(value) is int and 1 <= value <= MOST):
            raise usage(f"--request and --set: {name} must be a whole number of at least 1, in plain digits, "
                        f"not {json.dumps(value, ensure_ascii=False)[:80]}",
                        "write it without quotes, point and exponent, for example max_tokens=4096")


def check_request(request: dict) -> None:
    """Refuse a --request body whose parts the script has to build on, but cannot."""
    native = [name for name in ("input", "parameters") if name in request]
    if native:
        raise usage(f"--request and --set: {native[0]!r} belongs to a body of the native API",
                    "give a chat-completions body, with 'messages' and all other fields at the top")
    check_counts(request)
    for name, kind, form in (("stream_options", dict, "an object"),
                             ("translation_options", dict, "an object"),
                             ("search_options", dict, "an object"), ("messages", list, "a JSON list"),
                             ("tools", list, "a list")):
        if request.get(name) is not None and not isinstance(request[name], kind):
            raise usage(f"--request and --set: {name} must be {form}, not {type(request[name]).__name__}")


def check_settings(fields: dict, messages) -> None:
    """Refuse what --set made of a body: its counts, and a conversation that is none."""
    check_counts(fields)
    check_messages(messages, "--set messages")
    if not messages:
        raise usage("--set messages: there is no message in it", "give at least one message of a user")


_ROLES = ("system", "user", "assistant", "tool")


def check_messages(messages, what: str) -> None:
    """Refuse a list that is no conversation, naming the first message at fault."""
    if not isinstance(messages, list):
        raise usage(f"{what} must be a JSON list of {{role, content}} objects, not {type(messages).__name__}")
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise usage(f"{what}: message {number} has no role", f"give it a role: {', '.join(_ROLES)}")
        if message["role"] != "assistant" and not message.get("content"):
            raise usage(f"{what}: message {number} ({message['role']}) has no content")
        content, calls = message.get("content"), message.get("tool_calls")
        if isinstance(content, list) and not all(isinstance(part, dict) for part in content):
            raise usage(f"{what}: message {number} has a content part that is not an object",
                        'a part is {"type": "text", "text": …} or one of a picture or video')
        if message["role"] == "assistant" and content is None and not calls:
            raise usage(f"{what}: message {number} (assistant) has neither content nor tool_calls")
        are_objects = isinstance(calls, list) and all(isinstance(call, dict) for call in calls)
        if calls is not None and not are_objects:
            raise usage(f"{what}: message {number} has tool_calls that are not a list of objects")
        if message["role"] == "tool" and not message.get("tool_call_id"):
            raise usage(f"{what}: message {number} (tool) has no tool_call_id")


def check_tool_answers(messages: list) -> None:
    """Refuse a conversation in which a tool call has no answer:
    the service takes nothing else at that place."""
    open_calls: list = []
    for message in messages:
        if message["role"] == "tool":
            open_calls = [name for name in open_calls if name != message["tool_call_id"]]
        elif open_calls:
            break
        open_calls += [str(call.get("id")) for call in message.get("tool_calls") or ()
                       if isinstance(call, dict)]
    if open_calls:
        raise usage(f"the tool calls {', '.join(open_calls)} have no answer yet",
                    'append one {"role": "tool", "tool_call_id": …, "content": …} for each to the messages, '
                    "then run without a prompt")
