"""How media reach the service: inside the request, as the address of an upload, or by their own address."""
from __future__ import annotations

from ..body import needs_oss_header
from ..transport.addresses import is_out_of_reach
from .inputs import data_url, Media

INLINE_BYTES = 7_000_000  # a data URL may have 10 MiB encoded, which is a little over 7 MB of file (4.2)
# of all files together: the classic hosts take bodies of 16 MiB, base64 included (4.2)
ALL_INLINE_BYTES = 12_000_000


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


def placeholder(media: Media) -> str:
    """What stands for an upload in a dry run."""
    name = media.name.encode("utf-8", "replace").decode("utf-8")  # a file's name need not be UTF-8
    return f"oss://<upload of {name}, {media.size} bytes>"


def warn_of_addresses(
        media, endpoint, console,
        fix: str = "give the path of the file instead, which is then sent along") -> None:
    """Name the addresses that the service cannot open, except those of an endpoint that is here itself."""
    for item in media:
        if item.url and not item.url.startswith(endpoint.origin + "/") and is_out_of_reach(item.url):
            console.warn(f"the service opens {item.name} itself, "
                         "but only this machine or its network can reach that address", fix)


def oss_headers(body) -> dict:
    """The header that a request needs when it names a temporary upload."""
    return {"X-DashScope-OssResourceResolve": "enable"} if needs_oss_header(body) else {}
