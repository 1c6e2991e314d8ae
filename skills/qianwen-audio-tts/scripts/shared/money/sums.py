"""The spending of this machine, read: summed by day, skill and model, with what is still under way.

Lines are read once, as they come. A long file is set aside whole (`spending-N.jsonl`) and summed into
`spending-sums.json`, so that a million calls are read in no time.
"""
from __future__ import annotations

import json
import math
import os
import re
import time
from collections import namedtuple
from datetime import date, datetime

from ..files.locks import Lock, is_held
from ..files.own import open_own, read_own
from .cost import added, rounded
from .spending import ended, FILE, MOST_BYTES, Spending, UNDER_WAY

SUMS = "spending-sums.json"
_MOST_SUMS = 64 << 20  # bytes
_NEW = 60.0  # seconds
_ASIDE = r"spending-(\d+)\.jsonl$"

# What was spent on one day with one model. unpriced: calls without a known price;
# in_doubt: calls whose outcome nobody knows.
Sum = namedtuple("Sum", "calls units amount unpriced in_doubt", defaults=(0, {}, 0.0, 0, 0))


def plus(one: Sum, other: Sum) -> Sum:
    """Two sums as one."""
    return Sum(one.calls + other.calls, added(one.units, other.units), rounded(one.amount + other.amount),
               one.unpriced + other.unpriced, one.in_doubt + other.in_doubt)


class Sums(Spending):
    """What was spent on this machine. Every method may raise OSError."""

    def __init__(self, folder: str, clock=time.time):
        super().__init__(folder, clock)
        self._read = (None, 0)  # which file, and how far
        self._sums: dict = {}  # (day, skill, model) -> Sum
        self.unreadable = 0  # lines passed over, of all days
        self._folded = -1

    def between(self, first: date, last: date) -> dict:
        """(skill, model) -> Sum of the days from `first` to `last`, both included."""
        found: dict = {}
        for (day, skill, model), one in self._all().items():
            if first.isoformat() <= day <= last.isoformat():
                found[skill, model] = plus(found.get((skill, model), Sum()), one)
        return found

    def since(self, first: date) -> float:
        """CNY spent from a day on; calls in doubt count with what they may have cost."""
        return sum(one.amount for (day, _, _), one in self._all().items() if day >= first.isoformat())

    def _all(self) -> dict:
        """The sums of everything, up to date: only what was appended since the last look is read."""
        if not os.path.isdir(self.folder):
            return {}
        with self._lock():
            if self._fold() or self._read[0] is None:
                self._folded, self._sums, self.unreadable = self._read_sums()
                self._read = (self._folded, 0)
            end, unreadable = self._add_lines(self._path(FILE), self._read[1], self._sums)
            self._read, self.unreadable = (self._folded, end), self.unreadable + unreadable
        return self._sums

    def _fold(self) -> bool:
        """Sum the files that were set aside; whether there were any, or another process summed some."""
        folded, sums, unreadable = self._read_sums()
        new = [number for number in self._numbers() if number > folded]
        for number in new:
            unreadable += self._add_lines(self._path(f"spending-{number}.jsonl"), 0, sums)[1]
        if new:
            from ..files.whole import whole
            with whole(self._path(SUMS), permissions=0o600) as file:
                days = [[*key, *one] for key, one in sums.items()]
                file.write(json.dumps({"folded": new[-1], "days": days,
                                       "unreadable": unreadable}).encode())
        return bool(new) or folded != self._folded

    def _read_sums(self) -> tuple:
        """(number of the last file that is summed, the sums, how many lines could not be read);
        (-1, {}, 0) where there are none or they are damaged."""
        try:
            held = json.loads(read_own(self._path(SUMS), _MOST_SUMS) or b"")
            return (int(held["folded"]), {tuple(row[:3]): Sum(*row[3:]) for row in held["days"]},
                    int(held.get("unreadable", 0)))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return -1, {}, 0

    def _add_lines(self, path: str, start: int, sums: dict) -> tuple:
        """Add the whole lines from an offset on; return the offset behind them,
        and how many lines could not be read and are passed over."""
        try:
            with os.fdopen(open_own(path), "rb") as file:
                file.seek(start)
                data = file.read()
        except FileNotFoundError:
            return 0, 0
        end, unreadable = data.rfind(b"\n") + 1, 0
        for line in data[:end].splitlines():
            found = _line(line)
            if found:
                sums[found[0]] = plus(sums.get(found[0], Sum()), found[1])
            unreadable += not found and bool(line.strip())
        return start + end, unreadable

    # -- long files

    def set_aside(self) -> None:
        """Give a long file its number and add it to the sums. Lines of a file that was renamed and not summed
        (a crash in between) are summed by the next reader."""
        with self._lock():
            if os.path.getsize(self._path(FILE)) > MOST_BYTES:
                last = max(*self._numbers(), self._read_sums()[0], -1)
                os.rename(self._path(FILE), self._path(f"spending-{last + 1}.jsonl"))
                self._fold()

    def _numbers(self) -> list:
        """The numbers of the files that were set aside, in order."""
        found = (re.match(_ASIDE, name) for name in os.listdir(self.folder))
        return sorted(int(match.group(1)) for match in found if match)

    # -- calls under way

    def under_way(self) -> float:
        """CNY that calls of all processes may still cost.
        What a process left that ended without a word becomes doubt."""
        return sum(self._still_open(path) for path in self._files_under_way())

    def _still_open(self, path: str) -> float:
        """CNY of the open calls of one process; 0 once they are written down as doubts.
        Each is ended in its file as it is written down, because the file may stay:
        one that is open cannot be deleted on Windows."""
        try:
            if self._is_new(path):
                return 0.0
            if not is_held(path):
                with Lock(path, wait=1.0) as lock:  # two readers would count the same doubts
                    for number, call in _open_calls(path).items():
                        self.add(call["skill"], call["model"], {}, call["amount"], in_doubt=True)
                        os.write(lock.descriptor, ended(number))
                    lock.remove()
                return 0.0
        except OSError:  # it cannot be changed, so its calls count as long as it is there
            pass
        return sum(call["amount"] or 0 for call in _open_calls(path).values())

    def _is_new(self, path: str) -> bool:
        """Whether a process has just made this file, and will lock it before it writes to it."""
        found = os.stat(path)
        return not found.st_size and self._clock() - found.st_mtime < _NEW

    def _files_under_way(self) -> list:
        try:
            return [self._path(f"{UNDER_WAY}/{name}") for name in sorted(os.listdir(self._path(UNDER_WAY)))
                    if name.endswith(".jsonl")]
        except FileNotFoundError:
            return []


def _open_calls(path: str) -> dict:
    """number -> the calls of one process that began and did not end, as far as its file can be read."""
    found: dict = {}
    try:
        with os.fdopen(open_own(path), "rb") as file:
            lines = file.read(MOST_BYTES).splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            one = json.loads(line)
            if "begin" in one:
                found[one["begin"]] = {"skill": str(one["skill"]), "model": str(one["model"]),
                                       "amount": one.get("amount")}
            else:
                found.pop(one.get("end"), None)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return found


def _line(raw: bytes):
    """((day, skill, model), Sum) of a line, None for one that is torn or not ours."""
    try:
        line = json.loads(raw)
        amount, calls = line["amount"], int(line.get("calls", 1))
        doubt = calls if line.get("in_doubt") else int(line.get("doubts", 0))
        units = {str(name): count for name, count in line["units"].items()
                 if isinstance(count, (int, float)) and math.isfinite(count)}
        if not math.isfinite(amount or 0):
            return None
        day = datetime.fromtimestamp(float(line["time"])).date().isoformat()
        return (day, str(line["skill"]), str(line["model"])), Sum(
            calls, units, float(amount or 0), calls if amount is None else 0, doubt)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
        return None
