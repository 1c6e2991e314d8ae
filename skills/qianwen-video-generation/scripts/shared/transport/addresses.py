"""Addresses that come from the service: links of results, redirects of these, hosts to upload to. None is
trusted."""
from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import quote, urlsplit

from .. import key_guard

_STANDS = "%/:=&?#~+!$,;'@()*[]-._"  # in the address behind its host, besides letters and digits
_AROUND = "".join(map(chr, range(0x21)))
_HOST = re.compile(r"\[[0-9a-f:.]+\](:[0-9]+)?|[a-z0-9._-]+(:[0-9]+)?", re.IGNORECASE)


class BadAddress(ValueError):
    """An address that is not asked; the message says why."""


def link_of(value) -> str:
    """A link as it stands in an answer, without what browsers leave out as well: tabs and line ends, blanks
    and control characters around it. '' for what is no text."""
    return re.sub("[\t\r\n]", "", value).strip(_AROUND) if isinstance(value, str) else ""


def usable_address(endpoint: key_guard.Endpoint, url: str, at_endpoint: bool = True) -> str:
    """The address to ask: what may not stand in a URL is percent-encoded, plain http is TLS but on this
    machine.

    Raises BadAddress for what is no address, holds control characters or user information, is a plan's host,
    or is on this machine but not at the endpoint itself (without `at_endpoint`: though the endpoint is not).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        rest = quote(url[url.index("//") + 2 + len(parts.netloc):], safe=_STANDS)
    except ValueError:
        raise BadAddress("it is not a usable address") from None
    if re.search("[\x00-\x1f\x7f-\x9f]", url) or parts.scheme not in ("http", "https") or port == 0:
        raise BadAddress("it is not a usable address")
    if key_guard.is_plan_host(parts.netloc):
        raise BadAddress("it is a plan's host, where nothing is sent")
    if not _HOST.fullmatch(parts.netloc):
        raise BadAddress("it is not a usable address")
    local = is_local(host)
    fits = (f"{parts.scheme}://{parts.netloc}" == endpoint.origin if at_endpoint
            else endpoint.kind == key_guard.LOOPBACK)
    if (local or _is_near(host)) and not fits:
        raise BadAddress("it is not a usable address: it leads to another place on this machine")
    scheme = parts.scheme if local else "https"
    return f"{scheme}://{parts.netloc}{rest}"


def is_local(host: str | None) -> bool:
    """Whether a host is this machine, in a form that a local endpoint may have."""
    return key_guard.endpoint_kind(host or "") == key_guard.LOOPBACK


def _is_near(host: str) -> bool:
    """Whether a host is this machine or its link, however the number is spelled: 127.1, 0x7f000001,
    ::ffff:127.0.0.1."""
    address = _number_of(host)
    if address is None:
        return host.lower().rstrip(".").endswith("localhost")
    return address.is_loopback or address.is_unspecified or address.is_link_local


def is_out_of_reach(url: str) -> bool:
    """Whether the service cannot open an address, because only this machine or its network leads there."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    address = _number_of(host)
    if address is None:
        return _is_near(host) or host.lower().rstrip(".").endswith(".local")
    return not address.is_global


def _number_of(host: str):
    """The IP address that a host is, None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host.rstrip(".")))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
