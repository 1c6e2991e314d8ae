"""What it means when no connection comes about, breaks off, or leads to somebody who is not the service."""
from __future__ import annotations

import http.client
import re
import socket
import ssl
import sys
import urllib.error
from urllib.parse import urlsplit

from ..failures import Failure, usage
from ..key_guard import LOOPBACK
from ..words import counted
from .connecting import CONNECT_TIMEOUT, ConnectError, TlsSettings
from .context import Context
from .limits import TooMuch
from .multipart import FileChanged
from .proxies import Proxy, proxy_of, those_set
from .retries import may_pass
from .said import snippet

_ELSEWHERE = ("a captive portal, a proxy's log-in page or a wrong base URL answers instead of the service",
              "log in to the network, check QWEN_BASE_URL, then run the command again")
_UNKNOWN_ISSUER = (18, 19, 20, 21)  # of OpenSSL's verify codes


def broken(error: Exception, context: Context, timeout: float, what: str) -> Failure:
    """A connection that was not made, or that broke; `what` is said where nothing better is known."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, FileChanged):
        return usage(str(reason), "wait until it is written, then run the command again")
    if isinstance(reason, ConnectError):
        proxy = None if context.endpoint_kind == LOOPBACK else proxy_of(context.address)
        limit = min(timeout, CONNECT_TIMEOUT)
        what, cause, fix, retryable = connect_trouble(reason.reason, context.host, limit, proxy)
        return context.network(what, cause=cause, fix=fix, accepted="no", retryable=retryable)
    if isinstance(reason, TooMuch):
        return context.network(f"{reason}: it was broken off", retryable=False,
                               cause=f"the service ({context.host}) or a proxy does not answer as it should")
    if isinstance(reason, socket.timeout):
        return context.network(f"no answer for {counted(timeout, 'second')}",
                               cause="the service is slow, or the connection dropped")
    return context.network(what, cause=f"the service ({context.host}), a proxy or a firewall closed the "
                                       f"connection ({type(reason).__name__})")


def redirected(old: str, new: str, context: Context) -> Failure:
    """A redirect that is not followed; `new` is '' where it names no address."""
    cause, fix = _ELSEWHERE
    return context.network(f"{urlsplit(old).netloc} redirects the request to "
                           f"{urlsplit(new).netloc or 'another place'}",
                           accepted="no", retryable=False, cause=cause, fix=fix)


def not_the_service(status: int, raw: bytes, context: Context) -> Failure:
    """A body that no answer of the service has."""
    if raw.lstrip()[:1] == b"<":
        cause, fix = _ELSEWHERE
        return context.network(f"a web page came instead of an answer (HTTP {status}): {snippet(raw)}",
                               retryable=False, cause=cause, fix=fix)
    said = f"not the expected JSON: {snippet(raw)}" if raw else "empty"
    return context.network(f"the answer is {said} (HTTP {status})", retryable=False,
                           cause=f"{context.host} does not speak the API's language here")


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
        said = f"no TLS connection to {host}: {reason.reason or reason}"
        return said, "a proxy or firewall interferes", "", True
    if proxy:
        return _proxy_trouble(reason, limit, proxy)
    return _host_trouble(reason, host, limit)


def _certificate_trouble(reason: ssl.SSLCertVerificationError, host: str) -> tuple:
    said = getattr(reason, "verify_message", "") or str(reason.reason)
    given = " and ".join(those_set("SSL_CERT_FILE", "SSL_CERT_DIR"))
    cause = "a proxy that inspects TLS, or a wrong clock"
    fix = "check the clock and the proxy, then run the command again"
    if re.search("key identifier|key usage|basic constraints|not marked critical", said, re.IGNORECASE):
        cause = (f"Python {sys.version_info[0]}.{sys.version_info[1]} demands more of certificates "
                 "than earlier versions, but a proxy's own lacks it")
        fix = "have the proxy's certificate renewed, or run the script with Python 3.12 or earlier"
    elif given:
        cause = f"{given} is set, but the certificates it names do not cover {host}"
        fix = f"correct or unset {given}"
    elif getattr(reason, "verify_code", 0) in _UNKNOWN_ISSUER:
        cause = "a proxy that inspects TLS, or a Python without root certificates"
        fix = ("point SSL_CERT_FILE to a file with the right root certificates "
               "(on macOS run 'Install Certificates.command')")
    return f"the certificate of {host} was not accepted: {said}", cause, fix, False


def _proxy_trouble(reason: Exception, limit: float, proxy: Proxy) -> tuple:
    """What a proxy says is not repeated: it may hold the password."""
    name = f"the proxy {proxy.name}".rstrip()
    fix, set_by = f"check {proxy.variable}, then run the command again", f"it is set by {proxy.variable}"
    refused = re.match(r"Tunnel connection failed: ([0-9]{3})", str(reason))
    if refused:
        status = int(refused.group(1))
        cause = ("it demands a user name and a password" if status == 407 else
                 "it is overloaded or cannot reach the host" if may_pass(status) else "it blocks this host")
        return f"{name} refused the connection: HTTP {status}", cause, fix, may_pass(status)
    if isinstance(reason, (ValueError, http.client.InvalidURL)):
        return (f"{proxy.variable} does not contain a usable proxy address", "",
                f"correct or unset {proxy.variable}", False)
    if isinstance(reason, (http.client.HTTPException, ConnectionResetError)):
        return (f"{name} does not answer as an HTTP proxy", "the script speaks HTTP to proxies, not SOCKS",
                fix, isinstance(reason, ConnectionResetError))  # also one that closes without a word
    if isinstance(reason, socket.gaierror):
        return f"{name} was not found", set_by, fix, reason.errno == socket.EAI_AGAIN
    if isinstance(reason, socket.timeout):
        return f"{name} did not answer within {counted(limit, 'second')}", set_by, fix, True
    return f"no connection to {name}", f"{set_by}, but nothing answers there", fix, True


def _host_trouble(reason: Exception, host: str, limit: float) -> tuple:
    if isinstance(reason, socket.gaierror):
        return (f"the host {host} was not found", "the base URL is mistyped, or there is no network or DNS",
                "check the spelling of QWEN_BASE_URL and the network, then run the command again",
                reason.errno == socket.EAI_AGAIN)
    if isinstance(reason, socket.timeout):
        return (f"{host} did not answer within {counted(limit, 'second')}",
                "a firewall drops the connection, or the network is down",
                "check the network and the proxy settings (HTTPS_PROXY), then run the command again", True)
    if isinstance(reason, PermissionError):
        return (f"connecting to {host} is not permitted: {reason.strerror}",
                "a sandbox or firewall forbids it", "", False)
    if isinstance(reason, ConnectionRefusedError):
        return (f"{host} refused the connection",
                "nothing listens there: the base URL or its port is wrong", "", True)
    return (f"no connection to {host}: {getattr(reason, 'strerror', '') or reason}",
            "the base URL, the network or a proxy is wrong", "", isinstance(reason, OSError))
