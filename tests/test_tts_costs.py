"""What speech costs by list price: before the call and after it, by hand from the contract's tables, and what is written down."""
from __future__ import annotations

import json
import math

import pytest

import tts_text
from shared.money.cost import document, estimate_document
from tts_costs import charged, creation, CREATION, creation_words, expected, seconds_of, SINGAPORE, words
from tts_models import find_model, MODELS, TABLE

# Speech contract, section 11, CNY for 10,000 counting units in Beijing and Singapore; the qwen-audio-3.0 rows: updates, section 6.
# CosyVoice's prices in Singapore are those of another interface.
EACH = {
    "qwen3-tts-flash": (0.8, 0.733924), "qwen3-tts-flash-2025-11-27": (0.8, 0.733924), "qwen3-tts-flash-2025-09-18": (0.8, 0.733924),
    "qwen3-tts-instruct-flash": (0.8, 0.8), "qwen3-tts-instruct-flash-2026-01-26": (0.8, 0.8),
    "qwen3-tts-vc-2026-01-22": (0.8, 0.8), "qwen3-tts-vd-2026-01-26": (0.8, 0.8),
    "qwen-audio-3.0-tts-flash": (1.0, 1.12413), "qwen-audio-3.0-tts-plus": (1.4, 1.49884),
    "cosyvoice-v3.5-plus": (1.5, None), "cosyvoice-v3.5-flash": (0.8, None), "cosyvoice-v3-plus": (2, None),
    "cosyvoice-v3-flash": (1, None), "cosyvoice-v2": (2, None),
    "MiniMax/speech-2.8-hd": (3.5, None), "MiniMax/speech-2.8-turbo": (2, None), "MiniMax/speech-02-hd": (3.5, None),
    "MiniMax/speech-02-turbo": (2, None),
}
TOKENS = {  # the same tables: CNY for a million tokens of text and of sound
    "qwen-tts": (1.6, 10), "qwen-tts-latest": (1.6, 10), "qwen-tts-2025-05-22": (1.6, 10), "qwen-tts-2025-04-10": (1.6, 10),
    "qwen-audio-3.1-tts-flash": (1.5, 12), "qwen-audio-3.1-tts-next": (6, 12),
}


def row(name):
    return find_model(name)[0]


def test_every_model_has_a_price():
    assert {one.id for one in MODELS if one.price} == {*EACH, *TOKENS}


@pytest.mark.parametrize("name", EACH)
def test_price_by_characters(name):
    here, abroad = EACH[name]
    cost = expected(row(name), "x" * 10_000)
    assert (cost.low, cost.high, cost.units, cost.region, cost.about) == (here, here, {"characters": 10_000}, "cn-beijing", False)
    assert expected(row(name), "好" * 5_000) == cost == charged(row(name), {"characters": 10_000}, "")
    assert expected(row(name), "x" * 10_000, SINGAPORE).high == abroad
    assert f"10,000 characters of {name} at {here:g} CNY for 10,000" in words(row(name), cost, 1)


@pytest.mark.parametrize("name", [name for name in TOKENS if not row(name).longest])
def test_price_by_tokens(name):
    """450 Chinese characters take 100 s, which are 5,000 tokens, or 900 units of 0.12 s; the text is taken as 450 to 900 tokens."""
    read, heard = TOKENS[name]
    cost = expected(row(name), "好" * 450)
    assert cost.about and cost.units == {"tokens": 6300} and cost.high == pytest.approx((900 * read + 5400 * heard) / 1e6)
    assert cost.low == pytest.approx((450 * read + 5000 * heard) / 1e6) and words(row(name), cost, 1).startswith("up to 6,300 tokens of ")
    assert expected(row(name), "好" * 450, speed=2.0).units == {"tokens": 900 + 2700} and expected(row(name), "").high == 0
    assert not expected(row(name), "x", SINGAPORE).known
    done = charged(row(name), {"input_tokens": 30, "output_tokens": 200, "total_tokens": 230}, "好" * 450)
    assert (done.high, done.about, done.units) == (pytest.approx((30 * read + 200 * heard) / 1e6), False, {"tokens": 230})


@pytest.mark.parametrize("text", ["Two minutes of rain on a window.", "好" * 450])
def test_the_sound_of_a_description_may_be_as_long_as_the_service_makes_it(run, emulator, text):
    """Section 6 of the updates: 120 s, of a podcast 240; what is written says nothing of it."""
    model = "qwen-audio-3.1-tts-next"
    (read, heard), cost, count = TOKENS[model], expected(row(model), text), tts_text.units(text)
    assert cost.about and cost.high == pytest.approx((count * read + 240 * 50 * heard) / 1e6)
    assert cost.low == pytest.approx((math.ceil(count / 2) * read + 50 * heard) / 1e6) and expected(row(model), "").high == 0
    done = charged(row(model), {"duration": 240}, text)
    assert cost.low < done.high <= cost.high
    refused = run(text, "--model", model, skill="qianwen-audio-tts", env={"QIANWEN_BUDGET": "0.1"})
    assert refused.code == 4 and not emulator.requests, refused


def test_seconds_of_the_answer_count_where_it_tells_no_tokens():
    """Section 6 of the updates: usage.duration. 7.2 s are 8 × 50 tokens; 4 letters are 2 tokens of text."""
    cost = charged(row("qwen-audio-3.1-tts-next"), {"duration": 7.2}, "abcd")
    assert cost.about and cost.high == pytest.approx((2 * 6 + 400 * 12) / 1e6)


def test_what_is_not_known_says_why():
    assert "not in the table" in expected(row("cosyvoice-v9"), "x").why
    assert "gateway" in expected(row("qwen3-tts-flash"), "x", "").why
    assert "us-east-1" in expected(row("cosyvoice-v2"), "x", "us-east-1").why
    assert expected(row("qwen3-tts-flash-2027-01-01"), "x" * 10_000).high == 0.8


@pytest.mark.parametrize("usage", [{}, None, {"characters": None}, {"characters": True}, {"characters": "9"}, {"characters": -1}])
def test_without_the_services_count_the_text_is_counted(usage):
    assert charged(row("qwen3-tts-flash"), usage, "你好世界") == expected(row("qwen3-tts-flash"), "你好世界")


@pytest.mark.parametrize("text, seconds", [
    ("", 0), ("。！", 0), ("今天天气很好" * 3, 4.0), ("one two three, four.", 4 / 2.6), ("你好 world", 2 / 4.5 + 1 / 2.6),
    ("ありがとう", 5 / 4.5), ("안녕하세요", 5 / 4.5), ("\U00020000", 1 / 4.5), ("x" * 24, 2 / 2.6)])
def test_how_long_a_text_takes(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)


# ---- voices of one's own: speech contract, section 9.9 ---------------------------------------------------------------

@pytest.mark.parametrize("name, yuan, said", [
    ("cosyvoice-v3-flash", 0, "creating it is free"), ("qwen-audio-3.0-tts-plus", 0, "creating it is free"),
    ("qwen3-tts-vc-2026-01-22", 0.01, "0.01 CNY for making it; the first 1,000 within 90 days"),
    ("qwen3-tts-vd-2026-01-26", 0.2, "0.2 CNY for making it; the first 10"),
    ("MiniMax/speech-2.8-hd", 9.9 + 0.0035, "9.9 CNY for the first speech with it")])
def test_what_a_voice_costs(name, yuan, said):
    """MiniMax speaks ten letters as a sample: 10 × 3.5 / 10,000."""
    cost = creation(row(name), "x" * 10)
    assert cost.high == pytest.approx(yuan) and cost.units["voices"] == 1 and said in creation_words(row(name))
    assert not creation(row(name), "", SINGAPORE).known and "gateway" in creation(row(name), "", "").why


def test_every_voice_service_has_a_price():
    assert {one.service for one in MODELS if one.service} == set(CREATION)


# ---- on the way ------------------------------------------------------------------------------------------------------

@pytest.fixture
def speak(run, emulator, work):
    return lambda *words, **more: run(*words, skill="qianwen-audio-tts", **more)


def test_the_cost_ends_the_last_line_and_stands_in_document_and_sidecar(speak, work):
    """你好世界 is 8 counting units: 8 × 0.8 / 10,000."""
    done = speak("你好世界", "-o", "a.wav", "--json")
    cost = document(expected(row("qwen3-tts-flash"), "你好世界"))
    assert done.document["billing"]["cost"] == cost and cost["amount"] == 0.00064
    assert json.loads((work / "a.wav.json").read_text("utf-8") if (work / "a.wav.json").exists() else
                      (work / "a.json").read_text("utf-8"))["billing"]["cost"] == cost
    assert speak("你好世界", "-o", "b.wav").err.splitlines()[-1].endswith(
        f", about 0.00064 CNY (list price {TABLE.as_of}, cn-beijing)")
    assert "0.00128" in speak("--spent").out


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_a_budget_holds_for_the_whole_of_a_long_text(speak, emulator, stream):
    """A part of it is of no use. What is paid already is not held again."""
    text, quiet = "".join(letter * 250 + "。" for letter in "好坏大小"), ("-o", "a.wav", "--retries", 0, *stream)  # 4 of 0.04008
    done = speak(text, *quiet, "--json", env={"QIANWEN_BUDGET": "0.1"})
    assert done.code == 4 and not emulator.requests and done.document["error"]["code"] == "Budget", done
    emulator.inject("500", None, text="小")
    assert speak(text, *quiet).code != 0
    emulator.faults.clear()
    assert speak(text, *quiet, env={"QIANWEN_BUDGET": "0.21"}).code == 0  # the lost one is in doubt


def test_a_voice_that_is_made_tells_its_cost_in_every_form(speak):
    made = ("--design", "a deep voice", "--name", "deep", "--preview-text", "Hello")
    told, document = speak(*made).err.splitlines()[-1], speak(*made, "--json")
    assert document.document["billing"]["units"] == {"voices": 1} and document.document["billing"]["plan"] == "pay-as-you-go"
    assert "billed pay-as-you-go" in told and "CNY" in told
    assert document.err.splitlines()[-1].partition(" made for ")[2] == told.partition(" made for ")[2]


@pytest.mark.parametrize("flags", [["--set", "rate=0.5"], ["--set", "input.rate=0.5"], ["--request", "slow.json"]])
def test_the_speed_counts_however_it_is_asked_for(speak, work, flags):
    """For a budget the sound of a slow voice is as long as it is; a rate that nobody can speak at tells nothing."""
    (work / "slow.json").write_text('{"input": {"rate": 0.5}}', "utf-8")
    words = ("你好，欢迎收听。", "--model", "qwen-audio-3.1-tts-flash", "--estimate")
    slow, usual = speak(*words, "--speed", 0.5).out, speak(*words).out
    assert speak(*words, *flags).out == slow != usual and speak(*words, "--set", "rate=1e-300").out == usual


@pytest.mark.parametrize("flags", [["--ssml"], ["--set", "enable_ssml=true"]])
def test_the_marks_of_ssml_are_not_billed(speak, flags):
    """Section 6 of the updates; 你好 is 4 counting units."""
    words = ('<speak rate="0.9">你好<break time="1s"/></speak>', "--model", "cosyvoice-v3-flash", *flags)
    said = speak(*words, "--estimate").out
    assert "4 characters of cosyvoice-v3-flash" in said and said.startswith("0.0004 CNY"), said
    assert speak(*words, "-o", "a.wav", "--json").document["billing"]["units"] == {"characters": 4}


def test_what_was_paid_before_costs_nothing_again(speak, emulator):
    """The sound is paid for, but the link leads to a log-in page: the rerun fetches it."""
    emulator.inject("download-html", None)
    assert speak("你好世界", "-o", "a.wav").code == 9
    emulator.faults.clear()
    again = speak("你好世界", "-o", "a.wav", "--json")
    assert again.document["billing"]["cost"]["amount"] == 0 and len(emulator.creates) == 1
    assert "0.00064" in speak("--spent").out


def test_a_file_paid_in_two_runs_tells_its_run_and_the_file(speak, emulator, work):
    """The run's line and document are about what it paid, as with --resume; the sidecar is about the file."""
    text = "".join(letter * 250 + "。" for letter in "好坏大小")  # four segments of 501 units
    emulator.inject("500", None, text="大")
    emulator.inject("500", None, text="小")
    assert speak(text, "-o", "a.wav", "--retries", 0).code != 0
    emulator.faults.clear()
    done = speak(text, "-o", "a.wav", "--json")
    billing, half = done.document["billing"], pytest.approx(1002 * 0.8 / 10_000)
    assert done.document["parts"] == 4 and billing["units"] == {"characters": 1002} and billing["cost"]["amount"] == half
    assert "1,002 characters" in done.err.splitlines()[-1]
    sidecar = json.loads(next(work.glob("a*.json")).read_text("utf-8"))
    assert sidecar["usage"] == {"characters": 2004} and sidecar["billing"]["cost"]["amount"] == pytest.approx(2004 * 0.8 / 10_000)


def test_parts_add_up(speak, emulator):
    """Two parts of 502 units each with their full stop: 1,003 or so × 0.8 / 10,000, by the service's own count."""
    done = speak("好" * 250 + "。" + "坏" * 250 + "。", "-o", "a.wav", "--json")
    counted = done.document["billing"]["units"]["characters"]
    assert done.document["parts"] == 2 and counted == 1002
    assert done.document["billing"]["cost"]["amount"] == pytest.approx(counted * 0.8 / 10_000)


def test_making_a_voice_is_written_down(speak):
    done = speak("--design", "a warm old man", "--name", "uncle", "--model", "qwen3-tts-vd-2026-01-26", "--json")
    assert done.document["billing"]["cost"]["amount"] == 0.2 and "0.2" in speak("--spent").out


def test_estimate_of_rows(speak, emulator, work):
    (work / "rows.jsonl").write_text('{"text": "你好世界"}\n{"text": "好", "model": "cosyvoice-v9", "voice": "x"}\n', "utf-8")
    done = speak("--batch", "rows.jsonl", "--estimate", "--json")
    assert done.document["estimate"]["high"] == 0.00064 and done.document["rows_without_price"] == 1 and not emulator.requests
    assert estimate_document(expected(row("qwen3-tts-flash"), "x"))["units"] == {"characters": 1}


@pytest.mark.parametrize("text", ["Hello there.", "你好，欢迎收听。", "Good evening, and welcome to the news. " * 6, "あいうえお", "1234567890" * 3])
def test_the_answer_lies_within_the_estimate(speak, text):
    flags = ("--model", "qwen-audio-3.1-tts-flash", "--json")
    estimate = speak(text, "--estimate", *flags).document["estimate"]
    cost = speak(text, "-o", "a.wav", *flags).document["billing"]["cost"]["amount"]
    assert estimate["low"] <= cost <= estimate["high"] <= 3 * cost


def test_a_budget_stops_speech_before_it_is_sent(speak, emulator):
    done = speak("你好世界" * 100, "-o", "a.wav", env={"QIANWEN_BUDGET": "0.01/day"})
    assert done.code == 4 and not emulator.requests, done
