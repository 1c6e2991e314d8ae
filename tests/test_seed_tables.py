"""Every row of every table in the document on the two key systems (2026-05-01): one test id a row.

What the document states and the scripts do not do themselves (prices, credits, links) is tested for not being
contradicted: every address, model id and refusal of the project has to be the document's own.
"""
from __future__ import annotations

import re
import socket

import pytest
from shared import key_guard
from shared.failures import Exit
from shared.key_guard import CODING_PLAN, DASHSCOPE, GATEWAY, GO, LOOPBACK, REFUSE, TOKEN_PLAN, WARN
from shared.transport.context import Context, ServiceError
from shared.transport.errors import explain
from text_models import TABLE

from tests.conftest import PLAN_KEY, ROOT, STANDARD_KEY
from tests.test_key_guard import judge, run_at, said, sha256

STANDARD_BASE = "https://dashscope.aliyuncs.com"
PLAN_BASE = "https://token-plan.cn-beijing.maas.aliyuncs.com"
IMAGE_PATH = "/api/v1/services/aigc/multimodal-generation/generation"
CALLS = {  # the smallest call of each script
    "qianwen-text": ("hello",),
    "qianwen-vision": ("what is it?", "--image", "https://example.com/a.png"),
    "qianwen-image-generation": ("a red fox",),
    "qianwen-video-generation": ("a red fox runs",),
    "qianwen-audio-tts": ("hello",),
}


def project_texts():
    """Every text of the project that a user meets: code without tests, and manuals."""
    for pattern in ("*.md", "docs/*.md", "shared/**/*.py", "skills/**/*.md", "skills/*/scripts/*.py"):
        yield from ((path, path.read_text("utf-8")) for path in ROOT.glob(pattern))


def missing(words, text: str) -> list:
    """The regular expressions of `words` that find nothing in `text`."""
    return [word for word in words if not re.search(word, text, re.IGNORECASE)]


# ---- dimensions ------------------------------------------------------------------------------------------------------

class TestDimensions:
    @pytest.mark.parametrize("written, kind, shown", [("sk-01a2b3c4d5", key_guard.STANDARD, "sk-***"),
                                                      ("sk-sp-01a2b3c4d5", key_guard.PLAN, "sk-sp-***")])
    def test_key_format(self, written, kind, shown):
        assert key_guard.inspect_key(written).kind == kind and key_guard.masked(written) == shown

    @pytest.mark.parametrize("written, kind", [(STANDARD_BASE, DASHSCOPE), (PLAN_BASE, TOKEN_PLAN)])
    def test_openai_compatible_url(self, written, kind):
        url = written + "/compatible-mode/v1"
        endpoint = key_guard.parse_base_url(url)
        assert (endpoint.compatible, endpoint.kind) == (url, kind)

    def test_openai_compatible_url_is_the_default(self):
        assert key_guard.region_endpoint().compatible == STANDARD_BASE + "/compatible-mode/v1"

    @pytest.mark.parametrize("path", ["/apps/anthropic", "/apps/anthropic/v1", "/apps/anthropic/v1/messages"])
    def test_anthropic_compatible_url_is_the_plans_alone(self, path):
        assert judge(PLAN_KEY, PLAN_BASE + path).action == judge(STANDARD_KEY, PLAN_BASE + path).action == REFUSE
        assert key_guard.parse_base_url(STANDARD_BASE + path).compatible == STANDARD_BASE + "/compatible-mode/v1"

    def test_native_dashscope_url(self):
        assert key_guard.region_endpoint().native == STANDARD_BASE + "/api/v1"
        assert key_guard.parse_base_url(STANDARD_BASE + "/api/v1").native == STANDARD_BASE + "/api/v1"

    @pytest.mark.parametrize("key", [STANDARD_KEY, PLAN_KEY], ids=["sk-", "sk-sp-"])
    def test_native_dashscope_url_of_the_plan_is_refused(self, key):
        verdict = judge(key, PLAN_BASE + IMAGE_PATH, "qianwen-image-generation")
        assert (verdict.action, verdict.endpoint.kind) == (REFUSE, TOKEN_PLAN)

    @pytest.mark.parametrize("arguments, method, path", [
        (("hello",), "POST", "/compatible-mode/v1/chat/completions"),
        (("hello", "--no-stream"), "POST", "/compatible-mode/v1/chat/completions"),
        (("hello", "--search", "--sources"), "POST", "/api/v1/services/aigc/"),
        (("--check", "--live"), "GET", "/api/v1/tasks/")], ids=["compatible", "whole", "native", "check"])
    def test_auth_header_is_bearer_and_never_x_api_key(self, emulator, monkeypatch, arguments, method, path):
        assert run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, *arguments).code == 0
        request = emulator.requests[-1]
        assert request.method == method and request.path.startswith(path)
        assert request.bearer and request.key_sha256 == sha256(STANDARD_KEY)
        assert request.headers["authorization"].startswith("Bearer ") and "x-api-key" not in request.headers

    def test_supported_text_models_are_the_full_catalogue(self, emulator, monkeypatch):
        result = run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, "hello", "--model", "qwen-next-year")
        assert emulator.requests[-1].json["model"] == "qwen-next-year"
        assert result.code == 8 and "warning" in result.before, "an unknown id is warned of and sent, never refused"

    @pytest.mark.parametrize("skill", ["qianwen-image-generation"])
    def test_supported_image_models_of_the_plan_need_the_tools_own_mechanism(self, skill):
        assert missing(["own image endpoint", "AI tool", "Skill"], said(judge(PLAN_KEY, skill=skill))) == []

    @pytest.mark.parametrize("skill", ["qianwen-video-generation", "qianwen-audio-tts"])
    def test_video_tts_are_not_supported_by_the_plan(self, skill):
        assert "not in the Token Plan" in said(judge(PLAN_KEY, skill=skill))
        assert judge(STANDARD_KEY, skill=skill).action == GO

    def test_usage_scope(self):
        assert judge(STANDARD_KEY).action == judge(STANDARD_KEY, many=True).action == GO
        assert "not an AI tool" in said(judge(PLAN_KEY)) and "AI tools only" in said(judge(PLAN_KEY, TOKEN_PLAN))

    @pytest.mark.parametrize("key, billing", [(STANDARD_KEY, "pay-as-you-go"), (PLAN_KEY, "none")], ids=["sk-", "sk-sp-"])
    def test_billing(self, key, billing):
        assert key_guard.inspect_key(key).billing == billing

    @pytest.mark.parametrize("kind, words", [("standard", ["balance"]), ("plan", ["stops hard", "next cycle", "shared"])])
    def test_quota_exhaustion(self, kind, words):
        error = (ServiceError(429, "Throttling.AllocationQuota", "month allocated quota exceeded") if kind == "plan" else
                 ServiceError(400, "Arrearage", "Access denied, please make sure your account is in good standing."))
        failure = explain(error, Context("qianwen-text", kind, GATEWAY, "gateway.example.com"))
        assert failure.exit_code == Exit.QUOTA and missing(words, failure.cause + failure.fix) == []


FORBIDDEN = {"automation scripts": (TOKEN_PLAN, 1, "a script calling it breaks the plan's terms"),
             "application backends": (CODING_PLAN, 1, "interactive AI tools only"),
             "batch jobs": (DASHSCOPE, 2, "forbidden in batch jobs"),
             "violations": (TOKEN_PLAN, 1, "subscription suspended or the key revoked")}


@pytest.mark.parametrize("kind, requests, words", FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_use(kind, requests, words):
    verdict = judge(PLAN_KEY, kind, many=requests > 1)
    assert verdict.action == REFUSE and words in verdict.reason


# ---- models ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["qwen3.6-plus", "glm-5", "MiniMax-M2.5", "deepseek-v3.2"])
class TestTextModels:
    def test_in_the_plan_yet_a_plan_key_is_warned_of_and_rejected(self, emulator, monkeypatch, model):
        result = run_at(DASHSCOPE, emulator, monkeypatch, PLAN_KEY, "hello", "--model", model)
        assert result.code == 3 and "not an AI tool" in result.before and "standard endpoint rejects" in result.err

    def test_works_with_a_standard_key_over_the_openai_protocol(self, emulator, monkeypatch, model):
        result = run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, "hello", "--model", model)
        assert result.code == 0 and ("warning" in result.err) == bool(TABLE.row(model).retired) and model in result.err
        assert emulator.requests[-1].path == "/compatible-mode/v1/chat/completions"
        assert emulator.requests[-1].json["model"] == model == TABLE.find(model)[0].id


def test_deepseek_is_never_called_over_the_anthropic_protocol():
    assert [path for path, text in project_texts() if "/v1/messages" in text] == []


@pytest.mark.parametrize("model", ["qwen-image-2.0", "qwen-image-2.0-pro", "wan2.7-image", "wan2.7-image-pro"])
class TestImageModels:
    @pytest.mark.parametrize("key", [STANDARD_KEY, PLAN_KEY], ids=["sk-", "sk-sp-"])
    def test_plan_endpoint_gets_nothing(self, run, model, key):
        result = run("a red fox", "--model", model, key=key, base_url=PLAN_BASE + IMAGE_PATH, skill="qianwen-image-generation")
        assert result.code == 3 and "Nothing was sent" in result.err

    def test_one_picture_unless_asked_for_more(self, run, model):
        result = run("a red fox", "--model", model, "--dry-run", key=None, base_url=None, skill="qianwen-image-generation")
        assert result.document["body"]["model"] == model and result.document["body"]["parameters"]["n"] == 1


# ---- key x base URL --------------------------------------------------------------------------------------------------

class TestKeyAndBaseUrl:
    def test_standard_key_at_dashscope(self, emulator, monkeypatch):
        result = run_at(DASHSCOPE, emulator, monkeypatch, STANDARD_KEY, "hello")
        assert result.code == 0 and result.out and "warning" not in result.err

    def test_standard_key_at_token_plan(self, emulator, monkeypatch):
        result = run_at(TOKEN_PLAN, emulator, monkeypatch, STANDARD_KEY, "hello", host="token-plan")
        assert (result.code, emulator.requests) == (3, []) and "Incorrect API key provided" in result.err

    def test_plan_key_at_dashscope(self, emulator, monkeypatch):
        result = run_at(DASHSCOPE, emulator, monkeypatch, PLAN_KEY, "hello")
        assert result.code == 3 and "will answer InvalidApiKey (401)" in result.before
        assert "Invalid API-key provided" in result.err and "rejects those; nothing was charged" in result.err

    def test_plan_key_at_token_plan_in_a_tool(self):
        assert "keep the sk-sp- key in your AI tool" in judge(PLAN_KEY, TOKEN_PLAN).fix

    @pytest.mark.parametrize("kind, host", [(TOKEN_PLAN, "token-plan"), (CODING_PLAN, "coding-plan")])
    def test_plan_key_at_token_plan_in_a_raw_script(self, emulator, monkeypatch, kind, host):
        result = run_at(kind, emulator, monkeypatch, PLAN_KEY, "hello", host=host)
        assert (result.code, emulator.requests) == (3, [])
        assert missing(["breaks the plan's terms", "suspended", "Nothing was sent"], result.err) == []


# ---- errors ------------------------------------------------------------------------------------------------------------

NO_KEY = ServiceError(401, "InvalidApiKey", "No API-key provided.")
INVALID_KEY = ServiceError(401, "InvalidApiKey", "Invalid API-key provided.")
NO_MODEL = ServiceError(404, "model_not_found", "model 'minimax-m2.5' not found or not supported")
BAD_TOKEN = ServiceError(401, "invalid_api_key", "invalid access token or token expired")
INCORRECT_KEY = ServiceError(401, "invalid_api_key", "Incorrect API key provided. ")
TOO_LONG = ServiceError(400, "invalid_parameter_error",
                        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]")
RATE_LIMIT = ServiceError(429, "limit_requests", "API rate limit reached")

STANDARD_INTO_DASHSCOPE = "put a standard sk- key .*into DASHSCOPE_API_KEY"
# row | the service's error | key | endpoint | exit | cause | fix (regular expressions)
ERRORS = (
    ("No API-key provided", NO_KEY, "standard", DASHSCOPE, Exit.KEY, ["Authorization: Bearer", "x-api-key"], ["proxy", "QWEN_BASE_URL"]),
    ("No API-key provided", NO_KEY, "plan", LOOPBACK, Exit.KEY, ["Authorization: Bearer", "x-api-key"], ["QWEN_BASE_URL"]),
    ("Invalid API-key provided", INVALID_KEY, "plan", DASHSCOPE, Exit.KEY,
     ["sk-sp-", "standard endpoint rejects", "nothing was charged"], [STANDARD_INTO_DASHSCOPE]),
    ("Invalid API-key provided", INVALID_KEY, "plan", GATEWAY, Exit.KEY, ["sk-sp-", "HOST"], [STANDARD_INTO_DASHSCOPE]),
    ("Invalid API-key provided", INVALID_KEY, "standard", DASHSCOPE, Exit.KEY, ["mistyped|deleted", "region"], ["console", "QWEN_REGION"]),
    ("Invalid API-key provided", INVALID_KEY, "temporary", DASHSCOPE, Exit.KEY, ["30 minutes"], ["new temporary key", "DASHSCOPE_API_KEY"]),
    ("Invalid API-key provided", INVALID_KEY, "standard", GATEWAY, Exit.KEY, ["HOST does not know"], ["QWEN_BASE_URL"]),
    ("model 'xxx' not found or not supported", NO_MODEL, "standard", DASHSCOPE, Exit.FAILED,
     ["minimax-m2.5", "upper and lower case", "protocol"], ["did you mean MiniMax-M2.5"]),
    ("model 'xxx' not found or not supported", NO_MODEL, "plan", LOOPBACK, Exit.FAILED, ["minimax-m2.5", "HOST"], ["MiniMax-M2.5"]),
    ("invalid access token or token expired", BAD_TOKEN, "standard", DASHSCOPE, Exit.KEY, ["base URL", "plan endpoint"], ["console"]),
    ("invalid access token or token expired", BAD_TOKEN, "standard", GATEWAY, Exit.KEY, ["base URL", "HOST"], ["QWEN_BASE_URL"]),
    ("invalid access token or token expired", BAD_TOKEN, "standard", TOKEN_PLAN, Exit.KEY,
     ["Token Plan endpoint"], ["unset QWEN_BASE_URL"]),
    ("invalid access token or token expired", BAD_TOKEN, "plan", GATEWAY, Exit.KEY, ["plan key"], [STANDARD_INTO_DASHSCOPE]),
    ("Incorrect API key provided", INCORRECT_KEY, "plan", DASHSCOPE, Exit.KEY,
     ["sk-sp-", "standard endpoint rejects"], [STANDARD_INTO_DASHSCOPE]),
    ("Incorrect API key provided", INCORRECT_KEY, "standard", TOKEN_PLAN, Exit.KEY,
     ["standard key", "Token Plan endpoint"], ["unset QWEN_BASE_URL", STANDARD_BASE]),
    ("Incorrect API key provided", INCORRECT_KEY, "standard", CODING_PLAN, Exit.KEY,
     ["standard key", "Coding Plan endpoint"], ["unset QWEN_BASE_URL", STANDARD_BASE]),
    ("Incorrect API key provided", INCORRECT_KEY, "standard", DASHSCOPE, Exit.KEY, ["mistyped", "region"], ["QWEN_REGION"]),
    ("Range of input length should be", TOO_LONG, "standard", DASHSCOPE, Exit.FAILED,
     ["history", "longer than the model's context"], ["new conversation", "shorten", "larger context"]),
    ("API rate limit reached", RATE_LIMIT, "standard", DASHSCOPE, Exit.QUOTA, ["too many requests"], ["wait", "--check"]),
    ("API rate limit reached", RATE_LIMIT, "plan", GATEWAY, Exit.QUOTA,
     ["shared package is exhausted", "shared quota"], [STANDARD_INTO_DASHSCOPE, re.escape(key_guard.PLAN_PAGE)]),
)
ERROR_IDS = [f"{row} | {key} key | {kind}" for row, _, key, kind, *_ in ERRORS]


@pytest.mark.parametrize("row, error, key, kind, code, cause, fix", ERRORS, ids=ERROR_IDS)
def test_error_is_explained_for_the_key_and_the_endpoint(row, error, key, kind, code, cause, fix):
    host = "the-host.example.com"
    failure = explain(error, Context("qianwen-text", key, kind, host, "minimax-m2.5", TABLE))
    assert failure.exit_code == code and row.split("'")[0] in failure.message
    assert missing([word.replace("HOST", host) for word in cause], failure.cause) == []
    assert missing([word.replace("HOST", host) for word in fix], failure.fix) == []
    assert "{" not in failure.cause + failure.fix
    assert "token-plan." not in failure.fix and "coding.dashscope" not in failure.fix, "a script may not be sent to a plan endpoint"


@pytest.mark.parametrize("row, error, key, kind, code, cause, fix", [
    pytest.param(*row, id=name) for row, name in zip(ERRORS, ERROR_IDS)
    if row[3] in (DASHSCOPE, GATEWAY, LOOPBACK) and row[2] != "temporary"])
def test_error_is_explained_by_the_script(emulator, monkeypatch, row, error, key, kind, code, cause, fix):
    """A plan host gets nothing, so the errors of the others alone can come back."""
    emulator.inject("error", times=None, status=error.status, code=error.code, message=error.message)
    result = run_at(kind, emulator, monkeypatch, PLAN_KEY if key == "plan" else STANDARD_KEY, "hello", "--retries", "0",
                    "--model", "minimax-m2.5" if error is NO_MODEL else "MiniMax-M2.5")
    why, _, next_step = result.err[len(result.before):].partition("  next: ")
    host = emulator.url[len("http://"):]
    assert result.code == code
    assert missing([re.escape(row.split("'")[0]), "  why: "] + [word.replace("HOST", host) for word in cause], why) == []
    shown_before = result.before if next_step.strip() == "do what the warning above says" else ""  # advice that the warning gave already
    assert missing([word.replace("HOST", host) for word in fix], next_step + shown_before) == []


def test_no_api_key_provided_without_a_key_says_how_to_set_one(run, emulator):
    result = run("hello", key=None)
    assert (result.code, emulator.requests) == (3, [])
    assert missing(["DASHSCOPE_API_KEY", r"\.env", "standard key", "pay-as-you-go", key_guard.KEY_PAGE], result.err) == []


class TestConnectionError:
    def test_refused(self, run):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d" % unused.getsockname()[1]
            result = run("hello", "--retries", "0", base_url=url)
        assert result.code == 6 and missing([url[len("http://"):], "base URL", "spelling of QWEN_BASE_URL", "network"], result.err) == []

    def test_host_not_found(self, emulator, monkeypatch):
        def unknown(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        result = run_at(GATEWAY, emulator, monkeypatch, STANDARD_KEY, "hello", QWEN_BASE_URL="https://dashcsope.aliyuncs.com")
        assert result.code == 6 and missing([r"dashcsope\.aliyuncs\.com", "mistyped", "spelling of QWEN_BASE_URL"], result.err) == []

    def test_in_general(self):
        failure = Context(host="dashcsope.aliyuncs.com").network("no connection", accepted="no")
        assert failure.exit_code == Exit.NETWORK
        assert missing([r"dashcsope\.aliyuncs\.com", "spelling of QWEN_BASE_URL", "network"], failure.cause + failure.fix) == []


# ---- the five skills -------------------------------------------------------------------------------------------------

SKILLS = {  # API type, reason
    "qianwen-text": ("OpenAI-compat", ["standard endpoint rejects sk-sp-", "not an AI tool"]),
    "qianwen-vision": ("OpenAI-compat", ["standard endpoint rejects sk-sp-", "not an AI tool",
                                         "vision models are not in the Token Plan list of 2026-05-01",
                                         "has had since August 2026 are for AI tools only"]),
    "qianwen-image-generation": ("Native", ["standard endpoint rejects sk-sp-", "own image endpoint", "only an AI tool's Skill"]),
    "qianwen-video-generation": ("Native", ["video models are not in the Token Plan of 2026-05-01",
                                            "since August 2026 are for AI tools only"]),
    "qianwen-audio-tts": ("Native", [r"TTS\) models are not in the Token Plan of 2026-05-01", "since August 2026 are for AI tools only"]),
}


def test_the_skills_are_these_five():
    assert set(key_guard.SKILLS) == set(SKILLS)
    assert {path.name for path in (ROOT / "skills").iterdir() if path.is_dir()} <= set(SKILLS)


@pytest.mark.parametrize("skill, api, reason", [(skill, *row) for skill, row in SKILLS.items()], ids=SKILLS)
class TestSkills:
    def test_reason(self, skill, api, reason):
        verdict = judge(PLAN_KEY, skill=skill)
        assert verdict.action == WARN and not verdict.usable
        assert missing([skill, *reason, STANDARD_INTO_DASHSCOPE, "keep the sk-sp- key in your AI tool"], said(verdict)) == []
        assert key_guard.SKILLS[skill][0].lower().startswith(api.lower())

    def test_script_prints_the_warning(self, run, emulator, skill, api, reason):
        result = run(*CALLS[skill], "--retries", "0", key=PLAN_KEY, skill=skill, process=True)
        assert result.code == 3 and missing(["warning: ", *reason, STANDARD_INTO_DASHSCOPE], result.err) == []
        assert "".join(request.key_kind for request in emulator.requests) in ("", "plan")

    def test_script_takes_part_in_strict_mode(self, run, emulator, skill, api, reason):
        result = run(*CALLS[skill], key=PLAN_KEY, skill=skill, env={"QIANWEN_KEY_GUARD": "strict"})
        assert (result.code, emulator.requests) == (3, [])


# ---- cost risks ------------------------------------------------------------------------------------------------------

class TestCostRisks:
    def test_1_plan_key_in_a_script(self, emulator, monkeypatch):
        result = run_at(DASHSCOPE, emulator, monkeypatch, PLAN_KEY, "hello")
        assert "charge nothing" in result.before and "HTTP 401" in result.err and "nothing was charged" in result.err
        assert [request.status for request in emulator.requests] == [401], "a rejected key is not tried again"

    def test_2_standard_key_where_plan_coverage_is_expected(self, run):
        result = run("hello", "--json")
        usage = result.err.strip().splitlines()[-1]
        assert missing(["tokens in", "billed pay-as-you-go", "not covered by a Token Plan"], usage) == []
        assert result.document["billing"]["plan"] == "pay-as-you-go"

    def test_3_base_url_of_the_plan_with_a_standard_key(self, run):
        result = run("hello", base_url=PLAN_BASE + "/compatible-mode/v1")
        assert result.code == 3 and missing(["Incorrect API key provided", "unset QWEN_BASE_URL"], result.err) == []

    @pytest.mark.parametrize("message", [f"{window} allocated quota exceeded" for window in ("hour", "week", "month")])
    def test_4_plan_credits_exhausted(self, message):
        failure = explain(ServiceError(429, "Throttling.AllocationQuota", message),
                          Context("qianwen-text", "plan", GATEWAY, "gateway.example.com"))
        assert failure.exit_code == Exit.QUOTA and not failure.retryable
        assert missing(["used up", "hard", "not fall back to pay-as-you-go"], failure.cause) == []
        assert missing([STANDARD_INTO_DASHSCOPE, "next cycle", "shared usage package"], failure.fix) == []


# ---- both keys at once, and links --------------------------------------------------------------------------------------

class TestCoexistence:
    def test_the_tools_plan_key_does_not_matter(self, run, emulator):
        result = run("hello", env={"ANTHROPIC_AUTH_TOKEN": PLAN_KEY, "OPENAI_API_KEY": PLAN_KEY})
        assert result.code == 0 and "warning" not in result.err
        assert [request.key_sha256 for request in emulator.requests] == [sha256(STANDARD_KEY)]

    def test_a_standard_key_that_comes_second_is_named_and_not_used(self, run, emulator):
        result = run("hello", key=PLAN_KEY, env={"QIANWEN_API_KEY": STANDARD_KEY})
        assert "standard key was found in QIANWEN_API_KEY" in result.err
        assert {request.key_kind for request in emulator.requests} == {"plan"}

    def test_the_warning_says_that_both_can_be_held(self):
        assert "both can be held at the same time and do not affect each other" in said(judge(PLAN_KEY))


LINKS = {
    "Token Plan Subscription": "https://platform.qianwenai.com/home/billing/subscription/token-plan",
    "Token Plan Pricing": "https://platform.qianwenai.com/docs/token-plan/overview#%E5%A5%97%E9%A4%90%E4%B8%8E%E5%AE%9A%E4%BB%B7",
    "Pay-as-you-go Billing": "https://platform.qianwenai.com/home/billing/pay-as-you-go",
    "Usage Analytics (PAYG)": "https://platform.qianwenai.com/home/analytics",
    "Source": "https://platform.qianwenai.com/pricing/token-plan",
}


@pytest.mark.parametrize("name, row", [("PLAN_PAGE", "Token Plan Subscription"), ("USAGE_PAGE", "Usage Analytics (PAYG)")])
def test_page_is_the_documents(name, row):
    assert getattr(key_guard, name) == LINKS[row]


def test_no_page_is_invented():
    used = {url.rstrip(".") for _, text in project_texts() for url in re.findall(r"https://[\w.-]*qianwenai\.com[\w/.#%-]*", text)}
    assert used - {key_guard.KEY_PAGE} <= set(LINKS.values()) and key_guard.KEY_PAGE == "https://platform.qianwenai.com"


def test_no_manual_sends_plan_users_to_the_qianwen_usage_command():
    assert [path for path, text in project_texts() if re.search(r"qianwen usage", text)] == []


@pytest.mark.parametrize("kind, host", [(DASHSCOPE, "dashscope.aliyuncs.com"), (TOKEN_PLAN, "token-plan.cn-beijing.maas.aliyuncs.com")])
def test_host_of_the_document_is_known(kind, host):
    assert key_guard.endpoint_kind(host) == kind
