"""The output folder of a batch: the results, the rows that were begun, and the lock.

- `results.jsonl`: one line a row, written as the row ends.
- `.qianwen-batch.started`: the flags, then `+key` for each row before it is sent, `-key` when it was not sent
  after all. A row that was begun and has no line in the results is in doubt: the service may have billed it.
- `.qianwen-batch.lock`: held by the process that works on the folder.

The last two are there while a run is at work, and after one that was killed; else the folder holds
results alone. All three are regular files of the user, or the run is refused: a link in their
place could lead to any other file.
"""
from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import re
import threading
from array import array

from ..cli.console import Console
from ..failures import Exit, Failure, usage
from ..files.locks import FileLock, Held, Unsupported
from ..files.names import make_folder, remove_folders
from ..files.own import no_room, open_own
from ..files.whole import FULL, InUse, sweep, to_disk, whole
from ..tasks.journal import is_submitting
from .index import Index, Keys
from .places import Claims, NAMES
from .results_table import check_table, foreign, index_of, put_in_order, ResultsTable
from .rows import RowFile


_KEY = re.compile("[0-9a-f]{16}")
_BEGIN = b'{"id":'  # of each line that `record` writes
_NAMED = re.compile(rb'"row":\s*\d+,\s*"key":\s*"([0-9a-f]{16})"')  # in a line that cannot be read
_UNKNOWN, _PART, _DONE = 1, 2, 3  # what a line is worth that stays
_PLACE = 48  # bits for where it stands, below its worth
_MAX_LINE = 256 << 20  # bytes


class BatchFolder:
    """What is known of the rows of a RowFile in one folder."""

    def __init__(self, folder: str, row_file: RowFile, console: Console, *, again: bool, recoverable,
                 table: bool = False, overwrite: bool = False):
        self.folder, self._row_file, self._console = folder, row_file, console
        self._again, self._recoverable, self._overwrite = again, recoverable, overwrite
        self.results, self._started, self._lock_file = (os.path.join(folder, name) for name in NAMES)
        self.table = os.path.join(folder, "results.csv") if table else ""
        self.kept = self.kept_in_doubt = self.foreign = 0
        self._stay = Index().seal()  # the lines that stay, one a row
        self._recorded = Keys()  # of all lines
        self.in_doubt: set = set()  # keys of rows begun without an outcome
        self.partial: set = set()  # keys of rows of which a part is saved; they are not paid again
        self._tasks: dict = {}  # by the keys of rows: the task that goes on, or whose result is not here yet
        self._claims = Claims()
        self.damaged: dict = {}  # what came of rows in doubt, by their keys
        self._untidy = False  # there are lines to drop, or without an end
        self._writing, self._has_table = threading.Lock(), False
        self._results_fd = self._started_fd = -1

    # -- reading

    def read(self) -> None:
        """Take in what earlier runs left. Raises Failure where the folder belongs to another batch, or has
        results that are none of ours, or the rows in their place."""
        rows = self._row_file.path
        if any(os.path.exists(path) and os.path.samefile(rows, path) for path in (self.results, self.table)):
            raise usage(f"--batch {rows} is where the batch writes its results, which would replace the rows",
                        "name another folder with --output, or give that file another name")
        if self.table:
            check_table(self.folder, self._overwrite)
        self._recorded = self._read_results()
        flags = self._read_started(self._recorded)
        if flags is not None and flags != self._flags() and (len(self._stay) or self.in_doubt):
            raise usage(f"{self.folder} holds results of a batch with other flags "
                        f"({_difference(flags, self._flags())})",
                        "use the same flags as then to continue it, or name another folder with --output")
        if self.foreign and not (self.kept or self.kept_in_doubt or self.partial):
            raise usage(f"{self.results} holds results of other rows or other flags, "
                        f"and none of {self._row_file.path}",
                        "name another folder with --output, "
                        "or use the same file and flags as then to continue")

    def _flags(self) -> dict:
        return json.loads(json.dumps(self._console.redact_result(self._row_file.flags), default=str))

    def _read_results(self) -> Keys:
        """The keys of all lines. Lines of failed rows do not count as done, and will be dropped; where a row
        has several, the best one stays."""
        recorded, stay, place = array("Q"), Index(), 0
        for raw in _lines(self.results):
            entry = _entry(raw)
            worth = self._worth(entry)
            if entry is None:
                self._take_damaged(raw)
            elif worth:
                stay.add(entry["key"], worth << _PLACE | place)
                self._claims.note(entry["key"], entry["files"] if self._overwrite else [])
            elif entry["in_doubt"]:
                self.in_doubt.add(entry["key"])
            if entry and self._goes_on(entry):
                self._tasks[entry["key"]] = entry["task"]
            elif entry:
                recorded.append(entry["key"])
            self._untidy |= not worth or not raw.endswith(b"\n")
            place += len(raw)
        self._stay = stay.seal()
        self._untidy |= len(self._stay) < len(recorded)
        self._count()
        return Keys(recorded)

    def _take_damaged(self, raw: bytes) -> None:
        """A line of ours that cannot be read was paid all the same: the row that it still names is in doubt.
        Raises Failure where it is none of ours."""
        named = _NAMED.search(raw)
        if named and raw.startswith(_BEGIN):
            key = int(named.group(1), 16)
            self.in_doubt.add(key)
            self.damaged[key] = raw.decode("utf-8", "replace").strip("\0\r\n")
        elif not self._overwrite and not _is_damaged(raw):
            raise foreign(self.results, "; answers of a batch that stand in it are lost then, and paid again")

    def _count(self) -> None:
        for key, place in self._stay.items():
            worth = place >> _PLACE
            if key not in self._row_file.keys:
                self.foreign += 1
            elif worth == _DONE:
                self.kept += 1
            elif worth == _PART:
                self.partial.add(key)
            else:
                self.kept_in_doubt += 1

    def _worth(self, entry: dict | None) -> int:
        """What a line is worth beside others of its row; 0 where it does not stay."""
        if entry is None or entry["ok"]:
            return _DONE if entry else 0
        if entry["partial"]:
            return _PART
        return _UNKNOWN if entry["in_doubt"] and not self._again and self._recoverable is None else 0

    def _goes_on(self, entry: dict) -> bool:
        """Whether a line leads to a task, so that it stays until the row has another one."""
        return bool(entry["task"] and self._recoverable and not entry["ok"] and not entry["partial"])

    def _staying(self):
        """The lines that stay, each with its end."""
        place = 0
        for raw in _lines(self.results):
            entry = _entry(raw)
            place_of_best = entry and self._stay.get(entry["key"])
            if entry and (place_of_best == self._worth(entry) << _PLACE | place
                          or place_of_best is None and self._tasks.get(entry["key"], 0) == entry["task"]):
                yield raw.rstrip(b"\r\n") + b"\n"
            place += len(raw)

    def _read_started(self, recorded: Keys) -> dict | None:
        """Find the rows begun without an outcome; return the flags of the earlier run."""
        flags = None
        for raw in _lines(self._started):
            try:
                if raw.startswith(b"{"):
                    flags = json.loads(raw)["flags"]
                    continue
                key = _key(raw[1:].decode("ascii").strip())
                if raw.startswith(b"+") and key not in recorded:
                    self.in_doubt.add(key)
                elif raw.startswith(b"-"):
                    self.in_doubt.discard(key)
            except (ValueError, KeyError, RecursionError):  # the last line of a machine that lost its power
                continue
        return flags if isinstance(flags, dict) else None

    def wants(self, row) -> bool:
        """Whether a row is to be done now."""
        if self.skipped(row.key):
            return False
        if row.key not in self.in_doubt or self._again:
            return True
        return bool(self._recoverable and self._recoverable(self.with_task(row)))

    def is_paid(self, row) -> bool:
        """Whether the service has, or is at work on, what a row asks for, so that it is only fetched."""
        known = row.key in self._recorded or row.key in self._tasks or row.key in self.in_doubt
        if not self._recoverable or not known:
            return False
        record = self._recoverable(self.with_task(row))
        return bool(record) and not is_submitting(record)

    def with_task(self, row):
        """A row with the task that its line leads to, and its claim to the files it makes."""
        return row._replace(task=self._tasks.get(row.key, ""),
                            claim=functools.partial(self._claims.take, row.key))

    def skipped(self, key: int) -> bool:
        return self._stay.get(key) is not None

    # -- writing

    def locked(self, max_wait: float, tick) -> FolderLock:
        """Keep the folder for this process; made when absent."""
        made = make_folder(self.folder)
        sweep(os.path.abspath(self.folder))
        return FolderLock(self._lock_file, max_wait, tick, self._console, made)

    def open(self) -> None:
        """Drop the lines of failed rows and damaged ones, then append.
        First the rows in doubt are safe on disk."""
        try:
            head = json.dumps({"flags": self._flags()}).encode("ascii") + b"\n"
            with whole(self._started) as file:
                file.writelines([head, *(b"+%016x\n" % key for key in sorted(self.in_doubt))])
            if self._untidy:
                with whole(self.results) as file:
                    file.writelines(self._staying())
            mode = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._started_fd = open_own(self._started, mode, 0o666)
            self._results_fd = open_own(self.results, mode, 0o666)
            self._has_links = os.fstat(self._results_fd).st_nlink > 0  # some file systems do not tell
        except OSError as error:
            raise _not_written(self.folder, error) from error

    def begin(self, key: int) -> None:
        """A row is about to be sent. Raises OSError, also where nothing could take its result."""
        self._size()
        os.write(self._started_fd, b"+%016x\n" % key)

    def _size(self) -> int:
        """How long the results are. Raises OSError where somebody has deleted them."""
        found = os.fstat(self._results_fd)
        if self._has_links and not found.st_nlink:
            raise FileNotFoundError(errno.ENOENT, "results.jsonl was deleted meanwhile", self.results)
        return found.st_size

    def give_back(self, key: int) -> None:
        """A row was surely not sent after all."""
        os.write(self._started_fd, b"-%016x\n" % key)

    def record(self, row, document: dict) -> None:
        """The outcome of a row, as a whole line or not at all. Raises OSError."""
        came = document.get("in_doubt") and self.damaged.get(row.key)
        line = {"id": row.id, "row": row.line, "key": f"{row.key:016x}", **_with_whole_cost(document),
                **({"partial": {"line": came}} if came else {})}
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with self._writing:
            size = self._size()
            if os.write(self._results_fd, data) < len(data):
                os.ftruncate(self._results_fd, size)
                raise no_room()

    def _shown(self, cell: str) -> str:
        """A cell of the input as it stands in the results: one with a key in it is cleaned, and no other,
        because a part of a key may stand in any hash by chance."""
        return self._console.redact_result(cell) if self._console.holds_key(cell) else cell

    def close(self, under_way: int, schema: str | None = None, files: bool = False) -> None:
        """Bring everything to the disk itself, in the order of the rows, with the table where one is wanted;
        the results alone stay.

        With rows `under_way` that were not waited for and may still write their line, or cannot,
        all stays as it is. Raises OSError, with the name of the file that is not written.
        """
        for descriptor in (self._results_fd, self._started_fd):
            to_disk(descriptor)
        if under_way:
            return
        os.close(self._results_fd)
        os.close(self._started_fd)
        with _naming(self.results):
            put_in_order(self.results, self._row_file, self._index(), once=not self._tasks)
        if self.table:
            with _naming(self.table):
                table = ResultsTable(self._row_file, schema, files, self._shown)
                table.write(self.table, self.results, self._index())
            self._has_table = True
        os.unlink(self._started)

    def _index(self) -> Index:
        return index_of(self.results, lambda raw: (_entry(raw) or {}).get("key"))

    def written(self) -> list:
        """The files of results that this run leaves."""
        found = [self.results] if os.path.isfile(self.results) else []
        return [*found, *([self.table] if self._has_table else [])]


@contextlib.contextmanager
def _naming(path: str):
    """An OSError tells the file that was to be written, and not a temporary one."""
    try:
        yield
    except InUse:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error


def _not_written(path: str, error: OSError) -> Failure:
    """The refusal of a place that takes nothing, before anything is sent. On a full disk it may hold results,
    which would all be paid again in another place."""
    return usage(f"{path} cannot be written: {error.strerror}",
                 "make room there, then run the command again" if error.errno in FULL
                 else "name another place with --output")


def _lines(path: str):
    """The lines of a file of our own. A line without end is cut into pieces, which count as damaged."""
    try:
        with os.fdopen(open_own(path), "rb") as file:
            while True:
                line = file.readline(_MAX_LINE)
                if not line:
                    return
                yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise usage(f"{path} cannot be used: {error.strerror}",
                    "name another folder with --output") from error


def _entry(raw: bytes) -> dict | None:
    """What matters of a line of results; None for one that was torn."""
    try:
        line = json.loads(raw)
        return {"key": _key(line["key"]), "ok": line["ok"] is True, "in_doubt": line.get("in_doubt") is True,
                "partial": is_partial(line), "task": _task_of(line),
                "files": line.get("files")}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _task_of(line: dict) -> str:
    """The task whose result can still be had."""
    task = line.get("task_id")
    return task if isinstance(task, str) and line.get("resume") else ""


def _is_damaged(raw: bytes) -> bool:
    """Whether a line that has no entry may be one of ours all the same: torn, or odd in its values."""
    try:
        line = json.loads(raw)
        return isinstance(line, dict) and "key" in line and "ok" in line
    except (ValueError, RecursionError):
        torn = raw.strip(b"\0\r\n")
        return torn.startswith(_BEGIN) or not torn or not raw.endswith(b"\n") and _BEGIN.startswith(torn)


def _with_whole_cost(document: dict) -> dict:
    """A row's line tells what the row cost, also where an earlier run paid it and this one fetched it."""
    billing = dict(document.get("billing") or {})
    billing["cost"] = billing.pop("when_made", billing.get("cost"))
    return {**document, "billing": billing} if billing["cost"] else document


def is_partial(document: dict) -> bool:
    """Whether some of the files that a row asked for are saved, and the others do not come any more."""
    return document.get("exit_code") == Exit.PARTIAL and bool(document.get("files"))


def _key(text) -> int:
    """A row's key from its sixteen hex digits. Raises ValueError, TypeError."""
    if not _KEY.fullmatch(text):
        raise ValueError("not a key")
    return int(text, 16)


def _difference(then: dict, now: dict) -> str:
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    return "; ".join(f"--{name.replace('_', '-')}: {_short(then, name)} then, {_short(now, name)} now"
                     for name in names[:3])


def _short(flags: dict, name: str) -> str:
    text = json.dumps(flags[name], ensure_ascii=False) if name in flags else "not given"
    return text if len(text) <= 40 else text[:40] + "…"


class FolderLock:
    """The lock of a batch folder, with the number of the process that has it. The folders `made` for it go
    again where a failure leaves them empty."""

    def __init__(self, path: str, max_wait: float, tick, console: Console, made=()):
        self._made = made
        self._folder, self._tick, self._console = os.path.dirname(path) or ".", tick, console
        self._told = False
        self._lock = FileLock(path, max_wait, self._waiting)

    def __enter__(self):
        try:
            self._lock.__enter__().write(b"%d\n" % os.getpid())
        except Held:
            raise Failure(Exit.RUNNING, f"another run is still working in {self._folder}; nothing was sent",
                          fix="run the command again when that run has ended") from None
        except Unsupported:
            raise usage(f"the file system of {self._folder} has no locks, "
                        "so two runs could pay for the same rows",
                        "name a folder on a local disk with --output") from None
        except OSError as error:
            raise _not_written(self._lock.path, error) from error
        return self

    def _waiting(self) -> None:
        if not self._told:
            self._told = True
            self._console.note("another run is finishing its rows in this folder; waiting for it")
        self._tick()

    def __exit__(self, kind=None, *_):
        self._lock.__exit__()
        if kind:
            remove_folders(self._made)
