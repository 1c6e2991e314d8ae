"""What came of the rows of jobs, found by row in the files of results. Of their spellings: updates 10.4."""
from __future__ import annotations

import json
from array import array

from ..body import object_in
from .index import Index


class Outcomes:
    """What came of rows, in files of results:
    `{"body": …}` of an answer, or the code, message, status and request id of an error."""

    def __init__(self):
        self._files: list = []
        self._index = Index()

    def add(self, file) -> int | None:
        """Find the rows of a file of results;
        how many there are, None where any line of it cannot be read."""
        file.seek(0)
        found, place = array("Q"), 0
        for raw in file:
            key = _key_of(raw)
            if key is None:
                return None
            found.append(key)
            found.append(len(self._files) << 40 | place)
            place += len(raw)
        self._files.append(file)
        for number in range(0, len(found), 2):
            self._index.add(found[number], found[number + 1])
        return len(found) // 2

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
        file = self._files[place >> 40]
        file.seek(place & (1 << 40) - 1)
        return _outcome_of(json.loads(file.readline()))


def _key_of(raw: bytes) -> int | None:
    try:
        return int(json.loads(raw)["custom_id"], 16)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _outcome_of(line: dict) -> dict:
    """One line of results, in any of the spellings that are documented or were seen (updates 10.4)."""
    response, error = object_in(line, "response"), object_in(line, "error")
    status = response.get("status_code") if isinstance(response.get("status_code"), int) else 0
    if isinstance(response.get("body"), dict) and not error and status < 400:
        return {"body": response["body"]}
    body = object_in(response, "body")
    inner = object_in(body, "error")
    code = str(error.get("code") or error.get("error_code") or inner.get("code") or "")
    message = str(error.get("message") or error.get("error_message") or inner.get("message")
                  or "the service gave no reason")
    return {"code": code, "message": message, "status": status,
            "request_id": str(response.get("request_id") or "")}
