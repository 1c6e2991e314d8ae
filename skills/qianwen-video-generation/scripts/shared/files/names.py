"""The names of files: of input, as it is opened; of output, chosen from a prompt,
and proven free and writable before anything is paid."""
from __future__ import annotations

import errno
import os
import re
from urllib.parse import urlsplit

from ..failures import usage
from .whole import is_device, prove_name, prove_writable, short_id, sweep

PARTIAL = ".partial"  # the ending of what came of a result that is not whole


def slug(text: str, limit: int = 40) -> str:
    """A file name from a prompt: letters and digits of every script kept,
    the rest turned into single hyphens."""
    import unicodedata
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text)).strip("-").lower()[:limit].strip("-")
    while len(words.encode("utf-8")) > 120:
        words = words[:-1]
    try:
        os.fsencode(words)
    except UnicodeEncodeError:  # a locale without UTF-8 cannot name such a file
        words = re.sub("-+", "-", words.encode("ascii", "ignore").decode("ascii")).strip("-")
    return words + "-" if is_device(words) else words or "result"


def path_of(argument: str) -> str:
    """The path that is opened for an argument, which may be a file URL on this machine.
    Raises ValueError for a file URL that names nothing here."""
    if not argument.lower().startswith("file://"):
        return argument
    parts = urlsplit(argument)
    if parts.netloc not in ("", "localhost"):
        raise ValueError("a file URL may not name another host")
    from urllib.request import url2pathname
    try:
        return url2pathname(parts.path)
    except OSError as error:  # Windows
        raise ValueError("not a usable file URL") from error


def expanded(path: str) -> str:
    """A path whose `~/` no shell has replaced, as in `--output=~/x`.
    Raises usage where no home folder is known."""
    if not re.match(r"~[/\\]", path) or os.path.lexists("~"):
        return path
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise usage(f"{path}: ~ cannot be resolved, because no home folder is known",
                    "set HOME, or name the folder itself")
    return found


def prove_folder(folder: str) -> None:
    """Prove that a folder can be written, and clear what a killed run left in it. Raises usage."""
    try:
        sweep(os.path.abspath(folder or os.curdir))
        prove_writable(folder)
    except OSError as error:
        raise usage(f"{folder or os.curdir} cannot be written: {error.strerror}",
                    "name another place with --output") from error


def prove(path: str, fix: str = "name another file with --output") -> None:
    """Prove that a file can have this very name:
    one that is too long or not for this disk is refused. Raises usage."""
    try:
        prove_name(path)
    except ValueError as error:  # a character that no file name can have
        raise usage(f"{ascii(path)} is not a file name: {error}", fix) from None
    except OSError as error:
        raise usage(f"{path} cannot be written: {error.strerror}", fix) from error


def partial_path(path: str) -> str:
    """A free name for what came of a file that is not whole;
    cut where it would be too long for most disks."""
    folder, name = os.path.split(path)
    while len(os.fsencode(name + PARTIAL)) > 255:
        name = name[:-1]
    wanted = os.path.join(folder, name + PARTIAL)
    if not os.path.lexists(wanted):
        return wanted
    while len(os.fsencode(name + PARTIAL)) > 248:
        name = name[:-1]
    return os.path.join(folder, f"{name}.{short_id()}{PARTIAL}")


def make_folder(folder: str) -> list:
    """Create a folder with its parents; return those that were new, outermost first."""
    missing, parent = [], folder
    try:
        os.stat(folder)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # before any of it is made
            raise usage(f"the folder {folder[:200]}… cannot be created: {error.strerror}",
                        "name another place with --output") from error
    while not os.path.isdir(parent) and os.path.dirname(parent) != parent:
        missing.append(parent)
        parent = os.path.dirname(parent)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise usage(f"the folder {folder} cannot be created: {error.strerror}",
                    "name another place with --output") from error
    return missing[::-1]


def remove_folders(folders: list) -> None:
    """Take away again what `make_folder` made, as far as it is empty."""
    for folder in reversed(folders):
        try:
            os.rmdir(folder)
        except OSError:
            return
