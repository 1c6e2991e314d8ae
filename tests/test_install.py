"""The installer as a real command: plain copies for each agent, older ones replaced, strangers' folders left alone."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.check import ROOT

INSTALL = ROOT / "skills" / "install.py"
SKILLS = sorted(path.parent.name for path in (ROOT / "skills").glob("*/SKILL.md"))
# where each agent looks (measured with the real programs)
PLACES = {"claude": (".claude/skills", ".claude/skills"), "qwen": (".qwen/skills", ".qwen/skills"),
          "codex": (".codex/skills", ".codex/skills"), "gemini": (".gemini/skills", ".gemini/skills"),
          "opencode": (".config/opencode/skills", ".opencode/skills"), "agents": (".agents/skills", ".agents/skills")}


@pytest.fixture
def install(home, work):
    def run(*arguments, script=INSTALL, env=None, code=0):
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        done = subprocess.run([sys.executable, str(script), *map(str, arguments)], cwd=work, env=environment, capture_output=True, timeout=60)
        assert done.returncode == code and b"Traceback" not in done.stderr, (done.stdout, done.stderr)
        return (done.stdout + done.stderr).decode("utf-8")
    return run


def tree(folder) -> dict:
    """The files below a folder and their bytes, without the installer's mark."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != ".qianwen-skills" and "__pycache__" not in path.parts}


@pytest.mark.parametrize("agent", PLACES)
@pytest.mark.parametrize("scope", ["user", "project"])
def test_plain_copies_where_the_agent_looks(install, home, tmp_path, agent, scope):
    project = tmp_path / "a project 项目"
    project.mkdir()
    where = home / PLACES[agent][0] if scope == "user" else project / PLACES[agent][1]
    said = install("--agent", agent, *([] if scope == "user" else ["--scope", "project", "--dir", project]))
    assert sorted(path.name for path in where.iterdir()) == SKILLS
    for name in SKILLS:
        assert str(where / name) in said and tree(where / name) == tree(ROOT / "skills" / name)
    assert not any(path.is_symlink() for path in where.rglob("*")) and "see that they are there" in said


def test_copy_runs_elsewhere(install, home, work):
    install("--agent", "claude")
    script = home / ".claude" / "skills" / "qianwen-audio-tts" / "scripts" / "tts.py"
    done = subprocess.run([sys.executable, str(script), "你好", "--dry-run"], cwd=work, capture_output=True, check=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "HOME": str(home), "DASHSCOPE_API_KEY": "sk-of-nobody-0123456789"})
    assert "你好" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("variable, agent, below", [("CLAUDE_CONFIG_DIR", "claude", "skills"), ("CODEX_HOME", "codex", "skills"),
                                                    ("XDG_CONFIG_HOME", "opencode", "opencode/skills")])
def test_agents_home_that_was_moved(install, tmp_path, variable, agent, below):
    install("--agent", agent, env={variable: str(tmp_path / "moved")})
    assert sorted(os.listdir(tmp_path / "moved" / below)) == SKILLS


def test_older_copy_is_replaced(install, home):
    """Made by hand, without the mark: stale files go."""
    where = home / ".qwen" / "skills"
    shutil.copytree(ROOT / "skills" / "qianwen-text", where / "qianwen-text")
    (where / "qianwen-text" / "scripts" / "stale.py").write_text("x = 1\n")
    assert f"replaced {where / 'qianwen-text'}" in install("--agent", "qwen")
    assert tree(where / "qianwen-text") == tree(ROOT / "skills" / "qianwen-text")
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


def test_nothing_private_is_copied(install, home, tmp_path):
    """What lies about in a working copy stays there."""
    source = tmp_path / "skills"
    shutil.copytree(ROOT / "skills", source)
    (source / "qianwen-text" / ".env").write_text("DASHSCOPE_API_KEY=sk-secret\n")
    (source / "qianwen-text" / "scripts" / "__pycache__").mkdir(exist_ok=True)
    (source / "qianwen-text" / "scripts" / "__pycache__" / "text.pyc").write_bytes(b"x")
    install("--agent", "claude", script=source / "install.py")
    names = [path.name for path in (home / ".claude" / "skills").rglob("*")]
    assert ".env" not in names and "text.pyc" not in names and "__pycache__" not in names and "install.py" not in names


def test_failure_leaves_the_old_copy_whole(install, home, tmp_path):
    """A file that cannot be read in the middle of it."""
    install("--agent", "claude")
    source = tmp_path / "skills"
    shutil.copytree(ROOT / "skills", source)
    (source / "qianwen-text" / "zz-broken").symlink_to("nowhere")
    said = install("--agent", "claude", script=source / "install.py", code=2)
    where = home / ".claude" / "skills"
    assert "nowhere" in said or "zz-broken" in said
    assert sorted(os.listdir(where)) == SKILLS and tree(where / "qianwen-text") == tree(ROOT / "skills" / "qianwen-text")


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
def test_make(home, work):
    def make(*words):
        return subprocess.run(["make", "-C", str(ROOT), *words, f"PYTHON={sys.executable}"], capture_output=True, timeout=120,
                              env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"})
    assert make("install", "AGENT=qwen").returncode == 0
    assert sorted(os.listdir(home / ".qwen" / "skills")) == SKILLS
    assert make("install", "AGENT=opencode", f"DIR={work}", "SCOPE=project").returncode == 0
    assert sorted(os.listdir(work / ".opencode" / "skills")) == SKILLS
    assert make("uninstall", "AGENT=qwen").returncode == 0 and os.listdir(home / ".qwen" / "skills") == []
    wrong = make("install")
    assert wrong.returncode != 0 and b"AGENT=claude" in wrong.stdout
