"""No default, document, help or message recommends a model that is retired: the tables know which those are."""
from __future__ import annotations

import importlib
import re

import pytest

from tests.conftest import help_of, ROOT

TABLES = {"qianwen-text": "text_models", "qianwen-vision": "vision_models", "qianwen-image-generation": "image_models",
          "qianwen-video-generation": "video_models", "qianwen-audio-tts": "tts_models"}
SAYS_SO = re.compile(r"retire|gone|ended|no longer|former|older|successor|instead|下线|停用|原", re.IGNORECASE)


def retired() -> set:
    """The ids of all tables that are retired; such that live ids of another table share are left out."""
    gone, live = set(), set()
    for name in TABLES.values():
        for row in importlib.import_module(name).TABLE.rows:
            (gone if row.retired else live).add(row.id)
    return gone - live


@pytest.fixture(scope="module")
def named():
    ids = sorted(map(re.escape, retired()), key=len, reverse=True)
    return re.compile(r"(?<![\w./-])(" + "|".join(ids) + r")(?![\w./-])")


def test_there_are_dozens_of_them():
    assert len(retired()) > 40


@pytest.mark.parametrize("skill", sorted(TABLES))
def test_defaults_and_help_name_no_retired_model(skill, named):
    assert named.findall(help_of(skill)) == []


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/[!k]*.md"), *ROOT.glob("skills/*/SKILL.md"),
                                         *ROOT.glob("skills/*/references/*.md")]), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_a_retired_model_only_to_say_so(path, named):
    """docs/keys.md is left out: it quotes what the plans themselves list, as of a date."""
    text = re.sub(r"<!-- table .*?<!-- /table -->", "", path.read_text("utf-8"), flags=re.DOTALL)
    told = [block for block in re.split(r"\n\s*\n|\n(?=- |\| )", text) if named.search(block) and not SAYS_SO.search(block)]
    assert told == []


@pytest.mark.parametrize("skill", sorted(TABLES))
def test_successors_are_live(skill):
    table = importlib.import_module(TABLES[skill]).TABLE
    gone = {row.id for row in table.rows if row.retired}
    assert [row.id for row in table.rows if row.retired and row.successor in gone] == []
