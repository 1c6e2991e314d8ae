"""What came of the rows of jobs, found by row in the files of results. Of their spellings: updates 10.4."""
from __future__ import annotations

import json
import re
from array import array

from ..body import object_in, plain
from .index import Index

_KEY = re.compile("[0-9a-fA-F]{16}")
_NAMED = re.compile(rb'"custom_id"\s*:\s*"([0-9a-fA-F]{16})"')  # in a line that is not whole


class Outcomes:
    """What came of rows, in files of results, each with the `line` as it came and its `job`: `body` of an
    answer, else the code, message, status and request id of an error; neither where the line is odd.

    `odd` counts the lines that cannot be read, or name no row.
    """

    def __init__(self):
        self._files: list = []
        self._index = Index()
        self.odd = 0

    def add(self, file, is_last: bool, job: dict) -> set | None:
        """Find the rows of a file of results of a job; their keys.

        None where a line is odd, unless this `is_last` and the file is one of results all the same.
        """
        file.seek(0)
        found, place, odd, named = array("Q"), 0, 0, 0
        for raw in file:
            key, is_whole = _key_of(raw)
            if key is not None:
                found.append(key)
                found.append(len(self._files) << 40 | place)
            odd += bool(raw.strip()) and not is_whole
            named += b'"custom_id"' in raw
            place += len(raw)
        if odd and not (is_last and named):
            return None
        self._files.append((file, job))
        self.odd += odd
        for number in range(0, len(found), 2):
            self._index.add(found[number], found[number + 1])
        return set(found[::2])

    def seal(self) -> None:
        self._index.seal()

    def __len__(self) -> int:
        return len(self._index)

    def get(self, key: int) -> dict | None:
        place = self._index.get(key)
        return None if place is None else self._read(place)

    def items(self):
        return ((key, self._read(place)) for key, place in self._index.items())

    def _read(self, place: int) -> dict:
        file, job = self._files[place >> 40]
        file.seek(place & (1 << 40) - 1)
        raw = file.readline()
        try:
            found = _outcome_of(json.loads(raw))
        except (ValueError, TypeError, RecursionError):
            found = {}
        return {**found, "job": job, "line": raw.decode("utf-8", "replace").strip()}


def _key_of(raw: bytes) -> tuple:
    """The key of the row that a line is of, None without one; and whether the line is whole and has one."""
    try:
        given, is_whole = json.loads(raw)["custom_id"], True
    except (ValueError, KeyError, TypeError, RecursionError):
        match = _NAMED.search(raw)
        given, is_whole = match and match.group(1).decode("ascii"), False
    is_key = isinstance(given, str) and _KEY.fullmatch(given)
    return int(given, 16) if is_key else None, bool(is_key and is_whole)


def _outcome_of(line: dict) -> dict:
    """One line of results, in any of the spellings that are documented or were seen (updates 10.4);
    the usage alone of what is neither an answer nor an error."""
    response, error = object_in(line, "response"), object_in(line, "error")
    body = object_in(response, "body")
    inner = {} if body.get("choices") else object_in(body, "error")
    status = int(response["status_code"]) if str(response.get("status_code")).isdecimal() else 0
    failed = status >= 400 or any(inner.values()) or (any(error.values()) if error else line.get("error"))
    if not failed and line.get("response"):
        is_answer = any(body.get(name) for name in ("choices", "output", "text"))
        return {"body": body} if is_answer else {"usage": body.get("usage")}
    code = str(error.get("code") or error.get("error_code") or inner.get("code") or "")
    message = str(error.get("message") or error.get("error_message") or inner.get("message")
                  or "the service gave no reason")
    return {"code": code, "message": message, "status": status,
            "request_id": str(response.get("request_id") or "")}


def raw_answer(outcome: dict, is_odd: bool = False) -> dict:
    """An answer that is not read by the skill; with all of its line where that `is_odd`."""
    if "message" in outcome:
        return {"error": {"message": outcome["message"]}}
    body = object_in(outcome, "body")
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    text = object_in(first, "message").get("content")
    answer = {"text": text if isinstance(text, str) else "", "usage": plain(object_in(body, "usage"))}
    return {**answer, "line": outcome["line"]} if is_odd or not answer["text"] else answer
