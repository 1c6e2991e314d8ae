"""Locks that end with the process that holds them, however that ends. Nothing of them stays on disk afterwards."""
from __future__ import annotations

import errno
import os
import time

from .own import open_own

WINDOWS = os.name == "nt"
_PAUSE = 0.05  # seconds between two tries
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class NoLocks(OSError):
    """The file system has no locks, so two runs could not keep out of each other's way."""


class Held(OSError):
    """Another process still holds the lock after all the waiting."""


def try_lock(descriptor: int) -> bool:
    """Lock an open file, if nobody else has it locked. Raises NoLocks."""
    try:
        import fcntl
    except ImportError:
        return _try_lock_on_windows(descriptor)
    for lock in (fcntl.flock, fcntl.lockf):  # the second kind is what some network file systems have instead
        try:
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in _HELD:
                return False
    raise NoLocks(errno.ENOLCK, "the file system has no locks")


def _try_lock_on_windows(descriptor: int) -> bool:
    """One byte far behind the content, so that others can read that. Closing the file unlocks it."""
    import msvcrt
    try:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        return True
    except OSError:
        return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def is_at(descriptor: int, path: str) -> bool:
    """Whether the open file still is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


class FileLock:
    """A lock file of our own at `path`, waited for at most `patience` seconds; deleted by whoever held it.

    Entering raises Held, NoLocks, or the OSError of a file that cannot be made (NotOwn for a link). `waiting()` is
    called at each try that was in vain.
    """

    def __init__(self, path: str, patience: float, waiting=lambda: None):
        self.path, self._patience, self._waiting = path, patience, waiting
        self._descriptor = -1

    def __enter__(self):
        begin = time.monotonic()
        while not self._acquired():
            if time.monotonic() - begin > self._patience:
                raise Held(errno.EAGAIN, "another process holds the lock", self.path)
            self._waiting()
            time.sleep(_PAUSE)
        return self

    def _acquired(self) -> bool:
        try:
            descriptor = open_own(self.path, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:
            if os.path.isdir(os.path.dirname(self.path) or "."):
                return False  # it was deleted this moment
            raise
        except PermissionError as error:
            if WINDOWS and error.errno == errno.EACCES:  # it is being deleted this moment
                return False
            raise
        try:
            if try_lock(descriptor) and is_at(descriptor, self.path):  # else its holder has deleted it
                self._descriptor, descriptor = descriptor, -1
                return True
            return False
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def write(self, data: bytes) -> None:
        """What the file says of its holder."""
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, data)

    def __exit__(self, *_):
        if WINDOWS:  # an open file cannot be deleted there, and one that another run has opened meanwhile is theirs
            os.close(self._descriptor)
        try:
            if WINDOWS or is_at(self._descriptor, self.path):
                os.unlink(self.path)
        except OSError:
            pass
        if not WINDOWS:
            os.close(self._descriptor)
