"""File names, whole-or-nothing writes, and JSON files that several processes change."""
from __future__ import annotations

import json
import os
import sys
import threading
import time

import pytest

from shared.failures import Exit, Failure
from shared.files import json_file, locks, own, whole
from shared.files.locks import FileLock, Held, Unsupported
from shared.files.answer_file import output_for, OutputFile
from shared.files.json_file import check_replaceable, replace_json
from shared.files.names import slug
from shared.files.outputs import OutputFiles
from shared.files.whole import prove_name, short_id, sweep, Temporary, unfinished

WINDOWS = sys.platform == "win32"
RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10))}


# ---- names -----------------------------------------------------------------------------------------------------------

SLUGS = [
    ("Explain TLS in three sentences", "explain-tls-in-three-sentences"), ("你好，世界！", "你好-世界"), ("東京タワー 2026", "東京タワー-2026"),
    ("Привет, мир", "привет-мир"), ("a 🦊 fox", "a-fox"), ("🦊🦊", "result"), ("", "result"), ("?!*", "result"), ("  spaces\t\n ", "spaces"),
    ("../../etc/passwd", "etc-passwd"), ("C:\\Windows\\x", "c-windows-x"), ("/", "result"), ("..", "result"), (".hidden", "hidden"),
    ("-o --overwrite", "o-overwrite"), ("snake_case", "snake-case"), ("a\0b", "a-b"), ("e\u0301", "é"), ("report.md.", "report-md"),
    ("CON", "con-"), ("nul", "nul-"), ("Lpt9", "lpt9-"), ("console", "console"), ("x" * 200, "x" * 40), ("四" * 200, "四" * 40),
    ("a" * 39 + " b", "a" * 39), ("\udcff\udce4", "result"),
]
LONG_LETTERS = ["𠮷" * 100, "𠮷 " * 100, "Ω" * 100, "İ" * 100]


@pytest.mark.parametrize("text, name", SLUGS, ids=[ascii(text[:30]) for text, _ in SLUGS])
def test_slugs(text, name):
    assert slug(text) == name


@pytest.mark.parametrize("text", [text for text, _ in SLUGS] + LONG_LETTERS, ids=ascii)
def test_slugs_are_safe_names(tmp_path, text):
    name = slug(text)
    assert 0 < len(name.encode()) <= 120 and name not in RESERVED
    assert not set(name) & set('/\\:*?"<>|.\0\n\r\t ') and not name.startswith("-")
    (tmp_path / (name + "-0123ab.md")).touch()


def test_short_ids_differ():
    ids = {short_id() for _ in range(50)}
    assert len(ids) > 45 and all(len(name) == 6 and int(name, 16) >= 0 for name in ids)


# ---- targets ---------------------------------------------------------------------------------------------------------

def names(folder) -> list:
    return sorted(os.listdir(folder))


def refused(path, **settings) -> Failure:
    with pytest.raises(Failure) as caught:
        OutputFile(str(path), **settings)
    return caught.value


def save(target: OutputFile, data: bytes = b"new") -> dict:
    return target.save(data, "text/markdown")


def test_a_saved_file_is_whole_and_alone(tmp_path):
    path = tmp_path / "answer.md"
    target = OutputFile(str(path))
    assert not path.exists(), "nothing has the final name before it is whole"
    assert save(target) == {"path": str(path), "bytes": 3, "media_type": "text/markdown"}
    target.discard()
    assert names(tmp_path) == ["answer.md"] and path.read_bytes() == b"new"


def test_the_path_is_reported_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save(OutputFile("answer.md"))["path"] == "answer.md"


def test_a_discarded_target_leaves_nothing(tmp_path):
    OutputFile(str(tmp_path / "answer.md")).discard()
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"old", b""])
def test_an_existing_file_is_refused_before(tmp_path, content):
    path = tmp_path / "answer.md"
    path.write_bytes(content)
    failure = refused(path)
    assert failure.exit_code == Exit.EXISTS and "--overwrite" in failure.fix and "nothing was sent" in failure.message
    assert path.read_bytes() == content and names(tmp_path) == ["answer.md"]


def test_overwrite_replaces_only_at_the_end(tmp_path):
    path = tmp_path / "answer.md"
    path.write_bytes(b"old")
    target = OutputFile(str(path), overwrite=True)
    assert path.read_bytes() == b"old"
    save(target)
    assert path.read_bytes() == b"new" and names(tmp_path) == ["answer.md"]


def test_overwrite_keeps_the_old_file_when_nothing_comes(tmp_path):
    path = tmp_path / "answer.md"
    path.write_bytes(b"old")
    OutputFile(str(path), overwrite=True).discard()
    assert path.read_bytes() == b"old" and names(tmp_path) == ["answer.md"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_no_file(tmp_path, overwrite):
    assert refused(tmp_path, overwrite=overwrite).exit_code == Exit.USAGE


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    failure = refused(tmp_path / "file" / "answer.md")
    assert failure.exit_code == Exit.USAGE and "--output" in failure.fix and names(tmp_path) == ["file"]


@pytest.mark.skipif(WINDOWS or getattr(os, "geteuid", lambda: 1)() == 0, reason="this user can write everywhere")
def test_a_read_only_folder_is_refused_before(tmp_path):
    tmp_path.chmod(0o555)
    try:
        failure = refused(tmp_path / "answer.md")
    finally:
        tmp_path.chmod(0o755)
    assert failure.exit_code == Exit.USAGE and "cannot be written" in failure.message


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")
@pytest.mark.parametrize("path", ["/proc/answer.md", "/proc/new/folder/answer.md"])
def test_a_place_nobody_can_write_is_refused_before(path):
    failure = refused(path)
    assert failure.exit_code == Exit.USAGE and "/proc" in failure.message and "--output" in failure.fix


def test_missing_folders_are_made_and_removed_again(tmp_path):
    path = tmp_path / "a" / "b" / "answer.md"
    OutputFile(str(path)).discard()
    assert names(tmp_path) == []
    (tmp_path / "a").mkdir()
    OutputFile(str(path)).discard()
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == [], "a folder that was there stays"
    target = OutputFile(str(path))
    save(target)
    target.discard()
    assert names(path.parent) == ["answer.md"]


def test_a_made_folder_that_something_else_uses_stays(tmp_path):
    target = OutputFile(str(tmp_path / "a" / "answer.md"))
    (tmp_path / "a" / "other").touch()
    target.discard()
    assert names(tmp_path / "a") == ["other"]


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    path = tmp_path / "answer.md"
    target = OutputFile(str(path))
    path.write_bytes(b"someone else's")
    with pytest.raises(Failure) as caught:
        save(target)
    assert caught.value.exit_code == Exit.UNSAVED and caught.value.fix
    assert path.read_bytes() == b"someone else's" and names(tmp_path) == ["answer.md"]


def refuse_links(*_, **__):
    raise OSError(95, "Operation not supported")


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse_links)
    save(OutputFile(str(tmp_path / "answer.md")))
    assert names(tmp_path) == ["answer.md"]


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, monkeypatch):
    target = OutputFile(str(tmp_path / "new" / "answer.md"))

    def full(_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Failure, match="No space left") as caught:
        save(target)
    assert caught.value.exit_code == Exit.UNSAVED and names(tmp_path) == []


@pytest.mark.skipif(WINDOWS, reason="symbolic links need a right there")
def test_symbolic_links(tmp_path):
    real, link, dangling = tmp_path / "real.md", tmp_path / "link.md", tmp_path / "dangling.md"
    real.write_bytes(b"old")
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "nowhere.md")
    assert refused(link).exit_code == refused(dangling).exit_code == Exit.EXISTS
    for path in (link, dangling):
        save(OutputFile(str(path), overwrite=True))
        assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["dangling.md", "link.md", "real.md"], "nothing was written through the dangling link"


@pytest.mark.parametrize("name", ["a" * 250 + ".md", "四" * 80 + ".md", "四" * 83 + ".md", "a b ' \" $.md", "-o.md", "答.md"],
                         ids=["250 letters", "80 CJK", "83 CJK", "quotes", "like a flag", "CJK"])
def test_every_name_the_file_system_takes(tmp_path, name):
    try:
        (tmp_path / name).touch()
        (tmp_path / name).unlink()
    except OSError:
        pytest.skip("not a legal name here")
    save(OutputFile(str(tmp_path / name)))
    assert names(tmp_path) == [name]


def test_the_temporary_file_is_hidden_beside_the_target(tmp_path):
    temporary = unfinished(str(tmp_path))
    assert os.path.dirname(temporary) == str(tmp_path)
    assert os.path.basename(temporary).startswith(".") and temporary.endswith(".tmp")


# ---- names in folders ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("output, made", [("out", True), ("out/", True), ("out/", False), ("a/b/", False)])
def test_a_folder_gets_a_file_named_after_the_prompt(tmp_path, monkeypatch, output, made):
    monkeypatch.chdir(tmp_path)
    if made:
        os.makedirs(output)
    first, second = (save(output_for(output, False, "你好, World!", "md"))["path"] for _ in range(2))
    assert first != second and names(output) == sorted(map(os.path.basename, (first, second)))
    assert os.path.basename(first).startswith("你好-world-") and first.endswith(".md")


def test_a_file_name_is_taken_as_it_is(tmp_path):
    assert output_for(str(tmp_path / "x.txt"), False, "prompt", "md").path == str(tmp_path / "x.txt")


# ---- JSON files ------------------------------------------------------------------------------------------------------

def append(value):
    return lambda items: (items or []) + [value]


def read(path):
    return json.loads(path.read_text("utf-8"))


def test_a_json_file_is_made_and_changed(tmp_path):
    path = tmp_path / "talk.json"
    replace_json(str(path), append("一"))
    replace_json(str(path), append({"b": 2}))
    assert read(path) == ["一", {"b": 2}] and "一" in path.read_text("utf-8") and names(tmp_path) == ["talk.json"]


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "talk.json"
    path.write_bytes(b"\xef\xbb\xbf[1]")
    replace_json(str(path), append(2))
    assert read(path) == [1, 2]


@pytest.mark.parametrize("content, change", [("[1", append(2)), ("[1]", lambda items: {1: object()}), ("[1]", lambda items: items["x"])],
                         ids=["broken file", "no JSON", "defect"])
def test_a_failed_change_leaves_the_file_alone(tmp_path, content, change):
    path = tmp_path / "talk.json"
    path.write_text(content)
    with pytest.raises((ValueError, TypeError)):
        replace_json(str(path), change)
    assert path.read_text() == content and names(tmp_path) == ["talk.json"]


@pytest.mark.skipif(WINDOWS, reason="modes and links of POSIX")
def test_mode_and_link_of_the_file_are_kept(tmp_path):
    path, link = tmp_path / "talk.json", tmp_path / "link.json"
    path.write_text("[1]")
    path.chmod(0o600)
    link.symlink_to(path)
    replace_json(str(link), append(2))
    assert link.is_symlink() and read(path) == [1, 2] and path.stat().st_mode & 0o777 == 0o600


def test_two_writers_lose_nothing(tmp_path):
    path = tmp_path / "talk.json"
    threads = [threading.Thread(target=lambda name=name: [replace_json(str(path), append([name, turn])) for turn in range(50)])
               for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    items = read(path)
    assert [[name, turn] for name in "ab" for turn in range(50)] == sorted(items)
    assert names(tmp_path) == ["talk.json"]


def test_readers_never_see_half_a_file(tmp_path):
    path, stop, seen = tmp_path / "talk.json", threading.Event(), []
    replace_json(str(path), append("x" * 100_000))

    def watch():
        while not stop.is_set():
            seen.append(len(read(path)))
    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(10):
        replace_json(str(path), append("x" * 100_000))
    stop.set()
    watcher.join(10)
    assert seen and seen == sorted(seen) and read(path)


def test_a_lock_file_left_by_a_killed_process_does_not_matter(tmp_path):
    path, lock = tmp_path / "talk.json", tmp_path / "talk.json.lock"
    lock.touch()
    os.utime(lock, (time.time() + 1e6,) * 2)
    replace_json(str(path), append(1))
    assert read(path) == [1] and names(tmp_path) == ["talk.json"]


def test_a_lock_in_use_is_waited_for(tmp_path):
    path, opened = tmp_path / "talk.json", threading.Event()
    with FileLock(str(path) + ".lock", 5):
        waiter = threading.Thread(target=replace_json, args=(str(path), lambda items: [opened.is_set()]))
        waiter.start()
        opened.set()
    waiter.join(30)
    assert read(path) == [True] and names(tmp_path) == ["talk.json"]


def test_a_lock_that_never_opens_ends_in_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(json_file, "_LOCK_PATIENCE", 0)
    with FileLock(str(tmp_path / "talk.json.lock"), 0):
        with pytest.raises(Held):
            replace_json(str(tmp_path / "talk.json"), append(1))
        assert names(tmp_path) == ["talk.json.lock"], "someone else's lock is left alone"


def test_a_lock_whose_file_was_taken_away_is_no_lock(tmp_path, monkeypatch):
    """Who waited for a lock finds that its holder has deleted the file: the lock is then on the new one."""
    path, tries = tmp_path / "lock", []

    def first_gone(descriptor):
        tries.append(descriptor)
        if len(tries) == 1:
            path.unlink()
        return True
    monkeypatch.setattr(locks, "try_lock", first_gone)
    with FileLock(str(path), 5):
        assert path.exists() and len(tries) == 2


@pytest.mark.skipif(WINDOWS, reason="locks of POSIX")
def test_other_locks_where_flock_is_missing_and_none_at_all(tmp_path, monkeypatch):
    import fcntl
    monkeypatch.setattr(fcntl, "flock", refuse_links)
    with FileLock(str(tmp_path / "lock"), 0):
        pass
    monkeypatch.setattr(fcntl, "lockf", refuse_links)
    with pytest.raises(Unsupported):
        FileLock(str(tmp_path / "lock"), 0).__enter__()
    temporary = Temporary(str(tmp_path)).create()  # which needs no lock
    temporary.discard()


def test_windows_refuses_to_open_a_lock_that_is_being_deleted(tmp_path, monkeypatch):
    tries = []

    def deleting(path, *more):
        tries.append(path)
        if len(tries) < 3:
            raise PermissionError(13, "Permission denied", path)
        return own.open_own(path, *more)
    monkeypatch.setattr(locks, "open_own", deleting)
    monkeypatch.setattr(locks, "WINDOWS", True)
    with FileLock(str(tmp_path / "lock"), 5):
        assert len(tries) == 3
    monkeypatch.setattr(locks, "WINDOWS", False)
    tries.clear()
    with pytest.raises(PermissionError):
        FileLock(str(tmp_path / "lock"), 5).__enter__()


# ---- proven before anything is paid ----------------------------------------------------------------------------------

def talk_refused(path) -> Failure:
    with pytest.raises(Failure) as caught:
        check_replaceable(str(path), "--chat")
    assert caught.value.exit_code == Exit.USAGE
    return caught.value


@pytest.mark.skipif(WINDOWS, reason="links of POSIX")
def test_a_conversation_that_could_not_be_saved_is_refused_before(tmp_path):
    (tmp_path / "c.json.lock").symlink_to(tmp_path / "nowhere")
    assert "link" in talk_refused(tmp_path / "c.json").message
    (tmp_path / "d.json").symlink_to(tmp_path / "elsewhere.json")
    assert "does not exist" in talk_refused(tmp_path / "d.json").message
    assert "too long" in talk_refused(tmp_path / ("x" * 246 + ".json")).message, "the lock has five characters more"
    os.mkfifo(tmp_path / "pipe")
    talk_refused(tmp_path / "pipe")
    (tmp_path / "e.json.lock").symlink_to("/dev/zero")
    talk_refused(tmp_path / "e.json")
    check_replaceable(str(tmp_path / "new.json"), "--chat")
    assert names(tmp_path) == ["c.json.lock", "d.json", "e.json.lock", "pipe"], "proving leaves nothing"


@pytest.mark.parametrize("name", ["四" * 85 + ".md", "a" * 256])
def test_a_name_that_cannot_be_made_is_refused_before(tmp_path, name):
    assert refused(tmp_path / "new" / name).exit_code == Exit.USAGE and names(tmp_path) == []


def test_a_sidecar_that_cannot_be_made_is_refused_before(tmp_path):
    with pytest.raises(Failure) as caught:
        OutputFiles(str(tmp_path / ("p" * 251 + ".png")), False, "", 1, "png")
    assert caught.value.exit_code == Exit.USAGE and "--no-sidecar" in caught.value.fix and names(tmp_path) == []
    OutputFiles(str(tmp_path / ("p" * 251 + ".png")), False, "", 1, "png", sidecars=False)
    with pytest.raises(Failure):
        OutputFiles(str(tmp_path / ("p" * 251 + ".png")), False, "", 2, "png", sidecars=False)


@pytest.mark.parametrize("name, legal", [
    ("aux.png", "aux-.png"), ("COM1", "COM1-"), ("nul.tar.gz", "nul-.tar.gz"), ("Con .md", "Con-.md"), ("LPT9.json", "LPT9-.json"),
    ("conin$", "conin$-"), ("CONOUT$.txt", "CONOUT$-.txt"), ("com\u00b9.md", "com\u00b9-.md"), ("lpt\u00b3", "lpt\u00b3-"),
    ("a:b.png", "a-b.png"), ("what?.md", "what-.md"), ("end.", "end"), ("end ", "end"), ("tab\t.md", "tab-.md"), ("nul.", "nul-"),
    ("...", "result"), *((name, None) for name in ("console.png", "com.md", "com10", "a.con", "auxiliary", "lpt", "猫.md", ".aux"))])
def test_names_that_windows_does_not_take(name, legal):
    why = whole._refused_by_windows(name)
    assert why.endswith(f"call it {legal}") if legal else why == ""
    assert not legal or whole._refused_by_windows(legal) == ""


@pytest.mark.skipif(WINDOWS or getattr(os, "geteuid", lambda: 1)() != 0, reason="needs two users")
def test_another_users_file_in_a_sticky_folder_cannot_be_replaced(tmp_path, monkeypatch):
    tmp_path.chmod(0o1777)
    (tmp_path / "theirs.md").touch()
    os.chown(tmp_path / "theirs.md", 4001, 4001)
    monkeypatch.setattr(os, "geteuid", lambda: 4002)
    with pytest.raises(OSError, match="another user"):
        prove_name(str(tmp_path / "theirs.md"))


def test_a_home_folder_that_no_shell_saw(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    assert save(OutputFile("~/x/answer.md"))["path"] == os.path.join(str(tmp_path / "me"), "x", "answer.md".replace("/", os.sep))
    assert names(tmp_path) == ["me"]
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert refused("~/y.md").exit_code == Exit.USAGE
    (tmp_path / "~").mkdir()
    assert save(OutputFile("~/y.md"))["path"] == "~/y.md", "a folder of that name is meant"


# ---- temporary files -------------------------------------------------------------------------------------------------

@pytest.mark.skipif(WINDOWS, reason="modes of POSIX")
def test_a_file_is_private_until_it_is_whole(tmp_path):
    path = tmp_path / "talk.json"
    path.write_text("old")
    path.chmod(0o600)
    with whole.whole(str(path)) as file:
        file.write(b"new")
        assert [one.stat().st_mode & 0o777 for one in tmp_path.iterdir()] == [0o600, 0o600]
    path.chmod(0o644)
    files = OutputFiles(str(tmp_path / "p.png"), False, "", 1, "png")
    temporary = files.temporary()
    assert os.stat(temporary).st_mode & 0o777 == 0o600
    temporary.publish(str(path), overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(WINDOWS, reason="an open file cannot be deleted there")
def test_a_temporary_file_that_somebody_replaced_is_neither_written_nor_published(tmp_path):
    secret, files = tmp_path / "bashrc", OutputFiles(str(tmp_path / "p.png"), False, "", 1, "png", sidecars=False)
    secret.write_text("mine")
    temporary = files.temporary()
    os.unlink(temporary)
    os.symlink(secret, temporary)
    temporary.file.write(b"the model's")
    with pytest.raises(OSError, match="replaced"):
        files.save(temporary, 1, "image/png")
    files.discard()
    assert secret.read_text() == "mine" and names(tmp_path) == ["bashrc"]


@pytest.mark.skipif(WINDOWS, reason="there what is open cannot be deleted anyway")
def test_what_a_killed_run_left_is_cleared_and_what_is_written_is_not(tmp_path):
    left, busy = Temporary(str(tmp_path)).create(), Temporary(str(tmp_path)).create()
    left.file.close()
    (tmp_path / ".qianwen-notes.tmp").touch()
    (tmp_path / ".qianwen-abcdef.tmp").symlink_to(tmp_path / ".qianwen-notes.tmp")
    sweep(str(tmp_path))
    assert names(tmp_path) == sorted([".qianwen-abcdef.tmp", ".qianwen-notes.tmp", os.path.basename(busy.path)])
    busy.discard()


@pytest.mark.parametrize("refused_call", ["fsync", "fchmod", "chmod"])
@pytest.mark.parametrize("number, lost", [(22, False), (1, False), (95, False), (5, True), (28, True)])
def test_only_a_refusal_that_loses_content_matters(tmp_path, monkeypatch, refused_call, number, lost):
    target = OutputFile(str(tmp_path / "answer.md"))

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))
    if not hasattr(os, refused_call) or refused_call == "chmod" and hasattr(os, "fchmod"):
        pytest.skip("not used here")
    monkeypatch.setattr(os, refused_call, refuse)
    if lost:
        with pytest.raises(Failure):
            save(target)
    else:
        save(target)
    assert names(tmp_path) == ([] if lost else ["answer.md"])


@pytest.mark.skipif(WINDOWS, reason="modes of POSIX")
def test_folders_of_our_own_state_are_private(tmp_path):
    own.make_private(str(tmp_path / "a" / "b" / "c"))
    own.make_private(str(tmp_path / "a" / "b" / "c"))
    assert [(tmp_path / one).stat().st_mode & 0o777 for one in ("a", "a/b", "a/b/c")] == [0o700] * 3
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        own.make_private(str(tmp_path / "file" / "x"))


def test_what_came_of_a_broken_result_has_a_name_of_its_own(tmp_path):
    files = OutputFiles(str(tmp_path / ("四" * 80 + ".png")), False, "", 1, "png", sidecars=False)
    for number in (1, 2):
        temporary = files.temporary()
        temporary.file.write(b"half")
        assert os.path.getsize(files.save_partial(temporary, 1)) == 4 and len(names(tmp_path)) == number
    assert all(name.endswith(".partial") for name in names(tmp_path))
