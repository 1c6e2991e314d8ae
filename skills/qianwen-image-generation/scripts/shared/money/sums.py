"""The spending of this machine, read: summed by day, skill and model, with what is still under way.

Lines are read once, as they come. A long file is set aside whole (`spending-N.jsonl`) and summed into
`spending-sums.json`, so that a million calls are read in no time.
"""
from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections import namedtuple
from datetime import date

from ..files.locks import Lock, is_held
from ..files.own import NotOwn, open_own, read_own
from .cost import added, rounded
from .spending import ended, FILE, MOST_BYTES, Spending, UNDER_WAY

SUMS = "spending-sums.json"
_MOST_SUMS = 64 << 20  # bytes
_NEW, _DAY = 60.0, 86400.0  # seconds
_ASIDE = r"spending-(\d+)\.jsonl$"
_MOST = 1e15  # of anything that is summed; what is not below that is damage
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, OSError)

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
        self._read = 0  # how far the file that is read line by line has been read
        self._sums: dict = {}  # (day, skill, model) -> Sum
        self._days: dict = {}  # day -> CNY
        self._state = None  # of the files that stand in them
        self.unreadable = 0  # lines passed over, of all days

    def between(self, first: date, last: date) -> dict:
        """(skill, model) -> Sum of the days from `first` to `last`, both included."""
        begin, end, found = first.isoformat(), last.isoformat(), {}
        for (day, skill, model), one in self._all().items():
            if begin <= day <= end:
                found[skill, model] = plus(found.get((skill, model), Sum()), one)
        return found

    def since(self, first: date) -> float:
        """CNY spent from a day on up to today; calls in doubt count with what they may have cost.
        What a wrong clock has dated later counts when its day has come, here as in `between`."""
        self._all()
        last = date.fromtimestamp(self._clock()).isoformat()
        return sum(amount for day, amount in self._days.items() if first.isoformat() <= day <= last)

    def _all(self) -> dict:
        """The sums of everything, up to date: only what was appended since the last look is read."""
        if not os.path.isdir(self.folder):
            return {}
        with self._lock_if_writable() as is_locked:
            is_same = self._state == self._state_now()
            new, unreadable = ({}, self.unreadable) if is_same else self._fold(is_locked)[1:]
            end, more = self._add_lines(self._path(FILE), self._read if is_same else 0, new)
            if not is_same:
                self._sums, self._days, self._state = {}, {}, self._state_now()
        self._read, self.unreadable = end, unreadable + more
        for key, one in new.items():
            self._sums[key] = plus(self._sums[key], one) if key in self._sums else one
            self._days[key[0]] = self._days.get(key[0], 0.0) + one.amount
        return self._sums

    @contextlib.contextmanager
    def _lock_if_writable(self):
        """The lock, and whether it could be had: what cannot be written can be read all the same."""
        try:
            lock = self._lock()
        except (NotOwn, TimeoutError):
            raise
        except OSError:
            yield False
            return
        with lock:
            yield True

    def _state_now(self) -> list:
        """What changes when the sums of long files do, or when a file becomes one of them."""
        found = []
        for name in (SUMS, FILE):
            try:
                one = os.stat(self._path(name))
                found.append((one.st_ino, *((one.st_size, one.st_mtime_ns) if name == SUMS else ())))
            except FileNotFoundError:
                found.append(())
        return found

    def _fold(self, is_locked: bool = True) -> tuple:
        """Sum the files that were set aside; (the number of the last one, the sums of all of them,
        how many of their lines could not be read). Sums that cannot be written are made again by the next
        reader."""
        folded, sums, unreadable = self._read_sums()
        new = [number for number in self._numbers() if number > folded]
        for number in new:
            unreadable += self._add_lines(self._path(f"spending-{number}.jsonl"), 0, sums)[1]
            folded = number
        if new and is_locked:
            from ..files.whole import whole
            with contextlib.suppress(OSError), whole(self._path(SUMS), permissions=0o600) as file:
                days = [[*key, *one] for key, one in sums.items()]
                file.write(json.dumps({"folded": folded, "days": days, "unreadable": unreadable}).encode())
        return folded, sums, unreadable

    def _read_sums(self) -> tuple:
        """(number of the last file that is summed, the sums, how many lines could not be read);
        (-1, {}, 0) where there are none or they are damaged."""
        try:
            held = json.loads(read_own(self._path(SUMS), _MOST_SUMS) or b"")
            unreadable = int(_number(held.get("unreadable", 0)))
            return int(held["folded"]), dict(map(_summed, held["days"])), unreadable
        except _DAMAGED:
            return -1, {}, 0

    def _add_lines(self, path: str, start: int, sums: dict) -> tuple:
        """Add the whole lines from an offset on; return the offset behind them,
        and how many lines could not be read and are passed over."""
        data, end = self._whole_lines(path, start)
        unreadable = 0
        for line in data.splitlines():
            found = _line(line)
            if found:
                sums[found[0]] = plus(sums.get(found[0], Sum()), found[1])
            else:
                unreadable += bool(line.strip())
        return end, unreadable

    @staticmethod
    def _whole_lines(path: str, start: int = 0) -> tuple:
        """(the whole lines from an offset on, the offset behind them)."""
        try:
            with os.fdopen(open_own(path), "rb") as file:
                file.seek(start)
                data = file.read()
        except FileNotFoundError:
            return b"", 0
        end = data.rfind(b"\n") + 1
        return data[:end], start + end

    # -- the lines of one payment

    def add_once(self, skill: str, model: str, units: dict, amount: float | None, *, payment: str, moment,
                 call: str = "", in_doubt: bool = False) -> bool:
        """`add`, unless another process has counted or settled this payment already."""
        with self._lock():
            if payment and self._counted(payment, moment).calls:
                return False
            return self._append(skill, model, units, amount, call, 1, in_doubt, 0, moment, payment)

    def settle(self, skill: str, model: str, units: dict, amount: float | None, *, payment: str,
               moment: float, call: str = "", calls: int = 1, doubts: int = 0, is_open: bool = False) -> bool:
        """Add what the lines of a payment lack to say this together: whoever settles it, and how often, it
        counts once, and what was never counted is not taken out. `is_open`: unless its end is known."""
        with self._lock():
            found = self._counted(payment, moment)
            if is_open and found.calls > found.in_doubt:
                return False
            lacking = added(units, {name: -count for name, count in found.units.items()})
            lacking = {name: count for name, count in lacking.items() if count}
            calls, doubts = calls - found.calls, doubts - found.in_doubt
            change = None if amount is None else rounded(amount - found.amount)
            if not (lacking or calls or doubts or change):
                return False
            return self._append(skill, model, lacking, change, call, calls, False, doubts, moment, payment)

    def _counted(self, payment: str, moment: float | None) -> Sum:
        """The sum of the lines of a payment that was made at a moment: no file is read that was complete a day
        before."""
        sought, found = json.dumps(payment).encode(), Sum()
        first = min(self._clock() if moment is None else moment, self._clock()) - _DAY
        for name in (FILE, *(f"spending-{number}.jsonl" for number in reversed(self._numbers()))):
            data, path = b"", self._path(name)
            if os.path.exists(path):
                if os.stat(path).st_mtime < first:
                    break
                data = self._whole_lines(path)[0]
            for line in data.splitlines() if sought in data else ():
                one = sought in line and _line(line)
                if one and json.loads(line).get("payment") == payment:
                    found = plus(found, one[1])
        return found

    # -- long files

    def set_aside(self) -> None:
        """Give a long file its number and add it to the sums. Lines of a file that was renamed and not summed
        (a crash in between) are summed by the next reader."""
        path = self._path(FILE)
        with self._lock():
            # another process may just have done it
            if os.path.exists(path) and os.path.getsize(path) > MOST_BYTES:
                last = max(*self._numbers(), self._read_sums()[0], -1)
                os.rename(path, self._path(f"spending-{last + 1}.jsonl"))
                self._fold()

    def _numbers(self) -> list:
        """The numbers of the files that were set aside, in order."""
        found = (re.match(_ASIDE, name) for name in os.listdir(self.folder))
        return sorted(int(match.group(1)) for match in found if match)

    # -- calls under way

    def under_way(self) -> float:
        """CNY that calls of all processes may still cost.
        What a process left that ended without a word becomes doubt, unless it is counted."""
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
                        self.add_once(call.skill, call.model, {}, call.amount, in_doubt=True,
                                      moment=call.moment, payment=call.payment)
                        os.write(lock.descriptor, ended(number))
                    lock.remove()
                return 0.0
        except OSError:  # it cannot be changed, so its calls count as long as it is there
            pass
        return sum(call.amount or 0 for call in _open_calls(path).values())

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


_Call = namedtuple("_Call", "skill model amount moment payment")


def _open_calls(path: str) -> dict:
    """number -> the calls of one process that began and did not end, as far as its file can be read."""
    found: dict = {}
    try:
        with os.fdopen(open_own(path), "rb") as file:
            for line in file:
                _follow(line, found)
    except OSError:
        pass
    return found


def _follow(line: bytes, found: dict) -> None:
    """Put the call that a line begins among those found, or take out the one that it ends."""
    try:
        one = json.loads(line)
        if "begin" not in one:
            found.pop(one.get("end"), None)
            return
        amount, moment = (None if one.get(name) is None else _number(one[name])
                          for name in ("amount", "time"))
        if moment is not None:
            date.fromtimestamp(moment)
        found[one["begin"]] = _Call(str(one["skill"]), str(one["model"]), amount, moment,
                                    str(one.get("payment", "")))
    except _DAMAGED:
        pass


def _line(raw: bytes):
    """((day, skill, model), Sum) of a line, None for one that is torn or not ours."""
    try:
        line = json.loads(raw)
        amount, calls = line["amount"], int(_number(line.get("calls", 1)))
        doubt = calls if line.get("in_doubt") else int(_number(line.get("doubts", 0)))
        units = {str(name): count for name, count in line["units"].items()
                 if isinstance(count, (int, float)) and -_MOST < count < _MOST}
        day = date.fromtimestamp(_number(line["time"])).isoformat()
        return (day, str(line["skill"]), str(line["model"])), Sum(
            calls, units, 0.0 if amount is None else _number(amount), calls if amount is None else 0, doubt)
    except _DAMAGED:
        return None


def _summed(row) -> tuple:
    """The same of a row of the file of sums. Raises an error of _DAMAGED."""
    day, skill, model, *sums = row
    one = Sum(*sums)
    for value in (one.calls, one.amount, one.unpriced, one.in_doubt, *one.units.values()):
        _number(value)
    return (str(day), str(skill), str(model)), one


def _number(value):
    """A number that can be summed. Raises ValueError or TypeError for anything else."""
    if isinstance(value, bool) or not -_MOST < value < _MOST:  # NaN neither
        raise ValueError(value)
    return value
