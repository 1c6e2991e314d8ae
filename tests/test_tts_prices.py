"""What speech costs before it is made: the price table of the contract, estimates by characters and by tokens, and sums."""
from __future__ import annotations

import json

import pytest

from tts_models import MODELS
from tts_costs import XX
                        words, words_for_rows)

EACH = {  # model -> yuan for 10,000 characters in Beijing and in Singapore
    "qwen3-tts-flash": (0.8, 0.733924), "qwen3-tts-flash-2025-11-27": (0.8, 0.733924), "qwen3-tts-flash-2025-09-18": (0.8, 0.733924),
    "qwen3-tts-instruct-flash": (0.8, 0.8), "qwen3-tts-instruct-flash-2026-01-26": (0.8, 0.8),
    "qwen3-tts-vc-2026-01-22": (0.8, 0.8), "qwen3-tts-vd-2026-01-26": (0.8, 0.8),
    "cosyvoice-v3.5-plus": (1.5, None), "cosyvoice-v3.5-flash": (0.8, None), "cosyvoice-v3-plus": (2, 1.9082),
    "cosyvoice-v3-flash": (1, 0.9541), "cosyvoice-v2": (2, None),
    "MiniMax/speech-2.8-hd": (3.5, None), "MiniMax/speech-2.8-turbo": (2, None), "MiniMax/speech-02-hd": (3.5, None),
    "MiniMax/speech-02-turbo": (2, None),
}
TOKENS = {  # model -> yuan for a million tokens of text and of audio
    "qwen-tts": (1.6, 10), "qwen-tts-latest": (1.6, 10), "qwen-tts-2025-05-22": (1.6, 10), "qwen-tts-2025-04-10": (1.6, 10),
    "qwen-audio-3.1-tts-flash": (1.5, 12),
}
DOLLARS = {"qwen-audio-3.0-tts-flash": 0.15, "qwen-audio-3.0-tts-plus": 0.20}


def test_every_model_has_a_row():
    assert {row.id for row in MODELS} == {*EACH, *TOKENS, *DOLLARS}
    assert set(PRICES) <= {*EACH, *TOKENS, *DOLLARS, "qwen3-tts-vc", "qwen3-tts-vd"}


@pytest.mark.parametrize("model", EACH)
def test_price_by_characters(model):
    here, abroad = EACH[model]
    found = estimate(model, 10_000)
    assert (found["known"], found["about"], found["each_10k"], found["yuan"]) == (True, False, here, here)
    assert (found["model"], found["characters"], found["region"], found["prices_of"]) == (model, 10_000, "cn-beijing", "2026-05")
    assert "10000 characters" in words(found) and f"at {here:g} yuan for 10,000" in words(found) and words(found).endswith("Beijing)")
    found = estimate(model, 10_000, SINGAPORE)
    assert (found["known"], found["yuan"]) == (abroad is not None, abroad)
    assert "Singapore" in words(found)


@pytest.mark.parametrize("model", TOKENS)
def test_price_by_tokens(model):
    read, heard = TOKENS[model]
    found = estimate(model, 900)  # 100 seconds of Chinese
    assert (found["known"], found["about"], found["seconds"], found["tokens_in"], found["tokens_out"]) == (True, True, 100.0, 450, 5000)
    assert found["yuan"] == pytest.approx((450 * read + 5000 * heard) / 1e6)
    assert words(found).startswith("about 0.0") and "some 100 seconds" in words(found) and "5000 tokens of audio" in words(found)
    assert not estimate(model, 900, SINGAPORE)["known"]


@pytest.mark.parametrize("model", DOLLARS)
@pytest.mark.parametrize("region", [BEIJING, SINGAPORE])
def test_price_in_dollars_alone(model, region):
    found = estimate(model, 20_000, region)
    assert not found["known"] and found["yuan"] is None
    assert (found["usd_each_10k"], found["usd"], found["prices_of"]) == (DOLLARS[model], 2 * DOLLARS[model], "2026-08")
    assert "no list price in yuan" in words(found) and f"{2 * DOLLARS[model]:g} dollars for 20000 characters" in words(found)


@pytest.mark.parametrize("model", ["cosyvoice-v4", "qwen3-tts-flash-realtime", "qwen3-tts-plus", "MiniMax/speech-9", "", "qwen-tts-flash"])
def test_a_price_that_is_not_known(model):
    found = estimate(model, 100)
    assert price_of(model) is None and not found["known"] and found["yuan"] is None
    assert "not in this version's table" in words(found) and TABLE_DATE in words(found)


def test_a_newer_snapshot_has_its_models_price():
    assert estimate("qwen3-tts-flash-2027-01-01", 10_000)["yuan"] == 0.8


def test_no_region_is_beijing_and_others_are_not_known():
    assert estimate("cosyvoice-v2", 10_000, "")["region"] == "cn-beijing"
    assert "its price in us-east-1 is not" in words(estimate("cosyvoice-v2", 10_000, "us-east-1"))


# ---- golden estimates ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model, units, text, yuan, sentence", [
    ("qwen3-tts-flash", 195, "", 0.0156, "0.0156 yuan: 195 characters of qwen3-tts-flash at 0.8 yuan for 10,000, a Chinese character "
     "counting twice (list prices of 2026-05, Beijing)"),
    ("qwen3-tts-flash", 1, "", 0.00008, "0.00008 yuan: 1 character of"),
    ("qwen3-tts-flash", 0, "", 0, "0 yuan: 0 characters"),
    ("MiniMax/speech-2.8-hd", 1_000_000, "", 350.0, "350.00 yuan: 1000000 characters"),
    ("qwen-tts", 16, "今天天气真的很好", 0.001013, "about 0.001013 yuan: some 1.8 seconds of qwen-tts, 100 tokens of audio and 8 of text"),
    ("qwen-tts", 2, "好", 0.000502, "about 0.000502 yuan: some 0.2 seconds of qwen-tts, 50 tokens of audio and 1 of text"),
    ("qwen-tts", 0, "", 0, "about 0 yuan"),
    ("qwen-audio-3.1-tts-flash", 32, "one two three four five six se", 0.001824, "about 0.001824 yuan: some 2.7 seconds of "),
])
def test_golden_estimate(model, units, text, yuan, sentence):
    found = estimate(model, units, text=text)
    assert found["yuan"] == pytest.approx(yuan, abs=1e-9)
    assert words(found).startswith(sentence)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("text, seconds", [
    ("", 0), ("。！", 0), ("今天天气很好" * 3, 4.0), ("one two three, four.", 4 / 2.6), ("你好 world", 2 / 4.5 + 1 / 2.6),
    ("ありがとう", 5 / 4.5), ("안녕하세요", 5 / 4.5), ("\U00020000", 1 / 4.5), ("x" * 24, 2 / 2.6)])
def test_how_long_a_text_takes(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)


def test_the_speed_shortens_what_is_billed_by_tokens():
    text = "今天天气很好" * 30
    assert estimate("qwen-tts", 360, text=text)["tokens_out"] == 2 * estimate("qwen-tts", 360, text=text, speed=2.0)["tokens_out"] == 2000
    assert estimate("qwen3-tts-flash", 360, text=text, speed=2.0)["yuan"] == estimate("qwen3-tts-flash", 360)["yuan"]


# ---- sums ------------------------------------------------------------------------------------------------------------

def test_a_sum_of_rows():
    total = together(estimate("cosyvoice-v3-flash", units) for units in (100, 200))
    assert total == {"rows": 2, "characters": 300, "currency": "CNY", "prices_of": "2026-05", "region": "cn-beijing", "known": True,
                     "about": False, "rows_without_price": 0, "yuan": 0.03, "usd": 0}
    assert words(total) == words_for_rows(total) == "0.03 yuan: 2 rows, 300 characters (list prices of 2026-05, Beijing)"


def test_a_sum_with_rows_that_have_no_price():
    total = together([estimate("qwen-tts", 900), estimate("qwen-audio-3.0-tts-plus", 1000), estimate("nonsense", 5)])
    assert (total["known"], total["about"], total["rows_without_price"], total["usd"], total["prices_of"]) == (False, True, 2, 0.02, "2026-08")
    assert words(total) == ("about 0.05072 yuan: 3 rows, 1905 characters; 2 rows have no price in yuan in the table, and 0.02 dollars by the "
                            "list of other regions (list prices of 2026-08, Beijing)")


def test_a_sum_over_regions_and_of_nothing():
    mixed = together([estimate("qwen3-tts-flash", 10_000), estimate("qwen3-tts-flash", 10_000, SINGAPORE)])
    assert (mixed["region"], mixed["yuan"]) == ("", 1.533924) and "(list prices of 2026-05)" in words(mixed)
    assert together([])["known"] and words(together([])).startswith("0 yuan: 0 rows, 0 characters")
    assert "1 row has no price" in words(together([estimate("nonsense", 5)]))


# ---- voices of one's own ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("service, target, yuan, said", [
    ("voice-enrollment", "cosyvoice-v3-flash", 0, "a voice for cosyvoice-v3-flash: making it is free (list"),
    ("voice-enrollment", "qwen-audio-3.0-tts-plus", 0, "making it is free"),
    ("qwen-voice-enrollment", "qwen3-tts-vc-2026-01-22", 0.01, "0.01 yuan for making it; the first 1,000 within 90 days"),
    ("qwen-voice-design", "qwen3-tts-vd-2026-01-26", 0.2, "0.2 yuan for making it; the first 10"),
    ("MiniMax", "", 9.9, "a voice: 9.9 yuan for the first speech with it"), ("", "MiniMax/speech-2.8-hd", 9.9, "9.9 yuan"),
    ("MiniMax/speech-02-turbo", "", 9.9, "9.9 yuan"), ("nonsense", "", None, "the price of nonsense is not in")])
def test_what_a_voice_costs(service, target, yuan, said):
    found = creation(service, target)
    assert (found["yuan"], found["known"], found["service"], found["target"]) == (yuan, yuan is not None, service, target)
    assert said in creation_words(found)


def test_every_voice_service_is_known():
    assert set(CREATION) == {"voice-enrollment", "qwen-voice-enrollment", "qwen-voice-design", "MiniMax"}
