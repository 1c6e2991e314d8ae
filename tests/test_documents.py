"""docs/ and its pictures: made from the code as it is, naming files that exist."""
from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import pictures_guard, pictures_way
from tests.conftest import ROOT

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
DOCUMENTS = sorted((ROOT / "docs").glob("*.md")) + [ROOT / "CHANGELOG.md"]


def _drawn() -> dict:
    return {pictures_way.TARGET: pictures_way.drawing(), pictures_guard.TARGET: pictures_guard.drawing(pictures_guard.output())}


def test_pictures_are_what_make_pictures_draws():
    assert {path.name: path.read_text("utf-8") == drawn for path, drawn in _drawn().items()} == {
        "way-through.svg": True, "guard.svg": True}, "run make pictures"


@pytest.mark.parametrize("path", [pictures_way.TARGET, pictures_guard.TARGET], ids=lambda path: path.name)
def test_text_of_a_picture_stays_inside_it(path):
    picture = ElementTree.fromstring(path.read_text("utf-8"))
    width, height = (float(number) for number in picture.get("viewBox").split()[2:])
    texts = [one for one in picture.iter() if one.tag.endswith("}text")]
    assert len(texts) > 10 and picture.get("aria-label")
    for one in texts:
        assert float(one.get("x")) + len(one.text) * 7 <= width and 0 < float(one.get("y")) < height, one.text


def test_every_station_of_the_way_is_in_the_code():
    assert pictures_way.missing() == []


def test_the_guards_picture_shows_the_verdict_and_not_the_key():
    text = pictures_guard.output()
    assert "verdict:   warn" in text and "usable:    no" in text and "put a standard sk- key" in text
    assert "sk-sp-***" in text and pictures_guard.PLAN_KEY not in text
    assert max(len(label + rest) for _, label, rest in pictures_guard.lines(text)) <= pictures_guard.COLUMNS


def _changes() -> list:
    """(request, place) of each row of "Where do I change …"."""
    section = ARCHITECTURE.split("\n## Where do I change …\n")[1].split("\n## ")[0]
    return re.findall(r"^\| (?!request|---)(.*?) \| (.*) \|$", section, re.MULTILINE)


def test_every_file_of_where_do_i_change_exists():
    assert len(_changes()) >= 10
    scripts = {path.name for path in (ROOT / "skills").glob("*/scripts/*.py")}
    for request, place in _changes():
        named = re.findall(r"`([\w./-]+\.\w+)`", place)
        assert named, request
        assert [name for name in named if not (ROOT / name).is_file() and name not in scripts] == [], request


def test_every_file_has_its_place_in_the_architecture():
    product = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "skills").glob("*/scripts/*.py")]
    names = {path.name for path in product} - {"__init__.py"}
    assert len(names) > 100
    named = {Path(name).name for name in re.findall(r"[\w/]+\.py", ARCHITECTURE)}
    assert names - named == set(), "name them by what is changed in them"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        file, _, anchor = target.partition("#")
        if "://" not in target:
            assert (path.parent / file).is_file(), target
            assert not anchor or anchor in _anchors(path.parent / file), target


def test_links_of_the_readmes_to_sections_lead_there():
    for name in ("README.md", "README.zh-CN.md"):
        for file, anchor in re.findall(r"\]\(([^)\s#]+\.md)#([^)\s]+)\)", (ROOT / name).read_text("utf-8")):
            assert anchor in _anchors(ROOT / file), (name, anchor)


def _anchors(path) -> set:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readmes_stay_short():
    for name in ("README.md", "README.zh-CN.md"):
        assert len((ROOT / name).read_text("utf-8").splitlines()) < 150, name


def test_the_changelog_begins_with_this_version():
    from shared import VERSION
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## (\S+)$", text, re.MULTILINE)[0] == VERSION
