"""From flags to the request: golden bodies for every model and mode, counts, flags, boxes, sizes of requests, and prices.

The golden bodies are written from the image contract, not from the table of models. Each is also posted to the emulator,
so that client and emulator prove each other.
"""
from __future__ import annotations

import argparse
import json
import re

import pytest

import image_fields
from image_models import DEFAULT_MODEL, FUNCTIONS, MODELS, TABLE
from image_request import Ask, build_request, by_calls
from shared.body import parse_settings
from shared.failures import Exit, Failure
from shared.media import inputs as media
from tests.conftest import post_json
from tests.folding import each

AIGC = "/services/aigc/"
SYNC = AIGC + "multimodal-generation/generation"
E2, E3, E4 = AIGC + "image-generation/generation", AIGC + "text2image/image-synthesis", AIGC + "image2image/image-synthesis"
OUT, BACKGROUND = AIGC + "image2image/out-painting", AIGC + "background-generation/generation/"
VIRTUAL = AIGC + "virtualmodel/generation/"
TASK = {"X-DashScope-Async": "enable"}
EVENTS = {"X-DashScope-Sse": "enable", "Accept": "text/event-stream"}
A, B, C = "https://h/a.png", "https://h/b.jpg", "https://h/c.webp"
MASK = "https://h/mask.png"
OSS = "oss://dashscope-instant/a/b/c.png"


def at(url, width=0, height=0):
    found = media.Media(url, url=url)
    found.width, found.height = width, height
    return found


def build(model=None, **fields):
    """(the Call, the remarks); pictures are given by their addresses, settings as on the command line."""
    fields["images"] = [at(one) if isinstance(one, str) else one for one in fields.get("images", ())]
    fields["mask"] = at(fields["mask"]) if fields.get("mask") else None
    fields["settings"] = parse_settings(fields.get("settings", ()))
    ask = Ask(model=model, **fields)
    return build_request(ask, TABLE.find(ask.model_name())[0])


def call_of(model=None, **fields):
    return build(model, **fields)[0]


def body_of(model=None, **fields):
    return call_of(model, **fields).body


def refusal(model=None, **fields):
    with pytest.raises(Failure) as caught:
        build(model, **fields)
    assert caught.value.exit_code == Exit.USAGE and caught.value.fix
    return f"{caught.value.message} | {caught.value.fix}"


def messages(prompt, *pictures):
    return {"messages": [{"role": "user", "content": [*({"image": one} for one in pictures), {"text": prompt}]}]}


@pytest.fixture
def post(emulator):
    """Send a call to the emulator; returns the status and the start of what it says."""
    def send(call):
        return post_json(f"{emulator.url}/api/v1{call.path}", call.body, call.headers)
    return send


# ---- golden bodies ---------------------------------------------------------------------------------------------------

def row(path, mode, fields, model_input, parameters, expected=1):
    headers = {} if path == SYNC else TASK
    if parameters.get("stream"):
        headers = EVENTS
    return path, headers, mode, fields, model_input, parameters, expected


P1, P2, P3 = messages("P"), messages("P", A), messages("P", A, B)
N1 = {"n": 1}
LOOKS = dict(negative="bad", seed=7, prompt_extend=False, watermark=True)
LOOKS_SENT = {"negative_prompt": "bad", "seed": 7, "prompt_extend": False, "watermark": True}
MAKE, EDIT = dict(prompt="P"), dict(prompt="P", images=[A])
GOLDEN = {
    "qwen-image-3.0-pro": [
        row(SYNC, "make", MAKE, P1, N1), row(SYNC, "edit", EDIT, P2, N1),
        row(E2, "make", dict(MAKE, task=True, think=False), P1, {"n": 1, "enable_thinking": False}),
        row(E2, "edit", dict(EDIT, task=True, n=2), P2, {"n": 2}, 2)],
    "qwen-image-3.0": [
        row(SYNC, "make", dict(MAKE, size=(512, 512)), P1, {"n": 1, "size": "512*512"}),
        row(SYNC, "edit", dict(EDIT, n=6, **LOOKS), P2, {"n": 6, **LOOKS_SENT}, 6), row(E2, "make", dict(MAKE, task=True), P1, N1)],
    "qwen-image-2.0-pro": [
        row(SYNC, "make", dict(MAKE, size=(2688, 1536)), P1, {"n": 1, "size": "2688*1536"}),
        row(SYNC, "edit", dict(prompt="P", images=[A, B, C], n=6), messages("P", A, B, C), {"n": 6}, 6)],
    "qwen-image-2.0": [
        row(SYNC, "make", dict(MAKE, **LOOKS), P1, {"n": 1, **LOOKS_SENT}),
        row(SYNC, "edit", dict(prompt="P", images=[A, B], size=(1536, 1024), n=2), P3, {"n": 2, "size": "1536*1024"}, 2)],
    "qwen-image-2.1-pro": [
        row(SYNC, "make", dict(MAKE, seed=7, n=6), P1, {"n": 6, "seed": 7}, 6),
        row(SYNC, "edit", dict(prompt="P", images=[A] * 10), messages("P", *[A] * 10), N1)],
    "qwen-image-2.1-turbo": [
        row(SYNC, "make", dict(MAKE, size=(512, 2048)), P1, {"n": 1, "size": "512*2048"}),
        row(SYNC, "edit", dict(prompt="P", images=[A, B, C], watermark=False), messages("P", A, B, C),
            {"n": 1, "watermark": False})],
    "qwen-image-max": [row(SYNC, "make", dict(MAKE, size=(1664, 928), **LOOKS), P1, {"n": 1, "size": "1664*928", **LOOKS_SENT})],
    "qwen-image-plus": [
        row(SYNC, "make", dict(MAKE, **LOOKS), P1, {"n": 1, **LOOKS_SENT}),
        row(E3, "make", dict(MAKE, task=True, size=(928, 1664), **LOOKS), {"prompt": "P"},
            {"n": 1, "size": "928*1664", **LOOKS_SENT})],
    "qwen-image": [row(SYNC, "make", MAKE, P1, N1), row(E3, "make", dict(MAKE, task=True), {"prompt": "P"}, N1)],
    "qwen-image-plus-2026-01-09": [row(SYNC, "make", dict(MAKE, size=(1328, 1328)), P1, {"n": 1, "size": "1328*1328"})],
    "qwen-image-edit-max": [row(SYNC, "edit", dict(EDIT, n=6, size=(512, 2048)), P2, {"n": 6, "size": "512*2048"}, 6)],
    "qwen-image-edit-plus": [row(SYNC, "edit", dict(EDIT, **LOOKS), P2, {"n": 1, **LOOKS_SENT})],
    "qwen-image-edit": [row(SYNC, "edit", dict(prompt="P", images=[A, B, C], negative="bad", seed=0, watermark=False),
                            messages("P", A, B, C), {"n": 1, "negative_prompt": "bad", "seed": 0, "watermark": False})],
    "z-image-turbo": [row(SYNC, "make", MAKE, P1, {}),
                      row(SYNC, "make", dict(MAKE, n=1, prompt_extend=True, seed=1, size=(1024, 1536)), P1,
                          {"prompt_extend": True, "seed": 1, "size": "1024*1536"})],
    "wan2.7-image-pro": [
        row(SYNC, "make", dict(MAKE, size="4K", think=False), P1, {"n": 1, "size": "4K", "thinking_mode": False}),
        row(SYNC, "edit", dict(prompt="P", images=[A] * 9, size="2K", n=4), messages("P", *[A] * 9), {"n": 4, "size": "2K"}, 4),
        row(SYNC, "series", dict(MAKE, series=True, n=12), P1, {"n": 12, "enable_sequential": True}, 12),
        row(E2, "make", dict(MAKE, task=True), P1, N1)],
    "wan2.7-image": [
        row(SYNC, "make", dict(MAKE, seed=2147483647, watermark=False, think=True), P1,
            {"n": 1, "seed": 2147483647, "watermark": False, "thinking_mode": True}),
        row(SYNC, "edit", dict(prompt="P", images=[A, B], box=[(1, [989, 515, 1138, 681])], size="2K", watermark=False), P3,
            {"bbox_list": [[[989, 515, 1138, 681]], []], "size": "2K", "n": 1, "watermark": False}),
        row(E2, "edit", dict(EDIT, task=True), P2, N1),
        row(SYNC, "series", dict(EDIT, series=True, n=3), P2, {"n": 3, "enable_sequential": True}, 3),
        row(E2, "series", dict(MAKE, series=True, n=1, task=True), P1, {"n": 1, "enable_sequential": True})],
    "wan2.6-t2i": [row(SYNC, "make", dict(MAKE, size=(1440, 1280), **LOOKS), P1, {"n": 1, "size": "1440*1280", **LOOKS_SENT}),
                   row(E2, "make", dict(MAKE, task=True, n=4), P1, {"n": 4}, 4)],
    "wan2.6-image": [
        row(SYNC, "edit", dict(EDIT, size="1K", **LOOKS), P2, {"n": 1, "size": "1K", **LOOKS_SENT}),
        row(E2, "edit", dict(prompt="P", images=[A] * 4, n=4, task=True), messages("P", *[A] * 4), {"n": 4}, 4),
        row(SYNC, "interleave", dict(MAKE, interleave=True), P1,
            {"n": 1, "enable_interleave": True, "max_images": 1, "stream": True}),
        row(SYNC, "interleave", dict(EDIT, interleave=True, max_images=5, negative="bad", size=(1280, 1280)), P2,
            {"n": 1, "enable_interleave": True, "max_images": 5, "stream": True, "negative_prompt": "bad", "size": "1280*1280"}, 5),
        row(E2, "interleave", dict(MAKE, interleave=True, max_images=3, task=True), P1,
            {"n": 1, "enable_interleave": True, "max_images": 3}, 3)],
    "wan2.5-t2i-preview": [row(E3, "make", dict(MAKE, size=(768, 2700), **LOOKS), {"prompt": "P", "negative_prompt": "bad"},
                               {"n": 1, "size": "768*2700", "seed": 7, "prompt_extend": False, "watermark": True})],
    "wan2.5-i2i-preview": [row(E4, "edit", dict(prompt="P", images=[A, B], n=4, **LOOKS),
                               {"prompt": "P", "images": [A, B], "negative_prompt": "bad"},
                               {"n": 4, "seed": 7, "prompt_extend": False, "watermark": True}, 4)],
    "wan2.2-t2i-flash": [row(E3, "make", dict(MAKE, negative="people", size=(1024, 1024), prompt_extend=True, watermark=False),
                             {"prompt": "P", "negative_prompt": "people"},
                             {"size": "1024*1024", "n": 1, "prompt_extend": True, "watermark": False})],
    "wan2.2-t2i-plus": [row(E3, "make", MAKE, {"prompt": "P"}, N1)],
    "wanx2.1-t2i-turbo": [row(E3, "make", dict(MAKE, n=4), {"prompt": "P"}, {"n": 4}, 4)],
    "wanx2.1-t2i-plus": [row(E3, "make", dict(MAKE, seed=1), {"prompt": "P"}, {"n": 1, "seed": 1})],
    "wanx2.0-t2i-turbo": [row(E3, "make", MAKE, {"prompt": "P"}, N1)],
    "wanx2.1-imageedit": [
        row(E4, "function", dict(EDIT, function="expand", settings=["left_scale=1.5", "right_scale=1.5"]),
            {"function": "expand", "prompt": "P", "base_image_url": A}, {"left_scale": 1.5, "right_scale": 1.5, "n": 1}),
        row(E4, "function", dict(EDIT, mask=MASK), {
            "function": "description_edit_with_mask", "prompt": "P", "base_image_url": A, "mask_image_url": MASK}, N1),
        row(E4, "function", dict(EDIT, function="stylization_all", strength=0.25, seed=3, watermark=True, n=4),
            {"function": "stylization_all", "prompt": "P", "base_image_url": A},
            {"n": 4, "strength": 0.25, "seed": 3, "watermark": True}, 4),
        *(row(E4, "function", dict(EDIT, function=name, settings=settings), {
            "function": name, "prompt": "P", "base_image_url": A}, {"n": 1, **sent}) for name, settings, sent in (
                ("stylization_local", (), {}), ("description_edit", (), {}), ("remove_watermark", (), {}), ("colorization", (), {}),
                ("control_cartoon_feature", (), {}), ("doodle", ["is_sketch=true"], {"is_sketch": True}),
                ("super_resolution", ["upscale_factor=4"], {"upscale_factor": 4}),
                ("expand", ["top_scale=1.0", "parameters.bottom_scale=2"], {"top_scale": 1.0, "bottom_scale": 2})))],
    "qwen-mt-image": [
        row(E4, "translate", dict(images=[A], translate_to="en"), {"image_url": A, "target_lang": "en", "source_lang": "auto"}, {}),
        row(E4, "translate", dict(images=[A], translate_to="en", translate_from="zh", settings=[
            "input.ext.domainHint=a menu"]), {
            "image_url": A, "target_lang": "en", "source_lang": "zh", "ext": {"domainHint": "a menu"}}, {})],
    "qwen-mt-image-2.0": [
        row(E4, "translate", dict(images=[A], translate_to="is"), {"image_url": A, "target_lang": "is", "source_lang": "auto"},
            {})],
    "wanx-v1": [row(E3, "tool", dict(MAKE, size=(720, 1280), negative="bad", seed=2, settings=["style=<sketch>"]),
                    {"prompt": "P", "negative_prompt": "bad"}, {"n": 1, "size": "720*1280", "seed": 2, "style": "<sketch>"}),
                row(E3, "tool", dict(EDIT, n=4, settings=["ref_mode=repaint"]), {"prompt": "P", "ref_img": A},
                    {"n": 4, "ref_mode": "repaint"}, 4)],
    "wanx-style-repaint-v1": [
        row(E2, "tool", dict(images=[A], settings=["input.style_index=3"]), {"image_url": A, "style_index": 3}, {}),
        row(E2, "tool", dict(images=[A, B]), {"image_url": A, "style_ref_url": B, "style_index": -1}, {})],
    "image-out-painting": [row(OUT, "tool", dict(images=[A], watermark=False, settings=["angle=90", "x_scale=1.5"]),
                               {"image_url": A}, {"add_watermark": False, "angle": 90, "x_scale": 1.5})],
    "image-erase-completion": [
        row(E4, "tool", dict(images=[A], mask=MASK), {"image_url": A, "mask_url": MASK}, {}),
        row(E4, "tool", dict(images=[A, B], mask=MASK, watermark=True, settings=["fast_mode=true"]),
            {"image_url": A, "foreground_url": B, "mask_url": MASK}, {"add_watermark": True, "fast_mode": True})],
    "image-instance-segmentation": [row(E4, "tool", dict(images=[A]), {"image_url": A}, {})],
    "wanx-sketch-to-image-lite": [row(E4, "tool", dict(EDIT, size=(768, 768), n=2), {"prompt": "P", "sketch_image_url": A},
                                      {"n": 2, "size": "768*768"}, 2)],
    "wanx-x-painting": [row(E4, "tool", dict(EDIT, mask=MASK), {"prompt": "P", "base_image_url": A, "mask_image_url": MASK}, N1)],
    "wanx-background-generation-v2": [
        row(BACKGROUND, "tool", dict(prompt="P", images=[A, B], n=4, settings=["model_version=v3"]),
            {"ref_prompt": "P", "base_image_url": A, "ref_image_url": B}, {"n": 4, "model_version": "v3"}, 4)],
    **{name: [row(VIRTUAL, "tool", dict(settings=["input.x=1"]), {"x": 1}, {})]
       for name in ("wanx-virtualmodel", "virtualmodel-v2", "shoemodel-v1")},
    "wanx-poster-generation-v1": [row(E3, "tool", dict(settings=["input.title=Sale", "input.sub_title=Today"]),
                                      {"title": "Sale", "sub_title": "Today"}, {})],
    "kling/kling-v3-image-generation": [
        row(E2, "make", dict(MAKE, aspect="16:9", quality="high", n=9), P1, {"n": 9, "aspect_ratio": "16:9", "resolution": "2k"}, 9),
        row(E2, "edit", dict(EDIT, quality="low"), P2, {"n": 1, "resolution": "1k"})],
    "kling/kling-v3-omni-image-generation": [
        row(E2, "make", dict(MAKE, aspect="42:18", quality="high"), P1, {"n": 1, "aspect_ratio": "21:9", "resolution": "4k"}),
        row(E2, "edit", dict(prompt="P", images=[A, B]), P3, N1)],
    "vidu/viduq2_reference2image": [
        row(E2, "make", dict(MAKE, size=(1024, 1024)), P1, {"n": 1, "size": "1024*1024"}),
        row(E2, "edit", dict(prompt="P", images=[A] * 14, seed=4), messages("P", *[A] * 14), {"n": 1, "seed": 4})],
    **{f"vidu/{name}_reference2image": [
        row(E2, "make", dict(MAKE, size=(1024, 1024)), P1, {"n": 1, "size": "1024*1024"}), row(E2, "edit", EDIT, P2, N1)]
       for name in ("vidu-image", "vidu-image-pro", "vidu-image-lite", "viduq3-fast", "viduq2-pro", "viduq2-fast")},
}
NEVER_OFFERED = {"wordart-semantic", "wordart-texture", "wordart-surnames", "aitryon", "aitryon-plus", "aitryon-refiner",
                 "aitryon-parsing-v1", "facechain-generation"}
ROWS = [one for one in MODELS if one.id not in NEVER_OFFERED]
VIDU = [f"vidu/{name}_reference2image" for name in (
    "viduq2", "vidu-image", "vidu-image-pro", "vidu-image-lite", "viduq3-fast", "viduq2-pro", "viduq2-fast")]
CASES = [(model, number, *case) for model, cases in GOLDEN.items() for number, case in enumerate(cases)]
IDS = [f"{case[0]}-{case[4]}-{case[1]}" for case in CASES]


@each("model, number, path, headers, mode, fields, model_input, parameters, expected", CASES, ids=IDS)
def test_golden_request(model, number, path, headers, mode, fields, model_input, parameters, expected):
    call = call_of(model, **fields)
    assert call.body == {"model": model, "input": model_input, "parameters": parameters}
    assert (call.path, call.headers) == (path, headers)
    assert (call.mode, call.task, call.stream, call.expected) == (mode, path != SYNC, headers == EVENTS, expected)


@each("model, number, path, headers, mode, fields, model_input, parameters, expected", CASES, ids=IDS)
def test_the_emulator_takes_the_golden_request(model, number, path, headers, mode, fields, model_input, parameters, expected, post):
    body = {"model": model, "input": model_input, "parameters": parameters}
    status, said = post(call_of(model, **fields)._replace(path=path, headers=headers, body=body))
    assert status == 200, said
    assert (TASK == headers) == ('"PENDING"' in said)


def test_every_row_and_mode_has_a_golden_request():
    golden = {(model, case[2]) for model, cases in GOLDEN.items() for case in cases}
    assert {(one.id, mode) for one in ROWS for mode in one.does} == golden
    tasks = {(model, case[0] != SYNC) for model, cases in GOLDEN.items() for case in cases}
    assert {(one.id, is_task) for one in ROWS for is_task, path in ((False, one.direct), (True, one.task)) if path} == tasks


def test_a_request_is_the_same_when_it_is_built_again():
    """It is built once before an upload and once after it."""
    ask = Ask(prompt="P", model="wanx2.1-imageedit", images=[at(A)], mask=at(MASK))
    first, second = (build_request(ask, TABLE.find("wanx2.1-imageedit")[0])[0] for _ in range(2))
    assert first == second and first.body is not second.body


@pytest.mark.parametrize("prompt", ["it's \"quoted\"", "two\nlines\r\n", "😀", "你好，世界", "-5", "  blanks  ", "\u2028", "'image': x"])
def test_prompt_is_never_changed(prompt):
    assert body_of(prompt=prompt)["input"] == messages(prompt)
    assert body_of("wan2.2-t2i-flash", prompt=prompt)["input"] == {"prompt": prompt}


# ---- which model -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fields, model", [
    (MAKE, "qwen-image-2.0"), (EDIT, "qwen-image-2.0"), (dict(MAKE, series=True, n=2), "wan2.7-image"),
    (dict(EDIT, box=[(1, [1, 2, 3, 4])]), "wan2.7-image"),
    (dict(MAKE, palette=[("#000000", 40.0), ("#FFFFFF", 40.0), ("#FF0000", 20.0)]), "wan2.7-image"),
    (dict(MAKE, interleave=True), "wan2.6-image"), (dict(EDIT, function="colorization"), "wanx2.1-imageedit"),
    (dict(EDIT, mask=MASK), "wanx2.1-imageedit"), (dict(images=[A], translate_to="en"), "qwen-mt-image")])
def test_model_that_is_taken_where_none_is_named(fields, model):
    assert body_of(**fields)["model"] == model
    assert DEFAULT_MODEL == "qwen-image-2.0"


@pytest.mark.parametrize("name, like", [
    ("qwen-image-2.0-pro-2026-06-22", "qwen-image-2.0-pro"), ("qwen-image-2.0-pro-2026-04-22", "qwen-image-2.0-pro"),
    ("qwen-image-2.0-pro-2026-03-03", "qwen-image-2.0-pro"), ("qwen-image-2.0-2026-03-03", "qwen-image-2.0"),
    ("qwen-image-max-2025-12-30", "qwen-image-max"), ("qwen-image-edit-max-2026-01-16", "qwen-image-edit-max"),
    ("qwen-image-edit-plus-2025-12-15", "qwen-image-edit-plus"), ("qwen-image-edit-plus-2025-10-30", "qwen-image-edit-plus"),
    ("wan2.1-t2i-turbo", "wanx2.1-t2i-turbo"), ("wan2.1-t2i-plus", "wanx2.1-t2i-plus"), ("wan2.1-imageedit", "wanx2.1-imageedit")])
def test_snapshots_and_international_ids_are_known(name, like):
    found, warning = TABLE.find(name)
    assert found == TABLE.find(like)[0]._replace(id=name)
    assert bool(warning) == bool(found.retired) and "not in this version" not in warning
    for case in GOLDEN[like]:
        assert call_of(name, **case[3]) == call_of(like, **case[3])._replace(
            body={"model": name, "input": case[4], "parameters": case[5]})


@pytest.mark.parametrize("name, path, prompt_shape", [
    ("qwen-image-4.0-pro", SYNC, False), ("z-image-ultra", SYNC, False), ("wan2.9-image", SYNC, False), ("wan3.1-image", SYNC, False),
    ("wanx2.2-t2i-turbo", E3, True), ("wan2.2-t2i-max", E3, True), ("wan2.5-t2i-next", E3, True), ("wan2.1-t2i-next", E3, True),
    ("kling/kling-v4-image-generation", E2, False), ("vidu/viduq9_reference2image", E2, False), ("someone/new", SYNC, False),
    ("QWEN-IMAGE-9", SYNC, False)])
def test_unknown_model_is_routed_by_its_prefix_without_limits(name, path, prompt_shape):
    found, warning = TABLE.find(name)
    assert name in warning and re.search(r"\d{4}-\d\d-\d\d", warning)
    given = {} if name.startswith("z-image") else {"n": 50}
    call = call_of(name, prompt="P" * 9000, seed=1, size=(17, 9999), **given)
    assert call.path == path and call.body["model"] == name
    assert call.body["input"] == ({"prompt": "P" * 9000} if prompt_shape else messages("P" * 9000))
    assert call.body["parameters"] == {"size": "17*9999", "seed": 1, **given}
    assert found.price is None and found.picture.max_bytes == 0


@pytest.mark.parametrize("name, place, value", [
    ("negative", "negative_prompt", "x"), ("prompt_extend", "prompt_extend", True), ("watermark", "watermark", False),
    ("palette", "color_palette", [{"hex": "#000000", "ratio": "100.00%"}])])
def test_unknown_model_takes_every_flag(name, place, value):
    given = [("#000000", 100.0)] if name == "palette" else value
    assert body_of("qwen-image-4.0", prompt="P", **{name: given})["parameters"] == {"n": 1, place: value}


def test_unknown_model_of_a_family_without_a_number_takes_one():
    assert body_of("z-image-ultra", prompt="P", n=2)["parameters"] == {"n": 2}
    assert body_of("z-image-ultra", prompt="P")["parameters"] == {}


def test_unknown_editor_takes_up_to_fourteen_pictures():
    assert body_of("qwen-image-edit-next", prompt="P", images=[A] * 14)["input"] == messages("P", *[A] * 14)
    assert "14" in refusal("qwen-image-edit-next", prompt="P", images=[A] * 15)


# ---- how many --------------------------------------------------------------------------------------------------------

COUNTS = {  # model -> what it is asked, the most pictures; 0: n is not taken. From section 1.4.
    **dict.fromkeys(("qwen-image-3.0-pro", "qwen-image-3.0", "qwen-image-2.0-pro", "qwen-image-2.0", "qwen-image-2.1-pro",
                     "qwen-image-2.1-turbo"), (MAKE, 6)),
    **dict.fromkeys(("qwen-image-max", "qwen-image-plus", "qwen-image", "qwen-image-plus-2026-01-09"), (MAKE, 1)),
    **dict.fromkeys(("qwen-image-edit-max", "qwen-image-edit-plus"), (EDIT, 6)), "qwen-image-edit": (EDIT, 1),
    "z-image-turbo": (MAKE, 0),
    **dict.fromkeys(("wan2.7-image-pro", "wan2.7-image", "wan2.6-t2i", "wan2.5-t2i-preview", "wan2.2-t2i-flash", "wan2.2-t2i-plus",
                     "wanx2.1-t2i-turbo", "wanx2.1-t2i-plus", "wanx2.0-t2i-turbo", "wanx-v1"), (MAKE, 4)),
    **dict.fromkeys(("wan2.6-image", "wan2.5-i2i-preview", "wanx-sketch-to-image-lite", "wanx-background-generation-v2"), (EDIT, 4)),
    "wanx2.1-imageedit": (dict(EDIT, function="colorization"), 4), "wanx-x-painting": (dict(EDIT, mask=MASK), 4),
    **dict.fromkeys(("qwen-mt-image", "qwen-mt-image-2.0"), (dict(images=[A], translate_to="en"), 0)), "image-out-painting": (dict(images=[A]), 0),
    "image-instance-segmentation": (dict(images=[A]), 0), "wanx-style-repaint-v1": (dict(images=[A, B]), 0),
    "kling/kling-v3-image-generation": (MAKE, 9), "kling/kling-v3-omni-image-generation": (EDIT, 9),
    **dict.fromkeys(VIDU, (MAKE, 1)),
}


@pytest.mark.parametrize("aspect, size, off", [("4:3", "2304*1728", ""), ("3:4", "1728*2304", ""), ("16:9", "2720*1536", "0.4%")])
def test_an_exact_shape_is_preferred_and_another_is_said(aspect, size, off):
    call, remarks = build("qwen-image-2.0", prompt="P", aspect=aspect, quality="high")
    assert call.body["parameters"]["size"] == size
    assert [off in remark and aspect in remark for remark in remarks] == [True] * bool(off)


@pytest.mark.parametrize("counted, calls", [(None, [(None, 1)]), (6, [(6, 1)]), (10, [(6, 1), (4, 1)]), (18, [(6, 3)])])
def test_pictures_beyond_one_call(counted, calls):
    assert [(ask.n, times) for ask, times in by_calls(Ask(prompt="P", n=counted), TABLE.find("qwen-image-2.0")[0])] == calls


@each("model, fields, most", [(model, *case) for model, case in COUNTS.items()])
def test_number_of_pictures(model, fields, most):
    """Some models make and bill four pictures when `n` is left out, so it always goes where it is taken."""
    sent = [body_of(model, **fields, n=n)["parameters"].get("n") for n in (None, 1, most or 1)]
    assert sent == ([1, 1, most] if most else [None, None, None])
    for n in (0, -1, (most or 1) + 1, 100):
        said = refusal(model, **fields, n=n)
        assert model in said and ("one picture per call" in said if most < 2 else f"1 to {most}" in said), said


@pytest.mark.parametrize("model", ["wan2.7-image", "wan2.7-image-pro"])
def test_number_of_a_series(model):
    """Left out, the service makes up to twelve; so it must be said."""
    assert [body_of(model, prompt="P", series=True, n=n)["parameters"]["n"] for n in (1, 2, 12)] == [1, 2, 12]
    said = refusal(model, prompt="P", series=True)
    assert "--series needs -n" in said and "1 to 12" in said
    assert "1 to 12" in refusal(model, prompt="P", series=True, n=13) and "1 to 12" in refusal(model, prompt="P", series=True, n=0)
    assert "1 to 4" in refusal(model, prompt="P", n=5)


def test_number_of_interleaved_pictures_is_a_flag_of_its_own():
    assert "-n 2" in refusal("wan2.6-image", prompt="P", interleave=True, n=2)
    assert body_of("wan2.6-image", prompt="P", interleave=True, n=1, max_images=2)["parameters"]["max_images"] == 2


# ---- pictures --------------------------------------------------------------------------------------------------------

IMAGES = {  # model -> what it is asked besides, the least and the most pictures. From sections 1.4 and 4.3; 2.1: updates 2.
    **dict.fromkeys(("qwen-image-3.0-pro", "qwen-image-3.0", "qwen-image-2.0-pro", "qwen-image-2.0", "qwen-image-2.1-turbo"),
                    (dict(prompt="P"), 0, 3)), "qwen-image-2.1-pro": (dict(prompt="P"), 0, 10),
    **dict.fromkeys(("qwen-image-max", "qwen-image-plus", "qwen-image", "z-image-turbo", "wan2.6-t2i", "wan2.5-t2i-preview",
                     "wan2.2-t2i-flash", "wan2.2-t2i-plus", "wanx2.1-t2i-turbo", "wanx2.0-t2i-turbo"), (dict(prompt="P"), 0, 0)),
    **dict.fromkeys(("qwen-image-edit", "qwen-image-edit-plus", "qwen-image-edit-max", "wan2.5-i2i-preview"), (dict(prompt="P"), 1, 3)),
    **dict.fromkeys(("wan2.7-image", "wan2.7-image-pro"), (dict(prompt="P"), 0, 9)), "wan2.6-image": (dict(prompt="P"), 1, 4),
    "wanx2.1-imageedit": (dict(prompt="P", function="colorization"), 1, 1), "qwen-mt-image": (dict(translate_to="en"), 1, 1),
    "wanx-v1": (dict(prompt="P"), 0, 1), "image-out-painting": ({}, 1, 1), "image-instance-segmentation": ({}, 1, 1),
    "image-erase-completion": (dict(mask=MASK), 1, 2), "wanx-x-painting": (dict(prompt="P", mask=MASK), 1, 1),
    "wanx-sketch-to-image-lite": (dict(prompt="P"), 1, 1), **dict.fromkeys(VIDU, (dict(prompt="P"), 0, 14)),
}


@each("model, fields, least, most", [(model, *case) for model, case in IMAGES.items()])
def test_number_of_pictures_given(model, fields, least, most):
    for count in {least, most}:
        sent = json.dumps(body_of(model, **fields, images=[A] * count)["input"])
        assert sent.count(A) == count
    assert refusal(model, **fields, images=[A] * (most + 1))
    if least:
        assert "picture" in refusal(model, **fields)


@pytest.mark.parametrize("fields, most", [(dict(series=True, n=2), 9), (dict(interleave=True), 1)])
def test_number_of_pictures_given_to_modes(fields, most):
    model = "wan2.7-image" if "series" in fields else "wan2.6-image"
    for count in (0, most):
        assert body_of(model, prompt="P", images=[A] * count, **fields)["input"] == messages("P", *[A] * count)
    assert model in refusal(model, prompt="P", images=[A] * (most + 1), **fields)


def test_pictures_keep_their_order():
    assert body_of(prompt="P", images=[B, A, B])["input"] == messages("P", B, A, B)
    assert body_of("wan2.5-i2i-preview", prompt="P", images=[C, A, B])["input"]["images"] == [C, A, B]


@pytest.mark.parametrize("fields, headers", [
    (dict(prompt="P", images=[A, OSS]), {"X-DashScope-OssResourceResolve": "enable"}),
    (dict(prompt="P", images=[OSS], model="wan2.5-i2i-preview"), {"X-DashScope-OssResourceResolve": "enable", **TASK}),
    (dict(prompt="P", images=[A], mask=OSS), {"X-DashScope-OssResourceResolve": "enable", **TASK}),
    (dict(prompt="P", images=[OSS], interleave=True), {"X-DashScope-OssResourceResolve": "enable", **EVENTS}),
    (dict(prompt="P", settings=[f"input.x={OSS}"]), {"X-DashScope-OssResourceResolve": "enable"}),
    (dict(prompt="about oss://x"), {})])
def test_temporary_uploads_need_a_header(fields, headers):
    assert call_of(**fields).headers == headers


# ---- refusals --------------------------------------------------------------------------------------------------------

EVERY_FUNCTION = ("stylization_all", "stylization_local", "description_edit", "description_edit_with_mask", "remove_watermark", "expand",
                  "super_resolution", "colorization", "doodle", "control_cartoon_feature")
BLACK = [("#000000", 50.0), ("#FFFFFF", 25.0), ("#FF0000", 25.0)]
REFUSED = [
    # modes
    ("qwen-image-2.0", dict(MAKE, series=True, n=2), ["qwen-image-2.0", "--series", "wan2.7-image"]),
    ("wan2.7-image", dict(MAKE, interleave=True), ["wan2.7-image", "--interleave", "wan2.6-image"]),
    ("wan2.6-t2i", dict(EDIT, function="expand"), ["wan2.6-t2i", "--function", "wanx2.1-imageedit"]),
    ("qwen-image-2.0", dict(images=[A], prompt="P", translate_to="en"), ["qwen-image-2.0", "--translate-to", "qwen-mt-image"]),
    ("z-image-turbo", EDIT, ["z-image-turbo", "--image", "qwen-image-2.0"]),
    ("qwen-image-edit", MAKE, ["qwen-image-edit works on a picture", "--image", "qwen-image-2.0"]),
    ("wan2.5-i2i-preview", MAKE, ["works on a picture", "--image"]),
    ("wan2.6-image", MAKE, ["works on a picture", "--image"]),
    ("wanx2.1-imageedit", MAKE, ["works on a picture", "--image"]), ("qwen-mt-image", {}, ["works on a picture", "--image"]),
    ("wanx2.1-imageedit", EDIT, ["--function", *EVERY_FUNCTION]), ("qwen-mt-image", dict(images=[A]), ["--translate-to"]),
    # direct and task
    *((name, dict(fields, task=True), [name, "--task", "--no-wait", "wan2.7-image"]) for name, fields in (
        ("qwen-image-2.0", MAKE), ("qwen-image-max", MAKE), ("z-image-turbo", MAKE), ("qwen-image-edit-plus", EDIT),
        ("qwen-image-plus-2026-01-09", MAKE))),
    # prompts
    (None, {}, ["no prompt", "image.py"]), ("wan2.7-image", dict(images=[A]), ["no prompt"]),
    ("qwen-mt-image", dict(EDIT, translate_to="en"), ["qwen-mt-image takes no prompt", "leave"]),
    ("image-out-painting", EDIT, ["image-out-painting takes no prompt"]),
    # masks and functions
    ("wan2.7-image", dict(EDIT, series=True, n=1, mask=MASK), ["wan2.7-image", "--mask", "wanx2.1-imageedit"]),
    ("qwen-image-2.0", dict(EDIT, mask=MASK), ["qwen-image-2.0", "--mask", "wanx2.1-imageedit"]),
    ("wanx-v1", dict(EDIT, mask=MASK), ["wanx-v1", "--mask", "wanx-x-painting"]),
    ("wanx-x-painting", EDIT, ["wanx-x-painting needs --mask", "white"]),
    ("image-erase-completion", dict(images=[A]), ["image-erase-completion needs --mask"]),
    (None, dict(EDIT, function="erase"), ["--function erase", *EVERY_FUNCTION]),
    (None, dict(EDIT, function="expand", mask=MASK), ["--function expand takes no --mask", "description_edit_with_mask"]),
    (None, dict(EDIT, function="description_edit_with_mask"), ["description_edit_with_mask needs --mask", "white"]),
    (None, dict(EDIT, function="expand", strength=0.5), ["--function expand", "--strength", "stylization_all, description_edit"]),
    # parameters of functions
    (None, dict(EDIT, function="colorization", settings=["left_scale=1.5"]), ["left_scale", "colorization", "expand"]),
    *((None, dict(EDIT, function=name, settings=[setting]), [setting.split("=")[0].split(".")[-1], legal]) for name, setting, legal in (
        ("expand", "left_scale=0.9", "1.0 to 2.0"), ("expand", "top_scale=2.01", "1.0 to 2.0"), ("expand", "bottom_scale=true", "1.0 to"),
        ("expand", "right_scale=x", "1.0 to 2.0"), ("super_resolution", "upscale_factor=5", "1 to 4"),
        ("super_resolution", "upscale_factor=0", "1 to 4"), ("doodle", "is_sketch=1", "true or false"),
        ("description_edit", "strength=1.5", "0.0 to 1.0"), ("stylization_all", "parameters.strength=-1", "0.0 to 1.0"))),
    # two things at once
    ("wan2.6-image", dict(MAKE, interleave=True, series=True, n=1), ["--series"]),
    ("wan2.7-image", dict(EDIT, series=True, n=2, function="expand"), ["--function"]),
    ("wan2.6-image", dict(EDIT, interleave=True, function="expand"), ["--function"]),
    *(("wanx-v1", dict(MAKE, **fields), ["wanx-v1", flag]) for fields, flag in (
        (dict(series=True, n=2), "--series"), (dict(interleave=True), "--interleave"), (dict(function="expand"), "--function"))),
    # without effect
    ("wan2.7-image", dict(EDIT, think=True), ["--think", "no effect", "wan2.7-image", "a prompt alone"]),
    ("wan2.7-image", dict(MAKE, series=True, n=2, think=False), ["--think", "--series"]),
    ("wan2.7-image", dict(EDIT, series=True, n=2, box=[(1, [1, 2, 3, 4])]), ["--box", "--series", "--image"]),
    ("wan2.7-image", dict(MAKE, box=[(1, [1, 2, 3, 4])]), ["--box"]),
    ("wan2.7-image", dict(MAKE, series=True, n=2, palette=BLACK), ["--palette", "--series"]),
    ("wan2.6-image", dict(MAKE, interleave=True, prompt_extend=True), ["--prompt-extend", "--interleave"]),
    ("wan2.6-image", dict(EDIT, max_images=2), ["--max-images", "--interleave"]),
    ("qwen-image-3.0", dict(MAKE, think=True, prompt_extend=False), ["--think", "--no-prompt-extend", "leave one"]),
    # what tools need
    ("wanx-style-repaint-v1", dict(images=[A]), ["input.style_index", "--set", "second picture"]),
    ("wanx-style-repaint-v1", dict(images=[A], settings=["style_index=1"]), ["--set input.style_index"]),
    ("wanx-poster-generation-v1", {}, ["input.title", "--set"]),
    # sizes
    ("qwen-image-edit", dict(EDIT, size=(1024, 1024)), ["qwen-image-edit takes no size", "--size"]),
    ("wanx2.1-imageedit", dict(EDIT, function="expand", aspect="1:1"), ["takes no size", "--aspect"]),
    ("qwen-mt-image", dict(images=[A], translate_to="en", quality="high"), ["takes no size", "--quality"]),
    (None, dict(MAKE, size=(1024, 1024), aspect="1:1"), ["--size", "--aspect", "--quality"]),
    (None, dict(MAKE, size=(1024, 1024), quality="low"), ["--size", "--quality"]),
    (None, dict(MAKE, size=(100, 100)), ["--size 100*100", "qwen-image-2.0", "nearest: 512*512", "512x512 to 2048x2048"]),
    ("qwen-image-2.0", dict(MAKE, size="2K"), ["--size 2K", "nearest: 2048*2048"]),
    ("wan2.7-image", dict(MAKE, size="4K"), ["--size 4K", "nearest: 1K or 2K"]),
    ("wan2.7-image-pro", dict(EDIT, size="4K"), ["--size 4K", "1K or 2K"]),
    ("wan2.7-image-pro", dict(MAKE, series=True, n=2, size="4K"), ["--size 4K", "1K or 2K"]),
    ("wan2.7-image-pro", dict(EDIT, size=(4096, 2048)), ["--size 4096*2048", "768x768 to 2048x2048"]),
    ("qwen-image-max", dict(MAKE, size=(1024, 1024)), ["nearest: 1328*1328", "1664*928"]),
    (None, dict(EDIT, quality="high"), ["--quality without --aspect", "--aspect W:H"]),
    ("kling/kling-v3-image-generation", dict(MAKE, size=(1024, 1024)), ["takes no --size", "--aspect", "16:9", "21:9"]),
    ("kling/kling-v3-image-generation", dict(MAKE, aspect="5:4"), ["--aspect 5:4", "16:9, 9:16, 1:1, 4:3, 3:4, 3:2, 2:3, 21:9"]),
    # settings
    (None, dict(MAKE, settings=["model.x=1"]), ["--set model.x", "not an object"]),
    (None, dict(MAKE, settings=["parameters.n.x=1"]), ["--set", "not an object"]),
]


@each("model, fields, named", REFUSED, ids=lambda item: json.dumps(item, default=str)[:70])
def test_refusal_names_the_flag_and_the_way_out(model, fields, named):
    said = refusal(model, **fields)
    assert [word for word in named if word not in said] == [], said


def test_functions_are_those_of_the_contract():
    assert tuple(FUNCTIONS) == EVERY_FUNCTION


# ---- flags on every family -------------------------------------------------------------------------------------------

VALUES = {"negative": "bad", "seed": 7, "prompt_extend": True, "watermark": True, "think": True,
          "box": [(1, [1, 2, 3, 4])], "palette": BLACK, "strength": 0.5, "max_images": 2, "translate_to": "en", "translate_from": "zh"}
SPELLED = {name: "--" + name.replace("_", "-") for name in VALUES}
PLAIN = {"negative": "parameters.negative_prompt", "seed": "parameters.seed", "prompt_extend": "parameters.prompt_extend",
         "watermark": "parameters.watermark"}
IN_INPUT = {**PLAIN, "negative": "input.negative_prompt"}
SEED = {"seed": "parameters.seed"}
WAN7 = {**SEED, "watermark": "parameters.watermark", "think": "parameters.thinking_mode", "palette": "parameters.color_palette"}
ADDED = {"watermark": "parameters.add_watermark"}
TAKES = {  # model -> what it is asked, its flags and where they go
    **dict.fromkeys(("qwen-image-3.0-pro", "qwen-image-3.0"), (MAKE, {**PLAIN, "think": "parameters.enable_thinking"})),
    **dict.fromkeys(("qwen-image-2.0-pro", "qwen-image-2.0", "qwen-image-2.1-pro", "qwen-image-2.1-turbo",
                     "qwen-image-max", "qwen-image-plus", "qwen-image", "qwen-image-plus-2026-01-09", "wan2.6-t2i"), (MAKE, PLAIN)),
    **dict.fromkeys(("qwen-image-edit-max", "qwen-image-edit-plus", "wan2.6-image"), (EDIT, PLAIN)),
    "qwen-image-edit": (EDIT, {name: place for name, place in PLAIN.items() if name != "prompt_extend"}),
    "z-image-turbo": (MAKE, {**SEED, "prompt_extend": "parameters.prompt_extend"}),
    **dict.fromkeys(("wan2.7-image-pro", "wan2.7-image"), (MAKE, WAN7)),
    **dict.fromkeys(("wan2.5-t2i-preview", "wan2.2-t2i-flash", "wan2.2-t2i-plus", "wanx2.1-t2i-turbo", "wanx2.1-t2i-plus",
                     "wanx2.0-t2i-turbo"), (MAKE, IN_INPUT)), "wan2.5-i2i-preview": (EDIT, IN_INPUT),
    "wanx2.1-imageedit": (dict(EDIT, function="description_edit"), {
        **SEED, "watermark": "parameters.watermark", "strength": "parameters.strength"}),
    **dict.fromkeys(("qwen-mt-image", "qwen-mt-image-2.0"), (dict(images=[A], translate_to="de"), {
        "translate_to": "input.target_lang", "translate_from": "input.source_lang"})),
    "wanx-v1": (MAKE, {**SEED, "negative": "input.negative_prompt"}), "wanx-style-repaint-v1": (dict(images=[A, B]), {}),
    "image-out-painting": (dict(images=[A]), ADDED), "image-erase-completion": (dict(images=[A], mask=MASK), ADDED),
    "image-instance-segmentation": (dict(images=[A]), {}), "wanx-sketch-to-image-lite": (EDIT, {}),
    "wanx-x-painting": (dict(EDIT, mask=MASK), {}), "wanx-background-generation-v2": (EDIT, {}),
    **dict.fromkeys(("wanx-virtualmodel", "virtualmodel-v2", "shoemodel-v1"), ({}, {})),
    "wanx-poster-generation-v1": (dict(settings=["input.title=T"]), {}),
    **dict.fromkeys(("kling/kling-v3-image-generation", "kling/kling-v3-omni-image-generation"), (MAKE, {})),
    **dict.fromkeys(VIDU, (MAKE, SEED)),
}
ELSEWHERE = {("wan2.7-image-pro", "box"), ("wan2.7-image", "box"), ("wan2.6-image", "max_images")}  # taken, in another mode
SENT = {**VALUES, "box": [[[1, 2, 3, 4]]], "palette": [{"hex": "#000000", "ratio": "50.00%"}, {"hex": "#FFFFFF", "ratio": "25.00%"},
                                                       {"hex": "#FF0000", "ratio": "25.00%"}]}


def test_every_row_is_in_the_table_of_flags():
    assert set(TAKES) == {one.id for one in ROWS}


@each("model", TAKES)
@each("flag", VALUES)
def test_flag_lands_or_is_refused(model, flag):
    """A flag that would be ignored is refused, and those models are named that take it."""
    fields, takes = TAKES[model]
    if flag in takes:
        without, with_it = body_of(model, **fields), body_of(model, **{**fields, flag: VALUES[flag]})
        part, name = takes[flag].split(".")
        assert with_it == {**without, part: {**without[part], name: SENT[flag]}}
        return
    said = refusal(model, **{**fields, flag: VALUES[flag]})
    assert SPELLED[flag] in said and model in said, said
    if (model, flag) not in ELSEWHERE:
        named = re.findall(r"[\w./-]+", said.split("models that do: ")[1])
        takers = {name for name, (_, taken) in TAKES.items() if flag in taken} | {name for name, other in ELSEWHERE if other == flag}
        assert named and set(named) <= takers, said


@each("model, fields, said", [
    ("wan2.7-image", dict(MAKE, series=True, n=3, negative="x"), "no model takes it with all else given here: leave one out; models that do: qwen-"),
    ("wan2.7-image", dict(prompt="x", images=[A] * 4, negative="x"), "models that do: qwen-image-2.1-pro"),
    ("qwen-image-2.0", dict(prompt="x", images=[A] * 4),
     "give fewer, or use a model that takes so many: qwen-image-2.1-pro, wan2.7-image-pro, wan2.7-image, wan2.6-image"),
    ("wanx2.1-imageedit", dict(prompt="x", function="expand"), "give as many --image as the model takes"),
    ("qwen-image-2.0", dict(MAKE, think=True, negative="x"), "models that do: qwen-image-3.0-pro, qwen-image-3.0")])
def test_models_named_for_a_flag_take_all_that_is_given(model, fields, said):
    assert f"| {said}" in refusal(model, **fields)


@pytest.mark.parametrize("flag", ["seed", "prompt_extend", "watermark"])
@pytest.mark.parametrize("value", [False, 0])
def test_a_switch_that_is_off_is_sent(flag, value):
    assert body_of(prompt="P", **{flag: value})["parameters"][flag] is value


# ---- boxes and palettes ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("boxes, count, sent", [
    ([(1, [0, 0, 5, 5])], 1, [[[0, 0, 5, 5]]]), ([(2, [1, 2, 3, 4])], 3, [[], [[1, 2, 3, 4]], []]),
    ([(1, [1, 2, 3, 4]), (3, [5, 6, 7, 8]), (1, [9, 9, 10, 10])], 3, [[[1, 2, 3, 4], [9, 9, 10, 10]], [], [[5, 6, 7, 8]]])])
def test_boxes_are_a_list_for_each_picture(boxes, count, sent):
    assert body_of(prompt="P", images=[A] * count, box=boxes)["parameters"]["bbox_list"] == sent


@pytest.mark.parametrize("boxes, named", [
    ([(2, [1, 2, 3, 4])], ["--box names picture 2", "1 are given", "count from 1"]), ([(0, [1, 2, 3, 4])], ["picture 0"]),
    ([(1, [1, 2, 3, 4])] * 3, ["more than two boxes in picture 1"]),
    ([(1, [0, 0, 641, 10])], ["--box 0,0,641,10", "picture 1", "640x480"]), ([(1, [0, 0, 10, 481])], ["goes beyond", "640x480"])])
def test_boxes_are_within_the_picture(boxes, named):
    said = refusal(prompt="P", images=[at(A, 640, 480)], box=boxes)
    assert [word for word in named if word not in said] == [], said


def test_box_may_reach_the_border():
    assert body_of(prompt="P", images=[at(A, 640, 480)], box=[(1, [0, 0, 640, 480])])["parameters"]["bbox_list"] == [[[0, 0, 640, 480]]]


@pytest.mark.parametrize("text, found", [
    ("1,2,3,4", (1, [1, 2, 3, 4])), ("2:10, 20,110,220", (2, [10, 20, 110, 220])), (" 1 , 2 , 3 , 4 ", (1, [1, 2, 3, 4])),
    ("14:0,0,1,1", (14, [0, 0, 1, 1]))])
def test_box_is_read(text, found):
    assert image_fields.box(text) == found


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "3,2,1,4", "1,4,3,2", "1,2,1,4", "1,2,3,2", "a,b,c,d", "-1,2,3,4", "1.5,2,3,4",
                                  "x:1,2,3,4", "٣,٤,٥,٦", "123:1,2,3,4"])
def test_what_is_no_box_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="left,top,right,bottom"):
        image_fields.box(text)


@pytest.mark.parametrize("text, sent", [
    ("#c2d1e6=40,#808080=35,#101010=25", ["40.00%", "35.00%", "25.00%"]),
    ("#000000=33.33, #111111=33.33%,#222222=33.34", ["33.33%", "33.33%", "33.34%"]),
    (",".join(f"#00000{digit}=10" for digit in range(10)), ["10.00%"] * 10)])
def test_palette_is_read_and_sent(text, sent):
    parameters = body_of(prompt="P", palette=image_fields.palette(text))["parameters"]
    assert [colour["ratio"] for colour in parameters["color_palette"]] == sent
    assert all(re.fullmatch("#[0-9A-F]{6}", colour["hex"]) for colour in parameters["color_palette"])


@pytest.mark.parametrize("text", ["", "#000000=50,#FFFFFF=50", ",".join(["#000000=9"] * 10 + ["#000000=10"]), "#000=50,#111=25,#222=25",
                                  "#000000=50,#111111=25,#222222=24.99", "#000000=50,#111111=25,#222222=25.01", "red=50,#111111=25,#222222=25",
                                  "#000000=x,#111111=25,#222222=25", "#000000,#111111=50,#222222=50", "#000000=150,#111111=-25,#222222=-25"])
def test_what_is_no_palette_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="3 to 10 colours"):
        image_fields.palette(text)


# ---- prompts ---------------------------------------------------------------------------------------------------------

CHARACTERS = {"z-image-turbo": (MAKE, 800), "wan2.7-image": (MAKE, 5000), "wan2.7-image-pro": (MAKE, 5000), "wan2.6-t2i": (MAKE, 2100),
              "wan2.6-image": (EDIT, 2000), "wan2.5-t2i-preview": (MAKE, 2000), "wan2.5-i2i-preview": (EDIT, 2000),
              "wan2.2-t2i-flash": (MAKE, 500), "wan2.2-t2i-plus": (MAKE, 500), "wanx2.1-t2i-turbo": (MAKE, 500),
              "wanx2.1-t2i-plus": (MAKE, 500), "wanx2.0-t2i-turbo": (MAKE, 800),
              "wanx2.1-imageedit": (dict(EDIT, function="colorization"), 800), "kling/kling-v3-image-generation": (MAKE, 2500)}
TOKENS = {"qwen-image-3.0": (MAKE, 4500), "qwen-image-2.0": (MAKE, 1300), "qwen-image-max": (MAKE, 800), "qwen-image-plus": (MAKE, 800),
          "qwen-image-edit": (EDIT, 800)}


@each("model, fields, most", [(model, *case) for model, case in CHARACTERS.items()])
@each("letter", ["a", "画", "😀"])
def test_prompt_over_the_limit_is_refused(model, fields, most, letter):
    """The service would cut the rest off without a word."""
    assert letter * most in json.dumps(body_of(model, **{**fields, "prompt": letter * most}), ensure_ascii=False)
    said = refusal(model, **{**fields, "prompt": letter * (most + 1)})
    assert str(most + 1) in said and str(most) in said and model in said


@pytest.mark.parametrize("model, fields, most", [(model, *case) for model, case in TOKENS.items()])
def test_prompt_that_may_be_over_a_limit_of_tokens_is_remarked(model, fields, most):
    """Tokens are estimated only, so nothing is refused."""
    assert build(model, **{**fields, "prompt": "画" * most})[1] == []
    (remark,) = build(model, **{**fields, "prompt": "画" * (most + 1)})[1]
    assert str(most) in remark and model in remark


def test_prompt_of_a_task_has_its_limit_in_characters():
    """Section 5.3: 800 tokens direct, 800 characters as a task."""
    assert body_of("qwen-image-plus", prompt="a" * 801)
    call, remarks = build("qwen-image-plus", prompt="a" * 800, task=True)
    assert call.body["input"] == {"prompt": "a" * 800} and not remarks
    try:
        remarks = build("qwen-image-plus", prompt="a" * 801, task=True)[1]
    except Failure as failure:
        remarks = [failure.message]
    assert any("800" in remark for remark in remarks), "one character is cut off without a word"


@pytest.mark.parametrize("model, fields", [("qwen-image-2.0", MAKE), ("wan2.5-t2i-preview", MAKE), ("wan2.6-image", EDIT)])
def test_negative_over_500_is_refused(model, fields):
    assert "bad" * 100 in json.dumps(body_of(model, **fields, negative="bad" * 166 + "ba"))
    assert "501" in refusal(model, **fields, negative="b" * 501)


def test_remark_on_sizes_that_the_service_rounds():
    assert "1033*1032" in build(prompt="P", size=(1033, 1032))[1][0]
    assert "1001*1001" in build("wan2.6-image", prompt="P", images=[A], size=(1001, 1001))[1][0]
    assert build(prompt="P", size=(1040, 1024))[1] == [] == build("wan2.7-image", prompt="P", size=(1033, 1032))[1]


# ---- sizes in requests -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model, fields, size", [
    ("qwen-image-2.0", dict(MAKE, aspect="1:1"), "2048*2048"), ("wan2.6-t2i", dict(MAKE, aspect="1:1"), "1280*1280"),
    ("qwen-image-max", dict(MAKE, aspect="16:9"), "1664*928"), ("wanx-v1", dict(MAKE, aspect="9:16", n=1), "720*1280"),
    ("wan2.7-image-pro", dict(MAKE, quality="high"), "4096*4096"), ("wan2.7-image-pro", dict(prompt="P", images=[at(A, 500, 500)],
                                                                                              quality="high"), "2048*2048"),
    ("qwen-image-2.0", dict(MAKE, quality="low"), "768*768"),
    ("qwen-image-2.0", dict(prompt="P", images=[at(A, 100, 100), at(B, 320, 160)], quality="low"), None)])
def test_size_of_aspect_and_quality(model, fields, size):
    sent = body_of(model, **fields)["parameters"]["size"]
    assert sent == size or size is None and re.fullmatch(r"\d+\*\d+", sent)
    if size is None:  # the last picture decides
        width, height = map(int, sent.split("*"))
        assert abs(width / height - 2) < 0.02


# ---- --set -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("settings, changed", [
    (["x=1"], {"parameters": {"n": 1, "x": 1}}), (["a.b=true"], {"parameters": {"n": 1, "a": {"b": True}}}),
    (["n=3"], {"parameters": {"n": 3}}), (["parameters.n=2"], {"parameters": {"n": 2}}),
    (["parameters.a.b=[1]"], {"parameters": {"n": 1, "a": {"b": [1]}}}), (["input=x"], {"parameters": {"n": 1, "input": "x"}}),
    (["parameters=5"], {"parameters": {"n": 1, "parameters": 5}}), (["input.x=y"], {"input": {**P1, "x": "y"}}),
    (["model=other"], {"model": "other"}), (["size=3K"], {"parameters": {"n": 1, "size": "3K"}}),
    (["negative_prompt=null"], {"parameters": {"n": 1, "negative_prompt": None}}), (["x=a=b"], {"parameters": {"n": 1, "x": "a=b"}})])
def test_settings_land_in_their_place(settings, changed):
    assert body_of(prompt="P", settings=settings) == {"model": "qwen-image-2.0", "input": P1, "parameters": N1, **changed}


def test_settings_come_after_the_flags():
    assert body_of(prompt="P", seed=1, settings=["seed=2"])["parameters"]["seed"] == 2


@pytest.mark.parametrize("setting, expected", [("n=3", 3), ("n=100", 100), ("parameters.n=2", 2), ("x=-1", 1)])
def test_pictures_that_are_expected_follow_the_settings(setting, expected):
    assert call_of(prompt="P", settings=[setting]).expected == expected


def test_settings_can_switch_to_a_stream():
    call = call_of("wan2.6-image", prompt="P", images=[A], settings=["enable_interleave=true"])
    assert call.stream and call.headers == EVENTS and call.body["parameters"]["stream"] is True


@pytest.mark.parametrize("model, setting, mode", [("wan2.6-image", "enable_interleave=true", "interleave"),
                                                  ("wan2.7-image", "parameters.enable_sequential=true", "series"),
                                                  ("wan2.7-image", "enable_sequential=false", "edit")])
def test_settings_and_flags_ask_for_the_same(model, setting, mode):
    """Else the text would not be written, and a smaller set would be a failure."""
    for given in (dict(prompt="P", images=[A]), dict(request=whole(model, {"n": 2}))):
        assert call_of(model, **given, settings=[setting]).mode == mode


# ---- --request -------------------------------------------------------------------------------------------------------

def whole(model=None, parameters=None, **model_input):
    return {**({"model": model} if model else {}), "input": model_input or P3, **({} if parameters is None else {"parameters": parameters})}


@pytest.mark.parametrize("fields, body, path", [
    (dict(request=whole()), {"model": "qwen-image-2.0", "input": P3, "parameters": N1}, SYNC),
    (dict(request=whole("wan2.7-image", {"n": 3, "x": 1})), {"model": "wan2.7-image", "input": P3, "parameters": {"n": 3, "x": 1}}, SYNC),
    (dict(request=whole("wan2.7-image", {"n": 3}), n=2, seed=5),
     {"model": "wan2.7-image", "input": P3, "parameters": {"n": 2, "seed": 5}}, SYNC),
    (dict(request=whole("wan2.7-image"), model="qwen-image-2.0-pro", prompt="New"),
     {"model": "qwen-image-2.0-pro", "input": messages("New", A, B), "parameters": N1}, SYNC),
    (dict(request=whole("wan2.6-t2i", {}, **P1), task=True), {"model": "wan2.6-t2i", "input": P1, "parameters": N1}, E2),
    (dict(request=whole("wan2.5-t2i-preview", None, prompt="old"), prompt="New", negative="bad"),
     {"model": "wan2.5-t2i-preview", "input": {"prompt": "New", "negative_prompt": "bad"}, "parameters": N1}, E3),
    (dict(request=whole("wanx2.1-imageedit", {"n": 2}, prompt="P", function="doodle", base_image_url=A), seed=1),
     {"model": "wanx2.1-imageedit", "input": {"prompt": "P", "function": "doodle", "base_image_url": A},
      "parameters": {"n": 2, "seed": 1}}, E4),
    (dict(request=whole("qwen-mt-image", None, image_url=A, source_lang="zh", target_lang="en"), translate_from="ja"),
     {"model": "qwen-mt-image", "input": {"image_url": A, "source_lang": "ja", "target_lang": "en"}, "parameters": {}}, E4),
    (dict(request=whole("qwen-mt-image", None, image_url=A, source_lang="zh"), translate_to="en"),
     {"model": "qwen-mt-image", "input": {"image_url": A, "source_lang": "zh", "target_lang": "en"}, "parameters": {}}, E4),
    (dict(request=whole("z-image-turbo", None, **P1)), {"model": "z-image-turbo", "input": P1, "parameters": {}}, SYNC),
    (dict(request=whole("wan2.7-image", {"enable_sequential": True}, **P1), n=4),
     {"model": "wan2.7-image", "input": P1, "parameters": {"n": 4, "enable_sequential": True}}, SYNC),
    (dict(request=whole("wan2.7-image", {"enable_sequential": True, "n": 4}, **P1)),
     {"model": "wan2.7-image", "input": P1, "parameters": {"n": 4, "enable_sequential": True}}, SYNC),
    (dict(request={**whole(), "extra": 1}, settings=["top=2", "input.y=3"]),
     {"model": "qwen-image-2.0", "input": {**P3, "y": 3}, "parameters": {"n": 1, "top": 2}, "extra": 1}, SYNC)])
def test_whole_request_with_flags_on_top(fields, body, path):
    given = json.dumps(fields["request"])
    call = call_of(**fields)
    assert (call.body, call.path) == (body, path)
    assert json.dumps(fields["request"]) == given


def test_whole_interleaved_request_is_a_stream():
    request = whole("wan2.6-image", {"enable_interleave": True, "max_images": 4}, **P1)
    call = call_of(request=request)
    assert (call.mode, call.stream, call.headers, call.expected) == ("interleave", True, EVENTS, 4)
    assert call.body["parameters"] == {"enable_interleave": True, "max_images": 4, "n": 1, "stream": True}


@pytest.mark.parametrize("fields", [dict(request=whole("wan2.6-image", {"enable_interleave": True, "stream": True}, **P1)),
                                    dict(model="wan2.6-image", prompt="P", interleave=True, settings=["stream=true"])])
def test_a_task_is_not_asked_for_a_stream(fields):
    call = call_of(**fields, task=True)
    assert (call.path, call.headers, call.stream) == (E2, TASK, False) and "stream" not in call.body["parameters"]
    assert call_of(**fields).body["parameters"]["stream"] is True


def test_flag_turns_a_whole_request_into_an_interleaved_one():
    call = call_of(request=whole("wan2.6-image", {"max_images": 3}, **P1), interleave=True)
    assert call.stream and call.mode == "interleave", "its text would not be written"
    assert call.expected == 3, "what nobody asked for would replace what the body says"


@pytest.mark.parametrize("flag, model", [("negative", "z-image-turbo"), ("box", "qwen-image-2.0"), ("palette", "qwen-image-2.0"),
                                         ("strength", "qwen-image-2.0"), ("think", "qwen-image-2.0"), ("watermark", "z-image-turbo"),
                                         ("translate_to", "qwen-image-2.0"), ("prompt_extend", "wan2.7-image")])
def test_flag_over_a_whole_request_is_not_dropped(flag, model):
    """As without --request: what the model would ignore is refused."""
    assert SPELLED[flag] in refusal(model, request=whole(), **{flag: VALUES[flag]})


@pytest.mark.parametrize("field", [dict(images=[A]), dict(mask=MASK), dict(function="expand")])
def test_pictures_do_not_go_with_a_whole_request(field):
    assert "--request" in refusal(request=whole(), **field)


@pytest.mark.parametrize("model, given, fields, words", [
    ("qwen-mt-image", dict(image_url=A, target_lang="en"), dict(prompt="New"), ["takes no prompt"]),
    ("wan2.2-t2i-flash", dict(prompt="old"), dict(prompt="x" * 501), ["501 characters", "500"]),
    ("qwen-image-2.0", P3, dict(quality="high"), ["shape is not known", "--aspect"]),
    ("wan2.5-i2i-preview", dict(prompt="P", images=[A]), dict(quality="low"), ["shape is not known"])])
def test_what_cannot_be_put_on_a_whole_request_is_refused(model, given, fields, words):
    """Else it would be dropped, cut off, or made a square of any picture."""
    said = refusal(model, request=whole(model, **given), **fields)
    assert [word for word in words if word not in said] == [], said


def test_count_over_a_whole_request_keeps_its_limit():
    assert "1 to 6" in refusal(request=whole(), n=7)
    assert "--size 1*1" in refusal(request=whole(), size=(1, 1))


HOSTILE_REQUESTS = [
    {}, {"input": None}, {"input": []}, {"input": "x"}, {"input": {"messages": []}, "parameters": []}, {"input": P1, "parameters": "x"},
    {"input": P1, "parameters": [1]}, {"input": P1, "parameters": 5}, {"input": {"messages": None}}, {"input": {"messages": "x"}},
    {"input": {"messages": ["x"]}}, {"input": {"messages": [None]}}, {"input": {"messages": {}}}, {"input": {"messages": [{}]}},
    {"input": {"messages": [{"content": None}]}}, {"input": {"messages": [{"content": "old"}]}}, {"input": {"messages": [{"content": [1]}]}},
    {"input": {"messages": [{"content": [None, {"image": A}]}]}}, {"input": {"messages": 7}}, {"model": 5, "input": P1},
    {"model": None, "input": P1}, {"model": "", "input": P1}]


@each("request_body", HOSTILE_REQUESTS, ids=json.dumps)
@each("prompt", [None, "New"])
def test_broken_whole_request_is_refused_or_sent_as_it_is(request_body, prompt):
    try:
        body = body_of(request=request_body, prompt=prompt)
    except Failure as failure:
        assert failure.exit_code == Exit.USAGE
        return
    assert isinstance(body["parameters"], dict) and isinstance(body["model"], str)
    if prompt:
        content = body["input"]["messages"][0]["content"]
        assert content[-1] == {"text": "New"} and "o" not in content, "a text was taken apart"
