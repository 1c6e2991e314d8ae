"""How a failure is told: in words on stderr, and in the JSON document."""
from __future__ import annotations

from ..failures import Exit, Failure
from .console import Console


def tell(console: Console, failure: Failure) -> None:
    """Report a failure: in words on stderr, and as the JSON document where one was asked for."""
    console.end_result()
    explain(console, failure)
    if failure.bill:
        console.note(failure.bill)
    if console.json_mode:
        console.document(failure_document(console, failure))


def explain(console: Console, failure: Failure) -> None:
    """What happened, why, and what to do next, on stderr."""
    facts = [f"HTTP {failure.http_status}" if failure.http_status else "", failure.code,
             f"request id {failure.request_id}" if failure.request_id else ""]
    facts = ", ".join(fact for fact in facts if fact)
    lines = [f"error: {failure.message}" + (f"  [{facts}]" if facts else "")]
    fix = (failure.fix if not any(failure.fix in shown for shown in console.advised)
           else "do what the warning above says")
    lines += [f"  {name}: {text}" for name,
              text in (("why", failure.cause), ("next", fix if failure.fix else "")) if text]
    console.say(*lines)


def error_object(console: Console, failure: Failure) -> dict:
    """The `error` object of the JSON document."""
    return {name: console.clean(value) if isinstance(value, str) else value
            for name, value in failure.as_error().items()}


def failure_document(console: Console, failure: Failure) -> dict:
    """The JSON document of a failure."""
    kept = console.redact_result({"task_id": failure.task_id, "resume": failure.resume,
                                  "files": failure.files, "partial": failure.partial})
    document = {"ok": False, "skill": console.skill, "exit_code": int(failure.exit_code),
                "warnings": console.warnings, "error": error_object(console, failure), **kept,
                "billing": failure.billing}
    always = ("ok", "skill", "exit_code", "warnings", "error", "files")
    return {name: value for name, value in document.items() if value or name in always}


def defect(error: Exception, console: Console) -> Failure:
    """An exception nobody expected, as a Failure; --verbose shows where it came from."""
    if console.verbose:
        import traceback
        console.detail(*(f"  | {line}" for line in traceback.format_exc().splitlines()))
    return Failure(Exit.UNEXPECTED, f"a defect of this script: {type(error).__name__}: {error}")
