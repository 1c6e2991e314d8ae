"""Numbers with their nouns, in messages for people."""
from __future__ import annotations


def number(count) -> str:
    """7, 0.5, 12,345."""
    return f"{count:,}" if isinstance(count, int) else f"{count:g}" if count < 1000 else f"{count:,.10g}"


def unit(count, name: str) -> str:
    """A number of a bill's units, whose names are plurals: "1 input token", "2 pictures"."""
    name = name.replace("_", " ")
    return counted(count, name[:-1] if name.endswith("s") else name, name)


def data_size(count: int) -> str:
    """A number of bytes: "7 bytes", "12 KB", "3.4 MB", by thousands as the service's limits are."""
    if count < 1000:
        return counted(count, "byte")
    return f"{count / 1000:.0f} KB" if count < 999_500 else f"{count / 1e6:.1f} MB"


def counted(count, noun: str, plural: str = "") -> str:
    """"1 row", "2 rows", "0.5 seconds": a number with its noun, a plural but behind 1."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"
