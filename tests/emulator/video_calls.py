"""Video generation: the calls that make tasks, and the one that looks at a portrait."""
from __future__ import annotations

from functools import partial
from typing import Any, Dict, Optional

from tests.emulator import image_models, images, models, native, tasks, video_answers, video_models
from tests.emulator.images import NO_MODEL, NO_SYNC, WRONG_URL
from tests.emulator.ledger import Create
from tests.emulator.video_checks import Job, read
from tests.emulator.video_families import EXCLUSIVE
from tests.emulator.video_models import VideoModel
from tests.emulator.wire import Exchange, Fate, Refusal, Reply, invalid, json_reply, parse_json

LATE = ("InvalidParameter.DataInspection", "InvalidParameter.ImageFormat", "InvalidFile.", "InvalidURL")  # a task may find it out later


def create(exchange: Exchange) -> Reply:
    body = parse_json(exchange)
    model = _model(exchange, body.get("model"))
    if exchange.headers.get("x-dashscope-async") != "enable":
        raise NO_SYNC
    try:
        job = read(exchange, body, model)
    except Refusal as refusal:
        found_later = exchange.emulator.late_refusals and str(refusal.native).startswith(LATE)
        if refusal is not EXCLUSIVE and not found_later:
            raise
        failure = Fate("task-failed", {"code": refusal.native, "message": refusal.native_message})
        return tasks.created(exchange, tasks.create(exchange, model.name, partial(images.failed_end, failure, False, 0)))
    fate = images.fate_of(exchange, job)
    task = tasks.create(exchange, model.name, partial(_end, exchange.emulator, job, fate))
    _accept(exchange, job, fate, task.id)
    return tasks.created(exchange, task)


def detect(exchange: Exchange) -> Reply:
    """Whether a portrait can speak. Billed whatever comes out."""
    body = parse_json(exchange)
    model = _model(exchange, body.get("model"))
    if exchange.headers.get("x-dashscope-async") == "enable":
        raise native.NO_ASYNC
    job = read(exchange, body, model)
    fate = images.fate_of(exchange, job)
    emulator = exchange.emulator
    emulator.bill(Create(model.name, "", 1, 1, exchange.path, exchange.request_id, "", exchange.key_sha256 or "", emulator.clock()))
    output: Dict[str, Any] = {"check_pass": True, "humanoid": True}
    if fate is not None and fate.name == "no-human":
        output = {"check_pass": False, "code": fate.parameters.get("code", "InvalidFile.NoHuman"),
                  "message": fate.parameters.get("message", "The input image has no human body.")}
    return json_reply({"output": output, "usage": {"image_count": 1}, "request_id": exchange.request_id})


def _model(exchange: Exchange, name: Any) -> VideoModel:
    """The row, if the model is served at this path."""
    if not name or not isinstance(name, str):
        raise NO_MODEL
    model = find(exchange, name)
    if model is None:
        known = models.find(name, exchange.emulator.models) or image_models.find(name, exchange.emulator.image_models)
        raise invalid(WRONG_URL) if known else models.unknown(name)
    if model.path != exchange.captured["service"].rstrip("/"):
        raise invalid(WRONG_URL)
    return model


def find(exchange: Exchange, name: Any) -> Optional[VideoModel]:
    if not isinstance(name, str) or name.startswith("wan2.1-") and exchange.host != "dashscope-intl":
        return None                                    # the spelling of the other region
    return video_models.find(name, exchange.emulator.video_models)


def _accept(exchange: Exchange, job: Job, fate: Optional[Fate], task_id: str) -> None:
    emulator = exchange.emulator
    free = fate is not None and fate.name in ("task-failed", "task-canceled", "task-empty")
    details = {"size": f"{job.width}*{job.height}", "tier": job.tier, "output_seconds": job.seconds,
               "input_seconds": job.input_seconds, "watermark": job.watermark, "sound": job.sound, "media": list(job.roles)}
    emulator.bill(Create(job.model.name, job.prompt, 1, 0, exchange.path, exchange.request_id, task_id, exchange.key_sha256 or "",
                         emulator.clock(), 0 if free else video_answers.billed(job), details))
    if emulator.latency:
        emulator.pause(emulator.latency)


def _end(emulator: Any, job: Job, fate: Optional[Fate], owner: str) -> tasks.End:
    name = fate.name if fate else ""
    if name == "task-failed":
        return images.failed_end(fate, False, 0, owner)
    if name == "task-canceled":
        return tasks.End(tasks.CANCELED)
    if name == "task-unknown":
        return tasks.End(tasks.UNKNOWN)
    if name == "task-empty":
        return tasks.End(usage={"duration": 0, "video_count": 0})
    return video_answers.end(emulator, job, owner)
