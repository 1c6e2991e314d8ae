"""Files that appear whole or not at all:
written under another name beside their own, brought to the disk, then renamed."""
from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import time

from .locks import is_at, try_lock, Unsupported
from .own import open_own

PREFIX = ".qianwen-"  # of what is not finished yet
_NAME = re.escape(PREFIX) + r"[0-9a-f]{6}\.tmp"
_DEVICE = r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)"
_FLAGS = sum(getattr(os, name, 0)
             for name in ("O_CREAT", "O_EXCL", "O_RDWR", "O_BINARY", "O_NOFOLLOW", "O_CLOEXEC"))
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_LOST = (errno.EIO, *FULL)
_IN_USE = (5, 32)  # GetLastError of a rename or a deletion: access denied, sharing violation
_PATIENCE = 2.0  # seconds; a virus scanner or an indexer has a new file open for less
PROOF = 64 << 10  # bytes: on a full disk an empty file can still be created, so a proof writes something
_UMASK = os.umask(0o077)
os.umask(_UMASK)


def short_id() -> str:
    """Six random hex digits that keep names apart."""
    return os.urandom(3).hex()


def unfinished(folder: str) -> str:
    """A free name in a folder for what will be renamed."""
    return os.path.join(folder, f"{PREFIX}{short_id()}.tmp")


def other_name(path: str) -> str:
    """The name with six more characters, cut where it would be too long for most disks."""
    stem, extension = os.path.splitext(path)
    while len(os.fsencode(os.path.basename(stem) + extension)) > 248:
        stem = stem[:-1]
    return f"{stem}-{short_id()}{extension}"


class InUse(OSError):
    """A program has the target open, and Windows replaces no open file.
    The new content lies in `saved_as`."""

    def __init__(self, path: str, saved_as: str):
        super().__init__(errno.EACCES,
                         "another program has it open, or it is write-protected; "
                         f"the new content is in {saved_as}", path)
        self.saved_as = saved_as


def patiently(action, clock=time.monotonic, sleep=time.sleep) -> None:
    """Rename or delete a file; on Windows wait a little for whoever has it open. Raises OSError."""
    deadline = clock() + _PATIENCE
    while True:
        try:
            return action()
        except PermissionError as error:
            if not _is_in_use(error) or clock() >= deadline:
                raise
        sleep(0.05)


def _is_in_use(error: OSError) -> bool:
    return os.name == "nt" and getattr(error, "winerror", 0) in _IN_USE


def matters(error: OSError) -> bool:
    """Whether content is lost. Some file systems refuse fsync, chmod or utime,
    and keep what is written all the same."""
    return error.errno in _LOST


def to_disk(descriptor: int) -> None:
    """Bring what was written to the disk itself. Raises OSError where it is lost."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if matters(error):
            raise


class Temporary:
    """A file that will get its name when it is whole;
    open as `file` from `create()` until it is published or discarded.

    It is readable by its owner alone until then, and its own name is never opened again: whoever puts
    something else in its place finds it neither written to nor published. A lock tells other runs that
    somebody works on it.
    """

    def __init__(self, folder: str):
        self._folder, self.path, self.file = folder, unfinished(folder), None

    def __fspath__(self) -> str:
        return self.path

    def create(self) -> Temporary:
        """Make the file. Raises OSError."""
        while True:
            self.file = os.fdopen(os.open(self.path, _FLAGS, 0o600), "w+b")
            if _locked(self.file.fileno()) and is_at(self.file.fileno(), self.path):
                return self
            self.file.close()  # another run took it for one that was left behind
            self.path = unfinished(self._folder)

    def publish(self, path: str, overwrite: bool, permissions: int = 0o666) -> None:
        """Give the whole file its final name; one that appeared there meanwhile is not replaced unasked.

        Raises OSError; InUse where the content now has another name.
        """
        if not self.file.closed:
            self.file.flush()
            to_disk(self.file.fileno())
            if not is_at(self.file.fileno(), self.path):
                raise OSError(errno.EPERM, "another program replaced the temporary file", self.path)
            _set_mode(self.file.fileno(), self.path, _mode_for(path, overwrite, permissions))
            if os.name == "nt":  # an open file cannot be renamed there
                self.file.close()
        try:
            publish(self.path, path, overwrite)
        except PermissionError as error:
            if not _is_in_use(error):
                raise
            saved_as = other_name(path)
            patiently(lambda: os.rename(self.path, saved_as))
            raise InUse(path, saved_as) from None
        self.file.close()

    def discard(self) -> None:
        """Delete it, unless it was published."""
        remove(self.path)
        if self.file:
            with contextlib.suppress(OSError):
                self.file.close()
        remove(self.path)


def _locked(descriptor: int) -> bool:
    try:
        return try_lock(descriptor)
    except Unsupported:
        return True


def _mode_for(path: str, overwrite: bool, permissions: int) -> int:
    """The mode of the file that is replaced, else what is usual for a new one."""
    try:
        if overwrite and not os.path.islink(path):
            return os.stat(path).st_mode & 0o777
    except FileNotFoundError:  # there is none, or another run deleted it this moment
        pass
    return permissions & ~_UMASK


def _set_mode(descriptor: int, path: str, mode: int) -> None:
    try:
        os.fchmod(descriptor, mode) if hasattr(os, "fchmod") else os.chmod(path, mode)
    except OSError as error:
        if matters(error):
            raise


@contextlib.contextmanager
def whole(path: str, mode: str = "wb", permissions: int = 0o666, overwrite: bool = True):
    """A file to write to; it gets its name when the block ends well,
    and is deleted when it does not. Raises OSError."""
    temporary = Temporary(os.path.dirname(path))
    try:
        file = temporary.create().file
        if "b" in mode:
            yield file
        else:
            import io
            text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n")
            yield text
            text.flush()
            text.detach()
        temporary.publish(path, overwrite, permissions)
    except BaseException:
        temporary.discard()
        raise


def prove_writable(folder: str, size: int = 0) -> None:
    """Write `size` bytes and delete them again, before anything is paid. Raises OSError."""
    probe = Temporary(folder)
    try:
        with probe.create().file as file:
            file.write(bytes(size))
        # another thread's sweep may have taken it for one that was left behind
        with contextlib.suppress(FileNotFoundError):
            patiently(lambda: os.unlink(probe.path))  # a folder where files can only be added is of no use
    except BaseException:
        probe.discard()
        raise


def check_name(path: str) -> None:
    """Refuse a name that Windows keeps for a device, or does not take,
    where this is Windows. Raises OSError."""
    why = _refused_by_windows(os.path.basename(path)) if os.name == "nt" else ""
    if why:
        raise OSError(errno.EINVAL, why, path)


def is_device(name: str) -> bool:
    """Whether a name means a device on Windows, in any case and with any extension."""
    return bool(re.match(_DEVICE, name))


def _refused_by_windows(name: str) -> str:
    """Why Windows takes no file of this name, with one that it takes; '' where it does."""
    legal = re.sub(r'[<>:"|?*\x00-\x1f]', "-", name).rstrip(". ")
    if is_device(legal):
        stem, dot, extension = legal.partition(".")
        return f"{stem.rstrip()} is a device name on Windows; call it {stem.rstrip()}-{dot}{extension}"
    return "" if legal == name else f"Windows does not allow this name; call it {legal or 'result'}"


def prove_name(path: str) -> None:
    """Whether the very name `path` can be made or, where it is taken, replaced;
    nothing changes. Raises OSError."""
    check_name(path)
    try:
        os.close(os.open(path, _FLAGS, 0o600))
    except FileExistsError:
        return _prove_replaceable(path)
    except PermissionError:
        if os.path.lexists(path):
            return _prove_replaceable(path)
        raise
    patiently(lambda: os.unlink(path))


def _prove_replaceable(path: str) -> None:
    """Someone else's file in a folder like /tmp, a write-protected or an immutable one cannot be replaced."""
    found, folder = os.lstat(path), os.stat(os.path.dirname(path) or ".")
    user = getattr(os, "geteuid", lambda: found.st_uid)()
    if folder.st_mode & 0o1000 and user not in (0, found.st_uid, folder.st_uid):
        raise PermissionError(errno.EPERM, "it belongs to another user", path)
    if os.path.islink(path):
        return
    try:
        os.close(os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)))
    except OSError as error:
        # a file that is only not writable can be replaced elsewhere
        if error.errno != errno.EACCES or os.name == "nt":
            raise


def publish(temporary: str, path: str, overwrite: bool) -> None:
    """Give a finished file its final name;
    a file that appeared meanwhile is not replaced unasked. Raises OSError."""
    if overwrite:
        return patiently(lambda: os.replace(temporary, path))
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(17, "a file of that name appeared meanwhile", path) from None
        return patiently(lambda: os.replace(temporary, path))
    remove(temporary)


def remove(path: str) -> None:
    """Delete a file, if it is there and can be deleted."""
    with contextlib.suppress(OSError):
        patiently(lambda: os.unlink(path))


@functools.lru_cache(maxsize=64)
def sweep(folder: str) -> None:
    """Delete, once a run, the temporary files that killed runs left in a folder:
    those that no process has locked."""
    try:
        with os.scandir(folder) as entries:
            left = [entry.path for entry in entries if re.fullmatch(_NAME, entry.name)]
    except OSError:
        return
    for path in left:
        with contextlib.suppress(OSError):
            _delete_abandoned(path)


def _delete_abandoned(path: str) -> None:
    if os.name == "nt":  # where nobody can delete what is open
        os.unlink(path)
        return
    descriptor = open_own(path, os.O_RDWR)
    try:
        if try_lock(descriptor) and is_at(descriptor, path):
            os.unlink(path)
    finally:
        os.close(descriptor)
