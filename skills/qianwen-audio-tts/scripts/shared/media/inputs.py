"""Pictures, videos and sounds that go in: local files, links and data, checked before anything is sent."""
from __future__ import annotations

import base64
import binascii
import os
import re
import sys
from collections import namedtuple
from urllib.parse import quote, unquote, urlsplit

from ..failures import usage
from ..files import probe
from ..files.names import path_of
from ..words import data_size

MAX_STDIN = 64_000_000  # bytes held in memory
# What a kind of media may be: `kind` for messages, media types, and 0 or the bound of each measure (bytes,
# pixels, long side through short side, seconds, pixels).
Limits = namedtuple("Limits", "kind formats max_bytes min_side max_ratio min_seconds max_seconds max_side",
                    defaults=(0, 0, 0, 0, 0, 0))


class Media:
    """One media argument, looked at.
    `url` is set for what goes as it is; else `path` or `data` holds the bytes."""

    __slots__ = ("argument", "url", "path", "data", "media_type", "size", "width", "height", "seconds",
                 "alpha", "turned", "address")

    def __init__(self, argument: str, url: str = "", path: str = "", data: bytes | None = None):
        self.argument, self.url, self.path, self.data = argument, url, path, data
        self.media_type, self.size, self.width, self.height, self.seconds = "", 0, 0, 0, 0.0
        self.alpha = self.turned = False  # whether it is transparent; stored on its side and shown upright
        self.address = url  # what goes on the wire; of a file known after `inline` or after the upload

    @property
    def name(self) -> str:
        """How messages name it."""
        if self.argument == "-":
            return "stdin"
        return "the data URL" if _is_data(self.argument) else printable(self.argument)

    def read(self) -> bytes:
        if self.data is not None:
            return self.data
        with open(self.path, "rb") as file:
            return file.read()


def printable(name: str) -> str:
    """A file's name without what could steer a terminal or forge a line, and not too long."""
    shown = "".join(character if character.isprintable() else "?" for character in name)
    return shown if len(shown) <= 200 else shown[:200] + "…"


def _is_data(argument: str) -> bool:
    return argument[:5].lower() == "data:"


def look(argument: str, flag: str, limits: Limits) -> Media:
    """What an argument is: a path, `-`, `file://`, `data:`, `http(s)://` or `oss://`.
    Raises usage when it is illegal."""
    media = _find(argument, flag, limits)
    if media.url:
        return media
    _measure(media, flag)
    check(media, flag, limits)
    return media


def _find(argument: str, flag: str, limits: Limits) -> Media:
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", argument)
    if scheme and scheme.group(1).lower() in ("http", "https", "oss"):
        url = _checked_url(argument, flag)
        return Media(argument, url="oss" + url[3:] if scheme.group(1).lower() == "oss" else url)
    if scheme and scheme.group(1).lower() != "file":
        raise usage(f"{flag} {argument}: {scheme.group()} addresses are not accepted",
                    "give a local path, or an address that begins with http://, https://, oss:// or data:")
    if _is_data(argument):
        return Media(argument, data=_decoded(argument, flag))
    if argument == "-":
        return Media(argument, data=_read_stdin(flag, limits))
    return Media(argument, path=_checked_path(argument, flag))


def _read_stdin(flag: str, limits: Limits) -> bytes:
    most = min(limits.max_bytes or MAX_STDIN, MAX_STDIN)
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise usage(f"{flag}: stdin has more than {data_size(most)}",
                    "save it as a file and name that: a file need not fit into memory")
    return data


def _checked_url(url: str, flag: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or not parts.netloc or re.search(r"[\s\x00-\x1f]", url):
        raise usage(f"{flag} {url!r} is not a usable address",
                    "give a whole URL without blanks, or a local file")
    return url if url.isascii() or parts.scheme == "oss" else _in_ascii(url)


def _in_ascii(url: str) -> str:
    """What is not ASCII as it is sent: percent-encoded, and in the host as xn--… What is encoded already
    stays."""
    scheme, _, rest = url.partition("://")
    end = re.search(r"[/?#]|$", rest).start()
    user, at, place = rest[:end].rpartition("@")
    host, colon, port = place.partition(":")
    return f"{scheme}://{_percent(user)}{at}{_idna(host)}{colon}{port}{_percent(rest[end:])}"


def _percent(text: str) -> str:
    return re.sub("[^\x00-\x7f\ud800-\udfff]+", lambda found: quote(found.group()), text)


def _idna(host: str) -> str:
    """The name that is asked for; one that this older rule would change, such as one with ß, stays."""
    try:
        name = host.encode("idna").decode("ascii")
        return name if name.encode("ascii").decode("idna").lower() == host.lower() else host
    except UnicodeError:
        return host


def _decoded(url: str, flag: str) -> bytes:
    head, comma, data = url.partition(",")
    if not comma or ";base64" not in head:
        raise usage(f"{flag}: the data URL is not of the form data:image/png;base64,…")
    try:
        return base64.b64decode(unquote(data), validate=True)
    except (binascii.Error, ValueError):
        raise usage(f"{flag}: the data URL does not contain valid base64") from None


def _checked_path(argument: str, flag: str) -> str:
    try:
        path = path_of(argument)
    except ValueError as error:
        raise usage(f"{flag} {printable(argument)} is not a usable file URL: {error}",
                    "give a local path, or file:///PATH") from None
    shown = printable(path)
    if os.path.isdir(path):
        raise usage(f"{flag} {shown} is a folder, not a file", "name a file in it")
    if not os.path.exists(path):
        raise usage(f"{flag} {shown} does not exist",
                    f"check the path; it is looked up from the working directory {os.getcwd()}")
    if not os.path.isfile(path):
        raise usage(f"{flag} {shown} is not an ordinary file", "copy its content into a file")
    return path


def _measure(media: Media, flag: str) -> None:
    try:
        if media.path:
            with open(media.path, "rb") as file:
                media.size = os.fstat(file.fileno()).st_size
                _look_into(media, file)
        else:
            import io
            media.size = len(media.data)
            _look_into(media, io.BytesIO(media.data))
    except OSError as error:
        raise usage(f"{flag} {media.name} cannot be read: {error.strerror}") from None


def _look_into(media: Media, file) -> None:
    media.media_type, media.width, media.height, media.seconds = probe.measure(file, media.size)
    media.alpha, media.turned = probe.has_alpha(file), probe.is_turned(file, media.media_type)


def check(media: Media, flag: str, limits: Limits) -> None:
    """Whether a file that was looked at keeps to limits. Raises usage naming the value and what is legal."""
    legal = ", ".join(probe.EXTENSIONS[name].upper() for name in limits.formats).replace("JPG", "JPEG")
    if not media.size:
        raise usage(f"{flag} {media.name} is empty", "give a file with content")
    if media.media_type not in limits.formats:
        what = media.media_type or "not a picture, video or sound that this script knows"
        raise usage(f"{flag} {media.name} is {what}, whatever its name says",
                    f"give {limits.kind} as one of: {legal}")
    if limits.max_bytes and media.size > limits.max_bytes:
        raise usage(f"{flag} {media.name} has {data_size(media.size)}, "
                    f"but the model takes {data_size(limits.max_bytes)} at most",
                    "make it smaller (fewer pixels, or JPEG instead of PNG; for a video a lower resolution)")
    if limits.min_side and media.media_type in probe.SIZED and not (media.width and media.height):
        raise usage(f"{flag} {media.name} is damaged: it has no width and height",
                    "open it and save it again")
    if media.width and media.height:
        _check_sides(media, flag, limits)
    if media.seconds and limits.max_seconds and not limits.min_seconds <= media.seconds <= limits.max_seconds:
        raise usage(f"{flag} {media.name} lasts {media.seconds:.1f} seconds",
                    f"the model takes {limits.min_seconds:g} to {limits.max_seconds:g} seconds")


def _check_sides(media: Media, flag: str, limits: Limits) -> None:
    small, large = sorted((media.width, media.height))
    if small < limits.min_side:
        raise usage(f"{flag} {media.name} is {media.width} x {media.height} pixels",
                    f"both sides must have at least {limits.min_side} pixels")
    if limits.max_side and large > limits.max_side:
        raise usage(f"{flag} {media.name} is {media.width} x {media.height} pixels",
                    f"both sides may have at most {limits.max_side} pixels; make it smaller first")
    if limits.max_ratio and large > small * limits.max_ratio:
        raise usage(f"{flag} {media.name} is {media.width} x {media.height} pixels",
                    f"the longer side may be at most {limits.max_ratio} times the shorter one")


def data_url(media: Media) -> str:
    """A data URL whose type is what the bytes are."""
    return f"data:{media.media_type};base64,{base64.b64encode(media.read()).decode('ascii')}"


def digest(item: Media) -> str:
    """What tells a file from another one: the SHA-256 of its bytes."""
    import hashlib
    found = hashlib.sha256(item.data or b"")
    if item.path:
        with open(item.path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    return found.hexdigest()
