"""What is sent again, how often and after which pause."""
from __future__ import annotations

import math
import time

from ..failures import Exit, Failure

DEFAULT_RETRIES = 3  # tries after the first
FIRST_DELAY = 1.0  # seconds; the shortest pause, whatever the service asks for
MAX_DELAY = 60.0  # seconds; a service that asks for a longer pause is not waited for


def may_pass(status: int) -> bool:
    """Whether the trouble that an HTTP status tells may be over soon."""
    return status in (408, 429) or status >= 500


class Retries:
    """When a failed request is sent again, and after how long.

    `safety` says what a second sending can cost: READ nothing; CHAT nothing after a server error, as long as
    no byte of the answer has come; CREATE a second paid result, so only a request that was surely not
    accepted is sent again.
    """

    READ, CHAT, CREATE = "read", "chat", "create"

    def __init__(self, retries: int = DEFAULT_RETRIES, sleep=time.sleep, note=None, uniform=None,
                 throttle=None):
        self.retries, self.sleep, self._uniform = retries, sleep, uniform
        self.note = note or (lambda text: None)
        # of a batch: it waits for rate limits by itself, so they are not counted as tries here
        self.throttle = throttle

    def allowed(self, failure: Failure, safety: str) -> bool:
        """Whether sending again is both useful and free of cost."""
        if not failure.retryable or failure.partial:
            return False
        if self.throttle and safety != self.READ and failure.exit_code == Exit.QUOTA:
            return False
        return self._is_free(failure, safety)

    def _is_free(self, failure: Failure, safety: str) -> bool:
        """Whether sending again pays nothing twice."""
        if safety == self.READ or failure.accepted == "no":
            return True
        return safety == self.CHAT and (failure.server_error or failure.http_status >= 500)

    def delay(self, failure: Failure, tries: int) -> float:
        """Seconds before the next try: what the service asks for, but at least 1, 2, 4 … with jitter, slower
        after a burst."""
        start = FIRST_DELAY * (3 if "burst" in failure.code.lower() else 1)
        return max(failure.retry_after or 0.0,
                   min(MAX_DELAY, start * 2 ** min(tries - 1, 10) * self._jitter()))

    def _jitter(self) -> float:
        if self._uniform is None:
            import random
            self._uniform = random.uniform
        return self._uniform(0.75, 1.25)

    def run(self, attempt, safety: str):
        """Call `attempt` until it succeeds, fails for good, or the tries are used up."""
        if self.throttle and safety != self.READ:
            attempt = self.throttle.paced(attempt, self.delay)
        for tries in range(1, self.retries + 2):
            try:
                return attempt()
            except Failure as failure:
                delay = self.delay(failure, tries)
                if tries > self.retries or delay > MAX_DELAY or not self.allowed(failure, safety):
                    failure.retryable = failure.retryable and self._is_free(failure, safety)
                    if delay > MAX_DELAY and failure.retry_after is not None:
                        failure.fix = (f"the service asks you to wait {delay:.0f} seconds; "
                                       "run the command again then")
                    raise
                self.note(f"{failure.message} — trying again in {delay:.1f} s ({tries} of {self.retries})")
                self.sleep(delay)


def parse_retry_after(value: str, now: float | None = None) -> float | None:
    """Seconds from a Retry-After header: a number, or an HTTP date. None when absent or unreadable."""
    try:
        seconds = float(value)
    except ValueError:
        from email.utils import parsedate_to_datetime
        try:
            seconds = parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
