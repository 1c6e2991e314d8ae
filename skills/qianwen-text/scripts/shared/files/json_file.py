"""JSON files that several runs change."""
from __future__ import annotations

import os

from ..failures import usage
from .locks import FileLock
from .whole import check_name, prove_name, prove_writable, whole

_LOCK_PATIENCE = 20.0  # seconds; a lock is held for as long as it takes to write a file


def check_replaceable(path: str, flag: str) -> None:
    """Prove, before anything is paid, that `replace_json` will be able to write a file:
    its folder, lock and name."""
    if os.path.islink(path) and not os.path.exists(path):
        raise usage(f"{flag} {path} is a link to {os.readlink(path)}, which does not exist",
                    "name the file itself")
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise usage(f"{flag} {path} is not a file", "name a file")
    try:
        check_name(target)
        prove_writable(os.path.dirname(target))
        with FileLock(target + ".lock", _LOCK_PATIENCE):
            prove_name(target)
    except OSError as error:
        named = error.filename if error.filename and error.filename.endswith(".lock") else path
        raise usage(f"{flag} {path} cannot be written: {named}: {error.strerror}",
                    "name a file in a folder that exists and is writable") from None


def replace_json(path: str, change) -> None:
    """Read a JSON file (None when it is missing), pass it through `change`,
    and put the result in its place atomically.

    A lock keeps two processes from losing each other's change. Raises OSError or ValueError.
    """
    import json
    path = os.path.realpath(path)
    with FileLock(path + ".lock", _LOCK_PATIENCE):
        value = None
        if os.path.exists(path):
            with open(path, encoding="utf-8-sig") as file:
                value = json.load(file)
        with whole(path, "w") as file:
            json.dump(change(value), file, ensure_ascii=False, indent=2)
            file.write("\n")
