"""A request as data: JSON or multipart body, headers, and the reply."""
from __future__ import annotations

import io
import os
import re
from collections import namedtuple
from urllib.parse import urlsplit

from .. import key_guard, VERSION
from ..body import elide_media


class Request:
    """One HTTP request. `body` is JSON-able data, a Multipart, or None; `headers` are those beyond the usual
    ones.

    `data` is the body as it is sent, where it was encoded already.
    """

    __slots__ = ("method", "url", "headers", "body", "data")

    def __init__(self, method: str, url: str, body=None, headers: dict | None = None, data: bytes
                 | None = None):
        self.method, self.url, self.body, self.headers, self.data = method, url, body, headers or {}, data

    def preview(self, skill: str, key: key_guard.Key) -> dict:
        """The request for `--dry-run`: no key, no inline media."""
        headers = headers_of(self, skill)
        headers["Authorization"] = "Bearer " + key_guard.masked(key.value)
        body = self.body.preview() if isinstance(self.body, Multipart) else elide_media(self.body)
        return {"method": self.method, "url": self.url, "headers": headers, "body": body}


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


class Reply(namedtuple("Reply", "status headers body")):
    """A whole JSON answer. `headers` have lower-case names."""

    __slots__ = ()

    @property
    def request_id(self) -> str:
        return request_id_of(self.body, self.headers)


def request_id_of(body, headers: dict) -> str:
    """The request id of an answer: from the body where it stands, else from the header."""
    if isinstance(body, dict):
        found, completion = body.get("request_id"), body.get("id")
        if isinstance(found, str) and found:
            return found
        if isinstance(completion, str) and completion.startswith("chatcmpl-"):
            return completion[len("chatcmpl-"):]
    return headers.get("x-request-id", "")


_ID = r"(?!-)(?!.*\.\.)(?!\.$)[A-Za-z0-9._:/-]{1,256}"


def is_id(value) -> bool:
    """Whether this can be an id of the service: of a task, a document or a voice. It becomes part of
    addresses and of commands."""
    return isinstance(value, str) and bool(re.fullmatch(_ID, value))


def headers_of(request: Request, skill: str) -> dict:
    headers = {"User-Agent": f"qianwen-skills/{VERSION} ({skill})", "Accept": "application/json"}
    if isinstance(request.body, Multipart):
        headers["Content-Type"] = request.body.content_type
    elif request.body is not None:
        headers["Content-Type"] = "application/json"
    return {**headers, **request.headers}


def origin_of(url: str) -> tuple:
    """Scheme, host and port of a URL, to compare origins."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
