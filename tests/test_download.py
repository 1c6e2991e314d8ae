"""Result links brought to a file: whole, cut and continued, expired, redirected, lying; and no key is ever sent."""
from __future__ import annotations

import base64
import http.server
import io
import random
import re
import socket
import struct
import threading

import pytest

from shared import key_guard
from shared.failures import Exit, Failure
from shared.transport import download
from shared.transport.addresses import BadAddress, usable_address
from shared.transport.client import Client
from shared.transport.download import BadLink
from shared.transport.retries import Retries
from tests.conftest import STANDARD_KEY

DATA = random.Random(1).randbytes(300_000)
DAY = download.LIFE
OTHER = random.Random(2).randbytes(250_000)
PATH = "/result/1.png?Expires=1&Signature=a%2Bb%3D&x=%E7%8B%90~'()"
XML = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>"


class Storage(http.server.ThreadingHTTPServer):
    """Answers each request with the next step of a script; the last step is repeated. `seen` holds (path, headers)."""
    daemon_threads, block_on_close = True, False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.steps, self.seen = [], []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{PATH}"

    def ranges(self) -> list:
        return [headers.get("range") for _, headers in self.seen]

    def handle_error(self, request, client_address):
        """Clients that go away are part of the play."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        server = self.server
        server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        step = server.steps.pop(0) if len(server.steps) > 1 else server.steps[0]
        step(self)

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        if length is not False:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def reset(self):
        """End the connection without the usual farewell."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket(fileno=self.connection.detach()).close()


# Steps

def whole(data=DATA, etag='"v1"', ranges=True, most=None, total=True, length=True):
    """The file, from where it is asked for; with `most`, cut after so many bytes. `total` and `length` are told or not."""
    def step(handler):
        headers = {"ETag": etag} if etag else {}
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range", etag) == etag
        if not (asked and ranges and same):
            handler.reply(200, data[:most], len(data) if length else False, **headers)
            return
        start = int(asked.group(1))
        if start >= len(data):
            handler.reply(416, b"", Content_Range=f"bytes */{len(data)}")
            return
        rest = data[start:]
        told = len(data) if total else "*"
        handler.reply(206, rest[:most], len(rest) if length else False, Content_Range=f"bytes {start}-{len(data) - 1}/{told}", **headers)
    return step


def cut(most, **settings):
    return whole(most=most, **settings)


def status(code, body=b"", **headers):
    return lambda handler: handler.reply(code, body, **headers)


def redirect(code, location):
    return lambda handler: handler.reply(code, Location=location)


def lying(length, data=DATA):
    """A Content-Length that is not that of the body."""
    return lambda handler: handler.reply(200, data, length)


def hang_up(handler):
    """The connection ends before a word was said."""


def reset(handler):
    handler.reset()


def chunked(data=DATA, most=None):
    def step(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for place in range(0, len(data[:most]), 50_000):
            block = data[:most][place:place + 50_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        if most is None:
            handler.wfile.write(b"0\r\n\r\n")
    return step


@pytest.fixture
def storage():
    server = Storage()
    yield server
    server.shutdown()
    server.server_close()


def client_for(url, timeout=10.0):
    verdict = key_guard.judge(key_guard.inspect_key(STANDARD_KEY), key_guard.parse_base_url(url), "qianwen-image-generation")
    notes = []
    client = Client(verdict, "qianwen-image-generation", timeout=timeout, retries=Retries(0, note=notes.append))
    client.notes = notes
    return client


class Sleep:
    """Counts the pauses; whoever pauses for ever is stopped."""

    def __init__(self):
        self.pauses = []

    def __call__(self, seconds):
        self.pauses.append(seconds)
        if len(self.pauses) > 60:
            raise AssertionError("it never gives up")


@pytest.fixture
def fetch(storage, tmp_path):
    """`fetch(*steps)` downloads from the storage; returns what is in the file. `fetch.sleep` and more tell how."""
    path = tmp_path / "file"

    def run(*steps, url=None, timeout=10.0, progress=None):
        storage.steps = list(steps)
        path.write_bytes(b"")
        url = url or storage.url
        place = "/".join(url.split("/")[:3]) if url.startswith("http:") else storage.url[:storage.url.rindex("/")]
        run.client, run.sleep = client_for(place, timeout), Sleep()
        download.fetch(run.client, url, str(path), sleep=run.sleep, progress=progress)
        return path.read_bytes()
    yield run
    for _, headers in storage.seen:
        assert "authorization" not in headers and STANDARD_KEY not in str(headers), "the key left for the storage"


def refused(fetch, *steps, **settings) -> Failure:
    with pytest.raises(Failure) as caught:
        fetch(*steps, **settings)
    failure = caught.value
    assert failure.exit_code == Exit.UNSAVED and failure.accepted == "maybe"
    return failure


# ---- what arrives ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [DATA, b"x", DATA[:65_536], DATA[:65_537]], ids=len)
def test_whole_file(fetch, storage, data):
    assert fetch(whole(data)) == data
    assert storage.ranges() == [None] and fetch.sleep.pauses == [] and fetch.client.notes == []


def test_address_is_asked_for_to_the_letter(fetch, storage):
    """The query is signed."""
    fetch(whole())
    path, headers = storage.seen[0]
    assert path == PATH and headers["accept"] == "*/*" and "qianwen-skills/" in headers["user-agent"]
    assert not {"authorization", "cookie", "x-dashscope-async", "referer"} & set(headers)


@pytest.mark.parametrize("seed", range(5))
def test_cut_three_times_and_continued(fetch, storage, seed):
    places = sorted(random.Random(seed).sample(range(1, len(DATA)), 3))
    parts = [places[0], places[1] - places[0], places[2] - places[1]]
    assert fetch(*[cut(most) for most in parts], whole()) == DATA
    assert storage.ranges() == [None, *(f"bytes={place}-" for place in places)]
    assert [headers.get("if-range") for _, headers in storage.seen] == [None, '"v1"', '"v1"', '"v1"']
    assert len(fetch.sleep.pauses) == 3 == len(fetch.client.notes)


def test_any_number_of_cuts_is_outlived_as_long_as_something_comes(fetch, storage):
    assert fetch(*[cut(10_000)] * 29, whole()) == DATA
    assert len(storage.seen) == 30 and max(fetch.sleep.pauses) <= 1


@pytest.mark.parametrize("etag", [None, 'W/"v1"'], ids=["no ETag", "weak ETag"])
def test_cut_without_a_usable_etag(fetch, etag):
    assert fetch(cut(100_000, etag=etag), cut(100_000, etag=etag), whole(etag=etag)) == DATA


def test_storage_that_ignores_range_starts_anew(fetch, storage):
    assert fetch(cut(200_000), cut(100_000, ranges=False), whole(ranges=False)) == DATA
    assert storage.ranges() == [None, "bytes=200000-", "bytes=100000-"]


@pytest.mark.parametrize("data", [OTHER, DATA + OTHER], ids=["shorter", "longer"])
def test_two_versions_are_never_joined(fetch, data):
    assert fetch(cut(200_000), whole(data, etag='"v2"')) == data


def test_part_of_another_version_is_not_taken(fetch):
    """A storage that does not heed If-Range, but says which version it sends."""
    def part(handler):
        handler.reply(206, OTHER[200_000:], ETag='"v2"', Content_Range=f"bytes 200000-{len(OTHER) - 1}/{len(OTHER)}")
    assert fetch(cut(200_000), part, whole(OTHER, etag='"v2"')) == OTHER


@pytest.mark.parametrize("content_range", ["bytes 250000-299999/300000", "bytes */300000", "", "items 200000-299999/300000", "bytes x-y/z"])
def test_another_part_than_asked_for_is_not_taken(fetch, content_range):
    assert fetch(cut(200_000), lambda handler: handler.reply(206, DATA[250_000:], Content_Range=content_range, ETag='"v1"'), whole()) == DATA


def test_part_that_begins_earlier_is_put_where_it_belongs(fetch):
    assert fetch(cut(200_000), lambda handler: handler.reply(206, DATA[150_000:], Content_Range="bytes 150000-299999/300000",
                                                             ETag='"v1"')) == DATA


def test_part_that_is_not_known_any_more_starts_anew(fetch, storage):
    assert fetch(cut(200_000), status(416), whole()) == DATA
    assert storage.ranges() == [None, "bytes=200000-", None]


def test_continued_part_without_a_length_is_checked_by_its_total(fetch):
    assert fetch(cut(100_000), cut(100_000, length=False), whole()) == DATA


def test_chunked_answer(fetch):
    assert fetch(chunked()) == DATA
    assert fetch(chunked(most=100_000), whole(ranges=False)) == DATA


def test_answer_without_a_length_ends_with_the_connection(fetch):
    assert fetch(whole(length=False)) == DATA


# ---- trouble that passes ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("step", [status(500), status(502, b"<html>"), status(503), status(429), status(408), hang_up, reset,
                                  status(200, b""), cut(0)],
                         ids=["500", "502", "503", "429", "408", "hung up", "reset", "empty", "no byte"])
@pytest.mark.parametrize("times", [1, 3])
def test_trouble_that_passes(fetch, storage, step, times):
    assert fetch(*[step] * times, whole()) == DATA
    assert len(fetch.sleep.pauses) == times and len(storage.seen) == times + 1
    assert fetch.sleep.pauses == sorted(fetch.sleep.pauses), "the pauses grow"


def test_trouble_in_the_middle_of_a_file(fetch, storage):
    assert fetch(cut(100_000), status(500), cut(50_000), reset, whole()) == DATA
    assert storage.ranges() == [None, "bytes=100000-", "bytes=100000-", "bytes=150000-", "bytes=150000-"]


@pytest.mark.parametrize("where", ["before the answer", "in the middle"])
def test_storage_that_falls_silent(fetch, where):
    waiting = threading.Event()

    def silent(handler):
        if where == "in the middle":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(DATA)))
            handler.end_headers()
            handler.wfile.write(DATA[:1000])
        waiting.wait(5)
    try:
        assert fetch(silent, whole(), timeout=0.3) == DATA
    finally:
        waiting.set()


@pytest.mark.parametrize("step", [status(500), hang_up, reset, status(200, b"")], ids=["500", "hung up", "reset", "empty"])
def test_trouble_that_stays_ends(fetch, storage, step):
    failure = refused(fetch, step)
    assert storage.url in failure.cause and failure.files == [{"url": storage.url}]
    assert 4 <= len(storage.seen) <= 10 and max(fetch.sleep.pauses) <= 10 and sum(fetch.sleep.pauses) < 60


@pytest.mark.parametrize("steps", [
    [lying(len(DATA) + 5), *[whole(ranges=True), lying(len(DATA) + 5)] * 100], [cut(200_000, ranges=False)],
    [cut(200_000, etag=None), *[status(416), cut(200_000, etag=None)] * 100],
    [cut(200_000), *[status(206, b"x", Content_Range="bytes 299000-299001/300000"), cut(200_000)] * 100]],
    ids=["the length lies, the rest is not there", "cut at the same place", "416 each time", "a wrong part each time"])
def test_circles_are_left(fetch, steps):
    """What was fetched before and thrown away is no progress."""
    refused(fetch, *steps)


def test_length_that_is_too_large_is_never_taken_for_whole(fetch):
    refused(fetch, lying(len(DATA) + 5))


@pytest.mark.parametrize("length", ["abc", "-5", "", "1e3"])
def test_length_that_is_no_number(fetch, length):
    assert fetch(lambda handler: handler.reply(200, DATA, length)) == DATA


def test_length_that_is_too_small_cuts_there(fetch):
    """HTTP has no more to say; whether the picture is whole is told by its format."""
    assert fetch(lying(1000)) == DATA[:1000]


def test_nobody_listens(fetch, storage):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    failure = refused(fetch, whole(), url=url)
    assert "no connection" in failure.message and 4 <= len(fetch.sleep.pauses) <= 10


# ---- links that are dead ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_dead_link_is_told_at_once(fetch, storage, code):
    failure = refused(fetch, status(code, XML, Content_Type="application/xml"))
    assert f"HTTP {code}" in failure.message and "24 hours" in failure.message and storage.url in failure.cause
    assert len(storage.seen) == 1 and fetch.sleep.pauses == [] and failure.status == code and "or was changed" not in failure.message


@pytest.mark.parametrize("code, says", [(403, b"<html>Your session has expired</html>"), (404, b""), (407, b"expired"), (451, XML[:40]),
                                        (202, b""), (302, XML)])
def test_refusal_that_does_not_say_that_a_link_expired(fetch, code, says):
    failure = refused(fetch, status(code, says, Date="Sun, 01 Nov 2026 00:00:00 GMT"))
    assert (failure.status, failure.moment) == (code, 1793491200.0) and f"HTTP {code}" in failure.message
    assert ("or was changed" in failure.message) is (code >= 400)


@pytest.mark.parametrize("code, dies", [(403, True), (404, True), (410, True), (400, False), (401, False), (407, False), (429, False), (0, False)])
@pytest.mark.parametrize("age, over", [(0, False), (DAY, False), (DAY + 1, True), (8 * DAY, True)])
def test_link_is_dead_where_the_storage_refuses_it_after_its_life(code, dies, age, over):
    """By the clock of the storage; by ours, which may be wrong, only where that is the only one known."""
    failure, made = BadLink(Exit.UNSAVED, "refused"), 1793491200.0
    failure.status = code
    assert failure.is_dead(made, made + age) is (dies and over)
    failure.moment = made + age
    for ours in (-8 * DAY, 0, 8 * DAY):
        assert failure.is_dead(made, made + ours) is (dies and over)


def test_link_that_expires_in_the_middle_is_told_at_once(fetch, storage):
    failure = refused(fetch, cut(100_000), status(403, XML))
    assert "expired" in failure.message and len(storage.seen) == 2


@pytest.mark.parametrize("code", [204, 304, 205])
def test_answer_without_a_body_is_no_file(fetch, code):
    refused(fetch, lambda handler: handler.reply(code, length=False))


# ---- redirects -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_within_the_storage_is_followed(fetch, storage, code):
    assert fetch(redirect(code, "/moved?y=%2F"), whole()) == DATA
    assert [path for path, _ in storage.seen] == [PATH, "/moved?y=%2F"]


def test_redirect_keeps_the_place_in_the_file(fetch, storage):
    assert fetch(cut(100_000), redirect(302, "/moved"), whole()) == DATA
    assert storage.ranges() == [None, "bytes=100000-", "bytes=100000-"]


@pytest.mark.parametrize("endpoint, location, asked", [
    ("https://dashscope.aliyuncs.com", "http://oss.example/a b.png?x=%2F", "https://oss.example/a%20b.png?x=%2F"),
    ("https://dashscope.aliyuncs.com", "//oss.example/x", "https://oss.example/x"),
    ("https://dashscope.aliyuncs.com", "http://127.0.0.1/x", None), ("https://dashscope.aliyuncs.com", "https://[::1]/x", None),
    ("https://dashscope.aliyuncs.com", "https://token-plan.cn-beijing.maas.aliyuncs.com/x", None),
    ("http://127.0.0.1:1", "https://coding.dashscope.aliyuncs.com/x", None),
    ("http://127.0.0.1:1", "http://127.0.0.1:2/x", None), ("http://127.0.0.1:1", "http://127.0.0.1:1/x", "http://127.0.0.1:1/x")])
def test_a_redirect_leads_where_a_link_may(monkeypatch, tmp_path, endpoint, location, asked):
    urls = []

    class Opener:
        def open(self, request, timeout):
            urls.append(request.full_url)
            head = {"Location": location} if len(urls) == 1 else {}
            return Response(302 if len(urls) == 1 else 200, head)
    monkeypatch.setattr(download, "opener_for", lambda local: Opener())
    (tmp_path / "x").touch()
    first = endpoint.replace("dashscope.aliyuncs", "oss.example") + "/first"
    if asked:
        download.fetch(client_for(endpoint), first, tmp_path / "x")
    else:
        with pytest.raises(Failure, match="redirected to an address that cannot be used"):
            download.fetch(client_for(endpoint), first, tmp_path / "x")
    assert urls == [first] + ([asked] if asked else [])


class Response(io.BytesIO):
    def __init__(self, status, headers):
        super().__init__(b"sound")
        self.status, self.headers = status, headers


USABLE = {
    "http://oss.example/图.png": "https://oss.example/%E5%9B%BE.png",
    "https://oss.example/a b\\c.png?Signature=a%2Bb%3D&x=1+2~'()*": "https://oss.example/a%20b%5Cc.png?Signature=a%2Bb%3D&x=1+2~'()*",
    "https://oss.example:8443/%zz?#frag": "https://oss.example:8443/%zz?#frag",
    "HTTPS://OSS.example/A": "https://OSS.example/A",
    "http://[2001:db8::1]:80/x": "https://[2001:db8::1]:80/x",
}


@pytest.mark.parametrize("url", USABLE)
def test_what_may_not_stand_in_an_address_is_encoded_and_the_rest_untouched(url):
    assert usable_address(key_guard.parse_base_url("https://dashscope.aliyuncs.com"), url) == USABLE[url]


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/x", "https://localhost/x", "https://127.1/x", "https://0x7f000001/x", "https://2130706433/x",
    "https://[::ffff:127.0.0.1]/x", "https://0.0.0.0/x", "https://169.254.169.254/x", "https://a.localhost/x", "https://localhost./x",
    "https://user@oss.example/x", "https://user:pw@oss.example/x", "https://oss.example/a\nb", "https://oss.example/\x9b",
    "https://oss.example\\@x/", "https://图.example/x", "ftp://oss.example/x", "oss.example/x", "", "https://oss.example:0/",
    "https://token-plan.cn-beijing.maas.aliyuncs.com/x", "https://coding.dashscope.aliyuncs.com./x",
    "https://coding%2edashscope.aliyuncs.com/x", "https://oss.example/\ud800"])
def test_an_address_that_is_not_asked(url):
    with pytest.raises(BadAddress):
        usable_address(key_guard.parse_base_url("https://dashscope.aliyuncs.com"), url)


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "file:///etc/passwd", "data:image/png;base64,AAAA",
                                      "https://token-plan.cn-beijing.maas.aliyuncs.com/x", "javascript:1"])
def test_redirect_to_another_kind_of_place_is_refused(fetch, storage, location):
    refused(fetch, redirect(302, location))
    assert len(storage.seen) == 1


@pytest.mark.parametrize("location", ["http://[x/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "/\xe9", "/a b", "http://", "https://\xe9/"])
def test_broken_redirect_is_no_crash(fetch, location):
    refused(fetch, redirect(302, location))


def test_redirect_in_circles_ends(fetch, storage):
    failure = refused(fetch, redirect(302, PATH))
    assert "circles" in failure.message and len(storage.seen) < 12


def test_redirect_without_a_place_is_no_file(fetch):
    refused(fetch, status(302, b"moved"))


# ---- addresses -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/x", "oss://bucket/x.png", "javascript:1", "/etc/passwd", "", "http://", "https://",
                                 "http:///x", "http://[x/", "http://127.0.0.1:x/", "http://127.0.0.1:99999/", "h/x.png", "DATA:,x",
                                 "gopher://127.0.0.1/", "http://狐狸.example/x"])
def test_other_addresses_are_refused(fetch, storage, url):
    storage.steps = [whole()]
    with pytest.raises(Failure) as caught:
        download.fetch(client_for(storage.url.split(PATH)[0]), url, __file__, sleep=Sleep())
    assert caught.value.exit_code == Exit.UNSAVED and storage.seen == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/x", "http://localhost:{port}/x", "https://127.0.0.1:{port}/x", "http://[::1]:{port}/x"])
def test_service_on_the_net_cannot_send_us_to_this_machine(storage, tmp_path, url):
    storage.steps = [whole()]
    with pytest.raises(Failure) as caught:
        download.fetch(client_for("https://dashscope.aliyuncs.com"), url.format(port=storage.server_port), str(tmp_path / "x"), sleep=Sleep())
    assert caught.value.exit_code == Exit.UNSAVED and storage.seen == []


@pytest.mark.parametrize("given, asked", [
    ("http://res.example.com/a.png?Expires=1&Signature=x%2F", "https://res.example.com/a.png?Expires=1&Signature=x%2F"),
    ("https://res.example.com/a.png?x", "https://res.example.com/a.png?x"), ("HTTP://res.example.com/", "https://res.example.com/")])
def test_plain_http_becomes_tls(monkeypatch, tmp_path, given, asked):
    seen = []

    def opened(client, url, headers):
        seen.append(url)
        raise download._Dead("seen")
    monkeypatch.setattr(download, "_open", opened)
    path = tmp_path / "x"
    path.write_bytes(b"")
    with pytest.raises(Failure):
        download.fetch(client_for("https://dashscope.aliyuncs.com"), given, str(path), sleep=Sleep())
    assert seen == [asked]


def test_data_url_is_decoded(fetch, storage):
    assert fetch(whole(), url="data:image/png;base64," + base64.b64encode(DATA).decode()) == DATA
    assert storage.seen == []


@pytest.mark.parametrize("url", ["data:", "data:image/png;base64,", "data:image/png;base64,A", "data:image/png;base64,%%%", "data:image/png,abc",
                                 "data:image/png;base64,QUJD QUJD!", "data:image/png;base64,\xe9"])
def test_broken_data_url_is_refused(fetch, url):
    assert "data URL" in refused(fetch, whole(), url=url).message


# ---- the disk --------------------------------------------------------------------------------------------------------

def test_error_of_the_disk_passes(storage, tmp_path):
    storage.steps = [whole()]
    with pytest.raises(FileNotFoundError):
        download.fetch(client_for(f"http://127.0.0.1:{storage.server_port}"), storage.url, str(tmp_path / "none" / "x"), sleep=Sleep())
    assert storage.seen == []


def test_full_disk_passes(storage):
    storage.steps = [whole()]
    try:
        open("/dev/full", "r+b").close()
    except OSError:
        pytest.skip("no /dev/full here")
    sleep = Sleep()
    with pytest.raises(OSError):
        download.fetch(client_for(f"http://127.0.0.1:{storage.server_port}"), storage.url, "/dev/full", sleep=sleep)
    assert sleep.pauses == [], "the network is not to blame"


def test_progress_is_told(fetch):
    told = []
    fetch(cut(100_000), whole(), progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (len(DATA), len(DATA)) and (100_000, len(DATA)) in told
    assert [done for done, _ in told] == sorted(done for done, _ in told) and {size for _, size in told} == {len(DATA)}
    told.clear()
    fetch(whole(length=False), progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (len(DATA), 0)


def test_a_download_that_brings_next_to_nothing_at_each_try_ends(fetch, storage):
    storage.steps = [whole()]
    size = [0]

    def trickle(handler):
        size[0] += 1
        handler.reply(200 if size[0] == 1 else 206, DATA[size[0] - 1:size[0]], length=len(DATA) - size[0] + 1,
                      **({} if size[0] == 1 else {"Content_Range": f"bytes {size[0] - 1}-{len(DATA) - 1}/{len(DATA)}"}))
    refused(fetch, trickle)
    assert len(storage.seen) == download.RETRIES + 1


def test_a_file_larger_than_its_kind_is_given_up(storage, tmp_path):
    storage.steps = [whole()]
    (tmp_path / "x").touch()
    with pytest.raises(Failure, match="larger than") as caught:
        download.fetch(client_for(storage.url.split(PATH)[0]), storage.url, tmp_path / "x", sleep=Sleep(), limit=100_000)
    assert caught.value.exit_code == Exit.UNSAVED and (tmp_path / "x").stat().st_size == 0 and len(storage.seen) == 1
