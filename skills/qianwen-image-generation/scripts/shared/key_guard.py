"""The key guard: what kind of key, what kind of endpoint, and may the two meet.

千问云 has two authentication systems that exclude each other. Standard keys (`sk-…`) are billed pay-as-you-go and
are the ones for these scripts. Plan keys (`sk-sp-…`, Token Plan and Coding Plan) belong to interactive AI tools; in
a script they are forbidden, on pain of suspension, and the standard endpoint rejects them.

Every script asks `judge()` before anything is sent and uses the endpoint of the verdict. The module is pure: it reads
no environment, does no I/O and imports nothing of this project. Facts: the two-key-systems document (2026-05-01) and
sections 1.1 and 1.2 of the wire contract.
"""
from __future__ import annotations

import re
from collections import namedtuple
from urllib.parse import urlsplit

# Kinds of key.
MISSING = "missing"


PLACEHOLDER = "placeholder"
MALFORMED = "malformed"
FOREIGN = "foreign"
PLAN = "plan"
STANDARD = "standard"
TEMPORARY = "temporary"
UNKNOWN = "unknown"
# Kinds of endpoint.
DASHSCOPE = "dashscope"


TOKEN_PLAN = "token-plan"
CODING_PLAN = "coding-plan"
GATEWAY = "gateway"
LOOPBACK = "loopback"
# What the guard does.
GO = "go"


WARN = "warn"
REFUSE = "refuse"
KEY_PAGE = "https://platform.qianwenai.com"
PLAN_PAGE = "https://platform.qianwenai.com/home/billing/subscription/token-plan"
USAGE_PAGE = "https://platform.qianwenai.com/home/analytics"
SET_A_KEY = ("put a standard key (sk-…, pay-as-you-go) into the environment variable DASHSCOPE_API_KEY, or as a line "
             "DASHSCOPE_API_KEY=… into ~/.config/qianwen/.env or the project's .env; create one on the API-key page of "
             + KEY_PAGE)


TWO_KEYS = ("keep the sk-sp- key in your AI tool and put a standard sk- key (pay-as-you-go) into DASHSCOPE_API_KEY for "
            "these scripts: both can be held at the same time and do not affect each other")


# Region -> host. None: only hosts that carry a workspace id exist there (wire contract 1.1).
REGIONS = {
    "cn-beijing": "dashscope.aliyuncs.com",
    "ap-southeast-1": "dashscope-intl.aliyuncs.com",
    "us-east-1": "dashscope-us.aliyuncs.com",
    "cn-hongkong": "cn-hongkong.dashscope.aliyuncs.com",
    "eu-central-1": None,
    "ap-northeast-1": None,
}


DEFAULT_REGION = "cn-beijing"
# Skill -> (which API it calls, why it does not work with a plan key). One row of the seed document each.
SKILLS = {
    "qianwen-text": (
        "OpenAI-compatible",
        "the standard endpoint rejects sk-sp- keys, and scripts may not use the plan's own endpoint"),
    "qianwen-vision": (
        "OpenAI-compatible",
        "the standard endpoint rejects sk-sp- keys, scripts may not use the plan's own endpoint, and vision models are "
        "not in the Token Plan list"),
    "qianwen-image-generation": (
        "native",
        "the standard endpoint rejects sk-sp- keys; the plan has its own image endpoint, which only an AI tool's Skill, "
        "Slash Command or Agent mechanism may call"),
    "qianwen-video-generation": (
        "native",
        "video models are not in the Token Plan"),
    "qianwen-audio-tts": (
        "native",
        "speech (TTS) models are not in the Token Plan"),
}


_FOREIGN = (  # prefix, whose it is, what to do
    ("sk-ant-", "Anthropic"), ("sk-proj-", "OpenAI"), ("sk-svcacct-", "OpenAI"), ("sk-admin-", "OpenAI"),
    ("sk-or-", "OpenRouter"), ("AIza", "Google"), ("gsk_", "Groq"), ("xai-", "xAI"), ("hf_", "Hugging Face"),
    ("ghp_", "GitHub"), ("LTAI", "Alibaba Cloud (an AccessKey ID, not a DashScope API key)"),
)


_PREFIXES = ("sk-sp-", "sk-ws-") + tuple(prefix for prefix, _ in _FOREIGN) + ("sk-", "st-")
_PLACEHOLDER = re.compile(
    r"^(sk-(sp-|ws-)?)?("
    r"[x*.…_-]*|<.*>|\{.*\}|\[.*\]|\$.*|%.*%|none|null|undefined|changeme|change-me|todo|placeholder"
    r"|(.*[-_ ])?(your|my)([-_ ].*)?|(.*[-_ ])?here|.*placeholder.*|(insert|replace|paste|enter)[-_ ].*)$", re.IGNORECASE)


_OUTER = " \t\r\n\v\f\u00a0\u3000\ufeff\u200b\u200c\u200d\u2060\"'`“”‘’"
_SERVICE_PATH = re.compile(
    r"(/compatible-mode(/v1(/chat/completions)?)?|/api/v1(/services/[\w/-]+)?|/apps/anthropic(/v1)?(/messages)?)$")


_LOOPBACK = re.compile(r"^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1)$")
# Compiled at first use: most runs have nothing to hide but their own key.
_KEY_SHAPED = (r"(?i)(?<![a-z0-9])(?:sk-[a-z0-9_*.…-]+|st-(?=[a-z_-]{0,64}[0-9])[a-z0-9_*.…-]{6,}"
               r"|st-[a-z0-9_-]{0,200}(?:\*\*+|\.\.+|…)[a-z0-9_*.…-]+|(?:aiza|ltai)[a-z0-9_*.…-]{6,})")


_SHORTENED = r"(?<![\w-])([\w-]{2,})(?:\*\*+|\.\.+|…)([\w-]{2,})"
_SIGNED = (r"(?i)((?:Signature|OSSAccessKeyId|security-token|x-oss-signature|x-oss-credential|policy)=)"
           r"[^&\s\"'<>]+")


class Key:
    """A key as judged. `value` is trimmed; `trimmed` names what was cut off around it. Never shows its characters."""

    __slots__ = ("value", "kind", "trimmed", "owner")

    def __init__(self, value: str, kind: str, trimmed: tuple = (), owner: str = ""):
        self.value, self.kind, self.trimmed, self.owner = value, kind, trimmed, owner

    def __repr__(self) -> str:
        return f"<{self.kind} key {masked(self.value)}>"

    @property
    def billing(self) -> str:
        """Who pays for a call with this key, for the usage line and the JSON document."""
        return {STANDARD: "pay-as-you-go", TEMPORARY: "pay-as-you-go", UNKNOWN: "gateway"}.get(self.kind, "none")


class Endpoint:
    """Where requests go: `origin` is scheme and host, `prefix` a gateway's own path, kept in front of every service path."""

    __slots__ = ("origin", "prefix", "kind", "host", "region")

    def __init__(self, origin: str, prefix: str, kind: str, host: str, region: str = ""):
        self.origin, self.prefix, self.kind, self.host, self.region = origin, prefix, kind, host, region

    def __repr__(self) -> str:
        return f"<{self.kind} endpoint {self.origin}{self.prefix}>"

    @property
    def compatible(self) -> str:
        """Base of the OpenAI-compatible API."""
        return self.origin + self.prefix + "/compatible-mode/v1"

    @property
    def native(self) -> str:
        """Base of the native DashScope API."""
        return self.origin + self.prefix + "/api/v1"


class BadEndpoint(ValueError):
    """A base URL or region that cannot be used; `fix` names the legal values."""

    def __init__(self, message: str, fix: str):
        super().__init__(message)
        self.fix = fix


class Verdict(namedtuple("Verdict", "action key endpoint reason fix warnings")):
    """What the guard decided. `warnings` are (what, next step) pairs, to be shown before anything is sent."""

    __slots__ = ()

    @property
    def usable(self) -> bool:
        """Whether the key is one for these scripts here: a plan key is not, even where it is sent with a warning."""
        return self.action != REFUSE and self.key.kind != PLAN


def inspect_key(raw: str | None) -> Key:
    """Trim what people paste around a key and tell what kind of key is left. Trimming is reported, never silent."""
    value, trimmed = _trim(raw or "")
    if not value:
        return Key("", MISSING)
    lower = value.lower()
    if not re.fullmatch(r"[!-~]+", value):
        kind = PLACEHOLDER if _PLACEHOLDER.match(value) else MALFORMED
        return Key(value, kind, trimmed)
    if lower.startswith("sk-sp-"):
        return Key(value, PLAN, trimmed)
    if _PLACEHOLDER.match(value):
        return Key(value, PLACEHOLDER, trimmed)
    for prefix, owner in _FOREIGN:
        if value.startswith(prefix) or (prefix.startswith("sk-") and lower.startswith(prefix)):
            return Key(value, FOREIGN, trimmed, owner)
    if lower.startswith("sk-"):
        return Key(value, STANDARD, trimmed)
    return Key(value, TEMPORARY if lower.startswith("st-") else UNKNOWN, trimmed)


def _trim(raw: str) -> tuple:
    """Cut outer blanks, quotes, byte order marks and a pasted `Bearer `; return the key and the names of what was cut."""
    value, cut = raw, []
    while True:
        stripped = value.strip(_OUTER)
        bearer = re.match(r"(?:authorization:\s*)?bearer(\s+|$)", stripped, re.IGNORECASE)
        before, after = value.split(stripped, 1) if stripped else (value, "")
        cut += [name for name, characters in (
            ("a byte order mark", "\ufeff"), ("quotes", "\"'`“”‘’"), ("a line break", "\r\n"),
            ("blanks", " \t\v\f\u00a0\u3000\u200b\u200c\u200d\u2060"))
            if any(c in characters for c in before + after)]
        value = stripped[bearer.end():] if bearer else stripped
        if not bearer:
            return value, tuple(dict.fromkeys(cut))
        cut.append("a pasted 'Bearer '")


def masked(value: str) -> str:
    """The public prefix of a key and three stars; nothing else of it is ever shown."""
    for prefix in _PREFIXES:
        if value.lower().startswith(prefix.lower()):
            return prefix + "***"
    return "***"


def redact(text: str, secrets=()) -> str:
    """Remove keys and signatures from text meant for people or logs.

    `secrets` are the exact keys of this run; anything else shaped like a key goes too (services echo keys, whole or
    with stars in the middle), and so do the signature parameters of signed URLs.
    """
    text = redact_exact(text, secrets)
    if secrets and ("**" in text or ".." in text or "…" in text):
        text = re.sub(_SHORTENED, lambda match: _mask_shortened(match, secrets), text)
    lower = text.lower()
    if any(prefix in lower for prefix in ("sk-", "st-", "aiza", "ltai")):
        text = re.sub(_KEY_SHAPED, _mask_match, text)
    return re.sub(_SIGNED, r"\1***", text) if "=" in text else text


def _mask_match(match) -> str:
    """A key with its characters gone; a bare public prefix ("sk-sp-…") and the full stop of a sentence stay."""
    found = match.group()
    end = found[len(found.rstrip(".…")):]
    value = found[:len(found) - len(end)]
    return found if value.lower() in ("sk-", "sk-sp-", "sk-ws-", "sk-ant-", "sk-or-") else masked(value) + end


def _mask_shortened(match, secrets) -> str:
    """One of this run's keys with its middle left out, as some services echo it."""
    whole = next((secret for secret in secrets if secret.startswith(match.group(1)) and secret.endswith(match.group(2))), None)
    return masked(whole) if whole else match.group()


def redact_exact(text: str, secrets=()) -> str:
    """Remove just the given keys, one that is cut off at the end included; all other text stays as it is."""
    text = replace_keys(text, secrets)
    for secret in secrets:
        for size in range(len(secret) - 1, len(masked(secret)), -1):
            if text.endswith(secret[:size]):
                return text[:-size] + masked(secret)
    return text


def replace_keys(text: str, secrets) -> str:
    """Put the masked form in the place of each whole key."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, masked(secret))
    return text


def region_endpoint(region: str = DEFAULT_REGION) -> Endpoint:
    """The DashScope endpoint of a region. Raises BadEndpoint for a region that is unknown or has no common host."""
    if region not in REGIONS:
        raise BadEndpoint(f"unknown region {region!r} in QWEN_REGION",
                          f"use one of: {', '.join(name for name, host in REGIONS.items() if host)}; in "
                          f"{' and '.join(name for name, host in REGIONS.items() if not host)} set QWEN_BASE_URL to your "
                          "workspace's host")
    host = REGIONS[region]
    if host is None:
        raise BadEndpoint(
            f"region {region} has only hosts that carry your workspace id",
            f"set QWEN_BASE_URL=https://<WorkspaceId>.{region}.maas.aliyuncs.com instead of QWEN_REGION")
    return Endpoint("https://" + host, "", DASHSCOPE, host, region)


def parse_base_url(text: str) -> Endpoint:
    """An origin, or a URL ending in a service path, as an Endpoint. Raises BadEndpoint; never repeats credentials."""
    text = text.strip(_OUTER)
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        parts, host, port = None, "", None
    if parts is None or parts.scheme not in ("http", "https") or not re.fullmatch(r"[a-z0-9._:-]+", host):
        raise _bad_url("not an http(s) URL with a plain host name", text if "@" not in text else "")
    if port == 0 or ":" not in host and not all(0 < len(label) < 64 for label in host.split(".")):
        raise _bad_url("its host name or port is not possible", text if "@" not in text else "")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _bad_url("it must not hold a user name, a password, a query or a fragment", "")
    if re.search(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]", text) or "/../" in parts.path + "/":
        raise _bad_url("it holds blanks or characters that do not belong into a URL", text)
    if parts.scheme == "http" and not _LOOPBACK.match(host):
        raise _bad_url("plain http would show your key to everyone on the way; only loopback hosts may use it", text)
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    prefix = _SERVICE_PATH.sub("", re.sub(r"/{2,}", "/", parts.path).rstrip("/")).rstrip("/")
    kind = endpoint_kind(host)
    if kind == CODING_PLAN and prefix == "/v1":
        prefix = ""
    return Endpoint(origin, prefix, kind, shown + (f":{port}" if port else ""), region_of(host))


def _bad_url(why: str, shown: str) -> BadEndpoint:
    what = f"the base URL {shown!r} cannot be used" if shown else "the base URL cannot be used"
    return BadEndpoint(f"{what}: {why}",
                       "set QWEN_BASE_URL to an origin such as https://dashscope.aliyuncs.com, or to a URL ending in "
                       "/compatible-mode/v1 or /api/v1; unset it to use the region's own host")


def endpoint_kind(host: str) -> str:
    """What a host is. Whole labels are compared, so that look-alikes of DashScope's names count as gateways."""
    host = host.lower().rstrip(".")
    if _LOOPBACK.match(host):
        return LOOPBACK
    if re.fullmatch(r"token-plan[a-z0-9-]*(\.[a-z0-9-]+)*\.maas\.aliyuncs\.com", host):
        return TOKEN_PLAN
    if re.fullmatch(r"coding[a-z0-9-]*\.dashscope(-[a-z0-9]+)?\.aliyuncs\.com", host):
        return CODING_PLAN
    if re.fullmatch(r"([a-z0-9-]+\.)*dashscope(-[a-z0-9]+)?\.aliyuncs\.com|[a-z0-9_-]+(\.[a-z0-9-]+)+\.maas\.aliyuncs\.com",
                    host):
        return DASHSCOPE
    return GATEWAY


def region_of(host: str) -> str:
    """The region a DashScope host serves, or '' where the name does not tell."""
    host = host.lower().rstrip(".")
    for region, name in REGIONS.items():
        if host == name or re.fullmatch(r"[a-z0-9_.-]+\." + region + r"\.maas\.aliyuncs\.com", host):
            return region
    return DEFAULT_REGION if host == "batch.dashscope.aliyuncs.com" else ""


_ANY_KEY = (MISSING, PLACEHOLDER, MALFORMED, FOREIGN, PLAN, STANDARD, TEMPORARY, UNKNOWN)
_PLAN_HOSTS = (TOKEN_PLAN, CODING_PLAN)
_OTHER_HOSTS = (GATEWAY, LOOPBACK)
_ANY_HOST = (DASHSCOPE,) + _PLAN_HOSTS + _OTHER_HOSTS
# Read from the top, the first row that fits decides: kinds of key, kinds of endpoint, only for batches, action, the
# sentence that says why. DESIGN's guard table, row by row.
_RULES = (
    ((MISSING,), _ANY_HOST, False, REFUSE, "missing"),
    ((PLACEHOLDER,), _ANY_HOST, False, REFUSE, "placeholder"),
    ((MALFORMED,), _ANY_HOST, False, REFUSE, "malformed"),
    ((FOREIGN,), _ANY_HOST, False, REFUSE, "foreign"),
    ((PLAN,), _PLAN_HOSTS, False, REFUSE, "plan key at plan host"),
    ((PLAN,), _ANY_HOST, True, REFUSE, "plan key in a batch"),
    ((PLAN,), (DASHSCOPE,), False, WARN, "plan key at DashScope"),
    ((PLAN,), _OTHER_HOSTS, False, WARN, "plan key elsewhere"),
    (_ANY_KEY, _PLAN_HOSTS, False, REFUSE, "other key at plan host"),
    ((UNKNOWN,), (DASHSCOPE,), False, WARN, "unknown key at DashScope"),
    (_ANY_KEY, _ANY_HOST, False, GO, ""),
)


_SENTENCES = {  # what and why; the next step
    "missing": ("No API key was found: DASHSCOPE_API_KEY is not set", SET_A_KEY),
    "placeholder": ("The API key is still a placeholder, not a key", SET_A_KEY),
    "malformed": ("The API key holds blanks, control characters or non-ASCII characters in its middle, so it was damaged "
                  "when it was copied", "copy the key again from the API-key page of " + KEY_PAGE + " and set it anew"),
    "foreign": ("The API key looks like a key of {owner}; it is not sent to a host it is not for", SET_A_KEY),
    "plan key at plan host": (
        "The key is a plan key (sk-sp-…) and {host} is a {plan} endpoint. That pair is for interactive AI tools only; "
        "a script calling it breaks the plan's terms and can get the subscription suspended or the key revoked. Nothing "
        "was sent", TWO_KEYS + "; unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com"),
    "plan key in a batch": (
        "The key is a plan key (sk-sp-…), and plan keys are forbidden in batch jobs. Nothing was sent", TWO_KEYS),
    "plan key at DashScope": (
        "The key is a Token Plan or Coding Plan key (sk-sp-…), and this script is not an AI tool. {skill} does not work "
        "with it: {why_not}. DashScope will answer InvalidApiKey (401) and charge nothing", TWO_KEYS),
    "plan key elsewhere": (
        "The key is a Token Plan or Coding Plan key (sk-sp-…), and this script is not an AI tool. {skill} does not work "
        "with it: {why_not}. {host} is neither DashScope nor a plan endpoint; when it passes the key on to one, this call "
        "breaks the plan's terms", TWO_KEYS),
    "other key at plan host": (
        "{host} is a {plan} endpoint, and the key is not a plan key: this pair always fails authentication "
        "('Incorrect API key provided'). Nothing was sent",
        "unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com, to use your standard key"),
    "unknown key at DashScope": (
        "The key does not begin with sk-, as DashScope's keys do", SET_A_KEY),
}


def judge(key: Key, endpoint: Endpoint, skill: str, requests: int = 1, strict: bool = False) -> Verdict:
    """Decide whether `skill` may send `requests` requests to `endpoint` with `key`.

    In strict mode every warning is a refusal. Nothing is printed here: the caller shows `warnings`, and stops with
    `reason` and `fix` when the action is REFUSE.
    """
    action, name = next((act, why) for keys, hosts, batch, act, why in _RULES
                        if key.kind in keys and endpoint.kind in hosts and (requests > 1 or not batch))
    reason, fix = _sentence(name, key, endpoint, skill)
    warnings = []
    if key.trimmed:
        warnings.append((f"around the API key this was ignored: {', '.join(key.trimmed)}", "set the key again without it"))
    if action == WARN:
        warnings.append((reason, fix))
    if strict and warnings and action != REFUSE:
        what, fix = warnings[-1]
        return Verdict(REFUSE, key, endpoint, what + " (a refusal because QIANWEN_KEY_GUARD=strict)", fix, ())
    return Verdict(WARN if warnings and action == GO else action, key, endpoint, reason, fix, tuple(warnings))


def _sentence(name: str, key: Key, endpoint: Endpoint, skill: str) -> tuple:
    if not name:
        return "", ""
    reason, fix = _SENTENCES[name]
    plan = {TOKEN_PLAN: "Token Plan", CODING_PLAN: "Coding Plan"}.get(endpoint.kind, "")
    return reason.format(owner=key.owner, host=endpoint.host, plan=plan, skill=skill,
                         why_not=SKILLS.get(skill, ("", "the standard endpoint rejects sk-sp- keys"))[1]), fix
