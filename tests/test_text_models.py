"""The table of chat models against the catalogue (sections 2.3 and 8 of the wire contract, 1 to 3 of the updates), and the lookup."""
from __future__ import annotations

import pytest
from shared.chat import models, retired
from shared.chat.models import EFFORTS, FAMILIES, lacks
from shared.models import retirement
from text_models import DEFAULT_MODEL, DOCUMENT_MODEL, TABLE, TRANSLATION_MODEL
from vision_models import TABLE as VISION

ROWS = (*models.ROWS, *retired.ROWS)
ALL = "fc so ws pc"

# id, thinking, most input, most output, most thinking (0: cannot be set), features; written from the catalogue, not from
# the table. None: the catalogue does not say.
CATALOGUE = (
    ("qwen3.7-max", "on", 991_808, 65_536, 262_144, ALL),
    ("qwen3.6-max-preview", "on", 245_760, 65_536, None, ALL),
    ("qwen3.6-plus", "on", 991_808, 65_536, 81_920, ALL),
    ("qwen3.6-flash", "on", 991_808, 65_536, 131_072, ALL),
    ("qwen3.5-plus", "on", 991_808, 65_536, 81_920, ALL),
    ("qwen3.5-flash", "on", 991_808, 65_536, None, ALL),
    ("qwen3.6-27b", "on", 260_096, 65_536, None, ALL),
    ("qwen3.6-35b-a3b", "on", 260_096, 65_536, None, ALL),
    ("qwen3.5-397b-a17b", "on", 260_096, 65_536, None, ALL),
    ("qwen3.5-122b-a10b", "on", 260_096, 65_536, None, ALL),
    ("qwen3.5-27b", "on", 260_096, 65_536, None, ALL),
    ("qwen3.5-35b-a3b", "on", 260_096, 65_536, None, ALL),
    ("qwen3-max", "off", 258_048, 65_536, 81_920, ALL),
    ("qwen3-max-preview", "off", 258_048, 65_536, None, ""),
    ("qwen-plus", "off", 997_952, 32_768, None, ALL),
    ("qwen-flash", "off", 997_952, 32_768, None, ALL),
    ("qwen-turbo", "off", 98_304, 16_384, None, "fc so"),
    ("qwen-max", "never", 30_720, 8_192, None, ALL),
    ("qwq-plus", "always", 98_304, 8_192, None, "fc ws"),
    ("qwen-long", "never", 10_000_000, 8_192, None, ""),
    ("qwen-doc-turbo", "never", 253_952, 8_192, None, ""),
    ("qwen3-coder-plus", "never", 997_952, 65_536, None, "fc"),
    ("qwen3-coder-flash", "never", 997_952, 65_536, None, "fc"),
    ("qwen3-coder-next", "never", 204_800, 65_536, None, None),
    ("qwen3-coder-480b-a35b-instruct", "never", 204_800, 65_536, None, None),
    ("qwen-coder-turbo", "never", 129_024, 8_192, None, ""),
    ("qwen-math-plus", "never", 3_072, 3_072, None, ""),
    ("qwen-mt-plus", "never", 8_192, 8_192, None, ""),
    ("qwen-mt-flash", "never", 8_192, 8_192, None, ""),
    ("qwen-plus-character", "never", 32_768, 4_096, None, ""),
    ("qwen-flash-character", "never", 8_000, 4_096, None, ""),
    ("qwen3-235b-a22b", "on", 129_024, 16_384, None, "fc so pc"),
    ("qwen3-235b-a22b-instruct-2507", "never", 129_024, 32_768, None, "fc so pc"),
    ("qwen3-235b-a22b-thinking-2507", "always", None, 32_768, None, None),
    ("qwen3-next-80b-a3b-thinking", "always", None, None, None, None),
    ("deepseek-v4-pro", "on", 1_000_000, 393_216, None, None),
    ("deepseek-v3.2", "off", 98_304, 65_536, None, None),
    ("deepseek-v3.1", "off", 98_304, 65_536, None, None),
    ("deepseek-r1", "always", 98_304, 16_384, None, None),
    ("deepseek-v3", None, 57_344, 8_192, None, None),
    ("glm-5.1", "on", 202_745, 131_072, 32_768, None),
    ("glm-5", "on", 169_984, 16_384, 32_768, None),
    ("glm-4.6", "on", 169_984, 16_384, 32_768, None),
    ("glm-4.5-air", "on", 98_304, 16_384, 32_768, None),
    ("kimi-k2.6", "off", 229_376, 16_384, None, "fc"),
    ("kimi-k2.5", "off", 229_376, 16_384, 81_920, "fc"),
    ("kimi-k2-thinking", "always", 229_376, 16_384, None, None),
    ("kimi/kimi-k2.6", "on", 262_144, 262_144, None, "fc so pc"),
    ("ZHIPU/GLM-5.1", "on", 204_800, 131_072, None, None),
    ("qwen3.8-max", "on", None, 131_072, None, ALL),
    ("qwen3.8-flash", "on", 991_808, 131_072, None, ALL),
    ("qwen3.7-plus", "on", 991_808, None, None, ALL),
    ("qwen3.7-max-preview", "always", None, None, None, None),
    ("glm-5.3", "always", 1_000_000, 131_072, None, None),
    ("kimi-k3", "always", None, None, None, None),
    ("kimi/kimi-k2.5", "on", 262_144, 262_144, None, "fc so pc"),
    ("deepseek-v4.1-flash", "on", 1_000_000, 393_216, None, None),
    ("MiniMax-M2.5", "always", 204_800, None, 0, None),
    ("xiaomi/mimo-v2.5-pro", "on", 1_048_576, 131_072, None, None),
)


def test_rows_against_the_catalogue():
    wrong = []
    for name, thinking, max_input, max_output, max_thinking, features in CATALOGUE:
        row = TABLE.row(name)
        pairs = ((thinking, row.thinking), (max_input, row.max_input), (max_output, row.max_output), (max_thinking, row.max_thinking),
                 (features and set(features.split()), row.features & set(ALL.split())))
        wrong += [(name, wanted, found) for wanted, found in pairs if wanted is not None and wanted != "" and wanted != found]
    assert wrong == []


# feature -> the ids that have it, of the Qwen models that live
KINDS = {
    "stream": set(),
    "cumulative": {"qwen-mt-plus"},
    "mt": {"qwen-mt-plus", "qwen-mt-flash", "qwen-mt-lite", "qwen-mt-uni"},
    "long": {"qwen-long"},
    "js": {"qwen3.7-plus", "qwen3.7-plus-us", "qwen3.7-flash", "qwen3.7-max", "qwen3.7-max-2026-06-08", "qwen3.8-max", "qwen3.8-flash",
           "qwen3.8-max-0902", "qwen3.8-max-2026-09-02", "qwen3.8-max-prime"},
    "th": {"MiniMax/MiniMax-M3"},
}


@pytest.mark.parametrize("feature, names", KINDS.items(), ids=KINDS)
def test_models_of_a_kind(feature, names):
    assert {row.id for row in TABLE.live(lambda row: feature in row.features)} == names


def test_native_calls_of_new_qwen_models_go_to_the_multimodal_endpoint():
    """Section 3 of the updates: 3.5 to 3.8, text alone included; anything else is a `url error`."""
    new = {row.id for row in ROWS if row.id[:7] in ("qwen3.5", "qwen3.6", "qwen3.7", "qwen3.8") and "ocr" not in row.features}
    assert {row.id for row in ROWS if "mm" in row.features} == new | {"kimi-k2.6", "kimi-k2.5"}


def test_no_model_that_always_thinks_lists_a_prefix():
    assert not [row.id for row in ROWS if row.thinking == "always" and "pc" in row.features]


def test_json_while_thinking_where_it_works():
    keeps = {row.id for row in TABLE.live(lambda row: "jt" in row.features)}
    assert {row.id for row in TABLE.live() if row.id.startswith("kimi/")} <= keeps, "all that Moonshot itself hosts"
    assert {"qwen3.8-max", "qwen3.8-flash", "qwen3.7-max", "qwen3.7-plus", "qwen3.7-flash", "kimi-k3", "kimi/kimi-k3", "kimi/kimi-k2.6",
            "deepseek-v4-pro", "deepseek-v4-flash"} <= keeps
    assert not keeps & {"qwen3.6-plus", "qwen-plus", "glm-5.1", "qwen3-max"}


def test_table_is_sound():
    known = set("fc so js jt ws pc tb stream stream-think cumulative mt long mm th hr ocr ocr-tasks no-system ba".split())
    assert len({row.id for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.thinking in ("on", "off", "always", "never"), row
        assert row.features <= known and set(row.efforts) <= set(EFFORTS), row
        assert not (row.max_thinking and row.thinking == "never") and bool(row.retired) == bool(row.successor), row
        assert "js" not in row.features or "so" in row.features, row


def test_successors_live():
    ids = {row.id for row in ROWS if not row.retired}
    assert all(row.retired for row in retired.ROWS) and not any(row.retired for row in models.ROWS)
    assert {row.successor for row in (*ROWS, *FAMILIES) if row.retired} <= ids


# Section 1 of the updates; the ids of this skill and of vision that were announced dead, with the day.
DEAD = """qwen-turbo qwq-plus qwen-vl-max qwen-vl-plus qvq-max qvq-plus qwen-math-turbo qwen-math-plus qwen-coder-turbo qwen-coder-plus
    qwen3.6-max-preview qwen3-max-preview qwen3-vl-flash qwen3-coder-plus qwen3-vl-8b-instruct qwen3-vl-235b-a22b-thinking
    qwen3-vl-plus-2025-12-19 qwen3-coder-next qwen3-8b qwen3-235b-a22b-instruct-2507 qwen3-next-80b-a3b-thinking qwen3-max-2025-09-23
    qwen3-max-2026-01-23 deepseek-r1 deepseek-v3 deepseek-v3.1 deepseek-v3.2 glm-4.5 glm-4.5-air glm-4.6 glm-4.7 MiniMax-M2.1
    kimi-k2-thinking Moonshot-Kimi-K2-Instruct qwen-long-latest qwen-long-2025-01-25 qwen-mt-turbo qwen-plus-0112 qwen-plus-1220
    qwen-plus-2025-07-28 qwen-plus-2025-09-11 qwen-plus-us qwen-flash-us farui-plus deepseek-r1-distill-qwen-32b
    deepseek-r1-distill-qwen-1.5b""".split()
# ids that are known by their beginning alone, or went earlier
GROUPS = {"2026-10-10": "deepseek-r1-distill-llama-70b qwen-omni-turbo qwen-omni-turbo-latest qwen-omni-turbo-2025-03-26",
          "2026-05-13": """qwen2.5-72b-instruct qwen2.5-coder-32b-instruct qwen2.5-vl-72b-instruct qwen2.5-7b-instruct-1m qwen3-0.6b qwen3-1.7b
              qwen3-4b qwen-vl-max-latest qwen-vl-plus-latest qwen-vl-max-2025-08-13 qwen-vl-plus-2025-08-15 qwen-max-latest
              qwen-turbo-latest qwq-32b qwen-vl-max-1230"""}
ALIVE = """qwen-long qwen-plus qwen-plus-latest qwen-flash qwen-max qwen3-max qwen3-vl-plus qwen-vl-ocr qwen-vl-ocr-latest qwen3.5-plus
    qwen3.6-plus qwen3-coder-flash deepseek-v4-pro glm-5.1 qwen-plus-2025-12-01 qwen3.7-max-2026-05-20""".split()


def test_retired_ids_are_warned_of_with_their_successor():
    for name in DEAD:
        row = TABLE.row(name)
        assert row and row.retired == "2026-10-10" and row.successor, name
    for day, names in GROUPS.items():
        for name in names.split():
            row, warning = VISION.find(name)
            assert (row.id, row.retired) == (name, day) and f"{name} was announced as retired from {day}" in warning, name
    newer = TABLE.find("qwen3-8b-nova")
    assert not newer[0].retired and "treated like qwen3-8b" in newer[1], "a relative of a retired model need not be"
    assert [name for name in ALIVE if TABLE.row(name).retired] == []
    assert TABLE.find("qwen-turbo")[1] == ("qwen-turbo was announced as retired from 2026-10-10 on, so the service may refuse it; "
                                           "use --model qwen3.6-flash")


@pytest.mark.parametrize("name", [DEFAULT_MODEL, DOCUMENT_MODEL, TRANSLATION_MODEL])
def test_defaults_are_in_the_table_and_live(name):
    assert TABLE.find(name) == (next(row for row in ROWS if row.id == name), "") and name in set(TABLE)


@pytest.mark.parametrize("name, model", [
    ("qwen3.6-plus-2026-04-02", "qwen3.6-plus"), ("qwen3.7-max-2026-05-20", "qwen3.7-max"), ("qwen-plus-latest", "qwen-plus"),
    ("qwen-plus-2025-12-01-us", "qwen-plus"), ("qwen3.7-plus-2026-05-26", "qwen3.7-plus"), ("qwen3.7-flash-2026-07-15", "qwen3.7-flash"),
    ("qwen-turbo-1101", "qwen-turbo"),
])
def test_variants_share_the_row_of_their_model(name, model):
    row = TABLE.row(model)._replace(id=name)
    assert TABLE.find(name) == (row, retirement(row))


@pytest.mark.parametrize("name, model", [
    ("qwen3.7-max-2026-12-01", "qwen3.7-max"), ("qwen-plus-2027-12-01-us", "qwen-plus"), ("deepseek-v4-pro-1201", "deepseek-v4-pro"),
    ("qwen-max-2026-12-01", "qwen-max"), ("qwen-turbo-2027-01-01", "qwen-turbo")])
def test_a_snapshot_newer_than_the_table_has_its_models_price_and_no_limits(run, name, model):
    for table in (TABLE, VISION):
        row, warning = table.find(name)
        assert "not in this version's model table" in warning and warning.endswith(f"it is treated like {model}")
        assert row.price == TABLE.row(model).price and row.sees and not row.retired and not row.max_output
    done = run("hi", "--model", name, "--max-tokens", "1000000", "--think", "--dry-run")
    assert done.code == 0 and done.document["body"]["enable_thinking"] is True, done


# an id, its family, and whether it is sent a switch for thinking
KIND_INSIDE = [("qwen3.7-ocr", "qwen*-ocr"), ("qwen-ocr-plus", "qwen*-ocr"), ("qwen3-mt-plus", "qwen*-mt-"),
               ("qwen3.8-omni-flash", "qwen*-omni"), ("qwen3.9-omni-plus-2027-01-01", "qwen*-omni")]


@pytest.mark.parametrize("name, family", KIND_INSIDE)
def test_the_kind_of_a_new_id_may_stand_inside_it(run, name, family):
    assert VISION.find(name)[1].endswith(f"it is treated like {family}")
    flags = ("--translate-to", "English") if "mt" in name else ()
    body = run("hi", "--model", name, *flags, "--no-stream", "--dry-run").document["body"]
    assert "enable_thinking" not in body and body["stream"] is ("omni" in name)


def test_what_only_some_models_do_is_not_refused_on_a_guess(run, work):
    from tests import media_samples
    (work / "a.png").write_bytes(media_samples.png(40, 30))
    (work / "a.txt").write_text("words")
    for name in ("someone/new", "qwen3.9-nova"):
        for flags in (("--translate-to", "English"), ("--document", "a.txt"), ("--search",), ("--prefix", "A")):
            assert run("hi", "--model", name, *flags, "--dry-run").code == 0, (name, flags)
        for flags in (("--ocr",), ("--ocr", "text_recognition"), ("hi", "--high-resolution")):
            assert run(*flags, "--image", "a.png", "--model", name, "--dry-run", skill="qianwen-vision").code == 0, (name, flags)


NEWER = [  # a skill, an id that is newer than the table, and what its family or its model could not do
    ("qianwen-text", "qwen3.9-max", ("hi", "--schema", "s.json", "--think")), ("qianwen-text", "glm-5.4", ("hi", "--json-object", "--think")),
    ("qianwen-vision", "gui-plus-2026-12-01", ("hi", "--video", "https://e.x/a.mp4")),
    ("qianwen-vision", "kimi-k4", ("hi", "--image", "a.png", "--max-pixels", "100000")),
    ("qianwen-vision", "qwen3.5-ocr-2026-12-01", ("hi", "--image", "a.png", "a.png")),
    ("qianwen-vision", "qvq-3", ("hi", "--image", "a.png", "--no-think", "--system", "Be brief")),
    ("qianwen-vision", "qwen-vl-ultra", ("hi", "--image", "a.png", "--think")),
]


@pytest.mark.parametrize("skill, name, asked", NEWER, ids=[name for _, name, _ in NEWER])
def test_what_a_family_cannot_do_a_newer_id_may(run, work, skill, name, asked):
    from tests import media_samples
    (work / "a.png").write_bytes(media_samples.png(40, 30))
    (work / "s.json").write_text('{"type": "object"}')
    done = run(*asked, "--model", name, "--dry-run", skill=skill)
    assert done.code == 0, done
    assert done.document["body"].get("enable_thinking", "--think" in asked) is ("--think" in asked), done


ABILITIES = {"fc", "so", "js", "ws", "pc", "tb", "hr", "mt", "long", "ocr", "ocr-tasks"}  # nothing is refused on a guess


@pytest.mark.parametrize("name, like, thinking, features", [
    ("qwen3.9-max", "qwen3.", "on", "mm"),
    ("qwen3-ultra", "qwen3-", None, ""),
    ("qwen-nova", "qwen", None, ""),
    ("qwen-mt-max", "qwen*-mt-", "never", "mt"),
    ("qwen-long-max", "qwen-long", "never", "long"),
    ("qwq-next", "qwq", "always", "stream"),
    ("qwen3.6-plus-fast", "qwen3.6-plus", "on", "mm"),
    ("deepseek-v4-mini", "deepseek-v4", "on", ""),
    ("deepseek-v5", "deepseek-", None, ""),
    ("glm-6", "glm-", "on", ""),
    ("kimi-k4", "kimi", None, ""),
    ("MiniMax/MiniMax-M2.9", "MiniMax", None, ""),
    ("Qwen-Plus", "qwen-plus", "off", ""),
])
def test_unknown_id_takes_the_longest_prefix(name, like, thinking, features):
    row, warning = TABLE.find(name)
    assert (row.id, row.thinking) == (name, thinking)
    assert set(features.split()) <= row.features and not any(lacks(row, feature) for feature in ABILITIES)
    assert (row.max_input, row.max_output, row.max_thinking, row.price, row.efforts) == (0, 0, 0, None, EFFORTS) and row.sees
    assert name in warning and warning.endswith(f"treated like {like}")


@pytest.mark.parametrize("name", ["someone/new-model", "x", "llama-4", "siliconflow/new-model", "模型"])
def test_stranger_is_sent_as_it_is(name):
    row, warning = TABLE.find(name)
    assert row.id == name and row.thinking is None and row.max_output == 0
    assert name in warning and "sent unchanged" in warning
    assert FAMILIES[0].id == ""


ELSEWHERE = {
    "qianwen-image-generation": "qwen-image-2.0-pro z-image-turbo wan2.6-t2i wan2.7-image-pro wanx2.1-t2i-turbo wan2.5-i2i-preview "
                                "qwen-mt-image qwen-image-2.1-pro",
    "qianwen-video-generation": "wan2.6-t2v wan2.6-i2v-flash wan2.2-kf2v-flash happyhorse-1.0-t2v",
    "qianwen-audio-tts": "qwen3-tts-flash qwen-tts cosyvoice-v3",
    "qianwen-vision": "qwen3-vl-plus qwen-vl-max qwen-vl-ocr qvq-max gui-plus vanchin/deepseek-ocr qwen3.5-ocr "
                      "qwen2.5-vl-7b-instruct",
}


@pytest.mark.parametrize("skill, names", ELSEWHERE.items(), ids=ELSEWHERE)
def test_model_of_another_skill_is_named(skill, names):
    for name in names.split():
        row, warning = TABLE.find(name)
        assert row.id == name and skill in warning and name in warning
        assert name not in set(TABLE), "it is not recommended here"
        assert ("announced as retired" in warning) is bool(row.retired) and row.successor in warning


def test_names_for_messages_are_few_and_true():
    names = TABLE.names(lambda row: "ws" in row.features, 5).split(", ")
    assert len(names) == 5
    assert all("ws" in TABLE.row(name).features and not TABLE.row(name).retired for name in names)


# ---- a row alone is enough -------------------------------------------------------------------------------------------

def test_a_made_up_row_reads_and_asks(run, emulator, work, add_row):
    """One row in the table, and its model is listed, asked, checked against its limits, shown a picture and priced."""
    from dataclasses import replace

    import text_models
    import vision_models
    from shared.money.prices import TokenPrice
    from tests import media_samples
    from tests.emulator import models as emulated
    row = TABLE.row("qwen3.8-max")._replace(id="made-up-1", max_output=500, efforts=("low",), price=TokenPrice((0, 1, 2)))
    emulator.models["made-up-1"] = replace(emulated.MODELS["qwen3.8-max"], name="made-up-1")
    for module in (text_models, vision_models):
        add_row(module.TABLE, row)
    (work / "a.png").write_bytes(media_samples.png(40, 30))
    asked = run("Hi", "--model", "made-up-1", "--effort", "low", "--json")
    assert asked.code == 0 and asked.document["model"] == "made-up-1" and not asked.document["warnings"], asked
    seen = run("What?", "--image", "a.png", "--model", "made-up-1", "--json", skill="qianwen-vision")
    assert seen.code == 0 and seen.document["model"] == "made-up-1", seen
    assert "from 1 to 500" in run("Hi", "--model", "made-up-1", "--max-tokens", "501").err
    assert [one["id"] for one in run("--models", "made-up", "--json").document["models"]] == ["made-up-1"]
    assert sum(row.price.amounts(1_000_000, 1_000_000)) == 3


def test_the_reference_tells_when_the_cache_begins():
    """Section 7 of the updates: the implicit cache begins at 1,024 tokens, not at 256."""
    from tests.conftest import ROOT
    text = (ROOT / "skills" / "qianwen-text" / "references" / "models.md").read_text("utf-8")
    (line,) = [line for line in text.splitlines() if "implicit cache" in line]
    assert "1,024 tokens" in line and "256" not in line
