"""The models that make and edit pictures, as data, and the table that finds a model id's row.

Source: sections 1.4, 4.3, 5, 7, 9 and 10 of the image contract, and sections 1, 2, 5 and 9 of its updates of
November 2026, which are right where they differ. Data, not law: a model id that is not here takes the row of
its longest matching prefix, with a warning.

A new family is one block above MODELS, and its name in it: the row; where no rule of image_sizes.py fits, a
subclass of `Rule` (as Ratio is for Kling); and each flag that only it has as a `Field` among the row's fields
(as `strength` of IMAGE_EDIT). A flag that rows have in common stands once in what they share, such as
`_COMMON`. Later ids that begin with the row's own are treated like it; for those that begin otherwise
FAMILIES has a row.
"""
from __future__ import annotations

import json
from collections import namedtuple

from image_fields import ENABLE_THINKING, Field, FIELDS, taken
from image_prices import by_size, Price
from image_sizes import ANY_SIZE, Area, Choice, parse_aspect, QUALITIES, Rule, Sides
from shared.cli.fields import all_of
from shared.cli.flags import number
from shared.failures import usage
from shared.media.inputs import Limits
from shared.models import Table

AS_OF = "2026-10-09"
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

# Where the parts of a request go: "messages", or dotted paths. `pictures` has a path for each picture, or one
# that ends in [] for a list. `mask` and `function` are '' where there is none.
Places = namedtuple("Places", "prompt pictures mask function", defaults=((), "", ""))
CONTENT = "messages"
PROMPT = Places("input.prompt")
I2I = Places("input.prompt", ("input.images[]",))
FUNCTION = Places("input.prompt", ("input.base_image_url",), "input.mask_image_url", "input.function")

# One thing a model does. images and n: the least and the most, n (0, 0) where it is not taken; sizes: a Rule,
# None where no size is taken; sends: path -> what asks the service for it.
Mode = namedtuple("Mode", "images n sizes sends", defaults=((0, 0), (1, 1), None, {}))
_SERIES = {"parameters.enable_sequential": True}
_INTERLEAVE = {"parameters.enable_interleave": True}

# What the service refuses to go without.
# second: what is sent there when a second picture is given, None for nothing.
Need = namedtuple("Need", "path hint second", defaults=(None,))

# does: mode -> Mode. direct, task: the paths, '' where there is none. places, task_places: of the direct call
# and of the task. fields: option -> Field. prompt: the most characters or tokens, as (number, unit), and
# whether a prompt is needed. inline: whether a picture may travel inside the request. running: how many tasks
# of one account run at a time. submit: how often a call is taken. usual: the size without flags. chosen: the
# flags for which this is the model where none is named. transparency of pictures given: "refused", "needed",
# "made" (taken and made as well), "" where it is taken or nothing is known. remark: what is said before every
# call. retired: the first day without the model, as announced, or ''; successor: the id to use instead.
# only_tasks: the regions where it does not answer directly.
Model = namedtuple(
    "Model",
    "id does direct task places task_places fields prompt needs_prompt picture inline price running "
    "submit needs usual chosen transparency remark retired successor only_tasks",
    defaults=(("", 0), True, QWEN_PICTURE, True, None, 0, "", (), "", (), "", "", "", "", ()))

_COMMON = taken("negative seed prompt_extend watermark")
_IN_INPUT = taken("seed prompt_extend watermark", negative="input.negative_prompt")
_GONE = "2026-10-10"
_TRIAL = "is offered only as a free trial: it has no price, and fails when the free quota is used up"

_QWEN_ENUMS = Choice(((1664, 928), (1472, 1104), (1328, 1328), (1104, 1472), (928, 1664)))
_QWEN2 = Area(512, 2048, 8, 2048, step=16)


def _both(n, sizes, images=(1, 3)):
    return {"make": Mode((0, 0), n, sizes), "edit": Mode(images, n, sizes)}


def _named(row, *names, **changes):
    return tuple(row._replace(id=name, **changes) for name in names)


def _gone(row, successor=DEFAULT_MODEL, day=_GONE):
    return row._replace(retired=day, successor=successor)


QWEN3 = Model("qwen-image-3.0", _both((1, 6), Area(512, 2048, 8, 1440)), DIRECT, MESSAGES, CONTENT, CONTENT,
              {**_COMMON, "think": ENABLE_THINKING}, ("tokens", 4500), price=Price(0.18, per_input=0.02),
              running=10, submit="20 a minute", usual="the model chooses by the prompt")
QWEN2 = Model("qwen-image-2.0", _both((1, 6), _QWEN2), DIRECT, "", CONTENT, CONTENT, _COMMON,
              ("tokens", 1300), price=Price(0.20), submit="2 a second", usual="2048x2048")
QWEN21 = QWEN2._replace(id="qwen-image-2.1-turbo", price=Price(0.10), submit="", usual="",
                        remark="is known only from its announcement, so it is checked like qwen-image-2.0")
QWEN21_PRO = QWEN21._replace(id="qwen-image-2.1-pro", does=_both((1, 6), _QWEN2, (1, 10)), price=Price(0.25),
                             transparency="made")
QWEN_MAX = Model("qwen-image-max", {"make": Mode((0, 0), (1, 1), _QWEN_ENUMS)}, DIRECT, "", CONTENT, CONTENT,
                 _COMMON, ("tokens", 800), price=Price(0.50), submit="2 a minute", usual="1664x928")
QWEN_PLUS = QWEN_MAX._replace(id="qwen-image-plus", task=TEXT2IMAGE, task_places=PROMPT, price=Price(0.20),
                              running=2, submit="2 a second")
EDIT_PLUS = Model("qwen-image-edit-plus", {"edit": Mode((1, 3), (1, 6), Sides(512, 2048, 1024))}, DIRECT, "",
                  CONTENT, CONTENT, _COMMON, ("tokens", 800), price=Price(0.20), submit="2 a second")
Z_IMAGE = Model("z-image-turbo", {"make": Mode((0, 0), (0, 0), Area(512, 2048, 8, 1254))}, DIRECT, "",
                CONTENT, CONTENT, taken("seed prompt_extend"), ("characters", 800),
                price=Price(0.10, extended=0.20), submit="2 a second", usual="1024x1536")

_WAN7_EDIT = Area(768, 2048, 8, 2048, (("1K", 1024), ("2K", 2048)))
_WAN7_PICTURE = _limits(_WAN, 20, 240, 8000, 8)
WAN7 = Model("wan2.7-image",
             {"make": Mode((0, 0), (1, 4), _WAN7_EDIT), "edit": Mode((1, 9), (1, 4), _WAN7_EDIT),
              "series": Mode((0, 9), (1, 12), _WAN7_EDIT, _SERIES)},
             DIRECT, MESSAGES, CONTENT, CONTENT, taken("seed watermark think box palette"),
             ("characters", 5000), picture=_WAN7_PICTURE, price=Price(0.20), running=5, submit="5 a second",
             usual="2048x2048", chosen=("series", "box", "palette"), transparency="refused")
_WAN6_MAKE = Area(1280, 1440, 4, 1280, also=((1104, 1472), (1472, 1104), (960, 1696), (1696, 960)))
WAN6_T2I = Model("wan2.6-t2i", {"make": Mode((0, 0), (1, 4), _WAN6_MAKE)}, DIRECT, MESSAGES, CONTENT, CONTENT,
                 _COMMON, ("characters", 2100), price=Price(0.20), running=5, submit="1 a second",
                 usual="1280x1280")
WAN6 = Model("wan2.6-image", {
    "edit": Mode((1, 4), (1, 4), Area(768, 2048, 4, 1280, (("1K", 1280), ("2K", 2048)), step=16)),
    "interleave": Mode((0, 1), (1, 1), Area(768, 1280, 4, 1280, step=16), _INTERLEAVE)},
    DIRECT, MESSAGES, CONTENT, CONTENT,
    taken("negative seed watermark", prompt_extend=FIELDS["prompt_extend"]._replace(modes=("edit",)),
          max_images=Field("parameters.max_images", dict(
              metavar="N", type=number(1, 5, whole=True),
              help="with --interleave: the most pictures, 1 to 5 (default: 1)"),
              "M", "special", modes=("interleave",), unset={"interleave": 1})),
    ("characters", 2000), picture=_limits(_WAN, 10, 240, 8000), price=Price(0.20), running=5,
    submit="5 a second", chosen=("interleave",), transparency="refused", only_tasks=("eu-central-1",))
WAN5_T2I = Model("wan2.5-t2i-preview", {"make": Mode((0, 0), (1, 4), _WAN6_MAKE)}, "", TEXT2IMAGE, PROMPT,
                 PROMPT, _IN_INPUT, ("characters", 2000), price=Price(0.20), running=5, submit="5 a second",
                 usual="1280x1280")
WAN2_T2I = WAN5_T2I._replace(id="wan2.2-t2i-flash",
                             does={"make": Mode((0, 0), (1, 4), Sides(512, 1440, 1024))},
                             prompt=("characters", 500), price=Price(0.14), running=2, submit="2 a second",
                             usual="1024x1024")
WAN5_I2I = Model("wan2.5-i2i-preview", {"edit": Mode((1, 3), (1, 4), Area(768, 1280, 4, 1280))}, "",
                 IMAGE2IMAGE, I2I, I2I, _IN_INPUT, ("characters", 2000),
                 picture=_limits(_WAN, 10, 384, 5000), price=Price(0.20), running=5, submit="5 a second",
                 transparency="refused")
IMAGE_EDIT = Model("wanx2.1-imageedit", {"function": Mode((1, 1), (1, 4))}, "", IMAGE2IMAGE, FUNCTION,
                   FUNCTION, taken("seed watermark", strength=Field("parameters.strength", dict(
                       metavar="X", type=number(0, 1),
                       help="with two of the functions: 0 keeps, 1 changes most"), "G", "special")),
                   ("characters", 800),
                   picture=_limits(_TOOL, 10, 512, 4096), price=Price(0.14), running=2, submit="2 a second",
                   chosen=("function", "mask"))
MT = Model("qwen-mt-image", {"translate": Mode((1, 1), (0, 0))}, "", IMAGE2IMAGE,
           Places("", ("input.image_url",)), Places("", ("input.image_url",)),
           {"translate_to": Field("input.target_lang", dict(
               metavar="LANG", help="translate the text in a picture, for example en ({models})"),
               "L", "special"),
            "translate_from": Field("input.source_lang", dict(
                metavar="LANG", help="its language (default: auto)"),
                "L", "special", unset={"translate": "auto"})},
           needs_prompt=False, picture=_limits(_TOOL, 10),
           inline=False, price=Price(0.003), running=2, submit="1 a second", chosen=("translate_to",))
MT2 = MT._replace(id="qwen-mt-image-2.0", price=Price(0.004), running=0, submit="", chosen=())


def _tool(name, places, price=None, n=(0, 0), sizes=None, images=(1, 1), task=IMAGE2IMAGE, fields=None,
          prompt=True, **more):
    """A tool of the older kind: a task, its pictures by address alone."""
    row = Model(name, {"tool": Mode(images, n, sizes)}, "", task, places, places, fields or {},
                needs_prompt=prompt, picture=_limits(_TOOL, 10), inline=False, price=price)
    return row._replace(**more)


_RAW = Places("", ())
_WANX_V1 = Choice(((1024, 1024), (720, 1280), (768, 1152), (1280, 720)))
_ADDED_MARK = taken("", watermark="parameters.add_watermark")
TOOLS = (
    _tool("wanx-v1", Places("input.prompt", ("input.ref_img",)), Price(0.16), (1, 4), _WANX_V1, (0, 1),
          TEXT2IMAGE, taken("seed", negative="input.negative_prompt"), usual="1024x1024"),
    _tool("wanx-style-repaint-v1", Places("", ("input.image_url", "input.style_ref_url")), Price(0.12),
          images=(1, 2), task=MESSAGES, prompt=False,
          needs=(Need("input.style_index",
                      "a style number from 0, or give a second picture whose style is taken", -1),)),
    _tool("wanx-sketch-to-image-lite", Places("input.prompt", ("input.sketch_image_url",)), Price(0.06),
          (1, 4), Choice(((768, 768), (720, 1280), (1280, 720)))),
    _tool("image-erase-completion", Places("", ("input.image_url", "input.foreground_url"), "input.mask_url"),
          images=(1, 2), prompt=False, fields=_ADDED_MARK, remark=_TRIAL),
    _tool("image-instance-segmentation", Places("", ("input.image_url",)), prompt=False, remark=_TRIAL),
    _tool("wanx-x-painting", Places("input.prompt", ("input.base_image_url",), "input.mask_image_url"),
          n=(1, 4), remark=_TRIAL),
    *(_tool(name, _RAW, n=(0, 0), images=(0, 0), task=VIRTUAL, prompt=False, remark=_TRIAL)
      for name in ("wanx-virtualmodel", "virtualmodel-v2", "shoemodel-v1")),
    _tool("wanx-poster-generation-v1", _RAW, images=(0, 0), task=TEXT2IMAGE, prompt=False,
          needs=(Need("input.title", "the poster's title"),), remark=_TRIAL),
    _gone(_tool("image-out-painting", Places("", ("input.image_url",)), Price(0.18), task=OUT_PAINTING,
                prompt=False, fields=_ADDED_MARK)),
    _gone(_tool("wanx-background-generation-v2",
                Places("input.ref_prompt", ("input.base_image_url", "input.ref_image_url")),
                Price(0.08), (1, 4), images=(1, 2), task=BACKGROUND, transparency="needed"), "wan2.7-image"),
    # their calls were never offered here: everything is given by --set
    *(_gone(_tool(name, _RAW, images=(0, 0), prompt=False)) for name in (
        "wordart-semantic", "wordart-texture", "wordart-surnames", "aitryon", "aitryon-plus",
        "aitryon-refiner", "aitryon-parsing-v1", "facechain-generation")),
)


class Ratio(namedtuple("Ratio", "aspects names"), Rule):
    """An aspect ratio and a resolution's name are sent instead of a size; `names` go with QUALITIES."""

    __slots__ = ()

    def fits(self, size) -> bool:
        return False

    def words(self) -> str:
        return f"--aspect {', '.join(self.aspects)} with --quality {', '.join(QUALITIES)}"

    def column(self) -> str:
        return "`--aspect`"

    def put(self, parameters: dict, ask, model: str, shape) -> None:
        if ask.size is not None:
            raise usage(f"{model} takes no --size", f"use {self.words()}")
        if ask.aspect:
            parameters["aspect_ratio"] = self._named(ask.aspect, model)
        if ask.quality:
            parameters["resolution"] = self.names[QUALITIES.index(ask.quality)]

    def _named(self, text: str, model: str) -> str:
        aspect = parse_aspect(text)
        for name in self.aspects:
            if parse_aspect(name) == aspect:
                return name
        raise usage(f"--aspect {text} is not legal for {model}", f"legal: {', '.join(self.aspects)}")


_KLING_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
_VENDOR = dict(direct="", task=MESSAGES, places=CONTENT, task_places=CONTENT)
KLING = Model("kling/kling-v3-image-generation",
              _both((1, 9), Ratio(_KLING_RATIOS, ("1k", "2k", "2k")), (1, 10)), **_VENDOR, fields={},
              prompt=("characters", 2500), picture=_limits(("image/jpeg", "image/png"), 10, 300, 8000),
              price=Price(0.20))
KLING_OMNI = KLING._replace(id="kling/kling-v3-omni-image-generation",
                            price=Price(0.20, resolutions={"4k": 0.40}),
                            does=_both((1, 9), Ratio(_KLING_RATIOS, ("1k", "2k", "4k")), (1, 10)))
VIDU = Model("vidu/viduq2_reference2image", _both((1, 1), Area(512, 4096, 8, 1024), (1, 14)), **_VENDOR,
             fields=taken("seed"), picture=ANY_PICTURE)


def _vidu(name, *prices):
    """The list names prices for 1K, 2K and 4K;
    which pixels those are it does not say, so squares of that side are taken."""
    steps = zip((1024 ** 2, 2048 ** 2, 0), prices)
    price = by_size(*steps) if len(prices) > 1 else Price(*prices)
    return VIDU._replace(id=f"vidu/{name}_reference2image", price=price)


_WAN7_PRO = Area(768, 4096, 8, 2048, (("1K", 1024), ("2K", 2048), ("4K", 4096)))


_SOLD = (
    QWEN2, *_named(QWEN2, "qwen-image-2.0-pro", price=Price(0.50), submit="2 a minute"),
    *_named(QWEN3, "qwen-image-3.0-pro", submit="5 a minute", price=by_size(
        (2_250_000, 0.25), (0, 0.50), per_input=0.02, tiers=("qima_output_1k", "qima_output_2k"))),
    QWEN3, QWEN21_PRO, QWEN21, Z_IMAGE,
    *_named(WAN7, "wan2.7-image-pro", price=Price(0.50), chosen=(),
            does={**WAN7.does, "make": Mode((0, 0), (1, 4), _WAN7_PRO)}),
    WAN7, WAN6_T2I, WAN6, WAN5_T2I, WAN5_I2I, WAN2_T2I,
    *_named(WAN2_T2I, "wan2.2-t2i-plus", price=Price(0.20)),
    *_named(WAN2_T2I, "wanx2.1-t2i-turbo"), *_named(WAN2_T2I, "wanx2.1-t2i-plus", price=Price(0.20)),
    *_named(WAN2_T2I, "wanx2.0-t2i-turbo", price=Price(0.04), prompt=("characters", 800)),
    IMAGE_EDIT, MT, MT2, *TOOLS, KLING, KLING_OMNI,
    VIDU, _vidu("vidu-image", 0.625, 1, 1.46875), _vidu("vidu-image-pro", 1.6875, 3.1875, 5.125),
    _vidu("vidu-image-lite", 0.3125, 0.34375, 0.40625), _vidu("viduq3-fast", 0.46875, 0.78125, 1.09375),
    _vidu("viduq2-pro", 0.9375, 0.9375, 1.71875), _vidu("viduq2-fast", 0.28125),
)
_ENDED = tuple(map(_gone, (
    QWEN_MAX, QWEN_PLUS, *_named(QWEN_PLUS, "qwen-image-plus-2026-01-09", task="", running=0),
    *_named(QWEN_PLUS, "qwen-image", price=Price(0.25)), EDIT_PLUS,
    *_named(EDIT_PLUS, "qwen-image-edit-max", price=Price(0.50), submit="2 a minute"),
    *_named(EDIT_PLUS, "qwen-image-edit", does={"edit": Mode((1, 3), (1, 1))}, price=Price(0.30),
            fields=taken("negative seed watermark")))))

# A new family stands here: its rule, its row.

MODELS = (*_SOLD, *_ENDED)

# Rows for ids that no model above covers, by their beginning. The last one takes everything.
FAMILIES = (
    *_named(QWEN2, "qwen-image-"), *_named(EDIT_PLUS, "qwen-image-edit-"), *_named(Z_IMAGE, "z-image"),
    *_named(WAN7, "wan2.", "wan3.", "wan"),
    *_named(WAN2_T2I, "wanx", "wan2.1-t2i", "wan2.2-t2i", "wan2.5-t2i"),
    *_named(WAN5_I2I, "wan2.5-i2i"), *_named(MT, "qwen-mt-image"), *_named(KLING_OMNI, "kling/"),
    *_named(VIDU, "vidu/"), *_named(QWEN2, ""),
)

FUNCTIONS = {  # of wanx2.1-imageedit -> its own parameters, with their ranges
    "stylization_all": {"strength": (0.0, 1.0)}, "stylization_local": {},
    "description_edit": {"strength": (0.0, 1.0)}, "description_edit_with_mask": {}, "remove_watermark": {},
    "expand": {f"{side}_scale": (1.0, 2.0) for side in ("top", "bottom", "left", "right")},
    "super_resolution": {"upscale_factor": (1, 4)}, "colorization": {},
    "doodle": {"is_sketch": (False, True)}, "control_cartoon_feature": {},
}

# What counts the pictures instead of `n`: (a parameter, with this value, the one that counts then, how many
# come without that).
_COUNTING = (("enable_interleave", True, "max_images", 5), ("result_type", "series", "series_amount", 4))


def told_mode(parameters: dict) -> str:
    """The mode that the parameters themselves ask for, '' where they leave it open."""
    tells = (("interleave", "enable_interleave"), ("series", "enable_sequential"))
    return next((mode for mode, name in tells if parameters.get(name) is True), "")


_MOST = 100  # pictures of one call, more than any model makes


def most_of(parameters: dict) -> int:
    """How many pictures may come, and be billed.
    Raises usage for a count that is none: the service may make, and bill, others than are reckoned with."""
    for name in ("n", *(count for _, _, count, _ in _COUNTING)):
        value = parameters.get(name, 1)
        if type(value) is not int or not 1 <= value <= _MOST:
            raise usage(f"--request and --set: {name} is {json.dumps(value, ensure_ascii=False)[:80]}, "
                        "but it counts the pictures that are billed",
                        f"write a whole number from 1 to {_MOST} without quotes, for example {name}=2")
    found = (parameters.get(count, usual) for name, value, count, usual in _COUNTING
             if parameters.get(name) == value)
    return next(found, parameters.get("n", 1))


# ---- the table -----------------------------------------------------------------------------------------


def _free(row: Model, priced: Model | None) -> Model:
    """The row of an id that is newer than the table: it takes all fields and has no limits."""
    does = {mode: settings._replace(images=(0, 14), n=(1 if settings.n[1] else 0, 100), sizes=ANY_SIZE)
            for mode, settings in row.does.items()}
    fields = {name: field._replace(modes=(), unset={})
              for name, field in {**all_fields(), **row.fields}.items()}
    return row._replace(does=does, fields=fields, prompt=("", 0), picture=ANY_PICTURE, needs=(), chosen=(),
                        price=priced and priced.price, transparency="", remark="")


def _spelled(name: str) -> str:
    """The international site writes wan2.1 where Beijing writes wanx2.1."""
    return "wanx2.1" + name[len("wan2.1"):] if name.startswith("wan2.1-") else name


_DOES = {"make": "makes pictures", "edit": "edits pictures", "series": "sets",
         "interleave": "text with pictures", "function": "functions", "translate": "translates pictures",
         "tool": "a tool"}


def _describe(row: Model) -> dict:
    """What --models says of a row."""
    modes = row.does.values()
    limits = {"pictures_given": max(mode.images[1] for mode in modes),
              "pictures_made": max(mode.n[1] for mode in modes),
              "sizes": list(dict.fromkeys(mode.sizes.column().strip("`") for mode in modes if mode.sizes)),
              "picture_bytes": row.picture.max_bytes, "tasks_at_a_time": row.running}
    answers = ["directly"] * bool(row.direct) + ["as a task"] * bool(row.task)
    more = {"made": ["transparency"], "refused": ["no transparency"]}.get(row.transparency, [])
    return {"does": [*(_DOES[mode] for mode in row.does), *answers, *more,
                     *(["free trial"] if row.remark == _TRIAL else ())],
            "limits": {name: value for name, value in limits.items() if value},
            "price": row.price.words(" CNY a picture") if row.price else ""}


TABLE = Table(MODELS, FAMILIES, AS_OF, _free, _describe, _spelled)


def all_fields() -> dict:
    """Every flag that is one field: those of FIELDS, and those that rows have of their own."""
    return all_of(FIELDS, TABLE.own)


def found_in(region: str, name: str) -> tuple:
    """(the row of a model id as it is in a region, a warning or '')."""
    row, warning = TABLE.find(name)
    return (row._replace(direct="") if region in row.only_tasks else row), warning


def models_that(do: str = "", take: str = "", pictures: int = 0) -> str:
    """The models that do something, with so many pictures, or take a field, for a message or a help text."""
    return TABLE.names(lambda row: (not take or take in row.fields)
                       and (not do or do in row.does and pictures <= row.does[do].images[1]))


def takers(name: str, mode: str, pictures: int, flags) -> str:
    """The advice where a model does not take a field: which models do, in this mode, with as many pictures
    and with all these flags."""
    def suits(row):
        fields = [row.fields.get(flag) for flag in flags]
        return mode in row.does and pictures <= row.does[mode].images[1] and all(
            field and (not field.modes or mode in field.modes) for field in fields)
    return TABLE.able(lambda row: name in row.fields, suits)


def chosen_for(flag: str) -> str:
    """The model that a flag asks for where none is named, '' where that is the default model."""
    return TABLE.names(lambda row: flag in row.chosen, 1)
