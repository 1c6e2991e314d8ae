"""Subtitles beside a spoken file, in SubRip form. Pure."""
from __future__ import annotations

import tts_text

CUE = 84  # counting units of its text: two lines


def subtitles(parts: list, spans: list) -> str:
    """A SubRip file. `spans` are the (begin, end) of each part in seconds."""
    cues: list = []
    for part, (begin, end) in zip(parts, spans):
        if part.shown.strip():
            cues.append(f"{len(cues) + 1}\n{_clock(begin)} --> {_clock(end)}\n{_lines(part.shown)}\n")
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"


def _lines(text: str) -> str:
    """A cue's text in lines of at most half a cue; never an empty line, which would end it."""
    text = " ".join(text.split())
    return "\n".join(line.strip() for line in tts_text.split(text, CUE // 2) if line.strip())
