"""From flags to the request: golden bodies for every model and flag, refusals, ranges, languages, voices, --set and --request.

The golden bodies are written from the speech contract, not from the table of models.
"""
from __future__ import annotations

import json
import re
import shlex

import pytest

from shared.body import parse_settings
from shared.failures import Exit, Failure
from tests.folding import each
from tts import Job
from tts_flags import make_parser
from tts_models import DEFAULT_MODEL, MODELS, TABLE, find_model, is_socket_only
from tts_speak import _interval
from tts_request import Ask, Call, build_request, check, check_voice, expected_seconds, is_streamed, script_warning, voice_of
from tts_voices import voices

A, B = "/services/aigc/multimodal-generation/generation", "/services/audio/tts/SpeechSynthesizer"
NEXT = "qwen-audio-3.1-tts-next"
OWN = "my-own-voice"  # of nobody's list, so it may be a custom one


def ask_of(model=None, **fields):
    fields["settings"] = parse_settings(fields.get("settings", ()))
    return Ask(**{"text": "T", "model": model, **fields})


def checked(model=None, **fields):
    """(the Ask, the row, the warnings) of what is legal."""
    ask = ask_of(model, **fields)
    row = find_model(ask.model_name())[0]
    warnings = check(ask, row)
    check_voice(ask, row)
    script = script_warning(ask, row)
    return ask, row, warnings + ([script] if script else [])


def call_of(model=None, stream=False, **fields):
    ask, row, _ = checked(model, **fields)
    return build_request(ask, row, ask.text, stream)


def body_of(model=None, **fields):
    return call_of(model, **fields).body


def input_of(model=None, **fields):
    """The input without the text."""
    found = body_of(model, **fields)["input"]
    return {name: value for name, value in found.items() if name != "text"}


def refusal(model=None, **fields):
    with pytest.raises(Failure) as caught:
        checked(model, **fields)
    assert caught.value.exit_code == Exit.USAGE and caught.value.fix
    return f"{caught.value.message} | {caught.value.fix}"


# ---- golden bodies ---------------------------------------------------------------------------------------------------

def qwen(fields, parameters=None, form="wav", rate=24000, **more):
    """A case of path A: flags, the parameters, the format, the rate of bare PCM, the input besides text and voice."""
    return fields, lambda voice: {"text": "T", "voice": voice, **more}, parameters, form, rate


def cosy(fields, form="wav", hertz=24000, **more):
    """A case of path B: everything is in the input; format and rate are always sent, since the service's own are MP3 and 22050."""
    return fields, lambda voice: {"text": "T", "voice": voice, "format": form, "sample_rate": hertz, **more}, None, form, hertz


def minimax(fields, form="wav", rate=32000, setting=None, **more):
    def model_input(voice):
        return {"text": "T", "voice_setting": {"voice_id": voice, **(setting or {})},
                "audio_setting": {"format": form, "sample_rate": rate}, **more}
    return fields, model_input, None, form, rate


LEGACY = [qwen({}), qwen(dict(format="wav")), qwen(dict(format="pcm"), form="pcm")]
FLASH = [
    *LEGACY, qwen(dict(format="mp3"), {"response_format": "mp3"}, "mp3"), qwen(dict(format="opus"), {"response_format": "opus"}, "opus"),
    qwen(dict(sample_rate=16000), {"sample_rate": 16000}, rate=16000), qwen(dict(speed=0.5), {"speech_rate": 0.5}),
    qwen(dict(language="fr"), language_type="French"), qwen(dict(language="auto"), language_type="Auto"),
    qwen(dict(format="mp3", sample_rate=48000, speed=2.0, language="English"),
         {"response_format": "mp3", "sample_rate": 48000, "speech_rate": 2.0}, "mp3", 48000, language_type="English"),
]
INSTRUCT = [
    *FLASH, qwen(dict(instructions="calm"), instructions="calm"),
    qwen(dict(instructions="冷静", settings=["optimize_instructions=true"]), instructions="冷静", optimize_instructions=True),
]
COSY2 = [
    cosy({}), *(cosy(dict(format=form), form) for form in ("wav", "pcm", "mp3", "opus")), cosy(dict(sample_rate=22050), hertz=22050),
    cosy(dict(format="opus", sample_rate=16000), "opus", 16000), cosy(dict(speed=0.5), rate=0.5),
    cosy(dict(pitch=2), pitch=2), cosy(dict(volume=0), volume=0), cosy(dict(seed=0), seed=0), cosy(dict(seed=65535), seed=65535),
    cosy(dict(language="en"), language_hints=["en"]), cosy(dict(language="auto")),
]
COSY = [*COSY2, cosy(dict(instructions="你说话的情感是happy。"), instruction="你说话的情感是happy。")]
AUDIO = [*COSY, cosy(dict(sample_rate=12000), hertz=12000), cosy(dict(language="ar"), language_hints=["ar"])]
MINIMAX = [
    minimax({}), *(minimax(dict(format=form), form) for form in ("wav", "pcm", "mp3", "flac")), minimax(dict(sample_rate=8000), rate=8000),
    minimax(dict(speed=1.5), setting={"speed": 1.5}), minimax(dict(pitch=0), setting={"pitch": 0}),
    minimax(dict(pitch=-12), setting={"pitch": -12}), minimax(dict(volume=0.1), setting={"vol": 0.1}),
    minimax(dict(language="en"), language_boost="English"), minimax(dict(language="yue"), language_boost="Chinese,Yue"),
    minimax(dict(language="auto"), language_boost="auto"),
    minimax(dict(format="mp3", sample_rate=44100, speed=2, pitch=12, volume=10, language="zh"), "mp3", 44100,
            {"speed": 2, "pitch": 12, "vol": 10}, language_boost="Chinese"),
]
GOLDEN = {  # model -> path, its own voice ('' for none), cases
    **dict.fromkeys(("qwen3-tts-flash", "qwen3-tts-flash-2025-11-27", "qwen3-tts-flash-2025-09-18"), (A, "Cherry", FLASH)),
    **dict.fromkeys(("qwen3-tts-instruct-flash", "qwen3-tts-instruct-flash-2026-01-26"), (A, "Cherry", INSTRUCT)),
    **dict.fromkeys(("qwen3-tts-vc-2026-01-22", "qwen3-tts-vd-2026-01-26"), (A, "", FLASH)),
    **dict.fromkeys(("qwen-tts", "qwen-tts-latest", "qwen-tts-2025-05-22", "qwen-tts-2025-04-10"), (A, "Cherry", LEGACY)),
    **dict.fromkeys(("cosyvoice-v3.5-plus", "cosyvoice-v3.5-flash", "cosyvoice-v3"), (B, "", COSY)),
    **dict.fromkeys(("cosyvoice-v3-plus", "cosyvoice-v3-flash"), (B, "longanyang", COSY)),
    "cosyvoice-v2": (B, "longxiaochun_v2", COSY2), "qwen-audio-3.0-tts-plus": (B, "longanlingxin", AUDIO),
    "qwen-audio-3.0-tts-flash": (B, "longanlingxi", AUDIO), "qwen-audio-3.1-tts-flash": (B, "longanhuan_v3.1", AUDIO),
    **dict.fromkeys(("MiniMax/speech-2.8-hd", "MiniMax/speech-2.8-turbo", "MiniMax/speech-02-hd", "MiniMax/speech-02-turbo"),
                    (A, "male-qn-qingse", MINIMAX)),
}
CASES = [pytest.param(model, path, voice, *case, id=f"{model}-{json.dumps(case[0])}")
         for model, (path, voice, cases) in GOLDEN.items() for case in cases]


@each("model, path, voice, fields, model_input, parameters, form, rate", CASES)
def test_golden_request(model, path, voice, fields, model_input, parameters, form, rate):
    given = {} if voice else {"voice": OWN}
    body = {"model": model, "input": model_input(voice or OWN), **({"parameters": parameters} if parameters else {})}
    assert call_of(model, **fields, **given) == Call(path, body, False, form, rate)


def test_every_row_and_flag_has_a_golden_request():
    assert {*GOLDEN, NEXT} == {row.id for row in MODELS}
    for row in MODELS:
        if row.id == NEXT:
            continue
        used = {name for fields, *_ in GOLDEN[row.id][2] for name in fields} - {"settings"}
        assert used == {*row.fields, "format"}, row.id


@pytest.mark.parametrize("fields, sent, form, rate", [
    ({}, {"format": "wav", "sample_rate": 48000}, "wav", 48000),
    (dict(format="mp3", sample_rate=24000, speed=1.2, volume=60, seed=42),
     {"format": "mp3", "sample_rate": 24000, "rate": 1.2, "volume": 60, "seed": 42}, "mp3", 24000),
    (dict(settings=['references=[{"audio_url": "https://example.com/a.wav"}]', "channels=1"]),
     {"format": "wav", "sample_rate": 48000, "references": [{"audio_url": "https://example.com/a.wav"}], "channels": 1}, "wav", 48000),
    (dict(format="pcm", request={"model": NEXT, "input": {"text_prompt": "of the file", "channels": 1}}),
     {"format": "pcm", "sample_rate": 48000, "channels": 1}, "pcm", 48000)])
def test_golden_request_of_speech_by_description(fields, sent, form, rate):
    """Updates, section 6: text_prompt, references and no text and no voice."""
    assert call_of(NEXT, **fields) == Call(B, {"model": NEXT, "input": {"text_prompt": "T", **sent}}, False, form, rate)


@pytest.mark.parametrize("fields, flag", [({"voice": OWN}, "--voice"), ({"pitch": 1}, "--pitch"), ({"language": "en"}, "--language"),
                                          ({"instructions": "calm"}, "--instructions"), ({"format": "opus"}, "--format")])
def test_speech_by_description_takes_no_voice_and_no_instructions(fields, flag):
    assert flag in refusal(NEXT, **fields)


def test_a_description_in_a_request_is_its_text(saved):
    call, = job("--request", saved({"model": NEXT, "input": {"text_prompt": "Rain."}})).calls
    assert call.body["input"]["text_prompt"] == call.text == "Rain." and "text" not in call.body["input"]


def test_bare_samples_of_two_channels_are_counted_as_such():
    assert call_of(NEXT, format="pcm", settings=["channels=2"]).channels == 2 and call_of(NEXT, format="pcm").channels == 1
    assert call_of("MiniMax/speech-2.8-hd", settings=["audio_setting.channel=2"]).channels == 2


def test_a_description_that_cites_recordings_is_one_call(saved):
    """Each part would have to cite them; up to 3,000 characters go into one prompt."""
    cited, asked = "@voice1 says: " + "It rains. " * 298, {"model": NEXT, "input": {"references": [{"audio_url": "https://example.com/a.wav"}]}}
    for flags in (["--request", saved(asked)], ["--model", NEXT, "--set", 'references=[{"audio_url":"https://example.com/a.wav"}]']):
        assert [call.text for call in job(cited, *flags, "--pause", 0).calls] == [cited.strip()]
        with pytest.raises(Failure) as caught:
            job(cited + "x" * 20, *flags)
        assert caught.value.exit_code == Exit.USAGE and "3000" in caught.value.message
    assert len(job(cited, "--model", NEXT).calls) == 3


def test_speech_by_description_is_never_streamed():
    assert not any(call.stream for call in job("x " * 400, "--model", NEXT).calls)
    with pytest.raises(Failure) as caught:
        job("T", "--model", NEXT, "--stream")
    assert "--stream" in caught.value.message


def test_default_is_the_plainest_request():
    assert DEFAULT_MODEL == "qwen3-tts-flash"
    assert call_of() == Call(A, {"model": "qwen3-tts-flash", "input": {"text": "T", "voice": "Cherry"}}, False, "wav", 24000)


@each("model", GOLDEN)
def test_a_stream_has_the_same_body(model):
    """But for MiniMax, whose last event would repeat everything, and whose streams have no WAV."""
    given = {} if GOLDEN[model][1] else {"voice": OWN}
    whole, stream = call_of(model, **given), call_of(model, True, **given)
    assert (whole.stream, stream.stream, stream.form) == (False, True, "wav")
    if model.startswith("MiniMax"):
        whole.body["input"]["audio_setting"]["format"] = "pcm"
        whole.body["input"]["stream_options"] = {"exclude_aggregated_audio": True}
    assert stream.body == whole.body


def test_a_stream_of_minimax_keeps_other_formats():
    for form in ("mp3", "pcm", "flac"):
        assert input_of("MiniMax/speech-2.8-hd", stream=True, format=form)["audio_setting"] == {"format": form, "sample_rate": 32000}


def test_only_who_asks_for_it_gets_a_stream_of_flac():
    """The documents know WAV and FLAC of MiniMax in whole answers."""
    words = ("x " * 200, "--model", "MiniMax/speech-2.8-hd", "-o")
    assert [job(*words, name).calls[0].stream for name in ("a.flac", "a.mp3", "a.wav")] == [False, True, True]
    assert job(*words, "a.flac", "--stream").calls[0].stream


@each("text", ["it's \"quoted\"", "two\nlines\r\n", "😀", "你好，世界", "-5", "  blanks  ", "\u2028", "[sad] x", "<b>"])
@each("model", ["qwen3-tts-flash", "cosyvoice-v3-flash", "qwen-audio-3.0-tts-flash", "MiniMax/speech-02-hd"])
def test_text_is_never_changed(model, text):
    assert body_of(model, text=text)["input"]["text"] == text


def test_a_request_is_the_same_when_it_is_built_again():
    ask, row, _ = checked("MiniMax/speech-2.8-hd", request={"input": {"audio_setting": {"bitrate": 64000}}}, settings=["x.y=1"])
    first, second = (build_request(ask, row, "T") for _ in range(2))
    assert first == second and first.body["input"] is not second.body["input"]
    assert ask.request == {"input": {"audio_setting": {"bitrate": 64000}}}, "what was read was changed"


# ---- flags that would be ignored -------------------------------------------------------------------------------------

QWEN3 = [name for name in GOLDEN if name.startswith("qwen3-")]
UNPROVEN = [name for name in QWEN3 if "qwen3-tts-flash" not in name]
COSYS = [name for name in GOLDEN if name.startswith(("cosyvoice-", "qwen-audio-"))]
MINIMAXES = [name for name in GOLDEN if name.startswith("MiniMax/")]
TAKES = {  # flag -> a legal value, models that are documented to take it
    "language": ("en", QWEN3 + COSYS + MINIMAXES), "sample_rate": (24000, QWEN3 + COSYS + MINIMAXES),
    "speed": (1.1, QWEN3 + COSYS + MINIMAXES), "pitch": (1, COSYS + MINIMAXES), "volume": (5, COSYS + MINIMAXES), "seed": (1, COSYS),
    "instructions": ("你说话的情感是happy。", [name for name in QWEN3 if "instruct" in name] + [name for name in COSYS if name != "cosyvoice-v2"]),
}
IGNORED = [(model, name) for model in GOLDEN for name in TAKES if model not in TAKES[name][1]]


@each("model, name", IGNORED)
def test_flag_that_would_be_ignored_is_refused_and_names_the_models_that_take_it(model, name):
    flag, (value, able) = "--" + name.replace("_", "-"), TAKES[name]
    able = [*able, *([NEXT] if name in ("sample_rate", "speed", "volume", "seed") else [])]
    proven = [one for one in TABLE if one in able and (name not in ("sample_rate", "speed") or one not in UNPROVEN)]
    said = refusal(model, **{name: value, "voice": OWN})
    named = re.search(r"models that take it: ([^;]+)", said).group(1).split(", ")
    assert flag in said and model in said and named == proven[:8]


@each("model, name", [(model, name) for name, (_, able) in TAKES.items() for model in able])
def test_flag_that_is_taken_warns_only_where_it_is_unproven(model, name):
    given = {} if GOLDEN[model][1] else {"voice": OWN}
    warnings = checked(model, **{name: TAKES[name][0]}, **given)[2]
    if name in ("sample_rate", "speed") and model in UNPROVEN:
        assert len(warnings) == 1 and "--" + name.replace("_", "-") in warnings[0] and model in warnings[0]
    else:
        assert warnings == []


@pytest.mark.parametrize("model", QWEN3)
def test_format_warns_only_where_it_is_sent_and_unproven(model):
    given = {} if GOLDEN[model][1] else {"voice": OWN}
    warned = [form for form in ("wav", "pcm", "mp3", "opus") if checked(model, format=form, **given)[2]]
    assert warned == (["mp3", "opus"] if model in UNPROVEN else [])


@pytest.mark.parametrize("model, name, words", [
    ("MiniMax/speech-2.8-hd", "instructions", "--set voice_setting.emotion=happy"),
    ("qwen3-tts-instruct-flash", "pitch", "say it in --instructions"), ("qwen3-tts-instruct-flash", "volume", "say it in --instructions")])
def test_refusal_says_what_to_do_instead(model, name, words):
    assert words in refusal(model, **{name: TAKES[name][0]})
    assert words not in refusal("qwen-tts", **{name: TAKES[name][0]})


FORMATS = {**dict.fromkeys(QWEN3, "wav pcm mp3 opus"), **dict.fromkeys(COSYS, "wav pcm mp3 opus"), **dict.fromkeys(MINIMAXES, "wav pcm mp3 flac")}


@each("model", GOLDEN)
def test_formats(model):
    legal, given = FORMATS.get(model, "wav pcm").split(), {} if GOLDEN[model][1] else {"voice": OWN}
    for form in ("wav", "pcm", "mp3", "opus", "flac"):
        if form in legal:
            assert call_of(model, format=form, **given).form == form
        else:
            said = refusal(model, format=form, **given)
            assert f"--format {form}" in said and model in said and all(one in said.partition("|")[2] for one in legal)


# ---- ranges ----------------------------------------------------------------------------------------------------------

RANGES = [  # models, flag, legal values, illegal ones, what is said to be legal
    (QWEN3, "speed", (0.5, 1, 2), (0.49, 2.01, -1, 0, float("nan")), "0.5 to 2"),
    (COSYS, "speed", (0.5, 2.0), (0.499, 2.001, 0, float("nan")), "0.5 to 2"), (COSYS, "pitch", (0.5, 2.0), (0.4, 2.1, 0, -1), "0.5 to 2"),
    (COSYS, "volume", (0, 50, 100), (-1, 101, 50.5), "0 to 100, whole"), (COSYS, "seed", (0, 65535), (-1, 65536), "0 to 65535, whole"),
    (MINIMAXES, "speed", (0.5, 2.0), (0.4, 2.1, 0), "0.5 to 2"), (MINIMAXES, "pitch", (-12, 0, 12), (-13, 13, 0.5), "-12 to 12, whole"),
    (MINIMAXES, "volume", (0.01, 1, 10), (0, -1, 10.01), "above 0 to 10"),
]


@each("model, name, good, bad, words", [(model, *row[1:]) for row in RANGES for model in row[0]])
def test_ranges(model, name, good, bad, words):
    given = {} if GOLDEN[model][1] else {"voice": OWN}
    for value in good:
        assert f"{json.dumps(value)}" in json.dumps(body_of(model, **{name: value}, **given))
    for value in bad:
        said = refusal(model, **{name: value}, **given)
        assert f"--{name}" in said and model in said and words in said, said


def test_whole_numbers_are_sent_as_such():
    assert repr(input_of("cosyvoice-v2", volume=50.0, seed=3)["volume"]) == "50"
    assert repr(input_of("MiniMax/speech-02-hd", pitch=2.0)["voice_setting"]["pitch"]) == "2"


RATES = {**dict.fromkeys(QWEN3, (8000, 16000, 24000, 48000)), **dict.fromkeys(MINIMAXES, (8000, 16000, 22050, 24000, 32000, 44100)),
         **{name: (8000, *((12000,) if "audio" in name else ()), 16000, 22050, 24000, 44100, 48000) for name in COSYS}}
EVERY_RATE = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@pytest.mark.parametrize("model", RATES)
def test_sample_rates(model):
    given = {} if GOLDEN[model][1] else {"voice": OWN}
    for rate in EVERY_RATE:
        if rate in RATES[model]:
            assert call_of(model, sample_rate=rate, **given).rate == rate
        else:
            said = refusal(model, sample_rate=rate, **given)
            assert f"--sample-rate {rate}" in said and ", ".join(map(str, RATES[model])) in said


@pytest.mark.parametrize("model", COSYS)
def test_sample_rates_of_opus(model):
    given = {} if GOLDEN[model][1] else {"voice": OWN}
    for rate in EVERY_RATE:
        if rate in (8000, 12000, 16000, 24000, 48000):
            assert input_of(model, sample_rate=rate, format="opus", **given)["sample_rate"] == rate
        else:
            assert "for opus" in refusal(model, sample_rate=rate, format="opus", **given)


# ---- languages -------------------------------------------------------------------------------------------------------

WORDS = {"zh": "Chinese", "en": "English", "de": "German", "it": "Italian", "pt": "Portuguese", "es": "Spanish", "ja": "Japanese",
         "ko": "Korean", "fr": "French", "ru": "Russian"}
MORE = {"th": "Thai", "id": "Indonesian", "vi": "Vietnamese", "ms": "Malay", "fil": "Filipino", "ar": "Arabic"}
CODES = "zh en fr de ja ko ru pt th id vi es it ms fil ar".split()  # of path B: updates, section 6
SENT = [  # model, what is given, what is sent
    *(("qwen3-tts-flash", given, word) for code, word in WORDS.items() for given in (code, word, word.upper(), code.upper(), code + "-XX")),
    ("qwen3-tts-flash", "zh-CN", "Chinese"), ("qwen3-tts-flash", " en ", "English"), ("qwen3-tts-flash", "AUTO", "Auto"),
    *(("cosyvoice-v3-flash", given, [code]) for code in CODES for given in (code, {**WORDS, **MORE}[code])),
    *(("qwen-audio-3.0-tts-flash", given, [code]) for code in CODES for given in (code, {**WORDS, **MORE}[code])),
    ("cosyvoice-v3-flash", "pt-BR", ["pt"]), ("cosyvoice-v3-flash", "Auto", None), ("qwen-audio-3.1-tts-flash", "auto", None),
    *(("MiniMax/speech-2.8-hd", given, word) for code, word in {**WORDS, **MORE}.items() for given in (code, word.lower())),
    ("MiniMax/speech-2.8-hd", "Chinese,Yue", "Chinese,Yue"), ("MiniMax/speech-2.8-hd", "Swahili", "Swahili"),
    ("MiniMax/speech-2.8-hd", "en-GB", "English"), ("MiniMax/speech-2.8-hd", "Cantonese", "Chinese,Yue"),
    ("qwen3-tts-flash", "Mandarin", "Chinese"),
]
PLACES = {"qwen3": "language_type", "cosyv": "language_hints", "qwen-": "language_hints", "MiniM": "language_boost"}


@each("model, given, sent", SENT)
def test_language(model, given, sent):
    assert input_of(model, language=given).get(PLACES[model[:5]]) == sent


@pytest.mark.parametrize("model, legal, wrong", [
    ("qwen3-tts-flash", WORDS, ["th", "Thai", "xx", "Klingon", "chinois", "", "ar"]),
    ("cosyvoice-v3-flash", CODES, ["sw", "xx", ""]), ("qwen-audio-3.0-tts-plus", CODES, ["sw", "Klingon"])])
def test_language_that_is_not_taken_is_refused_with_the_legal_ones(model, legal, wrong):
    for given in wrong:
        said = refusal(model, language=given)
        assert f"--language {given}" in said and model in said and re.search(r"legal: (.+)", said).group(1).split(", ") == [*sorted(legal), "auto"]


@each("given", ["yue", "Cantonese", "sichuan", "四川话"])
def test_a_dialect_is_refused_with_the_way_to_its_voices(given):
    said = refusal("qwen3-tts-flash", language=given)
    shown, = re.findall(r"--list-voices --language (\S+) shows", said)
    assert shlex.split(shown) == [given] and "leave --language out" in said and voices(language=given)


# ---- voices ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model, voice, words", [
    ("qwen3-tts-flash", "longanyang", ["longanyang", "cosyvoice-v3-flash", "--list-voices"]),
    ("qwen3-tts-flash", "cherry", ["'Cherry'"]), ("qwen3-tts-flash", "Ono_Anna", ["Ono Anna"]),
    ("qwen3-tts-instruct-flash", "Sunny", ["Sunny", "qwen3-tts-flash"]), ("qwen-tts", "Kiki", ["Kiki"]),
    ("qwen-tts-2025-04-10", "Dylan", ["Dylan"]), ("qwen3-tts-flash-2025-09-18", "Serena", ["Serena"]),
    ("cosyvoice-v3-flash", "Cherry", ["Cherry"]), ("cosyvoice-v3-plus", "longhuhu_v3", ["longhuhu_v3"]),
    ("cosyvoice-v3.5-flash", "longanyang", ["no system voices"]), ("qwen3-tts-vc-2026-01-22", "Cherry", ["no system voices"]),
    ("qwen-audio-3.0-tts-plus", "longanlingxi", ["longanlingxi"]), ("qwen-audio-3.0-tts-flash", "longanlingxin", ["longanlingxin"]),
    ("qwen-audio-3.1-tts-flash", "longanlingxin", ["longanlingxin_v3.1"]),
    ("cosyvoice-v3-flash", "cosyvoice-v3-plus-me-0123", ["cosyvoice-v3-plus", "was made for"])])
def test_voice_of_another_model_is_refused(model, voice, words):
    for fields in (dict(voice=voice), dict(settings=[f"voice={voice}"]), dict(request={"input": {"voice": voice}})):
        said = refusal(model, **fields)
        assert all(word in said for word in words), said


@each("model, voice", [
    *((model, OWN) for model in GOLDEN), ("cosyvoice-v3-flash", "cosyvoice-v3-flash-me-0123"), ("cosyvoice-v3.5-plus", "cosyvoice-v3.5-plus-vd-me-1"),
    ("qwen-audio-3.0-tts-flash", "qwen-audio-3.0-tts-flash-longyimuling"), ("qwen3-tts-vc-2026-01-22", "qwen-tts-vc-me-voice-1"),
    ("MiniMax/speech-02-hd", "my_Voice-1"), ("cosyvoice-v3-flash", "longsome_new_v3")])
def test_custom_and_unknown_voices_pass(model, voice):
    sent = input_of(model, voice=voice)
    assert (sent["voice_setting"]["voice_id"] if model.startswith("MiniMax") else sent["voice"]) == voice


@pytest.mark.parametrize("model", [model for model, (_, voice, _) in GOLDEN.items() if not voice and find_model(model)[0].group == ""])
def test_models_without_voices_need_one(model):
    said = refusal(model)
    assert model in said and "--my-voices" in said and "--clone" in said and f"--model {DEFAULT_MODEL}" in said


@pytest.mark.parametrize("model, place", [("qwen3-tts-flash", "voice"), ("cosyvoice-v3-flash", "voice"),
                                          ("MiniMax/speech-02-hd", "voice_setting.voice_id")])
def test_which_voice_wins(model, place):
    def body(value):
        return {"input": {"voice_setting": {"voice_id": value}} if "." in place else {"voice": value}}

    own = find_model(model)[0].voice
    for fields, voice in (({}, own), (dict(request=body("one")), "one"), (dict(request=body("one"), voice="two"), "two"),
                          (dict(request=body("one"), voice="two", settings=[f"{place}=three"]), "three")):
        ask, row, _ = checked(model, **fields)
        sent = build_request(ask, row, "T").body["input"]
        assert voice_of(ask, row) == voice == (sent["voice_setting"]["voice_id"] if "." in place else sent["voice"])


WEIGHTS = [{"voice_id": "male-qn-qingse", "weight": 60}, {"voice_id": "b-other-voice", "weight": 40}]


@pytest.mark.parametrize("fields", [
    dict(request={"input": {"timbre_weights": WEIGHTS, "voice_setting": {"voice_id": ""}}}), dict(request={"input": {"timbre_weights": WEIGHTS}}),
    dict(settings=[f"timbre_weights={json.dumps(WEIGHTS)}"]),
    dict(settings=[f"timbre_weights={json.dumps(WEIGHTS)}", "voice_setting.voice_id="])])
def test_mixed_voices_of_minimax_leave_the_voice_empty(fields):
    """Section 8.1: the voice is an empty string where timbre_weights are used."""
    sent = input_of("MiniMax/speech-2.8-hd", **fields)
    assert sent["timbre_weights"] == WEIGHTS and sent["voice_setting"]["voice_id"] == ""


# ---- instructions ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["cosyvoice-v3-flash", "cosyvoice-v3.5-plus", "cosyvoice-v3.5-flash"])
def test_instructions_of_cosyvoice_have_at_most_100_units(model):
    for text in ("x" * 100, "好" * 50, "好" * 49 + "ab"):
        assert input_of(model, instructions=text, voice=OWN)["instruction"] == text
    for text in ("x" * 101, "好" * 51, "好" * 50 + "。"):
        said = refusal(model, instructions=text, voice=OWN)
        assert "--instructions" in said and "100" in said and model in said


@pytest.mark.parametrize("model", ["qwen3-tts-instruct-flash", "qwen-audio-3.0-tts-plus", "qwen-audio-3.0-tts-flash", "qwen-audio-3.1-tts-flash"])
def test_instructions_of_others_are_free(model):
    assert "好" * 200 in input_of(model, instructions="好" * 200).values()
    assert checked(model, instructions="in the manner of a pirate")[2] == []


@pytest.mark.parametrize("text", ["", " ", "\n"])
@pytest.mark.parametrize("model", ["qwen3-tts-instruct-flash", "cosyvoice-v3-flash", "qwen-audio-3.0-tts-flash"])
def test_empty_instructions_are_refused(model, text):
    assert "--instructions is empty" in refusal(model, instructions=text)


@pytest.mark.parametrize("voice", ["longxiaochun_v3", "loongkyong_v3", "longpaopao_v3", "longjiaxin_v3"])
def test_system_voices_of_cosyvoice_without_instructions_are_refused(voice):
    said = refusal("cosyvoice-v3-flash", voice=voice, instructions="你说话的情感是happy。")
    assert voice in said and all(able in said for able in ("longanyang", "longanhuan", "longhuhu_v3", "longanhuan_v3"))


FIXED = ["你说话的情感是happy。", "你正在进行闲聊互动，你说话的情感是neutral。", "你现在说话的角色是一个旁白，你说话的情感是sad。",
         "你正在以一个故事机的身份说话，你说话的情感是disgusted。", "请用河南话表达。"]
FREE = ["speak happily", "你说话的情感是happy", "你说话的情感是开心。", "请用河南话表达", "你说话的情感是joyful。"]


@pytest.mark.parametrize("voice", ["longanyang", "longanhuan", "longhuhu_v3", "longanhuan_v3"])
def test_system_voices_of_cosyvoice_follow_fixed_sentences(voice):
    for text in FIXED:
        assert checked("cosyvoice-v3-flash", voice=voice, instructions=text)[2] == [], text
    for text in FREE:
        warnings = checked("cosyvoice-v3-flash", voice=voice, instructions=text)[2]
        assert len(warnings) == 1 and "fixed sentences" in warnings[0], text


@pytest.mark.parametrize("model", ["cosyvoice-v3-flash", "cosyvoice-v3.5-plus", "cosyvoice-v3.5-flash"])
def test_custom_voices_of_cosyvoice_take_any_instructions(model):
    assert checked(model, voice=f"{model}-me-1", instructions="speak like an old sailor")[2] == []


def test_custom_voices_of_cosyvoice_v3_plus_take_no_instructions():
    """Section 4.4: not supported. A refusal or a warning, but not silence."""
    try:
        said = " ".join(checked("cosyvoice-v3-plus", voice="cosyvoice-v3-plus-me-1", instructions="speak like an old sailor")[2])
    except Failure as failure:
        said = failure.message
    assert "instruction" in said


# ---- SSML ------------------------------------------------------------------------------------------------------------

SPEAK = '<speak rate="1.2">Hello<break time="500ms"/> &amp; more</speak>'
SSML_MODELS = [("cosyvoice-v3-flash", "longanyang"), ("cosyvoice-v3-flash", "longxiaochun_v3"), ("cosyvoice-v3-flash", OWN),
               ("cosyvoice-v3-plus", "longanhuan"), ("cosyvoice-v3.5-plus", OWN), ("cosyvoice-v2", OWN)]


@each("model, voice", SSML_MODELS)
@each("text", [SPEAK, f"\n {SPEAK} \n", '<speak xmlns="http://www.w3.org/2001/10/synthesis">x</speak>',
               '<?xml version="1.0" encoding="utf-8"?><speak>你好</speak>'])
def test_ssml_is_said_to_be_such(model, voice, text):
    sent = input_of(model, voice=voice, text=text, ssml=True)
    assert sent["enable_ssml"] is True and "enable_ssml" not in input_of(model, voice=voice, text=text)


@pytest.mark.parametrize("text, words", [
    ("Hello", "well-formed"), ("<speak>a & b</speak>", "&amp;"), ("<speak>a", "well-formed"), ("<speak/><speak/>", "well-formed"),
    ("<p>a</p>", "<p>"), ("", "well-formed"), ("<speak>a</speak> b", "well-formed")])
def test_ssml_that_is_none_is_refused(text, words):
    said = refusal("cosyvoice-v3-flash", text=text, ssml=True)
    assert words in said and "<speak>" in said


@pytest.mark.parametrize("model", [model for model in GOLDEN if not model.startswith("cosyvoice")])
def test_ssml_is_refused_where_it_would_be_read_out(model):
    said = refusal(model, text=SPEAK, ssml=True, voice=OWN)
    assert "--ssml" in said and model in said and "cosyvoice" in said


@pytest.mark.parametrize("voice", ["loongkyong_v3", "loongriko_v3", "loongindah_v3"])
def test_ssml_is_refused_for_voices_that_do_not_read_it(voice):
    said = refusal("cosyvoice-v3-flash", text=SPEAK, ssml=True, voice=voice)
    assert voice in said and "SSML" in said


@pytest.mark.parametrize("model, voice, words", [
    ("cosyvoice-v3-flash", "cosyvoice-v3-flash-anna-0123", ""), ("cosyvoice-v3-plus", "cosyvoice-v3-plus-vd-0123", ""),
    ("cosyvoice-v3-flash", "longanyang", ""), ("cosyvoice-v2", "longcheng_v2", ""),
    ("cosyvoice-v3-flash", "cosyvoice-v3-flash-vd-anna-0123", "not for designed ones"),
    ("cosyvoice-v3.5-plus", "cosyvoice-v3.5-plus-anna-0123", "do not agree"), ("cosyvoice-v3.5-flash", OWN, "do not agree"),
    ("cosyvoice-v2", "cosyvoice-v2-anna-0123", "do not agree")])
def test_voices_of_ones_own_that_may_not_read_ssml_are_warned_of(model, voice, words):
    """Section 2.3: cloned voices of v3-flash and v3-plus; other documents name those of v3.5 and v2 as well."""
    said = job(SPEAK, "--ssml", "--model", model, "--voice", voice).warnings
    assert len(said) == bool(words) and words in "".join(said), said
    assert not words or "cosyvoice-v3-plus, cosyvoice-v3-flash read it" in said[0]


@pytest.mark.parametrize("model", [DEFAULT_MODEL, "cosyvoice-v3-flash", "qwen-audio-3.0-tts-flash"])
def test_marks_that_are_not_said_to_be_such_are_warned_of(model):
    said, = job(SPEAK, "--model", model).warnings
    assert "--ssml" in said and model in said


# ---- --set -----------------------------------------------------------------------------------------------------------

SET = [  # model, settings, the input besides, the parameters
    ("qwen3-tts-flash", ["speech_rate=1.2"], {}, {"speech_rate": 1.2}), ("qwen3-tts-flash", ["volume=60"], {}, {"volume": 60}),
    ("qwen3-tts-flash", ["language_type=Thai"], {"language_type": "Thai"}, None),
    ("qwen3-tts-flash", ["voice=Ethan"], {"voice": "Ethan"}, None), ("qwen3-tts-flash", ["text=other"], {"text": "other"}, None),
    ("qwen3-tts-flash", ["input.x.y=1", "parameters.z=[1]"], {"x": {"y": 1}}, {"z": [1]}),
    ("qwen3-tts-instruct-flash", ["instructions=calm", "optimize_instructions=true"],
     {"instructions": "calm", "optimize_instructions": True}, None),
    ("qwen3-tts-flash", ["new.deep.key=null"], {}, {"new": {"deep": {"key": None}}}), ("qwen-tts", ["x=1"], {}, {"x": 1}),
    ("cosyvoice-v3-flash", ["word_timestamp_enabled=true"], {"word_timestamp_enabled": True}, None),
    ("cosyvoice-v3-flash", ['hot_fix.pronunciation=[{"草地": "cao3 di4"}]'], {"hot_fix": {"pronunciation": [{"草地": "cao3 di4"}]}}, None),
    ("cosyvoice-v3-flash", ["bit_rate=64", "enable_aigc_tag=true"], {"bit_rate": 64, "enable_aigc_tag": True}, None),
    ("cosyvoice-v3-flash", ["sample_rate=8000"], {"sample_rate": 8000}, None), ("cosyvoice-v3-flash", ["parameters.x=1"], {}, {"x": 1}),
    ("qwen-audio-3.0-tts-flash", ['language_hints=["sw"]'], {"language_hints": ["sw"]}, None),
    ("qwen-audio-3.0-tts-flash", ["input.x=007"], {"x": "007"}, None),
    ("MiniMax/speech-2.8-hd", ["voice_setting.emotion=happy"], {"voice_setting": {"voice_id": "male-qn-qingse", "emotion": "happy"}}, None),
    ("MiniMax/speech-2.8-hd", ["audio_setting.bitrate=64000"],
     {"audio_setting": {"format": "wav", "sample_rate": 32000, "bitrate": 64000}}, None),
    ("MiniMax/speech-2.8-hd", ["voice_modify.pitch=-5", "output_format=url", 'pronunciation_dict.tone=["omg/oh my god"]'],
     {"voice_modify": {"pitch": -5}, "output_format": "url", "pronunciation_dict": {"tone": ["omg/oh my god"]}}, None),
    ("MiniMax/speech-2.8-hd", ["parameters.x=1"], {}, {"x": 1}),
]


@pytest.mark.parametrize("model, settings, more, parameters", SET)
def test_set_goes_where_the_family_wants_it(model, settings, more, parameters):
    plain = body_of(model)
    assert body_of(model, settings=settings) == {
        "model": model, "input": {**plain["input"], **more}, **({"parameters": parameters} if parameters is not None else {})}


def test_set_wins_over_flags():
    assert input_of("cosyvoice-v3-flash", speed=1.5, settings=["rate=0.7"])["rate"] == 0.7
    assert body_of("qwen3-tts-flash", speed=1.5, settings=["speech_rate=0.7"])["parameters"] == {"speech_rate": 0.7}
    assert input_of("MiniMax/speech-02-hd", speed=1.5, settings=["voice_setting.speed=0.7"])["voice_setting"]["speed"] == 0.7


@pytest.mark.parametrize("rate", ['"16000"', "16000.0", "-5", "99999999999", "true", "0", "[16000]", "{}"])
@pytest.mark.parametrize("model, path", [("qwen3-tts-flash", "parameters.sample_rate"), ("cosyvoice-v3-flash", "input.sample_rate"),
                                         ("MiniMax/speech-2.8-hd", "input.audio_setting.sample_rate"), ("qwen-tts", "input.sample_rate")])
def test_sample_rate_that_is_none_is_refused_before_anything_is_sent(model, path, rate):
    """PCM that comes without a header gets one with this rate."""
    *above, last = path.split(".")
    given = {last: json.loads(rate)}
    for name in reversed(above):
        given = {name: given}
    ways = [dict(request={"model": model, **given})] if json.loads(rate) else []
    for fields in [*ways, dict(settings=[f"{path}={rate}"])] if model != "qwen-tts" else ways:
        with pytest.raises(Failure) as caught:
            call_of(model, **fields)
        assert caught.value.exit_code == Exit.USAGE and rate in caught.value.message, fields


@pytest.mark.parametrize("model, setting", [("qwen3-tts-flash", "sample_rate=8000"), ("cosyvoice-v3-flash", "sample_rate=8000"),
                                            ("MiniMax/speech-2.8-hd", "audio_setting.sample_rate=8000")])
def test_rate_that_is_set_is_that_of_bare_pcm(model, setting):
    assert call_of(model, settings=[setting], format="pcm").rate == 8000


@pytest.mark.parametrize("model, settings", [("cosyvoice-v3-flash", ["voice.x=1"]), ("MiniMax/speech-2.8-hd", ["audio_setting.format.x=1"])])
def test_set_below_something_that_is_no_object_is_refused(model, settings):
    with pytest.raises(Failure) as caught:
        call_of(model, settings=settings)
    assert caught.value.exit_code == Exit.USAGE and "is not an object" in caught.value.message


# ---- --request -------------------------------------------------------------------------------------------------------

def request(**model_input):
    return {"model": "cosyvoice-v3-flash", "input": model_input, "extra": [1]}


REQUESTS = [  # --request, flags, the body
    (request(), {}, {**request(text="T", voice="longanyang", format="wav", sample_rate=24000)}),
    (request(text="old", voice="longanhuan", sample_rate=16000, rate=1.1, hot_fix={"replace": [{"a": "b"}]}), {},
     request(text="T", voice="longanhuan", format="wav", sample_rate=16000, rate=1.1, hot_fix={"replace": [{"a": "b"}]})),
    (request(voice="longanhuan", sample_rate=16000, rate=1.1, volume=10), dict(voice="longanyang", sample_rate=48000, speed=0.9, volume=0),
     request(text="T", voice="longanyang", format="wav", sample_rate=48000, rate=0.9, volume=0)),
    (request(language_hints=["en"]), dict(language="fr"),
     request(text="T", voice="longanyang", format="wav", sample_rate=24000, language_hints=["fr"])),
    (request(format="opus"), dict(format="mp3"), request(text="T", voice="longanyang", format="mp3", sample_rate=24000)),
    ({"model": "qwen3-tts-flash", "parameters": {"sample_rate": 8000, "speech_rate": 1.1}}, dict(speed=0.9),
     {"model": "qwen3-tts-flash", "input": {"text": "T", "voice": "Cherry"}, "parameters": {"sample_rate": 8000, "speech_rate": 0.9}}),
    ({"model": "cosyvoice-v3-flash", "input": {"voice": "longanyang"}}, dict(model="cosyvoice-v2", voice="longxiaochun_v2"),
     {"model": "cosyvoice-v2", "input": {"text": "T", "voice": "longxiaochun_v2", "format": "wav", "sample_rate": 24000}}),
    ({"model": "MiniMax/speech-02-hd", "input": {"audio_setting": {"sample_rate": 16000, "bitrate": 64000}, "voice_setting": {
        "voice_id": "v-abcdefg", "emotion": "sad"}}}, dict(speed=2),
     {"model": "MiniMax/speech-02-hd", "input": {"text": "T", "audio_setting": {"sample_rate": 16000, "bitrate": 64000, "format": "wav"},
                                                 "voice_setting": {"voice_id": "v-abcdefg", "emotion": "sad", "speed": 2}}}),
]


@pytest.mark.parametrize("given, fields, body", REQUESTS)
def test_request_with_flags_over_it(given, fields, body):
    assert body_of(request=given, **fields) == body


@pytest.mark.parametrize("given, fields", [
    ({"model": "qwen3-tts-flash", "parameters": {"response_format": "mp3"}}, dict(format="wav")),
    ({"model": "qwen3-tts-flash", "parameters": {"response_format": "mp3", "speech_rate": 1.1}}, dict(format="pcm"))])
def test_format_that_is_the_default_wins_over_the_request_too(given, fields):
    """WAV is sent by leaving the field out, so another value must not stay there."""
    sent = body_of(request=given, **fields).get("parameters", {})
    assert sent.get("response_format", "wav") in ("wav", "pcm")


def test_language_auto_wins_over_the_request_too():
    assert "language_hints" not in input_of(request=request(language_hints=["en"]), language="auto")


@pytest.mark.parametrize("given", [{"input": []}, {"input": "x"}, {"input": None}])
def test_request_whose_input_is_no_object_is_refused(given):
    with pytest.raises(Failure) as caught:
        call_of(request=given)
    assert caught.value.exit_code == Exit.USAGE and "--request" in caught.value.message


def job(*arguments):
    return Job(make_parser().parse_args([str(one) for one in arguments]))


@pytest.fixture
def saved(tmp_path):
    def save(body, name="body.json"):
        (tmp_path / name).write_text(body if isinstance(body, str) else json.dumps(body), "utf-8")
        return tmp_path / name
    return save


@pytest.mark.parametrize("body, arguments, text, form, rate", [
    (request(text="from the file"), [], "from the file", "wav", 24000), (request(text="from the file"), ["T"], "T", "wav", 24000),
    (request(text="x", format="mp3"), [], "x", "mp3", 24000), (request(text="x", format="mp3"), ["--format", "wav"], "x", "wav", 24000),
    (request(text="x", format="mp3"), ["-o", "out.wav"], "x", "wav", 24000),
    (request(text="x", format="pcm", sample_rate=8000), [], "x", "pcm", 8000),
    ({"model": "qwen3-tts-flash", "input": {"text": "x"}, "parameters": {"response_format": "mp3"}}, [], "x", "mp3", 24000),
    ({"model": "MiniMax/speech-02-hd", "input": {"text": "x", "audio_setting": {"format": "flac"}}}, [], "x", "flac", 32000)])
def test_text_and_format_of_a_request(saved, body, arguments, text, form, rate):
    made = job("--request", saved(body), *arguments)
    assert [(call.body["input"]["text"], call.form, call.rate) for call in made.calls] == [(text, form, rate)]
    assert made.calls[0].body["model"] == body["model"] and made.form == form


@pytest.mark.parametrize("body", [{}, {"input": {}}, {"input": {"text": " "}}, {"input": {"text": 5}}, {"input": []}])
def test_request_without_text_is_refused(saved, body):
    with pytest.raises(Failure) as caught:
        job("--request", saved(body))
    assert caught.value.exit_code == Exit.USAGE and "text" in caught.value.message


@pytest.mark.parametrize("value", [5, ["longanyang"], {}, "", " ", None])
@pytest.mark.parametrize("model, place", [("cosyvoice-v3-flash", "voice"), ("MiniMax/speech-2.8-hd", "voice_setting.voice_id")])
def test_a_voice_that_is_no_text_is_refused(saved, model, place, value):
    """However it is given; null in a request is none given."""
    whole = {"text": "x", "voice": value} if place == "voice" else {"text": "x", "voice_setting": {"voice_id": value}}
    by_set, by_request = ["x", "--model", model, "--set", f"{place}={json.dumps(value)}"], ["--request", saved({"model": model, "input": whole})]
    for arguments in (by_set, by_request)[:1 if value is None else 2]:
        with pytest.raises(Failure) as caught:
            job(*arguments)
        assert caught.value.exit_code == Exit.USAGE and f"the voice of --set or --request is {json.dumps(value)}" in caught.value.message
    assert value is not None or job(*by_request).voice


@pytest.mark.parametrize("output, form", [
    ("a.mp3", "mp3"), ("a.MP3", "mp3"), ("a.wav", "wav"), ("a.pcm", "pcm"), ("a.ogg", "opus"), ("a.opus", "opus"), ("a.01", "wav"),
    ("a", "wav"), ("a.mp3/", "wav"), ("-", "wav")])
def test_format_by_the_name_of_the_file(output, form):
    assert job("T", "-o", output).form == form


# ---- model ids -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, like, path", [
    ("qwen3-tts-flash2", "qwen3-tts-flash", A), ("qwen3-tts-instruct-plus", "qwen3-tts-instruct-flash", A),
    ("qwen3-tts-vc-2027-01-01", "qwen3-tts-vc-2026-01-22", A), ("qwen3-tts-vd-next", "qwen3-tts-vd-2026-01-26", A),
    ("qwen4-tts-flash", "qwen3-tts-flash", A), ("qwen-tts-2027-01-01", "qwen-tts", A), ("QWEN3-TTS-NEXT", "qwen3-tts-flash", A),
    ("qwen-audio-4-tts", "qwen-audio-3.0-tts-flash", B), ("qwen-audio-3.1-tts-plus", "qwen-audio-3.0-tts-flash", B),
    ("cosyvoice-v4-flash", "cosyvoice-v3-flash", B), ("cosyvoice-v3.5-plus-x", "cosyvoice-v3.5-plus", B),
    ("MiniMax/speech-3.0-hd", "MiniMax/speech-2.8-hd", A), ("someone/new-tts", "qwen3-tts-flash", A)])
def test_unknown_model_is_routed_by_its_prefix_with_a_warning(name, like, path):
    row, warning = find_model(name)
    assert name in warning and re.search(r"\d{4}-\d\d", warning) and row.most == 0
    call = call_of(name, voice=OWN)
    assert call.path == path
    assert call == call_of(like, voice=OWN)._replace(body={**call_of(like, voice=OWN).body, "model": name})


@pytest.mark.parametrize("name, meant", [
    ("speech-2.8-hd", "MiniMax/speech-2.8-hd"), ("minimax/Speech-2.8-HD", "MiniMax/speech-2.8-hd"), ("Qwen3-TTS-Flash", "qwen3-tts-flash"),
    ("CosyVoice-v3-flash", "cosyvoice-v3-flash")])
def test_id_without_its_vendor_or_in_other_letters_is_refused_with_the_right_one(name, meant):
    said = refusal(name, voice=OWN)
    assert name in said and meant in said and find_model(meant)[0].id == meant


@pytest.mark.parametrize("name", TABLE)
def test_known_model_has_no_warning(name):
    assert find_model(name)[1] == "" and not is_socket_only(name)


@pytest.mark.parametrize("name", [
    "qwen3-tts-flash-realtime", "qwen3-tts-flash-realtime-2025-11-27", "qwen-tts-realtime-latest", "qwen3-tts-vc-realtime-2026-01-15",
    "qwen3-tts-vd-realtime-2025-12-16", "qwen-audio-3.0-realtime-plus", "cosyvoice-v1", "sambert-zhichu-v1", "Sambert-zhiqi-v1"])
def test_models_of_a_websocket_are_refused(name):
    said = refusal(name, voice=OWN)
    assert name in said and "WebSocket" in said and DEFAULT_MODEL in said


# ---- lengths ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, streamed", [("x", False), ("x" * 300, False), ("x" * 301, True), ("好" * 150, False), ("好" * 151, True)])
def test_long_texts_are_asked_for_as_streams(text, streamed):
    assert is_streamed(text, False) is streamed and is_streamed(text, True)


@pytest.mark.parametrize("model, length, seconds", [
    ("qwen3-tts-flash", 50_000, 0), ("MiniMax/speech-2.8-hd", 100, 3), ("MiniMax/speech-2.8-hd", 15_000, 3),
    ("MiniMax/speech-2.8-hd", 58_000, 8.7), ("qwen-tts", 4_000, 6)])
def test_long_texts_are_spread_out_by_what_the_service_takes_in_a_minute(model, length, seconds):
    """Section 11: MiniMax takes 20 calls and 20,000 characters."""
    row, calls = find_model(model)[0], job("x" * length, "--model", model).calls
    assert _interval(row, calls) == pytest.approx(seconds)


PARTS = {**dict.fromkeys(QWEN3, (600, 600)), **{name: (400, 0) for name in GOLDEN if name.startswith("qwen-tts")},
         **{name: (240, 20000) for name in COSYS if name.startswith("cosy")},
         **{name: (2000, 20000) for name in COSYS if name.startswith("qwen")}, **dict.fromkeys(MINIMAXES, (2900, 9999))}


@each("model", GOLDEN)
def test_parts_are_no_longer_than_the_service_reads_well(model):
    part, most = PARTS[model]
    given = [] if GOLDEN[model][1] else ["--voice", OWN]
    texts = [call.body["input"]["text"] for call in job("x " * part, "--model", model, *given).calls]
    assert len(texts) >= 2 and max(map(len, texts)) <= part and " ".join(texts).split() == ["x"] * part
    assert len(job("x" * part, "--model", model, *given).calls) == 1
    if most and most < 20000:
        with pytest.raises(Failure) as caught:
            job("T", "--model", model, *given, "--max-part", most + 1)
        assert str(most) in caught.value.fix
    assert len(job("x" * part, "--model", model, *given, "--max-part", 20).calls) == part // 20


@pytest.mark.parametrize("model", ["qwen3-tts-flash", "cosyvoice-v3-flash", "qwen-audio-3.0-tts-flash"])
def test_parts_with_subtitles_are_as_long_as_a_subtitle(model):
    sizes = [len(call.body["input"]["text"]) for call in job("x " * 100, "--model", model, "--srt").calls]
    assert len(sizes) == 3 and max(sizes) <= 84
    assert len(job("x " * 100, "--model", model, "--srt", "--max-part", 200).calls) == 1


@pytest.mark.parametrize("model, form", [("cosyvoice-v3-flash", "opus"), ("qwen3-tts-flash", "opus"), ("MiniMax/speech-2.8-hd", "flac")])
def test_formats_that_cannot_be_joined_are_refused_for_several_parts(model, form):
    assert len(job("x " * 40, "--model", model, "--format", form).calls) == 1
    with pytest.raises(Failure) as caught:
        job("x " * 40, "--model", model, "--format", form, "--max-part", 20)
    assert form in caught.value.message and "wav" in caught.value.fix


def test_ssml_is_one_document_and_never_cut():
    made = job(SPEAK, "--ssml", "--model", "cosyvoice-v3-flash")
    assert [call.body["input"]["text"] for call in made.calls] == [SPEAK]
    assert len(job(f"<speak>{'x ' * 100}</speak>", "--ssml", "--srt", "--model", "cosyvoice-v3-flash").calls) == 1
    with pytest.raises(Failure) as caught:
        job(f"<speak>{'x ' * 200}</speak>", "--ssml", "--model", "cosyvoice-v3-flash")
    assert "240" in caught.value.message and "--max-part" in caught.value.fix


def test_ssml_by_set_or_request_is_not_cut_either(saved):
    marked = f"<speak>{'x. ' * 100}</speak>"
    asked = saved(request(text=marked, enable_ssml=True))
    for flags in (["--request", asked], [marked, "--model", "cosyvoice-v3-flash", "--set", "enable_ssml=true"]):
        made = job(*flags, "--max-part", 500)
        assert [call.body["input"]["text"] for call in made.calls] == [marked] and made.warnings == []
        with pytest.raises(Failure, match="the SSML is"):
            job(*flags)


@pytest.mark.parametrize("text, speed, seconds", [("", None, 0), ("好" * 45, None, 10), ("好" * 45, 2.0, 5), ("好" * 45, 0.5, 20),
                                                  ("one two three " * 26, None, 30), ("hello 世界", 1, 1 / 2.6 + 2 / 4.5)])
def test_how_long_a_text_takes_to_say(text, speed, seconds):
    assert expected_seconds(text, speed) == pytest.approx(seconds)


@pytest.mark.parametrize("flags, words", [
    (["--pause", 500, "--ssml", "--model", "cosyvoice-v3-flash"], "--pause has no effect with SSML"),
    (["--pause", 500, "--model", NEXT, "--set", 'references=[{"audio_url":"https://example.com/a.wav"}]'], "--pause has no effect with references"),
    (["--set", "text=2026"], "input.text is 2026, which is no text"), (["--set", "input.text=[1]"], "input.text is [1], which is no text"),
    (["--set", "text=null"], "input.text is null, which is no text"), (["--set", "text="], 'input.text is "", which is no text'),
    (["--set", "text=5", "--model", NEXT], "input.text is 5, which is no text"),
    (["--set", "text_prompt=5", "--model", NEXT], "input.text_prompt is 5, which is no text"),
    *((["--model", "MiniMax/speech-2.8-hd", "--set", f"{place}=5"], f"input.{place} is 5, but must be an object")
      for place in ("audio_setting", "voice_setting"))])
def test_what_would_be_ignored_or_cannot_be_read_is_refused(flags, words):
    with pytest.raises(Failure) as caught:
        job("<speak>@voice1 says it.</speak>", *flags)
    assert caught.value.exit_code == Exit.USAGE and words in caught.value.message and caught.value.fix
