"""`results.csv`: the columns of the input and what came of each row, for a spreadsheet;
and results.jsonl in the order of the rows."""
from __future__ import annotations

import csv
import io
import json
import os
import re
from array import array

from ..body import object_in, objects_in
from ..failures import Exit, Failure, usage
from ..files.whole import whole
from .index import Index, Keys
from .lines import line_at

_DANGEROUS = re.compile(r"[=+\-@\t\r\n]")  # what a spreadsheet takes for the beginning of a formula
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


def put_in_order(path: str, row_file, index: Index, once: bool) -> None:
    """Write results.jsonl again in the order of the input, unless each row stands there `once` and in it;
    lines of other rows stay at the end. Raises OSError."""
    if once and _is_in_order(row_file, index):
        return
    written = array("Q")
    with whole(path) as new, open(path, "rb") as old:  # in this order: Windows replaces no open file
        for row in row_file.rows():
            place = index.get(row.key)
            if place is not None:
                new.write(line_at(old, place))
                written.append(row.key)
        ordered = Keys(written)  # not the keys of the first reading: the file may be another one by now
        for key, place in index.items():
            if key not in ordered:
                new.write(line_at(old, place))


def _is_in_order(row_file, index: Index) -> bool:
    last = -1
    for row in row_file.rows():
        place = index.get(row.key)
        if place is not None:
            if place < last:
                return False
            last = place
    return True


class ResultsTable:
    """Writes `results.csv`. `schema` names the JSON Schema of the answers,
    whose top-level fields become columns; `shown(cell)` is a cell of the input as it may be written."""

    def __init__(self, row_file, schema: str | None, files: bool, shown=lambda cell: cell):
        self._row_file, self._shown = row_file, shown
        self._inputs = row_file.source.columns or _names_in(row_file)
        self._fields = _fields_of(schema)
        self._result = "file" if files else "text"
        mine = ["ok", self._result, *self._fields, "cost", "error"]
        self.header = [*map(shown, self._inputs), *_renamed(self._inputs, mine)]

    def write(self, path: str, results: str, index: Index) -> None:
        """All rows of the input; those without an outcome have empty cells. Raises OSError."""
        with whole(path) as file, open(results, "rb") as lines:
            text = io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")
            table = csv.writer(text)
            table.writerow(self.header)
            for row in self._row_file.rows():
                place = index.get(row.key)
                outcome: dict = {}
                if place is not None:
                    outcome = json.loads(line_at(lines, place))
                cells = (_plain(row.record.get(name, "")) for name in self._inputs)
                table.writerow([*map(self._shown, cells), *self._cells(outcome)])
            text.flush()
            text.detach()

    def _cells(self, outcome: dict) -> list:
        if not outcome:
            return [""] * (len(self._fields) + 4)
        data, error = object_in(outcome, "data"), object_in(outcome, "error")
        files = "\n".join(_plain(entry.get("path")) for entry in objects_in(outcome, "files"))
        result = (files if self._result == "file" else outcome.get("text") or files) or ""
        said = filter(None, (error.get("code"), error.get("message")))
        return ["true" if outcome.get("ok") else "false", _safe(_plain(result)),
                *(_safe(_plain(data.get(name, ""))) for name in self._fields),
                _cost_of(outcome), _safe(" ".join(map(_plain, said)))]


def _cost_of(outcome: dict) -> str:
    amount = object_in(object_in(outcome, "billing"), "cost").get("amount")
    if not isinstance(amount, (int, float)) or not abs(amount) < 1e12:
        return ""
    return f"{amount:g}" if amount > 1e-4 or not amount else f"{amount:.6f}"


def _plain(value) -> str:
    """A JSON value as a cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _safe(text: str) -> str:
    """What a model wrote must not become a formula in a spreadsheet."""
    return "'" + text if _DANGEROUS.match(text) and not _NUMBER.fullmatch(text) else text


def _renamed(taken: list, names: list) -> list:
    """Column names for the output; one that the input or another one has already gets `_2` behind it."""
    used, found = set(taken), []
    for name in names:
        number, free = 2, name
        while free in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free)
        found.append(free)
    return found


def _names_in(row_file) -> list:
    """The names that JSON lines use, in the order in which they first come."""
    names: dict = {}
    for row in row_file.rows():
        names.update(dict.fromkeys(row.record))
    return list(names)


def _fields_of(schema: str | None) -> list:
    """The top-level fields of a JSON Schema."""
    if schema is None:
        return []
    from ..cli.inputs import read_json
    properties = read_json(schema, "--schema").get("properties")
    return list(properties) if isinstance(properties, dict) else []


def check_table(folder: str, overwrite: bool = False) -> None:
    """Refuse, before anything is paid, a results.csv that cannot be replaced, or is none of ours.
    Raises Failure."""
    from ..files.own import NotOwn, open_own
    path = os.path.join(folder, "results.csv")
    try:
        with os.fdopen(open_own(path), "r", encoding="utf-8-sig", newline="") as file:
            if not overwrite and not _is_table(file):
                raise foreign(path)
    except FileNotFoundError:
        pass
    except NotOwn as error:
        raise usage(f"{path} cannot be replaced: {error.strerror}",
                    "name another folder with --output") from None


def _is_table(file) -> bool:
    """Whether a CSV has the columns that ResultsTable writes behind those of the input."""
    try:
        header = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    names = {re.sub(r"_\d+$", "", name) for name in header}
    return {"ok", "cost", "error"} <= names and bool(names & {"text", "file"})


def foreign(path: str, loss: str = "") -> Failure:
    """The refusal to replace a file in the place of the results that no batch wrote, or not as it stands."""
    return Failure(Exit.EXISTS, f"{path} exists already and was not written by a batch; nothing was sent",
                   fix=f"name another folder with --output, or add --overwrite to replace the file{loss}")
