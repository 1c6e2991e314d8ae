"""Which files the rows of a batch may name.
A file of rows may come from somebody else, and so may the links beside it."""
from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

from ..failures import usage

_LONGEST = 4096  # characters; longer ones are data URLs, or name nothing
_ADDRESS = re.compile(r"(https?|oss|fileid)://|data:", re.IGNORECASE)


class Places:
    """Files that go in lie below the folder of the batch file or the working directory; what is written lies
    in the output folder. Real paths count, so that no link leads out. `any_files`: the user allows all
    others as well. Raises usage for an output folder that a link leads elsewhere."""

    def __init__(self, batch_file: str, folder: str, any_files: bool):
        self._folder, self._any = os.path.realpath(folder), any_files
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

    def check_input(self, name: str, value: str) -> None:
        """Refuse a file outside. What looks like an address is one only where no such file exists.
        Raises usage."""
        if self._any or value == "-" or len(value) > _LONGEST:
            return
        for path in {value, os.path.expanduser(value), _path_of(value)}:
            outside = not self._is_inside(_real(name, path))
            if outside and (os.path.exists(path) or not _ADDRESS.match(value)):
                raise usage(f"{name!r}: {value} is neither below the folder of the batch file "
                            "nor below the working directory",
                            "move it there, or add --any-files if the rows are your own")

    def check_chat(self, name: str, value: str) -> None:
        """Refuse a conversation outside the output folder: it is replaced. Raises usage."""
        if not self._any and not _lies_in(_real(name, value), self._folder):
            raise usage(f"{name!r}: {value} is not in the output folder {self._folder}",
                        "name a file there, or add --any-files if the rows are your own")

    def check_output(self, name: str, path: str) -> None:
        """Refuse an output that a link leads out of the folder. Raises usage."""
        _real("output", path)
        parent = os.path.dirname(path.rstrip("/\\")) or os.curdir
        if not _lies_in(_real("output", parent), self._folder) or (
                os.path.isdir(path) and not _lies_in(os.path.realpath(path), self._folder)):
            raise usage(f"'output' {name!r} must be a relative name that stays in the output folder")


def _path_of(value: str) -> str:
    try:
        return unquote(urlsplit(value).path) if value.lower().startswith("file:") else value
    except ValueError:
        return value


def _real(name: str, path: str) -> str:
    try:
        os.fsencode(path)
        return os.path.realpath(path)
    except (UnicodeEncodeError, ValueError):
        raise usage(f"{name!r}: {ascii(path)} is not a file name") from None


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
