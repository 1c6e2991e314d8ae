"""An image call read and judged: what the service refuses, and what it would take and then ignore."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Optional, Tuple

from tests.emulator import addresses
from tests.emulator.call import tokens
from tests.emulator.image_call import ImageCall
from tests.emulator.image_models import EDIT_FIXED, FUNCTIONS, MESSAGES, ImageModel
from tests.emulator.image_sizes import check_size, resolved, size_rule
from tests.emulator.looks import BAD_FORMAT, MEGABYTE, Look, fetch, opened, remembered
from tests.emulator.magic import sniff
from tests.emulator.wire import Exchange, ignored, invalid

TIER_1K = 2_250_000                    # pixels
FIXED_ONE = "num_images_per_prompt must be 1"
BAD_SIZE = "the size of input image is too small or too large."
STREAM_ONLY = "This model only support stream mode, please enable the stream parameter to access the model."


@dataclass(frozen=True)
class Job:
    """What is left of a call that was accepted: enough to draw its pictures."""
    model: ImageModel
    prompt: str
    n: int
    width: int
    height: int
    colour: Optional[Tuple[int, ...]]  # of the picture that is edited
    seed: int
    given: int
    one_choice: bool                   # several pictures come in one choice
    mixed: bool
    extended: bool
    size: str                          # as it was asked for, or ""
    large: bool = False                # a picture that came in is of the tier 2K


def read(exchange: Exchange, body: Dict[str, Any], model: ImageModel, at_once: bool) -> Job:
    """Raises the first refusal."""
    given, options = opened(body)
    call = ImageCall(exchange, model, given, options, at_once)
    addresses_given = _messages(call) if model.shape == MESSAGES else _fields(call)
    for check in CHECKS:
        check(call)
    number = _number(call)
    rule, asked = size_rule(call), call.options.get("size", "")
    check_size(call, rule)
    call.looks = [_look(call, address) for address in addresses_given]
    _pictures(call)
    width, height = resolved(call, rule)
    colour = next((look.colour for look in reversed(call.looks) if look.colour), None)
    one_choice = call.sequential or not model.has("spread")
    return Job(model, call.prompt, number, width, height, colour, _seed(call), call.given, one_choice, call.mixed,
               call.options.get("prompt_extend", model.usage != "z") is True, asked,
               any(look.width * look.height > TIER_1K for look in call.looks))


def _seed(call: ImageCall) -> int:
    """The same prompt gives the same pictures, whatever the service would do."""
    digest = hashlib.sha256(call.prompt.encode("utf-8", "replace")).digest()
    return int(call.options.get("seed", int.from_bytes(digest[:4], "big") >> 1))


# Input

def _messages(call: ImageCall) -> List[str]:
    other_shape = call.model.required              # of a model that takes both; its fields do not belong here
    known = {"messages"} if other_shape else {"messages", *call.model.inputs}
    for name in sorted(set(call.input) - known):
        raise ignored(f"input.{name}", f"is not taken by {call.model.name}")
    messages = call.input.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("No messages found in input")
    if len(messages) > 1:
        raise invalid("messages length only support 1")
    message = messages[0]
    if not isinstance(message, dict) or message.get("role") != "user" or set(message) != {"role", "content"}:
        raise invalid('emulator: the message must be {"role": "user", "content": [...]}')
    content = message["content"]
    if not isinstance(content, list) or not content:
        raise invalid("lack of image or text")
    texts = [part["text"] for part in content if isinstance(part, dict) and set(part) == {"text"}]
    images = [part["image"] for part in content if isinstance(part, dict) and set(part) == {"image"}]
    if len(texts) + len(images) != len(content):
        raise invalid('emulator: a part of the content must be {"text": ...} or {"image": ...} and nothing else')
    if len(texts) > 1:
        raise invalid("emulator: the content must hold exactly one text")
    low, high = _image_range(call)
    if len(images) > high:
        raise invalid(f"content length only support {high + 1}")
    if not texts or not isinstance(texts[0], str) or not texts[0].strip() or len(images) < low:
        raise invalid("lack of image or text")
    call.prompt, call.given = texts[0], len(images)
    return images


def _image_range(call: ImageCall) -> Tuple[int, int]:
    return (0, 1) if call.mixed else call.model.images


def _fields(call: ImageCall) -> List[str]:
    model, given = call.model, call.input
    for name in model.required:
        if given.get(name) in (None, "", []):
            raise invalid(f'Required parameter "{name}" missing from request.', param=name)
    listed = {"images"} if "images" in model.required else set()
    for name, value in given.items():
        if name in model.media_fields or name in listed:
            continue
        rule = model.inputs.get(name)
        if rule is None and not model.has("open"):
            raise ignored(f"input.{name}", f"is not taken by {model.name}")
        wrong = rule(value) if rule else ""
        if wrong:
            raise invalid(f"emulator: 'input.{name}' {wrong}", param=name)
    prompt = given.get("prompt") or given.get("ref_prompt") or given.get("title") or ""
    if not isinstance(prompt, str) or "prompt" in model.required and not prompt.strip():
        raise invalid('Required parameter "prompt" missing from request.', param="prompt")
    call.prompt = prompt
    found = [given[name] for name in model.media_fields if name in given] + (_listed(call) if listed else [])
    call.given = len(found)
    return found


def _listed(call: ImageCall) -> List[str]:
    images = call.input["images"]
    low, high = call.model.images
    if not isinstance(images, list) or not low <= len(images) <= high:
        raise invalid(f"emulator: 'images' must be a list of {low} to {high} addresses", param="images")
    return images


# Parameters

def known_parameters(call: ImageCall) -> None:
    model, function = call.model, call.input.get("function", "")
    rules = {**model.parameters, **(FUNCTIONS.get(function, {}) if model.name == "wanx2.1-imageedit" else {})}
    for name, value in call.options.items():
        if (name == "n" and model.n) or (name == "size" and model.size not in (None, EDIT_FIXED)):
            continue
        if name not in rules:
            if model.has("open"):
                continue
            raise ignored(name, f"is not taken by {model.name}" + (f" with {function}" if function else ""))
        wrong = rules[name](value)
        if wrong:
            raise invalid(f"emulator: '{name}' {wrong}", param=name)


def prompt_length(call: ImageCall) -> None:
    """More would be cut off without a word."""
    model = call.model
    if model.tokens and model.shape == MESSAGES:
        if tokens(call.prompt) > model.tokens:
            raise ignored("prompt", f"has about {tokens(call.prompt)} tokens; {model.name} reads {model.tokens}")
    elif model.characters and len(call.prompt) > model.characters:
        raise ignored("prompt", f"has {len(call.prompt)} characters; {model.name} reads {model.characters}")


def qwen3(call: ImageCall) -> None:
    if call.options.get("prompt_extend_mode") == "agent" and call.given:
        raise invalid("emulator: prompt_extend_mode agent works without pictures only", param="prompt_extend_mode")
    if call.options.get("prompt_extend") is False:
        for name in ("enable_thinking", "prompt_extend_mode"):
            if call.options.get(name):
                raise ignored(name, "does nothing without prompt_extend")


def wan27(call: ImageCall) -> None:
    options = call.options
    if options.get("thinking_mode") and (call.given or call.sequential):
        raise ignored("thinking_mode", "works without pictures and without enable_sequential only")
    if "color_palette" in options and call.sequential:
        raise ignored("color_palette", "does nothing with enable_sequential")
    if "bbox_list" in options and len(options["bbox_list"]) != call.given:
        raise invalid(f"emulator: 'bbox_list' has {len(options['bbox_list'])} entries for {call.given} pictures",
                      param="bbox_list")


def interleave(call: ImageCall) -> None:
    """wan2.6-image: text and pictures in turn; at once that is a stream and nothing else."""
    if call.model.name.startswith("wan2.6-image"):
        if not call.mixed and "max_images" in call.options:
            raise ignored("max_images", "does nothing without enable_interleave")
        if call.mixed and "prompt_extend" in call.options:
            raise ignored("prompt_extend", "does nothing with enable_interleave")
        wanted = call.mixed and call.at_once
        if wanted and (call.options.get("stream") is not True or not _sse(call)):
            raise invalid(STREAM_ONLY, param="stream")
        if not wanted and "stream" in call.options:
            raise ignored("stream", "is taken at once and with enable_interleave only")
    if _sse(call) and not (call.mixed and call.at_once):
        raise ignored("X-DashScope-Sse", "does nothing here: there is no stream to answer with")


def _sse(call: ImageCall) -> bool:
    return call.exchange.headers.get("x-dashscope-sse") == "enable"


def kling(call: ImageCall) -> None:
    if "series_amount" in call.options and call.options.get("result_type") != "series":
        raise ignored("series_amount", "does nothing without result_type series")


def edit_function(call: ImageCall) -> None:
    if call.model.name != "wanx2.1-imageedit":
        return
    masked = call.input["function"] == "description_edit_with_mask"
    if masked and not call.input.get("mask_image_url"):
        raise invalid('Required parameter "mask_image_url" missing from request.', param="mask_image_url")
    if not masked and "mask_image_url" in call.input:
        raise ignored("input.mask_image_url", f"does nothing with {call.input['function']}")


def style(call: ImageCall) -> None:
    if call.model.name == "wanx-style-repaint-v1" and (call.input["style_index"] == -1) != ("style_ref_url" in call.input):
        raise invalid("emulator: style_ref_url and style_index -1 need each other", param="style_ref_url")


CHECKS: Tuple[Callable[[ImageCall], None], ...] = (known_parameters, prompt_length, qwen3, wan27, interleave, kling,
                                                   edit_function, style)


def _number(call: ImageCall) -> int:
    """How many pictures there will be."""
    model = call.model
    if model.n is None:
        return 1
    low, high, default = (1, 12, 12) if call.sequential else (*model.n, model.n_default)
    if call.mixed:
        low, high, default = 1, 1, 1
    number = call.options.get("n", default)
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise invalid(FIXED_ONE if high == 1 else f"Range of n should be [{low}, {high}]", param="n")
    if call.mixed:
        return int(call.options.get("max_images", 5))
    return int(call.options.get("series_amount", 4)) if call.options.get("result_type") == "series" else number


# Pictures that go in

def _look(call: ImageCall, address: Any) -> Look:
    if not isinstance(address, str) or not address:
        raise invalid("emulator: the address of a picture must be a string")
    if address.startswith("data:") and not call.model.media.data:
        raise invalid(f"Invalid URL provided in your request. emulator: {call.model.name} takes no data URLs",
                      native="InvalidURL")
    resource = fetch(call, address)
    if resource.address:
        return Look()
    media = call.model.media
    if resource.size > media.megabytes * MEGABYTE:
        raise invalid(f"{BAD_SIZE} emulator: {resource.size} bytes; {call.model.name} takes {media.megabytes} MB")
    return _fits(call, _picture(call, resource))


def _picture(call: ImageCall, resource: addresses.Resource) -> Look:
    """What the bytes show; remembered, because a batch edits one picture many times."""
    data, known = resource.data or b"", sniff(resource.head)
    if known is None or known.name not in call.model.media.formats:
        what = known.name if known else "an unknown format"
        raise invalid(f"image format error. emulator: {what} is not taken by {call.model.name}",
                      native=BAD_FORMAT)
    if resource.declared and resource.declared not in known.mimes:
        raise invalid(f"image format error. emulator: the data URL says {resource.declared}, the bytes are {known.name}",
                      native=BAD_FORMAT)
    look, transparent = remembered(call.exchange.emulator, data, known.name)
    if transparent and not call.model.media.alpha:
        raise invalid(f"image format error. emulator: {call.model.name} takes no PNG with an alpha channel",
                      native=BAD_FORMAT)
    return look


def _fits(call: ImageCall, look: Look) -> Look:
    media, least, most = call.model.media, min(look.width, look.height), max(look.width, look.height)
    problem = ""
    if media.side and not (media.side[0] <= least and most <= media.side[1]):
        problem = f"takes sides from {media.side[0]} to {media.side[1]}"
    elif most > media.ratio * least:
        problem = f"takes aspect ratios up to {media.ratio}:1"
    if problem:
        raise invalid(f"{BAD_SIZE} emulator: {look.width}*{look.height}; {call.model.name} {problem}")
    return look


def _pictures(call: ImageCall) -> None:
    """What depends on the pictures themselves."""
    for look, some in zip(call.looks, call.options.get("bbox_list", ())):
        for box in some:
            if look.width and (box[2] > look.width or box[3] > look.height):
                raise invalid(f"emulator: the box {box} leaves the picture of {look.width}*{look.height}", param="bbox_list")
    if "mask_image_url" in call.input and call.model.name == "wanx2.1-imageedit":
        base, mask = call.looks
        if base.width and mask.width and (base.width, base.height) != (mask.width, mask.height):
            raise invalid(f"emulator: the mask has {mask.width}*{mask.height}, the picture {base.width}*{base.height}",
                          param="mask_image_url")
        call.looks = [replace(mask, colour=None), base]
