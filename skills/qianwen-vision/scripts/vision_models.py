"""The models of this skill: those of `shared/chat/models.py` that see,
and what a picture or video may be for them."""
from __future__ import annotations

from shared.chat.models import Model
from shared.chat.table import chat_table
from shared.media.inputs import Limits

DEFAULT_MODEL = "qwen3.7-plus"
OCR_MODEL = "qwen-vl-ocr"

PICTURES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/heic")
VIDEOS = ("video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/x-flv",
          "video/x-ms-wmv")

TABLE = chat_table(own=lambda row: row.sees is not None)


def picture_limits(model: Model) -> Limits:
    """What a picture may be: both sides above 10 pixels, at most 200 times as long as wide (4.2)."""
    return Limits("a picture", PICTURES, model.sees.picture_bytes if model.sees else 0, 11, 200)


def video_limits(model: Model) -> Limits:
    """What a video may be; it lasts at least 2 seconds (4.2)."""
    most, seconds = (model.sees.video_bytes, model.sees.video_seconds) if model.sees else (0, 0)
    return Limits("a video", VIDEOS, most, 0, 0, 2, seconds)
