"""`--batch-api`: the service's Batch API, from the rows to the results, and whatever breaks in between."""
from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests.conftest import BYTECODE, PLAN_KEY, SCRIPTS, STANDARD_KEY
from tests.test_batch import counts, results, until, write
from tests.test_csv import MOOD, table

API = ("--batch", "rows.csv", "--batch-api", "-o", "out", "--no-think", "--poll", "0.02")
ROWS = 6


@pytest.fixture
def sheet(work):
    def make(count=ROWS, word="w"):
        (work / "rows.csv").write_text("id,word\n" + "".join(f"r{number},{word}{number}\n" for number in range(count)))
    make()
    return make


@pytest.fixture
def api(run, sheet):
    """The batch of the rows of `sheet`, with more arguments."""
    return lambda *arguments, **named: run("Say {word}", *API, *arguments, **named)


def billed(emulator) -> Counter:
    return Counter(create.prompt for create in emulator.creates)


def records(home) -> list:
    folder = home / ".local" / "state" / "qianwen" / "tasks"
    return [json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")] if folder.is_dir() else []


def check_clean(emulator, home, work, billed_rows=ROWS):
    """All rows are paid once, the results are there, and nothing is left anywhere."""
    assert set(billed(emulator).values()) == {1} and len(billed(emulator)) == billed_rows
    assert len(results(work / "out")) == ROWS and all(line["ok"] for line in results(work / "out"))
    assert sorted(os.listdir(work / "out")) == ["results.csv", "results.jsonl"]
    assert records(home) == [] and not emulator.files
    left = home / ".local" / "state" / "qianwen" / "batches"
    assert not left.is_dir() or os.listdir(left) == []


# ---- from the rows to the results ------------------------------------------------------------------------------------

def test_rows_come_back_as_from_direct_calls(api, run, emulator, home, work):
    (work / "s.json").write_text(json.dumps(MOOD))
    done = api("--schema", "s.json", "--json")
    assert done.code == 0 and counts(done)["done"] == ROWS, done
    check_clean(emulator, home, work)
    assert [row["mood"] for row in table(work / "out")] == ["good"] * ROWS
    lines = results(work / "out")
    assert [line["row"] for line in lines] == list(range(2, ROWS + 2)) and lines[0]["data"]["mood"] == "good"
    assert lines[0]["usage"]["total_tokens"] > 0 and lines[0]["billing"]["units"]["input_tokens"] > 0
    assert not emulator.chat_requests
    emulator.requests.clear()
    assert api("--schema", "s.json").code == 0 and not emulator.requests
    (spent,) = run("--spent", "--json").document["spent"]["by"]
    assert spent["calls"] == ROWS and spent["units"]["input_tokens"] > 0, "each row is a call"


@pytest.mark.parametrize("more", [(), ("--estimate",), ("--dry-run",)])
def test_without_rows_there_is_no_half_price_to_hope_for(run, emulator, more):
    done = run("Say x", "--batch-api", *more)
    assert done.code == 2 and "--batch-api goes with --batch" in done.err and not emulator.requests, done


@pytest.mark.parametrize("skill", ["qianwen-text", "qianwen-vision"])
@pytest.mark.parametrize("flags", [("--no-wait",), ("--max-wait", "5"), ("--poll", "2"), ("--window", "3d"), ("--keep-documents",)], ids=" ".join)
def test_a_flag_that_only_jobs_use_goes_with_the_batch_api(run, emulator, work, skill, flags):
    (work / "rows.jsonl").write_text(json.dumps({"prompt": "x"}))
    for others in (("x",), ("x", "--estimate"), ("--batch", "rows.jsonl", "-o", "out", "--dry-run")):
        done = run(*others, *flags, skill=skill)
        assert done.code == 2 and flags[0] in done.err and "--batch-api" in done.err and not emulator.requests, done
    done = run("--resume", "q-0", *flags, skill=skill)
    assert done.code == 2 and "--batch-api" not in done.err, done
    assert ("is not in the journal" in done.err) is (flags[0] not in ("--no-wait", "--window")), done


def test_no_wait_then_status_tasks_and_resume(api, run, emulator, home, work):
    emulator.batch_polls = (0, 3, 0)
    done = api("--no-wait", "--json")
    assert done.code == 0 and done.document["jobs"][0]["rows"] == ROWS, done
    assert re.search(f"uploading job 1 of 1: {ROWS} rows, [0-9]+ KB\n", done.err), done
    given = done.document["task_id"]
    assert os.listdir(work / "out") == [] and given in done.document["resume"]
    listed = run("--tasks", "--json").document["tasks"]
    assert [(task["id"], task["state"]) for task in listed] == [(given, "running")]
    again = api("--no-wait", "--json")
    assert again.document["billing"]["cost"]["amount"] == 0 < done.document["billing"]["cost"]["amount"], "each job is told once"
    assert again.code == 0 and "billed when done" in done.err and "billed when done" not in again.err, again
    status = run("--status", given, "--json")
    assert status.document["status"] == "RUNNING" and "0 of 1 job ended (in_progress)" in status.document["message"]
    job = records(home)[0]["jobs"][0]["batch"]
    assert run("--resume", job, "--poll", "0.02", cwd=home).code == 0  # from another folder, by the job's own id
    check_clean(emulator, home, work)
    assert run("--tasks", "--json").document["tasks"] == []


def test_what_is_fetched_is_known_by_its_ids(api, run, emulator, home, work):
    """As of videos: nothing is asked, sent or billed again."""
    given = api("--no-wait").out.strip()
    job = records(home)[0]["jobs"][0]["batch"]
    assert run("--resume", given, "--poll", "0.02").code == 0
    emulator.requests.clear()
    for one in (given, job):
        done = run("--resume", one, "--json", cwd=home)
        document = done.document
        assert done.code == 0 and f"{one} was fetched already to {work}/out/results.jsonl" in done.err, done
        assert document["fetched"] and document["billing"]["cost"]["amount"] == 0, document
        assert [entry["path"] for entry in document["files"]] == [f"{work}/out/results.jsonl", f"{work}/out/results.csv"]
        assert run("--resume", one).out == f"{work}/out/results.jsonl\n{work}/out/results.csv\n"
        status = run("--status", one)
        assert status.code == 0 and status.out.startswith("FETCHED: fetched already to "), status
        cancelled = run("--cancel", one)
        assert cancelled.code == 8 and "has ended and was fetched already" in cancelled.err, cancelled
    assert not emulator.requests and run("--resume", "q-nowhere").code == 2


def test_jobs_that_are_named_make_no_others(api, run, emulator, home, work):
    """A run was ended between the results and the tidying: --resume tidies, and rows that failed stay so."""
    (work / "rows.csv").write_text("id,word\na,[emulator:row-failed]\nb,fine\n")
    given = api("--no-wait").out.strip()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.batch.landing.Landing.tidy", lambda self, jobs: 1 / 0)
        assert run("--resume", given, "--poll", "0.02").code == 1
    done = run("--resume", given, "--poll", "0.02")
    assert done.code == 0 and "was fetched already" in done.err and len(emulator.batches) == 1 and not emulator.files, done
    assert [line["ok"] for line in results(work / "out")] == [False, True] and records(home) == []


def test_waiting_ends_with_5_and_the_way_to_go_on(api, run, emulator, home, work):
    emulator.batch_polls = (0, 10**6, 0)
    done = api("--max-wait", "1", "--json")
    assert done.code == 5 and "--resume" in done.document["resume"] and done.document["task_id"], done
    direct = run("Say {word}", "--batch", "rows.csv", "-o", "out", "--no-think", "--json")
    assert direct.code == 5 and not emulator.chat_requests and "--resume" in direct.document["resume"], direct
    other = run("Tell {word}", *API)
    assert other.code == 5 and "nothing was sent" in other.err and len(emulator.batches) == 1
    emulator.batch_polls = (0, 0, 0)
    assert api().code == 0 and len(emulator.batches) == 1
    check_clean(emulator, home, work)


def test_jobs_that_are_made_while_a_direct_batch_waits_for_the_folder(api, run, emulator, work, monkeypatch):
    from shared.batch.folder import BatchFolder
    locked = BatchFolder.locked

    def late(folder, *arguments):
        monkeypatch.setattr(BatchFolder, "locked", locked)
        assert api("--no-wait").code == 0
        return locked(folder, *arguments)
    monkeypatch.setattr(BatchFolder, "locked", late)
    done = run("Say {word}", "--batch", "rows.csv", "-o", "out", "--no-think", "--json")
    assert done.code == 5 and "--resume" in done.document["resume"] and not emulator.chat_requests, done


@pytest.mark.parametrize("fetch", ["same", "resume", "direct"])
def test_jobs_bring_their_results_to_a_folder_that_got_another_name(api, run, emulator, home, work, sheet, fetch):
    sheet(2)
    assert api().code == 0
    sheet(ROWS)
    given = api("--no-wait").out.strip()
    (work / "out").rename(work / "moved")
    batch = [word.replace("out", "moved") for word in API]
    if fetch == "direct":
        direct = [word for word in batch if word not in ("--batch-api", "--poll", "0.02")]
        done = run("Say {word}", *direct, "--json")
        assert done.code == 5 and given in done.document["resume"] and not emulator.chat_requests, done
    if fetch == "resume":
        assert run("Say {word}", *batch, "--no-wait").code == 0
    done = run("Say {word}", *batch) if fetch == "same" else run("--resume", given, "--poll", "0.02")
    assert done.code == 0 and len(emulator.batches) == 2, done
    assert not (work / "out").exists()
    (work / "moved").rename(work / "out")
    check_clean(emulator, home, work)


def test_jobs_of_other_flags_are_left_alone_where_their_folder_is_gone(api, run, emulator, home, work):
    assert api("--no-wait").code == 0
    (work / "out").rename(work / "moved")
    assert api("--no-wait", "--system", "Be brief.", "-o", "other").code == 0 and len(emulator.batches) == 2
    assert {os.path.basename(record["output"]) for record in records(home)} == {"out", "other"}


def test_direct_and_api_go_on_with_each_other(api, run, emulator, home, work, sheet):
    sheet(2)
    assert run("Say {word}", "--batch", "rows.csv", "-o", "out", "--no-think").code == 0
    sheet(4)
    assert counts(api("--json"))["kept"] == 2
    sheet(6)
    assert counts(run("Say {word}", "--batch", "rows.csv", "-o", "out", "--no-think", "--json"))["kept"] == 4
    check_clean(emulator, home, work, billed_rows=2)
    assert len(emulator.chat_requests) == 4


@pytest.mark.parametrize("again", [("--resume",), API, (*API, "--again")], ids=["resume", "same", "same-again"])
def test_an_answer_takes_the_place_of_a_doubt(api, run, emulator, home, work, sheet, again):
    """Rows in doubt that a job was to resend, whichever command fetches it."""
    sheet(3)
    emulator.inject("cut-sse", times=2, path="chat/completions")
    direct = run("Say {word}", "--batch", "rows.csv", "-o", "out", "--no-think", "--concurrency", "1", "--retries", "0", "--json")
    assert counts(direct)["in_doubt"] == 2, direct
    sheet(4)
    given = api("--again", "--no-wait").out.strip()
    (work / "rows.csv").write_text("id,word\nr0,w0\nr2,w2\nr3,w3\n")
    resumed = again == ("--resume",)
    done = run(*again, given, "--poll", "0.02", "--json") if resumed else run("Say {word}", *again, "--json")
    assert done.code == 0 and counts(done)["done"] == 2 and counts(done)["in_doubt"] == 0, done
    lines = results(work / "out")
    assert len(lines) == len({line["key"] for line in lines}) == 4, lines
    assert all(line["ok"] and line["text"] for line in lines) and records(home) == [] and not emulator.files, lines


def test_jobs_are_split_by_model_and_mode(run, emulator, home, work):
    write(work / "rows.jsonl", {"prompt": "a"}, {"prompt": "b", "model": "qwen-flash"}, {"prompt": "c", "think": True}, {"prompt": "d"})
    done = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--no-wait", "--json")
    assert done.code == 0 and len(done.document["jobs"]) == 3 == len(emulator.batches), done
    assert run("--resume", done.document["task_id"], "--poll", "0.02").code == 0
    assert [line["row"] for line in results(work / "out")] == [1, 2, 3, 4] and len(billed(emulator)) == 4
    assert os.listdir(work / "out") == ["results.jsonl"]


def test_what_a_job_costs_is_told_by_the_run_that_makes_it(run, emulator, home, work):
    """Here the second one of two jobs, by the run that goes on with the first."""
    write(work / "rows.jsonl", {"prompt": "a"}, {"prompt": "b", "model": "qwen-flash"})
    command = ("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--no-wait", "--json")
    emulator.inject("arrearage", path="/batches", times=None, text='-2"')
    first = run(*command)
    emulator.faults.clear()
    both = [one.document["billing"]["cost"]["amount"] for one in (first, run(*command))]
    assert first.code == 4 and min(both) > 0, both
    assert run("--spent", "--json").document["spent"]["total"] == pytest.approx(sum(both))


def test_pictures_go_inside_the_rows(run, emulator, home, work):
    from tests import media_samples
    (work / "a.png").write_bytes(media_samples.png(64, 64))
    (work / "rows.csv").write_text("image,what\na.png,colour\n")
    done = run("Which {what}?", *API, skill="qianwen-vision")
    assert done.code == 0 and len(results(work / "out")) == 1 and results(work / "out")[0]["text"], done


def test_a_model_with_its_own_switch_is_not_given_the_other(run, emulator, work):
    write(work / "rows.jsonl", *({"prompt": "x", "model": "MiniMax/MiniMax-M3", **more} for more in ({"think": False}, {"no_think": True}, {})))
    done = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--dry-run")
    assert [(job["thinking"], job["rows"]) for job in done.document["jobs"]] == [(False, 2), (True, 1)], done
    body = done.document["first"]["body"]
    assert body["thinking"] == {"type": "disabled"} and "enable_thinking" not in body


def test_rows_that_a_job_never_ends_with(run, emulator, work):
    """Kinds of media that are mixed, and addresses that only this network reaches."""
    for row, words in (({"image": "https://e.com/a.jpg", "video": "https://e.com/b.mp4"}, "one kind of media"),
                       ({"image": "https://10.0.0.3/a.jpg"}, "10.0.0.3"), ({"image": "http://nas.local/a.jpg"}, "nas.local"),
                       ({"video": "http://192.168.1.9/b.mp4"}, "192.168.1.9")):
        write(work / "rows.jsonl", {"prompt": "x", **row})
        done = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", skill="qianwen-vision")
        assert done.code == 2 and words in done.err and "line 1" in done.err and not emulator.requests, done
    write(work / "rows.jsonl", {"prompt": "x", "image": ["https://e.com/a.jpg", emulator.url + "/b.jpg"]})
    assert run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--dry-run", skill="qianwen-vision").code == 0


def test_a_dry_run_and_a_plan(api, emulator, work):
    done = api("--dry-run", key=None)
    document = done.document
    assert document["would_send"] == ROWS and document["jobs"] == [
        {"model": document["first"]["body"]["model"], "thinking": False, "rows": ROWS, "jobs": 1}], done
    assert "stream" not in document["first"]["body"] and not emulator.requests and not (work / "out").exists()


@pytest.mark.parametrize("arguments, words", [
    (("--search",), "--search searches the web"), (("--sources",), "the Batch API cannot do"), (("--chat", "c.json"), "is a conversation"),
    (("--document", "d.pdf"), "uploads files"), (("--window", "12h"), "24h to 336h"), (("--window", "15d"), "24h to 336h"),
    (("--attach", "long.txt"), "line 2 (r0): the row has"), (("--resume", "q-1"), "does not go with --batch")])
def test_what_a_batch_cannot_carry(api, emulator, work, arguments, words):
    (work / "d.pdf").write_bytes(b"%PDF-1.4 x")
    (work / "long.txt").write_text("x" * 1_000_001)
    done = api(*arguments)
    assert done.code == 2 and words in done.err and not emulator.requests, done


@pytest.mark.parametrize("more", [(), ("--estimate",), ("--dry-run",)])
def test_every_row_that_a_batch_cannot_carry_is_named(run, emulator, work, more):
    write(work / "rows.jsonl", {"prompt": "fine"}, {"prompt": "x", "search": True, "id": "a"}, {"prompt": "x" * 1_000_001})
    done = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", *more)
    assert done.code == 2 and "line 2 (a): --search searches the web" in done.err and "line 3: the row has" in done.err, done
    assert not emulator.requests


@pytest.mark.parametrize("more", [(), ("--estimate",), ("--dry-run",)])
def test_regions_without_the_batch_api(api, more):
    assert "not offered in us-east-1" in api(*more, base_url="https://dashscope-us.aliyuncs.com").err


def test_what_is_under_way_is_not_estimated_again(api, run, emulator, work):
    emulator.batch_polls = (0, 10**6, 0)
    asked = api("--estimate", "--json").document
    before = asked["estimate"]["high"]
    assert asked["model"] == "qwen3.7-plus"
    given = api("--no-wait").out.strip()
    done = api("--estimate", "--json").document
    assert before > 0 and done["estimate"]["high"] == 0 and (done["rows"], done["under_way"]) == (0, ROWS), done
    done = api("--dry-run").document
    assert (done["would_send"], done["task_id"]) == (0, given) and len(done["under_way"]) == 1, done
    assert run("Tell {word}", *API, "--estimate").code == 5, "other flags cannot be sent either"


def test_regions_and_keys(api, emulator):
    assert "not offered" in api(base_url="https://dashscope-us.aliyuncs.com").err
    assert api(key=PLAN_KEY).code == 3 and not emulator.requests


def test_large_pictures_and_ocr_are_refused(run, emulator, work):
    from tests import media_samples
    (work / "big.png").write_bytes(media_samples.png(64, 64) + bytes(8_000_000))
    (work / "a.png").write_bytes(media_samples.png(64, 64))
    (work / "rows.csv").write_text("image\nbig.png\n")
    assert "too large to travel inside" in run("What?", *API, skill="qianwen-vision").err
    (work / "rows.csv").write_text("image\na.png\n")
    done = run(*API, "--ocr", "table_parsing", skill="qianwen-vision")
    assert done.code == 2 and "another API" in done.err and not emulator.requests, done


# ---- what the service makes of it ------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["response", "null", "flat"])
def test_failed_and_missing_rows(api, emulator, work, sheet, form):
    emulator.batch_error_form = form
    (work / "rows.csv").write_text("id,word\na,[emulator:row-failed]\nb,[emulator:row-missing]\nc,fine\n")
    done = api("--json")
    assert done.code == 11 and {name: counts(done)[name] for name in ("done", "failed", "in_doubt")} == {
        "done": 1, "failed": 1, "in_doubt": 1}, done
    assert "line 2 (a): " in done.err and "same command again" in done.err
    assert [(line["id"], line["ok"]) for line in results(work / "out")] == [("a", False), ("b", False), ("c", True)]
    sheet(0)
    (work / "rows.csv").write_text("id,word\na,one\nb,two\nc,fine\n")
    assert api().code == 11 and set(billed(emulator)) == {"Say fine", "Say one"}, "the row that came with no result is not sent unasked"
    assert api("--again").code == 0 and set(billed(emulator).values()) == {1} and len(billed(emulator)) == 3


@pytest.fixture
def told(monkeypatch):
    """`told(change)`: the service tells of jobs what `change(its answer)` makes of it."""
    from tests.emulator.batches import Batch
    as_json = Batch.as_json

    def start(change):
        monkeypatch.setattr(Batch, "as_json", lambda batch: change(as_json(batch)))
    return start


@pytest.mark.parametrize("counts_told", [None, {"total": 0, "completed": 0, "failed": 0}, {"total": "6", "completed": "6", "failed": "0"}])
def test_a_job_that_ran_to_its_end_without_results_is_in_doubt(api, emulator, work, told, counts_told):
    """Its counts say nothing of that: they may be missing, nought, or texts."""
    told(lambda job: {**job, "output_file_id": None, "error_file_id": None, "request_counts": counts_told}
         if job["status"] == "completed" else job)
    done = api("--json")
    assert done.code == 6 and counts(done)["in_doubt"] == ROWS and "not billed" not in done.err, done
    assert emulator.files and next(iter(emulator.batches)) in done.err, "the files stay, and the job is named"
    assert api().code == 11 and len(emulator.batches) == 1, "only --again pays once more"


def test_a_row_that_comes_twice_is_not_taken_for_another(api, emulator, work, altered):
    altered(lambda lines: [lines[0], *lines[:-1]])
    done = api("--json")
    assert done.code == 11 and (counts(done)["done"], counts(done)["in_doubt"]) == (ROWS - 1, 1), done
    assert emulator.files and "no longer has the rows" not in done.err and api().code == 11 and len(emulator.batches) == 1


def test_a_job_that_fails_at_validation(api, emulator, home, work):
    emulator.batch_refused_models = {"qwen-plus"}
    done = api("--model", "qwen-plus", "--json")
    said = "line 1 of the job's own file: The provided model 'qwen-plus' is not supported by the Batch API"
    assert done.code == 8 and said in done.document["error"]["message"], done
    assert counts(done)["not_started"] == ROWS and records(home) == [] and not emulator.files and not emulator.creates
    assert done.err.count(" again") == 1 and "correct the rows or the flags" in done.err
    assert api("--model", "qwen-flash").code == 0


def test_cancel_then_fetch_what_was_done(api, run, emulator, home, work):
    emulator.batch_polls = (0, 10**6, 0)
    given = api("--no-wait").out.strip()
    assert run("--cancel", given).out == f"{given} cancelled\n"
    done = run("--resume", given, "--poll", "0.02", "--json")
    assert done.code == 11 and counts(done)["done"] == 3 and counts(done)["not_started"] == 3, done
    assert done.err.count(" again") == 1 and "run the command with --batch again" in done.err, done
    emulator.batch_polls = (0, 0, 0)
    assert api().code == 0
    check_clean(emulator, home, work)


@pytest.mark.parametrize("is_seen", [False, True])
def test_jobs_that_have_ended_are_not_cancelled(api, run, emulator, home, work, is_seen):
    """Whether a look or the service's refusal tells of the end: what they made is fetched."""
    emulator.batch_polls = (0, 0, 0)
    given = api("--no-wait").out.strip()
    (record,) = (home / ".local" / "state" / "qianwen" / "tasks").glob("*.json")
    unseen = record.read_text("utf-8")
    assert run("--status", given).out.startswith("SUCCEEDED")
    if not is_seen:
        record.write_text(unseen, "utf-8")
    for _ in range(2):
        refused = run("--cancel", given, "--json")
        error = refused.document["error"]
        assert refused.code == 8 and "it has ended (completed)" in error["message"] and f"--resume {given}" in error["fix"], refused
        assert refused.document["task_id"] == given and refused.document["resume"] in error["fix"] and len(records(home)) == 1
    assert run("--resume", given, "--poll", "0.02").code == 0
    check_clean(emulator, home, work)


def test_an_expired_job(api, emulator, home, work):
    started = time.time()
    emulator.batch_polls = (0, 10**6, 0)
    api("--no-wait")
    emulator.clock = lambda: started + 86400 + 60
    done = api("--json")
    assert done.code == 11 and "expired" in done.document["error"]["message"] and counts(done)["done"] == 3, done
    emulator.clock, emulator.batch_polls = time.time, (0, 0, 0)
    assert api().code == 0
    check_clean(emulator, home, work)


def test_files_stay_when_wanted(api, emulator):
    """Whichever of the commands that go on with the jobs says so."""
    assert api("--no-wait").code == 0 and api("--keep-documents").code == 0 and len(emulator.files) == 2


def test_files_that_the_service_keeps_are_named(api, emulator):
    emulator.files = type("Kept", (dict,), {"__delitem__": lambda *_: None})()
    done = api()
    assert done.code == 0 and "could not be deleted from the account: file-" in done.err, done


def test_answers_of_rows_that_are_gone_are_kept(api, run, emulator, home, work, sheet):
    given = api("--no-wait").out.strip()
    sheet(2)
    done = run("--resume", given, "--poll", "0.02")
    assert done.code == 0 and "no longer has the rows of 4 results" in done.err, done
    lines = results(work / "out")
    assert len(lines) == ROWS and sum(line["row"] == 0 for line in lines) == 4 and all(line["text"] for line in lines)


# ---- what the service no longer has ------------------------------------------------------------------------------------

@pytest.fixture
def listed(emulator, monkeypatch):
    """What is not in the service's list by now is not there, and jobs end at once."""
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.0)
    emulator.batch_polls = (0, 0, 0)


@pytest.fixture
def two_jobs(listed, run, emulator, home, work):
    """Two jobs of two rows each, both ended; the id of the batch."""
    models = ("qwen3.7-plus", "qwen-plus")
    write(work / "rows.jsonl", *({"id": f"{model} {number}", "prompt": f"{model} {number}", "model": model} for number in (1, 2) for model in models))
    given = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--no-wait").out.strip()
    return given


def test_a_job_that_is_gone_holds_up_no_other(two_jobs, run, emulator, home, work):
    gone, other = emulator.batches
    inputs = {job["batch"]: job["input"] for job in records(home)[0]["jobs"]}
    del emulator.batches[gone]
    done = run("--resume", two_jobs, "--poll", "0.02", "--json")
    assert done.code == 11 and (counts(done)["done"], counts(done)["in_doubt"]) == (2, 2), done
    (warning,) = done.document["warnings"]
    assert f"the results of 2 rows are not there, so the files of {gone} stay in the account: {inputs[gone]}. " in warning, done
    assert list(emulator.files) == [inputs[gone]] and records(home) == [] and "not billed" not in done.err
    again = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--poll", "0.02")
    assert again.code == 11 and sum(map(is_create, emulator.requests)) == 2, again


@pytest.mark.parametrize("is_given_up", [False, True])
def test_a_job_whose_file_is_gone_waits_until_it_is_given_up(two_jobs, run, emulator, home, work, is_given_up):
    assert run("--status", two_jobs).code == 0
    gone = next(name for name in emulator.files if "output" in name)
    file = emulator.files.pop(gone)
    for _ in range(2):
        done = run("--resume", two_jobs, "--poll", "0.02", "--json")
        error = done.document["error"]
        assert done.code == 8 and gone in error["message"] and f"--cancel {two_jobs}" in error["fix"], done
        assert (counts(done)["kept"] + counts(done)["done"], counts(done)["in_doubt"], len(records(home))) == (2, 0, 1), done
    if is_given_up:
        assert run("--cancel", two_jobs).code == 0
    else:
        emulator.files[gone] = file
    done = run("--resume", two_jobs, "--poll", "0.02", "--json")
    assert done.code == 11 * is_given_up and counts(done)["in_doubt"] == 2 * is_given_up and records(home) == [], done
    assert len(emulator.files) == is_given_up, "its input stays, and is named"
    assert all(name in done.err for name in emulator.files) and gone not in done.err and sum(map(is_create, emulator.requests)) == 2


def is_create(request) -> bool:
    return request.method == "POST" and request.path.endswith("/batches")


def test_jobs_that_another_account_may_have_wait_for_its_key(listed, api, run, emulator, home, work):
    given = api("--no-wait").out.strip()
    kept = dict(emulator.batches)
    emulator.batches.clear()
    for done in (run("--resume", given, "--poll", "0.02", "--json"), api("--json")):
        error = done.document["error"]
        assert done.code == 8 and f"does not know {next(iter(kept))}" in error["message"] and "30 days" in error["cause"], done
        assert f"--resume {given}" in error["fix"] and f"--cancel {given}" in error["fix"] and len(records(home)) == 1, done
    status = run("--status", given)
    assert status.out.startswith("UNKNOWN: ") and "keeps jobs for 30 days" in status.err, status
    emulator.batches.update(kept)
    assert run("--resume", given, "--poll", "0.02").code == 0
    check_clean(emulator, home, work)


def test_jobs_that_nobody_has_can_be_given_up(listed, api, run, emulator, home, work):
    """Twice, because the first word may come with the wrong key; their rows are in doubt, and not sent unasked."""
    given = api("--no-wait").out.strip()
    emulator.batches.clear()
    assert run("--cancel", given).code == 8
    cancelled = run("--cancel", given)
    assert cancelled.out == f"{given} cancelled\n" and "rows may have been billed; note them as in doubt with: " in cancelled.err, cancelled
    assert run("--status", given).out.startswith("UNKNOWN: ")
    done = run("--resume", given, "--poll", "0.02", "--json")
    assert done.code == 6 and counts(done)["in_doubt"] == ROWS and records(home) == [], done
    assert api().code == 11 and sum(map(is_create, emulator.requests)) == 1


def test_jobs_that_are_too_old_are_over(listed, api, run, emulator, home, work):
    given = api("--no-wait").out.strip()
    emulator.batches.clear()
    path = home / ".local" / "state" / "qianwen" / "tasks" / f"{given}.json"
    path.write_text(json.dumps({**records(home)[0], "created": time.time() - 45 * 86400}))
    done = run("--resume", given, "--poll", "0.02", "--json")
    assert done.code == 6 and counts(done)["in_doubt"] == ROWS and records(home) == [], done


# ---- this machine has changed by the fetch ------------------------------------------------------------------------------

def test_answers_about_pictures_that_are_gone_are_saved(run, emulator, home, work):
    from tests import media_samples
    (work / "rows.csv").write_text("id,image\nA,a.png\nB,b.png\nC,c.png\n")
    for name in "abc":
        (work / f"{name}.png").write_bytes(media_samples.png(64, 64))
    given = run("Which colour?", *API, "--no-wait", skill="qianwen-vision").out.strip()
    (work / "a.png").unlink()
    (work / "b.png").write_text("no picture")
    done = run("--resume", given, "--poll", "0.02", "--json", skill="qianwen-vision")
    assert done.code == 0 and counts(done)["done"] == 3 and "2 answers could not be taken as the row wants" in done.err, done
    lines = results(work / "out")
    assert all(line["ok"] and line["text"] and line["billing"]["cost"]["known"] for line in lines), lines
    assert "a.png does not exist" in lines[0]["warnings"][0] and "whatever its name says" in lines[1]["warnings"][0], lines
    assert [bool(row["text"]) for row in table(work / "out")] == [True] * 3 and records(home) == [] and not emulator.files


def test_answers_whose_files_are_there_already_are_saved(run, emulator, home, work, monkeypatch):
    """A run was killed between the file of a row and its line."""
    write(work / "rows.jsonl", {"prompt": "a", "output": "a.md"}, {"prompt": "[emulator:row-failed]", "output": "b.md"})
    given = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--no-wait").out.strip()
    for name in "ab":
        (work / "out" / f"{name}.md").write_text("there")
    done = run("--resume", given, "--poll", "0.02", "--json")
    assert done.code == 11 and (counts(done)["done"], counts(done)["failed"]) == (1, 1), done
    saved, failed = results(work / "out")
    assert saved["ok"] and saved["text"] and "a.md exists already" in saved["warnings"][0], saved
    assert "exists" not in failed["error"]["message"] and (work / "out" / "a.md").read_text() == "there", failed


CALL = {"id": "c", "type": "function", "index": 0, "function": {"name": "now", "arguments": "{}"}}


@pytest.mark.parametrize("reason, content, code, fields", [
    ("content_filter", "half of", 10, {"partial"}), ("stop", '{"m": "no"}', 8, {"partial"}), ("length", '{"mood": "go', 8, {"partial"}),
    ("tool_calls", "Let me see", None, {"tool_calls", "finish_reason", "reasoning"}), ("stop", '{"mood": "good"}', None, {"data"})])
def test_answers_whose_files_are_gone_are_judged_like_any(run, emulator, work, altered, reason, content, code, fields):
    (work / "s.json").write_text(json.dumps(MOOD))
    (work / "x.txt").write_text("hello")
    write(work / "rows.jsonl", {"prompt": "a", "attach": "x.txt"})
    given = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--schema", "s.json", "--no-wait").out.strip()
    (work / "x.txt").unlink()

    def change(lines):
        line = json.loads(lines[0])
        (choice,) = line["response"]["body"]["choices"]
        calls = {"tool_calls": [CALL]} if reason == "tool_calls" else {}
        choice.update(finish_reason=reason, message={"content": content, "reasoning_content": "hm", **calls})
        return [json.dumps(line).encode()]
    altered(change)
    done = run("--resume", given, "--poll", "0.02", "--json")
    (line,) = results(work / "out")
    assert line["ok"] == (code is None) and line.get("exit_code") == code and fields <= set(line), (done, line)
    assert "x.txt does not exist" in line["warnings"][0] and line["billing"]["cost"]["known"], line
    (spent,) = run("--spent", "--json").document["spent"]["by"]
    assert spent["calls"] == 1 and done.code == (code or 0), done


def test_answers_that_a_killed_run_has_saved_are_not_warned_of(run, emulator, home, work, monkeypatch):
    write(work / "rows.jsonl", {"prompt": "a", "output": "a.md"}, {"prompt": "b", "output": "b.md"})
    given = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--no-wait").out.strip()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.batch.landing.Landing._settle", lambda self, jobs, tally: 1 / 0)
        assert run("--resume", given, "--poll", "0.02").code == 1
    before = results(work / "out")
    done = run("--resume", given, "--poll", "0.02", "--json")
    assert done.code == 0 and not done.document["warnings"] and results(work / "out") == before and records(home) == [], done
    (spent,) = run("--spent", "--json").document["spent"]["by"]
    assert spent["calls"] == 2 and spent["units"]["input_tokens"] == sum(line["usage"]["prompt_tokens"] for line in before)


def test_files_are_replaced_as_the_command_said(run, emulator, work):
    write(work / "rows.jsonl", {"prompt": "a", "output": "a.md"})
    given = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--overwrite", "--no-wait").out.strip()
    (work / "out" / "a.md").write_text("old")
    assert run("--resume", given, "--poll", "0.02").code == 0 and (work / "out" / "a.md").read_text() != "old"
    assert results(work / "out")[0]["files"]


@pytest.mark.parametrize("name", ["s.json", "rows.csv"])
def test_what_all_rows_need_is_asked_for_before_results_are_taken(api, run, emulator, home, work, name):
    (work / "s.json").write_text(json.dumps(MOOD))
    given = api("--schema", "s.json", "--no-wait").out.strip()
    (work / name).rename(work / "away")
    done = run("--resume", given, "--poll", "0.02", "--json")
    assert done.code == 2 and name in done.document["error"]["message"] and done.document["task_id"] == given, done
    assert f"--resume {given}" in done.document["error"]["fix"] and len(records(home)) == 1
    (work / "away").rename(work / name)
    assert run("--resume", given, "--poll", "0.02").code == 0
    check_clean(emulator, home, work)


def moved(work):
    away = work.with_name("away")
    work.rename(away)
    return lambda: away.rename(work)


def broken(work):
    rows = (work / "rows.csv").read_bytes()
    (work / "rows.csv").write_bytes(rows.replace(b"r1", b"r0"))
    return lambda: (work / "rows.csv").write_bytes(rows)


def a_file(work):
    (work / "out").rmdir()
    (work / "out").write_text("x")
    return lambda: (work / "out").unlink()


def foreign(work):
    (work / "out" / "results.jsonl").write_text("not ours\n")
    return lambda: (work / "out" / "results.jsonl").unlink()


def a_folder(work):
    (work / "out" / "results.jsonl").mkdir()
    return lambda: (work / "out" / "results.jsonl").rmdir()


@pytest.mark.parametrize("change, advice", [
    (moved, "make it available again"), (broken, "correct the file; then"), *((change, "move what is in the way to another place, ") for change in (
        a_file, foreign, a_folder))])
def test_what_keeps_jobs_from_being_fetched_is_told_with_what_to_do(api, run, emulator, home, work, change, advice):
    """Of that, nothing makes new jobs or is refused with --resume."""
    given = api("--no-wait").out.strip()
    undo = change(work)
    done = run("--resume", given, "--poll", "0.02", "--json", cwd=home)
    error = done.document["error"]
    assert done.code in (2, 7) and error["fix"].startswith(advice), done
    assert f"; then go on with: {done.document['resume']}" in error["fix"] and "--output" not in error["fix"], done
    undo()
    assert run("--resume", given, "--poll", "0.02", cwd=home).code == 0
    check_clean(emulator, home, work)


# ---- other commands beside a run ------------------------------------------------------------------------------------------

@pytest.fixture
def beside(monkeypatch):
    """`beside(name, do, at)`: another command does this in front of the call number `at` of the method of Jobs, or behind it."""
    from shared.batch.service import Jobs

    def start(name, do, at=1, behind=False):
        method, calls = getattr(Jobs, name), []

        def called(jobs, *arguments, **named):
            calls.append(1)
            is_now = len(calls) == at
            if is_now and not behind:
                do()
            found = method(jobs, *arguments, **named)
            if is_now and behind:
                do()
            return found
        monkeypatch.setattr(Jobs, name, called)
    return start


def test_a_status_does_not_bring_back_what_was_fetched_meanwhile(api, run, emulator, home, work, beside):
    given = api("--no-wait").out.strip()
    beside("_look_at", lambda: run("--resume", given, "--poll", "0.02"), behind=True)
    assert run("--status", given).code == 0
    check_clean(emulator, home, work)
    assert "was fetched already" in run("--resume", given).err


def test_a_status_does_not_bring_back_what_a_job_was_before(run, emulator, home, work, beside):
    """It looks at the first job while the second is made."""
    write(work / "rows.jsonl", *({"prompt": model, "model": model} for model in ("qwen3.7-plus", "qwen-plus")))
    batch = ("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--poll", "0.02")
    given = run(*batch, "--no-wait").out.strip()
    (as_it_was,) = records(home)
    first, second = as_it_was["jobs"]
    path = home / ".local" / "state" / "qianwen" / "tasks" / f"{given}.json"
    now = path.read_text()
    path.write_text(json.dumps({**as_it_was, "jobs": [first, {**second, "state": "written", "batch": "", "input": ""}]}))
    beside("_look_at", lambda: path.write_text(now), behind=True)
    assert run("--status", given).code == 0
    assert [(job["state"], job.get("batch")) for job in records(home)[0]["jobs"]] == [("created", job["batch"]) for job in (first, second)]
    done = run(*batch, "--json")
    assert done.code == 0 and counts(done)["done"] == 2 and len(emulator.batches) == 2 and records(home) == [], done


@pytest.mark.parametrize("first", ["created", "written"])
def test_a_job_whose_file_is_gone_before_it_is_sent_is_made_anew(run, emulator, home, work, first):
    write(work / "rows.jsonl", *({"prompt": model, "model": model} for model in ("qwen3.7-plus", "qwen-plus")))
    batch = ("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--poll", "0.02", "--json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.batch.service.Jobs._submit_job", stop_at(2 if first == "created" else 1))
        assert run(*batch).code == 130
    (record,) = records(home)
    for job in record["jobs"]:
        if os.path.exists(job["file"]):
            os.unlink(job["file"])
    done = run(*batch)
    assert done.code in (8, 11) and counts(done)["not_started"] == len(record["jobs"]) - counts(done)["done"], done
    assert "not run: " in done.err and records(home) == [], done
    assert run(*batch).code == 0 and set(billed(emulator).values()) == {1} and len(results(work / "out")) == 2


def stop_at(number):
    from shared.batch.service import Jobs
    submit = Jobs._submit_job

    def stopped(jobs, job, at):
        if at == number:
            raise KeyboardInterrupt
        submit(jobs, job, at)
    return stopped


def test_no_job_is_made_for_a_batch_that_was_cancelled_meanwhile(run, emulator, home, work, beside):
    emulator.batch_polls = (0, 10**6, 0)
    write(work / "rows.jsonl", *({"prompt": model, "model": model} for model in ("qwen3.7-plus", "qwen-plus")))
    beside("_create", lambda: run("--cancel", records(home)[0]["id"]), at=2)
    done = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--json")
    given = records(home)[0]["id"]
    assert done.code == 8 and "cancelled by another command" in done.err and given in done.document["resume"], done
    assert [batch.status for batch in emulator.batches.values()] == ["cancelling"]
    assert run("--resume", given, "--poll", "0.02").code in (8, 11) and records(home) == [] and not emulator.files
    assert len(emulator.batches) == 1


def test_a_batch_that_is_cancelled_before_its_first_job_leaves_nothing(api, run, emulator, home, work, beside):
    beside("_create", lambda: run("--cancel", records(home)[0]["id"]))
    done = api("--json")
    assert done.code == 8 and "cancelled by another command" in done.err, done
    assert records(home) == [] and not emulator.files and not emulator.batches


def test_a_job_that_is_made_while_its_batch_is_cancelled_is_cancelled_as_well(listed, run, emulator, home, work, beside):
    emulator.batch_polls = (0, 10**6, 0)
    write(work / "rows.jsonl", *({"prompt": model, "model": model} for model in ("qwen3.7-plus", "qwen-plus")))
    beside("_check_wanted", lambda: run("--cancel", records(home)[0]["id"]), at=2, behind=True)
    done = run("--batch", "rows.jsonl", "--batch-api", "-o", "out", "--no-think", "--json", "--poll", "0.02")
    assert done.code == 8 and [batch.status for batch in emulator.batches.values()] == ["cancelling"] * 2, done
    assert run("--resume", records(home)[0]["id"], "--poll", "0.02").code in (8, 11) and records(home) == [] and not emulator.files


@pytest.mark.parametrize("method", ["fetch", "delete_files"])
def test_an_interrupt_at_the_end_says_how_to_go_on(api, run, emulator, home, work, monkeypatch, method):
    def interrupted(*_):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(f"shared.batch.service.Jobs.{method}", interrupted)
        done = api()
    given = records(home)[0]["id"]
    assert done.code == 130 and f"--resume {given}" in done.err and "run the command again" not in done.err, done
    assert done.out.split() == ([f"out/{name}" for name in ("results.jsonl", "results.csv")] if method == "delete_files" else []), done
    assert run("--resume", given, "--poll", "0.02").code == 0
    check_clean(emulator, home, work)


@pytest.mark.parametrize("submitted", [False, True])
def test_an_interrupt_in_the_call_of_a_row_ends_the_command_and_not_the_row(api, emulator, home, work, monkeypatch, submitted):
    """Neither while the rows become files, nor while their answers are taken."""
    if submitted:
        assert api("--no-wait").code == 0

    def interrupted(*_):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr("shared.chat.turn.Turn._exchange", interrupted)
        done = api()
    assert done.code == 130 and ("--resume" if submitted else "run the command again") in done.err and "twice" not in done.err, done
    assert api().code == 0 and len(emulator.batches) == 1
    check_clean(emulator, home, work)


# ---- results of a strange form ----------------------------------------------------------------------------------------

@pytest.fixture
def altered(monkeypatch):
    """`altered(change)`: files of results come as `change(their lines)`, wherever they are fetched."""
    from shared.batch.service import Jobs
    fetch = Jobs.fetch

    def start(change):
        def fetched(jobs, file_id, file):
            fetch(jobs, file_id, file)
            file.seek(0)
            lines = file.read().splitlines()
            file.seek(0)
            file.truncate()
            file.write(b"\n".join(change(lines)))
        monkeypatch.setattr(Jobs, "fetch", fetched)
    return start


ODD = {"foreign": b'{"custom_id":"summary","response":null,"error":null}', "number": b'{"custom_id":7}', "negative": b'{"custom_id":"-5"}',
       "long": b'{"custom_id":"' + b"f" * 20 + b'"}', "deep": b"[" * 100_000, "torn": b'{"id":"x","custom', "no-text": b"\xff\xfe{", "no-id": b"{}"}


@pytest.mark.parametrize("name", ODD)
def test_a_line_that_is_no_row_hides_no_other(api, emulator, home, work, altered, name):
    altered(lambda lines: [*lines[:3], ODD[name], *lines[3:]])
    done = api("--json")
    assert done.code == 0 and counts(done)["done"] == ROWS and records(home) == [], done
    (warning,) = done.document["warnings"]
    assert "1 line that cannot be read or name no row" in warning and len(emulator.files) == 2, "nothing paid is deleted"
    assert all(file in warning for file in emulator.files if "output" in file), warning
    assert api().code == 0 and set(billed(emulator).values()) == {1}


@pytest.mark.parametrize("change", [lambda lines: [lines[0], b"", b" ", *lines[1:], b"", b""], lambda lines: [line + b"\r" for line in lines],
                                    lambda lines: [b"\xef\xbb\xbf" + lines[0], *lines[1:]]])
def test_blank_lines_are_no_lines(api, emulator, home, work, altered, change):
    altered(change)
    assert api().code == 0
    check_clean(emulator, home, work)


@pytest.mark.parametrize("end", [30, 120])
def test_a_row_whose_line_is_torn_is_not_paid_again_unasked(api, emulator, home, work, altered, end):
    """Its line is kept where it says whose it is."""
    altered(lambda lines: [*lines[:5], lines[5][:end]])
    done = api("--json")
    assert done.code == 11 and (counts(done)["done"], counts(done)["in_doubt"]) == (5, 1) and len(emulator.files) == 2, done
    (lost,) = [line for line in results(work / "out") if not line["ok"]]
    assert lost["in_doubt"] and ("partial" in lost) == (end == 120), lost
    assert api().code == 11 and set(billed(emulator).values()) == {1} and "--again" in done.err
    altered(lambda lines: lines)
    assert api("--again").code == 0 and sorted(billed(emulator).values()) == [1] * 5 + [2]


def test_a_file_that_is_none_of_results_waits_and_the_others_are_saved(api, run, emulator, home, work, altered):
    (work / "rows.csv").write_text("id,word\na,[emulator:row-failed]\nb,fine\n")
    altered(lambda lines: [b"<html>log in</html>"] if json.loads(lines[0])["error"] else lines)
    done = api("--json")
    assert done.code == 6 and [line["ok"] for line in results(work / "out")] == [True] and len(records(home)) == 1, done
    altered(lambda lines: lines)
    done = run("--resume", records(home)[0]["id"], "--poll", "0.02")
    assert done.code == 11 and [line["ok"] for line in results(work / "out")] == [False, True] and not emulator.files, done


def test_results_that_the_service_counts_and_does_not_show_are_in_doubt(api, emulator, home, work, altered):
    altered(lambda lines: lines[:-2])
    done = api("--json")
    assert done.code == 11 and (counts(done)["done"], counts(done)["in_doubt"]) == (4, 2) and len(emulator.files) == 2, done
    assert "the results of 2 rows are not there" in done.err and "not billed" not in done.err
    assert api().code == 11 and set(billed(emulator).values()) == {1}


def answer_with(message=None, **changed):
    """A change of the first line: its answer has this message, its response these fields."""
    def change(lines):
        first = json.loads(lines[0])
        first["response"].update(changed)
        if message:
            first["response"]["body"]["choices"][0]["message"] = message
        return [json.dumps(first).encode(), *lines[1:]]
    return change


@pytest.mark.parametrize("change", [
    answer_with({"role": "assistant", "content": {"text": ["PAIDANSWER"]}}), answer_with({"content": "PAIDANSWER", "tool_calls": ["c"]}),
    answer_with(body="PAIDANSWER"), answer_with(body={"answer": "PAIDANSWER"}),
    answer_with(body={"choices": "PAIDANSWER"}), answer_with(body=[{"choices": ["PAIDANSWER"]}])])
def test_an_answer_of_an_odd_form_is_kept_and_not_paid_again_unasked(api, emulator, work, altered, change):
    altered(change)
    done = api("--json")
    assert done.code == 11 and counts(done)["done"] == ROWS - 1, done
    (odd,) = [line for line in results(work / "out") if not line["ok"]]
    assert "PAIDANSWER" in json.dumps(odd) and "paid again" not in done.err and "QWEN_BASE_URL" not in json.dumps(odd), odd
    assert api().code == 11 and set(billed(emulator).values()) == {1} and "PAIDANSWER" in json.dumps(results(work / "out"))


@pytest.mark.parametrize("error", [{}, {"code": None, "message": ""}])
def test_an_error_without_content_is_none(api, emulator, home, work, altered, error):
    altered(lambda lines: [json.dumps({**json.loads(line), "error": error}).encode() for line in lines])
    assert api().code == 0
    check_clean(emulator, home, work)


def test_a_row_that_is_refused_without_a_status_is_not_worth_repeating(api, work, altered):
    error = {"response": None, "error": {"code": "model_not_found", "message": "The model does not exist"}}
    altered(lambda lines: [json.dumps({**json.loads(line), **error}).encode() for line in lines])
    done = api()
    assert done.code == 8 and "correct the rows named above" in done.err and "same command again" not in done.err, done
    assert "there is no model 'qwen3.7-plus' at" in results(work / "out")[0]["error"]["cause"]


# ---- faults ----------------------------------------------------------------------------------------------------------

PARAMETERS = {"download-short": {"at": 300}, "error": {"status": 404, "code": "not_found"}}
UPLOAD, CREATE, POLL, FETCH = "/files", "/batches", "/batches/", "/content"


@pytest.mark.parametrize("path, fault, times, code", [
    (UPLOAD, "401", None, 3), (UPLOAD, "403", None, 3), (UPLOAD, "429", None, 4), (UPLOAD, "500", None, 8), (UPLOAD, "503", None, 8),
    (UPLOAD, "reset-before-body", None, 6), (UPLOAD, "arrearage", None, 4), (UPLOAD, "500", 1, 0), (UPLOAD, "accept-then-reset", 1, 0),
    (CREATE, "401", None, 3), (CREATE, "429", 1, 0), (CREATE, "accept-then-reset", 1, 0), (CREATE, "answer-lost", 1, 0),
    (CREATE, "accept-then-500", 1, 8), (CREATE, "500", 1, 8), (CREATE, "reset-before-body", 1, 0), (CREATE, "arrearage", None, 4),
    (POLL, "401", 1, 3), (POLL, "429", 2, 0), (POLL, "500", 2, 0), (POLL, "reset-before-body", 2, 0), (POLL, "poll-damaged", 1, 0),
    (POLL, "poll-html", 1, 0), (POLL, "error", 1, 8),
    (FETCH, "401", None, 3), (FETCH, "429", 1, 0), (FETCH, "500", 1, 0), (FETCH, "reset-before-body", 1, 0), (FETCH, "500", None, 8),
    (FETCH, "download-short", 1, 0), (FETCH, "reset-before-body", None, 6), (FETCH, "html-200", 1, 0), (FETCH, "html-200", None, 6),
])
def test_every_step_may_fail(api, run, emulator, home, work, monkeypatch, path, fault, times, code):
    """The exit code is one of the contract's, the message has the way to go on, and going on pays nothing twice."""
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.0)
    emulator.inject(fault, path=path, times=times, **PARAMETERS.get(fault, {}))
    done = run_here(run, "--retries", "1", "--json")
    assert done.code == code, done
    if done.code:
        assert done.document["error"]["fix"], done
        created = len(emulator.batches)
        if emulator.files and not created and not records(home):  # what cannot be deleted is named
            assert path == UPLOAD and all(file.filename.rpartition("-")[0] in done.err for file in emulator.files.values()), done
            emulator.files.clear()
        assert (records(home) != []) == bool(created or path == CREATE and times) or done.document.get("resume"), done
        emulator.faults.clear()
        for given in [record["id"] for record in records(home)]:
            assert given in done.document["resume"], done
            done = run("--resume", given, "--poll", "0.02")
            assert done.code == 0, done
        assert run_here(run).code == 0
    assert len(emulator.batches) == 1
    check_clean(emulator, home, work)


def run_here(run, *arguments):
    return run("Say {word}", *API, *arguments)


def test_a_list_that_is_late_is_waited_for(monkeypatch):
    """A create without an answer that is not listed yet is not created again before the list must show it."""
    from shared.batch.service import CREATING, Jobs
    jobs = Jobs.__new__(Jobs)
    now, looks = [100.0], []
    jobs.journal = type("Journal", (), {"clock": staticmethod(lambda: now[0])})
    jobs.sleep = lambda seconds: now.__setitem__(0, now[0] + seconds)
    jobs._find = lambda job: looks.append(now[0]) or len(looks) > 1
    assert jobs._find_patiently({"state": CREATING, "asked": 98.0}) and looks == [100.0, 113.0]


@pytest.mark.parametrize("data", [None, 5, "x", {"id": "y"}, [5, None, {"id": 7}]])
def test_a_list_of_a_strange_form_has_nothing(data):
    from shared.batch.service import Jobs
    jobs = Jobs.__new__(Jobs)
    jobs.record = {"id": "q-1", "jobs": []}
    endpoint, reply = type("Endpoint", (), {"compatible": "http://x"}), type("Reply", (), {"body": {"data": data, "has_more": True}})
    jobs.client = type("Client", (), {"endpoint": endpoint, "json": staticmethod(lambda request, safety: reply)})
    assert not jobs._find({"input": "file-1"}) and jobs._uploaded() == []


def test_looks_are_a_minute_apart():
    """By a clock of the test: the first look at once, then never sooner than after a minute, and slower with time."""
    from shared.batch.service import CREATED, Jobs
    now, looks = [0.0], []
    jobs = Jobs.__new__(Jobs)
    record = {"id": "q-1", "task_id": "q-1", "created": 0.0, "state": "running", "jobs": [
        {"state": CREATED, "status": "", "rows": 1, "batch": "batch_1"}]}
    jobs.record, jobs.pace, jobs.clock, jobs.usual = record, (71.0, 300.0), lambda: now[0], ""
    jobs.sleep = lambda seconds: now.__setitem__(0, now[0] + seconds)
    jobs.console = type("Console", (), {"stderr": sys.stderr, "note": staticmethod(lambda text: None),
                                        "redraw": staticmethod(lambda text: None)})
    jobs.save = lambda **named: None

    def look_at(job):
        looks.append(now[0])
        job["status"] = "completed" if len(looks) == 8 else "in_progress"
    jobs._look_at = look_at
    jobs.wait(record, 86400)
    gaps = [after - before for before, after in zip(looks, looks[1:])]
    assert looks[0] == 0 and min(gaps) >= 60 and gaps[-1] > 200 and max(gaps) <= 345


def test_poll_is_a_minute_at_least_at_the_service(monkeypatch):
    from types import SimpleNamespace
    from shared.batch.api import ApiBatch
    made = ApiBatch.__new__(ApiBatch)
    for kind, poll, pace in (("dashscope", 0.5, (60.0, 60.0)), ("loopback", 0.5, (0.5, 0.5)), ("dashscope", None, (71.0, 300.0)),
                             ("gateway", 200, (71.0, 200))):
        made._options = SimpleNamespace(poll=poll)
        made._session = SimpleNamespace(endpoint=SimpleNamespace(kind=kind), client=lambda: None, payments=None)
        made.journal = made._console = None
        assert made.jobs({}).pace == pace


# ---- kills -----------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("path", [UPLOAD, CREATE, POLL, FETCH, "DELETE"])
@pytest.mark.parametrize("late", range(4))
def test_a_kill_at_any_step_pays_nothing_twice(api, emulator, home, work, monkeypatch, path, late):
    """Killed while a request is under way, or at three moments after it was answered; then the same command again."""
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.0)
    emulator.batch_polls = (0, 1, 0)
    if not late:
        emulator.inject("slow-first-byte", times=1, seconds=60, path="/files/file-batch-" if path == "DELETE" else path)
    process = start(emulator, home, work)
    until(lambda: process.poll() is not None or any(_is(request, path) for request in list(emulator.requests)))
    if late:
        time.sleep(random.Random(f"{path} {late}").random() * 0.03 * late)
    process.send_signal(signal.SIGKILL)
    process.wait()
    emulator.faults.clear()
    emulator.settle()
    done = api()
    assert done.code == 0, done
    assert len(emulator.batches) == 1
    check_clean(emulator, home, work)


def _is(request, path: str) -> bool:
    return request.method == "DELETE" if path == "DELETE" else path in request.path


def start(emulator, home, work):
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **BYTECODE, "DASHSCOPE_API_KEY": STANDARD_KEY,
                   "QWEN_BASE_URL": emulator.url}
    return subprocess.Popen([sys.executable, str(SCRIPTS["qianwen-text"]), "Say {word}", *API], cwd=work, env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_kill_while_results_are_written(api, emulator, home, work, sheet):
    """The folder has some lines already, one of them torn: they are fetched again, none is there twice."""
    api("--no-wait")
    process = start(emulator, home, work)
    until(lambda: process.poll() is not None or (work / "out" / "results.jsonl").exists())
    process.kill()
    process.wait()
    emulator.settle()
    path = work / "out" / "results.jsonl"
    records = [json.loads(file.read_text()) for file in (home / ".local" / "state" / "qianwen" / "tasks").glob("*.json")]
    if any(job["state"] != "merged" for record in records for job in record["jobs"]):  # else all was on the disk before the kill
        path.write_bytes(path.read_bytes()[:-20])
    assert api().code == 0
    assert len(emulator.batches) == (1 if len(billed(emulator)) == ROWS and set(billed(emulator).values()) == {1} else 2)
    assert len({line["key"] for line in results(work / "out")}) == ROWS
