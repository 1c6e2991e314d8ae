"""Parts that are spoken and paid, kept on disk until the whole is joined,
so that a rerun does only what is missing.

A part is known by the request that made it: the same text with the same voice, model and settings at the same
endpoint. Runs at the same time may need the same part. So each joins from names of its own (`take`, `keep`)
and frees them at the end (`release`); what one run drops stays with the others.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time

from shared.body import no_constant
from shared.failures import Exit, Failure, ONLY_LINK, usage
from shared.files.names import PARTIAL
from shared.files.own import make_private, read_own
from shared.files.whole import FULL, PROOF, prove_writable, remove, short_id, whole
from tts_kinds import MEDIA_TYPES

KEPT_DAYS = 7
_OWN_DAYS = 1  # a run that was killed leaves its own names; no run lasts so long
_MOST_FACTS = 1 << 20  # bytes of what is known of a part


class Store:
    """The folder of parts. A part has `KEY.<format>` with its sound and `KEY.json` with what the service
    said; a run's own names begin with a dot. `served` in the facts is the service's time, `made` our own."""

    def __init__(self, state_folder: str, clock=time.time):
        self.folder, self._clock, self._swept = os.path.join(state_folder, "speech"), clock, False

    def prove(self) -> None:
        """Make the folder and prove it writable before anything is paid. Raises usage."""
        try:
            make_private(self.folder)
            prove_writable(self.folder, PROOF)
        except OSError as error:
            raise self.refusal(error) from None

    def refusal(self, error: OSError) -> Failure:
        """Why nothing was sent."""
        return usage(f"{self.folder} cannot be written: {error.strerror}; "
                     "paid segments are saved there until the whole is done",
                     f"{'make room there' if error.errno in FULL else 'make it writable'}, "
                     "or set XDG_STATE_HOME to another folder")

    def drop_old(self, moment: float | None) -> int:
        """Drop, once a run, what is a week old by our clock and by the service's, whose time is `moment`: one
        that is wrong must not take what is paid. How many finished parts those were."""
        if moment is None or self._swept:
            return 0
        self._swept, now, parts = True, min(moment, self._clock()), 0
        with contextlib.suppress(OSError):
            for name in os.listdir(self.folder):
                with contextlib.suppress(OSError):
                    path = os.path.join(self.folder, name)
                    if self._is_old(name, os.stat(path), now):
                        os.unlink(path)
                        parts += name[:1] != "." and name.endswith(tuple(MEDIA_TYPES))
        return parts

    def _is_old(self, name: str, found: os.stat_result, now: float) -> bool:
        if name.startswith("."):  # of a link to a kept part, only the time of its making is its own
            return now - max(found.st_mtime, found.st_ctime) > _OWN_DAYS * 86400
        facts = self._read(name.partition(".")[0]) or {}
        return now - max(found.st_mtime, facts.get("served", 0)) > KEPT_DAYS * 86400

    def set_aside(self, key: str, path: str) -> str:
        """Keep what came in place of a part, which may be of use; its path, '' where that cannot be."""
        kept = os.path.join(self.folder, key + PARTIAL)
        try:
            os.replace(path, kept)
        except OSError:
            return ""
        return kept

    def keep_answer(self, key: str, said: str) -> str:
        """Keep an answer that cannot be read; its path, '' where that cannot be."""
        kept = os.path.join(self.folder, f"{key}{PARTIAL}.json")
        try:
            make_private(self.folder)
            with whole(kept, "w", permissions=0o600) as file:
                file.write(said)
        except OSError:
            return ""
        return kept

    def temporary(self) -> str:
        """A new empty file."""
        make_private(self.folder)
        path = self._own("tmp")
        with private(path):
            return path

    def restore(self, path: str, file) -> None:
        """Give a temporary file its name again, where it was deleted while it was written to: it is paid.
        Raises OSError."""
        if os.path.lexists(path):
            return
        make_private(self.folder)
        file.seek(0)
        with private(path) as copied:
            shutil.copyfileobj(file, copied)

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
        path = self.path(key, facts["form"])
        try:
            return {**facts, "path": path} if os.path.getsize(path) == facts.get("bytes") else None
        except OSError:
            return None

    def link(self, key: str) -> dict | None:
        """The link of a part that is made and paid but not fetched; None when there is none."""
        facts = self._read(key)
        return facts if facts and facts.get("url") and not facts.get("form") else None

    def keep_link(self, key: str, facts: dict) -> dict:
        """Before the download: from now on the part cannot be lost. Returns what `link` will."""
        facts = {**facts, "made": self._clock()}
        self._write(key, facts)
        return facts

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
        os.replace(linked, self.path(key, facts["form"]))
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
        """The whole is saved: the part is no longer needed. Another run may have dropped its facts alone."""
        for form in (*MEDIA_TYPES, "json"):
            remove(self.path(key, form))

    def path(self, key: str, form: str) -> str:
        """Where the sound of a finished part lies."""
        return os.path.join(self.folder, f"{key}.{form}")

    def facts_path(self, key: str) -> str:
        """Where it is written what is known of a part, its link included."""
        return os.path.join(self.folder, f"{key}.json")

    def _read(self, key: str) -> dict | None:
        try:
            facts = json.loads(read_own(self.facts_path(key), _MOST_FACTS) or b"", parse_constant=no_constant)
        except (OSError, ValueError, RecursionError):
            return None
        times = [facts.get("made"), facts.get("served", 0)] if isinstance(facts, dict) else [None]
        return facts if all(isinstance(one, (int, float)) for one in times) else None

    def _write(self, key: str, facts: dict) -> None:
        make_private(self.folder)
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


def unsaved(error: OSError, folder: str, url: str = "", kept: bool = False) -> Failure:
    """A part is paid and cannot be saved; `url` is where it still is, if anywhere, and whether a rerun knows that
    (`kept`)."""
    why = "the segment is paid for, but lost"
    fix = "make room there, then run the command again: the segment is billed again"
    if url:
        why = "the segment is paid for, and is behind the link that is shown, or stands in `files`"
        fix = "download that link, which needs no key and expires after 24 hours; then make room"
    if kept:
        fix = "make room there, then run the command again: it is fetched from that link while that lives (24 hours)"
    return Failure(Exit.UNSAVED, f"the speech cannot be saved in {folder}: {error.strerror}", why, fix,
                   code=ONLY_LINK if url and not kept else "", accepted="maybe",
                   files=[{"url": url}] if url else [])
