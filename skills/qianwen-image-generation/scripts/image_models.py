"""The models that make and edit pictures, as data, and the lookup of a model id's row.

Source: sections 1.4, 4.3, 5, 7, 9 and 10 of the image contract (documents of 2026-05-30 and 2026-08-20; prices of the
later one). Data, not law: a model id that is not here takes the row of its longest matching prefix, with a warning.
"""
from __future__ import annotations

from collections import namedtuple

from image_sizes import Area, Choice, Ratio, Sides
from shared import models
from shared.media.inputs import Limits

TABLE_DATE = "2026-08-20"
DEFAULT_MODEL = "qwen-image-2.0"

DIRECT = "/services/aigc/multimodal-generation/generation"  # answers with the pictures
MESSAGES = "/services/aigc/image-generation/generation"  # this and all below: tasks
TEXT2IMAGE = "/services/aigc/text2image/image-synthesis"
IMAGE2IMAGE = "/services/aigc/image2image/image-synthesis"
OUT_PAINTING = "/services/aigc/image2image/out-painting"
BACKGROUND = "/services/aigc/background-generation/generation/"
VIRTUAL = "/services/aigc/virtualmodel/generation/"

_MB = 1_000_000
_QWEN = ("image/jpeg", "image/png", "image/bmp", "image/tiff", "image/webp", "image/gif")
_WAN = ("image/jpeg", "image/png", "image/bmp", "image/webp")
_TOOL = ("image/jpeg", "image/png", "image/bmp", "image/tiff", "image/webp")


def _limits(formats, megabytes, low=0, high=0, ratio=0):
    return Limits("a picture", formats, megabytes * _MB, min_side=low, max_side=high, max_ratio=ratio)


QWEN_PICTURE = _limits(_QWEN, 10)
ANY_PICTURE = Limits("a picture", (*_QWEN, "image/heic"))

# Where the parts of a request go: "messages", or dotted paths. `pictures` has a path for each picture, or one that ends
# in [] for a list. `mask` and `function` are '' where there is none.
Places = namedtuple("Places", "prompt pictures mask function", defaults=((), "", ""))
CONTENT = "messages"
PROMPT = Places("input.prompt")
I2I = Places("input.prompt", ("input.images[]",))
FUNCTION = Places("input.prompt", ("input.base_image_url",), "input.mask_image_url", "input.function")

# One thing a model does. images and n: the least and the most, n (0, 0) where it is not taken; sizes: a rule of
# image_sizes, None where no size is taken.
Mode = namedtuple("Mode", "images n sizes", defaults=((0, 0), (1, 1), None))

# Yuan for one picture. `large` from `large_from` pixels on; `extended` when the prompt is extended; `per_input` for each
# picture given.
Price = namedtuple("Price", "each large large_from extended per_input", defaults=(0.0, 0, 0.0, 0.0))

# does: mode -> Mode. direct, task: the paths, '' where there is none. fields: what our flags are called on the wire.
# places, task_places: of the direct call and of the task. prompt: the most characters or tokens, as (number, unit), and
# whether a prompt is needed. inline: whether a picture may travel inside the request. needs: settings without which the
# service refuses. running: how many tasks of one account run at a time. submit: how often a call is taken. only: the modes
# in which a field has an effect, where it is not all.
Model = namedtuple("Model", "id does direct task places task_places fields prompt needs_prompt picture inline price running "
                   "submit needs only", defaults=(("", 0), True, QWEN_PICTURE, True, None, 0, "", (), {}))

_P = "parameters."
FIELDS = {  # every field that a flag sets -> where it goes, unless the model's row says otherwise
    "negative": _P + "negative_prompt", "seed": _P + "seed", "prompt_extend": _P + "prompt_extend",
    "watermark": _P + "watermark", "think": _P + "thinking_mode", "box": _P + "bbox_list", "palette": _P + "color_palette",
    "strength": _P + "strength", "max_images": _P + "max_images", "translate_to": "input.target_lang",
    "translate_from": "input.source_lang",
}


def _fields(names: str, **others) -> dict:
    return {**{name: FIELDS[name] for name in names.split()}, **others}


_COMMON = _fields("negative seed prompt_extend watermark")
_IN_INPUT = {**_COMMON, "negative": "input.negative_prompt"}

_QWEN_ENUMS = Choice(((1664, 928), (1472, 1104), (1328, 1328), (1104, 1472), (928, 1664)))
_QWEN2 = Area(512, 2048, 8, 2048)
_TEXT_ONLY = {"make": Mode()}


def _both(n, sizes, images=(1, 3)):
    return {"make": Mode((0, 0), n, sizes), "edit": Mode(images, n, sizes)}


QWEN3 = Model("qwen-image-3.0", _both((1, 6), Area(512, 2048, 8, 1440)), DIRECT, MESSAGES, CONTENT, CONTENT,
              {**_COMMON, "think": _P + "enable_thinking"}, ("tokens", 4500), price=Price(0.18, per_input=0.02), running=10,
              submit="20 a minute")
QWEN2 = Model("qwen-image-2.0", _both((1, 6), _QWEN2), DIRECT, "", CONTENT, CONTENT, _COMMON, ("tokens", 1300),
              price=Price(0.20), submit="2 a second")
QWEN_MAX = Model("qwen-image-max", {"make": Mode((0, 0), (1, 1), _QWEN_ENUMS)}, DIRECT, "", CONTENT, CONTENT, _COMMON,
                 ("tokens", 800), price=Price(0.50), submit="2 a minute")
QWEN_PLUS = QWEN_MAX._replace(id="qwen-image-plus", task=TEXT2IMAGE, task_places=PROMPT, price=Price(0.20), running=2,
                              submit="2 a second")
EDIT_PLUS = Model("qwen-image-edit-plus", {"edit": Mode((1, 3), (1, 6), Sides(512, 2048, 1024))}, DIRECT, "", CONTENT,
                  CONTENT, _COMMON, ("tokens", 800), price=Price(0.20), submit="2 a second")
Z_IMAGE = Model("z-image-turbo", {"make": Mode((0, 0), (0, 0), Area(512, 2048, 8, 1254))}, DIRECT, "", CONTENT, CONTENT,
                _fields("seed prompt_extend"), ("characters", 800), price=Price(0.10, extended=0.20), submit="2 a second")

_WAN7_EDIT = Area(768, 2048, 8, 2048, (("1K", 1024), ("2K", 2048)))
_WAN7_PICTURE = _limits(_WAN, 20, 240, 8000, 8)
WAN7 = Model("wan2.7-image", {"make": Mode((0, 0), (1, 4), _WAN7_EDIT), "edit": Mode((1, 9), (1, 4), _WAN7_EDIT),
                              "series": Mode((0, 9), (1, 12), _WAN7_EDIT)},
             DIRECT, MESSAGES, CONTENT, CONTENT, _fields("seed watermark think box palette"), ("characters", 5000),
             picture=_WAN7_PICTURE, price=Price(0.20), running=5, submit="5 a second",
             only={"think": ("make",), "box": ("edit",), "palette": ("make", "edit")})
_WAN6_MAKE = Area(1280, 1440, 4, 1280, also=((1104, 1472), (1472, 1104), (960, 1696), (1696, 960)))
WAN6_T2I = Model("wan2.6-t2i", {"make": Mode((0, 0), (1, 4), _WAN6_MAKE)}, DIRECT, MESSAGES, CONTENT, CONTENT, _COMMON,
                 ("characters", 2100), price=Price(0.20), running=5, submit="1 a second")
WAN6 = Model("wan2.6-image", {
    "edit": Mode((1, 4), (1, 4), Area(768, 2048, 4, 1280, (("1K", 1280), ("2K", 2048)))),
    "interleave": Mode((0, 1), (1, 1), Area(768, 1280, 4, 1280))}, DIRECT, MESSAGES, CONTENT, CONTENT,
    {**_COMMON, **_fields("max_images")}, ("characters", 2000), picture=_limits(_WAN, 10, 240, 8000), price=Price(0.20),
    running=5, submit="5 a second", only={"prompt_extend": ("edit",), "max_images": ("interleave",)})
WAN5_T2I = Model("wan2.5-t2i-preview", {"make": Mode((0, 0), (1, 4), _WAN6_MAKE)}, "", TEXT2IMAGE, PROMPT, PROMPT, _IN_INPUT,
                 ("characters", 2000), price=Price(0.20), running=5, submit="5 a second")
WAN2_T2I = WAN5_T2I._replace(id="wan2.2-t2i-flash", does={"make": Mode((0, 0), (1, 4), Sides(512, 1440, 1024))},
                             prompt=("characters", 500), price=Price(0.14), running=2, submit="2 a second")
WAN5_I2I = Model("wan2.5-i2i-preview", {"edit": Mode((1, 3), (1, 4), Area(768, 1280, 4, 1280))}, "", IMAGE2IMAGE, I2I, I2I,
                 _IN_INPUT, ("characters", 2000), picture=_limits(_WAN, 10, 384, 5000), price=Price(0.20), running=5,
                 submit="5 a second")
IMAGE_EDIT = Model("wanx2.1-imageedit", {"function": Mode((1, 1), (1, 4))}, "", IMAGE2IMAGE, FUNCTION, FUNCTION,
                   _fields("seed watermark strength"), ("characters", 800), picture=_limits(_TOOL, 10, 512, 4096),
                   price=Price(0.14), running=2, submit="2 a second")
MT = Model("qwen-mt-image", {"translate": Mode((1, 1), (0, 0))}, "", IMAGE2IMAGE, Places("", ("input.image_url",)),
           Places("", ("input.image_url",)), _fields("translate_to translate_from"), needs_prompt=False,
           picture=_limits(_TOOL, 10), inline=False, price=Price(0.003), running=2, submit="1 a second")


def _tool(name, places, price=None, n=(0, 0), sizes=None, images=(1, 1), task=IMAGE2IMAGE, fields="", needs=(), prompt=True,
          **others):
    """A tool of the older kind: a task, its pictures by address alone."""
    return Model(name, {"tool": Mode(images, n, sizes)}, "", task, places, places, _fields(fields, **others),
                 needs_prompt=prompt, picture=_limits(_TOOL, 10), inline=False, price=price, needs=needs)


_RAW = Places("", ())
_WANX_V1 = Choice(((1024, 1024), (720, 1280), (768, 1152), (1280, 720)))
TOOLS = (
    _tool("wanx-v1", Places("input.prompt", ("input.ref_img",)), Price(0.16), (1, 4), _WANX_V1, (0, 1), TEXT2IMAGE, "seed",
          negative="input.negative_prompt"),
    _tool("wanx-style-repaint-v1", Places("", ("input.image_url", "input.style_ref_url")), Price(0.12), images=(1, 2),
          task=MESSAGES, prompt=False, needs=(("input.style_index", "a style number from 0, or give a second picture whose "
                                               "style is taken"),)),
    _tool("image-out-painting", Places("", ("input.image_url",)), Price(0.18), task=OUT_PAINTING, prompt=False,
          watermark=_P + "add_watermark"),
    _tool("image-erase-completion", Places("", ("input.image_url", "input.foreground_url"), "input.mask_url"), images=(1, 2),
          prompt=False, watermark=_P + "add_watermark"),
    _tool("image-instance-segmentation", Places("", ("input.image_url",)), prompt=False),
    _tool("wanx-sketch-to-image-lite", Places("input.prompt", ("input.sketch_image_url",)), Price(0.06), (1, 4),
          Choice(((768, 768), (720, 1280), (1280, 720)))),
    _tool("wanx-x-painting", Places("input.prompt", ("input.base_image_url",), "input.mask_image_url"), n=(1, 4)),
    _tool("wanx-background-generation-v2", Places("input.ref_prompt", ("input.base_image_url", "input.ref_image_url")),
          Price(0.08), (1, 4), images=(1, 2), task=BACKGROUND),
    *(_tool(name, _RAW, n=(0, 0), images=(0, 0), task=VIRTUAL, prompt=False)
      for name in ("wanx-virtualmodel", "virtualmodel-v2", "shoemodel-v1")),
    _tool("wanx-poster-generation-v1", _RAW, images=(0, 0), task=TEXT2IMAGE, prompt=False,
          needs=(("input.title", "the poster's title"),)),
)

_KLING_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
_VENDOR = dict(direct="", task=MESSAGES, places=CONTENT, task_places=CONTENT, fields=_fields(""))
KLING = Model("kling/kling-v3-image-generation", _both((1, 9), Ratio(_KLING_RATIOS, ("1k", "2k", "2k")), (1, 10)), **_VENDOR,
              prompt=("characters", 2500), picture=_limits(("image/jpeg", "image/png"), 10, 300, 8000), price=Price(0.20))
KLING_OMNI = KLING._replace(id="kling/kling-v3-omni-image-generation", price=Price(0.20, 0.40),
                            does=_both((1, 9), Ratio(_KLING_RATIOS, ("1k", "2k", "4k")), (1, 10)))
VIDU = Model("vidu/viduq2_reference2image", {"make": Mode((0, 0), (1, 1), Area(512, 4096, 8, 1024)),
                                             "edit": Mode((1, 14), (1, 1), Area(512, 4096, 8, 1024))},
             **{**_VENDOR, "fields": _fields("seed")}, picture=ANY_PICTURE)


def _named(row, *names, **changes):
    return tuple(row._replace(id=name, **changes) for name in names)


_SNAPSHOT_PLUS = QWEN_PLUS._replace(task="", running=0)
MODELS = (
    *_named(QWEN3, "qwen-image-3.0-pro", price=Price(0.25, 0.50, 2_250_001, per_input=0.02), submit="5 a minute"), QWEN3,
    *_named(QWEN2, "qwen-image-2.0-pro", price=Price(0.50), submit="2 a minute"), QWEN2,
    QWEN_MAX, QWEN_PLUS, *_named(_SNAPSHOT_PLUS, "qwen-image-plus-2026-01-09"), *_named(QWEN_PLUS, "qwen-image", price=Price(0.25)),
    *_named(EDIT_PLUS, "qwen-image-edit-max", price=Price(0.50), submit="2 a minute"), EDIT_PLUS,
    *_named(EDIT_PLUS, "qwen-image-edit", does={"edit": Mode((1, 3), (1, 1))}, price=Price(0.30),
            fields=_fields("negative seed watermark")),
    Z_IMAGE,
    *_named(WAN7, "wan2.7-image-pro", price=Price(0.50), does={
        **WAN7.does, "make": Mode((0, 0), (1, 4), Area(768, 4096, 8, 2048, (("1K", 1024), ("2K", 2048), ("4K", 4096))))}),
    WAN7, WAN6_T2I, WAN6, WAN5_T2I, WAN5_I2I, WAN2_T2I, *_named(WAN2_T2I, "wan2.2-t2i-plus", price=Price(0.20)),
    *_named(WAN2_T2I, "wanx2.1-t2i-turbo"), *_named(WAN2_T2I, "wanx2.1-t2i-plus", price=Price(0.20)),
    *_named(WAN2_T2I, "wanx2.0-t2i-turbo", price=Price(0.04), prompt=("characters", 800)),
    IMAGE_EDIT, MT, *TOOLS, KLING, KLING_OMNI, VIDU,
)

# Rows for ids that no model above covers, by their beginning. The last one takes everything.
FAMILIES = (
    *_named(QWEN2, "qwen-image-"), *_named(EDIT_PLUS, "qwen-image-edit-"), *_named(Z_IMAGE, "z-image"),
    *_named(WAN7, "wan2.", "wan3.", "wan"), *_named(WAN2_T2I, "wanx", "wan2.1-t2i", "wan2.2-t2i", "wan2.5-t2i"),
    *_named(WAN5_I2I, "wan2.5-i2i"), *_named(KLING_OMNI, "kling/"), *_named(VIDU, "vidu/"), *_named(QWEN2, ""),
)

FUNCTIONS = {  # of wanx2.1-imageedit -> its own parameters, with their ranges
    "stylization_all": {"strength": (0.0, 1.0)}, "stylization_local": {}, "description_edit": {"strength": (0.0, 1.0)},
    "description_edit_with_mask": {}, "remove_watermark": {},
    "expand": {f"{side}_scale": (1.0, 2.0) for side in ("top", "bottom", "left", "right")},
    "super_resolution": {"upscale_factor": (1, 4)}, "colorization": {}, "doodle": {"is_sketch": (False, True)},
    "control_cartoon_feature": {},
}


def find_model(name: str) -> tuple:
    """(the row of a model id, a warning or ''). An id newer than the table takes all fields and has no limits."""
    row = models.row_of(name, MODELS) or _international(name)
    if row:
        return row._replace(id=name), ""
    family = models.longest_prefix(name, (*FAMILIES, *MODELS))
    free = {mode: settings._replace(images=(0, 14), n=(1 if settings.n[1] else 0, 100), sizes=None)
            for mode, settings in family.does.items()}
    return family._replace(id=name, does=free, fields={**FIELDS, **family.fields}, prompt=("", 0), picture=ANY_PICTURE,
                           price=None, needs=(), only={}), models.unknown(name, family, TABLE_DATE)


def _international(name: str):
    """The international site writes wan2.1 where Beijing writes wanx2.1."""
    return models.row_of("wanx2.1" + name[len("wan2.1"):], MODELS) if name.startswith("wan2.1-") else None


def models_that(do: str = "", take: str = "") -> str:
    """The models that do something, or take a field, for an error message."""
    names = [row.id for row in MODELS if (not do or do in row.does) and (not take or take in row.fields)]
    return ", ".join(names[:8])
