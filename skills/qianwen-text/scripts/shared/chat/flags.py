"""The flags that text and vision share."""
from __future__ import annotations

from ..cli.flags import add_switch
from ..cli.inputs import read_object, read_request
from ..failures import usage
from ..tasks.flags import add_task_flags
from .request import FIELDS

SCHEMA_HELP = (
    "JSON Schema the answer must match; sent along, and the answer is checked against it. Checked keywords: "
    "type, enum, const, properties, required, additionalProperties, items, prefixItems, the min/max "
    "keywords, uniqueItems, pattern, multipleOf, anyOf, oneOf, allOf, not, $ref within the file; a warning "
    "names others; no thinking unless --think asks for it")
THINKING = ("thinking_budget", "effort")
API_WAIT = 540.0  # seconds that a command waits for jobs of the Batch API
WINDOW = "24h"  # how long these may take
# The flags that are for jobs of the Batch API alone, with their defaults.
OF_JOBS = {"no_wait": False, "max_wait": API_WAIT, "poll": None, "window": WINDOW}


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


def add_api_flags(parser) -> None:
    """Flags of scripts whose batches may go through the service's Batch API."""
    add = parser.add_argument_group("the service's Batch API: half price, up to 14 days").add_argument
    add("--batch-api", action="store_true",
        help="send the rows of --batch as jobs of the service instead of calls; "
             "run again, or with --resume, to fetch what they did; "
             "-o names the folder, as for direct calls")
    add("--window", metavar="TIME", type=_window, default=WINDOW,
        help=f"how long the service may take: 24h to 336h, or 1d to 14d (default: {WINDOW})")
    add_task_flags(add, API_WAIT, "create the jobs, print their id and end")


def _window(text: str) -> str:
    import argparse
    import re
    found = re.fullmatch(r"(\d{1,3})([hd])", text)
    if not found or not 24 <= int(found.group(1)) * {"h": 1, "d": 24}[found.group(2)] <= 336:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time from 24h to 336h, or 1d to 14d")
    return text


_window.__name__ = "time"


def ask_of(options, kind, **own):
    """What was asked, as the `kind` of ChatAsk of a skill:
    the flags that every chat script has, and its `own`."""
    if options.output == "":
        raise usage("--output names no file", "give a file, or a folder ending in /")
    fields = {name: getattr(options, name) for name in kind.FIELDS}
    return kind(
        system=options.system, model=options.model, think=options.think, json_object=options.json_object,
        schema=read_object(options.schema, "--schema") if options.schema is not None else None,
        request=_read_request(options.request) if options.request is not None else None,
        stream=not options.no_stream, settings=_read_settings(options.set) if options.set else (),
        **{**fields, **own})


def _read_settings(given) -> list:
    from ..body import parse_settings
    return parse_settings(given)


def _read_request(path: str) -> dict:
    from .brought import check_request
    body = read_request(path)
    check_request(body)
    return body
