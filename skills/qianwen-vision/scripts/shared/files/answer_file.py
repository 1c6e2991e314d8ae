"""The one file that an answer goes to."""
from __future__ import annotations

import os

from ..failures import Exit, Failure, usage
from .names import expanded, make_folder, prove, prove_folder, remove_folders, slug
from .whole import short_id, whole


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
        self._made = make_folder(folder)
        try:
            prove_folder(folder)
            prove(self.path)
        except BaseException:
            remove_folders(self._made)
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
        """Write the file and give it its name; return its entry of the JSON document.
        Raises Failure UNSAVED."""
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
        remove_folders(self._made)


def output_for(output: str, overwrite: bool, prompt: str, extension: str) -> OutputFile:
    """The OutputFile for an `--output` value:
    a file, or a directory (existing, or ending in a slash) to name a file in."""
    output = expanded(output)
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        output = os.path.join(output, f"{slug(prompt)}-{short_id()}.{extension}")
    return OutputFile(output, overwrite)
