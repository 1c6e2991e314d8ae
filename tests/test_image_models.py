"""The table of image models: what November 2026 changed, retirement, transparency, --models, and that a row alone is enough."""
from __future__ import annotations

import json
import re
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

import image_models
from image_fields import Field, FIELDS, taken
from image_models import MODELS, TABLE
from image_sizes import Choice
from tests import media_samples
from tests.emulator import image_models as emulated
from tests.test_image_sizes import check_rule, rules

SKILL = Path(__file__).resolve().parent.parent / "skills" / "qianwen-image-generation"
RETIRED = {  # id -> what to use instead, from section 1 of the updates
    **dict.fromkeys(("qwen-image", "qwen-image-plus", "qwen-image-plus-2026-01-09", "qwen-image-max", "qwen-image-max-2025-12-30",
                     "qwen-image-edit", "qwen-image-edit-plus", "qwen-image-edit-max", "qwen-image-edit-plus-2025-12-15",
                     "image-out-painting", "aitryon", "aitryon-refiner", "aitryon-parsing-v1",
                     "facechain-generation", "wordart-texture"), "qwen-image-2.0"),
    "wanx-background-generation-v2": "wan2.7-image"}
ALIVE = ("qwen-image-2.0", "qwen-image-2.0-pro", "qwen-mt-image", "wan2.5-i2i-preview", "wan2.7-image", "qwen-image-2.1-turbo")


@pytest.fixture
def draw(run, emulator, work):
    return lambda *words: run(*words, skill="qianwen-image-generation")


# ---- retired ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", RETIRED)
def test_retired_model_names_its_successor(name):
    row, warning = TABLE.find(name)
    assert (row.retired, row.successor) == ("2026-10-10", RETIRED[name])
    assert "2026-10-10" in warning and f"--model {RETIRED[name]}" in warning


@pytest.mark.parametrize("name", ALIVE)
def test_what_was_not_retired_is_not_warned_of(name):
    assert TABLE.find(name)[1] == "" and not TABLE.find(name)[0].retired


def test_successors_live():
    assert {row.successor for row in MODELS if row.retired} <= set(TABLE)


def test_retired_model_is_sent_and_its_refusal_explained(draw, emulator):
    done = draw("a fox", "--model", "qwen-image-plus")
    assert done.code == 0 and "2026-10-10" in done.err
    emulator.retired = True
    gone = draw("a fox", "--model", "qwen-image-plus")
    assert gone.code == 8 and "qwen-image-2.0" in gone.err.rsplit("error:", 1)[1], gone


def test_no_text_recommends_a_retired_model(draw):
    """Help, SKILL.md and the references name a retired id in the table of retired ones alone."""
    gone = [row.id for row in MODELS if row.retired]
    texts = {path.name: path.read_text("utf-8") for path in (SKILL / "SKILL.md", *sorted((SKILL / "references").glob("*.md")))}
    texts["models.md"] = re.sub(r"<!-- table retired -->.*?<!-- /table -->", "", texts["models.md"], flags=re.DOTALL)
    texts["--help"] = draw("--help").out
    found = [(where, name) for where, text in texts.items() for name in gone
             if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.*-])`?(?! models?\b)", text)]
    assert found == []


# ---- facts -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, most", [("qwen-image-2.1-pro", 10), ("qwen-image-2.1-turbo", 3)])
def test_models_of_october_2026(name, most):
    row, warning = TABLE.find(name)
    assert not warning and row.does["edit"].images == (1, most) and "announcement" in row.remark


def test_asynchronous_calls_of_the_2_and_3_series():
    """Section 5: 3.0 makes tasks as well, 2.0 does not."""
    assert [bool(TABLE.find(name)[0].task) for name in ("qwen-image-3.0", "qwen-image-3.0-pro", "qwen-image-2.0")] == [True, True, False]


@pytest.mark.parametrize("name, warned", [("wan2.7-image", True), ("wan2.6-image", True), ("wan2.5-i2i-preview", True),
                                          ("qwen-image-2.0", False), ("qwen-image-2.1-pro", False),
                                          ("kling/kling-v3-image-generation", False)])
def test_transparency_is_warned_of_where_it_is_refused(draw, work, name, warned):
    (work / "a.png").write_bytes(media_samples.png(400, 400, (255, 0, 0, 128), "RGBA"))
    done = draw("P", "--image", "a.png", "--model", name, "--dry-run")
    assert done.code == 0 and ("without transparency" in done.err) == warned, done


# ---- the list --------------------------------------------------------------------------------------------------------

def test_models_are_listed(draw, emulator):
    listed = {one["id"]: one for one in draw("--models", "--json").document["models"]}
    assert set(listed) == {row.id for row in MODELS} and not emulator.requests
    assert listed["qwen-image-max"]["use"] == "qwen-image-2.0" and "retired" not in listed["qwen-image-2.0"]
    assert listed["qwen-image-2.1-pro"]["limits"]["pictures_given"] == 10 and "transparency" in listed["qwen-image-2.1-pro"]["does"]
    assert listed["kling/kling-v3-image-generation"]["limits"]["sizes"] == ["--aspect"]
    assert draw("--models", "4K").out.split()[0] == "wan2.7-image-pro"
    shown = draw("--models", "sets").out
    assert "wan2.7-image-pro" in shown and "z-image" not in shown and max(map(len, shown.splitlines())) <= 79
    live = {one["id"]: one["live"] for one in draw("--models", "--live", "--json").document["models"]}
    assert live["qwen-image-2.0"] is True


# ---- a row alone is enough -------------------------------------------------------------------------------------------

class Squares(namedtuple("Squares", "sides"), Choice):
    """A size rule of its own: squares of certain sides."""

    __slots__ = ()

    @property
    def sizes(self) -> tuple:
        return tuple((side, side) for side in self.sides)


@pytest.fixture
def made_up(emulator, add_row):
    """A row at the end of MODELS, with a size rule and a flag of its own, and the emulator's."""
    glow = Field("parameters.glow", dict(metavar="N", type=int, help="how it glows ({models})"), "Z")
    like = emulated.IMAGE_MODELS["qwen-image-2.0"]
    emulator.image_models["made-up-1"] = replace(like, parameters={**like.parameters, "glow": emulated.anything})
    return add_row(TABLE, TABLE.row("qwen-image-2.0")._replace(
        id="made-up-1", does={"make": image_models.Mode((0, 0), (1, 2), Squares((640, 800)))},
        fields={"glow": glow}, price=image_models.Price(0.07)))


def test_a_made_up_row_draws(draw, emulator, made_up):
    """One row with a size rule and a flag of its own: listed, checked, drawn, priced, and in --help."""
    done = draw("a fox", "--model", "made-up-1", "--aspect", "1:1", "--glow", "3", "-n", "2", "--json")
    assert done.code == 0 and len(done.document["files"]) == 2 and not done.document["warnings"], done
    (body,) = [request.json for request in emulator.requests if request.method == "POST"]
    assert body["parameters"] == {"n": 2, "glow": 3, "size": "800*800"}
    assert "640*640, 800*800" in draw("a fox", "--model", "made-up-1", "--size", "100x100").err
    assert "made-up-1" in draw("a fox", "--glow", "3").err
    assert "0.14 CNY" in draw("a fox", "--model", "made-up-1", "-n", "2", "--estimate").out
    assert "how it glows (made-up-1)" in " ".join(draw("--help").out.split())
    assert [one["id"] for one in draw("--models", "made-up", "--json").document["models"]] == ["made-up-1"]


def test_a_made_up_row_is_in_the_tables_and_keeps_to_the_rules(made_up):
    from tests.tables.image import tables
    written = tables()
    assert "| Z | `--glow` |" in written["models.md", "flags"]
    assert "| `made-up-1` | Z | 1,300 tokens | 0.07 | 2 a second | – |" in written["models.md", "flags and prices"]
    assert "| `made-up-1` | make | 1-2 | 640x640 800x800 | direct |" in written["models.md", "models"]
    for rule in rules(TABLE.rows):
        check_rule(rule)


@pytest.mark.parametrize("name", ["made-up-1-pro", "new-thing-9", "wan9.9-image"])
def test_a_flag_of_one_row_is_taken_by_ids_that_are_not_in_the_table(draw, made_up, name):
    done = draw("a fox", "--model", name, "--glow", "2", "--dry-run")
    assert done.code == 0 and json.loads(done.out)["body"]["parameters"]["glow"] == 2, done


def test_a_flag_that_no_row_takes_names_none(draw, monkeypatch):
    monkeypatch.setitem(FIELDS, "cheer", Field("parameters.cheer", dict(metavar="N", type=int, help="how cheerful ({models})"), "O"))
    assert "models that do: none in the table" in draw("a fox", "--cheer", "2").err
    assert "how cheerful\n" in draw("--help").out


def test_a_path_for_a_flag_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="fluff.*needs a Field"):
        taken("seed", fluff="parameters.fluff")
