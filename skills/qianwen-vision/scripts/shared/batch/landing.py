"""From the results of jobs to the folder of results, once, whatever ends the run in between;
then the account is tidied.

A row's document is made from its stored answer as from one that has just come."""
from __future__ import annotations

import contextlib
import copy
import os
import shutil

from ..chat.price import charged
from ..chat.request import ChatAsk
from ..chat.turn import chat_request, Turn
from ..cli.failed import defect, failure_document
from ..cli.inputs import read_json, read_object
from ..failures import BAD_FORM, Exit, Failure
from ..files.own import make_private
from ..files.whole import Temporary
from ..money.cost import document
from ..tasks.journal import Journal, READY
from ..transport.context import ServiceError
from ..words import counted
from .folder import BatchFolder
from .job_facts import files_of, MERGED, most_results, share_of
from .job_files import job_folder
from .lines import doubt_document
from .outcomes import Outcomes, raw_answer
from .service import Jobs
from .stored import Costs, interruptible, StoredSession
from .tally import report, Tally
from .workers import RowConsole

_NO_RESULT = "no result of this row can be read: the service may have billed it"
_HERE = (Exit.USAGE, Exit.EXISTS, Exit.UNSAVED)  # ends of a row that lie in this machine, not in its answer
_ODD_FIX = "what came is in partial.line; run the command again with --again to resend such rows"


class Landing:
    """What jobs bring for the rows of one RowFile. `call(session of the row)` is the same as for direct calls;
    `go_on` is how to do what is missing."""

    def __init__(self, session, call, table, row_file, batch_folder: BatchFolder, journal: Journal,
                 go_on: str):
        self._session, self._call, self._table = session, call, table
        self._rows, self._folder, self._journal = row_file, batch_folder, journal
        self._console, self._options, self._go_on = session.console, session.options, go_on
        self._costs = Costs()
        self._unread: Failure | None = None  # why a file of results could not be read
        self._as_they_came = 0  # answers that the row's own call could not take here

    def nothing_to_do(self) -> Exit:
        tally = Tally(self._rows.total, self._folder, self._go_on)
        self._folder.open()
        self._note_doubts(tally)
        return self._report(tally)

    def fetch(self, jobs: Jobs) -> Exit:
        """Bring what the jobs did into the folder, once, whatever ends the run in between;
        then tidy the account. Raises Failure with the way to go on."""
        try:
            return self._bring(jobs)
        except Failure as failure:
            raise failure if failure.resume else jobs.with_way(failure)
        except KeyboardInterrupt:
            raise jobs.with_way(Failure(Exit.INTERRUPTED, "interrupted while the results were being fetched",
                                        "the service keeps them")) from None

    def _bring(self, jobs: Jobs) -> Exit:
        tally = Tally(self._rows.total, self._folder, self._go_on)
        schema = getattr(self._options, "schema", None)
        if schema:  # the table and every row need it, so nothing is taken without it
            read_json(schema, "--schema")
        with contextlib.ExitStack() as stack:
            outcomes = self._download(jobs, stack)
            if self._unread and not len(outcomes):
                raise self._unread
            if not len(outcomes):
                jobs.check_known()
            self._folder.open()
            some_are_lost = any(job["stay"] for job in jobs.to_fetch())
            self._merge(outcomes, tally, some_are_lost and not self._unread)
        tally.end = self._unread or jobs.end_of(tally)
        return self._report(tally) if self._unread else self._report(tally, lambda: self._settle(jobs, tally))

    def _settle(self, jobs: Jobs, tally: Tally) -> None:
        """The results are on disk: say so in the record before the files of the account go."""
        jobs.settle(self._costs)
        jobs.fetched()
        if not jobs.is_done():
            return
        try:
            self.tidy(jobs)
        except KeyboardInterrupt:
            tally.end = jobs.with_way(Failure(
                Exit.INTERRUPTED, "interrupted while the files were being deleted from the account",
                "the results are saved"))

    def tidy(self, jobs: Jobs) -> None:
        for job in jobs.jobs:
            if job.get("stay"):
                self._console.warn(f"{job['stay']}, so the files of {job['batch']} stay in the account: "
                                   + ", ".join(files_of(job)),
                                   "look into them in the console of the service, and delete them there")
        if not self._options.keep_documents:
            jobs.delete_files()
        self.forget(jobs.record)

    def forget(self, record: dict) -> None:
        if record["jobs"] and all(job["state"] == MERGED for job in record["jobs"]):
            paths = filter(None, (self._folder.results, self._folder.table))
            record.update(state=READY, saved={path: {"path": os.path.abspath(path)} for path in paths})
        shutil.rmtree(job_folder(self._journal, record), ignore_errors=True)
        self._journal.remove(record)

    def _download(self, jobs: Jobs, stack) -> Outcomes:
        """All results of the jobs in temporary files, found by the key of their row."""
        outcomes, folder = Outcomes(), job_folder(self._journal, jobs.record)
        try:
            make_private(folder)
            for job in jobs.to_fetch():
                odd = outcomes.odd
                found = set().union(*(self._fetched(jobs, job, name, folder, outcomes, stack)
                                      for name in ("errors", "output")))  # a row in both succeeded
                job["stay"] = self._why_files_stay(job, len(found), outcomes.odd - odd)
        except OSError as error:
            raise Failure(Exit.UNSAVED, f"the results could not be saved in {folder}: {error.strerror}",
                          fix="make room there") from error
        outcomes.seal()
        return outcomes

    def _why_files_stay(self, job: dict, found: int, odd: int) -> str:
        """Why the files of a job stay in the account: so many rows were `found`, and so many lines are `odd`.
        Rows that are not there are counted."""
        lost = most_results(job) - found
        for _ in range(lost):
            self._count({"job": job})
        if odd:
            return f"the results have {counted(odd, 'line')} that cannot be read or name no row"
        return f"the results of {counted(lost, 'row')} are not there" if lost > 0 else ""

    def _fetched(self, jobs: Jobs, job: dict, name: str, folder: str, outcomes: Outcomes, stack) -> set:
        """The keys of the rows that a file of results has. One that came damaged is fetched once more; one that
        is not there waits with its job, as long as the service knows that."""
        file_id = job.get(name)
        if not file_id:
            return set()
        temporary = Temporary(folder)
        stack.callback(temporary.discard)
        file = temporary.create().file
        for is_last in (False, True):
            try:
                jobs.fetch(file_id, file)
            except Failure as failure:
                if failure.http_status != 404:
                    raise
                if jobs.is_known(job):
                    self._unread = jobs.lost(job, file_id)
                else:
                    job[name] = ""
                return set()
            found = outcomes.add(file, is_last, job)
            if found is not None:
                return found
        self._unread = jobs.with_way(Failure(
            Exit.NETWORK, f"the results {file_id} cannot be read",
            "a proxy or a log-in page answers instead of the service, or the download is incomplete",
            accepted="maybe"))
        return set()

    def _merge(self, outcomes: Outcomes, tally: Tally, some_are_lost: bool) -> None:
        """Save what came of the rows; where `some_are_lost`, rows without a result may be these."""
        seen = 0
        for row in self._rows.rows():
            outcome = outcomes.get(row.key)
            seen += outcome is not None
            if self._folder.skipped(row.key):
                if outcome is not None:  # an earlier run saved it, and was cut off before it could sum up
                    self._count(outcome)
                continue
            if outcome is not None:
                self._record(row, self._document(row, outcome), tally)
            elif not self._folder.wants(row):
                tally.keep(row)
            elif some_are_lost:
                self._record(row, doubt_document(self._console, _NO_RESULT), tally)
        if seen < len(outcomes):
            lost = counted(len(outcomes) - seen, "result")
            self._console.warn(f"the file {self._rows.path} no longer has the rows of {lost}, "
                               "saved at the end of results.jsonl")
            self._save_orphans(outcomes)
        if self._as_they_came:
            self._console.warn(f"{counted(self._as_they_came, 'answer')} could not be taken as the row wants it, "
                               "so the text stands as it came in results.jsonl, with the reason in warnings")

    def _note_doubts(self, tally: Tally) -> None:
        for row in self._rows.rows():
            tally.keep(row)

    def _record(self, row, document: dict, tally: Tally) -> None:
        self._write(row, document)
        tally.begin()
        tally.add(row, document)

    def _write(self, row, document: dict) -> None:
        try:
            self._folder.record(row, document)
        except OSError as error:
            raise self._no_room(error) from error

    def _no_room(self, error: OSError) -> Failure:
        return Failure(Exit.UNSAVED, f"{self._folder.folder} cannot be written: {error.strerror}",
                       fix="make room there")

    def _save_orphans(self, outcomes: Outcomes) -> None:
        """Answers whose row is gone are paid all the same."""
        from .rows import Row
        for key, outcome in outcomes.items():
            if key in self._rows.keys:
                continue
            billing = self._count(outcome)
            if not self._folder.skipped(key):
                self._write(Row(0, None, key, None), {
                    "ok": "body" in outcome, "skill": self._console.skill,
                    **self._console.redact_result(raw_answer(outcome)),
                    **({"billing": billing} if billing else {})})

    def _count(self, outcome: dict) -> dict:
        """Count an answer that no row is made of; its `billing`, empty where it cost nothing."""
        if "message" in outcome:
            return {}
        job, usage = outcome["job"], outcome.get("body", outcome).get("usage")
        cost = charged(self._table.find(job["model"])[0], usage, self._session.endpoint.price_region, batch=True)
        self._costs.add(job["model"], cost, share_of(job))
        return {"units": cost.units, "cost": document(cost)}

    def _document(self, row, outcome: dict, why: str = "", costs: Costs | None = None) -> dict:
        """The document of a row, made from its stored answer as from one that has just come; without the files
        that the row names, where that is the reason `why` it was not taken."""
        console = RowConsole(self._console)
        if why:
            console.warn(f"the answer is as it came, because {why}")

        def answer() -> dict:
            if "body" in outcome:
                return outcome["body"]
            raise self._explained(outcome)
        session = None
        try:
            options = self._options_of(row) if why else row.options()
            session = StoredSession(self._session, row, options, console, answer, costs or self._costs)
            with interruptible():
                self._take(session, outcome["job"]["model"]) if why else self._call(session)
            return console.captured
        except Failure as error:
            failure = error
        except Exception as error:
            failure = defect(error, self._console)
        is_settled = session is not None and session.payments.settled
        if failure.exit_code in _HERE and "body" in outcome and not why:
            reason = failure.message.partition("; nothing was sent")[0]
            return self._document(row, outcome, reason, Costs() if is_settled else self._costs)
        if failure.exit_code in _HERE:
            failure = self._explained(outcome)
        is_paid = "message" not in outcome
        is_odd = is_paid and (failure.code == BAD_FORM or failure.exit_code == Exit.UNEXPECTED)
        if is_paid and (is_odd or not failure.partial):
            failure.partial = raw_answer(outcome, is_odd)  # what the row bought is not lost
        if not is_settled:
            failure.billing = self._count(outcome)
        if is_odd:
            failure.cause, failure.fix = "", _ODD_FIX
        document = failure_document(console, failure)
        return {**document, "in_doubt": True} if is_odd else document

    def _options_of(self, row):
        """The options of a row, those of the command where the row's are no longer legal here."""
        try:
            return row.options()
        except Failure:
            return copy.copy(self._options)

    def _take(self, session: StoredSession, model_id: str) -> None:
        """What the row's own call does with its answer, without the files that go in or out. Raises Failure."""
        options, schema = session.options, None
        with contextlib.suppress(Failure):  # the row's own, which may be gone as well
            schema = read_object(options.schema, "--schema") if options.schema else None
        ask = ChatAsk(json_object=options.json_object or bool(options.schema), schema=schema,
                      prefix=getattr(options, "prefix", None))
        turn = Turn(session, ask, self._table.find(model_id)[0], None, session.client())
        turn.ask(chat_request(session.endpoint, {"model": model_id, "messages": []}))
        turn.report()
        self._as_they_came += 1

    def _explained(self, outcome: dict) -> Failure:
        if "message" not in outcome:
            return Failure(Exit.FAILED, "the result of this row has a format this script cannot read",
                           code=BAD_FORM, accepted="maybe")
        model = self._table.find(outcome["job"]["model"])[0]
        client = self._session.client(model.id, self._table, successor=model.successor)
        failure = client.context.explain(ServiceError(
            outcome["status"] or 200, outcome["code"], outcome["message"], outcome["request_id"]))
        failure.http_status, failure.accepted = outcome["status"], "no"
        return failure

    def _report(self, tally: Tally, before=lambda: None) -> Exit:
        try:
            self._folder.close(0, getattr(self._options, "schema", None))
        except OSError as error:
            raise self._no_room(error) from error
        before()
        self._console.ignore_broken_pipe = True
        return report(tally, self._rows, self._folder, self._session)
