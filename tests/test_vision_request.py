"""From pictures, videos and a question to the body on the wire: golden bodies per model family and kind of media, refusals.

Every golden body is also posted to the emulator, so that client and emulator prove each other.
"""
from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import pytest

from shared.body import parse_settings
from shared.failures import Exit, Failure
from shared.media import inputs as media
from shared.media.addressing import address_all, oss_headers
from tests import media_samples as samples
from tests.conftest import post_json
from tests.emulator import models as emulated
from tests.folding import each
from vision_models import DEFAULT_MODEL, OCR_MODEL, picture_limits, TABLE, video_limits
from shared.chat.models import bounds, FAMILIES
from vision_request import OCR_TASKS, PLAIN_OCR, Ask, build_request, media_parts, user_parts

STREAM = {"stream": True, "stream_options": {"include_usage": True}}
PNG, JPEG, MP4 = samples.png(40, 30), samples.jpeg(40, 30), samples.mp4()
PNG_URL, JPEG_URL, MP4_URL = (samples.data_url(data, kind) for data, kind in (
    (PNG, "image/png"), (JPEG, "image/jpeg"), (MP4, "video/mp4")))
A, B = "https://h/a.png", "https://h/b.jpg"
SCHEMA = {"title": "Two words", "type": "object", "properties": {"city": {"type": "string"}}}
TEXT = {"type": "text", "text": "Q"}


def at(url):
    return media.Media(url, url=url)


def build(model=None, **fields):
    """The body and the remarks; a picture and a question are there unless the case says otherwise."""
    if not {"images", "video", "frames", "request"} & set(fields):
        fields["images"] = [A]
    if "ocr" not in fields and "request" not in fields:
        fields.setdefault("prompt", "Q")
    for name in ("images", "frames"):
        fields[name] = [at(url) for url in fields.get(name, ())]
    fields["video"] = at(fields["video"]) if fields.get("video") else None
    ask = Ask(model=model, **fields)
    return build_request(ask, TABLE.find(ask.model_name())[0])


def body_of(model=None, **fields):
    return build(model, **fields)[0]


def refusal(model=None, **fields):
    with pytest.raises(Failure) as caught:
        build(model, **fields)
    assert caught.value.exit_code == Exit.USAGE
    return f"{caught.value.message} | {caught.value.fix}"


def image(url=A, **options):
    return {"type": "image_url", "image_url": {"url": url}, **options}


def user(*parts):
    return {"role": "user", "content": [*parts]}


def body(model="qwen3.7-plus", parts=(image(), TEXT), think=None, system=None, **more):
    messages = [*([{"role": "system", "content": system}] if system else []), user(*parts)]
    return {"model": model, "messages": messages, **({} if think is None else {"enable_thinking": think}), **STREAM, **more}


NATIVE = "/api/v1/services/aigc/multimodal-generation/generation"


@pytest.fixture
def post(emulator):
    """Send a body to the emulator; returns the status and the start of what it says."""
    for name, like in (("qwen3.9-nova", "qwen3.7-plus"), ("qwen3.8-max-preview", "qwen3.8-max"),
                       ("someone/new", "qwen-vl-max"), ("qvq-72b-preview", "qvq-max")):
        emulator.models[name] = replace(emulated.MODELS[like], name=name)

    def send(value):
        path = NATIVE if "input" in value else "/compatible-mode/v1/chat/completions"
        return post_json(emulator.url + path, value, oss_headers(value))
    return send


# ---- golden bodies: model families -----------------------------------------------------------------------------------

def task_body(task, options=None, fields=None, **parameters):
    config = {"task_config": {"result_schema": fields}} if fields else {}
    return {"model": "qwen-vl-ocr", "input": {"messages": [{"role": "user", "content": [{"image": A, **(options or {})}]}]},
            "parameters": {"ocr_options": {"task": task, **config}, **parameters}}


KEYS = "key_information_extraction"
FIELDS = {"date": "yyyy-mm-dd", "invoice": {"no": ""}}
FAMILY_BODIES = {
    "hybrid, thinks unless told not to": (dict(), body(think=True)),
    "hybrid, told not to": (dict(think=False), body(think=False)),
    "hybrid with a budget": (dict(thinking_budget=500), body(think=True, thinking_budget=500)),
    "open hybrid": (dict(model="qwen3.5-27b"), body("qwen3.5-27b", think=True)),
    "hybrid, off unless told to": (dict(model="qwen3-vl-plus"), body("qwen3-vl-plus", think=False)),
    "hybrid, told to": (dict(model="qwen3-vl-flash", think=True), body("qwen3-vl-flash", think=True)),
    "snapshot": (dict(model="qwen3-vl-plus-2025-12-19"), body("qwen3-vl-plus-2025-12-19", think=False)),
    "with an effort": (dict(model="qwen3.8-flash", effort="low"), body("qwen3.8-flash", think=True, reasoning_effort="low")),
    "dated, and sees": (dict(model="qwen3.7-max-2026-06-08"), body("qwen3.7-max-2026-06-08", think=True)),
    "of another maker, and sees": (dict(model="deepseek-v4.1-flash", think=False), body("deepseek-v4.1-flash", think=False)),
    "thinks only, and sees": (dict(model="ZHIPU/GLM-5.3-Flash"), body("ZHIPU/GLM-5.3-Flash")),
    "always": (dict(model="qwen3-vl-8b-thinking"), body("qwen3-vl-8b-thinking")),
    "always, with a budget": (dict(model="qwen3-vl-32b-thinking", thinking_budget=9),
                              body("qwen3-vl-32b-thinking", thinking_budget=9)),
    "never": (dict(model="qwen3-vl-8b-instruct"), body("qwen3-vl-8b-instruct")),
    "never, old": (dict(model="qwen-vl-max", think=False), body("qwen-vl-max")),
    "only streams": (dict(model="qvq-max", stream=False), body("qvq-max")),
    "kimi": (dict(model="kimi-k2.6"), body("kimi-k2.6", think=False)),
    "kimi with a budget": (dict(model="kimi-k2.5", thinking_budget=9), body("kimi-k2.5", think=True, thinking_budget=9)),
    "slash id": (dict(model="kimi/kimi-k2.6", json_object=True), body(
        "kimi/kimi-k2.6", think=False, system="Answer in JSON.", response_format={"type": "json_object"})),
    "gui": (dict(model="gui-plus-2026-02-26", temperature=0.01), body("gui-plus-2026-02-26", think=False, temperature=0.01)),
    "ocr, plain": (dict(ocr=PLAIN_OCR), body("qwen-vl-ocr", [image()])),
    "ocr, plain, with a prompt": (dict(ocr=PLAIN_OCR, prompt="Q", min_pixels=3136),
                                  body("qwen-vl-ocr", [image(min_pixels=3136), TEXT])),
    "ocr model without the flag": (dict(model="qwen-vl-ocr-latest"), body("qwen-vl-ocr-latest")),
    "ocr of another maker": (dict(model="vanchin/deepseek-ocr", ocr=PLAIN_OCR), body("vanchin/deepseek-ocr", [image()])),
    "unknown id of a known family": (dict(model="qwen3.9-nova"), body("qwen3.9-nova", think=True)),
    "unknown id of the reasoning family": (dict(model="qvq-72b-preview", stream=False), body("qvq-72b-preview")),
    "unknown id": (dict(model="someone/new"), body("someone/new")),
    **{f"ocr task {task}": (dict(ocr=task), task_body(task)) for task in OCR_TASKS},
    "ocr task with fields": (dict(ocr=KEYS, schema=FIELDS), task_body(KEYS, fields=FIELDS)),
    **{f"ocr task with a field {next(iter(fields))}": (dict(ocr=KEYS, schema=fields), task_body(KEYS, fields=fields)) for fields in (
        {"description": "what was bought", "total": "amount"}, {"items": {"name": "", "price": ""}, "total": ""},
        {"type": "kind of receipt"}, {"properties": {"house": {"size": ""}}, "owner": ""})},
    **{f"ocr task with a schema of {name}": (dict(ocr=KEYS, schema=schema), task_body(KEYS, fields=fields)) for name, schema, fields in (
        ("an object", {"type": "object", "title": "T", "required": ["a"], "properties": {
            "a": {"description": "A"}, "items": {"type": "array", "items": {"properties": {"type": {"type": "string"}}}}}},
         {"a": "A", "items": [{"type": ""}]}),
        ("no type", {"properties": {"a": {"type": "string"}}}, {"a": ""}))},
    "ocr task with pixels and sampling": (
        dict(ocr="table_parsing", min_pixels=4000, max_pixels=5000, max_tokens=99, seed=3),
        task_body("table_parsing", {"min_pixels": 4000, "max_pixels": 5000}, max_tokens=99, seed=3)),
    "ocr task with settings": (
        dict(ocr="multi_lan", settings=parse_settings(["top_k=5", "parameters.seed=1"])),
        task_body("multi_lan", top_k=5, seed=1)),
}

# ---- golden bodies: kinds of media -----------------------------------------------------------------------------------

FRAMES = [A, B, PNG_URL, "https://h/d.png"]
VIDEO = {"type": "video_url", "video_url": {"url": "https://h/v.mp4"}}
MEDIA_BODIES = {
    "picture by address": (dict(), body(think=True)),
    "picture inline": (dict(images=[PNG_URL]), body(parts=[image(PNG_URL), TEXT], think=True)),
    "several pictures, in order": (dict(images=[B, PNG_URL, A, B]),
                                   body(parts=[image(B), image(PNG_URL), image(A), image(B), TEXT], think=True)),
    "video by address": (dict(video="https://h/v.mp4"), body(parts=[VIDEO, TEXT], think=True)),
    "video inline": (dict(video=MP4_URL),
                     body(parts=[{"type": "video_url", "video_url": {"url": MP4_URL}}, TEXT], think=True)),
    "video, rate beside it": (dict(video="https://h/v.mp4", fps=0.5), body(parts=[{**VIDEO, "fps": 0.5}, TEXT], think=True)),
    "frames": (dict(frames=FRAMES), body(parts=[{"type": "video", "video": FRAMES}, TEXT], think=True)),
    "frames, rate beside them": (dict(frames=FRAMES, fps=2),
                                 body(parts=[{"type": "video", "video": FRAMES, "fps": 2}, TEXT], think=True)),
    "frames of kimi": (dict(model="kimi-k2.5", frames=[A] * 600),
                       body("kimi-k2.5", [{"type": "video", "video": [A] * 600}, TEXT], False)),
    "pixels beside every part": (
        dict(images=[A, B], video="https://h/v.mp4", min_pixels=5000, max_pixels=6000, fps=1),
        body(parts=[image(A, min_pixels=5000, max_pixels=6000), image(B, min_pixels=5000, max_pixels=6000),
                    {**VIDEO, "fps": 1, "min_pixels": 5000, "max_pixels": 6000}, TEXT], think=True)),
    "pixels at the bounds": (dict(min_pixels=4096, max_pixels=16_777_216),
                             body(parts=[image(min_pixels=4096, max_pixels=16_777_216), TEXT], think=True)),
    "pictures, video and frames": (dict(images=[A], video="https://h/v.mp4", frames=FRAMES),
                                   body(parts=[image(), VIDEO, {"type": "video", "video": FRAMES}, TEXT], think=True)),
    "high resolution": (dict(high_resolution=True), body(think=True, vl_high_resolution_images=True)),
    "high resolution of the reasoning model": (dict(model="qvq-plus", high_resolution=True),
                                               body("qvq-plus", vl_high_resolution_images=True)),
    "whole answer": (dict(stream=False), {
        "model": "qwen3.7-plus", "messages": [user(image(), TEXT)], "enable_thinking": True, "stream": False}),
    "system": (dict(system="S"), body(think=True, system="S")),
    "json object": (dict(json_object=True),
                    body(think=False, system="Answer in JSON.", response_format={"type": "json_object"})),
    "json said already": (dict(json_object=True, prompt="As JSON"), body(
        parts=[image(), {"type": "text", "text": "As JSON"}], think=False, response_format={"type": "json_object"})),
    "schema, which the service would lower to JSON mode without a word": (
        dict(schema=SCHEMA), body(think=False, response_format={"type": "json_object"}, system="Answer with JSON that matches "
                                  "this JSON Schema: " + json.dumps(SCHEMA))),
    "schema while it thinks": (
        dict(schema=SCHEMA, think=True), body(think=True, response_format={"type": "json_object"}, system="Answer with JSON "
                                              "that matches this JSON Schema: " + json.dumps(SCHEMA))),
    "more pictures than the others take": (dict(images=[A] * 2048), body(parts=[*[image()] * 2048, TEXT], think=True)),
    "long list of frames": (dict(frames=[A] * 8000), body(parts=[{"type": "video", "video": [A] * 8000}, TEXT], think=True)),
    "sampling": (dict(temperature=0, top_p=1.0, max_tokens=9, seed=0, stop=["END"]),
                 body(think=True, temperature=0, top_p=1.0, max_tokens=9, seed=0, stop=["END"])),
    "settings": (dict(settings=parse_settings(["top_k=20"])), body(think=True, top_k=20)),
    "request with a picture": (
        dict(request={"model": "qwen-vl-max", "messages": [user(image(B), TEXT)], "top_k": 3}),
        body("qwen-vl-max", [image(B), TEXT], top_k=3)),
    "flags over a request": (
        dict(images=[A], prompt="Q", request={"model": "qwen-vl-max", "messages": [user(image(B))], "stream": False}),
        {"model": "qwen-vl-max", "messages": [user(image(A), TEXT)], "stream": False}),
}


@each("fields, golden", [*FAMILY_BODIES.values(), *MEDIA_BODIES.values()],
      ids=[*FAMILY_BODIES, *MEDIA_BODIES])
def test_golden_body(fields, golden, post):
    assert body_of(**fields) == golden
    status, said = post(golden)
    assert status == 200, said


def test_every_row_of_the_table_has_a_golden_relative():
    seen = {(row.thinking, "stream" in row.features, "ocr" in row.features)
            for row in (TABLE.find(golden["model"])[0] for _, golden in FAMILY_BODIES.values())}
    assert {(row.thinking, "stream" in row.features, "ocr" in row.features) for row in TABLE.own} <= seen


def test_what_was_looked_at_arrives_inline(tmp_path, monkeypatch, post):
    """A path, stdin and a data URL of the wrong type, in this order: each with the type of its bytes."""
    path = tmp_path / "photo.txt"
    path.write_bytes(PNG)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(JPEG)))
    model = TABLE.find(DEFAULT_MODEL)[0]
    images = [media.look(argument, "--image", picture_limits(model))
              for argument in (str(path), "-", samples.data_url(PNG, "image/gif"), B)]
    assert address_all(images) == []
    built = build_request(Ask(images=images, prompt="Q"), model)[0]
    assert built["messages"] == [user(image(PNG_URL), image(JPEG_URL), image(PNG_URL), image(B), TEXT)]
    assert post(built)[0] == 200


def test_upload_is_named_by_its_address(tmp_path):
    found = media.Media("big.mp4", path="big.mp4")
    found.address = "oss://dashscope-instant/a/b.mp4"
    assert media_parts(Ask(video=found)) == [{"type": "video_url", "video_url": {"url": "oss://dashscope-instant/a/b.mp4"}}]


@pytest.mark.parametrize("model", ["qvq-max", "qvq-plus"])
def test_remark_where_a_stream_is_forced(model):
    assert build(model, stream=False)[1] == [f"{model} only streams its answers; the answer is collected and shown as a whole"]
    assert build(model)[1] == build("qwen3.7-plus", stream=False)[1] == []


def test_given_objects_are_not_changed():
    request, schema = {"messages": [user(image(B), TEXT)], "a": {"b": 1}}, json.loads(json.dumps(SCHEMA))
    before = json.dumps([request, schema])
    build(request=request, images=[A], prompt="New", system="S", schema=schema, settings=[(["a", "b"], 2)])
    build(ocr=KEYS, schema=schema, settings=[(["ocr_options", "task_config", "result_schema", "x"], 2)])
    assert json.dumps([request, schema]) == before


def test_new_question_keeps_the_pictures_of_a_request():
    parts = body_of(request={"messages": [user(image(B), {"type": "text", "text": "old"})]},
                    prompt="Q")["messages"][-1]["content"]
    assert image(B) in parts and TEXT in parts, "a question about a picture that is not sent any more"


@pytest.mark.parametrize("prompt",
                         ["it's \"quoted\"", "two\nlines\r\n", "😀 emoji", "你好，世界", "-5", "  blanks stay  ", "\u2028"])
def test_prompt_is_never_changed(prompt):
    assert user_parts(Ask(images=[at(A)], prompt=prompt)) == [image(), {"type": "text", "text": prompt}]


# ---- each model with each flag: what the client lets through, the emulator takes --------------------------------------

FLAGS = (dict(), dict(stream=False), dict(think=True), dict(think=False), dict(thinking_budget=100), dict(json_object=True),
         dict(schema=SCHEMA), dict(schema=SCHEMA, stream=False), dict(system="S"), dict(high_resolution=True),
         dict(images=[A, B]),
         dict(images=[A] * 256), dict(video="https://h/v.mp4", fps=1), dict(frames=[A] * 4), dict(frames=[A] * 512),
         dict(ocr=PLAIN_OCR), dict(ocr="text_recognition"), dict(min_pixels=5000, max_pixels=6000))


def test_emulator_takes_what_the_client_lets_through(post):
    """Rows with the same abilities behave alike, so one of each kind is asked."""
    refused = []
    for row in {row._replace(id="", price=None, retired="", successor=""): row for row in TABLE.own}.values():
        low, high = row.sees.pixels
        limits = [dict(max_tokens=row.max_output)] * bool(row.max_output)
        limits += [dict(thinking_budget=row.max_thinking)] * bool(row.max_thinking) + [dict(min_pixels=low, max_pixels=high)] * bool(high)
        for fields in (*FLAGS, *limits):
            try:
                built = body_of(row.id, **fields)
            except Failure as failure:
                assert fields not in ({}, dict(stream=False)) and fields not in limits, failure.message
                continue
            status, said = post(built)
            refused += [] if status == 200 else [(row.id, str(fields)[:80], said)]
    assert refused == []


@pytest.mark.parametrize("name",
                         ["qwen-vl-max-2025-01-25", "qwen-vl-max-1230", "qwen-vl-plus-2025-05-07", "qwen-vl-plus-0102"])
def test_old_snapshots_have_limits_of_their_own(name, post):
    """Section 4.4: the 28 grid of older snapshots ends at 12,845,056 pixels."""
    refused = []
    for fields in (dict(max_pixels=16_777_216), dict(max_pixels=12_845_056), dict()):
        try:
            refused += [said for status, said in [post(body_of(name, **fields))] if status != 200]
        except Failure as failure:
            assert fields == dict(max_pixels=16_777_216), failure.message
    assert refused == []


# ---- refusals --------------------------------------------------------------------------------------------------------

NOTHING = dict(images=[])
REFUSED = (
    (None, NOTHING, ["no picture and no video", "--image", "--video", "--frames"]),
    (None, dict(prompt=None), ["no question", "vision.py"]),
    (None, dict(fps=1), ["--fps", "--video", "--frames"]),
    # features
    ("kimi-k2.6", dict(high_resolution=True), ["--high-resolution", "kimi-k2.6", "qwen3.7-plus"]),
    ("qwen-vl-ocr", dict(high_resolution=True), ["--high-resolution", "qwen-vl-ocr", "qwen3.7-plus"]),
    ("kimi-k2.6", dict(json_object=True), ["--json-object", "kimi-k2.6", "qwen3.7-plus"]),
    ("qvq-max", dict(schema=SCHEMA), ["--schema", "qvq-max", "qwen3.7-plus"]),
    ("qwen3-vl-8b-thinking", dict(json_object=True), ["--json-object", "qwen3-vl-8b-thinking", "qwen3.7-plus"]),
    ("qvq-max", dict(system="S"), ["--system", "qvq-max ignores it", "into the prompt"]),
    ("qwen-vl-ocr", dict(images=[A, B]), ["qwen-vl-ocr", "one picture", "qwen3.7-plus"]),
    (None, dict(json_object=True, schema=SCHEMA), ["--json-object", "--schema", "leave one of them out"]),
    # OCR
    ("qwen3.7-plus", dict(ocr=PLAIN_OCR), ["--ocr", "qwen3.7-plus is not an OCR model", "qwen-vl-ocr"]),
    ("vanchin/deepseek-ocr", dict(ocr="table_parsing"), ["--ocr table_parsing", "vanchin/deepseek-ocr", "qwen-vl-ocr"]),
    (None, dict(ocr=PLAIN_OCR, images=[A, B]), ["--ocr", "exactly one picture"]),
    (None, dict(ocr=PLAIN_OCR, images=[]), ["no picture", "--image"]),
    (None, dict(ocr=PLAIN_OCR, images=[], video=A), ["--ocr", "exactly one picture"]),
    (None, dict(ocr="multi_lan", frames=[A] * 4, images=[A]), ["--ocr", "exactly one picture"]),
    (None, dict(ocr="table_parsing", prompt="Q"), ["--ocr table_parsing", "would ignore a prompt", "leave out the task"]),
    (None, dict(ocr="table_parsing", schema=FIELDS), ["--schema", "--ocr table_parsing", KEYS]),
    (None, dict(ocr=PLAIN_OCR, schema=SCHEMA), ["--schema", "qwen-vl-ocr"]),
    (None, dict(ocr="multi_lan", json_object=True), ["--json-object", "leave it out"]),
    (None, dict(ocr="multi_lan", system="S"), ["--system", "leave it out"]),
    (None, dict(ocr="multi_lan", request={"top_k": 1}, images=[A]), ["--request", "leave it out"]),
    (None, dict(ocr="multi_lan", high_resolution=True), ["--high-resolution", "qwen-vl-ocr"]),
    (None, dict(ocr="multi_lan", fps=1), ["--fps"]),
    (None, dict(ocr=PLAIN_OCR, think=True), ["qwen-vl-ocr cannot think", "--think"]),
    (None, dict(ocr="multi_lan", think=True), ["--think"]),
    (None, dict(ocr="multi_lan", thinking_budget=5), ["--thinking-budget"]),
    # pixels
    ("kimi-k2.6", dict(max_pixels=5000), ["--max-pixels", "kimi-k2.6", "leave it out"]),
    (None, dict(min_pixels=4095), ["--min-pixels 4095", "qwen3.7-plus", "from 4096 to 16777216"]),
    (None, dict(max_pixels=16_777_217), ["--max-pixels 16777217", "from 4096 to 16777216"]),
    ("qvq-max", dict(max_pixels=12_845_057), ["--max-pixels 12845057", "from 3136 to 12845056"]),
    (None, dict(ocr=PLAIN_OCR, max_pixels=23_520_001), ["--max-pixels 23520001", "from 3136 to 23520000"]),
    (None, dict(min_pixels=6000, max_pixels=5000), ["--min-pixels 6000", "--max-pixels 5000", "swap"]),
    (None, dict(high_resolution=True, max_pixels=5000), ["--high-resolution", "--max-pixels", "leave one"]),
    (None, dict(high_resolution=True, min_pixels=5000), ["--high-resolution", "--min-pixels", "leave one"]),
    # videos and how many
    ("gui-plus", dict(video=A), ["gui-plus does not take videos", "qwen3.7-plus"]),
    ("vanchin/deepseek-ocr", dict(frames=[A] * 4), ["vanchin/deepseek-ocr does not take videos", "qwen3.7-plus"]),
    (None, dict(frames=[A] * 3), ["--frames: 3 pictures", "4 to 8000", "--image"]),
    ("qwen-vl-max", dict(frames=[A] * 513), ["--frames: 513 pictures", "4 to 512"]),
    ("kimi-k2.5", dict(frames=[A] * 2001), ["--frames: 2,001", "4 to 2000"]),
    ("qwen3.6-plus", dict(images=[A] * 257), ["257", "256"]),
    # tokens and thinking
    (None, dict(max_tokens=65_537), ["--max-tokens 65537", "qwen3.7-plus", "from 1 to 65536"]),
    ("qwen3-vl-plus", dict(thinking_budget=81_921), ["--thinking-budget 81921", "from 1 to 81920"]),
    ("qwen-vl-max", dict(think=True), ["qwen-vl-max cannot think", "qwen3.7-plus"]),
    ("qvq-max", dict(think=False), ["--no-think", "qvq-max always thinks"]),
    ("kimi-k2.6", dict(thinking_budget=5), ["--thinking-budget", "kimi-k2.6", "qwen3.7-plus"]),
    ("qwen3.6-plus", dict(think=True, schema=SCHEMA), ["--schema excludes thinking", "leave out --think"]),
    (None, dict(think=False, thinking_budget=5), ["--thinking-budget", "leave out --no-think"]),
    # --request and --set
    (None, dict(request={"messages": "Hi"}), ["messages", "JSON list"]),
    (None, dict(request={"messages": [{"role": "bot", "content": "x"}]}), ["message 1 has no role"]),
    (None, dict(settings=parse_settings(["model.x=1"])), ["--set model.x", "is not an object"]),
)


@each("model, fields, words", REFUSED, ids=lambda item: json.dumps(item, default=str)[:60])
def test_refusal_names_the_flag_and_the_way_out(model, fields, words):
    said = refusal(model, **fields)
    assert [word for word in words if word not in said] == [], said
    assert said.split(" | ")[1], "a refusal says what to do next"


BLIND = """qwen3.7-max qwen3.7-max-2026-05-20 qwen3.6-max-preview qwen3-max qwen3-max-2026-01-23 qwen-plus qwen-plus-latest
    qwen-plus-us qwen-flash qwen-turbo qwen-max qwq-plus qwen-long qwen-doc-turbo qwen3-coder-plus qwen-mt-plus qwen-plus-character
    qwen3-235b-a22b qwen3-next-80b-a3b-instruct deepseek-v4-pro deepseek-v3.2 deepseek-r1 glm-5.1 glm-5.3 ZHIPU/GLM-5.3 MiniMax-M2.5
    kimi-k2-thinking kimi-k3 xiaomi/mimo-v2.5-pro""".split()


def test_model_that_cannot_see_is_refused():
    for name in BLIND:
        said = refusal(name)
        assert said.startswith(f"{name} takes only text")
        named = [word.strip(",") for word in said.split("one of:")[1].split()]
        assert DEFAULT_MODEL in named and len(named) > 3
        assert {row.id for row in TABLE.live()} >= set(named), "it names models that see and live"


def test_no_model_that_sees_is_taken_for_blind():
    """What the emulator shows pictures to, and what nobody knows yet."""
    seeing = [name for name, model in emulated.MODELS.items() if model.vision]
    blind = [name for name in (*seeing, "qwen2.5-vl-72b-instruct", "qwen3-omni-flash", "deepseek-v5", "someone/new")
             if TABLE.find(name)[0].sees is None]
    assert blind == []


# ---- the table of models ---------------------------------------------------------------------------------------------

LONG, OPEN, VL, OLD = (991_808, 65_536), (260_096, 65_536), (260_096, 32_768), (129_024, 8_192)
# id, thinking, (input, output) tokens, most thinking, JSON, (fewest, most) pixels, most frames, video bytes, video seconds,
# picture megabytes: written from sections 2.3, 4.2 to 4.4 and 8 of the contract and 1 to 4 of the updates, not from the table.
# None: not said.
P32, P28 = (4096, 16_777_216), (3136, 12_845_056)
CATALOGUE = (
    *((name, "on", LONG, None, True, P32, 8000, 2e9, 7200, 20) for name in (
        "qwen3.7-plus", "qwen3.7-flash", "qwen3.6-plus", "qwen3.6-flash", "qwen3.5-plus", "qwen3.5-flash")),
    ("qwen3.6-flash", "on", LONG, 131_072, True, P32, 8000, 2e9, 7200, 20),
    ("qwen3.5-plus", "on", LONG, 81_920, True, P32, 8000, 2e9, 7200, 20),
    *((name, "on", (None, 131_072), None, True, P32, 8000, 2e9, 7200, 20) for name in (
        "qwen3.8-max", "qwen3.8-max-0902", "qwen3.8-flash")),
    ("qwen3.8-2.4t-a95b", "always", (None, None), None, None, P32, 8000, 2e9, 7200, 20),
    *((name, "on", OPEN, None, True, P32, 8000, 2e9, 7200, 20) for name in (
        "qwen3.6-27b", "qwen3.6-35b-a3b", "qwen3.5-397b-a17b", "qwen3.5-122b-a10b", "qwen3.5-27b", "qwen3.5-35b-a3b")),
    ("qwen3-vl-plus", "off", VL, 81_920, True, P32, 2000, 2e9, 3600, 20),
    ("qwen3-vl-flash", "off", VL, 81_920, True, P32, 2000, 2e9, 3600, 20),
    *((f"qwen3-vl-{size}-instruct", "never", (129_024, 32_768), 0, True, P32, frames, 2e9, seconds, 20)
      for size, frames, seconds in (("235b-a22b", 2000, 3600), ("30b-a3b", 512, 1200), ("32b", 512, 1200), ("8b", 512, 1200))),
    *((f"qwen3-vl-{size}-thinking", "always", (126_976, 32_768), 81_920, False, P32, frames, 2e9, seconds, 20)
      for size, frames, seconds in (("235b-a22b", 2000, 3600), ("30b-a3b", 512, 1200), ("32b", 512, 1200), ("8b", 512, 1200))),
    ("qwen-vl-max", "never", OLD, 0, True, P32, None, 2e9, None, 10),
    ("qwen-vl-plus", "never", OLD, 0, True, P32, None, 1e9, None, 10),
    ("qwen-vl-ocr", "never", (30_000, None), 0, False, (3136, 23_520_000), 0, None, None, 10),
    ("qwen-vl-ocr-latest", "never", (30_000, 8_192), 0, False, (3072, 30_720_000), 0, None, None, 10),
    ("qwen-vl-ocr-2025-08-28", "never", (30_000, 4_096), 0, False, (3136, 23_520_000), 0, None, None, 10),
    ("qvq-max", "always", (106_496, 8_192), 0, False, P28, None, 1e9, 600, 10),
    ("gui-plus", "off", (254_976, 32_768), None, None, P28, None, None, None, 10),
    ("kimi-k2.6", "off", (229_376, 16_384), None, False, (0, 0), 2000, None, None, 10),
    ("kimi-k2.5", "off", (229_376, 16_384), 81_920, False, (0, 0), 2000, None, None, 10),
    ("kimi/kimi-k2.6", "on", (262_144, 262_144), None, True, (0, 0), 2000, None, None, 10),
    ("vanchin/deepseek-ocr", "never", (8_192, 8_192), 0, True, None, 0, None, None, 10),
)


def test_rows_against_the_contract():
    wrong = []
    for name, thinking, tokens, budget, promised, pixels, frames, video_bytes, seconds, megabytes in CATALOGUE:
        row = TABLE.find(name)[0]
        pairs = ((thinking, row.thinking), (tokens[0], row.max_input), (tokens[1], row.max_output), (budget, row.max_thinking),
                 (promised, "so" in row.features), (pixels, row.sees.pixels), (frames, row.sees.frames[1]),
                 (video_bytes, row.sees.video_bytes), (seconds, row.sees.video_seconds), (megabytes * 10**6, row.sees.picture_bytes))
        wrong += [(name, wanted, found) for wanted, found in pairs if wanted is not None and wanted != found]
    assert wrong == []


def test_table_is_whole():
    assert all("tb" in row.features for row in TABLE.own if row.max_thinking)
    assert all(row.sees.frames[0] in (0, 4) for row in TABLE.own)
    assert (DEFAULT_MODEL, OCR_MODEL) == ("qwen3.7-plus", "qwen-vl-ocr")
    assert {row.id for row in TABLE.own if "stream" in row.features} == {"qvq-max", "qvq-plus"}
    assert TABLE.names(lambda row: "ocr-tasks" in row.features).split(", ") == [
        "qwen-vl-ocr", "qwen-vl-ocr-latest", "qwen-vl-ocr-2025-11-20", "qwen-vl-ocr-1028", "qwen-vl-ocr-2024-10-28", "qwen3.5-ocr"]
    assert [family.id for family in FAMILIES].count("") == 1


def test_client_and_emulator_agree():
    """Of the models whose limits are published: those of the last column are the emulator's own guess."""
    both = {row.id: (row, emulated.MODELS[row.id]) for row in TABLE.own if row.id in emulated.MODELS}
    assert len(both) > 40
    differ = [name for name, (row, model) in both.items() if row.thinking != model.thinking or row.sees.pixels[1] != (
        model.sight.most_pixels if model.sight.pixel_bounds else 0) or row.sees.frames[1] != (model.sight.frames[1] if model.sight.videos
                                                                                              and row.sees.frames[1] else 0)
        or (row.max_output and (row.max_input, row.max_output) != (model.max_input, model.max_output))]
    assert differ == []


@pytest.mark.parametrize("name, like, warned", [
    ("qwen3.7-plus-2026-04-02", "qwen3.7-plus", False), ("qwen-vl-max-latest", "qwen-vl-max", True),
    ("qwen3.9-nova", "qwen3.5-plus", True), ("qwen-vl-ocr-next", "qwen-vl-ocr", True), ("qvq-72b-preview", "qvq-max", True),
    ("gui-plus-2026-02-26", "gui-plus", False)])
def test_lookup_of_ids(name, like, warned):
    row, warning = TABLE.find(name)
    assert (row.id, bounds(row).sees) == (name, TABLE.find(like)[0].sees)
    assert warned or row == TABLE.find(like)[0]._replace(id=name)
    assert bool(warning) is warned and (not warned or name in warning and re.search(r"\d{4}-\d\d-\d\d", warning))


def test_unknown_id_is_let_through_without_limits():
    row, warning = TABLE.find("someone/new")
    assert row.thinking is None and "someone/new is not in this version's model table" in warning
    assert picture_limits(row).max_bytes == 0 and video_limits(row).max_seconds == 0


def test_formats_and_sides_of_pictures():
    name = "qwen3.7-plus"
    limits = picture_limits(TABLE.find(name)[0])
    assert (limits.max_bytes, limits.min_side, limits.max_ratio) == (20_000_000, 11, 200)
    assert set(limits.formats) == {f"image/{name}" for name in ("bmp", "jpeg", "png", "tiff", "webp", "heic")}
    assert set(video_limits(TABLE.find(name)[0]).formats) == {
        "video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/x-flv", "video/x-ms-wmv"}
