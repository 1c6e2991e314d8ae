"""What people and agents often type wrong: it costs nothing, and `next:` names the right way."""
from __future__ import annotations

import json

import pytest

from tests.conftest import SCRIPTS

FLAG = {"qianwen-text": "--attach", "qianwen-vision": "--image", "qianwen-image-generation": "--image",
        "qianwen-video-generation": "--image", "qianwen-audio-tts": "--text-file"}


@pytest.mark.parametrize("skill", SCRIPTS)
@pytest.mark.parametrize("name", ["notes.md", "my notes.md"])
def test_a_file_where_the_prompt_goes_is_not_paid_for(run, emulator, work, skill, name):
    work.joinpath(name).write_text("The shop is open.", "utf-8")
    result = run(name, skill=skill)
    assert result.code == 2 and f"'{name}' is a file, but it stands where the " in result.err, result
    assert f"{FLAG[skill]} FILE" in result.err and not emulator.requests
    assert f"--{'text' if skill == 'qianwen-audio-tts' else 'prompt'}-file FILE\n" in result.err


@pytest.mark.parametrize("prompt", ["notes.md", "fox"])
def test_words_that_name_no_file_or_a_folder_are_a_prompt(run, emulator, work, prompt):
    work.joinpath("fox").write_text("a file without an ending may have the name of anything", "utf-8")
    work.joinpath("notes.md").mkdir()
    assert run(prompt).code == 0 and emulator.chat_requests[-1].json["messages"][-1]["content"] == prompt


@pytest.mark.parametrize("skill, arguments, hint", [
    ("qianwen-text", ["Hello", "--outpt", "x.md"], "did you mean --output?"),
    ("qianwen-text", ["Sum up", "--file", "notes.txt"], "did you mean --attach?"),
    ("qianwen-text", ["--prompt", "Hello"], "write the text without --prompt, first and in quotes"),
    ("qianwen-text", ["--prompt=Hello"], "write the text without --prompt, first and in quotes"),
    ("qianwen-text", ["Sum", "up", "this"], "put the prompt in quotes, and every file behind its flag"),
    ("qianwen-text", ["Hello", "--zzz"], "leave --zzz out"),
    ("qianwen-vision", ["What?", "--images", "a.png"], "did you mean --image?"),
    ("qianwen-vision", ["photo.png", "What is it?"], "put the prompt in quotes, and every file behind its flag"),
    ("qianwen-image-generation", ["A cat", "--ratio", "16:9"], "did you mean --aspect?"),
    ("qianwen-video-generation", ["A cat", "--aspect-ratio", "16:9"], "did you mean --ratio?"),
    ("qianwen-audio-tts", ["--text", "Hello"], "write the text without --text, first and in quotes"),
    ("qianwen-audio-tts", ["--file", "a.md"], "did you mean --text-file?"),
])
def test_unknown_flags_and_words(run, emulator, skill, arguments, hint):
    result = run(*arguments, skill=skill)
    assert result.code == 2 and "error: unrecognized arguments: " in result.err, result
    assert f"next: {hint} (see {SCRIPTS[skill].name} --help)\n" in result.err and not emulator.requests


@pytest.mark.parametrize("flag", ["--resume", "--status", "--cancel"])
@pytest.mark.parametrize("skill", ["qianwen-text", "qianwen-image-generation", "qianwen-video-generation"])
def test_an_id_that_is_empty(run, emulator, skill, flag):
    result = run(flag, "", skill=skill)
    assert result.code == 2 and f"argument {flag}: it is empty; " in result.err and not emulator.requests, result


@pytest.mark.parametrize("skill, flag", [("qianwen-vision", "--video"), *(
    ("qianwen-text", flag) for flag in ("--chat", "--messages", "--tools", "--tool-choice", "--terms"))])
def test_an_input_that_is_empty_is_not_passed_over(run, emulator, work, skill, flag):
    """Of a batch, an empty cell stands for nothing."""
    result = run("What?", flag, "", skill=skill)
    assert result.code == 2 and f"argument {flag}: it is empty; " in result.err and not emulator.requests, result
    (work / "rows.csv").write_text(f"prompt,{flag[2:]}\nHi,\n")
    if skill == "qianwen-text" and flag != "--chat":
        assert run("--batch", "rows.csv", "-o", "out/").code == 0


@pytest.mark.parametrize("value", ["", " ", "\n"])
@pytest.mark.parametrize("skill, flag", [*((skill, "--model") for skill in SCRIPTS),
                                         *(("qianwen-audio-tts", flag) for flag in (
                                             "--voice", "--voice-status", "--delete-voice", "--design", "--clone", "--language", "--name",
                                             "--preview-text", "--transcript"))])
def test_a_flag_that_is_empty_is_not_taken_for_none(run, emulator, skill, flag, value):
    """As `--voice "$(cat anna.txt)"` gives it, where the file is empty."""
    result = run("P", flag, value, skill=skill)
    assert result.code == 2 and f"argument {flag}: it is empty; " in result.err and not emulator.requests, result


PLAIN = {"qwen3.8-flash": ("qianwen-text", "P"), "qwen3.7-plus": ("qianwen-vision", "P", "--image", "https://example.com/a.png"),
         "wan2.7-image-pro": ("qianwen-image-generation", "P"), "wan2.6-t2v": ("qianwen-video-generation", "P"),
         "MiniMax/speech-02-hd": ("qianwen-audio-tts", "P")}


@pytest.mark.parametrize("model", PLAIN)
def test_a_model_by_set_is_checked_routed_and_priced_as_by_model(run, emulator, model):
    skill, *given = PLAIN[model]
    for end in ("--estimate", "--dry-run"):
        said = [run(*given, *way, end, "--json", skill=skill, key=None) for way in
                (("--model", model), ("--set", f"model={model}"), ("--model", "qwen-max", "--set", f'model="{model}"'))]
        assert said[0].code == 0 and model in said[0].out, said[0]
        assert said[0].out == said[1].out == said[2].out and not emulator.requests
    for value in ("", " ", "5", "[]"):
        refused = run(*given, "--set", f"model={value}", skill=skill)
        assert refused.code == 2 and f"--set model={value} names no model" in refused.err and not emulator.requests


@pytest.mark.parametrize("model", PLAIN)
def test_a_model_in_a_request_that_is_no_text_is_refused(run, emulator, work, model):
    """And not taken for the default."""
    skill, *given = PLAIN[model]
    for value in (5, ["wan"], {}, False):
        work.joinpath("r.json").write_text(json.dumps({"model": value}), "utf-8")
        refused = run(*given, "--request", "r.json", "--dry-run", skill=skill)
        assert refused.code == 2 and f"model is {json.dumps(value)}, which is no id" in refused.err, refused


def test_a_model_by_set_that_needs_a_websocket_is_refused(run, emulator):
    result = run("P", "--set", "model=qwen3-tts-flash-realtime", skill="qianwen-audio-tts")
    assert result.code == 2 and "only available over a WebSocket" in result.err and not emulator.requests


def test_a_row_may_name_its_model_by_set(run, emulator, work):
    rows = [{"prompt": "a"}, {"prompt": "b", "set": {"model": "qwen-flash"}}, {"prompt": "c", "model": "qwen-max"}]
    work.joinpath("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert run("--batch", "rows.jsonl", "--set", "model=qwen-plus", "-o", "out/").code == 0
    assert {request.json["messages"][-1]["content"]: request.json["model"] for request in emulator.chat_requests} == {
        "a": "qwen-plus", "b": "qwen-flash", "c": "qwen-max"}
