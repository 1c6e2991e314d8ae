"""From flags to the request: golden bodies for every model and way of using it, what is refused, and how ids are looked up.

The golden bodies are written from the video contract, not from the table of models.
"""
from __future__ import annotations

import argparse
import json
import re

import pytest

import video_inputs
from shared.body import parse_settings
from shared.cli.flags import add_common_flags, Parser
from shared.failures import Exit, Failure
from shared.media import inputs as media
from tests import media_samples as samples
from tests.folding import each
from video_inputs import add_flags, pictures_and_more, read_ask
from video_models import DEFAULTS, TABLE
from video_request import Ask, build_request
from video_rows import FUNCTIONS

find_model, MODELS = TABLE.find, TABLE.rows

E5 = "/services/aigc/video-generation/video-synthesis"
E6 = "/services/aigc/image2video/video-synthesis"
TASK = {"X-DashScope-Async": "enable"}
FIRST, LAST, CLIP, SOUND = "https://h/first.png", "https://h/last.png", "https://h/clip.mp4", "https://h/sound.mp3"
A, B, MOVING, VOICE = "https://h/a.png", "https://h/b.jpg", "https://h/moving.mp4", "https://h/voice.wav"
MASK, MASK_CLIP, OSS = "https://h/mask.png", "https://h/mask.mp4", "oss://dashscope-instant/a/b/c.png"
ONE = ("image", "last_frame", "video", "audio", "mask")


def at(url):
    return media.Media(url, url=url)


def ask_of(model=None, **fields):
    """An Ask whose media are given by their addresses and whose settings are as on the command line."""
    fields.update({name: at(fields[name]) for name in ONE if fields.get(name)})
    fields.update({name: [at(url) for url in fields.get(name, ())] for name in ("references", "voices")})
    fields["settings"] = parse_settings(fields.get("settings", ()))
    return Ask(model=model, **fields)


def build(model=None, **fields):
    """(the Call, the remarks)."""
    ask = ask_of(model, **fields)
    return build_request(ask, find_model(ask.model_name())[0])


def call_of(model=None, **fields):
    return build(model, **fields)[0]


def body_of(model=None, **fields):
    return call_of(model, **fields).body


def refusal(model=None, **fields):
    with pytest.raises(Failure) as caught:
        build(model, **fields)
    assert caught.value.exit_code == Exit.USAGE and caught.value.fix
    return f"{caught.value.message} | {caught.value.fix}"


def missing(words, said):
    return [word for word in words if word not in said]


def item(kind, url, **more):
    return {"type": kind, "url": url, **more}


# ---- golden bodies ---------------------------------------------------------------------------------------------------

def row(mode, fields, model_input, parameters, tier, seconds=5, path=E5):
    return path, mode, fields, model_input, parameters, tier, seconds


LOOKS = dict(negative="bad", seed=7, prompt_extend=False, watermark=True)
IN_INPUT, IN_PARAMETERS = {"negative_prompt": "bad"}, {"seed": 7, "prompt_extend": False, "watermark": True}
T, I = dict(prompt="P"), dict(prompt="P", image=FIRST)
R, E = dict(prompt="P", references=[A]), dict(prompt="P", video=CLIP)
P = {"prompt": "P"}
FRAME = [item("first_frame", FIRST)]
FRAMES = [item("first_frame", FIRST), item("last_frame", LAST)]
IMG = {"img_url": FIRST, "prompt": "P"}
KF = {"first_frame_url": FIRST, "last_frame_url": LAST}
NO_MARK = {"watermark": False}


def old_i2v(tier, audio=False, looks=True):
    """Rows of the models that take img_url."""
    rows = [row("i2v", I, IMG, {}, tier), row("i2v", dict(image=FIRST), {"img_url": FIRST}, {}, tier),
            row("i2v", dict(image=FIRST, template="flying"), {"img_url": FIRST, "template": "flying"}, {}, tier),
            row("i2v", dict(I, resolution=tier, duration=5, **LOOKS), {**IMG, **IN_INPUT},
                {"resolution": tier, "duration": 5, **IN_PARAMETERS}, tier)]
    if audio:
        rows.append(row("i2v", dict(I, audio=SOUND), {**IMG, "audio_url": SOUND}, {}, tier))
    return rows


def old_t2v(tier, size, audio=False):
    """Rows of the models that take a size in pixels: from --resolution and --ratio, or as it is."""
    width, height = map(int, size.split("*"))
    rows = [row("t2v", T, P, {}, tier), row("t2v", dict(T, **LOOKS), {**P, **IN_INPUT}, IN_PARAMETERS, tier),
            row("t2v", dict(T, resolution=tier), P, {"size": size}, tier),
            row("t2v", dict(T, ratio="9:16"), P, {"size": f"{height}*{width}"}, tier),
            row("t2v", dict(T, size=(width, height), duration=5), P, {"size": size, "duration": 5}, tier)]
    if audio:
        rows.append(row("t2v", dict(T, audio=SOUND), {**P, "audio_url": SOUND}, {}, tier))
    return rows


def animate(mode="animate"):
    both = {"image_url": FIRST, "video_url": CLIP}
    given = dict(image=FIRST, video=CLIP)
    return [row(mode, given, both, {"mode": "wan-std"}, "wan-std", 0, E6),
            row(mode, dict(given, quality="wan-pro", watermark=True), {**both, "watermark": True}, {"mode": "wan-pro"},
                "wan-pro", 0, E6),
            row(mode, dict(given, watermark=False, settings=["check_image=false"]), {**both, "watermark": False},
                {"mode": "wan-std", "check_image": False}, "wan-std", 0, E6)]


def kf2v(tier):
    return [row("kf2v", dict(image=FIRST, last_frame=LAST), KF, {}, tier, path=E6),
            row("kf2v", dict(I, last_frame=LAST, resolution=tier, duration=5, **LOOKS), {**KF, **P, **IN_INPUT},
                {"resolution": tier, "duration": 5, **IN_PARAMETERS}, tier, path=E6),
            row("kf2v", dict(image=FIRST, template="hufu"), {"first_frame_url": FIRST, "template": "hufu"}, {}, tier, path=E6)]


def r2v6():
    urls = {"reference_urls": [A]}
    return [row("r2v", R, {**P, **urls}, {}, "1080P"),
            row("r2v", dict(T, references=[MOVING, A, B], negative="bad", seed=7, watermark=True, shot="multi", duration=10),
                {**P, "reference_urls": [MOVING, A, B], **IN_INPUT},
                {"seed": 7, "watermark": True, "shot_type": "multi", "duration": 10}, "1080P", 10),
            row("r2v", dict(R, resolution="720P", ratio="4:3"), {**P, **urls}, {"size": "1088*832"}, "720P"),
            row("r2v", dict(R, size=(1632, 1248), duration=2), {**P, **urls}, {"size": "1632*1248", "duration": 2}, "1080P", 2)]


def wan3():
    references = [item("reference_image", A), item("reference_video", MOVING)]
    return [row("t2v", dict(T, resolution="480P", ratio="adaptive", duration=30, prompt_extend=False, watermark=True, sound=False), P,
                {"resolution": "480P", "ratio": "adaptive", "duration": 30, "prompt_extend": False, "watermark": True,
                 "audio": False}, "480P", 30),
            row("t2v", dict(T, duration=-1), P, {"duration": -1}, "1080P", 0),
            row("i2v", dict(image=FIRST), {"media": FRAME}, {}, "1080P"),
            row("kf2v", dict(I, last_frame=LAST, ratio="9:16"), {**P, "media": FRAMES}, {"ratio": "9:16"}, "1080P"),
            row("r2v", dict(references=[A, MOVING]), {"media": references}, {}, "1080P"),
            row("r2v", dict(R, audio=SOUND), {**P, "media": [item("reference_audio", SOUND), item("reference_image", A)]}, {}, "1080P"),
            *(row("r2v", dict(T, references=[url]), {**P, "media": [item(kind, url)]}, {}, "1080P") for kind, url in (
                ("reference_audio", "https://h/a.MP3?x=1"), ("file", "https://h/a.docx"), ("link", "https://h.md/"), ("link", "https://h/a.html"),
                ("reference_image", "https://h/page")))]


def horse_t2v():
    return [row("t2v", T, P, NO_MARK, "1080P"),
            row("t2v", dict(T, resolution="720P", ratio="9:16", duration=15, watermark=True, seed=7), P,
                {"resolution": "720P", "ratio": "9:16", "duration": 15, "watermark": True, "seed": 7}, "720P", 15)]


def horse_i2v():
    return [row("i2v", dict(image=FIRST), {"media": FRAME}, NO_MARK, "1080P"),
            row("i2v", dict(I, resolution="720P", duration=3, seed=0), {**P, "media": FRAME},
                {"resolution": "720P", "duration": 3, "seed": 0, **NO_MARK}, "720P", 3)]


def horse_r2v():
    return [row("r2v", R, {**P, "media": [item("reference_image", A)]}, NO_MARK, "1080P"),
            row("r2v", dict(T, references=[A, B] * 4 + [A], resolution="720P", ratio="16:9", duration=5),
                {**P, "media": [item("reference_image", one) for one in [A, B] * 4 + [A]]},
                {"resolution": "720P", "ratio": "16:9", "duration": 5, **NO_MARK}, "720P")]


def kling():
    return [row("t2v", dict(T, duration=15, ratio="16:9", negative="bad", watermark=False, sound=True, quality="4k"),
                {**P, **IN_INPUT}, {"duration": 15, "aspect_ratio": "16:9", "watermark": False, "audio": True, "mode": "4k"}, "", 15),
            row("i2v", I, {**P, "media": FRAME}, {}, ""), row("kf2v", dict(I, last_frame=LAST), {**P, "media": FRAMES}, {}, ""),
            row("r2v", R, {**P, "media": [item("refer", A)]}, {}, ""), row("edit", E, {**P, "media": [item("base", CLIP)]}, {}, ""),
            row("edit", dict(E, references=[A]), {**P, "media": [item("base", CLIP), item("refer", A)]}, {}, "")]


GOLDEN = {
    "wan2.7-t2v": [
        row("t2v", T, P, {}, "1080P"), row("t2v", dict(T, **LOOKS), {**P, **IN_INPUT}, IN_PARAMETERS, "1080P"),
        row("t2v", dict(T, resolution="720P", ratio="16:9", duration=5), P, {"resolution": "720P", "ratio": "16:9", "duration": 5},
            "720P"),
        row("t2v", dict(T, audio=SOUND, duration=15), {**P, "audio_url": SOUND}, {"duration": 15}, "1080P", 15),
        row("t2v", dict(T, size=(1104, 832)), P, {"resolution": "720P", "ratio": "4:3"}, "720P"),
        row("t2v", dict(T, size=(1248, 1648)), P, {"resolution": "1080P", "ratio": "3:4"}, "1080P")],
    "wan2.7-i2v": [
        row("i2v", dict(image=FIRST), {"media": FRAME}, {}, "1080P"),
        row("i2v", dict(I, audio=SOUND, resolution="720P", duration=10),
            {**P, "media": [*FRAME, item("driving_audio", SOUND)]}, {"resolution": "720P", "duration": 10}, "720P", 10),
        row("kf2v", dict(I, last_frame=LAST, **LOOKS), {**P, "media": FRAMES, **IN_INPUT}, IN_PARAMETERS, "1080P"),
        row("kf2v", dict(image=FIRST, last_frame=LAST, audio=SOUND), {"media": [*FRAMES, item("driving_audio", SOUND)]}, {}, "1080P"),
        row("i2v", dict(E, duration=15), {**P, "media": [item("first_clip", CLIP)]}, {"duration": 15}, "1080P", 15),
        row("i2v", dict(video=CLIP, last_frame=LAST), {"media": [item("first_clip", CLIP), item("last_frame", LAST)]}, {}, "1080P")],
    "wan2.7-r2v": [
        row("r2v", dict(T, references=[A, MOVING], voices=[VOICE], resolution="720P", ratio="16:9", duration=5, prompt_extend=False),
            {**P, "media": [item("reference_image", A, reference_voice=VOICE), item("reference_video", MOVING)]},
            {"resolution": "720P", "ratio": "16:9", "duration": 5, "prompt_extend": False}, "720P"),
        row("r2v", dict(T, references=[MOVING, A], voices=[VOICE, SOUND], duration=10),
            {**P, "media": [item("reference_video", MOVING, reference_voice=VOICE), item("reference_image", A, reference_voice=SOUND)]},
            {"duration": 10}, "1080P", 10),
        row("r2v", dict(R, duration=15, **LOOKS), {**P, "media": [item("reference_image", A)], **IN_INPUT},
            {"duration": 15, **IN_PARAMETERS}, "1080P", 15),
        row("r2v", dict(R, image=FIRST), {**P, "media": [*FRAME, item("reference_image", A)]}, {}, "1080P"),
        row("r2v", dict(T, references=[A] * 4 + [MOVING], image=FIRST),
            {**P, "media": [*FRAME, *[item("reference_image", A)] * 4, item("reference_video", MOVING)]}, {}, "1080P")],
    "wan2.7-videoedit": [
        row("edit", dict(video=CLIP), {"media": [item("video", CLIP)]}, {}, "1080P", 0),
        row("edit", dict(E, references=[A], resolution="720P", keep_sound=True),
            {**P, "media": [item("video", CLIP), item("reference_image", A)]}, {"resolution": "720P", "audio_setting": "origin"},
            "720P", 0),
        row("edit", dict(E, references=[A, B, A, B], duration=10, ratio="1:1", keep_sound=False, **LOOKS),
            {**P, "media": [item("video", CLIP), *[item("reference_image", A), item("reference_image", B)] * 2], **IN_INPUT},
            {"duration": 10, "ratio": "1:1", "audio_setting": "auto", **IN_PARAMETERS}, "1080P", 10),
        row("edit", dict(E, duration=0), {**P, "media": [item("video", CLIP)]}, {"duration": 0}, "1080P", 0)],
    "wan3.0-video": wan3(), "wan3.0-video-prime": wan3(),
    "wan2.6-t2v": [*old_t2v("1080P", "1920*1080", True),
                   row("t2v", dict(T, audio=SOUND, resolution="720P", duration=10, shot="multi", prompt_extend=True),
                       {**P, "audio_url": SOUND}, {"size": "1280*720", "duration": 10, "shot_type": "multi", "prompt_extend": True},
                       "720P", 10),
                   row("t2v", dict(T, shot="single", duration=2), P, {"shot_type": "single", "duration": 2}, "1080P", 2)],
    "wan2.6-t2v-us": [*old_t2v("1080P", "1920*1080", True), row("t2v", dict(T, duration=10), P, {"duration": 10}, "1080P", 10)],
    "wan2.5-t2v-preview": [*old_t2v("1080P", "1920*1080", True), *old_t2v("1080P", "1920*1080")[:1],
                           row("t2v", dict(T, resolution="480P", ratio="1:1"), P, {"size": "624*624"}, "480P")],
    "wan2.2-t2v-plus": [*old_t2v("1080P", "1920*1080"),
                        row("t2v", dict(T, size=(480, 832)), P, {"size": "480*832"}, "480P")],
    "wanx2.1-t2v-turbo": [*old_t2v("720P", "1280*720"), row("t2v", dict(T, resolution="480P"), P, {"size": "832*480"}, "480P")],
    "wanx2.1-t2v-plus": old_t2v("720P", "1280*720"),
    "wan2.6-i2v-flash": [*old_i2v("1080P", True),
                         row("i2v", dict(I, resolution="720P", sound=False), IMG, {"resolution": "720P", "audio": False}, "720P"),
                         row("i2v", dict(I, audio=SOUND, sound=True, shot="multi", duration=15), {**IMG, "audio_url": SOUND},
                             {"audio": True, "shot_type": "multi", "duration": 15}, "1080P", 15)],
    "wan2.6-i2v": [*old_i2v("1080P", True), row("i2v", dict(I, shot="single", duration=2), IMG,
                                                {"shot_type": "single", "duration": 2}, "1080P", 2)],
    "wan2.6-i2v-us": [*old_i2v("1080P", True), row("i2v", dict(I, duration=15), IMG, {"duration": 15}, "1080P", 15)],
    "wan2.5-i2v-preview": [*old_i2v("1080P", True), row("i2v", dict(I, resolution="480P"), IMG, {"resolution": "480P"}, "480P")],
    "wan2.2-i2v-flash": old_i2v("720P"), "wan2.2-i2v-plus": old_i2v("1080P"),
    "wanx2.1-i2v-turbo": [*old_i2v("720P"), row("i2v", dict(I, duration=3), IMG, {"duration": 3}, "720P", 3)],
    "wanx2.1-i2v-plus": old_i2v("720P"),
    "wan2.2-kf2v-flash": kf2v("720P"), "wanx2.1-kf2v-plus": kf2v("720P"),
    "wan2.6-r2v": r2v6(),
    "wan2.6-r2v-flash": [*r2v6(), row("r2v", dict(R, sound=False), {**P, "reference_urls": [A]}, {"audio": False}, "1080P")],
    "wan2.2-animate-move": animate(), "wan2.2-animate-mix": animate("replace"),
    "wan2.2-s2v": [row("s2v", dict(image=FIRST, audio=SOUND), {"image_url": FIRST, "audio_url": SOUND}, {}, "480P", 0, E6),
                   row("s2v", dict(image=FIRST, audio=SOUND, resolution="720P"), {"image_url": FIRST, "audio_url": SOUND},
                       {"resolution": "720P"}, "720P", 0, E6)],
    "happyhorse-1.1-t2v": [*horse_t2v(), row("t2v", dict(T, resolution="480P", ratio="21:9"), P,
                                             {"resolution": "480P", "ratio": "21:9", **NO_MARK}, "480P")],
    "happyhorse-1.0-t2v": horse_t2v(),
    "happyhorse-1.1-i2v": [*horse_i2v(), row("i2v", dict(I, resolution="480P"), {**P, "media": FRAME},
                                             {"resolution": "480P", **NO_MARK}, "480P")], "happyhorse-1.0-i2v": horse_i2v(),
    "happyhorse-1.1-r2v": horse_r2v(), "happyhorse-1.0-r2v": horse_r2v(),
    "happyhorse-1.0-video-edit": [
        row("edit", E, {**P, "media": [item("video", CLIP)]}, NO_MARK, "1080P", 0),
        row("edit", dict(E, references=[A] * 5, resolution="720P", keep_sound=True, watermark=True, seed=1),
            {**P, "media": [item("video", CLIP), *[item("reference_image", A)] * 5]},
            {"resolution": "720P", "audio_setting": "origin", "watermark": True, "seed": 1}, "720P", 0)],
    "video-style-transform": [
        row("style", dict(video=CLIP), {"video_url": CLIP}, {}, "720", 0),
        row("style", dict(video=CLIP, style=7, settings=["min_len=540", "use_SR=true"]), {"video_url": CLIP},
            {"style": 7, "min_len": 540, "use_SR": True}, "540", 0)],
    "kling/kling-v3-video-generation": kling(), "kling/kling-v3-omni-video-generation": kling(),
    # section 2 of the updates: by first frame only, never silent, std or pro
    "kling/kling-v3-turbo-video-generation": [
        row("t2v", dict(T, duration=15, ratio="9:16", negative="bad", watermark=False, quality="std"), {**P, **IN_INPUT},
            {"duration": 15, "aspect_ratio": "9:16", "watermark": False, "mode": "std"}, "std", 15),
        row("t2v", dict(T, settings=["input.multi_shot=true"]), {**P, "multi_shot": True}, {}, "pro"),
        row("i2v", dict(I, duration=3), {**P, "media": FRAME}, {"duration": 3}, "pro", 3)],
    "vidu/viduq3-pro-fast_img2video": [
        row("i2v", dict(I, resolution="720P", duration=1), {**P, "media": [item("image", FIRST)]},
            {"resolution": "720P", "duration": 1}, "720P", 1)],
    **{f"vidu/viduq3-{name}_reference2video": [
        row("r2v", dict(T, references=[A, B], duration=8, sound=True), {**P, "media": [item("image", A), item("image", B)]},
            {"duration": 8, "audio": True}, "", 8)] for name in ("drama", "ad")},
    "pixverse/pixverse-v6-r2v-omni": [
        row("r2v", dict(T, references=[A, MOVING], size=(1280, 720), duration=5),
            {**P, "media": [item("image_url", A), item("video_url", MOVING)]}, {"duration": 5, "size": "1280*720"}, "")],
    "vidu/viduq3-pro_img2video": [
        row("t2v", dict(T, resolution="540P", duration=16, seed=1), P, {"resolution": "540P", "duration": 16, "seed": 1}, "540P", 16),
        row("i2v", dict(I, sound=True), {**P, "media": [item("image", FIRST)]}, {"audio": True}, ""),
        row("kf2v", dict(I, last_frame=LAST), {**P, "media": [item("image", FIRST), item("image", LAST)]}, {}, ""),
        row("r2v", dict(T, references=[A, MOVING]), {**P, "media": [item("image", A), item("video", MOVING)]}, {}, "")],
    "MiniMax/MiniMax-H3": [
        row("t2v", dict(T, resolution="2K", duration=15, ratio="16:9"), P, {"resolution": "2K", "duration": 15, "ratio": "16:9"}, "2K",
            15),
        *(row(mode, dict(T, resolution="768P", duration=4, **given), {**P, "media": sent}, {"resolution": "768P", "duration": 4},
              "768P", 4) for mode, given, sent in (
            ("i2v", dict(image=FIRST), FRAME), ("kf2v", dict(image=FIRST, last_frame=LAST), FRAMES),
            ("i2v", dict(image=FIRST, audio=SOUND), [*FRAME, item("driving_audio", SOUND)]),
            ("r2v", dict(references=[A]), [item("image_url", A)])))],
}


def vace(function, mode, given, sent, parameters, tier="720P"):
    return row(mode, dict(T, function=function, **given), {**P, "function": function, **sent}, parameters, tier)


CLIP_SENT = {"video_url": CLIP}
GOLDEN["wanx2.1-vace-plus"] = [
    vace("image_reference", "r2v", dict(references=[A, B], size=(1280, 720), prompt_extend=False, seed=7),
         {"ref_images_url": [A, B]}, {"obj_or_bg": ["obj", "obj"], "size": "1280*720", "prompt_extend": False, "seed": 7}),
    vace("image_reference", "r2v", dict(references=[A, B], settings=['obj_or_bg=["obj","bg"]']), {"ref_images_url": [A, B]},
         {"obj_or_bg": ["obj", "bg"]}),
    vace("video_repainting", "edit", dict(video=CLIP, control="depth", strength=0.5, watermark=True), CLIP_SENT,
         {"control_condition": "depth", "strength": 0.5, "watermark": True}),
    vace("video_repainting", "edit", dict(video=CLIP, control="scribble", references=[A]), {**CLIP_SENT, "ref_images_url": [A]},
         {"control_condition": "scribble"}),
    vace("video_edit", "edit", dict(video=CLIP, mask=MASK), {**CLIP_SENT, "mask_image_url": MASK}, {}),
    vace("video_edit", "edit", dict(video=CLIP, mask=MASK_CLIP, references=[A], control="posebodyface", ratio="3:4",
                                    settings=["mask_type=fixed", "input.mask_frame_id=2"]),
         {**CLIP_SENT, "mask_video_url": MASK_CLIP, "ref_images_url": [A], "mask_frame_id": 2},
         {"control_condition": "posebodyface", "mask_type": "fixed", "size": "832*1088"}),
    vace("video_extension", "i2v", dict(image=FIRST), {"first_frame_url": FIRST}, {}),
    vace("video_extension", "i2v", dict(image=FIRST, last_frame=LAST), {"first_frame_url": FIRST, "last_frame_url": LAST}, {}),
    vace("video_extension", "i2v", dict(settings=["input.first_clip_url=https://h/c.mp4"]), {"first_clip_url": "https://h/c.mp4"}, {}),
    vace("video_extension", "edit", dict(last_frame=LAST, video=CLIP, control="depth"), {"last_frame_url": LAST, **CLIP_SENT},
         {"control_condition": "depth"}),
    vace("video_outpainting", "edit", dict(video=CLIP, settings=["top_scale=1.5", "right_scale=2.0"]), CLIP_SENT,
         {"top_scale": 1.5, "right_scale": 2.0}),
]
CASES = [(model, *case) for model, cases in GOLDEN.items() for case in cases]
IDS = [f"{model}-{case[1]}-{number}" for model, cases in GOLDEN.items() for number, case in enumerate(cases)]


@each("model, path, mode, fields, model_input, parameters, tier, seconds", CASES, ids=IDS)
def test_golden_request(model, path, mode, fields, model_input, parameters, tier, seconds):
    call = call_of(model, **fields)
    assert call.body == {"model": model, "input": model_input, "parameters": parameters}
    assert (call.path, call.headers, call.way.mode, call.tier, call.seconds) == (path, TASK, mode, tier, seconds)


@pytest.mark.parametrize("fields", [
    dict(T, function="video_edit", video=CLIP, mask=MASK), dict(T, references=[A, B]), dict(references=[A], model="wanx2.1-vace-plus", **T),
    dict(image=FIRST, video=CLIP, model="wan2.2-animate-move"), T], ids=str)
def test_a_request_is_the_same_when_it_is_built_again(fields):
    """It is built once before an upload and once after it."""
    ask = ask_of(**fields)
    model = find_model(ask.model_name())[0]
    first = json.loads(json.dumps(build_request(ask, model)[0]))
    second = build_request(ask, model)[0]
    assert json.loads(json.dumps(second)) == first
    assert build_request(ask, model)[0].body is not second.body


def roles_of(fields):
    return frozenset(ask_of(**fields).roles())


def test_every_row_and_way_has_a_golden_request():
    golden = {(model, case[1], roles_of(case[2])) for model, cases in GOLDEN.items() for case in cases
              if model != "wanx2.1-vace-plus"}
    assert {(one.id, way.mode, frozenset(way.inputs)) for one in TABLE.live() for way in one.ways} == golden
    assert set(TABLE) == set(GOLDEN)
    assert {case[2]["function"] for case in GOLDEN["wanx2.1-vace-plus"]} == set(FUNCTIONS)


@each("prompt", ["it's \"quoted\"", "two\nlines\r\n", "😀", "你好，世界", "-5", "  blanks  ", "\u2028", "'image': x"])
@each("model, fields", [("wan2.7-t2v", T), ("wan2.7-i2v", I), ("wan2.6-i2v", I), ("wan2.2-kf2v-flash", I),
                        ("happyhorse-1.1-r2v", R), ("wan2.7-videoedit", E)])
def test_prompt_is_never_changed(model, fields, prompt):
    assert body_of(model, **{**fields, "prompt": prompt})["input"]["prompt"] == prompt


def test_files_and_prompt_of_function_keep_their_order():
    order = [B, MOVING, A, "https://h/other.MOV?x=1.png"]
    assert [one["url"] for one in body_of("wan2.7-r2v", prompt="P", references=order)["input"]["media"]] == order
    assert [one["type"] for one in body_of("wan2.7-r2v", prompt="P", references=order)["input"]["media"]] == [
        "reference_image", "reference_video", "reference_image", "reference_video"]


# ---- which model, which mode -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("fields, model", [
    (T, "wan2.7-t2v"), (dict(T, audio=SOUND), "wan2.7-t2v"), (I, "wan2.7-i2v"), (dict(I, audio=SOUND), "wan2.7-i2v"),
    (dict(image=FIRST, last_frame=LAST), "wan2.7-i2v"), (R, "wan2.7-r2v"), (dict(R, image=FIRST), "wan2.7-r2v"), (E, "wan2.7-videoedit"),
    (dict(E, references=[A]), "wan2.7-videoedit"), (dict(E, mode="i2v"), "wan2.7-i2v"), (dict(E, mode="edit"), "wan2.7-videoedit"),
    (dict(T, mode="t2v"), "wan2.7-t2v"), (dict(I, mode="i2v"), "wan2.7-i2v"), (dict(I, last_frame=LAST, mode="kf2v"), "wan2.7-i2v"),
    (dict(R, mode="r2v"), "wan2.7-r2v"), (dict(R, function="image_reference"), "wanx2.1-vace-plus")])
def test_model_that_is_taken_where_none_is_named(fields, model):
    assert body_of(**fields)["model"] == model


def test_default_model_of_each_mode():
    assert DEFAULTS == {"t2v": "wan2.7-t2v", "i2v": "wan2.7-i2v", "kf2v": "wan2.7-i2v", "r2v": "wan2.7-r2v", "edit": "wan2.7-videoedit"}


@pytest.mark.parametrize("model, fields, mode, real", [
    ("wan2.7-i2v", I, "kf2v", "i2v"), ("wan2.7-i2v", dict(I, last_frame=LAST), "i2v", "kf2v"), ("wan2.7-i2v", I, "t2v", "i2v"),
    ("wan2.7-t2v", T, "i2v", "t2v"), ("wan2.7-t2v", T, "edit", "t2v"), ("wan2.7-r2v", R, "t2v", "r2v"), ("wan2.7-videoedit", E, "i2v", "edit"),
    ("wan2.6-t2v", T, "kf2v", "t2v"), ("wan2.2-kf2v-flash", dict(I, last_frame=LAST), "i2v", "kf2v"), ("happyhorse-1.1-t2v", T, "r2v", "t2v"),
    ("wan2.6-r2v", R, "edit", "r2v"), ("wan2.6-i2v", I, "t2v", "i2v"),
    ("wanx2.1-vace-plus", dict(E, function="video_outpainting"), "t2v", "edit")])
def test_mode_that_contradicts_the_inputs_is_refused(model, fields, mode, real):
    assert call_of(model, **fields).way.mode == real == call_of(model, **fields, mode=real).way.mode
    said = refusal(model, **fields, mode=mode)
    assert missing([f"--mode {mode}", model, real], said) == [], said


@pytest.mark.parametrize("mode, fields, named", [
    ("t2v", I, ["wan2.7-t2v", "--image", "wan2.7-i2v"]), ("i2v", T, ["wan2.7-i2v", "--image"]),
    ("kf2v", T, ["wan2.7-i2v", "--image with --last-frame"]), ("r2v", T, ["wan2.7-r2v", "--reference"]),
    ("r2v", E, ["wan2.7-r2v", "--video", "--reference", "wan2.7-videoedit"]), ("edit", T, ["wan2.7-videoedit", "--video"]),
    ("edit", I, ["wan2.7-videoedit", "--image", "--video"]), ("kf2v", R, ["wan2.7-i2v", "--reference", "wan2.7-r2v"])])
def test_mode_without_its_inputs_is_refused(mode, fields, named):
    assert missing(named, refusal(mode=mode, **fields)) == []


@pytest.mark.parametrize("name, like", [
    *((name, name[:-len("-2026-04-25")]) for name in ("wan2.7-t2v-2026-04-25", "wan2.7-t2v-2026-06-12", "wan2.7-i2v-2026-04-25",
                                                      "wan2.7-r2v-2026-06-12", "happyhorse-1.1-t2v-2026-06-12")),
    ("wan2.7-videoedit-latest", "wan2.7-videoedit"),
    *(("wan2.1-" + kind, "wanx2.1-" + kind) for kind in ("t2v-turbo", "t2v-plus", "i2v-turbo", "i2v-plus", "kf2v-plus", "vace-plus")),
    ("wan2.1-t2v-turbo-2026-01-01", "wanx2.1-t2v-turbo")])
def test_snapshots_and_international_ids_are_known(name, like):
    found, warning = find_model(name)
    assert not warning and found == find_model(like)[0]._replace(id=name)
    for path, mode, fields, model_input, parameters, tier, seconds in GOLDEN[like]:
        call = call_of(name, **fields)
        assert call[:5] == (path, {"model": name, "input": model_input, "parameters": parameters}, TASK, tier, seconds)
        assert call.way.mode == mode


@pytest.mark.parametrize("name, like", [("wan2.7-t2v-2026-12-01", "wan2.7-t2v"), ("wan2.6-t2v-1201", "wan2.6-t2v"),
                                        ("wan2.1-t2v-turbo-2026-12-01", "wanx2.1-t2v-turbo"), ("wan2.7-videoedit-2027-01-01", "wan2.7-videoedit"),
                                        ("wan2.7-r2v-2026-12-01", "wan2.7-r2v")])
def test_a_snapshot_newer_than_the_table_is_sent_like_its_model_and_refused_nothing(name, like):
    assert find_model(name)[1].endswith(f"treated like {like}") and find_model(name)[0].price == find_model(like)[0].price
    for path, mode, fields, model_input, parameters, tier, seconds in GOLDEN[like]:
        assert call_of(name, **fields)[:5] == (path, {"model": name, "input": model_input, "parameters": parameters}, TASK, tier, seconds)
    fields = GOLDEN[like][0][2]
    for asked in ({"duration": 61}, {"resolution": "4K"}, {"ratio": "5:1"}, {"size": (4000, 2000)}, {"prompt": "x" * 30_000}):
        given = {key: value for key, value in fields.items() if key not in ("resolution", "ratio", "size")}
        assert call_of(name, **{**given, **asked}).tier == {"resolution": "4K", "size": "4000*2000"}.get(*asked, find_model(like)[0].shape.default)


def test_own_rows_of_us_models_win_over_the_snapshot_rule():
    for name, seconds in (("wan2.6-t2v-us", (5, 10)), ("wan2.6-i2v-us", (5, 10, 15))):
        assert {way.seconds.legal for way in find_model(name)[0].ways} == {seconds}


UNKNOWN = [
    ("wan2.8-t2v", T, E5, P), ("wan9-t2v", T, E5, P), ("wan2.2-t2v-max", T, E5, P), ("wanx2.1-t2v-max", T, E5, P), ("WAN2.9-T2V", T, E5, P),
    ("wan2.8-i2v", I, E5, {**P, "media": FRAME}), ("wan3.0-i2v", I, E5, {**P, "media": FRAME}), ("wan3.1-i2v", I, E5, {**P, "media": FRAME}),
    ("wan2.2-i2v-max", I, E5, IMG), ("wan2.6-i2v-max", I, E5, IMG), ("wan2.5-i2v-plus", I, E5, IMG),
    ("wan2.8-r2v", R, E5, {**P, "media": [item("reference_image", A)]}), ("wan2.6-r2v-max", R, E5, {**P, "reference_urls": [A]}),
    ("wan2.8-videoedit", E, E5, {**P, "media": [item("video", CLIP)]}),
    ("wan2.2-kf2v-max", dict(I, last_frame=LAST), E6, {**KF, **P}),
    ("wan2.2-animate-dance", dict(image=FIRST, video=CLIP), E6, {"image_url": FIRST, "video_url": CLIP}),
    ("wan2.2-s2v-plus", dict(image=FIRST, audio=SOUND), E6, {"image_url": FIRST, "audio_url": SOUND}),
    ("happyhorse-2.0-t2v", T, E5, P), ("happyhorse-1.2-i2v", I, E5, {**P, "media": FRAME}),
    ("happyhorse-1.2-r2v", R, E5, {**P, "media": [item("reference_image", A)]}),
    ("happyhorse-1.1-video-edit", E, E5, {**P, "media": [item("video", CLIP)]}),
    ("someone/new", I, E5, {**P, "media": FRAME}), ("someone/new", T, E5, P),
    ("someone/new", R, E5, {**P, "media": [item("reference_image", A)]}), ("wan9", dict(T, audio=SOUND), E5, {**P, "audio_url": SOUND}),
    ("wan2.8-video", E, E5, {**P, "media": [item("video", CLIP)]}),
    ("wan2.8-video", dict(E, mode="i2v"), E5, {**P, "media": [item("first_clip", CLIP)]}),
    ("wan3.0-videoedit", E, E5, {**P, "media": [item("video", CLIP)]}), ("wan3.0-video-edit", E, E5, {**P, "media": [item("video", CLIP)]}),
    ("happyhorse-2.0", dict(I, last_frame=LAST), E5, {**P, "media": FRAMES}), ("wan2.1-i2v-max", I, E5, IMG),
    ("wanx2.3-kf2v", dict(I, last_frame=LAST), E6, {**KF, **P}),
]


@each("name, fields, path, sent", UNKNOWN, ids=[f"{one[0]}-{len(one[1])}" for one in UNKNOWN])
def test_unknown_model_is_routed_by_its_prefix_without_limits(name, fields, path, sent):
    found, warning = find_model(name)
    assert name in warning and re.search(r"\d{4}-\d\d-\d\d", warning)
    call = call_of(name, **{**fields, **({"prompt": "P" * 30_000} if "prompt" in fields else {})}, duration=47, resolution="4320P", seed=1)
    assert (call.path, call.body["model"], call.seconds) == (path, name, 47)
    assert {**call.body["input"], **{name: value for name, value in sent.items() if name == "prompt"}} == sent
    assert {**call.body["parameters"], "resolution": "4320P", "duration": 47, "seed": 1} == call.body["parameters"]
    assert found.price is None


def test_unknown_happyhorse_still_asks_for_no_watermark():
    assert body_of("happyhorse-2.0-t2v", prompt="P")["parameters"] == {"watermark": False}
    assert body_of("wan2.2-animate-dance", image=FIRST, video=CLIP)["parameters"] == {"mode": "wan-std"}


@pytest.mark.parametrize("flag, place", [("negative", "input.negative_prompt"), ("shot", "parameters.shot_type"),
                                         ("template", "input.template"), ("quality", "parameters.mode")])
def test_unknown_model_takes_every_flag(flag, place):
    part, name = place.split(".")
    assert body_of("wan2.9-t2v", prompt="P", **{flag: "x"})[part][name] == "x"


@pytest.mark.parametrize("name, given, sent", [
    ("pixverse/pixverse-v6-t2v", dict(T, duration=5, size=(1280, 720)), (P, {"duration": 5, "size": "1280*720"})),
    ("pixverse/pixverse-v6-it2v", dict(I, duration=8, resolution="360P"), (
        {**P, "media": [item("image_url", FIRST)]}, {"duration": 8, "resolution": "360P"})),
    ("pixverse/pixverse-v6-kf2v", dict(I, last_frame=LAST, duration=8, resolution="540P"), (
        {**P, "media": FRAMES}, {"duration": 8, "resolution": "540P"})),
    ("pixverse/pixverse-lipsync", dict(E, duration=5, resolution="720P"), (
        {**P, "media": [item("video_url", CLIP)]}, {"duration": 5, "resolution": "720P"})),
    ("vidu/viduq2_text2video", dict(T, duration=10), (P, {"duration": 10})),
    ("vidu/viduq3-pro_start-end2video", dict(I, last_frame=LAST), ({**P, "media": [item("image", FIRST), item("image", LAST)]}, {})),
    ("kling/kling-v4-video-generation", dict(I, ratio="1:1"), ({**P, "media": FRAME}, {"aspect_ratio": "1:1"}))])
def test_other_models_of_a_vendor(name, given, sent):
    call = call_of(name, **given)
    assert (call.path, call.body) == (E5, {"model": name, "input": sent[0], "parameters": sent[1]})


# ---- refusals --------------------------------------------------------------------------------------------------------

_R_V = dict(T, references=[MOVING])
VACE = "wanx2.1-vace-plus"
REFUSED = [
    # sets of media
    *(("wan2.7-i2v", given, ["wan2.7-i2v does not take", "--image with --last-frame", "--last-frame with --video"]) for given in (
        T, dict(T, last_frame=LAST), dict(T, audio=SOUND), dict(E, audio=SOUND), dict(I, video=CLIP),
        dict(I, video=CLIP, last_frame=LAST), dict(T, last_frame=LAST, audio=SOUND), dict(E, last_frame=LAST, audio=SOUND), R)),
    ("wan2.7-t2v", I, ["wan2.7-t2v", "--image", "wan2.7-i2v"]), ("wan2.7-t2v", R, ["--reference", "wan2.7-r2v"]),
    ("wan2.7-t2v", E, ["wan2.7-t2v", "--video", "wan2.7-videoedit"]),
    ("wan2.7-r2v", I, ["wan2.7-r2v", "--image", "--reference"]), ("wan2.7-r2v", T, ["wan2.7-r2v", "--reference"]),
    ("wan2.7-r2v", dict(R, audio=SOUND), ["wan2.7-r2v", "--audio"]), ("wan2.7-r2v", dict(R, last_frame=LAST), ["--last-frame"]),
    ("wan2.7-videoedit", T, ["wan2.7-videoedit", "--video"]), ("wan2.7-videoedit", R, ["wan2.7-videoedit", "--video"]),
    ("wan2.7-videoedit", dict(E, image=FIRST), ["wan2.7-videoedit", "--image"]),
    ("wan2.7-videoedit", dict(E, audio=SOUND), ["wan2.7-videoedit", "--audio"]),
    *((model, dict(T, audio=SOUND), [model, "--audio", "wan2.7-t2v"]) for model in (
        "wan2.2-t2v-plus", "wanx2.1-t2v-turbo", "wanx2.1-t2v-plus", "happyhorse-1.1-t2v")),
    *((model, dict(I, audio=SOUND), [model, "--audio", "wan2.7-i2v"]) for model in (
        "wan2.2-i2v-flash", "wan2.2-i2v-plus", "wanx2.1-i2v-turbo", "wanx2.1-i2v-plus", "happyhorse-1.1-i2v", "wan2.2-kf2v-flash")),
    *((model, dict(I, last_frame=LAST), [model, "--last-frame", "wan2.7-i2v"]) for model in (
        "wan2.6-i2v", "wan2.5-i2v-preview", "happyhorse-1.1-i2v")),
    *((model, T, [model, "--image"]) for model in ("wan2.6-i2v", "wan2.2-kf2v-flash", "wanx2.1-kf2v-plus", "happyhorse-1.0-i2v")),
    *((model, dict(T, last_frame=LAST), [model, "--image"]) for model in ("wan2.2-kf2v-flash", "wanx2.1-kf2v-plus")),
    ("wan2.2-kf2v-flash", dict(I, video=CLIP), ["wan2.2-kf2v-flash", "--video"]),
    ("wan2.6-r2v", dict(R, image=FIRST), ["wan2.6-r2v", "--image"]), ("wan2.6-r2v", dict(R, audio=SOUND), ["wan2.6-r2v", "--audio"]),
    ("happyhorse-1.1-r2v", dict(R, image=FIRST), ["happyhorse-1.1-r2v", "--image"]),
    ("happyhorse-1.0-video-edit", T, ["happyhorse-1.0-video-edit", "--video"]),
    ("wan3.0-video", dict(I, references=[A]), ["wan3.0-video", "--image with --reference"]),
    ("wan3.0-video", dict(T, last_frame=LAST), ["wan3.0-video", "--last-frame"]),
    *((model, given, [model, "--image with --video"]) for model in ("wan2.2-animate-move", "wan2.2-animate-mix") for given in (
        dict(image=FIRST), dict(video=CLIP), dict(image=FIRST, audio=SOUND), {})),
    *(("wan2.2-s2v", given, ["wan2.2-s2v", "--image with --audio"]) for given in (dict(image=FIRST), dict(audio=SOUND), {})),
    ("video-style-transform", dict(image=FIRST), ["video-style-transform", "--video"]),
    # counts of references
    ("wan2.7-r2v", dict(T, references=[A] * 6), ["6 pictures", "at most 5"]), ("wan2.7-r2v", dict(T, references=[MOVING] * 6), ["6 videos", "5"]),
    ("wan2.7-r2v", dict(T, references=[A] * 3 + [MOVING] * 3), ["3 pictures and 3 videos", "5 together"]),
    ("wan2.7-videoedit", dict(E, references=[A] * 5), ["5 pictures", "at most 4"]),
    ("wan2.7-videoedit", dict(E, references=[MOVING]), ["wan2.7-videoedit", "1 video"]),
    *((model, dict(T, references=given), [model, *named]) for model in ("wan2.6-r2v", "wan2.6-r2v-flash") for given, named in (
        ([A] * 6, ["6 pictures", "5"]), ([MOVING] * 4, ["4 videos", "3 videos"]), ([A] * 3 + [MOVING] * 3, ["3 pictures and 3 videos", "5"]))),
    *((model, dict(T, references=[A] * 10), [model, "10 pictures", "9"]) for model in ("happyhorse-1.1-r2v", "happyhorse-1.0-r2v")),
    ("happyhorse-1.1-r2v", _R_V, ["happyhorse-1.1-r2v", "1 video"]),
    ("happyhorse-1.0-video-edit", dict(E, references=[A] * 6), ["6 pictures", "5"]),
    ("wan3.0-video", dict(T, references=["https://h/a.docx", "https://h/"]), ["--reference https://h/", "at most"]),
    ("wan3.0-video", dict(T, references=[SOUND] * 5, audio=SOUND), [SOUND, "5 at most"]),
    ("wan3.0-video", dict(T, references=[A] * 11), ["11 pictures", "10"]), ("wan3.0-video", dict(T, references=[MOVING] * 6), ["6 videos", "5"]),
    (VACE, dict(T, function="image_reference", references=[A] * 4), ["4 pictures", "3"]),
    # voices
    ("wan2.7-r2v", dict(R, voices=[VOICE, SOUND]), ["2 sounds for 1 reference", "first"]),
    *((model, dict(given, voices=[VOICE]), [model, "--voice", "wan2.7-r2v"]) for model, given in (
        ("wan2.6-r2v", R), ("happyhorse-1.1-r2v", R), ("happyhorse-1.0-video-edit", dict(E, references=[A])),
        ("wan2.7-videoedit", dict(E, references=[A])), ("wan3.0-video", R), ("wan2.7-i2v", I), ("wan2.7-t2v", T), ("wan2.2-s2v", dict(
            image=FIRST, audio=SOUND)))),
    # prompts
    (None, {}, ["no prompt", "video.py"]), ("wan2.7-r2v", dict(references=[A]), ["no prompt"]), ("wan2.6-r2v", dict(references=[A]), ["no prompt"]),
    ("happyhorse-1.1-r2v", dict(references=[A]), ["no prompt"]), ("happyhorse-1.0-video-edit", dict(video=CLIP), ["no prompt"]),
    ("happyhorse-1.1-t2v", {}, ["no prompt"]), (VACE, dict(function="video_outpainting", video=CLIP), ["no prompt"]),
    *((model, dict(I, video=CLIP), [f"{model} takes no prompt", "leave"]) for model in ("wan2.2-animate-move", "wan2.2-animate-mix")),
    ("wan2.2-s2v", dict(I, audio=SOUND), ["wan2.2-s2v takes no prompt"]), ("video-style-transform", E, ["takes no prompt"]),
    # what does not go together
    *((model, dict(given, shot="multi", prompt_extend=False), ["--shot multi", "--no-prompt-extend"]) for model, given in (
        ("wan2.6-t2v", T), ("wan2.6-i2v", I), ("wan2.6-i2v-flash", I))),
    ("wan2.6-i2v-flash", dict(I, audio=SOUND, sound=False), ["--no-sound", "--audio"]),
    *((model, dict(image=FIRST, last_frame=LAST, template="hufu"), ["--template", "--last-frame"]) for model in (
        "wan2.2-kf2v-flash", "wanx2.1-kf2v-plus")),
    # functions
    (VACE, T, ["wanx2.1-vace-plus needs --function", *FUNCTIONS]), (None, dict(E, function="erase"), ["--function erase", *FUNCTIONS]),
    ("wan2.7-videoedit", dict(E, function="video_edit"), ["wan2.7-videoedit takes no --function", VACE]),
    (None, dict(T, function="image_reference"), ["--function image_reference", "--reference"]),
    (None, dict(R, function="image_reference", video=CLIP), ["image_reference", "--video"]),
    *((None, dict(T, function=name), [f"--function {name}", "--video"]) for name in ("video_repainting", "video_edit", "video_outpainting")),
    (None, dict(E, function="video_outpainting", references=[A]), ["video_outpainting", "--reference"]),
    (None, dict(E, function="video_outpainting", mask=MASK), ["video_outpainting", "--mask"]),
    (None, dict(E, function="video_repainting", control="depth", mask=MASK), ["video_repainting", "--mask"]),
    (None, dict(E, function="video_edit"), ["video_edit needs --mask", "white"]),
    (None, dict(E, function="video_edit", mask=MASK, image=FIRST), ["video_edit", "--image"]),
    (None, dict(T, function="video_extension"), ["video_extension needs", "--image", "--last-frame", "first_clip_url"]),
    (None, dict(E, function="video_extension", control="depth"), ["video_extension needs", "--image"]),
    (None, dict(R, function="video_extension"), ["video_extension", "--reference"]),
    (None, dict(E, function="video_repainting"), ["video_repainting needs --control", "posebodyface", "posebody", "depth", "scribble"]),
    (None, dict(E, function="video_extension", image=FIRST), ["video_extension needs --control", "posebodyface", "depth"]),
    *((None, dict(E, function=name, control="xyz", **given), ["--control xyz", "posebodyface", "depth"]) for name, given in (
        ("video_repainting", {}), ("video_edit", dict(mask=MASK)), ("video_extension", dict(image=FIRST)))),
    *((None, dict(E, function=name, control=value, **given), [f"--control {value}", name]) for value in ("posebody", "scribble")
      for name, given in (("video_edit", dict(mask=MASK)), ("video_extension", dict(image=FIRST)))),
    (None, dict(R, function="image_reference", control="depth"), ["image_reference takes no --control", "video_repainting"]),
    (None, dict(E, function="video_outpainting", control="depth"), ["video_outpainting takes no --control"]),
    (None, dict(E, function="video_edit", mask=MASK, strength=0.5), ["video_edit takes no --strength", "video_repainting"]),
    *((None, dict(E, function=name, references=[A, B], **given), [name, "--reference"]) for name, given in (
        ("video_repainting", dict(control="depth")), ("video_edit", dict(mask=MASK)))),
    (None, dict(E, function="video_edit", mask=MASK, settings=["top_scale=1.5"]), ["top_scale", "video_outpainting"]),
    (None, dict(E, function="video_outpainting", settings=["mask_type=fixed"]), ["mask_type", "video_edit"]),
    (None, dict(T, references=[A, B], function="image_reference", settings=['obj_or_bg=["obj"]']), ["obj_or_bg"]),
    (None, dict(T, references=[A, B], function="image_reference", settings=['obj_or_bg=["bg","bg"]']), ["obj_or_bg", "bg"]),
    *((None, dict(T, function=name, resolution="720P", **given), ["--resolution"]) for name, given in (
        ("video_repainting", dict(video=CLIP, control="depth")), ("video_extension", dict(image=FIRST)), ("video_outpainting", dict(video=CLIP)))),
    # what makes no video
    *((model, given, [f"{model} makes no video", "wan2.2-s2v"]) for model in ("wan2.2-s2v-detect", "emo-detect-v1", "wan9-s2v-detect")
      for given in (dict(image=FIRST), dict(image=FIRST, audio=SOUND), dict(request={"input": {"image_url": FIRST}}))),
    # what vendors need
    ("MiniMax/MiniMax-H3", dict(T, resolution="2K"), ["needs --duration"]), ("MiniMax/MiniMax-H3", dict(T, duration=5), ["needs --resolution"]),
    ("pixverse/pixverse-v6-t2v", dict(T, size=(1280, 720)), ["needs --duration"]),
    ("pixverse/pixverse-lipsync", dict(E, duration=5), ["--size", "--resolution"]),
    ("pixverse/pixverse-v6-t2v", dict(request={"input": {}, "parameters": {"duration": 5}}), ["needs --size"]),
    *((f"pixverse/pixverse-{kind}", dict(given, duration=5), [f"needs --{need}"]) for kind, given, need in (
        ("c1-t2v", T, "size"), ("v6-it2v", I, "resolution"), ("v5.6-kf2v", dict(I, last_frame=LAST), "resolution"), ("v6-r2v", R, "size"),
        ("v6-r2v-omni", R, "size"))),
    # what vendors have: resolutions, and lengths of ids that they document by a pattern
    ("vidu/viduq3-pro_img2video", dict(I, resolution="480P"), ["--resolution 480P", "540P, 720P, 1080P"]),
    ("vidu/viduq2-pro_img2video", dict(I, resolution="2K"), ["--resolution 2K", "540P, 720P, 1080P"]),
    ("MiniMax/MiniMax-H3", dict(T, resolution="720P", duration=5), ["--resolution 720P", "768P, 2K"]),
    ("vidu/viduq2_text2video", dict(T, duration=11), ["--duration 11", "1 to 10"]),
    ("vidu/viduq3-pro_text2video", dict(T, duration=17), ["--duration 17", "1 to 16"]),
    ("pixverse/pixverse-v5.6-t2v", dict(T, duration=6, size=(1280, 720)), ["--duration 6", "5, 8, 10"]),
    ("pixverse/pixverse-v6-t2v", dict(T, duration=16, size=(1280, 720)), ["--duration 16", "1 to 15"]),
    # values of --quality
    ("wan2.2-animate-move", dict(request={"input": {}}, quality="hd"), ["--quality hd", "wan-std", "wan-pro"]),
    *((model, dict(image=FIRST, video=CLIP, quality="hd"), ["--quality hd", "wan-std", "wan-pro"]) for model in (
        "wan2.2-animate-move", "wan2.2-animate-mix")),
    ("kling/kling-v3-video-generation", dict(T, quality="wan-pro"), ["--quality wan-pro", "std", "4k"]),
    # settings
    (None, dict(T, settings=["model.x=1"]), ["--set model.x", "not an object"]),
    (None, dict(T, duration=5, settings=["parameters.duration.x=1"]), ["--set", "not an object"]),
]


@each("model, fields, named", REFUSED, ids=[f"{number}-{model}-{fields.get('function', '')}"
                                            for number, (model, fields, _) in enumerate(REFUSED)])
def test_refusal_names_the_value_and_the_way_out(model, fields, named):
    said = refusal(model, **fields)
    assert missing(named, said) == [], said


def test_functions_are_those_of_the_contract():
    assert list(FUNCTIONS) == ["image_reference", "video_repainting", "video_edit", "video_extension", "video_outpainting"]


def test_control_may_come_from_a_setting():
    body = body_of(function="video_repainting", prompt="P", video=CLIP, settings=["control_condition=depth"])
    assert body["parameters"] == {"control_condition": "depth"}


def test_shot_of_one_needs_no_rewriting():
    assert body_of("wan2.6-t2v", prompt="P", shot="single", prompt_extend=False)["parameters"] == {"shot_type": "single", "prompt_extend": False}


# ---- sizes -----------------------------------------------------------------------------------------------------------

RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4"]
WIDE = [*RATIOS, "4:5", "5:4", "9:21", "21:9"]
S480 = dict(zip(RATIOS, ["832*480", "480*832", "624*624"]))
S720 = dict(zip(RATIOS, ["1280*720", "720*1280", "960*960", "1088*832", "832*1088"]))
S1080 = dict(zip(RATIOS, ["1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"]))
N720 = dict(zip(RATIOS, ["1280*720", "720*1280", "960*960", "1104*832", "832*1104"]))
N1080 = dict(zip(RATIOS, ["1920*1080", "1080*1920", "1440*1440", "1648*1248", "1248*1648"]))
TABLES = {  # models that take pixels -> what they are asked, and their sizes by tier (sections 6, 6.5, 6.8 and 6.9)
    **dict.fromkeys(("wan2.6-t2v", "wan2.6-t2v-us"), (T, {"720P": S720, "1080P": S1080})),
    "wan2.5-t2v-preview": (T, {"480P": S480, "720P": S720, "1080P": S1080}), "wan2.2-t2v-plus": (T, {"480P": S480, "1080P": S1080}),
    "wanx2.1-t2v-turbo": (T, {"480P": S480, "720P": S720}), "wanx2.1-t2v-plus": (T, {"720P": S720}),
    **dict.fromkeys(("wan2.6-r2v", "wan2.6-r2v-flash"), (R, {"720P": S720, "1080P": S1080})),
    VACE: (dict(R, function="image_reference", settings=["obj_or_bg=[\"obj\"]"]), {"720P": S720}),
}
TIERS = {  # models that take the name of a tier -> what they are asked, their tiers, their ratios
    "wan2.7-t2v": (T, ["720P", "1080P"], RATIOS), "wan2.7-r2v": (R, ["720P", "1080P"], RATIOS),
    "wan2.7-videoedit": (E, ["720P", "1080P"], RATIOS),
    "wan2.7-i2v": (I, ["720P", "1080P"], []),
    "wan3.0-video": (T, ["480P", "720P", "1080P"], [*RATIOS, "adaptive"]),
    **dict.fromkeys(("wan2.6-i2v", "wan2.6-i2v-flash", "wan2.6-i2v-us"), (I, ["720P", "1080P"], [])),
    **dict.fromkeys(("wan2.5-i2v-preview", "wan2.2-i2v-flash", "wan2.2-kf2v-flash"), (I, ["480P", "720P", "1080P"], [])),
    "wan2.2-i2v-plus": (I, ["480P", "1080P"], []), "wanx2.1-i2v-turbo": (I, ["480P", "720P"], []),
    **dict.fromkeys(("wanx2.1-i2v-plus", "wanx2.1-kf2v-plus"), (I, ["720P"], [])),
    "wan2.2-s2v": (dict(image=FIRST, audio=SOUND), ["480P", "720P"], []),
    "happyhorse-1.1-t2v": (T, ["480P", "720P", "1080P"], WIDE), "happyhorse-1.1-r2v": (R, ["480P", "720P", "1080P"], WIDE),
    "happyhorse-1.0-t2v": (T, ["720P", "1080P"], WIDE), "happyhorse-1.0-r2v": (R, ["720P", "1080P"], WIDE),
    "happyhorse-1.1-i2v": (I, ["480P", "720P", "1080P"], []), "happyhorse-1.0-i2v": (I, ["720P", "1080P"], []),
    "happyhorse-1.0-video-edit": (E, ["720P", "1080P"], []),
}
ALL_TIERS, ALL_RATIOS = ["360P", "480P", "720P", "1080P", "2K"], [*WIDE, "adaptive", "3:2"]


@pytest.mark.parametrize("model, fields, tables", [(model, *case) for model, case in TABLES.items()])
def test_tier_and_ratio_become_pixels(model, fields, tables):
    for tier in ALL_TIERS:
        for ratio in ALL_RATIOS:
            size = tables.get(tier, {}).get(ratio)
            if size:
                call = call_of(model, **fields, resolution=tier, ratio=ratio)
                assert (call.body["parameters"]["size"], call.tier) == (size, tier)
                assert not {"resolution", "ratio"} & set(call.body["parameters"])
                direct = call_of(model, **fields, size=tuple(map(int, size.split("*"))))
                assert (direct.body["parameters"]["size"], direct.tier) == (size, tier)
                continue
            said = refusal(model, **fields, resolution=tier, ratio=ratio)
            legal = [f"--ratio {ratio}", "16:9"] if tier in tables else [f"--resolution {tier}", *tables]
            assert missing([model, *legal], said) == [], said


@each("model, fields, tiers, ratios", [(model, *case) for model, case in TIERS.items()])
def test_tier_and_ratio_go_by_name(model, fields, tiers, ratios):
    for tier in ALL_TIERS:
        if tier in tiers:
            assert call_of(model, **fields, resolution=tier).body["parameters"]["resolution"] == tier
            continue
        said = refusal(model, **fields, resolution=tier)
        assert missing([f"--resolution {tier}", model, ", ".join(tiers)], said) == [], said
    for ratio in ALL_RATIOS:
        if ratio in ratios:
            assert call_of(model, **fields, ratio=ratio).body["parameters"]["ratio"] == ratio
            continue
        said = refusal(model, **fields, ratio=ratio)
        assert missing([model, "--ratio", *ratios], said) == [], said


@pytest.mark.parametrize("model", ["wan2.7-t2v", "wan2.7-r2v", "wan2.7-videoedit"])
def test_pixels_become_tier_and_ratio(model):
    fields = TIERS[model][0]
    for tier, table in (("720P", N720), ("1080P", N1080)):
        for ratio, size in table.items():
            call = call_of(model, **fields, size=tuple(map(int, size.split("*"))))
            assert call.body["parameters"] == {"resolution": tier, "ratio": ratio} and call.tier == tier


_720, _PIXELS, _SQUARE = dict(resolution="720P"), dict(size=(1280, 720)), dict(ratio="1:1")
SIZES_REFUSED = [
    *((model, dict(given, duration=5, **shape), [f"{model} takes no --{[*shape][0]}", *takes])
      for model, given, shapes, takes in (
          ("kling/kling-v3-video-generation", T, (_720, _PIXELS), ["--ratio"]), ("vidu/viduq3-pro_text2video", T, (_SQUARE,), ["--resolution"]),
          ("MiniMax/MiniMax-H3", T, (_PIXELS,), ["--resolution and --ratio"]), ("pixverse/pixverse-v6-t2v", T, (_720, _SQUARE), ["--size"]),
          ("pixverse/pixverse-v6-r2v-omni", R, (_720, _SQUARE), ["--size"]), ("pixverse/pixverse-v6-it2v", I, (_PIXELS, _SQUARE), ["--resolution"]),
          ("pixverse/pixverse-v6-kf2v", dict(I, last_frame=LAST), (_PIXELS, _SQUARE), ["--resolution"]))
      for shape in shapes),
    ("wan2.7-t2v", dict(T, size=(1088, 832)), ["--size 1088x832", "wan2.7-t2v", "nearest: 1104x832", "1920x1080"]),
    ("wan2.7-t2v", dict(T, size=(832, 480)), ["--size 832x480", "wan2.7-t2v", "1280x720"]),
    ("wan2.6-t2v", dict(T, size=(1104, 832)), ["--size 1104x832", "nearest: 1088x832", "1632x1248"]),
    ("wan2.6-t2v", dict(T, size=(832, 480)), ["--size 832x480", "wan2.6-t2v", "1280x720"]),
    ("wan2.2-t2v-plus", dict(T, size=(1280, 720)), ["--size 1280x720", "832x480", "1920x1080"]),
    ("wanx2.1-t2v-plus", dict(T, size=(1920, 1080)), ["--size 1920x1080", "1280x720"]),
    ("wan2.6-r2v", dict(R, size=(624, 624)), ["--size 624x624", "960x960"]),
    ("wan2.7-i2v", dict(I, size=(1280, 720)), ["wan2.7-i2v", "--size", "--resolution"]),
    ("wan2.6-i2v", dict(I, size=(1280, 720)), ["wan2.6-i2v", "--size", "--resolution"]),
    ("wan2.2-kf2v-flash", dict(I, last_frame=LAST, size=(1280, 720)), ["wan2.2-kf2v-flash", "--size"]),
    ("happyhorse-1.1-t2v", dict(T, size=(1280, 720)), ["happyhorse-1.1-t2v", "--size", "--resolution 480P|720P|1080P", "--ratio 16:9"]),
    ("wan2.7-r2v", dict(R, image=FIRST, ratio="16:9"), ["wan2.7-r2v", "--ratio", "the shape follows"]),
    *((model, dict(given, **geometry), [model, "--resolution", "--size", "--ratio"]) for model, given in (
        ("wan2.2-animate-move", dict(image=FIRST, video=CLIP)), ("video-style-transform", dict(video=CLIP)))
      for geometry in (dict(resolution="720P"), dict(size=(1280, 720)), dict(ratio="1:1"))),
    *((model, dict(T, size=(1280, 720), **more), ["--size", "--resolution", "--ratio"]) for model in ("wan2.7-t2v", "wan2.6-t2v", "wan9-t2v")
      for more in (dict(resolution="720P"), dict(ratio="16:9"))),
]


@each("model, fields, named", SIZES_REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_size_that_is_refused(model, fields, named):
    said = refusal(model, **fields)
    assert missing(named, said) == [], said


# ---- durations -------------------------------------------------------------------------------------------------------

def span(low, high):
    return list(range(low, high + 1))


DURATIONS = {  # model -> what it is asked, its legal seconds (sections 1.5 and 6)
    "wan2.7-t2v": (T, span(2, 15)), "wan2.7-i2v": (I, span(2, 15)), "wan2.7-r2v": (R, span(2, 15)), "wan2.7-videoedit": (E, [0, *span(2, 10)]),
    "wan3.0-video": (T, [-1, *span(2, 30)]), "wan2.6-t2v": (T, span(2, 15)), "wan2.6-t2v-us": (T, [5, 10]), "wan2.5-t2v-preview": (T, [5, 10]),
    **dict.fromkeys(("wan2.2-t2v-plus", "wanx2.1-t2v-turbo", "wanx2.1-t2v-plus"), (T, [5])),
    **dict.fromkeys(("wan2.6-i2v", "wan2.6-i2v-flash"), (I, span(2, 15))), "wan2.6-i2v-us": (I, [5, 10, 15]), "wan2.5-i2v-preview": (I, [5, 10]),
    **dict.fromkeys(("wan2.2-i2v-flash", "wan2.2-i2v-plus", "wanx2.1-i2v-plus", "wan2.2-kf2v-flash", "wanx2.1-kf2v-plus"), (I, [5])),
    "wanx2.1-i2v-turbo": (I, [3, 4, 5]), **dict.fromkeys(("wan2.6-r2v", "wan2.6-r2v-flash"), (R, span(2, 10))),
    VACE: (dict(R, function="image_reference"), [5]), **dict.fromkeys(("wan2.2-animate-move", "wan2.2-animate-mix"), (
        dict(image=FIRST, video=CLIP), [])), "wan2.2-s2v": (dict(image=FIRST, audio=SOUND), []), "video-style-transform": (dict(video=CLIP), []),
    **dict.fromkeys(("happyhorse-1.1-t2v", "happyhorse-1.0-t2v"), (T, span(3, 15))),
    **dict.fromkeys(("happyhorse-1.1-i2v", "happyhorse-1.0-i2v"), (I, span(3, 15))),
    **dict.fromkeys(("happyhorse-1.1-r2v", "happyhorse-1.0-r2v"), (R, span(3, 15))), "happyhorse-1.0-video-edit": (E, []),
    "kling/kling-v3-video-generation": (T, span(3, 15)), "vidu/viduq3-pro_img2video": (I, span(1, 16)),
    "MiniMax/MiniMax-H3": (dict(T, resolution="2K"), span(4, 15)),
}


@each("model, fields, legal", [(model, *case) for model, case in DURATIONS.items()])
def test_duration(model, fields, legal):
    for seconds in range(-1, 32):
        if seconds in legal:
            call = call_of(model, **fields, duration=seconds)
            assert call.body["parameters"]["duration"] == seconds and call.seconds == max(seconds, 0)
            continue
        said = refusal(model, **fields, duration=seconds)
        assert model in said and "--duration" in said, said
        if legal:
            assert f"--duration {seconds} " in said and str(legal[-1]) in said.split("legal: ")[1], said


def test_reference_to_video_is_shorter_with_a_video():
    for model in ("wan2.7-r2v", "wan2.7-r2v-2026-06-12"):
        for references in ([MOVING], [A, MOVING]):
            assert call_of(model, prompt="P", references=references, duration=10).seconds == 10
            said = refusal(model, prompt="P", references=references, duration=11)
            assert missing(["--duration 11", model, "2 to 10"], said) == [], said


def clip_of(seconds):
    found = media.Media("clip.mp4", data=b"x")
    found.media_type, found.seconds, found.address = "video/mp4", seconds, CLIP
    return found


def continued(seconds, **fields):
    ask = ask_of(mode="i2v", **fields)
    ask.video = clip_of(seconds)
    return build_request(ask, find_model(ask.model_name())[0])[0]


@pytest.mark.parametrize("seconds, fields, of", [
    (4, {}, 5), (4.96, {}, 5), (4, dict(duration=5), 5), (10, dict(duration=15), 15), (9.5, dict(settings=["duration=10"]), 10),
    (0, {}, 5), (4, dict(model="wan2.8-i2v", duration=3), 3)])
def test_continued_clip_is_counted(seconds, fields, of):
    """Of an address the length is not known, and of an id newer than the table the rule."""
    assert continued(seconds, **fields).seconds == of


@pytest.mark.parametrize("seconds, fields, named", [
    (5, {}, ["clip.mp4 lasts 5.0", "have 5", "6 to 15"]), (8.2, {}, ["8.2", "have 5", "--duration 9 to 15"]),
    (4, dict(duration=3), ["4.0", "have 3", "5 to 15"]), (6, dict(duration=6), ["have 6", "7 to 15"]),
    (6, dict(settings=["duration=4"]), ["have 4", "7 to 15"])])
def test_clip_that_is_not_continued_is_refused(seconds, fields, named):
    with pytest.raises(Failure) as caught:
        continued(seconds, **fields)
    said = f"{caught.value.message} | {caught.value.fix}"
    assert caught.value.exit_code == Exit.USAGE and missing(named, said) == [], said


def test_spans_of_durations_are_told_in_short():
    assert "legal: 0, 2 to 10 seconds" in refusal("wan2.7-videoedit", **E, duration=1)
    assert "legal: 5, 10 seconds" in refusal("wan2.5-t2v-preview", **T, duration=7)


# ---- prompts ---------------------------------------------------------------------------------------------------------

CHARACTERS = {
    **dict.fromkeys(("wan2.7-t2v", "happyhorse-1.1-t2v", "happyhorse-1.0-t2v"), (T, 5000)), "wan2.7-i2v": (I, 5000), "wan2.7-r2v": (R, 5000),
    "wan2.7-videoedit": (E, 5000), "wan3.0-video": (T, 20000), **dict.fromkeys(("wan2.6-t2v", "wan2.6-t2v-us", "wan2.5-t2v-preview"), (T, 1500)),
    **dict.fromkeys(("wan2.2-t2v-plus", "wanx2.1-t2v-turbo", "wanx2.1-t2v-plus"), (T, 800)),
    **dict.fromkeys(("wan2.6-i2v", "wan2.6-i2v-flash", "wan2.6-i2v-us", "wan2.5-i2v-preview"), (I, 1500)),
    **dict.fromkeys(("wan2.2-i2v-flash", "wan2.2-i2v-plus", "wanx2.1-i2v-turbo", "wanx2.1-i2v-plus", "wan2.2-kf2v-flash",
                     "wanx2.1-kf2v-plus"), (I, 800)),
    **dict.fromkeys(("wan2.6-r2v", "wan2.6-r2v-flash"), (R, 1500)), VACE: (dict(R, function="image_reference"), 800),
    **dict.fromkeys(("happyhorse-1.1-i2v", "happyhorse-1.0-i2v"), (I, 5000)),
    **dict.fromkeys(("happyhorse-1.1-r2v", "happyhorse-1.0-r2v"), (R, 5000)), "happyhorse-1.0-video-edit": (E, 5000),
    **dict.fromkeys(("kling/kling-v3-video-generation", "kling/kling-v3-omni-video-generation"), (T, 2500)),
}


@each("model, fields, most", [(model, *case) for model, case in CHARACTERS.items()])
@each("letter", ["a", "画", "é"])
def test_prompt_over_the_limit_is_refused(model, fields, most, letter):
    """The service would cut the rest off without a word. happyhorse reads half as many Chinese characters."""
    if letter == "画" and model.startswith("happyhorse"):
        most = 2500
    assert body_of(model, **{**fields, "prompt": letter * most})["input"]["prompt"] == letter * most
    said = refusal(model, **{**fields, "prompt": letter * (most + 1)})
    assert missing([str(most + 1), str(most), model], said) == [], said


@pytest.mark.parametrize("prompt, taken", [
    ("画" * 2499 + "aa", True), ("画" * 2499 + "aaa", False), ("画" + "a" * 4998, True), ("画" + "a" * 4999, False),
    ("かな" * 1250, True), ("かな" * 1251, False), ("한" * 2501, False)])
def test_prompt_of_happyhorse_in_mixed_scripts(prompt, taken):
    if taken:
        assert body_of("happyhorse-1.1-t2v", prompt=prompt)["input"]["prompt"] == prompt
        return
    assert missing(["5000", "2500", str(len(prompt))], refusal("happyhorse-1.1-t2v", prompt=prompt)) == []


@pytest.mark.parametrize("model, fields", [("wan2.7-t2v", T), ("wan2.7-i2v", I), ("wan2.7-i2v", dict(image=FIRST)), ("wan2.7-videoedit", dict(
    video=CLIP)), ("wan2.6-r2v", R), ("wan2.6-i2v", dict(image=FIRST)), ("wan2.2-kf2v-flash", dict(image=FIRST, last_frame=LAST))])
@pytest.mark.parametrize("letter", ["a", "坏"])
def test_negative_prompt_over_the_limit_is_refused(model, fields, letter):
    assert body_of(model, **fields, negative=letter * 500)["input"]["negative_prompt"] == letter * 500
    assert missing(["--negative", "501", "500"], refusal(model, **fields, negative=letter * 501)) == []


# ---- flags on every family -------------------------------------------------------------------------------------------

VALUES = {"negative": "bad", "seed": 7, "prompt_extend": True, "watermark": True, "shot": "single", "sound": True, "keep_sound": True,
          "template": "flying", "style": 3, "strength": 0.5, "control": "depth", "quality": "wan-pro"}
SENT = {**VALUES, "keep_sound": "origin"}
WAN = {"negative": "input.negative_prompt", "seed": "parameters.seed", "prompt_extend": "parameters.prompt_extend",
       "watermark": "parameters.watermark"}
SHOT, FLASH = {"shot": "parameters.shot_type"}, {"sound": "parameters.audio"}
KEEP, EFFECT = {"keep_sound": "parameters.audio_setting"}, {"template": "input.template"}
HORSE = {"seed": "parameters.seed", "watermark": "parameters.watermark"}
PLAIN_ANIMATE = {"watermark": "input.watermark", "quality": "parameters.mode"}
REFS = {name: place for name, place in WAN.items() if name != "prompt_extend"}
TAKES = {  # model -> what it is asked, its flags and where they go
    "wan2.7-t2v": (T, WAN), "wan2.7-i2v": (I, WAN), "wan2.7-r2v": (R, WAN), "wan2.7-videoedit": (E, {**WAN, **KEEP}),
    **dict.fromkeys(("wan3.0-video", "wan3.0-video-prime"), (T, {"seed": "parameters.seed", "prompt_extend": "parameters.prompt_extend",
                                                                 "watermark": "parameters.watermark", **FLASH})),
    **dict.fromkeys(("wan2.6-t2v", "wan2.6-t2v-us"), (T, {**WAN, **SHOT})),
    **dict.fromkeys(("wan2.5-t2v-preview", "wan2.2-t2v-plus", "wanx2.1-t2v-turbo", "wanx2.1-t2v-plus"), (T, WAN)),
    **dict.fromkeys(("wan2.6-i2v", "wan2.6-i2v-us"), (I, {**WAN, **SHOT, **EFFECT})),
    "wan2.6-i2v-flash": (I, {**WAN, **SHOT, **EFFECT, **FLASH}),
    **dict.fromkeys(("wan2.5-i2v-preview", "wan2.2-i2v-flash", "wan2.2-i2v-plus", "wanx2.1-i2v-turbo", "wanx2.1-i2v-plus", "wan2.2-kf2v-flash",
                     "wanx2.1-kf2v-plus"), (I, {**WAN, **EFFECT})),
    "wan2.6-r2v": (R, {**REFS, **SHOT}), "wan2.6-r2v-flash": (R, {**REFS, **SHOT, **FLASH}),
    VACE: (dict(E, function="video_repainting", settings=["control_condition=depth"]), {
        "seed": "parameters.seed", "prompt_extend": "parameters.prompt_extend", "watermark": "parameters.watermark",
        "strength": "parameters.strength", "control": "parameters.control_condition"}),
    **dict.fromkeys(("wan2.2-animate-move", "wan2.2-animate-mix"), (dict(image=FIRST, video=CLIP), PLAIN_ANIMATE)),
    "wan2.2-s2v": (dict(image=FIRST, audio=SOUND), {}),
    **dict.fromkeys(("happyhorse-1.1-t2v", "happyhorse-1.0-t2v"), (T, HORSE)),
    **dict.fromkeys(("happyhorse-1.1-i2v", "happyhorse-1.0-i2v"), (I, HORSE)),
    **dict.fromkeys(("happyhorse-1.1-r2v", "happyhorse-1.0-r2v"), (R, HORSE)), "happyhorse-1.0-video-edit": (E, {**HORSE, **KEEP}),
    "video-style-transform": (dict(video=CLIP), {"style": "parameters.style"}),
    "vidu/viduq3-pro_img2video": (I, {"seed": "parameters.seed", **FLASH}),
}


def test_every_row_of_the_contract_is_in_the_table_of_flags():
    """Of other vendors the contract tells only some parameters."""
    assert set(TAKES) >= {name for name in TABLE if "/" not in name}


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
    assert "--" + flag.replace("_", "-") in said and model in said, said
    named = re.findall(r"[\w./-]+", said.split("models that do: ")[1].split(";")[0])
    takers = {name for name, (_, taken) in TAKES.items() if flag in taken} | {one.id for one in MODELS if "/" in one.id}
    assert named and set(named) <= takers, said


@each("model, fields, said", [
    ("happyhorse-1.1-i2v", dict(I, negative="x"), "models that do: wan2.7-i2v, wan2.6-i2v-flash, wan2.6-i2v, "),
    ("happyhorse-1.0-video-edit", dict(E, negative="x"), "models that do: wan2.7-videoedit, kling/"),
    ("wan2.7-i2v", dict(I, last_frame=LAST, shot="multi"), "no model takes it with all else given here: leave one out; models that do: wan2.6-t2v")])
def test_models_named_for_a_flag_take_all_that_is_given(model, fields, said):
    assert f"| {said}" in refusal(model, **fields)


@pytest.mark.parametrize("model, flag", [("happyhorse-1.1-t2v", "prompt_extend"), ("wan2.7-t2v", "sound"), ("wan2.7-t2v", "keep_sound")])
def test_refused_switch_is_named_as_it_was_written(model, flag):
    assert f"takes no --no-{flag.replace('_', '-')} |" in refusal(model, **T, **{flag: False})
    assert f"takes no --{flag.replace('_', '-')} |" in refusal(model, **T, **{flag: True})


@pytest.mark.parametrize("fields, added", [
    (dict(T, last_frame=LAST), "add --image or --video;"), (dict(T, mode="i2v", audio=SOUND), "add --image;"),
    (dict(model="wan2.2-s2v", image=FIRST), "add --audio;"), (dict(model="wan2.7-r2v", image=FIRST, prompt="P"), "add --reference;")])
def test_nearest_way_comes_first(fields, added):
    assert f"| {added}" in refusal(**fields)


@pytest.mark.parametrize("flag", ["seed", "prompt_extend", "watermark"])
@pytest.mark.parametrize("value", [False, 0])
def test_a_switch_that_is_off_is_sent(flag, value):
    assert body_of("wan2.7-t2v", prompt="P", **{flag: value})["parameters"] == {flag: value}
    assert body_of("wan2.7-t2v", prompt="P", **{flag: value})["parameters"][flag] is value


@pytest.mark.parametrize("model, fields, words", [
    ("wan2.6-t2v", dict(T, shot="multi"), "extends"), ("wan2.6-i2v", dict(I, template="flying"), "ignores the prompt"),
    *((model, dict(T, references=["https://h/it", B, MOVING], **more), "https://h/it is sent as a picture") for model, more in (
        ("wan3.0-video", {}), ("wan2.7-r2v", {}), ("kling/kling-v3-omni-video-generation", {}),
        ("vidu/viduq3-ad_reference2video", {}), ("pixverse/pixverse-v6-r2v-omni", {"duration": 5, "size": "1280x720"})))])
def test_remarks(model, fields, words):
    remarks = build(model, **fields)[1]
    assert len(remarks) == 1 and words in remarks[0]


@pytest.mark.parametrize("model, fields", [
    ("wan2.6-t2v", dict(T, shot="multi", prompt_extend=True)), ("wan2.6-t2v", dict(T, shot="single")), ("wan2.6-r2v", dict(R, shot="multi")),
    ("wan2.6-i2v", dict(image=FIRST, template="flying")), ("wan2.7-t2v", T),
    *((model, dict(T, references=["https://h/it"])) for model in ("wan2.6-r2v", "happyhorse-1.1-r2v"))])
def test_no_remark_where_nothing_is_to_be_said(model, fields):
    assert build(model, **fields)[1] == []


# ---- --set and --request ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("settings, changed", [
    (["x=1"], {"parameters": {"x": 1}}), (["parameters.x=a"], {"parameters": {"x": "a"}}), (["a.b=true"], {"parameters": {"a": {"b": True}}}),
    (["input.x=[1]"], {"input": {"prompt": "P", "x": [1]}}), (["input.prompt=Q"], {"input": {"prompt": "Q"}}), (["model=m"], {"model": "m"}),
    (["duration=10", "parameters.duration=11"], {"parameters": {"duration": 11}}), (["input=1"], {"parameters": {"input": 1}}),
    (["prompt=Q"], {"parameters": {"prompt": "Q"}})])
def test_settings_find_their_place(settings, changed):
    assert body_of("wan2.7-t2v", prompt="P", settings=settings) == {"model": "wan2.7-t2v", "input": {"prompt": "P"}, "parameters": {}, **changed}


def test_settings_win_over_flags():
    call = call_of("wan2.7-t2v", prompt="P", duration=5, resolution="720P", seed=1,
                   settings=["duration=15", "resolution=1080P", "seed=2", "input.negative_prompt=x"])
    assert call.body == {"model": "wan2.7-t2v", "input": {"prompt": "P", "negative_prompt": "x"},
                         "parameters": {"duration": 15, "resolution": "1080P", "seed": 2}}
    assert (call.seconds, call.tier) == (15, "1080P")


@pytest.mark.parametrize("fields, headers", [
    (dict(prompt="P", image=OSS), True), (dict(prompt="P", references=[A, OSS]), True), (dict(R, voices=[OSS]), True),
    (dict(image=FIRST, video="oss://a/b.mp4", model="wan2.2-animate-move"), True), (dict(E, function="video_edit", mask=OSS), True),
    (dict(T, settings=[f"input.audio_url={OSS}"]), True), (dict(request={"input": {"img_url": OSS}}), True),
    (dict(prompt="about oss://x"), False), (I, False)])
def test_temporary_uploads_need_a_header(fields, headers):
    assert call_of(**fields).headers == {**TASK, **({"X-DashScope-OssResourceResolve": "enable"} if headers else {})}


BODY = {"model": "wan2.7-i2v", "input": {"prompt": "Q", "media": [item("first_clip", CLIP)], "new": 1},
        "parameters": {"duration": 9, "resolution": "720P", "other": {"x": 1}}, "extra": True}


def test_request_is_sent_as_it_is():
    given = json.dumps(BODY)
    call = call_of(request=json.loads(given))
    assert call.body == BODY and (call.path, call.headers, call.tier, call.seconds) == (E5, TASK, "720P", 9)
    assert call_of(request={"model": "wan2.2-animate-mix", "input": {"x": 1}}).path == E6
    assert call_of(request={"model": "wan2.2-kf2v-flash", "input": {"x": 1}}).path == E6


def test_flags_override_a_request():
    request = json.loads(json.dumps(BODY))
    call = call_of("wan2.7-i2v-2026-04-25", request=request, prompt="P", negative="bad", duration=4, resolution="1080P", seed=7, watermark=False,
                   settings=["other.x=2", "input.new=2"])
    assert call.body == {
        "model": "wan2.7-i2v-2026-04-25", "input": {"prompt": "P", "media": [item("first_clip", CLIP)], "new": 2, "negative_prompt": "bad"},
        "parameters": {"duration": 4, "resolution": "1080P", "other": {"x": 2}, "seed": 7, "watermark": False}, "extra": True}
    assert (call.tier, call.seconds) == ("1080P", 4)


def test_what_is_always_sent_is_put_into_a_request():
    assert body_of(request={"model": "happyhorse-1.1-t2v", "input": P})["parameters"] == NO_MARK
    assert body_of(request={"model": "wan2.2-animate-mix", "input": {}})["parameters"] == {"mode": "wan-std"}
    marked = {"model": "happyhorse-1.1-t2v", "input": P, "parameters": {"watermark": True}}
    assert body_of(request=marked)["parameters"] == {"watermark": True}
    assert body_of(request={"model": "happyhorse-1.1-t2v", "input": P}, watermark=True)["parameters"] == {"watermark": True}


@pytest.mark.parametrize("model, given, mode", [
    ("wan2.7-i2v", {"media": FRAMES}, "kf2v"), ("wan2.7-i2v", {"media": FRAME}, "i2v"), ("wan2.7-t2v", P, "t2v"), ("wan2.6-i2v", IMG, "i2v"),
    ("wan2.7-r2v", {"media": [item("reference_video", MOVING)]}, "r2v"), ("wan2.7-i2v", {"media": "x"}, "i2v"),
    ("wan2.7-i2v", {"media": [None, {"type": []}]}, "i2v"), ("wan2.6-r2v", {"reference_urls": [None, "http://["]}, "r2v")])
def test_mode_of_a_request(model, given, mode):
    assert call_of(request={"model": model, "input": given}).way.mode == mode


def test_lengths_of_a_request_with_a_reference_video():
    given = {"model": "wan2.7-r2v", "input": {**P, "media": [item("reference_video", MOVING)]}}
    assert missing(["--duration 11", "2 to 10"], refusal(request=given, duration=11)) == []


def test_model_of_a_request():
    assert body_of(request={"input": P})["model"] == "wan2.7-t2v"
    assert body_of(mode="i2v", request={"input": {}})["model"] == "wan2.7-i2v"
    assert body_of("wan2.6-t2v", request={"model": "wan2.7-t2v", "input": P})["model"] == "wan2.6-t2v"
    assert body_of(request={"model": "wan2.6-t2v", "input": P}, ratio="1:1")["parameters"] == {"size": "1440*1440"}


def test_length_of_a_request_that_does_not_tell_it():
    assert call_of(request={"model": "wan2.7-t2v", "input": P}).seconds == 5
    assert call_of(request={"model": "wan2.2-animate-move", "input": {}}).seconds == 0
    assert call_of(request={"model": "wan2.7-videoedit", "input": {}}).seconds == 0, "as long as its input"


@pytest.mark.parametrize("fields, named", [
    (dict(request={}), ["'input'"]), (dict(request={"input": []}), ["'input'"]), (dict(request={"input": {}, "parameters": "x"}), ["parameters"]),
    (dict(request={"input": {}}, image=FIRST), ["--request"]), (dict(request={"input": {}}, references=[A]), ["--request"]),
    (dict(request={"input": {}}, voices=[VOICE]), ["--request"]), (dict(request={"input": {}}, function="video_edit"), ["--function", "--request"]),
    (dict(request={"model": "wan2.6-t2v", "input": {}}, duration=16), ["--duration 16", "2 to 15"]),
    (dict(request={"model": "wan2.6-t2v", "input": {}}, resolution="480P"), ["--resolution 480P", "720P, 1080P"]),
    (dict(request={"model": "happyhorse-1.1-t2v", "input": {}}, negative="x"), ["happyhorse-1.1-t2v", "--negative"]),
    (dict(request={"model": "wan2.2-animate-mix", "input": {}}, prompt="P"), ["wan2.2-animate-mix", "takes no prompt"]),
    (dict(request={"model": "wan2.2-t2v-plus", "input": {}}, prompt="x" * 801), ["801 characters", "800"])])
def test_request_that_is_refused(fields, named):
    said = refusal(**fields)
    assert missing(named, said) == [], said


# ---- values of flags -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, found", [("1280x720", (1280, 720)), ("1280*720", (1280, 720)), (" 1280 X 720 ", (1280, 720)),
    ("720×1280", (720, 1280))])
def test_size_is_read(text, found):
    assert video_inputs.size(text) == found


@pytest.mark.parametrize("text", ["", "720P", "16:9", "1280", "1280x", "x720", "1280x720x3", "-1280x720", "1.5x2", "٧٢٠x٧٢٠"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="(?s)WxH.*--resolution"):
        video_inputs.size(text)


@pytest.mark.parametrize("text, found", [("720p", "720P"), ("1080P", "1080P"), (" 480p ", "480P"), ("768P", "768P"), ("2k", "2K"), ("4K", "4K")])
def test_resolution_is_sent_in_capitals(text, found):
    assert video_inputs.resolution(text) == found


@pytest.mark.parametrize("text", ["", "720", "P", "HD", "1280x720", "16:9", "720PP", "3K", "٧٢٠P"])
def test_what_is_no_resolution_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="480P, 720P, 1080P"):
        video_inputs.resolution(text)


@pytest.mark.parametrize("text", ["16:9", " 9:16 ", "21:9", "adaptive"])
def test_ratio_is_read(text):
    assert video_inputs.ratio(text) == text.strip()


@pytest.mark.parametrize("text", ["", "16/9", "16x9", "720P", "16:", ":9", "1.78:1", "160:900", "Adaptive?"])
def test_what_is_no_ratio_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="16:9"):
        video_inputs.ratio(text)


# ---- from the command line to the Ask --------------------------------------------------------------------------------

def options_of(*arguments):
    parser = Parser(prog="video.py")
    add_flags(parser)
    add_common_flags(parser, "qianwen-video-generation", "x")
    return parser.parse_args(list(map(str, arguments)))


def read(*arguments):
    return read_ask(options_of(*arguments))


def png_header(width, height):
    """The beginning of a picture, which tells its size."""
    return samples.png(1, 1)[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + samples.png(1, 1)[24:64]


@pytest.fixture(scope="module")
def contents():
    """Files by name that fit most models, or break one limit."""
    return {
        "frame.png": samples.png(400, 400), "photo.jpg": samples.jpeg(400, 400), "picture.gif": samples.gif(400, 400),
        "picture.bmp": samples.bmp(400, 400), "small.png": samples.png(239, 300), "large.png": png_header(8001, 1001),
        "long.png": samples.png(2001, 240), "clip.mp4": samples.mp4(4, 640, 480), "short.mp4": samples.mp4(1.5, 640, 480),
        "middle.mp4": samples.mp4(11, 640, 480), "long.mp4": samples.mp4(31, 640, 480), "tiny.mp4": samples.mp4(4, 200, 200),
        "wide.mp4": samples.mp4(4, 4098, 1000), "sound.wav": wav(5), "short.wav": wav(2), "s11.wav": wav(11), "s19.wav": wav(19),
        "s20.wav": wav(20), "long.wav": wav(31), "clip.ts": (b"G\x40\0\x10" + bytes(184)) * 3, "clip.mpg": b"\0\0\1\xba\x44" + bytes(20),
        "clip.mxf": b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\0" + bytes(20),
        "clip.webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm"}


@pytest.fixture
def files(tmp_path, monkeypatch, contents):
    """The files, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def wav(seconds):
    data = bytes(int(seconds * 1000))
    header = b"fmt " + (16).to_bytes(4, "little") + b"\1\0\1\0" + (1000).to_bytes(4, "little") * 2 + b"\1\0\x08\0"
    return b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVE" + header + b"data" + len(data).to_bytes(4, "little") + data


def test_every_flag_lands_in_the_ask(files):
    ask, model, warning = read(
        "P", "--image", "frame.png", "--reference", "photo.jpg", "clip.mp4", "--voice", "sound.wav", "--negative", "bad", "--mode", "r2v",
        "--resolution", "720p", "--duration", "5", "--seed", "7", "--no-prompt-extend", "--watermark", "--set", "x=1")
    assert (model.id, warning, ask.prompt, ask.negative, ask.mode, ask.resolution, ask.duration, ask.seed) == (
        "wan2.7-r2v", "", "P", "bad", "r2v", "720P", 5, 7)
    assert (ask.prompt_extend, ask.watermark, ask.sound, ask.keep_sound, ask.shot) == (False, True, None, None, None)
    assert [(role, one.name) for role, one in pictures_and_more(ask)] == [
        ("image", "frame.png"), ("reference", "photo.jpg"), ("reference_video", "clip.mp4"), ("voice", "sound.wav")]
    assert ask.settings == parse_settings(["x=1"])


def test_switches_and_special_flags_land_in_the_ask():
    ask, _, warning = read("P", "--model", "wan9-t2v", "--no-sound", "--keep-sound", "--shot", "multi", "--ratio", "1:1",
        "--template", "t", "--style",
                           "3", "--strength", "0.5", "--control", "depth", "--quality", "pro")
    assert (ask.sound, ask.keep_sound, ask.shot, ask.ratio, ask.template, ask.style, ask.strength, ask.control, ask.quality) == (
        False, True, "multi", "1:1", "t", 3, 0.5, "depth", "pro")
    assert "wan9-t2v" in warning


@pytest.mark.parametrize("arguments", [
    ["--seed", "-1"], ["--seed", "2147483648"], ["--seed", "1.5"], ["--duration", "1.5"], ["--duration", "-2"], ["--shot", "three"],
    ["--mode", "x"], ["--style", "8"], ["--style", "-1"], ["--strength", "1.1"], ["--resolution", "HD"], ["--size", "720P"], ["--ratio", "wide"]])
def test_value_that_no_model_takes_is_refused(arguments):
    with pytest.raises(Failure) as caught:
        options_of("P", *arguments)
    assert caught.value.exit_code == Exit.USAGE and arguments[0] in caught.value.message


def test_prompt_behind_references_is_taken_back(files):
    ask = read("--reference", "photo.jpg", "clip.mp4", "a dance of two")[0]
    assert ask.prompt == "a dance of two" and [one.name for one in ask.references] == ["photo.jpg", "clip.mp4"]
    with pytest.raises(Failure, match="no prompt"):
        read("--reference", "photo.jpg", "dance")


def test_stdin_is_read_once(files):
    with pytest.raises(Failure, match="once"):
        read("P", "--image", "-", "--last-frame", "-")


FITS = [
    ("wan2.7-i2v", ["--image", "frame.png"]), ("wan2.7-i2v", ["--image", "picture.bmp", "--audio", "short.wav"]),
    ("wan2.7-i2v", ["--video", "clip.mp4"]),
    ("wan2.7-r2v", ["P", "--reference", "middle.mp4", "short.mp4"]), ("wan2.6-r2v", ["P", "--reference", "middle.mp4", "short.mp4"]),
    ("wan2.7-t2v", ["P", "--audio", "short.wav"]), ("wan2.2-s2v", ["--image", "frame.png", "--audio", "s19.wav"]),
    ("wan2.2-animate-move", ["--image", "frame.png", "--video", "tiny.mp4"]), ("happyhorse-1.0-video-edit", ["P", "--video", "long.mp4"]),
    ("wan2.6-i2v", ["--image", "long.png"]), ("wan2.5-i2v-preview", ["--image", "long.png"]), ("wan2.2-i2v-plus", ["--image", "long.png"]),
    ("wan2.2-kf2v-flash", ["--image", "frame.png", "--last-frame", "long.png"]), ("wan2.6-r2v", ["P", "--reference", "long.png", "tiny.mp4"]),
    ("wan3.0-video", ["--reference", "frame.png", "--audio", "sound.wav"]),
    *(("video-style-transform", ["--video", name]) for name in ("clip.ts", "clip.mpg", "clip.mxf")),
    ("wan9-i2v", ["--image", "small.png"])]


@pytest.mark.parametrize("model, arguments", FITS)
def test_file_that_fits(files, model, arguments):
    assert read("--model", model, *arguments)[1].id == model


MISFITS = [
    ("wan2.7-i2v", ["--image", "small.png"], ["--image small.png", "239 x 300", "240"]), ("wan2.7-i2v", ["--image", "large.png"], ["8001", "8000"]),
    ("wan2.7-i2v", ["--image", "long.png"], ["2001 x 240", "8 times"]), ("wan2.7-i2v", ["--image", "picture.gif"],
    ["image/gif", "JPEG, PNG, BMP, WEBP"]),
    ("wan2.7-i2v", ["--video", "middle.mp4"], ["11.0 seconds", "2 to 10"]), ("wan2.7-i2v", ["--video", "short.mp4"], ["1.5 seconds", "2 to 10"]),
    ("wan2.7-i2v", ["--video", "tiny.mp4"], ["200 x 200", "240"]), ("wan2.7-i2v", ["--video", "wide.mp4"], ["4098", "4096"]),
    ("wan2.7-i2v", ["--image", "frame.png", "--audio", "long.wav"], ["--audio long.wav", "31.0 seconds", "2 to 30"]),
    ("wan2.7-i2v", ["--image", "frame.png", "--last-frame", "small.png"], ["--last-frame small.png", "240"]),
    ("wan2.7-videoedit", ["--video", "middle.mp4"], ["11.0 seconds", "2 to 10"]), ("wan2.7-r2v", ["P", "--reference", "long.mp4"],
    ["31.0", "1 to 30"]),
    ("wan2.7-r2v", ["P", "--reference", "photo.jpg", "--voice", "s11.wav"], ["--voice s11.wav", "11.0 seconds", "1 to 10"]),
    ("wan2.6-t2v", ["P", "--audio", "short.wav"], ["2.0 seconds", "3 to 30"]),
    ("wan2.5-i2v-preview", ["--image", "frame.png", "--audio", "short.wav"], ["3 to 30"]),
    ("video-style-transform", ["--video", "clip.webm"], ["video/webm", "MP4, MOV, AVI, MKV, FLV, TS, MPG, MXF"]),
    ("wan3.0-video", ["--reference", "frame.png", "--audio", "s19.wav"], ["--audio s19.wav", "19.0 seconds", "to 15"]),
    ("wan2.2-s2v", ["--image", "frame.png", "--audio", "long.wav"], ["31.0 seconds", "19.99"]),
    ("wan2.2-s2v", ["--image", "frame.png", "--audio", "s20.wav"], ["20.0 seconds"]),
    ("wan2.2-s2v", ["--image", "small.png", "--audio", "sound.wav"], ["239 x 300", "400"]),
    ("wan2.2-animate-move", ["--image", "frame.png", "--video", "short.mp4"], ["1.5 seconds", "2 to 30"]),
    ("wan2.2-animate-move", ["--image", "frame.png", "--video", "wide.mp4"], ["4098", "2048"]),
    ("happyhorse-1.1-i2v", ["--image", "small.png"], ["300"]), ("happyhorse-1.1-i2v", ["--image", "picture.bmp"], ["image/bmp", "JPEG, PNG, WEBP"]),
    ("happyhorse-1.1-r2v", ["P", "--reference", "small.png"], ["--reference small.png", "400"]),
    ("happyhorse-1.0-video-edit", ["P", "--video", "short.mp4"], ["1.5 seconds", "3 to 60"]),
    ("happyhorse-1.0-video-edit", ["P", "--video", "tiny.mp4"], ["200 x 200", "360"]),
    ("wan2.7-i2v", ["--image", "clip.mp4"], ["--image clip.mp4", "video/mp4"]), ("wan2.7-videoedit", ["--video", "frame.png"],
    ["image/png", "a video"]),
    ("wan2.7-t2v", ["P", "--audio", "frame.png"], ["--audio frame.png", "image/png"]), ("wan2.7-i2v", ["--image", "none.png"], ["does not exist"]),
]


@pytest.mark.parametrize("model, arguments, named", MISFITS, ids=[f"{one[0]}-{one[1][-1]}" for one in MISFITS])
def test_file_that_does_not_fit_is_refused(files, model, arguments, named):
    with pytest.raises(Failure) as caught:
        read("--model", model, *arguments)
    said = f"{caught.value.message} | {caught.value.fix}"
    assert caught.value.exit_code == Exit.USAGE and missing(named, said) == [], said


@pytest.mark.parametrize("content", ["[]", "5", "null", "\"x\"", "{"])
def test_request_file_that_is_no_object_is_refused(files, content):
    (files / "body.json").write_text(content)
    with pytest.raises(Failure) as caught:
        read("--request", "body.json")
    assert caught.value.exit_code == Exit.USAGE and "body.json" in caught.value.message


def test_request_file_is_read(files):
    (files / "body.json").write_text(json.dumps(BODY))
    ask, model, _ = read("--request", "body.json")
    assert model.id == "wan2.7-i2v" and build_request(ask, model)[0].body == BODY
