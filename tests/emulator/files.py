"""/compatible-mode/v1/files: upload, look, list, delete. A file is read only after it was looked at a few times."""
from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from tests.emulator import multipart
from tests.emulator.tasks import account_of
from tests.emulator.wire import Exchange, Refusal, Reply, ignored, invalid, json_reply

MEGABYTE = 1024 * 1024
FORMATS = {
    "file-extract": frozenset("txt docx pdf xlsx epub mobi md csv json bmp png jpg jpeg gif".split()),
    "batch": frozenset(("jsonl",)),
}
LIMITS = {"file-extract": 150 * MEGABYTE, "batch": 500 * MEGABYTE}
PREFIXES = {"file-extract": "file-fe-", "batch": "file-batch-", "batch_output": "file-batch_output-"}


@dataclass
class StoredFile:
    id: str
    size: int
    filename: str
    purpose: str
    created_at: int
    polls_left: int
    unreadable: bool = False
    account: Tuple[str, str] = ("", "")
    data: bytes = field(default=b"", repr=False)       # of batches alone

    @property
    def status(self) -> str:
        return "processing" if self.polls_left > 0 else "error" if self.unreadable else "processed"

    def look(self) -> str:
        """The status; each look brings the file nearer to being processed."""
        self.polls_left -= 1
        return self.status

    def as_json(self) -> Dict[str, Any]:
        return {"id": self.id, "object": "file", "bytes": self.size, "filename": self.filename, "purpose": self.purpose,
                "status": self.status, "status_details": None, "created_at": self.created_at}


def upload(exchange: Exchange) -> Reply:
    """A name with "bad" in it gives a file that cannot be read."""
    parts = _parts(exchange)
    purpose = _purpose(parts.get("purpose"))
    data = parts.get("file")
    if data is None or not data.filename:
        raise invalid("Required parameter(file) missing or invalid", param="file", wrapped=False)
    _check_file(data, purpose)
    file = StoredFile(PREFIXES[purpose] + uuid.uuid4().hex[:24], len(data.data), data.filename, purpose, int(time.time()),
                      exchange.emulator.file_polls, "bad" in data.filename, account_of(exchange))
    if purpose == "batch":             # these need no reading
        file.polls_left, file.unreadable, file.data = 0, False, data.data
    exchange.emulator.files[file.id] = file
    return json_reply(file.as_json())


def keep(exchange: Exchange, prefix: str, name: str, lines: List[bytes]) -> Optional[str]:
    """A file of results; its id, or None where there are no lines."""
    if not lines:
        return None
    data = b"\n".join(lines) + b"\n"
    file = StoredFile(prefix + uuid.uuid4().hex[:24], len(data), name + ".jsonl", "batch_output",
                      int(exchange.emulator.clock()), 0, account=account_of(exchange), data=data)
    exchange.emulator.files[file.id] = file
    return file.id


def _parts(exchange: Exchange) -> Dict[str, multipart.Part]:
    try:
        parts = multipart.parse(exchange.headers.get("content-type", ""), exchange.body)
    except multipart.MultipartError as error:
        raise invalid(f"emulator: multipart: {error}", wrapped=False) from None
    named = {part.name: part for part in parts}
    if len(named) != len(parts):
        raise invalid("emulator: multipart: a field comes twice", wrapped=False)
    for name in sorted(set(named) - {"file", "purpose"}):
        raise invalid(f"emulator: unknown field {name!r}", param=name, wrapped=False)
    return named


def _purpose(part: Optional[multipart.Part]) -> str:
    purpose = part.data.decode("utf-8", "replace") if part else ""
    if purpose not in FORMATS:
        raise Refusal(400, None, "'purpose' must be 'file-extract'", param="purpose", native="BadRequest")
    return purpose


def _check_file(part: multipart.Part, purpose: str) -> None:
    extension = (part.filename or "").rpartition(".")[2].lower()
    if extension not in FORMATS[purpose]:
        raise Refusal(400, "BadRequest.UnsupportedFileFormat", f"File format is not supported: {part.filename}", param="file")
    if not part.data:
        raise ignored("file", "is empty")
    if len(part.data) > LIMITS[purpose]:
        raise Refusal(400, "BadRequest.TooLarge", "Payload Too Large.", param="file")


def get(exchange: Exchange) -> Reply:
    file = _find(exchange)
    file.look()
    return json_reply(file.as_json())


def delete(exchange: Exchange) -> Reply:
    file = _find(exchange)
    del exchange.emulator.files[file.id]
    return json_reply({"id": file.id, "object": "file", "deleted": file.id not in exchange.emulator.files})


def content(exchange: Exchange) -> Reply:
    """What came of a batch; nothing else can be fetched."""
    file = _find(exchange)
    if file.purpose != "batch_output":
        raise invalid("emulator: only file-batch_output- files have content to fetch", wrapped=False)
    return Reply(200, file.data, {"content-type": "application/octet-stream"}, length=len(file.data))


def listing(exchange: Exchange) -> Reply:
    query = exchange.query
    for name in sorted(set(query) - {"after", "limit", "purpose", "create_after", "create_before"}):
        raise invalid(f"emulator: unknown field {name!r}", param=name, wrapped=False)
    limit = query.get("limit", "2000")
    if not limit.isdigit() or not 1 <= int(limit) <= 2000:
        raise invalid("Range of limit should be [1, 2000]", param="limit", wrapped=False)
    mine = [file for file in exchange.emulator.files.values() if file.account in (account_of(exchange), ("", ""))]
    files = _after(mine, query.get("after"))
    files = [file for file in files if query.get("purpose", file.purpose) == file.purpose]
    page = files[:int(limit)]
    return json_reply({"object": "list", "has_more": len(files) > len(page), "data": [file.as_json() for file in page]})


def _after(files: List[StoredFile], file_id: Optional[str]) -> List[StoredFile]:
    ids = [file.id for file in files]
    return files[ids.index(file_id) + 1:] if file_id in ids else files


def _find(exchange: Exchange) -> StoredFile:
    file_id = exchange.captured["id"]
    files = exchange.emulator.files
    if file_id not in files or files[file_id].account not in (account_of(exchange), ("", "")):
        raise Refusal(404, "not_found", f"No such File object: {file_id}", param="id", native="NotFound")
    return files[file_id]
