"""What a call costs by list price: before it is sent, after it, and which model does the same for less.
Pure but for `cheapest`."""
from __future__ import annotations

from image_answers import count_of
from image_fields import Field
from image_models import all_fields, AS_OF, TABLE
from image_prices import amount, size_of
from image_request import build_request
from image_sizes import parse
from shared.body import object_in, objects_in
from shared.cli.fields import settings_as_flags
from shared.failures import Failure
from shared.money.cost import BEIJING, Cost, exactly, unknown
from shared.words import counted


def given_in(body: dict) -> int:
    """How many pictures the messages of a request have."""
    messages = objects_in(object_in(body, "input"), "messages")
    return sum("image" in item for message in messages for item in objects_in(message, "content"))


def expected(model, call, region: str = BEIJING) -> Cost:
    """The cost of a Call to the model of a row. `low` and `high` differ where the service chooses the size,
    and where it may make fewer pictures than it is allowed to."""
    parameters, given = call.body["parameters"], given_in(call.body)
    count, units = call.expected, {"pictures": call.expected}
    if _why(model, region):
        return unknown(_why(model, region), AS_OF, region, units)
    usual = _usual(model, parameters, given or call.mode == "edit")
    low, high = _each(model.price, parameters, region, usual)
    inputs = model.price.per_input * given
    least = 1 if call.mode in ("series", "interleave") else count
    return Cost(round(low * least + inputs, 6), round(high * count + inputs, 6), AS_OF, region, units)


def charged(model, parameters: dict, usage, sizes, given: int = 0, region: str = BEIJING) -> Cost:
    """The cost of a finished call, by the service's own count of pictures where it tells one.

    `sizes` are the (width, height) of the pictures that came, () where that is not known; `given` is how many
    went in, where the service does not tell it. `high` divided by `units["pictures"]` is the share of each.
    """
    sizes = list(sizes)
    usage = usage if isinstance(usage, dict) else {}
    count = count_of(usage, len(sizes))
    units = {"pictures": count}
    if _why(model, region):
        return unknown(_why(model, region), AS_OF, region, units)
    sizes += [sizes[-1] if sizes else ()] * (count - len(sizes))
    told, tier = _told(usage), usage.get("output_image_type")
    usual = _usual(model, parameters, given)
    each = [_each(model.price, parameters, region, told or size or usual, tier)[1] for size in sizes[:count]]
    inputs = model.price.per_input * count_of(usage, given, ("input_image_count",)) if count else 0
    return exactly(round(sum(each) + inputs, 6), AS_OF, region, units)


def cheapest(ask, mode: str, region: str = BEIJING) -> tuple:
    """(the row, the Cost) of the live model that does the same for the least,
    (None, None) where none has a price.

    A model counts that takes all that is asked for;
    `ask` is asked of each in turn, and its pictures are looked at already.
    """
    ask, found = _with_flags(ask), []
    if ask is None:
        return None, None
    for row in TABLE.live(lambda row: mode in row.does and row.price):
        cost = _cost_with(row, ask, region)
        if cost is not None and cost.known:
            found.append((row, cost))
    return min(found, key=lambda one: one[1].high) if found else (None, None)


def _with_flags(ask):
    """The Ask with --set as flags; None where a setting has none of the same form, or cannot be judged."""
    defaults = Field._field_defaults
    paths = {field.path: name for name, field in all_fields().items()
             if (field.encode, field.check) == (defaults["encode"], defaults["check"])}
    ask = settings_as_flags(ask, {**paths, "parameters.n": "n", "parameters.size": "size"})
    if ask is None or type(ask.n) not in (int, type(None)):
        return None
    try:
        ask.size = parse(ask.size) if isinstance(ask.size, str) else ask.size
    except ValueError:
        return None
    return ask if isinstance(ask.size, (tuple, str, type(None))) else None


def _cost_with(row, ask, region: str):
    """What the call would cost with another model; None where that model does not take it."""
    if any(_goes_beyond(picture, row.picture) for picture in ask.images):
        return None
    try:
        call, _ = build_request(ask, row)
    except Failure:
        return None
    return expected(row, call, region)


def _goes_beyond(picture, limits) -> bool:
    """Whether a picture that was looked at is one that a model refuses."""
    from shared.media.inputs import check
    if picture.url:
        return False
    try:
        check(picture, "--image", limits)
    except Failure:
        return True
    return False


def words(model, call, cost: Cost) -> str:
    """What is counted, for the line of an estimate."""
    count = cost.units["pictures"]
    may_be_fewer = "up to " if call.mode in ("series", "interleave") and count > 1 else ""
    price = f" at {model.price.words()} each" if cost.known else ""
    return f"{may_be_fewer}{counted(count, 'picture')} of {model.id}{price}"


def cheaper_words(ask, model, call, cost: Cost) -> str:
    """The end of that line: the model that would do the same for less, '' where this one is the cheapest."""
    if not cost.known or ask.request is not None or call.mode not in ("make", "edit", "translate"):
        return ""
    row, least = cheapest(ask, call.mode, cost.region)
    if row is None or least.high >= cost.high:
        return ""
    return f"; {row.id} would cost {amount(least.high)}"


def _why(model, region: str) -> str:
    """Why a price is not known, '' where it is."""
    if not region:
        return "a gateway bills by itself"
    if model.price is None:
        return f"the price of {model.id} is not in the table"
    if region != BEIJING and region not in model.price.regions:
        return f"the price of {model.id} in {region} is not in the table"
    return ""


def _each(price, parameters: dict, region: str, size: tuple = (), tier: str = "") -> tuple:
    if region in price.regions:
        return price.regions[region], price.regions[region]
    return price.of(parameters, size, tier)


def _usual(model, parameters: dict, given) -> tuple:
    """The size of a model without flags; () where one is asked for, a picture decides, or none is known."""
    return () if given or "size" in parameters else size_of({"size": model.usual})


def _told(usage: dict) -> tuple:
    """The size that the service says it made, () where it says none."""
    sides = [(usage.get(kind + "width"), usage.get(kind + "height")) for kind in ("", "output_")]
    return next((pair for pair in sides if all(isinstance(side, int) and side for side in pair)), ())
