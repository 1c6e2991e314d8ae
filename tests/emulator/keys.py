"""Which key may enter which host. Two systems that exclude each other, and a key per region."""
from __future__ import annotations

from typing import Dict, Optional, Tuple

from tests.emulator.wire import OSS, RESULTS, Exchange, Refusal, kind_of

# maas: the platform's own host for the same account; workspace: that of one workspace; maas-token-plan: its plans
HOSTS = ("dashscope", "dashscope-intl", "maas", "workspace", "token-plan", "maas-token-plan", "coding-plan", OSS, RESULTS)
WRONG_KEY = "sk-emulator-wrong-key-0000"

MISSING = Refusal(401, "InvalidApiKey", "No API-key provided.")
WRONG = Refusal(401, "invalid_api_key", "Incorrect API key provided. ", native="InvalidApiKey",
                native_message="Invalid API-key provided.")
PLAN_KEY_ON_DASHSCOPE = Refusal(401, "InvalidApiKey", "Invalid API-key provided.")
STANDARD_KEY_ON_TOKEN_PLAN = Refusal(401, "invalid_api_key", "Incorrect API key provided.")
STANDARD_KEY_ON_CODING_PLAN = Refusal(403, "invalid_api_key", "invalid api-key")
TOKEN_PLAN_POLICY = Refusal(403, "access_denied", "Token Plan is currently only available for AI tools",
                            type="access_denied", native="AccessDenied")
CODING_PLAN_POLICY = Refusal(403, "access_denied", "Coding Plan is currently only available for Coding Agents",
                             type="access_denied", native="AccessDenied")

SAME_AS = {"maas": "dashscope", "workspace": "dashscope", "maas-token-plan": "token-plan"}    # host -> host with its rows

# (host, kind of key) -> the refusal, or None to let it in. What has no row is a wrong key.
VERDICTS: Dict[Tuple[str, str], Optional[Refusal]] = {
    ("dashscope", "standard"): None,
    ("dashscope", "temporary"): None,
    ("dashscope", "plan"): PLAN_KEY_ON_DASHSCOPE,
    ("token-plan", "standard"): STANDARD_KEY_ON_TOKEN_PLAN,
    ("token-plan", "temporary"): STANDARD_KEY_ON_TOKEN_PLAN,
    ("token-plan", "plan"): TOKEN_PLAN_POLICY,
    ("coding-plan", "standard"): STANDARD_KEY_ON_CODING_PLAN,
    ("coding-plan", "temporary"): STANDARD_KEY_ON_CODING_PLAN,
    ("coding-plan", "plan"): CODING_PLAN_POLICY,
}


def check(exchange: Exchange) -> None:
    """Raise the refusal for this key on this host, if there is one."""
    refusal = verdict(exchange)
    if refusal is not None:
        raise refusal


def verdict(exchange: Exchange) -> Optional[Refusal]:
    if exchange.host in (OSS, RESULTS):      # the policy, or the signed address, is the credential
        return None
    if exchange.key is None:           # nothing, another scheme, or x-api-key only
        return MISSING
    if exchange.key in exchange.emulator.bad_keys:
        return WRONG
    if exchange.host == "dashscope-intl":
        return None if exchange.key in exchange.emulator.intl_keys else WRONG
    host = SAME_AS.get(exchange.host, exchange.host)
    return VERDICTS.get((host, kind_of(exchange.key)), WRONG)
