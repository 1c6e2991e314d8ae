"""The flags that text and vision share."""
from __future__ import annotations

from ..body import parse_settings
from ..cli.flags import add_switch
from ..cli.inputs import read_json
from ..failures import usage
from .request import FIELDS

SCHEMA_HELP = (
    "JSON Schema the answer must match; sent along, and the answer is checked against it. Checked keywords: "
    "type, enum, const, properties, required, additionalProperties, items, prefixItems, the min/max "
    "keywords, uniqueItems, pattern, multipleOf, anyOf, oneOf, allOf, not, $ref within the file; a warning "
    "names others; no thinking unless --think asks for it")
THINKING = ("thinking_budget", "effort")


def add_thinking_flags(add) -> None:
    add_switch(add, "think", "think before answering", "answer at once; cheaper and faster")
    add_fields(add, {name: FIELDS[name] for name in THINKING})


def add_json_flags(add) -> None:
    add("--json-object", action="store_true",
        help="make the answer one JSON value; no thinking unless --think asks for it")
    add("--schema", metavar="FILE", help=SCHEMA_HELP)


def add_sampling_flags(add) -> None:
    add_fields(add, {name: field for name, field in FIELDS.items() if name not in THINKING})
    add("--no-stream", action="store_true", help="wait for the whole answer instead of streaming it")


def add_fields(add, fields: dict) -> None:
    """The flags that are one field of the body each."""
    for name, field in fields.items():
        add("--" + name.replace("_", "-"), **field.flag)


def ask_of(options, kind, **own):
    """What was asked, as the `kind` of ChatAsk of a skill: the flags that every chat script has, and its
    `own`."""
    if options.output == "":
        raise usage("--output names no file", "give a file, or a folder ending in /")
    return kind(
        system=options.system, model=options.model, think=options.think, json_object=options.json_object,
        schema=read_object(options.schema, "--schema") if options.schema is not None else None,
        **{name: getattr(options, name) for name in FIELDS}, stream=not options.no_stream,
        request=_read_request(options.request) if options.request is not None else None,
        settings=parse_settings(options.set) if options.set else (), **own)


def read_object(path: str, flag: str) -> dict:
    """A JSON object from a file."""
    value = read_json(path, flag)
    if not isinstance(value, dict):
        raise usage(f"{flag} {path} must hold a JSON object")
    return value


def _read_request(path: str) -> dict:
    body = read_object(path, "--request")
    if "input" in body:
        raise usage("--request: this is a body of the native API (it has 'input')",
                    "give a chat-completions body with 'messages' at the top")
    return body
