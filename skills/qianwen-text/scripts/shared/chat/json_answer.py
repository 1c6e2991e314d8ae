"""The JSON value in an answer that was to be JSON, checked against its schema."""
from __future__ import annotations

import json
import re

from ..body import no_constant, plain
from ..failures import Exit, Failure
from ..words import counted
from .answer import escaped

_TRIES = 1000  # places where a value may begin that are looked at


def checked_json(answer, schema, console) -> tuple:
    """(the answer as clean JSON text, its value where a schema was promised, else None).
    Raises Failure for an answer that breaks the promise, which is kept in the error report."""
    try:
        value, text = json_answer(answer.text)
    except ValueError as error:
        try:
            value, text = json_within(answer.text, lambda found: schema is None
                                      or not _violations(found, schema, console))
        except ValueError:
            raise _no_json(answer, error) from None
        console.warn("the answer had text around its JSON; the one value that fits was used")
    if schema is None:
        return text, None
    broken = _violations(value, schema, console)
    if broken:
        raise _broken_promise(answer, "the answer does not match the schema: " + "; ".join(broken[:5]),
                              counted(len(broken), "violation"),
                              "make the schema simpler, or run the command again: each answer is billed")
    data = plain(value)
    if data != value:
        console.warn("numbers that JSON cannot carry, and what nests too deeply, are null in the data",
                     "the text has them as they came")
    return text, data


def _violations(value, schema: dict, console) -> list:
    from .json_schema import NotChecked, violations
    try:
        return violations(value, schema)
    except NotChecked as error:
        console.warn(f"the answer was not checked against the schema: {error}")
        return []


def _no_json(answer, error: ValueError) -> Failure:
    return _broken_promise(answer, f"the answer is not JSON: {error}",
                           answer.cut or "the model ignored the JSON mode",
                           answer.less() if answer.cut else
                           "use another model, or run the command again: each answer is billed")


def _broken_promise(answer, message: str, cause: str, fix: str) -> Failure:
    return Failure(Exit.FAILED, message, cause, fix, request_id=answer.request_id, accepted="maybe",
                   partial=answer.partial())


def json_answer(text: str):
    """The value of a JSON answer, a Markdown fence around it removed;
    return (value, clean text). Raises ValueError."""
    clean = text.strip().lstrip("\ufeff")
    if clean.startswith("```") and clean.endswith("```") and "\n" in clean:
        clean = clean[clean.index("\n") + 1:-3].strip()
    try:
        return json.loads(clean, strict=False, parse_constant=no_constant), escaped(clean)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def json_within(text: str, fits=lambda value: True):
    """The one object or list in an answer that has words around it;
    return (value, its text). Raises ValueError.

    `fits(value)` tells which values are meant.
    Text that ends within a value was cut off, and nothing in it is taken; nor is a part of a damaged value.
    """
    decoder, found, place = json.JSONDecoder(strict=False, parse_constant=no_constant), [], -1
    ends = None
    for _ in range(_TRIES):
        place = min((at for at in (text.find("{", place + 1), text.find("[", place + 1)) if at >= 0),
                    default=-1)
        if place < 0:
            break
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            broke = getattr(error, "pos", place)
            ends = _closed(text, place) if ends is None else ends
            if (broke >= len(text.rstrip("` \n")) or str(error).startswith("Unterminated")
                    or place not in ends and re.match(r"{\s*[\"']", text[place:place + 100])):
                raise ValueError("it ends within a value") from None
            place = ends.get(place, place + 1) - 1
            continue
        if fits(value):
            found.append((value, escaped(text[place:end])))
        place = end - 1
    if len(found) != 1:
        raise ValueError(f"it holds {len(found) or 'no'} values that fit")
    return found[0]


def _closed(text: str, start: int) -> dict:
    """Where each bracket behind `start` that is closed ends, by its place. Those in texts do not count."""
    opened: list = []
    ends = {}
    for found in re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{}]', re.DOTALL).finditer(text, start):
        if found.group() in "[{":
            opened.append(found.start())
        while found.group() in ("]", "}") and opened:
            place = opened.pop()
            if text[place] + found.group() in ("[]", "{}"):
                ends[place] = found.end()
                break
    return ends
