"""What is known of a job of the Batch API: how far it is, what the service's answers say of it, and how its batch
goes on after a failure."""
from __future__ import annotations

import re

from ..body import objects_in
from ..failures import Exit, Failure
from ..money.cost import parts
from ..tasks.bill import cost_counted
from ..tasks.journal import Journal, resume_command

# A job goes from a file on this disk to one in the account; its create was sent, or is about to be; it is
# created, and its results are in the folder.
WRITTEN, UPLOADED, CREATING, CREATED, MERGED = "written", "uploaded", "creating", "created", "merged"
UNKNOWN, GONE = "unknown", "gone"  # not known to the service with this key; given up by the user
ENDS = ("failed", "completed", "expired", "cancelled", GONE)
_REPEAT = re.compile(r"\W*(?:\b(?:then|and|or) )?\brun (?:the (?:same )?command|it) again")
_ID = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,200}")


def most_results(job: dict) -> int:
    """How many rows of a job may have run: all of one that ran to its end, whatever it counts (updates 10.3),
    or that nobody can ask any more; as many as are counted of one that was stopped, none of one that failed
    the validation."""
    if job["status"] in ("completed", UNKNOWN, GONE):
        return job["rows"]
    return 0 if job["status"] == "failed" else job.get("done", 0)


def furthest(jobs: list, others: list) -> list:
    """Jobs of a command that only looked, those of the record where another command has changed their state."""
    there = {job["file"]: job for job in others}
    found = [(job, there.get(job["file"], job)) for job in jobs]
    return [job if job["state"] == other["state"] else other for job, other in found]


def files_of(job: dict) -> list:
    """The ids of the files that a job has in the account."""
    return [job[name] for name in ("input", "output", "errors") if job.get(name)]


def share_of(job: dict):
    """What one row of a job is counted with."""
    return parts(cost_counted(job), [1, job["rows"] - 1])[0]


def reasons_of(errors) -> list:
    """Why a job failed at validation, in words. Its lines are other ones than those of the file of rows."""
    found = []
    for one in objects_in(errors, "data")[:5]:
        line = f"line {one['line']} of the job's own file: " if one.get("line") else ""
        found.append(f"{line}{one.get('message') or one.get('code') or 'no reason given'}")
    return found


def number_of(value) -> int:
    """A count, which may come as text."""
    return int(value) if str(value).isdecimal() else 0


def is_id(value) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def id_of(reply, what: str) -> str:
    if not is_id(reply.body.get("id")):
        raise Failure(Exit.FAILED, f"the service gave no id for the {what}", request_id=reply.request_id,
                      accepted="maybe")
    return reply.body["id"]


def check_stopped(record: dict, journal: Journal) -> None:
    """Raise Failure where a cancellation found nothing to stop or to give up: what was done can be fetched."""
    states = {job["status"] for job in record["jobs"] if job["state"] != MERGED}
    if states and states <= {*ENDS} - {GONE}:
        resume = resume_command(record["id"], journal)
        raise Failure(Exit.FAILED, f"{record['id']} cannot be cancelled: it has ended ({', '.join(sorted(states))})",
                      "rows that were done are billed", f"fetch its result: {resume}", accepted="maybe",
                      task_id=record["id"], resume=resume)


def with_way(failure: Failure, record: dict, journal: Journal) -> Failure:
    """A failure that says how the batch goes on: by --resume, in place of the command again, which takes no other
    folder and replaces nothing in it."""
    failure.resume, failure.task_id = resume_command(record["id"], journal), record["id"]
    first = _REPEAT.split(failure.fix)[0]
    if "--output" in first or "--overwrite" in first:
        first = f"move what is in the way to another place, or make {record['output']} writable"
    failure.fix = f"{first}; then go on with: {failure.resume}" if first else f"go on with: {failure.resume}"
    return failure
