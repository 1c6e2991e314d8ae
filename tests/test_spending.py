"""What calls cost, as people meet it: told after, asked before, summed up, and bounded."""
from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest

from shared import key_guard
from shared.batch.service import Jobs
from shared.files import locks, whole
from shared.files.own import open_own
from shared.money import spending as spending_file, sums
from tests.conftest import SCRIPTS, STANDARD_KEY

NEW = "2026-10-09"  # the day of the price list of chat models (updates of November 2026, section 9)


def usage(put_in, out, **details) -> dict:
    return {"prompt_tokens": put_in, "completion_tokens": out, "total_tokens": put_in + out, **details}


def spending(home) -> list:
    path = home / ".local" / "state" / "qianwen" / "spending.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def spent(run, *period, **more) -> dict:
    return run("--spent", *period, "--json", **more).document["spent"]


# ---- told after, by hand from the contract's price tables: section 9 of the updates, "Prices, CNY per M tokens, Beijing"

THINKING = {"completion_tokens_details": {"reasoning_tokens": 500}}
CACHED = {"prompt_tokens_details": {"cached_tokens": 800}}
EXPLICIT = {"prompt_tokens_details": {"cached_tokens": 800, "cache_type": "ephemeral"}}
STORED = {"prompt_tokens_details": {"cache_creation_input_tokens": 400}}

BY_HAND = [
    ("qwen3.7-plus", usage(1000, 1000), 0.01),  # up to 256K: 2 and 8
    ("qwen3.7-plus", usage(300_000, 1000), 1.824),  # up to 1M: 6 and 24
    ("qwen3.8-max", usage(1000, 1000), 0.048),  # 12 and 36
    ("qwen3.8-flash", usage(10_000, 2000), 0.0134),  # 0.8 and 2.7
    ("qwen3.7-flash", usage(1000, 1000), 0.001),  # up to 32K: 0.2 and 0.8
    ("qwen3.7-flash", usage(32_000, 1000), 0.0072),  # the last token of that tier
    ("qwen3.7-flash", usage(32_001, 1000), 0.021601),  # up to 256K: 0.6 and 2.4
    ("qwen3.6-flash", usage(1000, 1000), 0.0084),  # 1.2 and 7.2
    ("qwen3.6-plus", usage(1000, 1000), 0.014),  # 2 and 12
    ("glm-5.3", usage(1000, 1000), 0.036),  # 8 and 28
    ("qwen-plus", usage(1000, 1000), 0.0028),  # 0.8 and 2
    ("qwen-plus", usage(1000, 1000, **THINKING), 0.0088),  # while thinking 8
    ("qwen3.7-plus", usage(1000, 1000, **CACHED), 0.00872),  # a cached token costs a fifth: 200 + 160 at 2
    ("qwen3.7-plus", usage(1000, 1000, **EXPLICIT), 0.00856),  # one that a marker put there a tenth: 200 + 80 at 2
    ("qwen3.8-max", usage(1000, 1000, **EXPLICIT), 0.048),  # its hit prices are not published
    ("kimi/kimi-k2.6", usage(1000, 1000, **CACHED), 0.0335),  # nor are those of kimi and glm: 6.5 and 27, 6 and 24
    ("glm-5.1", usage(1000, 1000, **CACHED), 0.03),
    ("deepseek-v4-pro", usage(1200, 1000, prompt_tokens_details={"cached_tokens": 1200}), 0.0252),  # 1 instead of 12
    ("qwen3.7-plus", usage(1000, 1000, **STORED), 0.0102),  # a stored one a quarter more: 1100 at 2
    ("qwen-long", usage(1_000_000, 1000), 0.502),  # 0.5 and 2
]


@pytest.mark.parametrize("model, counted, amount", BY_HAND)
def test_a_call_is_told_what_it_cost(run, emulator, home, model, counted, amount):
    emulator.reply(text="Hi", usage=counted)
    done = run("hi", "--model", model, "--json")
    assert done.document["billing"]["cost"] == {
        "amount": amount, "currency": "CNY", "known": True, "prices_of": NEW, "region": "cn-beijing"}, done
    assert done.err.splitlines()[-1].endswith(f"CNY (list price {NEW}, cn-beijing)")
    (line,) = spending(home)
    assert (line["skill"], line["model"], line["amount"], line["calls"]) == ("qianwen-text", model, amount, 1)
    assert line["units"] == {"input_tokens": counted["prompt_tokens"], "output_tokens": counted["completion_tokens"]}


# Section 8 of the contract: id, tokens in, CNY a million tokens in and out.
LIST = """qwen-vl-ocr 1000 0.3 0.5; qwen-vl-ocr-1028 1000 5 5; qwen-vl-ocr-2024-10-28 1000 5 5; qwen-vl-ocr-2025-11-20 1000 0.3 0.5;
    qwen-plus-0112 1000 0.8 2; qwen-plus-2025-09-11 300000 4.8 48; qwen3-coder-next 1000 1 4;
    qwen3-coder-480b-a35b-instruct 1000 6 24; qwen3-coder-30b-a3b-instruct 1000 1.5 6;
    farui-plus 1000 20 20; tongyi-intent-detect-v3 1000 0.4 1;
    tongyi-xiaomi-analysis-flash 1000 0.2 0.4; tongyi-xiaomi-analysis-pro 1000 1 2.7; qwen3-vl-plus-2025-09-23 1000 1 10;
    qwen3-vl-plus-2025-12-19 200000 3 30; qwen3-vl-flash-2025-10-15 1000 0.15 1.5; qwen3-vl-flash-2026-01-22 100000 0.3 3;
    deepseek-r1-distill-qwen-14b 1000 1 3; deepseek-r1-distill-qwen-7b 1000 0.5 1; deepseek-r1-distill-qwen-1.5b 1000 0 0;
    MiniMax/MiniMax-M2.5 1000 2.1 8.4; MiniMax/MiniMax-M2.7 1000 2.1 8.4; siliconflow/deepseek-v3.2 1000 2 3;
    siliconflow/deepseek-v3.1-terminus 1000 4 12; vanchin/deepseek-v3 1000 2 8; vanchin/deepseek-r1 1000 4 16;
    qwen-vl-max-latest 1000 1.6 4; qwen-vl-plus-latest 1000 0.8 2"""


@pytest.mark.parametrize("line", [line.strip() for line in LIST.split(";")])
def test_a_row_has_the_price_of_the_catalogue(line):
    from shared.chat.price import charged
    from text_models import TABLE
    name, size, each_in, each_out = line.split()
    cost = charged(TABLE.find(name)[0], usage(int(size), 1000), "cn-beijing")
    assert cost.high == pytest.approx((int(size) * float(each_in) + 1000 * float(each_out)) / 1e6)


def test_a_picture_is_read_at_the_price_of_its_tokens(run, emulator, work):
    emulator.reply(text="a fox", usage=usage(1300, 40))
    picture = work / "a.png"
    from tests.media_samples import png
    picture.write_bytes(png(64, 64))
    done = run("What is this?", "--image", picture, "--model", "qwen3-vl-plus", "--json", skill="qianwen-vision")
    assert done.document["billing"]["cost"]["amount"] == 0.0017  # contract 4.1: up to 32K 1 and 10


def test_a_web_search_is_billed_apart_and_said_so(run, emulator):
    emulator.reply(text="Hi", usage={"input_tokens": 1000, "output_tokens": 1000, "plugins": {"search": {"count": 2}}})
    done = run("hi", "--sources", "--json")
    cost = done.document["billing"]["cost"]
    assert cost["amount"] == 0.01 and "web searches" in cost["why"] and "web searches" in done.err.splitlines()[-1]


@pytest.mark.parametrize("count, said", [({}, True), ({"plugins": {"search": {"count": 0}}}, False)])
def test_a_search_that_is_not_counted_may_have_been_billed(run, emulator, count, said):
    emulator.reply(text="Hi", usage={"prompt_tokens": 1000, "completion_tokens": 1000, **count})
    done = run("hi", "--search", "--no-think", "--json")
    assert ("web searches" in done.document["billing"]["cost"].get("why", "")) is said, done
    assert ("web searches" in done.err.splitlines()[-1]) is said
    emulator.reply(text="Hi", usage={"prompt_tokens": 1000, "completion_tokens": 1000})
    assert "web searches" not in run("hi", "--no-think").err


def test_what_has_no_price_says_so(run, emulator, home):
    done = run("hi", "--model", "qwen3.8-27b", "--json")
    cost = done.document["billing"]["cost"]
    assert cost["known"] is False and cost["amount"] is None and done.err.splitlines()[-1].endswith("price not known")
    assert spending(home)[0]["amount"] is None
    assert spent(run)["calls_without_price"] == 1


def test_singapore_has_prices_of_its_own(run):
    found = run("hi", "--estimate", "--max-tokens", "1000", "--no-think", "--json", base_url=None, env={"QWEN_REGION": "ap-southeast-1"})
    estimate = found.document["estimate"]
    assert estimate["region"] == "ap-southeast-1"
    assert estimate["high"] == pytest.approx(estimate["low"] + 0.011991, abs=2e-6)  # 11.991 a million tokens out


@pytest.mark.parametrize("model, each", [("qwen3.7-plus", 2.998), ("qwen3.6-plus", 3.75)])
def test_abroad_the_price_of_a_larger_size_is_not_known(model, each):
    """One pair of prices is published for Singapore, where Beijing's list has one for each size."""
    from shared.chat.price import charged, expected
    from text_models import TABLE
    row, region = TABLE.find(model)[0], "ap-southeast-1"
    assert charged(row, usage(256_000, 0), region).high == pytest.approx(0.256 * each)
    larger = charged(row, usage(300_020, 10), region)
    assert not larger.known and f"{region} for 300,020 tokens in" in larger.why
    assert not expected(row, {"messages": [{"content": "hi"}]}, region, more=300_000).known
    assert charged(row, usage(300_020, 10), "cn-beijing").known


def test_a_gateway_bills_by_itself(run):
    found = run("hi", "--estimate", "--json", base_url="https://gateway.example.com").document["estimate"]
    assert found["known"] is False and found["low"] is None and "gateway" in found["why"] and "region" not in found


def test_a_stream_that_breaks_is_in_doubt(run, emulator, home):
    emulator.inject("cut-sse")
    done = run("hi")
    assert done.code == 6, done
    (line,) = spending(home)
    assert line["in_doubt"] is True and line["amount"] == pytest.approx(0.0328, abs=1e-3)
    assert spent(run)["calls_in_doubt"] == 1


@pytest.mark.parametrize("fault", ["reset", "500", "answer-lost", "429"])
@pytest.mark.parametrize("skill", ["qianwen-text", "qianwen-image-generation", "qianwen-video-generation", "qianwen-audio-tts"])
def test_what_may_be_paid_twice_is_not_called_retryable(run, emulator, skill, fault):
    emulator.inject(fault, times=None)
    done = run("hello", "--json", "--retries", 0, skill=skill)
    if done.code:  # a stream of text has no answer that can be lost
        free = fault == "429" or fault == "500" and skill == "qianwen-text"
        assert done.document["error"]["retryable"] is free, done


def test_an_answer_that_breaks_its_promise_is_paid_and_says_so(run, emulator, work):
    (work / "s.json").write_text('{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}')
    (work / "rows.jsonl").write_text('{"prompt": "n?"}\n')
    for _ in range(2):
        emulator.reply(text='{"n": "x"}', usage=usage(1000, 1000))
    done = run("n?", "--schema", "s.json", "--json")
    assert done.code == 8 and done.document["billing"]["cost"]["amount"] == 0.01 and "0.01" in done.err, done
    assert "each answer is billed" in done.document["error"]["fix"]
    batch = run("--batch", "rows.jsonl", "-o", "out", "--schema", "s.json", "--json").document
    assert batch["rows"]["failed"] == 1 and batch["billing"]["cost"]["amount"] == 0.01
    assert spent(run)["total"] == 0.02


@pytest.mark.parametrize("fault", ["500", "503", "502", "sse-internal"])
def test_a_chat_that_the_service_fails_costs_nothing(run, emulator, home, fault):
    """Contract 8.4: failed calls are not billed, so no budget is used up by them."""
    emulator.inject(fault, times=None)
    assert run("hi", "--retries", 0).code == 8
    assert spending(home) == [] and spent(run)["total"] == 0


@pytest.mark.parametrize("reported", [{}, {"prompt_tokens": "12", "completion_tokens": 0.5}])
def test_an_answer_without_usage_stays_held_against_the_budget(run, emulator, home, reported):
    for _ in range(2):
        emulator.reply(text="Hi", usage=reported)
    done = run("hi", "--no-stream", "--json", env={"QIANWEN_BUDGET": "0.04"})
    assert done.document["billing"]["cost"]["known"] is False and done.err.splitlines()[-1].endswith("price not known"), done
    (line,) = spending(home)
    assert line["in_doubt"] and line["amount"] == pytest.approx(0.0328, abs=1e-3)
    assert run("hi", env={"QIANWEN_BUDGET": "0.04"}).code == 4


def test_counts_may_be_written_as_10_0(run, emulator):
    emulator.reply(text="Hi", usage=usage(1000.0, 1000.0))
    cost = run("hi", "--no-stream", "--json").document["billing"]
    assert cost["cost"]["amount"] == 0.01 and cost["units"] == {"input_tokens": 1000, "output_tokens": 1000}


@pytest.mark.parametrize("fault, code", [("401", 3), ("403", 3), ("arrearage", 4)])
def test_a_refused_call_costs_nothing(run, emulator, home, fault, code):
    emulator.inject(fault, times=None)
    assert run("hi", "--retries", 0).code == code
    assert spending(home) == [] and spent(run)["total"] == 0


# ---- asked before

def estimate_of(run, *words) -> dict:
    return run("Sum up", *words, "--estimate", "--max-tokens", 100, "--json").document["estimate"]


def test_a_document_of_plain_text_is_estimated_by_its_size(run, emulator, work):
    """qwen-long reads at 0.5 CNY a million tokens; a byte of text is never more than one and a half of them."""
    words = "The quick brown fox jumps over the lazy dog. " * 333
    (work / "a.txt").write_text(words)
    (work / "b.pdf").write_bytes(b"%PDF-1.7\n" + words.encode())
    text = estimate_of(run, "--document", "a.txt")
    assert text["high"] == pytest.approx((len(words) * 1.5 + 30) * 0.5e-6 + 100 * 2e-6, abs=3e-5)
    assert 3_000 * 0.5e-6 < text["low"] < 5_000 * 0.5e-6, "what is known of it is not left out"
    assert run("Sum up", "--document", "a.txt", env={"QIANWEN_BUDGET": "1"}).code == 0
    both = estimate_of(run, "--document", "a.txt", "b.pdf")
    assert both["high"] == pytest.approx(5, abs=0.001) and both["low"] == pytest.approx(text["low"], abs=1e-5), "the model's limit"
    assert "more for the documents" in run("Sum up", "--document", "a.txt", "--estimate").out


def test_documents_that_a_conversation_names_already_count(run, work):
    said = [("system", "You answer."), ("system", "fileid://file-fe-a1"), ("user", "What?"), ("assistant", "That.")]
    (work / "talk.json").write_text(json.dumps([{"role": role, "content": content} for role, content in said]))
    assert estimate_of(run, "--chat", "talk.json")["high"] == pytest.approx(5, abs=0.001)
    (work / "a.txt").write_text("Some words")
    assert estimate_of(run, "--chat", "talk.json", "--document", "a.txt")["high"] == pytest.approx(5, abs=0.001)


def test_an_estimate_sends_nothing_and_needs_no_key(run, emulator, home):
    done = run("Tell me about foxes", "--estimate", key=None)
    assert done.code == 0 and not emulator.requests and spending(home) == []
    assert re.match(r"about 0\.\d+ to 0\.\d+ CNY \(list price 2026-10-09, cn-beijing\): about \d+ tokens in, 4,096 tokens out assumed",
                    done.out), done


def test_low_is_the_input_and_high_what_may_come_out(run):
    free, bounded, thinking = (run("Tell me", "--estimate", "--json", *flags).document["estimate"] for flags in (
        (), ("--max-tokens", 100, "--no-think"), ("--max-tokens", 100, "--thinking-budget", 1000)))
    assert free["low"] == bounded["low"] == thinking["low"]
    assert bounded["high"] == pytest.approx(bounded["low"] + 100 * 8 / 1e6, abs=1e-6)
    assert thinking["high"] == pytest.approx(bounded["low"] + 1100 * 8 / 1e6, abs=1e-6)
    assert free["high"] == pytest.approx(bounded["low"] + 4096 * 8 / 1e6, abs=1e-6)
    assert set(free) == {"low", "high", "currency", "known", "prices_of", "region", "units"}


@pytest.mark.parametrize("flags, out, said", [
    (("--max-tokens", 5), 5, "at most 5 tokens out without its thinking, which only --thinking-budget bounds"),
    (("--max-tokens", 5, "--no-think"), 5, "at most 5 tokens out"),
    (("--thinking-budget", 8000), 4096 + 8000, "12,096 tokens out assumed, because --max-tokens is not set"),
    (("--set", "max_completion_tokens=50"), 50, "at most 50 tokens out"),
    (("--max-tokens", 5, "--no-think", "--set", "n=3"), 15, "at most 15 tokens out")])
def test_what_nothing_bounds_is_assumed_and_said_so(run, flags, out, said):
    assert run("hi", "--estimate", "--json", *flags).document["estimate"]["units"]["output_tokens"] == out
    assert said in run("hi", "--estimate", *flags).out


@pytest.mark.parametrize("text, least, most", [
    ("Tell me a story about a fox and a hound in the forest.", 12, 25),
    ("请给我讲一个关于狐狸和猎狗的故事,发生在森林里。", 12, 32),
    ("Расскажи мне историю о лисе и собаке в лесу.", 10, 32), ("1234567890", 10, 20), ("🦊🐕", 2, 12)])
def test_tokens_are_counted_by_script(run, text, least, most):
    counted = run(text, "--estimate", "--json").document["estimate"]["units"]["input_tokens"]
    assert least <= counted <= most


@pytest.mark.parametrize("asked", [
    {"messages": [{"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"x": "word " * 2000})}}]},
        {"role": "tool", "tool_call_id": "c", "content": "done"}]},
    {"translation_options": {"target_lang": "English", "terms": [{"source": f"好{n}", "target": "fine fox"} for n in range(400)]}},
    {"preserve_thinking": True, "messages": [{"role": "assistant", "content": "a", "reasoning_content": "word " * 2000}]}],
    ids=["tool calls", "terms", "thinking"])
def test_all_that_the_model_reads_is_estimated(run, work, asked):
    first = {"role": "user", "content": "hi"}
    body = {"model": "qwen-plus", **asked, "messages": [first, *asked.get("messages", ())]}
    if body["messages"][-1]["role"] != "tool":
        body["messages"].append(first)
    (work / "body.json").write_text(json.dumps(body))
    counted = run("--request", "body.json", "--estimate", "--json").document["estimate"]["units"]["input_tokens"]
    assert 2000 <= counted <= 15_000
    (work / "body.json").write_text(json.dumps({**body, "preserve_thinking": False}))
    less = run("--request", "body.json", "--estimate", "--json").document["estimate"]["units"]["input_tokens"]
    assert (less < 100) is ("preserve_thinking" in asked), "thinking that is not preserved is not read"


@pytest.mark.parametrize("way", ["set", "request"])
def test_high_resolution_is_estimated_however_it_is_asked_for(run, work, way):
    from tests.media_samples import png
    (work / "big.png").write_bytes(png(2600, 2600))
    (work / "body.json").write_text('{"vl_high_resolution_images": true}')
    ways = {"flag": ("--high-resolution",), "set": ("--set", "vl_high_resolution_images=true"),
            "request": ("--request", "body.json"), "off": ("--high-resolution", "--set", "vl_high_resolution_images=false"), "": ()}
    told = {name: run("What?", "--image", "big.png", *ways[name], "--estimate", "--json", skill="qianwen-vision")
            .document["estimate"]["units"]["input_tokens"] for name in ("flag", way, "off", "")}
    assert told["flag"] == told[way] > 2 * told[""] and told["off"] == told[""], told


def test_the_tokens_of_a_picture_follow_its_size(run, work):
    from tests.media_samples import png
    for side in (640, 320):
        (work / f"{side}.png").write_bytes(png(side, side))
    large, small = (run("What?", "--image", f"{side}.png", "--estimate", "--json", skill="qianwen-vision")
                    .document["estimate"]["units"]["input_tokens"] for side in (640, 320))
    assert large - small == 400 - 100  # 32 by 32 pixels a token


def test_a_video_of_unknown_length_is_held_with_what_it_may_have(run, emulator, work):
    """The service looks at 3,600 s of it, in at most 2,000 frames."""
    from tests.media_samples import mp4
    (work / "long.mp4").write_bytes(mp4(3600, 1280, 720))
    asked = ("What?", "--max-tokens", 20, "--no-think", "--video")
    known, told = (run(*asked, "long.mp4", "--estimate", *form, skill="qianwen-vision") for form in (("--json",), ()))
    assert " more for " not in told.out, told
    link, said = (run(*asked, "https://example.com/v.mp4", "--estimate", *form, skill="qianwen-vision") for form in (("--json",), ()))
    assert "more for a video of unknown length, for which 60 s are assumed" in said.out, said
    high = link.document["estimate"]["high"]
    assert high >= known.document["estimate"]["high"] > 10 * link.document["estimate"]["low"]
    held = run(*asked, "https://example.com/v.mp4", "--json", skill="qianwen-vision", env={"QIANWEN_BUDGET": str(high / 2)})
    assert held.code == 4 and not emulator.requests, held


@pytest.mark.parametrize("skill, flag", [("qianwen-vision", "--request"), ("qianwen-text", "--request"), ("qianwen-text", "--messages")])
def test_media_that_a_conversation_brings_are_read_too(run, emulator, work, skill, flag):
    links = [f"https://example.com/{number}.png" for number in range(4)]
    parts = {"image_url": {"url": links[0]}, "video_url": {"url": "https://example.com/v.mp4"}, "video": links}
    ways = {"image_url": ("--image", links[0]), "video_url": ("--video", parts["video_url"]["url"]), "video": ("--frames", *links)}
    for kind, value in parts.items():
        messages = [{"role": "user", "content": [{"type": kind, kind: value}, {"type": "text", "text": "What?"}]}]
        (work / "body.json").write_text(json.dumps({"messages": messages} if flag == "--request" else messages))
        told = run(flag, "body.json", "--estimate", "--json", skill=skill).document["estimate"]
        assert told == run("What?", *ways[kind], "--estimate", "--json", skill="qianwen-vision").document["estimate"], kind
        held = run(flag, "body.json", "--json", skill=skill, env={"QIANWEN_BUDGET": str(told["high"] - 0.001)})
        assert held.code == 4 and not emulator.requests, held


LATER = [  # a model, and calls whose input the service alone can measure
    ("qwen-long", "qianwen-text", ("Sum up", "--document", "fileid://file-fe-1")),
    ("qwen3.7-plus", "qianwen-vision", ("What?", "--video", "https://example.com/v.mp4")),
    ("qwen-vl-ocr", "qianwen-vision", ("--ocr", "--image", "https://example.com/a.png")),
]


@pytest.mark.parametrize("model, skill, asked", LATER, ids=range(len(LATER)))
def test_a_snapshot_of_a_later_day_is_estimated_like_its_model(run, model, skill, asked):
    told = [run(*asked, "--model", model + day, "--estimate", "--json", skill=skill).document["estimate"]
            for day in ("", "-2026-12-01", "-1201")]
    assert told[0]["high"] and told[1] == told[2] == told[0], told


@pytest.mark.parametrize("marker, share", [({"cache_control": {"type": "ephemeral"}}, 1.25), ({}, 1)])
def test_what_markers_put_into_the_cache_is_estimated_with_the_surcharge(run, work, marker, share):
    part = {"type": "text", "text": "word " * 2000, **marker}
    (work / "m.json").write_text(json.dumps([{"role": "system", "content": [part]}, {"role": "user", "content": "hi"}]))
    found = estimate_of(run, "--messages", "m.json", "--no-think")  # and 100 tokens out at 8 CNY a million
    assert found["high"] == pytest.approx(found["low"] * share + 0.0008, abs=1e-6)


def test_a_batch_estimates_the_rows_that_are_left(run, emulator, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(10)))
    batch = ("--batch", "rows.jsonl", "-o", "out")
    before = run(*batch, "--estimate", "--json").document
    assert before["rows"] == 10 and before["estimate"]["units"]["output_tokens"] == 40960 and before["model"] == "qwen3.7-plus"
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(12)))
    assert run(*batch, "--estimate", "--json").document["rows"] == 12
    assert run(*batch).code == 0
    after = run(*batch, "--estimate", "--json").document
    assert after["rows"] == 0 and after["estimate"]["high"] == 0 and "model" not in after


@pytest.mark.parametrize("way", [(), ("--batch-api",)], ids=["calls", "jobs"])
def test_a_batch_says_what_its_estimate_takes_for_granted(run, work, way):
    def said(*rows, flags=()):
        (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": "hi", **row}) + "\n" for row in rows))
        return run("--batch", "rows.jsonl", "-o", "out", "--estimate", *flags, *way).out
    assumed, unbounded = "; 4,096 tokens out assumed where --max-tokens is not set", "; without the thinking that no --thinking-budget bounds"
    assert said({}, {}).endswith(f"2 rows to do{assumed}\n")
    assert said({"max_tokens": 5}, {}, {"max_tokens": 6}).endswith(f"3 rows to do{unbounded}{assumed}\n")
    assert said({}, {}, flags=("--max-tokens", "5", "--no-think")).endswith("2 rows to do\n")


def test_the_cost_of_a_batch_is_the_sum_of_its_rows(run, emulator, home, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}", **more}) + "\n" for number, more in enumerate(
        ({}, {}, {"model": "qwen3.8-27b"}))))
    done = run("--batch", "rows.jsonl", "-o", "out", "--json").document
    rows = [json.loads(line) for line in (work / "out" / "results.jsonl").read_text().splitlines()]
    amounts = [row["billing"]["cost"]["amount"] for row in rows]
    assert sorted(amount is None for amount in amounts) == [False, False, True]
    assert done["billing"]["cost"]["amount"] == pytest.approx(sum(filter(None, amounts)))
    assert done["billing"]["rows_without_price"] == 1
    found = spent(run)
    assert found["total"] == pytest.approx(sum(filter(None, amounts)), abs=1e-6) and found["calls_without_price"] == 1


def test_the_sum_of_a_batch_says_which_rows_are_not_in_it(run, emulator, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(3)))
    emulator.inject("cut-sse", path="chat/completions")
    done = run("--batch", "rows.jsonl", "-o", "out", "--json", "--concurrency", 1)
    assert done.document["rows"]["in_doubt"] == 1 == done.document["billing"]["rows_in_doubt"], done
    assert done.err.splitlines()[-1].endswith("; 1 row in doubt not included"), done
    assert done.document["billing"]["rows_without_price"] == 0 and spent(run)["total"] > done.document["billing"]["cost"]["amount"]
    (work / "one.jsonl").write_text('{"prompt": "x"}\n')
    emulator.inject("cut-sse", path="chat/completions")
    assert "1 row in doubt not included" in run("--batch", "one.jsonl", "-o", "one").err


# ---- summed up

def test_spent_is_a_table_of_skills_and_models(run, emulator, work):
    from tests.media_samples import png
    (work / "a.png").write_bytes(png(64, 64))
    run("hi")
    run("hi")
    run("What?", "--image", "a.png", skill="qianwen-vision")
    shown = run("--spent", key=None)
    table = shown.out.splitlines()
    assert key_guard.USAGE_PAGE in shown.err, "where it stands what is billed"
    assert table[0] == "spent today, by list price" and table[1].split() == ["skill", "model", "calls", "units", "CNY"]
    assert table[-1].startswith("total") and "3" in table[-1].split()
    found = spent(run, "all", skill="qianwen-audio-tts")
    assert {(one["skill"], one["calls"]) for one in found["by"]} == {("qianwen-text", 2), ("qianwen-vision", 1)}
    assert found["total"] == pytest.approx(sum(one["amount"] for one in found["by"]))


@pytest.mark.parametrize("period", ["today", "week", "month", "all", date.today().isoformat(), date.today().isoformat()[:7]])
def test_periods_that_hold_today(run, period):
    run("hi")
    assert spent(run, period)["total"] > 0 and spent(run, period)["period"] == period


def test_other_days_hold_nothing(run):
    run("hi")
    assert spent(run, "yesterday")["total"] == 0
    assert spent(run, (datetime.now() - timedelta(days=400)).strftime("%Y-%m"))["total"] == 0
    assert run("--spent", "sometime").code == 2


def test_the_spending_holds_no_prompt_key_or_link(run, emulator, home):
    run("a secret wish", "--system", "another secret")
    folder = home / ".local" / "state" / "qianwen"
    text = (folder / "spending.jsonl").read_text("utf-8")
    assert "secret" not in text and STANDARD_KEY[3:] not in text and "http" not in text
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "spending.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("skill", SCRIPTS)
@pytest.mark.parametrize("command", ["--spent=all", "--models="])
def test_what_a_command_about_no_call_would_ignore_is_refused(run, emulator, skill, command):
    for beside, named in ((("-o", "out.txt"), "-o"), (("--batch", "no.jsonl"), "--batch"), (("--check",), "--check"), (("--seed", "1"), "--seed"),
                          (("--set", "a=1"), "--set"), (("hello",), "a text" if skill == "qianwen-audio-tts" else "a prompt")):
        done = run(command, *beside, skill=skill)
        assert done.code == 2 and f"{command.split('=')[0]} does not go with {named}, which would be ignored" in done.err, done
    assert run(command, "--json", "-q", skill=skill).code == run(command, "-v", skill=skill).code == 0
    assert not emulator.requests


def test_lines_that_cannot_be_read_are_passed_over_and_counted(run, emulator, home):
    run("hi")
    with open(home / ".local" / "state" / "qianwen" / "spending.jsonl", "a") as file:
        file.write("[" * 100_000 + "\n{\n")
    done = run("--spent", "--json")
    assert done.document["spent"]["by"][0]["calls"] == 1, done
    (warning,) = done.document["warnings"]
    assert warning.startswith("2 lines of the spending") and warning.split(". ")[0] in done.err
    assert run("hi", env={"QIANWEN_BUDGET": "10"}).code == 0


def test_a_spending_that_cannot_be_read_is_told_as_such(run, home):
    (home / ".local" / "state" / "qianwen" / "spending.jsonl").mkdir(parents=True)
    done = run("--spent", "--json")
    assert done.code == 2 and "cannot be read" in done.document["error"]["message"], done


@pytest.fixture
def read_only(monkeypatch):
    """The state folder as if its user could only read it."""
    def refuse(path, flags=os.O_RDONLY, mode=0o600, has_one_name=True):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return open_own(path, flags, mode, has_one_name)

    def apply():
        for module in (locks, spending_file):
            monkeypatch.setattr(module, "open_own", refuse)
    return apply


def test_a_spending_that_can_only_be_read_is_shown(run, home, read_only, monkeypatch):
    for module in (spending_file, sums):
        monkeypatch.setattr(module, "MOST_BYTES", 0)
    for _ in range(3):
        run("hi")
    folder = home / ".local" / "state" / "qianwen"
    (folder / "spending-sums.json").unlink()
    before = sorted(path.name for path in folder.iterdir())
    read_only()
    done = run("--spent", "--json")
    assert done.code == 0 and done.document["spent"]["by"][0]["calls"] == 3, done
    assert sorted(path.name for path in folder.iterdir()) == before


def test_sums_that_cannot_be_written_are_made_again_by_the_next_reader(run, home, monkeypatch):
    for module in (spending_file, sums):
        monkeypatch.setattr(module, "MOST_BYTES", 0)
    for _ in range(3):
        run("hi")
    written = home / ".local" / "state" / "qianwen" / "spending-sums.json"
    written.unlink()
    with monkeypatch.context() as full:
        full.setattr(whole.Temporary, "create", lambda self: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
        assert run("--spent", "--json").document["spent"]["by"][0]["calls"] == 3 and not written.exists()
    assert run("--spent", "--json").document["spent"]["by"][0]["calls"] == 3 and written.exists()


def test_a_spending_that_cannot_be_written_loses_no_answer(run, emulator, home):
    (home / ".local").mkdir()
    (home / ".local" / "state").write_text("a file where the folder should be")
    done = run("hi")
    assert done.code == 0 and done.out.strip() and "the spending could not be written" in done.err, done


# ---- bounded

def test_a_call_over_the_budget_is_refused_before_it_is_sent(run, emulator):
    done = run("hi", "--json", env={"QIANWEN_BUDGET": "0.01"})
    error = done.document["error"]
    assert done.code == 4 and error["code"] == "Budget" and not emulator.requests, done
    assert "0.01 CNY" in error["message"] and "0.03278" in error["message"]
    assert run("hi", "--max-tokens", "50", "--no-think", env={"QIANWEN_BUDGET": "0.01"}).code == 0


@pytest.mark.parametrize("value", ["5x", "20/year", "-1", "1e3", "20/", "inf", "20 yuan"])
def test_a_bad_budget_is_refused(run, emulator, value):
    for arguments in (("hi",), ("--check",)):
        done = run(*arguments, env={"QIANWEN_BUDGET": value})
        assert done.code == 2 and value in done.err and "20/day" in done.err and not emulator.requests, done


def test_an_empty_budget_is_none_and_zero_sends_nothing(run, emulator):
    assert run("hi", env={"QIANWEN_BUDGET": ""}).code == 0
    sent = len(emulator.requests)
    assert run("hi", env={"QIANWEN_BUDGET": "0"}).code == 4 and len(emulator.requests) == sent


def test_of_several_budgets_the_smallest_counts(run, emulator, work):
    (work / ".env").write_text("QIANWEN_BUDGET=0.01\n")
    assert run("hi").code == 4
    assert run("hi", env={"QIANWEN_BUDGET": "20"}).code == 4
    (work / ".env").write_text("QIANWEN_BUDGET=20\n")
    assert run("hi", env={"QIANWEN_BUDGET": "0.01"}).code == 4
    assert run("hi").code == 0


def test_all_budgets_of_one_file_hold(run, emulator, work):
    for lines in ("QIANWEN_BUDGET=0.01/day\nQIANWEN_BUDGET=300/month\n", "QIANWEN_BUDGET=0.01\nQIANWEN_BUDGET=20\n"):
        (work / ".env").write_text(lines)
        assert run("hi").code == 4 and not emulator.requests
    (work / ".env").write_text("QIANWEN_BUDGET=20/day\nQIANWEN_BUDGET=100/week\nQIANWEN_BUDGET=30\n")
    found = run("--check", "--json").document["budget"]
    assert [(one["amount"], one["period"]) for one in found] == [(20.0, "day"), (100.0, "week")]


def test_without_a_price_a_budget_refuses_unless_told_otherwise(run, emulator):
    done = run("hi", "--model", "qwen3.8-27b", env={"QIANWEN_BUDGET": "20"})
    assert done.code == 4 and "--unpriced" in done.err and not emulator.requests
    assert run("hi", "--model", "qwen3.8-27b", "--unpriced", env={"QIANWEN_BUDGET": "20"}).code == 0


def test_check_tells_what_is_left(run):
    run("hi")
    found = run("--check", "--json", env={"QIANWEN_BUDGET": "20/week"}).document["budget"]
    assert [(one["amount"], one["period"]) for one in found] == [(20.0, "week")]
    assert found[0]["left"] == pytest.approx(20 - found[0]["spent"]) and found[0]["spent"] > 0
    assert "left" in run("--check", env={"QIANWEN_BUDGET": "20/week"}).out


@pytest.mark.parametrize("key, flags, code", [(STANDARD_KEY, (), 4), (STANDARD_KEY, ("--live",), 4), ("sk-your-key-here", (), 3)])
def test_check_tells_all_where_no_budget_can_be_enforced(run, home, read_only, key, flags, code):
    """A key that cannot be used is the first thing to put right; a live call that works makes no budget."""
    folder = home / ".local" / "state" / "qianwen"
    folder.mkdir(parents=True)
    read_only()
    done = run("--check", "--json", *flags, key=key, env={"QIANWEN_BUDGET": "5"})
    (held,) = done.document["budget"]
    assert (done.code, done.document["exit_code"], done.document["ok"]) == (code, code, False), done
    assert held["why"].startswith(f"the budget cannot be enforced: {folder / 'budget.lock'}") and held["left"] == 5
    assert done.document["verdict"] and done.document["endpoint"]["url"] and done.document["error"]["kind"] == {3: "key", 4: "quota"}[code]
    said = run("--check", *flags, key=key, env={"QIANWEN_BUDGET": "5"}).out
    assert "5.00 left" in said and "budget.lock cannot be read or written: Permission denied" in said and "usable:    no" in said


def test_check_tells_all_where_the_spending_cannot_be_read(run, home):
    (home / ".local" / "state" / "qianwen" / "spending.jsonl").mkdir(parents=True)
    done = run("--check", "--json", env={"QIANWEN_BUDGET": "5"})
    assert done.code == 4 and done.document["verdict"] == "go" and "left" not in done.document["budget"][0], done
    assert "spending.jsonl cannot be read" in done.document["budget"][0]["why"] and done.document["error"]["code"] == "Budget"


@pytest.mark.parametrize("name", ["", "qianwen/under-way"], ids=["the folder", "the calls under way"])
def test_check_tells_where_no_call_could_be_put_down(run, tmp_path, name):
    place = tmp_path / "state" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("no folder")
    done = run("--check", "--json", env={"QIANWEN_BUDGET": "5", "XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.code == 4 and not done.document["ok"] and str(place) in done.document["budget"][0]["why"], done


def test_check_makes_no_folder_of_its_own(run, tmp_path):
    assert run("--check", env={"QIANWEN_BUDGET": "5", "XDG_STATE_HOME": str(tmp_path / "state")}).code == 0
    assert not (tmp_path / "state").exists()


def test_a_copy_of_the_records_made_of_links_is_told_with_what_helps(run, home, tmp_path):
    """It can be read; writing would change the copy as well."""
    run("hi")
    folder = home / ".local" / "state" / "qianwen"
    shutil.copytree(folder, tmp_path / "backup", copy_function=os.link)
    before = json.loads(run("--spent", "--json").out)["spent"]
    assert before["by"][0]["calls"] == 1
    done = run("hi", env={"QIANWEN_BUDGET": "5"})
    assert done.code == 0 and f"put a copy in the place of {folder / 'spending.jsonl'} (cp it" in done.err.replace("Put", "put"), done
    shutil.copy(folder / "spending.jsonl", folder / "new")
    os.replace(folder / "new", folder / "spending.jsonl")
    assert run("hi").code == 0
    assert [len((place / "spending.jsonl").read_text().splitlines()) for place in (folder, tmp_path / "backup")] == [2, 1]


@pytest.mark.parametrize("number, advice", [(errno.ENOSPC, "make room on the disk of "), (errno.EACCES, "readable and writable for your user")])
def test_what_to_do_where_no_budget_can_be_enforced_leaves_the_budget_to_the_user(run, home, monkeypatch, number, advice):
    def refuse(*_):
        raise OSError(number, os.strerror(number))
    monkeypatch.setattr(spending_file.UnderWay, "begin", refuse)
    done = run("hi", "--json", env={"QIANWEN_BUDGET": "5"})
    fix = done.document["error"]["fix"]
    assert done.code == 4 and advice in fix and str(home) in fix and "unset" not in fix, done


def test_a_batch_stops_at_the_budget_and_goes_on_later(run, emulator, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(40)))
    batch = ("--batch", "rows.jsonl", "-o", "out", "--json", "--max-tokens", "1000", "--no-think")
    for _ in range(40):
        emulator.reply(text="Hi", usage=usage(100, 900))  # 0.0074 each, held with 0.008
    done = run(*batch, env={"QIANWEN_BUDGET": "0.1"})
    counts = done.document["rows"]
    assert done.code == 4 and done.document["error"]["code"] == "Budget", done
    assert counts["failed"] == 0 and counts["done"] in (12, 13) and counts["not_started"] == 40 - counts["done"]
    assert len(emulator.requests) == counts["done"]
    rest = run(*batch, env={"QIANWEN_BUDGET": "10"})
    assert rest.code == 0 and rest.document["rows"]["kept"] == counts["done"] and len(emulator.requests) == 40


def test_processes_side_by_side_cannot_overshoot(emulator, home, work):
    for _ in range(40):
        emulator.reply(text="Hi", usage=usage(100, 900))
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": STANDARD_KEY,
                   "QWEN_BASE_URL": emulator.url, "QIANWEN_BUDGET": "0.03"}
    running = [subprocess.Popen([sys.executable, str(SCRIPTS["qianwen-text"]), "hi", "--max-tokens", "1000", "--no-think"],
                                env=environment, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(8)]
    codes = sorted(process.wait(120) for process in running)
    assert set(codes) <= {0, 4} and 1 <= codes.count(0) <= 4, codes
    assert sum(line["amount"] for line in spending(home)) <= 0.03


# ---- pictures and films

IMAGE, VIDEO = "qianwen-image-generation", "qianwen-video-generation"
PICTURES = [  # section 9 of the updates, "Images each"
    (("a fox", "-n", "2"), 0.4),  # qwen-image-2.0: 0.20
    (("a fox", "--model", "qwen-image-2.0-pro"), 0.5),
    (("a fox", "--model", "qwen-image-2.1-turbo"), 0.1),
    (("a fox", "--model", "wan2.7-image-pro", "--task"), 0.5),
    (("a fox", "--model", "z-image-turbo"), 0.1),
    (("a fox", "--model", "qwen-image-3.0", "--image", "a.png", "-n", "3"), 0.56),
]


@pytest.mark.parametrize("arguments, amount", PICTURES)
def test_pictures_cost_their_list_price(run, emulator, work, arguments, amount):
    from tests.media_samples import png
    (work / "a.png").write_bytes(png(640, 640))
    done = run(*arguments, "--json", "--poll", "0.05", skill=IMAGE)
    assert done.document["billing"]["cost"]["amount"] == amount, done
    assert spent(run)["total"] == amount and spent(run)["by"][0]["calls"] == 1
    shares = [json.loads((work / entry["sidecar"]).read_text("utf-8"))["billing"]["cost"]["amount"] for entry in done.document["files"]]
    assert shares == pytest.approx([amount / len(shares)] * len(shares), abs=2e-6) and round(sum(shares), 9) == amount


def test_a_film_costs_its_seconds(run, emulator):
    done = run("the sea", "--model", "happyhorse-1.1-t2v", "--resolution", "720P", "--duration", "5", "--json", "--poll", "0.05",
               skill=VIDEO)
    cost = done.document["billing"]["cost"]["amount"]
    assert cost == 4.5 and spent(run)["total"] == cost, done  # 0.9 a second


def test_a_task_counts_from_its_create_and_its_fetching_costs_nothing(run, emulator):
    made = run("a fox", "--model", "wan2.7-image", "--task", "--no-wait", "--json", skill=IMAGE)
    assert spent(run)["total"] == 0.2
    fetched = run("--resume", made.document["task_id"], "--json", "--poll", "0.05", skill=IMAGE)
    assert fetched.code == 0 and fetched.document["billing"]["cost"]["amount"] == 0
    assert "fetched; billed when it was made" in fetched.err
    assert spent(run)["total"] == 0.2 and spent(run)["by"][0]["calls"] == 1


ONE_IMAGE = ("a fox", "--model", "wan2.7-image", "--task", "--poll", "0.05")


@pytest.mark.parametrize("skill, arguments, fault, polls, code, amount", [
    (VIDEO, ("the sea", "--no-wait"), "", (1, 1), 0, 5.0),
    (VIDEO, ("the sea", "--max-wait", "1", "--poll", "0.2"), "", (1, 500), 5, 5.0),
    (VIDEO, ("the sea", "--poll", "0.05"), "download-expired", (1, 1), 9, 5.0),
    (IMAGE, ONE_IMAGE, "download-short", (1, 1), 9, 0.2), (IMAGE, ("a fox", "-n", "2"), "download-short", (1, 1), 9, 0.4),
    (IMAGE, (*ONE_IMAGE, "-n", "3"), "task-partial", (1, 1), 11, 0.4),
    ("qianwen-audio-tts", ("Hello",), "download-expired", (1, 1), 9, 0.0004)])
def test_what_is_paid_is_told_however_the_call_ends(run, emulator, skill, arguments, fault, polls, code, amount):
    emulator.task_polls = polls
    if fault:
        emulator.inject(fault, times=None)
    done = run(*arguments, "--json", skill=skill)
    assert done.code == code, done
    cost = done.document["billing"]["cost"]
    assert (cost["amount"], cost["region"]) == (pytest.approx(amount), "cn-beijing") and ("why" in cost) is (code in (0, 5))
    assert done.err.splitlines()[-1].endswith("CNY (list price 2026-10-09, cn-beijing)"), done
    assert spent(run)["total"] == pytest.approx(amount)
    if code in (5, 9) and skill != "qianwen-audio-tts":
        emulator.faults.clear()
        emulator.task_polls = (1, 1)
        fetched = run("--resume", done.document["resume"].split()[-1], "--json", "--poll", "0.05", skill=skill)
        assert fetched.document["billing"]["cost"] == {"amount": 0.0, "currency": "CNY", "known": True}, fetched


def test_rows_whose_result_can_be_fetched_are_not_paid_again(run, emulator, work):
    (work / "rows.jsonl").write_text('{"prompt": "a fox"}\n')
    emulator.inject("download-short", times=None)
    done = run("--batch", "rows.jsonl", "-o", "out", *ONE_IMAGE[1:], "--json", skill=IMAGE)
    assert done.document["billing"]["cost"]["amount"] == 0.2 and "paid again" not in done.err, done


def day_before(home) -> None:
    """As if what was counted so far had been counted a day earlier."""
    folder = home / ".local" / "state" / "qianwen"
    for path in (folder / "spending.jsonl", *(folder / "tasks").glob("*.json")):
        text = path.read_text("utf-8")
        path.write_text(re.sub(r'"time": ([\d.]+)', lambda found: f'"time": {float(found.group(1)) - 86400}', text), "utf-8")


@pytest.mark.parametrize("fault, cost", [("task-failed", 0), ("accept-then-reset", 0.2)])
def test_a_task_is_settled_for_the_day_of_its_create(run, emulator, home, fault, cost):
    emulator.inject(fault)
    made = run("a fox", "--model", "wan2.7-image", "--task", "--no-wait", "--json", skill=IMAGE)
    day_before(home)
    given = made.document.get("task_id") or made.document["resume"].split()[-1]
    assert run("--resume", given, "--poll", "0.05", skill=IMAGE).code == (0 if cost else 8)
    assert spent(run)["total"] == 0 and not spent(run)["by"], spending(home)
    found = spent(run, "yesterday")
    assert (found["total"], found["calls_in_doubt"], found["by"][0]["calls"]) == (cost, 0, 1)


def test_a_status_that_ends_a_task_settles_it(run, emulator, home):
    emulator.inject("task-failed")
    made = run("a fox", "--model", "wan2.7-image", "--task", "--no-wait", "--json", skill=IMAGE)
    assert spent(run)["total"] == 0.2
    emulator.task_polls = (0, 0)
    for _ in range(5):
        seen = run("--status", made.document["task_id"], "--json", skill=IMAGE).document
        if seen["status"] == "FAILED":
            break
    assert seen["status"] == "FAILED" and "resume" not in seen, seen
    assert spent(run)["total"] == 0 and "nothing is waiting" in run("--tasks", skill=IMAGE).err


@pytest.mark.parametrize("fault, cost", [("task-failed", 0), ("accept-then-reset", 0.2), ("", 0.2)])
def test_a_task_is_settled_once(run, emulator, home, monkeypatch, fault, cost):
    """Whatever another process, or one that was killed before it wrote its record, has settled."""
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 0.5)
    if fault:
        emulator.inject(fault)
    made = run("a fox", "--model", "wan2.7-image", "--task", "--no-wait", "--json", skill=IMAGE)
    (path,) = (home / ".local" / "state" / "qianwen" / "tasks").glob("*.json")
    record = path.read_text("utf-8")
    given = made.document.get("task_id") or made.document["resume"].split()[-1]
    for number in range(3):
        path.write_text(record, "utf-8")
        done = run("--resume", given, "--poll", "0.05", skill=IMAGE)
        assert done.code == (0 if cost and not (number and given.startswith("q-")) else 8), done
        found = spent(run)
        assert (found["total"], found["calls_in_doubt"], found["by"][0]["calls"]) == (cost, 0, 1), spending(home)


def test_a_failed_task_costs_nothing(run, emulator):
    emulator.inject("task-failed")
    assert run("a fox", "--model", "wan2.7-image", "--task", "--poll", "0.05", skill=IMAGE).code == 8
    assert spent(run)["total"] == 0


def test_a_lost_create_is_in_doubt(run, emulator):
    emulator.inject("accept-then-reset")
    run("a fox", "--model", "wan2.7-image", "--task", "--poll", "0.05", skill=IMAGE)
    found = spent(run)
    assert found["calls_in_doubt"] == 1 and found["total"] == 0.2


@pytest.mark.parametrize("skill, flags, each", [(VIDEO, (), 5.0), (IMAGE, ("--model", "wan2.7-image", "--task"), 0.2)])
def test_a_create_that_was_not_taken_is_settled_once(run, emulator, work, monkeypatch, skill, flags, each):
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 0.5)
    (work / "rows.jsonl").write_text('{"prompt": "w1"}\n{"prompt": "w2"}\n')
    batch = ("--batch", "rows.jsonl", "-o", "out", "--retries", 0, "--poll", "0.05", *flags)
    emulator.inject("reset", text="w1")
    assert run(*batch, skill=skill).code == 11 and spent(run)["calls_in_doubt"] == 1
    assert run(*batch, skill=skill).code == 0
    found = spent(run)
    assert (found["total"], found["calls_in_doubt"]) == (pytest.approx(2 * each), 0), found


def test_resume_waits_until_the_list_is_sure_and_settles(run, emulator, monkeypatch):
    monkeypatch.setattr("shared.tasks.finding.LIST_DELAY", 0.5)
    emulator.inject("reset")
    lost = run("a boat", "--json", "--retries", 0, skill=VIDEO)
    given = lost.document["resume"].split()[-1]
    early = run("--status", given, "--json", skill=VIDEO)
    assert early.code == 5 and "does not list the task yet" in early.document["error"]["message"], early
    looked = run("--resume", given, skill=VIDEO)
    assert looked.code == 8 and "costs nothing" in looked.err, looked
    assert (spent(run)["total"], spent(run)["calls_in_doubt"]) == (0, 0)
    assert run("--tasks", "--json", skill=VIDEO).document["tasks"] == []


def test_pictures_keep_to_the_budget(run, emulator):
    done = run("a fox", "-n", "2", "--json", env={"QIANWEN_BUDGET": "0.3"}, skill=IMAGE)
    assert done.code == 4 and done.document["error"]["code"] == "Budget"
    assert not [one for one in emulator.requests if "generation" in one.path]
    assert run("a fox", env={"QIANWEN_BUDGET": "0.3"}, skill=IMAGE).code == 0


def test_speech_costs_its_characters(run, emulator):
    done = run("Hello there", "--json", skill="qianwen-audio-tts")
    cost = done.document["billing"]["cost"]
    assert cost["known"] and cost["amount"] == pytest.approx(spent(run)["total"], abs=1e-6) and cost["amount"] > 0


def test_the_batch_api_costs_half(run, emulator, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(6)))
    direct = run("--batch", "rows.jsonl", "-o", "direct", "--no-think", "--json").document["billing"]
    before = spent(run)["total"]
    assert "prices_of" not in run("--batch", "rows.jsonl", "-o", "direct", "--no-think", "--estimate", "--json").document["estimate"]
    asked = {way: run("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--estimate", "--json", *way).document["estimate"]["high"]
             for way in ((), ("--batch-api",))}
    assert asked["--batch-api",] == pytest.approx(asked[()] / 2, abs=1e-6)
    done = run("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.2", "--json")
    cost = done.document["billing"]["cost"]["amount"]
    assert done.code == 0 and direct["units"] == done.document["billing"]["units"], done
    assert cost == pytest.approx(direct["cost"]["amount"] / 2, abs=1e-5)
    assert spent(run)["total"] - before == pytest.approx(cost, abs=1e-5)


def test_jobs_that_run_tell_what_they_are_counted_with(run, emulator, work):
    (work / "rows.jsonl").write_text('{"prompt": "a"}\n')
    done = run("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--no-wait", "--json")
    cost = done.document["billing"]["cost"]
    assert cost["amount"] == spent(run)["total"] > 0 and "billed when it is done" in cost["why"], done
    assert done.err.splitlines()[-1].endswith("CNY (list price 2026-10-09, cn-beijing)"), done


def test_jobs_are_settled_for_the_day_of_their_create(run, emulator, home, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(6)))
    batch = ("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.2", "--json")
    assert run(*batch, "--no-wait").code == 0
    day_before(home)
    done = run(*batch)
    assert done.code == 0 and spent(run)["total"] == 0 and not spent(run)["by"], done
    found = spent(run, "yesterday")
    assert found["total"] == pytest.approx(done.document["billing"]["cost"]["amount"], abs=1e-5) and found["by"][0]["calls"] == 6


def test_a_create_that_came_to_nothing_is_counted_no_more(run, emulator, work, monkeypatch):
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.0)
    (work / "rows.jsonl").write_text('{"prompt": "a row"}\n{"prompt": "another"}\n')
    batch = ("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.2", "--json")
    emulator.inject("500", path="/batches", times=1)
    assert run(*batch).code == 8 and spent(run)["calls_in_doubt"] == 1
    done, found = run(*batch), spent(run)
    assert done.code == 0 and len(emulator.batches) == 1, done
    assert found["total"] == pytest.approx(done.document["billing"]["cost"]["amount"], abs=1e-5) and found["calls_in_doubt"] == 0


def test_jobs_keep_to_the_budget(run, emulator, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(6)))
    batch = ("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.2", "--json")
    done = run(*batch, env={"QIANWEN_BUDGET": "0.05"})  # six rows of 4,096 tokens at half of 8 a million: 0.098
    assert done.code == 4 and done.document["error"]["code"] == "Budget" and not emulator.requests, done
    assert run(*batch, env={"QIANWEN_BUDGET": "0.2"}).code == 0


def test_a_job_over_the_budget_is_not_uploaded_beside_one_that_runs(run, emulator, work):
    (work / "rows.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b", "model": "qwen3.6-plus"}\n')
    batch = ("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.2", "--json")
    done = run(*batch, env={"QIANWEN_BUDGET": "0.03"})  # 4,096 tokens at half of 8, then of 12 a million: 0.016 and 0.025
    uploads = [one for one in emulator.requests if one.method == "POST" and one.path.endswith("/files")]
    assert done.code == 4 and len(uploads) == 1 == len(emulator.batches), done
    assert "this call was not sent" in done.document["error"]["fix"] and "nothing was sent" not in done.err
    assert run(*batch, env={"QIANWEN_BUDGET": "1"}).code == 0 and len(emulator.batches) == 2
    assert spent(run)["calls_in_doubt"] == 0


def test_what_is_done_is_fetched_before_the_rest_waits_for_the_budget(run, emulator, work):
    (work / "rows.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b", "model": "qwen3.6-plus"}\n')
    batch = ("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.05", "--json")
    held = {"QIANWEN_BUDGET": "0.03"}  # 0.016 and 0.025
    made = run(*batch, "--no-wait", env=held)
    assert made.code == 4 and made.document["billing"]["cost"]["amount"] > 0, made
    given = made.document["task_id"]
    done = run("--resume", given, "--poll", "0.05", "--json", env=held)
    assert (done.code, done.document["rows"]["done"], done.document["rows"]["not_started"]) == (4, 1, 1), done
    assert done.document["error"]["code"] == "Budget" and given in done.document["error"]["fix"], done
    first, paid = done.document["billing"]["cost"]["amount"], len(emulator.creates)
    waits = run("--resume", given, "--poll", "0.05", "--json", env={"QIANWEN_BUDGET": "0.01"})
    assert waits.code == 4 and len(emulator.creates) == paid and emulator.files, waits
    rest = run(*batch, env=held)
    assert rest.code == 0 and (rest.document["rows"]["kept"], rest.document["rows"]["done"]) == (1, 1) and not emulator.files, rest
    assert spent(run)["total"] == pytest.approx(first + rest.document["billing"]["cost"]["amount"], abs=1e-6)


def test_a_job_that_waits_for_the_budget_can_be_cancelled(run, emulator, home, work):
    (work / "rows.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b", "model": "qwen3.6-plus"}\n')
    done = run("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.05", "--json", env={"QIANWEN_BUDGET": "0.03"})
    assert done.code == 4 and done.document["rows"]["done"] == 1, done
    given = re.search(r"--resume (\S+)", done.document["error"]["fix"]).group(1)
    assert run("--cancel", given).code == 0 and not emulator.files
    assert run("--tasks", "--json").document["tasks"] == []


def without_choices(line: bytes) -> bytes:
    found = json.loads(line)
    del found["response"]["body"]["choices"]
    return json.dumps(found).encode() + b"\n"


@pytest.mark.parametrize("change, doubts", [
    (None, 0), (without_choices, 0), (lambda line: line.replace(b'"usage"', b'"not_usage"'), 1),
    (lambda line: line[:90] + b"\n", 1), (lambda line: b"", 1)])
def test_answers_of_which_no_row_is_made_are_counted(run, emulator, work, monkeypatch, change, doubts):
    """Its row is gone, or its line has another form; what does not tell its cost is in doubt, with the estimate of a row."""
    write = lambda count: (work / "rows.csv").write_text("id,word\n" + "".join(f"r{number},w\n" for number in range(count)))
    write(3)
    batch = ("Say {word}", "--batch", "rows.csv", "-o", "jobs", "--no-think", "--batch-api", "--max-tokens", "5000", "--poll", "0.05", "--json")
    for _ in range(3):
        emulator.reply(text="Hi", usage=usage(1000, 1000))  # at half of 2 and 8 a million: 0.005
    given = run(*batch, "--no-wait").document["task_id"]
    each = spent(run)["total"] / 3
    if change:
        fetch = Jobs.fetch

        def altered(jobs, file_id, file):
            fetch(jobs, file_id, file)
            file.seek(0)
            lines = file.readlines()
            file.seek(0)
            file.truncate()
            file.writelines([lines[0], change(lines[1]), *lines[2:]])
        monkeypatch.setattr(Jobs, "fetch", altered)
    else:
        write(1)
    run("--resume", given, "--poll", "0.05", "--json")
    found = spent(run)
    assert found["total"] == pytest.approx(each + 0.01 if doubts else 0.015, abs=1e-6) and found["calls_in_doubt"] == doubts, found
    assert found["by"][0]["calls"] == 3
    if not change:
        lines = [json.loads(line) for line in (work / "jobs" / "results.jsonl").read_text("utf-8").splitlines()]
        assert [line["billing"]["cost"]["amount"] for line in lines] == [0.005] * 3


def test_pictures_that_are_gone_do_not_take_the_cost_of_their_rows_along(run, emulator, work):
    from tests.media_samples import png
    for number in range(2):
        (work / f"p{number}.png").write_bytes(png(64, 64))
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": "What?", "image": f"p{number}.png"}) + "\n" for number in range(2)))
    for _ in range(2):
        emulator.reply(text="Hi", usage=usage(1000, 1000))
    vision = {"skill": "qianwen-vision"}
    given = run("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--no-wait", "--json", **vision).document["task_id"]
    (work / "p1.png").unlink()
    done = run("--resume", given, "--poll", "0.05", "--json", **vision)
    assert done.code == 0 and done.document["billing"]["cost"]["amount"] == spent(run)["total"] == 0.01, done


def test_a_create_that_came_to_nothing_is_counted_no_more_after_cancel(run, emulator, work, monkeypatch):
    monkeypatch.setattr("shared.batch.service.LIST_DELAY", 0.0)
    (work / "rows.jsonl").write_text('{"prompt": "a row"}\n')
    emulator.inject("500", path="/batches", times=1)
    lost = run("--batch", "rows.jsonl", "-o", "jobs", "--no-think", "--batch-api", "--poll", "0.2", "--json")
    assert lost.code == 8 and spent(run)["calls_in_doubt"] == 1
    assert run("--cancel", lost.document["task_id"]).code == 0 and not emulator.batches
    assert (spent(run)["total"], spent(run)["calls_in_doubt"]) == (0, 0)


@pytest.mark.parametrize("skill, flags", [
    ("qianwen-text", ("--document", "notes.txt")), ("qianwen-vision", ("--image", "large.png")), (IMAGE, ("--image", "large.png")),
    (IMAGE, ("--image", "large.png", "--model", "wan2.7-image", "--task")), (VIDEO, ("--image", "large.png"))])
def test_nothing_is_uploaded_for_a_call_over_the_budget(run, emulator, work, skill, flags):
    from tests.media_samples import png
    (work / "notes.txt").write_text("one line")
    (work / "large.png").write_bytes(png(600, 500) + bytes(9_000_000))
    done = run("What?", *flags, "--json", env={"QIANWEN_BUDGET": "0.001"}, skill=skill)
    assert done.code == 4 and done.document["error"]["code"] == "Budget" and not emulator.requests, done


def test_what_a_batch_says_at_the_budget_is_true(run, emulator, work):
    (work / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"row {number}"}) + "\n" for number in range(3)))
    emulator.reply(text="Hi", usage=usage(100, 900))
    done = run("--batch", "rows.jsonl", "-o", "out", "--max-tokens", "1000", "--no-think", "--concurrency", "1",
               env={"QIANWEN_BUDGET": "0.01"})
    assert done.code == 4 and len(emulator.requests) == 1, done
    assert "this call was not sent" in done.err and "nothing was sent" not in done.err
