"""Tables in one test: every row that fails is named, and only those."""
from __future__ import annotations

import inspect

import pytest

from tests.folding import each


def said_of(test, **fixtures) -> list:
    """The rows that a failure names; none when the test passes."""
    try:
        test(**fixtures)
    except pytest.fail.Exception as failure:
        return str(failure).splitlines()
    return []


@pytest.mark.parametrize("rows, ids, lines", [
    ([(1, 1), (2, 2)], None, []),
    ([(1, 1), (2, 3), (4, 5)], None, ["2, 3: ValueError: 2 is not 3", "4, 5: ValueError: 4 is not 5"]),
    ([(1, 1), (2, 3)], ["one", "two"], ["two: ValueError: 2 is not 3"]),
    ([pytest.param(2, 3, id="by its id")], None, ["by its id: ValueError: 2 is not 3"])])
def test_rows_that_fail_are_named(rows, ids, lines):
    @each("one, other", rows, ids=ids)
    def test(one, other):
        if one != other:
            raise ValueError(f"{one} is not {other}")
    assert said_of(test) == lines


def test_two_tables_make_a_grid_and_fixtures_pass_through():
    seen = []

    @each("one", [{"a": 1}, "b"])
    @each("other", [None, ()])
    def test(fixture, one, other):
        seen.append((fixture, one, other))
    assert list(inspect.signature(test).parameters) == ["fixture"] and said_of(test, fixture="f") == []
    assert seen == [("f", {"a": 1}, None), ("f", {"a": 1}, ()), ("f", "b", None), ("f", "b", ())]


def test_no_row_hides_another_of_the_same_name():
    @each("text", ["x" * 200, "x" * 201])
    def test(text):
        raise ValueError(len(text))
    assert [line.rsplit(": ", 1)[1] for line in said_of(test)] == ["200", "201"]


@pytest.mark.parametrize("rows", [[(1,)], [(1, 2, 3)], [pytest.param(1, 2, marks=pytest.mark.skip)], []])
def test_a_table_that_is_none_is_refused(rows):
    with pytest.raises(AssertionError):
        each("one, other", rows)(lambda one, other: None)()
