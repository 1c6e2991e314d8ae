"""The rows of a batch file: records turned into the options of one call each, with an identity that lasts.

A row's identity is its own `id`, else what it sets and what the templates take of it, with its number among
equal rows; and with it the flags of the command line that are the defaults of all rows. So rows may be
inserted or moved without being paid again.
"""
from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
from array import array
from collections import Counter, namedtuple

from ..cli.inputs import read_text
from ..failures import Exit, Failure, usage
from ..files.names import slug
from .bad_rows import ADVICE, BadRows
from .index import Keys
from .places import Places
from .row_flags import arguments, cell, NO_DEFAULTS, not_in_rows
from .sources import source_of, state_of
from .template import Template

# One row: the line it stands in, its `id` (None without one), its key (64 bits of its identity), its options,
# its way through the Throttle once it is being done, the record as it stands in the file, the task that its
# line in the results leads to, and `claim(paths)`, which refuses files of other rows.
class Row(namedtuple("Row", "line id key options throttle record task claim", defaults=(None, {}, "", None))):
    __slots__ = ()

    @property
    def name(self) -> str:
        """The key as it stands in names of files and records."""
        return f"{self.key:016x}"[:12]


class RowFile:
    """FILE.jsonl or FILE.csv. `check()` looks through all of it;
    then `rows()` yields them, and `keys` are the keys of all.

    Memory stays at some bytes a row: nothing of a row is kept but the hash of its identity.
    """

    def __init__(self, path: str, options, make_parser, folder: str, *, main: str, instead=(),
                 files=None, holds_key=lambda text: False):
        self.path, self.folder, self.main, self.files = path, folder, main, files
        self._main_flag = main.replace("_", "-")
        self._file_flag = self._main_flag + "-file"
        self._instead = (self._file_flag, "request", *instead)
        self._parser, self._holds_key = make_parser(), holds_key
        self._not_in_rows = not_in_rows(self._parser)
        self._actions = {flag[2:]: action for action in self._parser._actions
                         for flag in action.option_strings
                         if flag.startswith("--") and flag[2:] not in self._not_in_rows}
        self._base = dict(vars(options))
        self._read_stdin()
        self._places = Places(path, folder, any_files=options.any_files)
        self._files = [name for name, action in self._actions.items() if action.metavar in ("F", "FILE")]
        self._state = state_of(path)
        self.source = source_of(path)
        self._templates = self._read_templates()  # first, because what a file says counts, and not its name
        self.flags = {name: value for name, value in sorted(self._base.items())
                      if name not in NO_DEFAULTS and value != self._parser.get_default(name)}
        self._digest = hashlib.sha256(_canonical(self.flags)).digest()
        self._parsed = functools.lru_cache(maxsize=256)(self._parse)
        self._used = {name for template in self._templates.values() for name in template.names}
        self.keys = Keys()
        self._equal: dict = {}  # key -> how many more rows are equal to the first one that has it

    @property
    def total(self) -> int:
        return len(self.keys)

    def _read_stdin(self) -> None:
        """`-` as the template is read now, once for all rows. Raises usage."""
        file = self._file_flag.replace("-", "_")
        given = [self._base[name] for name in (self.main, file) if self._base.get(name) is not None]
        if given == ["-"]:
            self._base[self.main], self._base[file] = read_text("-", f"the {self._main_flag}"), None

    def _read_templates(self) -> dict:
        """The main input and --system of the command line, by their names in the options. Raises usage."""
        file = self._file_flag.replace("-", "_")
        if self._base.get(file) is not None:
            if self._base.get(self.main) is not None:
                raise usage(f"a {self._main_flag} and --{self._file_flag} were both given", "give one of them")
            self._base[self.main] = read_text(self._base[file], f"the {self._main_flag} file")
            self._base[file] = None
        flags = {self.main: f"the {self._main_flag}", "system": "--system"}
        found = {name: Template(self._base[name], flag) for name, flag in flags.items()
                 if self._base.get(name) is not None}
        for template in found.values() if self.source.is_table else ():
            template.check(self.source.columns)
        return found

    # -- the first pass

    def check(self, tick=lambda: None) -> None:
        """Look at every line before anything is sent.
        Raises one usage Failure that names the first bad ones."""
        self._check_defaults()
        bad, outputs, keys = BadRows(self.path), {}, array("Q")
        for line, raw in self.source.records():
            tick()
            try:
                keys.append(self._checked(line, raw, outputs))
            except Failure as failure:
                bad.add(line, failure)
        self._count_equal(keys, bad)
        bad.refuse(self._advice())
        if not self.keys:
            raise usage(f"{self.path} has no rows", self.source.example)

    def _check_defaults(self) -> None:
        """Refuse a pipe on the command line, as stdin is one: the first row would empty it. Raises usage."""
        for name in self._files:
            given = self._base.get(name.replace("-", "_"))
            for path in given if isinstance(given, list) else [given]:
                if path and (path == "-" or os.path.exists(path) and not os.path.isfile(path)):
                    what = "standard input" if path == "-" else "not an ordinary file"
                    raise usage(f"--{name} {path} is {what}, but each row reads it",
                                "copy its content into a file and name that")

    def _check_key(self, row: dict) -> None:
        """Refuse a key in what becomes a name, in the results or on the disk. Raises usage."""
        for name in ("id", "output", "chat"):
            if name in row and self._holds_key(str(row[name])):
                raise usage(f"{name!r} holds an API key, but it is written to the results; take the key out")

    def _checked(self, line: int, raw, outputs: dict) -> int:
        """The key of a row that is all right. Raises usage."""
        record = self.source.parse(raw)
        row = self._read(record)
        self._check_key(row)
        found = self._found(row)
        self._parsed_of(found)
        self._check_main(self._main_of(row, record), row)
        self._filled_system(row, record)
        key = self._hash(row, record)
        output = self._output(row, key)
        self._check_files(found)
        if output and not output.endswith("/"):
            what = "output" if "output" in row or not self.files else "id or output"
            _refuse_twice(outputs, self._place(output), line, what)
        if isinstance(row.get("chat"), str):  # rows may share one, but none may replace it
            place = self._place(row["chat"])
            if outputs.setdefault(place, -line) > 0:
                raise usage(f"its chat is the output of line {outputs[place]}")
        return key

    def _place(self, path: str) -> int:
        return _hash64((self.files or str)(os.path.abspath(path).casefold()))

    def _count_equal(self, keys: array, bad: BadRows) -> None:
        """Equal rows are told apart by their number; equal ids are refused."""
        self._equal = Keys(keys).repeated()
        if self._equal and not bad.count:
            self._refuse_equal_ids(bad)
        keys = array("Q", (key for key in keys if key not in self._equal)) if self._equal else keys
        keys.extend(_numbered(key, number) for key, more in self._equal.items() for number in range(more + 1))
        self.keys = Keys(keys)

    def _refuse_equal_ids(self, bad: BadRows) -> None:
        seen: dict = {}
        for line, raw in self.source.records():
            record = self.source.parse(raw)
            row = self._read(record)
            key = self._hash(row, record)
            if "id" in row and key in self._equal:
                try:
                    _refuse_twice(seen, key, line, "id")
                except Failure as failure:
                    bad.add(line, failure)

    def _advice(self) -> str:
        lacks = (self.source.is_table and self.main not in self._templates
                 and self._main_flag not in self.source.columns)
        header = (f"no column is called {self._main_flag!r} (the first line must be the header): "
                  "give a template with the columns, such as "
                  f'"Judge: {{{next(iter(self.source.columns), "column")}}}", or ' if lacks else "")
        return header + ADVICE

    def remarks(self) -> list:
        """Columns of a CSV that look like a misspelt flag, in words."""
        import difflib
        known = [*self._actions, "id", self._main_flag]
        flags = {*known, *self._not_in_rows}
        found = []
        for name in self.source.columns:
            plain = name.lower().strip("-").replace("_", "-").replace(" ", "-")
            like = difflib.get_close_matches(plain, known, 1, 0.8)
            if like and name not in self._used and name.replace("_", "-") not in flags:
                found.append(f"the column {name!r} is treated as data; "
                             f"if it was meant as a flag, call it {like[0]!r}")
        return found

    def check_same(self) -> None:
        """Refuse to go on where the file is no longer the one that was checked. Raises Failure."""
        if state_of(self.path) != self._state:
            raise Failure(Exit.PARTIAL, f"{self.path} was changed while the batch was at work; "
                                        "no more of its rows are taken",
                          fix="run the command again: it does only what is missing")

    # -- the second pass

    def rows(self):
        """All rows with their options, read again from the file."""
        seen: Counter = Counter()
        for line, raw in self.source.records():
            record = self.source.parse(raw)
            row = self._read(record)
            key = self._hash(row, record)
            if key in self._equal:
                seen[key] += 1
                key = _numbered(key, seen[key] - 1)
            options = functools.partial(self._options, row, record, key)
            yield Row(line, row.get("id"), key, options, None, record)

    # -- one row

    def _read(self, record: dict) -> dict:
        """What a record sets, as a dict of flag names with hyphens; the rest of it is data. Raises usage."""
        row: dict = {}
        for given, item in record.items():
            name = given.replace("_", "-")
            known = name in self._actions or name in ("id", self._main_flag)
            if not known and (self.source.is_table or given in self._used):
                continue
            if name in row:
                raise usage(f"{name!r} is given twice")
            if not self.source.is_table:
                row[name] = item
            elif item.strip():
                row[name] = cell(name, item, self._actions.get(name))
        self._check_names(row)
        return row

    def _check_names(self, row: dict) -> None:
        main = self._main_flag
        for name in row:
            if name not in self._actions and name not in ("id", main):
                why = "is for the whole command, not for a row" if name in self._not_in_rows else "is not a flag"
                raise usage(f"{name!r} {why}; a row takes id, {main}, {', '.join(sorted(self._actions))}")
        if "id" in row and (not isinstance(row["id"], (str, int)) or isinstance(row["id"], bool)
                            or row["id"] == ""):
            raise usage("'id' must be text or a whole number")
        if main in row and not isinstance(row[main], str):
            raise usage(f"{main!r} must be text")
        if main in row and self._file_flag in row:
            raise usage(f"give {main!r} or {self._file_flag!r}, not both")

    def _main_of(self, row: dict, record: dict) -> str | None:
        """The main input of a row: its own, else the template filled."""
        if self._main_flag in row or self._file_flag in row or self.main not in self._templates:
            return row.get(self._main_flag)
        return self._templates[self.main].fill(record)

    def _filled_system(self, row: dict, record: dict) -> str | None:
        if "system" in self._templates and "system" not in row:
            return self._templates["system"].fill(record)
        return row.get("system")

    def _check_main(self, text: str | None, row: dict) -> None:
        main = self._main_flag
        if text is None and not any(row.get(name) or self._base.get(name.replace("-", "_"))
                                    for name in self._instead):
            raise usage(f"{main!r} is missing")
        if text is not None and text.strip() in ("", "-"):
            raise usage(f"{main!r} is empty" if not text.strip()
                        else f"{main!r} is '-', but rows cannot read standard input")

    def _hash(self, row: dict, record: dict) -> int:
        what = ["id", str(row["id"])] if "id" in row else ["row", row]
        if "id" not in row and self._used:
            what.append({name: record[name] for name in sorted(self._used) if name in record})
        return _hash64(self._digest + _canonical(what))

    def _options(self, row: dict, record: dict, key: int):
        """The options of a row: the command line's, with the row's own in their place. Raises usage."""
        found = self._found(row)
        # Lists are copied, because scripts may take values out of them.
        options = argparse.Namespace(**{name: list(value) if isinstance(value, list) else value
                                        for name, value in self._parsed_of(found).items()})
        self._put_main(options, row, record)
        self._check_files(found)  # again: a link may have been changed since the first pass
        options.output = self._output(row, key)
        return options

    def _parsed_of(self, row: dict) -> dict:
        """A row's flags over the command line's; rows with the same flags share one parse."""
        own = [name for name in row if name not in ("id", "output", self._main_flag)]
        given = tuple(one for name in own for one in arguments(name, row[name], self._actions))
        return self._parsed(frozenset(own), given)

    def _put_main(self, options, row: dict, record: dict) -> None:
        file = self._file_flag.replace("-", "_")
        if self._main_flag in row and hasattr(options, file):
            setattr(options, file, None)
        setattr(options, self.main, self._main_of(row, record))
        if "system" in self._templates:
            options.system = self._filled_system(row, record)

    def _parse(self, names: frozenset, arguments: tuple) -> dict:
        """The parsed flags of a row over the command line's.
        What a row names replaces the default, but --set adds to it."""
        options = argparse.Namespace(**self._base)
        for name in names:
            action = self._actions[name]
            if name != "set":
                default = self._parser.get_default(action.dest)
                setattr(options, action.dest, list(default) if isinstance(default, list) else default)
        vars(self._parser.parse_args(list(arguments), options)).update(json=True, quiet=True, verbose=False)
        return vars(options)

    def _found(self, row: dict) -> dict:
        """A row with the files that go in as they are opened."""
        found = dict(row)
        for name in self._files:
            value = row.get(name)
            if isinstance(value, list):
                found[name] = [self._places.found(one) if isinstance(one, str) else one for one in value]
            elif isinstance(value, str) and name != "chat":
                found[name] = self._places.found(value)
        return found

    def _check_files(self, row: dict) -> None:
        """The file may come from a stranger:
        what it names is sent to the service, or replaced. Raises usage."""
        for name in self._files:
            for value in row[name] if isinstance(row.get(name), list) else [row.get(name)]:
                if isinstance(value, str):
                    (self._places.check_chat if name == "chat" else self._places.check_input)(name, value)

    def _output(self, row: dict, key: int = 0) -> str | None:
        """Where a row's files go: its own name within the folder, else its `id`, else the folder;
        nowhere for plain answers."""
        if "output" not in row:
            name = _name_of(str(row["id"]), key) if "id" in row else ""
            return f"{self.folder}/{name}" if self.files else None
        name = row["output"]
        if not isinstance(name, str) or not name.strip():
            raise usage("'output' must be a file name")
        parts = re.split(r"[/\\]", name)
        if not parts[0] or ":" in parts[0] or ".." in parts or "\0" in name:
            raise usage(f"'output' {name!r} must be a relative name that stays in the output folder")
        path = os.path.join(self.folder, name)
        self._places.check_output(name, path)
        return path


def _name_of(row_id: str, key: int) -> str:
    """The name of a row's files: its id where that can be one,
    else what can be of it, with a part of its key."""
    name = slug(row_id, 60)
    return name if name == row_id else f"{name}-{key:016x}"[:len(name) + 7]


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
        raise usage(f"it has the same {what} as line {seen[key]}" if seen[key] > 0
                    else f"its output is the chat of line {-seen[key]}")
    seen[key] = line
