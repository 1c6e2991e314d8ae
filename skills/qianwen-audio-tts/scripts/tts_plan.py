"""From a text to the parts that are spoken, each small enough for one call,
with the silences between them. Pure."""
from __future__ import annotations

import re
from collections import namedtuple

import tts_text
from tts_borders import CONTROL_TAG, CONTROL_TAGS, SOUND_TAGS
from shared.failures import usage
from tts_reading import markdown, paragraphs

HEADING_PAUSE = 600  # ms before and after a heading, unless --pause says otherwise

# pause: ms of silence before the part.
# spoken: what is sent; shown: the same without what only steers the voice.
Part = namedtuple("Part", "spoken shown pause")


def read(text: str, kind: str, pause: int | None) -> list:
    """Sections of text, each with the silence before it in ms.
    kind: "markdown", "file", "ssml" or "" for text as it is."""
    if kind == "ssml":
        if pause:
            raise usage("--pause has no effect with SSML, which is spoken as one document",
                        'write <break time="500ms"/> in it, or leave --pause out')
        return [(text.strip(), 0)]
    found = [(text, 0)]
    if kind or pause:
        read_as = markdown if kind == "markdown" else paragraphs
        found = [(paragraph.text, paragraph.heading) for paragraph in read_as(text)]
    if not found:
        raise usage("nothing in the text can be read aloud",
                    "headings, paragraphs and lists are read; code and link targets are not")
    sections: list = []
    after_heading = False
    for words, heading in found:
        silence = _silence(bool(heading) or after_heading, pause) if sections else 0
        if sections and not silence:
            sections[-1] = (sections[-1][0] + "\n" + words, sections[-1][1])
        else:
            sections.append((words, silence))
        after_heading = bool(heading)
    return sections


def _silence(heading: bool, pause: int | None) -> int:
    if pause == 0 or not (heading or pause):
        return 0
    return max(HEADING_PAUSE, pause or 0) if heading else pause


def split(sections: list, limit: int, *, tags: bool = False, whole: bool = False) -> list:
    """The Parts of all sections, none above `limit` counting units.
    `whole`: the one section is SSML and stays as it is."""
    if whole:
        return [Part(text.strip(), tts_text.without_marks(text.strip()), silence)
                for text, silence in sections]
    reserved = _room(sections) if tags and len(sections) > 1 else 0
    pieces = [(piece, silence if number == 0 else 0) for text, silence in sections
              for number, piece in enumerate(tts_text.split(text, max(20, limit - reserved), tags=tags))]
    spoken = [piece for piece, _ in pieces]
    spoken = tts_text.with_tags(spoken, limit) if tags else spoken
    parts: list = []
    waiting = 0  # silence before the next part; what has nothing to be spoken is left out
    for said, (piece, silence) in zip(spoken, pieces):
        waiting = max(waiting, silence)
        if tts_text.speakable(CONTROL_TAG.sub("", piece) if tags else piece):
            shown = (_TAG.sub("", piece) if tags else piece).strip()
            parts.append(Part(said.strip(), shown, waiting if parts else 0))
            waiting = 0
    if not parts:
        raise usage("there is nothing in the text that can be spoken", "write words, not only marks")
    return parts


_TAG = re.compile(r"\[(?:%s)\] ?" % "|".join((*CONTROL_TAGS, *SOUND_TAGS)), re.IGNORECASE)


def _room(sections: list) -> int:
    """The room for a control tag that goes on beyond a pause."""
    return max((tts_text.units(tag) + 1 for text, _ in sections for tag in _TAG.findall(text)), default=0)
