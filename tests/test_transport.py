"""The transport in-process: retries, event streams, error bodies, multipart framing, and where the key may travel."""
from __future__ import annotations

import gc
import gzip
import io
import json
import os
import socket
import ssl
import threading
import tracemalloc
import warnings
import zlib
from contextlib import contextmanager
from email.message import Message
from urllib.parse import quote

import pytest

from shared import key_guard
from shared.body import elide_media
from shared.chat.answer import Answer as ChatAnswer, fold
from shared.failures import Exit, Failure
from shared.transport import client as transport_client, reading
from shared.transport.client import Client
from shared.transport.connecting import connection_to, tls_context
from shared.transport.context import Context, ServiceError
from shared.transport.download import fetch
from shared.transport.errors import explain
from shared.transport.events import BadStream, Event, read_events
from shared.transport.multipart import Multipart
from shared.transport.reading import error_in
from shared.transport.request import Request
from shared.transport.retries import MAX_DELAY, parse_retry_after, Retries
from shared.transport.storage import upload
from shared.transport.troubles import connect_trouble
from tests.conftest import STANDARD_KEY
from tests.emulator import Emulator
from tests.emulator.multipart import parse as parse_multipart


def client_for(url: str, **settings) -> Client:
    verdict = key_guard.judge(key_guard.inspect_key(STANDARD_KEY), key_guard.parse_base_url(url), "qianwen-text")
    settings.setdefault("retries", Retries(0))
    return Client(verdict, "qianwen-text", **settings)


# ---- retries ---------------------------------------------------------------------------------------------------------

def service(status: int, code: str, message: str = "") -> Failure:
    return explain(ServiceError(status, code, message), Context())


FAILURES = {
    "refused": Context().network("refused", accepted="no"),
    "reset": Context().network("reset"),
    "web page": Context().network("web page", retryable=False),
    "401": service(401, "invalid_api_key"),
    "400": service(400, "invalid_parameter_error", "Range of top_p should be (0.0, 1.0]"),
    "429": service(429, "limit_requests"),
    "429 in a stream": service(200, "limit_requests"),
    "500": service(500, "internal_error"),
    "502": service(502, "http_502", "Bad Gateway"),
    "503 that says so": service(503, "ModelServingError", "throttled due to system capacity limits"),
    "503": service(503, "http_503", "upstream connect error or disconnect/reset before headers"),
    "500 timeout": service(500, "RequestTimeOut", "Request timed out"),
    "500 that calls an answer invalid": service(502, "invalid_response_error", "upstream sent an invalid response"),
    "500 of a gateway": service(500, "BadRequest.Upstream"),
    "408": service(408, "http_408", "Request Timeout"),
    "200 that calls the request invalid": service(200, "InvalidParameter", "url error, please check url！"),
    "400 timeout": service(400, "InternalError.Timeout", "Request timed out"),
    "400 of a time-out": service(400, "upstream_timeout"),
    "moderation": service(400, "data_inspection_failed"),
    "arrearage": service(400, "Arrearage"),
}
# the service, or something in between, gave up: it may have taken the request, whatever the status and the code say
LATE = ("500 that calls an answer invalid", "500 of a gateway", "408", "400 timeout", "400 of a time-out")
SENT_AGAIN = {
    Retries.READ: {"refused", "reset", "429", "429 in a stream", "500", "502", "503", "503 that says so", "500 timeout", *LATE},
    Retries.CHAT: {"refused", "429", "429 in a stream", "500", "502", "503", "503 that says so", "500 timeout", *LATE},
    Retries.CREATE: {"refused", "429", "429 in a stream", "503 that says so"},
}


@pytest.mark.parametrize("safety", SENT_AGAIN)
@pytest.mark.parametrize("name", FAILURES)
def test_what_is_sent_again(name, safety):
    assert Retries().allowed(FAILURES[name], safety) == (name in SENT_AGAIN[safety])


@pytest.mark.parametrize("safety", SENT_AGAIN)
def test_nothing_is_sent_again_once_some_of_the_answer_has_come(safety):
    failure = service(500, "internal_error")
    failure.partial = {"text": "Four"}
    assert not Retries().allowed(failure, safety)


@pytest.mark.parametrize("code, delays", [("limit_requests", [1, 2, 4, 8, 16, 32, 60, 60]),
                                          ("limit_burst_rate", [3, 6, 12, 24, 48, 60, 60, 60]),
                                          ("Throttling.BurstRate", [3, 6, 12, 24, 48, 60, 60, 60])])
def test_delays_double_up_to_a_minute(code, delays):
    retries = Retries(uniform=lambda low, high: 1.0)
    assert [retries.delay(service(429, code), tries) for tries in range(1, 9)] == delays


def test_delays_are_spread_by_a_quarter():
    asked = []
    retries = Retries(uniform=lambda low, high: asked.append((low, high)) or high)
    assert retries.delay(service(429, "limit_requests"), 2) == 2.5 and asked == [(0.75, 1.25)]


def test_what_the_service_asks_for_is_waited_without_jitter():
    failure = service(429, "limit_requests")
    failure.retry_after = 7.0
    assert Retries(uniform=lambda low, high: high).delay(failure, 3) == 7.0


def attempts(*outcomes):
    """A function that raises or returns the next outcome at each call."""
    left = iter(outcomes)

    def attempt():
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
    return attempt


def limited(retry_after=None) -> Failure:
    failure = service(429, "limit_requests", "slow down")
    failure.retry_after = retry_after
    return failure


def test_run_waits_and_returns_what_came_in_the_end():
    slept, notes = [], []
    retries = Retries(3, sleep=slept.append, note=notes.append, uniform=lambda low, high: 1.0)
    assert retries.run(attempts(limited(), limited(0.5), limited(), "done"), Retries.CREATE) == "done"
    assert slept == [1.0, 2.0, 4.0]  # never less than the service is given without asking
    assert len(notes) == 3 and "slow down" in notes[0] and "(1 of 3)" in notes[0]


def test_run_gives_up_after_the_tries():
    slept, last = [], limited(0)
    with pytest.raises(Failure) as caught:
        Retries(2, sleep=slept.append, uniform=lambda *_: 1.0).run(attempts(limited(0), limited(0), last), Retries.CHAT)
    assert caught.value is last and slept == [1.0, 2.0]


def test_run_does_not_wait_for_a_pause_that_is_too_long():
    slept = []
    with pytest.raises(Failure, match="slow down") as caught:
        Retries(3, sleep=slept.append).run(attempts(limited(3600.0)), Retries.CHAT)
    assert slept == [] and "3600 seconds" in caught.value.fix


@pytest.mark.parametrize("code", ["limit_requests", "limit_burst_rate"])
def test_jitter_never_ends_the_tries_early(code):
    slept = []
    retries = Retries(9, sleep=slept.append, uniform=lambda low, high: high)
    assert retries.run(attempts(*[service(429, code)] * 9, "done"), Retries.CHAT) == "done"
    assert len(slept) == 9 and max(slept) <= MAX_DELAY


def test_other_errors_pass_through_run():
    with pytest.raises(KeyError):
        Retries(3, sleep=pytest.fail).run(attempts(KeyError("a defect")), Retries.READ)


@pytest.mark.parametrize("value, seconds", [
    ("7", 7.0), ("0", 0.0), ("0.5", 0.5), (" 12 ", 12.0), ("-3", 0.0),
    ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0), ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0), ("Wed, 21 Oct 2015 09:28:30 +0200", 30.0),
    ("", None), ("soon", None),
    ("nan", None), ("inf", None), ("-inf", None), ("1e999", None), ("Wed, 21 Oct", None), ("Wed, 21 Oct 99999999999999 07:28:00 GMT", None),
])
def test_retry_after(value, seconds):
    assert parse_retry_after(value, now=1445412480.0) == seconds      # 21 Oct 2015 07:28:00 GMT


# ---- event streams ---------------------------------------------------------------------------------------------------

def chunk(text: str) -> dict:
    return {"choices": [{"delta": {"content": text}, "index": 0}]}


def line(value) -> str:
    return json.dumps(value, ensure_ascii=False)


COMPAT = f"data: {line(chunk('四 🦊'))}\n\ndata: {line(chunk('é'))}\n\ndata: [DONE]\n\n"
NATIVE = "".join(f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{line(chunk(text))}\n\n" for number, text in ((1, "四"), (2, "🦊")))
COMPAT_EVENTS = [Event("", chunk("四 🦊"), 0), Event("", chunk("é"), 0), Event("", "[DONE]", 0)]
NATIVE_EVENTS = [Event("result", chunk("四"), 200), Event("result", chunk("🦊"), 200)]
A = '{"a":1}'
STREAMS = {
    "compat": (COMPAT, COMPAT_EVENTS),
    "native": (NATIVE, NATIVE_EVENTS),
    "compat, CRLF": (COMPAT.replace("\n", "\r\n"), COMPAT_EVENTS),
    "native, CRLF": (NATIVE.replace("\n", "\r\n"), NATIVE_EVENTS),
    "compat, no space": (COMPAT.replace("data: ", "data:"), COMPAT_EVENTS),
    "native, with space": (NATIVE.replace("data:", "data: ").replace("id:", "id: ").replace("event:", "event: "), NATIVE_EVENTS),
    "compat, no blank lines": (COMPAT.replace("\n\n", "\n"), COMPAT_EVENTS),
    "native, no blank lines": (NATIVE.replace("\n\n", "\n"), NATIVE_EVENTS),
    "compat, many blank lines": ("\n" + COMPAT.replace("\n\n", "\n\n\n\n"), COMPAT_EVENTS),
    "comments": (": hello\n\n" + COMPAT.replace("data", ": keep-alive\n\n:\ndata"), COMPAT_EVENTS),
    "comment after the data": (f"data: {A}\n: keep-alive\n\n", [Event("", {"a": 1}, 0)]),
    "no end of line at the end": (f"data: {A}", [Event("", {"a": 1}, 0)]),
    "error": (f"id:1\nevent:error\n:HTTP_STATUS/400\ndata:{A}\n\n", [Event("error", {"a": 1}, 400)]),
    "status field": (f"id:1\nevent:error\nstatus:503\ndata:{A}\n\n", [Event("error", {"a": 1}, 503)]),
    "status is not carried over": (f"event:x\n:HTTP_STATUS/400\ndata:{A}\n\ndata:{A}\n\n",
                                   [Event("x", {"a": 1}, 400), Event("", {"a": 1}, 0)]),
    "unknown fields": (f"retry: 3000\nfoo\ndata: {A}\n\n", [Event("", {"a": 1}, 0)]),
    "only the first space is cut": ("data:  x\n\n", [Event("", " x", 0)]),
    "colons in the data": ("data: a:b: c\n\n", [Event("", "a:b: c", 0)]),
    "other line ends inside text": (f"data: {line(chunk('a' + chr(0x2028) + chr(0x85) + 'b'))}\n\n",
                                    [Event("", chunk("a\u2028\x85b"), 0)]),
    "nothing": ("", []),
    "only keep-alives": (": a\n\n: b\n\n", []),
}


@pytest.mark.parametrize("text, events", STREAMS.values(), ids=STREAMS)
def test_streams(text, events):
    assert list(read_events([text.encode()])) == events


@pytest.mark.parametrize("text, events", STREAMS.values(), ids=STREAMS)
def test_streams_cut_at_every_byte(text, events):
    raw = text.encode()
    for place in range(len(raw) + 1):
        assert list(read_events([raw[:place], raw[place:]])) == events, f"cut at byte {place}"
    assert list(read_events(raw[place:place + 1] for place in range(len(raw)))) == events


def test_events_come_as_soon_as_they_are_whole():
    def blocks():
        yield b"data: 1\n\n"
        pytest.fail("the first event was held back")
    assert next(read_events(blocks())) == Event("", 1, 0)


@pytest.mark.parametrize("start", [b"data: ", b"data: 1\n\ndata: "])
def test_a_line_without_end_is_refused(start):
    with pytest.raises(BadStream):
        list(read_events([start] + [b"x" * (1 << 20)] * 65))


def test_a_long_line_is_read():
    text = "x" * (4 << 20)
    raw = b"data: " + line(chunk(text)).encode() + b"\n\n"
    (event,) = read_events(raw[place:place + 65536] for place in range(0, len(raw), 65536))
    assert event.data == chunk(text)


# ---- error bodies ----------------------------------------------------------------------------------------------------

HEADERS = {"x-request-id": "from-header"}
ERRORS = [
    (400, {"error": {"message": "bad", "type": "t", "param": None, "code": "c"}, "request_id": "r"}, (400, "c", "bad", "r")),
    (401, {"error": {"message": "bad", "type": "t", "param": None, "code": "c"}}, (401, "c", "bad", "from-header")),
    (400, {"error": {"message": "bad", "code": "c"}, "id": "chatcmpl-uuid"}, (400, "c", "bad", "uuid")),
    (400, {"error": {"message": "bad", "code": "c"}, "id": "chatcmpl-uuid", "request_id": "r"}, (400, "c", "bad", "r")),
    (400, {"error": {"message": "no model", "type": "t", "param": None, "code": None}}, (400, "t", "no model", "from-header")),
    (429, {"error": {"message": "fast", "type": "t", "param": "", "code": "c"}}, (429, "c", "fast", "from-header")),
    (400, {"type": "error", "error": {"type": "t", "message": "bad"}}, (400, "t", "bad", "from-header")),
    (200, {"error": {"message": "bad", "code": "c"}}, (200, "c", "bad", "from-header")),
    (401, {"code": "c", "message": "bad", "request_id": "r"}, (401, "c", "bad", "r")),
    (200, {"request_id": "r", "message": "bad", "code": "c"}, (200, "c", "bad", "r")),
    (404, {"error": "Not Found"}, (404, "http_404", "Not Found", "from-header")),
    (400, {"error": {}}, (400, "", "", "from-header")),
    (400, {"code": "c", "message": None}, (400, "c", "", "from-header")),
    (400, {"Code": "c", "Message": "bad", "RequestId": "r"}, (400, "c", "bad", "r")),
    (400, {"error": {"error": {"code": "c", "message": "bad", "RequestID": "r"}}}, (400, "c", "bad", "r")),
    (200, {"error": {"code": "", "message": "bad"}, "output": {}}, (200, "", "bad", "from-header")),
    *((200, {"code": "c", "message": "bad", **none}, (200, "c", "bad", "from-header"))
      for none in ({"output": None, "usage": None}, {"output": {}}, {"choices": None}, {"choices": []})),
]


@pytest.mark.parametrize("status, body, expected", ERRORS)
def test_error_bodies(status, body, expected):
    assert error_in(status, body, HEADERS) == ServiceError(*expected)


@pytest.mark.parametrize("body", [{"message": "bad"}, {"code": "", "message": "bad"}, {"detail": "bad"}])
def test_unknown_error_bodies_keep_their_words_and_the_status(body):
    error = error_in(502, body, HEADERS)
    assert "bad" in error.message and error.code == "http_502" and error.request_id == "from-header"


@pytest.mark.parametrize("body", [
    {"choices": [], "usage": None}, {"choices": [], "error": None, "code": ""}, {"code": "", "message": "", "output": {}},
    {"output": {"task_status": "FAILED", "code": "x", "message": "y"}, "code": "200"}, {"object": "list", "data": []},
    *({"output": {}, "error": error} for error in ({}, {"code": None, "message": None}, {"message": "", "code": 0}, "None", "", "null", "no",
                                                  {"code": 0, "message": "no error"}, {"code": "Success", "message": "Success!"})),
    {"choices": [], "error": {"code": "Success", "message": ""}}])
def test_answers_are_no_errors(body):
    assert error_in(200, body, HEADERS) is None


@pytest.mark.parametrize("pack, encoding", [
    (lambda raw: raw + b"\n{}", ""), (zlib.compress, "deflate"), (gzip.compress, ""), (gzip.compress, "GZIP"),
    (lambda raw: raw.replace(b" ", b"\n"), "")])
def test_bodies_in_other_dress(pack, encoding):
    sent = io.BytesIO(pack(json.dumps({"output": {"text": "a b"}}).encode()))
    raw = b"".join(reading.body_blocks(sent, {"content-encoding": encoding}))
    assert reading.read(200, {}, raw)["output"]["text"].split() == ["a", "b"]


def test_an_error_in_a_list():
    assert reading.read(400, HEADERS, b'[{"error": {"code": "Arrearage", "message": "bad"}}]') == (400, "Arrearage", "bad", "from-header")


# ---- multipart and previews ------------------------------------------------------------------------------------------

NAMES = {"plain.pdf": "plain.pdf", "合同 2026.pdf": "合同 2026.pdf", 'a"b.txt': "a%22b.txt", "a\\b.txt": "a_b.txt",
         "a\nb\rc.txt": "a_b_c.txt", "; name=x.txt": "; name=x.txt", "🦊'%.txt": "🦊'%.txt", "tab\t.txt": "tab\t.txt"}


def body_of(multipart: Multipart) -> bytes:
    return b"".join(multipart)


@pytest.mark.parametrize("name, sent", NAMES.items(), ids=map(ascii, NAMES))
def test_multipart_is_read_back(tmp_path, name, sent):
    content = b"\r\n--qianwen-\r\n\x00\xff" + name.encode()
    path = tmp_path / "content"
    path.write_bytes(content)
    multipart = Multipart({"purpose": "file-extract", "说明": "两个\n字"}, str(path), filename=name, media_type="text/plain")
    body = body_of(multipart)
    *fields, file = parse_multipart(multipart.content_type, body)
    assert [(part.name, part.data.decode()) for part in fields] == [("purpose", "file-extract"), ("说明", "两个\n字")]
    assert (file.name, file.filename, file.content_type, file.data) == ("file", sent, "text/plain", content)
    assert len(body) == len(multipart) and body_of(multipart) == body, "a retry sends the same body"


def test_a_file_name_that_is_not_utf8_can_be_sent(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff\xe4.txt")
    try:
        with open(path, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    multipart = Multipart({}, os.fsdecode(path))
    assert parse_multipart(multipart.content_type, body_of(multipart))[0].data == b"x"


def test_a_large_file_is_streamed(tmp_path):
    path = tmp_path / "large.bin"
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    multipart = Multipart({}, str(path))
    gc.collect()
    tracemalloc.start()
    total = sum(map(len, multipart))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == len(multipart) and peak < 1 << 20


def test_a_file_that_shrinks_meanwhile_is_not_sent_short(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"0123456789")
    multipart = Multipart({}, str(path))
    path.write_bytes(b"0123")
    with pytest.raises(OSError, match="shorter"):
        body_of(multipart)


def test_a_file_that_grows_meanwhile_keeps_its_length(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"0123")
    multipart = Multipart({}, str(path))
    path.write_bytes(b"0123456789")
    assert len(body_of(multipart)) == len(multipart)


@pytest.mark.parametrize("value, shown", [
    ("data:image/png;base64,AAAA", "data:image/png;base64,<3 bytes>"),
    ("data:image/png;base64,AAA=", "data:image/png;base64,<2 bytes>"),
    ("data:image/png;base64,AA==", "data:image/png;base64,<1 bytes>"),
    ({"a": [{"url": "data:;base64,AAAA"}, 1, None]}, {"a": [{"url": "data:;base64,<3 bytes>"}, 1, None]}),
    ("data: a word, then ;base64", "data: a word, then ;base64"),
    ("https://host/x.png?data:;base64,AAAA", "https://host/x.png?data:;base64,AAAA"),
])
def test_inline_media_is_elided_in_previews(value, shown):
    before = json.dumps(value)
    assert elide_media(value) == shown and json.dumps(value) == before


def test_a_preview_holds_no_key(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"12345")
    request = Request("POST", "https://host/files", Multipart({"purpose": "x"}, str(tmp_path / "a.txt")))
    preview = request.preview("qianwen-text", key_guard.inspect_key(STANDARD_KEY))
    assert preview["headers"]["Authorization"] == "Bearer sk-***"
    assert preview["body"] == {"purpose": "x", "file": "<a.txt, 5 bytes>"}


# ---- where the key may travel ----------------------------------------------------------------------------------------

TASKS = "/api/v1/tasks/"


def test_a_redirect_within_the_origin_keeps_the_key(emulator):
    emulator.inject("redirect", path=TASKS, to="/compatible-mode/v1/files?limit=1", status=301)
    client_for(emulator.url).json(Request("GET", emulator.url + TASKS), Retries.READ)
    assert [(request.path, request.authorized) for request in emulator.requests] == [
        (TASKS, True), ("/compatible-mode/v1/files", True)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_not_followed(emulator, status):
    with Emulator() as other:
        emulator.inject("redirect", to=other.url + TASKS, status=status)
        with pytest.raises(Failure, match="redirects the request to") as caught:
            client_for(emulator.url).json(Request("GET", emulator.url + TASKS), Retries.READ)
        assert not other.requests
    assert (caught.value.exit_code, caught.value.accepted) == (Exit.NETWORK, "no")


def test_nothing_is_sent_to_a_plan_host(monkeypatch):
    client = client_for("https://dashscope.aliyuncs.com")
    monkeypatch.setattr(client, "_opener", None)
    request = Request("POST", "https://token-plan.cn-beijing.maas.aliyuncs.com/x", {})
    for send in (lambda: upload(client, request), lambda: client.json(request, Retries.CREATE)):
        with pytest.raises(Failure, match="plan's host") as caught:
            send()
        assert caught.value.accepted == "no" and not caught.value.retryable


@pytest.mark.parametrize("status, carried", [(301, False), (302, False), (303, False), (307, True), (308, True)])
def test_a_post_is_redirected_within_the_origin_only_when_its_body_stays(emulator, status, carried):
    files = "/compatible-mode/v1/files"
    emulator.inject("redirect", path="/wrong", to=files, status=status)
    with pytest.raises(Failure) as caught:
        client_for(emulator.url).json(Request("POST", emulator.url + "/wrong", {"a": 1}), Retries.CREATE)
    assert [request.json for request in emulator.requests] == ([{"a": 1}] * 2 if carried else [{"a": 1}])
    assert caught.value.exit_code == (Exit.FAILED if carried else Exit.NETWORK)


def test_circles_end(emulator):
    emulator.inject("redirect", times=None, to=TASKS)
    with pytest.raises(Failure, match="circles") as caught:
        client_for(emulator.url, retries=Retries(3, sleep=pytest.fail)).json(Request("GET", emulator.url + TASKS), Retries.READ)
    assert caught.value.exit_code == Exit.NETWORK and len(emulator.requests) < 10


class Answer(io.BytesIO):
    """A response as `urllib` gives it, without a socket."""

    def __init__(self, status: int, headers: dict, body: bytes = b""):
        super().__init__(body)
        self.status, self.headers = status, Message()
        for name, value in headers.items():
            self.headers[name] = value


@pytest.mark.parametrize("location, followed", [
    ("http://dashscope.aliyuncs.com/x", False), ("http://127.0.0.1/x", False), ("ftp://dashscope.aliyuncs.com/x", False),
    ("file:///etc/passwd", False), ("https://dashscope.aliyuncs.com/x", True), ("/x", True), ("https://elsewhere.example/x", False),
    ("https://dashscope.aliyuncs.com:not-a-port/x", False),
])
def test_https_is_never_left(monkeypatch, location, followed):
    sent = []

    def send(self, method, url, headers, body):
        sent.append((url, "Authorization" in headers))
        return Answer(302, {"Location": location}) if len(sent) == 1 else Answer(200, {}, b"{}")
    monkeypatch.setattr(Client, "_send", send)
    call = Request("GET", "https://dashscope.aliyuncs.com/a")
    if followed:
        client_for("https://dashscope.aliyuncs.com").json(call, Retries.READ)
        assert sent[1][1] == ("elsewhere" not in location)
    else:
        with pytest.raises(Failure) as caught:
            client_for("https://dashscope.aliyuncs.com").json(call, Retries.READ)
        assert caught.value.exit_code == Exit.NETWORK and len(sent) == 1


@pytest.mark.parametrize("url", ["https://dashscope.aliyuncs.com:8443/a", "https://dashscope.aliyuncs.com.evil.example/a",
                                 "https://bucket.oss-cn-beijing.aliyuncs.com/a", "http://dashscope.aliyuncs.com/a"])
def test_another_origin_never_gets_the_key(monkeypatch, url):
    seen = []
    monkeypatch.setattr(Client, "_send", lambda self, method, url, headers, body: seen.append(headers) or Answer(200, {}, b"{}"))
    client_for("https://dashscope.aliyuncs.com").json(Request("GET", url), Retries.READ)
    assert "Authorization" not in seen[0] and STANDARD_KEY not in str(seen)


def test_certificates_are_checked(monkeypatch):
    """The TLS set-up of a connection is the strict default, and a certificate nobody vouches for is refused in words."""
    made = []
    default = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda *args, **named: made.append(default(*args, **named)) or made[-1])
    tls_context.cache_clear()

    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.reason, error.verify_message, error.verify_code = "CERTIFICATE_VERIFY_FAILED", "self-signed certificate", 18
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    def connect(self):
        raise error
    monkeypatch.setattr("http.client.HTTPSConnection.connect", connect)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(Failure, match="self-signed certificate") as caught:
        client_for("https://dashscope.aliyuncs.com").json(Request("GET", "https://dashscope.aliyuncs.com/a"), Retries.READ)
    assert made[0].verify_mode == ssl.CERT_REQUIRED and made[0].check_hostname
    assert (caught.value.exit_code, caught.value.accepted, caught.value.retryable) == (Exit.NETWORK, "no", False)
    assert "SSL_CERT_FILE" in caught.value.fix


# ---- proxies ---------------------------------------------------------------------------------------------------------

@contextmanager
def refusing_proxy(answer: bytes = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", times: int = 1):
    """A proxy that records what it is asked and refuses so many times; yields its address and what it saw."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve():
            for _ in range(times):
                connection, _ = listener.accept()
                with connection:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        data += connection.recv(4096)
                    seen.append(data)
                    connection.sendall(answer)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
        thread.join(10)


def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_loopback_is_never_reached_through_a_proxy(run):
    dead = f"http://127.0.0.1:{dead_port()}"
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    result = run("hello", "--retries", 0, env=dict.fromkeys(names, dead))
    assert result.code == 0, result


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_is_used_for_the_service(run, emulator, name):
    with refusing_proxy() as (proxy, seen):
        result = run("hello", "--retries", 0, base_url=None, env={name: proxy})
    assert result.code == 6 and "proxy" in result.err and "403" in result.err, result
    assert seen[0].startswith(b"CONNECT dashscope.aliyuncs.com:443 HTTP/1.")
    assert STANDARD_KEY.encode() not in seen[0] and b"authorization" not in seen[0].lower()
    assert not emulator.requests


def test_a_dead_proxy_is_no_secret(run):
    result = run("hello", "--retries", 0, base_url=None, env={"HTTPS_PROXY": f"http://127.0.0.1:{dead_port()}"})
    assert result.code == 6 and "proxy" in result.err, result


def refused_on_the_way(monkeypatch, variable: str, value: str) -> Failure:
    """What is said when a paid request cannot even begin; the password in the setting is in no part of it."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(Failure) as caught:
        client_for("https://dashscope.aliyuncs.com").json(Request("POST", "https://dashscope.aliyuncs.com/a", {}), Retries.CREATE)
    failure = caught.value
    assert failure.accepted == "no" and "billed" not in str(failure.as_error()) and "s3cret" not in str(failure.as_error())
    assert failure.exit_code == Exit.NETWORK
    failure.__cause__ = failure.__context__ = failure.__traceback__ = None
    del caught
    with warnings.catch_warnings():  # Python 3.9 leaves the socket of a tunnel that was refused to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return failure


@pytest.mark.parametrize("value", ['"http://127.0.0.1:7890"', "http://127.0.0.1:7890x", "http:/u:s3cret@127.0.0.1", "/u:s3cret@h",
                                   "http://u:s3cret@127.0.0.1:1x", "http://"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_that_is_none_is_told_by_its_variable(monkeypatch, variable, value):
    failure = refused_on_the_way(monkeypatch, variable, value)
    assert variable in failure.message + failure.fix and "QWEN_BASE_URL" not in failure.fix


def test_a_proxy_where_nothing_listens_is_named(monkeypatch):
    port = dead_port()
    failure = refused_on_the_way(monkeypatch, "HTTPS_PROXY", f"http://u:s3cret@127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in failure.message and "HTTPS_PROXY" in failure.cause + failure.fix
    assert "QWEN_BASE_URL" not in failure.fix


@pytest.mark.parametrize("answer, words", [
    (b"HTTP/1.1 407 s3cret\x1b]0;x\x07\r\n\r\n", "HTTP 407"), (b"HTTP/1.1 403 no\r\n\r\n", "HTTP 403"),
    (b"\x05\xff", "does not answer as an HTTP proxy")], ids=["407", "403", "SOCKS"])
def test_a_proxy_that_refuses_is_named_and_not_repeated(monkeypatch, answer, words):
    with refusing_proxy(answer) as (proxy, _):
        failure = refused_on_the_way(monkeypatch, "HTTPS_PROXY", proxy.replace("//", "//u:s3cret@"))
    assert words in failure.message and proxy[len("http://"):] in failure.message and "HTTPS_PROXY" in failure.fix


@pytest.mark.parametrize("form, words", [
    ("{}", "refused the connection: HTTP 407 (set by HTTPS_PROXY)"), ("{}x", "HTTPS_PROXY does not contain a usable proxy address")],
    ids=["refuses", "none"])
def test_a_download_through_a_proxy_names_it_and_repeats_nothing_of_it(monkeypatch, tmp_path, form, words):
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "a").touch()
    with refusing_proxy(b"HTTP/1.1 407 bad login u:s3cret\r\n\r\n") as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", form.format(proxy.replace("//", "//u:p@s3cret@")))
        pauses: list = []
        with pytest.raises(Failure, match="could not be downloaded") as caught:
            fetch(client_for("https://dashscope.aliyuncs.com"), "https://b.oss-cn-beijing.aliyuncs.com/a.png", str(tmp_path / "a"),
                  sleep=pauses.append)
        if words.startswith("HTTPS"):
            with socket.create_connection(proxy[len("http://"):].split(":"), 5) as caller:
                caller.sendall(b"\r\n\r\n")  # it waits for one
    assert words in caught.value.message and "s3cret" not in str(caught.value.as_error()) and not pauses


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 503 busy\r\n\r\n", b"HTTP/1.1 429 slow\r\n\r\n"], ids=["closed", "503", "429"])
def test_a_download_outlasts_the_passing_trouble_of_a_proxy(monkeypatch, tmp_path, answer):
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "a").touch()
    with refusing_proxy(answer, times=7) as (proxy, seen):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(Failure, match="could not be downloaded"):
            fetch(client_for("https://dashscope.aliyuncs.com"), "https://b.oss-cn-beijing.aliyuncs.com/a.png", str(tmp_path / "a"),
                  sleep=lambda seconds: None)
    assert len(seen) == 7
    with warnings.catch_warnings():  # Python 3.9 leaves the socket of a tunnel that was refused to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_tls_that_cannot_be_set_up_is_never_billed(monkeypatch, tmp_path):
    tls_context.cache_clear()
    failure = refused_on_the_way(monkeypatch, "SSLKEYLOGFILE", str(tmp_path / "none" / "keys"))
    assert "SSLKEYLOGFILE" in failure.fix and "TLS" in failure.message


@pytest.mark.parametrize("said, code, given, word, not_word", [
    ("Missing Authority Key Identifier", 92, "/etc/ca.pem", "Python 3.12", "SSL_CERT_FILE"),
    ("certificate has expired", 10, "", "clock", "SSL_CERT_FILE"), ("unable to get local issuer certificate", 20, "", "SSL_CERT_FILE", "unset"),
    ("unable to get local issuer certificate", 20, "/etc/ca.pem", "unset SSL_CERT_FILE", "macOS")])
def test_a_file_of_certificates_is_advised_only_where_it_helps(monkeypatch, said, code, given, word, not_word):
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", given)
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message, error.verify_code = said, code
    _, _, fix, _ = connect_trouble(error, "h", 20, None)
    assert word in fix and not_word not in fix


def test_an_address_that_swallows_packets_holds_up_the_next_one_shortly_and_once(monkeypatch):
    asked = []

    class Socket:
        def __init__(self, *_):
            pass

        def settimeout(self, seconds):
            self.limit = seconds

        def connect(self, place):
            asked.append((place, self.limit))
            if place == "bad":
                raise socket.timeout("timed out")

        def close(self):
            pass
    monkeypatch.setattr(socket, "socket", Socket)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", "bad"), (0, 0, 0, "", "good")])
    connection_to(("swallowed.example", 443), 20.0)
    connection_to(("swallowed.example", 443), 20.0)
    assert asked == [("bad", 4.0), ("good", 20.0), ("good", 4.0)]


# ---- what is sent ----------------------------------------------------------------------------------------------------

def test_json_goes_out_as_plain_utf8(emulator):
    with pytest.raises(Failure):
        client_for(emulator.url).json(Request("POST", emulator.url + "/compatible-mode/v1/nowhere", {"a": "四 🦊"}), Retries.READ)
    (request,) = emulator.requests
    assert request.body == '{"a":"四 🦊"}'.encode()
    assert request.headers["content-type"] == "application/json" and request.headers["user-agent"].startswith("qianwen-skills/")
    assert request.headers.get("accept-encoding", "identity") == "identity"


def test_an_empty_404_says_that_the_base_url_is_wrong(emulator):
    with pytest.raises(Failure) as caught:
        client_for(emulator.url).json(Request("GET", f"{emulator.url}/{quote('没有')}"), Retries.READ)
    failure = caught.value
    assert (failure.exit_code, failure.http_status, failure.code) == (Exit.FAILED, 404, "http_404")
    assert "QWEN_BASE_URL" in failure.fix and failure.request_id


@pytest.mark.parametrize("status, exit_code", [(500, Exit.FAILED), (503, Exit.FAILED), (429, Exit.QUOTA), (401, Exit.KEY)])
def test_an_error_without_a_body_gets_a_code(monkeypatch, status, exit_code):
    monkeypatch.setattr(Client, "_send", lambda *_: Answer(status, {"X-Request-ID": "r"}))
    with pytest.raises(Failure) as caught:
        client_for("https://dashscope.aliyuncs.com").json(Request("GET", "https://dashscope.aliyuncs.com/a"), Retries.READ)
    assert (caught.value.exit_code, caught.value.code, caught.value.request_id) == (exit_code, f"http_{status}", "r")


def test_an_error_object_instead_of_a_stream(monkeypatch):
    body = b'{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r"}'
    monkeypatch.setattr(Client, "_send", lambda *_: Answer(200, {"Content-Type": "application/json"}, body))
    with pytest.raises(Failure) as caught:
        request = Request("POST", "https://dashscope.aliyuncs.com/a", {})
        client_for("https://dashscope.aliyuncs.com").events(request, Retries.CHAT, pytest.fail)
    assert (caught.value.exit_code, caught.value.code, caught.value.request_id) == (Exit.KEY, "InvalidApiKey", "r")


def test_nothing_is_waited_for_after_the_end_of_a_stream(monkeypatch):
    """A connection that stays open after [DONE] would be waited on until the idle limit."""
    class Kept(Answer):
        def read1(self, size=-1):
            return super().read1(size) or pytest.fail("read on after [DONE]")
    stream = Kept(200, {"Content-Type": "text/event-stream"}, COMPAT.encode())
    monkeypatch.setattr(Client, "_send", lambda *_: stream)
    client, answer = client_for("https://dashscope.aliyuncs.com"), ChatAnswer()
    client.events(Request("POST", "https://dashscope.aliyuncs.com/a", {}), Retries.CHAT,
                  lambda events, headers: fold(events, headers, answer, lambda *_: None, client.context))
    assert answer.text == "四 🦊é"


def test_an_answer_without_end_is_not_read_into_memory(monkeypatch):
    class Endless(Answer):
        def read1(self, size=-1):
            return b"x" * (1 << 20)
    monkeypatch.setattr(Client, "_send", lambda *_: Endless(200, {}))
    monkeypatch.setattr(transport_client, "_MAX_JSON", 4 << 20)
    with pytest.raises(Failure, match="larger than"):
        client_for("https://dashscope.aliyuncs.com").json(Request("GET", "https://dashscope.aliyuncs.com/a"), Retries.READ)


# ---- bodies are judged by their first bytes -----------------------------------------------------------------------------

ARREARS = b'"message":"Access denied, please make sure your account is in good standing."'
REFUSED = {
    "compatible": b'data: {"error":{"code":"Arrearage",' + ARREARS + b',"request_id":"r"}}\n\n',
    "native": b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"Arrearage",' + ARREARS + b',"request_id":"r"}\n\n',
    "object": b'\xef\xbb\xbf {"code":"Arrearage",' + ARREARS + b',"request_id":"r"}',
}


@pytest.mark.parametrize("content_type", ["text/event-stream", "Text/Event-Stream;charset=UTF-8", "application/json", ""])
@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_read_whatever_it_is_wrapped_in(monkeypatch, body, content_type):
    monkeypatch.setattr(Client, "_send", lambda *_: Answer(400, {"Content-Type": content_type}, body))
    client, request = client_for("https://dashscope.aliyuncs.com"), Request("POST", "https://dashscope.aliyuncs.com/a", {})
    for call in (lambda: client.events(request, Retries.CHAT, pytest.fail), lambda: client.json(request, Retries.CREATE)):
        with pytest.raises(Failure) as caught:
            call()
        failure = caught.value
        assert (failure.exit_code, failure.code, failure.request_id) == (Exit.QUOTA, "Arrearage", "r")
        assert failure.message.startswith("Access denied, please")


@pytest.mark.parametrize("body, exit_code", [(b'event:error\ndata:{"message":"Something bad"}\n\n', Exit.FAILED),
                                             (b"id:1\nevent: error\ndata: Something bad\n\n", Exit.FAILED),
                                             (b'event:error\ndata:{"output":{},"message":"Something bad"}\n\n', Exit.FAILED),
                                             (b'event:error\ndata:{"message":"Throttling: Something bad"}\n\n', Exit.QUOTA)])
def test_an_event_that_is_called_an_error_is_one(monkeypatch, body, exit_code):
    monkeypatch.setattr(Client, "_send", lambda *_: Answer(200, {"Content-Type": "text/event-stream"}, body))
    client, request = client_for("https://dashscope.aliyuncs.com"), Request("POST", "https://dashscope.aliyuncs.com/a", {})
    client.retries.retries = 0
    for call in (lambda: client.events(request, Retries.CHAT, lambda events, headers: list(events)),
                 lambda: client.json(request, Retries.CREATE)):
        with pytest.raises(Failure, match="Something bad") as caught:
            call()
        assert caught.value.exit_code == exit_code


@pytest.mark.parametrize("data, message, cause", [
    ("upstream overloaded", "upstream overloaded", "overloaded or down"), ("null", "answered HTTP 200 without a message", "ended with an error"),
    ('{"choices":[],"error":null}', '"error": null', "ended with an error"), ('{"error":"cannot go on"}', "cannot go on", "ended with an error"),
    ('{"code":"InvalidParameter","message":"no"}', "no", "does not accept a value")])
def test_an_error_that_says_little_blames_nobody(data, message, cause):
    raw = f"event:error\ndata:{data}\n\n".encode()
    failure = Context().explain(reading.read(200, {}, raw))
    assert message in failure.message and cause in failure.cause and "None" not in failure.message
    assert failure.accepted == ("no" if "InvalidParameter" in data else "maybe")
    assert ("paying twice" in failure.fix) is (cause == "ended with an error")


@pytest.mark.parametrize("content_type", ["text/plain", "TEXT/EVENT-STREAM", "application/json", ""])
def test_a_stream_is_one_under_any_content_type(monkeypatch, content_type):
    monkeypatch.setattr(Client, "_send", lambda *_: Answer(200, {"Content-Type": content_type}, b"\r\n" + COMPAT.encode()))
    client, answer = client_for("https://dashscope.aliyuncs.com"), ChatAnswer()
    client.events(Request("POST", "https://dashscope.aliyuncs.com/a", {}), Retries.CHAT,
                  lambda events, headers: fold(events, headers, answer, lambda *_: None, client.context))
    assert answer.text == "四 🦊é"


@pytest.mark.parametrize("extra, text", [
    *((f"data: {data}\n\n", "四 🦊é") for data in ("null", "[]", "7", '"ping"', "true")), ("data: {half\n\n", None), ("data: ping\n\n", None)])
def test_an_event_that_is_json_but_no_object_says_nothing_of_the_answer(monkeypatch, extra, text):
    def answer_of(body):
        monkeypatch.setattr(Client, "_send", lambda *_: Answer(200, {"Content-Type": "text/event-stream"}, body.encode()))
        client, answer = client_for("https://dashscope.aliyuncs.com"), ChatAnswer()
        client.retries.retries = 0
        return client.events(Request("POST", "https://dashscope.aliyuncs.com/a", {}), Retries.CHAT,
                             lambda events, headers: fold(events, headers, answer, lambda *_: None, client.context))
    first, *others = COMPAT.partition("\n\n")
    for body in (extra + COMPAT, first + "\n\n" + extra + "".join(others[1:])):
        if text is None:
            with pytest.raises(Failure, match="an event is damaged"):
                answer_of(body)
        else:
            assert answer_of(body).text == text
    with pytest.raises(Failure) as caught:
        answer_of(extra * 3)
    assert caught.value.exit_code == Exit.NETWORK


def test_the_last_object_of_a_stream_is_the_answer_where_one_object_was_asked_for():
    raw = b'id:1\ndata:{"output":{"n":1}}\n\nid:2\ndata:{"output":{"n":2}}\n\ndata: [DONE]\n\n'
    assert reading.read(200, {}, raw) == {"output": {"n": 2}}


def test_the_first_error_of_a_stream_is_what_was_said():
    raw = b'event:error\n:HTTP_STATUS/429\ndata:{"code":"Throttling","message":"m"}\n\ndata:{"output":{}}\n\n'
    assert reading.read(200, {}, raw) == ServiceError(429, "Throttling", "m", "")


@pytest.mark.parametrize("charset", ["GBK", "utf-8", "no-such"])
def test_text_is_utf8_first_then_what_was_declared(charset):
    headers, text = {"content-type": f"application/json; Charset={charset}"}, '{"a": "账号"}'
    assert reading.read(200, headers, text.encode()) == {"a": "账号"}
    assert reading.read(200, headers, text.encode("gbk")) == ({"a": "账号"} if charset == "GBK" else None)


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain"])
def test_a_page_is_no_stream(monkeypatch, content_type):
    monkeypatch.setattr(Client, "_send", lambda *_: Answer(200, {"Content-Type": content_type}, b"<html>Log in</html>"))
    with pytest.raises(Failure, match="a web page came instead of an answer"):
        client_for("https://dashscope.aliyuncs.com").events(Request("POST", "https://dashscope.aliyuncs.com/a", {}),
                                                            Retries.CHAT, pytest.fail)


# ---- what has no end ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("lines", [[b'{"a": 1,'] + [b'"b": 1,'] * 500, [b'{"a": [{}'] + [b',{}'] * 500],
                         ids=["lines that end no value", "lines that may"])
def test_an_event_of_many_lines_is_bounded_in_size_and_in_work(monkeypatch, lines):
    monkeypatch.setattr("shared.transport.events._MAX_EVENT", 400)
    read = []
    loads = json.loads
    monkeypatch.setattr("shared.transport.events.json.loads", lambda text: read.append(len(text)) or loads(text))
    with pytest.raises(BadStream, match="an event is too long"):
        list(read_events([b"data: " + line + b"\n" for line in lines]))
    assert sum(read) < 20 * 400


def test_lines_of_an_event_that_end_no_value_are_not_read_for_it(monkeypatch):
    read, loads = [], json.loads
    monkeypatch.setattr("shared.transport.events.json.loads", lambda text: read.append(text) or loads(text))
    events = list(read_events([b"".join(b"data: " + line + b"\n" for line in [b"{"] + [b'"a": 1,'] * 50 + [b'"b": 2', b"}"])]))
    assert [event.data for event in events] == [{"a": 1, "b": 2}] and len(read) < 5


def test_a_stream_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr("shared.transport.events._MAX_STREAM", 1000)
    with pytest.raises(BadStream, match="no end"):
        list(read_events(iter([b'data: {"a": 1}\n\n'] * 1000)))
