"""The models that make and edit videos, as data, and the lookup of a model id's row.

Source: sections 1.5, 1.6, 4.3, 6, 7, 9 and 10 of the video contract (documents of 2026-05-30 and 2026-08-20). Data, not
law: a model id that is not here takes the row of its longest matching prefix, with a warning.
"""
from __future__ import annotations

import re
from collections import namedtuple

from shared import models
from shared.media.inputs import Limits

TABLE_DATE = "2026-08-20"
DEFAULTS = {"t2v": "wan2.7-t2v", "i2v": "wan2.7-i2v", "kf2v": "wan2.7-i2v", "r2v": "wan2.7-r2v", "edit": "wan2.7-videoedit"}
MODES = tuple(DEFAULTS)

SYNTHESIS = "/services/aigc/video-generation/video-synthesis"
IMAGE2VIDEO = "/services/aigc/image2video/video-synthesis"

_MB = 1_000_000
_PICTURES = ("image/jpeg", "image/png", "image/bmp", "image/webp")
_MORE_PICTURES = ("image/jpeg", "image/png", "image/bmp", "image/tiff", "image/webp")
_CLIPS = ("video/mp4", "video/quicktime")
_SOUNDS = ("audio/wav", "audio/mpeg")


def picture(megabytes=20, low=240, high=8000, ratio=8, formats=_PICTURES):
    return Limits("a picture", formats, megabytes * _MB, min_side=low, max_side=high, max_ratio=ratio)


def clip(least, most, low=240, high=4096, megabytes=100, ratio=8, formats=_CLIPS):
    return Limits("a video", formats, megabytes * _MB, min_side=low, max_side=high, max_ratio=ratio, min_seconds=least,
                  max_seconds=most)


def sound(least, most):
    return Limits("a sound", _SOUNDS, 15 * _MB, min_seconds=least, max_seconds=most)


ANY = {"image": Limits("a picture", (*_MORE_PICTURES, "image/gif", "image/heic"), 0),
       "video": Limits("a video", (*_CLIPS, "video/x-msvideo", "video/x-matroska", "video/x-flv", "video/webm"), 0),
       "sound": Limits("a sound", (*_SOUNDS, "audio/ogg", "audio/flac", "audio/mp4"), 0)}
WAN_MEDIA = {"image": picture(), "video": clip(2, 10), "sound": sound(2, 30)}
OLD_MEDIA = {**WAN_MEDIA, "sound": sound(3, 30)}
SMALL_MEDIA = {**WAN_MEDIA, "image": picture(10)}

# What a way of using a model takes. inputs: the roles that must be there; several ways of one model are told apart by
# them, and by the mode. mode: as --mode names it. prompt: "needed", "may" or "never". duration: legal seconds, () where it
# is not taken. ratio: whether a ratio counts. with_video: the most seconds with a reference video, 0 where it makes no
# difference. continues: whether the duration counts the video given.
Way = namedtuple("Way", "mode inputs prompt duration ratio with_video continues", defaults=("needed", (), False, 0, False))

# Sizes by tier: width and height for each ratio.
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")


def _tier(*sizes):
    return dict(zip(_RATIOS, sizes))


NEW_SIZES = {"480P": {}, "720P": _tier((1280, 720), (720, 1280), (960, 960), (1104, 832), (832, 1104)),
             "1080P": _tier((1920, 1080), (1080, 1920), (1440, 1440), (1648, 1248), (1248, 1648))}
OLD_SIZES = {"480P": _tier((832, 480), (480, 832), (624, 624)),
             "720P": _tier((1280, 720), (720, 1280), (960, 960), (1088, 832), (832, 1088)),
             "1080P": _tier((1920, 1080), (1080, 1920), (1440, 1440), (1632, 1248), (1248, 1632))}

# How the picture's size is told. kind: "resolution" (a tier's name, and a ratio where a Way takes one), "size" (pixels of
# the table) or "none". default: the tier the service takes. ratios: legal ratios, the first is the default.
Geometry = namedtuple("Geometry", "kind tiers default ratios table", defaults=(_RATIOS, OLD_SIZES))
NONE = Geometry("none", (), "", ())

# Yuan for a second of video, by tier ('' for any); silent: without sound. basis: what is billed: "output" seconds, or
# "both" (input of at most `input_cap` seconds, 0 for all of it, and output).
Price = namedtuple("Price", "tiers silent basis input_cap", defaults=({}, "output", 0))

# places: role -> where it goes: a dotted path, one that ends in [] for a list, or "media:TYPE" for an item of input.media;
# "role.mode" where a mode wants another place; "voice" -> the field of a reference that holds its voice. ways: in the order
# they are tried. prompt: what is counted ("characters", or "wide": Chinese ones twice) and how many are read, 0 for no limit.
# references: the most pictures, videos and of both. fields: flag -> path. sends: parameter -> what is sent unless something
# else is said. inline: roles whose local files may travel inside the request. upload_doubt: whether uploads are not documented.
# running: tasks of one account at a time. usual: how long a task takes, in words. needs: parameters of which one each must
# be there. legal: flag -> its values, where the model has values of its own.
Model = namedtuple(
    "Model", "id path places ways geometry fields prompt media references sends inline upload_doubt price running usual needs legal",
    defaults=(("characters", 5000), WAN_MEDIA, (0, 0, 0), {}, ("image", "last_frame", "reference"), False, None, 5, "1 to 5 min",
              (), {}))

_P = "parameters."
FIELDS = {  # every field that a flag sets -> where it goes, unless the model's row says otherwise
    "negative": "input.negative_prompt", "seed": _P + "seed", "prompt_extend": _P + "prompt_extend",
    "watermark": _P + "watermark", "shot": _P + "shot_type", "sound": _P + "audio", "keep_sound": _P + "audio_setting",
    "template": "input.template", "style": _P + "style", "strength": _P + "strength", "control": _P + "control_condition",
    "quality": _P + "mode",
}


def _fields(names: str, **others) -> dict:
    return {**{name: FIELDS[name] for name in names.split()}, **others}


_WAN = _fields("negative seed prompt_extend watermark")
_NEW = Geometry("resolution", ("720P", "1080P"), "1080P", table=NEW_SIZES)
_SECONDS = tuple(range(2, 16))
_ALL_WAN7 = Price({"720P": 0.6, "1080P": 1.0})

T2V7 = Model("wan2.7-t2v", SYNTHESIS, {"audio": "input.audio_url"}, (
    Way("t2v", (), "needed", _SECONDS, True), Way("t2v", ("audio",), "needed", _SECONDS, True)), _NEW, _WAN, price=_ALL_WAN7)
I2V7 = Model("wan2.7-i2v", SYNTHESIS, {
    "image": "media:first_frame", "last_frame": "media:last_frame", "audio": "media:driving_audio", "video": "media:first_clip"},
    (Way("i2v", ("image",), "may", _SECONDS), Way("i2v", ("image", "audio"), "may", _SECONDS),
     Way("kf2v", ("image", "last_frame"), "may", _SECONDS), Way("kf2v", ("image", "last_frame", "audio"), "may", _SECONDS),
     Way("i2v", ("video",), "may", _SECONDS, continues=True),
     Way("i2v", ("video", "last_frame"), "may", _SECONDS, continues=True)),
    _NEW, _WAN, price=_ALL_WAN7)
R2V7 = Model("wan2.7-r2v", SYNTHESIS, {
    "reference": "media:reference_image", "reference_video": "media:reference_video", "image": "media:first_frame",
    "voice": "reference_voice"},
    (Way("r2v", ("reference",), "needed", _SECONDS, True, with_video=10),
     Way("r2v", ("reference", "image"), "needed", _SECONDS, with_video=10)),
    _NEW, _WAN, media={**WAN_MEDIA, "video": clip(1, 30), "sound": sound(1, 10)}, references=(5, 5, 5),
    price=Price({"720P": 0.6, "1080P": 1.0}, basis="both", input_cap=5))
EDIT7 = Model("wan2.7-videoedit", SYNTHESIS, {"video": "media:video", "reference": "media:reference_image"},
              (Way("edit", ("video",), "may", (0, *range(2, 11)), True),
               Way("edit", ("video", "reference"), "may", (0, *range(2, 11)), True)),
              _NEW, {**_WAN, **_fields("keep_sound")}, references=(4, 0, 4),
              price=Price({"720P": 0.6, "1080P": 1.0}, basis="both"))

_T2V = {"audio": "input.audio_url"}
_WITH_SHOT = {**_WAN, **_fields("shot")}


def _t2v(name, tiers, default, seconds, price, prompt, fields=_WAN, audio=True, **others):
    ways = (Way("t2v", (), "needed", seconds, True), Way("t2v", ("audio",), "needed", seconds, True))
    return Model(name, SYNTHESIS, _T2V if audio else {}, ways if audio else ways[:1], Geometry("size", tiers, default), fields,
                 ("characters", prompt), OLD_MEDIA, price=Price(price), **others)


T2V6 = _t2v("wan2.6-t2v", ("720P", "1080P"), "1080P", _SECONDS, {"720P": 0.6, "1080P": 1.0}, 1500, _WITH_SHOT)
T2V5 = _t2v("wan2.5-t2v-preview", ("480P", "720P", "1080P"), "1080P", (5, 10), {"480P": 0.3, "720P": 0.6, "1080P": 1.0}, 1500)
T2V2 = _t2v("wan2.2-t2v-plus", ("480P", "1080P"), "1080P", (5,), {"480P": 0.14, "1080P": 0.70}, 800, audio=False, running=2)


def _i2v(name, tiers, default, seconds, price, prompt=800, fields="", audio=False, silent=(), **others):
    places = {"image": "input.img_url", **({"audio": "input.audio_url"} if audio else {})}
    ways = (Way("i2v", ("image",), "may", seconds), Way("i2v", ("image", "audio"), "may", seconds))
    media = OLD_MEDIA if audio else SMALL_MEDIA
    return Model(name, SYNTHESIS, places, ways if audio else ways[:1], Geometry("resolution", tiers, default),
                 {**_WAN, **_fields("template " + fields)}, ("characters", prompt), media,
                 price=Price(price, dict(silent)), running=5 if audio else 2, **others)


_KF2V_PLACES = {"image": "input.first_frame_url", "last_frame": "input.last_frame_url"}
_KF2V_WAYS = (Way("kf2v", ("image", "last_frame"), "may", (5,)), Way("kf2v", ("image",), "may", (5,)))
KF2V = Model("wan2.2-kf2v-flash", IMAGE2VIDEO, _KF2V_PLACES, _KF2V_WAYS, Geometry("resolution", ("480P", "720P", "1080P"), "720P"),
             {**_WAN, **_fields("template")}, ("characters", 800), SMALL_MEDIA,
             price=Price({"480P": 0.10, "720P": 0.20, "1080P": 0.48}), running=2)
R2V6 = Model("wan2.6-r2v", SYNTHESIS, {"reference": "input.reference_urls[]", "reference_video": "input.reference_urls[]"},
             (Way("r2v", ("reference",), "needed", tuple(range(2, 11)), True),), Geometry("size", ("720P", "1080P"), "1080P"),
             _fields("negative seed watermark shot"), ("characters", 1500), {**WAN_MEDIA, "video": clip(1, 30)}, (5, 3, 5),
             inline=(), price=Price({"720P": 0.6, "1080P": 1.0}, basis="both", input_cap=5))
_ANIMATE_PICTURE = picture(5, 200, 4096, 3, _MORE_PICTURES[:3] + ("image/webp",))
ANIMATE = Model("wan2.2-animate-move", IMAGE2VIDEO, {"image": "input.image_url", "video": "input.video_url"},
                (Way("animate", ("image", "video"), "never"),), NONE,
                {"watermark": "input.watermark", "quality": _P + "mode"}, ("", 0),
                {"image": _ANIMATE_PICTURE, "video": clip(2, 30, 200, 2048, 200, 3, (*_CLIPS, "video/x-msvideo"))},
                sends={"mode": "wan-std"}, inline=(), price=Price({"wan-std": 0.4, "wan-pro": 0.6}), running=1,
                legal={"quality": ("wan-std", "wan-pro")})
S2V = Model("wan2.2-s2v", IMAGE2VIDEO, {"image": "input.image_url", "audio": "input.audio_url"},
            (Way("s2v", ("image", "audio"), "never"),), Geometry("resolution", ("480P", "720P"), "480P"), {}, ("", 0),
            {"image": picture(20, 400, 7000, 0), "sound": sound(0.1, 19.99)}, inline=(),
            price=Price({"480P": 0.5, "720P": 0.9}), running=1, usual="5 to 10 min")
_VACE = {"reference": "input.ref_images_url[]", "video": "input.video_url", "mask": "input.mask_image_url",
         "mask_video": "input.mask_video_url", "image": "input.first_frame_url", "last_frame": "input.last_frame_url"}
VACE = Model("wanx2.1-vace-plus", SYNTHESIS, _VACE, (), Geometry("size", ("720P",), "720P"),
             _fields("seed prompt_extend watermark strength control"), ("characters", 800),
             {"image": picture(10, 360, 2000, 0, _MORE_PICTURES), "video": Limits("a video", ("video/mp4",), 50 * _MB)}, (3, 0, 3),
             inline=(), price=Price({"": 0.70}), running=2, usual="5 to 10 min")

# What a function of VACE takes. needed, may: roles that must be there and that may. sized: whether a size counts. own: its
# own parameters. controls: legal values of --control; with control_needed a video must come with one. references: the most.
Function = namedtuple("Function", "needed may sized own controls control_needed references", defaults=((), (), False, 0))
FUNCTIONS = {
    "image_reference": Function(("reference",), (), True, ("obj_or_bg",), references=3),
    "video_repainting": Function(("video",), ("reference",), False, ("strength", "control_condition"),
                                 ("posebodyface", "posebody", "depth", "scribble"), True, 1),
    "video_edit": Function(("video",), ("reference", "mask", "mask_video"), True,
                           ("control_condition", "mask_type", "expand_ratio", "expand_mode"), ("posebodyface", "depth"), False, 1),
    "video_extension": Function((), ("image", "last_frame", "video"), False, ("control_condition",), ("posebodyface", "depth"), True),
    "video_outpainting": Function(("video",), (), False, ("top_scale", "bottom_scale", "left_scale", "right_scale")),
}

_HORSE_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "4:5", "5:4", "9:21", "21:9")
_HORSE = Geometry("resolution", ("480P", "720P", "1080P"), "1080P", _HORSE_RATIOS, {})
_HORSE_OLD = Geometry("resolution", ("720P", "1080P"), "1080P", _RATIOS, {})
_HORSE_SECONDS = tuple(range(3, 16))
_HORSE_FIELDS = _fields("seed watermark")
_NO_MARK = {"watermark": False}
_HORSE_PICTURE = picture(20, 300, 0, 2.5, ("image/jpeg", "image/png", "image/webp"))
_HORSE_PRICE = Price({"480P": 0.45, "720P": 0.9, "1080P": 1.2})
_HORSE_OLD_PRICE = Price({"720P": 0.9, "1080P": 1.6})
HORSE_T2V = Model("happyhorse-1.1-t2v", SYNTHESIS, {}, (Way("t2v", (), "needed", _HORSE_SECONDS, True),), _HORSE, _HORSE_FIELDS,
                  ("wide", 5000), sends=_NO_MARK, price=_HORSE_PRICE)
HORSE_I2V = HORSE_T2V._replace(id="happyhorse-1.1-i2v", places={"image": "media:first_frame"},
                               ways=(Way("i2v", ("image",), "may", _HORSE_SECONDS),), media={"image": _HORSE_PICTURE})
HORSE_R2V = HORSE_T2V._replace(id="happyhorse-1.1-r2v", places={"reference": "media:reference_image"},
                               ways=(Way("r2v", ("reference",), "needed", _HORSE_SECONDS, True),), references=(9, 0, 9),
                               media={"image": _HORSE_PICTURE._replace(min_side=400, max_ratio=0)})
HORSE_EDIT = HORSE_T2V._replace(
    id="happyhorse-1.0-video-edit", places={"video": "media:video", "reference": "media:reference_image"},
    ways=(Way("edit", ("video",)), Way("edit", ("video", "reference"))), geometry=_HORSE_OLD, references=(5, 0, 5),
    fields={**_HORSE_FIELDS, **_fields("keep_sound")}, upload_doubt=True,
    media={"image": _HORSE_PICTURE, "video": clip(3, 60, 360, 4096, ratio=2.5)},
    price=Price({"720P": 0.9, "1080P": 1.6}, basis="both", input_cap=15))
STYLE = Model("video-style-transform", SYNTHESIS, {"video": "input.video_url"}, (Way("style", ("video",), "never"),), NONE,
              _fields("style"), ("", 0), {"video": Limits("a video", ANY["video"].formats, 100 * _MB, min_side=256, max_side=4096,
                                                         max_ratio=1.8, min_seconds=0.1, max_seconds=30)},
              inline=(), price=Price({"720": 0.5, "540": 0.2}))

_VENDOR_FIELDS = _fields("negative seed watermark sound")
_FREE = Geometry("free", (), "", ())
KLING = Model("kling/kling-v3-video-generation", SYNTHESIS, {
    "image": "media:first_frame", "last_frame": "media:last_frame", "reference": "media:refer", "video": "media:base",
    "reference_video": "media:feature"}, (
    Way("t2v", (), "needed", _HORSE_SECONDS, True), Way("i2v", ("image",), "may", _HORSE_SECONDS),
    Way("kf2v", ("image", "last_frame"), "may", _HORSE_SECONDS), Way("r2v", ("reference",), "needed", _HORSE_SECONDS, True),
    Way("edit", ("video",), "needed", _HORSE_SECONDS), Way("edit", ("video", "reference"), "needed", _HORSE_SECONDS)),
    _FREE, {**_fields("negative watermark sound quality"), "ratio": _P + "aspect_ratio"}, ("characters", 2500), ANY, (10, 1, 10),
    legal={"quality": ("std", "pro", "4k")})
VIDU = Model("vidu/viduq3-pro_img2video", SYNTHESIS, {
    "image": "media:image", "last_frame": "media:image", "reference": "media:image", "reference_video": "media:video"}, (
    Way("t2v", (), "needed", tuple(range(1, 17)), True), Way("i2v", ("image",), "may", tuple(range(1, 17))),
    Way("kf2v", ("image", "last_frame"), "may", tuple(range(1, 17))), Way("r2v", ("reference",), "needed", tuple(range(1, 17)))),
    _FREE, _fields("seed sound"), ("", 0), ANY, (10, 3, 10))
PIXVERSE = VIDU._replace(id="pixverse/", places={
    "image": "media:image_url", "image.kf2v": "media:first_frame", "last_frame": "media:last_frame",
    "reference": "media:image_url", "reference_video": "media:video_url", "video": "media:video_url"},
    ways=(*VIDU.ways, Way("edit", ("video",), "may", tuple(range(1, 16)))), fields=_fields("seed sound shot"),
    needs=(("duration",), ("size", "resolution")))
MINIMAX = VIDU._replace(id="MiniMax/MiniMax-H3", places={
    "image": "media:first_frame", "last_frame": "media:last_frame", "reference": "media:image_url", "audio": "media:driving_audio"},
    ways=(Way("t2v", (), "needed", tuple(range(4, 16)), True), Way("i2v", ("image",), "may", tuple(range(4, 16))),
          Way("i2v", ("image", "audio"), "may", tuple(range(4, 16))), Way("kf2v", ("image", "last_frame"), "may", tuple(range(4, 16))),
          Way("r2v", ("reference",), "needed", tuple(range(4, 16)))), fields={}, needs=(("duration",), ("resolution",)))
WAN3 = Model("wan3.0-video", SYNTHESIS, {
    "image": "media:first_frame", "last_frame": "media:last_frame", "reference": "media:reference_image",
    "reference_video": "media:reference_video", "audio": "media:reference_audio"}, (
    Way("t2v", (), "needed", (-1, *range(2, 31)), True), Way("i2v", ("image",), "may", (-1, *range(2, 31)), True),
    Way("kf2v", ("image", "last_frame"), "may", (-1, *range(2, 31)), True),
    Way("r2v", ("reference",), "may", (-1, *range(2, 31)), True),
    Way("r2v", ("reference", "audio"), "may", (-1, *range(2, 31)), True)),
    Geometry("resolution", ("480P", "720P", "1080P"), "1080P", ("adaptive", "16:9", "4:3", "1:1", "3:4", "9:16"), {}),
    _fields("prompt_extend watermark sound"), ("characters", 20000), references=(10, 5, 15),
    price=Price({"480P": 0.3, "720P": 0.6, "1080P": 1.2}, basis="both"))


def _named(row, *names, **changes):
    return tuple(row._replace(id=name, **changes) for name in names)


_FLASH_SILENT = {"720P": 0.15, "1080P": 0.25}
I2V6 = _i2v("wan2.6-i2v", ("720P", "1080P"), "1080P", _SECONDS, {"720P": 0.6, "1080P": 1.0}, 1500, "shot", True)
I2V5 = _i2v("wan2.5-i2v-preview", ("480P", "720P", "1080P"), "1080P", (5, 10), {"480P": 0.3, "720P": 0.6, "1080P": 1.0}, 1500,
            audio=True)
I2V2 = _i2v("wan2.2-i2v-plus", ("480P", "1080P"), "1080P", (5,), {"480P": 0.14, "1080P": 0.70})
MODELS = (
    T2V7, I2V7, R2V7, EDIT7, WAN3, *_named(WAN3, "wan3.0-video-prime", price=None),
    T2V6, *_named(T2V6, "wan2.6-t2v-us", ways=tuple(way._replace(duration=(5, 10)) for way in T2V6.ways), price=None),
    T2V5, T2V2,
    _t2v("wanx2.1-t2v-turbo", ("480P", "720P"), "720P", (5,), {"480P": 0.24, "720P": 0.24}, 800, audio=False, running=2),
    _t2v("wanx2.1-t2v-plus", ("720P",), "720P", (5,), {"720P": 0.70}, 800, audio=False, running=2),
    _i2v("wan2.6-i2v-flash", ("720P", "1080P"), "1080P", _SECONDS, {"720P": 0.30, "1080P": 0.50}, 1500, "shot sound", True,
         _FLASH_SILENT.items()),
    I2V6, *_named(I2V6, "wan2.6-i2v-us", ways=tuple(way._replace(duration=(5, 10, 15)) for way in I2V6.ways), price=None), I2V5,
    _i2v("wan2.2-i2v-flash", ("480P", "720P", "1080P"), "720P", (5,), {"480P": 0.10, "720P": 0.20, "1080P": 0.48}),
    I2V2, _i2v("wanx2.1-i2v-turbo", ("480P", "720P"), "720P", (3, 4, 5), {"480P": 0.24, "720P": 0.24}),
    _i2v("wanx2.1-i2v-plus", ("720P",), "720P", (5,), {"720P": 0.70}),
    KF2V, *_named(KF2V, "wanx2.1-kf2v-plus", geometry=Geometry("resolution", ("720P",), "720P"), price=Price({"720P": 0.70})),
    R2V6, *_named(R2V6, "wan2.6-r2v-flash", fields={**R2V6.fields, **_fields("sound")},
                  price=Price({"720P": 0.30, "1080P": 0.50}, _FLASH_SILENT, "both", 5)),
    VACE, ANIMATE, *_named(ANIMATE, "wan2.2-animate-mix", price=Price({"wan-std": 0.6, "wan-pro": 0.9})), S2V,
    HORSE_T2V, HORSE_I2V, HORSE_R2V, HORSE_EDIT,
    *_named(HORSE_T2V, "happyhorse-1.0-t2v", geometry=_HORSE_OLD._replace(ratios=_HORSE_RATIOS), price=_HORSE_OLD_PRICE),
    *_named(HORSE_I2V, "happyhorse-1.0-i2v", geometry=_HORSE_OLD, price=_HORSE_OLD_PRICE),
    *_named(HORSE_R2V, "happyhorse-1.0-r2v", geometry=_HORSE_OLD._replace(ratios=_HORSE_RATIOS), price=_HORSE_OLD_PRICE),
    STYLE, KLING, *_named(KLING, "kling/kling-v3-omni-video-generation"), VIDU, MINIMAX,
)

# What an id may be that tells nothing: the types of media that most models share, and every way of using them.
GENERAL = Model("", SYNTHESIS, {
    **I2V7.places, "audio.t2v": "input.audio_url", "video.edit": "media:video", "reference": "media:reference_image",
    "reference_video": "media:reference_video", "voice": "reference_voice"},
    (*T2V7.ways, *EDIT7.ways, *I2V7.ways, *R2V7.ways), _FREE, FIELDS)

# Rows for ids that no model above covers: beginning -> what is made, as the id says it -> row; '' for anything else.
_OLD = {"t2v": T2V2, "i2v": I2V2}
FAMILIES = {
    "wan": {"t2v": T2V7, "i2v": I2V7, "kf2v": KF2V, "r2v": R2V7, "videoedit": EDIT7, "animate": ANIMATE, "s2v": S2V, "vace": VACE,
            "": GENERAL},
    "wanx": _OLD, "wan2.1": _OLD, "wan2.2": _OLD, "wan2.5": {"t2v": T2V5, "i2v": I2V5}, "wan2.6": {"t2v": T2V6, "i2v": I2V6},
    "happyhorse": {"t2v": HORSE_T2V, "i2v": HORSE_I2V, "r2v": HORSE_R2V, "videoedit": HORSE_EDIT,
                   "": GENERAL._replace(id="happyhorse", sends=_NO_MARK)},
    "kling/": {"": KLING}, "vidu/": {"": VIDU}, "pixverse/": {"": PIXVERSE}, "minimax/": {"": MINIMAX}, "": {"": GENERAL},
}


def find_model(name: str) -> tuple:
    """(the row of a model id, a warning or ''). An id newer than the table takes all fields and has no limits."""
    row = models.row_of(name, MODELS) or _international(name)
    if row:
        return row._replace(id=name), ""
    family = _family(name.lower())
    ways = tuple(Way(way.mode, way.inputs, "may", ("any",), True) for way in family.ways)
    vendor = "/" in name and family.id.split("/")[0] == name.split("/")[0]
    return family._replace(id=name, ways=ways, fields={**FIELDS, **family.fields}, prompt=("", 0), media=ANY, price=None,
                           references=(14, 14, 14), geometry=_FREE, legal={}), \
        "" if vendor else models.unknown(name, family, TABLE_DATE)


def _family(name: str):
    """The row for an unknown id: of the model whose id it begins with, else of its family and of what it says it makes."""
    kind = _kind(name)
    models = [row for row in MODELS if name.startswith(row.id.lower() + "-") and _kind(row.id) == kind]
    if models:
        return max(models, key=lambda row: len(row.id))
    rows = (FAMILIES[one].get(kind) or FAMILIES[one].get("") for one in sorted(FAMILIES, key=len, reverse=True) if name.startswith(one))
    return next(filter(None, rows))


def _kind(name: str) -> str:
    found = re.search(r"-(t2v|i2v|kf2v|r2v|video-?edit|animate|s2v|vace)(?![a-z0-9])", name.lower())
    return found.group(1).replace("-", "") if found else ""


def _international(name: str):
    """The international site writes wan2.1 where Beijing writes wanx2.1."""
    return models.row_of("wanx2.1" + name[len("wan2.1"):], MODELS) if name.startswith("wan2.1-") else None


def models_that(take: str = "", mode: str = "") -> str:
    """The models that take a field, or work in a mode, for an error message."""
    names = [row.id for row in MODELS if (not take or take in row.fields) and (not mode or any(way.mode == mode for way in row.ways))]
    return ", ".join(names[:8])
