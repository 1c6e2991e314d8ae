"""Locks between processes: held by the open file,
so that they end with the process that holds them, however that ends."""
from __future__ import annotations

import errno
import os
import time

from .own import make_private, open_own

WINDOWS = os.name == "nt"
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_BYTE = 1 << 30  # the byte that is locked where locks are by region; nothing is written there


class Unsupported(OSError):
    """The file system has no locks."""


def try_lock(descriptor: int) -> bool:
    """Lock an open file, or say that another holds it.
    Raises Unsupported where the file system has no locks."""
    try:
        import fcntl
    except ImportError:
        return _try_lock_region(descriptor)
    for lock in (fcntl.flock, fcntl.lockf):  # the second kind is what some network file systems have instead
        try:
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in _HELD:
                return False
            if error.errno not in _UNSUPPORTED:
                raise
    raise Unsupported(errno.ENOLCK, "this file system has no locks")


def _try_lock_region(descriptor: int) -> bool:
    """Windows: a byte far behind the end, so that the content stays readable.
    EACCES says that another holds it."""
    import msvcrt
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        return True
    except OSError:
        return False
    finally:
        os.lseek(descriptor, place, os.SEEK_SET)


class Lock:
    """A lock file of our own state that stays, in a folder made private; locked from now to the end of the
    block. Waits up to `wait` seconds. Raises OSError.

    Where the file system has no locks the block is entered all the same: what it guards is appended in one
    write. What is written to the `descriptor` is appended to the lock file itself. A copy of the folder may be
    made of links (`cp -al`): they do no harm to what is empty, or ours and soon removed.
    """

    def __init__(self, path: str, wait: float):
        make_private(os.path.dirname(path))
        self.path, flags = path, os.O_RDWR | os.O_CREAT | os.O_APPEND
        self.descriptor = open_own(path, flags, has_one_name=False)
        deadline = time.monotonic() + wait
        try:
            while not try_lock(self.descriptor):
                if time.monotonic() >= deadline:
                    raise TimeoutError(errno.ETIMEDOUT, "another process holds it", path)
                time.sleep(0.01)
        except Unsupported:
            pass
        except BaseException:
            os.close(self.descriptor)
            raise

    def __enter__(self):
        return self

    def remove(self) -> None:
        """Take the file away; the lock ends."""
        if os.name == "nt":  # an open file cannot be removed there
            self.__exit__()
        try:
            os.unlink(self.path)
        except OSError:
            pass
        self.__exit__()

    def __exit__(self, *_) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def is_held(path: str) -> bool:
    """Whether a living process holds a lock file. Without locks a file counts as held for a day."""
    try:
        descriptor = open_own(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    except Unsupported:
        return time.time() - os.fstat(descriptor).st_mtime < 86400
    finally:
        os.close(descriptor)


class Held(OSError):
    """Another process still holds the lock after all the waiting."""


def is_at(descriptor: int, path: str) -> bool:
    """Whether the open file still is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


class FileLock:
    """A lock file of our own at `path`, waited for at most `patience` seconds; deleted by whoever held it.

    Entering raises Held, Unsupported, or the OSError of a file that cannot be made (NotOwn for a link).
    `waiting()` is called at each try that was in vain.
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
            time.sleep(0.05)
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
        # an open file cannot be deleted there, and one that another run has opened meanwhile is theirs
        if WINDOWS:
            os.close(self._descriptor)
        try:
            if WINDOWS or is_at(self._descriptor, self.path):
                os.unlink(self.path)
        except OSError:
            pass
        if not WINDOWS:
            os.close(self._descriptor)
