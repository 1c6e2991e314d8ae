"""Pictures that cost little and can be told apart: a gradient in a colour of the prompt, some blocks, and notes in text
chunks that say whose picture it is.

The pixels are indices into a palette, so pictures of one size share them; only the palette and the notes are their own.
"""
from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib
from functools import lru_cache
from typing import Dict, Optional, Tuple

Colour = Tuple[int, ...]
SHADES, BLOCKS, LAYOUTS = 64, 3, 4
NAMED: Dict[str, Colour] = {
    "red": (200, 40, 40), "红": (200, 40, 40), "orange": (235, 140, 30), "橙": (235, 140, 30), "yellow": (230, 215, 50),
    "黄": (230, 215, 50), "green": (40, 170, 70), "绿": (40, 170, 70), "cyan": (40, 190, 210), "青": (40, 190, 210),
    "blue": (40, 80, 200), "蓝": (40, 80, 200), "purple": (130, 50, 200), "紫": (130, 50, 200), "pink": (230, 80, 180),
    "粉": (230, 80, 180)}


def colour_of(prompt: str) -> Colour:
    """The first colour the prompt names, else one of its digest."""
    found = [(prompt.find(word), colour) for word, colour in NAMED.items() if word in prompt]
    if found:
        return min(found)[1]
    digest = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    return tuple(int(255 * part)
                 for part in colorsys.hsv_to_rgb(digest[0] / 256, 0.55 + digest[1] / 1024, 0.6 + digest[2] / 1024))


def png(width: int, height: int, colour: Colour, seed: int, notes: Dict[str, str]) -> bytes:
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
              _chunk(b"PLTE", _palette(colour, seed))]
    chunks += [_note(name, value) for name, value in notes.items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + _pixels(width, height, seed % LAYOUTS) + _chunk(b"IEND", b"")


def notes_of(data: bytes) -> Dict[str, str]:
    """The text chunks of a PNG."""
    found, place = {}, 8
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8:place + 8 + length]
        if kind == b"tEXt":
            name, _, value = content.partition(b"\0")
            found[name.decode("latin-1")] = value.decode("latin-1")
        elif kind == b"iTXt":
            name, _, rest = content.partition(b"\0")
            found[name.decode("latin-1")] = rest[4:].decode("utf-8")
        place += 12 + length
    return found


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _note(name: str, value: str) -> bytes:
    """tEXt is Latin-1 only; other text goes into iTXt."""
    try:
        return _chunk(b"tEXt", name.encode("latin-1") + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + value.encode("utf-8", "replace"))


def _palette(colour: Colour, seed: int) -> bytes:
    """Shades from a little darker to the colour itself, then the blocks, whose hue the seed turns."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour[:3]))
    shades = [tuple(int(part * (0.85 + 0.15 * min(1, 2 * step / SHADES))) for part in colour[:3]) for step in range(SHADES)]
    turned = (hue + 0.3 + (seed % 97) / 240) % 1
    blocks = [tuple(int(255 * part)
                    for part in colorsys.hsv_to_rgb((turned + 0.12 * block) % 1, max(saturation, 0.5), max(value, 0.5)))
              for block in range(BLOCKS)]
    return bytes(part for entry in shades + blocks for part in entry)


@lru_cache(maxsize=96)
def _pixels(width: int, height: int, layout: int) -> bytes:
    """The IDAT chunk. The blocks cover less than a fifth of the picture."""
    packer, packed, last, line = zlib.compressobj(1), [], None, b""
    for row in range(height):
        shade, block = row * SHADES // height, _block(row / height)
        if (shade, block) != last:
            last, line = (shade, block), _line(width, shade, block, layout)
        packed.append(packer.compress(line))
    return _chunk(b"IDAT", b"".join(packed) + packer.flush())


def _block(down: float) -> Optional[int]:
    return next((block for block in range(BLOCKS) if 0.2 <= down * (BLOCKS + 1) - block - 0.5 < 0.9), None)


def _line(width: int, shade: int, block: Optional[int], layout: int) -> bytes:
    if block is None:
        return b"\0" + bytes((shade,)) * width
    start, long = width * ((layout + block) % LAYOUTS + 1) // (LAYOUTS + 3), width // 4
    return b"\0" + bytes((shade,)) * start + bytes((SHADES + block,)) * long + bytes((shade,)) * (width - start - long)
