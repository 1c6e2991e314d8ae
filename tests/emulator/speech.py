"""Speech synthesis on both paths, whole and in events (sections 1 to 8 and 13 of the speech contract)."""
from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional

from tests.emulator import models, results, speech_next, voices, voicing
from tests.emulator.ledger import Create
from tests.emulator.speech_models import AUDIO_SETTING, RATES_OPUS, SPEECH_MODELS, VOICE_SETTING, SpeechModel
from tests.emulator.wire import Exchange, Refusal, Reply, dumps, ignored, invalid, json_reply, parse_json, stream_reply

WRONG_URL = "url error, please check url！"
CHUNK = 20_000                         # bytes of audio in one event
TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "pcm": "application/octet-stream", "opus": "audio/ogg"}
KEPT_TEXTS = 20_000


@dataclass
class Job:
    """A call that passed all checks."""
    model: SpeechModel
    text: str
    voice: str
    form: str
    rate: int
    speed: float
    volume_zero: bool = False
    url_wanted: bool = False
    repeat: bool = True                # MiniMax: the last event has everything again
    ssml: bool = False

    @property
    def units(self) -> int:
        """What is billed: the tags of SSML are not."""
        return voicing.units(re.sub(r"<[^>]*>", "", self.text) if self.ssml else self.text)


def generation(exchange: Exchange) -> Reply:
    """Path A."""
    return _speak(exchange, "A")


def synthesize(exchange: Exchange) -> Reply:
    """Path B."""
    body = parse_json(exchange)
    if not body.get("model"):
        raise Refusal(400, "BadRequest.EmptyModel", 'Required parameter "model" missing from request.')
    return _speak(exchange, "B")


def _speak(exchange: Exchange, path: str) -> Reply:
    body, emulator = parse_json(exchange), exchange.emulator
    model = SPEECH_MODELS.get(body["model"])
    if model is None:
        raise models.unknown(body["model"])
    if model.path != path:
        raise invalid(WRONG_URL, wrapped=False)
    if model.wire == "minimax" and isinstance(body.get("input"), dict) and body["input"].get("action") == "voice_clone":
        return voices.clone_minimax(exchange, body)
    if exchange.headers.get("x-dashscope-async"):
        raise ignored("X-DashScope-Async", "is not for speech: it answers at once")
    job = read(exchange, body, model)
    if isinstance(job, dict):          # MiniMax says no with HTTP 200
        return json_reply(job)
    with emulator.lock:
        emulator.speaking += 1
        emulator.most_speaking = max(emulator.most_speaking, emulator.speaking)
        emulator.speech_texts.append(job.text)
        del emulator.speech_texts[:-KEPT_TEXTS]
    try:
        emulator.bill(Create(model.name, job.text, 1, 0, exchange.path, exchange.request_id, "", exchange.key_sha256 or "",
                             emulator.clock(), details={"characters": job.units, "voice": job.voice}))
        if emulator.latency:
            emulator.pause(emulator.latency)
    finally:
        with emulator.lock:
            emulator.speaking -= 1
    if exchange.headers.get("x-dashscope-sse") == "enable":
        return stream_reply(_stream(exchange, job))
    return json_reply(_whole(exchange, job))


# ---- checks ----------------------------------------------------------------------------------------------------------

def read(exchange: Exchange, body: Dict[str, Any], model: SpeechModel) -> Any:
    """The Job of a body; what the service would refuse or silently ignore is refused."""
    given = body.get("input")
    if not isinstance(given, dict):
        raise invalid("Required parameter \"input\" missing or invalid", wrapped=False)
    for name in body:
        if name not in ("model", "input", "parameters"):
            raise ignored(name, "is no field of a speech request")
    parameters = body.get("parameters") or {}
    _fields("input", given, model.input, model)
    _fields("parameters", parameters, model.parameters, model)
    if model.wire == "next":
        options = {**parameters, **given}
        return Job(model, speech_next.check(exchange, given, model), "", options.get("format", model.form),
                   options.get("sample_rate", model.rate), options.get("rate", 1.0))
    text = given.get("text")
    if not isinstance(text, str) or not text.strip():
        raise invalid("Please ensure input text is valid.", wrapped=False)
    if model.wire == "minimax":
        return _minimax(exchange, given, model)
    voice = given.get("voice", parameters.get("voice"))
    _check_text(exchange, text, model)
    if given.get("optimize_instructions") and not given.get("instructions"):
        raise ignored("optimize_instructions", "needs instructions")
    _check_voice(exchange, voice, model)
    if given.get("enable_ssml") and model.name.startswith("qwen-audio"):
        raise invalid("SSML text is not supported at the moment!", wrapped=False)
    if text.lstrip().startswith("<speak") and not given.get("enable_ssml") and model.wire == "cosy":
        raise invalid("SSML text is not supported at the moment!", wrapped=False)
    if not model.name.startswith("qwen-audio") and voicing.units(given.get("instruction") or "") > 100:
        raise invalid("[tts:]Engine return error code: 428", wrapped=False)
    form = given.get("format") or parameters.get("response_format") or model.form
    rate = given.get("sample_rate") or parameters.get("sample_rate") or model.rate
    if form == "opus" and rate not in RATES_OPUS:
        raise invalid(f"sample_rate {rate} is not supported with opus", wrapped=False)
    if "bit_rate" in {**given, **parameters} and form != "opus":
        raise ignored("bit_rate", "is for opus alone")
    return Job(model, text, voice, form, rate, given.get("rate") or parameters.get("speech_rate") or 1.0,
               ssml=bool(given.get("enable_ssml")))


def _fields(place: str, given: Any, legal: Dict[str, Any], model: SpeechModel) -> None:
    if not isinstance(given, dict):
        raise invalid(f"{place} is not an object", wrapped=False)
    for name, value in given.items():
        if name not in legal:
            raise ignored(f"{place}.{name}", f"is silently ignored by {model.name}")
        if not legal[name](value):
            raise invalid(f"{place}.{name} is not legal: {value!r}", param=name, wrapped=False)


def _check_text(exchange: Exchange, text: str, model: SpeechModel) -> None:
    if not exchange.emulator.strict_limits:
        return
    count = voicing.units(text)
    if model.wire == "qwen" and not model.tokens and count > 600:
        raise invalid("Range of input length should be [1, 600]", wrapped=False)
    if model.wire == "qwen" and model.tokens and len(text) > 512:
        raise invalid("Range of input length should be [1, 512]", wrapped=False)
    if model.wire == "cosy" and count > 20_000:
        raise invalid(f"Each request sends text is limited: 20000, current: {count}", wrapped=False)


def _check_voice(exchange: Exchange, voice: Any, model: SpeechModel) -> None:
    if not isinstance(voice, str) or not voice:
        raise invalid("Request voice is invalid!", wrapped=False)
    emulator = exchange.emulator
    if voice in model.voices or voice in emulator.known_voices:
        return
    if model.name.startswith("qwen-audio-3.0") and voice.startswith(model.name + "-") and "-vd-" not in voice:
        return                                         # one of the base voices
    made = voices.find(exchange, voice)
    if made is not None and made.target_model != model.name:
        raise Refusal(400, "invalid_value", f"The requested voice '{voice}' is not supported.")
    if made is not None and made.status == "OK" and model.own:
        return
    if model.wire == "qwen":
        known = any(voice in other.voices for other in SPEECH_MODELS.values() if other.wire == "qwen")
        raise invalid(f"Voice '{voice}' is not supported" if known else "Invalid voice specified", wrapped=False)
    if model.custom or made is not None:
        raise invalid("[tts:]Engine return error code: 418", wrapped=False)
    raise invalid("[cosyvoice:]Engine error [411]: TTS speak operation failed", wrapped=False)


def _minimax(exchange: Exchange, given: Dict[str, Any], model: SpeechModel) -> Any:
    setting, audio = given.get("voice_setting") or {}, given.get("audio_setting") or {}
    try:
        _fields("voice_setting", setting, VOICE_SETTING, model)
        _fields("audio_setting", audio, AUDIO_SETTING, model)
        if len(given["text"]) >= 10_000:
            raise invalid("text is too long", wrapped=False)
        streamed = exchange.headers.get("x-dashscope-sse") == "enable"
        if streamed and audio.get("format") in ("wav", "flac"):
            raise invalid("wav and flac are not possible in streams", wrapped=False)
        if audio.get("format") == "flac":
            raise invalid("emulator: no flac encoder", wrapped=False)
        voice = setting.get("voice_id")
        if not isinstance(voice, str) or not (voice or given.get("timbre_weights")):
            raise invalid("voice_id is missing", wrapped=False)
        if voice and voice not in model.voices and voice not in exchange.emulator.known_voices and voices.find(exchange, voice) is None:
            raise invalid("voice_id not exist", wrapped=False)
        if streamed and given.get("output_format") == "url":
            raise invalid("output_format url is not possible in streams", wrapped=False)
    except Refusal as refusal:
        return no(exchange, 2013, "invalid params, " + refusal.native_message)
    options = given.get("stream_options") or {}
    return Job(model, given["text"], voice, audio.get("format", model.form), audio.get("sample_rate", model.rate), setting.get("speed", 1.0),
               url_wanted=given.get("output_format") == "url", repeat=not options.get("exclude_aggregated_audio", False))


def no(exchange: Exchange, code: int, words: str) -> Dict[str, Any]:
    """MiniMax refuses with HTTP 200."""
    return {"output": {"base_resp": {"status_code": code, "status_msg": words}, "data": None}, "usage": {"characters": 0},
            "request_id": exchange.request_id}


# ---- answers ---------------------------------------------------------------------------------------------------------

def audio_of(exchange: Exchange, job: Job, streamed: bool = False) -> bytes:
    """The file, whole."""
    emulator, text = exchange.emulator, job.text
    if emulator.truncate_cosyvoice and job.model.name.startswith("cosyvoice"):
        while voicing.units(text) > 240:
            text = text[:-1]
    fate = exchange.fate.name if exchange.fate else ""
    form = "wav" if fate == "speech-other-format" else job.form
    seconds = emulator.unit_seconds / job.speed
    if fate == "speech-empty":
        text = ""
    if form == "mp3":
        return voicing.mp3(text, job.rate, seconds) if text else b"ID3\x04\0\0\0\0\0\0"
    if form == "opus":
        return voicing.opus(text, job.rate, seconds)
    pcm = voicing.samples(text, job.rate, seconds)
    if form == "pcm" or (fate == "speech-bare-pcm" and streamed):
        return pcm
    placeholder = emulator.placeholder_sizes
    sizes = "true" if not placeholder or (job.model.path == "B" and placeholder is True) else \
        "7fffffff" if placeholder is True else str(placeholder)
    return voicing.wav(pcm, job.rate, sizes, emulator.extra_chunks)


def _usage(job: Job, done: Optional[str] = None) -> Dict[str, Any]:
    if job.model.wire == "next":
        return {"duration": round(job.units * voicing.UNIT_SECONDS / job.speed, 2)}
    count = job.units if done is None else voicing.units(done)
    if not job.model.tokens:
        return {"characters": count}
    sound = max(50, count * 6)
    if job.model.wire == "cosy":
        return {"input_tokens": count, "output_tokens": sound}
    return {"input_tokens": count, "output_tokens": sound, "total_tokens": count + sound, "input_tokens_details": {"text_tokens": count},
            "output_tokens_details": {"audio_tokens": sound, "text_tokens": 0}, "characters": 0}


def _url(exchange: Exchange, job: Job) -> str:
    if exchange.fate and exchange.fate.name == "speech-no-url":
        return ""
    form = "wav" if exchange.fate and exchange.fate.name == "speech-other-format" else job.form
    return results.publish(exchange.emulator, exchange.request_id, 0, lambda: audio_of(exchange, job), form, TYPES[form])


def _audio(exchange: Exchange, data: bytes = b"", url: str = "") -> Dict[str, Any]:
    coded = base64.b64encode(data).decode("ascii")
    if data and exchange.fate and exchange.fate.name == "speech-bad-base64":
        coded = "%" + coded[1:]
    return {"data": coded, "id": "audio_" + exchange.request_id, "expires_at": int(exchange.emulator.clock()) + results.RESULT_SECONDS,
            **({"url": url} if url else {})}


def _whole(exchange: Exchange, job: Job) -> Dict[str, Any]:
    if job.model.wire == "minimax":
        return _minimax_frame(exchange, job, b"" if job.url_wanted else audio_of(exchange, job), 2,
                              _url(exchange, job) if job.url_wanted else "")
    return {"output": {"finish_reason": "stop", "audio": _audio(exchange, url=_url(exchange, job))}, "usage": _usage(job),
            "request_id": exchange.request_id}


def _minimax_frame(exchange: Exchange, job: Job, data: bytes, status: int, url: str = "") -> Dict[str, Any]:
    output: Dict[str, Any] = {"base_resp": {"status_code": 0, "status_msg": "success"}, "data": {"audio": url or data.hex(), "status": status},
                              "trace_id": exchange.request_id.replace("-", "")}
    if status == 2:
        output["extra_info"] = {"audio_channel": 1, "audio_format": job.form, "audio_sample_rate": job.rate, "audio_size": len(data),
                                "usage_characters": job.units}
    return {"output": output, "usage": {"characters": job.units}, "request_id": exchange.request_id}


def _stream(exchange: Exchange, job: Job) -> Iterator[bytes]:
    emulator = exchange.emulator
    for number, value in enumerate(_events(exchange, job), 1):
        if number > 1 and emulator.delay:
            emulator.pause(emulator.delay)
        data = dumps(value)
        if exchange.fate and exchange.fate.name == "speech-multiline":
            half = len(data) // 2
            while data[half] & 0xC0 == 0x80:
                half += 1
            data = data[:half] + b"\ndata:" + data[half:]
        yield f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:".encode() + data + b"\n\n"


def _pieces(data: bytes, size: int) -> List[bytes]:
    return [data[place:place + size] for place in range(0, len(data), size)]


def _events(exchange: Exchange, job: Job) -> Iterator[Dict[str, Any]]:
    data = audio_of(exchange, job, streamed=True)
    size = min(CHUNK, max(2, (len(data) // 3) & ~1))   # short ones come in some chunks, too
    pieces = _pieces(data, size)
    if exchange.fate and exchange.fate.name == "speech-repeated-header" and data[:4] == b"RIFF":
        begin = data.index(b"data") + 8
        pieces = [data[:begin] + piece for piece in _pieces(data[begin:], size)]
    if job.model.wire == "minimax":
        yield from _minimax_events(exchange, job, data, pieces)
        return
    fixed = {"usage": _usage(job), "request_id": exchange.request_id}
    if job.model.path == "B":
        yield {"output": {"finish_reason": "null", "type": "sentence-begin", "original_text": job.text, "sentence": {"index": 0, "words": []},
                          "audio": _audio(exchange)}, **fixed}
    for piece in pieces:
        extra = {"type": "sentence-synthesis", "sentence": {"index": 0, "words": []}} if job.model.path == "B" else {}
        yield {"output": {"finish_reason": "null", **extra, "audio": _audio(exchange, piece)}, **fixed}
    if job.model.path == "B":
        yield {"output": {"finish_reason": "null", "type": "sentence-end", "original_text": job.text, "sentence": {"index": 0, "words": []},
                          "audio": _audio(exchange)}, **fixed}
    yield {"output": {"finish_reason": "stop", "audio": _audio(exchange, url=_url(exchange, job))}, **fixed}


def _minimax_events(exchange: Exchange, job: Job, data: bytes, pieces: List[bytes]) -> Iterator[Dict[str, Any]]:
    for piece in pieces:
        yield _minimax_frame(exchange, job, piece, 1)
    yield _minimax_frame(exchange, job, data if job.repeat else b"", 2)
