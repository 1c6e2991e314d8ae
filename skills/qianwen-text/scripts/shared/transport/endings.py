"""What the reason means with which an answer ends (`finish_reason`): whether it is not what was asked for."""
from __future__ import annotations

from ..failures import Exit

# Words in the reason, exit code, what happened, what to do. Other reasons are ends like any.
_BAD = (
    (("filter", "inspect", "sensitiv", "safety", "recitation", "prohibit", "block", "refus"), Exit.CONTENT,
     "content inspection stopped the answer", "rephrase the question"),
    (("resource", "overload", "capacity"), Exit.FAILED,
     "the service had no capacity to finish the answer", "run the command again in a minute"),
    (("error", "abort", "cancel", "timeout", "time_out", "fail", "interrupt"), Exit.FAILED,
     "the service ended the answer before it was complete", "run the command again"),
)


def bad_end(reason: str) -> tuple:
    """(exit code, what happened, what to do) of an end that is none; the code is None of a good one."""
    reason = reason.lower()
    return next((row[1:] for row in _BAD if any(word in reason for word in row[0])), (None, "", ""))


def at_limit(reason: str) -> bool:
    """Whether the limit of what an answer may have ended it."""
    return reason.lower() in ("length", "max_tokens")
