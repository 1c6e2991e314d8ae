"""The request body as data: --set, dotted paths, inline media shown as its size.
Pure: nothing here reads or sends."""
from __future__ import annotations

import json
import math

from .failures import usage

MOST = 2**53 - 1  # above it a whole number is not the same to every reader of JSON
_DEEPEST = 100  # levels of an object that is passed on
_DEEPEST_INPUT = 64  # levels of what the user gives, which goes into a request and is shown


def parse_settings(settings) -> list:
    """`--set KEY=VALUE` arguments as (path of keys, value) pairs."""
    pairs = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not all(name.split(".")):
            raise usage(f"--set {setting!r} is not KEY=VALUE",
                        "for example --set top_k=20 or --set search_options.forced_search=true")
        try:
            if name.count(".") >= _DEEPEST_INPUT:
                raise TooDeep
            value = parsed(text)
        except TooDeep as error:
            raise usage(f"--set {name}: {error}") from None
        except ValueError:
            value = text
        pairs.append((name.split("."), value))
    return pairs


def apply_settings(body: dict, pairs) -> dict:
    """Put settings on a body in place; nested objects are made as needed.
    Raises usage where a value is in the way."""
    for keys, value in pairs:
        place = body
        for depth, key in enumerate(keys[:-1]):
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise usage(f"--set {'.'.join(keys)}: {'.'.join(keys[:depth + 1])} is not an object")
        place[keys[-1]] = value
    return body


def apply_native_settings(body: dict, pairs, home=lambda name: "parameters") -> None:
    """Settings on a body of the native API:
    unless the first key is input, parameters or model, `home` says what they are in."""
    for keys, value in pairs:
        rooted = keys[0] in ("input", "parameters", "model") and (len(keys) > 1 or keys[0] == "model")
        apply_settings(body, [(keys if rooted else [home(keys[0]), *keys], value)])


def elide_media(value):
    """A copy of a JSON value in which inline media is replaced by its size."""
    if isinstance(value, dict):
        return {name: elide_media(item) for name, item in value.items()}
    if isinstance(value, list):
        return [elide_media(item) for item in value]
    if isinstance(value, str) and value.startswith("data:") and ";base64," in value[:200]:
        head, _, data = value.partition(";base64,")
        return f"{head};base64,<{len(data) * 3 // 4 - data[-2:].count('=')} bytes>"
    return value


def needs_oss_header(value) -> bool:
    """Whether any string in a request body is a temporary upload's address."""
    if isinstance(value, dict):
        return any(needs_oss_header(item) for item in value.values())
    if isinstance(value, list):
        return any(needs_oss_header(item) for item in value)
    return isinstance(value, str) and value.startswith("oss://")


def object_in(value, name: str) -> dict:
    """The object that a field of a JSON value holds, {} where it holds anything else."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def objects_in(value, name: str) -> list:
    """The objects of the list that a field of a JSON value holds, [] where it holds anything else."""
    found = value.get(name) if isinstance(value, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def plain(value, depth: int = _DEEPEST):
    """A copy of what JSON gave that can be passed on:
    numbers that JSON cannot carry, and what nests too deeply, are null."""
    if isinstance(value, (dict, list)) and not depth:
        return None
    if isinstance(value, dict):
        return {name: plain(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth - 1) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def countable(value):
    """What a service counted, whole where it can be; None for what is no number of anything."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1 << 53:
        return None
    return int(value) if value == int(value) else value


class TooDeep(ValueError):
    """A JSON value that nests too deeply."""

    def __init__(self):
        super().__init__(f"it nests more than {_DEEPEST_INPUT} levels deep")


def parsed(text: str):
    """The JSON value that the user gives. Raises ValueError, TooDeep where no request should hold it."""
    try:
        value = json.loads(text, parse_constant=no_constant)
    except RecursionError:
        raise TooDeep from None
    if not _within(value, _DEEPEST_INPUT):
        raise TooDeep
    return value


def _within(value, levels: int) -> bool:
    """Whether a value nests no more than so many levels."""
    if not isinstance(value, (dict, list)):
        return True
    items = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_within(item, levels - 1) for item in items)


def no_constant(name: str):
    """For `json.loads`: NaN and Infinity are no JSON values."""
    raise ValueError(f"{name} is not a JSON value")
