"""Runs a batch in a detached worker process,
so that killing the command does not lose rows that are already paid for.

The command starts itself again in a session of its own and holds a pipe to it. A byte through the pipe asks
the worker to finish the rows under way and to end; when the pipe closes, the command is gone, and the worker
does the same in silence.
"""
from __future__ import annotations

import io
import os
import re
import stat
import sys
import threading

from ..cli.inputs import MAX_INPUT
from ..failures import Exit, Failure

_VARIABLE = "QIANWEN_BATCH_WORKER"  # set in the worker alone, to a random value
_LENGTH = 8  # bytes that tell how long the caller's standard input is
GO_ON = "run the same command again: it does only what is missing"


def reads_stdin(options) -> bool:
    """Whether the template of a batch is standard input."""
    names = ("prompt", "prompt_file", "text", "text_file")
    return "-" in [getattr(options, name, None) for name in names]


def hand_over(argv: list, console, stdin: bool = False) -> int | None:
    """Start the worker and wait for it; return its exit code.
    None when this is the worker, or none can be started. With `stdin` it gets all of standard input first."""
    if _is_worker() or not sys.executable or not os.path.isfile(sys.argv[0]):
        return None
    import subprocess
    _wait_for_children()
    given = sys.stdin.buffer.read(MAX_INPUT + 1) if stdin else b""
    apart = ({"start_new_session": True} if os.name == "posix"
             else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP})
    try:
        worker = subprocess.Popen([sys.executable, *interpreter_flags(), sys.argv[0], *argv],
                                  stdin=subprocess.PIPE, bufsize=0,
                                  env={**os.environ, _VARIABLE: os.urandom(16).hex()}, **apart)
    except OSError as error:
        console.detail(f"no worker process could be started ({error.strerror}); "
                       "this process does the rows itself")
        _put_on_stdin(given)
        return None
    with worker.stdin:
        if stdin:
            _send(worker, given)
        code = _wait_for(worker, console)
    if code < 0:
        raise Failure(Exit.UNEXPECTED, f"the worker process was ended by signal {-code}", fix=GO_ON)
    return code


def _is_worker() -> bool:
    """Whether this process was started by `hand_over`:
    a variable that somebody set, or inherited, is not enough."""
    if not re.fullmatch("[0-9a-f]{32}", os.environ.get(_VARIABLE, "")):
        return False
    try:
        return stat.S_ISFIFO(os.fstat(0).st_mode)
    except OSError:
        return False


def interpreter_flags() -> list:
    """-I, -E, -S, -X, -W and the like, as they were given to this interpreter."""
    import subprocess
    return subprocess._args_from_interpreter_flags()


def _wait_for_children() -> None:
    """Under a parent that ignores SIGCHLD the system forgets how a child ended,
    and every outcome looks like success."""
    import signal
    try:
        if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    except (AttributeError, ValueError):  # Windows; not in the main thread
        pass


def _wait_for(worker, console) -> int:
    """The worker's exit code. The first Ctrl-C asks it to end, the second leaves it alone."""
    import subprocess
    asked = False
    while True:
        try:
            return worker.wait(None if os.name == "posix" else 0.5)
        except subprocess.TimeoutExpired:
            continue
        except KeyboardInterrupt:
            if asked:
                raise Failure(Exit.INTERRUPTED,
                              "interrupted; the rows under way will finish in the background",
                              fix=GO_ON) from None
            asked = True
            _ask_to_end(worker)
            console.say("interrupted: no new rows; those under way are paid and will finish "
                        "(Ctrl-C again leaves now)")


def _ask_to_end(worker) -> None:
    _send_bytes(worker, b"s")


def _send(worker, data: bytes) -> None:
    _send_bytes(worker, len(data).to_bytes(_LENGTH, "big") + data)


def _send_bytes(worker, data: bytes) -> None:
    try:
        while data:  # the pipe has no buffer, and takes a part of what is long
            data = data[worker.stdin.write(data):]
    except OSError:  # it has ended
        pass


def listen(stop, stdin: bool = False) -> None:
    """In the worker: call `stop()` when the caller asks for it or goes away.
    Standard input is empty from then on, or with `stdin` what the caller's was."""
    worker = _is_worker()
    os.environ.pop(_VARIABLE, None)
    if not worker:
        return
    line = os.dup(0)
    _to_null(0, os.O_RDONLY)
    if stdin:
        _put_on_stdin(_received(line, int.from_bytes(_received(line, _LENGTH), "big")))
    try:
        threading.Thread(target=_listen, args=(line, stop), daemon=True).start()
    except RuntimeError:
        pass  # the system has no more threads; then the rows are finished whatever becomes of the caller


def _received(line: int, count: int) -> bytes:
    """So many bytes from the caller, fewer where it has gone."""
    parts = []
    while count:
        parts.append(os.read(line, min(count, 1 << 20)))
        count = count - len(parts[-1]) if parts[-1] else 0
    return b"".join(parts)


def _put_on_stdin(data: bytes) -> None:
    sys.stdin = io.TextIOWrapper(io.BytesIO(data), "utf-8")


def _listen(line: int, stop) -> None:
    while True:
        try:
            gone = not os.read(line, 1)
        except OSError:
            gone = True
        if gone:  # nobody reads what is said, and who waits for the end of the output shall not wait for us
            _to_null(1, os.O_WRONLY)
            _to_null(2, os.O_WRONLY)
        stop()
        if gone:
            return


def _to_null(stream: int, mode: int) -> None:
    null = os.open(os.devnull, mode)
    os.dup2(null, stream)
    os.close(null)
