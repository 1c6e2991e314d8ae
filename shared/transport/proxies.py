"""Which proxy a request goes through, named without its user and password."""
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
                         re.sub(r"^([a-z0-9]*://)?.*@", "", value.strip(), flags=re.IGNORECASE), re.IGNORECASE)
    variable = next((name for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()) if os.environ.get(name)),
                    "the system's proxy settings")
    return Proxy(found.group(1) if found else "", variable)
