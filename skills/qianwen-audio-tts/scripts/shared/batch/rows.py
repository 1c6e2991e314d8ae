"""The rows of a batch file: JSON lines turned into the options of one call each, with an identity that lasts.

A row's identity is its own `id`, else its content with its number among equal rows, and with it the flags of the
command line that are the defaults of all rows. So rows may be inserted or moved without being paid again.
"""
from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
from collections import Counter, namedtuple

from ..body import no_constant
from ..failures import Failure, usage
from .places import Places

_MAX_LINE = 64 << 20  # bytes
_NAMED = 5  # how many bad lines a message names
# Flags that belong to the whole command and not to one call.
NOT_IN_ROWS = frozenset((
    "batch", "any-files", "overwrite", "concurrency", "check", "live", "models", "json", "dry-run", "version", "help",
    "quiet", "verbose", "gallery", "estimate", "spent", "unpriced",
    "tasks", "resume", "status", "cancel", "no-wait", "again", "list-voices", "gender", "my-voices", "clone", "design", "name", "consent",
    "transcript", "preview-text", "voice-status", "delete-voice", "stream"))


# Of these, the ones that do not go with --batch either.
NOT_WITH_BATCH = ("tasks", "resume", "status", "cancel", "no_wait", "list_voices")


# Flags that change how the calls are made or shown, but not what they are.
NO_DEFAULTS = frozenset((
    "output", "batch", "any_files", "concurrency", "json", "quiet", "verbose", "timeout", "retries", "overwrite", "again", "gallery", "check",
    "live", "models", "dry_run", "estimate", "spent", "unpriced", "max_wait", "no_wait", "poll", "no_sidecar"))


# One row: the line it stands in, its `id` (None without one), its key (64 bits of its identity), its options, its way through
# the Throttle once it is being done.
class Row(namedtuple("Row", "line id key options throttle", defaults=(None,))):
    __slots__ = ()

    @property
    def name(self) -> str:
        """The key as it stands in names of files and records."""
        return f"{self.key:016x}"[:12]


class RowFile:
    """FILE.jsonl. `check()` looks through all of it; then `rows()` yields them, and `keys` are the keys of all.

    Memory stays at some bytes a row: nothing of a row is kept but the hash of its identity.
    """

    def __init__(self, path: str, options, make_parser, folder: str, *, main: str, instead=(), files: bool = False):
        self.path, self.folder, self.main, self.files = path, folder, main, files
        self._main_flag = main.replace("_", "-")
        self._file_flag = self._main_flag + "-file"
        self._instead = (self._file_flag, "request", *instead)
        self._parser = make_parser()
        self._actions = {flag[2:]: action for action in self._parser._actions for flag in action.option_strings
                         if flag.startswith("--") and flag[2:] not in NOT_IN_ROWS}
        self._base = vars(options)
        self._places = Places(path, folder, any_files=getattr(options, "any_files", False))
        self._files = [name for name, action in self._actions.items() if action.metavar in ("F", "FILE")]
        self.flags = {name: value for name, value in sorted(self._base.items())
                      if name not in NO_DEFAULTS and value != self._parser.get_default(name)}
        self._digest = hashlib.sha256(_canonical(self.flags)).digest()
        self._parsed = functools.lru_cache(maxsize=256)(self._parse)
        self.keys: set = set()
        self._equal: Counter = Counter()  # key -> how many more rows are equal to the first one that has it

    @property
    def total(self) -> int:
        return len(self.keys)

    # -- the first pass

    def check(self, tick=lambda: None) -> None:
        """Look at every line before anything is sent. Raises one usage Failure that names the first bad ones."""
        bad, ids, outputs = [], {}, {}
        for line, raw in self._lines():
            tick()
            try:
                row = self._read(raw)
                self._parsed_of(row)
                output = self._output(row)
                self._check_files(row)
                if "id" in row:
                    _refuse_twice(ids, self._hash(row), line, "id")
                if "output" in row and not output.endswith("/"):
                    _refuse_twice(outputs, _hash64(os.path.normpath(output).casefold()), line, "output")
            except Failure as failure:
                bad.append(f"line {line}: {failure.message}")
                continue
            self._add(self._hash(row))
        if bad:
            more = f"; and {len(bad) - _NAMED} more lines" if len(bad) > _NAMED else ""
            raise usage(f"{self.path}: {'; '.join(bad[:_NAMED])}{more}", "correct the file and run the command again; nothing was sent")
        if not self.keys:
            raise usage(f"{self.path} has no rows", 'write one JSON object a line, for example {"prompt": "Hello"}')

    def _add(self, key: int) -> None:
        """Equal rows are told apart by their number."""
        if key in self.keys:
            self._equal[key] += 1
            key = _numbered(key, self._equal[key])
        self.keys.add(key)

    # -- the second pass

    def rows(self):
        """All rows with their options, read again from the file."""
        seen: Counter = Counter()
        for line, raw in self._lines():
            row = self._read(raw)
            key = self._hash(row)
            if key in self._equal:
                seen[key] += 1
                key = _numbered(key, seen[key] - 1)
            yield Row(line, row.get("id"), key, functools.partial(self._options, row))

    def _lines(self):
        """(line number, bytes) of every line that is not blank."""
        try:
            with open(self.path, "rb") as file:
                number = 0
                while True:
                    raw = file.readline(_MAX_LINE + 1)
                    if not raw:
                        return
                    number += 1
                    if len(raw) > _MAX_LINE:
                        raise usage(f"{self.path}: line {number} is longer than {_MAX_LINE >> 20} MiB")
                    if number == 1 and raw.startswith(b"\xef\xbb\xbf"):
                        raw = raw[3:]
                    if raw.strip():
                        yield number, raw
        except FileNotFoundError:
            raise usage(f"--batch {self.path} does not exist", "check the path; it is looked up from the working directory "
                        f"{os.getcwd()}") from None
        except (OSError, ValueError) as error:
            raise usage(f"--batch {self.path} cannot be read: {getattr(error, 'strerror', None) or error}") from None

    # -- one row

    def _read(self, raw: bytes) -> dict:
        """One line as a dict of flag names with hyphens; nulls count as not given. Raises usage."""
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=no_constant)
        except UnicodeDecodeError:
            raise usage("not UTF-8") from None
        except json.JSONDecodeError as error:
            raise usage(f"not JSON ({error.msg} in column {error.colno})") from None
        except (ValueError, RecursionError) as error:
            raise usage(f"not JSON ({error})") from None
        if not isinstance(value, dict):
            raise usage('not a JSON object such as {"prompt": "Hello"}')
        row = {}
        for name, item in value.items():
            name = name.replace("_", "-")
            if name in row:
                raise usage(f"{name!r} is given twice")
            row[name] = item
        row = {name: item for name, item in row.items() if item is not None}
        self._check_names(row)
        return row

    def _check_names(self, row: dict) -> None:
        main = self._main_flag
        for name in row:
            if name not in self._actions and name not in ("id", main):
                why = "is for the whole command, not for a row" if name in NOT_IN_ROWS else "is not a flag"
                raise usage(f"{name!r} {why}; a row takes id, {main}, {', '.join(sorted(self._actions))}")
        if "id" in row and (not isinstance(row["id"], (str, int)) or isinstance(row["id"], bool) or row["id"] == ""):
            raise usage("'id' must be a text or a whole number")
        if main in row and not isinstance(row[main], str):
            raise usage(f"{main!r} must be a text")
        if main in row and self._file_flag in row:
            raise usage(f"give {main!r} or {self._file_flag!r}, not both")
        text = row.get(main, self._base.get(self.main))
        if text is None and not any(row.get(name) or self._base.get(name.replace("-", "_")) for name in self._instead):
            raise usage(f"{main!r} is missing")
        if text is not None and text.strip() in ("", "-"):
            raise usage(f"{main!r} is empty" if not text.strip() else f"{main!r} is '-', but rows cannot read standard input")

    def _hash(self, row: dict) -> int:
        what = ["id", str(row["id"])] if "id" in row else ["row", row]
        return _hash64(self._digest + _canonical(what))

    def _options(self, row: dict):
        """The options of a row: the command line's, with the row's own in their place. Raises usage."""
        # Lists are copied, because scripts may take values out of them.
        options = argparse.Namespace(**{name: list(value) if isinstance(value, list) else value
                                        for name, value in self._parsed_of(row).items()})
        self._put_main(options, row)
        self._check_files(row)  # again: a link may have been changed since the first pass
        options.output = self._output(row)
        return options

    def _parsed_of(self, row: dict) -> dict:
        """A row's flags over the command line's; rows with the same flags share one parse."""
        own = [name for name in row if name not in ("id", "output", self._main_flag)]
        return self._parsed(frozenset(own), tuple(argument for name in own for argument in self._arguments(name, row[name])))

    def _put_main(self, options, row: dict) -> None:
        main, file = self._main_flag, self._file_flag.replace("-", "_")
        text = row.get(main)
        if text is None and self._file_flag not in row:
            text = self._base.get(self.main)
        elif text is not None and hasattr(options, file):
            setattr(options, file, None)
        setattr(options, self.main, text)

    def _parse(self, names: frozenset, arguments: tuple) -> dict:
        """The parsed flags of a row over the command line's. What a row names replaces the default, but --set adds to it."""
        options = argparse.Namespace(**self._base)
        for name in names:
            action = self._actions[name]
            if name != "set":
                default = self._parser.get_default(action.dest)
                setattr(options, action.dest, list(default) if isinstance(default, list) else default)
        vars(self._parser.parse_args(list(arguments), options)).update(json=True, quiet=True, verbose=False)
        return vars(options)

    def _arguments(self, name: str, value) -> list:
        """A row's value as arguments of the command line."""
        action = self._actions[name]
        several = isinstance(action.default, list)
        if isinstance(value, bool):
            return self._switch(name, value, action)
        if name == "set" and isinstance(value, dict):
            return [f"--set={key}={json.dumps(item)}" for key, item in value.items()]
        if action.nargs == 0:
            raise usage(f"{name!r} is a switch: true or false")
        if isinstance(value, list) and not several:
            raise usage(f"{name!r} takes one value, not a list")
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in values):
            raise usage(f"{name!r} takes " + ("texts or numbers" if several else "a text or a number"))
        return [f"--{name}={item}" for item in values]

    def _switch(self, name: str, value: bool, action) -> list:
        if action.nargs not in (0, "?"):
            raise usage(f"{name!r} takes a value, not {str(value).lower()}")
        if value:
            return [f"--{name}"]
        return [f"--no-{name}"] if f"no-{name}" in self._actions else []

    def _check_files(self, row: dict) -> None:
        """The file may come from a stranger: what it names is sent to the service, or replaced. Raises usage."""
        for name in self._files:
            for value in row[name] if isinstance(row.get(name), list) else [row.get(name)]:
                if isinstance(value, str):
                    (self._places.check_chat if name == "chat" else self._places.check_input)(name, value)

    def _output(self, row: dict) -> str | None:
        """Where a row's files go: its own name within the folder, else the folder, or nowhere for plain answers."""
        if "output" not in row:
            return self.folder + "/" if self.files else None
        name = row["output"]
        if not isinstance(name, str) or not name.strip():
            raise usage("'output' must be a file name")
        parts = re.split(r"[/\\]", name)
        if not parts[0] or ":" in parts[0] or ".." in parts or "\0" in name:
            raise usage(f"'output' {name!r} must be a relative name that stays in the output folder")
        if len(parts) == 1 and (name.lower() == "results.jsonl" or name.lower().startswith(".qianwen-batch")):
            raise usage(f"'output' {name!r} is a file of the batch itself")
        path = os.path.join(self.folder, name)
        self._places.check_output(name, path)
        return path


def _canonical(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode("ascii")


def _hash64(data) -> int:
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def _numbered(key: int, number: int) -> int:
    """The key of the (number+1)th of equal rows."""
    return _hash64(f"{key}:{number}") if number else key


def _refuse_twice(seen: dict, key: int, line: int, what: str) -> None:
    if key in seen:
        raise usage(f"it has the same {what} as line {seen[key]}")
    seen[key] = line
