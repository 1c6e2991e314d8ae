"""The tables of the vision skill's references/models.md."""
from __future__ import annotations

from tests.tables import chat, length, markdown, size

from vision_models import TABLE

SKILL = "qianwen-vision"
LETTERS = (("so", "J"), ("jt", "K"), ("hr", "H"), ("ocr", "O"), ("ocr-tasks", "T"))


def tables() -> dict:
    """(file, name) -> lines."""
    live = TABLE.live()
    return {
        ("models.md", "models"): markdown(
            "model | thinking | abilities | largest picture / video | pictures, frames | most input / output tokens | price in/out", [
                (f"`{row.id}`", row.thinking, _abilities(row), _sizes(row.sees), _counts(row.sees), chat.tokens(row), chat.price(row))
                for row in live]),
        ("models.md", "thinking"): chat.thinking(live),
        ("models.md", "retired"): chat.retired(chat.gone(TABLE, lambda row: row.sees)),
    }


def _abilities(row) -> str:
    return " ".join(filter(None, ("V" if row.sees.frames[1] else "", chat.letters(row, LETTERS))))


def _sizes(sees) -> str:
    picture = size(sees.picture_bytes)
    if not sees.frames[1]:
        return picture
    return f"{picture} / {size(sees.video_bytes)}" + (f", {length(sees.video_seconds)}" if sees.video_seconds else "")


def _counts(sees) -> str:
    return f"{sees.pictures:,}" + (f", {sees.frames[1]:,}" if sees.frames[1] else "")
