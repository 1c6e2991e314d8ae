"""Batches of videos: the running limit of each model, inputs of every kind, and no row paid twice whatever ends in between."""
from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests import media_samples as samples
from tests.conftest import BYTECODE, PLAN_KEY, SCRIPTS, STANDARD_KEY
from tests.emulator import filming
from tests.test_batch import results, until, worker_of, write
from tests.test_image import sent

SKILL = "qianwen-video-generation"
BATCH = ("--batch", "rows.jsonl", "-o", "out", "--poll", "0.05")
WIDE = (*BATCH, "--concurrency", 12)
DANCE = {"model": "wan2.2-animate-move", "video": "clip.mp4"}
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs kill")


@pytest.fixture
def rows(work):
    (work / "photo.png").write_bytes(samples.png(640, 600, (200, 50, 50)))
    (work / "clip.mp4").write_bytes(samples.mp4(4, 640, 480))
    (work / "red.mp4").write_bytes(filming.mp4(640, 480, 1, 10, (200, 30, 30), {}))
    return lambda *values: write(work / "rows.jsonl", *values)


@pytest.fixture
def film(run):
    return lambda *arguments, **named: run(*arguments, skill=SKILL, **named)


@pytest.fixture
def start(emulator, home, work):
    """Starts video.py and does not wait for it."""
    started = []

    def start_video(*arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY,
                       "QWEN_BASE_URL": emulator.url, **BYTECODE}
        started.append(subprocess.Popen([sys.executable, str(SCRIPTS[SKILL]), *map(str, arguments)], cwd=str(work),
                                        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))
        return started[-1]
    yield start_video
    for process in started:
        process.kill()
        process.wait()


def billed(emulator) -> Counter:
    return Counter(create.prompt for create in emulator.creates)


def end_all(process, work) -> None:
    """Kill the caller and its worker, as a lost power supply does."""
    worker = worker_of(work / "out")
    process.kill()
    os.kill(worker, signal.SIGKILL)
    process.wait()

    def gone() -> bool:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return True
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(worker)], capture_output=True, text=True).stdout.strip()
        return state == "" or state.startswith("Z")
    until(gone, 10)


def assert_videos(work, emulator, count: int) -> list:
    """Every line is done and its video is on disk, whole and that of its task; each row was paid once. Returns the lines."""
    lines = sorted(results(work / "out"), key=lambda line: line["row"])
    made = {result.owner: result.content() for result in emulator.results.values()}
    assert [line["row"] for line in lines] == list(range(1, count + 1)) and all(line["ok"] for line in lines), lines
    for line in lines:
        entry, = line["files"]
        data = (work / entry["path"]).read_bytes()
        sidecar = json.loads((work / entry["sidecar"]).read_text("utf-8"))
        assert data == made[line["task_id"]] and filming.notes_of(data)["prompt"] == sidecar.get("prompt", "")
        assert (sidecar["task_id"], sidecar["seconds"]) == (line["task_id"], entry["seconds"])
    assert len({line["task_id"] for line in lines}) == len(emulator.creates) == count, "each is paid once"
    return lines


def texts(count: int) -> list:
    return [{"prompt": f"boat {number}"} for number in range(count)]


# ---- rows ------------------------------------------------------------------------------------------------------------

def test_rows_become_videos(film, emulator, rows, work):
    """Text, a picture, references, an edit, and people, side by side."""
    rows({"prompt": "一只纸船", "duration": 3}, {"prompt": "waves", "image": "photo.png", "output": "waves.mp4"},
         {"prompt": "Image 1 meets Video 1", "reference": ["photo.png", "clip.mp4"]}, {"prompt": "snow", "video": "clip.mp4"},
         {**DANCE, "image": "photo.png"})
    done = film(*BATCH, "--gallery", "--json")
    assert done.code == 0 and done.document["rows"]["done"] == 5, done
    lines = assert_videos(work, emulator, 5)
    assert done.document["billing"]["units"] == {"seconds": 3 + 5 + 9 + 8 + 4} == {"seconds": sum(create.seconds for create in emulator.creates)}
    assert [line["model"] for line in lines] == ["wan2.7-t2v", "wan2.7-i2v", "wan2.7-r2v", "wan2.7-videoedit", "wan2.2-animate-move"]
    page = (work / "out" / "index.html").read_text("utf-8")
    assert lines[1]["files"][0]["path"] == "out/waves.mp4" and page.count("<video") == 5 and "一只纸船" in page


def test_a_rerun_pays_nothing(film, emulator, rows, work):
    rows({"prompt": "a"}, {"prompt": "a"}, {"prompt": "b", "video": "clip.mp4"})
    assert film(*BATCH).code == 0
    sent_before, files = len(emulator.requests), sorted(os.listdir(work / "out"))
    again = film(*BATCH, "--json")
    assert again.code == 0 and again.document["rows"]["kept"] == 3 and len(emulator.requests) == sent_before
    assert billed(emulator) == {"a": 2, "b": 1} and sorted(os.listdir(work / "out")) == files
    assert_videos(work, emulator, 3)


def test_cost_of_all_rows(film, emulator, rows, work):
    """The lengths of the clips given are measured; nothing is sent."""
    clip = [{"from-clip": "red.mp4", "resolution": "720P"}] if shutil.which("ffmpeg") else [{"image": "photo.png", "resolution": "720P"}]
    rows({"prompt": "a", "duration": 10}, {"prompt": "snow", "video": "clip.mp4", "resolution": "720P"}, {**DANCE, "image": "photo.png"}, *clip)
    done = film(*BATCH, "--estimate", "--json", key=None)
    assert done.code == 0 and done.document["estimate"]["units"]["seconds"] == 10 + 8 + 4 + 5, done
    assert done.document["estimate"]["high"] == pytest.approx(10 + 4.8 + 1.6 + 3) and emulator.requests == [] and not (work / "out").exists()


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_clips_that_go_on(film, emulator, rows, work):
    rows({"from-clip": "red.mp4"}, {"prompt": "on", "from-clip": "red.mp4", "duration": 3})
    assert film(*BATCH).code == 0
    assert_videos(work, emulator, 2)
    assert [create.details["media"] for create in emulator.creates] == [["first_frame"]] * 2 and left_over() == []


def left_over() -> list:
    """Folders that were made for frames."""
    import tempfile
    return [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("qianwen-") and os.path.exists(
        os.path.join(tempfile.gettempdir(), name, "last-frame.png"))]


@pytest.mark.parametrize("row, words", [({"prompt": "x", "video": "none.mp4"}, "none.mp4"), ({"prompt": "x", "duration": 99}, "duration"),
                                        ({"prompt": "x", "image": "clip.mp4"}, "clip.mp4"), ({"duration": 5}, "'prompt' is missing")])
def test_a_bad_row_is_told_of(film, emulator, rows, work, row, words):
    """Found before anything is sent, or the other rows are done: either way it is named, and nothing is paid for it."""
    rows({"prompt": "good"}, row)
    done = film(*BATCH)
    assert done.code in (2, 11) and len(emulator.creates) == (done.code == 11), done
    assert words in done.err + "".join(json.dumps(line) for line in (results(work / "out") if done.code == 11 else [])), done


def test_a_plan_key_makes_no_batch(film, emulator, rows):
    rows(*texts(2))
    done = film(*BATCH, key=PLAN_KEY)
    assert done.code == 3 and "video" in done.err and not emulator.requests, done


# ---- the running limit -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model, limit, count", [("wan2.7-t2v", 5, 12), ("wan2.2-t2v-plus", 2, 5)])
def test_running_limit(film, emulator, rows, work, model, limit, count):
    """More tasks than the service runs at a time are not made: they would only wait there."""
    emulator.running_limits[model] = limit
    rows(*texts(count))
    assert film(*WIDE, "--model", model).code == 0
    assert_videos(work, emulator, count)
    assert emulator.most_unfinished[model] == limit, "as many as may be, and no more"


def test_failed_tasks_give_their_place_away(film, emulator, rows, work):
    emulator.inject("task-failed", 6)
    rows(*texts(12))
    done = film(*WIDE, "--json")
    assert done.code == 11 and (done.document["rows"]["done"], done.document["rows"]["failed"]) == (6, 6), done
    assert emulator.most_unfinished["wan2.7-t2v"] <= 5
    assert film(*WIDE, "--json").document["rows"]["done"] == 6
    assert len(emulator.creates) == 18 and all(line["ok"] for line in results(work / "out"))


def test_limit_holds_when_waiting_ends_before_the_tasks(film, emulator, rows, work, short_waits):
    """A task that is left goes on running; its place is not free. A rerun goes on with it and makes the others."""
    emulator.task_polls = (10**6, 0)
    rows(*texts(5))
    flags = (*WIDE, "--model", "wan2.2-t2v-plus")
    first = film(*flags, "--json")
    assert first.code in (5, 11) and emulator.most_unfinished["wan2.2-t2v-plus"] == 2, (first, emulator.most_unfinished)
    emulator.task_polls = (2, 2)
    for _ in range(3):
        if film(*flags).code == 0:
            break
    assert_videos(work, emulator, 5)
    assert emulator.most_unfinished["wan2.2-t2v-plus"] == 2


# ---- ends in between -------------------------------------------------------------------------------------------------

@POSIX
def test_rows_that_waited_for_a_place_are_done_after_a_kill(film, emulator, rows, work, start):
    """Five tasks run, seven rows wait for a place: nothing of these was sent, so nothing is in doubt."""
    emulator.task_polls = (10**6, 0)
    rows(*texts(12))
    process = start(*WIDE)
    until(lambda: len(emulator.creates) == 5 and len(emulator.requests) > 20, 20)
    end_all(process, work)
    assert len(emulator.creates) == 5
    emulator.task_polls = (1, 1)
    done = film(*WIDE, "--json")
    assert done.code == 0 and done.document["rows"]["in_doubt"] == 0, done
    assert_videos(work, emulator, 12)


@POSIX
def test_a_kill_while_tasks_run_loses_none(film, emulator, rows, work, start):
    """As many workers as places, uploads among them: the tasks are gone on with."""
    emulator.task_polls = (10**6, 0)
    rows(*texts(3), {"prompt": "snow", "video": "clip.mp4"}, {**DANCE, "image": "photo.png"})
    process = start(*BATCH, "--concurrency", 5)
    until(lambda: len(emulator.creates) == 5 and len(emulator.requests) > 20, 20)
    end_all(process, work)
    emulator.task_polls, uploads = (0, 0), len(emulator.uploads)
    assert film(*BATCH).code == 0
    assert_videos(work, emulator, 5)
    assert len(emulator.uploads) == uploads, "what runs already needs no upload"


@POSIX
def test_ctrl_c_leaves_the_waiting_rows_unsent(film, emulator, rows, work, start):
    emulator.task_polls = (20, 0)
    rows(*texts(12))
    process = start(*WIDE)
    until(lambda: len(emulator.creates) == 5 and len(emulator.requests) > 15, 20)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130 and len(emulator.creates) == 5
    emulator.task_polls = (1, 1)
    done = film(*WIDE, "--json")
    assert done.code == 0 and (done.document["rows"]["kept"], done.document["rows"]["done"]) == (5, 7), done
    assert_videos(work, emulator, 12)


def test_trouble_on_the_way(film, emulator, rows, work):
    """Rate limits, broken polls and cut downloads: every video is there, none paid twice."""
    emulator.video_bytes = 400_000
    emulator.flaky("/services/aigc/", seed=5, rate429=0.15)
    emulator.flaky("/api/v1/tasks/", seed=6, rate500=0.05, rates={"reset": 0.05})
    emulator.inject("download-cut", 3, at=150_000)
    rows(*texts(15))
    for _ in range(4):
        done = film(*WIDE, "--json")
        if done.code == 0:
            break
    assert done.code == 0 and done.document["rows"]["in_doubt"] == 0, done
    assert_videos(work, emulator, 15)
    assert emulator.most_unfinished["wan2.7-t2v"] <= 5 and not any(download.authorized for download in emulator.downloads)


def test_links_that_are_dead_for_now(film, emulator, rows, work):
    rows(*texts(4))
    emulator.inject("download-expired", None)
    done = film(*BATCH, "--json")
    assert done.code == 9 and (done.document["rows"]["done"], done.document["rows"]["failed"]) == (0, 4), done
    emulator.faults.clear()
    created = len(sent(emulator))
    assert film(*BATCH).code == 0 and len(sent(emulator)) == created == 4
    assert_videos(work, emulator, 4)


def test_what_is_made_costs_nothing_again(film, emulator, rows, work):
    rows({"prompt": "a", "image": "photo.png"}, {"prompt": "b"})
    emulator.inject("download-expired", None)
    assert film(*BATCH).code == 9
    emulator.faults.clear()
    (work / "photo.png").unlink()
    done = film(*BATCH, "--estimate", "--json").document
    assert done["estimate"]["high"] == 0 and (done["rows"], done["fetched"]) == (2, 2), done
    assert "2 only fetched, which costs nothing again" in film(*BATCH, "--estimate").out
    rows({"prompt": "a", "image": "photo.png"}, {"prompt": "b"}, {"prompt": "c"})
    assert film(*BATCH, "--estimate", "--json").document["estimate"]["high"] == 5


# ---- rows that begin at the same moment ------------------------------------------------------------------------------

def test_proof_that_another_row_clears_away_is_one(tmp_path, monkeypatch):
    """A row's sweep for what killed runs left may find the closed probe of another row that begins just then."""
    from shared.files import whole

    class Swept(whole.Temporary):
        def create(self):
            super().create()
            self.file = closed_and_swept(self.file)
            return self

    @contextlib.contextmanager
    def closed_and_swept(file):
        with file:
            yield file
        whole.sweep.__wrapped__(str(tmp_path))
        assert not os.listdir(tmp_path)

    monkeypatch.setattr(whole, "Temporary", Swept)
    whole.prove_writable(str(tmp_path), 10)
