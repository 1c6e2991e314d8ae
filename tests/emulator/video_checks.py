"""A video call read and judged: what the service refuses, what it would take and then ignore, and how the video will be."""
from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import urlsplit

from tests.emulator import addresses, drawing, image_checks, sounds, videos
from tests.emulator.image_checks import EMPTY_INPUT, MEGABYTE, NO_DOWNLOAD
from tests.emulator.magic import IMAGE, sniff
from tests.emulator.video_models import (ANYTHING, AREAS, ASPECTS, CLIP, FUNCTIONS, NEW_SIZES, OLD_PICTURE, PICTURE,
                                         REFERENCE_VOICE, SOUND, WAN_PICTURE, Medium, VideoModel, tier_of)
from tests.emulator.wire import Exchange, Refusal, ignored, invalid

CLIP_ENDING = re.compile(r".*\.(mp4|mov|avi|mkv|flv|webm)", re.IGNORECASE)
R2V_CLIP = Medium(CLIP, frozenset(("MP4", "MOV")), (240, 4096), seconds=(1, 30))
CHOSEN_SECONDS = 7                     # what a model says that may choose how long its video is
EXCLUSIVE = "The two modes are mutually exclusive."


@dataclass(frozen=True)
class Seen:
    """A medium that came in; what is unknown is 0, because it lies elsewhere."""
    role: str
    kind: str
    width: int = 0
    height: int = 0
    seconds: float = 0
    colour: Optional[Tuple[int, ...]] = None


@dataclass
class VideoCall:
    """A call while it is judged. `exchange` and `model` are what `addresses.fetch` looks at."""
    exchange: Exchange
    model: VideoModel
    input: Dict[str, Any]
    options: Dict[str, Any]
    seen: List[Seen] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        return str(self.input.get("prompt") or "")

    @property
    def types(self) -> List[str]:
        return [item["type"] for item in self.input.get("media", ())]

    def of(self, *kinds: str) -> List[Seen]:
        return [one for one in self.seen if one.kind in kinds]


@dataclass(frozen=True)
class Job:
    """What is left of a call that was accepted: enough to make its video and to bill it."""
    model: VideoModel
    prompt: str
    width: int
    height: int
    tier: str                          # as 720P
    seconds: float
    input_seconds: float               # those that are billed
    fps: int
    colour: Tuple[int, ...]
    ratio: str                         # as the usage tells it
    quality: str                       # of the models that have a mode
    told: Dict[str, str]               # the prompts beside the address
    watermark: bool
    sound: bool
    audio: Optional[bool]              # of the models that can be told to be silent
    roles: Tuple[str, ...]


def read(exchange: Exchange, body: Dict[str, Any], model: VideoModel) -> Job:
    """Raises the first refusal."""
    for name in sorted(set(body) - {"model", "input", "parameters"}):
        raise ignored(name, "is not known; generation settings belong into 'parameters'")
    if not isinstance(body.get("input"), dict) or not body["input"]:
        raise EMPTY_INPUT
    options = body.get("parameters", {})
    if not isinstance(options, dict):
        raise invalid("'parameters' must be Dict")
    call = VideoCall(exchange, model, body["input"], options)
    for check in CHECKS:
        check(call)
    call.seen = [_look(call, *given) for given in _given(call)]
    for check in LATER_CHECKS:
        check(call)
    return _job(call)


# Input

def fields(call: VideoCall) -> None:
    model, given = call.model, call.input
    for name in model.required:
        if given.get(name) in (None, "", []):
            raise invalid(f'Required parameter "{name}" missing from request.', param=name)
    if model.media and model.name.startswith(NEEDS_MEDIA) and not given.get("media"):
        raise invalid('Required parameter "media" missing from request.', param="media")
    known = {**model.inputs, **model.fields, **model.lists, **({"media": None} if model.media else {})}
    for name, value in given.items():
        if name not in known:
            raise ignored(f"input.{name}", f"is not taken by {model.name}")
        wrong = model.inputs[name](value) if name in model.inputs else ""
        if wrong:
            raise invalid(f"emulator: 'input.{name}' {wrong}", param=name)
    for name, (_, most) in model.lists.items():
        if name in given and (not isinstance(given[name], list) or not 1 <= len(given[name]) <= most):
            raise invalid(f"emulator: 'input.{name}' must be a list of 1 to {most} addresses", param=name)


NEEDS_MEDIA = ("wan2.7-i2v", "wan2.7-r2v", "wan2.7-videoedit", "happyhorse")


def prompt(call: VideoCall) -> None:
    """More would be cut off without a word."""
    model, said = call.model, call.prompt
    if "prompt" in model.required and not said.strip():
        raise invalid('Required parameter "prompt" missing from request.', param="prompt")
    count = len(said) if model.wide == 1 else sum(model.wide if _wide(letter) else 1 for letter in said)
    if count > model.characters:
        raise ignored("prompt", f"counts {count} characters; {model.name} reads {model.characters}")


def _wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def parameters(call: VideoCall) -> None:
    model, function = call.model, FUNCTIONS.get(call.input.get("function", "")) if call.model.lists else None
    rules = {**model.parameters, **(function.parameters if function else {})}
    for name, value in call.options.items():
        if name not in rules:
            if model.has("open"):
                continue
            raise ignored(name, f"is not taken by {model.name}" + (f" with {call.input['function']}" if function else ""))
        wrong = rules[name](value)
        if wrong:
            raise invalid(f"{WORDS.get(name, '')}emulator: {name!r} {wrong}", param=name)
    for name in model.needed:
        if name not in call.options:
            raise invalid(f'Required parameter "{name}" missing from request.', param=name)


WORDS = {"size": "The size is not match. ", "resolution": "The resolution is not valid. "}


def media(call: VideoCall) -> None:
    items, model = call.input.get("media", []), call.model
    if not isinstance(items, list) or "media" in call.input and not items:
        raise invalid("emulator: 'input.media' must be a list of media", param="media")
    for item in items:
        if not isinstance(item, dict) or item.get("type") not in model.media or "url" not in item:
            raise invalid(f'emulator: \'input.media\' must hold {{"type": ..., "url": ...}} with the types {", ".join(model.media)}',
                          param="media")
        for name in sorted(set(item) - {"type", "url"}):
            voiced = name == "reference_voice" and item["type"].startswith("reference_") and model.name.startswith("wan2.7-r2v")
            if not voiced and model.usage != "vendor":
                raise ignored(f"input.media.{name}", f"is not taken with {item['type']}")
    types = call.types
    for name in set(types):
        if types.count(name) > model.media[name][1]:
            raise invalid(f"emulator: 'input.media' may hold {model.media[name][1]} of the type {name}", param="media")
    if model.sets and frozenset(types) not in model.sets:
        legal = "; ".join(" + ".join(sorted(some)) for some in model.sets)
        raise invalid(f"emulator: {model.name} does not take {' + '.join(sorted(types))} together; legal: {legal}", param="media")
    for names, low, high in model.totals:
        if not low <= sum(name in names for name in types) <= high:
            raise invalid(f"emulator: 'input.media' must hold {low} to {high} of {', '.join(sorted(names))}", param="media")


# What only some families have

def wan_reference(call: VideoCall) -> None:
    if not call.model.name.startswith("wan2.7-r2v"):
        return
    if "first_frame" in call.types and "ratio" in call.options:
        raise ignored("ratio", "does nothing beside a first_frame")
    if "reference_video" in call.types and call.options.get("duration", 5) > 10:
        raise invalid("emulator: 'duration' must be in [2, 10] with a reference_video", param="duration")


def wan3(call: VideoCall) -> None:
    if not call.model.name.startswith("wan3.0"):
        return
    types = set(call.types)
    if not types and not call.prompt.strip():
        raise invalid('Required parameter "prompt" missing from request.', param="prompt")
    frames = types & {"first_frame", "last_frame"}
    if frames and types - frames or {"file", "link"} <= types:
        raise invalid(EXCLUSIVE, param="media")


def shots(call: VideoCall) -> None:
    if "shot_type" in call.options and call.options.get("prompt_extend") is False:
        raise ignored("shot_type", "does nothing without prompt_extend")


def silent(call: VideoCall) -> None:
    if call.options.get("audio") is False and "audio_url" in call.input:
        raise ignored("input.audio_url", "does nothing when 'audio' is false")


def template(call: VideoCall) -> None:
    if call.input.get("template"):
        for name in ("prompt", "last_frame_url"):
            if call.input.get(name):
                raise ignored(f"input.{name}", "does nothing beside a template")


def references(call: VideoCall) -> None:
    if not call.model.name.startswith("wan2.6-r2v"):
        return
    if ("reference_urls" in call.input) == ("reference_video_urls" in call.input):
        raise invalid('Required parameter "reference_urls" missing from request.', param="reference_urls")


def vace(call: VideoCall) -> None:
    function = FUNCTIONS.get(call.input.get("function", ""))
    if function is None or "function" not in call.model.inputs:
        return
    given, name = set(call.input) - {"function", "prompt"}, call.input["function"]
    for missing in sorted(function.needed - given):
        raise invalid(f'Required parameter "{missing}" missing from request.', param=missing)
    for other in sorted(given - function.needed - function.others):
        raise ignored(f"input.{other}", f"is not taken with {name}")
    VACE_CHECKS.get(name, lambda call, given: None)(call, given)


def _image_reference(call: VideoCall, given: Any) -> None:
    count = len(call.input["ref_images_url"])
    if "obj_or_bg" in call.options and len(call.options["obj_or_bg"]) != count or "obj_or_bg" not in call.options and count > 1:
        raise invalid("ref_images_url and obj_or_bg must be the same length.", param="obj_or_bg")


def _video_repainting(call: VideoCall, given: Any) -> None:
    if "control_condition" not in call.options:
        raise invalid('Required parameter "control_condition" missing from request.', param="control_condition")
    _one_reference(call)


def _video_edit(call: VideoCall, given: Any) -> None:
    if ("mask_image_url" in given) == ("mask_video_url" in given):
        raise invalid('Required parameter "mask_image_url" missing from request. emulator: one of mask_image_url and mask_video_url',
                      param="mask_image_url")
    if call.options.get("mask_type") == "fixed":
        for name in ("expand_ratio", "expand_mode"):
            if name in call.options:
                raise ignored(name, "does nothing with mask_type fixed")
    _one_reference(call)


def _video_extension(call: VideoCall, given: Any) -> None:
    if not given - {"video_url"}:
        raise invalid('Required parameter "first_frame_url" missing from request. emulator: or another frame or clip',
                      param="first_frame_url")
    if "video_url" in given and not call.options.get("control_condition"):
        raise invalid('Required parameter "control_condition" missing from request.', param="control_condition")


def _one_reference(call: VideoCall) -> None:
    if len(call.input.get("ref_images_url", ())) > 1:
        raise ignored("input.ref_images_url", f"may hold one picture with {call.input['function']}")


VACE_CHECKS: Dict[str, Callable[[VideoCall, Any], None]] = {
    "image_reference": _image_reference, "video_repainting": _video_repainting, "video_edit": _video_edit,
    "video_extension": _video_extension}


def vendors(call: VideoCall) -> None:
    name, count = call.model.name, len(call.input.get("media", ()))
    low, high = next((many for ending, many in VENDOR_MEDIA.items() if name.startswith(("vidu/", "pixverse/")) and name.endswith(ending)),
                     (0, 99))
    if not low <= count <= high:
        raise invalid(f"emulator: {name} takes {low} to {high} media", param="media")
    if name.startswith("pixverse/"):
        wanted = "size" if name.endswith(("-t2v", "-r2v")) else "resolution" if name.endswith(("-it2v", "-kf2v")) else ""
        if wanted and wanted not in call.options:
            raise invalid(f'Required parameter "{wanted}" missing from request.', param=wanted)
    told = call.prompt.strip() or call.input.get("multi_prompt") or call.input.get("media")
    if call.model.usage == "vendor" and not told:
        raise invalid('Required parameter "prompt" missing from request.', param="prompt")


VENDOR_MEDIA = {"_text2video": (0, 0), "_img2video": (1, 1), "_start-end2video": (2, 2), "_reference2video": (1, 7), "-t2v": (0, 0),
                "-it2v": (1, 1), "-kf2v": (2, 2), "-r2v": (1, 7)}
CHECKS: Tuple[Callable[[VideoCall], None], ...] = (fields, prompt, parameters, media, wan_reference, wan3, shots, silent, template,
                                                   references, vace, vendors)


# Media that go in

def _given(call: VideoCall) -> List[Tuple[str, Medium, Any]]:
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


def _look(call: VideoCall, role: str, medium: Medium, address: Any) -> Seen:
    model, emulator = call.model, call.exchange.emulator
    if not isinstance(address, str) or not address:
        raise invalid(f"emulator: the address of {role} must be a string", param=role)
    if address.startswith("data:") and not medium.data:
        raise _bad("URL", f"{model.name} takes no data URLs as {role}")
    if address.startswith("oss://"):
        if call.exchange.headers.get("x-dashscope-ossresourceresolve") != "enable":
            raise addresses.inspection(NO_DOWNLOAD, "oss:// needs the header X-DashScope-OssResourceResolve")
        if not medium.uploads and not emulator.doubtful_uploads:
            raise _bad("URL", f"oss:// is not documented for {role} of {model.name}")
    if model.name.startswith("wanx2.1-vace") and any(map(_wide, address)):
        raise _bad("URL", f"the address of {role} holds characters that {model.name} does not take")
    try:
        resource = addresses.fetch(call, address)       # type: ignore[arg-type]
    except Refusal as refusal:
        if address.startswith("http") and refusal.message.startswith("Failed to download"):
            raise addresses.inspection(NO_DOWNLOAD) from None
        raise
    if resource.address:
        return _elsewhere(call, role, medium, resource.address)
    if resource.size > medium.megabytes * MEGABYTE:
        raise _bad("Size", f"{role} has {resource.size} bytes; {model.name} takes {medium.megabytes} MB")
    if medium.kind == ANYTHING:
        medium = _chosen(call, medium, resource)
    return LOOKS[medium.kind](call, role, medium, resource)


def _bad(what: str, why: str) -> Refusal:
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
        raise _bad("Format", f"{known.name if known else 'an unknown format'} is not taken as {role} by {call.model.name}")
    if resource.declared and resource.declared not in known.mimes:
        raise _bad("Format", f"the data URL says {resource.declared}, the bytes are {known.name}")
    look, transparent = image_checks.remembered(call.exchange.emulator, resource.data, known.name)
    if transparent and not medium.alpha:
        raise _bad("Format", f"{call.model.name} takes no PNG with an alpha channel")
    _fits(call, role, medium, look.width, look.height)
    return Seen(role, PICTURE, look.width, look.height, colour=look.colour)


def _clip(call: VideoCall, role: str, medium: Medium, resource: addresses.Resource) -> Seen:
    try:
        video = videos.inspect(resource.head, resource.data)
    except videos.UnknownVideo as problem:
        raise _bad("Format", f"{role}: {problem}") from None
    except videos.BadVideo as problem:
        raise _bad("Openerror", f"{role}: {problem}") from None
    if video.format not in medium.formats:
        raise _bad("Format", f"{video.format} is not taken as {role} by {call.model.name}")
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
        raise _bad("Openerror", f"{role}: {problem}") from None
    _lasts(call, role, medium, sound.seconds)
    return Seen(role, SOUND, seconds=sound.seconds)


LOOKS: Dict[str, Callable[[VideoCall, str, Medium, addresses.Resource], Seen]] = {PICTURE: _picture, CLIP: _clip, SOUND: _sound}


def _fits(call: VideoCall, role: str, medium: Medium, width: int, height: int) -> None:
    least, most = min(width, height), max(width, height)
    if not medium.side[0] <= least or not most <= medium.side[1]:
        raise _bad("Resolution", f"{role} has {width}*{height}; {call.model.name} takes sides from {medium.side[0]} to {medium.side[1]}")
    if most > medium.ratio * least:
        raise _bad("AspectRatio", f"{role} has {width}*{height}; {call.model.name} takes aspect ratios up to {medium.ratio}:1")


def _lasts(call: VideoCall, role: str, medium: Medium, seconds: float) -> None:
    low, high = medium.seconds
    if not low - 0.001 <= seconds <= high + 0.001:
        raise _bad("Duration", f"{role} has {seconds:g} s. The file duration must be {low:g} s ~ {high:g} s for {call.model.name}")


# What depends on the media themselves

def reference_kinds(call: VideoCall) -> None:
    if call.model.name.startswith("wan2.6-r2v") and len(call.of(CLIP)) > 3:
        raise invalid("emulator: 'input.reference_urls' may hold 3 videos", param="reference_urls")


def wan3_seconds(call: VideoCall) -> None:
    if not call.model.name.startswith("wan3.0"):
        return
    for role in ("reference_video", "reference_audio"):
        total = sum(one.seconds for one in call.seen if one.role == role)
        if total > 15:
            raise _bad("Duration", f"all {role} together have {total:g} s; 15 s are taken")
    if sum(one.seconds for one in call.of(CLIP)) + max(0, call.options.get("duration", 5)) > 30:
        raise _bad("Duration", "the videos that go in and come out have more than 30 s together")


def masks(call: VideoCall) -> None:
    sizes = {(one.width, one.height) for one in call.seen
             if one.role in ("video_url", "mask_image_url", "mask_video_url") and one.width}
    if len(sizes) > 1 and call.input.get("function") == "video_edit":
        raise _bad("Resolution", f"the mask and the video differ: {sorted(sizes)}")


LATER_CHECKS: Tuple[Callable[[VideoCall], None], ...] = (reference_kinds, wan3_seconds, masks)


# How the video will be

def _job(call: VideoCall) -> Job:
    model, options = call.model, call.options
    length, came_in = _seconds(call)
    width, height, tier, ratio = _geometry(call)
    told = {"orig_prompt": call.prompt} if model.has("orig") and call.prompt else {}
    if told and model.has("actual") and options.get("prompt_extend") is not False:
        told["actual_prompt"] = call.prompt + ", in soft light, with much detail"
    colour = next((one.colour for one in call.seen if one.colour), None) or drawing.colour_of(call.prompt)
    given = options.get("watermark", call.input.get("watermark", model.has("marked")))
    audio = options.get("audio", model.usage != "vendor") if "audio" in model.parameters else None
    return Job(model, call.prompt, width, height, tier, length, came_in, options.get("video_fps", model.fps), colour, ratio,
               options.get("mode", ""), told, given is True, model.sound if audio is None else audio, audio,
               tuple(one.role for one in call.seen))


def _seconds(call: VideoCall) -> Tuple[float, float]:
    """(seconds of the video, seconds of the input that are billed)"""
    model = call.model
    clips = sum(one.seconds for one in call.of(CLIP))
    asked = call.options.get("duration", model.seconds)
    if asked is None:                  # the input decides
        asked = clips or sum(one.seconds for one in call.of(SOUND))
        asked = min(asked, model.billed_input) if model.billed_input else asked
    elif model.name.startswith("wan2.7-videoedit"):
        asked = clips = min(asked, clips) if asked else clips
    elif asked == -1:
        asked = CHOSEN_SECONDS
    came_in = min(clips, model.billed_input)
    if model.has("float"):
        return round(float(asked), 2), round(float(came_in), 2)
    return ceil(asked - 0.001), ceil(came_in - 0.001)


def _geometry(call: VideoCall) -> Tuple[int, int, str, str]:
    """(width, height, tier, ratio)"""
    model, options = call.model, call.options
    if model.size and not (model.lists and "function" in model.inputs and "video_url" in call.input):
        size = options.get("size", model.size)
        width, height = map(int, size.split("*"))
        return width, height, tier_of(size), f"{width}:{height}"
    tier, ratio = options.get("resolution", model.resolution or "720P"), options.get("ratio", model.ratio)
    tier = {"std": "720P", "pro": "1080P", "4k": "4K"}.get(options.get("mode", ""), tier)
    if model.usage == "style":
        tier = f"{options.get('min_len', 720)}P"
    ratio = options.get("aspect_ratio", "" if "first_frame" in call.types or ratio == "adaptive" else ratio)
    if ratio in ASPECTS:
        table = NEW_SIZES.get(tier)
        if table and ratio in RATIO_NAMES:
            return (*table[RATIO_NAMES.index(ratio)], tier, ratio)
        return (*_shaped(tier, *ASPECTS[ratio]), tier, ratio)
    kinds = (CLIP,) if model.has("follows_video") else (PICTURE, CLIP)
    shape = next(((one.width, one.height) for one in call.of(*kinds) if one.width), (16, 9))
    return (*_shaped(tier, *shape), tier, ratio or "16:9")


RATIO_NAMES = ("16:9", "9:16", "1:1", "4:3", "3:4")


def _shaped(tier: str, across: int, down: int) -> Tuple[int, int]:
    """The area of the tier in this shape; sides are multiples of 16."""
    area = AREAS.get(tier, AREAS["720P"])
    return tuple(max(16, int(sqrt(area * part) + 1e-6) // 16 * 16) for part in (across / down, down / across))  # type: ignore[return-value]
