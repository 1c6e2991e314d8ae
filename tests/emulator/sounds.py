"""Whether bytes are a sound, WAV or MP3, and how long it is."""
from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Optional, Tuple

RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}      # MPEG 1, 2 and 2.5, by its two bits
KILOBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KILOBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


class BadSound(ValueError):
    """The bytes are no whole sound; the message says what is wrong."""


class UnknownSound(BadSound):
    """The bytes are of a format that is not taken."""


@dataclass
class Sound:
    format: str
    seconds: float


def format_of(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "WAV"
    return "MP3" if head[:3] == b"ID3" or head[:1] == b"\xff" and head[1:2] > b"\xe0" else ""


def inspect(data: bytes) -> Sound:
    """Raises BadSound."""
    name = format_of(data[:12])
    if not name:
        raise UnknownSound("an unknown format is not taken as a sound")
    try:
        seconds = _wav(data) if name == "WAV" else _mp3(data)
    except (struct.error, IndexError):
        raise BadSound(f"the {name} ends too early") from None
    return Sound(name, seconds)


def _wav(data: bytes) -> float:
    place, rate = 12, 0
    while True:
        kind, size = struct.unpack_from("<4sI", data, place)
        if kind == b"fmt ":
            rate = struct.unpack_from("<I", data, place + 16)[0]
        if kind == b"data":
            if not rate or place + 8 + size > len(data):
                raise BadSound("the WAV has no format, or not all of its data")
            return size / rate
        place += 8 + size + size % 2


def _mp3(data: bytes) -> float:
    place, seconds = 0, 0.0
    if data[:3] == b"ID3":
        place = 10 + sum((byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0)))
    while place + 4 <= len(data):
        frame = _frame(data[place:place + 4])
        if frame is None:
            break
        place, seconds = place + frame[0], seconds + frame[1]
    if not seconds:
        raise BadSound("the MP3 has no frame")
    return seconds


def _frame(head: bytes) -> Optional[Tuple[int, float]]:
    """(bytes, seconds) of a frame of layer III."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    kilobits, rate = head[2] >> 4, head[2] >> 2 & 3
    if head[0] != 0xFF or head[1] < 0xE0 or version == 1 or layer != 1 or kilobits in (0, 15) or rate == 3:
        return None
    samples, table = (1152, KILOBITS_1) if version == 3 else (576, KILOBITS_2)
    hertz = RATES[version][rate]
    return samples // 8 * table[kilobits] * 1000 // hertz + (head[2] >> 1 & 1), samples / hertz
