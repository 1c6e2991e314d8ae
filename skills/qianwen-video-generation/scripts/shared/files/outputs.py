"""The files of one call that makes files:
their names, proven free and writable before anything is paid, and what goes beside them."""
from __future__ import annotations

import os

from ..failures import Exit, Failure, usage
from .names import expanded, make_folder, partial_path, prove, prove_folder, remove_folders, slug
from .probe import EXTENSIONS
from .sidecar import is_sidecar, sidecar_path
from .whole import InUse, other_name, short_id, Temporary, whole


class OutputFiles:
    """Where the files of one call go:
    every name chosen and proven free before anything is paid, no file ever lost.

    `output` is a file's name, a folder (existing, or ending in a slash), or None for the working directory.
    One file is called by its name; several get -1, -2 … before the extension. With `sidecars`, NAME.json goes
    beside each; with `text`, an extension, a text of that kind goes beside them. What is `resumed` was
    checked when it began; where a killed run may have `saved` it already, a file with the same content is taken for
    it. Only names that were expected may be replaced; `claim(paths)` refuses those of other rows.
    """

    def __init__(self, output: str | None, overwrite: bool, name: str, count: int, extension: str, *,
                 sidecars: bool = True, name_id: str = "", text: str = "", resumed: bool = False,
                 saved: bool = False, warn=None, claim=None):
        if output == "-":
            raise usage("--output - is stdout, and files of this kind are not written there",
                        "name a file or a folder")
        is_device = os.path.exists(output or "") and not (os.path.isfile(output) or os.path.isdir(output))
        if is_device and not resumed:
            raise usage(f"{output} is a device or a pipe, not a file", "name a file or a folder")
        self.overwrite, self.count, self.sidecars, self._may_be_there = overwrite, count, sidecars, saved
        self._claim = claim if claim and overwrite else lambda paths: None
        self.warn = warn or (lambda words: None)
        self.folder, self.stem, named_as = _place(output, name, name_id or short_id(), extension)
        self.extension = extension if text and _same_extension(named_as, text) else named_as
        if not resumed and self.stem == os.path.basename(output or "") and os.path.splitext(self.stem)[1]:
            self.warn(f"--output {self.stem} ends in no extension that is known here, "
                      f"so .{self.extension} is added")
        self._made = make_folder(self.folder or ".")
        self._temporaries: list = []
        self.saved: list = []
        self._expected = [self.path(number) for number in range(1, count + 1)]
        try:
            prove_folder(self.folder)
            if resumed or saved:
                self._expected = list(filter(self._is_claimed, self._expected))
            else:
                self._check_free(text)
                self._prove_names(text)
        except BaseException:
            self.discard()
            raise

    @property
    def output(self) -> str:
        """The absolute name that leads to the same files in a later run."""
        extension = f".{self.extension}" if self.extension else ""
        return os.path.abspath(os.path.join(self.folder, self.stem + extension))

    def path(self, number: int, extension: str = "") -> str:
        """The name of the file with this number, counted from 1."""
        numbered = f"-{number}" if self.count > 1 or number > 1 else ""
        return os.path.join(self.folder, f"{self.stem}{numbered}.{extension or self.extension}")

    def holds(self, path: str) -> bool:
        """Whether a saved file lies where these go, under whatever number or free name."""
        folder, name = os.path.split(os.path.realpath(path))
        return folder == os.path.realpath(self.folder or ".") and name.startswith((self.stem + "-", self.stem + "."))

    def text_path(self, extension: str) -> str:
        """The name of the text beside the files."""
        return os.path.join(self.folder, f"{self.stem}.{extension}")

    def _is_claimed(self, path: str) -> bool:
        try:
            self._claim([path])
            return True
        except Failure:
            return False

    def _check_free(self, text: str) -> None:
        self._claim(self._expected)
        for path in [*self._expected, *([self.text_path(text)] if text else [])]:
            if os.path.isdir(path):
                raise usage(f"{path} is a folder",
                            "name a file, or end the path in / to let the script choose the name")
            if os.path.lexists(path) and not (self.overwrite and os.path.isfile(path)):
                raise Failure(Exit.EXISTS, f"{path} exists already; nothing was sent",
                              fix="add --overwrite to replace it, or choose another --output")
            if self.sidecars and path in self._expected:
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
        if os.path.lexists(path) and not (self.overwrite and is_sidecar(path)):
            raise Failure(
                Exit.EXISTS,
                f"{path} exists already, but the description of the result would go there; nothing was sent",
                fix="add --no-sidecar, or choose another --output")

    def temporary(self) -> Temporary:
        """An empty file beside the final names, open as `.file`, to be filled and then saved.
        Raises OSError."""
        temporary = Temporary(self.folder)
        self._temporaries.append(temporary)  # before it is there: an interrupt in between must not leave it
        return temporary.create()

    def name_for(self, number: int, media_type: str) -> tuple:
        """(the name of a file of this type, whether its extension was corrected)."""
        true = EXTENSIONS.get(media_type, self.extension or "bin")
        if _same_extension(self.extension, true):
            return self.path(number), False
        return self.path(number, true), bool(self.extension)

    def save(self, temporary: Temporary, number: int, media_type: str) -> dict:
        """Give a finished file its name and true extension;
        return its entry of the JSON document. Raises OSError."""
        path, corrected = self.name_for(number, media_type)
        true = os.path.splitext(path)[1][1:]
        is_expected = path in self._expected
        path = path if is_expected or self._is_claimed(path) else other_name(path)
        path = self._publish(temporary, path, self.overwrite and is_expected)
        if corrected and path.endswith(true):
            self.warn(f"the result is {true.upper()}, not {self.extension.upper()}, "
                      f"so it is called {os.path.basename(path)}")
        return self._saved(path, media_type)

    def save_partial(self, temporary: Temporary, number: int, form: str = "") -> str:
        """Keep what came of a result that is not whole as NAME.partial, or NAME.partial.FORM where it can be
        used; return its path. Raises OSError."""
        path = self.path(number, f"partial.{form}") if form else partial_path(self.path(number))
        path = other_name(path) if os.path.lexists(path) else path
        temporary.publish(path, overwrite=False)
        self._made = []
        return path

    def filled(self, data: bytes) -> Temporary:
        """A temporary file with the text that goes with the files. Raises OSError."""
        temporary = self.temporary()
        temporary.file.write(data)
        temporary.file.flush()
        return temporary

    def save_text(self, temporary: Temporary, extension: str, media_type: str) -> dict:
        """Give a text that is written its name. Raises OSError."""
        return self._saved(self._publish(temporary, self.text_path(extension), self.overwrite), media_type)

    def _saved(self, path: str, media_type: str) -> dict:
        entry = {"path": path, "bytes": os.path.getsize(path), "media_type": media_type}
        self.saved.append(entry)
        return entry

    def _publish(self, temporary: Temporary, path: str, overwrite: bool) -> str:
        """A name that was taken meanwhile is somebody's file:
        the result gets another one, because it is paid for."""
        wanted = path
        for _ in range(20):
            try:
                temporary.publish(path, overwrite)
                return path
            except FileExistsError:
                if self._may_be_there and _has_same_content(temporary.path, path):
                    return path
                self.warn(f"{path} exists already, so the result gets another name")
                path = other_name(wanted)
            except InUse as error:
                self.warn(f"another program has {path} open, so the result is in {error.saved_as}")
                return error.saved_as
        raise FileExistsError(17, "no free name was found", wanted)

    def describe(self, entry: dict, facts: dict) -> None:
        """Write the sidecar of a saved file;
        one that cannot be written is warned of, because the file is there."""
        import json
        if not self.sidecars:
            return
        path = sidecar_path(entry["path"])
        given = {name: value for name, value in facts.items() if value not in (None, "", [], {})}
        facts = {"file": os.path.basename(entry["path"]), **given}
        try:
            if os.path.lexists(path) and not is_sidecar(path):
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
            remove_folders(self._made)


def _place(output: str | None, name: str, name_id: str, extension: str) -> tuple:
    """(folder, stem, extension) of the files;
    a chosen name gets `extension`, a given one keeps its own, if any."""
    if output == "":
        raise usage("--output names no file", "give a file, or a folder ending in /")
    output = output and expanded(output)
    if output is None or _is_folder(output):
        return output or "", f"{slug(name)}-{name_id}", extension
    folder, file = os.path.split(output)
    stem = stem_of(file)
    return folder, stem, file[len(stem) + 1:] or extension


def named(output: str, name: str) -> str:
    """--output as the name of a file, which is `name` where it says a folder."""
    return os.path.join(output, name) if _is_folder(expanded(output)) else output


def is_same_place(*outputs: str) -> bool:
    """Whether files that are named after these go to one place, apart from their type."""
    return len({stem_of(os.path.realpath(expanded(output))) for output in outputs}) == 1


def _has_same_content(path: str, other: str) -> bool:
    import filecmp
    try:
        return filecmp.cmp(path, other, shallow=False)
    except OSError:
        return False


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def stem_of(output: str) -> str:
    """A file's name without the extension that it keeps, or that its content corrects."""
    stem, suffix = os.path.splitext(output)
    return stem if suffix[1:].lower() in _KNOWN else output


_SAME = {"jpeg": "jpg", "jpe": "jpg", "tif": "tiff", "opus": "ogg"}
_KNOWN = {*EXTENSIONS.values(), *_SAME, "svg", "md", "txt", "json"}  # behind any other dot the name goes on


def _same_extension(one: str, other: str) -> bool:
    one, other = one.lower(), other.lower()
    return _SAME.get(one, one) == _SAME.get(other, other)
