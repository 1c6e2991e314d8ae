"""`--batch` through the real scripts: the rows, what a rerun does, what is in doubt, kills, rate limits, and the counts."""
from __future__ import annotations

import _thread
import base64
import errno
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared.batch import folder as folder_module
from shared.batch.folder import BatchFolder
from shared.batch.rows import RowFile
from shared.batch.tally import duration, Progress, Tally
from shared.batch.throttle import Throttle
from shared.batch.workers import run_all, Workers
from shared.body import parse_settings
from shared.cli.console import Console
from shared.cli.flags import add_batch_flags, add_common_flags, Parser
from shared.failures import Exit, Failure
from shared.files.own import open_own
from shared.transport.retries import Retries
from tests.bench import peak_memory
from tests.conftest import BYTECODE, PLAN_KEY, SCRIPTS, STANDARD_KEY
from tests.emulator.faults import Fault

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def write(path: Path, *rows) -> Path:
    """A batch file: dicts become JSON, texts stay as they are."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows), "utf-8")
    return path


def results(folder: Path) -> list:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]


def prompts(emulator, status=200) -> Counter:
    """How often each prompt was answered with a status (None: sent at all)."""
    return Counter(request.json["messages"][-1]["content"] for request in emulator.chat_requests
                   if status is None or request.status == status)


def counts(run_) -> dict:
    rows = run_.document["rows"]
    assert rows["total"] == sum(number for name, number in rows.items() if name != "total"), rows
    return rows


@pytest.fixture
def rows(work):
    return lambda *rows: write(work / "rows.jsonl", *rows)


@pytest.fixture
def start(emulator, home, work):
    """Start a batch without waiting for it; what is left of it is killed at the end."""
    started = []

    def start_batch(*arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), **BYTECODE,
                       "DASHSCOPE_API_KEY": STANDARD_KEY, "QWEN_BASE_URL": emulator.url}
        started.append(subprocess.Popen([sys.executable, str(SCRIPTS["qianwen-text"]), *map(str, arguments)], cwd=work,
                                        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return started[-1]
    yield start_batch
    for process in started:
        process.kill()
        process.communicate()


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def worker_of(folder: Path) -> int:
    return int((folder / ".qianwen-batch.lock").read_text())


BATCH = ("--batch", "rows.jsonl", "-o", "out", "--no-think")


# ---- rows ------------------------------------------------------------------------------------------------------------

def test_a_row_is_a_call(run, emulator, rows, work):
    """Any flag's long name, with hyphens or underscores; the command line's flags are the defaults."""
    rows({"prompt": "你好", "id": "问候", "max_tokens": 5, "stop": ["a", "b"]},
         "",
         {"prompt": "two", "set": {"top_k": 7, "presence_penalty": 1.5}, "no-stream": True, "think": False, "temperature": None},
         {"system": "be brief"})
    done = run(*BATCH[:4], "the default", "--think", "--set", "top_k=3", "--temperature", "0.5", "--json")
    assert done.code == 0 and counts(done)["done"] == 3, results(work / "out")
    sent = {request.json["messages"][-1]["content"]: request.json for request in emulator.chat_requests}
    assert sent["你好"]["max_tokens"] == 5 and sent["你好"]["stop"] == ["a", "b"] and sent["你好"]["top_k"] == 3
    assert sent["你好"]["enable_thinking"] is True and sent["你好"]["temperature"] == 0.5
    assert sent["two"]["top_k"] == 7 and sent["two"]["presence_penalty"] == 1.5 and not sent["two"].get("stream")
    assert sent["two"]["enable_thinking"] is False and sent["the default"]["messages"][0]["content"] == "be brief"
    lines = {line["row"]: line for line in results(work / "out")}
    assert set(lines) == {1, 3, 4} and lines[1]["id"] == "问候" and lines[3]["id"] is None
    assert all(line["ok"] and line["text"] and line["skill"] == "qianwen-text" for line in lines.values())
    assert done.document["billing"]["units"]["input_tokens"] == sum(
        line["billing"]["units"]["input_tokens"] for line in lines.values())


def test_rows_are_written_with_outputs(run, rows, work):
    rows({"prompt": "one", "output": "deep/one.md"}, {"prompt": "two"})
    done = run(*BATCH)
    assert done.code == 0 and done.out == "out/results.jsonl\n", done
    assert (work / "out/deep/one.md").read_text("utf-8")
    assert [line.get("files", [{}])[0].get("path") for line in sorted(results(work / "out"), key=lambda line: line["row"])
            ] == ["out/deep/one.md", None]


@pytest.mark.parametrize("row, words", [
    ("{", "not JSON"), ("[1]", "not a JSON object"), ('{"prompt": NaN}', "not JSON"), ({}, "'prompt' is missing"),
    ({"prompt": " "}, "'prompt' is empty"), ({"prompt": 5}, "must be text"), ({"prompt": "-"}, "standard input"),
    ({"prompt": "x", "promt": "y"}, "'promt' is not a flag; a row takes id, prompt, attach"),
    ({"prompt": "x", "json": True}, "'json' is for the whole command"), ({"prompt": "x", "resume": "1"}, "'resume' is for"),
    ({"prompt": "x", "batch": "f"}, "'batch' is for"), ({"prompt": "x", "overwrite": True}, "'overwrite' is for"),
    ({"prompt": "x", "max-wait": 5}, "'max-wait' is for the whole command"),
    ('{"prompt": "x", "output": "\\ud800"}', "not a file name"),
    ('{"prompt": "x", "chat": "out/\\udfff.json"}', "not a file name"), ({"prompt": "x", "max-tokens": 1, "max_tokens": 2}, "given twice"),
    ({"prompt": "x", "temperature": 5}, "outside the legal range"), ({"prompt": "x", "temperature": True}, "takes a value"),
    ({"prompt": "x", "search": "yes"}, "is a switch"), ({"prompt": "x", "system": ["a"]}, "takes one value"),
    ({"prompt": "x", "prompt-file": "y"}, "not both"), ({"prompt": "x", "id": 1.5}, "'id' must be"),
    ({"prompt": "x", "output": "../y"}, "stays in the output folder"), ({"prompt": "x", "output": "/y"}, "stays in"),
    ({"prompt": "x", "output": "results.jsonl"}, "of the batch itself"), ({"prompt": "x", "output": "C:\\y"}, "stays in"),
])
def test_bad_rows_are_named_before_anything_is_sent(run, emulator, rows, work, row, words):
    rows({"prompt": "good"}, "", row)
    done = run(*BATCH)
    assert done.code == 2 and "line 3: " in done.err and words in done.err, done
    assert not emulator.requests and not (work / "out").exists()


@pytest.mark.parametrize("more", [(), ("--estimate",), ("--dry-run",)])
@pytest.mark.parametrize("skill, rows_, words", [
    ("qianwen-text", [{"attach": "none.txt"}, {"schema": "none.json", "id": "k"}], ["line 3: --attach none.txt does not", "line 4 (k): --schema"]),
    ("qianwen-vision", [{"image": "none.png"}], ["line 3: --image none.png does not exist", "looked up from"]),
    ("qianwen-image-generation", [{"size": "7x7"}, {"n": 99}], ["line 3: --size 7*7 is not legal", "(nearest: 512*512", "line 4: -n 99"]),
    ("qianwen-video-generation", [{"image": "none.png"}, {"duration": 40}], ["line 3: --image none.png", "line 4: --duration 40"])])
def test_rows_that_cannot_be_sent_are_found_before_the_first_is_paid(run, emulator, rows, work, skill, rows_, words, more):
    rows({"prompt": "good", **({"image": "a.png"} if "vision" in skill else {})}, "", *({"prompt": "x", **row} for row in rows_))
    (work / "a.png").write_bytes(_png())
    done = run("--batch", "rows.jsonl", "-o", "out", *more, skill=skill)
    assert done.code == 2 and all(word in done.err for word in words) and not emulator.requests, done
    assert not (work / "out").exists()


def test_a_row_that_is_done_is_not_checked_again(run, emulator, rows, work):
    rows({"prompt": "x", "attach": "a.txt"}, {"prompt": "y"})
    (work / "a.txt").write_text("text")
    emulator.inject("error", status=400, code="invalid_parameter_error", text="y")
    assert run(*BATCH).code == 11
    os.unlink(work / "a.txt")
    assert run(*BATCH).code == 0


def test_the_first_bad_rows_are_named(run, rows):
    rows(*["{"] * 9)
    done = run(*BATCH, "--json")
    assert done.code == 2 and "line 5: " in done.err and "line 6" not in done.err and "and 4 more lines" in done.err
    assert done.document["error"]["kind"] == "usage"


@pytest.mark.parametrize("twice, words", [
    ({"id": "a"}, "line 3: it has the same id as line 1"), ({"output": "a.md"}, "line 3: it has the same output as line 1")])
def test_what_must_differ(run, emulator, rows, twice, words):
    rows({"prompt": "x", **twice}, {"prompt": "y"}, {"prompt": "z", **twice})
    done = run(*BATCH)
    assert done.code == 2 and words in done.err and not emulator.requests, done


@pytest.mark.parametrize("arguments, words", [
    (("hi", "--concurrency", "2"), "goes with --batch"), (("hi", "--csv"), "--csv goes with --batch"),
    (("hi", "--any-files"), "--any-files goes with --batch"), (("--batch", "rows.jsonl"), "needs --output"),
    (("--batch", "-", "-o", "out"), "--batch - is not possible"),
    (("--batch", "nowhere.jsonl", "-o", "out"), "does not exist"), (("--batch", ".", "-o", "out"), "cannot be read"),
    (("--batch", "rows.jsonl", "-o", "rows.jsonl"), "is not a folder"),
    (("--batch", "rows.jsonl", "-o", "out", "--concurrency", "65"), "outside the legal range")])
def test_illegal_commands(run, emulator, rows, arguments, words):
    rows({"prompt": "x"})
    done = run(*arguments)
    assert done.code == 2 and words in done.err and not emulator.requests, done


def test_an_empty_file_is_refused(run, rows):
    rows("", " ")
    assert "has no rows" in run(*BATCH).err


def test_vision_rows(run, emulator, rows, work):
    """A row without a prompt takes the command line's; a list goes to a flag that takes several."""
    for name in ("a.png", "b.png"):
        (work / name).write_bytes(_png())
    rows({"image": "a.png"}, {"image": ["a.png", "b.png"], "prompt": "compare"})
    done = run("what is it?", *BATCH, "--json", skill="qianwen-vision")
    assert done.code == 0 and counts(done)["done"] == 2, (done, results(work / "out"))


def _png():
    from tests import media_samples
    return media_samples.png(64, 64)


# ---- the key ---------------------------------------------------------------------------------------------------------

def test_a_plan_key_is_refused_for_a_batch(run, emulator, rows, work):
    rows({"prompt": "x"})
    done = run(*BATCH, "--json", key=PLAN_KEY)
    assert done.code == 3 and "forbidden in batch" in done.err and not emulator.requests and not (work / "out").exists(), done
    assert done.document["error"]["code"] == "plan_key"
    assert run(*BATCH, "--check", key=PLAN_KEY).code == 3


def test_one_row_is_a_batch_for_the_guard_too(run, emulator, rows):
    rows({"prompt": "x"})
    assert run(*BATCH, key=PLAN_KEY, base_url="https://dashscope.aliyuncs.com").code == 3 and not emulator.requests


def test_a_refused_key_stops_the_batch(run, emulator, rows, work):
    rows(*({"prompt": f"row {number}"} for number in range(200)))
    emulator.inject("401", times=None)
    done = run(*BATCH, "--json")
    assert done.code == 3 and done.document["error"]["kind"] == "key", done
    assert len(emulator.requests) <= 8 and counts(done)["not_started"] >= 192 and counts(done)["done"] == 0
    emulator.reset()
    assert counts(run(*BATCH, "--json"))["done"] == 200


def test_arrears_stop_the_batch(run, emulator, rows):
    rows(*({"prompt": f"row {number}"} for number in range(100)))
    emulator.inject("arrearage", times=None)
    done = run(*BATCH, "--json")
    assert done.code == 4 and len(emulator.requests) <= 8, done


def test_a_model_one_row_may_not_use_stops_nothing(run, emulator, rows):
    rows(*({"prompt": f"row {number}", "model": "qwen3-max"} for number in range(10)), {"prompt": "last"})
    emulator.inject("403", times=10)
    done = run("--batch", "rows.jsonl", "-o", "out", "--concurrency", 1, "--json")
    assert done.code == 11 and counts(done) == {"total": 11, "kept": 0, "done": 1, "failed": 10, "in_doubt": 0, "not_started": 0}


@pytest.mark.parametrize("fault, said", [("401", "after that, the same command does only what is missing"), ("403", "correct the rows named above"),
                                         ("arrearage", ""), ("500", "run the same command again: it does only what is missing"),
                                         ("sse-error", "correct the rows named above")])
def test_advice_is_to_run_again_only_where_it_helps_and_is_given_once(run, emulator, rows, fault, said):
    rows(*({"prompt": f"row {number}", **({"model": "qwen3-max"} if fault == "403" else {})} for number in range(9)))
    emulator.inject(fault, times=None, **({"after_chunks": 0, "code": "invalid_parameter_error"} if fault == "sse-error" else {}))
    done = run(*BATCH, "--retries", 0)
    assert said in done.err and ("run the same command again" in done.err) == (fault == "500"), done
    assert len(re.findall("run the (?:same )?command again", done.err)) == (fault != "401"), done


def test_rows_are_named_in_the_order_of_the_file():
    """The first ten of the file, whichever end first."""
    tally = Tally(30, SimpleNamespace(kept=0, kept_in_doubt=0))
    lines = list(range(1, 31))
    random.Random(3).shuffle(lines)
    for line in lines:
        row = SimpleNamespace(line=line, id="last" if line == 10 else None)
        tally.add(row, {"ok": False, "exit_code": 8, "error": {"message": "no"}, **({"in_doubt": True} if line % 2 else {})})
    assert [words for _, words in tally.failures] == [f"line {line}{' (last)' if line == 10 else ''}: no" for line in range(2, 21, 2)]
    assert [words for _, words in tally.doubtful] == [f"line {line}" for line in range(1, 11, 2)]


def test_a_batch_that_does_nothing_costs_nothing(run, rows):
    rows({"prompt": "a"})
    assert run(*BATCH).code == 0
    billing = run(*BATCH, "--json").document["billing"]
    assert billing["cost"]["amount"] == 0 and billing["cost"]["known"] is True and billing["rows_without_price"] == 0


# ---- again -----------------------------------------------------------------------------------------------------------

def test_a_rerun_does_what_is_missing(run, emulator, rows, work):
    """Failed rows are done anew, inserted and moved ones are told apart, and there is one line a row."""
    rows({"prompt": "a"}, {"prompt": "b"}, {"prompt": "b"}, {"prompt": "c", "id": "c"})
    emulator.inject("moderation", times=1)
    done = run(*BATCH, "--concurrency", 1, "--json")
    assert done.code == 11 and counts(done) == {"total": 4, "kept": 0, "done": 3, "failed": 1, "in_doubt": 0, "not_started": 0}
    assert [line["ok"] for line in results(work / "out")] == [False, True, True, True]
    rows({"prompt": "c, reworded", "id": "c"}, {"prompt": "new"}, {"prompt": "b"}, {"prompt": "a"}, {"prompt": "b"}, {"prompt": "b"})
    emulator.reset()
    done = run(*BATCH, "--json")
    assert done.code == 0 and counts(done)["kept"] == 3 and counts(done)["done"] == 3, done
    assert prompts(emulator) == {"new": 1, "a": 1, "b": 1}
    lines = results(work / "out")
    assert len(lines) == 6 == len({line["key"] for line in lines}) and all(line["ok"] for line in lines)
    emulator.reset()
    assert run(*BATCH).code == 0 and not emulator.requests


def test_all_rows_failing_alike_give_their_code(run, emulator, rows):
    rows({"prompt": "a"}, {"prompt": "b"})
    emulator.inject("moderation", times=None)
    done = run(*BATCH, "--json")
    assert done.code == 10 and done.document["error"]["kind"] == "content" and counts(done)["failed"] == 2


def test_other_flags_are_another_batch(run, emulator, rows, work):
    rows({"prompt": "a"})
    assert run(*BATCH, "--model", "qwen-plus").code == 0
    emulator.reset()
    done = run(*BATCH, "--model", "qwen-flash")
    assert done.code == 2 and "other flags" in done.err and "another folder" in done.err, done
    assert not emulator.requests
    assert run(*BATCH, "--model", "qwen-plus", "--concurrency", 2, "--retries", 1, "-v").code == 0
    rows({"prompt": "b"})
    done = run(*BATCH, "--model", "qwen-plus")
    assert done.code == 2 and "holds results of other rows" in done.err and not emulator.requests


def test_other_flags_are_named_after_a_kill(run, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "b"})
    (work / "out").mkdir()
    (work / "out" / ".qianwen-batch.started").write_text(json.dumps({"flags": {"model": "qwen-plus"}}) + "\n+" + "0" * 16 + "\n")
    done = run(*BATCH, "--model", "qwen-flash")
    assert done.code == 2 and '--model: "qwen-plus" then, "qwen-flash" now' in done.err and not emulator.requests


def test_flags_that_only_failed_may_be_changed(run, emulator, rows):
    rows({"prompt": "a"})
    emulator.inject("error", status=400, code="invalid_parameter_error")
    assert run(*BATCH, "--model", "qwen-plus").code == 8
    assert run(*BATCH, "--model", "qwen-flash").code == 0


def test_a_torn_line_is_done_again_only_when_asked(run, emulator, rows, work):
    """A machine lost its power while a line was written: the row was paid, its answer is lost."""
    rows({"prompt": "a"}, {"prompt": "b"})
    assert run(*BATCH, "--concurrency", 1).code == 0
    path = work / "out" / "results.jsonl"
    started = [f"+{line['key']}\n" for line in results(work / "out")]
    path.write_bytes(path.read_bytes()[:-30])
    with open(work / "out" / ".qianwen-batch.started", "a") as file:
        file.writelines(started + ["+0a"])
    emulator.reset()
    done = run(*BATCH, "--json")
    assert done.code == 11 and counts(done)["in_doubt"] == 1 and counts(done)["kept"] == 1 and not emulator.requests, done
    assert len(results(work / "out")) == 2
    assert counts(run(*BATCH, "--json", "--again"))["done"] == 1 and prompts(emulator) == {"b": 1}


# ---- in doubt --------------------------------------------------------------------------------------------------------

def test_rows_without_an_answer_are_in_doubt(run, emulator, rows, work):
    rows({"prompt": "a", "id": "first"}, {"prompt": "b"}, {"prompt": "c"})
    emulator.inject("reset-before-body")
    done = run(*BATCH, "--concurrency", 1, "--json")
    assert done.code == 11 and counts(done)["in_doubt"] == 1 and counts(done)["done"] == 2, done
    assert "line 1 (first)" in done.err and "--again" in done.err
    assert [line.get("in_doubt") for line in results(work / "out")] == [True, None, None]
    emulator.reset()
    done = run(*BATCH, "--json")
    assert done.code == 11 and counts(done)["in_doubt"] == 1 and not emulator.requests, done
    done = run(*BATCH, "--json", "--again")
    assert done.code == 0 and prompts(emulator) == {"a": 1} and len(results(work / "out")) == 3


def test_a_refused_connection_is_not_in_doubt(run, emulator, rows, work):
    rows({"prompt": "a"})
    done = run(*BATCH, "--json", "--retries", 0, base_url="http://127.0.0.1:9")
    assert done.code == 6 and counts(done)["failed"] == 1
    assert counts(run(*BATCH, "--json"))["done"] == 1


def test_a_dead_network_stops_the_batch(run, rows):
    rows(*({"prompt": f"row {number}"} for number in range(300)))
    done = run(*BATCH, "--json", "--retries", 0, base_url="http://127.0.0.1:9")
    assert done.code == 6 and counts(done)["not_started"] > 200


# ---- kills -----------------------------------------------------------------------------------------------------------

def hold_up(emulator, monkeypatch, after=0):
    """The answers to all chat calls but the first `after` wait until the emulator is told to hurry."""
    numbers, take_fault = itertools.count(), emulator.take_fault

    def held(path, body=b""):
        if path.endswith("/chat/completions") and next(numbers) >= after:
            return Fault("slow-first-byte", None, None, {"seconds": 120})
        return take_fault(path, body)
    monkeypatch.setattr(emulator.epoch, "take_fault", held)


def read_until(stream, words: bytes) -> bytes:
    """What a process says, up to the line with these words."""
    said = b""
    while words not in said:
        line = stream.readline()
        assert line, said
        said += line
    return said


@posix
def test_a_kill_of_the_command_loses_nothing(emulator, rows, work, start, monkeypatch):
    """The rows under way are finished by the worker; the rerun waits for it and pays each row once."""
    rows(*({"prompt": f"row {number}"} for number in range(60)))
    hold_up(emulator, monkeypatch, after=16)
    process = start(*BATCH, "--concurrency", 8)
    until(lambda: len(emulator.requests) >= 16 + 8)
    process.kill()
    again = start(*BATCH, "--concurrency", 16, "--json")
    read_until(again.stderr, b"waiting for it")
    emulator.hurry()
    out, err = again.communicate(timeout=60)
    found = json.loads(out)["rows"]
    assert again.returncode == 0 and found["kept"] >= 16 and found["in_doubt"] == 0, err
    assert set(prompts(emulator, None).values()) == {1} and len(prompts(emulator)) == 60
    assert len(results(work / "out")) == 60 == len({line["row"] for line in results(work / "out")})


@posix
def test_a_kill_of_everything_leaves_rows_in_doubt(run, emulator, rows, work, start, monkeypatch):
    rows(*({"prompt": f"row {number}", "id": number} for number in range(30)))
    hold_up(emulator, monkeypatch, after=4)
    process = start(*BATCH, "--concurrency", 4)
    until(lambda: len(emulator.requests) >= 4 + 4)
    os.kill(worker_of(work / "out"), signal.SIGKILL)
    assert process.wait(30) == 1 and b"signal 9" in process.stderr.read()
    emulator.hurry()
    done = run(*BATCH, "--json")
    rows_ = counts(done)
    assert done.code == 11 and 1 <= rows_["in_doubt"] <= 4 and rows_["not_started"] == 0, done
    assert re.search(r"rows in doubt \(line \d+ \(\d+\)", done.err)
    assert set(prompts(emulator, None).values()) == {1}
    assert len(results(work / "out")) == 30
    done = run(*BATCH, "--json", "--again")
    assert done.code == 0 and counts(done)["done"] == rows_["in_doubt"]
    assert len(prompts(emulator, None)) == 30 and sum(prompts(emulator, None).values()) == 30 + rows_["in_doubt"]


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_what_is_under_way(run, emulator, rows, work, start, monkeypatch, number):
    rows(*({"prompt": f"row {number}"} for number in range(40)))
    hold_up(emulator, monkeypatch, after=4)
    process = start(*BATCH, "--concurrency", 4, "--json")
    until(lambda: len(emulator.requests) >= 4 + 4)
    process.send_signal(number)
    said = read_until(process.stderr, b"interrupted: no new rows")
    time.sleep(0.2)  # for the worker to hear of it; a row that it begins meanwhile is finished as well
    emulator.hurry()
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert process.returncode == 130 == document["exit_code"], said + err
    assert b"run the same command again" in err
    assert document["rows"]["in_doubt"] == 0 and document["rows"]["done"] == len(emulator.requests) == len(results(work / "out"))
    assert counts(run(*BATCH, "--json"))["kept"] == document["rows"]["done"]
    assert set(prompts(emulator, None).values()) == {1}


def test_what_is_under_way_is_waited_for_however_long_it_takes(monkeypatch):
    throttle, done, ticks, enough = Throttle(1), [], itertools.count(), threading.Event()
    monkeypatch.setattr("shared.batch.workers.time", SimpleNamespace(monotonic=itertools.count(0, 1000).__next__), raising=False)
    monkeypatch.setattr(Progress, "tick", lambda self, *_: next(ticks) == 3 and enough.set())
    monkeypatch.setattr(Workers, "_missing", lambda self: iter([1]))
    monkeypatch.setattr(Workers, "_do", lambda self, row: [throttle.stop(), enough.wait(20), done.append(row)])
    session = SimpleNamespace(console=Console("skill"), options=SimpleNamespace(timeout=1))
    folder = SimpleNamespace(kept=0, kept_in_doubt=0, partial=set())
    Workers(SimpleNamespace(total=1), folder, session, None, throttle, Tally(1, folder)).work()
    assert done == [1]


@posix
def test_a_second_interrupt_leaves_at_once(run, emulator, rows, work, start, monkeypatch):
    rows(*({"prompt": f"row {number}"} for number in range(8)))
    hold_up(emulator, monkeypatch)
    process = start(*BATCH, "--concurrency", 4)
    until(lambda: len(emulator.requests) >= 4)
    process.send_signal(signal.SIGINT)
    read_until(process.stderr, b"interrupted: no new rows")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130 and not prompts(emulator), "no row has an answer yet"
    time.sleep(0.2)
    emulator.hurry()
    done = run(*BATCH, "--json")
    assert done.code == 0 and counts(done)["kept"] == len(prompts(emulator)) - counts(done)["done"], done
    assert set(prompts(emulator, None).values()) == {1} and len(prompts(emulator)) == 8


@posix
def test_rows_that_wait_for_the_rate_limit_are_given_back(run, emulator, rows, work, start):
    rows(*({"prompt": f"row {number}"} for number in range(8)))
    emulator.inject("429", times=None, retry_after=30)
    process = start(*BATCH, "--json")
    until(lambda: emulator.requests)  # its answer stops the other workers, too
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 130 and json.loads(out)["rows"]["not_started"] == 8
    emulator.faults.clear()
    assert counts(run(*BATCH, "--json"))["done"] == 8


# ---- rate limits and server errors -----------------------------------------------------------------------------------

@pytest.mark.parametrize("fault, parameters", [("429", {"retry_after": 1}), ("429", {}), ("500", {}), ("503", {})])
def test_passing_trouble_is_waited_for(run, emulator, rows, fault, parameters):
    rows(*({"prompt": f"row {number}"} for number in range(12)))
    emulator.inject(fault, times=4, **parameters)
    done = run(*BATCH, "--json", "--retries", 2)
    assert done.code == 0 and counts(done)["done"] == 12 and set(prompts(emulator).values()) == {1}, done


def test_a_long_pause_stops_the_batch(run, emulator, rows):
    """A service that wants to be left alone for hours is not asked a thousand times."""
    rows(*({"prompt": f"row {number}"} for number in range(100)))
    emulator.inject("429", times=None, retry_after=7200)
    done = run(*BATCH, "--json")
    assert done.code == 4 and len(emulator.requests) <= 8 and counts(done)["not_started"] >= 92, done


def test_retries_do_not_limit_the_patience():
    clock = Clock()
    limited = iter([True] * 9 + [False])

    def attempt():
        if next(limited):
            raise Failure(Exit.QUOTA, "too many", retryable=True)
        return "answer"
    shared_pace = Throttle(4, clock=clock)
    shared_pace._stopping = clock
    retries = Retries(0, sleep=clock.wait, throttle=shared_pace.row(), uniform=lambda low, high: 1.0)
    assert retries.run(attempt, Retries.CHAT) == "answer"
    assert clock.now == 1 + 2 + 4 + 8 + 16 + 32 + 60 * 3 and 1 <= shared_pace.slots < 4


def test_patience_ends():
    clock, sent = Clock(), []

    def attempt():
        sent.append(clock.now)
        raise Failure(Exit.QUOTA, "too many", retryable=True)
    shared_pace = Throttle(1, clock=clock)
    shared_pace._stopping = clock
    with pytest.raises(Failure, match="too many"):
        Retries(3, sleep=clock.wait, throttle=shared_pace.row()).run(attempt, Retries.CREATE)
    assert 15 < len(sent) < 30 and 800 < clock.now < 901 + 60


class Clock:
    """A clock that waiting moves on; also stands in for the event of a stop."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds

    def is_set(self):
        return False


# ---- the whole -------------------------------------------------------------------------------------------------------

@posix
def test_hundreds_of_rows_with_trouble_and_a_kill(run, emulator, rows, work, start, monkeypatch):
    """5 % rate limits, 2 % server errors, one kill in the middle: after a rerun every row is there, none paid twice."""
    chance, take_fault = random.Random(7), emulator.take_fault

    def flaky(path, body=b""):
        number = chance.random()
        if number < 0.07:
            return Fault("429" if number < 0.05 else "500", None, None, {"retry_after": 0} if number < 0.01 else {})
        return take_fault(path, body)
    monkeypatch.setattr(emulator, "take_fault", flaky)
    rows(*({"prompt": f"行 {number}", "id": f"r{number}"} for number in range(600)))
    process = start(*BATCH, "--concurrency", 32, "--no-stream")
    until(lambda: len(emulator.requests) >= 200)
    process.kill()
    done = run(*BATCH, "--concurrency", 32, "--no-stream", "--json")
    assert counts(done)["in_doubt"] == 0 and counts(done)["kept"] >= 120, done
    while done.code:
        done = run(*BATCH, "--concurrency", 32, "--no-stream", "--json")
    lines = results(work / "out")
    assert len(lines) == 600 == len({line["id"] for line in lines}) and all(line["ok"] for line in lines)
    assert len(prompts(emulator)) == 600 and set(prompts(emulator).values()) == {1}


def test_memory_stays_bounded(emulator, work, home):
    """40,000 rows cost some bytes each."""
    path = work / "rows.jsonl"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "QWEN_BASE_URL": emulator.url, **BYTECODE}
    peaks = []
    for size in (10, 40_000):
        path.write_text("".join(f'{{"prompt": "row {number} {"x" * 200}"}}\n' for number in range(size)))
        peaks.append(peak_memory([sys.executable, str(SCRIPTS["qianwen-text"]), "--batch", str(path), "-o",
                                  str(work / "out"), "--dry-run"], environment))
    assert peaks[1] - peaks[0] < 8, "MiB; whole rows would take twice as much"


def test_a_dry_run_needs_no_key_and_makes_nothing(run, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "b"})
    done = run(*BATCH, "--dry-run", key=None)
    assert done.code == 0 and done.document["rows"] == done.document["would_send"] == 2 and not emulator.requests
    assert done.document["first"]["body"]["messages"][-1]["content"] == "a" and not (work / "out").exists()
    run(*BATCH)
    done = run(*BATCH, "--dry-run")
    assert done.document["would_send"] == 0 and done.document["first"] is None


def test_a_full_disk_stops_the_batch(rows, work, monkeypatch):
    """A line that does not go to the disk whole is taken back, and shown instead."""
    from shared.batch.folder import BatchFolder
    rows({"prompt": "a"})
    options = _parser().parse_args(["--batch", "rows.jsonl", "-o", "out"])
    monkeypatch.chdir(work)
    row_file = RowFile("rows.jsonl", options, _parser, "out", main="prompt")
    row_file.check()
    batch_folder = BatchFolder("out", row_file, Console("skill"), again=False, recoverable=None)
    with batch_folder.locked(1, lambda: None):
        batch_folder.open()
        row = next(row_file.rows())
        batch_folder.record(row, {"ok": True})
        monkeypatch.setattr(os, "write", lambda fd, data, write=os.write: write(fd, data[:10]))
        with pytest.raises(OSError, match="No space"):
            batch_folder.record(row, {"ok": True})
    assert len(results(work / "out")) == 1


def test_results_that_are_not_where_they_belong_are_no_success(run, rows, work, monkeypatch):
    rows({"prompt": "a"})

    def write(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        patch.setattr("shared.batch.folder.ResultsTable.write", write)
        done = run(*BATCH, "--csv")
        assert done.code == 9 and "out/results.csv cannot be written" in done.err and "make room" in done.err, done
        assert done.out == "out/results.jsonl\n"
        assert "table" not in run(*BATCH, "--csv", "--json").document
    assert run(*BATCH, "--csv").out == "out/results.jsonl\nout/results.csv\n"
    put = BatchFolder.record
    monkeypatch.setattr(BatchFolder, "record", lambda self, *more: [put(self, *more), (work / "new" / "results.csv").mkdir()])
    done = run("--batch", "rows.jsonl", "-o", "new", "--csv")
    assert done.code == 9 and "new/results.csv cannot be written" in done.err and ".tmp" not in done.err, done


@pytest.mark.parametrize("content", [None, '{"prompt": "a", "id": "a"}', '{"prompt": "a"', '{"prompt": "z", "id": "z"}',
                                     "".join(json.dumps({"prompt": name, "id": name}) + "\n" for name in "abcd")])
def test_a_file_of_rows_that_is_changed_ends_the_batch_with_a_report(run, emulator, rows, work, monkeypatch, content):
    """Rows that nobody has checked are not sent, and nothing that was paid is dropped or left out of the sum."""
    path, put = rows(*({"prompt": name, "id": name} for name in "abc")), BatchFolder.record

    def record(self, *more):
        put(self, *more)
        path.unlink() if content is None else path.write_text(content)
    with monkeypatch.context() as patch:
        patch.setattr(BatchFolder, "record", record)
        done = run(*BATCH, "--concurrency", 1, "--csv", "--json")
    assert done.code == 11 and "was changed while the batch was at work" in done.err, done
    assert counts(done)["done"] == 1 and counts(done)["not_started"] == 2 and done.document["billing"]["cost"]["amount"], done
    rows(*({"prompt": name, "id": name} for name in "bac"))
    done = run(*BATCH, "--csv", "--json")
    assert done.code == 0 and counts(done)["kept"] == 1 and set(prompts(emulator).values()) == {1}, done
    assert [line["id"] for line in results(work / "out")] == ["b", "a", "c"]


@pytest.mark.parametrize("two", [[{"chat": "out/x.json"}, {"output": "x.json"}], [{"output": "X.json"}, {"chat": "out/x.json"}]])
def test_no_answer_replaces_the_conversation_of_another_row(run, emulator, rows, two):
    rows(*({"prompt": "a", **row} for row in two))
    done = run(*BATCH, "--overwrite")
    assert done.code == 2 and "line 2: its " in done.err and " of line 1" in done.err and not emulator.requests, done


def test_a_folder_that_goes_away_ends_the_batch_before_the_next_row(run, emulator, rows, work, monkeypatch):
    rows({"prompt": "a"}, {"prompt": "b"}, {"prompt": "c"})
    put = BatchFolder.record
    monkeypatch.setattr(BatchFolder, "record", lambda self, *more: [put(self, *more), shutil.rmtree(work / "out")])
    done = run(*BATCH, "--concurrency", 1)
    assert done.code == 9 and "deleted meanwhile" in done.err and not done.out, done
    assert prompts(emulator) == {"a": 1}


def test_a_row_whose_line_does_not_fit_on_the_disk_is_named_with_its_cost(run, emulator, rows, monkeypatch):
    rows({"prompt": "a", "id": "first"}, {"prompt": "b"})

    def record(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        patch.setattr(BatchFolder, "record", record)
        done = run(*BATCH, "--concurrency", 1, "--json")
    billing = done.document["billing"]
    assert done.code == 9 and counts(done)["in_doubt"] == 1 and counts(done)["not_started"] == 1, done
    assert billing["rows_in_doubt"] == 0 and billing["cost"]["known"] and billing["cost"]["amount"], billing
    assert "the result of line 1 (first), which could not be saved" in done.err and "rows (line 1 (first)): it stands" in done.err
    run(*BATCH)
    assert prompts(emulator) == {"a": 1, "b": 1}


def test_a_full_disk_is_no_reason_to_go_elsewhere(run, emulator, rows, work, monkeypatch):
    """In another folder everything would be paid again."""
    rows({"prompt": "a"})
    assert run(*BATCH).code == 0

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for place in ("shared.batch.folder.whole", "shared.files.locks.FileLock.__enter__"):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            done = run(*BATCH)
        assert done.code == 2 and "make room there" in done.err, done
        assert "--output" not in done.err and "in another folder all rows would be paid again" in done.err


def _parser():
    parser = Parser(prog="x")
    parser.add_argument("prompt", nargs="?")
    add_batch_flags(parser)
    add_common_flags(parser, "skill", "model")
    return parser


def test_row_ids_last_and_differ(rows, work, monkeypatch):
    """The same row has the same row_id in every run; equal rows and other defaults have others."""
    monkeypatch.chdir(work)
    rows({"prompt": "a"}, {"prompt": "a"}, {"prompt": "b", "id": 7})

    def ids(*arguments):
        row_file = RowFile("rows.jsonl", _parser().parse_args(["--batch", "f", *arguments]), _parser, "out", main="prompt", files=str)
        row_file.check()
        found = [row.options() for row in row_file.rows()]
        assert [options.output for options in found] == ["out/", "out/", "out/7"] and len(row_file.keys) == row_file.total == 3
        return [row.name for row in row_file.rows()]
    assert ids() == ids("--timeout", "5") and len({*ids(), *ids("--model", "m")}) == 6
    assert all(re.fullmatch("[0-9a-f]{12}", row_id) for row_id in ids())


def test_texts_of_set_stay_texts(rows, work, monkeypatch):
    monkeypatch.chdir(work)
    rows({"prompt": "a", "set": {"x": "12", "y": {"z": [1]}}})
    row_file = RowFile("rows.jsonl", _parser().parse_args(["--batch", "f", "--set", "w=1"]), _parser, "out", main="prompt")
    row_file.check()
    options = next(row_file.rows()).options()
    assert parse_settings(options.set) == [(["w"], 1), (["x"], "12"), (["y"], {"z": [1]})]


@pytest.mark.parametrize("seconds, text", [(4.6, "5 s"), (75, "1 min 15 s"), (7380, "2 h 3 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_progress_is_told_by_tenths(capsys):
    clock = Clock()
    console = Console("skill", sys.stdout, sys.stderr)
    progress = Progress(console, 2000, clock)
    for recorded in range(0, 2001, 20):
        clock.now += 1.1
        progress.tick(recorded, 3, recorded)
    lines = capsys.readouterr().err.splitlines()
    assert 9 <= len(lines) <= 10 and re.fullmatch(
        r"skill: 200 of 2000 rows, 3 failed, 16\.5 a second, 1 min 49 s left", lines[0]), lines


# ---- a file of rows, or a folder, that somebody else prepared ---------------------------------------------------------

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
OURS = ("results.jsonl", ".qianwen-batch.started", ".qianwen-batch.lock")


@POSIX
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("target", ["bashrc", "nowhere", "/dev/zero"])
def test_a_link_in_the_place_of_our_own_file_is_refused(run, emulator, rows, work, home, name, target):
    rows({"id": "$(touch ~/PWNED)", "prompt": "hi"})
    (home / "bashrc").write_text("alias ll='ls -l'\n")
    (work / "out").mkdir()
    os.symlink(home / target, work / "out" / name)
    done = run(*BATCH)
    assert done.code == 2 and name in done.err and "link" in done.err and not emulator.chat_requests, done
    assert (home / "bashrc").read_text() == "alias ll='ls -l'\n" and os.listdir(home) == ["bashrc"]


@POSIX
def test_a_lock_that_shares_a_file_of_the_user_is_refused(run, emulator, rows, work, home):
    rows({"prompt": "hi"})
    (home / "bashrc").write_text("alias ll='ls -l'\n")
    (work / "out").mkdir()
    os.link(home / "bashrc", work / "out" / ".qianwen-batch.lock")
    done = run(*BATCH)
    assert done.code == 2 and ".qianwen-batch.lock cannot be written: it is a hard link" in done.err, done
    assert (home / "bashrc").read_text() == "alias ll='ls -l'\n" and not emulator.chat_requests


@POSIX
@pytest.mark.parametrize("spoil, advice", [
    (lambda path: os.link(path, path.with_name("backup")), "put a copy in the place of out/results.jsonl (cp it"),
    (lambda path: (path.rename(path.with_name("elsewhere")), path.symlink_to("elsewhere")), "put a copy in the place of"),
    (None, "make out and its files readable and writable")], ids=["hard link", "link", "not writable"])
def test_results_that_cannot_be_written_are_not_left_for_another_folder(run, emulator, rows, work, monkeypatch, spoil, advice):
    """There all rows would be paid again."""
    rows({"prompt": "a"})
    assert run(*BATCH).code == 0
    rows({"prompt": "a"}, {"prompt": "b"})
    if spoil:
        spoil(work / "out" / "results.jsonl")
    else:
        def refused(path, flags=os.O_RDONLY, *more):
            if flags & os.O_CREAT and "results" in path:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return open_own(path, flags, *more)
        monkeypatch.setattr(folder_module, "open_own", refused)
    done = run(*BATCH)
    assert done.code == 2 and advice in done.err.replace("Put", "put") and "all rows would be paid again" in done.err, done
    assert "--output" not in done.err and len(emulator.chat_requests) == 1


@POSIX
@pytest.mark.parametrize("name", OURS)
def test_a_pipe_in_the_place_of_our_own_file_is_refused(run, emulator, rows, work, name):
    rows({"prompt": "hi"})
    (work / "out").mkdir()
    os.mkfifo(work / "out" / name)
    assert run(*BATCH, process=True, timeout=20).code == 2 and not emulator.chat_requests


@POSIX
@pytest.mark.parametrize("name", ["results.jsonl.tmp", ".qianwen-batch.started.tmp"])
def test_names_of_temporary_files_cannot_be_prepared(run, rows, work, home, name):
    rows({"prompt": "hi"})
    (home / "bashrc").write_text("mine")
    (work / "out").mkdir()
    os.symlink(home / "bashrc", work / "out" / name)
    assert run(*BATCH).code == 0 and (home / "bashrc").read_text() == "mine"


@POSIX
@pytest.mark.parametrize("row", [{"attach": "../home/id_rsa"}, {"prompt-file": "../home/id_rsa"}, {"attach": ["a.txt", "link"]},
                                 {"attach": "HOME/id_rsa"}, {"schema": "../home/missing.json"}, {"attach": "https://../../home/id_rsa"},
                                 {"chat": "../home/talk.json"}, {"chat": "talk.json"}, {"output": "sub/keys"}])
def test_rows_name_files_of_their_own_folder_alone(run, emulator, rows, work, home, row):
    (home / "id_rsa").write_text("PRIVATE")
    (work / "a.txt").write_text("fine")
    (work / "https:").mkdir()
    (work / "out").mkdir()
    os.symlink(home / "id_rsa", work / "link")
    os.symlink(home, work / "out" / "sub")
    row = {name: value.replace("HOME", str(home)) if isinstance(value, str) else value for name, value in row.items()}
    rows({"prompt": "x"} if "prompt-file" not in row else {"id": 1}, {**row, **({} if "prompt-file" in row else {"prompt": "y"})})
    done = run(*(BATCH if "prompt-file" not in row else (*BATCH, "default")))
    assert done.code == 2 and "line 2" in done.err and not emulator.requests, done
    assert b"PRIVATE" not in done.out_bytes + done.err_bytes and os.listdir(home) == ["id_rsa"]


@POSIX
@pytest.mark.parametrize("address", ["file://HOME/a.png?" + "A" * 5000, "file://HOME/a.png#" + "A" * 5000,
                                     "file:///" + "%2e/" * 1200 + "HOME/a.png", "file://localhostHOME/%61.png"])
def test_what_is_judged_of_an_address_is_the_file_that_is_opened(run, emulator, rows, work, home, address):
    for folder in (home, work):
        (folder / "a.png").write_bytes(_png())
    rows({"prompt": "x", "image": address.replace("HOME", str(home))})
    done = run(*BATCH, skill="qianwen-vision")
    assert done.code == 2 and "neither below the folder" in done.err and not emulator.requests and len(done.err) < 1000, done
    data = "data:image/png;base64," + base64.b64encode(_png() + bytes(40_000)).decode()
    rows({"prompt": "x", "image": address.replace("HOME", str(work))}, {"prompt": "x", "image": data})
    assert run(*BATCH, "--dry-run", skill="qianwen-vision").code == 0


@POSIX
@pytest.mark.parametrize("name", ["attach", "messages", "request", "schema", "tools", "terms", "prompt-file", "document", "chat"])
def test_a_row_that_names_a_pipe_does_not_wait_for_it(run, emulator, rows, work, name):
    os.mkfifo(work / "pipe")
    rows({name: "pipe", **({} if name == "prompt-file" else {"prompt": "x"})})
    done = run("--batch", "rows.jsonl", "-o", ".", "--any-files", process=True, timeout=20)
    assert done.code == 2 and "line 1: " in done.err and "pipe is not" in done.err and not emulator.requests, done


@POSIX
@pytest.mark.parametrize("arguments", [("--batch", "pipe"), ("--batch", "pipe.csv"), ("--batch", "rows.jsonl", "--attach", "pipe")])
def test_what_is_read_again_is_not_a_pipe(run, emulator, rows, work, arguments):
    rows({"prompt": "x"}, {"prompt": "y"})
    for name in ("pipe", "pipe.csv"):
        os.mkfifo(work / name)
    done = run(*arguments, "-o", "out", process=True, timeout=20)
    assert done.code == 2 and "is not an ordinary file" in done.err and not emulator.requests, done


@pytest.mark.parametrize("name, content", [("results.csv", "word\nfox\n"), ("results.jsonl", '{"prompt":"a"}\n')])
@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--dry-run",)])
def test_rows_in_the_place_of_the_results_are_refused(run, emulator, work, name, content, more):
    (work / name).write_text(content)
    done = run("Say it", "--batch", name, "-o", ".", *more)
    assert done.code == 2 and "would replace the rows" in done.err and "--overwrite" not in done.err, done
    assert (work / name).read_text() == content and not emulator.requests
    assert run("Say it", "--batch", name, "--estimate").code == run("Say it", "--batch", name, "-o", "out").code == 0


@pytest.mark.parametrize("name", ["request", "schema", "messages", "tools", "attach"])
def test_no_row_reads_standard_input(run, emulator, rows, work, name):
    rows({"prompt": "x"})
    done = run(*BATCH, f"--{name}", "-", stdin=b"{}")
    assert done.code == 2 and f"--{name} - is standard input" in done.err and "line 1" not in done.err, done
    rows({name: "-", **({"prompt": "x"} if name != "request" else {})})
    done = run(*BATCH, stdin=b"{}")
    assert done.code == 2 and "line 1: " in done.err and "cannot read standard input" in done.err, done
    assert not emulator.requests


def test_another_text_in_the_template_file_is_another_batch(run, emulator, rows, work):
    write(work / "rows.csv", "word", "fox")
    arguments = ("--prompt-file", "ask.txt", "--batch", "rows.csv", "-o", "out")
    (work / "ask.txt").write_text("In French: {word}")
    assert run(*arguments).code == 0
    assert run("In French: {word}", "--batch", "rows.csv", "-o", "out").code == 0 and len(emulator.chat_requests) == 1
    (work / "ask.txt").write_text("In German: {word}")
    done = run(*arguments)
    assert done.code == 2 and "holds results of other rows or other flags" in done.err, done
    assert len(emulator.chat_requests) == 1


@POSIX
@pytest.mark.parametrize("spelled", ["./results.jsonl", ".//results.jsonl", "./.qianwen-batch.started", "././.qianwen-batch.lock",
                                     "./Results.CSV", "re\u017fults.jsonl", "results.jsonl. ", "./results.jsonl::$DATA",
                                     "results.\u200cjsonl", "results.csv/a.md", "loop/results.jsonl", "hard.md", ".qianwen-abcdef.tmp"])
def test_no_row_replaces_a_file_of_the_batch(run, emulator, rows, work, spelled):
    rows({"prompt": "x"})
    assert run(*BATCH).code == 0
    before = (work / "out" / "results.jsonl").read_bytes()
    os.link(work / "out" / "results.jsonl", work / "out" / "hard.md")
    if "loop" in spelled:
        os.symlink(".", work / "out" / "loop")
    for row in ({"output": spelled}, {"chat": "out/" + spelled}):
        rows({"prompt": "x"}, {"prompt": "y", **row})
        done = run(*BATCH, "--overwrite")
        assert done.code == 2 and "is a file of the batch itself" in done.err and len(emulator.chat_requests) == 1, done
    assert (work / "out" / "results.jsonl").read_bytes() == before


def test_no_row_replaces_the_rows_themselves(run, emulator, rows, work):
    rows({"prompt": "x", "output": "deep/../rows.jsonl"}, {"prompt": "y", "output": "./rows.jsonl"})
    done = run("--batch", "rows.jsonl", "-o", ".", "--overwrite")
    assert done.code == 2 and "line 2: 'output' './rows.jsonl' is a file of the batch" in done.err and not emulator.requests, done


@POSIX
def test_a_folder_that_is_too_deep_for_the_system_is_no_defect(run, emulator, rows, work):
    rows({"prompt": "x", "output": "a/" * 3000})
    done = run(*BATCH)
    assert done.code == 2 and "File name too long" in done.err and os.listdir(work / "out") == ["results.jsonl"], done
    assert not emulator.requests and not json.loads((work / "out" / "results.jsonl").read_text()).get("in_doubt")


def test_files_of_a_row_are_looked_up_here_and_then_beside_the_rows(run, emulator, work):
    (work / "sub").mkdir()
    for name, text in (("both.txt", "here"), ("sub/both.txt", "beside"), ("sub/one.txt", "alone"), ("sub/ask.txt", "What?")):
        (work / name).write_text(text)
    write(work / "sub" / "rows.jsonl", {"prompt": "x", "attach": ["both.txt", "one.txt"]}, {"prompt-file": "ask.txt"})
    assert run("--batch", "sub/rows.jsonl", "-o", "out").code == 0
    sent = " ".join(prompts(emulator))
    assert "here" in sent and "alone" in sent and "beside" not in sent and "What?" in sent
    write(work / "sub" / "rows.jsonl", {"prompt": "x", "image": "a.png"})
    (work / "sub" / "a.png").write_bytes(_png())
    assert run("--batch", "sub/rows.jsonl", "-o", "seen", skill="qianwen-vision").code == 0


@POSIX
def test_a_link_beside_the_rows_is_judged_as_it_is_opened(run, emulator, work, home):
    (home / "id_rsa").write_text("PRIVATE")
    (work / "sub").mkdir()
    os.symlink(home / "id_rsa", work / "sub" / "link")
    write(work / "sub" / "rows.jsonl", {"prompt": "x", "attach": "link"})
    done = run("--batch", "sub/rows.jsonl", "-o", "out")
    assert done.code == 2 and "line 1: 'attach': sub/link is neither" in done.err and not emulator.requests, done


@POSIX
def test_the_user_may_allow_other_files(run, emulator, rows, work, home):
    (home / "notes.txt").write_text("NOTES")
    rows({"prompt": "x", "attach": "../home/notes.txt"})
    assert run(*BATCH, "--any-files").code == 0 and "NOTES" in str(emulator.chat_requests[0].json)
    (work / "in.txt").write_text("INSIDE")
    shutil.rmtree(work / "out")
    rows({"prompt": "y", "attach": "in.txt", "chat": "out/talk.json"})
    assert run(*BATCH).code == 0 and (work / "out" / "talk.json").is_file()


@pytest.mark.parametrize("line", ['{"key":"-1","ok":true}', '{"key":"' + "f" * 40 + '","ok":true}', '{"key":5,"ok":true}',
                                  '{"id":' + "[" * 5000, "\0"])
def test_odd_lines_of_results_are_passed_over(run, rows, work, line):
    rows({"prompt": "a"})
    (work / "out").mkdir()
    (work / "out" / "results.jsonl").write_text(line + "\n")
    assert run(*BATCH).code == 0 and [one["ok"] for one in results(work / "out")] == [True]


@pytest.mark.parametrize("name, content", [
    ("results.jsonl", "mine"), ("results.jsonl", '{"id":1,"name":"mine"}\n'), ("results.jsonl", "[" * 5000 + "\n"),
    ("results.jsonl", '{"id":"a","row":1,"key":"' + "0" * 16 + '","ok":true}\nmine\n'),
    ("results.csv", "name,price\nmine,5\n"), ("results.csv", "")])
def test_results_that_no_batch_wrote_are_replaced_only_when_told(run, emulator, rows, work, name, content):
    rows({"prompt": "a"})
    (work / "out").mkdir()
    (work / "out" / name).write_text(content)
    for more in ((), ("--dry-run",), ("--estimate",)):
        done = run(*BATCH, "--csv", *more)
        assert done.code == 7 and f"out/{name} exists already" in done.err and not emulator.requests, done
    assert (work / "out" / name).read_text() == content and os.listdir(work / "out") == [name]
    assert run(*BATCH, "--csv", "--overwrite").code in (0, 2)


@pytest.mark.parametrize("line", ['{"id":"a","row":1,"key":"', '{"i', '{"id":null,"row":1,"key":"' + "0" * 16 + '","ok":tr\0\0\0'])
def test_a_torn_last_line_is_one_of_ours(run, emulator, rows, work, line):
    rows({"prompt": "a"})
    assert run(*BATCH, "--csv").code == 0
    with open(work / "out" / "results.jsonl", "a") as file:
        file.write(line.replace("0" * 16, results(work / "out")[0]["key"]))
    assert run(*BATCH, "--csv").code == 0 and [one["ok"] for one in results(work / "out")] == [True]
    assert len(emulator.chat_requests) == 1


@pytest.mark.parametrize("more", [{"env": {"QIANWEN_BUDGET": "0.0000001"}}, {"fault": "401"}])
def test_what_was_paid_of_a_failed_row_stays_until_the_row_has_more(run, emulator, rows, work, more):
    rows({"prompt": "a"}, {"prompt": "b"})
    (work / "s.json").write_text('{"type": "object", "required": ["x"]}')
    command = (*BATCH, "--schema", "s.json", "--concurrency", 1)
    for text in ("no json", "nor this"):
        emulator.reply(text=text)
    assert run(*command).code == 8
    if "fault" in more:
        emulator.inject(more["fault"])
    assert run(*command, env=more.get("env")).code in (3, 4)
    assert [line["partial"]["text"] for line in results(work / "out")] == ["no json", "nor this"]
    for _ in "ab":
        emulator.reply(text='{"x": 1}')
    assert run(*command).code == 0 and not any("partial" in line for line in results(work / "out"))


@pytest.mark.parametrize("how", ["begun", "line", "damaged"])
def test_a_row_in_doubt_stays_so_until_it_is_sent_again(run, emulator, rows, work, how):
    """--again is no answer: what a run with it does not reach is as before, and what its line tells is kept."""
    rows({"prompt": "a"}, {"prompt": "b"})
    path, spent = work / "out" / "results.jsonl", {"QIANWEN_BUDGET": "0.0000001"}
    if how == "line":
        emulator.inject("cut-sse", times=2)
    assert run(*BATCH, "--retries", 0).code in (0, 6)
    keys = [line["key"] for line in results(work / "out")]
    if how == "begun":
        path.unlink()
        (work / "out" / ".qianwen-batch.started").write_text('{"flags":{"think":false}}\n' + "".join(f"+{key}\n" for key in keys))
    elif how == "damaged":
        path.write_bytes(path.read_bytes().replace(b'"skill"', b'"sk\xffll"'))
    emulator.requests.clear()
    for more in (("--again",), ("--again",), ()):
        done = run(*BATCH, *more, "--json", "--concurrency", 1, env=spent if more else None)
        assert counts(done)["in_doubt"] == 2 and not prompts(emulator, None), done
    assert all(line["in_doubt"] and ("partial" in line) == (how != "begun") for line in results(work / "out"))
    assert os.listdir(work / "out") == ["results.jsonl"] and run(*BATCH, "--again").code == 0


def test_a_row_that_failed_before_is_in_doubt_when_it_was_sent_again_and_killed(run, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "b"})
    emulator.inject("500")
    assert run(*BATCH, "--concurrency", 1, "--retries", 0).code == 11
    key = results(work / "out")[0]["key"]
    (work / "out" / ".qianwen-batch.started").write_text('{"flags":{"think":false}}\n' + f"+{key}\n")
    done = run(*BATCH, "--json")
    assert counts(done)["in_doubt"] == 1 and prompts(emulator, None)["a"] == 1 and results(work / "out")[0]["in_doubt"], done


@pytest.mark.parametrize("torn", [0, 20])
def test_lines_whose_end_was_lost_are_taken_apart(run, emulator, rows, work, torn):
    """Two whole answers on one line are two answers; of one that was torn off, the next one is not lost."""
    rows(*({"prompt": name, "id": name} for name in "abc"))
    assert run(*BATCH).code == 0
    path = work / "out" / "results.jsonl"
    first, *others = path.read_bytes().splitlines(True)
    path.write_bytes(first[:-1 - torn] + b"".join(others))
    emulator.requests.clear()
    done = run(*BATCH, "--json", "--csv")
    assert counts(done) == {"total": 3, "kept": 3 - bool(torn), "done": 0, "failed": 0, "in_doubt": bool(torn), "not_started": 0}
    assert [(line["id"], line["ok"]) for line in results(work / "out")] == [("a", not torn), ("b", True), ("c", True)]
    assert not emulator.requests


def test_results_without_their_last_line_end_are_gone_on_with(run, emulator, rows, work):
    """Many editors take it away, and the next result must not be glued to it."""
    rows({"prompt": "a"})
    assert run(*BATCH).code == 0
    path = work / "out" / "results.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    rows({"prompt": "a"}, {"prompt": "b"})
    assert run(*BATCH).code == 0 and [line["row"] for line in results(work / "out")] == [1, 2]
    assert run(*BATCH).code == 0 and prompts(emulator) == {"a": 1, "b": 1}


def test_a_damaged_line_puts_its_row_in_doubt(run, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "b"})
    assert run(*BATCH).code == 0
    path = work / "out" / "results.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"text":"', b'"text":"\xff', 1))
    done = run(*BATCH, "--json")
    assert done.code == 11 and counts(done)["in_doubt"] == 1 and len(emulator.chat_requests) == 2, done
    first = results(work / "out")[0]
    assert first["in_doubt"] and "damaged" in first["error"]["message"] and '"text":"' in first["partial"]["line"]
    assert run(*BATCH, "--again").code == 0 and prompts(emulator) == {"a": 2, "b": 1}


def test_replacing_results_that_were_written_anew_is_said_to_lose_them(run, emulator, rows, work):
    rows({"prompt": "a"})
    assert run(*BATCH).code == 0
    path = work / "out" / "results.jsonl"
    path.write_text(json.dumps(results(work / "out")[0], indent=2) + "\n")
    done = run(*BATCH)
    assert done.code == 7 and "are lost then, and paid again" in done.err, done


def test_of_several_lines_of_a_row_the_best_one_stays(run, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "b"})
    assert run(*BATCH).code == 0
    path = work / "out" / "results.jsonl"
    before = path.read_bytes()
    failed = json.dumps({**results(work / "out")[0], "ok": False, "exit_code": 6, "in_doubt": True}) + "\n"
    path.write_bytes(before + before + failed.encode())
    done = run(*BATCH, "--json")
    assert done.code == 0 and counts(done)["kept"] == 2 and path.read_bytes() == before, done


@pytest.mark.parametrize("line", ['{"flags": 5}', '{"flags": [1]}', "+zz", "+" + "f" * 40, "-", '{"flags":' + "[" * 5000])
def test_odd_lines_of_begun_rows_are_passed_over(run, rows, work, line):
    rows({"prompt": "a"})
    (work / "out").mkdir()
    (work / "out" / ".qianwen-batch.started").write_text(line + "\n")
    assert run(*BATCH).code == 0


# ---- the machine -----------------------------------------------------------------------------------------------------

def test_a_complete_batch_leaves_results_alone(run, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "b"})
    emulator.inject("error", status=400, code="invalid_parameter_error", times=1)
    assert run(*BATCH).code == 11 and os.listdir(work / "out") == ["results.jsonl"]
    assert run(*BATCH).code == 0 and os.listdir(work / "out") == ["results.jsonl"]


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(38, "Function not implemented")
    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    monkeypatch.chdir(tmp_path)
    folder = BatchFolder("out", None, SimpleNamespace(note=print), again=False, recoverable=None)
    os.makedirs("out", exist_ok=True)
    with pytest.raises(Failure, match="no locks") as caught:
        folder.locked(1, lambda: None).__enter__()
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("most", [0, 1, 2])
def test_fewer_threads_than_asked_for_do_all_rows(monkeypatch, most):
    start_thread, done, errors = threading.Thread.start, [], []

    def start(self):
        if len(begun) >= most:
            raise RuntimeError("can't start new thread")
        begun.append(self)
        start_thread(self)
    begun: list = []
    monkeypatch.setattr(threading.Thread, "start", start)
    run_all(range(20), done.append, Throttle(4), on_error=errors.append, on_interrupt=lambda: None)
    assert sorted(done) == list(range(20)) and not errors and len(begun) == most


def test_what_a_row_raises_is_reported_and_the_others_go_on():
    errors, done = [], []

    def do(item):
        if item == 3:
            raise OSError(28, "No space left on device")
        done.append(item)
    run_all(range(6), do, Throttle(1), on_error=errors.append, on_interrupt=lambda: None)
    assert [error.errno for error in errors] == [28] and done == [0, 1, 2, 4, 5]


def test_what_is_under_way_at_ctrl_c_is_waited_for():
    """Some Pythons take a thread for dead whose `join` Ctrl-C interrupts."""
    waited, told, throttle, done = threading.Event(), threading.Event(), Throttle(1), []

    def do(item):
        told.wait(30)
        time.sleep(0.05)
        done.append(item)

    def interrupt():
        waited.wait(30)
        time.sleep(0.02)
        _thread.interrupt_main()
    threading.Thread(target=interrupt, daemon=True).start()
    run_all(range(3), do, throttle, on_error=done.append, on_interrupt=lambda: (throttle.stop(), told.set()), tick=waited.set)
    assert done == [0]


@pytest.mark.parametrize("number, advice", [(errno.ENOSPC, "make room there"), (errno.EPERM, "permissions"), (errno.EIO, "that disk")])
def test_a_folder_that_cannot_be_written_stops_the_batch_with_advice_that_fits(number, advice):
    tally, stopped = SimpleNamespace(end=None), []
    workers = Workers(None, SimpleNamespace(folder="out"), SimpleNamespace(console=None), None,
                      SimpleNamespace(stop=lambda: stopped.append(1)), tally)
    workers._failed(OSError(number, os.strerror(number)))
    assert tally.end.exit_code == Exit.UNSAVED and advice in tally.end.fix and stopped == [1]
    assert ("make room" in tally.end.fix) == (number == errno.ENOSPC)


def real(rows, emulator, home, work, *arguments, before=(), env=None, **more):
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY, "QWEN_BASE_URL": emulator.url,
                   **BYTECODE, **(env or {})}
    return subprocess.run([*before, sys.executable, *arguments, str(SCRIPTS["qianwen-text"]), *BATCH], cwd=work, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **more)


def test_no_warning_of_the_interpreter(rows, emulator, home, work):
    rows({"prompt": "a"})
    done = real(rows, emulator, home, work, "-X", "dev", "-W", "error")
    assert done.returncode == 0 and "Warning" not in done.stderr and "Exception" not in done.stderr, done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="signals of POSIX")
def test_a_parent_that_ignores_its_children_hides_no_failure(rows, emulator, home, work):
    rows({"prompt": "a"})
    emulator.inject("401", times=None)
    done = real(rows, emulator, home, work, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert done.returncode == 3, done


def test_the_worker_has_the_flags_of_the_interpreter(rows, emulator, home, work, tmp_path):
    rows({"prompt": "a"})
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "sitecustomize.py").write_text("open('PWNED', 'w')")
    done = real(rows, emulator, home, work, "-I", env={"PYTHONPATH": str(tmp_path / "evil")})
    assert done.returncode == 0 and not (work / "PWNED").exists(), done.stderr


@pytest.mark.parametrize("value", ["1", "", "0" * 32])
def test_a_variable_alone_makes_no_worker(rows, emulator, home, work, value):
    rows({"prompt": "a"})
    assert real(rows, emulator, home, work, env={"QIANWEN_BATCH_WORKER": value}).returncode == 0
    assert len(emulator.chat_requests) == 1
