"""The output folder of a batch: the results, the rows that were begun, and the lock.

- `results.jsonl`: one line a row, written as the row ends.
- `.qianwen-batch.started`: the flags, then `+key` for each row before it is sent, `-key` when it was not sent
  after all, or failed. A row that was begun and has no answer in the results is in doubt: the service may have
  billed it.
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
import threading

from ..cli.console import Console
from ..failures import Exit, Failure, usage
from ..files.locks import FileLock, Held, Unsupported
from ..files.names import make_folder, remove_folders
from ..files.own import no_room, open_own
from ..files.whole import InUse, sweep, to_disk, whole
from ..tasks.journal import is_submitting
from ..tasks.rows import BEGUN
from .index import Index
from .lines import (
    DONE, doubt_document, entry_of, index_of, is_damaged, key_of, line_at, lines, named_in,
    not_written, PART, with_whole_cost
)
from .places import Claims, NAMES
from .results_table import check_table, foreign, put_in_order, ResultsTable
from .rows import Row, RowFile


class BatchFolder:
    """What is known of the rows of a RowFile in one folder."""

    def __init__(self, folder: str, row_file: RowFile, console: Console, *, again: bool, recoverable,
                 table: bool = False, overwrite: bool = False):
        self.folder, self._row_file, self._console = folder, row_file, console
        self._again, self._recoverable, self._overwrite = again, recoverable, overwrite
        self.results, self._started, self._lock_file = (os.path.join(folder, name) for name in NAMES)
        self.table = os.path.join(folder, "results.csv") if table else ""
        self.kept = self.foreign = 0
        self._stay = Index().seal()  # the lines that stay, one a row, until the row has another one
        self.in_doubt: set = set()  # keys of rows begun without an outcome, as earlier runs left them
        self._lost: set = set()  # those that nobody can find out about, as long as they are not sent again
        self.noted: set = set()  # those that have their first line by this run
        self._noted_before: set = set()  # those of which the line says so
        self.partial: set = set()  # keys of rows of which a part is saved; they are not paid again
        self._tasks: dict = {}  # by the keys of rows: the task that goes on, or whose result is not here yet
        self._claims = Claims()
        self._damaged: dict = {}  # lines of rows in doubt, by their keys
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
        self._read_results()
        flags = self._read_started()
        if flags is not None and flags != self._flags() and (len(self._stay) or self.in_doubt):
            raise usage(f"{self.folder} holds results of a batch with other flags "
                        f"({_difference(flags, self._flags())})",
                        "use the same flags as then to continue it, or name another folder with --output")
        if self.foreign and self.foreign == len(self._stay):
            raise usage(f"{self.results} holds results of other rows or other flags, "
                        f"and none of {self._row_file.path}", "name another folder with --output, "
                        "or use the same file and flags as then to continue")

    def _flags(self) -> dict:
        return json.loads(json.dumps(self._console.redact_result(self._row_file.flags), default=str))

    def _read_results(self) -> None:
        """Find what came of each row. Of several lines of a row the best one stays; one of a row that is gone
        does not stay where nothing came."""
        stay, place, keys = Index(), 0, self._row_file.keys
        for raw in lines(self.results):
            entry = entry_of(raw)
            stays = entry and (entry.paid or entry.key in keys)
            if stays:
                stay.add(entry.key, place, entry.worth)
                self._take(entry)
            elif entry is None:
                self._take_damaged(raw)
            self._untidy |= not stays or not raw.endswith(b"\n")
            place += len(raw)
        self._stay = stay.seal()
        self._untidy |= stay.repeated
        self.in_doubt.update(self._noted_before, self._damaged)
        for key, _ in stay.items():
            if key not in keys:
                self.foreign += 1
            elif stay.worth(key) == DONE:
                self.kept += 1
            elif stay.worth(key) == PART:
                self.partial.add(key)

    def _take(self, entry) -> None:
        key = entry.key
        (self._noted_before.add if entry.in_doubt else self._noted_before.discard)(key)
        self._damaged.pop(key, None)  # what was left of it stands in a line of its own by now
        if entry.task and self._recoverable and not entry.worth:
            self._tasks[key] = entry.task
        if self._overwrite and key in self._row_file.keys:
            self._claims.note(key, entry.files, self.folder)

    def _take_damaged(self, raw: bytes) -> None:
        """A line of ours that cannot be read was paid all the same: the rows that it still names are in doubt.
        Raises Failure where it is none of ours."""
        named = named_in(raw)
        self._damaged.update(dict.fromkeys(named, raw))
        if not named and not self._overwrite and not is_damaged(raw):
            raise foreign(self.results, "; answers of a batch that stand in it are lost then, and paid again")

    def _read_started(self) -> dict | None:
        """Find the rows begun without an outcome; return the flags of the earlier run."""
        flags = None
        for raw in lines(self._started):
            try:
                if raw.startswith(b"{"):
                    flags = json.loads(raw)["flags"]
                    continue
                key = key_of(raw[1:].decode("ascii").strip())
                if raw.startswith(b"+") and not self.skipped(key):
                    self.in_doubt.add(key)
                elif raw.startswith(b"-"):
                    self.in_doubt.discard(key)
            except (ValueError, KeyError, RecursionError):  # the last line of a machine that lost its power
                continue
        return flags if isinstance(flags, dict) else None

    def wants(self, row) -> bool:
        """Whether a row is to be done now."""
        return not self.skipped(row.key) and (self._again or not self._is_lost(row))

    def _is_lost(self, row) -> bool:
        return row.key in self.in_doubt and not (self._recoverable and self._recoverable(self.with_task(row)))

    def is_paid(self, row) -> bool:
        """Whether the service has, or is at work on, what a row asks for, so that it is only fetched."""
        known = self._stay.get(row.key) is not None or row.key in self.in_doubt
        if not self._recoverable or not known:
            return False
        record = self._recoverable(self.with_task(row))
        return bool(record) and not is_submitting(record)

    def with_task(self, row):
        """A row with the task that its line leads to, and its claim to the files it makes."""
        has_line = row.key in self._noted_before or row.key in self._damaged
        is_begun = row.key in self.in_doubt and not has_line
        return row._replace(task=self._tasks.get(row.key, BEGUN if is_begun else ""),
                            claim=functools.partial(self._claims.take, row.key))

    def skipped(self, key: int) -> bool:
        """Whether a row has its answer, or a part of it."""
        return bool(self._stay.worth(key))

    @property
    def kept_in_doubt(self) -> int:
        """How many rows are in doubt and stay so, as far as this run knows by now."""
        return len(self._lost)

    # -- writing

    def locked(self, max_wait: float, tick) -> FolderLock:
        """Keep the folder for this process; made when absent."""
        made = make_folder(self.folder)
        sweep(os.path.abspath(self.folder))
        return FolderLock(self._lock_file, max_wait, tick, self._console, made)

    def open(self) -> None:
        """Drop damaged lines and those that do not count, then append: first what stays in doubt."""
        try:
            head = json.dumps({"flags": self._flags()}).encode("ascii") + b"\n"
            with whole(self._started) as file:  # until each row in doubt has its line
                file.writelines([head, *(b"+%016x\n" % key for key in sorted(self.in_doubt))])
            if self._untidy:
                put_in_order(self.results, self._row_file, self._stay, once=False)
            mode = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._started_fd = open_own(self._started, mode, 0o666)
            self._results_fd = open_own(self.results, mode, 0o666)
            self._has_links = os.fstat(self._results_fd).st_nlink > 0  # some file systems do not tell
            self._note_doubts()
            if self._untidy or self.noted:
                self._stay = index_of(self.results)
        except OSError as error:
            raise not_written(self.folder, error) from error

    def _note_doubts(self) -> None:
        """Rows in doubt that nobody can find out about get their line, unless they have it."""
        left = {key for key in self.in_doubt if not self.skipped(key)}
        for row in self._row_file.rows() if left else ():
            if row.key in left:
                left.discard(row.key)
                if self._is_lost(row):
                    self._lost.add(row.key)
                    self._note_doubt(row)
        for key in left:
            self._note_doubt(Row(0, None, key, None))

    def _note_doubt(self, row) -> None:
        if row.key not in self._noted_before or row.key in self._damaged:
            self.noted.add(row.key)
            self._write(row, doubt_document(self._console, damaged=self._damaged.get(row.key, b"")))

    def begin(self, key: int) -> None:
        """A row is about to be sent. Raises OSError, also where nothing could take its result."""
        self._size()
        os.write(self._started_fd, b"+%016x\n" % key)
        self._lost.discard(key)

    def _size(self) -> int:
        """How long the results are. Raises OSError where somebody has deleted them."""
        found = os.fstat(self._results_fd)
        if self._has_links and not found.st_nlink:
            raise FileNotFoundError(errno.ENOENT, "results.jsonl was deleted meanwhile", self.results)
        return found.st_size

    def give_back(self, key: int) -> None:
        """A row was surely not sent after all: it is as it was."""
        if key in self.in_doubt:
            self._lost.add(key)
        else:
            os.write(self._started_fd, b"-%016x\n" % key)

    def record(self, row, document: dict) -> None:
        """The outcome of a row, as a whole line or not at all. Raises OSError."""
        if not document.get("ok") and not document.get("partial"):
            document = {**document, **self._left(row.key)}
        self._write(row, document)
        self._lost.discard(row.key)
        if not document.get("ok") and not document.get("in_doubt"):
            with contextlib.suppress(OSError):  # then the row is in doubt
                os.write(self._started_fd, b"-%016x\n" % row.key)

    def _left(self, key: int) -> dict:
        """What the line of a row has of an answer that was paid: the next one has it, too."""
        place = self._stay.get(key)
        if place is None:
            return {}
        with open(self.results, "rb") as file:
            partial = json.loads(line_at(file, place)).get("partial")
        return {"partial": partial} if partial else {}

    def _write(self, row, document: dict) -> None:
        line = {"id": row.id, "row": row.line, "key": f"{row.key:016x}", **with_whole_cost(document)}
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
        all stays as it is, also where the file of rows is another one by now: its rows may not be those of the
        lines. Raises Failure then, and OSError with the name of the file that is not written.
        """
        for descriptor in (self._results_fd, self._started_fd):
            to_disk(descriptor)
        if under_way:
            return
        self._row_file.check_same()
        os.close(self._results_fd)
        os.close(self._started_fd)
        with _naming(self.results):
            index = index_of(self.results)
            put_in_order(self.results, self._row_file, index, once=not index.repeated)
        if self.table:
            with _naming(self.table):
                table = ResultsTable(self._row_file, schema, files, self._shown)
                table.write(self.table, self.results, index_of(self.results))
            self._has_table = True
        os.unlink(self._started)

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
            raise not_written(self._lock.path, error) from error
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
