"""The paid calls of one run: held against the budget before they are sent,
written down when their outcome is known, and corrected by any later run."""
from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import math
import os
import threading
import time
from datetime import datetime

from ..failures import BUDGET, Exit, Failure, usage
from ..files.locks import Lock
from . import budget
from .cost import Cost
from .spending import remedy, Spending, UnderWay

BUDGET_LOCK = "budget.lock"
_ROUNDING = 1e-9  # CNY


class Payments:
    """One for a run, shared by its threads. `settings` are the budgets as (value, where they stand);
    `unpriced` lets calls without a known price go under a budget. `warn(text, fix)` tells that the
    spending could not be written; `clean` takes the keys out of what is."""

    def __init__(self, state: str, skill: str, settings=(), unpriced: bool = False,
                 warn=lambda text, fix: None, clean=lambda value: value):
        self.skill, self.unpriced, self._state = skill, unpriced, state
        self.budgets = budget.smallest(settings) if settings else []
        self._warn, self._clean, self._warned = warn, clean, False
        self._under_way: UnderWay | None = None
        self._changed = threading.Condition(threading.RLock())
        self._open = 0  # calls of this process that are under way
        self.is_paid = False  # whether one was sent that costs, or may
        # what the ids of payments are made of: no six characters in a row, which could be of a key
        self._run, self._numbers = "-".join(os.urandom(2).hex() for _ in range(4)), itertools.count(1)

    # -- before

    @contextlib.contextmanager
    def paying(self, model: str, cost: Cost):
        """A paid call is made within the block; it settles its Payment.
        Raises Failure (code Budget) before anything is sent.

        Without a word from the block the failure that leaves it decides: a request that was surely not
        accepted costs nothing, and any other end is in doubt.
        """
        payment = self.begin(model, cost)
        try:
            yield payment
        except Failure as failure:
            payment.close(in_doubt=failure.accepted != "no")
            raise
        except BaseException:
            payment.close(in_doubt=True)
            raise
        payment.close(in_doubt=True)

    def begin(self, model: str, cost: Cost) -> Payment:
        """Hold a call's highest cost against the budgets, and write down that it is under way.

        What calls of this process may still cost can turn out to be less,
        so their ends are waited for before a refusal. An amount that no call costs would raise the budgets.
        """
        if cost.high is not None and not 0 <= cost.low <= cost.high < math.inf:
            raise usage(f"the price of this call comes out as {cost.low:g} to {cost.high:g} CNY",
                        "correct the numbers in --set and --request; this call was not sent")
        if self.budgets and not cost.known and not self.unpriced:
            raise _no_price(model, cost, self.budgets[0])
        shown = self._clean(model) if cost.high is None else model  # an id that has a price stands in a table
        budgets = self.budgets if cost.high != 0 else ()  # what surely costs nothing is sent
        payment = f"{self._run}-{next(self._numbers)}"
        number = 0  # among the calls under way; where it cannot be written down it is none of them
        with self._changed:
            while not number:
                moment = time.time()
                try:
                    with self._checked(cost.high) if budgets else contextlib.nullcontext():
                        self._under_way = self._under_way or UnderWay(self._state)
                        number = self._under_way.begin(self.skill, shown, cost.high, moment, payment)
                except Failure:
                    if not self._open:
                        raise
                    self._changed.wait()
                except OSError as error:
                    if budgets:
                        raise self.not_held(error) from error
                    self._tell(error)
                    break
            self._open += 1
        return Payment(self, model, cost, number, moment, payment)

    def check(self, model: str, cost: Cost) -> None:
        """Refuse now what `begin` would: called before anything free is sent for the call, an upload."""
        if self.budgets:
            self.begin(model, cost).release()

    @contextlib.contextmanager
    def _checked(self, amount: float | None):
        """No other process begins a call within the block. Refuses what would go over a budget, and what has
        no price where nothing is left of one."""
        with Lock(os.path.join(self._state, BUDGET_LOCK), wait=30.0):
            for one, spent, _ in self.left():
                if spent + (amount or 0.0) > one.amount + _ROUNDING or spent >= one.amount:
                    raise budget.over(one, spent, amount)
            yield

    @functools.cached_property
    def _spending(self) -> Spending:
        return Spending(self._state)

    @functools.cached_property
    def _sums(self):
        from .sums import Sums
        return Sums(self._state)

    def left(self) -> list:
        """(budget, CNY spent or under way, CNY left) of each budget, for --check. Raises OSError."""
        waiting, today = self._sums.under_way(), datetime.now().date()
        spent = [self._sums.since(budget.first_day(one.period, today)) + waiting for one in self.budgets]
        return [(one, amount, max(0.0, one.amount - amount)) for one, amount in zip(self.budgets, spent)]

    def prove(self) -> None:
        """That calls can be held against the budgets, for --check. Raises OSError."""
        folder = self._state
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        if folder == self._state:
            Lock(os.path.join(folder, BUDGET_LOCK), wait=30.0).__exit__()
            UnderWay(folder).close()
        elif not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)

    def not_held(self, error: OSError) -> Failure:
        """The refusal of calls that no budget can be held against."""
        held, where = self.budgets[0], error.filename or self._state
        return Failure(
            Exit.QUOTA,
            f"the budget cannot be enforced: {where} cannot be read or written: {error.strerror or error}",
            f"QIANWEN_BUDGET in {held.where} is {held.amount:g} CNY a {held.period}",
            f"{remedy(error, self._state)}; nothing that is paid is sent before that", code=BUDGET)

    # -- after

    def write(self, model: str, units: dict, amount: float | None, *, payment: str = "",
              is_shared: bool = False, **more) -> bool:
        """Append a line to the spending; whether it is there. What cannot be written is reported once and loses
        no result. `is_shared`: another process may have counted this payment already."""
        self.is_paid = self.is_paid or amount != 0
        add = self._sums.add_once if is_shared else self._spending.add
        return self._write(add, model, units, amount, payment=payment, **more)

    def load_sums(self) -> None:
        """Before a call, because after it an update of the skill may have taken the module away."""
        assert self._sums

    def settle(self, model: str, units: dict, amount: float | None, **more) -> None:
        """The lines of a payment shall say this together: see `Sums.settle`."""
        self._write(self._sums.settle, model, units, amount, **more)

    def _write(self, add, model: str, units: dict, amount: float | None, *, payment: str, **more) -> bool:
        try:
            with self._changed:
                is_long = add(self.skill, self._clean(model), units, amount, payment=payment,
                              **self._clean(more))
        except OSError as error:
            self._tell(error)
            return False
        if is_long:
            # the line is written; the next one tries again
            with contextlib.suppress(OSError, ImportError):
                self._sums.set_aside()
        return True

    def end(self, number: int) -> None:
        """A call has ended; its `number` is 0 where nothing says that it is under way, or still has to."""
        with self._changed:
            self._open -= 1
            if number and self._under_way:
                with contextlib.suppress(OSError):
                    self._under_way.end(number)
            self._changed.notify_all()

    def _tell(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"the spending could not be written: {error.strerror or error}",
                       f"{remedy(error, self._state)}; until then --spent may lack calls of this run")

    def close(self) -> None:
        """At the end of the run."""
        if self._under_way:
            with contextlib.suppress(OSError):
                self._under_way.close()


class Payment:
    """One paid call, sent at `moment` (epoch seconds), on whose day it counts; `id` stands in its lines.
    Whoever learns of its outcome says so: `settle`, `goes_on` or `release`; the first word counts."""

    def __init__(self, payments: Payments, model: str, cost: Cost, number: int, moment: float, id: str):
        self._payments, self._model, self._cost, self._number = payments, model, cost, number
        self.moment, self.id, self._open, self._is_shared = moment, id, True, False

    def note(self, held: dict) -> None:
        """Put down, before the call is sent, what `correct` needs; from now on any process may settle it."""
        held.update(time=self.moment, payment=self.id)
        self._payments.load_sums()
        self._is_shared = True

    def settle(self, cost: Cost, call: str = "") -> Cost:
        """It is done and cost this; return the cost. `call` is the request's id.
        Where the service did not tell what it used, it stays counted with what it may have cost."""
        if cost.known or not self._cost.known:
            self._end(cost.units, cost.high, call=call)
        else:
            self._end(self._cost.units, self._cost.high, call=call, in_doubt=True)
        return cost

    def goes_on(self, task: str) -> None:
        """The service works on a task: it counts with its estimate
        until `correct` is called, by any process."""
        self._end(self._cost.units, self._cost.high, call=task)

    def release(self) -> None:
        """Nothing is billed."""
        if self._open:
            self._open = False
            self._payments.end(self._number)

    def close(self, in_doubt: bool) -> None:
        """The call ended without a word on its cost."""
        if in_doubt:
            self._end(self._cost.units, self._cost.high, in_doubt=True)
        self.release()

    def _end(self, units: dict, amount: float | None, **more) -> None:
        if self._open:
            self._open = False
            is_written = self._payments.write(self._model, units, amount, moment=self.moment, payment=self.id,
                                              is_shared=self._is_shared, **more)
            self._payments.end(self._number if is_written else 0)  # else a later reader counts it as a doubt


def correct(payments: Payments, model: str, held: dict, counted: Cost, now: Cost, call: str = "",
            calls: int = 1, doubts: int = 0, is_open: bool = False) -> None:
    """Settle a call that counts with `counted` since its create, on the day of that, and as so many calls, of
    which so many are in doubt. `held` is what its Payment noted; nothing, where it was never begun.
    A cost that is not known leaves what is counted by now. `is_open`: only a call in doubt is settled."""
    if "payment" not in held:
        return
    if counted.known and not now.known:
        now, doubts, is_open = counted, calls, True
    payments.settle(model, now.units, now.high, payment=held["payment"], moment=held["time"], call=call,
                    calls=calls, doubts=doubts, is_open=is_open)


def _no_price(model: str, cost: Cost, held: budget.Budget) -> Failure:
    return Failure(Exit.QUOTA,
                   f"a budget is set, but the price of {model} is not known: "
                   f"{cost.why or 'its price is not in the table'}",
                   f"QIANWEN_BUDGET in {held.where} is {held.amount:g} CNY a {held.period}",
                   "use a model with a known price (--models lists them), or add --unpriced; "
                   "this call was not sent", code=BUDGET)
