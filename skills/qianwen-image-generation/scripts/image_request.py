"""What is asked for, and the pure builder that turns it into a request of the model's family. No I/O here.

Source: sections 1.2, 2.2 and 5 of the image contract.
"""
from __future__ import annotations

import re
from collections import namedtuple

from image_models import (
    all_fields, chosen_for, CONTENT, DEFAULT_MODEL, FUNCTIONS, models_that, most_of, TABLE, takers, told_mode
)
from image_sizes import parse_aspect, shown, unlike
from shared.body import apply_native_settings, apply_settings, object_in
from shared.failures import usage
from shared.media.addressing import oss_headers
from shared.words import counted

# A request, ready but for the host: `mode` says what it does, `task` whether a task is made, `stream` whether
# it answers in events, `expected` how many pictures may come.
Call = namedtuple("Call", "path body headers mode task stream expected")

# What can be wanted, in the order in which a flag decides: how messages call it, and whether it is asked for.
Want = namedtuple("Want", "words asked")
WANTS = {
    "interleave": Want("--interleave", lambda ask: ask.interleave),
    "series": Want("--series", lambda ask: ask.series),
    "translate": Want("--translate-to", lambda ask: ask.translate_to),
    "function": Want("--function", lambda ask: ask.function or ask.mask),
    "edit": Want("--image", lambda ask: ask.images),
    "make": Want("a prompt alone", lambda ask: True),
    "tool": Want("a tool model", lambda ask: False),
}
# flags, by precedence
_CHOOSING = ("interleave", "series", "box", "palette", "function", "mask", "translate_to")
_MASK = "a picture of the same size: white is changed, black stays"
_MASKED = "description_edit_with_mask"
_WORTH_SAYING = 0.002  # how far a size may be off the wanted shape before a remark


class Ask:
    """What the user wants, independent of any model: one attribute for a flag; what is None is not sent.

    `images` and `mask` are media; `size` is (width, height) or a tier's name; `task`: make a task where the
    family also answers directly; `box` has (number of the picture from 1, [x1, y1, x2, y2]) and `palette`
    (colour, share in per cent).
    """

    DEFAULTS = {"prompt": None, "images": (), "mask": None, "model": None, "size": None, "aspect": None,
                "quality": None, "n": None, "series": False, "interleave": False, "function": None,
                "task": False, "request": None, "settings": ()}

    def __init__(self, **given):
        defaults = {**self.DEFAULTS, **dict.fromkeys(all_fields())}
        unknown = set(given) - set(defaults)
        if unknown:
            raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
        vars(self).update(defaults, **given)

    def model_name(self) -> str:
        """The model that is asked, chosen by what is wanted when none is named."""
        if self.model:
            return self.model
        if self.request and isinstance(self.request.get("model"), str):
            return self.request["model"]
        return next((chosen_for(flag) for flag in _CHOOSING if getattr(self, flag)), DEFAULT_MODEL)

    def given_fields(self) -> list:
        """The flags that are one field each and were given."""
        return [name for name in all_fields() if getattr(self, name) is not None]


def build_request(ask: Ask, model) -> tuple:
    """(the Call, remarks for the user) for a model's row.
    Raises usage for whatever the service would refuse or ignore."""
    if ask.request is not None:
        return _from_request(ask, model)
    mode = _mode_of(ask, model)
    settings = model.does[mode]
    _check(ask, model, mode, settings)
    task = _is_task(ask, model)
    body = {"model": model.id, "input": {}, "parameters": {}}
    _put_inputs(body, ask, _places(model, task))
    _put_parameters(body, ask, model, mode, settings)
    _put_needs(body, ask, model)
    remarks = _remarks(ask, model, settings, str(body["parameters"].get("size", "")))
    apply_native_settings(body, ask.settings)
    return _call(body, model, mode, task), remarks


def _call(body: dict, model, mode: str, task: bool) -> Call:
    """The request around a finished body; what --set changed is looked up in it."""
    parameters = object_in(body, "parameters")
    stream = not task and parameters.get("enable_interleave") is True
    headers = {"X-DashScope-Async": "enable"} if task else {}
    if task:
        parameters.pop("stream", None)
    if stream:
        parameters["stream"] = True
        headers = {"X-DashScope-Sse": "enable", "Accept": "text/event-stream"}
    headers.update(oss_headers(body))
    path, mode = model.task if task else model.direct, told_mode(parameters) or mode
    return Call(path, body, headers, mode, task, stream, most_of(parameters))


def _from_request(ask: Ask, model) -> tuple:
    """A whole body of the API, with flags put on top."""
    body = dict(ask.request)
    fix = "give a body of the native API: model, input, parameters"
    if not isinstance(body.get("input"), dict):
        raise usage("--request: the body has no 'input' object", fix)
    if not isinstance(body.get("parameters") or {}, dict):
        raise usage("--request: 'parameters' is not an object", fix)
    if ask.images or ask.mask or ask.function or ask.box:
        raise usage("--image, --mask, --box and --function do not go with --request",
                    "name the pictures in the body")
    body = {**body, "model": model.id, "input": dict(body["input"]),
            "parameters": dict(body.get("parameters") or {})}
    mode = _mode_of_body(ask, body, model)
    task = _is_task(ask, model)
    _check_fields(ask, model, mode)
    if ask.prompt is not None:
        _check_prompt(ask, model)
        _replace_prompt(body, ask.prompt, _places(model, task))
    _put_parameters(body, ask, model, mode, model.does[mode], only_given=True)
    apply_native_settings(body, ask.settings)
    return _call(body, model, mode, task), []


def _mode_of_body(ask: Ask, body: dict, model) -> str:
    flag = "interleave" if ask.interleave else "series" if ask.series else ""
    given = "edit" if "'image':" in str(body["input"].get("messages", "")) else "make"
    wanted = flag or told_mode(body["parameters"]) or given
    if flag and wanted not in model.does:
        raise _cannot(model, wanted)
    return wanted if wanted in model.does else next(iter(model.does))


def _replace_prompt(body: dict, prompt: str, places) -> None:
    if places != CONTENT:
        apply_settings(body, [(places.prompt.split("."), prompt)])
        return
    messages = body["input"].get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    message = first if isinstance(first, dict) else {"role": "user"}
    content = message.get("content") if isinstance(message.get("content"), list) else []
    content = [item for item in content if not (isinstance(item, dict) and "text" in item)]
    body["input"]["messages"] = [{**message, "content": [*content, {"text": prompt}]}]


# ---- what the model does -------------------------------------------------------------------------------

def _mode_of(ask: Ask, model) -> str:
    """What is wanted, which the model must be able to do."""
    named = [name for name, given in (("interleave", ask.interleave), ("series", ask.series),
                                      ("function", ask.function), ("translate", ask.translate_to)) if given]
    missing = next((name for name in named if name not in model.does), "")
    if missing:
        raise _cannot(model, missing)
    if len(named) > 1:
        raise usage(f"{' and '.join(WANTS[name].words for name in named)} do not go together",
                    "give one of them")
    if "tool" in model.does and not named:
        return "tool"
    if ask.mask and not named and "function" not in model.does:
        raise _takes_no_mask(model)
    wanted = next(name for name, want in WANTS.items() if want.asked(ask))
    if wanted not in model.does:
        raise _cannot(model, wanted)
    return wanted


_ON_A_PICTURE = {  # what a model does with a picture -> what must be said besides
    "function": ("{model} needs to know what to do with the picture",
                 f"add --function with one of: {', '.join(FUNCTIONS)}"),
    "translate": ("{model} translates the text of a picture", "add --translate-to LANG"),
}


def _cannot(model, wanted: str):
    """The failure of a model that does not do what is wanted."""
    if wanted == "make" and set(model.does) & {"edit", "function", "translate"}:
        return usage(f"{model.id} works on a picture, but none is given",
                     "add --image FILE, "
                     f"or use a model that makes pictures from text alone: {models_that('make')}")
    for mode, (words, fix) in _ON_A_PICTURE.items():
        if wanted == "edit" and mode in model.does:
            return usage(words.format(model=model.id), fix)
    return usage(f"{model.id} takes no {WANTS[wanted].words}", f"models that do: {models_that(wanted)}")


def _takes_no_mask(model):
    return usage(f"{model.id} takes no --mask", f"models that do: {masked_models()}")


def masked_models() -> str:
    """The models that take --mask."""
    return TABLE.names(lambda row: _places(row, False) != CONTENT and _places(row, False).mask)


def _places(model, task: bool):
    """Where the parts of a request go, with CONTENT as places without paths."""
    return model.task_places if task or not model.direct else model.places


def _is_task(ask: Ask, model) -> bool:
    if ask.task and not model.task:
        tasks = TABLE.names(lambda row: row.direct and row.task)
        raise usage(f"{model.id} answers directly and does not create tasks",
                    f"leave out --task and --no-wait, or use a model that creates tasks, such as {tasks}")
    return ask.task or not model.direct


def _check(ask: Ask, model, mode: str, settings) -> None:
    _check_prompt(ask, model)
    _check_images(ask, model, mode, settings)
    _check_fields(ask, model, mode)
    given = {".".join(keys) for keys, _ in ask.settings}
    for need in model.needs:
        if need.path not in given and (need.second is None or len(ask.images) < 2):
            raise usage(f"{model.id} needs {need.path}", f"add --set {need.path}=VALUE: {need.hint}")
    if mode == "function":
        _check_function(ask)


def _check_prompt(ask: Ask, model) -> None:
    if ask.prompt is None:
        if model.needs_prompt:
            raise usage("there is no prompt", 'write what to draw: image.py "a red fox in the snow"')
        return
    places = _places(model, False)
    if places != CONTENT and not places.prompt:
        raise usage(f"{model.id} takes no prompt", "leave out the prompt")
    unit, most = model.prompt
    if unit == "tokens" and _is_task(ask, model) and model.task_places != CONTENT:
        unit = "characters"  # the older way counts otherwise
    if unit == "characters" and len(ask.prompt) > most:
        raise usage(f"the prompt has {len(ask.prompt)} characters, but {model.id} reads {most}",
                    "shorten it: the service silently cuts off the rest")


def _check_images(ask: Ask, model, mode: str, settings) -> None:
    least, most = settings.images
    count = len(ask.images)
    if not least <= count <= most:
        takes = counted(most, "picture") if least == most else f"{least} to {most} pictures"
        able = models_that(mode if most else "edit", pictures=count)
        raise usage(f"{model.id} takes {takes} here, and {count} {'are' if count != 1 else 'is'} given",
                    f"give fewer, or use a model that takes so many: {able}" if count > most and able
                    else "give as many --image as the model takes")
    places = _places(model, False)
    if ask.mask and (places == CONTENT or not places.mask):
        raise _takes_no_mask(model)
    if ask.mask is None and places != CONTENT and places.mask and mode == "tool":
        raise usage(f"{model.id} needs --mask", _MASK)


def _check_fields(ask: Ask, model, mode: str) -> None:
    """A field that the model would ignore is refused, not dropped."""
    for name in ask.given_fields():
        flag, field = "--" + name.replace("_", "-"), model.fields.get(name)
        if field is None:
            raise usage(f"{model.id} takes no {flag}",
                        takers(name, mode, len(ask.images), ask.given_fields()))
        if field.modes and mode not in field.modes:
            raise usage(f"{flag} has no effect on {model.id} with {WANTS[mode].words}",
                        f"it works with {' or '.join(WANTS[one].words for one in field.modes)}; leave it out")
        if ask.request is None:
            field.check(ask)


def _check_function(ask: Ask) -> None:
    if ask.function is None:
        ask.function = _MASKED
    if ask.function not in FUNCTIONS:
        raise usage(f"--function {ask.function} does not exist", f"use one of: {', '.join(FUNCTIONS)}")
    masked = ask.function == _MASKED
    if masked != bool(ask.mask):
        raise usage(f"--function {ask.function} {'needs --mask' if masked else 'takes no --mask'}",
                    _MASK if masked else f"leave out --mask, or use --function {_MASKED}")
    if ask.strength is not None and "strength" not in FUNCTIONS[ask.function]:
        able = ", ".join(name for name, own in FUNCTIONS.items() if "strength" in own)
        raise usage(f"--function {ask.function} takes no --strength", f"functions that do: {able}")
    for keys, value in ask.settings:
        _check_own(ask.function, keys[-1], value)


def _check_own(function: str, name: str, value) -> None:
    """A parameter that belongs to some function: to this one, and within its range."""
    owners = [one for one, own in FUNCTIONS.items() if name in own]
    if not owners:
        return
    if function not in owners:
        raise usage(f"--set {name}: --function {function} does not take it",
                    f"functions that do: {', '.join(owners)}")
    low, high = FUNCTIONS[function][name]
    is_kind = isinstance(value, (int, float)) and isinstance(low, bool) is isinstance(value, bool)
    if not is_kind or not low <= value <= high:
        legal = "true or false" if isinstance(low, bool) else f"a number from {low} to {high}"
        raise usage(f"--set {name}={value} is not legal", f"{name} is {legal}")


# ---- the body ------------------------------------------------------------------------------------------

def _put_inputs(body: dict, ask: Ask, places) -> None:
    if places == CONTENT:
        content = [{"image": picture.address} for picture in ask.images]
        body["input"]["messages"] = [{"role": "user", "content": [*content, {"text": ask.prompt}]}]
        return
    pairs = [(places.function, ask.function), (places.prompt, ask.prompt),
             (places.mask, ask.mask and ask.mask.address)]
    if places.pictures and places.pictures[0].endswith("[]"):
        pairs.append((places.pictures[0][:-2], [picture.address for picture in ask.images] or None))
    else:
        pairs += [(path, picture.address) for path, picture in zip(places.pictures, ask.images)]
    apply_settings(body, [(path.split("."), value) for path, value in pairs if path and value is not None])


def _put_parameters(body: dict, ask: Ask, model, mode: str, settings, only_given: bool = False) -> None:
    """`n` is always sent where the model takes it:
    some models make, and bill, four or twelve pictures without it."""
    if ask.size is not None or ask.aspect is not None or ask.quality is not None:
        _put_size(body["parameters"], ask, model, settings)
    if not (only_given and ask.n is None and "n" in body["parameters"]):
        n = _count(ask, model, mode, settings)
        if n:
            body["parameters"]["n"] = n
    asked = WANTS[mode].asked(ask)
    values = {path: value for path, value in settings.sends.items() if asked}
    for name, field in model.fields.items():
        value = getattr(ask, name)
        if value is not None:
            values[field.path] = field.encode(value, ask)
        elif asked and mode in field.unset:
            place, _, name = field.path.partition(".")
            body[place].setdefault(name, field.unset[mode])  # what --request says stays
    apply_settings(body, [(path.split("."), value) for path, value in values.items()])


def _put_needs(body: dict, ask: Ask, model) -> None:
    """What a second picture stands for."""
    apply_settings(body, [(need.path.split("."), need.second) for need in model.needs
                          if need.second is not None and len(ask.images) > 1])


def _count(ask: Ask, model, mode: str, settings) -> int:
    least, most = settings.n
    if not most:
        if ask.n not in (None, 1):
            raise usage(f"{model.id} makes one picture per call",
                        "leave out -n, or call it several times (--batch)")
        return 0
    if ask.n is None and not least:  # a newer model of a family that takes none
        return 0
    n = 1 if ask.n is None else ask.n
    if ask.n is None and mode == "series":
        raise usage("--series needs -n",
                    f"the most pictures of the set, {least} to {most}; each one is billed")
    if not least <= n <= most:
        several = TABLE.names(lambda row: any(mode.n[1] > 1 for mode in row.does.values()))
        other = "use --batch for more" if most > 1 else f"models that make several: {several}"
        if mode == "interleave":
            other = "use --max-images for the number of pictures"
        makes = f"{least} to {most} pictures" if most > 1 else "one picture"
        raise usage(f"-n {n}: {model.id} makes {makes} per call", other)
    return n


def by_calls(ask: Ask, model) -> list:
    """[(ask of one call, number of such calls)]:
    -n pictures may need more than one call of the model. Raises usage."""
    mode = _mode_of(ask, model) if ask.request is None else "series"
    most = max(model.does[mode].n[1], 1) if mode in model.does else 0
    if mode in ("series", "interleave") or not most or (ask.n or 1) <= most:
        return [(ask, 1)]
    parts = [(most, ask.n // most), (ask.n % most, 1)]
    return [(Ask(**{**vars(ask), "n": n}), times) for n, times in parts if n]


def _put_size(parameters: dict, ask: Ask, model, settings) -> None:
    if ask.size is not None and (ask.aspect or ask.quality):
        raise usage("--size does not go with --aspect and --quality",
                    "give the size, or let it be found from the other two")
    if settings.sizes is None:
        raise usage(f"{model.id} takes no size",
                    "leave out --size, --aspect and --quality; the given picture decides")
    settings.sizes.put(parameters, ask, model.id, lambda: _shape_of(ask, settings))


def _shape_of(ask: Ask, settings):
    """The shape of the last picture given, as the service does it; a square without one.
    A picture in --request is not looked at."""
    last = ask.images[-1] if ask.images else None
    if not (last.width and last.height) if last else settings.images[0]:
        raise usage("--quality without --aspect: the picture's shape is not known here", "add --aspect W:H")
    return parse_aspect(f"{last.width}:{last.height}" if last else "1:1")


def _remarks(ask: Ask, model, settings, size: str) -> list:
    remarks = [f"{model.id} {model.remark}"] if model.remark else []
    unit, most = model.prompt
    if unit == "tokens" and ask.prompt and _tokens(ask.prompt) > most:
        remarks.append(f"the prompt may be longer than the {most} tokens {model.id} reads; "
                       "the rest is cut off")
    if isinstance(ask.size, tuple) and any(side % settings.sizes.step for side in ask.size):
        step = settings.sizes.step
        remarks.append(f"the service rounds both sides of {shown(ask.size)} to multiples of {step}")
    if ask.aspect and "*" in size:
        off = unlike(tuple(map(int, size.split("*"))), parse_aspect(ask.aspect).as_integer_ratio())
        if off > _WORTH_SAYING:
            remarks.append(f"{size.replace('*', 'x')} is {off:.1%} off the shape {ask.aspect}")
    return remarks


def _tokens(text: str) -> int:
    """A rough estimate: a token for each Chinese, Japanese or Korean character, and one for four others."""
    wide = len(re.findall("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]", text))
    return wide + (len(text) - wide) // 4
