"""Commands that a message tells the user to run: made here alone, so that they work when pasted."""
from __future__ import annotations

import os
import re
import shlex
import sys

_PLAIN = re.compile(r"[\w./:=+-]+")  # what cmd, PowerShell and bash take without quotes


def command_line(*arguments: str, state: str = "", script: str = "") -> str:
    """This script (or `script`) with these arguments. `state` is the folder of the journal, where the command needs it.

    On Windows it is written with forward slashes and double quotes, and begins with a bare word, so that cmd,
    PowerShell and Git Bash take it alike.
    """
    words = [sys.executable or "python3", os.path.abspath(script or sys.argv[0]), *arguments]
    if os.name == "nt":
        return _for_windows(words)
    return _where_the_journal_is(state) + shlex.join(words)


def _for_windows(words: list) -> str:
    program, *rest = [words[0].replace("\\", "/"), words[1].replace("\\", "/"), *words[2:]]
    if not _PLAIN.fullmatch(program):  # PowerShell takes a quoted first word for a text
        program = "python"
    return " ".join([program, *(word if _PLAIN.fullmatch(word) else '"' + word.replace('"', '\\"') + '"' for word in rest)])


def _where_the_journal_is(state: str) -> str:
    """The variable that leads to this journal, where the next shell would look elsewhere."""
    usual = os.path.join(os.path.expanduser("~"), ".local", "state", "qianwen")
    if not state or os.path.abspath(state) == usual:
        return ""
    return f"XDG_STATE_HOME={shlex.quote(os.path.dirname(os.path.abspath(state)))} "
