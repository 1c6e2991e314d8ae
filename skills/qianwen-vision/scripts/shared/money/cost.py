"""An amount by list price, before a call (between `low` and `high`)
or after it (both the same), and how it is written.

Pure. What is not known says why and is never guessed. Amounts are CNY by the list price of the endpoint's
region; a gateway bills by itself, so there nothing is known.
"""
from __future__ import annotations

from collections import namedtuple

CURRENCY = "CNY"
BEIJING = "cn-beijing"


class Cost(namedtuple("Cost", "low high as_of region units why about assumed",
                      defaults=("", BEIJING, {}, "", False, ()))):
    """`low` and `high` in CNY, None where not known; `why` says why, or what a known cost lacks. `units` are
    what is counted (tokens, pictures, seconds …), `as_of` is the day of the price list, `about` tells that
    the units themselves are estimated; `assumed` is what a sum has to say of that, each text once."""

    __slots__ = ()

    @property
    def known(self) -> bool:
        return self.high is not None


def exactly(amount: float, as_of: str, region: str = BEIJING, units: dict | None = None) -> Cost:
    """The cost of something whose units are known."""
    return Cost(amount, amount, as_of, region, units or {})


def unknown(why: str, as_of: str = "", region: str = BEIJING, units: dict | None = None) -> Cost:
    """A cost that cannot be told, and why."""
    return Cost(None, None, as_of, region, units or {}, why)


FREE = Cost(0.0, 0.0, region="")  # at any place, by any list


def total(costs) -> tuple:
    """(the sum of several costs, how many of them have no price).
    The sum is known when at least one is, or there are none."""
    found, unpriced = FREE, 0
    for number, cost in enumerate(costs):
        found = plus(found, cost) if number else cost
        unpriced += not cost.known
    return found, unpriced


def plus(one: Cost, other: Cost) -> Cost:
    """The sum of two costs; where one is not known, what is known of the other.
    Units are added either way."""
    units = added(one.units, other.units)
    if not (one.known and other.known):
        return (one if one.known else other)._replace(units=units)
    regions = {cost.region for cost in (one, other) if cost.high or cost.region}
    return Cost(rounded(one.low + other.low), rounded(one.high + other.high), max(one.as_of, other.as_of),
                regions.pop() if len(regions) == 1 else "", units, "", one.about or other.about,
                one.assumed if one.assumed == other.assumed
                else tuple(dict.fromkeys((*one.assumed, *other.assumed))))


def minus(one: Cost, other: Cost) -> Cost:
    """What one cost is above another; where the other is not known, nothing is taken off but units."""
    units = added(one.units, {name: -count for name, count in other.units.items()})
    if not (one.known and other.known):
        return one._replace(units=units)
    return one._replace(low=rounded(one.low - other.low), high=rounded(one.high - other.high), units=units)


def parts(cost: Cost, weights: list) -> list:
    """A cost in parts, which are to each other as the weights; the last one gets what rounding leaves."""
    found = []
    for number, weight in enumerate(weights[:-1]):
        share = weight / (sum(weights[number:]) or 1)
        part = cost._replace(units={name: round(count * share) for name, count in cost.units.items()})
        if cost.known:
            part = part._replace(low=rounded(cost.low * share), high=rounded(cost.high * share))
        found.append(part)
        cost = minus(cost, part)
    return [*found, cost]


def added(one: dict, other: dict) -> dict:
    """The units of two bills as those of one."""
    return {**one, **{name: round(one.get(name, 0) + count, 4) for name, count in other.items()}}


def rounded(amount: float) -> float:
    """To a millionth of a yuan, the price of a token."""
    return round(amount, 6)


def document(cost: Cost) -> dict:
    """`billing.cost` of the JSON document."""
    found = {"amount": rounded(cost.high) if cost.known else None, **_source(cost)}
    return {**found, "why": cost.why} if cost.why else found


def of_document(held: dict) -> Cost:
    """The Cost that `billing.cost` of a document tells."""
    amount = held.get("amount")
    return Cost(amount, amount, held.get("prices_of", ""), held.get("region", ""), {}, held.get("why", ""))


def estimate_document(cost: Cost) -> dict:
    """The `estimate` object of the JSON document."""
    low, high = (rounded(cost.low), rounded(cost.high)) if cost.known else (None, None)
    found = {"low": low, "high": high, **_source(cost), "units": cost.units}
    return {**found, "why": cost.why} if cost.why else found


def _source(cost: Cost) -> dict:
    found = {"currency": CURRENCY, "known": cost.known, "prices_of": cost.as_of, "region": cost.region}
    return {name: value for name, value in found.items() if value != ""}


def words(cost: Cost) -> str:
    """What a finished call cost, for the end of its last line."""
    if not cost.known:
        return "price not known"
    return f"about {yuan(cost.high)} CNY{_source_words(cost)}" + (f"; {cost.why}" if cost.why else "")


def line(cost: Cost) -> str:
    """The beginning of the line of an estimate."""
    if not cost.known:
        return f"price not known ({cost.why})"
    return span(cost) + _source_words(cost)


def _source_words(cost: Cost) -> str:
    """Whose price it is, and of which day; nothing where no list was needed."""
    found = ", ".join(filter(None, (cost.as_of and f"list price {cost.as_of}", cost.region)))
    return f" ({found})" if found else ""


def span(cost: Cost) -> str:
    """`low` to `high` in words, without the source."""
    about = "about " if cost.about else ""
    return (f"{about}{yuan(cost.high)} CNY" if cost.low == cost.high
            else f"{about}{yuan(cost.low)} to {yuan(cost.high)} CNY")


def yuan(amount: float) -> str:
    """An amount without an exponent: to the fen, and further where it is smaller than ten fen."""
    if abs(rounded(amount)) >= 0.1 or amount == 0:
        return f"{amount:.2f}"
    return f"{amount:.6f}".rstrip("0").rstrip(".") or "0"
