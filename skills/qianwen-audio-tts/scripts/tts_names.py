"""The names that the user gave to voices of their own: the services answer with ids alone."""
from __future__ import annotations

import json
import os

from shared.files.locks import Lock
from shared.files.whole import make_private, whole


class Names:
    """`voices.json` in the state folder: id -> name. What cannot be written is warned of and loses no voice.
    """

    def __init__(self, state: str, warn=lambda text, fix="": None):
        self._path, self._warn = os.path.join(state, "voices.json"), warn

    def all(self) -> dict:
        """id -> name; nothing of a file that cannot be read."""
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
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
            make_private(os.path.dirname(self._path))
            with Lock(self._path + ".lock", wait=10.0):
                names = change(self.all())
                with whole(self._path, "w") as file:
                    json.dump(names, file, ensure_ascii=False)
        except OSError as error:
            self._warn(f"the name of the voice could not be written: {error.strerror or error}",
                       "keep the id that is shown")
