"""What came back: every shape of a finished video task, the seconds that are billed, and what a broken service may send."""
from __future__ import annotations

import json
import math

import pytest

from tests.folding import each
from video_answers import parts_of, seconds_of

A, B = "https://res.example.com/1.mp4?Expires=1&x=%2F", "http://res.example.com/2.mp4?Expires=1"
TIMES = {"submit_time": "2026-01-02 10:00:00.101", "scheduled_time": "2026-01-02 10:00:00.140", "end_time": "2026-01-02 10:00:21.900"}
BAD = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}


def video(url, **more):
    return {"kind": "media", "url": url, **more}


def done(**output):
    return {"request_id": "r", "output": {"task_id": "t", "task_status": "SUCCEEDED", **TIMES, **output}, "usage": {"duration": 5}}


SHAPES = {
    "in the output": (done(video_url=A, orig_prompt="a red kite"), [video(A)]),
    "with the prompt that was taken": (done(video_url=A, orig_prompt="kite", actual_prompt="A long kite"), [video(A, actual_prompt="A long kite")]),
    "in results, an object": (done(results={"video_url": B}), [video(B)]),
    "style transform": (done(output_video_url=A), [video(A)]),
    "kling, with a marked copy": (done(video_url=A, watermark_video_url=B), [video(A)]),
    "results as a list": (done(results=[{"video_url": A}]), [video(A)]),
    "two results": (done(results=[{"video_url": A}, {"video_url": B}]), [video(A), video(B)]),
    "two links": (done(video_url=A, output_video_url=B), [video(A), video(B)]),
    "the same link twice": (done(video_url=A, output_video_url=A), [video(A)]),
    "in another object": (done(video_url={"href": A}), [video(A)]),
    "beside pages": (done(film=A, share_link="https://h/s", detail_url="https://h/d"), [video(A)]),
    "empty link, real one deeper": (done(video_url="", results={"video_url": B}), [video(B)]),
    "as an object": (done(video={"url": A, "cover_url": B}), [video(A)]), "alone in a list": (done(video_url=[A]), [video(A)]),
    "as an object in its own place": (done(video_url={"url": A}), [video(A)]), "with a line end": (done(video_url=f" {A}\n"), [video(A)]),
    "beside its first frame": (done(files=[B.replace("mp4", "png"), A]), [video(A)]), "in data": ({"data": [{"url": A}]}, [video(A)]),
    "without an ending": (done(file="https://res.example.com/7?x.png"), [video("https://res.example.com/7?x.png")]),
    "several in another place": (done(files=[A, B]), [video(A), video(B)]),
    "in items of a choice": (done(choices=[{"message": {"content": [{"video": A}, {"video": B}]}}]), [video(A), video(B)]),
    "several without an ending": (done(files=["https://h/7", "https://h/8"]), []),
    "only what went in": (done(input={"video_url": A}, img="https://res.example.com/1.png"), []),
    "failed": ({"request_id": "r", "output": {"task_id": "t", "task_status": "FAILED", **TIMES, **BAD}}, []),
    "flat failure": ({"request_id": "r", **BAD}, []), "no output": ({"request_id": "r"}, []), "empty": (done(), []),
    "running": ({"output": {"task_id": "t", "task_status": "RUNNING"}}, []),
}


@pytest.mark.parametrize("body, parts", SHAPES.values(), ids=SHAPES)
def test_parts_of_an_answer(body, parts):
    given = json.dumps(body)
    assert parts_of(body) == parts
    assert json.dumps(body) == given


ODD = [None, "", 0, 7, -1.5, True, False, [], {}, [None], [[]], ["x"], [7], {"video_url": None}, {"video_url": []}, [{"video_url": 5}]]
PLACES = {
    "body": lambda odd: odd if isinstance(odd, dict) else {"output": odd}, "output": lambda odd: {"output": odd},
    "results": lambda odd: {"output": {"results": odd}}, "result": lambda odd: {"output": {"results": [odd]}},
    "video_url": lambda odd: done(video_url=odd, output_video_url=odd), "deep": lambda odd: done(results={"video_url": odd}),
}
HOSTILE = [pytest.param(place(odd), id=f"{name}={odd!r}") for name, place in PLACES.items() for odd in ODD]


@each("body", HOSTILE)
def test_hostile_answer_has_no_parts(body):
    assert parts_of(body) == []


@pytest.mark.parametrize("odd", ODD)
def test_good_video_beside_hostile_fields_is_found(odd):
    assert parts_of(done(video_url=odd, output_video_url=B)) == [video(B)]
    assert parts_of(done(video_url=odd, results={"video_url": B})) == [video(B)]
    assert parts_of(done(results=[odd, {"video_url": B}])) == [video(B)]
    assert parts_of(done(results=odd, video_url=B)) == [video(B)]


@pytest.mark.parametrize("odd", [None, "", 0, 7, True, [], {}, ["x"]])
def test_odd_prompt_is_left_out(odd):
    assert parts_of(done(video_url=A, actual_prompt=odd)) == [video(A)]


# ---- seconds ---------------------------------------------------------------------------------------------------------

USAGES = {  # the samples of section 6, each with its billed seconds
    "wan2.7 t2v": ({"duration": 5, "input_video_duration": 0, "output_video_duration": 5, "video_count": 1, "SR": 720, "ratio": "16:9"}, 5),
    "wan2.7 r2v": ({"duration": 15, "input_video_duration": 5, "output_video_duration": 10, "video_count": 1, "SR": 1080}, 15),
    "wan2.7 videoedit": ({"duration": 8.04, "input_video_duration": 4.02, "output_video_duration": 4.02, "video_count": 1, "SR": 720}, 8.04),
    "wan2.6 t2v": ({"duration": 10, "size": "1280*720", "input_video_duration": 0, "output_video_duration": 10, "SR": 720}, 10),
    "wan2.6 i2v flash": ({"duration": 5, "audio": False, "SR": 720, "video_count": 1}, 5),
    "wan2.5 i2v": ({"duration": 5, "video_count": 1, "SR": 480}, 5),
    "wan2.5 t2v": ({"video_duration": 5, "video_ratio": "832*480", "video_count": 1}, 5),
    "wanx2.1": ({"video_duration": 3, "video_ratio": "standard", "video_count": 1}, 3),
    "animate": ({"video_duration": 5.2, "video_ratio": "standard"}, 5.2), "s2v": ({"duration": 7.3333, "fps": 16, "SR": 480}, 7.33),
    "style": ({"duration": 3, "SR": 720}, 3), "another vendor, as texts": ({"duration": "5", "SR": "1080"}, 5),
    "text with a fraction": ({"duration": "5.25"}, 5.25),
    "more than there is": ({"duration": 10**400}, 99), "more than there is, too": ({"duration": "1e300"}, 99),
}


@pytest.mark.parametrize("usage, seconds", USAGES.values(), ids=USAGES)
def test_seconds_that_are_billed(usage, seconds):
    assert seconds_of(usage, 99.0) == pytest.approx(seconds)


@pytest.mark.parametrize("odd", [None, "", "x", "five", 0, -1, "0", "-3", True, False, [], [5], {}, {"x": 5}, "nan", float("nan")], ids=repr)
def test_odd_seconds_fall_back(odd):
    """To the other name, then to the length of the file."""
    assert seconds_of({"duration": odd}, 4.567) == 4.57
    assert seconds_of({"duration": odd, "video_duration": odd}, 4.567) == 4.57
    assert seconds_of({"duration": odd, "video_duration": 6}, 4.567) == 6


def test_file_alone_tells_its_length():
    assert seconds_of({}, 5.0417) == 5.04 and seconds_of({}, 0) == 0


@pytest.mark.parametrize("odd", ["inf", "1e999", float("inf")], ids=repr)
def test_endless_seconds_are_no_number_of_a_document(odd):
    assert math.isfinite(seconds_of({"duration": odd}, 4.0))
