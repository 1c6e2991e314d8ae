"""The parts of a chat completion's body that every chat model takes: fields, messages, thinking, streaming.

Pure: no I/O. Wire facts: sections 2.1, 2.3 and 2.7 of the contract, 3 of the updates. A model is a row of
`models.ROWS`. What the service would refuse or silently ignore is refused here.
"""
from __future__ import annotations

import copy
from collections import namedtuple

from ..body import MOST
from ..cli.flags import number
from ..failures import usage
from .models import EFFORTS, lacks

_COUNT = number(1, MOST, whole=True)

# A flag that is one field of the body: the field, the flag's arguments for argparse, the feature that a model
# needs for it, and what the row calls the most that the model takes.
Field = namedtuple("Field", "wire flag feature most", defaults=("", ""))
FIELDS = {
    "thinking_budget": Field("thinking_budget", dict(
        metavar="N", type=_COUNT, help="most tokens spent on thinking"), "tb",
        "max_thinking"),
    "effort": Field("reasoning_effort", dict(
        choices=EFFORTS,
        help="how much to think: low, medium, high, xhigh, max or none, as far as the model knows them; "
        "not together with --thinking-budget")),
    "temperature": Field("temperature", dict(
        metavar="X", type=number(0, 2, high_open=True), help="from 0 to below 2")),
    "top_p": Field("top_p", dict(metavar="X", type=number(0, 1, low_open=True), help="above 0, up to 1")),
    "max_tokens": Field("max_tokens", dict(metavar="N", type=_COUNT, help="longest answer, thinking not counted"), "",
                        "max_output"),
    "seed": Field("seed", dict(metavar="N", type=number(0, 2**31 - 1, whole=True), help="0 to 2147483647")),
    "stop": Field("stop", dict(metavar="TEXT", action="append", default=[],
                               help="end the answer before this text; may be repeated")),
}


class ChatAsk:
    """What the user asked for, one attribute per flag; unset ones are None, empty or False.

    `FIELDS` are the flags that are one field;
    `named` is the model asked for by --model or --request, '' for none.
    """

    FIELDS = FIELDS
    DEFAULTS = {
        "prompt": None, "system": None, "model": None, "think": None, "json_object": False, "schema": None,
        "tool_choice": None, "prefix": None, "stream": True, "request": None,
        "settings": (),
    }

    def __init__(self, **given):
        defaults = {**dict.fromkeys(self.FIELDS), **self.DEFAULTS}
        unknown = set(given) - set(defaults)
        if unknown:
            raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
        for name, default in defaults.items():
            setattr(self, name, given.get(name, default))
        self.wants_json = self.json_object or self.schema is not None
        self.named = str(self.model or (self.request or {}).get("model") or "")


def start(ask: ChatAsk, model, table, content, brought=None) -> dict:
    """The body that all else is put on:
    a copy of --request with the model's id, thinking, the fields, and the messages. Raises usage.

    `content` is what the user says now, None for nothing. The conversation before it is `brought`,
    else that of --request, where it takes the place of the user's last turn.
    """
    if ask.json_object and ask.schema is not None:
        raise usage("--json-object and --schema do not go together: a schema already asks for JSON",
                    "leave one of them out")
    try:
        body = {**copy.deepcopy(ask.request or {}), "model": model.id}
    except RecursionError:
        raise usage("--request nests too deeply") from None
    base = body.get("messages") if brought is None else brought
    put_thinking(ask, model, body, table, base)
    put_fields(ask, model, body, table)
    body["messages"] = conversation(base, ask, content, replace=brought is None)
    return body


def finish(ask: ChatAsk, model, body: dict, media: bool = False) -> list:
    """Promised JSON, streaming, and --set over everything; return remarks for the user.
    `media`: pictures go along."""
    if ask.wants_json:
        from .promised import put_json
        put_json(ask, model, body, media)
    must = "stream" in model.features or ("stream-think" in model.features and body.get("enable_thinking"))
    body["stream"] = bool(must or (ask.stream and body.get("stream", True)))
    if body["stream"]:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    if ask.settings:
        from ..body import apply_settings
        from .brought import check_request, check_settings
        apply_settings(body, ask.settings)
        check_request(body)
        check_settings(body, body["messages"])
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
        if field.feature and lacks(model, field.feature):
            raise usage(f"--{name.replace('_', '-')}: {model.id} takes none",
                        "leave it out, or use one of: "
                        + table.names(lambda row: field.feature in row.features))
        most = field.most and getattr(model, field.most)  # 0 where it is not known
        if most and value > most:
            raise usage(f"--{name.replace('_', '-')} {value} is more than {model.id} allows",
                        f"use a number from 1 to {most}")
        body[field.wire] = list(value) if isinstance(value, tuple) else copy.copy(value)


def conversation(brought, ask: ChatAsk, content, replace: bool) -> list:
    """A copy of the messages that were brought, checked,
    with the system text in front and the user's turn behind them.

    With `replace` (a --request body) that turn takes the place of the last one of the user.
    """
    messages = copy.deepcopy(brought) if brought else []
    if brought:
        from .brought import check_messages
        check_messages(messages, "the messages")
    if ask.system is not None:
        put_system(messages, ask.system)
    if content is not None and replace and messages and messages[-1]["role"] == "user":
        messages[-1] = {**messages[-1], "content": content}
    elif content is not None:
        messages.append({"role": "user", "content": content})
    if len(messages) > 1:
        from .brought import check_tool_answers
        check_tool_answers(messages)
    return messages


def put_system(messages: list, text: str) -> None:
    """Set the system message, which stands first."""
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] = text
    else:
        messages.insert(0, {"role": "system", "content": text})


# ---- thinking ------------------------------------------------------------------------------------------

def put_thinking(ask: ChatAsk, model, body: dict, table, talk=None) -> None:
    """Switch thinking for models that can, and for those alone;
    off where another flag, or the conversation before it, excludes it and nobody asked for it."""
    excluded = _no_thinking_because(ask, model)
    wanted = ask.effort != "none" if ask.think is None and (ask.thinking_budget or ask.effort) else ask.think
    if wanted is not None or excluded or ask.effort:
        _check_thinking(ask, model, wanted, excluded, table)
    if model.thinking in ("never", "always") and wanted in (None, model.thinking == "always"):
        return
    value = False if excluded and not wanted else wanted
    if value is None and ask.wants_json:
        value = False  # where JSON goes with thinking, thinking has to be asked for: it is billed
    if value is None and model.thinking:
        given = ask.request or ask.settings or talk
        value = _switched_otherwise(ask, model, body, talk) if given else model.thinking == "on"
    if value is not None:
        switch = {"thinking": {"type": "adaptive" if value else "disabled"}}
        body.update(switch if "th" in model.features else {"enable_thinking": value})


def thinks(body: dict, default=None):
    """Whether a body switches thinking on or off; `default` where it says nothing."""
    switch = body.get("thinking")
    if isinstance(switch, dict):
        return switch.get("type") != "disabled"
    return body.get("enable_thinking", default)


def _switched_otherwise(ask: ChatAsk, model, body: dict, talk):
    """What --request, --set and the messages leave to be said: None where --request switches thinking, no
    thinking where they promise JSON, force a tool or begin the answer."""
    if "enable_thinking" in body or "thinking" in body or "reasoning_effort" in body:
        return None
    given = {**body, **{keys[0]: value for keys, value in ask.settings}}
    begun = any(message.get("partial") for message in talk or () if isinstance(message, dict))
    return (model.thinking == "on" and "response_format" not in given and not begun
            and given.get("tool_choice") in (None, "auto", "none"))


def _no_thinking_because(ask: ChatAsk, model) -> str:
    """The flag that excludes thinking with this model, or ''."""
    if ask.wants_json and lacks(model, "jt"):
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
    fixed = model.thinking if "new" not in model.features else None
    if wanted and fixed == "never":
        raise usage(f"{model.id} cannot think", f"leave out {flags}, or use a model such as {others()}")
    if fixed == "always" and (wanted is False or excluded):
        raise usage(f"{excluded or '--no-think'}: {model.id} always thinks",
                    f"use a model that can switch thinking off, such as {others()}")
    if ask.effort and ask.effort not in model.efforts:
        able = table.names(lambda row: ask.effort in row.efforts, 5)
        fix = ("leave it out (--thinking-budget limits the thinking of many models), "
               f"or use one of: {able}")
        if model.efforts:
            fix = f"use one of: {', '.join(model.efforts)}"
        raise usage(f"--effort {ask.effort}: {model.id} does not take it", fix)
