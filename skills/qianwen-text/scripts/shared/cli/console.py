"""Where output goes: stdout carries the result alone, stderr everything for a person; every text that leaves
is freed of keys."""
from __future__ import annotations

import json
import os
import re
import sys

from .. import redaction
from ..failures import Exit, Failure

_WIDTH = 79  # columns of a line that is redrawn
# What steers a terminal or hides text in it: C0 but tab and line end, DEL, C1, direction overrides, odd line
# ends.
_STEERING = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\r(?!\n)"


class Console:
    """Where output goes. In `json_mode` stdout takes one document at the end instead of the result as it
    comes."""

    def __init__(self, skill: str, stdout=None, stderr=None):
        self.skill = skill
        self.stdout, self.stderr = stdout or sys.stdout, stderr or sys.stderr
        self.json_mode = self.quiet = self.verbose = False
        self.warnings: list = []
        self.advised: list = []  # next steps that were shown already
        self.secrets: tuple = ()
        self.has_stdout = True  # False where the process was started without one
        # whether there is work left (saving) when the reader of stdout goes away
        self.ignore_broken_pipe = False
        self._streams = {"reasoning": redaction.Stream(), "text": redaction.Stream()}
        self._last = ("", "\n")  # channel and last character written
        self._stdout_closed = False
        self._written: list = []  # what went to stdout
        self.unwritten: Failure | None = None  # why stdout took no more: the result is on stderr then

    def clean(self, text: str) -> str:
        """A line for people, free of anything shaped like a key. Line ends in it are those of somebody else,
        who could make a line look like one of ours: they become blanks."""
        return " ".join(redaction.redact(text, self.secrets).splitlines())

    def redact_result(self, value):
        """A result (text or JSON) meant for a file: this run's own keys are taken out, all else stays as it
        is."""
        return redaction.cleaned(value, self.secrets)

    def holds_key(self, text: str) -> bool:
        """Whether a text has one of this run's keys in it, so that nothing on disk may be named after it."""
        return redaction.holds_key(text, self.secrets)

    def note(self, *lines: str) -> None:
        """Progress; silent with --quiet."""
        if not self.quiet:
            self.say(*lines)

    def redraw(self, text: str) -> None:
        """Progress in one line of a terminal, in the place of the one before; what is said next replaces it.
        """
        if not self.quiet:
            self._end_reasoning()
            self._write(self.stderr, f"{self.skill}: {self.clean(text)}"[:_WIDTH].ljust(_WIDTH), "\r")
            self._last = ("progress", "")

    def detail(self, *lines: str) -> None:
        """What only --verbose shows."""
        if self.verbose:
            self.say(*lines)

    def warn(self, text: str, fix: str = "") -> None:
        """A warning and its next step: shown always, and listed in the JSON document."""
        self.warnings.append(self.clean(f"{text}. {_sentence(fix)}" if fix else text))
        self.advised.append(fix)
        self.say(f"warning: {text}", *([f"  next: {fix}"] if fix else []))

    def show(self, channel: str, piece: str) -> None:
        """A piece of an answer as it arrives: reasoning to stderr, text to stdout."""
        if channel == "text":
            self.result(piece)
        elif not self.quiet:
            self._begin_reasoning()
            self._reasoning(self._streams["reasoning"].feed(piece, self.secrets))

    def result(self, piece: str) -> None:
        """Part of the result, to stdout; nothing in --json mode, where the document carries it."""
        if self.json_mode or not piece:
            return
        self._end_reasoning()
        self._result(self._streams["text"].feed(piece, self.secrets))

    def end_result(self) -> None:
        """The result is whole, or will not go on: write what was held back and end the line."""
        self._result(self._streams["text"].end(self.secrets))
        if self._last[0] == "text" and self._last[1] != "\n":
            self._result("\n")

    def links(self, links: list) -> None:
        """Result links in full, on stderr: they are signed, and whoever cleans them of what looks like a key
        breaks them."""
        self._end_reasoning()
        for link in links:
            self._write(self.stderr, "".join(redaction.cleaned(link, self.secrets).splitlines()) + "\n")

    def document(self, document: dict) -> None:
        """The one JSON document of --json, --dry-run or --check."""
        text = json.dumps(self.redact_result(document), ensure_ascii=False, indent=2)
        text = _harmless(text, lambda match: f"\\u{ord(match.group()):04x}")
        self._result(text.encode("utf-8", "replace").decode("utf-8") + "\n")

    def say(self, *lines: str) -> None:
        """Lines for people, --quiet or not."""
        self._end_reasoning()
        self._end_result_line()
        text = "\n".join(self.clean(line) for line in lines)
        self._write(self.stderr, f"{self.skill}: {text}\n")

    def _end_result_line(self) -> None:
        """Where the result goes to stderr, what is said next begins a line."""
        if self.unwritten and self._last[0] == "text" and self._last[1] != "\n":
            self._write(self.stderr, "\n")
            self._last = ("", "\n")

    def _begin_reasoning(self) -> None:
        if self._last[0] != "reasoning":
            self._end_result_line()
            self._write(self.stderr, "[thinking]\n")
            self._last = ("reasoning", "\n")

    def _reasoning(self, text: str) -> None:
        if text:
            self._write(self.stderr, text)
            self._last = ("reasoning", text[-1])

    def _end_reasoning(self) -> None:
        if self._last[0] == "reasoning":
            self._reasoning(self._streams["reasoning"].end(self.secrets))
            self._write(self.stderr, "\n\n" if self._last[1] != "\n" else "\n")
            self._last = ("", "\n")
        elif self._last[0] == "progress":
            self._write(self.stderr, " " * _WIDTH, "\r")
            self._last = ("", "\n")

    def _result(self, text: str) -> None:
        if not text or self._stdout_closed:
            return
        self._last = ("text", text[-1])
        if self.unwritten:
            return self._write(self.stderr, text)
        self._written.append(text)
        self._write(self.stdout, text)

    def _turn_to_stderr(self, why: str) -> None:
        """stdout takes no more. The result may be paid, so all of it goes to stderr, and what follows as
        well."""
        self.unwritten = Failure(
            Exit.UNSAVED, f"stdout cannot be written: {why}",
            fix="what was to go there is above, on stderr: nothing has to be paid for again")
        last, self._last = self._last, ("", "\n")
        self.say(f"stdout cannot be written ({why}); this was to go there:")
        self._write(self.stderr, "".join(self._written))
        self._written, self._last = [], last

    def _write(self, stream, text: str, end: str = "") -> None:
        """Write at once; nothing that comes from elsewhere steers a terminal, the script's own `end` may.

        When the reader of stdout went away the run ends quietly, unless something is left to save.
        """
        if stream is self.stderr or stream.isatty():
            # half of a line end may come with the next piece
            text = _harmless(text[:-1] if text.endswith("\r") else text, "\ufffd")
        try:
            _put(stream, text + end)
            stream.flush()
        except BrokenPipeError:
            to_nowhere(stream)
            if stream is self.stdout:
                self._stdout_closed = True
                if not self.ignore_broken_pipe:
                    raise
        except OSError as error:
            to_nowhere(stream)
            if stream is self.stdout:
                self._turn_to_stderr(error.strerror or str(error))


def _harmless(text: str, replacement) -> str:
    """A text in which nothing steers a terminal. All that does so counts as not printable."""
    return text if "".join(text.split("\n")).isprintable() else re.sub(_STEERING, replacement, text)


def _put(stream, text: str) -> None:
    """Write a text. A character not in the encoding of a stream that `make_utf8` could not change is lost."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def to_nowhere(stream) -> None:
    """Point a broken stream to the null device, so that the interpreter's last flush does not complain."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


def make_utf8(stream) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")


def make_blocking(stream) -> None:
    """A neighbour that shares the pipe may have made it one that takes and gives a part alone."""
    try:
        os.set_blocking(stream.fileno(), True)
    except (AttributeError, OSError, ValueError):  # no file, or Windows, which knows no such pipes
        pass
