"""Content that is an array: which parts there are, where they may stand, and whether the media in them are what they
should be. What was seen is left in `call.seen`."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Set

from tests.emulator import pictures, videos
from tests.emulator.addresses import BAD_FORMAT, UNDECODED, Resource, fetch, inspection
from tests.emulator.call import Call
from tests.emulator.magic import sniff
from tests.emulator.models import Sight
from tests.emulator.sight import PICTURE, VIDEO, Seen
from tests.emulator.wire import ignored, invalid

MEGABYTE = 1024 * 1024
SIZE_RULE = "The image length and width do not meet the model restrictions. "
SMALLEST_SIDE, WIDEST_RATIO = 10, 200            # sides must be larger than the one; the other is still allowed
SHORTEST_VIDEO = 2                               # seconds
MOST_INLINE = 250                                # pictures as base64 in one request
INLINE_VIDEO_MB = 10

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
KINDS = {"image_url": PICTURE, "image": PICTURE, "video_url": VIDEO, "video": VIDEO}


def check(call: Call) -> None:
    for number, message in enumerate(call.messages):
        where, content = f"messages[{number}].content", message.get("content")
        if isinstance(content, list):
            _array(call, message["role"], content, where)
        elif call.native and call.model.multimodal and content:
            raise ignored(where, "must be an array of parts on the multimodal endpoint")
    if call.model.sight:
        _numbers(call, call.model.sight)


def _array(call: Call, role: str, content: List[Any], where: str) -> None:
    blind = not call.model.vision and not (call.native and call.model.multimodal)
    if blind and not _only_cached_text(call, content) and not call.model.can("docs"):
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
    if kind == "doc_url" and not call.model.can("docs") or kind in KINDS and not call.model.vision:
        raise ignored(where, f"{kind} is not taken by {call.model.name}")
    for name in sorted(set(part) & set(OPTIONS)):
        OPTIONS[name](call, part[name], f"{where}.{name}")
    _order_of_bounds(part, where)
    VALUES[kind](call, part, part[kind], where)


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


def _numbers(call: Call, sight: Sight) -> None:
    pictures_seen = sum(one.kind == PICTURE for one in call.seen)
    videos_seen = len(call.seen) - pictures_seen
    if call.model.can("ocr") and pictures_seen != 1:
        raise ignored("messages", f"must hold one picture for {call.model.name}, not {pictures_seen}")
    if pictures_seen > sight.images:
        raise ignored("messages", f"may hold {sight.images} pictures for {call.model.name}, not {pictures_seen}")
    inline = sum(one.inline for one in call.seen if one.kind == PICTURE)
    if inline > MOST_INLINE:
        raise ignored("messages", f"may hold {MOST_INLINE} pictures as base64, not {inline}")
    if videos_seen > sight.videos:
        raise ignored("messages", f"may hold {sight.videos} videos for {call.model.name}, not {videos_seen}")


# Options beside the main key

def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _fps(call: Call, value: Any, where: str) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0.1 <= value <= 10:
        raise ignored(where, "must be in [0.1, 10]")


def _bound(call: Call, value: Any, where: str) -> None:
    sight = call.model.sight
    if sight is None or not sight.pixel_bounds:
        raise ignored(where, f"is not taken by {call.model.name}")
    if not _whole(value) or value > sight.most_pixels:
        raise ignored(where, f"must be an integer from 1 to {sight.most_pixels} for {call.model.name}")
    if call.options.get("vl_high_resolution_images") and where.endswith("max_pixels"):
        raise ignored(where, "does nothing with vl_high_resolution_images")


def _order_of_bounds(part: Dict[str, Any], where: str) -> None:
    if part.get("min_pixels", 0) > part.get("max_pixels", float("inf")):
        raise ignored(f"{where}.min_pixels", "is larger than max_pixels")


def _total_pixels(call: Call, value: Any, where: str) -> None:
    if not _whole(value):
        raise ignored(where, "must be a positive integer")


def _max_frames(call: Call, value: Any, where: str) -> None:
    if not _whole(value) or value > 2000:
        raise ignored(where, "must be an integer up to 2000")


def _enable_rotate(call: Call, value: Any, where: str) -> None:
    if not call.model.can("ocr"):
        raise ignored(where, f"does nothing with {call.model.name}")
    if not isinstance(value, bool):
        raise ignored(where, "must be true or false")


OPTIONS: Dict[str, Callable[[Call, Any, str], None]] = {
    "fps": _fps, "min_pixels": _bound, "max_pixels": _bound, "total_pixels": _total_pixels, "max_frames": _max_frames,
    "enable_rotate": _enable_rotate}


# The main keys

def _text(call: Call, part: Dict[str, Any], value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise ignored(f"{where}.text", "must be a string")


def _url_of(value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ignored(where, 'must be {"url": ...}')
    for name in sorted(set(value) - {"url", "detail"}):
        raise ignored(f"{where}.{name}", "does nothing inside the object; options stand beside it" if name in OPTIONS
                      else "is not known")
    return value.get("url")


def _image_url(call: Call, part: Dict[str, Any], value: Any, where: str) -> None:
    _image(call, part, _url_of(value, f"{where}.image_url"), where)


def _image(call: Call, part: Dict[str, Any], value: Any, where: str) -> None:
    seen = _picture(call, value)
    seen.options = part
    call.seen.append(seen)


def _video_url(call: Call, part: Dict[str, Any], value: Any, where: str) -> None:
    _moving(call, part, _url_of(value, f"{where}.video_url"))


def _moving(call: Call, part: Dict[str, Any], url: Any) -> None:
    seen = _video(call, url)
    seen.options = part
    call.seen.append(seen)


def _video_or_frames(call: Call, part: Dict[str, Any], value: Any, where: str) -> None:
    if isinstance(value, str):
        return _moving(call, part, value)
    fewest, most = call.model.sight.frames
    if not isinstance(value, list) or not fewest <= len(value) <= most:
        allowed = FRAME_RANGES.get(most, f"({fewest}, {most})")
        raise invalid(f"the range of sequence images shoule be {allowed}.", param=where)
    call.seen.append(Seen(VIDEO, part, frames=[_picture(call, frame) for frame in value]))


FRAME_RANGES = {80: "(4,80)"}                    # the service writes this one without a blank


def _documents(call: Call, part: Dict[str, Any], value: Any, where: str) -> None:
    if not isinstance(value, list) or not value:
        raise ignored(where, "must be a list of addresses")
    for document in value:
        fetch(call, document)


VALUES: Dict[str, Callable[[Call, Dict[str, Any], Any, str], None]] = {
    "text": _text,
    "image_url": _image_url,
    "video_url": _video_url,
    "image": _image,
    "video": _video_or_frames,
    "doc_url": _documents,
}


# What is behind the addresses

def _picture(call: Call, url: Any) -> Seen:
    resource = fetch(call, url)
    if resource.address:
        return Seen(PICTURE, address=resource.address)
    _fits(resource, call.model.sight.image_mb)
    _declared(resource)
    try:
        picture = pictures.inspect(resource.data or b"")
    except pictures.UnknownPicture as problem:
        raise inspection(BAD_FORMAT, str(problem)) from None
    except pictures.BadPicture as problem:
        raise inspection(UNDECODED, str(problem)) from None
    _geometry(picture.width, picture.height)
    return Seen(PICTURE, picture=picture, inline=bool(resource.declared))


def _video(call: Call, url: Any) -> Seen:
    resource = fetch(call, url)
    if resource.address:
        return Seen(VIDEO, address=resource.address)
    if call.model.sight.videos:
        _fits(resource, INLINE_VIDEO_MB if resource.declared else call.model.sight.video_mb)
    _declared(resource)
    try:
        video = videos.inspect(resource.head, resource.data)
    except videos.UnknownVideo as problem:
        raise inspection(BAD_FORMAT, str(problem)) from None
    except videos.BadVideo as problem:
        raise invalid(f"Invalid video file. emulator: {problem}") from None
    _duration(call, video.seconds or SHORTEST_VIDEO)
    return Seen(VIDEO, video=video)


def _fits(resource: Resource, megabytes: int) -> None:
    if resource.size > megabytes * MEGABYTE:
        raise invalid("Multimodal file size is too large. "
                      f"emulator: {resource.size} bytes; the limit is {megabytes} MB")


def _declared(resource: Resource) -> None:
    """A data URL must name what it holds."""
    known = sniff(resource.head)
    if resource.declared and known and resource.declared not in known.mimes:
        raise inspection(BAD_FORMAT, f"the data URL says {resource.declared}, the bytes are {known.name}")


def _geometry(width: int, height: int) -> None:
    if min(width, height) <= SMALLEST_SIDE:
        raise invalid(f"{SIZE_RULE}[height:{height} or width:{width} must be larger than {SMALLEST_SIDE}]")
    ratio = max(width, height) / min(width, height)
    if ratio > WIDEST_RATIO:
        raise invalid(f"{SIZE_RULE}[absolute aspect ratio must be smaller than {WIDEST_RATIO}, got {ratio}]")


def _duration(call: Call, seconds: float) -> None:
    longest = call.model.sight.video_seconds
    if seconds < SHORTEST_VIDEO:
        raise invalid(f"Invalid video file. emulator: {seconds} s is shorter than {SHORTEST_VIDEO} s")
    if seconds > longest:
        raise invalid("The video file is too long. "
                      f"emulator: {seconds} s; the limit of {call.model.name} is {longest} s")
