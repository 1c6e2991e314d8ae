"""The table of a skill that asks chat models:
the rows of `models.py`, and for other ids those of `retired.py`."""
from __future__ import annotations

from ..models import Table
from .models import AS_OF, describe, FAMILIES, free, ROWS


def chat_table(own, elsewhere=lambda name: "") -> Table:
    """The Table in which `own(row)` tells the skill's rows;
    `elsewhere(name)` is the warning for an id of another skill."""
    return Table(ROWS, FAMILIES, AS_OF, free, describe, own=own, elsewhere=elsewhere, retired=_retired)


def _retired() -> tuple:
    from .retired import ROWS as retired
    return retired
