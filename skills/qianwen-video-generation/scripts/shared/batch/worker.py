"""The process that does a batch is not the one that was called, so that a kill of the latter loses nothing.

The command starts itself again as a worker in a session of its own and holds a pipe to it, the life line. A byte
through it asks the worker to finish the rows under way and to end; when it closes, the caller is gone, and the
worker does the same in silence.
"""
from __future__ import annotations

import os
import sys
import threading

from ..failures import Exit, Failure

_VARIABLE = "QIANWEN_BATCH_WORKER"  # set in the worker alone
GO_ON = "run the same command again: it does only what is missing"


def hand_over(argv: list, console) -> int | None:
    """Start the worker and wait for it; return its exit code. None when this is the worker, or none can be started."""
    if _VARIABLE in os.environ or not sys.executable or not os.path.isfile(sys.argv[0]):
        return None
    import subprocess
    apart = {"start_new_session": True} if os.name == "posix" else \
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        worker = subprocess.Popen([sys.executable, sys.argv[0], *argv], stdin=subprocess.PIPE, bufsize=0,
                                  env={**os.environ, _VARIABLE: "1"}, **apart)
    except OSError as error:
        console.detail(f"no worker process could be started ({error.strerror}); the rows are done in this one")
        return None
    code = _wait_for(worker, console)
    if code < 0:
        raise Failure(Exit.UNEXPECTED, f"the worker process was ended by signal {-code}", fix=GO_ON)
    return code


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
                raise Failure(Exit.INTERRUPTED, "interrupted; the rows under way are finished in the background",
                              fix=GO_ON) from None
            asked = True
            _ask_to_end(worker)
            console.say("interrupted: no new rows; those under way are paid and are being finished (Ctrl-C again leaves now)")


def _ask_to_end(worker) -> None:
    try:
        worker.stdin.write(b"s")
    except OSError:  # it has ended
        pass


def listen(stop) -> None:
    """In the worker: call `stop()` when the caller asks for it or goes away. Standard input is empty from then on."""
    if os.environ.pop(_VARIABLE, None) is None:
        return
    line = os.dup(0)
    _to_null(0, os.O_RDONLY)
    threading.Thread(target=_listen, args=(line, stop), daemon=True).start()


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
