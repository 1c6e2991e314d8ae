"""One run of a script: what was asked, with which key and where to, and where what is said goes.

A script puts the key guard's verdict here. The way to the service is `client()`, which passes the guard
before it hands one out: shows what it warns of, stops where it refuses.
"""
from __future__ import annotations

import os

from .. import key_guard
from ..account import Account, ENVIRONMENT
from ..failures import Exit, Failure, usage
from ..money.cost import estimate_document, line
from ..money.payments import Payments
from ..redaction import KEY_LIKE
from ..transport.client import Client
from ..transport.request import check_size, MOST_CLASSIC
from ..transport.retries import Retries

# How to run a command without a variable of the environment, by platform.
_WITHOUT = {
    "posix": "put `env -u {name}` in front of the command",
    "nt": "first run `Remove-Item Env:{name}` in PowerShell, or `set {name}=` in cmd",
}


class Session:
    """`row` is the row of a batch that this is a session for, None for a command of its own.
    `payments` are the paid calls of the run: each is made within `payments.paying(…)`. `flags` are those that
    the script has, None where that is not known. What stands in `at_line` is called when the row has its line, or
    cannot get one, with whether that tells of success.
    Raises usage for a budget that is none."""

    half_price = False  # whether the call goes through the Batch API

    def __init__(self, skill: str, options, account: Account, console, row=None,
                 verdict: key_guard.Verdict | None = None, payments=None, flags=None):
        self.skill, self.options, self.account, self.console, self.row = skill, options, account, console, row
        self.verdict, self.flags = verdict, flags
        self.payments = payments or Payments(account.state, skill, account.budgets, options.unpriced,
                                             console.warn, console.redact_result)
        self.at_line: list = []
        self._passed = False

    # -- the guard

    def pass_guard(self) -> None:
        """Show the guard's warnings, and stop where it refuses. Called before anything is sent."""
        verdict, account = self.verdict, self.account
        if verdict.warnings:
            self.show_warnings()
        if verdict.action == key_guard.REFUSE:
            raise self.refusal()
        if verdict.endpoint.kind in (key_guard.GATEWAY, key_guard.LOOPBACK):
            self.console.note(f"sending to {verdict.endpoint.host} ({account.endpoint_source})")
        self._passed = True

    def refusal(self) -> Failure:
        """What the guard refuses, and why."""
        verdict, account = self.verdict, self.account
        cause = (f"the key comes from {account.key_source}" if account.key_source else
                 f"it is neither in the environment nor in {' or '.join(account.searched)}")
        return Failure(Exit.KEY, verdict.reason, fix=verdict.fix + self.spare_key(),
                       code=f"{verdict.key.kind}_key", cause=cause)

    def show_warnings(self, reported: bool = False) -> None:
        """Show what the guard warns of. `reported`: the verdict itself is shown elsewhere."""
        for text, fix in self.verdict.warnings:
            is_verdict = text == self.verdict.reason
            if not (is_verdict and reported):
                self.console.warn(text, fix + (self.spare_key() if is_verdict else ""))

    def spare_key(self) -> str:
        """Where a standard key waits behind the plan key that comes first, and how to use it."""
        if self.verdict.key.kind != key_guard.PLAN or not self.account.spare:
            return ""
        name, _, where = self.account.key_source.partition(" in ")
        how = f"remove {name} from {where}"
        if where == ENVIRONMENT:
            how = _WITHOUT.get(os.name, _WITHOUT["posix"]).format(name=name)
        return (f". A standard key was found in {self.account.spare}, "
                f"but {self.account.key_source} comes first; to use the standard key, {how}")

    # -- the way to the service

    @property
    def endpoint(self) -> key_guard.Endpoint:
        return self.verdict.endpoint

    def client(self, model: str = "", models=(), guarded: bool = True, throttle=None,
               successor: str = "") -> Client:
        """A client for the endpoint that the guard hands out.
        Not `guarded`: for links, which take no key, and for --check."""
        if guarded and not self._passed:
            self.pass_guard()
        options, console = self.options, self.console
        if any(len(secret) >= KEY_LIKE and secret in model for secret in console.secrets):  # ids go to disk
            raise usage("the model id holds an API key", "give --model an id of --models; nothing was sent")
        throttle = throttle or (self.row and self.row.throttle)
        retries = Retries(options.retries, note=console.note, throttle=throttle)
        return Client(self.verdict, self.skill, timeout=options.timeout, retries=retries,
                      detail=console.detail, model=model, models=models,
                      sandboxed=self.account.sandboxed, successor=successor, flags=self.flags)

    def billing_note(self) -> str:
        """Who pays, for the usage line:
        a user who expects a plan to cover the call must see that it does not."""
        billing = self.verdict.key.billing
        if billing == "pay-as-you-go":
            return "billed pay-as-you-go (not covered by a Token Plan or Coding Plan)"
        return (f"billed by {self.endpoint.host}" if billing == "gateway"
                else "plan key: not billed by DashScope")

    # -- instead of a call

    def show_dry_run(self, request, before=(), **more) -> None:
        """The one document of --dry-run, and a word on what the guard would do with a real call."""
        if request.data and len(request.data) > MOST_CLASSIC:
            check_size(request, self.endpoint)
        preview = {**request.preview(self.skill, self.verdict.key),
                   **({"before": list(before)} if before else {}), **more}
        self.console.document(preview)
        if self.verdict.action != key_guard.GO:
            what = "refused" if self.verdict.action == key_guard.REFUSE else "warned of"
            self.console.note(f"with this key and endpoint a real call would be {what}: "
                              f"{self.verdict.reason or self.verdict.warnings[0][0]}")

    def show_estimate(self, cost, words: str, **more) -> None:
        """`--estimate`: what it would cost, a Cost; nothing is sent. `words` say what is counted."""
        if self.console.json_mode:
            self.console.document({"ok": True, "skill": self.skill, **more,
                                   "estimate": estimate_document(cost), "warnings": self.console.warnings})
        else:
            self.console.result(f"{line(cost)}: {words}\n")

    # -- a batch

    def for_row(self, row, options, console) -> Session:
        """The session of one row: its own options and console, the same key and verdict."""
        return Session(self.skill, options, self.account, console, row, self.verdict, self.payments,
                       self.flags)
