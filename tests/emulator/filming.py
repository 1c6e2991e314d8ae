"""Small videos that are real: H.264 in MP4, of any size and length, in one colour, with notes that say whose video it is.

A key frame takes one byte a macroblock: the first holds the colour, every other repeats its neighbours. The frames after
it say that nothing changes. Bytes that differ from video to video fill the file up, so that a piece put together wrongly
shows.
"""
from __future__ import annotations

import json
import random
import struct
from functools import lru_cache
from typing import Dict, List, Sequence, Tuple

from tests.emulator.boxes import walk
from tests.media_samples import box

NOTES = b"emulator-notes-1"            # the sixteen bytes that name a uuid box
SCALE = 12_000                         # ticks a second; whole frames at 8, 10, 12, 15, 16, 20, 24, 25 and 30 a second
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LEVELS = ((1620, 30), (3600, 31), (8192, 40), (36864, 51))     # (macroblocks, level_idc)
REPEATED, AFTER_PCM = "00100111", "0010011000011"    # Intra_16x16 by the mean of the neighbours, nothing left over


def mp4(width: int, height: int, seconds: float, fps: int, colour: Sequence[int], notes: Dict[str, str], size: int = 0) -> bytes:
    """Index before the frames; `size` is reached by a free box, when the video itself is not longer."""
    return _mp4(width, height, max(1, round(seconds * fps)), fps, tuple(colour[:3]), json.dumps(notes, ensure_ascii=False), size)


def notes_of(data: bytes) -> Dict[str, str]:
    """What `mp4` was told to note."""
    found = [content[16:] for path, content in walk(data) if path == ("uuid",) and content[:16] == NOTES]
    return json.loads(found[0].decode("utf-8")) if found else {}


@lru_cache(maxsize=8)
def _mp4(width: int, height: int, count: int, fps: int, colour: Tuple[int, ...], notes: str, size: int) -> bytes:
    frames = _frames(width, height, count, colour)
    head = box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2avc1mp41")
    note = box(b"uuid", NOTES, notes.encode("utf-8", "replace"))
    place = len(head) + len(_moov(width, height, frames, fps, 0)) + len(note) + 8
    data = head + _moov(width, height, frames, fps, place) + note + box(b"mdat", *frames)
    missing = size - len(data)
    return data + (box(b"free", random.Random(notes).randbytes(missing - 8)) if missing >= 8 else b"")


# H.264

def _frames(width: int, height: int, count: int, colour: Tuple[int, ...]) -> List[bytes]:
    """Each with its length before it."""
    blocks = _blocks(width) * _blocks(height)
    still = [_nal(0x41, _ue(0) + _ue(5) + _ue(0) + f"{number:04b}" + "000" + _se(0) + _ue(1) + _ue(blocks)) for number in range(16)]
    frames = [_key_frame(_blocks(width), blocks, colour)] + [still[number % 16] for number in range(1, count)]
    return [struct.pack(">I", len(frame)) + frame for frame in frames]


def _key_frame(across: int, blocks: int, colour: Tuple[int, ...]) -> bytes:
    head = _ue(0) + _ue(7) + _ue(0) + "0000" + _ue(0) + "00" + _se(0) + _ue(1) + _ue(25)
    head += "0" * (-len(head) % 8)
    luma, blue, red = _components(colour)
    first = int(head, 2).to_bytes(len(head) // 8, "big") + bytes((luma,)) * 256 + bytes((blue,)) * 64 + bytes((red,)) * 64
    rest = AFTER_PCM + REPEATED * (across - 2) + AFTER_PCM + REPEATED * (blocks - across - 1)
    return _nal(0x65, rest, first)


def _components(colour: Tuple[int, ...]) -> Tuple[int, int, int]:
    """Y, Cb and Cr by BT.601, in the range of video."""
    red, green, blue = (part / 255 for part in colour)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return round(16 + 219 * luma), round(128 + 224 * (blue - luma) / 1.772), round(128 + 224 * (red - luma) / 1.402)


def _sequence(width: int, height: int) -> bytes:
    across, down = _blocks(width), _blocks(height)
    level = next(level for most, level in LEVELS if across * down <= most)
    cropped = (_ue(0) + _ue((across * 16 - width) // 2) + _ue(0) + _ue((down * 16 - height) // 2))
    bits = _ue(0) + _ue(0) + _ue(2) + _ue(1) + "0" + _ue(across - 1) + _ue(down - 1) + "111" + cropped + "0"
    return _nal(0x67, bits, bytes((66, 0xC0, level)))


PICTURE = "1" + "1" + "0" + "0" + "1" + "1" + "1" + "0" + "00" + "1" + "1" + "1" + "1" + "0" + "0"


def _nal(kind: int, bits: str, first: bytes = b"") -> bytes:
    """A unit with its end mark; three bytes that would look like a start code are parted."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    plain = first + int(bits, 2).to_bytes(len(bits) // 8, "big")
    escaped, zeros = bytearray((kind,)), 0
    for byte in plain:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(escaped)


def _blocks(side: int) -> int:
    return -(-side // 16)


def _ue(value: int) -> str:
    digits = format(value + 1, "b")
    return "0" * (len(digits) - 1) + digits


def _se(value: int) -> str:
    return _ue(2 * value - 1 if value > 0 else -2 * value)


# The index

def _moov(width: int, height: int, frames: List[bytes], fps: int, place: int) -> bytes:
    ticks = len(frames) * (SCALE // fps)
    movie = (struct.pack(">IIIIIIHHQ", 0, 0, 0, SCALE, ticks, 0x10000, 0x100, 0, 0) + MATRIX + bytes(24) + struct.pack(">I", 2))
    track = (struct.pack(">IIIIIIQHHHH", 3, 0, 0, 1, 0, ticks, 0, 0, 0, 0, 0) + MATRIX
             + struct.pack(">II", width << 16, height << 16))
    media = box(b"mdia", box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, SCALE, ticks, 0x55C4, 0)),
                box(b"hdlr", bytes(8) + b"vide" + bytes(12) + b"video\0"),
                box(b"minf", box(b"vmhd", struct.pack(">IQ", 1, 0)),
                    box(b"dinf", box(b"dref", struct.pack(">II", 0, 1) + box(b"url ", struct.pack(">I", 1)))),
                    _table(width, height, frames, SCALE // fps, place)))
    return box(b"moov", box(b"mvhd", movie), box(b"trak", box(b"tkhd", track), media))


def _table(width: int, height: int, frames: List[bytes], ticks: int, place: int) -> bytes:
    sequence, picture = _sequence(width, height), _nal(0x68, PICTURE)
    avcc = box(b"avcC", b"\1" + sequence[1:4] + b"\xff\xe1", struct.pack(">H", len(sequence)), sequence, b"\1",
               struct.pack(">H", len(picture)), picture)
    entry = (bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HHIIIH", width, height, 0x480000, 0x480000, 0, 1)
             + bytes(32) + struct.pack(">Hh", 24, -1) + avcc)
    sizes = struct.pack(f">III{len(frames)}I", 0, 0, len(frames), *map(len, frames))
    return box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1) + box(b"avc1", entry)),
               box(b"stts", struct.pack(">IIII", 0, 1, len(frames), ticks)), box(b"stss", struct.pack(">III", 0, 1, 1)),
               box(b"stsc", struct.pack(">IIIII", 0, 1, 1, len(frames), 1)), box(b"stsz", sizes),
               box(b"stco", struct.pack(">III", 0, 1, place)))
