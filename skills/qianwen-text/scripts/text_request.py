"""From what the user asked to the body of a chat completion.
Pure: no I/O, so that each model family can be tested.

Wire facts: sections 2.1 to 2.11 of the contract. Combinations the service refuses or silently ignores are
refused here, naming the flag, the model and what would work.
"""
from __future__ import annotations

import copy
import re

from shared.chat.models import lacks, Model
from shared.chat.request import ChatAsk, Field, FIELDS, finish, start
from shared.failures import usage

from text_models import DEFAULT_MODEL, DOCUMENT_MODEL, TABLE, TRANSLATION_MODEL

OWN_FIELDS = {  # flags that are one field, of this skill alone
    "search": Field("enable_search", dict(
        action="store_true", help="let the model search the web (billed per search)"), "ws"),
}


class Ask(ChatAsk):
    """What the user asked for: the flags of every chat model and those of text models."""

    FIELDS = {**FIELDS, **OWN_FIELDS}
    DEFAULTS = {
        **ChatAsk.DEFAULTS, "messages": None, "history": None, "attachments": (), "documents": (),
        "sources": False, "tools": None, "translate_to": None, "translate_from": None,
        "terms": (),
    }

    def model_name(self) -> str:
        """The model asked for, else the one the kind of work calls for."""
        if self.named:
            return self.named
        if self.translate_to:
            return TRANSLATION_MODEL
        talk = self.history or self.messages
        reads = self.documents or (talk and names_documents(talk))
        return DOCUMENT_MODEL if reads else DEFAULT_MODEL


def build_request(ask: Ask, model: Model) -> tuple:
    """The body for `/chat/completions` and a list of remarks for the user. Raises usage Failures."""
    check(ask, model)
    content = user_text(ask.prompt, ask.attachments) if ask.attachments else ask.prompt
    body = start(ask, model, TABLE, content, ask.history if ask.messages is None else ask.messages)
    if ask.documents:
        put_documents(body["messages"], ask.documents)
    if ask.prefix is not None:
        body["messages"].append({"role": "assistant", "content": ask.prefix, "partial": True})
    _check_end(body["messages"])
    if ask.tools is not None:
        body["tools"] = normal_tools(ask.tools)
    if ask.tool_choice:
        body["tool_choice"] = _tool_choice(ask.tool_choice, body["tools"])
    if ask.translate_to:
        body["translation_options"] = _translation(ask, body.get("translation_options") or {})
    return body, finish(ask, model, body)


# ---- what does not go together -------------------------------------------------------------------------

_NEEDS = (  # flag, whether it is used, feature of the model, what the model cannot do
    ("--search", lambda ask: ask.search, "ws", "search the web"),
    ("--tools", lambda ask: ask.tools is not None, "fc", "call tools"),
    ("--prefix", lambda ask: ask.prefix is not None, "pc", "continue a given beginning"),
    ("--json-object", lambda ask: ask.json_object, "so", "promise JSON"),
    ("--schema", lambda ask: ask.schema is not None, "so", "promise JSON"),
    ("--document", lambda ask: bool(ask.documents), "long", "read documents"),
    ("--chat", lambda ask: ask.history and names_documents(ask.history), "long", "read its documents"),
    ("--messages", lambda ask: ask.messages and names_documents(ask.messages), "long", "read its documents"),
    ("--translate-to", lambda ask: ask.translate_to is not None, "mt", "take translation options"),
)

_EXCLUDE = (  # flags that exclude each other: (flag, used), (flag, used), why
    ("--prefix", lambda ask: ask.prefix is not None, "--tools", lambda ask: ask.tools is not None,
     "a given beginning leaves no room for a tool call"),
    ("--prefix", lambda ask: ask.prefix is not None, "--json-object or --schema", lambda ask: ask.wants_json,
     "a given beginning and a promised format exclude each other"),
    ("--messages", lambda ask: ask.messages is not None, "--chat", lambda ask: ask.history is not None,
     "both bring a conversation"),
    ("--messages", lambda ask: ask.messages is not None, "--request",
     lambda ask: "messages" in (ask.request or {}), "both bring messages"),
    ("--chat", lambda ask: ask.history is not None, "--request",
     lambda ask: "messages" in (ask.request or {}), "both bring messages"),
)


def check(ask: Ask, model: Model) -> None:
    """Refuse what the service would refuse or silently ignore."""
    for flag, used, feature, ability in _NEEDS:
        if used(ask) and lacks(model, feature):
            raise usage(f"{flag}: {model.id} cannot {ability}", _other_model(ask))
    for one, uses_one, other, uses_other, why in _EXCLUDE:
        if uses_one(ask) and uses_other(ask):
            raise usage(f"{one} and {other} do not go together: {why}", "leave one of them out")
    for flag, value, needed, given in (
            ("--tool-choice", ask.tool_choice, "--tools", ask.tools or (ask.request or {}).get("tools")),
            ("--translate-from", ask.translate_from, "--translate-to", ask.translate_to),
            ("--terms", ask.terms, "--translate-to", ask.translate_to)):
        if value and not given:
            raise usage(f"{flag} goes with {needed}", f"add {needed}")
    for flag, language in (("--translate-to", ask.translate_to), ("--translate-from", ask.translate_from)):
        if language is not None and not (language.strip() and language.isascii()):
            raise usage(f"{flag} {language}: the service takes English names and codes",
                        "write for example Chinese or zh")
    if "mt" in model.features:
        _check_translation(ask, model)


def _other_model(ask: Ask) -> str:
    """The models that can do all that is asked for together, or that none can."""
    needs = {flag: feature for flag, used, feature, _ in _NEEDS if used(ask)}
    able = TABLE.names(lambda row: row.features >= set(needs.values()))
    return (f"use --model with one of: {able}" if able
            else f"no model takes {' and '.join(needs)} together: leave one of them out")


def _check_translation(ask: Ask, model: Model) -> None:
    given = {"--system": ask.system, "--messages": ask.messages, "--chat": ask.history is not None,
             "--attach": ask.attachments, "--think": ask.think, "--thinking-budget": ask.thinking_budget,
             "--effort": ask.effort}
    used = [flag for flag, value in given.items() if value]
    if used:
        raise usage(f"{', '.join(used)}: {model.id} translates one text and takes nothing else",
                    "leave it out; a file to translate goes into --prompt-file")
    settings = any(keys[0] == "translation_options" for keys, _ in ask.settings)
    if not (ask.translate_to or settings or "translation_options" in (ask.request or {})):
        raise usage(f"{model.id} is a translation model and needs a target language",
                    "add --translate-to, for example --translate-to English")


# ---- messages ------------------------------------------------------------------------------------------

def _check_end(messages: list) -> None:
    """Refuse a conversation that there is nothing to answer in."""
    if not messages:
        raise usage("there is no prompt",
                    'write it as the first argument, for example: text.py "Explain TLS"; '
                    "- reads it from stdin")
    if not any(message["role"] == "user" for message in messages):
        raise usage("there is no user message", "add a prompt")
    last = messages[-1]
    if last["role"] not in ("user", "tool") and not last.get("partial"):
        raise usage(f"the last message is from {last['role']}, so there is nothing to answer", "add a prompt")


def user_text(prompt: str, attachments) -> str:
    """The prompt with the attached text files before it, each between marks that carry its name."""
    parts = [f'<file name="{_frame_name(name)}">\n{text.rstrip()}\n</file>\n\n' for name, text in attachments]
    return "".join(parts) + prompt


def _frame_name(name: str) -> str:
    """A file's name without what could end the mark around it."""
    return re.sub(r'[\x00-\x1f"<>]', "_", name)


def put_documents(messages: list, ids) -> None:
    """Documents stand in a system message of their own, behind the one that says who the model is."""
    if not messages or messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": "You answer from the user's documents."})
    known = {part.strip() for message in messages if names_documents([message])
             for part in message["content"].split(",")}
    new = [file_id for file_id in ids if "fileid://" + file_id not in known]
    if new:
        messages[1:1] = [document_message(new)]


def document_message(ids) -> dict:
    """The system message that names uploaded documents."""
    return {"role": "system", "content": ",".join("fileid://" + file_id for file_id in ids)}


def names_documents(messages) -> bool:
    """Whether a conversation is about uploaded documents."""
    return any(isinstance(message, dict) and message.get("role") == "system"
               and str(message.get("content")).startswith("fileid://") for message in messages or ())


# ---- the other fields ----------------------------------------------------------------------------------

def _tool_choice(choice: str, tools):
    """auto, none, or the one tool that must be called."""
    if choice in ("auto", "none"):
        return choice
    names = [tool["function"]["name"] for tool in normal_tools(tools)]
    if choice not in names:
        raise usage(f"--tool-choice {choice}: there is no such tool",
                    f"use auto, none, or one of: {', '.join(names)} (the API has no 'required')")
    return {"type": "function", "function": {"name": choice}}


def _translation(ask: Ask, options: dict) -> dict:
    options = {**options, "source_lang": ask.translate_from or options.get("source_lang") or "auto",
               "target_lang": ask.translate_to}
    if ask.terms:
        options["terms"] = [{"source": source, "target": target} for source, target in ask.terms]
    return options


def normal_tools(tools) -> list:
    """Tool definitions in the wire's form; bare function objects are wrapped.
    Raises usage for illegal names."""
    if not isinstance(tools, list) or not tools:
        raise usage("--tools: the file must hold a JSON list of tools")
    normal = [tool if isinstance(tool, dict) and "function" in tool
              else {"type": "function", "function": tool} for tool in tools]
    for number, tool in enumerate(normal, 1):
        function = tool["function"] if isinstance(tool["function"], dict) else {}
        name = function.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise usage(f"--tools: tool {number} has the name {name!r}",
                        "use 1 to 64 letters, digits, _ or -")
    return normal


# ---- the native dialect, which alone returns the sources of a web search -------------------------------

_COMPATIBLE_ONLY = ("model", "messages", "stream", "stream_options")
_NATIVE_KEYS = {"image_url": "image", "video_url": "video", "input_audio": "audio"}


def native_request(body: dict, multimodal: bool) -> tuple:
    """Path and body of the same request in the native dialect, with the list of searched pages asked for.
    A model is at one of two paths: `multimodal` for those with the feature mm."""
    messages = copy.deepcopy(body["messages"])
    for message in messages:
        if "content" in message:
            message["content"] = _native_content(message["content"], multimodal)
    parameters = {name: value for name, value in body.items() if name not in _COMPATIBLE_ONLY}
    parameters["search_options"] = {"enable_source": True, **(parameters.get("search_options") or {})}
    parameters["incremental_output"] = True
    if not multimodal:
        parameters["result_format"] = "message"
    kind = "multimodal-generation" if multimodal else "text-generation"
    return (f"/services/aigc/{kind}/generation",
            {"model": body["model"], "input": {"messages": messages}, "parameters": parameters})


def _native_content(content, multimodal: bool):
    """A message's content as its path takes it: a list of parts where a model is multimodal, else text."""
    if isinstance(content, str):
        return [{"text": content}] if multimodal else content
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return content
    parts = [_native_part(part) for part in content]
    is_text = all(isinstance(part.get("text"), str) for part in parts)
    return "".join(part["text"] for part in parts) if is_text and not multimodal else parts


def _native_part(part: dict) -> dict:
    """A part of a content, named by its kind alone; its options stand beside (wire contract 4.1)."""
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in part:
        return part
    value = part[kind]
    if isinstance(value, dict):
        value = value.get("url") or value.get("data")
    options = {name: option for name, option in part.items() if name not in ("type", kind)}
    return {_NATIVE_KEYS.get(kind, kind): value, **options}
