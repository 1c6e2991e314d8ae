"""The emulator's speech: sound that can be read back, what is refused, each fault, voices of one's own."""
from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from tests import media_samples
from tests.conftest import STANDARD_KEY
from tests.emulator import faults, speech_models, voicing
from tests.folding import each

A = "/api/v1/services/aigc/multimodal-generation/generation"
B = "/api/v1/services/audio/tts/SpeechSynthesizer"
C = "/api/v1/services/audio/tts/customization"
TEXTS = ["a", "你好", "Ünïcödé 🙂 mixed 文字", "\n tabs\t", "x" * 300]


@pytest.fixture
def post(emulator):
    def send(path, body, stream=False):
        headers = {"Authorization": "Bearer " + STANDARD_KEY, "Content-Type": "application/json",
                   **({"X-DashScope-SSE": "enable"} if stream else {})}
        request = urllib.request.Request(emulator.url + path, json.dumps(body, ensure_ascii=False).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
    return send


def flash(text="你好", **more):
    return {"model": "qwen3-tts-flash", "input": {"text": text, "voice": "Cherry", **more}}


def cosy(text="你好", **more):
    return {"model": "cosyvoice-v3-flash", "input": {"text": text, "voice": "longanyang", **more}}


def minimax(text="你好", voice=None, **more):
    return {"model": "MiniMax/speech-2.8-hd", "input": {"text": text, "voice_setting": voice or {"voice_id": "male-qn-qingse"}, **more}}


def events(raw: bytes) -> list:
    return [json.loads(part.partition(b"data:")[2]) for part in raw.split(b"\n\n") if b"data:" in part]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read()


# ---- sound -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seconds", [0.12, 0.002, 0.00001])
@pytest.mark.parametrize("text", TEXTS)
def test_samples_tell_their_text(text, seconds):
    sound = voicing.samples(text, 24000, seconds)
    assert voicing.decode(sound) == text and len(sound) >= 2 * 24000 * seconds * len(text) * 0.99
    assert voicing.decode(sound + bytes(1000) + sound) == text * 2


@each("rate", voicing._MP3)
@each("text", TEXTS)
def test_mp3_tells_its_text(text, rate):
    assert voicing.decode_mp3(voicing.mp3(text, rate, 0.01)) == text


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffprobe")
@pytest.mark.parametrize("form, rate", [("mp3", rate) for rate in voicing._MP3] + [("opus", 24000), ("wav", 22050)])
def test_players_take_it(tmp_path, form, rate):
    raw = {"mp3": voicing.mp3, "opus": voicing.opus}.get(form, lambda text, rate, _: voicing.wav(voicing.samples(text, rate), rate))(
        "hello" * 20, rate, 0.12)
    (tmp_path / "a").write_bytes(raw)
    probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration", "-of", "json", "a"], cwd=tmp_path,
                           capture_output=True, check=True)
    found = json.loads(probe.stdout)
    assert found["streams"][0]["codec_name"] == {"wav": "pcm_s16le"}.get(form, form)
    assert abs(float(found["format"]["duration"]) - 12) < 0.2
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", "a", "-f", "null", "-"], cwd=tmp_path, capture_output=True, check=True)
    assert not done.stderr


# ---- calls -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path, body", [(A, flash()), (B, cosy(format="wav", sample_rate=24000))])
def test_whole_and_streamed(post, emulator, path, body):
    emulator.unit_seconds = 0.05
    status, raw = post(path, body)
    answer = json.loads(raw)
    assert status == 200 and answer["usage"] == {"characters": 4} and answer["output"]["finish_reason"] == "stop"
    assert voicing.decode(fetch(answer["output"]["audio"]["url"])) == "你好"
    found = events(post(path, body, stream=True)[1])
    assert found[-1]["output"]["finish_reason"] == "stop" and {event["output"]["finish_reason"] for event in found[:-1]} == {"null"}
    data = b"".join(base64.b64decode(event["output"]["audio"]["data"]) for event in found)
    assert data[:4] == b"RIFF" and voicing.decode(data) == "你好" and not found[-1]["output"]["audio"]["data"]
    assert emulator.speech_texts == ["你好", "你好"] and [create.details["characters"] for create in emulator.creates] == [4, 4]


def test_minimax(post):
    body = minimax(audio_setting={"format": "mp3", "sample_rate": 32000})
    answer = json.loads(post(A, body)[1])
    assert voicing.decode_mp3(bytes.fromhex(answer["output"]["data"]["audio"])) == "你好" and answer["output"]["data"]["status"] == 2
    found = events(post(A, body, stream=True)[1])
    assert found[-1]["output"]["data"]["audio"] == "".join(event["output"]["data"]["audio"] for event in found[:-1])
    found = events(post(A, minimax(stream_options={"exclude_aggregated_audio": True}), stream=True)[1])
    assert found[-1]["output"]["data"] == {"audio": "", "status": 2}


@pytest.mark.parametrize("path, body, status, words", [
    (B, flash(), 400, "url error"), (A, cosy(), 400, "url error"), (A, {**flash(), "model": "qwen3-tts-nothing"}, 404, ""),
    (A, flash(voice="longanyang"), 400, "Invalid voice"), (A, flash(voice="cherry"), 400, "Invalid voice"),
    (B, cosy(voice="Cherry"), 400, "411"), (B, {"model": "cosyvoice-v3.5-plus", "input": {"text": "a", "voice": "longanyang"}}, 400, "418"),
    (A, flash(rate=1.2), 400, "input.rate"), (A, flash(language_type="zh"), 400, "language_type"), (A, flash(instructions="x"), 400, "instructions"),
    (A, {**flash(), "parameters": {"format": "mp3"}}, 400, "parameters.format"), (B, {**cosy(), "parameters": {"rate": 1}}, 400, "rate"),
    (B, cosy(instruction="说" * 51), 400, "428"), (B, cosy(language_type="Chinese"), 400, "language_type"), (B, cosy(seed=70000), 400, "seed"),
    (A, flash("x" * 601), 400, "Range of input length"), (B, cosy("说" * 10_001), 400, "current: 20002"), (A, flash(" "), 400, "input text"),
    (B, cosy("<speak>x</speak>"), 400, "SSML"), (B, {"model": "cosyvoice-v2", "input": {"text": "a", "voice": "longwan_v2", "instruction": "x"}},
                                                    400, "instruction")])
def test_refusals(post, emulator, path, body, status, words):
    code, raw = post(path, body)
    assert code == status and words in raw.decode() and not emulator.creates


@pytest.mark.parametrize("body", [
    minimax("x" * 10_000), minimax(voice={"voice_id": "nobody"}), minimax(voice={"voice_id": "male-qn-qingse", "speed": 3}),
    minimax(audio_setting={"format": "ogg"})])
def test_minimax_refuses_with_200(post, emulator, body):
    status, raw = post(A, body)
    assert status == 200 and json.loads(raw)["output"]["base_resp"]["status_code"] == 2013 and not emulator.creates


def test_truncation(post, emulator):
    emulator.truncate_cosyvoice, emulator.unit_seconds = True, 0.001
    url = json.loads(post(B, cosy("说" * 200, format="wav"))[1])["output"]["audio"]["url"]
    assert voicing.decode(fetch(url)) == "说" * 120


def test_every_model_answers(post, emulator):
    for name, model in speech_models.SPEECH_MODELS.items():
        if model.custom:
            emulator.known_voices.add("mine")
        if model.wire == "next":       # it has neither text nor voice: test_emulator_2026_media.py
            continue
        voice = "mine" if model.custom else sorted(model.voices)[0]
        body = {"model": name, "input": {"text": "a", **({"voice_setting": {"voice_id": voice}} if model.wire == "minimax" else {"voice": voice})}}
        assert post(A if model.path == "A" else B, body)[0] == 200, name


# ---- faults ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fault, check", [
    ("speech-error-200", lambda status, raw: status == 200 and b'"code"' in raw and b"output" not in raw),
    ("speech-stream-error", lambda status, raw: b"event:result" in raw and b"InternalError" in raw and b'"stop"' not in raw),
    ("speech-event-error", lambda status, raw: b"event:error\n:HTTP_STATUS/400" in raw),
    ("speech-engine", lambda status, raw: status == 400 and b"418" in raw),
    ("speech-throttled-base-resp", lambda status, raw: status == 200 and b"1002" in raw),
    ("speech-grpc", lambda status, raw: status == 500 and b"grpc stream" in raw),
    ("speech-multiline", lambda status, raw: raw.count(b"\ndata:") > raw.count(b"id:")),
    ("speech-bad-base64", lambda status, raw: b'"data":"%' in raw),
    ("speech-empty", lambda status, raw: sum(len(event["output"]["audio"]["data"]) for event in events(raw)) < 100),
    ("speech-no-url", lambda status, raw: b'"url"' not in raw),
    ("speech-repeated-header", lambda status, raw: raw.count(b'"data":"UklGR') > 1),
    ("speech-bare-pcm", lambda status, raw: b"UklGR" not in raw)])
def test_faults_of_speech(post, emulator, fault, check):
    emulator.inject(fault, 1, text="here")
    assert post(A, flash("not hit"), stream=True)[1].count(b'"stop"') == 1
    assert check(*post(A, flash("hit here"), stream=True)), fault
    assert post(A, flash("here again"), stream=True)[1].count(b'"stop"') == 1


def test_cut(post, emulator):
    emulator.inject("speech-cut")
    with pytest.raises((OSError, Exception), match="IncompleteRead|Remote"):
        post(A, flash("x" * 100), stream=True)


def test_other_format(post, emulator):
    emulator.inject("speech-other-format")
    url = json.loads(post(B, cosy(format="mp3"))[1])["output"]["audio"]["url"]
    assert fetch(url)[:4] == b"RIFF"


def test_ordinary_faults_find_the_text_too(post, emulator):
    emulator.inject("500", 1, text="二")
    assert [post(A, flash(text))[0] for text in ("一", "二", "二")] == [200, 500, 200]
    assert set(faults.SPEECH_FAULTS) <= set(faults.FAULTS)


# ---- voices ----------------------------------------------------------------------------------------------------------

def recording(seconds=10, rate=24000):
    return "data:audio/wav;base64," + base64.b64encode(media_samples.wav(seconds, rate)).decode()


def clone(**more):
    return {"model": "qwen-voice-enrollment", "input": {"action": "create", "target_model": "qwen3-tts-vc-2026-01-22", "preferred_name": "anna",
                                                        "audio": {"data": recording()}, **more}}


@pytest.mark.parametrize("body, words", [
    (clone(preferred_name="a b"), "preferred_name"), (clone(target_model="qwen3-tts-flash"), "target_model"), (clone(extra=1), "extra"),
    (clone(audio={"data": recording(1)}), "AudioShortError"), (clone(audio={"data": recording(61)}), "DurationLimitError"),
    (clone(audio={"data": recording(10, 16000)}), "AudioRateError"), (clone(audio={"data": "data:audio/ogg;base64,AAAA"}), "UnsupportedFileFormat"),
    ({"model": "voice-enrollment", "input": {"action": "create_voice", "target_model": "cosyvoice-v3-flash", "prefix": "ANNA", "url": "https://x"}},
     "prefix"),
    ({"model": "voice-enrollment", "input": {"action": "delete_voice", "voice_id": "none"}}, "ResourceNotExist"),
    ({"model": "qwen-voice-design", "input": {"action": "delete", "voice": "none"}}, "VoiceNotFound")])
def test_voices_that_are_refused(post, emulator, body, words):
    status, raw = post(C, body)
    assert status == 400 and words in raw.decode() and not emulator.voices_made


def test_clone_list_speak_delete(post, emulator):
    voice = json.loads(post(C, clone())[1])["output"]["voice"]
    listed = json.loads(post(C, {"model": "qwen-voice-enrollment", "input": {"action": "list", "page_index": 0, "page_size": 10}})[1])["output"]
    assert listed["total_count"] == 1 and listed["voice_list"][0]["voice"] == voice
    said = {"model": "qwen3-tts-vc-2026-01-22", "input": {"text": "a", "voice": voice}}
    assert post(A, said)[0] == 200 and post(A, flash(voice=voice))[0] == 400
    assert post(C, {"model": "qwen-voice-enrollment", "input": {"action": "delete", "voice": voice}})[0] == 200 and post(A, said)[0] == 400


def test_cosy_voice_must_be_ready(post, emulator):
    body = {"model": "voice-enrollment", "input": {"action": "create_voice", "target_model": "cosyvoice-v3-flash", "prefix": "anna",
                                                   "url": "https://example.com/a.wav"}}
    voice = json.loads(post(C, body)[1])["output"]["voice_id"]
    query = {"model": "voice-enrollment", "input": {"action": "query_voice", "voice_id": voice}}
    assert post(B, cosy(voice=voice))[0] == 400
    assert [json.loads(post(C, query)[1])["output"]["status"] for _ in range(2)] == ["DEPLOYING", "OK"]
    assert post(B, cosy(voice=voice))[0] == 200
