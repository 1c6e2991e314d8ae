"""A small, honest subset of JSON Schema: what it checks is named here, what it does not check can be asked for.

Used for `--schema`: the model is asked to keep to the schema, and the answer is checked against it.
"""
from __future__ import annotations

import re

from ..failures import usage

_ANNOTATIONS = frozenset(("title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs",
                          "definitions", "deprecated", "readOnly", "writeOnly"))


_TYPES = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool)
    or isinstance(value, float) and value.is_integer(),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is_number(value) -> bool:
    return _TYPES["number"](value)


def _same(one, other) -> bool:
    """JSON equality: 1 equals 1.0, but true does not equal 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other


def _multiple(value, step) -> bool:
    from fractions import Fraction
    if abs(value) == float("inf"):
        return False
    return Fraction(str(value)) % Fraction(str(step)) == 0


# Keyword -> (the values it applies to, the test, what is wrong). `v` is the value, `k` the keyword's value.
_SIMPLE = {
    "enum": (lambda v: True, lambda v, k: any(_same(v, one) for one in k), "is not one of {}"),
    "const": (lambda v: True, lambda v, k: _same(v, k), "is not {}"),
    "minimum": (_is_number, lambda v, k: v >= k, "is below {}"),
    "maximum": (_is_number, lambda v, k: v <= k, "is above {}"),
    "exclusiveMinimum": (_is_number, lambda v, k: v > k, "is not above {}"),
    "exclusiveMaximum": (_is_number, lambda v, k: v < k, "is not below {}"),
    "multipleOf": (_is_number, _multiple, "is not a multiple of {}"),
    "minLength": (_TYPES["string"], lambda v, k: len(v) >= k, "is shorter than {} characters"),
    "maxLength": (_TYPES["string"], lambda v, k: len(v) <= k, "is longer than {} characters"),
    "pattern": (_TYPES["string"], lambda v, k: re.search(k, v) is not None, "does not match the pattern {}"),
    "minItems": (_TYPES["array"], lambda v, k: len(v) >= k, "has fewer than {} items"),
    "maxItems": (_TYPES["array"], lambda v, k: len(v) <= k, "has more than {} items"),
    "uniqueItems": (_TYPES["array"], lambda v, k: not k or not any(
        _same(v[i], v[j]) for i in range(len(v)) for j in range(i)), "has equal items"),
    "minProperties": (_TYPES["object"], lambda v, k: len(v) >= k, "has fewer than {} properties"),
    "maxProperties": (_TYPES["object"], lambda v, k: len(v) <= k, "has more than {} properties"),
}


_STRUCTURE = frozenset(("type", "properties", "required", "additionalProperties", "items", "prefixItems", "anyOf",
                        "oneOf", "allOf", "not", "$ref"))


CHECKED = _STRUCTURE | frozenset(_SIMPLE)


def check_schema(schema) -> list:
    """The keywords of a schema that are not checked, as (place, keyword). Raises a usage Failure for a broken schema."""
    found: list = []
    _walk_schema(schema, "$", found, schema, set())
    return found


def _walk_schema(schema, place: str, found: list, root, seen: set) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise usage(f"--schema: {place} must be an object or a boolean, not {type(schema).__name__}")
    if id(schema) in seen:
        return
    seen.add(id(schema))
    if "$ref" in schema:
        _walk_schema(_resolve(schema["$ref"], root, place), place, found, root, seen)
    _check_keywords(schema, place)
    found += [(place, keyword) for keyword in schema if keyword not in CHECKED and keyword not in _ANNOTATIONS]
    for where, part in _parts(schema):
        _walk_schema(part, place + where, found, root, seen)


def _check_keywords(schema: dict, place: str) -> None:
    types = schema.get("type", "null")
    names = types if isinstance(types, list) and types else [types]
    for name in names:
        if not isinstance(name, str) or name not in _TYPES:
            raise usage(f"--schema: {place}.type is {name!r}", f"use one of: {', '.join(_TYPES)}")
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except (re.error, TypeError) as error:
            raise usage(f"--schema: {place}.pattern is not a regular expression Python understands: {error}") from None
    for keyword, kind in (("required", list), ("properties", dict), ("enum", list), ("anyOf", list), ("oneOf", list),
                          ("allOf", list), ("prefixItems", list), ("$defs", dict), ("definitions", dict)):
        if keyword in schema and not isinstance(schema[keyword], kind):
            raise usage(f"--schema: {place}.{keyword} must be {'a list' if kind is list else 'an object'}")
    if not all(isinstance(name, str) for name in schema.get("required", ())):
        raise usage(f"--schema: {place}.required must be a list of names")
    for keyword in _SIMPLE:
        numeric = keyword.startswith(("min", "max", "exclusive", "multiple"))
        if numeric and keyword in schema and not _is_number(schema[keyword]):
            raise usage(f"--schema: {place}.{keyword} must be a number")
    if schema.get("multipleOf", 1) <= 0:
        raise usage(f"--schema: {place}.multipleOf must be above 0")


def _parts(schema: dict):
    """The schemas inside a schema, with their places."""
    for keyword in ("properties", "$defs", "definitions"):
        for name, part in (schema.get(keyword) or {}).items():
            yield f".{keyword}.{name}", part
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for number, part in enumerate(schema.get(keyword) or ()):
            yield f".{keyword}[{number}]", part
    for keyword in ("items", "additionalProperties", "not"):
        if keyword in schema:
            yield f".{keyword}", schema[keyword]


def violations(value, schema, limit: int = 20) -> list:
    """What in `value` breaks `schema`, as sentences that begin with the place ($ is the whole value)."""
    found: list = []
    try:
        _check(value, schema, "$", schema, found, frozenset())
    except RecursionError:
        found.append("$ nests too deeply to be checked")
    return found[:limit]


def _check(value, schema, place: str, root, found: list, active: frozenset) -> None:
    step = (id(value), id(schema))  # a $ref that comes back to the same value says nothing new
    if schema is True or step in active:
        return
    active |= {step}
    if schema is False:
        found.append(f"{place} is not allowed")
        return
    if "$ref" in schema:
        _check(value, _resolve(schema["$ref"], root, place), place, root, found, active)
    types = schema.get("type")
    if types is not None:
        types = types if isinstance(types, list) else [types]
        if not any(_TYPES[name](value) for name in types):
            found.append(f"{place} is not of type {' or '.join(types)}")
            return
    for keyword, (applies, test, sentence) in _SIMPLE.items():
        if keyword in schema and applies(value) and not test(value, schema[keyword]):
            found.append(f"{place} {sentence.format(_short(schema[keyword]))}")
    _check_combined(value, schema, place, root, found, active)
    if isinstance(value, dict):
        _check_object(value, schema, place, root, found, active)
    if isinstance(value, list):
        _check_array(value, schema, place, root, found, active)


def _check_object(value: dict, schema: dict, place: str, root, found: list, active: frozenset) -> None:
    properties = schema.get("properties") or {}
    found += [f"{place} lacks {name!r}" for name in schema.get("required") or () if name not in value]
    # Which names patternProperties covers is not looked at, so with it additionalProperties cannot be checked either.
    rest = True if "patternProperties" in schema else schema.get("additionalProperties", True)
    for name, item in value.items():
        part = properties.get(name, rest)
        _check(item, part, f"{place}.{name}", root, found, active)


def _check_array(value: list, schema: dict, place: str, root, found: list, active: frozenset) -> None:
    first = schema.get("prefixItems") or []
    for number, item in enumerate(value):
        part = first[number] if number < len(first) else schema.get("items", True)
        _check(item, part, f"{place}[{number}]", root, found, active)


def _check_combined(value, schema: dict, place: str, root, found: list, active: frozenset) -> None:
    def fits(part) -> bool:
        broken: list = []
        _check(value, part, place, root, broken, active)
        return not broken
    for part in schema.get("allOf") or ():
        _check(value, part, place, root, found, active)
    if "anyOf" in schema and not any(fits(part) for part in schema["anyOf"]):
        found.append(f"{place} matches none of anyOf")
    if "oneOf" in schema and sum(fits(part) for part in schema["oneOf"]) != 1:
        found.append(f"{place} does not match exactly one of oneOf")
    if "not" in schema and fits(schema["not"]):
        found.append(f"{place} matches what 'not' forbids")


def _resolve(reference: str, root, place: str):
    """The schema that a reference within the same file names."""
    node = root
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise usage(f"--schema: {place}.$ref {reference!r} leads out of the file", "put the schema under $defs and refer to "
                    "#/$defs/NAME")
    for part in reference[1:].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            raise usage(f"--schema: {place}.$ref {reference!r} leads nowhere")
    return node


def _short(value) -> str:
    import json
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"
