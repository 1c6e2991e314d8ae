"""The tables of the video skill's references/models.md."""
from __future__ import annotations

from tests.tables import chat, legend, markdown

from video_models import all_fields, given, lengths, TABLE
from video_rows import NEW_SIZES, OLD_SIZES
from video_rules import Anything, Tiers

SKILL = "qianwen-video-generation"
_COUNTS = {5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}
_SIZED = (("Wan 2.7", NEW_SIZES), ("Wan 2.6 and older", OLD_SIZES))


def tables() -> dict:
    """(file, name) -> lines."""
    rows = TABLE.live()
    words = _words(rows)
    return {
        ("models.md", "takes"): markdown(
            "model | takes | references | resolution | ratio | seconds",
            _grouped(rows, lambda row: (_ways(row), _references(row), _tiers(row.shape), _ratios(row, words), _seconds(row)))),
        ("models.md", "ratios"): markdown("ratio | `--ratio`", [(word, ", ".join(ratios)) for ratios, word in words.items()]),
        ("models.md", "flags"): legend(all_fields()),
        ("models.md", "prices"): markdown(
            "model | flags | prompt | yuan a second | billed | tasks",
            _grouped(rows, lambda row: (_flags(row), _prompt(row), *_price(row.price), row.running))),
        ("models.md", "pixels"): _pixels(rows),
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
        told.setdefault(way.mode, []).append(given(way))
    return "; ".join(f"{mode}: {', '.join(inputs)}" for mode, inputs in told.items()) or "functions"


def _references(row) -> str:
    _, videos, most = row.references
    return f"{most} (videos: {videos})" if videos else str(most or "–")


def _tiers(shape) -> str:
    if isinstance(shape, Anything):
        return "free" if "resolution" in shape.takes else "size" if "size" in shape.takes else "–"
    marked = [f"{tier}*" if tier == shape.default and len(shape.tiers) > 1 else tier for tier in shape.tiers]
    return " ".join(marked) or "–"


def _has_ratio(row) -> bool:
    return isinstance(row.shape, Tiers) and (not row.ways or any(way.ratio for way in row.ways))


def _words(rows) -> dict:
    """ratios -> the word for them. The first of so many has the word, others are listed."""
    found: dict = {}
    for ratios in dict.fromkeys(row.shape.ratios for row in rows if _has_ratio(row)):
        word = _COUNTS.get(len(ratios))
        if word and word not in found.values():
            found[ratios] = word
    return found


def _ratios(row, words: dict) -> str:
    if isinstance(row.shape, Anything):
        return "free" if "ratio" in row.shape.takes else "–"
    if not _has_ratio(row):
        return "–"
    first, *others = row.shape.ratios
    return words.get(row.shape.ratios) or " ".join((f"{first}*", *others) if others else (first,))


def _seconds(row) -> str:
    return lengths(row).replace(" to ", "-").replace("default ", "") or "–"


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


def _pixels(rows) -> list:
    """A line for each tier of each table of sizes, small ones first."""
    tables_: dict = {}
    for row in rows:
        if row.shape.sizes:
            tables_.setdefault(str(row.shape.sizes), (row.shape.sizes, []))[1].append(f"`{row.id}`")
    lines = [(f"{tier} of {_owners(sizes, names)}", pixels) for sizes, names in tables_.values() for tier, pixels in sizes.items()]
    lines.sort(key=lambda line: max(width * height for width, height in line[1].values()))
    ratios = list(dict.fromkeys(ratio for _, pixels in lines for ratio in pixels))
    return markdown(" | " + " | ".join(ratios), [(name, *(_size(pixels.get(ratio)) for ratio in ratios)) for name, pixels in lines])


def _owners(sizes: dict, names: list) -> str:
    return next((name for name, known in _SIZED if known == sizes), ", ".join(names))


def _size(pixels) -> str:
    return f"{pixels[0]}x{pixels[1]}" if pixels else "–"
