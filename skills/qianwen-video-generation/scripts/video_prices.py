"""What a call costs by the price table of `video_models`: yuan, list prices of Beijing, for videos that succeed."""
from __future__ import annotations

import math

from video_models import TABLE_DATE
from video_request import roles_in


def estimate(model, call, input_seconds: float | None) -> dict:
    """The `estimate` object of the JSON document. `input_seconds` is the length of the videos given (of a talking picture
    that of the sound): 0 when there is none to measure, None when one of them cannot be measured."""
    facts = {"model": model.id, "currency": "CNY", "prices_of": TABLE_DATE, "region": "cn-beijing", "resolution": call.tier}
    price = model.price
    each = _each(price, call) if price else None
    if each is None:
        what = "resolution or mode" if price else "model"
        return {**facts, "known": False, "why": f"the price of this {what} is not in the table"}
    both = price.basis == "both"
    if both and (input_seconds is None or not input_seconds and roles_in(call.body, model) & {"video", "reference_video"}):
        return {**facts, "known": False, "each_second": each,
                "why": "how long the video given is cannot be told here, and its seconds are billed"}
    billed = min(input_seconds or 0.0, price.input_cap or math.inf) if both else 0.0
    if call.seconds and any(0 in way.duration for way in model.ways):  # a length cuts the video given, whose own is the default
        billed = made = min(billed, call.seconds)
    else:
        follows = call.body["parameters"].get("duration") in (None, 0)
        made = call.seconds or follows and (billed if both else input_seconds)
    if not made:
        return {**facts, "known": False, "each_second": each, "why": "how long the video will be is not known here"}
    seconds = round(made + billed, 2)
    return {**facts, "known": True, "each_second": each, "seconds": seconds, "input_seconds": round(billed, 2),
            "total": round(seconds * each, 4)}


def _each(price, call):
    parameters = call.body["parameters"]
    tiers = price.silent if price.silent and parameters.get("audio") is False else price.tiers
    names = (call.tier, str(parameters.get("min_len", "720")), "")
    return next((tiers[name] for name in names if name in tiers), None)


def words(found: dict) -> str:
    """The estimate in a sentence."""
    if not found["known"]:
        each = f" ({found['each_second']:g} yuan a second)" if "each_second" in found else ""
        return f"{found['model']}: {found['why']}{each}; prices of {found['prices_of']}"
    inputs = f", {found['input_seconds']:g} of them for the video given" if found["input_seconds"] else ""
    return (f"{found['total']:g} yuan: {found['seconds']:g} seconds{inputs} of {found['model']} at {found['each_second']:g} yuan a "
            f"second{' (' + found['resolution'] + ')' if found['resolution'] else ''} (list prices of {found['prices_of']}, "
            "Beijing; other regions are dearer)")


def together(estimates) -> dict:
    """The sum over the rows of a batch; rows whose price is not known are counted apart."""
    total = {"rows": 0, "seconds": 0.0, "currency": "CNY", "prices_of": TABLE_DATE, "region": "cn-beijing", "known": True,
             "rows_without_price": 0, "total": 0.0}
    for found in estimates:
        total["rows"] += 1
        total["rows_without_price"] += not found["known"]
        total["seconds"] += found.get("seconds", 0.0)
        total["total"] += found.get("total", 0.0)
    total["known"] = not total["rows_without_price"]
    total["seconds"], total["total"] = round(total["seconds"], 2), round(total["total"], 4)
    return total


def words_for_rows(total: dict) -> str:
    """The sum in a sentence."""
    unknown = f"; the cost of {total['rows_without_price']} rows is not known" if total["rows_without_price"] else ""
    return (f"{total['total']:g} yuan: {total['rows']} rows, {total['seconds']:g} seconds{unknown} (list prices of "
            f"{total['prices_of']}, Beijing; other regions are dearer)")
