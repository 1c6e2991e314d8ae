"""Image generation: the calls that answer at once, and those that make tasks."""
from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Dict, Optional

from tests.emulator import image_answers, image_models, models, native, speech, speech_models, tasks, video_models
from tests.emulator.image_checks import Job, read
from tests.emulator.image_models import RESULTS, ImageModel
from tests.emulator.ledger import Create
from tests.emulator.wire import Exchange, Fate, Refusal, Reply, invalid, json_reply, parse_json, stream_reply, streamed_refusal

WRONG_URL = "url error, please check url！"
NO_SYNC = Refusal(403, "access_denied", "current user api does not support synchronous calls.", native="AccessDenied")
NO_MODEL = Refusal(400, "BadRequest.EmptyModel", 'Required parameter "model" missing from request.')
MARK = "[emulator:"                    # a prompt with [emulator:task-failed] in it has its fate written in it


def multimodal(exchange: Exchange) -> Reply:
    """The endpoint that image models share with those that see: the model decides."""
    try:
        body = parse_json(exchange)
    except Refusal:
        return native.generate(exchange)               # says it in the form that was asked for
    if speech_models.is_speech(body.get("model")):
        return speech.generation(exchange)
    model = _find(exchange, body.get("model"))
    if model is None:
        if _makes_videos(exchange, body.get("model")):
            raise invalid(WRONG_URL)
        return native.generate(exchange)
    if not model.sync:
        raise invalid(WRONG_URL)
    if exchange.headers.get("x-dashscope-async") == "enable":
        raise native.NO_ASYNC
    try:
        job = read(exchange, body, model, at_once=True)
    except Refusal as refusal:
        if exchange.headers.get("x-dashscope-sse") != "enable":
            raise
        return streamed_refusal(exchange, refusal)
    count = _accepted(exchange, job)
    if job.mixed:
        return stream_reply(image_answers.stream(exchange.emulator, job, exchange.request_id, count))
    return json_reply(image_answers.at_once(exchange.emulator, job, exchange.request_id, count))


def at_once(exchange: Exchange, body: Dict[str, Any]) -> Dict[str, Any]:
    """The answer to a body whose model is known to answer at once."""
    job = read(exchange, body, _find(exchange, body["model"]), at_once=True)
    count = _accepted(exchange, job)
    return image_answers.at_once(exchange.emulator, job, exchange.request_id, count)


def _accepted(exchange: Exchange, job: Job) -> int:
    """How many pictures there will be, billed now."""
    count = _count(job, fate_of(exchange, job))
    _accept(exchange, job, count, "")
    return count


def create(exchange: Exchange) -> Reply:
    """One of the paths that make tasks."""
    body = parse_json(exchange)
    name, model = body.get("model"), _find(exchange, body.get("model"))
    if not name or not isinstance(name, str):
        raise NO_MODEL
    if model is None:
        known = models.find(name, exchange.emulator.models) or _makes_videos(exchange, name)
        raise invalid(WRONG_URL) if known else models.unknown(name)
    if model.task != exchange.captured["service"].rstrip("/"):
        raise invalid(WRONG_URL)
    if exchange.headers.get("x-dashscope-async") != "enable":
        raise NO_SYNC
    if model.required and model.shape == image_models.MESSAGES:      # it has another shape as a task
        model = replace(model, shape=image_models.FIELDS, result=RESULTS, usage="count")
    return _create(exchange, body, model)


def _create(exchange: Exchange, body: Dict[str, Any], model: ImageModel) -> Reply:
    emulator = exchange.emulator
    try:
        job = read(exchange, body, model, at_once=False)
    except Refusal as refusal:
        if not emulator.late_refusals or refusal.native not in LATE:
            raise
        failure = Fate("task-failed", {"code": refusal.native, "message": refusal.native_message})
        return tasks.created(exchange, tasks.create(exchange, model.name, partial(failed_end, failure, False, 0)))
    fate = fate_of(exchange, job)
    count = _count(job, fate)
    total = job.n if model.result == RESULTS else 0
    task = tasks.create(exchange, model.name, partial(_end, exchange.emulator, job, fate, count), total)
    _accept(exchange, job, count, task.id)
    return tasks.created(exchange, task)


LATE = frozenset(("InvalidParameter.DataInspection", "InvalidParameter.ImageFormat"))   # what a task may find out later


def _find(exchange: Exchange, name: Any) -> Optional[ImageModel]:
    model = image_models.find(name, exchange.emulator.image_models) if isinstance(name, str) else None
    if model and name.startswith("wan2.1-") and exchange.host != "dashscope-intl":
        return None                                    # the spelling of the other region
    return model


def _makes_videos(exchange: Exchange, name: Any) -> bool:
    return isinstance(name, str) and video_models.find(name, exchange.emulator.video_models) is not None


# What becomes of it

def fate_of(exchange: Exchange, job: Any) -> Optional[Fate]:
    if exchange.fate is not None:
        if exchange.fate.refusal is not None:
            raise exchange.fate.refusal
        return exchange.fate
    if MARK in job.prompt:
        return Fate(job.prompt.partition(MARK)[2].partition("]")[0])
    return None


def _count(job: Job, fate: Optional[Fate]) -> int:
    """How many pictures there will be, and are billed."""
    if fate is None:
        return job.n
    if fate.name in ("task-failed", "task-canceled", "task-empty"):
        return 0
    if fate.name == "task-partial":
        return max(0, job.n - int(fate.parameters.get("failed", 1)))
    if fate.name == "fewer-images":
        return max(0, min(job.n, int(fate.parameters.get("images", job.n - 1))))
    return job.n


def _accept(exchange: Exchange, job: Job, count: int, task_id: str) -> None:
    emulator = exchange.emulator
    emulator.bill(Create(job.model.name, job.prompt, job.n, count, exchange.path, exchange.request_id, task_id,
                         exchange.key_sha256 or "", emulator.clock()))
    if emulator.latency:
        emulator.pause(emulator.latency)


def _end(emulator: Any, job: Job, fate: Optional[Fate], count: int, owner: str) -> tasks.End:
    name = fate.name if fate else ""
    if name == "task-failed":
        return failed_end(fate, emulator.flat_failures and job.model.has("flat"), job.n if job.model.result == RESULTS else 0,
                       owner)
    if name == "task-canceled":
        return tasks.End(tasks.CANCELED)
    if name == "task-unknown":
        return tasks.End(tasks.UNKNOWN)
    if name == "task-empty":
        return tasks.End(output={"task_metrics": {"TOTAL": job.n, "SUCCEEDED": 0, "FAILED": 0}}, usage={"image_count": 0})
    failed = None
    if name == "task-partial":
        failed = {"code": fate.parameters.get("code", "DataInspectionFailed"),
                  "message": fate.parameters.get("message", "Output data may contain inappropriate content.")}
    end = image_answers.end(emulator, job, owner, count, failed)
    if name == "links-twice":          # seen of wanx-v1
        end.output["results"] = [entry for entry in end.output.get("results", []) for _ in range(2)]
    return end


def failed_end(fate: Fate, flat: bool, total: int, owner: str) -> tasks.End:
    told = fate.parameters
    output: Dict[str, Any] = {"code": told.get("code", "InternalError"),
                              "message": told.get("message", "An internal error has occurred.")}
    if total:
        output["task_metrics"] = {"TOTAL": total, "SUCCEEDED": 0, "FAILED": total}
    return tasks.End(tasks.FAILED, output, flat=flat if told.get("flat") is None else bool(told["flat"]))
