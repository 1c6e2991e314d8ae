"""The parts of a chat completion's body that every chat model takes:
thinking, sampling, promised JSON, streaming.

Pure: no I/O. Wire facts: sections 2.1, 2.3 and 2.7 of the contract, 3 of the updates. A model is a row of
`models.ROWS`. What the service would refuse or silently ignore is refused here.
"""
from __future__ import annotations

import copy
import json
import re
from collections import namedtuple

from ..cli.flags import number
from ..failures import usage
from .models import EFFORTS

# A flag that is one field of the body: the field, the flag's arguments for argparse, the feature that a model
# needs for it, and what the row calls the most that the model takes.
Field = namedtuple("Field", "wire flag feature most", defaults=("", ""))
FIELDS = {
    "thinking_budget": Field("thinking_budget", dict(
        metavar="N", type=number(1, float("inf"), whole=True), help="most tokens spent on thinking"), "tb",
        "max_thinking"),
    "effort": Field("reasoning_effort", dict(
        choices=EFFORTS,
        help="how much to think: low, medium, high, xhigh, max or none, as far as the model knows them; "
        "not together with --thinking-budget")),
    "temperature": Field("temperature", dict(
        metavar="X", type=number(0, 2, high_open=True), help="from 0 to below 2")),
    "top_p": Field("top_p", dict(metavar="X", type=number(0, 1, low_open=True), help="above 0, up to 1")),
    "max_tokens": Field("max_tokens", dict(metavar="N", type=number(1, float("inf"), whole=True),
                                           help="longest answer, thinking not counted"), "", "max_output"),
    "seed": Field("seed", dict(metavar="N", type=number(0, 2**31 - 1, whole=True), help="0 to 2147483647")),
    "stop": Field("stop", dict(metavar="TEXT", action="append", default=[],
                               help="end the answer before this text; may be repeated")),
}


class ChatAsk:
    """What the user asked for, one attribute per flag; unset ones are None, empty or False.

    `FIELDS` are the flags that are one field;
    `named` is the model asked for by --set, --model or --request, '' for none.
    """

    FIELDS = FIELDS
    DEFAULTS = {
        "prompt": None, "system": None, "model": None, "think": None, "json_object": False, "schema": None,
        "tool_choice": None, "prefix": None, **dict.fromkeys(FIELDS), "stream": True, "request": None,
        "settings": (),
    }

    def __init__(self, **given):
        unknown = set(given) - set(self.DEFAULTS)
        if unknown:
            raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
        for name, default in self.DEFAULTS.items():
            setattr(self, name, given.get(name, default))
        by_setting = [value for keys, value in self.settings if keys == ["model"]]
        self.wants_json = self.json_object or self.schema is not None
        self.named = str((by_setting or [""])[-1] or self.model or (self.request or {}).get("model") or "")


def start(ask: ChatAsk, model, table, content, brought=None) -> dict:
    """The body that all else is put on:
    a copy of --request with the model's id, thinking, the fields, and the messages. Raises usage.

    `content` is what the user says now, None for nothing. The conversation before it is `brought`,
    else that of --request, where it takes the place of the user's last turn.
    """
    if ask.json_object and ask.schema is not None:
        raise usage("--json-object and --schema do not go together: a schema already asks for JSON",
                    "leave one of them out")
    if ask.request:
        check_request(ask.request)
    try:
        body = {**copy.deepcopy(ask.request or {}), "model": model.id}
    except RecursionError:
        raise usage("--request nests too deeply") from None
    put_thinking(ask, model, body, table)
    put_fields(ask, model, body, table)
    base = body.get("messages") if brought is None else brought
    body["messages"] = conversation(base, ask, content, replace=brought is None)
    return body


def finish(ask: ChatAsk, model, body: dict, media: bool = False) -> list:
    """Promised JSON, streaming, and --set over everything; return remarks for the user.
    `media`: pictures go along."""
    if ask.json_object or ask.schema is not None:
        put_json(ask, model, body, media)
    must = "stream" in model.features or ("stream-think" in model.features and body.get("enable_thinking"))
    body["stream"] = bool(must or (ask.stream and body.get("stream", True)))
    if body["stream"]:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    if ask.settings:
        from ..body import apply_settings
        apply_settings(body, ask.settings)
        check_request(body)
    if not body["stream"]:
        body.pop("stream_options", None)
    if must and not ask.stream:
        return [f"{model.id} only streams its answers; the answer is collected and shown as a whole"]
    return []


def put_fields(ask: ChatAsk, model, body: dict, table) -> None:
    """Each flag that is one field, where it was given and the model takes it."""
    for name, field in ask.FIELDS.items():
        value = getattr(ask, name)
        if value is None or value is False or value == [] or value == ():
            continue
        if field.feature and field.feature not in model.features:
            raise usage(f"--{name.replace('_', '-')}: {model.id} takes none",
                        "leave it out, or use one of: "
                        + table.names(lambda row: field.feature in row.features))
        most = field.most and getattr(model, field.most)  # 0 where it is not known
        if most and value > most:
            raise usage(f"--{name.replace('_', '-')} {value} is more than {model.id} allows",
                        f"use a number from 1 to {most}")
        body[field.wire] = list(value) if isinstance(value, tuple) else copy.copy(value)


def check_request(request: dict) -> None:
    """Refuse a --request body whose parts the script has to build on, but cannot."""
    for name, kind, form in (("stream_options", dict, "an object"),
                             ("translation_options", dict, "an object"),
                             ("search_options", dict, "an object"), ("messages", list, "a JSON list"),
                             ("tools", list, "a list"), ("model", str, "a text")):
        if request.get(name) is not None and not isinstance(request[name], kind):
            raise usage(f"--request and --set: {name} must be {form}, not {type(request[name]).__name__}")


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


def conversation(brought, ask: ChatAsk, content=None, replace: bool = False) -> list:
    """A copy of the messages that were brought, checked,
    with the system text in front and the user's turn behind them.

    With `replace` (a --request body) that turn takes the place of the last one of the user.
    """
    messages = copy.deepcopy(brought) if brought else []
    if brought:
        check_messages(messages, "the messages")
    if ask.system is not None:
        put_system(messages, ask.system)
    if content is not None and replace and messages and messages[-1]["role"] == "user":
        messages[-1] = {**messages[-1], "content": content}
    elif content is not None:
        messages.append({"role": "user", "content": content})
    if len(messages) > 1:
        check_tool_answers(messages)
    return messages


def put_system(messages: list, text: str) -> None:
    """Set the system message, which stands first."""
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] = text
    else:
        messages.insert(0, {"role": "system", "content": text})


# ---- thinking ------------------------------------------------------------------------------------------

def put_thinking(ask: ChatAsk, model, body: dict, table) -> None:
    """Switch thinking for models that can, and for those alone;
    off where another flag excludes it and nobody asked for it."""
    excluded = _no_thinking_because(ask, model)
    wanted = ask.effort != "none" if ask.think is None and (ask.thinking_budget or ask.effort) else ask.think
    if wanted is not None or excluded or ask.effort:
        _check_thinking(ask, model, wanted, excluded, table)
    if model.thinking in ("never", "always"):
        return
    value = False if excluded and not wanted else wanted
    if value is None and ask.wants_json:
        value = False  # where JSON goes with thinking, thinking has to be asked for: it is billed
    if value is None and model.thinking:
        given = ask.request or ask.settings
        value = _switched_otherwise(ask, model, body) if given else model.thinking == "on"
    if value is not None:
        switch = {"thinking": {"type": "adaptive" if value else "disabled"}}
        body.update(switch if "th" in model.features else {"enable_thinking": value})


def _switched_otherwise(ask: ChatAsk, model, body: dict):
    """What --request and --set leave to be said:
    None where --request switches thinking, no thinking where they promise JSON."""
    if "enable_thinking" in body or "thinking" in body or "reasoning_effort" in body:
        return None
    promised = "response_format" in body or any(keys[0] == "response_format" for keys, _ in ask.settings)
    return model.thinking == "on" and not promised


def _no_thinking_because(ask: ChatAsk, model) -> str:
    """The flag that excludes thinking with this model, or ''."""
    if ask.wants_json and "jt" not in model.features:
        return "--schema" if ask.schema is not None else "--json-object"
    if ask.prefix is not None:
        return "--prefix"
    return f"--tool-choice {ask.tool_choice}" if ask.tool_choice not in (None, "auto", "none") else ""


def _check_thinking(ask: ChatAsk, model, wanted, excluded: str, table) -> None:
    """Refuse what cannot be: thinking that is excluded, not to be had or not to be switched off;
    an effort that is not taken."""
    flags = "--think, --thinking-budget and --effort"

    def others():
        return table.names(lambda row: row.thinking in ("on", "off"), 5)
    if wanted and excluded:
        promised = excluded in ("--schema", "--json-object")
        able = table.names(lambda row: "jt" in row.features, 5) if promised else ""
        raise usage(f"{excluded} excludes thinking with {model.id}",
                    f"leave out {flags}"
                    + (f", or use a model that can promise JSON while it thinks: {able}" if able else ""))
    if ask.effort and ask.thinking_budget:
        raise usage("--effort and --thinking-budget do not go together", "leave one of them out")
    if ask.think is False and (ask.thinking_budget or ask.effort not in (None, "none")):
        raise usage(f"{'--thinking-budget' if ask.thinking_budget else '--effort'} goes with thinking",
                    "leave out --no-think")
    if ask.think and ask.effort == "none":
        raise usage("--effort none switches thinking off", "leave out --think, or name another effort")
    if wanted and model.thinking == "never":
        raise usage(f"{model.id} cannot think", f"leave out {flags}, or use a model such as {others()}")
    if model.thinking == "always" and (wanted is False or excluded):
        raise usage(f"{excluded or '--no-think'}: {model.id} always thinks",
                    f"use a model that can switch thinking off, such as {others()}")
    if ask.effort and ask.effort not in model.efforts:
        able = table.names(lambda row: ask.effort in row.efforts, 5)
        fix = ("leave it out (--thinking-budget limits the thinking of many models), "
               f"or use one of: {able}")
        if model.efforts:
            fix = f"use one of: {', '.join(model.efforts)}"
        raise usage(f"--effort {ask.effort}: {model.id} does not take it", fix)


# ---- promised JSON -------------------------------------------------------------------------------------

def put_json(ask: ChatAsk, model, body: dict, media: bool) -> None:
    """Promise JSON, and say the word in the messages, as the service demands.

    A schema goes into `response_format` where the service keeps to it. It does not with other models, nor
    where pictures go along: it lowers a schema to JSON mode then without a word. There the schema stands in
    the text at once.
    """
    if ask.schema is not None and "js" in model.features and not media:
        title = str(ask.schema.get("title") or "answer")
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", title)[:64].strip("_") or "answer"
        schema = {"name": name, "strict": True, "schema": copy.deepcopy(ask.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    else:
        body["response_format"] = {"type": "json_object"}
        if ask.schema is not None:
            add_to_system(body["messages"], _in_words(ask.schema))
    if not _says_json(body["messages"]):
        add_to_system(body["messages"], "Answer in JSON.")


def _in_words(schema: dict) -> str:
    return "Answer with JSON that matches this JSON Schema: " + json.dumps(schema, ensure_ascii=False)


def _says_json(messages: list) -> bool:
    """Whether the word stands in a text of the system or the user;
    addresses and data of media do not count."""
    for message in messages:
        content = message.get("content") if message["role"] in ("system", "user") else ""
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        if any("json" in str(text).lower() for text in texts):
            return True
    return False


def add_to_system(messages: list, sentence: str) -> None:
    """Add a sentence to the system message, which is made where there is none."""
    first = messages[0] if messages else {"role": ""}
    if first["role"] == "system" and isinstance(first["content"], str):
        first["content"] += "\n\n" + sentence
    else:
        messages.insert(0, {"role": "system", "content": sentence})


def without_schema(body: dict, schema: dict) -> dict:
    """The same request for a model that takes no json_schema: JSON mode, with the schema in the messages."""
    body = {**body, "messages": copy.deepcopy(body["messages"]), "response_format": {"type": "json_object"}}
    add_to_system(body["messages"], _in_words(schema))
    return body
