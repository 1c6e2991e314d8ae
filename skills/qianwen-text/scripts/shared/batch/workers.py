"""The threads of a batch: each takes the next row, makes its call and writes its line."""
from __future__ import annotations

import threading

from ..cli.console import Console
from ..cli.failed import defect, failure_document
from ..failures import BAD_LINK, BUDGET, Exit, Failure, ONLY_LINK, UNJOINED
from ..files.whole import FULL
# what failures need is loaded now: among many rows there may be no descriptor left to load it with
from ..transport import errors, said, troubles  # noqa: F401
from .tally import Progress, Tally
from .throttle import MAX_RATE_LIMIT_WAIT, NotSent, Throttle
from .worker import GO_ON

_NETWORK_FAILURES = 50  # in a row, with nothing between them: the network is down


def run_all(items, do, throttle: Throttle, *, on_error, on_interrupt, tick=lambda: None) -> None:
    """Call `do(item)` for each item, in as many threads as the throttle has slots, until it is stopped.

    Where the system has no more threads, those that there are do it all; without any, this one does. What
    `items` or `do` raise goes to `on_error`. The first Ctrl-C calls `on_interrupt`, which should stop the
    throttle, and a second one ends the waiting. Else what is under way is waited for: it is paid, and it has
    limits of its own. `tick` is called ten times a second.
    """
    items, taking = iter(items), threading.Lock()

    def work() -> None:
        while True:
            try:
                with taking:
                    item = _END if throttle.stopped else next(items, _END)
                if item is _END:
                    return
                do(item)
            except (OSError, Failure) as error:
                on_error(error)
    threads = started(work, throttle.workers)
    if not threads:
        return work()
    while True:
        try:
            return watch(threads, tick)
        except KeyboardInterrupt:
            if throttle.stopped:
                return
            on_interrupt()


_END = object()


class _Thread(threading.Thread):
    """`ended` tells its end: where Ctrl-C interrupts `join`, some Pythons take a thread for dead that is not."""

    def __init__(self, work):
        super().__init__(target=work, daemon=True)
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.ended.set()


def started(work, count: int) -> list:
    """Threads that do `work`: as many as the system gives, up to `count`."""
    threads: list = []
    for _ in range(count):
        thread = _Thread(work)
        try:
            thread.start()
        except RuntimeError:  # the system has no more
            break
        threads.append(thread)
    return threads


def watch(threads: list, tick) -> None:
    """Wait until the threads have ended; `tick` is called ten times a second."""
    for thread in threads:
        while not thread.ended.wait(0.1):
            tick()
    tick()


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


class SilentConsole(RowConsole):
    """The console of a row that is only looked at: its document is not kept either."""

    def document(self, document: dict) -> None:
        pass


class Workers:
    """Does the rows, and counts them in a Tally."""

    def __init__(self, row_file, batch_folder, session, call, throttle: Throttle, tally: Tally):
        self._row_file, self._folder, self._session, self._call = row_file, batch_folder, session, call
        self._console, self._throttle, self._tally = session.console, throttle, tally

    def work(self) -> None:
        """Do the rows; returns when all are done, or when the last one under way has ended after a stop, or at
        a second Ctrl-C."""
        progress, tally = Progress(self._console, self._row_file.total), self._tally
        run_all(self._missing(), self._do, self._throttle,
                on_error=self._failed, on_interrupt=self._interrupted,
                tick=lambda: progress.tick(tally.recorded, tally.failed, tally.done + tally.failed))
        tally.stopped = self._throttle.stopped

    def _interrupted(self) -> None:
        self._console.say("interrupted: no new rows; those under way will finish")
        self._throttle.stop()

    def _failed(self, error) -> None:
        """The folder cannot be written, or the rows cannot be read as they were checked."""
        if not isinstance(error, Failure):
            return self._halt(unsaved(self._folder.folder, error))
        try:
            self._row_file.check_same()
            self._halt(error)
        except Failure as changed:
            self._halt(changed)

    def _halt(self, why: Failure) -> None:
        """Take no more rows."""
        self._tally.end = self._tally.end or why
        self._throttle.stop()

    def _missing(self):
        """The rows to do."""
        for row in self._row_file.rows():
            self._row_file.check_same()
            if self._folder.wants(row):
                yield row
            else:
                self._tally.keep(row)

    def _do(self, row) -> None:
        options, console = row.options(), RowConsole(self._console)
        row = self._folder.with_task(row)._replace(throttle=self._throttle.row())
        session = self._session.for_row(row, options, console)
        self._folder.begin(row.key)
        self._tally.begin()
        try:
            document = self._document(session)
        except NotSent:
            self._folder.give_back(row.key)
            return self._tally.give_back()
        is_done = False
        try:
            self._finish(row, document)
            is_done = document.get("ok") is True
        finally:
            for call in session.at_line:
                call(is_done)

    def _document(self, session) -> dict:
        """Make the call; its document, or that of its failure. Raises NotSent."""
        console = session.console
        try:
            code = self._call(session) or Exit.OK
            if console.captured is None:
                raise RuntimeError("the row has no document")
            if code == Exit.OK:
                return console.captured
            return {**console.captured, "ok": False, "exit_code": int(code)}
        except NotSent:
            raise
        except Failure as error:
            failure = error
            if failure.code == BUDGET:
                self._halt(failure)
                raise NotSent from failure
        except Exception as error:
            failure = defect(error, self._console)
            failure.accepted = "maybe"
        self._judge(failure, session.options)
        document = failure_document(console, failure)
        return {**document, "in_doubt": True} if self._is_doubt(failure) else document

    def _is_doubt(self, failure: Failure) -> bool:
        """Whether a row may be billed without a result that can be had. A chat that was answered with an error
        is not billed; what makes files may be."""
        code = failure.exit_code
        return failure.accepted == "maybe" and (
            code in (Exit.NETWORK, Exit.UNEXPECTED) or failure.code == ONLY_LINK
            or self._row_file.files and code not in (Exit.UNSAVED, Exit.CONTENT, Exit.RUNNING, Exit.PARTIAL))

    def _judge(self, failure: Failure, options) -> None:
        """Stop where the other rows would fail alike."""
        code, throttle = failure.exit_code, self._throttle
        refused = code in (Exit.KEY, Exit.QUOTA) and not failure.retryable
        general = refused and _is_general(failure, options.model == self._session.options.model)
        is_long = (failure.retry_after or 0) > MAX_RATE_LIMIT_WAIT
        limited = code == Exit.QUOTA and (throttle.stalled or is_long)
        no_room = code == Exit.UNSAVED and failure.code not in (BAD_LINK, UNJOINED)
        waits = code == Exit.RUNNING  # its task goes on, and another one beside it would be one too many
        offline = self._tally.network_failed(code == Exit.NETWORK) >= _NETWORK_FAILURES
        if failure.http_status == 401 or general or limited or no_room or waits or offline:
            self._halt(failure)

    def _finish(self, row, document: dict) -> None:
        """Write a row's line and count it."""
        try:
            self._folder.record(row, document)
        except OSError:
            self._tally.lose(row, document)
            raise
        self._tally.add(row, document)


def unsaved(path: str, error: OSError) -> Failure:
    """What is paid cannot be written to a file or a folder."""
    advice = ("make room there" if error.errno in FULL
              else "put it back where it was" if isinstance(error, FileNotFoundError)
              else "check that disk and its permissions")
    return Failure(Exit.UNSAVED, f"{path} cannot be written: {error.strerror}", fix=f"{advice}, then {GO_ON}")


def _is_general(failure: Failure, default_model: bool) -> bool:
    """Whether a refusal for the key or the account meets all rows,
    and not just the model that one row chose."""
    return default_model or failure.http_status == 402 or failure.code.lower().startswith("arrear")
