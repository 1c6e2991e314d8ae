"""Which way of using a model is asked for, as the inputs and --mode tell it. Pure.

Source: sections 1.6 and 6 of the video contract.
"""
from __future__ import annotations

import re
from urllib.parse import urlsplit

from shared.failures import usage

from video_models import TABLE
from video_rows import FUNCTION_SECONDS, Way

ROLES = {  # role -> the flag that fills it
    "image": "--image", "last_frame": "--last-frame", "reference": "--reference", "video": "--video",
    "audio": "--audio", "mask": "--mask", "mask_video": "--mask"}


def way_of(ask, model):
    """The Way that fits the inputs;
    a contradiction between inputs, --mode and model is refused naming all of them."""
    roles = ask.roles()
    if ask.function and not model.functions:
        raise usage(f"{model.id} takes no --function",
                    f"models that do: {TABLE.names(lambda row: row.functions)}")
    way = _function_way(ask, model, roles) if model.functions else _way_by_inputs(ask, model, roles)
    if ask.mode and ask.mode != way.mode:
        raise usage(
            f"--mode {ask.mode} and {_said(roles)} contradict each other: with {model.id} that is {way.mode}",
            "leave out --mode, or give what the mode needs: "
            "i2v --image; kf2v --image and --last-frame; r2v --reference; edit --video")
    return way


def _way_by_inputs(ask, model, roles: set):
    fitting = [way for way in model.ways if set(way.inputs) == roles]
    if not fitting:
        ways = "; or ".join(dict.fromkeys(_said(way.inputs) for way in model.ways))
        raise usage(f"{model.id} does not take {_said(roles)}",
                    f"{_missing(model, roles)}it takes {ways}{_others(roles)}")
    return next((way for way in fitting if way.mode == ask.mode), fitting[0])


def _missing(model, roles: set) -> str:
    """What is to be added for the nearest way that has all inputs given, where there is such a way."""
    more = [set(way.inputs) - roles for way in model.ways if set(way.inputs) > roles]
    least = min(map(len, more), default=0)
    flags = dict.fromkeys(_said(one) for one in more if len(one) == least)
    return f"add {' or '.join(flags)}; " if flags else ""


def _others(roles: set) -> str:
    """Models whose inputs are just these."""
    names = TABLE.names(lambda row: any(set(way.inputs) == roles for way in row.ways), 6)
    return f". Models that take {_said(roles)}: {names}" if names else ""


def _said(roles) -> str:
    flags = list(dict.fromkeys(flag for role, flag in ROLES.items() if role in roles))
    return " with ".join(flags) if flags else "a prompt without any picture or video"


# ---- functions -------------------------------------------------------------------------------------------

def _function_way(ask, model, roles: set):
    """The function says what is needed."""
    told = [name for name, one in model.functions.items() if roles and roles <= set(one.tells)]
    name = ask.function or (told or [""])[0]
    if name not in model.functions:
        raise usage(f"--function {name} does not exist" if name else f"{model.id} needs --function",
                    f"use one of: {', '.join(model.functions)}")
    function = model.functions[name]
    _check_inputs(name, function, roles)
    _check_one_of(ask, name, function, roles)
    mode = "edit" if "video" in roles else "r2v" if "reference" in roles else "i2v"
    return Way(mode, tuple(roles), "needed", FUNCTION_SECONDS, function.sized, function=name)


def _check_inputs(name: str, function, roles: set) -> None:
    needed, may = function.needed, function.may
    if set(needed) - roles or roles - set(needed) - set(may):
        more = f" and may have {', '.join(dict.fromkeys(ROLES[role] for role in may))}" if may else ""
        raise usage(f"--function {name} does not take {_said(roles)}",
                    f"it needs {_said(needed) if needed else 'at least one input'}{more}")


def _check_one_of(ask, name: str, function, roles: set) -> None:
    """Raise usage where nothing of what one must be there of is there."""
    named = any(keys[-1] in function.clips for keys, _ in ask.settings)
    if not function.one_of or roles & set(function.one_of) or named:
        return
    flags = " or ".join(dict.fromkeys(ROLES[role] for role in function.one_of))
    if function.clips:
        raise usage(f"--function {name} needs something to extend",
                    f"give {flags}, or an address with --set input.{function.clips[0]}=URL")
    raise usage(f"--function {name} needs {flags}",
                f"give {flags}, a picture or video: white is changed, black stays")


# ---- what a body tells -----------------------------------------------------------------------------------

def way_of_body(body: dict, model):
    """The Way that a body of the API takes, as far as it can be told."""
    roles = {"reference" if role.startswith("reference_") else role for role in roles_in(body, model)}
    usual = next(iter(model.ways), Way("edit", (), "needed", FUNCTION_SECONDS, True))
    return next((way for way in model.ways if set(way.inputs) == roles), usual)


def roles_in(body: dict, model) -> set:
    """The roles that a body fills, as the types of its media and its addresses tell."""
    return {role.split(".")[0] for role, place in model.places.items() if _fills(body["input"], role, place)}


def _fills(given: dict, role: str, place: str) -> bool:
    kind, _, name = place.partition(":")
    if kind == "media":
        media = given.get("media")
        return any(isinstance(item, dict) and item.get("type") == name
                   for item in (media if isinstance(media, list) else ()))
    value = given.get(place[len("input."):].rstrip("[]"))
    if role == "reference_video":  # pictures and videos stand in one list
        return isinstance(value, list) and any(map(is_video_address, value))
    return bool(value)


def is_video(media) -> bool:
    """Whether a medium is a video: by its bytes, for an address by its ending."""
    return media.media_type.startswith("video/") if media.media_type else is_video_address(media.url)


def is_video_address(url) -> bool:
    ending = r"[^?#]*\.(mp4|mov|avi|mkv|webm|flv|ts|mpg|mxf)([?#]|$)"
    return isinstance(url, str) and bool(re.match(ending, url, re.IGNORECASE))


def is_picture_address(url: str) -> bool:
    return url.split("?")[0].split("#")[0].lower().endswith((".png", ".jpg", ".jpeg", ".webp", ".bmp"))


# What the path of an address tells of a reference, where a model takes more than pictures and videos.
_TOLD = (("reference_sound", r"\.(mp3|wav|m4a|aac|flac|ogg|opus)$"),
         ("reference_file", r"\.(docx?|pptx?|xlsx?|pdf|txt|md|csv|epub|rtf)$"),
         ("reference_link", r"(^|/|\.html?)$"))


def reference_role(item, model) -> str:
    """The role of a reference: a picture where nothing tells, or the model has no other place for it."""
    told = told_role(item)
    return told if told == "reference_video" or told in model.places else "reference"


def told_role(item) -> str:
    """What a reference is: by its bytes, for an address by its ending."""
    if is_video(item):
        return "reference_video"
    path = urlsplit(item.url).path if item.url else "."
    return next((role for role, ending in _TOLD if re.search(ending, path, re.IGNORECASE)), "reference")
