"""What is asked for, and the pure builder that turns it into a request of the model's family. No I/O here.

Source: sections 1.2, 1.6, 2.2 and 6 of the video contract.
"""
from __future__ import annotations

import copy
from collections import namedtuple

from shared.body import apply_native_settings, apply_settings
from shared.failures import usage
from shared.media.addressing import oss_headers
from shared.words import counted

from video_fields import flag_of
from video_models import all_fields, DEFAULTS, TABLE
from video_rows import DETECT, FUNCTION_MODEL, S2V
from video_ways import is_picture_address, is_video, reference_role, roles_in, way_of, way_of_body

# A request, ready but for the host. `tier`: what its price depends on, such as the resolution. `seconds`: how
# long the video will be, 0 when its inputs decide. `way`: of using the model.
Call = namedtuple("Call", "path body headers tier seconds way")


class Ask:
    """What the user wants, independent of any model. Media are looked at; fields left at None are not sent.

    `references` are pictures and videos in the order the prompt counts them,
    `voices` a sound for each of them.
    """

    DEFAULTS = {
        **dict.fromkeys(("prompt", "image", "last_frame", "video", "audio", "mask", "model", "mode",
                         "function", "resolution", "size", "ratio", "duration", "request")),
        "references": [], "voices": [], "settings": []}

    def __init__(self, **given):
        defaults = {**self.DEFAULTS, **dict.fromkeys(all_fields())}
        unknown = set(given) - set(defaults)
        if unknown:
            raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
        for name, default in defaults.items():
            setattr(self, name, given[name] if name in given else copy.copy(default))

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
        tells = (("video", "edit"), ("reference", "r2v"), ("last_frame", "kf2v"), ("image", "i2v"))
        return next((mode for role, mode in tells if role in roles), "t2v")

    def model_name(self) -> str:
        """The model that is asked: the one named, else the default for what is wanted."""
        if self.model:
            return self.model
        if self.request and isinstance(self.request.get("model"), str):
            return self.request["model"]
        if self.function:
            return FUNCTION_MODEL
        if self.mode == "i2v" and self.video:
            return DEFAULTS["i2v"]
        return DEFAULTS[self.wanted_mode()]


def build_request(ask: Ask, model) -> tuple:
    """(the Call, remarks for the user) for a model's row.
    Raises usage for whatever the service would refuse or ignore."""
    if model.path == DETECT:
        raise usage(f"{model.id} makes no video: it checks a picture for another model",
                    f"give --model the model that makes the video, such as {S2V.id}, which needs no check")
    if ask.request is not None:
        return _from_request(ask, model), []
    way = way_of(ask, model)
    _check(ask, model, way)
    body = {"model": model.id, "input": {}, "parameters": {}}
    if ask.prompt is not None:
        body["input"]["prompt"] = ask.prompt
    if way.function:
        body["input"]["function"] = way.function
    _put_media(body, ask, model, way)
    model.shape.put(body["parameters"], ask, model.id, way.ratio)
    _put_duration(body, ask, model, way)
    call = _finish(body, ask, model, way)
    if way.function:
        _check_function(ask, model.functions, way.function, call.body["parameters"])
    if way.continues and ask.video.seconds:
        _check_continued(ask, way, call.seconds)
    _check_together(ask, model, call.seconds)
    return call, _remarks(ask, model)


def _from_request(ask: Ask, model) -> Call:
    """A whole body of the API, with flags put on top."""
    body = ask.request
    if not isinstance(body.get("input"), dict) or not isinstance(body.get("parameters") or {}, dict):
        raise usage("--request: the body has no 'input' object, or its 'parameters' are not one",
                    "give a body of the native API: model, input, parameters")
    if ask.roles() or ask.voices or ask.function:
        raise usage("pictures, videos, sounds and --function do not go with --request",
                    "name them in the body")
    body = {**body, "model": model.id, "input": dict(body["input"]),
            "parameters": dict(body.get("parameters") or {})}
    way = way_of_body(body, model)
    if ask.prompt is not None:
        _check_prompt(ask, model, way)
        body["input"]["prompt"] = ask.prompt
    _check_fields(ask, model, way)
    if ask.resolution or ask.size or ask.ratio:
        model.shape.put(body["parameters"], ask, model.id, way.ratio)
    _put_duration(body, ask, model, way)
    return _finish(body, ask, model, way)


def _finish(body: dict, ask: Ask, model, way) -> Call:
    """The rest of the body, and what the whole of it says of length and resolution."""
    _put_fields(body, ask, model)
    apply_native_settings(body, ask.settings)
    parameters = body["parameters"]
    own = model.functions[way.function].each if way.function else {}
    each = {name: [value] * len(ask.references) for name, value in own.items()}
    for name, value in {**model.sends, **each}.items():
        parameters.setdefault(name, value)
    for names in model.needs:
        if not any(name in parameters for name in names):
            raise usage(f"{model.id} needs {' or '.join('--' + name for name in names)}",
                        "it has no default for it")
    headers = {"X-DashScope-Async": "enable", **oss_headers(body)}
    return Call(model.path, body, headers, model.shape.tier(parameters), way.seconds.of(parameters), way)


# ---- checks ----------------------------------------------------------------------------------------------

def _check(ask: Ask, model, way) -> None:
    _check_prompt(ask, model, way)
    _check_references(ask, model, way)
    _check_fields(ask, model, way)
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
        raise usage(f"{model.id} takes no prompt", "leave out the prompt")
    model.prompt.check(ask.prompt, model.id)


def _check_references(ask: Ask, model, way) -> None:
    found = [reference_role(item, model) for item in ask.references]
    videos, pictures = found.count("reference_video"), found.count("reference")
    _check_more(ask, model, found)
    taker, (most_pictures, most_videos, most) = model.id, model.references
    if way.function:
        most = most_pictures = model.functions[way.function].references
        taker = f"--function {way.function}"
    if pictures > most_pictures or videos > most_videos or pictures + videos > most:
        raise usage(f"--reference: {counted(pictures, 'picture')} and {counted(videos, 'video')} given",
                    f"{taker} takes at most {counted(most_pictures, 'picture')}, "
                    f"{counted(most_videos, 'video')}, {most} together")
    if videos and "reference_video" not in model.places:
        raise usage(f"--reference: {model.id} takes only pictures",
                    f"models that take videos: {_placing('reference_video')}")
    if ask.voices and "voice" not in model.places:
        raise usage(f"{model.id} takes no --voice", f"models that do: {_placing('voice')}")
    if len(ask.voices) > len(ask.references):
        voices, references = counted(len(ask.voices), "sound"), counted(len(ask.references), "reference")
        raise usage(f"--voice: {voices} for {references}",
                    "the first --voice goes with the first --reference, and so on")


def _check_more(ask: Ask, model, found: list) -> None:
    """References that are neither pictures nor videos; a file and a link exclude one another."""
    for role, most in model.more:
        roles = role.split()
        given = [item.name for item, one in zip(ask.references, found) if one in roles]
        if len(given) + ("reference_sound" in roles and bool(ask.audio)) > most:
            what = " or ".join(one[len("reference_"):] for one in roles)
            raise usage(f"--reference {given[-1]} is one {what} too many", f"{model.id} takes {most} at most")


def _placing(role: str) -> str:
    return TABLE.names(lambda row: role in row.places)


def _check_fields(ask: Ask, model, way) -> None:
    """A field that the model would ignore is refused, not dropped; so is a value that it does not have."""
    for name in all_fields():
        value, field = getattr(ask, name), model.fields.get(name)
        if value is None:
            continue
        flag = flag_of(name, value)
        if field is None:
            raise usage(f"{model.id} takes no {flag}",
                        TABLE.able(lambda row: name in row.fields, lambda row: _suits(row, ask, way))
                        + "; leave it out")
        if value not in model.legal.get(name, (value,)):
            raise usage(f"{flag} {value} is not legal for {model.id}",
                        f"legal: {', '.join(model.legal[name])}")
        if field.most and model.prompt.most and len(value) > field.most:
            raise usage(f"{flag} has {len(value)} characters, but {field.most} are read", "shorten it")


def _suits(row, ask: Ask, way) -> bool:
    """Whether a model is used in such a way and takes these flags."""
    used = {(one.mode, frozenset(one.inputs)) for one in row.ways}
    return bool(row.functions if way.function else (way.mode, frozenset(way.inputs)) in used) and all(
        name in row.fields for name in all_fields() if getattr(ask, name) is not None)


def _check_function(ask: Ask, functions: dict, name: str, parameters: dict) -> None:
    """The own parameters of a function, from flags and --set alike."""
    function = functions[name]
    for parameter in parameters:
        owners = [one for one, facts in functions.items() if parameter in facts.own]
        if owners and name not in owners:
            raise usage(f"--function {name} takes no {_flag_at(parameter)}",
                        f"functions that do: {', '.join(owners)}")
    if ask.control and ask.control not in function.controls:
        raise usage(f"--control {ask.control} is not legal for --function {name}",
                    f"legal: {', '.join(function.controls)}")
    if ask.video and function.control_needed and not parameters.get("control_condition"):
        raise usage(f"--function {name} needs --control",
                    f"what stays of the video: {', '.join(function.controls)}")
    count = len(ask.references)
    for parameter in function.each:
        kinds = parameters[parameter]
        if not isinstance(kinds, list) or len(kinds) != count or kinds.count("bg") > 1:
            raise usage(f"--set {parameter} must have one word for each --reference, "
                        f"and bg once at most: {count} are given",
                        f"""such as --set '{parameter}=["obj","bg"]'""")


def _flag_at(parameter: str) -> str:
    """The flag that fills a parameter, else the parameter."""
    path = "parameters." + parameter
    return next((flag_of(name) for name, field in all_fields().items() if field.path == path), parameter)


def _check_continued(ask: Ask, way, seconds: float) -> None:
    """A clip that is continued is part of the new video, and counts."""
    clip = ask.video.seconds
    longer = [number for number in way.seconds.legal or () if number > clip]
    if seconds and seconds <= clip and longer:
        raise usage(f"--video {ask.video.name} lasts {clip:.1f} seconds, "
                    f"but the whole video would have {seconds:g}",
                    "--duration counts the clip that is continued: "
                    f"give --duration {longer[0]} to {longer[-1]}")


def _check_together(ask: Ask, model, seconds: float) -> None:
    """The reference videos together, and with the video that is made."""
    given = sum(item.seconds for item in ask.references if is_video(item))
    for most, found, what in zip(model.together, (given, given + seconds), ("", ", with the new video")):
        if given and most and found > most:
            raise usage(f"--reference: the videos have {given:.1f} seconds together"
                        + (f"{what} {found:.1f}" if what else ""),
                        f"{model.id} takes {most} seconds at most{what}; cut them first"
                        + (", or give a smaller --duration" if what else ""))


# ---- the body --------------------------------------------------------------------------------------------

def _put_media(body: dict, ask: Ask, model, way) -> None:
    roles = [(role, getattr(ask, role)) for role in ("image", "video", "last_frame", "audio")]
    if ask.mask:
        roles.append(("mask_video" if is_video(ask.mask) else "mask", ask.mask))
    roles += [(reference_role(item, model), item) for item in ask.references]
    voices = {id(item): {model.places["voice"]: voice.address}
              for item, voice in zip(ask.references, ask.voices)}
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
    settings = []
    for name, field in model.fields.items():
        value = getattr(ask, name)
        if value is not None:
            settings.append((field.path.split("."), field.sent.get(value, value) if field.sent else value))
    apply_settings(body, settings)


def _put_duration(body: dict, ask: Ask, model, way) -> None:
    """The length, where it is asked for."""
    if ask.duration is not None:
        way.seconds.check(ask.duration, model.id, "reference_video" in roles_in(body, model))
        body["parameters"]["duration"] = ask.duration


def cut_sound(ask: Ask, call: Call) -> tuple:
    """(a warning, what to do) where the sound that the video follows is longer than the video, else ()."""
    sound = ask.audio and ask.audio.seconds
    if not sound or call.way.mode not in ("t2v", "i2v", "kf2v") or not 0 < call.seconds < round(sound, 1):
        return ()
    enough = next((one for one in call.way.seconds.legal or () if one >= round(sound, 1)), 0)
    return (f"{ask.audio.name} lasts {sound:.1f} seconds, but the video {call.seconds:g}: "
            "the service cuts the rest of the sound",
            f"--duration {enough} makes the video as long, and is billed so" if enough
            else "split the sound, and join the videos")


def _remarks(ask: Ask, model) -> list:
    one_place = model.places.get("reference_video") in (None, model.places.get("reference"))
    remarks = [f"{item.name} is sent as a picture, because its ending tells nothing else that {model.id} takes"
               for item in ask.references if not one_place and item.url and not is_picture_address(item.url)
               and reference_role(item, model) == "reference"]
    if ask.shot == "multi" and ask.prompt_extend is None and "prompt_extend" in model.fields:
        remarks.append("--shot works because the service extends the prompt by default")
    if ask.template and ask.prompt:
        remarks.append("with --template the service ignores the prompt")
    return remarks
