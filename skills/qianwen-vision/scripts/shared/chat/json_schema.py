"""A small, honest subset of JSON Schema:
what it checks is named here, what it does not check can be asked for.

Used for `--schema`: the model is asked to keep to the schema, and the answer is checked against it.
"""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from urllib.parse import unquote

from ..failures import usage
from ..words import counted
from .patterns import compiled, is_quick

_SECONDS = 5.0  # that a check may take
# characters of a text, and pairs of values and rules, that are checked at once
_LONG, _MANY = 5_000, 1_000_000

_ANNOTATIONS = frozenset((
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions",
    "deprecated", "readOnly", "writeOnly"))


TYPES = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)
                              or isinstance(value, float) and value.is_integer()),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is_number(value) -> bool:
    return TYPES["number"](value)


def _key(value):
    """What equal JSON values have in common: 1 equals 1.0, but true does not equal 1."""
    if isinstance(value, list):
        return ("list", *map(_key, value))
    if isinstance(value, dict):
        return "object", frozenset((name, _key(item)) for name, item in value.items())
    return type(value) is bool, value


def _multiple(value, step) -> bool:
    from fractions import Fraction
    if abs(value) == float("inf"):
        return False
    return Fraction(str(value)) % Fraction(str(step)) == 0


def _differ(items: list) -> bool:
    return len({_key(item) for item in items}) == len(items)


def _matches(text: str, pattern: str) -> bool:
    expression = compiled(pattern)
    return expression is None or expression.search(text) is not None


# Keyword -> (the values it applies to, the test, what is wrong). `v` is the value, `k` the keyword's value.
_SIMPLE = {
    "const": (lambda v: True, lambda v, k: _key(v) == _key(k), "is not {}"),
    "minimum": (_is_number, lambda v, k: v >= k, "is below {}"),
    "maximum": (_is_number, lambda v, k: v <= k, "is above {}"),
    "exclusiveMinimum": (_is_number, lambda v, k: v > k, "is not above {}"),
    "exclusiveMaximum": (_is_number, lambda v, k: v < k, "is not below {}"),
    "multipleOf": (_is_number, _multiple, "is not a multiple of {}"),
    "minLength": (TYPES["string"], lambda v, k: len(v) >= k, "is shorter than {}"),
    "maxLength": (TYPES["string"], lambda v, k: len(v) <= k, "is longer than {}"),
    "pattern": (TYPES["string"], _matches, "does not match the pattern {}"),
    "minItems": (TYPES["array"], lambda v, k: len(v) >= k, "has fewer than {}"),
    "maxItems": (TYPES["array"], lambda v, k: len(v) <= k, "has more than {}"),
    "uniqueItems": (TYPES["array"], lambda v, k: not k or _differ(v), "has equal items"),
    "minProperties": (TYPES["object"], lambda v, k: len(v) >= k, "has fewer than {}"),
    "maxProperties": (TYPES["object"], lambda v, k: len(v) <= k, "has more than {}"),
}


_COUNTED = {
    "minLength": ("character",), "maxLength": ("character",), "minItems": ("item",), "maxItems": ("item",),
    "minProperties": ("property", "properties"), "maxProperties": ("property", "properties")}


def _shown(keyword: str, value) -> str:
    return counted(value, *_COUNTED[keyword]) if keyword in _COUNTED else _short(value)


_STRUCTURE = frozenset((
    "type", "properties", "required", "additionalProperties", "items", "prefixItems",
    "anyOf", "oneOf", "allOf", "not", "$ref", "enum"))


CHECKED = _STRUCTURE | frozenset(_SIMPLE)
# Forms that a keyword had in drafts 04 to 07: they go to the model, and are not checked.
_OLDER = {"items": list, "exclusiveMinimum": bool, "exclusiveMaximum": bool}
KEYWORDS = CHECKED | _ANNOTATIONS | frozenset((
    "format", "patternProperties", "propertyNames", "additionalItems", "unevaluatedProperties", "contains",
    "dependentRequired", "if", "then", "else"))


def _is_older(schema: dict, keyword: str) -> bool:
    return isinstance(schema.get(keyword), _OLDER.get(keyword, ()))


def check_schema(schema) -> list:
    """The keywords of a schema that are not checked, as (place, keyword).
    Raises a usage Failure for a broken schema."""
    found: list = []
    try:
        _walk_schema(schema, "$", found, schema, set())
    except RecursionError:
        raise usage("--schema nests too deeply, or its $ref chain is too long") from None
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
    found += [(place, "pattern")] if "pattern" in schema and compiled(schema["pattern"]) is None else []
    found += [(place, keyword) for keyword in schema
              if keyword not in CHECKED | _ANNOTATIONS or _is_older(schema, keyword)]
    for where, part in _parts(schema):
        _walk_schema(part, place + where, found, root, seen)


def _check_keywords(schema: dict, place: str) -> None:
    types = schema.get("type", "null")
    names = types if isinstance(types, list) and types else [types]
    for name in names:
        if not isinstance(name, str) or name not in TYPES:
            raise usage(f"--schema: {place}.type is {name!r}", f"use one of: {', '.join(TYPES)}")
    if "pattern" in schema:
        try:
            compiled(schema["pattern"])
        except (re.error, TypeError, OverflowError) as error:
            raise usage(f"--schema: {place}.pattern is not a regular expression: {error}") from None
    for keyword, kind in (("required", list), ("properties", dict), ("enum", list), ("anyOf", list),
                          ("oneOf", list), ("allOf", list), ("prefixItems", list),
                          ("$defs", dict), ("definitions", dict)):
        if keyword in schema and not isinstance(schema[keyword], kind):
            raise usage(f"--schema: {place}.{keyword} must be {'a list' if kind is list else 'an object'}")
    if not all(isinstance(name, str) for name in schema.get("required", ())):
        raise usage(f"--schema: {place}.required must be a list of names")
    for keyword in _SIMPLE:
        numeric = keyword.startswith(("min", "max", "exclusive", "multiple"))
        if numeric and keyword in schema and not (_is_number(schema[keyword]) or _is_older(schema, keyword)):
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
        if keyword in schema and not _is_older(schema, keyword):
            yield f".{keyword}", schema[keyword]


class NotChecked(Exception):
    """The check was given up: the value may or may not match."""


def violations(value, schema, limit: int = 20) -> list:
    """What in `value` breaks `schema`, as sentences that begin with the place ($ is the whole value).
    Raises NotChecked.

    What may take for ever is checked by a process of its own, which can be ended.
    """
    return (_violations if _is_quick(value, schema) else _by_child)(value, schema)[:limit]


def _is_quick(value, schema) -> bool:
    """Whether the check surely takes little time, by its patterns and by the sizes of both."""
    patterns = [node["pattern"] for node in _nodes(schema)
                if isinstance(node, dict) and isinstance(node.get("pattern"), str)]
    longest = max((len(node) for node in _nodes(value) if isinstance(node, str)), default=0)
    if not all(map(is_quick, patterns)) or (patterns and longest > _LONG):
        return False
    return sum(1 for _ in _nodes(value)) * sum(1 for _ in _nodes(schema)) <= _MANY


def _violations(value, schema) -> list:
    found: dict = {}
    try:
        _Check(schema).check(value, schema, "$", found)
    except RecursionError:
        found["$ nests too deeply to be checked"] = True
    return list(found)


def _nodes(value):
    """A JSON value and all that is in it, names included."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, dict):
            waiting += [*node, *node.values()]
        elif isinstance(node, list):
            waiting += node


def _by_child(value, schema) -> list:
    from ..account import bare_environment
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = "import sys; sys.path.insert(0, sys.argv[1]); from shared.chat.json_schema import child; child()"
    try:
        done = subprocess.run([sys.executable, "-I", "-c", code, root],
                              input=json.dumps([value, schema]).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=_SECONDS, env=bare_environment())
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise NotChecked(f"it took more than {_SECONDS:g} seconds") from None
    except (OSError, ValueError, RecursionError) as error:
        raise NotChecked(f"the check failed ({type(error).__name__})") from error


def child() -> None:
    """The child's side of the check: value and schema from stdin, the sentences to stdout."""
    value, schema = json.load(sys.stdin)
    sys.stdout.write(json.dumps(_violations(value, schema)))


class _Check:
    """One check of a value; what was found of a value and a part of the schema is remembered."""

    def __init__(self, root):
        self._root, self._known, self._active, self._sets = root, {}, set(), {}

    def check(self, value, schema, place: str, found: dict) -> None:
        """Put what is wrong into `found`."""
        if schema is True:
            return
        step = (place, id(value), id(schema))
        if step in self._active:  # a $ref that comes back to the same value says nothing new
            return
        if step not in self._known:
            self._active.add(step)
            own: dict = {}
            self._look(value, schema, place, own)
            self._active.discard(step)
            self._known[step] = own
        found.update(self._known[step])

    def _look(self, value, schema, place: str, found: dict) -> None:
        if schema is False:
            found[f"{place} is not allowed"] = True
            return
        if "$ref" in schema:
            self.check(value, _resolve(schema["$ref"], self._root, place), place, found)
        types = schema.get("type")
        if types is not None:
            types = types if isinstance(types, list) else [types]
            if not any(TYPES[name](value) for name in types):
                found[f"{place} is not of type {' or '.join(types)}"] = True
                return
        for keyword, (applies, test, sentence) in _SIMPLE.items():
            if (keyword in schema and applies(value) and not _is_older(schema, keyword)
                    and not test(value, schema[keyword])):
                found[f"{place} {sentence.format(_shown(keyword, schema[keyword]))}"] = True
        if "enum" in schema and _key(value) not in self._set(schema["enum"]):
            found[f"{place} is not one of {_short(schema['enum'])}"] = True
        self._combined(value, schema, place, found)
        if isinstance(value, dict):
            self._object(value, schema, place, found)
        if isinstance(value, list):
            self._array(value, schema, place, found)

    def _set(self, values: list) -> frozenset:
        if id(values) not in self._sets:
            self._sets[id(values)] = frozenset(map(_key, values))
        return self._sets[id(values)]

    def _object(self, value: dict, schema: dict, place: str, found: dict) -> None:
        properties = schema.get("properties") or {}
        found.update({f"{place} lacks {name!r}": True for name in schema.get("required") or ()
                      if name not in value})
        # Which names patternProperties covers is not looked at,
        # so with it additionalProperties cannot be checked either.
        rest = True if "patternProperties" in schema else schema.get("additionalProperties", True)
        for name, item in value.items():
            self.check(item, properties.get(name, rest), f"{place}.{name}", found)

    def _array(self, value: list, schema: dict, place: str, found: dict) -> None:
        first, rest = schema.get("prefixItems") or [], schema.get("items", True)
        rest = True if _is_older(schema, "items") else rest
        for number, item in enumerate(value):
            part = first[number] if number < len(first) else rest
            self.check(item, part, f"{place}[{number}]", found)

    def _combined(self, value, schema: dict, place: str, found: dict) -> None:
        def fits(part) -> bool:
            broken: dict = {}
            self.check(value, part, place, broken)
            return not broken
        for part in schema.get("allOf") or ():
            self.check(value, part, place, found)
        if "anyOf" in schema and not any(fits(part) for part in schema["anyOf"]):
            found[f"{place} matches none of anyOf"] = True
        if "oneOf" in schema and sum(fits(part) for part in schema["oneOf"]) != 1:
            found[f"{place} does not match exactly one of oneOf"] = True
        if "not" in schema and fits(schema["not"]):
            found[f"{place} matches what 'not' forbids"] = True


def _resolve(reference: str, root, place: str):
    """The schema that a reference within the same file names."""
    node = root
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise usage(f"--schema: {place}.$ref {reference!r} points outside the file",
                    "put the schema under $defs and refer to #/$defs/NAME")
    for part in unquote(reference[1:]).split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            raise usage(f"--schema: {place}.$ref {reference!r} points to nothing")
    return node


def _short(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"
