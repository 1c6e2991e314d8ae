"""The file of a batch as records: JSON lines, or a CSV with a header row.
Both are read twice, a record at a time."""
from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re

from ..body import parsed
from ..cli.inputs import WIDE
from ..failures import usage
from ..words import counted

MAX_LINE = 64 << 20  # bytes of a line, characters of a cell
_BLOCK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), *WIDE)
_SHEETS = re.compile(r"\.(xlsx|xlsm|xlsb|xls|ods|numbers|et)$", re.IGNORECASE)
_TABLES = re.compile(r"\.(csv|tsv|tab)$", re.IGNORECASE)
_DELIMITERS = ",;\t"
_AS_CSV = ('save it as "CSV UTF-8 (comma delimited)" in Excel, WPS or LibreOffice (File, Save As), '
           "and give that file")


def source_of(path: str):
    """The reader of a batch file, by its name.
    Raises usage for a spreadsheet, and for a file that is not there."""
    if _SHEETS.search(path) or _is_sheet(path):
        raise usage(f"--batch {path} is a spreadsheet, which this script cannot read", _AS_CSV)
    return Table(path) if _TABLES.search(path) else JsonLines(path)


def _is_sheet(path: str) -> bool:
    """Whether a file is a zip or an OLE document, whatever its name says."""
    with opened(path) as file:
        return file.read(8).startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def opened(path: str):
    """The file, open for bytes. Raises usage where it cannot be read twice."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise usage(f"--batch {path} is not an ordinary file, but it is read twice",
                    "save the rows as a file")
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise usage(f"--batch {path} does not exist",
                    f"check the path; it is looked up from the working directory {os.getcwd()}") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def state_of(path: str) -> tuple:
    """What tells that a file was changed; empty where it is not there."""
    try:
        found = os.stat(path)
        return found.st_size, found.st_mtime_ns
    except OSError:
        return ()


def _unreadable(path: str, error: Exception):
    return usage(f"--batch {path} cannot be read: {getattr(error, 'strerror', None) or error}")


class JsonLines:
    """One JSON object a line."""

    is_table, columns, ids = False, (), None
    example = 'write one JSON object per line, for example {"prompt": "Hello"}'

    def __init__(self, path: str):
        self.path = path

    def records(self):
        """(line number, bytes) of every line that is not blank."""
        try:
            with opened(self.path) as file:
                number = 0
                while True:
                    raw = file.readline(MAX_LINE + 1)
                    if not raw:
                        return
                    number += 1
                    if len(raw) > MAX_LINE:
                        raise usage(f"{self.path}: line {number} is longer than {MAX_LINE >> 20} MiB")
                    if number == 1 and raw.startswith(codecs.BOM_UTF8):
                        raw = raw[3:]
                    if raw.strip():
                        yield number, raw
        except (OSError, ValueError) as error:
            raise _unreadable(self.path, error) from None

    def parse(self, raw: bytes) -> dict:
        """One line as a dict; nulls count as not given. Raises usage."""
        try:
            value = parsed(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise usage("not UTF-8") from None
        except json.JSONDecodeError as error:
            raise usage(f"not JSON ({error.msg} in column {error.colno})") from None
        except ValueError as error:
            raise usage(f"not JSON ({error})") from None
        if not isinstance(value, dict):
            raise usage('not a JSON object such as {"prompt": "Hello"}')
        return {name: item for name, item in value.items() if item is not None}


class Table:
    """A CSV: UTF-8 (with or without BOM), UTF-16 or UTF-32 with BOM, or GB18030;
    separated by comma, semicolon or tab."""

    is_table, example = True, "write the column names on the first line, and one record on each line after it"

    def __init__(self, path: str):
        self.path = path
        self.encoding = _encoding(path)
        self.delimiter, self._skip = self._dialect()
        self.columns = self._header()

    def _dialect(self) -> tuple:
        """(delimiter, lines before the header):
        Excel's own line `sep=;`, else whatever divides the header into most cells. A name may have line ends."""
        first = ""
        with self._text() as text:
            try:
                for line in iter(lambda: text.readline(_BLOCK), ""):
                    first += line
                    if first.strip() and not first.count('"') % 2 or len(first) >= _BLOCK:
                        break
            except UnicodeDecodeError:
                raise self._not_text() from None
        if re.fullmatch(r"sep=[,;\t|]\s*", first, re.IGNORECASE):
            return first[4], 1
        bare = re.sub(r'"[^"]*"?', "", first)
        return max(_DELIMITERS, key=lambda one: (bare.count(one), -_DELIMITERS.index(one))), 0

    def _not_text(self):
        return usage(f"{self.path} is neither UTF-8 nor GB18030", _AS_CSV)

    def _text(self):
        return io.TextIOWrapper(opened(self.path), self.encoding, newline="")

    def _header(self) -> list:
        for _, cells in self._rows():
            names = [cell.strip() for cell in cells]
            while names and not names[-1]:
                names.pop()
            names = [name or f"column {number}" for number, name in enumerate(names, 1)]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise usage(f"{self.path}: two columns are called {', '.join(map(repr, twice))}",
                            "give each its own name")
            return names
        raise usage(f"{self.path} has no rows", self.example)

    def _rows(self):
        """(line on which it begins, cells) of every record that is not blank, the header included."""
        csv.field_size_limit(MAX_LINE)
        reader, begin = None, 1
        try:
            with self._text() as text:
                for _ in range(self._skip):
                    text.readline()
                reader = csv.reader(text, delimiter=self.delimiter, strict=True)
                begin = self._skip + 1
                for cells in reader:
                    if any(map(str.strip, cells)):
                        yield begin, cells
                    begin = self._skip + reader.line_num + 1
        except csv.Error as error:
            raise usage(f"{self.path}: the record that begins on line {begin} cannot be read ({error})",
                        "a quote is probably not closed, or not doubled within a quoted cell; "
                        "correct it in the file") from None
        except UnicodeDecodeError:
            raise self._not_text() from None
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def records(self):
        """(line number, cells) of every record behind the header."""
        rows = self._rows()
        next(rows, None)
        return rows

    def parse(self, cells: list) -> dict:
        """One record by the names of its columns. Raises usage where it has more cells than the header."""
        if any(cells[len(self.columns):]):
            columns = counted(len(self.columns), "column")
            raise usage(f"it has {len(cells)} cells, but the header names {columns}; "
                        "put quotes around a cell that contains a separator")
        cells = cells + [""] * (len(self.columns) - len(cells))
        return dict(zip(self.columns, cells))


def _encoding(path: str) -> str:
    """By the byte order mark; without one UTF-8 where all of the file is that,
    else what Excel writes on Chinese systems."""
    with opened(path) as file:
        head = file.read(4)
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        if b"\0" in head:
            raise usage(f"{path} is not a CSV: it contains zero bytes", _AS_CSV)
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for block in iter(lambda: file.read(_BLOCK), b""):
                decoder.decode(block)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"
