"""The tables of the speech skill's references."""
from __future__ import annotations

from tests.tables import markdown

from tts_costs import CREATION
from tts_models import GENERATION, TABLE

SKILL = "qianwen-audio-tts"
LETTERS = (("language", "L"), ("instructions", "I"), ("speed", "S"), ("pitch", "P"), ("volume", "V"), ("seed", "E"), ("sample_rate", "R"))


def tables() -> dict:
    """(file, name) -> lines."""
    live = TABLE.live()
    return {
        ("models.md", "what they take"): markdown("model | goes to | voice | a part | flags | formats | calls a minute",
                                                  _grouped(live, _takes)),
        ("models.md", "sample rates"): markdown("model | without `--sample-rate` | legal", _grouped(live, _rates)),
        ("models.md", "prices"): markdown("model | Beijing | Singapore", _grouped(live, _price)),
        ("models.md", "own voices"): markdown("for the models | service | price of a voice", _grouped(
            [row for row in live if row.service], _voice)),
        ("models.md", "regions"): markdown("documented over HTTP in | models", [
            (where, names) for names, where in _grouped(live, _regions)]),
        ("models.md", "retired"): markdown("since | use | instead of", _retired()),
    }


def _grouped(rows, tell) -> list:
    """One line for the rows that are alike, in the order of the table."""
    found: dict = {}
    for row in rows:
        found.setdefault(tell(row), []).append(f"`{row.id}`")
    return [(", ".join(names), *cells) for cells, names in found.items()]


def _takes(row) -> tuple:
    sure = "".join(letter for name, letter in LETTERS if name in row.fields and name not in row.unproven)
    maybe = "".join(letter for name, letter in LETTERS if name in row.fields and name in row.unproven)
    flags = sure + (f"({maybe})" if maybe else "") + ("M" if row.ssml else "")
    most = f"{row.most:,}" if row.most else "–"
    return ("A" if row.path == GENERATION else "B", f"`{row.voice}`" if row.voice else "–", f"{row.part:,} / {most}", flags or "–",
            " ".join(row.formats), row.per_minute)


def _rates(row) -> tuple:
    return str(row.rate) if row.rate else "24000, nothing is sent", " ".join(map(str, row.rates))


def _price(row) -> tuple:
    price = row.price
    if price.tokens_out:
        return f"{price.tokens_in:g} a million tokens of text, {price.tokens_out:g} of sound", "–"
    return f"{price.each:g}", "–" if price.abroad is None else str(price.abroad)


def _regions(row) -> tuple:
    return (" ".join(f"`{region}`" for region in row.regions),)


def _voice(row) -> tuple:
    made = CREATION[row.service]
    return f"`{row.service}`", f"{made.yuan:g} for {made.when}" if made.yuan else "free"


def _retired() -> list:
    groups: dict = {}
    for row in TABLE.own:
        if row.retired:
            groups.setdefault((row.retired, row.successor), []).append(f"`{row.id}`")
    return [(day, f"`{use}`", ", ".join(names)) for (day, use), names in sorted(groups.items())]
