"""A request as data: JSON or multipart body, headers, and the reply."""
from __future__ import annotations

import json
import re
from collections import namedtuple
from urllib.parse import urlsplit

from .. import key_guard, VERSION
from ..failures import usage
from ..words import data_size

# The most bytes of a JSON body: of any host, and of those without a workspace in their name (updates 4.2).
MOST_BODY, MOST_CLASSIC = 64_000_000, 16 << 20
MOST_ID = 256  # characters of a request id or of an error's code that are kept


class Request:
    """One HTTP request. `body` is JSON-able data, a Multipart (multipart.py), or None; `headers` are those
    beyond the usual ones. `data` is the body as it is sent. Raises usage for text that cannot be sent.
    """

    __slots__ = ("method", "url", "headers", "body", "data", "is_form")

    def __init__(self, method: str, url: str, body=None, headers: dict | None = None):
        self.method, self.url, self.body, self.headers = method, url, body, headers or {}
        self.is_form = hasattr(body, "content_type")  # a Multipart
        if body is None:
            self.data = b"" if method == "POST" else None
        else:
            self.data = body if self.is_form else encoded(body)

    def preview(self, skill: str, key: key_guard.Key) -> dict:
        """The request for `--dry-run`: no key, no inline media."""
        from ..body import elide_media
        headers = headers_of(self, skill)
        headers["Authorization"] = "Bearer " + key_guard.masked(key.value)
        body = self.body.preview() if self.is_form else elide_media(self.body)
        return {"method": self.method, "url": self.url, "headers": headers, "body": body}


def check_size(request: Request, endpoint: key_guard.Endpoint) -> None:
    """Raises usage for a body that is larger than the service takes."""
    most = MOST_CLASSIC if endpoint.host in key_guard.REGIONS.values() else MOST_BODY
    if not request.is_form and endpoint.kind == key_guard.DASHSCOPE and len(request.data) > most:
        raise usage(f"the request has {data_size(len(request.data))}, "
                    f"but {endpoint.host} takes {data_size(most)} at most",
                    "shorten the text, or give large files as public http(s) addresses; nothing was sent")


def encoded(body) -> bytes:
    """A JSON body as UTF-8. Arguments whose bytes are no UTF-8 arrive as lone surrogates, which cannot be
    sent."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    except RecursionError:
        raise usage("the request nests too deeply; nothing was sent") from None
    except UnicodeEncodeError:
        raise usage("the request contains text that is not UTF-8; nothing was sent",
                    "save the text as a UTF-8 file and give that file") from None
    except ValueError:
        raise usage("the request contains a number that JSON cannot express (infinity or NaN); nothing was "
                    "sent") from None


class Reply(namedtuple("Reply", "status headers body")):
    """A whole JSON answer. `headers` have lower-case names."""

    __slots__ = ()

    @property
    def request_id(self) -> str:
        return request_id_of(self.body, self.headers)


def request_id_of(body, headers: dict) -> str:
    """The request id of an answer: from the body where it stands, else from the header."""
    if isinstance(body, dict):
        found, completion = body.get("request_id"), body.get("id")
        if isinstance(found, str) and found:
            return found[:MOST_ID]
        if isinstance(completion, str) and completion.startswith("chatcmpl-"):
            return completion[len("chatcmpl-"):][:MOST_ID]
    return headers.get("x-request-id", "")[:MOST_ID]


_FIRST, _LAST = 1.7e9, 4.1e9  # moments between which a clock can be: 2023 to 2099


def moment_of(headers: dict) -> float | None:
    """Epoch seconds by the clock of who answered; None where the answer does not tell."""
    from email.utils import parsedate_to_datetime
    try:
        moment = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if _FIRST < moment < _LAST else None


_ID = r"(?!-)(?!.*\.\.)(?!\.$)[A-Za-z0-9._:/-]{1,256}"


def is_id(value) -> bool:
    """Whether this can be an id of the service: of a task, a document or a voice. It becomes part of
    addresses and of commands."""
    return isinstance(value, str) and bool(re.fullmatch(_ID, value))


def headers_of(request: Request, skill: str) -> dict:
    headers = {"User-Agent": f"qianwen-skills/{VERSION} ({skill})", "Accept": "application/json"}
    if request.is_form:
        headers["Content-Type"] = request.body.content_type
    elif request.body is not None:
        headers["Content-Type"] = "application/json"
    return {**headers, **request.headers}


def origin_of(url: str) -> tuple:
    """Scheme, host and port of a URL, to compare origins."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
