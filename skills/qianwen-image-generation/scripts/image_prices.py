"""What a call costs by the price table of `image_models`: yuan, list prices of Beijing, for pictures that succeed."""
from __future__ import annotations

from image_models import TABLE_DATE
from image_sizes import parse


def estimate(model, call, images: int) -> dict:
    """The `estimate` object of the JSON document; `low` and `high` differ where the model itself chooses the size."""
    price, parameters = model.price, call.body["parameters"]
    n = parameters.get("n", 1)
    count = call.expected if call.mode == "interleave" or not isinstance(n, int) or isinstance(n, bool) else n
    facts = {"model": model.id, "pictures": count, "currency": "CNY", "prices_of": TABLE_DATE, "region": "cn-beijing"}
    if price is None:
        return {**facts, "known": False}
    low, high = _each(price, parameters)
    inputs = price.per_input * images
    return {**facts, "known": True, "each_low": low, "each_high": high, "inputs": round(inputs, 4),
            "low": round(low * (1 if call.mode in ("series", "interleave") else count) + inputs, 4),
            "high": round(high * count + inputs, 4)}


def _each(price, parameters: dict) -> tuple:
    """The least and the most that one picture costs."""
    if price.extended:
        each = price.extended if parameters.get("prompt_extend") else price.each
        return each, each
    if not price.large:
        return price.each, price.each
    if "resolution" in parameters or not price.large_from:
        each = price.large if parameters.get("resolution") == "4k" else price.each
        return each, each
    try:
        size = parse(str(parameters.get("size", "")))
        each = price.large if size[0] * size[1] >= price.large_from else price.each
        return each, each
    except (ValueError, TypeError):
        return price.each, price.large


def words(found: dict) -> str:
    """The estimate in a sentence."""
    if not found["known"]:
        return f"{found['model']}: its price is not in this version's table ({found['prices_of']})"
    span = f"{found['high']:g}" if found["low"] == found["high"] else f"{found['low']:g} to {found['high']:g}"
    each = f"{found['each_high']:g}" if found["each_low"] == found["each_high"] else \
        f"{found['each_low']:g} to {found['each_high']:g}"
    inputs = f" and {found['inputs']:g} for the pictures given" if found["inputs"] else ""
    most = "up to " if found["low"] != found["high"] and found["pictures"] > 1 else ""
    return (f"{span} yuan: {most}{found['pictures']} picture{'s' if found['pictures'] != 1 else ''} of {found['model']} at {each} "
            f"each{inputs} (list prices of {found['prices_of']}, Beijing; other regions are dearer)")


def together(estimates) -> dict:
    """The sum over the rows of a batch; rows whose price is not known are counted apart."""
    total = {"rows": 0, "pictures": 0, "currency": "CNY", "prices_of": TABLE_DATE, "region": "cn-beijing", "known": True,
             "rows_without_price": 0, "low": 0.0, "high": 0.0}
    for found in estimates:
        total["rows"] += 1
        total["pictures"] += found["pictures"]
        total["rows_without_price"] += not found["known"]
        total["low"] += found.get("low", 0.0)
        total["high"] += found.get("high", 0.0)
    total["known"] = not total["rows_without_price"]
    total["low"], total["high"] = round(total["low"], 4), round(total["high"], 4)
    return total


def words_for_rows(total: dict) -> str:
    """The sum in a sentence."""
    span = f"{total['high']:g}" if total["low"] == total["high"] else f"{total['low']:g} to {total['high']:g}"
    unknown = f"; {total['rows_without_price']} rows have no price in the table" if total["rows_without_price"] else ""
    return (f"{span} yuan: {total['rows']} rows, {total['pictures']} pictures{unknown} (list prices of {total['prices_of']}, "
            "Beijing; other regions are dearer)")
