"""Answers that are paid and of which no result, or not all, can be read: they are kept for people, as
NAME.partial.json, with the links in them whole."""
from __future__ import annotations

import json
import os

from ..body import elide_media, object_in
from ..failures import BAD_LINK, Exit, Failure
from ..files.outputs import OutputFiles
from ..words import counted
from .answers import whole_answer
from .journal import Journal, resume_command

_EXPIRES = "what was not read may be billed; a link in the answer expires after 24 hours"


def keep(record: dict, answer: dict, outputs: OutputFiles, console) -> None:
    """Save an answer and note in its record where it is; once, however often it is asked for."""
    kept, said = record.get("unread_file") or "", ""
    if not os.path.isfile(kept):
        kept, said = _saved(answer, outputs, console)
    record["unread"] = f"the whole answer is in {kept}" if kept else f"the service answered {said}"
    record["unread_file"] = kept and os.path.abspath(kept)


def check(record: dict, delivery, noun: str) -> None:
    """Raise Failure where an answer had more than was saved."""
    if "unread" in record:
        kept, made = record["unread_file"], counted(len(delivery.files), noun)
        raise Failure(Exit.PARTIAL, f"{made} saved, but the answer has more in a form that cannot be read",
                      record["unread"], _EXPIRES,
                      files=[*delivery.files, *([{"partial": kept}] if kept else [])],
                      request_id=record.get("request_id", ""), task_id=record["task_id"], accepted="maybe")


def of_task(record: dict, journal: Journal, noun: str) -> Failure:
    """The Failure of a task that is done, whose answer was kept; its record stays."""
    kept = record["unread_file"]
    command = resume_command(record["task_id"] or record["id"], journal)
    return Failure(Exit.UNSAVED,
                   f"the task {record['task_id']} succeeded, but its answer has no link to a {noun} "
                   "that can be read",
                   record["unread"], f"open the links in it within 24 hours, or ask for it again with: {command}",
                   code=BAD_LINK, files=[{"partial": kept}] if kept else [], task_id=record["task_id"],
                   request_id=record.get("request_id", ""), resume=command, accepted="maybe")


def of_answer(answer: dict, outputs: OutputFiles, console, noun: str) -> Failure:
    """The Failure of a direct answer without anything that can be read: it cannot be fetched again, so it is
    saved."""
    kept, said = _saved(answer, outputs, console)
    what = f"the service answered without a link to a {noun} that can be read"
    return Failure(Exit.FAILED, what + (f"; the whole answer is in {kept}" if kept else ""),
                   f"the service answered {said[:500] if kept else said}",
                   request_id=str(answer.get("request_id") or ""), accepted="maybe",
                   files=[{"partial": kept}] if kept else [])


def nothing(answer: dict, record: dict, noun: str) -> Failure:
    """The Failure of an answer with which the service itself counts no result."""
    output = object_in(answer, "output")
    said = str(output.get("message") or answer.get("message") or "")
    return Failure(Exit.FAILED, f"the service answered without a {noun}{': ' + said if said else ''}",
                   fix="change the request, or run it again; a missing result is not billed",
                   request_id=str(answer.get("request_id") or ""), task_id=record["task_id"])


def _saved(answer: dict, outputs: OutputFiles, console) -> tuple:
    """(the file with an answer, '' where the disk refuses it; the beginning of the answer as text)."""
    answer = console.redact_result(whole_answer(answer))
    try:
        temporary = outputs.temporary()
        temporary.file.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
        kept = outputs.save_partial(temporary, 1, "json")
    except OSError:
        kept = ""
    return kept, json.dumps(elide_media(answer), ensure_ascii=False)[:100_000]
