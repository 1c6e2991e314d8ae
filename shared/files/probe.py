"""What a file is: type, sides and length of pictures, videos and sounds, from its bytes."""
from __future__ import annotations

import struct

EXTENSIONS = {
    "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp",
    "image/tiff": "tiff", "image/heic": "heic", "image/avif": "avif",
    "video/mp4": "mp4", "video/quicktime": "mov", "video/x-msvideo": "avi", "video/x-matroska": "mkv",
    "video/webm": "webm", "video/x-flv": "flv", "video/x-ms-wmv": "wmv",
    "video/mp2t": "ts", "video/mpeg": "mpg", "application/mxf": "mxf",
    "audio/wav": "wav", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/ogg": "ogg", "audio/flac": "flac",
    "audio/pcm": "pcm", "application/pdf": "pdf",
}


_MAGIC = (  # bytes at the beginning -> type
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"), (b"MM\0*", "image/tiff"),
    (b"FLV\x01", "video/x-flv"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"),
    (b"\0\0\1\xba", "video/mpeg"), (b"\0\0\1\xb3", "video/mpeg"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "application/mxf"),
    (b"ID3", "audio/mpeg"), (b"%PDF", "application/pdf"),
)
HEAD = 400  # bytes that tell every type: a transport stream by the first bytes of three packets


_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {  # of files in boxes; any other brand is MP4
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
    b"qt  ": "video/quicktime",
}


_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the header after the first 14 bytes


def media_type(head: bytes) -> str:
    """The media type that the first bytes tell, or ''."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "video/quicktime"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if len(head) > 188 and not head[::188].strip(b"G"):
        return "video/mp2t"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "audio/mpeg"
    return ""


def measure(file, size: int) -> tuple:
    """(type, width, height, seconds) of an open binary file of `size` bytes; the file's position is moved.

    The sides are those of a picture as it is shown, whatever way it is stored.
    """
    head = file.read(HEAD)
    kind = media_type(head)
    reader = _READERS.get(kind)
    try:
        width, height, seconds = reader(file, head, size) if reader else (0, 0, 0.0)
    except (struct.error, IndexError, ValueError):
        width, height, seconds = 0, 0, 0.0
    return (kind, height, width, seconds) if is_turned(file, kind) else (kind, width, height, seconds)


def is_turned(file, kind: str) -> bool:
    """Whether a picture is stored on its side and shown upright, as phones do (EXIF orientation 5 to 8)."""
    try:
        place = _EXIF[kind](file) if kind in _EXIF else -1
        return place >= 0 and 5 <= _tags(file, place).get(274, 1) <= 8
    except (struct.error, IndexError, ValueError):
        return False


def _exif_of_jpeg(file) -> int:
    """Where the TIFF data of a photo's EXIF begins, -1 where there are none; the same for other formats."""
    for marker, place in segments(file):
        if marker == 0xE1:
            file.seek(place)
            if file.read(6) == b"Exif\0\0":
                return place + 6
    return -1


def _exif_of_png(file) -> int:
    found = ((name, place) for name, place, _ in chunks(file) if name in (b"eXIf", b"IDAT"))
    name, place = next(found, (b"", -1))
    return place if name == b"eXIf" else -1


def _exif_of_webp(file) -> int:
    place = next((place for name, place in _riff_chunks(file) if name == b"EXIF"), -1)
    if place >= 0:
        file.seek(place)
        return place + 6 if file.read(6) == b"Exif\0\0" else place
    return place


_EXIF = {"image/jpeg": _exif_of_jpeg, "image/png": _exif_of_png, "image/webp": _exif_of_webp,
         "image/tiff": lambda file: 0}


def chunks(file):
    """(name, place of its data, end) of each chunk of a PNG, the last one included if it is whole."""
    place = 8
    for _ in range(1_000_000):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        end = place + 12 + int.from_bytes(head[:4], "big")
        yield head[4:], place + 8, end
        place = end


def _riff_chunks(file):
    """(name, place of its data) of each chunk of a RIFF file."""
    place = 12
    for _ in range(1000):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        yield head[:4], place + 8
        place += 8 + length + length % 2


def _png(file, head: bytes, size: int) -> tuple:
    return (*struct.unpack(">II", head[16:24]), 0.0)


def _gif(file, head: bytes, size: int) -> tuple:
    return (*struct.unpack("<HH", head[6:10]), 0.0)


def _bmp(file, head: bytes, size: int) -> tuple:
    if struct.unpack("<I", head[14:18])[0] == 12:
        return (*struct.unpack("<HH", head[18:22]), 0.0)
    width, height = struct.unpack("<ii", head[18:26])
    return abs(width), abs(height), 0.0


def _webp(file, head: bytes, size: int) -> tuple:
    chunk = head[12:16]
    if chunk == b"VP8X":
        return (1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"), 0.0)
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 0.0
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF, 0.0


def segments(file):
    """(marker, place of its data) of each segment of a JPEG up to its pixels; real files have a few dozen."""
    position = 2
    for _ in range(2000):
        file.seek(position)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return
        if head[1] == 0xFF:  # a fill byte
            position += 1
            continue
        yield head[1], position + 4
        if head[1] in (0xD9, 0xDA):
            return
        is_alone = 0xD0 <= head[1] <= 0xD8 or head[1] == 1
        position += 2 + (0 if is_alone else struct.unpack(">H", head[2:4])[0])


def _jpeg(file, head: bytes, size: int) -> tuple:
    """From the frame header (SOF)."""
    for marker, place in segments(file):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            file.seek(place + 1)
            height, width = struct.unpack(">HH", file.read(4))
            return width, height, 0.0
    return 0, 0, 0.0


def _tiff(file, head: bytes, size: int) -> tuple:
    found = _tags(file, 0)
    return found.get(256, 0), found.get(257, 0), 0.0


def _tags(file, base: int) -> dict:
    """Tag -> value of the first directory of TIFF data that begin at `base`:
    width is 256, height 257, orientation 274."""
    file.seek(base)
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    file.seek(base + struct.unpack(order + "I", head[4:8])[0])
    found = {}
    for _ in range(min(struct.unpack(order + "H", file.read(2))[0], 200)):
        entry = file.read(12)
        tag, kind = struct.unpack(order + "HH", entry[:4])
        form, value = ("H", entry[8:10]) if kind == 3 else ("I", entry[8:12])
        found[tag] = struct.unpack(order + form, value)[0]
    return found


def _mp4(file, head: bytes, size: int) -> tuple:
    """Duration from moov/mvhd, width and height from the largest moov/trak/tkhd."""
    moov = next((box for box in boxes(file, 0, size) if box[0] == b"moov"), None)
    if moov is None:
        return 0, 0, 0.0
    seconds, sides = 0.0, (0, 0)
    for name, start, end in boxes(file, moov[1], moov[2]):
        if name == b"mvhd":
            seconds = _duration(file, start)
        elif name == b"trak":
            sides = max(sides, _track_sides(file, start, end))
    return (*sides, seconds)


def boxes(file, start: int, end: int):
    """(name, start, end) of the contents of each box between two offsets."""
    for _ in range(10000):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        length, name, begin = struct.unpack(">I", head[:4])[0], head[4:8], start + 8
        if length == 1 and len(head) < 16:
            return
        if length == 1:
            length, begin = struct.unpack(">Q", head[8:16])[0], start + 16
        stop = end if length == 0 else start + length
        if stop <= start or stop > end:
            return
        yield name, begin, stop
        start = stop


def _duration(file, start: int) -> float:
    file.seek(start)
    box = file.read(32)
    scale, length = struct.unpack(">IQ", box[20:32]) if box[0] == 1 else struct.unpack(">II", box[12:20])
    unknown = length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return length / scale if scale and not unknown else 0.0


def _track_sides(file, start: int, end: int) -> tuple:
    for name, begin, stop in boxes(file, start, end):
        if name == b"tkhd" and stop - begin >= 84:
            file.seek(stop - 8)
            width, height = struct.unpack(">II", file.read(8))
            return width >> 16, height >> 16
    return 0, 0


def _wav(file, head: bytes, size: int) -> tuple:
    """Walk the chunks; a size that is a placeholder (a stream's header) means: to the end of the file."""
    rate, position = 0, 12
    for _ in range(200):
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            rate = struct.unpack("<I", file.read(12)[8:12])[0]
        elif name == b"data":
            bytes_ = min(length, size - position - 8)
            return 0, 0, bytes_ / rate if rate else 0.0
        position += 8 + length + length % 2
    return 0, 0, 0.0


_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
# layer III, kbit/s: version 1, others
_MP3_BITS = {1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
             2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)}


def _mp3(file, head: bytes, size: int) -> tuple:
    """From the count of frames where a Xing, Info or VBRI header has it,
    else from the first frame's bit rate."""
    start = 0
    if head[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0)))
    file.seek(start)
    data = file.read(8192)
    for place in range(len(data) - 4):
        frame = _mp3_frame(data[place:place + 4])
        if frame is None:
            continue
        rate, bits, samples, padding = frame
        follows = place + samples * bits * 125 // rate + padding
        if follows + 4 <= len(data) and _mp3_frame(data[follows:follows + 4]) is None:
            continue  # by chance the bytes of something else looked like a frame
        count = _mp3_count(data[place:place + 200])
        return 0, 0, count * samples / rate if count else (size - start - place) * 8 / (bits * 1000)
    return 0, 0, 0.0


def _mp3_frame(head: bytes):
    """(sample rate, kbit/s, samples, padding bytes) of a layer III frame header, or None."""
    if head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate, bits = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate == 3 or bits in (0, 15):
        return None
    is_first = version == 3
    return (_MP3_RATES[version][rate], _MP3_BITS[1 if is_first else 2][bits],
            1152 if is_first else 576, head[2] >> 1 & 1)


def _mp3_count(frame: bytes) -> int:
    for name in (b"Xing", b"Info"):
        place = frame.find(name)
        if place > 0 and frame[place + 7] & 1:
            return struct.unpack(">I", frame[place + 8:place + 12])[0]
    place = frame.find(b"VBRI")
    return struct.unpack(">I", frame[place + 14:place + 18])[0] if place > 0 else 0


SIZED = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp")  # these always tell their sides
_READERS = {"image/png": _png, "image/gif": _gif, "image/bmp": _bmp, "image/webp": _webp, "image/jpeg": _jpeg,
            "image/tiff": _tiff, "video/mp4": _mp4, "video/quicktime": _mp4, "audio/wav": _wav,
            "audio/mpeg": _mp3}


def has_alpha(file) -> bool:
    """Whether a picture is a PNG or WebP that says it has transparency."""
    file.seek(0)
    head = file.read(32)
    kind = media_type(head)
    if kind == "image/webp":
        extended = head[12:16] == b"VP8X" and bool(head[20:21] and head[20] & 0x10)
        lossless = head[12:16] == b"VP8L" and len(head) > 24 and bool(head[24] & 0x10)
        return extended or lossless
    if kind != "image/png" or len(head) < 26:
        return False
    if head[25] in (4, 6):
        return True
    return next((name for name, _, _ in chunks(file) if name in (b"tRNS", b"IDAT")), b"") == b"tRNS"
