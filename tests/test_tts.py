"""tts.py against the emulator, whose sound tells what text it was made of, sample by sample."""
from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tts_answers
import tts_part
import tts_speak
import tts_store

from shared.files.outputs import OutputFiles
from shared.transport import client
from tests.conftest import BYTECODE, PLAN_KEY, SCRIPTS, STANDARD_KEY
from tests.emulator import speech, voicing, wire
from tests.test_batch import results, write

SKILL = "qianwen-audio-tts"
SENTENCE = "第{0}句：白日依山尽，黄河入海流。And this is sentence {0}, isn't it? "
RATE = 24000


@pytest.fixture
def speak(run):
    return lambda *arguments, **named: run(*arguments, skill=SKILL, **named)


@pytest.fixture
def fast(emulator):
    """Long texts make short sounds."""
    emulator.unit_seconds = 0.001
    return emulator


def article(count: int) -> str:
    """Sentences in two scripts, in paragraphs of ten."""
    return "".join(SENTENCE.format(number) + ("\n\n" if number % 10 == 9 else "") for number in range(count)).strip()


def squeezed(text: str) -> str:
    return "".join(text.split())


def samples_of(path) -> bytes:
    """The samples of a WAV file whose header must be exactly right."""
    raw = path.read_bytes()
    assert raw[:4] == b"RIFF" and raw[8:16] == b"WAVEfmt " and raw[36:40] == b"data", raw[:44]
    assert int.from_bytes(raw[4:8], "little") == len(raw) - 8 and int.from_bytes(raw[40:44], "little") == len(raw) - 44
    return raw[44:]


def expected(emulator, texts, rate: int = RATE) -> bytes:
    """The sound of texts one after another."""
    return b"".join(voicing.samples(text, rate, emulator.unit_seconds) for text in texts)


def in_order(emulator, text: str) -> list:
    """What was sent, in the order in which the text has it."""
    whole, place, found = squeezed(text), 0, []
    left = [squeezed(sent) for sent in emulator.speech_texts]
    sent = {squeezed(one): one for one in emulator.speech_texts}
    while place < len(whole):
        piece = next(one for one in left if whole.startswith(one, place))
        left.remove(piece)
        found.append(sent[piece])
        place += len(piece)
    assert not left, left
    return found


# ---- one sentence ----------------------------------------------------------------------------------------------------

def test_sentence(speak, emulator, work):
    done = speak("你好，欢迎收听。", "-o", "hello.wav")
    assert (done.code, done.out) == (0, "hello.wav\n"), done
    assert samples_of(work / "hello.wav") == expected(emulator, ["你好，欢迎收听。"])
    assert voicing.decode(samples_of(work / "hello.wav")) == "你好，欢迎收听。"
    body = emulator.requests[0].json
    assert body == {"model": "qwen3-tts-flash", "input": {"text": "你好，欢迎收听。", "voice": "Cherry"}}
    assert "billed pay-as-you-go" in done.err and "14 characters" in done.err


def test_name_and_sidecar(speak, emulator, work):
    done = speak("白日依山尽", "--voice", "Ethan", "--language", "zh", "--json")
    assert done.code == 0, done
    entry = done.document["files"][0]
    assert entry["path"].startswith("白日依山尽-") and entry["path"].endswith(".wav") and entry["media_type"] == "audio/wav"
    assert entry["url"].startswith("http") and done.document["billing"]["units"] == {"characters": 10}
    facts = json.loads((work / entry["sidecar"]).read_text("utf-8"))
    assert (facts["prompt"], facts["voice"], facts["model"], facts["language"]) == ("白日依山尽", "Ethan", "qwen3-tts-flash", "zh")
    assert emulator.requests[0].json["input"]["language_type"] == "Chinese"
    assert abs(facts["seconds"] - 10 * emulator.unit_seconds) < 0.01


def test_no_sidecar(speak, work):
    assert speak("hello", "-o", "a.wav", "--no-sidecar").code == 0
    assert sorted(path.name for path in work.iterdir()) == [".git", "a.wav"]


@pytest.mark.parametrize("source", ["argument", "stdin", "file", "bom"])
def test_sources(speak, emulator, work, source):
    text = "It's a “test” 🙂 — naïve\nsecond line"
    (work / "text.txt").write_bytes((b"\xef\xbb\xbf" if source == "bom" else b"") + text.encode())
    arguments = {"argument": [text], "stdin": ["-"]}.get(source, ["--text-file", "text.txt"])
    assert speak(*arguments, "-o", "a.wav", stdin=text.encode() if source == "stdin" else b"").code == 0
    assert [squeezed(sent) for sent in emulator.speech_texts] == [squeezed(text)]


@pytest.mark.parametrize("arguments, code, words", [
    ((), 2, "there is no text"), (("  ",), 2, "empty"), (("hi", "--voice", "cherry"), 2, "Cherry"),
    (("hi", "--voice", "longanyang"), 2, "cosyvoice-v3-flash"), (("hi", "--pitch", "1"), 2, "cosyvoice"),
    (("hi", "--seed", "1"), 2, "qwen-audio"), (("hi", "--instructions", "slow"), 2, "qwen-audio-3.0-tts-flash"),
    (("hi", "--model", "cosyvoice-v3.5-plus"), 2, "--voice"), (("hi", "--model", "cosyvoice-v3.5-plus", "--voice", "longanyang"), 2, "v3.5"),
    (("hi", "--model", "qwen-tts", "--language", "zh"), 2, "qwen3-tts-flash"), (("hi", "--language", "klingon"), 2, "zh"),
    (("hi", "--sample-rate", "22050"), 2, "24000"), (("hi", "--speed", "3"), 2, "0.5 to 2"), (("hi", "--format", "flac"), 2, "wav"),
    (("hi", "--model", "qwen3-tts-flash-realtime"), 2, "WebSocket"), (("hi", "--name", "x"), 2, "--clone"),
    (("hi", "--text-file", "none.txt"), 2, "both given"), (("--text-file", "none.txt"), 2, "none.txt"),
    (("hi", "-o", "-", "--json"), 2, "--json"), (("hi", "--ssml"), 2, "cosyvoice"),
    (("a" * 700, "--format", "opus"), 2, "wav or mp3")])
def test_refused_before_anything_is_sent(speak, emulator, work, arguments, code, words):
    done = speak(*arguments)
    assert done.code == code and words in done.err and not emulator.requests, done
    assert sorted(path.name for path in work.iterdir()) == [".git"]


@pytest.mark.parametrize("name, content", [
    ("a.pdf", b"%PDF-1.7\n1 0 obj"), ("b.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3"), ("c.docx", b"PK\x03\x04\x14\0"), ("d.rtf", b"{\\rtf1 Hello}")])
def test_a_document_is_not_read_aloud(speak, emulator, work, name, content):
    (work / name).write_bytes(content)
    for given in ("--text-file", name), ("-",):
        done = speak(*given, stdin=content)
        assert done.code == 2 and "is a document" in done.err and "--document" in done.err and "iconv" not in done.err, done
    assert not emulator.requests


def test_target_is_there(speak, emulator, work):
    (work / "a.wav").write_bytes(b"mine")
    assert speak("hi", "-o", "a.wav").code == 7
    assert not emulator.requests and (work / "a.wav").read_bytes() == b"mine"
    assert speak("hi", "-o", "a.wav", "--overwrite").code == 0
    assert voicing.decode(samples_of(work / "a.wav")) == "hi"


# ---- families --------------------------------------------------------------------------------------------------------

FAMILIES = [
    ("qwen3-tts-flash", (), "wav"), ("qwen3-tts-flash", (), "mp3"), ("qwen3-tts-flash", (), "pcm"), ("qwen3-tts-flash", (), "opus"),
    ("qwen3-tts-instruct-flash", ("--instructions", "slowly"), "wav"), ("qwen-tts", (), "wav"),
    ("cosyvoice-v3-flash", ("--language", "en", "--seed", 7), "wav"), ("cosyvoice-v3-flash", (), "mp3"),
    ("cosyvoice-v3-flash", ("--sample-rate", 16000), "pcm"), ("cosyvoice-v3-flash", (), "opus"), ("cosyvoice-v2", (), "wav"),
    ("cosyvoice-v3-plus", ("--volume", 60, "--pitch", 1.1), "wav"), ("qwen-audio-3.0-tts-plus", ("--instructions", "warmly"), "wav"),
    ("qwen-audio-3.0-tts-flash", (), "mp3"), ("qwen-audio-3.1-tts-flash", ("--speed", 1), "wav"),
    ("MiniMax/speech-2.8-hd", (), "wav"), ("MiniMax/speech-2.8-turbo", ("--volume", 2, "--pitch", -3), "mp3"),
    ("MiniMax/speech-02-hd", (), "pcm")]


@pytest.mark.parametrize("style", ["whole", "stream"])
@pytest.mark.parametrize("model, flags, form", FAMILIES)
def test_families(speak, emulator, work, model, flags, form, style):
    """Every family in every format, whole and streamed: the file is what its extension says and says what was asked."""
    done = speak("Hello, 世界。", "--model", model, *flags, "-o", f"a.{form}", "--json", *(["--stream"] if style == "stream" else []))
    assert done.code == 0, done
    raw, rate = (work / f"a.{form}").read_bytes(), 16000 if 16000 in flags else 32000 if model.startswith("MiniMax") else RATE
    if form == "wav":
        assert int.from_bytes(raw[24:28], "little") == rate
        assert voicing.decode(samples_of(work / "a.wav")) == "Hello, 世界。"
    elif form == "pcm":
        assert voicing.decode(raw) == "Hello, 世界。"
    elif form == "mp3":
        assert voicing.decode_mp3(raw) == "Hello, 世界。"
    else:
        assert raw[:4] == b"OggS"
    if shutil.which("ffprobe") and form != "pcm":
        probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,sample_rate", "-of", "json", f"a.{form}"],
                               cwd=work, capture_output=True, check=True)
        stream = json.loads(probe.stdout)["streams"][0]
        assert stream["codec_name"] == {"wav": "pcm_s16le"}.get(form, form)
        assert form == "opus" or int(stream["sample_rate"]) == rate


def test_format_that_does_not_come_is_named_rightly(speak, emulator, work):
    emulator.inject("speech-other-format")
    done = speak("hello", "-o", "a.mp3")
    assert done.code == 0 and "a.wav" in done.out and "not MP3" in done.err, done
    assert voicing.decode(samples_of(work / "a.wav")) == "hello"


@pytest.mark.parametrize("mode", ["7fffffff", "ffffffff", "zero"])
def test_header_sizes_are_not_believed(speak, emulator, work, mode):
    emulator.placeholder_sizes = True if mode == "7fffffff" else mode
    emulator.extra_chunks = True
    assert speak("一二三", "-o", "a.wav").code == 0
    assert voicing.decode(samples_of(work / "a.wav")) == "一二三"


@pytest.mark.parametrize("fault", ["speech-multiline", "speech-repeated-header", "speech-bare-pcm"])
def test_strange_but_legal_streams(speak, emulator, work, fault):
    emulator.inject(fault, None)
    done = speak("一二三四五六七八九十" * 10, "--stream", "-o", "a.wav")
    assert done.code == 0, done
    assert voicing.decode(samples_of(work / "a.wav")) == "一二三四五六七八九十" * 10


# ---- long texts ------------------------------------------------------------------------------------------------------

def test_article(speak, fast, work):
    text = article(60)
    done = speak("-", "-o", "a.wav", "--json", stdin=text.encode())
    assert done.code == 0 and done.document["parts"] == len(fast.speech_texts) > 5, done
    sent = in_order(fast, text)
    assert all(voicing.units(part) <= 600 for part in sent)
    assert samples_of(work / "a.wav") == expected(fast, sent)
    assert not list((work.parent / "home").rglob("*.wav")), "nothing is left behind"


def test_a_hundred_thousand_characters(emulator, home, work):
    """One WAV, each part once and in order; memory stays bounded; a fault in part 57 and a rerun cost one call."""
    emulator.unit_seconds = 0.006
    text = article(2100)
    assert len(text) > 100_000
    (work / "book.txt").write_text(text, "utf-8")
    word = "sentence 400,"
    emulator.inject("500", 1, text=word)
    measure = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY, "QWEN_BASE_URL": emulator.url,
                   **BYTECODE}

    def run(*arguments):
        return subprocess.run([sys.executable, "-c", measure, sys.executable, str(SCRIPTS[SKILL]), *map(str, arguments)], cwd=work,
                              env=environment, capture_output=True, timeout=300)
    small = run("hello", "-o", "small.wav")
    calls = ("--text-file", "book.txt", "-o", "book.wav", "--concurrency", 12)
    first = run(*calls)
    assert first.returncode == 8 and b"only what is missing" in first.stderr, first.stderr
    assert not (work / "book.wav").exists()
    paid = len(emulator.creates)
    second = run(*calls)
    assert second.returncode == 0, second.stderr
    assert len(emulator.creates) == paid + 1 and word in emulator.creates[-1].prompt
    emulator.speech_texts.remove("hello")
    sent = in_order(emulator, text)
    assert len(sent) > 200
    size = (work / "book.wav").stat().st_size
    assert size > 30 << 20
    begin = 44
    with open(work / "book.wav", "rb") as file:
        head = file.read(44)
        assert int.from_bytes(head[40:44], "little") == size - 44
        for part in sent:
            sound = voicing.samples(part, RATE, emulator.unit_seconds)
            assert file.read(len(sound)) == sound, f"at byte {begin}"
            begin += len(sound)
        assert not file.read(1)
    if sys.platform == "linux":
        least, *most = (int(done.stdout.split()[-1]) for done in (small, first, second))
        assert max(most) - least < 16 * 1024, f"{max(most) - least} KiB above a short call"


def test_parts_side_by_side(speak, fast):
    fast.latency = 0.15
    assert speak(article(60), "-o", "a.wav", "--concurrency", 4).code == 0
    assert 1 < fast.most_speaking <= 4


def test_pauses_and_subtitles(speak, emulator, work):
    emulator.unit_seconds = 0.002
    (work / "a.md").write_text("# 题目\n\n第一段。\n\n第二段，[链接](http://x.y)。\n\n```\ncode\n```\n", "utf-8")
    done = speak("--text-file", "a.md", "--pause", 250, "--srt", "-o", "a.wav")
    assert done.code == 0 and done.out == "a.wav\na.srt\n", done
    assert sorted(emulator.speech_texts) == sorted(["题目", "第一段。", "第二段，链接。"])
    sound = [voicing.samples(text, RATE, 0.002) for text in ("题目", "第一段。", "第二段，链接。")]
    assert samples_of(work / "a.wav") == sound[0] + bytes(RATE * 600 // 1000 * 2) + sound[1] + bytes(RATE * 250 // 1000 * 2) + sound[2]
    cues = (work / "a.srt").read_text("utf-8").strip().split("\n\n")
    assert [cue.split("\n")[2] for cue in cues] == ["题目", "第一段。", "第二段，链接。"]
    begin = (len(sound[0]) // 2 + RATE * 600 // 1000) / RATE
    assert cues[1].split("\n")[1].startswith(f"00:00:00,{round(begin * 1000):03}")


@pytest.mark.parametrize("flags", [(), ("--stream",)])
def test_subtitles_without_room_are_not_given_up(speak, emulator, work, monkeypatch, flags):
    def full(*_):
        raise OSError(28, "No space left on device")
    ask = ("第一段。\n\n第二段。", "--pause", 100, "--srt", "-o", "a.wav", *flags)
    with monkeypatch.context() as patch:
        patch.setattr(OutputFiles, "filled", full)
        done = speak(*ask)
    assert (done.code, done.out) == (9, "") and "nothing is paid twice" in done.err and not (work / "a.wav").exists(), done
    done = speak(*ask)
    assert (done.code, done.out) == (0, "a.wav\na.srt\n") and len(emulator.creates) == 2, done


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_cues_are_the_same_in_a_stream(speak, emulator, work, form):
    """The pauses count in the cues, whether the file is joined in the end or written while the sound arrives."""
    emulator.unit_seconds = 0.02
    (work / "a.txt").write_text("第一段。\n\n第二段。\n\n第三段。\n", "utf-8")
    ask = ("--text-file", "a.txt", "--pause", 1000, "--srt", "--format", form)
    assert speak(*ask, "-o", f"whole.{form}").code == 0
    done = speak(*ask, "--stream", "-o", f"live.{form}")
    assert done.code == 0, done
    cues = (work / "live.srt").read_text("utf-8")
    assert (work / f"live.{form}").read_bytes() == (work / f"whole.{form}").read_bytes()
    assert cues == (work / "whole.srt").read_text("utf-8")
    begins = [line.partition(" ")[0] for line in cues.splitlines() if "-->" in line]
    assert len(begins) == 3 and begins[0] == "00:00:00,000" and begins[1] > "00:00:01,000" and begins[2] > "00:00:02,000"


def test_mp3_parts_play_as_one(speak, fast, work):
    text = article(40)
    done = speak(text, "--format", "mp3", "-o", "a.mp3", "--json")
    assert done.code == 0 and done.document["parts"] > 3, done
    raw = (work / "a.mp3").read_bytes()
    assert raw.count(b"ID3") == 0 and b"Xing" not in raw and b"Info" not in raw
    assert squeezed(voicing.decode_mp3(raw)) == squeezed(text)
    if shutil.which("ffprobe"):
        probe = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0",
                                "a.mp3"], cwd=work, capture_output=True, check=True)
        assert abs(int(probe.stdout.strip().rstrip(b",")) * 576 / RATE - done.document["seconds"]) < 0.1


def test_stream_to_a_player(speak, fast, work):
    text = article(30)
    done = speak(text, "--stream", "-o", "-", "-q")
    assert done.code == 0, done.err
    raw = done.out_bytes
    assert raw[:4] == b"RIFF" and raw[36:44] == b"data\xff\xff\xff\xff"
    assert raw[44:] == expected(fast, in_order(fast, text))


def test_stream_writes_while_it_arrives(emulator, home, work):
    """The first bytes are out before the second event is sent."""
    emulator.delay = 3600
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY, "QWEN_BASE_URL": emulator.url, **BYTECODE}
    process = subprocess.Popen([sys.executable, str(SCRIPTS[SKILL]), "你好，世界。" * 4, "--stream", "-o", "-"], cwd=work, env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = process.stdout.read(100)
    assert first[:4] == b"RIFF" and process.poll() is None
    emulator.hurry()
    rest = process.stdout.read()
    assert process.wait() == 0 and voicing.decode((first + rest)[44:]) == "你好，世界。" * 4


# ---- faults ----------------------------------------------------------------------------------------------------------

def test_rerun_after_a_fault(speak, fast, work):
    text = article(60)
    fast.inject("500", 1, text="sentence 30,")
    first = speak(text, "-o", "a.wav", "--json")
    assert first.code == 8 and "only what is missing" in first.document["error"]["fix"], first
    paid = len(fast.creates)
    assert speak(text, "-o", "a.wav").code == 0
    assert len(fast.creates) == paid + 1
    assert samples_of(work / "a.wav") == expected(fast, in_order(fast, text))


def test_changed_passage_costs_one_call(speak, fast, work):
    """Content inspection refuses a part: the author changes it, and only that part is paid."""
    text = article(60)
    fast.inject("moderation", 1, text="sentence 30,")
    first = speak(text, "-o", "a.wav")
    assert first.code == 10 and "It begins" in first.err, first
    paid = len(fast.creates)
    assert speak(text.replace("sentence 30,", "sentence XX,"), "-o", "a.wav").code == 0
    assert len(fast.creates) == paid + 1


def test_rate_limits_slow_down_and_cost_nothing(speak, fast, work):
    fast.flaky("multimodal-generation", seed=3, rate429=0.3)
    text = article(60)
    done = speak(text, "-o", "a.wav")
    assert done.code == 0, done
    assert samples_of(work / "a.wav") == expected(fast, in_order(fast, text))


FAULTS = [("401", 3), ("403", 3), ("500", 8), ("reset", 6), ("html-200", 6), ("speech-error-200", 8), ("speech-engine", 8), ("speech-grpc", 8)]
STREAM_FAULTS = [("speech-stream-error", 8), ("speech-event-error", 8), ("speech-cut", 6), ("speech-bad-base64", 0), ("speech-empty", 9)]


@pytest.mark.parametrize("fault, code", FAULTS)
def test_faults(speak, emulator, work, fault, code):
    """No file under the right name, one call, and the message says what to do."""
    emulator.inject(fault, None)
    done = speak("你好", "-o", "a.wav", "--retries", 0)
    assert done.code == code and "next:" in done.err and not (work / "a.wav").exists(), done
    assert len(emulator.requests) == 1 and sorted(path.name for path in work.iterdir()) == [".git"]


@pytest.mark.parametrize("fault", ["speech-engine", "speech-error-200", "speech-grpc"])
def test_a_refused_segment_stops_the_others(speak, fast, fault):
    """They would be refused alike, whatever HTTP status the refusal has."""
    fast.inject(fault, None)
    done = speak("第一段。\n\n第二段。\n\n第三段。", "--pause", 100, "-o", "a.wav", "--concurrency", 1, "--retries", 0)
    assert done.code == 8 and len(fast.requests) == 1, done


@pytest.mark.parametrize("fault, code", STREAM_FAULTS)
def test_faults_of_streams(speak, emulator, work, fault, code):
    emulator.inject(fault, 1)
    done = speak("你好，世界。" * 20, "--stream", "-o", "a.wav", "--retries", 0)
    assert done.code == code, done
    assert (work / "a.wav").exists() == (code == 0)


def test_cut_stream_keeps_what_came(speak, emulator, work):
    emulator.inject("speech-cut", 1)
    done = speak("你好，世界。" * 20, "--stream", "-o", "a.wav", "--retries", 0, "--json")
    assert done.code == 6 and done.document["files"][0]["path"] == "a.partial.wav", done
    assert done.document["files"][0]["media_type"] == "audio/wav"
    assert ("你好，世界。" * 20).startswith(voicing.decode(samples_of(work / "a.partial.wav")))


def test_sound_may_be_longer_than_other_answers(speak, emulator, work, monkeypatch):
    """How long it may be is told by the text: 9,999 characters with 48 kHz are more than 256 MiB in base64."""
    monkeypatch.setattr("shared.transport.events._MAX_STREAM", 10_000)
    assert speak("你好，世界。", "--stream", "-o", "a.wav").code == 0
    assert samples_of(work / "a.wav") == expected(emulator, ["你好，世界。"])


def test_what_came_of_a_segment_that_broke_off_is_kept(speak, fast, work):
    """Also where nothing is passed on while it arrives."""
    fast.inject("cut-sse", None)
    text = article(60)
    done = speak(text, "-o", "a.wav", "--json", "--retries", 0)
    kept = done.document["files"][0]["partial"]
    assert done.code == 6 and kept in done.document["error"]["message"], done
    sound = samples_of(Path(kept))
    assert sound and any(expected(fast, [sent]).startswith(sound) for sent in fast.speech_texts)


def test_lost_download_is_fetched_by_a_rerun(speak, emulator, work):
    """The sound is made and paid, but a log-in page comes instead of the file: the same command again fetches it and pays nothing."""
    emulator.inject("download-html", None)
    first = speak("你好", "-o", "a.wav", "--json")
    assert first.code == 9 and "not paid again" in first.document["error"]["fix"], first
    emulator.faults.clear()
    assert speak("你好", "-o", "a.wav").code == 0 and len(emulator.creates) == 1
    assert voicing.decode(samples_of(work / "a.wav")) == "你好"


@pytest.mark.parametrize("fault", ["download-html", "download-reset"])
def test_what_is_paid_is_never_spoken_again_while_its_link_lives(speak, emulator, monkeypatch, fault):
    monkeypatch.setattr("shared.transport.retries.FIRST_DELAY", 0.001)
    emulator.inject(fault, None, **({"at": 0} if fault == "download-reset" else {}))
    for _ in range(3):
        done = speak("你好", "-o", "a.wav", "--json")
        assert done.code == 9 and done.document["files"][0]["url"].startswith(emulator.url), done
    emulator.faults.clear()
    assert speak("你好", "-o", "a.wav").code == 0 and len(emulator.creates) == 1


@pytest.mark.parametrize("status, code", [(404, "NoSuchKey"), (403, "AccessDenied"), (401, "Proxy"), (407, "Proxy"), (410, "Gone"), (451, "No"),
                                          (202, "Later")])
def test_link_that_is_refused_while_it_lives_is_kept(speak, emulator, work, status, code):
    emulator.inject("download-xml", None, status=status, code=code, message="No.")
    for _ in range(2):
        done = speak("你好", "-o", "a.wav", "--json")
        assert done.code == 9 and done.document["files"][0]["url"].startswith(emulator.url), done
        assert "not paid again" in done.document["error"]["fix"] and len(emulator.creates) == 1
    emulator.faults.clear()
    assert speak("你好", "-o", "a.wav").code == 0 and len(emulator.creates) == 1


@pytest.mark.parametrize("fault, parameters, creates", [
    ("download-expired", {}, 2), ("download-xml", {"status": 404, "code": "NoSuchKey"}, 2),
    ("download-xml", {"status": 401, "code": "Proxy"}, 1), ("download-html", {}, 1)])
def test_link_that_is_refused_after_its_life_is_given_up_only_where_the_storage_says_so(speak, emulator, monkeypatch, fault, parameters,
                                                                                      creates):
    """By the clock of the service the link is more than a day old."""
    with monkeypatch.context() as changed:
        changed.setattr("tts_part.moment_of", lambda headers: time.time() - 86500)
        emulator.inject("download-html", None)
        assert speak("你好", "-o", "a.wav").code == 9
    emulator.faults.clear()
    emulator.inject(fault, None, **parameters)
    assert speak("你好", "-o", "a.wav").code == 9
    assert len(emulator.creates) == creates


@pytest.mark.parametrize("text", ["你好", "你好，世界。" * 40], ids=["a link", "samples"])
def test_state_folder_that_goes_during_the_call_loses_nothing(speak, fast, work, monkeypatch, text):
    def removed(self, *given):
        shutil.rmtree(os.path.dirname(self.store.folder))
        return take(self, *given)
    take = tts_part.Speaker._take
    monkeypatch.setattr(tts_part.Speaker, "_take", removed)
    done = speak(text, "-o", "a.wav")
    assert done.code == 0 and len(fast.creates) == 1, done
    assert samples_of(work / "a.wav") == expected(fast, [text])


def test_sound_that_cannot_be_written_is_fetched_from_its_link(speak, fast, work, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")
    text = "你好，世界。" * 40
    monkeypatch.setattr(tts_part.Sink, "write", full)
    done = speak(text, "-o", "a.wav")
    assert done.code == 0 and len(fast.creates) == 1 and samples_of(work / "a.wav") == expected(fast, [text]), done


@pytest.mark.parametrize("flags", [(), ("--stream",)])
@pytest.mark.parametrize("where, again", [("tts_answers.Answer.take", "only if paying twice is acceptable"),
                                          ("shared.transport.download.fetch", "not paid again")])
def test_interrupt_says_whether_running_again_pays_again(speak, emulator, monkeypatch, flags, where, again):
    if flags and "fetch" in where:  # a stream that is damaged comes from its link at once
        emulator.inject("speech-bad-base64", None)
    with monkeypatch.context() as changed:
        changed.setattr(where, interrupt)
        done = speak("你好", "-o", "a.wav", *flags)
    assert done.code == 130 and again in done.err.split("next:")[1], done
    emulator.faults.clear()
    assert speak("你好", "-o", "a.wav", *flags).code == 0
    assert len(emulator.creates) == (1 if "not paid" in again else 2)


@pytest.mark.parametrize("fault, words, not_words", [
    ("reset", ["segments are spoken", "only if paying twice is acceptable", "2 more failed"], "to continue"),
    ("moderation", ["change that passage"], "to continue"), ("", ["3 of 3 segments are spoken", "to continue"], "twice")])
def test_interrupt_tells_what_became_of_the_segments_under_way(speak, emulator, monkeypatch, fault, words, not_words):
    under_way, told = threading.Barrier(4), threading.Event()

    def waiting(self, *given, **named):
        under_way.wait(30)
        told.wait(30)
        return opened(self, *given, **named)

    def stopping(self, made):
        under_way.wait(30)
        raise KeyboardInterrupt

    def telling(self, threads):
        told.set()
        return interrupted(self, threads)
    opened, interrupted = client.Client.open, tts_speak.Narration._interrupted
    monkeypatch.setattr(client.Client, "open", waiting)
    monkeypatch.setattr(tts_speak.Narration, "_interrupted", telling)
    monkeypatch.setattr(tts_speak.Progress, "tick", stopping)
    if fault:
        emulator.inject(fault, None)
    done = speak("First of all.\n\nSecond to that.\n\nThird and last.", "--pause", 100, "-o", "a.wav", "--retries", 0)
    assert done.code == 130 and "error: interrupted; " in done.err, done
    assert all(word in done.err for word in words) and not_words not in done.err.split("error: ")[1], done


def test_interrupt_while_paid_sound_is_written_out_says_what_is_saved(speak, emulator, monkeypatch):
    with monkeypatch.context() as changed:
        changed.setattr("tts_sound.Joined.finish", interrupt)
        done = speak("你好", "-o", "a.wav", "--json")
    error, billing = done.document["error"], done.document["billing"]
    assert done.code == 130 and "saved for a week" in error["cause"] and "nothing is paid twice" in error["fix"], done
    assert billing["kept"] and billing["cost"]["amount"], done
    assert speak("你好", "-o", "a.wav").code == 0 and len(emulator.creates) == 1


def test_segment_that_is_only_behind_a_link_is_not_said_to_cost_nothing(speak, emulator, monkeypatch):
    """Of several, whatever else fails: its link is told."""
    def full(self, key, facts):
        links.append(key)
        if len(links) == 2:
            raise OSError(28, "No space left on device")
        return keep_link(self, key, facts)
    keep_link, links = tts_store.Store.keep_link, []
    monkeypatch.setattr(tts_store.Store, "keep_link", full)
    emulator.inject("moderation", text="Second")
    done = speak("First of all.\n\nSecond to that.\n\nThird and last.", "--pause", 100, "-o", "a.wav", "--concurrency", 1, "--json")
    fix = done.document["error"]["fix"]
    assert done.code == 9 and done.document["files"][0]["url"] and "download that link" in fix, done
    assert "bills, what is behind that link once more" in fix and "only what is missing" not in fix, done


def test_folder_that_goes_while_a_stream_comes_is_told(speak, emulator, work, monkeypatch):
    def removed(self, body):
        shutil.rmtree(work / "out", ignore_errors=True)
        return take(self, body)
    take = tts_answers.Answer.take
    with monkeypatch.context() as changed:
        changed.setattr(tts_answers.Answer, "take", removed)
        done = speak("你好", "--stream", "-o", "out/a.wav")
    assert done.code == 9 and "out/a.wav" in done.err and "nothing is paid twice" in done.err, done
    assert speak("你好", "--stream", "-o", "a.wav").code == 0 and len(emulator.creates) == 1


def test_link_that_gives_no_sound_can_be_given_up(speak, emulator, work):
    """The message names the file without which the words are spoken, and paid, again."""
    emulator.inject("download-html", None)
    fix = speak("你好", "-o", "a.wav", "--json").document["error"]["fix"]
    emulator.faults.clear()
    os.remove(fix.split("remove ")[1].split(" first")[0])
    assert speak("你好", "-o", "a.wav").code == 0 and len(emulator.creates) == 2


@pytest.mark.parametrize("flags", [(), ("--stream",)])
def test_answer_that_cannot_be_read_is_kept(speak, fast, work, monkeypatch, flags):
    """It is paid, and nobody is told to pay again."""
    def odd(exchange, job):
        for event in events(exchange, job):
            yield {**event, "output": {"finish_reason": "stop", "sound": {"is": "here"}}}
    events = speech._events
    monkeypatch.setattr(speech, "_events", odd)
    for text in ("你好，世界。" * 40, article(60)):
        done = speak(text, "-o", "a.wav", *flags, "--json", "--concurrency", 1)
        error, kept = done.document["error"], done.document["files"][0]["partial"]
        assert done.code == 8 and kept in error["message"] and kept.endswith(".partial.json"), done
        assert '{"is": "here"}' in error["cause"] and "billed again" in error["fix"] and "run the" not in error["fix"], done
        with open(kept, encoding="utf-8") as file:
            assert '"sound": {"is": "here"}' in file.read()


def test_stream_that_breaks_behind_its_link_is_fetched(speak, emulator, work, monkeypatch):
    """Sound that is damaged on its way: what was heard already is not passed on twice, and the link is kept for a rerun."""
    text = "你好，世界。" * 40
    for flags, code in (((), 0), (("--stream",), 9)):
        sent = []

        def spoilt(exchange, job):
            for number, event in enumerate(events(exchange, job)):
                sent.append(number)
                event["output"]["finish_reason"] = "null"
                yield event
        events = speech._events
        with monkeypatch.context() as changed:
            changed.setattr(speech, "_events", spoilt)
            done = speak(text, "-o", f"{code}.wav", *flags, "--retries", 0)
        assert done.code == code and len(sent) > 2, done
        assert speak(text, "-o", f"{code}.wav", *flags, "--overwrite").code == 0
        assert voicing.decode(samples_of(work / f"{code}.wav")) == text
    assert len(emulator.creates) == 3, "a run that had it all pays again; the one that lacked it does not"


@pytest.mark.parametrize("flags", [(), ("--stream",)])
@pytest.mark.parametrize("odd, words", [({"rate": 22050}, "22050 Hz"), ({"form": "mp3"}, "it is MP3")])
def test_segments_that_differ_are_files_and_one_of_them_can_be_had_again(speak, emulator, work, monkeypatch, flags, odd, words):
    def other(exchange, job, streamed=False):
        changed = odd if job.text.startswith("第二") else {}
        return audio_of(exchange, dataclasses.replace(job, **changed), streamed)
    audio_of = speech.audio_of
    arguments = ("第一段在这里。\n\n第二段在这里。", "--pause", "100", "--model", "cosyvoice-v3-flash", "-o", "a.wav", *flags, "--json")
    with monkeypatch.context() as changed:
        changed.setattr(speech, "audio_of", other)
        for _ in range(2):
            done = speak(*arguments)
            error, files = done.document["error"], done.document["files"]
            assert done.code == 9 and words in error["message"] and "segment 2 of 2" in error["message"], done
            assert len(emulator.creates) == 2 and files[1]["path"] in error["cause"] and "--format" not in error["fix"], done
    os.remove(error["fix"].split("remove ")[1].split(" and run")[0])
    done = speak(*arguments, "--overwrite")
    assert done.code == 0 and len(emulator.creates) == 3, done


def other_rates(monkeypatch, rates: dict) -> None:
    """Segments that begin with these signs have this rate."""
    def other(exchange, job, streamed=False):
        return audio_of(exchange, dataclasses.replace(job, rate=rates.get(job.text[:2], job.rate)), streamed)
    audio_of = speech.audio_of
    monkeypatch.setattr(speech, "audio_of", other)


def test_a_row_whose_segments_differ_fails_alone(speak, emulator, work, monkeypatch):
    other_rates(monkeypatch, {"第二": 22050})
    rows = [{"id": "a", "text": "第一段在这里。\n\n第二段在这里。"}, *({"id": str(number), "text": f"hello {number}"} for number in range(3))]
    (work / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = speak("--batch", "rows.jsonl", "-o", "out/", "--pause", "100", "--model", "cosyvoice-v3-flash", "--concurrency", 1)
    assert done.code == 11 and len(list((work / "out").glob("*.wav"))) == 3, done


@pytest.mark.parametrize("rates, named", [({"第一": 22050}, [0]), ({"第三": 22050}, [2]), ({"第一": 22050, "第二": 48000}, [0, 1]),
                                          ({"第一": 16000, "第二": 22050, "第三": 48000}, [0, 1, 2])])
def test_segments_of_the_rarer_kind_are_those_to_speak_again(speak, emulator, work, monkeypatch, rates, named):
    """Whichever of them is the first that does not fit."""
    arguments = ("第一段在这里。\n\n第二段在这里。\n\n第三段在这里。", "--pause", "100", "--model", "cosyvoice-v3-flash", "-o", "a.wav")
    with monkeypatch.context() as changed:
        other_rates(changed, rates)
        done = speak(*arguments, "--json")
    error, files = done.document["error"], done.document["files"]
    for facts in error["fix"].split("remove ")[1].split(" and run")[0].split(", "):
        os.remove(facts)
    assert done.code == 9 and [file["path"] in error["cause"] for file in files] == [number in named for number in range(3)], done
    assert speak(*arguments).code == 0 and len(emulator.creates) == 3 + len(named)


@pytest.mark.parametrize("streamed", [(), ("--stream",)])
def test_sound_of_another_kind_than_was_asked_for_is_told(speak, emulator, work, monkeypatch, streamed):
    """Where the file does not show it: samples have no header, and stdout has no name."""
    def other(exchange, job, streamed=False):
        return audio_of(exchange, dataclasses.replace(job, **odd), streamed)
    audio_of = speech.audio_of
    monkeypatch.setattr(speech, "audio_of", other)
    words = "24000 Hz, not the 16000 Hz"
    for odd, flags, told in (({"rate": 24000, "form": "wav"}, ("--format", "pcm", "--sample-rate", 16000, "-o", "a.pcm"), words),
                             ({"rate": 24000}, ("--sample-rate", 16000, "-o", "b.wav"), words), ({}, ("--sample-rate", 16000, "-o", "c.wav"), ""),
                             ({}, ("-o", "d.pcm"), ""), ({"rate": 48000}, ("-o", "e.pcm"), "48000 Hz, not the 24000 Hz"),
                             ({"rate": 48000}, ("-o", "f.wav"), ""), ({"form": "mp3"}, ("-o", "g.wav"), "g.mp3"),
                             ({"rate": 24000}, ("--sample-rate", 16000, "-o", "h.mp3"), words), ({}, ("--sample-rate", 16000, "-o", "i.mp3"), ""),
                             ({"form": "mp3"}, ("-o", "-"), "stdout got MP3"), ({"form": "mp3"}, ("--format", "pcm", "-o", "-"), "stdout got MP3"),
                             ({}, ("-o", "-"), "")):
        done = speak("你好", *flags, *streamed)
        assert done.code == 0 and (told in done.err if told else "warning" not in done.err), (odd, flags, done)


def test_full_disk_names_no_other_format(speak, emulator, monkeypatch):
    """It would be another sound, and paid again."""
    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("tts_sound.Joined.finish", full)
    done = speak("你好", "-o", "a.wav")
    assert done.code == 9 and "--output of the same format" in done.err and "or --format" not in done.err, done


@pytest.mark.parametrize("reason, code, words", [("content_filter", 10, "change the words"), ("error", 8, "billed again"),
                                                 ("length", 0, "the end of a segment is missing"),
                                                 ("MAX_TOKENS", 0, "the end of a segment is missing"), ("stop_sequence", 0, "")])
@pytest.mark.parametrize("flags, where", [((), "speech/"), (("--stream",), "a.partial.wav")])
def test_speech_that_ended_early(speak, emulator, work, monkeypatch, flags, where, reason, code, words):
    """What was spoken until then is kept, and does not pass for the whole."""
    def ended(exchange, job):
        for event in events(exchange, job):
            output = event["output"]
            output["audio"].pop("url", None)
            if output["finish_reason"] == "stop":
                output["finish_reason"] = reason
            yield event
    events, text = speech._events, "你好，世界。" * 40
    monkeypatch.setattr(speech, "_events", ended)
    done = speak(text, "-o", "a.wav", *flags, "--json")
    assert done.code == code and words in done.err, done
    if code:
        kept = done.document["files"][0]
        kept = kept.get("partial") or kept["path"]
        assert where in kept and reason in done.document["error"]["message"] and not (work / "a.wav").exists(), done
        assert voicing.decode(samples_of(work / kept)) == text and done.document["billing"]["units"], done
        assert done.document["billing"]["kept"] is False, "a rerun pays it again"


@pytest.mark.parametrize("flags", [(), ("--stream",)])
@pytest.mark.parametrize("said, code", [({"code": "DataInspectionFailed", "message": "inappropriate content"}, 10),
                                        ({"code": "InternalError", "message": "broken"}, 8),
                                        ({"finish_reason": "content_filter"}, 10)])
def test_what_was_made_before_the_service_ended_it_is_kept_where_there_is_a_link(speak, emulator, work, monkeypatch, flags, said, code):
    """The link is no proof that it is the whole."""
    def ended(exchange, job):
        event = list(events(exchange, job))[-1]
        event["output"]["finish_reason"] = said.get("finish_reason", "null")
        yield event
        if "code" in said:
            yield said
    events, text = speech._events, "你好，世界。" * 40
    monkeypatch.setattr(speech, "_events", ended)
    done = speak(text, "-o", "a.wav", *flags, "--json")
    link, kept = done.document["files"]
    assert done.code == code and link["url"].split("?")[0] in done.document["error"]["cause"] and not (work / "a.wav").exists(), done
    assert kept["partial"] in done.document["error"]["message"] and len(emulator.creates) == 1, done
    with open(kept["partial"], "rb") as file:
        assert voicing.decode(file.read()[44:]) == text


def test_row_whose_speech_a_filter_ended_is_failed_and_not_in_doubt(speak, emulator, work, monkeypatch):
    """Its answer and its cost are known."""
    def ended(exchange, job):
        for event in events(exchange, job):
            event["output"]["finish_reason"] = event["output"]["finish_reason"].replace("stop", "content_filter")
            yield event
    events = speech._events
    monkeypatch.setattr(speech, "_events", ended)
    write(work / "rows.jsonl", {"text": "你好，世界。" * 40})
    done = speak("--batch", "rows.jsonl", "-o", "out")
    (line,) = results(work / "out")
    assert done.code == 10 and "in_doubt" not in line and line["billing"]["kept"] is False, line
    assert line["files"][-1]["partial"] in line["error"]["message"] and "in doubt" not in done.err, done


@pytest.mark.parametrize("typed", ["audio/wav", "application/octet-stream", "application/json", "text/event-stream", ""])
@pytest.mark.parametrize("flags, sound", [(("-o", "a.wav"), "wav"), (("-o", "a.wav", "--stream"), "wav"), (("-o", "a.mp3", "--stream"), "mp3")])
def test_answer_that_is_the_sound_itself(speak, emulator, work, monkeypatch, flags, sound, typed):
    """As gateways send it; its first bytes tell, whatever its type says."""
    pcm = voicing.samples("你好", RATE)
    made = voicing.wav(pcm, RATE, "true") if sound == "wav" else voicing.mp3("你好", RATE)
    answer_with(monkeypatch, made, typed)
    done = speak("你好", *flags, "--json")
    assert done.code == 0 and done.document["files"][0]["path"] == f"a.{sound}" and done.document["request_id"], done
    assert (samples_of(work / "a.wav") == pcm if sound == "wav" else (work / "a.mp3").read_bytes()[-100:] == made[-100:])


def test_bare_samples_as_the_answer_are_told_by_its_type(speak, emulator, work, monkeypatch):
    pcm = voicing.samples("你好", RATE)
    answer_with(monkeypatch, pcm, "audio/pcm")
    assert speak("你好", "-o", "a.wav").code == 0 and samples_of(work / "a.wav") == pcm
    answer_with(monkeypatch, pcm, "application/octet-stream")
    assert speak("你好", "-o", "b.wav").code == 6
    for body in (b'{"code": "InvalidParameter", "message": "no"}', b"<html><body>busy</body></html>", b"busy, come again later"):
        answer_with(monkeypatch, body, "audio/wav")
        assert speak("你好", "-o", "b.wav", "--retries", 0).code in (6, 8)


def test_sound_as_the_answer_that_is_damaged_is_kept(speak, emulator, work, monkeypatch):
    answer_with(monkeypatch, b"RIFF\xff\xff\xff\x7fWAVE", "audio/wav")
    done = speak("你好", "-o", "b.wav", "--json")
    assert done.code == 8 and "UklGR" in open(done.document["files"][0]["partial"], encoding="utf-8").read(), done


def answer_with(monkeypatch, body: bytes, typed: str):
    """The service answers the call with this body."""
    def reply(exchange):
        return wire.Reply(200, body, {"content-type": typed, "x-request-id": exchange.request_id})
    monkeypatch.setattr(speech, "generation", reply)


def test_plan_key_may_not_narrate(speak, emulator):
    done = speak(article(60), "-o", "a.wav", key=PLAN_KEY)
    assert done.code == 3 and not emulator.requests, done
    done = speak("short", "-o", "a.wav", key=PLAN_KEY)
    assert done.code == 3 and "TTS" in done.err and len(emulator.requests) == 1, done


# ---- voices ----------------------------------------------------------------------------------------------------------

def test_list_voices(speak, emulator):
    done = speak("--list-voices", "--model", "qwen3-tts-flash", "--json", key=None)
    voices = done.document["voices"]
    assert done.code == 0 and voices[0]["id"] == "Cherry" and not emulator.requests
    assert f"qwen3-tts-flash: {len(voices)} voices are listed here" in speak("--list-voices", "--model", "qwen3-tts-flash", key=None).err
    assert "Sunny" in speak("--list-voices", "--language", "sichuan", key=None).out
    for flags in ([], ["--json"]):
        assert speak("--list-voices", "--language", "xx", *flags, key=None).code == 2


def test_clone_use_delete(speak, emulator, work):
    from tests import media_samples
    (work / "me.wav").write_bytes(media_samples.wav(12, 24000))
    model = "qwen3-tts-vc-2026-01-22"
    refused = speak("--clone", "me.wav", "--name", "anna", "--model", model)
    assert refused.code == 2 and "consent" in refused.err and "CNY" in refused.err and not emulator.requests, refused
    made = speak("--clone", "me.wav", "--name", "anna", "--model", model, "--consent")
    assert made.code == 0 and made.err.splitlines()[-1].endswith("about 0.01 CNY (list price 2026-10-09, cn-beijing)"), made
    voice = made.out.strip()
    assert f"{voice}  anna, {model}" in speak("--my-voices").out
    assert speak("你好", "--model", model, "--voice", voice, "-o", "a.wav").code == 0
    assert speak("--delete-voice", voice, "--model", model).code == 0
    assert voice not in speak("--my-voices").out


def test_design(speak, work, emulator):
    done = speak("--design", "沉稳的中年男声", "--name", "uncle", "--preview-text", "大家好。", "--json")
    assert done.code == 0 and done.document["voice"], done
    assert voicing.decode(samples_of(work / done.document["files"][0]["path"])) == "大家好。"


def test_cosy_clone_waits_until_it_is_ready(speak, emulator, monkeypatch):
    emulator.voice_polls, waited = 2, []
    monkeypatch.setattr("time.sleep", waited.append)
    done = speak("--clone", "https://example.com/me.wav", "--name", "anna01", "--consent", "--model", "cosyvoice-v3-flash", "--json")
    assert done.code == 0 and done.document["status"] == "OK" and waited == [0.5, 1.0], (done, waited)
    voice = done.document["voice"]
    assert voice.startswith("cosyvoice-v3-flash-anna01-")
    assert speak("你好", "--model", "cosyvoice-v3-flash", "--voice", voice, "-o", "a.wav").code == 0
    assert speak("--voice-status", voice).out.strip() == f"{voice} OK"
    assert speak("--delete-voice", voice).code == 0 and speak("--voice-status", voice).code == 8


def interrupt(*_, **named):
    raise KeyboardInterrupt


def test_interrupt_while_a_voice_gets_ready_tells_its_id(speak, emulator, monkeypatch):
    emulator.voice_polls = 9
    clone = ("--clone", "https://example.com/me.wav", "--name", "anna01", "--consent", "--model", "cosyvoice-v3-flash")
    with monkeypatch.context() as changed:
        changed.setattr("time.sleep", interrupt)
        done = speak(*clone)
    voice = speak("--my-voices").out.split()[0]
    assert done.code == 130 and f"the voice {voice} was created" in done.err and f"--voice-status {voice}" in done.err, done
    assert "run the command again" not in done.err and len(emulator.voices) == 1


@pytest.mark.parametrize("model, words", [("cosyvoice-v3-flash", "check --my-voices before"), ("qwen3-tts-vc-2026-01-22", "check --my-voices before"),
                                          ("MiniMax/speech-2.8-hd", "whether --voice anna-0001 speaks one word")])
@pytest.mark.parametrize("trouble, code", [("interrupt", 130), ("reset", 6)])
def test_voice_of_which_nobody_knows_whether_it_was_made(speak, emulator, monkeypatch, model, words, trouble, code):
    if trouble == "reset":
        emulator.inject("reset", None)
    else:
        monkeypatch.setattr("tts_custom.Custom._call", interrupt)
    name = "anna-0001" if "MiniMax" in model else "anna01"
    done = speak("--clone", "https://example.com/me.wav", "--name", name, "--consent", "--model", model, "--retries", 0)
    assert done.code == code and words in done.err and "my-voices" not in done.err.split("next:")[1].replace(words, ""), done


# ---- batches ---------------------------------------------------------------------------------------------------------

def test_a_row_whose_sound_is_only_behind_a_link_is_not_paid_again_unasked(speak, emulator, work, monkeypatch):
    write(work / "rows.jsonl", {"text": "fox"})

    def full(*_):
        raise OSError(28, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr("tts_store.Store.keep_link", full)
        done = speak("--batch", "rows.jsonl", "-o", "out")
    (line,) = results(work / "out")
    assert done.code == 9 and line["in_doubt"] and line["files"][0]["url"] and "download that link" in line["error"]["fix"], done
    speak("--batch", "rows.jsonl", "-o", "out")
    assert len(emulator.creates) == 1 and results(work / "out") == [line]
    assert speak("--batch", "rows.jsonl", "-o", "out", "--again").code == 0 and len(emulator.creates) == 2


def test_batch(speak, emulator, work):
    rows = [{"text": "一"}, {"text": "two", "voice": "Ethan", "output": "two.wav"}, {"text": article(20), "id": "long"}]
    emulator.unit_seconds = 0.002
    (work / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = speak("--batch", "rows.jsonl", "-o", "out", "--gallery", "--json")
    assert done.code == 0 and done.document["rows"]["done"] == 3, done
    assert voicing.decode(samples_of(work / "out" / "two.wav")) == "two"
    assert (work / "out" / "index.html").is_file()
    paid = len(emulator.creates)
    assert speak("--batch", "rows.jsonl", "-o", "out").code == 0 and len(emulator.creates) == paid


def test_a_row_with_a_segment_in_doubt_is_in_doubt(speak, emulator, work):
    """Whatever else fails in it; --again sends what is missing of it, and no more."""
    parts = ["First of all." * 4, "Second to that." * 4, "Third and last." * 4]
    (work / "rows.jsonl").write_text(json.dumps({"text": "\n\n".join(parts)}) + "\n", "utf-8")
    emulator.inject("moderation", text="Second")
    emulator.inject("500", text="Third")
    flags = ("--batch", "rows.jsonl", "-o", "out", "--max-part", 60, "--retries", 0, "--json")
    done = speak(*flags)
    assert done.document["rows"]["in_doubt"] == 1, done
    assert speak(*flags).document["rows"]["in_doubt"] == 1 and len(emulator.creates) == 1
    assert speak(*flags, "--again").code == 0 and len(emulator.creates) == 3


def killed(*_):
    raise OSError(errno.EIO, "as if killed")


@pytest.mark.parametrize("cut", ["shared.batch.folder.BatchFolder.record", "shared.files.outputs.OutputFiles.describe",
                                 "shared.files.outputs.OutputFiles._saved", "tts_output.Output._save"])
@pytest.mark.parametrize("more", [(), ("--format", "mp3"), ("--overwrite",)])
def test_speech_that_a_killed_run_has_saved_without_a_line_is_found(speak, emulator, home, work, monkeypatch, cut, more):
    """Wherever it was cut off behind the last segment; what was there before stays."""
    form = "mp3" if "mp3" in more else "wav"
    write(work / "rows.jsonl", {"id": "r0", "text": "First of all.\n\nSecond to that."})
    flags = ("--batch", "rows.jsonl", "-o", "out", "--max-part", 20, "--srt", *more)
    with monkeypatch.context() as patch:
        patch.setattr(cut, killed)
        patch.setattr("shared.batch.folder.BatchFolder.record", killed)
        patch.setattr("shared.batch.folder.BatchFolder.close", lambda *_: None)
        assert speak(*flags).code
    paid = len(emulator.creates)
    before = {path.name: path.read_bytes() for path in (work / "out").glob("r0.*") if path.suffix != ".json"}
    (work / "out" / "r0-1.wav").write_bytes(b"somebody's")
    assert speak(*flags, "--estimate").out.startswith("0.00 CNY")
    done = speak(*flags, "--json")
    (line,) = results(work / "out")
    assert done.code == 0 and line["ok"] and len(emulator.creates) == paid == 2, (done, line)
    assert [Path(entry["path"]).name for entry in line["files"]] == [f"r0.{form}", "r0.srt"] and not done.document["warnings"]
    assert done.document["billing"]["cost"]["amount"] == 0 < line["billing"]["cost"]["amount"]
    assert all((work / "out" / name).read_bytes() == data for name, data in before.items())
    assert sorted(os.listdir(work / "out")) == sorted(["r0-1.wav", f"r0.{form}", "r0.json", "r0.srt", "results.jsonl"])
    assert os.listdir(home / ".local" / "state" / "qianwen" / "speech") == []


@pytest.mark.parametrize("lost", ["", "look", "call"])
def test_what_a_killed_run_has_spoken_replaces_nothing_and_is_not_paid_again(speak, emulator, home, work, monkeypatch, lost):
    """A file of the user that took the name meanwhile stays; without its segments the row is in doubt."""
    write(work / "rows.jsonl", {"id": "r0", "text": "First of all."})
    flags = ("--batch", "rows.jsonl", "-o", "out", "--json")
    with monkeypatch.context() as patch:
        patch.setattr("shared.batch.folder.BatchFolder.record", killed)
        patch.setattr("shared.batch.folder.BatchFolder.close", lambda *_: None)
        assert speak(*flags).code
    (work / "out" / "r0.wav").write_bytes(b"the user's")
    folder = home / ".local" / "state" / "qianwen" / "speech"
    if lost == "look":  # another run of the same text takes them behind the look at the row
        monkeypatch.setattr("tts.saved_of", lambda *_: shutil.rmtree(folder, True) or {"state": "ready", "task_id": ""})
    elif lost:
        monkeypatch.setattr("tts_store.Store.take", lambda *_: shutil.rmtree(folder, True))
    done = speak(*flags)
    (line,) = results(work / "out")
    assert len(emulator.creates) == 1 and (work / "out" / "r0.wav").read_bytes() == b"the user's"
    if not lost:
        assert done.code == 0 and Path(line["files"][0]["path"]).name.startswith("r0-"), done
    else:
        assert line["in_doubt"] and done.document["rows"]["in_doubt"] == 1 and "--again" in line["error"]["fix"], done


@pytest.mark.parametrize("fault", ["reset", "accept-then-reset"])
def test_segment_in_doubt_is_not_said_to_cost_nothing(speak, fast, fault):
    """What is saved is named, and the one condition stays."""
    fast.inject(fault, None, text="第二段")
    done = speak("第一段在这里。\n\n第二段在这里。\n\n第三段在这里。", "--pause", 100, "-o", "a.wav", "--json", "--retries", 0)
    fix = done.document["error"]["fix"]
    assert done.code == 6 and fix.count("run the") == 1 and "only if paying twice is acceptable" in fix, done
    assert "2 of 3 segments are spoken and saved, and only what is missing is sent then" in fix


def test_rows_with_the_same_beginning(speak, fast, work):
    """Rows that need the same parts at the same time: none takes them from another."""
    fast.latency = 0.01
    own = [article(12).replace("sentence", f"row {number} sentence") for number in range(24)]
    texts = ["同一段话。" * 20 + "\n\n" + "The same words again. " * 10 + "\n\n" + text for text in own]
    (work / "rows.jsonl").write_text("".join(json.dumps({"text": text, "output": f"{number}.wav"}) + "\n"
                                             for number, text in enumerate(texts)), "utf-8")
    done = speak("--batch", "rows.jsonl", "-o", "out", "--pause", 100, "--concurrency", 8, "--json")
    assert done.code == 0 and done.document["rows"]["done"] == 24, done
    sizes = {(work / "out" / f"{number}.wav").stat().st_size for number in range(10)}
    assert len(sizes) == 1 and sizes.pop() > 44
    assert list(kept(work)) == []


def kept(work):
    """Names in the store."""
    return (work.parent / "home" / ".local" / "state" / "qianwen" / "speech").iterdir()


def test_equal_rows(speak, fast, work):
    fast.latency = 0.01
    (work / "rows.jsonl").write_text('{"text": "同一句话。"}\n' * 40, "utf-8")
    done = speak("--batch", "rows.jsonl", "-o", "out", "--concurrency", 8, "--json")
    assert done.code == 0 and done.document["rows"]["done"] == 40, done
    sounds = [samples_of(path) for path in (work / "out").glob("*.wav")]
    assert len(sounds) == 40 and set(sounds) == {expected(fast, ["同一句话。"])}
    assert len(fast.creates) <= 40 and list(kept(work)) == []


def test_identical_commands_at_once(speak, fast, work):
    """Several terminals, the same text: each gets its file, whoever ends first."""
    fast.latency = 0.05
    text = article(30)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(speak, text[:len(text) - 200 * (number % 2)], "-o", f"{number}.wav") for number in range(4)]
    assert [run.result().code for run in runs] == [0] * 4, [run.result() for run in runs]
    for number in (0, 2):
        assert squeezed(voicing.decode(samples_of(work / f"{number}.wav"))) == squeezed(text)
    assert samples_of(work / "1.wav") == samples_of(work / "3.wav") and list(kept(work)) == []


def test_estimate(speak, emulator):
    done = speak("你好世界", "--estimate", key=None)
    assert done.code == 0 and "0.00064" in done.out and not emulator.requests


def test_a_refusal_with_http_200_costs_nothing(run, emulator, work, home):
    emulator.inject("speech-error-200")
    done = run("Hello", "--retries", "0", "--json", skill="qianwen-audio-tts")
    assert done.code == 8 and "bills it" not in done.err, done
    found = run("--spent", "--json", skill="qianwen-audio-tts").document["spent"]
    assert found["total"] == 0 and not found["by"], found
