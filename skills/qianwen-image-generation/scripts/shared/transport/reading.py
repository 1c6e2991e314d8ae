"""What stands in a body: JSON, an event stream or a web page, told by its first bytes, whatever its
Content-Type says."""
from __future__ import annotations

import codecs
import http.client
import itertools
import json
import re

from .context import ServiceError
from .events import BadStream, ERROR, read_events

_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and what may stand in front of every kind of body
_FIELDS = (b"data", b"event", b"id", b"retry", b"status", b"")
_CHARSET = r"charset\s*=\s*[\"']?((gb|big5|utf|iso|windows|latin|cp|shift|euc)[\w.:-]*)"
# what an answer may say of errors, too
_FINE = ("", "0", "200", "ok", "success", "none", "null", "false", "no", "no error")
_ENOUGH = 12  # bytes, in which the name of every field ends
_MOST_UNZIPPED = 64 << 20  # bytes
_DECODER = json.JSONDecoder(strict=False)  # line ends within texts are not worth a lost answer


def read(status: int, headers: dict, raw: bytes, errors_pass: bool = False):
    """The JSON value of a whole body, or the ServiceError in it; None for a body that holds neither.

    Of an event stream it is the first error, else the last object. `errors_pass`: an error with HTTP 200 is a
    value, too.
    """
    said, body, is_error = _content(status, headers, raw)
    if status >= 400 and isinstance(body, list):
        body = next((item for item in body if isinstance(item, dict)), None)
    may_be = (is_error or isinstance(body, dict)) and not (errors_pass and status < 400)
    error = error_in(said, body, headers, is_error) if may_be else None
    if error is None and status >= 400:
        from .said import bare_error
        error = bare_error(status, raw, headers)
    return error or body


def _content(status: int, headers: dict, raw: bytes) -> tuple:
    """(status, value, whether it is called an error): inside a stream an event tells its own."""
    raw = _as_utf8(_unpacked(raw).lstrip(_BLANK), headers)
    if not is_stream(raw, {}):
        return status, _parsed(raw), False
    found = status, None, False
    try:
        for event in read_events([raw]):
            is_error = event.name == ERROR
            if is_error or isinstance(event.data, dict):
                found = status if status >= 400 else event.status or status, event.data, is_error
                if error_in(found[0], event.data, headers, is_error):
                    break
    except BadStream:
        pass
    return found


def _as_utf8(raw: bytes, headers: dict) -> bytes:
    """The body as UTF-8, which it is whatever the Content-Type says, unless it is none."""
    try:
        raw.decode("utf-8")
        return raw
    except UnicodeDecodeError:
        pass
    match = re.search(_CHARSET, headers.get("content-type", ""), re.IGNORECASE)
    try:
        return raw.decode(codecs.lookup(match.group(1)).name if match else "utf-8").encode("utf-8")
    except (LookupError, ValueError):
        return raw


def _parsed(raw: bytes):
    """The JSON value that a body begins with; None without one."""
    try:
        return _DECODER.raw_decode(raw.decode("utf-8"))[0]
    except (ValueError, RecursionError):
        return None


def _unpacked(raw: bytes) -> bytes:
    """A body that came as gzip without a word of it."""
    if raw[:3] != b"\x1f\x8b\x08":
        return raw
    import zlib
    try:
        return zlib.decompressobj(wbits=31).decompress(raw, _MOST_UNZIPPED)
    except zlib.error:
        return raw


def is_stream(beginning: bytes, headers: dict) -> bool:
    """Whether a body that begins like this is an event stream; only where its bytes leave it open its type
    decides."""
    if beginning[:1] in (b"{", b"[", b"<"):
        return False
    field, colon, _ = beginning.partition(b":")
    return (bool(colon) and field.rstrip(b" \t") in _FIELDS
            or headers.get("content-type", "").lower().startswith("text/event-stream"))


def peeked(blocks, headers: dict) -> tuple:
    """(the blocks of a body without blanks in front, whether they are an event stream, how they begin)."""
    beginning = b""
    for block in blocks:
        beginning = (beginning + block).lstrip(_BLANK)
        if beginning[:1] in (b"{", b"[", b"<") or len(beginning) >= _ENOUGH or b"\n" in beginning:
            break
    return itertools.chain([beginning], blocks), is_stream(beginning, headers), beginning


def error_in(status: int, body, headers: dict, is_error: bool = False) -> ServiceError | None:
    """The error in a body of the service's shapes (wire contract 3.1) or of a gateway's own, or None.
    `is_error`: the event that it came in is called so, whatever stands in it."""
    if not isinstance(body, dict):
        body = {} if body is None else {"message": str(body)}
    error, code = body.get("error"), body.get("code")
    said = [error] if isinstance(error, str) else []
    if isinstance(error, dict) and (error.get("code") in (None, "") or not _is_fine(error["code"])):
        said = list(error.values())
    is_fine = isinstance(code, (dict, list)) or _is_fine(code) or body.get("choices") or body.get("output")
    if status < 400 and not is_error and is_fine and all(map(_is_fine, said)):
        return None
    from .said import error_of  # what it says is asked of errors alone
    return error_of(status, body, headers)


def _is_fine(value) -> bool:
    return str(value or "").strip(" .!").lower() in _FINE


def lower_headers(response) -> dict:
    return {name.lower(): value for name, value in response.headers.items()}


def body_blocks(response, headers: dict):
    """The body as it arrives, gzip and deflate undone. Raises IncompleteRead when it ends before its Content-Length."""
    unzip, packed = None, headers.get("content-encoding", "").lower()
    if packed in ("gzip", "x-gzip", "deflate"):
        import zlib
        unzip = zlib.decompressobj(zlib.MAX_WBITS if packed == "deflate" else zlib.MAX_WBITS | 16)
    expected, size = headers.get("content-length", ""), 0
    while True:
        block = response.read1(1 << 16)
        if not block:
            break
        size += len(block)
        yield _unzipped(unzip, block) if unzip else block
    if re.fullmatch("[0-9]{1,18}", expected) and size < int(expected):
        raise http.client.IncompleteRead(b"", int(expected) - size)


def _unzipped(unzip, block: bytes) -> bytes:
    import zlib
    try:
        return unzip.decompress(block)
    except zlib.error as error:
        raise http.client.HTTPException(f"the gzip data is damaged: {error}") from error
