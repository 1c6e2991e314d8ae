#!/usr/bin/env python3
"""Copy the skills into the folder where an agent looks for them, or take them away again.
Python 3.9, nothing else.

    python3 skills/install.py --agent claude
    python3 skills/install.py --agent qwen --scope project --dir ../my-project
    python3 skills/install.py --agent claude --uninstall

Plain copies: nothing is linked, and no settings are changed. An older copy is replaced; a folder of the same
name that is somebody else's, or that was changed after it was installed, is left alone.
"""
from __future__ import annotations

import argparse
import errno
import hashlib
import os
import re
import shlex
import shutil
import sys
import tempfile

SOURCE = os.path.dirname(os.path.abspath(__file__))
MARK = ".qianwen-skills"  # in an installed folder: the version and the digest of its files
_BESIDE = ".qianwen-"  # how the name of a folder begins in which a copy is made
_OLD = "old-"  # in it, before the name of a skill: the copy that was there
_BESIDE_NAME = re.compile(r"\.qianwen-[a-z0-9_]{8}")
_NOT_COPIED = re.compile(r"__pycache__|\..*|.*\.pyc")  # what lies about in a working copy, private files too
_NOT_LOOKED_AT = re.compile(r"__pycache__|.*\.pyc")  # what comes and goes in an installed one by itself

# Where an agent looks, below the home folder and below a project;
# the variable that moves its home folder; how to look.
AGENTS = {
    "claude": (".claude/skills", ".claude/skills", ("CLAUDE_CONFIG_DIR", "skills"),
               "start claude and ask: which skills do you have?"),
    "qwen": (".qwen/skills", ".qwen/skills", None, "start qwen and type /skills"),
    "codex": (".codex/skills", ".codex/skills", ("CODEX_HOME", "skills"), "start codex and type /skills"),
    "gemini": (".gemini/skills", ".gemini/skills", None, "run: gemini skills list"),
    "opencode": (".config/opencode/skills", ".opencode/skills", ("XDG_CONFIG_HOME", "opencode/skills"),
                 "start opencode and ask: which skills do you have?"),
    "agents": (".agents/skills", ".agents/skills", None,
               "start your agent (Qwen Code, Codex, Gemini CLI and opencode read this folder) "
               "and ask: which skills do you have?"),
}


class Refused(Exception):
    """What cannot be done, in words for the user."""


def main(argv=None) -> int:
    options = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        target = target_folder(options.agent, options.scope, options.dir)
        return (uninstall(target, options.force) if options.uninstall
                else install(target, options.agent, options.force))
    except (Refused, OSError) as error:
        print(f"install: error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py", allow_abbrev=False,
                                     description="Copy the five skills to where an agent looks for them.")
    add = parser.add_argument
    add("--agent", required=True, choices=AGENTS, help="agents: the folder that several of them read")
    add("--scope", choices=("user", "project"),
        help="for you everywhere, or for one project (default: user; with --dir project)")
    add("--dir", metavar="DIR",
        help="the project's folder; with --scope user the folder that stands for your home")
    add("--uninstall", action="store_true", help="take the skills away again")
    add("--force", action="store_true",
        help="also replace or remove folders that were changed after they were installed")
    return parser


def skills() -> list:
    """The names of the skills in this repository."""
    return sorted(name for name in os.listdir(SOURCE)
                  if os.path.isfile(os.path.join(SOURCE, name, "SKILL.md")))


def target_folder(agent: str, scope: str | None, folder: str | None, environment=os.environ) -> str:
    """The agent's skills folder. Raises Refused."""
    user, project, moved, _ = AGENTS[agent]
    scope = scope or ("project" if folder else "user")
    if folder:
        folder = _absolute(folder, "HOME")
        if not os.path.isdir(folder):
            raise Refused(f"{folder} is not a folder; name one that exists")
        return os.path.join(folder, *(user if scope == "user" else project).split("/"))
    if scope == "project":
        raise Refused("which project? Name its folder (DIR=… with make, else --dir)")
    if moved and environment.get(moved[0]):
        return os.path.join(_absolute(environment[moved[0]], moved[0]), *moved[1].split("/"))
    return os.path.join(_absolute("~", "HOME"), *user.split("/"))


def _absolute(folder: str, variable: str) -> str:
    """A folder with its ~ expanded.
    Raises Refused where no home folder is known, so that none is made that is named ~."""
    expanded = os.path.expanduser(folder)
    if expanded.startswith("~"):
        raise Refused(f"{folder} cannot be expanded, because no home folder is known; set {variable}")
    return os.path.abspath(expanded)


# ---- what is there

def files_of(folder: str, installed: bool = False) -> list:
    """The paths of a skill's files, relative and sorted, with / between.

    Of an `installed` copy really everything that a user may have put there,
    links to folders and empty folders too.
    """
    left_out, found = _NOT_LOOKED_AT if installed else _NOT_COPIED, []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not left_out.fullmatch(name))
        names = [name for name in names if not left_out.fullmatch(name) and name != MARK]
        if installed:
            names += [name for name in folders if os.path.islink(os.path.join(place, name))]
            found += [_relative(place, folder) + "/"] if not names and not folders and place != folder else []
        found += [_relative(os.path.join(place, name), folder) for name in names]
    return sorted(found)


def _relative(path: str, folder: str) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")


def digest_of(folder: str, installed: bool = True) -> str:
    """One digest of the names and contents of a skill's files; of a link, where it leads."""
    total = hashlib.sha256()
    for name in files_of(folder, installed):
        content = _content(os.path.join(folder, *name.split("/")))
        total.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return total.hexdigest()


def _content(path: str) -> bytes:
    """What stands for a file in the digest: its bytes, where a link leads;
    of a folder, pipe or device nothing is read."""
    if os.path.islink(path):
        return b"link to " + os.fsencode(os.readlink(path))
    if not os.path.isfile(path):
        return b"not a file"
    with open(path, "rb") as file:
        return file.read()


def state_of(folder: str) -> str:
    """"none", "ours", "changed" (ours, edited since,
    or copied by hand from another version), "link" or "foreign"."""
    if not os.path.lexists(folder):
        return "none"
    if os.path.islink(folder):
        return "link"
    guard = os.path.join(folder, "scripts", "shared", "key_guard.py")
    name = os.path.basename(folder)
    if not os.path.isdir(folder) or _name(folder) != name or not os.path.isfile(guard):
        return "foreign"
    return "ours" if digest_of(folder) == (_marked(folder) or _digest_of_source(name)) else "changed"


def _marked(folder: str) -> str:
    """The digest that an installed folder was written with; '' for a copy made by hand."""
    try:
        with open(os.path.join(folder, MARK), encoding="utf-8") as file:
            words = file.read(1000).split()
    except (OSError, UnicodeDecodeError):
        return ""
    return words[1] if len(words) == 2 else ""


def _digest_of_source(name: str) -> str:
    """The digest of this version of a skill, as it would be installed."""
    return digest_of(os.path.join(SOURCE, name), installed=False)


def _name(folder: str) -> str:
    """The name in the frontmatter of a SKILL.md, or ''."""
    try:
        with open(os.path.join(folder, "SKILL.md"), encoding="utf-8-sig") as file:
            match = re.search(r"^name:\s*[\"']?([\w-]+)", file.read(4096), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return ""
    return match.group(1) if match else ""


def version() -> str:
    """The version of these skills."""
    path = os.path.join(SOURCE, skills()[0], "scripts", "shared", "__init__.py")
    with open(path, encoding="utf-8") as file:
        return re.search(r'VERSION = "([^"]+)"', file.read()).group(1)


# ---- doing it

def _check(target: str, force: bool) -> dict:
    """The state of each skill's folder. Raises Refused where one must not be touched, before any is."""
    states = {name: state_of(os.path.join(target, name)) for name in skills()}
    foreign, links, changed = ([name for name, state in states.items() if state == kind]
                               for kind in ("foreign", "link", "changed"))
    if foreign:
        raise Refused(f"{_listed(target, foreign)} is not one of these skills, though it has the name; "
                      "nothing was changed. Move it away, or install for another agent or scope")
    if links:
        paths = [os.path.join(target, name) for name in links]
        where = ", ".join(f"{path} (a link to {os.readlink(path)})" for path in paths)
        raise Refused(f"{where} was linked by you or by another installer; nothing was changed. "
                      "Leave it, if the link leads to these skills; "
                      "otherwise remove the link (not what it leads to) and run this again")
    if changed and not force:
        raise Refused(f"{_listed(target, changed)} was changed after it was installed, "
                      "or copied from another version; nothing was touched. Save a copy of what is yours, "
                      "then run it again with --force (FORCE=1 with make)")
    return states


def _listed(target: str, names: list) -> str:
    return ", ".join(os.path.join(target, name) for name in names)


def install(target: str, agent: str, force: bool) -> int:
    """Copy all skills, each whole or not at all."""
    _clear_leftovers(target)
    states = _check(target, force)
    os.makedirs(target, exist_ok=True)
    for name in skills():
        folder = os.path.join(target, name)
        _copy(os.path.join(SOURCE, name), folder, states[name] != "none")
        print(f"{'replaced' if states[name] != 'none' else 'wrote'} {folder}")
    print(f"{len(skills())} skills, version {version()}. To see that they are there: {AGENTS[agent][3]}")
    print("The scripts need a standard key (sk-…, pay-as-you-go) in DASHSCOPE_API_KEY "
          "or in ~/.config/qianwen/.env; a plan key (sk-sp-…) does not work.\n"
          "To see which key they find: "
          f"{_command(os.path.join(target, 'qianwen-text', 'scripts', 'text.py'))}")
    return 0


def _command(script: str) -> str:
    """The command for a shell. Under Windows forward slashes and double quotes,
    which cmd, PowerShell and bash all take; where one of them would replace something between the quotes,
    the command is for PowerShell."""
    if os.name != "nt":
        return f"python3 {shlex.quote(script)} --check"
    python, script = "py" if shutil.which("py") else "python", script.replace("\\", "/")
    if script.count("%") > 1 or re.search("[$`\u201c-\u201f]", script):
        script = re.sub("(['\u2018-\u201b])", r"\1\1", script)
        return f"{python} '{script}' --check  # in PowerShell"
    quoted = script if re.fullmatch(r"[\w./:+-]+", script) else f'"{script}"'
    return f"{python} {quoted} --check"


def _copy(source: str, folder: str, replace: bool) -> None:
    """Copy beside the place, then give it its name;
    what was there goes only then, and comes back when that fails."""
    beside = tempfile.mkdtemp(prefix=_BESIDE, dir=os.path.dirname(folder))
    new, old = os.path.join(beside, "new"), os.path.join(beside, _OLD + os.path.basename(folder))
    is_done = False
    try:
        for name in files_of(source):
            path = os.path.join(new, *name.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy2(os.path.join(source, *name.split("/")), path)
        with open(os.path.join(new, MARK), "w", encoding="utf-8", newline="\n") as file:
            file.write(f"{version()} {digest_of(new)}\n")
        if replace:
            _move(folder, old)
        os.rename(new, folder)
        is_done = True
    finally:
        if not is_done and os.path.lexists(old) and not os.path.lexists(folder):
            os.rename(old, folder)
        if is_done or not os.path.lexists(old):
            shutil.rmtree(beside, ignore_errors=True)
        else:
            print(f"install: the copy that was in {folder} is in {old}", file=sys.stderr)


def _move(folder: str, old: str) -> None:
    """Move a folder away; one of another layer of a container's file system is copied whole, then removed."""
    try:
        os.rename(folder, old)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(folder, old, symlinks=True)
        shutil.rmtree(folder)


def _clear_leftovers(target: str) -> None:
    """What a killed installer left: an old copy without its successor goes back to its place,
    all else is removed."""
    for name in os.listdir(target) if os.path.isdir(target) else ():
        beside = os.path.join(target, name)
        if not _BESIDE_NAME.fullmatch(name) or not os.path.isdir(beside):
            continue
        known = {_OLD + skill: os.path.join(target, skill) for skill in skills()}
        inside = set(os.listdir(beside))
        for old in inside & set(known):
            if not os.path.lexists(known[old]):
                os.rename(os.path.join(beside, old), known[old])
                inside.discard(old)
        if all(entry == "new" or entry in known and state_of(known[entry]) == "ours" for entry in inside):
            shutil.rmtree(beside, ignore_errors=True)


def uninstall(target: str, force: bool) -> int:
    """Take away the folders that are ours."""
    _clear_leftovers(target)
    states = _check(target, force)
    gone = 0
    for name, state in states.items():
        if state != "none":
            shutil.rmtree(os.path.join(target, name))
            print(f"removed {os.path.join(target, name)}")
            gone += 1
    print(f"{gone} {'skill' if gone == 1 else 'skills'} removed from {target}" if gone
          else f"nothing of these skills is in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
