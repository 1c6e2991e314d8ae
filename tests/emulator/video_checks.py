"""A video call read and judged: what the service refuses, what it would take and then ignore, and how the video will be."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple

from tests.emulator import drawing, video_families
from tests.emulator.looks import opened
from tests.emulator.video_call import VideoCall, wide
from tests.emulator.video_media import look, places
from tests.emulator.video_models import FUNCTIONS, VideoModel
from tests.emulator.video_shapes import geometry, seconds_of
from tests.emulator.wire import Exchange, ignored, invalid


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
    call = VideoCall(exchange, model, *opened(body))
    for check in CHECKS:
        check(call)
    call.seen = [look(call, *place) for place in places(call)]
    for check in video_families.LATER_CHECKS:
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
    count = len(said) if model.wide == 1 else sum(model.wide if wide(letter) else 1 for letter in said)
    if count > model.characters:
        raise ignored("prompt", f"counts {count} characters; {model.name} reads {model.characters}")


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


CHECKS: Tuple[Callable[[VideoCall], None], ...] = (fields, prompt, parameters, media, *video_families.CHECKS)


# How the video will be

def _job(call: VideoCall) -> Job:
    model, options = call.model, call.options
    length, came_in = seconds_of(call)
    width, height, tier, ratio = geometry(call)
    told = {"orig_prompt": call.prompt} if model.has("orig") and call.prompt else {}
    if told and model.has("actual") and options.get("prompt_extend") is not False:
        told["actual_prompt"] = call.prompt + ", in soft light, with much detail"
    colour = next((one.colour for one in call.seen if one.colour), None) or drawing.colour_of(call.prompt)
    given = options.get("watermark", call.input.get("watermark", model.has("marked")))
    audio = options.get("audio", model.usage != "vendor") if "audio" in model.parameters else None
    return Job(model, call.prompt, width, height, tier, length, came_in, options.get("video_fps", model.fps), colour, ratio,
               options.get("mode", ""), told, given is True, model.sound if audio is None else audio, audio,
               tuple(one.role for one in call.seen))
