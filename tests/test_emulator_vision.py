"""The emulator's eyes: temporary uploads, pictures and videos, their tokens, OCR, and what it says it saw."""
from __future__ import annotations

import base64
import hashlib
import http.client
import json
import struct
import zlib

import pytest

from tests import media_samples as samples
from tests.emulator import colours, models, multipart, pictures, sight, uploads, videos
from tests.emulator.wire import KEPT_BODY
from tests.folding import each

CHAT = "/compatible-mode/v1/chat/completions"
MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
KEY, OTHER_KEY = "sk-test-0123456789abcdef", "sk-test-of-another-account"
MODEL = "qwen3-vl-plus"
RESOLVE = {"X-DashScope-OssResourceResolve": "enable"}
PNG = samples.png(320, 200)
PNG_URL = samples.data_url(PNG, "image/png")
BOUNDARY = "frontier"


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self):
        start = 0 if self.body[:1] in (b"{", b"[") else self.body.index(b"{")  # behind "data: " of a refusal
        return json.loads(self.body[start:])

    @property
    def message(self):
        """The error message of either dialect."""
        return self.json["error"]["message"] if "error" in self.json else self.json["message"]

    @property
    def text(self):
        return self.json["choices"][0]["message"]["content"]

    @property
    def xml(self):
        """(Code, Message) of an error of the object storage."""
        assert self.headers["content-type"] == "application/xml"
        text = self.body.decode()
        return tuple(text.split(f"<{tag}>")[1].split(f"</{tag}>")[0] for tag in ("Code", "Message"))


def send(emulator, method, path, body=b"", headers=None, key=KEY):
    connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rsplit(":", 1)[1]), timeout=60)
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        connection.request(method, path, body, {**bearer, **(headers or {})})
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def post(emulator, path, value, headers=None, key=KEY):
    body = json.dumps(value, ensure_ascii=False).encode()
    return send(emulator, "POST", path, body, {"Content-Type": "application/json", **(headers or {})}, key)


def image(url, **options):
    return {"type": "image_url", "image_url": {"url": url}, **options}


def video(url, **options):
    return {"type": "video_url", "video_url": {"url": url}, **options}


def frames(*urls, **options):
    return {"type": "video", "video": list(urls), **options}


def ask(emulator, *parts, text="What is it?", model=MODEL, headers=None, key=KEY, **fields):
    content = [*parts, *([{"type": "text", "text": text}] if text else [])]
    body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
    return post(emulator, CHAT, body, headers, key)


def native(emulator, *parts, model=MODEL, headers=None, **parameters):
    body = {"model": model, "input": {"messages": [{"role": "user", "content": list(parts)}]}, "parameters": parameters}
    return post(emulator, MULTIMODAL, body, headers)


# Temporary uploads: the policy

def policy(emulator, model=MODEL, key=KEY):
    return send(emulator, "GET", f"/api/v1/uploads?action=getPolicy&model={model}", key=key).json["data"]


def test_policy(emulator):
    answer = send(emulator, "GET", f"/api/v1/uploads?action=getPolicy&model={MODEL}")
    data = answer.json["data"]
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert list(data) == ["policy", "signature", "upload_dir", "upload_host", "expire_in_seconds", "max_file_size_mb",
                          "capacity_limit_mb", "oss_access_key_id", "x_oss_object_acl", "x_oss_forbid_overwrite"]
    assert (data["expire_in_seconds"], data["max_file_size_mb"], data["x_oss_forbid_overwrite"]) == (300, 1024, "true")
    assert data["upload_host"] == emulator.url + "/@oss" and data["upload_dir"].startswith("dashscope-instant/")
    decoded = json.loads(base64.b64decode(data["policy"]))
    assert decoded["expiration"].endswith("Z")
    assert decoded["conditions"] == [
        ["content-length-range", 0, 1024 * 1024 * 1024], ["starts-with", "$key", data["upload_dir"]],
        {"bucket": "dashscope-file-mgr"}, {"x-oss-object-acl": "private"}, {"x-oss-forbid-overwrite": "true"}]


def test_policy_numbers_come_as_numbers_and_as_text(emulator):
    emulator.policy_seconds, emulator.max_file_size_mb = 60, 100
    assert [policy(emulator)["expire_in_seconds"] for _ in range(3)] == [60, "60", 60]
    assert [policy(emulator)["max_file_size_mb"] for _ in range(2)] == ["100", 100]
    assert len({policy(emulator)["upload_dir"] for _ in range(3)}) == 3


@pytest.mark.parametrize("query, message", [
    ("action=getPolicy", "Required parameter(model)"), ("model=x", "Required parameter(action)"),
    ("action=get&model=x", "Required parameter(action)"), ("action=getPolicy&model=", "Required parameter(model)"),
    ("action=getPolicy&model=x&size=1", "'size'")])
def test_policy_refusals(emulator, query, message):
    answer = send(emulator, "GET", "/api/v1/uploads?" + query)
    assert answer.status == 400 and answer.json["code"] == "InvalidParameter" and message in answer.json["message"]


def test_policy_needs_a_key(emulator):
    answer = send(emulator, "GET", f"/api/v1/uploads?action=getPolicy&model={MODEL}", key=None)
    assert answer.status == 401 and answer.json["code"] == "InvalidApiKey"


# The form

def fields_of(given, name="a.png"):
    return {"OSSAccessKeyId": given["oss_access_key_id"], "Signature": given["signature"], "policy": given["policy"],
            "key": given["upload_dir"] + "/" + name, "x-oss-object-acl": given["x_oss_object_acl"],
            "x-oss-forbid-overwrite": given["x_oss_forbid_overwrite"], "success_action_status": "200"}


def part(name, value, filename=None, mime=None):
    file = f'; filename="{filename}"' if filename else ""
    kind = f"Content-Type: {mime}\r\n" if mime else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{kind}\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def form(fields, data=PNG, after=b"", filename="a.png"):
    parts = [part(name, value.encode()) for name, value in fields.items() if value is not None]
    return b"".join(parts) + part("file", data, filename, "image/png") + after + END


def store(emulator, body, headers=None, path="/@oss/", key=None):
    content_type = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return send(emulator, "POST", path, body, {**content_type, **(headers or {})}, key)


def upload(emulator, data=PNG, model=MODEL, name="a.png", key=KEY):
    """The whole way; gives the oss:// address."""
    fields = fields_of(policy(emulator, model, key), name)
    assert store(emulator, form(fields, data)).status == 200
    return "oss://" + fields["key"]


@pytest.mark.parametrize("path", ["/@oss/", "/@oss"])
def test_upload(emulator, path):
    fields = fields_of(policy(emulator))
    answer = store(emulator, form(fields), path=path)
    assert (answer.status, answer.body) == (200, b"")
    stored = emulator.uploads[0]
    assert (stored.key, stored.fields) == (fields["key"], fields)
    assert (stored.filename, stored.content_type) == ("a.png", "image/png")
    assert (stored.size, stored.sha256, stored.head) == (len(PNG), hashlib.sha256(PNG).hexdigest(), PNG[:uploads.HEAD])
    assert emulator.objects[fields["key"]].data == PNG
    record = emulator.requests[-1]
    assert (record.host, record.path, record.status, record.authorized, record.body) == ("oss", "/", 200, False, b"")
    listed = send(emulator, "GET", "/_emulator/uploads").json[0]
    assert bytes.fromhex(listed["head"]) == stored.head and listed["sha256"] == stored.sha256


def test_upload_status_and_type(emulator):
    fields = {**fields_of(policy(emulator)), "success_action_status": None, "x-oss-content-type": "image/x"}
    assert store(emulator, form(fields)).status == 204
    assert emulator.uploads[0].content_type == "image/x"


def test_one_policy_serves_several_files(emulator):
    given = policy(emulator)
    names = ("a.png", "b-1_2.png", "sub/c.png")
    assert [store(emulator, form(fields_of(given, name))).status for name in names] == [200] * 3
    assert len(emulator.objects) == 3


def failed(*condition):
    return f"Policy Condition failed: {json.dumps(list(condition))}"


UPLOAD_REFUSED = [
    *(({name: None}, 400, "InvalidArgument", f"'{name}' is missing") for name in uploads.REQUIRED),
    ({"OSSAccessKeyId": "LTAI-other"}, 403, "InvalidAccessKeyId", "does not exist"),
    ({"Signature": "AAAA"}, 403, "SignatureDoesNotMatch", "does not match"),
    ({"policy": "e30="}, 403, "SignatureDoesNotMatch", "does not match"),
    ({"key": "elsewhere/a.png"}, 403, "AccessDenied", 'Condition failed: ["starts-with", "$key", "dashscope-instant/'),
    ({"x-oss-object-acl": "public-read"}, 403, "AccessDenied", failed("eq", "$x-oss-object-acl", "private")),
    ({"x-oss-forbid-overwrite": "false"}, 403, "AccessDenied", failed("eq", "$x-oss-forbid-overwrite", "true")),
    ({"success_action_status": "302"}, 400, "InvalidArgument", "success_action_status"),
    ({"x-oss-storage-class": "IA"}, 400, "InvalidArgument", "unknown field 'x-oss-storage-class'"),
]


@pytest.mark.parametrize("change, status, code, message", UPLOAD_REFUSED, ids=[str(row[0]) for row in UPLOAD_REFUSED])
def test_upload_refusals(emulator, change, status, code, message):
    answer = store(emulator, form({**fields_of(policy(emulator)), **change}))
    assert (answer.status, answer.xml[0]) == (status, code) and message in answer.xml[1].replace("&quot;", '"')
    assert emulator.uploads == [] and emulator.objects == {} and emulator.requests[-1].status == status


@pytest.mark.parametrize("name", ["图.png", "a b.png", "a?.png", "a+b.png", "${filename}", "../a.png", "a//b.png"])
def test_upload_key_must_be_safe(emulator, name):
    answer = store(emulator, form(fields_of(policy(emulator), name)))
    assert (answer.status, answer.xml[0]) == (400, "InvalidObjectName")


def test_upload_key_must_have_a_name(emulator):
    assert store(emulator, form(fields_of(policy(emulator), ""))).xml[0] == "AccessDenied"


@pytest.mark.parametrize("body, message", [
    (lambda fields: form(fields, after=part("success_action_status", b"200")), "comes after 'file'"),
    (lambda fields: form(fields, after=part("file", b"x", "b.png")), "comes after 'file'"),
    (lambda fields: part("key", b"x") + form(fields), "comes twice"),
    (lambda fields: form(fields, filename=None), "no filename"),
    (lambda fields: b"".join(part(name, value.encode()) for name, value in fields.items()) + END, "'file' is missing"),
    (lambda fields: part("key", b"\xff") + form({**fields, "key": None}), "not UTF-8"),
    (lambda fields: part("key", b"x" * 70_000) + form({**fields, "key": None}), "longer than"),
    (lambda fields: form(fields)[:-len(END)], "does not end with the closing boundary"),
    (lambda fields: form(fields) + b"more", "bytes after the closing boundary"),
    (lambda fields: form(fields).replace(b"\r\n\r\n", b"\r\n", 1), "no blank line"),
    (lambda fields: form(fields).replace(b"--frontier\r\n", b"--frontier\n", 1), "boundary line does not end in CRLF"),
    (lambda fields: form(fields)[5:], "does not begin with the boundary"),
    (lambda fields: END, "there is no part"),
    (lambda fields: b"--frontier\r\n" + b"x" * 70_000, "no blank line|closing boundary"),
])
def test_form_is_strict(emulator, body, message):
    answer = store(emulator, body(fields_of(policy(emulator))))
    assert answer.status == 400 and any(one in answer.xml[1] for one in message.split("|")), answer.body


def test_form_needs_multipart_and_a_length(emulator):
    fields = fields_of(policy(emulator))
    assert store(emulator, b"{}", {"Content-Type": "application/json"}).xml[0] == "MalformedPOSTRequest"
    assert store(emulator, iter([form(fields)])).status == 411        # an iterator is sent chunked


def test_a_key_must_not_reach_the_object_storage(emulator):
    answer = store(emulator, form(fields_of(policy(emulator))), key=KEY)
    assert answer.status == 400 and "Authorization header" in answer.xml[1]
    assert emulator.requests[-1].authorized and emulator.uploads == []


def test_the_object_storage_only_takes_posts(emulator):
    answer = send(emulator, "GET", "/@oss/", key=None)
    assert answer.status == 400 and "'GET' is not supported" in answer.xml[1]
    assert send(emulator, "POST", "/@oss/else", key=None).status == 404


def test_policy_expires(emulator):
    now = [1_780_000_000.0]
    emulator.clock = lambda: now[0]
    fields = fields_of(policy(emulator))
    now[0] += 299
    assert store(emulator, form(fields)).status == 200
    now[0] += 1
    answer = store(emulator, form({**fields, "key": fields["key"] + "2"}))
    assert (answer.status, *answer.xml) == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")


def test_upload_may_be_too_large(emulator):
    emulator.max_file_size_mb = 1
    fields = fields_of(policy(emulator))
    assert store(emulator, form(fields, bytes(1024 * 1024))).status == 200
    answer = store(emulator, form({**fields, "key": fields["key"] + "2"}, bytes(1024 * 1024 + 1)))
    assert (answer.status, answer.xml[0]) == (400, "EntityTooLarge") and len(emulator.uploads) == 1


def test_upload_does_not_overwrite(emulator):
    fields = fields_of(policy(emulator))
    assert [store(emulator, form(fields, data)).status for data in (PNG, b"other")] == [200, 409]
    assert emulator.objects[fields["key"]].data == PNG
    assert store(emulator, form(fields)).xml[0] == "FileAlreadyExists"


def test_large_upload_is_not_kept(emulator):
    fields, megabyte = fields_of(policy(emulator)), bytes(range(256)) * 4096
    head, tail = form(fields, b"@@").split(b"@@")
    length = len(head) + 65 * len(megabyte) + len(tail)
    body = (piece for piece in (head, *[megabyte] * 65, tail))
    assert store(emulator, body, {"Content-Length": str(length)}).status == 200
    stored = emulator.uploads[0]
    assert (stored.size, emulator.objects[stored.key].data) == (65 * 1024 * 1024, None)
    digest = hashlib.sha256()
    for _ in range(65):
        digest.update(megabyte)
    assert stored.sha256 == digest.hexdigest()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_streamed_multipart_in_any_pieces(size):
    body = form({"key": "a", "policy": ""}, b"\r\n--frontie\r\n--\x00")
    cut = (body[place:place + size] for place in range(0, len(body), size))
    found = [(one.name, one.filename, b"".join(data)) for one, data in
             multipart.stream(f"multipart/form-data; boundary={BOUNDARY}", cut)]
    assert found == [("key", None, b"a"), ("policy", None, b""), ("file", "a.png", b"\r\n--frontie\r\n--\x00")]


# Faults of the object storage

@pytest.mark.parametrize("fault, message", [("policy-expired", "Policy expired."), ("oss-403", "bucket acl")])
def test_upload_faults(emulator, fault, message):
    emulator.inject(fault)
    fields = fields_of(policy(emulator))
    answer = store(emulator, form(fields))
    assert (answer.status, answer.xml[0]) == (403, "AccessDenied") and message in answer.xml[1]
    assert emulator.objects == {} and store(emulator, form(fields)).status == 200


def test_upload_reset(emulator):
    emulator.inject("oss-reset")
    fields = fields_of(policy(emulator))
    with pytest.raises(ConnectionError):
        store(emulator, form(fields, bytes(30 * 1024 * 1024)))
    assert emulator.objects == {} and emulator.requests[-1].status == 0


def test_other_faults_reach_the_object_storage(emulator):
    emulator.inject("503", path="@oss")
    fields = fields_of(policy(emulator))
    assert store(emulator, form(fields)).status == 503
    emulator.inject("500", path="/api/v1/uploads")
    assert send(emulator, "GET", "/api/v1/uploads?action=getPolicy&model=x").status == 500
    assert store(emulator, form(fields)).status == 200


# oss:// in a request

def test_oss_picture(emulator):
    url = upload(emulator)
    assert "PNG, 320 x 200 pixels" in ask(emulator, image(url), headers=RESOLVE).text
    answer = native(emulator, {"image": url}, headers=RESOLVE)
    assert answer.status == 200 and answer.json["usage"]["image_tokens"] == 62


@pytest.mark.parametrize("fields, message", [
    ({"headers": None}, "The provided URL does not appear to be valid. Ensure it is correctly formatted."),
    ({"headers": {"X-DashScope-OssResourceResolve": "true"}}, "The provided URL does not appear to be valid."),
    ({"model": "qwen-vl-max"}, "Don't have authorization to access the media resource"),
    ({"key": OTHER_KEY}, "Don't have authorization to access the media resource"),
])
def test_oss_refusals(emulator, fields, message):
    url = upload(emulator)
    answer = ask(emulator, image(url), **{"headers": RESOLVE, **fields})
    assert answer.status == 400 and message in answer.message


def test_oss_objects_die(emulator):
    now = [1_780_000_000.0]
    emulator.clock = lambda: now[0]
    url = upload(emulator)
    now[0] += 48 * 3600 - 1
    assert ask(emulator, image(url), headers=RESOLVE).status == 200
    now[0] += 1
    for address in (url, "oss://no/such"):
        answer = ask(emulator, image(address), headers=RESOLVE)
        assert "Failed to find the requested media resource" in answer.message


def test_oss_bytes_are_checked(emulator):
    url = upload(emulator, PNG[:-20])
    assert "Failed to decode the image" in ask(emulator, image(url), headers=RESOLVE).message


@pytest.mark.parametrize("model, status", [("qwen-vl-max", 400), ("qwen3-vl-plus", 200), ("qwen3.6-plus", 200)])
def test_oss_picture_limit(emulator, model, status):
    url = upload(emulator, PNG + bytes(11 * 1024 * 1024), model)      # bytes after the end do no harm
    answer = ask(emulator, image(url), model=model, headers=RESOLVE)
    assert answer.status == status and (status == 200 or "Multimodal file size is too large" in answer.message)


# Pictures

FORMATS = [("PNG", "image/png", samples.png), ("JPEG", "image/jpeg", samples.jpeg), ("BMP", "image/bmp", samples.bmp),
           ("WebP", "image/webp", samples.webp), ("TIFF", "image/tiff", samples.tiff),
           ("HEIC", "image/heic", samples.heic)]


@pytest.mark.parametrize("name, mime, make", FORMATS)
def test_formats(emulator, name, mime, make):
    answer = ask(emulator, image(samples.data_url(make(123, 77), mime)))
    assert answer.status == 200, answer.body
    assert f"I see 1 picture: {name}, 123 x 77 pixels" in answer.text


def packed(pixels, depth=8, interlace=0):
    """A PNG of 16 x 16 grey pixels, said to be these packed bytes."""
    header = struct.pack(">IIBBBBB", 16, 16, depth, 0, 0, 0, interlace)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return PNG[:8] + b"".join(samples.png_chunk(kind, data) for kind, data in chunks)


def swapped(data, old, new):
    assert data.count(old) >= 1
    return data.replace(old, new, 1)


JPEG = samples.jpeg(64, 48, 200)
UNDECODED, BAD_FORMAT = "Failed to decode the image", "The media format is not supported or incorrect"
BROKEN = {
    "png checksum": (PNG[:-30] + bytes([PNG[-30] ^ 1]) + PNG[-29:], "image/png", "wrong checksum"),
    "png cut": (PNG[:-8], "image/png", "ends too early"),
    "png without pixels": (packed(b""), "image/png", "not all of its 272 bytes"),
    "png of few rows": (packed(zlib.compress(bytes(17 * 15))), "image/png", "not all of its"),
    "png of many rows": (packed(zlib.compress(bytes(17 * 17))), "image/png", "more of its"),
    "png of noise": (packed(b"noise"), "image/png", "cannot be unpacked"),
    "png without header": (PNG[:8] + samples.png_chunk(b"IEND", b""), "image/png", "IHDR"),
    "png palette": (samples.png(20, 20, (0,), "P"), "image/png", "no palette"),
    "jpeg cut": (JPEG[:-2], "image/jpeg", "cut short"),
    "jpeg without frame": (swapped(JPEG, b"\xff\xc0", b"\xff\xfe"), "image/jpeg", "SOF"),
    "jpeg without scan": (JPEG[:JPEG.index(b"\xff\xda")] + b"\xff\xd9", "image/jpeg", "SOS"),
    "jpeg segment": (swapped(JPEG, b"\xff\xdb\0", b"\xff\xdb\x7f"), "image/jpeg", "longer than the file"),
    "jpeg filling": (swapped(JPEG, b"\xff\xdb", b"\0\0\xff\xdb"), "image/jpeg", "between its segments"),
    "bmp cut": (samples.bmp(32, 32)[:-9], "image/bmp", "cut short"),
    "webp cut": (samples.webp(32, 32)[:-3], "image/webp", "cut short"),
    "webp chunk": (swapped(samples.webp(32, 32), b"VP8L", b"VP8Z"), "image/webp", "no picture chunk"),
    "tiff cut": (samples.tiff(32, 32)[:40], "image/tiff", "ends too early"),
    "heic without size": (swapped(samples.heic(32, 32), b"ispe", b"free"), "image/heic", "how large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pictures(emulator, name):
    data, mime, detail = BROKEN[name]
    answer = ask(emulator, image(samples.data_url(data, mime)))
    assert answer.status == 400 and UNDECODED in answer.message and detail in answer.message
    code = native(emulator, {"image": samples.data_url(data, mime)}).json["code"]
    assert code == "InvalidParameter.DataInspection"


@pytest.mark.parametrize("data, mime, detail", [
    (samples.gif(32, 32), "image/gif", "GIF"), (b"\0" * 64, "image/png", "unknown format"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "XML"), (b"%PDF-1.7", "application/pdf", "PDF"),
    (samples.mp4(), "video/mp4", "MP4"), (PNG, "image/jpeg", "image/jpeg, the bytes are PNG"),
    (JPEG, "image/jpg", "image/jpg, the bytes are JPEG"), (samples.webp(32, 32), "image/png", "WebP"),
    (PNG, "application/octet-stream", "application/octet-stream")])
def test_wrong_formats(emulator, data, mime, detail):
    answer = ask(emulator, image(samples.data_url(data, mime)))
    assert answer.status == 400 and BAD_FORMAT in answer.message and detail in answer.message


RULE = "The image length and width do not meet the model restrictions. "


@pytest.mark.parametrize("width, height, message", [
    (1, 1, "[height:1 or width:1 must be larger than 10]"), (10, 50, "[height:50 or width:10 must be larger than 10]"),
    (50, 10, "[height:10 or width:50 must be larger than 10]"), (11, 2211, "must be smaller than 200, got 201.0]"),
    (11, 11, None), (11, 2200, None), (2200, 11, None)])
def test_geometry(emulator, width, height, message):
    answer = ask(emulator, image(samples.data_url(samples.jpeg(width, height), "image/jpeg")))
    assert answer.status == (400 if message else 200)
    if message:
        assert answer.message.startswith("<400> InternalError.Algo.InvalidParameter: " + RULE)
        assert message in answer.message


def filled(length):
    """A data URL of just so many characters: a PNG with filling behind its end."""
    head = "data:image/png;base64,"
    room = (length - len(head)) // 4 * 3
    return head + base64.b64encode(PNG + bytes(room - len(PNG))).decode("ascii")


def test_data_url_limit(emulator):
    emulator.body_limits.clear()
    for model, limit in (("qwen-vl-max", 10_485_760), ("qwen3-vl-plus", 20_971_520)):
        small, large = filled(limit), filled(limit + 8)
        assert len(small) <= limit < len(large)
        assert ask(emulator, image(small), model=model).status == 200
        answer = ask(emulator, image(large), model=model)
        assert f"Exceeded limit on max bytes per data-uri item : {limit}" in answer.message


BAD_ADDRESS = "The provided URL does not appear to be valid"
ADDRESSES = [
    ("file:///tmp/a.png", BAD_ADDRESS), ("/tmp/a.png", BAD_ADDRESS), ("a.png", BAD_ADDRESS), ("", BAD_ADDRESS),
    ("ftp://h/a.png", BAD_ADDRESS), ("https://", BAD_ADDRESS), ("https://h/a b.png", BAD_ADDRESS), (None, BAD_ADDRESS),
    ("data:image/png;base64,", BAD_ADDRESS), ("data:image/png,abc", BAD_ADDRESS), ("data:;base64,AAAA", BAD_ADDRESS),
    (PNG_URL[:-1], BAD_ADDRESS), (PNG_URL.replace("base64,", "base64, "), BAD_ADDRESS),
    (PNG_URL.replace("base64,", "charset=utf-8;base64,"), BAD_ADDRESS),
    ("https://host.invalid/a.png", "Failed to download multimodal content."),
    ("http://b.oss-cn-beijing-internal.aliyuncs.com/a.png", "Failed to download multimodal content."),
]


@pytest.mark.parametrize("url, message", ADDRESSES, ids=[str(url)[:40] for url, _ in ADDRESSES])
def test_bad_addresses(emulator, url, message):
    answer = ask(emulator, image(url))
    assert answer.status == 400 and message in answer.message
    assert message in native(emulator, {"image": url}).message


@pytest.mark.parametrize("parts, fields, message", [
    ([image(PNG_URL)], {"model": "qwen-plus"}, "input content must be a string."),
    ([image(PNG_URL)], {"model": "qwen3.7-max"}, "input content must be a string."),
    ([{"type": "image_url", "image_url": PNG_URL}], {}, 'must be {"url": ...}'),
    ([{"type": "image_url", "image_url": {"url": PNG_URL, "max_pixels": 9999}}], {}, "image_url.max_pixels"),
    ([{"type": "image_url", "image_url": {"url": PNG_URL, "min_pixels": 9999}}], {}, "options stand beside it"),
    ([{"type": "image_url", "image_url": {"url": PNG_URL, "size": 1}}], {}, "image_url.size"),
    ([image(PNG_URL, fps=2)], {}, ".fps"), ([image(PNG_URL, enable_rotate=True)], {}, ".enable_rotate"),
    ([image(PNG_URL, max_pixels="many")], {}, ".max_pixels"), ([image(PNG_URL, max_pixels=0)], {}, ".max_pixels"),
    ([image(PNG_URL, max_pixels=16_777_217)], {}, "from 1 to 16777216"),
    ([image(PNG_URL, max_pixels=12_845_057)], {"model": "qvq-max", "stream": True}, "from 1 to 12845056"),
    ([image(PNG_URL, min_pixels=9999, max_pixels=9000)], {}, "larger than max_pixels"),
    ([image(PNG_URL, max_pixels=9999)], {"vl_high_resolution_images": True}, "does nothing with vl_high_resolution"),
    ([image(PNG_URL, max_pixels=9999)], {"model": "kimi-k2.5"}, "not taken by kimi-k2.5"),
    ([image(PNG_URL)], {"model": "qwen-vl-ocr", "vl_high_resolution_images": True}, "vl_high_resolution_images"),
    ([image(PNG_URL)], {"model": "kimi-k2.6", "vl_high_resolution_images": True}, "vl_high_resolution_images"),
    ([image(PNG_URL)], {"vl_high_resolution_images": "yes"}, "must be Boolean"),
    ([image(PNG_URL)], {"model": "qvq-max"}, "only support stream mode"),
    ([image(PNG_URL)], {"model": "qwen-vl-max", "enable_thinking": True}, "does not support enable_thinking"),
    ([image(PNG_URL)], {"model": "qwen3-vl-8b-thinking", "enable_thinking": False}, "restricted to True"),
    ([image(PNG_URL)] * 257, {"model": "qwen3.6-plus"}, "256 pictures"),
    ([image(PNG_URL)], {"ocr_options": {"task": "text_recognition"}, "model": "qwen-vl-ocr"}, "native dialect only"),
    ([], {"model": "qwen-vl-ocr"}, "one picture for qwen-vl-ocr, not 0"),
    ([image(PNG_URL)] * 2, {"model": "qwen-vl-ocr"}, "not 2"),
    ([image(PNG_URL), video("https://h/v.mp4")], {"model": "qwen-vl-ocr"}, "0 videos"),
])
def test_refused(emulator, parts, fields, message):
    answer = ask(emulator, *parts, **fields)
    assert answer.status == 400 and message in answer.message, answer.body


@pytest.mark.parametrize("messages, model, message", [
    ([{"role": "system", "content": [image(PNG_URL)]}], MODEL, "belongs to user messages"),
    ([{"role": "user", "content": "a"}, {"role": "assistant", "content": [image(PNG_URL)]}], MODEL, "belongs to user"),
    ([{"role": "system", "content": "Be brief."}], "qvq-max", "no effect on qvq-max")])
def test_refused_messages(emulator, messages, model, message):
    body = {"model": model, "stream": True, "messages": [*messages, {"role": "user", "content": "b"}]}
    answer = post(emulator, CHAT, body)
    assert answer.status == 400 and message in answer.message


@pytest.mark.parametrize("parts, fields", [
    ([image("https://h/a.png")], {}), ([image("http://127.0.0.1:9/a.png")], {}), ([image(PNG_URL)] * 3, {}),
    ([image(PNG_URL, min_pixels=4096, max_pixels=65536)], {}), ([image(PNG_URL)], {"vl_high_resolution_images": True}),
    ([image(PNG_URL)], {"model": "qvq-max", "stream": True}), ([image(PNG_URL)], {"model": "qwen-vl-ocr", "text": ""}),
    ([image(PNG_URL)], {"model": "kimi/kimi-k2.6"}), ([image(PNG_URL)], {"model": "vanchin/deepseek-ocr"}),
    ([image(PNG_URL)], {"model": "gui-plus-2026-02-26"}), ([], {}),
    ([image(PNG_URL)], {"model": "qwen-vl-ocr-latest", "max_tokens": 8192, "temperature": 0.1, "top_k": 3}),
])
def test_accepted(emulator, parts, fields):
    answer = ask(emulator, *parts, **fields)
    assert answer.status == 200, answer.body


# Videos

def clip(seconds=4, **fields):
    return samples.data_url(samples.mp4(seconds, **fields), "video/mp4")


def test_video(emulator):
    answer = ask(emulator, video(clip(5.5, width=640, height=360), fps=1))
    assert "I see 1 video: MP4, 640 x 360 pixels, 5.5 seconds." in answer.text
    details = answer.json["usage"]["prompt_tokens_details"]
    assert details["video_tokens"] == 3 * 20 * 11 + 2 and "image_tokens" not in details
    usage = native(emulator, {"video": clip(5.5, width=640, height=360), "fps": 1, "max_frames": 4}).json["usage"]
    assert usage["video_tokens"] == usage["input_tokens_details"]["video_tokens"] == 2 * 20 * 11 + 2


@pytest.mark.parametrize("head, mime", [
    (b"RIFF\x10\0\0\0AVI LIST", "video/x-msvideo"), (b"\x1a\x45\xdf\xa3\xa3\x42\x82matroska", "video/x-matroska"),
    (b"FLV\x01\x05\0\0\0\x09", "video/x-flv"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    (samples.mp4(brand=b"qt  "), "video/quicktime"), (samples.mp4(size=100_000), "video/mp4")])
def test_video_formats(emulator, head, mime):
    assert ask(emulator, video(samples.data_url(head, mime))).status == 200


@pytest.mark.parametrize("part, fields, message", [
    (video(samples.data_url(samples.mp4()[:-9] + b"mdat", "video/mp4")), {}, "Invalid video file"),
    (video(samples.data_url(samples.mp4().replace(b"moov", b"free"), "video/mp4")), {}, "no mvhd box"),
    (video(clip(1)), {}, "shorter than 2 s"),
    (video(clip(601)), {"model": "qwen-vl-max"}, "The video file is too long"),
    (video(samples.data_url(samples.mp4(), "video/x-msvideo")), {}, "the bytes are MP4"),
    (video(samples.data_url(samples.gif(32, 32), "image/gif")), {}, BAD_FORMAT),
    (video(PNG_URL), {}, BAD_FORMAT), (image(clip()), {}, BAD_FORMAT),
    (video(clip(size=8_000_000)), {"model": "qwen-vl-max"}, "per data-uri item"),
    (video(clip(size=10_500_000)), {}, "the limit is 10 MB"),
    (video("file:///v.mp4"), {}, BAD_ADDRESS), (video("https://h.invalid/v.mp4"), {}, "Failed to download multimodal"),
    (video("https://h/v.mp4", fps=0.05), {}, "[0.1, 10]"), (video("https://h/v.mp4", fps="2"), {}, "[0.1, 10]"),
    (video("https://h/v.mp4", max_frames=9), {}, "max_frames"),
    (video("https://h/v.mp4", total_pixels=-1), {}, "total_pixels"),
    (frames(*[PNG_URL] * 3), {}, "the range of sequence images shoule be (4, 2000)."),
    (frames(*["https://h/a.png"] * 2001), {}, "the range of sequence images shoule be (4, 2000)."),
    (frames(*["https://h/a.png"] * 513), {"model": "qwen3-vl-8b-instruct"}, "the range of sequence images shoule be (4, 512)."),
    (frames(*["https://h/a.png"] * 8001), {"model": "qwen3.8-max"}, "the range of sequence images shoule be (4, 8000)."),
    (frames(*[PNG_URL] * 81), {"model": "qwen-vl-max-0809"}, "the range of sequence images shoule be (4,80)."),
    (frames(*[PNG_URL] * 3), {"model": "kimi-k2.5"}, "the range of sequence images shoule be (4, 2000)."),
    (frames(*[PNG_URL] * 3, "file:///a.png"), {}, BAD_ADDRESS), (frames(*[PNG_URL] * 4, fps=11), {}, "[0.1, 10]"),
    (frames(*[PNG_URL] * 3, samples.data_url(PNG[:-5], "image/png")), {}, UNDECODED),
])
def test_refused_videos(emulator, part, fields, message):
    answer = ask(emulator, part, **fields)
    assert answer.status == 400 and message in answer.message, answer.body[:300]


def test_frames(emulator):
    answer = ask(emulator, frames(*[PNG_URL] * 4, fps=0.5))
    assert "I see 1 video: 4 frames, the first PNG, 320 x 200 pixels, all red (#c83232)." in answer.text
    assert answer.json["usage"]["prompt_tokens_details"]["video_tokens"] == 2 * 60 + 2
    assert ask(emulator, frames(*["https://h/a.png"] * 2000), model="kimi-k2.5").status == 200
    assert ask(emulator, {"type": "video", "video": clip()}).status == 200
    assert native(emulator, {"video": [PNG_URL] * 4, "fps": 2}).status == 200


def test_uploaded_video_that_is_too_long_to_keep(emulator):
    url = "oss://" + "a/v.mp4"
    emulator.objects["a/v.mp4"] = uploads.StoredObject(
        MODEL, hashlib.sha256(KEY.encode()).hexdigest(), emulator.clock() + 9, 2 ** 30, samples.mp4_head(9), None)
    assert ask(emulator, video(url), headers=RESOLVE).text.count("1 video: MP4.") == 1
    emulator.objects["a/v.mp4"].size = 2 ** 31 + 1
    assert "Multimodal file size is too large" in ask(emulator, video(url), headers=RESOLVE).message


def test_large_video_head_is_the_begin_of_the_whole():
    assert samples.mp4(3, size=5000) == samples.mp4_head(3, size=5000).ljust(5000, b"\0")
    assert videos.inspect(samples.mp4(3), samples.mp4(3)) == videos.Video("MP4", 3.0, 320, 240)


# Tokens: the captured numbers of a photo of 2048 x 1365 are 1247, 3577 and 2503

@pytest.mark.parametrize("model, high, tokens", [
    ("qvq-max", False, 1247), ("qvq-max", True, 3577), ("qwen3.6-plus", False, 2503)])
def test_captured_tokens(model, high, tokens):
    assert sight.picture_tokens(2048, 1365, models.MODELS[model].sight, {}, high) == tokens


@pytest.mark.parametrize("model, width, height, options, tokens", [
    (MODEL, 320, 200, {}, 10 * 6 + 2), (MODEL, 11, 11, {}, 2 * 2 + 2), (MODEL, 4000, 3000, {}, 58 * 43 + 2),
    (MODEL, 4000, 3000, {"max_pixels": 65536}, 9 * 6 + 2), (MODEL, 64, 64, {"min_pixels": 65536}, 8 * 8 + 2),
    (MODEL, 320, 200, {"max_pixels": 1000}, 1 + 2), ("qwen-vl-ocr", 320, 200, {}, 11 * 7 + 2),
    ("qwen-vl-ocr-latest", 320, 200, {}, 10 * 6 + 2), ("qwen-vl-max-2025-04-08", 320, 200, {}, 11 * 7)])
def test_tokens(model, width, height, options, tokens):
    assert sight.picture_tokens(width, height, models.find(model).sight, options) == tokens


def test_usage_of_both_dialects(emulator):
    usage = ask(emulator, image(PNG_URL), image(PNG_URL, max_pixels=16384), image("https://h/a.png")).json["usage"]
    details = usage["prompt_tokens_details"]
    assert (details["image_tokens"], details["text_tokens"]) == (62 + 17, 3)
    assert usage["prompt_tokens"] == 62 + 17 + 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    usage = native(emulator, {"image": PNG_URL}, {"text": "What is it?"}).json["usage"]
    assert (usage["image_tokens"], usage["input_tokens"]) == (62, 65)
    assert usage["input_tokens_details"] == {"text_tokens": 3, "image_tokens": 62}
    large = samples.data_url(samples.jpeg(3000, 3000), "image/jpeg")
    usage = ask(emulator, image(large), vl_high_resolution_images=True).json["usage"]
    assert usage["prompt_tokens_details"]["image_tokens"] == 94 * 94 + 2


def test_stream_usage(emulator):
    fields = {"stream": True, "stream_options": {"include_usage": True}}
    lines = ask(emulator, image(PNG_URL), **fields).body.decode().split("\n\n")
    assert json.loads(lines[-3][len("data: "):])["usage"]["prompt_tokens_details"]["image_tokens"] == 62


def test_pictures_count_towards_the_input_limit(emulator):
    large = image(samples.data_url(samples.jpeg(2000, 2000), "image/jpeg"))
    answer = ask(emulator, *[large] * 60, model="qwen-vl-max")
    assert "Range of input length should be [1, 129024]" in answer.message


# OCR

TASKS = ["text_recognition", "advanced_recognition", "key_information_extraction", "table_parsing", "document_parsing",
         "formula_recognition", "multi_lan"]


def read(emulator, task, model="qwen-vl-ocr", headers=None, **config):
    options = {"task": task, **({"task_config": config} if config else {})}
    return native(emulator, {"image": PNG_URL}, model=model, headers=headers, ocr_options=options)


@pytest.mark.parametrize("task", TASKS)
def test_ocr_tasks(emulator, task):
    answer = read(emulator, task)
    assert answer.status == 200, answer.body
    content, = answer.json["output"]["choices"][0]["message"]["content"]
    assert content["text"]
    assert ("ocr_result" in content) == (task in ("advanced_recognition", "key_information_extraction"))
    assert answer.json["usage"]["image_tokens"] == 79


def test_ocr_forms(emulator):
    def content(*arguments, **config):
        return read(emulator, *arguments, **config).json["output"]["choices"][0]["message"]["content"][0]
    word = content("advanced_recognition")["ocr_result"]["words_info"][1]
    assert "PNG, 320 x 200 pixels" in word["text"] and len(word["location"]) == 8 and len(word["rotate_rect"]) == 5
    wanted = {"date": "yyyy-mm-dd", "invoice": {"no": ""}, "items": [{"name": ""}]}
    found = content("key_information_extraction", result_schema=wanted)
    expected = {"date": "date of the emulator", "invoice": {"no": "no of the emulator"},
                "items": [{"name": "name of the emulator"}]}
    assert found["ocr_result"] == {"kv_result": expected}
    assert found["text"].startswith("```json\n") and json.loads(found["text"][len("```json"):-len("```")]) == expected
    assert content("table_parsing")["text"].startswith("<table>")
    assert "\\begin{document}" in content("document_parsing")["text"]


@pytest.mark.parametrize("options, model, message", [
    ({"task": "reading"}, "qwen-vl-ocr", "ocr_options.task"), ({}, "qwen-vl-ocr", "ocr_options.task"),
    ("text_recognition", "qwen-vl-ocr", "must be Dict"),
    ({"task": "multi_lan", "lang": "en"}, "qwen-vl-ocr", "ocr_options.lang"),
    ({"task": "multi_lan", "task_config": {"result_schema": {"a": ""}}}, "qwen-vl-ocr", "does nothing with the task"),
    ({"task": TASKS[2], "task_config": {"schema": {"a": ""}}}, "qwen-vl-ocr", "result_schema"),
    ({"task": TASKS[2], "task_config": {"result_schema": {}}}, "qwen-vl-ocr", "result_schema"),
    ({"task": TASKS[2], "task_config": {"result_schema": {"a": {"b": {"c": {"d": ""}}}}}}, "qwen-vl-ocr", "3 levels"),
    ({"task": "multi_lan"}, MODEL, "'ocr_options' is not taken by " + MODEL)])
def test_ocr_refusals(emulator, options, model, message):
    answer = native(emulator, {"image": PNG_URL}, model=model, ocr_options=options)
    assert answer.status == 400 and message in answer.message, answer.body


def test_ocr_options_of_the_picture(emulator):
    part = {"image": PNG_URL, "min_pixels": 3072, "max_pixels": 8388608, "enable_rotate": False}
    assert native(emulator, part, model="qwen-vl-ocr").status == 200
    assert "enable_rotate" in native(emulator, {**part, "enable_rotate": 1}, model="qwen-vl-ocr").message
    assert "does nothing with" in native(emulator, part).message


def test_ocr_default_prompt_is_counted(emulator):
    usage = ask(emulator, image(PNG_URL), model="qwen-vl-ocr", text="").json["usage"]
    assert usage["prompt_tokens_details"]["text_tokens"] > 20


def test_ocr_scripts_and_streams(emulator):
    emulator.reply(text="HTTP", ocr_result={"words_info": []})
    content = read(emulator, "advanced_recognition").json["output"]["choices"][0]["message"]["content"]
    assert content == [{"text": "HTTP", "ocr_result": {"words_info": []}}]
    body = read(emulator, "advanced_recognition", headers={"X-DashScope-SSE": "enable"}).body.decode()
    frames_seen = [json.loads(frame.split("\ndata:")[1]) for frame in body.strip().split("\n\n")]
    results = ["ocr_result" in json.dumps(frame) for frame in frames_seen]
    assert results == [False] * (len(results) - 1) + [True]


# What it says it saw

def halves(x, y):
    return (200, 50, 50) if x < 80 else (50, 50, 200)


def corner(x, y):
    return (255, 255, 255) if x >= 120 and y < 30 else (20, 160, 40)


def centre(x, y):
    return (255, 140, 0) if 60 < x < 100 and 40 < y < 60 else (0, 0, 0)


@pytest.mark.parametrize("pixel, english, chinese", [
    (halves, "red (#c83232) on the left, blue (#3232c8) on the right", "左侧红色（#c83232），右侧蓝色（#3232c8）"),
    (corner, "mostly green (#14a028), white (#ffffff) at the top right", "主要是绿色（#14a028），右上白色（#ffffff）"),
    (centre, "mostly black (#000000), orange (#ff8c00) in the middle", "主要是黑色（#000000），中间橙色（#ff8c00）"),
    ((200, 50, 50), "all red (#c83232)", "全是红色（#c83232）")])
def test_colours_and_places(emulator, pixel, english, chinese):
    url = samples.data_url(samples.png(160, 100, pixel, filters=(0, 1, 2, 3, 4)), "image/png")
    assert f"I see 1 picture: PNG, 160 x 100 pixels, {english}." in ask(emulator, image(url)).text
    assert f"我看到 1 张图片：PNG，160 x 100 像素，{chinese}。" in ask(emulator, image(url), text="图中有什么？").text


def test_several_media(emulator):
    parts = [image(PNG_URL), image("https://h/a.png"), image(samples.data_url(JPEG, "image/jpeg")), video(clip())]
    text = ask(emulator, *parts).text
    assert "I see 3 pictures: (1) PNG, 320 x 200 pixels, all red (#c83232); (2) at https://h/a.png, which" in text
    assert "; (3) JPEG, 64 x 48 pixels. I see 1 video: MP4, 320 x 240 pixels, 4 seconds." in text
    assert "我看到 3 张图片：（1）PNG，" in ask(emulator, *parts, text="看图").text


def test_no_text_and_scripts(emulator):
    assert ask(emulator, image(PNG_URL), text="").text.endswith("all red (#c83232).")
    emulator.reply(text="A cat.")
    assert ask(emulator, image(PNG_URL)).text == "A cat."


MODES = {"L": (90,), "LA": (90, 255), "RGB": (20, 160, 40), "RGBA": (20, 160, 40, 255), "P": (1,)}


@each("kind", range(5))
@each("mode", MODES)
def test_png_filters(mode, kind):
    """Every row comes back as it was packed."""
    def pixel(x, y):
        return tuple((value + x * 5 + y * 11 * number) % 256 for number, value in enumerate(MODES[mode], 1))
    picture = pictures.inspect(samples.png(23, 19, pixel, mode, (kind,), [(0, 0, 0)] * 256 if mode == "P" else ()))
    rows = colours._unfiltered(picture.raster, 23 * picture.raster.channels)
    assert rows == [bytes(value for x in range(23) for value in pixel(x, y)) for y in range(19)]


@pytest.mark.parametrize("mode, pixel, name", [
    ("L", (90,), "grey"), ("LA", (255, 255), "white"), ("LA", (255, 0), "transparent"),
    ("RGBA", (20, 160, 40, 255), "green"), ("P", (1,), "yellow")])
def test_png_modes(mode, pixel, name):
    palette = [(0, 0, 0), (250, 240, 0)] if mode == "P" else ()
    picture = pictures.inspect(samples.png(23, 19, pixel, mode, palette=palette))
    assert [patch.name for patch in colours.patches(picture)] == [name]


@pytest.mark.parametrize("colour, name", [
    ((0, 0, 0), "black"), ((255, 255, 255), "white"), ((128, 128, 128), "grey"), ((255, 0, 0), "red"),
    ((255, 0, 20), "red"), ((255, 128, 0), "orange"), ((120, 70, 20), "brown"), ((250, 230, 10), "yellow"),
    ((0, 128, 0), "green"), ((0, 200, 200), "cyan"), ((0, 0, 255), "blue"), ((130, 0, 200), "purple"), ((255, 100, 180), "pink")])
def test_colour_names(colour, name):
    assert colours.name_of(colour) == name and name in colours.CHINESE


def test_large_pictures_are_not_looked_at(emulator):
    url = samples.data_url(samples.png(1300, 1100), "image/png")
    assert "PNG, 1300 x 1100 pixels." in ask(emulator, image(url)).text


def test_interlaced_and_16_bit(emulator):
    passes = ((2, 2), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8))     # bytes in a row, rows
    interlaced = sum(rows * (1 + columns) for columns, rows in passes)
    for size, depth, interlace in ((interlaced, 8, 1), (16 * 33, 16, 0), (16 * 3, 1, 0)):
        url = samples.data_url(packed(zlib.compress(bytes(size)), depth, interlace), "image/png")
        assert "PNG, 16 x 16 pixels." in ask(emulator, image(url)).text


# Records

def test_long_bodies_are_not_kept(emulator):
    emulator.body_limits.clear()
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "x"}]}).encode().ljust(KEPT_BODY + 1)
    assert send(emulator, "POST", CHAT, body, {"Content-Type": "application/json"}).status == 200
    record = emulator.requests[-1]
    assert (record.body, record.json) == (b"", None)
    assert (record.body_size, record.body_sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert ask(emulator, image(PNG_URL)).status == 200
    assert emulator.requests[-1].json["messages"][0]["content"][0]["image_url"]["url"] == PNG_URL


def test_reset_forgets_uploads(emulator):
    upload(emulator)
    emulator.policy_seconds, emulator.max_file_size_mb = 1, 1
    emulator.reset()
    assert (emulator.uploads, emulator.objects, emulator.policies) == ([], {}, {})
    assert (emulator.policy_seconds, emulator.max_file_size_mb) == (300, 1024)
