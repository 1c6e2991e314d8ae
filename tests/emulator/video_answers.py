"""What a video call gives: the usage of each family, the file published, and the end of its task."""
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict

from tests.emulator import filming, results, tasks
from tests.emulator.video_checks import Job
from tests.emulator.video_models import OUTPUT_VIDEO, RESULTS

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

LINES = {"2K": 1440, "4K": 2160}


def film(job: Job, owner: str, index: int, size: int) -> bytes:
    notes = {"prompt": job.prompt, "owner": owner, "index": str(index), "model": job.model.name, "given": " ".join(job.roles),
             "watermark": "yes" if job.watermark or index else "no", "sound": "yes" if job.sound else "no"}
    return filming.mp4(job.width, job.height, job.seconds, job.fps, job.colour, notes, size)


def publish(emulator: Epoch, job: Job, owner: str, index: int = 0) -> str:
    return results.publish(emulator, owner, index, partial(film, job, owner, index, emulator.video_bytes), "mp4", "video/mp4")


def end(emulator: Epoch, job: Job, owner: str) -> tasks.End:
    url = publish(emulator, job, owner)
    if job.model.result == RESULTS:
        output: Dict[str, Any] = {"results": {"video_url": url}}
    elif job.model.result == OUTPUT_VIDEO:
        output = {"output_video_url": url}
    else:
        output = {**job.told, "video_url": url}
    if job.model.name.startswith("kling/"):
        output["watermark_video_url"] = publish(emulator, job, owner, 1)
    return tasks.End(output=output, usage=usage(job))


# Usage

def billed(job: Job) -> float:
    return job.seconds + job.input_seconds


def lines(job: Job) -> int:
    return LINES.get(job.tier) or int(job.tier[:-1])


def usage(job: Job) -> Dict[str, Any]:
    return USAGES[job.model.usage](job)


def _plain(job: Job) -> Dict[str, Any]:
    told = {"duration": billed(job), "input_video_duration": job.input_seconds, "output_video_duration": job.seconds,
            "video_count": 1, "SR": lines(job)}
    return {**told, "audio": job.audio} if job.audio is not None and job.model.name.endswith("i2v-flash") else told


def _old(job: Job, ratio: str) -> Dict[str, Any]:
    return {"video_duration": job.seconds, "video_ratio": ratio, "video_count": 1}


def _size(job: Job) -> str:
    return f"{job.width}*{job.height}"


USAGES: Dict[str, Callable[[Job], Dict[str, Any]]] = {
    "plain": _plain,
    "ratio": lambda job: {**_plain(job), "ratio": job.ratio},
    "sized": lambda job: {**_plain(job), "size": _size(job)},
    "short": lambda job: {"duration": job.seconds, "video_count": 1, "SR": lines(job)},
    "old": lambda job: _old(job, _size(job)),
    "standard": lambda job: _old(job, "standard"),
    "kf2v": lambda job: {"video_duration": job.seconds, "video_count": 1, "SR": lines(job)},
    "animate": lambda job: {"video_duration": job.seconds, "video_ratio": "pro" if job.quality == "wan-pro" else "standard"},
    "s2v": lambda job: {"duration": job.seconds, "size": _size(job), "fps": job.fps, "video_count": 1, "SR": lines(job)},
    "style": lambda job: {"duration": job.seconds, "SR": lines(job)},
    "vendor": lambda job: {"duration": job.seconds, "video_count": 1, "SR": str(lines(job))},
}
