"""The references of the speech skill against its tables: languages and tags; the rest is written from the rows."""
from __future__ import annotations

import re

from tests.conftest import ROOT

text = (ROOT / "skills/qianwen-audio-tts/references/models.md").read_text("utf-8")


def test_languages():
    from tts_models import NAMES, _CODES
    part = text.split("## Languages\n")[1].split("\n## ")[0]
    assert f"| qwen3-tts | {' '.join(NAMES)} |" in part
    assert f"| cosyvoice, qwen-audio | {' '.join(_CODES)} |" in part


def test_tags_in_recipes():
    from tts_borders import CONTROL_TAGS, SOUND_TAGS
    r = (ROOT / "skills/qianwen-audio-tts/references/recipes.md").read_text()
    part = r.split("## Emotions and sounds")[1].split("\n## ")[0]
    assert set(re.findall(r"`\[([a-z ]+)\]`", part.split("|---|---|")[1])) == set(CONTROL_TAGS) | set(SOUND_TAGS)
