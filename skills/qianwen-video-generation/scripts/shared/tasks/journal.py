"""What this machine started and has not fetched yet, one small JSON file each, so that no paid result is ever lost.

A record is written before a task is created, holds the task's id before the first poll, and the result's links before
the first download. It goes when every file is saved. Records hold prompts, so only their owner can read them.
"""
from __future__ import annotations

import json
import math
import os
import re
import time

from ..failures import usage
from ..files.whole import prove_writable, short_id, whole

LIFE = 24 * 3600  # seconds that the service keeps a task and a result link (image contract 3.4)
SUBMITTING, LOST, RUNNING, READY = "submitting", "lost", "running", "ready"
_PROOF = 64 << 10  # bytes
_LONG = 4 << 20  # bytes
_DONE = ".settled"  # a file with the ids of tasks that are done with
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Journal:
    """The records in a folder. A record is a dict with `id`, `skill`, `state`, `created` (epoch seconds) and more."""

    def __init__(self, state_folder: str, clock=time.time):
        self.folder, self.clock = os.path.join(state_folder, "tasks"), clock

    def prove(self) -> None:
        """Raise a usage Failure, before anything is paid, where a record cannot be written."""
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            prove_writable(self.folder, _PROOF)
        except OSError as error:
            raise usage(f"the journal {self.folder} cannot be written ({error.strerror}), and without it a paid result could "
                        "be lost", "set XDG_STATE_HOME to a folder that can be written, or allow writing there") from None

    def new(self, skill: str, record_id: str = "", **fields) -> dict:
        """A record that is not written yet."""
        return {"id": record_id or f"q-{short_id()}{short_id()}", "skill": skill, "task_id": "", "state": SUBMITTING,
                "created": self.clock(), **fields}

    def write(self, record: dict) -> None:
        """Put a record on disk, whole. Raises OSError."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with whole(self._path(record["id"]), "w", 0o600) as file:
            json.dump(record, file, ensure_ascii=False)

    def remove(self, record: dict) -> None:
        """Everything is fetched, or nothing ever will be. The task's id is remembered for as long as the service lists it."""
        try:
            os.unlink(self._path(record["id"]))
        except OSError:
            pass
        if record["task_id"]:
            self._remember(record["task_id"])

    def _remember(self, task_id: str) -> None:
        """One appended line, so that processes and threads do not lose each other's; a long file is begun anew."""
        path = os.path.join(self.folder, _DONE)
        try:
            fresh = self._done() if os.path.exists(path) and os.path.getsize(path) > _LONG else None
            if fresh is not None:
                os.unlink(path)
            lines = "".join(f"{moment:.0f} {name}\n" for name, moment in {**(fresh or {}), task_id: self.clock()}.items())
            file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            try:
                os.write(file, lines.encode("utf-8", "replace"))
            finally:
                os.close(file)
        except OSError:  # it only narrows a later search
            pass

    def _done(self) -> dict:
        """The tasks of the last day that were settled here, with the time of it."""
        try:
            with open(os.path.join(self.folder, _DONE), encoding="utf-8", errors="replace") as file:
                found = [re.fullmatch(r"(\d{1,12}) (\S{1,200})", line.rstrip("\n")) for line in file]
        except OSError:
            return {}
        return {match.group(2): int(match.group(1)) for match in found if match
                and self.clock() - int(match.group(1)) < LIFE}

    def known_tasks(self) -> set:
        """The ids of all tasks that this machine started in the last day, as far as it got them."""
        return {record["task_id"] for record in self.all()} | set(self._done())

    def read(self, record_id: str) -> dict | None:
        """The record with this id of its own, or None."""
        if not _ID.fullmatch(record_id):
            return None
        try:
            with open(self._path(record_id), encoding="utf-8") as file:
                record = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        needed = {"id": str, "skill": str, "state": str, "task_id": str, "created": (int, float)}
        whole = isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in needed.items())
        return record if whole and record["id"] == record_id and math.isfinite(record["created"]) else None

    def find(self, given: str) -> dict | None:
        """The record with this id, be it its own, the task's, or the request's."""
        return self.read(given) or next(
            (record for record in self.all() if given and given in (record["task_id"], record.get("request_id"))), None)

    def all(self) -> list:
        """Every record, the oldest first."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        records = [self.read(name[:-len(".json")]) for name in names if name.endswith(".json")]
        return sorted(filter(None, records), key=lambda record: record["created"])

    def expired(self, record: dict) -> bool:
        """Whether the service has forgotten the task and its links."""
        return self.clock() - record["created"] > LIFE

    def same_request(self, fingerprint: str) -> dict | None:
        """A record of an identical request that is still under way."""
        return next((record for record in self.all() if record.get("fingerprint") == fingerprint
                     and record["state"] != LOST and not self.expired(record)), None)

    def _path(self, record_id: str) -> str:
        return os.path.join(self.folder, record_id + ".json")
