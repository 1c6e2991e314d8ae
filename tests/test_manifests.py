"""What agents and installers read besides the SKILL.md files: plugin, marketplace and extension manifests, and the layout they rely on.

The SKILL.md files themselves are checked by tests/test_skill_files.py and tests/check.py.
"""
from __future__ import annotations

import json
import re

import pytest

from shared import VERSION
from tests.check import ROOT

SKILLS = sorted(path.parent.name for path in (ROOT / "skills").glob("*/SKILL.md"))
FILES = (".claude-plugin/plugin.json", ".claude-plugin/marketplace.json", "qwen-extension.json", "gemini-extension.json")


def read(name: str) -> dict:
    return json.loads((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_plain_json(name):
    raw = (ROOT / name).read_bytes()
    assert raw.isascii() or raw.decode("utf-8") and not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw and b"sk-emulator" not in raw and isinstance(read(name), dict)


@pytest.mark.parametrize("name", [FILES[0], *FILES[2:]])
def test_name_and_version(name):
    found = read(name)
    assert (found["name"], found["version"]) == ("qianwen-skills", VERSION) and found["description"]


def test_only_fields_that_the_agents_know():
    """Skills are found in skills/ by themselves: a `skills` field would be ignored by one agent and doubled by another."""
    assert set(read(FILES[0])) == {"name", "version", "description", "author", "license", "keywords"}
    assert set(read(FILES[2])) == set(read(FILES[3])) == {"name", "version", "description"}


def test_marketplace_offers_the_plugin():
    market = read(FILES[1])
    assert re.fullmatch("[a-z0-9-]+", market["name"]) and market["owner"]["name"] and market["metadata"]["version"] == VERSION
    [plugin] = market["plugins"]
    assert (plugin["name"], plugin["source"], plugin["version"]) == ("qianwen-skills", "./", VERSION)
    assert plugin["description"] == read(FILES[0])["description"] == read(FILES[2])["description"] == read(FILES[3])["description"]


def test_licence():
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
    assert read(FILES[0])["license"] == read(FILES[1])["plugins"][0]["license"] == "Apache-2.0"
    for name in SKILLS:
        assert "\nlicense: Apache-2.0\n" in (ROOT / "skills" / name / "SKILL.md").read_text("utf-8")


def test_icon_is_a_square_of_512_pixels_or_more():
    raw = (ROOT / ".claude-plugin" / "icon.png").read_bytes()
    width, height = int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")
    assert raw[:8] == b"\x89PNG\r\n\x1a\n" and width == height >= 512


def test_five_skills_one_level_deep():
    """Two agents do not look deeper, and one of the others lists what lies deeper as skills of its own."""
    assert len(SKILLS) == 5 and all(re.fullmatch("qianwen-[a-z-]+", name) for name in SKILLS)
    manuals = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("SKILL.md") if not {".venv", ".git"} & set(path.parts)]
    assert sorted(manuals) == sorted(["SKILL.md", *(f"skills/{name}/SKILL.md" for name in SKILLS)])
    assert not [path for path in (ROOT / "skills").rglob("*") if path.is_symlink() or path.name.lower() in ("readme.md", "metadata.json")]


def test_descriptions_fit_the_smallest_listing():
    """Claude Code leaves about 1,000 characters for all of them (measured); each is in one line of double quotes."""
    total = 0
    for name in SKILLS:
        [line] = re.findall(r'^description: "([^"\n]*)"$', (ROOT / "skills" / name / "SKILL.md").read_text("utf-8"), re.MULTILINE)
        assert len(line) <= 180 and re.search("[\u4e00-\u9fff]", line) and not re.search("[<>]|---| #", line)
        total += len(name) + len(line)
    assert total <= 1000


@pytest.mark.parametrize("name", SKILLS)
def test_same_sections_in_every_manual(name):
    """One standard: who has read one finds their way in all."""
    headings = re.findall(r"^## (.*)$", (ROOT / "skills" / name / "SKILL.md").read_text("utf-8"), re.MULTILINE)
    expected = ["Before the first call", "What the user wants", "Commands", "What comes back", "What goes wrong",
                "References"]
    assert [heading for heading in headings if heading in expected] == expected and len(headings) <= 9
    assert sorted(path.name for path in (ROOT / "skills" / name / "references").iterdir()) == ["errors.md", "models.md", "recipes.md"]


@pytest.mark.parametrize("name", SKILLS)
def test_stale_beliefs_are_answered(name):
    text = (ROOT / "skills" / name / "references" / "models.md").read_text("utf-8")
    table = text[text.index("## What older material says, and what is so"):]
    assert len(re.findall(r"^\| .* \| .* \|$", table, re.MULTILINE)) >= 10
