"""A text with places for the values of a row: `{column}`; `{{` and `}}` are braces. Pure."""
from __future__ import annotations

import json
import re

from ..failures import usage

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")


class Template:
    """`names` are the columns that the text uses."""

    def __init__(self, text: str, flag: str):
        self._parts: list = []  # texts, and in every second place the name of a column
        self._flag, place, before = flag, 0, ""
        for found in _PIECE.finditer(text):
            before, place = before + text[place:found.start()], found.end()
            if found.group() in ("{{", "}}"):
                before += found.group()[0]
            elif found.group(1) is None or not found.group(1).strip():
                raise usage(f"{flag} is a template, and {_around(text, found.start())} is not a column",
                            "write {{ and }} for literal braces")
            else:
                self._parts += [before, found.group(1).strip()]
                before = ""
        self._parts.append(before + text[place:])
        self.names = list(dict.fromkeys(self._parts[1::2]))

    def check(self, columns) -> None:
        """Refuse a name that is not a column. Raises usage."""
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise usage(f"{self._flag}: {{{missing[0]}}} is not a column; the columns are: "
                        f"{', '.join(columns)}",
                        "name one of them; the first line of the file must be the header; "
                        "{{ and }} are literal braces")

    def fill(self, record: dict) -> str:
        """The text with a record's values. Raises usage where the record has not all of them."""
        missing = [name for name in self.names if name not in record]
        if missing:
            raise usage(f"{self._flag} uses {{{missing[0]}}}, which this row does not have; it has: "
                        f"{', '.join(record) or 'nothing'}")
        return "".join(_text(record[part]) if number % 2 else part for number, part in enumerate(self._parts))


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _around(text: str, place: int) -> str:
    return ascii(text[place:place + 12]) if len(text) > place + 12 else repr(text[place:])
