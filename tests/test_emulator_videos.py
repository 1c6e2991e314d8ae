"""The emulator's video generation: every row of its table, media that go in, answers, files, places, bookkeeping."""
from __future__ import annotations

import http.client
import json
import shutil
import struct
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.emulator import Emulator, boxes, colours, filming, pictures, sounds, video_models, videos
from tests.media_samples import bmp, data_url, gif, jpeg, mov, mp3, mp4, png, wav

AIGC = "/api/v1/services/aigc/"
KEY, OTHER_KEY = "sk-videos-0123456789abcdef", "sk-others-0123456789abcdef"
IMAGE, CLIP, SOUND = "https://in.example.com/a.png", "https://in.example.com/b.mp4", "https://in.example.com/c.mp3"
BLUE = data_url(png(600, 400, (30, 60, 200)), "image/png")
ELSEWHERE = {video_models.SYNTHESIS: video_models.IMAGE2VIDEO, video_models.IMAGE2VIDEO: video_models.SYNTHESIS,
             video_models.DETECT: video_models.SYNTHESIS}


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

    @property
    def said(self):
        return self.json.get("message", "")


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


def post(emulator, path, value, asynchronous=True, key=KEY, resolve=False):
    named = {"Content-Type": "application/json", **({"X-DashScope-Async": "enable"} if asynchronous else {}),
             **({"X-DashScope-OssResourceResolve": "enable"} if resolve else {})}
    return send(emulator, "POST", path, json.dumps(value).encode(), key, named)


def create(emulator, model, given, key=KEY, resolve=False, **parameters):
    path = video_models.find(model).path
    return post(emulator, AIGC + path, {"model": model, "input": given, "parameters": parameters}, path != video_models.DETECT, key,
                resolve)


def poll(emulator, created, key=KEY):
    return send(emulator, "GET", f"/api/v1/tasks/{created.json['output']['task_id']}", key=key).json


def finish(emulator, created):
    """The last answer about a task."""
    assert created.status == 200, created.body
    for _ in range(9):
        answer = poll(emulator, created)
        if answer["output"]["task_status"] not in ("PENDING", "RUNNING"):
            return answer
    raise AssertionError("the task does not end")


def made(emulator, model, given, **parameters):
    return finish(emulator, create(emulator, model, given, **parameters))


def address(answer):
    output = answer["output"]
    return output.get("video_url") or output.get("output_video_url") or output["results"]["video_url"]


def fetch(emulator, url, key=None, method="GET", **headers):
    parts = urlsplit(url)
    return send(emulator, method, f"{parts.path}?{parts.query}", key=key,
                headers={name.replace("_", "-"): value for name, value in headers.items()})


def store(emulator, model, data, name="a.bin", key=KEY):
    """The oss:// address of an upload."""
    policy = send(emulator, "GET", f"/api/v1/uploads?action=getPolicy&model={model}", key=key).json["data"]
    place = f"{policy['upload_dir']}/{name}"
    form = {"OSSAccessKeyId": policy["oss_access_key_id"], "Signature": policy["signature"], "policy": policy["policy"],
            "x-oss-object-acl": policy["x_oss_object_acl"], "x-oss-forbid-overwrite": policy["x_oss_forbid_overwrite"],
            "key": place, "success_action_status": "200"}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode() for field, value in form.items()]
    parts.append(f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n--b--\r\n")
    stored = send(emulator, "POST", "/@oss/", b"".join(parts), None, {"Content-Type": "multipart/form-data; boundary=b"})
    assert stored.status == 200, stored.body
    return f"oss://{place}"


def media(*items, **others):
    urls = {"image": IMAGE, "frame": IMAGE, "clip": CLIP, "video": CLIP, "audio": SOUND, "voice": SOUND}
    return {**others, "media": [{"type": item, "url": next(url for word, url in urls.items() if word in item)} for item in items]}


# The table: model, input, legal parameters, [refused parameters], [refused inputs], usage of that call, seconds billed

SAY = {"prompt": "a red kite"}
FULL = {**SAY, "negative_prompt": "text"}
TOO_LONG = {"prompt": "x" * 5001}
RATIO_USAGE = {"duration", "input_video_duration", "output_video_duration", "video_count", "SR", "ratio"}
PLAIN_USAGE, SIZED_USAGE = RATIO_USAGE - {"ratio"}, RATIO_USAGE - {"ratio"} | {"size"}
SHORT_USAGE, OLD_USAGE = {"duration", "video_count", "SR"}, {"video_duration", "video_ratio", "video_count"}
FIRST, PORTRAIT = {**SAY, "img_url": IMAGE}, {"image_url": IMAGE, "audio_url": SOUND}
WAN = {"prompt_extend": False, "watermark": True, "seed": 7}
SIZES = ({"size": "1280x720"}, {"size": "16:9"}, {"size": "720P"}, {"size": "1104*832"}, {"resolution": "720P"}, {"ratio": "1:1"})
TIERS = ({"resolution": "720p"}, {"size": "1280*720"}, {"resolution": "4K"})
LENGTHS = ({"duration": 1}, {"duration": 16}, {"duration": "5"}, {"duration": 5.0})
ANIMATED = {"image_url": IMAGE, "video_url": CLIP}

ROWS = [
    ("wan2.7-t2v", {**FULL, "audio_url": SOUND}, {**WAN, "resolution": "720P", "ratio": "4:3", "duration": 15},
     [*TIERS, *LENGTHS, {"ratio": "21:9"}, {"shot_type": "multi"}, {"audio": True}],
     [{}, {"prompt": " "}, TOO_LONG, media("first_frame", **SAY), {**SAY, "img_url": IMAGE}], RATIO_USAGE, 15),
    ("wan2.7-t2v-2026-06-12", SAY, {}, [{"fps": 24}], [{"negative_prompt": "x"}], RATIO_USAGE, 5),
    ("wan2.7-i2v", media("first_frame", "last_frame", "driving_audio", **FULL), {**WAN, "resolution": "720P", "duration": 2},
     [*TIERS, *LENGTHS, {"ratio": "16:9"}, {"shot_type": "multi"}], [SAY, {**SAY, "img_url": IMAGE}, TOO_LONG], PLAIN_USAGE, 2),
    ("wan2.7-r2v", media("reference_image", "reference_video", "first_frame", **SAY), {**WAN, "resolution": "720P", "duration": 10},
     [*TIERS, {"duration": 11}, {"ratio": "16:9"}],
     [media("reference_image"), media("first_frame", **SAY), media(*["reference_image"] * 6, **SAY), SAY,
      media("reference_image", "first_frame", "first_frame", **SAY), media("first_clip", **SAY)], RATIO_USAGE, 15),
    ("wan2.7-videoedit", media("video", *["reference_image"] * 4, **FULL), {**WAN, "ratio": "1:1", "audio_setting": "origin"},
     [*TIERS, {"duration": 1}, {"duration": 11}, {"audio_setting": "off"}],
     [media("video", "video"), media("reference_image"), media("video", *["reference_image"] * 5)], PLAIN_USAGE, 10),
    ("wan3.0-video", media("first_frame", "last_frame"), {"resolution": "480P", "ratio": "adaptive", "duration": -1, "audio": False},
     [{"duration": 31}, {"duration": 1}, {"ratio": "21:9"}],
     [{"negative_prompt": "x"}, media(*["reference_image"] * 11)], RATIO_USAGE, 7),
    ("wan3.0-video-prime", SAY, {"duration": 30}, [{"resolution": "2K"}], [{"prompt": "x" * 20001}], RATIO_USAGE, 30),
    ("wan2.6-t2v", {**FULL, "audio_url": SOUND}, {"size": "1632*1248", "duration": 15, "shot_type": "multi", "prompt_extend": True},
     [*SIZES, *LENGTHS, {"size": "832*480"}, {"shot_type": "multi", "prompt_extend": False}], [{}, {"prompt": "x" * 1501}],
     SIZED_USAGE, 15),
    ("wan2.6-t2v-us", SAY, {"duration": 10}, [*SIZES, {"duration": 7}], [], SIZED_USAGE, 10),
    ("wan2.5-t2v-preview", {**FULL, "audio_url": SOUND}, {**WAN, "size": "832*480", "duration": 10},
     [*SIZES, {"duration": 7}, {"shot_type": "multi"}], [{"prompt": "x" * 1501}], OLD_USAGE, 10),
    ("wan2.2-t2v-plus", FULL, {**WAN, "size": "480*832", "duration": 5}, [*SIZES, {"size": "1280*720"}, {"duration": 10}],
     [{**SAY, "audio_url": SOUND}, {"prompt": "x" * 801}], OLD_USAGE, 5),
    ("wanx2.1-t2v-turbo", SAY, {"size": "624*624"}, [*SIZES, {"size": "1920*1080"}], [{**SAY, "audio_url": SOUND}], OLD_USAGE, 5),
    ("wanx2.1-t2v-plus", SAY, {"size": "960*960"}, [*SIZES, {"size": "832*480"}], [], OLD_USAGE, 5),
    ("wan2.6-i2v-flash", FIRST, {**WAN, "resolution": "720P", "duration": 2, "audio": False},
     [*TIERS, *LENGTHS, {"resolution": "480P"}], [SAY, {**FIRST, "last_frame_url": IMAGE}], PLAIN_USAGE | {"audio"}, 2),
    ("wan2.6-i2v", {**FIRST, "audio_url": SOUND}, {"duration": 15, "shot_type": "single"}, [*TIERS, {"audio": True}], [media("first_frame")],
     PLAIN_USAGE, 15),
    ("wan2.6-i2v-us", FIRST, {"duration": 15}, [{"duration": 6}], [], PLAIN_USAGE, 15),
    ("wan2.5-i2v-preview", {**FIRST, "audio_url": SOUND}, {**WAN, "resolution": "480P", "duration": 10}, [{"duration": 6}, *TIERS], [],
     SHORT_USAGE, 10),
    ("wan2.2-i2v-flash", {"img_url": IMAGE, "template": "flying"}, {**WAN, "resolution": "480P"}, [{"duration": 6}, *TIERS],
     [{**FIRST, "template": "flying"}, {**FIRST, "audio_url": SOUND}], SHORT_USAGE, 5),
    ("wan2.2-i2v-plus", FIRST, {"resolution": "480P"}, [{"resolution": "720P"}], [{**FIRST, "prompt": "x" * 801}], SHORT_USAGE, 5),
    ("wanx2.1-i2v-turbo", FIRST, {"duration": 3}, [{"resolution": "1080P"}, {"duration": 2}], [], OLD_USAGE, 3),
    ("wanx2.1-i2v-plus", FIRST, {"resolution": "720P"}, [{"resolution": "480P"}, {"duration": 3}], [], OLD_USAGE, 5),
    ("wan2.2-kf2v-flash", {**FULL, "first_frame_url": IMAGE, "last_frame_url": IMAGE}, {**WAN, "resolution": "480P", "duration": 5},
     [{"duration": 4}, *TIERS], [SAY, {"last_frame_url": IMAGE}, {"first_frame_url": IMAGE, "last_frame_url": IMAGE, "template": "a"}],
     {"video_duration", "video_count", "SR"}, 5),
    ("wanx2.1-kf2v-plus", {"first_frame_url": IMAGE}, {}, [{"resolution": "1080P"}], [SAY], OLD_USAGE, 5),
    ("wan2.6-r2v", {**FULL, "reference_urls": [IMAGE, CLIP, CLIP]}, {"size": "1280*720", "duration": 10, "shot_type": "multi", "watermark": True},
     [{"duration": 11}, {"prompt_extend": True}, {"audio": True}, *SIZES],
     [SAY, {**SAY, "reference_urls": [CLIP] * 4}, {**SAY, "reference_urls": [IMAGE] * 6}, {"reference_urls": [IMAGE]},
      {**SAY, "reference_urls": IMAGE}, {**SAY, "reference_urls": [BLUE]}], SIZED_USAGE, 15),
    ("wan2.6-r2v-flash", {**SAY, "reference_urls": [IMAGE]}, {"audio": False}, [{"prompt_extend": True}], [], SIZED_USAGE, 5),
    ("wanx2.1-vace-plus", {**SAY, "function": "image_reference", "ref_images_url": [IMAGE, IMAGE]},
     {"obj_or_bg": ["obj", "bg"], "size": "1280*720", **WAN}, [{"obj_or_bg": ["obj"]}, {}, {"size": "832*480"}, {"strength": 1}],
     [{**SAY, "function": "fly"}, {**SAY, "function": "image_reference"}, {**SAY, "video_url": CLIP}], OLD_USAGE, 5),
    ("wan2.2-animate-move", {**ANIMATED, "watermark": True}, {"mode": "wan-pro", "check_image": False},
     [{}, {"mode": "std"}, {"mode": "wan-std", "watermark": True}, {"mode": "wan-std", "resolution": "720P"}],
     [{"image_url": IMAGE}, {**ANIMATED, **SAY}], {"video_duration", "video_ratio"}, 5),
    ("wan2.2-animate-mix", ANIMATED, {"mode": "wan-std"}, [{"mode": "wan-std", "duration": 5}], [], {"video_duration", "video_ratio"}, 5),
    ("wan2.2-s2v", PORTRAIT, {"resolution": "720P"}, [{"resolution": "1080P"}, {"style": "speech"}], [{"image_url": IMAGE}, {**PORTRAIT, **SAY}],
     {"duration", "size", "fps", "video_count", "SR"}, 5),
    ("happyhorse-1.1-t2v", SAY, {"resolution": "480P", "ratio": "21:9", "duration": 3, "watermark": False, "seed": 1},
     [{"duration": 2}, {"prompt_extend": False}, {"size": "1280*720"}], [FULL, {**SAY, "audio_url": SOUND}, {"prompt": "马" * 2501}, {}],
     RATIO_USAGE, 3),
    ("happyhorse-1.0-t2v", SAY, {"resolution": "720P"}, [{"resolution": "480P"}, {"ratio": "4:5"}], [], RATIO_USAGE, 5),
    ("happyhorse-1.1-i2v", media("first_frame"), {"resolution": "720P", "duration": 15}, [{"ratio": "16:9"}, {"duration": 16}],
     [SAY, media("first_frame", "first_frame"), media("first_frame", "last_frame")], PLAIN_USAGE, 15),
    ("happyhorse-1.0-i2v", media("first_frame", **SAY), {}, [{"resolution": "480P"}], [], PLAIN_USAGE, 5),
    ("happyhorse-1.1-r2v", media(*["reference_image"] * 9, **SAY), {"ratio": "9:21"}, [{"prompt_extend": True}],
     [media(*["reference_image"] * 10, **SAY), media("reference_image"), media("reference_video", **SAY)], RATIO_USAGE, 5),
    ("happyhorse-1.0-r2v", media("reference_image", **SAY), {"ratio": "3:4"}, [{"ratio": "9:21"}], [], RATIO_USAGE, 5),
    ("happyhorse-1.0-video-edit", media("video", *["reference_image"] * 5, **SAY), {"resolution": "720P", "audio_setting": "origin"},
     [{"duration": 5}, {"ratio": "16:9"}, {"resolution": "480P"}],
     [media("video"), media("reference_image", **SAY), media("video", *["reference_image"] * 6, **SAY)], PLAIN_USAGE, 10),
    ("video-style-transform", {"video_url": CLIP}, {"style": 7, "video_fps": 25, "min_len": 540, "use_SR": True, "animate_emotion": False},
     [{"style": 8}, {"video_fps": 14}, {"min_len": 600}, {"seed": 1}], [SAY, {"video_url": CLIP, **SAY}], {"duration", "SR"}, 5),
    ("kling/kling-v3-video-generation", media("first_frame", **FULL), {"mode": "std", "duration": 15, "audio": True}, [{"mode": "720P"}],
     [media("image", **SAY), {"negative_prompt": "x"}], SHORT_USAGE, 15),
    ("kling/kling-v3-turbo-video-generation", media("first_frame", **FULL), {"mode": "pro", "duration": 3, "watermark": True},
     [{"mode": "4k"}, {"audio": False}, {"duration": 16}], [media("first_frame", "last_frame", **SAY), {**SAY, "element_list": []}],
     SHORT_USAGE, 3),
    ("kling/kling-v3-omni-video-generation", {**SAY, "multi_shot": True, "shot_type": "customize"}, {"aspect_ratio": "1:1"},
     [{"duration": 2}], [{**SAY, "style": 1}], SHORT_USAGE, 5),
    ("vidu/viduq3-pro_img2video", media("image"), {"resolution": "540P", "duration": 16}, [{"duration": 17}], [SAY], SHORT_USAGE, 16),
    ("vidu/viduq3-pro_text2video", SAY, {"size": "1280*720"}, [{"resolution": "4K"}], [media("image", **SAY)], SHORT_USAGE, 5),
    ("vidu/viduq2_start-end2video", media("image", "image"), {}, [], [media("image")], SHORT_USAGE, 5),
    ("pixverse/pixverse-v6-it2v", media("image_url", **SAY), {"resolution": "360P", "duration": 8}, [{"duration": 8}, {"resolution": "360P"}],
     [SAY], SHORT_USAGE, 8),
    ("pixverse/pixverse-c1-t2v", SAY, {"size": "640*360", "duration": 1}, [{"duration": 5}], [media("image_url", **SAY)], SHORT_USAGE, 1),
    ("MiniMax/MiniMax-H3", media("first_frame", **SAY), {"resolution": "2K", "duration": 4}, [{"duration": 4}, {"resolution": "768P"}],
     [], SHORT_USAGE, 4),
]


@pytest.mark.parametrize("model, given, legal, wrong, wrong_inputs, usage, billed", ROWS, ids=[row[0] for row in ROWS])
def test_a_row(emulator, model, given, legal, wrong, wrong_inputs, usage, billed):
    row = video_models.find(model)
    created = create(emulator, model, given, **legal)
    assert created.status == 200, created.body
    assert created.json["output"].keys() == {"task_id", "task_status"} and created.json["output"]["task_status"] == "PENDING"
    done = finish(emulator, created)
    assert done["output"]["task_status"] == "SUCCEEDED" and set(done["usage"]) == usage
    told = {"results": "results", "output_video_url": "output_video_url"}.get(row.result, "video_url")
    assert told in done["output"] and len({"results", "video_url", "output_video_url"} & set(done["output"])) == 1
    bill = emulator.creates[-1]
    assert (bill.model, bill.seconds, bill.task_id, bill.pictures) == (model, billed, created.json["output"]["task_id"], 0)
    assert done["usage"].get("duration", done["usage"].get("video_duration")) == billed
    file = fetch(emulator, address(done))
    look = videos.inspect(file.body[:4096], file.body)
    assert f"{look.width}*{look.height}" == bill.details["size"] and abs(look.seconds - bill.details["output_seconds"]) < 0.05
    assert filming.notes_of(file.body)["owner"] == created.json["output"]["task_id"]
    kept = legal if row.needed or "obj_or_bg" in legal else {}
    for refused in wrong + ([] if row.has("open") else [{**kept, "guidance": 3}]):
        answer = create(emulator, model, given, **refused)
        assert (answer.status, answer.code) == (400, "InvalidParameter"), refused
    if not row.has("open"):
        assert "guidance" in create(emulator, model, given, **{**kept, "guidance": 3}).said
    for refused in wrong_inputs:
        answer = create(emulator, model, refused, **kept)
        assert answer.status == 400, refused
    body = {"model": model, "input": given, "parameters": legal}
    assert post(emulator, AIGC + row.path, body, False).said == "current user api does not support synchronous calls."
    for path in (ELSEWHERE[row.path], "text2image/image-synthesis", "multimodal-generation/generation"):
        assert post(emulator, AIGC + path, body, True).said == "url error, please check url！"
    assert len(emulator.creates) == 1


def test_every_row_is_tried():
    assert set(video_models.VIDEO_MODELS) - {"wan2.2-s2v-detect"} <= {row[0] for row in ROWS}


def test_models_that_are_not_there(emulator):
    path = AIGC + video_models.SYNTHESIS
    assert (post(emulator, path, {"model": "wan9-t2v", "input": SAY}).status, post(emulator, path, {"input": SAY}).code) == (
        404, "BadRequest.EmptyModel")
    assert "url error" in post(emulator, path, {"model": "qwen-image", "input": SAY}).said
    assert "url error" in post(emulator, path, {"model": "qwen-plus", "input": SAY}).said
    assert post(emulator, path, {"model": "wan2.7-t2v"}).code == "BadRequest.EmptyInput"
    assert "'size'" in post(emulator, path, {"model": "wan2.7-t2v", "input": SAY, "size": "1280*720"}).said
    assert create(emulator, "wan2.1-t2v-turbo", SAY).code == "ModelNotFound"
    emulator.intl_keys.add(KEY)
    assert post(emulator, "/@dashscope-intl" + path, {"model": "wan2.1-t2v-turbo", "input": SAY}).status == 200
    assert post(emulator, "/@token-plan" + path, {"model": "happyhorse-1.1-t2v", "input": SAY}, key="sk-sp-0123456789").status == 403


# Media

@pytest.mark.parametrize("types, legal", [
    ("first_frame", True), ("first_frame driving_audio", True), ("last_frame first_frame", True),
    ("first_frame last_frame driving_audio", True), ("first_clip", True), ("first_clip last_frame", True),
    ("last_frame", False), ("driving_audio", False), ("first_frame first_clip", False), ("first_clip driving_audio", False),
    ("first_frame first_frame", False), ("first_clip last_frame driving_audio", False), ("last_frame driving_audio", False),
    ("reference_image", False), ("", False)])
def test_the_sets_of_wan27_i2v(emulator, types, legal):
    assert (create(emulator, "wan2.7-i2v", media(*types.split())).status == 200) == legal


VIDEO = {**SAY, "video_url": CLIP}


@pytest.mark.parametrize("function, given, parameters, legal", [
    ("image_reference", {"ref_images_url": [IMAGE]}, {}, True), ("image_reference", {"ref_images_url": IMAGE}, {}, False),
    ("image_reference", {"ref_images_url": [IMAGE] * 2}, {"obj_or_bg": ["bg", "bg"]}, False),
    ("video_repainting", VIDEO, {"control_condition": "depth", "strength": 0.5}, True), ("video_repainting", VIDEO, {}, False),
    ("video_repainting", VIDEO, {"control_condition": "depth", "size": "1280*720"}, False),
    ("video_edit", {**VIDEO, "mask_image_url": IMAGE, "mask_frame_id": 1}, {"mask_type": "tracking", "expand_ratio": 0.1}, True),
    ("video_edit", {**VIDEO, "mask_video_url": CLIP}, {"expand_mode": "bbox", "size": "960*960"}, True), ("video_edit", VIDEO, {}, False),
    ("video_edit", {**VIDEO, "mask_image_url": IMAGE}, {"mask_type": "fixed", "expand_ratio": 0.1}, False),
    ("video_extension", {"first_clip_url": CLIP}, {}, True), ("video_extension", {}, {}, False),
    ("video_extension", {**VIDEO, "last_frame_url": IMAGE}, {}, False),
    ("video_extension", {**VIDEO, "last_frame_url": IMAGE}, {"control_condition": "depth"}, True),
    ("video_outpainting", VIDEO, {"top_scale": 1.5, "left_scale": 2}, True), ("video_outpainting", VIDEO, {"top_scale": 2.5}, False),
    ("video_outpainting", {**VIDEO, "ref_images_url": [IMAGE]}, {}, False),
    ("image_reference", {"ref_images_url": ["https://in.example.com/图.png"]}, {}, False)])
def test_the_functions_of_vace(emulator, function, given, parameters, legal):
    answer = create(emulator, "wanx2.1-vace-plus", {**SAY, "function": function, **given}, **parameters)
    assert (answer.status == 200) == legal, answer.body


def frame(data, mime="image/png"):
    return {"media": [{"type": "first_frame", "url": data_url(data, mime)}]}


INSIDE = [
    ("wan2.7-i2v", frame(png(240, 400)), None), ("wan2.7-i2v", frame(png(239, 400)), "InvalidFile.Resolution"),
    ("wan2.7-i2v", frame(png(2400, 240)), "InvalidFile.AspectRatio"), ("wan2.7-i2v", frame(bmp(300, 300), "image/bmp"), None),
    ("wan2.7-i2v", frame(gif(300, 300), "image/gif"), "InvalidFile.Format"),
    ("wan2.7-i2v", frame(png(300, 300, (1, 2, 3, 4), "RGBA")), "InvalidFile.Format"),
    ("wan2.7-i2v", frame(jpeg(300, 300), "image/png"), "InvalidFile.Format"), ("wan2.7-i2v", frame(mp4(), "video/mp4"), "InvalidFile.Format"),
    ("wan2.7-i2v", frame(png(300, 300)[:-30]), "InvalidParameter.ImageFormat"),
    ("wan2.7-i2v", {"media": [{"type": "first_clip", "url": data_url(mp4(), "video/mp4")}]}, "InvalidURL"),
    ("wan2.7-t2v", {**SAY, "audio_url": data_url(wav(), "audio/wav")}, "InvalidURL"),
    ("wan2.7-i2v", {"media": [{"type": "first_frame", "url": "https://nowhere.invalid/a.png"}]}, "InvalidParameter.DataInspection"),
    ("wan2.7-i2v", {"media": [{"type": "first_frame", "url": "oss://dashscope-instant/a/b.png"}]}, "InvalidParameter.DataInspection"),
    ("wan2.7-i2v", {"media": [{"type": "first_frame", "url": "file:///a.png"}]}, "InvalidParameter"),
    ("wan2.7-i2v", {"media": [{"type": "first_frame", "url": IMAGE, "reference_voice": SOUND}]}, "InvalidParameter"),
    ("wan2.7-i2v", {"media": {"type": "first_frame", "url": IMAGE}}, "InvalidParameter"),
    ("happyhorse-1.1-i2v", frame(png(299, 299)), "InvalidFile.Resolution"),
    ("happyhorse-1.1-i2v", frame(bmp(300, 300), "image/bmp"), "InvalidFile.Format"),
    ("happyhorse-1.1-i2v", frame(png(800, 300)), "InvalidFile.AspectRatio"), ("happyhorse-1.1-i2v", frame(png(750, 300)), None),
    ("wan2.6-i2v", {"img_url": data_url(png(2400, 240), "image/png")}, None), ("wan2.2-s2v", {**PORTRAIT, "image_url": BLUE}, "InvalidURL"),
]


@pytest.mark.parametrize("model, given, code", INSIDE, ids=[f"{row[0]}-{number}" for number, row in enumerate(INSIDE)])
def test_pictures_inside_the_request(emulator, model, given, code):
    answer = create(emulator, model, given)
    assert answer.code == code, answer.body


def as_clip(url):
    return {"media": [{"type": "first_clip", "url": url}]}


def as_audio(url):
    return {**SAY, "audio_url": url}


def as_voice(url):
    return {**SAY, "media": [{"type": "reference_image", "url": IMAGE, "reference_voice": url}]}


def as_edited(url):
    return {**SAY, "media": [{"type": "video", "url": url}]}


def as_references(count):
    return lambda url: {**SAY, "reference_urls": [url] * count}


UPLOADS = [
    ("wan2.7-i2v", as_clip, mp4(4), None), ("wan2.7-i2v", as_clip, mov(10), None),
    ("wan2.7-i2v", as_clip, mp4(1.5), "InvalidFile.Duration"), ("wan2.7-i2v", as_clip, mp4(11), "InvalidFile.Duration"),
    ("wan2.7-i2v", as_clip, mp4(4, 5000, 3000), "InvalidFile.Resolution"), ("wan2.7-i2v", as_clip, mp4(4)[:60], "InvalidFile.Openerror"),
    ("wan2.7-i2v", as_clip, png(300, 300), "InvalidFile.Format"),
    ("wan2.7-i2v", as_clip, b"RIFF\0\0\0\0AVI LIST" + bytes(90), "InvalidFile.Format"),
    ("wan2.7-t2v", as_audio, wav(2), None), ("wan2.7-t2v", as_audio, mp3(30), None),
    ("wan2.7-t2v", as_audio, mp3(31), "InvalidFile.Duration"), ("wan2.7-t2v", as_audio, wav(1), "InvalidFile.Duration"),
    ("wan2.7-t2v", as_audio, wav(2, 4_000_000), "InvalidFile.Size"), ("wan2.7-t2v", as_audio, b"OggS" + bytes(90), "InvalidURL"),
    ("wan2.7-t2v", as_audio, wav(2)[:-9], "InvalidFile.Openerror"), ("wan2.6-t2v", as_audio, wav(2), "InvalidFile.Duration"),
    ("wan2.7-r2v", as_voice, wav(11), "InvalidFile.Duration"), ("wan2.7-r2v", as_voice, wav(10), None),
    ("wan2.6-r2v", as_references(1), png(300, 300), None), ("wan2.6-r2v", as_references(4), mp4(4), "InvalidParameter"),
    ("wan2.6-r2v", as_references(1), mp4(31), "InvalidFile.Duration"),
    ("wan3.0-video", lambda url: {"media": [{"type": "reference_video", "url": url}] * 2}, mp4(8), "InvalidFile.Duration"),
    ("happyhorse-1.0-video-edit", as_edited, mp4(60, 640, 360), None),
    ("happyhorse-1.0-video-edit", as_edited, mp4(2), "InvalidFile.Resolution"),
    ("video-style-transform", lambda url: {"video_url": url}, mp4(30, 640, 360), None),
    ("video-style-transform", lambda url: {"video_url": url}, mp4(31, 640, 360), "InvalidFile.Duration"),
    ("wan2.2-s2v", lambda url: {**PORTRAIT, "audio_url": url}, wav(20), "InvalidFile.Duration"),
]


@pytest.mark.parametrize("model, make, data, code", UPLOADS, ids=[f"{row[0]}-{number}" for number, row in enumerate(UPLOADS)])
def test_uploads(emulator, model, make, data, code):
    answer = create(emulator, model, make(store(emulator, model, data)), resolve=True)
    assert answer.code == code, answer.body


def test_uploads_belong_to_a_model_and_a_key(emulator):
    url = store(emulator, "wan2.7-i2v", mp4(4))
    given = {"media": [{"type": "first_clip", "url": url}]}
    assert create(emulator, "wan2.7-i2v", given).code == "InvalidParameter.DataInspection"           # no header
    assert create(emulator, "wan2.7-i2v", given, OTHER_KEY, True).code == "InvalidParameter.DataInspection"
    assert create(emulator, "wan2.7-i2v-2026-04-25", given, KEY, True).code == "InvalidParameter.DataInspection"
    edit = {**SAY, "media": [{"type": "video", "url": store(emulator, "happyhorse-1.0-video-edit", mp4(4, 640, 360))}]}
    assert create(emulator, "happyhorse-1.0-video-edit", edit, KEY, True).status == 200
    emulator.doubtful_uploads = False
    assert create(emulator, "happyhorse-1.0-video-edit", edit, KEY, True).code == "InvalidURL"
    assert create(emulator, "wan2.7-i2v", given, KEY, True).status == 200


def test_what_is_refused_late(emulator):
    emulator.late_refusals = True
    done = made(emulator, "wan2.7-i2v", frame(png(100, 100)))
    assert done["output"]["task_status"] == "FAILED" and done["output"]["code"] == "InvalidFile.Resolution" and not emulator.creates
    assert create(emulator, "wan2.7-t2v", SAY, size="1280*720").status == 400


# Answers

def test_prompts_are_told(emulator):
    new = made(emulator, "wan2.7-t2v", SAY)["output"]
    assert new["orig_prompt"] == "a red kite" and "actual_prompt" not in new
    old = made(emulator, "wan2.2-t2v-plus", SAY)["output"]
    assert old["actual_prompt"].startswith("a red kite,")
    assert "actual_prompt" not in made(emulator, "wan2.5-t2v-preview", SAY, prompt_extend=False)["output"]
    assert "actual_prompt" not in made(emulator, "wan2.6-t2v", SAY)["output"]
    assert "orig_prompt" not in made(emulator, "wan2.7-i2v", media("first_frame"))["output"]
    assert set(made(emulator, "video-style-transform", {"video_url": CLIP})["output"]) >= {"output_video_url", "submit_time", "end_time"}


def test_usages_in_full(emulator):
    def usage(*given, **parameters):
        return made(emulator, *given, **parameters)["usage"]
    assert usage("wan2.7-t2v", SAY, resolution="720P") == {
        "duration": 5, "input_video_duration": 0, "output_video_duration": 5, "video_count": 1, "SR": 720, "ratio": "16:9"}
    assert usage("wan2.6-t2v", SAY) == {"duration": 5, "size": "1920*1080", "input_video_duration": 0, "output_video_duration": 5,
                                        "video_count": 1, "SR": 1080}
    assert usage("wan2.5-t2v-preview", SAY, size="832*480") == {"video_duration": 5, "video_ratio": "832*480", "video_count": 1}
    assert usage("wanx2.1-i2v-turbo", FIRST) == {"video_duration": 5, "video_ratio": "standard", "video_count": 1}
    assert usage("wan2.2-i2v-flash", FIRST) == {"duration": 5, "video_count": 1, "SR": 720}
    assert usage("wan2.2-kf2v-flash", {"first_frame_url": IMAGE}) == {"video_duration": 5, "video_count": 1, "SR": 720}
    assert usage("wan2.6-i2v-flash", FIRST, audio=False)["audio"] is False
    emulator.web_seconds = 5.2
    animated = usage("wan2.2-animate-mix", ANIMATED, mode="wan-pro")
    assert animated == {"video_duration": 5.2, "video_ratio": "pro"} and isinstance(animated["video_duration"], float)
    edited = usage("wan2.7-videoedit", media("video"))
    assert edited["duration"] == 10.4 and isinstance(usage("wan2.7-videoedit", media("video"), duration=3)["duration"], float)
    assert usage("wan2.7-videoedit", media("video"), duration=3)["duration"] == 6
    assert isinstance(usage("wan2.6-r2v", {**SAY, "reference_urls": [IMAGE]})["duration"], float)
    reference = usage("wan2.7-r2v", media("reference_video", "reference_video", **SAY), duration=10)
    assert (reference["duration"], reference["input_video_duration"]) == (15, 5) and isinstance(reference["duration"], int)
    assert usage("happyhorse-1.0-video-edit", media("video", **SAY))["duration"] == 10.4
    emulator.web_seconds = 40.0
    assert usage("happyhorse-1.0-video-edit", media("video", **SAY))["duration"] == 30
    assert usage("kling/kling-v3-video-generation", SAY, mode="pro")["SR"] == "1080"
    url = store(emulator, "wan2.2-s2v", mp3(6))
    spoken = finish(emulator, create(emulator, "wan2.2-s2v", {**PORTRAIT, "audio_url": url}, KEY, True))
    assert {**spoken["usage"], "size": ""} == {"duration": 6.0, "size": "", "fps": 16, "video_count": 1, "SR": 480}
    assert spoken["output"]["results"].keys() == {"video_url"}


def test_shapes(emulator):
    def size(*given, **parameters):
        create(emulator, *given, **parameters)
        return emulator.creates[-1].details["size"]
    assert size("wan2.7-t2v", SAY, resolution="720P", ratio="4:3") == "1104*832" and size("wan2.7-t2v", SAY) == "1920*1080"
    assert size("wan2.6-t2v", SAY, size="1088*832") == "1088*832"
    assert size("wan2.7-i2v", frame(png(750, 1000)), resolution="720P") == "816*1104"
    assert size("happyhorse-1.1-t2v", SAY, ratio="21:9", resolution="720P") == "1456*624"
    assert size("wan2.2-i2v-flash", {"img_url": IMAGE}) == "1280*720" and size("wan2.2-s2v", PORTRAIT) == "832*464"


def test_watermarks(emulator):
    for model, given, asked, marked in (("happyhorse-1.1-t2v", SAY, {}, True), ("happyhorse-1.1-t2v", SAY, {"watermark": False}, False),
                                        ("wan2.7-t2v", SAY, {}, False), ("wan2.7-t2v", SAY, {"watermark": True}, True)):
        done = made(emulator, model, given, **asked)
        assert emulator.creates[-1].details["watermark"] is marked
        assert filming.notes_of(fetch(emulator, address(done)).body)["watermark"] == ("yes" if marked else "no")
    output = made(emulator, "kling/kling-v3-video-generation", SAY)["output"]
    assert [filming.notes_of(fetch(emulator, output[name]).body)["watermark"] for name in ("video_url", "watermark_video_url")] == ["no", "yes"]


def test_the_look_at_a_portrait(emulator):
    path, body = AIGC + video_models.DETECT, {"model": "wan2.2-s2v-detect", "input": {"image_url": IMAGE}}
    answer = post(emulator, path, body, False)
    assert answer.json["output"] == {"check_pass": True, "humanoid": True} and answer.json["usage"] == {"image_count": 1}
    emulator.inject("no-human")
    assert post(emulator, path, body, False).json["output"].keys() == {"check_pass", "code", "message"}
    assert post(emulator, path, body, True).said.lower() == "current user api does not support asynchronous calls."
    assert [(bill.pictures, bill.seconds) for bill in emulator.creates] == [(1, 0), (1, 0)]
    assert "url error" in post(emulator, AIGC + video_models.IMAGE2VIDEO, body).said


# Files

@pytest.mark.parametrize("width, height, seconds, fps", [(1280, 720, 5, 24), (1920, 1080, 15, 24), (816, 1104, 5.2, 16),
                                                        (624, 624, 3, 15), (1440, 1440, 2, 25), (3840, 2160, 2, 30)])
def test_a_film_is_a_whole_mp4(tmp_path, width, height, seconds, fps):
    data = filming.mp4(width, height, seconds, fps, (200, 40, 40), {"prompt": "风筝"}, 120_000)
    assert len(data) == 120_000 and filming.notes_of(data) == {"prompt": "风筝"}
    names = [path for path, _ in boxes.walk(data) if len(path) == 1]
    assert names == [("ftyp",), ("moov",), ("uuid",), ("mdat",), ("free",)]
    place, ends = 0, []
    while place < len(data):
        place += struct.unpack_from(">I", data, place)[0]
        ends.append(place)
    assert ends[-1] == len(data)
    look = videos.inspect(data[:4096], data)
    assert (look.format, look.width, look.height) == ("MP4", width, height) and abs(look.seconds - seconds) < 0.05
    if shutil.which("ffprobe") and shutil.which("ffmpeg"):
        file, picture = tmp_path / "a.mp4", tmp_path / "a.png"
        file.write_bytes(data)
        told = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,nb_frames", "-of", "csv=p=0",
                               str(file)], capture_output=True, check=True)
        assert told.stdout.decode().strip() == f"h264,{width},{height},{round(seconds * fps)}" and not told.stderr
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(file), "-frames:v", "1", "-vf", "scale=64:64", str(picture)], check=True)
        assert [patch.name for patch in colours.patches(pictures.inspect(picture.read_bytes()))] == ["red"]


def test_every_frame_decodes(tmp_path):
    if not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg here")
    file = tmp_path / "a.mp4"
    file.write_bytes(filming.mp4(640, 368, 3, 24, (10, 0, 0), {}, 0))
    done = subprocess.run(["ffmpeg", "-v", "warning", "-xerror", "-i", str(file), "-f", "null", "-"], capture_output=True)
    assert done.returncode == 0 and not done.stderr


def test_sounds_are_measured():
    assert sounds.inspect(wav(6)).seconds == 6 and sounds.inspect(mp3(6)).seconds == pytest.approx(6)
    assert sounds.inspect(b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + mp3(1.2)).seconds == pytest.approx(1.2)
    for bad in (b"", b"\xff\xfb", b"RIFF\0\0\0\0WAVE", b"\xff\xd8\xff" + bytes(9)):
        with pytest.raises(sounds.BadSound):
            sounds.inspect(bad)


def test_a_download_put_together_from_pieces(emulator):
    emulator.video_bytes = 70_001
    first, second = (made(emulator, "wan2.7-t2v", {"prompt": word}) for word in ("a red kite", "a blue kite"))
    whole, other = (fetch(emulator, address(done)) for done in (first, second))
    assert len(whole.body) == len(other.body) == 70_001 and whole.headers["content-type"] == "video/mp4"
    assert fetch(emulator, address(first)).body == whole.body and whole.body[-30_000:] != other.body[-30_000:]
    assert urlsplit(address(first)).path.endswith(".mp4") and "Expires=" in address(first)
    emulator.inject("download-cut", times=2, at=20_000)
    got = b""
    for _ in range(3):
        try:
            got += fetch(emulator, address(first), Range=f"bytes={len(got)}-", If_Range=whole.headers["etag"]).body
        except http.client.IncompleteRead as cut:
            got += cut.partial
    assert got == whole.body and [download.status for download in emulator.downloads[-3:]] == [206] * 3
    emulator.inject("download-expired")
    assert fetch(emulator, address(first)).status == 403
    assert fetch(emulator, address(first), key=KEY).status == 400 and emulator.downloads[-1].authorized
    emulator.video_bytes = 0
    assert videos.inspect(b"\0\0\0\0ftypisom", fetch(emulator, address(made(emulator, "wan2.7-t2v", SAY))).body).seconds == 5


# Tasks

def test_tasks_that_end_otherwise(emulator):
    emulator.inject("task-failed", code="DataInspectionFailed", message="bad")
    failed = made(emulator, "wan2.7-t2v", SAY)
    assert failed["output"]["code"] == "DataInspectionFailed" and "usage" not in failed and emulator.creates[-1].seconds == 0
    for fault, status in (("task-unknown", "UNKNOWN"), ("task-canceled", "CANCELED"), ("task-empty", "SUCCEEDED")):
        emulator.inject(fault)
        done = made(emulator, "wan2.2-s2v", PORTRAIT)
        assert done["output"]["task_status"] == status and "results" not in done["output"]
    assert made(emulator, "wan2.7-t2v", {"prompt": "a [emulator:task-failed] b"})["output"]["task_status"] == "FAILED"
    waiting = create(emulator, "wan2.7-t2v", SAY)
    assert emulator.creates[-1].seconds == 5
    assert send(emulator, "POST", f"/api/v1/tasks/{waiting.json['output']['task_id']}/cancel").status == 200
    assert poll(emulator, waiting)["output"]["task_status"] == "CANCELED" and emulator.creates[-1].seconds == 0
    for fault, status in (("429", 429), ("500", 500), ("accept-then-500", 500)):
        emulator.inject(fault, path="/services/aigc/")
        assert create(emulator, "wan2.7-t2v", SAY).status == status
    emulator.inject("accept-then-reset")
    before = len(emulator.creates)
    with pytest.raises(ConnectionError):
        create(emulator, "wan2.7-t2v", SAY)
    assert len(emulator.creates) == before + 1 and emulator.creates[-1].task_id in emulator.tasks
    emulator.running_status = "SUSPENDED"
    styled = create(emulator, "video-style-transform", {"video_url": CLIP})
    assert [poll(emulator, styled)["output"]["task_status"] for _ in range(3)] == ["PENDING", "SUSPENDED", "SUCCEEDED"]


def test_places(emulator):
    emulator.running_limits["wan2.2-s2v"] = 1
    first, second, third, fourth = (create(emulator, "wan2.2-s2v", PORTRAIT) for _ in range(4))
    other = create(emulator, "wan2.2-s2v", PORTRAIT, OTHER_KEY)
    status = [[poll(emulator, task)["output"]["task_status"] for task in (first, second)] for _ in range(3)]
    assert status == [["PENDING", "PENDING"], ["RUNNING", "PENDING"], ["SUCCEEDED", "PENDING"]]
    assert send(emulator, "POST", f"/api/v1/tasks/{third.json['output']['task_id']}/cancel").status == 200
    assert poll(emulator, fourth)["output"]["task_status"] == "PENDING"
    assert finish(emulator, second)["output"]["task_status"] == finish(emulator, fourth)["output"]["task_status"] == "SUCCEEDED"
    assert poll(emulator, other, OTHER_KEY)["output"]["task_status"] == "PENDING"
    assert (emulator.most_running["wan2.2-s2v"], emulator.most_unfinished["wan2.2-s2v"]) == (1, 4)
    made(emulator, "wan2.7-t2v", SAY), made(emulator, "wan2.7-t2v", SAY)
    assert emulator.most_running["wan2.7-t2v"] == 1
    create(emulator, "wan2.7-t2v", SAY), create(emulator, "wan2.7-t2v", SAY)
    assert emulator.most_running["wan2.7-t2v"] == 2


def test_controls(emulator):
    settings = {"video_bytes": 50_000, "web_seconds": 3, "running_limits": {"wan2.7-t2v": 2}, "running_status": "SUSPENDED",
                "doubtful_uploads": False}
    assert post(emulator, "/_emulator/settings", settings).json == {"ok": True}
    assert (emulator.video_bytes, emulator.web_seconds, emulator.running_limits) == (50_000, 3.0, {"wan2.7-t2v": 2})
    create(emulator, "wan2.7-videoedit", media("video"))
    assert send(emulator, "GET", "/_emulator/creates").json[0]["seconds"] == 6
    summary = send(emulator, "GET", "/_emulator/summary").json
    assert (summary["seconds"], summary["most_running"]) == (6, {"wan2.7-videoedit": 1})
