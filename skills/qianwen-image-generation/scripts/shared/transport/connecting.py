"""Connecting: through which address, and how long. What it means when no connection comes about is in
troubles.py."""
from __future__ import annotations

import functools
import http.client
import socket
import ssl
import urllib.request

from .limits import Response

CONNECT_TIMEOUT = 20.0  # seconds; a host that does not answer by then is not going to
_FIRST_TIMEOUT = 4.0  # seconds for every address of a host but the last
_worked: dict = {}  # (host, port) -> the address that answered


class ConnectError(OSError):
    """The connection was never made, so the request surely was not accepted. `reason` is the original error.
    """

    def __init__(self, reason: Exception):
        super().__init__(str(reason))
        self.reason = reason


def connection_to(address: tuple, timeout: float, source_address=None) -> socket.socket:
    """A connection to the first address of a host that answers; what swallows packets does not hold up the
    others."""
    host, port = address
    name = host.encode("ascii") if host.isascii() else host  # as bytes it needs no codec, which is slow to load
    found = socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM)
    found.sort(key=lambda entry: entry[4] != _worked.get(address))
    trouble: OSError = OSError("the host has no address")
    for number, (family, kind, protocol, _, place) in enumerate(found, 1):
        try:
            made = socket.socket(family, kind, protocol)
        except OSError as error:  # no IPv6 here
            trouble = error
            continue
        try:
            made.settimeout(timeout if number == len(found) else min(timeout, _FIRST_TIMEOUT))
            made.connect(place)
            _worked[address] = place
            return made
        except OSError as error:
            made.close()
            trouble = error
    raise trouble


class _Connecting:
    """Connect with a short time limit of its own, then wait for bytes with the idle limit, and not for
    ever."""

    response_class = Response

    def connect(self):
        self._create_connection, idle = connection_to, self.timeout
        self.timeout = min(idle, CONNECT_TIMEOUT)
        try:
            super().connect()
        # ValueError: a host that is no name
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectError(error) from error
        finally:
            self.timeout = idle
        self.sock.settimeout(idle)

    def request(self, *arguments, **named):
        """Send; a service that refuses a body before it has read all of it closes early, but has said why."""
        try:
            super().request(*arguments, **named)
        except (BrokenPipeError, ConnectionResetError):
            pass  # reading the answer tells the reason, or fails the same way


class _HTTPConnection(_Connecting, http.client.HTTPConnection):
    pass


class _HTTPSConnection(_Connecting, http.client.HTTPSConnection):
    pass


@functools.lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The strict default, made once a process: reading the root certificates costs more than a request."""
    try:
        return ssl.create_default_context()
    except OSError as error:  # SSLKEYLOGFILE in a folder that is not there, for example
        raise ConnectError(TlsSettings(str(error))) from error


class TlsSettings(Exception):
    """Python cannot set up TLS as the environment says."""


class _Handler(urllib.request.AbstractHTTPHandler):
    """urllib's own two make a TLS context at once, and fail where that cannot be made."""

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def http_open(self, request):
        return self.do_open(_HTTPConnection, request)

    def https_open(self, request):
        return self.do_open(_HTTPSConnection, request, context=tls_context())


class _ProxyHandler(urllib.request.ProxyHandler):
    def proxy_open(self, request, proxy, type):  # noqa: A002, the name is urllib's
        try:
            answer = super().proxy_open(request, proxy, type)
            if not request.host:
                raise ValueError("no host")
            return answer
        except ValueError as error:  # no address of a proxy
            raise ConnectError(error) from error


def opener_for(local: bool) -> urllib.request.OpenerDirector:
    """An opener that leaves HTTP errors and redirects to us. Loopback hosts are never reached through a
    proxy."""
    opener = urllib.request.OpenerDirector()
    for handler in (_Handler(),) if local else (_Handler(), _ProxyHandler()):
        opener.add_handler(handler)
    return opener
