"""The key guard: every row of the design's key-guard table, the keys as people paste them, the endpoints as they write them."""
from __future__ import annotations

import ast
import hashlib
import io
import json
import socket
import sys
from pathlib import Path

import pytest
import text
from shared import account, key_guard, main as main_module
from shared.key_guard import CODING_PLAN, DASHSCOPE, GATEWAY, GO, LOOPBACK, REFUSE, TOKEN_PLAN, WARN
from shared.main import run_script

from tests.conftest import check_each, PLAN_KEY, ROOT, STANDARD_KEY

URLS = {
    DASHSCOPE: "https://dashscope.aliyuncs.com",
    TOKEN_PLAN: "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
    CODING_PLAN: "https://coding.dashscope.aliyuncs.com/v1",
    GATEWAY: "https://gateway.example.com/team",
    LOOPBACK: "http://127.0.0.1:8080",
}
ANY, PLAN_HOSTS, OTHER_HOSTS = tuple(URLS), (TOKEN_PLAN, CODING_PLAN), (GATEWAY, LOOPBACK)
TEMPORARY_KEY, WORKSPACE_KEY = "st-emulator-temporary-0123456789", "sk-ws-emulator-workspace-0123456789"

NO_KEY = {"none": "", "only blanks": " \t", "a lone Bearer": "Bearer ", "empty quotes": '""'}
PLACEHOLDERS = {"placeholder " + name: name for name in (
    "sk-your-key-here", "sk-xxx", "sk-xxxxx", "SK-XXXXXXXX", "sk-…", "sk-***", "sk-", "your-api-key", "YOUR_API_KEY",
    "<your key>", "${DASHSCOPE_API_KEY}", "%DASHSCOPE_API_KEY%", "changeme", "sk-your-dashscope-api-key", "sk-sp-xxxx",
    "DASHSCOPE_API_KEY", "$DASHSCOPE_API_KEY", "<DASHSCOPE_API_KEY>", "$env:DASHSCOPE_API_KEY", "qianwen-api-key", "apikey",
    "sk-sp-your-key-here")}
MALFORMED = {
    "a blank inside": "sk-01234567 89abcdef", "a line break inside": "sk-01234567\n89abcdef", "a tab inside": "sk-0123\t4567",
    "a zero-width space inside": "sk-01234567\u200b89abcdef", "a control character inside": "sk-0123\x004567",
    "twice": "sk-0123456789abcdef0123" * 2, "two keys": "sk-0123456789abcdef0123,sk-0123456789abcdef0123",
    "two new keys": "sk-ws-0123456789abcdef.sk-ws-0123456789abcdef",
    **{f"{sign!r} between": f"sk-0123456789abcdef0123{sign}sk-fedcba9876543210" for sign in "/=~+-"},
    "a temporary key behind it": "sk-0123456789abcdef0123st-fedcba9876543210", "two temporary keys": ",".join(["st-0123456789abcdef"] * 2),
    "a semicolon": STANDARD_KEY + ";", "endless": "sk-" + "0a1B" * 50_000,
    "Chinese inside": "sk-0123密钥4567", "Cyrillic inside": "sk-0123аbсd4567", "full-width letters": "ｓｋ-01234567",
}
HALF_PLAN = {name: text for name, text in (
    ("two keys", f"{STANDARD_KEY},{PLAN_KEY}"), ("two keys, plan first", f"{PLAN_KEY},{STANDARD_KEY}"), ("in brackets", f"({PLAN_KEY})"),
    ("percent signs", "sk%2Dsp%2D0123456789abcdef"), ("another's name", f"x-{PLAN_KEY}"), ("glued", f"sk-0123{PLAN_KEY}"))}
STANDARD = {"sk-": STANDARD_KEY, "sk-ws-": WORKSPACE_KEY, "st-": TEMPORARY_KEY, "SK-": "SK-ABCDEF0123456789",
            "words by chance": "sk-ws-" + "0a1B_" * 12 + "my-2c3D4e.your_5f6A7b-here"}
PLAN = {"sk-sp-": PLAN_KEY, "SK-SP-": PLAN_KEY.upper(), "Sk-Sp-": "Sk-Sp-0123456789abcdef"}
FOREIGN = {"sk-ant-": "sk-ant-api03-0123456789", "sk-proj-": "sk-proj-0123456789abcdef", "sk-or-": "sk-or-v1-0123456789",
           "AIza": "AIzaSy0123456789abcdefg", "SK-ANT-": "SK-ANT-API03-0123456789",
           **{around: around.format("sk-ant-api03-0123456789") for around in (
               "anthropic:{}", "({})", "Bearer,{}", "sk-0123456789abcdef0123456789abcdef,{}")},
           "AIza in brackets": "(AIzaSy0123456789abcdefg)"}

# keys | endpoints | requests | the guard | what its words must hold
DESIGN_TABLE = (
    (NO_KEY, ANY, 1, REFUSE, ("DASHSCOPE_API_KEY", "API-key page")),
    (PLACEHOLDERS, ANY, 1, REFUSE, ("placeholder", "DASHSCOPE_API_KEY", "API-key page")),
    (MALFORMED, ANY, 1, REFUSE, ("copy the key again", "API-key page")),
    (HALF_PLAN, ANY, 1, REFUSE, ("copy the key again", "sk-sp-", "API-key page")),
    (STANDARD, (DASHSCOPE,), 1, GO, ()),
    (STANDARD, PLAN_HOSTS, 1, REFUSE, ("Incorrect API key provided", "Nothing was sent", "unset QWEN_BASE_URL")),
    (PLAN, (DASHSCOPE,), 1, WARN, ("sk-sp-", "not an AI tool", "InvalidApiKey", "standard sk- key", "DASHSCOPE_API_KEY")),
    (PLAN, PLAN_HOSTS, 1, REFUSE, ("AI tools only", "suspended", "Nothing was sent", "DASHSCOPE_API_KEY")),
    (PLAN, PLAN_HOSTS, 2, REFUSE, ("Nothing was sent", "standard sk- key")),
    (PLAN, (DASHSCOPE, *OTHER_HOSTS), 2, REFUSE, ("forbidden in batch jobs", "Nothing was sent", "standard sk- key")),
    (FOREIGN, ANY, 1, REFUSE, ("it belongs to another service", "DASHSCOPE_API_KEY")),
    (STANDARD, OTHER_HOSTS, 1, GO, ()),
    ({"a gateway's own token": "gateway-token-0123456789"}, OTHER_HOSTS, 1, GO, ()),
    (PLAN, OTHER_HOSTS, 1, WARN, ("sk-sp-", "not an AI tool", "the plan's terms", "DASHSCOPE_API_KEY")),
    (STANDARD, (DASHSCOPE, *OTHER_HOSTS), 2, GO, ()),
)
ROWS = {f"{', '.join(keys)[:60]} | {', '.join(kinds)} | {requests} | {action}": {
    f"{name} | {kind}": (raw, kind, requests, action, words) for name, raw in keys.items() for kind in kinds}
    for keys, kinds, requests, action, words in DESIGN_TABLE}


def judge(raw, kind=DASHSCOPE, skill="qianwen-text", many=False, strict=False):
    endpoint = key_guard.parse_base_url(URLS.get(kind, kind))
    return key_guard.judge(key_guard.inspect_key(raw), endpoint, skill, many, strict)


def said(verdict) -> str:
    """All that a verdict says to a person."""
    return " ".join([verdict.reason, verdict.fix, *(part for warning in verdict.warnings for part in warning)])


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class _Stderr(io.StringIO):
    """Keeps what was written before the emulator saw a request apart."""

    def __init__(self, emulator):
        super().__init__()
        self.emulator, self.before = emulator, ""

    def write(self, piece):
        if not self.emulator.requests:
            self.before += piece
        return super().write(piece)


class Here:
    """What text.py did in this process; `before` is what stood on stderr before anything was sent."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err, self.before = code, out.getvalue(), err.getvalue(), err.before

    def __repr__(self):
        return f"<exit {self.code}\nstdout: {self.out}\nstderr: {self.err}>"


def run_at(kind, emulator, monkeypatch, key, *arguments, host="dashscope", **variables) -> Here:
    """Run text.py in this process with the emulator in the place of an endpoint of `kind`, so that even what must never
    be sent would be seen. The environment holds `key` and `variables` alone; no `.env` file counts."""
    with monkeypatch.context() as patch:
        patch.setattr(key_guard, "endpoint_kind", lambda host: kind)
        return run_real(emulator, monkeypatch, key, *arguments, host=host, **variables)


def run_real(emulator, monkeypatch, key, *arguments, host="dashscope", **variables) -> Here:
    """The same with the guard's own judgement of the host."""
    out, err = io.StringIO(), _Stderr(emulator)
    with monkeypatch.context() as patch:
        for name in account.VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in {"DASHSCOPE_API_KEY": key, "QWEN_BASE_URL": emulator.host_url(host), "NO_PROXY": "127.0.0.1",
                            **variables}.items():
            patch.setenv(name, value)
        patch.setattr(account, "env_files", lambda cwd, environ, warnings: [])
        patch.setattr(main_module, "_stop_on_terminate", lambda: None)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = run_script(text.SKILL, text.make_parser, text.execute, [str(argument) for argument in arguments])
    result = Here(code, out, err)
    assert len(key) < 12 or key not in result.out + result.err, "the key was printed"
    return result


# ---- the table, row by row -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("cases", ROWS.values(), ids=ROWS)
def test_design_table(cases):
    def check(raw, kind, requests, action, words):
        verdict = judge(raw, kind, many=requests > 1)
        assert verdict.action == action
        assert [word for word in words if word.lower() not in said(verdict).lower()] == []
        assert verdict.endpoint.kind == kind
        assert bool(verdict.warnings) == (action == WARN)
    check_each(cases, check)


@pytest.mark.parametrize("cases", ROWS.values(), ids=ROWS)
def test_strict_mode_turns_each_warning_into_a_refusal(cases):
    def check(raw, kind, requests, action, words):
        relaxed, strict = (judge(raw, kind, many=requests > 1, strict=mode) for mode in (False, True))
        assert strict.action == (GO if action == GO else REFUSE)
        assert strict.warnings == ()
        if action == WARN:
            assert relaxed.reason in strict.reason and "strict" in strict.reason and strict.fix == relaxed.fix
        else:
            assert said(strict) == said(relaxed)
    check_each(cases, check)


@pytest.mark.parametrize("region", [region for region, host in key_guard.REGIONS.items() if host])
def test_standard_keys_go_to_dashscope_of_any_region(region):
    key = key_guard.inspect_key(STANDARD_KEY)
    assert key_guard.judge(key, key_guard.region_endpoint(region), "qianwen-text").action == GO


@pytest.mark.parametrize("before", ["x-api-key:", "ANTHROPIC-API-KEY="])
def test_anothers_key_behind_its_name_is_refused(before):
    verdict = judge(before + FOREIGN["sk-ant-"])
    assert verdict.action == REFUSE and "Anthropic" in verdict.reason and verdict.key.value == FOREIGN["sk-ant-"]


@pytest.mark.parametrize("name, owner", {"sk-ant-": "Anthropic", "sk-proj-": "OpenAI", "sk-or-": "OpenRouter",
                                         "AIza": "Google", "SK-ANT-": "Anthropic"}.items())
def test_refusal_names_whose_key_it_is(name, owner):
    assert owner in judge(FOREIGN[name]).reason


@pytest.mark.parametrize("key", ["sk-0123your4567", "sk-xxx0123456789", "sk-here0123myxxx", "sk-order0123456789",
                                 "sk-speed0123456789", "sk-antelope012345", "sk-projector01234"])
def test_keys_that_only_resemble_another_row_are_standard(key):
    assert judge(key).action == GO


@pytest.mark.parametrize("kind", OTHER_HOSTS)
@pytest.mark.parametrize("key", [
    "task-or-job-token-48151623", "desk-proj-token-48151623", "disk-admin-48151623", "ask-ant-48151623", "risk-sp-team-48151623",
    "sk-team!2024pass", "sk-litellm:master$1", "sk-my-gateway-8f7a6", "my-team-9f8e7d6c5b4a", "sk-desk-task-1st-team-48151623"])
def test_any_key_of_a_gateway_goes_there(key, kind):
    assert judge(key, kind).action == GO


@pytest.mark.parametrize("kind, plan", [(TOKEN_PLAN, "Token Plan"), (CODING_PLAN, "Coding Plan")])
@pytest.mark.parametrize("key", [STANDARD_KEY, PLAN_KEY])
def test_refusal_names_the_plan_host(key, kind, plan):
    verdict = judge(key, kind)
    assert verdict.endpoint.host in verdict.reason and plan in verdict.reason


# ---- through the script: nothing leaves on a refusal, warnings come first ----------------------------------------------

REFUSED = [pytest.param(raw, kind, words, id=f"{name} | {kind}") for name, raw, kind, words in (
    ("none", "", LOOPBACK, ("DASHSCOPE_API_KEY",)),
    ("placeholder", "sk-your-key-here", LOOPBACK, ("placeholder",)),
    ("a blank inside", MALFORMED["a blank inside"], LOOPBACK, ("copy the key again",)),
    ("Chinese inside", MALFORMED["Chinese inside"], DASHSCOPE, ("copy the key again",)),
    *(("sk-", STANDARD_KEY, kind, ("Incorrect API key provided", "unset QWEN_BASE_URL")) for kind in PLAN_HOSTS),
    *(("sk-sp-", PLAN_KEY, kind, ("AI tools only", "suspended")) for kind in PLAN_HOSTS),
    ("SK-SP-", PLAN_KEY.upper(), TOKEN_PLAN, ("AI tools only", "suspended")),
    *((name, raw, DASHSCOPE, ("it belongs to another service",)) for name, raw in FOREIGN.items()),
    ("sk-ant-", FOREIGN["sk-ant-"], GATEWAY, ("it belongs to another service",)))]


@pytest.mark.parametrize("raw, kind, words", REFUSED)
def test_refusal_sends_nothing(emulator, monkeypatch, raw, kind, words):
    result = run_at(kind, emulator, monkeypatch, raw, "hello")
    assert (result.code, result.out, emulator.requests) == (3, "", [])
    assert [word for word in words if word not in result.err] == []


@pytest.mark.parametrize("kind", [DASHSCOPE, GATEWAY, LOOPBACK])
@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["", "quiet"])
def test_plan_key_is_warned_of_before_it_is_sent(emulator, monkeypatch, kind, quiet):
    result = run_at(kind, emulator, monkeypatch, PLAN_KEY, "hello", *quiet)
    assert "warning: The key is a Token Plan or Coding Plan key (sk-sp-…)" in result.before
    assert "put a standard sk- key (pay-as-you-go) into DASHSCOPE_API_KEY" in result.before
    assert [request.key_kind for request in emulator.requests] == ["plan"]
    assert result.code == 3 and "InvalidApiKey" in result.err[len(result.before):]


@pytest.mark.parametrize("kind", [DASHSCOPE, GATEWAY, LOOPBACK])
def test_plan_key_in_strict_mode_sends_nothing(emulator, monkeypatch, kind):
    result = run_at(kind, emulator, monkeypatch, PLAN_KEY, "hello", QIANWEN_KEY_GUARD="strict")
    assert (result.code, emulator.requests) == (3, [])
    assert "QIANWEN_KEY_GUARD=strict" in result.err


@pytest.mark.parametrize("kind, named", [(DASHSCOPE, False), (GATEWAY, True), (LOOPBACK, True)])
def test_standard_key_goes_and_a_foreign_endpoint_is_named(emulator, monkeypatch, kind, named):
    result = run_at(kind, emulator, monkeypatch, STANDARD_KEY, "hello")
    assert result.code == 0 and "warning" not in result.err and len(emulator.requests) == 1
    assert (f"sending to {emulator.url[len('http://'):]}" in result.before) == named


SUBPROCESS = {
    "none | any": (None, "", 3, 0, "DASHSCOPE_API_KEY"),
    "sk-your-key-here | any": ("sk-your-key-here", "", 3, 0, "placeholder"),
    "a blank inside | any": ("sk-emulator standard-0123456789", "", 3, 0, "copy the key again"),
    "sk-ant- | any": (FOREIGN["sk-ant-"], "", 3, 0, "Anthropic"),
    "sk- | loopback": (STANDARD_KEY, "", 0, 1, "pay-as-you-go"),
    "sk- | Token Plan": (STANDARD_KEY, URLS[TOKEN_PLAN], 3, 0, "Incorrect API key provided"),
    "sk- | Coding Plan": (STANDARD_KEY, URLS[CODING_PLAN], 3, 0, "Incorrect API key provided"),
    "sk-sp- | Token Plan": (PLAN_KEY, URLS[TOKEN_PLAN], 3, 0, "suspended"),
    "sk-sp- | Token Plan, upper case and a dot": (PLAN_KEY, "https://TOKEN-PLAN.cn-beijing.maas.aliyuncs.com./", 3, 0, "suspended"),
    "sk-sp- | Coding Plan": (PLAN_KEY, URLS[CODING_PLAN], 3, 0, "suspended"),
    "SK-SP- | loopback": (PLAN_KEY.upper(), "", 3, 1, "warning: The key is a Token Plan or Coding Plan key"),
}


@pytest.mark.parametrize("key, base_url, code, sent, words", SUBPROCESS.values(), ids=SUBPROCESS)
def test_real_script(run, emulator, key, base_url, code, sent, words):
    result = run("hello", "--retries", "0", key=key, base_url=base_url)
    assert (result.code, len(emulator.requests)) == (code, sent), result
    assert words in result.err


def test_real_script_in_strict_mode(run, emulator):
    result = run("hello", "--json", key=PLAN_KEY, env={"QIANWEN_KEY_GUARD": "strict"})
    assert (result.code, emulator.requests) == (3, [])
    assert result.document["error"]["kind"] == "key" and "DASHSCOPE_API_KEY" in result.document["error"]["fix"]


def test_warnings_stand_in_the_json_document(run):
    document = run("hello", "--json", key=PLAN_KEY).document
    assert document["ok"] is False and "sk-sp-" in document["warnings"][0]


# ---- keys as people paste them -----------------------------------------------------------------------------------------

PASTED = {
    "outer spaces": ("  {}  ", "blanks"), "a tab": ("{}\t", "blanks"), "a full-width space": ("\u3000{}", "blanks"),
    "a no-break space": ("{}\u00a0", "blanks"), "a zero-width space": ("{}\u200b", "blanks"),
    "an em space": ("\u2003{}", "blanks"), "marks of direction": ("\u202a{}\u202c", "blanks"), "a soft hyphen": ("{}\u00ad", "blanks"),
    "a newline": ("{}\n", "a line break"), "a Windows line end": ("{}\r\n", "a line break"),
    "a line separator": ("{}\u2028", "a line break"),
    "double quotes": ('"{}"', "quotes"), "single quotes": ("'{}'", "quotes"), "typographic quotes": ("“{}”", "quotes"),
    "one quote": ('{}"', "quotes"), "BOM": ("\ufeff{}", "a byte order mark"),
    "Bearer": ("Bearer {}", "Bearer"), "bearer, lower case": ("bearer  {}", "Bearer"),
    "Bearer in quotes": ('"Bearer {}"\n', "Bearer"), "a whole header": ("Authorization: Bearer {}", "Bearer"),
    "Bearer and a colon": ("Bearer:{}", "Bearer"), "a name": ("DASHSCOPE_API_KEY={}", "a pasted name"),
    "a name and quotes": ('export DASHSCOPE_API_KEY="{}"', "a pasted name"), "key=": ("key={}", "a pasted name"),
    "a name and Bearer": ("api_key: Bearer {}", "Bearer"), "a header": ("x-api-key: {}", "a pasted name"),
    "two signs": ("DASHSCOPE_API_KEY=={}", "a pasted name"), "PowerShell": ("$env:DASHSCOPE_API_KEY='{}'", "a pasted name"),
}


@pytest.mark.parametrize("form, cut", PASTED.values(), ids=PASTED)
@pytest.mark.parametrize("key, action", [(STANDARD_KEY, WARN), (PLAN_KEY, WARN), (FOREIGN["sk-ant-"], REFUSE),
                                         ("sk-your-key-here", REFUSE)], ids=["sk-", "sk-sp-", "sk-ant-", "placeholder"])
def test_trimmed_key_is_the_one_judged(form, cut, key, action):
    verdict = judge(form.format(key))
    assert verdict.key.value == key and verdict.key.kind == key_guard.inspect_key(key).kind
    assert verdict.action == action
    assert cut in verdict.warnings[0][0] and "ignored" in verdict.warnings[0][0]
    assert len(verdict.warnings) == (2 if key == PLAN_KEY else 1)


@pytest.mark.parametrize("form, cut", PASTED.values(), ids=PASTED)
def test_trimmed_key_is_the_one_sent(emulator, monkeypatch, form, cut):
    result = run_at(DASHSCOPE, emulator, monkeypatch, form.format(STANDARD_KEY), "hello")
    assert result.code == 0 and cut in result.before
    assert [request.key_sha256 for request in emulator.requests] == [sha256(STANDARD_KEY)]


def test_trimmed_key_through_the_real_script(run, emulator):
    result = run("hello", key=f'"Bearer {STANDARD_KEY}"\r\n')
    assert result.code == 0 and "quotes" in result.err and "Bearer" in result.err and STANDARD_KEY not in result.err
    assert [request.key_sha256 for request in emulator.requests] == [sha256(STANDARD_KEY)]


@pytest.mark.parametrize("key", [STANDARD_KEY, PLAN_KEY], ids=["sk-", "sk-sp-"])
def test_trimming_is_a_refusal_in_strict_mode(emulator, monkeypatch, key):
    result = run_at(DASHSCOPE, emulator, monkeypatch, f" {key}\n", "hello", QIANWEN_KEY_GUARD="strict")
    assert (result.code, emulator.requests) == (3, [])


def test_trimming_a_plan_key_does_not_open_a_plan_host(emulator, monkeypatch):
    result = run_at(TOKEN_PLAN, emulator, monkeypatch, f'"{PLAN_KEY}"', "hello")
    assert (result.code, emulator.requests) == (3, []) and "suspended" in result.err and "quotes" in result.before


# ---- hosts and base URLs ---------------------------------------------------------------------------------------------

HOSTS = {
    "dashscope.aliyuncs.com": DASHSCOPE, "DashScope.Aliyuncs.COM": DASHSCOPE, "dashscope.aliyuncs.com.": DASHSCOPE,
    "dashscope.aliyuncs.com:443": DASHSCOPE, "dashscope-intl.aliyuncs.com": DASHSCOPE, "dashscope-us.aliyuncs.com": DASHSCOPE,
    "cn-hongkong.dashscope.aliyuncs.com": DASHSCOPE, "batch.dashscope.aliyuncs.com": DASHSCOPE,
    "ws-12ab.cn-beijing.maas.aliyuncs.com": DASHSCOPE, "ws-12ab.eu-central-1.maas.aliyuncs.com": DASHSCOPE,
    "token-plan.cn-beijing.maas.aliyuncs.com": TOKEN_PLAN, "Token-Plan.cn-beijing.MAAS.aliyuncs.com": TOKEN_PLAN,
    "token-plan.cn-beijing.maas.aliyuncs.com.": TOKEN_PLAN, "token-plan.cn-beijing.maas.aliyuncs.com:8443": TOKEN_PLAN,
    "token-plan.ap-southeast-1.maas.aliyuncs.com": TOKEN_PLAN,
    "coding.dashscope.aliyuncs.com": CODING_PLAN, "CODING.dashscope.aliyuncs.com.": CODING_PLAN,
    "coding-intl.dashscope.aliyuncs.com": CODING_PLAN,
    "maas.qianwenaiapi.com": DASHSCOPE, "MAAS.QianwenAIapi.com.": DASHSCOPE, "maas.qianwenaiapi.com:443": DASHSCOPE,
    "qianwenaiapi.com": DASHSCOPE, "ws-12ab.cn-beijing.maas.qianwenaiapi.com": DASHSCOPE, "dashscope.qianwenaiapi.com": DASHSCOPE,
    "trial.cn-beijing.maas.aliyuncs.com": DASHSCOPE, "trial.ap-southeast-1.maas.aliyuncs.com": DASHSCOPE,
    "trial.cn-hongkong.maas.aliyuncs.com": DASHSCOPE, "ws-1.maas.aliyuncs.com": DASHSCOPE,
    "token-plan.maas.qianwenaiapi.com": TOKEN_PLAN, "TOKEN-PLAN.maas.qianwenaiapi.com.": TOKEN_PLAN,
    "token-plan.maas.qianwenaiapi.com:443": TOKEN_PLAN, "x.token-plan.maas.qianwenaiapi.com": TOKEN_PLAN,
    "tokenplan.maas.qianwenaiapi.com": TOKEN_PLAN, "token-plan.qianwenaiapi.com": TOKEN_PLAN,
    "token-plan-intl.maas.qianwenaiapi.com": TOKEN_PLAN, "my-token-plan.cn-beijing.maas.aliyuncs.com": TOKEN_PLAN,
    "x.token-plan.cn-beijing.maas.aliyuncs.com": TOKEN_PLAN, "token-plan.dashscope.aliyuncs.com": TOKEN_PLAN,
    "cn-beijing.token-plan.aliyuncs.com": TOKEN_PLAN, "token_plan.maas.qianwenaiapi.com": TOKEN_PLAN,
    "coding.maas.qianwenaiapi.com": CODING_PLAN, "coding-plan.maas.qianwenaiapi.com": CODING_PLAN,
    "coding-intl.maas.qianwenaiapi.com": CODING_PLAN, "x.coding.dashscope.aliyuncs.com": CODING_PLAN,
    "coding.cn-hongkong.dashscope.aliyuncs.com": CODING_PLAN, "coding-plan.cn-beijing.maas.aliyuncs.com": CODING_PLAN,
    "coding.cn-beijing.maas.aliyuncs.com": CODING_PLAN, "codingplan.dashscope-intl.aliyuncs.com": CODING_PLAN,
    "maas.qianwenaiapi.com.evil.com": GATEWAY, "xqianwenaiapi.com": GATEWAY, "maas-qianwenaiapi.com": GATEWAY,
    "maas.qianwenaiapi.co": GATEWAY, "token-plan.maas.qianwenaiapi.com.evil.com": GATEWAY, "qianwenai.com": GATEWAY,
    "token-plan.example.com": GATEWAY, "coding.example.com": GATEWAY,
    "dashscope.aliyuncs.com.evil.com": GATEWAY, "xdashscope.aliyuncs.com": GATEWAY, "dashscope.aliyuncs.com-evil.com": GATEWAY,
    "dashscope-aliyuncs.com": GATEWAY, "dashscope.aliyuncs.co": GATEWAY, "dashscope.xaliyuncs.com": GATEWAY,
    "token-plan.cn-beijing.maas.aliyuncs.com.evil.com": GATEWAY, "token-plan.cn-beijing.maas-aliyuncs.com": GATEWAY,
    "coding.dashscope.aliyuncs.com.evil.com": GATEWAY, "maas.aliyuncs.com": GATEWAY, "evil.com": GATEWAY,
    "localhost": LOOPBACK, "LOCALHOST:8080": LOOPBACK, "localhost.": LOOPBACK, "127.0.0.1": LOOPBACK,
    "127.255.1.2:9": LOOPBACK, "[::1]:8080": LOOPBACK,
    "[0:0:0:0:0:0:0:1]:8080": LOOPBACK, "[0000::0001]": LOOPBACK, "[::2]:80": GATEWAY, "[1::1]": GATEWAY, "[::1:1]": GATEWAY,
    "localhost.evil.com": GATEWAY, "127.0.0.1.evil.com": GATEWAY, "xlocalhost": GATEWAY, "api.localhost": GATEWAY,
    "[::ffff:127.0.0.1]:80": LOOPBACK, "[::ffff:7f00:1]": LOOPBACK, "[::ffff:8.8.8.8]": GATEWAY, "[::ffff:808:1]": GATEWAY,
    "127.999.1.1": GATEWAY, "127.1": GATEWAY, "0.0.0.0": GATEWAY,
}


def test_kind_of_host():
    def check(host, kind):
        assert key_guard.parse_base_url("https://" + host).kind == kind
        assert ":" in host or key_guard.endpoint_kind(host) == kind
    check_each({host: (host, kind) for host, kind in HOSTS.items()}, check)


# The form of a host, as people and redirects write it: every one of them reaches the same machine.
FORMS = {"plain": "{}", "a dot at the end": "{}.", "a port": "{}:443", "a label in front": "x1.{}"}
PLAN_HOST_NAMES = {
    "token-plan.cn-beijing.maas.aliyuncs.com": TOKEN_PLAN, "token-plan.ap-southeast-1.maas.aliyuncs.com": TOKEN_PLAN,
    "token-plan.maas.qianwenaiapi.com": TOKEN_PLAN, "tokenplan.maas.qianwenaiapi.com": TOKEN_PLAN,
    "coding.dashscope.aliyuncs.com": CODING_PLAN, "coding-intl.dashscope.aliyuncs.com": CODING_PLAN,
    "coding.maas.qianwenaiapi.com": CODING_PLAN, "coding-plan.cn-beijing.maas.aliyuncs.com": CODING_PLAN,
}
PLAN_URLS = {form.format(name) if case is str else form.format(name).upper(): kind for name, kind in PLAN_HOST_NAMES.items()
             for form in FORMS.values() for case in (str, str.upper)}
PLAN_URLS.update({f"user:secret77@{name}": kind for name, kind in PLAN_HOST_NAMES.items()})


@pytest.fixture
def plan_hosts_are_here(emulator, monkeypatch):
    """Every host name leads to the emulator's socket, so that whatever is sent anywhere is seen: `connected` counts."""
    connected, connect = [], socket.create_connection

    def to_the_emulator(address, *arguments, **options):
        connected.append(address[0])
        return connect(("127.0.0.1", int(emulator.url.rpartition(":")[2])), *arguments, **options)
    monkeypatch.setattr(socket, "create_connection", to_the_emulator)
    monkeypatch.setattr("shared.transport.connecting.connection_to", to_the_emulator)
    return connected


@pytest.mark.parametrize("raw", [STANDARD_KEY, WORKSPACE_KEY, TEMPORARY_KEY, PLAN_KEY, PLAN_KEY.upper(), ""],
                         ids=["sk-", "sk-ws-", "st-", "sk-sp-", "SK-SP-", "none"])
def test_no_key_and_no_byte_goes_to_a_plan_host(plan_hosts_are_here, emulator, monkeypatch, raw):
    def check(host, kind):
        result = run_real(emulator, monkeypatch, raw, "hello", "--retries", "0", QWEN_BASE_URL=f"https://{host}/compatible-mode/v1")
        assert (result.code, result.out, emulator.requests, plan_hosts_are_here) == (3, "", [], [])
        assert "secret77" not in result.err
        if raw:
            assert {TOKEN_PLAN: "Token Plan endpoint", CODING_PLAN: "Coding Plan endpoint"}[kind] in result.err
    check_each({host: (host, kind) for host, kind in PLAN_URLS.items()}, check)


@pytest.mark.parametrize("raw, kind", [(STANDARD_KEY, "standard"), (WORKSPACE_KEY, "standard"), (PLAN_KEY, "plan")],
                         ids=["sk-", "sk-ws-", "sk-sp-"])
@pytest.mark.parametrize("host", ["maas.qianwenaiapi.com", "MAAS.qianwenaiapi.com:443", "trial.cn-beijing.maas.aliyuncs.com"])
def test_new_hosts_of_the_service_are_dashscope(plan_hosts_are_here, emulator, monkeypatch, host, raw, kind):
    """The connection is tried (a loopback socket does not speak TLS); --check says DashScope."""
    checked = run_real(emulator, monkeypatch, raw, "--check", "--json", QWEN_BASE_URL=f"https://{host}")
    document = json.loads(checked.out)
    assert (document["endpoint"]["kind"], document["endpoint"]["region"], plan_hosts_are_here) == (DASHSCOPE, "cn-beijing", [])
    assert (checked.code, document["verdict"]) == ((3, WARN) if kind == "plan" else (0, GO))
    result = run_real(emulator, monkeypatch, raw, "hello", "--retries", "0", QWEN_BASE_URL=f"https://{host}/compatible-mode/v1")
    assert result.code == 6 and [name.lower() for name in plan_hosts_are_here] == [host.lower().partition(":")[0]]
    assert ("not an AI tool" in result.err) == (kind == "plan") and "sending to" not in result.err


def test_plan_host_in_any_disguise():
    plans = (*PLAN_URLS, "token%2Dplan.maas.qianwenaiapi.com", "token-plan。maas。qianwenaiapi。com",
             "ｔoken-plan.maas.qianwenaiapi.com", "token\u00ad-plan.maas.qianwenaiapi.com",
             "a@b@coding.dashscope.aliyuncs.com:8443", "%74oken-plan.cn-beijing.maas.aliyuncs.com.")
    others = (*(name for name, kind in HOSTS.items() if kind not in PLAN_HOSTS), "", "[::1]")
    assert [host for host in plans if key_guard.is_plan_host(host) is not True] == []
    assert [host for host in others if key_guard.is_plan_host(host) is not False] == []


# base URL -> what stands before /compatible-mode/v1 and /api/v1
LEGAL = {
    "https://dashscope.aliyuncs.com": "https://dashscope.aliyuncs.com",
    "https://dashscope.aliyuncs.com/": "https://dashscope.aliyuncs.com",
    "https://dashscope.aliyuncs.com/compatible-mode/v1": "https://dashscope.aliyuncs.com",
    "https://dashscope.aliyuncs.com/compatible-mode/v1/": "https://dashscope.aliyuncs.com",
    "https://dashscope.aliyuncs.com/api/v1": "https://dashscope.aliyuncs.com",
    "HTTPS://DashScope.aliyuncs.com./api/v1/": "https://dashscope.aliyuncs.com",
    "https://dashscope.aliyuncs.com:8443/api/v1": "https://dashscope.aliyuncs.com:8443",
    "https://dashscope.aliyuncs.com:443/api/v1": "https://dashscope.aliyuncs.com",  # so that its limits hold
    " https://dashscope.aliyuncs.com\n": "https://dashscope.aliyuncs.com",
    '"https://dashscope.aliyuncs.com"': "https://dashscope.aliyuncs.com",
    "https://gateway.example.com/team/a": "https://gateway.example.com/team/a",
    "https://gateway.example.com/team/a/compatible-mode/v1": "https://gateway.example.com/team/a",
    "https://gateway.example.com/team/a/api/v1/": "https://gateway.example.com/team/a",
    "https://gateway.example.com/@dashscope/compatible-mode/v1": "https://gateway.example.com/@dashscope",
    "http://127.0.0.1:8080": "http://127.0.0.1:8080",
    "http://localhost/proxy/api/v1": "http://localhost/proxy",
    "http://[::ffff:127.0.0.1]:8080": "http://[::ffff:127.0.0.1]:8080",
    "http://[::1]:8080/": "http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080": "http://[0:0:0:0:0:0:0:1]:8080",
}


def test_legal_base_url():
    def check(url, base):
        endpoint = key_guard.parse_base_url(url)
        assert (endpoint.compatible, endpoint.native) == (base + "/compatible-mode/v1", base + "/api/v1")
    check_each({repr(url): (url, base) for url, base in LEGAL.items()}, check)


ILLEGAL = ("dashscope.aliyuncs.com", "dashscope.aliyuncs.com:443", "//dashscope.aliyuncs.com", "ftp://dashscope.aliyuncs.com",
           "file:///etc/passwd", "https://", "https:///compatible-mode/v1", "https://:443", "https://host:99999", "https://host:port",
           "https://user:secret@host", "https://dashscope.aliyuncs.com@evil.com", "https://host/?key=secret", "https://host/#x",
           "https://host/a b", "https://host/a\nb", "https://host\\@evil.com", "https://host/../x", "https://ho st",
           "https://token%2Dplan.cn-beijing.maas.aliyuncs.com", "https://dashscope。aliyuncs。com", "https://[::1", "nonsense",
           "http://dashscope.aliyuncs.com", "http://token-plan.cn-beijing.maas.aliyuncs.com", "http://gateway.example.com",
           "http://localhost.evil.com", "http://127.0.0.1.evil.com", "http://192.168.1.2:8080", "http://0.0.0.0:80")


def test_illegal_base_url(emulator, monkeypatch):
    def check(url):
        with pytest.raises(key_guard.BadEndpoint) as caught:
            key_guard.parse_base_url(url)
        assert "/compatible-mode/v1" in caught.value.fix and "/api/v1" in caught.value.fix and "secret" not in str(caught.value)
        result = run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, "hello", QWEN_BASE_URL=url)
        assert (result.code, emulator.requests) == (2, []) and "secret" not in result.err
    check_each({repr(url): (url,) for url in ILLEGAL}, check)


def test_illegal_base_url_through_the_real_script(run, emulator):
    result = run("hello", "--json", base_url="http://gateway.example.com")
    assert (result.code, result.document["exit_code"], emulator.requests) == (2, 2, []) and "loopback" in result.err


REGIONS = {"cn-beijing": "dashscope.aliyuncs.com", "ap-southeast-1": "dashscope-intl.aliyuncs.com",
           "us-east-1": "dashscope-us.aliyuncs.com", "cn-hongkong": "cn-hongkong.dashscope.aliyuncs.com"}


@pytest.mark.parametrize("region, host", REGIONS.items(), ids=REGIONS)
def test_region(region, host):
    found = account.find_account(account.Settings({"QWEN_REGION": region, "HOME": "/nowhere"}, "/"))
    assert (found.endpoint.origin, found.endpoint.region, found.endpoint.kind) == ("https://" + host, region, DASHSCOPE)


@pytest.mark.parametrize("region", ["cn-shanghai", "CN-BEIJING", "beijing", "cn-beijing,us-east-1", "eu-central-1", "../x"])
def test_region_without_a_host_is_an_error_and_not_beijing(emulator, monkeypatch, region):
    result = run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, "hello", QWEN_REGION=region, QWEN_BASE_URL="")
    assert (result.code, emulator.requests) == (2, [])
    assert "QWEN_REGION" in result.err and ("cn-beijing" in result.err or "QWEN_BASE_URL" in result.err)


def test_region_through_the_real_script(run):
    settings = {"base_url": None, "key": None}
    assert run("hello", "--dry-run", **settings).document["url"].startswith("https://dashscope.aliyuncs.com/")
    result = run("hello", "--dry-run", env={"QWEN_REGION": "ap-southeast-1"}, **settings)
    assert result.document["url"].startswith("https://dashscope-intl.aliyuncs.com/compatible-mode/v1/")
    result = run("hello", env={"QWEN_REGION": "cn-shanghai"}, key=STANDARD_KEY, base_url=None)
    assert result.code == 2 and "cn-shanghai" in result.err and "us-east-1" in result.err


# ---- the module itself -------------------------------------------------------------------------------------------------

def imports(path: Path) -> set:
    tree = ast.parse(path.read_text("utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found | {f"{'.' * node.level}{node.module or ''}.{alias.name}" for node in ast.walk(tree)
                    if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_guard_imports_nothing_of_ours():
    assert [name for name in imports(ROOT / "shared" / "key_guard.py") if name.startswith((".", "shared", "os"))] == []


@pytest.mark.parametrize("script", sorted(path for path in ROOT.glob("skills/*/scripts/*.py")
                                          if "run_script(" in path.read_text("utf-8")), ids=lambda path: path.name)
def test_each_script_imports_the_guard_itself(script):
    assert "shared.key_guard" in imports(script)
