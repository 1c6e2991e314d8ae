"""A text or vision call of either dialect in one form, so that checks and answers need only one spelling."""
from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Dict, List

from tests.emulator import sight
from tests.emulator.models import ALWAYS, ON, Model
from tests.emulator.wire import Exchange, dumps

MEDIA_TOKENS = (("image_tokens", sight.PICTURE), ("video_tokens", sight.VIDEO))
OCR_PROMPT = "Please output only the text content from the image without any additional descriptions or formatting."


@dataclass
class Call:
    exchange: Exchange
    model: Model
    messages: List[Any]
    options: Dict[str, Any]            # everything but model, messages, stream and stream_options
    stream: bool = False
    include_usage: bool = False
    native: bool = False
    incremental: bool = True           # native streams may repeat the whole text in each event
    seen: List[sight.Seen] = field(default_factory=list)      # pictures and videos, once the checks have looked at them

    @property
    def thinking(self) -> bool:
        if self.model.can("th"):
            return self.options.get("thinking", {}).get("type") != "disabled"
        if self.options.get("reasoning_effort") == "none":
            return False
        if self.model.hybrid:
            return bool(self.options.get("enable_thinking", self.model.thinking == ON))
        return self.model.thinking == ALWAYS

    @property
    def json_format(self) -> str:
        """"json_object", "json_schema" or "" for plain text."""
        kind = self.options.get("response_format", {}).get("type", "text")
        return "" if kind == "text" else kind

    @property
    def form(self) -> str:
        """The format that is kept to: a schema is lowered to JSON objects where there are media, without a word."""
        return "json_object" if self.json_format and self.seen else self.json_format

    @property
    def partial(self) -> bool:
        return bool(self.messages[-1].get("partial"))

    def last_text(self, role: str) -> str:
        return next((text_of(message) for message in reversed(self.messages) if message["role"] == role), "")

    @cached_property
    def text_tokens(self) -> int:
        tools = dumps(self.options["tools"]).decode() if self.options.get("tools") else ""
        text = "".join(text_of(message) for message in self.messages)
        return tokens((text or (OCR_PROMPT if self.model.can("ocr") else "")) + tools)

    @cached_property
    def media_tokens(self) -> Dict[str, int]:
        """image_tokens and video_tokens, those that are known."""
        if self.model.sight is None:
            return {}
        high = bool(self.options.get("vl_high_resolution_images"))
        counted = {name: sight.total(self.seen, kind, self.model.sight, high) for name, kind in MEDIA_TOKENS}
        return {name: count for name, count in counted.items() if count}

    @property
    def prompt_tokens(self) -> int:
        return self.text_tokens + sum(self.media_tokens.values())


def text_of(message: Dict[str, Any]) -> str:
    """The text of a message; media parts count as nothing."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or [] if "text" in part)


def tokens(text: str) -> int:
    """The emulator's estimate: four ASCII characters or one other character make a token."""
    plain = len(text.encode("ascii", "ignore"))
    return max(1, -(-plain // 4) + len(text) - plain) if text else 0
