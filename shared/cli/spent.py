"""`--spent`: what all five scripts spent on this machine in a period."""
from __future__ import annotations

from datetime import date

from ..failures import Exit, usage
from ..key_guard import USAGE_PAGE
from ..money.report import days_of, document, table
from ..money.spending import remedy
from ..money.sums import Sums
from ..words import counted


def show_spent(console, period: str, state: str) -> Exit:
    """Sum the spending of a period by skill and model; nothing is sent."""
    days = days_of(period, date.today())
    spending = Sums(state)
    try:
        spending.under_way()  # what a killed process left becomes a call in doubt
        found = spending.between(*days)
    except OSError as error:
        raise usage(f"the spending in {spending.folder} cannot be read: {error.strerror or error}",
                    remedy(error, spending.folder)) from error
    if spending.unreadable:
        console.warn(f"{counted(spending.unreadable, 'line')} of the spending in {spending.folder} could not "
                     "be read", "what they counted is not in the sum")
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "spent": document(period, days, found),
                          "warnings": console.warnings})
    else:
        console.result(table(period, days, found))
        console.note(f"what is really billed, from every machine: {USAGE_PAGE}")
    return Exit.OK
