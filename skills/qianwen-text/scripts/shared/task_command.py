"""What the scripts that make files have in common: task flags, saving everything of an answer, and going on later.

A finished answer is brought to disk in one order: links into the journal, every file downloaded and checked under its
final name, descriptions beside them, then the record goes. Whatever breaks off in between can be resumed.
"""
from __future__ import annotations

import os
from collections import namedtuple
from datetime import datetime, timezone

from . import command, download, media, picture, tasks
from .failures import Exit, Failure, ServiceError, explain, usage
from .journal import READY, RUNNING, Journal
from .results import Shelf, sidecar_path
from .transport import Request

SINGLE = ("tasks", "status", "cancel", "resume")  # flags that stand for a command of their own


# ---- flags -----------------------------------------------------------------------------------------------------------

def add_task_flags(add, max_wait: float) -> None:
    """Flags of scripts whose calls may be tasks."""
    add("--no-wait", action="store_true", help="make a task, print its id and end; fetch the result with --resume (for models "
        "that make tasks)")
    add("--max-wait", metavar="SECONDS", type=command.number(1, 86400), default=max_wait,
        help=f"longest wait for a task (default: {max_wait:g}); it goes on after that, and exit code 5 comes with the command "
        "to fetch it")
    add("--poll", metavar="SECONDS", type=command.number(0.01, 600), help="longest pause between two looks at a task")
    add("--resume", metavar="ID", help="fetch the result of a task, or the files of an answer that could not be saved")
    add("--status", metavar="ID", help="say how a task stands")
    add("--cancel", metavar="ID", help="cancel a task that still waits")
    add("--tasks", action="store_true", help="list what this machine started and has not fetched")


def add_result_flags(add) -> None:
    """Flags on the files that are written."""
    add("--no-sidecar", action="store_true", help="do not write NAME.json (prompt, model, seed, size, usage) beside each file")
    add("--gallery", action="store_true", help="write index.html beside the files: a page that shows all of them; alone it "
        "only renews the page of --output")
    add("--estimate", action="store_true", help="print what the call would cost and send nothing")


def exclude(options, flag: str, others) -> None:
    """Refuse a flag together with others that would be overruled by it."""
    for other in others:
        if getattr(options, other):
            shown = [f"--{name.replace('_', '-')}" for name in (flag, other)]
            raise usage(f"{' and '.join(shown)} do not go together", "give one of them")


def run(session, make_run, make_parser, *, instead, estimate_row, prices, most: int) -> Exit | None:
    """What a script that makes files of tasks does: a command about tasks, a batch, a page, or one call.

    `instead` are the flags that may stand in place of a prompt. `estimate_row(options)` tells what one row costs, `prices` is the
    module that sums and words it, `most` how many tasks the service runs at a time (0: not known).
    """
    options, console = session.options, session.console
    if options.check:
        return session.run(None, make_parser)
    check_single(options)
    journal = Journal(session.account.state)
    if options.tasks:
        return list_tasks(journal, console)
    if options.batch is None and (options.status or options.cancel or options.resume):
        return make_run(session, journal).later()
    if options.batch is not None and options.estimate:
        return estimate_rows(session, make_parser, instead, estimate_row, prices)
    names = ("prompt", "prompt_file", "batch", *(name.replace("-", "_") for name in instead))
    if options.gallery and not any(getattr(options, name) for name in names):
        return gallery_alone(options, console)
    more = batch_settings(session, journal) if options.batch is not None else {}
    return session.run(lambda one: make_run(one, journal).generate(), make_parser, files=True, instead=instead,
                       most=most, **more)


def batch_settings(session, journal: Journal) -> dict:
    """What a batch of files needs to know: which rows can be found again, and the page at the end."""
    return {"recoverable": lambda row: bool(journal.read(row_record_id(row, row.options()))), **page_after(session)}


def page_after(session) -> dict:
    """The page at the end of a batch, where one is wanted; proven writable now."""
    options = session.options
    if options.batch is None or not options.gallery:
        return {}
    from . import gallery
    gallery.check(options.output or ".", options.overwrite)
    return {"after": lambda folder: gallery_of(folder, options.overwrite, session.console)}


def estimate_rows(session, make_parser, instead, estimate_row, prices, main: str = "prompt") -> None:
    """`--batch --estimate`: what all rows together would cost; nothing is sent."""
    from .batch_rows import Book
    options = session.options
    book = Book(options.batch, options, make_parser, options.output or ".", main=main, instead=instead, files=True)
    book.check()
    total = prices.together([estimate_row(row.options()) for row in book.rows()])
    session.show_estimate(total, prices.words_for_rows(total))


def row_record_id(row, options) -> str:
    """The journal's id for a row of a batch: the same rows into another folder are other calls."""
    import hashlib
    folder = os.path.abspath(options.output or ".")
    return f"row-{row.name}-{hashlib.sha256(folder.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def check_single(options) -> None:
    """One command at a time, and nothing beside it that would be ignored."""
    given = [f"--{name}" for name in SINGLE if getattr(options, name)]
    if len(given) > 1:
        raise usage(f"{' and '.join(given)} do not go together", "give one of them")
    if given and (options.prompt is not None or options.prompt_file or options.no_wait or options.dry_run or options.estimate):
        raise usage(f"{given[0]} takes no prompt, no --no-wait, no --dry-run and no --estimate", "leave them out")


# ---- commands of their own -------------------------------------------------------------------------------------------

def list_tasks(journal: Journal, console) -> None:
    """`--tasks`: the journal of this skill; sends nothing."""
    records = [record for record in journal.all() if record["skill"] == console.skill]
    rows = tasks.describe(records, journal)
    for record in records:
        if journal.expired(record):  # shown once more, and gone then: the service has forgotten it
            journal.remove(record)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "tasks": rows, "warnings": console.warnings})
        return
    for row in rows:
        console.result(console.clean(f"{row['id']}  {row['state']}, {_age(row['age_seconds'])} old, {row['model']}: "
                                     f"{row['prompt']}\n  {_next_of(row)}\n"))
    if not rows:
        console.note("nothing is waiting to be fetched")


def _next_of(row: dict) -> str:
    return "too old to be fetched; it will not be listed again" if row["state"] == "expired" else row["resume"]


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def show_status(given: str, runner, journal: Journal, console) -> None:
    """`--status ID`: one look, nothing fetched."""
    record = journal.find(given)
    if record and record["state"] == READY:
        _say_status({"task_id": record["task_id"] or record["id"], "status": "READY"}, console)
        return
    task_id = record["task_id"] if record else given
    if not task_id:
        task_id = runner.look_for(record)
    status, body = runner.look(task_id)
    output = body.get("output") if isinstance(body.get("output"), dict) else {}
    facts = {"task_id": task_id, "status": status, "code": output.get("code") or body.get("code"),
             "message": output.get("message") or body.get("message"), "request_id": body.get("request_id")}
    _say_status({name: value for name, value in facts.items() if value}, console)


def _say_status(facts: dict, console) -> None:
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, **facts, "resume": tasks.resume_command(facts["task_id"]),
                          "warnings": console.warnings})
        return
    said = ": ".join(str(facts[name]) for name in ("status", "code", "message") if facts.get(name))
    console.result(console.clean(said) + "\n")
    if facts["status"] in ("SUCCEEDED", "READY"):
        console.note(f"fetch it with: {tasks.resume_command(facts['task_id'])}")


def cancel(given: str, runner, journal: Journal, console) -> None:
    """`--cancel ID`: possible only while the task waits."""
    record = journal.find(given)
    if record and tasks.is_submitting(record):
        runner.look_for(record)
    task_id = record["task_id"] if record else given
    runner.cancel(task_id)
    if record:
        journal.remove(record)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "task_id": task_id, "status": "CANCELED",
                          "warnings": console.warnings})
    else:
        console.result(f"{task_id} cancelled\n")


def check_same_account(record: dict | None, endpoint) -> None:
    """A task is known only where it was made."""
    if record and record.get("endpoint") and record["endpoint"] != endpoint.origin + endpoint.prefix:
        raise usage(f"{record['task_id'] or record['id']} was started at {record['endpoint']}, and this run would ask "
                    f"{endpoint.origin + endpoint.prefix}", "set QWEN_BASE_URL or QWEN_REGION as they were, then run it again")


# ---- saving everything of an answer ----------------------------------------------------------------------------------

class Delivery:
    """Brings the parts of one finished answer to disk.

    A part is a dict with `kind`: "media" (with `url`), "text" (with `text`) or "error" (with `code` and `message`).
    `accept` is the beginning of the media types that are right; `facts` go into every sidecar.
    """

    def __init__(self, client, journal: Journal, console, shelf: Shelf, record: dict, accept: str = "image/"):
        self.client, self.journal, self.console, self.shelf, self.record = client, journal, console, shelf, record
        self.accept = accept
        self.kept = True  # whether the links are in the journal
        self.files: list = []
        self.problems: list = []  # Failures of single files

    def keep_links(self, parts: list, answer: dict) -> None:
        """The links go to disk before anything is downloaded: from now on nothing of the answer can be lost."""
        self.record.update(state=READY, parts=self.console.redact_result(parts), usage=answer.get("usage") or {},
                           created=self.record["created"] or self.journal.clock(),
                           request_id=self.record.get("request_id") or str(answer.get("request_id") or ""))
        try:
            self.journal.write(self.record)
        except OSError as error:
            self.kept = False
            self.console.warn(f"the links of the result could not be kept in the journal: {error.strerror}")

    def fetch_all(self) -> None:
        """Download every part that is not there yet; what fails is told by `problems` and can be fetched again."""
        number = 0
        for part in self.record["parts"]:
            if part["kind"] != "media":
                continue
            number += 1
            done = self.record.setdefault("saved", {}).get(str(number))
            if done and os.path.isfile(done["path"]) and os.path.getsize(done["path"]) == done["bytes"]:
                if self.shelf.sidecars and not os.path.exists(sidecar_path(done["path"])):
                    self._describe(part, number, done)
                self.files.append(done)
                continue
            try:
                entry = self._fetch(part, number)
            except Failure as failure:
                self.problems.append(failure)
                continue
            except OSError as error:
                self.problems.append(Failure(Exit.UNSAVED, f"a result could not be saved in {self.shelf.folder or '.'}: "
                                             f"{error.strerror}", accepted="maybe", files=[{"url": part["url"]}]))
                continue
            self.files.append(entry)
            if not self.console.json_mode:
                self.console.result(entry["path"] + "\n")

    def _fetch(self, part: dict, number: int) -> dict:
        temporary = self.shelf.temporary()
        kind, facts = self._checked_download(part["url"], temporary)
        found = {"url": part["url"], **{name: value for name, value in facts.items() if value}}
        planned = self.shelf.name_for(number, kind)[0]
        self._claim(number, {"path": planned, "bytes": os.path.getsize(temporary), "media_type": kind, **found})
        entry = {**self.shelf.save(temporary, number, kind), **found}
        self._describe(part, number, entry)
        if entry["path"] != planned or "sidecar" in entry:
            self._claim(number, entry)
        return entry

    def _claim(self, number: int, entry: dict) -> None:
        """Into the record before the file has its name: whatever ends the command in between, a later one knows it as ours."""
        self.record["saved"][str(number)] = {**entry, "path": os.path.abspath(entry["path"])}
        try:
            self.journal.write(self.record)
        except OSError:  # then it would be fetched once more, under another name
            pass

    def _checked_download(self, url: str, temporary: str) -> tuple:
        """(media type, measures) of the downloaded file; a page or a torn file is fetched anew once, and never kept."""
        for tries in (1, 2):
            download.fetch(self.client, url, temporary)
            size = os.path.getsize(temporary)
            with open(temporary, "rb") as file:
                kind, width, height, seconds = picture.measure(file, size)
                if kind.startswith(self.accept) and picture.is_whole(file, size, kind):
                    return kind, {"width": width, "height": height, "seconds": seconds}
            with open(temporary, "wb"):
                pass
        what = "is damaged" if kind.startswith(self.accept) else f"is {kind or 'something else'}, not what was made"
        raise Failure(Exit.UNSAVED, f"what the link of a result leads to {what}", "a proxy, a log-in page or the storage gave "
                      f"another file; the link is {url}", accepted="maybe", code=download.BAD_LINK, files=[{"url": url}])

    def _describe(self, part: dict, number: int, entry: dict) -> None:
        if not self.shelf.sidecars:
            return
        record = self.record
        count = sum(part["kind"] == "media" for part in record["parts"])
        self.shelf.describe(entry, self.console.redact_result({
            "skill": self.console.skill, "media_type": entry["media_type"], "width": entry.get("width"),
            "height": entry.get("height"), "seconds": entry.get("seconds"), "bytes": entry["bytes"], **record["facts"],
            "actual_prompt": part.get("actual_prompt"), "request_id": record.get("request_id"), "task_id": record["task_id"],
            "usage": record.get("usage"), "number": number if count > 1 else None, "of": count if count > 1 else None,
            "created": datetime.fromtimestamp(record["created"], timezone.utc).isoformat(timespec="seconds")}))
        entry["sidecar"] = sidecar_path(entry["path"])

    def finish(self) -> None:
        """Settle the record: gone when all is saved, kept where something can be fetched again. Raises Failure."""
        errors = [part for part in self.record["parts"] if part["kind"] == "error"]
        if self.problems:
            raise self._unsaved()
        self.journal.remove(self.record)
        if not errors:
            return
        first = explain(ServiceError(200, errors[0]["code"], errors[0]["message"], self.record.get("request_id", "")),
                        self.client.context)
        first.http_status, first.task_id, first.files = 0, self.record["task_id"], self.files
        if self.files:
            first.exit_code, total = Exit.PARTIAL, len(errors) + len(self.files)
            first.message = f"{len(errors)} of {total} results failed ({first.message}); the other {len(self.files)} are saved"
            first.cause = f"{first.cause}. A failed result is not billed"
        raise first

    def _unsaved(self) -> Failure:
        first, record = self.problems[0], self.record
        given = record["task_id"] or record["id"]
        command_line = tasks.resume_command(given)
        total = sum(part["kind"] == "media" for part in record["parts"])
        links = [entry for problem in self.problems for entry in problem.files]
        if not self.kept:
            self.console.links([entry["url"] for entry in links if "url" in entry])
            return Failure(Exit.UNSAVED, f"{len(self.problems)} of {total} results could not be saved, and neither could their links: "
                           f"{first.message}", first.cause, "download the links above, which need no key and die after 24 hours",
                           files=[*self.files, *links], task_id=record["task_id"], request_id=record.get("request_id", ""),
                           accepted="maybe", code=first.code)
        if first.code == download.BAD_LINK and self.journal.expired(record):
            self.journal.remove(record)
            return Failure(Exit.UNSAVED, f"{len(self.problems)} of {total} results could not be saved: {first.message}",
                           "they are older than 24 hours", "run the original command again", files=[*self.files, *links],
                           task_id=record["task_id"], request_id=record.get("request_id", ""), code=first.code)
        return Failure(Exit.UNSAVED, f"{len(self.problems)} of {total} results could not be saved: {first.message}", first.cause,
                       f"fetch what is missing with: {command_line} (add -o DIR/ for another place); the links die 24 hours "
                       "after they were made", files=[*self.files, *links], task_id=record["task_id"], resume=command_line,
                       request_id=record.get("request_id", ""), accepted="maybe", code=first.code)


def gallery_of(shelf_folder: str, overwrite: bool, console) -> str:
    """Renew the page of a folder; one that cannot be written is warned of, because the files are there."""
    from . import gallery
    try:
        path = gallery.write(shelf_folder or ".", overwrite)["path"]
        console.note(f"the gallery is {path}")
        return path
    except Failure as failure:
        console.warn(failure.message, failure.fix)
        return ""


def gallery_alone(options, console) -> None:
    """`--gallery` without anything to make: the page of --output is renewed."""
    from . import gallery
    folder = options.output or "."
    if not os.path.isdir(folder):
        raise usage(f"--gallery: {folder} is no folder", "name the folder with the files: --gallery -o DIR")
    entry = gallery.write(folder, options.overwrite)
    if console.json_mode:
        console.document({"ok": True, "skill": console.skill, "files": [entry], "warnings": console.warnings})
    else:
        console.result(entry["path"] + "\n")


# ---- one command, from the request to the files ----------------------------------------------------------------------

# What a script makes. extension: of the files; accept: the beginning of their media types; noun: one of them in words;
# unit: its name in the bill; longest: seconds between two polls; usual: how long a task takes, in words.
Product = namedtuple("Product", "extension accept noun unit longest usual")


class FileRun:
    """What making files has in common, whatever they are; a script fills in how its answers are read.

    `models` are the ids of its table, for a "did you mean".
    """

    product: Product
    models: tuple = ()

    def __init__(self, session, journal: Journal):
        self.session, self.journal = session, journal
        self.options, self.console, self.row = session.options, session.console, session.row

    # -- what a script fills in

    def parts_of(self, body: dict) -> list:
        """The parts of a finished answer, as Delivery takes them."""
        raise NotImplementedError

    def settle(self, parts: list, record: dict) -> list:
        """The parts as they are kept."""
        return parts

    def write_text(self, delivery, shelf: Shelf):
        """Write what goes beside the files, where there is such a thing; return its entry."""
        return None

    def check_count(self, record: dict, delivery) -> None:
        """Raise PARTIAL where the service made less than was asked for."""

    def count(self, record: dict, files: list):
        """How many units are billed."""
        return len(files)

    # -- before the call

    def client(self, model: str = "", guarded: bool = True):
        return self.session.client(model, self.models, guarded)

    def runner(self, client) -> tasks.Tasks:
        most = self.options.poll or self.product.longest
        return tasks.Tasks(client, self.journal, self.console, pace=(min(2.0, most), most), usual=self.product.usual)

    def request_of(self, call) -> Request:
        """The HTTP request of a script's Call, which has `path`, `body` and `headers`."""
        return Request("POST", self.session.endpoint.native + call.path, call.body, call.headers)

    def dry_run(self, call, waiting: list, model: str, is_task: bool) -> None:
        """`--dry-run`: what would be uploaded, sent and polled."""
        endpoint = self.session.endpoint
        poll = {"poll": {"method": "GET", "url": endpoint.native + "/tasks/{task_id}"}} if is_task else {}
        self.session.show_dry_run(self.request_of(call), media.preview_uploads(waiting, endpoint, model), **poll)

    def new_shelf(self, name: str, count: int, text: str = "") -> Shelf:
        """The files' names, proven free and writable, and the journal proven as well: nothing is paid before that."""
        options = self.options
        shelf = Shelf(options.output, options.overwrite, self.console.redact_result(name), count, self.product.extension,
                      sidecars=not options.no_sidecar, name_id=self.row.name[:6] if self.row else "", text=text, warn=self.console.warn)
        try:
            self.journal.prove()
            if options.gallery:
                from . import gallery
                gallery.check(shelf.folder or ".", options.overwrite)
        except BaseException:
            shelf.discard()
            raise
        return shelf

    def new_record(self, shelf: Shelf, fingerprint: str, facts: dict, **more) -> dict:
        """The journal's record of a call; `facts` go into the sidecars, so no key may be in them."""
        options, clean = self.options, self.console.redact_result
        return self.journal.new(
            self.console.skill, row_record_id(self.row, options) if self.row else "", model=facts["model"],
            prompt=clean(facts.get("prompt") or ""), endpoint=self.session.endpoint.origin + self.session.endpoint.prefix,
            fingerprint=fingerprint, output=shelf.output, count=shelf.count, overwrite=options.overwrite,
            sidecars=shelf.sidecars, gallery=options.gallery, facts=clean(facts), **more)

    def earlier(self):
        """The record of a row of a batch that was sent before and can be gone on with, or None."""
        record = self.journal.read(row_record_id(self.row, self.options)) if self.row else None
        if record is None or not tasks.is_submitting(record):
            return record
        return record if self.runner(self.client(record.get("model", ""))).find_or_forget(
            record, self.options.max_wait) else None

    def refuse_twin(self, record: dict) -> None:
        """The same request again would be billed again, and is most likely a mistake."""
        twin = None if self.options.again or self.row else self.journal.same_request(record["fingerprint"])
        if twin:
            given = twin["task_id"] or twin["id"]
            raise Failure(Exit.RUNNING, f"the same request is under way already, as {given}",
                          fix=f"fetch it with: {tasks.resume_command(given)}, or add --again to make another one",
                          task_id=twin["task_id"], resume=tasks.resume_command(given))

    # -- the answer

    def task(self, request: Request, record: dict, shelf: Shelf, client) -> None:
        """Make a task and wait for it, or leave it to a later --resume."""
        runner = self.runner(client)
        runner.submit(request, record)
        if self.options.no_wait:
            return self._submitted(record)
        self.console.note(f"task {record['task_id']} is submitted")
        body = runner.wait(record, self.options.max_wait)
        return self.deliver(self.parts_of(body), body, record, shelf, client)

    def _submitted(self, record: dict) -> None:
        command_line = tasks.resume_command(record["task_id"])
        if self.console.json_mode:
            self.console.document({"ok": True, "skill": self.console.skill, "model": record["model"],
                                   "request_id": record["request_id"], "task_id": record["task_id"], "resume": command_line,
                                   "warnings": self.console.warnings})
            return
        self.console.result(record["task_id"] + "\n")
        self.console.note(f"the task is under way; fetch the result with: {command_line}")

    def deliver(self, parts: list, answer: dict, record: dict, shelf: Shelf, client) -> None:
        """Everything to disk, then the report."""
        delivery = Delivery(client, self.journal, self.console, shelf, record, self.product.accept)
        parts = self.settle(parts, record)
        if not parts:
            self.journal.remove(record)
            raise self._nothing(answer, record)
        self.console.keep_going = True  # a reader of stdout that goes away must not stop the saving
        delivery.keep_links(parts, answer)
        try:
            delivery.fetch_all()
            text_file = None if delivery.problems else self.write_text(delivery, shelf)
        except KeyboardInterrupt:
            command_line = tasks.resume_command(record["task_id"] or record["id"])
            raise Failure(Exit.INTERRUPTED, f"interrupted with {len(delivery.files)} files saved", "the result is made and paid",
                          f"fetch the rest with: {command_line}", task_id=record["task_id"], resume=command_line,
                          files=delivery.files, accepted="maybe") from None
        page = ""
        if (record.get("gallery") or self.options.gallery) and delivery.files and not self.row:
            page = gallery_of(shelf.folder, record.get("overwrite", self.options.overwrite), self.console)
        delivery.finish()
        self.check_count(record, delivery)
        self._report(record, delivery, text_file, page)

    def _nothing(self, answer: dict, record: dict) -> Failure:
        output = answer.get("output") if isinstance(answer.get("output"), dict) else {}
        said = str(output.get("message") or answer.get("message") or "")
        return Failure(Exit.FAILED, f"the service answered without a {self.product.noun}{': ' + said if said else ''}",
                       fix="change the request, or run it again; a result that is not there is not billed",
                       request_id=str(answer.get("request_id") or ""), task_id=record["task_id"], accepted="maybe")

    def _report(self, record: dict, delivery, text_file, page: str) -> None:
        count = self.count(record, delivery.files)
        self._tell_bill(record, delivery.files, count)
        if not self.console.json_mode:
            return
        text = "".join(part["text"] for part in record["parts"] if part["kind"] == "text")
        document = {"ok": True, "skill": self.console.skill, "model": record.get("model"),
                    "request_id": record.get("request_id"), "text": text,
                    "files": [*delivery.files, *([text_file] if text_file else [])], "gallery": page,
                    "task_id": record["task_id"], "usage": record.get("usage"),
                    "billing": {"plan": self.session.verdict.key.billing, "units": {self.product.unit: count}},
                    "warnings": self.console.warnings}
        always = ("ok", "skill", "files", "billing", "warnings")
        self.console.document({name: value for name, value in document.items() if value or name in always})

    def _tell_bill(self, record: dict, files: list, count) -> None:
        sizes = ", ".join(dict.fromkeys(f"{entry['width']}x{entry['height']}" for entry in files if entry.get("width")))
        billing = self.session.billing_note()
        number = len(files)
        units = f", {count:g} {self.product.unit}" if count != number else ""
        self.console.note(f"{number} {self.product.noun}{'s' if number != 1 else ''} of {record.get('model') or 'the task'}"
                          f"{' (' + sizes + ')' if sizes else ''}{units}, {billing}")

    # -- a call of before

    def later(self) -> None:
        """--status, --cancel and --resume."""
        options, console = self.options, self.console
        given = options.status or options.cancel or options.resume
        record = self.journal.find(given)
        check_same_account(record, self.session.endpoint)
        links = bool(record and record["state"] == READY)  # these need no key
        client = self.client(record.get("model", "") if record else "", guarded=not links)
        if options.status:
            return show_status(given, self.runner(client), self.journal, console)
        if options.cancel:
            return cancel(given, self.runner(client), self.journal, console)
        return self.go_on(record or self.journal.new(console.skill, task_id=given, state=RUNNING, model="", facts={},
                                                       created=0.0), client)

    def go_on(self, record: dict, client) -> None:
        """Fetch what a record leads to, from wherever it stands."""
        runner = self.runner(client)
        if tasks.is_submitting(record):
            runner.look_for(record)
        body = None if record["state"] == READY else runner.wait(record, self.options.max_wait)
        if body is not None and record.get("found") and tasks.original_prompt(body) not in ("", record.get("prompt")):
            runner.not_ours(record)
            raise Failure(Exit.FAILED, f"the task {record['task_id']}, which began at that time, is of another prompt",
                          "somebody else of this account made it", "run the original command again with --again",
                          task_id=record["task_id"])
        parts = record["parts"] if body is None else self.parts_of(body)
        shelf = self._old_shelf(record, body, sum(part["kind"] == "media" for part in parts))
        try:
            answer = body if body is not None else {"usage": record.get("usage"), "request_id": record.get("request_id")}
            return self.deliver(parts, answer, record, shelf, client)
        finally:
            shelf.discard()

    def _old_shelf(self, record: dict, body, found: int) -> Shelf:
        """Where a record's files were to go, unless --output says otherwise now."""
        options = self.options
        known = "output" in record
        output = options.output if options.output or not known else record["output"]
        name = record.get("prompt") or tasks.original_prompt(body) or record["task_id"] or "result"
        return Shelf(output, options.overwrite or record.get("overwrite", False), self.console.redact_result(name),
                     record.get("count") or max(1, found), self.product.extension,
                     sidecars=record.get("sidecars", True) and not options.no_sidecar, resumed=known and not options.output,
                     warn=self.console.warn)
