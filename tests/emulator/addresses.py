"""The addresses media have: data URLs are decoded, oss:// is looked up, the web is left alone, the rest is refused."""
from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional
from urllib.parse import urlsplit

from tests.emulator.call import Call
from tests.emulator.uploads import HEAD
from tests.emulator.wire import Refusal, invalid

MAX_DATA_URI = 10 * 1024 * 1024         # of models whose row does not say
DATA = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,(.+)", re.DOTALL)
UNREACHABLE = re.compile(r".*(\.invalid|-internal\.aliyuncs\.com)")
BAD_ADDRESS = "The provided URL does not appear to be valid. Ensure it is correctly formatted."
UNREACHED = "Failed to download multimodal content."
BAD_FORMAT = "The media format is not supported or incorrect for the data inspection."
UNDECODED = "Failed to decode the image during the data inspection."
NOT_FOUND = "Failed to find the requested media resource during the data inspection process."
FORBIDDEN = "Don't have authorization to access the media resource during the data inspection process."


@dataclass
class Resource:
    """What is behind an address."""
    address: str = ""                  # of the web; then there are no bytes
    size: int = 0
    head: bytes = b""
    data: Optional[bytes] = None       # None: not here, or too long to be kept
    declared: str = ""                 # the media type a data URL names


def inspection(message: str, detail: str = "") -> Refusal:
    """400 of the data inspection; `detail` says what the emulator found."""
    return invalid(message + (f" emulator: {detail}" if detail else ""), native="InvalidParameter.DataInspection")


def fetch(call: Call, url: Any) -> Resource:
    """Raises the refusal for an address that the service would not take."""
    scheme = url.partition(":")[0] if isinstance(url, str) else ""
    if scheme not in SCHEMES:
        raise invalid(BAD_ADDRESS)
    return SCHEMES[scheme](call, url)


def _data(call: Call, url: str) -> Resource:
    most = getattr(getattr(call.model, "sight", None), "data_uri", MAX_DATA_URI)
    if len(url) > most:
        raise invalid(f"Exceeded limit on max bytes per data-uri item : {most}")
    match = DATA.fullmatch(url)
    if not match:
        raise invalid(BAD_ADDRESS)
    try:
        data = base64.b64decode(match.group(2).encode("ascii"), validate=True)
    except ValueError:
        raise invalid(BAD_ADDRESS + " emulator: the base64 is broken") from None
    return Resource("", len(data), data[:HEAD], data, match.group(1))


def _oss(call: Call, url: str) -> Resource:
    if call.exchange.headers.get("x-dashscope-ossresourceresolve") != "enable":
        raise invalid(BAD_ADDRESS)
    emulator, key = call.exchange.emulator, url[len("oss://"):]
    stored = emulator.objects.get(key)
    if stored is None or emulator.clock() >= stored.expires_at:
        raise inspection(NOT_FOUND, f"{url} is not stored, or no longer")
    if stored.model != call.model.name:
        raise inspection(FORBIDDEN, f"it was uploaded for {stored.model}, not for {call.model.name}")
    if stored.account != call.exchange.key_sha256:
        raise inspection(FORBIDDEN, "it was uploaded with another key")
    return Resource("", stored.size, stored.head, stored.data)


def _web(call: Call, url: str) -> Resource:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if not host or re.search(r"\s", url):
        raise invalid(BAD_ADDRESS)
    if UNREACHABLE.fullmatch(host):
        raise invalid(UNREACHED)
    return Resource(url)


SCHEMES: Dict[str, Callable[[Call, str], Resource]] = {"data": _data, "oss": _oss, "http": _web, "https": _web}
