"""Tables whose rows are not worth a test each: one test goes through all of them and names every row that failed."""
from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Dict, Iterable, List

import pytest

from tests.conftest import check_each

ROW = type(pytest.param())


def each(names: str, rows: Iterable, ids: Any = None) -> Callable:
    """As pytest.mark.parametrize, in one test. For pure checks: what a fixture gives is shared by all rows."""
    arguments = [name.strip() for name in names.split(",")]
    table = _named(arguments, list(rows), ids)

    def fold(check: Callable) -> Callable:
        @functools.wraps(check)
        def test(**fixtures: Any) -> None:
            check_each({name: (values,) for name, values in table.items()}, lambda values: check(**fixtures, **values))
        signature = inspect.signature(check)
        test.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[one for name, one in signature.parameters.items() if name not in arguments])
        return test
    return fold


def _named(arguments: List[str], rows: list, ids: Any) -> Dict[str, dict]:
    """The name of each row, and what it gives each argument."""
    table: Dict[str, dict] = {}
    spelled = list(ids) if ids is not None and not callable(ids) else [None] * len(rows)
    for number, (row, name) in enumerate(zip(rows, spelled)):
        if isinstance(row, ROW):
            assert not row.marks, "a row with a mark needs a test of its own"
            row, name = row.values if len(arguments) > 1 else row.values[0], row.id
        values = tuple(row) if len(arguments) > 1 else (row,)
        assert len(values) == len(arguments), row
        name = name or ", ".join(repr(value)[:100] for value in values)
        table[f"{name} (row {number})" if name in table else name] = dict(zip(arguments, values))
    return table
