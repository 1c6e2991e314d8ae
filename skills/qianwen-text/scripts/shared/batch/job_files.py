"""The files of rows that the Batch API takes:
one model, one thinking mode, and so many rows and bytes each."""
from __future__ import annotations

import hashlib
import os
import shutil

from ..chat.request import thinks
from ..transport.request import encoded
from ..failures import usage
from ..files.own import make_private, open_own
from ..files.whole import to_disk
from ..money.cost import plus
from ..tasks.bill import cost_counted, counted
from .stored import MOST_BYTES

MOST_ROWS = 10_000  # of a file; the service takes 50,000, its samples advise this
MOST_FILE = 100_000_000  # bytes; the service takes 500 MB
URL = "/v1/chat/completions"


class JobFiles:
    """Writes rows into the files of one folder.
    `jobs` describes them: file, rows, bytes, model, thinking, hash, state."""

    def __init__(self, folder: str):
        self._folder = folder
        self.jobs: list = []
        self._open: dict = {}  # (model, thinking) -> (job, open file, running hash)
        make_private(folder)

    def add(self, key: int, body: dict, cost) -> None:
        """`cost` is what the row is expected to cost.
        Raises usage for a row that is too large, OSError of the disk."""
        line = line_of(key, body)
        job, file, digest = self._room(str(body["model"]), thinks(body), len(line) + 1)
        file.write(line + b"\n")
        digest.update(line)
        job["rows"] += 1
        job["counted"] = counted(plus(cost_counted(job), cost) if "counted" in job else cost)
        job["bytes"] += len(line) + 1

    def _room(self, model: str, thinking, size: int) -> tuple:
        """The open file of a model and mode that has room for so many bytes more."""
        found = self._open.get((model, thinking))
        if found and found[0]["rows"] < MOST_ROWS and found[0]["bytes"] + size <= MOST_FILE:
            return found
        if found:
            self._end(found)
        path = os.path.join(self._folder, f"{len(self.jobs) + 1}.jsonl")
        job = {"file": path, "rows": 0, "bytes": 0, "model": model, "thinking": thinking, "state": "written",
               "status": ""}
        self.jobs.append(job)
        file = os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")
        self._open[model, thinking] = job, file, hashlib.sha256()
        return self._open[model, thinking]

    @staticmethod
    def _end(entry: tuple) -> None:
        job, file, digest = entry
        job["hash"] = digest.hexdigest()
        with file:
            file.flush()
            to_disk(file.fileno())

    def close(self) -> list:
        """All rows are in; return the jobs."""
        for entry in self._open.values():
            self._end(entry)
        self._open = {}
        return self.jobs


def line_of(key: int, body: dict) -> bytes:
    """A row as it stands in a file. Raises usage for one that is too large."""
    line = encoded({"custom_id": f"{key:016x}", "method": "POST", "url": URL, "body": body})
    if len(line) > MOST_BYTES:
        raise usage(f"the row has {len(line):,} bytes, but the Batch API takes {MOST_BYTES:,}",
                    "shorten it, put pictures on public addresses, or leave out --batch-api")
    return line


def job_folder(journal, record: dict) -> str:
    """Where the files of a record's jobs lie: beside the journal, for their owner alone."""
    return os.path.join(journal.state, "batches", record["id"])


def sweep(journal) -> None:
    """Delete what runs left that were killed, days ago, before they had a record."""
    place = os.path.join(journal.state, "batches")
    for name in os.listdir(place) if os.path.isdir(place) else ():
        path = os.path.join(place, name)
        if journal.read(name) is None and journal.clock() - os.lstat(path).st_mtime > 2 * 86400:
            shutil.rmtree(path, ignore_errors=True)
