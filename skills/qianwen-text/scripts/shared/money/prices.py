"""List prices of tokens, as data:
CNY per million tokens of input and of output, by the size of the input. Pure."""
from __future__ import annotations

from .cost import BEIJING

_MILLION = 1_000_000
_STORING = 0.25  # more than an ordinary token of the input, for one that is put into the cache
_IMPLICIT, _EXPLICIT = 0.2, 0.1  # of it, for one that was found in the cache: by itself, by a marker


class TokenPrice:
    """The price of a model that is billed by tokens.

    Each tier is (most input tokens in thousands, or 0 for no bound, input, output[, output while thinking]);
    the size of the input picks one tier for the whole request; (0, None, None) ends a list that is not known
    any further. `cached` is what a cached token of the input costs, as a share of an ordinary one, of a
    model with a hit price of its own (1 where the service does not publish it, so that no amount is too low);
    None for the usual two. `batch` is the share that a call costs in a file of the Batch API, where nothing
    is cached.
    `regions` has the tiers of other regions than Beijing, by their names with underscores.
    """

    __slots__ = ("tiers", "cached", "batch", "regions")

    def __init__(self, *tiers, cached: float | None = None, batch: float = 0.5, **regions):
        self.tiers, self.cached, self.batch, self.regions = tiers, cached, batch, regions

    def amounts(self, input: int, output: int, cached: int = 0, stored: int = 0, *, batch: bool = False,
                region: str = BEIJING, thinking: bool = False, explicit: bool = False):
        """(CNY of the input, CNY of the output) of a call, None where no price is known.

        Among the tokens of the input are `cached` ones, read from the service's cache (`explicit`: where
        markers are), and `stored` ones, put into it.
        """
        tiers = self.tiers if region == BEIJING else self.regions.get(region.replace("-", "_"), ())
        if not tiers:
            return None
        tier = next((tier for tier in tiers if not tier[0] or input <= tier[0] * 1000), tiers[-1])
        if tier[1] is None:
            return None
        each_in, each_out = tier[1], tier[3] if thinking and len(tier) > 3 else tier[2]
        if batch:
            return input * each_in * self.batch / _MILLION, output * each_out * self.batch / _MILLION
        hit = self.cached or (_EXPLICIT if explicit else _IMPLICIT)
        counted = input - min(cached, input) * (1 - hit) + min(stored, input) * _STORING
        return counted * each_in / _MILLION, output * each_out / _MILLION

    def words(self) -> str:
        """Beijing's prices as a table shows them: `≤256K 2/8; ≤1M 6/24`."""
        return "; ".join(_bound(tier[0]) + f"{tier[1]:g}/{tier[2]:g}"
                         + (f" (thinking {tier[3]:g})" if len(tier) > 3 else "")
                         for tier in self.tiers if tier[1] is not None)


def _bound(thousands: int) -> str:
    return "" if not thousands else "≤1M " if thousands == 1000 else f"≤{thousands}K "
