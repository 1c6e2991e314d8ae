"""What is asked for, and the pure builder that turns it into a request of the model's family. No I/O here.

Source: sections 1.2, 2.2 and 5 of the image contract.
"""
from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import dataclass, field

import image_sizes
from image_models import CONTENT, DEFAULT_MODEL, FIELDS, FUNCTIONS, models_that
from image_sizes import shown
from shared.body import apply_native_settings, apply_settings
from shared.failures import usage
from shared.media.uploads import oss_headers

# A request, ready but for the host: `mode` says what it does, `task` whether a task is made, `stream` whether it answers
# in events, `expected` how many pictures may come.
Call = namedtuple("Call", "path body headers mode task stream expected")

SPECIAL_MODELS = (  # what was asked for -> the model that is taken where none is named
    ("interleave", "wan2.6-image"), ("series", "wan2.7-image"), ("box", "wan2.7-image"), ("palette", "wan2.7-image"),
    ("function", "wanx2.1-imageedit"), ("mask", "wanx2.1-imageedit"), ("translate_to", "qwen-mt-image"))
FLAGS = {  # field -> the flag that sets it, where they differ
    "negative": "--negative", "prompt_extend": "--prompt-extend", "max_images": "--max-images", "think": "--think",
    "translate_to": "--translate-to", "translate_from": "--translate-from"}
MODE_FLAGS = {"make": "a prompt alone", "edit": "--image", "series": "--series", "interleave": "--interleave",
              "function": "--function", "translate": "--translate-to", "tool": "a tool model"}


_MASKED = "models that do: wanx2.1-imageedit, wanx-x-painting, image-erase-completion"


@dataclass
class Ask:
    """What the user wants, independent of any model. `images` and `mask` are media; fields left at None are not sent."""

    prompt: str | None = None
    images: list = field(default_factory=list)
    mask: object = None
    model: str | None = None
    size: object = None  # (width, height), a tier's name, or None
    aspect: str | None = None
    quality: str | None = None
    n: int | None = None
    series: bool = False
    interleave: bool = False
    function: str | None = None
    task: bool = False  # make a task where the family also answers directly
    negative: str | None = None
    seed: int | None = None
    prompt_extend: bool | None = None
    watermark: bool | None = None
    think: bool | None = None
    box: list | None = None  # (number of the picture from 1, [x1, y1, x2, y2])
    palette: list | None = None  # (colour "#RRGGBB", share in per cent)
    strength: float | None = None
    max_images: int | None = None
    translate_to: str | None = None
    translate_from: str | None = None
    request: dict | None = None
    settings: list = field(default_factory=list)

    def model_name(self) -> str:
        """The model that is asked, chosen by what is wanted when none is named."""
        if self.model:
            return self.model
        if self.request and isinstance(self.request.get("model"), str):
            return self.request["model"]
        return next((model for name, model in SPECIAL_MODELS if getattr(self, name)), DEFAULT_MODEL)


def build_request(ask: Ask, model) -> tuple:
    """(the Call, remarks for the user) for a model's row. Raises usage for whatever the service would refuse or ignore."""
    if ask.request is not None:
        return _from_request(ask, model)
    mode = _mode_of(ask, model)
    settings = model.does[mode]
    _check(ask, model, mode, settings)
    task = _is_task(ask, model)
    places = model.task_places if task else model.places
    body = {"model": model.id, "input": {}, "parameters": {}}
    _put_inputs(body, ask, places)
    _put_parameters(body, ask, model, mode, settings)
    remarks = _remarks(ask, model)
    apply_native_settings(body, ask.settings)
    return _call(body, model, mode, task), remarks


def _call(body: dict, model, mode: str, task: bool) -> Call:
    """The request around a finished body; what --set changed is looked up in it."""
    parameters = body.get("parameters") if isinstance(body.get("parameters"), dict) else {}
    stream = not task and parameters.get("enable_interleave") is True
    if stream:
        parameters["stream"] = True
    headers = {"X-DashScope-Async": "enable"} if task else \
        {"X-DashScope-Sse": "enable", "Accept": "text/event-stream"} if stream else {}
    headers.update(oss_headers(body))
    counted = parameters.get("max_images", 5) if stream or mode == "interleave" else parameters.get("n", 1)
    expected = counted if isinstance(counted, int) and not isinstance(counted, bool) and 0 < counted <= 100 else 1
    return Call(model.task if task else model.direct, body, headers, mode, task, stream, expected)


def _from_request(ask: Ask, model) -> tuple:
    """A whole body of the API, with flags put on top."""
    body = dict(ask.request)
    if not isinstance(body.get("input"), dict):
        raise usage("--request: the body has no 'input' object", "give a body of the native API: model, input, parameters")
    if not isinstance(body.get("parameters") or {}, dict):
        raise usage("--request: 'parameters' is no object", "give a body of the native API: model, input, parameters")
    if ask.images or ask.mask or ask.function or ask.box:
        raise usage("--image, --mask, --box and --function do not go with --request", "name the pictures in the body")
    body = {**body, "model": model.id, "input": dict(body["input"]), "parameters": dict(body.get("parameters") or {})}
    mode = _mode_of_body(ask, body, model)
    task = _is_task(ask, model)
    _check_fields(ask, model, mode)
    if ask.prompt is not None:
        _replace_prompt(body, ask.prompt, model.task_places if task else model.places)
    _put_parameters(body, ask, model, mode, model.does[mode], only_given=True)
    apply_native_settings(body, ask.settings)
    return _call(body, model, mode, task), []


def _mode_of_body(ask: Ask, body: dict, model) -> str:
    parameters = body["parameters"]
    pictures = str(body["input"].get("messages", "")).count("'image':")
    wanted = "interleave" if ask.interleave or parameters.get("enable_interleave") else \
        "series" if ask.series or parameters.get("enable_sequential") else "edit" if pictures else "make"
    if wanted not in model.does and (ask.interleave or ask.series):
        raise usage(f"{model.id} takes no {MODE_FLAGS[wanted]}", f"models that do: {models_that(wanted)}")
    return wanted if wanted in model.does else next(iter(model.does))


def _replace_prompt(body: dict, prompt: str, places) -> None:
    if places != CONTENT:
        if places.prompt:
            apply_settings(body, [(places.prompt.split("."), prompt)])
        return
    messages = body["input"].get("messages")
    message = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {"role": "user"}
    content = message.get("content") if isinstance(message.get("content"), list) else []
    content = [item for item in content if not (isinstance(item, dict) and "text" in item)]
    body["input"]["messages"] = [{**message, "content": [*content, {"text": prompt}]}]


# ---- what the model does ---------------------------------------------------------------------------------------------

def _mode_of(ask: Ask, model) -> str:
    """What is wanted, which the model must be able to do."""
    several = [name for name, given in (("interleave", ask.interleave), ("series", ask.series), ("function", ask.function),
                                        ("translate", ask.translate_to)) if given]
    missing = next((name for name in several if name not in model.does), None)
    if missing:
        raise usage(f"{model.id} takes no {MODE_FLAGS[missing]}", f"models that do: {models_that(missing)}")
    if len(several) > 1:
        raise usage(f"{' and '.join(MODE_FLAGS[name] for name in several)} do not go together", "give one of them")
    if "tool" in model.does and not several:
        return "tool"
    if ask.mask and not several and "function" not in model.does:
        raise usage(f"{model.id} takes no --mask", _MASKED)
    wanted = "interleave" if ask.interleave else "series" if ask.series else "translate" if ask.translate_to else \
        "function" if ask.function or ask.mask else "edit" if ask.images else "make"
    if wanted in model.does:
        return wanted
    if wanted == "make" and set(model.does) & {"edit", "function", "translate"}:
        raise usage(f"{model.id} works on a picture, and none is given", "add --image FILE, or use a model that makes "
                    f"pictures from text alone: {models_that('make')}")
    if wanted == "edit" and "function" in model.does:
        raise usage(f"{model.id} wants to be told what to do with the picture",
                    f"add --function with one of: {', '.join(FUNCTIONS)}")
    if wanted == "edit" and "translate" in model.does:
        raise usage(f"{model.id} translates the text of a picture", "add --translate-to LANG")
    raise usage(f"{model.id} takes no {MODE_FLAGS[wanted]}", f"models that do: {models_that(wanted)}")


def _is_task(ask: Ask, model) -> bool:
    if ask.task and not model.task:
        raise usage(f"{model.id} answers directly and makes no tasks", "leave out --task and --no-wait, or use a model that "
                    "makes tasks, such as wan2.7-image, wan2.6-t2i, qwen-image-plus")
    return ask.task or not model.direct


def _check(ask: Ask, model, mode: str, settings) -> None:
    _check_prompt(ask, model)
    _check_images(ask, model, mode, settings)
    _check_fields(ask, model, mode)
    for path, hint in model.needs:
        given = any(".".join(keys) == path for keys, _ in ask.settings)
        if not given and not (path == "input.style_index" and len(ask.images) > 1):
            raise usage(f"{model.id} needs {path}", f"add --set {path}=VALUE: {hint}")
    if mode == "function":
        _check_function(ask)
    if ask.think and ask.prompt_extend is False and model.fields.get("think", "").endswith("enable_thinking"):
        raise usage("--think has no effect together with --no-prompt-extend", "leave one of them out")
    if ask.box:
        _check_boxes(ask)


def _check_prompt(ask: Ask, model) -> None:
    if ask.prompt is None:
        if model.needs_prompt:
            raise usage("there is no prompt", 'write what to draw: image.py "a red fox in the snow"')
        return
    places = model.direct and model.places or model.task_places
    if places != CONTENT and not places.prompt:
        raise usage(f"{model.id} takes no prompt", "leave the prompt out")
    unit, most = model.prompt
    if unit == "tokens" and _is_task(ask, model) and model.task_places != CONTENT:
        unit = "characters"  # the older way counts otherwise
    if unit == "characters" and len(ask.prompt) > most:
        raise usage(f"the prompt has {len(ask.prompt)} characters, and {model.id} reads {most}",
                    "shorten it: the service cuts the rest off without a word")
    if ask.negative is not None and len(ask.negative) > 500:
        raise usage(f"--negative has {len(ask.negative)} characters, and 500 are read", "shorten it")


def _check_images(ask: Ask, model, mode: str, settings) -> None:
    least, most = settings.images
    if not least <= len(ask.images) <= most:
        span = f"{least}" if least == most else f"{least} to {most}"
        raise usage(f"{model.id} takes {span} picture{'s' if most != 1 else ''} here, and {len(ask.images)} "
                    f"{'are' if len(ask.images) != 1 else 'is'} given",
                    "give as many --image as it takes" if most else f"models that take pictures: {models_that('edit')}")
    places = model.task_places if not model.direct else model.places
    if ask.mask and (places == CONTENT or not places.mask):
        raise usage(f"{model.id} takes no --mask", _MASKED)
    if ask.mask is None and places != CONTENT and places.mask and mode == "tool":
        raise usage(f"{model.id} needs --mask", "a picture of the same size: white is worked on, black is kept")


def _check_fields(ask: Ask, model, mode: str) -> None:
    """A field that the model would ignore is refused, not dropped."""
    for name in FIELDS:
        if getattr(ask, name) is not None:
            _check_field(name, model, mode)


def _check_field(name: str, model, mode: str) -> None:
    flag = FLAGS.get(name, "--" + name)
    if name not in model.fields:
        raise usage(f"{model.id} takes no {flag}", f"models that do: {models_that(take=name)}")
    if mode not in model.only.get(name, (mode,)):
        raise usage(f"{flag} has no effect on {model.id} with {MODE_FLAGS[mode]}",
                    f"it counts with {' or '.join(MODE_FLAGS[one] for one in model.only[name])}; leave it out")


def _check_function(ask: Ask) -> None:
    if ask.function is None:
        ask.function = "description_edit_with_mask"
    if ask.function not in FUNCTIONS:
        raise usage(f"--function {ask.function} does not exist", f"use one of: {', '.join(FUNCTIONS)}")
    masked = ask.function == "description_edit_with_mask"
    if masked != bool(ask.mask):
        raise usage(f"--function {ask.function} {'needs --mask' if masked else 'takes no --mask'}",
                    "a picture of the same size: white is worked on, black is kept" if masked else "leave --mask out, or use "
                    "--function description_edit_with_mask")
    if ask.strength is not None and "strength" not in FUNCTIONS[ask.function]:
        raise usage(f"--function {ask.function} takes no --strength",
                    f"functions that do: {', '.join(name for name, own in FUNCTIONS.items() if 'strength' in own)}")
    for keys, value in ask.settings:
        _check_own(ask.function, keys[-1], value)


def _check_own(function: str, name: str, value) -> None:
    """A parameter that belongs to some function: to this one, and within its range."""
    owners = [one for one, own in FUNCTIONS.items() if name in own]
    if not owners:
        return
    if function not in owners:
        raise usage(f"--set {name}: --function {function} does not take it", f"functions that do: {', '.join(owners)}")
    low, high = FUNCTIONS[function][name]
    if isinstance(low, bool) is not isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        legal = "true or false" if isinstance(low, bool) else f"a number from {low} to {high}"
        raise usage(f"--set {name}={value} is not legal", f"{name} is {legal}")


def _check_boxes(ask: Ask) -> None:
    counts = {}
    for number, (x1, y1, x2, y2) in ask.box:
        counts[number] = counts.get(number, 0) + 1
        if not 1 <= number <= len(ask.images):
            raise usage(f"--box names picture {number}, and {len(ask.images)} are given", "pictures are counted from 1")
        if counts[number] > 2:
            raise usage(f"--box: more than two boxes in picture {number}", "the model takes two for each picture")
        picture = ask.images[number - 1]
        if picture.width and (x2 > picture.width or y2 > picture.height):
            raise usage(f"--box {x1},{y1},{x2},{y2} goes beyond picture {number}, which is {picture.width}x{picture.height}",
                        "coordinates are pixels of the original picture: left,top,right,bottom")


# ---- the body --------------------------------------------------------------------------------------------------------

def _put_inputs(body: dict, ask: Ask, places) -> None:
    if places == CONTENT:
        content = [{"image": picture.address} for picture in ask.images]
        body["input"]["messages"] = [{"role": "user", "content": [*content, {"text": ask.prompt}]}]
        return
    pairs = [(places.function, ask.function), (places.prompt, ask.prompt), (places.mask, ask.mask and ask.mask.address)]
    if places.pictures and places.pictures[0].endswith("[]"):
        pairs.append((places.pictures[0][:-2], [picture.address for picture in ask.images] or None))
    else:
        pairs += [(path, picture.address) for path, picture in zip(places.pictures, ask.images)]
    apply_settings(body, [(path.split("."), value) for path, value in pairs if path and value is not None])


def _put_parameters(body: dict, ask: Ask, model, mode: str, settings, only_given: bool = False) -> None:
    """`n` is always sent where the model takes it: some models make, and bill, four or twelve pictures without it."""
    _put_size(body, ask, model, settings)
    if not (only_given and ask.n is None and "n" in body["parameters"]):
        n = _count(ask, model, mode, settings)
        if n:
            body["parameters"]["n"] = n
    if ask.series:
        body["parameters"]["enable_sequential"] = True
    if ask.interleave:
        body["parameters"].update(enable_interleave=True, max_images=ask.max_images or 1)
    values = {name: getattr(ask, name, None) for name in model.fields if name != "max_images"}
    values["box"] = _box_list(ask)
    values["palette"] = [{"hex": colour, "ratio": f"{share:.2f}%"} for colour, share in ask.palette or ()] or None
    if ask.translate_to and ask.translate_from is None:
        values["translate_from"] = "auto"
    apply_settings(body, [(path.split("."), values[name]) for name, path in model.fields.items()
                          if values.get(name) is not None])
    if len(ask.images) > 1 and any(path == "input.style_index" for path, _ in model.needs):
        body["input"]["style_index"] = -1
    if "function" in model.does and mode == "function" and not only_given:
        body["input"]["function"] = ask.function


def _box_list(ask: Ask):
    """A list of boxes for each picture, in the pictures' order."""
    if not ask.box:
        return None
    return [[list(box) for number, box in ask.box if number == place] for place in range(1, len(ask.images) + 1)]


def _count(ask: Ask, model, mode: str, settings) -> int:
    least, most = settings.n
    if not most:
        if ask.n not in (None, 1):
            raise usage(f"{model.id} makes one picture a call", "leave -n out, or call it several times (--batch)")
        return 0
    if ask.n is None and not least:  # a newer model of a family that takes none
        return 0
    n = 1 if ask.n is None else ask.n
    if ask.n is None and mode == "series":
        raise usage("--series needs -n", f"the most pictures of the set, {least} to {most}; each one is billed")
    if not least <= n <= most:
        other = "use --max-images for the number of pictures" if mode == "interleave" else \
            "use --batch for more" if most > 1 else f"models that make several: {_several()}"
        raise usage(f"-n {n}: {model.id} makes {least} to {most} pictures a call" if most > 1 else
                    f"-n {n}: {model.id} makes one picture a call", other)
    return n


def _several() -> str:
    return "qwen-image-2.0, qwen-image-edit-plus, wan2.7-image, wan2.6-t2i"


def _put_size(body: dict, ask: Ask, model, settings) -> None:
    rule = settings.sizes
    if isinstance(rule, image_sizes.Ratio):
        _put_ratio(body, ask, model, rule)
        return
    size = _size_of(ask, model, rule)
    if size is not None:
        body["parameters"]["size"] = shown(size)


def _size_of(ask: Ask, model, rule):
    if ask.size is None and ask.aspect is None and ask.quality is None:
        return None
    if ask.size is not None and (ask.aspect or ask.quality):
        raise usage("--size does not go with --aspect and --quality", "give the size, or let it be found from the other two")
    if ask.quality and isinstance(rule, image_sizes.Choice):
        raise usage(f"{model.id} has one size for each shape, so --quality has no effect", f"leave it out; its sizes are "
                    f"{image_sizes.describe(rule)}")
    unknown = model.picture.max_bytes == 0 and rule is None  # a model that is newer than the table
    if rule is None and not unknown:
        raise usage(f"{model.id} takes no size", "leave out --size, --aspect and --quality; the picture given decides")
    if ask.size is not None:
        return ask.size if unknown else _legal_size(ask.size, model, rule)
    aspect = image_sizes.parse_aspect(ask.aspect) if ask.aspect else _aspect_of(ask)
    return image_sizes.best(rule or image_sizes.Area(512, 2048, 8, 1024), aspect, ask.quality or "standard", ask.aspect or "")


def _legal_size(size, model, rule):
    if not image_sizes.fits(rule, size):
        close = " or ".join(shown(one) for one in image_sizes.nearest(rule, size))
        if isinstance(size, str):
            close += " (1K and 2K are for wan2.7-image and wan2.6-image, 4K is for wan2.7-image-pro from text alone)"
        raise usage(f"--size {shown(size)} is not legal for {model.id}", f"nearest: {close}; legal: {image_sizes.describe(rule)}")
    return size


def _aspect_of(ask: Ask):
    """The shape of the last picture given, as the service does it; a square without one."""
    last = ask.images[-1] if ask.images else None
    if last is not None and not (last.width and last.height):
        raise usage("--quality without --aspect: the picture's shape is not known here", "add --aspect W:H")
    return image_sizes.parse_aspect(f"{last.width}:{last.height}" if last else "1:1")


def _put_ratio(body: dict, ask: Ask, model, rule) -> None:
    """Some vendors take a ratio and a resolution's name instead of a size."""
    if ask.size is not None:
        raise usage(f"{model.id} takes no --size", f"use {image_sizes.describe(rule)}")
    if ask.aspect:
        aspect = image_sizes.parse_aspect(ask.aspect)
        name = next((one for one in rule.aspects if image_sizes.parse_aspect(one) == aspect), None)
        if name is None:
            raise usage(f"--aspect {ask.aspect} is not legal for {model.id}", f"legal: {', '.join(rule.aspects)}")
        body["parameters"]["aspect_ratio"] = name
    if ask.quality:
        body["parameters"]["resolution"] = rule.names[image_sizes.QUALITIES.index(ask.quality)]


def _remarks(ask: Ask, model) -> list:
    remarks = []
    unit, most = model.prompt
    if unit == "tokens" and ask.prompt and _tokens(ask.prompt) > most:
        remarks.append(f"the prompt may be longer than the {most} tokens that {model.id} reads; the rest is cut off")
    if isinstance(ask.size, tuple) and any(side % image_sizes.STEP for side in ask.size) and ask.model_name().startswith(
            ("qwen-image-2", "wan2.6-image")):
        remarks.append(f"the service rounds both sides of {shown(ask.size)} to multiples of {image_sizes.STEP}")
    return remarks


def _tokens(text: str) -> int:
    """A rough estimate: a token for each Chinese, Japanese or Korean character, and one for four others."""
    wide = len(re.findall("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]", text))
    return wide + (len(text) - wide) // 4
