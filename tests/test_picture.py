"""What a media file is, from its own bytes: types, sides, durations, and what lying or broken headers do."""
from __future__ import annotations

import io
import random
import struct

import pytest

from shared import picture
from tests import media_samples as samples


def measure(data: bytes, size: int | None = None):
    return picture.measure(io.BytesIO(data), len(data) if size is None else size)


class Counting(io.BytesIO):
    """Counts the bytes and the calls of read."""
    bytes_read = reads = 0

    def read(self, size=-1):
        block = super().read(size)
        self.bytes_read, self.reads = self.bytes_read + len(block), self.reads + 1
        assert self.reads < 30_000, "the reader does not come to an end"
        return block


# ---- types -----------------------------------------------------------------------------------------------------------

TYPES = [
    (samples.png(20, 20), "image/png"), (samples.jpeg(20, 20), "image/jpeg"), (samples.gif(20, 20), "image/gif"),
    (b"GIF87a" + bytes(20), "image/gif"), (samples.webp(20, 20), "image/webp"), (samples.bmp(20, 20), "image/bmp"),
    (samples.tiff(20, 20), "image/tiff"), (b"MM\0*" + bytes(20), "image/tiff"), (samples.heic(20, 20), "image/heic"),
    *((b"\0\0\0\x18ftyp" + brand + bytes(20), "image/heic")
      for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")),
    *((b"\0\0\0\x18ftyp" + brand + bytes(20), "video/mp4") for brand in (b"isom", b"mp42", b"avc1", b"iso5", b"M4V ")),
    (b"\0\0\0\x14ftypqt  " + bytes(20), "video/quicktime"),
    *((b"\0\0\0\x14" + name + bytes(20), "video/quicktime") for name in (b"moov", b"mdat", b"wide", b"free", b"skip")),
    (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"), (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
    (b"FLV\x01\x05", "video/x-flv"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "video/x-ms-wmv"),
    (b"OggS\0", "audio/ogg"), (b"fLaC\0", "audio/flac"), (b"ID3\x04", "audio/mpeg"), (b"\xff\xfb\x90\0", "audio/mpeg"),
    (b"\xff\xf3\x90\0", "audio/mpeg"), (b"%PDF-1.7\n", "application/pdf"),
]
UNKNOWN = [b"", b"\0", b"\xff", b"P", b"\x89PNG\n\n", b"\xff\xd8", b"\xff\xfeh\0i\0", b"\xef\xbb\xbfHello",
           b"RIFF\0\0\0\0XXXX", b"RIFF",
           b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!DOCTYPE html>", b"PK\3\4\x14\0",
           b"a text named photo.png\n" * 9,
           "一张图片".encode(), b"GIF88a", b"II+\0", b"\0\0\0\x18fty"]


@pytest.mark.parametrize("data, kind", TYPES, ids=lambda item: item if isinstance(item, str) else "")
def test_type_comes_from_the_first_bytes(data, kind):
    assert picture.media_type(data[:64]) == kind == measure(data)[0]
    assert kind in picture.EXTENSIONS


@pytest.mark.parametrize("data", UNKNOWN, ids=lambda data: repr(data[:12]))
def test_what_is_no_media_is_unknown(data):
    assert measure(data) == ("", 0, 0, 0.0)


@pytest.mark.parametrize("text",
    [b"BMW is a maker of cars, and this is a text.\n", b"BM\n", b"BMI: weight by height squared; a text"])
def test_text_that_begins_like_a_bitmap_is_no_bitmap(text):
    assert measure(text)[0] == ""


@pytest.mark.parametrize("brand", [b"avif", b"avis", b"M4A ", b"M4B "])
def test_still_pictures_and_sound_in_boxes_are_no_video(brand):
    assert not picture.media_type(b"\0\0\0\x1cftyp" + brand + bytes(20)).startswith("video/")


# ---- sides -----------------------------------------------------------------------------------------------------------

def segment(marker: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def frame(marker: int = 0xC0, width: int = 321, height: int = 123) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, height, width, 3) + bytes(9))


SOI = b"\xff\xd8"
LONG_EXIF = segment(0xE1, b"Exif\0\0" + samples.jpeg(16, 16) + bytes(60_000))
JPEGS = {
    "baseline": SOI + frame(0xC0), "extended": SOI + frame(0xC1), "progressive": SOI + frame(0xC2),
    "lossless": SOI + frame(0xC3),
    "arithmetic": SOI + frame(0xC9), "last kind": SOI + frame(0xCF),
    "after APP0 and APP1 with a thumbnail": SOI + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + LONG_EXIF + frame(0xC2),
    "many segments": SOI + LONG_EXIF * 20 + frame(),
    "after tables": SOI + segment(0xDB, bytes(65)) + segment(0xC4, bytes(40)) + segment(0xCC, bytes(4)) + segment(0xC8,
        bytes(9)) + frame(),
    "fill bytes": SOI + b"\xff" * 7 + segment(0xE0, bytes(14)) + b"\xff\xff\xff" + frame(),
    "markers without a length": SOI + b"\xff\x01\xff\xd0\xff\xd7" + frame(),
    "comment that looks like a frame": SOI + segment(0xFE, frame(0xC0, 9, 9)) + frame(),
}


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_sides_of_a_jpeg(data):
    assert measure(data + bytes(100)) == ("image/jpeg", 321, 123, 0.0)


@pytest.mark.parametrize("data", [
    SOI + b"\xff\xd9" + frame(), SOI + segment(0xDA, bytes(6)) + frame(), SOI + b"\xff\xe0\0\0",
    SOI + b"\xff\xe0\xff\xff" + bytes(50), SOI + b"\xff\xc0\0\x11\x08", SOI + b"\xff" * 4,
    SOI + b"\xff\xe0\x00\x10\x00" + frame()[1:]])
def test_jpeg_without_a_frame_has_no_sides(data):
    assert measure(data) == ("image/jpeg", 0, 0, 0.0)


def webp(chunk: bytes, data: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(data) + 12) + b"WEBP" + chunk + struct.pack("<I", len(data)) + data


def ifd(order: str, *entries: tuple) -> bytes:
    """A TIFF with one directory at 8; an entry is (tag, type, value)."""
    rows = b"".join(struct.pack(order + "HHI", tag, kind, 1) + (struct.pack(order + "HH", value, 0) if kind == 3
                                                                  else struct.pack(order + "I", value))
                    for tag, kind, value in entries)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IH", 8, len(entries)) + rows + bytes(4)


OLD_BMP = b"BM" + struct.pack("<IHHI", 60, 0, 0, 26) + struct.pack("<IHHHH", 12, 321, 123, 1, 24)
SIDES = {
    "png": (samples.png(321, 123), "image/png"),
    "png, its header alone": (b"\x89PNG\r\n\x1a\n" + samples.png_chunk(b"IHDR", struct.pack(">IIB", 321, 123, 8)),
                              "image/png"),
    "jpeg": (samples.jpeg(321, 123), "image/jpeg"),
    "gif": (samples.gif(321, 123), "image/gif"),
    "webp VP8L": (samples.webp(321, 123), "image/webp"),
    "webp VP8L with alpha": (webp(b"VP8L", b"\x2f" + (320 | 122 << 14 | 1 << 28).to_bytes(4, "little") + bytes(20)),
                             "image/webp"),
    "webp VP8": (webp(b"VP8 ", b"\x50\2\0\x9d\x01\x2a" + struct.pack("<HH", 321, 123) + bytes(20)), "image/webp"),
    "webp VP8, scaled": (webp(b"VP8 ", b"\x50\2\0\x9d\x01\x2a" + struct.pack("<HH", 321 | 1 << 14, 123 | 2 << 14)),
                         "image/webp"),
    "webp VP8X": (webp(b"VP8X", bytes(4) + (320).to_bytes(3, "little") + (122).to_bytes(3, "little")), "image/webp"),
    "bmp": (samples.bmp(321, 123), "image/bmp"),
    "bmp, top down": (samples.bmp(321, 123)[:22] + struct.pack("<i", -123) + bytes(90), "image/bmp"),
    "bmp, OS/2": (OLD_BMP + bytes(30), "image/bmp"),
    "bmp, V5 header": (samples.bmp(321, 123)[:14] + struct.pack("<Iii", 124, 321, 123) + bytes(120), "image/bmp"),
    "tiff, little endian": (samples.tiff(321, 123), "image/tiff"),
    "tiff, big endian": (ifd(">", (254, 4, 0), (256, 4, 321), (257, 4, 123)), "image/tiff"),
    "tiff, shorts": (ifd("<", (256, 3, 321), (257, 3, 123)), "image/tiff"),
    "tiff, big endian shorts": (ifd(">", (256, 3, 321), (257, 3, 123), (258, 3, 8)), "image/tiff"),
}


@pytest.mark.parametrize("data, kind", SIDES.values(), ids=SIDES)
def test_sides(data, kind):
    assert measure(data) == (kind, 321, 123, 0.0)


def test_directory_of_a_tiff_at_the_end():
    data = ifd("<", (256, 4, 321), (257, 4, 123))
    moved = data[:4] + struct.pack("<I", 5000) + bytes(4992) + data[8:]
    assert measure(moved) == ("image/tiff", 321, 123, 0.0)


@pytest.mark.parametrize("width, height", [(1, 1), (65_535, 1), (100_000, 99_999)])
def test_extreme_sides_of_a_png(width, height):
    header = b"\x89PNG\r\n\x1a\n" + samples.png_chunk(b"IHDR", struct.pack(">IIB", width, height, 8))
    assert measure(header)[1:3] == (width, height)


# ---- videos ----------------------------------------------------------------------------------------------------------

box = samples.box


def mvhd(seconds: float, scale: int = 600, version: int = 0) -> bytes:
    times = struct.pack(">QQIQ", 1, 1, scale, int(seconds * scale)) if version else struct.pack(">IIII", 1, 1, scale,
                                                                                                int(seconds * scale))
    return box(b"mvhd", bytes([version, 0, 0, 0]) + times + bytes(80))


def trak(width: int, height: int, version: int = 0) -> bytes:
    head = bytes([version]) + bytes(87 if version else 75) + struct.pack(">II", width << 16, height << 16)
    return box(b"trak", box(b"edts", bytes(8)), box(b"tkhd", head))


FTYP = box(b"ftyp", b"isom" + bytes(4) + b"isommp41")
MOOV = box(b"moov", mvhd(12.5), trak(0, 0), trak(640, 360))


def long_box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, name, 16 + len(content)) + content


MOVIES = {
    "moov first": FTYP + MOOV + box(b"mdat", bytes(50)),
    "moov at the end": FTYP + box(b"free", b"x") + box(b"mdat", bytes(5000)) + MOOV,
    "64-bit box before it": FTYP + long_box(b"mdat", bytes(3000)) + MOOV,
    "64-bit moov": FTYP + long_box(b"moov", MOOV[8:]) + box(b"mdat", bytes(9)),
    "moov to the end of the file": FTYP + bytes(4) + MOOV[4:],
    "version 1 headers": FTYP + box(b"moov", mvhd(12.5, 90_000, 1), trak(640, 360, 1)),
    "sound first, sides from the picture": FTYP + box(b"moov", trak(0, 0), trak(640, 360), trak(0, 0), mvhd(12.5)),
}


@pytest.mark.parametrize("data", MOVIES.values(), ids=MOVIES)
def test_video(data):
    assert measure(data) == ("video/mp4", 640, 360, 12.5)


def test_quicktime_and_the_samples():
    assert measure(samples.mp4(4, 320, 240, brand=b"qt  ")) == ("video/quicktime", 320, 240, 4.0)
    assert measure(MOOV + box(b"mdat", b"")) == ("video/quicktime", 640, 360, 12.5), "an old file without ftyp"
    assert measure(samples.mp4(7200.5)) == ("video/mp4", 320, 240, 7200.5)


@pytest.mark.parametrize("data, seconds", [
    (FTYP + box(b"mdat", bytes(20)), 0), (FTYP, 0), (FTYP + box(b"moov", b""), 0),
    (FTYP + box(b"moov", mvhd(5, 0)), 0), (FTYP + box(b"moov", mvhd(0)), 0),
    (FTYP + box(b"moov", box(b"mvhd", struct.pack(">5I", 0, 1, 1, 600, 0xFFFFFFFF) + bytes(80))), 0),
    (FTYP + box(b"moov", box(b"mvhd", struct.pack(">BxxxQQIQ", 1, 1, 1, 600, 2**64 - 1) + bytes(80))), 0),
    (FTYP + box(b"moov", mvhd(3), box(b"trak", box(b"tkhd", bytes(10)))), 3)])
def test_video_that_does_not_tell(data, seconds):
    assert measure(data) == ("video/mp4", 0, 0, seconds)


# ---- broken and hostile headers --------------------------------------------------------------------------------------

WHOLE = {**{name: data for name, (data, _) in SIDES.items()}, **MOVIES, **JPEGS, "heic": samples.heic(20, 20)}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_truncated_anywhere_never_raises(data):
    for end in {*range(min(len(data), 300)), *range(0, len(data), 997)}:
        kind, width, height, seconds = measure(data[:end])
        assert min(width, height, seconds) >= 0 and kind == picture.media_type(data[:min(end, 64)])
        measure(data[:end], len(data))  # a file that became shorter meanwhile


def test_noise_behind_every_magic_never_raises():
    chance = random.Random(7)
    for data, kind in TYPES:
        for _ in range(40):
            measure(data[:12] + bytes(chance.choice((0, 1, 255, chance.randrange(256))) for _ in range(150)))


HOSTILE = {
    "fill bytes to the end": SOI + b"\xff" * 1_000_000,
    "restart markers to the end": SOI + b"\xff\xd0" * 500_000,
    "empty segments to the end": SOI + b"\xff\xe0\0\0" * 250_000,
    "segments of two": SOI + b"\xff\xe0\0\2" * 250_000,
    "empty boxes": FTYP + b"\0\0\0\x08free" * 100_000,
    "box of size 0 in itself": FTYP + b"\0\0\0\0moov" * 1000,
    "box of size 1 without a size": FTYP + struct.pack(">I4sQ", 1, b"moov", 0) * 1000,
    "box of 16 EiB": FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1) + MOOV,
    "box longer than the file": FTYP + struct.pack(">I4s", 2**31, b"moov") + bytes(100),
    "directory of 65535 entries": b"II*\0" + struct.pack("<IH", 8, 65_535) + bytes(12 * 65_535),
    "directory in itself": b"II*\0" + struct.pack("<I", 0) + bytes(40),
    "directory behind the end": b"MM\0*" + struct.pack(">I", 2**32 - 1) + bytes(40),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_header_costs_little(data):
    file = Counting(data)
    picture.measure(file, len(data))
    assert file.bytes_read < 1_000_000


@pytest.mark.parametrize("head, kind, sides", [
    (samples.png(320, 240)[:64], "image/png", (320, 240, 0.0)),
    (SOI + LONG_EXIF + frame(), "image/jpeg", (321, 123, 0.0)),
    (samples.mp4_head(4, size=2**30), "video/mp4", (320, 240, 4.0))], ids=["png", "jpeg", "mp4"])
def test_only_the_header_of_a_large_file_is_read(tmp_path, head, kind, sides):
    with open(tmp_path / "large", "wb") as file:
        file.write(head)
        file.truncate(2**30)
    assert large_reads(tmp_path / "large") == ((kind, *sides), True)


def test_index_behind_a_gigabyte_is_found(tmp_path):
    filling = 2**30
    with open(tmp_path / "large", "wb") as file:
        file.write(FTYP + struct.pack(">I4sQ", 1, b"mdat", 16 + filling))
        file.seek(len(FTYP) + 16 + filling)
        file.write(MOOV)
    assert large_reads(tmp_path / "large") == (("video/mp4", 640, 360, 12.5), True)


def large_reads(path):
    """What was measured, and whether it took no more than a few kilobytes of the file."""
    total = []

    class Raw(io.FileIO):
        def read(self, size=-1):
            block = super().read(size)
            total.append(len(block))
            return block
    with Raw(str(path), "rb") as file:
        found = picture.measure(file, path.stat().st_size)
    return found, sum(total) < 4096
