"""Finds the key, the base URL and the region. The only module that reads settings from the environment.

Order: the process environment, then `.env` files from the working directory upward to the project root (the
folder with `.git`; without one only the working directory itself), then `~/.config/qianwen/.env`. The nearest
file that has a variable wins. Nothing is ever put into `os.environ`. A project's file may be a stranger's: it
counts only when it is the user's own, and it may not send what the user says to a host of its choice.
"""
from __future__ import annotations

import os
import re
from collections import namedtuple
from urllib.parse import unquote

from . import key_guard
from .failures import usage
from .files.own import is_private, NotOwn, open_own

KEY_VARIABLES = ("DASHSCOPE_API_KEY", "QIANWEN_API_KEY")
VARIABLES = KEY_VARIABLES + (
    "QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD", "QIANWEN_BUDGET", "QIANWEN_TRUST_PROJECT",
    "DASHSCOPE_WORKSPACE", "DASHSCOPE_REGION")
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_OF_PYTHON = (*PROXY_VARIABLES, "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
ENVIRONMENT = "the environment"
_MAX_ENV_FILE = 256 * 1024
_LEAST_SECRET = 6  # characters; shorter values are everyday words
_MOST_WORD = 15  # characters of one that only a gateway takes for a key ("ollama", "not-needed")
_NO_WORD = r"(?=[^\W\d_]*\d)[^\W_]{6,}"  # as long, with a digit: of a key that only looks like a placeholder
_SETS = r"\s*(?:(?:export|set|declare\s+-x|typeset\s+-x)\s+|\$env:)?"
_LINE = "(?is)" + _SETS + r"([A-Za-z_][A-Za-z0-9_]*)\s*=+(.*)"
_NAMED = r"(?i)(?<![a-z0-9_])(" + "|".join(VARIABLES).replace("_", "[_-]") + r")(?![a-z0-9_])"
_SET_LATER = r"(?:^|(?<=[\s;&\"']))" + _NAMED[len("(?i)"):] + r"\s*="
_COMMENT = r"(?:^|\s)#.*$"
_MORE = r"(?:;(?:\s.*)?|\s&&.*)$"  # further commands, in a file that a shell reads as well
_BLANK = {"n": "\n", "r": "\r", "t": "\t"}  # what a backslash makes of these within double quotes
_WORKSPACE = r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}"

# Where settings come from: "environment", "project" or "home"; the path of the file; what it sets, the last
# of several lines counting, and each of its lines as (variable, value).
Source = namedtuple("Source", "kind where values lines")


class Settings:
    """What the environment and the `.env` files say, before anything of it is judged: nothing here can fail.

    `keys` are (where, variable, value) of every key found, the one that counts first. `secrets` are all
    values that must never be shown. `searched` are the `.env` files that were looked for.
    """

    __slots__ = ("sources", "keys", "secrets", "warnings", "searched", "environ")

    def __init__(self, environ=None, cwd: str | None = None):
        self.environ = os.environ if environ is None else environ
        self.warnings: list = []
        self.searched = env_files(cwd or _working_directory(), self.environ, self.warnings)
        here = {name: self.environ[name] for name in VARIABLES
                if not _is_blank(name, self.environ.get(name, ""))}
        self.sources = [Source("environment", ENVIRONMENT, here, list(here.items()))]
        for path in self.searched:
            kind = "home" if path == home_file(self.environ) else "project"
            text = _read(path, kind, self.warnings)
            self.sources.append(Source(kind, path, parse_env(text), env_lines(text)))
            self.warnings += _unheeded(text, path, self.environ)
        self.keys = [(source.where, name, source.values[name]) for source in self.sources
                     for name in KEY_VARIABLES if name in source.values]
        self.secrets = _secrets([value for source in self.sources for name, value in source.lines
                                 if name in KEY_VARIABLES], self.environ)

    def first(self, name: str, kinds=("environment", "project", "home")) -> tuple:
        """(value, where) of a variable, or two empty texts."""
        return next(((source.values[name].strip(), source.where) for source in self.sources
                     if name in source.values and source.kind in kinds), ("", ""))

    def all(self, name: str) -> list:
        """(value, where) of every line of every source that sets a variable."""
        return [(value.strip(), source.where) for source in self.sources
                for variable, value in source.lines if variable == name]


_ACCOUNT = "key key_source endpoint endpoint_source strict warnings spare budgets sandboxed searched state"


class Account(namedtuple("Account", _ACCOUNT)):
    """What this run would use: `key` and `key_source`,
    `endpoint` and `endpoint_source`, `strict`, `warnings`.

    `spare` names a standard key that was found but not used. `budgets` are (value, where) of every
    QIANWEN_BUDGET as it was written. `searched` are the `.env` files that were looked for. `sandboxed` tells
    that the agent's sandbox has no network. `state` is the folder where the journal of tasks is kept.
    """

    __slots__ = ()


def find_account(settings: Settings) -> Account:
    """Judge what was found. Raises usage and key_guard.BadEndpoint for values that cannot be used."""
    warnings = list(settings.warnings)
    key_file, key_name, raw = settings.keys[0] if settings.keys else ("", "", "")
    endpoint, endpoint_source = _endpoint(settings, key_file, warnings)
    key = key_guard.inspect_key(raw)
    spare = next((f"{name} in {where}" for where, name, value in settings.keys[1:]
                  if key_guard.inspect_key(value).kind == key_guard.STANDARD), "")
    return Account(key=key, key_source=f"{key_name} in {key_file}" if key_file else "", endpoint=endpoint,
                   endpoint_source=endpoint_source, strict=_strict(settings), warnings=warnings,
                   spare=spare if key.kind == key_guard.PLAN else "", budgets=settings.all("QIANWEN_BUDGET"),
                   searched=settings.searched,
                   sandboxed=settings.environ.get("CODEX_SANDBOX_NETWORK_DISABLED") == "1",
                   state=_state_folder(settings.environ))


def _state_folder(environ) -> str:
    """`$XDG_STATE_HOME/qianwen`, or its usual place in the home folder.
    Raises usage where neither is known."""
    base = os.path.expanduser(environ.get("XDG_STATE_HOME", ""))
    if not os.path.isabs(base):
        home = _home(environ)
        if not os.path.isabs(home):
            raise usage("no home folder is known, so tasks and spending could not be recorded",
                        "set HOME, or XDG_STATE_HOME to a folder for this program's records")
        base = os.path.join(home, ".local", "state")
    return os.path.join(base, "qianwen")


def _home(environ) -> str:
    """The home folder; "~" where there is none."""
    return environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return os.path.expanduser("~")


def bare_environment() -> dict:
    """What another program needs of the environment; the rest of it may be secret."""
    needed = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR",
              "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: value for name, value in os.environ.items() if name.upper() in needed}


def _is_blank(name: str, value: str) -> bool:
    """Whether a value counts as not given:
    nothing is left of it when what people paste around values is cut off."""
    if not key_guard.trimmed(value):
        return True
    return name in KEY_VARIABLES and key_guard.inspect_key(value).kind == key_guard.MISSING


def _secrets(keys, environ) -> tuple:
    """Every key found, as it was written, and the passwords of proxies, longest first. A placeholder or a
    password in everyday words is none: messages and answers are made of these words."""
    judged = map(key_guard.inspect_key, keys)
    found = {key.value for key in judged
             if key.kind != key_guard.PLACEHOLDER or re.search(_NO_WORD, key.value)}
    for name in PROXY_VARIABLES:
        value = environ.get(name, "")
        login = "@" in value and re.match(r"(?i)\s*(?:[a-z0-9+]+:(?=/))?/*([^\s/@:]*):(([^\s@]*)\S*)@", value)
        # Python reads up to the last @ of the host; where one stands behind it, up to the first
        passwords = login.groups()[1:] if login else ()
        found |= {*passwords, *map(unquote, passwords)}
    return tuple(sorted((value for value in found if not _is_everyday(value)), key=len, reverse=True))


def _is_everyday(value: str) -> bool:
    """Whether a value is short, or words alone behind no prefix of a key."""
    words = value.split("-")
    is_words = all(word.isalpha() and (word.islower() or word.isupper() or word.istitle()) for word in words)
    return len(value) < _LEAST_SECRET or (
        is_words and len(value) <= _MOST_WORD and key_guard.masked(value) == "***")


# ---- the endpoint --------------------------------------------------------------------------------------

def _endpoint(settings: Settings, key_file: str, warnings: list):
    """The base URL or workspace where one is set and may be trusted, else the region's host.

    One from a `.env` file counts only when the key comes from that same file: a stranger's project must not
    be able to send your key to its own host.
    """
    region, variable, where = _region(settings)
    for source in settings.sources:
        name = next((name for name in ("QWEN_BASE_URL", "DASHSCOPE_WORKSPACE") if name in source.values), "")
        if not name:
            continue
        if source.where not in (ENVIRONMENT, key_file):
            warnings.append(f"{name} in {source.where} is ignored, because the key comes from elsewhere; to "
                            f"use it, set {name} in the environment or put the key into the same file")
            continue
        if name == "DASHSCOPE_WORKSPACE":
            return _workspace(source.values[name], region), f"{name} in {source.where}"
        endpoint = key_guard.parse_base_url(source.values[name])
        _refuse_strangers_host(settings, source, endpoint)
        if region and endpoint.region and endpoint.region != region:
            warnings.append(f"QWEN_BASE_URL ({endpoint.region}) overrides {variable} ({region})")
        return endpoint, f"QWEN_BASE_URL in {source.where}"
    if not region:
        return key_guard.region_endpoint(), "the default region"
    return key_guard.region_endpoint(region, variable), f"{variable} in {where}"


def _region(settings: Settings) -> tuple:
    """(region, variable, where), all empty where none is set.
    Raises BadEndpoint for a region that is unknown."""
    for variable in ("QWEN_REGION", "DASHSCOPE_REGION"):
        region, where = settings.first(variable)
        if region:
            if region not in key_guard.REGIONS:
                key_guard.region_endpoint(region, variable)  # raises
            return region, variable, where
    return "", "", ""


def _workspace(name: str, region: str) -> key_guard.Endpoint:
    """The host of a workspace, as the newer SDK makes it."""
    name = key_guard.trimmed(name)
    if not re.fullmatch(_WORKSPACE, name) or key_guard.masked(name) != "***":  # a key in the wrong place
        raise usage("DASHSCOPE_WORKSPACE is not the id of a workspace",
                    "set it to letters, digits and hyphens, or unset it")
    return key_guard.parse_base_url(f"https://{name}.{region or key_guard.DEFAULT_REGION}.maas.aliyuncs.com")


def _refuse_strangers_host(settings: Settings, source: Source, endpoint: key_guard.Endpoint) -> None:
    """A project's `.env` may not choose a host that is not the service's:
    all that is said and read would go there."""
    is_foreign = endpoint.kind in (key_guard.GATEWAY, key_guard.LOOPBACK)
    if source.kind != "project" or not is_foreign or _trusts_projects(settings):
        return
    raise usage(f"QWEN_BASE_URL in {source.where} names {endpoint.host}, which is not the service: "
                "everything you send would go there",
                "if the project is one you trust, set QIANWEN_TRUST_PROJECT=1 in the environment "
                "or in ~/.config/qianwen/.env; "
                "otherwise set DASHSCOPE_API_KEY in the environment, or remove that line")


def _trusts_projects(settings: Settings) -> bool:
    """The user's yes: a project cannot say it of itself."""
    value, where = settings.first("QIANWEN_TRUST_PROJECT", ("environment", "home"))
    if value not in ("", "0", "1"):
        raise usage(f"QIANWEN_TRUST_PROJECT in {where} is neither 1 nor 0", "set it to 1, or unset it")
    return value == "1"


def _strict(settings: Settings) -> bool:
    """The environment decides; among `.env` files the strictest wins,
    so that a project cannot loosen your own file."""
    found = [(where, value.lower()) for value, where in settings.all("QIANWEN_KEY_GUARD")]
    for where, value in found:
        if value not in ("warn", "strict"):
            shown = repr(value) if re.fullmatch(r"[\w,.-]{1,16}", value) else "neither"
            raise usage(f"QIANWEN_KEY_GUARD in {where} is {shown}",
                        "set it to warn (the default) or strict")
    if found and found[0][0] == ENVIRONMENT:
        return found[0][1] == "strict"
    return any(value == "strict" for _, value in found)


# ---- .env files ----------------------------------------------------------------------------------------

def env_files(cwd: str, environ, warnings: list) -> list:
    """The places of the `.env` files that count, nearest first, the home one last;
    some of them may not exist."""
    folders, folder = [], os.path.abspath(cwd)
    while True:
        folders.append(folder)
        if os.path.lexists(os.path.join(folder, ".git")):
            folders = _within_own_project(folders, warnings)
            break
        parent = os.path.dirname(folder)
        if parent == folder:
            folders = folders[:1]
            break
        folder = parent
    files, home = [os.path.join(folder, ".env") for folder in folders], home_file(environ)
    return [path for path in files if path != home] + ([home] if home else [])


def home_file(environ) -> str:
    """The user's own `.env` file, or '' where no home folder is known."""
    home = _home(environ)
    return os.path.join(home, ".config", "qianwen", ".env") if os.path.isabs(home) else ""


def _within_own_project(folders: list, warnings: list) -> list:
    """The folders up to the project's root;
    only the first where that root is another user's, or open to others."""
    mark = os.path.join(folders[-1], ".git")
    try:
        if is_private(os.lstat(mark)):
            return folders
    except OSError:
        pass
    passed = [os.path.join(folder, ".env") for folder in folders[1:]]
    warnings += [f"{path} is ignored, because others may write to {mark}" for path in passed
                 if os.path.lexists(path)]
    return folders[:1]


def _read(path: str, kind: str, warnings: list) -> str:
    """The text of a `.env` file that is the user's own; anything else in its place is warned of."""
    try:
        raw = _bytes_of(os.path.realpath(path) if kind == "home" else path)
    except FileNotFoundError:
        return ""
    except NotOwn as error:
        if not os.path.isdir(path):
            warnings.append(f"{path} is ignored: {error.strerror}")
        return ""
    except OSError as error:
        warnings.append(f"{path} could not be read: {error.strerror}")
        return ""
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")  # as Windows PowerShell writes it
    text = raw.decode("utf-16" if wide else "utf-8-sig", "replace")
    for number, line in enumerate(_lines(text), 1):
        name = _passed_over(line)
        if name:
            warnings.append(f"{path}, line {number}: {name} is not set by a line {name}=value of its own, "
                            "so it is ignored")
    return text


def _passed_over(line: str) -> str:
    """The variable of ours that a line seems to set in a way that is not read, else ''."""
    match = re.match(_LINE, line)
    if match and match.group(1) in VARIABLES and _goes_on(match.group(2).strip()):
        return match.group(1)
    rest = match.group(2) if match and match.group(1) in VARIABLES else line
    rest = re.sub(r"(?:^|\s)#[^\r]*", "", rest)  # a lone \r ends a line for some editors, and not here
    named = re.search("(?i)" + _SET_LATER if match else _NAMED, rest)
    return named.group(1).upper().replace("-", "_") if named else ""


def _bytes_of(path: str) -> bytes:
    """Raises NotOwn for what is not the user's own file, is open to others or too large, else OSError."""
    with os.fdopen(open_own(path), "rb") as file:
        if not is_private(os.fstat(file.fileno())):
            raise NotOwn("others may write to it (chmod go-w makes it writable only for you)", path)
        raw = file.read(_MAX_ENV_FILE + 1)
    if len(raw) > _MAX_ENV_FILE:
        raise NotOwn(f"it is larger than {_MAX_ENV_FILE} bytes", path)
    return raw


def parse_env(text: str) -> dict:
    """The variables of this project in the text of a `.env` file; the last line of several counts."""
    return dict(env_lines(text))


def env_lines(text: str) -> list:
    """The same, line by line as (variable, value); `export`, quotes and comments are understood."""
    found = []
    for line in _lines(text):
        match = re.match(_LINE, line)
        if match and match.group(1) in VARIABLES:
            value = _unquote(match.group(2).strip())
            if not _is_blank(match.group(1), value) and not _goes_on(value):
                found.append((match.group(1), value))
    return found


def _goes_on(value: str) -> bool:
    """Whether a value stands in the lines that follow, as a shell reads them; here each line is for itself."""
    return value in ("'", '"') or value.endswith("\\")


def _unheeded(text: str, path: str, environ) -> list:
    """A warning for variables that Python itself reads from the environment: a file's do not count."""
    found = [match.group(1) for match in (re.match(_LINE, line) for line in _lines(text)) if match
             and match.group(1) in _OF_PYTHON and match.group(1) not in environ and match.group(2).strip()]
    names = ", ".join(dict.fromkeys(found))
    return [f"{names} in {path} is ignored, because it counts in the environment alone; "
            "set it there (export, or the system's settings)"] if names else []


def _lines(text: str) -> list:
    """Lines as an editor shows them:
    other characters that some call line ends do not hide a second variable."""
    return re.split(r"\r?\n", text) if text else []


def _unquote(text: str) -> str:
    quoted = re.match(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*|""" + _MORE[:-1] + ")?$", text)
    if not quoted:
        return re.sub(_MORE, "", re.sub(_COMMENT, "", text)).strip()
    single, double = quoted.groups()
    if single is not None:
        return single
    return re.sub(r"\\(.)", lambda match: _BLANK.get(match.group(1), match.group(1)), double)
