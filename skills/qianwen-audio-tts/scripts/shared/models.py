"""A skill's table of models: rows of data, and the lookup of the row of a model id.

A row is a namedtuple with at least `id`, `price`, `retired` (the day, as YYYY-MM-DD, from which
on the service was announced not to answer; '' while it does) and `successor` (the id to use
instead). All else is the skill's own.
"""
from __future__ import annotations

import functools
import re

_VARIANT = r"-(latest|us|preview|(?P<day>\d{4}-\d{2}-\d{2})(-us)?|(?P<month>\d{4}))$"


class Table:
    """`families` are rows for ids that no row covers, each for the ids that begin with its own; behind a `*`
    stands what follows anywhere; one of them has the empty id. Where such a row is retired, so are all ids that take it.

    `free(row, priced)` makes of such a row one for an id that is newer than the table: without limits, so that
    nothing is refused on a guess, and with the price of `priced`, the row of the model that the id is a later
    snapshot of, or None. `spelled(name)` is the id that another spelling means. `describe(row)`
    gives `does` (a list of words), `limits` (an object) and `price` (words) for --models. `as_of` is the day
    of the documents that the rows were written from. `own(row)` tells which rows of a table that several
    skills share are this skill's: only those are listed, and named in messages; `elsewhere(name)` is the
    warning for an id of another skill. `retired()` gives more rows, for ids that are not among the first.
    """

    def __init__(self, rows, families, as_of: str, free, describe, spelled=lambda name: name,
                 own=lambda row: True, elsewhere=lambda name: "", retired=lambda: ()):
        self.families, self.as_of, self.describe = tuple(families), as_of, describe
        self._first, self._retired, self._is_own = {row.id: row for row in rows}, retired, own
        self._free, self._spelled, self._elsewhere = free, spelled, elsewhere

    @functools.cached_property
    def rows(self) -> tuple:
        return (*self._first.values(), *self._retired())

    @functools.cached_property
    def _by_id(self) -> dict:
        return {row.id: row for row in self.rows}

    @functools.cached_property
    def own(self) -> tuple:
        """The skill's rows, the retired ones too."""
        return tuple(filter(self._is_own, self.rows))

    def row(self, name: str):
        """The row of an id, or of the model that it is a dated snapshot or variant of;
        None when the table has neither."""
        known = self._spelled(name)
        row = (self._by_id.get(name) or self._by_id.get(known)
               or self._by_id.get(re.sub(_VARIANT, "", known)))
        return row and row._replace(id=name)

    def find(self, name: str) -> tuple:
        """(the row of a model id, a warning or '').
        An id that is not in the table takes the row of its family."""
        row = self._first.get(name)
        if row and not row.retired and self._is_own(row):
            return row, ""
        row, elsewhere = self.row(name), self._elsewhere(name)
        if row and not self._is_later(name, row):
            return row, _both(elsewhere, retirement(row))
        family, priced = longest_prefix(name, (*self.families, *self.rows)), row
        row = self._free(family, priced)._replace(id=name)
        if family not in self.families:  # a newer relative of a retired model need not be
            row = row._replace(retired="", successor="")
        said = "" if name == family.id else unknown(name, family, self.as_of)
        return row, _both(elsewhere, retirement(row)) or said

    def _is_later(self, name: str, row) -> bool:
        """Whether an id is a snapshot of a later day than the table, or, of a living model, of one without a
        year: what it can do may differ."""
        found = name not in self._by_id and re.search(_VARIANT, self._spelled(name))
        return bool(found and ((found["day"] or "") > self.as_of or found["month"] and not row.retired))

    def __iter__(self):
        """The ids that may be recommended."""
        return (row.id for row in self.live())

    def live(self, test=lambda row: True) -> list:
        """The skill's rows that are not retired and pass a test, in the order of the table."""
        return [row for row in self.own if not row.retired and test(row)]

    def names(self, test=lambda row: True, most: int = 8) -> str:
        """The first few models that pass a test, for a message; a retired one is never named."""
        return ", ".join([row.id for row in self.live(test)][:most])

    def able(self, takes, suits) -> str:
        """The advice where a model takes no such flag: the models that take it and suit all else that is
        asked for; where there is none, that, and the models that take it."""
        both = self.names(lambda row: takes(row) and suits(row))
        some = both or self.names(takes)
        alone = "" if both or not some else "no model takes it with all else given here: leave one out; "
        return f"{alone}models that do: {some or 'none in the table'}"


def _both(*warnings: str) -> str:
    """Several warnings as one, as far as there are any."""
    return "; ".join(filter(None, warnings))


def retirement(row) -> str:
    """The warning for a retired model, '' for any other."""
    if not row.retired:
        return ""
    instead = f"; use --model {row.successor}" if row.successor else ""
    return f"{row.id} was announced as retired from {row.retired} on, so the service may refuse it{instead}"


def longest_prefix(name: str, rows):
    """The row whose id is the longest beginning of a name; one of the rows has the empty id."""
    def begins(row) -> bool:
        head, _, inside = row.id.lower().partition("*")
        return lower.startswith(head) and inside in lower[len(head):]
    lower = name.lower()
    return max(filter(begins, rows), key=lambda row: len(row.id))


def unknown(name: str, row, date: str) -> str:
    """The warning for an id that is not in the table."""
    like = f"treated like {row.id}" if row.id else "sent unchanged"
    return f"{name} is not in this version's model table ({date}); it is {like}"
