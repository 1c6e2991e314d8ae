"""The table of speech models: what November 2026 changed, retirement, --models, and that a row alone is enough."""
from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests import tables
from tests.conftest import ROOT
from tests.emulator import speech_models as emulated
from tests.tables import tts as speech_tables
from tts_voice_services import CLONE_MODEL, DESIGN_MODEL
from tts_models import DEFAULT_MODEL, find_model, MODELS, Price, price_words, TABLE

SKILL = ROOT / "skills/qianwen-audio-tts"
RETIRED = {  # id -> what to use instead, from section 1 of the updates
    **dict.fromkeys(("qwen-tts", "qwen-tts-latest", "qwen-tts-2025-05-22", "qwen-tts-2025-04-10"), "cosyvoice-v3-flash"),
    **dict.fromkeys(("qwen3-tts-flash-2025-09-18", "qwen3-tts-flash-2025-11-27", "qwen3-tts-instruct-flash",
                     "qwen3-tts-instruct-flash-2026-01-26", "qwen3-tts-vc-2026-01-22", "qwen3-tts-vd-2026-01-26",
                     "cosyvoice-v3"), "cosyvoice-v3.5-plus")}


@pytest.fixture
def speak(run, emulator, work):
    return lambda *words, **more: run(*words, skill="qianwen-audio-tts", **more)


# ---- retired ---------------------------------------------------------------------------------------------------------

def test_these_are_retired_and_no_others():
    assert {row.id: row.successor for row in MODELS if row.retired} == RETIRED
    assert set(RETIRED.values()) | {DEFAULT_MODEL, CLONE_MODEL, DESIGN_MODEL} <= set(TABLE)


@pytest.mark.parametrize("name", RETIRED)
def test_retired_model_names_its_successor(name):
    warning = find_model(name)[1]
    assert "2026-10-10" in warning and f"--model {RETIRED[name]}" in warning


def test_retired_model_is_warned_of_and_sent(speak, emulator):
    done = speak("hi", "--model", "qwen-tts", "-o", "a.wav")
    assert done.code == 0 and "2026-10-10" in done.err and "cosyvoice-v3-flash" in done.err and len(emulator.creates) == 1


def test_model_that_is_gone_names_its_successor(speak, emulator, monkeypatch):
    monkeypatch.delitem(emulated.SPEECH_MODELS, "qwen3-tts-instruct-flash")
    done = speak("hi", "--model", "qwen3-tts-instruct-flash", "-o", "a.wav")
    assert done.code == 8 and "cosyvoice-v3.5-plus" in done.err.rsplit("error:", 1)[1], done


def test_no_text_recommends_a_retired_model(speak):
    """Help, SKILL.md and the references name a retired id in the table of retired ones alone."""
    texts = {path.name: path.read_text("utf-8") for path in (SKILL / "SKILL.md", *sorted((SKILL / "references").glob("*.md")))}
    texts["models.md"] = re.sub(r"<!-- table retired -->.*?<!-- /table -->", "", texts["models.md"], flags=re.DOTALL)
    texts["--help"] = speak("--help").out
    found = [(where, name) for where, text in texts.items() for name in RETIRED
             if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.*-])", text)]
    assert found == []


# ---- facts of November 2026 ------------------------------------------------------------------------------------------

def test_qwen_audio_has_prices_in_both_regions():
    """Section 6: CNY for 10,000 characters."""
    assert TABLE.row("qwen-audio-3.0-tts-plus").price == Price(1.4, 1.49884)
    assert TABLE.row("qwen-audio-3.0-tts-flash").price == Price(1.0, 1.12413)


def test_speech_by_description(speak, emulator):
    """Section 6: text_prompt, no text, no voice, not as a stream; 48000 by default."""
    done = speak("A calm voice says: hello.", "--model", "qwen-audio-3.1-tts-next", "-o", "a.wav", "--json")
    assert done.code == 0 and "voice" not in done.document and done.document["billing"]["cost"]["amount"] > 0, done
    (body,) = [request.json for request in emulator.requests if request.method == "POST"]
    assert body["input"] == {"text_prompt": "A calm voice says: hello.", "format": "wav", "sample_rate": 48000}


def test_voices_are_made_by_the_service_that_lives():
    assert {row.service for row in TABLE.live() if row.service} == {"voice-enrollment", "MiniMax"}


# ---- regions ---------------------------------------------------------------------------------------------------------

FAR = {"QWEN_REGION": "ap-southeast-1"}


@pytest.mark.parametrize("words", [("hi", "--dry-run"), ("hi", "--estimate"), ("--clone", "https://example.com/a.wav", "--name", "anna", "--dry-run"),
                                   ("--design", "an old man", "--name", "anna", "--estimate")])
@pytest.mark.parametrize("model", ["cosyvoice-v3-flash", "cosyvoice-v3-plus"])
def test_a_model_of_other_regions_is_warned_of(speak, words, model):
    """Section 1.1: CosyVoice and MiniMax speak over HTTP in Beijing alone."""
    done = speak(*words, "--model", model, "--json", base_url=None, env=FAR)
    warning, = done.document["warnings"] if "--estimate" in words else [done.err]
    assert done.code == 0 and f"{model} is documented for cn-beijing alone" in warning and "QWEN_REGION=cn-beijing" in warning, done
    assert ("qwen3-tts-flash" in warning) == (words[0] == "hi"), "which does not speak with voices of one's own"


def test_where_the_region_comes_from(speak):
    done = speak("hi", "--model", "MiniMax/speech-2.8-hd", "--dry-run", base_url="https://dashscope-intl.aliyuncs.com")
    assert "set QWEN_REGION=cn-beijing and unset QWEN_BASE_URL" in done.err, done


@pytest.mark.parametrize("model, region", [
    ("qwen3-tts-flash", "ap-southeast-1"), ("qwen-audio-3.0-tts-flash", "ap-southeast-1"), ("cosyvoice-v3-flash", "cn-beijing"),
    ("cosyvoice-v9", "ap-southeast-1")])
def test_a_model_of_the_region_is_not(speak, model, region):
    done = speak("hi", "--model", model, "--voice", "x", "--dry-run", base_url=None, env={"QWEN_REGION": region})
    assert done.code == 0 and "documented" not in done.err, done


def test_a_price_of_another_interface_is_not_told(speak):
    """Section 11: CosyVoice's prices for Singapore are those of the WebSocket."""
    assert "not known" in speak("hello world", "--model", "cosyvoice-v3-flash", "--estimate", base_url=None, env=FAR).out


# ---- the list --------------------------------------------------------------------------------------------------------

def test_models_are_listed(speak, emulator):
    listed = {one["id"]: one for one in speak("--models", "--json").document["models"]}
    assert set(listed) == {row.id for row in MODELS} and not emulator.requests
    assert listed["qwen-tts"]["use"] == "cosyvoice-v3-flash" and "retired" not in listed["qwen3-tts-flash"]
    shown = speak("--models", "ssml").out
    assert "cosyvoice-v3-flash" in shown and "qwen-audio" not in shown and max(map(len, shown.splitlines())) <= 79
    live = {one["id"]: one["live"] for one in speak("--models", "--live", "--json").document["models"]}
    assert live["qwen3-tts-flash"] is True


def test_the_references_are_written_from_the_rows():
    assert "skills/qianwen-audio-tts/references/models.md" not in tables.stale()


def test_help_names_the_models_from_the_rows(speak, monkeypatch):
    ids = ("qwen3-tts-flash", "qwen-audio-3.0-tts-flash", "qwen-audio-3.1-tts-flash", "qwen-audio-3.1-tts-next", "cosyvoice-v3.5-plus",
           "cosyvoice-v3-flash", "cosyvoice-v2", "MiniMax/speech-2.8-hd")
    rows = [TABLE.row(name) for name in ids]
    monkeypatch.setattr(TABLE, "own", tuple(rows))
    told = " ".join(speak("--help").out.split())
    assert "in words (qwen-audio-3.0, qwen-audio-3.1-tts-flash, cosyvoice-v3.5, cosyvoice-v3)" in told and "-12 to 12 (MiniMax)" in told
    assert "48000 for qwen-audio-3.1-tts-next; 32000 for MiniMax" in told and "Cherry for qwen3-tts-flash" in told
    more = rows[-2]._replace(id="made-up-1", formats={"flac": "flac"}), rows[0]._replace(id="cosyvoice-v3", retired="2026-10-10")
    monkeypatch.setattr(TABLE, "own", (*rows, *more))
    told = " ".join(speak("--help").out.split())
    assert "flac: MiniMax, made)" in told and "cosyvoice-v3.5, cosyvoice-v3-flash)" in told, "no retired id is named"


@pytest.mark.parametrize("price, cells", [(None, ("not known", "–")), (Price(abroad=1.5), ("–", "1.5")), (Price(0.8, 0.733924), ("0.8", "0.733924"))])
def test_a_row_without_a_price_is_listed(price, cells):
    row = TABLE.row("cosyvoice-v3-flash")._replace(price=price)
    assert speech_tables._price(row) == cells and TABLE.describe(row)["price"] == (price_words(price) if "0.8" in cells else "")


# ---- a row alone is enough -------------------------------------------------------------------------------------------

def test_a_made_up_row_speaks(speak, emulator, monkeypatch, add_row):
    add_row(TABLE, TABLE.row("cosyvoice-v3-flash")._replace(
        id="made-up-1", voice="someone", part=40, price=Price(3), scripted=False))
    monkeypatch.setitem(emulated.SPEECH_MODELS, "made-up-1", replace(
        emulated.SPEECH_MODELS["cosyvoice-v3-flash"], name="made-up-1", voices=frozenset({"someone"})))
    done = speak("One two three four. " * 4, "--model", "made-up-1", "-o", "a.wav", "--json")
    assert done.code == 0 and not done.document["warnings"], done
    bodies = [request.json for request in emulator.requests if request.method == "POST"]
    assert {body["input"]["voice"] for body in bodies} == {"someone"} and len(bodies) == 2
    assert "0.0003 CNY" in speak("x", "--model", "made-up-1", "--estimate").out
    assert [one["id"] for one in speak("--models", "made-up", "--json").document["models"]] == ["made-up-1"]
