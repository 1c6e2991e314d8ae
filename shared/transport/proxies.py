"""What Python itself heeds of the environment: the proxy of a request, without user and password, and the TLS
settings."""
from __future__ import annotations

import os
import re
import urllib.request
from collections import namedtuple
from urllib.parse import urlsplit

# `name` is host and port, '' where they cannot be told; `variable` is where the proxy was set.
Proxy = namedtuple("Proxy", "name variable")


def proxy_of(url: str) -> Proxy | None:
    """The proxy on the way to a URL, None where there is none."""
    scheme, host = urlsplit(url).scheme, urlsplit(url).netloc
    value = urllib.request.getproxies().get(scheme)
    if not value or urllib.request.proxy_bypass(host):
        return None
    found = re.fullmatch(r"(?:[a-z0-9]+://)?([\w.-]+(?::[0-9]+)?|\[[0-9a-f:]+\](?::[0-9]+)?)/?",
                         re.sub(r"^([a-z0-9]*://)?.*@", "", value.strip(), flags=re.IGNORECASE),
                         re.IGNORECASE)
    variables = those_set(f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return Proxy(found.group(1) if found else "", variables[0] if variables
                 else "the system's proxy settings")


def those_set(*names) -> list:
    """Which of these variables are set, to be named in an advice."""
    return [name for name in names if os.environ.get(name)]
