"""What all five scripts spent on this machine:
one line for each paid call in `spending.jsonl` of the state folder.

A line adds: a task counts with its estimate from its create on, and a later line of the same payment corrects
that. So lines can be summed in any order. Never a prompt, a key or a link. Calls under way are in files of
their own, which their processes hold locked: what a budget must count.
"""
from __future__ import annotations

import contextlib
import json
import os
import time

from ..files import own
from ..files.locks import Lock
from ..files.own import no_room, open_own
from .cost import rounded

FILE, LOCK, UNDER_WAY = "spending.jsonl", "spending.lock", "under-way"
MOST_BYTES = 1_000_000  # of the file that is read line by line; a longer one is set aside and summed
MOST_UNDER_WAY = 10_000  # bytes of a file of calls under way, which gets no more calls then


class Spending:
    """The spending of this machine, in the state folder `folder`, as it is written; `sums.Sums` reads it.
    Every method may raise OSError."""

    def __init__(self, folder: str, clock=time.time):
        self.folder, self._clock = folder, clock

    def add(self, skill: str, model: str, units: dict, amount: float | None, *, call: str = "",
            calls: int = 1, in_doubt: bool = False, doubts: int = 0, moment: float | None = None,
            payment: str = "") -> bool:
        """Append a line; whether the file is so long now that it should be set aside. `amount` in CNY, None
        where no price is known; `call` is the request's or the task's id, `payment` that of the Payment.

        `doubts` is added to the calls in doubt: -1 where one of them is so no more. `moment` (epoch seconds)
        is when the call was sent, and tells the day on which it counts; now where it is not given.
        """
        with self._lock():
            return self._append(skill, model, units, amount, call, calls, in_doubt, doubts, moment, payment)

    def _append(self, skill, model, units, amount, call, calls, in_doubt, doubts, moment, payment) -> bool:
        """`add`, within the lock: one write, so that a line is whole or at the end of the file; a torn end is
        closed first."""
        line = {"time": round(self._clock() if moment is None else moment, 3), "skill": skill, "model": model,
                "units": units, "amount": None if amount is None else rounded(amount), "calls": calls,
                "id": call, **({"in_doubt": True} if in_doubt else {}), **({"doubts": doubts} if doubts else {}),
                **({"payment": payment} if payment else {}), "folder": _working_folder()}
        line = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        path = self._path(FILE)
        handle = open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            size = os.fstat(handle).st_size
            if size:
                os.lseek(handle, size - 1, os.SEEK_SET)
                line = line if os.read(handle, 1) == b"\n" else b"\n" + line
            if os.write(handle, line) < len(line):
                raise no_room()
        finally:
            os.close(handle)
        return size > MOST_BYTES

    def _lock(self) -> Lock:
        return Lock(self._path(LOCK), wait=10.0)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


class UnderWay:
    """The calls of this process that were sent and whose outcome is not known: in files that the process
    holds locked. A full file gets no more calls, and is deleted when the last of its own has ended."""

    def __init__(self, state: str):
        self._name = os.path.join(state, UNDER_WAY, f"{os.getpid()}-{os.urandom(4).hex()}")
        self._lock = Lock(f"{self._name}.jsonl", wait=0)  # of the file that gets the next call
        self._open: dict = {}  # number -> the lock of the file in which the call stands
        self._last = self._bytes = 0

    def begin(self, skill: str, model: str, amount: float | None, moment: float | None = None,
              payment: str = "") -> int:
        """Write down a call before it is sent, at `moment`; return its number. The line of the spending that
        follows has the same `payment`, so that it is not counted again where the process is killed then."""
        if self._bytes > MOST_UNDER_WAY:
            with contextlib.suppress(OSError):  # else the old one is used further
                full, self._lock = self._lock, Lock(f"{self._name}-{self._last}.jsonl", wait=0)
                self._bytes = 0
                self._remove_done(full)
        self._last += 1
        line = {"begin": self._last, "time": time.time() if moment is None else moment, "skill": skill,
                "model": model, "amount": amount, "payment": payment}
        written = b"\n" + json.dumps(line).encode() + b"\n"
        if os.write(self._lock.descriptor, written) < len(written):
            raise no_room()
        self._bytes += len(written)
        self._open[self._last] = self._lock
        return self._last

    def end(self, number: int) -> None:
        """The outcome is known."""
        lock = self._open.pop(number)
        try:
            self._bytes += os.write(lock.descriptor, ended(number))
        finally:
            if lock is not self._lock:
                self._remove_done(lock)

    def _remove_done(self, lock: Lock) -> None:
        if lock not in self._open.values():
            lock.remove()

    def close(self) -> None:
        """At the end of the process: nothing is under way any more, except what could not be written down."""
        self._remove_done(self._lock)


def ended(number: int) -> bytes:
    """The line that a call is under way no more."""
    return b"\n" + json.dumps({"end": number}).encode() + b"\n"


def remedy(error: OSError, folder: str) -> str:
    """What to do about a spending in `folder` that cannot be read or written."""
    from ..files.whole import FULL
    if isinstance(error, TimeoutError):
        return "run the command again when the other process has ended"
    return f"make room on the disk of {folder}" if error.errno in FULL else own.remedy(error, folder)


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
