"""The fault matrix through the real script: exit code, words, JSON document, requests sent, and what is kept."""
from __future__ import annotations

import json
import os
import socket
from collections import namedtuple
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from tests.conftest import SCRIPTS
from tests.emulator import Emulator

# A fault of the emulator with its parameters -> exit code, `error.code`, `error.http_status` (0: left out), and the
# requests sent with two retries. The fault does not go away. `error.request_id` is there whenever there is a status.
Row = namedtuple("Row", "fault parameters exit code status sent extra", defaults=((),))
KINDS = {3: "key", 4: "quota", 6: "network", 8: "failed", 10: "content"}
NOW = {"retry_after": 0}
WHOLE = ("--no-stream",)

REFUSED = {
    "401": Row("401", {}, 3, "invalid_api_key", 401, 1),
    "403": Row("403", {}, 3, "access_denied", 403, 1),
    "arrearage": Row("arrearage", {}, 4, "Arrearage", 400, 1),
    "free tier": Row("free-tier", {}, 4, "AllocationQuota.FreeTierOnly", 403, 1),
    "moderation": Row("moderation", {}, 10, "data_inspection_failed", 400, 1),
    "429 requests": Row("429", NOW, 4, "limit_requests", 429, 3),
    "429 burst": Row("429", {"code": "limit_burst_rate", **NOW}, 4, "limit_burst_rate", 429, 3),
    "429 tokens": Row("429", {"code": "insufficient_quota", **NOW}, 4, "insufficient_quota", 429, 3),
    "429 wait an hour": Row("429", {"retry_after": 3600}, 4, "limit_requests", 429, 1),
    "500": Row("500", NOW, 8, "internal_error", 500, 3),
    "503 that says so": Row("503", NOW, 8, "ModelServingError", 503, 3),
    "503 as a web page": Row("503", {"html": True, **NOW}, 8, "http_503", 503, 3),
    "502": Row("502", NOW, 8, "http_502", 502, 3),
    "504": Row("504", NOW, 8, "http_504", 504, 3),
    "502 as JSON": Row("502", {"html": False, **NOW}, 8, "bad_gateway", 502, 3),
    "400": Row("error", {"status": 400, "code": "invalid_parameter_error"}, 8, "invalid_parameter_error", 400, 1),
    "413": Row("error", {"status": 413, "code": "too_large"}, 8, "too_large", 413, 1),
}
BROKEN = {
    "reset": Row("reset", {}, 6, None, 0, 1),
    "reset before the body": Row("reset-before-body", {}, 6, None, 0, 1),
    "reset, whole answer": Row("reset", {}, 6, None, 0, 1, WHOLE),
    "hang": Row("hang", {}, 6, None, 0, 1, ("--timeout", 1)),
    "short body": Row("short-body", {}, 6, None, 0, 1, WHOLE),
    "cut before the first event": Row("cut-sse", {"after_chunks": 0}, 6, None, 0, 1),
    "cut after the opener": Row("cut-sse", {"after_chunks": 1}, 6, None, 0, 1),
    "ended after the opener": Row("cut-sse", {"after_chunks": 1, "clean": True}, 6, None, 0, 1),
    "web page": Row("html-200", {}, 6, None, 0, 1),
    "web page, whole answer": Row("html-200", {}, 6, None, 0, 1, WHOLE),
    "empty": Row("empty-200", {}, 6, None, 0, 1),
    "empty, whole answer": Row("empty-200", {}, 6, None, 0, 1, WHOLE),
    "bad JSON": Row("bad-json", {}, 6, None, 0, 1, WHOLE),
}
# Some of the answer comes first: "Four is " for sure, perhaps more.
CUT = {
    "cut": Row("cut-sse", {"after_chunks": 3}, 6, None, 0, 1),
    "ended": Row("cut-sse", {"after_chunks": 3, "clean": True}, 6, None, 0, 1),
    "error in the stream": Row("sse-error", {"after_chunks": 3}, 8, "internal_error", 200, 1),
    "rate limit in the stream": Row("sse-error", {"after_chunks": 3, "code": "limit_requests"}, 4, "limit_requests", 200, 1),
    "moderation in the stream": Row("sse-error", {"after_chunks": 3, "code": "data_inspection_failed"}, 10,
                                    "data_inspection_failed", 200, 1),
}
CHUNKS = ["Four ", "is ", "the ", "answer."]
FAILING = {**REFUSED, **BROKEN}
PROMPT = ("What is 2+2?", "--no-think", "--retries", 2)


def rows(table):
    return pytest.mark.parametrize("row", table.values(), ids=table)


def suffer(emulator, row: Row) -> None:
    emulator.inject(row.fault, times=None, **row.parameters)


def assert_words(result) -> None:
    """What happened, why, and the next step, each in words."""
    for name in ("error: ", "  why: ", "  next: "):
        told = result.err.split(name, 1)
        assert len(told) == 2 and len(told[1].splitlines()[0].split()) >= 3, (name, result)
    assert "{" not in result.err.split("  why: ", 1)[1], result


def assert_document(result, row: Row, emulator) -> None:
    document = result.document      # the whole of stdout is one document
    error = document["error"]
    assert (document["ok"], document["skill"], document["exit_code"]) == (False, "qianwen-text", row.exit)
    assert isinstance(document["warnings"], list) and document["files"] == []
    assert (error["kind"], error.get("code"), error.get("http_status", 0)) == (KINDS[row.exit], row.code, row.status)
    assert error["message"] and error["cause"] and error["fix"] and isinstance(error["retryable"], bool)
    assert bool(error.get("request_id")) or not row.status


def left_in(folder) -> dict:
    """The files in a folder with their text; `.git` aside."""
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts}


# ---- the matrix ------------------------------------------------------------------------------------------------------

@rows(FAILING)
def test_the_document_of_a_failure(run, emulator, row):
    suffer(emulator, row)
    result = run(*PROMPT, "--json", *row.extra)
    assert result.code == row.exit, result
    assert_document(result, row, emulator)
    assert_words(result)
    assert len(emulator.requests) == row.sent


@rows(FAILING)
def test_a_failure_leaves_nothing_behind(run, emulator, work, row):
    suffer(emulator, row)
    result = run(*PROMPT, "-o", "new/answer.md", *row.extra)
    assert (result.code, result.out) == (row.exit, ""), result
    assert_words(result)
    assert sorted(os.listdir(work)) == [".git"]


@rows(CUT)
def test_what_came_before_the_cut_is_shown(run, emulator, work, row):
    emulator.reply(chunks=CHUNKS)
    suffer(emulator, row)
    result = run(*PROMPT)
    assert (result.code, result.out) == (row.exit, "Four is \n"), result
    assert_words(result)
    assert len(emulator.requests) == row.sent and not left_in(work)


@rows(CUT)
def test_what_came_before_the_cut_is_in_the_document(run, emulator, row):
    emulator.reply(chunks=CHUNKS)
    suffer(emulator, row)
    result = run(*PROMPT, "--json")
    assert result.code == row.exit, result
    assert_document(result, row, emulator)
    assert result.document["partial"] == {"text": "Four is "} and result.document["error"]["request_id"]


@rows(CUT)
@pytest.mark.parametrize("json_flag", [(), ("--json",)], ids=["text", "json"])
def test_what_came_before_the_cut_is_kept_beside_the_target(run, emulator, work, row, json_flag):
    emulator.reply(chunks=CHUNKS)
    suffer(emulator, row)
    result = run(*PROMPT, "-o", "answer.md", *json_flag)
    assert result.code == row.exit and "answer.md.partial" in result.err, result
    assert left_in(work) == {"answer.md.partial": "Four is "}
    assert bool(result.out) == bool(json_flag)


@pytest.mark.parametrize("stream", [(), WHOLE], ids=["streamed", "whole"])
def test_a_log_in_page_is_named(run, emulator, stream):
    emulator.inject("html-200")
    result = run(*PROMPT, *stream)
    assert "web page" in result.err and "log in" in result.err and "<h1>" not in result.err, result


def test_a_cut_by_rst(run, emulator, work):
    """A reset may take along what was sent before it, so only the beginning can be foretold."""
    emulator.reply(chunks=CHUNKS)
    emulator.inject("cut-sse-reset", after_chunks=3)
    result = run(*PROMPT, "-o", "answer.md")
    assert (result.code, result.out, len(emulator.requests)) == (6, "", 1), result
    assert_words(result)
    kept = left_in(work)
    assert kept == {} or (list(kept) == ["answer.md.partial"] and "Four is ".startswith(kept["answer.md.partial"]))


def test_a_stream_that_stalls(run, emulator):
    emulator.reply(chunks=[{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in CHUNKS], delay=5.0)
    result = run(*PROMPT, "--timeout", 1)
    assert (result.code, result.out, len(emulator.requests)) == (6, "Four \n", 1), result
    assert_words(result)


def test_a_damaged_event_is_not_dropped_in_silence(run, emulator, work):
    """One event of the stream is no JSON: the answer has a hole, so it is no whole answer."""
    emulator.reply(chunks=CHUNKS)
    emulator.inject("bad-json")
    result = run(*PROMPT, "-o", "answer.md")
    assert result.code == 6 and "answer.md" not in left_in(work), result


def test_thinking_alone_is_reported_when_it_is_cut(run, emulator):
    emulator.reply(reasoning="Let me add the numbers.", text="Four.")
    emulator.inject("cut-sse", after_chunks=3)
    result = run("What is 2+2?", "--think", "--json")
    assert result.code == 6 and "Let me add".startswith(result.document["partial"]["reasoning"][:10]), result


# ---- answers that only look broken -----------------------------------------------------------------------------------

@pytest.mark.parametrize("stream", [(), WHOLE], ids=["streamed", "whole"])
@pytest.mark.parametrize("fault", ["gzip", "no-done", "done-no-finish", "crlf-sse", "no-space-sse"])
def test_odd_but_whole_answers(run, emulator, fault, stream):
    emulator.reply(text="四 is the answer. 🦊 " * 9)
    emulator.inject(fault, times=None)
    result = run(*PROMPT, *stream)
    assert (result.code, result.out) == (0, "四 is the answer. 🦊 " * 9 + "\n"), result
    assert len(emulator.requests) == 1


def test_a_connection_that_breaks_after_the_end_does_no_harm(run, emulator):
    """All events came, [DONE] too; only the end of the HTTP body is missing."""
    emulator.reply(chunks=CHUNKS)
    emulator.inject("cut-sse", after_chunks=1000)
    result = run(*PROMPT)
    assert (result.code, result.out) == (0, "Four is the answer.\n"), result


# ---- retries ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fault, parameters", [
    ("429", NOW), ("429", {"code": "limit_burst_rate", **NOW}), ("500", NOW), ("503", NOW), ("502", NOW),
    ("429", {"retry_after": format_datetime(datetime.now(timezone.utc) - timedelta(hours=1), usegmt=True)}),
])
def test_trouble_that_passes(run, emulator, fault, parameters):
    emulator.reply(text="Four.")
    emulator.inject(fault, times=2, **parameters)
    result = run(*PROMPT)
    assert (result.code, result.out) == (0, "Four.\n"), result
    assert len(emulator.requests) == 3 and result.err.count("trying again") == 2
    assert emulator.requests[0].body == emulator.requests[2].body


def test_a_date_far_away_is_not_waited_for(run, emulator):
    later = format_datetime(datetime.now(timezone.utc) + timedelta(hours=2), usegmt=True)
    emulator.inject("429", times=None, retry_after=later)
    result = run(*PROMPT)
    assert result.code == 4 and len(emulator.requests) == 1 and "seconds" in result.err, result


def test_without_retry_after_the_wait_is_short_and_told(run, emulator):
    emulator.reply(text="Four.")
    emulator.inject("429")
    result = run(*PROMPT)
    assert result.code == 0 and len(emulator.requests) == 2 and "trying again in" in result.err, result


def test_no_retries_when_none_are_wanted(run, emulator):
    emulator.inject("500", times=None, **NOW)
    assert run("What is 2+2?", "--retries", 0).code == 8
    assert len(emulator.requests) == 1


@pytest.mark.parametrize("code", ["limit_requests", "internal_error"])
@pytest.mark.parametrize("sources", [(), ("--search", "--sources")], ids=["compatible", "native"])
def test_pieces_of_a_tool_call_are_never_merged_with_those_of_another_try(run, emulator, work, code, sources):
    (work / "tools.json").write_text(json.dumps([{"type": "function", "function": {
        "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]))
    for _ in range(2):
        emulator.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Hangzhou by the lake"}}])
    emulator.inject("sse-error", after_chunks=3, code=code)
    result = run("Weather?", "--tools", "tools.json", "--no-think", *sources)
    if result.code == 0:
        assert json.loads(json.loads(result.out)["arguments"]) == {"city": "Hangzhou by the lake"}
    else:
        assert len(emulator.requests) == 1, "some of the answer had come, so it may not be asked for again"


# ---- no service at all -----------------------------------------------------------------------------------------------

def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("url, words", [
    (f"http://127.0.0.1:{closed_port()}", "refused"), ("https://no-such-host.invalid", "not found")], ids=["refused", "unknown host"])
def test_no_connection(run, work, url, words):
    result = run("What is 2+2?", "--json", "--retries", 0, "-o", "answer.md", base_url=url)
    assert result.code == 6 and words in result.document["error"]["message"], result
    assert result.document["error"]["kind"] == "network" and "QWEN_BASE_URL" in result.document["error"]["fix"]
    assert_words(result)
    assert not left_in(work)


def test_a_refused_connection_is_tried_again(run):
    result = run("What is 2+2?", "--retries", 1, base_url=f"http://127.0.0.1:{closed_port()}")
    assert result.code == 6 and result.err.count("trying again") == 1, result


def test_a_sandbox_without_network_is_named(run):
    result = run("What is 2+2?", base_url=f"http://127.0.0.1:{closed_port()}", env={"CODEX_SANDBOX_NETWORK_DISABLED": "1"})
    assert result.code == 6 and "sandbox" in result.err and "trying again" not in result.err, result


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_question_is_not_carried_to_another_origin(run, emulator, status):
    with Emulator() as other:
        emulator.inject("redirect", times=None, to=other.url + "/compatible-mode/v1/chat/completions", status=status)
        result = run(*PROMPT, "--json")
        assert other.requests == [], "neither the question nor the key may arrive there"
    assert result.code == 6 and result.document["error"]["kind"] == "network", result
    assert len(emulator.requests) == 1 and "redirect" in result.err
    assert_words(result)


# ---- answers that cannot be kept -------------------------------------------------------------------------------------

def test_an_old_answer_survives_a_failure(run, emulator, work):
    (work / "answer.md").write_text("old", "utf-8")
    emulator.inject("cut-sse", after_chunks=0)
    assert run(*PROMPT, "-o", "answer.md", "--overwrite").code == 6
    assert left_in(work) == {"answer.md": "old"}


def test_a_conversation_is_not_touched_by_a_failure(run, emulator, work):
    turns = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "Two."}]
    (work / "talk.json").write_text(json.dumps(turns), "utf-8")
    emulator.reply(chunks=CHUNKS)
    emulator.inject("cut-sse", after_chunks=3)
    assert run(*PROMPT, "--chat", "talk.json").code == 6
    assert {name: json.loads(text) for name, text in left_in(work).items()} == {"talk.json": turns}


def test_a_full_disk_on_stdout_is_told(run, emulator, work):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    script = work / "full.py"
    script.write_text("import os, sys, runpy\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n"
                      "sys.argv[0] = sys.argv.pop(1)\nrunpy.run_path(sys.argv[0], run_name='__main__')\n")
    result = run(SCRIPTS["qianwen-text"], *PROMPT, script=script)
    assert result.code == 9 and "stdout" in result.err, result
