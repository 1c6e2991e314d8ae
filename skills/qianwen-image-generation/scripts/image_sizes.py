"""Picture sizes: reading them, judging them by a family's rule, and finding the best legal one for an aspect ratio.

A rule is data of the model table. Sizes are (width, height) in pixels. Source: section 5 of the image contract.
"""
from __future__ import annotations

import re
from collections import namedtuple
from fractions import Fraction

from shared.failures import usage

QUALITIES = ("low", "standard", "high")
STEP = 16  # pixels; the service rounds to multiples of it

# The area lies between `low` and `high` squared, the longer side is at most `ratio` times the shorter one. `tiers` are
# names that stand for a size, with the side of their square. `standard` is the side of the family's usual area. `also` are
# sizes just outside that the service's own documents recommend.
Area = namedtuple("Area", "low high ratio standard tiers also", defaults=((), ()))
# Each side lies between two bounds.
Sides = namedtuple("Sides", "low high standard")
# Only these sizes; the first is the family's own default.
Choice = namedtuple("Choice", "sizes")
# An aspect ratio and a resolution name are sent instead of a size; `names` go with QUALITIES.
Ratio = namedtuple("Ratio", "aspects names")


def parse(text: str) -> tuple | str:
    """`1024x768`, `1024*768` or `1024×768` as (width, height); a tier such as `2K` in upper case. Raises ValueError."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*[xX*×]\s*(\d{1,5})\s*", text, re.ASCII)
    if match:
        width, height = int(match.group(1)), int(match.group(2))
        if width and height:
            return width, height
    if re.fullmatch(r"[124]k", text.strip(), re.IGNORECASE):
        return text.strip().upper()
    raise ValueError(text)


def parse_aspect(text: str) -> Fraction:
    """`16:9`, `16/9` or `1.5` as a fraction, width through height. Raises ValueError."""
    match = re.fullmatch(r"\s*(\d{1,5}(?:\.\d{1,4})?)\s*(?:[:/xX]\s*(\d{1,5}(?:\.\d{1,4})?))?\s*", text, re.ASCII)
    if not match:
        raise ValueError(text)
    try:
        aspect = Fraction(match.group(1)) / Fraction(match.group(2) or 1)
    except ZeroDivisionError:
        raise ValueError(text) from None
    if not Fraction(1, 100) <= aspect <= 100:
        raise ValueError(text)
    return aspect


def shown(size) -> str:
    """How the wire and our messages write a size."""
    return size if isinstance(size, str) else f"{size[0]}*{size[1]}"


# ---- judging ---------------------------------------------------------------------------------------------------------

def fits(rule, size) -> bool:
    """Whether a size (or a tier's name) is legal."""
    if isinstance(size, str):
        return isinstance(rule, Area) and size in dict(rule.tiers)
    width, height = size
    small, large = sorted(size)
    if isinstance(rule, Area):
        return rule.low ** 2 <= width * height <= rule.high ** 2 and large <= rule.ratio * small or size in rule.also
    if isinstance(rule, Sides):
        return rule.low <= small and large <= rule.high
    return isinstance(rule, Choice) and size in rule.sizes


def describe(rule) -> str:
    """The rule in words."""
    if isinstance(rule, Area):
        tiers = "".join(f"{name}, " for name, _ in rule.tiers)
        return (f"{tiers}or WxH with {rule.low}x{rule.low} to {rule.high}x{rule.high} pixels in all" if tiers else
                f"WxH with {rule.low}x{rule.low} to {rule.high}x{rule.high} pixels in all") + \
            f" and sides of at most {rule.ratio} to 1"
    if isinstance(rule, Sides):
        return f"WxH with each side from {rule.low} to {rule.high}"
    if isinstance(rule, Choice):
        return ", ".join(map(shown, rule.sizes))
    return f"--aspect {', '.join(rule.aspects)} with --quality {', '.join(QUALITIES)}"


def nearest(rule, size) -> list:
    """The legal sizes nearest to one that is not; the best first."""
    if isinstance(rule, Choice):
        if isinstance(size, str):
            return list(rule.sizes[:3])
        return sorted(rule.sizes, key=lambda legal: _distance(legal, size))[:2]
    if isinstance(size, str):
        return [name for name, _ in getattr(rule, "tiers", ())] or [_scaled(rule, (1, 1), rule.standard ** 2)]
    return [_scaled(rule, size, size[0] * size[1])]


def _distance(one: tuple, other: tuple) -> float:
    """How unlike two sizes are: mostly the shape, then the area."""
    return 10 * _unlike(one, other) + abs(one[0] * one[1] - other[0] * other[1]) / (other[0] * other[1])


def _unlike(one: tuple, other: tuple) -> float:
    """How far apart two shapes are: 0 for the same, 0.1 for about 10 per cent."""
    ratio = (one[0] * other[1]) / (one[1] * other[0])
    return max(ratio, 1 / ratio) - 1


def _bounds(rule, shape: tuple) -> tuple:
    """The least and the greatest area a rule allows for a shape whose sides are not too unequal."""
    if isinstance(rule, Area):
        return rule.low ** 2, rule.high ** 2
    small, large = sorted(shape)
    return rule.low * rule.low * large / small, rule.high * rule.high * small / large


def _limited(rule, shape: tuple) -> tuple:
    """The shape, made less slender where the rule asks for it."""
    small, large = sorted(shape)
    most = rule.ratio if isinstance(rule, Area) else Fraction(rule.high, rule.low)
    if large <= most * small:
        return shape
    return (most, 1) if shape[0] > shape[1] else (1, most)


def _scaled(rule, shape: tuple, area: float) -> tuple:
    """The legal size of a shape whose area is nearest to `area`, in steps of 16 pixels."""
    shape = _limited(rule, shape)
    least, most = _bounds(rule, shape)
    return _best(rule, shape, min(max(area, least), most))


def _best(rule, shape: tuple, area: float) -> tuple:
    """The largest legal size up to `area` that keeps the shape within half a per cent, else within more."""
    candidates = [size for height in range(STEP, 8192, STEP) for size in _widths(shape, height) if fits(rule, size)]
    for tolerance in (0.005, 0.01, 0.02, 0.05, 0.1, 100):
        close = [size for size in candidates if _unlike(size, shape) <= tolerance]
        if close:
            below = [size for size in close if size[0] * size[1] <= area * 1.0001]
            return max(below, key=lambda size: (size[0] * size[1], -_unlike(size, shape))) if below else \
                min(close, key=lambda size: (size[0] * size[1], _unlike(size, shape)))
    raise usage(f"no legal size has the shape {shape[0]}:{shape[1]}", f"legal: {describe(rule)}")


def _widths(shape: tuple, height: int) -> list:
    """The multiples of 16 around the exact width for a height."""
    width = float(height * Fraction(shape[0]) / Fraction(shape[1]))
    low = int(width // STEP) * STEP
    return [(side, height) for side in (low, low + STEP) if 0 < side <= 8192]


# ---- finding ---------------------------------------------------------------------------------------------------------

def best(rule, aspect: Fraction, quality: str, text: str) -> tuple:
    """The best legal size for an aspect ratio and a quality. Raises usage where the family has no such shape."""
    shape = (aspect.numerator, aspect.denominator)
    if isinstance(rule, Choice):
        found = min(rule.sizes, key=lambda size: (round(_unlike(size, shape), 3), -size[0] * size[1]))
        if _unlike(found, shape) > 0.1:
            raise usage(f"--aspect {text}: the model has no such shape", f"its sizes are {describe(rule)}")
        return found
    if _limited(rule, shape) != shape:
        most = rule.ratio if isinstance(rule, Area) else f"{rule.high / rule.low:.1f}"
        raise usage(f"--aspect {text}: the model's sides are at most {most} to 1", f"legal: {describe(rule)}")
    least, most = _bounds(rule, shape)
    wanted = {"low": max(rule.low, 768), "standard": rule.standard, "high": rule.high}[quality] ** 2
    if isinstance(rule, Sides) and quality == "high":
        wanted = most
    return _best(rule, shape, min(max(wanted, least), most))
