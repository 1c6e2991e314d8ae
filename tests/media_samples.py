"""Small pictures and videos as bytes, made from the standard library alone, that real decoders take.

`pixel` is one colour as a tuple, the colours of a row as a list, or a function (x, y) -> colour. A colour has as many numbers as the picture has
channels: (r, g, b) nearly everywhere.
"""
from __future__ import annotations

import base64
import struct
import zlib
from typing import Callable, Dict, Iterator, List, Sequence, Tuple, Union

Colour = Tuple[int, ...]
Pixel = Union[Colour, List[Colour], Callable[[int, int], Colour]]
RED = (200, 50, 50)


def _rows(width: int, height: int, pixel: Pixel) -> Iterator[bytes]:
    if callable(pixel):
        return (bytes(value for x in range(width) for value in pixel(x, y)) for y in range(height))
    row = b"".join(map(bytes, pixel)) if isinstance(pixel, list) else bytes(pixel) * width
    return (row for _ in range(height))


def data_url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


# PNG

def png(width: int, height: int, pixel: Pixel = RED, mode: str = "RGB", filters: Sequence[int] = (0,),
        palette: Sequence[Colour] = ()) -> bytes:
    """8 bits a channel; mode L, RGB, P, LA or RGBA. `filters` are the PNG filter types of the rows, in turn."""
    kind, channels = {"L": (0, 1), "RGB": (2, 3), "P": (3, 1), "LA": (4, 2), "RGBA": (6, 4)}[mode]
    packed, before = [], bytes(width * channels)
    for number, row in enumerate(_rows(width, height, pixel)):
        if len(row) != len(before):
            raise ValueError(f"a pixel of a {mode} picture has {channels} channels")
        chosen = filters[number % len(filters)]
        packed.append(bytes([chosen]) + (_filtered(row, before, channels, chosen) if chosen else row))
        before = row
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    colours = png_chunk(b"PLTE", b"".join(map(bytes, palette))) if palette else b""
    pixels = png_chunk(b"IDAT", zlib.compress(b"".join(packed)))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + colours + pixels + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _filtered(row: bytes, above: bytes, step: int, kind: int) -> bytes:
    left, corner = bytes(step) + row, bytes(step) + above
    predictors: Dict[int, Callable[[int], int]] = {
        1: lambda place: left[place], 2: lambda place: above[place], 3: lambda place: (left[place] + above[place]) // 2,
        4: lambda place: _paeth(left[place], above[place], corner[place])}
    return bytes((value - predictors[kind](place)) & 255 for place, value in enumerate(row))


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


# JPEG: baseline, one grey channel, every block flat

def jpeg(width: int, height: int, level: int = 128) -> bytes:
    """A picture of one grey level (0 to 255)."""
    difference = level - 128
    size = abs(difference).bit_length()
    first = f"10{_amplitude(difference, size)}0" if size else "00"
    blocks = -(-width // 8) * -(-height // 8)
    return (b"\xff\xd8" + _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + _segment(0xDB, b"\0" + b"\x08" * 64)
            + _segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
            + _segment(0xC4, b"\x00" + bytes([1, 1] + [0] * 14) + bytes([0, size or 1]))
            + _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
            + _segment(0xDA, b"\1\1\0\0\x3f\0") + _stuffed(first + "00" * (blocks - 1)) + b"\xff\xd9")


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _amplitude(value: int, size: int) -> str:
    return format(value if value > 0 else value + (1 << size) - 1, f"0{size}b")


def _stuffed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


# Others

def bmp(width: int, height: int, pixel: Pixel = RED) -> bytes:
    """24 bits, bottom up."""
    rows = [bytes(row[place + channel] for place in range(0, len(row), 3) for channel in (2, 1, 0))
            for row in _rows(width, height, pixel)]
    data = b"".join(row + bytes(-len(row) % 4) for row in reversed(rows))
    return (struct.pack("<2sIHHI", b"BM", 54 + len(data), 0, 0, 54)
            + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 2835, 2835, 0, 0) + data)


def gif(width: int, height: int, colour: Colour = RED) -> bytes:
    """One colour. The LZW table is cleared so often that codes keep their three bits."""
    codes, left = [], width * height
    while left > 0:
        codes += [4] + [0] * min(2, left)
        left -= 2
    codes.append(5)
    packed = int("".join(map(str, reversed(codes))), 8).to_bytes(-(-3 * len(codes) // 8), "little")
    blocks = [packed[place:place + 255] for place in range(0, len(packed), 255)]
    return (b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(colour) + bytes(3)
            + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2"
            + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0;")


def webp(width: int, height: int, colour: Colour = RED) -> bytes:
    """Lossless and of one colour: five Huffman codes of one symbol each, so the pixels take no bits at all."""
    fields = [(width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 3)]
    for symbol in (colour[1], colour[0], colour[2], 255, 0):
        fields += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    value = size = 0
    for number, bits in fields:
        value, size = value | number << size, size + bits
    data = b"\x2f" + value.to_bytes(-(-size // 8), "little")
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def tiff(width: int, height: int, pixel: Pixel = RED) -> bytes:
    """RGB, one strip, little endian."""
    data = b"".join(_rows(width, height, pixel))
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 0),
               (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(data))]
    bits_at = 8 + 2 + 12 * len(entries) + 4
    values = {258: (3, bits_at), 273: (1, bits_at + 6)}
    directory = b"".join(struct.pack("<HHII", tag, kind, *values.get(tag, (count, value)))
                         for tag, kind, count, value in entries)
    return (b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", 0)
            + struct.pack("<HHH", 8, 8, 8) + data)


def heic(width: int, height: int) -> bytes:
    """The boxes that tell the size; there is no picture behind them."""
    size = box(b"ispe", struct.pack(">III", 0, width, height))
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", size)))
    return box(b"ftyp", b"heic" + bytes(4) + b"mif1heic") + meta + box(b"mdat", bytes(16))


# MP4

def mp4(seconds: float = 4, width: int = 320, height: int = 240, size: int = 0, brand: bytes = b"isom") -> bytes:
    """A video track with no frame in it; zeros at the end fill it up to `size` bytes."""
    head = mp4_head(seconds, width, height, size, brand)
    return head + bytes(max(0, size - len(head)))


def mov(seconds: float = 4, width: int = 320, height: int = 240, size: int = 0) -> bytes:
    return mp4(seconds, width, height, size, b"qt  ")


def mp4_head(seconds: float = 4, width: int = 320, height: int = 240, size: int = 0, brand: bytes = b"isom") -> bytes:
    """All but the zeros at the end: for a large file that is not held, write this and truncate it to `size`."""
    duration = int(seconds * 1000)
    movie = (struct.pack(">IIIIIIHHQ", 0, 0, 0, 1000, duration, 0x10000, 0x100, 0, 0) + _MATRIX + bytes(24)
             + struct.pack(">I", 2))
    track = (struct.pack(">IIIIIIQHHHH", 7, 0, 0, 1, 0, duration, 0, 0, 0, 0, 0) + _MATRIX
             + struct.pack(">II", width << 16, height << 16))
    media = [box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 1000, duration, 0x55C4, 0)),
             box(b"hdlr", bytes(8) + b"vide" + bytes(12) + b"video\0"),
             box(b"minf", *_media_information(width, height))]
    moov = box(b"moov", box(b"mvhd", movie), box(b"trak", box(b"tkhd", track), box(b"mdia", *media)))
    ftyp = box(b"ftyp", brand + struct.pack(">I", 512) + brand + b"mp41")
    filling = max(0, size - len(ftyp) - len(moov) - 8)
    return ftyp + moov + struct.pack(">I", 8 + filling) + b"mdat"


_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _media_information(width: int, height: int) -> List[bytes]:
    entry = (bytes(6) + struct.pack(">H", 1) + bytes(16)
             + struct.pack(">HHIIIH", width, height, 0x480000, 0x480000, 0, 1) + bytes(32) + struct.pack(">Hh", 24, -1))
    tables = [box(b"stsd", struct.pack(">II", 0, 1) + box(b"avc1", entry)), box(b"stts", bytes(8)),
              box(b"stsc", bytes(8)), box(b"stsz", bytes(12)), box(b"stco", bytes(8))]
    reference = box(b"dref", struct.pack(">II", 0, 1) + box(b"url ", struct.pack(">I", 1)))
    return [box(b"vmhd", struct.pack(">IQ", 1, 0)), box(b"dinf", reference), box(b"stbl", *tables)]


def box(kind: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I", 8 + len(data)) + kind + data


# Sounds

def wav(seconds: float = 4, rate: int = 8000) -> bytes:
    """Silence: one channel of 16 bits."""
    data = bytes(2 * int(seconds * rate))
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
            + b"data" + struct.pack("<I", len(data)) + data)


def mp3(seconds: float = 4) -> bytes:
    """Silence: frames of 24 ms, one channel, 32 kbit/s, 48 kHz."""
    return (b"\xff\xfb\x14\xc0" + bytes(92)) * round(seconds / 0.024)
