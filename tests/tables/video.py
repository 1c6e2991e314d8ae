"""The tables of the video skill's references/models.md."""
from __future__ import annotations

from tests.tables import chat, markdown

from video_fields import flag_of
from video_models import all_fields, TABLE
from video_rows import FUNCTION_SECONDS
from video_rules import Anything, Pixels, spans, Tiers

SKILL = "qianwen-video-generation"
_RATIOS = {5: "five", 6: "six", 9: "nine"}


def tables() -> dict:
    """(file, name) -> lines."""
    rows = TABLE.live()
    return {
        ("models.md", "takes"): markdown(
            "model | takes | references | resolution | ratio | seconds",
            _grouped(rows, lambda row: (_ways(row), _references(row), _tiers(row.shape), _ratios(row), _seconds(row)))),
        ("models.md", "flags"): markdown("letter | flags", [(letter, ", ".join(flags)) for letter, flags in _letters().items()]),
        ("models.md", "prices"): markdown(
            "model | flags | prompt | yuan a second | billed | tasks",
            _grouped(rows, lambda row: (_flags(row), _prompt(row), *_price(row.price), row.running))),
        ("models.md", "pixels"): _pixels(),
        ("models.md", "retired"): chat.retired(row for row in TABLE.rows if row.retired),
    }


def _grouped(rows, cells) -> list:
    """Rows of a table; models that have all cells in common share one."""
    groups: dict = {}
    for row in rows:
        groups.setdefault(cells(row), []).append(f"`{row.id}`")
    return [(", ".join(names), *found) for found, names in groups.items()]


def _ways(row) -> str:
    told: dict = {}
    for way in row.ways:
        told.setdefault(way.mode, []).append("+".join(role.replace("_", "-") for role in way.inputs) or "text")
    return "; ".join(f"{mode}: {', '.join(inputs)}" for mode, inputs in told.items()) or "functions"


def _references(row) -> str:
    _, videos, most = row.references
    return f"{most} (videos: {videos})" if videos else str(most or "–")


def _tiers(shape) -> str:
    if isinstance(shape, Anything):
        return "free" if "resolution" in shape.takes else "size" if "size" in shape.takes else "–"
    marked = [f"{tier}*" if tier == shape.default and len(shape.tiers) > 1 else tier for tier in shape.tiers]
    return " ".join(marked) or "–"


def _ratios(row) -> str:
    if isinstance(row.shape, Anything):
        return "free" if "ratio" in row.shape.takes else "–"
    taken = isinstance(row.shape, Tiers) and (not row.ways or any(way.ratio for way in row.ways))
    return _RATIOS[len(row.shape.ratios)] if taken else "–"


def _seconds(row) -> str:
    lengths = {way.seconds.legal for way in row.ways} or {FUNCTION_SECONDS.legal}
    assert len(lengths) == 1, row.id
    legal = lengths.pop()
    return spans(legal).replace(" to ", "-") if legal else "–"


def _letters() -> dict:
    """letter -> the flags that it stands for."""
    found: dict = {}
    for name, field in all_fields().items():
        values = (True, False) if isinstance(field.flag, tuple) else (True,)
        found.setdefault(field.letter, []).extend(f"`{flag_of(name, value)}`" for value in values)
    return dict(sorted(found.items()))


def _flags(row) -> str:
    return "".join(sorted({field.letter for field in row.fields.values()})) or "–"


def _prompt(row) -> str:
    wanted = {way.prompt for way in row.ways} or {"needed"}
    if len(wanted) == 1:
        word = wanted.pop()
    else:
        word = "may; needed for " + " ".join(dict.fromkeys(way.mode for way in row.ways if way.prompt == "needed"))
    return f"{word}; {row.prompt.most:,}" if row.prompt.most else word


def _price(price) -> tuple:
    """Yuan a second, and what is billed."""
    return (price.words(), price.basis()) if price else ("as in the console", "–")


def _pixels() -> list:
    new, old = (next(row.shape for row in TABLE.live() if row.shape.sizes and type(row.shape) is kind) for kind in (Tiers, Pixels))
    everything = next(row.shape for row in TABLE.live() if type(row.shape) is Pixels and len(row.shape.tiers) == 3)
    assert old.ratios == everything.ratios == new.ratios
    named = [(tier, name, sizes) for tier in everything.tiers for name, sizes in (("Wan 2.7", new.sizes), ("Wan 2.6 and older", everything.sizes))
             if tier in sizes]
    return markdown(" | " + " | ".join(new.ratios), [
        (f"{tier} of {name}", *(_size(sizes[tier].get(ratio)) for ratio in new.ratios)) for tier, name, sizes in named])


def _size(pixels) -> str:
    return f"{pixels[0]}x{pixels[1]}" if pixels else "–"
