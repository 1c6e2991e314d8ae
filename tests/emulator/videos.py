"""Whether bytes are a video: the kind for all formats; for MP4 and MOV also the length and the size of the picture."""
from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from tests.emulator.boxes import Path, walk
from tests.emulator.magic import VIDEO, sniff


class BadVideo(ValueError):
    """The bytes are no whole video; the message says what is wrong."""


class UnknownVideo(BadVideo):
    """The bytes are of a format that is not taken."""


@dataclass
class Video:
    format: str
    seconds: Optional[float] = None    # None: not looked at
    width: int = 0
    height: int = 0


def inspect(head: bytes, data: Optional[bytes]) -> Video:
    """`data` None: too long to be kept, so that only the head is judged. Raises BadVideo."""
    known = sniff(head)
    if known is None or known.kind != VIDEO:
        raise UnknownVideo(f"{known.name if known else 'an unknown format'} is not taken as a video")
    if data is None or known.name not in ("MP4", "MOV"):
        return Video(known.name)
    try:
        return _movie(known.name, data)
    except struct.error:
        raise BadVideo(f"the {known.name} ends too early") from None


def _movie(name: str, data: bytes) -> Video:
    boxes: Dict[Path, bytes] = {}
    for path, content in walk(data):
        if path == ("moov", "trak", "tkhd") and not _size(content)[0]:
            continue                   # sound
        boxes.setdefault(path, content)
    for needed in (("moov", "mvhd"), ("moov", "trak", "tkhd"), ("mdat",)):
        if needed not in boxes:
            raise BadVideo(f"the {name} has no {needed[-1]} box, or not all of it")
    width, height = _size(boxes[("moov", "trak", "tkhd")])
    return Video(name, _seconds(boxes[("moov", "mvhd")]), width, height)


def _seconds(header: bytes) -> Optional[float]:
    """None: the length is told fragment by fragment."""
    scale, duration = struct.unpack_from(">IQ", header, 20) if header[0] else struct.unpack_from(">II", header, 12)
    return duration / (scale or 1) or None


def _size(header: bytes) -> Tuple[int, int]:
    width, height = struct.unpack(">II", header[-8:])
    return width >> 16, height >> 16
