"""What came back: every family's finished task as a list of parts, and how many seconds are billed.

Source: sections 1.3, 3.2, 6 (usage) and 12.3 of the video contract.
"""
from __future__ import annotations

import math
import re

from shared.body import object_in
from shared.tasks.answers import link_in, links_in

_LINKS = ("video_url", "output_video_url")
_FILM = re.compile(r"\.(mp4|mov|webm|mkv)$", re.IGNORECASE)
_BARE = re.compile(r"/[^./]+$")  # a name that tells no type


def parts_of(body: dict) -> list:
    """The video of an answer: its link stands in the output,
    or one level deeper in `results`, which is an object then. Elsewhere it must be the only one."""
    output = object_in(body, "output")
    results = output.get("results")
    more = [results] if isinstance(results, dict) else results if isinstance(results, list) else []
    places = [output, *more]
    for place in places:
        for name in _LINKS:
            link = link_in(place.get(name)) if isinstance(place, dict) else ""
            if link:
                return [_media(link, output)]
    link = _only_film(links_in(body))
    return [_media(link, output)] if link else []


def _only_film(links: list) -> str:
    """The one of several links that leads to a video, '' where none does or more than one."""
    for kind in (_FILM, _BARE):
        fitting = [link for link in links if kind.search(re.split("[?#]", link, maxsplit=1)[0])]
        if fitting:
            return fitting[0] if len(fitting) == 1 else ""
    return ""


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
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except ValueError:
        return 0.0
    return number if 0 < number < math.inf else 0.0
