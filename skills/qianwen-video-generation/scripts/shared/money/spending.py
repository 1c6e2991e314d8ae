"""What all five scripts spent on this machine:
one line for each paid call in `spending.jsonl` of the state folder.

A line adds: a task counts with its estimate from its create on, and a later line for the same task corrects
that. So lines can be summed in any order. Never a prompt, a key or a link. Calls under way are in files of
their own, which their processes hold locked: what a budget must count.
"""
from __future__ import annotations

import json
import os
import time

from ..files.locks import Lock
from ..files.own import open_own
from .cost import rounded

FILE, LOCK, UNDER_WAY = "spending.jsonl", "spending.lock", "under-way"
MOST_BYTES = 1_000_000  # of the file that is read line by line; a longer one is set aside and summed


class Spending:
    """The spending of this machine, in the state folder `folder`, as it is written; `sums.Sums` reads it.
    Every method may raise OSError."""

    def __init__(self, folder: str, clock=time.time):
        self.folder, self._clock = folder, clock

    def add(self, skill: str, model: str, units: dict, amount: float | None, *, call: str = "",
            calls: int = 1, in_doubt: bool = False, doubts: int = 0) -> bool:
        """Append a line; whether the file is so long now that it should be set aside. `amount` in CNY, None
        where no price is known; `call` is the request's or the task's id.

        `doubts` is added to the calls in doubt: -1 where one of them is so no more.
        """
        line = {"time": round(self._clock(), 3), "skill": skill, "model": model, "units": units,
                "amount": None if amount is None else rounded(amount), "calls": calls, "id": call,
                **({"in_doubt": True} if in_doubt else {}), **({"doubts": doubts} if doubts else {}),
                "folder": _working_folder()}
        with self._lock():
            return self._append(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def _append(self, line: bytes) -> bool:
        """One write, so that a line is whole or at the end of the file; a torn end is closed first."""
        path = self._path(FILE)
        handle = open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            size = os.fstat(handle).st_size
            if size:
                os.lseek(handle, size - 1, os.SEEK_SET)
                line = line if os.read(handle, 1) == b"\n" else b"\n" + line
            os.write(handle, line)
        finally:
            os.close(handle)
        return size > MOST_BYTES

    def _lock(self) -> Lock:
        return Lock(self._path(LOCK), wait=10.0)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


class UnderWay:
    """The calls of this process that were sent and whose outcome is not known:
    a file that the process holds locked."""

    def __init__(self, state: str):
        self._path = os.path.join(state, UNDER_WAY, f"{os.getpid()}-{os.urandom(4).hex()}.jsonl")
        self._lock = Lock(self._path, wait=0)
        self._open: set = set()
        self._last = 0

    def begin(self, skill: str, model: str, amount: float | None) -> int:
        """Write down a call before it is sent; return its number."""
        self._last += 1
        line = {"begin": self._last, "skill": skill, "model": model, "amount": amount}
        os.write(self._lock.descriptor, json.dumps(line).encode() + b"\n")
        self._open.add(self._last)
        return self._last

    def end(self, number: int) -> None:
        """The outcome is known; without any other call under way the file goes."""
        self._open.discard(number)
        os.write(self._lock.descriptor, ended(number))

    def close(self) -> None:
        """At the end of the process: nothing is under way any more."""
        if not self._open:
            self._lock.remove()


def ended(number: int) -> bytes:
    """The line that a call is under way no more."""
    return json.dumps({"end": number}).encode() + b"\n"


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
