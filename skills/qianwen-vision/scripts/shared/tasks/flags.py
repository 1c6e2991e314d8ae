"""The flags of calls that make files."""
from __future__ import annotations

from ..cli.flags import filled, number
from ..failures import usage

_ALWAYS = ("json", "quiet", "verbose", "timeout", "retries", "max_wait", "poll")
SINGLE = ("tasks", "status", "cancel", "resume")  # flags that stand for a command of their own

_NO_WAIT = ("create a task, print its id and end; fetch the result with --resume "
            "(for models that create tasks)")
_ID = filled("--tasks lists the ids that this machine knows")


def add_task_flags(add, max_wait: float, no_wait: str = _NO_WAIT) -> None:
    """Flags of scripts whose calls may be tasks."""
    add("--no-wait", action="store_true", help=no_wait)
    add("--max-wait", metavar="SECONDS", type=number(1, 86400), default=max_wait,
        help=f"longest wait for a task (default: {max_wait:g}); the task continues after that, "
             "and exit code 5 comes with the command to fetch it")
    add("--poll", metavar="SECONDS", type=number(0.01, 600), help="longest pause between two polls of a task")
    add("--resume", metavar="ID", type=_ID,
        help="fetch the result of a task, or the files of an answer that could not be saved")
    add("--status", metavar="ID", type=_ID, help="show the state of a task")
    add("--cancel", metavar="ID", type=_ID, help="cancel a task that is still waiting")
    add("--tasks", action="store_true", help="list what this machine started and has not fetched")


def check_single(options, make_parser, fetching: tuple) -> None:
    """One command at a time, and nothing beside it that would be ignored; `fetching` are the flags that count
    with --resume alone. Raises usage."""
    given = [name for name in SINGLE if getattr(options, name)]
    if not given:
        return
    if len(given) > 1:
        raise usage(f"{' and '.join(f'--{name}' for name in given)} do not go together", "give one of them")
    counts = (*given, *_ALWAYS, *(fetching if options.resume else ()))
    others = [flag for name, flag in make_parser().given(options).items() if name not in counts]
    if others:
        takes = ", ".join("--" + name.replace("_", "-") for name in counts[1:])
        raise usage(f"--{given[0]} does not go with {', '.join(others)}",
                    f"leave that out; --{given[0]} takes {takes}")
