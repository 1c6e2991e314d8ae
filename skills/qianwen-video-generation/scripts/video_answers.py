"""What came back: every family's finished task as a list of parts, and how many seconds are billed.

Source: sections 1.3, 3.2, 6 (usage) and 12.3 of the video contract.
"""
from __future__ import annotations

import re

from shared.body import countable, object_in
from shared.tasks.answers import likely, link_in, links_in

_LINKS = ("video_url", "output_video_url")
_FILM = re.compile(r"^data:video/|\.(mp4|mov|webm|mkv)$", re.IGNORECASE)
_OTHER = re.compile(r"^data:image/|\.(png|jpe?g|webp|gif|wav|mp3)$", re.IGNORECASE)


def parts_of(body: dict) -> list:
    """The videos of an answer: their links stand in the output,
    or one level deeper in `results`, which is an object then. Elsewhere one that does not end like a video must
    be the only one."""
    output = object_in(body, "output")
    results = output.get("results")
    more = [results] if isinstance(results, dict) else results if isinstance(results, list) else []
    places = [place for place in [output, *more] if isinstance(place, dict)]
    links = [link_in(place.get(name)) for place in places for name in _LINKS]
    films = likely(links_in(body), _FILM) if not any(links) else []
    if all(map(_is_film, films)) or len(films) == 1 and not _OTHER.search(films[0].partition("?")[0]):
        links += films
    return [_media(link, output) for link in dict.fromkeys(links) if link]


def _is_film(link: str) -> bool:
    return bool(_FILM.search(link.partition("?")[0]))


def _media(link: str, output: dict) -> dict:
    prompt = output.get("actual_prompt")
    known = {"actual_prompt": prompt} if isinstance(prompt, str) and prompt else {}
    return {"kind": "media", "url": link, **known}


def seconds_of(usage: dict, measured: float) -> float:
    """The billed seconds: what the service says, else the length of the file."""
    told = (number_of(usage.get(name)) for name in ("duration", "video_duration"))
    return round(next(filter(None, told), measured), 2)


def number_of(value) -> float:
    """A number of seconds above 0 as the service writes it, as a number or as text; 0 for anything else."""
    try:
        return float(countable(float(value) if isinstance(value, str) else value) or 0)
    except ValueError:
        return 0.0
