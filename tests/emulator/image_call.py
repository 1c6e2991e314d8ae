"""An image call while it is judged."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List

from tests.emulator.image_models import ImageModel
from tests.emulator.looks import Look
from tests.emulator.wire import Exchange


@dataclass
class ImageCall:
    """A call while it is judged. `exchange` and `model` are what `addresses.fetch` looks at."""
    exchange: Exchange
    model: ImageModel
    input: Dict[str, Any]
    options: Dict[str, Any]
    at_once: bool
    prompt: str = ""
    looks: List[Look] = field(default_factory=list)
    given: int = 0                     # pictures in the request

    @property
    def sequential(self) -> bool:
        return self.options.get("enable_sequential") is True

    @property
    def mixed(self) -> bool:
        return self.options.get("enable_interleave") is True
