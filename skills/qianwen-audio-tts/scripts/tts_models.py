"""The speech models of DashScope as data, and the lookup of a model id's row.

Source: sections 0.1, 2.1, 3, 4, 6, 7.1 and 8 of the speech contract (documents of 2026-05 to 2026-10). Data, not law: a
model id that is not here takes the row of its longest matching prefix, with a warning.
"""
from __future__ import annotations

from collections import namedtuple

from shared import models
from shared.failures import usage

TABLE_DATE = "2026-10"
DEFAULT_MODEL = "qwen3-tts-flash"

GENERATION = "/services/aigc/multimodal-generation/generation"
SYNTHESIZER = "/services/audio/tts/SpeechSynthesizer"
CUSTOMIZATION = "/services/audio/tts/customization"

# Where a flag's value goes on the wire. kind: "text", "number", "whole", "names" (a language as an English word), "codes"
# (a language in a list of codes), "boost" (a language as MiniMax calls it). low, high: the legal range; above: low is out.
Field = namedtuple("Field", "path kind low high above", defaults=("text", 0, 0, False))

# wire: the dialect of answers, "qwen" and "cosy" in base64, "minimax" in hex. fields: flag -> Field. formats: our name ->
# the wire's, None where nothing is sent. rates: legal sample rates; rate: the one that is asked for, 0: none is sent.
# part: counting units of one call; most: the service's own limit, 0 where none is known. voice: the default, '' where only
# custom voices exist. unproven: flags that the service takes for a sibling and does not document for this model.
# instruction: the most counting units of an instruction, 0: no limit. scripted: system voices take fixed sentences alone.
# tags: whether [tags] in the text steer the voice. ssml: whether it may be SSML. per_minute: calls that the service takes.
Model = namedtuple("Model", "id path wire fields formats rates rate part most voice unproven instruction scripted tags ssml "
                   "per_minute", defaults=(frozenset(), 0, False, False, False, 180))

_QWEN_LANGUAGE = Field("input.language_type", "names")
_QWEN_SOUND = {"format": Field("parameters.response_format"), "sample_rate": Field("parameters.sample_rate", "whole"),
               "speed": Field("parameters.speech_rate", "number", 0.5, 2.0)}
_QWEN_RATES = (8000, 16000, 24000, 48000)
_LOCAL = {"wav": None, "pcm": None}  # WAV is the default, and PCM is a WAV without its header
_QWEN_FORMATS = {**_LOCAL, "mp3": "mp3", "opus": "opus"}

FLASH = Model("qwen3-tts-flash", GENERATION, "qwen", {"language": _QWEN_LANGUAGE, **_QWEN_SOUND}, _QWEN_FORMATS, _QWEN_RATES,
              0, 600, 600, "Cherry")
_UNPROVEN = frozenset(_QWEN_SOUND)
INSTRUCT = FLASH._replace(id="qwen3-tts-instruct-flash", unproven=_UNPROVEN, fields={
    **FLASH.fields, "instructions": Field("input.instructions")})
VC = FLASH._replace(id="qwen3-tts-vc", voice="", unproven=_UNPROVEN)
VD = VC._replace(id="qwen3-tts-vd")
QWEN_TTS = Model("qwen-tts", GENERATION, "qwen", {}, _LOCAL, (), 0, 400, 0, "Cherry", per_minute=10)

_COSY_FIELDS = {
    "language": Field("input.language_hints", "codes"), "format": Field("input.format"),
    "sample_rate": Field("input.sample_rate", "whole"), "speed": Field("input.rate", "number", 0.5, 2.0),
    "pitch": Field("input.pitch", "number", 0.5, 2.0), "volume": Field("input.volume", "whole", 0, 100),
    "seed": Field("input.seed", "whole", 0, 65535), "instructions": Field("input.instruction")}
_COSY_FORMATS = {"wav": "wav", "pcm": "pcm", "mp3": "mp3", "opus": "opus"}
_COSY_RATES = (8000, 16000, 22050, 24000, 44100, 48000)
_AUDIO_RATES = (8000, 12000, 16000, 22050, 24000, 44100, 48000)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_COSY_PLAIN = {name: field for name, field in _COSY_FIELDS.items() if name != "instructions"}

COSY35 = Model("cosyvoice-v3.5-plus", SYNTHESIZER, "cosy", _COSY_FIELDS, _COSY_FORMATS, _COSY_RATES, 24000, 240, 20000, "",
               instruction=100, ssml=True)
COSY3 = COSY35._replace(id="cosyvoice-v3-flash", voice="longanyang", scripted=True)
COSY2 = COSY35._replace(id="cosyvoice-v2", voice="longxiaochun_v2", fields=_COSY_PLAIN, instruction=0)
AUDIO3 = Model("qwen-audio-3.0-tts-flash", SYNTHESIZER, "cosy", _COSY_FIELDS, _COSY_FORMATS, _AUDIO_RATES, 24000, 2000, 20000,
               "longanlingxi", tags=True)

_MINIMAX_FIELDS = {
    "language": Field("input.language_boost", "boost"), "format": Field("input.audio_setting.format"),
    "sample_rate": Field("input.audio_setting.sample_rate", "whole"),
    "speed": Field("input.voice_setting.speed", "number", 0.5, 2.0),
    "pitch": Field("input.voice_setting.pitch", "whole", -12, 12),
    "volume": Field("input.voice_setting.vol", "number", 0, 10, True)}
MINIMAX = Model("MiniMax/speech-2.8-hd", GENERATION, "minimax", _MINIMAX_FIELDS,
                {"wav": "wav", "pcm": "pcm", "mp3": "mp3", "flac": "flac"}, (8000, 16000, 22050, 24000, 32000, 44100), 32000, 2900,
                9999, "male-qn-qingse", per_minute=20)

MODELS = (
    FLASH, FLASH._replace(id="qwen3-tts-flash-2025-11-27"), FLASH._replace(id="qwen3-tts-flash-2025-09-18", per_minute=10),
    INSTRUCT, INSTRUCT._replace(id="qwen3-tts-instruct-flash-2026-01-26"),
    VC._replace(id="qwen3-tts-vc-2026-01-22"), VD._replace(id="qwen3-tts-vd-2026-01-26"),
    QWEN_TTS, QWEN_TTS._replace(id="qwen-tts-latest"), QWEN_TTS._replace(id="qwen-tts-2025-05-22"),
    QWEN_TTS._replace(id="qwen-tts-2025-04-10"),
    AUDIO3._replace(id="qwen-audio-3.0-tts-plus", voice="longanlingxin"), AUDIO3,
    AUDIO3._replace(id="qwen-audio-3.1-tts-flash", voice="longanhuan_v3.1"),
    COSY35, COSY35._replace(id="cosyvoice-v3.5-flash"), COSY3._replace(id="cosyvoice-v3-plus"), COSY3, COSY2,
    MINIMAX, MINIMAX._replace(id="MiniMax/speech-2.8-turbo"), MINIMAX._replace(id="MiniMax/speech-02-hd"),
    MINIMAX._replace(id="MiniMax/speech-02-turbo"),
)
FAMILIES = (  # for ids that are newer than the table
    FLASH._replace(id="qwen3-tts"), INSTRUCT._replace(id="qwen3-tts-instruct"), VC, VD, FLASH._replace(id="qwen"), QWEN_TTS,
    AUDIO3._replace(id="qwen-audio"), COSY3._replace(id="cosyvoice", voice="", scripted=False),
    MINIMAX._replace(id="MiniMax"), FLASH._replace(id=""))
_SOCKET_ONLY = ("cosyvoice-v1", "sambert-", "-realtime")  # WebSocket models: no HTTP (speech contract 5)


def find_model(name: str) -> tuple:
    """(the row of a model id, a warning or ''). Raises usage for an id that only lacks its vendor or its right letters."""
    row = next((row for row in MODELS if row.id == name), None)
    if row:
        return row, ""
    meant = next((row.id for row in MODELS if row.id.lower() in (name.lower(), f"minimax/{name.lower()}")), "")
    if meant:
        raise usage(f"--model {name} is no model id: an id counts to the letter, upper and lower case and vendor included", f"take --model {meant}")
    family = models.longest_prefix(name, (*FAMILIES, *MODELS))
    return family._replace(id=name, most=0), models.unknown(name, family, TABLE_DATE)


def is_socket_only(name: str) -> bool:
    """Whether a model is spoken to over a WebSocket alone, which these scripts do not have."""
    lower = name.lower()
    return any(part in lower for part in _SOCKET_ONLY)


def models_that(take: str) -> str:
    """The models that take a flag, for an error message."""
    return ", ".join(row.id for row in MODELS if take in row.fields and take not in row.unproven)


# ---- languages -------------------------------------------------------------------------------------------------------

NAMES = {"zh": "Chinese", "en": "English", "de": "German", "it": "Italian", "pt": "Portuguese", "es": "Spanish",
         "ja": "Japanese", "ko": "Korean", "fr": "French", "ru": "Russian"}  # speech contract 3.2
_COSY_CODES = ("zh", "en", "fr", "de", "ja", "ko", "ru", "pt", "th", "id", "vi")  # 4.1
_AUDIO_CODES = (*_COSY_CODES, "es", "it", "ms", "fil", "ar")  # 6.2
_MORE_NAMES = {**NAMES, "th": "Thai", "id": "Indonesian", "vi": "Vietnamese", "ms": "Malay", "fil": "Filipino", "ar": "Arabic"}
_BOOST = {**_MORE_NAMES, "yue": "Chinese,Yue"}  # 8.1: some forty names, of which it shows few


def language_of(text: str, model: Model) -> str:
    """A language as the model's service writes it, from a code or an English name; '' for auto where nothing is sent.

    Raises ValueError with the legal values.
    """
    kind = model.fields["language"].kind
    given = text.strip().lower()
    code = next((code for code, name in _BOOST.items() if given in (code, name.lower())), given.partition("-")[0])
    if given == "auto":
        return {"names": "Auto", "boost": "auto", "codes": ""}[kind]
    if kind == "boost":
        return _BOOST.get(code) or text.strip()
    legal = NAMES if kind == "names" else _AUDIO_CODES if model.tags else _COSY_CODES
    if code not in legal:
        raise ValueError(", ".join((*sorted(legal), "auto")))
    return NAMES[code] if kind == "names" else code
