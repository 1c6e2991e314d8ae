"""The output folder of a batch: the results, the rows that were begun, and the lock.

- `results.jsonl`: one line a row, written as the row ends.
- `.qianwen-batch.started`: the flags, then `+key` for each row before it is sent, `-key` when it was not sent after all.
  A row that was begun and has no line in the results is in doubt: the service may have billed it.
- `.qianwen-batch.lock`: held by the process that works on the folder.
"""
from __future__ import annotations

import errno
import json
import os
import threading
import time

from ..cli.console import Console
from ..failures import Exit, Failure, usage
from ..files.whole import whole
from .rows import RowFile


class BatchFolder:
    """What is known of the rows of a RowFile in one folder."""

    def __init__(self, folder: str, row_file: RowFile, console: Console, *, again: bool, recoverable):
        self.folder, self._row_file, self._console, self._again, self._recoverable = folder, row_file, console, again, recoverable
        self.results, self._started, self._lock_file = (os.path.join(folder, name) for name in (
            "results.jsonl", ".qianwen-batch.started", ".qianwen-batch.lock"))
        self.kept = self.kept_in_doubt = self.foreign = 0
        self._skip: set = set()  # keys of the lines that stay
        self.in_doubt: set = set()  # keys of rows begun without an outcome
        self._untidy = False  # there are lines to drop
        self._writing = threading.Lock()
        self._results_fd = self._started_fd = -1

    # -- reading

    def read(self) -> None:
        """Take in what earlier runs left. Raises usage where the folder belongs to another batch."""
        recorded = self._read_results()
        flags = self._read_started(recorded)
        if flags is not None and flags != self._flags() and (self._skip or self.in_doubt):
            raise usage(f"{self.folder} holds results of a batch with other flags ({_difference(flags, self._flags())})",
                        "use the same flags as then to go on with it, or name another folder with --output")
        if self.foreign and not self.kept and not self.kept_in_doubt:
            raise usage(f"{self.results} holds results of other rows or other flags, and none of {self._row_file.path}",
                        "name another folder with --output, or use the same file and flags as then to go on")

    def _flags(self) -> dict:
        return json.loads(json.dumps(self._console.redact_result(self._row_file.flags), default=str))

    def _read_results(self) -> set:
        """The keys of all lines. Lines of failed rows do not count as done, and will be dropped."""
        recorded: set = set()
        for raw in _lines(self.results):
            entry = _entry(raw)
            if entry is None:
                self._untidy = True
                continue
            recorded.add(entry["key"])
            if not self._stays(entry):
                self._untidy = True
                if entry["in_doubt"]:
                    self.in_doubt.add(entry["key"])
                continue
            self._skip.add(entry["key"])
            if entry["key"] not in self._row_file.keys:
                self.foreign += 1
            elif entry["ok"]:
                self.kept += 1
            else:
                self.kept_in_doubt += 1
        return recorded

    def _stays(self, entry: dict) -> bool:
        return entry["ok"] or (entry["in_doubt"] and not self._again and self._recoverable is None)

    def _read_started(self, recorded: set) -> dict | None:
        """Find the rows begun without an outcome; return the flags of the earlier run."""
        flags = None
        for raw in _lines(self._started):
            try:
                if raw.startswith(b"{"):
                    flags = json.loads(raw)["flags"]
                elif raw.startswith(b"+") and int(raw[1:], 16) not in recorded:
                    self.in_doubt.add(int(raw[1:], 16))
                elif raw.startswith(b"-"):
                    self.in_doubt.discard(int(raw[1:], 16))
            except (ValueError, KeyError):  # the last line of a machine that lost its power
                continue
        return flags

    def wants(self, row) -> bool:
        """Whether a row is to be done now."""
        if row.key in self._skip:
            return False
        return row.key not in self.in_doubt or self._again or bool(self._recoverable and self._recoverable(row))

    def skipped(self, key: int) -> bool:
        return key in self._skip

    # -- writing

    def locked(self, patience: float, tick) -> FolderLock:
        """Hold the folder for this process; made when absent."""
        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise usage(f"the folder {self.folder} cannot be made: {error.strerror}", "name another place") from error
        return FolderLock(self._lock_file, patience, tick, self._console)

    def open(self) -> None:
        """Drop the lines of failed rows and damaged ones, then append. First the rows in doubt are safe on disk."""
        try:
            head = json.dumps({"flags": self._flags()}).encode("ascii") + b"\n"
            with whole(os.path.realpath(self._started)) as file:
                file.writelines([head, *(b"+%016x\n" % key for key in sorted(self.in_doubt))])
            if self._untidy:
                with whole(os.path.realpath(self.results)) as file:
                    file.writelines(raw for raw in _lines(self.results) for entry in [_entry(raw)] if entry and self._stays(entry))
            mode = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._started_fd, self._results_fd = os.open(self._started, mode, 0o666), os.open(self.results, mode, 0o666)
        except OSError as error:
            raise usage(f"{self.folder} cannot be written: {error.strerror}", "name another place with --output") from error

    def begin(self, key: int) -> None:
        """A row is about to be sent. Raises OSError."""
        os.write(self._started_fd, b"+%016x\n" % key)

    def give_back(self, key: int) -> None:
        """A row was surely not sent after all."""
        os.write(self._started_fd, b"-%016x\n" % key)

    def record(self, row, document: dict) -> None:
        """The outcome of a row, as a whole line or not at all. Raises OSError."""
        line = {"id": row.id, "row": row.line, "key": f"{row.key:016x}", **document}
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with self._writing:
            size = os.fstat(self._results_fd).st_size
            if os.write(self._results_fd, data) < len(data):
                os.ftruncate(self._results_fd, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Bring everything to the disk itself."""
        for descriptor in (self._results_fd, self._started_fd):
            try:
                os.fsync(descriptor)
            except OSError:
                pass


def _lines(path: str):
    try:
        with open(path, "rb") as file:
            yield from file
    except FileNotFoundError:
        return
    except OSError as error:
        raise usage(f"{path} cannot be read: {error.strerror}") from error


def _entry(raw: bytes) -> dict | None:
    """What matters of a line of results; None for one that was torn."""
    try:
        line = json.loads(raw)
        return {"key": int(line["key"], 16), "ok": line["ok"] is True, "in_doubt": line.get("in_doubt") is True}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _difference(then: dict, now: dict) -> str:
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    return "; ".join(f"--{name.replace('_', '-')}: {_short(then, name)} then, {_short(now, name)} now" for name in names[:3])


def _short(flags: dict, name: str) -> str:
    text = json.dumps(flags[name], ensure_ascii=False) if name in flags else "not given"
    return text if len(text) <= 40 else text[:40] + "…"


class FolderLock:
    """A lock that ends with the process that holds it, however that ends."""

    def __init__(self, path: str, patience: float, tick, console: Console):
        self._path, self._patience, self._tick, self._console = path, patience, tick, console

    def __enter__(self):
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise usage(f"{self._path} cannot be written: {error.strerror}", "name another place with --output") from error
        begin = time.monotonic()
        while not _try_lock(self._fd):
            if time.monotonic() - begin > self._patience:
                raise Failure(Exit.RUNNING, f"another run is still at work in {os.path.dirname(self._path) or '.'}; nothing "
                              "was sent", fix="run the command again when it has ended")
            if not hasattr(self, "_told"):
                self._told = self._console.note("another run is finishing its rows in this folder; waiting for it")
            self._tick()
            time.sleep(0.1)
        os.ftruncate(self._fd, 0)
        os.write(self._fd, b"%d\n" % os.getpid())
        return self

    def __exit__(self, *_):
        os.close(self._fd)


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        import msvcrt
        try:
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
            return True
        except OSError:
            return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
