"""The rules that rows of models are made of: lengths, shapes, prompts and prices. Pure."""
from __future__ import annotations

import math
from collections import namedtuple

from shared.failures import Failure, usage

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")


# ---- how long --------------------------------------------------------------------------------------------

class Seconds(namedtuple("Seconds", "legal usual with_video any", defaults=(5, 0, False))):
    """Lengths that may be asked for. `legal`: whole seconds, () where none may be asked, None where nothing
    is known; -1 lets the model choose, 0 is as long as the video given. `usual`: taken when nothing is
    said, 0 where the input decides or nobody knows. `with_video`: the most with a reference video, 0 where
    that makes no difference. `any`: of an id newer than the table, which may make others."""

    __slots__ = ()

    def words(self, needed: bool = False) -> str:
        """What is legal, and the default where there is a choice. `needed`: it must be said."""
        more = "needed" if needed else f"default {self.usual}" if self.usual or self.cuts else ""
        return spans(self.legal or ()) + (f" ({more})" if more and len(self.legal or ()) > 1 else "")

    @property
    def cuts(self) -> bool:
        """Whether a length cuts the video given, whose own is the default."""
        return bool(self.legal) and 0 in self.legal

    def check(self, seconds: int, name: str, has_video: bool) -> None:
        """Raise usage for a length that the model does not make."""
        if self.legal is None or self.any:
            return
        legal = [one for one in self.legal if not (has_video and self.with_video) or one <= self.with_video]
        if not legal:
            raise usage(f"{name} takes no --duration", "the input decides how long the video is")
        if seconds not in legal:
            raise usage(f"--duration {seconds} is not legal for {name}", f"legal: {spans(legal)} seconds")

    def of(self, parameters: dict) -> float:
        """How long the video of a body will be, 0 when its inputs decide or the model does."""
        seconds = parameters.get("duration", self.usual)
        known = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < math.inf
        return seconds if known else 0

    def follows(self, parameters: dict) -> bool:
        """Whether the video will be as long as what is given."""
        return not self.usual and self.legal is not None and parameters.get("duration") in (None, 0)

    def chosen(self, parameters: dict) -> tuple:
        """(least, most) seconds where the model chooses, None where it does not."""
        real = [one for one in self.legal or () if one > 0]
        return (real[0], real[-1]) if parameters.get("duration") == -1 and -1 in self.legal else None


def spans(seconds) -> str:
    """2, 3, 4, 5 as `2 to 5`."""
    found: list = []
    for number in sorted(seconds):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in found)


FOLLOWS = Seconds((), 0)  # as long as the video or sound given
UNKNOWN = Seconds(None, 0)


# ---- which shape -----------------------------------------------------------------------------------------

class Given:
    """Nothing is said of the shape: the input decides.
    What the price depends on, if anything, is the parameter `priced`."""

    tiers, ratios, default, sizes = (), (), "", {}

    def __init__(self, priced: str = "", default: str = ""):
        self.priced, self.usual = priced, default

    def put(self, parameters: dict, ask, name: str, ratio: bool) -> None:
        """Put what is asked on the parameters. `ratio`: whether a shape may be asked for. Raises usage."""
        if ask.resolution or ask.size or ask.ratio:
            raise usage(f"{name} takes no --resolution, --size or --ratio",
                        "leave them out; the input decides")

    def tier(self, parameters: dict) -> str:
        """What the price depends on."""
        return str(parameters.get(self.priced, self.usual))


class Anything(Given):
    """Models of other vendors, and ids newer than the table: what is given is sent under the usual names.
    `takes`: the flags that the model has. `tiers`: its resolutions, () where they are not known.
    `priced` as above."""

    def __init__(self, *takes, ratio: str = "ratio", tiers=(), priced: str = "resolution", default: str = ""):
        super().__init__(priced, default)
        self.takes, self.ratio, self.tiers = takes or ("resolution", "size", "ratio"), ratio, tuple(tiers)

    def untold(self) -> Anything:
        """The same for an id whose resolutions are not known."""
        return Anything(*self.takes, ratio=self.ratio, priced=self.priced, default=self.usual)

    def put(self, parameters: dict, ask, name: str, ratio: bool) -> None:
        wrong = [flag for flag in ("resolution", "size", "ratio")
                 if getattr(ask, flag) and flag not in self.takes]
        if wrong:
            raise usage(f"{name} takes no --{wrong[0]}",
                        f"leave it out; the shape is given by --{' and --'.join(self.takes)}")
        _refuse_both(ask)
        if self.tiers:
            _refuse_other("resolution", ask.resolution, self.tiers, name)
        if ask.resolution:
            parameters["resolution"] = ask.resolution
        if ask.size:
            parameters["size"] = _pixels(ask.size)
        if ask.ratio:
            parameters[self.ratio] = ask.ratio

    def tier(self, parameters: dict) -> str:
        named = parameters.get(self.priced)
        return named if isinstance(named, str) else self.usual


class Tiers(Given):
    """A tier's name, and a ratio where the way of using the model has one. `sizes`: tier -> ratio -> pixels,
    where they are known; the first ratio is taken when nothing is said."""

    def __init__(self, tiers, default: str, ratios=RATIOS, sizes=None):
        super().__init__("resolution", default)
        self.tiers, self.default, self.ratios, self.sizes = tuple(tiers), default, tuple(ratios), sizes or {}

    def put(self, parameters: dict, ask, name: str, ratio: bool) -> None:
        self.check(ask, name)
        if not ratio and (ask.ratio or ask.size):
            raise usage(f"{name} takes no --ratio and no --size here: "
                        "the shape follows the input picture or video",
                        "for another shape crop that first; --resolution chooses how many pixels")
        tier, shape = self.found(ask.size, name) if ask.size else (ask.resolution, ask.ratio)
        parameters.update({"resolution": tier} if tier else {}, **({"ratio": shape} if shape else {}))

    def tier(self, parameters: dict) -> str:
        named = parameters.get("resolution")
        return named if isinstance(named, str) else self.default

    def check(self, ask, name: str) -> None:
        """Raise usage for a tier or ratio that the model does not have."""
        _refuse_both(ask)
        for flag, value, legal in (("resolution", ask.resolution, self.tiers),
                                   ("ratio", ask.ratio, self.ratios)):
            _refuse_other(flag, value, legal, name)

    def found(self, size: tuple, name: str) -> tuple:
        """(tier, ratio) of a size of the table."""
        legal = {pixels: (tier, ratio) for tier in self.tiers
                 for ratio, pixels in self.sizes.get(tier, {}).items()}
        if not legal:
            raise usage(f"{name} takes no --size",
                        f"use --resolution {'|'.join(self.tiers)} and --ratio {'|'.join(self.ratios)}")
        if size not in legal:
            close = sorted(legal, key=lambda one: abs(one[0] - size[0]) + abs(one[1] - size[1]))
            shown = [f"{width}x{height}" for width, height in close]
            raise usage(f"--size {size[0]}x{size[1]} is not legal for {name}",
                        f"nearest: {' or '.join(shown[:2])}; legal: {', '.join(sorted(shown))}")
        return legal[size]


class Pixels(Tiers):
    """Pixels on the wire: a tier and a ratio are looked up among the sizes."""

    def put(self, parameters: dict, ask, name: str, ratio: bool) -> None:
        if not ratio and (ask.resolution or ask.size or ask.ratio):
            raise usage(f"{name} takes no --resolution, --size or --ratio here",
                        "leave them out; the input decides")
        self.check(ask, name)
        if ask.size:
            self.found(ask.size, name)
            parameters["size"] = _pixels(ask.size)
        elif ask.resolution or ask.ratio:
            ratio = ask.ratio or self.ratios[0]
            parameters["size"] = _pixels(self._size(ask.resolution or self.default, ratio, name))

    def _size(self, tier: str, ratio: str, name: str) -> tuple:
        if ratio not in self.sizes[tier]:
            raise usage(f"--ratio {ratio} does not exist at {tier} for {name}",
                        f"legal: {', '.join(self.sizes[tier])}")
        return self.sizes[tier][ratio]

    def tier(self, parameters: dict) -> str:
        """The tier of the pixels; of a size that is not in the table, the size itself."""
        if "size" not in parameters:
            return super().tier(parameters)
        known = {_pixels(pixels): tier for tier in self.tiers for pixels in self.sizes[tier].values()}
        return known.get(str(parameters["size"]), str(parameters["size"]))


class Loose:
    """The shape of a model, for an id newer than the table: what the model does not have is sent as it is."""

    def __init__(self, shape):
        self.tiers, self._shape = shape.tiers, shape

    def put(self, parameters: dict, ask, name: str, ratio: bool) -> None:
        try:
            self._shape.put(parameters, ask, name, ratio)
        except Failure:
            Anything().put(parameters, ask, name, ratio)

    def tier(self, parameters: dict) -> str:
        """As the model tells it; a size that the model does not send has no price."""
        is_named = "size" not in parameters or isinstance(self._shape, Pixels)
        return self._shape.tier(parameters) if is_named else str(parameters["size"])


def _refuse_both(ask) -> None:
    if ask.size and (ask.resolution or ask.ratio):
        raise usage("--size does not go with --resolution and --ratio", "give the size, or the other two")


def _refuse_other(flag: str, value, legal: tuple, name: str) -> None:
    if value and value not in legal:
        raise usage(f"--{flag} {value} is not legal for {name}", f"legal: {', '.join(legal)}")


def _pixels(size: tuple) -> str:
    return f"{size[0]}*{size[1]}"


# ---- the prompt ------------------------------------------------------------------------------------------

class Prompt(namedtuple("Prompt", "most wide", defaults=(False,))):
    """The most characters that are read, 0 for no limit;
    `wide`: Chinese, Japanese and Korean ones count twice."""

    __slots__ = ()

    def check(self, text: str, name: str) -> None:
        """Raise usage for a prompt whose end the service would cut off without a word."""
        wide = sum("\u2e80" <= one <= "\u9fff" or "\uac00" <= one <= "\ud7af" for one in text)
        size = len(text) + self.wide * wide
        if self.most and size > self.most:
            chinese = f", or {self.most // 2} Chinese ones" if size != len(text) else ""
            raise usage(f"the prompt has {len(text)} characters, but {name} reads {self.most}{chinese}",
                        "shorten it: the service silently cuts off the rest")


# ---- the price -------------------------------------------------------------------------------------------

class Price(namedtuple("Price", "tiers silent given most_given", defaults=({}, False, 0))):
    """CNY for a second of video in Beijing, by tier ('' for any). `silent`: the same without sound. `given`:
    whether seconds of the videos given are billed too, of at most `most_given` seconds (0: all)."""

    __slots__ = ()

    def each(self, tier: str, sound) -> float | None:
        """CNY a second, None where it is not known. `sound` is False for a video without."""
        tiers = self.silent if self.silent and sound is False else self.tiers
        return tiers.get(tier, tiers.get(""))

    def billed(self, seconds: float) -> float:
        """How many seconds of the videos given are billed."""
        return min(seconds, self.most_given or math.inf) if self.given else 0.0

    def words(self) -> str:
        silent = f"; silent {_by_tier(self.silent)}" if self.silent else ""
        return _by_tier(self.tiers) + silent

    def basis(self) -> str:
        """What is billed, in words."""
        given = f" + given (to {self.most_given} s)" if self.most_given else " + given"
        return "made" + given * self.given


def _by_tier(tiers: dict) -> str:
    return ", ".join(f"{tier} {yuan:.2f}".strip() for tier, yuan in tiers.items())
