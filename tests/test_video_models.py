"""The table of video models against the updates of November 2026, the lookup, and that a row alone is enough."""
from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests import media_samples as samples
from tests.conftest import ROOT
from tests.emulator import video_models as emulated
from tests.folding import each
from tests.test_video_request import at
from video_fields import Field, FIELDS, SPECIAL, taken
from video_models import DEFAULTS, TABLE, takers
from video_prices import charged
from video_request import Ask, build_request
from video_rows import FUNCTION_MODEL, Way
from video_rules import Pixels, Price, Seconds
from shared.failures import Failure

SKILL = "qianwen-video-generation"
SOON = ("--poll", 0.05)
GONE = ("emo-v1", "liveportrait", "emoji-v1", "animate-anyone-gen2", "emo-detect-v1", "liveportrait-detect", "emoji-detect-v1",
        "animate-anyone-detect-gen2")


# ---- models that have ended ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", GONE)
def test_retired_model_is_warned_of_and_its_successor_named(name):
    """Section 1 of the updates: retired on 2026-10-10, replaced by wan2.7-r2v."""
    row, warning = TABLE.find(name)
    assert (row.retired, row.successor) == ("2026-10-10", "wan2.7-r2v")
    assert "2026-10-10" in warning and "--model wan2.7-r2v" in warning


def test_only_live_models_are_named():
    assert not set(GONE) & set(TABLE) and set(DEFAULTS.values()) | {FUNCTION_MODEL} <= set(TABLE)
    assert {row.successor for row in TABLE.rows if row.retired} <= set(TABLE)
    assert not set(TABLE.names(most=99).split(", ")) & set(GONE)


def test_retired_model_is_tried_and_its_end_explained(run, emulator, work):
    """It is never refused here, and the service's own refusal names what to use instead."""
    emulator.retired = True
    (work / "a.png").write_bytes(samples.png(600, 600))
    (work / "a.wav").write_bytes(samples.wav(3))
    made = run("--model", "emo-v1", "--image", "a.png", "--audio", "a.wav", "--json", skill=SKILL)
    assert made.code != 0 and any("retired from 2026-10-10" in warning for warning in map(str, made.document["warnings"])), made
    assert "wan2.7-r2v" in made.document["error"]["fix"], made


# ---- what is new -----------------------------------------------------------------------------------------------------

NEW = {  # id -> what it takes, its seconds, its price of the tier that is taken when nothing is said
    "kling/kling-v3-turbo-video-generation": ({"t2v", "i2v"}, (3, 15), 1.0),
    "vidu/viduq3-pro-fast_img2video": ({"i2v"}, (1, 16), None), "vidu/viduq3-drama_reference2video": ({"r2v"}, (1, 16), None),
    "vidu/viduq3-ad_reference2video": ({"r2v"}, (1, 16), None), "pixverse/pixverse-v6-r2v-omni": ({"r2v"}, (1, 15), None),
}


@pytest.mark.parametrize("name, facts", NEW.items(), ids=NEW)
def test_new_model(name, facts):
    row, warning = TABLE.find(name)
    lengths = {(way.seconds.legal[0], way.seconds.legal[-1]) for way in row.ways}
    assert ({way.mode for way in row.ways}, lengths, warning) == (facts[0], {facts[1]}, "")
    assert (row.price.each(row.shape.tier({}), None) if row.price else None) == facts[2]


@pytest.mark.parametrize("fields", [dict(quality="4k"), dict(sound=False), dict(sound=True), dict(last_frame=at("https://h/b.png")),
                                    dict(references=[at("https://h/b.png")])], ids=str)
def test_kling_turbo_takes_less_than_its_family(fields):
    row = TABLE.find("kling/kling-v3-turbo-video-generation")[0]
    with pytest.raises(Failure):
        build_request(Ask(prompt="P", image=at("https://h/a.png"), **fields), row)


@pytest.mark.parametrize("name, each", [("wan3.0-video", (0.3, 0.6, 1.2)), ("wan3.0-video-prime", (0.45, 0.9, 1.8))])
def test_wan3_as_it_is_sold(name, each):
    """Section 5: a seed, reference videos of 1 to 15 seconds; section 9: the prices."""
    row = TABLE.find(name)[0]
    assert tuple(row.price.each(tier, None) for tier in ("480P", "720P", "1080P")) == each and row.price.given
    assert "seed" in row.fields and (row.media["video"].min_seconds, row.media["video"].max_seconds) == (1, 15)


def moving(*seconds):
    items = [at("https://h/a.mp4") for _ in seconds]
    for item, length in zip(items, seconds):
        item.seconds = length
    return items


@pytest.mark.parametrize("seconds, duration, refused", [
    ((7, 8), 15, ""), ((8, 8), 5, "15 seconds at most"), ((14,), 16, ""), ((14,), 17, "smaller --duration"), ((10,), None, "")])
def test_wan3_bounds_what_goes_in_and_comes_out(seconds, duration, refused):
    ask, row = Ask(prompt="P", references=moving(*seconds), duration=duration), TABLE.find("wan3.0-video")[0]
    if not refused:
        assert build_request(ask, row)
        return
    with pytest.raises(Failure) as caught:
        build_request(ask, row)
    assert refused in f"{caught.value.message} {caught.value.fix}"


def test_doubts_are_warned_of(run, emulator):
    turbo = "kling/kling-v3-turbo-video-generation"
    warned = run("a fox", "--model", turbo, "--dry-run", skill=SKILL)
    assert warned.code == 0 and "other sources" in warned.err
    assert "other sources" not in run("a fox", "--dry-run", skill=SKILL).err


# ---- --models --------------------------------------------------------------------------------------------------------

def test_models_are_listed(run, emulator):
    everything = run("--models", "--json", skill=SKILL, key=None)
    found = {one["id"]: one for one in everything.document["models"]}
    assert everything.code == 0 and emulator.requests == [] and set(found) == {row.id for row in TABLE.rows}
    assert found["wan2.7-t2v"] == {"id": "wan2.7-t2v", "does": ["from text"], "price": "720P 0.60, 1080P 1.00 CNY a second, made",
                                   "limits": {"seconds": "2 to 15 (default 5)", "resolutions": ["720P", "1080P"], "prompt_characters": 5000,
                                              "tasks_at_a_time": 5}}
    assert found["emo-v1"]["use"] == "wan2.7-r2v"
    one = run("--models", "vace", skill=SKILL, key=None)
    assert one.out.startswith(FUNCTION_MODEL) and "image_reference" in one.out
    small = run("--models", "480p", "--json", skill=SKILL, key=None).document["models"]
    assert small and all("480P" in one["limits"]["resolutions"] for one in small)
    assert max(map(len, run("--models", skill=SKILL, key=None).out.splitlines())) <= 79


def test_live_models_are_asked(run, emulator):
    document = run("--models", "wan2.7", "--live", "--json", skill=SKILL).document
    assert document["models"] and all(one["live"] for one in document["models"]), document


# ---- a row alone is enough -------------------------------------------------------------------------------------------

@pytest.fixture
def made_up(emulator, monkeypatch, add_row):
    """A model with lengths, a default length and a price of its own, in the table and in the emulator."""
    lengths = Seconds((4, 8, 12), 4)
    base = TABLE.find("wan2.7-t2v")[0]
    row = base._replace(id="made-up-t2v", price=Price({"720P": 0.25, "1080P": 0.5}),
                        ways=tuple(way._replace(seconds=lengths) for way in base.ways))
    like = emulated.VIDEO_MODELS["wan2.7-t2v"]
    parameters = {**like.parameters, "duration": emulated.durations(4, 8, 12)}
    monkeypatch.setitem(emulator.video_models, row.id, replace(like, name=row.id, parameters=parameters, seconds=4))
    return add_row(TABLE, row)


def test_a_made_up_row_films(run, emulator, work, made_up):
    """Listed, filmed, held to its own lengths, priced before and after, and found as the cheapest."""
    asked = ("a fox", "--model", made_up.id)
    made = run(*asked, "--json", *SOON, skill=SKILL)
    assert made.code == 0 and made.document["model"] == made_up.id and not made.document["warnings"], made
    assert emulator.creates[-1].seconds == 4 and charged(made_up, {}, made.document["usage"]).high == 2.0
    assert "legal: 4, 8, 12 seconds" in run(*asked, "--duration", 5, skill=SKILL).err
    estimate = run(*asked, "--estimate", "--json", skill=SKILL).document["estimate"]
    assert (estimate["low"], estimate["units"]) == (2.0, {"seconds": 4})
    assert f"--model {made_up.id}" in run("a fox", "--resolution", "720P", "--estimate", skill=SKILL).out
    assert [one["id"] for one in run("--models", "made-up", "--json", skill=SKILL).document["models"]] == [made_up.id]


@pytest.mark.parametrize("ways, said, cell", [
    ((Way("t2v", (), seconds=Seconds((4, 8), 8)), Way("i2v", ("image",), seconds=Seconds((6, 12), 6))),
     "t2v: 4, 8 (default 8); i2v: 6, 12 (default 6)", "t2v: 4, 8 (8); i2v: 6, 12 (6)"),
    ((Way("t2v", (), seconds=Seconds((4, 8, 20), 8)), Way("i2v", ("image",), seconds=Seconds((4, 8, 20), 8))),
     "4, 8, 20 (default 8)", "4, 8, 20 (8)"),
    ((Way("i2v", ("image",), seconds=Seconds((5, 90))), Way("i2v", ("image", "audio"))),
     "i2v image: 5, 90 (default 5); i2v image+audio: as given", "i2v image: 5, 90 (5); i2v image+audio: as given"),
    ((Way("edit", ("video",)),), None, "–")], ids=["two lengths", "another default", "one mode", "as given"])
def test_lengths_and_their_defaults_are_shown(run, add_row, ways, said, cell):
    """In --models, in the table, and as far as they go in --duration."""
    from tests.tables.video import tables
    add_row(TABLE, TABLE.row("kling/kling-v3-video-generation")._replace(id="foxvid", ways=ways))
    assert run("--models", "foxvid", "--json", skill=SKILL).document["models"][0]["limits"].get("seconds") == said
    (line,) = [line for line in tables()["models.md", "takes"] if "foxvid" in line]
    assert line.split(" | ")[-1] == cell + " |"
    for seconds in {length for way in ways for length in way.seconds.legal}:
        assert "outside" not in run("a fox", "--model", "foxvid", "--duration", seconds, "--dry-run", skill=SKILL).err


@pytest.mark.parametrize("ratios, cell", [
    (("3:2", "2:3", "1:1"), "3:2* 2:3 1:1"), (("1:1",), "1:1"), (("1:1", "3:2", "2:3", "21:9", "9:21"), "1:1* 3:2 2:3 21:9 9:21"),
    (("1:1", "3:2", "2:3", "2:1", "1:2", "21:9", "9:21"), "seven")])
def test_ratios_of_a_new_model_are_shown(add_row, ratios, cell):
    """Listed, or as a word that the legend has; pixels of its own are in their table."""
    from tests.tables.video import tables
    sizes = {"720P": {ratio: (700 + place, 700) for place, ratio in enumerate(ratios)}}
    add_row(TABLE, TABLE.row("wan2.6-t2v")._replace(id="foxvid", shape=Pixels(("720P",), "720P", ratios, sizes)))
    written = tables()
    (line,) = [line for line in written["models.md", "takes"] if "foxvid" in line]
    assert line.split(" | ")[-2] == cell
    assert "| five | 16:9, 9:16, 1:1, 4:3, 3:4 |" in written["models.md", "ratios"]
    assert (f"| {cell} | {', '.join(ratios)} |" in written["models.md", "ratios"]) == (cell == "seven")
    (line,) = [line for line in written["models.md", "pixels"] if "720P of `foxvid`" in line]
    assert "700x700" in line


def test_a_made_up_flag_is_one_row(run, emulator, monkeypatch):
    """In --help, in the Ask, checked against the models' rows, and on the wire; no row takes it yet."""
    monkeypatch.setitem(FIELDS, "grain", Field("parameters.grain", "Z", SPECIAL, dict(type=int, help="film grain ({models})"), {2: "two"}))
    refused = run("a fox", "--grain", 1, "--dry-run", skill=SKILL)
    assert refused.code == 2 and "wan2.7-t2v takes no --grain" in refused.err and "models that do: none in the table" in refused.err
    sent = run("a fox", "--model", "wan9-t2v", "--grain", 2, "--dry-run", skill=SKILL)
    assert json.loads(sent.out)["body"]["parameters"] == {"grain": "two"}, sent
    assert "film grain\n" in run("--help", skill=SKILL).out


def test_a_row_has_a_flag_of_its_own(run, emulator, add_row):
    """A Field in the row alone: in --help, in the table and its legend, refused elsewhere, and on the wire."""
    from tests.tables.video import tables
    fluff = Field("parameters.fluff", "Z", SPECIAL, dict(type=int, help="how fluffy ({models})"))
    row = add_row(TABLE, TABLE.row("wan2.7-t2v")._replace(id="made-up-t2v", fields=taken("seed", fluff=fluff)))
    for model in (row.id, "wan9-t2v"):
        sent = run("a fox", "--model", model, "--fluff", 2, "--dry-run", skill=SKILL)
        assert json.loads(sent.out)["body"]["parameters"] == {"fluff": 2}, sent
    refused = run("a fox", "--fluff", 1, "--dry-run", skill=SKILL)
    assert refused.code == 2 and f"models that do: {row.id};" in refused.err
    assert f"how fluffy ({row.id})" in " ".join(run("--help", skill=SKILL).out.split())
    assert "| Z | `--fluff` |" in tables()["models.md", "flags"]
    assert any(f"| `{row.id}` | SZ |" in line for line in tables()["models.md", "prices"])


def test_help_names_the_models_of_the_rows():
    assert takers("style") == "video-style-transform"
    assert takers("shot").endswith(" and others") and len(takers("shot").split(", ")) == 3
    assert takers("no such") == ""


def test_documents_and_help_recommend_no_model_that_has_ended(run):
    folder = ROOT / "skills" / SKILL
    texts = [path.read_text("utf-8") for path in (folder / "SKILL.md", *sorted((folder / "references").glob("*.md")))]
    texts = [re.sub(r"<!-- table retired -->.*?<!-- /table -->", "", text, flags=re.DOTALL) for text in texts]
    texts.append(run("--help", skill=SKILL).out)
    assert len(texts) == 5 and [name for name in GONE for text in texts if name in text] == []


@each("model, known", [("vidu/viduq2_text2video", True), ("pixverse/pixverse-v6-it2v", True), ("pixverse/pixverse-lipsync", True),
                       ("vidu/nonsense", False), ("pixverse/foo", False), ("MiniMax/foo", False), ("kling/foo", False)])
def test_only_ids_that_a_vendor_documents_are_no_surprise(model, known):
    row, warning = TABLE.find(model)
    assert bool(warning) != known and row.id == model
    assert known or row.shape.tiers == () and all(way.seconds.legal is None for way in row.ways), "nothing is refused on a guess"
