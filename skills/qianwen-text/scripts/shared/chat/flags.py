"""The flags that text and vision share."""
from __future__ import annotations

from ..body import parse_settings
from ..cli.flags import add_switch, number
from ..cli.inputs import read_json
from ..failures import usage
from .request import FIELDS

SCHEMA_HELP = (
    "JSON Schema the answer must match; sent along, and the answer is checked against it. Checked keywords: type, enum, "
    "const, properties, required, additionalProperties, items, prefixItems, the min/max keywords, uniqueItems, pattern, "
    "multipleOf, anyOf, oneOf, allOf, not, $ref within the file; others are named in a warning; switches thinking off")


def add_thinking_flags(add) -> None:
    add_switch(add, "think", "think before answering", "answer at once; cheaper and faster")
    add("--thinking-budget", metavar="N", type=number(1, float("inf"), whole=True),
        help="most tokens spent on thinking")


def add_json_flags(add) -> None:
    add("--json-object", action="store_true", help="the answer is one JSON value; switches thinking off")
    add("--schema", metavar="FILE", help=SCHEMA_HELP)


def add_sampling_flags(add) -> None:
    for name, (kind, shown, text) in FIELDS.items():
        add("--" + name.replace("_", "-"), metavar=shown, type=kind, help=text)
    add("--stop", metavar="TEXT", action="append", default=[], help="end the answer before this text; may be repeated")
    add("--no-stream", action="store_true", help="wait for the whole answer instead of streaming it")


def common_fields(options) -> dict:
    """The fields of a ChatAsk that every chat script reads alike from its flags."""
    return {
        "system": options.system, "model": options.model, "think": options.think, "thinking_budget": options.thinking_budget,
        "json_object": options.json_object, "schema": read_object(options.schema, "--schema"),
        **{name: getattr(options, name) for name in FIELDS}, "stop": options.stop, "stream": not options.no_stream,
        "request": _read_request(options.request), "settings": parse_settings(options.set)}


def read_object(path: str | None, flag: str):
    """A JSON object from a file, or None."""
    if path is None:
        return None
    value = read_json(path, flag)
    if not isinstance(value, dict):
        raise usage(f"{flag} {path} must hold a JSON object")
    return value


def _read_request(path: str | None):
    body = read_object(path, "--request")
    if body and "input" in body:
        raise usage("--request: this is a body of the native API (it has 'input')",
                    "give a chat-completions body with 'messages' at the top")
    return body


def check_output(options) -> None:
    if options.output == "":
        raise usage("--output names no file", "give a file, or a folder ending in /")
