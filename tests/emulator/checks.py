"""What the service refuses, and what it would silently ignore: one function per concern, run in order by `validate`."""
from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Tuple

from tests.emulator import cache, documents, media, messages, ocr, thinking, translation
from tests.emulator.call import Call, text_of
from tests.emulator.wire import Refusal, ignored, invalid


def validate(call: Call) -> None:
    """Raise the first refusal."""
    for check in CHECKS:
        check(call)


# Fields: known, and meant for this model

COMMON_FIELDS = frozenset("""temperature top_p top_k repetition_penalty presence_penalty max_tokens
    max_completion_tokens seed stop n logprobs top_logprobs response_format tools tool_choice parallel_tool_calls
    tool_stream enable_thinking thinking_budget thinking
    preserve_thinking reasoning_effort enable_search search_options enable_text_image_mixed enable_code_interpreter
    vl_high_resolution_images translation_options skill logit_bias""".split())
NATIVE_FIELDS = frozenset(("result_format", "incremental_output", "ocr_options", "vl_enable_image_hw_output"))

# field -> (the feature a model needs for it, what is said when it lacks it)
FEATURE_OF: Dict[str, Tuple[str, str]] = {
    "tools": ("fc", "The tool call is not supported."),
    "enable_search": ("ws", "This model does not support enable_search."),
    "top_k": ("qw", ""),
    "repetition_penalty": ("qw", ""),
    "logprobs": ("lp", ""),
    "top_logprobs": ("lp", ""),
    "enable_code_interpreter": ("ci", ""),
    "preserve_thinking": ("pt", ""),
    "thinking": ("th", ""),
    "tool_stream": ("ts", ""),
    "logit_bias": ("lb", ""),
    "skill": ("docs", ""),
    "translation_options": ("mt", ""),
    "ocr_options": ("ocr", ""),
}
# field -> the field without which it does nothing
NEEDS: Dict[str, str] = {
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "tool_stream": "tools",
    "search_options": "enable_search",
    "enable_text_image_mixed": "enable_search",
    "top_logprobs": "logprobs",
}


def known_fields(call: Call) -> None:
    for name in call.options:
        if name in NATIVE_FIELDS and not call.native:
            raise ignored(name, "works in the native dialect only")
        if name not in COMMON_FIELDS | NATIVE_FIELDS:
            raise invalid(f"emulator: unknown field {name!r}", param=name, wrapped=False)


def system_messages(call: Call) -> None:
    if call.model.can("ns") and any(message["role"] == "system" for message in call.messages):
        raise ignored("messages", f"of the system have no effect on {call.model.name}; put them before the prompt")


def fields_of_the_model(call: Call) -> None:
    for name, (feature, message) in FEATURE_OF.items():
        if call.options.get(name) and not call.model.can(feature):
            raise invalid(message, param=name) if message else ignored(name, f"is not taken by {call.model.name}")
    sight = call.model.sight
    if "vl_high_resolution_images" in call.options and not (sight and sight.high_resolution):
        kind = "the model" if sight else "the text model"
        raise ignored("vl_high_resolution_images", f"does nothing on {kind} {call.model.name}")
    if "vl_enable_image_hw_output" in call.options and not sight:
        raise ignored("vl_enable_image_hw_output", f"does nothing on the text model {call.model.name}")


def fields_that_need_another(call: Call) -> None:
    for name, other in NEEDS.items():
        if name in call.options and not call.options.get(other):
            raise ignored(name, f"does nothing without {other!r}")


# Values

def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


Test = Callable[[Any], bool]
# field -> type, type name, range, what is said when it is out of range
VALUES: Dict[str, Tuple[Test, str, Test, str]] = {
    "temperature": (_number, "Float", lambda v: 0 <= v < 2, "Temperature should be in [0.0, 2.0)"),
    "top_p": (_number, "Float", lambda v: 0 < v <= 1, "Range of top_p should be (0.0, 1.0]"),
    "top_k": (_integer, "Integer", lambda v: v >= 0, "Parameter top_k be greater than or equal to 0"),
    "repetition_penalty": (_number, "Float", lambda v: v > 0, "Repetition_penalty should be greater than 0.0"),
    "presence_penalty": (_number, "Float", lambda v: -2 <= v <= 2, "Presence_penalty should be in [-2.0, 2.0]"),
    "n": (_integer, "Integer", lambda v: 1 <= v <= 4, "Range of n should be [1, 4]"),
    "top_logprobs": (_integer, "Integer", lambda v: 0 <= v <= 5, "Range of top_logprobs should be [0, 5]"),
    "result_format": (lambda v: isinstance(v, str), "String", lambda v: v in ("message", "text"),
                      "emulator: 'result_format' should be message or text"),
    "logit_bias": (lambda v: isinstance(v, dict), "Dict", lambda v: all(_number(bias) for bias in v.values()),
                   "emulator: 'logit_bias' should map token ids to numbers"),
}
BOOLEANS = ("logprobs", "enable_thinking", "preserve_thinking", "enable_search", "enable_text_image_mixed", "enable_code_interpreter",
            "vl_high_resolution_images", "parallel_tool_calls", "tool_stream", "incremental_output", "vl_enable_image_hw_output")


def values(call: Call) -> None:
    for name, value in call.options.items():
        if name in BOOLEANS and not _boolean(value):
            raise invalid(f"'{name}' must be Boolean", param=name)
        if name in VALUES:
            right_type, type_name, in_range, message = VALUES[name]
            if not right_type(value):
                raise invalid(f"'{name}' must be {type_name}", param=name)
            if not in_range(value):
                raise invalid(message, param=name)


def output_limit(call: Call) -> None:
    highest = call.model.max_output
    for name in ("max_tokens", "max_completion_tokens"):
        value = call.options.get(name, 1)
        if not _integer(value):
            raise invalid(f"'{name}' must be Integer", param=name)
        if not 1 <= value <= highest:
            raise invalid(f"Range of {name} should be [1, {highest}]", param=name)


def seed(call: Call) -> None:
    value = call.options.get("seed", 0)
    highest = 2 ** 63 - 1 if call.native else 2 ** 31 - 1
    if _integer(value) and 0 <= value <= highest:
        return
    if call.native:
        raise invalid(f"Range of seed should be [0, {highest}]")
    message = ("'seed' must be Integer" if not _integer(value) else f"{value} is lesser than the minimum of 0 - 'seed'" if value < 0
               else f"{value} is greater than the maximum of {highest} - 'seed'")
    raise Refusal(400, "invalid_value", message, native="InvalidParameter")


def stop(call: Call) -> None:
    value = call.options.get("stop", "")
    if isinstance(value, str):
        return
    kinds = [str, int, list]
    if not isinstance(value, list) or not any(all(type(item) is kind for item in value) for kind in kinds):
        raise invalid('The "stop" parameter must be of type "str", "list[str]", "list[int]", or "list[list[int]]", and all elements '
                      "within the list must be of the same type.", param="stop")


def several_choices(call: Call) -> None:
    if call.options.get("n", 1) == 1:
        return
    if call.options.get("tools"):
        raise ignored("n", "must be 1 with tools")
    if not call.model.can("n") or call.thinking:
        raise ignored("n", f"must be 1 for {call.model.name}" + (" while it thinks" if call.thinking else ""))


# Tools

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def tools(call: Call) -> None:
    offered = call.options.get("tools", [])
    if not isinstance(offered, list) or ("tools" in call.options and not offered):
        raise invalid("[] is too short - 'tools'", param="tools")
    for number, tool in enumerate(offered):
        _tool(tool, f"tools[{number}]")


def _tool(tool: Any, where: str) -> None:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type") != "function" or set(tool) - {"type", "function"}:
        raise ignored(where, 'must be {"type": "function", "function": {...}}; a cache marker does nothing there')
    for name in set(function) - {"name", "description", "parameters", "strict"}:
        raise ignored(f"{where}.function.{name}", "is not known")
    name = function.get("name")
    if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
        raise ignored(f"{where}.function.name", "must be 1 to 64 of A-Z a-z 0-9 _ -")
    parameters = function.get("parameters", {})
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise ignored(f"{where}.function.parameters", "must be the JSON Schema of an object")


def tool_choice(call: Call) -> None:
    choice = call.options.get("tool_choice", "auto")
    if choice in ("auto", "none"):
        return
    forced = choice.get("function", {}).get("name") if isinstance(choice, dict) and choice.get("type") == "function" else None
    if forced is None:
        raise invalid('tool_choice is one of the strings that should be ["none", "auto"]', param="tool_choice")
    if call.thinking and call.model.can("ft"):
        raise ignored("tool_choice", f"is not heeded by {call.model.name} while it thinks")
    if call.thinking:
        raise invalid("The tool_choice parameter does not support being set to required or object in thinking mode", param="tool_choice")
    if forced not in [tool["function"]["name"] for tool in call.options["tools"]]:
        raise ignored("tool_choice", f"names {forced!r}, which is not among the tools")


# Structured output

def response_format(call: Call) -> None:
    if "response_format" not in call.options:
        return
    value = call.options["response_format"]
    kind = value.get("type") if isinstance(value, dict) else value
    if kind not in ("text", "json_object", "json_schema") or not isinstance(value, dict):
        raise invalid("Unknown format of response_format, response_format should be a dict, includes 'type' and an optional key "
                      f"'json_schema'. The response_format type from user is {kind}.", param="response_format")
    if kind == "text":
        return
    if call.thinking and not call.model.can("jt"):   # refused of old, and today the JSON may break
        raise invalid("Json mode response is not supported when enable_thinking is true", param="response_format")
    if not call.model.can("so") and not (call.model.can("jo") and kind == "json_object"):
        raise ignored("response_format", f"is not supported by {call.model.name}")
    JSON_FORMATS[kind](call, value)


def _json_object(call: Call, value: Dict[str, Any]) -> None:
    if "json_schema" in value:
        raise ignored("response_format.json_schema", "does nothing with the type json_object")
    asked = (text_of(message) for message in call.messages if message["role"] in ("system", "user"))
    if not any("json" in text.lower() for text in asked):
        raise invalid("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                      param="messages")


def _json_schema(call: Call, value: Dict[str, Any]) -> None:
    wanted = value.get("json_schema")
    if not isinstance(wanted, dict) or not isinstance(wanted.get("schema"), dict) or not isinstance(wanted.get("name"), str):
        raise ignored("response_format.json_schema", "must hold 'name' and 'schema'")
    for name in set(wanted) - {"name", "description", "schema", "strict"}:
        raise ignored(f"response_format.json_schema.{name}", "is not known")


JSON_FORMATS = {"json_object": _json_object, "json_schema": _json_schema}


# Web search

SEARCH_OPTIONS: Dict[str, Test] = {
    "search_strategy": lambda v: v in ("turbo", "max", "agent", "agent_max", "standard", "pro"),
    "forced_search": _boolean,
    "enable_search_extension": _boolean,
    "enable_source": _boolean,
    "enable_citation": _boolean,
    "citation_format": lambda v: v in ("[<number>]", "[ref_<number>]"),
    "freshness": lambda v: v in (7, 30, 180, 365),
    "assigned_site_list": lambda v: isinstance(v, list) and 1 <= len(v) <= 25,
    "intention_options": lambda v: isinstance(v, dict) and not set(v) - {"prompt_intervene"},
    "prepend_search_result": _boolean,
}
NATIVE_SEARCH_OPTIONS = ("enable_source", "enable_citation", "citation_format", "prepend_search_result")


def search_options(call: Call) -> None:
    options = call.options.get("search_options", {})
    if not isinstance(options, dict):
        raise invalid("'search_options' must be Dict", param="search_options")
    for name, value in options.items():
        where = f"search_options.{name}"
        if name not in SEARCH_OPTIONS:
            raise invalid(f"emulator: unknown field {where!r}", param=where, wrapped=False)
        if not SEARCH_OPTIONS[name](value):
            raise ignored(where, f"cannot be {json.dumps(value)}")
        if name in NATIVE_SEARCH_OPTIONS and not call.native:
            raise ignored(where, "works in the native dialect only")
    if ("enable_citation" in options or "citation_format" in options) and not options.get("enable_source"):
        raise ignored("search_options.enable_citation", "needs enable_source")
    if "assigned_site_list" in options and options.get("search_strategy", "turbo") != "turbo":
        raise ignored("search_options.assigned_site_list", "works with the turbo strategy only")


# Prefix continuation and length

def partial(call: Call) -> None:
    places = [number for number, message in enumerate(call.messages) if "partial" in message]
    if not places:
        return
    if places != [len(call.messages) - 1] or call.messages[-1]["role"] != "assistant":
        raise ignored("partial", "belongs to the last message, of the assistant")
    if not _boolean(call.messages[-1]["partial"]):
        raise invalid("'partial' must be Boolean", param="partial")
    if not call.model.can("pc"):
        raise ignored("partial", f"is not supported by {call.model.name}")
    if call.thinking:
        raise ignored("partial", "is not supported while the model thinks; send enable_thinking false")


def input_length(call: Call) -> None:
    if call.prompt_tokens > call.model.max_input:
        raise invalid(f"Range of input length should be [1, {call.model.max_input}]", param="messages")


# The native dialect alone

def native_thinking(call: Call) -> None:
    if not (call.native and call.thinking):
        return
    if call.options.get("result_format", "message") != "message":
        raise invalid('The result_format parameter must be "message" when enable_thinking is true')
    if call.stream and not call.incremental:
        raise invalid('The incremental_output parameter must be "true" when enable_thinking is true')


CHECKS: Tuple[Callable[[Call], None], ...] = (
    known_fields,
    messages.shapes,
    messages.order,
    messages.tool_replies,
    system_messages,
    translation.check,
    media.check,
    documents.check,
    cache.check,
    fields_of_the_model,
    fields_that_need_another,
    ocr.check,
    values,
    output_limit,
    seed,
    stop,
    *thinking.CHECKS,
    several_choices,
    tools,
    tool_choice,
    response_format,
    search_options,
    partial,
    input_length,
    native_thinking,
)
