"""The references of the speech skill against its tables: ids, endpoints, parts, flags, formats, rates, prices, voices."""
from __future__ import annotations

import re

from tests.conftest import ROOT

text = (ROOT / "skills/qianwen-audio-tts/references/models.md").read_text("utf-8")


def rows_of(title):
    part = next(p for p in re.split(r"^## ", text, flags=re.M) if p.startswith(title + "\n"))
    return [[c.strip() for c in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")]


def told(title):
    return {name: tuple(row[1:]) for row in rows_of(title) for name in re.findall(r"`([^`]+)`", row[0])}


LETTERS = (("language","L"),("instructions","I"),("speed","S"),("pitch","P"),("volume","V"),("seed","E"),("sample_rate","R"))


def test_takes():
    from tts_models import MODELS, GENERATION
    def cells(r):
        sure = "".join(l for n, l in LETTERS if n in r.fields and n not in r.unproven)
        maybe = "".join(l for n, l in LETTERS if n in r.unproven and n in r.fields)
        flags = (sure + (f"({maybe})" if maybe else "") + ("M" if r.ssml else "")) or "–"
        forms = list(r.formats)
        f = " ".join(forms) if "format" not in r.unproven else "wav pcm (mp3 opus)"
        return ("A" if r.path == GENERATION else "B", f"`{r.voice}`" if r.voice else "–",
                f"{r.part:,} / {f'{r.most:,}' if r.most else '–'}", flags, f, str(r.per_minute))
    assert told("What they take") == {r.id: cells(r) for r in MODELS}


def test_prices():
    from tts_prices import PRICES
    g = lambda n: "–" if n is None else f"{n:g}"
    listed = {k: v for k, v in told("Prices").items()}
    for name, p in PRICES.items():
        if p.each is not None:
            assert listed[name][:2] == (g(p.each), "–" if p.abroad is None else f"{p.abroad}"), name
        else:
            said = listed[name][0]
            for n in ((p.tokens_in, p.tokens_out) if p.tokens_out else (p.usd,)):
                assert f"{n:g}" in said or f"{n:.2f}" in said, name
            assert listed[name][1] == p.date
    assert set(listed) == set(PRICES)


def test_voices():
    import tts_voices
    for name, row in told("Voices").items():
        if name in tts_voices.FAMILIES and row[0].isdigit():
            assert int(row[0]) == len(tts_voices.voices(name)), name
    part = text.split("## Voices\n")[1].split("\n## ")[0]
    for voice in re.findall(r"`([A-Za-z]\w*(?: \w+)?(?:\.\d)?)`", part):
        if tts_voices.find(voice) is None: print("not a voice:", voice)


def test_languages():
    from tts_models import NAMES, _COSY_CODES, _AUDIO_CODES
    part = text.split("## Languages\n")[1].split("\n## ")[0]
    assert f"| qwen3-tts | {' '.join(NAMES)} |" in part
    assert f"| cosyvoice | {' '.join(_COSY_CODES)} |" in part
    assert f"| qwen-audio | the same and {' '.join(_AUDIO_CODES[len(_COSY_CODES):])} |" in part


def test_tags_in_recipes():
    from tts_borders import CONTROL_TAGS, SOUND_TAGS
    r = (ROOT / "skills/qianwen-audio-tts/references/recipes.md").read_text()
    part = r.split("## Emotions and sounds")[1].split("\n## ")[0]
    assert set(re.findall(r"`\[([a-z ]+)\]`", part.split("|---|---|")[1])) == set(CONTROL_TAGS) | set(SOUND_TAGS)


def test_price_in_manual():
    from tts_prices import CREATION
    part = text.split("## Voices of your own\n")[1].split("\n## ")[0]
    for c in CREATION.values():
        assert c.yuan == 0 or f"{c.yuan:g}" in part
