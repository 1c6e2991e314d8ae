"""What is asked for, and the pure builder that turns it into a request of the model's family. No I/O here.

Source: sections 1.2, 2, 3.2, 3.3, 4.1, 6 and 8.1 of the speech contract.
"""
from __future__ import annotations

import copy
import json
import re
from collections import namedtuple
from dataclasses import dataclass, field

from shared.body import apply_native_settings, apply_settings, object_in
from shared.cli.commands import quoted
from shared.failures import usage
from tts_models import ANY_RATE, DEFAULT_MODEL, OPUS_RATES, TABLE, is_socket_only, language_of, models_that
from tts_text import units, without_marks

STREAM_ABOVE = 300  # counting units; longer texts take minutes in one whole answer (speech contract 1.7)
FORMATS = ("wav", "mp3", "pcm", "opus", "flac")
DIRECTORY_FORMATS = {"wav": "wav", "mp3": "mp3", "pcm": "pcm", "opus": "opus", "ogg": "opus", "flac": "flac"}

# A request, ready but for the host. stream: whether it answers in events; form: the format of the file; rate:
# the sample rate that was asked for or is the service's default, and channels their number, for PCM that has
# no header.
class Call(namedtuple("Call", "path body stream form rate channels", defaults=(1,))):
    __slots__ = ()

    @property
    def text(self) -> str:
        """The words that are sent."""
        return self.body["input"].get("text") or self.body["input"].get("text_prompt", "")

    @property
    def billed(self) -> str:
        """The words that are billed: SSML's marks are not (speech contract 2.2)."""
        return without_marks(self.text) if self.body["input"].get("enable_ssml") else self.text


_FLAG_FIELDS = ("language", "sample_rate", "speed", "pitch", "volume", "seed", "instructions")
# of the input of path A
_TOP = ("text", "voice", "language_type", "instructions", "optimize_instructions", "action")


@dataclass
class Ask:
    """What the user wants, independent of any model. Fields left at None are not sent."""

    text: str = ""
    model: str | None = None
    voice: str | None = None
    language: str | None = None
    instructions: str | None = None
    format: str | None = None
    sample_rate: int | None = None
    speed: float | None = None
    pitch: float | None = None
    volume: float | None = None
    seed: int | None = None
    ssml: bool = False
    request: dict | None = None
    settings: list = field(default_factory=list)

    def model_name(self) -> str:
        return self.model or (self.request or {}).get("model") or DEFAULT_MODEL

    def is_marked(self) -> bool:
        """Whether the text is SSML, by --ssml, --set or --request: it is one document then, never cut."""
        told = [value for keys, value in self.settings if keys[-1] == "enable_ssml"]
        return self.ssml or bool(told[-1] if told else self.given_input("enable_ssml"))

    def refers(self) -> bool:
        """Whether the text cites recordings, all of which one call has to cite."""
        return bool(self.given_input("references") or any("references" in keys for keys, _ in self.settings))

    def given_input(self, name: str):
        """A value of the `input` of --request, or None."""
        return object_in(self.request, "input").get(name)


def check(ask: Ask, model) -> list:
    """Refuse what the service would refuse or silently ignore; return warnings. Nothing has been sent."""
    if is_socket_only(model.id):
        raise usage(f"{model.id} is only available over a WebSocket",
                    f"use a model with HTTP, for example {DEFAULT_MODEL} or cosyvoice-v3-flash")
    for name in _FLAG_FIELDS:
        if getattr(ask, name) is not None:
            _check_field(ask, model, name)
    if ask.format and ask.format not in model.formats:
        raise usage(f"--format {ask.format} is not possible with {model.id}",
                    f"legal: {', '.join(model.formats)}")
    _check_rate(ask, model)
    _check_instructions(ask, model)
    if ask.ssml:
        _check_ssml(ask, model)
    doubted = [name for name in ("format", "sample_rate", "speed") if getattr(ask, name) is not None
               and name in model.unproven and _is_sent(ask, model, name)]
    return [f"--{name.replace('_', '-')} is not documented for {model.id}, but works with {_sibling(name)}; "
            "listen whether it had an effect" for name in doubted]


def _sibling(name: str) -> str:
    return models_that(name).split(",")[0]


def _is_sent(ask: Ask, model, name: str) -> bool:
    return name != "format" or model.formats[ask.format] is not None


def _check_field(ask: Ask, model, name: str) -> None:
    flag, value = "--" + name.replace("_", "-"), getattr(ask, name)
    if name not in model.fields:
        raise usage(f"{flag} has no effect with {model.id}, which would ignore it",
                    f"models that take it: {models_that(name)}{_instead(model, name)}")
    place = model.fields[name]
    if place.kind == "whole" and value != int(value):
        raise usage(f"{flag} {value} is not a whole number, as {model.id} needs it", _range(place))
    too_low = place.high and not (place.low < value if place.above else place.low <= value)
    if too_low or (place.high and value > place.high):
        raise usage(f"{flag} {value:g} is outside what {model.id} takes", _range(place))
    if name == "language":
        try:
            language_of(value, model)
        except ValueError as error:
            raise usage(f"--language {value} is not one that {model.id} takes",
                        _of_dialects(value) or f"give a code or its English name; legal: {error}") from None


def _of_dialects(language: str) -> str:
    """What to do for a dialect, which is not a language of the text; '' for all else."""
    from tts_voices import is_dialect
    if not is_dialect(language):
        return ""
    return ("leave --language out, because a dialect comes from the text and the voice; "
            f"--list-voices --language {quoted(language)} shows the voices that speak it")


def _instead(model, name: str) -> str:
    if name == "instructions" and model.wire == "minimax":
        return "; this one has emotions: --set voice_setting.emotion=happy"
    if name in ("speed", "pitch", "volume") and "instructions" in model.fields:
        return "; with this one say it in --instructions"
    return ""


def _range(place) -> str:
    above, whole = "above " if place.above else "", ", whole numbers" if place.kind == "whole" else ""
    return f"legal: {above}{place.low:g} to {place.high:g}{whole}"


def _check_rate(ask: Ask, model) -> None:
    rate = ask.sample_rate
    if rate is None:
        return
    legal = OPUS_RATES if ask.format == "opus" and model.wire == "cosy" else model.rates
    if rate not in legal:
        opus = " for opus" if legal is OPUS_RATES else ""
        raise usage(f"--sample-rate {rate} is not one that {model.id} takes{opus}",
                    f"legal: {', '.join(map(str, legal))}")


def _check_instructions(ask: Ask, model) -> None:
    if ask.instructions is None:
        return
    if not ask.instructions.strip():
        raise usage("--instructions is empty", "say how it should be spoken, or leave it out")
    count = units(ask.instructions)
    if model.instruction and not model.tags and count > model.instruction:
        raise usage(f"--instructions is {count} counting units long (a Chinese character is 2), "
                    f"but {model.id} takes {model.instruction}", "make it shorter")


def _check_ssml(ask: Ask, model) -> None:
    if not model.ssml or model.tags:
        raise usage(f"--ssml is not possible with {model.id}",
                    f"models that take it: {TABLE.names(lambda row: row.ssml)}; "
                    "with voices that --list-voices --json marks with ssml, and cloned ones")
    from xml.etree import ElementTree
    try:
        root = ElementTree.fromstring(ask.text.strip())
    except (ElementTree.ParseError, ValueError) as error:
        raise usage(f"the text is not well-formed SSML: {error}",
                    "write one <speak>…</speak>, with &amp; &lt; &gt; escaped") from None
    if root.tag.rpartition("}")[2] != "speak":
        raise usage(f"the SSML begins with <{root.tag}>", "write one <speak>…</speak> around it all")


def is_streamed(text: str, forced: bool) -> bool:
    """Whether a text is asked for as a stream: a long one, because a whole answer would take minutes."""
    return forced or units(text) > STREAM_ABOVE


def build_request(ask: Ask, model, text: str, stream: bool = False) -> Call:
    """The Call that speaks `text`, one part of it all."""
    form = ask.format or "wav"
    body = copy.deepcopy(ask.request) if ask.request else {}
    body["model"] = model.id
    given = body.setdefault("input", {})
    if not isinstance(given, dict):
        raise usage("--request: input is not an object")
    given[model.says] = text
    if model.says == "text":
        place = "input.voice_setting.voice_id" if model.wire == "minimax" else "input.voice"
        _put(body, place, voice_of(ask, model))
    rate = _put_sound(body, ask, model, form, stream)
    for name in ("language", "speed", "pitch", "volume", "seed", "instructions"):
        value = getattr(ask, name)
        if value is not None:
            _put_field(body, model.fields[name], name, value, model)
    if ask.ssml:
        _put(body, "input.enable_ssml", True)
    if model.wire == "minimax" and stream:
        # else the last frame repeats everything
        _put(body, "input.stream_options.exclude_aggregated_audio", True)
    is_qwen = model.wire == "qwen"
    apply_native_settings(body, ask.settings,
                          lambda name: "parameters" if is_qwen and name not in _TOP else "input")
    _check_body(body, model)
    channels = (object_in(given, "audio_setting").get("channel") if model.wire == "minimax"
                else given.get("channels"))
    return Call(model.path, body, stream, _form_of(body, model, form), _rate_of(body, model, rate),
                2 if channels == 2 else 1)


def _check_body(body: dict, model) -> None:
    """What the finished body holds where it is read here; --set may have put anything there. Raises usage."""
    for name in ("text", "text_prompt"):
        text = body["input"].get(name)
        if not (isinstance(text, str) and text) and (text is not None or name == model.says):
            raise usage(f"input.{name} is {json.dumps(text, ensure_ascii=False)[:60]}, which is no text",
                        "give the text as the argument, or by --text-file")
    for place in sorted({field.path.rpartition(".")[0] for field in model.fields.values()}):
        value = _at(body, place)
        if not isinstance(value, dict) and value is not None:
            raise usage(f"{place} is {json.dumps(value, ensure_ascii=False)[:60]}, but must be an object",
                        f"name one of its values, such as --set {place}.NAME=VALUE")


def _put_sound(body: dict, ask: Ask, model, form: str, stream: bool) -> int:
    """Format and sample rate; returns the rate of PCM that comes without a header, where it is known."""
    given = body["input"].get("audio_setting") if model.wire == "minimax" else body["input"]
    wire = model.formats[form] if form in model.formats else form
    if model.wire == "minimax" and stream and form == "wav":
        wire = "pcm"  # streams have no WAV (speech contract 8); the header is written here
    if "format" in model.fields:
        _put(body, model.fields["format"].path, wire)
    asked = isinstance(given, dict) and given.get("sample_rate")
    rate = ask.sample_rate or asked or (_opus_rate(model) if form == "opus" else model.rate)
    if rate and "sample_rate" in model.fields:
        _put(body, model.fields["sample_rate"].path, rate)
    return rate or 24000


def _opus_rate(model) -> int:
    return model.rate if model.rate in OPUS_RATES else 0


def _rate_of(body: dict, model, rate: int) -> int:
    """The sample rate that the finished body asks for, else `rate`. PCM that comes without a header needs one
    that a header can tell."""
    told = value_of(body, model, "sample_rate")
    rate = rate if told is None else told
    if type(rate) is not int or rate not in ANY_RATE:
        raise usage(f"sample_rate of --set or --request is {json.dumps(rate)}, which is no sample rate",
                    "legal: a whole number" + (f", one of {', '.join(map(str, model.rates))}" * bool(model.rates)))
    return rate


def _form_of(body: dict, model, form: str) -> str:
    """The format that the finished body asks for; --set may have changed it.
    WAV and PCM become each other here."""
    value = value_of(body, model, "format")
    known = value if value in FORMATS else form
    return form if {known, form} <= {"wav", "pcm"} else known


def asks_for_pcm(call: Call, model) -> bool:
    """Whether the finished body asks for samples without a header."""
    return "pcm" in (call.form, value_of(call.body, model, "format"))


def value_of(body: dict, model, name: str):
    """What a finished body asks for at the place of a flag, None where it leaves that to the service."""
    return _at(body, model.fields[name].path) if name in model.fields else None


def _at(body: dict, path: str):
    """The value at a dotted path of a body, None where there is none."""
    for key in path.split("."):
        body = body.get(key) if isinstance(body, dict) else None
    return body


def _given_voice(ask: Ask, model):
    given = object_in(ask.request, "input")
    return object_in(given, "voice_setting").get("voice_id") if model.wire == "minimax" else given.get("voice")


def voice_of(ask: Ask, model) -> str:
    """The voice that will speak; '' where the model has none of its own and none is given. Raises usage."""
    settings = [value for keys, value in ask.settings if keys[-1] in ("voice", "voice_id")]
    given = settings[-1] if settings else ask.voice or _given_voice(ask, model)
    if given is None and not settings:
        return "" if _mixes(ask, model) else model.voice
    if not isinstance(given, str) or not (given.strip() or _mixes(ask, model)):
        raise usage(f"the voice of --set or --request is {json.dumps(given, ensure_ascii=False)[:60]}, which is no id",
                    "write the id as text, or leave it out for the model's own; --list-voices shows them")
    return given


def _mixes(ask: Ask, model) -> bool:
    """Whether several voices of MiniMax are mixed; then none is named (speech contract 8.1)."""
    return model.wire == "minimax" and bool(ask.given_input("timbre_weights")
                                            or any("timbre_weights" in keys for keys, _ in ask.settings))


def _put_field(body: dict, place, name: str, value, model) -> None:
    if name == "language":
        value = language_of(value, model)
        _put(body, place.path, ([value] if value else None) if place.kind == "codes" else value)
        return
    _put(body, place.path, int(value) if place.kind == "whole" else value)


def _put(body: dict, path: str, value) -> None:
    """Put a value on the body; None takes away what --request has there."""
    if value is not None:
        apply_settings(body, [(path.split("."), value)])
        return
    *above, last = path.split(".")
    for key in above:
        body = body.get(key)
        if not isinstance(body, dict):
            return
    body.pop(last, None)


def check_voice(ask: Ask, model) -> None:
    """A voice that this model does not have is refused, naming the models that have it.
    Custom voices pass."""
    import tts_voices
    voice = voice_of(ask, model)
    if model.says != "text":
        if voice:
            raise usage(f"--voice has no effect with {model.id}, "
                        "which takes a description of the speech and recordings",
                        "leave it out; cite @voice1 in the text and give "
                        """--set 'references=[{"audio_url": "https://…"}]'""")
        return
    if not voice:
        if _mixes(ask, model):
            return
        if model.group is None:
            raise usage(f"this version knows no voice of {model.id}, but --voice names none", "add --voice")
        raise usage(f"{model.id} speaks only with your own voices, but --voice names none",
                    "list them with --my-voices, or make one with --clone or --design; "
                    f"or use --model {DEFAULT_MODEL}, which has voices of its own")
    refused = tts_voices.refusal(voice, model.id)
    if refused:
        raise usage(*refused)
    known = tts_voices.find(voice)
    if ask.instructions and not model.own_follow and not known:
        able = TABLE.names(lambda row: row.service and row.own_follow and "instructions" in row.fields)
        raise usage(f"--instructions has no effect with your own voices of {model.id}",
                    f"models that follow it with those: {able}")
    if ask.instructions and model.scripted and known and not known.instruct:
        able = ", ".join(row.id for row in tts_voices.voices(model=model.id) if row.instruct)
        raise usage(f"--instructions has no effect with the voice {voice} of {model.id}",
                    f"voices that follow it: {able}; and your own; or take a qwen-audio model")
    if ask.ssml and known and not known.ssml:
        raise usage(f"the voice {voice} does not read SSML", "see --list-voices --json")


def voice_warning(ask: Ask, model) -> str:
    """A voice that is in no list, and differs by its ending alone from one of the model's."""
    import tts_voices
    voice = voice_of(ask, model)
    near = "" if tts_voices.find(voice) else tts_voices.near(voice, model.id)
    if not near:
        return ""
    return (f"{model.id} has no voice {voice} by this version's list, but has {near}; "
            f"--voice {quoted(near)} may be meant")


def ssml_warning(ask: Ask, model) -> str:
    """SSML that is not declared as such, and own voices that may not read it (speech contract 2.3)."""
    if not ask.is_marked():
        if not ask.text.lstrip().startswith("<speak"):
            return ""
        return (f"the text begins with <speak>, but --ssml is not given: {model.id} would read "
                "its marks out or refuse them; add --ssml, with a cosyvoice model")
    voice, named = voice_of(ask, model), model.id + "-"
    designed = re.match(rf"{re.escape(named)}vd-[^-]+-", voice)  # speech contract 9.3
    is_own = voice.startswith(named) or not model.voice
    if not is_own or not model.ssml or model.ssml_own and not designed:
        return ""
    why = ("SSML is documented for cloned voices, not for designed ones" if designed else
           f"the service's documents do not agree that voices cloned for {model.id} read SSML")
    return (f"{why}: it may refuse the text; "
            f"those cloned for {TABLE.names(lambda row: row.ssml_own)} read it by all of them")


def script_warning(ask: Ask, model) -> str:
    """CosyVoice's own voices follow fixed Chinese sentences alone (speech contract 4.4, 4.6)."""
    import tts_voices
    if not (ask.instructions and model.scripted and tts_voices.find(voice_of(ask, model))):
        return ""
    fixed = r"(情感是(neutral|fearful|angry|sad|surprised|happy|disgusted)|请用.{1,6}话表达)。$"
    if re.search(fixed, ask.instructions):
        return ""
    return ("the system voices of this model follow only fixed sentences, such as 你说话的情感是happy。; "
            "other instructions may have no effect or be refused")


def expected_seconds(text: str, speed: float | None) -> float:
    """About how long a text takes to say:
    4.5 Chinese characters or 2.6 words a second (speech contract 7.4)."""
    han = units(text) - len(text)
    return (han / 4.5 + len(re.findall(r"[^\W\d_\u3400-\u9fff]+", text)) / 2.6) / (speed or 1.0)
