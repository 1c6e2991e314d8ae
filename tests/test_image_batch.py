"""Batches of pictures: every row once, the right picture under every name, and tasks that a later run goes on with."""
from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.conftest import BYTECODE, SCRIPTS, STANDARD_KEY
from tests.emulator.drawing import notes_of
from tests.test_batch import results, until, worker_of, write
from tests.test_csv import table
from tests.test_image import age, journal, sent

SKILL = "qianwen-image-generation"
BATCH = ("--batch", "rows.jsonl", "-o", "out")
ROWS = 48


@pytest.fixture
def rows(work):
    return lambda *values: write(work / "rows.jsonl", *values)


@pytest.fixture
def image(run):
    return lambda *arguments, **named: run(*arguments, skill=SKILL, **named)


@pytest.fixture
def start(emulator, home, work):
    """Starts image.py and does not wait for it."""
    started = []

    def start_image(*arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY,
                       "QWEN_BASE_URL": emulator.url, **BYTECODE}
        started.append(subprocess.Popen([sys.executable, str(SCRIPTS[SKILL]), *map(str, arguments)], cwd=str(work),
                                        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))
        return started[-1]
    yield start_image
    for process in started:
        process.kill()
        process.wait()


def billed(emulator) -> Counter:
    return Counter(create.prompt for create in emulator.creates)


def check_pictures(folder, lines, killed=False) -> None:
    """Every line's pictures are on disk, whole, and those of its prompt."""
    for line in lines:
        assert line["ok"] and line["files"], line
        for entry in line["files"]:
            data = (folder.parent / entry["path"]).read_bytes()
            sidecar = json.loads((folder.parent / entry["sidecar"]).read_text("utf-8"))
            assert len(data) == entry["bytes"] and notes_of(data)["prompt"] == sidecar["prompt"]
    assert killed or not list(folder.glob(".qianwen-*.tmp"))


def test_rows_become_pictures(image, emulator, rows, work):
    rows({"prompt": "一只狐狸"}, {"prompt": "a hat", "n": 2, "size": "512x512"},
         {"prompt": "a task", "model": "wan2.2-t2i-flash", "output": "named.png"})
    done = image(*BATCH, "--poll", "0.05", "--gallery", "--json")
    assert done.code == 0 and done.document["rows"]["done"] == 3 and done.document["billing"]["units"] == {"images": 4}, done
    lines = sorted(results(work / "out"), key=lambda line: line["row"])
    check_pictures(work / "out", lines)
    assert [len(line["files"]) for line in lines] == [1, 2, 1] and (work / "out" / "named.png").is_file()
    page = (work / "out" / "index.html").read_text("utf-8")
    assert "一只狐狸" in page and page.count("named.png") >= 1


def test_a_folder_in_the_home_folder_is_that(image, emulator, rows, work, home):
    """No shell replaces the `~` of --output=~/out."""
    rows({"prompt": "a", "id": "fox"})
    for _ in range(2):
        done = image("--batch", "rows.jsonl", "-o", "~/out", "--gallery", "--json")
        assert done.code == 0 and done.document["results"] == str(home / "out" / "results.jsonl"), done
    assert image("--gallery", "-o", "~/out").out == f"{home}/out/index.html\n"
    assert billed(emulator) == {"a": 1} and (home / "out" / "fox.png").is_file() and not (work / "~").exists()


def test_a_rerun_pays_nothing(image, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "a"}, {"prompt": "b"})
    assert image(*BATCH).code == 0
    assert image(*BATCH).code == 0
    assert billed(emulator) == {"a": 2, "b": 1} and len(results(work / "out")) == 3


def test_the_same_rows_into_another_folder_are_other_calls(image, emulator, rows, work, short_waits):
    rows({"prompt": "a", "model": "wan2.2-t2i-flash"})
    emulator.task_polls = (10_000, 1)
    first = image(*BATCH, "--poll", "0.05")
    assert first.code == 5 and results(work / "out")[0]["task_id"], first
    emulator.task_polls = (1, 1)
    assert image("--batch", "rows.jsonl", "-o", "other", "--poll", "0.05").code == 0
    assert billed(emulator) == {"a": 2}
    check_pictures(work / "other", results(work / "other"))


def test_tasks_that_were_not_ended_are_gone_on_with(image, emulator, rows, work, short_waits):
    rows(*({"prompt": f"row {number}", "model": "wan2.2-t2i-flash"} for number in range(4)))
    emulator.task_polls = (10_000, 1)
    assert image(*BATCH, "--poll", "0.05").code == 5
    emulator.task_polls = (1, 1)
    done = image(*BATCH, "--poll", "0.05", "--json")
    assert done.code == 0, done
    assert set(billed(emulator).values()) == {1} and len(billed(emulator)) == 4
    check_pictures(work / "out", results(work / "out"))


def test_a_dead_link_does_not_stop_the_others(image, emulator, rows, work):
    rows(*({"prompt": f"row {number}"} for number in range(6)))
    emulator.inject("download-html", times=2)
    emulator.inject("download-html", times=0)
    done = image(*BATCH, "--concurrency", "1", "--json")
    assert done.code == 11 and done.document["rows"]["failed"] == 1 and done.document["rows"]["done"] == 5, done
    assert image(*BATCH, "--json").code == 0  # the link is in the journal, so nothing is paid again
    assert set(billed(emulator).values()) == {1}
    check_pictures(work / "out", results(work / "out"))


@pytest.mark.parametrize("skill, main", [(SKILL, "prompt"), ("qianwen-audio-tts", "text")])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_direct_call_that_the_service_may_have_taken_is_in_doubt(run, emulator, rows, work, skill, main, status):
    rows({main: "a"}, {main: "b"})
    emulator.inject(str(status), times=1)
    done = run(*BATCH, "--concurrency", 1, "--retries", 0, "--json", skill=skill)
    assert done.code == 11 and (done.document["rows"]["done"], done.document["rows"]["in_doubt"]) == (1, 1), done
    assert "run the same command again" not in done.err and "only with --again" in done.err
    sent = len(emulator.requests)
    assert run(*BATCH, "--json", skill=skill).document["rows"]["in_doubt"] == 1 and len(emulator.requests) == sent
    done = run(*BATCH, "--again", "--json", skill=skill)
    assert done.code == 0 and done.document["rows"]["done"] == 1, done


def test_a_task_that_may_be_made_is_looked_for_before_it_is_sent_again(image, emulator, rows, monkeypatch):
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 0)
    rows({"prompt": "a", "model": "wan2.2-t2i-flash"})
    emulator.inject("500", times=1)
    done = image(*BATCH, "--retries", 0, "--json", "--poll", "0.05")
    assert done.document["rows"]["in_doubt"] == 1 and "run the same command again" in done.err and "--again" not in done.err, done
    assert image(*BATCH, "--poll", "0.05").code == 0 and billed(emulator) == {"a": 1}


def test_what_is_missing_of_a_row_is_not_paid_with_the_rest_again(image, emulator, rows, work):
    rows({"prompt": "a", "n": 4, "id": "set", "model": "wan2.2-t2i-flash"}, {"prompt": "b", "model": "wan2.2-t2i-flash"})
    emulator.inject("task-partial")
    flags = (*BATCH, "--concurrency", 1, "--poll", "0.05", "--json")
    done = image(*flags)
    assert done.code == 11 and done.document["rows"]["failed"] == 1, done
    assert "the other 3 are saved" in done.err and "run the same command again" not in done.err and "line 1 (set)" in done.err
    sent = len(emulator.requests)
    for more in ((), ("--again",), ("--overwrite",)):
        done = image(*flags, *more)
        assert done.code == 11 and done.document["rows"]["failed"] == 1 and len(emulator.requests) == sent, done
        assert "(line 1 (set)) stay so and are not paid again" in done.err and "rows of their own" in done.document["error"]["fix"]
    assert image(*BATCH, "--estimate", "--json").document["estimate"]["high"] == 0
    assert image(*BATCH, "--dry-run").document["would_send"] == 0
    assert len(results(work / "out")[0]["files"]) == 3


@pytest.mark.parametrize("fault", ["download-expired", "task-partial"])
def test_what_was_paid_stands_in_the_results(image, emulator, rows, work, fault):
    """Of rows that could not be saved, or not all, as well; fetching costs nothing more and takes nothing away."""
    rows(*({"prompt": word, "n": 4, "model": "wan2.2-t2i-flash"} for word in "ab"))
    emulator.inject(fault, times=2)
    done = image(*BATCH, "--csv", "--poll", "0.05", "--json").document
    paid = 2 * 0.14 * (3 if fault == "task-partial" else 4)
    assert done["billing"]["cost"]["amount"] == pytest.approx(paid), done

    def told():
        return sum(line["billing"]["cost"]["amount"] for line in results(work / "out"))
    assert told() == pytest.approx(paid)
    again = image(*BATCH, "--csv", "--poll", "0.05", "--json").document
    assert not any("when_made" in line["billing"] for line in results(work / "out"))
    assert again["billing"]["cost"]["amount"] == 0 and again["billing"]["units"] == {} and told() == pytest.approx(paid)
    spent = image("--spent", "--json").document["spent"]["total"]
    assert spent == pytest.approx(paid) == pytest.approx(sum(float(row["cost"]) for row in table(work / "out")))


def test_a_row_whose_result_is_gone_is_made_anew_on_demand(image, emulator, rows, home, work):
    """Its links are dead and older than a day, and there is no task to be asked for others."""
    rows({"prompt": "a"})
    emulator.inject("download-expired", None)
    assert image(*BATCH).code == 9
    age(home, 25 * 3600)
    (record,) = journal(home)
    told = image("--status", record["id"])
    assert told.out == "EXPIRED\n" and "--resume" in told.err, told
    for _ in range(2):
        gone = image(*BATCH)
        assert gone.code == 8 and "only with --again" in gone.err and len(sent(emulator)) == 1, gone
    alone = image("--resume", record["id"])
    assert alone.code == 8 and "--again" in alone.err and "--resume" not in alone.err, alone
    assert "sending to" not in alone.err, "nobody can be asked for another link"
    emulator.faults.clear()
    emulator.inject("download-expired", 1)
    made = image(*BATCH, "--again", "--json").document
    assert made["ok"] and made["billing"]["cost"]["amount"] == 0.2 and len(sent(emulator)) == 2, made
    assert journal(home) == []


@pytest.mark.parametrize("status", [400, 401, 407])
def test_a_row_whose_link_something_on_the_way_refuses_is_not_made_anew(image, emulator, rows, home, work, status):
    """However old the link is; only the storage can say that it is dead."""
    rows({"prompt": "a"})
    emulator.inject("download-xml", None, status=status, code="Proxy", message="No.")
    assert image(*BATCH).code == 9
    age(home, 25 * 3600)
    for more in ((), ("--again",)):
        assert image(*BATCH, *more).code == 9 and len(sent(emulator)) == len(journal(home)) == 1
        assert "--again" not in results(work / "out")[0]["error"]["fix"]
    emulator.faults.clear()
    assert image(*BATCH).code == 0 and len(sent(emulator)) == 1


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_row_whose_task_the_service_has_forgotten_is_made_anew_on_demand(image, emulator, home, going_on, by_hand):
    task = going_on()
    emulator.tasks.clear()
    age(home, 25 * 3600)
    if by_hand:
        assert image("--resume", task).code == 8 and journal(home) == []
    for _ in range(2):
        gone = image(*TASKS)
        assert gone.code == 11 and "only with --again" in gone.err and billed(emulator) == {"fox": 1, "owl": 1}, gone
    assert image(*TASKS, "--again").code == 0 and billed(emulator) == {"fox": 2, "owl": 1}


def test_the_cost_of_all_rows(image, emulator, rows):
    rows({"prompt": "a"}, {"prompt": "b", "n": 3}, {"prompt": "c", "model": "wan2.7-image-pro"})
    done = image(*BATCH, "--estimate", "--json", key=None)
    assert done.document["estimate"]["high"] == pytest.approx(0.2 * 4 + 0.5) and not emulator.requests, done
    assert done.document["model"] == "qwen-image-2.0, wan2.7-image-pro"
    assert "1.30 CNY" in image(*BATCH, "--estimate").out


def test_a_plan_key_makes_no_batch(image, emulator, rows):
    rows({"prompt": "a"}, {"prompt": "b"})
    done = image(*BATCH, key="sk-sp-emulator-plan-0123456789")
    assert done.code == 3 and not emulator.requests, done


@pytest.mark.skipif(os.name != "posix", reason="needs kill")
@pytest.mark.parametrize("model, size", [("qwen-image-2.0", "512x512"), ("wan2.5-t2i-preview", "1280x1280")])
def test_trouble_and_a_kill(image, emulator, rows, work, start, monkeypatch, model, size):
    """Rate limits, server errors (of tasks, which can be looked for), a kill in the middle: after a rerun every picture is
    there, none paid twice."""
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 1)
    emulator.latency = 0.05
    emulator.flaky("/services/aigc/", seed=3, rate429=0.08, rate500=0.05 if model.startswith("wan") else 0)
    rows(*({"prompt": f"行 {number}", "id": f"r{number}", "size": size} for number in range(ROWS)))
    flags = (*BATCH, "--concurrency", 8, "--model", model, "--poll", "0.05")
    process = start(*flags)
    until(lambda: len(emulator.creates) >= ROWS // 3, 30)
    process.send_signal(signal.SIGKILL)
    for _ in range(6):
        done = image(*flags, "--json")
        if done.code == 0:
            break
    lines = results(work / "out")
    assert done.code == 0 and done.document["rows"]["in_doubt"] == 0, [line for line in lines if not line["ok"]]
    assert len(lines) == ROWS == len({line["id"] for line in lines})
    check_pictures(work / "out", lines)
    assert len(billed(emulator)) == ROWS and set(billed(emulator).values()) == {1}


def test_a_row_whose_task_cannot_be_told_is_sent_again_only_with_again(image, emulator, rows, work, monkeypatch):
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 0)
    rows({"prompt": "a", "model": "wan2.2-t2i-flash"})
    emulator.inject("accept-then-reset", times=1, path="/services/")
    assert image(*BATCH, "--poll", "0.05").code == 6
    with monkeypatch.context() as patched:
        patched.setattr("shared.tasks.finding.read_list", lambda ask: ([], False))
        refused = image(*BATCH, "--poll", "0.05")
        (line,) = results(work / "out")
        assert refused.code == 8 and "only if paying twice" in line["error"]["fix"] and len(emulator.creates) == 1, refused
        assert image(*BATCH, "--poll", "0.05", "--again").code == 0 and len(emulator.creates) == 2


@pytest.mark.skipif(os.name != "posix", reason="needs kill")
def test_a_kill_of_everything_loses_no_task(image, emulator, rows, home, work, start):
    """Worker and all: tasks whose ids are in the journal are gone on with, and the rows are not paid twice."""
    rows(*({"prompt": f"row {number}", "model": "wan2.2-t2i-flash"} for number in range(6)))
    emulator.task_polls = (30, 1)
    process = start(*BATCH, "--concurrency", 6, "--poll", "0.05")
    until(lambda: len(emulator.creates) == 6 and all(record.get("task_id") for record in journal(home)), 20)
    worker = worker_of(work / "out")
    process.kill()
    os.kill(worker, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{worker}"), 10)
    emulator.task_polls = (1, 1)
    done = image(*BATCH, "--poll", "0.05", "--json")
    lines = results(work / "out")
    assert done.code == 0 and set(billed(emulator).values()) == {1}, [line for line in lines if not line["ok"]]
    check_pictures(work / "out", lines, killed=True)


@pytest.mark.parametrize("model", ["qwen-image-2.0", "wan2.2-t2i-flash"])
def test_what_a_killed_run_has_saved_without_a_line_is_found(image, emulator, rows, work, monkeypatch, model):
    """Killed between the files of a row and its line; only while the row is in doubt."""
    rows({"id": "r0", "prompt": "fox", "model": model})

    def killed(*_):
        raise OSError(errno.EIO, "as if killed")
    with monkeypatch.context() as patch:
        patch.setattr("shared.batch.folder.BatchFolder.record", killed)
        patch.setattr("shared.batch.folder.BatchFolder.close", lambda *_: None)
        assert image(*BATCH, "--poll", "0.05").code
    assert image(*BATCH, "--estimate").out.startswith("0.00 CNY")
    done = image(*BATCH, "--poll", "0.05", "--json")
    (line,) = results(work / "out")
    assert done.code == 0 and line["ok"] and line["billing"]["cost"]["amount"] > 0, (done, line)
    assert (work / line["files"][0]["path"]).is_file() and billed(emulator) == {"fox": 1} and "begun" not in line.values()
    (work / "out" / "results.jsonl").unlink()
    assert image(*BATCH, "--poll", "0.05", "--overwrite").code == 0 and billed(emulator) == {"fox": 2}


# ---- rows whose task goes on -------------------------------------------------------------------------------------------

TASKS = (*BATCH, "--model", "wan2.2-t2i-flash", "--poll", "0.05")


@pytest.fixture
def going_on(image, emulator, rows, work, short_waits):
    """Two rows, of which the first has a task that was not waited for; its id."""
    def begin():
        rows({"id": "r0", "prompt": "fox"}, {"id": "r1", "prompt": "owl"})
        emulator.task_polls = (500, 500)
        assert image(*TASKS, "--concurrency", 1).code == 5
        emulator.task_polls = (0, 0)
        (line,) = results(work / "out")
        return line["task_id"]
    return begin


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
@pytest.mark.parametrize("place", [(), ("-o", "seen/"), ("-o", "out/r0.png")])
def test_a_row_that_was_fetched_by_hand_is_not_paid_again(image, emulator, work, going_on, place, more):
    task = going_on()
    assert image("--resume", task, *place).code == 0
    said = image(*TASKS, *more, "--estimate").err + image(*TASKS, *more, "--estimate").out
    assert "of which 1 only fetched" in said
    done = image(*TASKS, *more, "--json")
    assert done.code == 0 and billed(emulator) == {"fox": 1, "owl": 1}, done
    lines = results(work / "out")
    check_pictures(work / "out", lines)
    assert {line["billing"]["cost"]["amount"] for line in lines} == {0.14} == {done.document["billing"]["cost"]["amount"]}
    assert [line["id"] for line in lines] == ["r0", "r1"] and lines[0]["task_id"] == task
    assert os.path.realpath(work / lines[0]["files"][0]["path"]) == os.path.realpath(work / "out" / "r0.png")


def test_rows_that_were_fetched_by_hand_under_one_name_do_not_replace_each_other(image, emulator, rows, work):
    rows({"prompt": "fox"}, {"prompt": "owl"})
    emulator.task_polls = (500, 500)
    assert image(*TASKS, "--concurrency", 2, "--max-wait", 1).code == 5
    emulator.task_polls = (0, 0)
    for number, line in enumerate(results(work / "out")):
        assert image("--resume", line["task_id"], "-o", f"s{number}/pic.png").code == 0
    done = image(*TASKS, "--overwrite", "--concurrency", 1)
    assert done.code == 11 and "another row of this batch makes out/pic.png" in done.err, done
    assert notes_of((work / "out" / "pic.png").read_bytes())["prompt"] == "fox" and (work / "s1" / "pic.png").exists()


def test_what_was_fetched_and_is_gone_is_fetched_again(image, emulator, work, going_on):
    task = going_on()
    assert image("--resume", task, "-o", "seen/").code == 0
    for path in (work / "seen").iterdir():
        path.unlink()
    assert image(*TASKS).code == 0 and billed(emulator) == {"fox": 1, "owl": 1}
    assert notes_of((work / "out" / "r0.png").read_bytes())["prompt"] == "fox"


@pytest.mark.parametrize("how", ["link", "renamed", "elsewhere"])
def test_a_folder_by_another_name_has_the_same_rows_under_way(image, emulator, work, home, going_on, how):
    going_on()
    folder = work / "other"
    if how == "link":
        os.symlink(work / "out", folder)
    else:
        (work / "out").rename(folder)
    if how == "elsewhere":
        (home / ".local").rename(home / "gone")
    done = image("--batch", "rows.jsonl", "-o", "other", "--any-files", *TASKS[4:])
    assert done.code == 0 and billed(emulator) == {"fox": 1, "owl": 1}, done
    assert notes_of((folder / "r0.png").read_bytes())["prompt"] == "fox" and [line["ok"] for line in results(folder)] == [True, True]


def test_the_way_to_a_task_stays_in_the_results_until_it_has_ended(image, emulator, work, home, going_on, monkeypatch):
    """Also where a run ends before it comes to that row."""
    task = going_on()
    (home / ".local").rename(home / "gone")
    with monkeypatch.context() as patch:
        patch.setattr("shared.batch.workers.Workers._missing", lambda self: iter(()))
        image(*TASKS)
    assert [line["task_id"] for line in results(work / "out")] == [task]
    assert image(*TASKS).code == 0 and billed(emulator) == {"fox": 1, "owl": 1} and len(results(work / "out")) == 2


def test_a_row_whose_task_was_cancelled_is_made_anew(image, emulator, work, going_on):
    task = going_on()
    emulator.task_polls = (500, 500)
    assert image("--cancel", task).code == 0
    emulator.task_polls = (0, 0)
    assert image(*TASKS).code == 0 and billed(emulator) == {"fox": 2, "owl": 1}


# ---- names of files ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("two", [({"output": "x"}, {"output": "x.png"}), ({"output": "x.png"}, {"output": "x.jpg"}),
                                 ({"id": "x"}, {"output": "X.png"})])
@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_rows_whose_files_would_have_one_name_are_refused(image, emulator, rows, two, more):
    rows(*({"prompt": "fox", **row} for row in two))
    done = image(*BATCH, *more)
    assert done.code == 2 and "line 2: it has the same output as line 1" in done.err and not emulator.requests, done


def test_ids_that_differ_by_their_case_or_their_end_have_files_of_their_own(image, emulator, rows, work):
    rows(*({"id": name, "prompt": name} for name in ("fox", "FOX", "v1.0", "v1.1")))
    assert image(*BATCH).code == 0
    check_pictures(work / "out", results(work / "out"))


def test_what_the_line_of_a_row_in_doubt_tells_stays(image, emulator, rows, work):
    rows({"id": "a", "prompt": "fox"}, {"id": "b", "prompt": "owl"})
    path = work / "out" / "results.jsonl"
    assert image(*BATCH).code == 0
    path.write_bytes(path.read_bytes().replace(b'"skill"', b'"sk\xffll"', 1))
    told = []
    for _ in range(3):
        done = image(*BATCH, "--json")
        assert done.code == 11 and done.document["rows"]["in_doubt"] == 1, done
        told.append(results(work / "out"))
    assert "a.png" in told[0][0]["partial"]["line"] and told[0] == told[1] == told[2] and sum(billed(emulator).values()) == 2


def test_a_row_that_was_changed_is_made_anew_with_overwrite(image, emulator, rows, work):
    """The files of a row that is gone belong to nobody."""
    rows({"prompt": "fox", "output": "one"}, {"prompt": "owl", "output": "two"})
    assert image(*BATCH).code == 0
    rows({"prompt": "red fox", "output": "one"}, {"prompt": "owl", "output": "two"})
    assert image(*BATCH, "--overwrite").code == 0
    assert notes_of((work / "out" / "one.png").read_bytes())["prompt"] == "red fox"


def test_no_row_replaces_what_another_row_made_in_a_folder_of_another_name(image, emulator, rows, work):
    rows({"id": "a-1", "prompt": "owl"})
    assert image(*BATCH).code == 0
    (work / "out").rename(work / "moved")
    rows({"id": "a-1", "prompt": "owl"}, {"id": "a", "prompt": "fox", "set": {"n": 2}})
    done = image(*BATCH[:3], "moved", "--overwrite")
    assert done.code == 11 and "another row of this batch makes moved/a-1.png" in done.err, done
    assert notes_of((work / "moved" / "a-1.png").read_bytes())["prompt"] == "owl" and billed(emulator) == {"owl": 1}


@pytest.mark.parametrize("first", [[{"id": "a-1", "prompt": "owl"}], []])
def test_no_row_replaces_what_another_row_has_made(image, emulator, rows, work, first):
    """A row of several pictures numbers them; that is seen when it is sent, also where the other row is of an earlier run."""
    several = {"id": "a", "prompt": "fox", "set": {"n": 2}}
    if first:
        rows(*first)
        assert image(*BATCH).code == 0
    rows({"id": "a-1", "prompt": "owl"}, several)
    done = image(*BATCH, "--overwrite", "--concurrency", 1)
    lines = results(work / "out")
    assert done.code in (7, 11) and "another row of this batch makes out/a-1.png" in done.err, done
    assert notes_of((work / "out" / "a-1.png").read_bytes())["prompt"] == "owl" and lines[1]["exit_code"] == 7
    assert billed(emulator) == {"owl": 1}
    assert image(*BATCH, "--overwrite").code in (7, 11) and billed(emulator) == {"owl": 1}


@pytest.mark.parametrize("model", ["wan2.2-t2i-flash", "wan2.6-t2i"])
@pytest.mark.parametrize("name, more", [({"id": "set"}, ()), ({"output": "set.png"}, ()), ({"output": "set.png"}, ("--overwrite",))])
def test_a_row_of_which_a_part_is_saved_is_finished(image, emulator, rows, work, model, name, more):
    rows({"prompt": "fox", "model": model, "set": {"n": 2}, **name})
    emulator.inject("download-expired", None, "-1.png")
    flags = (*BATCH, "--poll", "0.05")
    assert image(*flags).code == 9 and (work / "out" / "set-1.png").is_file()
    emulator.faults.clear()
    (work / "out" / "set-2.png").write_bytes(b"mine")
    assert image(*flags, *more).code == 0 and billed(emulator) == {"fox": 1}
    (line,) = results(work / "out")
    made = [(work / entry["path"]).read_bytes() for entry in line["files"]]
    assert [notes_of(picture)["index"] for picture in made] == ["0", "1"]
    assert ((work / "out" / "set-2.png").read_bytes() == b"mine") == (not more)
