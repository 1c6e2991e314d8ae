"""image.py when things go wrong: whatever happens, no picture is paid twice, none that was paid is lost, none is half.

Each row says how it ends. What is checked is the same for all: one create at the most; then either every picture is on
disk and right, or a command is named, and running that command brings them.
"""
from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple

import pytest

from shared.tasks.service import Tasks
from shared.transport.client import Client
from shared.transport.events import Event
from shared.transport.request import Reply, Request
from tests.conftest import BYTECODE, STANDARD_KEY
from tests.emulator import Emulator
from tests.media_samples import jpeg
from tests.test_image import (SCRIPT, TASK, age, assert_right, assert_tidy, command_in, draw, drawn, journal, left_in, photos,
                              pictures_in)

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")
CREATE, POLL = "/services/aigc/", "/api/v1/tasks/"
NOW = {"retry_after": 0}
DIRECT = ("--model", "wan2.6-t2i")
KINDS = pytest.mark.parametrize("kind", [DIRECT, TASK], ids=["direct", "task"])
__all__ = ["draw"]     # a fixture, which is used by its name alone


@pytest.fixture(autouse=True)
def quick_list(monkeypatch):
    """The emulator's list is never behind."""
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 0.1)


@contextlib.contextmanager
def largest_file(size: int):
    """No file gets more bytes than these, as if the disk were full then."""
    import resource
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def rows(table):
    return pytest.mark.parametrize("row", table.values(), ids=table)


def fetch(draw, emulator, result) -> None:
    """Run the command that the message names, without the trouble of before."""
    emulator.faults.clear()
    fetched = draw(*command_in(result.err), "--poll", 0.05)
    assert fetched.code == 0, (result, fetched)


def assert_words(result) -> None:
    """What happened, and the next step, each in words."""
    for name in ("error: ", "  next: "):
        told = result.err.split(name, 1)
        assert len(told) == 2 and len(told[1].splitlines()[0].split()) >= 3, (name, result)


# ---- the create ------------------------------------------------------------------------------------------------------

# A fault, how often it strikes (None: always) -> exit code, requests sent with two retries, creates that are billed, and
# whether the service may have taken it for all that the script can know.
Create = namedtuple("Create", "fault parameters times exit sent billed unsure extra", defaults=((),))
CREATES = {
    "401": Create("401", {}, None, 3, 1, 0, False),
    "403": Create("403", {}, None, 3, 1, 0, False),
    "moderation": Create("moderation", {}, None, 10, 1, 0, False),
    "429 passes": Create("429", NOW, 2, 0, 3, 1, False),
    "429 stays": Create("429", NOW, None, 4, 3, 0, False),
    "429 without Retry-After": Create("429", {}, None, 4, 3, 0, False),
    "429 wait an hour": Create("429", {"retry_after": 3600}, None, 4, 1, 0, False),
    "503 that says so passes": Create("503", NOW, 1, 0, 2, 1, False),
    "503 that says so stays": Create("503", NOW, None, 8, 3, 0, False),
    "500": Create("500", NOW, 1, 8, 1, 0, True),
    "503 as a web page": Create("503", {"html": True}, 1, 8, 1, 0, True),
    "reset": Create("reset", {}, 1, 6, 1, 0, True),
    "accepted, reset": Create("accept-then-reset", {}, 1, 6, 1, 1, True),
    "accepted, hang": Create("accept-then-hang", {"seconds": 3}, 1, 6, 1, 1, True, ("--timeout", 1)),
    "accepted, 500": Create("accept-then-500", {}, 1, 8, 1, 0, True),
    "accepted, body lost": Create("reset-before-body", {}, 1, 6, 1, 1, True),
    "accepted, bad JSON": Create("bad-json", {}, 1, 6, 1, 1, True),
    "web page": Create("html-200", {}, 1, 6, 1, 0, True),
    "empty": Create("empty-200", {}, 1, 6, 1, 0, True),
}


@rows(CREATES)
@KINDS
def test_create(draw, emulator, work, home, kind, row):
    emulator.inject(row.fault, row.times, CREATE, **row.parameters)
    result = draw("a fox", *kind, "-n", 2, "-o", "new/fox.png", "--retries", 2, *row.extra)
    creates = [request for request in emulator.requests if CREATE in request.path]
    assert (result.code, len(creates), len(emulator.creates)) == (row.exit, row.sent, row.billed), result
    if row.exit == 0:
        assert assert_right(emulator, work, "a fox", 2) == ["new/fox-1.png", "new/fox-2.png"]
        return
    assert_words(result)
    assert result.out == "" and not (work / "new").exists()
    assert ("bill" in result.err) is row.unsure, "that it may have been paid is said, and only then"
    if not row.unsure or kind is DIRECT:
        assert journal(home) == []
    elif row.billed:
        fetch(draw, emulator, result)
        assert assert_right(emulator, work, "a fox", 2) == ["new/fox-1.png", "new/fox-2.png"]
    else:
        emulator.faults.clear()
        looked = draw(*command_in(result.err))
        assert looked.code == 8 and "did not accept" in looked.err and len(emulator.creates) == 0, looked


@pytest.mark.parametrize("status, code, message, word", [
    (500, "RequestTimeOut", "Request timed out", "--task"), (500, "RewriteFailed", "Rewriting failed", "--no-prompt-extend"),
    (400, "InvalidParameter", "Range of input length should be [1, 9]", "shorten it"),
    (400, "IPInfringementSuspect", "Input data is suspected.", "--no-prompt-extend")])
def test_advice_on_errors_is_that_of_this_script(draw, emulator, status, code, message, word):
    emulator.inject("error", 1, CREATE, status=status, code=code, message=message)
    result = draw("a fox", *DIRECT, "--retries", 0)
    assert word in result.err and "--no-stream" not in result.err and "conversation" not in result.err, result


REFUSED = {"status": 403, "code": "AccessDenied", "message": "current user api does not support asynchronous calls."}


@pytest.mark.parametrize("fault, parameters, code", [("error", REFUSED, 8), ("error", {**REFUSED, "status": 429, "code": "Throttling"}, 4),
                                                     ("429", NOW, 4)], ids=["403", "429 that says so", "429"])
@pytest.mark.parametrize("flags", [("--task",), ("--no-wait",), ("--task", "--no-wait")], ids=" ".join)
def test_refused_task_of_a_model_that_also_answers_directly(draw, emulator, home, fault, parameters, code, flags):
    emulator.inject(fault, None, CREATE, **parameters)
    result = draw("a fox", "--model", "qwen-image-3.0-pro", *flags, "--retries", 0)
    assert result.code == code and len(emulator.requests) == 1 and journal(home) == [], result
    assert f"leave out {' and '.join(flags)}: qwen-image-3.0-pro also answers directly" in result.err, result
    assert "leave out" not in draw("a fox", "--model", "wan2.5-t2i-preview", "--retries", 0).err, "it has tasks alone"


def test_create_that_was_not_taken_can_be_made_again(draw, emulator, work):
    """Following the messages to the end leads to the picture."""
    emulator.inject("reset", path=CREATE)
    first = draw("a fox", *TASK)
    looked = draw(*command_in(first.err))
    assert "did not accept" in looked.err and "again" in looked.err, looked
    again = ("--again",) if "--again" in looked.err else ()
    assert draw("a fox", *TASK, *again).code == 0
    assert_right(emulator, work, "a fox", 1)


@pytest.mark.parametrize("ahead", [-90, -20, 20, 90])
def test_lost_create_is_found_whatever_the_clocks_say(draw, emulator, work, ahead):
    emulator.clock = lambda: time.time() + ahead
    emulator.inject("accept-then-reset")
    first = draw("a fox", *TASK)
    assert first.code == 6, first
    fetch(draw, emulator, first)
    assert_right(emulator, work, "a fox", 1)


def test_lost_creates_of_one_model_are_not_mixed_up(draw, emulator, work):
    """The list tells no prompts, and these tasks repeat none: no picture may be given out for another's."""
    firsts = []
    for prompt in ("a fox", "a cat"):
        emulator.inject("accept-then-reset")
        firsts.append(draw(prompt, *TASK))
    looked = draw(*command_in(firsts[0].err))
    ids = [create.task_id for create in emulator.creates]
    assert looked.code == 5 and all(task_id in looked.err for task_id in ids) and left_in(work) == [], looked
    assert draw("--resume", ids[1], "--poll", 0.05, "-o", "cat.png").code == 0
    assert len(emulator.creates) == 2 and list(pictures_in(work).values()) == list(drawn(emulator).values())


def test_status_and_cancel_of_a_lost_create(draw, emulator, home):
    emulator.task_polls = (10**6, 0)
    emulator.inject("accept-then-reset")
    given = command_in(draw("a fox", *TASK).err)[1]
    assert draw("--status", given).out == "PENDING\n"
    result = draw(*command_in(draw("--cancel", given).err, "--cancel"))
    assert result.code == 0 and emulator.tasks[emulator.creates[0].task_id].canceled and journal(home) == [], result


def test_what_may_be_somebody_elses_task_is_not_cancelled(draw, emulator, home):
    """A task that waits shows no prompt, so its time alone speaks for it."""
    emulator.task_polls = (10**6, 0)
    emulator.inject("accept-then-reset")
    given = command_in(draw("a fox", *TASK).err)[1]
    for _ in range(2):
        result = draw("--cancel", given)
        assert result.code == 8 and "nothing was cancelled" in result.err and journal(home)[0]["counted"], result
    assert not emulator.tasks[emulator.creates[0].task_id].canceled
    result = draw(*command_in(result.err, "--cancel"))
    assert result.code == 0 and emulator.creates[0].pictures == 0, result


# ---- the poll --------------------------------------------------------------------------------------------------------

Poll = namedtuple("Poll", "fault parameters times exits extra", defaults=((),))
POLLS = {
    "500": Poll("500", NOW, 5, {0}),
    "429": Poll("429", {}, 5, {0}),
    "reset": Poll("reset", {}, 5, {0}),
    "cut": Poll("short-body", {}, 5, {0}),
    "hang": Poll("hang", {"seconds": 3}, 1, {0}, ("--timeout", 1)),
    "web page": Poll("html-200", {}, 1, {0, 6}),
    "empty": Poll("empty-200", {}, 1, {0, 6}),
    "bad JSON": Poll("bad-json", {}, 1, {0, 6}),
    "401": Poll("401", {}, 1, {3}),
    "403": Poll("403", {}, 1, {3}),
    "404": Poll("error", {"status": 404, "code": "not_found"}, 1, {5, 8}),
    "500 stays": Poll("500", NOW, None, {5, 8}, ("--max-wait", 1)),
}


@rows(POLLS)
def test_poll(draw, emulator, work, home, row):
    emulator.inject(row.fault, row.times, POLL, **row.parameters)
    result = draw("a fox", *TASK, "-n", 2, "-o", "fox.png", "--retries", 1, *row.extra)
    assert result.code in row.exits and len(emulator.creates) == 1, result
    if result.code:
        assert_words(result)
        assert result.out == "" and left_in(work) == [] and len(journal(home)) == 1
        fetch(draw, emulator, result)
    assert assert_right(emulator, work, "a fox", 2) == ["fox-1.png", "fox-2.png"] and journal(home) == []


# A fate of the task -> exit code, pictures that there are, words of the message. Nothing is left to be fetched.
Fate = namedtuple("Fate", "fate parameters exit made words model", defaults=("wan2.6-t2i",))
RESULTS = "wan2.2-t2i-flash"
INSPECTED = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
FATES = {
    "failed": Fate("task-failed", {}, 8, 0, "not billed"),
    "failed, flat": Fate("task-failed", {"flat": True}, 8, 0, "not billed"),
    "inspected": Fate("task-failed", INSPECTED, 10, 0, "inappropriate"),
    "inspected, flat": Fate("task-failed", {**INSPECTED, "flat": True}, 10, 0, "inappropriate"),
    "throttled": Fate("task-failed", {"code": "Throttling.RateQuota", "message": "too many"}, 4, 0, "not billed"),
    "no key": Fate("task-failed", {"code": "InvalidApiKey", "message": "Invalid API-key provided."}, 3, 0, "not billed"),
    "cancelled": Fate("task-canceled", {}, 8, 0, "cancelled"),
    "empty": Fate("task-empty", {}, 8, 0, "without a picture"),
    "partial": Fate("task-partial", {}, 11, 2, "the other 2 are saved", RESULTS),
    "partial, another reason": Fate("task-partial", {"code": "InternalError", "failed": 2}, 11, 1, "the other one is saved", RESULTS),
    "all failed": Fate("task-partial", {"failed": 3}, 10, 0, "inappropriate", RESULTS),
    "fewer": Fate("fewer-images", {"images": 2}, 11, 2, "3 pictures were asked for"),
    "fewer of a tool": Fate("fewer-images", {"images": 2}, 11, 2, "3 pictures were asked for", "wanx-v1"),
    "none": Fate("fewer-images", {"images": 0}, 8, 0, "without a picture"),
}


@rows(FATES)
def test_fate_of_a_task(draw, emulator, work, home, row):
    emulator.inject(row.fate, **row.parameters)
    result = draw("a fox", "--model", row.model, "--task", "--poll", 0.05, "-n", 3, "-o", "new/fox.png", "--json")
    document = result.document
    assert result.code == row.exit and row.words in result.err, result
    assert (document["exit_code"], document["task_id"]) == (row.exit, emulator.creates[0].task_id)
    assert_right(emulator, work, "a fox", row.made)
    assert [entry["path"] for entry in document["files"]] == sorted(f"new/{name}" for name in os.listdir(work / "new")
                                                                    if name.endswith(".png")) if row.made else not (work / "new").exists()
    assert len(emulator.creates) == 1 and journal(home) == []
    assert "resume" not in document and "--resume" not in result.err, "there is nothing to fetch any more"


def test_link_that_is_listed_twice_is_one_picture(draw, emulator, work):
    emulator.inject("links-twice")
    result = draw("a fox", "--model", "wanx-v1", "-n", 2, "-o", "fox.png", "--json", "--poll", "0.05")
    assert result.code == 0 and result.document["billing"]["units"] == {"images": 2}, result
    assert result.document["billing"]["cost"]["amount"] == 0.32 and assert_right(emulator, work, "a fox", 2) == ["fox-1.png", "fox-2.png"]


@pytest.mark.parametrize("linked", [True, False])
def test_picture_without_text_is_not_translated_and_says_so(draw, emulator, photos, home, monkeypatch, linked):
    """Section 5.11 of the contract: a task that ended well may tell why nothing was translated."""
    real, said = Client._json_once, "No text detected for translation"

    def without_text(*arguments):
        reply = real(*arguments)
        output = reply.body.get("output", {})
        if output.get("task_status") == "SUCCEEDED":
            output["message"] = said
            output.update(image_url=output["image_url"] if linked else None)
        return reply
    monkeypatch.setattr(Client, "_json_once", without_text)
    result = draw("--translate-to", "en", "--image", "photo.png", "-o", "made.png", "--poll", 0.05, "--json")
    document = result.document
    assert left_in(photos) == (["made.json", "made.png"] if linked else []) and journal(home) == [], result
    assert document["billing"]["cost"]["amount"] == 0.003 and "--resume" not in result.err
    if linked:
        assert result.code == 0 and document["warnings"] == [f"the service says: {said}"]
    else:
        assert result.code == 8 and document["error"]["message"] == said and "no text" in document["error"]["cause"], result


@pytest.mark.parametrize("images, exit_code, made", [(2, 11, 2), (0, 8, 0)])
def test_fewer_than_asked_for_directly(draw, emulator, work, home, images, exit_code, made):
    emulator.inject("fewer-images", images=images)
    result = draw("a fox", "-n", 3)
    assert result.code == exit_code, result
    assert_right(emulator, work, "a fox", made)
    assert journal(home) == []


@pytest.mark.parametrize("answer, files", [
    ({"output": {"choices": [{"message": {"content": [{"text": "I draw no foxes"}]}}]}, "usage": {"image_count": 1}, "request_id": "r7"}, 1),
    ({"output": {"strange": {"form": [1]}}, "usage": [1], "request_id": "r7"}, 1)])
def test_direct_answer_that_cannot_be_read_is_kept(draw, emulator, work, home, monkeypatch, answer, files):
    """It is paid, and cannot be had again."""
    monkeypatch.setattr("shared.transport.client.Client._json_once", lambda *_: Reply(200, {}, answer))
    result = draw("a fox", "-o", "fox.png", "--json")
    document = result.document
    assert result.code == 8 and document["files"] == [{"partial": "fox.partial.json"}] and "fox.partial.json" in result.err, result
    assert json.loads((work / "fox.partial.json").read_text("utf-8")) == answer and document["error"]["request_id"] == "r7"
    assert "only if paying twice is acceptable" in document["error"]["fix"] and "not billed" not in result.err
    (line,) = (home / ".local/state/qianwen/spending.jsonl").read_text().splitlines()
    assert json.loads(line)["in_doubt"] and json.loads(line)["amount"] > 0


@pytest.mark.parametrize("counted", [True, False])
def test_one_result_of_another_form_keeps_the_answer(draw, emulator, work, home, monkeypatch, counted):
    """Nobody may say that it is not billed, and that it can be asked for again."""
    real = Client._json_once

    def odd(*arguments):
        reply = real(*arguments)
        reply.body["output"]["choices"][0]["message"]["content"][0] = {"image": {"key": "there.png"}}
        if not counted:
            del reply.body["usage"]
        return reply
    monkeypatch.setattr(Client, "_json_once", odd)
    result = draw("a fox", "-n", 2, "-o", "fox.png")
    assert result.code == 11 and "may be billed" in result.err and "fox-1.partial.json" in result.err, result
    assert "there.png" in (work / "fox-1.partial.json").read_text("utf-8") and len(pictures_in(work)) == 1
    assert journal(home) == [] and "not billed" not in result.err


def test_a_damaged_picture_within_the_answer_is_not_printed(draw, work, monkeypatch):
    link = "data:image/png;base64," + "AAAA" * 5000
    monkeypatch.setattr(Client, "_json_once", lambda *_: Reply(200, {}, {"output": {"results": [{"url": link}]}}))
    result = draw("a fox", "-o", "fox.png")
    assert result.code == 9 and "AAAA" not in result.err and "15000 bytes" in result.err, result


def in_stream(monkeypatch, change) -> None:
    """Interleaved answers whose events go through `change`."""
    real = Client.events

    def events(client, request, safety, take):
        return real(client, request, safety, lambda found, headers: take(map(change, found), headers))
    monkeypatch.setattr(Client, "events", events)


@pytest.mark.parametrize("all_of_them", [True, False])
def test_interleaved_picture_of_another_form_keeps_its_events(draw, work, monkeypatch, all_of_them):
    changed = []

    def change(event):
        for item in event.data["output"]["choices"][0]["message"]["content"]:
            if "image" in item and (all_of_them or not changed):
                changed.append(item.pop("image"))
                item["pic"] = "there.png"
            elif all_of_them:
                item["text"] = ""
        return event
    in_stream(monkeypatch, change)
    result = draw("bake bread", "--interleave", "--max-images", 2, "-o", "bread.png")
    kept = [path.read_text("utf-8") for path in work.glob("*.partial.json")]
    assert result.code == (8 if all_of_them else 11) and kept and "there.png" in kept[0], result
    assert len(pictures_in(work)) == (0 if all_of_them else 1)


def test_interleaved_while_the_journal_goes_away(draw, emulator, work, home, monkeypatch):
    tasks = home / ".local/state/qianwen/tasks"

    def change(event):
        if tasks.is_dir():
            shutil.rmtree(tasks)
            tasks.write_text("in the way")
        return event
    in_stream(monkeypatch, change)
    result = draw("bake bread", "--interleave", "--max-images", 2, "-o", "bread.png")
    assert result.code == 0 and "could not be saved in the journal" in result.err, result
    assert_right(emulator, work, "bake bread", 2)


def nested(levels: int) -> dict:
    return {"x": nested(levels - 1)} if levels else {}


def test_usage_that_nests_deeply_costs_no_picture(draw, emulator, work, monkeypatch):
    real = Client._json_once
    monkeypatch.setattr(Client, "_json_once", lambda *arguments: (
        lambda reply: reply._replace(body={**reply.body, "usage": nested(600)}))(real(*arguments)))
    assert draw("a fox", "-o", "fox.png", "--json").code == 0
    assert_right(emulator, work, "a fox", 1)


def test_task_whose_answer_cannot_be_read_is_kept_with_its_links(draw, emulator, work, home, monkeypatch):
    """It is done and paid: the answer stays on disk once, and the task in the journal."""
    real, link = Tasks.look, "http://h/1.tga?Signature=abc%2B"

    def look(self, given):
        status, body = real(self, given)
        output = {"task_status": status, "odd": [{"u": link}, {"u": link + "2"}]}
        return status, {**body, "output": output} if status == "SUCCEEDED" else body
    monkeypatch.setattr(Tasks, "look", look)
    first = draw("a fox", *TASK, "-o", "fox.png", "--json")
    assert first.code == 9 and link in (work / "fox.partial.json").read_text("utf-8"), first
    assert first.document["billing"]["cost"]["amount"] == 0.2 and "billed when done" not in first.err
    again = draw(*command_in(first.err), "--poll", 0.05)
    assert again.code == 9 and left_in(work) == ["fox.partial.json"] and len(journal(home)) == 1, again
    monkeypatch.undo()
    assert draw(*command_in(first.err), "--poll", 0.05).code == 0 and journal(home) == []


def test_direct_answer_that_nests_deeply_is_kept(draw, work, monkeypatch):
    monkeypatch.setattr(Client, "_json_once", lambda *_: Reply(200, {}, {"output": {"link": "h/1", "x": nested(600)}}))
    assert draw("a fox", "-o", "fox.png").code == 8 and '"link": "h/1"' in (work / "fox.partial.json").read_text("utf-8")


def test_pictures_that_are_counted_but_have_no_link_are_not_advised_to_be_made_again(draw, emulator, work, monkeypatch):
    real = Client._json_once

    def one_link_less(*arguments):
        reply = real(*arguments)
        reply.body["output"]["choices"][0]["message"]["content"][0] = {"image": None}
        return reply
    monkeypatch.setattr(Client, "_json_once", one_link_less)
    result = draw("a fox", "-n", 2)
    assert result.code == 11 and "may be billed" in result.err and "ask for the rest" not in result.err, result


def without_an_id(monkeypatch, change=lambda body: body) -> None:
    """The create is answered with the result of the task, and not with its id."""
    real = Client._json_once

    def at_once(client, request, errors_pass):
        reply = real(client, request, errors_pass)
        if request.method == "POST":
            task = Request("GET", f"{client.endpoint.native}/tasks/{reply.body['output']['task_id']}")
            while reply.body["output"]["task_status"] != "SUCCEEDED":
                reply = real(client, task, errors_pass)
            del reply.body["output"]["task_id"]
            reply = reply._replace(body=change(reply.body))
        return reply
    monkeypatch.setattr(Client, "_json_once", at_once)


def test_create_that_is_answered_with_the_result(draw, emulator, work, home, monkeypatch):
    without_an_id(monkeypatch)
    emulator.inject("download-html", times=1)
    emulator.inject("download-html", times=1)
    result = draw("a fox", *TASK, "-n", 2, "-o", "fox.png")
    assert result.code == 9 and len(emulator.creates) == 1, result
    fetched = draw(*command_in(result.err))
    assert fetched.code == 0, fetched
    assert_right(emulator, work, "a fox", 2)
    assert journal(home) == [] and len(emulator.creates) == 1


def test_direct_call_that_is_answered_with_a_task_is_waited_for(draw, emulator, work, home, monkeypatch):
    real = Client._json_once

    def as_a_task(client, request, errors_pass):
        if request.method == "POST":
            request = Request("POST", request.url.replace("multimodal-", "image-"), request.body,
                              {**request.headers, "X-DashScope-Async": "enable"})
        return real(client, request, errors_pass)
    monkeypatch.setattr(Client, "_json_once", as_a_task)
    emulator.task_polls = (10**6, 0)
    left = draw("a fox", "--model", "wan2.7-image", "-o", "fox.png", "--max-wait", 1, "--poll", 0.05)
    assert left.code == 5 and journal(home)[0]["task_id"] == emulator.creates[0].task_id, left
    emulator.task_polls = (0, 0)
    fetch(draw, emulator, left)
    assert assert_right(emulator, work, "a fox", 1) == ["fox.png"] and journal(home) == []


def test_stream_that_is_answered_with_a_task_is_waited_for(draw, emulator, work, home, monkeypatch):
    def as_a_task(client, request, retries, take):
        body = {name: value for name, value in request.body.items() if name != "stream"}
        body["parameters"] = {name: value for name, value in body["parameters"].items() if name != "stream"}
        reply = client.json(Request("POST", request.url.replace("multimodal-", "image-"), body, {"X-DashScope-Async": "enable"}), retries)
        return take(iter([Event("result", reply.body, 200)]), {})
    monkeypatch.setattr(Client, "events", as_a_task)
    emulator.task_polls = (10**6, 0)
    left = draw("a comic", "--interleave", "-o", "fox.png", "--max-wait", 1, "--poll", 0.05)
    assert left.code == 5 and journal(home)[0]["task_id"] == emulator.creates[0].task_id, left
    emulator.task_polls = (0, 0)
    fetch(draw, emulator, left)
    assert len(emulator.creates) == 1 and journal(home) == [] and (work / "fox.md").is_file()


def test_new_links_in_another_order_lead_to_the_same_pictures(draw, emulator, work, monkeypatch):
    emulator.inject("download-expired", 1, "-1.png")
    real, looks = Tasks.look, []

    def look(self, task_id):
        status, body = real(self, task_id)
        looks.append(status)
        if looks.count("SUCCEEDED") > 1:
            body["output"]["choices"].reverse()
            assert len(body["output"]["choices"]) == 2
        return status, body
    monkeypatch.setattr(Tasks, "look", look)
    assert draw("a fox", *TASK, "-n", 2, "-o", "fox.png", "--poll", 0.05).code == 0
    assert_right(emulator, work, "a fox", 2)


def test_create_without_an_id_or_a_result_that_can_be_read_stays_in_doubt(draw, emulator, home, monkeypatch):
    without_an_id(monkeypatch, lambda body: {**body, "output": {"task_status": "SUCCEEDED", "strange": ["form"]}})
    refused = draw("a fox", *TASK)
    assert refused.code == 8 and "strange" in refused.err, refused
    emulator.tasks.clear()
    for _ in range(2):
        result = draw(*command_in(refused.err))
        assert result.code == 8 and "strange" in result.err and "costs nothing" not in result.err, result
        (record,) = journal(home)
        assert record["answer"]["output"]["strange"] == ["form"] and record["counted"]


def process_of(emulator, home, work, *arguments):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)], cwd=str(work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY,
                                     "QWEN_BASE_URL": emulator.url, **BYTECODE},
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) if os.name != "nt" else None)


def ended(process) -> tuple:
    """(exit code, stdout, stderr) of a process, in which no key is."""
    out, said = (stream.decode() for stream in process.communicate(timeout=60))
    assert STANDARD_KEY[3:] not in out + said and "Traceback" not in said
    return process.returncode, out, said


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("answer", [{}, {"output": {"task_status": ["x"]}}, {"output": {"task_status": {"x": 1}, "task_id": "t1"}},
                                    {"code": "InternalError", "message": "?"}])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_status_that_is_not_told(draw, monkeypatch, answer, flags):
    monkeypatch.setattr("shared.transport.client.Client._json_once", lambda *_: Reply(200, {}, answer))
    result = draw("--status", "t1", *flags)
    assert result.code == 8 and "has no status of t1" in result.err and "--status t1" in result.err, result
    assert "FAILED?" not in result.err + result.out and ("it says InternalError: ?" in result.err) == ("code" in answer)
    assert not flags or result.document["ok"] is False


@pytest.mark.parametrize("moment", ["Fri, 31 Dec 9999 23:59:59 -1200", "Sun, 31 Dec 9999 23:59:59 GMT"])
def test_a_service_whose_clock_is_far_off(draw, emulator, work, monkeypatch, moment):
    real = Client._json_once
    monkeypatch.setattr(Client, "_json_once", lambda *arguments: (
        lambda reply: reply._replace(headers={**reply.headers, "date": moment}))(real(*arguments)))
    assert draw("a fox", *TASK, "-o", "fox.png", "--poll", 0.05).code == 0
    assert assert_right(emulator, work, "a fox", 1) == ["fox.png"]


def test_a_record_of_no_calendar_is_fetched(draw, emulator, work, home):
    assert draw("a fox", *TASK, "--no-wait", "-o", "fox.png").code == 0
    age(home, -3e11)
    assert draw("--resume", emulator.creates[0].task_id, "--poll", 0.05).code == 0
    assert_right(emulator, work, "a fox", 1)


def test_young_task_that_is_not_known_everywhere_yet(emulator, home, work):
    emulator.task_polls = (10**6, 0)
    process = process_of(emulator, home, work, "a fox", *TASK)
    until(lambda: emulator.creates)
    task_id = emulator.creates[0].task_id
    task = emulator.tasks.pop(task_id)
    unknown = len(emulator.requests) + 4
    until(lambda: len(emulator.requests) >= unknown)
    emulator.task_polls, emulator.tasks[task_id] = (0, 0), task
    assert ended(process)[0] == 0
    assert_right(emulator, work, "a fox", 1)


def test_old_task_that_is_not_known(draw, emulator, home, work):
    task_id = draw("a fox", "--model", "wan2.6-t2i", "--no-wait").out.strip()
    age(home, 60)
    emulator.tasks.clear()
    result = draw("--resume", task_id, "--poll", 0.05, "--json")
    assert result.code == 8 and result.document["error"]["code"] == "UNKNOWN" and left_in(work) == [], result
    assert len([request for request in emulator.requests if POLL in request.path]) == 1


# ---- the download ----------------------------------------------------------------------------------------------------

# A fault of the second picture's link, how often -> exit code.
Load = namedtuple("Load", "fault parameters times exit", defaults=(0,))
LOADS = {
    "cut": Load("download-cut", {}, 1),
    "cut three times": Load("download-cut", {}, 3),
    "cut again and again": Load("download-cut", {"at": 3000}, None),
    "short": Load("download-short", {}, 1),
    "web page": Load("download-html", {}, 1),
    "XML": Load("download-xml", {}, 1),
    "500": Load("error", {"status": 500}, 3),
    "reset": Load("reset", {}, 3),
    "redirect": Load("download-redirect", {}, 1),
    "empty": Load("download-empty", {}, 2),
    "slow": Load("download-slow", {"seconds": 0.3}, 1),
    "short stays": Load("download-short", {}, None, 9),
    "web page stays": Load("download-html", {}, None, 9),
    "XML stays": Load("download-xml", {}, None, 9),
    "expired": Load("download-expired", {}, None, 9),
    "404": Load("error", {"status": 404}, None, 9),
    "500 stays": Load("error", {"status": 500}, None, 9),
    "reset stays": Load("reset", {}, None, 9),
    "empty stays": Load("download-empty", {}, None, 9),
    "redirects in circles": Load("redirect", {"to": "http://127.0.0.1:9/x.png"}, None, 9),
}


@rows(LOADS)
def test_download(draw, emulator, work, home, monkeypatch, row):
    monkeypatch.setattr("shared.transport.retries.FIRST_DELAY", 0.01)
    kind = TASK if list(LOADS.values()).index(row) % 2 else DIRECT
    emulator.inject(row.fault, row.times, "-1.png", **row.parameters)
    result = draw("a fox", *kind, "-n", 3, "-o", "new/fox.png")
    assert result.code == row.exit and len(emulator.creates) == 1, result
    if row.exit:
        assert_words(result)
        assert result.out == "new/fox-1.png\nnew/fox-3.png\n" and "1 of 3" in result.err and sorted(pictures_in(work / "new")) == [
            "fox-1.png", "fox-3.png"]
        assert_tidy(emulator, work)
        fetch(draw, emulator, result)
    assert assert_right(emulator, work, "a fox", 3) == [f"new/fox-{number}.png" for number in (1, 2, 3)]
    assert left_in(work) == sorted(f"new/fox-{number}.{kind}" for number in (1, 2, 3) for kind in ("json", "png"))
    assert len(emulator.creates) == 1 and journal(home) == []


@pytest.mark.parametrize("then", ["download-no-range", "download-changed"])
def test_versions_are_never_joined(draw, emulator, work, then):
    emulator.inject("download-cut", 1)
    emulator.inject(then)
    assert draw("a fox", *DIRECT).code == 0
    assert_right(emulator, work, "a fox", 1)
    assert len(emulator.downloads) >= 2 and (then == "download-no-range" or emulator.downloads[1].range == "bytes=1000-")


def test_another_format_than_expected(draw, emulator, work, home):
    emulator.inject("download-jpeg", times=None)
    result = draw("a fox", "-o", "fox.png", "--json")
    assert result.code == 0 and "JPG, not PNG" in result.document["warnings"][0], result
    assert left_in(work) == ["fox.jpg", "fox.json"] and (work / "fox.jpg").read_bytes() == jpeg(64, 48) and journal(home) == []
    entry, = result.document["files"]
    assert (entry["path"], entry["media_type"], entry["width"], entry["height"]) == ("fox.jpg", "image/jpeg", 64, 48)


def test_download_that_hangs(draw, emulator, work):
    emulator.inject("hang", 1, "/@results/", seconds=3)
    assert draw("a fox", *DIRECT, "--timeout", 1).code == 0
    assert_right(emulator, work, "a fox", 1)


def test_links_are_not_followed_to_a_plain_place_elsewhere(draw, emulator, work):
    with Emulator() as other:
        emulator.inject("download-redirect", None, to=other.url + "/x.png")
        result = draw("a fox", *DIRECT)
        assert result.code == 9 and other.requests == [] and left_in(work) == [], result
    fetch(draw, emulator, result)
    assert_right(emulator, work, "a fox", 1)


def test_resume_from_another_folder_fetches_only_what_is_missing(draw, emulator, home, work):
    emulator.inject("download-expired", 2, "-1.png")
    result = draw("a fox", *TASK, "-n", 2, "-o", "out/fox.png")
    before = len(emulator.downloads)
    assert draw(*command_in(result.err), cwd=home).code == 0
    assert assert_right(emulator, work, "a fox", 2) == ["out/fox-1.png", "out/fox-2.png"]
    assert [download.index for download in emulator.downloads[before:]] == [1]


@pytest.mark.parametrize("arguments", [("a fox",), ("bake bread", "--interleave"), ("a fox", *TASK)])
def test_a_link_is_as_old_as_the_service_says(draw, emulator, monkeypatch, arguments):
    """Our own clock may be wrong; here the service's answer has the time of the day before, and the storage's that of now."""
    monkeypatch.setattr("shared.tasks.journal.moment_of", lambda headers: time.time() - 90_000)
    monkeypatch.setattr("shared.transport.download.moment_of", lambda headers: time.time())
    emulator.inject("download-expired", None)
    result = draw(*arguments)
    assert result.code == 8 and "billed" in result.err and "--again" in result.err and "--resume" not in result.err, result


def test_old_picture_survives_a_failed_download(draw, emulator, work):
    (work / "fox.png").write_bytes(b"mine")
    emulator.inject("download-expired", times=1)
    result = draw("a fox", "-o", "fox.png", "--overwrite", "--no-sidecar")
    assert result.code == 9 and left_in(work) == ["fox.png"] and (work / "fox.png").read_bytes() == b"mine", result
    fetch(draw, emulator, result)
    assert_right(emulator, work, "a fox", 1)


def test_document_of_a_failed_download(draw, emulator, work):
    emulator.inject("download-expired", 1, "-1.png")
    result = draw("a fox", "-n", 2, "-o", "fox.png", "--json")
    document = result.document
    assert (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 9, "unsaved"), result
    assert document["files"][0]["path"] == "fox-1.png" and "Signature=" in document["files"][1]["url"], "the link is whole"
    assert "Signature=***" in result.err or "Signature=" not in result.err
    assert draw(*command_in(document["resume"])).code == 0
    assert_right(emulator, work, "a fox", 2)


def test_interleaved_whose_download_fails(draw, emulator, work, home):
    emulator.inject("download-expired", 1, "-1.png")
    result = draw("bake bread", "--interleave", "--max-images", 2, "-o", "bread.png")
    assert result.code == 9, result
    fetch(draw, emulator, result)
    assert_right(emulator, work, "bake bread", 2)
    assert "](bread-2.png)" in (work / "bread.md").read_text("utf-8") and journal(home) == []


# ---- the disk --------------------------------------------------------------------------------------------------------

@POSIX
@KINDS
@pytest.mark.parametrize("largest", [100, 1500, 6000], ids=["nothing fits", "half of the journal fits", "no picture fits"])
def test_full_disk(draw, emulator, home, work, kind, largest):
    """Either nothing is paid, or the pictures can be fetched when there is room again."""
    with largest_file(largest):
        result = draw("a fox", *kind, "-n", 4, "-o", "new/fox.png")
    assert result.code in (2, 9) and len(emulator.creates) <= 1, result
    assert_words(result)
    assert pictures_in(work) == {} and left_in(work) == []
    assert [path.name for path in home.rglob("*.tmp")] == []
    if emulator.creates:
        assert result.code == 9
        fetch(draw, emulator, result)
        assert len(assert_right(emulator, work, "a fox", 4)) == 4
    else:
        assert journal(home) == []


@KINDS
def test_folder_that_goes_away_in_between(draw, emulator, home, work, kind):
    emulator.latency = 0.4
    (work / "out").mkdir()
    process = process_of(emulator, home, work, "a fox", *kind, "-o", "out/fox.png")
    until(lambda: emulator.creates)
    for path in (work / "out").iterdir():
        path.unlink()
    (work / "out").rmdir()
    (work / "out").write_text("in the way")
    code, out, said = ended(process)
    assert (code, out) == (9, ""), said
    (work / "out").unlink()
    assert draw(*command_in(said), "--poll", 0.05).code == 0
    assert assert_right(emulator, work, "a fox", 1) == ["out/fox.png"]


def test_resume_into_a_folder_that_cannot_be_made(draw, emulator, work):
    task_id = draw("a fox", "--model", "wan2.6-t2i", "--no-wait", "-o", "out/fox.png").out.strip()
    (work / "out").write_text("in the way")
    result = draw("--resume", task_id, "--poll", 0.05)
    assert result.code in (2, 9) and "--output" in result.err, result
    assert draw("--resume", task_id, "--poll", 0.05, "-o", "else.png").code == 0
    assert assert_right(emulator, work, "a fox", 1) == ["else.png"]


def test_file_that_appears_in_between_is_kept(emulator, home, work):
    emulator.latency = 0.4
    process = process_of(emulator, home, work, "a fox", "-o", "fox.png")
    until(lambda: emulator.creates)
    (work / "fox.png").write_text("mine")
    code, out, said = ended(process)
    assert code == 0 and "exists already" in said and (work / "fox.png").read_text() == "mine", said
    assert (work / out.strip()).read_bytes() in drawn(emulator).values() and out != "fox.png\n"


# ---- ends in between -------------------------------------------------------------------------------------------------

STAGES = {"create": lambda emulator: emulator.creates, "wait": lambda emulator: len(emulator.requests) > 3,
          "download": lambda emulator: emulator.downloads}


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("kind, stage", [(DIRECT, "download"), (TASK, "create"), (TASK, "wait"), (TASK, "download")],
                         ids=["direct download", "create", "wait", "download"])
def test_interrupted(draw, emulator, home, work, number, kind, stage):
    emulator.inject("download-slow", times=None, seconds=3)
    emulator.latency = 0.3 if stage == "create" else 0
    emulator.task_polls = (10**6, 0) if stage == "wait" else (0, 0)
    process = process_of(emulator, home, work, "a fox", *kind, "-n", 2, "-o", "new/fox.png")
    until(lambda: STAGES[stage](emulator))
    time.sleep(0.05)
    process.send_signal(number)
    code, out, said = ended(process)
    assert (code, out) == (130, "") and left_in(work) == [], said
    emulator.task_polls, emulator.latency = (0, 0), 0
    emulator.faults.clear()
    assert draw(*command_in(said), "--poll", 0.05).code == 0
    assert assert_right(emulator, work, "a fox", 2) == ["new/fox-1.png", "new/fox-2.png"] and journal(home) == []


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_while_a_direct_call_is_answered(emulator, home, work, number):
    emulator.latency = 3
    process = process_of(emulator, home, work, "a fox", "-o", "new/fox.png")
    until(lambda: emulator.creates)
    process.send_signal(number)
    code, out, said = ended(process)
    assert (code, out) == (130, "") and not (work / "new").exists() and "bill" in said, said


@pytest.mark.parametrize("kind", [DIRECT, TASK], ids=["direct", "task"])
@pytest.mark.parametrize("moment", ["shared.tasks.journal.Journal.fetching", "shared.tasks.run.Delivery.keep_links",
                                    "shared.tasks.run.gallery_of", "shared.tasks.run.report"])
def test_interrupted_between_two_steps(draw, emulator, work, monkeypatch, kind, moment):
    """What is paid is fetched, or said to be paid; never is a plain repetition advised."""
    def interrupt(*given, **named):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(moment, interrupt)
        broken = draw("a fox", *kind, "-o", "fox.png", "--gallery")
    assert broken.code == 130, broken
    if kind == DIRECT and ("fetching" in moment or "keep_links" in moment):  # its links are on no disk yet
        assert "run the command again, but only if paying twice is acceptable" in broken.err
        return
    assert "list price" in broken.err, broken
    assert f"interrupted with {int('run.' in moment and 'keep' not in moment)} file" in broken.err or "continues" in broken.err, broken
    fetched = draw(*command_in(broken.err), "--poll", 0.05)
    assert fetched.code == 0 and fetched.out.endswith("fox.png\n"), fetched
    assert {"fox.json", "fox.png"} <= set(left_in(work)) <= {"fox.json", "fox.png", "index.html"}
    assert len(emulator.creates) == 1 and drawn(emulator)


def test_interrupted_while_a_lost_create_is_looked_for(draw, emulator, monkeypatch):
    """Nobody knows whether there is a task: none is said to continue, or to be billed."""
    def interrupt(*given, **named):
        raise KeyboardInterrupt
    emulator.inject("accept-then-reset")
    lost = draw("a fox", *TASK, "-o", "fox.png")
    with monkeypatch.context() as patch:
        patch.setattr("shared.tasks.service.Finding.task_id", interrupt)
        broken = draw(*command_in(lost.err), "--json")
    told = broken.document
    assert broken.code == 130 and "look for it before trying again" in told["error"]["fix"] and "billing" not in told, broken
    assert "continues" not in broken.err and draw(*command_in(broken.err), "--poll", 0.05).code == 0


def test_no_end_of_a_line_is_held_back(draw, home):
    """A line that ends as a key in hex goes on is shown to its end."""
    from shared.tasks.journal import Journal
    journal_of_ours = Journal(str(home / ".local" / "state" / "qianwen"))
    journal_of_ours.write(journal_of_ours.new("qianwen-image-generation", task_id="90576254f722", state="running", model="wan2.6-t2i"))
    assert draw("--tasks").out.endswith("--resume 90576254f722\n")


@POSIX
def test_interleaved_and_interrupted_in_the_middle(emulator, home, work, draw):
    emulator.inject("download-slow", times=1, seconds=3)
    process = process_of(emulator, home, work, "bake bread", "--interleave", "--max-images", 2, "-o", "bread.png")
    until(lambda: emulator.downloads)
    process.send_signal(signal.SIGINT)
    code, out, said = ended(process)
    assert code == 130, said
    assert draw(*command_in(said)).code == 0
    assert_right(emulator, work, "bake bread", 2)
    assert (work / "bread.md").read_text("utf-8").count("](bread-") == 2


def end_at(draw, emulator, folder, number, delay: float) -> str:
    """Kill a task's command `delay` seconds after its create came in, then do what --tasks says. What went wrong, or ''."""
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    (work / ".git").mkdir(parents=True)
    emulator.reset()
    emulator.latency = 0.05
    emulator.inject("download-slow", times=None, seconds=0.06, pieces=3)
    process = process_of(emulator, home, work, "a fox", *TASK, "-n", 3, "-o", "new/fox.png")
    until(lambda: emulator.creates)
    time.sleep(delay)
    process.send_signal(number)
    code, _, said = ended(process)
    emulator.faults.clear()
    whole = set(drawn(emulator).values())
    if any(data not in whole for data in pictures_in(work).values()):
        return f"half a picture after {code}: {left_in(work)} {said}"
    if number != signal.SIGKILL and [name for name in (*left_in(work), *left_in(home)) if name.endswith(".tmp")]:
        return f"a temporary file is left: {left_in(work)} {left_in(home)} {said}"
    there = {"env": {"HOME": str(home)}, "cwd": work}
    told = draw("--tasks", **there).out
    if told:
        fetched = draw(*command_in(told), "--poll", 0.05, **there)
        if fetched.code != 0:
            return f"{said}\n--tasks: {told}\n{fetched}"
    found = set(pictures_in(work).values())
    if len(found) != 3 or found != set(drawn(emulator).values()) or len(emulator.creates) != 1 or journal(home):
        return f"after {code} there are {left_in(work)}, {len(emulator.creates)} creates: {said} {told}"
    if number != signal.SIGKILL and len(pictures_in(work)) != 3:
        return f"a picture is there twice: {left_in(work)}"
    return ""


@POSIX
def test_ended_at_any_moment_nothing_is_lost(draw, emulator, tmp_path):
    """By each signal in turn, at moments that lie all over the run."""
    chance, wrong = random.Random(9), []
    for place, number in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT) * 3):
        delay = 0.01 + (place + chance.random()) * 0.04
        wrong.append((number.name, delay, end_at(draw, emulator, tmp_path / str(place), number, delay)))
    assert [one for one in wrong if one[2]] == []


# ---- what came of a result that is not whole -------------------------------------------------------------------------

@pytest.mark.parametrize("fault", ["download-short", "download-html"])
def test_what_came_is_kept_beside_the_name_it_would_have_had(draw, emulator, work, fault):
    emulator.inject(fault, None, "-0.png")
    result = draw("a fox", *DIRECT, "-o", "fox.png")
    assert result.code == 9 and "fox.png.partial" in result.err and f"the link is {emulator.url}" in result.err, result
    assert left_in(work) == ["fox.png.partial"], result
    fetch(draw, emulator, result)
    assert left_in(work) == ["fox.json", "fox.png"], "it is of no more use"
