"""A video call while it is judged."""
from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from tests.emulator.video_models import VideoModel
from tests.emulator.wire import Exchange


@dataclass(frozen=True)
class Seen:
    """A medium that came in; what is unknown is 0, because it lies elsewhere."""
    role: str
    kind: str
    width: int = 0
    height: int = 0
    seconds: float = 0
    colour: Optional[Tuple[int, ...]] = None


@dataclass
class VideoCall:
    """A call while it is judged. `exchange` and `model` are what `addresses.fetch` looks at."""
    exchange: Exchange
    model: VideoModel
    input: Dict[str, Any]
    options: Dict[str, Any]
    seen: List[Seen] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        return str(self.input.get("prompt") or "")

    @property
    def types(self) -> List[str]:
        return [item["type"] for item in self.input.get("media", ())]

    def of(self, *kinds: str) -> List[Seen]:
        return [one for one in self.seen if one.kind in kinds]


def wide(letter: str) -> bool:
    """Whether a character takes two columns, as Chinese ones do."""
    return unicodedata.east_asian_width(letter) in "WF"
