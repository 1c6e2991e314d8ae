"""Where the line of a row stands in a file: some bytes for each, so that a million rows fit into memory."""
from __future__ import annotations

from array import array
from bisect import bisect_left

_PLACE = 56  # bits for the place


class Index:
    """Row keys (64 bits) with a place each (56 bits).
    First `add`, then `seal`, then `get`; of equal keys the last one counts."""

    def __init__(self):
        self._both: list = []
        self._keys, self._places = array("Q"), array("Q")

    def add(self, key: int, place: int) -> None:
        self._both.append(key << _PLACE | place)

    def seal(self) -> Index:
        self._both.sort()
        pairs = zip(self._both, [*self._both[1:], -1])
        last = [one for one, following in pairs if one >> _PLACE != following >> _PLACE]
        self._keys = array("Q", (one >> _PLACE for one in last))
        self._places = array("Q", (one & (1 << _PLACE) - 1 for one in last))
        self._both = []
        return self

    def __len__(self) -> int:
        return len(self._keys)

    def items(self):
        return zip(self._keys, self._places)

    def get(self, key: int) -> int | None:
        """The last place that was added for a key."""
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
