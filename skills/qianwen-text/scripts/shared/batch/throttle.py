"""How fast the rows of a batch go out:
one Throttle for all workers, which the service's rate limits slow down.

A 429 that says how long to wait stops everybody that long. One that does not cuts the number
of requests that may be under way at a time; successes let it grow again. A rate-limited
request is retried for up to 15 minutes.
"""
from __future__ import annotations

import threading
import time

from ..failures import Exit, Failure

MAX_RATE_LIMIT_WAIT = 900.0  # seconds that a rate-limited request is retried
_CUT = 0.7  # of the requests under way stay after a 429, at most once a second


class NotSent(Failure):
    """The batch was stopped while a row was still waiting to be sent; nothing of it is paid."""

    def __init__(self):
        super().__init__(Exit.INTERRUPTED, "the batch was stopped before this row was sent")


def is_rate_limit(failure: Failure) -> bool:
    """Whether the service refused a request only because there were too many."""
    return (failure.exit_code == Exit.QUOTA and failure.retryable and failure.accepted == "no"
            and not failure.partial)


class Throttle:
    """The slots that all workers share. Safe for threads."""

    def __init__(self, workers: int, clock=time.monotonic):
        self.clock, self.last_success = clock, clock()
        self.slots, self.workers = float(workers), workers
        self._busy, self._paused_until, self._cut_at = 0, float("-inf"), float("-inf")
        self._changed, self._stopping = threading.Condition(), threading.Event()

    def limit(self, workers: int) -> None:
        """Fewer workers are useful than were asked for; called before any begins."""
        self.workers = min(self.workers, workers)
        self.slots, self.last_success = float(self.workers), self.clock()

    def stop(self) -> None:
        """Let nothing new out; who is waiting to be sent gives up."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def enter(self, may_give_up: bool, not_before: float = float("-inf")) -> None:
        """Wait for `not_before`, for the end of a pause and for a slot. Raises NotSent after a stop."""
        while True:
            wait = max(not_before, self._paused_until) - self.clock()
            if wait > 0:
                self._stopping.wait(wait) if may_give_up else time.sleep(wait)
            with self._changed:
                if self._stopping.is_set() and may_give_up:
                    raise NotSent()
                if self._busy < max(1, int(self.slots)):
                    if self._paused_until <= self.clock():
                        self._busy += 1
                        return
                else:
                    self._changed.wait()

    def leave(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify()

    def succeeded(self) -> None:
        with self._changed:
            self.last_success = self.clock()
            if self.slots < self.workers:
                self.slots = min(self.workers, self.slots + 1 / self.slots)
                self._changed.notify()

    def limited(self, retry_after: float | None) -> None:
        """A request was refused for the rate: slow everybody down."""
        with self._changed:
            now = self.clock()
            if retry_after is not None:
                self._paused_until = max(self._paused_until, now + retry_after)
            elif now - self._cut_at >= 1:
                self._cut_at, self.slots = now, max(1.0, self.slots * _CUT)

    @property
    def stopped(self) -> bool:
        """Whether the batch takes no more rows."""
        return self._stopping.is_set()

    @property
    def stalled(self) -> bool:
        """Whether nothing has got through for as long as a row waits."""
        return self.clock() - self.last_success >= MAX_RATE_LIMIT_WAIT

    def row(self) -> RowThrottle:
        return RowThrottle(self)


class RowThrottle:
    """One row's way through the Throttle, with its own limit of waiting.
    `transport.Retries` sends paid requests through it."""

    def __init__(self, throttle: Throttle):
        self._throttle = throttle
        self._until: float | None = None
        self._accepted = False  # something of the row is paid already, so it goes on after a stop

    def check(self) -> None:
        """Raise NotSent when the batch was stopped and nothing of the row is paid."""
        if self._throttle.stopped and not self._accepted:
            raise NotSent()

    def paced(self, attempt, delay):
        """`attempt`, sent when there is room, and again after a rate limit;
        `delay(failure, tries)` is in seconds."""
        def patient():
            tries, not_before = 0, float("-inf")
            while True:
                try:
                    return self._once(attempt, not_before)
                except Failure as failure:
                    if not is_rate_limit(failure):
                        raise
                    tries += 1
                    not_before = self._throttle.clock() + delay(failure, tries)
                    self._until = self._until or self._throttle.clock() + MAX_RATE_LIMIT_WAIT
                    if not_before > self._until:
                        raise
                    self._throttle.limited(failure.retry_after)
        return patient

    def _once(self, attempt, not_before: float):
        self._throttle.enter(not self._accepted, not_before)
        try:
            result = attempt()
        except Failure as failure:
            self._accepted = self._accepted or failure.accepted != "no"
            raise
        finally:
            self._throttle.leave()
        self._accepted = True
        self._throttle.succeeded()
        return result
