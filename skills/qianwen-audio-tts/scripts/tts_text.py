"""Long text for speech: billing units, slices at natural borders,
and inline tags carried from slice to slice.

Borders have four ranks: paragraph, sentence, clause and word; where a window holds none, a grapheme border is
the last resort. Source of the counting rule and of the tags: sections 2.2 and 6.4 of the speech contract.
"""
from __future__ import annotations

import re
import unicodedata

from tts_borders import Borders, CONTROL_TAG, HAN, joined, PART, SPACE, UNSPACED, WIDE_PUNCTUATION

_HAN_CHARACTER = re.compile(f"[{HAN}]")
_LOOSE_CHARACTER = re.compile(f"[{UNSPACED}{WIDE_PUNCTUATION}]")


def units(text: str) -> int:
    """What the service bills for a text: 2 for each Han character, 1 for everything else."""
    return len(text) + len(_HAN_CHARACTER.findall(text))


def without_marks(text: str) -> str:
    """The words of an SSML document, which alone are billed."""
    from xml.etree import ElementTree
    try:
        return " ".join("".join(ElementTree.fromstring(text).itertext()).split())
    except (ElementTree.ParseError, ValueError):
        return text


def speakable(text: str) -> bool:
    """Whether a text holds anything to be spoken: a letter, a digit or a symbol such as an emoji."""
    return any(character.isalnum() or unicodedata.category(character) == "So" for character in text)


def split(text: str, limit: int, count=units, tags: bool = False) -> list:
    """Slices that make up the text when joined,
    each of at most `limit` after strip(), none of white space only.

    `count` measures a string; it must not shrink when the string grows. Whole sentences are packed as long as
    they fit; a paragraph end is preferred once a slice is half full. With `tags`, what stands in brackets is
    kept whole, and slices leave room for the longest control tag of the text, so that with_tags() can repeat
    it in front of them; a tag that would take more than a third of the limit gets no room. Raises ValueError
    for a limit below 2 or below one character.
    """
    if limit < 2:
        raise ValueError(f"the limit {limit} is less than one Han character counts")
    if not text.strip():
        return [text] if text else []
    room = _reserve(text, limit, count) if tags else 0
    return list(_Splitter(text, limit - room, count, tags).slices())


# ---- inline tags ---------------------------------------------------------------------------------------

def with_tags(pieces: list, limit: int | None = None, count=units) -> list:
    """The pieces, each beginning with the control tag that is active where it begins.

    Sound tags are not repeated. A tag that would bring a piece over the limit is left out.
    """
    tagged, active = [], ""
    for piece in pieces:
        fits = limit is None or count(f"{active} {piece}".strip()) <= limit
        repeats = active and fits and not CONTROL_TAG.match(piece.lstrip())
        tagged.append(f"{active} {piece}" if repeats else piece)
        active = (CONTROL_TAG.findall(piece) or [active])[-1]
    return tagged


def _reserve(text: str, limit: int, count) -> int:
    """The room for the longest control tag of the text and a space."""
    sizes = {count(tag + " ") for tag in set(CONTROL_TAG.findall(text))}
    return max((size for size in sizes if size * 3 <= limit), default=0)


# ---- slices --------------------------------------------------------------------------------------------

class _Splitter:
    """Walks through a text: how far a slice may reach, and the best border on the way."""

    # A border is taken when the slice is this full, in per cent.
    FULL = {"paragraph": 50, "sentence": 25, "clause": 25}

    def __init__(self, text: str, limit: int, count, tags: bool):
        self.text, self.limit, self.count = text, limit, count
        self.borders = Borders(text, tags)
        self._reached = (-1, -1)

    def slices(self):
        start = 0
        while start < len(self.text):
            begin = SPACE.match(self.text, start).end()
            end = self._reach(begin)
            border = end if end == len(self.text) else self._border(begin, end)
            yield self.text[start:border]
            start = border

    def _reach(self, begin: int) -> int:
        """How far a slice may go at most: the limit, and the white space behind it."""
        if self._reached[0] != begin:
            self._reached = begin, SPACE.match(self.text, self._measure(begin)).end()
        return self._reached[1]

    def _measure(self, begin: int) -> int:
        """The greatest end with count(text[begin:end]) within the limit: doubling, then halving."""
        low, step, length = begin, self.limit, len(self.text)
        while low < length and self._fits(begin, min(low + step, length)):
            low, step = min(low + step, length), step * 2
        high = min(low + step, length + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(begin, middle) else (low, middle)
        if low == begin:
            raise ValueError(f"the limit {self.limit} is below what {self.text[begin]!r} counts")
        return low

    def _fits(self, begin: int, end: int) -> bool:
        return self.count(self.text[begin:end]) <= self.limit

    def _border(self, begin: int, end: int) -> int:
        weak = 0
        for rank, full in self.FULL.items():
            border = self.borders.last(rank, begin, end)
            if border:
                is_full = self.count(self.text[begin:border].rstrip()) * 100 >= self.limit * full
                if is_full or (rank != "paragraph" and self._rest_fits(rank, border)):
                    return border
            weak = max(weak, border)
        return self._word_border(begin, end) or weak or self._last_resort(begin, end)

    def _rest_fits(self, rank: str, border: int) -> bool:
        """Whether what comes after a border, up to the next of its rank, fits into one slice."""
        return self._reach(border) >= self.borders.next(rank, border)

    def _word_border(self, begin: int, end: int) -> int:
        for position in range(end, begin, -1):
            if self._between_words(begin, position) and self.borders.allows(position):
                return position
        return 0

    def _between_words(self, begin: int, position: int) -> bool:
        before, after = self.text[position - 1], self.text[position]
        if before.isspace() or after.isspace():
            return not after.isspace()
        if _CLOSE_PAIR.match(before + after):
            return False
        return (_loose(before) or _loose(after)) and not joined(self.text, position, begin)

    def _last_resort(self, begin: int, end: int) -> int:
        """A cut where no border is: before something to be kept whole, in a token after a slash or the like,
        or anywhere between grapheme clusters."""
        kept = self.borders.kept(end)
        is_before = kept and kept[0] > begin and self._reach(kept[0]) >= kept[1]
        if is_before and speakable(self.text[begin:kept[0]]):
            return kept[0]
        window = self.text[begin:end]
        parts = [begin + match.end() for match in PART.finditer(window, len(window) // 2)]
        for position in (begin + _last_space(window), *reversed(parts), *range(end, begin, -1)):
            if position > begin and not joined(self.text, position, begin):
                return position
        return end


# A number and its measure word; the letters of a foreign word.
_CLOSE_PAIR = re.compile(rf"\d[{HAN}]|第\d|[\u30a1-\u30ff][\u30a1-\u30ff]")


def _last_space(window: str) -> int:
    """The end of the last white space inside a string; 0 for none."""
    return len(window) - len(window.rstrip().split()[-1]) if len(window.split()) > 1 else 0


def _loose(character: str) -> bool:
    """Whether words may be parted next to a character:
    of a script without spaces, or a symbol such as an emoji."""
    return bool(_LOOSE_CHARACTER.match(character)) or unicodedata.category(character) == "So"
