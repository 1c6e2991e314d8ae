"""image.py as people and agents run it, against the emulator: what it prints, sends, saves and returns.

What goes wrong on the way is in test_image_faults.py; the bodies of every family are in test_image_request.py.
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import pytest

from tests import media_samples as samples
from tests.conftest import PLAN_KEY, ROOT, SCRIPTS, STANDARD_KEY
from tests.emulator import Emulator, drawing

SKILL = "qianwen-image-generation"
SCRIPT = SCRIPTS[SKILL]
TASK = ("--model", "wan2.6-t2i", "--task", "--poll", 0.05)
PNG = samples.png(640, 600, [(200, 50, 50)] * 320 + [(50, 50, 200)] * 320)
OTHER = samples.png(512, 640, (40, 170, 70))
MASK = samples.png(640, 600, (255, 255, 255))
LARGE = 7_000_001
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
INPUTS = ("photo.png", "other.png", "mask.png", "big.png")


@pytest.fixture
def draw(run, work):
    """Run image.py."""
    return lambda *arguments, **more: run(*arguments, skill=SKILL, **more)


@pytest.fixture
def photos(work):
    """A few pictures in the working folder."""
    for name, content in (("photo.png", PNG), ("other.png", OTHER), ("mask.png", MASK)):
        (work / name).write_bytes(content)
    return work


# ---- helpers ---------------------------------------------------------------------------------------------------------

def left_in(folder) -> list:
    """Names of all files below a folder, inputs and `.git` aside."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if path.is_file() and ".git" not in path.parts and path.name not in INPUTS)


def pictures_in(folder) -> dict:
    return {name: (folder / name).read_bytes() for name in left_in(folder) if name.lower().endswith(PICTURES)}


def drawn(emulator) -> dict:
    """(owner, index) -> what the emulator drew."""
    return {(result.owner, result.index): result.content() for result in emulator.results.values()}


def assert_right(emulator, folder, prompt: str, count: int) -> list:
    """The folder holds the `count` pictures of the one create, each whole, once and in its place; return their names."""
    create, = emulator.creates
    found = pictures_in(folder)
    assert sorted(found.values()) == sorted(drawn(emulator).values()) and len(found) == count, (sorted(found), create)
    for name, data in found.items():
        notes = drawing.notes_of(data)
        number = re.search(r"-(\d)\.\w+$", name)
        assert (notes["prompt"], notes["owner"]) == (prompt, create.task_id or create.request_id)
        assert count == 1 or int(notes["index"]) == int(number.group(1)) - 1, name
    assert_tidy(emulator, folder)
    return sorted(found)


def assert_tidy(emulator, *folders) -> None:
    """No temporary file, nothing under a picture's name that is none, and no key sent to the storage."""
    whole = set(drawn(emulator).values())
    for folder in folders:
        assert [name for name in left_in(folder) if ".tmp" in name] == []
        assert [name for name, data in pictures_in(folder).items() if data not in whole] == []
    assert not any(download.authorized for download in emulator.downloads)


def assert_refused(result, emulator, *words, code=2) -> None:
    """The run ended before anything was sent, and said why in a way that has these words."""
    assert result.code == code and emulator.requests == [], result
    assert [word for word in words if word not in result.err] == [], result
    assert result.err.count(f"{SKILL}: error: ") == 1 and result.out == "", result


def command_in(text: str, flag: str = "--resume") -> list:
    """The arguments of the command that a message tells to run; it must be one for this script."""
    match = re.search(rf"(\S*python\S* \S*image\.py {flag} [\w.-]+)", text)
    assert match, f"no command to run is named in: {text}"
    parts = shlex.split(match.group(1))
    assert os.path.samefile(shutil.which(parts[0]), sys.executable) and parts[1] == str(SCRIPT)
    return parts[2:]


def journal(home) -> list:
    folder = home / ".local" / "state" / "qianwen" / "tasks"
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


def age(home, seconds: float) -> None:
    """Make the journal's records older."""
    folder = home / ".local" / "state" / "qianwen" / "tasks"
    for record in journal(home):
        record["created"] -= seconds
        (folder / (record["id"] + ".json")).write_text(json.dumps(record), "utf-8")


def sent(emulator) -> list:
    """The bodies of the creates."""
    return [request.json for request in emulator.requests if "/services/aigc/" in request.path]


# ---- pictures are made -----------------------------------------------------------------------------------------------

MAKERS = [("qwen-image-2.0",), ("qwen-image-3.0", "--task"), ("qwen-image-max",), ("qwen-image-plus", "--task"), ("z-image-turbo",),
          ("wan2.7-image",), ("wan2.7-image-pro", "--task"), ("wan2.6-t2i",), ("wan2.6-t2i", "--task"), ("wan2.5-t2i-preview",),
          ("wanx-v1",), ("kling/kling-v3-image-generation",)]


@pytest.mark.parametrize("model", MAKERS, ids=" ".join)
def test_one_picture_of_every_family(draw, emulator, work, model):
    arguments = ("a red fox", "--model", *model, "--poll", 0.05)
    preview = draw(*arguments, "--dry-run", key=None).document
    assert emulator.requests == [] and left_in(work) == []
    result = draw(*arguments)
    assert result.code == 0, result
    name, = assert_right(emulator, work, "a red fox", 1)
    assert result.out == name + "\n" and "1 picture of " + model[0] in result.err and "pay-as-you-go" in result.err
    assert left_in(work) == [name[:-3] + "json", name]
    assert preview["body"] == sent(emulator)[0] and preview["url"] == emulator.url + emulator.requests[0].path
    assert preview["headers"].get("X-DashScope-Async") == emulator.requests[0].headers.get("x-dashscope-async")
    assert ("poll" in preview) is (len(emulator.tasks) == 1)
    assert emulator.creates[0].pictures == 1, "n is always sent"


@pytest.mark.parametrize("arguments", [("--model", "qwen-image-2.0"), TASK, ("--model", "wan2.2-t2i-flash", "--poll", 0.05)],
                         ids=["one choice", "choices of a task", "results of a task"])
def test_several_pictures_in_order(draw, emulator, work, home, arguments):
    result = draw("a blue fox", *arguments, "-n", 3, "-o", "foxes/")
    assert result.code == 0, result
    names = assert_right(emulator, work, "a blue fox", 3)
    assert result.out.splitlines() == names and [name[-6:] for name in names] == ["-1.png", "-2.png", "-3.png"]
    assert len({name[:-6] for name in names}) == 1 and journal(home) == []
    assert len(emulator.creates) == 1 and len(emulator.downloads) == 3


@pytest.mark.parametrize("prompt, pattern", [
    ("一只戴围巾的狐狸", "一只戴围巾的狐狸-[0-9a-f]{6}"), ("../../etc/passwd", "etc-passwd-[0-9a-f]{6}"), ("🦊🦊", "result-[0-9a-f]{6}"),
    ("CON", "con--[0-9a-f]{6}"), ("x" * 300, "x{40}-[0-9a-f]{6}"), ("é\u0301", "é.{0,1}-[0-9a-f]{6}")])
def test_name_comes_from_the_prompt(draw, emulator, work, prompt, pattern):
    assert draw(prompt).code == 0
    name, = assert_right(emulator, work, prompt, 1)
    assert re.fullmatch(pattern + r"\.png", name), name


@pytest.mark.parametrize("prompt", ["it's \"quoted\" and $HOME `ticked` \\n", "two\nlines\n", "😀 👩‍💻 你好"])
def test_prompt_arrives_as_it_is(draw, emulator, work, prompt):
    for arguments, stdin in (((prompt,), b""), (("-",), prompt.encode()), (("--prompt-file", "p.txt"), b"")):
        (work / "p.txt").write_bytes(b"\xef\xbb\xbf" + prompt.encode())
        assert draw(*arguments, stdin=stdin).code == 0
        assert sent(emulator)[-1]["input"]["messages"][0]["content"] == [{"text": prompt}]


# ---- where they go ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("output, made", [
    ("fox.png", ["fox.png"]), ("fox", ["fox.png"]), ("fox.v2", ["fox.v2.png"]), ("fox.PNG", ["fox.PNG"]), ("new/deep/fox.png", ["new/deep/fox.png"]),
    ("狐狸.png", ["狐狸.png"]), ("a b.png", ["a b.png"])])
def test_output_names_the_file(draw, emulator, work, output, made):
    result = draw("a fox", "-o", output)
    assert result.code == 0 and assert_right(emulator, work, "a fox", 1) == made and result.out == made[0] + "\n", result


def test_output_names_the_folder(draw, emulator, work):
    (work / "there").mkdir()
    for output, folder in (("there", "there"), ("new/", "new"), (str(work / "there") + "/", "there")):
        emulator.reset()
        before = set(left_in(work))
        assert draw("a fox", "-o", output, "--no-sidecar").code == 0
        name, = set(left_in(work)) - before
        assert re.fullmatch(folder + r"/a-fox-[0-9a-f]{6}\.png", name)
        assert (work / name).read_bytes() in drawn(emulator).values()


def test_several_under_one_name(draw, emulator, work):
    assert draw("a fox", "-o", "fox.png", "-n", 2).code == 0
    assert assert_right(emulator, work, "a fox", 2) == ["fox-1.png", "fox-2.png"]


@pytest.mark.parametrize("existing, arguments", [
    ("fox.png", ("-o", "fox.png")), ("fox.png", ("-o", "fox")), ("fox-2.png", ("-o", "fox.png", "-n", 2)), ("fox.json", ("-o", "fox.png")),
    ("fox.json", ("-o", "fox.png", "--overwrite")), ("fox-1.json", ("-o", "fox.png", "-n", 2)),
    ("fox.md", ("-o", "fox.png", "--interleave")), ("fox.png", ("-o", "fox.md", "--interleave")), ("out/index.html", ("-o", "out/", "--gallery"))])
def test_existing_file_is_refused_before_anything_is_sent(draw, emulator, work, existing, arguments):
    (work / "out").mkdir()
    (work / existing).write_text("mine")
    assert_refused(draw("a fox", *arguments), emulator, "exists already", "nothing was sent", code=7)
    assert left_in(work) == [existing] and (work / existing).read_text() == "mine"


def test_overwrite_replaces_picture_and_description(draw, emulator, work):
    assert draw("a red fox", "-o", "fox.png").code == 0
    emulator.reset()
    assert draw("a blue fox", "-o", "fox.png").code == 7
    assert draw("a blue fox", "-o", "fox.png", "--overwrite").code == 0
    assert assert_right(emulator, work, "a blue fox", 1) == ["fox.png"] and left_in(work) == ["fox.json", "fox.png"]
    assert json.loads((work / "fox.json").read_text("utf-8"))["prompt"] == "a blue fox"


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_wrong_extension_is_corrected(draw, emulator, work, overwrite):
    (work / "fox.png").write_text("mine")
    result = draw("a fox", "-o", "fox.jpg", *overwrite)
    assert result.code == 0 and "PNG, not JPG" in result.err, result
    assert (work / "fox.png").read_text() == "mine", "a name that nobody gave is not overwritten"
    name, = {name for name in left_in(work) if name.endswith(".png")} - {"fox.png"}
    assert (work / name).read_bytes() in drawn(emulator).values() and result.out == name + "\n"


@pytest.mark.parametrize("output", ["photo.png/fox.png", "/proc/fox.png", "/proc/nowhere/", ""])
@pytest.mark.parametrize("kind", [(), TASK], ids=["direct", "task"])
def test_folder_that_cannot_be_written(draw, emulator, photos, output, kind):
    if output.startswith("/proc") and not os.path.isdir("/proc/self"):
        pytest.skip("there is no /proc here")
    assert_refused(draw("a fox", "-o", output, *kind), emulator, "--output")
    assert left_in(photos) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(draw, emulator, work):
    (work / "locked").mkdir(mode=0o500)
    assert_refused(draw("a fox", "-o", "locked/"), emulator, "cannot be written")


@pytest.mark.parametrize("kind", [(), TASK], ids=["direct", "task"])
def test_journal_that_cannot_be_written(draw, emulator, photos, kind):
    result = draw("a fox", *kind, "-o", "new/", env={"XDG_STATE_HOME": str(photos / "photo.png")})
    assert_refused(result, emulator, "journal", "XDG_STATE_HOME")
    assert left_in(photos) == [] and not (photos / "new").exists()


# ---- what is told ----------------------------------------------------------------------------------------------------

def test_sidecar(draw, emulator, work):
    assert draw("一只狐狸", "-n", 2, "-o", "fox.png", "--seed", 7, "--size", "1024x768", "--negative", "dogs").code == 0
    told = json.loads((work / "fox-2.json").read_text("utf-8"))
    create, = emulator.creates
    expected = {"file": "fox-2.png", "skill": SKILL, "media_type": "image/png", "width": 1024, "height": 768, "prompt": "一只狐狸",
                "negative": "dogs", "model": "qwen-image-2.0", "seed": 7, "size": "1024*768", "request_id": create.request_id,
                "number": 2, "of": 2, "bytes": os.path.getsize(work / "fox-2.png")}
    assert {name: told.get(name) for name in expected} == expected
    assert told["parameters"]["n"] == 2 and told["usage"]["image_count"] == 2 and told["created"].endswith("+00:00")


def test_no_sidecar(draw, work):
    (work / "fox.json").write_text("mine")
    assert draw("a fox", "-o", "fox.png", "--no-sidecar").code == 0
    assert left_in(work) == ["fox.json", "fox.png"] and (work / "fox.json").read_text() == "mine"


@pytest.mark.parametrize("kind", [(), TASK], ids=["direct", "task"])
def test_json_document(draw, emulator, work, kind):
    result = draw("a fox", *kind, "-n", 2, "-o", "fox.png", "--json")
    document, create = result.document, emulator.creates[0]
    names = {"ok", "skill", "model", "request_id", "files", "usage", "billing", "warnings"}
    assert result.code == 0 and set(document) == names | ({"task_id"} if kind else set()), result
    assert (document["ok"], document["skill"], document["model"]) == (True, SKILL, create.model)
    assert document["billing"] == {"plan": "pay-as-you-go", "units": {"images": 2}, "cost": {
        "amount": 0.4, "currency": "CNY", "known": True, "prices_of": "2026-10-09", "region": "cn-beijing"}}
    assert document["warnings"] == []
    assert document["usage"]["image_count"] == 2 and document.get("task_id", "") == create.task_id
    assert document["request_id"] in [request_id for request_id in (create.request_id, *(task.request_id for task in emulator.tasks.values()))]
    for entry, name in zip(document["files"], ("fox-1.png", "fox-2.png")):
        token = re.search("@results/([0-9a-f]{32})/", entry["url"]).group(1)
        assert (entry["path"], entry["media_type"], entry["bytes"]) == (name, "image/png", os.path.getsize(work / name))
        assert (work / name).read_bytes() == emulator.results[token].content()
        assert entry["sidecar"] == name.replace("png", "json") and "Signature=" in entry["url"]


def test_streams(draw, work):
    result = draw("a fox", "-o", "fox.png")
    assert result.out == "fox.png\n" and all(line.startswith(SKILL + ": ") for line in result.err.splitlines()), result
    for number, kind in enumerate(((), TASK)):
        result = draw("a cat", *kind, "-o", f"quiet{number}.png", "-q")
        assert (result.code, result.out, result.err) == (0, f"quiet{number}.png\n", ""), result
    assert "HTTP 200" in draw("a dog", "-v").err


@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii"])
def test_every_code_page(draw, work, encoding):
    env = {"PYTHONIOENCODING": encoding}
    assert "千问云" in draw("--help", key=None, env=env).out
    assert draw("狐狸", "-o", "狐狸.png", env=env).out == "狐狸.png\n" and (work / "狐狸.png").exists()


def test_reader_of_stdout_that_goes_away_is_no_disk_error(emulator, home, work):
    import subprocess
    process = subprocess.Popen([sys.executable, str(SCRIPT), "a fox", "-n", "2"], cwd=str(work), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env={
                                   "PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY,
                                   "QWEN_BASE_URL": emulator.url, "PYTHONDONTWRITEBYTECODE": "1"})
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(30) in (0, 141), said
    assert_right(emulator, work, "a fox", 2)
    assert "could not be saved" not in said and journal(home) == []


# ---- pictures go in --------------------------------------------------------------------------------------------------

def test_local_picture_is_edited(draw, emulator, photos):
    result = draw("make it stormy", "--image", "photo.png", "-o", "stormy.png")
    assert result.code == 0, result
    assert assert_right(emulator, photos, "make it stormy", 1) == ["stormy.png"]
    assert sent(emulator)[0]["input"]["messages"][0]["content"] == [
        {"image": samples.data_url(PNG, "image/png")}, {"text": "make it stormy"}]
    assert json.loads((photos / "stormy.json").read_text("utf-8"))["inputs"] == ["photo.png"]


@pytest.mark.parametrize("arguments", [
    ("--image", "other.png", "photo.png", "https://h/c.png"), ("--image", "other.png", "--image", "photo.png", "https://h/c.png")])
def test_several_pictures_go_in_order(draw, emulator, photos, arguments):
    assert draw("put them together", *arguments, "--aspect", "1:1").code == 0
    images = [part["image"] for part in sent(emulator)[0]["input"]["messages"][0]["content"][:-1]]
    assert images == [samples.data_url(OTHER, "image/png"), samples.data_url(PNG, "image/png"), "https://h/c.png"]


def test_prompt_behind_the_pictures_is_given_back(draw, emulator, photos):
    assert draw("--image", "photo.png", "other.png", "make one of two").code == 0
    assert sent(emulator)[0]["input"]["messages"][0]["content"][-1] == {"text": "make one of two"}


def big(folder) -> str:
    """A picture above the inline limit."""
    with open(folder / "big.png", "wb") as file:
        file.write(PNG)
        file.truncate(LARGE)
    return "big.png"


@pytest.mark.parametrize("model", [("qwen-image-2.0",), ("wan2.7-image", "--task", "--poll", 0.05)], ids=["direct", "task"])
def test_large_picture_is_uploaded(draw, emulator, photos, model):
    result = draw("make it stormy", "--image", big(photos), "photo.png", "--model", *model)
    assert result.code == 0, result
    upload, = emulator.uploads
    assert upload.sha256 == hashlib.sha256((photos / "big.png").read_bytes()).hexdigest()
    assert emulator.requests[0].query["model"] == model[0]
    call, = [request for request in emulator.requests if "/services/aigc/" in request.path]
    assert [part["image"][:10] for part in call.json["input"]["messages"][0]["content"][:2]] == ["oss://" + upload.key[:4], "data:image"]
    assert call.headers["x-dashscope-ossresourceresolve"] == "enable"
    assert_right(emulator, photos, "make it stormy", 1)


def test_tool_takes_addresses_alone(draw, emulator, photos):
    """A family without data URLs: even a small picture is uploaded."""
    result = draw("--image", "photo.png", "--translate-to", "en", "--poll", 0.05)
    assert result.code == 0 and len(emulator.uploads) == 1, result
    assert sent(emulator)[0]["model"] == "qwen-mt-image" and sent(emulator)[0]["input"]["target_lang"] == "en"
    assert_right(emulator, photos, "", 1)


def test_failed_upload_pays_nothing(draw, emulator, photos, home):
    emulator.inject("oss-403", times=None)
    result = draw("make it stormy", "--image", big(photos), "--model", "wan2.7-image", "--task")
    assert result.code == 8 and emulator.creates == [] and journal(home) == [] and left_in(photos) == [], result


def test_mask(draw, emulator, photos):
    result = draw("a hat", "--image", "photo.png", "--mask", "mask.png", "-o", "hat.png", "--poll", 0.05)
    assert result.code == 0 and assert_right(emulator, photos, "a hat", 1) == ["hat.png"], result
    given = sent(emulator)[0]
    assert (given["model"], given["input"]["function"]) == ("wanx2.1-imageedit", "description_edit_with_mask")
    assert given["input"]["mask_image_url"] == samples.data_url(MASK, "image/png")
    assert_refused_after(draw("a hat", "--image", "photo.png", "--mask", "other.png"), emulator, "--mask is 512x640")


def assert_refused_after(result, emulator, *words) -> None:
    """Refused though something was sent before: the same create, and no other."""
    assert result.code == 2 and len(emulator.creates) == 1 and all(word in result.err for word in words), result


def test_function(draw, emulator, photos):
    result = draw("more sky", "--image", "photo.png", "--function", "expand", "--set", "top_scale=1.5", "-n", 2, "--poll", 0.05)
    assert result.code == 0 and sent(emulator)[0]["parameters"] == {"n": 2, "top_scale": 1.5}, result
    names = assert_right(emulator, photos, "more sky", 2)
    assert all(data[16:24] == (640).to_bytes(4, "big") + (900).to_bytes(4, "big") for data in pictures_in(photos).values()), names


def test_boxes(draw, emulator, photos):
    result = draw("put the thing there", "--image", "photo.png", "other.png", "--box", "2:10,20,110,220", "--box", "1,2,3,4", "--box", "2:0,0,9,9")
    assert result.code == 0 and sent(emulator)[0]["parameters"]["bbox_list"] == [[[1, 2, 3, 4]], [[10, 20, 110, 220], [0, 0, 9, 9]]], result
    assert sent(emulator)[0]["model"] == "wan2.7-image"


def test_series(draw, emulator, work):
    result = draw("four seasons", "--series", "-n", 4, "-o", "tree/")
    assert result.code == 0 and len(assert_right(emulator, work, "four seasons", 4)) == 4, result
    assert sent(emulator)[0]["parameters"]["enable_sequential"] is True and sent(emulator)[0]["parameters"]["n"] == 4


def test_all_pictures_of_a_series_of_kling_are_held_and_named(draw, emulator, work):
    series = ("a fox", "--model", "kling/kling-v3-image-generation", "--set", "result_type=series", "--set", "series_amount=9",
              "-o", "fox.png", "--poll", 0.05)
    assert_refused(draw(*series, env={"QIANWEN_BUDGET": "1"}), emulator, "1.80", code=4)
    (work / "fox-9.png").write_bytes(b"mine")
    assert_refused(draw(*series), emulator, "fox-9.png exists already", code=7)
    os.remove(work / "fox-9.png")
    result = draw(*series)
    assert result.code == 0 and result.out.split() == [f"fox-{number}.png" for number in range(1, 10)], result


def test_a_shorter_series_is_no_failure(draw, emulator, work):
    emulator.inject("fewer-images", images=2)
    result = draw("four seasons", "--series", "-n", 4)
    assert result.code == 0 and len(assert_right(emulator, work, "four seasons", 2)) == 2, result


@pytest.mark.parametrize("extend", [True, False])
def test_text_beside_the_picture_is_the_prompt_as_drawn(draw, emulator, work, extend):
    result = draw("a fox", "--model", "z-image-turbo", *(("--prompt-extend",) if extend else ()), "-o", "fox.png", "--json")
    assert result.code == 0 and "text" not in result.document, result
    told = json.loads((work / "fox.json").read_text("utf-8"))
    assert told["actual_prompt"] == ("a fox, in soft light, with much detail" if extend else "a fox") and left_in(work) == ["fox.json", "fox.png"]


def test_prompt_as_drawn_of_a_task(draw, work):
    assert draw("a fox", "--model", "wan2.2-t2i-flash", "--prompt-extend", "-o", "fox.png", "--poll", 0.05).code == 0
    assert json.loads((work / "fox.json").read_text("utf-8"))["actual_prompt"].startswith("a fox, in soft light")


# ---- text and pictures in turn ---------------------------------------------------------------------------------------

STORY = ("how to bake bread", "--interleave", "--max-images", 3, "-o", "bread.png")


@pytest.mark.parametrize("kind", [(), ("--task", "--poll", 0.05)], ids=["stream", "task"])
def test_interleaved(draw, emulator, work, kind):
    result = draw(*STORY, *kind)
    assert result.code == 0 and result.out == "bread-1.png\nbread-2.png\nbread-3.png\nbread.md\n", result
    assert_right(emulator, work, "how to bake bread", 3)
    steps = [f"Step {number}: how to bake bread\n\n![](bread-{number}.png)\n\n" for number in (1, 2, 3)]
    assert (work / "bread.md").read_text("utf-8") == "".join(steps) + "Done.\n"


def test_interleaved_as_json(draw, work):
    document = draw(*STORY, "--json").document
    assert document["text"].startswith("Step 1: how to bake bread") and document["text"].endswith("Done.")
    assert [entry["media_type"] for entry in document["files"]] == ["image/png"] * 3 + ["text/markdown"]


@pytest.mark.parametrize("fault, parameters", [
    ("cut-sse", {"after_chunks": 4}), ("cut-sse-reset", {"after_chunks": 4}), ("sse-error", {"after_chunks": 4}),
    ("cut-sse", {"after_chunks": 3})], ids=["cut", "reset", "error", "cut in the text"])
def test_interleaved_and_broken_in_the_middle(draw, emulator, work, home, fault, parameters):
    emulator.inject(fault, path="/services/aigc/", **parameters)
    result = draw(*STORY, "--json")
    made = parameters["after_chunks"] // 2
    assert result.code == 11 and "broke off" in result.err and "not billed" not in result.err, result
    (line,) = map(json.loads, (home / ".local" / "state" / "qianwen" / "spending.jsonl").read_text("utf-8").splitlines())
    assert (line["amount"], line.get("in_doubt")) == (0.6, True) and result.document["billing"]["cost"]["known"] is False, line
    assert sorted(pictures_in(work)) == [f"bread-{number}.png" for number in range(1, made + 1)]
    assert_tidy(emulator, work)
    text = (work / "bread.md").read_text("utf-8")
    assert text.count("](bread-") == made and "Step 1" in text and "Done" not in text
    assert [entry["path"] for entry in result.document["files"]] >= [f"bread-{number}.png" for number in range(1, made + 1)]
    assert len(emulator.creates) == 1 and journal(home) == []


def test_interleaved_and_broken_before_a_picture(draw, emulator, work, home):
    emulator.inject("cut-sse", path="/services/aigc/", after_chunks=1)
    result = draw(*STORY)
    assert result.code == 6 and left_in(work) == [] and len(emulator.creates) == 1 and "bill" in result.err, result


# ---- tasks -----------------------------------------------------------------------------------------------------------

def submit(draw, emulator, *arguments) -> str:
    result = draw("a fox", "--model", "wan2.6-t2i", "--no-wait", *arguments)
    task_id = list(emulator.tasks)[-1]
    assert (result.code, result.out) == (0, task_id + "\n"), result
    assert command_in(result.err) == ["--resume", task_id]
    return task_id


def test_task_left_and_fetched(draw, emulator, work, home):
    task_id = submit(draw, emulator, "-n", 2, "-o", "out/fox.png")
    assert left_in(work) == [] and not (work / "out").exists() and len(emulator.requests) == 1
    assert [record["task_id"] for record in journal(home)] == [task_id]
    listed = draw("--tasks", key=None)
    assert task_id in listed.out and "a fox" in listed.out and "running" in listed.out and command_in(listed.out) == ["--resume", task_id]
    result = draw("--resume", task_id, "--poll", 0.05, cwd=home)
    assert result.code == 0, result
    assert assert_right(emulator, work, "a fox", 2) == ["out/fox-1.png", "out/fox-2.png"], "where the first command said"
    assert result.out.splitlines() == [str(work / "out/fox-1.png"), str(work / "out/fox-2.png")]
    assert draw("--tasks").out == "" and journal(home) == []


def test_no_wait_as_json(draw, emulator):
    document = draw("a fox", "--model", "wan2.6-t2i", "--no-wait", "--json").document
    assert (document["ok"], document["task_id"], document["warnings"]) == (True, list(emulator.tasks)[0], [])
    assert command_in(document["resume"]) == ["--resume", document["task_id"]] and "files" not in document


def test_resume_elsewhere(draw, emulator, work):
    task_id = submit(draw, emulator, "-o", "fox.png")
    (work / "taken.png").write_text("mine")
    assert draw("--resume", task_id, "--poll", 0.05, "-o", "taken.png").code == 7, "and the task is not lost"
    assert draw("--resume", task_id, "--poll", 0.05, "-o", "else/").code == 0
    (work / "taken.png").unlink()
    assert assert_right(emulator, work, "a fox", 1) == ["else/fox.png"]


def test_resume_by_another_machine(draw, emulator, work, home):
    """The id alone is enough; the journal only knows the name and the folder."""
    task_id = submit(draw, emulator)
    shutil.rmtree(home / ".local")
    result = draw("--resume", task_id, "--poll", 0.05, "--json")
    assert result.code == 0 and len(assert_right(emulator, work, "a fox", 1)) == 1, result
    assert result.document["task_id"] == task_id


def test_text_and_pictures_by_another_machine(draw, emulator, work, home):
    task_id = draw(*STORY, "--no-wait").out.strip()
    shutil.rmtree(home / ".local")
    document = draw("--resume", task_id, "--poll", 0.05, "--json", "-o", "bread.png").document
    assert document["text"].endswith("Done.") and document["files"][-1]["path"] == "bread.md"
    assert (work / "bread.md").read_text("utf-8").startswith("Step 1: how to bake bread\n\n![](bread-1.png)\n\n")


def test_status(draw, emulator, work):
    task_id = submit(draw, emulator)
    assert draw("--status", task_id).out == "PENDING\n"
    assert draw("--status", task_id).out == "RUNNING\n"
    result = draw("--status", task_id, "--json")
    assert result.document["status"] == "SUCCEEDED" and result.document["resume"].endswith("--resume " + task_id), result
    assert left_in(work) == [] and emulator.downloads == []


def test_cancel(draw, emulator, home):
    task_id = submit(draw, emulator)
    result = draw("--cancel", task_id)
    assert result.code == 0 and result.out == f"{task_id} cancelled\n" and journal(home) == [], result
    assert emulator.tasks[task_id].canceled and emulator.creates[0].pictures == 0


def test_cancel_too_late(draw, emulator, work, home):
    task_id = submit(draw, emulator)
    emulator.task_polls = (0, 1)
    assert draw("--status", task_id).out == "RUNNING\n"
    result = draw("--cancel", task_id)
    assert result.code == 8 and "begun" in result.err, result
    assert draw(*command_in(result.err), "--poll", 0.05).code == 0
    assert_right(emulator, work, "a fox", 1)


@pytest.mark.parametrize("flag", ["--resume", "--status", "--cancel", "--tasks"])
def test_dry_run_of_a_command_on_tasks_sends_nothing(draw, emulator, flag):
    task_id = submit(draw, emulator)
    draw(flag, *(() if flag == "--tasks" else (task_id,)), "--poll", 0.05, "--dry-run")
    assert len(emulator.requests) == 1 and not emulator.tasks[task_id].canceled


@pytest.mark.parametrize("command, beside, shown", [
    ("--resume", ("--image", "no.png"), "--image"), ("--resume", ("--size", "1K", "--model", "foo"), "--model"), ("--resume", ("-n", 2), "-n"),
    ("--resume", ("--no-watermark",), "--no-watermark"), ("--resume", ("a fox",), "the prompt"), ("--resume", ("--set", "a=1"), "--set"),
    ("--status", ("-o", "x.png"), "--output"), ("--tasks", ("--gallery",), "--gallery"), ("--cancel", ("--batch", "rows.csv"), "--batch")])
def test_a_flag_that_a_command_on_tasks_would_ignore_is_refused(draw, emulator, command, beside, shown):
    result = draw(command, *(() if command == "--tasks" else ("t1",)), *beside)
    assert_refused(result, emulator, f"{command} does not go with", shown, "leave that out")


def test_unknown_id(draw, emulator):
    result = draw("--resume", "no-such-task", "--poll", 0.05)
    assert result.code == 8 and "does not know the task no-such-task" in result.err, result
    assert len(emulator.requests) == 1, "an id that this machine never got is no young task"


def test_task_of_another_endpoint(draw, emulator):
    task_id = submit(draw, emulator)
    with Emulator() as other:
        for flag in ("--resume", "--status", "--cancel"):
            result = draw(flag, task_id, base_url=other.url)
            assert result.code == 2 and emulator.url in result.err and other.requests == [], result
    assert len(emulator.requests) == 1


def test_task_of_another_account_stays_in_the_journal(draw, emulator, home):
    task_id = submit(draw, emulator, "-o", "fox.png")
    age(home, 100)
    result = draw("--resume", task_id, "--poll", 0.05, key="sk-another-account-0123456789")
    assert result.code == 8 and "key" in result.err, result
    assert [record["task_id"] for record in journal(home)] == [task_id], "with the right key it can still be fetched"


def test_expired_task(draw, emulator, work, home):
    task_id = submit(draw, emulator)
    age(home, 25 * 3600)
    emulator.clock = lambda: time.time() + 25 * 3600
    result = draw("--resume", task_id, "--poll", 0.05)
    assert result.code == 8 and "24 hours" in result.err and left_in(work) == [] and journal(home) == [], result


def test_tasks_that_seem_too_old_stay_listed(draw, emulator, home):
    """This machine's clock may be wrong: only the service's word drops a record."""
    task_id = submit(draw, emulator)
    age(home, 25 * 3600)
    for _ in range(2):
        assert "too old" in draw("--tasks").out and command_in(draw("--tasks").out) == ["--resume", task_id]
    assert len(emulator.requests) == 1 and draw("--resume", task_id, "--poll", 0.05).code == 0


def test_what_was_fetched_is_not_fetched_again(draw, emulator, work):
    task_id = submit(draw, emulator)
    first = draw("--resume", task_id, "--poll", 0.05)
    seen = len(emulator.requests)
    again = draw("--resume", task_id, "--poll", 0.05)
    assert again.code == 0 and again.out == first.out and "fetched already to" in again.err and "billed pay" not in again.err, again
    assert len(emulator.requests) == seen and len(pictures_in(work)) == 1
    told = draw("--resume", task_id, "--json").document
    (entry,) = told["files"]
    assert entry["path"].endswith(first.out.strip()) and entry["media_type"] == "image/png" and entry["url"].startswith("http")
    assert told["billing"]["cost"] == {"amount": 0.0, "currency": "CNY", "known": True} and told["model"] == "wan2.6-t2i"
    assert again.err.rstrip().endswith("fetched; billed when it was made")
    os.unlink(work / first.out.strip())
    assert draw("--resume", task_id, "--poll", 0.05).code == 0, "a file that is gone is fetched again"


def test_what_was_fetched_is_copied_where_output_names_a_place(draw, emulator, work):
    task_id = submit(draw, emulator, "-n", 2, "-o", "fox.png")
    emulator.inject("download-html", 2, "-1.png")
    assert draw("--resume", task_id, "--poll", 0.05).code == 9
    fetched = draw("--resume", task_id, "--json", cwd=work.parent).document["files"]
    paths = [str(work / name) for name in ("fox-1.png", "fox-2.png")]
    for files in (fetched, draw("--resume", task_id, "--json").document["files"]):
        assert [entry["path"] for entry in files] == paths
        assert [entry["sidecar"] for entry in files] == [path.replace(".png", ".json") for path in paths]
    seen = len(emulator.requests)
    copied = draw("--resume", task_id, "-o", "new/", "--gallery")
    assert copied.code == 0 and copied.out == "new/fox-1.png\nnew/fox-2.png\n", copied
    assert sorted(os.listdir(work / "new")) == ["fox-1.json", "fox-1.png", "fox-2.json", "fox-2.png", "index.html"]
    assert json.loads((work / "new" / "fox-2.json").read_text("utf-8"))["file"] == "fox-2.png"
    assert draw("--resume", task_id, "-o", "fox.png").out.split() == ["fox-1.png", "fox-2.png"], "they are there already"
    (work / "new" / "fox-2.png").write_bytes(b"mine")
    assert draw("--resume", task_id, "-o", "new/").code == 7 and len(emulator.requests) == seen


def test_what_was_copied_is_there_already(draw, emulator, work):
    """The same command again tells the same, whatever the extension in --output says."""
    task_id = submit(draw, emulator, "-n", 2, "-o", "fox.png")
    assert draw("--resume", task_id, "--poll", 0.05).code == 0
    for place, names in (("new/", ["new/fox-1.png", "new/fox-2.png"]), ("cat.jpg", ["cat-1.png", "cat-2.png"])):
        first = draw("--resume", task_id, "-o", place, "--json").document
        made = left_in(work)
        again = draw("--resume", task_id, "-o", place, "--json")
        assert again.code == 0 and again.document["files"] == first["files"] and left_in(work) == made, again
        assert [entry["path"] for entry in first["files"]] == names
        assert [entry["sidecar"] for entry in first["files"]] == [name.replace(".png", ".json") for name in names]


@pytest.mark.parametrize("output, place", [("fox.png", "fox.png"), ("fox", "fox.png"), ("made/", "made/"), ("made/", "made")])
def test_what_is_missing_is_fetched_to_the_place_that_is_named_again(draw, emulator, work, output, place):
    emulator.inject("download-expired", 2, "-1.png")
    assert draw("a fox", *TASK, "-n", 2, "-o", output, "--poll", 0.05).code == 9
    fetched = draw("--resume", emulator.creates[0].task_id, "-o", place)
    assert fetched.code == 0, fetched
    assert_right(emulator, work, "a fox", 2)


def test_what_is_missing_is_fetched_elsewhere_with_what_was_saved(draw, emulator, work):
    emulator.inject("download-expired", None, "-1.png")
    assert draw("a fox", "--interleave", "--max-images", 2, "--task", "-o", "made/fox.png", "--poll", 0.05).code == 9
    task_id, before = emulator.creates[0].task_id, len(emulator.downloads)
    assert draw("--resume", task_id, "-o", "else/").code == 9, "the place is remembered"
    emulator.faults.clear()
    fetched = draw("--resume", task_id)
    assert fetched.code == 0 and sorted(os.listdir(work / "made")) == ["fox-1.json", "fox-1.png"], fetched
    assert sorted(os.listdir(work / "else")) == ["fox-1.json", "fox-1.png", "fox-2.json", "fox-2.png", "fox.md"]
    assert "](fox-1.png)" in (work / "else" / "fox.md").read_text("utf-8")
    assert (work / "made" / "fox-1.png").read_bytes() == (work / "else" / "fox-1.png").read_bytes()
    assert {download.index for download in emulator.downloads[before:]} == {1}


def test_text_with_pictures_is_told_and_copied_again(draw, emulator, work):
    task_id = draw("a fox", "--interleave", "--max-images", 2, "--no-wait", "-o", "made/fox.png").out.strip()
    first = draw("--resume", task_id, "--json", "--poll", 0.05).document
    again = draw("--resume", task_id, "--json").document
    assert first["text"] and [os.path.basename(entry["path"]) for entry in first["files"]] == ["fox-1.png", "fox-2.png", "fox.md"]
    assert again["text"] == first["text"] and again["billing"] == first["billing"] and "when_made" in first["billing"]
    assert [os.path.realpath(work / entry["path"]) for entry in again["files"]] == [
        os.path.realpath(work / entry["path"]) for entry in first["files"]]
    for _ in range(2):
        assert draw("--resume", task_id, "-o", "new/cat.png").out == "new/cat-1.png\nnew/cat-2.png\nnew/cat.md\n"
    shown = (work / "new" / "cat.md").read_text("utf-8")
    assert "](cat-1.png)" in shown and "](cat-2.png)" in shown and "fox" not in "".join(re.findall(r"\]\(.*?\)", shown))
    (work / "new" / "cat-1.png").unlink()
    assert draw("--resume", task_id, "-o", "new/cat.png").code == 7
    (work / "made" / "fox.md").unlink()
    assert draw("--resume", task_id, "-o", "there/").out == "there/fox-1.png\nthere/fox-2.png\n"


def test_what_was_made_in_part_is_told_so_again(draw, emulator, work):
    emulator.inject("task-partial")
    arguments = ("a fox", "--model", "wan2.2-t2i-flash", "--task", "--poll", 0.05, "-n", 3, "-o", "fox.png", "--json")
    first = draw(*arguments).document
    again = draw("--resume", first["task_id"], "--json")
    told = again.document
    assert again.code == first["exit_code"] == 11 and told["error"]["message"] == first["error"]["message"]
    assert told["error"]["code"] == first["error"]["code"] and len(told["files"]) == 2 and "fetched already to" in again.err
    assert told["billing"]["when_made"] == first["billing"]["cost"] and told["billing"]["cost"]["amount"] == 0


def test_another_skills_task_names_its_script(draw, home, work):
    folder = home / ".local" / "state" / "qianwen" / "tasks"
    folder.mkdir(parents=True)
    (folder / "q-1.json").write_text(json.dumps({"id": "q-1", "skill": "qianwen-video-generation", "state": "running", "task_id": "v-1",
                                                 "created": time.time(), "output": "x.mp4"}))
    for flag in ("--status", "--resume", "--cancel"):
        result = draw(flag, "v-1")
        assert result.code == 2 and "video.py" in result.err, result
    assert draw("--resume", "q-0123456789ab").code == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_stdout_that_cannot_be_written_stops_no_picture(emulator, home, work):
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY, "QWEN_BASE_URL": emulator.url}
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, str(SCRIPT), "a fox", "-n", "3", "-o", "fox.png"], cwd=work, env=environment,
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 9 and sorted(pictures_in(work)) == ["fox-1.png", "fox-2.png", "fox-3.png"], done.stderr
    assert "fox-3.png" in done.stderr and "run the command again" not in done.stderr


def test_list_as_json(draw, emulator):
    task_id = submit(draw, emulator)
    row, = draw("--tasks", "--json").document["tasks"]
    assert (row["id"], row["model"], row["state"], row["prompt"]) == (task_id, "wan2.6-t2i", "running", "a fox")
    assert command_in(row["resume"]) == ["--resume", task_id]


def test_the_same_request_is_not_paid_twice(draw, emulator, work):
    task_id = submit(draw, emulator)
    result = draw("a fox", *TASK)
    assert result.code == 5 and len(emulator.creates) == 1 and "--again" in result.err, result
    assert command_in(result.err) == ["--resume", task_id] and left_in(work) == []
    assert draw("a fox", *TASK, "--seed", 1).code == 0 and len(emulator.creates) == 2, "another request is another one"
    assert draw("a fox", *TASK, "--again").code == 0 and len(emulator.creates) == 3


def test_a_paid_picture_that_is_not_fetched_is_not_paid_twice(draw, emulator, work):
    emulator.inject("download-expired", 1)
    first = draw("a fox", "-o", "fox.png")
    again = draw("a fox", "-o", "fox.png")
    assert again.code == 5 and len(sent(emulator)) == 1 and "--again" in again.err, again
    assert command_in(again.err) == command_in(first.err)
    assert draw("a fox", "-o", "other.png", "--again").code == 0 and len(sent(emulator)) == 2


def test_the_same_words_with_another_picture_are_another_request(draw, emulator, photos):
    for name in ("photo.png", "other.png"):
        assert draw("make it blue", "--image", name, "--model", "wan2.7-image", "--no-wait").code == 0
    assert draw("make it blue", "--image", "photo.png", "--model", "wan2.7-image", "--no-wait").code == 5
    assert len(emulator.creates) == 2


def test_waiting_ends_before_the_task(draw, emulator, work):
    emulator.task_polls = (10**6, 0)
    result = draw("a fox", *TASK, "--max-wait", 1, "--json")
    document = result.document
    assert result.code == 5 and (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 5, "running"), result
    assert document["task_id"] == emulator.creates[0].task_id and len(emulator.creates) == 1
    emulator.task_polls = (0, 0)
    assert draw(*command_in(document["resume"]), "--poll", 0.05).code == 0
    assert_right(emulator, work, "a fox", 1)


def test_resume_takes_the_flags_on_files(draw, emulator, work):
    task_id = submit(draw, emulator, "-o", "out/")
    result = draw("--resume", task_id, "--poll", 0.05, "--gallery", "--no-sidecar")
    if result.code == 0:  # to be refused would be fine as well
        assert len([name for name in left_in(work) if name.endswith("index.html")]) == 1
        assert [name for name in left_in(work) if name.endswith(".json")] == []
    else:
        assert result.code == 2 and left_in(work) == []


@pytest.mark.parametrize("key", [STANDARD_KEY])
def test_key_in_a_prompt_is_written_nowhere(draw, emulator, home, work, key):
    prompt = f"a sign that says {key}"
    assert draw(prompt, "--model", "wan2.6-t2i", "--no-wait").code == 0
    assert draw(prompt, "-o", "out/").code == 0 and draw(prompt, "-o", "out/", "--model", "z-image-turbo", "--prompt-extend").code == 0
    holders = [str(path) for folder in (home, work) for path in folder.rglob("*")
               if path.is_file() and path.suffix != ".png" and key.encode() in path.read_bytes() or key in path.name]
    assert holders == [] and "a sign that says sk-***" in draw("--tasks").out


# ---- nothing is sent -------------------------------------------------------------------------------------------------

WRONG = [
    ((), "no prompt"), (("",), "empty"), (("a fox", "--size", "big"), "--size"), (("a fox", "--size", "100x100"), "nearest"),
    (("a fox", "-n", 0), "-n"), (("a fox", "-n", 7), "1 to 6"), (("a fox", "-n", 2, "--model", "z-image-turbo"), "one picture"),
    (("a fox", "--image", "none.png"), "none.png does not exist"), (("a fox", "--image", "text.png"), "text.png is not a picture"),
    (("a fox", "--no-wait"), "does not create tasks"), (("a fox", "--size", "1024x1024", "--aspect", "1:1"), "--size"),
    (("a fox", "--resume", "x"), "--resume does not go with the prompt"), (("--resume", "x", "--cancel", "x"), "do not go together"),
    (("a fox", "--series"), "-n"), (("a fox", "--seed", -1), "--seed"), (("a fox", "--mask", "photo.png"), "takes 1 picture here"),
    (("a fox", "--box", "1,2,3,4"), "--box"), (("a fox", "--set", "x"), "KEY=VALUE"), (("a fox", "--request", "none.json"), "none.json"),
    (("a", "fox"), "quotes"), (("a fox", "--bogus"), "--bogus"), (("a fox", "--live"), "--check"), (("a fox", "--poll", "x"), "--poll"),
    (("a fox", "--think"), "--think"), (("a fox", "--max-wait", 0), "--max-wait"), (("-", "--image", "-"), "stdin can be read only once")]


@pytest.mark.parametrize("arguments, words", WRONG, ids=[" ".join(map(str, row[0])) or "nothing" for row in WRONG])
def test_usage_error(draw, emulator, photos, arguments, words):
    (photos / "text.png").write_text("no picture\n" * 9)
    assert_refused(draw(*arguments), emulator, words)


def test_usage_error_as_json(draw, emulator):
    result = draw("a fox", "--size", "100x100", "--json")
    document = result.document
    assert (document["ok"], document["exit_code"], document["error"]["kind"], document["files"]) == (False, 2, "usage", [])
    assert emulator.requests == [] and result.code == 2


TOOLS = [("a fox", "--image", "photo.png", "--function", "colorization"), ("a hat", "--image", "photo.png", "--mask", "mask.png"),
         ("--image", "photo.png", "--translate-to", "en"), ("a fox", "--interleave"), ("a fox", "--series", "-n", "2"),
         ("a fox", "--image", "photo.png", "--model", "wan2.5-i2i-preview"), ("a fox", "--image", "photo.png", "--model", "qwen-image-edit"),
         ("--image", "photo.png", "--model", "image-out-painting", "--set", "x_scale=2"),
         ("--image", "photo.png", "--model", "image-instance-segmentation"),
         ("--image", "photo.png", "--model", "image-erase-completion", "--mask", "mask.png"),
         ("--image", "photo.png", "--model", "wanx-style-repaint-v1", "--set", "input.style_index=3"),
         ("a fox", "--image", "photo.png", "--model", "wanx-sketch-to-image-lite")]


@pytest.mark.parametrize("arguments, region, path", [
    (("Make it night", "--image", "https://h/a.png"), "eu-central-1", "image-generation"),
    (("A walk", "--interleave", "--max-images", 2), "eu-central-1", "image-generation"),
    (("Make it night", "--image", "https://h/a.png"), "ap-southeast-1", "multimodal-generation"),
    (("a fox", "--model", "wan2.6-t2i"), "eu-central-1", "multimodal-generation")], ids=["edit", "interleave", "Singapore", "another model"])
def test_model_that_has_only_tasks_in_a_region(draw, arguments, region, path):
    result = draw("--model", "wan2.6-image", *arguments, "--dry-run", key=None, base_url=f"https://llm-abc.{region}.maas.aliyuncs.com")
    task = path == "image-generation"
    assert result.document["url"].endswith(f"/aigc/{path}/generation") and ("poll" in result.document) == task
    assert ("X-DashScope-Async" in result.document["headers"]) == task and "stream" not in result.document["body"]["parameters"]


def test_an_address_that_the_service_cannot_open_is_warned_of(draw):
    result = draw("Make it night", "--image", "http://10.0.0.1/a.png", "--dry-run", key=None)
    assert result.code == 0 and "the service opens http://10.0.0.1/a.png itself, but only this machine" in result.err, result


@pytest.mark.parametrize("arguments", TOOLS, ids=" ".join)
def test_dry_run_shows_what_a_call_sends(draw, emulator, photos, arguments):
    result = draw(*arguments, "--dry-run", key=None)
    assert result.code == 0 and emulator.requests == [] and left_in(photos) == [] and "***" in result.document["headers"]["Authorization"], result
    preview = result.document
    elided = json.dumps(preview["body"])
    assert "base64," not in elided or re.search(r"base64,<\d+ bytes>", elided)
    done = draw(*arguments, "--poll", 0.05)
    assert done.code == 0 and len(pictures_in(photos)) >= 1, done
    body, = sent(emulator)
    assert set(body["parameters"]) == set(preview["body"]["parameters"]) and body["model"] == preview["body"]["model"]
    assert set(body["input"]) == set(preview["body"]["input"]) and ("before" in preview) is bool(emulator.uploads)
    assert_tidy(emulator, photos)


def test_estimate(draw, emulator, work):
    result = draw("a fox", "-n", 3, "--estimate", key=None)
    assert result.code == 0 and "0.60 CNY (list price 2026-10-09, cn-beijing): 3 pictures of qwen-image-2.0 at 0.20 each" in result.out, result
    assert result.out.endswith("; wanx2.0-t2i-turbo would cost 0.12\n")
    assert draw("a fox", "-n", 10, "--estimate", key=None).out.startswith("2.00 CNY (list price 2026-10-09, cn-beijing): 10 pictures of")
    document = draw("a fox", "-n", 3, "--estimate", "--json", key=None).document
    assert (document["ok"], document["estimate"]["low"], document["estimate"]["units"]) == (True, 0.6, {"pictures": 3})
    assert emulator.requests == [] and left_in(work) == []


def test_settings(draw, emulator):
    assert draw("a fox", "--set", "prompt_extend=false", "--set", "seed=5", "--set", "input.x=1", "--dry-run").document["body"] == {
        "model": "qwen-image-2.0", "input": {"messages": [{"role": "user", "content": [{"text": "a fox"}]}], "x": 1},
        "parameters": {"n": 1, "prompt_extend": False, "seed": 5}}
    assert draw("a fox", "--set", "new_field=1").code == 8 and "new_field" in json.dumps(sent(emulator)), "it is sent, and the service judges"


def test_whole_request(draw, emulator, work):
    body = {"model": "wan2.7-image", "input": {"messages": [{"role": "user", "content": [{"text": "a green fox"}]}]}, "parameters": {"size": "1K"}}
    (work / "body.json").write_text(json.dumps(body), "utf-8")
    result = draw("--request", "body.json", "-o", "fox.png")
    assert result.code == 0 and assert_right(emulator, work, "a green fox", 1) == ["fox.png"], result
    assert sent(emulator)[0] == {**body, "parameters": {"size": "1K", "n": 1}}
    assert draw("--request", "body.json").out.startswith("a-green-fox-")
    result = draw("a blue fox", "--request", "-", "-n", 2, "--dry-run", stdin=json.dumps(body).encode())
    assert result.document["body"]["parameters"]["n"] == 2
    assert result.document["body"]["input"]["messages"][0]["content"] == [{"text": "a blue fox"}]


def test_unknown_model_is_sent_with_a_warning(draw, emulator):
    result = draw("a fox", "--model", "qwen-image-9.0")
    assert result.code == 8 and "warning: qwen-image-9.0 is not in" in result.err and sent(emulator)[0]["model"] == "qwen-image-9.0", result


def test_mistyped_model_is_guessed(draw):
    assert "did you mean" in draw("a fox", "--model", "qwen-image-2.O").err


def test_gallery(draw, emulator, work):
    result = draw("a fox", "-n", 2, "-o", "out/", "--gallery")
    page = (work / "out" / "index.html").read_text("utf-8")
    assert result.code == 0 and all(os.path.basename(name) in page for name in result.out.split()), result
    emulator.reset()
    assert draw("a cat", "-o", "out/").code == 0
    renewed = draw("--gallery", "-o", "out", key=None)
    assert renewed.code == 0 and renewed.out == "out/index.html\n" and len(emulator.creates) == 1, renewed
    assert "a cat" in (work / "out" / "index.html").read_text("utf-8")
    assert_refused_folder(draw("--gallery", "-o", "nowhere"))


def assert_refused_folder(result) -> None:
    assert result.code == 2 and "not a folder" in result.err, result


# ---- the key ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key, code", [(STANDARD_KEY, 0), (None, 3), ("sk-your-key-here", 3), (PLAN_KEY, 3)])
def test_check(draw, emulator, key, code):
    result = draw("--check", key=key)
    assert result.code == code and emulator.requests == [], result
    assert draw("--check", "--json", key=key).document["exit_code"] == code


def test_live_check(draw, emulator):
    assert draw("--check", "--live").code == 0 and [request.method for request in emulator.requests] == ["GET"]
    assert draw("--check", "--live", key="sk-emulator-wrong-key-0000").code == 3 and emulator.creates == []


@pytest.mark.parametrize("kind", [(), TASK], ids=["direct", "task"])
def test_plan_key_is_warned_of_and_its_refusal_explained(draw, emulator, work, home, kind):
    result = draw("a fox", *kind, "--json", "-o", "new/", key=PLAN_KEY)
    document = result.document
    assert result.code == 3 and document["error"]["http_status"] == 401 and document["error"]["kind"] == "key", result
    assert result.err.index("warning: ") < result.err.index("error: ") and re.search("image|picture", document["warnings"][0])
    assert "sk-sp-" in document["error"]["cause"] and "DASHSCOPE_API_KEY" in document["error"]["fix"]
    assert len(emulator.requests) == 1 and emulator.creates == [] and journal(home) == [] and not (work / "new").exists()


@pytest.mark.parametrize("key, base_url, env", [
    (PLAN_KEY, "https://token-plan.cn-beijing.maas.aliyuncs.com", {}), (STANDARD_KEY, "https://token-plan.cn-beijing.maas.aliyuncs.com", {}),
    (PLAN_KEY, "https://coding.dashscope.aliyuncs.com/v1", {}), (PLAN_KEY, "", {"QIANWEN_KEY_GUARD": "strict"}), (None, "", {}),
    ("sk-your-key-here", "", {}), ("sk-ant-0123456789abcdef", "", {}), ("sk-has blank-0123456789", "", {})])
def test_key_that_is_refused(draw, emulator, work, home, key, base_url, env):
    result = draw("a fox", "--image", big_photo(work), "-o", "new/", key=key, base_url=base_url, env=env)
    assert result.code == 3 and emulator.requests == [] and "error: " in result.err and "  next: " in result.err, result
    assert left_in(work) == [] and not (work / "new").exists() and journal(home) == []


def big_photo(folder) -> str:
    (folder / "photo.png").write_bytes(PNG)
    return "photo.png"


def test_no_key_is_needed_for_links_that_are_kept(draw, emulator, work):
    emulator.inject("download-expired", times=1)
    result = draw("a fox", "-o", "fox.png")
    assert result.code == 9, result
    assert draw(*command_in(result.err), key=None).code == 0
    assert assert_right(emulator, work, "a fox", 1) == ["fox.png"]


# ---- the folder alone ------------------------------------------------------------------------------------------------

def test_folder_copied_alone(run, emulator, work, tmp_path):
    target = tmp_path / "alone" / SKILL
    shutil.copytree(ROOT / "skills" / SKILL, target, ignore=shutil.ignore_patterns("__pycache__"))
    script = target / "scripts" / "image.py"
    assert run("--help", script=script, key=None).code == 0
    result = run("a fox", *TASK, "-n", 2, "--gallery", "-o", "out/", script=script)
    assert result.code == 0 and len(assert_right(emulator, work, "a fox", 2)) == 2, result


def test_help_names_every_flag(draw):
    said = draw("--help", key=None).out
    for flag in ("--image", "--mask", "--box", "--negative", "--size", "--aspect", "--quality", "-n", "--seed", "--prompt-extend",
                 "--no-prompt-extend", "--watermark", "--no-watermark", "--series", "--interleave", "--max-images", "--function",
                 "--no-wait", "--max-wait", "--resume", "--status", "--cancel", "--tasks", "--no-sidecar", "--gallery", "--estimate",
                 "--again", "--batch", "--concurrency", "--model", "--set", "--request", "-o", "--overwrite", "--json", "--dry-run",
                 "--check", "--timeout", "--retries", "-q", "-v", "--version"):
        assert re.search(rf"(?m)^  (-\w, )?(-\w )?.*{re.escape(flag)}\b", said), flag
