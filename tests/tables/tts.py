"""The tables of the speech skill's references."""
from __future__ import annotations

from tests.tables import markdown

from tts_costs import CREATION
from tts_models import GENERATION, TABLE
from tts_voices import voices

SKILL = "qianwen-audio-tts"
LETTERS = (("language", "L"), ("instructions", "I"), ("speed", "S"), ("pitch", "P"), ("volume", "V"), ("seed", "E"), ("sample_rate", "R"))

WHO = {  # voice group -> who they are; of others the first few are named
    "qwen3-tts-flash": "{plain} in Mandarin and nine languages, among them `Jennifer` (American), `Ono Anna` (Japanese), `Sohee` (Korean), "
                       "`Bodega` (Spanish); {dialects} in dialects",
    "qwen-audio-3.0-tts-plus": "`longanlingxin` (woman), `longanlufeng` (man); some 500 base voices besides, ids `qwen-audio-3.0-tts-plus-…`",
    "qwen-audio-3.0-tts-flash": "`longanlingxi`, `longanfengyue`, children, British and American (`loongmary`, `loongjohn`); base voices as above",
    "qwen-audio-3.1-tts-flash": "all end in `_v3.1`; `longanhuan_v3.1`, `longanlingxin_v3.1`, `longanfengyue_v3.1` and `xunanchuan_v3.1` "
                                "speak eight dialects and ja ko fr de pt it vi id",
    "cosyvoice-v3-flash": "most end in `_v3`; assistants, audiobooks, news, children; Korean, Japanese, English and Indonesian ones begin "
                          "with `loong`",
    "cosyvoice-v2": "of 106; most end in `_v2`",
    "MiniMax/speech": "documented as an example; any other id of MiniMax is sent as it is",
}
DIALECTS = ("qwen3-tts-flash", "cosyvoice-v3-flash")  # the groups with voices that speak a dialect alone
PLACES = {"dongbei": "the north-east"}


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
        ("models.md", "voices"): markdown("models | voices | who they are", 
                                           _grouped([row for row in live if row.group], _speakers)),
        ("models.md", "dialects"): markdown(" | ".join(["dialect", *(f"voice of `{group}`" for group in DIALECTS)]), _dialects()),
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
    if price is None:
        return "not known", "–"
    if price.tokens_out:
        return f"{price.tokens_in:g} a million tokens of text, {price.tokens_out:g} of sound", "–"
    return tuple("–" if each is None else f"{each:.9g}" for each in (price.each, price.abroad))


def _regions(row) -> tuple:
    return (" ".join(f"`{region}`" for region in row.regions),)


def _voice(row) -> tuple:
    made = CREATION[row.service]
    return f"`{row.service}`", f"{made.yuan:g} for {made.when}" if made.yuan else "free"


def _speakers(row) -> tuple:
    found = voices(row.group)
    spoken = list(filter(_dialect, found))
    who = WHO.get(row.group) or ", ".join(f"`{voice.id}`" for voice in found[:3]) + (" …" if len(found) > 3 else "")
    return len(found), who.format(plain=len(found) - len(spoken), dialects=len(spoken))


def _dialects() -> list:
    """Who speaks which dialect, and no Mandarin, by group."""
    found: dict = {}
    for column, group in enumerate(DIALECTS):
        for voice in voices(group):
            if _dialect(voice):
                found.setdefault(_dialect(voice), [[], []])[column].append(f"`{voice.id}`")
    return [(PLACES.get(place, place.title()), *(", ".join(names) or "–" for names in cells)) for place, cells in found.items()]


def _dialect(voice) -> str:
    """The place whose dialect a voice speaks instead of Mandarin, or ''."""
    first = voice.languages[0]
    return first[3:] if first.startswith("zh-") else ""


def _retired() -> list:
    groups: dict = {}
    for row in TABLE.own:
        if row.retired:
            groups.setdefault((row.retired, row.successor), []).append(f"`{row.id}`")
    return [(day, f"`{use}`", ", ".join(names)) for (day, use), names in sorted(groups.items())]
