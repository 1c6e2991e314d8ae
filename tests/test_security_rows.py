"""Inputs of a stranger's project or of a hostile service, one by one: what is promised in SECURITY.md holds for each."""
from __future__ import annotations

import json
import os
import shutil
import stat
import sys

import pytest

from shared import redaction
from shared.chat import json_schema
from shared.failures import BAD_LINK, Exit, Failure
from shared.money.cost import unknown
from shared.money.payments import Payments
from shared.transport import download
from shared.transport.client import Client
from shared.transport.events import Event, WHOLE
from shared.transport.request import is_id, Reply
from tests import media_samples
from tests.conftest import in_process, Run, SCRIPTS, STANDARD_KEY
from tests.emulator import filming
from tests.test_fuzz import secrets_in
from tests.test_install import INSTALL, load as load_installer

POSIX = pytest.mark.skipif(os.name == "nt", reason="programs, links and modes of POSIX")
FILM = {"skill": "qianwen-video-generation"}
PICTURE = {"skill": "qianwen-image-generation"}
SPEECH = {"skill": "qianwen-audio-tts"}
KEY = "sk-q7Xw2Zk9Vb4Np6Rt8Ys3Jd5Lm"


# ---- other programs --------------------------------------------------------------------------------------------------

@pytest.fixture
def recorder(tmp_path):
    """A folder with a program called ffmpeg that records its environment and arguments and makes no picture."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffmpeg").write_text(f'#!/bin/sh\nenv > "{folder}/env"\nprintf "%s\\n" "$@" > "{folder}/args"\nexit 1\n')
    (folder / "ffmpeg").chmod(0o755)
    return folder


@POSIX
def test_ffmpeg_is_given_no_key_and_reads_nothing_but_films(run, work, recorder):
    (work / "a.mp4").write_bytes(b"x")
    env = {"PATH": f"{recorder}:/usr/bin:/bin", "QIANWEN_API_KEY": "sk-anotherkey0123456789", "OTHER_SECRET": "word"}
    assert run("on", "--from-clip", "a.mp4", env=env, **FILM).code == 2
    seen, arguments = (recorder / "env").read_text(), (recorder / "args").read_text().splitlines()
    assert "KEY" not in seen and "SECRET" not in seen and STANDARD_KEY not in seen and "PATH=" in seen
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    formats = set(arguments[arguments.index("-format_whitelist") + 1].split(","))
    assert {"mov", "matroska"} <= formats and not formats & {"hls", "concat", "dash", "image2", "imf", "sdp", "webm_dash_manifest"}
    assert max(map(arguments.index, ("-protocol_whitelist", "-format_whitelist"))) < arguments.index("-i")


@POSIX
def test_ffmpeg_that_never_ends_is_given_up(run, work, recorder, monkeypatch):
    import video_inputs
    (work / "a.mp4").write_bytes(b"x")
    (recorder / "ffmpeg").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(video_inputs, "_SEARCH_SECONDS", 0.05)
    result = run("on", "--from-clip", "a.mp4", env={"PATH": f"{recorder}:/usr/bin:/bin"}, **FILM)
    assert result.code == 2 and "takes more than" in result.err, result


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
@pytest.mark.parametrize("text", [
    "ffconcat version 1.0\nfile other.mp4\n", "ffconcat version 1.0\nfile '{work}/other.mp4'\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{work}/other.mp4\n#EXT-X-ENDLIST\n"], ids=["concat", "absolute", "hls"])
def test_a_clip_that_names_another_film_is_not_read(run, emulator, work, text):
    (work / "other.mp4").write_bytes(filming.mp4(64, 64, 1, 10, (200, 30, 30), {}))
    (work / "clip.mp4").write_text(text.format(work=work))
    result = run("on", "--from-clip", "clip.mp4", env={"PATH": os.environ["PATH"]}, **FILM)
    assert result.code == 2 and "could not read" in result.err and not emulator.requests, result


def test_the_process_that_matches_patterns_is_given_no_key(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", STANDARD_KEY)
    given = {}

    def record(command, **named):
        given.update(named["env"])
        raise OSError
    monkeypatch.setattr(json_schema.subprocess, "run", record)
    with pytest.raises(json_schema.NotChecked):
        json_schema._by_child("a", {"pattern": "(a+)+$"})
    assert STANDARD_KEY not in given.values() and "PATH" in given


# ---- speech ----------------------------------------------------------------------------------------------------------

def test_sound_far_too_long_for_its_text_is_refused(run, emulator, monkeypatch, work):
    import tts_part
    monkeypatch.setattr(tts_part, "_MOST_BYTES", 1000)
    monkeypatch.setattr(tts_part, "_BYTES_EACH", 10)
    for flags in (("--stream",), ()):
        result = run("Five!", "-o", "a.wav", *flags, **SPEECH)
        assert result.code in (8, 9) and not (work / "a.wav").exists(), result
        assert "too long for its text" in result.err or "it is larger than" in result.err


@pytest.mark.parametrize("text", ["你好", "a" * 10_000])
def test_no_honest_sound_is_too_long(text):
    from tts_part import most_bytes
    from tts_request import expected_seconds
    assert 48_000 * 2 * 2 * 3 * expected_seconds(text, None) < most_bytes(text) <= 1 << 30


def test_what_came_of_speech_replaces_no_file(run, emulator, work):
    (work / "a.partial.wav").write_text("mine")
    emulator.inject("speech-cut", times=None, after_chunks=3)
    result = run("A long sentence. " * 20, "--stream", "-o", "a.wav", "--retries", "0", **SPEECH)
    assert result.code == 6 and (work / "a.partial.wav").read_text() == "mine", result
    other, = work.glob("a.partial-*.wav")
    assert other.name in result.err and other.read_bytes()[:4] == b"RIFF"


@POSIX
def test_what_is_kept_of_speech_is_for_its_owner_alone(run, emulator, home):
    emulator.inject("speech-cut", times=None, after_chunks=3)
    run("A sentence.", "-o", "a.wav", "--retries", "0", **SPEECH)
    emulator.reset()
    emulator.inject("download-reset", times=None, at=0)
    run("A sentence.", "-o", "a.wav", "--retries", "0", **SPEECH)
    paths = [path for path in (home / ".local").rglob("*") if path.is_file()]
    assert paths and {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}, paths


@POSIX
@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_parts_of_speech_are_private(tmp_path, monkeypatch, links):
    import tts_store
    if not links:
        monkeypatch.delattr(tts_store.os, "link")
    store = tts_store.Store(str(tmp_path))
    store.prove()
    part = store.keep("k", store.temporary(), "wav", {})
    assert part and {stat.S_IMODE(os.stat(os.path.join(store.folder, name)).st_mode) for name in os.listdir(store.folder)} == {0o600}


@POSIX
def test_facts_of_a_part_are_read_from_a_plain_file_alone(tmp_path):
    import tts_store
    store = tts_store.Store(str(tmp_path))
    store.prove()
    (tmp_path / "facts").write_text(json.dumps({"made": 1, "url": "http://x"}))
    (tmp_path / "speech" / "k.json").symlink_to(tmp_path / "facts")
    (tmp_path / "speech" / "l.json").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "speech" / "m.json")
    assert [store._read(key) for key in "klm"] == [None] * 3


# ---- ids of the service ----------------------------------------------------------------------------------------------

IDS = ["f;touch${IFS}PWN", "../../api/v1/tasks/victim/cancel?x=", "--overwrite", "..", ".", "a b", "x&calc.exe", "\ud800", "a\0b", "a\nb",
       "a" * 257, 5, ["x"], {"a": 1}, "$(touch PWN)", "", None]


@pytest.fixture
def said(monkeypatch):
    """`said(path, body)` makes every JSON answer of that path this body; returns the paths that were asked."""
    once = Client._json_once
    rules, asked = {}, []

    def answer(self, request, errors_pass):
        asked.append((request.method, request.url))
        found = next((body for path, body in rules.items() if request.url.endswith(path)), None)
        return Reply(200, {}, found) if found else once(self, request, errors_pass)
    monkeypatch.setattr(Client, "_json_once", answer)

    def rule(path, body):
        rules[path] = body
        return asked
    return rule


@pytest.mark.parametrize("odd", IDS, ids=ascii)
def test_id_of_a_document_of_an_odd_form_is_not_used(run, emulator, work, said, odd):
    (work / "a.txt").write_text("text")
    asked = said("/files", {"id": odd, "status": "processed"})
    result = run("Hi", "--document", "a.txt", "--keep-documents")
    assert result.code == 8 and "id" in result.err and "PWN" not in result.err, result
    assert [method for method, _ in asked] == ["POST"] and not emulator.chat_requests


@pytest.mark.parametrize("odd", ["fileid://../x", "fileid://a b", "fileid://", "fileid://--x"])
def test_id_of_a_document_that_is_given_must_be_one(run, emulator, odd):
    assert run("Hi", "--document", odd).code == 2 and not emulator.requests


@pytest.mark.parametrize("odd", [odd for odd in IDS if isinstance(odd, str)], ids=ascii)
def test_id_of_a_voice_of_an_odd_form_is_not_shown(run, said, odd):
    said("/customization", {"output": {"voice": odd, "preview_audio": {}}, "request_id": "r"})
    result = run("--design", "a calm voice", "--name", "anna", **SPEECH)
    assert result.code == 8 and "--my-voices" in result.err and "PWN" not in result.err and not result.out, result


@pytest.mark.parametrize("good", ["qwen-tts-vc-anna-voice-20260101-abcd", "cosyvoice-v3-plus-anna-0a1b", "file-fe-xxx", "a/b:c.d_e-f", "0"])
def test_ids_of_the_service_are_ids(good):
    assert is_id(good)


# ---- our own files ---------------------------------------------------------------------------------------------------

def state_of(home):
    return home / ".local" / "state" / "qianwen"


@POSIX
@pytest.mark.parametrize("name", ["spending.jsonl", "spending.lock", "spending-sums.json", "voices.json", "voices.json.lock"])
@pytest.mark.parametrize("kind", ["link", "dangling", "endless", "pipe", "folder"])
def test_our_own_records_are_plain_files_or_passed_over(run, home, tmp_path, name, kind):
    state_of(home).mkdir(parents=True, mode=0o700)
    path, victim = state_of(home) / name, tmp_path / "victim"
    victim.write_text("mine")
    {"link": lambda: path.symlink_to(victim), "endless": lambda: path.symlink_to("/dev/zero"), "pipe": lambda: os.mkfifo(path),
     "dangling": lambda: path.symlink_to(tmp_path / "made"), "folder": path.mkdir}[kind]()
    for result in (run("Hi"), run("--spent"), run("--my-voices", **SPEECH),
                   run("--design", "a calm voice", "--name", "anna", **SPEECH), run("Hi", env={"QIANWEN_BUDGET": "5"})):
        assert result.code != 1, result
    assert victim.read_text() == "mine" and not (tmp_path / "made").exists()


@POSIX
@pytest.mark.parametrize("kind", ["link", "endless", "pipe"])
def test_calls_under_way_are_plain_files(run, home, tmp_path, kind):
    folder, victim = state_of(home) / "under-way", tmp_path / "victim"
    folder.mkdir(parents=True, mode=0o700)
    victim.write_text('{"begin": 1, "skill": "s", "model": "m", "amount": 99}\n')
    path = folder / "1-0a0b0c0d.jsonl"
    {"link": lambda: path.symlink_to(victim), "endless": lambda: path.symlink_to("/dev/zero"), "pipe": lambda: os.mkfifo(path)}[kind]()
    assert run("Hi", env={"QIANWEN_BUDGET": "5"}).code == 0 and "99" in victim.read_text()


@POSIX
def test_all_records_are_for_their_owner_alone(run, home, monkeypatch):
    monkeypatch.setattr("shared.files.whole._UMASK", 0o022)
    old = os.umask(0o022)
    try:
        run("Hi")
        run("A fox", "-o", "fox.png", skill="qianwen-image-generation")
        run("--design", "a calm voice", "--name", "anna", **SPEECH)
    finally:
        os.umask(old)
    modes = {path.relative_to(home): stat.S_IMODE(path.stat().st_mode) for path in (home / ".local").rglob("*") if path.is_file()}
    assert len(modes) > 3 and set(modes.values()) == {0o600}, modes


# ---- schemas that never end ------------------------------------------------------------------------------------------

PATTERN = {"a": "^(a+)+$", "b": "^(.*?a){22}$", "c": "a?" * 30 + "a" * 30 + "b", "d": "a{0,999}a{0,999}a{0,999}b", "e": "(a|aa)+$", "f": "a*b"}
ENDLESS = [*({"pattern": pattern} for pattern in PATTERN.values()), {"items": {"anyOf": [{"type": "string"}] * 9000}}]
ANSWERS = [*["a" * 4000 + "!"] * 5, "a" * 400_000, list(range(9000))]
NESTED = {"$defs": {f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"} for _ in (1, 2)]} for number in range(24)}, "$ref": "#/$defs/a0"}
NESTED["$defs"]["a24"] = {"type": "string"}


@pytest.mark.parametrize("answer, schema", list(zip(ANSWERS, ENDLESS)), ids=[*PATTERN, "pairs"])
def test_a_check_without_end_is_made_by_a_process_that_is_ended(monkeypatch, answer, schema):
    monkeypatch.setattr(json_schema, "_SECONDS", 0.1)
    with pytest.raises(json_schema.NotChecked, match="more than 0.1 seconds"):
        json_schema.violations(answer, schema)


@pytest.mark.parametrize("pattern, text", [
    (r"^\d{4}-\d{2}-\d{2}$", "2026-01-01"), ("^[A-Z]+$", "ABC"), ("^https?://", "https://x"), (r"^\S+$", "x" * 4000), ("a|b|c", "c"),
    (r"^[\w.]{1,64}$", "a.b")])
def test_ordinary_patterns_are_checked_at_once(monkeypatch, pattern, text):
    monkeypatch.setattr(json_schema, "_by_child", None)
    assert json_schema.violations([text], {"items": {"pattern": pattern}}) == []


@pytest.mark.parametrize("value, schema", [
    (list(range(30_000)), {"uniqueItems": True}), ([5] * 20_000, {"items": {"enum": list(range(20_000))}}),
    (1, NESTED)],
    ids=["unique", "enum", "references"])
def test_large_checks_take_steps_in_proportion(monkeypatch, value, schema):
    """Each would take hours where all pairs were looked at; the steps are counted, not the time."""
    steps = [0]

    def count(frame, event, argument):
        steps[0] += event == "call"
    sys.setprofile(count)
    try:
        json_schema._violations(value, schema)
    finally:
        sys.setprofile(None)
    assert steps[0] < 500_000


# ---- keys in wrong places --------------------------------------------------------------------------------------------

GATEWAY_KEY = "qXwZkVbNp6Rt8Ys3Jd5Lm"  # as gateways give them, without a known prefix
SETTINGS = ("QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD", "QIANWEN_BUDGET", "QIANWEN_TRUST_PROJECT", "DASHSCOPE_WORKSPACE",
            "DASHSCOPE_REGION", "XDG_STATE_HOME")


@pytest.mark.parametrize("form", ["{}", "https://{}", "http://{}/v1", "{}.example/v1?api_key=x", "https://gw.example:99999/{}", "ftp://{}",
                                  "“{}”", "sk-{}", "https://x:{}@gw.example", "cn-{}"])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_key_in_a_wrong_variable_is_not_shown(run, work, name, form):
    """Neither where another key is the right one, nor in a project's .env."""
    value = form.format(GATEWAY_KEY)
    (work / ".env").write_text(f"{name}={value}\n")
    for result in (run("Hi", "--dry-run", env={name: value}, base_url=None), run("Hi", "--dry-run", base_url=None),
                   run("--check", env={name: value})):
        said = result.out + result.err
        is_possible = name == "DASHSCOPE_WORKSPACE" and form in ("{}", "“{}”", "cn-{}") or name in ("QWEN_BASE_URL", "XDG_STATE_HOME")
        assert GATEWAY_KEY[6:].lower() not in said.lower() or is_possible and result.code in (0, 3), result


@pytest.mark.parametrize("argv", [("--seed", GATEWAY_KEY), ("--max-tokens", GATEWAY_KEY), ("--no-such", GATEWAY_KEY), ("--live", GATEWAY_KEY),
                                  ("--concurrency", "2", GATEWAY_KEY), ("--timeout", "x" + GATEWAY_KEY), ("--batch", GATEWAY_KEY)])
def test_this_runs_key_on_the_command_line_is_not_shown(run, argv):
    """What fails first, before any account is known, has the keys taken out already."""
    result = run(*argv, key=GATEWAY_KEY, leaks_checked=False)
    assert result.code == 2 and GATEWAY_KEY[6:] not in result.out + result.err, result


# ---- batches, in this process ----------------------------------------------------------------------------------------

@pytest.fixture
def batch(emulator, home, work, monkeypatch):
    """`batch(row, …)` does these rows, without a worker process."""
    monkeypatch.setattr("shared.batch.worker.hand_over", lambda argv, console, **_: None)

    def start(*rows, argv=("-o", "out/"), skill="qianwen-text"):
        (work / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": KEY, "QWEN_BASE_URL": emulator.url}
        return Run(in_process(skill, ["--batch", "rows.jsonl", "--retries", "0", *argv], b"", environment, work))
    return start


@pytest.mark.parametrize("flags", ["5", "[1]", '"x"', "[" * 400 + "]" * 400])
def test_flags_of_an_earlier_run_that_are_no_object(batch, work, flags):
    (work / "out").mkdir()
    (work / "out" / ".qianwen-batch.started").write_text('{"flags": %s}\n+%s\n' % (flags, "0" * 16))
    assert batch({"prompt": "a"}).code == 0


@pytest.mark.parametrize("name", ["output", "chat", "attach", "id"])
def test_a_row_with_half_a_character_is_named(batch, emulator, name):
    result = batch({"prompt": "a", name: "\ud800"})
    assert result.code == (0 if name == "id" else 2) and "defect" not in result.err, result
    assert name == "id" or "line 1" in result.err and not emulator.requests


def test_a_failed_row_holds_no_key(batch, emulator, work):
    emulator.reply(chunks=["the key is ", KEY, " and", " more"])
    emulator.inject("cut-sse", times=None, after_chunks=4)
    assert batch({"prompt": "a"}, argv=("-o", "out/", "--no-think")).code == 6
    line = json.loads((work / "out" / "results.jsonl").read_text())
    assert "the key is" in line["partial"]["text"] and not secrets_in(json.dumps(line))


def test_a_row_that_is_answered_holds_no_key(batch, emulator, work):
    emulator.reply(text=f"the key is {KEY} and more")
    assert batch({"prompt": "a"}).code == 0
    line = json.loads((work / "out" / "results.jsonl").read_text())
    assert "the key is" in line["text"] and not secrets_in(json.dumps(line))


def test_a_failed_call_holds_no_key(run, emulator):
    emulator.reply(chunks=["the key is ", KEY, " and", " more"])
    emulator.inject("cut-sse", times=None, after_chunks=4)
    result = run("a", "--json", "--no-think", "--retries", "0", key=KEY)
    assert "the key is" in result.document["partial"]["text"] and not secrets_in(result.out)


# ---- what the service says, kept -------------------------------------------------------------------------------------

ECHO = {"request_id": "r-" + KEY, "usage": {KEY: KEY, "characters": 3}}
ECHOES = {
    "a picture that is not fetched": (PICTURE, "/generation", {**ECHO, "output": {"choices": [{"message": {"content": [
        {"image": "http://127.0.0.1:9/a.png"}, {"text": f"the key is {KEY}"}]}}]}}),
    "a task that goes on": (FILM, "/video-synthesis", {**ECHO, "output": {"task_id": "t-" + KEY, "task_status": "PENDING"}}),
    "a task without a usable id": (FILM, "/video-synthesis", {**ECHO, "output": {"task_id": "t " + KEY, "task_status": "PENDING"}}),
    "a sound that is not fetched": (SPEECH, "/generation", {**ECHO, "output": {"finish_reason": "stop", "audio": {
        "url": "http://127.0.0.1:9/a.wav?key=" + KEY}}}),
    "a voice": ({**SPEECH, "argv": ("--design", "calm", "--name", "anna")}, "/customization", {**ECHO, "output": {"voice": KEY}})}


@pytest.mark.parametrize("name", ECHOES)
def test_what_is_recorded_of_an_answer_holds_no_key(run, emulator, home, said, monkeypatch, name):
    """The journal, the spending, kept parts of speech, names of voices."""
    given, path, body = ECHOES[name]
    said(path, body)
    monkeypatch.setattr(Client, "events", lambda self, request, safety, take: take(iter([Event(WHOLE, body, 200)]), {}))
    monkeypatch.setattr(download, "fetch", failing)
    result = run(*given.get("argv", ("A fox", "-o", "a")), *(("--no-wait", ) if given is FILM else ()), key=KEY, skill=given["skill"],
                 leaks_checked=False)
    kept = {str(path): path.read_text() for path in state_of(home).rglob("*") if path.is_file()}
    assert kept and not any(map(secrets_in, [*kept, *kept.values()])), (result, kept)


def failing(client, url, target, **named):
    raise Failure(Exit.UNSAVED, "a result could not be downloaded", code=BAD_LINK)


@pytest.mark.parametrize("kind, most", [("image", 200 << 20), ("video", 4 << 30), ("audio", 1 << 30)])
def test_a_result_is_bounded_by_its_kind(run, monkeypatch, kind, most):
    limits = []
    fetch = download.fetch
    monkeypatch.setattr(download, "fetch", lambda *given, **named: limits.append(named["limit"]) or fetch(*given, **named))
    skill = {"image": PICTURE, "video": FILM, "audio": SPEECH}[kind]
    assert run("A fox", "-o", "a", *(("--poll", "0.01") if kind == "video" else ()), **skill).code == 0
    assert limits and all(limit <= most for limit in limits)


@pytest.mark.parametrize("odd", [odd for odd in IDS if odd != "a" * 257] + ["a/b"], ids=ascii)
@pytest.mark.parametrize("path", ["/files", "/batches"])
def test_id_of_a_job_of_an_odd_form_is_not_used(batch, said, monkeypatch, path, odd):
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.1)
    asked = said(path, {"id": odd, "status": "processed", "object": "file"})
    result = batch({"prompt": "a"}, argv=("-o", "out/", "--batch-api", "--poll", "0.01", "--max-wait", "1"))
    assert result.code in (5, 8) and "defect" not in result.err and "PWN" not in result.err, result
    assert not [url for method, url in asked if "PWN" in url or ".." in url or "calc" in url], asked


# ---- conversations and schemas of a project --------------------------------------------------------------------------

@pytest.mark.parametrize("message", [
    {"role": "assistant", "tool_calls": 5}, {"role": "assistant", "tool_calls": [5]}, {"role": "assistant", "tool_calls": {"a": 1}},
    {"role": "assistant", "content": 5}, {"role": 5}, 5, {"role": "tool", "tool_call_id": [1], "content": "x"}, {"role": "user", "content": [[5]]},
    {"role": "assistant", "content": "x", "tool_calls": [{"id": {}, "function": 5}]}], ids=json.dumps)
def test_a_conversation_of_an_odd_form_is_no_defect(run, work, message):
    (work / "chat.json").write_text(json.dumps([{"role": "user", "content": "Hi"}, message]))
    for flag in ("--chat", "--messages"):
        result = run(*(["Hi"] if flag == "--chat" else []), flag, "chat.json")
        assert result.code in (0, 2, 8) and "defect" not in result.err, result


def test_a_chain_of_references_is_refused(run, emulator, work):
    chain = {f"a{number}": {"$ref": f"#/$defs/a{number + 1}"} for number in range(3000)}
    (work / "s.json").write_text(json.dumps({"$defs": {**chain, "a3000": {}}, "$ref": "#/$defs/a0"}))
    result = run("Hi", "--schema", "s.json")
    assert result.code == 2 and not emulator.requests, result


# ---- what a killed run left ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("argv, skill, folder", [
    (("-o", "d/a.md"), "qianwen-text", "d"), (("-o", "d/a.png"), "qianwen-image-generation", "d"), ((), "qianwen-image-generation", "."),
    (("--no-wait",), "qianwen-video-generation", "../home/.local/state/qianwen/tasks"), (("-o", "d/a.wav"), "qianwen-audio-tts", "d")])
def test_the_next_run_in_a_folder_clears_what_a_killed_one_left(run, work, argv, skill, folder):
    place = work / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / ".qianwen-0a1b2c.tmp").write_text("half a picture")
    assert run("A fox", *argv, skill=skill).code == 0
    assert not (place / ".qianwen-0a1b2c.tmp").exists()


def test_the_next_batch_in_a_folder_clears_what_a_killed_one_left(batch, work):
    (work / "out").mkdir()
    (work / "out" / ".qianwen-0a1b2c.tmp").write_text("half an answer")
    assert batch({"prompt": "a"}).code == 0 and os.listdir(work / "out") == ["results.jsonl"]


@POSIX
@pytest.mark.parametrize("link, output", [("out", "out/"), ("out", "./out"), ("deep/out", "deep/out/"), ("deep", "deep/new/"), ("out", "{work}/out")])
def test_an_output_folder_that_is_a_link_out_of_the_project_is_refused(batch, emulator, work, tmp_path, link, output):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (work / link).parent.mkdir(exist_ok=True)
    (work / link).symlink_to(elsewhere)
    argv = ("-o", output.format(work=work))
    result = batch({"prompt": "a", "output": "authorized_keys"}, argv=argv)
    assert result.code == 2 and "is a link to" in result.err and not emulator.requests and not list(elsewhere.iterdir()), result
    assert batch({"prompt": "a"}, argv=(*argv, "--any-files")).code == 0 and list(elsewhere.rglob("results.jsonl"))


@POSIX
def test_an_output_folder_may_be_a_link_within_the_project_or_be_named_itself(batch, work, tmp_path):
    (work / "real").mkdir()
    (work / "out").symlink_to("real")
    (tmp_path / "disk").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    for output in ("out/", "../elsewhere/a", str(tmp_path / "elsewhere" / "b"), str(tmp_path / "disk" / "c")):
        assert batch({"prompt": "a"}, argv=("-o", output)).code == 0


def test_subtitles_hold_no_key(run, work):
    assert run(f"My key is {KEY}. It is a secret.", "--srt", "-o", "a.wav", key=KEY, **SPEECH).code == 0
    assert "My key is" in (work / "a.srt").read_text() and not secrets_in((work / "a.srt").read_text())


@pytest.mark.parametrize("flags", [(), ("--uninstall",)], ids=["install", "uninstall"])
def test_the_installer_clears_what_a_killed_one_left(work, capsys, flags):
    (work / ".claude" / "skills" / ".qianwen-ab12cd_9" / "new").mkdir(parents=True)
    assert load_installer(INSTALL).main(["--agent", "claude", "--dir", str(work), *flags]) == 0
    assert not list((work / ".claude" / "skills").glob(".qianwen-*")), capsys.readouterr()


@pytest.mark.parametrize("name, value", [("id", "id KEY"), ("id", "ID KEY.UPPER"), ("id", "SECRET"), ("output", "out-KEY.md"), ("output", "KEY/a.md"),
                                         ("chat", "out/KEY.json"), ("id", "\u200b".join("KEY"))])
def test_a_key_is_no_name_of_a_row(batch, emulator, work, name, value):
    for written, meant in (("KEY.UPPER", KEY.upper()), ("KEY", KEY), ("SECRET", KEY[3:]), ("K\u200bE\u200bY", "\u200b".join(KEY))):
        value = value.replace(written, meant)
    result = batch({"prompt": "a"}, {"prompt": "b", name: value}, argv=("-o", "out/", "--csv"))
    assert result.code == 2 and f"line 2: {name!r} holds an API key" in result.err and not emulator.requests, result
    assert not secrets_in(result.err) and not (work / "out").exists()


def test_columns_of_the_input_hold_no_key(batch, work):
    """A hash that a piece of the key stands in by chance is another matter: cells are what rows are found again by."""
    hashed = "00ff" + KEY[5:12] + "ee"
    result = batch({"prompt": "a", "note": f"see {KEY}", KEY: "x", "sum": hashed}, argv=("{note} {sum} {%s}" % KEY, "-o", "out/", "--csv"))
    assert result.code == 0, result
    table = (work / "out" / "results.csv").read_text("utf-8-sig")
    assert "see sk-***" in table and hashed in table and KEY[3:] not in table, table


# ---- the key in the wrong place --------------------------------------------------------------------------------------

@pytest.mark.parametrize("skill", sorted(SCRIPTS))
def test_key_in_place_of_a_model_is_refused(run, emulator, home, work, skill):
    (work / "a.png").write_bytes(media_samples.png(64, 64))
    more = {"qianwen-vision": ["--image", "a.png"]}.get(skill, [])
    result = run("A cat", *more, "--model", STANDARD_KEY, skill=skill)
    assert result.code == 2 and "holds an API key" in result.err and not emulator.requests, result
    assert STANDARD_KEY not in "".join(path.read_text("utf-8", "replace") for path in home.rglob("*") if path.is_file())


def test_a_call_under_way_is_written_down_without_the_key(tmp_path):
    """In other letters, or in part, it is not refused as a model, but it does not go to disk either."""
    key = "sk-emulator-0123456789abcdef"
    payments = Payments(str(tmp_path), "s", clean=lambda text: redaction.cleaned(text, (key,)))
    for model in (key.upper(), key[12:-2]):
        payments.begin(model, unknown("its price is not in the table"))
    (written,) = (tmp_path / "under-way").iterdir()
    assert "0123456789" not in written.read_text() and "***" in written.read_text()


# ---- an update while the script runs ---------------------------------------------------------------------------------

@pytest.mark.parametrize("gone, code, said", [
    ("shared.cli.failed", 3, "error: No API key was found"), ("shared.cli.session", 1, "is not there")])
def test_a_file_of_the_skill_that_is_taken_away_meanwhile_is_named(run, monkeypatch, gone, code, said):
    """What was going to be told is told without it, and nothing ends in a traceback."""
    monkeypatch.setitem(sys.modules, gone, None)
    if gone == "shared.cli.session":
        monkeypatch.setattr("shared.main.Session", lambda *arguments, **named: __import__(gone, fromlist=["Session"]))
    result = run("Hi", key=None)
    assert result.code == code and said in result.err and "Traceback" not in result.err and "next: " in result.err, result


def test_a_short_key_of_a_gateway_may_be_a_word_of_a_model_id(run, emulator):
    result = run("Hi", "--model", "ollama/qwen3", key="ollama")
    assert "holds an API key" not in result.err, result
