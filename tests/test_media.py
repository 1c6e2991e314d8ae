"""A media argument on its way to the wire: what it is, what is refused, and the temporary upload of what is too large."""
from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import sys
from types import SimpleNamespace

import pytest

from shared import key_guard
from shared.body import needs_oss_header
from shared.failures import Exit, Failure
from shared.media import inputs as media
from shared.media.addressing import address_all, oss_headers
from shared.media.prompt import take_prompt_back
from shared.media.uploads import policy_request, preview_uploads, Uploader
from shared.transport.client import Client
from shared.transport.context import ServiceError
from shared.transport.request import Request
from shared.transport.retries import Retries
from tests import media_samples as samples
from tests.conftest import STANDARD_KEY
from tests.emulator import faults
from tests.emulator.wire import Reply
from vision_models import picture_limits, TABLE, video_limits

MODEL = "qwen3.6-plus"
PICTURE, VIDEO = picture_limits(TABLE.find(MODEL)[0]), video_limits(TABLE.find(MODEL)[0])
PNG, JPEG, MP4 = samples.png(40, 30), samples.jpeg(40, 30), samples.mp4()
POSIX = pytest.mark.skipif(os.name == "nt", reason="files of POSIX")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def look(argument, limits=PICTURE, flag="--image"):
    return media.look(str(argument), flag, limits)


def refusal(argument, limits=PICTURE, flag="--image"):
    with pytest.raises(Failure) as caught:
        look(argument, limits, flag)
    assert caught.value.exit_code == Exit.USAGE and caught.value.message.startswith(flag)
    return f"{caught.value.message} | {caught.value.fix}"


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


# ---- what an argument is ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data, kind, sides", [
    (PNG, "image/png", (40, 30)), (JPEG, "image/jpeg", (40, 30)), (samples.webp(40, 30), "image/webp", (40, 30)),
    (samples.bmp(40, 30), "image/bmp", (40, 30)), (samples.tiff(40, 30), "image/tiff", (40, 30)),
    (samples.heic(40, 30), "image/heic", None)])
@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "照片 (1).dat", "it's", "photo.mp4"])
def test_a_file_is_what_its_bytes_are(folder, name, data, kind, sides):
    (folder / name).write_bytes(data)
    found = look(name)
    assert (found.media_type, found.size, found.url, found.path) == (kind, len(data), "", name)
    assert sides is None or (found.width, found.height) == sides
    assert media.data_url(found) == samples.data_url(data, kind)
    assert found.read() == data and found.name == name


@pytest.mark.parametrize("form", ["file://{}", "file://localhost{}", "FILE://{}"])
@pytest.mark.parametrize("name, encoded", [("a.png", "a.png"), ("a b%é.png", "a%20b%25%C3%A9.png"), ("照片.png", "照片.png"),
                                           ("a+b.png", "a+b.png")])
def test_file_url(folder, form, name, encoded):
    (folder / name).write_bytes(PNG)
    assert look(form.format(f"{folder.as_posix()}/{encoded}")).read() == PNG


@pytest.mark.parametrize("url", ["http://h/a.png", "https://h:8/a.png?x=1&y=%20#f", "https://h/file.gif",
                                 "oss://dashscope-instant/照片.png", "oss://dashscope-instant/aa/2026-06-01/bb/a.png", "oss://a"])
@pytest.mark.parametrize("limits", [PICTURE, VIDEO])
def test_address_goes_as_it_is(url, limits):
    found = look(url, limits)
    assert (found.url, found.address, found.data, found.path) == (url, url, None, "")


@pytest.mark.parametrize("url, sent", [
    ("HTTPS://H/照片.jpg", "HTTPS://H/%E7%85%A7%E7%89%87.jpg"), ("https://h:8/é?q=图#片", "https://h:8/%C3%A9?q=%E5%9B%BE#%E7%89%87"),
    ("https://h/%E7%85%A7/片%20+&b=c%2F", "https://h/%E7%85%A7/%E7%89%87%20+&b=c%2F"), ("https://h?图", "https://h?%E5%9B%BE"),
    ("http://例子.测试:8080/a.png", "http://xn--fsqu00a.xn--0zwm56d:8080/a.png"),
    ("http://x:é@Bücher.example/", "http://x:%C3%A9@xn--bcher-kva.example/"),
    ("http://straße.example/é", "http://straße.example/%C3%A9")])
def test_address_is_sent_in_ascii(url, sent):
    found = look(url)
    assert (found.url, found.address, found.name) == (sent, sent, url)
    assert look(sent).address == sent, "what is encoded is not encoded again"


@pytest.mark.parametrize("url, data, kind", [
    (samples.data_url(PNG, "image/png"), PNG, "image/png"), (samples.data_url(JPEG, "image/png"), JPEG, "image/jpeg"),
    (samples.data_url(PNG, "text/plain"), PNG, "image/png"),
    (samples.data_url(PNG, "image/png;charset=x"), PNG, "image/png"),
    ("data:;base64," + base64.b64encode(PNG).decode(), PNG, "image/png"),
    (samples.data_url(PNG, "image/png").replace("+", "%2B").replace("=", "%3D"), PNG, "image/png")],
    ids=["right", "wrong type", "text type", "parameter", "no type", "quoted"])
def test_data_url_gets_the_type_of_its_bytes(url, data, kind):
    found = look(url)
    assert (found.data, found.media_type, found.name) == (data, kind, "the data URL")
    assert media.data_url(found) == samples.data_url(data, kind)


def test_stdin(monkeypatch):
    stdin(monkeypatch, JPEG)
    found = look("-")
    assert (found.read(), found.media_type, found.width, found.name) == (JPEG, "image/jpeg", 40, "stdin")


@pytest.mark.parametrize("data, kind, facts", [
    (MP4, "video/mp4", (320, 240, 4.0)), (samples.mp4(brand=b"qt  "), "video/quicktime", (320, 240, 4.0)),
    (samples.mp4(2), "video/mp4", (320, 240, 2.0)), (samples.mp4(7200), "video/mp4", (320, 240, 7200.0)),
    (b"RIFF\0\0\0\0AVI LIST" + bytes(9), "video/x-msvideo", (0, 0, 0)), (b"FLV\x01" + bytes(9), "video/x-flv", (0, 0, 0))])
def test_video_is_what_its_bytes_are(folder, data, kind, facts):
    (folder / "a.png").write_bytes(data)
    found = look("a.png", VIDEO, "--video")
    assert (found.media_type, (found.width, found.height, found.seconds)) == (kind, facts)


# ---- what is refused -------------------------------------------------------------------------------------------------

FORMATS = "JPEG, PNG, WEBP, BMP, TIFF, HEIC"
BIG_PNG = PNG[:33]
REFUSED_FILES = [
    ("empty.png", b"", PICTURE, ["empty.png is empty"]),
    ("text.png", b"This is a text, named .png\n" * 4, PICTURE, ["text.png is not a picture", "whatever its name", FORMATS]),
    ("page.jpg", b"<html><body>404</body></html>", PICTURE, ["page.jpg is not a picture", FORMATS]),
    ("one.png", samples.png(1, 1), PICTURE, ["one.png is 1 x 1 pixels", "at least 11 pixels"]),
    ("ten.png", samples.png(10, 300), PICTURE, ["ten.png is 10 x 300", "at least 11"]),
    ("flat.jpg", samples.jpeg(300, 10), PICTURE, ["flat.jpg is 300 x 10", "at least 11"]),
    ("wide.png", samples.png(2201, 11), PICTURE, ["wide.png is 2201 x 11", "200 times"]),
    ("tall.png", samples.png(11, 2201), PICTURE, ["tall.png is 11 x 2201", "200 times"]),
    ("large.png", (PNG, 30_000_000), PICTURE, ["large.png has 30.0 MB", "20.0 MB at most", "smaller"]),
    ("just.png", (PNG, 20_000_001), PICTURE, ["just.png has 20.0 MB", "20.0 MB at most"]),
    ("a.gif", samples.gif(40, 30), PICTURE, ["a.gif is image/gif", FORMATS]),
    ("a.png", samples.gif(40, 30), PICTURE, ["a.png is image/gif", "whatever its name", FORMATS]),
    ("a.pdf", b"%PDF-1.7\n", PICTURE, ["a.pdf is application/pdf", FORMATS]),
    ("video.mp4", MP4, PICTURE, ["video.mp4 is video/mp4", "a picture as one of"]),
    ("photo.png", PNG, VIDEO, ["photo.png is image/png", "a video as one of", "MP4"]),
    ("short.mp4", samples.mp4(1.5), VIDEO, ["short.mp4 lasts 1.5 seconds", "2 to 7200 seconds"]),
    ("long.mp4", samples.mp4(7201), VIDEO, ["long.mp4 lasts 7201.0 seconds", "2 to 7200 seconds"]),
    ("large.mp4", (MP4, 2_000_000_001), VIDEO, ["large.mp4 has 2000.0 MB", "2000.0 MB at most"]),
]


@pytest.mark.parametrize("name, content, limits, words", REFUSED_FILES, ids=[row[0] for row in REFUSED_FILES])
def test_file_that_is_refused(folder, name, content, limits, words):
    data, size = content if isinstance(content, tuple) else (content, len(content))
    with open(folder / name, "wb") as file:
        file.write(data)
        file.truncate(size)
    said = refusal(name, limits, "--image" if limits is PICTURE else "--video")
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize("data", [samples.png(11, 11), samples.png(2200, 11), samples.jpeg(11, 2200)])
def test_sides_at_the_limit_are_taken(folder, data):
    (folder / "a").write_bytes(data)
    assert look("a").size == len(data)


REFUSED_ARGUMENTS = [
    ("none.png", ["none.png does not exist", "check the path", "working directory"]), ("", ["does not exist"]),
    (".", ["is a folder"]), ("there", ["there is a folder"]), ("file:///none.png", ["/none.png does not exist"]),
    ("file://server/share/a.png", ["another host"]), ("file://[x", ["file://[x"]),
    ("data:image/png,abc", ["data URL", "base64"]), ("data:image/png;base64", ["data URL", "base64"]),
    ("data:image/png;base64,", ["the data URL is empty"]), ("data:image/png;base64,@@@@", ["does not contain valid base64"]),
    ("data:image/png;base64,iVBORw0KGgo", ["does not contain valid base64"]),
    ("data:image/png;base64,5Lit5paH", ["not a picture", FORMATS]),
    (samples.data_url(samples.png(1, 1), "image/png"), ["the data URL is 1 x 1"]),
    (samples.data_url(samples.gif(20, 20), "image/png"), ["the data URL is image/gif"]),
    ("http://", ["not a usable address"]), ("https:///a.png", ["not a usable address"]),
    ("http://[x/a.png", ["not a usable"]),
    ("http://h/a b.png", ["not a usable address", "without blanks"]), ("https://h/a\nb.png", ["not a usable address"]),
    ("oss://", ["not a usable address"]), ("ftp://h/a.png", ["ftp:// addresses are not accepted", "oss://"]),
]


@pytest.mark.parametrize("argument, words", REFUSED_ARGUMENTS, ids=[row[0][:30] for row in REFUSED_ARGUMENTS])
def test_argument_that_is_refused(folder, argument, words):
    (folder / "there").mkdir()
    said = refusal(argument)
    assert [word for word in words if word not in said] == [], said


def test_refusal_does_not_repeat_a_data_url():
    assert len(refusal("data:image/png;base64," + "@" * 100_000)) < 300


@pytest.mark.parametrize("data, words", [(b"", "stdin is empty"), (b"Hello, this is text", "stdin is not a picture")])
def test_stdin_that_is_refused(monkeypatch, data, words):
    stdin(monkeypatch, data)
    assert words in refusal("-")


@POSIX
def test_special_files_are_refused_without_reading(folder):
    os.mkfifo(folder / "pipe")
    assert "pipe is not an ordinary file" in refusal("pipe")
    assert "is not an ordinary file" in refusal("/dev/null")
    os.symlink("nowhere", folder / "link")
    assert "link does not exist" in refusal("link")


@POSIX
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read everything")
def test_unreadable_file_is_refused(folder):
    (folder / "a.png").write_bytes(PNG)
    (folder / "a.png").chmod(0)
    assert "a.png cannot be read: Permission denied" in refusal("a.png")


@pytest.mark.parametrize("argument, header", [("oss://a/b", True), ("OSS://a/b", True), ("http://h/oss://b", False)])
def test_address_of_an_upload_in_any_spelling_gets_the_header(argument, header):
    body = {"messages": [{"content": [{"image_url": {"url": look(argument).address}}]}]}
    assert oss_headers(body) == ({"X-DashScope-OssResourceResolve": "enable"} if header else {})


@pytest.mark.parametrize("body, needed", [
    ({"a": "oss://x"}, True), ({"a": [{"b": {"c": ["oss://x"]}}]}, True), ("oss://x", True), ({"a": "see oss://x"}, False),
    ({"oss://x": 1}, False), ([None, 5, True, "oss:/x"], False), ({}, False)])
def test_header_is_for_bodies_that_name_an_upload(body, needed):
    assert needs_oss_header(body) is needed


# ---- inline or uploaded ----------------------------------------------------------------------------------------------

def sized(folder, name, size, data=PNG):
    with open(folder / name, "wb") as file:
        file.write(data)
        file.truncate(size)
    return look(name)


def test_small_files_travel_inline_and_large_ones_wait(folder):
    url, small, large = (look("http://h/a.png"), sized(folder, "small.png", 7_000_000),
                         sized(folder, "large.png", 7_000_001))
    assert address_all([large]) == [large] and address_all([url, small]) == []
    assert url.address == "http://h/a.png" and large.address == "oss://<upload of large.png, 7000001 bytes>"
    head, _, data = small.address.partition(",")
    assert head == "data:image/png;base64" and len(base64.b64decode(data)) == 7_000_000
    assert len(small.address) <= 10_485_760, "the contract's limit of one data URL"


def test_many_small_files_do_not_make_a_large_request(folder):
    """Section 4.2: a body should stay below about 20 MB."""
    files = [sized(folder, f"{number}.png", 6_000_000) for number in range(4)]
    waiting = address_all(files)
    assert waiting and set(waiting) < set(files)
    assert sum(len(item.address) for item in files if item not in waiting) < 20_000_000


# ---- temporary uploads -----------------------------------------------------------------------------------------------

@pytest.fixture
def client(emulator):
    verdict = key_guard.judge(key_guard.inspect_key(STANDARD_KEY), key_guard.parse_base_url(emulator.url), "qianwen-vision")
    return Client(verdict, "qianwen-vision", retries=Retries(2, sleep=lambda seconds: None))


def uploader(client, model=MODEL, **more):
    return Uploader(client, model, **more)


def asked(emulator):
    """Models of the credentials asked for."""
    return [request.query["model"] for request in emulator.requests if request.path == "/api/v1/uploads"]


def test_form_is_exactly_the_contract(folder, client, emulator):
    found = sized(folder, "它's a \"photo\".dat", 100_000)
    url = uploader(client).url(found)
    policy, form = emulator.requests
    assert (policy.method, policy.path, policy.query) == ("GET", "/api/v1/uploads", {"action": "getPolicy", "model": MODEL})
    assert policy.key_kind == "standard"
    assert (form.host, form.method, form.path, form.authorized, form.status) == ("oss", "POST", "/", False, 200)
    upload, = emulator.uploads
    given, = emulator.policies.values()
    assert list(upload.fields.items()) == [
        ("OSSAccessKeyId", "LTAI-emulator"), ("Signature", given.signature), ("policy", given.encoded), ("key", upload.key),
        ("x-oss-object-acl", "private"), ("x-oss-forbid-overwrite", "true"), ("success_action_status", "200")]
    assert url == "oss://" + upload.key and upload.key.startswith(given.upload_dir + "/")
    assert re.fullmatch(r"[A-Za-z0-9._/-]+\.png", upload.key) and upload.filename == upload.key.rpartition("/")[2]
    assert (upload.size, upload.content_type) == (100_000, "image/png")
    assert upload.sha256 == hashlib.sha256(PNG + bytes(100_000 - len(PNG))).hexdigest()


def test_file_field_comes_last(folder, client, monkeypatch):
    bodies = []
    monkeypatch.setattr("shared.media.uploads.upload", lambda client, request: bodies.append((request, b"".join(request.body))))
    uploader(client).url(sized(folder, "a.png", 500))
    (request, body), = bodies
    names = re.findall(rb'; name="([^"]+)"', body)
    assert names[-1] == b"file" and len(names) == len(set(names)) == 8
    assert request.headers == {} and request.method == "POST"


@pytest.mark.parametrize("data, extension", [
    (PNG, "png"), (JPEG, "jpg"), (MP4, "mp4"), (samples.webp(20, 20), "webp"), (samples.mp4(brand=b"qt  "), "mov")])
def test_bytes_without_a_file_are_uploaded_too(client, emulator, data, extension):
    found = look(samples.data_url(data, "x/y"), VIDEO if extension in ("mp4", "mov") else PICTURE)
    assert uploader(client).url(found).endswith("." + extension)
    assert emulator.uploads[0].sha256 == hashlib.sha256(data).hexdigest()


def test_the_same_file_is_sent_once(folder, client, emulator):
    sized(folder, "a.png", 500)
    sending = uploader(client)
    names = ["a.png", "./a.png", str(folder / "a.png"), "file://" + (folder / "a.png").as_posix()]
    assert len({sending.url(look(name)) for name in names}) == 1 and len(emulator.uploads) == 1
    url = samples.data_url(JPEG, "image/jpeg")
    assert sending.url(look(url)) == sending.url(look(url)) and len(emulator.uploads) == 2


def test_a_file_that_changed_is_sent_again(folder, client, emulator):
    sending = uploader(client)
    first, second = sending.url(sized(folder, "a.png", 500)), sending.url(sized(folder, "a.png", 501))
    assert first != second and [upload.size for upload in emulator.uploads] == [500, 501]


def test_files_of_the_same_name_get_keys_of_their_own(folder, client, emulator):
    sending, urls = uploader(client), set()
    for name in "bcd":
        (folder / name).mkdir()
        urls.add(sending.url(sized(folder, f"{name}/a.png", 500)))
    assert len(urls) == 3 and len(asked(emulator)) == 1, "one credential serves them all"


def test_credential_is_renewed_when_it_runs_out(folder, client, emulator):
    now = [1000.0]
    emulator.clock = lambda: now[0]
    sending = uploader(client, clock=lambda: now[0])
    for name, moment, credentials in (("a", 0, 1), ("b", 200, 1), ("c", 290, 2), ("d", 500, 2), ("e", 900, 3)):
        now[0] = 1000.0 + moment
        sending.url(sized(folder, name, 500))
        assert len(asked(emulator)) == credentials, name
    assert [request.status for request in emulator.requests] == [200] * 8, "nothing was sent with an old one"


def test_expired_credential_is_renewed_once(folder, client, emulator):
    emulator.inject("policy-expired")
    assert uploader(client).url(sized(folder, "a.png", 500)) == "oss://" + emulator.uploads[0].key
    assert [request.status for request in emulator.requests] == [200, 403, 200, 200]


def test_expired_credential_is_renewed_once_only(folder, client, emulator):
    emulator.inject("policy-expired", times=None)
    with pytest.raises(Failure) as caught:
        uploader(client).url(sized(folder, "a.png", 500))
    assert (caught.value.exit_code, caught.value.http_status) == (Exit.FAILED, 403)
    assert "expired" in caught.value.message.lower() and caught.value.fix
    assert [request.status for request in emulator.requests] == [200, 403, 200, 403]


@pytest.mark.parametrize("status, code, message, names_the_host", [
    (404, "http_404", "Not Found", True), (400, "InvalidParameter", "action getPolicy is not supported", True),
    (400, "InvalidParameter", "Model not exist.", False), (401, "InvalidApiKey", "no", False)])
def test_a_host_without_temporary_storage(folder, client, monkeypatch, status, code, message, names_the_host):
    client.endpoint = key_guard.parse_base_url("https://maas.qianwenaiapi.com")

    def refuse(*_):
        raise client.context.explain(ServiceError(status, code, message))
    monkeypatch.setattr(client, "json", refuse)
    with pytest.raises(Failure) as caught:
        uploader(client).url(sized(folder, "a.png", 500))
    assert ("QWEN_BASE_URL=https://dashscope.aliyuncs.com" in caught.value.fix) == names_the_host


def test_refusal_of_the_storage_is_explained(folder, client, emulator):
    emulator.inject("oss-403", times=None)
    with pytest.raises(Failure) as caught:
        uploader(client).url(sized(folder, "a.png", 500))
    failure = caught.value
    assert (failure.exit_code, failure.http_status, failure.code) == (Exit.FAILED, 403, "AccessDenied")
    assert "object storage refused" in failure.cause and "http(s) address" in failure.fix and failure.request_id
    assert len(emulator.requests) == 2, "neither the credential nor the form is tried again"


@pytest.mark.parametrize("fault", ["oss-reset", "reset", "502"])
def test_broken_upload_is_sent_again(folder, client, emulator, fault):
    emulator.inject(fault, times=2, path="/@oss/")
    uploader(client).url(sized(folder, "a.png", 300_000))
    assert len(emulator.uploads) == 1 and emulator.uploads[0].size == 300_000 and len(asked(emulator)) == 1


def lose(monkeypatch, emulator, answer=None):
    """The storage does its work, and then the connection breaks: before the answer, or in the middle of it."""
    def lost(exchange, proceed):
        proceed()
        return answer or Reply(status=0, end="reset")
    monkeypatch.setitem(faults.FAULTS, "lost", lost)
    emulator.inject("lost", path="/@oss/")


def test_upload_whose_answer_was_lost_is_no_failure(folder, client, emulator, monkeypatch):
    """The object is there; the same key again would be refused, because overwriting is forbidden."""
    lose(monkeypatch, emulator)
    url = uploader(client).url(sized(folder, "a.png", 500))
    assert url[len("oss://"):] in emulator.objects


@pytest.mark.parametrize("status", [200, 403, 500])
def test_answer_of_the_storage_that_breaks_off_is_no_defect(folder, client, emulator, monkeypatch, status):
    lose(monkeypatch, emulator, Reply(status, body=b"<Error>", length=500, end="reset"))
    try:
        assert uploader(client).url(sized(folder, "a.png", 500)).startswith("oss://")
    except Failure:
        pass


@pytest.mark.parametrize("megabytes, size, taken",
                         [(1, 1024 * 1024, True), (1, 1024 * 1024 + 1, False), (2, 2_000_000, True)])
@pytest.mark.parametrize("earlier", [0, 1], ids=["numbers", "texts"])
def test_size_limit_of_the_credential(folder, client, emulator, megabytes, size, taken, earlier):
    """The service sends its numbers as numbers or as text; here each second credential has texts."""
    emulator.max_file_size_mb = megabytes
    emulator.policies.update({str(number): None for number in range(earlier)})
    sending, found = uploader(client), sized(folder, "a.png", size)
    if taken:
        assert sending.url(found)
        return
    with pytest.raises(Failure) as caught:
        sending.url(found)
    assert caught.value.exit_code == Exit.USAGE and emulator.uploads == []
    assert all(word in caught.value.message for word in ("a.png", "1.0 MB", MODEL)) and "http(s)" in caught.value.fix


def test_texts_for_numbers(folder, client, emulator):
    emulator.policies.update({"1": None})
    emulator.policy_seconds = 100
    now = [0.0]
    sending = uploader(client, clock=lambda: now[0])
    for moment in (0, 60, 90):
        now[0] = moment
        sending.url(sized(folder, f"{moment}.png", 500))
    assert len(asked(emulator)) == 2, "after 100 seconds less a margin"


@pytest.mark.parametrize("model", ["qwen3-vl-plus", "kimi/kimi-k2.6", "vanchin/deepseek-ocr", "a&b=c"])
def test_upload_is_bound_to_its_model(folder, client, emulator, model):
    url = uploader(client, model).url(sized(folder, "a.png", 500))
    assert asked(emulator) == [model] and emulator.objects[url[len("oss://"):]].model == model


@pytest.mark.parametrize("data, words", [
    ({}, "policy, signature, upload_dir, upload_host, oss_access_key_id"),
    ({"policy": "p", "signature": "s", "upload_dir": "d", "oss_access_key_id": "i"}, "upload_host")])
def test_credential_that_lacks_something(client, monkeypatch, data, words):
    monkeypatch.setattr(client, "json", lambda request, safety: SimpleNamespace(body={"data": data}))
    with pytest.raises(Failure) as caught:
        uploader(client).url(look(samples.data_url(PNG, "image/png")))
    assert caught.value.exit_code == Exit.FAILED and words in caught.value.message


def test_preview_of_an_upload(folder, client):
    preview, = preview_uploads([sized(folder, "a.png", 500)], client.endpoint, "kimi/kimi-k2.6")
    assert preview["method"] == "GET" and preview["url"].endswith("/api/v1/uploads?action=getPolicy&model=kimi%2Fkimi-k2.6")
    assert "a.png, 500 bytes" in preview["then"]


def test_upload_never_carries_the_key(client, emulator):
    """Not even when the storage has the API's own origin."""
    assert isinstance(policy_request(client.endpoint, MODEL), Request)
    uploader(client).url(look(samples.data_url(PNG, "image/png")))
    assert [request.authorized for request in emulator.requests] == [True, False]


# ---- limits ----------------------------------------------------------------------------------------------------------

BOUNDS = media.Limits("a picture", ("image/png", "image/jpeg"), 100_000, min_side=100, max_ratio=3, max_side=300)
LENGTHS = media.Limits("a sound", ("audio/wav", "audio/mpeg"), 0, min_seconds=2, max_seconds=10)


def measured(kind="image/png", size=100, width=200, height=200, seconds=0.0):
    found = media.Media("some.file")
    found.media_type, found.size, found.width, found.height, found.seconds = kind, size, width, height, seconds
    return found


FITTING = [
    (measured(), BOUNDS), (measured(width=300, height=100), BOUNDS), (measured(width=100, height=300), BOUNDS),
    (measured(width=300, height=300), BOUNDS), (measured(size=100_000), BOUNDS), (measured("image/jpeg"), BOUNDS),
    (measured("audio/wav", seconds=2.0), LENGTHS), (measured("audio/mpeg", seconds=10.0), LENGTHS), (measured("audio/wav"), LENGTHS),
    (measured(size=10**12, width=10**6, height=1), media.Limits("a picture", ("image/png",), 0)),
]


@pytest.mark.parametrize("found, limits", FITTING)
def test_what_keeps_to_limits_passes(found, limits):
    assert media.check(found, "--image", limits) is None


EXCEEDING = [
    (measured(width=301), BOUNDS, ["301 x 200", "at most 300 pixels", "smaller"]), (measured(height=301), BOUNDS, ["200 x 301", "at most 300"]),
    (measured(width=99), BOUNDS, ["99 x 200", "at least 100"]), (measured(width=300, height=99), BOUNDS, ["300 x 99", "at least 100"]),
    (measured(width=200, height=100), BOUNDS._replace(max_ratio=1.5), ["200 x 100", "1.5 times"]),
    (measured(width=0, height=0), BOUNDS, ["damaged", "no width and height"]), (measured(size=0), BOUNDS, ["some.file is empty"]),
    (measured(size=100_001), BOUNDS, ["100 KB"]), (measured("image/gif"), BOUNDS, ["image/gif", "PNG, JPEG"]), (measured(""), BOUNDS, ["PNG, JPEG"]),
    (measured("audio/wav", seconds=1.9), LENGTHS, ["1.9 seconds", "2 to 10 seconds"]),
    (measured("audio/wav", seconds=10.1), LENGTHS, ["10.1 seconds", "2 to 10 seconds"]), (measured("video/mp4"),
    LENGTHS, ["video/mp4", "a sound", "WAV, MP3"]),
]


@pytest.mark.parametrize("found, limits, words", EXCEEDING, ids=[row[2][0] for row in EXCEEDING])
def test_what_breaks_a_limit_is_refused(found, limits, words):
    with pytest.raises(Failure) as caught:
        media.check(found, "--last-frame", limits)
    said = f"{caught.value.message} | {caught.value.fix}"
    assert caught.value.exit_code == Exit.USAGE and caught.value.message.startswith("--last-frame some.file")
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize("kind", ["image/png", "image/heic", "video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/x-flv",
                                  "video/webm", "audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4"])
def test_every_type_that_is_known_can_be_named_in_limits(kind):
    assert media.check(measured(kind), "--audio", media.Limits("a file", (kind,), 0)) is None


@pytest.mark.parametrize("mode, alpha", [("L", False), ("RGB", False), ("LA", True), ("RGBA", True)])
def test_transparency_is_noticed(folder, mode, alpha):
    pixel = {"L": (9,), "RGB": (9, 9, 9), "LA": (9, 9), "RGBA": (9, 9, 9, 9)}[mode]
    data = samples.png(40, 30, pixel, mode)
    (folder / "a.jpg").write_bytes(data)
    assert [look("a.jpg").alpha, look(samples.data_url(data, "image/png")).alpha] == [alpha, alpha]
    assert look("https://h/a.png").alpha is False


# ---- how much may travel inside a request ----------------------------------------------------------------------------

@pytest.mark.parametrize("most, inline", [
    (0, []), (999, []), (1000, ["a.png"]), (1999, ["a.png"]), (2000, ["a.png", "c.png"]), (2001, ["a.png", "c.png"]),
    (7000, ["a.png", "b.png", "c.png"])])
def test_most_bytes_inside_a_request(folder, most, inline):
    """What still fits goes inside, in the order it was given; the rest is uploaded."""
    files = [sized(folder, "a.png", 1000), sized(folder, "b.png", 5000), sized(folder, "c.png", 1000)]
    waiting = address_all(files, most)
    assert [one.name for one in files if one.address.startswith("data:image/png;base64,")] == inline
    assert [one.name for one in waiting] == [one.name for one in files if one.name not in inline]
    assert all(one.address == f"oss://<upload of {one.name}, {one.size} bytes>" for one in waiting)


def test_addresses_take_no_room_in_a_request(folder):
    url, file = look("https://h/a.png"), sized(folder, "a.png", 1000)
    assert address_all([url, file], 0) == [file] and url.address == "https://h/a.png"
    assert address_all([url, file], 1000) == [] and file.address.startswith("data:")


# ---- what tells files apart ------------------------------------------------------------------------------------------

def test_digest_is_of_the_bytes_alone(folder):
    (folder / "a.png").write_bytes(PNG)
    (folder / "b.dat").write_bytes(PNG)
    names = ["a.png", "b.dat", "file://" + (folder / "a.png").as_posix(), samples.data_url(PNG, "image/jpeg")]
    assert {media.digest(look(name)) for name in names} == {hashlib.sha256(PNG).hexdigest()}
    (folder / "a.png").write_bytes(PNG + b"\0")
    assert media.digest(look("a.png")) == hashlib.sha256(PNG + b"\0").hexdigest()


def test_digest_of_a_file_of_many_blocks(folder):
    data = PNG + bytes(3 * (1 << 20))
    (folder / "a.png").write_bytes(data)
    assert media.digest(look("a.png")) == hashlib.sha256(data).hexdigest()


# ---- a prompt among files --------------------------------------------------------------------------------------------

def taken_back(values, prompt=None, prompt_file=None, more=()):
    options = SimpleNamespace(prompt=prompt, prompt_file=prompt_file, reference=list(values), voice=list(more))
    take_prompt_back(options, ("reference", "voice"), "video.py PROMPT --reference FILE")
    return options.prompt, options.reference, options.voice


@pytest.mark.parametrize("words", ["a red fox", "狐狸在跑", "狐狸。", "two\nlines", "Image 1 dances: slowly", "see https://h/a.png here"])
def test_prompt_behind_files_is_taken_back(folder, words):
    (folder / "a.png").write_bytes(PNG)
    assert taken_back(["a.png", words]) == (words, ["a.png"], [])
    assert taken_back(["a.png", "b.png", words]) == (words, ["a.png", "b.png"], [])
    assert taken_back(["a.png"], more=["v.wav", words]) == (words, ["a.png"], ["v.wav"])


@pytest.mark.parametrize("name", ["a.png", "my photo.png", "照片", "https://h/b c.png", "data:image/png;base64,AA==", "oss://a/b", "-"])
def test_file_is_not_taken_for_a_prompt(folder, name):
    for file in ("a.png", "my photo.png", "照片"):
        (folder / file).write_bytes(PNG)
    assert taken_back(["a.png", name]) == (None, ["a.png", name], [])


def test_prompt_that_is_there_already_stays(folder):
    assert taken_back(["a.png", "a red fox"], prompt="P") == ("P", ["a.png", "a red fox"], [])
    assert taken_back(["a.png", "a red fox"], prompt_file="p.txt") == (None, ["a.png", "a red fox"], [])


def test_single_value_is_a_file(folder):
    assert taken_back(["a red fox"]) == (None, ["a red fox"], []) and taken_back([]) == (None, [], [])


def test_one_word_that_is_no_file_is_asked_about(folder):
    with pytest.raises(Failure) as caught:
        taken_back(["a.png", "fox"])
    assert caught.value.exit_code == Exit.USAGE
    assert "'fox' is not a file" in caught.value.message and "video.py PROMPT --reference FILE" in caught.value.fix
