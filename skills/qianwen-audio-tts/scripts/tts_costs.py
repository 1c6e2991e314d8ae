"""What speech costs by list price: before it is made, by the counting units of the text or by estimated
tokens, and after it, by the service's own count. Pure.

Source: sections 2.4, 4.5, 6.2, 7.4, 9.9, 11 and 13 of the speech contract, and section 6 of its updates.
Audio is not billed by the models that count characters.
"""
from __future__ import annotations

import math
import re
from collections import namedtuple

from shared.body import countable
from shared.money.cost import BEIJING, Cost, exactly, unknown
from shared.words import unit
from tts_models import (
    AS_OF, ENROLLMENT, MINIMAX_CLONING, price_words, QWEN_DESIGN, QWEN_ENROLLMENT, SINGAPORE
)
from tts_text import units

# Of audio; at least one second is billed (speech contract 2.4). For Qwen-Audio 3.1 it is taken as likely.
TOKENS_A_SECOND = 50
_UNIT_SECONDS = 0.12  # of a counting unit, pauses included (speech contract 13)
_SYLLABLES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_LONGEST_WORD = 12  # letters; what is written without spaces is counted as words of this length


# ---- speech --------------------------------------------------------------------------------------------

def expected(model, text: str, region: str = BEIJING, speed: float | None = None) -> Cost:
    """The cost of speaking a text with the model of a row.

    Where tokens are billed they are estimated from the text: its length in seconds by words and by counting
    units, and half a token to a whole one for a unit. A description tells nothing of the length of its sound.
    """
    count = units(text)
    why = _why(model, region)
    if why or not model.price.tokens_out:
        return _by_characters(model, count, region, why)
    short, long = sorted(seconds / (speed or 1.0) for seconds in (seconds_of(text), count * _UNIT_SECONDS))
    if model.longest and count:
        short, long = 1, model.longest
    least = math.ceil(max(short, count > 0) * TOKENS_A_SECOND)
    most = max(math.ceil(long), count > 0) * TOKENS_A_SECOND  # a second that has begun may be billed whole
    low = _by_tokens(model, math.ceil(count / 2), least, region).low
    return _by_tokens(model, count, most, region)._replace(low=low, about=True)


def charged(model, usage: dict, text: str, region: str = BEIJING, speed: float | None = None) -> Cost:
    """The cost of a part that was spoken, by the service's own count;
    where it tells none, what was expected."""
    usage = usage if isinstance(usage, dict) else {}
    why = _why(model, region)
    if not why and model.price.tokens_out:
        return _charged_tokens(model, usage, text, region, speed)
    told = countable(usage.get("characters"))
    return _by_characters(model, units(text) if told is None else told, region, why)


def _charged_tokens(model, usage: dict, text: str, region: str, speed) -> Cost:
    told = ("input_tokens", "output_tokens", "duration")
    read, heard, seconds = (countable(usage.get(name)) for name in told)
    if read is None and heard is None and seconds is not None:
        heard = math.ceil(seconds) * TOKENS_A_SECOND
        return _by_tokens(model, math.ceil(units(text) / 2), heard, region)._replace(about=True)
    if read is None and heard is None:
        return expected(model, text, region, speed)
    return _by_tokens(model, read or 0, heard or 0, region)


def _by_characters(model, count: int, region: str, why: str) -> Cost:
    if why:
        return unknown(why, AS_OF, region, {"characters": count})
    amount = round(count * _each(model.price, region) / 10_000, 6)
    return exactly(amount, AS_OF, region, {"characters": count})


def _by_tokens(model, read: int, heard: int, region: str) -> Cost:
    amount = (read * model.price.tokens_in + heard * model.price.tokens_out) / 1_000_000
    return exactly(round(amount, 6), AS_OF, region, {"tokens": read + heard})


def _each(price, region: str):
    """CNY for 10,000 counting units, None where no price is known."""
    return {BEIJING: price.each, SINGAPORE: price.abroad}.get(region)


def _why(model, region: str) -> str:
    """Why a price is not known, '' where it is."""
    if not region:
        return "a gateway bills by itself"
    if model.price is None:
        return f"the price of {model.id} is not in the table"
    if _each(model.price, region) is None and not (model.price.tokens_out and region == BEIJING):
        return f"the price of {model.id} in {region} is not in the table"
    return ""


def seconds_of(text: str) -> float:
    """About how long a text takes to say:
    4.5 Chinese characters (kana, hangul) or 2.6 words a second (speech contract 7.4)."""
    found = re.findall(r"\w+", _SYLLABLES.sub(" ", text))
    words = sum(math.ceil(len(word) / _LONGEST_WORD) for word in found)
    return len(_SYLLABLES.findall(text)) / 4.5 + words / 2.6


def words(model, cost: Cost, parts: int) -> str:
    """What is counted, for the line of an estimate."""
    (name, count), = cost.units.items()
    most = "up to " if cost.low != cost.high else ""
    said = f"{most}{unit(count, name)} of {model.id}" + (f" in {parts} segments" if parts > 1 else "")
    if not cost.known:
        return said
    if name == "tokens":
        return f"{said} at {price_words(model.price)}"
    return f"{said} at {_each(model.price, cost.region):g} CNY for 10,000, a Chinese character counting twice"


# ---- voices of one's own -------------------------------------------------------------------------------

# yuan: for one voice. when: what the charge is for.
# free: what the quota of new accounts covers (speech contract 9.9).
Creation = namedtuple("Creation", "yuan when free", defaults=("making it", ""))
CREATION = {
    ENROLLMENT: Creation(0.0),
    QWEN_ENROLLMENT: Creation(0.01, free="the first 1,000 within 90 days cost nothing in Beijing"),
    QWEN_DESIGN: Creation(0.2, free="the first 10 cost nothing"),
    MINIMAX_CLONING: Creation(9.9, "the first speech with it",
                              "the sentence spoken as a sample is billed as well, like any text"),
}


def creation(model, preview: str = "", region: str = BEIJING, usage=None) -> Cost:
    """The cost of making one voice for the model of a row;
    MiniMax's speaks `preview`, so that its price is due at once, by the count of `usage` if that has one."""
    found = CREATION[model.service]
    spoken = charged(model, usage, preview, region) if model.service == MINIMAX_CLONING else None
    counted = {"voices": 1, **(spoken.units if spoken else {})}
    if region != BEIJING:
        why = ("a gateway bills by itself" if not region
               else f"the price of a voice in {region} is not in the table")
        return unknown(why, AS_OF, region, counted)
    return exactly(round(found.yuan + (spoken and spoken.high or 0.0), 6), AS_OF, region, counted)


def creation_words(model) -> str:
    """What a voice costs, in a sentence."""
    found = CREATION[model.service]
    price = f"{found.yuan:g} CNY for {found.when}" if found.yuan else "creating it is free"
    free = f"; {found.free}" if found.free else ""
    return f"a voice for {model.id}: {price}{free} (list price {AS_OF}, Beijing)"
