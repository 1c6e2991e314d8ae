"""Which files the rows of a batch may name.
A file of rows may come from somebody else, and so may the links beside it."""
from __future__ import annotations

import contextlib
import os
import re
import threading

from ..body import objects_in
from ..failures import Exit, Failure, usage
from ..files.names import path_of

_LONGEST = 32_767  # characters of a path; no system opens a longer one
NAMES = ("results.jsonl", ".qianwen-batch.started", ".qianwen-batch.lock")  # of the batch's own files
_OWN = r"results\.(jsonl|csv)|\.qianwen-.*"  # NAMES, the table, and temporary files
_ADDRESS = re.compile(r"(https?|oss|fileid)://|data:", re.IGNORECASE)


class Places:
    """Files that go in lie below the folder of the batch file or the working directory; what is written lies
    in the output folder. Real paths count, so that no link leads out. `any_files`: the user allows all
    others as well. Raises usage for an output folder that a link leads elsewhere."""

    def __init__(self, batch_file: str, folder: str, any_files: bool):
        self._folder, self._any = os.path.realpath(folder), any_files
        self._own = (batch_file, *(os.path.join(folder, name) for name in NAMES))
        self._beside = os.path.dirname(batch_file)
        self._inputs = (os.path.realpath(os.path.dirname(os.path.abspath(batch_file))),
                        os.path.realpath(os.curdir))
        link = "" if any_files else self._link_out(os.path.abspath(folder))
        if link:
            raise usage(f"--output {folder}: {link} is a link to {os.path.realpath(link)}",
                        "name that folder itself, or add --any-files if the link is your own")

    def _link_out(self, folder: str) -> str:
        """The link on the way to the output folder, in the place that the rows come from,
        that leads out of it; '' without one."""
        above = os.path.dirname(folder)
        if above == folder or self._is_inside(self._folder):
            return ""
        return (folder if os.path.islink(folder) and self._is_inside(os.path.realpath(above))
                else self._link_out(above))

    def _is_inside(self, path: str) -> bool:
        return any(_lies_in(path, place) for place in self._inputs)

    def found(self, value: str) -> str:
        """A file that a row names as it is opened: looked up from the working directory, then from the folder
        of the batch file."""
        if not self._beside or value == "-" or _ADDRESS.match(value) or os.path.exists(value):
            return value
        beside = os.path.join(self._beside, value)
        return beside if len(beside) <= _LONGEST and os.path.exists(beside) else value

    def check_input(self, name: str, value: str) -> None:
        """Refuse a file outside. What looks like an address is one only where no such file exists.
        Raises usage."""
        if value == "-":
            raise usage(f"{name!r} is '-', but rows cannot read standard input", "name a file")
        for path in _paths_of(value):
            is_there = os.path.exists(path)
            outside = not self._any and not self._is_inside(_real(name, path))
            if outside and (is_there or not _ADDRESS.match(value)):
                raise usage(f"{name!r}: {_short(value)} is neither below the folder of the batch file "
                            "nor below the working directory",
                            "move it there, or add --any-files if the rows are your own")
            if is_there and not os.path.isfile(path):  # a pipe would hold up its row for ever
                raise usage(f"{name!r}: {_short(value)} is not an ordinary file",
                            "copy its content into a file and name that")

    def check_chat(self, name: str, value: str) -> None:
        """Refuse a conversation outside the output folder, or in a file of the batch: it is replaced.
        Raises usage."""
        path = _real(name, value)
        if not self._any and not _lies_in(path, self._folder):
            raise usage(f"{name!r}: {value} is not in the output folder {self._folder}",
                        "name a file there, or add --any-files if the rows are your own")
        self._check_own(name, value, path)

    def check_output(self, name: str, path: str) -> None:
        """Refuse an output that a link leads out of the folder, or that is a file of the batch.
        Raises usage."""
        _real("output", path)
        parent, last = os.path.split(path.rstrip("/\\"))
        parent = _real("output", parent or os.curdir)
        if not _lies_in(parent, self._folder) or (
                os.path.isdir(path) and not _lies_in(os.path.realpath(path), self._folder)):
            raise usage(f"'output' {name!r} must be a relative name that stays in the output folder")
        self._check_own("output", name, os.path.join(parent, last))

    def _check_own(self, name: str, value: str, path: str) -> None:
        """Refuse a file of the batch itself, however it is spelled. Raises usage."""
        path = os.path.normpath(path)
        inside = path[len(self._folder):].lstrip(os.sep) if _lies_in(path, self._folder) else ""
        if re.fullmatch(_OWN, _folded(inside.split(os.sep)[0])) or any(_is_same(path, own)
                                                                       for own in self._own):
            raise usage(f"{name!r} {value!r} is a file of the batch itself", "name another file")


class Claims:
    """Which row makes which file: with --overwrite one row must not replace what another one has made. Safe for
    threads."""

    def __init__(self):
        self._owners: dict = {}  # hash of a path -> key of the row
        self._lock = threading.Lock()

    def note(self, key: int, files, folder: str) -> None:
        """The `files` that the line of a row tells, where they are now: the `folder` may have another name since."""
        for entry in objects_in({"files": files}, "files"):
            if isinstance(entry.get("path"), str):
                parts = re.split(r"[/\\]", entry["path"])
                below = (os.path.join(folder, *parts[start:]) for start in range(len(parts)))
                path = next(filter(os.path.lexists, below), entry["path"])
                self._owners[hash(_folded_path(path))] = key

    def take(self, key: int, paths: list) -> None:
        """Before a row is sent. Raises Failure."""
        with self._lock:
            taken = [path for path in paths if self._owners.get(hash(_folded_path(path)), key) != key]
            if taken:
                raise Failure(Exit.EXISTS, f"another row of this batch makes {taken[0]}, which stays as it is",
                              fix="give one of them another output, which differs by more than a number at its end")
            self._owners.update((hash(_folded_path(path)), key) for path in paths)


def _folded_path(path: str) -> str:
    return os.path.realpath(path).casefold()


def _paths_of(value: str) -> set:
    """Whatever may be opened for a value: it is a path, or an address of one."""
    found = {value}
    for read in (os.path.expanduser, path_of):
        with contextlib.suppress(ValueError):  # it names nothing
            found.add(read(value))
    return {path for path in found if len(path) <= _LONGEST}


def _short(value: str) -> str:
    return value if len(value) <= 200 else value[:200] + "…"


def _real(name: str, path: str) -> str:
    try:
        os.fsencode(path)
        return os.path.realpath(path)
    except (UnicodeEncodeError, ValueError):
        raise usage(f"{name!r}: {ascii(path)} is not a file name") from None


def _folded(name: str) -> str:
    """A name as file systems know it that tell neither case nor invisible characters apart,
    or drop what stands at its end."""
    import unicodedata
    seen = "".join(one for one in unicodedata.normalize("NFKC", name) if unicodedata.category(one) != "Cf")
    return seen.casefold().partition(":")[0].rstrip(". ")


def _is_same(path: str, own: str) -> bool:
    try:
        return os.path.samefile(path, own)
    except (OSError, ValueError):
        return False


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
