"""multipart/form-data read strictly: what a lenient server would guess at is reported here."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

BOUNDARY = re.compile(r'multipart/form-data\s*;\s*boundary=(?:"([^"]{1,70})"|([A-Za-z0-9\'()+_,./:=?-]{1,70}))\s*')
PARAMETER = re.compile(r';\s*([A-Za-z*-]+)=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))')


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


def _part(piece: bytes, number: int) -> Part:
    if not piece.startswith(b"\r\n"):
        raise MultipartError(f"part {number}: the boundary line does not end in CRLF")
    head, blank, data = piece[2:].partition(b"\r\n\r\n")
    if not blank:
        raise MultipartError(f"part {number}: no blank line (CRLF CRLF) between headers and data")
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
