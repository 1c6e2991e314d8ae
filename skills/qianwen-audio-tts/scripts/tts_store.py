"""Parts that are spoken and paid, kept on disk until the whole is joined, so that a rerun does only what is missing.

A part is known by the request that made it: the same text with the same voice, model and settings at the same endpoint.
"""
from __future__ import annotations

import hashlib
import json
import os
import time

from shared.failures import Exit, Failure, usage
from shared.results import short_id

KEPT_DAYS = 7
LINK_HOURS = 23  # the service forgets a link after 24


class Store:
    """The folder of parts. A part has `KEY.<format>` with its sound and `KEY.json` with what the service said."""

    def __init__(self, state_folder: str, clock=time.time):
        self.folder, self._clock = os.path.join(state_folder, "speech"), clock

    def prove(self) -> None:
        """Make the folder and prove it writable before anything is paid; drop what is a week old. Raises usage."""
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            path = self.temporary()
            os.unlink(path)
        except OSError as error:
            raise usage(f"{self.folder} cannot be written: {error.strerror}; parts that are paid are kept there until the whole is "
                        "saved", "make it writable, or set XDG_STATE_HOME to another folder") from None
        self._drop_old()

    def _drop_old(self) -> None:
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            try:
                if self._clock() - os.stat(path).st_mtime > KEPT_DAYS * 86400:
                    os.unlink(path)
            except OSError:
                pass

    def temporary(self) -> str:
        """A new empty file."""
        path = os.path.join(self.folder, f".{short_id()}{short_id()}.tmp")
        with open(path, "xb"):
            return path

    @staticmethod
    def key(endpoint: str, body: dict, times: int) -> str:
        """The name of a part; `times` tells the second speaking of the same words in one text from the first."""
        text = json.dumps([endpoint, body, times], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def find(self, key: str) -> dict | None:
        """What is kept of a part: its `path`, `form` and facts; None when it is not there."""
        facts = self._read(key)
        if not facts or not isinstance(facts.get("form"), str):
            return None
        path = os.path.join(self.folder, f"{key}.{facts['form']}")
        try:
            return {**facts, "path": path} if os.path.getsize(path) == facts.get("bytes") else None
        except OSError:
            return None

    def link(self, key: str) -> dict | None:
        """The link of a part that is made and paid but not fetched; None when there is none that still works."""
        facts = self._read(key)
        if facts and facts.get("url") and not facts.get("form") and self._clock() - facts.get("made", 0) < LINK_HOURS * 3600:
            return facts
        return None

    def keep_link(self, key: str, facts: dict) -> None:
        """Before the download: from now on the part cannot be lost."""
        self._write(key, {**facts, "made": self._clock()})

    def keep(self, key: str, temporary: str, form: str, facts: dict) -> dict:
        """Give a finished part its name; return what `find` would. Raises OSError."""
        path = os.path.join(self.folder, f"{key}.{form}")
        size = os.path.getsize(temporary)
        os.replace(temporary, path)
        facts = {**facts, "form": form, "bytes": size, "made": self._clock()}
        self._write(key, facts)
        return {**facts, "path": path}

    def drop(self, key: str) -> None:
        """The whole is saved: the part is no longer needed."""
        facts = self._read(key) or {}
        for name in (f"{key}.{facts.get('form')}", f"{key}.json"):
            try:
                os.unlink(os.path.join(self.folder, name))
            except OSError:
                pass

    def _read(self, key: str) -> dict | None:
        try:
            with open(os.path.join(self.folder, f"{key}.json"), encoding="utf-8") as file:
                facts = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        return facts if isinstance(facts, dict) and isinstance(facts.get("made"), (int, float)) else None

    def _write(self, key: str, facts: dict) -> None:
        temporary = self.temporary()
        with open(temporary, "w", encoding="utf-8", errors="replace") as file:
            json.dump(facts, file, ensure_ascii=False)
        os.replace(temporary, os.path.join(self.folder, f"{key}.json"))


def unsaved(error: OSError, folder: str) -> Failure:
    """A part is paid and cannot be kept."""
    return Failure(Exit.UNSAVED, f"what was spoken cannot be kept in {folder}: {error.strerror}", "the part is paid, and lost",
                   "make room there, then run the command again", accepted="maybe")
