"""Random walks: whatever stands in an answer, a prompt, a `.env` or a batch file ends in a value or an explained failure.

Every case has a random generator of its own, seeded by its name and number, so a case that fails can be repeated alone.
"""
from __future__ import annotations

import base64
import html
import json
import os
import random
from collections import Counter
from contextlib import contextmanager
from urllib.parse import quote, unquote

import pytest

from shared.account import find_account, Settings
from shared.batch.rows import RowFile
from shared.chat.answer import Answer, fold, tool_calls_for_messages
from shared.chat.usage import units, usage_line
from shared.cli.flags import add_batch_flags, add_common_flags, Parser
from shared.failures import Failure
from shared.files.names import partial_path, slug
from shared.files.outputs import OutputFiles
from shared.files.whole import other_name
from shared.key_guard import BadEndpoint, masked
from shared.redaction import cleaned, redact, Stream
from shared.transport.context import Context, ServiceError
from shared.transport.errors import explain
from shared.transport.events import BadStream, Event, read_events, WHOLE
from shared.transport.reading import is_stream, peeked, read

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))  # FUZZ_TIMES=20 walks twenty times as far
LETTERS = "abcXYZ019 _-.~%&#;:=,'\"\\/{}[]<>*|?\t\r\n\0\x1b\x7f\x85\u00ad\u200b\u2028\ufeff\ud83d\ude00éßİ账号𝔘"
KEYS = ("sk-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm", "sk-sp-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm", "sk-ws-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm",
        "st-qXwZkVbNp6Rt8Ys3Jd5Lm", "qXwZkVbNp6Rt8Ys3Jd5Lm")


def cases(name: str, count: int):
    """(name of the case, its random generator) of every case of a walk."""
    for number in range(count * TIMES):
        yield f"{name} {number}", random.Random(f"{name} {number}")


@contextmanager
def explained(case: str, given, ends: Counter, *also):
    """Failures, and what else is `also` expected, may be raised; anything else fails with the case and its input.

    `ends` counts both ends, so that a walk can show that it came to both.
    """
    try:
        yield
        ends["value"] += 1
    except (Failure, *also):
        ends["failure"] += 1
    except Exception as error:
        raise AssertionError(f"{case}: {error!r} for {given!r}"[:3000]) from error


def text(rng, longest: int = 30, letters: str = LETTERS) -> str:
    return "".join(rng.choices(letters, k=rng.randrange(longest)))


def mutated(rng, raw: bytes) -> bytes:
    """A few bytes changed, cut out, doubled or put in."""
    raw = bytearray(raw)
    for _ in range(rng.choice((0, 0, 1, 2, 5))):
        at, end = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
        raw[at:end if rng.random() < 0.3 else at + 1] = rng.choice((
            b"", b"\xff\x00\x80", bytes(raw[at:end]), b"\n\n", b"\r",
            b'"', b"{", b"]", b"null", b"-1", b"1e999", b"\xff", b"\xe8\xb4", b"\\ud83d", b"9" * 30))
    return bytes(raw)


# ---- what the service answers ----------------------------------------------------------------------------------------

NAMES = ("error", "code", "message", "type", "request_id", "id", "output", "choices", "delta", "content", "text", "index",
         "finish_reason", "tool_calls", "function", "name", "arguments", "usage", "reasoning_content", "search_info",
         "search_results", "ocr_result", "model", "prompt_tokens", "plugins", "search", "count", "task_id")
CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
DELTA = {"content": "Four", "reasoning_content": "Add", "tool_calls": [CALL]}
CHUNK = {"id": "chatcmpl-1", "model": "m", "usage": {"prompt_tokens": 1},
         "choices": [{"index": 0, "finish_reason": None, "delta": DELTA}]}
PARTS = [{"text": "Four"}, {"ocr_result": {"kv_result": {"a": "b"}}}]
FRAME = {"request_id": "r", "usage": {"input_tokens": 3}, "output": {
    "search_info": {"search_results": [{"title": "t"}]},
    "choices": [{"finish_reason": "stop", "message": {"content": PARTS}}]}}
REFUSALS = ({"error": {"code": "invalid_api_key", "message": "no", "type": "x"}}, {"error": "gone"},
            {"code": "Throttling", "message": "m"}, {"code": 429, "message": None, "request_id": 7},
            {"error": {"code": "InternalError.Algo", "message": "<503> x"}})
PAGES = (b"<html><head><style>p{}</style></head><body>502 Bad Gateway</body></html>", b"<!doctype html><script>x", b"upstream error",
         b"")
TYPES = ("application/json", "text/event-stream", "text/html; charset=gbk", "text/plain; charset=",
         "x; charset=unicode_escape",
         "x; charset=hex", "x; charset=idna", "x; charset=undefined", "x; charset='utf-16'", "x; charset=..", "x; charset=账号")
STATUSES = (0, 100, 200, 200, 200, 202, 302, 400, 401, 403, 404, 413, 429, 500, 502, 503, 504, 599, 999)
FIELDS = ("", "event:error", ":HTTP_STATUS/429", ":HTTP_STATUS/x", "id:1", "status: 500", "retry:1", ": comment")


def value(rng, depth: int = 4):
    """A JSON value with the service's names in unexpected places."""
    kind = rng.randrange(12 if depth else 8)
    if kind >= 10:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind >= 8:
        return {rng.choice(NAMES): value(rng, depth - 1) for _ in range(rng.randrange(5))}
    number = rng.choice((1.5, float("inf"), float("nan")))
    return (None, True, rng.randrange(-3, 600), 10 ** 25, number, "", text(rng), "stop")[kind]


def changed(rng, body):
    """A copy of a JSON value with some of its parts replaced by others."""
    if rng.random() < 0.06:
        return value(rng)
    if isinstance(body, dict):
        return {name: changed(rng, item) for name, item in body.items() if rng.random() > 0.04}
    return [changed(rng, item) for item in body for _ in range(rng.choice((1, 1, 1, 2)))] if isinstance(body, list) else body


def body_of(rng):
    return changed(rng, rng.choice((CHUNK, CHUNK, FRAME, FRAME, *REFUSALS, value(rng))))


def stream_of(rng) -> bytes:
    lines = []
    for _ in range(rng.randrange(1, 6)):
        lines += [rng.choice(FIELDS), rng.choice(FIELDS) if rng.random() < 0.8 else text(rng)]
        dumped = json.dumps(body_of(rng), ensure_ascii=rng.random() < 0.5)
        cut = rng.randrange(len(dumped)) if rng.random() < 0.1 else 0
        lines += [f"data: {dumped[:cut]}", f"data:{dumped[cut:]}"] if cut else [f"data:{dumped}"]
        lines += [""] if rng.random() < 0.8 else []
    lines += ["data: [DONE]", ""] if rng.random() < 0.7 else []
    return rng.choice(("\n", "\r\n")).join(lines).encode("utf-8", "surrogatepass")


def answer_of(rng) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        raw = bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    elif kind < 0.2:
        raw = rng.choice(PAGES)
    elif kind < 0.22:
        deep, name = rng.choice((50, 150, 400, 480, 2000, 50000)), rng.choice(NAMES).encode()
        raw = b'{"%s":' % name + b'[{"a":' * deep + b"1" + b"}]" * deep + b"}"
    else:
        raw = stream_of(rng) if kind < 0.6 else json.dumps(body_of(rng)).encode()
    return mutated(rng, raw)


def headers_of(rng) -> dict:
    found = {"content-type": rng.choice(TYPES), "x-request-id": text(rng), "x-dashscope-partialresponse": rng.choice(("true", ""))}
    return {name: item for name, item in found.items() if rng.random() < 0.6}


def blocks_of(rng, raw: bytes) -> list:
    """The bytes as they may arrive."""
    cuts = sorted(rng.randrange(len(raw) + 1) for _ in range(rng.randrange(5)))
    return [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)])]


def test_whole_answers():
    found_ends = Counter()
    for case, rng in cases("whole answer", 2500):
        status, headers, raw = rng.choice(STATUSES), headers_of(rng), answer_of(rng)
        with explained(case, (status, headers, raw), Counter()):
            found = read(status, headers, raw, errors_pass=rng.random() < 0.3)
            assert isinstance(found, ServiceError) or status < 400, case
            found_ends[type(found).__name__] += 1
            if isinstance(found, ServiceError):
                failure = explain(found, Context(host="the-host", model="m"))
                assert isinstance(failure, Failure) and json.dumps(failure.as_error()), case
    assert min(found_ends[name] for name in ("dict", "NoneType", "ServiceError")) > 40, found_ends


def shown_answer(answer: Answer) -> None:
    """All that a script reads of an answer."""
    for channel in (answer.text, answer.reasoning):
        assert channel.encode("utf-8") is not None
    assert isinstance(units(answer.usage), dict) and json.dumps(answer.usage, allow_nan=False)
    assert usage_line(answer.usage, answer.model, "billed") and json.dumps(tool_calls_for_messages(answer))
    answer.check_end()


def test_streams():
    ends = Counter()
    for case, rng in cases("stream", 2500):
        headers, raw = headers_of(rng), answer_of(rng)
        answer, pieces = Answer(cumulative=rng.random() < 0.3), []
        with explained(case, (headers, raw), ends, BadStream):
            blocks, streamed, _ = peeked(iter(blocks_of(rng, raw)), headers)
            assert streamed == is_stream(raw.lstrip(b"\xef\xbb\xbf \t\r\n"), headers), case
            fold(read_events(blocks), headers, answer, lambda *piece: pieces.append(piece), Context(host="the-host"))
            assert "".join(piece for channel, piece in pieces if channel == "text") == answer.text, case
            shown_answer(answer)
    assert min(ends["value"], ends["failure"]) > 40, ends


def test_answers_of_odd_objects():
    ends = Counter()
    for case, rng in cases("odd object", 1500):
        bodies, answer = [body_of(rng) for _ in range(rng.randrange(1, 5))], Answer()
        with explained(case, bodies, ends):
            fold([Event("", body, 0) for body in bodies[:-1]] + [Event(WHOLE, bodies[-1], 0)], {}, answer,
                 lambda channel, piece: None, Context(host="the-host"))
            shown_answer(answer)
    assert min(ends["value"], ends["failure"]) > 40, ends


# ---- names of files --------------------------------------------------------------------------------------------------

WORDS = ("..", ".", "/", "\\", "../../etc/passwd", "CON", "nul.png", "com1", "~", "-rf", ".png", ".json", "fox", "账号" * 70,
         "a" * 300, "\ud800", "e\u0301")


def words(rng) -> str:
    return "".join(rng.choice((rng.choice(WORDS), text(rng, 12))) for _ in range(rng.randrange(5)))


def test_a_name_made_of_a_prompt_is_one_plain_name():
    for case, rng in cases("slug", 1200):
        prompt = words(rng)
        name = slug(prompt, rng.choice((1, 40, 60)))
        assert name and not set(name) & set("/\\:*?\"<>|\0\r\n\t ~%.") and not name.startswith("-"), (case, prompt, name)
        assert len(os.fsencode(name)) <= 121, (case, prompt, name)


def test_files_stay_in_their_folder(work, monkeypatch):
    monkeypatch.chdir(work)
    folder, ends = work / "out" / "inner", Counter()
    for case, rng in cases("output", 600):
        chosen = rng.random() < 0.5
        prompt, given = words(rng), words(rng).replace("/", "")
        with explained(case, (prompt, given), ends):
            outputs = OutputFiles(str(folder) + "/" + ("" if chosen else given), False, prompt, rng.choice((1, 3)), "png",
                                  text=rng.choice(("", "md")))
            try:
                saved_in_folder(case, outputs, folder if chosen or given not in (".", "..") else work)
            finally:
                outputs.discard()
    assert {path.name for path in work.iterdir()} <= {".git", "out"}
    assert min(ends["value"], ends["failure"]) > 20, ends


def saved_in_folder(case: str, outputs: OutputFiles, folder) -> None:
    temporary = outputs.temporary()
    temporary.file.write(b"data")
    paths = [outputs.save(temporary, 1, "image/png")["path"], outputs.path(3), outputs.text_path("md"), outputs.output]
    for path in [*paths, other_name(paths[0]), partial_path(paths[0])]:
        assert os.path.realpath(path).startswith(str(folder) + os.sep), (case, path)
    os.unlink(paths[0])


# ---- .env files ------------------------------------------------------------------------------------------------------

VARIABLES = ("DASHSCOPE_API_KEY", "QIANWEN_API_KEY", "QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD", "QIANWEN_BUDGET",
             "QIANWEN_TRUST_PROJECT", "DASHSCOPE_WORKSPACE", "DASHSCOPE_REGION")
VALUES = (*KEYS, "https://dashscope.aliyuncs.com/compatible-mode/v1", "http://127.0.0.1:1/v1", "https://[::1", "https://a:99999/",
          "//", "https://user:word@evil.example.com", "us-east-1", "cn-beijing", "mars", "strict", "warn", "1", "0", "yes", "ws-1", "")


SET_NAMES = (*VARIABLES[:2] * 3, *VARIABLES, "OTHER", "")


def setting(rng) -> str:
    """A value as it may be written: right, in quotes, or anything."""
    found = rng.choice((rng.choice(VALUES), rng.choice(VALUES), text(rng)))
    quotes = rng.choice(("", "", "'", '"', "“"))
    return quotes + found + rng.choice((quotes, quotes, "")) + rng.choice(("", "", " # note", "\\", " "))


def env_line(rng) -> str:
    name = rng.choice(SET_NAMES)
    before, between = rng.choice(("", "", "export ", "set ", "$env:", "#", " ")), rng.choice(("=", "=", "=", " = ", ":", ""))
    return before + name + between + setting(rng)


def env_bytes(rng) -> bytes:
    raw = rng.choice(("\n", "\r\n")).join(env_line(rng) for _ in range(rng.randrange(6)))
    return mutated(rng, raw.encode(rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")), "replace"))


def environment(rng, home) -> dict:
    given = {name: setting(rng).replace("\0", "") for name in rng.sample(VARIABLES, rng.choice((0, 0, 1, 3)))}
    more = {"XDG_STATE_HOME": rng.choice(("", "~", "~nobody/x", "state")), "HTTPS_PROXY": f"http://u:{text(rng)}@proxy:1"}
    return {"HOME": rng.choice((str(home), str(home), str(home), "", "~", "home")), **given,
            **{name: item for name, item in more.items() if rng.random() < 0.3}}


def test_settings(home, work):
    (home / ".config" / "qianwen").mkdir(parents=True)
    (work / "a").mkdir()
    ends = Counter()
    files = [work / "a" / ".env", work / ".env", home / ".config" / "qianwen" / ".env"]
    for case, rng in cases("settings", 1000):
        given = [env_bytes(rng) for _ in files]
        for path, raw in zip(files, given):
            path.write_bytes(raw)
        environ = environment(rng, home)
        with explained(case, (environ, given), Counter()):
            settings = Settings(environ, str(work / "a"))
            said, is_account = what_is_said(settings)
            ends[is_account] += 1
            shown = redact(said, settings.secrets)
            assert not secrets_in(shown), f"a key is in {said!r}"
    assert min(ends[True], ends[False]) > 40, ends


def what_is_said(settings: Settings) -> tuple:
    """(all the words for people, whether there is an account): its warnings, or the refusal and its fix."""
    try:
        account = find_account(settings)
        return "\n".join([*account.warnings, account.key_source, account.endpoint_source, account.spare]), True
    except (Failure, BadEndpoint) as error:
        return f"{error}\n{error.fix}", False


def _pieces(key: str) -> list:
    """Six characters each of the secret part of a key, in lower case."""
    secret = key[len(masked(key)) - len("***"):].lower()
    return [secret[at:at + 6] for at in range(len(secret) - 5)]


PIECES = {key: _pieces(key) for key in KEYS}


def secrets_in(said: str) -> list:
    """The keys of which six characters of the secret part stand in a text."""
    said = said.lower()
    return [key for key, pieces in PIECES.items() if any(piece in said for piece in pieces)]


# ---- batch files -----------------------------------------------------------------------------------------------------

COLUMNS = ("prompt", "prompt", "id", "output", "system", "model", "set", "timeout", "retries", "prompt-file", "any_files",
           "", "no-such", "a b")
CELLS = ("Hello", "a", "a", "1", "-", "true", "../x", "/etc/passwd", "x/y.png", "C:\\x", "~/.ssh/id", "a=1", "=", "{a}",
         "results.jsonl", "")
# Rows of these mostly pass; "../x" must not.
RIGHT = {"prompt": ("Hello", "{a}", "账号"), "id": ("1", "x/../y", "CON", ".."), "output": ("x/y.png", "z", "../x"),
         "timeout": ("5", "60"), "a": ("data", ""), "set": ("a=1", "top_k=20"), "system": ("Be brief", "")}


def cell(rng) -> str:
    return rng.choice((rng.choice(CELLS), rng.choice(CELLS), text(rng)))


def odd_row(rng) -> dict:
    return {name: rng.choice((cell(rng), cell(rng), value(rng, 2))) for name in rng.sample(COLUMNS, rng.randrange(1, 4))}


def right_row(rng) -> dict:
    names = rng.sample(sorted(RIGHT), rng.randrange(3))
    return {"prompt": "Hello", **{name: rng.choice(RIGHT[name]) for name in names}}


def json_rows(rng) -> bytes:
    kinds = rng.choice(((right_row,), (right_row, odd_row)))
    rows = [rng.choice(kinds)(rng) for _ in range(rng.randrange(4))]
    return b"\n".join(json.dumps(row, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass") for row in rows)


def csv_rows(rng) -> bytes:
    is_right, between = rng.random() < 0.6, rng.choice(",;\t")
    names = rng.sample(sorted(RIGHT if is_right else set(COLUMNS)), rng.randrange(1, 4))
    rows = [[rng.choice(RIGHT[name]) if is_right else cell(rng) for name in names] for _ in range(rng.randrange(4))]
    lines = [between.join(quoted(rng, item) for item in row) for row in [names, *rows]]
    start = rng.choice(("", "", "", f"sep={between}\n", "prompt,id\n"))
    return (start + "\r\n".join(lines)).encode(rng.choice(("utf-8", "utf-8-sig", "utf-16", "gb18030")), "replace")


def quoted(rng, item: str) -> str:
    return '"%s"' % item.replace('"', '""') if rng.random() < 0.8 else item


def batch_parser() -> Parser:
    parser = Parser(prog="x")
    parser.add_argument("prompt", nargs="?")
    add_batch_flags(parser)
    add_common_flags(parser, "skill", "model")
    return parser


@pytest.mark.parametrize("name, make", [("rows.jsonl", json_rows), ("rows.csv", csv_rows)])
def test_batch_files(work, monkeypatch, name, make):
    """A file that passes the check gives rows whose files stay in the output folder."""
    monkeypatch.chdir(work)
    ends = Counter()
    for case, rng in cases(name, 200):
        raw, template = make(rng), rng.choice(([], ["Say Hi"], ["Say {a}"], ["Say {{{id}"], ["{prompt}"]))
        raw = mutated(rng, raw) if rng.random() < 0.5 else raw
        (work / name).write_bytes(raw)
        with explained(case, (raw, template), ends):
            options = batch_parser().parse_args([*template, "--batch", name])
            rows = RowFile(name, options, batch_parser, "out", main="prompt", files=str)
            rows.check()
            outputs = [row.options().output for row in rows.rows()]
            assert len(outputs) == rows.total and all(lies_in_out(path) for path in outputs), outputs
    assert min(ends["value"], ends["failure"]) > 20, ends


def lies_in_out(path: str) -> bool:
    return (os.path.realpath(path) + os.sep).startswith(os.path.realpath("out") + os.sep)


# ---- keys in texts ---------------------------------------------------------------------------------------------------

DISGUISES = (str, str.upper, str.swapcase, quote, lambda key: "".join(f"%{ord(one):02x}" for one in key),
             lambda key: "".join(f"&#{ord(one)};" for one in key), lambda key: "\u200b".join(key), lambda key: key[::-1],
             lambda key: key.encode().hex(), lambda key: base64.b64encode(key.encode()).decode(),
             lambda key: "".join(f"\\u{ord(one):04x}" for one in key), lambda key: key[:-4], lambda key: key[6:])


def seen_through(said: str) -> str:
    """What a reader could make of a text: as it is, without escapes and invisible characters, and backwards."""
    bare = said.replace("\u200b", "").replace("\u00ad", "").replace("\ufeff", "")
    forms = [said, bare, unquote(bare), html.unescape(bare), bare.encode("ascii", "backslashreplace").decode("ascii")]
    return "\n".join(forms + [form[::-1] for form in forms])


def in_pieces(rng, whole: str, key: str) -> str:
    stream, out, at = Stream(), [], 0
    while at < len(whole):
        size = rng.choice((1, 3, 8, 30, 60))
        out.append(stream.feed(whole[at:at + size], (key,)))
        at += size
    return "".join([*out, stream.end((key,))])


def test_no_key_comes_through():
    for case, rng in cases("key", 400):
        key = rng.choice(KEYS)
        hidden = [rng.choice(DISGUISES)(key) for _ in range(rng.choice((1, 1, 2)))]
        whole = "«" + text(rng) + text(rng).join(hidden) + text(rng) + "»"
        told = (redact(whole, (key,)), cleaned(whole, (key,)), in_pieces(rng, whole, key),
                cleaned({"a": [whole]}, (key,))["a"][0])
        for said in told:
            assert key not in secrets_in(seen_through(said)), (case, whole, said)
            assert said[0] + said[-1] == "«»", (case, whole, said)
