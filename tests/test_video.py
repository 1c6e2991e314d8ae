"""video.py as people and agents run it, against the emulator, and every way in which it may end.

What pictures and videos have in common is tested with pictures (test_image.py, test_image_faults.py); here is what is
different: inputs that are uploaded, answers of three shapes, long waits, large files, seconds that cost.
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import namedtuple

import pytest

from shared.tasks.service import Tasks
from shared.transport.client import Client
from tests import media_samples as samples
from tests.conftest import BYTECODE, PLAN_KEY, ROOT, SCRIPTS, STANDARD_KEY
from tests.emulator import filming
from tests.test_image import age, journal, sent
from tests.test_image_faults import POSIX, assert_words, ended, until
from video_models import TABLE
from video_prices import charged

SKILL = "qianwen-video-generation"
SCRIPT = SCRIPTS[SKILL]
SOON = ("--poll", 0.05)
PNG = samples.png(640, 600, [(200, 50, 50)] * 320 + [(50, 50, 200)] * 320)
OTHER = samples.png(512, 640, (40, 170, 70))
BIG = 7_000_001
NEEDS_FFMPEG = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")


@pytest.fixture
def film(run):
    """Run video.py."""
    return lambda *arguments, **more: run(*arguments, skill=SKILL, **more)


@pytest.fixture
def media(work):
    """Pictures, videos and sounds in the folder `in`."""
    folder = work / "in"
    folder.mkdir()
    for name, content in (("photo.png", PNG), ("other.png", OTHER), ("clip.mp4", samples.mp4(4, 640, 480)),
                          ("dance.mp4", samples.mp4(3, 480, 640)), ("voice.wav", samples.wav(3)), ("hum.mp3", samples.mp3(3))):
        (folder / name).write_bytes(content)
    return folder


# ---- helpers ---------------------------------------------------------------------------------------------------------

def left_in(folder) -> list:
    """Names of all files below a folder, but for what was put in."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if path.is_file() and ".git" not in path.parts and path.relative_to(folder).parts[0] != "in")


def videos_in(folder) -> dict:
    return {name: (folder / name).read_bytes() for name in left_in(folder) if name.endswith((".mp4", ".mov"))}


def filmed(emulator, index: int = 0) -> dict:
    """Task id -> the video that the emulator made for it."""
    return {result.owner: result.content() for result in emulator.results.values() if result.index == index}


def assert_right(emulator, folder, prompt: str) -> str:
    """The folder holds the video of the one create, whole, once, with nothing else of a video's name; return its name."""
    create, = emulator.creates
    (name, data), = videos_in(folder).items()
    assert data == filmed(emulator)[create.task_id], name
    notes = filming.notes_of(data)
    assert (notes["prompt"], notes["owner"], notes["watermark"]) == (prompt, create.task_id, "no")
    assert [other for other in left_in(folder) if ".tmp" in other] == []
    assert not any(download.authorized for download in emulator.downloads)
    return name


def assert_refused(result, emulator, *words, code=2) -> None:
    """The run ended before anything was sent, and said why in a way that has these words."""
    assert (result.code, result.out, emulator.requests) == (code, "", []), result
    assert result.err.count(f"{SKILL}: error: ") == 1 and [word for word in words if word not in result.err] == [], result


def command_in(text: str) -> list:
    """The arguments of the command that a message tells to run; it must be one for this script."""
    match = re.search(r"(\S*python\S* \S*video\.py --resume [\w.-]+)", text)
    assert match, f"no command to run is named in: {text}"
    parts = shlex.split(match.group(1))
    assert os.path.samefile(shutil.which(parts[0]), sys.executable) and parts[1] == str(SCRIPT)
    return parts[2:]


def fetch(film, emulator, result) -> None:
    """Run the command that the message names, without the trouble of before."""
    emulator.faults.clear()
    fetched = film(*command_in(result.err), *SOON)
    assert fetched.code == 0, (result, fetched)


def process_of(emulator, home, work, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)], cwd=str(work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY,
                                     "QWEN_BASE_URL": emulator.url, **BYTECODE, **environment},
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) if os.name != "nt" else None)


# ---- every way to make a video ---------------------------------------------------------------------------------------

# Arguments -> model, roles as the service sees them, files that are uploaded, seconds that are billed, endpoint.
Kind = namedtuple("Kind", "arguments model roles uploads seconds path", defaults=("video-generation",))
KINDS = {
    "text": Kind(("--resolution", "720P", "--ratio", "9:16"), "wan2.7-t2v", [], [], 5),
    "text, to a sound": Kind(("--audio", "in/voice.wav"), "wan2.7-t2v", ["audio_url"], ["voice.wav"], 5),
    "picture": Kind(("--image", "in/photo.png", "--duration", 3), "wan2.7-i2v", ["first_frame"], [], 3),
    "picture and sound": Kind(("--image", "in/photo.png", "--audio", "in/hum.mp3"), "wan2.7-i2v", ["first_frame", "driving_audio"],
                              ["hum.mp3"], 5),
    "picture, older": Kind(("--image", "in/photo.png", "--model", "wan2.6-i2v-flash", "--no-sound"), "wan2.6-i2v-flash", ["img_url"], [], 5),
    "first and last frame": Kind(("--image", "in/photo.png", "--last-frame", "in/other.png"), "wan2.7-i2v", ["first_frame", "last_frame"],
                                 [], 5),
    "frames, older": Kind(("--image", "in/photo.png", "--last-frame", "in/other.png", "--model", "wan2.2-kf2v-flash"),
                          "wan2.2-kf2v-flash", ["first_frame_url", "last_frame_url"], [], 5, "image2video"),
    "references": Kind(("--reference", "in/photo.png", "in/other.png"), "wan2.7-r2v", ["reference_image", "reference_image"], [], 5),
    "references with videos and voices": Kind(
        ("--reference", "in/photo.png", "in/clip.mp4", "--voice", "in/voice.wav", "in/hum.mp3"), "wan2.7-r2v",
        ["reference_image", "reference_voice", "reference_video", "reference_voice"], ["clip.mp4", "voice.wav", "hum.mp3"], 9),
    "references, older": Kind(("--reference", "in/photo.png", "in/clip.mp4", "--model", "wan2.6-r2v"), "wan2.6-r2v",
                              ["reference_urls", "reference_urls"], ["photo.png", "clip.mp4"], 9),
    "edit": Kind(("--video", "in/clip.mp4", "--resolution", "720P"), "wan2.7-videoedit", ["video"], ["clip.mp4"], 8),
    "edit with pictures": Kind(("--video", "in/clip.mp4", "--reference", "in/photo.png", "--keep-sound"), "wan2.7-videoedit",
                               ["video", "reference_image"], ["clip.mp4"], 8),
    "go on": Kind(("--video", "in/clip.mp4", "--mode", "i2v", "--duration", 9), "wan2.7-i2v", ["first_clip"], ["clip.mp4"], 9),
    "go on to a frame": Kind(("--video", "in/clip.mp4", "--last-frame", "in/photo.png", "--model", "wan2.7-i2v"), "wan2.7-i2v",
                             ["first_clip", "last_frame"], ["clip.mp4"], 5),
    "function": Kind(("--function", "video_repainting", "--video", "in/clip.mp4", "--control", "depth"), "wanx2.1-vace-plus", ["video_url"],
                     ["clip.mp4"], 5),
    "happyhorse": Kind(("--model", "happyhorse-1.1-t2v"), "happyhorse-1.1-t2v", [], [], 5),
    "happyhorse with references": Kind(("--model", "happyhorse-1.1-r2v", "--reference", "in/photo.png", "in/other.png"), "happyhorse-1.1-r2v",
                                       ["reference_image", "reference_image"], [], 5),
    "happyhorse edits": Kind(("--model", "happyhorse-1.0-video-edit", "--video", "in/clip.mp4"), "happyhorse-1.0-video-edit",
                             ["video"], ["clip.mp4"], 8),
    "kling": Kind(("--model", "kling/kling-v3-video-generation"), "kling/kling-v3-video-generation", [], [], 5),
}
SILENT = {  # models that take no prompt
    "animate": Kind(("--model", "wan2.2-animate-move", "--image", "in/photo.png", "--video", "in/clip.mp4"), "wan2.2-animate-move",
                    ["image_url", "video_url"], ["photo.png", "clip.mp4"], 4, "image2video"),
    "replace": Kind(("--model", "wan2.2-animate-mix", "--image", "in/photo.png", "--video", "in/clip.mp4", "--quality", "wan-pro"),
                    "wan2.2-animate-mix", ["image_url", "video_url"], ["photo.png", "clip.mp4"], 4, "image2video"),
    "talk": Kind(("--model", "wan2.2-s2v", "--image", "in/photo.png", "--audio", "in/voice.wav"), "wan2.2-s2v",
                 ["image_url", "audio_url"], ["photo.png", "voice.wav"], 3, "image2video"),
    "style": Kind(("--model", "video-style-transform", "--video", "in/dance.mp4", "--style", 3), "video-style-transform", ["video_url"],
                  ["dance.mp4"], 3),
}


def test_an_address_that_the_service_cannot_open_is_warned_of(film):
    result = film("She waves", "--image", "http://10.0.0.1/a.png", "--dry-run", key=None)
    assert result.code == 0 and "the service opens http://10.0.0.1/a.png itself, but only this machine" in result.err, result


@pytest.mark.parametrize("name", [*KINDS, *SILENT])
def test_every_way(film, emulator, media, work, home, name):
    """Dry without a key and then for real: the same request; the right bytes, and all of it told."""
    kind = KINDS.get(name) or SILENT[name]
    prompt = "纸船 in the rain" if name in KINDS else ""
    arguments = (*([prompt] if prompt else []), *kind.arguments, *SOON)
    preview = film(*arguments, "--dry-run", key=None).document
    assert emulator.requests == [] and left_in(work) == [] and journal(home) == []
    result = film(*arguments, "--seed", 7) if "seed" in str(preview) else film(*arguments)
    assert result.code == 0, result
    create, = emulator.creates
    made = assert_right(emulator, work, prompt)
    assert (create.model, create.details["media"], create.seconds) == (kind.model, kind.roles, kind.seconds)
    assert made.startswith("纸船-in-the-rain-" if prompt else {"talk": "s2v"}.get(name, name))
    uploaded = sorted(hashlib.sha256((media / file).read_bytes()).hexdigest() for file in kind.uploads)
    assert sorted(upload.sha256 for upload in emulator.uploads) == uploaded
    body, = sent(emulator)
    call, = [request for request in emulator.requests if "/services/aigc/" in request.path]
    assert ("oss://" in json.dumps(body), call.headers.get("x-dashscope-ossresourceresolve")) == ((True, "enable") if kind.uploads else (False, None))
    assert f"/{kind.path}/video-synthesis" in call.path and preview["url"] == emulator.url + call.path
    assert preview["headers"]["X-DashScope-Async"] == call.headers["x-dashscope-async"] == "enable" and preview["poll"]["method"] == "GET"
    assert [name for name in preview["body"]["parameters"]] == [name for name in body["parameters"]]
    assert set(preview["body"]["input"]) == set(body["input"]) and len(preview.get("before", [])) == len(kind.uploads)
    assert result.out == made + "\n" and f"1 video of {kind.model}" in result.err and f"{kind.seconds} seconds" in result.err
    assert "pay-as-you-go" in result.err and journal(home) == [] and left_in(work) == [made[:-3] + "json", made]


@pytest.mark.parametrize("model", ["happyhorse-1.1-t2v", "happyhorse-1.1-i2v"])
def test_horse_gets_no_mark_unless_asked(film, emulator, media, model):
    picture = ("--image", "in/photo.png") if "i2v" in model else ()
    assert film("a horse", "--model", model, *picture, *SOON, "--watermark").code == 0
    assert film("a horse", "--model", model, *picture, *SOON).code == 0
    assert [body["parameters"]["watermark"] for body in sent(emulator)] == [True, False]
    assert [create.details["watermark"] for create in emulator.creates] == [True, False]


def test_sidecar(film, emulator, media, work):
    result = film("一只纸船", "--image", "in/photo.png", "--last-frame", "in/other.png", "--resolution", "720P", "--duration", 4, "--seed", 7,
                  "--negative", "people", "-o", "boat.mp4", *SOON, "--json")
    told, create = json.loads((work / "boat.json").read_text("utf-8")), emulator.creates[0]
    width, height = map(int, create.details["size"].split("*"))
    expected = {"file": "boat.mp4", "skill": SKILL, "media_type": "video/mp4", "width": width, "height": height, "seconds": 4.0,
                "bytes": os.path.getsize(work / "boat.mp4"), "prompt": "一只纸船", "negative": "people", "model": "wan2.7-i2v",
                "mode": "kf2v", "seed": 7, "size": "720P", "inputs": ["in/photo.png", "in/other.png"], "task_id": create.task_id}
    assert {name: told.get(name) for name in expected} == expected
    assert (told["usage"]["duration"], told["usage"]["SR"], told["parameters"]["duration"]) == (4, 720, 4) and told["created"].endswith("+00:00")
    document, entry = result.document, result.document["files"][0]
    assert (document["task_id"], document["usage"], document["billing"]["units"]) == (create.task_id, told["usage"], {"seconds": 4})
    assert (entry["path"], entry["sidecar"], entry["seconds"], entry["width"]) == ("boat.mp4", "boat.json", 4.0, width)
    assert "Signature=" in entry["url"]


def test_prompt_as_filmed(film, work):
    assert film("a fox", "--model", "wan2.5-t2v-preview", "-o", "fox.mp4", *SOON).code == 0
    assert json.loads((work / "fox.json").read_text("utf-8"))["actual_prompt"].startswith("a fox, in soft light")


def test_large_picture_is_uploaded(film, emulator, media, work):
    with open(media / "big.png", "wb") as file:
        file.write(PNG)
        file.truncate(BIG)
    assert film("a storm", "--image", "in/big.png", "--last-frame", "in/other.png", *SOON).code == 0
    upload, = emulator.uploads
    assert upload.size == BIG and [item["url"][:10] for item in sent(emulator)[0]["input"]["media"]] == ["oss://" + upload.key[:4], "data:image"]
    assert_right(emulator, work, "a storm")


def test_voices_go_with_their_references(film, emulator, media):
    assert film("Image 1 and Video 1 sing", "--reference", "in/photo.png", "in/clip.mp4", "https://h/b.mov", "--voice", "https://h/1.mp3",
                "in/hum.mp3", *SOON).code == 0
    first, second, third = sent(emulator)[0]["input"]["media"]
    assert (first["type"], first["reference_voice"], first["url"][:5]) == ("reference_image", "https://h/1.mp3", "data:")
    assert second["type"] == "reference_video" and second["url"].endswith(".mp4") and second["reference_voice"].endswith(".mp3")
    assert third == {"type": "reference_video", "url": "https://h/b.mov"}


def test_same_video_twice_is_uploaded_once(film, emulator, media):
    assert film("both dance", "--reference", "in/clip.mp4", "in/photo.png", "in/clip.mp4", *SOON).code == 0
    first, _, last = sent(emulator)[0]["input"]["media"]
    assert len(emulator.uploads) == 1 and first["url"] == last["url"]


@pytest.mark.parametrize("arguments, warned", [
    (("--image", "in/photo.png", "--duration", 2), "lasts 3.0 seconds, but the video 2: the service cuts the rest of the sound. --duration 3 makes"),
    (("--duration", 2), "--duration 3"), (("--duration", 3), ""), ((), ""), (("--reference", "in/photo.png", "--duration", 2), "")])
def test_a_sound_that_is_longer_than_the_video_is_warned_of(film, media, arguments, warned):
    model = ("--model", "wan3.0-video") if "--reference" in arguments else ()
    document = film("she sings", *arguments, *model, "--audio", "in/voice.wav", "--no-wait", "--json").document
    assert len(document["warnings"]) == bool(warned) and warned in "".join(document["warnings"]), document


@pytest.mark.parametrize("arguments", [("--video", "in/clip.mp4"), ("--image", "in/photo.png", "--audio", "in/voice.wav")])
def test_failed_upload_pays_nothing(film, emulator, media, work, home, arguments):
    emulator.inject("oss-403", times=None)
    result = film("a storm", *arguments, "-o", "new/x.mp4")
    assert result.code == 8 and emulator.creates == [] and journal(home) == [] and not (work / "new").exists(), result
    assert_words(result)


WRONG = [
    ((), "no prompt"), (("a", "--video", "in/none.mp4"), "in/none.mp4 does not exist"), (("a", "--duration", 99), "--duration"),
    (("a", "--video", "in/photo.png"), "--video in/photo.png is image/png"), (("a", "--image", "in/clip.mp4"), "in/clip.mp4 is video/mp4"),
    (("a", "--audio", "in/clip.mp4"), "--audio in/clip.mp4 is video/mp4"), (("a", "--video", "in/long.mp4"), "2 to 10 seconds"),
    (("a", "--image", "in/photo.png", "--video", "in/clip.mp4"), "--image with --video"), (("a", "--mode", "i2v"), "add --image"),
    (("a", "--voice", "in/voice.wav"), "--voice"), (("--model", "wan2.2-s2v", "--image", "in/photo.png"), "--audio"),
    (("a", "--model", "wan2.2-s2v", "--image", "in/photo.png", "--audio", "in/voice.wav"), "no prompt"),
    (("a", "--from-clip", "in/none.mp4"), "does not exist"), (("a", "--status", "x"), "--status does not go with the prompt"),
    (("a", "--from-clip", "in/clip.mp4", "--image", "in/photo.png"), "do not go together"), (("x" * 5001,), "5000"),
    (("马" * 2501, "--model", "happyhorse-1.1-t2v"), "2500"), (("a", "--reference", *["in/photo.png"] * 6), "at most 5")]


@pytest.mark.parametrize("arguments, words", WRONG, ids=[" ".join(map(str, row[0]))[:40] or "nothing" for row in WRONG])
def test_usage_error(film, emulator, media, home, work, arguments, words):
    (media / "long.mp4").write_bytes(samples.mp4(12, 640, 480))
    assert_refused(film(*arguments, "-o", "new/x.mp4"), emulator, words)
    assert journal(home) == [] and not (work / "new").exists()


# ---- files -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("output, made", [("boat.mp4", "boat.mp4"), ("boat", "boat.mp4"), ("new/deep/船.mp4", "new/deep/船.mp4"),
                                          ("boat.mov", "boat.mp4"), ("v1.5", "v1.5.mp4")])
def test_output_names_the_file(film, emulator, work, output, made):
    result = film("a boat", "-o", output, *SOON)
    assert result.code == 0 and assert_right(emulator, work, "a boat") == made and result.out == made + "\n", result
    assert ("MP4, not MOV" in result.err) is output.endswith(".mov")


@pytest.mark.parametrize("existing", ["boat.mp4", "boat.json"])
def test_existing_file_is_refused_before_anything_is_sent(film, emulator, media, work, existing):
    (work / existing).write_text("mine")
    assert_refused(film("a boat", "--video", "in/clip.mp4", "-o", "boat.mp4"), emulator, "exists already", "nothing was sent", code=7)
    assert left_in(work) == [existing] and (work / existing).read_text() == "mine"


def test_overwrite(film, emulator, work):
    assert film("a red boat", "-o", "boat.mp4", *SOON).code == 0
    emulator.reset()
    assert film("a blue boat", "-o", "boat.mp4", "--overwrite", *SOON).code == 0
    assert assert_right(emulator, work, "a blue boat") == "boat.mp4" and left_in(work) == ["boat.json", "boat.mp4"]
    assert json.loads((work / "boat.json").read_text("utf-8"))["prompt"] == "a blue boat"


def test_old_video_survives_a_failed_download(film, emulator, work):
    (work / "boat.mp4").write_bytes(b"mine")
    emulator.inject("download-html", times=None)
    result = film("a boat", "-o", "boat.mp4", "--overwrite", "--no-sidecar", *SOON)
    assert result.code == 9 and left_in(work) == ["boat.mp4", "boat.mp4.partial"], result
    assert (work / "boat.mp4").read_bytes() == b"mine"
    fetch(film, emulator, result)
    assert_right(emulator, work, "a boat")


def test_gallery(film, emulator, work):
    result = film("a boat at <night>", "-o", "out/", "--gallery", *SOON)
    page, name = (work / "out" / "index.html").read_text("utf-8"), os.path.basename(result.out.strip())
    assert result.code == 0 and re.search(rf"<video[^>]*{re.escape(name)}", page) and "<night>" not in page, result
    assert film("二号", "-o", "out/", *SOON).code == 0
    renewed = film("--gallery", "-o", "out", key=None)
    page = (work / "out" / "index.html").read_text("utf-8")
    assert (renewed.code, renewed.out, len(emulator.creates)) == (0, "out/index.html\n", 2) and "二号" in page and page.count("<video") == 2


def test_folder_copied_alone(run, emulator, work, tmp_path):
    target = tmp_path / "alone" / SKILL
    shutil.copytree(ROOT / "skills" / SKILL, target, ignore=shutil.ignore_patterns("__pycache__"))
    result = run("a boat", *SOON, "--gallery", "-o", "out/", script=target / "scripts" / "video.py")
    assert result.code == 0 and assert_right(emulator, work, "a boat"), result


# ---- the cost --------------------------------------------------------------------------------------------------------

COSTS = [  # arguments -> seconds that are billed, yuan; the same call made is billed as many
    (("--resolution", "720P", "--duration", 10), 10, 6.0), ((), 5, 5.0), (("--video", "in/clip.mp4"), 8, 8.0),
    (("--video", "in/clip.mp4", "--duration", 2), 4, 4.0), (("--video", "in/clip.mp4", "--mode", "i2v", "--duration", 9), 9, 9.0),
    (("--reference", "in/clip.mp4", "in/dance.mp4", "--resolution", "720P"), 10, 6.0),
    (("--model", "happyhorse-1.0-video-edit", "--video", "in/walk.mp4", "--resolution", "720P"), 30, 27.0),
    (("--image", "in/photo.png", "--model", "wan2.6-i2v-flash", "--no-sound"), 5, 1.25)]


@pytest.mark.parametrize("arguments, seconds, yuan", COSTS, ids=[" ".join(map(str, row[0])) or "text" for row in COSTS])
def test_estimate(film, emulator, media, arguments, seconds, yuan):
    (media / "walk.mp4").write_bytes(samples.mp4(20, 640, 480))
    document = film("a boat", *arguments, "--estimate", "--json", key=None).document
    assert emulator.requests == [] and document["ok"] is True
    found = document["estimate"]
    assert (found["known"], found["units"], found["low"], found["high"]) == (True, {"seconds": seconds}, pytest.approx(yuan), pytest.approx(yuan))
    made = film("a boat", *arguments, *SOON, "--json")
    assert made.code == 0 and emulator.creates[0].seconds == seconds
    parameters = json.loads((media.parent / made.document["files"][0]["path"]).with_suffix(".json").read_text()).get("parameters", {})
    row = TABLE.find(document["model"])[0]
    assert charged(row, parameters, made.document["usage"]).high == pytest.approx(yuan)


@pytest.mark.parametrize("arguments, each", [
    (("--model", "wan2.2-animate-move", "--image", "in/photo.png", "--video", "in/clip.mp4", "--quality", "wan-pro"), 0.6),
    (("--model", "wan2.2-s2v", "--image", "in/photo.png", "--audio", "in/voice.wav"), 0.5),
    (("--model", "video-style-transform", "--video", "in/dance.mp4", "--set", "min_len=540"), 0.2)])
def test_estimate_where_the_input_is_the_length(film, emulator, media, arguments, each):
    found = film(*arguments, "--estimate", "--json", key=None).document["estimate"]
    assert emulator.requests == [] and film(*arguments, *SOON).code == 0
    seconds = emulator.creates[0].seconds
    assert (found["units"], found["high"]) == ({"seconds": seconds}, pytest.approx(each * seconds))


@pytest.mark.parametrize("arguments", [
    ("--reference", "https://h/x.mp4"), ("--video", "https://h/x.mp4"), ("--video", "https://h/x.mp4", "--duration", 4), ("--request", "body.json")])
def test_estimate_of_videos_that_lie_elsewhere(film, emulator, work, arguments):
    """How long they are is not known, and they are billed: the sum lies between what the model's limits make of it."""
    (work / "body.json").write_text(json.dumps({"model": "wan2.7-videoedit", "input": {"media": [{"type": "video", "url": "https://h/x.mp4"}]}}))
    document = film("a boat", *arguments, "--estimate", "--json", key=None).document
    assert document["estimate"]["low"] < document["estimate"]["high"] and emulator.requests == [], document


def test_video_of_a_whole_request_is_named_after_its_prompt(film, work):
    (work / "body.json").write_text(json.dumps({"model": "wan2.7-t2v", "input": {"prompt": "a green boat"}, "parameters": {}}))
    assert film("--request", "body.json", *SOON).out.startswith("a-green-boat-")


# ---- a clip that goes on ---------------------------------------------------------------------------------------------

def frame_colour(data: bytes) -> tuple:
    """The colour in the middle of a PNG, as ffmpeg reads it."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], input=data,
                          capture_output=True, check=True)
    return tuple(done.stdout[:3])


@NEEDS_FFMPEG
@pytest.mark.parametrize("seconds", [0.2, 3], ids=["very short", "ordinary"])
def test_from_clip(film, emulator, media, work, tmp_path, seconds):
    (media / "red.mp4").write_bytes(filming.mp4(640, 480, seconds, 10, (200, 30, 30), {}))
    result = film("it sails on", "--from-clip", "in/red.mp4", "-o", "on.mp4", *SOON)
    assert result.code == 0 and assert_right(emulator, work, "it sails on") == "on.mp4", result
    item, = sent(emulator)[0]["input"]["media"]
    picture = base64.b64decode(item["url"].partition(",")[2])
    assert (item["type"], sent(emulator)[0]["model"]) == ("first_frame", "wan2.7-i2v") and struct.unpack(">II", picture[16:24]) == (640, 480)
    assert max(abs(one - other) for one, other in zip(frame_colour(picture), (200, 30, 30))) < 12
    assert json.loads((work / "on.json").read_text("utf-8"))["inputs"] == ["in/red.mp4"]


@NEEDS_FFMPEG
def test_clip_that_cannot_be_read(film, emulator, media):
    (media / "text.mp4").write_text("no video\n" * 99)
    assert_refused(film("on", "--from-clip", "in/text.mp4"), emulator, "in/text.mp4", "ffmpeg could not read")


def test_from_clip_without_ffmpeg(film, emulator, media, tmp_path):
    (tmp_path / "empty").mkdir()
    assert_refused(film("on", "--from-clip", "in/clip.mp4", env={"PATH": str(tmp_path / "empty")}), emulator, "needs ffmpeg", "--image")


@pytest.mark.skipif(os.name == "nt", reason="a program of POSIX")
@pytest.mark.parametrize("path", ["", ".", "{work}", "in/..:{work}/in/.."])
def test_ffmpeg_of_the_working_directory_is_not_run(film, emulator, media, work, path):
    (work / "ffmpeg").write_text("#!/bin/sh\ntouch PWNED\n")
    (work / "ffmpeg").chmod(0o755)
    assert_refused(film("on", "--from-clip", "in/clip.mp4", env={"PATH": path.format(work=work)}), emulator, "needs ffmpeg", "--image")
    assert not (work / "PWNED").exists()


# ---- tasks -----------------------------------------------------------------------------------------------------------

def submit(film, emulator, *arguments) -> str:
    result = film("a boat", "--no-wait", *arguments)
    task_id = list(emulator.tasks)[-1]
    assert (result.code, result.out) == (0, task_id + "\n") and command_in(result.err) == ["--resume", task_id], result
    return task_id


@pytest.mark.parametrize("arguments", [(), ("--video", "in/clip.mp4")], ids=["text", "edit"])
def test_task_left_and_fetched(film, emulator, media, work, home, arguments):
    task_id = submit(film, emulator, *arguments, "-o", "new/boat.mp4")
    assert left_in(work) == [] and emulator.downloads == [] and [record["task_id"] for record in journal(home)] == [task_id]
    listed = film("--tasks", key=None)
    assert "a boat" in listed.out and command_in(listed.out) == ["--resume", task_id] and emulator.creates[0].model in listed.out
    assert film("--status", task_id).out == "PENDING\n" and film("--status", task_id).out == "RUNNING\n"
    shutil.rmtree(work / "in")  # the task has what it needs
    assert film(*command_in(listed.out), *SOON, cwd=home).code == 0
    assert assert_right(emulator, work, "a boat") == "new/boat.mp4" and len(emulator.uploads) == (arguments[:1] == ("--video",))
    assert journal(home) == [] and film("--tasks").out == "" and film("--status", task_id).out == "SUCCEEDED\n"


def altered(monkeypatch, change) -> None:
    """Whole answers go through `change(request, body)`, which returns the body."""
    real = Client._json_once

    def read(client, request, errors_pass):
        reply = real(client, request, errors_pass)
        return reply._replace(body=change(request, reply.body))
    monkeypatch.setattr(Client, "_json_once", read)


def test_cost_that_the_service_does_not_tell_stays_the_estimate(film, work, monkeypatch, home):
    altered(monkeypatch, lambda request, body: {**body, "usage": None})
    result = film("a boat", "--resolution", "720P", "-o", "boat.mp4", *SOON, "--json")
    cost = result.document["billing"]["cost"]
    assert result.code == 0 and cost["amount"] == 3.0 and "so this is the estimate" in cost["why"], result
    (line,) = (home / ".local/state/qianwen/spending.jsonl").read_text().splitlines()
    assert json.loads(line)["amount"] == 3.0 and "about 3.00 CNY" in result.err
    assert json.loads((work / "boat.json").read_text("utf-8"))["billing"]["cost"] == cost


@pytest.mark.parametrize("second", [True, False])
def test_two_results_of_one_task(film, work, monkeypatch, home, second):
    """Both are fetched; one that has no link is told, and the answer kept."""
    def change(request, body):
        output = body["output"]
        if output["task_status"] == "SUCCEEDED":
            output["results"] = [{"video_url": output.pop("video_url")}, {"video_url": "x"}]
            link = output["results"][0]["video_url"]
            output["results"][1] = {"video_url": f"{link}#2"} if second else {"key": "there.mp4"}
            body["usage"]["video_count"] = 2
        return body
    altered(monkeypatch, change)
    result = film("a boat", "-o", "boat.mp4", *SOON)
    assert result.code == (0 if second else 11) and list(videos_in(work)) == ["boat-2.mp4", "boat.mp4"][not second:], result
    kept = [path.read_text("utf-8") for path in work.glob("*.partial.json")]
    assert journal(home) == [] and (kept == [] if second else "there.mp4" in kept[0] and "may be billed" in result.err)


@POSIX
def test_commands_that_fetch_the_same_task_save_it_once(film, emulator, home, work):
    task_id = submit(film, emulator, "-o", "boat.mp4")
    emulator.latency = 0.2
    ends = [ended(process) for process in [process_of(emulator, home, work, "--resume", task_id, *SOON) for _ in range(3)]]
    assert [code for code, _, _ in ends] == [0, 0, 0] and all("boat.mp4" in out for _, out, _ in ends), ends
    assert assert_right(emulator, work, "a boat") == "boat.mp4" and journal(home) == []
    assert len((home / ".local/state/qianwen/spending.jsonl").read_text().splitlines()) == 1


def test_cancel(film, emulator, home, work):
    task_id = submit(film, emulator)
    assert film("--cancel", task_id).code == 0 and emulator.tasks[task_id].canceled and journal(home) == []
    assert emulator.creates[0].seconds == 0 and film("a boat", *SOON).code == 0, "no twin any more"
    late = submit(film, emulator, "-o", "late.mp4")
    emulator.task_polls = (0, 1)
    assert film("--status", late).out == "RUNNING\n"
    result = film("--cancel", late)
    assert result.code == 8 and "begun" in result.err, result
    fetch(film, emulator, result)
    assert (work / "late.mp4").read_bytes() == filmed(emulator)[late]


@pytest.mark.parametrize("shape", ["wan2.2-s2v", "video-style-transform"])
def test_resume_knows_the_other_shapes(film, emulator, media, work, home, shape):
    kind = next(kind for kind in SILENT.values() if kind.model == shape)
    assert film(*kind.arguments, "--no-wait").code == 0
    shutil.rmtree(home / ".local")
    emulator.running_status = "SUSPENDED"
    assert film("--resume", emulator.creates[0].task_id, *SOON).code == 0
    assert_right(emulator, work, "")


@pytest.mark.parametrize("status", ["SUSPENDED", "PRE-PROCESSING", "POST-PROCESSING"])
def test_states_that_are_no_end(film, emulator, media, work, status):
    emulator.running_status, emulator.task_polls = status, (0, 3)
    result = film("a boat", *SOON)
    assert result.code == 0 and status.lower() in result.err and assert_right(emulator, work, "a boat"), result


def test_waiting_ends_before_the_task(film, emulator, work, home, short_waits):
    emulator.task_polls = (10**6, 0)
    result = film("a boat", "-o", "new/boat.mp4", *SOON)
    assert_words(result)
    assert result.code == 5 and emulator.creates[0].task_id in result.err and len(journal(home)) == 1 and not (work / "new").exists()
    again = film(*command_in(result.err), "--json", *SOON)
    assert again.code == 5 and command_in(again.document["resume"]) == command_in(result.err), again
    emulator.task_polls = (0, 0)
    fetch(film, emulator, result)
    assert assert_right(emulator, work, "a boat") == "new/boat.mp4" and journal(home) == []


def test_twin_is_refused_and_allowed(film, emulator, media, work):
    """Uploaded files are told apart by their bytes, not by their addresses or names."""
    arguments = ("rain", "--video", "in/clip.mp4", *SOON)
    assert film(*arguments, "--no-wait").code == 0
    uploads = len(emulator.uploads)
    (media / "copy.mp4").write_bytes((media / "clip.mp4").read_bytes())
    for name in ("in/clip.mp4", "./in/clip.mp4", "in/copy.mp4"):
        result = film("rain", "--video", name, *SOON)
        assert result.code == 5 and emulator.creates[0].task_id in result.err and "--again" in result.err and len(emulator.uploads) == uploads
    assert command_in(result.err) == ["--resume", emulator.creates[0].task_id] and left_in(work) == []
    (media / "clip.mp4").write_bytes(samples.mp4(5, 640, 480))
    assert film(*arguments).code == 0 and len(emulator.creates) == 2, "another clip is another request"
    assert film(*arguments, "--duration", 3).code == 0 and len(emulator.creates) == 3
    (media / "clip.mp4").write_bytes(samples.mp4(4, 640, 480))
    assert film(*arguments, "--again").code == 0 and len(emulator.creates) == 4
    fetch(film, emulator, result)
    assert sorted(videos_in(work).values()) == sorted(filmed(emulator).values()) and len(videos_in(work)) == 4


INSPECTED = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
FATES = {
    "failed": ("task-failed", {}, 8, "not billed"), "inspected": ("task-failed", INSPECTED, 10, "inappropriate"),
    "infringes": ("task-failed", {"code": "IPInfringementSuspect", "message": "suspected of IP infringement"}, 10, "not billed"),
    "not fetched": ("task-failed", {"code": "InvalidParameter.DataInspection", "message": "Unable to download the media resource"}, 8, "download"),
    "cancelled": ("task-canceled", {}, 8, "cancelled"), "empty": ("task-empty", {}, 8, "without a video"),
}


@pytest.mark.parametrize("fate", FATES.values(), ids=FATES)
def test_fate_of_a_task(film, emulator, work, home, fate):
    name, parameters, code, words = fate
    emulator.inject(name, **parameters)
    result = film("a boat", "-o", "new/boat.mp4", *SOON)
    assert result.code == code and words in result.err and emulator.creates[0].task_id in film("--status", emulator.creates[0].task_id, "--json").out
    assert journal(home) == [] and not (work / "new").exists() and "--resume" not in result.err and result.out == "", result
    assert film("a boat", "-o", "new/boat.mp4", *SOON).code == 0, "it may be made again at once"


def test_task_whose_link_cannot_be_read_is_fetched_later(film, emulator, work, home, monkeypatch):
    """Asked a few times, then left to --resume: it has succeeded, so it is billed."""
    looks = []

    def unreadable(self, task_id):
        looks.append(task_id)
        return "SUCCEEDED", {"output": {"task_id": task_id, "task_status": "SUCCEEDED", "video_url": 5}}
    with monkeypatch.context() as patch:
        patch.setattr("shared.tasks.service.Tasks.look", unreadable)
        result = film("a boat", "-o", "boat.mp4", *SOON, "--json")
    document = result.document
    assert (result.code, document["exit_code"], len(looks), len(journal(home))) == (9, 9, 5, 1), result
    assert "not billed" not in result.err and document["resume"] in document["error"]["fix"]
    assert film("a boat", "-o", "boat.mp4", *SOON).code == 5, "it is not made a second time"
    fetch(film, emulator, result)
    assert list(videos_in(work)) == ["boat.mp4"] and journal(home) == [] and len(emulator.creates) == 1


def test_refused_input_costs_nothing(film, emulator, home):
    emulator.inject("moderation", path="/services/aigc/")
    result = film("a boat", *SOON)
    assert result.code == 10 and emulator.creates == [] and journal(home) == [], result


def test_unknown_task(film, emulator, work, home):
    """A new task may not be known everywhere yet; an old one that is not known is gone."""
    emulator.inject("task-unknown")
    result = film("a boat", "--max-wait", 1, *SOON)
    assert result.code == 5 and len(journal(home)) == 1, result
    age(home, 60)
    result = film(*command_in(result.err), *SOON, "--json")
    assert (result.code, result.document["error"]["code"]) == (8, "UNKNOWN") and "24 hours" in result.err and left_in(work) == [], result


def test_plan_key_is_warned_of_with_the_reason(film, emulator, home, work):
    result = film("a boat", "--json", "-o", "new/", key=PLAN_KEY)
    assert result.code == 3 and result.document["error"]["http_status"] == 401, result
    assert "video" in result.document["warnings"][0] and "DASHSCOPE_API_KEY" in result.document["error"]["fix"]
    assert len(emulator.requests) == 1 and journal(home) == [] and not (work / "new").exists()
    assert_refused_key(film("a boat", key=PLAN_KEY, env={"QIANWEN_KEY_GUARD": "strict"}), emulator, 1)
    assert_refused_key(film("a boat", key=PLAN_KEY, base_url="https://token-plan.cn-beijing.maas.aliyuncs.com"), emulator, 1)


def assert_refused_key(result, emulator, before) -> None:
    assert result.code == 3 and len(emulator.requests) == before and "video" in result.err, result


def test_plan_key_uploads_nothing_in_strict_mode(film, emulator, media):
    assert_refused(film("a boat", "--video", "in/clip.mp4", key=PLAN_KEY, env={"QIANWEN_KEY_GUARD": "strict"}), emulator, "video", code=3)


# ---- the download ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(4))
def test_cut_three_times_at_random_places(film, emulator, work, seed):
    emulator.video_bytes = 2_000_000
    chance = random.Random(seed)
    places = [chance.randrange(1, 600_000) for _ in range(3)]
    for place in places:
        emulator.inject("download-cut", at=place)
    result = film("a boat", "-o", "boat.mp4", *SOON)
    assert result.code == 0 and assert_right(emulator, work, "a boat") == "boat.mp4", result
    assert (work / "boat.mp4").stat().st_size == 2_000_000 and len(emulator.downloads) == 4
    assert [download.range for download in emulator.downloads] == ["", *(f"bytes={sum(places[:count])}-" for count in (1, 2, 3))]


LOADS = {  # fault, how often -> exit code
    "torn once": ("download-short", {"at": 50_000}, 1, 0), "web page once": ("download-html", {}, 1, 0), 
    "changed after a cut": ("download-cut", {"at": 30_000}, 1, 0),
    "torn": ("download-short", {"at": 50_000}, None, 9), "torn in the last box": ("download-short", {"at": 99_999}, None, 9),
    "torn in the index": ("download-short", {"at": 300}, None, 9), "web page": ("download-html", {}, None, 9), "XML": ("download-xml", {}, None, 9),
    "a picture": ("download-jpeg", {}, None, 9), "expired": ("download-expired", {}, None, 9),
}


@pytest.mark.parametrize("name", LOADS)
def test_download(film, emulator, work, home, name):
    fault, parameters, times, code = LOADS[name]
    emulator.inject(fault, times, "/@results/", **parameters)
    if name.startswith("changed"):
        emulator.inject("download-changed")
    result = film("a boat", "-o", "new/boat.mp4", *SOON)
    assert result.code == code and len(emulator.creates) == 1, result
    if code:
        assert_words(result)
        assert result.out == "" and set(left_in(work)) <= {"new/boat.mp4.partial"}, "nothing has the final name"
        assert len(journal(home)) == 1, "nothing is lost"
        assert ("expired" in result.err) is (name == "expired") and "24 hours" in result.err and command_in(result.err)
        emulator.faults.clear()
        assert film(*command_in(result.err), key=None).code == 0, "links need no key"
    assert assert_right(emulator, work, "a boat") == "new/boat.mp4" and journal(home) == []
    assert json.loads((work / "new" / "boat.json").read_text("utf-8"))["seconds"] == 5.0


def test_link_that_is_older_than_a_day(film, emulator, home, work):
    """It is dead, so no command may be named that fetches it again."""
    emulator.inject("download-expired", 2)
    result = film("a boat", "-o", "boat.mp4", *SOON)
    assert result.code == 9
    age(home, 25 * 3600)
    emulator.clock = lambda: time.time() + 25 * 3600
    later = film(*command_in(result.err), *SOON)
    assert later.code in (8, 9) and "24 hours" in later.err and left_in(work) == [], later
    assert "--resume" not in later.err, later


def test_a_task_of_the_other_script_is_left_to_it(film, run, emulator, home, work):
    """One that this machine does not know, pictures or a video: nothing is kept of it, and its own script fetches it."""
    def draw(*arguments):
        return run(*arguments, skill="qianwen-image-generation")
    for make, other, script, name in ((film, draw, "video.py", "a boat"), (draw, film, "image.py", "a fox")):
        model = ("--model", "wan2.2-t2i-flash") if make is draw else ()
        task_id = make(name, *model, "--no-wait").out.strip()
        shutil.rmtree(home / ".local")
        refused = other("--resume", task_id, *SOON)
        assert refused.code == 2 and script in refused.err and left_in(work) == [] and journal(home) == [], refused
        assert make("--resume", task_id, *SOON, "-o", "made/").code == 0 and left_in(work)
        shutil.rmtree(work / "made")


def test_a_task_of_another_machine_keeps_its_links(film, emulator, home, work):
    """What nobody here started is listed until it is fetched, and no script claims it."""
    task_id = film("a boat", "--no-wait").out.strip()
    shutil.rmtree(home / ".local")
    emulator.inject("download-html", None)
    assert film("--resume", task_id, *SOON, "-o", "boat.mp4").code == 9
    assert f"{task_id}  ready" in film("--tasks").out
    emulator.faults.clear()
    (record,) = journal(home)
    place = home / ".local/state/qianwen/tasks" / f"{record['id']}.json"
    place.write_text(json.dumps({**record, "skill": "qianwen-image-generation"}), "utf-8")
    assert film("--resume", task_id, *SOON, "-o", "boat.mp4").code == 0
    assert "boat.mp4" in left_in(work) and journal(home) == []


@pytest.mark.parametrize("hours", [0, 25])
def test_a_dead_link_is_asked_for_anew(film, emulator, home, work, hours):
    """However old it seems: the service alone knows whether there is another one."""
    emulator.inject("download-expired", 2)
    result = film("a boat", "-o", "boat.mp4", *SOON)
    assert result.code == 9 and len(journal(home)) == 1, result
    age(home, hours * 3600)
    asked = film("--status", emulator.creates[0].task_id)
    assert asked.out == "SUCCEEDED\n" and command_in(asked.err) == command_in(result.err), asked
    emulator.inject("download-expired", 1)
    assert film(*command_in(result.err), *SOON).code == 0
    assert assert_right(emulator, work, "a boat") == "boat.mp4" and journal(home) == []


# ---- ends in between -------------------------------------------------------------------------------------------------

@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_while_it_waits(film, emulator, home, work, number):
    emulator.task_polls = (10**6, 0)
    process = process_of(emulator, home, work, "a boat", "-o", "new/boat.mp4", *SOON)
    until(lambda: len(emulator.requests) > 2)
    process.send_signal(number)
    code, out, said = ended(process)
    assert (code, out) == (130, "") and left_in(work) == [] and not (work / "new").exists() and emulator.creates[0].task_id in said, said
    emulator.task_polls = (0, 0)
    assert film(*command_in(said), *SOON).code == 0
    assert assert_right(emulator, work, "a boat") == "new/boat.mp4" and journal(home) == []


@POSIX
def test_interrupted_while_a_file_is_uploaded(film, emulator, media, home, work):
    emulator.inject("slow-first-byte", None, "@oss", seconds=2)
    process = process_of(emulator, home, work, "rain", "--video", "in/clip.mp4", "-o", "new/rain.mp4", *SOON)
    until(lambda: any(request.host == "oss" for request in emulator.requests))
    process.send_signal(signal.SIGINT)
    code, out, said = ended(process)
    assert (code, out) == (130, "") and emulator.creates == [] and journal(home) == [] and not (work / "new").exists(), said
    emulator.faults.clear()
    assert film("rain", "--video", "in/clip.mp4", "-o", "new/rain.mp4", *SOON).code == 0, "nothing is under way"


def end_at(film, emulator, folder, number, delay: float, hang: bool = False) -> str:
    """End a command `delay` seconds after its create was accepted, then do what a message or --tasks says. What went wrong, or ''."""
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    (work / ".git").mkdir(parents=True)
    emulator.reset()
    emulator.video_bytes = 1_000_000
    if hang:
        emulator.inject("accept-then-hang", seconds=5)
    emulator.latency = 0.08
    emulator.inject("download-slow", None, seconds=0.15, pieces=6)
    first = ("a boat", "-o", "new/boat.mp4", *SOON)
    process = process_of(emulator, home, work, *first)
    until(lambda: emulator.creates)
    time.sleep(delay)
    process.send_signal(number)
    code, _, said = ended(process)
    emulator.faults.clear()
    emulator.latency = 0
    whole = filmed(emulator).values()
    if any(data not in whole for data in videos_in(work).values()):
        return f"half a video after {code}: {left_in(work)} {said}"
    if number != signal.SIGKILL and [name for name in (*left_in(work), *left_in(home)) if name.endswith(".tmp")]:
        return f"a temporary file is left: {left_in(work)} {left_in(home)} {said}"
    there = {"env": {"HOME": str(home)}, "cwd": work}
    told = film("--tasks", **there).out
    if bool(told) != (code != 0) and not videos_in(work):
        return f"ended with {code}, and --tasks says {told!r}"
    if told:
        again = film(*first, **there)
        if again.code not in (5, 7) or len(emulator.creates) != 1 or again.code == 5 and command_in(again.err) != command_in(told):
            return f"the same command again: {again}, {len(emulator.creates)} creates; --tasks: {told}"
        fetched = film(*command_in(told), *SOON, **there)
        if fetched.code != 0:
            return f"{said}\n--tasks: {told}\n{fetched}"
    found = videos_in(work)
    if set(found.values()) != set(filmed(emulator).values()) or len(found) < 1 or len(emulator.creates) != 1 or journal(home):
        return f"after {code} there are {left_in(work)}, {len(emulator.creates)} creates: {said} {told}"
    if "new/boat.mp4" not in found or number != signal.SIGKILL and len(found) != 1:
        return f"after {code} there are {left_in(work)}"
    return ""


@POSIX
def test_ended_at_any_moment_nothing_is_lost(film, emulator, tmp_path):
    """From the create, which is answered 0.08 s after it was accepted, to the last byte."""
    chance, wrong = random.Random(9), []
    for place, number in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGINT) * 3):
        delay = (place + chance.random()) * 0.05
        wrong.append((number.name, delay, end_at(film, emulator, tmp_path / str(place), number, delay)))
    assert [one for one in wrong if one[2]] == []


@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_ended_while_the_create_hangs(film, emulator, tmp_path, number):
    assert end_at(film, emulator, tmp_path / "hang", number, 0.2, hang=True) == ""


def test_create_that_hangs_until_the_timeout(film, emulator, work, home):
    emulator.inject("accept-then-hang", seconds=4)
    result = film("a boat", "--timeout", 1, "-o", "boat.mp4", *SOON)
    assert result.code == 6 and "bill" in result.err and len(emulator.creates) == 1, result
    fetch(film, emulator, result)
    assert assert_right(emulator, work, "a boat") == "boat.mp4" and journal(home) == []


def test_lost_creates_are_told_apart_by_their_prompts(film, emulator, work, home):
    """Ended video tasks repeat the prompt; until then the command says that it is not clear yet."""
    firsts = []
    for prompt in ("a boat", "a fox"):
        emulator.inject("accept-then-reset")
        firsts.append(film(prompt, "-o", prompt[2:] + ".mp4", *SOON))
        assert firsts[-1].code == 6
    boat = command_in(firsts[0].err)
    for _ in range(6):
        looked = film(*boat, *SOON)
        if looked.code == 0:
            break
        assert looked.code == 5 and command_in(looked.err) == boat, looked
    fetch(film, emulator, firsts[1])
    assert len(emulator.creates) == 2 and journal(home) == []
    assert {name: filming.notes_of(data)["prompt"] for name, data in videos_in(work).items()} == {"boat.mp4": "a boat", "fox.mp4": "a fox"}



KEPT_SECRET = STANDARD_KEY[3:]
PROMPTS = {  # what is asked -> the prompt that its task repeats
    "in a whole request": (("--request", "r.json"), "a red kite"),
    "set in place of another": (("a red kite", "--set", "input.prompt=a blue kite"), "a blue kite"),
    "with a key in it": ((f"a screen that shows {KEPT_SECRET}",), f"a screen that shows {KEPT_SECRET}"),
    "longer than the service repeats": (("a kite " * 200,), "a kite " * 80),
    "none": (("--image", "in/photo.png", "--model", "wan2.7-i2v"), "somebody's"),
}


def repeating(monkeypatch, prompt: str) -> None:
    """Every answer of a task repeats this prompt."""
    real = Tasks.look

    def look(self, task_id):
        status, body = real(self, task_id)
        return status, {**body, "output": {**body["output"], "orig_prompt": prompt}}
    monkeypatch.setattr(Tasks, "look", look)


@pytest.mark.parametrize("name", PROMPTS)
def test_a_lost_create_is_found_by_the_prompt_that_was_sent(film, emulator, media, home, work, monkeypatch, name):
    arguments, repeated = PROMPTS[name]
    (work / "r.json").write_text(json.dumps({"model": "wan2.7-t2v", "input": {"prompt": "a red kite"}}))
    emulator.inject("accept-then-reset", path="/services/")
    first = film(*arguments, "-o", "kite.mp4", *SOON, leaks_checked=False)
    assert first.code == 6, first
    repeating(monkeypatch, repeated)
    fetch(film, emulator, first)
    assert list(videos_in(work)) == ["kite.mp4"] and len(emulator.creates) == 1 and journal(home) == []


@pytest.mark.parametrize("end, prompt", [("FAILED", "a fox"), ("FAILED", ""), ("CANCELED", "")])
def test_the_status_of_a_lost_create_drops_nothing_for_what_may_be_another_task(film, emulator, home, monkeypatch, end, prompt):
    emulator.inject("accept-then-reset")
    given = command_in(film("a boat", *SOON).err)[1]
    monkeypatch.setattr(Tasks, "look", lambda self, task_id: (end, {"output": {"task_status": end, "orig_prompt": prompt}}))
    result = film("--status", given)
    assert result.code == (8 if prompt else 0) and "another prompt" in result.err or not prompt, result
    assert [record["id"] for record in journal(home)] == [given] and journal(home)[0]["counted"]
    assert film("--spent", "--json").document["spent"]["total"] > 0


def test_a_task_of_another_prompt_is_passed_over(film, emulator, home, monkeypatch):
    emulator.inject("accept-then-reset")
    first = film("a boat", *SOON)
    repeating(monkeypatch, "a fox")
    result = film(*command_in(first.err), *SOON)
    assert result.code == 8 and f"the task {emulator.creates[0].task_id}, which began" in result.err, result
    assert command_in(result.err) == command_in(first.err) and "--again" not in result.err
    again = film("a boat", *SOON)
    assert (again.code, command_in(again.err), len(emulator.creates)) == (5, command_in(first.err), 1), "its own task may run, and is billed"
