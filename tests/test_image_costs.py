"""What pictures cost: before a call, after it, elsewhere, and for less. The amounts are written from the updates of November 2026,
section 9, and from section 10 of the image contract."""
from __future__ import annotations

import pytest

from image_costs import charged, cheaper_words, cheapest, expected, words
from image_models import MODELS, TABLE
from image_prices import by_size
from image_request import Ask, build_request
from shared.body import parse_settings
from shared.failures import Failure
from shared.money.cost import total
from tests.folding import each
from tests.test_image_request import A, at, B, C, call_of, COUNTS, MAKE, NEVER_OFFERED, TAKES

PRICES = {  # yuan for one picture
    "qwen-image-2.1-pro": 0.25, "qwen-image-2.1-turbo": 0.10, "qwen-mt-image-2.0": 0.004,
    "vidu/viduq2-fast_reference2image": 0.28125,
    "qwen-image-3.0": 0.18, "qwen-image-2.0-pro": 0.50, "qwen-image-max": 0.50, "qwen-image-edit-max": 0.50, "wan2.7-image-pro": 0.50,
    "qwen-image": 0.25, "qwen-image-edit": 0.30, "qwen-image-2.0": 0.20, "qwen-image-plus": 0.20, "qwen-image-plus-2026-01-09": 0.20,
    "qwen-image-edit-plus": 0.20, "wan2.7-image": 0.20, "wan2.6-image": 0.20, "wan2.6-t2i": 0.20, "wan2.5-t2i-preview": 0.20,
    "wan2.5-i2i-preview": 0.20, "wan2.2-t2i-plus": 0.20, "wanx2.1-t2i-plus": 0.20, "wan2.2-t2i-flash": 0.14, "wanx2.1-t2i-turbo": 0.14,
    "wanx2.1-imageedit": 0.14, "z-image-turbo": 0.10, "wanx-v1": 0.16, "wanx2.0-t2i-turbo": 0.04, "qwen-mt-image": 0.003,
    "wanx-style-repaint-v1": 0.12, "image-out-painting": 0.18, "wanx-background-generation-v2": 0.08, "wanx-sketch-to-image-lite": 0.06,
    "kling/kling-v3-image-generation": 0.20, "kling/kling-v3-omni-image-generation": 0.20}
BY_SIZE = {  # model -> for 1024x1024, for 2048x2048, for 4096x4096 where it goes there
    "qwen-image-3.0-pro": (0.25, 0.50), "vidu/vidu-image_reference2image": (0.625, 1, 1.46875),
    "vidu/vidu-image-pro_reference2image": (1.6875, 3.1875, 5.125),
    "vidu/vidu-image-lite_reference2image": (0.3125, 0.34375, 0.40625),
    "vidu/viduq3-fast_reference2image": (0.46875, 0.78125, 1.09375),
    "vidu/viduq2-pro_reference2image": (0.9375, 0.9375, 1.71875)}
TRIALS = {"image-erase-completion", "image-instance-segmentation", "wanx-x-painting", "wanx-virtualmodel", "virtualmodel-v2",
          "shoemodel-v1", "wanx-poster-generation-v1"}
UNPRICED = {*TRIALS, "vidu/viduq2_reference2image", *NEVER_OFFERED}


def asked(model=None, **fields):
    """(the Cost, its words) of a call."""
    call = call_of(model, **fields)
    row = TABLE.find(call.body["model"])[0]
    cost = expected(row, call)
    return cost, words(row, call, cost)


def after(model, parameters=None, usage=None, sizes=((1024, 1024),), **more):
    return charged(TABLE.find(model)[0], parameters or {}, usage, sizes, **more)


# ---- before ----------------------------------------------------------------------------------------------------------

@each("model", PRICES)
def test_price_of_a_picture(model):
    fields = TAKES[model][0]
    cost, said = asked(model, **fields)
    inputs = 0.02 * len(fields.get("images", ())) if model.startswith("qwen-image-3") else 0
    assert (cost.low, cost.high) == (pytest.approx(PRICES[model] + inputs),) * 2
    assert cost.known and cost.region == "cn-beijing" and f"{PRICES[model]:g}" in said and cost.units == {"pictures": 1}
    most = COUNTS.get(model, ({}, 0))[1]
    if most > 1:
        assert asked(model, **{**fields, "n": most})[0].high == pytest.approx(PRICES[model] * most + inputs)


def test_every_row_has_a_price_or_is_known_to_have_none():
    assert {*PRICES, *UNPRICED, *BY_SIZE} == {one.id for one in MODELS}
    assert {one.id for one in MODELS if one.price is None} == UNPRICED


@pytest.mark.parametrize("model", BY_SIZE)
def test_price_of_a_size(model):
    for side, amount in zip((1024, 2048, 4096), BY_SIZE[model]):
        cost, _ = asked(model, prompt="P", size=(side, side))
        assert cost.low == cost.high == amount
    cost, _ = asked(model, prompt="P")
    assert (cost.low, cost.high) == (BY_SIZE[model][0], BY_SIZE[model][-1])


@pytest.mark.parametrize("fields, after_it, low, high", [
    ({}, {}, 0.07, 0.07), (dict(size=(2048, 2048)), {}, 0.15, 0.15), (dict(images=[at(A)]), dict(given=1), 0.07, 0.15),
    ({}, dict(usage={"width": 2048, "height": 2048}), 0.07, 0.07)])
def test_the_usual_size_counts_where_none_is_asked_for(fields, after_it, low, high):
    """Not where a picture given decides on it; what the service tells is right in the end."""
    row = TABLE.row("qwen-image-2.0")._replace(usual="1024x1024", price=by_size((1_100_000, 0.07), (0, 0.15)))
    call = build_request(Ask(prompt="P", **fields), row)[0]
    cost = expected(row, call)
    assert (cost.low, cost.high) == (low, high)
    told = charged(row, call.body["parameters"], after_it.get("usage"), [()], after_it.get("given", 0))
    assert told.high == (0.15 if "usage" in after_it else high)


@pytest.mark.parametrize("model", TRIALS)
def test_a_free_trial_says_so(model):
    remarks = build_request(Ask(**{**TAKES[model][0], "images": [at(A)] * len(TAKES[model][0].get("images", ())),
                                   "mask": at(A) if "mask" in TAKES[model][0] else None,
                                   "settings": [(["input", "title"], "T")] if "poster" in model else ()}),
                            TABLE.find(model)[0])[1]
    assert any("free trial" in remark and model in remark for remark in remarks)


@pytest.mark.parametrize("model, fields, low, high", [
    ("qwen-image-3.0-pro", dict(MAKE, size=(1500, 1500)), 0.25, 0.25), ("qwen-image-3.0-pro", dict(MAKE, size=(1501, 1500)), 0.50, 0.50),
    ("qwen-image-3.0-pro", dict(prompt="P", images=[A, B], n=2, size=(1024, 1024)), 0.54, 0.54),
    ("qwen-image-3.0-pro", dict(prompt="P", images=[A], n=3), 0.77, 1.52),
    ("qwen-image-3.0", dict(prompt="P", images=[A, B, C], n=2), 0.42, 0.42),
    ("z-image-turbo", dict(MAKE, prompt_extend=True), 0.20, 0.20), ("z-image-turbo", dict(MAKE, prompt_extend=False), 0.10, 0.10),
    ("z-image-turbo", dict(MAKE, settings=[(["prompt_extend"], True)]), 0.20, 0.20),
    ("kling/kling-v3-omni-image-generation", dict(MAKE, quality="high"), 0.40, 0.40),
    ("kling/kling-v3-image-generation", dict(MAKE, quality="standard", n=9), 1.80, 1.80),
    ("wan2.7-image", dict(MAKE, series=True, n=12), 0.20, 2.40), ("wan2.6-image", dict(MAKE, interleave=True, max_images=5), 0.20, 1.00),
    ("wan2.6-image", dict(MAKE, interleave=True), 0.20, 0.20), ("qwen-image-2.0", dict(MAKE, settings=[(["n"], 4)]), 0.80, 0.80),
    *(("kling/kling-v3-image-generation", dict(MAKE, settings=[(["result_type"], "series"), *more]), cost, cost)
      for more, cost in (([], 0.80), ([(["series_amount"], 9)], 1.80))),
    ("wan2.6-image", dict(prompt="P", images=[A], settings=[(["enable_interleave"], True), (["max_images"], 3)]), 0.20, 0.60)])
def test_price_of_a_call(model, fields, low, high):
    row, images = TABLE.find(model)[0], [at(one) for one in fields.get("images", ())]
    call = build_request(Ask(model=model, **{**fields, "images": images}), row)[0]
    cost = expected(row, call)
    assert (cost.low, cost.high) == (pytest.approx(low), pytest.approx(high))
    assert model in words(row, call, cost)


@pytest.mark.parametrize("model", ["image-instance-segmentation", "vidu/viduq2_reference2image", "qwen-image-9", "someone/new"])
def test_price_that_is_not_known(model):
    cost, said = asked(model, **TAKES[model][0] if model in TAKES else MAKE)
    assert not cost.known and model in cost.why and model in said and cost.units == {"pictures": 1}


def test_price_elsewhere_is_not_guessed():
    call, row = call_of(prompt="P"), TABLE.find("qwen-image-2.0")[0]
    assert "ap-southeast-1" in expected(row, call, "ap-southeast-1").why
    assert "gateway" in expected(row, call, "").why
    here = row._replace(price=row.price._replace(regions={"ap-southeast-1": 0.26}))
    assert expected(here, call, "ap-southeast-1").high == 0.26 and expected(here, call).high == 0.20


@pytest.mark.parametrize("setting", ["size=null", "size=[]", "size=9"])
def test_price_of_a_broken_setting_is_no_crash(setting):
    for model in ("qwen-image-2.0", "qwen-image-3.0-pro"):
        assert asked(model, prompt="P", settings=[setting])[1]


@each("setting", ["n=-300", "n=0", "n=4.0", 'n="4"', "n=abc", "n=null", "n={}", "n=true", "n=1e400", "n=101", "parameters.n=-1",
                  "max_images=-1", "series_amount=null"])
def test_a_count_from_which_no_price_can_be_told_is_refused(setting):
    """Less than nothing would raise a budget, and four pictures as 4.0 would pass one as a single picture."""
    with pytest.raises(Failure, match="counts the pictures that are billed") as caught:
        asked("wan2.5-t2i-preview", prompt="P", settings=[setting])
    assert caught.value.exit_code == 2 and "from 1 to 100" in caught.value.fix
    name, value = parse_settings([setting])[0]
    with pytest.raises(Failure, match=name[-1]):
        call_of("wan2.5-t2i-preview", request={"input": {"prompt": "P"}, "parameters": {name[-1]: value}})


def test_costs_of_a_batch_are_summed_where_they_are_known():
    costs = [asked(model, prompt="P")[0] for model in ("qwen-image-2.0", "qwen-image-2.0-pro", "someone/new")]
    whole, unpriced = total(costs)
    assert (whole.high, unpriced, whole.units) == (0.7, 1, {"pictures": 3})


# ---- after -----------------------------------------------------------------------------------------------------------

def test_what_came_is_charged_and_not_what_was_asked():
    assert after("qwen-image-2.0", {"n": 4}, {}, [(1024, 1024)] * 3).high == pytest.approx(0.60)
    assert after("qwen-image-2.0", {"n": 4}, {"image_count": 2}, [(1024, 1024)] * 3).high == pytest.approx(0.40)
    assert after("qwen-image-2.0", {"n": 4}, {}, []).high == 0
    assert after("qwen-image-2.0", {}, {"image_count": 2}, []).units == {"pictures": 2}


def test_each_picture_is_charged_by_its_own_size():
    cost = after("qwen-image-3.0-pro", {}, {}, [(1024, 1024), (2048, 2048)], given=2)
    assert cost.high == cost.low == pytest.approx(0.25 + 0.50 + 0.04)
    assert after("qwen-image-3.0-pro", {}, {"width": 2048, "height": 2048, "image_count": 1}, [()]).high == 0.50
    assert after("qwen-image-3.0-pro", {"size": "1024*1024"}, {}, [()]).high == 0.25
    assert after("qwen-image-3.0-pro", {}, {}, [()]).high == 0.50, "what is not known is taken at its most"


@pytest.mark.parametrize("tier, size, amount", [
    ("qima_output_2k", (1024, 1024), 0.50), ("qima_output_1k", (2048, 2048), 0.25), ("qima_output_1k", (), 0.25),
    ("qima_output_9k", (2048, 2048), 0.50), (None, (1024, 1024), 0.25), ([], (1024, 1024), 0.25)])
def test_the_services_own_tier_comes_before_the_size(tier, size, amount):
    """Section 5.1 of the contract: the type of the output is what qwen-image-3.0-pro is billed by."""
    usage = {"output_image_count": 1, "output_image_type": tier}
    assert after("qwen-image-3.0-pro", {}, usage, [size]).high == amount
    assert after("qwen-image-3.0", {}, usage, [size]).high == 0.18


def test_pictures_given_and_sides_made_are_those_that_the_service_tells():
    told = {"input_image_count": 2, "output_image_count": 1, "output_width": 1024, "output_height": 1024}
    assert after("qwen-image-3.0-pro", {}, told, [()]).high == pytest.approx(0.25 + 0.04)
    assert after("qwen-image-3.0-pro", {}, {**told, "input_image_count": None}, [()], given=1).high == pytest.approx(0.25 + 0.02)


def test_pictures_of_a_whole_request_are_counted():
    body = {"model": "qwen-image-3.0-pro", "input": {"messages": [{"content": [{"image": A}, {"image": B}, {"text": "P"}]}]},
            "parameters": {"size": "1024*1024"}}
    call, row = call_of("qwen-image-3.0-pro", request=body), TABLE.find("qwen-image-3.0-pro")[0]
    assert expected(row, call).high == pytest.approx(0.25 + 0.04)


def test_charges_follow_the_parameters_that_were_sent():
    assert after("z-image-turbo", {"prompt_extend": True}).high == 0.20 and after("z-image-turbo").high == 0.10
    assert after("kling/kling-v3-omni-image-generation", {"resolution": "4k"}).high == 0.40
    assert not after("someone/new").known and after("someone/new").units == {"pictures": 1}
    assert not after("qwen-image-2.0", region="").known


# ---- for less --------------------------------------------------------------------------------------------------------

def ask_of(**fields):
    return Ask(**{**fields, "images": [at(one) for one in fields.get("images", ())]})


@pytest.mark.parametrize("fields, mode, model", [
    (MAKE, "make", "wanx2.0-t2i-turbo"), (dict(prompt="P", images=[A]), "edit", "qwen-image-2.1-turbo"),
    (dict(prompt="P", images=[A] * 5), "edit", "wan2.7-image"), (dict(prompt="P", n=6), "make", "qwen-image-2.1-turbo"),
    (dict(prompt="P", size="4K"), "make", "wan2.7-image-pro"), (dict(MAKE, think=False), "make", "qwen-image-3.0"),
    (dict(images=[A], translate_to="en"), "translate", "qwen-mt-image")])
def test_cheapest_model_takes_all_that_is_asked(fields, mode, model):
    row, cost = cheapest(ask_of(**fields), mode)
    assert row.id == model and cost.known and not row.retired


@each("setting, model", [
    ("size=2048*2048", "qwen-image-2.1-turbo"), ("parameters.size=4K", "wan2.7-image-pro"), ("n=6", "qwen-image-2.1-turbo"),
    ("seed=7", "wanx2.0-t2i-turbo"), ("color_palette=[]", None), ("brand_new=1", None), ("negative_prompt=1", None), ("n=abc", None),
    ("n=true", None), ("size=9", None), ("size=[]", None), ("size=9K", None)])
def test_cheapest_model_takes_what_settings_ask(setting, model):
    row, _ = cheapest(ask_of(**MAKE, settings=parse_settings([setting])), "make")
    assert (row and row.id) == model


def test_cheapest_model_takes_the_pictures_given():
    ask = ask_of(prompt="P", images=[A])
    ask.images[0].url, ask.images[0].media_type, ask.images[0].size = "", "image/gif", 1000
    ask.images[0].width = ask.images[0].height = 400
    assert cheapest(ask, "edit")[0].id == "qwen-image-2.1-turbo"
    ask.images[0].width = ask.images[0].height = 100
    ask.think = False
    assert cheapest(ask, "edit")[0].id == "qwen-image-3.0"


def test_nothing_is_cheaper_than_the_cheapest():
    ask = ask_of(images=[A], translate_to="en")
    for name, said in (("qwen-mt-image", ""), ("qwen-mt-image-2.0", "; qwen-mt-image would cost 0.003")):
        row = TABLE.find(name)[0]
        call = build_request(ask, row)[0]
        assert cheaper_words(ask, row, call, expected(row, call)) == said
    assert cheapest(ask_of(prompt="P", images=[A] * 15), "edit") == (None, None)


def test_the_list_says_what_a_picture_made_and_a_picture_given_cost():
    said = TABLE.describe(TABLE.find("qwen-image-3.0-pro")[0])["price"]
    assert said == "0.25 or 0.50 CNY a picture, and 0.02 a picture given"
