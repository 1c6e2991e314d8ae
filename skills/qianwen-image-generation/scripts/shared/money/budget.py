"""Budgets: `20`, `20/day`, `100/week`, `300/month`,
in CNY by local calendar days, weeks from Monday, and months.

Pure: what was spent comes from `spending`.
"""
from __future__ import annotations

import math
import re
from collections import namedtuple
from datetime import date, timedelta

from ..failures import BUDGET, Exit, Failure, usage
from .cost import yuan

PERIODS = ("day", "week", "month")
_FORM = r"(?a)\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:/\s*(day|week|month))?\s*$"

Budget = namedtuple("Budget", "amount period where")


def parse(text: str, where: str) -> Budget | None:
    """The budget that a value means, None for an empty one.
    Raises usage for anything but an amount and a period."""
    if not text.strip():
        return None
    found = re.match(_FORM, text)
    if not found or not math.isfinite(float(found.group(1))):
        shown = (f"is {text!r}, which is not" if re.fullmatch(r"[\w./ ,+-]{1,16}", text)
                 else "is not")  # it may be a key
        raise usage(f"QIANWEN_BUDGET in {where} {shown} a budget",
                    "write an amount in CNY, alone or with a period: 20, 20/day, 100/week or 300/month")
    return Budget(float(found.group(1)), found.group(2) or "day", where)


def smallest(settings) -> list:
    """The budget that counts of each period: the smallest of those given as (value, where). Raises usage."""
    found: dict = {}
    for text, where in settings:
        budget = parse(text, where)
        if budget and (budget.period not in found or budget.amount < found[budget.period].amount):
            found[budget.period] = budget
    return [found[period] for period in PERIODS if period in found]


def first_day(period: str, today: date) -> date:
    """The day on which the period that `today` lies in began."""
    if period == "week":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if period == "month" else today


def over(budget: Budget, spent: float, cost: float | None) -> Failure:
    """The refusal of a call that would go over a budget; the price of one that costs None is not known."""
    left = max(0.0, budget.amount - spent)
    what = "the price of this call is not known" if cost is None else f"this call may cost {yuan(cost)} CNY"
    return Failure(
        Exit.QUOTA,
        f"the budget of {yuan(budget.amount)} CNY a {budget.period} leaves {yuan(left)} CNY, but {what}",
        f"{yuan(spent)} CNY are spent or under way this {budget.period}; "
        f"the budget is QIANWEN_BUDGET in {budget.where}",
        "choose a cheaper model or less output (--estimate shows the price), "
        f"wait for the next {budget.period}, or let the user who set QIANWEN_BUDGET raise it; "
        "this call was not sent", code=BUDGET)
