"""multipart/form-data read strictly: what a lenient server would guess at is reported here."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

BOUNDARY = re.compile(r'multipart/form-data\s*;\s*boundary=(?:"([^"]{1,70})"|([A-Za-z0-9\'()+_,./:=?-]{1,70}))\s*')
PARAMETER = re.compile(r';\s*([A-Za-z*-]+)=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))')

MAX_HEAD = 16 * 1024                   # bytes of headers a streamed part may have


class MultipartError(ValueError):
    """The body is no legal multipart/form-data; the message says where."""


@dataclass
class Part:
    name: str
    data: bytes
    filename: Optional[str] = None
    content_type: Optional[str] = None


def boundary_of(content_type: str) -> bytes:
    match = BOUNDARY.fullmatch(content_type)
    if not match:
        raise MultipartError(f"Content-Type {content_type!r} is not multipart/form-data with a legal boundary")
    return (match.group(1) or match.group(2)).encode("ascii", "replace")


def parse(content_type: str, body: bytes) -> List[Part]:
    """The parts in order. Raises MultipartError."""
    delimiter = b"--" + boundary_of(content_type)
    if not body.startswith(delimiter):
        raise MultipartError("the body does not begin with the boundary")
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    last = pieces.pop()
    if last not in (b"--", b"--\r\n"):
        raise MultipartError("the body does not end with the closing boundary" if not last.startswith(b"--")
                             else "there are bytes after the closing boundary")
    if len(pieces) < 2:
        raise MultipartError("there is no part")
    return [_part(piece, number) for number, piece in enumerate(pieces[1:], 1)]


def stream(content_type: str, pieces: Iterable[bytes]) -> Iterator[Tuple[Part, Iterator[bytes]]]:
    """The parts in order, each without its data but with an iterator that gives them in pieces.

    Nothing is held beyond a piece. What the caller leaves unread of a part is skipped. Raises MultipartError.
    """
    delimiter = b"--" + boundary_of(content_type)
    source = _Source(pieces)
    if source.take(len(delimiter)) != delimiter:
        raise MultipartError("the body does not begin with the boundary")
    number = 0
    while _another(source, number):
        number += 1
        head = b"".join(_short(source.until(b"\r\n\r\n"), number))
        if b"\r\n" + delimiter in b"\r\n" + head:
            raise MultipartError(f"part {number}: no blank line (CRLF CRLF) between headers and data")
        data = source.until(b"\r\n" + delimiter)
        yield _part_of(head, b"", number), data
        for _ in data:
            pass


def _another(source: _Source, number: int) -> bool:
    """Whether a part follows the boundary that was just read; False at the proper end."""
    ending = source.take(2)
    if ending == b"\r\n":
        return True
    if ending != b"--":
        raise MultipartError(f"part {number + 1}: the boundary line does not end in CRLF" if ending
                             else "the body does not end with the closing boundary")
    if source.take(3) not in (b"", b"\r\n"):
        raise MultipartError("there are bytes after the closing boundary")
    if not number:
        raise MultipartError("there is no part")
    return False


def _short(pieces: Iterable[bytes], number: int) -> Iterator[bytes]:
    """The pieces of a part's headers, which must not go on for ever."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_HEAD:
            raise MultipartError(f"part {number}: no blank line (CRLF CRLF) between headers and data")
        yield piece


class _Source:
    """Bytes that come in pieces, read up to a marker without being collected."""

    def __init__(self, pieces: Iterable[bytes]):
        self.pieces, self.buffer = iter(pieces), b""

    def _more(self) -> bool:
        piece = next(self.pieces, None)
        self.buffer += piece or b""
        return piece is not None

    def take(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end."""
        while len(self.buffer) < size and self._more():
            pass
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def until(self, marker: bytes) -> Iterator[bytes]:
        """Everything before `marker`, which is consumed too."""
        while marker not in self.buffer:
            safe = max(0, len(self.buffer) - len(marker) + 1)
            if safe:
                yield self.take(safe)
            if not self._more():
                raise MultipartError("the body does not end with the closing boundary")
        yield self.take(self.buffer.index(marker))
        self.take(len(marker))


def _part(piece: bytes, number: int) -> Part:
    if not piece.startswith(b"\r\n"):
        raise MultipartError(f"part {number}: the boundary line does not end in CRLF")
    head, blank, data = piece[2:].partition(b"\r\n\r\n")
    if not blank:
        raise MultipartError(f"part {number}: no blank line (CRLF CRLF) between headers and data")
    return _part_of(head, data, number)


def _part_of(head: bytes, data: bytes, number: int) -> Part:
    headers = _headers(head, number)
    parameters = _disposition(headers.get("content-disposition"), number)
    return Part(parameters["name"], data, parameters.get("filename"), headers.get("content-type"))


def _headers(head: bytes, number: int) -> Dict[str, str]:
    try:
        lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        raise MultipartError(f"part {number}: the headers are not UTF-8") from None
    return dict(_header(line, number) for line in lines)


def _header(line: str, number: int) -> Tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z-]+", name) or "\n" in value or "\r" in value:
        raise MultipartError(f"part {number}: {line[:60]!r} is no header line")
    return name.lower(), value.strip()


def _disposition(value: Optional[str], number: int) -> Dict[str, str]:
    if value is None or not value.startswith("form-data"):
        raise MultipartError(f"part {number}: no Content-Disposition: form-data")
    rest = value[len("form-data"):]
    if PARAMETER.sub("", rest).strip():
        raise MultipartError(f"part {number}: Content-Disposition cannot be read: {value!r}")
    found = {name.lower(): quoted or plain for name, quoted, plain in PARAMETER.findall(rest)}
    if "filename*" in found:
        raise MultipartError(f"part {number}: filename* is not allowed in form-data; write the name in UTF-8")
    if not found.get("name"):
        raise MultipartError(f"part {number}: no field name")
    return found
