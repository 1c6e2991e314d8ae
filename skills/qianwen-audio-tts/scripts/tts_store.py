"""Parts that are spoken and paid, kept on disk until the whole is joined,
so that a rerun does only what is missing.

A part is known by the request that made it: the same text with the same voice, model and settings at the same
endpoint. Runs at the same time may need the same part. So each joins from names of its own (`take`, `keep`)
and frees them at the end (`release`); what one run drops stays with the others.
"""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import time

from shared.failures import Exit, Failure, usage
from shared.files.names import PARTIAL
from shared.files.own import make_private, read_own
from shared.files.whole import prove_writable, remove, short_id, whole

KEPT_DAYS = 7
_OWN_DAYS = 1  # a run that was killed leaves its own names; no run lasts so long
_MOST_FACTS = 1 << 20  # bytes of what is known of a part
LINK_HOURS = 23  # the service forgets a link after 24


class Store:
    """The folder of parts. A part has `KEY.<format>` with its sound and `KEY.json` with what the service
    said; a run's own names begin with a dot."""

    def __init__(self, state_folder: str, clock=time.time):
        self.folder, self._clock = os.path.join(state_folder, "speech"), clock

    def prove(self) -> None:
        """Make the folder and prove it writable before anything is paid;
        drop what is a week old. Raises usage."""
        try:
            make_private(self.folder)
            prove_writable(self.folder)
        except OSError as error:
            raise usage(f"{self.folder} cannot be written: {error.strerror}; "
                        "paid segments are saved there until the whole is done",
                        "make it writable, or set XDG_STATE_HOME to another folder") from None
        self._drop_old()

    def _drop_old(self) -> None:
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            try:
                found = os.stat(path)
                own = name.startswith(".")  # of a link to a kept part, only the time of its making is its own
                age = self._clock() - (max(found.st_mtime, found.st_ctime) if own else found.st_mtime)
                if age > (_OWN_DAYS if own else KEPT_DAYS) * 86400:
                    os.unlink(path)
            except OSError:
                pass

    def set_aside(self, key: str, path: str) -> str:
        """Keep what came in place of a part, which may be of use; its path, '' where that cannot be."""
        kept = os.path.join(self.folder, key + PARTIAL)
        try:
            os.replace(path, kept)
        except OSError:
            return ""
        return kept

    def temporary(self) -> str:
        """A new empty file."""
        path = self._own("tmp")
        with private(path):
            return path

    def _own(self, form: str) -> str:
        return os.path.join(self.folder, f".{short_id()}{short_id()}.{form}")

    @staticmethod
    def key(endpoint: str, body: dict, times: int) -> str:
        """The name of a part;
        `times` tells the second speaking of the same words in one text from the first."""
        text = json.dumps([endpoint, body, times], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def take(self, key: str) -> dict | None:
        """A kept part for this run: its `form`, facts and the `path` of its own; None when it is not there.

        It stays there until `release`, whatever others do. Raises OSError of the disk.
        """
        kept = self.find(key)
        if not kept:
            return None
        own = self._own(kept["form"])
        try:
            _link(kept["path"], own)
        except FileNotFoundError:  # dropped this moment
            return None
        return {**kept, "path": own}

    def find(self, key: str) -> dict | None:
        """What is kept of a part: its `path` in the folder, `form` and facts; None when it is not there."""
        facts = self._read(key)
        if not facts or not isinstance(facts.get("form"), str):
            return None
        path = os.path.join(self.folder, f"{key}.{facts['form']}")
        try:
            return {**facts, "path": path} if os.path.getsize(path) == facts.get("bytes") else None
        except OSError:
            return None

    def link(self, key: str) -> dict | None:
        """The link of a part that is made and paid but not fetched;
        None when there is none that still works."""
        facts = self._read(key)
        if not facts or not facts.get("url") or facts.get("form"):
            return None
        return facts if self._clock() - facts.get("made", 0) < LINK_HOURS * 3600 else None

    def keep_link(self, key: str, facts: dict) -> None:
        """Before the download: from now on the part cannot be lost."""
        self._write(key, {**facts, "made": self._clock()})

    def keep(self, key: str, temporary: str, form: str, facts: dict) -> dict:
        """Keep a finished part; return what `take` would. Raises OSError."""
        facts = {**facts, "form": form, "bytes": os.path.getsize(temporary), "made": self._clock()}
        own = self._own(form)
        os.replace(temporary, own)
        self._share(key, own, facts)
        return {**facts, "path": own}

    def _share(self, key: str, own: str, facts: dict) -> None:
        linked = self._own("tmp")
        _link(own, linked)
        os.replace(linked, os.path.join(self.folder, f"{key}.{facts['form']}"))
        self._write(key, facts)

    def release(self, key: str, part: dict, done: bool) -> None:
        """A run has done with what `take` or `keep` gave it:
        the part is dropped, or left for a rerun when the run failed."""
        try:
            if done:
                self.drop(key)
            elif self.find(key) is None:  # dropped by another run that succeeded
                facts = {name: value for name, value in part.items() if name != "path"}
                self._share(key, part["path"], facts)
        except OSError:
            pass
        remove(part["path"])

    def drop(self, key: str) -> None:
        """The whole is saved: the part is no longer needed."""
        facts = self._read(key) or {}
        for name in (f"{key}.{facts.get('form')}", f"{key}.json"):
            remove(os.path.join(self.folder, name))

    def facts_path(self, key: str) -> str:
        """Where it is written what is known of a part, its link included."""
        return os.path.join(self.folder, f"{key}.json")

    def _read(self, key: str) -> dict | None:
        try:
            facts = json.loads(read_own(self.facts_path(key), _MOST_FACTS) or b"")
        except (OSError, ValueError, RecursionError):
            return None
        return facts if isinstance(facts, dict) and isinstance(facts.get("made"), (int, float)) else None

    def _write(self, key: str, facts: dict) -> None:
        with whole(self.facts_path(key), "w", permissions=0o600) as file:
            json.dump(facts, file, ensure_ascii=False)


def private(path: str):
    """Make a file to write to, for its owner alone. Raises OSError, also where there is one."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _link(path: str, new: str) -> None:
    """A second name for a file; a copy where the file system has no hard links. Raises OSError."""
    try:
        os.link(path, new)
    except FileNotFoundError:
        raise
    except (OSError, AttributeError, NotImplementedError):
        with open(path, "rb") as old, private(new) as copied:
            shutil.copyfileobj(old, copied)


def unsaved(error: OSError, folder: str, url: str = "") -> Failure:
    """A part is paid and cannot be saved; `url` is where it still is, if anywhere."""
    why = "the segment is paid for, but lost"
    fix = "make room there, then run the command again: the segment is billed again"
    if url:
        why = "the segment is paid for, and is behind the link above"
        fix = "download the link above, which needs no key and expires after 24 hours; then make room"
    return Failure(Exit.UNSAVED, f"the speech cannot be saved in {folder}: {error.strerror}", why, fix,
                   accepted="maybe", files=[{"url": url}] if url else [])
