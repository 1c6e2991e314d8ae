"""What the answers of calls that make files have in common, whatever their family: where links may stand
besides its own places, as gateways write them, and what was made by the service's own count."""
from __future__ import annotations

import hashlib
import re

from ..body import countable, object_in, objects_in, plain
from ..transport.addresses import link_of

_OTHERS = re.compile(  # fields whose links lead to what went in, or beside the result
    "(input|orig|prompt|ref|base_|mask|cover|thumb|first_|last_|callback|doc|help|source|request|text"
    "|reason|search|cit|share|report|page|icon|logo|watermark|preview|log_|logs)", re.IGNORECASE)
_LINK = re.compile("(https?://|data:(image|video)/)", re.IGNORECASE)
_PICTURE = re.compile(  # of Markdown; no "[" within, so that what is no picture is passed in one go
    r"!\[[^\[\]]*\]\(\s*<?((?:https?://|data:)[^\s>)\[]+)>?\s*\)", re.IGNORECASE)
_KINDS = {"image": re.compile(r"^data:image/|\.(png|jpe?g|webp|bmp|gif|tiff?)$", re.IGNORECASE),
          "video": re.compile(r"^data:video/|\.(mp4|mov|webm|mkv)$", re.IGNORECASE)}
_BARE = re.compile(r"/[^./]+$")  # a name that tells no type
_DEEPEST = 20  # levels in which links are looked for
_MOST_RESULTS = 1000  # of one call; what counts more is no count
_BEGINNING = 400  # characters, below the limits of all models
_COUNTS = ("image_count", "output_image_count", "video_count")


def link_in(value) -> str:
    """The link in a place that is made for one: as text, in an object, or alone in a list; '' without one."""
    inner = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(inner, dict) and not isinstance(inner.get("url"), str):
        links = links_in(inner)
        return links[0] if len(links) == 1 else ""
    inner = inner.get("url") if isinstance(inner, dict) else inner
    link = link_of(inner)
    match = _PICTURE.fullmatch(link)
    link = match.group(1) if match else link
    return link if inner is value or _LINK.match(link) else ""


def links_in(value, depth: int = _DEEPEST) -> list:
    """Everything in an answer that is a link to a result, or the result itself in base64; each once."""
    found: list = []
    if isinstance(value, str):
        link = link_of(value)
        found = [link] if _LINK.match(link) else _PICTURE.findall(value)
    elif isinstance(value, (dict, list)) and depth:
        items = value.items() if isinstance(value, dict) else (("", one) for one in value)
        for name, one in items:
            if name == "b64_json" and isinstance(one, str) and one:
                found.append("data:image/png;base64," + link_of(one))
            elif not _OTHERS.match(name):
                found += links_in(one, depth - 1)
    return list(dict.fromkeys(found))


def likely(links: list, media) -> list:
    """Those links of unknown places that lead to a result: the ones that the pattern `media` knows, else those
    that tell no type; any other must be alone."""
    for kind in (media, _BARE):
        fitting = [link for link in links if kind.search(re.split("[?#]", link, maxsplit=1)[0])]
        if fitting:
            return fitting
    return links if len(links) == 1 else []


def kind_of(answer: dict) -> str:
    """What all links of an answer lead to by their ends, "image" or "video"; '' where that is not clear."""
    ends = [re.split("[?#]", link, maxsplit=1)[0] for link in links_in(answer)]
    kinds = {kind for kind, pattern in _KINDS.items() if ends and all(map(pattern.search, ends))}
    return kinds.pop() if kinds else ""


def usage_of(answer: dict) -> dict:
    """The service's own object, as far as JSON can carry it."""
    return plain(object_in(answer, "usage"))


def whole_answer(answer: dict) -> dict:
    """An answer as it is kept where it cannot be read."""
    return plain(answer)


def makes_nothing(answer: dict) -> bool:
    """Whether the service itself counts no result, which is not billed then."""
    output = object_in(answer, "output")
    metrics = object_in(output, "task_metrics") or object_in(output, "task_metric")
    told = [*(usage_of(answer).get(name) for name in _COUNTS), metrics.get("SUCCEEDED")]
    counts = [str(count).strip() for count in told if isinstance(count, (int, str))]
    return bool(counts) and all(count == "0" for count in counts)


def counts_more(answer: dict, made: int) -> bool:
    """Whether the service counts more results than were found in its answer."""
    told = [countable(usage_of(answer).get(name)) or 0 for name in _COUNTS]
    return any(made < count <= _MOST_RESULTS for count in told)


def original_prompt(body) -> str:
    """The prompt that the answer of a task repeats, '' where it does not."""
    output = object_in(body, "output")
    results = output.get("results")
    first = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    found = output.get("orig_prompt") or first.get("orig_prompt")
    return found if isinstance(found, str) else ""


def asked_prompt(body: dict) -> str:
    """The prompt in the body of a create, '' without one."""
    given = object_in(body, "input")
    if isinstance(given.get("prompt"), str):
        return given["prompt"]
    messages = objects_in(given, "messages")
    texts = [item["text"] for item in (objects_in(messages[-1], "content") if messages else ())
             if isinstance(item.get("text"), str)]
    return texts[0] if len(texts) == 1 else ""


def hash_of(prompt: str) -> str:
    """What tells a prompt in a record, which may hold no key, while a prompt may; '' of none. Its beginning
    counts, as a model that reads no more may repeat no more."""
    words = " ".join(prompt.split())[:_BEGINNING]
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest() if words else ""


def repeats(record: dict, body) -> bool | None:
    """Whether the answer of a task repeats the prompt of a record; None where either tells none."""
    told, asked = hash_of(original_prompt(body)), record.get("hash")
    return told == asked if told and asked else None
