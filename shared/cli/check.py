"""`--check`: which key and endpoint would be used and whether they fit; with --live proven by a free call."""
from __future__ import annotations

from .. import key_guard
from ..failures import Exit, Failure
from ..transport.request import Request
from ..transport.retries import Retries
from .failed import error_object, explain


def check(session) -> Exit:
    """`--check`: what would be used and why; with `--live` one free authenticated call.
    Nothing else is sent."""
    account, verdict, console = session.account, session.verdict, session.console
    endpoint = verdict.endpoint
    report = {"ok": verdict.usable, "skill": console.skill,
              "exit_code": int(Exit.OK if verdict.usable else Exit.KEY),
              "key": {"kind": verdict.key.kind, "source": account.key_source or "none",
                      "shown_as": key_guard.masked(verdict.key.value) if verdict.key.value else "none"},
              "endpoint": {"kind": endpoint.kind, "url": endpoint.origin + endpoint.prefix,
                           "region": endpoint.region or "unknown", "source": account.endpoint_source},
              "verdict": verdict.action, "mode": "strict" if account.strict else "warn",
              "reason": verdict.reason or "the key and the endpoint work together",
              "fix": verdict.fix + (session.spare_key() if verdict.fix else ""),
              "billing": verdict.key.billing, "warnings": console.warnings}
    if not verdict.usable:
        report["error"] = error_object(console, session.refusal())
    not_held = None
    if account.budgets:
        report["budget"], not_held = _budgets(session.payments)
    _warn_of_path(endpoint, console)
    session.show_warnings(reported=not console.json_mode)
    failure = None
    if session.options.live and verdict.action != key_guard.REFUSE:
        failure = _add_live_call(report, session)
    if not_held and report["ok"]:
        failure = _fail(report, not_held, console)
    if console.json_mode:
        console.document({name: value for name, value in report.items() if value not in ("", None)})
    else:
        _print_report(report, console)
        console.advised.append(report["fix"])
    if failure:
        explain(console, failure)
    return Exit(report["exit_code"])


def _budgets(payments) -> tuple:
    """(what may be spent and what is left of it, as far as that can be read; why calls cannot be held against
    it, None where they can)."""
    from ..money.cost import rounded
    found = [{"amount": held.amount, "period": held.period, "source": held.where, "currency": "CNY"}
             for held in payments.budgets]
    try:
        for one, (_, spent, left) in zip(found, payments.left()):
            one.update(spent=rounded(spent), left=rounded(left))
        payments.prove()
        return found, None
    except OSError as error:
        not_held = payments.not_held(error)
        return [{**one, "why": not_held.message} for one in found], not_held


def _budget_words(held: dict) -> str:
    from ..money.cost import yuan
    spent = (f", {yuan(held['spent'])} spent or under way, {yuan(held['left'])} left" if "spent" in held
             else "")
    why = f"; {held['why']}" if "why" in held else ""
    return f"{yuan(held['amount'])} CNY a {held['period']}{spent}, from {held['source']}{why}"


def _warn_of_path(endpoint: key_guard.Endpoint, console) -> None:
    """An address is often written with the /v1 of another API; nothing would be found there."""
    if endpoint.kind not in key_guard.PLAN_HOSTS and endpoint.prefix.endswith("/v1"):
        base = endpoint.origin + endpoint.prefix[:-len("/v1")]
        console.warn("the base URL ends in /v1, "
                     f"so requests go to {endpoint.compatible} and {endpoint.native}",
                     f"unless the host has these paths, set QWEN_BASE_URL={base}")


def _add_live_call(report: dict, session):
    """Make the free call and put its outcome into the report; return its Failure, if any."""
    try:
        report["live"] = live_call(session)
        report["ok"], report["exit_code"] = True, int(Exit.OK)
        report.pop("error", None)
        return None
    except Failure as failure:
        report["live"] = session.console.clean(f"failed: {failure.message}")
        return _fail(report, failure, session.console)


def _fail(report: dict, failure: Failure, console) -> Failure:
    report["ok"], report["exit_code"] = False, int(failure.exit_code)
    report["error"] = error_object(console, failure)
    return failure


def _print_report(report: dict, console) -> None:
    key, endpoint = report["key"], report["endpoint"]
    shown = (f"{key['shown_as']} ({key['kind']}), from {key['source']}" if key["source"] != "none"
             else "none (missing)")
    rows = [("key", shown),
            ("endpoint", f"{endpoint['url']} ({endpoint['kind']}, region {endpoint['region']}), "
                         f"from {endpoint['source']}"),
            ("verdict", f"{report['verdict']} — {report['reason']}"), ("next", report["fix"]),
            ("billing", report["billing"]),
            *(("budget", _budget_words(held)) for held in report.get("budget", ())),
            ("live call", report.get("live", "")), ("usable", "yes" if report["ok"] else "no")]
    for name, value in rows:
        if value:
            console.result(console.clean(f"{name + ':':10} {value}") + "\n")


def live_call(session) -> str:
    """Prove the key with a list, which is free, and refused without a key.
    A gateway may not know the first one, so a second is tried after a 404."""
    client, endpoint = session.client(guarded=False), session.endpoint
    tasks, files = f"{endpoint.native}/tasks/?page_no=1&page_size=1", f"{endpoint.compatible}/files?limit=1"
    try:
        reply = client.json(Request("GET", tasks), Retries.READ)
    except Failure as failure:
        if failure.http_status != 404:
            raise
        reply = client.json(Request("GET", files), Retries.READ)
    return f"{endpoint.host} accepted the key (request id {reply.request_id or 'unknown'})"
