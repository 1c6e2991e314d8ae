"""The models of this skill: the chat models of `shared/chat/models.py`
but those that are made for pictures."""
from __future__ import annotations

from shared.chat.table import chat_table

DEFAULT_MODEL = "qwen3.7-plus"
DOCUMENT_MODEL = "qwen-long"
TRANSLATION_MODEL = "qwen-mt-plus"

# Ids of other skills' models, for a warning that says where they belong: how they begin, or what is in them.
OTHER_SKILLS = (
    ((), ("-image", "-t2i", "-i2i"), "qianwen-image-generation"),
    (("wan", "happyhorse", "kling", "vidu", "pixverse"), (), "qianwen-video-generation"),
    (("tts", "cosyvoice", "sambert"), ("-tts", "speech"), "qianwen-audio-tts"),
    (("qvq", "gui-plus"), ("-vl-", "-ocr"), "qianwen-vision"),
)


def elsewhere(name: str) -> str:
    """The warning for an id of another skill's model, '' for any other."""
    for beginnings, parts, skill in OTHER_SKILLS:
        if name.startswith(beginnings) or any(part in name for part in parts):
            return f"{name} looks like a model of the {skill} skill; it is sent as a text model anyway"
    return ""


TABLE = chat_table(own=lambda row: not elsewhere(row.id), elsewhere=elsewhere)
