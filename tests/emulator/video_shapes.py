"""How large and how long the video of a call will be."""
from __future__ import annotations

from math import ceil, sqrt
from typing import Tuple

from tests.emulator.video_call import VideoCall
from tests.emulator.video_models import AREAS, ASPECTS, CLIP, NEW_SIZES, PICTURE, SOUND, tier_of

CHOSEN_SECONDS = 7                     # what a model says that may choose how long its video is


def seconds_of(call: VideoCall) -> Tuple[float, float]:
    """(seconds of the video, seconds of the input that are billed)"""
    model = call.model
    clips = sum(one.seconds for one in call.of(CLIP))
    asked = call.options.get("duration", model.seconds)
    if asked is None:                  # the input decides
        asked = clips or sum(one.seconds for one in call.of(SOUND))
        asked = min(asked, model.billed_input) if model.billed_input else asked
    elif model.name.startswith("wan2.7-videoedit"):
        asked = clips = min(asked, clips) if asked else clips
    elif asked == -1:
        asked = CHOSEN_SECONDS
    came_in = min(clips, model.billed_input)
    if model.has("float"):
        return round(float(asked), 2), round(float(came_in), 2)
    return ceil(asked - 0.001), ceil(came_in - 0.001)


def geometry(call: VideoCall) -> Tuple[int, int, str, str]:
    """(width, height, tier, ratio)"""
    model, options = call.model, call.options
    if model.size and not (model.lists and "function" in model.inputs and "video_url" in call.input):
        size = options.get("size", model.size)
        width, height = map(int, size.split("*"))
        return width, height, tier_of(size), f"{width}:{height}"
    tier, ratio = options.get("resolution", model.resolution or "720P"), options.get("ratio", model.ratio)
    tier = {"std": "720P", "pro": "1080P", "4k": "4K"}.get(options.get("mode", ""), tier)
    if model.usage == "style":
        tier = f"{options.get('min_len', 720)}P"
    ratio = options.get("aspect_ratio", "" if "first_frame" in call.types or ratio == "adaptive" else ratio)
    if ratio in ASPECTS:
        table = NEW_SIZES.get(tier)
        if table and ratio in RATIO_NAMES:
            return (*table[RATIO_NAMES.index(ratio)], tier, ratio)
        return (*_shaped(tier, *ASPECTS[ratio]), tier, ratio)
    kinds = (CLIP,) if model.has("follows_video") else (PICTURE, CLIP)
    shape = next(((one.width, one.height) for one in call.of(*kinds) if one.width), (16, 9))
    return (*_shaped(tier, *shape), tier, ratio or "16:9")


RATIO_NAMES = ("16:9", "9:16", "1:1", "4:3", "3:4")


def _shaped(tier: str, across: int, down: int) -> Tuple[int, int]:
    """The area of the tier in this shape; sides are multiples of 16."""
    area = AREAS.get(tier, AREAS["720P"])
    return tuple(max(16, int(sqrt(area * part) + 1e-6) // 16 * 16) for part in (across / down, down / across))  # type: ignore[return-value]
