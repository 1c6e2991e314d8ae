"""Sound that tells what text it was made of, sample by sample: WAV, MP3 and Opus that players take."""
from __future__ import annotations

import functools
import re
import struct
from typing import List

UNIT_SECONDS = 0.12                    # of one counting unit
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
MARK = 0x7ABC                          # the first sample of a character; no tone is as loud
SHORTEST = 8                           # samples of a character
TEXT_BYTES = 60                        # that one MP3 frame hides


def units(text: str) -> int:
    """What the service counts: 2 for a Han character, 1 for any other."""
    return len(text) + len(HAN.findall(text))


def samples(text: str, rate: int = 24000, unit_seconds: float = UNIT_SECONDS) -> bytes:
    """16-bit mono: for each character a mark, its code point in two samples, then a low tone."""
    return b"".join([_block(character, rate, unit_seconds) for character in text])


@functools.lru_cache(maxsize=20_000)
def _block(character: str, rate: int, unit_seconds: float) -> bytes:
    code, count = ord(character), max(SHORTEST, round(units(character) * unit_seconds * rate))
    tone = [(place * (code % 37 + 3)) % 1999 - 999 for place in range(min(count - 3, 400))]
    tone = (tone * (count // max(1, len(tone)) + 1))[:count - 3]
    return struct.pack(f"<{count}h", MARK, code >> 15, code & 0x7FFF, *tone)


def decode(pcm: bytes) -> str:
    """The text that samples were made of; silence between characters does not matter."""
    mark, found, place = struct.pack("<h", MARK), [], _next(pcm, struct.pack("<h", MARK), 0)
    while 0 <= place <= len(pcm) - 6:
        high, low = struct.unpack_from("<hh", pcm, place + 2)
        found.append(chr(high << 15 | low))
        place = _next(pcm, mark, place + 6)
    return "".join(found)


def _next(pcm: bytes, mark: bytes, place: int) -> int:
    place = pcm.find(mark, place)
    while place > 0 and place % 2:
        place = pcm.find(mark, place + 1)
    return place


def wav(pcm: bytes, rate: int, sizes: str = "true", extra: bool = False) -> bytes:
    """A WAV file. sizes: "true", "7fffffff", "ffffffff" or "zero" in the header; extra: an odd chunk before the samples."""
    chunk = b"LIST" + struct.pack("<I", 9) + b"INFOabcde" + b"\0" if extra else b""
    riff, data = {"true": (36 + len(chunk) + len(pcm), len(pcm)), "7fffffff": (0x7FFFFFFF, 0x7FFFFFFF - 36),
                  "ffffffff": (0xFFFFFFFF, 0xFFFFFFFF), "zero": (0, 0)}[sizes]
    return (b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + chunk
            + b"data" + struct.pack("<I", data) + pcm)


# ---- MP3 -------------------------------------------------------------------------------------------------------------

# rate -> (bits of version and rate in the header, kbit/s, bytes of side information, samples of a frame)
_MP3 = {48000: (0xFFFB5400, 64, 17, 1152), 44100: (0xFFFB5000, 64, 17, 1152), 32000: (0xFFFB5800, 64, 17, 1152),
        24000: (0xFFF34400, 32, 9, 576), 22050: (0xFFF34000, 32, 9, 576), 16000: (0xFFF34800, 32, 9, 576),
        12000: (0xFFE34400, 32, 9, 576), 11025: (0xFFE34000, 32, 9, 576), 8000: (0xFFE34800, 32, 9, 576)}


def mp3(text: str, rate: int = 24000, unit_seconds: float = UNIT_SECONDS) -> bytes:
    """Silent frames of layer III with the text in their unused bytes, behind an ID3 tag and a frame that tells the length."""
    head, kilobits, side, long = _MP3[rate]
    size = (144 if long == 1152 else 72) * kilobits * 1000 // rate
    raw = text.encode("utf-8")
    count = max(-(-len(raw) // TEXT_BYTES), -(-round(units(text) * unit_seconds * rate) // long), 1)
    begin = (head | 0xC0).to_bytes(4, "big") + bytes(side)
    frames: List[bytes] = []
    for number in range(count):
        piece = raw[number * TEXT_BYTES:(number + 1) * TEXT_BYTES]
        frames.append((begin + b"Q" + bytes((len(piece),)) + piece).ljust(size, b"\0"))
    info = (begin + b"Info" + struct.pack(">II", 1, count)).ljust(size, b"\0")
    tag = b"TSSE\0\0\0\x0f\0\0\x03emulator 1.0.0"
    return b"ID3\x04\0\0\0\0\0" + bytes((len(tag),)) + tag + info + b"".join(frames)


def decode_mp3(raw: bytes) -> str:
    """The text in the frames of one MP3 or of several that were joined."""
    place, found = 0, []
    while place < len(raw) - 4:
        if raw[place:place + 3] == b"ID3":
            place += 10 + (raw[place + 8] << 7 | raw[place + 9])
            continue
        word = int.from_bytes(raw[place:place + 4], "big") & ~0xC0
        match = next(((rate, row) for rate, row in _MP3.items() if row[0] == word), None)
        assert match, f"no frame at byte {place}: {raw[place:place + 8].hex()}"
        rate, (_, kilobits, side, long) = match
        body = raw[place + 4 + side:]
        if body[:1] == b"Q":
            found.append(body[2:2 + body[1]])
        place += (144 if long == 1152 else 72) * kilobits * 1000 // rate
    return b"".join(found).decode("utf-8")


# ---- Opus ------------------------------------------------------------------------------------------------------------

def opus(text: str, rate: int = 24000, unit_seconds: float = UNIT_SECONDS) -> bytes:
    """Silence in an Ogg container; the text is a comment."""
    count = max(1, round(units(text) * unit_seconds / 0.02))
    comment = b"TEXT=" + text.encode("utf-8")[:40_000]
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, rate, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 8) + b"emulator" + struct.pack("<II", 1, len(comment)) + comment
    pages = [_page([head], 0, 2, 0), _page([tags], 0, 0, 1)]
    for number, first in enumerate(range(0, count, 200)):
        packets = min(200, count - first)
        pages.append(_page([b"\xf8\xff\xfe"] * packets, (first + packets) * 960, 4 if first + packets == count else 0, number + 2))
    return b"".join(pages)


def _page(packets: List[bytes], granule: int, flags: int, number: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    head = b"OggS" + struct.pack("<BBqIII", 0, flags, granule, 0x51574e, number, 0) + bytes((len(lacing),)) + lacing
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(data: bytes) -> int:
    """CRC-32 of Ogg: the polynomial of zlib's, unreflected, and nothing inverted."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[crc >> 24 ^ byte]
    return crc


def _crc_row(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


_CRC_TABLE = [_crc_row(value) for value in range(256)]
