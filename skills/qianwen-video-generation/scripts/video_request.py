"""What is asked for, and the pure builder that turns it into a request of the model's family. No I/O here.

Source: sections 1.2, 1.6, 2.2 and 6 of the video contract.
"""
from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import dataclass, field

from shared.body import apply_native_settings, apply_settings
from shared.failures import usage
from shared.media.uploads import oss_headers
from video_models import DEFAULTS, FIELDS, FUNCTIONS, MODELS, Way, models_that

# A request, ready but for the host. `seconds` is how long the video will be, 0 when its inputs decide; `tier` the resolution.
Call = namedtuple("Call", "path body headers mode tier seconds")

ROLES = {  # role -> the flag that fills it
    "image": "--image", "last_frame": "--last-frame", "reference": "--reference", "video": "--video", "audio": "--audio",
    "mask": "--mask", "mask_video": "--mask"}
NEGATIVE = 500  # characters
OWN_FLAGS = {"control_condition": "--control", "strength": "--strength"}  # of the functions' own parameters


@dataclass
class Ask:
    """What the user wants, independent of any model. Media are looked at; fields left at None are not sent."""

    prompt: str | None = None
    image: object = None
    last_frame: object = None
    references: list = field(default_factory=list)  # pictures and videos in the order the prompt counts them
    voices: list = field(default_factory=list)  # a sound for each reference
    video: object = None
    audio: object = None
    mask: object = None
    model: str | None = None
    mode: str | None = None
    function: str | None = None
    resolution: str | None = None
    size: tuple | None = None
    ratio: str | None = None
    duration: int | None = None
    negative: str | None = None
    seed: int | None = None
    prompt_extend: bool | None = None
    watermark: bool | None = None
    shot: str | None = None
    sound: bool | None = None
    keep_sound: bool | None = None
    template: str | None = None
    style: int | None = None
    strength: float | None = None
    control: str | None = None
    quality: str | None = None
    request: dict | None = None
    settings: list = field(default_factory=list)

    def roles(self) -> set:
        """The roles that are filled."""
        found = {name for name in ("image", "last_frame", "video", "audio") if getattr(self, name)}
        if self.references:
            found.add("reference")
        if self.mask:
            found.add("mask_video" if is_video(self.mask) else "mask")
        return found

    def wanted_mode(self) -> str:
        """The mode, as named or as the inputs tell it."""
        if self.mode:
            return self.mode
        roles = self.roles()
        return "edit" if "video" in roles else "r2v" if "reference" in roles else "kf2v" if "last_frame" in roles else \
            "i2v" if "image" in roles else "t2v"

    def model_name(self) -> str:
        """The model that is asked: the one named, else the default for what is wanted."""
        if self.model:
            return self.model
        if self.request and isinstance(self.request.get("model"), str):
            return self.request["model"]
        if self.function:
            return "wanx2.1-vace-plus"
        if self.mode == "i2v" and self.video:
            return DEFAULTS["i2v"]
        return DEFAULTS[self.wanted_mode()]


def is_video(media) -> bool:
    """Whether a medium is a video: by its bytes, for an address by its ending."""
    return media.media_type.startswith("video/") if media.media_type else _is_video_address(media.url)


def _is_video_address(url) -> bool:
    return isinstance(url, str) and bool(re.match(r"[^?#]*\.(mp4|mov|avi|mkv|webm|flv)([?#]|$)", url, re.IGNORECASE))


def build_request(ask: Ask, model) -> tuple:
    """(the Call, remarks for the user) for a model's row. Raises usage for whatever the service would refuse or ignore."""
    if ask.request is not None:
        return _from_request(ask, model), []
    way = way_of(ask, model)
    _check(ask, model, way)
    body = {"model": model.id, "input": {}, "parameters": {}}
    if ask.prompt is not None:
        body["input"]["prompt"] = ask.prompt
    if ask.function:
        body["input"]["function"] = ask.function
    _put_media(body, ask, model, way)
    _put_geometry(body, ask, model, way)
    _put_duration(body, ask, model, way)
    call = _finish(body, ask, model, way)
    if ask.function:
        _check_function(ask, call.body["parameters"])
    if way.continues and ask.video.seconds:
        _check_length(ask, way, call.seconds)
    return call, _remarks(ask, model)


def _from_request(ask: Ask, model) -> Call:
    """A whole body of the API, with flags put on top."""
    body = ask.request
    if not isinstance(body.get("input"), dict) or not isinstance(body.get("parameters") or {}, dict):
        raise usage("--request: the body has no 'input' object, or its 'parameters' are none",
                    "give a body of the native API: model, input, parameters")
    if ask.roles() or ask.voices or ask.function:
        raise usage("pictures, videos, sounds and --function do not go with --request", "name them in the body")
    body = {**body, "model": model.id, "input": dict(body["input"]), "parameters": dict(body.get("parameters") or {})}
    if ask.prompt is not None:
        body["input"]["prompt"] = ask.prompt
    way = _way_of_body(body, model)
    _check_fields(ask, model)
    if ask.resolution or ask.size or ask.ratio:
        _put_geometry(body, ask, model, way)
    _put_duration(body, ask, model, way)
    return _finish(body, ask, model, way)


def _finish(body: dict, ask: Ask, model, way) -> Call:
    """The rest of the body, and what the whole of it says of length and resolution."""
    _put_fields(body, ask, model)
    apply_native_settings(body, ask.settings)
    parameters = body["parameters"]
    for name, value in model.sends.items():
        parameters.setdefault(name, value)
    if ask.function == "image_reference":
        parameters.setdefault("obj_or_bg", ["obj"] * len(ask.references))
    for names in model.needs:
        if not any(name in parameters for name in names):
            raise usage(f"{model.id} needs {' or '.join('--' + name for name in names)}", "it has no default for it")
    return Call(model.path, body, {"X-DashScope-Async": "enable", **oss_headers(body)}, way.mode, _tier(parameters, model.geometry),
                _seconds(parameters, way))


def _tier(parameters: dict, geometry) -> str:
    """What the price depends on: the resolution, told by its name or by the size in pixels; without such a thing the mode."""
    if geometry.kind == "none":
        return str(parameters.get("mode", ""))
    if geometry.kind == "size" and "size" in parameters:
        sizes = {f"{width}*{height}": tier for tier in geometry.tiers for width, height in geometry.table[tier].values()}
        return sizes.get(str(parameters["size"]), str(parameters["size"]))
    named = parameters.get("resolution")
    return named if isinstance(named, str) else geometry.default


def _seconds(parameters: dict, way) -> float:
    """How long the video will be, 0 when its inputs decide or the model does."""
    usual = 5 if 5 in way.duration and 0 not in way.duration else 0
    duration = parameters.get("duration", usual)
    known = isinstance(duration, (int, float)) and not isinstance(duration, bool) and duration > 0
    return duration if known else 0


# ---- the way a model is used -----------------------------------------------------------------------------------------

def way_of(ask: Ask, model):
    """The Way that fits the inputs; a contradiction between inputs, --mode and model is refused naming all of them."""
    roles = ask.roles()
    if ask.function and model.ways:
        raise usage(f"{model.id} takes no --function", "models that do: wanx2.1-vace-plus")
    way = _way_by_inputs(ask, model, roles) if model.ways else _function_way(ask, model, roles)
    if ask.mode and ask.mode != way.mode:
        raise usage(f"--mode {ask.mode} and {_said(roles)} contradict each other: with {model.id} that is {way.mode}",
                    "leave out --mode, or give what the mode needs: i2v --image; kf2v --image and --last-frame; r2v --reference; "
                    "edit --video")
    return way


def _way_by_inputs(ask: Ask, model, roles: set):
    fitting = [way for way in model.ways if set(way.inputs) == roles]
    if not fitting:
        raise usage(f"{model.id} does not take {_said(roles)}", f"{_missing(model, roles)}it takes {_ways(model)}{_others(roles)}")
    return next((way for way in fitting if way.mode == ask.mode), fitting[0])


def _missing(model, roles: set) -> str:
    """What is to be added for the nearest way that has all inputs given, where there is such a way."""
    more = [set(way.inputs) - roles for way in model.ways if set(way.inputs) > roles]
    least = min(map(len, more), default=0)
    flags = dict.fromkeys(_said(one) for one in more if len(one) == least)
    return f"add {' or '.join(flags)}; " if flags else ""


def _way_of_body(body: dict, model):
    """The Way that a body of the API takes, as far as it can be told."""
    roles = {"reference" if role == "reference_video" else role for role in roles_in(body, model)}
    return next((way for way in model.ways if set(way.inputs) == roles), next(iter(model.ways), Way("edit", (), "needed", (5,), True)))


def roles_in(body: dict, model) -> set:
    """The roles that a body fills, as the types of its media and its addresses tell."""
    return {role.split(".")[0] for role, place in model.places.items() if _fills(body["input"], role, place)}


def _fills(given: dict, role: str, place: str) -> bool:
    kind, _, name = place.partition(":")
    if kind == "media":
        media = given.get("media")
        return any(isinstance(item, dict) and item.get("type") == name for item in (media if isinstance(media, list) else ()))
    value = given.get(place[len("input."):].rstrip("[]"))
    if role == "reference_video":  # pictures and videos stand in one list
        return isinstance(value, list) and any(map(_is_video_address, value))
    return bool(value)


def _said(roles) -> str:
    flags = list(dict.fromkeys(flag for role, flag in ROLES.items() if role in roles))
    return " with ".join(flags) if flags else "a prompt without any picture or video"


def _ways(model) -> str:
    return "; or ".join(dict.fromkeys(_said(way.inputs) for way in model.ways))


def _others(roles: set) -> str:
    """Models whose inputs are just these."""
    names = [row.id for row in MODELS if any(set(way.inputs) == roles for way in row.ways)]
    return f". Models that take {_said(roles)}: {', '.join(names[:6])}" if names else ""


def _function_way(ask: Ask, model, roles: set):
    """VACE: the function says what is needed."""
    function = ask.function or ("image_reference" if roles == {"reference"} else "video_extension" if roles and roles <= {
        "image", "last_frame"} else None)
    if function not in FUNCTIONS:
        raise usage(f"--function {ask.function} does not exist" if ask.function else f"{model.id} needs --function",
                    f"use one of: {', '.join(FUNCTIONS)}")
    ask.function = function
    needed, may, sized = FUNCTIONS[function][:3]
    if set(needed) - roles or roles - set(needed) - set(may):
        raise usage(f"--function {function} does not take {_said(roles)}",
                    f"it needs {_said(needed) if needed else 'at least one input'}"
                    + (f" and may have {', '.join(dict.fromkeys(ROLES[role] for role in may))}" if may else ""))
    if function == "video_edit" and not roles & {"mask", "mask_video"}:
        raise usage("--function video_edit needs --mask", "a picture or video: white is changed, black is kept")
    clips = any(keys[-1] in ("first_clip_url", "last_clip_url") for keys, _ in ask.settings)
    if function == "video_extension" and not roles & {"image", "last_frame"} and not clips:
        raise usage("--function video_extension needs something to extend", "give --image, --last-frame, or an address with "
                    "--set input.first_clip_url=URL")
    return Way("edit" if "video" in roles else "r2v" if "reference" in roles else "i2v", tuple(roles), "needed", (5,), sized)


# ---- checks ----------------------------------------------------------------------------------------------------------

def _check(ask: Ask, model, way) -> None:
    _check_prompt(ask, model, way)
    _check_references(ask, model)
    _check_fields(ask, model)
    if ask.shot == "multi" and ask.prompt_extend is False:
        raise usage("--shot multi has no effect together with --no-prompt-extend", "leave one of them out")
    if ask.sound is False and ask.audio:
        raise usage("--no-sound and --audio contradict each other", "leave one of them out")
    if ask.template and ask.last_frame:
        raise usage("--template does not go with --last-frame", "leave one of them out")


def _check_prompt(ask: Ask, model, way) -> None:
    if ask.prompt is None:
        if way.prompt == "needed" and not ask.template:
            raise usage("there is no prompt", 'write what should happen: video.py "a paper boat in the rain"')
        return
    if way.prompt == "never":
        raise usage(f"{model.id} takes no prompt", "leave the prompt out")
    unit, most = model.prompt
    size = len(ask.prompt)
    if unit == "wide":
        size += sum("\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" for character in ask.prompt)
    if most and size > most:
        raise usage(f"the prompt has {len(ask.prompt)} characters, and {model.id} reads {most}"
                    + (f", or {most // 2} Chinese ones" if size != len(ask.prompt) else ""),
                    "shorten it: the service cuts the rest off without a word")


def _check_references(ask: Ask, model) -> None:
    videos = sum(is_video(item) for item in ask.references)
    pictures = len(ask.references) - videos
    taker, (most_pictures, most_videos, most) = model.id, model.references
    if ask.function:
        most = most_pictures = FUNCTIONS[ask.function].references
        taker = f"--function {ask.function}"
    if pictures > most_pictures or videos > most_videos or len(ask.references) > most:
        raise usage(f"--reference: {pictures} pictures and {videos} videos are given", f"{taker} takes at most {most_pictures} "
                    f"pictures, {most_videos} videos, {most} together")
    if videos and "reference_video" not in model.places:
        raise usage(f"--reference: {model.id} takes pictures alone", "models that take videos: wan2.7-r2v, wan2.6-r2v")
    if ask.voices and "voice" not in model.places:
        raise usage(f"{model.id} takes no --voice",
                    f"models that do: {', '.join(row.id for row in MODELS if 'voice' in row.places)}")
    if len(ask.voices) > len(ask.references):
        raise usage(f"--voice: {len(ask.voices)} sounds for {len(ask.references)} references", "the first --voice goes with the "
                    "first --reference, and so on")


def _check_fields(ask: Ask, model) -> None:
    """A field that the model would ignore is refused, not dropped; so is a value that it does not have."""
    for name in FIELDS:
        value = getattr(ask, name)
        if value is None:
            continue
        flag = f"--{'no-' if value is False else ''}{name.replace('_', '-')}"
        if name not in model.fields:
            raise usage(f"{model.id} takes no {flag}", f"models that do: {models_that(take=name)}; leave it out")
        if value not in model.legal.get(name, (value,)):
            raise usage(f"{flag} {value} is not legal for {model.id}", f"legal: {', '.join(model.legal[name])}")
    if ask.negative is not None and model.prompt[1] and len(ask.negative) > NEGATIVE:
        raise usage(f"--negative has {len(ask.negative)} characters, and {NEGATIVE} are read", "shorten it")


def _check_function(ask: Ask, parameters: dict) -> None:
    """The own parameters of a function, from flags and --set alike."""
    function = FUNCTIONS[ask.function]
    for name in parameters:
        owners = [one for one, facts in FUNCTIONS.items() if name in facts.own]
        if owners and ask.function not in owners:
            raise usage(f"--function {ask.function} takes no {OWN_FLAGS.get(name, name)}", f"functions that do: {', '.join(owners)}")
    if ask.control and ask.control not in function.controls:
        raise usage(f"--control {ask.control} is not legal for --function {ask.function}", f"legal: {', '.join(function.controls)}")
    if ask.video and function.control_needed and not parameters.get("control_condition"):
        raise usage(f"--function {ask.function} needs --control", f"what is kept of the video: {', '.join(function.controls)}")
    kinds = parameters.get("obj_or_bg", ["obj"] * len(ask.references))
    if not isinstance(kinds, list) or len(kinds) != len(ask.references) or kinds.count("bg") > 1:
        raise usage(f"--set obj_or_bg must have one word for each --reference, and bg once at most: {len(ask.references)} are given",
                    """such as --set 'obj_or_bg=["obj","bg"]'""")


def _check_length(ask: Ask, way, seconds: float) -> None:
    """A clip that is continued is part of the new video, and counts."""
    clip = ask.video.seconds
    longer = [number for number in way.duration if number > clip]
    if seconds and seconds <= clip and longer:
        raise usage(f"--video {ask.video.name} lasts {clip:.1f} seconds, and the whole video would have {seconds:g}",
                    f"--duration counts the clip that is continued: give --duration {longer[0]} to {longer[-1]}")


# ---- the body --------------------------------------------------------------------------------------------------------

def _put_media(body: dict, ask: Ask, model, way) -> None:
    roles = [(role, getattr(ask, role)) for role in ("image", "video", "last_frame", "audio")]
    if ask.mask:
        roles.append(("mask_video" if is_video(ask.mask) else "mask", ask.mask))
    roles += [("reference_video" if is_video(item) else "reference", item) for item in ask.references]
    voices = {id(item): {model.places["voice"]: voice.address} for item, voice in zip(ask.references, ask.voices)}
    for role, item in roles:
        if item:
            place = model.places.get(f"{role}.{way.mode}") or model.places[role]
            _put_medium(body, place, item.address, voices.get(id(item), {}))


def _put_medium(body: dict, place: str, address: str, voice: dict) -> None:
    kind, _, name = place.partition(":")
    if kind == "media":
        body["input"].setdefault("media", []).append({"type": name, "url": address, **voice})
    elif place.endswith("[]"):
        body["input"].setdefault(place[len("input."):-2], []).append(address)
    else:
        apply_settings(body, [(place.split("."), address)])


def _put_fields(body: dict, ask: Ask, model) -> None:
    values = {name: getattr(ask, name) for name in FIELDS}
    if ask.keep_sound is not None:
        values["keep_sound"] = "origin" if ask.keep_sound else "auto"
    apply_settings(body, [(path.split("."), values[name]) for name, path in model.fields.items()
                          if values.get(name) is not None])


def _put_geometry(body: dict, ask: Ask, model, way) -> None:
    """The picture's size as the family tells it."""
    geometry, parameters = model.geometry, body["parameters"]
    if geometry.kind == "none" or not way.ratio and geometry.kind == "size":
        if ask.resolution or ask.size or ask.ratio:
            raise usage(f"{model.id} takes no --resolution, --size or --ratio{' here' if geometry.kind != 'none' else ''}",
                        "leave them out; the input decides")
        return
    if ask.size and (ask.resolution or ask.ratio):
        raise usage("--size does not go with --resolution and --ratio", "give the size, or the other two")
    if geometry.kind == "free":
        return _put_free(parameters, ask, model)
    if ask.resolution and ask.resolution not in geometry.tiers:
        raise usage(f"--resolution {ask.resolution} is not legal for {model.id}", f"legal: {', '.join(geometry.tiers)}")
    if ask.ratio and ask.ratio not in geometry.ratios:
        raise usage(f"--ratio {ask.ratio} is not legal for {model.id}", f"legal: {', '.join(geometry.ratios)}")
    if not way.ratio and (ask.ratio or ask.size):
        raise usage(f"{model.id} takes no --ratio and no --size here: the shape follows the input picture or video",
                    "for another shape crop that first; --resolution chooses how many pixels")
    put = _put_size if geometry.kind == "size" else _put_resolution
    put(parameters, ask, model)


def _put_resolution(parameters: dict, ask: Ask, model) -> None:
    tier, ratio = _found(ask.size, model) if ask.size else (ask.resolution, ask.ratio)
    if tier:
        parameters["resolution"] = tier
    if ratio:
        parameters["ratio"] = ratio


def _put_size(parameters: dict, ask: Ask, model) -> None:
    """Families that take pixels: a tier and a ratio are looked up in the table of legal sizes."""
    geometry, size = model.geometry, ask.size
    if size:
        _found(size, model)
    elif ask.resolution or ask.ratio:
        tier = ask.resolution or geometry.default
        size = geometry.table[tier].get(ask.ratio or "16:9")
        if size is None:
            raise usage(f"--ratio {ask.ratio} does not exist at {tier} for {model.id}", f"legal: {', '.join(geometry.table[tier])}")
    if size:
        parameters["size"] = f"{size[0]}*{size[1]}"


def _found(size: tuple, model) -> tuple:
    """(tier, ratio) of a size of the table."""
    geometry = model.geometry
    legal = {pixels: (tier, ratio) for tier in geometry.tiers for ratio, pixels in geometry.table.get(tier, {}).items()}
    if not legal:
        raise usage(f"{model.id} takes no --size", f"use --resolution {'|'.join(geometry.tiers)} and --ratio "
                    f"{'|'.join(geometry.ratios)}")
    if size not in legal:
        close = sorted(legal, key=lambda one: abs(one[0] - size[0]) + abs(one[1] - size[1]))
        shown = [f"{width}x{height}" for width, height in close]
        raise usage(f"--size {size[0]}x{size[1]} is not legal for {model.id}", f"nearest: {' or '.join(shown[:2])}; legal: "
                    f"{', '.join(sorted(shown))}")
    return legal[size]


def _put_free(parameters: dict, ask: Ask, model) -> None:
    """Models of other vendors, and ids newer than the table: what is given is sent under the usual names."""
    if ask.resolution:
        parameters["resolution"] = ask.resolution
    if ask.size:
        parameters["size"] = f"{ask.size[0]}*{ask.size[1]}"
    if ask.ratio:
        parameters[model.fields.get("ratio", "parameters.ratio").split(".", 1)[1]] = ask.ratio


def _put_duration(body: dict, ask: Ask, model, way) -> None:
    """The length, where it is asked for."""
    if ask.duration is None:
        return
    legal = way.duration
    if way.with_video and "reference_video" in roles_in(body, model):
        legal = tuple(seconds for seconds in legal if seconds <= way.with_video)
    if not legal:
        raise usage(f"{model.id} takes no --duration", "the input decides how long the video is")
    if legal != ("any",) and ask.duration not in legal:
        raise usage(f"--duration {ask.duration} is not legal for {model.id}", f"legal: {_spans(legal)} seconds")
    body["parameters"]["duration"] = ask.duration


def _spans(seconds: tuple) -> str:
    """2, 3, 4, 5 as `2 to 5`."""
    spans, begin = [], None
    for number in sorted(seconds):
        if begin is None:
            begin = last = number
        elif number == last + 1:
            last = number
        else:
            spans.append((begin, last))
            begin = last = number
    spans.append((begin, last))
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in spans)


def _remarks(ask: Ask, model) -> list:
    remarks = []
    if ask.shot == "multi" and ask.prompt_extend is None and "prompt_extend" in model.fields:
        remarks.append("--shot counts because the prompt is extended, which is the service's default")
    if ask.template and ask.prompt:
        remarks.append("with --template the service ignores the prompt")
    return remarks
