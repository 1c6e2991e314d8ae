"""What an image call gives: the pictures published, and the forms in which the models tell their addresses."""
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from tests.emulator import drawing, results, tasks
from tests.emulator.call import tokens
from tests.emulator.image_checks import TIER_1K, Job
from tests.emulator.image_models import CHOICES, IMAGE_URL, OUTPUT_IMAGE, POSTER, RESULTS
from tests.emulator.wire import dumps

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

STEP_TOKENS = 120                      # what a picture adds to the output tokens of a mixed answer


def draw(job: Job, owner: str, index: int) -> bytes:
    notes = {"prompt": job.prompt, "index": str(index), "owner": owner, "model": job.model.name, "given": str(job.given)}
    return drawing.png(job.width, job.height, job.colour or drawing.colour_of(job.prompt), job.seed + index, notes)


def publish(emulator: Epoch, job: Job, owner: str, count: int) -> List[str]:
    return [results.publish(emulator, owner, index, partial(draw, job, owner, index)) for index in range(count)]


# Choices

def choices(job: Job, urls: List[str], typed: bool) -> List[Dict[str, Any]]:
    items: List[Dict[str, Any]] = [{"type": "image", "image": url} if typed else {"image": url} for url in urls]
    if job.mixed:
        items = list(_mixed_items(job, urls))
    if job.model.has("text_item"):
        items.append({"text": _final_prompt(job)})
    if job.one_choice or job.mixed:
        return [_choice(job, items)]
    return [_choice(job, [item]) for item in items]


def _choice(job: Job, items: List[Dict[str, Any]]) -> Dict[str, Any]:
    message: Dict[str, Any] = {"role": "assistant", "content": items}
    if job.model.has("text_item"):
        message["reasoning_content"] = "The picture needs a light." if job.extended else ""
    return {"finish_reason": "stop", "message": message}


def _mixed_items(job: Job, urls: List[str]) -> Iterator[Dict[str, Any]]:
    for number, url in enumerate(urls, 1):
        yield {"type": "text", "text": f"Step {number}: {job.prompt[:40]} "}
        yield {"type": "image", "image": url}
    yield {"type": "text", "text": "Done."}


def _final_prompt(job: Job) -> str:
    return job.prompt + ", in soft light, with much detail" if job.extended else job.prompt


def at_once(emulator: Epoch, job: Job, request_id: str, count: int) -> Dict[str, Any]:
    """The body of a call that answers at once."""
    urls = publish(emulator, job, request_id, count)
    output: Dict[str, Any] = {"choices": choices(job, urls, job.model.has("typed"))}
    if job.model.has("finished"):
        output["finished"] = True
    if job.model.has("metric"):
        output["task_metric"] = {"TOTAL": job.n, "SUCCEEDED": count, "FAILED": job.n - count}
    if job.model.usage == "qima":
        output["rewrite_status"] = "not_use"
    return {"output": output, "usage": usage(job, count), "request_id": request_id}


def stream(emulator: Epoch, job: Job, request_id: str, count: int) -> Iterator[bytes]:
    """A mixed answer: each event brings a bit of text or a whole picture; the usage is that of everything so far."""
    items = list(_mixed_items(job, publish(emulator, job, request_id, count)))
    asked, said, seen = tokens(job.prompt), 0, 0
    for number, item in enumerate(items, 1):
        said += STEP_TOKENS if "image" in item else tokens(item["text"])
        seen += "image" in item
        last = number == len(items)
        value = {"output": {"choices": [{"message": {"role": "assistant", "content": [item]}, "finish_reason": "stop"
                                         if last else "null"}],
                            "finished": last},
                 "usage": {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said, "image_count": seen,
                           "size": f"{job.width}*{job.height}" if seen else "0*0"},
                 "request_id": request_id}
        yield f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:".encode() + dumps(value) + b"\n\n"


# Usage

def usage(job: Job, count: int) -> Dict[str, Any]:
    return USAGES[job.model.usage](job, count)


def _sides(job: Job, count: int) -> Dict[str, Any]:
    return {"height": job.height, "image_count": count, "width": job.width}


def _qima(job: Job, count: int) -> Dict[str, Any]:
    tier = "1k" if job.width * job.height <= TIER_1K else "2k"
    return {"output_height": job.height, "output_width": job.width, "input_image_count": job.given,
            "input_image_type": f"qima_input_{'2k' if job.large else '1k'}",
            "output_image_count": count, "output_image_type": f"qima_output_{tier}"}


def _wan(job: Job, count: int) -> Dict[str, Any]:
    said = STEP_TOKENS * count if job.mixed else 0
    asked = tokens(job.prompt) if job.mixed else 0
    return {"image_count": count, "size": f"{job.width}*{job.height}", "input_tokens": asked, "output_tokens": said,
            "total_tokens": asked + said}


def _z(job: Job, count: int) -> Dict[str, Any]:
    asked, said = (tokens(job.prompt), 40) if job.extended else (0, 0)
    return {"width": job.width, "height": job.height, "image_count": count, "input_tokens": asked, "output_tokens": said,
            "total_tokens": asked + said, "output_tokens_details": {"reasoning_tokens": said // 2}}


def _kling(job: Job, count: int) -> Dict[str, Any]:
    return {"size": f"{job.width}*{job.height}", "image_count": count, "SR": "1080"}


USAGES = {"sides": _sides, "qima": _qima, "wan": _wan, "z": _z, "kling": _kling, "count": lambda job,
          count: {"image_count": count}}


# The ends of tasks

def end(emulator: Epoch, job: Job, owner: str, count: int, failed: Optional[Dict[str, str]] = None) -> tasks.End:
    """A success; `failed` stands for the pictures that are missing, where the model tells them."""
    urls = publish(emulator, job, owner, count)
    output = ENDS[job.model.result](job, urls, failed)
    told = usage(job, count) if job.model.result == CHOICES else {"image_count": count}
    return tasks.End(output=output, usage=told)


def _choices_end(job: Job, urls: List[str], failed: Optional[Dict[str, str]]) -> Dict[str, Any]:
    output: Dict[str, Any] = {"finished": True} if job.model.has("finished") else {"rewrite_status": "not_use"}
    return {**output, "choices": choices(job, urls, True) if urls else []}


def _results_end(job: Job, urls: List[str], failed: Optional[Dict[str, str]]) -> Dict[str, Any]:
    told = {"orig_prompt": job.prompt} if job.model.has("rewritten") else {}
    if told and job.extended:
        told["actual_prompt"] = job.prompt + ", in soft light, with much detail"
    entries: List[Dict[str, str]] = [{**told, "url": url} for url in urls]
    if failed:
        entries += [dict(failed) for _ in range(job.n - len(urls))]
    told = {"error_message": "Success"} if job.model.name == "wanx-style-repaint-v1" else {}
    return {"results": entries, **told, "task_metrics": {"TOTAL": job.n, "SUCCEEDED": len(urls), "FAILED": job.n - len(urls)}}


def _image_url_end(job: Job, urls: List[str], failed: Optional[Dict[str, str]]) -> Dict[str, Any]:
    return {"image_url": url for url in urls}


def _output_image_end(job: Job, urls: List[str], failed: Optional[Dict[str, str]]) -> Dict[str, Any]:
    output = {"output_image_url": url for url in urls}
    if job.model.has("visible") and urls:
        output["output_vis_image_url"] = urls[0]
    return output


def _poster_end(job: Job, urls: List[str], failed: Optional[Dict[str, str]]) -> Dict[str, Any]:
    return {"render_urls": urls, "bg_urls": urls}


ENDS = {CHOICES: _choices_end, RESULTS: _results_end, IMAGE_URL: _image_url_end, OUTPUT_IMAGE: _output_image_end,
        POSTER: _poster_end}
