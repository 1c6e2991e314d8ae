"""What came back: every family's result as one list of parts,
and the stream of interleaved text and pictures.

Source: sections 1.3, 3.2, 5.8 and 12.3 of the image contract.
"""
from __future__ import annotations

import re

from shared.body import countable, object_in, objects_in
from shared.tasks.answers import likely, link_in, links_in

_LINKS = ("image_url", "output_image_url", "output_vis_image_url")  # of tools, directly in the output
_MOST = 1000  # pictures of one call; what counts more is no count
_LISTS = ("render_urls", "bg_urls")
_PICTURE = re.compile(r"^data:image/|\.(png|jpe?g|webp|bmp|gif|tiff?|avif|heic)$", re.IGNORECASE)
_MEDIA = re.compile("image|pic|url|b64|media|file", re.IGNORECASE)  # in a name


def parts_of(body: dict) -> list:
    """The parts of an answer in its order: media with `url`, text, and errors of single results; behind them
    what the service remarks of a task that is done.

    Pictures may be several choices or several items of one choice, so both levels are walked;
    what else the wrapper holds does not matter. Where no place of the families has a result, others are
    looked at; beside a text these must end like pictures.
    """
    output = object_in(body, "output")
    lists = [output.get(name) for name in _LISTS]
    links = [link_in(output.get(name)) for name in _LINKS]
    links += [link_in(link) for found in lists if isinstance(found, list) for link in found]
    parts = [part for part in [*(part for _, part in _read(output)), *map(_media, links)] if part]
    if all(part["kind"] == "text" for part in parts):
        links = likely(links_in(body), _PICTURE)
        parts += [_media(link) for link in links if not parts or _PICTURE.search(link.partition("?")[0])]
    return _once(parts) + _remark(output)


def _remark(output: dict) -> list:
    said = output.get("message") if output.get("task_status") == "SUCCEEDED" else None
    return [{"kind": "remark", "text": said}] if isinstance(said, str) and said.strip() else []


def has_unread(body: dict) -> bool:
    """Whether a place for results holds one that cannot be read."""
    return any(part is None and _names_media(item) for item, part in _read(object_in(body, "output")))


def _names_media(item: dict) -> bool:
    said = [str(item.get("type") or ""), *(name for name, value in item.items() if value)]
    return any(_MEDIA.search(name) for name in said)


def _read(output: dict) -> list:
    """(item, its part or None) for all that the families' places for results hold."""
    found = []
    for choice in objects_in(output, "choices"):
        message = object_in(choice, "message")
        content = message.get("content")
        if isinstance(content, str):
            links = links_in(content)
            found += [({}, part) for part in ([_media(link) for link in links] or [_text(content)])]
        else:
            items = [content] if isinstance(content, dict) else objects_in(message, "content")
            found += [(item, _of_item(item)) for item in items]
    return found + [(result, _of_result(result)) for result in objects_in(output, "results")]


def _once(parts, before=()) -> list:
    """The parts without the links that stand in front of them already, as wanx-v1 lists each twice."""
    links, found = {part.get("url") for part in before}, []
    for part in parts:
        if part["kind"] != "media" or part["url"] not in links:
            found.append(part)
        links.add(part.get("url"))
    return found


def _media(link: str):
    return {"kind": "media", "url": link} if link else None


def _text(value):
    return {"kind": "text", "text": value} if isinstance(value, str) and value else None


def _of_item(item: dict):
    link = link_in(item.get("image")) or link_in(item.get("image_url"))
    return _media(link) or _text(item.get("text")) or _media(link_in(item))


def _of_result(result: dict):
    link = next(filter(None, (link_in(result.get(name)) for name in ("url", "image", *_LINKS))), "")
    is_error = bool(result.get("code") or result.get("message"))
    link = link or ("" if is_error else link_in(result))
    if link:
        prompt = result.get("actual_prompt")
        return {**_media(link), **({"actual_prompt": prompt} if isinstance(prompt, str) else {})}
    if is_error:
        return {"kind": "error", "code": str(result.get("code") or ""),
                "message": str(result.get("message") or "")}
    return None


class Stream:
    """Interleaved text and pictures as they arrive. Events are increments; `usage` is what stands so far,
    `unread` the events that cannot be read."""

    def __init__(self, arrived):
        self.parts: list = []
        self.unread: list = []
        self.usage: dict = {}
        self.request_id = ""
        self._arrived = arrived  # called after each picture

    def take(self, events, headers: dict) -> None:
        """Read the stream to its end; a failure after something has come keeps what came."""
        from shared.failures import Failure
        try:
            for event in events:
                if isinstance(event.data, dict):
                    self._add(event.data, headers)
        except Failure as failure:
            if self.parts:
                failure.partial = {"text": self.text}
            raise

    def _add(self, data: dict, headers: dict) -> None:
        self.request_id = str(data.get("request_id") or self.request_id or headers.get("x-request-id", ""))
        self.usage = data.get("usage") if isinstance(data.get("usage"), dict) else self.usage
        parts = parts_of(data)
        if not parts or has_unread(data):
            self.unread.append(data)
        for part in _once(parts, self.parts):
            if part["kind"] == "text" and self.parts and self.parts[-1]["kind"] == "text":
                self.parts[-1]["text"] += part["text"]
            else:
                self.parts.append(part)
            if part["kind"] == "media":
                self._arrived(self)

    @property
    def text(self) -> str:
        return "".join(part["text"] for part in self.parts if part["kind"] == "text")

    def answer(self) -> dict:
        """The stream as if it had been one answer."""
        return {"usage": self.usage, "request_id": self.request_id, "text": self.text, "events": self.unread}


def is_article(parts: list) -> bool:
    """Whether these are text and pictures in turn: more than a prompt as it was drawn, which comes last."""
    kinds = [part["kind"] for part in parts if part["kind"] in ("media", "text")]
    return "media" in kinds and "text" in kinds[:-1]


def settle(parts: list, mode: str) -> list:
    """Outside of interleaved answers a text is the prompt as it was really drawn;
    it goes with the pictures. A remark counts in translations: it tells why nothing was translated."""
    remark = "".join(part["text"] for part in parts if part["kind"] == "remark" and mode == "translate")
    parts = [part for part in parts if part["kind"] != "remark"]
    if mode == "interleave":
        return parts
    written = "".join(part["text"] for part in parts if part["kind"] == "text")
    rest = [part for part in parts if part["kind"] != "text"]
    for part in rest:
        if part["kind"] == "media" and written:
            part.setdefault("actual_prompt", written)
        if part["kind"] == "media" and remark:
            part["remark"] = remark
    return rest or [{"kind": "error", "code": "", "message": remark}] * bool(remark)


def markdown(parts: list, files: list) -> str:
    """Interleaved text and pictures as Markdown; `files` are the names of the pictures in their order."""
    from urllib.parse import quote
    names, blocks = iter(files), []
    for part in parts:
        if part["kind"] == "text":
            blocks.append(part["text"].strip())
        elif part["kind"] == "media":
            blocks.append(f"![]({quote(next(names, ''))})")
    return "\n\n".join(block for block in blocks if block) + "\n"


def count_of(usage: dict, known: int, names=("image_count", "output_image_count")) -> int:
    """How many pictures are billed: what the service says, else what is known of those that came."""
    for name in names:
        count = countable(usage.get(name))
        if isinstance(count, int) and count <= _MOST:
            return count
    return known
