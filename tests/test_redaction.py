"""No character of a key after its public prefix leaves the process, whatever the service echoes; results stay as they are."""
from __future__ import annotations

import json

import pytest
from shared import key_guard
from shared.key_guard import DASHSCOPE, LOOPBACK
from shared.redaction import cleaned, open_end, redact, redact_exact
from shared.transport.request import Request

from tests.conftest import ROOT
from tests.test_key_guard import judge, run_at

KEY = "sk-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm"
KEYS = {"sk-": KEY, "sk-sp-": "sk-sp-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm", "sk-ws-": "sk-ws-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm",
        "st-": "st-qXwZkVbNp6Rt8Ys3Jd5Lm", "own": "qXwZkVbNp6Rt8Ys3Jd5Lm"}
LOOKALIKES = "pip install sk-learn; sk-test-1234 st-2024-01 AIzaSyExample Signature=abc sk-ab****cdef https://x/?Signature=a%2Bb"
STREAMS = pytest.mark.parametrize("stream", [(), ("--no-stream",)], ids=["stream", "whole"])
EVERY_KEY = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def leaks(text: str, key: str = KEY) -> list:
    """The pieces of four characters of a key's secret part that stand in `text`."""
    secret = key[len(key_guard.masked(key)) - len("***"):]
    return [secret[at:at + 4] for at in range(len(secret) - 3) if secret[at:at + 4].lower() in text.lower()]


def files_of(folder) -> str:
    """The names and contents of everything in a folder, but for `.git`."""
    paths = [path for path in folder.rglob("*") if ".git" not in path.parts]
    return "\n".join([path.name for path in paths] + [path.read_text("utf-8") for path in paths if path.is_file()])


def test_leaks_would_be_found():
    assert leaks(f"a {KEY[5:9].upper()} b") and not leaks("sk-*** sk-learn")


# ---- errors that echo the key ------------------------------------------------------------------------------------------

@EVERY_KEY
@STREAMS
@pytest.mark.parametrize("flags", [(), ("--json",), ("-v",)], ids=["human", "json", "verbose"])
def test_error_that_echoes_the_key(emulator, monkeypatch, key, stream, flags):
    """Whole, and in the two masked forms that services use: the first and last characters around stars or dots."""
    emulator.inject("echo-key", times=None)
    result = run_at(LOOPBACK, emulator, monkeypatch, key, "hello", *stream, *flags)
    assert result.code == 3 and "Incorrect API key provided" in result.err and "***" in result.err
    assert leaks(result.out + result.err, key) == []


@pytest.mark.parametrize("flags", [("hello",), ("hello", "--json", "-v"), ("--check", "--live", "--json")], ids=" ".join)
def test_error_that_echoes_the_key_to_the_real_script(run, emulator, flags):
    emulator.inject("echo-key", times=None)
    result = run(*flags, key=KEY)
    assert result.code == 3 and leaks(result.out + result.err) == []


@EVERY_KEY
def test_whole_key_in_words_for_people(key):
    assert redact(f"you sent <{key}>, {key}!", (key,)) == "you sent <{0}>, {0}!".format(key_guard.masked(key))


@pytest.mark.parametrize("echo", [
    "sk-ab****cdef", "sk-ab...cdef", "sk-ab…cdef", "sk-...cdef", "sk-sp-ab***cdef", "sk-ws-abxxxxxcdef", "SK-AB****CDEF",
    "sk-proj-ab**cdef", "st-ab12****cdef", "st-ab****cdef", "st-...cdef", "LTAIabcd1234cdef"])
def test_masked_echo_leaves_no_character(echo):
    for text in (f"Incorrect API key provided: {echo}. You can find", f"({echo})", f'key "{echo}",', f"{echo}\n"):
        cleaned = redact(text).lower()
        assert "ab" not in cleaned and "cdef" not in cleaned and "***" in cleaned


def test_error_in_the_middle_of_a_stream_that_echoes_the_key(emulator, monkeypatch):
    emulator.inject("sse-error", message=f"key {KEY} ({KEY[:6]}****{KEY[-4:]}) is over its limit")
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello", "--json", "--retries", "0")
    assert "over its limit" in result.err and leaks(result.out + result.err) == []


def test_web_page_that_echoes_the_key(emulator, monkeypatch):
    emulator.inject("error", status=500, message=f"<html><body>Bearer {KEY}</body></html>")
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello", "--retries", "0")
    assert result.code == 8 and leaks(result.out + result.err) == []


SIGNED = {
    "OSS": ("a.png?Expires=1780000000&OSSAccessKeyId=LTAIq7Xw2Zk9&Signature=q7Xw2Zk9%2BVb4Np6%3D", "Expires=1780000000"),
    "OSS version 4": ("a.png?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=q7Xw2Zk9%2F2026&x-oss-signature=q7Xw2Zk9Vb4"
                      "&x-oss-security-token=q7Xw2Zk9Vb4Np6", "x-oss-signature-version=OSS4-HMAC-SHA256"),
    "upload policy": ("?policy=q7Xw2Zk9Vb4Np6&signature=q7Xw2Zk9Vb4", "aliyuncs.com/?policy="),
}


@pytest.mark.parametrize("url, kept", SIGNED.values(), ids=SIGNED)
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["human", "json"])
def test_signature_of_a_signed_url_in_an_error(emulator, monkeypatch, url, kept, flags):
    emulator.inject("error", status=400, code="InvalidParameter",
                   message=f"cannot download <https://b.oss-cn-beijing.aliyuncs.com/{url}> now")
    result = run_at(DASHSCOPE, emulator, monkeypatch, KEY, "hello", *flags)
    assert result.code == 8 and kept in result.err and "now" in result.err and leaks(result.out + result.err) == []


# ---- answers that echo the key -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key", [KEYS["sk-"], KEYS["sk-ws-"], KEYS["st-"]], ids=["sk-", "sk-ws-", "st-"])
@STREAMS
def test_answer_that_echoes_the_key(emulator, monkeypatch, key, stream):
    emulator.inject("echo-key-answer")
    result = run_at(LOOPBACK, emulator, monkeypatch, key, "hello", *stream)
    assert (result.code, result.out) == (0, f"The key you sent is {key_guard.masked(key)}, is it not?\n")
    assert "The header says Bearer" in result.err and leaks(result.err, key) == []


@STREAMS
def test_json_document_of_an_answer_that_echoes_the_key(run, emulator, stream):
    emulator.inject("echo-key-answer")
    result = run("hello", "--json", "-v", *stream, key=KEY)
    assert result.document["text"] == "The key you sent is sk-***, is it not?"
    assert result.document["reasoning"] == "The header says Bearer sk-*** so I repeat it."
    assert leaks(result.out + result.err) == []


@STREAMS
def test_files_of_an_answer_that_echoes_the_key(run, emulator, work, stream):
    emulator.inject("echo-key-answer")
    result = run(f"is {KEY} my key?", "-o", "answer.md", "--chat", "talk.json", "--system", f"Never say {KEY}", *stream, key=KEY)
    assert result.code == 0 and (work / "answer.md").read_text() == "The key you sent is sk-***, is it not?\n"
    assert json.loads((work / "talk.json").read_text())[1]["content"] == "is sk-*** my key?"
    assert leaks(files_of(work) + result.out + result.err) == []


def test_file_name_made_from_a_prompt_that_holds_the_key(run, work):
    result = run(f"{KEY} is my key", "-o", "out/", key=KEY)
    assert result.code == 0 and leaks(files_of(work) + result.out) == []
    assert (work / result.out.strip()).is_file()


def test_part_of_an_answer_that_is_kept_after_a_cut(run, emulator, work):
    emulator.reply(chunks=[f"the key is {KEY} and", " more", " and more"])
    emulator.inject("cut-sse", times=None, after_chunks=3)
    result = run("hello", "-o", "answer.md", "--retries", "0", "--json", key=KEY)
    assert result.code == 6 and "the key is sk-*** and" in files_of(work)
    assert leaks(files_of(work) + result.out + result.err) == []


def test_tool_call_that_echoes_the_key(run, emulator, work):
    (work / "tools.json").write_text(json.dumps([{"type": "function", "function": {"name": "log_in", "parameters": {}}}]))
    emulator.reply(tool_calls=[{"name": "log_in", "arguments": {"key": KEY}}])
    result = run("log in", "--tools", "tools.json", "--chat", "talk.json", key=KEY)
    assert result.code == 0 and '{\\"key\\": \\"sk-***\\"}' in result.out
    assert leaks(result.out + result.err) == []
    assert "log_in" in (work / "talk.json").read_text() and leaks(files_of(work)) == []


# ---- a key split across the chunks of a stream -----------------------------------------------------------------------------

CUTS = {f"after {size}": [KEY[:size], KEY[size:]] for size in (1, 2, 3, 4, 10, len(KEY) - 1)}
CUTS["each character"] = list(KEY)
CUTS["twice in a row"] = [KEY + KEY[:7], KEY[7:]]


@pytest.mark.parametrize("pieces", CUTS.values(), ids=CUTS)
def test_key_split_across_chunks_of_the_answer(emulator, monkeypatch, pieces):
    emulator.reply(chunks=["it is s", "sk-", *pieces, " sk", "- done"])
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello")
    assert result.out == "it is ssk-" + "".join(pieces).replace(KEY, "sk-***") + " sk- done\n"


@pytest.mark.parametrize("pieces", CUTS.values(), ids=CUTS)
def test_key_split_across_chunks_of_the_reasoning(emulator, monkeypatch, pieces):
    emulator.reply(chunks=[{"content": None, "reasoning_content": piece} for piece in ["it is ", *pieces, " done"]] + ["answer"])
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello")
    assert result.out == "answer\n" and "it is " in result.err and " done" in result.err and leaks(result.err) == []


@pytest.mark.parametrize("fault", [None, "cut-sse"])
def test_half_a_key_at_the_end_of_an_answer(emulator, monkeypatch, fault):
    emulator.reply(chunks=["it is ", KEY[:15]])
    if fault:
        emulator.inject(fault, times=None, after_chunks=3)
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello", "--retries", "0")
    assert result.out.startswith("it is ") and leaks(result.out + result.err) == []


# ---- results stay as they are ------------------------------------------------------------------------------------------------

@STREAMS
def test_answer_that_merely_looks_similar(run, emulator, work, stream):
    emulator.reply(text=LOOKALIKES)
    assert run("hello", *stream, key=KEY).out == LOOKALIKES + "\n"
    emulator.reply(text=LOOKALIKES)
    assert run("hello", "--json", *stream, key=KEY).document["text"] == LOOKALIKES
    emulator.reply(text=LOOKALIKES)
    run("hello", "-o", "a.md", "--chat", "c.json", *stream, key=KEY)
    assert (work / "a.md").read_text() == LOOKALIKES + "\n"
    assert json.loads((work / "c.json").read_text())[-1]["content"] == LOOKALIKES


@pytest.mark.parametrize("text", ["sk-", "all begin with sk", "s", "sk-q is no key", "ask-question, risk-free", "task-1 sk-sp- sk-…"])
def test_answer_that_ends_like_the_beginning_of_the_key(emulator, monkeypatch, text):
    emulator.reply(chunks=list(text))
    assert run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello").out == text + "\n"


@pytest.mark.parametrize("text", ["a sk- key and a sk-sp- key", "sk-sp-…", "task-list risk-averse disk-usage", "no key at all",
                                  "n=1&size=2", "best-of-2 st-petersburg"])
def test_words_for_people_stay(text):
    assert redact(text) == text


def test_exact_redaction_masks_the_longest_key_first():
    assert redact_exact(f"{KEY} {KEY}-more", (KEY, KEY + "-more")) == "sk-*** sk-***"
    assert redact_exact("", (KEY,)) == "" and redact_exact("sk-learn", ()) == "sk-learn"


# ---- what the script itself says ---------------------------------------------------------------------------------------------

@EVERY_KEY
def test_dry_run(emulator, monkeypatch, key):
    result = run_at(LOOPBACK, emulator, monkeypatch, key, f"is {key} mine?", "--dry-run", "--set", f"user={key}", "--system", key)
    document = json.loads(result.out)
    assert document["headers"]["Authorization"] == "Bearer " + key_guard.masked(key)
    assert emulator.requests == [] and leaks(result.out + result.err, key) == []


@EVERY_KEY
def test_preview_of_a_request(key):
    assert leaks(str(Request("POST", "https://host/", {}).preview("qianwen-text", key_guard.inspect_key(key))), key) == []


@pytest.mark.parametrize("arguments", [
    ("--api-key", KEY), ("hello", "--model", KEY), ("hello", "--set", KEY), ("hello", "--max-tokens", KEY), ("hello", "--attach", KEY),
    ("--request", KEY), ("hello", "--messages", f"/x/{KEY}.json"), ("hello", "--timeout", KEY)],
    ids=lambda arguments: next(argument for argument in arguments if argument.startswith("--")))
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["human", "json"])
def test_key_in_the_wrong_place_of_the_command_line(emulator, monkeypatch, arguments, flags):
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, *arguments, *flags)
    assert result.code != 0 and leaks(result.out + result.err) == []


@pytest.mark.parametrize("variable, value", [
    ("QWEN_BASE_URL", KEY), ("QWEN_BASE_URL", f"https://user:{KEY}@gateway.example.com"), ("QWEN_BASE_URL", f"https://{KEY}@host"),
    ("QWEN_BASE_URL", f"https://gateway.example.com/v1?key={KEY}"), ("QWEN_BASE_URL", f"http://gateway.example.com/{KEY}"),
    ("QWEN_REGION", KEY), ("QIANWEN_KEY_GUARD", KEY)])
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["human", "json"])
def test_key_in_the_wrong_variable(emulator, monkeypatch, variable, value, flags):
    settings = {"QWEN_BASE_URL": "", variable: value}
    result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello", *flags, **settings)
    assert result.code == 2 and variable in result.err and leaks(result.out + result.err) == []


@pytest.mark.parametrize("raw", [f"{KEY[:12]} {KEY[12:]}", f"{KEY[:12]}密{KEY[12:]}", f"sk-ant-{KEY[3:]}", f"sk-proj-{KEY[3:]}"])
def test_key_that_is_refused(emulator, monkeypatch, raw):
    result = run_at(LOOPBACK, emulator, monkeypatch, raw, "hello", "-v")
    assert result.code == 3 and leaks(result.out + result.err) == []


DEFECT = """
import sys
sys.path[:0] = [{scripts!r}]
import text
from shared.main import run_script

def broken(session):
    account = session.account
    raise RuntimeError("Bearer " + account.key.value + " " + repr(account.key) + " " + repr(session.console.secrets))

sys.exit(run_script(text.SKILL, text.make_parser, broken))
"""


@pytest.mark.parametrize("flags", [("-v",), ("--json", "-v"), ()], ids=" ".join)
def test_traceback_of_a_defect(run, tmp_path, flags):
    script = tmp_path / "broken.py"
    script.write_text(DEFECT.format(scripts=str(ROOT / "skills" / "qianwen-text" / "scripts")))
    result = run("hello", *flags, key=KEY, script=script)
    assert result.code == 1 and "RuntimeError" in result.err and ("Traceback" in result.err) == ("-v" in flags)
    assert leaks(result.out + result.err) == []


@EVERY_KEY
@pytest.mark.parametrize("kind", [DASHSCOPE, key_guard.TOKEN_PLAN])
def test_objects_of_the_guard_show_no_key(key, kind):
    verdict = judge(key, kind)
    shown = f"{verdict!r} {verdict} {verdict.key!r} {verdict.key} {verdict.endpoint!r} {[verdict.key]}"
    assert leaks(shown, key) == [] and "***" in shown


@pytest.mark.parametrize("url", [f"https://user:{KEY}@host", f"https://host/?key={KEY}", f"https://host/#{KEY}"])
def test_exception_of_a_bad_base_url_shows_no_credentials(url):
    with pytest.raises(key_guard.BadEndpoint) as caught:
        key_guard.parse_base_url(url)
    assert leaks(f"{caught.value} {caught.value.fix}") == []
