"""What is different under Windows: files that are open, names, locks, shells, code pages. See `windows.py`."""
from __future__ import annotations

import codecs
import functools
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date

import pytest

from tests.windows import cmd, console_936, powershell, Windows

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
    answers = windows.load("shared.files.answer_file")
    failures = windows.load("shared.failures")
    put(windows.root, "a.md")
    file = answers.OutputFile("C:\\a.md", overwrite=True)
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
    answers, outputs = windows.load("shared.files.answer_file"), windows.load("shared.files.outputs")
    json_file, failures = windows.load("shared.files.json_file"), windows.load("shared.failures")
    made = [lambda: answers.OutputFile("C:\\new\\" + name), lambda: json_file.check_replaceable("C:\\" + name, "--chat"),
            lambda: outputs.OutputFiles("C:\\new\\" + name, False, "x", 1, "png")]
    for make in made:
        with pytest.raises(failures.Failure, match="call it ") as caught:
            make()
        assert caught.value.exit_code == failures.Exit.USAGE and f"call it {legal}" in caught.value.message
    assert list(windows.root.iterdir()) == []
    answers.OutputFile("C:\\" + legal).discard()


def test_a_prompt_that_is_a_device_becomes_a_legal_name(windows):
    names = windows.load("shared.files.names")
    assert [names.slug(text) for text in ("NUL", "Lpt3!", "com²", "console")] == ["nul-", "lpt3-", "com²-", "console"]


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


@pytest.mark.parametrize("on_path, program", [
    (["python3", "python"], "python3"), (["python"], "python"), (["another python3", "python"], "python"), (["another python3"], "full path"),
    ([], "full path")], ids=str)
def test_python_has_its_short_name_where_that_is_the_one_that_runs(tmp_path, monkeypatch, on_path, program):
    from shared.cli import commands
    for entry in on_path:
        kind, _, name = entry.rpartition(" ")
        (tmp_path / name).symlink_to(shutil.which("sh") if kind else os.path.realpath(sys.executable))
    monkeypatch.setenv("PATH", str(tmp_path))
    wanted = sys.executable if program == "full path" else program
    assert commands.command_line("--tasks", script="/skills/video.py") == f"{shlex.quote(wanted)} /skills/video.py --tasks"


# ---- the journal, the spending, batches ------------------------------------------------------------------------------

STATE = "C:\\Users\\li\\.local\\state\\qianwen"


def test_a_record_lives_and_goes(windows):
    journal = windows.load("shared.tasks.journal").Journal(STATE)
    journal.prove()
    record = journal.new("qianwen-image-generation", prompt="狐狸")
    journal.write(record)
    journal.write({**record, "task_id": "t1", "state": "running"})
    assert journal.find("t1")["prompt"] == "狐狸" and journal.known_tasks() == {"t1"}
    put(windows.root, "fox.png")
    journal.remove({**journal.find("t1"), "state": "ready", "saved": {"1": {"path": "C:\\fox.png"}}})
    assert journal.all() == [] and journal.fetched("t1")["files"] == [{"path": "C:\\fox.png"}] and journal.known_tasks() == {"t1"}
    assert b"\r" not in b"".join(contents(windows.root / "Users/li/.local/state/qianwen/tasks").values())


def test_a_record_that_another_run_reads_is_replaced_and_deleted(windows):
    module, whole = windows.load("shared.tasks.journal"), windows.load("shared.files.whole")
    journal = module.Journal(STATE)
    record = journal.new("qianwen-text")
    journal.write(record)
    for change in (lambda: journal.write({**record, "task_id": "t1"}), lambda: journal.remove(record)):
        reader = windows.disk.open_file(f"{STATE}\\tasks\\{record['id']}.json", "rb")
        clock = Clock(at={0.2: reader.close})
        patient(whole, clock)
        change()
        assert reader.closed
    assert journal.all() == []


def test_the_spending_is_added_and_summed(windows, monkeypatch):
    payments, sums, today = long_above(windows, monkeypatch, 500), windows.load("shared.money.sums"), date.today()
    for _ in range(12):
        payments.write("m", {"tokens": 2}, 0.5)
    assert payments._sums.since(today) == sums.Sums(STATE).since(today) == 6.0
    assert any("spending-0" in name for name in contents(windows.root / "Users/li/.local/state/qianwen"))


def test_a_long_file_that_is_open_is_set_aside_later(windows, monkeypatch):
    payments, today = long_above(windows, monkeypatch, 10), date.today()
    payments.write("m", {}, 1.0)
    with windows.disk.open_file(STATE + "\\spending.jsonl", "rb"):
        payments.write("m", {}, 1.0)
    payments.write("m", {}, 1.0)
    one = payments._sums
    assert one.since(today) == 3.0 and one.between(today, today)["qianwen-text", "m"].calls == 3


def long_above(windows, monkeypatch, size: int):
    """Payments whose file of the spending is set aside above a size."""
    for name in ("sums", "spending"):
        monkeypatch.setattr(windows.load("shared.money." + name), "MOST_BYTES", size)
    return windows.load("shared.money.payments").Payments(STATE, "qianwen-text")


def died(windows, *amounts) -> str:
    """The file of a process that ended with these calls open."""
    calls = windows.load("shared.money.spending").UnderWay(STATE)
    for amount in amounts:
        calls.begin("qianwen-text", "m", amount)
    calls._lock.__exit__()
    return calls._lock.path


def test_a_doubt_is_counted_once_though_its_file_stays(windows):
    patient(windows.load("shared.files.whole"), Clock())
    one, today = windows.load("shared.money.sums").Sums(STATE), date.today()
    path = died(windows, 1.0, 2.0)
    with windows.disk.open_file(path, "rb"):
        assert one.under_way() == 0
        assert one.under_way() == 0 and one.since(today) == 3.0
        assert windows.os.path.exists(path)
    assert one.under_way() == 0 and not windows.os.path.exists(path)
    assert one.between(today, today)["qianwen-text", "m"].in_doubt == 2


def test_calls_whose_file_cannot_be_changed_count_as_under_way(windows):
    one = windows.load("shared.money.sums").Sums(STATE)
    path = died(windows, 1.0, 2.0)
    windows.os.chmod(path, 0o444)
    assert [one.under_way(), one.under_way(), one.since(date.today())] == [3.0, 3.0, 0]


def test_calls_under_way_are_held_by_their_process(windows):
    sums = windows.load("shared.money.sums")
    one, calls = sums.Sums(STATE), windows.load("shared.money.spending").UnderWay(STATE)
    number = calls.begin("qianwen-text", "m", 1.5)
    assert sums.Sums(STATE).under_way() == 1.5
    calls.end(number)
    calls.close()
    assert one.under_way() == 0 and one.since(date.today()) == 0 and one._files_under_way() == []


def batch_in(windows, *rows, table=False):
    """(folder, rows) of a batch of these rows, in C:\\out."""
    data = "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows)
    put(windows.root, "rows.jsonl", data.encode())
    flags, console = windows.load("shared.cli.flags"), windows.load("shared.cli.console")

    def parser():
        made = flags.Parser(prog="x")
        made.add_argument("prompt", nargs="?")
        flags.add_batch_flags(made)
        flags.add_common_flags(made, "skill", "model")
        return made
    options = parser().parse_args(["--batch", "C:\\rows.jsonl", "-o", "C:\\out"])
    row_file = windows.load("shared.batch.rows").RowFile("C:\\rows.jsonl", options, parser, "C:\\out", main="prompt")
    row_file.check()
    folder = windows.load("shared.batch.folder").BatchFolder("C:\\out", row_file, console.Console("skill"), again=False,
                                                             recoverable=None, table=table)
    return folder, list(row_file.rows())


ROWS = [{"prompt": "猫"}, {"prompt": "b", "output": "Fuchs.md"}, {"prompt": "c"}]


def test_a_batch_from_beginning_to_end(windows):
    folder, rows = batch_in(windows, *ROWS, table=True)
    folder.read()
    with folder.locked(1, lambda: None):
        folder.open()
        for row in reversed(rows):
            folder.begin(row.key)
            folder.record(row, {"ok": True, "text": "答\n"})
        folder.close(0)
    files = contents(windows.root / "out")
    assert sorted(files) == ["results.csv", "results.jsonl"] and b"\r" not in files["results.jsonl"]
    lines = [json.loads(line) for line in files["results.jsonl"].decode("utf-8").splitlines()]
    assert [line["row"] for line in lines] == [1, 2, 3] and files["results.csv"].startswith(b"\xef\xbb\xbf")


def test_a_batch_that_was_killed_goes_on(windows):
    folder, rows = batch_in(windows, *ROWS)
    lock = folder.locked(1, lambda: None)
    lock.__enter__()
    folder.open()
    for row in rows[:2]:
        folder.begin(row.key)
    folder.record(rows[1], {"ok": True, "text": "done"})
    for descriptor in (folder._started_fd, folder._results_fd, lock._lock._descriptor):
        os.close(descriptor)  # what the system does for a process that was killed
    folder, rows = batch_in(windows, *ROWS)
    folder.read()
    with folder.locked(1, lambda: None):
        folder.open()
        assert [folder.wants(row) for row in rows] == [False, False, True] and folder.in_doubt == {rows[0].key}


def test_two_runs_do_not_work_in_one_folder(windows):
    folder, _ = batch_in(windows, *ROWS)
    failures = windows.load("shared.failures")
    with folder.locked(1, lambda: None), pytest.raises(failures.Failure) as caught:
        folder.locked(-1, lambda: None).__enter__()
    assert caught.value.exit_code == failures.Exit.RUNNING
    with folder.locked(-1, lambda: None):
        pass
    assert contents(windows.root / "out") == {}


@pytest.mark.parametrize("output", ["..\\a.md", "C:\\a.md", "C:a.md", "\\a.md", "x\\..\\..\\a.md", "//server/a.md", "a.md:stream"])
def test_rows_stay_in_their_folder(windows, output):
    with pytest.raises(Exception, match="must be a relative name|stays in the output folder"):
        batch_in(windows, {"prompt": "a", "output": output})


def test_outputs_that_differ_in_case_alone_are_one_file(windows):
    with pytest.raises(Exception, match="output"):
        batch_in(windows, {"prompt": "a", "output": "A.md"}, {"prompt": "b", "output": "a.MD"})


def test_a_table_that_is_open_in_a_spreadsheet_is_saved_beside(windows):
    patient(windows.load("shared.files.whole"), Clock())
    folder, rows = batch_in(windows, *ROWS, table=True)
    (windows.root / "out").mkdir()
    put(windows.root / "out", "results.csv")
    in_use = windows.load("shared.files.whole").InUse
    with windows.disk.open_file("C:\\out\\results.csv", "rb"), folder.locked(1, lambda: None), pytest.raises(in_use) as caught:
        folder.open()
        folder.record(rows[0], {"ok": True, "text": "paid"})
        folder.close(0)
    other = caught.value.saved_as.rpartition("\\")[2]
    assert b"paid" in contents(windows.root / "out")[other] and contents(windows.root / "out")["results.csv"] == b"old"


@pytest.mark.parametrize("described, asked, found", [("fox.png", "FOX.PNG", "FOX.json"), ("fox.mp4", "fox.png", "fox.png.json")])
def test_a_description_belongs_to_its_file_in_any_case(windows, described, asked, found):
    sidecar = windows.load("shared.files.sidecar")
    put(windows.root, "fox.json", json.dumps({"file": described, "skill": "qianwen-image-generation"}).encode())
    assert sidecar.sidecar_path("C:\\" + asked) == "C:\\" + found
    assert sidecar.is_sidecar("C:\\fox.json")


# ---- the console and the worker process ------------------------------------------------------------------------------

SAID = "答案：猫 🐈 é — ok"


def test_what_is_said_under_a_chinese_code_page_is_utf_8(windows, monkeypatch):
    console, main = windows.load("shared.cli.console"), windows.load("shared.main")
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(main.sys, "stdout", console_936(out))
    monkeypatch.setattr(main.sys, "stderr", console_936(err))
    main._prepare_streams()
    here = console.Console("qianwen-text")
    here.result(SAID + "\n")
    here.say(SAID)
    assert (out.getvalue().decode("utf-8"), err.getvalue().decode("utf-8")) == (SAID + "\n", f"qianwen-text: {SAID}\n")


def test_a_stream_that_cannot_be_made_utf_8_loses_no_answer(windows):
    console = windows.load("shared.cli.console")
    written = io.BytesIO()
    stream = codecs.getwriter("cp936")(written)  # has no `reconfigure`, as what some programs put in the place of stdout
    stream.encoding = "cp936"
    console.make_utf8(stream)
    here = console.Console("qianwen-text", stdout=stream, stderr=stream)
    here.result("答 🐈 é ok\n")
    assert written.getvalue().decode("cp936") == "答 ? é ok\n"


def test_a_missing_stream_becomes_the_null_device(windows, monkeypatch):
    main = windows.load("shared.main")
    monkeypatch.setattr(main.sys, "stdout", None)  # as under pythonw
    main._prepare_streams()
    assert main.sys.stdout.write("nowhere") == 7
    main.sys.stdout.close()


def test_the_worker_process_is_apart_from_ctrl_c(windows, monkeypatch):
    worker = windows.load("shared.batch.worker")
    put(windows.root, "text.py")
    started = {}

    class Process:
        stdin, waits = io.BytesIO(), []

        def __init__(self, words, **settings):
            started.update(settings, words=words)

        def wait(self, timeout):
            self.waits.append(timeout)
            if len(self.waits) == 2:
                raise KeyboardInterrupt
            if len(self.waits) < 4:
                raise subprocess.TimeoutExpired("text.py", timeout)
            return 7
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 512, raising=False)
    monkeypatch.setattr(worker.sys, "argv", ["C:\\text.py"])
    said = []
    written = Process.stdin.write
    Process.stdin.write = lambda data: said.append(data) or written(data)
    console = windows.load("shared.cli.console").Console("qianwen-text", stderr=io.StringIO())
    assert worker.hand_over(["--batch", "rows.jsonl"], console) == 7
    assert started["creationflags"] == 512 and "start_new_session" not in started and started["words"][-2:] == ["--batch", "rows.jsonl"]
    assert set(Process.waits) == {0.5} and said == [b"s"], "a wait without limit would not hear of Ctrl-C there"


def test_the_worker_ends_when_its_caller_is_gone(windows):
    worker = windows.load("shared.batch.worker")
    mine, other = os.pipe()
    kept = [os.dup(stream) for stream in (1, 2)]
    stopped = []
    try:
        os.write(other, b"s")
        os.close(other)
        worker._listen(mine, lambda: stopped.append(1))
        assert len(stopped) == 2 and all(os.path.samestat(os.fstat(stream), os.stat(os.devnull)) for stream in (1, 2))
    finally:
        for stream, descriptor in zip((1, 2), kept):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        os.close(mine)
