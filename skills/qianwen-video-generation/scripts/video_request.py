"""What is asked for, and the pure builder that turns it into a request of the model's family. No I/O here.

Source: sections 1.2, 1.6, 2.2 and 6 of the video contract.
"""
from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field

from shared.command import apply_settings
from shared.failures import usage
from shared.media import oss_headers
from video_models import CONTROLS, DEFAULTS, FIELDS, FUNCTIONS, MODES, Way, find_model, models_that

# A request, ready but for the host. `seconds` is how long the video will be, 0 when its inputs decide; `tier` the resolution.
Call = namedtuple("Call", "path body headers mode tier seconds")

ROLES = {  # role -> the flag that fills it
    "image": "--image", "last_frame": "--last-frame", "reference": "--reference", "video": "--video", "audio": "--audio",
    "mask": "--mask", "mask_video": "--mask"}
FLAGS = {"sound": "--sound", "keep_sound": "--keep-sound", "prompt_extend": "--prompt-extend"}
_HORSE_CJK = 2500  # characters; happyhorse counts a Chinese one twice


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
    from urllib.parse import urlsplit
    if media.media_type:
        return media.media_type.startswith("video/")
    return urlsplit(media.url).path.lower().endswith((".mp4", ".mov", ".avi", ".mkv", ".webm", ".flv"))


def build_request(ask: Ask, model) -> tuple:
    """(the Call, remarks for the user) for a model's row. Raises usage for whatever the service would refuse or ignore."""
    if ask.request is not None:
        return _from_request(ask, model), []
    way = way_of(ask, model)
    _check(ask, model, way)
    body = {"model": model.id, "input": {}, "parameters": {}}
    apply_settings(body, [(path.split("."), value) for path, value in model.sends.items()])
    if ask.prompt is not None:
        body["input"]["prompt"] = ask.prompt
    if ask.function:
        body["input"]["function"] = ask.function
    _put_media(body, ask, model)
    tier = _put_geometry(body, ask, model, way)
    seconds = _put_duration(body, ask, model, way)
    _put_fields(body, ask, model)
    _apply_settings(body, ask.settings)
    return _call(body, model, way.mode, tier, seconds), _remarks(ask, model)


def _call(body: dict, model, mode: str, tier: str, seconds) -> Call:
    parameters = body.get("parameters") if isinstance(body.get("parameters"), dict) else {}
    duration = parameters.get("duration", seconds)
    seconds = duration if isinstance(duration, (int, float)) and not isinstance(duration, bool) and duration > 0 else 0
    tier = parameters.get("resolution", tier) if isinstance(parameters.get("resolution", tier), str) else tier
    return Call(model.path, body, {"X-DashScope-Async": "enable", **oss_headers(body)}, mode, tier, seconds)


def _from_request(ask: Ask, model) -> Call:
    """A whole body of the API, with flags put on top."""
    body = ask.request
    if not isinstance(body.get("input"), dict) or not isinstance(body.get("parameters") or {}, dict):
        raise usage("--request: the body has no 'input' object", "give a body of the native API: model, input, parameters")
    if ask.roles() or ask.function:
        raise usage("pictures, videos, sounds and --function do not go with --request", "name them in the body")
    body = {**body, "model": model.id, "input": dict(body["input"]), "parameters": dict(body.get("parameters") or {})}
    if ask.prompt is not None:
        body["input"]["prompt"] = ask.prompt
    way = next(iter(model.ways), Way("edit", ()))
    _check_fields(ask, model)
    tier = _put_geometry(body, ask, model, way) if ask.resolution or ask.size or ask.ratio else model.geometry.default
    if ask.duration is not None:
        _put_duration(body, ask, model, way)
    _put_fields(body, ask, model)
    _apply_settings(body, ask.settings)
    return _call(body, model, way.mode, tier, way.duration and 5 or 0)


# ---- the way a model is used -----------------------------------------------------------------------------------------

def way_of(ask: Ask, model):
    """The Way that fits the inputs; a contradiction between inputs, --mode and model is refused naming all of them."""
    roles = ask.roles()
    if not model.ways:
        return _function_way(ask, model, roles)
    if ask.function:
        raise usage(f"{model.id} takes no --function", "models that do: wanx2.1-vace-plus")
    way = next((way for way in model.ways if set(way.inputs) == roles), None)
    if way is None:
        raise usage(f"{model.id} does not take {_said(roles)}", f"it takes {_ways(model)}{_others(ask)}")
    if ask.mode and ask.mode != way.mode and ask.mode in MODES:
        raise usage(f"--mode {ask.mode} and {_said(roles)} contradict each other: with {model.id} that is {way.mode}",
                    "leave out --mode, or give what the mode needs: i2v --image; kf2v --image and --last-frame; r2v --reference; "
                    "edit --video")
    return way


def _said(roles) -> str:
    flags = list(dict.fromkeys(flag for role, flag in ROLES.items() if role in roles))
    return " with ".join(flags) if flags else "a prompt without any picture or video"


def _ways(model) -> str:
    return "; or ".join(dict.fromkeys(_said(way.inputs) for way in model.ways))


def _others(ask: Ask) -> str:
    """Models whose inputs are just these."""
    from video_models import MODELS
    names = [row.id for row in MODELS if any(set(way.inputs) == ask.roles() for way in row.ways)]
    return f". Models that take {_said(ask.roles())}: {', '.join(names[:6])}" if names else ""


def _function_way(ask: Ask, model, roles: set):
    """VACE: the function says what is needed."""
    function = ask.function or ("image_reference" if roles == {"reference"} else "video_extension" if roles and roles <= {
        "image", "last_frame"} else None)
    if function not in FUNCTIONS:
        raise usage(f"--function {ask.function} does not exist" if ask.function else f"{model.id} needs --function",
                    f"use one of: {', '.join(FUNCTIONS)}")
    ask.function = function
    needed, may, sized, _, _ = FUNCTIONS[function]
    missing, extra = set(needed) - roles, roles - set(needed) - set(may)
    if missing or extra:
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
    for names in model.needs:
        if not any(getattr(ask, name) is not None or any(keys[-1] == name for keys, _ in ask.settings) for name in names):
            raise usage(f"{model.id} needs {' or '.join('--' + name for name in names)}", "it has no default for it")
    if ask.function:
        _check_function(ask)
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
    if model.id.startswith("happyhorse"):
        size += sum("\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" for character in ask.prompt)
    if unit == "characters" and size > most:
        raise usage(f"the prompt has {len(ask.prompt)} characters, and {model.id} reads {most}"
                    + (f", or {_HORSE_CJK} Chinese ones" if size != len(ask.prompt) else ""),
                    "shorten it: the service cuts the rest off without a word")
    if ask.negative is not None and len(ask.negative) > 500:
        raise usage(f"--negative has {len(ask.negative)} characters, and 500 are read", "shorten it")


def _check_references(ask: Ask, model) -> None:
    videos = sum(is_video(item) for item in ask.references)
    pictures = len(ask.references) - videos
    most_pictures, most_videos, most = model.references
    if pictures > most_pictures or videos > most_videos or len(ask.references) > most:
        raise usage(f"--reference: {pictures} pictures and {videos} videos are given", f"{model.id} takes at most {most_pictures} "
                    f"pictures, {most_videos} videos, {most} together")
    if videos and "reference_video" not in model.places:
        raise usage(f"--reference: {model.id} takes pictures alone", "models that take videos: wan2.7-r2v, wan2.6-r2v")
    if ask.voices and model.places.get("reference") != "media:reference_image":
        raise usage(f"{model.id} takes no --voice", "models that do: wan2.7-r2v")
    if len(ask.voices) > len(ask.references):
        raise usage(f"--voice: {len(ask.voices)} sounds for {len(ask.references)} references", "the first --voice goes with the "
                    "first --reference, and so on")


def _check_fields(ask: Ask, model) -> None:
    """A field that the model would ignore is refused, not dropped."""
    for name in FIELDS:
        if getattr(ask, name) is None or name in model.fields:
            continue
        flag = FLAGS.get(name, "--" + name)
        raise usage(f"{model.id} takes no {flag}", f"models that do: {models_that(take=name)}; leave it out")


def _check_function(ask: Ask) -> None:
    _, _, _, needs_control, own = FUNCTIONS[ask.function]
    for name in ("strength", "control"):
        if getattr(ask, name) is not None and name not in own:
            raise usage(f"--function {ask.function} takes no --{name}", "functions that do: "
                        + ", ".join(one for one, facts in FUNCTIONS.items() if name in facts[4]))
    if needs_control and ask.control is None or ask.function == "video_extension" and ask.video and not ask.control:
        raise usage(f"--function {ask.function} needs --control", f"what is kept of the video: {', '.join(CONTROLS)}")
    for keys, _ in ask.settings:
        owners = [one for one, facts in FUNCTIONS.items() if keys[-1] in facts[4]]
        if owners and ask.function not in owners:
            raise usage(f"--set {keys[-1]}: --function {ask.function} does not take it", f"functions that do: {', '.join(owners)}")


# ---- the body --------------------------------------------------------------------------------------------------------

def _put_media(body: dict, ask: Ask, model) -> None:
    roles = [(role, getattr(ask, role)) for role in ("image", "video", "last_frame", "audio")]
    if ask.mask:
        roles.append(("mask_video" if is_video(ask.mask) else "mask", ask.mask))
    roles += [("reference_video" if is_video(item) else "reference", item) for item in ask.references]
    voices = {id(item): voice for item, voice in zip(ask.references, ask.voices)}
    for role, item in roles:
        if item:
            _put_medium(body, model.places[role], item.address, voices.get(id(item)))
    if ask.function == "image_reference" and not any(keys[-1] == "obj_or_bg" for keys, _ in ask.settings):
        body["parameters"]["obj_or_bg"] = ["obj"] * len(ask.references)


def _put_medium(body: dict, place: str, address: str, voice) -> None:
    kind, _, name = place.partition(":")
    if kind == "media":
        item = {"type": name, "url": address, **({"reference_voice": voice.address} if voice else {})}
        body["input"].setdefault("media", []).append(item)
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


def _put_geometry(body: dict, ask: Ask, model, way) -> str:
    """The picture's size as the family tells it; return the tier that is billed."""
    geometry, parameters = model.geometry, body["parameters"]
    if geometry.kind == "none" or not way.ratio and geometry.kind == "size":
        if ask.resolution or ask.size or ask.ratio:
            raise usage(f"{model.id} takes no --resolution, --size or --ratio{' here' if geometry.kind != 'none' else ''}",
                        "leave them out; the input decides")
        return geometry.default or ask.quality or model.sends.get("parameters.mode", "")
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
                    "leave it out; --resolution chooses how many pixels")
    return _put_size(parameters, ask, model) if geometry.kind == "size" else _put_resolution(parameters, ask, model)


def _put_resolution(parameters: dict, ask: Ask, model) -> str:
    geometry, tier, ratio = model.geometry, ask.resolution, ask.ratio
    if ask.size:
        tier, ratio = _found(ask.size, model)
    if tier:
        parameters["resolution"] = tier
    if ratio:
        parameters["ratio"] = ratio
    return tier or geometry.default


def _put_size(parameters: dict, ask: Ask, model) -> str:
    """Families that take pixels: a tier and a ratio are looked up in the table of legal sizes."""
    geometry = model.geometry
    if ask.size:
        tier, _ = _found(ask.size, model)
        parameters["size"] = f"{ask.size[0]}*{ask.size[1]}"
        return tier
    tier = ask.resolution or geometry.default
    if not ask.resolution and not ask.ratio:
        return tier
    size = geometry.table[tier].get(ask.ratio or "16:9")
    if size is None:
        raise usage(f"--ratio {ask.ratio} does not exist at {tier} for {model.id}", f"legal: {', '.join(geometry.table[tier])}")
    parameters["size"] = f"{size[0]}*{size[1]}"
    return tier


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


def _put_free(parameters: dict, ask: Ask, model) -> str:
    """Models of other vendors, and ids newer than the table: what is given is sent under the usual names."""
    if ask.resolution:
        parameters["resolution"] = ask.resolution
    if ask.size:
        parameters["size"] = f"{ask.size[0]}*{ask.size[1]}"
    if ask.ratio:
        parameters[model.fields.get("ratio", "parameters.ratio").split(".", 1)[1]] = ask.ratio
    return ask.resolution or ""


def _put_duration(body: dict, ask: Ask, model, way) -> float:
    """The length, as far as it is asked for; return how long the video will be, 0 when the input decides."""
    legal = way.duration
    if any(is_video(item) for item in ask.references) and model.id.startswith("wan2.7-r2v"):
        legal = tuple(seconds for seconds in legal if seconds <= 10)
    if ask.duration is None:
        return 5 if 5 in legal and 0 not in legal else 0
    if not legal:
        raise usage(f"{model.id} takes no --duration", "the input decides how long the video is")
    if legal != ("any",) and ask.duration not in legal:
        raise usage(f"--duration {ask.duration} is not legal for {model.id}", f"legal: {_spans(legal)} seconds")
    body["parameters"]["duration"] = ask.duration
    return ask.duration


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


def _apply_settings(body: dict, settings) -> None:
    """`--set` names a parameter; a key that begins with input, parameters or model names its place in the whole body."""
    for keys, value in settings:
        rooted = keys[0] in ("input", "parameters", "model") and (len(keys) > 1 or keys[0] == "model")
        apply_settings(body, [(keys if rooted else ["parameters", *keys], value)])


def _remarks(ask: Ask, model) -> list:
    remarks = []
    if ask.shot and model.fields.get("shot") and ask.prompt_extend is None and ask.shot == "multi":
        remarks.append("--shot counts because the prompt is extended, which is the service's default")
    if ask.template and ask.prompt:
        remarks.append("with --template the service ignores the prompt")
    return remarks


def check_media(ask: Ask) -> tuple:
    """The model's row for an Ask whose media are not looked at yet: (row, warning)."""
    return find_model(ask.model_name())
