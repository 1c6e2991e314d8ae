"""One call that makes files, from the request to the report."""
from __future__ import annotations

import contextlib
import os
from collections import namedtuple

from ..failures import Exit, Failure, GONE
from ..files.locks import Held
from ..files.outputs import is_same_place, named, OutputFiles
from ..gallery.page import gallery_of
from ..media.inputs import digest
from ..media.uploads import preview_uploads, upload_all
from ..money.cost import Cost, document, FREE
from ..transport.request import Request
from . import unread
from .answers import asked_prompt, counts_more, hash_of, makes_nothing, original_prompt, usage_of
from .bill import cost_counted, counted, going_on, paying, settle, settle_without
from .commands import (
    cancel, check_kind, check_same_account, check_same_skill, FRUITLESS, show_fetched, show_status
)
from .delivery import billed, Delivery, report
from .finding import IN_DOUBT, NOT_CLEAR
from .journal import interrupted, is_submitting, Journal, READY, resume_command, RUNNING
from .polling import SUCCEEDED, UNKNOWN
from .rows import left_of, row_record_id
from .service import check_given, fingerprint, refuse_twin, Tasks


# What a script makes. extension: of the files; accept: the beginning of their media types; noun: one of them
# in words; unit: its name in the bill; longest: seconds between two polls; usual: how long a task takes.
Product = namedtuple("Product", "extension accept noun unit longest usual")


class TaskRun:
    """What making files has in common, whatever they are; a script fills in how its answers are read.

    `models` are the ids of its table, for a "did you mean".
    """

    product: Product
    models: tuple = ()

    def __init__(self, session, journal: Journal):
        self.session, self.journal = session, journal
        self.options, self.console, self.row = session.options, session.console, session.row
        self._fetched = False  # whether an earlier command made the call
        self.record: dict = {}  # of the call that this run makes or fetches

    # -- what a script fills in

    def parts_of(self, body: dict) -> list:
        """The parts of a finished answer, as Delivery takes them."""
        raise NotImplementedError

    def settle(self, parts: list, record: dict) -> list:
        """The parts as they are kept."""
        return parts

    def write_text(self, delivery, outputs: OutputFiles):
        """Write what goes beside the files, where there is such a thing; return its entry."""
        return None

    def has_unread(self, answer: dict) -> bool:
        """Whether a result stands in an answer in a form that cannot be read, beside those that can."""
        return False

    def check_count(self, record: dict, delivery) -> None:
        """Raise PARTIAL where the service made less than was asked for."""

    def count(self, record: dict, files: list):
        """How many units are billed."""
        return len(files)

    def charged(self, record: dict, parts: list, usage: dict) -> Cost:
        """What an answer cost, at the list price of `session.endpoint.price_region`."""
        raise NotImplementedError

    # -- before the call

    def client(self, model: str = "", guarded: bool = True):
        """A client that can explain a ModelNotFound: `model` may be retired, or spelled wrongly."""
        successor = self.models.find(model)[0].successor if model else ""
        return self.session.client(model, self.models, guarded, successor=successor)

    def runner(self, client) -> Tasks:
        most = self.options.poll or self.product.longest
        return Tasks(client, self.journal, self.console, pace=(min(2.0, most), most),
                     usual=self.product.usual, forget=lambda record: settle_without(self.session, record),
                     has_result=self._has_result)

    def _has_result(self, record: dict, answer: dict) -> bool:
        """Whether an answer has something to deliver. Raises usage where that is for another script."""
        check_kind(record, answer, self.product.accept)
        return bool(self.settle(self.parts_of(answer), record))

    def request_of(self, call) -> Request:
        """The HTTP request of a script's Call, which has `path`, `body` and `headers`."""
        return Request("POST", self.session.endpoint.native + call.path, call.body, call.headers)

    def dry_run(self, call, waiting: list, model: str, is_task: bool) -> None:
        """`--dry-run`: what would be uploaded, sent and polled."""
        endpoint = self.session.endpoint
        poll = {"poll": {"method": "GET", "url": endpoint.native + "/tasks/{task_id}"}} if is_task else {}
        self.session.show_dry_run(self.request_of(call), preview_uploads(waiting, endpoint, model), **poll)

    def new_outputs(self, name: str, count: int, text: str = "") -> OutputFiles:
        """The files' names, proven free and writable, and the journal proven as well:
        nothing is paid before that."""
        options = self.options
        outputs = OutputFiles(options.output, options.overwrite, self.console.redact_result(name), count,
                              self.product.extension, sidecars=not options.no_sidecar,
                              name_id=self.row.name[:6] if self.row else "", text=text,
                              warn=self.console.warn, claim=self.row and self.row.claim)
        try:
            self.journal.prove()
            if options.gallery:
                from ..gallery import page as gallery
                gallery.check(outputs.folder or ".", options.overwrite)
        except BaseException:
            outputs.discard()
            raise
        return outputs

    def new_record(self, outputs: OutputFiles, call, waiting: list, facts: dict, cost: Cost, **more) -> dict:
        """The journal's record of a call whose files `waiting` are not uploaded yet;
        `facts` go into the sidecars, so no key may be in them. `cost` is its estimate."""
        options, clean, endpoint = self.options, self.console.redact_result, self.session.endpoint
        prompt = asked_prompt(call.body)
        facts = {**facts, "prompt": prompt or facts.get("prompt")}
        same = fingerprint(call.path, {"body": call.body, "files": [digest(item) for item in waiting]},
                           [item.address for item in waiting])
        self.record = self.journal.new(
            self.console.skill, row_record_id(self.row, options) if self.row else "", model=facts["model"],
            prompt=clean(facts["prompt"] or ""), hash=hash_of(prompt), endpoint=endpoint.origin + endpoint.prefix,
            fingerprint=same, output=outputs.output, count=outputs.count, overwrite=options.overwrite,
            sidecars=outputs.sidecars, gallery=options.gallery, facts=clean(facts), counted=counted(cost),
            **more)
        return self.record

    def went_on(self) -> bool:
        """Whether the call is that of a row of a batch which was sent before, and is fetched now. Of what can
        be had no more a new one is made with --again. Raises Failure."""
        record = self._earlier()
        if record is None:
            return False
        if "note" in record:
            self._fetched_already(record["task_id"], record["note"])
            return True
        try:
            self.go_on(record, self.client(record.get("model", "")))
            return True
        except Failure as failure:
            is_gone = failure.code == GONE or failure.code == UNKNOWN and self.journal.expired(record)
            if not is_gone or not self.options.again:
                raise
        self.journal.remove(record)
        self._fetched = False
        return False

    def _earlier(self):
        """The record of a row of a batch that was sent before and can be resumed, or None.
        One whose task cannot be told stays in doubt, unless --again lets it be paid twice."""
        if not self.row:
            return None
        record = left_of(self.row, self.options, self.journal, self.console.skill)
        if record is None or not is_submitting(record):
            return record
        runner = self.runner(self.client(record.get("model", "")))
        try:
            return record if runner.find_or_forget(record, self.options.max_wait) else None
        except Failure as failure:
            if not self.options.again or failure.code not in (IN_DOUBT, NOT_CLEAR):
                raise
            return None

    @property
    def _alone(self) -> bool:
        """Whether the same request may be under way only once."""
        return not (self.options.again or self.row)

    def refuse_twin(self, record: dict) -> None:
        """Before anything is uploaded for it; what another command sends meanwhile is seen at the create."""
        if self._alone:
            refuse_twin(record, self.journal)

    def upload(self, waiting: list, client, record: dict) -> None:
        """Give the files that are too large for the request their addresses. Nothing is sent of a call that a
        budget refuses."""
        self.session.payments.check(record["model"], cost_counted(record))
        upload_all(waiting, client, record["model"], self.console)

    # -- the answer

    def task(self, request: Request, record: dict, outputs: OutputFiles, client) -> None:
        """Make a task and wait for it, or leave it to a later --resume."""
        with paying(self.session, record) as payment:
            answer = self.runner(client).submit(request, record, self._alone)
            payment.goes_on(record["task_id"] or record["id"])
        if answer is not None:
            return self.deliver(self.parts_of(answer), answer, record, outputs, client)
        return self.await_task(record, outputs, client)

    def await_task(self, record: dict, outputs: OutputFiles, client) -> None:
        """Wait for a task that the service has taken, or leave it to a later --resume."""
        if self.options.no_wait:
            return self._submitted(record)
        self.console.note(f"task {record['task_id']} is submitted")
        with self.telling_cost(record):
            body = self.runner(client).wait(record, self.options.max_wait)
        return self.deliver(self.parts_of(body), body, record, outputs, client)

    def _submitted(self, record: dict) -> None:
        command_line, (billing, line) = resume_command(record["task_id"], self.journal), self._bill(record)
        if not self.console.json_mode:
            self.console.result(record["task_id"] + "\n")
            self.console.note(f"the task is under way; fetch the result with: {command_line}")
        self.console.note(line)
        if self.console.json_mode:
            self.console.document({"ok": True, "skill": self.console.skill, "model": record["model"],
                                   "request_id": record["request_id"], "task_id": record["task_id"],
                                   "resume": command_line, "billing": billing,
                                   "warnings": self.console.warnings})

    def _bill(self, record: dict, files=()) -> tuple:
        """(`billing` of the document, its line for people) of a call that has ended or goes on."""
        unit = self.product.unit
        if "counted" in record:
            cost = cost_counted(record)
            units = {unit: sum(cost.units.values())} if cost.units else {}
            return going_on(self.session, f"1 task of {record['model']}", cost, units)
        saved = [entry for entry in files if "path" in entry]
        return billed(record, saved, self.count(record, saved), self.product, self.session, self._fetched)

    @contextlib.contextmanager
    def telling_cost(self, record: dict):
        """A Failure that leaves the block says what the call cost, unless that is nothing, or nobody knows yet
        whether the service has taken it."""
        try:
            yield
        except Failure as failure:
            if "counted" in record and not is_submitting(record) or record.get("cost", {}).get("amount", 0) != 0:
                failure.billing, failure.bill = self._bill(record, failure.files)
            raise

    def deliver(self, parts: list, answer: dict, record: dict, outputs: OutputFiles, client) -> None:
        """Everything to disk, then the report. What another command has fetched by now is not fetched again.
        """
        given, is_shared = record["task_id"] or record["id"], bool(self._fetched or record["task_id"])
        try:
            with self.journal.fetching(record, self.options.max_wait) as left, self.telling_cost(record):
                fetched = self.journal.fetched(given) if is_shared and left is None else None
                if fetched:
                    return self._fetched_already(given, fetched)
                if is_shared and left and left["state"] == READY:
                    record.clear()
                    record.update(left)
                self._deliver(parts, answer, record, outputs, client)
        except Held:
            command = resume_command(given, self.journal)
            raise Failure(Exit.RUNNING, f"another command is fetching {given}", "its files are not here yet",
                          f"look again when it has ended: {command}", task_id=record["task_id"],
                          resume=command, accepted="maybe") from None

    def _deliver(self, parts: list, answer: dict, record: dict, outputs: OutputFiles, client) -> None:
        delivery = Delivery(client, self.journal, self.console, outputs, record, self.product.accept,
                            lambda: self._renewed(record))
        parts = self.settle(parts, record)
        if not parts:
            raise self._without_parts(answer, record, outputs)
        if "cost" not in record:
            settle(self.session, record, self.charged(record, parts, usage_of(answer)))
        self.console.ignore_broken_pipe = True  # a reader of stdout that goes away must not stop the saving
        if not self._fetched or record["state"] != READY:
            made = sum(part["kind"] in ("media", "error") for part in parts)
            record.pop("unread", "")
            if self.has_unread(answer) or counts_more(answer, made):
                unread.keep(record, answer, outputs, self.console)
        delivery.keep_links(parts, answer)
        try:
            delivery.fetch_all()
            text_file = None if delivery.problems else self.write_text(delivery, outputs)
            if text_file:
                record["text_file"] = {**text_file, "path": os.path.abspath(text_file["path"])}
        except KeyboardInterrupt:
            raise interrupted(record, self.journal, delivery.files) from None
        page = ""
        if (record.get("gallery") or self.options.gallery) and delivery.files and not self.row:
            page = gallery_of(outputs.folder, record.get("overwrite", self.options.overwrite), self.console)
        self._finish(record, delivery)
        report(delivery, self.session, self.product, self.count(record, delivery.files), text_file, page,
               self._fetched)

    def _finish(self, record: dict, delivery: Delivery) -> None:
        """Settle the record. Raises Failure where not all that was asked for is saved."""
        failure = None
        try:
            delivery.check()
            unread.check(record, delivery, self.product.noun)
            self.check_count(record, delivery)
        except Failure as error:
            failure = error
            raise
        finally:
            delivery.finish(failure)

    def _without_parts(self, answer: dict, record: dict, outputs: OutputFiles) -> Failure:
        """The Failure of an answer without a result that can be read: there is none, or it is paid and kept."""
        noun = self.product.noun
        if makes_nothing(answer):
            settle_without(self.session, record)
            self.journal.remove(record)
            return unread.nothing(answer, record, noun)
        record["usage"] = usage_of(answer)
        if "counted" in record:
            cost = self.charged(record, [], record["usage"])
            settle(self.session, record, cost if cost.high else cost_counted(record))
        unread.keep(record, answer, outputs, self.console)
        if "output" in record:  # a task of another machine is asked for again
            with contextlib.suppress(OSError):
                self.journal.write(record)
        return unread.of_task(record, self.journal, noun)

    def _renewed(self, record: dict):
        """(parts, answer) of a task as the service gives it now, None without any; no new links without a key.
        Raises Failure where the service has forgotten it."""
        try:
            runner = self.runner(self.client(record.get("model", "")))
            status, body = runner.look(record["task_id"])
        except Failure:  # what the links themselves said counts more
            return None
        if status == UNKNOWN and self.journal.expired(record):
            raise runner.ended(record, status, body)
        parts = self.settle(self.parts_of(body), record) if status == SUCCEEDED else []
        return (parts, body) if parts else None

    def settle_direct(self, payment, record: dict, parts: list, answer: dict, outputs: OutputFiles,
                      client) -> None:
        """A direct answer is there, and paid; where nothing was made, nothing is billed. One that is a task
        goes on. Raises Failure where it cannot be read."""
        made = self.settle(parts, record)
        bodies = (answer, *answer.get("events", ()))  # of a stream the events that have no result
        if not made and any(self.runner(client).took(record, body) for body in bodies):
            return payment.goes_on(record["task_id"])
        if not made and not makes_nothing(answer):
            raise unread.of_answer(answer, outputs, self.console, self.product.noun)
        cost = self.charged(record, made, usage_of(answer)) if made else FREE
        record.pop("counted")
        record["cost"] = document(payment.settle(cost, record.get("request_id", "")))

    # -- a call of before

    def later(self) -> None:
        """--status, --cancel and --resume."""
        options, console = self.options, self.console
        given = options.status or options.cancel or options.resume
        record = self.journal.find(given)
        fetched = self.journal.fetched(given) if record is None and options.resume else None
        if fetched:
            return self._fetched_already(given, fetched)
        check_given(given, record, self.journal)
        check_same_skill(record, console.skill)
        check_same_account(record, self.session.endpoint)
        kept = bool(record and record["state"] == READY)
        links = kept and (options.resume or not record["task_id"])  # these need no key
        client = self.client(record.get("model", "") if record else "", guarded=not links)
        if options.status:
            runner = self.runner(client)
            status = show_status(given, record, runner, self.journal, console)
            if status in FRUITLESS and record and not record.get("found"):
                runner.drop(record)
            return None
        if options.cancel:
            return cancel(given, self.runner(client), self.journal, console)
        found = record or self.journal.new(console.skill, task_id=given, state=RUNNING, model="", facts={},
                                           created=0.0)
        return self.go_on(found, client)

    def _fetched_already(self, given: str, note: dict) -> None:
        """The files are here and paid: nothing is saved or reported as billed a second time."""
        from .fetched import at_output
        self._fetched = True
        files = [{**entry, "bytes": os.path.getsize(entry["path"])} for entry in note["files"]]
        billing, _ = self._bill(note, files)
        now = at_output({**note, "files": files}, self.options, self.console, self.row and self.row.claim)
        show_fetched(given, now, billing, self.console)

    def go_on(self, record: dict, client) -> None:
        """Fetch what a record leads to, from wherever it stands."""
        self._fetched, self.record = True, record
        runner = self.runner(client)
        if is_submitting(record):
            runner.find(record, self.options.max_wait)
        body = None if record["state"] == READY else runner.wait(record, self.options.max_wait)
        runner.check_ours(record, body or {})
        parts = record["parts"] if body is None else self.parts_of(body)
        outputs = self._old_outputs(record, body, sum(part["kind"] == "media" for part in parts))
        try:
            answer = body
            if answer is None:
                answer = {"usage": record.get("usage"), "request_id": record.get("request_id")}
            return self.deliver(parts, answer, record, outputs, client)
        finally:
            outputs.discard()

    def _old_outputs(self, record: dict, body, found: int) -> OutputFiles:
        """Where a record's files were to go, unless --output says otherwise now."""
        options, before = self.options, record.get("output")
        output = options.output or before
        if options.output and before:
            output = named(options.output, os.path.basename(before))
        begun = before and (self.row or is_same_place(output, before))  # a row's create has checked its names
        name = record.get("prompt") or original_prompt(body) or record["task_id"] or "result"
        return OutputFiles(
            output, options.overwrite or record.get("overwrite", False), self.console.redact_result(name),
            record.get("count") or max(1, found), self.product.extension,
            sidecars=record.get("sidecars", True) and not options.no_sidecar,
            resumed=bool(begun), warn=self.console.warn, claim=self.row and self.row.claim)
