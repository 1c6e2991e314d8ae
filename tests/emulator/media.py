"""Content that is an array: which parts there are, where they may stand, and what a media address looks like.

Only shapes are looked at; the bytes behind an address are not.
"""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Set

from tests.emulator.call import Call
from tests.emulator.wire import ignored, invalid

MAX_DATA_URI = 10 * 1024 * 1024
ADDRESS = re.compile(r"(https?://\S+|oss://\S+|data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/]+={0,2})")
BAD_ADDRESS = "The provided URL does not appear to be valid. Ensure it is correctly formatted."

# part type of compat -> the options that may stand beside its main key
PART_OPTIONS: Dict[str, Set[str]] = {
    "text": set(),
    "image_url": {"min_pixels", "max_pixels"},
    "video_url": {"fps", "min_pixels", "max_pixels", "total_pixels"},
    "video": {"fps", "min_pixels", "max_pixels", "total_pixels"},
    "doc_url": {"file_parsing_strategy"},
}
# native parts have no type: one of these keys, and options
NATIVE_OPTIONS: Dict[str, Set[str]] = {
    "text": set(),
    "image": {"min_pixels", "max_pixels", "enable_rotate"},
    "video": {"fps", "max_frames", "min_pixels", "max_pixels", "total_pixels"},
}


def check(call: Call) -> None:
    for number, message in enumerate(call.messages):
        where, content = f"messages[{number}].content", message.get("content")
        if isinstance(content, list):
            _array(call, message["role"], content, where)
        elif call.native and call.model.vision and content:
            raise ignored(where, "must be an array of parts on the multimodal endpoint")


def _array(call: Call, role: str, content: List[Any], where: str) -> None:
    if not call.model.vision and not _only_cached_text(call, content) and not call.model.can("docs"):
        raise invalid("input content must be a string.", param=where)
    if role == "tool" and not call.native:
        raise ignored(where, "of a tool message must be a string")
    for number, part in enumerate(content):
        _part(call, role, part, f"{where}[{number}]")


def _only_cached_text(call: Call, content: List[Any]) -> bool:
    """Text models take an array only to carry a cache marker."""
    parts = [part for part in content if isinstance(part, dict)]
    texts = len(parts) == len(content) and all(part.get("type", "text") == "text" for part in parts)
    return texts and call.model.can("ca") and any("cache_control" in part for part in parts)


def _part(call: Call, role: str, part: Any, where: str) -> None:
    table = NATIVE_OPTIONS if call.native else PART_OPTIONS
    kind = _kind(part, table, call.native, where)
    extra = set(part) - {kind, "cache_control"} - table[kind] - (set() if call.native else {"type"})
    for name in sorted(extra):
        raise invalid(f"emulator: unknown field {where + '.' + name!r}", param=name, wrapped=False)
    if kind != "text" and role != "user":
        raise ignored(where, f"{kind} belongs to user messages")
    if kind == "doc_url" and not call.model.can("docs") or kind in ("image_url", "video_url", "video", "image") and not call.model.vision:
        raise ignored(where, f"{kind} is not taken by {call.model.name}")
    _fps(part, where)
    VALUES[kind](call, part[kind], where)


def _kind(part: Any, table: Dict[str, Set[str]], native: bool, where: str) -> str:
    if not isinstance(part, dict):
        raise ignored(where, "must be an object")
    if native:
        kinds = [name for name in table if name in part]
        if len(kinds) != 1:
            raise invalid("The item of content should be a message of a certain modal.", param=where)
        return kinds[0]
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in table or kind not in part:
        raise ignored(where, f"has the type {kind!r}; known with their own key: {', '.join(table)}")
    return str(kind)


def _fps(part: Dict[str, Any], where: str) -> None:
    fps = part.get("fps", 2)
    if not isinstance(fps, (int, float)) or not 0.1 <= fps <= 10:
        raise ignored(f"{where}.fps", "must be in [0.1, 10]")


def _text(call: Call, value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise ignored(f"{where}.text", "must be a string")


def _url_object(call: Call, value: Any, where: str) -> None:
    if not isinstance(value, dict) or set(value) - {"url", "detail"}:
        raise ignored(where, 'must be {"url": ...}')
    address(call, value.get("url"))


def _frames(call: Call, value: Any, where: str) -> None:
    if isinstance(value, str):
        return address(call, value)
    if not isinstance(value, list) or not 4 <= len(value) <= 512:
        raise invalid("the range of sequence images shoule be (4, 512).", param=where)
    for frame in value:
        address(call, frame)


def _documents(call: Call, value: Any, where: str) -> None:
    if not isinstance(value, list) or not value:
        raise ignored(where, "must be a list of addresses")
    for document in value:
        address(call, document)


def address(call: Call, url: Any) -> None:
    """http, https, a base64 data URI, or oss:// with the header that makes the service resolve it."""
    if not isinstance(url, str) or not ADDRESS.fullmatch(url):
        raise invalid(BAD_ADDRESS)
    if url.startswith("data:") and len(url) > MAX_DATA_URI:
        raise invalid(f"Exceeded limit on max bytes per data-uri item : {MAX_DATA_URI}")
    if url.startswith("oss://") and call.exchange.headers.get("x-dashscope-ossresourceresolve") != "enable":
        raise invalid(BAD_ADDRESS)


VALUES: Dict[str, Callable[[Call, Any, str], None]] = {
    "text": _text,
    "image_url": _url_object,
    "video_url": _url_object,
    "image": lambda call, value, where: address(call, value),
    "video": _frames,
    "doc_url": _documents,
}
