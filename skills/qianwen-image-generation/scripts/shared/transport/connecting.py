"""Connecting: through which address, how long, and what it means when no connection comes about. Nothing was
sent then."""
from __future__ import annotations

import functools
import http.client
import re
import socket
import ssl
import sys
import urllib.request

from ..words import counted
from .limits import Response
from .proxies import Proxy, those_set

CONNECT_TIMEOUT = 20.0  # seconds; a host that does not answer by then is not going to
_FIRST_TIMEOUT = 4.0  # seconds for every address of a host but the last
_worked: dict = {}  # (host, port) -> the address that answered
_UNKNOWN_ISSUER = (18, 19, 20, 21)  # of OpenSSL's verify codes


class ConnectError(OSError):
    """The connection was never made, so the request surely was not accepted. `reason` is the original error.
    """

    def __init__(self, reason: Exception):
        super().__init__(str(reason))
        self.reason = reason


def connection_to(address: tuple, timeout: float, source_address=None) -> socket.socket:
    """A connection to the first address of a host that answers; what swallows packets does not hold up the
    others."""
    found = socket.getaddrinfo(*address, 0, socket.SOCK_STREAM)
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
            return super().proxy_open(request, proxy, type)
        except ValueError as error:  # no address of a proxy
            raise ConnectError(error) from error


def opener_for(local: bool) -> urllib.request.OpenerDirector:
    """An opener that leaves HTTP errors and redirects to us. Loopback hosts are never reached through a
    proxy."""
    opener = urllib.request.OpenerDirector()
    for handler in (_Handler(),) if local else (_Handler(), _ProxyHandler()):
        opener.add_handler(handler)
    return opener


def connect_trouble(reason: Exception, host: str, limit: float, proxy: Proxy | None) -> tuple:
    """What, why, next step, and whether waiting may help, for a connection that was never made."""
    if isinstance(reason, TlsSettings):
        names = those_set("SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR")
        return (f"TLS cannot be set up: {reason}",
                f"the environment sets {', '.join(names) or 'nothing for it'}",
                f"correct or unset {' and '.join(names)}" if names else "repair this Python's ssl module",
                False)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _certificate_trouble(reason, host)
    if isinstance(reason, ssl.SSLError):
        return f"no TLS connection to {host}: {reason.reason or reason}", "a proxy or firewall interferes", "", True
    if proxy:
        return _proxy_trouble(reason, limit, proxy)
    return _host_trouble(reason, host, limit)


def _certificate_trouble(reason: ssl.SSLCertVerificationError, host: str) -> tuple:
    said = getattr(reason, "verify_message", "") or str(reason.reason)
    given = " and ".join(those_set("SSL_CERT_FILE", "SSL_CERT_DIR"))
    cause, fix = "a proxy that inspects TLS, or a wrong clock", "check the clock and the proxy, then run the command again"
    if re.search("key identifier|key usage|basic constraints|not marked critical", said, re.IGNORECASE):
        cause = "Python {}.{} demands more of certificates than earlier versions, but a proxy's own lacks it".format(
            *sys.version_info)
        fix = "have the proxy's certificate renewed, or run the script with Python 3.12 or earlier"
    elif given:
        cause, fix = f"{given} is set, but the certificates it names do not cover {host}", f"correct or unset {given}"
    elif getattr(reason, "verify_code", 0) in _UNKNOWN_ISSUER:
        cause = "a proxy that inspects TLS, or a Python without root certificates"
        fix = ("point SSL_CERT_FILE to a file with the right root certificates (on macOS run 'Install "
               "Certificates.command')")
    return f"the certificate of {host} was not accepted: {said}", cause, fix, False


def _proxy_trouble(reason: Exception, limit: float, proxy: Proxy) -> tuple:
    """What a proxy says is not repeated: it may hold the password."""
    name = f"the proxy {proxy.name}".rstrip()
    fix = f"check {proxy.variable}, then run the command again"
    refused = re.match(r"Tunnel connection failed: ([0-9]{3})", str(reason))
    if refused:
        is_login = refused.group(1) == "407"
        return (f"{name} refused the connection: HTTP {refused.group(1)}",
                "it demands a user name and a password" if is_login else "it blocks this host",
                fix, False)
    if isinstance(reason, (ValueError, http.client.InvalidURL)):
        return f"{proxy.variable} does not contain a usable proxy address", "", f"correct or unset {proxy.variable}", False
    if isinstance(reason, (http.client.HTTPException, ConnectionResetError)):
        return f"{name} does not answer as an HTTP proxy", "the script speaks HTTP to proxies, not SOCKS", fix, False
    if isinstance(reason, socket.gaierror):
        return f"{name} was not found", f"it is set by {proxy.variable}", fix, reason.errno == socket.EAI_AGAIN
    if isinstance(reason, socket.timeout):
        return f"{name} did not answer within {counted(limit, 'second')}", f"it is set by {proxy.variable}", fix, True
    return f"no connection to {name}", f"it is set by {proxy.variable}, but nothing answers there", fix, True


def _host_trouble(reason: Exception, host: str, limit: float) -> tuple:
    if isinstance(reason, socket.gaierror):
        return (f"the host {host} was not found", "the base URL is mistyped, or there is no network or DNS",
                "check the spelling of QWEN_BASE_URL and the network, then run the command again",
                reason.errno == socket.EAI_AGAIN)
    if isinstance(reason, socket.timeout):
        return (f"{host} did not answer within {counted(limit, 'second')}", "a firewall drops the "
                                                                            "connection, or the network is "
                                                                            "down",
                "check the network and the proxy settings (HTTPS_PROXY), then run the command again",
                True)
    if isinstance(reason, PermissionError):
        return f"connecting to {host} is not permitted: {reason.strerror}", "a sandbox or firewall forbids it", "", False
    if isinstance(reason, ConnectionRefusedError):
        return f"{host} refused the connection", "nothing listens there: the base URL or its port is wrong", "", True
    return (f"no connection to {host}: {getattr(reason, 'strerror', '') or reason}",
            "the base URL, the network or a proxy is wrong", "", isinstance(reason, OSError))
