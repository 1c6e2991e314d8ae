"""What each image model takes and gives, a row per model or group of models that behave alike.

`size` and `n` are parameters with rules of their own; every other parameter is a name and a rule. What has no rule here is
not documented for the model and is refused.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, FrozenSet, Mapping, Optional, Tuple

IMAGE_GENERATION = "image-generation/generation"
TEXT2IMAGE = "text2image/image-synthesis"
IMAGE2IMAGE = "image2image/image-synthesis"
OUT_PAINTING = "image2image/out-painting"
BACKGROUND = "background-generation/generation"
VIRTUAL_MODEL = "virtualmodel/generation"
TASK_PATHS = (IMAGE_GENERATION, TEXT2IMAGE, IMAGE2IMAGE, OUT_PAINTING, BACKGROUND, VIRTUAL_MODEL)

MESSAGES, FIELDS = "messages", "fields"          # the two shapes of `input`
CHOICES, RESULTS, IMAGE_URL, OUTPUT_IMAGE, POSTER = "choices", "results", "image_url", "output_image_url", "render_urls"
MAX_SEED = 2 ** 31 - 1

Rule = Callable[[Any], str]            # what is wrong with a value, or ""


# Rules

def _whole_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be Boolean"


def text(value: Any) -> str:
    return "" if isinstance(value, str) else "must be String"


def negative(value: Any) -> str:
    """A longer one would be cut off without a word."""
    return text(value) or ("must have 500 characters at most" if len(value) > 500 else "")


def whole(low: int, high: int) -> Rule:
    return lambda value: "" if _whole_number(value) and low <= value <= high else f"must be an Integer in [{low}, {high}]"


def number(low: float, high: float) -> Rule:
    def rule(value: Any) -> str:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"must be a number in [{low}, {high}]"
    return rule


def choice(*allowed: Any) -> Rule:
    told = f"must be one of {', '.join(map(str, allowed))}"
    return lambda value: "" if value in allowed and not isinstance(value, bool) else told


def anything(value: Any) -> str:
    return ""


SEED = whole(0, MAX_SEED)
RATIO = re.compile(r"\d{1,3}\.\d\d%")


def palette(value: Any) -> str:
    if not isinstance(value, list) or not 3 <= len(value) <= 10:
        return "must be a list of 3 to 10 colours"
    total = 0
    for colour in value:
        if not isinstance(colour, dict) or set(colour) != {"hex", "ratio"}:
            return 'must hold {"hex": "#RRGGBB", "ratio": "23.51%"} only'
        if not isinstance(colour["hex"], str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour["hex"]):
            return f"has the colour {colour['hex']!r}, which is not #RRGGBB"
        if not isinstance(colour["ratio"], str) or not RATIO.fullmatch(colour["ratio"]):
            return f"has the ratio {colour['ratio']!r}, which is not a string like 23.51%"
        total += int(colour["ratio"][:-1].replace(".", ""))
    return "" if total == 10000 else f"has ratios that make {total / 100:.2f}%, not 100.00%"


def boxes(value: Any) -> str:
    """The form only; how many lists there must be depends on the pictures."""
    if not isinstance(value, list) or not all(isinstance(some, list) for some in value):
        return "must be a list with a list of boxes for each picture"
    for box in (box for some in value for box in some):
        if not isinstance(box, list) or len(box) != 4 or not all(_whole_number(place) and place >= 0 for place in box):
            return "must hold boxes of four whole numbers: [x1, y1, x2, y2]"
        if box[0] >= box[2] or box[1] >= box[3]:
            return f"has the box {box}, whose second corner is not below and right of the first"
    return "must hold two boxes a picture at most" if any(len(some) > 2 for some in value) else ""


# Sizes

@dataclass(frozen=True)
class Size:
    """One of: a list of sizes, a range of areas, a range of sides; and tiers beside it. Pairs are (least, most)."""
    default: str = ""                  # of a picture from text alone; "W*H"
    edited: int = 1024                 # root of the area of an edited picture when no size is asked for
    values: Tuple[str, ...] = ()
    area: Optional[Tuple[int, int]] = None       # of the roots of the area
    side: Optional[Tuple[int, int]] = None
    ratio: float = float("inf")        # the longest picture, either way
    tiers: Mapping[str, int] = field(default_factory=dict)    # tier -> root of the area
    step: int = 1                      # sides are rounded to multiples of it
    also: Tuple[str, ...] = ()         # recommended though the areas leave them out by a hair


QWEN_2 = Size("2048*2048", area=(512, 2048), step=16)
QWEN_3 = Size("1024*1024", area=(512, 2048), ratio=8)
QWEN_1 = Size("1664*928", values=("1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664"))
QWEN_EDIT = Size("1024*1024", side=(512, 2048))
EDIT_FIXED = Size("1024*1024")
Z_IMAGE = Size("1024*1536", area=(512, 2048))
WAN27 = Size("2048*2048", 2048, area=(768, 2048), ratio=8, tiers={"1K": 1024, "2K": 2048})
WAN27_PRO_TEXT = replace(WAN27, area=(768, 4096), tiers={"1K": 1024, "2K": 2048, "4K": 4096})
WAN26_TEXT = Size("1280*1280", area=(1280, 1440), ratio=4, also=("1104*1472", "1472*1104", "960*1696", "1696*960"))
WAN26_EDIT = Size("1280*1280", 1280, area=(768, 2048), ratio=4, tiers={"1K": 1280, "2K": 2048}, step=16)
WAN26_MIXED = Size("1280*1280", 1280, area=(768, 1280), ratio=4, step=16)
WAN22 = Size("1024*1024", side=(512, 1440))
WAN25_EDIT = Size("1280*1280", 1280, area=(768, 1280), ratio=4)
WANX1 = Size("1024*1024", values=("1024*1024", "720*1280", "768*1152", "1280*720"))
FREE = Size("1024*1024", side=(1, 8192))


# Pictures that go in

@dataclass(frozen=True)
class Media:
    formats: FrozenSet[str] = frozenset(("JPEG", "PNG", "BMP", "WebP"))
    side: Optional[Tuple[int, int]] = None
    ratio: float = float("inf")
    megabytes: int = 10
    alpha: bool = True
    data: bool = True                  # data URLs are documented


ALL_FORMATS = frozenset(("JPEG", "PNG", "BMP", "TIFF", "WebP"))
QWEN_MEDIA = Media(ALL_FORMATS | {"GIF"})
WAN27_MEDIA = Media(side=(240, 8000), ratio=8, megabytes=20, alpha=False)
WAN26_MEDIA = Media(side=(240, 8000), alpha=False)
WAN25_MEDIA = Media(side=(384, 5000), alpha=False)
EDIT_MEDIA = Media(ALL_FORMATS, side=(512, 4096))
KLING_MEDIA = Media(side=(300, 8000))
URL_MEDIA = Media(ALL_FORMATS, data=False)


@dataclass(frozen=True)
class ImageModel:
    """`traits`: typed items say type image, finished is told, text_item beside the picture, metric a task_metric in sync
    answers, spread a choice for each picture, rewritten results tell prompts, flat failures may be told without output,
    open input and parameters are documented elsewhere."""
    name: str
    parameters: Mapping[str, Rule]
    sync: bool = False                 # at multimodal-generation
    task: Optional[str] = None         # the path that makes tasks
    shape: str = MESSAGES
    inputs: Mapping[str, Rule] = field(default_factory=dict)   # fields of `input` beside messages and the media fields
    required: Tuple[str, ...] = ()
    media_fields: Tuple[str, ...] = ()           # fields of `input` that hold an address
    size: Optional[Size] = None
    n: Optional[Tuple[int, int]] = None          # None: the parameter is not taken
    n_default: int = 1
    images: Tuple[int, int] = (0, 0)
    media: Media = Media()
    characters: Optional[int] = None   # of the prompt; more would be cut off
    tokens: Optional[int] = None
    result: str = CHOICES
    usage: str = "count"
    traits: FrozenSet[str] = frozenset()

    def has(self, trait: str) -> bool:
        return trait in self.traits


def _rows() -> Dict[str, ImageModel]:
    table: Dict[str, ImageModel] = {}

    def add(names: str, parameters: Dict[str, Rule], traits: str = "", **others: Any) -> None:
        for name in names.split():
            table[name] = ImageModel(name, parameters, traits=frozenset(traits.split()), **others)

    ordinary = {"prompt_extend": boolean, "watermark": boolean, "seed": SEED}
    with_negative = {**ordinary, "negative_prompt": negative}
    plain_prompt = {"prompt": text, "negative_prompt": negative}
    wan27 = {"watermark": boolean, "seed": SEED, "enable_sequential": boolean, "thinking_mode": boolean, "bbox_list": boxes,
             "color_palette": palette}
    strength = number(0, 1)

    add("qwen-image-3.0-pro qwen-image-3.0",
        {**with_negative, "prompt_extend_mode": choice("direct", "agent"), "enable_thinking": boolean}, sync=True,
        task=IMAGE_GENERATION, size=QWEN_3, n=(1, 6), images=(0, 3), media=QWEN_MEDIA, tokens=4500, usage="qima")
    add("qwen-image-2.1-pro", with_negative, sync=True, size=QWEN_2, n=(1, 6), images=(0, 10), media=QWEN_MEDIA, tokens=1300,
        usage="sides")
    add("qwen-image-2.1-turbo qwen-image-2.0-pro qwen-image-2.0", with_negative, sync=True, size=QWEN_2, n=(1, 6), images=(0, 3),
        media=QWEN_MEDIA, tokens=1300, usage="sides")
    add("qwen-image-max qwen-image-plus-2026-01-09", with_negative, "metric", sync=True, size=QWEN_1, n=(1, 1), tokens=800,
        usage="sides")
    add("qwen-image-plus qwen-image", with_negative, "metric rewritten", sync=True, task=TEXT2IMAGE, inputs=plain_prompt,
        required=("prompt",), size=QWEN_1, n=(1, 1), tokens=800, characters=800, usage="sides")
    add("qwen-image-edit-max qwen-image-edit-plus", with_negative, sync=True, size=QWEN_EDIT, n=(1, 6), images=(1, 3),
        media=QWEN_MEDIA, tokens=800, usage="sides")
    add("qwen-image-edit", {"negative_prompt": negative, "watermark": boolean, "seed": SEED}, sync=True, size=EDIT_FIXED,
        n=(1, 1), images=(1, 3), media=QWEN_MEDIA, tokens=800, usage="sides")
    add("z-image-turbo", {"prompt_extend": boolean, "seed": SEED}, "text_item", sync=True, size=Z_IMAGE, characters=800,
        usage="z")
    add("wan2.7-image-pro wan2.7-image", wan27, "typed finished spread flat", sync=True, task=IMAGE_GENERATION, size=WAN27,
        n=(1, 4), images=(0, 9), media=WAN27_MEDIA, characters=5000, usage="wan")
    add("wan2.6-t2i", with_negative, "typed finished spread flat", sync=True, task=IMAGE_GENERATION, size=WAN26_TEXT,
        n=(1, 4), n_default=4, characters=2100, usage="wan")
    add("wan2.6-image", {**with_negative, "enable_interleave": boolean, "max_images": whole(1, 5), "stream": boolean},
        "typed finished spread flat", sync=True, task=IMAGE_GENERATION, size=WAN26_EDIT, n=(1, 4), n_default=4,
        images=(1, 4), media=WAN26_MEDIA, characters=2000, usage="wan")

    text2image = {"task": TEXT2IMAGE, "shape": FIELDS, "inputs": plain_prompt, "required": ("prompt",), "result": RESULTS,
                  "n": (1, 4), "n_default": 4}
    add("wan2.5-t2i-preview", ordinary, "rewritten", size=WAN26_TEXT, characters=2000, **text2image)
    add("wan2.2-t2i-flash wan2.2-t2i-plus wanx2.1-t2i-turbo wanx2.1-t2i-plus wan2.1-t2i-turbo wan2.1-t2i-plus", ordinary,
        "rewritten", size=WAN22, characters=500, **text2image)
    add("wanx2.0-t2i-turbo", ordinary, "rewritten", size=WAN22, characters=800, **text2image)
    styles = ("auto", "photography", "portrait", "3d cartoon", "anime", "oil painting", "watercolor", "sketch",
              "chinese painting", "flat illustration")
    add("wanx-v1",
        {"style": choice(*(f"<{style}>" for style in styles)), "seed": SEED, "ref_strength": strength,
         "ref_mode": choice("repaint", "refonly")},
        size=WANX1, media_fields=("ref_img",), media=URL_MEDIA, **text2image)

    edits = {"shape": FIELDS, "task": IMAGE2IMAGE, "result": RESULTS}
    add("wan2.5-i2i-preview", ordinary, "rewritten", inputs=plain_prompt, required=("prompt", "images"), size=WAN25_EDIT,
        n=(1, 4), n_default=4, images=(1, 3), media=WAN25_MEDIA, characters=2000, **edits)
    add("wanx2.1-imageedit", {"watermark": boolean, "seed": SEED}, inputs={"function": choice(*FUNCTIONS), "prompt": text},
        required=("function", "prompt", "base_image_url"), media_fields=("base_image_url", "mask_image_url"), n=(1, 4),
        media=EDIT_MEDIA, characters=800, **edits)
    add("qwen-mt-image qwen-mt-image-2.0", {}, shape=FIELDS, task=IMAGE2IMAGE, result=IMAGE_URL, media=URL_MEDIA, media_fields=("image_url",),
        required=("image_url", "source_lang", "target_lang"),
        inputs={"source_lang": text, "target_lang": text, "ext": anything})
    add("wanx-style-repaint-v1", {}, shape=FIELDS, task=IMAGE_GENERATION, result=RESULTS, media=URL_MEDIA,
        media_fields=("image_url", "style_ref_url"), required=("image_url", "style_index"),
        inputs={"style_index": whole(-1, 100)})
    offsets = {f"{side}_offset": whole(0, 20000) for side in ("left", "right", "top", "bottom")}
    add("image-out-painting",
        {"angle": number(0, 359), "output_ratio": text, "x_scale": number(1, 3), "y_scale": number(1, 3), **offsets,
         "best_quality": boolean, "limit_image_size": boolean, "add_watermark": boolean},
        shape=FIELDS, task=OUT_PAINTING, result=OUTPUT_IMAGE, media=URL_MEDIA, media_fields=("image_url",),
        required=("image_url",))
    add("image-erase-completion", {"dilate_flag": boolean, "fast_mode": boolean, "add_watermark": boolean}, shape=FIELDS,
        task=IMAGE2IMAGE, result=OUTPUT_IMAGE, media=URL_MEDIA, media_fields=("image_url", "mask_url", "foreground_url"),
        required=("image_url", "mask_url"))
    add("image-instance-segmentation", {}, "visible", shape=FIELDS, task=IMAGE2IMAGE, result=OUTPUT_IMAGE, media=URL_MEDIA,
        media_fields=("image_url",), required=("image_url",))
    add("wanx-sketch-to-image-lite", {"style": text, "sketch_weight": number(0, 10)}, inputs={"prompt": text}, size=FREE,
        n=(1, 4), n_default=4, media=URL_MEDIA, media_fields=("sketch_image_url",), required=("sketch_image_url", "prompt"),
        **edits)
    add("wanx-x-painting", {}, "open", inputs={"prompt": text}, n=(1, 4), n_default=4, media=URL_MEDIA,
        media_fields=("base_image_url", "mask_image_url"), required=("prompt", "base_image_url", "mask_image_url"), **edits)
    add("wanx-background-generation-v2", {"model_version": text, "noise_level": anything}, "open", shape=FIELDS,
        task=BACKGROUND, result=RESULTS, inputs={"ref_prompt": text}, media_fields=("base_image_url", "ref_image_url"),
        required=("base_image_url",), n=(1, 4), media=URL_MEDIA)
    add("wanx-virtualmodel virtualmodel-v2 shoemodel-v1", {}, "open", shape=FIELDS, task=VIRTUAL_MODEL, result=RESULTS,
        n=(1, 4), media=URL_MEDIA)
    add("wanx-poster-generation-v1", {}, "open", shape=FIELDS, task=TEXT2IMAGE, result=POSTER, inputs={"title": text},
        required=("title",), media=URL_MEDIA)

    for name, tiers in (("kling/kling-v3-image-generation", ("1k", "2k")),
                        ("kling/kling-v3-omni-image-generation", ("1k", "2k", "4k"))):
        add(name,
            {"result_type": choice("single", "series"), "series_amount": whole(2, 9), "resolution": choice(*tiers),
             "aspect_ratio": choice(*ASPECTS)},
            "typed finished", task=IMAGE_GENERATION, inputs={"element_list": anything}, n=(1, 9), images=(0, 10),
            media=KLING_MEDIA, characters=2500, usage="kling")
    add(VIDU, {"seed": SEED}, "typed finished", task=IMAGE_GENERATION, size=FREE, n=(1, 1), images=(0, 14), usage="wan")
    return table


# wanx2.1-imageedit: function -> its own parameters
SCALE = number(1, 2)
FUNCTIONS: Dict[str, Dict[str, Rule]] = {
    "stylization_all": {"strength": number(0, 1)},
    "stylization_local": {},
    "description_edit": {"strength": number(0, 1)},
    "description_edit_with_mask": {},
    "remove_watermark": {},
    "expand": {"top_scale": SCALE, "bottom_scale": SCALE, "left_scale": SCALE, "right_scale": SCALE},
    "super_resolution": {"upscale_factor": whole(1, 4)},
    "colorization": {},
    "doodle": {"is_sketch": boolean},
    "control_cartoon_feature": {},
}
ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4), "3:2": (3, 2), "2:3": (2, 3),
           "21:9": (21, 9)}
VIDU = "vidu/viduq2_reference2image"
ANY_VIDU = re.compile(r"vidu/[A-Za-z0-9.-]+_reference2image")
IMAGE_MODELS: Dict[str, ImageModel] = _rows()
SNAPSHOT = re.compile(r"(.+)-\d{4}-\d{2}-\d{2}")


def find(name: str, models: Mapping[str, ImageModel] = IMAGE_MODELS) -> Optional[ImageModel]:
    """The row of a model id; a dated snapshot takes the row of its stem. Case matters."""
    model = models.get(name)
    if model is not None:
        return model if model.name == name else replace(model, name=name)
    match = SNAPSHOT.fullmatch(name)
    model = models.get(match.group(1)) if match else models.get(VIDU) if ANY_VIDU.fullmatch(name) else None
    return replace(model, name=name) if model else None
