"""Output files: their names, proven free and writable before anything is paid, and JSON files that several
runs change."""
from __future__ import annotations

import os
import re

from ..failures import Exit, Failure, usage
from .locks import FileLock
from .sidecar import is_sidecar, sidecar_path
from .whole import check_name, InUse, is_device, other_name, prove_name, prove_writable, short_id, sweep
from .whole import Temporary, whole

PARTIAL = ".partial"  # the ending of what came of a result that is not whole
_LOCK_PATIENCE = 20.0  # seconds; a lock is held for as long as it takes to write a file


def slug(text: str, limit: int = 40) -> str:
    """A file name from a prompt: letters and digits of every script kept, the rest turned into single
    hyphens."""
    import unicodedata
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text)).strip("-").lower()[:limit].strip("-")
    while len(words.encode("utf-8")) > 120:
        words = words[:-1]
    try:
        os.fsencode(words)
    except UnicodeEncodeError:  # a locale without UTF-8 cannot name such a file
        words = re.sub("-+", "-", words.encode("ascii", "ignore").decode("ascii")).strip("-")
    return words + "-" if is_device(words) else words or "result"


def exists(path: str) -> bool:
    """Whether anything has this name, a broken link included."""
    return os.path.lexists(path)


class OutputFile:
    """A file that will be written as a whole or not at all.

    Made before the paid call: a missing folder is created, the file is proven writable by a temporary file
    beside it, and an existing target is refused unless `overwrite` is set. Then `save` writes, or `discard`
    leaves nothing.
    """

    def __init__(self, path: str, overwrite: bool = False):
        self.path, self.overwrite = expanded(path), overwrite
        self._check()
        self.saved = False
        folder = os.path.dirname(os.path.abspath(self.path))
        self._made = _make_folder(folder)
        try:
            prove_folder(folder)
            prove(self.path)
        except BaseException:
            _remove_folders(self._made)
            raise

    def _check(self) -> None:
        if os.path.isdir(self.path):
            raise usage(f"{self.path} is a folder",
                        "name a file, or end the path in / to let the script choose the name")
        if os.path.exists(self.path) and not os.path.isfile(self.path):
            raise usage(f"{self.path} is a device or a pipe, not a file",
                        "leave out --output to get the answer on stdout")
        if os.path.lexists(self.path) and not self.overwrite:
            raise Failure(Exit.EXISTS, f"{self.path} exists already; nothing was sent",
                          fix="add --overwrite to replace it, or choose another --output")

    def save(self, data: bytes, media_type: str) -> dict:
        """Write the file and give it its name; return its entry of the JSON document. Raises Failure UNSAVED.
        """
        try:
            with whole(self.path, overwrite=self.overwrite) as file:
                file.write(data)
            self.saved = True
        except OSError as error:
            self.discard()
            raise Failure(Exit.UNSAVED, f"the answer could not be saved as {self.path}: {error.strerror}",
                          fix="the answer is in the output instead; copy it from there") from error
        return {"path": self.path, "bytes": len(data), "media_type": media_type}

    def discard(self) -> None:
        """Leave nothing behind."""
        _remove_folders(self._made)


def expanded(path: str) -> str:
    """A path whose `~/` no shell has replaced, as in `--output=~/x`. Raises usage where no home folder is
    known."""
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
    """Prove that a file can have this very name: one that is too long or not for this disk is refused. Raises
    usage."""
    try:
        prove_name(path)
    except ValueError as error:  # a character that no file name can have
        raise usage(f"{ascii(path)} is not a file name: {error}", fix) from None
    except OSError as error:
        raise usage(f"{path} cannot be written: {error.strerror}", fix) from error


def partial_path(path: str) -> str:
    """A free name for what came of a file that is not whole; cut where it would be too long for most disks.
    """
    folder, name = os.path.split(path)
    while len(os.fsencode(name + PARTIAL)) > 255:
        name = name[:-1]
    wanted = os.path.join(folder, name + PARTIAL)
    if not exists(wanted):
        return wanted
    while len(os.fsencode(name + PARTIAL)) > 248:
        name = name[:-1]
    return os.path.join(folder, f"{name}.{short_id()}{PARTIAL}")


def _make_folder(folder: str) -> list:
    """Create a folder with its parents; return those that were new, outermost first."""
    missing, parent = [], folder
    while not os.path.isdir(parent) and os.path.dirname(parent) != parent:
        missing.append(parent)
        parent = os.path.dirname(parent)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise usage(f"the folder {folder} cannot be created: {error.strerror}",
                    "name another place with --output") from error
    return missing[::-1]


def _remove_folders(folders: list) -> None:
    """Take away again what `_make_folder` made, as far as it is empty."""
    for folder in reversed(folders):
        try:
            os.rmdir(folder)
        except OSError:
            return


def output_for(output: str, overwrite: bool, prompt: str, extension: str) -> OutputFile:
    """The OutputFile for an `--output` value: a file, or a directory (existing, or ending in a slash) to name
    a file in."""
    output = expanded(output)
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        output = os.path.join(output, f"{slug(prompt)}-{short_id()}.{extension}")
    return OutputFile(output, overwrite)


class OutputFiles:
    """Where the files of one call go: every name chosen and proven free before anything is paid, no file ever
    lost.

    `output` is a file's name, a folder (existing, or ending in a slash), or None for the working directory.
    One file is called by its name; several get -1, -2 … before the extension. With `sidecars`, NAME.json goes
    beside each; with `text`, an extension, a text of that kind goes beside them. What is `resumed` was
    checked when it began.
    """

    def __init__(self, output: str | None, overwrite: bool, name: str, count: int, extension: str, *,
                 sidecars: bool = True, name_id: str = "", text: str = "", resumed: bool = False, warn=None):
        self.overwrite, self.count, self.sidecars = overwrite, count, sidecars
        self.warn = warn or (lambda words: None)
        self.folder, self.stem, self.extension = _place(output, name, name_id or short_id(), extension)
        self._made = _make_folder(self.folder or ".")
        self._temporaries: list = []
        self.saved: list = []
        try:
            prove_folder(self.folder)
            if not resumed:
                self._check_free(text)
                self._prove_names(text)
        except BaseException:
            self.discard()
            raise

    @property
    def output(self) -> str:
        """The absolute name that leads to the same files in a later run."""
        return os.path.abspath(os.path.join(self.folder, self.stem
                                            + (f".{self.extension}" if self.extension else "")))

    def path(self, number: int, extension: str = "") -> str:
        """The name of the file with this number, counted from 1."""
        numbered = f"-{number}" if self.count > 1 or number > 1 else ""
        return os.path.join(self.folder, f"{self.stem}{numbered}.{extension or self.extension}")

    def text_path(self, extension: str) -> str:
        """The name of the text beside the files."""
        return os.path.join(self.folder, f"{self.stem}.{extension}")

    def _check_free(self, text: str) -> None:
        paths = [self.path(number) for number in range(1, self.count + 1)]
        for path in [*paths, *([self.text_path(text)] if text else [])]:
            if os.path.isdir(path):
                raise usage(f"{path} is a folder",
                            "name a file, or end the path in / to let the script choose the name")
            if exists(path) and not (self.overwrite and os.path.isfile(path)):
                raise Failure(Exit.EXISTS, f"{path} exists already; nothing was sent",
                              fix="add --overwrite to replace it, or choose another --output")
            if self.sidecars and path in paths:
                self._check_sidecar(sidecar_path(path))

    def _prove_names(self, text: str) -> None:
        """The longest of the numbered names, and what goes beside it."""
        last = self.path(self.count)
        prove(last)
        if text:
            prove(self.text_path(text))
        if self.sidecars:
            prove(sidecar_path(last), "choose a shorter --output, or add --no-sidecar")

    def _check_sidecar(self, path: str) -> None:
        """A sidecar replaces a sidecar, and nothing else."""
        if exists(path) and not (self.overwrite and is_sidecar(path)):
            raise Failure(Exit.EXISTS,
                          f"{path} exists already, but the description of the result would go there; nothing "
                          "was sent", fix="add --no-sidecar, or choose another --output")

    def temporary(self) -> Temporary:
        """An empty file beside the final names, open as `.file`, to be filled and then saved. Raises OSError.
        """
        temporary = Temporary(self.folder)
        self._temporaries.append(temporary)  # before it is there: an interrupt in between must not leave it
        return temporary.create()

    def name_for(self, number: int, media_type: str) -> tuple:
        """(the name of a file of this type, whether its extension was corrected)."""
        from .probe import EXTENSIONS
        true = EXTENSIONS.get(media_type, self.extension or "bin")
        if _same_extension(self.extension, true):
            return self.path(number), False
        return self.path(number, true), bool(self.extension)

    def save(self, temporary: Temporary, number: int, media_type: str) -> dict:
        """Give a finished file its name and true extension; return its entry of the JSON document. Raises
        OSError."""
        path, corrected = self.name_for(number, media_type)
        true = os.path.splitext(path)[1][1:]
        path = self._publish(temporary, path, self.overwrite and not corrected)
        if corrected and path.endswith(true):
            self.warn(f"the result is {true.upper()}, not {self.extension.upper()}, so it is called "
                      f"{os.path.basename(path)}")
        return self._saved(path, media_type)

    def save_partial(self, temporary: Temporary, number: int, form: str = "") -> str:
        """Keep what came of a result that is not whole as NAME.partial, or NAME.partial.FORM where it can be
        used; return its path. Raises OSError."""
        path = self.path(number, f"partial.{form}") if form else partial_path(self.path(number))
        path = other_name(path) if exists(path) else path
        temporary.publish(path, overwrite=False)
        self._made = []
        return path

    def save_text(self, data: bytes, extension: str, media_type: str) -> dict:
        """Write the text that goes with the files. Raises OSError."""
        temporary = self.temporary()
        temporary.file.write(data)
        return self._saved(self._publish(temporary, self.text_path(extension), self.overwrite), media_type)

    def _saved(self, path: str, media_type: str) -> dict:
        entry = {"path": path, "bytes": os.path.getsize(path), "media_type": media_type}
        self.saved.append(entry)
        return entry

    def _publish(self, temporary: Temporary, path: str, overwrite: bool) -> str:
        """A name that was taken meanwhile is somebody's file: the result gets another one, because it is paid
        for."""
        wanted = path
        for _ in range(20):
            try:
                temporary.publish(path, overwrite)
                return path
            except FileExistsError:
                self.warn(f"{path} exists already, so the result gets another name")
                path = other_name(wanted)
            except InUse as error:
                self.warn(f"another program has {path} open, so the result is in {error.saved_as}")
                return error.saved_as
        raise FileExistsError(17, "no free name was found", wanted)

    def describe(self, entry: dict, facts: dict) -> None:
        """Write the sidecar of a saved file; one that cannot be written is warned of, because the file is
        there."""
        import json
        if not self.sidecars:
            return
        path = sidecar_path(entry["path"])
        facts = {"file": os.path.basename(entry["path"]), **{name: value for name, value in facts.items()
                                                              if value not in (None, "", [], {})}}
        try:
            if exists(path) and not is_sidecar(path):
                raise FileExistsError(17, "a file of that name appeared meanwhile")
            with whole(path, "w") as file:
                json.dump(facts, file, ensure_ascii=False, indent=2)
                file.write("\n")
        except OSError as error:
            self.warn(f"the description {path} could not be written: {error.strerror}")

    def discard(self) -> None:
        """Leave no temporary file, and no folder that was made for nothing."""
        for temporary in self._temporaries:
            temporary.discard()
        if not self.saved:
            _remove_folders(self._made)


def _place(output: str | None, name: str, name_id: str, extension: str) -> tuple:
    """(folder, stem, extension) of the files; a chosen name gets `extension`, a given one keeps its own, if
    any."""
    if output == "":
        raise usage("--output names no file", "give a file, or a folder ending in /")
    output = output and expanded(output)
    if output is None or output.endswith(("/", os.sep)) or os.path.isdir(output):
        return output or "", f"{slug(name)}-{name_id}", extension
    folder, file = os.path.split(output)
    stem, suffix = os.path.splitext(file)
    known = suffix[1:].lower() in _EXTENSIONS
    return folder, stem if known else file, suffix[1:] if known else extension


_EXTENSIONS = frozenset("png jpg jpeg jpe gif webp bmp tif tiff heic svg mp4 mov webm mkv avi wav mp3 pcm "
                        "opus ogg flac md txt json".split())


_SAME = {"jpeg": "jpg", "jpe": "jpg", "tif": "tiff", "opus": "ogg"}


def _same_extension(one: str, other: str) -> bool:
    one, other = one.lower(), other.lower()
    return _SAME.get(one, one) == _SAME.get(other, other)


def check_replaceable(path: str, flag: str) -> None:
    """Prove, before anything is paid, that `replace_json` will be able to write a file: its folder, lock and
    name."""
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
                    "name a file in a folder that exists and is "
                    "writable") from None


def replace_json(path: str, change) -> None:
    """Read a JSON file (None when it is missing), pass it through `change`, and put the result in its place
    atomically.

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
