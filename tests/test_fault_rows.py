"""Inputs of the same kinds as the faults that were reported: each test fails without the mend of its kind."""
from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
import shlex
import shutil
import struct
import subprocess
from types import SimpleNamespace

import pytest

from shared.batch.job_files import JobFiles
from shared.chat.answer import Answer, tool_calls_for_messages
from shared.chat.json_schema import NotChecked, violations
from shared.cli import console
from shared.failures import Exit
from shared.files import probe
from shared.files.ends import is_whole
from shared.money.cost import FREE
from shared.transport import download, reading
from shared.transport.context import Context
from shared.transport.errors import explain
from shared.words import counted, data_size, unit
from tests import media_samples as samples
from tests.emulator import speech, voicing

GATEWAY = Context("qianwen-text", "standard", "gateway", "gw.example", "qwen-plus", (), False, "", "https://gw.example")


# ---- errors in other dress ---------------------------------------------------------------------------------------------

DRESSES = [  # status, body, exit code, error code, message
    (422, {"detail": "模型不存在的参数"}, 8, "http_422", "模型不存在的参数"),
    (422, {"detail": [{"loc": ["body", "model"], "msg": "field required"}, {"msg": "too long"}]}, 8, "http_422",
     "body.model: field required; too long"),
    (500, {"code": 500, "msg": "账户余额不足"}, 4, "500", "账户余额不足"),
    (200, {"code": 500, "msg": "出错了"}, 8, "500", "出错了"),
    (403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}, 4, "30001",
     "Sorry, your account balance is insufficient"),
    (403, {"code": 7, "msg": "该令牌额度不足"}, 4, "7", "该令牌额度不足"),
    (401, {"error": {"msg": "无效的令牌"}}, 3, "", "无效的令牌"),
    (400, {"errorCode": "X1", "errorMessage": "坏"}, 8, "X1", "坏"),
    (400, {"error_code": 336002, "error_msg": "Invalid JSON"}, 8, "336002", "Invalid JSON"),
    (400, {"errors": [{"message": "糟糕"}, {"message": "更糟"}]}, 8, "http_400", "糟糕; 更糟"),
    (400, {"error": {"message": {"detail": "深"}, "code": 7}}, 8, "7", "深"),
    (400, {"odd": {"words": "没有名字"}}, 8, "http_400", '{"odd": {"words": "没有名字"}}'),
]


@pytest.mark.parametrize("status, body, exit_code, code, message", DRESSES)
def test_an_error_in_other_dress_is_read_and_shown_as_text(status, body, exit_code, code, message):
    failure = explain(reading.read(status, {}, json.dumps(body).encode()), GATEWAY)
    assert (failure.exit_code, failure.code, failure.message) == (exit_code, code, message)


def test_a_404_of_a_framework_that_names_nothing_explains_the_address():
    failure = explain(reading.read(404, {}, b'{"detail":"Not Found"}'), GATEWAY)
    assert failure.exit_code == Exit.FAILED and "no such path" in failure.cause


@pytest.mark.parametrize("code", [0, "", None, 200, "200", "Success", "OK"])
def test_a_code_of_success_is_no_error(code):
    body = {"code": code, "data": {"id": 1}, "msg": "ok"}
    assert reading.read(200, {}, json.dumps(body).encode()) == body


# ---- what is paid again is said ----------------------------------------------------------------------------------------

WORD = {"type": "object", "properties": {"mood": {"enum": ["good"]}}, "required": ["mood"]}


def test_a_batch_says_which_failed_rows_are_paid_again(run, emulator, work):
    (work / "s.json").write_text(json.dumps(WORD))
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"w{number}"}) + "\n" for number in range(3)))
    emulator.reply(text='{"mood": "bad"}')
    emulator.reply(text='{"mood": "good"}')
    emulator.inject("500", times=1, retry_after=0)
    done = run("--batch", "rows.jsonl", "-o", "out", "--schema", "s.json", "--no-think", "--concurrency", 1, "--retries", 0)
    told = done.err.split("  next: ")[1]
    assert "run the same command again" in told and "are paid again: 1 row (about 0." in told, done


def test_a_batch_whose_rows_cost_nothing_says_nothing_of_paying_again(run, emulator, work):
    (work / "rows.jsonl").write_text(json.dumps({"prompt": "w"}) + "\n")
    emulator.inject("500", times=None, retry_after=0)
    done = run("--batch", "rows.jsonl", "-o", "out", "--retries", 0)
    assert done.code == 8 and "run the same command again" in done.err and "paid again" not in done.err, done


# ---- a stdout that cannot be written -----------------------------------------------------------------------------------

class Full(io.TextIOWrapper):
    """Takes `room` pieces, then says that the disk is full."""

    def __init__(self, room: int = 0):
        super().__init__(io.BytesIO(), "utf-8")
        self._room = room

    def write(self, text):
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._room -= 1
        return super().write(text)


@pytest.fixture
def full(run, monkeypatch):
    """`full(arguments…, room=…)`: a run whose stdout takes so many pieces and no more."""
    def run_full(*arguments, room=0, **named):
        class Console(console.Console):
            def __init__(self, *given):
                super().__init__(*given)
                self.stdout = Full(room) if not given[1:] else self.stdout
        with monkeypatch.context() as patched:
            patched.setattr("shared.main.Console", Console)
            patched.setattr(console, "to_nowhere", lambda stream: None)
            return run(*arguments, **named)
    return run_full


TTS, IMAGE, VIDEO = "qianwen-audio-tts", "qianwen-image-generation", "qianwen-video-generation"
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]


@pytest.mark.parametrize("room", [0, 1, 2])
@pytest.mark.parametrize("arguments, skill, told, files", [
    (("hi", "--no-think"), "qianwen-text", "Your prompt begins", ()),
    (("hi", "--no-think", "--json"), "qianwen-text", '"request_id"', ()),
    (("hi", "--no-think", "-o", "a.md"), "qianwen-text", "a.md", ("a.md",)),
    (("hi", "--no-think", "--chat", "c.json"), "qianwen-text", "Your prompt begins", ("c.json",)),
    (("Weather?", "--tools", "tools.json", "--tool-choice", "weather", "--no-think"), "qianwen-text", '"name": "weather"', ()),
    (("你好", "-o", "a.wav", "--srt"), TTS, "a.srt", ("a.json", "a.srt", "a.wav")),
    (("你好", "-o", "a.wav", "--json"), TTS, '"path": "a.wav"', ("a.json", "a.wav")),
    (("--design", "a calm voice", "--name", "bob", "-o", "p.wav"), TTS, "cosyvoice-v3.5-plus-", ("p.wav",)),
    (("a fox", "-n", 2, "-o", "f.png"), IMAGE, "f-2.png", ("f-1.json", "f-1.png", "f-2.json", "f-2.png")),
    (("a fox", "-n", 2, "-o", "f.png", "--json"), IMAGE, '"path": "f-2.png"', ("f-1.json", "f-1.png", "f-2.json", "f-2.png")),
    (("a fox", "--no-wait"), VIDEO, "--resume", ()),
    (("a fox", "--no-wait", "--json"), VIDEO, '"task_id"', ()),
])
def test_a_result_that_cannot_go_to_stdout_goes_to_stderr(full, emulator, work, arguments, skill, told, files, room):
    (work / "tools.json").write_text(json.dumps(TOOLS))
    done = full(*arguments, skill=skill, room=room)
    if done.code == 0:  # it had room for all of it
        assert room and "stdout" not in done.err
        return
    assert (done.code, done.out) == (9, "") and told in done.err and "No space left on device" in done.err, done
    assert "nothing has to be paid for again" in done.err and "run the" not in done.err, done
    assert sorted(path.name for path in work.iterdir() if path.name not in (".git", "tools.json")) == sorted(files)
    assert len(emulator.creates) <= 1 and len(emulator.requests) >= 1


# ---- downloads ---------------------------------------------------------------------------------------------------------

class Drip:
    """A body of which one byte comes now and then."""

    def __init__(self, count: int):
        self._left = count

    def read1(self, size):
        self._left -= 1
        return b"x" if self._left >= 0 else b""


@pytest.mark.parametrize("pause, comes", [(100.0, False), (0.01, True)], ids=["a byte in 100 s", "many bytes a second"])
def test_a_download_that_drips_is_given_up(monkeypatch, pause, comes):
    moment = itertools.count(step=pause)
    monkeypatch.setattr(download.time, "monotonic", lambda: next(moment))
    target, drip = io.BytesIO(), Drip(20_000)
    with contextlib.nullcontext() if comes else pytest.raises(download._Again, match="next to nothing"):
        download._append(drip, {}, target, 0, None, 1 << 30, 300.0)
    assert (len(target.getvalue()) == 20_000) == comes


def test_what_came_in_place_of_a_part_of_speech_is_kept_with_its_link(run, emulator, work):
    emulator.inject("download-html", None)
    done = run("你好", "-o", "a.wav", "--json", skill=TTS)
    (entry,) = done.document["files"]
    assert done.code == 9 and entry["url"].startswith(emulator.url) and entry["partial"] in done.err, done
    with open(entry["partial"], "rb") as file:
        assert b"<html" in file.read().lower()
    assert not (work / "a.wav").exists()
    emulator.faults.clear()
    assert run("你好", "-o", "a.wav", skill=TTS).code == 0 and len(emulator.creates) == 1


NO_SPEECH = {"JSON": b'{"x":1}', "ten bytes": b"RIFFxxxxWA", "a mark of MP3": b"\xff\xfb\x90", "text": b"not a sound.",
             "a header alone": b"RIFF\x24\0\0\0WAVE" + struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, 1, 1, 24000, 48000, 2, 16, b"data", 0),
             "bare samples": b"\0\1" * 4000, "M4A": b"\0\0\0\x1cftypM4A " + b"\0\1" * 4000, "AAC": b"\xff\xf1\x50\x80\x10\x1f\xfc" + bytes(4000),
             "a picture": samples.png(20, 20), "noise like FLAC": b"fLaC" + b"\x5a" * 4000, "noise like Ogg": b"OggS" + b"\x5a" * 4000}


@pytest.mark.parametrize("data", NO_SPEECH.values(), ids=NO_SPEECH)
def test_a_link_of_speech_that_gives_none_is_kept(run, emulator, work, monkeypatch, data):
    """However short or long what comes is: nothing is saved as sound, and nothing is paid for again."""
    text = "One sentence. " * 3
    with monkeypatch.context() as changed:
        changed.setattr(speech, "audio_of", lambda *_, **__: data)
        done = run(text, "--max-part", 20, "-o", "a.wav", "--json", skill=TTS)
    paid, links = len(emulator.creates), {entry["url"] for entry in done.document["files"]}
    assert done.code == 9 and len(links) == paid == 3 and not (work / "a.wav").exists(), done
    assert run(text, "--max-part", 20, "-o", "a.wav", skill=TTS).code == 0 and len(emulator.creates) == paid


def test_a_part_that_cannot_be_kept_is_not_lost_while_its_link_lives(run, emulator, monkeypatch):
    import tts_store

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(tts_store.Store, "keep_link", full)
    done = run("你好", "-o", "a.wav", "--json", skill=TTS)
    (entry,) = done.document["files"]
    assert done.code == 9 and entry["url"].startswith(emulator.url) and entry["url"] in done.err, done
    assert "run the" not in done.document["error"]["fix"], done


# ---- speech ------------------------------------------------------------------------------------------------------------

LONG = "这是一段足够长的话，用来看声音是否短得离谱，说完它要好几秒钟。"


@pytest.mark.parametrize("model", ["qwen3-tts-flash", "MiniMax/speech-2.8-hd", "qwen-audio-3.0-tts-flash", "cosyvoice-v3-flash"])
@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_sound_far_too_short_for_its_text_is_warned_of_with_every_model(run, emulator, model, form):
    emulator.unit_seconds = 0.01
    done = run(LONG, "--model", model, "-o", f"a.{form}", skill=TTS)
    assert done.code == 0 and "its end may be missing" in done.err, done
    emulator.unit_seconds = 0.12
    done = run(LONG, "--model", model, "-o", f"b.{form}", skill=TTS)
    assert done.code == 0 and "may be missing" not in done.err, done


@pytest.mark.parametrize("text", ["Hello world, this is a test of speech.", "你好", "42"])
def test_sound_in_which_nobody_says_its_text_is_warned_of_however_short_that_is(run, emulator, text):
    emulator.unit_seconds = 0.0001
    done = run(text, "-o", "a.wav", skill=TTS)
    assert done.code == 0 and "its end may be missing" in done.err and "a segment is 0.0" in done.err, done
    emulator.unit_seconds = 0.12
    assert "may be missing" not in run(text, "-o", "b.wav", skill=TTS).err


def test_a_length_that_speech_tells_and_that_cannot_be_is_not_repeated(run, emulator, work, monkeypatch):
    for said, told in ((1 << 40, False), (1.3 * 48000, True)):
        data = voicing.opus("Hello world.")
        page = data.rindex(b"OggS")
        data = data[:page + 6] + struct.pack("<q", int(said)) + data[page + 14:]
        monkeypatch.setattr(speech, "audio_of", lambda *_, data=data, **__: data)
        for flag in ("--no-sidecar", "--stream"):
            done = run("Hello world.", "-o", f"{told}{flag}.opus", "--json", flag, skill=TTS)
            assert done.code == 0 and ("seconds" in done.document) == ("seconds" in done.document["files"][0]) == told, done
            assert (" s of Cherry" in done.err) == told, done


@pytest.mark.parametrize("model, output, legal", [
    ("qwen-tts", "a.m4a", ".wav, .pcm"), ("qwen-tts", "a.mp3", ".wav, .pcm"), ("MiniMax/speech-2.8-hd", "a.ogg", ".wav, .mp3, .pcm, .flac"),
    ("qwen3-tts-flash", "a.flac", ".wav, .mp3, .pcm, .opus, .ogg"), ("cosyvoice-v3-flash", "a.aac", ".wav, .mp3, .pcm, .opus, .ogg")])
def test_the_formats_that_are_offered_for_speech_are_those_of_the_model(run, emulator, model, output, legal):
    done = run("你好", "--model", model, "-o", output, skill=TTS)
    assert done.code == 2 and f"legal: {legal}\n" in done.err and not emulator.requests, done
    for extension in legal.split(", "):
        assert run("你好", "--model", model, "-o", "a" + extension, "--dry-run", skill=TTS).code == 0


def test_a_system_without_threads_speaks_all_parts(run, emulator, monkeypatch):
    def no_thread(self):
        raise RuntimeError("can't start new thread")
    monkeypatch.setattr("shared.batch.workers._Thread.start", no_thread)
    emulator.unit_seconds = 0.001
    done = run(LONG, "--max-part", 20, "-o", "a.wav", "--json", skill=TTS)
    assert done.code == 0 and done.document["parts"] > 2 and len(emulator.creates) == done.document["parts"], done


# ---- whole media with something behind the end, photos on their side, transparency -----------------------------------------

FILM = samples.mp4(4, size=5000)
WHOLE = {"png": samples.png(50, 40), "jpeg": samples.jpeg(50, 40), "gif": samples.gif(50, 40), "webp": samples.webp(50, 40), "mp4": FILM,
         "mov": samples.mp4(4, size=5000, brand=b"qt  ")}
BEHIND = {"a line end": b"\r\n", "zeros": bytes(100), "text": b"<!-- cached by a proxy -->" * 9, "another picture": samples.png(9, 9),
          "64 KiB": b"\x5a" * 65536}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_what_comes_behind_the_end_of_a_medium_does_no_harm(data, behind):
    kind, *_ = probe.measure(io.BytesIO(data), len(data))
    assert is_whole(io.BytesIO(data + behind), len(data + behind), kind)
    for end in (len(data) - 1, len(data) - 9, len(data) // 2):
        assert not is_whole(io.BytesIO(data[:end]), end, kind) or kind == "image/gif" and end == len(data) - 9


def exif(orientation: int, order: str = "<") -> bytes:
    """TIFF data that tell an orientation, behind a tag that comes first."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = [struct.pack(order + "HHI4s", 271, 2, 4, b"abc\0"), struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0)]
    return mark + struct.pack(order + "IH", 8, len(entries)) + b"".join(entries) + bytes(4)


def photo(kind: str, orientation: int, order: str = "<") -> bytes:
    """A picture of 60 x 40 stored pixels that says how it is shown."""
    data = exif(orientation, order)
    if kind == "jpeg":
        plain, told = samples.jpeg(60, 40), b"Exif\0\0" + data
        return plain[:2] + b"\xff\xe0\0\x10JFIF\0" + bytes(9) + b"\xff\xe1" + struct.pack(">H", len(told) + 2) + told + plain[2:]
    if kind == "png":
        plain = samples.png(60, 40)
        return plain[:33] + samples.png_chunk(b"eXIf", data) + plain[33:]
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + (59).to_bytes(3, "little") + (39).to_bytes(3, "little")
    chunks += samples.webp(60, 40)[12:] + b"EXIF" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_the_sides_of_a_photo_are_those_that_are_shown(kind, order):
    for orientation in range(10):
        data = photo(kind, orientation, order)
        found = probe.measure(io.BytesIO(data), len(data))
        assert found[1:3] == ((40, 60) if 5 <= orientation <= 8 else (60, 40)), orientation
        for end in range(30, len(data), 5):  # a torn one is no defect
            probe.measure(io.BytesIO(data[:end]), end)


@pytest.mark.parametrize("flags", [("--box", "1:1,1,20,20"), ("--mask", "mask.png", "--function", "description_edit_with_mask")])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_on_its_side_is_warned_of_where_places_count(run, emulator, work, flags, orientation):
    (work / "photo.jpg").write_bytes(large_photo(orientation))
    (work / "mask.png").write_bytes(samples.png(*((800, 1200) if orientation == 6 else (1200, 800))))
    done = run("Paint it red", "--image", "photo.jpg", *flags, "--dry-run", skill=IMAGE)
    assert done.code == 0 and ("stored on its side" in done.err) == (orientation == 6), done


def large_photo(orientation: int) -> bytes:
    plain, told = samples.jpeg(1200, 800), b"Exif\0\0" + exif(orientation)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(told) + 2) + told + plain[2:]


def test_a_portrait_of_a_phone_is_edited_as_a_portrait(run, emulator, work):
    (work / "photo.jpg").write_bytes(large_photo(6))
    done = run("Make it night", "--image", "photo.jpg", "--quality", "high", "--dry-run", skill=IMAGE)
    width, height = map(int, done.document["body"]["parameters"]["size"].split("*"))
    assert width < height, done


def transparent_png() -> bytes:
    plain = samples.png(20, 20)
    return plain[:33] + samples.png_chunk(b"tRNS", bytes(6)) + plain[33:]


@pytest.mark.parametrize("data, alpha", [
    (transparent_png(), True), (samples.png(20, 20), False), (photo("webp", 1), False),
    (photo("webp", 1).replace(b"VP8X\x0a\0\0\0\x08", b"VP8X\x0a\0\0\0\x18"), True),
    (b"RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f" + struct.pack("<I", 19 | 19 << 14 | 1 << 28) + bytes(15), True),
    (b"RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f" + struct.pack("<I", 19 | 19 << 14) + bytes(15), False)])
def test_transparency_is_seen_however_it_is_told(data, alpha):
    assert probe.has_alpha(io.BytesIO(data)) is alpha


# ---- answers -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pattern, fits, breaks", [
    (r"^[\w-.]+@[\d-x]+$", "a-b.c@1-x", "a b@1"), (r"^x{,3}$", "x{,3}", "xx"), (r"^[\s-]+$", " -\u3000", "a"), (r"^[-\d]+$", "-1", "x")])
def test_patterns_that_javascript_takes_are_checked_as_it_does(pattern, fits, breaks):
    assert violations(fits, {"pattern": pattern}) == [] and violations(breaks, {"pattern": pattern})


@pytest.mark.parametrize("reason", ["CONTENT_FILTER", "SAFETY", "recitation"])
def test_an_answer_that_a_filter_ended_is_not_the_whole_in_any_spelling(run, emulator, work, reason):
    emulator.reply(chunks=[{"choices": [{"index": 0, "delta": {"content": "Half of"}, "finish_reason": None}]},
                           {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}])
    done = run("hi", "--no-think", "--chat", "c.json", "-o", "a.md")
    assert done.code == 10 and "a.md.partial" in done.err, done
    assert not (work / "a.md").exists() and not (work / "c.json").exists()


def test_an_answer_of_blanks_is_empty(run, emulator, work):
    emulator.reply(text="  \n\n ")
    done = run("hi", "--no-think", "--chat", "c.json")
    assert done.code == 8 and "empty" in done.err and not (work / "c.json").exists(), done


def delta(content=None, reason=None, **more):
    fields = {**({} if content is None else {"content": content}), **more}
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def message(content, **more):
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": content, **more}, "finish_reason": "stop"}]}


def native(content, reason="null"):
    return {"output": {"choices": [{"message": {"content": [{"text": content}]}, "finish_reason": reason}]}}


def call(index, name, arguments, function="f"):
    fields = {**({} if index is None else {"index": index}), **({} if name is None else {"id": name})}
    return delta(tool_calls=[{**fields, "function": {"name": function, "arguments": arguments}}])


def folded(events) -> Answer:
    answer = Answer()
    for event in events:
        answer.take(event)
    answer.close()
    return answer


HALVES = {"two deltas": [delta("Hi \ud83d"), delta("\ude00")], "native": [native("Hi \ud83d"), native("\ude00", "stop")]}
TEXTS = {
    **{f"halves, {name}": (events, "Hi 😀") for name, events in HALVES.items()},
    "a lone half": ([delta("Hi \ud83d"), delta("!")], "Hi \ufffd!"), "a lone half at the end": ([delta("Hi "), delta("\ud83d")], "Hi \ufffd"),
    "a whole message at the end": ([delta("Hello "), delta("world"), message("Hello world")], "Hello world"),
    "a short message at the end": ([delta("Hi"), delta(" you"), message("Hi you")], "Hi you"),
    "a whole message beside an empty delta": ([delta("Hello "), delta("world"), {"choices": [
        {"index": 0, "delta": {}, "message": {"content": "Hello world"}, "finish_reason": "stop"}]}], "Hello world"),
    "a whole message with more at its end": ([delta("Hello "), message("Hello world")], "Hello world"),
    "all so far in each piece": ([delta("| A |"), delta("| A | B |"), delta("| A | B | C |"), delta("", "stop")], "| A | B | C |"),
    "one piece again and again": ([delta("哈"), delta("哈"), delta("哈"), delta("", "stop")], "哈哈哈")}
CALLS = {
    "a new id at the same index": ([call(0, "a", "{}"), call(0, "b", '{"x":'), call(0, "", "1}", ""), call(0, "c", "")],
                                   [("a", "{}"), ("b", '{"x":1}'), ("c", "{}")]),
    "no index": ([call(None, "a", "{"), call(None, None, "}", ""), call(None, "b", "")], [("a", "{}"), ("b", "{}")]),
    "the same id in each piece": ([call(0, "a", '{"a"'), call(0, "a", ":1}")], [("a", '{"a":1}')]),
    "a whole message at the end": ([call(0, "a", '{"a":1}'), message("", tool_calls=[
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a":1}'}}])], [("a", '{"a":1}')]),
    **{f"whole ones without an id, {index} as index": ([call(index, "", one, name) for one, name in (
        ('{"x":1}', "f"), ('{"x":1}', "f"), ('{"y":', "g"), ("2}", "g"), ('{"y":3}', "g"))], [("", '{"x":1}'), ("", '{"y":2}'), ("", '{"y":3}')])
       for index in (0, None)},
    "halves of a character": ([call(0, "a", '{"a":"\ud83d'), call(0, "", '\ude00"}', "")], [("a", '{"a":"😀"}')])}


@pytest.mark.parametrize("events, text", TEXTS.values(), ids=TEXTS)
def test_text_is_folded_once_whatever_the_stream_repeats_or_cuts(events, text):
    assert folded(events).text == text


@pytest.mark.parametrize("events, calls", CALLS.values(), ids=CALLS)
def test_tool_calls_are_told_apart(events, calls):
    found = [(one["id"], one["function"]["arguments"]) for one in tool_calls_for_messages(folded(events))]
    assert [(made if wanted else "", said) for (made, said), (wanted, _) in zip(found, calls)] == calls and len(found) == len(calls)


# ---- 8-bit locales -------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not shutil.which("localedef"), reason="makes a locale of its own")
@pytest.mark.parametrize("name, charmap", [("zh_CN", "GBK"), ("en_US", "ISO-8859-1")])
def test_arguments_and_paths_are_utf8_in_an_8_bit_locale(run, emulator, work, tmp_path, name, charmap):
    made = subprocess.run(["localedef", "-i", name, "-f", charmap, str(tmp_path / f"{name}.{charmap}")], capture_output=True)
    if not (tmp_path / f"{name}.{charmap}").exists():
        pytest.skip(f"no such locale here: {made.stderr!r}")
    done = run("红狐狸", "-o", "图/", skill=IMAGE, env={"LOCPATH": str(tmp_path), "LC_ALL": f"{name}.{charmap}"})
    assert done.code == 0 and emulator.creates[0].prompt == "红狐狸", done
    (path,) = done.out.splitlines()
    assert path.startswith("图/红狐狸") and (work / path).is_file(), done


# ---- a read never advises to pay again -----------------------------------------------------------------------------------

@pytest.mark.parametrize("fault, code", [("arrearage", 4), ("401", 3), ("free-tier", 4)])
def test_a_refused_poll_advises_to_fetch_and_not_to_run_again(run, emulator, fault, code):
    emulator.task_polls = (2, 0)
    emulator.inject(fault, times=None, path="/tasks/")
    done = run("a fox", "--poll", 0.02, "--json", skill=VIDEO)
    fix = done.document["error"]["fix"]
    assert done.code == code and "run the command again" not in fix and done.document["resume"] in fix, done


# ---- on the machine ------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(os.name != "posix", reason="a command for bash")
@pytest.mark.parametrize("name", ["my notes.txt", "a;b.txt", "$(id).txt", "it's.txt"])
def test_values_in_suggested_commands_are_quoted(run, work, name):
    (work / name).write_bytes(b"\xb9\xfa\xbc\xd2 text")
    said = run("Sum up", "--attach", name).err
    told = said[said.index("iconv"):].splitlines()[0]
    assert shlex.split(told)[-1] == name, said
    (work / name).write_bytes(b"%PDF-1.7\0\0")
    said = run("Sum up", "--attach", name).err
    assert shlex.split(said[said.index("use --document"):].splitlines()[0])[2:] == [name], said


def test_a_voice_whose_id_could_be_read_as_a_command_is_not_printed(run, emulator, monkeypatch):
    import tts_custom
    monkeypatch.setattr(tts_custom.Custom, "_paid", lambda *_: (SimpleNamespace(request_id="r", body={"output": {"voice": "my voice; ls"}}), FREE))
    done = run("--design", "a calm voice", "--name", "bob", "--model", "qwen3-tts-vd-2026-01-26", skill=TTS)
    assert done.code == 8 and "; ls" not in done.err and "--my-voices" in done.err, done


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("arguments, skill", [
    (("hi", "--no-think"), "qianwen-text"), (("你好", "-o", "a.wav"), TTS), (("a fox", "--no-wait"), VIDEO),
    (("--design", "a calm voice", "--name", "bob"), TTS)])
def test_every_level_of_the_state_folder_is_its_owners_alone(run, emulator, home, arguments, skill):
    before = os.umask(0)
    try:
        assert run(*arguments, skill=skill).code == 0
    finally:
        os.umask(before)
    folders = [path for path in (home / ".local").rglob("*") if path.is_dir()]
    assert len(folders) > 1 and {path.stat().st_mode & 0o777 for path in [home / ".local", *folders]} == {0o700}


def test_a_file_system_that_refuses_fsync_takes_the_rows_of_a_job(tmp_path, monkeypatch):
    def refused(_):
        raise OSError(errno.EINVAL, "Invalid argument")
    monkeypatch.setattr(os, "fsync", refused)
    files = JobFiles(str(tmp_path / "jobs"))
    files.add(1, {"model": "m"}, FREE)
    (job,) = files.close()
    assert job["rows"] == 1 and os.path.getsize(job["file"]) == job["bytes"]


def test_upload_that_was_made_twice_is_deleted_with_its_twin(run, emulator, work):
    """The answer of the first upload is lost, so the file is sent once more: both are taken out of the account."""
    (work / "rows.csv").write_text("word\na\nb\n")
    emulator.inject("accept-then-reset", path="/files", times=1)
    done = run("Say {word}", "--batch", "rows.csv", "--batch-api", "-o", "out", "--no-think", "--poll", 0.02)
    assert done.code == 0 and not emulator.files, done
    assert sum(request.method == "DELETE" for request in emulator.requests) >= 3, "two uploads and the output"


def test_cancelled_jobs_leave_no_upload_in_the_account(run, emulator, work, home, monkeypatch):
    (work / "rows.csv").write_text("word\na\nb\n")
    emulator.inject("reset", path="/batches", times=None)
    arguments = ("--batch", "rows.csv", "--batch-api", "-o", "out", "--no-think", "--retries", 0)
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.0)
    done = run("Say {word}", *arguments, "--json")
    assert done.code == 6 and len(emulator.files) == 1, done
    emulator.faults.clear()
    cancelled = run("--cancel", done.document["task_id"])
    assert cancelled.code == 0 and not emulator.files and not emulator.batches, cancelled


# ---- one and many --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("count, words", [(0, "0 rows"), (1, "1 row"), (1.0, "1 row"), (2, "2 rows"), (0.5, "0.5 rows"), (12345, "12,345 rows")])
def test_a_number_has_its_noun(count, words):
    assert counted(count, "row") == words


@pytest.mark.parametrize("count, words", [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 KB"), (49_999, "50 KB"),
                                          (999_499, "999 KB"), (999_500, "1.0 MB"), (7_040_000, "7.0 MB"), (2_000_000_001, "2000.0 MB")])
def test_a_size_is_never_shown_as_nothing(count, words):
    assert data_size(count) == words


@pytest.mark.parametrize("name, one, two", [("input_tokens", "1 input token", "2 input tokens"), ("images", "1 image", "2 images"),
                                            ("seconds", "1 second", "2 seconds")])
def test_units_of_a_bill(name, one, two):
    assert (unit(1, name), unit(2, name)) == (one, two)


def test_one_of_a_kind_is_told_in_the_singular(run, emulator, work):
    emulator.reply(text="x", usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
    (work / "rows.jsonl").write_text(json.dumps({"prompt": "w"}) + "\n")
    done = run("--batch", "rows.jsonl", "-o", "out", "--no-think")
    assert "1 row: 1 done now" in done.err and "1 input token, 1 output token, " in done.err, done


# ---- JSON with words around it, patterns ---------------------------------------------------------------------------------

FITS = '{"mood": "good"}'


@pytest.mark.parametrize("text, fits", [
    (f"Here it is: {FITS}", True), (f"```json\n{FITS}\n```\nI hope this helps.", True), (f"{FITS}.", True), (f"\ufeff{FITS}", True),
    (f'First {{"mood": 1}} was wrong, so: {FITS}', True), (f"<think>[1]</think>{FITS}", True),
    (f"Either {FITS} or {FITS}", False), ('It is {"mood": "bad"}', False), (f"Half: {FITS[:-1]}", False), ("no JSON at all", False)])
def test_one_fitting_value_among_words_is_the_answer(run, emulator, work, text, fits):
    (work / "s.json").write_text(json.dumps(WORD))
    emulator.reply(text=text)
    done = run("hi", "--schema", "s.json", "--no-think")
    assert done.code == (0 if fits else 8), done
    assert not fits or json.loads(done.out) == {"mood": "good"}
    assert not fits or text.startswith("\ufeff") or "text around its JSON" in done.err, done


@pytest.mark.parametrize("pattern, value", [
    (r"^\d{4}$", "2025\n"), (r"^\d{4}$", "２０２５"), (r"^\w+$", "é"), (r"^.$", "\u2028"), (r"^\S+$", "a\u00a0")])
def test_classes_and_ends_of_patterns_are_those_of_javascript(pattern, value):
    assert violations(value, {"pattern": pattern})


def test_named_groups_and_points_of_patterns_are_translated():
    for pattern, value in ((r"^(?<y>\d{4})-\k<y>$", "2025-2025"), (r"^\u{1F600}$", "😀"), (r"^\cJ$", "\n"), (r"^[^]$", "\n")):
        assert violations(value, {"pattern": pattern}) == [] and violations("no", {"pattern": pattern})


def test_matching_is_bounded(monkeypatch):
    def run(*_, timeout, **__):
        assert timeout <= 10
        raise subprocess.TimeoutExpired("python", timeout)
    monkeypatch.setattr("shared.chat.json_schema.subprocess.run", run)
    with pytest.raises(NotChecked, match="took more than"):
        violations("a" * 40 + "!", {"pattern": "^(a+)+$"})


# ---- what a message promises ---------------------------------------------------------------------------------------------

def test_pictures_that_may_be_billed_are_not_advised_to_be_made_again(run, emulator):
    emulator.inject("answer-lost", times=None)
    done = run("a fox", skill="qianwen-image-generation")
    assert done.code == 8 and "only if paying twice is acceptable" in done.err and "in a minute" not in done.err, done
    assert len([one for one in emulator.requests if one.method == "POST"]) == 1


def test_part_of_an_answer_is_not_called_saved_where_it_is_only_shown(run, emulator, work):
    emulator.inject("cut-sse", times=None)
    shown = run("hi", "--retries", "0")
    assert shown.code == 6 and "saved" not in shown.err and "billed again" in shown.err, shown
    saved = run("hi", "--retries", "0", "--no-think", "-o", "a.md")
    assert saved.code == 6 and "saved in" in saved.err and list(work.glob("*.partial")), saved


def test_part_of_an_answer_that_cannot_be_saved_is_shown(run, emulator, work, monkeypatch):
    monkeypatch.setattr("shared.files.names.partial_path", lambda path: str(work / "gone" / "a.md.partial"))
    emulator.reply(chunks=["It is ", "said."])
    emulator.inject("cut-sse", after_chunks=3)
    done = run("hi", "--retries", "0", "--no-think", "-o", "a.md")
    assert done.code == 6 and "could not be saved" in done.err and "the answer received:\nIt is" in done.err, done
