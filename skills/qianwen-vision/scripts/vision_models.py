"""The models that see, as data, and the lookup of a model id's row.

Source: sections 2.3, 4 and 8.2 of the wire contract (catalogue of 2026-05-27). Data, not law: a model id that is not
here takes the row of its longest matching prefix, with a warning.
"""
from __future__ import annotations

import re
from collections import namedtuple

from shared import models
from shared.media.inputs import Limits

TABLE_DATE = "2026-05-27"
DEFAULT_MODEL = "qwen3.6-plus"
OCR_MODEL = "qwen-vl-ocr"

PICTURES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/heic")
VIDEOS = ("video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/x-flv", "video/x-ms-wmv")
_MB, _GB = 1_000_000, 1_000_000_000

# What a model sees. picture_bytes: the largest picture. pixels: the least and the most that --min-pixels and
# --max-pixels may name, (0, 0) where they are not taken. frames: the least and the most pictures of a frame list,
# (0, 0) where it takes no video. video_bytes, video_seconds: the largest and longest video.
Sight = namedtuple("Sight", "picture_bytes pixels frames video_bytes video_seconds")

NEWEST = Sight(20 * _MB, (4_096, 16_777_216), (4, 512), 2 * _GB, 7_200)
QWEN3_VL = Sight(10 * _MB, (4_096, 16_777_216), (4, 512), 2 * _GB, 3_600)
VL_MAX = Sight(10 * _MB, (4_096, 16_777_216), (4, 512), 2 * _GB, 600)
VL_PLUS = Sight(10 * _MB, (4_096, 16_777_216), (4, 512), 1 * _GB, 600)
QVQ = Sight(10 * _MB, (3_136, 12_845_056), (4, 512), 1 * _GB, 600)
OLDEST = Sight(10 * _MB, (3_136, 12_845_056), (4, 80), 150 * _MB, 40)
GUI = Sight(10 * _MB, (3_136, 12_845_056), (0, 0), 0, 0)
KIMI = Sight(10 * _MB, (0, 0), (4, 2000), 2 * _GB, 0)
OCR_28 = Sight(10 * _MB, (3_136, 23_520_000), (0, 0), 0, 0)
OCR_32 = Sight(10 * _MB, (3_072, 30_720_000), (0, 0), 0, 0)
DEEPSEEK_OCR = Sight(10 * _MB, (0, 0), (0, 0), 0, 0)
ANY = Sight(0, (1, 1_000_000_000), (4, 2000), 0, 0)

# thinking: as in `shared/chat_request.py`. features: so structured output, tb takes a thinking budget, hr high
# resolution, stream (streams only), no-system (ignores the system message), ocr (one picture, no prompt needed),
# ocr-tasks (built-in tasks on the native endpoint).
# max_input, max_output, max_thinking: tokens, 0 where unknown or not settable.
Model = namedtuple("Model", "id thinking features sight max_input max_output max_thinking")

MODELS = tuple(Model(name, thinking, frozenset(features.split()), sight, *limits)
               for name, thinking, features, sight, *limits in (
    ("qwen3.6-plus", "on", "so tb hr", NEWEST, 991808, 65536, 81920),
    ("qwen3.6-flash", "on", "so tb hr", NEWEST, 991808, 65536, 131072),
    ("qwen3.5-plus", "on", "so tb hr", NEWEST, 991808, 65536, 81920),
    ("qwen3.5-flash", "on", "so tb hr", NEWEST, 991808, 65536, 0),
    ("qwen3.6-27b", "on", "so tb hr", NEWEST, 260096, 65536, 0),
    ("qwen3.6-35b-a3b", "on", "so tb hr", NEWEST, 260096, 65536, 0),
    ("qwen3.5-397b-a17b", "on", "so tb hr", NEWEST, 260096, 65536, 0),
    ("qwen3.5-122b-a10b", "on", "so tb hr", NEWEST, 260096, 65536, 0),
    ("qwen3.5-27b", "on", "so tb hr", NEWEST, 260096, 65536, 0),
    ("qwen3.5-35b-a3b", "on", "so tb hr", NEWEST, 260096, 65536, 0),
    ("qwen3-vl-plus", "off", "so tb hr", QWEN3_VL, 260096, 32768, 81920),
    ("qwen3-vl-flash", "off", "so tb hr", QWEN3_VL, 260096, 32768, 81920),
    ("qwen3-vl-235b-a22b-instruct", "never", "so hr", QWEN3_VL, 129024, 32768, 0),
    ("qwen3-vl-30b-a3b-instruct", "never", "so hr", QWEN3_VL, 129024, 32768, 0),
    ("qwen3-vl-32b-instruct", "never", "so hr", QWEN3_VL, 129024, 32768, 0),
    ("qwen3-vl-8b-instruct", "never", "so hr", QWEN3_VL, 129024, 32768, 0),
    ("qwen3-vl-235b-a22b-thinking", "always", "tb hr", QWEN3_VL, 126976, 32768, 81920),
    ("qwen3-vl-30b-a3b-thinking", "always", "tb hr", QWEN3_VL, 126976, 32768, 81920),
    ("qwen3-vl-32b-thinking", "always", "tb hr", QWEN3_VL, 126976, 32768, 81920),
    ("qwen3-vl-8b-thinking", "always", "tb hr", QWEN3_VL, 126976, 32768, 81920),
    ("qwen-vl-max", "never", "so hr", VL_MAX, 129024, 8192, 0),
    ("qwen-vl-plus", "never", "so hr", VL_PLUS, 129024, 8192, 0),
    ("qwen-vl-max-2025-04-08", "never", "so hr", QVQ._replace(video_bytes=2 * _GB), 129024, 8192, 0),
    *((f"qwen-vl-{size}", "never", "so hr", QVQ, 129024, 8192, 0) for size in (
        "max-2025-04-02", "max-2025-01-25", "plus-2025-05-07", "plus-2025-01-25")),
    *((f"qwen-vl-{size}", "never", "hr", OLDEST, 30720, 2048, 0) for size in (
        "max-1230", "max-1119", "max-1030", "max-0809", "plus-0809", "plus-0102")),
    ("qwen-vl-ocr", "never", "ocr ocr-tasks", OCR_28, 30000, 4096, 0),
    ("qwen-vl-ocr-latest", "never", "ocr ocr-tasks", OCR_32, 30000, 8192, 0),
    ("qwen-vl-ocr-2025-11-20", "never", "ocr ocr-tasks", OCR_32, 30000, 8192, 0),
    ("qvq-max", "always", "stream hr no-system", QVQ, 106496, 8192, 0),
    ("qvq-plus", "always", "stream hr no-system", QVQ, 106496, 8192, 0),
    ("gui-plus", "off", "tb hr", GUI, 254976, 32768, 0),
    ("kimi-k2.6", "off", "", KIMI, 229376, 16384, 0),
    ("kimi-k2.5", "off", "tb", KIMI, 229376, 16384, 81920),
    ("kimi/kimi-k2.6", "off", "so", KIMI, 262144, 262144, 0),
    ("kimi/kimi-k2.5", "off", "so", KIMI, 262144, 262144, 0),
    ("vanchin/deepseek-ocr", "never", "so ocr", DEEPSEEK_OCR, 8192, 8192, 0),
))

# Rows for ids that no model above covers.
FAMILIES = tuple(Model(name, thinking, frozenset(features.split()), sight, 0, 0, 0) for name, thinking, features, sight in (
    ("", None, "so tb hr", ANY),
    ("qwen3.", "on", "so tb hr", NEWEST), ("qwen3-vl-", None, "so tb hr", QWEN3_VL), ("qwen-vl-", "never", "so hr", VL_MAX),
    ("qwen-vl-ocr", "never", "ocr ocr-tasks", OCR_28), ("qvq", "always", "stream hr no-system", QVQ),
    ("kimi", None, "so tb", KIMI),
))

# Ids that the catalogue knows and that take text alone.
TEXT_ONLY = re.compile(
    r"^(qwen3\.7-max|qwen3\.6-max|qwen3-max|qwen3-coder|qwen3-next|qwen3-\d+b"
    r"|qwen-(plus|flash|turbo|max|long|coder|math|mt|doc|deep-research)|qwq|deepseek-|siliconflow/"
    r"|glm-|ZHIPU/|MiniMax|kimi-k2-thinking|Moonshot|xiaomi/|vanchin/deepseek-[vr]|farui|tongyi)")


def find_model(name: str) -> tuple:
    """The row of a model id, and a warning where the id is not in the table ('' where it is)."""
    row, like = models.find(name, MODELS, FAMILIES, "so tb hr")
    return row, models.unknown(name, like, TABLE_DATE) if like else ""


def names_with(feature: str, limit: int = 5) -> str:
    """The first few models that have a feature, for an error message."""
    return models.names_with(MODELS, feature, limit)


def picture_limits(model: Model) -> Limits:
    """What a picture may be: both sides above 10 pixels, at most 200 times as long as wide (4.2)."""
    return Limits("a picture", PICTURES, model.sight.picture_bytes, 11, 200)


def video_limits(model: Model) -> Limits:
    """What a video may be; it lasts at least 2 seconds (4.2)."""
    return Limits("a video", VIDEOS, model.sight.video_bytes, 0, 0, 2, model.sight.video_seconds)
