"""About how many tokens the pictures and videos of a request have (wire contract 4.4)."""
from __future__ import annotations

from ..body import countable, objects_in
from .models import ANY, bounds, GRID_28, Model
from .tokens import picture_tokens, text_tokens, video_tokens

_FRAMES_A_SECOND = 2.0  # what the service looks at without `fps`
_ASSUMED = 60.0  # seconds that are taken for a video whose length is not known
OF_VIDEO = f"a video of unknown length, for which {_ASSUMED:.0f} s are assumed"
# The side of a patch in pixels, and the most pixels of a picture without `max_pixels`.
_GENERAL, _OLDER = (32, 2_621_440), (28, 1_003_520)
_READER, _OLDER_READER = (32, 8_388_608), (28, 6_422_528)
_PICTURES, _VIDEOS = ("image_url", "image"), ("video_url", "video")  # in both dialects


def media_tokens(model: Model, body: dict, known=(), unasked: str = "") -> tuple:
    """(the tokens of all media of a body and of `unasked`, what the service asks itself, how many more videos
    of unknown length may have); together at most what the model takes in.

    `known` are the media that were looked at, with the addresses that they have in the body.
    """
    model = bounds(model)
    if model.sees is None:
        return 0, 0
    looked_at, is_high = {item.address: item for item in known}, _is_high(body)
    count, longest = text_tokens(unasked), 0
    for message in objects_in(body.get("input") or body, "messages"):
        for part in objects_in(message, "content"):
            assumed, most = _of_part(part, model, looked_at, is_high)
            count, longest = count + assumed, longest + most - assumed
    bound = model.max_input or count + longest
    return min(count, bound), max(0, min(longest, bound - count))


def _is_high(body: dict) -> bool:
    return bool((body.get("parameters") or body).get("vl_high_resolution_images"))


def _of_part(part: dict, model: Model, looked_at: dict, is_high: bool) -> tuple:
    """(tokens of a part as assumed, at most)."""
    value = next((part[name] for name in (*_PICTURES, *_VIDEOS) if part.get(name)), None)
    if value is None:
        return 0, 0
    first = value[0] if isinstance(value, list) else value.get("url") if isinstance(value, dict) else value
    found = looked_at.get(first) if isinstance(first, str) else None
    size, pixels = (found.width, found.height) if found else (0, 0), _pixels(part, model, is_high)
    if any(part.get(name) for name in _PICTURES):
        return (picture_tokens(*size, *pixels),) * 2
    frames = (len(value),) * 2 if isinstance(value, list) else _frames(part, found, model.sees)
    assumed, most = (video_tokens(*size, count, *pixels) for count in frames)
    return assumed, most


def _pixels(part: dict, model: Model, is_high: bool) -> tuple:
    """(the side of a patch, the least and the most pixels of a picture)."""
    grid, usual = _patches(model)
    least, most = (int(countable(part.get(name)) or 0) for name in ("min_pixels", "max_pixels"))
    high = model.sees.pixels[1] if is_high else 0
    return grid, least or model.sees.pixels[0] or grid * grid * 4, high or most or usual


def _frames(part: dict, video, sees) -> tuple:
    """How many frames of a video the service looks at, as assumed and at most."""
    a_second = countable(part.get("fps")) or _FRAMES_A_SECOND
    known, most = video.seconds if video else 0, sees.frames[1] or ANY.frames[1]
    return tuple(min(seconds * a_second if seconds else most, most)
                 for seconds in (known or _ASSUMED, known or sees.video_seconds))


def _patches(model: Model) -> tuple:
    is_old = model.sees.pixels[0] == GRID_28[0]
    if "ocr" in model.features:
        return _OLDER_READER if is_old else _READER
    return _OLDER if is_old else _GENERAL
