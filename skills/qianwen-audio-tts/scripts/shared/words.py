"""Numbers with their nouns, in messages for people."""
from __future__ import annotations


def number(count) -> str:
    """7, 0.5, 12,345."""
    return f"{count:,}" if isinstance(count, int) else f"{count:g}" if count < 1000 else f"{count:,.10g}"


def unit(count, name: str) -> str:
    """A number of a bill's units, whose names are plurals: "1 input token", "2 pictures"."""
    name = name.replace("_", " ")
    return counted(count, name[:-1] if name.endswith("s") else name, name)


def counted(count, noun: str, plural: str = "") -> str:
    """"1 row", "2 rows", "0.5 seconds": a number with its noun, a plural but behind 1."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"
