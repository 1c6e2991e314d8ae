"""Which flags a row of a batch may set, and how their values become arguments of the command line."""
from __future__ import annotations

import json

from ..failures import usage

# Flags that belong to the whole command and not to one call.
_NOT_IN_ROWS = frozenset((
    "batch", "any-files", "overwrite", "concurrency", "check", "live", "models", "json", "dry-run", "version",
    "help", "quiet", "verbose", "gallery", "estimate", "csv", "batch-api", "window", "spent", "unpriced",
    "tasks", "resume", "status", "cancel", "no-wait", "again", "list-voices", "gender", "my-voices", "clone",
    "design", "name", "consent", "transcript", "preview-text", "voice-status", "delete-voice", "stream"))
# Of these, the ones that do not go with --batch either.
NOT_WITH_BATCH = ("tasks", "resume", "status", "cancel", "no_wait", "list_voices")
# Flags that change how the calls are made or shown, but not what they are.
NO_DEFAULTS = frozenset((
    "output", "batch", "any_files", "concurrency", "json", "quiet", "verbose", "timeout", "retries",
    "overwrite", "again", "gallery", "check", "live", "models", "dry_run", "estimate", "max_wait", "no_wait",
    "poll", "no_sidecar", "csv", "batch_api", "window", "spent", "unpriced", "keep_documents"))
_SWITCH = {**dict.fromkeys(("true", "yes", "y", "1", "x", "是"), True),
           **dict.fromkeys(("false", "no", "n", "0", "否"), False)}


def not_in_rows(parser) -> frozenset:
    """The flags of a script that no row may set: where only jobs are waited for, also how that is done."""
    has_jobs = any(action.dest == "batch_api" for action in parser._actions)
    return _NOT_IN_ROWS.union(("max-wait", "poll") if has_jobs else ())


def cell(name: str, text: str, action):
    """The value of a flag, which `action` parses, from a cell: several values stand on lines of their own, a
    switch is true or false. Without an action it is the id or the main input."""
    if action is None:
        return text.strip() if name == "id" else text
    if isinstance(action.default, list):
        return [line.strip() for line in text.splitlines() if line.strip()]
    word = text.strip().lower()
    if action.nargs == 0 or action.nargs == "?" and word in ("true", "false"):
        if word not in _SWITCH:
            raise usage(f"{name!r} is a switch: true or false, not {text.strip()!r}")
        return _SWITCH[word]
    return text.strip()


def arguments(name: str, value, actions: dict) -> list:
    """A row's value as arguments of the command line; `actions` parse them."""
    action = actions[name]
    several = isinstance(action.default, list)
    if isinstance(value, bool):
        return _switch(name, value, actions)
    if name == "set" and isinstance(value, dict):
        return [f"--set={key}={json.dumps(item)}" for key, item in value.items()]
    if action.nargs == 0:
        raise usage(f"{name!r} is a switch: true or false")
    if isinstance(value, list) and not several:
        raise usage(f"{name!r} takes one value, not a list")
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in values):
        raise usage(f"{name!r} takes " + ("texts or numbers" if several else "text or a number"))
    return [f"--{name}={item}" for item in values]


def _switch(name: str, value: bool, actions: dict) -> list:
    if actions[name].nargs not in (0, "?"):
        raise usage(f"{name!r} takes a value, not {str(value).lower()}")
    if value:
        return [f"--{name}"]
    return [f"--no-{name}"] if f"no-{name}" in actions else []
