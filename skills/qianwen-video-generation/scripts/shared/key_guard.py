"""The key guard: what kind of key, what kind of endpoint, and may the two meet.

千问云 has two authentication systems that exclude each other. Standard keys (`sk-…`) are billed pay-as-you-go
and are the ones for these scripts. Plan keys (`sk-sp-…`, Token Plan and Coding Plan) belong to interactive AI
tools; in a script they are forbidden, on pain of suspension, and the standard endpoint rejects them.

Every script asks `judge()` before anything is sent and uses the endpoint of the verdict.
The module is pure: it reads no environment, does no I/O and imports nothing of this project.
Facts: the two-key-systems document (2026-05-01), sections 1.1 and 1.2 of the wire contract,
and the hosts and plan editions seen until 2026-11-25.
"""
from __future__ import annotations

import re
import unicodedata
from collections import namedtuple
from urllib.parse import unquote, urlsplit

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
SET_A_KEY = ("put a standard key (sk-…, pay-as-you-go) into the environment variable DASHSCOPE_API_KEY, "
             "or as a line DASHSCOPE_API_KEY=… into ~/.config/qianwen/.env or the project's .env; "
             "create one on the API-key page of " + KEY_PAGE)
TWO_KEYS = ("keep the sk-sp- key in your AI tool and put a standard sk- key (pay-as-you-go) "
            "into DASHSCOPE_API_KEY for these scripts: "
            "both can be held at the same time and do not affect each other")
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
# Skill -> (which API it calls, why it does not work with a plan key): the rows of the document of 2026-05-01,
# and what the plan's editions have had since (docs/keys.md).
_STANDARD_REJECTS = "the standard endpoint rejects sk-sp- keys"
SKILLS = {
    "qianwen-text": (
        "OpenAI-compatible", _STANDARD_REJECTS + ", and scripts may not use the plan's own endpoint"),
    "qianwen-vision": (
        "OpenAI-compatible", _STANDARD_REJECTS + ", and scripts may not use the plan's own endpoint; "
        "vision models are not in the Token Plan list of 2026-05-01, "
        "and those it has had since August 2026 are for AI tools only"),
    "qianwen-image-generation": (
        "native", _STANDARD_REJECTS + "; the plan has its own image endpoint, "
        "which only an AI tool's Skill, Slash Command or Agent mechanism may call"),
    "qianwen-video-generation": (
        "native", _STANDARD_REJECTS + "; video models are not in the Token Plan of 2026-05-01, "
        "and those that the team edition has had since August 2026 are for AI tools only"),
    "qianwen-audio-tts": (
        "native", _STANDARD_REJECTS + "; speech (TTS) models are not in the Token Plan of 2026-05-01, "
        "and those that it has had since August 2026 are for AI tools only"),
}
_FOREIGN = (  # prefix, whose it is
    ("sk-ant-", "Anthropic"), ("sk-proj-", "OpenAI"), ("sk-svcacct-", "OpenAI"), ("sk-admin-", "OpenAI"),
    ("sk-or-", "OpenRouter"), ("AIza", "Google"), ("gsk_", "Groq"), ("xai-", "xAI"), ("hf_", "Hugging Face"),
    ("ghp_", "GitHub"), ("LTAI", "Alibaba Cloud (an AccessKey ID, not a DashScope API key)"),
)
PREFIXES = ("sk-sp-", "sk-ws-") + tuple(prefix for prefix, _ in _FOREIGN) + ("sk-", "st-")
_BRACKETS = ("<>", "{}", "[]", "%%")  # around what a document leaves to be filled in
_MOST = 4096  # characters of a key, of a gateway's tokens as well
_BORDER = r"(?:(?<![a-z0-9])|(?<=[0-9])|(?<=[a-z0-9]{16}))"  # where a key begins: not in "desk-"
_TWO_KEYS = (r"s[kt]-(?:ws-.*(?:sk-ws-|[^\w.-]s[kt]-)"  # a new key may hold "sk-" by chance
             r"|(?!ws-).*" + _BORDER + "s[kt]-(?:ws-)?[a-z0-9]{12})")
_LONG = 64  # characters, by which a new key (sk-ws-, about 100) has words like "-my-" only by chance
_FILLED_IN = ("none", "null", "undefined", "changeme", "change-me", "todo")
_UNSEEN = "".join(map(chr, (*range(0x2000, 0x2010), *range(0x202a, 0x2030), *range(0x2066, 0x206a))))
_CUT = (("a byte order mark", "\ufeff"), ("quotes", "\"'`“”‘’"), ("a line break", "\r\n\x85\u2028\u2029"),
        ("blanks", " \t\v\f\u00a0\u00ad\u205f\u2060\u3000" + _UNSEEN))
_OUTER = "".join(characters for _, characters in _CUT)
_PASTED = (  # what it is, a text without which it cannot be there, its pattern
    ("a pasted 'Bearer '", ("bearer",), r"(?i)(?:authorization\s*:\s*)?bearer(\s*:\s*|\s+|$)"),
    ("a pasted name", ("=", ":"),
     r"(?i)(?:export\s+|set\s+|declare\s+-x\s+|\$env:)?(?!s[kt]-)[a-z_-]{0,40}(?:key|token)[a-z_-]{0,40}\s*[=:]+\s*"
     r"(?=[\"'“‘`\s]*[a-z])"),
)
_SERVICE_PATH = (r"(/compatible-mode(/v1(/chat/completions)?)?|/api/v1(/services/[\w/-]+)?"
                 r"|/apps/anthropic(/v1)?(/messages)?)$")
_LOOPBACK = (r"localhost|((0{0,4}:){2,6}ffff:)?127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|(0{0,4}:){2,7}0{0,3}1"
             "|(0{0,4}:){2,6}ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}")
# Whose hosts count (wire contract 1.1), and which labels in front of those names make a plan host.
_PARENTS = ("aliyuncs.com", "qianwenaiapi.com")
_PLAN_LABELS = ((TOKEN_PLAN, ("token-plan", "token_plan", "tokenplan")), (CODING_PLAN, ("coding",)))
_DASHSCOPE = (r"([a-z0-9_-]+\.)*dashscope(-[a-z0-9]+)?\.aliyuncs\.com|([a-z0-9_-]+\.)+maas\.aliyuncs\.com"
              r"|([a-z0-9_-]+\.)*qianwenaiapi\.com")


class Key:
    """A key as judged. `value` is trimmed; `trimmed` names what was cut off. Never shows its characters."""

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
    """Where requests go: `origin` is scheme and host, `prefix` a gateway's own path in front of all others;
    `compatible` is the base of the OpenAI-compatible API, `native` that of DashScope's own.
    `price_region` is the region whose list prices hold, '' for a gateway, which bills by itself."""

    __slots__ = ("origin", "prefix", "kind", "host", "region", "compatible", "native", "price_region")

    def __init__(self, origin: str, prefix: str, kind: str, host: str, region: str = ""):
        self.origin, self.prefix, self.kind, self.host, self.region = origin, prefix, kind, host, region
        self.compatible, self.native = f"{origin}{prefix}/compatible-mode/v1", f"{origin}{prefix}/api/v1"
        self.price_region = {DASHSCOPE: region or DEFAULT_REGION, LOOPBACK: DEFAULT_REGION}.get(kind, "")

    def __repr__(self) -> str:
        return f"<{self.kind} endpoint {self.origin}{self.prefix}>"


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
        """Whether the key is for these scripts: a plan key is not, even where it is sent with a warning."""
        return self.action != REFUSE and self.key.kind != PLAN


def inspect_key(raw: str | None) -> Key:
    """Trim what people paste around a key, which `trimmed` reports, and tell what kind of key is left."""
    value, cut = _trim(raw or "") if len(raw or "") <= _MOST else (raw, ())
    kind, owner = _kind(value)
    return Key(value, kind, cut if value else (), owner)


def _kind(value: str) -> tuple:
    """(kind of key, whose it is if another provider's), whatever stands around a plan key or another's."""
    lower = unquote(value.lower())
    if not value or len(value) > _MOST:
        return MALFORMED if value else MISSING, ""
    if _is_placeholder(value):
        return PLACEHOLDER, ""
    if not re.fullmatch(r"[!-~]+", value):
        return MALFORMED, ""
    if _begins(lower, "sk-sp-"):
        return PLAN if re.fullmatch(r"sk-sp-(?!.*sk-)[\w.~+/=-]*", value.lower()) else MALFORMED, ""
    for prefix, owner in _FOREIGN:
        if _begins(lower if prefix[:3] == "sk-" else value, prefix):
            return FOREIGN, owner
    kind = {"sk-": STANDARD, "st-": TEMPORARY}.get(lower[:3], UNKNOWN)
    are_two = lower.count("sk-") + lower.count("st-") > 1 and re.match(_TWO_KEYS, lower)
    return MALFORMED if kind != UNKNOWN and (are_two or value[-1] in ",;") else kind, ""


def _begins(text: str, prefix: str) -> bool:
    """Whether a key with this prefix stands in a text, whatever stands around it."""
    border = _BORDER if prefix[:3] == "sk-" else r"(?<![\w.~+/-])"
    return text.startswith(prefix) or prefix in text and bool(re.search(border + prefix, text))


def trimmed(text: str) -> str:
    """A value without the blanks, quotes and marks that people paste around it."""
    return text.strip(_OUTER)


def _trim(raw: str) -> tuple:
    """(the key without outer blanks, quotes, marks, a pasted `NAME=` and `Bearer `, what was cut)."""
    value, cut = raw, []
    while True:
        stripped = value.strip(_OUTER)
        before, after = value.split(stripped, 1) if stripped else (value, "")
        cut += [name for name, characters in _CUT if any(c in characters for c in before + after)]
        name, match = _pasted(stripped)
        if not match:
            return stripped, tuple(dict.fromkeys(cut))
        cut.append(name)
        value = stripped[match.end():]


def _pasted(text: str) -> tuple:
    """(what was pasted in front of a key, its match), or ("", None)."""
    lower = text.lower()
    return next(((name, match) for name, marks, pattern in _PASTED if any(mark in lower for mark in marks)
                 for match in [re.match(pattern, text)] if match), ("", None))


def _is_placeholder(value: str) -> bool:
    """Whether a value stands in a document for a key: `sk-xxxx`, `<key>`, `your-key-here`, a variable's name."""
    text = value.lower()
    prefix = next((prefix for prefix in ("sk-sp-", "sk-ws-", "sk-") if text.startswith(prefix)), "")
    rest = text[len(prefix):]
    words = rest.replace("_", "-").replace(" ", "-").split("-")
    if not rest.strip("x*.…_-") or rest.startswith("$") or rest in _FILLED_IN or "placeholder" in rest:
        return True
    is_order = len(words) > 1 and words[0] in ("insert", "replace", "paste", "enter")
    is_said = "your" in words or words[-1] == "here" or (words[0], words[-1]) == ("my", "key") or is_order
    is_variable = text.endswith("key") and bool(re.fullmatch(r"([a-z]+-)*api-?key", "-".join(words)))
    return is_variable or len(rest) < _LONG and is_said or len(rest) > 1 and rest[0] + rest[-1] in _BRACKETS


def masked(value: str) -> str:
    """The public prefix of a key and three stars; nothing else of it is ever shown."""
    lower = value.lower()
    return next((prefix for prefix in PREFIXES if lower.startswith(prefix.lower())), "") + "***"


def region_endpoint(region: str = DEFAULT_REGION, variable: str = "QWEN_REGION") -> Endpoint:
    """The endpoint of a region. Raises BadEndpoint for one that is unknown or has no common host."""
    if region not in REGIONS:
        # all else may be a key in the wrong place
        is_shown = re.fullmatch(r"[\w.,-]{1,16}|[a-z]+(-[a-z]+)+(-?\d)?", region)
        common = ", ".join(name for name, host in REGIONS.items() if host)
        others = " and ".join(name for name, host in REGIONS.items() if not host)
        raise BadEndpoint(
            f"unknown region {region!r} in {variable}" if is_shown else f"unknown region in {variable}",
            f"set QWEN_REGION to one of: {common}; in {others} set QWEN_BASE_URL to your workspace's host")
    host = REGIONS[region]
    if host is None:
        raise BadEndpoint(
            f"region {region} in {variable} has only hosts that carry your workspace id",
            f"set QWEN_BASE_URL=https://<WorkspaceId>.{region}.maas.aliyuncs.com, "
            "or DASHSCOPE_WORKSPACE to the id")
    return Endpoint("https://" + host, "", DASHSCOPE, host, region)


def parse_base_url(text: str) -> Endpoint:
    """An origin or a URL ending in a service path. Raises BadEndpoint, which repeats the host at most."""
    text = text.strip(_OUTER)
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _bad_url("not an http(s) URL with a plain host name") from None
    kind = endpoint_kind(host)
    for is_wrong, why in _faults(text, parts, host, port, kind):
        if is_wrong:
            raise _bad_url(why, parts.scheme, host)
    shown = f"[{host}]" if ":" in host else host
    shown += f":{port}" if port and (parts.scheme, port) != ("https", 443) else ""
    prefix = parts.path.rstrip("/")
    prefix = prefix and re.sub(_SERVICE_PATH, "", re.sub(r"/{2,}", "/", prefix)).rstrip("/")
    if kind == CODING_PLAN and prefix == "/v1":
        prefix = ""
    return Endpoint(f"{parts.scheme}://{shown}", prefix, kind, shown, region_of(host))


def _faults(text: str, parts, host: str, port, kind: str):
    """What can be wrong with a base URL; the first counts. Plan hosts are refused by the guard anyway."""
    labels = host.split(".") if ":" not in host else ["x"]
    yield (parts.scheme not in ("http", "https") or not re.fullmatch(r"[a-z0-9._:-]+", host),
           "not an http(s) URL with a plain host name")
    yield (port == 0 or not all(0 < len(label) < 64 for label in labels),
           "its host name or port is not valid")
    yield (bool("@" in parts.netloc and kind not in PLAN_HOSTS or parts.query or parts.fragment),
           "it must not contain a user name, a password, a query or a fragment")
    yield (bool(re.search(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]", text)) or "/../" in parts.path + "/",
           "it contains blanks or characters that do not belong in a URL")
    yield (parts.scheme == "http" and not re.fullmatch(_LOOPBACK, host),
           "plain http would show your key to everyone on the network; only loopback hosts may use it")


def _bad_url(why: str, scheme: str = "", host: str = "") -> BadEndpoint:
    """Shows scheme and host at most: the rest of what was set may hold a key."""
    is_host = scheme in ("http", "https") and re.fullmatch(r"[a-z0-9.-]*\.[a-z0-9-]+|localhost", host)
    shown = f" {scheme}://{host}" if is_host else ""
    return BadEndpoint(f"the base URL{shown} cannot be used: {why}",
                       "set QWEN_BASE_URL to an origin such as https://dashscope.aliyuncs.com, "
                       "or to a URL ending in /compatible-mode/v1 or /api/v1; "
                       "unset it to use the region's own host")


def endpoint_kind(host: str) -> str:
    """What a host is, by its parent domain and its labels: look-alikes of the service's are gateways."""
    host = _plain_host(host)
    if re.fullmatch(_LOOPBACK, host):
        return LOOPBACK
    parent = next((name for name in _PARENTS if host == name or host.endswith("." + name)), None)
    labels = host[:-len(parent)] if parent else ""
    for kind, names in _PLAN_LABELS:
        if any(name in labels for name in names):
            return kind
    return DASHSCOPE if host in REGIONS.values() or re.fullmatch(_DASHSCOPE, host) else GATEWAY


def is_plan_host(host: str) -> bool:
    """Whether a host, as it stands in an address, is a plan's: nothing is ever sent there, with or without a
    key, by a redirect or a link."""
    return endpoint_kind(host) in PLAN_HOSTS


def _plain_host(host: str) -> str:
    """A host as the resolver sees it: without user name, port, capitals, the last dot, and what percent signs
    or IDNA map to nothing or to ASCII."""
    host = unicodedata.normalize("NFKC", unquote(host).rpartition("@")[2]).replace("\u3002", ".")
    host = "".join(character for character in host if unicodedata.category(character) != "Cf").strip().lower()
    if host.count(":") == 1 or host.startswith("["):
        host = re.sub(r":\d*$", "", host)
    return host.strip("[]").rstrip(".")


def region_of(host: str) -> str:
    """The region a DashScope host serves, or '' where the name does not tell."""
    host = _plain_host(host)
    for region, name in REGIONS.items():
        if host == name or host.endswith(f".{region}.maas.aliyuncs.com"):
            return region
    if host.endswith(".qianwenaiapi.com"):
        return next((region for region in REGIONS if region in host.split(".")), DEFAULT_REGION)
    return DEFAULT_REGION if host == "batch.dashscope.aliyuncs.com" else ""


_ANY_KEY = (MISSING, PLACEHOLDER, MALFORMED, FOREIGN, PLAN, STANDARD, TEMPORARY, UNKNOWN)
PLAN_HOSTS = (TOKEN_PLAN, CODING_PLAN)
_OTHER_HOSTS = (GATEWAY, LOOPBACK)
_ANY_HOST = (DASHSCOPE,) + PLAN_HOSTS + _OTHER_HOSTS
# Read from the top, the first row that fits decides: kinds of key, kinds of endpoint, only for batches,
# action, the sentence that says why.
_RULES = (
    ((MISSING,), _ANY_HOST, False, REFUSE, "missing"),
    ((PLACEHOLDER,), _ANY_HOST, False, REFUSE, "placeholder"),
    ((MALFORMED,), _ANY_HOST, False, REFUSE, "malformed"),
    ((FOREIGN,), _ANY_HOST, False, REFUSE, "foreign"),
    ((PLAN,), PLAN_HOSTS, False, REFUSE, "plan key at plan host"),
    ((PLAN,), _ANY_HOST, True, REFUSE, "plan key in a batch"),
    ((PLAN,), (DASHSCOPE,), False, WARN, "plan key at DashScope"),
    ((PLAN,), _OTHER_HOSTS, False, WARN, "plan key elsewhere"),
    (_ANY_KEY, PLAN_HOSTS, False, REFUSE, "other key at plan host"),
    ((UNKNOWN,), (DASHSCOPE,), False, WARN, "unknown key at DashScope"),
    (_ANY_KEY, _ANY_HOST, False, GO, ""),
)
_SENTENCES = {  # what and why; the next step
    "missing": ("No API key was found: DASHSCOPE_API_KEY is not set", SET_A_KEY),
    "placeholder": ("The API key is still a placeholder, not a key", SET_A_KEY),
    "malformed": (
        "The API key has blanks, control characters, non-ASCII characters or another key (sk-…, sk-sp-…) in "
        "it, a comma or semicolon at its end, or is far too long; it was probably damaged when copied",
        "copy the key again from the API-key page of " + KEY_PAGE + " and set it again"),
    "foreign": (
        "The API key looks like a key of {owner}; it is not sent: it belongs to another service", SET_A_KEY),
    "plan key at plan host": (
        "The key is a plan key (sk-sp-…) and {host} is a {plan} endpoint. "
        "That pair is for interactive AI tools only; a script calling it breaks the plan's terms "
        "and can get the subscription suspended or the key revoked. Nothing was sent",
        TWO_KEYS + "; unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com"),
    "plan key in a batch": (
        "The key is a plan key (sk-sp-…), and plan keys are forbidden in batch jobs. Nothing was sent",
        TWO_KEYS),
    "plan key at DashScope": (
        "The key is a Token Plan or Coding Plan key (sk-sp-…), and this script is not an AI tool. "
        "{skill} does not work with it: {why_not}. "
        "DashScope will answer InvalidApiKey (401) and charge nothing", TWO_KEYS),
    "plan key elsewhere": (
        "The key is a Token Plan or Coding Plan key (sk-sp-…), and this script is not an AI tool. "
        "{skill} does not work with it: {why_not}. {host} is neither DashScope nor a plan endpoint; "
        "if it forwards the key to one, this call breaks the plan's terms", TWO_KEYS),
    "other key at plan host": (
        "{host} is a {plan} endpoint, and the key is not a plan key: this pair always fails authentication "
        "('Incorrect API key provided'). Nothing was sent",
        "unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com, to use your standard key"),
    "unknown key at DashScope": ("The key does not begin with sk-, as DashScope's keys do", SET_A_KEY),
}


def judge(key: Key, endpoint: Endpoint, skill: str, many: bool = False, strict: bool = False) -> Verdict:
    """Decide whether `skill` may send a request, or `many` (a batch), to `endpoint` with `key`. In strict mode
    every warning is a refusal. The caller shows `warnings`, and stops with `reason` and `fix` at REFUSE."""
    action, name = next((act, why) for keys, hosts, batch, act, why in _RULES
                        if key.kind in keys and endpoint.kind in hosts and (many or not batch))
    reason, fix = _sentence(name, key, endpoint, skill) if name else ("", "")
    warnings = []
    if key.trimmed:
        warnings.append((f"this was ignored around the API key: {', '.join(key.trimmed)}",
                         "set the key again without it"))
    if action == WARN:
        warnings.append((reason, fix))
    if strict and warnings and action != REFUSE:
        what, fix = warnings[-1]
        return Verdict(REFUSE, key, endpoint, what + " (a refusal because QIANWEN_KEY_GUARD=strict)", fix, ())
    return Verdict(WARN if warnings and action == GO else action, key, endpoint, reason, fix, tuple(warnings))


def _sentence(name: str, key: Key, endpoint: Endpoint, skill: str) -> tuple:
    reason, fix = _SENTENCES[name]
    plan = {TOKEN_PLAN: "Token Plan", CODING_PLAN: "Coding Plan"}.get(endpoint.kind, "")
    why_not = SKILLS.get(skill, ("", _STANDARD_REJECTS))[1]
    return reason.format(owner=key.owner, host=endpoint.host, plan=plan, skill=skill, why_not=why_not), fix
