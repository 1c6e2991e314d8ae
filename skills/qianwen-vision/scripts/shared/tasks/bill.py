"""What a call that makes files costs: held and counted when it is sent, corrected when its end is known.

The journal's record carries it from one command to the next: `counted` is the estimate that the spending has
since the create, and the time of that, `cost` what it cost in the end, as `billing.cost` of the documents.
"""
from __future__ import annotations

import contextlib

from ..money.cost import Cost, document, FREE, of_document, words
from ..money.payments import correct
from ..words import unit

FETCHED = "fetched; billed when it was made"
ESTIMATE = "an estimate; billed when it is done"


def counted(cost: Cost) -> dict:
    """The estimate as a record has it."""
    return {**document(cost), "units": cost.units}


def cost_counted(record: dict) -> Cost:
    """The estimate that a record, or a job, was counted with."""
    return of_document(record["counted"])._replace(units=record["counted"]["units"])


@contextlib.contextmanager
def paying(session, record: dict):
    """The block in which the call of a record is made; it yields its Payment."""
    with session.payments.paying(record["model"], cost_counted(record)) as payment:
        record["counted"]["time"] = payment.moment
        yield payment


def settle(session, record: dict, cost: Cost, resolved: bool = False) -> None:
    """The end of a task is known: the spending gets the difference to what was counted at its create.
    `resolved`: the create was in doubt, and is so no more."""
    if "counted" in record:
        correct(session.payments, record.get("model", ""), cost_counted(record), cost,
                record["task_id"] or record["id"], resolved=resolved or bool(record.get("found")),
                moment=record["counted"].get("time", record["created"]))
        del record["counted"]
    record["cost"] = document(cost)


def settle_without(session, record: dict) -> None:
    """The task ended without a result, or was never taken: it is not billed."""
    settle(session, record, FREE, resolved=not record["task_id"])


def going_on(session, what: str, cost: Cost, units: dict) -> tuple:
    """(`billing` of the document, its line for people) of what goes on at the service:
    the estimate that it is counted with."""
    billing = {"plan": session.verdict.key.billing, "units": units,
               "cost": document(cost._replace(why=cost.why or ESTIMATE))}
    said = "".join(f"{unit(count, name)}, " for name, count in units.items())
    return billing, f"billed when done: {what}, {said}{session.billing_note()}, {words(cost)}"


def cost_of(record: dict) -> Cost:
    """What the call of a record cost."""
    return of_document(record.get("cost") or {})


def share(record: dict, count: int) -> dict:
    """`billing.cost` of one of several files."""
    cost = cost_of(record)
    return document(cost._replace(low=cost.low / count, high=cost.high / count) if cost.known else cost)
