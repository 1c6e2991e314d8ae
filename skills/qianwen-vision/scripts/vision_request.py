"""From pictures, videos and a question to the request's body.
Pure: media have been looked at and have their address.

Wire facts: section 4 of the contract.
Options of a picture or video stand beside its main key, never inside it.
"""
from __future__ import annotations

import copy

from shared.body import apply_native_settings
from shared.chat.models import lacks, Model
from shared.chat.request import ChatAsk, Field, FIELDS, finish, put_fields, start
from shared.failures import usage
from shared.words import counted

from vision_models import DEFAULT_MODEL, OCR_MODEL, TABLE

OWN_FIELDS = {  # flags that are one field, of this skill alone
    "high_resolution": Field("vl_high_resolution_images", dict(
        action="store_true", help="look at the most pixels the model can; costs more"), "hr"),
}

# Built-in tasks of the OCR models (4.6).
OCR_TASKS = ("text_recognition", "advanced_recognition", "key_information_extraction", "table_parsing",
             "document_parsing", "formula_recognition", "multi_lan")
PLAIN_OCR = "plain"
# What the service asks about a picture to be read when nothing is asked (4.6); of a task it is about as long.
UNASKED = "Please output only the text content from the image without any additional descriptions or formatting."
MAX_INLINE_PICTURES = 250  # of one request, when they are in it as base64 (4.2)


class Ask(ChatAsk):
    """What the user asked for: the flags of every chat model and the media."""

    FIELDS = {**FIELDS, **OWN_FIELDS}
    DEFAULTS = {
        **ChatAsk.DEFAULTS, "images": (), "video": None, "frames": (), "fps": None, "ocr": None,
        "min_pixels": None, "max_pixels": None,
    }

    @property
    def ocr_task(self) -> str:
        """The built-in task, or '' for plain OCR and for everything else."""
        return "" if self.ocr in (None, PLAIN_OCR) else self.ocr

    def __init__(self, **given):
        super().__init__(**given)
        if self.ocr_task:  # a schema says which fields to extract then, and promises nothing of the text
            self.wants_json = False

    def model_name(self) -> str:
        """The model asked for, else the one the kind of work calls for."""
        return self.named or (OCR_MODEL if self.ocr else DEFAULT_MODEL)


def build_request(ask: Ask, model: Model) -> tuple:
    """The body for `/chat/completions` (or, with an OCR task,
    for the native endpoint) and remarks for the user."""
    check(ask, model)
    if ask.ocr_task:
        return _ocr_task_request(ask, model), []
    body = start(ask, model, TABLE, user_parts(ask))
    _check_addresses(body["messages"])
    return body, finish(ask, model, body, media=True)


# ---- what does not go together -------------------------------------------------------------------------

def check(ask: Ask, model: Model) -> None:
    """Refuse what the service would refuse or silently ignore."""
    if model.sees is None:
        raise usage(f"{model.id} takes only text, it cannot see",
                    "use --model with one of: " + TABLE.names(_general))
    _check_given(ask)
    _check_features(ask, model)
    _check_pixels(ask, model)
    _check_frames(ask, model)


def _general(row) -> bool:
    """Whether a model answers any question about pictures and videos."""
    return bool(row.sees.frames[1]) and "ocr" not in row.features


def _check_given(ask: Ask) -> None:
    media = bool(ask.images or ask.video or ask.frames)
    if not media and not (ask.request or {}).get("messages"):
        raise usage("there is no picture and no video to look at",
                    "add --image FILE, --video FILE or --frames FILE FILE …")
    if ask.prompt is None and media and not ask.ocr:
        raise usage("there is no question",
                    'write it first, for example: vision.py "What is this?" --image photo.jpg')
    if ask.fps is not None and not (ask.video or ask.frames):
        raise usage("--fps goes with --video or --frames", "leave it out")
    if ask.ocr is not None:
        _check_ocr(ask)


def _check_ocr(ask: Ask) -> None:
    if len(ask.images) != 1 or ask.video or ask.frames:
        raise usage("--ocr reads exactly one picture", "give one --image; for several, use --batch")
    if ask.ocr_task and ask.prompt is not None:
        raise usage(f"--ocr {ask.ocr_task} has its own instructions and would ignore a prompt",
                    "leave out the prompt, or leave out the task to read with your own prompt")
    if ask.schema is not None and ask.ocr_task not in ("", "key_information_extraction"):
        raise usage(f"--schema has no effect with --ocr {ask.ocr_task}",
                    "use --ocr key_information_extraction")
    given = {"--json-object": ask.json_object, "--system": ask.system, "--request": ask.request,
             "--think": ask.think, "--thinking-budget": ask.thinking_budget, "--effort": ask.effort}
    used = [flag for flag, value in given.items() if value]
    if ask.ocr_task and used:
        raise usage(f"{', '.join(used)}: a built-in OCR task takes nothing but the picture",
                    "leave it out")


def _check_features(ask: Ask, model: Model) -> None:
    for flag, used, feature, inability in (
            ("--high-resolution", ask.high_resolution, "hr", "has no high-resolution mode"),
            ("--json-object", ask.json_object, "so", "cannot promise JSON"),
            ("--schema", ask.schema is not None and not ask.ocr_task, "so", "cannot promise JSON"),
            ("--ocr", ask.ocr is not None, "ocr", "is not an OCR model"),
            (f"--ocr {ask.ocr_task}", bool(ask.ocr_task), "ocr-tasks", "has no built-in OCR tasks")):
        if used and lacks(model, feature):
            instead = "use --model with one of: " + TABLE.names(lambda row: feature in row.features)
            if ask.ocr and not flag.startswith("--ocr"):
                instead = "leave it out, or ask a question without --ocr"
            raise usage(f"{flag}: {model.id} {inability}", instead)
    if ask.system is not None and "no-system" in model.features:
        raise usage(f"--system: {model.id} ignores it", "put it into the prompt")
    inline = sum(image.address.startswith("data:") for image in ask.images)
    if model.sees.pictures == 1 < len(ask.images):
        raise usage(f"{model.id} reads one picture at a time",
                    f"give one --image, or use one of: {TABLE.names(_general, 3)}")
    if len(ask.images) > model.sees.pictures:
        raise usage(f"--image: {len(ask.images)} pictures are too many for {model.id}",
                    f"give at most {model.sees.pictures}")
    if inline > MAX_INLINE_PICTURES:
        raise usage(f"--image: {inline} local pictures would travel inside the request",
                    f"give at most {MAX_INLINE_PICTURES} such small ones, or addresses")


def _check_pixels(ask: Ask, model: Model) -> None:
    low, high = model.sees.pixels
    for flag, value in (("--min-pixels", ask.min_pixels), ("--max-pixels", ask.max_pixels)):
        if value is not None and not high:
            raise usage(f"{flag}: {model.id} takes none", "leave it out")
        if value is not None and not low <= value <= high:
            raise usage(f"{flag} {value} is outside what {model.id} takes",
                        f"use a number of pixels from {low} to {high}")
    if ask.min_pixels and ask.max_pixels and ask.min_pixels > ask.max_pixels:
        raise usage(f"--min-pixels {ask.min_pixels} is more than --max-pixels {ask.max_pixels}", "swap them")
    if ask.high_resolution and (ask.max_pixels or ask.min_pixels):
        raise usage("--high-resolution sets the pixels itself, "
                    "so --min-pixels and --max-pixels would be ignored", "leave one of them out")


def _check_frames(ask: Ask, model: Model) -> None:
    low, high = model.sees.frames
    if (ask.frames or ask.video) and not high:
        raise usage(f"{model.id} does not take videos", "use --model with one of: " + TABLE.names(_general))
    if ask.frames and not low <= len(ask.frames) <= high:
        raise usage(f"--frames: {counted(len(ask.frames), 'picture')}",
                    f"{model.id} takes {low} to {high} of them as a video; "
                    "give single pictures with --image")


# ---- messages ------------------------------------------------------------------------------------------

def user_parts(ask: Ask):
    """What the user says now: the media and the question. None where --request says it all."""
    new = media_parts(ask)
    parts = [*new, {"type": "text", "text": ask.prompt}] if ask.prompt is not None else new
    base = (ask.request or {}).get("messages")
    last = base[-1] if base and isinstance(base, list) and isinstance(base[-1], dict) else {}
    if parts and not new and last.get("role") == "user":  # a new question keeps the pictures it is about
        old = last.get("content")
        kept = [part for part in (old if isinstance(old, list) else ())
                if isinstance(part, dict) and part.get("type") != "text"]
        parts = kept + parts
    return parts or None


def _check_addresses(messages: list) -> None:
    """A --request body goes to the service as it is, so it cannot name files of this machine."""
    for message in messages:
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            kind = part.get("type")
            if kind not in ("image_url", "video_url", "video"):
                continue
            media = part.get(kind)
            single = media.get("url") if isinstance(media, dict) else media
            for url in map(str, media if isinstance(media, list) else [single]):
                if not url.lower().startswith(("http://", "https://", "oss://", "data:")):
                    raise usage(f"--request: {url[:200]!r} is not an address that the service can open",
                                "pass local files with --image, --video or --frames")


def media_parts(ask: Ask) -> list:
    """The content parts of the media, in the order given: pictures, then the video, then the frames."""
    pixels = _pixels(ask)
    rate = {"fps": ask.fps} if ask.fps is not None else {}
    parts = [{"type": "image_url", "image_url": {"url": image.address}, **pixels} for image in ask.images]
    if ask.video:
        parts.append({"type": "video_url", "video_url": {"url": ask.video.address}, **rate, **pixels})
    if ask.frames:
        parts.append({"type": "video", "video": [frame.address for frame in ask.frames], **rate, **pixels})
    return parts


def _pixels(ask: Ask) -> dict:
    given = {"min_pixels": ask.min_pixels, "max_pixels": ask.max_pixels}
    return {name: value for name, value in given.items() if value is not None}


# ---- built-in OCR tasks, which only the native endpoint has --------------------------------------------

def result_form(schema: dict):
    """The form that key_information_extraction fills in: field -> what is wanted.
    A JSON Schema is turned into one."""
    return _form_of(schema) if _is_schema(schema) else schema


def _is_schema(form: dict) -> bool:
    """Whether this is a JSON Schema: a form may well have a field `type`, `description` or `items`."""
    from shared.chat.json_schema import KEYWORDS, TYPES
    kinds, parts = form.get("type", "object"), form.get("properties")
    typed = all(kind in list(TYPES) for kind in (kinds if isinstance(kinds, list) else [kinds]))
    nested = isinstance(parts, dict) and all(isinstance(part, dict) for part in parts.values())
    return typed and nested and set(form) <= KEYWORDS


def _form_of(schema: dict):
    if isinstance(schema.get("properties"), dict):
        return {name: _form_of(part) for name, part in schema["properties"].items() if isinstance(part, dict)}
    if isinstance(schema.get("items"), dict):
        return [_form_of(schema["items"])]
    return str(schema.get("description") or "")


def _ocr_task_request(ask: Ask, model: Model) -> dict:
    options: dict = {"task": ask.ocr_task}
    if ask.schema is not None:
        options["task_config"] = {"result_schema": result_form(copy.deepcopy(ask.schema))}
    parameters: dict = {"ocr_options": options}
    put_fields(ask, model, parameters, TABLE)
    content = [{"image": ask.images[0].address, **_pixels(ask)}]
    body = {"model": model.id, "input": {"messages": [{"role": "user", "content": content}]},
            "parameters": parameters}
    if ask.settings:
        from shared.chat.brought import check_settings
        apply_native_settings(body, ask.settings)
        check_settings(body["parameters"], body["input"]["messages"])
    return body
