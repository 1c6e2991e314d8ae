"""The flags of calls that make files."""
from __future__ import annotations

from ..cli.flags import filled, number
from ..failures import usage

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


def check_single(options) -> None:
    """One command at a time, and nothing beside it that would be ignored."""
    given = [f"--{name}" for name in SINGLE if getattr(options, name)]
    if len(given) > 1:
        raise usage(f"{' and '.join(given)} do not go together", "give one of them")
    others = (options.prompt_file, options.no_wait, options.dry_run, options.estimate)
    if given and (options.prompt is not None or any(others)):
        raise usage(f"{given[0]} takes no prompt, no --no-wait, no --dry-run and no --estimate",
                    "leave them out")
