"""What became of the rows of a batch:
the counts, the exit code, the report, and the progress while it runs."""
from __future__ import annotations

import json
import threading
import time
from bisect import insort
from collections import Counter

from ..cli.console import Console
from ..cli.failed import error_object, explain
from ..failures import Exit, Failure
from ..money.cost import document as cost_document, FREE, of_document, plus, total, words
from ..transport.errors import REFUSED
from ..words import counted, unit
from .lines import is_partial
from .worker import GO_ON

_NAMED = 5  # rows in doubt that a message names
_NAMED_FAILED = 10
_NO_USE = "correct the rows named above, then run the command again: it does only what is missing"
_AFTERWARDS = "after that, the same command does only what is missing"


class Tally:
    """Counts of rows by outcome. `end` is why no more rows are taken, `go_on` is how to do what is missing;
    `lost` are the rows whose line could not be written: (line, in words, document)."""

    def __init__(self, total: int, batch_folder, go_on: str = GO_ON):
        self.go_on = go_on
        self.total, self._folder, self._lock = total, batch_folder, threading.Lock()
        self.done = self.failed = self.in_doubt = self.under_way = self.network_failures = 0
        self.codes: Counter = Counter()
        self.units: Counter = Counter()
        self.cost, self.rows_without_price = None, 0  # the sum, a Cost; rows whose price is not known
        self._unsummed = 0  # rows in doubt that tell no cost
        self.lost: list = []
        # the first lines of the file that are in doubt, and that failed: (line, in words)
        self.doubtful: list = []
        self.failures: list = []
        self.findable = 0  # rows in doubt of which the service can be asked
        self.partial: list = []  # rows of which a part is saved, those of earlier runs as well
        self.to_correct = 0  # rows that failed and that the same command does not help
        self.worth_repeating = False  # whether the same call may succeed for any row that failed
        self.paid_again: list = []  # the Costs of such rows whose answer was paid all the same
        self.end: Failure | None = None
        self.stopped = False

    @property
    def recorded(self) -> int:
        """How many rows have an outcome by now."""
        kept = self._folder.kept + self._folder.kept_in_doubt + len(self._folder.partial)
        return kept + self.done + self.failed + self.in_doubt

    def begin(self) -> None:
        with self._lock:
            self.under_way += 1

    def give_back(self) -> None:
        with self._lock:
            self.under_way -= 1

    def network_failed(self, yes: bool) -> int:
        """How many rows have failed for the network in a row, with this one."""
        with self._lock:
            self.network_failures = self.network_failures + 1 if yes else 0
            return self.network_failures

    def add(self, row, document: dict) -> None:
        """A row has an outcome, and its line is written."""
        ok, doubt = document.get("ok") is True, document.get("in_doubt") is True
        with self._lock:
            self._add_cost(document)
            self.done += ok
            self.in_doubt += doubt
            self.failed += not ok and not doubt
            if ok:
                self.network_failures = 0
            else:
                self.codes[int(document.get("exit_code", Exit.PARTIAL))] += 1
            if doubt and document.get("resume"):  # the same command finds out what became of it
                self.worth_repeating, self.findable = True, self.findable + 1
            elif doubt:
                _keep_first(self.doubtful, row.line, _name_of(row), _NAMED)
            if not ok and not doubt:
                self._add_failure(row, document)

    def lose(self, row, document: dict) -> None:
        """A row has an outcome, and its line cannot be written, so that the next run takes it for in doubt."""
        with self._lock:
            self._add_cost(document)
            self.in_doubt += 1
            self.codes[int(Exit.UNSAVED)] += 1
            self.lost.append((row.line, _name_of(row), document))

    def _add_cost(self, document: dict) -> None:
        self.under_way -= 1
        billing = document.get("billing", {})
        if document.get("in_doubt") is True and not billing.get("cost", {}).get("known"):
            self._unsummed += 1
        else:
            self._add_bill(billing)

    def keep(self, row) -> None:
        """A row stays as an earlier run left it."""
        with self._lock:
            if row.key in self._folder.partial:
                self.partial.append((row.line, _name_of(row)))
            elif not self._folder.skipped(row.key):
                _keep_first(self.doubtful, row.line, _name_of(row), _NAMED)
                self._unsummed += row.key in self._folder.noted

    def _add_failure(self, row, document: dict) -> None:
        if is_partial(document):
            self.partial.append((row.line, _name_of(row)))
        elif not _may_succeed(document):
            self.to_correct += 1
        else:
            self.worth_repeating = True
            billing = document.get("billing") or {}
            cost = of_document(billing.get("cost") or {"amount": 0})
            if cost.high != 0 and not document.get("resume") and not billing.get("kept"):
                self.paid_again.append(cost)
        _keep_first(self.failures, row.line, _failure_words(row, document), _NAMED_FAILED)

    def _add_bill(self, billing: dict) -> None:
        if "when_made" not in billing:  # else an earlier run has counted them
            self.units.update(_numbers(billing.get("units", {})))
        if "cost" in billing:
            cost = of_document(billing["cost"])
            self.cost = plus(self.cost, cost) if self.cost else cost
            self.rows_without_price += not cost.known

    def counts(self) -> dict:
        with self._lock:
            counts = {"total": self.total, "kept": self._folder.kept,
                      "done": self.done, "failed": self.failed + len(self._folder.partial),
                      "in_doubt": self._folder.kept_in_doubt + self.in_doubt + self.under_way}
        return {**counts, "not_started": counts["total"] - sum(list(counts.values())[1:])}

    def doubts(self) -> int:
        """How many rows of this run may have been billed and are not in the sum."""
        return self._unsummed + self.under_way

    def exit_code(self) -> Exit:
        counts = self.counts()
        if self.end:
            return self.end.exit_code
        if self.stopped and counts["not_started"] + self.under_way:
            return Exit.INTERRUPTED
        if not counts["failed"] + counts["in_doubt"]:
            return Exit.OK
        alike = len(self.codes) == 1 and sum(self.codes.values()) == counts["total"]
        return Exit(next(iter(self.codes))) if alike else Exit.PARTIAL

    def words(self) -> str:
        counts = self.counts()
        said = (("kept", "saved earlier"), ("done", "done now"), ("failed", "failed"),
                ("in_doubt", "in doubt"), ("not_started", "not started"))
        words = [f"{counts[name]} {how}" for name, how in said if counts[name] or name == "done"]
        return f"{counted(counts['total'], 'row')}: {', '.join(words)}"

    def next_steps(self) -> list:
        counts, steps, end = self.counts(), [], self.end
        if end and end.exit_code != Exit.RUNNING and (end.resume or "again" in end.fix):
            pass  # it has said what to do
        elif end and end.exit_code != Exit.RUNNING and not end.retryable:
            steps.append(_AFTERWARDS + self._paid_again())
        elif counts["not_started"] or self.worth_repeating:
            steps.append(self.go_on + self._paid_again())
        elif self.to_correct:
            steps.append(_NO_USE)
        if self.partial:
            steps.append(f"rows of which a part is saved{_named(self.partial, len(self.partial))} stay so and "
                         "are not paid again; ask for what is missing in rows of their own, with other ids")
        if self.lost:
            steps.append(f"keep what is shown above of the rows{_named(self.lost, len(self.lost))}: it stands "
                         "nowhere else, and they are sent again only with --again")
        lost = counts["in_doubt"] - self.findable - len(self.lost)
        if lost:
            steps.append(f"rows in doubt{_named(self.doubtful, lost)} may have been billed "
                         "without an answer; they have "
                         "\"in_doubt\": true in the results, and are sent again only with --again")
        return steps

    def _paid_again(self) -> str:
        """What running again costs for rows that failed though their answer was paid."""
        if not self.paid_again:
            return ""
        cost, unpriced = total(self.paid_again)
        price = f" ({words(cost)})" if cost.known and not unpriced else ""
        rows = counted(len(self.paid_again), "row")
        return f"; rows that failed with a paid answer are paid again: {rows}{price}"


def report(tally: Tally, row_file, batch_folder, session) -> Exit:
    """Report the outcome, in words or as the one document, and return the exit code."""
    console, code = session.console, tally.exit_code()
    for _, name, document in tally.lost:
        console.say(f"the result of {name}, which could not be saved: "
                    f"{json.dumps(document, ensure_ascii=False)}")
    if tally.end:
        explain(console, tally.end)
    if tally.failures:
        more = tally.failed - len(tally.failures)
        console.say("rows that failed:", *(f"  {words}" for _, words in tally.failures),
                    *([f"  and {more} more, in {batch_folder.results}"] if more else []))
    tell = console.note if code == Exit.OK else console.say
    tell(tally.words(), *(f"  next: {fix}" for fix in tally.next_steps()))
    if tally.units or tally.doubts():
        console.note(f"{_counted(tally.units)}{session.billing_note()}{_cost_words(tally)}")
    if batch_folder.foreign:
        console.note(f"{counted(batch_folder.foreign, 'more line')} of rows that are no longer in "
                     f"{row_file.path}: they stay")
    if console.json_mode:
        console.document(_document(tally, code, batch_folder, session))
    for path in batch_folder.written():
        console.result(path + "\n")
    return code


def _document(tally: Tally, code: Exit, batch_folder, session) -> dict:
    console = session.console
    document = {"ok": code == Exit.OK, "skill": console.skill, "exit_code": int(code), "rows": tally.counts(),
                "results": batch_folder.results,
                **({"table": batch_folder.table} if batch_folder.table in batch_folder.written() else {}),
                "billing": {"plan": session.verdict.key.billing, "units": dict(tally.units), **_cost(tally)},
                "warnings": console.warnings}
    if code != Exit.OK:
        failure = tally.end or Failure(code, tally.words(), fix="; ".join(tally.next_steps()))
        document["error"] = error_object(console, failure)
    return document


def _cost(tally: Tally) -> dict:
    return {"cost": cost_document(tally.cost or FREE), "rows_without_price": tally.rows_without_price,
            "rows_in_doubt": tally.doubts()}


def _cost_words(tally: Tally) -> str:
    lacks, doubts = tally.cost and tally.cost.known and tally.rows_without_price, tally.doubts()
    unpriced = f"; {counted(lacks, 'row')} without a known price not included" if lacks else ""
    lost = f"; {counted(doubts, 'row')} in doubt not included" if doubts else ""
    return (f", {words(tally.cost)}" if tally.cost else "") + unpriced + lost


def _may_succeed(document: dict) -> bool:
    """Whether a row that failed is worth repeating as it is: not where the request itself was refused, which the
    service also says with HTTP 200 and a code."""
    error, code = document.get("error") or {}, document.get("exit_code")
    refused = 400 <= error.get("http_status", 0) < 500 or REFUSED.match(error.get("code", ""))
    return (error.get("retryable") is True or code in (Exit.RUNNING, Exit.UNSAVED)
            or code == Exit.FAILED and not refused)


def _failure_words(row, document: dict) -> str:
    return f"{_name_of(row)}: {(document.get('error') or {}).get('message') or 'it failed'}"


def _name_of(row) -> str:
    return f"line {row.line}" + (f" ({row.id})" if row.id is not None else "")


def _named(found: list, count: int) -> str:
    """The first rows of `found`, of `count`, in words."""
    more = ", …" if count > min(len(found), _NAMED) else ""
    first = sorted((line, words) for line, words, *_ in found)[:_NAMED]
    return f" ({', '.join(words for _, words in first)}{more})" if found else ""


def _keep_first(found: list, line: int, words: str, most: int) -> None:
    """Add a row to those that a message names: the first of the file, in its order."""
    insort(found, (line, words))
    del found[most:]


def _numbers(units: dict) -> dict:
    return {name: count for name, count in units.items() if isinstance(count, (int, float))}


def _counted(units: dict) -> str:
    return "".join(f"{unit(count, name)}, " for name, count in units.items())


class Progress:
    """How far the batch is: redrawn on a terminal, else a line at each tenth, at most every 10 seconds."""

    def __init__(self, console: Console, total: int, clock=time.monotonic):
        self._console, self._total, self._clock = console, total, clock
        self._begin = self._told = clock()
        self._tenth = 0
        self._terminal = console.stderr.isatty()

    def tick(self, recorded: int, failed: int, now: int) -> None:
        """`recorded` rows have an outcome, `now` of them by this run."""
        moment, tenth = self._clock(), 10 * recorded // self._total
        if self._terminal and moment - self._told >= 0.2:
            self._told = moment
            self._console.redraw(self._text(recorded, failed, now / (moment - self._begin)))
        elif not self._terminal and tenth > self._tenth and moment - self._told >= 10:
            self._told, self._tenth = moment, tenth
            self._console.note(self._text(recorded, failed, now / (moment - self._begin)))

    def _text(self, recorded: int, failed: int, speed: float) -> str:
        left = f", {duration((self._total - recorded) / speed)} left" if speed else ""
        return f"{recorded} of {self._total} rows, {failed} failed, {speed:.1f} a second{left}"


def duration(seconds: float) -> str:
    """45 s, 1 min 15 s, 2 h 3 min."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
