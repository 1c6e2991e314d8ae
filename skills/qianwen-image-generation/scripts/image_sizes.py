"""Picture sizes: reading them, and the rules of the families,
each with the best legal size for an aspect ratio.

A rule is data of a model's row, and a class: how it judges a size, says what is legal, finds the nearest
legal sizes and the best one, and puts its choice on the body. Here are those of several families; a rule that
one family alone has is a subclass of `Rule` beside its rows. Sizes are (width, height) in pixels.
Source: section 5 of the image contract.
"""
from __future__ import annotations

import re
from collections import namedtuple
from fractions import Fraction

from shared.failures import usage

QUALITIES = ("low", "standard", "high")
STEP = 16  # pixels; sizes that we find are multiples of it
_LARGEST = 8192  # pixels of a side
# how far a size may be from the shape that is wanted, best first
_TOLERANCES = (0.005, 0.01, 0.02, 0.05, 0.1, 100)


def parse(text: str) -> tuple | str:
    """`1024x768`, `1024*768` or `1024×768` as (width, height);
    a tier such as `2K` in upper case. Raises ValueError."""
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
    number = r"(\d{1,5}(?:\.\d{1,4})?)"
    match = re.fullmatch(rf"\s*{number}\s*(?:[:/xX]\s*{number})?\s*", text, re.ASCII)
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


def unlike(one: tuple, other: tuple) -> float:
    """How far apart two shapes are: 0 for the same, 0.1 for about 10 per cent."""
    ratio = (one[0] * other[1]) / (one[1] * other[0])
    return max(ratio, 1 / ratio) - 1


# ---- rules ---------------------------------------------------------------------------------------------

class Rule:
    """What a family of models takes as a size.

    A rule must have `fits` and `words`, and `nearest` and `best`, which `put` sends as a `size`; one that
    sends something else has a `put` of its own instead. Nothing else is asked of it, not that it takes all
    shapes, nor tiers. A namedtuple beside it holds its data. `step`: the service rounds sides to multiples of
    it (1: it does not).
    """

    __slots__ = ()
    step = 1

    def fits(self, size) -> bool:
        """Whether a size, or a tier's name, is legal."""
        raise NotImplementedError

    def words(self) -> str:
        """What is legal, for a message."""
        raise NotImplementedError

    def column(self) -> str:
        """What is legal, for the table of models.md."""
        return self.words()

    def nearest(self, size) -> list:
        """One to three legal sizes nearest to one that is not, or to a tier's name; the best first."""
        raise NotImplementedError

    def best(self, aspect: Fraction, quality: str, text: str) -> tuple:
        """The best legal size for an aspect ratio, which the user wrote as `text`.
        Raises usage where there is none."""
        raise NotImplementedError

    def put(self, parameters: dict, ask, model: str, shape) -> None:
        """Put what is asked for on the body.
        `shape()` is the aspect where only --quality is given. Raises usage."""
        if ask.size is not None:
            parameters["size"] = shown(self.legal(ask.size, model))
        elif ask.aspect or ask.quality:
            aspect = parse_aspect(ask.aspect) if ask.aspect else shape()
            parameters["size"] = shown(self.best(aspect, ask.quality or "standard", ask.aspect or ""))

    def legal(self, size, model: str):
        """The size, when it is legal for a model. Raises usage naming the nearest legal ones."""
        if self.fits(size):
            return size
        close = " or ".join(map(shown, self.nearest(size)))
        tiers = " (1K, 2K and 4K are tiers of the wan models)" if isinstance(size, str) else ""
        raise usage(f"--size {shown(size)} is not legal for {model}",
                    f"nearest: {close}{tiers}; legal: {self.words()}")


class _Scaled(Rule):
    """A rule of bounds: sizes of every shape, scaled to an area.
    `low`, `high` and `standard` are sides of squares."""

    __slots__ = ()

    def nearest(self, size) -> list:
        if isinstance(size, str):
            return self.names() or [self._scaled((1, 1), self.standard ** 2)]
        return [self._scaled(size, size[0] * size[1])]

    def best(self, aspect: Fraction, quality: str, text: str) -> tuple:
        shape = (aspect.numerator, aspect.denominator)
        if self._limited(shape) != shape:
            raise usage(f"--aspect {text}: the model's sides are at most {float(self.slender()):.3g} to 1",
                        f"legal: {self.words()}")
        wanted = {"low": max(self.low, 768), "standard": self.standard, "high": self.high}[quality]
        return self._scaled(shape, wanted ** 2)

    def names(self) -> list:
        """The tiers that stand for a size."""
        return []

    def slender(self):
        """How many times the shorter side the longer one may be."""
        raise NotImplementedError

    def bounds(self, shape: tuple) -> tuple:
        """The least and the greatest area for a shape whose sides are not too unequal."""
        raise NotImplementedError

    def _limited(self, shape: tuple) -> tuple:
        """The shape, made less slender where the rule asks for it."""
        small, large = sorted(shape)
        if large <= self.slender() * small:
            return shape
        return (self.slender(), 1) if shape[0] > shape[1] else (1, self.slender())

    def _scaled(self, shape: tuple, area: float) -> tuple:
        """The largest legal size up to `area` that keeps the shape within half a per cent, else within more.
        One with exactly this shape is preferred where it costs less than a tenth of the area."""
        shape = self._limited(shape)
        least, most = self.bounds(shape)
        area = min(max(area, least), most)
        ratio = Fraction(shape[0]) / Fraction(shape[1])
        candidates = [size for height in range(STEP, _LARGEST, STEP) for size in _widths(ratio, height)
                      if self.fits(size)]
        for tolerance in _TOLERANCES:
            close = [size for size in candidates if unlike(size, shape) <= tolerance]
            below = [size for size in close if size[0] * size[1] <= area * 1.0001]
            if below:
                largest = max(below, key=lambda size: (size[0] * size[1], -unlike(size, shape)))
                exact = max((size for size in below if unlike(size, shape) == 0), default=(0, 0))
                return exact if exact[0] * exact[1] > 0.9 * largest[0] * largest[1] else largest
            if close:
                return min(close, key=lambda size: (size[0] * size[1], unlike(size, shape)))
        raise usage(f"no legal size has the shape {shape[0]}:{shape[1]}", f"legal: {self.words()}")


def _widths(ratio: Fraction, height: int) -> list:
    """The multiples of 16 around the exact width for a height."""
    low = height * ratio.numerator // ratio.denominator // STEP * STEP
    return [(side, height) for side in (low, low + STEP) if 0 < side <= _LARGEST]


class Area(namedtuple("Area", "low high ratio standard tiers also step", defaults=((), (), 1)), _Scaled):
    """The area lies between `low` and `high` squared,
    the longer side is at most `ratio` times the shorter one.

    `tiers` are names that stand for a size, with the side of their square. `also` are sizes just outside that
    the service's own documents recommend.
    """

    __slots__ = ()

    def fits(self, size) -> bool:
        if isinstance(size, str):
            return size in self.names()
        small, large = sorted(size)
        return (self.low ** 2 <= small * large <= self.high ** 2 and large <= self.ratio * small
                or size in self.also)

    def words(self) -> str:
        tiers = "".join(f"{name}, " for name in self.names())
        area = f"{self.low}x{self.low} to {self.high}x{self.high} pixels in all"
        return (f"{tiers}{'or ' if tiers else ''}WxH with {area} "
                f"and sides of at most {self.ratio} to 1")

    def column(self) -> str:
        return " ".join((f"area {self.low}² to {self.high}², {self.ratio}:1", *self.names()))

    def names(self) -> list:
        return [name for name, _ in self.tiers]

    def slender(self):
        return self.ratio

    def bounds(self, shape: tuple) -> tuple:
        return self.low ** 2, self.high ** 2


class Sides(namedtuple("Sides", "low high standard"), _Scaled):
    """Each side lies between two bounds."""

    __slots__ = ()

    def fits(self, size) -> bool:
        return not isinstance(size, str) and self.low <= min(size) and max(size) <= self.high

    def words(self) -> str:
        return f"WxH with each side from {self.low} to {self.high}"

    def column(self) -> str:
        return f"sides {self.low} to {self.high}"

    def slender(self):
        return Fraction(self.high, self.low)

    def bounds(self, shape: tuple) -> tuple:
        small, large = sorted(shape)
        return self.low * self.low * large / small, self.high * self.high * small / large


class Choice(namedtuple("Choice", "sizes"), Rule):
    """Only these sizes, one for a shape; the first is the family's own default."""

    __slots__ = ()

    def fits(self, size) -> bool:
        return size in self.sizes

    def words(self) -> str:
        return ", ".join(map(shown, self.sizes))

    def column(self) -> str:
        return " ".join(f"{width}x{height}" for width, height in self.sizes)

    def nearest(self, size) -> list:
        if isinstance(size, str):
            return list(self.sizes[:3])
        return sorted(self.sizes, key=lambda legal: _distance(legal, size))[:2]

    def best(self, aspect: Fraction, quality: str, text: str) -> tuple:
        shape = (aspect.numerator, aspect.denominator)
        found = min(self.sizes, key=lambda size: (round(unlike(size, shape), 3), -size[0] * size[1]))
        if unlike(found, shape) > 0.1:
            raise usage(f"--aspect {text}: the model has no such shape", f"its sizes are {self.words()}")
        return found

    def put(self, parameters: dict, ask, model: str, shape) -> None:
        if ask.quality:
            raise usage(f"{model} has one size for each shape, so --quality has no effect",
                        f"leave it out; its sizes are {self.words()}")
        super().put(parameters, ask, model, shape)


def _distance(one: tuple, other: tuple) -> float:
    """How unlike two sizes are: mostly the shape, then the area."""
    return 10 * unlike(one, other) + abs(one[0] * one[1] - other[0] * other[1]) / (other[0] * other[1])


class Unbounded(Area):
    """Of a model that is newer than the table: any size goes, and shapes are found within usual bounds."""

    __slots__ = ()

    def fits(self, size) -> bool:
        return True

    def _scaled(self, shape: tuple, area: float) -> tuple:
        return Area(*self)._scaled(shape, area)


ANY_SIZE = Unbounded(512, 2048, 8, 1024)
