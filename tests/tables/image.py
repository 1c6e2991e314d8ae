"""The tables of the image skill's references/models.md."""
from __future__ import annotations

from tests.tables import legend, markdown, size

from image_models import all_fields, ANY_PICTURE, TABLE
from image_sizes import parse_aspect

SKILL = "qianwen-image-generation"
_SHAPES = (("16:9", "low"), ("16:9", "standard"), ("16:9", "high"), ("1:1", "standard"))
_SHOWN = ("qwen-image-2.0", "qwen-image-3.0", "wan2.7-image", "wan2.7-image-pro", "wan2.6-t2i", "wan2.2-t2i-flash", "z-image-turbo")
_TRANSPARENT = {"refused": "no", "made": "yes, and makes it", "needed": "must have it", "": "yes"}


def tables() -> dict:
    """(file, name) -> lines."""
    live = TABLE.live()
    return {
        ("models.md", "models"): markdown("model | does, pictures in | `-n` | `--size` | answers", _grouped(live, _does)),
        ("models.md", "usual sizes"): markdown("model | size without flags", _by(live, lambda row: row.usual)),
        ("models.md", "shapes"): markdown("model | `16:9` low | `16:9` standard | `16:9` high | `1:1` standard", [
            (f"`{name}`", *(_best(name, *shape) for shape in _SHAPES)) for name in _SHOWN]),
        ("models.md", "flags"): legend(all_fields()),
        ("models.md", "flags and prices"): markdown("model | flags | prompt | price | calls | tasks", _grouped(live, _takes)),
        ("models.md", "pictures"): markdown("formats | largest | sides in pixels | transparency | models", _pictures(live)),
        ("models.md", "retired"): markdown("since | use | instead of", _retired()),
    }


def _grouped(rows, tell) -> list:
    """The cells of each row, those behind one another that are alike in one line."""
    found: list = []
    for row in rows:
        if found and found[-1][1] == tell(row):
            found[-1][0].append(f"`{row.id}`")
        else:
            found.append(([f"`{row.id}`"], tell(row)))
    return [(", ".join(names), *cells) for names, cells in found]


def _by(rows, tell) -> list:
    """One line for what several rows have in common; rows without it are left out."""
    groups: dict = {}
    for row in rows:
        if tell(row):
            groups.setdefault(tell(row), []).append(f"`{row.id}`")
    return [(", ".join(names), told) for told, names in groups.items()]


def _does(row) -> tuple:
    does = ", ".join(f"{name} {_span(mode.images)}" if mode.images[1] else name for name, mode in row.does.items())
    answers = "direct" if not row.task else "direct, task" if row.direct else "task"
    sizes = _per_mode(row, lambda mode: mode.sizes.column() if mode.sizes else "–")
    return does, _per_mode(row, lambda mode: _span(mode.n)), sizes, answers


def _takes(row) -> tuple:
    unit, most = row.prompt
    return ("".join(sorted({field.letter for field in row.fields.values()})) or "–", f"{most:,} {unit}" if unit else "–",
            _price(row), row.submit or "–", row.running or "–")


def _price(row) -> str:
    if row.price:
        return row.price.words()
    return "free trial only" if "free trial" in row.remark else "as in the console"


def _span(bounds: tuple) -> str:
    low, high = bounds
    return "–" if not high else str(low) if low == high else f"{low}-{high}"


def _per_mode(row, tell) -> str:
    """One word for all modes where they agree, else one for each group of them."""
    told: dict = {}
    for name, mode in row.does.items():
        told.setdefault(tell(mode), []).append(name)
    return next(iter(told)) if len(told) == 1 else "; ".join(f"{', '.join(names)}: {word}" for word, names in told.items())


def _best(name: str, aspect: str, quality: str) -> str:
    return "x".join(map(str, TABLE.row(name).does["make"].sizes.best(parse_aspect(aspect), quality, aspect)))


def _pictures(rows) -> list:
    groups: dict = {}
    for row in rows:
        if any(mode.images[1] for mode in row.does.values()) and row.picture != ANY_PICTURE:
            groups.setdefault((row.picture, row.transparency), []).append(f"`{row.id}`")
    return [(", ".join(_format(name) for name in limits.formats), size(limits.max_bytes), _sides(limits),
             _TRANSPARENT[transparency], ", ".join(names)) for (limits, transparency), names in groups.items()]


def _format(media_type: str) -> str:
    name = media_type.partition("/")[2].upper()
    return {"WEBP": "WebP", "GIF": "GIF (its first frame)"}.get(name, name)


def _sides(limits) -> str:
    low, high = limits.min_side, limits.max_side
    sides = f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
    return ", ".join(filter(None, (sides, f"{limits.max_ratio:g}:1" if limits.max_ratio else ""))) or "–"


def _retired() -> list:
    groups: dict = {}
    for row in TABLE.own:
        if row.retired:
            groups.setdefault((row.retired, row.successor), []).append(f"`{row.id}`")
    return [(day, f"`{use}`", ", ".join(names)) for (day, use), names in sorted(groups.items())]
