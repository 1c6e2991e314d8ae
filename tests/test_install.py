"""The installer: plain copies for each agent, older ones replaced, strangers' folders left alone."""
from __future__ import annotations

import errno
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.check import ROOT
from tests.conftest import BYTECODE, check_each
from tests.windows import cmd, powershell

INSTALL = ROOT / "skills" / "install.py"
SKILLS = sorted(path.parent.name for path in (ROOT / "skills").glob("*/SKILL.md"))
# where each agent looks (measured with the real programs)
PLACES = {"claude": (".claude/skills", ".claude/skills"), "qwen": (".qwen/skills", ".qwen/skills"),
          "codex": (".codex/skills", ".codex/skills"), "gemini": (".gemini/skills", ".gemini/skills"),
          "opencode": (".config/opencode/skills", ".opencode/skills"), "agents": (".agents/skills", ".agents/skills")}


def load(script):
    """The installer as a module."""
    spec = importlib.util.spec_from_file_location("install_here", script)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """An installer beside skills of a few files each, which most tests install."""
    source = tmp_path_factory.mktemp("small") / "skills"
    for name in SKILLS:
        for part in ("SKILL.md", "references/errors.md", "scripts/shared/__init__.py", "scripts/shared/key_guard.py"):
            (source / name / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "skills" / name / part, source / name / part)
    return Path(shutil.copy(INSTALL, source / "install.py"))


@pytest.fixture
def install(home, work, small, capfd, monkeypatch):
    """`install("--agent", …)` runs the installer in this process, with a bare environment and in an empty folder."""
    def run(*arguments, script=small, env=None, code=0):
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), **(env or {})}
        monkeypatch.chdir(work)
        with mock.patch.dict(os.environ, environment, clear=True):
            try:
                found = load(script).main([str(argument) for argument in arguments])
            except SystemExit as stop:  # of the parser
                found = stop.code
        said = "".join(capfd.readouterr())
        assert found == code, said
        return said
    return run


def tree(folder) -> dict:
    """The files below a folder and their bytes, without the installer's mark."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != ".qianwen-skills" and "__pycache__" not in path.parts}


@pytest.mark.parametrize("agent", PLACES)
@pytest.mark.parametrize("scope", ["user", "project"])
def test_plain_copies_where_the_agent_looks(install, small, home, tmp_path, agent, scope):
    project = tmp_path / "a project 项目"
    project.mkdir()
    where = home / PLACES[agent][0] if scope == "user" else project / PLACES[agent][1]
    said = install("--agent", agent, *([] if scope == "user" else ["--scope", "project", "--dir", project]))
    assert sorted(path.name for path in where.iterdir()) == SKILLS
    for name in SKILLS:
        assert str(where / name) in said and tree(where / name) == tree(small.parent / name)
    assert not any(path.is_symlink() for path in where.rglob("*")) and "see that they are there" in said


def test_copy_runs_elsewhere(install, home, work):
    """All of the real skills."""
    install("--agent", "claude", script=INSTALL)
    where = home / ".claude" / "skills"
    assert [tree(where / name) == tree(ROOT / "skills" / name) for name in SKILLS] == [True] * 5
    script = where / "qianwen-audio-tts" / "scripts" / "tts.py"
    done = subprocess.run([sys.executable, str(script), "你好", "--dry-run"], cwd=work, capture_output=True, check=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": "sk-of-nobody-0123456789"})
    assert "你好" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("variable, agent, below", [("CLAUDE_CONFIG_DIR", "claude", "skills"), ("CODEX_HOME", "codex", "skills"),
                                                    ("XDG_CONFIG_HOME", "opencode", "opencode/skills")])
def test_agents_home_that_was_moved(install, tmp_path, variable, agent, below):
    install("--agent", agent, env={variable: str(tmp_path / "moved")})
    assert sorted(os.listdir(tmp_path / "moved" / below)) == SKILLS


def test_older_copy_is_replaced(install, small, home):
    """Made by hand, without the mark: as it stands it is ours; with a file of another version, or of the user, force is needed."""
    where = home / ".qwen" / "skills"
    shutil.copytree(small.parent / "qianwen-text", where / "qianwen-text")
    assert f"replaced {where / 'qianwen-text'}" in install("--agent", "qwen")
    shutil.rmtree(where / "qianwen-text")
    shutil.copytree(small.parent / "qianwen-text", where / "qianwen-text")
    (where / "qianwen-text" / "scripts" / "stale.py").write_text("x = 1\n")
    assert "--force" in install("--agent", "qwen", code=2) and (where / "qianwen-text" / "scripts" / "stale.py").exists()
    assert f"replaced {where / 'qianwen-text'}" in install("--agent", "qwen", "--force")
    assert tree(where / "qianwen-text") == tree(small.parent / "qianwen-text")
    assert install("--agent", "qwen").count(f"replaced {where}") == len(SKILLS)
    assert sorted(os.listdir(where)) == SKILLS, "nothing temporary stays"


def test_changed_copy_needs_force(install, home):
    install("--agent", "claude")
    manual = home / ".claude" / "skills" / "qianwen-vision" / "SKILL.md"
    manual.write_text(manual.read_text("utf-8") + "\nmine\n", "utf-8")
    said = install("--agent", "claude", code=2)
    assert str(manual.parent) in said and "--force" in said and "mine" in manual.read_text("utf-8")
    install("--agent", "claude", "--uninstall", code=2)
    assert "mine" in manual.read_text("utf-8")
    install("--agent", "claude", "--force")
    assert "mine" not in manual.read_text("utf-8")


def strangers(kind: str, path) -> None:
    path.parent.mkdir(parents=True)
    if kind == "folder":
        path.mkdir()
        (path / "SKILL.md").write_text("---\nname: qianwen-text\n---\nsomebody's\n")
    elif kind == "file":
        path.write_text("somebody's")
    else:
        path.symlink_to(ROOT / "skills" / "qianwen-text", target_is_directory=True)


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
@pytest.mark.parametrize("flags", [(), ("--force",), ("--uninstall",), ("--uninstall", "--force")])
def test_strangers_folder_is_never_touched(install, home, kind, flags):
    path = home / ".claude" / "skills" / "qianwen-text"
    strangers(kind, path)
    said = install("--agent", "claude", *flags, code=2)
    assert str(path) in said and "nothing was changed" in said and os.listdir(path.parent) == ["qianwen-text"]
    assert path.is_symlink() == (kind == "link") and path.is_file() == (kind == "file")
    assert (ROOT / "skills" / "qianwen-text" / "SKILL.md").is_file()


def test_uninstall_leaves_what_is_not_ours(install, home):
    install("--agent", "claude")
    other = home / ".claude" / "skills" / "another"
    other.mkdir()
    said = install("--agent", "claude", "--uninstall")
    assert os.listdir(other.parent) == ["another"] and said.count("removed") == len(SKILLS) + 1
    assert "nothing of these skills" in install("--agent", "claude", "--uninstall")


@pytest.mark.parametrize("arguments, words", [
    ((), "--agent"), (("--agent", "cursor"), "opencode"), (("--agent", "claude", "--scope", "project"), "which project"),
    (("--agent", "claude", "--dir", "nowhere"), "nowhere"), (("--agent", "claude", "--scope", "all"), "project")])
def test_bad_arguments(install, home, arguments, words):
    assert words in install(*arguments, code=2) and not any(home.iterdir())


def test_nothing_private_is_copied(install, small, home, tmp_path):
    """What lies about in a working copy stays there."""
    source = tmp_path / "skills"
    shutil.copytree(small.parent, source)
    (source / "qianwen-text" / ".env").write_text("DASHSCOPE_API_KEY=sk-secret\n")
    (source / "qianwen-text" / "scripts" / "__pycache__").mkdir(exist_ok=True)
    (source / "qianwen-text" / "scripts" / "__pycache__" / "text.pyc").write_bytes(b"x")
    install("--agent", "claude", script=source / "install.py")
    names = [path.name for path in (home / ".claude" / "skills").rglob("*")]
    assert ".env" not in names and "text.pyc" not in names and "__pycache__" not in names and "install.py" not in names


def test_failure_leaves_the_old_copy_whole(install, small, home, tmp_path):
    """A file that cannot be read in the middle of it."""
    install("--agent", "claude")
    source = tmp_path / "skills"
    shutil.copytree(small.parent, source)
    (source / "qianwen-text" / "zz-broken").symlink_to("nowhere")
    said = install("--agent", "claude", script=source / "install.py", code=2)
    where = home / ".claude" / "skills"
    assert "nowhere" in said or "zz-broken" in said
    assert sorted(os.listdir(where)) == SKILLS and tree(where / "qianwen-text") == tree(small.parent / "qianwen-text")


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
def test_make(home, work):
    def make(*words):
        return subprocess.run(["make", "-C", str(ROOT), *words, f"PYTHON={sys.executable}"], capture_output=True, timeout=120,
                              env={"PATH": os.environ["PATH"], "HOME": str(home), **BYTECODE})
    assert make("install", "AGENT=qwen").returncode == 0
    assert sorted(os.listdir(home / ".qwen" / "skills")) == SKILLS
    assert make("install", "AGENT=opencode", f"DIR={work}", "SCOPE=project").returncode == 0
    assert sorted(os.listdir(work / ".opencode" / "skills")) == SKILLS
    assert make("uninstall", "AGENT=qwen").returncode == 0 and os.listdir(home / ".qwen" / "skills") == []
    wrong = make("install")
    assert wrong.returncode != 0 and b"AGENT=claude" in wrong.stdout


# ---- nothing of the user's is lost ---------------------------------------------------------------------------------------

ADDED = {
    "a .env": lambda skill: (skill / ".env").write_text("DASHSCOPE_API_KEY=sk-mine"), "notes": lambda skill: (skill / "notes.md").write_text("mine"),
    "a hidden folder": lambda skill: ((skill / ".notes").mkdir(), (skill / ".notes" / "a").write_text("mine")),
    "an empty folder": lambda skill: (skill / "mine").mkdir(), "a link to a folder": lambda skill: (skill / "mine").symlink_to("/", True),
    "a link to a file": lambda skill: (skill / "mine").symlink_to("nowhere"), "a pipe": lambda skill: os.mkfifo(skill / "mine"),
    "an edit": lambda skill: (skill / "SKILL.md").write_text((skill / "SKILL.md").read_text("utf-8") + "mine\n", "utf-8"),
    "a file less": lambda skill: (skill / "SKILL.md").with_name("references").rename(skill / "references2"),
}


def names(folder) -> list:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("flags", [(), ("--uninstall",)], ids=["install", "uninstall"])
@pytest.mark.parametrize("by_hand", [False, True], ids=["installed", "copied"])
def test_what_the_user_put_there_stays_without_force(install, small, home, flags, by_hand):
    skill = home / ".claude" / "skills" / "qianwen-text"

    def stays(add):
        shutil.rmtree(skill.parent, ignore_errors=True)
        if by_hand:
            shutil.copytree(small.parent / "qianwen-text", skill)
        else:
            install("--agent", "claude")
        add(skill)
        before = names(skill)
        said = install("--agent", "claude", *flags, code=2)
        assert str(skill) in said and "--force" in said and names(skill) == before
        install("--agent", "claude", *flags, "--force")
        assert not skill.exists() if flags else (names(skill) != before or "mine" not in (skill / "SKILL.md").read_text("utf-8"))
    check_each({kind: (add,) for kind, add in ADDED.items()}, stays)


def test_running_an_installed_skill_does_not_change_it(install, home):
    install("--agent", "claude")
    (home / ".claude" / "skills" / "qianwen-text" / "scripts" / "__pycache__").mkdir()
    (home / ".claude" / "skills" / "qianwen-text" / "scripts" / "__pycache__" / "text.pyc").write_bytes(b"x")
    assert "replaced" in install("--agent", "claude")


def test_link_of_another_installer_is_explained(install, home):
    where = home / ".claude" / "skills"
    where.mkdir(parents=True)
    (where / "qianwen-text").symlink_to(ROOT / "skills" / "qianwen-text", True)
    said = install("--agent", "claude", "--force", code=2)
    assert f"a link to {ROOT / 'skills' / 'qianwen-text'}" in said and "remove the link" in said and "nothing was changed" in said


class Stopped(BaseException):
    """As Ctrl-C at the worst moment."""


@pytest.fixture
def module(small):
    return load(small)


@pytest.fixture
def copy(module, tmp_path):
    """An installed and edited skill, and the place where it stands."""
    folder = tmp_path / "skills" / "qianwen-text"
    module.install(str(folder.parent), "claude", False)
    (folder / "SKILL.md").write_text("mine")
    return folder


def test_interrupt_between_the_two_renames_brings_the_old_copy_back(module, small, copy, monkeypatch):
    rename = os.rename

    def stopping(source, target):
        rename(source, target)
        if "old-" in target:
            raise Stopped
    monkeypatch.setattr(module.os, "rename", stopping)
    with pytest.raises(Stopped):
        module._copy(str(small.parent / "qianwen-text"), str(copy), True)
    assert (copy / "SKILL.md").read_text() == "mine" and sorted(os.listdir(copy.parent)) == SKILLS


def test_folder_that_appears_between_the_two_renames_costs_nothing(module, small, copy, monkeypatch, capsys):
    rename = os.rename

    def racing(source, target):
        rename(source, target)
        if "old-" in target:
            copy.mkdir()
            (copy / "theirs").write_text("theirs")
    monkeypatch.setattr(module.os, "rename", racing)
    with pytest.raises(OSError):
        module._copy(str(small.parent / "qianwen-text"), str(copy), True)
    (left,) = copy.parent.glob(".qianwen-*/old-qianwen-text/SKILL.md")
    assert left.read_text() == "mine" and str(left.parent) in capsys.readouterr().err and (copy / "theirs").read_text() == "theirs"
    monkeypatch.undo()
    module._clear_leftovers(str(copy.parent))
    assert left.read_text() == "mine", "the only copy of the user's edits stays"


def test_skill_of_another_layer_of_a_container_is_replaced(module, small, copy, monkeypatch):
    rename = os.rename

    def layered(source, target):
        if "old-" in target:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)
    monkeypatch.setattr(module.os, "rename", layered)
    module._copy(str(small.parent / "qianwen-text"), str(copy), True)
    assert module.state_of(str(copy)) == "ours" and sorted(os.listdir(copy.parent)) == SKILLS


@pytest.mark.parametrize("killed", ["while copying", "between the renames", "before tidying"])
def test_what_a_killed_installer_left_is_cleared(module, small, copy, killed):
    beside = copy.parent / ".qianwen-ab12cd_9"
    shutil.copytree(small.parent / "qianwen-vision", beside / "new")
    if killed == "between the renames":
        copy.rename(beside / "old-qianwen-text")
    elif killed == "before tidying":
        shutil.copytree(copy, beside / "old-qianwen-text")
        module._copy(str(small.parent / "qianwen-text"), str(copy), True)
    module._clear_leftovers(str(copy.parent))
    assert sorted(os.listdir(copy.parent)) == SKILLS
    assert ((copy / "SKILL.md").read_text("utf-8") == "mine") == (killed != "before tidying")


def test_only_what_the_installer_made_is_cleared(module, copy):
    for name in (".qianwen-skills", ".qianwen-abcdefgh"):
        (copy.parent / name).mkdir()
        (copy.parent / name / "mine").write_text("mine")
    module._clear_leftovers(str(copy.parent))
    assert sorted(os.listdir(copy.parent)) == [".qianwen-abcdefgh", ".qianwen-skills", *SKILLS]


@pytest.mark.parametrize("variable, agent, below", [("CLAUDE_CONFIG_DIR", "claude", "skills"), ("XDG_CONFIG_HOME", "opencode", "opencode/skills")])
def test_tilde_of_a_moved_home_is_expanded(install, home, work, variable, agent, below):
    install("--agent", agent, env={variable: "~/moved"})
    assert sorted(os.listdir(home / "moved" / below)) == SKILLS and not (work / "~").exists()
    (home / "project").mkdir()
    install("--agent", agent, "--scope", "project", "--dir", "~/project")
    assert not (work / "~").exists()


def test_without_a_home_folder_none_is_invented(module, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(module.Refused, match="HOME"):
        module.target_folder("claude", None, None, {})
    with pytest.raises(module.Refused, match="CLAUDE_CONFIG_DIR"):
        module.target_folder("claude", None, None, {"CLAUDE_CONFIG_DIR": "~nobody/x"})


def test_the_command_that_is_shown_works_with_blanks(install, tmp_path):
    project = tmp_path / "a project's"
    project.mkdir()
    said = install("--agent", "claude", "--scope", "project", "--dir", project, script=INSTALL)
    command = next(line for line in said.splitlines() if "--check" in line).partition(": ")[2]
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert done.returncode == 3 and b"none (missing)" in done.stdout, done


@pytest.mark.parametrize("found, python", [("C:\\Windows\\py.exe", "py"), (None, "python")])
@pytest.mark.parametrize("path", [r"C:\x\text.py", r"C:\Users\an na\text.py", r"C:\it's & co\text.py", r"C:\5 % $x\text.py",
                                  r"C:\%TEMP%\it's\text.py", "C:\\a`b\\text.py"])
def test_the_command_for_windows(module, monkeypatch, path, found, python):
    monkeypatch.setattr(module.os, "name", "nt")
    monkeypatch.setattr(module.shutil, "which", {"py": found}.get)
    line, wanted = module._command(path), [python, path.replace("\\", "/"), "--check"]
    assert powershell(line, {}) == wanted
    if "# in PowerShell" not in line:
        assert cmd(line, {"TEMP": "elsewhere"}) == shlex.split(line) == wanted
    assert ("PowerShell" in line) == (any(sign in path for sign in "$`") or path.count("%") > 1)
