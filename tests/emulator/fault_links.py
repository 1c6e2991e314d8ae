"""Faults: connections that break, bodies that are not what they should be, downloads that go wrong."""
from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from typing import Callable, Dict, Iterable, Iterator, Optional
from urllib.parse import quote

from tests.emulator.wire import RESULTS, Exchange, Reply, html_reply, xml_reply
from tests.media_samples import jpeg

Proceed = Callable[[], Reply]


# Trouble with the connection

def reset(exchange: Exchange, proceed: Proceed) -> Reply:
    return Reply(status=0, end="reset")


def reset_before_body(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    return replace(reply, body=b"", events=(), end="reset")


def oss_reset(exchange: Exchange, proceed: Proceed) -> Reply:
    """Reads half of the body, then resets the connection."""
    half, size = int(exchange.headers.get("content-length", "0")) // 2, 0
    for piece in exchange.incoming:
        size += len(piece)
        if size >= half:
            break
    return reset(exchange, proceed)


def hang(exchange: Exchange, proceed: Proceed, seconds: Optional[float] = None) -> Reply:
    exchange.emulator.pause(seconds)
    return Reply(status=0, end="close")


def slow_first_byte(exchange: Exchange, proceed: Proceed, seconds: float = 1.0) -> Reply:
    exchange.emulator.pause(seconds)
    return proceed()


def short_body(exchange: Exchange, proceed: Proceed, missing: int = 50) -> Reply:
    reply = proceed()
    body = reply.body if reply.events is None else b"".join(reply.events)
    return replace(reply, body=body, events=None, length=len(body) + missing, end="close")


def redirect(exchange: Exchange, proceed: Proceed, to: str, status: int = 302) -> Reply:
    return Reply(status, headers={"location": to}, length=0)


# Bodies that are not what they should be

def html_200(exchange: Exchange, proceed: Proceed) -> Reply:
    return html_reply(200, "Sign in to the network", "Please accept the terms of use to go on.")


def empty_200(exchange: Exchange, proceed: Proceed) -> Reply:
    return Reply(200, headers={"content-type": "application/json"}, length=0)


def bad_json(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    if reply.events is None:
        return replace(reply, body=reply.body[:len(reply.body) // 2])
    return replace(reply, events=_break_one(reply.events))


def _break_one(events: Iterable[bytes]) -> Iterator[bytes]:
    for number, event in enumerate(events):
        yield event[:len(event) // 2].rstrip(b"\n") + b"\n\n" if number == 1 else event


def gzipped(exchange: Exchange, proceed: Proceed) -> Reply:
    reply = proceed()
    headers = {**reply.headers, "content-encoding": "gzip"}
    if reply.events is None:
        return replace(reply, body=gzip.compress(reply.body), headers=headers, length=None)
    return replace(reply, events=_gzip_events(reply.events), headers=headers)


def _gzip_events(events: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for event in events:
        yield packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


# Downloads that go wrong

def _downloaded(exchange: Exchange, reply: Reply) -> Reply:
    """The record tells what really went out."""
    if exchange.download is not None:
        exchange.download.status, exchange.download.size = reply.status, len(reply.body)
    return reply


def download_cut(exchange: Exchange, proceed: Proceed, at: int = 1000) -> Reply:
    """Content-Length is right, but the connection closes after `at` bytes of the body."""
    reply = proceed()
    return _downloaded(exchange, replace(reply, body=reply.body[:at], end="close") if len(reply.body) > at else reply)


def download_short(exchange: Exchange, proceed: Proceed, at: int = 1000) -> Reply:
    """A truncated file whose Content-Length agrees with it."""
    reply = proceed()
    body = reply.body[:at]
    return _downloaded(exchange, replace(reply, body=body, length=len(body)))


def download_html(exchange: Exchange, proceed: Proceed) -> Reply:
    proceed()
    return _downloaded(exchange, _with_length(html_200(exchange, proceed)))


def download_xml(exchange: Exchange, proceed: Proceed, status: int = 200, code: str = "InternalError",
                 message: str = "We encountered an internal error. Please try again.") -> Reply:
    proceed()
    return _downloaded(exchange, _with_length(xml_reply(status, code, message, exchange.request_id)))


def download_expired(exchange: Exchange, proceed: Proceed) -> Reply:
    return download_xml(exchange, proceed, 403, "AccessDenied", "Request has expired.")


def download_jpeg(exchange: Exchange, proceed: Proceed) -> Reply:
    """Another format than the name says."""
    reply = proceed()
    return _downloaded(exchange, _with_length(replace(reply, status=200, body=jpeg(64, 48))))


def download_no_range(exchange: Exchange, proceed: Proceed) -> Reply:
    """The whole file, whatever part was asked for."""
    exchange.headers.pop("range", None)
    reply = proceed()
    reply.headers.pop("accept-ranges", None)
    return reply


def download_changed(exchange: Exchange, proceed: Proceed) -> Reply:
    """The file is another one by now: If-Range does not hold, and the tag is new."""
    if "if-range" in exchange.headers:
        exchange.headers["if-range"] = '"another"'
    reply = proceed()
    reply.headers["etag"] = '"' + "0" * 32 + '"'
    return reply


def download_reset(exchange: Exchange, proceed: Proceed, at: int = 1) -> Reply:
    """`at` bytes, then a reset; with times=None it never ends, and with at=0 nothing is ever won."""
    reply = proceed()
    return _downloaded(exchange, replace(reply, body=reply.body[:at], end="reset"))


def download_trailing(exchange: Exchange, proceed: Proceed, extra: int = 100, line_end: bool = False) -> Reply:
    """The whole file, with bytes behind its end."""
    tail = b"\n" if line_end else bytes(range(1, 256)) * (extra // 255 + 1)
    exchange.swap = lambda data: data + tail[:extra]
    return proceed()


# Twelve bytes of text; the head of an M4A file; five frames of AAC without a container
OTHER_MEDIA = {"text": b"not a sound!", "m4a": b"\0\0\0\x20ftypM4A \0\0\2\0M4A mp42isom\0\0\0\0" + bytes(64),
               "aac": (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)) * 5}


def download_other(exchange: Exchange, proceed: Proceed, kind: str = "text") -> Reply:
    """Something that is not what the name says."""
    data = OTHER_MEDIA[kind]
    exchange.swap = lambda _: data
    return proceed()


def download_slow(exchange: Exchange, proceed: Proceed, seconds: float = 1.0, pieces: int = 4) -> Reply:
    """The body comes in pieces with pauses that make `seconds` together."""
    reply = proceed()
    return replace(reply, body=b"", events=_slowly(exchange, reply.body, seconds, pieces)) if reply.body else reply


def _slowly(exchange: Exchange, body: bytes, seconds: float, pieces: int) -> Iterator[bytes]:
    long = -(-len(body) // pieces)
    for place in range(0, len(body), long):
        exchange.emulator.pause(seconds / pieces)
        yield body[place:place + long]


def download_empty(exchange: Exchange, proceed: Proceed) -> Reply:
    return download_short(exchange, proceed, 0)


def download_redirect(exchange: Exchange, proceed: Proceed, status: int = 302, to: Optional[str] = None) -> Reply:
    """To another path of the same host, or to another address."""
    proceed()
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in exchange.query.items())
    moved = exchange.path if exchange.path.startswith("/moved/") else "/moved" + exchange.path
    return _downloaded(exchange,
                       redirect(exchange, proceed, to or f"{exchange.emulator.host_url(RESULTS)}{moved}?{query}", status))


def _with_length(reply: Reply) -> Reply:
    return replace(reply, length=len(reply.body))


DOWNLOADS: Dict[str, Callable[..., Reply]] = {
    "download-cut": download_cut,
    "download-short": download_short,
    "download-html": download_html,
    "download-xml": download_xml,
    "download-jpeg": download_jpeg,
    "download-expired": download_expired,
    "download-no-range": download_no_range,
    "download-changed": download_changed,
    "download-slow": download_slow,
    "download-empty": download_empty,
    "download-redirect": download_redirect,
    "download-reset": download_reset,
    "download-trailing": download_trailing,
    "download-other": download_other,
}
FAULTS: Dict[str, Callable[..., Reply]] = {
    "oss-reset": oss_reset,
    "reset": reset,
    "reset-before-body": reset_before_body,
    "hang": hang,
    "slow-first-byte": slow_first_byte,
    "short-body": short_body,
    "redirect": redirect,
    "html-200": html_200,
    "empty-200": empty_200,
    "bad-json": bad_json,
    "gzip": gzipped,
}
