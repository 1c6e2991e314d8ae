"""What a call costs before it is made: the price table of the contract (section 10), model by model and tier by tier."""
from __future__ import annotations

import pytest

from tests.test_video_request import (A, CLIP, E, FIRST, LAST, MASK, MOVING, SOUND, TAKES, I, R, T, ask_of, find_model)
from video_models import TABLE
from video_prices import estimate, together, words, words_for_rows
from video_request import build_request

_WAN = {"720P": 0.6, "1080P": 1.0}
_WITH_480 = {"480P": 0.3, **_WAN}
_FLASH, _SILENT = {"720P": 0.30, "1080P": 0.50}, {"720P": 0.15, "1080P": 0.25}
_PLUS = {"480P": 0.14, "1080P": 0.70}
_SMALL = {"480P": 0.10, "720P": 0.20, "1080P": 0.48}
_TURBO = {"480P": 0.24, "720P": 0.24}
_HORSE, _HORSE_OLD = {"480P": 0.45, "720P": 0.9, "1080P": 1.2}, {"720P": 0.9, "1080P": 1.6}
VACE = dict(T, function="image_reference", references=[A])
PRICES = {  # model -> what it is asked, yuan a second by tier, the tier that is taken when none is named
    "wan2.7-t2v": (T, _WAN, "1080P"), "wan2.7-i2v": (I, _WAN, "1080P"), "wan2.6-t2v": (T, _WAN, "1080P"), "wan2.6-i2v": (I, _WAN, "1080P"),
    "wan2.5-t2v-preview": (T, _WITH_480, "1080P"), "wan2.5-i2v-preview": (I, _WITH_480, "1080P"),
    "wan2.7-r2v": (R, _WAN, "1080P"), "wan2.6-r2v": (R, _WAN, "1080P"),
    "wan2.6-i2v-flash": (I, _FLASH, "1080P"), "wan2.6-r2v-flash": (R, _FLASH, "1080P"),
    "wan2.2-t2v-plus": (T, _PLUS, "1080P"), "wanx2.1-t2v-turbo": (T, _TURBO, "720P"),
    "wanx2.1-t2v-plus": (T, {"720P": 0.70}, "720P"), "wanx2.1-i2v-plus": (I, {"720P": 0.70}, "720P"),
    "wanx2.1-kf2v-plus": (dict(I, last_frame=LAST), {"720P": 0.70}, "720P"), "wanx2.1-vace-plus": (VACE, {"720P": 0.70}, "720P"),
    "wan2.2-i2v-flash": (I, _SMALL, "720P"), "wan2.2-kf2v-flash": (I, _SMALL, "720P"), "wan2.2-i2v-plus": (I, _PLUS, "1080P"),
    "wanx2.1-i2v-turbo": (I, _TURBO, "720P"), "wan3.0-video": (T, {"480P": 0.3, "720P": 0.6, "1080P": 1.2}, "1080P"),
    "happyhorse-1.1-t2v": (T, _HORSE, "1080P"), "happyhorse-1.1-i2v": (I, _HORSE, "1080P"), "happyhorse-1.1-r2v": (R, _HORSE, "1080P"),
    "happyhorse-1.0-t2v": (T, _HORSE_OLD, "1080P"), "happyhorse-1.0-i2v": (I, _HORSE_OLD, "1080P"), "happyhorse-1.0-r2v": (R, _HORSE_OLD, "1080P"),
}
FOLLOWS = {"wan2.7-videoedit", "happyhorse-1.0-video-edit", "wan2.2-animate-move", "wan2.2-animate-mix", "wan2.2-s2v", "video-style-transform"}
UNPRICED = {"wan3.0-video-prime", "wan2.6-t2v-us", "wan2.6-i2v-us", "kling/kling-v3-video-generation", "kling/kling-v3-omni-video-generation",
            "vidu/viduq3-pro_img2video", "MiniMax/MiniMax-H3"}


def price(model, input_seconds=0.0, **fields):
    ask = ask_of(model, **fields)
    row = find_model(ask.model_name())[0]
    return estimate(row, build_request(ask, row)[0], input_seconds)


def test_every_row_has_a_price_or_is_known_to_have_none():
    assert set(PRICES) | FOLLOWS | UNPRICED == {one.id for one in MODELS}
    assert {one.id for one in MODELS if one.price is None} == UNPRICED


@pytest.mark.parametrize("model", PRICES)
def test_price_of_each_tier(model):
    fields, tiers, default = PRICES[model]
    for tier, each in tiers.items():
        found = price(model, **fields, resolution=tier)
        assert (found["known"], found["each_second"], found["seconds"], found["input_seconds"]) == (True, each, 5, 0)
        assert found["total"] == pytest.approx(5 * each) and found["resolution"] == tier
    found = price(model, **fields)
    assert (found["resolution"], found["each_second"], found["total"]) == (default, tiers[default], pytest.approx(5 * tiers[default]))
    assert found["currency"] == "CNY" and found["region"] == "cn-beijing" and found["model"] == model


@pytest.mark.parametrize("model, fields", [("wan2.6-i2v-flash", I), ("wan2.6-r2v-flash", R)])
def test_flash_without_sound_is_half_the_price(model, fields):
    for tier, each in _SILENT.items():
        silent = [price(model, **fields, resolution=tier, sound=False), price(model, **fields, resolution=tier, settings=["audio=false"])]
        assert [found["each_second"] for found in silent] == [each, each]
        loud = [price(model, **fields, resolution=tier), price(model, **fields, resolution=tier, sound=True)]
        assert [found["each_second"] for found in loud] == [_FLASH[tier]] * 2


CALLS = [  # model, seconds of the videos given, fields, billed seconds, of them of the input, total
    ("wan2.7-t2v", 0, dict(T, duration=15), 15, 0, 15.0), ("wan2.7-t2v", 0, dict(T, duration=2, resolution="720P"), 2, 0, 1.2),
    ("wan2.7-i2v", 3, dict(E, duration=15), 15, 0, 15.0), ("wan2.7-i2v", 0, dict(I, settings=["duration=10", "resolution=720P"]), 10, 0, 6.0),
    # the input of references is billed up to 5 seconds
    ("wan2.7-r2v", 4, dict(T, references=[MOVING], duration=10), 14, 4, 14.0), ("wan2.7-r2v", 5, dict(T, references=[MOVING],
    duration=10), 15, 5, 15.0),
    ("wan2.7-r2v", 30, dict(T, references=[MOVING, MOVING], duration=10, resolution="720P"), 15, 5, 9.0),
    ("wan2.7-r2v", 0, dict(R, duration=15), 15, 0, 15.0),
    ("wan2.6-r2v", 12, dict(T, references=[MOVING]), 10, 5, 10.0), ("wan2.6-r2v-flash", 12, dict(T, references=[MOVING], sound=False), 10, 5, 2.5),
    ("wan2.6-r2v-flash", 2, dict(T, references=[MOVING], resolution="720P"), 7, 2, 2.1),
    # an edit is as long as its input unless it is cut
    ("wan2.7-videoedit", 4, E, 8, 4, 8.0), ("wan2.7-videoedit", 4, dict(E, duration=0, resolution="720P"), 8, 4, 4.8),
    ("wan2.7-videoedit", 10, E, 20, 10, 20.0),
    ("wan2.7-videoedit", 4, dict(E, duration=2), 4, 2, 4.0), ("wan2.7-videoedit", 4, dict(E, duration=10), 8, 4, 8.0),
    ("happyhorse-1.0-video-edit", 4, E, 8, 4, 12.8), ("happyhorse-1.0-video-edit", 15, dict(E, resolution="720P"), 30, 15, 27.0),
    ("happyhorse-1.0-video-edit", 60, dict(E, resolution="720P"), 30, 15, 27.0),
    ("wan3.0-video", 4, dict(T, references=[MOVING], resolution="480P"), 9, 4, 2.7), ("wan3.0-video", 12, dict(T, references=[MOVING],
    duration=18), 30, 12, 36.0),
    # as long as the video or sound given
    ("wan2.2-animate-move", 5.2, dict(image=FIRST, video=CLIP), 5.2, 0, 2.08),
    ("wan2.2-animate-move", 5, dict(image=FIRST, video=CLIP, quality="wan-pro"), 5, 0, 3.0),
    ("wan2.2-animate-move", 5, dict(image=FIRST, video=CLIP, settings=["mode=wan-pro"]), 5, 0, 3.0),
    ("wan2.2-animate-mix", 10, dict(image=FIRST, video=CLIP), 10, 0, 6.0),
    ("wan2.2-animate-mix", 10, dict(image=FIRST, video=CLIP, quality="wan-pro"), 10, 0, 9.0),
    ("wan2.2-s2v", 10, dict(image=FIRST, audio=SOUND), 10, 0, 5.0), ("wan2.2-s2v", 10, dict(image=FIRST, audio=SOUND, resolution="720P"), 10, 0, 9.0),
    ("video-style-transform", 10, dict(video=CLIP), 10, 0, 5.0),
    ("video-style-transform", 10, dict(video=CLIP, settings=["min_len=540"]), 10, 0, 2.0),
    ("wanx2.1-vace-plus", 3, dict(E, function="video_edit", mask=MASK), 5, 0, 3.5),
    # sizes in pixels, however they are told
    ("wan2.6-t2v", 0, dict(T, size=(1088, 832)), 5, 0, 3.0), ("wan2.6-t2v", 0, dict(T, settings=["size=1280*720"]), 5, 0, 3.0),
    ("wan2.2-t2v-plus", 0, dict(T, settings=["size=624*624"]), 5, 0, 0.7),
    ("wan2.6-t2v", 0, dict(request={"model": "wan2.6-t2v", "input": {}, "parameters": {"size": "1280*720", "duration": 10}}), 10, 0, 6.0),
    ("wan2.7-t2v", 0, dict(request={"input": {}, "parameters": {"resolution": "720P", "duration": 10}}), 10, 0, 6.0),
    ("wan2.6-t2v", 0, dict(request={"input": {}}, size=(1280, 720), duration=2), 2, 0, 1.2),
]


@pytest.mark.parametrize("model, given, fields, seconds, of_input, total", CALLS, ids=[f"{one[0]}-{number}" for number, one in enumerate(CALLS)])
def test_price_of_a_call(model, given, fields, seconds, of_input, total):
    found = price(model, given, **fields)
    assert (found["known"], found["seconds"], found["input_seconds"], found["total"]) == (
        True, pytest.approx(seconds), pytest.approx(of_input), pytest.approx(total))
    said = words(found)
    assert f"{total:g} yuan" in said and f"{seconds:g} seconds" in said and model in said and found["prices_of"] in said
    assert (f"{of_input:g} of them" in said) == bool(of_input)


@pytest.mark.parametrize("name, like", [("wan2.7-t2v-2026-06-12", "wan2.7-t2v"), ("wan2.1-t2v-turbo", "wanx2.1-t2v-turbo")])
def test_snapshot_costs_what_its_model_does(name, like):
    assert price(name, **T) == {**price(like, **T), "model": name}


@pytest.mark.parametrize("model, fields", [(model, TAKES[model][0] if model in TAKES else dict(T, resolution="2K", duration=5))
                                           for model in sorted(UNPRICED)] + [("wan9-t2v", T), ("happyhorse-2.0-t2v", T)])
def test_price_that_is_not_known(model, fields):
    found = price(model, 3.0, **fields)
    assert found["known"] is False and "total" not in found and "not in the table" in found["why"]
    assert model in words(found) and found["why"] in words(found)


@pytest.mark.parametrize("model, fields", [
    ("wan2.7-videoedit", E), ("happyhorse-1.0-video-edit", E), ("wan2.2-animate-move", dict(image=FIRST, video=CLIP)),
    ("wan2.2-s2v", dict(image=FIRST, audio=SOUND)), ("video-style-transform", dict(video=CLIP)), ("wan3.0-video", dict(T, duration=-1))])
def test_length_that_is_not_known(model, fields):
    """An address tells no length: the price of a second is all that can be said."""
    found = price(model, 0.0, **fields)
    assert found["known"] is False and "how long" in found["why"] and "total" not in found
    assert f"{found['each_second']:g} yuan a second" in words(found)


def test_length_that_the_model_decides_is_not_that_of_the_input():
    found = price("wan3.0-video", 4.0, prompt="P", references=[MOVING], duration=-1)
    assert found["known"] is False and found["each_second"] == 1.2


@pytest.mark.parametrize("model, fields", [
    ("wan2.7-r2v", dict(T, references=[MOVING])), ("wan2.6-r2v", dict(T, references=[MOVING])), ("wan2.7-videoedit", dict(E, duration=5)),
    ("wan3.0-video", dict(T, references=[A, MOVING]))])
def test_input_of_unknown_length_is_no_free_input(model, fields):
    """It is billed too, so a sum without it would be too low."""
    found = price(model, 0.0, **fields)
    assert found["known"] is False and "total" not in found and found["each_second"] == pytest.approx(1.2 if model == "wan3.0-video" else 1.0)


@pytest.mark.parametrize("given", [
    {"model": "wan2.7-videoedit", "input": {"media": [{"type": "video", "url": CLIP}]}, "parameters": {"duration": 5}},
    {"model": "wan2.7-r2v", "input": {"media": [{"type": "reference_video", "url": MOVING}]}},
    {"model": "wan2.6-r2v", "input": {"reference_urls": [A, MOVING]}}, {"model": "happyhorse-1.0-video-edit", "input": {}},
    {"model": "wan2.2-s2v", "input": {"audio_url": SOUND}}], ids=lambda given: given["model"])
def test_request_with_a_video_has_no_known_price(given):
    found = price(None, request=given)
    assert found["known"] is False and "how long" in found["why"]


def test_one_video_that_cannot_be_measured_is_enough():
    """Its address need not tell that it is one."""
    for model, fields in (("wan2.6-r2v", R), ("wan2.7-videoedit", E), ("wan2.2-animate-move", dict(image=FIRST, video=CLIP))):
        assert price(model, None, **fields)["known"] is False
    assert price("wan2.7-i2v", None, **dict(E, mode="i2v"))["total"] == 5


@pytest.mark.parametrize("setting", ["duration=abc", "duration=null", "duration={}", "duration=true", "resolution=null", "resolution=[]",
                                     "resolution=9", "resolution=8K", "size=9", "size=x", "audio=1", "min_len=[]"])
@pytest.mark.parametrize("model, fields", [("wan2.7-t2v", T), ("wan2.6-t2v", T), ("wan2.6-i2v-flash", I),
    ("video-style-transform", dict(video=CLIP))])
def test_price_of_a_broken_setting_is_no_crash(model, fields, setting):
    said = words(price(model, 4.0, **fields, settings=[setting]))
    assert said.count(model) == 1 and "nan" not in said


def test_rows_are_summed_and_unknown_ones_counted():
    found = together([price("wan2.7-t2v", **T), price("wan2.7-t2v", **T, resolution="720P", duration=10),
        price("wan2.7-r2v", 4.0, prompt="P", references=[MOVING]),
                      price("wan9-t2v", **T), price("wan2.2-s2v", image=FIRST, audio=SOUND)])
    assert {name: found[name] for name in ("rows", "seconds", "total", "rows_without_price", "known", "currency")} == {
        "rows": 5, "seconds": 24.0, "total": pytest.approx(20.0), "rows_without_price": 2, "known": False, "currency": "CNY"}
    assert all(word in words_for_rows(found) for word in ("20 yuan", "5 rows", "24 seconds", "2 rows is not known", found["prices_of"]))


def test_sum_of_known_rows_says_nothing_of_unknown_ones():
    found = together(price("wan2.7-t2v", **T, resolution="720P") for _ in range(3))
    assert found["known"] and found["total"] == pytest.approx(9.0) and "not known" not in words_for_rows(found)
    assert together([])["total"] == 0 and together([])["rows"] == 0


def test_estimate_changes_nothing():
    ask = ask_of(**dict(T, duration=5))
    model = find_model(ask.model_name())[0]
    call = build_request(ask, model)[0]
    assert estimate(model, call, 3.0) == estimate(model, call, 3.0)
    assert call.body == {"model": "wan2.7-t2v", "input": {"prompt": "P"}, "parameters": {"duration": 5}}
