"""`--batch FILE.jsonl`: many calls by some threads, each row paid once, whatever happens in between.

In the output folder, `results.jsonl` gets one line a row: `id`, `row` (its line), `key`, and the skill's JSON document.
Run again, a batch does what is missing: rows that failed are done anew, those that succeeded are kept, and those whose
outcome nobody knows (killed under way, or the connection broke before the answer) are not paid again unasked.
"""
from __future__ import annotations

import copy
import json
import os
import threading
import time
from collections import Counter

from ..cli.console import Console, defect
from ..failures import BAD_LINK, Exit, Failure, usage
from .folder import BatchFolder
from .rows import RowFile, NOT_WITH_BATCH
from .throttle import NotSent, Throttle
from .worker import GO_ON, listen

CONCURRENCY = 4
_LOCK_PATIENCE = 60.0  # seconds beyond --timeout that another run may take to finish its rows
_NETWORK_FAILURES = 50  # in a row, with nothing between them: the network is down
_DOUBT = "the command ended while this row was under way: the service may have billed it, and its answer is lost"
_DOUBT_FIX = "run the command again with --again to send such rows once more"


def run_calls(session, call, make_parser, **batch_settings):
    """What every script does: --check, the rows of --batch, or the one `call(session)`."""
    if session.options.check:
        from ..cli.check import check
        return check(session)
    if session.options.batch is not None:
        return run_batch(session, call, make_parser, **batch_settings)
    return call(session)


def run_batch(session, call, make_parser, *, main: str = "prompt", instead=(), files: bool = False, recoverable=None,
              after=None, most: int = 0) -> Exit:
    """Do all rows of --batch that are not done yet, each by `call(session of the row)`.

    `main` is the main input's name in a row and in the options; a row may lack it where one of the flags `instead` is
    there. `files`: the skill writes files, so each row has an output folder. `recoverable(row)` tells of a row
    in doubt that the skill can find out by itself what became of it. `after(folder)` is called at the end. `most` workers
    are useful, 0 where that is not known.
    """
    options, console = session.options, session.console
    stop = threading.Event()
    crew: list = []
    listen(lambda: (stop.set(), [one.throttle.stop() for one in crew]))
    folder = _check_flags(options, make_parser)
    row_file = RowFile(options.batch, _row_defaults(options), make_parser, folder, main=main, instead=instead, files=files)
    row_file.check(lambda: _go_on(stop))
    batch_folder = BatchFolder(folder, row_file, console, again=options.again, recoverable=recoverable)
    if options.dry_run:
        batch_folder.read()
        return _dry_run(row_file, batch_folder, session, call)
    console.ignore_broken_pipe = True  # the rows matter more than who reads the summary
    session.pass_guard()
    with batch_folder.locked(options.timeout + _LOCK_PATIENCE, lambda: _go_on(stop)):
        batch_folder.read()
        batch_folder.open()
        crew.append(Workers(row_file, batch_folder, session, call, stop, most))
        crew[0].work()
        _call_after(after, folder, console)
        return crew[0].report()


def _check_flags(options, make_parser) -> str:
    """Refuse what does not go with --batch; return the output folder."""
    parser = make_parser()
    for name in NOT_WITH_BATCH:
        if getattr(options, name, None) != parser.get_default(name):
            raise usage(f"--{name.replace('_', '-')} does not go with --batch", "leave one of them out")
    if options.batch == "-":
        raise usage("--batch - is not possible: the file is read twice", "save the rows as a file")
    if not options.output or options.output == "-":
        raise usage("--batch needs --output: the folder for results.jsonl and the files of the rows", "add -o FOLDER/")
    if os.path.lexists(options.output) and not os.path.isdir(options.output):
        raise usage(f"--output {options.output} is not a folder", "name a folder; it is made when it is not there")
    return options.output.rstrip("/" + os.sep) or "/"


def _row_defaults(options):
    """What all rows have in common; `batch` stays set, so that the key is judged as one that is used for a batch."""
    defaults = copy.copy(options)
    defaults.json = defaults.quiet = True
    defaults.verbose = False
    return defaults


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Failure(Exit.INTERRUPTED, "interrupted; nothing was sent", fix="run the command again")


def _dry_run(row_file: RowFile, batch_folder: BatchFolder, session, call) -> Exit:
    """One document: how many rows would be sent, and the first of them as it would be."""
    first, missing = None, 0
    for row in row_file.rows():
        if batch_folder.wants(row):
            missing += 1
            if first is None:
                first = RowConsole(session.console)
                call(session.for_row(row, row.options(), first))
    session.console.document({"rows": row_file.total, "would_send": missing, "first": first.captured if first else None})
    return Exit.OK


def _call_after(after, folder: str, console: Console) -> None:
    if after:
        try:
            after(folder)
        except Failure as failure:
            console.warn(failure.message, failure.fix)


class RowConsole(Console):
    """The console of one row: keeps its document and says nothing; warnings are in the document."""

    def __init__(self, console: Console):
        super().__init__(console.skill, console.stdout, console.stderr)
        self.secrets = console.secrets
        self.json_mode = self.quiet = self.ignore_broken_pipe = True
        self.captured: dict | None = None

    def document(self, document: dict) -> None:
        self.captured = self.redact_result(document)

    def _write(self, stream, text: str) -> None:
        pass


class Workers:
    """The threads, what they share, and the counts."""

    def __init__(self, row_file: RowFile, batch_folder: BatchFolder, session, call, stop: threading.Event, most: int):
        self._row_file, self._folder, self._session, self._call, self._stop = row_file, batch_folder, session, call, stop
        self._console, options = session.console, session.options
        self._timeout, self._model = options.timeout, options.model
        self._workers = min(options.concurrency or CONCURRENCY, row_file.total, most or row_file.total)
        self.throttle = Throttle(self._workers)
        self._taking, self._counting = threading.Lock(), threading.Lock()
        self._rows = self._missing()
        self.done = self.failed = self.in_doubt = self._under_way = self._network_failures = 0
        self._codes: Counter = Counter()
        self._units: Counter = Counter()
        self._lost: list = []  # documents that could not be written
        self._doubtful: list = []  # the first lines in doubt
        self._end: Failure | None = None  # why no more rows are taken

    def work(self) -> None:
        """Do the rows; returns when all are done, or when the last one under way has ended after a stop."""
        threads = [threading.Thread(target=self._worker, daemon=True) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        progress, waiting = Progress(self._console, self._row_file.total), True
        while waiting:
            try:
                waiting = self._watch(threads, progress)
            except KeyboardInterrupt:
                if self._stop.is_set():
                    break
                self._console.say("interrupted: no new rows; those under way are being finished")
                self.halt(None)
        self._folder.close()

    def _watch(self, threads: list, progress: Progress) -> bool:
        """Wait until the threads have ended, at most --timeout after a stop; always False."""
        stopped_at = None
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
                if self._stop.is_set():
                    self.throttle.stop()
                    stopped_at = stopped_at or time.monotonic()
                    if time.monotonic() - stopped_at > self._timeout + 5:
                        return False
                progress.tick(self._recorded(), self.failed, self.done + self.failed)
        return False

    def _recorded(self) -> int:
        """How many rows have an outcome by now."""
        return self._folder.kept + self._folder.kept_in_doubt + self.done + self.failed + self.in_doubt

    def halt(self, why: Failure | None) -> None:
        """Take no more rows."""
        self._end = self._end or why
        self._stop.set()
        self.throttle.stop()

    def _missing(self):
        """The rows to do. Those in doubt that stay so get their line here."""
        for row in self._row_file.rows():
            if self._folder.skipped(row.key):
                continue
            if self._folder.wants(row):
                yield row
            else:
                failure = Failure(Exit.NETWORK, _DOUBT, fix=_DOUBT_FIX, accepted="maybe")
                self._finish(row, {**self._console.failure_document(failure), "in_doubt": True})

    def _worker(self) -> None:
        while True:
            try:
                with self._taking:
                    row = None if self._stop.is_set() else next(self._rows, None)
                if row is None:
                    return
                self._do(row)
            except OSError as error:
                self.halt(Failure(Exit.UNSAVED, f"{self._folder.folder} cannot be written: {error.strerror}",
                                  fix="make room there, then " + GO_ON))
            except Failure as failure:  # the file was changed meanwhile
                self.halt(failure)

    def _do(self, row) -> None:
        options, console = row.options(), RowConsole(self._console)
        session = self._session.for_row(row._replace(throttle=self.throttle.row()), options, console)
        self._folder.begin(row.key)
        with self._counting:
            self._under_way += 1
        failure = None
        try:
            code = self._call(session) or Exit.OK
            document = console.captured
            if document is None:
                raise RuntimeError("the row has no document")
            if code != Exit.OK:
                document = {**document, "ok": False, "exit_code": int(code)}
        except NotSent:
            self._folder.give_back(row.key)
            with self._counting:
                self._under_way -= 1
            return
        except Failure as error:
            failure = error
        except Exception as error:
            failure = defect(error, self._console)
            failure.accepted = "maybe"
        if failure:
            document = console.failure_document(failure)
            if failure.exit_code in (Exit.NETWORK, Exit.UNEXPECTED) and failure.accepted == "maybe":
                document["in_doubt"] = True
            self._judge(failure, options)
        self._finish(row, document, begun=True)

    def _judge(self, failure: Failure, options) -> None:
        """Stop where the other rows would fail alike."""
        code = failure.exit_code
        if failure.http_status == 401 or (code in (Exit.KEY, Exit.QUOTA) and not failure.retryable and _is_general(
                failure, options.model == self._model)):
            self.halt(failure)
        elif code == Exit.QUOTA and (self.throttle.hopeless or (failure.retry_after or 0) > self.throttle.patience):
            self.halt(failure)
        elif code == Exit.RUNNING:  # its task goes on, and another one beside it would be one too many
            self.halt(failure)
        elif code == Exit.UNSAVED and failure.code != BAD_LINK:
            self.halt(failure)
        with self._counting:
            self._network_failures = self._network_failures + 1 if code == Exit.NETWORK else 0
            if self._network_failures >= _NETWORK_FAILURES:
                self.halt(failure)

    def _finish(self, row, document: dict, begun: bool = False) -> None:
        """Write a row's line and count it."""
        try:
            self._folder.record(row, document)
        except OSError:
            self._lost.append((row.line, document))
            raise
        ok, doubt = document.get("ok") is True, document.get("in_doubt") is True
        with self._counting:
            self._under_way -= begun
            self.done += ok
            self.in_doubt += doubt
            self.failed += not ok and not doubt
            if not ok:
                self._codes[int(document.get("exit_code", Exit.PARTIAL)) if begun else int(Exit.PARTIAL)] += 1
            else:
                self._network_failures = 0
                self._units.update(_numbers(document.get("billing", {}).get("units", {})))
            if doubt and len(self._doubtful) < 5:
                self._doubtful.append(f"line {row.line}" + (f" ({row.id})" if row.id is not None else ""))

    # -- the end

    def report(self) -> Exit:
        """Tell the outcome, in words or as the one document, and return the exit code."""
        for line, document in self._lost:
            self._console.say(f"the result of line {line}, which could not be written: {json.dumps(document, ensure_ascii=False)}")
        counts = self._counts()
        code = self._exit_code(counts)
        fixes = self._next_steps(counts, code)
        document = {"ok": code == Exit.OK, "skill": self._console.skill, "exit_code": int(code), "rows": counts,
                    "results": self._folder.results,
                    "billing": {"plan": self._session.verdict.key.billing, "units": dict(self._units)}, "warnings": self._console.warnings}
        if code != Exit.OK:
            failure = self._end or Failure(code, self._words(counts), fix="; ".join(fixes))
            document["error"] = self._console.clean_error(failure)
        if self._end:
            self._console.explain(self._end)
        words = [self._words(counts)] + [f"next: {fix}" for fix in fixes]
        (self._console.note if code == Exit.OK else self._console.say)("\n  ".join(words))
        if self._units:
            self._console.note(f"{_counted(self._units)}{self._session.billing_note()}")
        if self._folder.foreign:
            self._console.note(f"{self._folder.foreign} more lines are of rows that are no longer in {self._row_file.path}; they are kept")
        if self._console.json_mode:
            self._console.document(document)
        self._console.result(self._folder.results + "\n")
        self._console.end_result()
        return code

    def _counts(self) -> dict:
        with self._counting:
            counts = {"total": self._row_file.total, "kept": self._folder.kept, "done": self.done, "failed": self.failed,
                      "in_doubt": self._folder.kept_in_doubt + self.in_doubt + self._under_way}
        return {**counts, "not_started": counts["total"] - sum(list(counts.values())[1:])}

    def _exit_code(self, counts: dict) -> Exit:
        if self._end:
            return self._end.exit_code
        if self._stop.is_set() and counts["not_started"] + self._under_way:
            return Exit.INTERRUPTED
        if not counts["failed"] + counts["in_doubt"]:
            return Exit.OK
        alike = len(self._codes) == 1 and sum(self._codes.values()) == counts["total"]
        return Exit(next(iter(self._codes))) if alike else Exit.PARTIAL

    def _words(self, counts: dict) -> str:
        words = [f"{counts['total']} rows"] + [f"{counts[name]} {said}" for name, said in (
            ("kept", "kept from earlier"), ("done", "done now"), ("failed", "failed"), ("in_doubt", "in doubt"),
            ("not_started", "not started")) if counts[name] or name == "done"]
        return f"{words[0]}: {', '.join(words[1:])}"

    def _next_steps(self, counts: dict, code: Exit) -> list:
        steps = []
        if counts["failed"] or counts["not_started"]:
            steps.append(GO_ON)
        if counts["in_doubt"]:
            named = f" ({', '.join(self._doubtful)}{', …' if counts['in_doubt'] > len(self._doubtful) else ''})" \
                if self._doubtful else ""
            steps.append(f"rows in doubt{named} may have been billed without an answer; they have \"in_doubt\": true in the "
                         "results, and are sent once more only with --again")
        return steps


def _is_general(failure: Failure, default_model: bool) -> bool:
    """Whether a refusal for the key or the account meets all rows, and not just the model that one row chose."""
    return default_model or failure.http_status == 402 or failure.code.lower().startswith("arrear")


def _numbers(units: dict) -> dict:
    return {name: count for name, count in units.items() if isinstance(count, (int, float))}


def _counted(units: dict) -> str:
    return "".join(f"{count:g} {name.replace('_', ' ')}, " if isinstance(count, float) else f"{count} {name.replace('_', ' ')}, "
                   for name, count in units.items())


class Progress:
    """How far the batch is: redrawn on a terminal, else a line at each tenth, at most every 10 seconds."""

    def __init__(self, console: Console, total: int, clock=time.monotonic):
        self._console, self._total, self._clock = console, total, clock
        self._begin = self._told = clock()
        self._tenth = 0
        self._terminal = console.stderr.isatty()

    def tick(self, recorded: int, failed: int, now: int) -> None:
        """`recorded` rows have an outcome, `now` of them by this run."""
        moment, tenth = self._clock(), 10 * recorded // self._total
        if self._terminal and moment - self._told >= 0.2:
            self._told = moment
            self._console.redraw(self._text(recorded, failed, now / (moment - self._begin)))
        elif not self._terminal and tenth > self._tenth and moment - self._told >= 10:
            self._told, self._tenth = moment, tenth
            self._console.note(self._text(recorded, failed, now / (moment - self._begin)))

    def _text(self, recorded: int, failed: int, speed: float) -> str:
        left = f", {duration((self._total - recorded) / speed)} left" if speed else ""
        return f"{recorded} of {self._total} rows, {failed} failed, {speed:.1f} a second{left}"


def duration(seconds: float) -> str:
    """45 s, 1 min 15 s, 2 h 3 min."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
