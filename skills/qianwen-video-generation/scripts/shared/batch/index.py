"""Where the line of a row stands in a file: some bytes for each, so that a million rows fit into memory."""
from __future__ import annotations

from array import array
from bisect import bisect_left

_PLACE, _WORTH = 56, 8  # bits for the place, and for what a line is worth


class Index:
    """Row keys (64 bits) with a place each, and what stands there is worth.
    First `add`, then `seal`, then `get`; of equal keys the worthiest counts, the last one of these."""

    def __init__(self):
        self._both: list = []
        self._keys, self._places = array("Q"), array("Q")
        self.repeated = False  # whether a key was added several times

    def add(self, key: int, place: int, worth: int = 0) -> None:
        self._both.append((key << _WORTH | worth) << _PLACE | place)

    def seal(self) -> Index:
        bits = _PLACE + _WORTH
        self._both.sort()
        pairs = zip(self._both, [*self._both[1:], -1])
        last = [one for one, following in pairs if one >> bits != following >> bits]
        self._keys = array("Q", (one >> bits for one in last))
        self._places = array("Q", (one & (1 << bits) - 1 for one in last))
        self.repeated, self._both = len(last) < len(self._both), []
        return self

    def __len__(self) -> int:
        return len(self._keys)

    def items(self):
        """(key, place) of all."""
        return ((key, found & (1 << _PLACE) - 1) for key, found in zip(self._keys, self._places))

    def get(self, key: int) -> int | None:
        """The place that counts for a key."""
        found = self._found(key)
        return None if found is None else found & (1 << _PLACE) - 1

    def worth(self, key: int) -> int:
        """What stands at that place is worth; 0 without one."""
        return (self._found(key) or 0) >> _PLACE

    def _found(self, key: int) -> int | None:
        found = bisect_left(self._keys, key + 1) - 1
        return self._places[found] if found >= 0 and self._keys[found] == key else None


class Keys:
    """A set of row keys, eight bytes each."""

    def __init__(self, keys=()):
        self._keys = array("Q", sorted(keys))

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: int) -> bool:
        found = bisect_left(self._keys, key)
        return found < len(self._keys) and self._keys[found] == key

    def repeated(self) -> dict:
        """How many more there are of each key that comes several times."""
        found: dict = {}
        for one, next_one in zip(self._keys, self._keys[1:]):
            if one == next_one:
                found[one] = found.get(one, 0) + 1
        return found
