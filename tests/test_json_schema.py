"""The JSON Schema subset behind --schema: what passes, what breaks, what is not checked, and broken schemas."""
from __future__ import annotations

import json

import pytest
from shared.chat.json_schema import check_schema, CHECKED, violations
from shared.failures import Exit, Failure

TREE = {"$ref": "#/$defs/node", "$defs": {"node": {
    "type": "object", "required": ["name"],
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}}
POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}

# schema, values that match, values that do not
KEYWORDS = (
    ({}, [None, 1, "a", [], {}], []),
    ({"type": "null"}, [None], [0, False, ""]),
    ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
    ({"type": "integer"}, [0, -3, 2.0, 10**30], [1.5, True, "1", None]),
    ({"type": "number"}, [0, 1.5, -2], [True, "1", None]),
    ({"type": "string"}, ["", "a"], [1, None, ["a"]]),
    ({"type": "array"}, [[], [1]], [{}, "a"]),
    ({"type": "object"}, [{}, {"a": 1}], [[], "a", None]),
    ({"type": ["string", "null"]}, ["a", None], [1, []]),
    ({"enum": ["a", 1, None, [1]]}, ["a", 1, 1.0, None, [1]], ["b", True, [True], False]),
    ({"const": {"a": [1]}}, [{"a": [1]}, {"a": [1.0]}], [{"a": [True]}, {"a": [1], "b": 1}, None]),
    ({"const": False}, [False], [0, None]),
    ({"minimum": 2}, [2, 3.5, "text"], [1.9]),
    ({"maximum": 2}, [2, -1, "text"], [2.1]),
    ({"exclusiveMinimum": 2}, [2.1], [2, 1]),
    ({"exclusiveMaximum": 2}, [1.9], [2, 3]),
    ({"multipleOf": 3}, [0, 9, -6, "text"], [4]),
    ({"multipleOf": 0.1}, [0.3, 0.7, 1.1, 2], [0.25]),
    ({"minLength": 2}, ["ab", "你好", "😀😀", 1], ["a", "你", "😀"]),
    ({"maxLength": 2}, ["", "你好", "😀😀"], ["abc"]),
    ({"pattern": "^[A-Z]{2}"}, ["ABc", 5], ["aB", "xAB"]),
    ({"pattern": "b"}, ["abc"], ["ac"]),
    ({"minItems": 1}, [[0], "text"], [[]]),
    ({"maxItems": 1}, [[], [0]], [[0, 1]]),
    ({"uniqueItems": True}, [[1, True, "1", None], [[1], [2]]], [[1, 1.0], [{"a": 1}, {"a": 1}]]),
    ({"uniqueItems": False}, [[1, 1]], []),
    ({"minProperties": 1}, [{"a": 1}], [{}]),
    ({"maxProperties": 1}, [{}, {"a": 1}], [{"a": 1, "b": 2}]),
    ({"required": ["a"]}, [{"a": None}, "text"], [{}, {"b": 1}]),
    (POINT, [{"x": 1}, {"x": 1, "y": "free"}], [{"x": "1"}, {}, []]),
    ({"properties": {"a": {}}, "additionalProperties": False}, [{}, {"a": 1}], [{"b": 1}]),
    ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, [{"a": 1, "b": "x"}], [{"b": 1}]),
    ({"properties": {"a": False}}, [{}, {"b": 1}], [{"a": 1}]),
    ({"items": {"type": "integer"}}, [[], [1, 2], "text"], [["a"], [1, "a"]]),
    ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, [[], ["a"], ["a", 1]], [[1], ["a", "b"]]),
    ({"prefixItems": [{}], "items": False}, [[1]], [[1, 2]]),
    ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["a", 5], [4]),
    ({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, [2, 3], [6, 1]),
    ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, [2], [0, 4]),
    ({"not": {"type": "string"}}, [1], ["a"]),
    ({"not": {}}, [], [1, None]),
    ({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "string"}}}, ["a"], [1]),
    (TREE, [{"name": "a"}, {"name": "a", "children": [{"name": "b", "children": []}]}],
     [{}, {"name": "a", "children": [{"name": "b", "children": [{}]}]}]),
    ({"type": "array", "items": {"$ref": "#"}}, [[], [[], [[]]]], [[1], [[["a"]]]]),
    ({"properties": {"a": {"$ref": "#/definitions/a~1b"}}, "definitions": {"a/b": {"const": 1}}}, [{"a": 1}], [{"a": 2}]),
    ({"properties": {"a": {"$ref": "#/properties/b/anyOf/1"}, "b": {"anyOf": [{"const": 1}, {"const": 2}]}}},
     [{"a": 2, "b": 1}], [{"a": 1, "b": 1}]),
    ({"$ref": "#/$defs/low", "maximum": 3, "$defs": {"low": {"minimum": 1}}}, [2], [0, 4]),
    ({"$ref": "#"}, [1, {}], []),  # says nothing; must end
)
CASES = [(schema, value, ok) for schema, good, bad in KEYWORDS for ok, values in ((True, good), (False, bad)) for value in values]


@pytest.mark.parametrize("schema, value, ok", CASES, ids=lambda item: json.dumps(item, ensure_ascii=False)[:60])
def test_value_against_schema(schema, value, ok):
    assert check_schema(schema) == []
    found = violations(value, schema)
    assert (not found) is ok, found


def test_the_table_covers_every_checked_keyword():
    used = {keyword for schema, _, _ in KEYWORDS for keyword in schema}
    assert CHECKED - used == set()


@pytest.mark.parametrize("value, sentence", [
    ({"list": [{"x": 1}, {"x": "1"}]}, "$.list[1].x is not of type number"),
    ({"list": [{}]}, "$.list[0] lacks 'x'"),
    ({"list": [], "more": 1}, "$.more is not allowed"),
    ({"list": [{"x": 1}] * 3}, "$.list has more than 2 items"),
    ([], "$ is not of type object"),
])
def test_violation_names_the_place(value, sentence):
    schema = {"type": "object", "additionalProperties": False,
              "properties": {"list": {"type": "array", "maxItems": 2, "items": POINT}}}
    assert violations(value, schema) == [sentence]


def test_violations_are_limited():
    schema = {"items": {"type": "string"}}
    assert len(violations(list(range(100)), schema, limit=20)) == 20


@pytest.mark.parametrize("schema, found", [
    ({"format": "date", "title": "T", "description": "D", "default": 1, "examples": [], "$schema": "s", "$id": "i",
      "$comment": "c", "deprecated": True, "readOnly": True, "writeOnly": True}, [("$", "format")]),
    ({"properties": {"a": {"contains": {}}}}, [("$.properties.a", "contains")]),
    ({"items": {"if": {}, "then": {}}}, [("$.items", "if"), ("$.items", "then")]),
    ({"prefixItems": [{"dependentRequired": {}}]}, [("$.prefixItems[0]", "dependentRequired")]),
    ({"anyOf": [{}, {"propertyNames": {}}]}, [("$.anyOf[1]", "propertyNames")]),
    ({"additionalProperties": {"format": "x"}, "not": {"format": "y"}},
     [("$.additionalProperties", "format"), ("$.not", "format")]),
    ({"$defs": {"a": {"format": "x"}}, "definitions": {"b": {"format": "y"}}},
     [("$.$defs.a", "format"), ("$.definitions.b", "format")]),
    (TREE, []),
    ({"items": [{"type": "string"}, {}], "additionalItems": False}, [("$", "items"), ("$", "additionalItems")]),
    ({"exclusiveMinimum": True, "exclusiveMaximum": False, "minimum": 5}, [("$", "exclusiveMinimum"), ("$", "exclusiveMaximum")]),
])
def test_unchecked_keywords_are_listed(schema, found):
    assert check_schema(schema) == found


def test_unchecked_keyword_makes_no_valid_value_fail():
    schema = {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}
    assert ("$", "patternProperties") in check_schema(schema)
    assert violations({"x1": 1}, schema) == []
    assert violations([1, 2, 3], {"items": [{"type": "string"}, {}]}) == []
    assert violations(-1, {"exclusiveMinimum": True, "exclusiveMaximum": True}) == []


@pytest.mark.parametrize("schema, place", [
    ({"type": "strin"}, "$.type"),
    ({"type": ["string", "text"]}, "$.type"),
    ({"type": {}}, "$.type"),
    ({"type": []}, "$.type"),
    ({"properties": {"a": {"type": "int"}}}, "$.properties.a.type"),
    ({"properties": {"a": 1}}, "$.properties.a"),
    ({"properties": []}, "$.properties"),
    ({"$defs": [{}]}, "$.$defs"),
    ({"required": "a"}, "$.required"),
    ({"enum": "a"}, "$.enum"),
    ({"anyOf": {}}, "$.anyOf"),
    ({"items": "no"}, "$.items"),
    ({"additionalProperties": "no"}, "$.additionalProperties"),
    ({"pattern": "("}, "$.pattern"),
    ({"pattern": 5}, "$.pattern"),
    ({"minimum": "1"}, "$.minimum"),
    ({"exclusiveMinimum": "1"}, "$.exclusiveMinimum"),
    ({"multipleOf": 0}, "$.multipleOf"),
    ({"minLength": None}, "$.minLength"),
    ({"items": {"$ref": "#/$defs/none"}}, "$.items.$ref"),
    ({"items": {"$ref": "#name"}}, "$.items.$ref"),
    ({"$ref": "other.json"}, "$.$ref"),
    ({"$ref": 5}, "$.$ref"),
    ({"$ref": "#/parts/a", "parts": {"a": {"type": "strin"}}}, "type"),
    ([], "$"),
    ("text", "$"),
])
def test_broken_schema_is_refused_with_its_place(schema, place):
    with pytest.raises(Failure) as caught:
        check_schema(schema)
    assert caught.value.exit_code == Exit.USAGE
    assert place in caught.value.message and "--schema" in caught.value.message
