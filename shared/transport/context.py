"""What is known about a call, and how that becomes the Failure of one that went wrong."""
from __future__ import annotations

from collections import namedtuple

from ..failures import Exit, Failure, MAYBE_PAID

# What the service said, whatever it was wrapped in. `code` may be a number as text.
ServiceError = namedtuple("ServiceError", "status code message request_id", defaults=(0, "", "", ""))
_FACTS = "skill key_kind endpoint_kind host model models sandboxed successor address flags"


def costs_nothing(failure: Failure) -> Failure:
    """The same failure of a request that is never billed, however it ended."""
    failure.accepted = "no"
    if failure.fix == MAYBE_PAID:
        failure.fix = "this request costs nothing; run the command again"
    return failure


class Context(namedtuple("Context", _FACTS, defaults=("", "", "", "", "", (), False, "", "", None))):
    """What explaining an error needs to know about the call. `models` are ids for a "did you mean",
    `successor` is what replaces a retired model, `address` the base URL in use, without a service path,
    `flags` those that the script has, None for all."""

    __slots__ = ()

    def explain(self, error: ServiceError) -> Failure:
        """What the service said, with the cause and fix that fit this key, endpoint and model."""
        from .errors import explain  # its tables are large, and a call that succeeds needs none of them
        return explain(error, self)

    def network(self, what: str, *, cause: str = "", fix: str = "", accepted: str = "maybe",
                retryable: bool = True) -> Failure:
        """A connection error. `accepted` is "no" when the request surely never reached the service."""
        if self.sandboxed:
            cause = "this agent's sandbox has no network (CODEX_SANDBOX_NETWORK_DISABLED=1)"
            fix, retryable = "ask the user to allow network access for this command, then run it again", False
        if accepted == "maybe" and not fix:
            fix = MAYBE_PAID
        cause = cause or f"no usable connection to {self.host or 'the service'}"
        fix = fix or ("check the spelling of QWEN_BASE_URL, the network and any proxy; "
                      "then run the command again")
        return Failure(Exit.NETWORK, what, cause, fix, retryable=retryable, accepted=accepted)
