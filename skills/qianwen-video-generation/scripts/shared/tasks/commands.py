"""--tasks, --status and --cancel."""
from __future__ import annotations

from ..body import object_in
from ..failures import Exit, Failure, usage
from .answers import kind_of
from .bill import FETCHED
from .journal import is_submitting, Journal, READY, resume_command
from .polling import CANCELED, FAILED, PERHAPS, UNKNOWN

FRUITLESS = (FAILED, CANCELED)  # ends of a task that made nothing and is not billed
SCRIPTS = {"qianwen-text": "text.py", "qianwen-vision": "vision.py",
           "qianwen-image-generation": "image.py", "qianwen-video-generation": "video.py",
           "qianwen-audio-tts": "tts.py"}


def list_tasks(journal: Journal, console) -> None:
    """`--tasks`: the journal of this skill; sends nothing."""
    records = [record for record in journal.all() if record["skill"] == console.skill]
    rows = describe(records, journal)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "tasks": rows, "warnings": console.warnings})
        return
    for row in rows:
        said = f"{row['id']}  {row['state']}, {_age(row['age_seconds'])} old, {row['model']}: {row['prompt']}"
        console.result(f"{console.clean(said)}\n  {console.clean(_next_of(row))}\n")
    if not rows:
        console.note("nothing is waiting to be fetched")


def describe(records: list, journal: Journal) -> list:
    """The records as rows for `--tasks`, without what is private to the journal."""
    now = journal.now()
    rows = []
    for record in records:
        given = record["task_id"] or record["id"]
        rows.append({"id": given, "skill": record["skill"], "model": record.get("model", ""),
                     "state": "expired" if journal.expired(record) else record["state"],
                     "prompt": str(record.get("prompt", ""))[:80],
                     "age_seconds": int(now - record["created"]), "output": record.get("output", ""),
                     "resume": resume_command(given, journal)})
    return rows


def _next_of(row: dict) -> str:
    note = "too old to fetch, by this machine's clock; ask the service: " if row["state"] == "expired" else ""
    return note + row["resume"]


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def show_status(given: str, record: dict | None, runner, journal: Journal, console) -> str:
    """`--status ID`: one look, nothing fetched. Returns the status."""
    if record and record["state"] == READY and not record["task_id"]:  # of a direct call nobody can be asked
        status = "EXPIRED" if journal.expired(record) else "READY"
        say_status({"task_id": record["id"], "status": status}, journal, console)
        return status
    task_id = record["task_id"] if record else given
    if not task_id:
        task_id = runner.look_for(record)
    status, body = runner.look(task_id)
    if record and record.get("found"):
        runner.check_ours(record, body)
    output = object_in(body, "output")
    facts = {"task_id": task_id, "status": status, "code": output.get("code") or body.get("code"),
             "message": output.get("message") or body.get("message"), "request_id": body.get("request_id")}
    if status in ("", PERHAPS):
        said = ": ".join(str(facts[name]) for name in ("code", "message") if facts[name])
        raise Failure(Exit.FAILED, f"the service's answer has no status of {task_id}", said and f"it says {said}",
                      f"ask again: {resume_command(task_id, journal, '--status')}", task_id=task_id,
                      request_id=str(body.get("request_id") or ""), retryable=True)
    say_status({name: value for name, value in facts.items() if value}, journal, console)
    if status == UNKNOWN and not console.json_mode:
        console.note(runner.kept)
    return status


def show_fetched(given: str, note: dict, billing: dict, console) -> None:
    """`--resume ID` of what is fetched already, by the journal's note on it; `at`: where the files are now.
    Raises the Failure that the fetch ended with, where not all had been made."""
    files, failed = note.get("at", note["files"]), note.get("failed")
    paths = ", ".join(entry["path"] for entry in note["files"])
    console.note(f"{given} was fetched already to {paths}: {FETCHED}")
    for entry in files:
        console.result(entry["path"] + "\n")
    if failed:
        failure = Failure(Exit(failed["exit_code"]), failed["message"], failed["cause"], failed["fix"],
                          code=failed["code"], files=files, request_id=note.get("request_id") or "", task_id=given)
        failure.billing = billing
        raise failure
    if console.json_mode:
        found = {"model": note.get("model"), "request_id": note.get("request_id"), "task_id": given,
                 "text": note.get("text"), "files": files, "gallery": note.get("gallery"), "usage": note.get("usage")}
        console.document({"ok": True, "skill": console.skill,
                          **{name: value for name, value in found.items() if value},
                          "fetched": True, "billing": billing, "warnings": console.warnings})


def say_status(facts: dict, journal: Journal, console) -> None:
    """What `--status` says, in words or as the document."""
    if console.json_mode:
        more = {} if facts["status"] in FRUITLESS else {"resume": resume_command(facts["task_id"], journal)}
        console.document({"ok": True, "skill": console.skill, **facts, **more, "warnings": console.warnings})
        return
    said = ": ".join(str(facts[name]) for name in ("status", "code", "message") if facts.get(name))
    console.result(console.clean(said) + "\n")
    if facts["status"] in ("SUCCEEDED", "READY"):
        console.note(f"fetch it with: {resume_command(facts['task_id'], journal)}")
    elif facts["status"] == "EXPIRED":
        console.note("its links are older than 24 hours by this machine's clock; "
                     f"see whether they still work: {resume_command(facts['task_id'], journal)}")


def cancel(given: str, runner, journal: Journal, console) -> None:
    """`--cancel ID`: possible only while the task waits, or jobs are at work. Raises Failure where it is not."""
    record = journal.find(given)
    if record and is_submitting(record):
        runner.look_for(record)
    task_id = record["task_id"] if record else given
    if record and not task_id:
        raise usage(f"{given} is no task: its result is there, and nothing can be cancelled",
                    f"fetch it with: {resume_command(given, journal)}")
    if record and record.get("found") and given != task_id:
        runner.prove_ours(record)
    runner.cancel(task_id, record)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "task_id": task_id, "status": "CANCELED",
                          "warnings": console.warnings})
    else:
        console.result(f"{task_id} cancelled\n")


def check_same_skill(record: dict | None, skill: str) -> None:
    """A record of another skill is read by that skill's script alone; a task that nobody here started may be
    either's. Raises usage."""
    if record and record["skill"] != skill and "output" in record:
        script = SCRIPTS.get(record["skill"], "the script that created it")
        raise usage(f"{record['task_id'] or record['id']} belongs to {record['skill']}",
                    f"give it to {script}")


def check_kind(record: dict, answer: dict, accept: str) -> None:
    """A task that another machine, or nobody here, started may be one of another script. Raises usage."""
    kind = kind_of(answer) if "output" not in record else ""
    if kind and not accept.startswith(kind):
        raise usage(f"{record['task_id']} is {'a video' if kind == 'video' else 'of pictures'}",
                    f"give it to {SCRIPTS[f'qianwen-{kind}-generation']}")


def check_same_account(record: dict | None, endpoint) -> None:
    """A task is known only where it was made."""
    here = endpoint.origin + endpoint.prefix
    if record and record.get("endpoint") and record["endpoint"] != here:
        raise usage(f"{record['task_id'] or record['id']} was started at {record['endpoint']}, "
                    f"but this run would ask {here}",
                    "set QWEN_BASE_URL or QWEN_REGION as they were, then run it again")
