"""Nothing that is read is without end: time and size of an answer, of its headers, of a download, of a sound."""
from __future__ import annotations

import itertools
import json
import os
import socket
import threading

import pytest

from shared import key_guard
from shared.failures import Exit, Failure
from shared.transport import client, download, limits
from shared.transport.client import Client
from shared.transport.limits import Bounded, Response, TooMuch
from shared.transport.request import Request
from shared.transport.retries import Retries
from tests.conftest import STANDARD_KEY

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
FAST = ("--retries", "0", "-q")


@pytest.fixture
def serve():
    """`serve(pieces)` starts a server on loopback that sends these to every client until it goes away; returns its URL."""
    servers = []

    def start(pieces):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    try:
                        for piece in pieces():
                            connection.sendall(piece)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(1 << 16):
                            pass
                    except OSError:
                        pass
        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"
    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("pieces", [
    lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\nX-A: " + b"a" * 60_000 + b"\r\n\r\n"),
    lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], (b"X-%d: %s\r\n" % (n, b"a" * 60_000) for n in itertools.count()))],
    ids=["interim answers", "with headers", "headers"])
def test_headers_and_interim_answers_are_bounded(run, serve, pieces):
    result = run("Hi", *FAST, base_url=serve(pieces), key=STANDARD_KEY)
    assert result.code == 6 and "the answer is too long" in result.err, result


def test_one_interim_answer_is_fine(run, serve):
    answer = b'{"choices":[{"index":0,"message":{"content":"Four"},"finish_reason":"stop"}]}'
    assert run("Hi", *FAST, base_url=serve(lambda: [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, answer])).out == "Four\n"


def test_trailers_are_bounded(run, serve, monkeypatch):
    monkeypatch.setattr(limits, "MOST_RAW", 3 << 20)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n"
    result = run("Hi", *FAST, base_url=serve(lambda: itertools.chain([head], itertools.repeat(b"X-A: b\r\n" * 1000))))
    assert result.code == 6 and "defect" not in result.err, result


def bounded(sock, *moments) -> Bounded:
    """The bytes of a socket whose clock shows these moments, and the last one for ever."""
    times = itertools.chain(moments, itertools.repeat(moments[-1]))
    return Bounded(sock, sock.makefile("rb", buffering=0), clock=lambda: next(times))


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        yield ours, theirs


def test_an_answer_that_drips_ends_after_an_hour(pair):
    ours, theirs = pair
    theirs.sendall(b"a")
    assert bounded(ours, 0, 3599).readinto(bytearray(10)) == 1
    theirs.sendall(b"a")
    with pytest.raises(TooMuch, match="too slowly"):
        bounded(ours, 0, 3599, 3601).readinto(bytearray(10))


def test_waiting_for_a_byte_ends_with_the_hour_and_not_later(pair):
    ours, _ = pair
    with pytest.raises(TooMuch, match="too slowly"):
        bounded(ours, 0, 3599.999, 3601).readinto(bytearray(10))
    assert ours.gettimeout() < 1


def test_an_idle_connection_is_a_timeout_as_before(pair):
    ours, _ = pair
    ours.settimeout(0.01)
    with pytest.raises(socket.timeout):
        bounded(ours, 0).readinto(bytearray(10))


def test_bytes_earn_time(pair):
    ours, theirs = pair
    theirs.sendall(bytes(32 * 1024))
    reader, size = bounded(ours, 0, 3000, 3000, 3000, 3600.5), 0
    while size < 32 * 1024:
        size += reader.readinto(bytearray(32 * 1024))
    assert limits.seconds_for(size, 310) == 3602 and limits.seconds_for(0, 7200) == 7200


@pytest.mark.parametrize("seconds, message", [(0.0, "too slowly"), (3600.0, None)])
def test_the_time_of_a_call_is_that_of_its_answer(run, serve, monkeypatch, seconds, message):
    monkeypatch.setattr(limits, "seconds_for", lambda size, idle: seconds)
    answer = b'{"choices":[{"index":0,"message":{"content":"Four"},"finish_reason":"stop"}]}'
    result = run("Hi", *FAST, base_url=serve(lambda: [HEAD, answer]))
    assert (result.code, result.out) == ((6, "") if message else (0, "Four\n")), result
    assert message is None or message in result.err


def test_help_tells_of_the_limit(run):
    assert "an hour" in run("--help").out


def test_a_response_without_a_body_can_be_closed(pair):
    ours, theirs = pair
    theirs.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    response = Response(ours, method="GET")
    response.begin()
    assert (response.status, response.read()) == (204, b"")
    response.close()
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"


def test_both_kinds_of_connections_are_bounded():
    from shared.transport import connecting
    assert {kind.response_class for kind in (connecting._HTTPConnection, connecting._HTTPSConnection)} == {Response}


def client_for(url: str, **named) -> Client:
    verdict = key_guard.judge(key_guard.inspect_key(STANDARD_KEY), key_guard.parse_base_url(url), "qianwen-image-generation")
    return Client(verdict, "qianwen-image-generation", retries=Retries(0), **named)


def test_a_file_of_the_account_is_bounded(serve, monkeypatch, tmp_path):
    monkeypatch.setattr(client, "MOST_BYTES", 1 << 20)
    url = serve(lambda: itertools.chain([HEAD], itertools.repeat(b"a" * 65536)))
    with open(tmp_path / "x", "w+b") as file, pytest.raises(Failure, match="larger than 1 MiB") as caught:
        client_for(url).save(Request("GET", url + "/file"), file)
    assert caught.value.exit_code == Exit.FAILED and os.path.getsize(tmp_path / "x") <= 1 << 20


def fetched(url: str, tmp_path, clock=lambda: 0.0) -> Failure:
    (tmp_path / "x").touch()
    with pytest.raises(Failure) as caught:
        download.fetch(client_for(url), url + "/a.png", str(tmp_path / "x"), sleep=lambda seconds: None, clock=clock)
    assert caught.value.exit_code == Exit.UNSAVED
    return caught.value


def test_a_download_that_drips_ends_with_its_time(serve, monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "seconds_for", lambda size, idle: 0.0)
    assert "too slowly" in fetched(serve(lambda: [HEAD, b"abc"]), tmp_path).message


def test_a_download_of_many_short_tries_ends_with_its_time(serve, tmp_path):
    """Each try brings enough to go on; an hour at a time, it would go on for ever."""
    seen, hours = [], itertools.count(step=0.75)

    def piece():
        seen.append(1)
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + bytes(download.PROGRESS * len(seen))]
    assert "bytes arrived" in fetched(serve(piece), tmp_path, lambda: 3600 * next(hours)).message and len(seen) == 2


# ---- what nests deeply -----------------------------------------------------------------------------------------------------

def nested(levels: int) -> str:
    return '{"a":' * levels + '"end"' + "}" * levels


UNREADABLE = ('{"request_id":"r-1","choices":[{"index":0,"message":{"content":"Four","tool_calls":' + nested(900)
              + '},"finish_reason":"stop"}]}').encode()
DEEP_SOUND = ('{"request_id":"r-1","output":{"finish_reason":"stop","audio":' + nested(600) + '},"usage":{"characters":2}}').encode()


@pytest.mark.parametrize("skill, arguments, answer", [
    ("qianwen-text", ["Hi", "--no-stream"], UNREADABLE), ("qianwen-audio-tts", ["Hi", "-o", "a.wav"], DEEP_SOUND)], ids=["chat", "speech"])
def test_a_paid_answer_that_nests_deeply_is_told_of(run, serve, skill, arguments, answer):
    done = run(*arguments, "--json", *FAST, skill=skill, base_url=serve(lambda: [HEAD, answer]), key=STANDARD_KEY)
    assert done.code in (8, 9) and done.document["exit_code"] == done.code and "r-1" in done.out, done


def test_a_row_whose_answer_nests_deeply_has_its_line(run, serve, work):
    (work / "rows.jsonl").write_text('{"prompt":"x"}\n')
    run("--batch", "rows.jsonl", "-o", "out/", "--no-stream", *FAST, base_url=serve(lambda: [HEAD, UNREADABLE]), key=STANDARD_KEY)
    assert "unread" in json.loads((work / "out" / "results.jsonl").read_text())["partial"]


@pytest.mark.parametrize("levels", [65, 600, 30_000])
@pytest.mark.parametrize("flags", [
    ("--messages", "f.json"), ("hi", "--chat", "f.json", "--estimate"), ("hi", "--tools", "f.json", "--dry-run"), ("hi", "--schema", "f.json"),
    ("hi", "--request", "f.json"), ("hi", "--set", "k={deep}", "--dry-run"), ("hi", "--set", "{dots}=1", "--dry-run"),
    ("--batch", "f.json", "-o", "out/")], ids=" ".join)
def test_input_that_nests_deeply_is_refused(run, emulator, work, flags, levels):
    (work / "f.json").write_text(nested(levels) + "\n")
    dots = ".".join("a" * levels)
    done = run(*(flag.replace("{deep}", nested(levels)).replace("{dots}", dots) for flag in flags), key=STANDARD_KEY)
    assert done.code == 2 and "nests more than 64 levels deep" in done.err and not emulator.requests, done
