"""What one picture costs by list price, as data of a model's row. Pure."""
from __future__ import annotations

from collections import namedtuple

from image_sizes import parse


class Price(namedtuple("Price", "each steps resolutions extended per_input regions tiers",
                       defaults=((), {}, 0.0, 0.0, {}, ()))):
    """CNY for a picture of Beijing's list.

    `steps` are (most pixels, CNY) where the size counts, the last one with 0 for all that are
    larger. `resolutions` are prices of certain values of the field `resolution`. `extended` holds
    when the prompt is enriched by the service, `per_input` for each picture given. `regions` are the
    prices of a picture elsewhere. `tiers` are what the service itself calls the steps in its usage.
    """

    __slots__ = ()

    def of(self, parameters: dict, size: tuple = (), tier: str = "") -> tuple:
        """The least and the most that one picture costs; `size` is that of a picture that was made, `tier`
        what the service says of it."""
        if self.extended and parameters.get("prompt_extend"):
            return self.extended, self.extended
        if tier in self.tiers:
            each = self.steps[self.tiers.index(tier)][1]
            return each, each
        if self.steps:
            return self._by_size(size or size_of(parameters))
        each = self.resolutions.get(str(parameters.get("resolution")), self.each)
        return each, each

    def _by_size(self, size: tuple) -> tuple:
        if not size:
            return self.steps[0][1], self.steps[-1][1]
        each = next(each for most, each in self.steps if not most or size[0] * size[1] <= most)
        return each, each

    def words(self, each: str = "") -> str:
        """For the table: `0.25 or 0.50, and 0.02 a picture given`; `each` stands behind what one made costs."""
        others = [each for _, each in self.steps[1:]] or list(self.resolutions.values())
        second = f", extended {amount(self.extended)}" if self.extended else ""
        given = f", and {amount(self.per_input)} a picture given" if self.per_input else ""
        return " or ".join(map(amount, (self.each, *others))) + second + each + given


def by_size(*steps, **others) -> Price:
    """A price that depends on the pixels: (most pixels, CNY) …, the last one (0, CNY)."""
    return Price(steps[0][1], steps, **others)


def amount(each: float) -> str:
    """An amount to the fen, and further where there is more."""
    return f"{each:.2f}" if round(each, 2) == each else f"{each:g}"


def size_of(parameters: dict) -> tuple:
    """The size in pixels that a request asks for, () where it leaves that to the service."""
    try:
        size = parse(str(parameters.get("size", "")))
    except ValueError:
        return ()
    return size if isinstance(size, tuple) else ()
