"""What speech costs before it is made: yuan by the counting units of the text, or by estimated tokens.

Source: sections 2.4, 4.5, 6.2, 7.4, 9.9 and 11 of the speech contract. List prices; audio is not billed by the models that
count characters.
"""
from __future__ import annotations

import math
import re
from collections import namedtuple

TABLE_DATE = "2026-05"
BEIJING, SINGAPORE = "cn-beijing", "ap-southeast-1"

# Yuan for 10,000 counting units in Beijing (each) and Singapore (abroad), None where no price is known; of CosyVoice,
# Singapore's list means the WebSocket interface. tokens_in, tokens_out: yuan for a million tokens. usd: dollars for 10,000
# units, where only the international list is known.
Price = namedtuple("Price", "each abroad tokens_in tokens_out usd date", defaults=(None, None, 0.0, 0.0, None, TABLE_DATE))

PRICES = {
    "qwen3-tts-flash": Price(0.8, 0.733924), "qwen3-tts-instruct-flash": Price(0.8, 0.8),
    "qwen3-tts-vc": Price(0.8, 0.8), "qwen3-tts-vd": Price(0.8, 0.8),
    "qwen-tts": Price(tokens_in=1.6, tokens_out=10),
    "cosyvoice-v3.5-plus": Price(1.5), "cosyvoice-v3.5-flash": Price(0.8), "cosyvoice-v3-plus": Price(2, 1.9082),
    "cosyvoice-v3-flash": Price(1, 0.9541), "cosyvoice-v2": Price(2),
    "qwen-audio-3.0-tts-flash": Price(usd=0.15, date="2026-08"), "qwen-audio-3.0-tts-plus": Price(usd=0.20, date="2026-08"),
    "qwen-audio-3.1-tts-flash": Price(tokens_in=1.5, tokens_out=12, date="2026-10"),
    "MiniMax/speech-2.8-hd": Price(3.5), "MiniMax/speech-2.8-turbo": Price(2),
    "MiniMax/speech-02-hd": Price(3.5), "MiniMax/speech-02-turbo": Price(2),
}
_SNAPSHOT = re.compile(r"(-latest|-\d{4}-\d{2}-\d{2})$")

TOKENS_A_SECOND = 50  # of audio; at least one second is billed (speech contract 2.4). For Qwen-Audio 3.1 it is taken as likely
_UNITS_A_SECOND = 9.0  # 4.5 Chinese characters of two units; other texts are faster, so this is the most


def price_of(model_id: str) -> Price | None:
    """The prices of a model id, of the model that it is a dated snapshot of, or None."""
    return PRICES.get(model_id) or PRICES.get(_SNAPSHOT.sub("", model_id))


def estimate(model_id: str, units: int, region: str = BEIJING, text: str = "", speed: float | None = None) -> dict:
    """The `estimate` object of the JSON document for a text of so many counting units (a Chinese character is two).

    Where tokens are billed, the length of the speech is estimated from the text, or from the units where it is not given.
    """
    price, region = price_of(model_id), region or BEIJING
    facts = {"model": model_id, "characters": units, "currency": "CNY", "prices_of": price.date if price else TABLE_DATE,
             "region": region, "known": False, "about": False, "yuan": None}
    if price is None:
        return {**facts, "why": "its price is not in this version's table"}
    if price.usd is not None:
        return {**facts, "usd_each_10k": price.usd, "usd": round(units * price.usd / 10_000, 6),
                "why": "no list price in yuan is known, only one in dollars for other regions than Beijing"}
    if price.tokens_out and region == BEIJING:
        return {**facts, **_by_tokens(price, units, text, speed)}
    each = {BEIJING: price.each, SINGAPORE: price.abroad}.get(region)
    if each is None:
        return {**facts, "why": f"its price in {_place(region)} is not in this version's table"}
    return {**facts, "known": True, "each_10k": each, "yuan": round(units * each / 10_000, 6)}


def _by_tokens(price: Price, units: int, text: str, speed) -> dict:
    seconds = (seconds_of(text) if text else units / _UNITS_A_SECOND) / (speed or 1.0)
    heard, read = max(1, math.ceil(seconds)) * TOKENS_A_SECOND if units else 0, math.ceil(units / 2)
    return {"known": True, "about": True, "seconds": round(seconds, 1), "tokens_in": read, "tokens_out": heard,
            "yuan": round((read * price.tokens_in + heard * price.tokens_out) / 1_000_000, 6)}


_SYLLABLES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_LONGEST_WORD = 12  # letters; what is written without spaces is counted as words of this length


def seconds_of(text: str) -> float:
    """About how long a text takes to say: 4.5 Chinese characters (kana, hangul) or 2.6 words a second (speech contract 7.4)."""
    words_found = re.findall(r"\w+", _SYLLABLES.sub(" ", text))
    return len(_SYLLABLES.findall(text)) / 4.5 + sum(math.ceil(len(word) / _LONGEST_WORD) for word in words_found) / 2.6


def _place(region: str) -> str:
    return {BEIJING: "Beijing", SINGAPORE: "Singapore"}.get(region, region)


def _said(amount: float) -> str:
    """A sum without an exponent: to the fen and further where it is smaller."""
    return f"{amount:.2f}" if amount >= 10 else f"{amount:.6f}".rstrip("0").rstrip(".")


def _counted(characters: int) -> str:
    return f"{characters} character{'s' if characters != 1 else ''}"


def words(found: dict) -> str:
    """An estimate, or the sum of several, in a sentence."""
    if "rows" in found:
        return words_for_rows(found)
    if not found["known"]:
        dollars = (f"; {_said(found['usd'])} dollars for {_counted(found['characters'])} at {found['usd_each_10k']:g} for 10,000"
                   if "usd" in found else "")
        return f"{found['model']}: {found['why']}{dollars} (prices of {found['prices_of']})"
    source = f"(list prices of {found['prices_of']}, {_place(found['region'])})"
    if found["about"]:
        return (f"about {_said(found['yuan'])} yuan: some {found['seconds']:g} seconds of {found['model']}, {found['tokens_out']} tokens "
                f"of audio and {found['tokens_in']} of text {source}")
    return (f"{_said(found['yuan'])} yuan: {_counted(found['characters'])} of {found['model']} at {found['each_10k']:g} yuan for 10,000, "
            f"a Chinese character counting twice {source}")


def together(estimates) -> dict:
    """The sum over the rows of a batch; rows whose price in yuan is not known are counted apart, dollars too."""
    rows = list(estimates)
    unknown = sum(not found["known"] for found in rows)
    regions = {found["region"] for found in rows}
    return {"rows": len(rows), "characters": sum(found["characters"] for found in rows), "currency": "CNY",
            "prices_of": max((found["prices_of"] for found in rows), default=TABLE_DATE),
            "region": regions.pop() if len(regions) == 1 else "", "known": not unknown, "about": any(found["about"] for found in rows),
            "rows_without_price": unknown, "yuan": round(sum(found["yuan"] or 0 for found in rows), 6),
            "usd": round(sum(found.get("usd", 0) for found in rows), 6)}


def words_for_rows(total: dict) -> str:
    """The sum in a sentence."""
    dollars = f", and {_said(total['usd'])} dollars by the list of other regions" if total["usd"] else ""
    missing = total["rows_without_price"]
    unknown = f"; {missing} row{'s have' if missing != 1 else ' has'} no price in yuan in the table{dollars}" if missing else ""
    where = f", {_place(total['region'])}" if total["region"] else ""
    return (f"{'about ' if total['about'] else ''}{_said(total['yuan'])} yuan: {total['rows']} row{'s' if total['rows'] != 1 else ''}, "
            f"{_counted(total['characters'])}{unknown} (list prices of {total['prices_of']}{where})")


# ---- voices of one's own ---------------------------------------------------------------------------------------------

# yuan: for one voice. when: what the charge is for. free: what the quota of new accounts covers.
Creation = namedtuple("Creation", "yuan when free", defaults=("making it", ""))
CREATION = {
    "voice-enrollment": Creation(0.0),
    "qwen-voice-enrollment": Creation(0.01, free="the first 1,000 within 90 days cost nothing in Beijing"),
    "qwen-voice-design": Creation(0.2, free="the first 10 cost nothing"),
    "MiniMax": Creation(9.9, "the first speech with it", "the sentence spoken as a sample is billed besides, like any text"),
}


def creation(service: str, target: str = "") -> dict:
    """What making one voice costs: of a voice service's model id, or of MiniMax, whose cloning is done by `target` itself."""
    minimax = "minimax" in f"{service} {target}".lower()
    price = CREATION.get("MiniMax" if minimax else service)
    facts = {"service": service, "target": target, "currency": "CNY", "prices_of": TABLE_DATE, "region": BEIJING, "known": bool(price)}
    return {**facts, "yuan": price.yuan, "when": price.when, "note": price.free} if price else {**facts, "yuan": None}


def creation_words(found: dict) -> str:
    """The cost of a voice in a sentence."""
    what = f"a voice for {found['target']}" if found["target"] else "a voice"
    if not found["known"]:
        return f"{what}: the price of {found['service']} is not in this version's table ({found['prices_of']})"
    note = f"; {found['note']}" if found["note"] else ""
    price = f"{found['yuan']:g} yuan for {found['when']}" if found["yuan"] else "making it is free"
    return f"{what}: {price}{note} (list prices of {found['prices_of']}, Beijing)"
