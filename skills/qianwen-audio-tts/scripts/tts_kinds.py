"""What bytes are that should be sound, by how they begin; and how long Opus and FLAC say that they are."""
from __future__ import annotations

import codecs
import re
import struct
from collections import namedtuple

from shared.files.probe import EXTENSIONS, media_type

HEAD = 64  # bytes by which the kind is told
MOST_TAGS = 1 << 20  # bytes of tags in front of it
LEAST = 12  # bytes of samples that can be told from something else

_TAG = 10  # bytes of the header of a tag

MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "pcm": "audio/pcm", "opus": "audio/ogg",
               "flac": "audio/flac"}


class BadSound(Exception):
    """Bytes that are not the audio they should be; the message says what they are."""


def sniff(head: bytes) -> str:
    """The format that the first bytes of a file show, or ''. Bare PCM has no mark."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:3] == b"ID3" or (len(head) > 3 and frame_of(head[:4])):
        return "mp3"
    return {b"OggS": "opus", b"fLaC": "flac"}.get(head[:4], "")


def kept_form(head: bytes, asked: str, bare: bool) -> str:
    """The form in which sound is kept that begins with `head`; `bare`: PCM needs no header. Raises BadSound.
    """
    form = sniff(head)
    if form == "mp3" and sniff(head[tags_size(head):]) == "flac":
        form, head = "flac", head[tags_size(head):]
    rest = head.lstrip(b"\0")
    if asked == "mp3" and head[:1] == b"\0" and (len(rest) < _TAG or sniff(rest) == "mp3"):
        form = "mp3"  # behind zeros; whether there is any is seen when it comes
    if form:
        if not _REAL.get(form, lambda _: True)(head):
            raise BadSound(f"it begins like {form.upper()}, but is something else")
        return form
    other = other_kind(head)
    if other or not bare:
        raise BadSound(f"it is {other}, not {asked.upper()}" if other else f"it is not {asked.upper()}")
    if len(head) < LEAST:
        raise BadSound(f"it is only {len(head)} bytes long")
    return "wav"


def tags_size(head: bytes) -> int:
    """Bytes of the ID3v2 tags in front, their headers and footers included, as far as `head` shows them."""
    place = 0
    while head[place:place + 3] == b"ID3" and len(head) >= place + _TAG:
        flags, *size = head[place + 5:place + _TAG]
        footer = _TAG if flags & 0x10 else 0
        place += _TAG + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + footer
    return place


def is_sound(beginning: bytes, headers: dict) -> bool:
    """Whether the body of an answer is the sound itself, as gateways send it: by its first bytes, and only where
    these are no text by its type."""
    typed = headers.get("content-type", "").lower().startswith("audio/")
    return bool(sniff(beginning)) or typed and bool(beginning) and not other_kind(beginning[:HEAD])


# ---- what is not the sound that was asked for ----------------------------------------------------------

_OTHERS = ((b"PK\3\4", "ZIP"), (b"\x1f\x8b\x08", "GZIP"), (b"#!AMR", "AMR"), (b"caff", "CAF"),
           (b".snd", "AU"), (b"RIFX", "RIFX"), (b"RF64", "RF64"))
_MARKUP = re.compile(r"""\s*(<(!doctype|!--|\?xml|[a-z]{3,20}[ />])|\{\s*["']\w)""", re.IGNORECASE)


def other_kind(head: bytes) -> str:
    """What the first bytes surely are in place of PCM: the name of a type of file, 'text', or ''."""
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head[:4] == b"FORM" and head[8:11] == b"AIF":
        return "AIFF"
    if _is_adts(head):
        return "AAC"
    kind = media_type(head)
    if kind not in ("", "audio/mpeg"):  # a frame of MP3 is told by `sniff`, which looks closer
        return EXTENSIONS[kind].upper()
    return "RIFF" if head[:4] == b"RIFF" else "text" if _is_text(head) else ""


def _is_adts(head: bytes) -> bool:
    """Whether a frame of AAC begins: its sync, a legal rate, and a length that holds its own header."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return head[2] >> 2 & 15 < 13 and length > 7


def _is_text(head: bytes) -> bool:
    if len(head) < 2 or not _printed(head, "utf-8"):
        marked = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        words = _printed(head, "utf-16" if marked else "utf-16-le")
        return words.isascii() and bool(marked and len(words) > 5 or _MARKUP.match(words))
    # the upper bytes of samples that hardly change are alike
    return len(head) < HEAD or len(set(head[1::2])) > 2


def _printed(head: bytes, encoding: str) -> str:
    """`head` as text, its last character perhaps torn; '' where it is none."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head).lstrip("\ufeff")
    except UnicodeDecodeError:
        return ""
    return text if all(character.isprintable() or character in "\t\r\n" for character in text) else ""


# ---- MP3 -----------------------------------------------------------------------------------------------

# size and side are bytes of a frame and of its side information, samples those it decodes to.
Frame = namedtuple("Frame", "size samples rate channels version side")

_BITRATES = {1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
             2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)}  # kbit/s of layer III
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def frame_of(head: bytes):
    """The layer III frame that four bytes begin, or None."""
    word = int.from_bytes(head[:4], "big")
    version, layer, bitrate, rate = word >> 19 & 3, word >> 17 & 3, word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return None
    kind, hertz, channels = 1 if version == 3 else 2, _RATES[version][rate], 1 if word >> 6 & 3 == 3 else 2
    size = (144 if kind == 1 else 72) * _BITRATES[kind][bitrate - 1] * 1000 // hertz + (word >> 9 & 1)
    side = {(1, 1): 17, (1, 2): 32, (2, 1): 9, (2, 2): 17}[kind, channels] + (0 if word >> 16 & 1 else 2)
    return Frame(size, 1152 if kind == 1 else 576, hertz, channels, version, side)


# ---- Opus and FLAC -------------------------------------------------------------------------------------

def _is_opus(head: bytes) -> bool:
    """Whether the first page of an Ogg file begins a stream of Opus."""
    begins = len(head) > 27 and head[4] == 0 and head[5] & 2
    return bool(begins and head[27 + head[26]:].startswith(b"OpusHead"))


def _is_flac(head: bytes) -> bool:
    """Whether the first block of a FLAC file describes a stream, with sizes and a rate that can be."""
    if len(head) < 26 or head[4] & 0x7F or head[5:8] != b"\0\0\x22":
        return False
    least, most = struct.unpack(">HH", head[8:12])
    return least <= most >= 16 and int.from_bytes(head[18:21], "big") >> 4 > 0


_REAL = {"opus": _is_opus, "flac": _is_flac}


def opus_length(file, size: int) -> tuple:
    """(rate, samples) of an Ogg Opus file, by its last page, without what decoders skip at the start."""
    head = file.read(1 << 10)
    place = head.find(b"OpusHead")
    skipped = int.from_bytes(head[place + 10:place + 12], "little") if place >= 0 else 0
    file.seek(max(0, size - (1 << 17)))  # a page has at most 64 KiB
    tail = file.read()
    page = tail.rfind(b"OggS")
    while page >= 0:
        position = int.from_bytes(tail[page + 6:page + 14], "little", signed=True)
        if tail[page + 14:page + 18] == head[14:18] and position >= 0:
            return 48000, max(0, position - skipped)
        page = tail.rfind(b"OggS", 0, page)
    return 48000, 0


def flac_length(file, size: int) -> tuple:
    """(rate, samples) of a FLAC file, from its first block; no samples where it does not tell them."""
    file.seek(tags_size(file.read(MOST_TAGS)))
    head = file.read(26)
    packed = int.from_bytes(head[18:26], "big") if len(head) == 26 else 0
    return packed >> 44 or 1, packed & 0xFFFFFFFFF
