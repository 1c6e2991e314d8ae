"""The parts of a chat completion's body that every chat model takes: thinking, sampling, promised JSON, streaming.

Pure: no I/O. Wire facts: sections 2.1, 2.3 and 2.7 of the contract. A model is a row with `id`, `thinking` ("on" and
"off" are the defaults of models that can switch, "always" and "never" cannot, None is not known), `features`,
`max_output` and `max_thinking`. What the service would refuse or silently ignore is refused here.
"""
from __future__ import annotations

import copy
import re

from ..body import apply_settings
from ..cli.flags import number
from ..failures import usage

# Flags that are one field of the body each: field -> (the flag's type, its value in --help, its help).
FIELDS = {
    "temperature": (number(0, 2, high_open=True), "X", "from 0 to below 2"),
    "top_p": (number(0, 1, low_open=True), "X", "above 0, up to 1"),
    "max_tokens": (number(1, float("inf"), whole=True), "N", "longest answer, thinking not counted"),
    "seed": (number(0, 2**31 - 1, whole=True), "N", "0 to 2147483647"),
}


class ChatAsk:
    """What the user asked for, one attribute per flag; unset ones are None, empty or False."""

    DEFAULTS = {
        "prompt": None, "system": None, "model": None, "think": None, "thinking_budget": None, "json_object": False,
        "schema": None, "tool_choice": None, "prefix": None, **dict.fromkeys(FIELDS), "stop": (), "stream": True, "request": None,
        "settings": (),
    }

    def __init__(self, **given):
        unknown = set(given) - set(self.DEFAULTS)
        if unknown:
            raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
        for name, default in self.DEFAULTS.items():
            setattr(self, name, given.get(name, default))

    @property
    def wants_json(self) -> bool:
        return self.json_object or self.schema is not None

    def model_name(self, default: str) -> str:
        """The model asked for by --set, --model or --request, else `default`."""
        settings = {".".join(keys): value for keys, value in self.settings}
        return str(settings.get("model") or self.model or (self.request or {}).get("model") or default)


def base_of(ask: ChatAsk, model) -> dict:
    """The body that all else is put on: a copy of --request with the model's id. Raises usage where it cannot be built on."""
    check_request(ask.request or {})
    try:
        return {**copy.deepcopy(ask.request or {}), "model": model.id}
    except RecursionError:
        raise usage("--request nests too deeply") from None


def finish(ask: ChatAsk, model, body: dict) -> list:
    """The last fields of every body, and --set over all of them; return remarks for the user."""
    remarks = put_stream(ask, model, body)
    apply_settings(body, ask.settings)
    check_request(body)
    if not body.get("stream"):
        body.pop("stream_options", None)
    return remarks


def check_limits(ask: ChatAsk, model) -> None:
    """Refuse numbers of tokens beyond what the table knows of the model."""
    for flag, value, limit in (("--max-tokens", ask.max_tokens, model.max_output),
                               ("--thinking-budget", ask.thinking_budget, model.max_thinking)):
        if value and limit and value > limit:
            raise usage(f"{flag} {value} is more than {model.id} allows", f"use a number from 1 to {limit}")
    if ask.json_object and ask.schema is not None:
        raise usage("--json-object and --schema do not go together: a schema asks for JSON already",
                    "leave one of them out")


def check_request(request: dict) -> None:
    """Refuse a --request body whose parts the script has to build on, but cannot."""
    for name, kind, form in (("stream_options", dict, "an object"), ("translation_options", dict, "an object"),
                             ("search_options", dict, "an object"),
                             ("messages", list, "a JSON list"), ("tools", list, "a list"), ("model", str, "a text")):
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
        if isinstance(message.get("content"), list) and not all(isinstance(part, dict) for part in message["content"]):
            raise usage(f"{what}: message {number} has a content part that is no object", 'a part is {"type": "text", "text": …} '
                        "or one of a picture or video")
        if message["role"] == "assistant" and message.get("content") is None and not message.get("tool_calls"):
            raise usage(f"{what}: message {number} (assistant) has neither content nor tool_calls")
        if message["role"] == "tool" and not message.get("tool_call_id"):
            raise usage(f"{what}: message {number} (tool) has no tool_call_id")


def check_tool_answers(messages: list) -> None:
    """Refuse a conversation in which a tool call has no answer: the service takes nothing else at that place."""
    open_calls: list = []
    for message in messages:
        if message["role"] == "tool":
            open_calls = [name for name in open_calls if name != message["tool_call_id"]]
        elif open_calls:
            break
        open_calls += [str(call.get("id")) for call in message.get("tool_calls") or () if isinstance(call, dict)]
    if open_calls:
        raise usage(f"the tool calls {', '.join(open_calls)} have no answer yet",
                    'append one {"role": "tool", "tool_call_id": …, "content": …} for each to the messages, then run without '
                    "a prompt")


def put_system(messages: list, text: str) -> None:
    """Set the system message, which stands first."""
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] = text
    else:
        messages.insert(0, {"role": "system", "content": text})


def put_user(messages: list, content, replace: bool) -> None:
    """Add the user's turn; with `replace` (a --request body) it takes the place of the last user turn."""
    if replace and messages and messages[-1]["role"] == "user":
        messages[-1] = {**messages[-1], "content": content}
    else:
        messages.append({"role": "user", "content": content})


def put_sampling(ask: ChatAsk, body: dict) -> None:
    for name in FIELDS:
        if getattr(ask, name) is not None:
            body[name] = getattr(ask, name)
    if ask.stop:
        body["stop"] = list(ask.stop)


def _no_thinking_because(ask: ChatAsk) -> str:
    """The flag that excludes thinking, or ''."""
    forced = ask.tool_choice not in (None, "auto", "none")
    return ("--schema" if ask.schema is not None else "--json-object" if ask.json_object else
            "--prefix" if ask.prefix is not None else f"--tool-choice {ask.tool_choice}" if forced else "")


def put_thinking(ask: ChatAsk, model, body: dict, with_budget: str) -> None:
    """Send `enable_thinking` for models that can switch and for those alone; off where another flag excludes it.

    `with_budget` names models that take a thinking budget, for the error message.
    """
    excluded = _no_thinking_because(ask)
    wanted = True if ask.think is None and ask.thinking_budget else ask.think
    _check_thinking(ask, model, wanted, excluded)
    if model.thinking == "never":
        return
    if model.thinking != "always":
        if excluded:
            body["enable_thinking"] = False
        elif wanted is not None:
            body["enable_thinking"] = wanted
        elif model.thinking:
            body.setdefault("enable_thinking", model.thinking == "on" and not _json_asked_otherwise(ask, body))
    if ask.thinking_budget and "tb" not in model.features:
        raise usage(f"--thinking-budget: {model.id} takes none", f"leave it out, or use one of: {with_budget}")
    if ask.thinking_budget:
        body["thinking_budget"] = ask.thinking_budget


def _json_asked_otherwise(ask: ChatAsk, body: dict) -> bool:
    """Whether --request or --set promises JSON, which thinking excludes."""
    return "response_format" in body or any(keys[0] == "response_format" for keys, _ in ask.settings)


def _check_thinking(ask: ChatAsk, model, wanted, excluded: str) -> None:
    if wanted and excluded:
        raise usage(f"{excluded} excludes thinking", "leave out --think and --thinking-budget")
    if wanted is False and ask.thinking_budget:
        raise usage("--thinking-budget goes with thinking", "leave out --no-think")
    if wanted and model.thinking == "never":
        raise usage(f"{model.id} cannot think",
                    "leave out --think and --thinking-budget, or use a model such as qwen3.6-plus")
    if model.thinking == "always" and (wanted is False or excluded):
        raise usage(f"{excluded or '--no-think'}: {model.id} always thinks",
                    "use a model that can switch thinking off, such as qwen3.6-plus")


def put_json(ask: ChatAsk, body: dict) -> None:
    """Promise JSON, and say the word in the messages, as the service demands."""
    if ask.schema is not None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(ask.schema.get("title") or "answer"))[:64].strip("_") or "answer"
        body["response_format"] = {"type": "json_schema",
                                   "json_schema": {"name": name, "strict": True, "schema": copy.deepcopy(ask.schema)}}
    elif ask.json_object:
        body["response_format"] = {"type": "json_object"}
    if ask.wants_json and not _says_json(body["messages"]):
        add_to_system(body["messages"], "Answer in JSON.")


def _says_json(messages: list) -> bool:
    """Whether the word stands in a text of the system or the user; addresses and data of media do not count."""
    for message in messages:
        content = message.get("content") if message["role"] in ("system", "user") else ""
        texts = [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else [content]
        if any("json" in str(text).lower() for text in texts):
            return True
    return False


def add_to_system(messages: list, sentence: str) -> None:
    """Add a sentence to the system message, which is made where there is none."""
    first = messages[0]
    if first["role"] == "system" and isinstance(first["content"], str):
        first["content"] += "\n\n" + sentence
    else:
        messages.insert(0, {"role": "system", "content": sentence})


def without_schema(body: dict, schema: dict) -> dict:
    """The same request for a model that takes no json_schema: JSON mode, with the schema in the messages."""
    import json
    body = {**body, "messages": copy.deepcopy(body["messages"]), "response_format": {"type": "json_object"}}
    add_to_system(body["messages"], "Answer with JSON that matches this JSON Schema: "
                  + json.dumps(schema, ensure_ascii=False))
    return body


def put_stream(ask: ChatAsk, model, body: dict) -> list:
    """Streams are the default on the wire: models that think cut or refuse long answers without them."""
    must = "stream" in model.features or ("stream-think" in model.features and body.get("enable_thinking"))
    body["stream"] = bool(must or (ask.stream and body.get("stream", True)))
    if body["stream"]:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    return [f"{model.id} answers in streams only; the answer is collected and shown whole"] if must and not ask.stream else []
