"""From a finished task to files on disk: links, downloads, sidecars, report."""
from __future__ import annotations

import contextlib
import os
from datetime import datetime, timezone

from .. import failures
from ..body import elide_media
from ..failures import Exit, Failure
from ..files import probe
from ..files.ends import is_whole
from ..files.outputs import OutputFiles
from ..files.sidecar import sidecar_path
from ..files.whole import remove
from ..money.cost import document, FREE, words
from ..transport import download
from ..transport.context import ServiceError
from ..words import counted, unit
from .answers import usage_of
from .bill import cost_of, FETCHED, share
from .journal import Journal, READY, resume_command

BROKEN = "StreamBroken"  # the code of an error part: the answer broke off
_MOST_BYTES = {"image": 200 << 20, "audio": 1 << 30}  # of one file by kind; videos may be larger


class Delivery:
    """Brings the parts of one finished answer to disk.

    A part is a dict with `kind`: "media" (with `url`), "text" (with `text`) or "error" (with `code` and
    `message`). `accept` is the beginning of the media types that are right; `facts` go into every sidecar.
    `renew()` gives (parts, answer) of a task with new links, None where the service could not be asked.
    """

    def __init__(self, client, journal: Journal, console, outputs: OutputFiles, record: dict,
                 accept: str = "image/", renew=lambda: None):
        self.client, self.journal, self.console = client, journal, console
        self.outputs, self.record, self.accept, self._renew = outputs, record, accept, renew
        self.kept = True  # whether the links are in the journal
        self._is_asked = False  # whether the service gave its links once more
        self.files: list = []
        self._told: set = set()  # absolute paths that are on stdout
        self.problems: list = []  # Failures of single files

    def keep_links(self, parts: list, answer: dict) -> None:
        """The links go to disk before anything is downloaded:
        from now on nothing of the answer can be lost."""
        request_id = self.record.get("request_id") or str(answer.get("request_id") or "")
        self.record.update(state=READY, parts=self.console.redact_result(parts),
                           usage=usage_of(answer), request_id=request_id,
                           created=self.record["created"] or self.journal.now())
        if "output" in self.record:
            self.record["output"] = self.outputs.output
        try:
            self.journal.write(self.record)
        except OSError as error:
            self.kept = False
            self.console.warn(f"the links of the result could not be saved in the journal: {error.strerror}")

    def fetch_all(self) -> None:
        """Download every part that is not there yet; what fails is told by `problems` and can be fetched again.
        Links that are refused are asked for anew, once (image contract 12.5)."""
        self._fetch_parts()
        is_refused = any(getattr(problem, "status", 0) >= 400 for problem in self.problems)
        renewed = self._renew() if is_refused and self.record["task_id"] else None
        if renewed:
            parts, answer = renewed
            self.keep_links(_with_new_links(self.record["parts"], parts), answer)
            self.files, self.problems = [], []
            self._fetch_parts()
        self._is_asked = bool(renewed)

    def _fetch_parts(self) -> None:
        number = 0
        for part in self.record["parts"]:
            if part["kind"] != "media":
                continue
            number += 1
            done = self.record.setdefault("saved", {}).get(str(number))
            if not (done and os.path.isfile(done["path"]) and os.path.getsize(done["path"]) == done["bytes"]):
                done = None
            if done and self.outputs.holds(done["path"]):
                if self.outputs.sidecars and not os.path.exists(sidecar_path(done["path"])):
                    self._describe(part, number, done)
                self._add(done)
                continue
            try:
                entry = self._copy(done, number) if done else self._fetch(part, number)
            except Failure as failure:
                self.problems.append(failure)
                continue
            except OSError as error:
                folder = self.outputs.folder or "."
                self.problems.append(Failure(
                    Exit.UNSAVED, f"a result could not be saved in {folder}: {error.strerror}",
                    accepted="maybe", files=[{"url": part["url"]}]))
                continue
            self._add(entry)

    def _add(self, entry: dict) -> None:
        """A file that is there; it is told once."""
        self.files.append(entry)
        path = os.path.abspath(entry["path"])
        if path not in self._told:
            self._told.add(path)
            self.console.result(entry["path"] + "\n")

    def _copy(self, done: dict, number: int) -> dict:
        """What an earlier command saved in another place."""
        from .fetched import copy
        entry = copy(done, number, self.outputs)
        self._claim(number, entry)
        return entry

    def _fetch(self, part: dict, number: int) -> dict:
        temporary = self.outputs.temporary()
        kind, facts = self._checked_download(part["url"], temporary, number)
        found = {"url": part["url"], **{name: value for name, value in facts.items() if value}}
        planned = self.outputs.name_for(number, kind)[0]
        self._claim(number, {"path": planned, "bytes": os.fstat(temporary.file.fileno()).st_size,
                             "media_type": kind, **found})
        entry = {**self.outputs.save(temporary, number, kind), **found}
        self._describe(part, number, entry)
        remove(self.record.get("partials", {}).pop(str(number), ""))
        if entry["path"] != planned or "sidecar" in entry:
            self._claim(number, entry)
        return entry

    def _claim(self, number: int, entry: dict) -> None:
        """Into the record before the file has its name:
        whatever ends the command in between, a later one knows it as ours."""
        places = {name: os.path.abspath(entry[name]) for name in ("path", "sidecar") if name in entry}
        self.record["saved"][str(number)] = {**entry, **places}
        try:
            self.journal.write(self.record)
        except OSError:  # then it would be fetched once more, under another name
            pass

    def _checked_download(self, url: str, temporary, number: int) -> tuple:
        """(media type, measures) of the downloaded file.
        A page or a torn file is fetched again once, then set aside."""
        for tries in (1, 2):
            file = temporary.file
            file.truncate(0)
            download.fetch(self.client, url, file,
                           limit=_MOST_BYTES.get(self.accept.partition("/")[0], download.MOST_BYTES))
            file.flush()
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            kind, width, height, seconds = probe.measure(file, size)
            if kind.startswith(self.accept) and is_whole(file, size, kind):
                return kind, {"width": width, "height": height, "seconds": seconds}
        what = ("is damaged" if kind.startswith(self.accept)
                else f"is {kind or 'something else'}, not the result")
        kept = self._set_aside(temporary, number)
        raise Failure(Exit.UNSAVED,
                      f"the file behind a result's link {what}{kept and f'; the part received is in {kept}'}",
                      "a proxy, a log-in page or the storage sent something else; "
                      f"the link is {elide_media(url)}",
                      accepted="maybe", code=failures.BAD_LINK,
                      files=[{"url": url, **({"partial": kept} if kept else {})}])

    def _set_aside(self, temporary, number: int) -> str:
        """What came may be of use: it stays as NAME.partial, in place of what came before;
        its path, '' without one."""
        earlier = self.record.setdefault("partials", {})
        try:
            if earlier.get(str(number)):
                remove(earlier[str(number)])
            path = self.outputs.save_partial(temporary, number)
        except OSError:
            return ""
        earlier[str(number)] = os.path.abspath(path)
        with contextlib.suppress(OSError):
            self.journal.write(self.record)
        return path

    def _describe(self, part: dict, number: int, entry: dict) -> None:
        if not self.outputs.sidecars:
            return
        record = self.record
        count = sum(part["kind"] == "media" for part in record["parts"])
        self.outputs.describe(entry, self.console.redact_result({
            "skill": self.console.skill, "media_type": entry["media_type"], "width": entry.get("width"),
            "height": entry.get("height"), "seconds": entry.get("seconds"), "bytes": entry["bytes"],
            **record["facts"],
            "actual_prompt": part.get("actual_prompt"), "request_id": record.get("request_id"),
            "task_id": record["task_id"], "usage": record.get("usage"),
            "billing": {"cost": share(record, number, count)},
            "number": number if count > 1 else None, "of": count if count > 1 else None,
            "created": _written(record["created"])}))
        entry["sidecar"] = sidecar_path(entry["path"])

    @property
    def text(self) -> str:
        return "".join(part["text"] for part in self.record["parts"] if part["kind"] == "text")

    def check(self) -> None:
        """Raise the Failure of what is not saved, or was not made."""
        if self.problems:
            raise self._unsaved()
        errors = [part for part in self.record["parts"] if part["kind"] == "error"]
        if errors:
            raise self._broken(errors[0]) if errors[0]["code"] == BROKEN else self._failed(errors)

    def finish(self, failure: Failure | None) -> None:
        """Settle the record: kept where something can be fetched again; else it goes, and a later --resume
        tells the same."""
        if self.problems:
            return
        self.record["text"] = self.text
        if failure:
            names = ("message", "cause", "fix", "code")
            self.record["failed"] = {"exit_code": int(failure.exit_code),
                                     **{name: getattr(failure, name) for name in names}}
        self.journal.remove(self.record)

    def _failed(self, errors: list) -> Failure:
        first = self.client.context.explain(ServiceError(
            200, errors[0]["code"], errors[0]["message"], self.record.get("request_id", "")))
        first.http_status, first.task_id, first.files = 0, self.record["task_id"], self.files
        if self.files:
            first.exit_code, saved = Exit.PARTIAL, len(self.files)
            others = f"the other {saved} are" if saved > 1 else "the other one is"
            first.message = (f"{len(errors)} of {counted(len(errors) + saved, 'result')} failed "
                             f"({first.message}); {others} saved")
            first.cause = f"{first.cause}. A failed result is not billed"
        return first

    def _broken(self, error: dict) -> Failure:
        return Failure(Exit.PARTIAL, f"{error['message']}; what came before is saved",
                       "the service may have made more, and then bills it",
                       "run the command again only if paying twice is acceptable", code=BROKEN,
                       accepted="maybe", files=self.files, task_id=self.record["task_id"],
                       request_id=self.record.get("request_id", ""))

    def _unsaved(self) -> Failure:
        first, record = self.problems[0], self.record
        command_line = resume_command(record["task_id"] or record["id"], self.journal)
        made = sum(part["kind"] == "media" for part in record["parts"])
        links = [entry for problem in self.problems for entry in problem.files]
        what = f"{len(self.problems)} of {counted(made, 'result')} could not be saved"
        failure = Failure(Exit.UNSAVED, f"{what}: {first.message}", first.cause,
                          f"fetch what is missing with: {command_line} (add -o DIR/ for another place); "
                          "the links expire after 24 hours",
                          files=[*self.files, *links], task_id=record["task_id"], resume=command_line,
                          request_id=record.get("request_id", ""), accepted="maybe", code=first.code)
        if not self.kept:
            self.console.links([entry["url"] for entry in links if "url" in entry])
            failure.message, failure.resume = f"{what}, and neither could their links: {first.message}", ""
            failure.fix = "download the links above, which need no key and expire after 24 hours"
        elif all(map(self._is_dead, self.problems)):
            self._tell_death(failure)
        return failure

    def _is_dead(self, problem: Failure) -> bool:
        made, now = self.record["created"], self.journal.now()
        return isinstance(problem, download.BadLink) and problem.is_dead(made, now)

    def _tell_death(self, failure: Failure) -> None:
        """No link will ever work again. Only a task can be asked for others."""
        failure.resume, task_id = "", self.record["task_id"]
        if task_id and not self._is_asked:
            status = resume_command(task_id, self.journal, "--status")
            failure.fix = f"ask the service whether it still has the task: {status}"
            return
        failure.exit_code, failure.code = Exit.FAILED, failures.GONE
        failure.fix = "run the original command again with --again: it makes the result anew, which is billed"


def _with_new_links(parts: list, renewed: list) -> list:
    """The parts in their order, so that each keeps its number and its file: with the new links of the same
    addresses, else with those that are left; what is new comes last."""
    left, found = [part for part in renewed if part["kind"] == "media"], []
    for part in parts:
        found.append(next((one for one in left if _address(one) == _address(part)), None))
        if found[-1]:
            left.remove(found[-1])
    for number, part in enumerate(parts):
        if part["kind"] == "media" and not found[number] and left:
            found[number] = left.pop(0)
    return [one or part for one, part in zip(found, parts)] + left


def _address(part: dict) -> str:
    return part.get("url", "").partition("?")[0]


def _written(moment: float) -> str | None:
    """A moment as text, None for one of no calendar, as a clock that is far off tells."""
    try:
        return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None


def report(delivery: Delivery, session, product, count, text_file, page: str, fetched: bool) -> None:
    """What was made and what it cost: a line for people, and the one document where it is wanted.

    `fetched`: an earlier command made and counted it.
    """
    record, files, console = delivery.record, delivery.files, session.console
    billing, line = billed(record, files, count, product, session, fetched)
    console.note(line)
    if not console.json_mode:
        return
    found = {"ok": True, "skill": console.skill, "model": record.get("model"),
             "request_id": record.get("request_id"), "text": delivery.text,
             "files": [*files, *([text_file] if text_file else [])], "gallery": page,
             "task_id": record["task_id"], "usage": record.get("usage"),
             "fetched": fetched, "billing": billing, "warnings": console.warnings}
    always = ("ok", "skill", "files", "billing", "warnings")
    console.document({name: value for name, value in found.items() if value or name in always})


def billed(record: dict, files: list, count, product, session, fetched: bool) -> tuple:
    """(`billing` of the document, its line for people) of what was made."""
    cost = FREE if fetched else cost_of(record)
    paid = FETCHED if fetched else f"{session.billing_note()}, {words(cost)}"
    billing = {"plan": session.verdict.key.billing, "units": {product.unit: count}, "cost": document(cost)}
    if fetched and "cost" in record:
        billing["when_made"] = record["cost"]
    return billing, _bill(record, files, count, product, paid)


def _bill(record: dict, files: list, count, product, billing: str) -> str:
    sides = [f"{entry['width']}x{entry['height']}" for entry in files if entry.get("width")]
    sizes = ", ".join(dict.fromkeys(sides))
    number = len(files)
    units = f", {unit(count, product.unit)}" if count != number else ""
    return (f"{counted(number, product.noun)} of {record.get('model') or 'the task'}"
            f"{' (' + sizes + ')' if sizes else ''}{units}, {billing}")
