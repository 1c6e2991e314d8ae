"""The tables of the text skill's references/models.md."""
from __future__ import annotations

from tests.tables import chat, markdown

from text_models import elsewhere, TABLE

SKILL = "qianwen-text"
LETTERS = (("fc", "T"), ("so", "J"), ("jt", "K"), ("ws", "S"), ("pc", "P"), ("mt", "translation"), ("long", "documents"))


def tables() -> dict:
    """(file, name) -> lines."""
    live = TABLE.live()
    qwen = [row for row in live if row.id.startswith("qwen")]
    return {
        ("models.md", "qwen"): _models(qwen),
        ("models.md", "other makers"): _models([row for row in live if row not in qwen]),
        ("models.md", "thinking"): chat.thinking(live),
        ("models.md", "retired"): chat.retired(chat.gone(TABLE, lambda row: not elsewhere(row.id))),
    }


def _models(rows) -> list:
    return markdown("model | thinking | abilities | most input / output tokens | price in/out", [
        (f"`{row.id}`", row.thinking, chat.letters(row, LETTERS), chat.tokens(row), chat.price(row)) for row in rows])
