"""A form with a file, sent as it is read from the disk."""
from __future__ import annotations

import io
import os


class FileChanged(OSError):
    """A file was changed by somebody while it was sent."""


class Multipart:
    """A multipart/form-data body whose `file` field comes last: a file streamed from disk, or bytes (`data`).

    Can be read again for a retry. `progress(sent, size)` is told how many bytes of the file have gone.
    """

    def __init__(self, fields: dict, path: str, filename: str = "",
                 media_type: str = "application/octet-stream",
                 data: bytes | None = None, progress=None):
        self.fields, self.path, self.media_type = fields, path, media_type
        self.data, self.progress = data, progress
        self.filename = filename or os.path.basename(path)
        self.size = os.path.getsize(path) if data is None else len(data)
        self.boundary = "qianwen-" + os.urandom(16).hex()
        self._head, self._tail = self._frame()

    def _frame(self) -> tuple:
        lines = []
        for name, value in self.fields.items():
            lines += [f"--{self.boundary}", f'Content-Disposition: form-data; name="{name}"', "", str(value)]
        quoted = self.filename.replace("\\", "_").replace('"', "%22").replace("\r", "_").replace("\n", "_")
        lines += [f"--{self.boundary}", f'Content-Disposition: form-data; name="file"; filename="{quoted}"',
                  f"Content-Type: {self.media_type}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "replace"), f"\r\n--{self.boundary}--\r\n".encode("ascii")

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def __len__(self) -> int:
        return len(self._head) + self.size + len(self._tail)

    def __iter__(self):
        yield self._head
        sent = 0
        with io.BytesIO(self.data) if self.data is not None else open(self.path, "rb") as file:
            while sent < self.size:
                block = file.read(min(1 << 16, self.size - sent))
                if not block:
                    raise FileChanged(f"{self.path} became shorter during the upload")
                sent += len(block)
                yield block
                if self.progress:
                    self.progress(sent, self.size)
        yield self._tail

    def preview(self) -> dict:
        return {**self.fields, "file": f"<{self.filename}, {self.size} bytes>"}
