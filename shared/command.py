"""What every script's command line has: the common flags, the streams, and the mapping of errors to exit codes.

stdout carries the result alone; stderr everything for a person. Nothing below this module prints. Every text that
leaves is freed of keys.
"""
from __future__ import annotations

import argparse
import json
import os
import sys

from . import VERSION, key_guard
from .account import BadSetting, find_account
from .failures import Exit, Failure, usage
from .session import Session
from .transport import DEFAULT_RETRIES, DEFAULT_TIMEOUT, no_constant


_WIDTH = 79  # columns of a line that is redrawn

# ---- streams ---------------------------------------------------------------------------------------------------------

class Console:
    """Where output goes. In `json_mode` stdout takes one document at the end instead of the result as it comes."""

    def __init__(self, skill: str, stdout=None, stderr=None):
        self.skill = skill
        self.stdout, self.stderr = stdout or sys.stdout, stderr or sys.stderr
        self.json_mode = self.quiet = self.verbose = False
        self.warnings: list = []
        self.secrets: tuple = ()
        self.keep_going = False  # whether there is work left (saving) when the reader of stdout goes away
        self._held = {"reasoning": "", "text": ""}
        self._last = ("", "\n")  # channel and last character written
        self._stdout_closed = False

    def clean(self, text: str) -> str:
        """Text for people, free of anything shaped like a key."""
        return key_guard.redact(text, self.secrets)

    def redact_result(self, value):
        """A result (text or JSON) meant for a file: this run's own keys are taken out, all else stays as it is."""
        return _cleaned(value, self.secrets)

    def note(self, text: str) -> None:
        """Progress; silent with --quiet."""
        if not self.quiet:
            self.say(text)

    def redraw(self, text: str) -> None:
        """Progress in one line of a terminal, in the place of the one before; what is said next replaces it."""
        if not self.quiet:
            self._end_reasoning()
            self._write(self.stderr, f"{self.skill}: {self.clean(text)}"[:_WIDTH].ljust(_WIDTH) + "\r")
            self._last = ("progress", "")

    def detail(self, text: str) -> None:
        """What only --verbose shows."""
        if self.verbose:
            self.say(text)

    def upload_progress(self, name: str):
        """A callback that tells of an upload that takes over a second: redrawn on a terminal, else every tenth."""
        import time
        begin, told = time.monotonic(), [0]

        def progress(sent: int, size: int) -> None:
            tenth = 10 * sent // size
            if self.quiet or time.monotonic() - begin < 1 or tenth == told[0]:
                return
            told[0] = tenth
            self.note(f"uploading {name}: {10 * tenth} % of {size / 1e6:.1f} MB")
        return progress

    def warn(self, text: str, fix: str = "") -> None:
        """A warning and its next step: shown always, and listed in the JSON document."""
        self.warnings.append(self.clean(f"{text}. {_sentence(fix)}" if fix else text))
        self.say(f"warning: {text}" + (f"\n  next: {fix}" if fix else ""))

    def show(self, channel: str, piece: str) -> None:
        """A piece of an answer as it arrives: reasoning to stderr, text to stdout."""
        if channel == "text":
            self.result(piece)
        elif not self.quiet:
            self._heading("reasoning", "[thinking]\n")
            self._reasoning(self._sendable("reasoning", piece))

    def result(self, piece: str) -> None:
        """Part of the result, to stdout; nothing in --json mode, where the document carries it."""
        if self.json_mode or not piece:
            return
        self._end_reasoning()
        self._result(self._sendable("text", piece))

    def end_result(self) -> None:
        """The result is whole, or will not go on: write what was held back and end the line."""
        held, self._held["text"] = self._held["text"], ""
        self._result(self.redact_result(held))
        if self._last[0] == "text" and self._last[1] != "\n":
            self._result("\n")

    def _sendable(self, channel: str, piece: str) -> str:
        """What may be written now: keys taken out, an end that could be the beginning of a key held back."""
        text = key_guard.replace_keys(self._held[channel] + piece, self.secrets)
        keep = _overlap(text, self.secrets)
        self._held[channel] = text[len(text) - keep:]
        return text[:len(text) - keep]

    def links(self, links: list) -> None:
        """Result links in full, on stderr: they are signed, and whoever cleans them of what looks like a key breaks them."""
        self._end_reasoning()
        for link in links:
            self._write(self.stderr, key_guard.redact_exact(link, self.secrets) + "\n")

    def document(self, document: dict) -> None:
        """The one JSON document of --json, --dry-run or --check."""
        text = json.dumps(_cleaned(document, self.secrets), ensure_ascii=False, indent=2)
        self._result(text.encode("utf-8", "replace").decode("utf-8") + "\n")

    def failed(self, failure: Failure) -> None:
        """Report a failure: in words on stderr, and as the JSON document where one was asked for."""
        self.end_result()
        self.explain(failure)
        if self.json_mode:
            self.document(self.failure_document(failure))

    def explain(self, failure: Failure) -> None:
        """What happened, why, and what to do next, on stderr."""
        facts = [f"HTTP {failure.http_status}" if failure.http_status else "", failure.code,
                 f"request id {failure.request_id}" if failure.request_id else ""]
        facts = ", ".join(fact for fact in facts if fact)
        lines = [f"error: {failure.message}" + (f"  [{facts}]" if facts else "")]
        lines += [f"  {name}: {text}" for name, text in (("why", failure.cause), ("next", failure.fix)) if text]
        self.say("\n".join(lines))

    def clean_error(self, failure: Failure) -> dict:
        """The `error` object of the JSON document."""
        return {name: self.clean(value) if isinstance(value, str) else value
                for name, value in failure.as_error().items()}

    def failure_document(self, failure: Failure) -> dict:
        """The JSON document of a failure."""
        error = self.clean_error(failure)
        document = {"ok": False, "skill": self.skill, "exit_code": int(failure.exit_code), "warnings": self.warnings,
                    "error": error, "task_id": failure.task_id, "resume": failure.resume, "files": failure.files,
                    "partial": failure.partial}
        always = ("ok", "skill", "exit_code", "warnings", "error", "files")
        return {name: value for name, value in document.items() if value or name in always}

    def say(self, text: str) -> None:
        """A line for people, --quiet or not."""
        self._end_reasoning()
        self._write(self.stderr, f"{self.skill}: {self.clean(text)}\n")

    def _heading(self, channel: str, heading: str) -> None:
        if self._last[0] != channel:
            self._write(self.stderr, heading)
            self._last = (channel, "\n")

    def _reasoning(self, text: str) -> None:
        if text:
            self._write(self.stderr, text)
            self._last = ("reasoning", text[-1])

    def _end_reasoning(self) -> None:
        if self._last[0] == "reasoning":
            held, self._held["reasoning"] = self._held["reasoning"], ""
            self._reasoning(self.redact_result(held))
            self._write(self.stderr, "\n\n" if self._last[1] != "\n" else "\n")
            self._last = ("", "\n")
        elif self._last[0] == "progress":
            self._write(self.stderr, " " * _WIDTH + "\r")
            self._last = ("", "\n")

    def _result(self, text: str) -> None:
        if text and not self._stdout_closed:
            self._last = ("text", text[-1])
            self._write(self.stdout, text)

    def _write(self, stream, text: str) -> None:
        """Write at once. When the reader of stdout went away the run ends quietly, unless something is left to save."""
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            _to_nowhere(stream)
            if stream is self.stdout:
                self._stdout_closed = True
                if not self.keep_going:
                    raise
        except OSError as error:
            _to_nowhere(stream)
            if stream is self.stdout:
                self._stdout_closed = True
                raise Failure(Exit.UNSAVED, f"stdout cannot be written: {error.strerror}",
                              fix="check the disk or the program that reads it, then run the command again") from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _overlap(text: str, secrets) -> int:
    """How many characters at the end of `text` could be the beginning of a secret."""
    return max((size for secret in secrets for size in range(1, min(len(secret), len(text) + 1))
                if text.endswith(secret[:size])), default=0)


def _cleaned(value, secrets):
    """A JSON value in which no string holds a key."""
    if isinstance(value, dict):
        return {name: _cleaned(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, secrets) for item in value]
    return key_guard.redact_exact(value, secrets) if isinstance(value, str) else value


def _to_nowhere(stream) -> None:
    """Point a broken stream to the null device, so that the interpreter's last flush does not complain."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


def _make_utf8(stream) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")


# ---- flags -----------------------------------------------------------------------------------------------------------

class _Help(argparse.RawDescriptionHelpFormatter):
    """Help whose lines never end inside a model id or a flag."""

    def _split_lines(self, text, width):
        import textwrap
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises usage Failures instead of ending the process."""

    def __init__(self, **settings):
        super().__init__(allow_abbrev=False, formatter_class=_Help, **settings)

    def error(self, message):
        quotes = "put the prompt in quotes; " if message.startswith("unrecognized arguments") else ""
        raise usage(message, f"{quotes}see {self.prog} --help")


class Switch(argparse.Action):
    """`--x` and `--no-x`, which may not both be given; without either the option is None."""

    def __init__(self, option_strings, dest, const=None, help=None):
        super().__init__(option_strings, dest, nargs=0, const=const, help=help)

    def __call__(self, parser, options, values, option_string=None):
        if getattr(options, self.dest) not in (None, self.const):
            flag = self.dest.replace("_", "-")
            parser.error(f"--{flag} and --no-{flag} exclude each other")
        setattr(options, self.dest, self.const)


def add_switch(add, flag: str, yes: str, no: str) -> None:
    """A pair of flags: --FLAG with the help text `yes`, --no-FLAG with `no`."""
    dest = flag.replace("-", "_")
    add("--" + flag, action=Switch, const=True, dest=dest, help=yes)
    add("--no-" + flag, action=Switch, const=False, dest=dest, help=no)


def add_common_flags(parser: Parser, skill: str, default_model: str, main: str = "prompt") -> None:
    """The flags that every script has, in the order of the documentation. `main` is what the main input is called."""
    group = parser.add_argument_group("every script")
    add = group.add_argument
    add("--model", metavar="ID", help=f"model id (default: {default_model}); an unknown id is treated like its family")
    add("--set", metavar="KEY=VALUE", action="append", default=[],
        help="put any API parameter on the request; VALUE is JSON where it parses as JSON, else a string; dotted keys "
        "nest; may be repeated")
    add("--request", metavar="FILE", help="start from a whole JSON request body ('-' reads stdin); flags override it")
    add(f"--{main}-file", metavar="FILE", help="read the main input from a UTF-8 file")
    add("-o", "--output", metavar="PATH", help="write the result to a file, or into a directory (existing, or ending "
        "in /)")
    add("--overwrite", action="store_true", help="replace an existing file")
    add("--json", action="store_true", help="one JSON document on stdout")
    add("--dry-run", action="store_true", help="print the request as JSON and send nothing; needs no key")
    add("--check", action="store_true", help="say which key and endpoint would be used and whether they fit; sends "
        "nothing")
    add("--live", action="store_true", help="with --check: make one free authenticated call as well")
    add("--timeout", metavar="SECONDS", type=_seconds, default=DEFAULT_TIMEOUT,
        help=f"longest wait without a byte (default: {DEFAULT_TIMEOUT:g})")
    add("--retries", metavar="N", type=_count, default=DEFAULT_RETRIES,
        help=f"tries after the first, where sending again cannot cost twice (default: {DEFAULT_RETRIES})")
    add("-q", "--quiet", action="store_true", help="no progress, reasoning or usage on stderr; warnings and errors stay")
    add("-v", "--verbose", action="store_true", help="more detail on stderr")
    add("--version", action="version", version=f"{skill} {VERSION}")


def add_batch_flags(parser: Parser, parts: bool = False) -> None:
    """The flags for many calls in one command. A script that has them hands over to `batch.run`.

    `parts`: one input may be many calls by itself, so --concurrency goes without --batch as well.
    """
    add = parser.add_argument_group("many calls at once").add_argument
    add("--batch", metavar="FILE", help="a JSON-lines file with one call a line: the main input and any flag's long name "
        "without dashes; the other flags of the command line are the defaults. --output names the folder for results.jsonl; "
        "run again, it does only what is missing")
    add("--concurrency", metavar="N", type=number(1, 64, whole=True), help="calls at a time, 1 to 64 (default: 4"
        f"{'; 3 for the parts of one text' if parts else ''})")
    add("--again", action="store_true", help="send rows whose outcome is unknown once more; they may have been billed already")
    parser.set_defaults(has_parts=parts)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds between 0 and 86400")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 20:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 20")
    return value


_seconds.__name__, _count.__name__ = "number of seconds", "number"


def number(low: float, high: float, *, whole: bool = False, low_open: bool = False, high_open: bool = False):
    """An argparse type for a number within bounds, whose error names the legal range."""
    def parse(text: str):
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole ' if whole else ''}number") from None
        if not (low < value if low_open else low <= value) or not (value < high if high_open else value <= high):
            span = f"{'(' if low_open else '['}{low}, {high}{')' if high_open else ']'}"
            raise argparse.ArgumentTypeError(f"{text} is outside the legal range "
                                             f"{span if high != float('inf') else f'from {low} upward'}")
        return value
    return parse


# ---- inputs ----------------------------------------------------------------------------------------------------------

_MAX_INPUT = 64 << 20  # bytes; what is larger is no prompt, and a device or pipe may never end


def read_text(path: str, what: str) -> str:
    """A UTF-8 text file ('-' is stdin), a byte order mark accepted. Raises a usage Failure that says what is wrong."""
    if path == "-":
        raw, name = sys.stdin.buffer.read(_MAX_INPUT + 1), "stdin"
    else:
        raw, name = _read_file(path, what), path
    if len(raw) > _MAX_INPUT:
        raise usage(f"{what} {name} is larger than {_MAX_INPUT >> 20} MiB", "give a part of it")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError as error:
            raise usage(f"{what} {name} is not readable text: {error.reason} at byte {error.start}") from None
    if b"\0" in raw[:8192]:
        raise usage(f"{what} {name} is a binary file, not text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise usage(f"{what} {name} is not UTF-8 (byte {error.start})",
                    f"convert it first, for example: iconv -f gb18030 -t utf-8 {name}") from None


def _read_file(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_INPUT + 1)
    except FileNotFoundError:
        raise usage(f"{what} {path} does not exist", "check the path; it is looked up from the working directory "
                    f"{os.getcwd()}") from None
    except IsADirectoryError:
        raise usage(f"{what} {path} is a folder, not a file") from None
    except (OSError, ValueError) as error:
        raise usage(f"{what} {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_json(path: str, what: str):
    """A JSON file ('-' is stdin). Raises a usage Failure with the place of the error."""
    try:
        return json.loads(read_text(path, what), parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise usage(f"{what} {path} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise usage(f"{what} {path} is not JSON: {error}") from None


def read_prompt(argument: str | None, file: str | None, others=(), main: str = "prompt") -> str | None:
    """The main input: the argument, stdin for '-', or a file. None when there is none. `others` may also read stdin."""
    if argument is not None and file is not None:
        raise usage(f"a {main} and --{main}-file were both given", "give one of them")
    source = file if file is not None else argument
    if source == "-" and "-" in others:
        raise usage("stdin can be read once only, but two inputs name '-'", "put one of them into a file")
    prompt = read_text(source, f"the {main} file") if file is not None or argument == "-" else argument
    if prompt is not None and not prompt.strip():
        raise usage(f"the {main} is empty", "write what the model should do" if main == "prompt" else "write what is to be said")
    return prompt


def parse_settings(settings) -> list:
    """`--set KEY=VALUE` arguments as (path of keys, value) pairs."""
    pairs = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not all(name.split(".")):
            raise usage(f"--set {setting!r} is not KEY=VALUE", "for example --set top_k=20 or --set "
                        "search_options.forced_search=true")
        try:
            value = json.loads(text, parse_constant=no_constant)
        except (ValueError, RecursionError):
            value = text
        pairs.append((name.split("."), value))
    return pairs


def apply_settings(body: dict, pairs) -> dict:
    """Put settings on a body in place; nested objects are made as needed. Raises usage where a value is in the way."""
    for keys, value in pairs:
        place = body
        for depth, key in enumerate(keys[:-1]):
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise usage(f"--set {'.'.join(keys)}: {'.'.join(keys[:depth + 1])} is not an object")
        place[keys[-1]] = value
    return body


def apply_native_settings(body: dict, pairs, home=lambda name: "parameters") -> None:
    """Settings on a body of the native API: unless the first key is input, parameters or model, `home` says what they are in."""
    for keys, value in pairs:
        rooted = keys[0] in ("input", "parameters", "model") and (len(keys) > 1 or keys[0] == "model")
        apply_settings(body, [(keys if rooted else [home(keys[0]), *keys], value)])


def read_body(path: str | None):
    """The JSON object of `--request FILE`, or None."""
    if path is None:
        return None
    body = read_json(path, "--request")
    if not isinstance(body, dict):
        raise usage(f"--request {path} must hold a JSON object")
    return body


# ---- the run ---------------------------------------------------------------------------------------------------------

def run(skill: str, make_parser, execute, argv=None) -> int:
    """Parse, execute, and map whatever happens to one message and an exit code. Used as `sys.exit(run(…))`."""
    is_process = argv is None
    argv = sys.argv[1:] if is_process else argv
    _prepare_streams()
    console = Console(skill)
    console.json_mode = "--json" in argv
    console.verbose = "-v" in argv or "--verbose" in argv
    _stop_on_terminate()
    code = int(Exit.INTERRUPTED)
    try:
        try:
            code = _outcome(make_parser, execute, argv, console)
            sys.stdout.flush()
        except BrokenPipeError:
            _to_nowhere(sys.stdout)
            code = int(Exit.OK)
        if is_process:
            _end_on_interrupt(code)
    except KeyboardInterrupt:  # the outcome has been told, or its telling was cut short by a second Ctrl-C
        pass
    return code


def _outcome(make_parser, execute, argv, console: Console) -> int:
    """The exit code of a run; every failure has been reported by then."""
    try:
        options = make_parser().parse_args(argv)
        console.json_mode, console.quiet, console.verbose = options.json, options.quiet, options.verbose
        if options.live and not options.check:
            raise usage("--live goes with --check", "add --check")
        if getattr(options, "concurrency", None) is not None and options.batch is None and not options.has_parts:
            raise usage("--concurrency goes with --batch", "add --batch FILE, or leave it out")
        if getattr(options, "batch", None) is not None and not (options.check or options.dry_run):
            from . import lifeline
            code = lifeline.hand_over(argv, console)
            if code is not None:
                return code
        account = find_account()
        console.secrets = account.secrets
        for warning in account.warnings:
            console.warn(warning)
        return int(execute(Session(console.skill, options, account, console)) or Exit.OK)
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except Failure as failure:
        return _report(console, failure)
    except (key_guard.BadEndpoint, BadSetting) as error:
        return _report(console, usage(str(error), error.fix))
    except KeyboardInterrupt:
        return _report(console, Failure(Exit.INTERRUPTED, "interrupted", fix="run the command again"))
    except BrokenPipeError:
        raise
    except Exception as error:
        return _report(console, defect(error, console))


def _report(console: Console, failure: Failure) -> int:
    try:
        console.failed(failure)
    except (BrokenPipeError, Failure):  # stdout cannot be written; stderr has the report
        pass
    return int(failure.exit_code)


def _prepare_streams() -> None:
    """UTF-8 whatever the console's code page is; a stream that was closed for us is replaced by the null device."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        _make_utf8(stream)


def defect(error: Exception, console: Console) -> Failure:
    """An exception nobody expected, as a Failure; --verbose shows where it came from."""
    if console.verbose:
        import traceback
        console.detail(traceback.format_exc())
    return Failure(Exit.UNEXPECTED, f"a defect of this script: {type(error).__name__}: {error}",
                   fix="run it again with -v and report the traceback")


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


def _end_on_interrupt(code: int) -> None:
    """From here on an interrupt ends the process with `code` at once: while the interpreter shuts down it would print a traceback."""
    import signal
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and callable(signal.getsignal(number)):  # neither ignored nor left to the system
                signal.signal(number, lambda number_, frame: os._exit(code))
    except ValueError:  # not in the main thread
        pass
