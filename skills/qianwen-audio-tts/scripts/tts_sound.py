"""Audio as bytes: WAV headers that lie, PCM out of a stream, MP3 frames, and joining parts.

The service's WAV sizes are placeholders (speech contract 3.4), so the bytes decide and not the header.
All PCM here is 16-bit little-endian. Everything is read in blocks: a long narration is never held in memory.
"""
from __future__ import annotations

import os
import re
import struct
from collections import namedtuple

from tts_kinds import (
    HEAD, LEAST, BadSound, Frame, flac_length, frame_of, opus_length, other_kind, sniff, tags_size
)
from tts_models import ANY_RATE

BLOCK = 1 << 16
MOST_WAV = 0xFFFFFFFF - 36  # bytes of samples that a WAV header can tell
_MOST_HEADER = 1 << 16  # bytes that a header in a stream may take
_PCM, _EXTENSIBLE = 1, 0xFFFE
_NAME, _MOST_CHUNK = re.compile(rb"[A-Za-z][A-Za-z0-9 _-]{3}"), 1 << 20  # of a chunk behind the samples
_CHUNKS = (b"data", b"fmt ", b"LIST", b"fact")

# offset and length, in bytes, are those of the samples in the file.
Wav = namedtuple("Wav", "rate channels offset length")


# ---- WAV -----------------------------------------------------------------------------------------------

def header(rate: int, length: int, channels: int = 1) -> bytes:
    """The 44 bytes before `length` bytes of samples; 0xFFFFFFFF and more: not known yet, as in a pipe."""
    size, frame = min(length, 0xFFFFFFFF), 2 * channels
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", min(36 + size, 0xFFFFFFFF), b"WAVE",
                       b"fmt ", 16, _PCM, channels, rate, min(rate * frame, 0xFFFFFFFF), frame, 16, b"data", size)


def read_wav(file, size: int) -> Wav:
    """What a WAV file of `size` bytes holds, by walking its chunks. Raises BadSound."""
    file.seek(0)
    head = file.read(12)
    if sniff(head) != "wav":
        raise BadSound("it is not a WAV file")
    place, found = 12, None
    while place + 8 <= size:
        file.seek(place)
        name, length = struct.unpack("<4sI", file.read(8))
        place += 8
        if name == b"fmt ":
            found = _format(file.read(min(length, 64)))
        elif name == b"data":
            return _data(found, place, length, size - place)
        file.seek(place + length)
        place += length + _padding(length, file.read(4))
    raise BadSound("it has no samples") if found else BadSound("its header is damaged")


def _padding(length: int, behind: bytes) -> int:
    """Bytes between a chunk and the next: an odd one is padded, but not by everybody."""
    return length % 2 if behind not in _CHUNKS else 0


def _format(raw: bytes) -> tuple:
    if len(raw) < 16:
        raise BadSound("its header is damaged")
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", raw[:16])
    if tag == _EXTENSIBLE and len(raw) >= 26:
        tag = struct.unpack("<H", raw[24:26])[0]
    if tag != _PCM or bits != 16 or not channels or not rate or frame != 2 * channels:
        raise BadSound(f"it is not 16-bit PCM (format {tag}, {bits} bits)")
    if rate not in ANY_RATE:
        raise BadSound(f"its header is damaged ({rate} Hz)")
    return rate, channels


def _data(found, place: int, length: int, rest: int) -> Wav:
    """The samples: as many as the header says, or the rest where it says nothing or more than there is."""
    if found is None:
        raise BadSound("its header is damaged")
    rate, channels = found
    length = rest if length == 0 or length > rest else length
    return Wav(rate, channels, place, length - length % (2 * channels))


def head_of(data: bytes):
    """The WAV header that a chunk begins with, its length as it stands there; the offset is 0 where it begins
    with none. None while the header is not whole. Raises BadSound."""
    if data[:4] != b"RIFF"[:len(data)] or (len(data) >= 12 and sniff(data) != "wav"):
        return Wav(0, 0, 0, 0)
    place, found = 12, None
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        place += 8
        if name == b"data":
            if found is None:
                raise BadSound("its header is damaged")
            return Wav(*found, place, length)
        if name == b"fmt ":
            if len(data) < place + length:
                break
            found = _format(data[place:place + length])
        if len(data) < place + length + 4:
            break
        place += length + _padding(length, data[place + length:place + length + 4])
    if len(data) > _MOST_HEADER:
        raise BadSound("its header is damaged")
    return None


class PcmStream:
    """Samples out of a stream; a WAV header, in every chunk or in none, is sniffed and never trusted.

    `rate` and `channels` are the header's, once there was one, else those that were asked for.
    """

    def __init__(self, rate: int, channels: int = 1):
        self.rate, self.channels = rate, channels
        self.started = False  # whether anything came that is not a header
        self._held, self._trusted = b"", False  # half a sample; whether there was a header
        self._header = b""  # the beginning of a chunk that may be a header
        self._behind = _Behind(0)

    def feed(self, chunk: bytes) -> bytes:
        """The samples that one chunk of the service completes. Raises BadSound for what is not PCM."""
        data = self._header + chunk
        if self._header or (chunk and chunk[:4] == b"RIFF"[:len(chunk)]):
            head = head_of(data)
            if head is None:
                self._header = data
                return b""
            if head.offset:
                self._take(head.rate, head.channels)
                self._held, self._trusted = b"", True  # half a sample before a new header is lost
                self._behind = _Behind(head.length)
            data, self._header = data[head.offset:], b""
        data = self._behind.without(data)
        if not self.started and data:
            if not self._trusted:
                self._check_first(data)
            self.started = True
        data = self._held + data
        whole = len(data) - len(data) % (2 * self.channels)
        self._held = data[whole:]
        return data[:whole]

    def _take(self, rate: int, channels: int) -> None:
        if self.started and (rate, channels) != (self.rate, self.channels):
            raise BadSound(f"it changes from {self.rate} Hz and {self.channels} channels "
                           f"to {rate} Hz and {channels}")
        self.rate, self.channels = rate, channels

    @staticmethod
    def _check_first(data: bytes) -> None:
        kind = sniff(data).upper() or (other_kind(data[:HEAD]) if len(data) >= LEAST else "")
        if kind:
            raise BadSound(f"it is {kind}, not PCM")


class _Behind:
    """Takes away the chunks that follow the samples. Their header may tell too little, as of the first piece
    of a stream: what does not begin like a chunk where they should end are samples still."""

    def __init__(self, length: int):
        self._left = length  # bytes to the end of the samples, or of a chunk
        self._is_chunk, self._open, self._border = False, length == 0, b""  # _open: samples to the end

    def without(self, data: bytes) -> bytes:
        data, self._border, samples = self._border + data, b"", b""
        while data and not self._open:
            if self._left:
                piece, data = data[:self._left], data[self._left:]
                self._left -= len(piece)
                samples += b"" if self._is_chunk else piece
            elif len(data) < 8:
                self._border, data = data, b""
            else:
                name, length = struct.unpack_from("<4sI", data)
                self._is_chunk = bool(_NAME.fullmatch(name)) and length <= _MOST_CHUNK
                self._open, self._left = not self._is_chunk, 8 + length + length % 2
        return samples + data


# ---- MP3 -----------------------------------------------------------------------------------------------

class Mp3Stream:
    """The frames of one MP3 as they come, without tags and without the frame that only tells a length.

    `samples` counts what the frames decode to; `first` is the first Frame, `silence` one without sound.
    """

    def __init__(self):
        self.samples, self.first, self.silence = 0, None, b""
        self._held, self._skip = b"", -1  # _skip: bytes of a tag still to come; -1: not looked yet
        self._ended = self._lost = False  # _lost: no frame came, so the next must prove itself
        self._good = self._bad = 0  # bytes of frames, and of what is passed over between them

    def feed(self, chunk: bytes, last: bool = False) -> bytes:
        """The whole frames that a chunk completes; `last`: nothing follows. Raises BadSound."""
        frames: list = []
        if not self._ended:
            data = self._behind_tag(self._held + chunk, last)
            if data is not None:
                self._held = data[self._walk(data, last, frames):]
        if last and self.first is None:
            raise BadSound("it contains no MP3 sound")
        return b"".join(frames)

    def _walk(self, data: bytes, last: bool, frames: list) -> int:
        """Take the whole frames out of `data`; return where the rest begins."""
        place = 0
        while True:
            frame = frame_of(data[place:place + 4])
            if frame and self._lost:
                if not last and len(data) - place < 2 * frame.size + 4:
                    return place
                frame = frame if self._is_believed(data, place, frame) else None
            if frame is None:
                found = self._next_frame(data, place, last)
                if found < 0:
                    return place
                self._bad += found - place - data.count(b"\0", place, found)  # zeros are padding
                place, self._lost = found, True
                continue
            raw = data[place:place + frame.size]
            if len(raw) < frame.size:
                return place  # at the end a torn frame, which would disturb the next part
            place += frame.size
            self._good += frame.size
            self._lost = False
            self._count(raw, frame, frames)

    @property
    def is_noise(self) -> bool:
        """Whether most of it was no frames, so that those there are may be chance."""
        return self._bad > self._good

    def _behind_tag(self, data: bytes, last: bool):
        """The data behind the tag at the beginning; None while more must come."""
        while self._skip:
            if self._skip < 0:
                if len(data) < 10 and not last:
                    self._held = data
                    return None
                self._skip = tags_size(data)
            dropped = min(self._skip, len(data))
            data, self._skip = data[dropped:], self._skip - dropped
            if self._skip:
                self._held = b""
                return None
            if dropped:
                self._skip = -1  # another tag may follow
        return data

    def _is_believed(self, data: bytes, place: int, frame: Frame) -> bool:
        """Whether four bytes out of step are a frame and no chance: one follows, or none begins within it."""
        if _alike(frame, frame_of(data[place + frame.size:place + frame.size + 4])):
            return True
        if not self.first or not _alike(frame, self.first):
            return False
        inside = data.find(b"\xff", place + 1, place + frame.size)
        while inside >= 0:
            other = frame_of(data[inside:inside + 4])
            if other and _alike(other, frame_of(data[inside + other.size:inside + other.size + 4])):
                return False
            inside = data.find(b"\xff", inside + 1, place + frame.size)
        return True

    def _next_frame(self, data: bytes, place: int, last: bool) -> int:
        """The next place where a frame may begin; -1 when more must come, or nothing but a tag does."""
        if data[place:place + 3] == b"TAG" or data[place:place + 8] == b"APETAGEX":
            self._ended = True
            return -1
        if len(data) - place < 8 and not last:
            return -1
        return data.find(b"\xff", place + 1)

    def _count(self, raw: bytes, frame: Frame, frames: list) -> None:
        if self.first is None:
            if raw[4 + frame.side:8 + frame.side] in (b"Xing", b"Info") or raw[36:40] == b"VBRI":
                return  # it tells the length of one part, so it would cut the whole short
            self.first, self.silence = frame, _silent(raw)
        elif not _alike(frame, self.first):
            raise BadSound("its frames differ")
        self.samples += frame.samples
        frames.append(raw)


def _alike(frame: Frame, other) -> bool:
    return other is not None and all(getattr(frame, name) == getattr(other, name)
                                     for name in ("rate", "channels", "version"))


def _silent(raw: bytes) -> bytes:
    """A frame like `raw` that decodes to silence: no main data at all."""
    head = bytes((raw[0], raw[1] | 1, raw[2] & 0xFD, raw[3]))
    return head + bytes(frame_of(head).size - 4)


# ---- joining -------------------------------------------------------------------------------------------

class TooLarge(BadSound):
    """Parts of which none is wrong, but together they do not fit into one file."""


class Joined:
    """Parts put together as they come, each begun with the silence before it. The bytes decide on the form,
    but PCM is what was asked for. `length`: bytes of all samples for the header of a pipe, 0xFFFFFFFF where
    they are not known yet; None: the file is rewound in the end.

    Raises BadSound where a part does not go with those before it; OSError of the disk.
    """

    def __init__(self, file, asked: str, length: int | None = None):
        self._file, self._asked, self._length = file, asked, length
        self.form, self.rate, self.channels = "", 0, 0
        self.samples = 0  # for each channel, of all that was written
        self._mp3 = Mp3Stream()

    @property
    def seconds(self) -> float:
        return self.samples / self.rate if self.rate else 0.0

    def begin(self, pause: int = 0) -> None:
        """A new part, after `pause` ms of silence (MP3: whole frames); there is none before the first."""
        if self.form not in ("", "mp3", "wav", "pcm"):
            raise BadSound(f"segments of {self.form.upper()} cannot be joined")
        count = round(self.rate * pause / 1000)
        if self.form == "mp3":
            number = round(count / self._mp3.first.samples)
            self._file.write(self._mp3.silence * number)
            self.samples += number * self._mp3.first.samples
        elif self.form and count:
            self._write(bytes(2 * self.channels * count), 2 * self.channels)
        self._mp3 = Mp3Stream()

    def take(self, form: str, rate: int, channels: int, data: bytes) -> None:
        """Some sound of the part: samples, or bytes of a compressed file."""
        form = "pcm" if form == "wav" and self._asked == "pcm" else form
        check_form(form, self.form or form)
        if form == "mp3":
            self._frames(self._mp3.feed(data))
        elif form in ("wav", "pcm"):
            self._alike(rate, channels)
            if form == "wav" and not self.form:
                self._file.write(header(rate, self._length or 0, channels))
            self._write(data, 2 * channels)
        else:
            self._file.write(data)
        self.form = form
        self._file.flush()

    def _write(self, data: bytes, width: int) -> None:
        self.samples += len(data) // width
        if self.form == "wav" and self.samples * width > MOST_WAV:
            raise TooLarge("together the segments are larger than a WAV file can be (4 GiB)")
        self._file.write(data)

    def _frames(self, frames: bytes) -> None:
        if not frames:
            return
        first = self._mp3.first
        self._alike(first.rate, first.channels)
        self._file.write(frames)
        self.samples += self._mp3.samples
        self._mp3.samples = 0

    def _alike(self, rate: int, channels: int) -> None:
        if self.rate and (rate, channels) != (self.rate, self.channels):
            raise BadSound(f"it has {rate} Hz and {channels} channels, "
                           f"but the segments before it {self.rate} Hz and {self.channels}")
        self.rate, self.channels = rate, channels

    def end(self) -> None:
        """The part is over."""
        if self.form == "mp3":
            self._frames(self._mp3.feed(b"", True))

    def finish(self) -> None:
        """Write the WAV header, now that the length is known."""
        self._file.flush()
        if self.form == "wav" and self._length is None:
            self._file.seek(0)
            self._file.write(header(self.rate, self.samples * 2 * self.channels, self.channels))
            self._file.flush()


def check_form(form: str, before: str) -> None:
    """Raises BadSound where a part is of another format than those before it."""
    if form != before:
        raise BadSound(f"it is {form.upper()}, but the segments before it are {before.upper()}")


def play(path: str, form: str, take) -> None:
    """Pass on a part that is kept, as if it came now."""
    with open(path, "rb") as file:
        size = os.path.getsize(path)
        wav = read_wav(file, size) if form == "wav" else Wav(0, 0, 0, size)
        file.seek(wav.offset)
        left = wav.length
        while left:
            block = file.read(min(BLOCK, left))
            if not block:
                raise BadSound("it became shorter while being read")
            take(form, wav.rate, wav.channels, block)
            left -= len(block)


def measured(path: str, form: str) -> tuple:
    """(rate, seconds) of a compressed file that stays as it came."""
    with open(path, "rb") as file:
        if form == "mp3":
            sound = Mp3Stream()
            for block in iter(lambda: file.read(BLOCK), b""):
                sound.feed(block)
            sound.feed(b"", True)
            rate, samples = sound.first.rate, sound.samples
        else:
            rate, samples = {"opus": opus_length, "flac": flac_length}[form](file, os.path.getsize(path))
    return rate, samples / rate
