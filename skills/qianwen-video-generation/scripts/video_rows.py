"""The models that make and edit videos, as data: a row each, and what rows are made of.

Source: sections 1.5, 1.6, 4.3, 6, 7, 9 and 10 of the video contract (documents of 2026-05-30 and 2026-08-20),
and the vendor's pages of October 2026, which are right where they differ. Data, not law. A model is a row:
its lengths are Seconds of its ways, its ratios and tiers those of its shape, and a flag that it or its family
alone takes is a Field among its fields.
"""
from __future__ import annotations

import re
from collections import namedtuple

from shared.cli.flags import number
from shared.media.inputs import Limits

from video_fields import Field, SPECIAL, taken
from video_rules import Anything, FOLLOWS, Given, Pixels, Price, Prompt, RATIOS, Seconds, Tiers

AS_OF = "2026-10-09"
FUNCTION_MODEL = "wanx2.1-vace-plus"
SYNTHESIS = "/services/aigc/video-generation/video-synthesis"
IMAGE2VIDEO = "/services/aigc/image2video/video-synthesis"
DETECT = "/services/aigc/image2video/face-detect"

# ---- media -----------------------------------------------------------------------------------------------

_MB = 1_000_000
_PICTURES = ("image/jpeg", "image/png", "image/bmp", "image/webp")
_MORE_PICTURES = ("image/jpeg", "image/png", "image/bmp", "image/tiff", "image/webp")
_CLIPS = ("video/mp4", "video/quicktime")
_MORE_CLIPS = (*_CLIPS, "video/x-msvideo", "video/x-matroska", "video/x-flv", "video/mp2t", "video/mpeg",
               "application/mxf")
_SOUNDS = ("audio/wav", "audio/mpeg")


def picture(megabytes=20, low=240, high=8000, ratio=8, formats=_PICTURES):
    return Limits("a picture", formats, megabytes * _MB, min_side=low, max_side=high, max_ratio=ratio)


def clip(least, most, low=240, high=4096, megabytes=100, ratio=8, formats=_CLIPS):
    return Limits("a video", formats, megabytes * _MB, min_side=low, max_side=high, max_ratio=ratio,
                  min_seconds=least, max_seconds=most)


def sound(least, most):
    return Limits("a sound", _SOUNDS, 15 * _MB, min_seconds=least, max_seconds=most)


ANY = {"image": Limits("a picture", (*_MORE_PICTURES, "image/gif", "image/heic"), 0),
       "video": Limits("a video", (*_MORE_CLIPS, "video/webm"), 0),
       "sound": Limits("a sound", (*_SOUNDS, "audio/ogg", "audio/flac", "audio/mp4"), 0)}
WAN_MEDIA = {"image": picture(), "video": clip(2, 10), "sound": sound(2, 30)}
OLD_MEDIA = {"image": picture(ratio=0), "sound": sound(3, 30)}
SMALL_MEDIA = {"image": picture(10, ratio=0)}

# ---- what a row is made of -------------------------------------------------------------------------------

# What a way of using a model takes. mode: as --mode names it. inputs: the roles that must be there; several
# ways of one model are told apart by them, and by the mode. prompt: "needed", "may" or "never". ratio:
# whether a shape may be asked for. continues: whether the length counts the video given. function: the name
# of the edit, where the model has several.
Way = namedtuple("Way", "mode inputs prompt seconds ratio continues function",
                 defaults=("needed", FOLLOWS, False, False, ""))

# What a function of a model takes. needed, may: roles that must be there and that may. sized: whether a size
# counts. own: its own parameters. controls: legal values of --control; with control_needed a video must come
# with one. references: the most. tells: roles that alone mean this function. one_of: roles of which one must
# be there, and clips: fields of the input that do as well. each: own parameter -> what is sent for each
# reference unless something else is said.
Function = namedtuple("Function",
                      "needed may sized own controls control_needed references tells one_of clips each",
                      defaults=((), (), False, 0, (), (), (), {}))

# path: of the service. places: role -> where it goes: a dotted path, one that ends in [] for a list, or
# "media:TYPE" for an item of input.media; "role.mode" where a mode wants another place; "voice" -> the field
# of a reference that holds its voice. ways: in the order they are tried. shape: how the picture's size is
# told. fields: flag -> Field. media: limits by kind. references: most pictures, videos and of both. sends:
# parameter -> what is sent unless something else is said. inline: roles whose local files may travel inside
# the request. opaque: whether transparent pictures are refused. upload_doubt: whether uploads are not
# documented. doubt: what is not sure, for a warning. running: tasks of one account at a time. usual: how long
# a task takes, in words. needs: parameters of which one each must be there. legal: flag -> its values, where
# the model has values of its own. functions: name -> Function, instead of ways. together: the most seconds of
# all reference videos, and of them with the video that is made, 0 where that is not bounded. more: (roles of
# references that are neither, the most of them together). retired: the first day without the model, as
# announced, or ''; successor: the id to use instead. like: of a later snapshot the row of its model, whose
# bounds its estimate takes, else None.
Model = namedtuple(
    "Model", "id path places ways shape fields prompt media references sends inline opaque upload_doubt "
    "doubt price running usual needs legal functions together more retired successor like",
    defaults=(Prompt(5000), WAN_MEDIA, (0, 0, 0), {}, ("image", "last_frame", "reference"), False, False, "",
              None, 5, "1 to 5 min", (), {}, {}, (0, 0), (), "", "", None))


def _named(row, *names, **changes):
    return tuple(row._replace(id=name, **changes) for name in names)


def _slower(row, seconds: Seconds):
    """The ways of a row with other lengths."""
    return tuple(way._replace(seconds=seconds) for way in row.ways)


# ---- Wan 2.7 and 3.0 -------------------------------------------------------------------------------------

def _sizes(*sizes):
    return dict(zip(RATIOS, sizes))


NEW_SIZES = {"720P": _sizes((1280, 720), (720, 1280), (960, 960), (1104, 832), (832, 1104)),
             "1080P": _sizes((1920, 1080), (1080, 1920), (1440, 1440), (1648, 1248), (1248, 1648))}
OLD_SIZES = {"480P": _sizes((832, 480), (480, 832), (624, 624)),
             "720P": _sizes((1280, 720), (720, 1280), (960, 960), (1088, 832), (832, 1088)),
             "1080P": _sizes((1920, 1080), (1080, 1920), (1440, 1440), (1632, 1248), (1248, 1632))}
_WAN = taken("negative seed prompt_extend watermark")
_NEW = Tiers(("720P", "1080P"), "1080P", sizes=NEW_SIZES)
_TO_15, _ONLY_5, _5_OR_10 = Seconds(tuple(range(2, 16))), Seconds((5,)), Seconds((5, 10))
_60_100 = {"720P": 0.6, "1080P": 1.0}

T2V7 = Model("wan2.7-t2v", SYNTHESIS, {"audio": "input.audio_url"}, (
    Way("t2v", (), "needed", _TO_15, True), Way("t2v", ("audio",), "needed", _TO_15, True)),
    _NEW, _WAN, opaque=True, price=Price(_60_100))
I2V7 = Model("wan2.7-i2v", SYNTHESIS, {
    "image": "media:first_frame", "last_frame": "media:last_frame", "audio": "media:driving_audio",
    "video": "media:first_clip"},
    (Way("i2v", ("image",), "may", _TO_15), Way("i2v", ("image", "audio"), "may", _TO_15),
     Way("kf2v", ("image", "last_frame"), "may", _TO_15),
     Way("kf2v", ("image", "last_frame", "audio"), "may", _TO_15),
     Way("i2v", ("video",), "may", _TO_15, continues=True),
     Way("i2v", ("video", "last_frame"), "may", _TO_15, continues=True)),
    _NEW, _WAN, opaque=True, price=Price(_60_100))
_REFERRED = Seconds(_TO_15.legal, with_video=10)
R2V7 = Model("wan2.7-r2v", SYNTHESIS, {
    "reference": "media:reference_image", "reference_video": "media:reference_video",
    "image": "media:first_frame", "voice": "reference_voice"},
    (Way("r2v", ("reference",), "needed", _REFERRED, True),
     Way("r2v", ("reference", "image"), "needed", _REFERRED)),
    _NEW, _WAN, media={**WAN_MEDIA, "video": clip(1, 30), "sound": sound(1, 10)}, references=(5, 5, 5),
    opaque=True, price=Price(_60_100, given=True, most_given=5))
_EDITED = Seconds((0, *range(2, 11)), 0)
EDIT7 = Model("wan2.7-videoedit", SYNTHESIS, {"video": "media:video", "reference": "media:reference_image"},
              (Way("edit", ("video",), "may", _EDITED, True),
               Way("edit", ("video", "reference"), "may", _EDITED, True)),
              _NEW, {**_WAN, **taken("keep_sound")}, references=(4, 0, 4), opaque=True,
              price=Price(_60_100, given=True))
_TO_30 = Seconds((-1, *range(2, 31)))
WAN3 = Model("wan3.0-video", SYNTHESIS, {
    "image": "media:first_frame", "last_frame": "media:last_frame", "reference": "media:reference_image",
    "reference_video": "media:reference_video", "reference_sound": "media:reference_audio",
    "reference_file": "media:file", "reference_link": "media:link", "audio": "media:reference_audio"}, (
    Way("t2v", (), "needed", _TO_30, True), Way("i2v", ("image",), "may", _TO_30, True),
    Way("kf2v", ("image", "last_frame"), "may", _TO_30, True),
    Way("r2v", ("reference",), "may", _TO_30, True),
    Way("r2v", ("reference", "audio"), "may", _TO_30, True)),
    Tiers(("480P", "720P", "1080P"), "1080P", ("adaptive", "16:9", "4:3", "1:1", "3:4", "9:16")),
    taken("seed prompt_extend watermark sound"), Prompt(20000),
    {**WAN_MEDIA, "video": clip(1, 15), "sound": sound(0.1, 15)},
    references=(10, 5, 15), opaque=True, together=(15, 30),
    more=(("reference_sound", 5), ("reference_file reference_link", 1)),
    price=Price({"480P": 0.3, "720P": 0.6, "1080P": 1.2}, given=True))

# ---- Wan 2.6 and older -----------------------------------------------------------------------------------

_ALL_TIERS = ("480P", "720P", "1080P")
_480_TOO = {"480P": 0.3, **_60_100}
_PLUS_22, _FLASH_22 = {"480P": 0.14, "1080P": 0.70}, {"480P": 0.10, "720P": 0.20, "1080P": 0.48}
_FLASH, _SILENT = {"720P": 0.30, "1080P": 0.50}, {"720P": 0.15, "1080P": 0.25}
_TURBO, _PLUS_21 = {"480P": 0.24, "720P": 0.24}, {"720P": 0.70}


def _t2v(name, tiers, default, seconds, price, prompt, more="", audio=True, **others):
    ways = (Way("t2v", (), "needed", seconds, True), Way("t2v", ("audio",), "needed", seconds, True))
    return Model(name, SYNTHESIS, {"audio": "input.audio_url"} if audio else {}, ways if audio else ways[:1],
                 Pixels(tiers, default, sizes=OLD_SIZES), {**_WAN, **taken(more)}, Prompt(prompt), OLD_MEDIA,
                 opaque=True, price=Price(price), running=5 if audio else 2, **others)


def _i2v(name, tiers, default, seconds, price, prompt=800, more="", audio=False):
    places_ = {"image": "input.img_url", **({"audio": "input.audio_url"} if audio else {})}
    ways = (Way("i2v", ("image",), "may", seconds), Way("i2v", ("image", "audio"), "may", seconds))
    return Model(name, SYNTHESIS, places_, ways if audio else ways[:1], Tiers(tiers, default),
                 {**_WAN, **taken("template " + more)}, Prompt(prompt), OLD_MEDIA if audio else SMALL_MEDIA,
                 opaque=True, price=price, running=5 if audio else 2)


T2V6 = _t2v("wan2.6-t2v", ("720P", "1080P"), "1080P", _TO_15, _60_100, 1500, "shot")
T2V5 = _t2v("wan2.5-t2v-preview", _ALL_TIERS, "1080P", _5_OR_10, _480_TOO, 1500)
T2V2 = _t2v("wan2.2-t2v-plus", ("480P", "1080P"), "1080P", _ONLY_5, _PLUS_22, 800, audio=False)
I2V6 = _i2v("wan2.6-i2v", ("720P", "1080P"), "1080P", _TO_15, Price(_60_100), 1500, "shot", True)
I2V5 = _i2v("wan2.5-i2v-preview", _ALL_TIERS, "1080P", _5_OR_10, Price(_480_TOO), 1500, audio=True)
I2V2 = _i2v("wan2.2-i2v-plus", ("480P", "1080P"), "1080P", _ONLY_5, Price(_PLUS_22))
KF2V = Model("wan2.2-kf2v-flash", IMAGE2VIDEO,
             {"image": "input.first_frame_url", "last_frame": "input.last_frame_url"},
             (Way("kf2v", ("image", "last_frame"), "may", _ONLY_5), Way("kf2v", ("image",), "may", _ONLY_5)),
             Tiers(_ALL_TIERS, "720P"), {**_WAN, **taken("template")}, Prompt(800), SMALL_MEDIA, opaque=True,
             price=Price(_FLASH_22), running=2)
R2V6 = Model("wan2.6-r2v", SYNTHESIS,
             {"reference": "input.reference_urls[]", "reference_video": "input.reference_urls[]"},
             (Way("r2v", ("reference",), "needed", Seconds(tuple(range(2, 11))), True),),
             Pixels(("720P", "1080P"), "1080P", sizes=OLD_SIZES), taken("negative seed watermark shot"),
             Prompt(1500), {"image": picture(ratio=0), "video": clip(1, 30, 0, 0, ratio=0)}, (5, 3, 5),
             inline=(), opaque=True, price=Price(_60_100, given=True, most_given=5))
ANIMATE = Model("wan2.2-animate-move", IMAGE2VIDEO, {"image": "input.image_url", "video": "input.video_url"},
                (Way("animate", ("image", "video"), "never"),), Given("mode"),
                taken("quality", watermark="input.watermark"), Prompt(0),
                {"image": picture(5, 200, 4096, 3),
                 "video": clip(2, 30, 200, 2048, 200, 3, (*_CLIPS, "video/x-msvideo"))},
                sends={"mode": "wan-std"}, inline=(), price=Price({"wan-std": 0.4, "wan-pro": 0.6}),
                running=1, legal={"quality": ("wan-std", "wan-pro")})
S2V = Model("wan2.2-s2v", IMAGE2VIDEO, {"image": "input.image_url", "audio": "input.audio_url"},
            (Way("s2v", ("image", "audio"), "never"),), Tiers(("480P", "720P"), "480P"), {}, Prompt(0),
            {"image": picture(20, 400, 7000, 0), "sound": sound(0.1, 19.99)}, inline=(),
            price=Price({"480P": 0.5, "720P": 0.9}), running=1, usual="5 to 10 min")

CONTROLS = ("posebodyface", "posebody", "depth", "scribble")
FUNCTIONS = {
    "image_reference": Function(("reference",), (), True, ("obj_or_bg",), references=3, tells=("reference",),
                                each={"obj_or_bg": "obj"}),
    "video_repainting": Function(("video",), ("reference",), False, ("strength", "control_condition"),
                                 CONTROLS, True, 1),
    "video_edit": Function(("video",), ("reference", "mask", "mask_video"), True,
                           ("control_condition", "mask_type", "expand_ratio", "expand_mode"),
                           ("posebodyface", "depth"), False, 1, one_of=("mask", "mask_video")),
    "video_extension": Function((), ("image", "last_frame", "video"), False, ("control_condition",),
                                ("posebodyface", "depth"), True, tells=("image", "last_frame"),
                                one_of=("image", "last_frame"), clips=("first_clip_url", "last_clip_url")),
    "video_outpainting": Function(("video",), (), False,
                                  ("top_scale", "bottom_scale", "left_scale", "right_scale")),
}
VACE = Model(FUNCTION_MODEL, SYNTHESIS, {
    "reference": "input.ref_images_url[]", "video": "input.video_url", "mask": "input.mask_image_url",
    "mask_video": "input.mask_video_url", "image": "input.first_frame_url",
    "last_frame": "input.last_frame_url"},
    (), Pixels(("720P",), "720P", sizes=OLD_SIZES), taken(
        "seed prompt_extend watermark",
        strength=Field("parameters.strength", "G", SPECIAL, dict(
            metavar="X", type=number(0, 1), help="with --function video_repainting: 0 to 1")),
        control=Field("parameters.control_condition", "G", SPECIAL, dict(
            metavar="WHAT", help=f"with --function: what stays of the video: {', '.join(CONTROLS)}"))),
    Prompt(800), {"image": picture(10, 360, 2000, 0, _MORE_PICTURES),
                  "video": Limits("a video", ("video/mp4",), 50 * _MB)}, (3, 0, 3),
    inline=(), price=Price({"": 0.70}), running=2, usual="5 to 10 min", functions=FUNCTIONS)
FUNCTION_SECONDS = _ONLY_5

# ---- HappyHorse, and a video in another style ------------------------------------------------------------

_NINE = (*RATIOS, "4:5", "5:4", "9:21", "21:9")
_HORSE, _HORSE_OLD = Tiers(_ALL_TIERS, "1080P", _NINE), Tiers(("720P", "1080P"), "1080P", _NINE)
_HORSE_FIVE = Tiers(("720P", "1080P"), "1080P")
_3_TO_15 = Seconds(tuple(range(3, 16)))
_HORSE_FIELDS = taken("seed watermark")
_NO_MARK = {"watermark": False}
_HORSE_PICTURE = picture(20, 300, 0, 2.5, ("image/jpeg", "image/png", "image/webp"))
_HORSE_PRICE = Price({"480P": 0.45, "720P": 0.9, "1080P": 1.2})
_HORSE_OLD_PRICE = Price({"720P": 0.9, "1080P": 1.6})
HORSE_T2V = Model("happyhorse-1.1-t2v", SYNTHESIS, {}, (Way("t2v", (), "needed", _3_TO_15, True),), _HORSE,
                  _HORSE_FIELDS, Prompt(5000, wide=True), sends=_NO_MARK, price=_HORSE_PRICE)
HORSE_I2V = HORSE_T2V._replace(id="happyhorse-1.1-i2v", places={"image": "media:first_frame"},
                               ways=(Way("i2v", ("image",), "may", _3_TO_15),),
                               media={"image": _HORSE_PICTURE})
HORSE_R2V = HORSE_T2V._replace(id="happyhorse-1.1-r2v", places={"reference": "media:reference_image"},
                               ways=(Way("r2v", ("reference",), "needed", _3_TO_15, True),),
                               references=(9, 0, 9),
                               media={"image": _HORSE_PICTURE._replace(min_side=400, max_ratio=0)})
HORSE_EDIT = HORSE_T2V._replace(
    id="happyhorse-1.0-video-edit", places={"video": "media:video", "reference": "media:reference_image"},
    ways=(Way("edit", ("video",)), Way("edit", ("video", "reference"))), shape=_HORSE_FIVE,
    references=(5, 0, 5), fields={**_HORSE_FIELDS, **taken("keep_sound")}, upload_doubt=True,
    media={"image": _HORSE_PICTURE, "video": clip(3, 60, 360, 4096, ratio=2.5)},
    price=Price({"720P": 0.9, "1080P": 1.6}, given=True, most_given=15))
STYLE = Model("video-style-transform", SYNTHESIS, {"video": "input.video_url"},
              (Way("style", ("video",), "never"),), Given("min_len", "720"),
              taken("", style=Field("parameters.style", "Y", SPECIAL, dict(
                  metavar="N", type=number(0, 7, whole=True), help="0 to 7 ({models})"))), Prompt(0),
              {"video": clip(0.1, 30, 256, 4096, ratio=1.8, formats=_MORE_CLIPS)}, inline=(),
              price=Price({"720": 0.5, "540": 0.2}))

# ---- other vendors ---------------------------------------------------------------------------------------

_TO_16, _1_TO_15, _4_TO_15 = (Seconds(tuple(range(low, high))) for low, high in ((1, 17), (1, 16), (4, 16)))
KLING = Model("kling/kling-v3-video-generation", SYNTHESIS, {
    "image": "media:first_frame", "last_frame": "media:last_frame", "reference": "media:refer",
    "video": "media:base", "reference_video": "media:feature"}, (
    Way("t2v", (), "needed", _3_TO_15, True), Way("i2v", ("image",), "may", _3_TO_15),
    Way("kf2v", ("image", "last_frame"), "may", _3_TO_15),
    Way("r2v", ("reference",), "needed", _3_TO_15, True),
    Way("edit", ("video",), "needed", _3_TO_15), Way("edit", ("video", "reference"), "needed", _3_TO_15)),
    Anything("ratio", ratio="aspect_ratio"), taken("negative watermark sound quality"), Prompt(2500), ANY,
    (10, 1, 10), legal={"quality": ("std", "pro", "4k")})
KLING_TURBO = KLING._replace(
    id="kling/kling-v3-turbo-video-generation", places={"image": "media:first_frame"}, ways=KLING.ways[:2],
    shape=Anything("ratio", ratio="aspect_ratio", priced="mode", default="pro"),
    fields=taken("negative watermark quality"), references=(0, 0, 0),
    price=Price({"std": 0.8, "pro": 1.0}), legal={"quality": ("std", "pro")},
    doubt="its price and limits come from other sources, not from the vendor's own page")
VIDU = Model("vidu/viduq3-pro_img2video", SYNTHESIS, {
    "image": "media:image", "last_frame": "media:image", "reference": "media:image",
    "reference_video": "media:video"}, (
    Way("t2v", (), "needed", _TO_16, True), Way("i2v", ("image",), "may", _TO_16),
    Way("kf2v", ("image", "last_frame"), "may", _TO_16), Way("r2v", ("reference",), "needed", _TO_16)),
    Anything("resolution", "size", tiers=("540P", "720P", "1080P")), taken("seed sound"), Prompt(0), ANY,
    (10, 3, 10))
PIXVERSE = VIDU._replace(id="pixverse/", places={
    "image": "media:image_url", "image.kf2v": "media:first_frame", "last_frame": "media:last_frame",
    "reference": "media:image_url", "reference_video": "media:video_url", "video": "media:video_url"},
    ways=(*_slower(VIDU, _1_TO_15), Way("edit", ("video",), "may", _1_TO_15)),
    fields=taken("seed sound shot"), shape=Anything("resolution", "size"), needs=(("duration",), ("size", "resolution")))


def _pixverse(way: int, takes: str):
    """The ids of one kind: some are told the size in pixels, others a resolution, and must be."""
    return PIXVERSE._replace(ways=PIXVERSE.ways[way:way + 1], shape=Anything(takes),
                             needs=(("duration",), (takes,)))


PIXVERSE_KINDS = {"t2v": _pixverse(0, "size"), "i2v": _pixverse(1, "resolution"),
                  "kf2v": _pixverse(2, "resolution"), "r2v": _pixverse(3, "size"), "": PIXVERSE}
MINIMAX = VIDU._replace(id="MiniMax/MiniMax-H3", places={
    "image": "media:first_frame", "last_frame": "media:last_frame", "reference": "media:image_url",
    "audio": "media:driving_audio"},
    ways=(Way("t2v", (), "needed", _4_TO_15, True), Way("i2v", ("image",), "may", _4_TO_15),
          Way("i2v", ("image", "audio"), "may", _4_TO_15),
          Way("kf2v", ("image", "last_frame"), "may", _4_TO_15),
          Way("r2v", ("reference",), "needed", _4_TO_15)),
    shape=Anything("resolution", "ratio", tiers=("768P", "2K")), fields={},
    needs=(("duration",), ("resolution",)))

# Ids that their vendor documents by such a pattern, and what lengths they make; all else is their family's.
PATTERNS = tuple((re.compile(pattern), seconds) for pattern, seconds in (
    (r"vidu/viduq3[a-z0-9.-]*_(text|img|reference|start-end)2video", _TO_16),
    (r"vidu/viduq2[a-z0-9.-]*_(text|img|reference|start-end)2video", Seconds(tuple(range(1, 11)))),
    (r"pixverse/pixverse-v5\.6-(t2v|it2v|kf2v|r2v)", Seconds((5, 8, 10))),
    (r"pixverse/pixverse-(c1|v6)-(t2v|it2v|kf2v|r2v)", _1_TO_15),
    (r"pixverse/pixverse-(v[0-9.]+-)?(upscale|motioncontrol|lipsync)", _1_TO_15)))

# ---- models that have ended ------------------------------------------------------------------------------

_EMO = {"image": "input.image_url", "audio": "input.audio_url"}


def _gone(name: str, places_: dict, path: str = IMAGE2VIDEO):
    """A model that was announced dead; its request is as it was."""
    return Model(name, path, places_, (Way("animate", tuple(places_), "never"),), Given(), {}, Prompt(0), ANY,
                 inline=(), running=1, retired="2026-10-10", successor="wan2.7-r2v")


GONE = tuple(_gone(*one) for one in (
    ("emo-v1", _EMO), ("liveportrait", _EMO), ("emoji-v1", {"image": "input.image_url"}),
    ("animate-anyone-gen2", {"image": "input.image_url"}),
    *((name, {"image": "input.image_url"}, DETECT) for name in (
        "emo-detect-v1", "liveportrait-detect", "emoji-detect-v1", "animate-anyone-detect-gen2"))))
DETECTOR = GONE[-1]  # of any id: checks a picture, and makes no video

ROWS = (
    T2V7, I2V7, R2V7, EDIT7, WAN3,
    *_named(WAN3, "wan3.0-video-prime", price=Price({"480P": 0.45, "720P": 0.9, "1080P": 1.8}, given=True)),
    T2V6, *_named(T2V6, "wan2.6-t2v-us", ways=_slower(T2V6, _5_OR_10), price=None), T2V5, T2V2,
    _t2v("wanx2.1-t2v-turbo", ("480P", "720P"), "720P", _ONLY_5, _TURBO, 800, audio=False),
    _t2v("wanx2.1-t2v-plus", ("720P",), "720P", _ONLY_5, _PLUS_21, 800, audio=False),
    _i2v("wan2.6-i2v-flash", ("720P", "1080P"), "1080P", _TO_15, Price(_FLASH, _SILENT), 1500, "shot sound",
         True),
    I2V6, *_named(I2V6, "wan2.6-i2v-us", ways=_slower(I2V6, Seconds((5, 10, 15))), price=None), I2V5,
    _i2v("wan2.2-i2v-flash", _ALL_TIERS, "720P", _ONLY_5, Price(_FLASH_22)), I2V2,
    _i2v("wanx2.1-i2v-turbo", ("480P", "720P"), "720P", Seconds((3, 4, 5)), Price(_TURBO)),
    _i2v("wanx2.1-i2v-plus", ("720P",), "720P", _ONLY_5, Price(_PLUS_21)),
    KF2V, *_named(KF2V, "wanx2.1-kf2v-plus", shape=Tiers(("720P",), "720P"), price=Price(_PLUS_21)),
    R2V6, *_named(R2V6, "wan2.6-r2v-flash", fields={**R2V6.fields, **taken("sound")},
                  price=Price(_FLASH, _SILENT, True, 5)),
    VACE, ANIMATE,
    *_named(ANIMATE, "wan2.2-animate-mix", ways=(ANIMATE.ways[0]._replace(mode="replace"),),
            price=Price({"wan-std": 0.6, "wan-pro": 0.9})), S2V,
    HORSE_T2V, HORSE_I2V, HORSE_R2V, HORSE_EDIT,
    *_named(HORSE_T2V, "happyhorse-1.0-t2v", shape=_HORSE_OLD, price=_HORSE_OLD_PRICE),
    *_named(HORSE_I2V, "happyhorse-1.0-i2v", shape=_HORSE_FIVE, price=_HORSE_OLD_PRICE),
    *_named(HORSE_R2V, "happyhorse-1.0-r2v", shape=_HORSE_OLD, price=_HORSE_OLD_PRICE),
    STYLE, KLING, *_named(KLING, "kling/kling-v3-omni-video-generation"), KLING_TURBO,
    VIDU, *_named(VIDU, "vidu/viduq3-pro-fast_img2video", ways=VIDU.ways[1:2]),
    *_named(VIDU, "vidu/viduq3-drama_reference2video", "vidu/viduq3-ad_reference2video", ways=VIDU.ways[3:]),
    *_named(PIXVERSE_KINDS["r2v"], "pixverse/pixverse-v6-r2v-omni",
            ways=(Way("r2v", ("reference",), "needed", _1_TO_15),)),
    MINIMAX, *GONE,
)
