"""The lines of results.jsonl: what matters of one, and the documents that a batch itself writes into them."""
from __future__ import annotations

import json
import os
import re
from collections import namedtuple

from ..cli.failed import failure_document
from ..failures import Exit, Failure, usage
from ..files.own import NotOwn, open_own, remedy
from ..files.whole import FULL
from .index import Index
from .places import NAMES

PART, DONE = 1, 2  # what a line is worth beside others of its row; of equal ones the last counts
_KEY = re.compile("[0-9a-f]{16}")
_BEGIN = b'{"id":'  # of each line
_NAMED = re.compile(rb'"row":\s*\d+,\s*"key":\s*"([0-9a-f]{16})"')  # in a line that cannot be read
_GLUED = re.compile(rb'(?<=[^:,\[\s])(?=\{"id":)')  # within a JSON text it stands nowhere
_MAX_LINE = 256 << 20  # bytes
_LOST = ("the command ended while this row was under way: the service may have billed it, "
         "but its answer is lost")
_DAMAGED = "the line of this row in the results was damaged: it was paid, and partial.line has what is left"
_DOUBT_FIX = "run the command again with --again to resend such rows"

# What matters of a line: `paid` tells whether it has more than the reason why nothing came, `task` is the one
# whose result can still be had.
Entry = namedtuple("Entry", "key worth in_doubt paid task files")


def lines(path: str):
    """The lines of a file of our own. A line without end is cut into pieces, which count as damaged; lines whose
    end was lost are taken apart."""
    try:
        with os.fdopen(open_own(path), "rb") as file:
            while True:
                line = file.readline(_MAX_LINE)
                if not line:
                    return
                yield from _apart(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise not_written(path, error, "used") from error


def not_written(path: str, error: OSError, what: str = "written") -> Failure:
    """The refusal of a place that cannot be used, before anything is sent. What holds results stays the place:
    in another one they would all be paid again."""
    named = error.filename if isinstance(error, NotOwn) else path
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    fix = "make room there" if error.errno in FULL else remedy(error, folder)
    if error.errno not in FULL and not os.path.lexists(os.path.join(folder, NAMES[0])):
        return usage(f"{named} cannot be {what}: {error.strerror}", "name another place with --output")
    return usage(f"{named} cannot be {what}: {error.strerror}", f"{fix}, then run the command again; "
                 "in another folder all rows would be paid again")


def _apart(raw: bytes) -> list:
    return _GLUED.split(raw) if raw.count(_BEGIN) > 1 else [raw]


def line_at(file, place: int) -> bytes:
    """The line that begins at a place, with its end."""
    file.seek(place)
    return _apart(file.readline())[0].rstrip(b"\r\n") + b"\n"


def index_of(path: str) -> Index:
    """Where the line of each row stands in results.jsonl."""
    index, place = Index(), 0
    for raw in lines(path):
        entry = entry_of(raw)
        if entry:
            index.add(entry.key, place, entry.worth)
        place += len(raw)
    return index.seal()


def entry_of(raw: bytes) -> Entry | None:
    """What matters of a line; None for one that was torn."""
    try:
        line = json.loads(raw)
        is_ok, is_part, in_doubt = line["ok"] is True, is_partial(line), line.get("in_doubt") is True
        return Entry(key_of(line["key"]), DONE if is_ok else PART if is_part else 0, in_doubt and not is_ok,
                     is_ok or is_part or in_doubt or bool(line.get("partial")), _task_of(line), line.get("files"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _task_of(line: dict) -> str:
    task = line.get("task_id")
    return task if isinstance(task, str) and line.get("resume") else ""


def key_of(text) -> int:
    """A row's key from its sixteen hex digits. Raises ValueError, TypeError."""
    if not _KEY.fullmatch(text):
        raise ValueError("not a key")
    return int(text, 16)


def named_in(raw: bytes) -> list:
    """The keys of the rows that a line of ours still names, though it cannot be read."""
    return [int(key, 16) for key in _NAMED.findall(raw)] if raw.startswith(_BEGIN) else []


def is_damaged(raw: bytes) -> bool:
    """Whether a line that has no entry may be one of ours all the same: torn, or odd in its values."""
    try:
        line = json.loads(raw)
        return isinstance(line, dict) and "key" in line and "ok" in line
    except (ValueError, RecursionError):
        torn = raw.strip(b"\0\r\n")
        return torn.startswith(_BEGIN) or not torn or not raw.endswith(b"\n") and _BEGIN.startswith(torn)


def is_partial(document: dict) -> bool:
    """Whether some of the files that a row asked for are saved, and the others do not come any more."""
    return document.get("exit_code") == Exit.PARTIAL and bool(document.get("files"))


def with_whole_cost(document: dict) -> dict:
    """A row's line tells what the row cost, also where an earlier run paid it and this one fetched it."""
    billing = dict(document.get("billing") or {})
    billing["cost"] = billing.pop("when_made", billing.get("cost"))
    return {**document, "billing": billing} if billing["cost"] else document


def doubt_document(console, why: str = _LOST, damaged: bytes = b"") -> dict:
    """The document of a row that was begun and whose outcome nobody knows; `damaged` is its line of before."""
    failure = Failure(Exit.NETWORK, _DAMAGED if damaged else why, fix=_DOUBT_FIX, accepted="maybe")
    if damaged:
        failure.partial = {"line": damaged.decode("utf-8", "replace").strip("\0\r\n")}
    return {**failure_document(console, failure), "in_doubt": True}
