"""The names that the user gave to voices of their own: the services answer with ids alone."""
from __future__ import annotations

import json
import os

from shared.files.locks import Lock
from shared.files.own import read_own
from shared.files.whole import whole

_MOST_BYTES = 16 << 20  # of the file of names


class Names:
    """`voices.json` in the state folder: id -> name.
    What cannot be written is warned of and loses no voice."""

    def __init__(self, state: str, warn=lambda text, fix="": None):
        self._path, self._warn = os.path.join(state, "voices.json"), warn

    def all(self) -> dict:
        """id -> name; nothing of a file that cannot be read."""
        try:
            found = json.loads(read_own(self._path, _MOST_BYTES) or b"{}")
        except (OSError, ValueError, RecursionError):
            return {}
        found = found if isinstance(found, dict) else {}
        return {voice: name for voice, name in found.items() if isinstance(name, str)}

    def keep(self, voice: str, name: str) -> None:
        self._change(lambda names: {**names, voice: name})

    def forget(self, voice: str) -> None:
        if voice in self.all():
            self._change(lambda names: {one: name for one, name in names.items() if one != voice})

    def _change(self, change) -> None:
        try:
            with Lock(self._path + ".lock", wait=10.0):
                names = change(self.all())
                with whole(self._path, "w", permissions=0o600) as file:
                    json.dump(names, file, ensure_ascii=False)
        except OSError as error:
            self._warn(f"the name of the voice could not be written: {error.strerror or error}",
                       "save the id that is shown")
