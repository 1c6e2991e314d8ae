"""vision.py as people and agents run it, against the emulator: what it prints, sends and returns."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from shared.chat.answer import Answer
from shared.cli.console import Console
from shared.media.uploads import upload_progress
from tests import media_samples as samples
from tests.conftest import PLAN_KEY, ROOT, SCRIPTS, STANDARD_KEY

FOLDER = ROOT / "skills" / "qianwen-vision"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
PNG = samples.png(320, 200, [(200, 50, 50)] * 160 + [(50, 50, 200)] * 160)
JPEG = samples.jpeg(160, 90, 40)
MP4 = samples.mp4(6, 320, 240)
RED_AND_BLUE = "PNG, 320 x 200 pixels, red (#c83232) on the left, blue (#3232c8) on the right"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HEADER = "x-dashscope-ossresourceresolve"


def write(folder, name, content, size=0):
    """A file: bytes as they are (made up to `size` with zeros), anything else as JSON."""
    with open(folder / name, "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        if size:
            file.truncate(size)
    return name


@pytest.fixture
def see(run, work):
    """Run vision.py in a folder with a few media in it."""
    for name, content in (("photo.png", PNG), ("grey.jpg", JPEG), ("video.mp4", MP4)):
        write(work, name, content)
    return lambda *arguments, **more: run(*arguments, skill="qianwen-vision", **more)


def sent(emulator):
    """The body of the last model request."""
    return [request.json for request in emulator.requests if request.json][-1]


def parts(emulator):
    return sent(emulator)["messages"][-1]["content"]


def refused(result, emulator, *words, code=2):
    """The run ended before anything was sent, and said why in a way that has these words."""
    assert result.code == code and emulator.requests == [], result
    assert [word for word in words if word not in result.err] == [], result
    assert result.err.count("qianwen-vision: error: ") == 1 and result.out == ""


# ---- media arrive as they are ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("argument, stdin", [
    ("photo.png", b""), ("./photo.png", b""), ("file", b""), ("-", PNG), (samples.data_url(PNG, "image/png"), b""),
    (samples.data_url(PNG, "image/jpeg"), b"")],
    ids=["path", "dot", "file URL", "stdin", "data URL", "mislabelled data URL"])
@pytest.mark.parametrize("flags", [(), ("--no-stream",)], ids=["streamed", "whole"])
def test_picture_arrives(see, emulator, work, argument, stdin, flags):
    argument = (work / "photo.png").as_uri() if argument == "file" else argument
    result = see("What is it?", "--image", argument, *flags, stdin=stdin)
    assert result.code == 0 and f"I see 1 picture: {RED_AND_BLUE}." in result.out, result
    assert parts(emulator)[0] == {"type": "image_url", "image_url": {"url": samples.data_url(PNG, "image/png")}}
    assert [HEADER in request.headers for request in emulator.requests] == [False]


def test_several_pictures_arrive_in_order(see):
    result = see("Compare", "--image", "grey.jpg", "photo.png", "--image", "https://h/c.png")
    assert re.search(r"I see 3 pictures: \(1\) JPEG, 160 x 90 pixels.*\(2\) PNG, 320 x 200.*\(3\) at https://h/c.png",
                     result.out), result


@pytest.mark.parametrize("data, told", [
    (samples.webp(40, 30), "WebP, 40 x 30"), (samples.bmp(40, 30), "BMP, 40 x 30"), (samples.tiff(40, 30), "TIFF, 40 x 30"),
    (samples.heic(40, 30), "HEIC, 40 x 30")])
def test_every_format_arrives_whatever_the_name(see, work, data, told):
    assert told in see("What?", "--image", write(work, "photo.png", data)).out


def test_web_address_goes_as_it_is(see, emulator):
    assert "at https://h/a.png?x=1" in see("What?", "--image", "https://h/a.png?x=1").out
    assert parts(emulator)[0]["image_url"] == {"url": "https://h/a.png?x=1"}


def test_video_and_frames_arrive(see, emulator):
    result = see("What?", "--video", "video.mp4", "--fps", "0.5")
    assert "MP4, 320 x 240 pixels, 6 seconds" in result.out and parts(emulator)[0]["fps"] == 0.5, result
    result = see("What?", "--frames", *["photo.png", "grey.jpg"] * 2, "--fps", "2")
    assert f"4 frames, the first {RED_AND_BLUE}" in result.out, result
    assert parts(emulator)[0]["type"] == "video" and parts(emulator)[0]["fps"] == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1/a.png", "http://localhost:3000/a.png", "https://192.168.1.3/a.png", "http://nas.local/a.png",
                                 "http://0x7f000001/a.png", "http://[::1]/a.png", "http://[fd00::1]/a.png", "http://100.64.0.1/a.png"])
def test_an_address_that_the_service_cannot_open_is_warned_of(see, emulator, url):
    for flags in ((), ("--dry-run",)):
        result = see("What?", "--image", url, *flags)
        assert result.code == 0 and f"warning: the service opens {url} itself, but only" in result.err and "path of the file" in result.err
    assert len(emulator.requests) == 1


def test_an_address_that_is_open_to_all_or_at_the_endpoint_is_not_warned_of(see, emulator):
    for url in ("https://8.8.8.8/a.png", "https://example.com/a.png", f"{emulator.url}/a.png", "oss://bucket/a.png"):
        result = see("What?", "--image", url)
        assert "warning" not in result.err and len(emulator.requests) == 1, result
        emulator.requests.clear()


# ---- uploads ---------------------------------------------------------------------------------------------------------

LARGE = 7_000_001


def test_large_file_is_uploaded_and_named(see, emulator, work):
    write(work, "big.png", PNG, LARGE)
    result = see("What?", "--image", "big.png", "photo.png", "big.png")
    assert result.code == 0 and "I see 3 pictures" in result.out and RED_AND_BLUE in result.out, result
    policy, form, call = emulator.requests
    upload, = emulator.uploads
    assert upload.sha256 == hashlib.sha256(PNG + bytes(LARGE - len(PNG))).hexdigest() and upload.content_type == "image/png"
    assert (policy.query["model"], form.authorized, call.json["model"]) == ("qwen3.7-plus", False, "qwen3.7-plus")
    urls = [part["image_url"]["url"] for part in call.json["messages"][0]["content"][:3]]
    assert urls[0] == urls[2] == "oss://" + upload.key and urls[1].startswith("data:image/png;base64,")
    assert [request.headers.get(HEADER) for request in emulator.requests] == [None, None, "enable"]


def test_upload_of_stdin_and_of_a_video_for_the_model_that_sees_it(see, emulator):
    result = see("What?", "--video", "-", "--model", "qwen3-vl-plus", stdin=samples.mp4(6, size=LARGE))
    assert result.code == 0 and "MP4" in result.out, result
    assert emulator.requests[0].query["model"] == "qwen3-vl-plus" and emulator.uploads[0].key.endswith(".mp4")


def test_upload_for_a_built_in_ocr_task(see, emulator, work):
    result = see("--ocr", "text_recognition", "--image", write(work, "big.png", PNG, LARGE))
    assert result.code == 0 and emulator.requests[-1].headers[HEADER] == "enable", result
    assert sent(emulator)["input"]["messages"][0]["content"] == [{"image": "oss://" + emulator.uploads[0].key}]


def test_address_of_an_earlier_upload(see, emulator, work):
    assert see("One", "--image", write(work, "big.png", PNG, LARGE)).code == 0
    url = "oss://" + emulator.uploads[0].key
    before = len(emulator.requests)
    result = see("Two", "--image", url)
    call, = emulator.requests[before:]
    assert result.code == 0 and RED_AND_BLUE in result.out and call.headers[HEADER] == "enable", result


def test_upload_that_the_storage_refuses(see, emulator, work):
    emulator.inject("oss-403", times=None)
    result = see("What?", "--image", write(work, "big.png", PNG, LARGE), "--json")
    assert result.code == 8 and emulator.chat_requests == [] and len(emulator.requests) == 2, result
    error = result.document["error"]
    assert (error["http_status"], error["code"]) == (403, "AccessDenied") and "object storage refused" in result.err
    assert "http(s) address" in error["fix"]


@pytest.mark.parametrize("fault, statuses",
                         [("policy-expired", [200, 403, 200, 200, 200]), ("oss-reset", [200, 0, 200, 200])])
def test_upload_that_fails_once_goes_on(see, emulator, work, fault, statuses):
    emulator.inject(fault)
    result = see("What?", "--image", write(work, "big.png", PNG, LARGE))
    assert result.code == 0 and RED_AND_BLUE in result.out, result
    assert [request.status for request in emulator.requests] == statuses


def test_file_beyond_the_credential(see, emulator, work):
    emulator.max_file_size_mb = 5
    result = see("What?", "--image", write(work, "big.png", PNG, LARGE))
    assert result.code == 2 and "big.png has 7.0 MB" in result.err and emulator.uploads == [], result


def test_progress_is_told_after_a_second(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    tell = upload_progress(Console("qianwen-vision"), "big.mp4")
    for sent_bytes, moment in ((10, 0.5), (30, 1.5), (31, 1.6), (100, 3)):
        now[0] = moment
        tell(sent_bytes, 100)
    assert [line.split(": ")[2] for line in capsys.readouterr().err.splitlines()] == ["30 % of 100 bytes", "100 % of 100 bytes"]


# ---- refusals --------------------------------------------------------------------------------------------------------

REFUSED = [
    ("none.png", None, ("none.png does not exist", "next: check the path")),
    ("text.png", b"Some text\n" * 9, ("text.png is not a picture", "JPEG, PNG, WEBP, BMP, TIFF, HEIC")),
    ("empty.png", b"", ("empty.png is empty",)),
    ("large.png", 30_000_000, ("large.png has 30.0 MB", "20.0 MB at most")),
    ("dot.png", samples.png(1, 1), ("dot.png is 1 x 1 pixels", "at least 11")),
    (".git", None, (".git is a folder",)),
    ("a.gif", samples.gif(20, 20), ("a.gif is image/gif",)),
]


@pytest.mark.parametrize("name, content, words", REFUSED, ids=[row[0] for row in REFUSED])
@pytest.mark.parametrize("flag", ["--image", "--frames"])
def test_bad_file_is_refused_before_anything_is_sent(see, emulator, work, name, content, words, flag):
    if content is not None:
        write(work, name, *((PNG, content) if isinstance(content, int) else (content,)))
    files = [name] if flag == "--image" else ["photo.png", "grey.jpg", "photo.png", name]
    result = see("What?", flag, *files)
    refused(result, emulator, flag, *words)
    assert len({row[2][0].split(" ", 1)[1] for row in REFUSED}) == len(REFUSED), "each has a message of its own"


@pytest.mark.parametrize("arguments, words", [
    (("Hi",), ("no picture and no video", "--image")), (("--image", "photo.png"), ("no question",)),
    (("Hi", "--image", "photo.png", "--model", "qwen3.7-max"),
     ("qwen3.7-max takes only text", "qwen3.7-plus", "qwen3.8-max")),
    (("Hi", "--image", "photo.png", "--fps", "2"), ("--fps",)),
    (("Hi", "--video", "video.mp4", "--fps", "11"), ("--fps", "[0.1, 10]")),
    (("Hi", "--video", "video.mp4", "--fps", "nan"), ("--fps", "[0.1, 10]")),
    (("Hi", "--image", "photo.png", "--max-pixels", "0"), ("--max-pixels", "[1, ")),
    (("--ocr", "tables", "--image", "photo.png"), ("--ocr tables: there is no such task", "table_parsing")),
    (("Hi", "--image", "-", "-"), ("stdin can be read only once",)), (("-", "--image", "-"), ("stdin can be read only once",)),
    (("Hi", "--image", "video.mp4"), ("video.mp4 is video/mp4",)),
    (("Hi", "--video", "photo.png"), ("photo.png is image/png",)),
    (("Hi", "--image", "photo.png", " "), ("--image",)),
    (("Hi", "--image", "photo.png", "-o", ""), ("--output names no file",)),
    (("Hi", "--image", "file://[x"), ("--image",)), (("Hi", "--frames", "photo.png"), ("1 picture", "4 to 8000")),
], ids=lambda item: " ".join(item)[:50])
def test_bad_usage_is_refused(see, emulator, arguments, words):
    refused(see(*arguments), emulator, *words)


def test_blank_behind_the_pictures_is_no_defect(see, emulator):
    refused(see("--image", "photo.png", " "), emulator)


def test_usage_error_is_one_document_too(see, emulator):
    result = see("What?", "--image", "none.png", "--json")
    assert (result.code, result.document["error"]["kind"], emulator.requests) == (2, "usage", [])


# ---- answers ---------------------------------------------------------------------------------------------------------

def test_reasoning_model_streams_only(see, emulator):
    emulator.reply(reasoning="Let me look.", text="A cat.")
    result = see("What?", "--image", "photo.png", "--model", "qvq-max", "--no-stream")
    assert (result.code, result.out) == (0, "A cat.\n") and "Let me look." in result.err and "only streams its answers" in result.err
    assert sent(emulator)["stream"] is True


def test_document(see, emulator):
    emulator.reply(reasoning="Hm.", text="A cat")
    document = see("What?", "--image", "photo.png", "--json").document
    assert set(document) == {"ok", "skill", "model", "request_id", "text", "reasoning", "finish_reason", "usage",
                             "billing", "warnings"}
    assert (document["skill"], document["text"], document["reasoning"]) == ("qianwen-vision", "A cat", "Hm.")
    assert document["billing"]["plan"] == "pay-as-you-go" and document["usage"]["prompt_tokens_details"]["image_tokens"] > 0


def test_output_file(see, emulator, work):
    emulator.reply(text="一只猫")
    assert see("What?", "--image", "photo.png", "-o", "new/a.md").out == "new/a.md\n"
    assert (work / "new" / "a.md").read_text("utf-8") == "一只猫\n"
    refused(see("What?", "--image", "photo.png", "-o", "photo.png"), _after(emulator), "photo.png exists already", code=7)
    assert re.fullmatch(r"out/table-parsing-[0-9a-f]{6}\.md\n",
                        see("--ocr", "table_parsing", "--image", "photo.png", "-o", "out/").out)


def _after(emulator):
    emulator.reset()
    return emulator


def test_schema(see, emulator, work):
    emulator.reply(text='```json\n{"city": "Rome"}\n```')
    arguments = ("Where?", "--image", "photo.png", "--schema", write(work, "city.json", CITY))
    assert see(*arguments).out == '{"city": "Rome"}\n'
    assert sent(emulator)["response_format"] == {"type": "json_object"} and sent(emulator)["enable_thinking"] is False
    assert json.dumps(CITY) in sent(emulator)["messages"][0]["content"]
    emulator.reply(text='{"city": 5}')
    result = see(*arguments)
    assert (result.code, result.out) == (8, "") and "$.city is not of type string" in result.err
    emulator.reply(text='{"a": 1}')
    assert see("Where?", "--image", "photo.png", "--json-object").out == '{"a": 1}\n'


def test_pixels_and_resolution(see, emulator):
    tokens = []
    for flags in ((), ("--max-pixels", "5000"), ("--min-pixels", "900000"), ("--high-resolution",)):
        document = see("What?", "--image", "photo.png", *flags, "--json").document
        tokens.append(document["usage"]["prompt_tokens_details"]["image_tokens"])
    assert tokens[1] < tokens[0] < tokens[2] and sent(emulator)["vl_high_resolution_images"] is True


# ---- OCR -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("flags", [("--ocr",), ("--ocr", "table_parsing"), ("What?", "--ocr"), ("What?",)])
def test_estimate_counts_what_the_service_asks_itself(see, flags):
    units = see(*flags, "--image", "photo.png", "--estimate", "--json").document["estimate"]["units"]
    usage = see(*flags, "--image", "photo.png", "--json").document["usage"]
    told = usage.get("prompt_tokens") or usage["input_tokens"]
    assert told - 3 <= units["input_tokens"] <= told + 5


@pytest.mark.parametrize("setting, named", [
    ("input.messages=5", "--set messages"), ("input.messages=[]", "--set messages"), ("max_tokens=-5", "max_tokens"),
    ("parameters.n=1e3", "n must be")])
@pytest.mark.parametrize("way", [("--estimate",), ()])
def test_a_setting_that_leaves_no_body_of_a_task_is_refused(see, emulator, setting, named, way):
    refused = see("--ocr", "text_recognition", "--image", "photo.png", "--set", setting, *way)
    assert refused.code == 2 and named in refused.err and not emulator.requests, refused


def test_a_task_takes_other_settings_as_they_are(see, emulator):
    done = see("--ocr", "text_recognition", "--image", "photo.png", "--set", "max_tokens=9", "--set", "messages=5", "--dry-run")
    assert json.loads(done.out)["body"]["parameters"] == {
        "ocr_options": {"task": "text_recognition"}, "max_tokens": 9, "messages": 5}
    assert see("--ocr", "text_recognition", "--image", "photo.png", "--set", "messages=5", "--estimate").code == 0


def test_plain_ocr(see, emulator):
    assert RED_AND_BLUE in see("--ocr", "--image", "photo.png").out
    assert sent(emulator)["model"] == "qwen-vl-ocr" and len(parts(emulator)) == 1
    assert see("Read the date", "--ocr", "--image", "photo.png").code == 0
    assert parts(emulator)[1] == {"type": "text", "text": "Read the date"}


@pytest.mark.parametrize("task, begin, extra", [
    ("text_recognition", "EMULATOR", None), ("advanced_recognition", "EMULATOR", "words_info"),
    ("table_parsing", "<table>", None),
    ("document_parsing", "\\documentclass", None), ("formula_recognition", "\\text{", None), ("multi_lan", "EMULATOR", None),
    ("key_information_extraction", "```json", "kv_result")])
def test_built_in_task(see, emulator, task, begin, extra):
    assert see("--ocr", task, "--image", "photo.png").out.startswith(begin)
    document = see("--ocr", task, "--image", "photo.png", "--json").document
    assert list(document.get("ocr_result", {})) == ([extra] if extra else []), document
    assert emulator.requests[-1].path == "/api/v1/services/aigc/multimodal-generation/generation"
    assert sent(emulator)["parameters"]["ocr_options"] == {"task": task}


def test_fields_of_key_information_extraction(see, emulator, work):
    fields = {"date": "yyyy-mm-dd", "invoice": {"no": ""}}
    document = see("--ocr", "key_information_extraction", "--image", "photo.png", "--schema",
                   write(work, "f.json", fields), "--json").document
    assert document["ocr_result"] == {"kv_result": {"date": "date of the emulator", "invoice": {"no": "no of the emulator"}}}
    assert document["warnings"] == []


@pytest.mark.parametrize("said", ["", " \n"])
@pytest.mark.parametrize("task, found, text", [
    ("key_information_extraction", {"kv_result": {"total": "12.50"}}, {"total": "12.50"}),
    ("advanced_recognition", {"words_info": [{"text": "12.50"}]}, {"words_info": [{"text": "12.50"}]})])
def test_what_a_built_in_task_found_is_the_result_where_no_text_is(see, work, monkeypatch, said, task, found, text):
    take = Answer.take
    monkeypatch.setattr(Answer, "take", lambda answer, body: take(answer, {"output": {"choices": [
        {"finish_reason": "stop", "message": {"content": [{"text": said, "ocr_result": found}]}}]}}))
    asked = ("--ocr", task, "--image", "photo.png")
    assert json.loads(see(*asked).out) == text
    assert see(*asked, "-o", "found.json").code == 0 and json.loads((work / "found.json").read_text("utf-8")) == text
    document = see(*asked, "--json").document
    assert document["ocr_result"] == found and json.loads(document["text"]) == text


# ---- the prompt ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("prompt", ["it's \"quoted\" and $HOME `ticked` \\n", "你好，这是什么？", "😀 emoji 👩‍💻", "two\nlines\n"])
def test_prompt_arrives_as_it_is(see, emulator, prompt):
    for arguments, stdin in ((("--image", "photo.png", "--", prompt), b""),
                             (("-", "--image", "photo.png"), prompt.encode())):
        assert see(*arguments, stdin=stdin).code == 0
        assert parts(emulator)[-1]["text"] == prompt


@pytest.mark.parametrize("arguments", [
    ("--image", "photo.png", "What is it?"), ("--image", "photo.png", "grey.jpg", "What is it?"),
    ("--ocr", "What is it?", "--image", "photo.png"),
    ("--frames", "photo.png", "photo.png", "photo.png", "photo.png", "What is it?"),
    ("--video", "video.mp4", "What is it?")])
def test_prompt_that_a_flag_swallowed_is_given_back(see, emulator, arguments):
    result = see(*arguments)
    assert result.code == 0 and parts(emulator)[-1] == {"type": "text", "text": "What is it?"}, result
    assert ("ocr" in sent(emulator)["model"]) is ("--ocr" in arguments)


@pytest.mark.parametrize("prompt", ["这是什么？", "Q: what is it?", "Describe"])
def test_prompt_among_the_files_is_given_back_or_told_of(see, emulator, prompt):
    result = see("--image", "photo.png", prompt)
    assert (result.code == 0 and parts(emulator)[-1]["text"] == prompt) or (
        result.code == 2 and "prompt first" in result.err), result


# ---- --dry-run, --check and the key ----------------------------------------------------------------------------------

def test_dry_run(see, emulator, work):
    write(work, "big.png", PNG, LARGE)
    result = see("What?", "--image", "photo.png", "big.png", samples.data_url(JPEG, "image/png"), "--dry-run", key=None)
    document = result.document
    assert result.code == 0 and emulator.requests == [] and len(result.out) < 4000, result
    assert set(document) == {"method", "url", "headers", "body", "before"}
    assert [part.get("image_url", part)["url" if "image_url" in part else "text"]
            for part in document["body"]["messages"][0]["content"]] == [
        f"data:image/png;base64,<{len(PNG)} bytes>", f"oss://<upload of big.png, {LARGE} bytes>",
        f"data:image/jpeg;base64,<{len(JPEG)} bytes>", "What?"]
    before, = document["before"]
    assert before["url"].endswith("/api/v1/uploads?action=getPolicy&model=qwen3.7-plus") and "big.png" in before["then"]
    assert document["headers"]["X-DashScope-OssResourceResolve"] == "enable"


def test_only_pictures_that_travel_inside_the_request_are_limited_to_250(see, emulator, work):
    """Section 4 of the updates: 250 pictures when they are base64; what is uploaded counts as an address."""
    small = samples.png(40, 30)
    for number in range(256):
        write(work, f"s{number}.png", small)
        write(work, f"m{number}.png", small[:-12] + samples.png_chunk(b"teSt", bytes(108_000)) + small[-12:])
    document = see("What?", "--image", *(f"m{number}.png" for number in range(256)), "--dry-run").document
    assert len(document["before"]) == 146, "12 MB hold 110 of them"
    refused(see("What?", "--image", *(f"s{number}.png" for number in range(251)), "--dry-run"), emulator, "251 local pictures", "at most 250")


def test_dry_run_shows_what_a_call_sends(see, emulator):
    arguments = ("What?", "--image", "https://h/a.png", "--system", "S", "--set", "top_k=5", "--max-pixels", "5000")
    document = see(*arguments, "--dry-run").document
    assert "before" not in document and "X-DashScope-OssResourceResolve" not in document["headers"]
    assert see(*arguments).code == 0 and sent(emulator) == document["body"]
    document = see("--ocr", "multi_lan", "--image", "photo.png", "--dry-run").document
    assert document["url"].endswith("/multimodal-generation/generation") and "input" in document["body"]


def test_dry_run_still_refuses(see, emulator):
    refused(see("What?", "--image", "none.png", "--dry-run", key=None), emulator, "none.png does not exist")


@pytest.mark.parametrize("key, code", [(STANDARD_KEY, 0), (None, 3), ("sk-your-key-here", 3)])
def test_check(see, emulator, key, code):
    assert see("--check", key=key).code == code and emulator.requests == []


def test_plan_key_is_refused_with_the_reason_of_this_skill(see, emulator):
    result = see("What?", "--image", "photo.png", key=PLAN_KEY, base_url=None)
    assert "not in the Token Plan list" in result.err and emulator.requests == [], result
    result = see("--check", key=PLAN_KEY, base_url=None)
    assert "vision models are not in the Token Plan list" in result.out + result.err, result


def test_no_key_sends_nothing(see, emulator, work):
    refused(see("What?", "--image", write(work, "big.png", PNG, LARGE), key=None), emulator, "key", code=3)


def test_unknown_model_is_sent_with_a_warning(see, emulator):
    result = see("What?", "--image", "photo.png", "--model", "qwen3.9-nova")
    assert sent(emulator)["model"] == "qwen3.9-nova" and "warning: qwen3.9-nova is not in" in result.err


# ---- encodings, the folder alone, signals ----------------------------------------------------------------------------

@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii"])
def test_every_code_page(see, emulator, encoding):
    env = {"PYTHONIOENCODING": encoding}
    result = see("--help", env=env)
    assert result.code == 0 and "千问云" in result.out and result.err == ""
    emulator.reply(text="你好 😀")
    assert see("千问?", "--image", "photo.png", env=env).out == "你好 😀\n"
    assert "照片.png" in see("千问?", "--image", "照片.png", env=env).err


def test_help_names_every_flag(see):
    said = see("--help", key=None).out
    flat = re.sub(r"-\s+(?=ocr)|\s+", lambda found: found.group()[:1].strip() or " ", said)
    for flag in ("--image", "--video", "--frames", "--fps", "--ocr", "--min-pixels", "--max-pixels", "--high-resolution",
                 "--think",
                 "--no-think", "--thinking-budget", "--schema", "--json-object", "--max-tokens", "--no-stream", "--system",
                 "--model",
                 "--set", "--request", "-o", "--json", "--dry-run", "--check", "--retries", "--version"):
        assert re.search(rf"(?m)^  (-\w, )?(-\w )?.*{re.escape(flag)}\b", said), flag
    assert all(word in flat for word in ("qwen3.7-plus", "qwen-vl-ocr", "key_information_extraction"))


def test_folder_copied_alone(run, emulator, work, tmp_path):
    target = tmp_path / "alone" / "qianwen-vision"
    shutil.copytree(FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"))
    script, picture = target / "scripts" / "vision.py", write(work, "photo.png", PNG)
    assert run("--check", script=script).code == 0 and emulator.requests == []
    assert RED_AND_BLUE in run("Q", "--image", picture, script=script).out


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_while_a_file_is_uploaded(emulator, home, work, number):
    emulator.inject("hang", path="/@oss/", seconds=20)
    write(work, "big.png", PNG, LARGE)
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS["qianwen-vision"]), "What?", "--image", "big.png", "-o", "new/a.md"], cwd=str(work),
        env={"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY, "QWEN_BASE_URL": emulator.url,
             "PYTHONDONTWRITEBYTECODE": "1"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while len(emulator.requests) < 2:
        assert process.poll() is None
    process.send_signal(number)
    out, said = (stream.decode() for stream in process.communicate(timeout=60))
    assert (process.returncode, out) == (130, "") and "error: interrupted" in said and "Traceback" not in said, said
    assert sorted(os.listdir(work)) == [".git", "big.png"] and emulator.chat_requests == []
