"""Looking a model id up in a skill's table of models."""
from __future__ import annotations

import re

_VARIANT = re.compile(r"-(latest|us|preview|\d{4}-\d{2}-\d{2}(-us)?|\d{4})$")


def find(name: str, models, families, abilities: str) -> tuple:
    """(the row of a model id, the row it was taken from where the id is not in the table, else None).

    Dated snapshots, `-latest` and `-us` variants share the row of their model. Any other id takes the row of its
    longest matching prefix among models and families; one family has the empty prefix, so there always is one. Such an
    id is newer than the table: it has all `abilities` and no limits, so that nothing is refused on a guess.
    """
    row = row_of(name, models)
    if row:
        return row._replace(id=name), None
    row = longest_prefix(name, (*families, *models))
    thinking = row.thinking if row in families or row.thinking in ("on", "off") else None
    return row._replace(id=name, thinking=thinking, features=row.features | frozenset(abilities.split()), max_input=0,
                        max_output=0, max_thinking=0), row


def row_of(name: str, models):
    """The row of an id, or of the model that it is a snapshot of; None when the table has neither."""
    by_id = {row.id: row for row in models}
    return by_id.get(name) or by_id.get(_VARIANT.sub("", name))


def longest_prefix(name: str, rows):
    """The row whose id is the longest beginning of a name; one of the rows has the empty id."""
    lower = name.lower()
    return max((row for row in rows if lower.startswith(row.id.lower())), key=lambda row: len(row.id))


def unknown(name: str, row, date: str) -> str:
    """The warning for an id that is not in the table."""
    like = f"treated like {row.id}" if row.id else "sent as it is"
    return f"{name} is not in this version's model table ({date}); it is {like}"


def names_with(models, feature: str, limit: int = 5) -> str:
    """The first few models that have a feature, for an error message."""
    return ", ".join([row.id for row in models if feature in row.features][:limit])
