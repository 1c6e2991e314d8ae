"""The models of this skill: the chat models of `shared/chat/models.py` but those that are made for pictures.
"""
from __future__ import annotations

import re

from shared.chat.models import AS_OF, describe, FAMILIES, free, ROWS
from shared.models import Table

DEFAULT_MODEL = "qwen3.7-plus"
DOCUMENT_MODEL = "qwen-long"
TRANSLATION_MODEL = "qwen-mt-plus"

# Ids of other skills' models, for a warning that says where they belong.
OTHER_SKILLS = tuple((re.compile(pattern), skill) for pattern, skill in (
    (r"^(qwen-image|z-image|wan[\d.x]*-(t2i|image|i2i)|wanx[\d.]*-(t2i|image)|qwen-mt-image)",
     "qianwen-image-generation"),
    (r"^(wan|wanx|happyhorse|kling|vidu|pixverse)", "qianwen-video-generation"),
    (r"(^|-)tts|^cosyvoice|^sambert|speech", "qianwen-audio-tts"),
    (r"-vl-|^qvq|-ocr|^gui-plus", "qianwen-vision"),
))


def elsewhere(name: str) -> str:
    """The warning for an id of another skill's model, '' for any other."""
    for pattern, skill in OTHER_SKILLS:
        if pattern.search(name):
            return f"{name} looks like a model of the {skill} skill; it is sent as a text model anyway"
    return ""


TABLE = Table(ROWS, FAMILIES, AS_OF, free, describe, own=lambda row: not elsewhere(row.id),
              elsewhere=elsewhere)
