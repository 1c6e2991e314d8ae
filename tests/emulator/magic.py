"""What kind of file bytes are, told by how they begin, and the media type each kind is declared with."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, Optional

IMAGE, VIDEO, OTHER = "image", "video", "other"    # OTHER: known by name, so that a refusal can say it


@dataclass(frozen=True)
class Format:
    name: str
    kind: str
    mimes: FrozenSet[str]
    pattern: "re.Pattern[bytes]"


def _format(name: str, kind: str, mimes: str, pattern: bytes) -> Format:
    return Format(name, kind, frozenset(mimes.split()), re.compile(pattern, re.DOTALL))


FORMATS = (
    _format("PNG", IMAGE, "image/png", rb"\x89PNG\r\n\x1a\n"),
    _format("JPEG", IMAGE, "image/jpeg", rb"\xff\xd8\xff"),
    _format("WebP", IMAGE, "image/webp", rb"RIFF.{4}WEBP"),
    _format("BMP", IMAGE, "image/bmp", rb"BM.{4}\0\0\0\0"),
    _format("TIFF", IMAGE, "image/tiff", rb"II\*\0|MM\0\*"),
    _format("HEIC", IMAGE, "image/heic image/heif", rb".{4}ftyp(heic|heix|heim|heis|hevc|mif1|msf1)"),
    _format("GIF", OTHER, "image/gif", rb"GIF8[79]a"),
    _format("AVIF", OTHER, "image/avif", rb".{4}ftypavi[fs]"),
    _format("MOV", VIDEO, "video/quicktime", rb".{4}(ftypqt  |moov|wide|mdat|free)"),
    _format("MP4", VIDEO, "video/mp4", rb".{4}ftyp"),
    _format("AVI", VIDEO, "video/x-msvideo video/avi", rb"RIFF.{4}AVI "),
    _format("WebM", OTHER, "video/webm", rb"\x1a\x45\xdf\xa3.{0,40}webm"),
    _format("MKV", VIDEO, "video/x-matroska", rb"\x1a\x45\xdf\xa3"),
    _format("FLV", VIDEO, "video/x-flv", rb"FLV\x01"),
    _format("WMV", VIDEO, "video/x-ms-wmv", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    _format("PDF", OTHER, "application/pdf", rb"%PDF-"),
    _format("HTML or XML", OTHER, "text/html text/xml image/svg+xml", rb"\s*<"),
)


def sniff(head: bytes) -> Optional[Format]:
    return next((known for known in FORMATS if known.pattern.match(head)), None)
