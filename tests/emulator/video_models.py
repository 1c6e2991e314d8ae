"""What each video model takes and gives, a row per model or group of models that behave alike.

A parameter is a name and a rule; what has no rule here is not documented for the model and is refused. Media come in
fields of `input`, in lists there, or as typed items of `input.media`.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from tests.emulator.image_models import SEED, SNAPSHOT, Rule, anything, boolean, choice, negative, number, text, whole

SYNTHESIS = "video-generation/video-synthesis"
IMAGE2VIDEO = "image2video/video-synthesis"
DETECT = "image2video/face-detect"
TASK_PATHS = (SYNTHESIS, IMAGE2VIDEO)
PICTURE, CLIP, SOUND, ANYTHING, DOCUMENT, PAGE = "picture", "video", "sound", "file", "document", "page"

VIDEO_URL, RESULTS, OUTPUT_VIDEO, CHECK = "video_url", "results", "output_video_url", "check_pass"


# Sizes, by ratio: 16:9, 9:16, 1:1, 4:3, 3:4

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
MORE_RATIOS = (*RATIOS, "4:5", "5:4", "9:21", "21:9")
NEW_SIZES = {
    "720P": ((1280, 720), (720, 1280), (960, 960), (1104, 832), (832, 1104)),
    "1080P": ((1920, 1080), (1080, 1920), (1440, 1440), (1648, 1248), (1248, 1648)),
}
OLD_SIZES = {
    "480P": ("832*480", "480*832", "624*624"),
    "720P": ("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    "1080P": ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
}
AREAS = {"360P": 640 * 360, "480P": 832 * 480, "540P": 960 * 540, "720P": 1280 * 720, "768P": 1366 * 768,
         "1080P": 1920 * 1080, "2K": 2560 * 1440, "4K": 3840 * 2160}


def sizes(*tiers: str) -> Rule:
    return choice(*(size for tier in tiers for size in OLD_SIZES[tier]))


def tier_of(size: str) -> str:
    return next((tier for tier, legal in OLD_SIZES.items() if size in legal), "720P")


# Media

@dataclass(frozen=True)
class Medium:
    """Pairs are (least, most)."""
    kind: str
    formats: FrozenSet[str] = frozenset()
    side: Tuple[int, float] = (0, float("inf"))
    ratio: float = float("inf")        # the longest, either way
    megabytes: int = 100
    seconds: Tuple[float, float] = (0, float("inf"))
    alpha: bool = True
    data: bool = False                 # data URLs are documented
    uploads: bool = True               # so is oss://


def _picture(side: Tuple[int, float], ratio: float = float("inf"), megabytes: int = 20, formats: str = "JPEG PNG BMP WebP",
             alpha: bool = True, data: bool = True, **others: Any) -> Medium:
    return Medium(PICTURE, frozenset(formats.split()), side, ratio, megabytes, alpha=alpha, data=data, **others)


def _clip(least: float, most: float, side: Tuple[int, float] = (240, 4096), ratio: float = 8, megabytes: int = 100,
          formats: str = "MP4 MOV", **others: Any) -> Medium:
    return Medium(CLIP, frozenset(formats.split()), side, ratio, megabytes, (least, most), **others)


def _sound(least: float, most: float, **others: Any) -> Medium:
    return Medium(SOUND, frozenset(("WAV", "MP3")), megabytes=15, seconds=(least, most), **others)


WAN_PICTURE = _picture((240, 8000), 8, alpha=False)
OLD_PICTURE = _picture((240, 8000), megabytes=10, alpha=False)
FREE_PICTURE, FREE_CLIP = _picture((1, 16384), data=True), _clip(0, 1000, (1, 16384), 100)
FREE = Medium(ANYTHING, data=True)
PAPERS = Medium(DOCUMENT, frozenset("docx doc pdf pptx ppt xlsx xls csv txt md".split()), megabytes=100)
WEB_PAGE = Medium(PAGE, uploads=False)
REFERENCE_VOICE = _sound(1, 10)
NO_LIMIT = float("inf")


# wanx2.1-vace-plus: function -> what it needs, what it may have, and its own parameters

@dataclass(frozen=True)
class Function:
    needed: FrozenSet[str]
    others: FrozenSet[str]
    parameters: Mapping[str, Rule]


SCALE, SHARE = number(1, 2), number(0, 1)
VACE_PICTURE = _picture((360, 2000), megabytes=10, formats="JPEG PNG BMP TIFF WebP", data=False)
VACE_CLIP = _clip(0, NO_LIMIT, (1, 16384), NO_LIMIT, 50, "MP4")
VACE_SIZE = sizes("720P")


def subjects(value: Any) -> str:
    if not isinstance(value, list) or any(item not in ("obj", "bg") for item in value):
        return "must be a list of obj and bg"
    return "may hold bg once only" if value.count("bg") > 1 else ""


def _function(needed: str = "", others: str = "", **parameters: Rule) -> Function:
    return Function(frozenset(needed.split()), frozenset(others.split()), parameters)


FUNCTIONS: Dict[str, Function] = {
    "image_reference": _function("ref_images_url", obj_or_bg=subjects, size=VACE_SIZE),
    "video_repainting": _function("video_url", "ref_images_url", strength=SHARE,
                                  control_condition=choice("posebodyface", "posebody", "depth", "scribble")),
    "video_edit": _function("video_url", "mask_image_url mask_video_url ref_images_url mask_frame_id", size=VACE_SIZE,
                            mask_type=choice("tracking", "fixed"), expand_ratio=SHARE,
                            expand_mode=choice("hull", "bbox", "original"), control_condition=choice("", "posebodyface", "depth")),
    "video_extension": _function("", "first_frame_url last_frame_url first_clip_url last_clip_url video_url",
                                 control_condition=choice("", "posebodyface", "depth")),
    "video_outpainting": _function("video_url", top_scale=SCALE, bottom_scale=SCALE, left_scale=SCALE, right_scale=SCALE),
}


# Rows

@dataclass(frozen=True)
class VideoModel:
    """`traits`: orig and actual: prompts told in the answer; float durations; open: parameters documented elsewhere, or not at
    all; marked: a watermark unless it is refused; follows_picture, follows_video: the shape is that of the input."""
    name: str
    parameters: Mapping[str, Rule]
    path: str = SYNTHESIS
    inputs: Mapping[str, Rule] = field(default_factory=dict)       # fields of `input` that hold no address
    required: Tuple[str, ...] = ()
    needed: Tuple[str, ...] = ()                                   # parameters that must be there
    fields: Mapping[str, Medium] = field(default_factory=dict)     # fields of `input` that hold an address
    lists: Mapping[str, Tuple[Medium, int]] = field(default_factory=dict)       # ... or a list of so many
    media: Mapping[str, Tuple[Medium, int]] = field(default_factory=dict)       # types of `input.media`, and how many there may be
    sets: Tuple[FrozenSet[str], ...] = ()                          # the only legal sets of types
    totals: Tuple[Tuple[FrozenSet[str], int, int], ...] = ()       # of some types together
    characters: int = 5000             # of the prompt; more would be cut off
    wide: int = 1                      # what a CJK character counts
    resolution: str = ""               # the default
    ratio: str = ""
    size: str = ""
    seconds: Optional[int] = 5         # the default duration; None: the input decides
    fps: int = 24
    billed_input: float = 0            # seconds of the input that are billed at most
    sound: bool = True
    result: str = VIDEO_URL
    usage: str = "plain"
    traits: FrozenSet[str] = frozenset()

    def has(self, trait: str) -> bool:
        return trait in self.traits


def durations(*allowed: int) -> Rule:
    told = f"must be an Integer, one of {', '.join(map(str, allowed))}"
    return lambda value: "" if value in allowed and isinstance(value, int) and not isinstance(value, bool) else told


def _rows() -> Dict[str, VideoModel]:
    table: Dict[str, VideoModel] = {}

    def add(names: str, parameters: Dict[str, Rule], traits: str = "", **others: Any) -> None:
        for name in names.split():
            table[name] = VideoModel(name, parameters, traits=frozenset(traits.split()), **others)

    plain = {"watermark": boolean, "seed": SEED}
    wan = {**plain, "prompt_extend": boolean}
    said = {"prompt": text, "negative_prompt": negative}
    new = {"resolution": choice("720P", "1080P")}
    framed = {**new, "ratio": choice(*RATIOS)}
    asked = {"required": ("prompt",), "inputs": said}
    shot = choice("single", "multi")

    # wan2.7 and wan3.0
    add("wan2.7-t2v", {**wan, **framed, "duration": whole(2, 15)}, "orig", fields={"audio_url": _sound(2, 30)}, resolution="1080P",
        ratio="16:9", usage="ratio", **asked)
    add("wan2.7-i2v", {**wan, **new, "duration": whole(2, 15)}, "orig follows_picture", inputs=said, resolution="1080P",
        media={"first_frame": (WAN_PICTURE, 1), "last_frame": (WAN_PICTURE, 1), "driving_audio": (_sound(2, 30), 1),
               "first_clip": (_clip(2, 10), 1)}, sets=FRAME_SETS)
    add("wan2.7-r2v", {**wan, **framed, "duration": whole(2, 15)}, "orig", resolution="1080P", ratio="16:9", usage="ratio",
        media={"reference_image": (WAN_PICTURE, 5), "reference_video": (_clip(1, 30), 5), "first_frame": (WAN_PICTURE, 1)},
        totals=((frozenset(("reference_image", "reference_video")), 1, 5),), billed_input=5, **asked)
    add("wan2.7-videoedit", {**wan, **framed, "duration": durations(0, *range(2, 11)), "audio_setting": choice("auto", "origin")},
        "orig float follows_video", inputs=said, resolution="1080P", seconds=0, billed_input=NO_LIMIT,
        media={"video": (_clip(2, 10), 1), "reference_image": (WAN_PICTURE, 4)}, totals=((frozenset(("video",)), 1, 1),))
    add("wan3.0-video wan3.0-video-prime",
        {**wan, "resolution": choice("480P", "720P", "1080P"), "ratio": choice("adaptive", *RATIOS),
         "duration": durations(-1, *range(2, 31)), "audio": boolean},
        "orig float follows_picture", inputs=said, characters=20000, resolution="1080P", ratio="adaptive", usage="ratio",
        billed_input=NO_LIMIT,
        media={"first_frame": (WAN_PICTURE, 1), "last_frame": (WAN_PICTURE, 1), "reference_image": (WAN_PICTURE, 10),
               "reference_video": (_clip(1, 15), 5), "reference_audio": (_sound(0, 15), 5), "file": (PAPERS, 1),
               "link": (WEB_PAGE, 1)})

    # wan 2.6 and older: from text
    old_audio = {"audio_url": _sound(3, 30)}
    add("wan2.6-t2v", {**wan, "size": sizes("720P", "1080P"), "duration": whole(2, 15), "shot_type": shot}, "orig",
        fields=old_audio, size="1920*1080", characters=1500, usage="sized", **asked)
    add("wan2.6-t2v-us", {**wan, "size": sizes("720P", "1080P"), "duration": durations(5, 10), "shot_type": shot}, "orig",
        fields=old_audio, size="1920*1080", characters=1500, usage="sized", **asked)
    add("wan2.5-t2v-preview", {**wan, "size": sizes("480P", "720P", "1080P"), "duration": durations(5, 10)}, "orig actual",
        fields=old_audio, size="1920*1080", characters=1500, usage="old", **asked)
    for name, tiers, size in (("wan2.2-t2v-plus", ("480P", "1080P"), "1920*1080"), ("wanx2.1-t2v-turbo", ("480P", "720P"), "1280*720"),
                              ("wanx2.1-t2v-plus", ("720P",), "1280*720")):
        add(name, {**wan, "size": sizes(*tiers), "duration": durations(5)}, "orig actual", size=size, characters=800, usage="old",
            sound=False, **asked)

    # ... and from a first frame
    for name, tiers, default, length in (
            ("wan2.6-i2v-flash", "720P 1080P", "1080P", whole(2, 15)), ("wan2.6-i2v", "720P 1080P", "1080P", whole(2, 15)),
            ("wan2.6-i2v-us", "720P 1080P", "1080P", durations(5, 10, 15)),
            ("wan2.5-i2v-preview", "480P 720P 1080P", "1080P", durations(5, 10)),
            ("wan2.2-i2v-flash", "480P 720P 1080P", "720P", durations(5)), ("wan2.2-i2v-plus", "480P 1080P", "1080P", durations(5)),
            ("wanx2.1-i2v-turbo", "480P 720P", "720P", durations(3, 4, 5)), ("wanx2.1-i2v-plus", "720P", "720P", durations(5))):
        six, five = name.startswith("wan2.6"), name.startswith("wan2.5")
        parameters = {**wan, "resolution": choice(*tiers.split()), "duration": length, **({"shot_type": shot} if six else {}),
                      **({"audio": boolean} if name.endswith("2.6-i2v-flash") else {})}
        picture = WAN_PICTURE if six or five else OLD_PICTURE
        add(name, parameters, "orig follows_picture" + ("" if six else " actual"), inputs={**said, "template": text},
            required=("img_url",), fields={"img_url": replace(picture, ratio=NO_LIMIT), **(old_audio if six or five else {})},
            characters=1500 if six or five else 800, resolution=default, sound=six or five,
            usage="plain" if six else "standard" if name.startswith("wanx") else "short")
    for name, tiers in (("wan2.2-kf2v-flash", ("480P", "720P", "1080P")), ("wanx2.1-kf2v-plus", ("720P",))):
        add(name, {**wan, "resolution": choice(*tiers), "duration": durations(5)}, "orig actual follows_picture", path=IMAGE2VIDEO,
            inputs={**said, "template": text}, required=("first_frame_url",), characters=800, resolution="720P", sound=False,
            fields={"first_frame_url": OLD_PICTURE, "last_frame_url": OLD_PICTURE},
            usage="kf2v" if name.startswith("wan2") else "standard")
    for name in ("wan2.6-r2v", "wan2.6-r2v-flash"):
        add(name, {**plain, "size": sizes("720P", "1080P"), "duration": whole(2, 10), "shot_type": shot,
                   **({"audio": boolean} if name.endswith("flash") else {})}, "orig float",
            lists={"reference_urls": (Medium(ANYTHING), 5), "reference_video_urls": (_clip(2, 30), 3)}, size="1920*1080",
            characters=1500, usage="sized", billed_input=5, **asked)
    vace = {name: VACE_PICTURE for name in ("mask_image_url", "first_frame_url", "last_frame_url")}
    vace.update({name: VACE_CLIP for name in ("video_url", "mask_video_url", "first_clip_url", "last_clip_url")})
    add("wanx2.1-vace-plus", {**wan, "duration": durations(5)}, "orig actual", fields=vace, size="1280*720", characters=800,
        lists={"ref_images_url": (VACE_PICTURE, 3)}, sound=False, usage="standard", required=("function", "prompt"),
        inputs={"prompt": text, "function": choice(*FUNCTIONS), "mask_frame_id": whole(1, 10000)})

    # People
    person = _picture((200, 4096), 3, 5, data=False, uploads=False)
    add("wan2.2-animate-move wan2.2-animate-mix", {"mode": choice("wan-std", "wan-pro"), "check_image": boolean},
        "float follows_video", path=IMAGE2VIDEO, inputs={"watermark": boolean}, required=("image_url", "video_url"),
        needed=("mode",), seconds=None, result=RESULTS, usage="animate", resolution="720P",
        fields={"image_url": person, "video_url": _clip(2, 30, (200, 2048), 3, 200, "MP4 MOV AVI", uploads=False)})
    speaker = _picture((400, 7000), data=False, uploads=False)
    add("wan2.2-s2v", {"resolution": choice("480P", "720P")}, "float follows_picture", path=IMAGE2VIDEO, seconds=None, fps=16,
        required=("image_url", "audio_url"), fields={"image_url": speaker, "audio_url": _sound(0, 19.99, uploads=False)},
        resolution="480P", result=RESULTS, usage="s2v")
    add("wan2.2-s2v-detect", {}, path=DETECT, required=("image_url",), fields={"image_url": speaker}, result=CHECK, usage="detect")

    # happyhorse
    horse = {"inputs": {"prompt": text}, "resolution": "1080P", "wide": 2}
    long = {**plain, "duration": whole(3, 15)}
    still = "JPEG PNG WebP"
    first = _picture((300, NO_LIMIT), 2.5, formats=still, uploads=False)
    shown = _picture((400, NO_LIMIT), formats=still, uploads=False)
    for version, tiers, ratios in (("1.1", ("480P", "720P", "1080P"), MORE_RATIOS), ("1.0", ("720P", "1080P"), RATIOS)):
        tier, shape = {"resolution": choice(*tiers)}, {"ratio": choice(*ratios)}
        add(f"happyhorse-{version}-t2v", {**long, **tier, **shape}, "orig marked", required=("prompt",), ratio="16:9", usage="ratio",
            **horse)
        add(f"happyhorse-{version}-i2v", {**long, **tier}, "orig marked follows_picture", media={"first_frame": (first, 1)},
            sets=(frozenset(("first_frame",)),), **horse)
        add(f"happyhorse-{version}-r2v", {**long, **tier, **shape}, "orig marked", required=("prompt",), ratio="16:9", usage="ratio",
            media={"reference_image": (shown, 9)}, totals=((frozenset(("reference_image",)), 1, 9),), **horse)
    add("happyhorse-1.0-video-edit", {**plain, "resolution": choice("720P", "1080P"), "audio_setting": choice("auto", "origin")},
        "orig float marked follows_video", required=("prompt",), seconds=None, billed_input=15,
        media={"video": (_clip(3, 60, (360, 4096), 2.5, uploads=False), 1), "reference_image": (first, 5)},
        totals=((frozenset(("video",)), 1, 1),), **horse)

    # Others
    add("video-style-transform",
        {"style": whole(0, 7), "video_fps": whole(15, 25), "min_len": durations(720, 540), "use_SR": boolean,
         "animate_emotion": boolean},
        "follows_video", required=("video_url",), seconds=None, fps=15, resolution="720P", result=OUTPUT_VIDEO, usage="style",
        fields={"video_url": _clip(0, 30, (256, 4096), 1.8, 100, "MP4 AVI MKV MOV FLV", uploads=False)})
    own = {"watermark": boolean, "audio": boolean, "seed": SEED}
    add("kling/kling-v3-video-generation kling/kling-v3-omni-video-generation",
        {"watermark": boolean, "audio": boolean, "mode": choice("std", "pro", "4k"), "duration": whole(3, 15), "aspect_ratio": text},
        "follows_picture", characters=2500, resolution="1080P", usage="vendor",
        inputs={**said, "multi_shot": boolean, "shot_type": choice("intelligence", "customize"), "multi_prompt": anything,
                "element_list": anything},
        media={"first_frame": (FREE_PICTURE, 1), "last_frame": (FREE_PICTURE, 1), "refer": (FREE_PICTURE, 10), "base": (FREE_CLIP, 1),
               "feature": (FREE_CLIP, 1)})
    add("kling/kling-v3-turbo-video-generation",
        {"watermark": boolean, "mode": choice("std", "pro"), "duration": whole(3, 15), "aspect_ratio": text},
        "follows_picture", characters=2500, resolution="1080P", usage="vendor",
        inputs={**said, "multi_shot": boolean, "shot_type": choice("intelligence", "customize"), "multi_prompt": anything},
        media={"first_frame": (FREE_PICTURE, 1)})
    add(VIDU, {**own, "resolution": choice("540P", "720P", "1080P"), "size": text, "duration": whole(1, 16)}, "open follows_picture",
        inputs=said, resolution="720P", usage="vendor", media={"image": (FREE_PICTURE, 7), "video": (FREE_CLIP, 3)})
    add(PIXVERSE, {**own, "resolution": choice("360P", "540P", "720P", "1080P"), "size": text, "duration": whole(1, 15)},
        "open follows_picture", inputs=said, needed=("duration",), resolution="720P", usage="vendor",
        media={name: (FREE, 7) for name in ("image_url", "video_url", "first_frame", "last_frame")})
    add(MINIMAX, {"resolution": choice("768P", "2K"), "ratio": text, "duration": whole(4, 15)}, "open follows_picture", inputs=said,
        needed=("resolution", "duration"), resolution="768P", usage="vendor",
        media={name: (FREE, 7) for name in ("first_frame", "last_frame", "image_url", "feature", "driving_audio")})
    return table


FRAME_SETS = tuple(frozenset(some.split()) for some in (
    "first_frame", "first_frame driving_audio", "first_frame last_frame", "first_frame last_frame driving_audio", "first_clip",
    "first_clip last_frame"))
VIDU, PIXVERSE, MINIMAX = "vidu/viduq3-pro_img2video", "pixverse/pixverse-v6-it2v", "MiniMax/MiniMax-H3"
VENDORS = ((re.compile(r"vidu/[A-Za-z0-9.-]+_(text2video|img2video|reference2video|start-end2video)"), VIDU),
           (re.compile(r"pixverse/[A-Za-z0-9._-]+"), PIXVERSE))
ASPECTS = {name: tuple(map(int, name.split(":"))) for name in (*MORE_RATIOS, "3:2", "2:3")}
VIDEO_MODELS: Dict[str, VideoModel] = _rows()


def find(name: str, models: Mapping[str, VideoModel] = VIDEO_MODELS) -> Optional[VideoModel]:
    """The row of a model id; a dated snapshot takes the row of its stem, and wan2.1 is how wanx2.1 is spelled abroad."""
    model = models.get(name)
    if model is not None:
        return model
    match = SNAPSHOT.fullmatch(name)
    stem = match.group(1) if match else "wanx2.1-" + name[len("wan2.1-"):] if name.startswith("wan2.1-") else ""
    stem = stem or next((row for pattern, row in VENDORS if pattern.fullmatch(name)), "")
    model = models.get(stem)
    return replace(model, name=name) if model else None
