"""The table of text models against the catalogue (sections 2.3 and 8 of the wire contract), and the lookup of ids."""
from __future__ import annotations

import pytest
from text_models import DEFAULT_MODEL, DOCUMENT_MODEL, MODELS, TRANSLATION_MODEL, find_model, names_with

ALL = "fc so ws pc"

# id, thinking, most input, most output, most thinking (0: cannot be set), features; written from the catalogue, not from
# the table. None: the catalogue does not say.
CATALOGUE = (
    ("qwen3.7-max", "on", 991_808, 65_536, 262_144, "fc ws pc"),
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
    ("qwen-turbo", "off", 98_304, 16_384, None, "so"),
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
    ("qwen3-235b-a22b-thinking-2507", "always", 129_024, 32_768, None, None),
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
    ("kimi/kimi-k2.6", "off", 262_144, 262_144, None, "fc so pc"),
    ("ZHIPU/GLM-5.1", "on", 204_800, 131_072, None, None),
    ("MiniMax-M2.5", "always", 204_800, None, 0, None),
    ("xiaomi/mimo-v2.5-pro", "on", 1_048_576, 131_072, None, None),
)


@pytest.mark.parametrize("name, thinking, max_input, max_output, max_thinking, features", CATALOGUE)
def test_row_against_the_catalogue(name, thinking, max_input, max_output, max_thinking, features):
    row, warning = find_model(name)
    assert not warning
    found = {"thinking": row.thinking, "in": row.max_input, "out": row.max_output, "budget": row.max_thinking,
             "features": row.features & set(ALL.split())}
    wanted = {"thinking": thinking, "in": max_input, "out": max_output, "budget": max_thinking,
              "features": None if features is None else set(features.split())}
    known = {what for what, value in wanted.items() if value is not None}
    assert {what: found[what] for what in known} == {what: wanted[what] for what in known}


@pytest.mark.parametrize("feature, names", [
    ("stream", {"qwq-plus", "qwq-32b"}),
    ("stream-think", {"qwen3-235b-a22b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-14b", "qwen3-8b"}),
    ("cumulative", {"qwen-mt-plus", "qwen-mt-turbo"}),
    ("mt", {"qwen-mt-plus", "qwen-mt-turbo", "qwen-mt-flash", "qwen-mt-lite"}),
    ("long", {"qwen-long"}),
    ("mm", {"qwen3.6-plus", "qwen3.6-flash", "qwen3.5-plus", "qwen3.5-flash", "qwen3.6-27b", "qwen3.6-35b-a3b",
            "qwen3.5-397b-a17b", "qwen3.5-122b-a10b", "qwen3.5-27b", "qwen3.5-35b-a3b", "kimi-k2.6", "kimi-k2.5"}),
])
def test_models_of_a_kind(feature, names):
    assert {row.id for row in MODELS if feature in row.features and "/" not in row.id} == names


def test_models_that_think_without_a_budget():
    """A budget is for Qwen3 and later, GLM and kimi-k2.5 (section 2.1)."""
    thinkers = {row.id for row in MODELS if row.thinking != "never"}
    without = {name for name in thinkers if name.startswith(("qwq", "deepseek", "kimi", "MiniMax", "xiaomi"))} - {"kimi-k2.5"}
    assert {row.id for row in MODELS if "tb" in row.features} == thinkers - without


def test_table_is_sound():
    known = set("fc so ws pc tb stream stream-think cumulative mt long plain mm".split())
    assert len({row.id for row in MODELS}) == len(MODELS)
    for row in MODELS:
        assert row.thinking in ("on", "off", "always", "never"), row
        assert row.features <= known, row
        assert row.max_input > 0 and not (row.max_thinking and row.thinking == "never"), row


@pytest.mark.parametrize("name", [DEFAULT_MODEL, DOCUMENT_MODEL, TRANSLATION_MODEL])
def test_defaults_are_in_the_table(name):
    assert find_model(name) == (next(row for row in MODELS if row.id == name), "")


@pytest.mark.parametrize("name, model", [
    ("qwen3.6-plus-2026-04-02", "qwen3.6-plus"), ("qwen3.7-max-preview", "qwen3.7-max"),
    ("qwen3.7-max-2026-05-17", "qwen3.7-max"), ("qwen-plus-latest", "qwen-plus"), ("qwen-plus-us", "qwen-plus"),
    ("qwen-plus-2025-12-01-us", "qwen-plus"), ("qwen-flash-2025-07-28-us", "qwen-flash"),
    ("qwen-flash-us", "qwen-flash"), ("qwen3-max-2026-01-23", "qwen3-max"), ("qwen-long-latest", "qwen-long"),
    ("qwen-coder-turbo-0919", "qwen-coder-turbo"), ("deepseek-r1-0528", "deepseek-r1"),
])
def test_variants_share_the_row_of_their_model(name, model):
    assert find_model(name) == (find_model(model)[0]._replace(id=name), "")


ABILITIES = {"fc", "so", "ws", "pc", "tb"}  # nothing is refused on a guess


@pytest.mark.parametrize("name, like, thinking, features", [
    ("qwen3.8-max", "qwen3.", "on", ALL),
    ("qwen3-ultra", "qwen3-", None, ALL),
    ("qwen-nova", "qwen", None, ALL),
    ("qwen-mt-max", "qwen-mt-", "never", "mt"),
    ("qwen-long-max", "qwen-long", "never", "long"),
    ("qwq-next", "qwq", "always", "fc stream"),
    ("qwen3.6-plus-fast", "qwen3.6-plus", "on", ALL),
    ("deepseek-v4-mini", "deepseek-v4", "on", "fc"),
    ("deepseek-v5", "deepseek-", None, "fc"),
    ("glm-6", "glm-", "on", "fc so"),
    ("kimi-k3", "kimi", None, "fc"),
    ("MiniMax/MiniMax-M2.7", "MiniMax", "always", "fc"),
    ("Qwen-Plus", "qwen-plus", "off", ALL),
])
def test_unknown_id_takes_the_longest_prefix(name, like, thinking, features):
    row, warning = find_model(name)
    assert (row.id, row.thinking) == (name, thinking)
    assert row.features - {"plain", "mm"} == (set(features.split()) | ABILITIES) - {"plain"}
    assert (row.max_input, row.max_output, row.max_thinking) == (0, 0, 0)
    assert name in warning and warning.endswith(f"treated like {like}")


@pytest.mark.parametrize("name", ["someone/new-model", "x", "llama-4", "siliconflow/deepseek-v3.2", "模型"])
def test_stranger_is_sent_as_it_is(name):
    row, warning = find_model(name)
    assert row.id == name and row.thinking is None and row.max_output == 0
    assert name in warning and "sent as it is" in warning


@pytest.mark.parametrize("name, skill", [
    ("qwen-image-2.0-pro", "qianwen-image-generation"), ("z-image-turbo", "qianwen-image-generation"),
    ("wan2.6-t2i", "qianwen-image-generation"), ("wan2.7-image-pro", "qianwen-image-generation"),
    ("wanx2.1-t2i-turbo", "qianwen-image-generation"), ("wan2.5-i2i-preview", "qianwen-image-generation"),
    ("qwen-mt-image", "qianwen-image-generation"),
    ("wan2.6-t2v", "qianwen-video-generation"), ("wan2.6-i2v-flash", "qianwen-video-generation"),
    ("wan2.2-kf2v-flash", "qianwen-video-generation"), ("happyhorse-1.0-t2v", "qianwen-video-generation"),
    ("qwen3-tts-flash", "qianwen-audio-tts"), ("qwen-tts", "qianwen-audio-tts"), ("cosyvoice-v3", "qianwen-audio-tts"),
    ("qwen3-vl-plus", "qianwen-vision"), ("qwen-vl-max", "qianwen-vision"), ("qwen-vl-ocr", "qianwen-vision"),
    ("qvq-max", "qianwen-vision"), ("gui-plus", "qianwen-vision"), ("vanchin/deepseek-ocr", "qianwen-vision"),
])
def test_model_of_another_skill_is_named(name, skill):
    row, warning = find_model(name)
    assert row.id == name
    assert skill in warning and name in warning


def test_names_for_messages_are_few_and_true():
    names = names_with("ws").split(", ")
    assert 1 < len(names) <= 5
    assert all("ws" in find_model(name)[0].features for name in names)
