"""Finds the key, the base URL and the region. The only module that reads the environment.

Order: the process environment, then `.env` files from the working directory upward to the project root (the folder
with `.git`; without one only the working directory itself), then `~/.config/qianwen/.env`. The nearest file that has
a variable wins. Nothing is ever put into `os.environ`.
"""
from __future__ import annotations

import os
import re

from . import key_guard

KEY_VARIABLES = ("DASHSCOPE_API_KEY", "QIANWEN_API_KEY")
VARIABLES = KEY_VARIABLES + ("QWEN_BASE_URL", "QWEN_REGION", "QIANWEN_KEY_GUARD")
ENVIRONMENT = "the environment"
_MAX_ENV_FILE = 256 * 1024
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$")


class Account:
    """What this run would use: `key` and `key_source`, `endpoint` and `endpoint_source`, `strict`, `warnings`.

    `secrets` are all key values found anywhere, so that none of them is ever shown. `spare` names a standard key that
    was found but not used. `searched` are the `.env` files that were looked for. `sandboxed` tells that the agent's
    sandbox has no network. `state` is the folder where the journal of tasks is kept.
    """

    __slots__ = ("key", "key_source", "endpoint", "endpoint_source", "strict", "warnings", "secrets", "spare",
                 "sandboxed", "searched", "state")

    def __init__(self, **fields):
        for name in self.__slots__:
            setattr(self, name, fields[name])


class BadSetting(ValueError):
    """A variable holds a value that cannot be used; `fix` names the legal ones."""

    def __init__(self, message: str, fix: str):
        super().__init__(message)
        self.fix = fix


def find_account(environ=None, cwd: str | None = None) -> Account:
    """Read the environment and the `.env` files. Raises BadSetting and key_guard.BadEndpoint for illegal values."""
    environ = os.environ if environ is None else environ
    warnings: list = []
    sources = [(ENVIRONMENT, {name: environ[name] for name in VARIABLES if environ.get(name, "").strip()})]
    searched = env_files(cwd or _working_directory(), environ)
    sources += [(path, _read(path, warnings)) for path in searched if os.path.isfile(path)]
    keys = [(where, name, values[name]) for where, values in sources for name in KEY_VARIABLES if name in values]
    key_file, key_name, raw = keys[0] if keys else ("", "", "")
    endpoint, endpoint_source = _endpoint(sources, key_file, warnings)
    key = key_guard.inspect_key(raw)
    spare = next((f"{name} in {where}" for where, name, value in keys[1:]
                  if key_guard.inspect_key(value).kind == key_guard.STANDARD), "")
    return Account(key=key, key_source=f"{key_name} in {key_file}" if keys else "", endpoint=endpoint,
                   endpoint_source=endpoint_source, strict=_strict(sources), warnings=warnings,
                   secrets=_secrets(keys), spare=spare if key.kind == key_guard.PLAN else "",
                   searched=searched, sandboxed=environ.get("CODEX_SANDBOX_NETWORK_DISABLED") == "1",
                   state=_state_folder(environ))


def _state_folder(environ) -> str:
    """`$XDG_STATE_HOME/qianwen`, or its usual place in the home folder."""
    base = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "qianwen")
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")
    return os.path.join(home, ".local", "state", "qianwen")


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return os.path.expanduser("~")


def _secrets(keys) -> tuple:
    """Every spelling of every key found, longest first; very short ones are no secrets but everyday words."""
    found = {value for _, _, raw in keys for value in (raw.strip(), key_guard.inspect_key(raw).value) if len(value) >= 6}
    return tuple(sorted(found, key=len, reverse=True))


def _endpoint(sources, key_file: str, warnings: list):
    """The base URL where one is set and may be trusted, else the region's host.

    A base URL from a `.env` file counts only when the key comes from that same file: a stranger's project must not be
    able to send your key to its own host.
    """
    region, region_source = _first(sources, "QWEN_REGION")
    if region and region not in key_guard.REGIONS:
        key_guard.region_endpoint(region)  # raises
    for where, values in sources:
        if "QWEN_BASE_URL" not in values:
            continue
        if where not in (ENVIRONMENT, key_file):
            warnings.append(f"QWEN_BASE_URL in {where} is ignored, because the key does not come from that file; to use "
                            "it, set QWEN_BASE_URL in the environment or put the key into the same file")
            continue
        endpoint = key_guard.parse_base_url(values["QWEN_BASE_URL"])
        if region and endpoint.region and endpoint.region != region:
            warnings.append(f"QWEN_BASE_URL ({endpoint.region}) overrides QWEN_REGION ({region})")
        return endpoint, f"QWEN_BASE_URL in {where}"
    regional = key_guard.region_endpoint(region or key_guard.DEFAULT_REGION)
    return regional, f"QWEN_REGION in {region_source}" if region else "the default region"


def _first(sources, name: str):
    return next(((values[name].strip(), where) for where, values in sources if name in values), ("", ""))


def _strict(sources) -> bool:
    """The environment decides; among `.env` files the strictest wins, so that a project cannot loosen your own file."""
    settings = [(where, values["QIANWEN_KEY_GUARD"].strip().lower()) for where, values in sources
                if "QIANWEN_KEY_GUARD" in values]
    for where, setting in settings:
        if setting not in ("warn", "strict"):
            raise BadSetting(f"QIANWEN_KEY_GUARD in {where} is {setting!r}", "set it to warn (the default) or strict")
    if settings and settings[0][0] == ENVIRONMENT:
        return settings[0][1] == "strict"
    return any(setting == "strict" for _, setting in settings)


def env_files(cwd: str, environ) -> list:
    """The places of the `.env` files that count, nearest first; some of them may not exist."""
    folders, folder = [], os.path.abspath(cwd)
    while True:
        folders.append(folder)
        if os.path.exists(os.path.join(folder, ".git")):
            break
        parent = os.path.dirname(folder)
        if parent == folder:
            folders = folders[:1]
            break
        folder = parent
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")
    folders.append(os.path.join(home, ".config", "qianwen"))
    return [os.path.join(folder, ".env") for folder in dict.fromkeys(folders)]


def _read(path: str, warnings: list) -> dict:
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_ENV_FILE + 1)
    except OSError as error:
        warnings.append(f"{path} could not be read: {error.strerror}")
        return {}
    if len(raw) > _MAX_ENV_FILE:
        warnings.append(f"{path} is ignored: it is larger than {_MAX_ENV_FILE} bytes")
        return {}
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")  # as Windows PowerShell writes it
    text = raw.decode("utf-16" if wide else "utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        name = re.match(r"\s*(?:export\s+)?([A-Z_]+)\s*(=|$|[^=\w])", line)
        if name and name.group(1) in VARIABLES and name.group(2) != "=":
            warnings.append(f"{path}, line {number}: {name.group(1)} is not followed by '=', so the line is ignored")
    return parse_env(text)


def parse_env(text: str) -> dict:
    """The variables of this project in the text of a `.env` file; `export`, quotes and comments are understood."""
    values = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match and match.group(1) in VARIABLES:
            value = _unquote(match.group(2).strip())
            if value:
                values[match.group(1)] = value
    return values


def _unquote(text: str) -> str:
    quoted = re.match(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?$""", text)
    if not quoted:
        return re.sub(r"(^|\s)#.*$", "", text).strip()
    single, double = quoted.groups()
    return single if single is not None else re.sub(r"\\(.)", r"\1", double)
