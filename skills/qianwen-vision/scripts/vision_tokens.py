"""About how many tokens the pictures and videos of a question have (wire contract 4.4)."""
from __future__ import annotations

from shared.chat.models import ANY, bounds, GRID_28, Model
from shared.chat.tokens import picture_tokens, text_tokens, video_tokens

_FRAMES_A_SECOND = 2.0  # what the service looks at without --fps
ASSUMED = 60.0  # seconds that are taken for a video whose length is not known
# The side of a patch in pixels, and the most pixels of a picture without --max-pixels.
_GENERAL, _OLDER = (32, 2_621_440), (28, 1_003_520)
_READER, _OLDER_READER = (32, 8_388_608), (28, 6_422_528)
# What the service asks about a picture to be read when nothing is asked (4.6); of a task it is about as long.
_UNASKED = "Please output only the text content from the image without any additional descriptions or formatting."


def media_tokens(ask, model: Model, body: dict) -> tuple:
    """(the tokens of all media of a question, and of one that the service asks itself, how many more a video
    of unknown length may have); together at most what the model takes in."""
    model = bounds(model)
    grid, usual = _patches(model)
    least = ask.min_pixels or model.sees.pixels[0] or grid * grid * 4
    is_high = (body.get("parameters") or body).get("vl_high_resolution_images")
    most = model.sees.pixels[1] if is_high and model.sees.pixels[1] else ask.max_pixels or usual
    count = sum(picture_tokens(image.width, image.height, grid, least, most) for image in ask.images)
    longest = 0
    if ask.frames:
        first = ask.frames[0]
        count += video_tokens(first.width, first.height, len(ask.frames), grid, least, most)
    if ask.video:
        assumed, longest = (video_tokens(ask.video.width, ask.video.height, frames, grid, least, most)
                            for frames in _frames(ask, model.sees))
        count, longest = count + assumed, longest - assumed
    if ask.ocr and ask.prompt is None:
        count += text_tokens(_UNASKED)
    bound = model.max_input or count + longest
    return min(count, bound), max(0, min(longest, bound - count))


def _frames(ask, sees) -> tuple:
    """How many frames of the video the service looks at, as assumed and at most."""
    a_second = ask.fps or _FRAMES_A_SECOND
    known, most = ask.video.seconds, sees.frames[1] or ANY.frames[1]
    return tuple(min(seconds * a_second if seconds else most, most)
                 for seconds in (known or ASSUMED, known or sees.video_seconds))


def _patches(model: Model) -> tuple:
    is_old = model.sees.pixels[0] == GRID_28[0]
    if "ocr" in model.features:
        return _OLDER_READER if is_old else _READER
    return _OLDER if is_old else _GENERAL
