"""The table of the models that make and edit videos: the lookup of a model id's row, and what is said of it.

An id that is not in the table takes the row of its family and of what it says it makes, with a warning.
"""
from __future__ import annotations

import re

from shared.cli.fields import all_of
from shared.models import retirement, Table, unknown

from video_fields import FIELDS
from video_rows import (
    ANIMATE, ANY, AS_OF, DETECTOR, EDIT7, FUNCTION_SECONDS, HORSE_EDIT, HORSE_I2V, HORSE_R2V, HORSE_T2V, I2V2,
    I2V5, I2V6, I2V7, KF2V, KLING, MINIMAX, Model, PATTERNS, PIXVERSE_KINDS, R2V7, ROWS, S2V, SYNTHESIS, T2V2,
    T2V5, T2V6, T2V7, VACE, VIDU, Way
)
from video_rules import Anything, Loose, Prompt, UNKNOWN

DEFAULTS = {"t2v": "wan2.7-t2v", "i2v": "wan2.7-i2v", "kf2v": "wan2.7-i2v", "r2v": "wan2.7-r2v",
            "edit": "wan2.7-videoedit"}
MODES = tuple(DEFAULTS)

# ---- ids that are not in the table -----------------------------------------------------------------------

# What an id may be that tells nothing: the types of media that most models share,
# and every way of using them.
GENERAL = Model("", SYNTHESIS, {
    **I2V7.places, "audio.t2v": "input.audio_url", "video.edit": "media:video",
    "reference": "media:reference_image", "reference_video": "media:reference_video",
    "voice": "reference_voice"},
    (*T2V7.ways, *EDIT7.ways, *I2V7.ways, *R2V7.ways), Anything(), {}, opaque=True)

# beginning -> what is made, as the id says it -> row; '' for anything else.
_OLD = {"t2v": T2V2, "i2v": I2V2}
FAMILIES = {
    "wan": {"t2v": T2V7, "i2v": I2V7, "kf2v": KF2V, "r2v": R2V7, "videoedit": EDIT7, "animate": ANIMATE,
            "s2v": S2V, "vace": VACE, "detect": DETECTOR, "": GENERAL},
    "wanx": _OLD, "wan2.1": _OLD, "wan2.2": _OLD, "wan2.5": {"t2v": T2V5, "i2v": I2V5},
    "wan2.6": {"t2v": T2V6, "i2v": I2V6},
    "happyhorse": {"t2v": HORSE_T2V, "i2v": HORSE_I2V, "r2v": HORSE_R2V, "videoedit": HORSE_EDIT,
                   "": GENERAL._replace(id="happyhorse", sends=HORSE_T2V.sends, opaque=False)},
    "kling/": {"": KLING}, "vidu/": {"": VIDU}, "pixverse/": PIXVERSE_KINDS, "minimax/": {"": MINIMAX},
    "": {"detect": DETECTOR, "": GENERAL._replace(opaque=False)},
}


def free(row: Model, seconds=UNKNOWN) -> Model:
    """The row of an id that is newer than the table: all fields and no limits.
    Where its `seconds` are known, so are its resolutions."""
    ways = tuple(Way(way.mode, way.inputs, "may", seconds, True) for way in row.ways)
    shape = row.shape if isinstance(row.shape, Anything) else Anything()
    shape = shape.untold() if seconds is UNKNOWN else shape
    return row._replace(ways=ways, fields={**all_fields(), **row.fields}, prompt=Prompt(0), media=ANY,
                        price=None, references=(14, 14, 14), shape=shape, legal={}, doubt="", together=(0, 0),
                        more=())


def later(row: Model) -> Model:
    """The row of a snapshot newer than the table: no limits either, but the price and the usual of its model."""
    ways = tuple(way._replace(prompt="may", ratio=True, seconds=way.seconds._replace(any=True))
                 for way in row.ways)
    return free(row)._replace(ways=ways, shape=Loose(row.shape), price=row.price, like=row)


def family_of(name: str) -> Model:
    """The row for an unknown id: of the model whose id it begins with,
    else of its family and of what it says it makes."""
    kind, lower = _kind(name), name.lower()
    begun = [row for row in ROWS if lower.startswith(row.id.lower() + "-") and _kind(row.id) == kind]
    if begun:
        return max(begun, key=lambda row: len(row.id))
    families = sorted((one for one in FAMILIES if lower.startswith(one)), key=len, reverse=True)
    rows = (FAMILIES[one].get(kind) or FAMILIES[one].get("") for one in families)
    return next(filter(None, rows))


def _kind(name: str) -> str:
    if "-detect" in name.lower():
        return "detect"
    found = re.search(r"-(t2v|it?2v|kf2v|r2v|video-?edit|animate|s2v|vace)(?![a-z0-9])", name.lower())
    return found.group(1).replace("-", "").replace("it2v", "i2v") if found else ""


def _spelled(name: str) -> str:
    """The international site writes wan2.1 where Beijing writes wanx2.1."""
    return "wanx2.1" + name[len("wan2.1"):] if name.startswith("wan2.1-") else name


class VideoTable(Table):
    """An id that is not in the table takes the row of its family and of what it says it makes; ids that
    their vendor documents by a pattern are no surprise."""

    def row(self, name: str):
        seconds = next((one for pattern, one in PATTERNS if pattern.fullmatch(name)), None)
        return super().row(name) or seconds and free(family_of(name), seconds)._replace(id=name)

    def find(self, name: str) -> tuple:
        row = self.row(name)
        if row and not self._is_later(name, row):
            return row, retirement(row)
        family = family_of(_spelled(name) if row else name)
        made = (later if row else free)(family)._replace(id=name, retired="", successor="")
        return made, unknown(name, family, self.as_of)


_MODES = {"t2v": "from text", "i2v": "from a first frame", "kf2v": "from first to last frame",
          "r2v": "with references", "edit": "edits a video", "animate": "a picture moves",
          "replace": "a picture takes a person's place", "s2v": "a picture speaks",
          "style": "a video's style"}


def lengths(row: Model) -> str:
    """The seconds that may be asked for, with the default: of each way where the ways of a row differ.
    '' where none may."""
    needed = any("duration" in names for names in row.needs)
    told: dict = {}
    for way in row.ways:
        told.setdefault(way.seconds.words(needed), []).append(way)
    if len(told) <= 1:
        return next(iter(told), FUNCTION_SECONDS.words())
    return "; ".join(f"{_called(ways, row)}: {words or 'as given'}" for words, ways in told.items())


def _called(ways: list, row: Model) -> str:
    """Ways by their modes, with the inputs where the row has others of that mode."""
    whole = {way.mode for way in ways} - {way.mode for way in row.ways if way not in ways}
    names = (way.mode if way.mode in whole else f"{way.mode} {given(way)}" for way in ways)
    return ", ".join(dict.fromkeys(names))


def given(way: Way) -> str:
    """The inputs of a way besides the prompt, as the flags are called."""
    return "+".join(role.replace("_", "-") for role in way.inputs) or "text"


def longest() -> int:
    """The most seconds that can be asked for, at least a minute: a newer model may make more than these."""
    return max(60, *(max(way.seconds.legal or (0,)) for row in TABLE.rows for way in row.ways))


def describe(row: Model) -> dict:
    """What --models says of a row."""
    limits = {"seconds": lengths(row), "resolutions": list(row.shape.tiers),
              "references": row.references[2], "prompt_characters": row.prompt.most,
              "tasks_at_a_time": row.running}
    return {"does": [*dict.fromkeys(_MODES[way.mode] for way in row.ways), *row.functions],
            "limits": {name: value for name, value in limits.items() if value},
            "price": f"{row.price.words()} CNY a second, {row.price.basis()}" if row.price else ""}


TABLE = VideoTable(ROWS, (), AS_OF, free, describe, spelled=_spelled)


def all_fields() -> dict:
    """Every flag that is one field: those of FIELDS, and those that rows have of their own."""
    return all_of(FIELDS, TABLE.rows)


def takers(name: str) -> str:
    """The first models that take a field, for a help text; '' where none does."""
    names = [row.id for row in TABLE.live(lambda row: name in row.fields)]
    return ", ".join(names[:3]) + " and others" * (len(names) > 3)
