"""What a call costs before it is made: the price table of the contract (section 10), model by model and tier by tier."""
from __future__ import annotations

import pytest
from shared.failures import Failure
from shared.money.cost import document
from tests.folding import each
from tests.test_video_request import (A, CLIP, E, FIRST, LAST, MASK, MOVING, SOUND, I, R, T, ask_of)
from video_models import TABLE
from video_prices import charged, cheaper_words, cheapest, estimate, given_seconds, words
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
    "wan3.0-video-prime": (T, {"480P": 0.45, "720P": 0.9, "1080P": 1.8}, "1080P"),
    "happyhorse-1.1-t2v": (T, _HORSE, "1080P"), "happyhorse-1.1-i2v": (I, _HORSE, "1080P"), "happyhorse-1.1-r2v": (R, _HORSE, "1080P"),
    "happyhorse-1.0-t2v": (T, _HORSE_OLD, "1080P"), "happyhorse-1.0-i2v": (I, _HORSE_OLD, "1080P"), "happyhorse-1.0-r2v": (R, _HORSE_OLD, "1080P"),
}
FOLLOWS = {"wan2.7-videoedit", "happyhorse-1.0-video-edit", "wan2.2-animate-move", "wan2.2-animate-mix", "wan2.2-s2v", "video-style-transform"}
OTHERS = {"kling/kling-v3-turbo-video-generation"}  # by a mode, below
UNPRICED = {"wan2.6-t2v-us", "wan2.6-i2v-us", "kling/kling-v3-video-generation", "kling/kling-v3-omni-video-generation",
            "vidu/viduq3-pro_img2video", "MiniMax/MiniMax-H3", "vidu/viduq3-pro-fast_img2video",
            "vidu/viduq3-drama_reference2video", "vidu/viduq3-ad_reference2video", "pixverse/pixverse-v6-r2v-omni"}


def price(model, given=0.0, region="cn-beijing", **fields):
    """The Cost. `given`: seconds of the videos given, as one number or as (least, most)."""
    ask = ask_of(model, **fields)
    row = TABLE.find(ask.model_name())[0]
    return estimate(row, build_request(ask, row)[0], given if isinstance(given, tuple) else (given, given), region)


def given_of(model=None, **fields):
    ask = ask_of(model, **fields)
    row = TABLE.find(ask.model_name())[0]
    return given_seconds(ask, build_request(ask, row)[0], row)


def test_every_row_has_a_price_or_is_known_to_have_none():
    assert set(PRICES) | FOLLOWS | OTHERS | UNPRICED == set(TABLE)
    assert {row.id for row in TABLE.live(lambda row: row.price is None)} == UNPRICED


@each("model", PRICES)
def test_price_of_each_tier(model):
    fields, tiers, default = PRICES[model]
    seconds = fields.get("duration", 5)
    for tier, each in [*tiers.items(), (None, tiers[default])]:
        found = price(model, **fields, **({"resolution": tier} if tier else {}))
        assert found.low == found.high == pytest.approx(seconds * each) and found.units == {"seconds": seconds}
        assert (found.as_of, found.region, found.about) == ("2026-10-09", "cn-beijing", False)


def test_modes_of_kling_turbo_have_their_prices():
    turbo = "kling/kling-v3-turbo-video-generation"
    assert [price(turbo, **T, duration=10, **more).high for more in ({}, {"quality": "std"}, {"quality": "pro"})] == [10, 8, 10]
    assert TABLE.find(turbo)[0].doubt


@pytest.mark.parametrize("model, fields", [("wan2.6-i2v-flash", I), ("wan2.6-r2v-flash", R)])
def test_flash_without_sound_is_half_the_price(model, fields):
    for tier, each in _SILENT.items():
        for more in (dict(sound=False), dict(settings=["audio=false"])):
            assert price(model, **fields, resolution=tier, **more).high == pytest.approx(5 * each)
        for more in ({}, dict(sound=True)):
            assert price(model, **fields, resolution=tier, **more).high == pytest.approx(5 * _FLASH[tier])


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


@each("model, given, fields, seconds, of_input, total", CALLS, ids=[f"{one[0]}-{number}" for number, one in enumerate(CALLS)])
def test_price_of_a_call(model, given, fields, seconds, of_input, total):
    found = price(model, given, **fields)
    assert found.low == found.high == pytest.approx(total) and found.units == {"seconds": pytest.approx(seconds)}
    said = words(TABLE.find(model)[0], "720P", found)
    assert said == f"{seconds:g} seconds of {model} (720P)"


@pytest.mark.parametrize("name, like", [("wan2.7-t2v-2026-06-12", "wan2.7-t2v"), ("wan2.1-t2v-turbo", "wanx2.1-t2v-turbo"),
                                        ("wan2.7-t2v-2026-12-01", "wan2.7-t2v")])
def test_snapshot_costs_what_its_model_does(name, like):
    assert price(name, **T) == price(like, **T)


@pytest.mark.parametrize("model, fields", [("wan2.6-t2v-us", T), ("vidu/viduq3-pro_img2video", T), ("wan9-t2v", T), ("happyhorse-2.0-t2v", T),
                                           ("MiniMax/MiniMax-H3", dict(T, resolution="2K", duration=5))])
def test_price_that_is_not_known(model, fields):
    found = price(model, 3.0, **fields)
    assert not found.known and "not in the table" in found.why and words(TABLE.find(model)[0], "", found) == model


def test_other_regions_have_no_price_here():
    found = price("wan2.7-t2v", region="ap-southeast-1", **T)
    assert not found.known and found.region == "ap-southeast-1" and "Beijing" in found.why
    assert "gateway" in price("wan2.7-t2v", region="", **T).why


@pytest.mark.parametrize("model, fields, low, high", [
    ("wan2.7-videoedit", E, 4, 20), ("wan2.7-videoedit", dict(E, duration=5), 4, 10), ("happyhorse-1.0-video-edit", E, 9.6, 48),
    ("wan2.2-animate-move", dict(image=FIRST, video=CLIP), 0.8, 12), ("wan2.2-s2v", dict(image=FIRST, audio=SOUND), 0.05, 9.995),
    ("video-style-transform", dict(video=CLIP), 0.05, 15), ("wan2.7-r2v", dict(T, references=[MOVING]), 6, 10),
    ("wan2.6-r2v", dict(T, references=[MOVING]), 6, 10), ("wan2.6-r2v", dict(T, references=["https://h/unnamed"]), 6, 10),
    ("wan3.0-video", dict(T, duration=-1), 2.4, 36)])
def test_length_that_is_not_known_lies_between_the_limits_of_the_model(model, fields, low, high):
    """An address tells no length, and wan3.0 may choose its own."""
    found = price(model, given_of(model, **fields), **fields)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_a_model_that_chooses_keeps_to_its_bound_of_what_goes_in_and_comes_out():
    found = price("wan3.0-video", 4.0, prompt="P", references=[MOVING], duration=-1)
    assert (found.low, found.high) == (pytest.approx((2 + 4) * 1.2), pytest.approx(30 * 1.2))


@pytest.mark.parametrize("given, low, high", [
    ({"model": "wan2.7-videoedit", "input": {"media": [{"type": "video", "url": CLIP}]}, "parameters": {"duration": 5}}, 4, 10),
    ({"model": "wan2.7-r2v", "input": {"media": [{"type": "reference_video", "url": MOVING}] * 2}}, 6, 10),
    ({"model": "wan2.6-r2v", "input": {"reference_urls": [A, MOVING]}}, 6, 10),
    ({"model": "wan3.0-video", "input": {"media": [{"type": "reference_video", "url": MOVING}] * 2}}, None, None),
    ({"model": "happyhorse-1.0-video-edit", "input": {}}, None, None),
    ({"model": "wan2.2-s2v", "input": {"audio_url": SOUND}}, 0.05, 9.995)], ids=lambda given: str(given)[:40])
def test_request_with_a_video(given, low, high):
    found = price(None, given_of(request=given), request=given)
    assert (found.low, found.high) == (low and pytest.approx(low), high and pytest.approx(high))
    assert found.known or "how long" in found.why and "1.2" in found.why or "1.6" in found.why


def test_length_of_a_continued_clip_does_not_matter():
    assert price("wan2.7-i2v", (2, 10), **dict(E, mode="i2v")).high == 5


@each("setting", ["duration=abc", "duration=null", "duration={}", "duration=true", "resolution=null", "resolution=[]",
                  "resolution=9", "resolution=8K", "size=9", "size=x", "audio=1", "min_len=[]"])
@each("model, fields", [("wan2.7-t2v", T), ("wan2.6-t2v", T), ("wan2.6-i2v-flash", I),
    ("video-style-transform", dict(video=CLIP))])
def test_price_of_a_broken_setting_is_no_crash(model, fields, setting):
    said = words(TABLE.find(model)[0], "", price(model, 4.0, **fields, settings=[setting]))
    assert said.count(model) == 1 and "nan" not in said


def test_estimate_changes_nothing():
    ask = ask_of(**dict(T, duration=5))
    model = TABLE.find(ask.model_name())[0]
    call = build_request(ask, model)[0]
    assert estimate(model, call, (3.0, 3.0)) == estimate(model, call, (3.0, 3.0))
    assert call.body == {"model": "wan2.7-t2v", "input": {"prompt": "P"}, "parameters": {"duration": 5}}


# ---- after the call --------------------------------------------------------------------------------------------------

CHARGES = [  # model, parameters, usage as section 6 of the contract has it -> seconds, CNY
    ("wan2.7-t2v", {"resolution": "720P"},
     {"duration": 5, "input_video_duration": 0, "output_video_duration": 5, "SR": 720, "ratio": "16:9"}, 5, 3.0),
    ("wan2.7-t2v", {}, {"duration": 5, "output_video_duration": 5, "SR": 720}, 5, 3.0),  # usage tells the resolution
    ("wan2.7-i2v", {}, {"duration": 8, "input_video_duration": 3, "output_video_duration": 8, "SR": 1080}, 8, 8.0),
    ("wan2.7-r2v", {}, {"duration": 18, "input_video_duration": 8, "output_video_duration": 10, "SR": 1080}, 15, 15.0),
    ("wan2.7-videoedit", {}, {"duration": 8.02, "input_video_duration": 4.01, "output_video_duration": 4.01, "SR": 720}, 8.02, 4.812),
    ("happyhorse-1.0-video-edit", {}, {"duration": 35.0, "input_video_duration": 20.0, "output_video_duration": 15.0, "SR": 720}, 30, 27.0),
    ("wan3.0-video", {}, {"duration": 9.5, "input_video_duration": 4.5, "output_video_duration": 5.0, "SR": 480}, 9.5, 2.85),
    ("wan2.6-t2v", {}, {"duration": 5, "size": "1280*720", "SR": 720}, 5, 3.0), ("wan2.6-t2v", {"size": "960*960"}, {"duration": 5}, 5, 3.0),
    ("wan2.6-i2v-flash", {"resolution": "720P"}, {"duration": 5, "SR": 720, "audio": False}, 5, 0.75),
    ("wan2.6-i2v-flash", {"resolution": "720P", "audio": False}, {"duration": 5, "SR": 720}, 5, 0.75),
    ("wan2.6-i2v-flash", {}, {"duration": 5, "SR": 720, "audio": True}, 5, 1.5),
    ("wan2.2-t2v-plus", {}, {"video_duration": 5, "video_ratio": "832*480", "video_count": 1}, 5, 0.7),
    ("wanx2.1-i2v-turbo", {}, {"video_duration": 5, "video_ratio": "standard", "video_count": 1}, 5, 1.2),
    ("wanx2.1-vace-plus", {}, {"video_duration": 5, "video_ratio": "standard", "video_count": 1}, 5, 3.5),
    ("wan2.2-kf2v-flash", {"resolution": "480P"}, {"video_duration": 5, "SR": 480}, 5, 0.5),
    ("wan2.2-animate-move", {"mode": "wan-pro"}, {"video_duration": 5.2, "video_ratio": "pro"}, 5.2, 3.12),
    ("wan2.2-animate-move", {}, {"video_duration": 5.2, "video_ratio": "standard"}, 5.2, 2.08),
    ("wan2.2-s2v", {}, {"duration": 10.2, "size": "480*640", "fps": 16, "SR": 480}, 10.2, 5.1),
    ("video-style-transform", {"min_len": 540, "use_SR": True}, {"duration": 3, "SR": 1080}, 3, 0.6),
    ("video-style-transform", {}, {"duration": 3, "SR": 720}, 3, 1.5),
    ("kling/kling-v3-turbo-video-generation", {"mode": "std"}, {"duration": "5", "SR": "1080"}, 5, 4.0),
    ("happyhorse-1.1-t2v", {}, {"duration": 5, "SR": "480"}, 5, 2.25),
]


@each("model, parameters, usage, seconds, amount", CHARGES, ids=[f"{one[0]}-{number}" for number, one in enumerate(CHARGES)])
def test_charge_of_a_finished_task(model, parameters, usage, seconds, amount):
    found = charged(TABLE.find(model)[0], parameters, usage)
    assert found.low == found.high == pytest.approx(amount) and found.units == {"seconds": pytest.approx(seconds)}
    assert document(found)["amount"] == pytest.approx(amount)


@pytest.mark.parametrize("usage", [{}, {"duration": None}, {"duration": "x"}, {"duration": -1}, {"duration": True}, {"SR": []}])
def test_charge_that_is_not_told_is_not_guessed(usage):
    assert not charged(TABLE.find("wan2.7-t2v")[0], {}, usage).known


def test_charge_without_a_price_still_has_its_seconds():
    found = charged(TABLE.find("vidu/viduq3-pro_img2video")[0], {}, {"duration": "5"})
    assert not found.known and found.units == {"seconds": 5}
    assert not charged(TABLE.find("wan2.7-t2v")[0], {}, {"duration": 5, "SR": 720}, "ap-southeast-1").known


# ---- the cheapest ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fields, name, amount", [
    (T, "wanx2.1-t2v-turbo", 1.2), (dict(T, resolution="480P"), "wan2.2-t2v-plus", 0.7), (dict(T, duration=10), "wan2.7-t2v", 10),
    (dict(I, resolution="720P"), "wan2.2-i2v-flash", 1.0), (dict(I, audio=SOUND, resolution="720P"), "wan2.6-i2v-flash", 1.5),
    (dict(I, last_frame=LAST, resolution="720P"), "wan2.2-kf2v-flash", 1.0), (dict(I, last_frame=LAST, duration=10, resolution="720P"),
                                                                            "wan2.7-i2v", 6.0),
    (dict(T, template="x", image=FIRST, resolution="720P", duration=10), "wan2.6-i2v-flash", 3.0)])
def test_cheapest_model_that_does_it(fields, name, amount):
    found = cheapest(ask_of(**fields), ask_of(**fields).wanted_mode())
    wanted = {row.id: price(row.id, **fields).high for row in TABLE.live() if row.price and _does(row, fields)}
    assert found[1].high == pytest.approx(min(wanted.values())), (found, wanted)
    assert (found[0], found[1].high) == (name, pytest.approx(amount))


def _does(row, fields) -> bool:
    ask = ask_of(**fields)
    try:
        return build_request(ask, row)[0].way.mode == ask.wanted_mode()
    except Failure:
        return False


@each("setting, names", [("parameters.duration=10", ("wan2.7-t2v",)), ("seed=7", ("wanx2.1-t2v-turbo", "wan2.2-t2v-plus")),
                         ("duration=99", ()), ("parameters.brand_new=1", ()), ("input.negative_prompt=1", ())])
def test_cheapest_model_does_what_settings_ask(setting, names):
    found = cheapest(ask_of(**T, settings=[setting]), "t2v")
    assert (found[0] in names) if names else found is None, found


@each("reference", [SOUND, "https://h/a.docx", "https://h/a.html"])
def test_cheapest_model_takes_the_kind_of_reference(reference):
    assert cheapest(ask_of(**dict(T, references=[reference])), "r2v")[0] == "wan3.0-video"


def test_cheapest_model_makes_the_same_film():
    """Who moves in the picture, and whose place the picture takes, are two things (section 6.11 of the contract)."""
    given = dict(image=FIRST, video=CLIP)
    for model in ("wan2.2-animate-move", "wan2.2-animate-mix"):
        mode = build_request(ask_of(model, **given), TABLE.row(model))[0].way.mode
        assert cheapest(ask_of(model, **given), mode)[0] == model


def test_cheaper_model_is_named_only_where_it_is_cheaper():
    row = TABLE.find("wan2.7-i2v")[0]
    other = cheapest(ask_of(**dict(I, resolution="720P")), "i2v")
    assert other[0] in cheaper_words(row, price("wan2.7-i2v", **I, resolution="720P"), other)
    assert cheaper_words(TABLE.find(other[0])[0], other[1], other) == "" and cheaper_words(row, other[1], None) == ""
    between = other[1]._replace(low=other[1].high / 2, high=other[1].high * 2)
    assert cheaper_words(row, between, other) == "", "what may cost more is not called cheaper"
    assert cheapest(ask_of(**I), "t2v") is None, "a model that does something else is not one that does it for less"


def test_media_that_do_not_fit_a_model_leave_it_out():
    def check(ask, row):
        if row.id == "wan2.2-i2v-flash":
            raise Failure(2, "too large")
    assert cheapest(ask_of(**dict(I, resolution="480P")), "i2v", check)[0] != "wan2.2-i2v-flash"
