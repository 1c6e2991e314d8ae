"""Audio as bytes: WAV files whose headers lie, PCM out of streams, MP3 frames, and parts joined to the sample.

Where ffmpeg and ffprobe are there, they judge what was made; without them those tests are skipped.
"""
from __future__ import annotations

import array
import io
import json
import random
import shutil
import struct
import subprocess
import wave
from contextlib import nullcontext

import pytest

from tests import media_samples
from tests.emulator import voicing
from tests.folding import each
import tts_sound
from tts_kinds import BadSound, frame_of, HEAD, other_kind, sniff
from tts_sound import Joined, measured, play, Mp3Stream, PcmStream, Wav, header, read_wav
from tts_output import too_long
from tts_part import Sink
from tts_request import Call

SAMPLES = random.Random(1).randbytes(4000)


# ---- WAV: made here --------------------------------------------------------------------------------------------------

def chunk(name: bytes, data: bytes, size=None) -> bytes:
    return struct.pack("<4sI", name, len(data) if size is None else size) + data + bytes(len(data) % 2)


def form(rate=24000, channels=1, bits=16, tag=1, frame=None, more=b"") -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + more)


def extensible(tag=1, bits=16, valid=None, **more) -> bytes:
    guid = struct.pack("<H", tag) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    return form(tag=0xFFFE, bits=bits, more=struct.pack("<HHI", 22, valid or bits, 4) + guid, **more)


def wav(samples=SAMPLES, before=b"", after=b"", size=None, riff=None, fmt=None) -> bytes:
    body = b"WAVE" + (form() if fmt is None else fmt) + before + chunk(b"data", samples, size) + after
    return struct.pack("<4sI", b"RIFF", len(body) if riff is None else riff) + body


def read(data: bytes) -> tuple:
    """(the Wav, the samples)."""
    found = read_wav(io.BytesIO(data), len(data))
    return found, data[found.offset:found.offset + found.length]


def why(data: bytes) -> str:
    with pytest.raises(BadSound) as caught:
        read(data)
    return str(caught.value)


# ---- WAV: read -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rate, channels, length", [(24000, 1, 0), (8000, 1, 2), (44100, 2, 4000), (48000, 1, 3998), (22050, 6, 2400)])
def test_header_is_what_python_reads(rate, channels, length):
    made = header(rate, length, channels) + SAMPLES[:length]
    assert len(made) == 44 + length
    with wave.open(io.BytesIO(made)) as file:
        assert file.getparams()[:4] == (channels, 2, rate, length // (2 * channels))
        assert file.readframes(10**6) == SAMPLES[:length]
    if length:
        assert read(made) == (Wav(rate, channels, 44, length), SAMPLES[:length])


@pytest.mark.parametrize("length", [0xFFFFFFFF, 1 << 40])
def test_header_of_unknown_length_says_the_most(length):
    made = header(24000, length)
    assert struct.unpack("<I", made[4:8])[0] == struct.unpack("<I", made[40:44])[0] == 0xFFFFFFFF
    assert read(made + SAMPLES) == (Wav(24000, 1, 44, len(SAMPLES)), SAMPLES)


def test_header_takes_every_rate_and_channels_that_are_read():
    """The sound is paid by then."""
    given = wav(fmt=form(32767, 2)[:8] + struct.pack("<HHIIHH", 1, 30000, 900000, 0, 60000, 16))
    found, _ = read(given + bytes(60000))
    assert len(header(found.rate, 0, found.channels)) == 44


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0x80000000, len(SAMPLES) + 1, len(SAMPLES) + 2, 10**9, None])
def test_sizes_are_placeholders(size):
    for riff in (0, 0xFFFFFFFF, 0x7FFFFFFF, 36, None):
        found, samples = read(wav(size=size, riff=riff))
        assert samples == SAMPLES and (found.rate, found.channels) == (24000, 1)


LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf60.16.100\0")
ODD = chunk(b"bext", b"odd") + chunk(b"AIGC", b'{"Label":"1"}')


@each("before", [b"", LIST, ODD, LIST + ODD, chunk(b"LIST", b""), chunk(b"junk", b"data\4\0\0\0abcd"), ODD * 30])
@each("after", [b"", LIST, ODD, chunk(b"data", b"12")])
def test_other_chunks_are_passed_over(before, after):
    assert read(wav(before=before, after=after))[1] == SAMPLES
    assert read(wav(fmt=before + form(), after=after))[1] == SAMPLES


def test_padding_after_an_odd_chunk_is_no_chunk():
    for length in range(1, 8):
        assert read(wav(before=chunk(b"note", b"x" * length)))[1] == SAMPLES


@pytest.mark.parametrize("size", [1, 3, 10**6])
def test_odd_chunk_may_lack_its_padding(size):
    odd = struct.pack("<4sI", b"LIST", 27) + b"INFOISFT" + b"x" * 19
    for data in (wav(before=odd), wav(before=odd + LIST), wav(fmt=odd + form()), wav(fmt=form() + odd + odd)):
        assert read(data)[1] == SAMPLES and fed(cut(data, size))[0] == SAMPLES


@pytest.mark.parametrize("rate, channels", [(8000, 1), (24000, 2), (192000, 1), (44100, 6)])
@pytest.mark.parametrize("fmt", [form, extensible, lambda **given: form(more=b"\0\0", **given), lambda **given: form(more=bytes(30), **given)])
def test_formats_of_16_bits(rate, channels, fmt):
    samples = SAMPLES[:len(SAMPLES) // 12 * 12]
    found, got = read(wav(samples, fmt=fmt(rate=rate, channels=channels)))
    assert (found.rate, found.channels, got) == (rate, channels, samples)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_half_a_frame_at_the_end_is_left_out(channels):
    for length in range(0, 13):
        found = read(wav(SAMPLES[:length], fmt=form(channels=channels), size=0xFFFFFFFF) if length else wav(b"", fmt=form(channels=channels)))[0]
        # the padding byte after an odd number of samples counts, since the header tells no length
        assert found.length == (length + length % 2) // (2 * channels) * 2 * channels


def test_an_honest_odd_length_is_cut_too():
    assert read(wav(SAMPLES[:7]))[1] == SAMPLES[:6]


def test_file_that_is_cut_anywhere():
    whole = wav(before=LIST)
    start = whole.index(b"data") + 8
    for place in range(len(whole)):
        try:
            found, samples = read(whole[:place])
        except BadSound:
            assert place < start
        else:
            assert place >= start and samples == SAMPLES[:(place - start) // 2 * 2] and found.offset == start


REFUSED = {
    "8 bits": (wav(fmt=form(bits=8)), "8 bits"), "24 bits": (wav(fmt=form(bits=24)), "24 bits"),
    "32 bits": (wav(fmt=form(bits=32)), "32 bits"),
    "float": (wav(fmt=form(bits=32, tag=3)), "format 3"), "A-law": (wav(fmt=form(bits=8, tag=6)), "format 6"),
    "MP3 in WAV": (wav(fmt=form(tag=0x55)), "format 85"), "extensible float": (wav(fmt=extensible(tag=3, bits=32)), "format 3"),
    "extensible 24": (wav(fmt=extensible(bits=24)), "24 bits"), "extensible without its type": (wav(fmt=form(tag=0xFFFE)), "65534"),
    "no channels": (wav(fmt=form(channels=0)), "not 16-bit"), "no rate": (wav(fmt=form(rate=0)), "not 16-bit"),
    "one sample a second": (wav(fmt=form(rate=1)), "damaged (1 Hz)"),
    "wrong frame": (wav(fmt=form(frame=4)), "not 16-bit"), "short format": (wav(fmt=chunk(b"fmt ", bytes(14))), "damaged"),
    "no format": (wav(fmt=b""), "damaged"), "format after the samples": (wav(fmt=b"", after=form()), "damaged"),
    "no samples": (b"RIFF\x24\0\0\0WAVE" + form(), "no samples"), "no samples but a list": (b"RIFF\x24\0\0\0WAVE" + form() + LIST, "no samples"),
    "a chunk that goes on for ever": (wav(before=chunk(b"LIST", b"abcd", 0xFFFFFFFF)), "no samples"),
    "only the first 12 bytes": (wav()[:12], "damaged"), "nothing": (b"", "not a WAV"), "MP3": (b"\xff\xfb\x90\x00" + bytes(500), "not a WAV"),
    "big-endian": (b"RIFX" + wav()[4:], "not a WAV"), "RF64": (b"RF64" + wav()[4:], "not a WAV"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST" + bytes(50), "not a WAV"),
    "error in XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "not a WAV"),
}


@each("data, words", REFUSED.values(), ids=REFUSED)
def test_what_is_no_wav_of_16_bits_is_refused(data, words):
    assert words in why(data)


def test_no_samples_at_all():
    assert read(wav(b""))[0].length == 0


# ---- what a file is --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("head, kind", [
    (wav()[:12], "wav"), (b"ID3\4\0\0\0\0\0\0", "mp3"), (b"\xff\xfb\x90\x00", "mp3"), (b"\xff\xf3\x84\xc0", "mp3"), (b"\xff\xe3\x18\xc4", "mp3"),
    (b"OggS\0\2", "opus"), (b"fLaC\0\0", "flac"), (b"", ""), (b"RIFF\0\0\0\0AVI ", ""), (b"RIFF", ""), (b"\xff\xfb\x90", ""),
    (b"\xff\xff\x90\x00", ""),
    (b"\xff\xfb\xf0\x00", ""), (b"\xff\xfb\x00\x00", ""), (b"\xff\xfb\x9c\x00", ""), (b"\xff\xeb\x90\x00", ""), (b"\xff\xf9\x90\x00", ""),
    (bytes(12), ""), (b"<Error>x</Er", ""), (b'{"code":"x"}', "")])
def test_what_the_first_bytes_show(head, kind):
    assert sniff(head) == kind


# ---- PCM out of a stream ---------------------------------------------------------------------------------------------

def cut(data: bytes, size: int) -> list:
    return [data[place:place + size] for place in range(0, len(data), size)]


def fed(chunks, rate=16000, channels=1) -> tuple:
    """(the samples, the stream)."""
    stream = PcmStream(rate, channels)
    return b"".join(stream.feed(one) for one in chunks), stream


HEADERS = {"plain": wav(b""), "of unknown length": header(24000, 0xFFFFFFFF), "with a list": wav(b"", before=LIST, size=0x7FFFFFFF),
           "with odd chunks": wav(b"", before=ODD, size=0), "extensible": wav(b"", fmt=extensible()),
           "with a list first": wav(b"", fmt=LIST + form())}
CHUNK_SIZES = (1, 2, 3, 5, 7, 11, 12, 13, 43, 44, 45, 1000, 10**6)


@pytest.mark.parametrize("head", HEADERS.values(), ids=HEADERS)
def test_header_that_is_cut_anywhere(head):
    whole = head + SAMPLES[:60]
    for place in range(len(whole) + 1):
        samples, stream = fed([whole[:place], whole[place:]])
        assert (samples, stream.rate) == (SAMPLES[:60], 24000), place
    for size in CHUNK_SIZES:
        samples, stream = fed(cut(whole, size))
        assert (samples, stream.rate, stream.channels) == (SAMPLES[:60], 24000, 1), size


@each("size", (2, 4, 100, 333, 1000))
@each("head", HEADERS.values(), ids=HEADERS)
def test_header_before_every_chunk(head, size):
    assert fed(head + one for one in cut(SAMPLES, size - size % 2))[0] == SAMPLES


@pytest.mark.parametrize("head", HEADERS.values(), ids=HEADERS)
def test_second_header_that_is_cut_anywhere(head):
    for place in range(4, len(head) + 1):
        assert fed([head + SAMPLES[:10], head[:place], head[place:] + SAMPLES[10:40], SAMPLES[40:60]])[0] == SAMPLES[:60], place


@pytest.mark.parametrize("size", [1, 3, 7, 100, 10**6])
@pytest.mark.parametrize("behind", [LIST, LIST + LIST, b"AIGC" + struct.pack("<I", 5) + b"01234\0", b"id3 " + struct.pack("<I", 0)])
def test_chunks_behind_the_samples_are_no_samples(behind, size):
    """Where the header tells honestly how many there are; a new one may follow."""
    assert fed(cut(wav(after=behind), size))[0] == SAMPLES
    assert fed([*cut(wav(after=behind), size), *cut(wav(), size)])[0] == SAMPLES * 2


@pytest.mark.parametrize("size", [3, 100, 10**6])
def test_header_that_tells_too_little_loses_no_samples(size):
    """That of the first piece of a stream."""
    for told in (2, 100, len(SAMPLES) - 8):
        assert fed(cut(wav(size=told), size))[0] == SAMPLES


def test_half_a_sample_before_a_second_header_is_lost():
    assert fed([wav(b"") + SAMPLES[:5], wav(SAMPLES[6:20])])[0] == SAMPLES[:4] + SAMPLES[6:20]


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_bare_pcm(size):
    samples, stream = fed(cut(SAMPLES, size))
    assert (samples, stream.rate, stream.channels, stream.started) == (SAMPLES, 16000, 1, True)


@pytest.mark.parametrize("word", [b"RIFF", b"R", b"RI", b"RIF", b"RIFFxxxxAVI ", b"RIFFRIFFRIFFWAV", b"ID3", b"OggS", b"\xff\xfb\x90\x00", b"<xml>"])
def test_samples_may_look_like_anything(word):
    """Behind the first ones, wherever the stream is cut."""
    for place in range(8):
        samples = bytes(range(128, 148)) + bytes(place) + word + bytes(range(128, 150))
        samples = samples[:len(samples) // 2 * 2]
        for size in (1, 2, 3, 4, 5, 7, 20 + place, 1000):
            assert fed(cut(samples, size))[0] == samples, (place, size)


@pytest.mark.parametrize("first", [b"\xff\xfb\x90\x00", b"ID3\0", b"OggS", b"fLaC", b"<\0", b"{\0\1\0", b"<\0\5\0\7\0", b"\xff\xf3\x84\xc0"])
def test_samples_behind_a_header_may_begin_with_anything(first):
    samples = first + SAMPLES[:100]
    for chunks in ([wav(samples)], [wav(first), SAMPLES[:100]], [wav(b""), first, SAMPLES[:100]]):
        assert fed(chunks)[0] == samples


def test_odd_bytes_wait_for_their_other_half():
    stream = PcmStream(8000)
    assert [stream.feed(one) for one in (b"\1", b"\2\3", b"", b"\4", b"\5")] == [b"", b"\1\2", b"", b"\3\4", b""]


def test_stereo_is_cut_at_whole_frames():
    whole = wav(SAMPLES[:400], fmt=form(channels=2))
    for size in (1, 3, 45, 46, 47, 1000):
        pieces = [PcmStream(16000)]
        got = [pieces[0].feed(one) for one in cut(whole, size)]
        assert b"".join(got) == SAMPLES[:400] and all(len(one) % 4 == 0 for one in got) and pieces[0].channels == 2
    assert fed(cut(SAMPLES[:400], 3), channels=2)[0] == SAMPLES[:400]


def test_rate_of_the_first_header_counts():
    assert fed([wav(b"", fmt=form(rate=8000)), wav(SAMPLES, fmt=form(rate=48000))])[1].rate == 48000, "nothing was heard at the first rate"
    for other in (form(rate=8000), form(channels=2)):
        with pytest.raises(BadSound) as caught:
            fed([wav(SAMPLES), wav(SAMPLES, fmt=other)])
        assert "24000 Hz" in str(caught.value) and ("8000" in str(caught.value) or "2" in str(caught.value))


@each("data, words", [
    (b"\xff\xfb\x90\x00" + bytes(600), "MP3"), (b"ID3\4\0\0\0\0\0\0" + bytes(600), "MP3"), (b"OggS" + bytes(600), "OPUS"),
    (b"fLaC" + bytes(60), "FLAC"),
    (b'<?xml version="1.0"?><Error/>', "text"), (b'\n {"code":"InternalError"}', "text"), (b'{"code":"X","message":"' + b"x" * 500, "text"),
    (wav(fmt=form(bits=8)), "8 bits"), (wav(fmt=form(bits=32, tag=3)), "format 3"), (wav(fmt=b""), "damaged"), (wav(fmt=form(channels=0)), "16-bit"),
    (wav(fmt=chunk(b"fmt ", bytes(6))), "damaged"), (b"RIFF\0\0\0\0WAVE" + chunk(b"junk", bytes(70000), 0xFFFFFF), "damaged")])
@each("size", [600, 10**6])
def test_stream_that_is_no_pcm(data, words, size):
    with pytest.raises(BadSound) as caught:
        fed(cut(data, size))
    assert words in str(caught.value)


def test_stream_of_nothing_but_a_header():
    for head in HEADERS.values():
        samples, stream = fed(cut(head, 10))
        assert samples == b"" and not stream.started


# ---- MP3: made here --------------------------------------------------------------------------------------------------

KILOBITS = {3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320), 2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)}
HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG 1, 2 and 2.5, by their two bits
GRID = [(version, rate, kilobit) for version in (3, 2, 0) for rate in range(3) for kilobit in range(14)]
NOISE = random.Random(2)


def head4(version=2, rate=1, kilobit=5, padding=0, mono=True, crc=False, more=0) -> bytes:
    """The four bytes of a frame; `rate` and `kilobit` are places in the tables."""
    word = 0x7FF << 21 | version << 19 | 1 << 17 | (not crc) << 16 | (kilobit + 1) << 12 | rate << 10 | padding << 9 | (3 if mono else 1) << 6 | more
    return word.to_bytes(4, "big")


def frame_size(version=2, rate=1, kilobit=5, padding=0, **_) -> int:
    bits = KILOBITS[3 if version == 3 else 2][kilobit] * 1000
    return (1152 if version == 3 else 576) // 8 * bits // HERTZ[version][rate] + padding


def frame(body=None, **given) -> bytes:
    size = frame_size(**given) - 4
    return head4(**given) + (NOISE.randbytes(size) if body is None else body + bytes(size - len(body)))


def side(version=2, mono=True, crc=False, **_) -> int:
    return {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[version == 3, mono] + 2 * crc


def told(word=b"Xing", **given) -> bytes:
    """The frame that only tells a length."""
    return frame(bytes(32) + b"VBRI" if word == b"VBRI" else bytes(side(**given)) + word + b"\0\0\0\7" + bytes(range(100)), **given)


def id3(size=300, footer=False, fill=b"\xff\xfb\x90\x00TAG") -> bytes:
    held = (fill * size)[:size]
    syncsafe = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\4\0" + bytes([0x10 * footer]) + syncsafe + held + (b"3DI\4\0\x10" + syncsafe if footer else b"")


FRAMES = [frame(padding=number % 2) for number in range(12)]
SOUND = b"".join(FRAMES)
ID3V1 = b"TAG" + b"Title".ljust(125, b"\0")
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 60, 1, 0xA0000000) + bytes(8) + b"\xff\xfb\x90\x00 an item " + bytes(20)


def frames_of(data: bytes, size=10**9) -> tuple:
    """(the frames, the stream)."""
    stream = Mp3Stream()
    found = b"".join(stream.feed(one) for one in cut(data, size)) + stream.feed(b"", True)
    return found, stream


# ---- MP3: read -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("head, size, samples, rate, channels", [  # from the tables of the standard
    (b"\xff\xfb\x90\x00", 417, 1152, 44100, 2), (b"\xff\xfb\x92\x00", 418, 1152, 44100, 2), (b"\xff\xfb\x90\xc0", 417, 1152, 44100, 1),
    (b"\xff\xfb\xe4\x00", 960, 1152, 48000, 2), (b"\xff\xfb\x18\xc4", 144, 1152, 32000, 1), (b"\xff\xf3\x84\xc0", 192, 576, 24000, 1),
    (b"\xff\xf3\x40\xc4", 104, 576, 22050, 1), (b"\xff\xf3\x48\xc4", 144, 576, 16000, 1), (b"\xff\xe3\x18\xc4", 72, 576, 8000, 1),
    (b"\xff\xe3\xe0\x00", 1044, 576, 11025, 2), (b"\xff\xfa\x90\x00", 417, 1152, 44100, 2)])
def test_frame_of_four_bytes(head, size, samples, rate, channels):
    found = frame_of(head)
    assert (found.size, found.samples, found.rate, found.channels) == (size, samples, rate, channels)


@pytest.mark.parametrize("more", [dict(), dict(padding=1), dict(mono=False), dict(crc=True), dict(mono=False, crc=True, padding=1)])
def test_frames_of_every_version_rate_and_bitrate(more):
    for version, rate, kilobit in GRID:
        given = dict(version=version, rate=rate, kilobit=kilobit, **more)
        sound = b"".join(frame(**given) for _ in range(3))
        found, stream = frames_of(sound)
        assert found == sound and stream.samples == 3 * (1152 if version == 3 else 576)
        assert (stream.first.rate, stream.first.channels, stream.first.version) == (HERTZ[version][rate], 2 if "mono" in more else 1, version)


@pytest.mark.parametrize("version", HERTZ)
def test_bitrate_may_change(version):
    sound = b"".join(frame(version=version, kilobit=number % 14, padding=number % 2) for number in range(20))
    assert frames_of(sound)[0] == sound


WRAPPED = {  # name -> a file that holds FRAMES and nothing else to be heard
    "bare": SOUND, "ID3v2": id3() + SOUND, "ID3v2 of no length": id3(0) + SOUND, "ID3v2 with a footer": id3(200, True) + SOUND,
    "long ID3v2": id3(70000) + SOUND, "two ID3v2": id3(20) + id3(5) + SOUND, "two with footers": id3(20, True) + id3(0, True) + SOUND,
    "Xing": told() + SOUND, "Info": told(b"Info") + SOUND, "VBRI": told(b"VBRI") + SOUND, "ID3v2 and Info": id3() + told(b"Info") + SOUND,
    "ID3v1": SOUND + ID3V1, "APE": SOUND + APE, "APE and ID3v1": SOUND + APE + ID3V1, "everything": id3() + told() + SOUND + APE + ID3V1,
    "torn last frame": SOUND + FRAMES[0][:-1], "torn header": SOUND + FRAMES[0][:3], "one byte of a frame": SOUND + FRAMES[0][:1],
    "zeros at the end": SOUND + bytes(300), "zeros before": bytes(300) + SOUND, "padding behind the tag": id3() + bytes(50) + SOUND,
    "garbage between frames": b"junk".join(FRAMES), "bytes of a frame's mark between frames": b"\xff".join(FRAMES),
    "marks that are none between frames": b"\xff\xe0\xff\x00\xff\xff".join(FRAMES), "a lot between frames": bytes(5000).join(FRAMES),
    "ID3v2 in the middle": b"".join(FRAMES[:5]) + id3(30, fill=b"text") + b"".join(FRAMES[5:]),
    "the end of a torn frame first": FRAMES[0][-20:].replace(b"\xff", b"\0") + SOUND,
}


@each("data", WRAPPED.values(), ids=WRAPPED)
def test_frames_without_what_is_around_them(data):
    for size in (1 if len(data) < 20000 else 3, 7, 1000, 65536, 10**9):
        found, stream = frames_of(data, size)
        assert (found, stream.samples, stream.first.rate) == (SOUND, 576 * len(FRAMES), 24000), size


@pytest.mark.parametrize("word", [b"Xing", b"Info", b"VBRI"])
@pytest.mark.parametrize("more", [dict(), dict(mono=False), dict(crc=True), dict(mono=False, crc=True)])
def test_frame_that_tells_a_length_is_left_out(word, more):
    for version in HERTZ:
        given = dict(version=version, kilobit=9, **more)
        sound = b"".join(frame(bytes(20), **given) for _ in range(3))
        found, stream = frames_of(told(word, **given) + sound)
        assert found == sound and stream.samples == 3 * (1152 if version == 3 else 576)


def test_garbage_that_begins_like_a_frame_is_no_frame():
    """Out of step, four bytes that look like a frame's are believed only when another frame follows it."""
    for false in (head4(), head4(version=3, rate=0), head4(kilobit=13)):
        for place in (0, 1, 6):
            data = b"".join(FRAMES[:place]) + (b"\0" + false + bytes(9) if place else bytes(9) + false + bytes(9)) + b"".join(FRAMES[place:])
            assert frames_of(data)[0] == SOUND


SOUNDLESS = {"nothing": b"", "a byte": b"\0", "zeros": bytes(5000), "ID3v1": ID3V1, "APE": APE, "ID3v2": id3(), "torn ID3v2": id3()[:50],
             "a length": told(), "a length and ID3v1": told() + ID3V1, "XML": b"<Error>AccessDenied</Error>", "a torn frame": FRAMES[0][:-1],
             "three letters": b"ID3", "ones": b"\xff" * 1000, "WAV": wav(bytes(3000))}


@pytest.mark.parametrize("data", SOUNDLESS.values(), ids=SOUNDLESS)
def test_what_holds_no_frame_is_refused(data):
    for size in (1 if len(data) < 1000 else 100, 7, 10**6):
        with pytest.raises(BadSound) as caught:
            frames_of(data, size)
        assert "no MP3" in str(caught.value), size


@pytest.mark.parametrize("other", [dict(rate=0), dict(version=3), dict(version=0), dict(mono=False)])
def test_frames_that_are_not_alike_are_refused(other):
    with pytest.raises(BadSound) as caught:
        frames_of(SOUND + frame(**other) * 3)
    assert "its frames differ" in str(caught.value)


def test_nothing_is_read_behind_the_tag_at_the_end():
    assert frames_of(SOUND + ID3V1 + SOUND)[0] == SOUND


@pytest.mark.parametrize("more", [dict(), dict(crc=True, padding=1), dict(mono=False)])
def test_silence_is_a_frame_like_the_first_without_sound(more):
    for version, rate, kilobit in GRID:
        given = dict(version=version, rate=rate, kilobit=kilobit, **more)
        stream = frames_of(frame(**given) * 2)[1]
        found, first = frame_of(stream.silence[:4]), stream.first
        assert len(stream.silence) == found.size == frame_size(**{**given, "padding": 0}) and not any(stream.silence[4:])
        assert (found.rate, found.channels, found.version, found.samples) == (first.rate, first.channels, first.version, first.samples)
        assert frames_of(stream.silence * 3)[0] == stream.silence * 3


# ---- joining ---------------------------------------------------------------------------------------------------------

@pytest.fixture
def join(tmp_path):
    """Join parts, given as bytes with the pause before each in ms; (the file, what each take said, the Joined)."""
    def joined(kind, parts):
        out, counts = tmp_path / f"out.{kind}", []
        with open(out, "w+b") as file:
            made = Joined(file, kind)
            for number, (pause, data) in enumerate(parts):
                path = tmp_path / f"part{number}"
                path.write_bytes(data)
                made.begin(pause)
                before = made.samples
                play(str(path), "wav" if kind == "pcm" else kind, made.take)
                made.end()
                counts.append(made.samples - before)
            made.finish()
        return out.read_bytes(), counts, made
    return joined


WRAPS = [lambda samples, fmt: wav(samples, fmt=fmt), lambda samples, fmt: wav(samples, fmt=fmt, size=0x7FFFFFFF - 36, riff=0x7FFFFFFF),
         lambda samples, fmt: wav(samples, before=ODD, after=LIST, fmt=fmt), lambda samples, fmt: wav(samples, before=LIST, size=0, fmt=fmt),
         lambda samples, fmt: wav(samples, fmt=fmt) + (b"" if len(samples) % 2 else b"\0")]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["wav", "pcm"])
def test_parts_are_joined_to_the_sample(join, seed, kind):
    chance = random.Random(seed)
    rate, channels = chance.choice((8000, 16000, 22050, 24000, 44100, 48000)), chance.choice((1, 1, 2))
    width, parts, expected, counts = 2 * channels, [], [], []
    for number in range(chance.randint(1, 7)):
        samples = chance.randbytes(width * chance.choice((1, 2, 100, chance.randint(1, 9000), 40000)))
        pause = chance.choice((0, 1, 37, chance.randint(0, 3000))) if number else 0
        parts.append((pause, chance.choice(WRAPS)(samples, form(rate, channels))))
        expected += [bytes(round(rate * pause / 1000) * width), samples]
        counts.append(len(samples) // width)
    whole = b"".join(expected)
    data, said, made = join(kind, parts)
    assert said == counts and made.samples == len(whole) // width and made.seconds == pytest.approx(len(whole) / width / rate)
    if kind == "pcm":
        assert data == whole
        return
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (channels, 2, rate, len(whole) // width)
        assert file.readframes(file.getnframes()) == whole
    assert len(data) == 44 + len(whole) and struct.unpack("<I", data[4:8])[0] == len(data) - 8


@pytest.mark.parametrize("first, second, words", [
    (form(24000), form(22050), ["22050 Hz", "24000 Hz"]), (form(24000), form(24000, 2), ["2 channels", "1"]), (form(8000, 2), form(8000), ["2"])])
@pytest.mark.parametrize("kind", ["wav", "pcm"])
def test_parts_of_different_rates_are_refused(tmp_path, kind, first, second, words):
    for name, fmt in (("a", first), ("b", second)):
        (tmp_path / name).write_bytes(wav(fmt=fmt))
    out = io.BytesIO()
    joined = Joined(out, kind)
    play(str(tmp_path / "a"), "wav", joined.take)
    written = len(out.getvalue())
    with pytest.raises(BadSound) as caught:
        play(str(tmp_path / "b"), "wav", joined.take)
    assert all(word in str(caught.value) for word in words) and len(out.getvalue()) == written


def test_parts_longer_than_a_wav_can_be_are_refused(join, monkeypatch):
    monkeypatch.setattr(tts_sound, "MOST_WAV", 2 * len(SAMPLES))
    assert join("wav", [(0, wav()), (0, wav())])[1] == [2000, 2000]
    with pytest.raises(BadSound) as caught:
        join("wav", [(0, wav()), (0, wav()), (0, wav(SAMPLES[:2]))])
    assert "4 GiB" in str(caught.value)


@pytest.mark.parametrize("part", [b"", b"junk" * 20, SOUND, wav(fmt=form(bits=8))])
def test_part_that_is_no_wav_is_refused(join, part):
    with pytest.raises(BadSound):
        join("wav", [(0, wav()), (0, part)])


DRESSED = [lambda sound: sound, lambda sound: id3() + told(b"Info") + sound + ID3V1, lambda sound: id3(70000, True) + sound,
           lambda sound: told() + sound + APE + ID3V1, lambda sound: sound + FRAMES[0][:50]]


@pytest.mark.parametrize("seed", range(6))
def test_mp3_parts_are_joined_to_the_frame(join, seed):
    chance = random.Random(seed)
    silence = frames_of(SOUND)[1].silence
    parts, expected, counts = [], [], []
    for number in range(chance.randint(1, 6)):
        sound = b"".join(chance.choices(FRAMES, k=chance.randint(1, 400)))
        pause = chance.choice((0, 5, 13, 500, chance.randint(0, 3000))) if number else 0
        parts.append((pause, chance.choice(DRESSED)(sound)))
        expected += [silence * round(24 * pause / 576), sound]
        counts.append(frames_of(sound)[1].samples)
    data, said, made = join("mp3", parts)
    assert data == b"".join(expected) and said == counts
    assert made.samples == frames_of(data)[1].samples and made.seconds == pytest.approx(made.samples / 24000)


@pytest.mark.parametrize("milliseconds, frames", [(1, 0), (11, 0), (13, 1), (24, 1), (37, 2), (600, 25), (1000, 42)])
def test_pause_in_mp3_is_the_nearest_number_of_frames(join, milliseconds, frames):
    data, _, made = join("mp3", [(0, SOUND), (milliseconds, FRAMES[0])])
    assert len(data) == len(SOUND) + frames * frame_size() + len(FRAMES[0]) and made.samples == 576 * (len(FRAMES) + frames + 1)


@pytest.mark.parametrize("other, words", [(dict(rate=0), "22050 Hz"), (dict(version=3), "48000 Hz"), (dict(mono=False), "2 channels")])
def test_mp3_parts_of_different_rates_are_refused(join, other, words):
    with pytest.raises(BadSound) as caught:
        join("mp3", [(0, SOUND), (0, frame(**other) * 2)])
    assert words in str(caught.value)


def test_mp3_part_without_sound_is_refused(join):
    with pytest.raises(BadSound):
        join("mp3", [(0, SOUND), (0, id3() + ID3V1)])


@pytest.mark.parametrize("kind", ["opus", "flac"])
def test_one_part_of_another_format_is_copied(join, kind):
    data = b"OggS" + NOISE.randbytes(200000)
    assert join(kind, [(0, data)])[0] == data
    with pytest.raises(BadSound) as caught:
        join(kind, [(0, data), (0, data)])
    assert kind.upper() in str(caught.value)


# ---- a part as it comes ----------------------------------------------------------------------------------------------

def sunk(chunks, asked="wav", rate=24000) -> tuple:
    """(the file, its format, what was passed on)."""
    file, heard = io.BytesIO(), []
    sink = Sink(file, Call("", {"input": {"text": "Hi"}}, True, asked, rate), lambda *told: heard.append(told))
    for one in chunks:
        sink.write(one)
    sink.end()
    return file.getvalue(), sink.form, heard


@each("size", [1, 5, 12, 44, 1000, 10**6])
@each("asked", ["wav", "pcm", "mp3", "opus"])
def test_wav_is_kept_with_an_honest_header_whatever_was_asked(asked, size):
    data, kind, heard = sunk(cut(wav(fmt=form(16000), size=0x7FFFFFFF), size), asked)
    assert (data, kind) == (header(16000, len(SAMPLES)) + SAMPLES, "wav")
    assert b"".join(told[3] for told in heard) == SAMPLES and {told[:3] for told in heard} == {("wav", 16000, 1)}


@pytest.mark.parametrize("size", [1, 12, 1001])
@pytest.mark.parametrize("asked", ["wav", "pcm"])
def test_bare_pcm_gets_a_header_with_the_rate_that_was_asked(asked, size):
    data, kind, heard = sunk(cut(SAMPLES, size), asked, 48000)
    assert (data, kind) == (header(48000, len(SAMPLES)) + SAMPLES, "wav") and {told[:3] for told in heard} == {("wav", 48000, 1)}


OPUS = voicing.opus("A word.")
FLAC = b"fLaC\0\0\0\x22" + struct.pack(">HH6xQ16x", 4096, 4096, 24000 << 44 | 15 << 36 | 36000) + SAMPLES


SMALL_FLAC = FLAC[:8] + struct.pack(">HH", 0, 4096) + FLAC[12:]


@pytest.mark.parametrize("sound, kind", [(id3() + SOUND + ID3V1, "mp3"), (SOUND, "mp3"), (OPUS, "opus"), (FLAC, "flac"), (SMALL_FLAC, "flac"),
                                         (id3(5000) + FLAC, "flac"), (id3(9) + id3(70, True) + FLAC, "flac"),
                                         (id3() + bytes(8192) + SOUND, "mp3")],
                         ids=["tagged mp3", "mp3", "opus", "flac", "flac of small blocks", "tagged flac", "flac with two tags",
                              "mp3 with room behind its tag"])
@pytest.mark.parametrize("asked", ["wav", "mp3", "opus"])
def test_compressed_sound_is_kept_as_it_is(sound, kind, asked):
    for size in (1, 13, 10**6):
        data, found, heard = sunk(cut(sound, size), asked)
        assert (data, found) == (sound, kind) and b"".join(told[3] for told in heard) == sound


@pytest.mark.parametrize("zeros", [1, 60, 61, 63, 64, 8192])
@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_mp3_may_begin_with_zeros(zeros, size):
    for sound in (bytes(zeros) + SOUND, bytes(zeros) + id3() + SOUND):
        assert sunk(cut(sound, size), "mp3")[:2] == (sound, "mp3")
    assert sunk([bytes(zeros) + SOUND + SOUND[:1 - zeros % 2]], "wav")[1] == "wav", "samples, where those were asked for"


@pytest.mark.parametrize("chunks, asked", [
    ([], "wav"), ([b""], "wav"), ([b"\1\2"], "wav"), ([wav(b"")], "wav"), ([SAMPLES], "mp3"), ([SAMPLES], "opus"),
    ([b'{"code":"InternalError","message":"x"}'], "wav"), ([b"<?xml version='1.0'?><Error/>"], "mp3"), ([wav(fmt=form(bits=8))], "wav"),
    ([id3()], "mp3"), ([id3(), told()], "mp3"), ([b"ID3\4\0\0\0\0\0\0\0\0"], "mp3"), ([id3()], "wav"),
    ([FRAMES[0], SAMPLES], "mp3"), ([id3(), SAMPLES], "mp3"),
    ([bytes(5000)], "mp3"), ([bytes(100), SAMPLES], "mp3"), ([b"OggS", SAMPLES], "opus"), ([b"fLaC", SAMPLES], "flac"),
    ([b"OggS"], "opus"), ([FLAC[:20]], "flac"), ([OPUS[:28] + b"\x01vorbis" + SAMPLES], "opus")], ids=lambda item: str(item)[:40])
def test_part_that_is_no_sound_is_refused(chunks, asked):
    with pytest.raises(BadSound):
        sunk(chunks, asked)


ADTS = b"\xff\xf1\x50\x80\x10\x1f\xfc" + b"\x21" * 121
OTHERS = {
    "M4A": b"\0\0\0\x1cftypM4A \0\0\2\0M4A isomiso2" + SAMPLES, "MP4": b"\0\0\0\x1cftypisom" + SAMPLES, "AAC": ADTS * 9,
    "AMR": b"#!AMR\n" + SAMPLES, "AIFF": b"FORM\0\0\x10\0AIFFCOMM" + SAMPLES, "WEBM": b"\x1aE\xdf\xa3\x42\x82\x84webm" + SAMPLES,
    "PNG": media_samples.png(9, 9), "JPG": media_samples.jpeg(9, 9), "ZIP": b"PK\3\4\x14\0" + SAMPLES, "GZIP": b"\x1f\x8b\x08\0" + SAMPLES,
    "PDF": b"%PDF-1.7\n" + SAMPLES, "WEBP": media_samples.webp(9, 9), "RIFF": b"RIFF\0\0\0\0ACON" + SAMPLES, "RF64": b"RF64" + wav()[4:],
    "text": b"Access denied. Log in, please.", "text of UTF-16": "<html>no</html>".encode("utf-16"),
    "text of UTF-16 that has no mark": "{'a': 1}".encode("utf-16-le"), "text in Chinese": "{'消息': '访问被拒绝'}".encode() * 9,
    "text with a mark": b"\xef\xbb\xbfNot found, sorry"}


@each("name", OTHERS)
@each("bare", [True, False])
@each("size", [1, 13, 10**6])
def test_what_is_surely_something_else_is_named(name, bare, size):
    sink = Sink(io.BytesIO(), Call("", {"input": {"text": "Hi"}}, True, "pcm", 24000), bare=bare)
    with pytest.raises(BadSound, match=f"it is {name.split()[0]}, not PCM"):
        for one in cut(OTHERS[name], size):
            sink.write(one)
        sink.end()


def test_samples_are_not_taken_for_something_else():
    """Whatever a sound begins with, but for what no sound begins with."""
    loud, still = random.Random(3), random.Random(4)
    for _ in range(3000):
        assert not other_kind(loud.randbytes(HEAD))
        assert other_kind(struct.pack("<32h", *(still.randrange(-300, 300) for _ in range(32)))) == ""
        assert other_kind(struct.pack("<32h", *(still.randrange(-3, 4) for _ in range(32)))) == ""
    assert other_kind(bytes(HEAD)) == other_kind(b"\xff" * HEAD) == ""
    for level in range(-3000, 3000):  # silence with an offset, and next to nothing else
        assert other_kind(struct.pack("<h", level) * (HEAD // 2)) == "", level
    assert other_kind(struct.pack("<hh", 0x4142, 0x4143) * (HEAD // 4)) == ""
    for level in range(0x20, 0x7f):
        for noise in (1, 3, 9):
            for _ in range(30):
                assert other_kind(struct.pack("<32h", *(level + still.randint(-noise, noise) for _ in range(32)))) == "", level


def test_pcm_without_a_header_is_taken_only_where_it_was_asked_for():
    for asked, bare, taken in (("wav", True, True), ("pcm", True, True), ("wav", False, False), ("mp3", True, False)):
        sink = Sink(io.BytesIO(), Call("", {"input": {"text": "Hi"}}, True, asked, 24000), bare=bare)
        with nullcontext() if taken else pytest.raises(BadSound):
            sink.write(SAMPLES)
            sink.end()


def test_length_that_compressed_sound_tells(tmp_path):
    behind = b"OggS\0\0" + b"\xff" * 7 + b"\x7f" + b"bad!" + bytes(40)  # a page of another stream
    for data, form, seconds in ((id3(300) + FLAC, "flac", 1.5),
                                (OPUS, "opus", 0.84), (OPUS + behind, "opus", 0.84), (OPUS + b"OggS", "opus", 0.84), (FLAC, "flac", 1.5),
                                (OPUS[:47], "opus", 0)):
        (tmp_path / "a").write_bytes(data)
        assert measured(str(tmp_path / "a"), form)[1] == pytest.approx(seconds, abs=0.02), form
    assert too_long(123577.4, "Hello world, this is a test of speech.") and not too_long(160, "a mark for a pause of 100 s")


# ---- judged by others ------------------------------------------------------------------------------------------------

needs_ffmpeg = pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg and ffprobe are not there")


def ffmpeg(*arguments, data=b"") -> bytes:
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin" if not data else "-y", *map(str, arguments)], input=data or None,
                          capture_output=True, timeout=60, check=True)
    assert not done.stderr, done.stderr.decode()
    return done.stdout


def tone(hertz: int, seconds: float, *options) -> bytes:
    return ffmpeg("-f", "lavfi", "-i", f"sine={hertz}:d={seconds}", *options, "-")


def decoded(path, rate: int) -> array.array:
    return array.array("h", ffmpeg("-i", path, "-f", "s16le", "-ac", 1, "-ar", rate, "-"))


def probed(path) -> dict:
    done = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-show_format", "-of", "json", str(path)],
                          capture_output=True, timeout=60, check=True)
    assert not done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


def loudest(samples) -> int:
    return max(map(abs, samples))


@needs_ffmpeg
@pytest.mark.parametrize("rate, options", [(24000, ("-b:a", "48k")), (44100, ("-q:a", "4"))])
def test_ffmpeg_plays_joined_mp3(join, tmp_path, rate, options):
    parts = [tone(hertz, 0.5, "-ar", rate, *options, "-write_id3v1", 1, "-f", "mp3") for hertz in (440, 880)]
    data, counts, made = join("mp3", [(0, parts[0]), (1000, parts[1])])
    (tmp_path / "all.mp3").write_bytes(data)
    stream = probed(tmp_path / "all.mp3")["streams"][0]
    samples = decoded(tmp_path / "all.mp3", rate)
    frame_samples = 1152 if rate > 24000 else 576
    assert (stream["codec_name"], int(stream["sample_rate"])) == ("mp3", rate)
    assert abs(len(samples) - made.samples) <= 2 * frame_samples and abs(made.samples - 2 * rate) < 10 * frame_samples
    pause = samples[counts[0] + 3 * frame_samples:len(samples) - counts[1] - 3 * frame_samples]
    assert len(pause) > rate / 2 and loudest(pause) < 40, "the pause is not silent"
    assert min(loudest(samples[rate // 5:rate // 3]), loudest(samples[-rate // 3:-rate // 5])) > 1000, "the parts are"


@needs_ffmpeg
def test_ffmpeg_plays_joined_wav(join, tmp_path):
    rate, channels = 44100, 2
    parts = [tone(hertz, 0.3, "-ar", rate, "-ac", channels, "-f", "wav") for hertz in (440, 880)]  # a pipe: sizes of 0xFFFFFFFF and a LIST
    data, counts, made = join("wav", [(0, parts[0]), (250, parts[1])])
    (tmp_path / "all.wav").write_bytes(data)
    found = probed(tmp_path / "all.wav")
    assert counts == [round(0.3 * rate)] * 2 and float(found["format"]["duration"]) == pytest.approx(0.85, abs=0.001)
    assert (found["streams"][0]["codec_name"], found["streams"][0]["channels"]) == ("pcm_s16le", channels)
    plain = [ffmpeg("-f", "wav", "-i", "-", "-f", "s16le", "-", data=part) for part in parts]
    assert data[44:] == plain[0] + bytes(round(rate / 4) * 2 * channels) + plain[1] and made.seconds == pytest.approx(0.85)


@needs_ffmpeg
@pytest.mark.parametrize("options", [("-ar", "44100", "-q:a", "2"), ("-ar", "11025", "-ac", "2")])
def test_frames_are_those_that_ffprobe_counts(tmp_path, options):
    data = tone(440, 0.5, *options, "-f", "mp3")
    found = [frames_of(data, size) for size in (1, 7, 1000, 10**9)]
    assert len({one for one, _ in found}) == 1
    (tmp_path / "bare.mp3").write_bytes(found[0][0])
    stream, first = probed(tmp_path / "bare.mp3")["streams"][0], found[0][1].first
    assert (int(stream["sample_rate"]), stream["channels"]) == (first.rate, first.channels)
    assert int(stream["nb_read_packets"]) == found[0][1].samples // first.samples


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not there")
def test_sox_reads_joined_wav(join, tmp_path):
    data, _, made = join("wav", [(0, wav()), (100, wav(size=0))])
    (tmp_path / "all.wav").write_bytes(data)
    done = subprocess.run(["sox", "--info", "-s", str(tmp_path / "all.wav")], capture_output=True, timeout=60, check=True)
    assert int(done.stdout) == made.samples
