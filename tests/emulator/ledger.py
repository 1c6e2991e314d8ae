"""What was accepted, and so paid for: a line for each create, and the counts that tests compare."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

KEPT_CREATES = 400_000


@dataclass
class Create:
    """An accepted create. `pictures`, or `seconds` of a video, are billed; a failure or a cancellation makes them 0."""
    model: str
    prompt: str
    n: int
    pictures: int
    path: str
    request_id: str
    task_id: str                       # "" of a call that answers at once
    key_sha256: str
    at: float                          # by the emulator's clock
    seconds: float = 0                 # of video, those of the input included where they are billed
    details: Dict[str, Any] = field(default_factory=dict)      # of a video: size, tier, watermark, sound, media and so on


def summary(emulator: Epoch) -> Dict[str, Any]:
    """The counts, for another process to look at."""
    prompts = Counter(create.prompt for create in list(emulator.creates))
    downloads = list(emulator.downloads)
    return {"creates": sum(prompts.values()), "pictures": sum(create.pictures for create in list(emulator.creates)),
            "seconds": sum(create.seconds for create in list(emulator.creates)),
            "prompts": len(prompts), "per_prompt_max": max(prompts.values(), default=0),
            "most_running": dict(emulator.most_running), "most_unfinished": dict(emulator.most_unfinished),
            "tasks": len(emulator.tasks), "results": len(emulator.results),
            "downloads": sum(download.method == "GET" for download in downloads),
            "downloads_by_status": Counter(str(download.status) for download in downloads),
            "authorized_downloads": sum(download.authorized for download in downloads)}
