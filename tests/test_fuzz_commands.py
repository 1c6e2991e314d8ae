"""A random walk over whole commands of the five skills, against the emulator with its faults and against a server that
answers anything.

Whatever comes: no traceback, no defect, no key in any output or file, an exit code of the contract, none but a failure
without a result, no second paid create, nothing written but where the command says, and no file sent that lies elsewhere.
Every case is made by its number alone; `FUZZ_TIMES=20 python -m pytest tests/test_fuzz_commands.py` walks further.
"""
from __future__ import annotations

import http.server
import json
import os
import random
import re
import threading
import time
from collections import Counter, namedtuple

import pytest

from shared.failures import Exit
from tests.conftest import in_process, Run
from tests.media_samples import mp4, png, wav
from tests.test_fuzz import answer_of, changed, env_bytes, headers_of, odd_row, secrets_in, STATUSES, TIMES

KEY = "sk-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm"
PRIVATE = "the private text of another folder"
TEXT, VISION, IMAGE, VIDEO, SPEECH = ("qianwen-text", "qianwen-vision", "qianwen-image-generation", "qianwen-video-generation",
                                      "qianwen-audio-tts")
MEDIA = (IMAGE, VIDEO, SPEECH)
Command = namedtuple("Command", "skill argv rows")
CAT = png(64, 64)
FLAGS = {
    TEXT: [(), ("--think",), ("--no-stream",), ("--json-object",), ("--schema", "schema.json"), ("--search",), ("--chat", "chat.json"),
           ("--attach", "notes.txt"), ("--tools", "tools.json"), ("--prefix", "Once"), ("--document", "notes.txt"), ("--set", "n=2")],
    VISION: [("--image", "cat.png"), ("--image", "cat.png", "--ocr"), ("--image", "cat.png", "--json-object"),
             ("--image", "http://127.0.0.1:9/x.png"), ("--frames", "cat.png", "cat.png", "cat.png", "cat.png")],
    IMAGE: [("-n", "4"), ("-n", "2"), ("--model", "wan2.6-t2i", "-n", "2"), ("--model", "wan2.2-t2i-flash", "-n", "3"),
            ("--image", "cat.png"), ("--gallery",)],
    VIDEO: [("--resolution", "720P"), ("--duration", "5"), ("--image", "cat.png"), ("--no-wait",)],
    SPEECH: [(), ("--stream",), ("--format", "mp3"), ("--srt",), ("--model", "cosyvoice-v3-flash"), ("--max-part", "20")]}
GLOBAL = [("--json",), ("-q",), ("-v",), ("--overwrite",),
          ("--estimate",), ("--dry-run",), ("--check",), ("--spent",), ("--no-sidecar",)]
PROMPTS = ("Say four.", "账号 🦊 é", "it's $(touch PWNED) `x`", " ".join(map(str, range(250))), "../../etc/passwd", f"my key is {KEY}", "-",
           "\x1b]0;x\x07")
FILES = ("a.md", "new/er/b.png", "账号.wav", "a b", "folder/", ".hidden.md", "x" * 300, "CON", "it's $(touch PWNED).md", "link.md", "a.md.partial",
         "e\u0301.mp4", "results.jsonl", ".env")
FAULTS = {
    "any": ["401", "403", "429", "500", "502", "503", "504", "arrearage", "moderation", "free-tier", "echo-key", "sse-refusal", "overload",
            "odd-error", "reset", "reset-before-body", "short-body", "html-200", "empty-200", "bad-json", "gzip", "internal-server-error"],
    TEXT: ["cut-sse", "cut-sse-reset", "sse-error", "no-done", "done-no-finish", "crlf-sse", "unasked-stream", "sse-internal", "sse-throttled",
           "split-surrogates", "cumulative", "whole-message", "sparse-stream", "content-filter", "empty-answer", "echo-key-answer", "tool-index"],
    IMAGE: ["accept-then-reset", "accept-then-500", "answer-lost", "poll-throttled", "poll-damaged", "poll-html", "download-cut",
            "download-short", "download-html", "download-xml", "download-jpeg", *["download-expired"] * 4, "download-no-range", "download-changed",
            "download-empty", "download-redirect", "download-reset", "download-trailing", "download-other"],
    SPEECH: ["speech-error-200", "speech-stream-error", "speech-event-error", "speech-cut", "speech-engine", "speech-throttled-base-resp",
             "speech-grpc", "download-cut", "download-html", "download-expired"]}
FAULTS[VISION], FAULTS[VIDEO] = FAULTS[TEXT], FAULTS[IMAGE]
STRANGE = ({"output": "../x"}, {"output": "linked/x"}, {"attach": "../other/private.txt"}, {"chat": "../x"}, {"overwrite": True},
           {"image": "../other/private.txt"}, {"prompt-file": "linked/private.txt"}, {"messages": "../other/private.txt"},
           {"id": "$(touch PWNED)"})
REPLIES = ({"text": "Four."}, {"text": '{"a": 1}'}, {"text": ""}, {"chunks": ["Fo", "ur"]}, {"text": "\x1b[2J\u202e"}, {"text": f"it is {KEY[6:20]}"},
           {"text": KEY})


# ---- the place ---------------------------------------------------------------------------------------------------------

def prepare(rng, base) -> None:
    """A project, a home and another folder, with what a stranger may have put into the project."""
    work, home, other = (base / name for name in ("work", "home", "other"))
    (work / ".git").mkdir(parents=True)
    home.mkdir()
    other.mkdir()
    (other / "private.txt").write_text(PRIVATE)
    for name, content in (("notes.txt", "some notes"), ("schema.json", '{"type": "object"}'), ("tools.json", "[]"), ("old.md", "old")):
        (work / name).write_text(content)
    (work / "cat.png").write_bytes(CAT)
    if rng.random() < 0.3:
        (work / ".env").write_bytes(env_bytes(rng))
    links = {"link.md": "private.txt", "linked": "", "a.md": "private.txt", "chat.json": "private.txt", "out/results.jsonl": "private.txt",
             "out/.qianwen-batch.started": "private.txt", "out/.qianwen-batch.lock": "made", "out/sub": ""}
    for name in sorted({*rng.sample(sorted(links), rng.choice((0, 0, 0, 2))), *(["out/sub"] if rng.random() < 0.7 else [])}):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).symlink_to(other / links[name])


def words_of(rng, skill: str, files: tuple = FILES) -> list:
    """The flags of a call, its output among them; what they say need not fit together."""
    found = [*rng.choice(FLAGS[skill]), "--retries", rng.choice("012"), "--timeout", "5"]
    found += ("--poll", "0.01", "--max-wait", "1") if skill in (IMAGE, VIDEO) else ()
    for more in rng.sample(GLOBAL, rng.choice((0, 0, 1, 1, 2))):
        found += more
    return found + (["-o", rng.choice(files)] if rng.random() < (0.7 if skill in MEDIA else 0.4) else [])


def command_of(rng, case: str, work) -> Command:
    """One call, or a batch of a few rows."""
    skill = rng.choice((TEXT, TEXT, VISION, IMAGE, IMAGE, VIDEO, SPEECH))
    if rng.random() < 0.7:
        prompt = f"{case} {rng.choice(PROMPTS)}" if rng.random() < 0.9 else rng.choice(PROMPTS)
        return Command(skill, [*words_of(rng, skill), "--", prompt], 1)
    rows = [row_of(rng, f"{case} row {number}", skill) for number in range(rng.randrange(1, 4))]
    (work / "rows.jsonl").write_bytes(b"\n".join(json.dumps(row).encode() for row in rows))
    return Command(skill, [*words_of(rng, skill, ("out/",)), "-o", "out/", "--batch", "rows.jsonl"], len(rows))


def row_of(rng, prompt: str, skill: str) -> dict:
    """A row of a batch: mostly one that passes, some with what a stranger may have written."""
    row = {"text" if skill == SPEECH else "prompt": prompt, **({"image": "cat.png"} if skill == VISION else {})}
    strange = rng.choice((*[{"output": "sub/x"}] * 4, *STRANGE, odd_row(rng)))
    return {**row, **(strange if rng.random() < 0.3 else {})}


# ---- the invariants ----------------------------------------------------------------------------------------------------

def seen(folder) -> dict:
    """path -> content of every file; of a link, where it leads."""
    return {str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
            for path in folder.rglob("*") if path.is_symlink() or path.is_file()}


def check(case: str, command: Command, result, base, before: dict) -> None:
    told = (case, command, result)
    check_end(told, result)
    after = seen(base)
    new = {path: content for path, content in after.items() if before.get(path) != content}
    check_keys(told, result, new)
    check_places(told, command, before, new)
    if result.code == 0 and not {"--estimate", "--dry-run", "--check", "--spent"} & set(command.argv):
        documents = check_result(told, command, result, base / "work")
        wanted = int(command.argv[command.argv.index("-n") + 1]) if "-n" in command.argv else 1
        assert case.startswith("anything") or command.skill != IMAGE or all(
            len(document["files"]) == wanted for document in documents), told


def check_end(told, result) -> None:
    assert result.code in set(Exit) - {Exit.UNEXPECTED}, told
    assert "Traceback" not in result.err and "defect" not in result.err, told


def check_keys(told, result, new: dict) -> None:
    """In what is said, in names of files and in those that are text; a picture is what the service made of the prompt."""
    texts = [content for content in new.values() if isinstance(content, bytes) and b"\0" not in content[:2000]]
    for one in (result.out_bytes, result.err_bytes, *texts, *map(os.fsencode, new)):
        assert not secrets_in(one.decode("utf-8", "replace")), told


def check_places(told, command: Command, before: dict, new: dict) -> None:
    """Nothing elsewhere, nothing temporary, and no link written through."""
    argv = command.argv
    output = argv[len(argv) - 1 - argv[::-1].index("-o") + 1] if "-o" in argv else None
    stem = os.path.splitext(output or "")[0]
    besides = (["chat.json"] if "chat.json" in argv else []) + (
        [os.path.join(os.path.dirname(output or ""), "index.html")] if "--gallery" in argv else [])
    for path in new:
        if path.startswith("home/.local/state/qianwen/"):
            continue
        name = path[len("work/"):]
        assert path.startswith("work/") and ".qianwen-" not in path and not path.endswith(".lock"), (path, told)
        named = name.startswith(stem) if output else command.skill in MEDIA and "/" not in name
        assert named or name in besides, (path, told)
    gone = [path for path in before if path not in new and path.startswith("other/")]
    assert len(gone) == 1, told


def check_result(told, command: Command, result, work) -> list:
    """Everything is there; the documents that tell so, of each row or of the call."""
    if command.rows > 1 or "--batch" in command.argv:
        lines = [json.loads(line) for line in (work / "out" / "results.jsonl").read_text("utf-8").splitlines()]
        assert len(lines) == command.rows and all(line["ok"] for line in lines), told
        documents = lines
    else:
        documents = [result.document] if "--json" in command.argv else []
        assert documents or result.out.strip() or "--no-wait" in command.argv, told
    for document in documents:
        assert document["ok"] and (document.get("text") or document.get("files") or document.get("tool_calls")
                                   or document.get("task_id")), told
        assert all((work / entry["path"]).stat().st_size == entry["bytes"] for entry in document.get("files", ())), told
    if command.skill in MEDIA and not documents and "--no-wait" not in command.argv:
        assert all((work / line).is_file() for line in result.out.splitlines()), told
        documents = [{"files": result.out.splitlines()}]
    return documents


# ---- the walks ---------------------------------------------------------------------------------------------------------

def in_place(command: Command, base, url: str) -> Run:
    environment = {"PATH": os.environ["PATH"], "HOME": str(base / "home"), "DASHSCOPE_API_KEY": KEY, "QWEN_BASE_URL": url}
    return Run(in_process(command.skill, command.argv, b"", environment, base / "work"))


@pytest.fixture
def walk(tmp_path, monkeypatch):
    """`walk(name, count, prepare_service)` runs the commands of a walk, each in a place of its own, and counts how they end."""
    shorten(monkeypatch)
    monkeypatch.setattr("shared.batch.worker.hand_over", lambda argv, console, **_: None)

    def start(name: str, count: int, service, url: str, after) -> Counter:
        ends = Counter()
        for number in range(count * TIMES):
            case = f"{name} {number}"
            rng, base = random.Random(case), tmp_path / str(number)
            prepare(rng, base)
            command = command_of(rng, case, base / "work")
            service(rng, command)
            before = seen(base)
            result = in_place(command, base, url)
            check(case, command, result, base, before)
            after((case, command, result), command, result, base)
            ends[command.skill, result.code == 0] += 1
        assert len(ends) == 10 and min(ends.values()) * 60 > count, ends
        return ends
    return start


def shorten(monkeypatch) -> None:
    """No pause between two tries or two looks takes long."""
    from shared.tasks.polling import Polled
    from shared.transport import download
    from shared.transport.retries import Retries
    sleep = time.sleep
    quick = lambda seconds: sleep(min(seconds, 0.001))  # noqa: E731
    monkeypatch.setattr(time, "sleep", quick)
    monkeypatch.setattr("shared.transport.retries.FIRST_DELAY", 0.001)
    monkeypatch.setattr(Retries.__init__, "__defaults__", tuple(quick if one is sleep else one for one in Retries.__init__.__defaults__))
    for function in (download.fetch, Polled.__init__):
        monkeypatch.setattr(function, "__kwdefaults__", {name: quick if one is sleep else one
                                                         for name, one in function.__kwdefaults__.items()})


def test_commands_and_faults(walk, emulator):
    """No request is paid twice, and a command that is told to go on with what was paid creates nothing."""
    def service(rng, command):
        emulator.reset()
        emulator.unit_seconds, emulator.video_bytes = 0.001, 1000
        for _ in range(rng.choice((0, 1, 1, 2))):
            name = rng.choice(FAULTS["any"] + 2 * FAULTS[command.skill])
            emulator.inject(name, times=rng.choice((1, 1, 2, None)) if "thrott" not in name and name != "429" else 1)
        if command.skill in (TEXT, VISION) and rng.random() < 0.5:
            emulator.reply(**rng.choice(REPLIES))

    def paid(told, command, result, base):
        for bodies in [request.body for request in emulator.requests]:
            assert PRIVATE.encode() not in bodies, told
        creates = Counter(create.prompt for create in emulator.creates)
        spoken = Counter(emulator.speech_texts)
        answers = sum(request.status == 200 for request in emulator.chat_requests)
        free = {"sse-throttled", "sse-internal"} & {fault.name for fault in emulator.faults}  # an error before anything was said
        assert max(creates.values(), default=0) <= 1 and max(spoken.values(), default=0) <= 1, (creates, spoken, told)
        assert free or answers <= command.rows, told
        found = re.search(r"--resume (\S+)", result.err)
        if found:
            emulator.faults.clear()
            again = in_place(Command(command.skill, ["--resume", found.group(1), "--poll", "0.01", "--max-wait", "1"], 1), base, emulator.url)
            check_end((told, again), again)
            assert Counter(create.prompt for create in emulator.creates) == creates and again.code in (0, 2, 5, 7, 8), (told, again)
    walk("command", 220, service, emulator.url, paid)


# ---- a service that answers anything -----------------------------------------------------------------------------------

URL = "{url}/r/{name}"
TASK = {"request_id": "r", "output": {"task_id": "t-1", "task_status": "SUCCEEDED"}}
SHAPES = [
    {"request_id": "r", "output": {"choices": [{"finish_reason": "stop", "message": {"content": [{"image": URL}]}}]}, "usage": {"image_count": 1}},
    {"request_id": "r", "output": {**TASK["output"], "results": [{"url": URL}, {"code": "X", "message": "m"}], "video_url": URL}},
    {"request_id": "r", "output": {**TASK["output"], "choices": [{"message": {"content": [{"image": URL}, {"text": "x"}]}}]}}, TASK,
    {"request_id": "r", "output": {"task_id": "t-2", "task_status": "FAILED", "code": "InternalError", "message": "m"}},
    {"request_id": "r", "output": {"finish_reason": "stop", "audio": {"url": URL, "data": "", "id": "a"}}, "usage": {"characters": 3}},
    {"id": "file-1", "status": "processed"}, {"data": {"policy": "p", "signature": "s", "upload_dir": "d", "upload_host": "{url}/o",
                                                      "oss_access_key_id": "k", "expire_in_seconds": 300}}]
NAMES = ("a.png", "a.mp4", "a.wav", "../x", "%2e%2e/x", "a b", "x?y=z", "")
MEDIA_BYTES = (png(8, 8), mp4(), wav(0.1), b"<html>", b"", png(8, 8)[:40])


class Anything(http.server.BaseHTTPRequestHandler):
    """Answers with the shapes of the service, changed or not, or with anything else; records what it was sent."""
    protocol_version = "HTTP/1.0"

    def answer(self):
        server = self.server
        length = int(self.headers.get("Content-Length") or 0)
        server.seen.append(self.rfile.read(length))
        rng = server.rng
        status, headers, raw = self.made(rng)
        self.send_response_only(status if 200 <= status < 600 else 200)
        for name, item in headers.items():
            self.send_header(name, re.sub("[^ -~]", "?", item))
        if rng.random() < 0.3:
            self.send_header("Content-Length", str(rng.choice((len(raw), len(raw), len(raw) + 9, 3))))
        self.end_headers()
        self.wfile.write(raw)

    def made(self, rng) -> tuple:
        if "/r/" in self.path:
            return rng.choice((200, 200, 200, 200, 404, 500)), {}, rng.choice(MEDIA_BYTES)
        if rng.random() < 0.5:
            return rng.choice(STATUSES), headers_of(rng), answer_of(rng)
        shape = rng.choice(SHAPES)
        url = rng.choice((self.server.url, self.server.url, self.server.url, "http://127.0.0.1:9", "file:///etc", "https://x:y@h", "data:,"))
        raw = json.dumps(changed(rng, shape) if rng.random() < 0.5 else shape).replace("{url}", url).replace("{name}", rng.choice(NAMES))
        return 200, {"content-type": "application/json"}, raw.encode()

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def anything():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Anything)
    server.daemon_threads, server.block_on_close = True, False
    server.handle_error = lambda request, address: None
    server.seen, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_commands_and_a_service_that_answers_anything(walk, anything):
    def service(rng, command):
        anything.rng = random.Random(rng.random())
        anything.seen.clear()

    def unsent(told, command, result, base):
        assert not any(PRIVATE.encode() in body for body in anything.seen), told
    walk("anything", 160, service, anything.url, unsent)
