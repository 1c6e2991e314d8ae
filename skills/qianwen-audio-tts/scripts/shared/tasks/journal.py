"""What this machine started and has not fetched yet, one small JSON file each,
so that no paid result is ever lost.

A record is written before a task is created, holds the task's id before the first poll, and the result's
links before the first download. It goes when every file is saved. Records hold prompts, so only their owner
can read them.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import time

from ..cli.commands import command_line
from ..failures import Exit, Failure, usage
from ..files.locks import FileLock, Held, Lock
from ..files.own import make_private, open_own, read_own
from ..files.whole import PROOF, prove_writable, remove, short_id, sweep, whole
from ..transport.request import moment_of
from ..words import counted

LIFE = 24 * 3600  # seconds that the service keeps a task and a result link (image contract 3.4)
SUBMITTING, LOST, RUNNING, READY = "submitting", "lost", "running", "ready"
_LARGEST = 64 << 20  # bytes of a record
_LONG = 4 << 20  # bytes
_DONE = ".settled"  # a file with the ids of tasks that are done with
_FETCHED = ".fetched-"  # begins the names of notes on where files went
_CREATING, _FETCHING = ".creating", ".fetching-"  # locks; behind the second stands the hash of an id
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_OURS = ("id", "fingerprint", "hash")  # hashes and chance, which look like a part of a key only by accident


def _name_of(task_id: str) -> str:
    return hashlib.sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _ours(record: dict) -> dict:
    return {name: record[name] for name in _OURS if name in record}


def journal_of(session) -> Journal:
    """The journal of a session's state folder; no secret of the session gets into it."""
    return Journal(session.account.state, session.console.redact_result)


def resume_command(given: str, journal: Journal, flag: str = "--resume") -> str:
    """The exact command that goes on with a record."""
    return command_line(flag, given, state=journal.state)


def interrupted(record: dict, journal: Journal, files=None) -> BaseException:
    """What an interrupt of a call becomes: a Failure with the way to its result, where there is one. `files` are
    those saved, where it is not all that the record tells of. It is empty before the call has one."""
    given = record and (record["task_id"] or record["id"])
    if not given or not (record["task_id"] or journal.read(given) or journal.was_fetched(given)):
        return KeyboardInterrupt()
    files = [one for one in saved_in(record) if os.path.isfile(one["path"])] if files is None else files
    command = resume_command(given, journal)
    said = ("interrupted; the task continues", "",
            f"fetch the {'rest' if files else 'result'} with: {command}")
    if record["state"] == READY:
        said = (f"interrupted with {counted(len(files), 'file')} saved", "the result exists and is paid for", said[2])
    elif is_submitting(record):
        said = ("interrupted before the task was found", "the service may have created it, and then bills it",
                f"look for it before trying again: {command}")
    return Failure(Exit.INTERRUPTED, *said, task_id=record["task_id"], resume=command, files=files,
                   accepted="maybe")


def saved_in(record: dict) -> list:
    """The entries of the files that a record knows as saved, in the order of their numbers."""
    numbered = sorted(record.get("saved", {}).items(),
                      key=lambda one: int(one[0]) if one[0].isdecimal() else 0)
    return [entry for _, entry in numbered if isinstance(entry, dict)]


def is_submitting(record: dict) -> bool:
    """Whether the create of this record was never answered."""
    return record["state"] in (SUBMITTING, LOST) and not record["task_id"]


class Journal:
    """The records in a folder. A record is a dict with `id`, `skill`, `state`, `created` (epoch seconds) and
    more. `clean` takes the keys out of what is written."""

    def __init__(self, state_folder: str, clean=lambda record: record, clock=time.time):
        self.state, self.folder, self.clock = state_folder, os.path.join(state_folder, "tasks"), clock
        self._clean = clean
        self.ahead: float | None = None  # seconds of the service's clock, once an answer has told

    def heard(self, headers: dict) -> None:
        """Take the service's time from an answer:
        our own clock may be days off, and results die by the service's."""
        moment = moment_of(headers)
        self.ahead = self.ahead if moment is None else moment - self.clock()

    def now(self) -> float:
        """Epoch seconds by the service's clock, as far as it is known."""
        return self.clock() + (self.ahead or 0.0)

    def prove(self) -> None:
        """Raise a usage Failure, before anything is paid, where a record cannot be written."""
        try:
            make_private(self.folder)
            sweep(self.folder)
            prove_writable(self.folder, PROOF)
        except OSError as error:
            raise usage(f"the journal {self.folder} cannot be written ({error.strerror}), "
                        "but without it a paid result could be lost",
                        "set XDG_STATE_HOME to a writable folder, or make this one writable") from None

    def new(self, skill: str, record_id: str = "", **fields) -> dict:
        """A record that is not written yet."""
        return {"id": record_id or f"q-{short_id()}{short_id()}", "skill": skill, "task_id": "",
                "state": SUBMITTING, "created": self.clock(), **fields}

    def write(self, record: dict) -> None:
        """Put a record on disk, whole. Raises OSError."""
        make_private(self.folder)
        with whole(self._path(record["id"]), "w", 0o600) as file:
            cleaned = {**self._clean(record), **_ours(record)}
            for job, original in zip(cleaned.get("jobs", ()), record.get("jobs", ())):
                job.update(_ours(original))
            json.dump(cleaned, file, ensure_ascii=False)

    def forget(self, record: dict) -> None:
        """The service no longer knows it, which is no reason to pay it again unasked."""
        remove(self._path(record["id"]))

    def remove(self, record: dict) -> None:
        """Everything is fetched, or nothing ever will be.
        The task's id is remembered for as long as the service lists it."""
        saved = saved_in(record)
        if saved and record["state"] == READY:  # first, because a kill in between would leave nothing to find it by
            self._note_fetched(record, saved)
        self.forget(record)
        if record["task_id"]:
            self._remember(record["task_id"])

    def _note_fetched(self, record: dict, files: list) -> None:
        """Where the files went, in one small file for each id; the next --resume of the same task reads it.
        A `data:` link is left out: it is the result itself, which is in its file."""
        entries = [{name: value for name, value in entry.items() if not str(value).startswith("data:")}
                   for entry in files]
        known = {name: record.get(name)
                 for name in ("model", "task_id", "request_id", "usage", "failed", "cost", "text", "text_file")
                 if name in record}
        note = self._clean({"moment": self.clock(), "files": entries, **known})
        jobs = filter(None, (job.get("batch") for job in record.get("jobs", ())))
        try:
            for given in dict.fromkeys(filter(None, (record["task_id"], record["id"], *jobs))):
                with whole(os.path.join(self.folder, _FETCHED + _name_of(given)), "w", 0o600) as file:
                    json.dump(note, file)
            self._forget_fetched()
        except OSError:  # it only spares a second download
            pass

    def _forget_fetched(self) -> None:
        """The service forgets its tasks after a day, and so are the notes about them, two days later."""
        ours = (_FETCHED, _FETCHING)
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if name.startswith(ours) and abs(time.time() - os.lstat(path).st_mtime) > 3 * LIFE:
                os.unlink(path)

    def fetched(self, given: str) -> dict | None:
        """What is known of a task that was fetched, with its `files`, if all of them are still there."""
        path = os.path.join(self.folder, _FETCHED + _name_of(given))
        try:
            note = json.loads(read_own(path, _LARGEST) or b"{}")
            paths = [entry["path"] for entry in note["files"]]
            return note if paths and all(os.path.isfile(path) for path in paths) else None
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return None

    def was_fetched(self, given: str) -> bool:
        """Whether a task was fetched in the last days, wherever its files are now."""
        return os.path.isfile(os.path.join(self.folder, _FETCHED + _name_of(given)))

    @contextlib.contextmanager
    def creating(self):
        """One command at a time looks for its request among the records and writes its own."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(Lock(os.path.join(self.folder, _CREATING), wait=10.0))
            yield

    @contextlib.contextmanager
    def fetching(self, record: dict, patience: float):
        """One command at a time fetches what a record leads to; it yields what another one has left of the
        record meanwhile, None without anything. Raises Held when that takes more than `patience` seconds."""
        name = _FETCHING + _name_of(record["task_id"] or record["id"])
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(FileLock(os.path.join(self.folder, name), patience))
            except Held:
                raise
            except OSError:  # without locks two may fetch it, and nothing is lost
                pass
            yield self.read(record["id"])

    def _remember(self, task_id: str) -> None:
        """One appended line, so that processes and threads do not lose each other's;
        a long file is begun again."""
        path = os.path.join(self.folder, _DONE)
        try:
            fresh = self._done() if os.path.lexists(path) and os.path.getsize(path) > _LONG else None
            if fresh is not None:
                os.unlink(path)
            moments = {**(fresh or {}), task_id: self.clock()}
            lines = "".join(f"{moment:.0f} {name}\n" for name, moment in moments.items())
            file = open_own(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
            try:
                os.write(file, lines.encode("utf-8", "replace"))
            finally:
                os.close(file)
        except OSError:  # it only narrows a later search
            pass

    def _done(self) -> dict:
        """The tasks of the last day that were settled here, with the time of it."""
        try:
            content = read_own(os.path.join(self.folder, _DONE), 2 * _LONG) or b""
        except OSError:
            return {}
        found = [re.fullmatch(r"(\d{1,12}) (\S{1,200})", line)
                 for line in content.decode("utf-8", "replace").split("\n")]
        return {match.group(2): int(match.group(1)) for match in found
                if match and abs(self.clock() - int(match.group(1))) < LIFE}

    def known_tasks(self) -> set:
        """The ids of all tasks that this machine started in the last day, as far as it got them."""
        return {record["task_id"] for record in self.all()} | set(self._done())

    def read(self, record_id: str) -> dict | None:
        """The record with this id of its own, or None."""
        if not _ID.fullmatch(record_id):
            return None
        try:
            record = json.loads(read_own(self._path(record_id), _LARGEST) or b"")
        except (OSError, ValueError, RecursionError):
            return None
        needed = {"id": str, "skill": str, "state": str, "task_id": str, "created": (int, float)}
        whole = isinstance(record, dict) and all(isinstance(record.get(name), kind)
                                                 for name, kind in needed.items())
        return record if whole and record["id"] == record_id and math.isfinite(record["created"]) else None

    def find(self, given: str) -> dict | None:
        """The record with this id, be it its own, the task's, or the request's."""
        return self.read(given) or next(
            (record for record in self.all()
             if given and given in (record["task_id"], record.get("request_id"))), None)

    def all(self) -> list:
        """Every record, the oldest first."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        records = [self.read(name[:-len(".json")]) for name in names if name.endswith(".json")]
        return sorted(filter(None, records), key=lambda record: record["created"])

    def expired(self, record: dict) -> bool:
        """Whether the service has most likely forgotten the task and its links.
        Only its own word is a reason to delete."""
        return self.now() - record["created"] > record.get("life", LIFE)

    def same_request(self, fingerprint: str) -> dict | None:
        """A record of an identical request that is under way, or may be."""
        return next((record for record in self.all()
                     if record.get("fingerprint") == fingerprint and not self.expired(record)), None)

    def _path(self, record_id: str) -> str:
        return os.path.join(self.folder, record_id + ".json")
