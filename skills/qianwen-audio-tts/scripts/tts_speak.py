"""All parts of a text: those that are there already, and the others spoken, some at a time."""
from __future__ import annotations

import threading
import time

from shared import failures
from shared.batch.throttle import NotSent, Throttle
from shared.batch.workers import started, watch
from shared.transport.request import encoded
from shared.cli.failed import defect
from shared.failures import Exit, Failure
from tts_answers import add_usage
from tts_kinds import MEDIA_TYPES
from tts_part import Speaker
from tts_text import units

CONCURRENCY = 3  # parts at a time; the service takes three requests a second (speech contract 7.1)
_DEAD_LINES = 3  # network failures in a row, with nothing between them: the network is down
_SLOW = 60  # calls a minute; below, the calls are spread out


class Narration:
    """All parts of a text: those that are kept, and the others spoken, some at a time.
    What fails does not stop the rest."""

    def __init__(self, speaker: Speaker, calls: list, workers: int, console, throttle=None):
        self._speaker, self._calls, self._console = speaker, calls, console
        self._workers = max(1, min(workers, len(calls)))
        self._throttle = throttle  # of a row of a batch; else one for all parts
        self.keys = _keys(speaker, calls)
        self.made = 0  # parts that this run paid for
        self._found: dict = {}
        self._failures: dict = {}  # number of the part -> Failure
        self._unsent: NotSent | None = None  # the batch of this row was stopped
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._network_failures = 0
        self._interval, self._next = _interval(speaker, calls), 0.0

    def found(self, number: int) -> dict | None:
        """A part that is there, as Store.take gives it: it stays until `release`."""
        if number not in self._found:
            try:
                part = self._speaker.store.take(self.keys[number])
            except OSError as error:
                raise Failure(
                    Exit.UNSAVED,
                    f"a segment saved in {self._speaker.store.folder} cannot be read: {error.strerror}",
                    fix="make room there, then run the command again", accepted="maybe") from None
            if not part:
                return None
            self._found[number] = part
        return self._found[number]

    def add(self, number: int, part: dict) -> None:
        """A part that was spoken beside `work`."""
        self._found[number] = part

    def parts(self) -> list:
        """The parts that are there, in order."""
        return [part for _, part in sorted(self._found.items())]

    def files(self) -> list:
        """The same as files: what a failure names where they stay for a rerun."""
        return [{"path": self._speaker.store.path(self.keys[number], part["form"]), "bytes": part["bytes"],
                 "media_type": MEDIA_TYPES[part["form"]]} for number, part in sorted(self._found.items())]

    def facts_path(self, number: int) -> str:
        """The file without which a part is spoken again."""
        return self._speaker.store.facts_path(self.keys[number])

    def release(self, done: bool) -> None:
        """The whole is saved (`done`), or not: then all parts are left for a rerun. An interrupt waits until
        that is done, and does not matter any more where the whole is saved."""
        interrupted = False
        while self._found:
            try:
                number = next(iter(self._found))
                self._speaker.store.release(self.keys[number], self._found[number], done)
                del self._found[number]
            except KeyboardInterrupt:
                interrupted = True
        if interrupted and not done:
            raise KeyboardInterrupt

    def missing(self) -> list:
        """The numbers of the parts that are not there, from 0."""
        return [number for number in range(len(self._calls)) if self.found(number) is None]

    def is_kept(self) -> bool:
        """Whether all parts are there, so that nothing is paid."""
        find = self._speaker.store.find
        return all(number in self._found or find(key) for number, key in enumerate(self.keys))

    def check_budget(self) -> None:
        """Refuse, before the first part is spoken, what a budget does not allow as a whole. Raises Failure."""
        store, missing = self._speaker.store, self.missing()
        unpaid = [self._calls[number] for number in missing if not store.link(self.keys[number])]
        if len(unpaid) > 1:
            self._speaker.check_budget(unpaid)

    def work(self) -> list:
        """All parts in order, as Store.take gives them.
        Raises the first part's Failure when one is missing; NotSent."""
        missing, total = self.missing(), len(self._calls)
        if len(missing) < total:
            self._console.note(f"{total - len(missing)} of {total} segments are saved and not paid again")
        if len(missing) == 1:
            self._one(missing[0])
        elif missing:
            self._work_all(missing)
        if self._failures:
            raise self._failure()
        if self._unsent:
            raise self._unsent
        return [self.found(number) for number in range(total)]

    def _one(self, number: int) -> None:
        try:
            self._do(number, self._throttle)
        except KeyboardInterrupt:
            raise self._speaker.interrupted(self.keys[number]) from None

    def _work_all(self, missing: list) -> None:
        throttle, queue = Throttle(self._workers), iter(missing)
        threads = started(lambda: self._worker(queue, throttle), min(self._workers, len(missing)))
        if not threads:
            self._worker(queue, throttle)
        progress = Progress(self._console, len(self._calls), len(self._calls) - len(missing))
        try:
            watch(threads, lambda: progress.tick(self.made))
        except KeyboardInterrupt:
            self._stop.set()
            throttle.stop()
            self._console.say("interrupted: no new segments; those under way will finish "
                              "(again to stop at once)")
            raise self._interrupted(threads) from None

    def _interrupted(self, threads: list) -> Failure:
        """Those under way come to their end, and may fail, unless it is told again."""
        cause, fix = "", "run the command again to continue"
        try:
            watch(threads, lambda: None)
        except KeyboardInterrupt:
            cause = "the service may have spoken those under way, and then bills them"
            fix = "run the command again to continue only if paying those twice is acceptable"
        failed = None if cause else self._failures and self._failure()
        if failed:
            failed.exit_code, failed.message = Exit.INTERRUPTED, f"interrupted; {failed.message}"
        return failed or Failure(Exit.INTERRUPTED, f"interrupted; {self._kept()}", cause, fix, accepted="maybe")

    def _worker(self, queue, throttle: Throttle) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = next(queue, None)
            if number is None:
                return
            try:
                self._do(number, self._throttle or throttle.row())
            except NotSent as error:
                self._unsent = error
                return
            if self._stop.is_set():
                throttle.stop()

    def _wait(self) -> None:
        """Some models take few calls a minute: asking faster would only be refused."""
        with self._lock:
            now = time.monotonic()
            moment = max(now, self._next)
            self._next = moment + self._interval
        self._stop.wait(moment - now)

    def _do(self, number: int, throttle) -> None:
        if self._interval:
            self._wait()
        try:
            found = self._speaker.speak(self.keys[number], self._calls[number],
                                        self._speaker.client(throttle))
            with self._lock:
                self._found[number] = found
                self.made += 1
                self._network_failures = 0
        except NotSent:
            if self._throttle is not None:
                raise
        except Failure as failure:
            self._note(number, failure)
        except Exception as error:  # a defect must not make a part vanish
            failure = defect(error, self._console)
            self._note(number, failure)

    def _note(self, number: int, failure: Failure) -> None:
        """Keep a failure, and stop where the other parts would fail alike."""
        code = failure.exit_code
        with self._lock:
            self._failures[number] = failure
            self._network_failures = self._network_failures + 1 if code == Exit.NETWORK else 0
            is_sure = failure.accepted == "no" and not failure.retryable  # whatever the HTTP status was
            refused = code == Exit.FAILED and is_sure and not self.made
            general = code in (Exit.KEY, Exit.QUOTA, Exit.UNEXPECTED)
            no_room = code == Exit.UNSAVED and failure.code != failures.BAD_LINK
            if refused or general or no_room or self._network_failures >= _DEAD_LINES:
                self._stop.set()

    def _kept(self) -> str:
        count = len(self._calls) - len(self.missing())
        return f"{count} of {len(self._calls)} segments are spoken and saved"

    def _failure(self) -> Failure:
        """The first failure, told as one of the whole; one that may be billed comes before the others."""
        number = min(self._failures, key=lambda one: (not _is_doubt(self._failures[one]), one))
        failure, total = self._failures[number], len(self._calls)
        if total == 1:
            return failure
        words = self._calls[number].text
        failure.message = f"part {number + 1} of {total} could not be spoken: {failure.message}"
        if failure.exit_code == Exit.CONTENT:
            failure.message = f"{failure.message.rstrip('. ')}. It begins: {words[:60]}"
        others = [one for _, one in sorted(self._failures.items()) if one is not failure]
        if others:
            failure.message += f" ({len(others)} more failed)"
            failure.files = [*failure.files, *(entry for one in others for entry in one.files)]
        again = ": run the same command again: only what is missing is sent"
        if failure.exit_code == Exit.CONTENT:
            again = (": change that passage and run the command again: "
                     "only what is missing or changed is sent")
        elif failure.code == failures.ONLY_LINK:
            again = "; the same command again speaks, and bills, what is behind that link once more"
        elif _is_doubt(failure):  # what is missing may be paid for, and the advice says so already
            again = ", and only what is missing is sent then"
        failure.fix = ". ".join(filter(None, (failure.fix, self._kept() + again)))
        return failure


def _is_doubt(failure: Failure) -> bool:
    """Whether a part may be billed without a result that a rerun finds."""
    return failure.accepted == "maybe" and (
        failure.code == failures.ONLY_LINK or failure.exit_code not in (Exit.UNSAVED, Exit.CONTENT))


def _interval(speaker: Speaker, calls: list) -> float:
    """Seconds between two calls: where few are taken in a minute, or fewer units than all of them have."""
    each, most = 60 / speaker.per_minute if speaker.per_minute < _SLOW else 0.0, speaker.units_a_minute
    count = sum(units(call.billed) for call in calls) if most else 0
    return max(each, 60 * count / most / len(calls)) if count > most else each


def _keys(speaker: Speaker, calls: list) -> list:
    """The store's key of each part; words that come again are spoken again."""
    times: dict = {}
    keys = []
    for call in calls:
        plain = encoded(call.body)
        times[plain] = times.get(plain, 0) + 1
        keys.append(speaker.store.key(speaker.endpoint, call.body, times[plain]))
    return keys


class Progress:
    """How many parts are spoken: redrawn on a terminal,
    else a line at each tenth, at most every 10 seconds."""

    def __init__(self, console, total: int, kept: int, clock=time.monotonic):
        self._console, self._total, self._kept, self._clock = console, total, kept, clock
        self._begin = self._told = clock()
        self._tenth, self._terminal = 0, console.stderr.isatty()

    def tick(self, made: int) -> None:
        moment, done = self._clock(), self._kept + made
        tenth = 10 * done // self._total
        waited = moment - self._told
        if (self._terminal and waited >= 0.2) or (tenth > self._tenth and waited >= 10):
            self._told, self._tenth = moment, tenth
            seconds = (self._total - done) * (moment - self._begin) / made if made else 0
            left = f", about {seconds:.0f} s left" if made else ""
            tell = self._console.redraw if self._terminal else self._console.note
            tell(f"{done} of {self._total} segments spoken{left}")


def usage_of(usages: list) -> dict:
    """The service's usage of one part, or the sums of several."""
    if len(usages) == 1:
        return usages[0]
    total: dict = {}
    for usage in usages:
        add_usage(total, usage)
    return total
