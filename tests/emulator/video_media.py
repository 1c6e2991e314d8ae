"""The media of a video call: where they are, and whether they are what their place takes."""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Tuple
from urllib.parse import urlsplit

from tests.emulator import addresses, sounds, videos
from tests.emulator.looks import MEGABYTE, fetch, remembered
from tests.emulator.magic import IMAGE, sniff
from tests.emulator.video_call import Seen, VideoCall, wide
from tests.emulator.video_models import (ANYTHING, CLIP, DOCUMENT, OLD_PICTURE, PAGE, PICTURE, REFERENCE_VOICE, SOUND, WAN_PICTURE,
                                         Medium)
from tests.emulator.wire import Refusal, invalid

CLIP_ENDING = re.compile(r".*\.(mp4|mov|avi|mkv|flv|webm)", re.IGNORECASE)
R2V_CLIP = Medium(CLIP, frozenset(("MP4", "MOV")), (240, 4096), seconds=(1, 30))


def places(call: VideoCall) -> List[Tuple[str, Medium, Any]]:
    """(role, limits, address) of all media, in the order of the request."""
    model, found = call.model, []
    for name, value in call.input.items():
        if name in model.fields:
            found.append((name, model.fields[name], value))
        elif name in model.lists:
            found += [(name, model.lists[name][0], address) for address in value]
    for item in call.input.get("media", ()):
        found.append((item["type"], model.media[item["type"]][0], item["url"]))
        if "reference_voice" in item:
            found.append(("reference_voice", REFERENCE_VOICE, item["reference_voice"]))
    return found


def look(call: VideoCall, role: str, medium: Medium, address: Any) -> Seen:
    model, emulator = call.model, call.exchange.emulator
    if not isinstance(address, str) or not address:
        raise invalid(f"emulator: the address of {role} must be a string", param=role)
    if address.startswith("data:") and not medium.data:
        raise bad("URL", f"{model.name} takes no data URLs as {role}")
    uploaded = address.startswith("oss://")
    if uploaded and not medium.uploads and not emulator.doubtful_uploads and resolves(call):
        raise bad("URL", f"oss:// is not documented for {role} of {model.name}")
    if model.name.startswith("wanx2.1-vace") and any(map(wide, address)):
        raise bad("URL", f"the address of {role} holds characters that {model.name} does not take")
    resource = fetch(call, address)
    if medium.kind in (DOCUMENT, PAGE):
        return _paper(call, role, medium, address, resource)
    if resource.address:
        return _elsewhere(call, role, medium, resource.address)
    if resource.size > medium.megabytes * MEGABYTE:
        raise bad("Size", f"{role} has {resource.size} bytes; {model.name} takes {medium.megabytes} MB")
    if medium.kind == ANYTHING:
        medium = _chosen(call, medium, resource)
    return LOOKS[medium.kind](call, role, medium, resource)


def _paper(call: VideoCall, role: str, medium: Medium, address: str, resource: addresses.Resource) -> Seen:
    """A document is told by the ending of its name; a page must lie in the web."""
    if medium.kind == PAGE and not resource.address:
        raise bad("URL", f"{role} must be the address of a web page")
    ending = urlsplit(address).path.rpartition(".")[2].lower()
    if medium.kind == DOCUMENT and ending not in medium.formats:
        raise bad("Format", f"a name that ends in .{ending} is not taken as {role} by {call.model.name}")
    if resource.size > medium.megabytes * MEGABYTE:
        raise bad("Size", f"{role} has {resource.size} bytes; {call.model.name} takes {medium.megabytes} MB")
    return Seen(role, medium.kind)


def resolves(call: VideoCall) -> bool:
    return call.exchange.headers.get("x-dashscope-ossresourceresolve") == "enable"


def bad(what: str, why: str) -> Refusal:
    if what == "URL":
        return invalid(f"Invalid URL provided in your request. emulator: {why}", native="InvalidURL")
    return invalid(f"Invalid file {what.lower()}. emulator: {why}", native=f"InvalidFile.{what}")


def _elsewhere(call: VideoCall, role: str, medium: Medium, address: str) -> Seen:
    """Its kind is that of the place, or told by the name; how long it is, by a setting."""
    kind = medium.kind
    if kind == ANYTHING:
        kind = CLIP if CLIP_ENDING.fullmatch(urlsplit(address).path) else PICTURE
    return Seen(role, kind, seconds=0 if kind == PICTURE else float(call.exchange.emulator.web_seconds))


def _chosen(call: VideoCall, medium: Medium, resource: addresses.Resource) -> Medium:
    """The limits of a place that takes pictures as well as videos."""
    known, strict = sniff(resource.head), call.model.name.startswith("wan2.6-r2v")
    if known is not None and known.kind == IMAGE:
        return WAN_PICTURE if strict else OLD_PICTURE if call.model.name.startswith("wan") else Medium(PICTURE, ALL_PICTURES)
    if sounds.format_of(resource.head):
        return Medium(SOUND)
    return R2V_CLIP if strict else Medium(CLIP, ALL_CLIPS)


ALL_PICTURES = frozenset(("PNG", "JPEG", "BMP", "WebP", "TIFF"))
ALL_CLIPS = frozenset(("MP4", "MOV", "AVI", "MKV", "FLV", "WMV"))


def _picture(call: VideoCall, role: str, medium: Medium, resource: addresses.Resource) -> Seen:
    known = sniff(resource.head)
    if known is None or known.name not in medium.formats or resource.data is None:
        raise bad("Format", f"{known.name if known else 'an unknown format'} is not taken as {role} by {call.model.name}")
    if resource.declared and resource.declared not in known.mimes:
        raise bad("Format", f"the data URL says {resource.declared}, the bytes are {known.name}")
    look, transparent = remembered(call.exchange.emulator, resource.data, known.name)
    if transparent and not medium.alpha:
        raise bad("Format", f"{call.model.name} takes no PNG with an alpha channel")
    _fits(call, role, medium, look.width, look.height)
    return Seen(role, PICTURE, look.width, look.height, colour=look.colour)


def _clip(call: VideoCall, role: str, medium: Medium, resource: addresses.Resource) -> Seen:
    try:
        video = videos.inspect(resource.head, resource.data)
    except videos.UnknownVideo as problem:
        raise bad("Format", f"{role}: {problem}") from None
    except videos.BadVideo as problem:
        raise bad("Openerror", f"{role}: {problem}") from None
    if video.format not in medium.formats:
        raise bad("Format", f"{video.format} is not taken as {role} by {call.model.name}")
    if video.width:
        _fits(call, role, medium, video.width, video.height)
    if video.seconds is not None:
        _lasts(call, role, medium, video.seconds)
    return Seen(role, CLIP, video.width, video.height, video.seconds or float(call.exchange.emulator.web_seconds))


def _sound(call: VideoCall, role: str, medium: Medium, resource: addresses.Resource) -> Seen:
    try:
        sound = sounds.inspect(resource.data or b"")
    except sounds.UnknownSound:
        raise invalid("File type is not supported. Allowed types are: .wav, .mp3.", native="InvalidURL") from None
    except sounds.BadSound as problem:
        raise bad("Openerror", f"{role}: {problem}") from None
    _lasts(call, role, medium, sound.seconds)
    return Seen(role, SOUND, seconds=sound.seconds)


LOOKS: Dict[str, Callable[[VideoCall, str, Medium, addresses.Resource], Seen]] = {PICTURE: _picture, CLIP: _clip, SOUND: _sound}


def _fits(call: VideoCall, role: str, medium: Medium, width: int, height: int) -> None:
    least, most = min(width, height), max(width, height)
    if not medium.side[0] <= least or not most <= medium.side[1]:
        raise bad("Resolution", f"{role} has {width}*{height}; {call.model.name} takes sides from {medium.side[0]} to {medium.side[1]}")
    if most > medium.ratio * least:
        raise bad("AspectRatio", f"{role} has {width}*{height}; {call.model.name} takes aspect ratios up to {medium.ratio}:1")


def _lasts(call: VideoCall, role: str, medium: Medium, seconds: float) -> None:
    low, high = medium.seconds
    if not low - 0.001 <= seconds <= high + 0.001:
        raise bad("Duration", f"{role} has {seconds:g} s. The file duration must be {low:g} s ~ {high:g} s for {call.model.name}")
