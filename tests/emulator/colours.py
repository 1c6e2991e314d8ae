"""The colours of a PNG and where they are, in words: proof that its bytes arrived."""
from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Callable, Dict, List, Optional, Tuple

from tests.emulator.pictures import Picture, Raster

Colour = Tuple[int, ...]
Point = Tuple[float, float, Colour]    # across and down from 0 to 1, and what is there
LIMIT = 4 * 1024 * 1024                # bytes of pixels; unpacking the filters of more takes too long
GRID = 48                              # points looked at, across and down
NAMED, LEAST = 4, 0.03                 # how many colours are told, and the share one must have

CHINESE = {"red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "cyan": "青色", "blue": "蓝色",
           "purple": "紫色", "pink": "粉色", "brown": "棕色", "black": "黑色", "white": "白色", "grey": "灰色",
           "transparent": "透明"}
HUES = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"), (290, "purple"),
        (340, "pink"), (361, "red"))


@dataclass
class Patch:
    """One colour of a picture: its name, the commonest value, its share, and where it is."""
    name: str
    value: Colour
    share: float
    place: str                         # like "left", "top right" or "middle"; "" when it is everywhere

    @property
    def hex(self) -> str:
        return "" if self.name == "transparent" else "#" + "".join(f"{part:02x}" for part in self.value[:3])


def patches(picture: Picture) -> Optional[List[Patch]]:
    """The main colours, the commonest first; None when the pixels cannot be looked at."""
    raster = picture.raster
    if raster is None or raster.depth != 8 or raster.interlaced or not 0 < len(raster.data) <= LIMIT:
        return None
    return _found(picture, raster)


@lru_cache(maxsize=16)
def _found(picture: Picture, raster: Raster) -> List[Patch]:
    points: Dict[str, List[Point]] = {}
    for across, down, colour in _points(picture, raster):
        points.setdefault(name_of(colour), []).append((across, down, colour))
    total = sum(map(len, points.values()))
    found = [_patch(name, where, total) for name, where in points.items() if len(where) >= LEAST * total]
    return sorted(found, key=lambda patch: -patch.share)[:NAMED]


def _patch(name: str, where: List[Point], total: int) -> Patch:
    commonest = Counter(colour for _, _, colour in where).most_common(1)[0][0]
    return Patch(name, commonest, len(where) / total, _place(where))


@lru_cache(maxsize=4096)
def name_of(colour: Colour) -> str:
    if len(colour) == 4 and colour[3] < 128:
        return "transparent"
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour[:3]))
    if value < 0.2:
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.9 else "grey"
    name = next(name for limit, name in HUES if hue * 360 < limit)
    return "brown" if name == "orange" and value < 0.65 else name


def _points(picture: Picture, raster: Raster) -> List[Point]:
    """A grid of points."""
    rows = _unfiltered(raster, picture.width * raster.channels)
    columns, lines = min(GRID, picture.width), min(GRID, picture.height)
    spots = [((column + 0.5) / columns, (line + 0.5) / lines) for line in range(lines) for column in range(columns)]
    return [(across, down, _colour(raster, rows[int(down * picture.height)], int(across * picture.width)))
            for across, down in spots]


def _colour(raster: Raster, row: bytes, column: int) -> Colour:
    values = row[column * raster.channels:(column + 1) * raster.channels]
    return COLOURS[raster.colour_type](raster, values)


# PNG colour type -> (r, g, b) or (r, g, b, alpha)
COLOURS: Dict[int, Callable[[Raster, bytes], Colour]] = {
    0: lambda raster, values: (values[0],) * 3,
    2: lambda raster, values: tuple(values),
    3: lambda raster, values: tuple(raster.palette[3 * values[0]:3 * values[0] + 3]) or (0, 0, 0),
    4: lambda raster, values: (values[0],) * 3 + (values[1],),
    6: lambda raster, values: tuple(values),
}


def _place(where: List[Point]) -> str:
    """Where nine tenths of the points are."""
    words = [_half([down for _, down, _ in where], "top", "bottom"),
             _half([across for across, _, _ in where], "left", "right")]
    central = sum(0.2 < across < 0.8 and 0.2 < down < 0.8 for across, down, _ in where)
    if not any(words) and central >= 0.9 * len(where):
        return "middle"
    return " ".join(filter(None, words))


def _half(places: List[float], first: str, second: str) -> str:
    before = sum(place < 0.5 for place in places) / len(places)
    return first if before >= 0.9 else second if before <= 0.1 else ""


# The five filters of PNG; each gives the row back from its filtered bytes and the row above

def _unfiltered(raster: Raster, length: int) -> List[bytes]:
    rows, above = [], bytes(length)
    for place in range(0, len(raster.data), length + 1):
        restore = FILTERS[min(raster.data[place], 4)]
        above = restore(raster.data[place + 1:place + 1 + length], above, raster.channels)
        rows.append(above)
    return rows


def _none(row: bytes, above: bytes, step: int) -> bytes:
    return row


def _sub(row: bytes, above: bytes, step: int) -> bytes:
    restored = bytearray(row)
    for channel in range(step):
        restored[channel::step] = bytes(value & 255 for value in accumulate(row[channel::step]))
    return bytes(restored)


def _up(row: bytes, above: bytes, step: int) -> bytes:
    return bytes((value + higher) & 255 for value, higher in zip(row, above))


def _average(row: bytes, above: bytes, step: int) -> bytes:
    restored = bytearray(step)
    for place, value in enumerate(row):
        restored.append((value + (restored[place] + above[place]) // 2) & 255)
    return bytes(restored[step:])


def _paeth(row: bytes, above: bytes, step: int) -> bytes:
    restored, corner = bytearray(step), bytes(step) + above
    for place, value in enumerate(row):
        left, higher, before = restored[place], above[place], corner[place]
        guess = left + higher - before
        a, b, c = abs(guess - left), abs(guess - higher), abs(guess - before)
        restored.append((value + (left if a <= b and a <= c else higher if b <= c else before)) & 255)
    return bytes(restored[step:])


FILTERS: Tuple[Callable[[bytes, bytes, int], bytes], ...] = (_none, _sub, _up, _average, _paeth)
