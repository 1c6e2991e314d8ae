"""Commands that a message tells the user to run: made here alone, so that they work when pasted."""
from __future__ import annotations

import os
import re
import shlex
import sys

_BARE = re.compile(r"[\w./:=+-][\w./:=+~-]*")  # what cmd, PowerShell and bash take without quotes
# cmd takes no / in a program's name, PowerShell no quotes
_BARE_PROGRAM = re.compile(r"[\w.:\\-][\w.:\\~-]*")
_EXPANDED = re.compile("[$`\u201c-\u201f]")  # by PowerShell within double quotes, or their end
_SINGLE = re.compile("(['\u2018-\u201b])")  # all end a quoted text of PowerShell; doubled they are themselves
_ONLY_POWERSHELL = "  # in PowerShell"


def command_line(*arguments: str, state: str = "", script: str = "") -> str:
    """This script (or `script`) with these arguments.
    `state` is the folder of the journal, if it needs one."""
    words = [os.path.abspath(script or sys.argv[0]), *arguments]
    if os.name == "nt":
        return _for_windows(_program(), words, _where_the_journal_is(state))
    home = _where_the_journal_is(state)
    setting = f"XDG_STATE_HOME={_for_bash(home)} " if home else ""
    return setting + " ".join(map(_for_bash, [_program(), *words]))


def quoted(word: str) -> str:
    """A value behind a flag that a message suggests, as the shells of this system take it."""
    if os.name != "nt":
        return _for_bash(word)
    return _in_quotes(word) if "%" not in word and not _EXPANDED.search(word) else _for_powershell(word)


def _where_the_journal_is(state: str) -> str:
    """The XDG_STATE_HOME that leads to this journal, where the next shell would look elsewhere."""
    usual = os.path.join(os.path.expanduser("~"), ".local", "state", "qianwen")
    return os.path.dirname(os.path.abspath(state)) if state and os.path.abspath(state) != usual else ""


def _for_bash(word: str) -> str:
    """A word of one line; what cannot be printed is written as bytes,
    because a terminal would not show it."""
    if word.isprintable():
        return shlex.quote(word)
    plain = (one if one.isprintable() and one not in "'\\" else _bytes_of(one) for one in word)
    return f"$'{''.join(plain)}'"


def _bytes_of(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _for_windows(program: str, words: list, state_home: str) -> str:
    """The command for cmd, PowerShell and Git Bash alike, if one line can be;
    else for PowerShell, as it says.

    Within double quotes cmd replaces %NAME% and PowerShell $name. Only paths have a backslash here, and / is
    as good: one before a quotation mark would be taken for its escape.
    """
    words, state_home = [word.replace("\\", "/") for word in words], state_home.replace("\\", "/")
    everything = " ".join([*words, state_home])
    if everything.count("%") < 2 and not _EXPANDED.search(everything):
        if not state_home:
            return " ".join([program, *map(_in_quotes, words)])
        if all(map(_BARE.fullmatch, [*words, state_home])):
            return f'cmd /c "set XDG_STATE_HOME={state_home}&& {" ".join([program, *words])}"'
    first = f"$env:XDG_STATE_HOME={_for_powershell(state_home)}; " if state_home else ""
    return first + " ".join([program, *map(_for_powershell, words)]) + _ONLY_POWERSHELL


def _in_quotes(word: str) -> str:
    return word if _BARE.fullmatch(word) else f'"{word}"'


def _for_powershell(word: str) -> str:
    return word if _BARE.fullmatch(word) else "'" + _SINGLE.sub(r"\1\1", word) + "'"


def _program() -> str:
    """How this Python is called: by the short name that leads to it, which is what a permission of an AI tool
    covers. Under Windows no quotes around a path suit all shells."""
    if os.name != "nt":
        return next(filter(_leads_here, ("python3", "python")), sys.executable or "python3")
    if _is_this_python(on_path("python")):
        return "python"
    if on_path("py"):
        return "py"
    return sys.executable if _BARE_PROGRAM.fullmatch(sys.executable) else "python"


def _leads_here(name: str) -> bool:
    """Whether a shell that looks a name up starts the Python that runs this."""
    import shutil
    return _is_this_python(shutil.which(name))


def _is_this_python(path: str | None) -> bool:
    return bool(path) and os.path.exists(sys.executable) and os.path.samefile(path, sys.executable)


def on_path(name: str) -> str | None:
    """Where a program lies. The working directory does not count, where a stranger's project may have put
    one; Windows would look there first."""
    file, here = name + (".exe" if os.name == "nt" else ""), _real(os.curdir)
    folders = [one for one in os.get_exec_path() if os.path.isabs(one) and _real(one) != here]
    paths = (os.path.join(folder, file) for folder in folders)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))
