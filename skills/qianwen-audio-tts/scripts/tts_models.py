"""The speech models of DashScope as data, and the lookup of a model id's row.

Source: sections 0.1, 2.1, 3, 4, 6, 7.1, 8, 9.9 and 11 of the speech contract, and sections 1, 2 and 6 of its
updates of November 2026, which are right where they differ. Data, not law: a model id that is not here takes
the row of its longest matching prefix, with a warning.
"""
from __future__ import annotations

from collections import namedtuple

from shared.failures import usage
from shared.models import Table
from shared.money.cost import BEIJING

AS_OF = "2026-10-09"
DEFAULT_MODEL = "qwen3-tts-flash"

GENERATION = "/services/aigc/multimodal-generation/generation"
SYNTHESIZER = "/services/audio/tts/SpeechSynthesizer"
CUSTOMIZATION = "/services/audio/tts/customization"
SINGAPORE = "ap-southeast-1"

NAMES = {  # speech contract 3.2
    "zh": "Chinese", "en": "English", "de": "German", "it": "Italian", "pt": "Portuguese", "es": "Spanish",
    "ja": "Japanese", "ko": "Korean", "fr": "French", "ru": "Russian"}

# Where a flag's value goes on the wire. kind: "text", "number", "whole", "names" (a language as an English
# word), "codes" (a language in a list of codes), "boost" (a language as MiniMax calls it). low, high: the
# legal range; above: low is out.
Field = namedtuple("Field", "path kind low high above", defaults=("text", 0, 0, False))

# wire: the dialect of answers, "qwen" and "cosy" in base64, "minimax" in hex. fields: flag -> Field.
# formats: our name -> the wire's, None where nothing is sent. rates: legal sample rates; rate: the one that
# is asked for, 0: none is sent. part: counting units of one call; most: the service's own limit, 0 where
# none is known. group: whose voices it has, a name in tts_voice_lists.py; '' where only custom voices
# exist, None where that is not known. voice: the default, one of its group, '' where it has none. unproven:
# flags that the service takes for a sibling and does not document for this model. instruction: the most
# counting units of an instruction, 0: no limit. scripted: system voices take fixed sentences alone;
# own_follow: whether custom voices follow instructions. tags: whether [tags] in the text steer the voice.
# ssml: whether it may be SSML; ssml_own: whether all documents say so of voices cloned for it. per_minute:
# calls that the service takes. says: the field of `input` that takes the text; where it is a prompt, nobody
# is named as its voice and nothing is streamed; longest: seconds that it becomes at most. price: None where
# none is known. service: the one that makes voices of one's own for it, '' where none does; recorded: the
# languages that a recording for it may have; designed: whether a description may stand in place of the
# recording. retired: the first day without the model, as announced, or ''; successor: the id to use instead.
# regions: where it is documented over HTTP, none where that is not known. units_a_minute: counting units
# that the service takes, 0: no limit is known.
Model = namedtuple(
    "Model",
    "id path wire fields formats rates rate part most group voice unproven instruction scripted own_follow "
    "tags ssml ssml_own per_minute says price service recorded designed retired successor regions "
    "units_a_minute longest",
    defaults=(frozenset(), 0, False, True, False, False, False, 180, "text", None, "", tuple(NAMES), True, "",
              "", (BEIJING,), 0, 0))

# CNY for 10,000 counting units in Beijing (each) and in Singapore (abroad), None where no price is known, as
# that of CosyVoice, whose list for Singapore means the WebSocket interface. tokens_in, tokens_out: CNY for a
# million tokens, in Beijing.
Price = namedtuple("Price", "each abroad tokens_in tokens_out", defaults=(None, None, 0.0, 0.0))

ENROLLMENT, QWEN_ENROLLMENT = "voice-enrollment", "qwen-voice-enrollment"
QWEN_DESIGN, MINIMAX_CLONING = "qwen-voice-design", "MiniMax"

_QWEN_LANGUAGE = Field("input.language_type", "names")
_QWEN_SOUND = {"format": Field("parameters.response_format"),
               "sample_rate": Field("parameters.sample_rate", "whole"),
               "speed": Field("parameters.speech_rate", "number", 0.5, 2.0)}
_QWEN_RATES = (8000, 16000, 24000, 48000)
_LOCAL = {"wav": None, "pcm": None}  # WAV is the default, and PCM is a WAV without its header
_QWEN_FORMATS = {**_LOCAL, "mp3": "mp3", "opus": "opus"}

FLASH = Model("qwen3-tts-flash", GENERATION, "qwen", {"language": _QWEN_LANGUAGE, **_QWEN_SOUND},
              _QWEN_FORMATS, _QWEN_RATES, 0, 600, 600, "qwen3-tts-flash", "Cherry",
              price=Price(0.8, 0.733924), regions=(BEIJING, SINGAPORE))
_UNPROVEN = frozenset(_QWEN_SOUND)
INSTRUCT = FLASH._replace(id="qwen3-tts-instruct-flash", group="qwen3-tts-instruct-flash",
                          unproven=_UNPROVEN, price=Price(0.8, 0.8),
                          fields={**FLASH.fields, "instructions": Field("input.instructions")})
VC = FLASH._replace(id="qwen3-tts-vc", group="", voice="", unproven=_UNPROVEN, price=Price(0.8, 0.8),
                    service=QWEN_ENROLLMENT)
VD = VC._replace(id="qwen3-tts-vd", service=QWEN_DESIGN)
QWEN_TTS = Model("qwen-tts", GENERATION, "qwen", {}, _LOCAL, (), 0, 400, 0, "qwen-tts", "Cherry",
                 per_minute=10, price=Price(tokens_in=1.6, tokens_out=10))

_COSY_FIELDS = {
    "language": Field("input.language_hints", "codes"), "format": Field("input.format"),
    "sample_rate": Field("input.sample_rate", "whole"), "speed": Field("input.rate", "number", 0.5, 2.0),
    "pitch": Field("input.pitch", "number", 0.5, 2.0), "volume": Field("input.volume", "whole", 0, 100),
    "seed": Field("input.seed", "whole", 0, 65535), "instructions": Field("input.instruction")}
_COSY_FORMATS = {"wav": "wav", "pcm": "pcm", "mp3": "mp3", "opus": "opus"}
_COSY_RATES = (8000, 16000, 22050, 24000, 44100, 48000)
_AUDIO_RATES = (8000, 12000, 16000, 22050, 24000, 44100, 48000)
ANY_RATE = range(1000, 1_000_000)  # samples a second that a header of WAV may tell
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_COSY_RECORDED = ("zh", "en", "fr", "de", "ja", "ko", "ru")  # speech contract 9.2
_COSY_PLAIN = {name: field for name, field in _COSY_FIELDS.items() if name != "instructions"}

COSY35 = Model("cosyvoice-v3.5-plus", SYNTHESIZER, "cosy", _COSY_FIELDS, _COSY_FORMATS, _COSY_RATES, 24000,
               240, 20000, "", "", instruction=100, ssml=True, price=Price(1.5), service=ENROLLMENT,
               recorded=(*_COSY_RECORDED, "pt", "th", "id", "vi"))
COSY3 = COSY35._replace(id="cosyvoice-v3-flash", group="cosyvoice-v3-flash", voice="longanyang",
                        scripted=True, ssml_own=True, price=Price(1))
COSY3_PLUS = COSY3._replace(id="cosyvoice-v3-plus", group="cosyvoice-v3-plus", own_follow=False,
                            recorded=_COSY_RECORDED, price=Price(2))
COSY2 = COSY35._replace(id="cosyvoice-v2", group="cosyvoice-v2", voice="longxiaochun_v2", fields=_COSY_PLAIN,
                        instruction=0, recorded=_COSY_RECORDED, designed=False, price=Price(2))
AUDIO3 = Model("qwen-audio-3.0-tts-flash", SYNTHESIZER, "cosy", _COSY_FIELDS, _COSY_FORMATS, _AUDIO_RATES,
               24000, 2000, 20000, "qwen-audio-3.0-tts-flash", "longanlingxi", tags=True,
               price=Price(1.0, 1.12413), service=ENROLLMENT,
               recorded=(*COSY35.recorded, "es", "it", "ms", "fil", "ar"),
               regions=(BEIJING, SINGAPORE))  # Singapore by its price list, updates, section 6
_NEXT_FIELDS = {name: _COSY_FIELDS[name] for name in ("format", "sample_rate", "speed", "volume", "seed")}
NEXT = Model("qwen-audio-3.1-tts-next", SYNTHESIZER, "cosy", _NEXT_FIELDS,
             {"wav": "wav", "pcm": "pcm", "mp3": "mp3"}, _AUDIO_RATES, 48000, 1000, 3000, "", "", tags=True,
             says="text_prompt", price=Price(tokens_in=6, tokens_out=12),
             longest=240)  # of a podcast, else 120; nothing in a request tells which it becomes

_MINIMAX_FIELDS = {
    "language": Field("input.language_boost", "boost"), "format": Field("input.audio_setting.format"),
    "sample_rate": Field("input.audio_setting.sample_rate", "whole"),
    "speed": Field("input.voice_setting.speed", "number", 0.5, 2.0),
    "pitch": Field("input.voice_setting.pitch", "whole", -12, 12),
    "volume": Field("input.voice_setting.vol", "number", 0, 10, True)}
MINIMAX = Model("MiniMax/speech-2.8-hd", GENERATION, "minimax", _MINIMAX_FIELDS,
                {"wav": "wav", "pcm": "pcm", "mp3": "mp3", "flac": "flac"},
                (8000, 16000, 22050, 24000, 32000, 44100), 32000, 2900, 9999, "MiniMax/speech",
                "male-qn-qingse", per_minute=20, price=Price(3.5), service=MINIMAX_CLONING,
                units_a_minute=20_000)


def _gone(row: Model, successor: str, *names: str, **changes) -> tuple:
    """The rows of ids that are announced as retired."""
    return tuple(row._replace(id=name, retired=RETIRED, successor=successor, **changes) for name in names)


RETIRED = "2026-10-10"  # updates, section 1
MODELS = (
    FLASH,
    AUDIO3._replace(id="qwen-audio-3.0-tts-plus", group="qwen-audio-3.0-tts-plus", voice="longanlingxin",
                    price=Price(1.4, 1.49884)),
    AUDIO3,
    AUDIO3._replace(id="qwen-audio-3.1-tts-flash", group="qwen-audio-3.1-tts-flash", voice="longanhuan_v3.1",
                    price=Price(tokens_in=1.5, tokens_out=12), regions=(BEIJING,)),
    NEXT,
    COSY35, COSY35._replace(id="cosyvoice-v3.5-flash", price=Price(0.8)),
    COSY3_PLUS, COSY3, COSY2,
    MINIMAX, MINIMAX._replace(id="MiniMax/speech-2.8-turbo", price=Price(2)),
    MINIMAX._replace(id="MiniMax/speech-02-hd"),
    MINIMAX._replace(id="MiniMax/speech-02-turbo", price=Price(2)),
    *_gone(FLASH, "cosyvoice-v3.5-plus", "qwen3-tts-flash-2025-11-27"),
    *_gone(FLASH, "cosyvoice-v3.5-plus", "qwen3-tts-flash-2025-09-18", per_minute=10,
           group="qwen3-tts-flash-2025-09-18"),
    *_gone(INSTRUCT, "cosyvoice-v3.5-plus", "qwen3-tts-instruct-flash",
           "qwen3-tts-instruct-flash-2026-01-26"),
    *_gone(VC, "cosyvoice-v3.5-plus", "qwen3-tts-vc-2026-01-22"),
    *_gone(VD, "cosyvoice-v3.5-plus", "qwen3-tts-vd-2026-01-26"),
    *_gone(QWEN_TTS, "cosyvoice-v3-flash", "qwen-tts", "qwen-tts-2025-04-10"),
    *_gone(QWEN_TTS, "cosyvoice-v3-flash", "qwen-tts-latest", "qwen-tts-2025-05-22",
           group="qwen-tts-latest"),
    *_gone(COSY3, "cosyvoice-v3.5-plus", "cosyvoice-v3", group=None, voice="", scripted=False, price=None),
)
FAMILIES = (  # for ids that are newer than the table; where their group is not known, any voice passes
    *(row._replace(id=name, group=None) for name, row in (
        ("qwen3-tts", FLASH), ("qwen3-tts-instruct", INSTRUCT), ("qwen", FLASH), ("qwen-audio", AUDIO3),
        ("cosyvoice", COSY3._replace(voice="", scripted=False)), ("MiniMax", MINIMAX), ("", FLASH))),
    VC, VD, QWEN_TTS, COSY35._replace(id="cosyvoice-v3.5"), MINIMAX._replace(id="MiniMax/speech"))


def _free(row: Model, priced: Model | None) -> Model:
    """The row of an id that is newer than the table: its longest text and its regions are not known."""
    return row._replace(most=0, price=priced and priced.price, regions=())


def price_words(price: Price | None) -> str:
    """A price in a few words, '' where none is known."""
    if price is None or price.each is None and not price.tokens_out:
        return ""
    if price.tokens_out:
        return f"{price.tokens_in:g} CNY a million tokens of text, {price.tokens_out:g} of sound"
    return f"{price.each:g} CNY for 10,000 characters"


def _does(row: Model) -> list:
    """What a model does, in words for --models."""
    found = {"makes speech from a description": row.says != "text", "system voices": row.group,
             "own voices": row.service, "instructions": "instructions" in row.fields, "tags": row.tags,
             "ssml": row.ssml}
    return [word for word, does in found.items() if does]


def _describe(row: Model) -> dict:
    """What --models says of a row."""
    limits = {"characters_a_call": row.most or row.part, "calls_a_minute": row.per_minute,
              "formats": tuple(row.formats)}
    return {"does": _does(row), "limits": limits, "price": price_words(row.price)}


TABLE = Table(MODELS, FAMILIES, AS_OF, _free, _describe)
_SOCKET_ONLY = ("cosyvoice-v1", "sambert-", "-realtime")  # WebSocket models: no HTTP (speech contract 5)


def find_model(name: str) -> tuple:
    """(the row of a model id, a warning or '').
    Raises usage for an id that only lacks its vendor or its right letters."""
    meant = next((row.id for row in TABLE.live()
                  if row.id.lower() in (name.lower(), f"minimax/{name.lower()}")), name)
    if TABLE.row(name) is None and meant != name:
        raise usage(f"--model {name} is not a model id: "
                    "an id must match exactly, upper and lower case and vendor included",
                    f"take --model {meant}")
    return TABLE.find(name)


def out_of_region(model: Model, endpoint, source: str, own: bool = False) -> tuple:
    """(a warning, what to do) where a model is documented for other regions than the endpoint's, else ().
    `source` says what chose the endpoint; `own`: a voice is to be made for the model."""
    here = endpoint.region
    if not model.regions or not here or here in model.regions:
        return ()
    others = TABLE.names(lambda row: here in row.regions and (row.service or not own))
    unset = " and unset QWEN_BASE_URL" if source.startswith("QWEN_BASE_URL") else ""
    return (f"over HTTP {model.id} is documented for {' and '.join(model.regions)} alone, "
            f"and {endpoint.host} is in {here}: the service may refuse it",
            f"with a key of {model.regions[0]} set QWEN_REGION={model.regions[0]}{unset}"
            + (f"; or use a model of {here}: {others}" if others else ""))


def is_socket_only(name: str) -> bool:
    """Whether a model is only available over a WebSocket, which these scripts do not have."""
    lower = name.lower()
    return any(part in lower for part in _SOCKET_ONLY)


def models_that(take: str) -> str:
    """The models that take a flag, for an error message."""
    return TABLE.names(lambda row: take in row.fields and take not in row.unproven)


# ---- languages -----------------------------------------------------------------------------------------

_CODES = ("zh", "en", "fr", "de", "ja", "ko", "ru", "pt", "th", "id", "vi",  # 4.1
          "es", "it", "ms", "fil", "ar")  # updates, section 6
_MORE_NAMES = {**NAMES, "th": "Thai", "id": "Indonesian", "vi": "Vietnamese", "ms": "Malay",
               "fil": "Filipino", "ar": "Arabic"}
_BOOST = {**_MORE_NAMES, "yue": "Chinese,Yue"}  # 8.1: some forty names, of which it shows few
_ALSO = {"mandarin": "zh", "中文": "zh", "cantonese": "yue", "粤语": "yue"}


def language_of(text: str, model: Model) -> str:
    """A language as the model's service writes it, from a code or an English name;
    '' for auto where nothing is sent.

    Raises ValueError with the legal values.
    """
    kind = model.fields["language"].kind
    given = text.strip().lower()
    given = _ALSO.get(given, given)
    code = next((code for code, name in _BOOST.items() if given in (code, name.lower())),
                given.partition("-")[0])
    if given == "auto":
        return {"names": "Auto", "boost": "auto", "codes": ""}[kind]
    if kind == "boost":
        return _BOOST.get(code) or text.strip()
    legal = NAMES if kind == "names" else _CODES
    if code not in legal:
        raise ValueError(", ".join((*sorted(legal), "auto")))
    return NAMES[code] if kind == "names" else code
