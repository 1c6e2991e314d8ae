"""What the service says, explained: exit code, whether to try again, cause and next step."""
from __future__ import annotations

import itertools
import re

import pytest

from shared import key_guard
from shared.failures import Exit, Failure, usage
from shared.transport.context import Context, ServiceError
from shared.transport.errors import explain
from tests.conftest import check_each, parser_of, SCRIPTS

KEYS = (key_guard.STANDARD, key_guard.PLAN, key_guard.TEMPORARY, key_guard.UNKNOWN)
ENDPOINTS = (key_guard.DASHSCOPE, key_guard.TOKEN_PLAN, key_guard.CODING_PLAN, key_guard.GATEWAY, key_guard.LOOPBACK)
MODELS = ("qwen3.6-plus", "qwen3.6-flash", "qwen-plus", "qwen-max")
HOST = "dashscope.aliyuncs.com"


def context(key=key_guard.STANDARD, endpoint=key_guard.DASHSCOPE, model="qwen3.6-plus", **more) -> Context:
    return Context("qianwen-text", key, endpoint, HOST, model, MODELS, **more)


def explained(status, code="", message="", **about) -> Failure:
    return explain(ServiceError(status, code, message, "r-1"), context(**about))


# Section 7 of the wire contract, both spellings of a code where there are two: status, code, message, exit code, and
# whether the same request may succeed later.
INVALID = "invalid_parameter_error"
ROWS = [
    # 400: the request
    *[(400, code, message, Exit.FAILED, False) for code in (INVALID, "InvalidParameter") for message in (
        "parameter.enable_thinking must be set to false for non-streaming calls", "This model only support stream mode",
        "The thinking_budget parameter must be a positive integer and not greater than 81920",
        "This model does not support enable_search.", "Range of input length should be [1, 983616]",
        "Range of max_tokens should be [1, 65536]", "Temperature should be in [0.0, 2.0)",
        'messages with role "tool" must be a response to a preceeding message with "tool_calls"',
        "input content must be a string.", "The content field is a required field.", "'messages' must contain the word 'json'",
        "Json mode response is not supported when enable_thinking is true", "Tool names are not allowed to be [search]",
        "The value of the enable_thinking parameter is restricted to True", "Model not exist.",
        "Invalid file [id:file-fe-1]", "File [id:file-fe-1] cannot be found", "File [id:x] exceeds size limit",
        "File [id:x] exceeds page limits", "File [id:x] content blank", "File [id:x] format is not supported",
        "Too many files provided.", "Total message token length exceed model limit (10000000 tokens).", "[] is too short",
        "The tool call is not supported.", "The provided URL does not appear to be valid",
        "Multimodal file size is too large", "The media format is not supported", "url error, please check url！")],
    (400, INVALID, "File parsing in progress, please try again later.", Exit.FAILED, True),
    (400, "InvalidParameter.NotSupportEnableThinking", "This model does not support enable_thinking.", Exit.FAILED, False),
    (400, "InvalidParameter.DataInspection", "Unable to download the media resource during the data inspection", Exit.FAILED, False),
    (400, "invalid_value", "-1 is lesser than the minimum of 0 - 'seed'", Exit.FAILED, False),
    (400, "invalid_request_error", "you must provide a model parameter.", Exit.FAILED, False),
    (400, "Arrearage", "Access denied, please make sure your account is in good standing.", Exit.QUOTA, False),
    (400, "DataInspectionFailed", "Output data may contain inappropriate content.", Exit.CONTENT, False),
    (400, "data_inspection_failed", "Input data may contain inappropriate content.", Exit.CONTENT, False),
    (400, INVALID, "Input data may contain inappropriate content.", Exit.CONTENT, False),
    *[(400, code, "Refused.", Exit.CONTENT, False) for code in ("CustomRoleBlocked", "FaqRuleBlocked", "IPInfringementSuspect")],
    (400, "BadRequest.EmptyModel", 'Required parameter "model" missing from request.', Exit.FAILED, False),
    (400, "UnsupportedOperation", "Only tasks in PENDING can be cancelled.", Exit.FAILED, False),
    (400, "ServiceUnavailableError", "Role must be user or assistant and Content length must be greater than 0.", Exit.FAILED, False),
    (400, "Throttling.AllocationQuota", "Maximum voice limit exceeded", Exit.QUOTA, False),
    # 401 to 421: the key, the account, the model
    *[(401, code, message, Exit.KEY, False) for code, message in (
        ("InvalidApiKey", "Invalid API-key provided."), ("invalid_api_key", "Incorrect API key provided. "),
        ("InvalidApiKey", "No API-key provided."), ("", "You didn't provide an API key."), ("", ""),
        ("NOT AUTHORIZED", "Access denied: Either you are not authorized to access this workspace, or the workspace does not exist."),
        ("", "invalid access token or token expired"))],
    (402, "payment_required", "Insufficient balance", Exit.QUOTA, False),
    (421, "risk_control", "Refused by the vendor", Exit.CONTENT, False),
    (403, "access_denied", "Current user api does not support asynchronous calls.", Exit.FAILED, False),
    (403, "AccessDenied", "Current user api does not support synchronous calls.", Exit.FAILED, False),
    (403, "AccessDenied", "Invalid according to Policy: Policy expired.", Exit.FAILED, False),
    (403, "access_denied", "Access denied.", Exit.KEY, False),
    (403, "AccessDenied.Unpurchased", "Access to model denied. Please make sure you are eligible for using the model.", Exit.KEY, False),
    *[(403, code, "Access denied.", Exit.KEY, False) for code in ("Model.AccessDenied", "App.AccessDenied", "Workspace.AccessDenied")],
    (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted.", Exit.QUOTA, False),
    (403, "invalid_api_key", "invalid api-key", Exit.KEY, False),
    (404, "ModelNotFound", "Model can not be found.", Exit.FAILED, False),
    (404, "model_not_found", "The model `foo` does not exist or you do not have access to it.", Exit.FAILED, False),
    (404, "model_not_supported", "Unsupported model foo for OpenAI compatibility mode.", Exit.FAILED, False),
    (404, "NotFound", "Not found!", Exit.FAILED, False),
    (404, "", "", Exit.FAILED, False),
    (409, "Conflict", "Model instance x already exists", Exit.FAILED, False),
    # 429: too fast, or used up
    (429, "Throttling", "Requests throttling triggered.", Exit.QUOTA, True),
    (429, "limit_requests", "You have exceeded your current request limit.", Exit.QUOTA, True),
    (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.", Exit.QUOTA, True),
    (429, "LimitRequests", "You exceeded your current requests list.", Exit.QUOTA, True),
    (429, "limit_burst_rate", "Request rate increased too quickly.", Exit.QUOTA, True),
    (429, "Throttling.BurstRate", "Request rate increased too quickly.", Exit.QUOTA, True),
    (429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.", Exit.QUOTA, True),
    (429, "Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit.", Exit.QUOTA, True),
    (429, "Throttling.AllocationQuota", "Too many requests. Batch requests are being throttled", Exit.QUOTA, True),
    (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", Exit.QUOTA, False),
    (429, "Throttling.AllocationQuota", "Maximum voice-clone voice limit exceeded", Exit.QUOTA, False),
    *[(429, code, "Not paid.", Exit.QUOTA, False) for code in ("CommodityNotPurchased", "PrepaidBillOverdue", "PostpaidBillOverdue")],
    (430, "Audio.DecoderError", "Decoder error", Exit.FAILED, False),
    # 5xx
    *[(500, code, message, Exit.FAILED, True) for code, message in (
        ("internal_error", "An internal error has occured, please try again later."), ("InternalError", "Internal server error!"),
        ("InternalError.Algo", "inference internal error"), ("InternalError.Algo", "Request rejected by inference engine!"),
        ("InternalError.Algo", "Expecting ',' delimiter: line 1 column 9 (char 8)"), ("InternalError.Timeout", "internal timeout error"),
        ("InternalError.Upload", "oss upload error"), ("SystemError", "x"), ("ModelServiceFailed", "x"), ("RewriteFailed", "x"),
        ("RetrivalFailed", "x"), ("RequestTimeOut", "Request timed out, please try again later."),
        ("ResponseTimeout", "Response stream timeout"), ("ModelServingError", "throttled due to system capacity limits"), ("", ""))],
    *[(500, "InternalError.Algo", message, Exit.FAILED, False) for message in (
        "Role must be in [user, assistant]", "list index out of range", "Missing Content-Length of multimodal url.",
        "Embedding_pipeline_Error: x", "Inference error: Inference error.")],
    (503, "ModelUnavailable", "Model is unavailable, please try again later.", Exit.FAILED, True),
    (503, "ModelServingError", "Too many requests. Your requests are being throttled due to system capacity limits.", Exit.FAILED, True),
    (502, "http_502", "Bad Gateway", Exit.FAILED, True),
    (504, "http_504", "Gateway Timeout", Exit.FAILED, True),
    # plan hosts
    (403, "", "Coding Plan is currently only available for Coding Agents", Exit.KEY, False),
    (400, "", "model 'foo' is not supported", Exit.FAILED, False),
    (404, "", "model foo not found or not supported", Exit.FAILED, False),
    *[(429, "Throttling.AllocationQuota", f"{window} allocated quota exceeded", Exit.QUOTA, False)
      for window in ("hour", "week", "month", "concurrency")],
    (403, "coding_plan_subscription_expired", "The subscription has ended", Exit.KEY, False),
    (429, "", "API rate limit reached", Exit.QUOTA, True),
    # an error inside a stream comes with HTTP 200
    (200, "internal_error", "An internal error has occured", Exit.FAILED, True),
    (200, "limit_requests", "You have exceeded your current request limit.", Exit.QUOTA, True),
    (200, "data_inspection_failed", "Output data may contain inappropriate content.", Exit.CONTENT, False),
    (200, "invalid_api_key", "Incorrect API key provided.", Exit.KEY, False),
]


def named(rows) -> dict:
    """Rows by their status, code and message."""
    found = {f"{row[0]} {row[1]} {row[2]!r}": row for row in rows}
    assert len(found) == len(rows), "two rows are alike"
    return found


def test_the_table():
    def check(status, code, message, exit_code, retryable):
        failure = explained(status, code, message)
        assert (failure.exit_code, failure.retryable) == (exit_code, retryable)
        assert (failure.code, failure.http_status, failure.request_id) == (code, status, "r-1")
    check_each(named(ROWS), check)


def test_wrapping_changes_nothing():
    def check(status, code, message, exit_code, retryable):
        wrapped = explained(status, code, f"<{status}> InternalError.Algo.InvalidParameter: {message} For details, see: https://host/x#y")
        assert (wrapped.exit_code, wrapped.retryable, wrapped.message) == (exit_code, retryable, message.strip())
    check_each(named([row for row in ROWS if row[2]]), check)


@pytest.mark.parametrize("key, endpoint", itertools.product(KEYS, ENDPOINTS))
def test_every_row_has_a_cause_and_a_next_step(key, endpoint):
    for (status, code, message, *_), model in itertools.product(ROWS, ("qwen3.6-plus", "")):
        failure = explained(status, code, message, key=key, endpoint=endpoint, model=model)
        for text in (failure.message, failure.cause, failure.fix):
            assert len(text.split()) >= 1 and "{" not in text, (status, code, message, text)
        assert len(failure.cause.split()) >= 3 and len(failure.fix.split()) >= 3, (status, code, message)


SCRIPT_FLAGS = {skill: parser_of(skill)().flags for skill in SCRIPTS}


@pytest.mark.parametrize("skill", SCRIPTS)
def test_advice_names_only_flags_that_the_script_has(skill):
    def check(status, code, message, exit_code, retryable):
        failure = explained(status, code, message, flags=SCRIPT_FLAGS[skill])
        assert set(re.findall("--[a-z][a-z-]+", failure.fix)) <= SCRIPT_FLAGS[skill], failure.fix
        assert (failure.exit_code, failure.retryable) == (exit_code, retryable)
    check_each(named(ROWS), check)


TEXT, VISION, IMAGE, VIDEO, SPEECH = SCRIPTS
TOO_LONG = (400, INVALID, "Range of input length should be [1, 800]")


@pytest.mark.parametrize("skill, error, word, other", [
    *((skill, (500, "RewriteFailed", "x"), "--no-prompt-extend", "report the request id") for skill in (IMAGE, VIDEO)),
    *((skill, (400, "IPInfringementSuspect", "x"), "once with --no-prompt-extend", "same text") for skill in (IMAGE, VIDEO)),
    (TEXT, (500, "RewriteFailed", "x"), "report the request id", "--"), (SPEECH, (400, "IPInfringementSuspect", "x"), "rephrase", "--"),
    *((skill, (500, "RequestTimeOut", "x"), "run the command again", "--no-stream") for skill in (IMAGE, VIDEO, SPEECH)),
    (VISION, (500, "RequestTimeOut", "x"), "--no-stream", "document"),
    (TEXT, TOO_LONG, "--document", "--max"), (VISION, TOO_LONG, "--max-pixels", "conversation"), (SPEECH, TOO_LONG, "--max-part", "conversation"),
    *((skill, TOO_LONG, "shorten", "conversation") for skill in (IMAGE, VIDEO))])
def test_advice_is_that_of_the_script(skill, error, word, other):
    failure = explained(*error, flags=SCRIPT_FLAGS[skill])
    assert word in failure.fix and other not in failure.fix


# ---- a cause of its own ----------------------------------------------------------------------------------------------

TELLING = [
    (400, INVALID, "Range of input length should be [1, 983616]", "longer than the model's context", "--document"),
    (400, INVALID, "This model does not support enable_search.", "cannot search", "--search"),
    (400, INVALID, "must be set to false for non-streaming calls", "only streams its answers", "--no-stream"),
    (400, "InvalidParameter.NotSupportEnableThinking", "x", "cannot think", "--think"),
    (400, "Arrearage", "x", "balance", "console"),
    (400, "data_inspection_failed", "x", "inspection", "rephrase"),
    (403, "AllocationQuota.FreeTierOnly", "x", "free quota", "pay-as-you-go"),
    (403, "AccessDenied.Unpurchased", "x", "not activated", "activate"),
    (403, "Model.AccessDenied", "x", "workspace", "key"),
    (404, "", "", "base URL", "QWEN_BASE_URL"),
    (429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.",
     "not of money", "wait"),
    (429, "limit_burst_rate", "x", "faster", "wait"),
    (500, "RequestTimeOut", "x", "ran out of time", "--no-stream"),
]


@pytest.mark.parametrize("status, code, message, cause, fix", TELLING)
def test_causes_that_help(status, code, message, cause, fix):
    failure = explained(status, code, message)
    assert cause in failure.cause and fix in failure.fix


@pytest.mark.parametrize("code, message, wrong", [
    (INVALID, "The media format is not supported or incorrect for the data inspection.", "document"),
    ("InvalidURL.Timeout", "Download the media resource timed out.", "the service ran out of time"),
])
def test_trouble_with_a_media_file_is_not_blamed_on_something_else(code, message, wrong):
    assert wrong not in explained(400, code, message).cause


# The seven errors people meet: what is said depends on the key and the endpoint.
DASHSCOPE, TOKEN_PLAN, CODING_PLAN, GATEWAY = ENDPOINTS[:4]
STANDARD, PLAN, TEMPORARY, _ = KEYS
MET = [
    (401, "invalid_api_key", "Incorrect API key provided. ", STANDARD, DASHSCOPE, "another region", "QWEN_REGION"),
    (401, "InvalidApiKey", "Invalid API-key provided.", STANDARD, DASHSCOPE, HOST, "--check"),
    (401, "InvalidApiKey", "Invalid API-key provided.", PLAN, DASHSCOPE, "standard endpoint rejects", "DASHSCOPE_API_KEY"),
    (401, "InvalidApiKey", "Invalid API-key provided.", PLAN, DASHSCOPE, "nothing was charged", "both can be held"),
    (401, "invalid_api_key", "Incorrect API key provided.", STANDARD, TOKEN_PLAN, "Token Plan", "unset QWEN_BASE_URL"),
    (401, "invalid_api_key", "Incorrect API key provided.", STANDARD, CODING_PLAN, "Coding Plan", "unset QWEN_BASE_URL"),
    (401, "InvalidApiKey", "Invalid API-key provided.", TEMPORARY, DASHSCOPE, "30 minutes", "temporary key"),
    (401, "InvalidApiKey", "No API-key provided.", STANDARD, GATEWAY, "proxy", "QWEN_BASE_URL"),
    (401, "", "invalid access token or token expired", STANDARD, GATEWAY, "plan endpoints", "QWEN_BASE_URL"),
    (401, "", "invalid access token or token expired", PLAN, GATEWAY, "plan key", "DASHSCOPE_API_KEY"),
    (401, "NOT AUTHORIZED", "you are not authorized to access this workspace", STANDARD, DASHSCOPE, "workspace", "or DASHSCOPE_WORKSPACE"),
    (404, "", "model 'foo' not found or not supported", STANDARD, DASHSCOPE, "no model", "model id"),
    (429, "", "API rate limit reached", STANDARD, DASHSCOPE, "too many requests", "wait"),
    (429, "", "API rate limit reached", PLAN, GATEWAY, "seat or shared package", "DASHSCOPE_API_KEY"),
    (400, INVALID, "Range of input length should be [1, 6000]", STANDARD, DASHSCOPE, "context", "shorten"),
]


@pytest.mark.parametrize("status, code, message, key, endpoint, cause, fix", MET)
def test_the_errors_people_meet(status, code, message, key, endpoint, cause, fix):
    failure = explained(status, code, message, key=key, endpoint=endpoint)
    assert cause in failure.cause and fix in failure.fix


# ---- was it taken? ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status, code, message, accepted", [
    (400, INVALID, "bad", "no"), (401, "invalid_api_key", "bad", "no"), (403, "access_denied", "Access denied.", "no"),
    (404, "", "", "no"), (413, "", "too large", "no"), (429, "limit_requests", "slow down", "no"), (400, "Arrearage", "", "no"),
    (402, "", "pay", "no"), (200, "limit_requests", "slow down", "no"),
    (503, "ModelServingError", "throttled due to system capacity limits", "no"), (503, "ModelUnavailable", "Model is unavailable", "no"),
    (503, "ServiceUnavailable", "", "no"), (503, "http_503", "upstream connect error or disconnect/reset before headers", "maybe"),
    (503, "http_503", "", "maybe"), (500, "internal_error", "An internal error has occured", "maybe"),
    (500, "ModelServingError", "throttled due to system capacity limits", "maybe"), (500, "RequestTimeOut", "Request timed out", "maybe"),
    (502, "http_502", "Bad Gateway", "maybe"), (504, "http_504", "Gateway Timeout", "maybe"), (200, "internal_error", "", "maybe"),
    (200, "data_inspection_failed", "Output data may contain inappropriate content.", "maybe"),
    (200, "Audio.AudioShortError", "too short", "no"), (200, "CLIENT_ERROR", "no such voice in the text", "no"),
])
def test_whether_the_request_was_taken(status, code, message, accepted):
    assert explained(status, code, message).accepted == accepted


# ---- model names -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model, meant", [
    ("Qwen3.6-Plus", "qwen3.6-plus"), ("qwen3.6plus", "qwen3.6-plus"), ("qwen-pluss", "qwen-plus"), ("QWEN-MAX", "qwen-max"),
    ("qwen3.6-flsh", "qwen3.6-flash"), ("llama-4", None), ("", None),
])
@pytest.mark.parametrize("code, message", [("model_not_found", "The model does not exist"), ("InvalidParameter", "Model not exist."),
                                           ("", "model 'x' not found or not supported")])
def test_did_you_mean(model, meant, code, message):
    failure = explained(404, code, message, model=model)
    assert (f"did you mean {meant}" in failure.fix) if meant else ("did you mean" not in failure.fix)
    assert model in failure.cause and "model id" in failure.fix


def test_a_model_is_not_suggested_for_itself():
    assert "mean qwen3.6-plus" not in explained(404, "model_not_found", "does not exist", model="qwen3.6-plus").fix


# ---- messages --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("message, clean", [
    ("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 65536]", "Range of max_tokens should be [1, 65536]"),
    ("<400> InternalError.Algo: bad", "bad"), ("<500> bad", "bad"), ("InternalError.Algo is a name", "InternalError.Algo is a name"),
    ("Incorrect API key provided. ", "Incorrect API key provided."),
    ("Slow down. For details, see: https://help.aliyun.com/zh/model-studio/error-code#rate-limit", "Slow down."),
    ("输入过长。\n第二行", "输入过长。\n第二行"), ("{braces} and %s", "{braces} and %s"),
])
def test_messages_lose_their_wrapping(message, clean):
    assert explained(400, INVALID, message).message == clean


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_a_missing_message_is_replaced_by_the_status(status):
    assert str(status) in explained(status, "", "").message


# ---- the network, and the error type ---------------------------------------------------------------------------------

def test_a_network_failure_has_words_of_its_own():
    failure = context().network("it broke")
    assert (failure.exit_code, failure.accepted, failure.retryable) == (Exit.NETWORK, "maybe", True)
    assert HOST in failure.cause and "billed" in failure.fix
    assert "billed" not in context().network("it broke", accepted="no").fix


@pytest.mark.parametrize("accepted", ["no", "maybe"])
def test_a_sandbox_without_network_is_named(accepted):
    failure = context(sandboxed=True).network("refused", cause="x", fix="y", accepted=accepted)
    assert "sandbox" in failure.cause and "allow network" in failure.fix and not failure.retryable


def test_a_sandbox_does_not_explain_what_the_service_says():
    assert "sandbox" not in explained(500, "internal_error", "x", sandboxed=True).cause


def test_the_error_object():
    failure = Failure(Exit.QUOTA, "what", "why", "next", code="c", http_status=429, request_id="r", retryable=True)
    assert failure.as_error() == {"kind": "quota", "code": "c", "http_status": 429, "message": "what", "cause": "why",
                                  "fix": "next", "request_id": "r", "retryable": True}
    assert Failure(Exit.USAGE, "what").as_error() == {"kind": "usage", "message": "what", "retryable": False}
    assert (usage("what", "next").exit_code, usage("what", "next").fix) == (Exit.USAGE, "next") and usage("what").fix


def test_the_exit_codes():
    names = ["ok", "unexpected", "usage", "key", "quota", "running", "network", "exists", "failed", "unsaved", "content", "partial"]
    assert {code.name.lower(): int(code) for code in Exit} == {**{name: number for number, name in enumerate(names)}, "interrupted": 130}


# ---- what the live service says, in other dress --------------------------------------------------------------------------

TPM = "Throttling: TPM(12345/10000)"
ALGO = "<500> InternalError.Algo: An error occurred in model serving"
DRESSED = [  # status, code, message, exit code, retryable, accepted
    (200, "429", TPM, Exit.QUOTA, True, "no"), (200, "Throttling", TPM, Exit.QUOTA, True, "no"), (200, "", TPM, Exit.QUOTA, True, "no"),
    (200, "Throttling.RateQuota", "slow down", Exit.QUOTA, True, "no"), (500, "Throttling.RateQuota", "slow down", Exit.QUOTA, True, "no"),
    (429, "Throttling.ResourceExhausted", "x", Exit.QUOTA, True, "no"), (200, "insufficient_quota", "You exceeded", Exit.QUOTA, True, "no"),
    (200, "rate_limit_exceeded", "x", Exit.QUOTA, True, "no"), (400, "limit_requests", "x", Exit.QUOTA, True, "no"),
    (200, "internal_server_error", ALGO, Exit.FAILED, True, "maybe"), (500, "internal_server_error", ALGO, Exit.FAILED, True, "maybe"),
    (200, "internal_error", "x", Exit.FAILED, True, "maybe"), (200, "", ALGO, Exit.FAILED, True, "maybe"),
    (200, "500", "x", Exit.FAILED, True, "maybe"),
    (500, "ServiceUnavailable", "<503> Service is overloaded", Exit.FAILED, True, "no"), (200, "ServiceUnavailable", "x", Exit.FAILED, True, "no"),
    (200, "", "Backend buffer overflow.", Exit.FAILED, True, "maybe"),
    (500, "InternalError.Algo", "<400> InternalError.Algo.InvalidParameter: no such size", Exit.FAILED, False, "no"),
    *[(status, code, message, Exit.QUOTA, False, "no") for status in (200, 400, 401, 403, 429, 500) for code, message in (
        ("Arrearage", "Access denied, please make sure your account is in good standing."), ("", "Your account is in arrears"),
        ("insufficient_user_quota", "用户额度不足"), ("http_402", "Insufficient Balance") if status == 402 else ("Arrearage", ""))],
    (403, "insufficient_quota", "Free quota used up", Exit.QUOTA, False, "no"),
    (429, "Throttling.AllocationQuota", "token-plan quota has been exhausted", Exit.QUOTA, False, "no"),
    (429, "insufficient_quota", "The Token Plan quota of this seat is exhausted", Exit.QUOTA, False, "no"),
]


@pytest.mark.parametrize("status", [200, 400, 403, 500])
@pytest.mark.parametrize("code, message", [("content_filter", "The request was rejected because it was considered high risk"),
                                           ("ContentFilter", "x"), ("content_policy_violation", "x"), ("", "considered high risk")])
def test_content_inspection_is_one_whatever_it_is_called(status, code, message):
    failure = explained(status, code, message)
    assert (failure.exit_code, failure.retryable) == (Exit.CONTENT, False) and "rephrase" in failure.fix


@pytest.mark.parametrize("code, exit_code", [("risk", Exit.CONTENT), ("", Exit.CONTENT), ("http_421", Exit.FAILED)])
def test_421_is_the_vendors_control_of_risks_unless_a_proxy_says_it(code, exit_code):
    assert explained(421, code, "no").exit_code == exit_code


def test_other_dress():
    def check(status, code, message, exit_code, retryable, accepted):
        failure = explained(status, code, message)
        assert (failure.exit_code, failure.retryable, failure.accepted) == (exit_code, retryable, accepted)
        assert (failure.code, failure.http_status) == (code, status)
        assert failure.server_error == (exit_code == Exit.FAILED and retryable)
    check_each(named(DRESSED), check)


@pytest.mark.parametrize("status, code, message", [(status, code, message) for status, code, message, *_ in DRESSED if status == 401])
def test_money_is_never_blamed_on_the_key(status, code, message):
    failure = explained(status, code, message)
    assert "key" not in failure.cause and ("balance" in failure.cause)


def test_a_chat_call_is_sent_again_after_the_services_own_fault():
    from shared.transport.retries import Retries
    retries = Retries(1)
    assert retries.allowed(explained(200, "internal_server_error", ALGO), Retries.CHAT)
    assert not retries.allowed(explained(200, "internal_server_error", ALGO), Retries.CREATE)
    assert not retries.allowed(explained(200, "invalid_parameter_error", "bad"), Retries.CHAT)


# ---- a 404 that names nothing --------------------------------------------------------------------------------------------

NOTHING = ["", "404 page not found", "Not Found", "not found!", "404: Not Found", "Cannot POST /v1/compatible-mode/v1/chat/completions",
           "The requested URL was not found on this server.", "no route", "Request path not found."]


@pytest.mark.parametrize("address, word", [("https://gw.example/v1", "QWEN_BASE_URL=https://gw.example"),
    ("https://gw.example/team", "only the origin")])
def test_a_404_that_names_nothing_explains_the_address(address, word):
    def check(code, message):
        failure = explained(404, code, message, endpoint=key_guard.GATEWAY, address=address)
        assert f"{address}/compatible-mode/v1" in failure.cause and "base URL" in failure.cause
        assert word in failure.fix and not failure.fix.endswith("/v1")
    check_each({f"{code} {message!r}": (code, message) for code in ("", "http_404", "NotFound", "not_found", "404")
                for message in NOTHING}, check)


@pytest.mark.parametrize("code, message", [("ModelNotFound", "Model can not be found."),
    ("", "The model `x` does not exist"), ("NotFound", "task t-1 not found"),
                                           ("ResourceNotExist", "not found")])
def test_a_404_that_names_something_is_not_the_address(code, message):
    assert "base URL" not in explained(404, code, message, address="https://gw.example/v1").cause


# ---- retired models ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status, code, message", [(404, "ModelNotFound", "Model can not be found."), (400, "", "Model not exist."),
                                                   (404, "model_not_found", "The model `x` does not exist or you do not have access to it."),
                                                   (403, "Model.AccessDenied", "Access denied.")])
def test_the_successor_of_a_retired_model_is_named(status, code, message):
    failure = explained(status, code, message, model="qwen-turbo", successor="qwen-next")
    assert "qwen-next" in failure.fix and "did you mean" not in failure.fix
    assert "qwen-next" not in explained(status, code, message, model="qwen-turbo").fix


def test_a_known_model_was_not_mistyped():
    assert "did you mean" not in explained(404, "model_not_found", "x", model="qwen-plus").fix


def test_no_hint_names_a_model_by_hand():
    import inspect
    from shared.transport import errors
    text = inspect.getsource(errors)
    assert not [name for name in ("qwen3", "qwen-plus", "qwen-max", "wan2", "cosyvoice") if name in text]
    assert "startswith" not in text and "skill ==" not in text
