"""The speech models as the emulator knows them: path, dialect, what may stand where, voices. Sections 0 to 8 of the speech contract."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, Tuple

RATES_A = (8000, 16000, 24000, 48000)
RATES_B = (8000, 16000, 22050, 24000, 44100, 48000)
RATES_AUDIO = (8000, 12000, 16000, 22050, 24000, 44100, 48000)
RATES_OPUS = (8000, 12000, 16000, 24000, 48000)
RATES_MINIMAX = (8000, 16000, 22050, 24000, 32000, 44100)
LANGUAGE_TYPES = ("Auto", "Chinese", "English", "German", "Italian", "Portuguese", "Spanish", "Japanese", "Korean", "French", "Russian")
HINTS = ("zh", "en", "fr", "de", "ja", "ko", "ru", "pt", "th", "id", "vi", "es", "it", "ms", "fil", "ar")


def among(*values: Any) -> Callable[[Any], bool]:
    return lambda value: not isinstance(value, bool) and value in values


def between(low: float, high: float, whole: bool = False) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        kinds = (int,) if whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high
    return check


def text(value: Any) -> bool:
    return isinstance(value, str)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def anything(value: Any) -> bool:
    return True


def _hints(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and value[0] in HINTS


@dataclass(frozen=True)
class SpeechModel:
    name: str
    path: str                          # "A" or "B"
    wire: str                          # qwen, cosy, minimax, next
    input: Dict[str, Callable[[Any], bool]]
    parameters: Dict[str, Callable[[Any], bool]]
    voices: FrozenSet[str]
    custom: bool = False               # own voices alone
    own: bool = True                   # own voices are possible
    tokens: bool = False               # billed by tokens
    form: str = "wav"
    rate: int = 24000


_QWEN = {"text": text, "voice": text}
_QWEN_SOUND = {"response_format": among("pcm", "wav", "mp3", "opus"), "sample_rate": among(*RATES_A), "speech_rate": between(0.5, 2),
               "pitch_rate": between(0.5, 2), "volume": between(0, 100, True), "bit_rate": between(6, 510, True)}
_SDK = {"voice": text, "language_type": among(*LANGUAGE_TYPES), "stream": flag}
_LANGUAGE = {"language_type": among(*LANGUAGE_TYPES)}
_INSTRUCT = {"instructions": text, "optimize_instructions": flag}


def _cosy(rates: Tuple[int, ...], instruction: bool = True) -> Dict[str, Callable[[Any], bool]]:
    fields = {"text": text, "voice": text, "format": among("mp3", "pcm", "wav", "opus"), "sample_rate": among(*rates),
              "volume": between(0, 100, True), "rate": between(0.5, 2), "pitch": between(0.5, 2), "bit_rate": between(6, 510, True),
              "enable_ssml": flag, "word_timestamp_enabled": flag, "seed": between(0, 65535, True), "language_hints": _hints,
              "instruction": text, "enable_aigc_tag": flag, "aigc_propagator": text, "aigc_propagate_id": text, "hot_fix": anything,
              "enable_markdown_filter": flag}
    return fields if instruction else {name: check for name, check in fields.items() if name not in ("instruction", "hot_fix")}


_MINIMAX = {"text": text, "voice_setting": anything, "audio_setting": anything, "pronunciation_dict": anything, "timbre_weights": anything,
            "language_boost": text, "voice_modify": anything, "subtitle_enable": flag, "output_format": among("hex", "url"),
            "aigc_watermark": flag, "stream_options": anything, "action": among("tts"), "stream": flag}
VOICE_SETTING = {"voice_id": text, "speed": between(0.5, 2), "vol": between(0.000001, 10), "pitch": between(-12, 12, True),
                 "emotion": among("happy", "sad", "angry", "fearful", "disgusted", "surprised", "calm", "whisper"),
                 "text_normalization": flag, "latex_read": flag}
AUDIO_SETTING = {"sample_rate": among(*RATES_MINIMAX), "bitrate": among(32000, 64000, 128000, 256000),
                 "format": among("mp3", "pcm", "flac", "wav"), "channel": among(1), "force_cbr": flag}

_BOTH = ("Cherry Serena Ethan Chelsie Momo Vivian Moon Maia Kai Nofish Bella|Eldric Sage|Mia Mochi Bellona Vincent Bunny Neil Elias Arthur Nini "
         "Seren Pip Stella")
_FLASH_ONLY = ("Jennifer Ryan Katerina Aiden Bodega Sonrisa Alek Dolce Sohee|Ono Anna|Lenn Emilien Andre|Radio Gol|Jada Dylan Li Marcus Roy Peter "
               "Sunny Eric Rocky Kiki")


def _names(words: str) -> FrozenSet[str]:
    """Voices between bars have a space in their names."""
    found = []
    for part in words.split("|"):
        found += [part] if part in ("Eldric Sage", "Ono Anna", "Radio Gol") else part.split()
    return frozenset(found)


_INSTRUCT_VOICES = _names(_BOTH)
_FLASH_VOICES = _INSTRUCT_VOICES | _names(_FLASH_ONLY)
_OLD_VOICES = _names("Cherry Ethan Nofish Elias Jennifer Ryan Katerina Jada Dylan Li Marcus Roy Peter Sunny Eric Rocky Kiki")
_FOUR = _names("Cherry Serena Ethan Chelsie")
_LATER = _FOUR | _names("Jada Dylan Sunny")
_V3 = _names("longanyang longanhuan longhuhu_v3 longanhuan_v3 longpaopao_v3 longjielidou_v3 longxian_v3 longling_v3 longjiaxin_v3 longanyue_v3 "
             "longlaotie_v3 loongkyong_v3 loongriko_v3 loongabby_v3 longfei_v3 longxiaochun_v3 longanwen_v3 longmiao_v3 longsanshu_v3 longshu_v3")
_V2 = _names("longxiaochun_v2 longxiaoxia_v2 longwan_v2 longshu_v2 longlaotie_v2 loongbella_v2 longanli longanwen")
_PLUS = _names("longanlingxin longanlufeng")
_AUDIO = _names("longanfengyue longanyuanfei longanlingxi longanxiaoxin longanhuan_v3.6 longjielidou_v3.6 longpaopao_v3.6 longhuohuo_v3.6 "
                "longchuanshu_v3.6 loongmary loongeva_v3.6 loongjohn")
_AUDIO31 = _names("longanhuan_v3.1 longanlingxin_v3.1 longanfengyue_v3.1 xunanchuan_v3.1 Emily_v3.1 Abby_v3.1 longsanshu_v3.1")

_FLASH = SpeechModel("qwen3-tts-flash", "A", "qwen", {**_QWEN, **_LANGUAGE}, {**_QWEN_SOUND, **_SDK}, _FLASH_VOICES, own=False)


def _like(model: SpeechModel, name: str, **changes: Any) -> SpeechModel:
    return SpeechModel(**{**model.__dict__, "name": name, **changes})


_INSTR = _like(_FLASH, "qwen3-tts-instruct-flash", input={**_FLASH.input, **_INSTRUCT}, parameters={**_FLASH.parameters, **_INSTRUCT},
               voices=_INSTRUCT_VOICES)
_VC = _like(_FLASH, "qwen3-tts-vc-2026-01-22", voices=frozenset(), custom=True, own=True)
_OLD = SpeechModel("qwen-tts", "A", "qwen", _QWEN, _SDK, _FOUR, own=False, tokens=True)
_V35 = SpeechModel("cosyvoice-v3.5-plus", "B", "cosy", _cosy(RATES_B), {}, frozenset(), custom=True, form="mp3", rate=22050)
_A30 = SpeechModel("qwen-audio-3.0-tts-flash", "B", "cosy", _cosy(RATES_AUDIO), {}, _AUDIO, form="mp3", rate=22050)
NEXT_SOUND = {"format": among("wav", "mp3", "pcm"), "sample_rate": among(*RATES_AUDIO), "channels": among(1, 2),
              "volume": between(0, 100, True), "rate": between(0.5, 2), "seed": between(0, 65535, True),
              "bit_rate": between(6, 510, True), "enable_cbr": flag, "quality": anything, "enable_aigc_tag": flag}
_NEXT = SpeechModel("qwen-audio-3.1-tts-next", "B", "next", {"text_prompt": text, "references": anything, **NEXT_SOUND},
                    NEXT_SOUND, frozenset(), own=False, form="wav", rate=48000)
_MM = SpeechModel("MiniMax/speech-2.8-hd", "A", "minimax", _MINIMAX, {}, frozenset(("male-qn-qingse",)), form="mp3", rate=32000)

SPEECH_MODELS: Dict[str, SpeechModel] = {model.name: model for model in (
    _FLASH, _like(_FLASH, "qwen3-tts-flash-2025-11-27"), _like(_FLASH, "qwen3-tts-flash-2025-09-18", voices=_OLD_VOICES),
    _INSTR, _like(_INSTR, "qwen3-tts-instruct-flash-2026-01-26"), _VC, _like(_VC, "qwen3-tts-vd-2026-01-26"),
    _OLD, _like(_OLD, "qwen-tts-2025-04-10"), _like(_OLD, "qwen-tts-latest", voices=_LATER), _like(_OLD, "qwen-tts-2025-05-22", voices=_LATER),
    _V35, _like(_V35, "cosyvoice-v3.5-flash"), _like(_V35, "cosyvoice-v3-plus", voices=_names("longanyang longanhuan"), custom=False),
    _like(_V35, "cosyvoice-v3-flash", voices=_V3, custom=False),
    _like(_V35, "cosyvoice-v2", voices=_V2, custom=False, input=_cosy(RATES_B, instruction=False)),
    _like(_A30, "qwen-audio-3.0-tts-plus", voices=_PLUS), _A30, _like(_A30, "qwen-audio-3.1-tts-flash", voices=_AUDIO31, tokens=True),
    _NEXT, _MM, _like(_MM, "MiniMax/speech-2.8-turbo"), _like(_MM, "MiniMax/speech-02-hd"), _like(_MM, "MiniMax/speech-02-turbo"))}


def is_speech(name: Any) -> bool:
    return isinstance(name, str) and (name in SPEECH_MODELS or name.startswith(("qwen3-tts-", "qwen-tts", "MiniMax/speech", "cosyvoice-",
                                                                                  "qwen-audio-")))
