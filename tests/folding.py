"""Tables whose rows are not worth a test each: one test goes through all of them and names every row that failed."""
from __future__ import annotations

import functools
import inspect
from itertools import islice
from typing import Any, Callable, Iterable, Iterator, List, Tuple

import pytest

SHOWN = 40                             # rows that a failure names
ROW = type(pytest.param())


def each(names: str, rows: Iterable, ids: Any = None) -> Callable:
    """As pytest.mark.parametrize, in one test. For pure checks: what a fixture gives is shared by all rows."""
    arguments = [name.strip() for name in names.split(",")]
    table = list(_named(arguments, list(rows), ids))
    assert table, "a table without rows proves nothing"

    def fold(check: Callable) -> Callable:
        @functools.wraps(check)
        def test(**fixtures: Any) -> None:
            failed = [f"{name}: {said}" for name, values in table for said in _said(check, {**fixtures, **values})]
            if failed:
                pytest.fail("\n".join([f"{len(failed)} of {len(table)} rows failed", *islice(failed, SHOWN)]), pytrace=False)
        signature = inspect.signature(check)
        test.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[one for name, one in signature.parameters.items() if name not in arguments])
        return test
    return fold


def _named(arguments: List[str], rows: list, ids: Any) -> Iterator[Tuple[str, dict]]:
    spelled = list(ids) if ids is not None and not callable(ids) else [None] * len(rows)
    for row, name in zip(rows, spelled):
        if isinstance(row, ROW):
            assert not row.marks, "a row with a mark needs a test of its own"
            row, name = row.values if len(arguments) > 1 else row.values[0], row.id
        values = tuple(row) if len(arguments) > 1 else (row,)
        assert len(values) == len(arguments), row
        yield name or ", ".join(repr(value)[:100] for value in values), dict(zip(arguments, values))


def _said(check: Callable, values: dict) -> Iterator[str]:
    """What a check says when it fails."""
    try:
        check(**values)
    except (Exception, pytest.fail.Exception) as error:
        yield f"{type(error).__name__}: {error}"
