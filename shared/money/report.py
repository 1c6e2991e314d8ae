"""`--spent`: what was spent in a period, by skill and model.
Pure but for today's date, which the caller gives."""
from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

from ..failures import usage
from ..words import counted, unit
from .budget import first_day
from .cost import CURRENCY, rounded, yuan
from .sums import plus, Sum

PERIODS = ("today", "yesterday", "week", "month", "all")


def days_of(period: str, today: date) -> tuple:
    """(first day, last day) of a period in local time. Raises usage."""
    if period in ("week", "month"):
        return first_day(period, today), today
    if period in ("today", "yesterday"):
        day = today - timedelta(days=period == "yesterday")
        return day, day
    if period == "all":
        return date(1970, 1, 1), date(9999, 12, 31)
    try:
        if re.fullmatch(r"\d{4}-\d{2}", period, re.ASCII):
            first = date.fromisoformat(period + "-01")
            return first, first.replace(day=monthrange(first.year, first.month)[1])
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", period, re.ASCII):
            return date.fromisoformat(period), date.fromisoformat(period)
    except ValueError:
        pass
    raise usage(f"--spent {period} is not a period",
                f"use one of {', '.join(PERIODS)}, a month as 2026-11 or a day as 2026-11-25")


def document(period: str, days: tuple, found: dict) -> dict:
    """The `spent` object of the JSON document, from (skill, model) -> Sum."""
    whole = sum_of(found.values())
    return {"period": period, "from": days[0].isoformat(), "to": days[1].isoformat(),
            "total": rounded(whole.amount), "currency": CURRENCY,
            "calls_without_price": whole.unpriced, "calls_in_doubt": whole.in_doubt,
            "by": [{"skill": skill, "model": model, "calls": one.calls, "units": one.units,
                    "amount": rounded(one.amount),
                    **({"calls_without_price": one.unpriced} if one.unpriced else {}),
                    **({"in_doubt": one.in_doubt} if one.in_doubt else {})}
                   for (skill, model), one in _by_amount(found)]}


def _by_amount(found: dict) -> list:
    return sorted(found.items(), key=lambda item: (-item[1].amount, item[0]))


def sum_of(sums) -> Sum:
    found = Sum()
    for one in sums:
        found = plus(found, one)
    return found


def table(period: str, days: tuple, found: dict) -> str:
    """The same for people: a line for each skill and model, dearest first, and the total."""
    title = f"this {period}" if period in ("week", "month") else period
    title += "" if days[0] == days[1] or period == "all" else f", {days[0]} to {days[1]}"
    if not found:
        return f"nothing was spent ({title})\n"
    rows = [("skill", "model", "calls", "units", CURRENCY)]
    rows += [(skill, model, str(one.calls), _units(one.units), _amount(one))
             for (skill, model), one in _by_amount(found)]
    whole = sum_of(found.values())
    rows.append(("total", "", str(whole.calls), "", yuan(whole.amount)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join((row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]),
                        row[3].ljust(widths[3]), row[4].rjust(widths[4]))).rstrip() for row in rows]
    notes = []
    if whole.unpriced:
        notes.append(f"not in the sum: {counted(whole.unpriced, 'call')} without a known price")
    if whole.in_doubt:
        notes.append(f"in doubt: {counted(whole.in_doubt, 'call')}, counted with what they may have cost")
    return "\n".join((f"spent {title}, by list price", *lines, *notes)) + "\n"


def _units(units: dict) -> str:
    return ", ".join(unit(count, name) for name, count in units.items())


def _amount(one: Sum) -> str:
    return "not known" if one.unpriced == one.calls and not one.amount else yuan(one.amount)
