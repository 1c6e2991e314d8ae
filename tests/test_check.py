"""--check says which key and endpoint would be used and whether they fit; --live proves it with one free call."""
from __future__ import annotations

import json

import pytest

from shared.cli import session as session_module
from shared.key_guard import CODING_PLAN, DASHSCOPE, GATEWAY, LOOPBACK, TOKEN_PLAN
from tests.conftest import PLAN_KEY, STANDARD_KEY
from tests.emulator.keys import WRONG_KEY
from tests.test_key_guard import FOREIGN, MALFORMED, TEMPORARY_KEY, URLS, run_at, sha256

# kind of key | key | endpoint | verdict | usable
TABLE = (
    ("standard", STANDARD_KEY, DASHSCOPE, "go", True), ("standard", STANDARD_KEY, GATEWAY, "go", True),
    ("standard", STANDARD_KEY, LOOPBACK, "go", True), ("standard", STANDARD_KEY, TOKEN_PLAN, "refuse", False),
    ("standard", STANDARD_KEY, CODING_PLAN, "refuse", False), ("temporary", TEMPORARY_KEY, DASHSCOPE, "go", True),
    ("temporary", TEMPORARY_KEY, TOKEN_PLAN, "refuse", False), ("plan", PLAN_KEY, DASHSCOPE, "warn", False),
    ("plan", PLAN_KEY, GATEWAY, "warn", False), ("plan", PLAN_KEY, LOOPBACK, "warn", False),
    ("plan", PLAN_KEY, TOKEN_PLAN, "refuse", False), ("plan", PLAN_KEY, CODING_PLAN, "refuse", False),
    ("missing", "", DASHSCOPE, "refuse", False), ("placeholder", "sk-your-key-here", DASHSCOPE, "refuse", False),
    ("malformed", MALFORMED["a blank inside"], LOOPBACK, "refuse", False), ("foreign", FOREIGN["sk-ant-"], GATEWAY, "refuse", False),
    ("standard", f'"{STANDARD_KEY}"\n', DASHSCOPE, "warn", True),
)
IDS = [f"{name} | {kind} | {verdict}" for name, _, kind, verdict, _ in TABLE]


@pytest.mark.parametrize("name, key, kind, verdict, usable", TABLE, ids=IDS)
class TestTable:
    def test_json(self, emulator, monkeypatch, name, key, kind, verdict, usable):
        result = run_at(kind, emulator, monkeypatch, key, "--check", "--json")
        document = json.loads(result.out)
        assert (result.code, document["ok"], document["exit_code"]) == ((0, True, 0) if usable else (3, False, 3))
        assert document["skill"] == "qianwen-text" and document["verdict"] == verdict
        assert (document["key"]["kind"], document["endpoint"]["kind"]) == (name, kind)
        assert document["key"]["source"] == ("DASHSCOPE_API_KEY in the environment" if key else "none")
        assert document["endpoint"]["source"] == "QWEN_BASE_URL in the environment"
        assert bool(document.get("fix")) == (verdict == "refuse" or name == "plan")
        assert bool(document["warnings"]) == (verdict == "warn")
        assert usable or document["error"]["kind"] == "key" and document["error"]["message"] == document["reason"]
        assert usable == ("error" not in document)
        assert emulator.requests == []

    def test_human(self, emulator, monkeypatch, name, key, kind, verdict, usable):
        result = run_at(kind, emulator, monkeypatch, key, "--check")
        rows = {label.strip(): value.strip() for label, _, value in (line.partition(":") for line in result.out.splitlines())}
        assert f"({name})" in rows["key"] and (not key or "DASHSCOPE_API_KEY in the environment" in rows["key"])
        assert emulator.url in rows["endpoint"] and kind in rows["endpoint"] and rows["verdict"].startswith(verdict)
        assert (rows["usable"], result.code) == (("yes", 0) if usable else ("no", 3))
        assert ("warning: " in result.err) == (verdict == "warn" and name != "plan"), "a plan key is warned of in the verdict alone"
        assert emulator.requests == []

    def test_strict_mode(self, emulator, monkeypatch, name, key, kind, verdict, usable):
        result = run_at(kind, emulator, monkeypatch, key, "--check", "--json", QIANWEN_KEY_GUARD="strict")
        document = json.loads(result.out)
        assert document["mode"] == "strict" and document["verdict"] == ("go" if verdict == "go" else "refuse")
        assert result.code == (0 if verdict == "go" else 3) and emulator.requests == []

    def test_live(self, emulator, monkeypatch, name, key, kind, verdict, usable):
        """A refused pair is not tried; a plan key is, and the rejection is explained."""
        result = run_at(kind, emulator, monkeypatch, key, "--check", "--live")
        sent = [(request.method, request.body, request.bearer) for request in emulator.requests]
        assert sent == ([] if verdict == "refuse" else [("GET", b"", True)])
        accepted = verdict != "refuse" and name != "plan"
        assert result.code == (0 if accepted else 3) and ("accepted the key" in result.out) == accepted
        assert ("nothing was charged" in result.err) == (name == "plan" and verdict == "warn")


REAL = {  # real script: key, base URL, exit code, what stdout must say
    "standard key, default region": (STANDARD_KEY, None, 0, ["sk-*** (standard)", "https://dashscope.aliyuncs.com (dashscope", "cn-beijing",
                                                             "pay-as-you-go", "the default region"]),
    "plan key, default region": (PLAN_KEY, None, 3, ["sk-sp-*** (plan)", "not an AI tool", "DASHSCOPE_API_KEY", "no"]),
    "plan key, Token Plan": (PLAN_KEY, URLS[TOKEN_PLAN], 3, ["sk-sp-*** (plan)", "token-plan.cn-beijing", "suspended"]),
    "standard key, Token Plan": (STANDARD_KEY, URLS[TOKEN_PLAN], 3, ["Incorrect API key provided", "unset QWEN_BASE_URL"]),
    "no key": (None, None, 3, ["none (missing)", "DASHSCOPE_API_KEY"]),
}


@pytest.mark.parametrize("key, base_url, code, words", REAL.values(), ids=REAL)
def test_real_script(run, emulator, key, base_url, code, words):
    result = run("--check", key=key, base_url=base_url)
    assert (result.code, emulator.requests) == (code, []), result
    assert [word for word in words if word not in result.out] == []


@pytest.mark.parametrize("key", [STANDARD_KEY, PLAN_KEY, TEMPORARY_KEY, FOREIGN["sk-proj-"], "gateway-token-0a1b2c3d"],
                         ids=["sk-", "sk-sp-", "st-", "sk-proj-", "own"])
@pytest.mark.parametrize("flags", [(), ("--json",), ("-v",)], ids=["human", "json", "verbose"])
def test_no_character_of_the_key_is_shown(emulator, monkeypatch, key, flags):
    result = run_at(DASHSCOPE, emulator, monkeypatch, key, "--check", *flags)
    assert "***" in result.out and "012345" not in result.out + result.err and "0a1b" not in result.out + result.err


def test_the_second_name_and_file_of_a_key_are_named(run, work):
    (work / ".env").write_text("QIANWEN_API_KEY=" + STANDARD_KEY)
    document = run("--check", "--json", key=None, base_url=None).document
    assert document["key"]["source"] == f"QIANWEN_API_KEY in {work / '.env'}"


@pytest.mark.parametrize("key", ["${DASHSCOPE_API_KEY}", "$DASHSCOPE_API_KEY", "<DASHSCOPE_API_KEY>", "DASHSCOPE_API_KEY", "your-api-key"])
@pytest.mark.parametrize("flags", [("hi",), ("--check",)], ids=["call", "check"])
def test_a_placeholder_takes_no_word_out_of_the_help(run, emulator, key, flags):
    done = run(*flags, key=key)
    said = done.out + done.err
    assert (done.code, emulator.requests) == (3, []) and "still a placeholder" in said, done
    assert "DASHSCOPE_API_KEY in the environment" in said and "DASHSCOPE_API_KEY=…" in said and "the API-key page of" in said


def test_a_key_that_only_looks_like_a_placeholder_is_not_shown(run):
    key = "my-0a1b2c3d4e5f"
    said = run("--set", key, key=key).err
    assert "is not KEY=VALUE" in said and "0a1b" not in said


def test_stdout_holds_one_document(run):
    result = run("--check", "--json", key=PLAN_KEY, base_url=None)
    assert result.code == 3 and result.document["ok"] is False and result.document["endpoint"]["region"] == "cn-beijing"


@pytest.mark.parametrize("flags", [("--check",), ("--check", "--json")], ids=["human", "json"])
def test_unknown_region_is_a_usage_error(run, flags):
    assert run(*flags, base_url=None, env={"QWEN_REGION": "mars-1"}).code == 2


# ---- --live ------------------------------------------------------------------------------------------------------------

def test_live_is_one_authenticated_free_get(run, emulator):
    result = run("--check", "--live", "--json")
    (request,) = emulator.requests
    assert result.code == 0 and result.document["ok"] is True and "accepted the key" in result.document["live"]
    assert (request.method, request.path, request.body, request.status) == ("GET", "/api/v1/tasks/", b"", 200)
    assert request.bearer and request.key_sha256 == sha256(STANDARD_KEY)


def test_live_tries_a_second_free_call_after_404_alone(emulator, monkeypatch):
    emulator.inject("error", path="/tasks", status=404, code="NotFound", message="Request path not found.")
    result = run_at(GATEWAY, emulator, monkeypatch, STANDARD_KEY, "--check", "--live")
    assert result.code == 0 and "accepted the key" in result.out
    assert [(request.method, request.path) for request in emulator.requests] == [
        ("GET", "/api/v1/tasks/"), ("GET", "/compatible-mode/v1/files")]


def test_live_gives_up_when_both_calls_are_unknown(emulator, monkeypatch):
    emulator.inject("error", times=None, status=404, code="NotFound", message="Request path not found.")
    result = run_at(GATEWAY, emulator, monkeypatch, STANDARD_KEY, "--check", "--live")
    assert result.code == 8 and len(emulator.requests) == 2 and "accepted the key" not in result.out


@pytest.mark.parametrize("fault, code, sent", [("401", 3, 1), ("403", 3, 1), ("arrearage", 4, 1), ("500", 8, 1), ("html-200", 6, 1)])
def test_live_failure_is_no_reason_for_another_call(emulator, monkeypatch, fault, code, sent):
    emulator.inject(fault, times=None)
    result = run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, "--check", "--live", "--retries", "0")
    assert (result.code, len(emulator.requests)) == (code, sent) and "accepted the key" not in result.out


def test_live_401_is_explained(run, emulator):
    result = run("--check", "--live", key=WRONG_KEY)
    assert result.code == 3 and [request.status for request in emulator.requests] == [401]
    assert "  why: " in result.err and "does not know this key" in result.err and "QWEN_BASE_URL" in result.err


def test_live_401_of_a_plan_key_is_explained(emulator, monkeypatch):
    result = run_at(DASHSCOPE, emulator, monkeypatch, PLAN_KEY, "--check", "--live", "--json")
    error = json.loads(result.out)["error"]
    assert (error["kind"], error["http_status"]) == ("key", 401)
    assert "standard endpoint rejects" in error["cause"] and "DASHSCOPE_API_KEY" in error["fix"]


@pytest.mark.parametrize("arguments", [("--live",), ("hello", "--live"), ("hello", "--live", "--json")], ids=" ".join)
def test_live_goes_with_check_only(run, emulator, arguments):
    result = run(*arguments)
    assert (result.code, emulator.requests) == (2, []) and "--check" in result.err


# ---- a plan key in front of a standard one, and advice given once ------------------------------------------------------

WITHOUT = {"posix": ["env -u DASHSCOPE_API_KEY"], "nt": ["Remove-Item Env:DASHSCOPE_API_KEY", "set DASHSCOPE_API_KEY="]}


@pytest.mark.parametrize("platform, forms", WITHOUT.items(), ids=WITHOUT)
@pytest.mark.parametrize("flags", [("--check",), ("--check", "--json"), ("hello",), ("hello", "--json")], ids=" ".join)
def test_the_command_that_uses_the_standard_key_behind_a_plan_key(emulator, monkeypatch, platform, forms, flags):
    monkeypatch.setattr("shared.cli.session._WITHOUT", {"posix": session_module._WITHOUT[platform]})
    result = run_at(DASHSCOPE, emulator, monkeypatch, PLAN_KEY, *flags, QIANWEN_API_KEY=STANDARD_KEY)
    said = result.out + result.err
    assert result.code == 3 and "standard key was found in QIANWEN_API_KEY in the environment" in said
    assert [form for form in forms if form not in said] == []


def test_the_command_works(run, emulator, home):
    """A standard key in the home file as the manual says, a plan key in the environment."""
    folder = home / ".config" / "qianwen"
    folder.mkdir(parents=True)
    (folder / ".env").write_text("DASHSCOPE_API_KEY=" + STANDARD_KEY)
    result = run("--check", key=PLAN_KEY)
    assert result.code == 3 and f"A standard key was found in DASHSCOPE_API_KEY in {folder / '.env'}" in result.out
    assert "env -u DASHSCOPE_API_KEY" in result.out
    assert run("hello", key=None).code == 0, "as the command does"


def test_a_plan_key_of_a_file_is_to_be_removed_there(run, work, home):
    (work / ".env").write_text("DASHSCOPE_API_KEY=" + PLAN_KEY)
    folder = home / ".config" / "qianwen"
    folder.mkdir(parents=True)
    (folder / ".env").write_text("DASHSCOPE_API_KEY=" + STANDARD_KEY)
    result = run("--check", key=None, base_url=None)
    assert f"remove DASHSCOPE_API_KEY from {work / '.env'}" in result.out and "env -u" not in result.out


@pytest.mark.parametrize("flags", [("hello",), ("--check",), ("--check", "--live"), ("hello", "-v"), ("hello", "-q")], ids=" ".join)
def test_the_same_advice_is_not_printed_twice(emulator, monkeypatch, flags):
    result = run_at(DASHSCOPE, emulator, monkeypatch, PLAN_KEY, *flags, "--retries", "0", QIANWEN_API_KEY=STANDARD_KEY)
    said = result.out + result.err
    assert (said.count("keep the sk-sp- key in your AI tool"), said.count("env -u")) == (1, 1)


@pytest.mark.parametrize("path, warned", [("/v1", True), ("/team/v1", True), ("/v1/", True), ("", False), ("/team", False),
                                          ("/compatible-mode/v1", False), ("/api/v1", False)])
def test_base_url_of_a_gateway_that_ends_in_v1(run, emulator, path, warned):
    result = run("--check", base_url=emulator.url + path)
    assert result.code == 0 and ("ends in /v1" in result.err) == warned
    assert (f"QWEN_BASE_URL={emulator.url}{path.rstrip('/')[:-3]}\n" in result.err) == warned


@pytest.mark.parametrize("path, warned", [("/v1", True), ("/v1/", True), ("/", False), ("/compatible-mode/v1/", False)])
def test_base_url_of_the_service_that_ends_in_v1(run, path, warned):
    result = run("--check", base_url="https://dashscope.aliyuncs.com" + path)
    assert result.code == 0 and ("set QWEN_BASE_URL=https://dashscope.aliyuncs.com\n" in result.err) == warned


@pytest.mark.parametrize("key, verdict, code", [(STANDARD_KEY, "go", 0), ("sk-ws-a.b_c-0123456789", "go", 0), (PLAN_KEY, "warn", 3)])
def test_the_services_new_host(run, key, verdict, code):
    result = run("--check", "--json", key=key, base_url="https://maas.qianwenaiapi.com/compatible-mode/v1")
    assert (result.code, result.document["endpoint"]["kind"], result.document["verdict"]) == (code, "dashscope", verdict)
    assert result.document["endpoint"]["url"] == "https://maas.qianwenaiapi.com"
