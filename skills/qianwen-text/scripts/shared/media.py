"""A media argument becomes what goes on the wire: a URL as it is, a data URL, or a temporary upload (`oss://`).

What a file is comes from its first bytes, never from its name. Limits are checked before anything is sent. Wire facts:
sections 4.1, 4.2 and 5.1 of the contract.
"""
from __future__ import annotations

import base64
import binascii
import os
import re
import sys
from collections import namedtuple
from urllib.parse import unquote, urlsplit

from . import picture
from .failures import Exit, Failure, usage
from .key_guard import BadEndpoint, parse_base_url
from .transport import Multipart, Request, Retries

INLINE_BYTES = 7_000_000  # a data URL may have 10 MiB encoded, which is a little over 7 MB of file (4.2)
ALL_INLINE_BYTES = 14_000_000  # of all files together: a request should stay below about 20 MB (4.2)
MAX_STDIN = 64_000_000  # bytes held in memory
UPLOAD_SLACK = 30.0  # seconds before its end from which a credential is not used any more

# What a kind of media may be: `kind` for messages, media types, and 0 or the bound of each measure (bytes, pixels,
# long side through short side, seconds, pixels).
Limits = namedtuple("Limits", "kind formats max_bytes min_side max_ratio min_seconds max_seconds max_side",
                    defaults=(0, 0, 0, 0, 0, 0))


class Media:
    """One media argument, looked at. `url` is set for what goes as it is; else `path` or `data` holds the bytes."""

    __slots__ = ("argument", "url", "path", "data", "media_type", "size", "width", "height", "seconds", "alpha",
                 "address")

    def __init__(self, argument: str, url: str = "", path: str = "", data: bytes | None = None):
        self.argument, self.url, self.path, self.data = argument, url, path, data
        self.media_type, self.size, self.width, self.height, self.seconds = "", 0, 0, 0, 0.0
        self.alpha = False  # whether it is a PNG with transparency
        self.address = url  # what goes on the wire; of a file known after `inline` or after the upload

    @property
    def name(self) -> str:
        """How messages name it."""
        return "stdin" if self.argument == "-" else "the data URL" if _is_data(self.argument) else printable(self.argument)

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
    """What an argument is: a path, `-`, `file://`, `data:`, `http(s)://` or `oss://`. Raises usage when it is illegal."""
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
        raise usage(f"{flag} {argument}: {scheme.group()} addresses are not taken",
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
        raise usage(f"{flag}: stdin has more than {_mb(most)}", "save it as a file and name that: a file is not held in memory")
    return data


def _checked_url(url: str, flag: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or not parts.netloc or re.search(r"[\s\x00-\x1f]", url):
        raise usage(f"{flag} {url!r} is not a usable address", "give a whole URL without blanks, or a local file")
    return url


def _decoded(url: str, flag: str) -> bytes:
    head, comma, data = url.partition(",")
    if not comma or ";base64" not in head:
        raise usage(f"{flag}: the data URL is not of the form data:image/png;base64,…")
    try:
        return base64.b64decode(unquote(data), validate=True)
    except (binascii.Error, ValueError):
        raise usage(f"{flag}: the data URL holds no valid base64") from None


def _checked_path(argument: str, flag: str) -> str:
    path = argument
    if argument.lower().startswith("file://"):
        try:
            parts = urlsplit(argument)
        except ValueError:
            raise usage(f"{flag} {argument} is not a usable file URL") from None
        if parts.netloc not in ("", "localhost"):
            raise usage(f"{flag} {argument}: a file URL may not name another host")
        from urllib.request import url2pathname
        path = url2pathname(parts.path)
    shown = printable(path)
    if os.path.isdir(path):
        raise usage(f"{flag} {shown} is a folder, not a file", "name a file in it")
    if not os.path.exists(path):
        raise usage(f"{flag} {shown} does not exist", f"check the path; it is looked up from the working directory {os.getcwd()}")
    if not os.path.isfile(path):
        raise usage(f"{flag} {shown} is not an ordinary file", "copy its content into a file")
    return path


def _measure(media: Media, flag: str) -> None:
    try:
        if media.path:
            with open(media.path, "rb") as file:
                media.size = os.fstat(file.fileno()).st_size
                found, media.alpha = picture.measure(file, media.size), picture.has_alpha(file)
        else:
            import io
            media.size = len(media.data)
            file = io.BytesIO(media.data)
            found, media.alpha = picture.measure(file, media.size), picture.has_alpha(file)
    except OSError as error:
        raise usage(f"{flag} {media.name} cannot be read: {error.strerror}") from None
    media.media_type, media.width, media.height, media.seconds = found


def check(media: Media, flag: str, limits: Limits) -> None:
    """Whether a file that was looked at keeps to limits. Raises usage naming the value and what is legal."""
    legal = ", ".join(picture.EXTENSIONS[name].upper() for name in limits.formats).replace("JPG", "JPEG")
    if not media.size:
        raise usage(f"{flag} {media.name} is empty", "give a file that holds something")
    if media.media_type not in limits.formats:
        what = media.media_type or "not a picture, video or sound that is known here"
        raise usage(f"{flag} {media.name} is {what}, whatever its name says", f"give {limits.kind} as one of: {legal}")
    if limits.max_bytes and media.size > limits.max_bytes:
        raise usage(f"{flag} {media.name} has {_mb(media.size)}, and the model takes {_mb(limits.max_bytes)} at most",
                    "make it smaller (fewer pixels, or JPEG instead of PNG; for a video a lower resolution)")
    if limits.min_side and media.media_type in picture.SIZED and not (media.width and media.height):
        raise usage(f"{flag} {media.name} is damaged: it has no width and height", "open it and save it anew")
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


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size} bytes"


def data_url(media: Media) -> str:
    """A data URL whose type is what the bytes are."""
    return f"data:{media.media_type};base64,{base64.b64encode(media.read()).decode('ascii')}"


def placeholder(media: Media) -> str:
    """What stands for an upload in a dry run."""
    name = media.name.encode("utf-8", "replace").decode("utf-8")  # a file's name need not be UTF-8
    return f"oss://<upload of {name}, {media.size} bytes>"


# ---- temporary uploads -----------------------------------------------------------------------------------------------

OSS_HEADER = {"X-DashScope-OssResourceResolve": "enable"}


def needs_oss_header(value) -> bool:
    """Whether any string in a request body is a temporary upload's address."""
    if isinstance(value, dict):
        return any(needs_oss_header(item) for item in value.values())
    if isinstance(value, list):
        return any(needs_oss_header(item) for item in value)
    return isinstance(value, str) and value.startswith("oss://")


def policy_request(endpoint, model: str) -> Request:
    """The request for an upload credential."""
    from urllib.parse import quote
    return Request("GET", f"{endpoint.native}/uploads?action=getPolicy&model={quote(model, safe='')}")


def preview_uploads(waiting: list, endpoint, model: str) -> list:
    """The uploads that would come first, for a dry run."""
    request = policy_request(endpoint, model)
    return [{"method": request.method, "url": request.url, "then": f"form upload of {item.name}, {item.size} bytes"}
            for item in waiting]


def upload_all(waiting: list, client, model: str, console) -> None:
    """Give the files that are too large for the request their addresses."""
    uploader = Uploader(client, model, console)
    for item in waiting:
        item.address = uploader.url(item)


class Uploader:
    """Temporary uploads for one model: credentials are fetched when needed and used again until they end.

    The same file is sent once in a run. An upload is bound to the model it was made for, and lives 48 hours.
    """

    def __init__(self, client, model: str, console=None, clock=None):
        import time
        self.client, self.model, self.console = client, model, console
        self.clock = clock or time.monotonic
        self._policy: dict = {}
        self._ends = 0.0
        self._done: dict = {}

    def url(self, media: Media) -> str:
        """The `oss://` address of a file, uploaded now unless it was before."""
        mark = self._mark(media)
        if mark not in self._done:
            self._done[mark] = self._upload(media)
        return self._done[mark]

    def _mark(self, media: Media):
        if media.path:
            status = os.stat(media.path)
            return os.path.realpath(media.path), status.st_size, status.st_mtime_ns
        import hashlib
        return hashlib.sha256(media.data).digest()

    def _upload(self, media: Media) -> str:
        """Send the file; a credential that ended on the way is renewed once."""
        if self.console:
            self.console.note(f"uploading {media.name} ({_mb(media.size)}) to the service's temporary storage, where it "
                              "stays for 48 hours")
        try:
            return self._send(media, self._credential())
        except Failure as failure:
            if "policy expired" not in failure.message.lower():
                raise
        self._policy = {}
        return self._send(media, self._credential())

    def _credential(self) -> dict:
        if not self._policy or self.clock() > self._ends:
            body = self.client.json(policy_request(self.client.endpoint, self.model), Retries.READ).body
            self._policy = policy = _checked_policy(body.get("data") or body.get("output"))
            self._ends = self.clock() + _number(policy.get("expire_in_seconds"), 300) - UPLOAD_SLACK
        return self._policy

    def _send(self, media: Media, policy: dict) -> str:
        limit = _number(policy.get("max_file_size_mb"), 0) * 1024 * 1024
        if limit and media.size > limit:
            raise usage(f"{media.name} has {_mb(media.size)}, and a temporary upload for {self.model} takes {_mb(limit)} at "
                        "most", "put the file on a public http(s) address and pass that, or make it smaller")
        key = f"{policy['upload_dir'].rstrip('/')}/{os.urandom(8).hex()}.{_extension(media)}"
        fields = {
            "OSSAccessKeyId": policy["oss_access_key_id"], "Signature": policy["signature"], "policy": policy["policy"],
            "key": key, "x-oss-object-acl": policy.get("x_oss_object_acl", "private"),
            "x-oss-forbid-overwrite": policy.get("x_oss_forbid_overwrite", "true"), "success_action_status": "200"}
        progress = self.console.upload_progress(media.name) if self.console else None
        form = Multipart(fields, media.path, filename=key.rsplit("/", 1)[1], media_type=media.media_type, data=media.data,
                         progress=progress)
        try:
            self.client.upload(Request("POST", policy["upload_host"].rstrip("/") + "/", form))
        except Failure as failure:
            if failure.code != "FileAlreadyExists":  # the key is our own random one: an earlier try has arrived
                raise
        return "oss://" + key


def _extension(media: Media) -> str:
    return picture.EXTENSIONS.get(media.media_type, "bin")


_POLICY = {"policy": r"[!-~]+", "signature": r"[!-~]+", "upload_dir": r"[A-Za-z0-9._/-]+", "upload_host": r"[!-~]+",
           "oss_access_key_id": r"[!-~]+"}


def _checked_policy(policy) -> dict:
    """A credential whose fields have their form and whose address is TLS or this machine; else a Failure."""
    policy = policy if isinstance(policy, dict) else {}
    wrong = [name for name, form in _POLICY.items()
             if not isinstance(policy.get(name), str) or not re.fullmatch(form, policy[name])]
    if not wrong and (".." in policy["upload_dir"].split("/") or not _safe_host(policy["upload_host"])):
        wrong = ["upload_dir and upload_host"]
    if wrong:
        raise Failure(Exit.FAILED, f"the upload credential has no usable {', '.join(wrong)}",
                      "the base URL probably leads to something that only resembles the service", "check QWEN_BASE_URL, then "
                      "run the command again", accepted="no")
    return policy


def _safe_host(url: str) -> bool:
    try:
        parse_base_url(url)
    except BadEndpoint:
        return False
    return True


def _number(value, default: int) -> int:
    """Numbers of a credential come as numbers or as text."""
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else default


def address_all(media, most: int = ALL_INLINE_BYTES) -> list:
    """Give everything its address as far as that needs no upload; return what has to be uploaded.

    `most` bytes of files may travel inside the request; with 0 every file is uploaded.
    """
    waiting, inline = [], 0
    for item in media:
        if item.url:
            continue
        if item.size <= INLINE_BYTES and inline + item.size <= most:
            inline += item.size
            item.address = data_url(item)
        else:
            item.address = placeholder(item)
            waiting.append(item)
    return waiting


def oss_headers(body) -> dict:
    """The header that a request needs when it names a temporary upload."""
    return dict(OSS_HEADER) if needs_oss_header(body) else {}


def digest(item: Media) -> str:
    """What tells a file from another one: the SHA-256 of its bytes."""
    import hashlib
    found = hashlib.sha256(item.data or b"")
    if item.path:
        with open(item.path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    return found.hexdigest()


# ---- a prompt among files --------------------------------------------------------------------------------------------

def take_prompt_back(options, names, example: str) -> None:
    """`--image F "What is it?"`: a flag that takes several files has swallowed the prompt. `names` are such flags."""
    for values in (getattr(options, name) for name in names):
        if options.prompt is None and not options.prompt_file and len(values) > 1:
            if is_prompt(values[-1]):
                options.prompt = values.pop()
            elif not os.path.exists(values[-1]) and "://" not in values[-1] and not values[-1].startswith(("data:", "-")):
                raise usage(f"{values[-1]!r} is no file, and there is no prompt", f"write the prompt first: {example}")


def is_prompt(text: str) -> bool:
    """Whether a value among files can only be a prompt: it has blanks or Chinese, names no file, is no address."""
    chinese = re.search("[\u3000-\u9fff\uff00-\uffef]", text) and not os.path.splitext(text)[1]
    words = chinese or any(character.isspace() for character in text)
    return bool(words) and not os.path.exists(text) and ":" not in (text.split(None, 1) or [""])[0]
