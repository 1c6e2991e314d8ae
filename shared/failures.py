"""Exit codes, the one typed failure, and usage errors."""
from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes all five scripts share."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    KEY = 3
    QUOTA = 4
    RUNNING = 5
    NETWORK = 6
    EXISTS = 7
    FAILED = 8
    UNSAVED = 9
    CONTENT = 10
    PARTIAL = 11
    INTERRUPTED = 130


class Failure(Exception):
    """An error that is explained: what happened, why we think so, what to do next.

    `accepted` tells whether the service may have taken (and billed) the request: "no" when surely not, else
    "maybe". `server_error` tells that the service itself is at fault, whatever HTTP status it said so with.
    `partial` holds what came of an answer before it broke off. `files` and `task_id` are what is not lost.
    """

    billing: dict = {}  # what the call cost all the same, as `billing` of the JSON document
    bill = ""  # the same in words, for the last line

    def __init__(self, exit_code: Exit, message: str, cause: str = "", fix: str = "", *, code: str = "",
                 http_status: int = 0, request_id: str = "", retryable: bool = False, accepted: str = "no",
                 retry_after: float | None = None, partial: dict | None = None, files: list | None = None,
                 task_id: str = "", resume: str = "", server_error: bool = False):
        super().__init__(message)
        self.exit_code, self.message, self.cause, self.fix = Exit(exit_code), message, cause, fix
        self.code, self.http_status, self.request_id = code, http_status, request_id
        self.retryable, self.accepted, self.retry_after = retryable, accepted, retry_after
        self.server_error = server_error
        self.partial, self.files, self.task_id, self.resume = partial or {}, files or [], task_id, resume

    @property
    def kind(self) -> str:
        """The name of the exit code, as it stands in the JSON document."""
        return self.exit_code.name.lower()

    def as_error(self) -> dict:
        """The `error` object of the JSON document; what does not apply is left out."""
        fields = {"kind": self.kind, "code": self.code, "http_status": self.http_status,
                  "message": self.message, "cause": self.cause, "fix": self.fix,
                  "request_id": self.request_id}
        return {**{name: value for name, value in fields.items() if value}, "retryable": self.retryable}


def usage(message: str,
          fix: str = "correct it and run the command again; --help lists what is legal") -> Failure:
    """Bad input: nothing was sent."""
    return Failure(Exit.USAGE, message, fix=fix)


BUDGET = "Budget"  # the code of a refusal for what may be spent; the call was not sent
BAD_LINK = "ResultLink"  # the code of failures that are the link's and not the disk's
ONLY_LINK = "OnlyLink"  # what is paid could not be saved, and is behind a link that nothing but the failure has
GONE = "ResultGone"  # the code of failures for a result that was made, and that nobody can fetch any more
UNJOINED = "Segments"  # the code of failures for segments, paid and saved, that do not go together
BAD_FORM = "AnswerForm"  # the code of failures for an answer, paid, that no script can read
MAYBE_PAID = ("the service may have accepted and billed the request; "
              "run the command again only if paying twice is acceptable")
