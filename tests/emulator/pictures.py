"""Whether bytes really are the picture they claim to be, as far as the standard library can tell, and how large it is.

PNG is decoded to the end (chunk checksums, the zlib stream and its length); of JPEG the markers are walked from SOI to
EOI; of the others the structure around the pixels is read.
"""
from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from tests.emulator.boxes import walk
from tests.emulator.magic import sniff

INFLATE_LIMIT = 256 * 1024 * 1024      # a PNG with more bytes of pixels is not unpacked


class BadPicture(ValueError):
    """The bytes are no whole picture; the message says what is wrong."""


class UnknownPicture(BadPicture):
    """The bytes are of a format that is not taken."""


@dataclass(frozen=True)
class Raster:
    """The rows of a PNG as they are packed: a filter type and the filtered bytes each."""
    data: bytes
    depth: int
    colour_type: int
    interlaced: bool
    palette: bytes = b""

    @property
    def channels(self) -> int:
        return CHANNELS[self.colour_type]


@dataclass(frozen=True)
class Picture:
    format: str
    width: int
    height: int
    raster: Optional[Raster] = field(default=None, repr=False)


def inspect(data: bytes) -> Picture:
    """Raises BadPicture."""
    known = sniff(data)
    reader = READERS.get(known.name) if known else None
    if known is None or reader is None:
        raise UnknownPicture(f"{known.name if known else 'an unknown format'} is not taken as a picture")
    try:
        return reader(data)
    except (struct.error, IndexError):
        raise BadPicture(f"the {known.name} ends too early") from None


def _sized(name: str, width: int, height: int, raster: Optional[Raster] = None) -> Picture:
    if width < 1 or height < 1:
        raise BadPicture(f"the {name} has no size")
    return Picture(name, width, height, raster)


# PNG

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _png(data: bytes) -> Picture:
    chunks = list(_png_chunks(data))
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise BadPicture("the PNG does not begin with an IHDR chunk")
    width, height, depth, kind, compression, filtering, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth not in DEPTHS.get(kind, ()) or compression or filtering or interlace > 1:
        raise BadPicture("the PNG's IHDR chunk has illegal values")
    palette = next((content for name, content in chunks if name == b"PLTE"), b"")
    if kind == 3 and not palette:
        raise BadPicture("the PNG has no palette")
    raster = Raster(b"", depth, kind, bool(interlace), palette)
    picture = _sized("PNG", width, height, raster)
    packed = b"".join(content for name, content in chunks if name == b"IDAT")
    data = _inflate(packed, sum((1 + row) * rows for row, rows in _passes(picture, raster)))
    return replace(picture, raster=replace(raster, data=data))


def _png_chunks(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    place, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8:place + 8 + length]
        if struct.unpack_from(">I", data, place + 8 + length)[0] != zlib.crc32(kind + content):
            raise BadPicture(f"the PNG chunk {kind.decode('latin-1')} has a wrong checksum")
        yield kind, content
        place += 12 + length


def _passes(picture: Picture, raster: Raster) -> Iterator[Tuple[int, int]]:
    """(bytes in a row, rows) of the picture, or of each of the seven passes of an interlaced one."""
    for left, top, across, down in ADAM7 if raster.interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(picture.width - left) // across), -(-(picture.height - top) // down)
        if columns > 0 and rows > 0:
            yield -(-columns * raster.channels * raster.depth // 8), rows


def _inflate(packed: bytes, size: int) -> bytes:
    if size > INFLATE_LIMIT:
        return b""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, size + 1)
    except zlib.error as error:
        raise BadPicture(f"the PNG's pixels cannot be unpacked: {error}") from None
    if len(raw) != size or not unpacker.eof:
        raise BadPicture(f"the PNG has {'more' if len(raw) > size else 'not all'} of its {size} bytes of pixels")
    return raw


# JPEG

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset((0x01, *range(0xD0, 0xD8)))                 # markers without a length
NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)    # after a scan


def _jpeg(data: bytes) -> Picture:
    size, scanned, place = None, False, 2
    while True:
        place, marker = _marker(data, place)
        if marker == 0xD9:
            break
        if marker in ALONE:
            continue
        length = struct.unpack_from(">H", data, place)[0]
        if length < 2 or place + length > len(data):
            raise BadPicture("a JPEG segment is longer than the file")
        if marker in FRAMES:
            size = struct.unpack_from(">HH", data, place + 3)
        place += length
        if marker == 0xDA:
            scanned, place = True, _end_of_scan(data, place)
    if size is None or not scanned:
        raise BadPicture("the JPEG has no " + ("frame header (SOF)" if size is None else "scan (SOS)"))
    return _sized("JPEG", size[1], size[0])


def _marker(data: bytes, place: int) -> Tuple[int, int]:
    """The place after the marker, and the marker."""
    if data[place] != 0xFF:
        raise BadPicture("the JPEG has bytes between its segments")
    while data[place] == 0xFF:
        place += 1
    return place + 1, data[place]


def _end_of_scan(data: bytes, place: int) -> int:
    found = NEXT_MARKER.search(data, place)
    if not found:
        raise BadPicture("the JPEG has no end (EOI): it is cut short")
    return found.start()


# The others

def _bmp(data: bytes) -> Picture:
    offset, header = struct.unpack_from("<II", data, 10)
    if header < 40:
        raise BadPicture("the BMP has the header of OS/2")
    width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    if planes != 1 or bits not in (1, 4, 8, 16, 24, 32):
        raise BadPicture("the BMP's header has illegal values")
    if compression == 0 and offset + -(-width * bits // 32) * 4 * abs(height) > len(data):
        raise BadPicture("the BMP is cut short")
    return _sized("BMP", width, abs(height))


def _webp(data: bytes) -> Picture:
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise BadPicture("the WebP is cut short")
    kind, length = struct.unpack_from("<4sI", data, 12)
    if kind not in WEBP_SIZES or 20 + length > len(data):
        raise BadPicture("the WebP has no picture chunk, or not all of it")
    return _sized("WebP", *WEBP_SIZES[kind](data[20:20 + length]))


def _vp8(chunk: bytes) -> Tuple[int, int]:
    if chunk[3:6] != b"\x9d\x01\x2a":
        raise BadPicture("the WebP's VP8 frame has no start code")
    width, height = struct.unpack_from("<HH", chunk, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l(chunk: bytes) -> Tuple[int, int]:
    if chunk[0] != 0x2F:
        raise BadPicture("the WebP's VP8L frame has no signature")
    bits = struct.unpack_from("<I", chunk, 1)[0]
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _vp8x(chunk: bytes) -> Tuple[int, int]:
    return int.from_bytes(chunk[4:7], "little") + 1, int.from_bytes(chunk[7:10], "little") + 1


WEBP_SIZES: Dict[bytes, Callable[[bytes], Tuple[int, int]]] = {b"VP8 ": _vp8, b"VP8L": _vp8l, b"VP8X": _vp8x}


def _tiff(data: bytes) -> Picture:
    order = "<" if data[:2] == b"II" else ">"
    directory = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, directory)[0]
    values: Dict[int, int] = {}
    for number in range(count):
        tag, kind = struct.unpack_from(order + "HH", data, directory + 2 + 12 * number)
        values[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, directory + 10 + 12 * number)[0]
    if not {256, 257} <= set(values) or not {273, 324} & set(values):
        raise BadPicture("the TIFF's directory has no size or no pixels")
    return _sized("TIFF", values[256], values[257])


def _heic(data: bytes) -> Picture:
    sizes: List[Tuple[int, int]] = [struct.unpack_from(">II", content, 4) for path, content in walk(data)
                                    if path == ("meta", "iprp", "ipco", "ispe")]
    if not sizes:
        raise BadPicture("the HEIC says nowhere how large it is")
    return _sized("HEIC", *max(sizes))


READERS: Dict[str, Callable[[bytes], Picture]] = {
    "PNG": _png, "JPEG": _jpeg, "BMP": _bmp, "WebP": _webp, "TIFF": _tiff, "HEIC": _heic}
