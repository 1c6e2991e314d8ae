"""What is different under Windows: files that are open, names, locks, shells, code pages. See `windows.py`."""
from __future__ import annotations

import functools
import os

import pytest

from tests.windows import Windows

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
