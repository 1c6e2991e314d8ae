"""The emulator's image generation: every row of its table, tasks, the host of the results, bookkeeping, faults."""
from __future__ import annotations

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

import pytest

from tests.emulator import Emulator, colours, drawing, image_models, pictures
from tests.media_samples import data_url, jpeg, png

SERVICES = "/api/v1/services/aigc/"
E1 = SERVICES + "multimodal-generation/generation"
KEY, OTHER_KEY = "sk-images-0123456789abcdef", "sk-others-0123456789abcdef"
WEB = "https://in.example.com/a.png"
BLUE = data_url(png(600, 400, (30, 60, 200)), "image/png")
DAY = 24 * 3600


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("code")


@pytest.fixture(scope="module")
def running():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    running.reset()
    return running


def send(emulator, method, path, body=b"", key=KEY, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rsplit(":", 1)[1]), timeout=60)
    named = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
    try:
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def post(emulator, path, value, asynchronous=False, key=KEY, **headers):
    named = {"Content-Type": "application/json", **({"X-DashScope-Async": "enable"} if asynchronous else {}),
             **{name.replace("_", "-"): value for name, value in headers.items()}}
    return send(emulator, "POST", path, json.dumps(value).encode(), key, named)


def message(text="a red kite", images=()):
    return {"messages": [{"role": "user", "content": [*({"image": image} for image in images), {"text": text}]}]}


def now(emulator, model="qwen-image-2.0", text="a red kite", images=(), headers=None, **parameters):
    return post(emulator, E1, {"model": model, "input": message(text, images), "parameters": parameters}, **(headers or {}))


def later(emulator, model="wan2.2-t2i-flash", given=None, images=(), key=KEY, **parameters):
    row = image_models.find(model)
    given = given or ({"prompt": "a red kite"} if row.shape == "fields" else message(images=images))
    return post(emulator, SERVICES + row.task, {"model": model, "input": given, "parameters": parameters}, True, key)


def poll(emulator, task_id, key=KEY):
    return send(emulator, "GET", f"/api/v1/tasks/{task_id}", key=key)


def finish(emulator, created):
    """The last answer about a task."""
    assert created.status == 200, created.body
    for _ in range(9):
        answer = poll(emulator, created.json["output"]["task_id"])
        if answer.json.get("output", {}).get("task_status") not in ("PENDING", "RUNNING"):
            return answer.json
    raise AssertionError("the task does not end")


def urls(answer):
    output = answer["output"]
    found = [item["image"] for choice in output.get("choices", ()) for item in choice["message"]["content"]
             if "image" in item]
    return found + [entry["url"] for entry in output.get("results", ()) if "url" in entry]


def fetch(emulator, url, key=None, method="GET", **headers):
    parts = urlsplit(url)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(emulator, method, f"{parts.path}?{parts.query}", key=key, headers=named)


def size_of(answer):
    found = pictures.inspect(answer.body)
    return found.width, found.height


# The table: (model, legal parameters, pictures billed without n, a size it refuses, an n it refuses)

NONE, TWO = (), ("1536*1024",)
MESSAGE_MODELS = [
    ("qwen-image-3.0-pro", 0, {"size": "1536*1024", "n": 6, "enable_thinking": False, "prompt_extend_mode": "agent"}, 1,
     "4096*4096", 7),
    ("qwen-image-3.0", 3, {"size": "1536*1024", "negative_prompt": " ", "watermark": True}, 1, "2048*200", 0),
    ("qwen-image-2.1-pro", 10, {"size": "2048*2048", "n": 6, "negative_prompt": "x"}, 1, "2688*2688", 7),
    ("qwen-image-2.1-turbo", 3, {"size": "512*512", "prompt_extend": False}, 1, "4K", 0),
    ("qwen-image-2.0-pro", 0, {"size": "2688*1536", "n": 2, "seed": 7}, 1, "2688*2688", 7),
    ("qwen-image-2.0-pro-2026-04-22", 3, {"size": "1024*1024", "prompt_extend": False}, 1, "1K", 7),
    ("qwen-image-2.0", 1, {"size": "512*512", "watermark": False}, 1, "511*511", "2"),
    ("qwen-image-max", 0, {"size": "1328*1328", "n": 1, "prompt_extend": True}, 1, "1024*1024", 2),
    ("qwen-image-plus", 0, {"size": "928*1664"}, 1, "1024*1024", 2),
    ("qwen-image", 0, {"size": "928*1664"}, 1, "2K", 2),
    ("qwen-image-plus-2026-01-09", 0, {"size": "928*1664"}, 1, "1664x928", 2),
    ("qwen-image-edit-max", 1, {"size": "2048*2048", "n": 6}, 1, "2049*1024", 7),
    ("qwen-image-edit-plus-2025-12-15", 3, {"size": "512*2048"}, 1, "2K", 7),
    ("qwen-image-edit", 1, {"negative_prompt": "dark", "seed": 1}, 1, "1024*1024", 2),
    ("z-image-turbo", 0, {"size": "1024*1536", "prompt_extend": True, "seed": 1}, 1, "256*256", 1),
    ("wan2.7-image-pro", 0, {"size": "4K", "n": 4, "thinking_mode": True}, 1, "8K", 5),
    ("wan2.7-image", 9, {"size": "1K", "watermark": True}, 1, "4K", 5),
    ("wan2.6-t2i", 0, {"size": "960*1696", "negative_prompt": "dark"}, 4, "1024*1024", 5),
    ("wan2.6-image", 1, {"size": "2K", "prompt_extend": False}, 4, "4K", 5),
]


@pytest.mark.parametrize("model, images, legal, billed, bad_size, bad_n", MESSAGE_MODELS,
                         ids=[row[0] for row in MESSAGE_MODELS])
def test_a_model_that_answers_at_once(emulator, model, images, legal, billed, bad_size, bad_n):
    row, given = image_models.find(model), [WEB] * images
    answer = now(emulator, model, images=given, **legal)
    assert answer.status == 200, answer.body
    assert len(urls(answer.json)) == emulator.creates[-1].pictures == legal.get("n", row.n_default)
    assert len(urls(now(emulator, model, images=given).json)) == emulator.creates[-1].pictures == billed
    typed = [item.get("type") for choice in answer.json["output"]["choices"] for item in choice["message"]["content"]
             if "image" in item]
    assert set(typed) == {"image" if model.startswith("wan") else None}
    assert ("finished" in answer.json["output"]) == model.startswith("wan")
    for wrong in ({"size": bad_size}, {"n": bad_n}, {"guidance": 3}, {"seed": -1}, {"seed": 2 ** 31}):
        refused = now(emulator, model, images=given, **wrong)
        assert (refused.status, refused.code) == (400, "InvalidParameter"), wrong
    low, high = row.images
    assert now(emulator, model, images=[WEB] * (high + 1)).status == 400
    if low:
        assert now(emulator, model).json["message"] == "lack of image or text"
    body = {"model": model, "input": message(images=given)}
    assert post(emulator, E1, body, True).json["message"].lower() == "current user api does not support asynchronous calls."
    if row.task != image_models.IMAGE2IMAGE:
        assert "url error" in post(emulator, SERVICES + image_models.IMAGE2IMAGE, body, True).json["message"]
    assert len(emulator.creates) == 2


TASK_MODELS = [
    ("qwen-image-3.0-pro", message(), {"n": 2}, 1, {"size": "5000*5000"}),
    ("wan2.7-image-pro", message(), {"size": "1024*4096"}, 1, {"size": "600*600"}),
    ("wan2.7-image", message(images=[WEB]), {"bbox_list": [[[1, 2, 30, 40]]]}, 1, {"bbox_list": [[], []]}),
    ("wan2.6-t2i", message(), {"n": 1}, 4, {"size": "3000*600"}),
    ("wan2.6-image", message(images=[WEB]), {"size": "800*1200"}, 4, {"stream": True}),
    ("qwen-image-plus", {"prompt": "a red kite"}, {"negative_prompt": "x"}, 1, {"n": 2}),
    ("qwen-image", {"prompt": "a red kite", "negative_prompt": "x"}, {"size": "1664*928"}, 1, {"size": "1*1"}),
    ("wan2.5-t2i-preview", {"prompt": "a", "negative_prompt": "b"}, {"size": "768*2700"}, 4, {"size": "1024*1024"}),
    ("wan2.2-t2i-flash", {"prompt": "a"}, {"size": "512*1440", "n": 1}, 4, {"size": "768*2700"}),
    ("wan2.2-t2i-plus", {"prompt": "a"}, {"prompt_extend": False}, 4, {"negative_prompt": "belongs to input"}),
    ("wanx2.1-t2i-turbo", {"prompt": "a"}, {"seed": 5}, 4, {"n": 5}),
    ("wanx2.1-t2i-plus", {"prompt": "a"}, {"watermark": True}, 4, {"size": "1K"}),
    ("wanx2.0-t2i-turbo", {"prompt": "a" * 800}, {"n": 3}, 4, {"style": "<anime>"}),
    ("wanx-v1", {"prompt": "a", "ref_img": WEB}, {"style": "<anime>", "ref_mode": "repaint", "ref_strength": 0.5}, 4,
     {"size": "1328*1328"}),
    ("wan2.5-i2i-preview", {"prompt": "a", "images": [WEB, BLUE]}, {"size": "1280*1280"}, 4, {"size": "2048*2048"}),
    ("wanx2.1-imageedit", {"function": "expand", "prompt": "a", "base_image_url": WEB}, {"left_scale": 1.5}, 1,
     {"strength": 0.5}),
    ("qwen-mt-image", {"image_url": WEB, "source_lang": "auto", "target_lang": "en"}, {}, 1, {"n": 1}),
    ("qwen-mt-image-2.0", {"image_url": WEB, "source_lang": "zh", "target_lang": "pt"}, {}, 1, {"n": 1}),
    ("wanx-style-repaint-v1", {"image_url": WEB, "style_index": 3}, {}, 1, {"n": 1}),
    ("image-out-painting", {"image_url": WEB}, {"x_scale": 1.5, "add_watermark": False}, 1, {"n": 1}),
    ("image-erase-completion", {"image_url": WEB, "mask_url": WEB}, {"fast_mode": True}, 1, {"n": 1}),
    ("image-instance-segmentation", {"image_url": WEB}, {}, 1, {"n": 1}),
    ("wanx-sketch-to-image-lite", {"sketch_image_url": WEB, "prompt": "a"}, {"n": 2}, 4, {"n": 5}),
    ("wanx-x-painting", {"prompt": "a", "base_image_url": WEB, "mask_image_url": WEB}, {}, 4, {"n": 0}),
    ("wanx-background-generation-v2", {"base_image_url": WEB, "ref_prompt": "a"}, {"n": 2}, 1, {"n": 9}),
    ("wanx-virtualmodel", {"template_image_url": WEB}, {}, 1, {"n": 9}),
    ("virtualmodel-v2", {"template_image_url": WEB}, {}, 1, {"n": 9}),
    ("shoemodel-v1", {"template_image_url": WEB}, {}, 1, {"n": 9}),
    ("wanx-poster-generation-v1", {"title": "Sale", "sub_title": "now"}, {}, 1, None),
    ("kling/kling-v3-image-generation", message(), {"n": 9, "aspect_ratio": "1:1", "resolution": "2k"}, 1,
     {"resolution": "4k"}),
    ("kling/kling-v3-omni-image-generation", message(images=[WEB]), {"result_type": "series", "series_amount": 3, "resolution": "4k"}, 1,
     {"n": 10}),
    ("vidu/viduq2_reference2image", message(images=[WEB] * 14), {"size": "1024*1024"}, 1, {"n": 2}),
]


@pytest.mark.parametrize("model, given, legal, billed, wrong", TASK_MODELS, ids=[row[0] for row in TASK_MODELS])
def test_a_model_that_makes_tasks(emulator, model, given, legal, billed, wrong):
    created = later(emulator, model, given, **legal)
    assert created.status == 200, created.body
    assert created.json["output"].keys() == {"task_id", "task_status"} and created.json["output"]["task_status"] == "PENDING"
    done = finish(emulator, created)
    assert done["output"]["task_status"] == "SUCCEEDED"
    number = legal.get("series_amount", legal.get("n", billed))
    assert emulator.creates[-1].pictures == number
    row = image_models.find(model)
    expected = {"choices": "choices", "results": "results"}.get(row.result, row.result)
    if model in ("qwen-image-plus", "qwen-image"):
        expected = "results"
        assert done["output"]["results"][0].keys() == {"orig_prompt", "actual_prompt", "url"}
    assert expected in done["output"]
    if expected in ("choices", "results"):
        assert len(urls(done)) == number
    assert later(emulator, model, given).status == 200 and emulator.creates[-1].pictures == billed
    for refused in ([wrong] if wrong else []) + ([] if row.has("open") else [{"guidance": 3}]):
        answer = later(emulator, model, given, **refused)
        assert (answer.status, answer.code) == (400, "InvalidParameter"), refused
    body = {"model": model, "input": given}
    assert post(emulator, SERVICES + row.task,
                body).json["message"] == "current user api does not support synchronous calls."
    elsewhere = image_models.OUT_PAINTING if row.task != image_models.OUT_PAINTING else image_models.TEXT2IMAGE
    assert post(emulator, SERVICES + elsewhere, body, True).json["message"] == "url error, please check url！"
    if not row.sync:
        assert "url error" in post(emulator, E1, body).json["message"]
    assert len(emulator.creates) == 2


def test_every_row_is_tried():
    tried = {row[0] for row in MESSAGE_MODELS + TASK_MODELS} | {"wan2.1-t2i-turbo", "wan2.1-t2i-plus",
                                                                "qwen-image-edit-plus"}
    assert set(image_models.IMAGE_MODELS) <= tried


def test_models_that_are_not_there(emulator):
    for path, headers in ((E1, False), (SERVICES + image_models.TEXT2IMAGE, True)):
        answer = post(emulator, path, {"model": "wan9-t2i", "input": message()}, headers)
        assert (answer.status, answer.code) == (404, "ModelNotFound")
        assert post(emulator, path, {"input": message()}, headers).code == "BadRequest.EmptyModel"
    assert later(emulator, "wan2.1-t2i-turbo").code == "ModelNotFound"
    emulator.intl_keys.add(KEY)
    abroad = post(emulator, "/@dashscope-intl" + SERVICES + image_models.TEXT2IMAGE,
                  {"model": "wan2.1-t2i-turbo", "input": {"prompt": "a"}}, True)
    assert abroad.status == 200
    assert poll(emulator, abroad.json["output"]["task_id"]).json["output"]["task_status"] == "UNKNOWN"     # another region
    assert "url error" in post(emulator, SERVICES + image_models.TEXT2IMAGE, {"model": "qwen-plus", "input": {}},
                               True).json["message"]
    assert now(emulator, "qwen3-vl-plus", headers=None).json["output"]["choices"][0]["message"]["content"][0]["text"]


@pytest.mark.parametrize("given, told", [
    ({}, "input"), ({"messages": []}, "No messages found"),
    ({"messages": message()["messages"] * 2}, "messages length only support 1"),
    ({"messages": [{"role": "user", "content": [{"image": WEB}]}]}, "lack of image or text"),
    ({"messages": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]}, "exactly one text"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "part of the content"),
    ({"messages": [{"role": "system", "content": [{"text": "a"}]}]}, "role"), ({**message(), "n": 2}, "input.n"),
    (message("x" * 6000), "tokens")])
def test_inputs_that_are_wrong(emulator, given, told):
    answer = post(emulator, E1, {"model": "qwen-image-2.0", "input": given})
    assert answer.status == 400 and told in answer.json["message"]
    assert not emulator.creates


@pytest.mark.parametrize("model, images, wrong", [
    ("qwen-image-3.0", 1, {"prompt_extend_mode": "agent"}),
    ("qwen-image-3.0", 0, {"prompt_extend": False, "enable_thinking": True}),
    ("wan2.7-image-pro", 1, {"size": "4K"}), ("wan2.7-image-pro", 0, {"size": "4K", "enable_sequential": True}),
    ("wan2.7-image", 1, {"thinking_mode": True}), ("wan2.7-image", 0, {"n": 13, "enable_sequential": True}),
    ("wan2.7-image", 1, {"bbox_list": [[[5, 5, 1, 1]]]}), ("wan2.7-image", 1, {"bbox_list": [[[1, 1, 2, 2]] * 3]}),
    ("wan2.7-image", 0, {"color_palette": [{"hex": "#102030", "ratio": "50.00%"}] * 2}),
    ("wan2.7-image", 0, {"color_palette": [{"hex": "#102030", "ratio": "30.00%"}] * 3}),
    ("wan2.7-image", 0, {"negative_prompt": "x"}), ("wan2.7-image", 0, {"prompt_extend": True}),
    ("wan2.6-image", 1, {"max_images": 2}),
    ("wan2.6-image", 1, {"enable_interleave": True}), ("qwen-image-2.0", 0, {"size": "1:1"}),
    ("qwen-image-2.0", 0, {"size": "1024x1024"}),
    ("qwen-image-2.0", 0, {"prompt_extend": "true"}), ("qwen-image-2.0", 0, {"negative_prompt": "x" * 501}),
    ("z-image-turbo", 0, {"n": 1})])
def test_parameters_that_do_not_go_together(emulator, model, images, wrong):
    answer = now(emulator, model, images=[WEB] * images, **wrong)
    assert (answer.status, answer.code) == (400, "InvalidParameter")


def test_palettes_sets_and_usages(emulator):
    colour = {"hex": "#102030", "ratio": "30.00%"}
    assert now(emulator, "wan2.7-image", color_palette=[colour, colour, {**colour, "ratio": "40.00%"}]).status == 200
    many = now(emulator, "wan2.7-image", enable_sequential=True).json
    assert len(many["output"]["choices"]) == 1 and len(urls(many)) == 12 and many["usage"]["size"] == "2048*2048"
    assert len(now(emulator, "wan2.7-image", n=3).json["output"]["choices"]) == 3
    usage = now(emulator, "qwen-image-3.0", size="2048*2048", n=2).json["usage"]
    assert usage["output_image_count"] == 2 and usage["output_image_type"] == "qima_output_2k" and "image_count" not in usage
    assert now(emulator, size="1033*1032").json["usage"] == {"height": 1024, "image_count": 1, "width": 1040}
    told = now(emulator, "z-image-turbo", prompt_extend=True).json
    content = told["output"]["choices"][0]["message"]
    assert content["content"][1]["text"].startswith("a red kite,")
    assert content["reasoning_content"] and told["usage"]["total_tokens"]
    assert now(emulator, "qwen-image-max").json["output"]["task_metric"] == {"TOTAL": 1, "SUCCEEDED": 1, "FAILED": 0}


def test_mixed_answers(emulator):
    options = {"enable_interleave": True, "stream": True, "max_images": 2}
    answer = now(emulator, "wan2.6-image", headers={"X_DashScope_Sse": "enable"}, **options)
    frames = [json.loads(frame.split("\ndata:", 1)[1]) for frame in answer.body.decode().strip().split("\n\n")]
    assert answer.body.startswith(b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{")
    assert [frame["output"]["choices"][0]["finish_reason"] for frame in frames] == ["null"] * 4 + ["stop"]
    assert [url for frame in frames for url in urls(frame)] and frames[-1]["usage"]["image_count"] == 2
    assert emulator.creates[-1].pictures == 2
    refused = now(emulator, "wan2.6-image", headers={"X_DashScope_Sse": "enable"}, n=2, **options)
    assert b"event:error\n:HTTP_STATUS/400" in refused.body
    done = finish(emulator, later(emulator, "wan2.6-image", enable_interleave=True))
    assert len(done["output"]["choices"]) == 1 and len(urls(done)) == 5
    assert {item["type"] for item in done["output"]["choices"][0]["message"]["content"]} == {"text", "image"}


# Pictures that go in

@pytest.mark.parametrize("model, picture, code", [
    ("qwen-image-2.0", data_url(b"GIF89a" + bytes(10), "image/gif"), None),
    ("wan2.7-image", data_url(b"GIF89a" + bytes(10), "image/gif"), "InvalidParameter.ImageFormat"),
    ("wan2.7-image", data_url(png(300, 300, (1, 2, 3, 4), "RGBA"), "image/png"), "InvalidParameter.ImageFormat"),
    ("wan2.7-image", data_url(png(239, 300), "image/png"), "InvalidParameter"),
    ("wan2.7-image", data_url(png(2400, 240), "image/png"), "InvalidParameter"),
    ("wan2.7-image", data_url(jpeg(300, 300), "image/png"), "InvalidParameter.ImageFormat"),
    ("wan2.7-image", data_url(png(300, 300)[:-30], "image/png"), "InvalidParameter.ImageFormat"),
    ("wan2.7-image", "https://nowhere.invalid/a.png", "InvalidParameter.DataInspection"),
    ("wan2.7-image", "oss://dashscope-instant/a/b.png", "InvalidParameter.DataInspection"),
    ("wan2.7-image", "file:///a.png", "InvalidParameter"), ("wan2.7-image", data_url(jpeg(300, 300), "image/jpeg"), None)])
def test_pictures_that_go_in(emulator, model, picture, code):
    assert now(emulator, model, images=[picture]).code == code


def test_a_data_url_where_only_addresses_are_documented(emulator):
    assert later(emulator, "qwen-mt-image",
                 {"image_url": BLUE, "source_lang": "auto", "target_lang": "en"}).code == "InvalidURL"
    masked = {"function": "description_edit_with_mask", "prompt": "a", "base_image_url": BLUE}
    assert "mask_image_url" in later(emulator, "wanx2.1-imageedit", masked).json["message"]
    assert later(emulator, "wanx2.1-imageedit", {**masked, "function": "fly"}).code == "InvalidParameter"


def test_an_edit_has_the_colour_and_shape_of_what_went_in(emulator):
    answer = now(emulator, images=[WEB, BLUE], text="put a hat on it").json
    assert answer["usage"]["width"] == 1248 and answer["usage"]["height"] == 832
    shown = pictures.inspect(fetch(emulator, urls(answer)[0]).body)
    assert colours.patches(shown)[0].name == "blue"
    emulator.late_refusals = True
    done = finish(emulator, later(emulator, "wan2.7-image", images=["https://nowhere.invalid/a.png"]))
    assert done["output"]["task_status"] == "FAILED" and done["output"]["code"] == "InvalidParameter.DataInspection"
    assert len(emulator.creates) == 1


# Tasks

def test_the_life_of_a_task(emulator):
    task = later(emulator, n=2).json["output"]["task_id"]
    seen = [poll(emulator, task).json for _ in range(4)]
    assert [one["output"]["task_status"] for one in seen] == ["PENDING", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
    assert urls(seen[2]) == urls(seen[3]) and seen[2]["usage"] == {"image_count": 2}
    assert seen[2]["output"]["task_metrics"] == {"TOTAL": 2, "SUCCEEDED": 2, "FAILED": 0}
    for answer in (poll(emulator, task, OTHER_KEY), poll(emulator, "1111")):
        assert answer.status == 200 and answer.json["output"].keys() == {"task_id", "task_status"}
        assert answer.json["output"]["task_status"] == "UNKNOWN"
    later_on = time.time() + DAY + 1
    emulator.clock = lambda: later_on
    assert poll(emulator, task).json["output"]["task_status"] == "UNKNOWN"
    emulator.task_polls = (0, 0)
    assert poll(emulator, later(emulator).json["output"]["task_id"]).json["output"]["task_status"] == "SUCCEEDED"


def test_cancellation_and_the_list(emulator):
    first, second = (later(emulator).json["output"]["task_id"] for _ in range(2))
    assert poll(emulator, first).json["output"]["task_status"] == "PENDING"
    assert send(emulator, "POST", f"/api/v1/tasks/{first}/cancel").json.keys() == {"request_id"}
    assert poll(emulator, first).json["output"]["task_status"] == "CANCELED"
    assert [create.pictures for create in emulator.creates] == [0, 4]
    poll(emulator, second), poll(emulator, second)
    for task in (first, second, "1111"):
        answer = send(emulator, "POST", f"/api/v1/tasks/{task}/cancel")
        assert (answer.status, answer.code) == (400, "UnsupportedOperation")
    later(emulator, key=OTHER_KEY)
    listed = send(emulator, "GET", "/api/v1/tasks/?page_no=1&page_size=1").json
    assert (listed["total"], listed["total_page"], len(listed["data"])) == (2, 2, 1)
    row = listed["data"][0]
    assert row["task_id"] == second and row["status"] == "RUNNING" and row["gmt_create"] > 1e12 and "output" not in listed
    assert row["user_api_unique_key"] == "apikey:v1:aigc:text2image:image-synthesis:wan2.2-t2i-flash"
    for query, found in (("status=CANCELED", 1), ("model_name=qwen-image", 0), (f"task_id={first}", 1),
                         ("start_time=20200101000000&end_time=20200101120000", 0)):
        assert send(emulator, "GET", f"/api/v1/tasks?{query}").json["total"] == found
    for query in ("status=DONE", "start_time=2020", "start_time=20200101000000&end_time=20200103000000", "page=1"):
        assert send(emulator, "GET", f"/api/v1/tasks?{query}").status == 400


def test_tasks_that_end_otherwise(emulator):
    emulator.inject("task-failed", code="IPInfringementSuspect", message="suspected")
    failed = finish(emulator, later(emulator))
    assert failed["output"]["code"] == "IPInfringementSuspect" and failed["output"]["task_metrics"]["FAILED"] == 4
    emulator.inject("task-failed", flat=True)
    assert finish(emulator, later(emulator, "wan2.7-image")).keys() == {"request_id", "code", "message"}
    emulator.flat_failures = True
    emulator.inject("task-failed", times=2)
    assert "output" not in finish(emulator, later(emulator, "wan2.6-t2i"))
    assert "output" in finish(emulator, later(emulator, "qwen-image-3.0"))
    emulator.inject("task-partial")
    partial = finish(emulator, later(emulator, n=2))
    assert partial["output"]["results"][1].keys() == {"code", "message"} and partial["usage"] == {"image_count": 1}
    for fault, status in (("task-unknown", "UNKNOWN"), ("task-canceled", "CANCELED"), ("task-empty", "SUCCEEDED")):
        emulator.inject(fault)
        done = finish(emulator, later(emulator))
        assert done["output"]["task_status"] == status and not urls(done)
    assert [create.pictures for create in emulator.creates] == [0, 0, 0, 0, 1, 4, 0, 0]
    assert finish(emulator,
                  later(emulator, given={"prompt": "a [emulator:task-failed] b"}))["output"]["task_status"] == "FAILED"
    emulator.inject("fewer-images", times=2, images=2)
    assert len(urls(now(emulator, n=6).json)) == 2 and len(urls(finish(emulator, later(emulator)))) == 2
    emulator.inject("503", path="/tasks/")
    task = later(emulator).json["output"]["task_id"]
    assert [poll(emulator, task).status for _ in range(2)] == [503, 200]


# The host of the results

def test_results_are_the_pictures_asked_for(emulator):
    answer = now(emulator, text="风筝 kite", n=2, size="1536*1024", seed=3).json
    bodies = [fetch(emulator, url) for url in urls(answer)]
    assert [size_of(one) for one in bodies] == [(1536, 1024)] * 2 and bodies[0].body != bodies[1].body
    for index, one in enumerate(bodies):
        notes = drawing.notes_of(one.body)
        assert (notes["prompt"], notes["index"], notes["owner"]) == ("风筝 kite", str(index), answer["request_id"])
        assert one.headers["content-type"] == "image/png" and int(one.headers["content-length"]) == len(one.body)
    assert fetch(emulator, urls(answer)[0]).body == bodies[0].body
    assert [(one.owner, one.index, one.status) for one in emulator.downloads][:2] == [(answer["request_id"], 0, 200),
                                                                                  (answer["request_id"], 1, 200)]
    assert size_of(fetch(emulator, urls(now(emulator, "wan2.7-image-pro", size="4K").json)[0])) == (4096, 4096)


def test_ranges_and_heads(emulator):
    url = urls(now(emulator).json)[0]
    whole = fetch(emulator, url)
    head = fetch(emulator, url, method="HEAD")
    assert head.body == b"" and head.headers["content-length"] == str(len(whole.body))
    assert head.headers["etag"] == whole.headers["etag"]
    part = fetch(emulator, url, Range="bytes=100-", If_Range=whole.headers["etag"])
    assert part.status == 206 and part.body == whole.body[100:]
    assert part.headers["content-range"] == f"bytes 100-{len(whole.body) - 1}/{len(whole.body)}"
    assert fetch(emulator, url, Range="bytes=5-9").body == whole.body[5:10]
    assert fetch(emulator, url, Range="bytes=-7").body == whole.body[-7:]
    assert fetch(emulator, url, Range="bytes=100-", If_Range='"other"').status == 200
    assert fetch(emulator, url, Range="bytes=9999999-").status == 416


def test_results_that_are_not_given(emulator):
    url = urls(now(emulator).json)[0]
    leaked = fetch(emulator, url, key=KEY)
    assert leaked.status == 400 and b"<Code>InvalidArgument</Code>" in leaked.body and emulator.downloads[-1].authorized
    assert fetch(emulator, url.replace("%3D", "%253D")).status == 403
    assert fetch(emulator, url.partition("?")[0] + "?").status == 403
    lost = fetch(emulator, f"{emulator.host_url('results')}/{'0' * 32}/a.png?Expires=1")
    assert lost.status == 404 and b"<Code>NoSuchKey</Code>" in lost.body
    tomorrow = time.time() + DAY + 1
    emulator.clock = lambda: tomorrow
    gone = fetch(emulator, url)
    assert gone.status == 403 and b"Request has expired." in gone.body and gone.headers["content-type"] == "application/xml"


@pytest.mark.parametrize("fault, parameters, status, check", [
    ("download-short", {"at": 500}, 200, lambda body, whole: body == whole[:500]),
    ("download-html", {}, 200, lambda body, whole: body.startswith(b"<!DOCTYPE html>")),
    ("download-xml", {}, 200, lambda body, whole: b"<Code>" in body),
    ("download-expired", {}, 403, lambda body, whole: b"Request has expired." in body),
    ("download-jpeg", {}, 200, lambda body, whole: body.startswith(b"\xff\xd8\xff")),
    ("download-no-range", {}, 200, lambda body, whole: body == whole),
    ("download-changed", {}, 200, lambda body, whole: body == whole),
    ("download-slow", {"seconds": 0.1}, 206, lambda body, whole: body == whole[10:]),
    ("download-empty", {}, 206, lambda body, whole: body == b""),
    ("download-redirect", {}, 302, lambda body, whole: body == b"")])
def test_downloads_that_go_wrong(emulator, fault, parameters, status, check):
    url = urls(now(emulator).json)[0]
    whole = fetch(emulator, url)
    emulator.inject(fault, **parameters)
    headers = {} if status == 200 and fault == "download-short" else {"Range": "bytes=10-",
                                                                      "If_Range": whole.headers["etag"]}
    answer = fetch(emulator, url, **headers)
    assert answer.status == status and check(answer.body, whole.body)
    assert (emulator.downloads[-1].status, len(answer.body)) == (status, len(answer.body))
    if fault == "download-redirect":
        assert fetch(emulator, answer.headers["location"]).body == whole.body
    if fault == "download-changed":
        assert answer.headers["etag"] != whole.headers["etag"]
    assert fetch(emulator, url).body == whole.body


def test_a_download_that_is_cut(emulator):
    url = urls(now(emulator).json)[0]
    emulator.inject("download-cut", at=700)
    with pytest.raises(http.client.IncompleteRead) as cut:
        fetch(emulator, url)
    assert len(cut.value.partial) == 700


# Bookkeeping and creates that go wrong

def test_creates_are_counted_though_no_answer_comes(emulator):
    emulator.inject("accept-then-reset")
    with pytest.raises(ConnectionError):
        now(emulator, n=3)
    emulator.inject("accept-then-hang", seconds=0.05)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        later(emulator)
    assert [(create.model, create.pictures) for create in emulator.creates] == [("qwen-image-2.0", 3),
                                                                                ("wan2.2-t2i-flash", 4)]
    assert emulator.creates[1].task_id in emulator.tasks and not emulator.creates[0].task_id
    for fault, status in (("accept-then-500", 500), ("429", 429), ("500", 500), ("arrearage", 400)):
        emulator.inject(fault)
        assert now(emulator).status == status
    assert len(emulator.creates) == 2
    emulator.inject("accept-then-500")
    assert now(emulator, n=9).status == 400


def test_latency(emulator, monkeypatch):
    """All five wait before one is answered."""
    waited, together = [], threading.Barrier(5)
    monkeypatch.setattr(emulator.epoch, "pause", lambda seconds: [waited.append(seconds), together.wait(60)])
    emulator.latency = 0.2
    threads = [threading.Thread(target=now, args=(emulator,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waited == [0.2] * 5 and len(emulator.creates) == 5


def test_chance_is_seeded(emulator):
    seen = []
    for _ in range(2):
        emulator.reset()
        emulator.flaky("/generation", seed=4, rate429=0.3, rate500=0.2)
        seen.append([now(emulator).status for _ in range(40)])
        assert len(emulator.creates) == seen[-1].count(200)
    assert seen[0] == seen[1] and {200, 429, 500} == set(seen[0])
    assert post(emulator, "/_emulator/flaky", {"rates": {"reset": 2}}).status == 400


def test_controls(emulator):
    settings = {"latency": 0, "task_polls": [0, 0], "flat_failures": True, "late_refusals": True, "clock_offset": 60}
    assert post(emulator, "/_emulator/settings", settings).json == {"ok": True}
    assert emulator.task_polls == (0, 0) and emulator.clock() > time.time() + 50
    assert post(emulator, "/_emulator/settings", {"colour": 1}).status == 400
    assert post(emulator, "/_emulator/flaky", {"path": "/none", "rate429": 1}).json == {"ok": True}
    fetch(emulator, urls(now(emulator, n=2).json)[0]), now(emulator), later(emulator)
    creates = send(emulator, "GET", "/_emulator/creates").json
    assert [create["pictures"] for create in creates] == [2, 1, 4] and creates[2]["task_id"] and creates[0]["path"] == E1
    summary = send(emulator, "GET", "/_emulator/summary").json
    assert (summary["creates"], summary["pictures"], summary["per_prompt_max"], summary["downloads"]) == (3, 7, 3, 1)
    assert send(emulator, "GET", "/_emulator/downloads").json[0]["index"] == 0
