"""An instance for a JSON Schema: small, legal, always the same."""
from __future__ import annotations

import json
from typing import Any, Callable, Dict, Mapping, Optional

Schema = Mapping[str, Any]
LONGEST_TEXT = 100_000                 # in which a schema is looked for


def instance(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """A value that satisfies `schema`, as far as the common keywords go. Optional properties are given too, to depth 3."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping):
        return "value"
    if "$ref" in schema:
        return instance(_resolve(root, schema["$ref"]), root, depth + 1)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("allOf"):
        return instance(_merged(schema, root), root, depth)
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            return instance(schema[keyword][0], root, depth)
    return MAKERS.get(_type_of(schema), _string)(schema, root, depth)


def in_text(text: str) -> Optional[Schema]:
    """The first JSON Schema of an object that a text holds."""
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            value, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            return value
        place = text.find("{", place + 1) if len(text) < LONGEST_TEXT else -1
    return None


def _type_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((name for name in kind if name != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _resolve(root: Any, reference: str) -> Any:
    for step in reference.lstrip("#/").split("/"):
        root = root.get(step.replace("~1", "/").replace("~0", "~"), {}) if step else root
    return root


def _merged(schema: Schema, root: Any) -> Dict[str, Any]:
    merged: Dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        part = _resolve(root, part["$ref"]) if "$ref" in part else part
        for key, value in part.items():
            if key == "properties":
                merged["properties"] = {**merged.get("properties", {}), **value}
            elif key == "required":
                merged["required"] = [*merged.get("required", []), *value]
            else:
                merged.setdefault(key, value)
    return merged


def _object(schema: Schema, root: Any, depth: int) -> Any:
    required = schema.get("required", [])
    wanted = {name: part for name, part in schema.get("properties", {}).items() if name in required or depth < 3}
    value = {name: instance(part, root, depth + 1) for name, part in wanted.items()}
    for name in required:
        value.setdefault(name, "value")
    return value


def _array(schema: Schema, root: Any, depth: int) -> Any:
    first = [instance(part, root, depth + 1) for part in schema.get("prefixItems", [])]
    count = max(schema.get("minItems", 1), len(first))
    count = min(count, schema.get("maxItems", count))
    items = [instance(schema.get("items", {}), root, depth + 1) for _ in range(count - len(first))]
    if schema.get("uniqueItems"):
        items = [_distinct(item, number) for number, item in enumerate(items)]
    return (first + items)[:count]


def _distinct(item: Any, number: int) -> Any:
    return f"{item} {number + 1}" if isinstance(item, str) else item + number if isinstance(item, (int, float)) else item


def _string(schema: Schema, root: Any, depth: int) -> Any:
    text = FORMATS.get(schema.get("format", ""), "value")
    text += "x" * (schema.get("minLength", 0) - len(text))
    return text[:schema["maxLength"]] if "maxLength" in schema else text


def _number(schema: Schema, step: float) -> Any:
    value = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
    if value is None:
        highest = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else 1)
        value = min(1, highest)
    multiple = schema.get("multipleOf")
    return value if not multiple else -(-value // multiple) * multiple


def _integer(schema: Schema, root: Any, depth: int) -> Any:
    value = _number(schema, 1)
    return int(value) if value == int(value) else int(value) + 1


FORMATS = {"date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00Z", "email": "name@example.com",
           "uri": "https://example.com/", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "192.0.2.1"}
MAKERS: Dict[str, Callable[[Schema, Any, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": lambda schema, root, depth: _number(schema, 0.5),
    "boolean": lambda schema, root, depth: True,
    "null": lambda schema, root, depth: None,
}
