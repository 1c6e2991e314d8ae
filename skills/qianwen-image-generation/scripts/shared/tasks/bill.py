"""What a call that makes files costs: held and counted when it is sent, corrected when its end is known.

The journal's record carries it from one command to the next: `counted` is the estimate that the spending has
since the create, with the time and the id of that payment, `cost` what it cost in the end, as `billing.cost` of the documents.
"""
from __future__ import annotations

import contextlib

from ..money.cost import Cost, document, FREE, of_document, parts, words
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
        payment.note(record["counted"])
        yield payment


def settle(session, record: dict, cost: Cost, is_open: bool = False) -> None:
    """The end of a task is known: the spending has its cost from now on in place of its estimate, which stays
    where the cost is not told. `is_open`: unless another process has found the task, and settled it."""
    if "counted" in record:
        estimate = cost_counted(record)
        correct(session.payments, record.get("model", ""), record["counted"], estimate, cost,
                record["task_id"] or record["id"], is_open=is_open)
        del record["counted"]
        if estimate.known and not cost.known:
            cost = estimate._replace(why=f"{cost.why}, so this is the estimate")
    record["cost"] = document(cost)


def settle_without(session, record: dict) -> None:
    """The task ended without a result, or was never taken: it is not billed."""
    settle(session, record, FREE, is_open=not record["task_id"])


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


def share(record: dict, number: int, count: int) -> dict:
    """`billing.cost` of one of several files, by its number from 1; all of them make up the whole."""
    return document(parts(cost_of(record), [1] * count)[number - 1])
