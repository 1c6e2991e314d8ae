"""What a video costs by the list prices of Beijing:
before the call, after it, and which model would be cheapest. Pure.

Only videos that succeed are billed.
Source: sections 6 (usage) and 10 of the video contract, 9 of the updates.
"""
from __future__ import annotations

import math

from shared.cli.fields import settings_as_flags
from shared.failures import Failure
from shared.money.cost import BEIJING, Cost, exactly, rounded, span, unknown, yuan
from shared.words import unit

from video_answers import number_of
from video_fields import FIELDS
from video_models import TABLE
from video_rows import AS_OF
from video_request import build_request
from video_ways import is_picture_address, is_video, reference_role, roles_in, told_role

_VARIANTS = {"standard": "wan-std", "pro": "wan-pro"}  # what usage calls the modes of the animate models


# ---- before ----------------------------------------------------------------------------------------------

def estimate(model, call, given: tuple, region: str = BEIJING) -> Cost:
    """What a call will cost.
    `given`: the least and the most seconds of the videos given, of a talking picture of the sound."""
    each = model.price and model.price.each(call.tier, call.body["parameters"].get("audio"))
    why = _unpriced(model, each, region)
    if why:
        return unknown(why, AS_OF, region)
    low, high = (_billed(model, call, seconds, end) for end, seconds in enumerate(given))
    if not low or not 0 < high < math.inf:
        return unknown(f"how long the video will be is not known here ({yuan(each)} CNY a second)",
                       AS_OF, region)
    return Cost(rounded(low * each), rounded(high * each), AS_OF, region, {"seconds": round(high, 2)})


def _unpriced(model, each, region: str) -> str:
    """Why there is no price, '' where there is one."""
    if each is None:
        return f"the price of this {'resolution or mode' if model.price else 'model'} is not in the table"
    if not region:
        return "the gateway bills by itself"
    return ("" if region == BEIJING
            else "the table has prices only for Beijing; other regions are mostly higher")


def _billed(model, call, given: float, end: int) -> float:
    """The seconds that are billed, 0 where they are not known. `end`: 0 for the least, 1 for the most."""
    rule, parameters, price = call.way.seconds, call.body["parameters"], model.price
    together = (model.like or model).together[1]
    billed = price.billed(given)
    if call.seconds:
        made = call.seconds
        if rule.cuts:
            billed = made = min(billed, made)
    elif rule.follows(parameters):
        made = billed if price.given else given
    else:
        made = (rule.chosen(parameters) or (0, 0))[end]
        if made and end and together:
            made = min(made, together - billed)
    return made and made + billed


def given_seconds(ask, call, model) -> tuple:
    """(least, most) seconds of the videos given, of a talking picture of the sound; from the model's limits
    where one does not tell its length."""
    sound = call.way.mode == "s2v"
    limits = (model.like or model).media.get("sound" if sound else "video")
    bounds = (limits.min_seconds, limits.max_seconds or math.inf) if limits else (0.0, math.inf)
    if ask.request is not None:
        roles = roles_in(call.body, model) & ({"audio"} if sound else {"video", "reference_video"})
        if not roles:
            return 0.0, 0.0
        return bounds[0], bounds[1] if roles != {"reference_video"} else math.inf
    items = [ask.audio] if sound else [ask.video, *_moving(ask.references, model)]
    lengths = [(item.seconds, item.seconds) if item.seconds else bounds for item in items if item]
    return sum(low for low, _ in lengths), sum(high for _, high in lengths)


def _moving(references, model) -> list:
    """References that are videos, or may be: an address need not tell."""
    takes = "reference_video" in model.places
    return [item for item in references
            if is_video(item) or takes and not item.media_type and not is_picture_address(item.url)
            and reference_role(item, model) == "reference"]


def cheapest(ask, mode: str, check=lambda ask, model: None, region: str = BEIJING):
    """(model id, Cost) of the cheapest live model that does what is asked in a mode, None where none is
    priced. `check` raises usage for media that do not fit a model."""
    if ask.request is not None:
        return None
    ask = _with_flags(ask)
    found = []
    if ask is None:
        return None
    roles = set(map(told_role, ask.references))
    for row in TABLE.live(lambda row: row.price is not None and roles <= {*row.places}):
        try:
            check(ask, row)
            call, _ = build_request(ask, row)
        except Failure:
            continue
        cost = estimate(row, call, given_seconds(ask, call, row), region)
        if cost.known and call.way.mode == mode:
            found.append((cost.high, len(found), row.id, cost))
    return min(found)[2:] if found else None


def _with_flags(ask):
    paths = {field.path: name for name, field in FIELDS.items() if not (field.sent or field.most)}
    paths.update({f"parameters.{name}": name for name in ("duration", "resolution", "ratio")})
    return settings_as_flags(ask, paths)


# ---- after -----------------------------------------------------------------------------------------------

def charged(row, parameters: dict, usage: dict, region: str = BEIJING) -> Cost:
    """What a finished task was charged,
    from the `usage` it tells and the parameters that it was made with."""
    tier = _tier_made(row, parameters, usage)
    sound = False if False in (usage.get("audio"), parameters.get("audio")) else None
    each = row.price and row.price.each(tier, sound)
    seconds = _seconds_charged(row.price, usage) if row.price else _told(usage, "duration", "video_duration")
    units = {"seconds": seconds} if seconds else {}
    unsaid = "" if seconds else "the service did not say how many seconds it billed"
    why = _unpriced(row, each, region) or unsaid
    if why:
        return unknown(why, AS_OF, region, units)
    return exactly(rounded(seconds * each), AS_OF, region, units)


def _tier_made(row, parameters: dict, usage: dict) -> str:
    """What the price depends on: as usage tells it, else as it was asked."""
    tiers = row.price.tiers if row.price else {}
    size = str(usage.get("size") or usage.get("video_ratio") or "")
    told = (f"{usage.get('SR')}P", _VARIANTS.get(size, ""),
            row.shape.tier({"size": size}) if "*" in size else "", str(parameters.get("mode", "")))
    return next((tier for tier in told if tier and tier in tiers), row.shape.tier(parameters))


def _seconds_charged(price, usage: dict) -> float:
    """The seconds made, and those given where they are billed;
    of a usage that does not tell them apart the whole."""
    made = _told(usage, "output_video_duration")
    if price.given and made:
        return round(made + price.billed(_told(usage, "input_video_duration")), 2)
    return round(_told(usage, "duration", "video_duration"), 2)


def _told(usage: dict, *names) -> float:
    return next(filter(None, (number_of(usage.get(name)) for name in names)), 0.0)


# ---- words, for --estimate -------------------------------------------------------------------------------

def words(model, tier: str, cost: Cost) -> str:
    """What is counted."""
    seconds = f"{unit(cost.units['seconds'], 'seconds')} of " if cost.units else ""
    return seconds + (f"{model.id} ({tier})" if tier else model.id)


def cheaper_words(model, cost: Cost, other) -> str:
    """What follows that: a model that does it for less, '' where there is none."""
    if not other or other[0] == model.id or cost.known and other[1].high >= cost.low:
        return ""
    return f"; the cheapest that does this is --model {other[0]}, {span(other[1])}"
