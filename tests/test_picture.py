"""What a media file is, from its own bytes: types, sides, durations, and what lying or broken headers do."""
from __future__ import annotations

import io
import random
import struct

import pytest

from shared.files import probe
from shared.files.ends import is_whole
from tests import media_samples as samples
from tests.folding import each


def measure(data: bytes, size: int | None = None):
    return probe.measure(io.BytesIO(data), len(data) if size is None else size)


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
    *((b"\0\0\0\x18ftyp" + brand + bytes(20), "image/avif") for brand in (b"avif", b"avis")),
    *((b"\0\0\0\x18ftyp" + brand + bytes(20), "video/mp4") for brand in (b"isom", b"mp42", b"avc1", b"iso5", b"M4V ")),
    (b"\0\0\0\x14ftypqt  " + bytes(20), "video/quicktime"),
    *((b"\0\0\0\x14" + name + bytes(20), "video/quicktime") for name in (b"moov", b"mdat", b"wide", b"free", b"skip")),
    (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"), (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
    (b"FLV\x01\x05", "video/x-flv"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "video/x-ms-wmv"),
    ((b"G\x40\0\x10" + bytes(184)) * 3, "video/mp2t"), (b"\0\0\1\xba\x44" + bytes(20), "video/mpeg"), (b"\0\0\1\xb3\x14" + bytes(20), "video/mpeg"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\0" + bytes(20), "application/mxf"),
    (b"OggS\0", "audio/ogg"), (b"fLaC\0", "audio/flac"), (b"ID3\x04", "audio/mpeg"), (b"\xff\xfb\x90\0", "audio/mpeg"),
    (b"\xff\xf3\x90\0", "audio/mpeg"), (b"%PDF-1.7\n", "application/pdf"),
]
UNKNOWN = [b"", b"\0", b"\xff", b"P", b"\x89PNG\n\n", b"\xff\xd8", b"\xff\xfeh\0i\0", b"\xef\xbb\xbfHello",
           b"RIFF\0\0\0\0XXXX", b"RIFF",
           b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!DOCTYPE html>", b"PK\3\4\x14\0",
           b"a text named photo.png\n" * 9,
           b"G" + bytes(300), b"Go home. " * 50,
           "一张图片".encode(), b"GIF88a", b"II+\0", b"\0\0\0\x18fty"]


@each("data, kind", TYPES, ids=lambda item: item if isinstance(item, str) else "")
def test_type_comes_from_the_first_bytes(data, kind):
    assert probe.media_type(data[:probe.HEAD]) == kind == measure(data)[0]
    assert kind in probe.EXTENSIONS


@pytest.mark.parametrize("data", UNKNOWN, ids=lambda data: repr(data[:12]))
def test_what_is_no_media_is_unknown(data):
    assert measure(data) == ("", 0, 0, 0.0)


@pytest.mark.parametrize("text",
    [b"BMW is a maker of cars, and this is a text.\n", b"BM\n", b"BMI: weight by height squared; a text"])
def test_text_that_begins_like_a_bitmap_is_no_bitmap(text):
    assert measure(text)[0] == ""


@pytest.mark.parametrize("brand", [b"avif", b"avis", b"M4A ", b"M4B "])
def test_still_pictures_and_sound_in_boxes_are_no_video(brand):
    assert not probe.media_type(b"\0\0\0\x1cftyp" + brand + bytes(20)).startswith("video/")


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


@each("data", WHOLE.values(), ids=WHOLE)
def test_truncated_anywhere_never_raises(data):
    for end in {*range(min(len(data), 300)), *range(0, len(data), 997)}:
        kind, width, height, seconds = measure(data[:end])
        assert min(width, height, seconds) >= 0 and kind == probe.media_type(data[:min(end, 64)])
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
    probe.measure(file, len(data))
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
        found = probe.measure(file, path.stat().st_size)
    return found, sum(total) < 4096


# ---- sounds ----------------------------------------------------------------------------------------------------------

def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if length is None else length) + data + bytes(len(data) % 2)


def wave(*chunks: bytes) -> bytes:
    content = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WAVE" + content


def fmt(rate: int = 16000, channels: int = 1, bits: int = 16, extra: bytes = b"") -> bytes:
    each = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * each, each, bits) + extra)


WAVES = {
    "mono": (wave(fmt(), chunk(b"data", bytes(48_000))), 1.5), "stereo": (wave(fmt(44_100, 2), chunk(b"data", bytes(176_400))), 1.0),
    "8 bits": (wave(fmt(8000, 1, 8), chunk(b"data", bytes(4000))), 0.5),
    "longer header": (wave(fmt(extra=b"\0\0"), chunk(b"data", bytes(32_000))), 1.0),
    "chunks before the data": (wave(chunk(b"LIST", bytes(301)), fmt(), chunk(b"fact", bytes(4)), chunk(b"data", bytes(32_000))), 1.0),
    "chunks behind the data": (wave(fmt(), chunk(b"data", bytes(32_000)), chunk(b"LIST", bytes(5000))), 1.0),
    "size of a stream": (wave(fmt(), chunk(b"data", bytes(32_000), 0xFFFFFFFF)), 1.0),
    "size beyond the end": (wave(fmt(), chunk(b"data", bytes(16_000), 64_000)), 0.5),
    "no data": (wave(fmt()), 0), "no format": (wave(chunk(b"data", bytes(32_000))), 0), "rate of zero": (wave(fmt(0), chunk(b"data", bytes(99))), 0),
    "nothing": (wave(), 0),
}


@pytest.mark.parametrize("data, seconds", WAVES.values(), ids=WAVES)
def test_length_of_a_wave_file(data, seconds):
    assert measure(data) == ("audio/wav", 0, 0, pytest.approx(seconds))


def mp3_frames(count: int, head: bytes = b"\xff\xfb\x90\x00", size: int = 417, first: bytes = b"", offset: int = 36) -> bytes:
    """Frames of layer III; by default version 1, 128 kbit/s, 44100 Hz. `first` stands in the first frame at `offset`."""
    frames = [(head + bytes(size - 4)) for _ in range(count)]
    if first:
        frames[0] = (frames[0][:offset] + first + bytes(size))[:size]
    return b"".join(frames)


def id3(size: int) -> bytes:
    return b"ID3\4\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


ONE_FRAME = 1152 / 44_100
XING = struct.pack(">4sII", b"Xing", 1, 1000)
MP3S = {
    "one rate": (mp3_frames(200), 200 * 417 * 8 / 128_000), "behind a tag": (id3(500) + mp3_frames(200), 200 * 417 * 8 / 128_000),
    "behind a tag with a picture": (id3(300_000) + mp3_frames(200), 200 * 417 * 8 / 128_000),
    "changing rate, Xing": (mp3_frames(50, first=XING), 1000 * ONE_FRAME),
    "Info": (mp3_frames(50, first=struct.pack(">4sII", b"Info", 3, 500)), 500 * ONE_FRAME),
    "Xing without a count": (mp3_frames(200, first=struct.pack(">4sII", b"Xing", 2, 77)), 200 * 417 * 8 / 128_000),
    "Xing of a mono file": (mp3_frames(50, b"\xff\xfb\x90\xc0", first=XING, offset=21), 1000 * ONE_FRAME),
    "Xing behind a tag": (id3(129) + mp3_frames(50, first=XING), 1000 * ONE_FRAME),
    "VBRI": (mp3_frames(50, first=b"VBRI" + bytes(10) + struct.pack(">I", 2000)), 2000 * ONE_FRAME),
    "version 2, 64 kbit/s, 22050 Hz": (mp3_frames(300, b"\xff\xf3\x80\x00", 208), 300 * 208 * 8 / 64_000),
    "version 2 with a count": (mp3_frames(50, b"\xff\xf3\x80\x00", 208, XING, 21), 1000 * 576 / 22_050),
    "version 2.5, 8000 Hz, 8 kbit/s": (mp3_frames(100, b"\xff\xe3\x18\x00", 72), 100 * 72 * 8 / 8000),
    "320 kbit/s, 48000 Hz": (mp3_frames(100, b"\xff\xfb\xe4\x00", 960), 100 * 960 * 8 / 320_000),
    "padded frames": (mp3_frames(100, b"\xff\xfb\x92\x00", 418), 100 * 418 * 8 / 128_000),
    "what looks like a frame comes first": (id3(0) + b"\xff\xfb\x90\x00" + bytes(96) + mp3_frames(200), 200 * 417 * 8 / 128_000),
    "tag alone": (id3(500), 0), "tag and noise": (id3(20) + bytes(2000), 0), "free format": (mp3_frames(1, b"\xff\xfb\x00\x00"), 0),
}


@pytest.mark.parametrize("data, seconds", MP3S.values(), ids=MP3S)
def test_length_of_an_mp3_file(data, seconds):
    assert measure(data) == ("audio/mpeg", 0, 0, pytest.approx(seconds, rel=1e-3))


SOUNDS = {**{f"wave, {name}": data for name, (data, _) in WAVES.items()}, **{f"mp3, {name}": data for name, (data, _) in MP3S.items()}}


@each("data", SOUNDS.values(), ids=SOUNDS)
def test_truncated_sound_never_raises(data):
    for end in {*range(min(len(data), 700)), *range(0, len(data), 997)}:
        kind, width, height, seconds = measure(data[:end], len(data))
        assert (width, height) == (0, 0) and 0 <= seconds < 3600 and kind == probe.media_type(data[:min(end, 64)])


@pytest.mark.parametrize("data", [
    wave(*[chunk(b"junk", b"")] * 100_000), wave(chunk(b"junk", b"", 0xFFFFFFFF)) + bytes(99), b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(1000),
    b"\xff\xfb\x90\x00" * 100_000, b"\xff" * 500_000, id3(0) + b"\xff\xfb" * 100_000],
        ids=["empty chunks", "long chunk", "long tag", "heads", "ones", "halves"])
def test_hostile_sound_costs_little(data):
    file = Counting(data)
    probe.measure(file, len(data))
    assert file.bytes_read < 100_000


# ---- whole or torn ---------------------------------------------------------------------------------------------------

def whole(data: bytes, kind: str | None = None) -> bool:
    return is_whole(io.BytesIO(data), len(data), probe.media_type(data[:64]) if kind is None else kind)


SAMPLE_MP4 = samples.mp4(4, size=5000)
MOOF = box(b"moof", bytes(30))
WHOLE_FILES = {
    "png": samples.png(50, 40), "jpeg": samples.jpeg(50, 40), "gif": samples.gif(50, 40), "webp": samples.webp(50, 40),
    "jpeg with a few bytes behind": samples.jpeg(50, 40) + bytes(9), "webp with bytes behind": samples.webp(50, 40) + bytes(9),
    "mp4": SAMPLE_MP4, "mp4, moov at the end": FTYP + box(b"mdat", bytes(5000)) + MOOV, "quicktime": samples.mp4(4, size=5000, brand=b"qt  "),
    "mp4 in fragments": FTYP + MOOV + (MOOF + box(b"mdat", bytes(50))) * 20, "mp4, 64-bit box": FTYP + MOOV + long_box(b"mdat", bytes(3000)),
    "mp4, last box without a size": FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + bytes(500), "old quicktime": MOOV + box(b"mdat", bytes(9)),
}
TORN = {name: WHOLE_FILES[name] for name in ("png", "webp", "mp4", "mp4, moov at the end", "quicktime", "mp4, 64-bit box")}


@pytest.mark.parametrize("data", WHOLE_FILES.values(), ids=WHOLE_FILES)
def test_whole_file(data):
    assert whole(data)


@pytest.mark.parametrize("data", TORN.values(), ids=TORN)
def test_torn_file_is_noticed_wherever_it_ends(data):
    for end in {*range(64, len(data), 7), len(data) - 1, len(data) - 4}:
        assert not whole(data[:end]), end


@pytest.mark.parametrize("name", ["jpeg", "gif"])
def test_picture_without_its_end_is_torn(name):
    data = WHOLE_FILES[name]
    for end in (len(data) - 1, len(data) - 2, len(data) // 2):
        assert not whole(data[:end]), end


def test_gif_is_not_whole_because_of_a_byte_in_its_pixels():
    """0x3b ends a GIF, and stands among any compressed pixels."""
    data = samples.gif(60, 60)
    torn = data[:-20] + b";" + data[-19:-8]
    assert whole(data) and not whole(torn)


@pytest.mark.parametrize("data", [
    FTYP + MOOV, FTYP + box(b"mdat", bytes(50)), FTYP, FTYP + MOOV + box(b"mdat", bytes(50)) + MOOV[:100], FTYP + MOOV + MOOV[:100],
    FTYP + MOOV + MOOF + box(b"mdat", bytes(50)) + b"\0\0\0"],
    ids=["no pictures", "no index", "neither", "box cut off", "no pictures, box cut off", "rest of a fragment"])
def test_video_that_lacks_something_is_torn(data):
    assert not whole(data)


@pytest.mark.parametrize("kind", ["image/bmp", "image/tiff", "video/x-matroska", "audio/mpeg", ""])
def test_format_without_an_end_is_whole_unless_empty(kind):
    assert whole(b"x" * 100, kind) and not whole(b"", kind)


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4"])
def test_empty_file_is_torn(kind):
    assert not whole(b"", kind)


def test_page_in_place_of_a_picture_is_not_whole():
    assert not whole(b"<html>not found</html>" * 50, "image/png") and not whole(b"<html>" * 90, "video/mp4")


@pytest.mark.parametrize("data", [FTYP + MOOV + (MOOF + box(b"mdat", bytes(50))) * 4000], ids=["8000 boxes"])
def test_video_of_many_fragments_is_whole(data):
    assert whole(data)


# ---- transparency ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data, alpha", [
    (samples.png(20, 20, (9,), "L"), False), (samples.png(20, 20), False), (samples.png(20, 20, (0,), "P", palette=[(1, 2, 3)]), False),
    (samples.png(20, 20, (9, 9), "LA"), True), (samples.png(20, 20, (9, 9, 9, 9), "RGBA"), True), (samples.jpeg(20, 20), False),
    (samples.webp(20, 20), False), (b"", False), (samples.png(20, 20, (9, 9, 9, 9), "RGBA")[:25], False), (b"x" * 25 + b"\6", False)])
def test_transparency(data, alpha):
    file = io.BytesIO(data)
    file.seek(min(7, len(data)))
    assert probe.has_alpha(file) is alpha
