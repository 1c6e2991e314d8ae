"""From argv to the exit code: streams, signals, parsing, the session, and the mapping of failures."""
from __future__ import annotations

import os
import sys

from . import key_guard
from .account import find_account, Settings
from .cli.console import Console, make_blocking, make_utf8, to_nowhere
from .cli.flags import check_alone
from .cli.session import Session
from .failures import Exit, Failure, usage


def run_script(skill: str, make_parser, execute, argv=None) -> int:
    """Parse, execute, and map whatever happens to one message and an exit code.

    Used as `sys.exit(run_script(…))`; without `argv` the process ends here.
    """
    is_process = argv is None
    argv = sys.argv[1:] if is_process else argv
    if is_process:
        _speak_utf8()
    has_stdout = sys.stdout is not None
    _prepare_streams()
    console = Console(skill)
    console.has_stdout = has_stdout
    console.json_mode = "--json" in argv
    console.verbose = "-v" in argv or "--verbose" in argv
    _stop_on_terminate()
    code = int(Exit.INTERRUPTED)
    try:
        try:
            code = _outcome(make_parser, execute, argv, console)
            sys.stdout.flush()
        except BrokenPipeError:
            to_nowhere(sys.stdout)
            code = int(Exit.OK)
        except OSError as error:  # of the last flush: what a skill wrote by itself, such as sound
            to_nowhere(sys.stdout)
            said = f"stdout cannot be written: {error.strerror}"
            code = code or _report(console, Failure(Exit.UNSAVED, said))
        if is_process:
            _leave(code)
    except KeyboardInterrupt:  # the outcome has been told, or its telling was cut short by a second Ctrl-C
        pass
    if is_process:
        _leave(code)
    return code


def _speak_utf8() -> None:
    """In a locale of another encoding begin again in Python's UTF-8 mode,
    where arguments that are UTF-8 are read as such, and files have the very names that are printed.
    Arguments of that encoding stay as they are."""
    if os.name != "posix" or sys.getfilesystemencoding() == "utf-8":
        return
    if not sys.executable or not os.path.isfile(sys.argv[0]):
        return
    try:
        for argument in sys.argv:
            os.fsencode(argument).decode("utf-8")
        from .batch.worker import interpreter_flags
        flags = [sys.executable, *interpreter_flags(), "-X", "utf8"]
        os.execv(sys.executable, [*flags, *sys.argv])
    except (OSError, UnicodeError):
        pass


def _outcome(make_parser, execute, argv, console: Console) -> int:
    """The exit code of a run; every failure has been reported by then."""
    session = None
    try:
        settings = Settings()
        console.secrets = settings.secrets  # before anything can fail and be shown
        parser = make_parser()
        options = parser.parse_args(argv)
        console.json_mode, console.quiet, console.verbose = options.json, options.quiet, options.verbose
        _check(options, parser)
        if options.batch is not None and not options.batch_api and not _sends_nothing(options):
            from .batch.worker import hand_over, reads_stdin
            code = hand_over(argv, console, **({"stdin": True} if reads_stdin(options) else {}))
            if code is not None:
                return code
        account = find_account(settings)
        for warning in account.warnings:
            console.warn(warning)
        if options.spent is not None:
            from .cli.spent import show_spent
            return _told(console, show_spent(console, options.spent, account.state))
        session = Session(console.skill, options, account, console, flags=parser.flags)
        return _told(console, _run(session, execute))
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except Failure as failure:
        return _report(console, failure)
    except key_guard.BadEndpoint as error:
        return _report(console, usage(str(error), error.fix))
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return _report(console, _unexpected(error, console, session))


def _unexpected(error: BaseException, console: Console, session) -> Failure:
    """An exception that nobody expected, an interrupt, or an update that took a file away meanwhile."""
    if isinstance(error, KeyboardInterrupt):
        return _not_done(session, Failure(Exit.INTERRUPTED, "interrupted"), "run the command again")
    if isinstance(error, ImportError):
        return Failure(Exit.UNEXPECTED, f"a file of the skill is not there: {error}",
                       "an update may have replaced it while the script ran; what was sent may be billed",
                       "install the skill again; --spent lists calls in doubt")
    from .cli.failed import defect
    return _not_done(session, defect(error, console), "run it again with -v and report the traceback")


def _not_done(session, failure: Failure, fix: str) -> Failure:
    """A Failure at any place of a run, with what to do; what may be paid is not to be sent again unasked. A
    batch goes on where it was."""
    failure.fix = fix
    if session and session.payments.is_paid and session.options.batch is None:
        failure.cause, failure.accepted = "what was sent may be billed", "maybe"
        failure.fix += ", but only if paying twice is acceptable"
    return failure


def _check(options, parser) -> None:
    """What holds for every command, whatever it does. Raises usage for a flag that another one makes useless,
    and where the working directory is gone: every name of a file would be looked up nowhere."""
    if options.spent is not None or options.models is not None:
        check_alone(options, parser)
    if options.live and not options.check and options.models is None:
        raise usage("--live goes with --check or --models", "add one of them")
    if options.batch is None:
        for name in ("csv", "any_files") if options.has_parts else ("concurrency", "csv", "any_files"):
            if getattr(options, name):
                raise usage(f"--{name.replace('_', '-')} goes with --batch", "add --batch FILE, or leave it out")
    try:
        os.getcwd()
    except OSError:
        raise usage("the working directory no longer exists",
                    "change to a folder that exists, then run the command again") from None


def _told(console: Console, code: int) -> int:
    """The exit code of a run that is done, its result written to the end; one that could not go to stdout is
    no success."""
    console.end_result()
    if console.unwritten and code == Exit.OK:
        from .cli.failed import explain
        explain(console, console.unwritten)
        return int(Exit.UNSAVED)
    return code


def _sends_nothing(options) -> bool:
    return bool(options.check or options.dry_run or options.estimate or options.models is not None
                or options.spent is not None)


def _run(session, execute) -> int:
    try:
        return int(execute(session) or Exit.OK)
    finally:
        session.payments.close()


def _report(console: Console, failure: Failure) -> int:
    try:
        from .cli.failed import tell
        tell(console, failure)
    except ImportError:  # it was taken away while the script ran
        lines = (f"error: {failure.message}", failure.cause and f"  why: {failure.cause}",
                 failure.fix and f"  next: {failure.fix}")
        console.say(*filter(None, lines))
    except BrokenPipeError:  # stderr has the report
        pass
    return int(failure.exit_code)


def _prepare_streams() -> None:
    """UTF-8 whatever the console's code page is;
    a stream that was closed for us is replaced by the null device."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        make_blocking(stream)
    for stream in (sys.stdout, sys.stderr):
        make_utf8(stream)


def _stop_on_terminate() -> None:
    """Agents end long calls with SIGTERM: leave as on Ctrl-C, so that nothing half-written stays."""
    import signal

    def interrupt(number_, frame):
        raise KeyboardInterrupt
    try:
        signal.signal(signal.SIGTERM, interrupt)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
            signal.signal(signal.SIGHUP, interrupt)
    except (ValueError, AttributeError):  # not in the main thread, or no such signal
        pass


def _leave(code: int) -> None:
    """End the process at once. An interpreter that shuts down takes its time, and an interrupt meanwhile
    would leave a traceback. Not with `-X dev`, which looks for what is left open."""
    if sys.flags.dev_mode:
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # its reader has gone, and that has been dealt with
            pass
    os._exit(code)
