"""What the service's errors mean: cause, next step and exit code of each, by key kind and endpoint.

`error` is always a ServiceError and `context` the Context that explains it, both of context.py,
which imports this module when the first error comes.
"""
from __future__ import annotations

import re
from collections import namedtuple

from ..failures import Exit, Failure, MAYBE_PAID
from ..key_guard import PLAN_PAGE, TWO_KEYS

# code and fragment: regular expressions searched in the lower-cased code and message ('' fits everything);
# status: 0 fits every status; retry: the same request may succeed later. A row whose fix names a flag is for
# the scripts that have it.
Row = namedtuple("Row", "status code fragment exit retry cause fix")
_AGAIN_LATER = ("run the command again in a minute; "
                "if the error persists, report the request id to Alibaba Cloud")
_CHECK = "run this script with --check to see which key and endpoint are used"
_TOP_UP = "look at the account's balance and bills in the console, then run the command again"
_NO_BALANCE = "the account at {host} has no balance left"
_TOP_UP_THERE = "top up the account at {host}, then run the command again"
# Read before all others: arrears and used-up money are never a matter of the key, whatever the status says.
_MONEY = (
    Row(0, r"arrear|billoverdue|commoditynotpurchased", "", Exit.QUOTA, False,
        "the account has unpaid bills or no balance", _TOP_UP),
    Row(0, "", r"account is in good standing|in arrears", Exit.QUOTA, False,
        "the account has unpaid bills or no balance", _TOP_UP),
    Row(0, r"insufficient_?user_?quota|insufficient_?balance|pre_?consume", "", Exit.QUOTA, False,
        _NO_BALANCE, _TOP_UP_THERE),
    Row(0, "", r"insufficient (account )?(balance|credit|funds)|(balance|credits?) (is|are) "
               r"(insufficient|not enough)|余额不足|额度不足|欠费", Exit.QUOTA, False, _NO_BALANCE, _TOP_UP_THERE),
    Row(0, "", r"(token|coding)[- ]plan quota|plan'?s? quota .*exhausted", Exit.QUOTA, False,
        "the plan's allowance is used up. A plan stops hard here: it does not fall back to pay-as-you-go",
        "{two_keys}; the plan itself continues with the next cycle or a shared usage package"),
    Row(403, r"insufficient_?quota", "", Exit.QUOTA, False,
        "the model's free quota is used up, or the account has no balance",
        "look at the account's balance and free quotas in the console, or use another model"),
    Row(402, "", "", Exit.QUOTA, False, "the model's vendor asks for payment", _TOP_UP),
)
_INSPECTED = "content inspection refused the input or the output"
_REPHRASE = "rephrase the request; the same text will be refused again"
_TOO_LONG = r"range of input length should be|input length|token length exceed"
_NO_ROOM = r"overload|unavailable|capacity"
_OVERLOADED = (Exit.FAILED, True, "the service is overloaded or down at the moment",
               "run the command again in a minute, or use another model")
_OUT_OF_TIME = r"time_?out$|^http_408$"
_ROWS = (  # of all but 401 and the codes of a wrong key, which are judged by key and endpoint (_AUTH)
    # ---- not the key, though the status says so
    Row(403, "", r"policy expired", Exit.FAILED, False,
        "the upload credential is older than 300 seconds",
        "run the command again: a new credential is fetched"),
    Row(0, r"^(accessdenied|signaturedoesnotmatch|entitytoolarge|filealreadyexists)$",
        r"policy|signature|size|exist|object",
        Exit.FAILED, False, "the object storage refused the temporary upload",
        "run the command again; if the error persists, pass the file as a public http(s) address"),
    Row(403, "", r"does not support (a)?synchronous calls", Exit.FAILED, False,
        "the model takes the other calling style (asynchronous task or direct call)",
        "use the skill made for this model, or another model"),
    Row(403, r"freetieronly", "", Exit.QUOTA, False,
        "the model's free quota is used up and the account is set to stop there",
        "switch off 'stop when the free quota ends' in the console to continue pay-as-you-go, "
        "or use another model"),
    Row(403, r"unpurchased", "", Exit.KEY, False,
        "the account has not activated this service",
        "activate Model Studio (百炼) in the console with the main account"),
    Row(403, r"(model|workspace|app)\.accessdenied", "", Exit.KEY, False,
        "the key belongs to a workspace that may not use {model}",
        "authorise the model for that workspace in the console, or use a key of the default "
        "workspace{or_successor}"),
    # ---- money and quota
    Row(0, "", r"(coding|token) plan is currently only available", Exit.KEY, False,
        "a plan endpoint saw a script: plan keys are for interactive AI tools only", "{two_keys}"),
    Row(0, r"subscription_expired", r"", Exit.KEY, False, "the plan subscription has ended", "{two_keys}"),
    Row(0, "", r"(hour|week|month|concurrency) allocated quota exceeded", Exit.QUOTA, False,
        "the plan's allowance is used up. A plan stops hard here: it does not fall back to pay-as-you-go",
        "{two_keys}; the plan itself continues with the next cycle or a shared usage package"),
    Row(0, "", r"api rate limit reached", Exit.QUOTA, True,
        "{rate_limit}", "{rate_limit_fix}"),
    Row(429, "", r"voice limit exceeded|maximum .* limit exceeded", Exit.QUOTA, False,
        "a storage quota (voices, hot words) is full", "delete some that are no longer needed"),
    Row(429, "", r"free allocated quota exceeded", Exit.QUOTA, False,
        "the free quota is used up, and the model cannot be bought", "use another model"),
    Row(429, r"burst", "", Exit.QUOTA, True,
        "the request rate grew faster than the service allows",
        "wait a minute, then send fewer at a time"),
    Row(429, r"insufficient_?quota|allocationquota", "", Exit.QUOTA, True,
        "the tokens per minute of this account and model are used up (a limit of rate, not of money)",
        "wait a minute and run the command again, or ask for a higher limit in the console"),
    Row(400, r"throttling\.allocationquota", "", Exit.QUOTA, False,
        "a storage quota (voices, hot words) is full", "delete some that are no longer needed"),
    Row(429, "", "", Exit.QUOTA, True,
        "too many requests from this account for this model", "wait a minute and run the command again"),
    Row(0, r"^throttling|limit_?requests|rate_?limit|insufficient_?quota|quota_?exceeded", "", Exit.QUOTA,
        True,
        "too many requests from this account for this model", "wait a minute and run the command again"),
    # ---- content
    Row(0, r"ipinfringement", "", Exit.CONTENT, False,
        "content inspection suspects a protected figure or brand, perhaps brought in by extending the prompt",
        "run the command once with --no-prompt-extend, or rephrase the request; "
        "the same one will be refused again"),
    Row(0, r"data_?inspection_?failed|content_?(filter|policy)|customroleblocked|faqruleblocked"
        r"|ipinfringement", "", Exit.CONTENT, False, _INSPECTED, _REPHRASE),
    Row(0, "", r"may contain inappropriate content|considered high risk", Exit.CONTENT, False,
        _INSPECTED, _REPHRASE),
    Row(421, r"^(?!http_)", "", Exit.CONTENT, False, _INSPECTED, _REPHRASE),  # not a proxy's
    # ---- model
    Row(0, r"model_not_supported", "", Exit.FAILED, False,
        "{model} cannot be called over the OpenAI-compatible API",
        "use a model that --models lists"),
    Row(0, r"model_?not_?found", "", Exit.FAILED, False, "{model_cause}", "{model_fix}"),
    Row(0, "", r"model '?.*'? (is )?not (found|exist|supported)|not found or not supported|model not exist",
        Exit.FAILED, False, "{model_cause}", "{model_fix}"),
    # ---- input the service refuses
    Row(0, "", _TOO_LONG, Exit.FAILED, False,
        "the prompt with its history and attached files is longer than the model's context",
        "start a new conversation, shorten the input or send it in parts, or use a model with a "
        "larger context (--document for long files)"),
    Row(0, "", _TOO_LONG, Exit.FAILED, False,
        "the pictures and frames with the prompt are longer than the model's context",
        "give fewer of them, or smaller ones with --max-pixels, or shorten the prompt"),
    Row(0, "", _TOO_LONG, Exit.FAILED, False, "the text of one call is too long for the model",
        "make the segments smaller with --max-part"),
    Row(0, "", _TOO_LONG, Exit.FAILED, False, "the prompt is longer than {model} reads",
        "shorten it, or use a model that reads more"),
    Row(0, "", r"file parsing in progress", Exit.FAILED, True,
        "the service is still reading the uploaded document", "run the command again in a few seconds"),
    Row(0, "", r"file \[id:.*cannot be found|invalid file \[id:", Exit.FAILED, False,
        "the document is not (or no longer) stored in this account", "upload it again with --document PATH"),
    Row(0, "",
        r"media format|image format|failed to decode the image|file format is illegal|invalid video file|"
        r"wrong content-type of multimodal", Exit.FAILED, False,
        "the service cannot read a picture or video of the request", "convert it to PNG, JPEG or MP4"),
    Row(0, r"invalidurl", "", Exit.FAILED, False,
        "the service could not fetch a media address of the request",
        "pass a local file instead, or an address that is public"),
    Row(0, "", r"download (the )?(multimodal|media)|requested media resource|access the media resource|"
        r"content-length of multimodal", Exit.FAILED, False,
        "the service could not fetch a media address of the request",
        "pass a local file instead, or an address that is public and names its length and type"),
    Row(0, "", r"no text detected", Exit.FAILED, False, "the picture has no text that could be translated",
        "give a picture with text, or name its language with --translate-from"),
    Row(0, "", r"exceeds (size|page) limit|content blank|format is not supported|too many files", Exit.FAILED,
        False,
        "the long-document model cannot read the document", "see the limits in the skill's references"),
    Row(0, "", r"provided url does not appear to be valid", Exit.FAILED, False,
        "the service could not use a media address of the request",
        "pass a local file, or a public http(s) address"),
    Row(0, "", r"only support stream|non-streaming calls", Exit.FAILED, False,
        "the model only streams its answers", "leave out --no-stream"),
    Row(0, r"notsupportenablethinking", "", Exit.FAILED, False,
        "{model} cannot think", "leave out --think, or use a model that thinks (--models lists them)"),
    Row(0, "", r"does not support enable_thinking|enable_thinking parameter is restricted", Exit.FAILED,
        False,
        "{model} does not allow switching thinking this way", "leave out --think and --no-think"),
    Row(0, "", r"does not support enable_search", Exit.FAILED, False,
        "{model} cannot search the web",
        "leave out --search, or use a model that searches (--models lists them)"),
    Row(0, "", r"tool_choice.*thinking|thinking.*tool_choice", Exit.FAILED, False,
        "{model} takes no forced tool while it thinks",
        "add --no-think, or leave --tool-choice to the model (auto)"),
    Row(0, "", r"input content must be a string", Exit.FAILED, False,
        "{model} reads text only", "use the vision skill, or a model that sees"),
    Row(0, "",
        r"role must be|list index out of range|embedding_pipeline_error|inference error: inference error",
        Exit.FAILED, False, "the service could not use the order or form of the messages",
        "check the messages: they end with a user turn, and each tool answer follows its call"),
    # ---- speech (speech contract 10)
    Row(0, "", r"url error", Exit.FAILED, False,
        "{model} is not available at this address, or is another kind of model",
        "use a model id that --models lists"),
    Row(0, r"voicenotfound|resourcenotexist", "", Exit.FAILED, False, "this account has no such voice",
        "list the voices of this account with --my-voices"),
    Row(0, "",
        r"invalid voice specified|voice '?.*'? is not supported|engine error \[411\]|error code: "
        r"4(11|18)|voice is invalid|remote cancelled grpc stream|please ensure .*voice", Exit.FAILED, False,
        "{model} does not have this voice: voices belong to one model, and a cloned one also to one account "
        "and must be ready (OK)",
        "see --list-voices, or --my-voices for your own"),
    Row(0, "", r"error code: 428", Exit.FAILED, False,
        "{model} does not accept the instructions: they are too long, or not one of the "
        "fixed sentences of this voice",
        "shorten --instructions, or use a model that follows free ones (see the references)"),
    Row(0, "", r"sends text is limited", Exit.FAILED, False, "the text of one call is too long",
        "make the segments smaller with --max-part"),
    Row(0, "", r"ssml text is not supported", Exit.FAILED, False, "the model or the voice does not read SSML",
        "leave out --ssml, or use a voice that --list-voices marks with ssml"),
    Row(0, r"audioshort|durationlimit|audiosilent|audiorate|filesizeexceed|unsupportedfileformat"
        r"|audio\.(decoder|preprocess)", "", Exit.FAILED, False,
        "the recording is not suitable: it must be clear speech of 10 to 20 s (at most 60 s), WAV 16 bit, "
        "MP3 or M4A, at most 10 MB, 24 kHz or more", "record or cut it again, then run the command again"),
    # ---- the service itself
    Row(0, _OUT_OF_TIME, r"", Exit.FAILED, True, "the service ran out of time",
        "run the command again; for long answers keep streaming on (no --no-stream)"),
    Row(0, _OUT_OF_TIME, r"", Exit.FAILED, True, "the service ran out of time", "run the command again"),
    Row(413, "", "", Exit.FAILED, False, "the request is too large", "send less at once"),
    Row(0, r"serving|unavailable|overloaded", "", *_OVERLOADED),
    Row(503, r"^http_", _NO_ROOM, *_OVERLOADED),
    Row(0, r"^rewritefailed", "", Exit.FAILED, True, "the service could not extend the prompt",
        "run the command again with --no-prompt-extend"),
    Row(0, r"^(internal_?(server_?)?error|system_?error|server_?error|modelservicefailed|rewritefailed"
        r"|retrivalfailed|invokepluginfailed|appprocessfailed)", "", Exit.FAILED, True,
        "the service has an internal problem", _AGAIN_LATER),
)
_SERVER_ERROR = Row(0, "", "", Exit.FAILED, True, "the service has an internal problem", _AGAIN_LATER)
_BAD_REQUEST = Row(0, "", "", Exit.FAILED, False, "the service does not accept a value of the request",
                   "change what the message names; --dry-run shows the request as it would be sent")
_UNTOLD = Row(0, "", "", Exit.FAILED, False, "the service ended with an error", MAYBE_PAID)
_NO_SUCH_PATH = Row(404, "", "", Exit.FAILED, False,
                    "{host} has no such path. The request went below {address}/compatible-mode/v1 or "
                    "{address}/api/v1, so the base URL is probably wrong", "{address_fix}")
_NAMES_NOTHING = (
    r"(error|http|status|code|the|request(ed)?|url|uri|path|page|route|resource|endpoint|was|is|not|found"
    r"|on|this|server|no|such|cannot|get|post|40[45]|method|allowed|does|exist|[\W_]|/\S*)*")
_DENIED = Row(403, "", "", Exit.KEY, False, "the key may not use this model or service",
              "check in the console that the model is activated for the key's workspace, or use another key")
# What rejects the key when the service says 401: (kinds of key, kinds of endpoint) -> cause, fix. '' fits
# every kind.
_AUTH = (
    ("plan", "dashscope",
     "the key is a Token Plan or Coding Plan key (sk-sp-…), and the standard endpoint rejects those; "
     "nothing was charged", "{two_keys}"),
    ("plan", "",
     "the key is a plan key (sk-sp-…), which a script may not use, and {host} rejected it; "
     "nothing was charged", "{two_keys}"),
    ("temporary", "",
     "temporary keys (st-…) live for 30 minutes at most, "
     "but this one has expired or belongs to another region",
     "make a new temporary key, or put a standard sk- key into DASHSCOPE_API_KEY"),
    ("standard", "token-plan", "a standard key was sent to a Token Plan endpoint, which rejects it",
     "unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com"),
    ("standard", "coding-plan", "a standard key was sent to a Coding Plan endpoint, which rejects it",
     "unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com"),
    ("standard", "dashscope", "the key is mistyped, deleted, or belongs to another region than {host}",
     "compare the key with the console; set QWEN_REGION to the region where it was created; " + _CHECK),
    ("", "", "{host} does not know this key: it is mistyped, deleted, or made for another host or region",
     "check the key and QWEN_BASE_URL, which names {host}; " + _CHECK),
)


# What a status below 400 (an error inside a stream) or a code of its own means: (code, message, the status it
# stands for).
_MEANT = (
    (r"throttling|rate_?limit|limit_?(requests|burst)|insufficient_?quota|allocationquota", "", 429),
    ("", r"^throttling", 429),
    (r"unavailable|serving|overloaded", "", 503),
    (r"^internal_?(server_?)?error|^(system|server)_?error", "", 500),
    ("", r"^backend buffer overflow", 500),
    (r"^http_", _NO_ROOM, 503),
)
_LATE = r"^internal_?(server_?)?error|^(?!invalid|bad).*time_?out"  # it gave up, whatever the status says


def explain(error, context) -> Failure:
    """Turn what the service said into a Failure with the cause and fix that fit this key, endpoint and model.
    """
    meant = _meant(error)
    row = _find_row(meant, context)
    words = _words(context)
    message = _clean(error.message) or f"the service answered HTTP {error.status} without a message"
    return Failure(row.exit, message, row.cause.format_map(words), row.fix.format_map(words), code=error.code,
                   http_status=error.status, request_id=error.request_id,
                   retryable=row.retry and not (row.exit == Exit.QUOTA and context.key_kind == "plan"),
                   accepted="no" if _not_accepted(meant, row) else "maybe",
                   server_error=meant.status >= 500 and row.exit == Exit.FAILED and row.retry)


def _meant(error):
    """The error with the status that it stands for: overload comes as 500 with "<503> …", throttling as 200
    with "429"."""
    inner = re.match(r"<([45]\d\d)>", error.message) or re.fullmatch(r"([45]\d\d)", error.code)
    if inner and (error.status < 400 or error.status == 500):
        status = int(inner.group(1))
        # the input was refused, no more
        is_input = status < 500 and re.match("internalerror", error.code.lower())
        return error._replace(status=status, code="" if is_input else error.code)
    code, message = error.code[:200].lower(), error.message[:2000].lower()
    if error.status >= 400:
        is_late = error.status == 408 or re.search(_LATE, code)
        return error._replace(status=500) if is_late and error.status < 500 else error
    return error._replace(status=next((status for codes, fragment, status in _MEANT if re.search(codes, code)
                                       and re.search(fragment, message)), error.status))


def _find_row(error, context) -> Row:
    code, message = error.code[:200].lower(), error.message[:2000].lower()
    row = _first(_MONEY, error.status, code, message, context.flags)
    if row:
        return row
    if _is_auth(error.status, code, message):
        return _auth_row(message, context)
    says_nothing = re.fullmatch(_NAMES_NOTHING, message)
    if error.status == 404 and says_nothing and re.fullmatch(r"(http_)?(404|not_?found)?(error)?", code):
        return _NO_SUCH_PATH
    row = _first(_ROWS, error.status, code, message, context.flags)
    if row:
        return row
    if error.status == 403 or "access denied" in message or "accessdenied" in code:
        return _DENIED
    if error.status < 400 and re.match("http_", code):  # nothing tells whose fault it is
        return _UNTOLD
    return _SERVER_ERROR if error.status >= 500 else _BAD_REQUEST


def _first(rows, status: int, code: str, message: str, flags) -> Row | None:
    return next((row for row in rows if row.status in (0, status) and re.search(row.code, code)
                 and re.search(row.fragment, message) and _names_only(flags, row.fix)), None)


def _names_only(flags, fix: str) -> bool:
    """Whether a script with these flags has all that an advice names."""
    return flags is None or set(re.findall(r"--[a-z][a-z-]+", fix)) <= flags


def _is_auth(status: int, code: str, message: str) -> bool:
    texts = ("no api-key provided", "invalid api-key provided", "incorrect api key provided",
             "invalid access token or token expired", "didn't provide an api key")
    return status == 401 or code in ("invalidapikey", "invalid_api_key") or any(text in message
        for text in texts)


def _auth_row(message: str, context) -> Row:
    cause, fix = next((cause, fix) for key, host, cause, fix in _AUTH
                      if key in ("", context.key_kind) and host in ("", context.endpoint_kind))
    if "no api-key provided" in message or "didn't provide an api key" in message:
        cause = ("no 'Authorization: Bearer' header reached the service: the script sends one, so a proxy "
                 "or gateway removed it or turned it into x-api-key")
        fix = "check the proxy settings and QWEN_BASE_URL ({host}); " + _CHECK
    elif "invalid access token" in message and context.key_kind != "plan":
        cause += "; this wording comes from plan endpoints, so the base URL probably leads to one"
        fix = "unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com; " + fix
    elif "authorized to access this workspace" in message:
        cause = "this key may not use the workspace in the host name"
        fix = "check the workspace id in QWEN_BASE_URL or DASHSCOPE_WORKSPACE"
    return Row(401, "", "", Exit.KEY, False, cause, fix)


# codes of a request, or of a recording, that was not taken, and would not be as it stands
REFUSED = re.compile(r"invalid|bad_?request|unsupported|model_?not_?(found|supported)|client_?error|audio\.",
                     re.IGNORECASE)


def _not_accepted(error, row: Row) -> bool:
    """Whether the service surely did not take the request: it refused it, or said it had no room for it
    (503)."""
    if error.status == 503:  # a bare page from a proxy in between says nothing of what the service did
        said = f"{error.code} {error.message}".lower()
        return not re.match("http_",
                            said) and bool(re.search(r"unavailable|serving|overload|throttl|capacity", said))
    if "remote cancelled grpc stream" in error.message.lower():
        return True  # the input was refused, whatever the status says
    if error.status < 400 and not row.retry and REFUSED.match(error.code):
        return True
    return row.exit in (Exit.KEY, Exit.QUOTA) or 400 <= error.status < 500


_RATE_WORDS = {  # whether the key is a plan key -> cause, fix
    True: ("a plan's seat or shared package is exhausted, or the call was routed to a shared quota",
           TWO_KEYS + "; see the plan's usage on " + PLAN_PAGE),
    False: ("too many requests from this account in a short time", "wait a minute and run the command again; "
            + _CHECK),
}


def _words(context) -> dict:
    host, model, address = context.host or "the endpoint", context.model or "the model", context.address
    rate_limit, rate_limit_fix = _RATE_WORDS[context.key_kind == "plan"]
    shortened = re.sub(r"/v1/?$", "", address)
    return {"host": host, "model": model, "two_keys": TWO_KEYS,
            "rate_limit": rate_limit, "rate_limit_fix": rate_limit_fix, "address": address or "the base URL",
            "address_fix": f"it ends in /v1, which is not part of it: set QWEN_BASE_URL={shortened}"
            if shortened != address else
            "set QWEN_BASE_URL to only the origin, for example https://dashscope.aliyuncs.com, or unset it; "
            "a gateway has to forward those paths",
            "model_cause": f"there is no model {model!r} at {host} for this key: " + (
                "it was announced as retired" if context.successor
                else "model ids must match exactly, upper and lower "
                "case included, and differ by region and protocol"),
            "model_fix": _model_fix(context),
            "or_successor": f"; {context.successor} replaces {model}" if context.successor else ""}


def _model_fix(context) -> str:
    if context.successor:
        return f"use --model {context.successor}, which replaces it"
    close = _close_models(context)
    meant = f"did you mean {' or '.join(close)}? Otherwise " if close else ""
    return meant + "use a model id that --models lists"


def _close_models(context) -> list:
    """Known ids that resemble an unknown one; a known id was not mistyped."""
    import difflib
    if not context.model or context.model in context.models:
        return []
    lower = {name.lower(): name for name in context.models}
    return [lower[name] for name in difflib.get_close_matches(context.model.lower(), list(lower), n=2,
        cutoff=0.75)]


def _clean(message: str) -> str:
    """The message without the service's wrapping."""
    message = "".join(c if c.isprintable() or c == "\n" else " " for c in message[:2000])
    message = re.sub(r"^<\d{3}>\s*(InternalError(\.\w+)*:\s*)?", "", message.strip())
    return re.sub(r"\s*For details, see: \S+$", "", message).strip()
