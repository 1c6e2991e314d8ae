"""From what the user asked to the body of a chat completion. Pure: no I/O, so that each model family can be tested.

Wire facts: sections 2.1 to 2.11 of the contract. Combinations the service refuses or silently ignores are refused here,
naming the flag, the model and what would work.
"""
from __future__ import annotations

import copy
import re

from shared.command import apply_settings
from shared.failures import usage

from text_models import DEFAULT_MODEL, DOCUMENT_MODEL, TRANSLATION_MODEL, Model, names_with


class Ask:
    """What the user asked for, one attribute per flag; unset ones are None, empty or False."""

    _DEFAULTS = {
        "prompt": None, "system": None, "messages": None, "history": None, "attachments": (), "documents": (),
        "model": None, "think": None, "thinking_budget": None, "search": False, "sources": False, "json_object": False,
        "schema": None, "tools": None, "tool_choice": None, "prefix": None, "translate_to": None,
        "translate_from": None, "terms": (), "temperature": None, "top_p": None, "max_tokens": None, "seed": None,
        "stop": (), "stream": True, "request": None, "settings": (),
    }

    def __init__(self, **given):
        unknown = set(given) - set(self._DEFAULTS)
        if unknown:
            raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
        for name, default in self._DEFAULTS.items():
            setattr(self, name, given.get(name, default))

    @property
    def wants_json(self) -> bool:
        return self.json_object or self.schema is not None

    def model_name(self) -> str:
        """The model asked for, else the one the kind of work calls for."""
        settings = {".".join(keys): value for keys, value in self.settings}
        documents = self.documents or names_documents(self.history)
        default = TRANSLATION_MODEL if self.translate_to else DOCUMENT_MODEL if documents else DEFAULT_MODEL
        return str(settings.get("model") or self.model or (self.request or {}).get("model") or default)


def build_request(ask: Ask, model: Model) -> tuple:
    """The body for `/chat/completions` and a list of remarks for the user. Raises usage Failures."""
    check(ask, model)
    _check_request(ask.request or {})
    remarks: list = []
    body = copy.deepcopy(ask.request or {})
    body["model"] = model.id
    body["messages"] = build_messages(ask, body.get("messages"))
    _put_sampling(ask, body)
    _put_thinking(ask, model, body)
    _put_json(ask, body)
    _put_tools(ask, body)
    _put_search(ask, body)
    _put_translation(ask, model, body)
    _put_stream(ask, model, body, remarks)
    apply_settings(body, ask.settings)
    if not body.get("stream"):
        body.pop("stream_options", None)
    return body, remarks


# ---- what does not go together ---------------------------------------------------------------------------------------

_NEEDS = (  # flag, whether it is used, feature of the model, what the model cannot do
    ("--search", lambda ask: ask.search, "ws", "search the web"),
    ("--tools", lambda ask: ask.tools is not None, "fc", "call tools"),
    ("--prefix", lambda ask: ask.prefix is not None, "pc", "continue a given beginning"),
    ("--json-object", lambda ask: ask.json_object, "so", "promise JSON"),
    ("--schema", lambda ask: ask.schema is not None, "so", "promise JSON"),
    ("--document", lambda ask: bool(ask.documents), "long", "read documents"),
    ("--translate-to", lambda ask: ask.translate_to is not None, "mt", "take translation options"),
)

_EXCLUDE = (  # flags that exclude each other: (flag, used), (flag, used), why
    ("--json-object", lambda ask: ask.json_object, "--schema", lambda ask: ask.schema is not None,
     "a schema asks for JSON already"),
    ("--prefix", lambda ask: ask.prefix is not None, "--tools", lambda ask: ask.tools is not None,
     "a given beginning leaves no room for a tool call"),
    ("--prefix", lambda ask: ask.prefix is not None, "--json-object or --schema", lambda ask: ask.wants_json,
     "a given beginning and a promised form cannot both hold"),
    ("--messages", lambda ask: ask.messages is not None, "--chat", lambda ask: ask.history is not None,
     "both bring a conversation"),
    ("--messages", lambda ask: ask.messages is not None, "--request",
     lambda ask: "messages" in (ask.request or {}), "both bring messages"),
    ("--chat", lambda ask: ask.history is not None, "--request", lambda ask: "messages" in (ask.request or {}),
     "both bring messages"),
)


def check(ask: Ask, model: Model) -> None:
    """Refuse what the service would refuse or silently ignore."""
    for flag, used, feature, ability in _NEEDS:
        if used(ask) and feature not in model.features:
            raise usage(f"{flag}: {model.id} cannot {ability}", f"use --model with one of: {names_with(feature)}")
    for one, uses_one, other, uses_other, why in _EXCLUDE:
        if uses_one(ask) and uses_other(ask):
            raise usage(f"{one} and {other} do not go together: {why}", "leave one of them out")
    for flag, value, needed, given in (
            ("--tool-choice", ask.tool_choice, "--tools", ask.tools or (ask.request or {}).get("tools")),
            ("--translate-from", ask.translate_from, "--translate-to", ask.translate_to),
            ("--terms", ask.terms, "--translate-to", ask.translate_to),
            ("--sources", ask.sources, "--search", ask.search)):
        if value and not given:
            raise usage(f"{flag} goes with {needed}", f"add {needed}")
    _check_limits(ask, model)
    if "mt" in model.features:
        _check_translation(ask, model)


def _check_request(request: dict) -> None:
    """Refuse a --request body whose parts this script has to build on, but cannot."""
    for name, kind, form in (("stream_options", dict, "an object"), ("translation_options", dict, "an object"),
                             ("messages", list, "a JSON list"), ("tools", list, "a list"), ("model", str, "a text")):
        if request.get(name) is not None and not isinstance(request[name], kind):
            raise usage(f"--request: {name} must be {form}, not {type(request[name]).__name__}")


def _check_limits(ask: Ask, model: Model) -> None:
    for flag, value, limit in (("--max-tokens", ask.max_tokens, model.max_output),
                               ("--thinking-budget", ask.thinking_budget, model.max_thinking)):
        if value and limit and value > limit:
            raise usage(f"{flag} {value} is more than {model.id} allows", f"use a number from 1 to {limit}")


def _check_translation(ask: Ask, model: Model) -> None:
    used = [flag for flag, value in (
        ("--system", ask.system), ("--messages", ask.messages), ("--chat", ask.history is not None),
        ("--attach", ask.attachments), ("--think", ask.think), ("--thinking-budget", ask.thinking_budget)) if value]
    if used:
        raise usage(f"{', '.join(used)}: {model.id} translates one text and takes nothing beside it",
                    "leave it out; a file to translate goes into --prompt-file")
    settings = any(keys[0] == "translation_options" for keys, _ in ask.settings)
    if not (ask.translate_to or settings or "translation_options" in (ask.request or {})):
        raise usage(f"{model.id} is a translation model and needs a target language",
                    "add --translate-to, for example --translate-to English")


# ---- messages --------------------------------------------------------------------------------------------------------

_ROLES = ("system", "user", "assistant", "tool")


def build_messages(ask: Ask, base=None) -> list:
    """The messages: what a file brings, with the system text, documents, prompt and beginning of the answer put in."""
    brought = ask.messages if ask.messages is not None else ask.history if ask.history is not None else base
    messages = copy.deepcopy(brought or [])
    check_messages(messages, "the messages")
    if ask.system is not None:
        _put_system(messages, ask.system)
    if ask.documents:
        put_documents(messages, ask.documents)
    if ask.prompt is not None:
        _put_user(messages, user_text(ask.prompt, ask.attachments), replace=bool(base) and brought is base)
    if ask.prefix is not None:
        messages.append({"role": "assistant", "content": ask.prefix, "partial": True})
    _check_end(messages, ask)
    return messages


def user_text(prompt: str, attachments) -> str:
    """The prompt with the attached text files before it, each between marks that carry its name."""
    parts = [f'<file name="{name}">\n{text.rstrip()}\n</file>\n\n' for name, text in attachments]
    return "".join(parts) + prompt


def _put_system(messages: list, text: str) -> None:
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] = text
    else:
        messages.insert(0, {"role": "system", "content": text})


def put_documents(messages: list, ids) -> None:
    """Documents stand in a system message of their own, behind the one that says who the model is."""
    if not messages or messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": "You answer from the user's documents."})
    messages[1:1] = [document_message(ids)]


def document_message(ids) -> dict:
    """The system message that names uploaded documents."""
    return {"role": "system", "content": ",".join("fileid://" + file_id for file_id in ids)}


def names_documents(messages) -> bool:
    """Whether a conversation is about uploaded documents."""
    return any(message["role"] == "system" and str(message.get("content")).startswith("fileid://")
               for message in messages or ())


def _put_user(messages: list, text: str, replace: bool) -> None:
    """Add the user's turn; in a --request body it takes the place of the last user turn."""
    if replace and messages and messages[-1]["role"] == "user":
        messages[-1] = {**messages[-1], "content": text}
    else:
        messages.append({"role": "user", "content": text})


def check_messages(messages, what: str) -> None:
    """Refuse a list that is no conversation, naming the first message at fault."""
    if not isinstance(messages, list):
        raise usage(f"{what} must be a JSON list of {{role, content}} objects, not {type(messages).__name__}")
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise usage(f"{what}: message {number} has no role", f"give it a role: {', '.join(_ROLES)}")
        if message["role"] != "assistant" and not message.get("content"):
            raise usage(f"{what}: message {number} ({message['role']}) has no content")
        if message["role"] == "assistant" and message.get("content") is None and not message.get("tool_calls"):
            raise usage(f"{what}: message {number} (assistant) has neither content nor tool_calls")
        if message["role"] == "tool" and not message.get("tool_call_id"):
            raise usage(f"{what}: message {number} (tool) has no tool_call_id")


def _check_end(messages: list, ask: Ask) -> None:
    if not messages:
        raise usage("there is no prompt", 'write it as the first argument, for example: text.py "Explain TLS"; - reads '
                    "it from stdin")
    if not any(message["role"] == "user" for message in messages):
        raise usage("there is no user message", "add a prompt")
    last = messages[-1]
    if last["role"] not in ("user", "tool") and not last.get("partial"):
        raise usage(f"the last message is from {last['role']}, so there is nothing to answer", "add a prompt")


# ---- the other fields ------------------------------------------------------------------------------------------------

def _put_sampling(ask: Ask, body: dict) -> None:
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        if getattr(ask, name) is not None:
            body[name] = getattr(ask, name)
    if ask.stop:
        body["stop"] = list(ask.stop)


def _no_thinking_because(ask: Ask) -> str:
    """The flag that excludes thinking, or ''."""
    forced = ask.tool_choice not in (None, "auto", "none")
    return ("--schema" if ask.schema is not None else "--json-object" if ask.json_object else
            "--prefix" if ask.prefix is not None else f"--tool-choice {ask.tool_choice}" if forced else "")


def _put_thinking(ask: Ask, model: Model, body: dict) -> None:
    """Send `enable_thinking` for models that can switch and for those alone; off where another flag excludes it."""
    excluded = _no_thinking_because(ask)
    wanted = True if ask.think is None and ask.thinking_budget else ask.think
    if wanted and excluded:
        raise usage(f"{excluded} excludes thinking", "leave out --think and --thinking-budget")
    if wanted is False and ask.thinking_budget:
        raise usage("--thinking-budget goes with thinking", "leave out --no-think")
    if model.thinking == "never":
        if wanted:
            raise usage(f"{model.id} cannot think",
                        "leave out --think and --thinking-budget, or use a model such as qwen3.6-plus, qwen3-max")
        return
    if model.thinking == "always":
        if wanted is False or excluded:
            raise usage(f"{excluded or '--no-think'}: {model.id} always thinks",
                        "use a model that can switch thinking off, such as qwen3.6-plus")
    elif excluded:
        body["enable_thinking"] = False
    elif wanted is not None:
        body["enable_thinking"] = wanted
    elif model.thinking:
        body.setdefault("enable_thinking", model.thinking == "on")
    if ask.thinking_budget and "tb" not in model.features:
        raise usage(f"--thinking-budget: {model.id} takes none", f"leave it out, or use one of: {names_with('tb')}")
    if ask.thinking_budget:
        body["thinking_budget"] = ask.thinking_budget


def _put_json(ask: Ask, body: dict) -> None:
    if ask.schema is not None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(ask.schema.get("title") or "answer"))[:64].strip("_") or "answer"
        body["response_format"] = {"type": "json_schema",
                                   "json_schema": {"name": name, "strict": True, "schema": ask.schema}}
    elif ask.json_object:
        body["response_format"] = {"type": "json_object"}
    if ask.wants_json:
        _say_json(body["messages"], "Answer in JSON.")


def _say_json(messages: list, sentence: str) -> None:
    """The service demands the word JSON in the messages; a sentence that has it is added where it is absent."""
    texts = [message.get("content") for message in messages if message["role"] in ("system", "user")]
    if not any("json" in str(text).lower() for text in texts):
        _add_to_system(messages, sentence)


def _add_to_system(messages: list, sentence: str) -> None:
    first = messages[0]
    if first["role"] == "system" and isinstance(first["content"], str):
        first["content"] += "\n\n" + sentence
    else:
        messages.insert(0, {"role": "system", "content": sentence})


def without_schema(body: dict, schema: dict) -> dict:
    """The same request for a model that takes no json_schema: JSON mode, with the schema in the messages."""
    import json
    body = copy.deepcopy(body)
    body["response_format"] = {"type": "json_object"}
    _add_to_system(body["messages"], "Answer with JSON that matches this JSON Schema: "
                   + json.dumps(schema, ensure_ascii=False))
    return body


def _put_tools(ask: Ask, body: dict) -> None:
    if ask.tools is not None:
        body["tools"] = normal_tools(ask.tools)
    if ask.tool_choice in ("auto", "none"):
        body["tool_choice"] = ask.tool_choice
    elif ask.tool_choice:
        names = [tool["function"]["name"] for tool in normal_tools(body["tools"])]
        if ask.tool_choice not in names:
            raise usage(f"--tool-choice {ask.tool_choice}: there is no such tool",
                        f"use auto, none, or one of: {', '.join(names)} (the API has no 'required')")
        body["tool_choice"] = {"type": "function", "function": {"name": ask.tool_choice}}


def normal_tools(tools) -> list:
    """Tool definitions in the wire's form; bare function objects are wrapped. Raises usage for illegal names."""
    if not isinstance(tools, list) or not tools:
        raise usage("--tools: the file must hold a JSON list of tools")
    normal = [tool if isinstance(tool, dict) and "function" in tool else {"type": "function", "function": tool}
              for tool in tools]
    for number, tool in enumerate(normal, 1):
        function = tool["function"] if isinstance(tool["function"], dict) else {}
        name = function.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise usage(f"--tools: tool {number} has the name {name!r}", "use 1 to 64 letters, digits, _ or -")
        if name == "search":
            raise usage("--tools: the service refuses a tool named 'search'", "name it otherwise, for example web_search")
    return normal


def _put_search(ask: Ask, body: dict) -> None:
    if ask.search:
        body["enable_search"] = True


def _put_translation(ask: Ask, model: Model, body: dict) -> None:
    if ask.translate_to:
        options = body.setdefault("translation_options", {})
        options["source_lang"] = ask.translate_from or options.get("source_lang") or "auto"
        options["target_lang"] = ask.translate_to
        if ask.terms:
            options["terms"] = [{"source": source, "target": target} for source, target in ask.terms]


def _put_stream(ask: Ask, model: Model, body: dict, remarks: list) -> None:
    """Streams are the default on the wire: models that think cut or refuse long answers without them."""
    must = "stream" in model.features or ("stream-think" in model.features and body.get("enable_thinking"))
    if must and not ask.stream:
        remarks.append(f"{model.id} answers in streams only; the answer is collected and shown whole")
    body["stream"] = bool(must or (ask.stream and body.get("stream", True)))
    if body["stream"]:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}


# ---- the native dialect, which alone returns the sources of a web search ---------------------------------------------

_COMPATIBLE_ONLY = ("model", "messages", "stream", "stream_options")


def native_request(body: dict, model: Model) -> tuple:
    """Path and body of the same request in the native dialect, with the list of searched pages asked for."""
    multimodal = "mm" in model.features
    messages = copy.deepcopy(body["messages"])
    if multimodal:
        for message in messages:
            if isinstance(message.get("content"), str):
                message["content"] = [{"text": message["content"]}]
    parameters = {name: value for name, value in body.items() if name not in _COMPATIBLE_ONLY}
    parameters["search_options"] = {"enable_source": True, **parameters.get("search_options", {})}
    parameters["incremental_output"] = True
    if not multimodal:
        parameters["result_format"] = "message"
    kind = "multimodal-generation" if multimodal else "text-generation"
    return (f"/services/aigc/{kind}/generation",
            {"model": body["model"], "input": {"messages": messages}, "parameters": parameters})
