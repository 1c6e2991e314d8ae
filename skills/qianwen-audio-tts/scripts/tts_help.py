"""What --help says of the models, from their rows. Loaded where help is asked for alone."""
from __future__ import annotations

from tts_models import DEFAULT_MODEL, TABLE


def filled(text: str) -> str:
    """A help text with the rows' facts in its places, such as {speed} and {flac}."""
    default = TABLE.row(DEFAULT_MODEL)
    places = {
        "instructions": short_names(lambda row: "instructions" in row.fields),
        "ssml": short_names(lambda row: row.ssml), "flac": short_names(lambda row: "flac" in row.formats),
        "rates": rates(), "voice": f"{default.voice} for {default.id}",
        "part": f"{default.part} for {default.id}",
        **{flag: ranges_of(flag) for flag in ("speed", "pitch", "volume", "seed")}}
    for name, told in places.items():
        text = text.replace(f"{{{name}}}", told)
    return text


def short_names(test) -> str:
    """The models that pass a test: the beginning of an id stands for all that begin so, unless it is the id
    of a retired model."""
    others, gone = TABLE.live(lambda row: not test(row)), {row.id for row in TABLE.own if row.retired}
    found = (next(start for start in _starts(row.id) if start not in gone
                  and not any(other.id.startswith(start) for other in others)) for row in TABLE.live(test))
    return ", ".join(dict.fromkeys(found))


def _starts(name: str) -> list:
    """The beginnings of an id before a - or /, shortest first, and the id."""
    return [*(name[:place] for place, letter in enumerate(name) if letter in "-/"), name]


def ranges_of(flag: str) -> str:
    """What the models take of a flag."""
    def limits(row):
        return row.fields[flag][2:] if flag in row.fields else None
    found = dict.fromkeys(map(limits, TABLE.live()))
    told = {each: f"{'above ' if each[2] else ''}{each[0]:g} to {each[1]:g}" for each in found if each}
    if len(found) == 1:
        return "".join(told.values())
    return ", ".join(f"{said} ({short_names(lambda row: limits(row) == each)})"
                     for each, said in told.items())


def rates() -> str:
    """The sample rates that are asked for without --sample-rate."""
    def rate(row):
        return row.rate or 24000
    others = [each for each in dict.fromkeys(map(rate, TABLE.live())) if each != 24000]
    told = [f"{each} for {short_names(lambda row: rate(row) == each)}" for each in others]
    return "; ".join(["24000", *told])
