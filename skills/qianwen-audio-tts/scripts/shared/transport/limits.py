"""A response that ends: an answer has a time limit and a size limit in all, besides the idle limit between
two bytes.

Without them a server that sends a byte a minute, or `100 Continue` for ever, holds a command for ever.
"""
from __future__ import annotations

import http.client
import io
import socket
import time

MOST_SECONDS = 3600.0  # of one answer, however slowly it comes
PACE = 16 * 1024  # bytes that earn an answer one more second
MOST_HEAD = 1 << 20  # bytes of headers, those of interim answers included
MOST_BYTES = 4 << 30  # of one file, where the caller sets no limit of its kind
MOST_RAW = 5 << 30  # bytes of one answer with its headers, chunk sizes and trailers


class TooMuch(OSError):
    """An answer that takes too long, or is too long; the message says which."""


def seconds_for(size: int, idle: float) -> float:
    """How long an answer may take of which `size` bytes have come: an hour, or --timeout where that is
    longer."""
    return max(MOST_SECONDS, idle) + size / PACE


class Response(http.client.HTTPResponse):
    """http.client's response over a bounded stream."""

    def __init__(self, sock, *arguments, **named):
        super().__init__(_Source(sock), *arguments, **named)

    def begin(self):
        super().begin()
        if self.fp:  # an answer without a body is closed already
            self.fp.raw.most = MOST_RAW


class _Source:
    """A socket of which http.client reads: all it takes is `makefile`."""

    def __init__(self, sock):
        self._sock = sock

    def makefile(self, mode):
        return io.BufferedReader(Bounded(self._sock, self._sock.makefile(mode, buffering=0)))


class Bounded(io.RawIOBase):
    """The bytes of a socket. Raises TooMuch when they take too long or are too many, socket.timeout when none
    comes."""

    def __init__(self, sock, raw, clock=time.monotonic):
        self._sock, self._raw, self._clock = sock, raw, clock
        self._idle, self._began, self._size, self.most = sock.gettimeout(), clock(), 0, MOST_HEAD

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if self._idle is not None:
            self._sock.settimeout(max(0.001, min(self._idle, self._left())))
        try:
            size = self._raw.readinto(buffer)
        except socket.timeout:
            if self._left() > 0:
                raise
            size = 0
        self._size += size
        if self._left() <= 0:
            raise TooMuch("the answer comes too slowly")
        if self._size > self.most:
            raise TooMuch("the answer is too long")
        return size

    def _left(self) -> float:
        return self._began + seconds_for(self._size, self._idle or 0.0) - self._clock()

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
