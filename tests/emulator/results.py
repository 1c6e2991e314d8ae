"""The host of the results: signed addresses that live a day, read without a key. Nothing is stored but how to draw it."""
from __future__ import annotations

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Callable, Optional, Tuple
from urllib.parse import quote

from tests.emulator.wire import Exchange, Refusal, Reply

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

RESULT_SECONDS = 24 * 3600
KEPT_RESULTS = 400_000
KEPT_DOWNLOADS = 400_000
ACCESS_KEY_ID = "LTAI-results"
ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass
class Result:
    """A file to be downloaded."""
    name: str
    content_type: str
    owner: str                         # the task, or the request of a call that answers at once
    index: int
    expires: int
    signature: str
    content: Callable[[], bytes] = field(repr=False)

    @property
    def etag(self) -> str:
        return '"' + hashlib.md5(f"{self.signature} {self.name}".encode(), usedforsecurity=False).hexdigest().upper() + '"'


@dataclass
class Download:
    """One request to the host of the results."""
    path: str
    method: str
    status: int = 0
    owner: str = ""                    # the task or request the file belongs to; "" when it was not found
    index: int = -1
    size: int = 0                      # bytes of the body
    range: str = ""
    authorized: bool = False           # an Authorization header was there, which it must not


def publish(emulator: Epoch, owner: str, index: int, content: Callable[[], bytes], ending: str = "png",
            content_type: str = "image/png") -> str:
    """Give a file an address."""
    token, expires = uuid.uuid4().hex, int(emulator.clock()) + RESULT_SECONDS
    name = emulator.result_name.format(token=token[:8], index=index) + "." + ending
    signature = base64.b64encode(hashlib.sha1(f"{token}{expires}".encode(), usedforsecurity=False).digest()).decode("ascii")
    emulator.results[token] = Result(name, content_type, owner, index, expires, signature, content)
    if len(emulator.results) > KEPT_RESULTS:
        with emulator.lock:
            for old in list(emulator.results)[:KEPT_RESULTS // 4]:
                del emulator.results[old]
    return (f"{emulator.url}/@results/{token}/{name}?Expires={expires}&OSSAccessKeyId={ACCESS_KEY_ID}"
            f"&Signature={quote(signature, safe='')}")


def get(exchange: Exchange) -> Reply:
    """GET and HEAD of a result."""
    record = Download(exchange.path, exchange.method, range=exchange.headers.get("range", ""),
                      authorized="authorization" in exchange.headers)
    exchange.download = record
    downloads = exchange.emulator.downloads
    downloads.append(record)
    if len(downloads) > KEPT_DOWNLOADS:
        del downloads[:KEPT_DOWNLOADS // 4]
    try:
        reply = _reply(exchange, _checked(exchange, record))
    except Refusal as refusal:
        reply = refusal.reply(exchange)
    record.status, record.size = reply.status, len(reply.body)
    return reply


def _checked(exchange: Exchange, record: Download) -> Result:
    if record.authorized:
        raise Refusal(400, "InvalidArgument",
                      "emulator: the request has an Authorization header; an API key must not be sent to "
                                              "the object storage, the address is signed")
    result = exchange.emulator.results.get(exchange.captured["token"])
    if result is None or result.name != exchange.captured["name"]:
        raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
    record.owner, record.index = result.owner, result.index
    query = exchange.query
    if set(query) != {"Expires", "OSSAccessKeyId", "Signature"}:
        raise Refusal(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
    if query["Signature"] != result.signature or query["Expires"] != str(result.expires):
        raise Refusal(403, "SignatureDoesNotMatch",
                      "The request signature we calculated does not match the signature you provided. "
                                                    "Check your key and signing method.")
    if exchange.emulator.clock() >= result.expires:
        raise expired()
    return result


def expired() -> Refusal:
    return Refusal(403, "AccessDenied", "Request has expired.")


def _reply(exchange: Exchange, result: Result) -> Reply:
    data = exchange.swap(result.content())
    headers = {"content-type": result.content_type, "accept-ranges": "bytes", "etag": result.etag,
               "last-modified": formatdate(result.expires - RESULT_SECONDS, usegmt=True),
               "x-oss-request-id": exchange.request_id}
    asked = exchange.headers.get("range")
    unchanged = exchange.headers.get("if-range", result.etag) in (result.etag, headers["last-modified"])
    span = part_of(asked, len(data)) if asked and unchanged else None
    if span == (0, 0):
        raise Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
    if span is None:
        return Reply(200, data if exchange.method == "GET" else b"", headers, length=len(data))
    start, stop = span
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return Reply(206, data[start:stop] if exchange.method == "GET" else b"", headers, length=stop - start)


def part_of(asked: str, size: int) -> Optional[Tuple[int, int]]:
    """(first byte, byte after the last) of a Range header; None when it is not understood, (0, 0) when nothing is there."""
    match = ONE_RANGE.fullmatch(asked.replace(" ", ""))
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < start:
        return None
    return (start, stop) if start < size else (0, 0)
