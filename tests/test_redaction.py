"""No character of a key after its public prefix leaves the process, whatever the service echoes; results stay as they are."""
from __future__ import annotations

import base64
import html
import json
import re
import sys
import unicodedata
from urllib.parse import unquote

import pytest
from shared import key_guard
from shared.key_guard import DASHSCOPE, LOOPBACK
from shared.redaction import cleaned, redact, Stream
from shared.transport.request import Request

from tests.conftest import check_each, ROOT
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


@pytest.mark.parametrize("text", [
    "XDG_STATE_HOME=/tmp/x/st-2026-runs python3 /opt/sk-agent-tools/scripts/image.py --resume abc", "-o /data/sk-learn-demo/b.png",
    "-o sk-a1b2c3d4e5f6g7h8-runs/b.png", "language sk-SK is not known", "policy=strict is not known", "sk-learn, st-2026-11-27-a.md"])
def test_paths_commands_and_words_that_only_begin_like_a_key_stay(text):
    assert redact(text, (KEY,)) == text


@pytest.mark.parametrize("key", ["sk-Ab3dEf5hIj7lMn9p", "sk-proj-Ab3dEf5hIj7l", "LTAI4Ab3dEf5hIj7", "st-4Ab3dEf5hIj7"])
def test_keys_of_somebody_else_are_masked(key):
    assert redact(f"key={key}, not <{key}>") == "key={0}, not <{0}>".format(key_guard.masked(key))


def test_exact_redaction_masks_the_longest_key_first():
    assert cleaned(f"{KEY} {KEY}-more", (KEY, KEY + "-more")) == "sk-*** sk-***"
    assert cleaned("", (KEY,)) == "" and cleaned("sk-learn", ()) == "sk-learn"


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


# ---- by content, not by shape --------------------------------------------------------------------------------------------

HARD = "sk-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm0aBcDeF"
PART = HARD[3:]


def disguised() -> dict:
    """Ways to repeat a key or most of it."""
    windows = {f"characters {at} to {at + 6}": PART[at:at + 6] for at in (0, 7, 13, len(PART) - 6)}
    encoded = {f"base64 after {before!r}": base64.b64encode((before + HARD).encode()).decode() for before in ("", "Bearer ", "x", "xy")}
    return {
        **windows, **encoded, "without its prefix": PART, "capitals": HARD.upper(), "small letters": HARD.lower(),
        "sk%2D": "sk%2D" + PART, "sk&#45;": "sk&#45;" + PART, r"\u0073k-": "\\u0073k-" + PART,
        "percent signs": "".join(f"%{ord(c):02x}" for c in HARD),
        "some percent signs": HARD.replace("X", "%58").replace("b", "%62"), "HTML": "".join(f"&#{ord(c)};" for c in HARD),
        "HTML, hex": "".join(f"&#x{ord(c):X};" for c in HARD), "JSON": "".join(f"\\u{ord(c):04x}" for c in HARD),
        "Python": "".join(f"\\x{ord(c):02x}" for c in HARD), "hex": HARD.encode().hex(), "hex, capitals": HARD.encode().hex().upper(),
        "reversed": HARD[::-1], "a blank inside": f"{HARD[:15]} {HARD[15:]}", "a line end inside": f"{HARD[:20]}\n{HARD[20:]}",
        "soft hyphens": "\u00ad".join(HARD), "zero-width characters": "\u200b".join(HARD), "direction marks": "\u202e".join(HARD),
        "U+2010": HARD.replace("-", "\u2010"), "its last eight": f"ends in {PART[-8:]}", "its first four": f"begins with sk-{PART[:4]}",
        "[...]": f"{HARD[:12]}[...]{HARD[-8:]}", "beside a letter that grows": "İ" + HARD, "in a word": f"x{PART}y", "twice": HARD + HARD,
    }


DISGUISED = {name: (text,) for name, text in disguised().items()}
PLAIN_KEYS = [HARD, PART]  # with a public prefix, and as a gateway's key without one


def shown(text: str) -> list:
    """The runs of six characters of the secret part that a text shows, read as a person with a decoder would."""
    forms = [text, "".join(c for c in text if unicodedata.category(c) != "Cf"), text[::-1], unquote(text), html.unescape(text)]
    for match in re.findall(r"[0-9A-Fa-f]{12,}", text):
        forms.append(bytes.fromhex(match[:len(match) // 2 * 2]).decode("latin-1"))
    for match in re.findall(r"[A-Za-z0-9+/]{8,}", text):
        forms += [base64.b64decode(match[at:][:len(match[at:]) // 4 * 4]).decode("latin-1") for at in range(4)]
    forms += [re.sub(r"\\(?:u00|x)(..)", lambda found: chr(int(found.group(1), 16)), text)]
    return [PART[at:at + 6] for at in range(len(PART) - 5) for form in forms if PART[at:at + 6].lower() in form.lower()]


@pytest.mark.parametrize("secret", PLAIN_KEYS, ids=["sk-", "own"])
def test_key_in_disguise(secret):
    def check(text):
        for around in ("{}", "the key is {}, is it not?", '{{"a":"{}"}}'):
            for clean in (redact, cleaned):
                assert shown(clean(around.format(text), (secret,))) == []
        assert shown(text) or len(text) < 25, "the test itself would see it"
    check_each(DISGUISED, check)


def test_key_in_disguise_in_json():
    def check(text):
        document = cleaned({text: 1, "a": [text, {text: {text: text}}], "n": 5, "none": None}, (HARD,))
        assert shown(json.dumps(document, ensure_ascii=False)) == [] and (document["n"], document["none"]) == (5, None)
    check_each(DISGUISED, check)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_key_in_disguise_in_pieces_of_a_stream(size):
    def check(text):
        whole, stream = f"it is {text} and more", Stream()
        said = "".join(stream.feed(whole[at:at + size], (HARD,)) for at in range(0, len(whole), size)) + stream.end((HARD,))
        assert shown(said) == [] and said.startswith("it is ") and said.endswith(" and more")
    check_each(DISGUISED, check)


LAID_OUT = re.sub("(.{6})", r"\1\n", base64.b64encode(PART.encode()).decode())
HIDDEN = {
    **{f"U+{ord(mark):04X} between": mark.join(PART) for mark in "\U000e0001\U000e0020\U0001d173\u0600\ufe0f\u034f\u180b\u3164"},
    "in braces": "".join(f"\\u{{{ord(c):x}}}" for c in PART), "eight digits": "".join(f"\\U{ord(c):08x}" for c in PART),
    "percent of percent": "".join(f"%25{ord(c):x}" for c in PART), "JSON in JSON": "".join(f"\\\\u{ord(c):04x}" for c in PART),
    "HTML, long hex": "".join(f"&#x{ord(c):06x};" for c in PART), "HTML, long": "".join(f"&#{ord(c):07d};" for c in PART),
    "HTML in HTML": "".join(f"&amp;#{ord(c)};" for c in PART), "hex with blanks": PART.encode().hex(" "),
    "hex with colons": PART.encode().hex(":"), "base64 in lines": LAID_OUT,
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_key_that_is_hidden_is_taken_out_whole(text):
    """But for the last bits of base64, and the first three characters where it comes in pieces."""
    stream, whole = Stream(), f"it is {text} and more"
    for left in (cleaned(whole, (HARD,)), redact(whole, (HARD,))):
        assert re.fullmatch(r"it is \S?\*\*\*\s?\S{0,3} and more", left)
    pieces = "".join(stream.feed(whole[at:at + 3], (HARD,)) for at in range(0, len(whole), 3)) + stream.end((HARD,))
    shown_of_it = len(pieces.replace("*", "")) - len("it is  and more")
    assert pieces.endswith(" and more") and shown_of_it <= 4 * max(2, len(text) // len(PART))


@pytest.mark.parametrize("said, left", [
    ("q7Xw2***BcDeF.", "sk-***."), ("key ending in BcDeF", "key ending in ***"), ("ends with 'cDeF'", "ends with '***'"),
    ("q7Xw••••cDeF", "sk-***"), ("q7Xw####cDeF", "sk-***"), ("q7Xw2xxxxxxxxBcDeF", "sk-***"), ("sk-q7Xw2xxxxxxxx", "sk-***"),
    ("last four characters: cDeF", "last four characters: ***"), ("starts with q7Xw2", "starts with ***"),
    ("beginning with sk-q7Xw", "beginning with ***"), ("it starts with blue ## xxxx", "it starts with blue ## xxxx"),
    ("****BcDeF", "sk-***"), ("sk-q7***eF", "sk-***"), ("ending in France... and so on", "ending in France... and so on"),
    ("a..b c...d", "a..b c...d")])
def test_pieces_of_a_key_as_services_shorten_it(said, left):
    assert redact(f"wrong key: {said}", (HARD,)) == f"wrong key: {left}"


@pytest.mark.parametrize("text", ["http:a:" * 40_000 + " @", "https://a:" * 40_000 + " @", "st-" * 60_000, "ab.." * 60_000, "a" * 200_000 + "@http",
                                  "x" * 200_000, "end" * 60_000],
                         ids=["http:", "https://", "st-", "dots", "a word", "xxxx", "end"])
def test_texts_made_to_be_slow_are_not(text):
    """A pattern that tries again from every place would be at this for hours."""
    assert len(redact(text, (HARD,))) <= len(text)


def test_a_secret_of_any_length_is_looked_for():
    long = "gw-" + "".join(f"{at:05d}x" for at in range(40_000))
    assert cleaned(f"it is {long[:60]}", (long,)) == "it is ***"


def test_a_text_is_not_searched_for_each_part_of_a_long_token():
    """A word that looks like a part of it leads to the runs with that part alone."""
    long, calls = "gw-" + "".join(f"{at:05d}x" for at in range(300)), []
    cleaned("", (long,)), cleaned("words", (long,))
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    try:
        assert cleaned("see 0001x, 0123 and 00299x." * 20, (long,)) == "see 0001x, 0123 and ***." * 20
    finally:
        sys.setprofile(None)
    assert len(calls) < 2_000


@pytest.mark.parametrize("levels", [149, 900, 100_000])
def test_values_of_any_depth_are_passed_on(levels):
    value = "end"
    for _ in range(levels):
        value = {"a": [value]} if levels == 100_000 else {"a": value}
    left = cleaned({"kept": HARD, "deep": value}, (HARD,))
    assert left["kept"] == "sk-***" and ("end" in json.dumps(left, indent=2)) == (levels < 150)


@pytest.mark.parametrize("text", ["a standard key", "emulator standard", "https://x/%E4%BD%A0&#20320;\\u4f60", "Zm94ZXMgYXJlIHJlZA==", "零宽\u200b字",
                                  "q7Xw2", "0a1b2c", "İstanbul ẞ ﬁ"])
def test_other_text_stays(text):
    assert cleaned(text, (HARD, "sk-emulator-standard-0123456789")) == text


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("text", [LOOKALIKES, "sk- sk-sp- 100% &amp; \\u00 \\x &#", "q7Xw q7X", "零宽\u200b字", "", "abc"])
def test_other_text_in_pieces_stays(text, size):
    stream = Stream()
    said = "".join(stream.feed(text[at:at + size], (HARD,)) for at in range(0, len(text), size))
    assert said + stream.end((HARD,)) == text and stream.end((HARD,)) == ""


def test_ordinary_words_do_not_wait():
    stream = Stream()
    assert [stream.feed(word, (HARD, "sk-emulator-standard-0123456789")) for word in ("slow", " standard", " word")] == ["slow", " standard", " word"]


def test_what_stays_around_a_key():
    assert cleaned(f"<{HARD}> (sk-sp-{PART}) x{PART}y", (HARD, f"sk-sp-{PART}")) == "<sk-***> (sk-sp-***) x***y"
    assert cleaned("my-company-gateway-token", ("my-company-gateway-token",)) == "***"
    assert cleaned("the company gateway", ("my-company-gateway-token",)) == "the company gateway"


@pytest.mark.parametrize("text, left", [
    ("http://user:pw@proxy:3128 refused", "http://***@proxy:3128 refused"), ("http:/u:pw@h", "http:/***@h"),
    ("https://a@b/c:d@e", "https://a@b/c:d@e")])
def test_login_of_an_address(text, left):
    assert redact(text) == left


def test_failed_row_of_a_batch_that_echoes_the_key(run, emulator, work):
    (work / "one.jsonl").write_text('{"prompt":"x"}\n')
    emulator.reply(chunks=[f"the key is {HARD} and", " more", " and more"])
    emulator.inject("cut-sse", times=None, after_chunks=2)
    run("--batch", "one.jsonl", "-o", "o1/", "--retries", "0", "-q", key=HARD)
    assert "the key is sk-*** and" in files_of(work) and shown(files_of(work)) == []


BAD_SETTINGS = ["gw.example/v1?api_key=SECRET77", "ftp://x/SECRET77", "https://host:99999/SECRET77", "https://h:0/SECRET77",
                "https://h.example/../SECRET77", "https://[::1/SECRET77", "https://u:SECRET77＠h.example", "https:\\\\h\\SECRET77",
                "http://h.example/SECRET77", "https://u:SECRET77@h.example", "https://h.example/?k=SECRET77",
                "https://h.example/#SECRET77", "https://SECRET77@h.example", "https://h.example /SECRET77"]


@pytest.mark.parametrize("variable", ["QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD", "DASHSCOPE_REGION", "DASHSCOPE_WORKSPACE"])
def test_no_more_than_the_host_of_a_bad_setting_is_shown(emulator, monkeypatch, variable):
    def check(value):
        result = run_at(LOOPBACK, emulator, monkeypatch, KEY, "hello", **{"QWEN_BASE_URL": "", variable: value})
        assert result.code == 2 and "SECRET77".lower() not in (result.out + result.err).lower()
    check_each({value: (value,) for value in BAD_SETTINGS}, check)


@pytest.mark.parametrize("variable", ["QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD", "DASHSCOPE_REGION", "DASHSCOPE_WORKSPACE"])
@pytest.mark.parametrize("key", ["gwXw2Zk9Vb4Np6Rt8", KEY], ids=["own", "sk-"])
def test_key_in_a_wrong_variable_beside_the_right_one(emulator, monkeypatch, variable, key):
    result = run_at(LOOPBACK, emulator, monkeypatch, key, "hello", **{"QWEN_BASE_URL": "", variable: key + ".x/"})
    assert result.code == 2 and leaks(result.out + result.err, key) == []
