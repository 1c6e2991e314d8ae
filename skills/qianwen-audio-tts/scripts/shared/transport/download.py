"""Fetching a result link: streamed to a file, continued with `Range` after a cut, checked for length. No key
is ever sent.

Result links are signed: they need no `Authorization`, die within 24 hours, and their query must not be
changed (image contract 3.4).
"""
from __future__ import annotations

import contextlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from urllib.parse import urljoin, urlsplit

from .. import VERSION
from ..failures import BAD_LINK, Exit, Failure
from . import retries
from .addresses import BadAddress, is_local, usable_address
from .connecting import CONNECT_TIMEOUT, ConnectError, opener_for
from .limits import MOST_BYTES, seconds_for, TooMuch
from .reading import body_blocks, lower_headers
from .request import moment_of

RETRIES = 6  # in a row, after tries that brought less than PROGRESS
PROGRESS = 4096  # bytes
LIFE = 24 * 3600  # seconds in which a link works
_GONE = (403, 404, 410)  # what the storage answers for a link whose life is over
_SAID = 4096  # bytes of an error that are read
_REDIRECTS = (301, 302, 303, 307, 308)


class BadLink(Failure):
    """A link that gives nothing. Where that was an answer: its `status`, and the `moment` by the clock of who
    answered, if told."""

    status, moment = 0, None

    def is_dead(self, made: float, now: float) -> bool:
        """Whether a link that came at `made` will never work again: the storage refuses it when its life is
        over by its own clock; by ours, `now`, where it tells none. Else it may be something on the way."""
        return self.status in _GONE and (now if self.moment is None else self.moment) - made > LIFE


class _Dead(Exception):
    """Trying again at once does not help; the message says why. `told`: the facts of a BadLink."""

    def __init__(self, message: str, **told):
        super().__init__(message)
        self.told = told


class _Again(Exception):
    """Trying again may help."""


def fetch(client, url: str, target, *, sleep=time.sleep, progress=None, limit: int = MOST_BYTES,
          clock=time.monotonic) -> None:
    """Download a link into a file: its path, or the open file, which stays open.

    Raises BadLink when the link gives nothing; OSError of the disk passes. `progress(bytes so far,
    bytes in all or 0)` is called for every block. More than `limit` bytes are no result.
    """
    if url.startswith("data:"):
        _inline(url, target)
        return
    wanted = _checked(client, url)
    failures, memory, most, began = 0, {}, 0, clock()
    with _opened(target) as file:
        while True:
            try:
                _fetch_once(client, wanted, file, memory, progress, limit)
                return
            except _Dead as error:
                raise _unsaved(url, str(error), error.told) from error
            except _Again as error:
                size = file.seek(0, os.SEEK_END)
                failures, most = (1, size) if size >= most + PROGRESS else (failures + 1, most)
                if failures > RETRIES or clock() - began > seconds_for(size, client.timeout):
                    raise _unsaved(url, str(error)) from error
                client.retries.note(f"the download broke off ({error}); continuing")
                sleep(min(10.0, retries.FIRST_DELAY / 4 * 2 ** failures))


def _opened(target):
    """The file to write to; one that is open is not opened by its name again, which may lead elsewhere by
    now."""
    return contextlib.nullcontext(target) if hasattr(target, "write") else open(target, "r+b")


def _unsaved(url: str, why: str, told: dict | None = None) -> BadLink:
    failure = BadLink(Exit.UNSAVED, f"a result could not be downloaded: {why}", accepted="maybe",
                      code=BAD_LINK, cause=f"the link is {url}", files=[{"url": url}])
    for name, value in (told or {}).items():
        setattr(failure, name, value)
    return failure


def _checked(client, url: str) -> str:
    try:
        return usable_address(client.endpoint, url)
    except BadAddress as error:
        raise _unsaved(url, str(error)) from None


def _fetch_once(client, url: str, file, memory: dict, progress, limit: int) -> None:
    """Ask for what is missing and append it. `memory` keeps the ETag, so that no two versions are joined."""
    start = file.seek(0, os.SEEK_END)
    headers = {"User-Agent": f"qianwen-skills/{VERSION} ({client.skill})", "Accept": "*/*"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if memory.get("etag"):
            headers["If-Range"] = memory["etag"]
    with _answered(client, url, headers) as response:
        found = lower_headers(response)
        start = _place_of(response, found, start, file, memory.get("etag", ""))
        memory["etag"] = "" if found.get("etag", "").startswith("W/") else found.get("etag", "")
        _append(response, found, file, start, progress, limit, client.timeout)


def _answered(client, url: str, headers: dict):
    """The response of the storage. What goes wrong before it becomes _Again or _Dead, so that OSError means
    the disk."""
    try:
        return _open(client, url, headers)
    except TooMuch as error:
        raise _Dead(str(error)) from error
    except http.client.InvalidURL as error:  # of a host, before anything is sent
        raise _unconnected(error, url, client.timeout) from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ConnectError):
            raise _unconnected(reason.reason, url, client.timeout) from error
        raise _Again(f"no answer: {type(reason).__name__}") from error
    except BadAddress as error:
        raise _Dead("it is redirected to an address that cannot be used") from error


def _unconnected(reason: Exception, url: str, timeout: float) -> Exception:
    """A connection that was never made: through a proxy, that one and its variable are named."""
    from .troubles import connect_trouble, proxy_of
    host = urlsplit(url).hostname
    proxy = None if is_local(host) else proxy_of(url)
    what, _, _, may_help = connect_trouble(reason, host, min(timeout, CONNECT_TIMEOUT), proxy)
    named = f" (set by {proxy.variable})" if proxy and proxy.variable not in what else ""
    return (_Again if may_help else _Dead)(f"no connection: {what}{named}")


def _open(client, url: str, headers: dict):
    """The response, redirects followed to addresses that a link may have as well."""
    for _ in range(6):
        opener = opener_for(is_local(urlsplit(url).hostname))
        response = opener.open(urllib.request.Request(url, None, headers), timeout=client.timeout)
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or not location:
            return response
        response.close()
        try:
            new = urljoin(url, location)
        except ValueError:
            raise BadAddress("it is not a usable address") from None
        url = usable_address(client.endpoint, new)
    raise _Dead("it redirects in circles")


def _place_of(response, headers: dict, start: int, file, etag: str) -> int:
    """Where the body that comes belongs; the file is cut there. Raises _Dead or _Again for what is no body.
    """
    status = response.status
    if status == 206:
        match = re.match(r"bytes (\d+)-\d+/", headers.get("content-range", ""))
        if match and int(match.group(1)) <= start and headers.get("etag", etag) == etag:
            file.truncate(int(match.group(1)))
            return int(match.group(1))
        file.truncate(0)
        raise _Again("the storage sent another part than requested")
    if status == 200:
        file.truncate(0)
        return 0
    if status == 416:
        file.truncate(0)
        raise _Again("the storage does not know this part")
    if retries.may_pass(status):
        raise _Again(f"HTTP {status}")
    raise _refused(response, headers)


def _refused(response, headers: dict) -> _Dead:
    """What an answer that is no file means: a proxy or a log-in page may have sent it, as well as the
    storage."""
    status, said = response.status, b""
    with contextlib.suppress(OSError, http.client.HTTPException):
        said = response.read(_SAID)
    expired = status >= 400 and bool(re.search(rb"<Error>.*expired", said, re.IGNORECASE | re.DOTALL))
    why = ("the link has expired (links live for 24 hours)" if expired else
           "the link has expired (links live for 24 hours) or was changed, or something on the way refuses it"
           if status >= 400 else "which brings no file")
    return _Dead(f"HTTP {status}{':' if status >= 400 else ','} {why}", status=status, moment=moment_of(headers))


def _append(response, headers: dict, file, start: int, progress, limit: int, patience: float) -> None:
    """Copy the body behind `start`. Errors of the disk stay OSError; those of the network become _Again, as
    does a storage that sends less than PROGRESS in `patience` seconds."""
    length, total = headers.get("content-length", ""), headers.get("content-range", "").rpartition("/")[2]
    zipped = headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")
    whole = int(total) if re.fullmatch("[0-9]{1,15}", total) else \
        start + int(length) if re.fullmatch("[0-9]{1,15}", length) and not zipped else 0
    file.seek(start)
    blocks = body_blocks(response, headers) if zipped else iter(lambda: response.read1(1 << 16), b"")
    since, mark = time.monotonic(), start
    while True:
        if time.monotonic() - since > patience:
            if file.tell() < mark + PROGRESS:
                raise _Again("next to nothing comes")
            since, mark = time.monotonic(), file.tell()
        try:
            block = next(blocks, b"")
        except TooMuch as error:
            raise _Dead(str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise _Again(type(error).__name__) from error
        if not block:
            break
        if file.tell() + len(block) > limit:
            file.truncate(0)
            raise _Dead(f"it is larger than {limit >> 20} MiB")
        file.write(block)
        if progress:
            progress(file.tell(), whole)
    file.flush()
    if whole and file.tell() < whole:
        raise _Again(f"{file.tell()} of {whole} bytes arrived")
    if not file.tell():
        raise _Again("it is empty")


def _inline(url: str, target) -> None:
    """A gateway may send the picture itself."""
    import base64
    import binascii
    head, _, data = url.partition(",")
    try:
        raw = base64.b64decode(data, validate=True) if ";base64" in head else b""
    except (binascii.Error, ValueError):
        raw = b""
    if not raw:
        raise Failure(Exit.UNSAVED, "a result is a data URL that cannot be read", accepted="maybe",
                      code=BAD_LINK)
    with _opened(target) as file:
        file.truncate(0)
        file.seek(0)
        file.write(raw)
