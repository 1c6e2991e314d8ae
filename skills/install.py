#!/usr/bin/env python3
"""Copy the skills into the folder where an agent looks for them, or take them away again. Python 3.9, nothing else.

    python3 skills/install.py --agent claude
    python3 skills/install.py --agent qwen --scope project --dir ../my-project
    python3 skills/install.py --agent claude --uninstall

Plain copies: nothing is linked, and no settings are changed. An older copy is replaced; a folder of the same name that is
somebody else's, or that was changed after it was installed, is left alone.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import tempfile

SOURCE = os.path.dirname(os.path.abspath(__file__))
MARK = ".qianwen-skills"  # in an installed folder: the version and the digest of its files
_LEFT_OUT = re.compile(r"^(__pycache__|\..*|.*\.pyc)$")

# Where an agent looks, below the home folder and below a project; the variable that moves its home folder; how to look.
AGENTS = {
    "claude": (".claude/skills", ".claude/skills", ("CLAUDE_CONFIG_DIR", "skills"), "start claude and ask: which skills do you have?"),
    "qwen": (".qwen/skills", ".qwen/skills", None, "start qwen and type /skills"),
    "codex": (".codex/skills", ".codex/skills", ("CODEX_HOME", "skills"), "start codex and type /skills"),
    "gemini": (".gemini/skills", ".gemini/skills", None, "run: gemini skills list"),
    "opencode": (".config/opencode/skills", ".opencode/skills", ("XDG_CONFIG_HOME", "opencode/skills"),
                 "start opencode and ask: which skills do you have?"),
    "agents": (".agents/skills", ".agents/skills", None, "start your agent (Qwen Code, Codex, Gemini CLI and opencode read this folder) and "
               "ask: which skills do you have?"),
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
        return uninstall(target, options.force) if options.uninstall else install(target, options.agent, options.force)
    except (Refused, OSError) as error:
        print(f"install: error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py", description="Copy the five skills to where an agent looks for them.",
                                     allow_abbrev=False)
    parser.add_argument("--agent", required=True, choices=AGENTS, help="agents: the folder that several of them read")
    parser.add_argument("--scope", choices=("user", "project"), help="for you everywhere, or for one project (default: user; with --dir "
                        "project)")
    parser.add_argument("--dir", metavar="DIR", help="the project's folder; with --scope user the folder that stands for your home")
    parser.add_argument("--uninstall", action="store_true", help="take the skills away again")
    parser.add_argument("--force", action="store_true", help="also replace or remove folders that were changed after they were installed")
    return parser


def skills() -> list:
    """The names of the skills in this repository."""
    return sorted(name for name in os.listdir(SOURCE) if os.path.isfile(os.path.join(SOURCE, name, "SKILL.md")))


def target_folder(agent: str, scope: str | None, folder: str | None, environment=os.environ) -> str:
    """The agent's skills folder. Raises Refused."""
    user, project, moved, _ = AGENTS[agent]
    scope = scope or ("project" if folder else "user")
    if folder:
        if not os.path.isdir(folder):
            raise Refused(f"{folder} is no folder; name one that exists")
        return os.path.join(os.path.abspath(folder), *(user if scope == "user" else project).split("/"))
    if scope == "project":
        raise Refused("which project? Name its folder (DIR=… with make, else --dir)")
    if moved and environment.get(moved[0]):
        return os.path.join(environment[moved[0]], *moved[1].split("/"))
    return os.path.join(os.path.expanduser("~"), *user.split("/"))


# ---- what is there ---------------------------------------------------------------------------------------------------

def files_of(folder: str) -> list:
    """The paths of a skill's files, relative and sorted, with / between."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _LEFT_OUT.match(name))
        found += [os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/") for name in names if not _LEFT_OUT.match(name)]
    return sorted(found)


def digest_of(folder: str) -> str:
    """One digest of the names and contents of all files."""
    total = hashlib.sha256()
    for name in files_of(folder):
        with open(os.path.join(folder, *name.split("/")), "rb") as file:
            content = file.read()
        total.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return total.hexdigest()


def state_of(folder: str) -> str:
    """"none", "ours", "changed" (ours, edited since) or "foreign"."""
    if not os.path.lexists(folder):
        return "none"
    if os.path.islink(folder) or not os.path.isdir(folder):
        return "foreign"
    if not os.path.isfile(os.path.join(folder, "scripts", "shared", "key_guard.py")) or _name(folder) != os.path.basename(folder):
        return "foreign"
    try:
        with open(os.path.join(folder, MARK), encoding="utf-8") as file:
            words = file.read().split()
    except (OSError, UnicodeDecodeError):
        return "ours"  # a plain copy made by hand
    return "ours" if len(words) == 2 and words[1] == digest_of(folder) else "changed"


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
    with open(os.path.join(SOURCE, skills()[0], "scripts", "shared", "__init__.py"), encoding="utf-8") as file:
        return re.search(r'VERSION = "([^"]+)"', file.read()).group(1)


# ---- doing it --------------------------------------------------------------------------------------------------------

def _check(target: str, force: bool) -> dict:
    """The state of each skill's folder. Raises Refused where one must not be touched, before any is."""
    states = {name: state_of(os.path.join(target, name)) for name in skills()}
    foreign = [name for name, state in states.items() if state == "foreign"]
    changed = [name for name, state in states.items() if state == "changed"]
    if foreign:
        raise Refused(f"{_listed(target, foreign)} is not one of these skills, though it has the name; nothing was changed. Move it away, "
                      "or install for another agent or scope")
    if changed and not force:
        raise Refused(f"{_listed(target, changed)} was changed after it was installed; nothing was touched. Keep a copy of your changes, "
                      "then run it again with --force (FORCE=1 with make)")
    return states


def _listed(target: str, names: list) -> str:
    return ", ".join(os.path.join(target, name) for name in names)


def install(target: str, agent: str, force: bool) -> int:
    """Copy all skills, each whole or not at all."""
    states = _check(target, force)
    os.makedirs(target, exist_ok=True)
    for name in skills():
        folder = os.path.join(target, name)
        _copy(os.path.join(SOURCE, name), folder, states[name] != "none")
        print(f"{'replaced' if states[name] != 'none' else 'wrote'} {folder}")
    print(f"{len(skills())} skills, version {version()}. To see that they are there: {AGENTS[agent][3]}")
    print("The scripts need a standard key (sk-…, pay-as-you-go) in DASHSCOPE_API_KEY or in ~/.config/qianwen/.env; a plan key (sk-sp-…) "
          f"does not work.\nTo see which key they find: python3 {os.path.join(target, 'qianwen-text', 'scripts', 'text.py')} --check")
    return 0


def _copy(source: str, folder: str, replace: bool) -> None:
    """Copy beside the place, then give it its name; what was there goes only then."""
    beside = tempfile.mkdtemp(prefix=".qianwen-", dir=os.path.dirname(folder))
    new, old = os.path.join(beside, "new"), os.path.join(beside, "old")
    try:
        for name in files_of(source):
            path = os.path.join(new, *name.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy2(os.path.join(source, *name.split("/")), path)
        with open(os.path.join(new, MARK), "w", encoding="utf-8", newline="\n") as file:
            file.write(f"{version()} {digest_of(new)}\n")
        if replace:
            os.rename(folder, old)
        try:
            os.rename(new, folder)
        except BaseException:
            if replace:
                os.rename(old, folder)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def uninstall(target: str, force: bool) -> int:
    """Take away the folders that are ours."""
    states = _check(target, force)
    gone = 0
    for name, state in states.items():
        if state != "none":
            shutil.rmtree(os.path.join(target, name))
            print(f"removed {os.path.join(target, name)}")
            gone += 1
    print(f"{gone} skills removed from {target}" if gone else f"nothing of these skills is in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
