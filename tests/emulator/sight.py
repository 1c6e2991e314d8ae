"""What a request shows the model, and how many tokens that makes."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Tuple

from tests.emulator.models import Sight
from tests.emulator.pictures import Picture
from tests.emulator.videos import Video

PICTURE, VIDEO = "picture", "video"
DEFAULT_FPS = 2
FRAME_TOKENS, VIDEO_TOKENS = 768, 24_576          # the most that one frame, and all frames together, may have


@dataclass
class Seen:
    """One picture or video of a request. Of a web address only the address is known: nothing is fetched."""
    kind: str
    options: Dict[str, Any] = field(default_factory=dict)     # min_pixels, max_pixels, fps ...
    address: str = ""
    inline: bool = False                                      # it came as base64
    picture: Optional[Picture] = None
    video: Optional[Video] = None
    frames: List[Seen] = field(default_factory=list)          # of a video given as pictures


def total(seen: Iterable[Seen], kind: str, sight: Sight, high_resolution: bool) -> int:
    """The tokens of all pictures, or of all videos."""
    return sum(TOKENS[kind](one, sight, high_resolution) for one in seen if one.kind == kind)


def resized(width: int, height: int, patch: int, least: int, most: int) -> Tuple[int, int]:
    """The size a picture is brought to: whole patches, and an area between `least` and `most` pixels if possible."""
    across, down = round(width / patch) * patch, round(height / patch) * patch
    if across * down > most:
        scale = math.sqrt(width * height / most)
        across, down = (math.floor(side / scale / patch) * patch for side in (width, height))
    elif across * down < least:
        scale = math.sqrt(least / (width * height))
        across, down = (math.ceil(side * scale / patch) * patch for side in (width, height))
    return max(patch, across), max(patch, down)


def picture_tokens(width: int, height: int, sight: Sight, options: Dict[str, Any],
                   high_resolution: bool = False) -> int:
    most = sight.most_pixels if high_resolution else options.get("max_pixels", sight.max_pixels)
    across, down = resized(width, height, sight.patch, options.get("min_pixels", sight.min_pixels), most)
    return across * down // sight.patch ** 2 + sight.markers


def _picture(seen: Seen, sight: Sight, high_resolution: bool) -> int:
    if seen.picture is None:
        return 0
    return picture_tokens(seen.picture.width, seen.picture.height, sight, seen.options, high_resolution)


def _video(seen: Seen, sight: Sight, high_resolution: bool) -> int:
    """An estimate of our own: two frames share their tokens, and many frames become smaller."""
    count, width, height = _frames(seen, sight)
    if not count or not width or not height:
        return 0
    pairs, area = math.ceil(count / 2), sight.patch ** 2
    share = seen.options.get("total_pixels", VIDEO_TOKENS * area) // pairs
    most = max(sight.min_pixels, min(seen.options.get("max_pixels", FRAME_TOKENS * area), share))
    least = min(most, seen.options.get("min_pixels", sight.min_pixels))
    across, down = resized(width, height, sight.patch, least, most)
    return pairs * across * down // area + sight.markers


def _frames(seen: Seen, sight: Sight) -> Tuple[int, int, int]:
    """(number of frames, width, height); zeros for what is not known."""
    if seen.frames:
        known = next((frame.picture for frame in seen.frames if frame.picture), None)
        return len(seen.frames), known.width if known else 0, known.height if known else 0
    if seen.video is None or seen.video.seconds is None:
        return 0, 0, 0
    count = math.ceil(seen.video.seconds * seen.options.get("fps", DEFAULT_FPS))
    return min(count, seen.options.get("max_frames", sight.frames[1])), seen.video.width, seen.video.height


TOKENS = {PICTURE: _picture, VIDEO: _video}
