"""The JSON value in an answer that was to be JSON."""
from __future__ import annotations

import json

from ..body import no_constant

_TRIES = 1000  # places where a value may begin that are looked at


def json_answer(text: str):
    """The value of a JSON answer, a Markdown fence around it removed;
    return (value, clean text). Raises ValueError."""
    clean = text.strip().lstrip("\ufeff")
    if clean.startswith("```") and clean.endswith("```") and "\n" in clean:
        clean = clean[clean.index("\n") + 1:-3].strip()
    try:
        return json.loads(clean, parse_constant=no_constant), clean
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def json_within(text: str, fits=lambda value: True):
    """The one object or list in an answer that has words around it;
    return (value, its text). Raises ValueError.

    `fits(value)` tells which values are meant.
    Text that ends within a value was cut off, and nothing in it is taken.
    """
    decoder, found, place = json.JSONDecoder(parse_constant=no_constant), [], -1
    for _ in range(_TRIES):
        place = min((at for at in (text.find("{", place + 1), text.find("[", place + 1)) if at >= 0),
                    default=-1)
        if place < 0:
            break
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            if error.pos >= len(text.rstrip("` \n")) or error.msg.startswith("Unterminated"):
                raise ValueError("it ends within a value") from None
            continue
        except (ValueError, RecursionError):
            continue
        if fits(value):
            found.append((value, text[place:end]))
        place = end - 1
    if len(found) != 1:
        raise ValueError(f"it holds {len(found) or 'no'} values that fit")
    return found[0]
