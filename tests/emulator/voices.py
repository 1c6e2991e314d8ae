"""Voices that an account makes for itself: section 9 of the speech contract."""
from __future__ import annotations

import base64
import binascii
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from tests.emulator import results, voicing
from tests.emulator.wire import Exchange, Refusal, Reply, ignored, invalid, json_reply, parse_json

MOST_VOICES = 1000
LANGUAGES = ("zh", "en", "de", "it", "pt", "es", "ja", "ko", "fr", "ru")
CLONES = ("qwen3-tts-vc-2026-01-22", "qwen3-tts-vc-realtime-2026-01-15")
DESIGNS = ("qwen3-tts-vd-2026-01-26", "qwen3-tts-vd-realtime-2026-01-15")
COSY = ("cosyvoice-v3.5-plus", "cosyvoice-v3.5-flash", "cosyvoice-v3-plus", "cosyvoice-v3-flash", "cosyvoice-v2",
        "qwen-audio-3.0-tts-plus", "qwen-audio-3.0-tts-flash", "qwen-audio-3.1-tts-flash")


@dataclass
class MadeVoice:
    id: str
    service: str
    target_model: str
    account: str
    created: str
    polls: int = 0                     # looks that are left until it is ready
    language: str = "zh"
    prompt: str = ""
    preview: str = ""
    link: str = ""

    @property
    def status(self) -> str:
        return "DEPLOYING" if self.polls > 0 else "OK"


def find(exchange: Exchange, voice: str) -> Optional[MadeVoice]:
    made = exchange.emulator.voices.get(voice)
    return made if made and made.account == account(exchange) else None


def account(exchange: Exchange) -> str:
    return exchange.key_sha256 or ""


def _bad(code: str, message: str) -> Refusal:
    return Refusal(400, code, message)


def customize(exchange: Exchange) -> Reply:
    """Path C."""
    body = parse_json(exchange)
    services = {"voice-enrollment": _cosy, "qwen-voice-enrollment": _qwen, "qwen-voice-design": _qwen}
    service = services.get(body.get("model"))
    if service is None:
        raise Refusal(404, "ModelNotFound", "Model can not be found.")
    given = body.get("input")
    if not isinstance(given, dict):
        raise invalid("input is missing", wrapped=False)
    output, count = service(exchange, body["model"], given, body.get("parameters") or {})
    return json_reply({"output": output, "usage": {"count": count} if count is not None else {}, "request_id": exchange.request_id})


def _only(given: Dict[str, Any], *names: str) -> None:
    for name in given:
        if name not in names:
            raise ignored(name, "is no field of this call")


def _name(given: Dict[str, Any], field: str, rule: str) -> str:
    value = given.get(field)
    if not isinstance(value, str) or not re.fullmatch(rule, value):
        raise invalid(f"{field} is not legal: {value!r}", wrapped=False)
    return value


def _keep(exchange: Exchange, voice: MadeVoice) -> None:
    emulator = exchange.emulator
    if sum(one.account == voice.account for one in emulator.voices.values()) >= MOST_VOICES:
        raise Refusal(400, "Throttling.AllocationQuota", "Maximum voice storage limit exceeded.")
    emulator.voices[voice.id] = voice
    emulator.voices_made.append(voice)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _text(given: Dict[str, Any], name: str, most: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise invalid(f"{name} must have 1 to {most} characters", wrapped=False)
    return value


def _preview(parameters: Dict[str, Any], text: str, rates: tuple) -> Dict[str, Any]:
    _only(parameters, "sample_rate", "response_format")
    rate, form = parameters.get("sample_rate", 24000), parameters.get("response_format", "wav")
    if rate not in rates or form not in ("wav", "pcm", "mp3"):
        raise invalid("parameters are not legal", wrapped=False)
    data = voicing.wav(voicing.samples(text, rate, 0.01), rate) if form == "wav" else voicing.mp3(text, rate, 0.01) if form == "mp3" else \
        voicing.samples(text, rate, 0.01)
    return {"data": base64.b64encode(data).decode("ascii"), "sample_rate": rate, "response_format": form}


# ---- cosyvoice and qwen-audio ----------------------------------------------------------------------------------------

def _cosy(exchange: Exchange, service: str, given: Dict[str, Any], parameters: Dict[str, Any]):
    action = given.get("action")
    if action == "create_voice":
        return _cosy_create(exchange, given, parameters)
    if action == "list_voice":
        _only(given, "action", "prefix", "page_index", "page_size")
        rows = [_cosy_row(one) for one in _mine(exchange, "voice-enrollment") if given.get("prefix", "") in one.id]
        return {"voice_list": _page(rows, given)}, 1
    voice = find(exchange, str(given.get("voice_id")))
    if voice is None or voice.service != "voice-enrollment":
        raise _bad("BadRequest.ResourceNotExist", "The Required resource not exist.")
    if action == "query_voice":
        status = voice.status
        voice.polls -= 1
        return {**_cosy_row(voice), "target_model": voice.target_model, "resource_link": voice.link, "status": status}, None
    if action == "delete_voice":
        del exchange.emulator.voices[voice.id]
        return {}, None
    if action == "update_voice":
        voice.link = str(given.get("url"))
        return {}, None
    raise invalid(f"action {action!r} is unknown", wrapped=False)


def _cosy_create(exchange: Exchange, given: Dict[str, Any], parameters: Dict[str, Any]):
    target, prefix = given.get("target_model"), _name(given, "prefix", "[a-z0-9]{1,9}")
    if target not in COSY:
        raise invalid(f"target_model {target!r} is not supported", wrapped=False)
    if "voice_prompt" in given:
        _only(given, "action", "target_model", "prefix", "voice_prompt", "preview_text", "language_hints")
        if given.get("language_hints", ["zh"])[0] not in ("zh", "en") or target == "cosyvoice-v2":
            raise invalid("not supported for designed voices", wrapped=False)
        prompt, preview = _text(given, "voice_prompt", 500), _text(given, "preview_text", 200)
        voice = MadeVoice(f"{target}-vd-{prefix}-{uuid.uuid4().hex[:8]}", "voice-enrollment", target, account(exchange), _now(), 0,
                          prompt=prompt, preview=preview)
        audio = _preview(parameters, preview, (16000, 24000, 48000))
        _keep(exchange, voice)
        return {"voice_id": voice.id, "target_model": target, "preview_audio": audio}, 1
    _only(given, "action", "target_model", "prefix", "url", "language_hints", "max_prompt_audio_length", "enable_preprocess")
    link = given.get("url")
    if not isinstance(link, str) or not link.startswith(("https://", "http://", "oss://")):
        raise invalid("url must be a public address", wrapped=False)
    voice = MadeVoice(f"{target}-{prefix}-{uuid.uuid4().hex[:8]}", "voice-enrollment", target, account(exchange), _now(),
                      exchange.emulator.voice_polls, link=link)
    _keep(exchange, voice)
    return {"voice_id": voice.id}, 1


def _cosy_row(voice: MadeVoice) -> Dict[str, Any]:
    row = {"voice_id": voice.id, "gmt_create": voice.created, "gmt_modified": voice.created, "status": voice.status}
    return {**row, "voice_prompt": voice.prompt, "preview_text": voice.preview} if voice.prompt else row


# ---- qwen ------------------------------------------------------------------------------------------------------------

def _qwen(exchange: Exchange, service: str, given: Dict[str, Any], parameters: Dict[str, Any]):
    action, designs = given.get("action"), service == "qwen-voice-design"
    if action == "create":
        return (_qwen_design if designs else _qwen_clone)(exchange, given, parameters)
    if action == "list":
        _only(given, "action", "page_index", "page_size")
        rows = [{"voice": one.id, "language": one.language, "target_model": one.target_model, "gmt_create": one.created,
                 "gmt_modified": one.created} for one in _mine(exchange, service)]
        return {"page_index": given.get("page_index", 0), "page_size": given.get("page_size", 10), "total_count": len(rows),
                "voice_list": _page(rows, given)}, 0
    voice = find(exchange, str(given.get("voice")))
    if voice is None or voice.service != service:
        raise _bad("BadRequest.VoiceNotFound", f"Voice '{given.get('voice')}' not found.")
    if action == "delete":
        del exchange.emulator.voices[voice.id]
        return {"voice": voice.id}, 0
    if action == "query" and designs:
        return {"voice": voice.id, "language": voice.language, "target_model": voice.target_model, "gmt_create": voice.created}, 0
    raise invalid(f"action {action!r} is unknown", wrapped=False)


def _qwen_clone(exchange: Exchange, given: Dict[str, Any], parameters: Dict[str, Any]):
    _only(given, "action", "target_model", "preferred_name", "audio", "text", "language")
    name = _name(given, "preferred_name", "[A-Za-z0-9_]{1,16}")
    if given.get("target_model") not in CLONES:
        raise invalid("target_model is not supported", wrapped=False)
    if given.get("language", "zh") not in LANGUAGES:
        raise invalid("language is not supported", wrapped=False)
    _check_recording(given.get("audio"))
    voice = MadeVoice(f"qwen-tts-vc-{name}-voice-{uuid.uuid4().hex[:12]}", "qwen-voice-enrollment", given["target_model"], account(exchange),
                      _now(), language=given.get("language", "zh"))
    _keep(exchange, voice)
    return {"voice": voice.id, "target_model": voice.target_model}, 1


def _check_recording(audio: Any) -> None:
    """A data URL is decoded and measured; an address is believed."""
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str) or not data:
        raise invalid("audio.data is missing", wrapped=False)
    if data.startswith("https://"):
        return
    match = re.match(r"data:audio/(wav|mpeg|mp4);base64,", data)
    if not match:
        raise _bad("BadRequest.UnsupportedFileFormat", "File format unsupported.")
    try:
        raw = base64.b64decode(data[match.end():], validate=True)
    except (binascii.Error, ValueError):
        raise _bad("Audio.DecoderError", "The audio could not be decoded.") from None
    if len(raw) > 10_000_000:
        raise _bad("Audio.FileSizeExceed", "The audio is too large.")
    if match.group(1) == "wav":
        if raw[:4] != b"RIFF":
            raise _bad("Audio.DecoderError", "The audio could not be decoded.")
        rate, seconds = int.from_bytes(raw[24:28], "little"), (len(raw) - 44) / max(1, int.from_bytes(raw[28:32], "little"))
        if rate < 24000:
            raise _bad("Audio.AudioRateError", "The sample rate of the audio must be at least 24000.")
        if seconds < 3:
            raise _bad("Audio.AudioShortError", "The audio is too short.")
        if seconds > 60:
            raise _bad("Audio.DurationLimitError", "The audio is too long.")


def _qwen_design(exchange: Exchange, given: Dict[str, Any], parameters: Dict[str, Any]):
    _only(given, "action", "target_model", "preferred_name", "voice_prompt", "preview_text", "language")
    name = _name(given, "preferred_name", "[A-Za-z0-9_]{1,16}")
    if given.get("target_model") not in DESIGNS or given.get("language", "zh") not in LANGUAGES:
        raise invalid("target_model or language is not supported", wrapped=False)
    prompt, preview = _text(given, "voice_prompt", 2048), _text(given, "preview_text", 1024)
    audio = _preview(parameters, preview, (8000, 16000, 24000, 48000))
    voice = MadeVoice(f"qwen-tts-vd-{name}-voice-{uuid.uuid4().hex[:12]}", "qwen-voice-design", given["target_model"], account(exchange), _now(),
                      language=given.get("language", "zh"), prompt=prompt, preview=preview)
    _keep(exchange, voice)
    return {"voice": voice.id, "target_model": voice.target_model, "preview_audio": audio}, 1


def _mine(exchange: Exchange, service: str) -> List[MadeVoice]:
    return [one for one in exchange.emulator.voices.values() if one.account == account(exchange) and one.service == service]


def _page(rows: List[Any], given: Dict[str, Any]) -> List[Any]:
    index, size = given.get("page_index", 0), given.get("page_size", 10)
    if not isinstance(index, int) or not isinstance(size, int) or index < 0 or not 1 <= size <= 1000:
        raise invalid("page_index or page_size is not legal", wrapped=False)
    return rows[index * size:(index + 1) * size]


# ---- MiniMax ---------------------------------------------------------------------------------------------------------

def clone_minimax(exchange: Exchange, body: Dict[str, Any]) -> Reply:
    """The caller chooses the id; it is charged with the first speech."""
    from tests.emulator.speech import no
    given = body["input"]
    try:
        _only(given, "action", "voice_id", "audio_url", "text", "clone_prompt", "language_boost", "need_noise_reduction",
              "need_volume_normalization", "aigc_watermark")
        voice = _name(given, "voice_id", "[A-Za-z][A-Za-z0-9_-]{6,254}[A-Za-z0-9]")
        if not str(given.get("audio_url")).startswith(("http://", "https://")):
            raise invalid("audio_url must be public", wrapped=False)
        if voice in exchange.emulator.voices:
            raise invalid("voice_id exists", wrapped=False)
    except Refusal as refusal:
        return json_reply(no(exchange, 2013, refusal.native_message))
    _keep(exchange, MadeVoice(voice, "minimax", body["model"], account(exchange), _now()))
    text = given.get("text") or ""
    demo = results.publish(exchange.emulator, exchange.request_id, 0, lambda: voicing.mp3(text, 32000, 0.01), "mp3", "audio/mpeg") if text else ""
    return json_reply({"output": {"base_resp": {"status_code": 0, "status_msg": "success"}, "demo_audio": demo, "input_sensitive": False,
                                  "input_sensitive_type": 0}, "usage": {"characters": voicing.units(text)}, "request_id": exchange.request_id})
