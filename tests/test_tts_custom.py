"""Voices of one's own: the requests that make, list, look at and delete them at each service, and what is refused before one is sent.

The bodies are written from section 9 of the speech contract.
"""
from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest

from shared.cli.session import Session
from shared.failures import Exit, Failure
from shared.transport.request import is_id
from tests.emulator import voicing
from tests.media_samples import data_url
from tts_costs import creation
from tts_custom import Custom
from tts_flags import check_single, make_parser, manages
from tts_models import find_model, MODELS
from tts_voice_services import (CLONE_MODEL, COSY, DESIGN_MODEL, MINIMAX, PAGE, QWEN_CLONE, QWEN_DESIGN, RECORDING, clone_body, design_body,
                          list_body, one_body, service_of)
from tts_sound import header

GENERATION, CUSTOMIZATION = "/services/aigc/multimodal-generation/generation", "/services/audio/tts/customization"
ADDRESS = "https://example.com/a.wav"
VC, VD = "qwen3-tts-vc-2026-01-22", "qwen3-tts-vd-2026-01-26"


def recording(seconds=12.0, rate=24000) -> bytes:
    length = 2 * int(rate * seconds)
    return header(rate, length) + bytes(length)


def custom(*arguments, warn=lambda *words: None):
    options = make_parser().parse_args(list(map(str, arguments)))
    check_single(options)
    verdict = SimpleNamespace(endpoint=SimpleNamespace(origin="https://h", native="https://h/api/v1", region=""))
    account = SimpleNamespace(endpoint_source="")
    return Custom(Session("qianwen-audio-tts", options, account, SimpleNamespace(say=lambda *words: None, warn=warn), verdict=verdict,
                          payments=SimpleNamespace()))


@pytest.fixture
def shown(monkeypatch):
    """The request that a dry run shows."""
    seen = []
    monkeypatch.setattr(Custom, "_show", lambda self, body, service, *_: seen.append(self._request(body, service)))

    def run(*arguments):
        custom(*arguments, "--dry-run").run()
        return seen.pop()
    return run


def refusal(*arguments, dry=True):
    with pytest.raises(Failure) as caught:
        custom(*arguments, *(["--dry-run"] if dry else [])).run()
    assert caught.value.exit_code == Exit.USAGE and caught.value.fix
    return f"{caught.value.message} | {caught.value.fix}"


@pytest.mark.parametrize("model, way", [("cosyvoice-v3-plus", "public https address"), ("qwen3-tts-vc-2026-01-22", "path of the file")])
def test_a_recording_that_the_service_cannot_open_is_warned_of(shown, model, way):
    said = []
    custom("--clone", "http://10.0.0.1/a.wav", "--name", "anna", "--model", model, "--dry-run", warn=lambda *words: said.append(words)).run()
    warning, fix = said[-1]
    assert "http://10.0.0.1/a.wav" in warning and way in fix


@pytest.mark.parametrize("output, words", [
    ({}, []), ({"input_sensitive": False, "input_sensitive_type": 0}, []), ({"input_sensitive": True, "input_sensitive_type": 3}, ["(type 3)"]),
    ({"fallback_mode": True, "fallback_reason": "no_merged_segments"}, ["no_merged_segments"])])
def test_what_an_answer_says_against_a_new_voice_is_warned_of(output, words):
    """Sections 9.4 and 9.7."""
    said = []
    custom("--clone", ADDRESS, "--name", "anna-voice", warn=lambda *given: said.append(given))._warn_of_quality(output)
    assert len(said) == len(words) and all(word in text and fix for word, (text, fix) in zip(words, said))


# ---- bodies ----------------------------------------------------------------------------------------------------------

CLONE = [  # flags, model of the request, its input
    ([], "voice-enrollment", {"action": "create_voice", "target_model": "cosyvoice-v3.5-plus", "prefix": "anna", "url": ADDRESS}),
    (["--model", VC], "qwen-voice-enrollment",
     {"action": "create", "target_model": "qwen3-tts-vc-2026-01-22", "preferred_name": "anna", "audio": {"data": ADDRESS}}),
    (["--model", VC, "--transcript", "Hello there.", "--language", "en"], "qwen-voice-enrollment",
     {"action": "create", "target_model": "qwen3-tts-vc-2026-01-22", "preferred_name": "anna", "audio": {"data": ADDRESS}, "text": "Hello there.",
      "language": "en"}),
    (["--model", "cosyvoice-v3-flash"], "voice-enrollment",
     {"action": "create_voice", "target_model": "cosyvoice-v3-flash", "prefix": "anna", "url": ADDRESS}),
    (["--model", "cosyvoice-v3.5-plus", "--language", "ja"], "voice-enrollment",
     {"action": "create_voice", "target_model": "cosyvoice-v3.5-plus", "prefix": "anna", "url": ADDRESS, "language_hints": ["ja"]}),
    *((["--model", model], "voice-enrollment", {"action": "create_voice", "target_model": model, "prefix": "anna", "url": ADDRESS})
      for model in ("cosyvoice-v3.5-flash", "cosyvoice-v3-plus", "cosyvoice-v2", "qwen-audio-3.0-tts-plus", "qwen-audio-3.0-tts-flash",
                    "qwen-audio-3.1-tts-flash")),
]


@pytest.mark.parametrize("flags, model, model_input", CLONE)
def test_clone(shown, flags, model, model_input):
    request = shown("--clone", ADDRESS, "--name", "anna", *flags)
    assert (request.method, request.url) == ("POST", "https://h/api/v1" + CUSTOMIZATION)
    assert request.body == {"model": model, "input": model_input}


def test_clone_of_minimax(shown):
    request = shown("--clone", ADDRESS, "--name", "anna-voice_1", "--model", "MiniMax/speech-2.8-hd")
    assert request.url == "https://h/api/v1" + GENERATION and request.body["model"] == "MiniMax/speech-2.8-hd"
    sent = request.body["input"]
    assert {name: sent[name] for name in ("action", "voice_id", "audio_url")} == {
        "action": "voice_clone", "voice_id": "anna-voice_1", "audio_url": ADDRESS}


def test_clone_of_minimax_has_a_text_to_speak(shown):
    """Section 9.7: at most 1000 characters, spoken as the preview and billed; only clone_prompt and what follows it is optional."""
    sent = shown("--clone", ADDRESS, "--name", "anna-voice_1", "--model", "MiniMax/speech-2.8-hd").body["input"]
    assert 0 < len(sent.get("text", "")) <= 1000


DESIGN = [  # flags, model of the request, its input, the rate of the preview
    ([], "voice-enrollment",
     {"action": "create_voice", "target_model": "cosyvoice-v3.5-plus", "prefix": "anna", "language_hints": ["zh"]}, 24000),
    (["--model", VD], "qwen-voice-design",
     {"action": "create", "target_model": "qwen3-tts-vd-2026-01-26", "preferred_name": "anna", "language": "zh"}, 24000),
    (["--model", VD, "--language", "fr", "--preview-text", "Bonjour.", "--sample-rate", "8000"], "qwen-voice-design",
     {"action": "create", "target_model": "qwen3-tts-vd-2026-01-26", "preferred_name": "anna", "language": "fr", "preview_text": "Bonjour."}, 8000),
    (["--model", "cosyvoice-v3.5-plus", "--preview-text", "你好。"], "voice-enrollment",
     {"action": "create_voice", "target_model": "cosyvoice-v3.5-plus", "prefix": "anna", "language_hints": ["zh"], "preview_text": "你好。"}, 24000),
    (["--model", "cosyvoice-v3-flash", "--language", "en", "--sample-rate", "48000"], "voice-enrollment",
     {"action": "create_voice", "target_model": "cosyvoice-v3-flash", "prefix": "anna", "language_hints": ["en"]}, 48000),
    *((["--model", model], "voice-enrollment", {"action": "create_voice", "target_model": model, "prefix": "anna", "language_hints": ["zh"]}, 24000)
      for model in ("cosyvoice-v3.5-flash", "cosyvoice-v3-plus", "qwen-audio-3.0-tts-flash")),
]


@pytest.mark.parametrize("flags, model, model_input, rate", DESIGN)
def test_design(shown, flags, model, model_input, rate):
    request = shown("--design", "a warm old man", "--name", "anna", *flags)
    assert (request.method, request.url) == ("POST", "https://h/api/v1" + CUSTOMIZATION)
    preview = request.body["input"]["preview_text"]
    assert request.body == {"model": model, "input": {"voice_prompt": "a warm old man", "preview_text": preview, **model_input},
                            "parameters": {"sample_rate": rate, "response_format": "wav"}}
    assert 0 < len(preview) <= 200


def test_preview_is_in_the_language_of_the_voice(shown):
    said = {language: shown("--design", "x", "--name", "a", "--language", language).body["input"]["preview_text"] for language in ("zh", "en")}
    assert not said["zh"].isascii() and said["en"].isascii()
    assert shown("--design", "x", "--name", "a").body["input"]["preview_text"] == said["zh"]


ONE = [  # flags, model of the request, its input
    (["--voice-status", "cosyvoice-v3-flash-me-01"], "voice-enrollment", {"action": "query_voice", "voice_id": "cosyvoice-v3-flash-me-01"}),
    (["--voice-status", "qwen-audio-3.0-tts-plus-me-01"], "voice-enrollment",
     {"action": "query_voice", "voice_id": "qwen-audio-3.0-tts-plus-me-01"}),
    (["--voice-status", "any", "--model", "cosyvoice-v2"], "voice-enrollment", {"action": "query_voice", "voice_id": "any"}),
    (["--voice-status", "any", "--model", "qwen3-tts-vd-2026-01-26"], "qwen-voice-design", {"action": "query", "voice": "any"}),
    (["--delete-voice", "cosyvoice-v3-flash-me-01"], "voice-enrollment", {"action": "delete_voice", "voice_id": "cosyvoice-v3-flash-me-01"}),
    (["--delete-voice", "any", "--model", "qwen3-tts-vd-2026-01-26"], "qwen-voice-design", {"action": "delete", "voice": "any"}),
    (["--delete-voice", "any", "--model", "qwen3-tts-vc-2026-01-22"], "qwen-voice-enrollment", {"action": "delete", "voice": "any"}),
    (["--my-voices", "--model", "cosyvoice-v3-flash"], "voice-enrollment", {"action": "list_voice", "page_index": 0, "page_size": PAGE}),
    (["--my-voices", "--model", "qwen3-tts-vc-2026-01-22"], "qwen-voice-enrollment", {"action": "list", "page_index": 0, "page_size": PAGE}),
    (["--my-voices", "--model", "qwen3-tts-vd-2026-01-26"], "qwen-voice-design", {"action": "list", "page_index": 0, "page_size": PAGE}),
    # this service has no query, so the list is asked; nothing may be sent by a dry run
    (["--voice-status", "any", "--model", "qwen3-tts-vc-2026-01-22"], "qwen-voice-enrollment",
     {"action": "list", "page_index": 0, "page_size": PAGE}),
]


@pytest.mark.parametrize("flags, model, model_input", ONE)
def test_list_query_delete(shown, flags, model, model_input):
    request = shown(*flags)
    assert request.url == "https://h/api/v1" + CUSTOMIZATION and request.body == {"model": model, "input": model_input}


def test_builders_are_those_of_the_commands(shown):
    assert clone_body(QWEN_CLONE, VC, "anna", ADDRESS) == shown("--clone", ADDRESS, "--name", "anna", "--model", VC).body
    assert design_body(COSY, DESIGN_MODEL, "a", "x", "y", "zh", None) == shown(
        "--design", "x", "--name", "a", "--preview-text", "y").body
    assert [list_body(COSY, page)["input"]["page_index"] for page in (0, 1, 7)] == [0, 1, 7]
    assert one_body(COSY, COSY.delete, "v") == {"model": "voice-enrollment", "input": {"action": "delete_voice", "voice_id": "v"}}


@pytest.mark.parametrize("flags", [["--voice-status", "any"], ["--delete-voice", "any"], ["--voice-status", "qwen3-tts-flash-x"]])
def test_voice_whose_service_cannot_be_told_needs_a_model(flags):
    said = refusal(*flags)
    assert "--model" in said and "--my-voices" in said


@pytest.mark.parametrize("flags", [["--voice-status", "my-voice-1"], ["--delete-voice", "my-voice-1"], ["--my-voices"]])
def test_minimax_has_no_list_and_no_delete(flags):
    assert "ids that you chose yourself" in refusal(*flags, "--model", "MiniMax/speech-2.8-hd")


# ---- services --------------------------------------------------------------------------------------------------------

def test_service_of_every_model():
    for model in [row.id for row in MODELS]:
        expected = QWEN_CLONE if "-vc-" in model else QWEN_DESIGN if "-vd-" in model else MINIMAX if model.startswith("MiniMax/") else \
            COSY if model.startswith(("cosyvoice-", "qwen-audio-")) and "next" not in model else None
        if expected:
            assert service_of(model) is expected
        else:
            with pytest.raises(Failure) as caught:
                service_of(model)
            assert model in caught.value.message and CLONE_MODEL in caught.value.fix and "qwen3-tts" not in caught.value.fix


@pytest.mark.parametrize("flags, words", [
    (["--clone", ADDRESS, "--name", "a", "--model", "qwen3-tts-vd-2026-01-26"], ["--design", CLONE_MODEL]),
    (["--clone", ADDRESS, "--name", "a", "--model", "qwen3-tts-flash"], ["no voices of your own", CLONE_MODEL]),
    (["--design", "x", "--name", "a", "--model", "qwen3-tts-vc-2026-01-22"], ["--clone", DESIGN_MODEL]),
    (["--design", "x", "--name", "a", "--model", "cosyvoice-v2"], ["cosyvoice-v2", DESIGN_MODEL]),
    (["--design", "x", "--name", "abcdefgh", "--model", "MiniMax/speech-2.8-hd"], ["--clone", DESIGN_MODEL]),
    (["--my-voices", "--model", "qwen-tts"], ["qwen-tts", CLONE_MODEL])])
def test_model_that_has_no_such_voices(flags, words):
    said = refusal(*flags)
    assert all(word in said for word in words)


# ---- names -----------------------------------------------------------------------------------------------------------

NAMES = {  # model -> legal names, illegal ones
    "qwen3-tts-vc-2026-01-22": (["a", "Anna_01", "x" * 16, "_"], ["x" * 17, "an na", "anna-1", "安娜", "a.b", "a\n"]),
    "qwen-audio-3.1-tts-flash": (["a", "anna01", "123456789"], ["Anna", "1234567890", "an_na", "an-na", "安娜", "", "a\n"]),
    "cosyvoice-v3-flash": (["a", "anna01", "123456789"], ["Anna", "1234567890", "an_na", "an-na", "安娜", "a b"]),
    "MiniMax/speech-02-hd": (["abcdefgh", "Anna-voice_1", "a" * 256, "A1234567"],
                             ["abcdefg", "1abcdefgh", "-abcdefgh", "abcdefgh-", "abcdefgh_", "a" * 257, "anna voice", "anna.voice", "安娜" * 4]),
}


@pytest.mark.parametrize("model, good, bad", [(model, *names) for model, names in NAMES.items()])
def test_names(shown, model, good, bad):
    field = service_of(model).name
    for name in good:
        assert shown("--clone", ADDRESS, "--model", model, "--name", name).body["input"][field] == name
        assert is_id(name), "the id of a voice that is paid holds it, and must be understood"
    for name in filter(None, bad):
        said = refusal("--clone", ADDRESS, "--model", model, f"--name={name}")
        assert "--name" in said and "legal" in said
    assert "--name is missing" in refusal("--clone", ADDRESS, "--model", model)


@pytest.mark.parametrize("model, name, legal", [("qwen3-tts-vd-2026-01-26", "x" * 16, True), ("qwen3-tts-vd-2026-01-26", "x" * 17, False),
                                                ("cosyvoice-v3.5-plus", "x" * 9, True), ("cosyvoice-v3.5-plus", "x" * 10, False)])
def test_names_of_designed_voices(shown, model, name, legal):
    flags = ("--design", "x", "--model", model, "--name", name)
    if legal:
        assert shown(*flags).body["input"][service_of(model).name] == name
    else:
        assert "--name" in refusal(*flags)


# ---- recordings ------------------------------------------------------------------------------------------------------

@pytest.fixture
def sample(tmp_path):
    def write(data, name="me.wav"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name
    return write


MP3 = b"\xff\xfb\x90\xc0" + bytes(413)


@pytest.mark.parametrize("data, mime", [
    (recording(), "audio/wav"), (MP3 * 400, "audio/mpeg"), (recording(3), "audio/wav"), (recording(60, 24000), "audio/wav")], ids=range(4))
def test_file_goes_as_a_data_url(shown, sample, data, mime):
    """What it is comes from its bytes, not from its name."""
    path = sample(data, "me.ogg")
    for given in (path, path.as_uri(), data_url(data, mime)):
        assert shown("--clone", given, "--name", "a", "--model", VC).body["input"]["audio"] == {
            "data": f"data:{mime};base64,{base64.b64encode(data).decode()}"}


@pytest.mark.parametrize("data, words", [
    (b"", "empty"), (b"\x89PNG\r\n\x1a\n" + bytes(50), "whatever its name says"), (b"hello", "whatever its name says"),
    (recording(2.5), "2.5 seconds"), (recording(61, 24000), "61.0 seconds"), (recording(10, 16000), "16000 Hz"),
    (MP3 + bytes(10_000_000), "10.0 MB")], ids=range(7))
def test_file_that_is_no_recording_is_refused(sample, data, words):
    said = refusal("--clone", sample(data), "--name", "a", "--model", VC)
    assert words in said and "--clone" in said and RECORDING.max_bytes == 10_000_000


def test_recording_that_is_not_there_is_refused(tmp_path):
    assert "does not exist" in refusal("--clone", tmp_path / "none.wav", "--name", "a")
    assert "folder" in refusal("--clone", tmp_path, "--name", "a")


@pytest.mark.parametrize("model, name", [("cosyvoice-v3-flash", "a"), ("qwen-audio-3.0-tts-flash", "a"), ("MiniMax/speech-2.8-hd", "abcdefgh")])
def test_services_that_fetch_the_recording_take_no_file(sample, model, name):
    said = refusal("--clone", sample(recording()), "--model", model, "--name", name)
    assert "https" in said and "does not take a file" in said


def test_consent_is_asked_for_with_the_cost():
    for model, name, cost in ((VC, "a", "0.01 CNY"), (CLONE_MODEL, "a", "free"),
                              ("MiniMax/speech-2.8-hd", "abcdefgh", "9.9 CNY")):
        said = refusal("--clone", ADDRESS, "--name", name, "--model", model, dry=False)
        assert "--consent" in said and cost in said


@pytest.mark.parametrize("flags, high", [
    (("--clone", ADDRESS, "--name", "a", "--model", VC), 0.01), (("--design", "An old man", "--name", "a", "--preview-text", "你好"), 0.0),
    (("--clone", ADDRESS, "--name", "abcdefgh", "--model", "MiniMax/speech-2.8-hd"), 9.9)])
def test_a_voice_is_estimated_without_consent(run, emulator, flags, high):
    done = run(*flags, "--estimate", "--json", skill="qianwen-audio-tts", key=None)
    assert done.code == 0 and done.document["estimate"]["low"] >= high and not emulator.requests
    assert done.document["estimate"]["units"]["voices"] == 1


# ---- limits ----------------------------------------------------------------------------------------------------------

LIMITS = [("cosyvoice-v3.5-plus", "--design", 500), ("cosyvoice-v3.5-plus", "--preview-text", 200), (VD, "--design", 2048),
          (VD, "--preview-text", 1024)]


@pytest.mark.parametrize("model, flag, most", LIMITS)
@pytest.mark.parametrize("letter", ["x", "好"])
def test_lengths(shown, model, flag, most, letter):
    def flags(text):
        return ["--model", model, "--name", "a", flag, text] + ([] if flag == "--design" else ["--design", "x"])

    field = {"--design": "voice_prompt", "--preview-text": "preview_text"}[flag]
    assert shown(*flags(letter * most)).body["input"][field] == letter * most
    said = refusal(*flags(letter * (most + 1)))
    assert flag in said and str(most) in said and str(most + 1) in said
    assert flag in refusal(*flags(" "))


@pytest.mark.parametrize("model, legal", [(VD, (8000, 16000, 24000, 48000)), ("cosyvoice-v3-flash", (16000, 24000, 48000))])
def test_sample_rate_of_the_preview(shown, model, legal):
    for rate in (8000, 16000, 22050, 24000, 44100, 48000):
        flags = ("--design", "x", "--name", "a", "--model", model, "--sample-rate", rate)
        if rate in legal:
            assert shown(*flags).body["parameters"]["sample_rate"] == rate
        else:
            assert "--sample-rate" in refusal(*flags) and f"legal: {', '.join(map(str, legal))}" in refusal(*flags)


TEN = ("zh", "en", "de", "it", "pt", "es", "ja", "ko", "fr", "ru")


@pytest.mark.parametrize("flags, legal, wrong", [
    (["--clone", ADDRESS, "--model", VC], TEN, ("th", "xx", "Chinese", "auto")), (["--design", "x", "--preview-text", "y",
            "--model", VD], TEN, ("th", "xx")),
    (["--design", "x", "--preview-text", "y", "--model", "cosyvoice-v3-flash"], ("zh", "en"), ("ja", "xx")),
    (["--design", "x", "--model", "cosyvoice-v3.5-plus"], ("zh", "en"), ("ja",))])
def test_languages_of_voices(shown, flags, legal, wrong):
    for language in legal:
        sent = shown(*flags, "--name", "a", "--language", language).body["input"]
        assert language in (sent.get("language"), *sent.get("language_hints", ()))
    for language in wrong:
        said = refusal(*flags, "--name", "a", "--language", language)
        assert language in said and ", ".join(legal) in said


@pytest.mark.parametrize("model, languages", [  # section 9.2, and 6.2 for qwen-audio
    ("cosyvoice-v3-plus", "zh en fr de ja ko ru"), ("cosyvoice-v3-flash", "zh en fr de ja ko ru pt th id vi"),
    ("cosyvoice-v3.5-plus", "zh en fr de ja ko ru pt th id vi"), ("qwen-audio-3.0-tts-flash", "zh en ja ko ru fr de pt th id vi es it ms fil ar")])
def test_languages_of_cloned_voices_of_cosyvoice(shown, model, languages):
    for language in languages.split():
        sent = shown("--clone", ADDRESS, "--name", "a", "--model", model, "--language", language).body["input"]
        assert sent["language_hints"] == [language]


@pytest.mark.parametrize("flags, words", [
    (["--clone", ADDRESS, "--name", "a", "--model", "cosyvoice-v3-flash", "--transcript", "x"], ["--transcript", "leave it out"]),
    (["--clone", ADDRESS, "--name", "abcdefgh", "--model", "MiniMax/speech-2.8-hd", "--transcript", "x"], ["--transcript", "leave it out"]),
    (["--clone", ADDRESS, "--name", "abcdefgh", "--model", "MiniMax/speech-2.8-hd", "--language", "en"], ["--language"]),
    (["hello", "--clone", ADDRESS, "--name", "a"], ["--preview-text"]), (["--my-voices", "--set", "x=1"], ["--set"]),
    (["--my-voices", "--request", "x.json"], ["--request"])])
def test_flags_that_have_no_place_are_refused(flags, words):
    said = refusal(*flags)
    assert all(word in said for word in words)


COMMANDS = {"--list-voices": [], "--my-voices": [], "--voice-status": ["cosyvoice-v2-a-1"], "--delete-voice": ["cosyvoice-v2-a-1"],
            "--clone": [ADDRESS, "--name", "a"], "--design": ["x", "--name", "a"]}
TAKEN = {("--language", "zh"): ("--list-voices", "--clone", "--design"), ("-o", "a.wav"): ("--clone", "--design"),
         ("--sample-rate", "8000"): ("--design",),
         **{flag: () for flag in (("--request", "a.json"), ("--set", "x=1"), ("--gallery",), ("--pause", "5"), ("--voice", "v"), ("--ssml",))}}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_about_voices_takes_no_flag_that_it_would_ignore(command):
    for flag, takers in TAKEN.items():
        options = make_parser().parse_args([command, *COMMANDS[command], *flag])
        if command in takers:
            check_single(options)
        else:
            with pytest.raises(Failure) as caught:
                check_single(options)
            name = "--output" if flag[0] == "-o" else flag[0]
            assert caught.value.message == f"{name} has no effect here: nothing is spoken" and caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("flags, words", [
    (["T", "--name", "a"], "--name"), (["T", "--consent"], "--consent"), (["T", "--transcript", "x"], "--transcript"),
    (["T", "--preview-text", "x"], "--preview-text"), (["--design", "x", "--name", "a", "--consent"], "--consent"),
    (["--clone", ADDRESS, "--design", "x", "--name", "a"], "--clone"), (["--my-voices", "--delete-voice", "x"], "--my-voices"),
    (["--my-voices", "--list-voices"], "--list-voices"), (["--clone", ADDRESS, "--batch", "x.jsonl"], "--batch"),
    (["--my-voices", "--stream"], "--stream"), (["--my-voices", "--estimate"], "--estimate"), (["T", "--gender", "male"], "--gender")])
def test_flags_that_do_not_go_together_are_refused(flags, words):
    with pytest.raises(Failure) as caught:
        check_single(make_parser().parse_args(flags))
    assert caught.value.exit_code == Exit.USAGE and words in caught.value.message + caught.value.fix


def test_which_commands_are_about_voices():
    for flags in (["--my-voices"], ["--clone", "f"], ["--design", "x"], ["--delete-voice", "x"], ["--voice-status", "x"]):
        assert manages(make_parser().parse_args(flags))
    for flags in (["T"], ["--list-voices"], ["T", "--voice", "x"]):
        assert not manages(make_parser().parse_args(flags))


# ---- the list --------------------------------------------------------------------------------------------------------

COSY_ROW = {"voice_id": "cosyvoice-v3.5-plus-vd-anna-01", "gmt_create": "2026-09-01 10:00:00", "gmt_modified": "2026-09-01 10:00:00",
            "status": "DEPLOYING"}
QWEN_ROW = {"voice": "qwen-tts-vc-anna-voice-2026", "language": "zh", "target_model": "qwen3-tts-vc-2026-01-22", "gmt_create": "2026-09-01 10:00:00"}


@pytest.fixture
def pages(monkeypatch):
    """What a service says of its voices, page by page."""
    def told(service, *outputs):
        asked = []

        def call(self, body, safety, at):
            asked.append(body)
            output = [*outputs, {"voice_list": []}][min(len(asked), len(outputs) + 1) - 1]
            if isinstance(output, Failure):
                raise output
            return SimpleNamespace(body={"output": output})
        monkeypatch.setattr(Custom, "_call", call)
        return custom("--my-voices")._pages(service), asked
    return told


def test_voices_of_all_services_look_alike(pages):
    assert pages(COSY, {"voice_list": [COSY_ROW]})[0] == [{
        "id": "cosyvoice-v3.5-plus-vd-anna-01", "model": "cosyvoice-v3.5-plus", "status": "DEPLOYING", "created": "2026-09-01 10:00:00",
        "language": "", "service": "voice-enrollment"}]
    assert pages(QWEN_CLONE, {"voice_list": [QWEN_ROW], "total_count": 1})[0] == [{
        "id": "qwen-tts-vc-anna-voice-2026", "model": "qwen3-tts-vc-2026-01-22", "status": "OK", "created": "2026-09-01 10:00:00",
        "language": "zh", "service": "qwen-voice-enrollment"}]


def page_of(number, count, **told):
    return {"voice_list": [{**QWEN_ROW, "voice": f"{number}-{one}"} for one in range(count)], **told}


@pytest.mark.parametrize("total", [False, True], ids=["no total", "total"])
@pytest.mark.parametrize("counts", [[0], [1], [PAGE - 1], [PAGE], [PAGE, PAGE, 3], [10, 10, 5]], ids=str)
def test_pages_are_asked_for_until_all_voices_are_there(pages, counts, total):
    """A service may give fewer a page than it is asked for; where it tells no total, a page without any is the end."""
    told = {"total_count": sum(counts)} if total else {}
    found, asked = pages(QWEN_DESIGN, *(page_of(page, count, **told) for page, count in enumerate(counts)))
    assert len(found) == len({voice["id"] for voice in found}) == sum(counts)
    assert asked == [list_body(QWEN_DESIGN, page) for page in range(len(counts) + (counts[0] > 0 and not total))]


def test_a_service_that_gives_the_same_page_again_ends_the_list(pages):
    found, asked = pages(COSY, *[page_of(0, 3)] * 5)
    assert len(found) == 3 and len(asked) == 2


NO_PAGE = Failure(Exit.FAILED, "page_index is not legal", http_status=400)


def test_a_page_that_need_not_be_there_may_be_refused_and_no_other(pages):
    assert len(pages(COSY, page_of(0, 3), NO_PAGE)[0]) == 3
    for outputs in ([NO_PAGE], [page_of(0, 3, total_count=9), NO_PAGE], [page_of(0, PAGE), NO_PAGE],
                    [page_of(0, 3), Failure(Exit.NETWORK, "reset")]):
        with pytest.raises(Failure):
            pages(COSY, *outputs)


REFUSALS = {"404": Failure(Exit.FAILED, "Model not exist.", http_status=404), "403": Failure(Exit.KEY, "access denied", http_status=403)}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_service_that_is_no_more_leaves_the_voices_of_the_others(run, monkeypatch, refusal):
    assert run("--design", "a warm old man", "--name", "grandpa", skill="qianwen-audio-tts").code == 0
    told, gone = Custom._call, {QWEN_CLONE.model, QWEN_DESIGN.model}

    def call(self, body, *more):
        if body["model"] in gone:
            raise REFUSALS[refusal]
        return told(self, body, *more)
    monkeypatch.setattr(Custom, "_call", call)
    done = run("--my-voices", "--json", skill="qianwen-audio-tts")
    assert done.code == 0 and [voice["name"] for voice in done.document["voices"]] == ["grandpa"], done
    assert [service.model in warning and REFUSALS[refusal].message in warning
            for service, warning in zip((QWEN_CLONE, QWEN_DESIGN), done.document["warnings"])] == [True, True]
    assert run("--my-voices", "--model", VC, skill="qianwen-audio-tts").code == REFUSALS[refusal].exit_code
    gone.add(COSY.model)
    assert run("--my-voices", skill="qianwen-audio-tts").code == REFUSALS[refusal].exit_code


@pytest.mark.parametrize("more", [(), ("--model", "cosyvoice-v3.5-plus")])
def test_a_deletion_that_broke_off_costs_nothing_and_may_be_looked_at(run, emulator, more):
    emulator.inject("reset", None)
    done = run("--delete-voice", ID, *more, skill="qianwen-audio-tts")
    assert done.code == 6 and len(emulator.requests) == 1, done
    assert "twice" not in done.err and "billed" not in done.err, done
    assert f"tts.py --voice-status {ID}{' ' * bool(more)}{' '.join(more)}\n" in done.err.split("next:")[1], done


ID = "cosyvoice-v3.5-plus-vd-anna-01"


@pytest.mark.parametrize("output", [{"voices": [COSY_ROW]}, [COSY_ROW], {"voice_list": [ID]}, [ID], {"voice_list": [COSY_ROW, None, 7]},
                                    {"voices": [{"id": ID}]}], ids=str)
def test_list_in_another_form_is_read(pages, output):
    assert [voice["id"] for voice in pages(COSY, output)[0]] == [ID]


@pytest.mark.parametrize("output", [{"voice_list": []}, {"voice_list": None}, {"total_count": 0, "page_size": 100}, []], ids=str)
def test_list_of_no_voices(pages, output):
    assert pages(COSY, output)[0] == []


@pytest.mark.parametrize("output", [None, "x", {}, {"voice_list": "x"}, {"voice_list": {}}, {"voice_list": {"a": 1}}, {"total_count": 3},
                                    {"voice_list": [None, 7, "", []]}], ids=str)
def test_list_that_cannot_be_read_is_not_taken_for_an_empty_one(pages, output):
    with pytest.raises(Failure, match="the list of voices of voice-enrollment cannot be read") as caught:
        pages(COSY, output)
    assert caught.value.exit_code == Exit.FAILED and caught.value.fix


@pytest.mark.parametrize("odd", [None, 7, [], {}, True])
def test_hostile_row_never_crashes(pages, odd):
    for name in ("voice_id", "voice", "target_model", "status", "gmt_create", "language"):
        found = pages(COSY, {"voice_list": [{**COSY_ROW, name: odd}]})[0]
        assert len(found) == 1 and all(isinstance(value, str) for value in found[0].values())


@pytest.mark.parametrize("model", ["cosyvoice-v3-flash", "cosyvoice-v3.5-flash", "cosyvoice-v3-plus", "cosyvoice-v2", "qwen-audio-3.0-tts-plus"])
def test_model_of_a_voice_is_told_from_its_id(pages, model):
    assert pages(COSY, {"voice_list": [{"voice_id": f"{model}-anna-01"}]})[0][0]["model"] == model


# ---- the first sound ---------------------------------------------------------------------------------------------------

LINK, SOUND = "https://results.oss-cn-beijing.aliyuncs.com/a.wav?Signature=s", b"\xfb\xff\xfe\xff" * 6000  # in base64 with + and /


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def designed(run, work, monkeypatch):
    """What --design makes of an answer; `linked` is behind LINK."""
    def make(preview, linked=b""):
        def fetch(client, url, file, **_):
            if not linked:
                raise Failure(Exit.UNSAVED, "a result could not be downloaded: HTTP 403", files=[{"url": url}])
            assert url == LINK and file.write(linked)
        reply = SimpleNamespace(request_id="r", body={"output": {"voice_id": "cosyvoice-v3.5-plus-vd-a-1", "preview_audio": preview}})
        monkeypatch.setattr(Custom, "_paid", lambda *_: (reply, creation(find_model(DESIGN_MODEL)[0])))
        monkeypatch.setattr(Custom, "_wait", lambda *_: "OK")
        monkeypatch.setattr("shared.transport.download.fetch", fetch)
        done = run("--design", "x", "--name", "a", "-o", "p.wav", "--json", skill="qianwen-audio-tts")
        assert done.code == 0 and done.document["voice"], done
        return done
    return make


GOOD, PLACEHOLDER = header(24000, len(SOUND)) + SOUND, header(24000, 0x7FFFFFFF) + SOUND


@pytest.mark.parametrize("preview, linked", [
    ({"data": coded(GOOD)}, b""), ({"data": coded(PLACEHOLDER)}, b""), ({"url": LINK}, PLACEHOLDER),
    ({"data": coded(GOOD).replace("+", "-").replace("/", "_").rstrip("=")}, b""), ({"data": "%%%", "url": LINK}, GOOD),
    ({"data": coded(b"RIFF\0\0\0\0WAVE"), "url": LINK}, GOOD), (LINK, GOOD)], ids=range(7))
def test_the_first_sound_of_a_voice_is_checked_as_any_speech_is(designed, work, preview, linked):
    done = designed(preview, linked)
    (entry,), saved = done.document["files"], (work / "p.wav").read_bytes()
    assert saved == GOOD and entry["path"] == "p.wav" and entry.get("url") == (LINK if linked else None) and not done.document["warnings"]


def test_what_minimax_says_with_a_new_voice_is_saved_and_billed_by_its_count(run, emulator, work, monkeypatch):
    """Section 9.7: demo_audio is a link, usage.characters what was spoken."""
    told = Custom._call

    def call(self, body, *more):
        reply = told(self, body, *more)
        reply.body["usage"] = {"characters": 41}
        return reply
    monkeypatch.setattr(Custom, "_call", call)
    flags = ("--clone", ADDRESS, "--model", "MiniMax/speech-2.8-hd", "--consent", "--preview-text", "Good evening.", "--json")
    done = run(*flags, "--name", "anna-voice", "-o", "p.mp3", skill="qianwen-audio-tts")
    (entry,), billing = done.document["files"], done.document["billing"]
    assert done.code == 0 and entry["path"] == "p.mp3" and entry["media_type"] == "audio/mpeg" and entry["url"].startswith("http"), done
    assert voicing.decode_mp3((work / "p.mp3").read_bytes()) == "Good evening." and not done.document["warnings"]
    assert billing["units"] == {"voices": 1, "characters": 41} and billing["cost"]["amount"] == pytest.approx(9.9 + 41 * 3.5 / 10_000)
    other = run(*flags, "--name", "anna-voice2", skill="qianwen-audio-tts").document["files"][0]["path"]
    assert other.startswith("anna-voice2-preview-") and other.endswith(".mp3")


@pytest.mark.parametrize("demo, saved", [(GOOD.hex(), True), (coded(GOOD), False)], ids=["hex", "base64"])
def test_what_minimax_says_with_a_new_voice_is_read_as_its_speech_is(run, emulator, work, monkeypatch, demo, saved):
    """Section 14: one decoder for each family."""
    told = Custom._call

    def call(self, body, *more):
        reply = told(self, body, *more)
        reply.body["output"]["demo_audio"] = demo
        return reply
    monkeypatch.setattr(Custom, "_call", call)
    done = run("--clone", ADDRESS, "--model", "MiniMax/speech-2.8-hd", "--consent", "--name", "anna-voice", "-o", "p.wav", "--overwrite",
               skill="qianwen-audio-tts")
    assert done.code == 0 and (work / "p.wav").exists() == saved and ("no preview that can be played" in done.err) != saved, done
    assert not saved or (work / "p.wav").read_bytes() == GOOD


@pytest.mark.parametrize("model", [CLONE_MODEL, VC])
def test_a_service_that_speaks_nothing_first_takes_no_output(model):
    said = refusal("--clone", ADDRESS, "--name", "a", "--model", model, "-o", "p.wav")
    assert f"--output has no effect with --clone for {model}" in said


@pytest.mark.parametrize("preview", [{"data": coded(b"RIFF\0\0\0\0WAVE")}, {"data": coded(b'{"error": "no sound"}')}, {"data": "%%%"}, {}, None, [7],
                                     {"data": GOOD.hex()}], ids=range(7))
def test_what_is_no_sound_is_not_saved_as_the_first_sound(designed, work, preview):
    done = designed(preview)
    assert not done.document["files"] and not list(work.glob("p*")) and "no preview that can be played" in done.document["warnings"][0]


@pytest.mark.parametrize("linked", [b"", b"<html><body>Sign in</body></html>" * 9])
def test_a_first_sound_that_cannot_be_fetched_leaves_its_link(designed, work, linked):
    done = designed({"url": LINK}, linked)
    assert done.document["files"] == [{"url": LINK}] and LINK in done.err and not list(work.glob("p*"))
    assert "the preview could not be saved" in done.document["warnings"][0]


def test_the_name_of_a_voice_is_not_its_id(run, emulator):
    made = run("--design", "a warm old man", "--name", "grandpa", skill="qianwen-audio-tts")
    voice, sent = made.out.strip(), len(emulator.requests)
    by_name = run("Hello", "--voice", "grandpa", skill="qianwen-audio-tts")
    assert by_name.code == 2 and f"use --voice {voice}; " in by_name.err and len(emulator.requests) == sent, by_name
    by_id = run("Hello", "--voice", voice, "--model", "cosyvoice-v3.5-plus", skill="qianwen-audio-tts")
    assert by_id.code == 0 and by_id.out.endswith(".wav\n"), by_id


def test_a_system_voice_may_be_what_a_voice_is_named(run):
    assert run("--design", "a bright girl", "--name", "cherry", skill="qianwen-audio-tts").code == 0
    spelt = run("Hello", "--voice", "Cherry", skill="qianwen-audio-tts")
    assert spelt.code == 0, spelt
