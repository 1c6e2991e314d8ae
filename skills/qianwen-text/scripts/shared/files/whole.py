"""Files that appear whole or not at all: written under another name beside their own, brought to the disk, then renamed."""
from __future__ import annotations

import contextlib
import os

PREFIX = ".qianwen-"  # of what is not finished yet


def short_id() -> str:
    """Six random hex digits that keep names apart."""
    return os.urandom(3).hex()


def unfinished(folder: str) -> str:
    """A free name in a folder for what will be renamed."""
    return os.path.join(folder, f"{PREFIX}{short_id()}.tmp")


@contextlib.contextmanager
def whole(path: str, mode: str = "wb", permissions: int = 0o666, overwrite: bool = True):
    """A file to write to; it gets its name when the block ends well, and is gone when it does not. Raises OSError."""
    temporary = unfinished(os.path.dirname(path))
    text = {} if "b" in mode else {"encoding": "utf-8", "errors": "replace", "newline": "\n"}
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), permissions), mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path, overwrite)
    except BaseException:
        remove(temporary)
        raise


def prove_writable(folder: str, size: int = 0) -> None:
    """Write something and take it away again, before anything is paid. A full disk takes an empty file, and no more. Raises OSError."""
    probe = unfinished(folder)
    try:
        with open(probe, "xb") as file:
            file.write(bytes(size))
    finally:
        remove(probe)


def publish(temporary: str, path: str, overwrite: bool) -> None:
    """Give a finished file its final name; a file that appeared meanwhile is not replaced unasked. Raises OSError."""
    if overwrite:
        try:
            if not os.path.islink(path):
                os.chmod(temporary, os.stat(path).st_mode & 0o777)
        except FileNotFoundError:  # there is none, or another run took it away this moment
            pass
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(17, "a file of that name appeared meanwhile", path) from None
        os.replace(temporary, path)
        return
    os.unlink(temporary)


def remove(path: str) -> None:
    """Take a file away, if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass
