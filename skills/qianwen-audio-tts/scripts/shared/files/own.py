"""Files that nobody named: our own state, a `.env`, what lies in a project.
They are opened without following links.

A name that a stranger's project could have prepared may be a link to the user's own files, a device without
end or a named pipe that never answers. Here only a regular file of the user (or of root) is opened, and for
writing only one without a second name; anything else is `NotOwn`.
"""
from __future__ import annotations

import contextlib
import errno
import os
import stat

_ALWAYS = sum(getattr(os, name, 0)
              for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"))


class NotOwn(OSError):
    """There is something at the path, but not a regular file of the user; `strerror` says what."""

    def __init__(self, why: str, path: str):
        super().__init__(errno.EPERM, why, path)


def remedy(error: OSError, folder: str) -> str:
    """What to do about a file in `folder` that cannot be read or written."""
    if isinstance(error, NotOwn) and ("link" in error.strerror or "another user" in error.strerror):
        return (f"put a copy in the place of {error.filename} (cp it under another name, "
                "then mv the copy over it)")
    return f"make {folder} and its files readable and writable for your user"


def open_own(path: str, flags: int = os.O_RDONLY, mode: int = 0o600, has_one_name: bool = True) -> int:
    """A descriptor of a regular file of the user.
    Raises NotOwn before a byte is read or changed, else OSError.

    `flags` as for `os.open`; O_TRUNC takes effect only once the file has been proven. `has_one_name`: what is
    made or written to must.
    """
    path = os.fspath(path)
    if not hasattr(os, "O_NOFOLLOW"):
        _refuse_link(path)
    try:
        descriptor = os.open(path, flags & ~os.O_TRUNC | _ALWAYS, mode)
    except OSError as error:
        raise _explained(error, path) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotOwn("it is not a regular file", path)
        if not is_own(found):
            raise NotOwn("it belongs to another user", path)
        if has_one_name and flags & os.O_CREAT and found.st_nlink > 1:
            raise NotOwn("it is a hard link: a file elsewhere would be written to as well", path)
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def read_own(path: str, limit: int) -> bytes | None:
    """The bytes of a regular file of the user, or None where there is none.
    Raises NotOwn, also above `limit` bytes."""
    try:
        descriptor = open_own(path)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise NotOwn(f"it is larger than {limit} bytes", path)
    return content


def no_room() -> OSError:
    """The disk took only a part of what was written."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def make_private(folder: str) -> None:
    """Make a folder and those above it that are missing, for their owner alone. Raises OSError."""
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        above = os.path.dirname(folder)
        if above == folder:
            break
        folder = above
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(one, 0o700)
    if missing and not os.path.isdir(missing[0]):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), missing[0])


def is_own(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user or to root.
    Systems without user ids have no strangers here."""
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid in (os.geteuid(), 0)


def is_private(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user or to root and nobody else may write to it."""
    if not hasattr(os, "geteuid"):
        return True
    open_to_group = found.st_mode & stat.S_IWGRP and found.st_gid
    by_group = open_to_group and not _is_lone_group(found.st_gid, found.st_uid)
    return is_own(found) and not found.st_mode & stat.S_IWOTH and not by_group


def _is_lone_group(gid: int, uid: int) -> bool:
    """Whether a group is that of one user alone, as many systems make one for each."""
    import grp
    import pwd
    try:
        group, name = grp.getgrgid(gid), pwd.getpwuid(uid).pw_name
    except KeyError:
        return gid == uid
    return group.gr_name == name and set(group.gr_mem) <= {name}


def _refuse_link(path: str) -> None:
    """Where the system has no O_NOFOLLOW."""
    try:
        found = os.lstat(path)
    except OSError:
        return
    reparse = getattr(found, "st_file_attributes", 0) & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    if stat.S_ISLNK(found.st_mode) or reparse:
        raise NotOwn("it is a link", path)


def _explained(error: OSError, path: str) -> OSError:
    """O_NOFOLLOW and O_NONBLOCK have answers of their own for a link and for a pipe, socket or folder."""
    if error.errno in (errno.ELOOP, getattr(errno, "EMLINK", errno.ELOOP)):
        return NotOwn("it is a link", path)
    if error.errno in (errno.ENXIO, errno.EISDIR, getattr(errno, "EOPNOTSUPP", errno.ENXIO)):
        return NotOwn("it is not a regular file", path)
    return error
