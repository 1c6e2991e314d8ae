"""Files nobody named: regular files of the user are opened, links, pipes, devices and others' files are not."""
from __future__ import annotations

import os
import stat
import types

import pytest
from shared.files import own
from shared.files.own import is_own, is_private, NotOwn, open_own, read_own

POSIX = pytest.mark.skipif(os.name != "posix", reason="links, pipes and user ids of POSIX")


def found(mode=0o100644, uid=None, gid=None):
    """A stat result as is_own and is_private see it."""
    return types.SimpleNamespace(st_mode=mode, st_uid=os.geteuid() if uid is None else uid, st_gid=0 if gid is None else gid)


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_own(str(tmp_path / "a"), 5) == b"12345"
    assert read_own(str(tmp_path / "missing"), 5) is None


def test_a_file_above_the_limit_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"123456")
    with pytest.raises(NotOwn, match="larger than 5 bytes"):
        read_own(str(tmp_path / "a"), 5)


@POSIX
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_APPEND])
@pytest.mark.parametrize("target", ["existing", "missing"])
def test_a_link_is_refused_and_what_it_names_stays(tmp_path, flags, target):
    (tmp_path / "existing").write_text("mine")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(NotOwn, match="link"):
        open_own(str(tmp_path / "link"), flags)
    assert (tmp_path / "existing").read_text() == "mine" and not (tmp_path / "missing").exists()


@POSIX
def test_a_link_is_refused_by_the_open_itself(tmp_path, monkeypatch):
    """A link that appears between the look and the open."""
    (tmp_path / "existing").write_text("mine")
    (tmp_path / "link").symlink_to("existing")
    monkeypatch.setattr(own, "_refuse_link", lambda path: None)
    with pytest.raises(NotOwn, match="link"):
        open_own(str(tmp_path / "link"), os.O_WRONLY | os.O_TRUNC)
    assert (tmp_path / "existing").read_text() == "mine"


@POSIX
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_a_named_pipe_is_refused_at_once(tmp_path, flags):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotOwn, match="not a regular file"):
        open_own(str(tmp_path / "pipe"), flags)


@POSIX
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full", "/"])
def test_devices_and_folders_are_refused(path):
    with pytest.raises(NotOwn, match="not a regular file"):
        read_own(path, 10)


@POSIX
def test_a_file_of_another_user_is_refused_before_it_is_emptied(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("theirs")
    monkeypatch.setattr(own, "is_own", lambda found: False)
    with pytest.raises(NotOwn, match="another user"):
        open_own(str(tmp_path / "a"), os.O_WRONLY | os.O_TRUNC)
    assert (tmp_path / "a").read_text() == "theirs"


@POSIX
@pytest.mark.parametrize("flags", [os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
def test_a_file_with_a_second_name_is_read_and_not_written(tmp_path, flags):
    (tmp_path / "bashrc").write_text("mine")
    os.link(tmp_path / "bashrc", tmp_path / "a")
    with pytest.raises(NotOwn, match="hard link"):
        open_own(str(tmp_path / "a"), flags)
    assert read_own(str(tmp_path / "a"), 10) == b"mine"


@POSIX
def test_created_and_truncated_files(tmp_path):
    path = str(tmp_path / "a")
    with os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
        file.write("long text")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with os.fdopen(open_own(path, os.O_WRONLY | os.O_TRUNC), "w") as file:
        file.write("b")
    assert read_own(path, 10) == b"b"


@POSIX
@pytest.mark.parametrize("path", ["/root/x", "relative/missing/x"])
def test_descriptors_are_not_leaked(tmp_path, path):
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    for _ in range(3):
        with pytest.raises(OSError):
            open_own("/dev/zero")
        with pytest.raises(OSError):
            open_own(str(tmp_path / path))
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == before


@POSIX
def test_whose_a_file_is():
    stranger = os.geteuid() + 4242
    assert is_own(found()) and is_own(found(uid=0)) and not is_own(found(uid=stranger))
    assert is_private(found(0o100600)) and is_private(found(0o100644))
    assert not is_private(found(0o100646)) and not is_private(found(uid=stranger))


@POSIX
def test_a_group_of_one_may_write_and_a_real_group_may_not(monkeypatch):
    import grp
    import pwd
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: types.SimpleNamespace(pw_name="ann"))
    groups = {100: ("users", []), 1001: ("ann", []), 1002: ("ann", ["ann", "bob"])}
    monkeypatch.setattr(grp, "getgrgid", lambda gid: types.SimpleNamespace(gr_name=groups[gid][0], gr_mem=groups[gid][1]))
    assert [is_private(found(0o100664, gid=gid)) for gid in groups] == [False, True, False]
    assert is_private(found(0o100644, gid=100))
