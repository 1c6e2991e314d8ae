"""The flags that every script has, and the parser that raises usage failures."""
from __future__ import annotations

import argparse

from .. import VERSION
from ..failures import Exit, Failure, usage
from ..transport.client import DEFAULT_TIMEOUT
from ..transport.retries import DEFAULT_RETRIES
from .console import to_nowhere


# What people write for a flag, and what some script calls it; the main input has no flag at all.
_FILES = ("--attach", "--image", "--text-file")
_CALLED = {"--aspect": ("--ratio",), "--aspect-ratio": ("--aspect", "--ratio"), "--ratio": ("--aspect",),
           "--file": _FILES, "--input": _FILES, "--seconds": ("--duration",), "--count": ("-n",)}
_MAIN_INPUT = ("--prompt", "--text", "--message")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help whose lines never end inside a model id or a flag."""

    def _split_lines(self, text, width):
        import textwrap
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises usage Failures instead of ending the process."""

    def __init__(self, **settings):
        super().__init__(allow_abbrev=False, formatter_class=_Help, **settings)

    @property
    def flags(self) -> frozenset:
        """Every flag that there is, as it is written."""
        return frozenset(self._option_string_actions)

    def given(self, options) -> dict:
        """What differs from its default: name -> how it is written."""
        found = {}
        for action in self._actions:
            value = getattr(options, action.dest, action.default)
            is_half = isinstance(action, Switch) and action.const is not value
            if value != self.get_default(action.dest) and not is_half:
                found[action.dest] = max(action.option_strings, key=len, default=f"the {action.dest}")
        return found

    def error(self, message):
        raise usage(message, f"see {self.prog} --help")

    def _print_message(self, message, file=None):
        """The text of --help and --version; argparse itself passes over a stdout that takes no more."""
        try:
            file.write(message)
            file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            to_nowhere(file)
            raise Failure(Exit.UNSAVED, f"stdout cannot be written: {error.strerror}",
                          fix="check the disk, or the program that reads it") from error

    def parse_args(self, args=None, namespace=None):
        options, left = self.parse_known_args(args, namespace)
        if left:
            raise usage(f"unrecognized arguments: {' '.join(left)}",
                        f"{self._meant(left)} (see {self.prog} --help)")
        if getattr(options, "set", None):
            _take_model(options)
        return options

    def _meant(self, left: list) -> str:
        """What to do about words that belong to no flag."""
        flag = next((word.split("=")[0] for word in left if word.startswith("-")), "")
        if not flag:
            return "put the prompt in quotes, and every file behind its flag"
        if flag in _MAIN_INPUT:
            return f"write the text without {flag}, first and in quotes"
        import difflib
        known = [name for name in _CALLED.get(flag, ()) if name in self._option_string_actions]
        known = known or difflib.get_close_matches(flag, self._option_string_actions, 1)
        return f"did you mean {' or '.join(known)}?" if known else f"leave {flag} out"


def _take_model(options) -> None:
    """`--set model=ID` asks for a model as --model does, and wins over it: checks, ways and prices are by it.
    """
    given = [setting for setting in options.set if setting.startswith("model=")]
    if not given:
        return
    from ..body import parse_settings
    (_, model), = parse_settings(given[-1:])
    if not isinstance(model, str) or not model.strip():
        raise usage(f"--set {given[-1]} names no model", "write --model ID; --models lists the ids")
    options.model, options.set = model, [setting for setting in options.set if setting not in given]


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
    """The flags that every script has, in the order of the documentation.
    `main` is what the main input is called."""
    group = parser.add_argument_group("every script")
    add = group.add_argument
    add("--model", metavar="ID", type=filled("--models lists the ids; leave --model out for the default"),
        help=f"model id (default: {default_model}); an unknown id is treated like its family")
    add("--set", metavar="KEY=VALUE", action="append", default=[],
        help="put any API parameter on the request; VALUE is JSON where it parses as JSON, else a string; "
             "dotted keys nest; may be repeated")
    add("--request", metavar="FILE",
        help="start from a whole JSON request body ('-' reads stdin); flags override it")
    add(f"--{main}-file", metavar="FILE", help="read the main input from a UTF-8 file")
    add("-o", "--output", metavar="PATH",
        help="write the result to a file, or into a directory (existing, or ending in /)")
    add("--overwrite", action="store_true", help="replace an existing file")
    add("--json", action="store_true", help="one JSON document on stdout")
    add("--dry-run", action="store_true", help="print the request as JSON and send nothing; needs no key")
    add("--check", action="store_true",
        help="say which key and endpoint would be used and whether the two work together; sends nothing")
    add("--models", metavar="WORD", nargs="?", const="",
        help="list the models of this skill (those with WORD in them): "
             "what they do, limits, price, retirement; sends nothing")
    add("--live", action="store_true",
        help="with --check: make one free authenticated call as well; "
             "with --models: ask the service which of them it has now")
    add("--estimate", action="store_true",
        help="print what the call would cost by list price and send nothing")
    add("--spent", metavar="PERIOD", nargs="?", const="today",
        help="what all five scripts spent on this machine: today, yesterday, week, month, all, "
             "a month (2026-11) or a day (2026-11-25); default: today")
    add("--unpriced", action="store_true", help="under QIANWEN_BUDGET: allow calls whose price is not known")
    _add_ways(add, skill)


def _add_ways(add, skill: str) -> None:
    """How long a call may take, and how much is said meanwhile."""
    add("--timeout", metavar="SECONDS", type=_seconds, default=DEFAULT_TIMEOUT,
        help=f"longest wait without a byte (default: {DEFAULT_TIMEOUT:g}); a whole answer may take an hour, "
             "or this if it is longer, and a second more for each 16 KiB")
    add("--retries", metavar="N", type=_count, default=DEFAULT_RETRIES,
        help=f"tries after the first, where sending again cannot cost twice (default: {DEFAULT_RETRIES})")
    add("-q", "--quiet", action="store_true",
        help="no progress, reasoning or usage on stderr; warnings and errors stay")
    add("-v", "--verbose", action="store_true", help="more detail on stderr")
    add("--version", action="version", version=f"{skill} {VERSION}")


def add_batch_flags(parser: Parser, parts: bool = False, system: bool = False) -> None:
    """The flags for many calls in one command. A script that has them hands over to `batch.run`, by
    itself or through `converse` or `generate`.

    `parts`: one input may be many calls by itself, so --concurrency goes without --batch as well.
    `system`: there is a --system, which may be a template, too.
    """
    add = parser.add_argument_group("one command, many calls").add_argument
    add("--batch", metavar="FILE",
        help="a CSV with a header row, or a JSON-lines file, with one call per row: the main input and "
             "any flag's long name without dashes; the other flags of the command line are the defaults, and "
             f"{{column}} in its main input{' or in --system' if system else ''} is the row's value. --output "
             "names the folder for results.jsonl (and results.csv); run again, it does only what is missing")
    add("--csv", action="store_true", help="write results.csv for JSON lines as well")
    add("--concurrency", metavar="N", type=number(1, 64, whole=True),
        help=f"calls at a time, 1 to 64 (default: 4{'; 3 for the segments of one text' if parts else ''})")
    add("--any-files", action="store_true",
        help="let rows name files outside the folder of the batch file and the working directory")
    add("--again", action="store_true",
        help="send rows whose outcome is unknown again; they may have been billed already")
    parser.set_defaults(has_parts=parts, batch_api=False)


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
        above = low < value if low_open else low <= value
        below = value < high if high_open else value <= high
        if not (above and below):
            span = f"{'(' if low_open else '['}{low}, {high}{')' if high_open else ']'}"
            raise argparse.ArgumentTypeError(f"{text} is outside the legal range {span}")
        return value
    return parse


def filled(fix: str):
    """An argparse type for a text that is not blank, such as `$ID` of a shell that has no ID; `fix` says what
    to do without one."""
    def parse(text: str) -> str:
        if not text.strip():
            raise argparse.ArgumentTypeError(f"it is empty; {fix}")
        return text
    return parse


def add_result_flags(add) -> None:
    """Flags on the files that are written."""
    add("--no-sidecar", action="store_true",
        help="do not write NAME.json (prompt, model, seed, size, usage) beside each file")
    add("--gallery", action="store_true",
        help="write index.html beside the files: a page that shows all of them; "
             "alone it only rewrites the page of --output")


def exclude(options, flag: str, others) -> None:
    """Refuse a flag together with others that would be overruled by it."""
    for other in others:
        if getattr(options, other):
            shown = [f"--{name.replace('_', '-')}" for name in (flag, other)]
            raise usage(f"{' and '.join(shown)} do not go together", "give one of them")


_BESIDE = {"spent": (), "models": ("live", "timeout", "retries")}  # commands about no call, with their flags
_HOW = ("json", "quiet", "verbose")


def check_alone(options, parser) -> None:
    """Refuse what --spent and --models would ignore."""
    command = next(name for name in _BESIDE if getattr(options, name) is not None)
    goes = (command, *_BESIDE[command], *_HOW)
    for action in parser._actions:
        given = getattr(options, action.dest, action.default)
        if action.dest not in goes and given != parser.get_default(action.dest):
            beside = action.option_strings[0] if action.option_strings else f"a {action.dest}"
            raise usage(f"--{command} does not go with {beside}, which would be ignored",
                        f"leave out one of them; --{command} takes {', '.join('--' + one for one in goes[1:])}")
