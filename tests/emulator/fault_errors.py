"""Faults: errors the service answers with, in its own words and in the dress of gateways."""
from __future__ import annotations

import json
from functools import partial
from typing import Any, Callable, Dict

from tests.emulator.wire import Exchange, Refusal, Reply, event_refusal, html_reply

Proceed = Callable[[], Reply]
HELP = " For details, see: https://help.aliyun.com/zh/model-studio/error-code#"

ERRORS: Dict[str, Refusal] = {
    "401": Refusal(401, "invalid_api_key", "Incorrect API key provided. ", native="InvalidApiKey",
                   native_message="Invalid API-key provided."),
    "403": Refusal(403, "access_denied", "Access denied.", type="access_denied", native="AccessDenied"),
    "500": Refusal(500, "internal_error", "An internal error has occured, please try again later or contact service support.",
                   type="internal_error", native="InternalError"),
    "503": Refusal(503, "ModelServingError", "Too many requests. Your requests are being throttled due to system capacity limits.",
                   type="ModelServingError", native="ModelServingError"),
    "502": Refusal(502, "bad_gateway", "Bad Gateway", type="bad_gateway"),
    "504": Refusal(504, "gateway_timeout", "Gateway Timeout", type="gateway_timeout"),
    "arrearage": Refusal(400, "Arrearage", "Access denied, please make sure your account is in good standing."
                         + HELP + "overdue-payment", type="Arrearage"),
    "moderation": Refusal(400, "data_inspection_failed", "Input data may contain inappropriate content." + HELP + "inappropriate-content",
                          type="data_inspection_failed", native="DataInspectionFailed"),
    "free-tier": Refusal(403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted. If you wish to continue "
                         "access the model on a paid basis, please disable the \"use free tier only\" mode in the management console.",
                         type="AllocationQuota.FreeTierOnly"),
}
OSS_ERRORS: Dict[str, Refusal] = {
    "policy-expired": Refusal(403, "AccessDenied", "Invalid according to Policy: Policy expired."),
    "oss-403": Refusal(403, "AccessDenied", "You have no right to access this object because of bucket acl."),
}
RATE_LIMITS: Dict[str, Refusal] = {
    "limit_requests": Refusal(429, "limit_requests", "You have exceeded your current request limit." + HELP + "rate-limit",
                              type="limit_requests", native="Throttling.RateQuota",
                              native_message="Requests rate limit exceeded, please try again later."),
    "limit_burst_rate": Refusal(429, "limit_burst_rate", "Request rate increased too quickly. To ensure system stability, please adjust "
                                "your client logic to scale requests more smoothly over time.", type="limit_burst_rate", param="",
                                native="Throttling.BurstRate"),
    "insufficient_quota": Refusal(429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."
                                  + HELP + "token-limit", type="insufficient_quota", native="Throttling.AllocationQuota",
                                  native_message="Allocated quota exceeded, please increase your quota limit."),
    "resource_exhausted": Refusal(429, "Throttling.ResourceExhausted", "Resource exhausted, please try again later.",
                                  type="Throttling.ResourceExhausted"),
    "token_plan": Refusal(429, "Throttling.AllocationQuota", "Your token-plan quota has been exhausted.",
                          type="Throttling.AllocationQuota"),
}


def error(refusal: Refusal, exchange: Exchange, proceed: Proceed, html: bool = False, retry_after: Any = None) -> Reply:
    reply = html_reply(refusal.status, str(refusal.status), refusal.message) if html else refusal.reply(exchange)
    if retry_after is not None:
        reply.headers["retry-after"] = str(retry_after)
    return reply


def rate_limit(exchange: Exchange, proceed: Proceed, code: str = "limit_requests", retry_after: Any = None) -> Reply:
    return error(RATE_LIMITS[code], exchange, proceed, retry_after=retry_after)


def gateway(name: str, exchange: Exchange, proceed: Proceed, html: bool = True, retry_after: Any = None) -> Reply:
    return error(ERRORS[name], exchange, proceed, html, retry_after)


def any_error(exchange: Exchange, proceed: Proceed, status: int = 500, code: str = "internal_error", message: str = "emulator: injected",
              retry_after: Any = None) -> Reply:
    return error(Refusal(status, code, message, type=code), exchange, proceed, retry_after=retry_after)


def echo_key(exchange: Exchange, proceed: Proceed) -> Reply:
    key = exchange.key or ""
    message = f"Incorrect API key provided: {key}. You sent {key[:6]}{'*' * 20}{key[-4:]} ({key[:3]}...{key[-4:]})."
    return Refusal(401, "invalid_api_key", message, native="InvalidApiKey").reply(exchange)


def echo_key_answer(exchange: Exchange, proceed: Proceed) -> Reply:
    key = exchange.key or ""
    exchange.script = {"text": f"The key you sent is {key}, is it not?", "reasoning": f"The header says Bearer {key} so I repeat it."}
    return proceed()


# Errors in the shapes that the live service has shown

INTERNAL = "<500> InternalError.Algo: An error occurred in model serving, error message is: [Request rejected by inference engine!]"
OVERLOAD = ("<503> InternalError.Algo: An error occurred in model serving, error message is: "
            "[Too many requests. Your requests are being throttled due to system capacity limits.]")


def sse_refusal(exchange: Exchange, proceed: Proceed, code: str = "invalid_parameter_error", message: str = "emulator: injected",
                status: int = 400, inside: bool = False) -> Reply:
    """An HTTP error whose body is an event stream, in the form of the path."""
    return event_refusal(exchange, Refusal(status, code, message, type=code), inside)


def overload(exchange: Exchange, proceed: Proceed, retry_after: Any = None) -> Reply:
    """Overload comes as HTTP 500 that tells of 503."""
    return error(Refusal(500, "ServiceUnavailable", OVERLOAD, type="ServiceUnavailable"), exchange, proceed,
                 retry_after=retry_after)


def internal_server_error(exchange: Exchange, proceed: Proceed) -> Reply:
    refusal = Refusal(500, "internal_server_error", INTERNAL, type="internal_server_error",
                      native="InternalError.Algo", native_message=INTERNAL)
    return refusal.reply(exchange)


# name -> (HTTP status, body), as gateways and resellers spell their errors
DRESSES: Dict[str, tuple] = {
    "detail": (500, {"detail": "服务内部错误，请稍后再试"}),
    "detail-list": (422, {"detail": [{"loc": ["body", "model"], "msg": "field required", "type": "value_error.missing"}]}),
    "code-msg": (500, {"code": 500, "msg": "系统繁忙，请稍后再试"}),
    "user-quota": (403, {"error": {"code": "insufficient_user_quota", "message": "用户额度不足, 剩余额度: ¥0.00", "param": "",
                                   "type": "new_api_error"}}),
    "free-quota": (403, {"error": {"code": "insufficient_quota", "message": "The free quota has been exhausted.",
                                   "param": None, "type": "insufficient_quota"}}),
    "error-text": (502, {"error": "upstream connect error"}),
    "success-false": (400, {"success": False, "errorCode": "E1001", "errorMsg": "参数不合法"}),
}


def odd_error(exchange: Exchange, proceed: Proceed, dress: str = "detail", status: int = 0) -> Reply:
    """An error that is not in the service's dress, its text escaped as many gateways do."""
    usual, body = DRESSES[dress]
    return Reply(status or usual, json.dumps(body).encode("ascii"), {"content-type": "application/json"})


FAULTS: Dict[str, Callable[..., Reply]] = {
    **{name: partial(error, refusal) for name, refusal in {**ERRORS, **OSS_ERRORS}.items()},
    "429": rate_limit,
    "502": partial(gateway, "502"),
    "504": partial(gateway, "504"),
    "error": any_error,
    "echo-key": echo_key,
    "echo-key-answer": echo_key_answer,
    "sse-refusal": sse_refusal,
    "overload": overload,
    "internal-server-error": internal_server_error,
    "odd-error": odd_error,
}
