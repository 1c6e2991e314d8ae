"""What is different under Windows: files that are open, names, locks, shells, code pages. See `windows.py`."""
from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.windows import cmd, powershell, Windows

pytestmark = pytest.mark.skipif(os.name == "nt", reason="an imitation of Windows, made of POSIX")


@pytest.fixture
def windows(tmp_path):
    """A drive C: with the modules of `shared` on it."""
    drive = tmp_path / "c"
    drive.mkdir()
    with Windows(drive) as system:
        system.root = drive
        yield system


class Clock:
    """Time that passes by sleeping; what `at` maps a second to is called then."""

    def __init__(self, at=()):
        self.now, self.events = 0.0, dict(at)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [moment for moment in self.events if moment <= self.now]:
            self.events.pop(moment)()


def patient(module, clock: Clock) -> None:
    """Let `shared.files.whole` wait by this clock."""
    module.patiently = functools.partial(module.patiently, clock=clock, sleep=clock.sleep)


def put(drive, name: str, data: bytes = b"old") -> None:
    (drive / name).write_bytes(data)


def contents(drive) -> dict:
    return {path.name: path.read_bytes() for path in drive.iterdir() if path.is_file()}


# ---- files that another program has open -----------------------------------------------------------------------------

@pytest.mark.parametrize("names", [("a.md", "a.md"), ("A.MD", "a.md")], ids=["same", "other case"])
def test_a_target_that_a_reader_closes_meanwhile_is_replaced(windows, names):
    whole = windows.load("shared.files.whole")
    put(windows.root, names[0])
    reader = windows.disk.open_file("C:\\a.md", "rb")
    clock = Clock(at={1.5: reader.close})
    patient(whole, clock)
    with whole.whole("C:\\" + names[1]) as file:
        file.write(b"new")
    assert contents(windows.root) == {names[0]: b"new"} and 1.5 <= clock.now < 2


def test_a_target_that_stays_open_loses_nothing(windows):
    whole = windows.load("shared.files.whole")
    put(windows.root, "a.md")
    clock = Clock()
    patient(whole, clock)
    with windows.disk.open_file("C:\\a.md", "rb"), pytest.raises(whole.InUse) as caught:
        with whole.whole("C:\\a.md") as file:
            file.write(b"paid")
    other = caught.value.saved_as.rpartition("\\")[2]
    assert contents(windows.root) == {"a.md": b"old", other: b"paid"} and other.endswith(".md") and other.startswith("a-")
    assert "another program has it open" in caught.value.strerror and other in caught.value.strerror
    assert 2 <= clock.now < 2.2


def test_another_refusal_is_not_waited_for(windows):
    whole = windows.load("shared.files.whole")
    clock = Clock()
    patient(whole, clock)

    def refuse():
        raise PermissionError(1, "not yours")
    with pytest.raises(PermissionError):
        whole.patiently(refuse)
    with pytest.raises(FileNotFoundError), whole.whole("C:\\nowhere\\a.md"):
        pass
    assert clock.now == 0


def test_a_picture_gets_another_name(windows):
    patient(windows.load("shared.files.whole"), Clock())
    outputs, said = windows.load("shared.files.outputs"), []
    put(windows.root, "fox.png")
    files = outputs.OutputFiles("C:\\fox.png", True, "fox", 1, "png", warn=said.append)
    temporary = files.temporary()
    temporary.file.write(b"picture")
    with windows.disk.open_file("C:\\fox.png", "rb"):
        entry = files.save(temporary, 1, "image/png")
    files.discard()
    other = entry["path"].rpartition("\\")[2]
    assert contents(windows.root) == {"fox.png": b"old", other: b"picture"} and other in said[0] and entry["bytes"] == 7


def test_an_answer_that_cannot_replace_its_file_says_where_it_is(windows):
    patient(windows.load("shared.files.whole"), Clock())
    outputs = windows.load("shared.files.outputs")
    failures = windows.load("shared.failures")
    put(windows.root, "a.md")
    file = outputs.OutputFile("C:\\a.md", overwrite=True)
    with windows.disk.open_file("C:\\a.md", "rb"), pytest.raises(failures.Failure, match="another program has it open") as caught:
        file.save(b"answer", "text/markdown")
    assert caught.value.exit_code == 9 and b"answer" in contents(windows.root).values()


@pytest.mark.parametrize("held", ["the target", "the folder's proof"])
def test_a_scanner_that_looks_at_what_is_new_does_not_stop_anything(windows, held):
    whole = windows.load("shared.files.whole")
    clock = Clock()
    patient(whole, clock)
    opened = []
    create = windows.disk.open

    def scanned(path, *arguments):
        descriptor = create(path, *arguments)
        if not opened:
            opened.append(windows.disk.open_file(path, "rb"))
            clock.events[clock.now + 0.4] = opened[0].close
        return descriptor
    windows.os.open = scanned
    whole.prove_name("C:\\a.png") if held == "the target" else whole.prove_writable("C:\\")
    assert opened and contents(windows.root) == {}
    assert clock.now > 0.3


# ---- names -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, legal", [("aux.png", "aux-.png"), ("Nul.tar.gz", "Nul-.tar.gz"), ("com¹.png", "com¹-.png"),
                                         ("what?.png", "what-.png"), ("conout$.png", "conout$-.png")])
def test_a_name_that_windows_does_not_take_is_refused_before_paying(windows, name, legal):
    outputs, failures = windows.load("shared.files.outputs"), windows.load("shared.failures")
    made = [lambda: outputs.OutputFile("C:\\new\\" + name), lambda: outputs.check_replaceable("C:\\" + name, "--chat"),
            lambda: outputs.OutputFiles("C:\\new\\" + name, False, "x", 1, "png")]
    for make in made:
        with pytest.raises(failures.Failure, match="call it ") as caught:
            make()
        assert caught.value.exit_code == failures.Exit.USAGE and f"call it {legal}" in caught.value.message
    assert list(windows.root.iterdir()) == []
    outputs.OutputFile("C:\\" + legal).discard()


def test_a_prompt_that_is_a_device_becomes_a_legal_name(windows):
    outputs = windows.load("shared.files.outputs")
    assert [outputs.slug(text) for text in ("NUL", "Lpt3!", "com²", "console")] == ["nul-", "lpt3-", "com²-", "console"]


# ---- commands that are printed ---------------------------------------------------------------------------------------

HARMLESS = [r"C:\skills", r"C:\my skills", r"C:\Users\li & co (2)", r"C:\it's here", r"C:\100% sure", r"\\server\a share", "C:\\技能",
            "C:\\a;b,c=d", r"C:\a^b!c", "C:\\RUNNER~1", "C:\\", "C:\\#x @y {z}", "C:\\a [1]\\", "C:\\‘quoted’"]
ONE_SHELL = ["C:\\a$b", "C:\\a$(b)c", "C:\\back`tick", "C:\\%TEMP%\\x", "C:\\a%b%c d", "C:\\“a”", "C:\\it's $5", "C:\\’$‘"]
ONE_LINE = re.compile("[^\r\n]+")


@pytest.fixture
def printed(windows, monkeypatch):
    """`printed(folder, *arguments, state=…)` is the command for a script in that folder."""
    commands = windows.load("shared.cli.commands")
    monkeypatch.setattr(commands, "_program", lambda: "py")
    return lambda folder, *arguments, **named: commands.command_line(*arguments, script=folder.rstrip("\\") + "\\text.py", **named)


def script_in(folder: str) -> str:
    return folder.replace("\\", "/").rstrip("/") + "/text.py"


@pytest.mark.parametrize("folder", HARMLESS)
def test_a_command_for_all_shells_of_windows(printed, folder):
    line = printed(folder, "--resume", "q-12")
    wanted = ["py", script_in(folder), "--resume", "q-12"]
    assert cmd(line, {"TEMP": "elsewhere"}) == powershell(line, {}) == shlex.split(line) == wanted and "#" not in line.split('"')[-1]


@pytest.mark.parametrize("folder", ONE_SHELL)
def test_a_command_that_only_powershell_can_take_says_so(printed, folder):
    line = printed(folder, "--resume", "q-12")
    assert powershell(line, {}) == ["py", script_in(folder), "--resume", "q-12"] and line.endswith("  # in PowerShell")
    assert ONE_LINE.fullmatch(line)


def test_an_argument_that_ends_in_a_backslash(printed):
    line = printed("C:\\x", "--output", "C:\\my files\\", "--resume", "C:\\out\\")
    assert cmd(line, {}) == powershell(line, {}) == ["py", "C:/x/text.py", "--output", "C:/my files/", "--resume", "C:/out/"]


@pytest.mark.parametrize("state", ["D:\\state\\qianwen", "D:\\RUNNER~1\\qianwen"])
def test_the_journal_is_found_from_cmd_and_powershell(printed, state):
    line = printed("C:\\skills", "--resume", "q-12", state=state)
    for words in (cmd(line.replace("&&", "＆"), {}), powershell(line, {})):
        inner = words[2].replace("＆", "&&")
        setting, _, command = inner.partition("&& ")
        assert words[:2] == ["cmd", "/c"] and setting == "set XDG_STATE_HOME=" + state.replace("\\", "/").rpartition("/")[0]
        assert cmd(command, {}) == ["py", "C:/skills/text.py", "--resume", "q-12"]


@pytest.mark.parametrize("folder, state", [("C:\\my skills", "D:\\state\\qianwen"), ("C:\\x", "D:\\it's $mine\\qianwen"),
                                           ("C:\\x", "D:\\a & b; c\\qianwen")])
def test_the_journal_is_found_from_powershell(printed, folder, state):
    line, variables = printed(folder, "--resume", "q-12", state=state), {}
    assert powershell(line, variables) == ["py", script_in(folder), "--resume", "q-12"] and "PowerShell" in line
    assert variables == {"XDG_STATE_HOME": state.replace("\\", "/").rpartition("/")[0]}


def test_the_usual_journal_needs_no_variable(printed):
    assert printed("C:\\x", "--tasks", state="C:\\Users\\li\\.local\\state\\qianwen") == "py C:/x/text.py --tasks"


@pytest.mark.parametrize("here, executable, program", [
    (["python.exe", "py.exe"], "bin\\python.exe", "python"), (["py.exe", "python.exe"], "other\\python.exe", "py"),
    ([], "other\\python.exe", "C:\\other\\python.exe"), ([], "a b\\python.exe", "python")])
def test_how_python_is_called(windows, monkeypatch, here, executable, program):
    commands = windows.load("shared.cli.commands")
    for folder in ("bin", "other", "a b"):
        (windows.root / folder).mkdir()
    for path in ("other\\python.exe", "a b\\python.exe", *("bin\\" + name for name in here)):
        put(windows.root, path.replace("\\", "/"))
    monkeypatch.setattr(windows.os, "get_exec_path", lambda: ["C:\\bin", "bin", "."], raising=False)
    monkeypatch.setattr(commands.sys, "executable", "C:\\" + executable)
    assert commands._program() == program


def test_a_program_of_the_working_directory_is_not_started(windows, monkeypatch):
    commands = windows.load("shared.cli.commands")
    for folder in ("project", "bin"):
        (windows.root / folder).mkdir()
        put(windows.root, f"{folder}/ffmpeg.exe")
    windows.disk.cwd = "C:\\project"
    monkeypatch.setattr(windows.os, "get_exec_path", lambda: ["", ".", "C:\\PROJECT\\.", "..\\project", "C:\\bin"], raising=False)
    assert commands.on_path("ffmpeg") == "C:\\bin\\ffmpeg.exe"
    (windows.root / "bin" / "ffmpeg.exe").unlink()
    assert commands.on_path("ffmpeg") is None


HOSTILE = ["a b", "it's", "a$b", "$(touch PWNED)", "`touch PWNED`", "%HOME%", "a\\", "x;y&z|w", "a\nb", "\t", "\x1b[2J", "技能", "-n", "a\"b",
           "!!", "*", "~", "{a,b}", "#x", "é\n'", os.fsdecode(b"\xff\xfe'"), "$'x'", "<>"]


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_command_for_bash(tmp_path, monkeypatch, name):
    from shared.cli import commands
    folder = tmp_path / name
    folder.mkdir()
    python = folder / "python"
    python.write_text("#!/bin/sh\nprintf '%s\\0' \"$XDG_STATE_HOME\" \"$0\" \"$@\"\n")
    python.chmod(0o755)
    monkeypatch.setattr(commands.sys, "executable", str(python))
    line = commands.command_line("--resume", name, script=str(folder / "text.py"), state=str(folder / "qianwen"))
    done = subprocess.run(["bash", "-c", line], capture_output=True, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    words = [str(folder), str(python), str(folder / "text.py"), "--resume", name]
    assert done.stdout == b"".join(os.fsencode(word) + b"\0" for word in words), (line, done)
    assert os.listdir(tmp_path) == [name] and line.isprintable()
