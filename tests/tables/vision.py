"""The tables of the vision skill's references/models.md."""
from __future__ import annotations

from tests.tables import chat, markdown

from vision_models import TABLE

SKILL = "qianwen-vision"
LETTERS = (("so", "J"), ("jt", "K"), ("hr", "H"), ("ocr", "O"), ("ocr-tasks", "T"))
_LONGEST = {7_200: ", 2 h", 3_600: ", 1 h", 1_200: ", 20 min", 600: ", 10 min", 40: ", 40 s", 0: ""}


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
    picture = f"{sees.picture_bytes // 10**6} MB"
    if not sees.frames[1]:
        return picture
    return f"{picture} / {sees.video_bytes // 10**9} GB{_LONGEST[sees.video_seconds]}"


def _counts(sees) -> str:
    return f"{sees.pictures:,}" + (f", {sees.frames[1]:,}" if sees.frames[1] else "")
