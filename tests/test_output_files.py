"""Where the files of one call go: names chosen and proven free before anything is paid, and no file ever lost."""
from __future__ import annotations

import errno
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.batch.places import Claims
from shared.failures import Exit, Failure
from shared.files.outputs import OutputFiles
from shared.files.whole import Temporary
from shared.files.sidecar import is_sidecar, sidecar_path
from tests import media_samples as samples

HERE = Path(__file__).resolve()
WINDOWS = sys.platform == "win32"
ROOT = getattr(os, "geteuid", lambda: 1)() == 0
PNG, JPEG = samples.png(16, 16), samples.jpeg(16, 16)
OURS = {"file": "fox.png", "skill": "qianwen-image-generation", "prompt": "old"}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    while MADE:
        MADE.pop().discard()


MADE: list = []  # what a run discards at its end


def names(folder=".") -> list:
    return sorted(os.listdir(folder))


def shelf_of(output=None, *, overwrite=False, name="A red fox", count=1, extension="png", **settings):
    told = []
    outputs = OutputFiles(output, overwrite, name, count, extension, warn=told.append, **settings)
    outputs.told = told
    MADE.append(outputs)
    return outputs


def put(outputs, number=1, data=PNG, kind="image/png"):
    temporary = outputs.temporary()
    with open(temporary, "wb") as file:
        file.write(data)
    return outputs.save(temporary, number, kind)


def write(path, content=b"somebody's"):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def content(path) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def refused(*arguments, **settings) -> Failure:
    before = names()
    with pytest.raises(Failure) as caught:
        shelf_of(*arguments, **settings)
    assert names() == before and caught.value.fix
    return caught.value


# ---- names -----------------------------------------------------------------------------------------------------------

CHOSEN = [  # output, prompt, what the first file is called; the id is six hex digits
    (None, "A red fox", r"a-red-fox-ID\.png"), (None, "一只戴围巾的狐狸", r"一只戴围巾的狐狸-ID\.png"), (None, "🦊", r"result-ID\.png"),
    (None, "../../etc/passwd", r"etc-passwd-ID\.png"), (None, "x" * 300, "x{40}-ID\\.png"), ("out/", "A fox", r"out/a-fox-ID\.png"),
    ("a/b/c/", "A fox", r"a/b/c/a-fox-ID\.png"), ("there", "A fox", r"there/a-fox-ID\.png"), ("./", "A fox", r"\./a-fox-ID\.png"),
]


@pytest.mark.parametrize("output, prompt, pattern", CHOSEN, ids=lambda item: ascii(item)[:30])
def test_names_that_are_chosen(output, prompt, pattern):
    os.makedirs("there")
    outputs = shelf_of(output, name=prompt)
    assert re.fullmatch(pattern.replace("ID", "[0-9a-f]{6}"), outputs.path(1).replace(os.sep, "/"))
    assert outputs.path(2) == outputs.path(1)[:-4] + "-2.png"
    outputs.discard()
    again = shelf_of(output, name=prompt)
    assert again.path(1) != outputs.path(1), "a second call does not meet the first one's files"
    again.discard()


def test_id_of_a_batch_row_is_taken():
    assert shelf_of(name="Fox", name_id="abc123").path(1) == "fox-abc123.png"


GIVEN = [  # output -> the first file
    ("fox.png", "fox.png"), ("fox.JPG", "fox.JPG"), ("fox", "fox.png"), ("v1.2", "v1.2.png"), ("fox.final", "fox.final.png"),
    ("a.b.c.webp", "a.b.c.webp"), ("archive.tar", "archive.tar.png"), (".hidden", ".hidden.png"), ("狐狸.png", "狐狸.png"),
    ("out/fox.jpeg", "out/fox.jpeg"), ("fox.", "fox..png"), ("-o.png", "-o.png"), ("two words.gif", "two words.gif"), ("fox.mp4", "fox.mp4"),
    ("fox.avif", "fox.avif")]


@pytest.mark.parametrize("output, path", GIVEN)
def test_names_that_are_given(output, path):
    outputs = shelf_of(output)
    assert outputs.path(1).replace(os.sep, "/") == path
    assert outputs.output == os.path.abspath(path)
    several = shelf_of(output, count=3)
    stem, suffix = os.path.splitext(path)
    assert [several.path(number).replace(os.sep, "/") for number in (1, 2, 3)] == [f"{stem}-{number}{suffix}" for number in (1, 2, 3)]


@pytest.mark.parametrize("output, count", [(output, count) for output, _ in GIVEN for count in (1, 3)] + [(None, 1), ("out/", 3)])
def test_output_leads_to_the_same_files_later(output, count, tmp_path, monkeypatch):
    """The journal keeps it for --resume, which may run in another folder."""
    first = shelf_of(output, count=count)
    kept, paths = first.output, [os.path.abspath(first.path(number)) for number in (1, 2, 3)]
    assert os.path.isabs(kept)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    later = shelf_of(kept, name="other", count=count, resumed=True)
    assert [later.path(number) for number in (1, 2, 3)] == paths


@pytest.mark.parametrize("output", ["", "-", pytest.param("/dev/null", marks=pytest.mark.skipif(WINDOWS, reason="no such device"))])
def test_output_that_names_no_file_is_refused(output):
    assert refused(output).exit_code == Exit.USAGE


def test_text_goes_beside_the_files():
    outputs = shelf_of("story.png", count=2, text="md")
    assert outputs.text_path("md") == "story.md" and outputs.path(2) == "story-2.png"
    entry = outputs.save_text(outputs.filled("图文\n".encode()), "md", "text/markdown")
    assert entry == {"path": "story.md", "bytes": 7, "media_type": "text/markdown"} and content("story.md") == "图文\n".encode()


# ---- before anything is paid -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("taken, count", [("fox.png", 1), ("fox-1.png", 3), ("fox-2.png", 3), ("fox-3.png", 3)])
@pytest.mark.parametrize("old", [b"somebody's", b""])
def test_name_that_is_taken_is_refused(taken, count, old):
    write(taken, old)
    failure = refused("fox.png", count=count)
    assert failure.exit_code == Exit.EXISTS and taken in failure.message and "--overwrite" in failure.fix
    assert content(taken) == old
    shelf_of("fox.png", count=count, overwrite=True)


@pytest.mark.parametrize("taken", ["fox-4.png", "fox-1.jpg", "fox.webp", "fox-1.json.png"])
def test_other_files_are_in_nobodys_way(taken):
    write(taken)
    assert put(shelf_of("fox.png", count=3))["path"] == "fox-1.png"


@pytest.mark.parametrize("taken, count", [("fox.json", 1), ("fox-2.json", 2)])
def test_sidecar_of_a_stranger_is_never_replaced(taken, count):
    for old in (b"{}", b"[1]", b"not json", b"", {"file": "x.png"}, {"skill": "qianwen-x"}, {"skill": "other", "file": "x"},
                {"skill": ["qianwen-"], "file": "x"}, {"skill": "qianwen-x", "file": 5}):
        write(taken, old)
        assert not is_sidecar(taken)
        for overwrite in (False, True):
            failure = refused("fox.png", count=count, overwrite=overwrite)
            assert failure.exit_code == Exit.EXISTS and taken in failure.message and "--no-sidecar" in failure.fix
        shelf_of("fox.png", count=count, sidecars=False)


def test_sidecar_of_ours_is_replaced_with_overwrite_alone():
    write("fox.json", OURS)
    assert is_sidecar("fox.json") and refused("fox.png").exit_code == Exit.EXISTS
    outputs = shelf_of("fox.png", overwrite=True)
    outputs.describe(put(outputs), {"skill": "qianwen-x"})
    assert json.loads(content("fox.json")) == {"file": "fox.png", "skill": "qianwen-x"}


def test_description_of_another_file_is_left_alone():
    """A picture and the video made of it may have one name."""
    write("fox.json", {**OURS, "file": "fox.jpg"})
    outputs = shelf_of("fox.png")
    entry = put(outputs)
    outputs.describe(entry, {"skill": "qianwen-x"})
    assert json.loads(content("fox.json"))["file"] == "fox.jpg"
    assert json.loads(content("fox.png.json"))["file"] == "fox.png" and sidecar_path("fox.png") == "fox.png.json"


def test_huge_file_is_no_sidecar():
    write("fox.json", json.dumps({**OURS, "x": "y" * (1 << 20)}).encode())
    assert not is_sidecar("fox.json")


@pytest.mark.parametrize("folder", ["fox.png", "fox.json"])
def test_folder_in_the_way_is_refused(folder):
    os.makedirs(os.path.join(folder, "x"))
    for overwrite in (False, True):
        if folder == "fox.json":
            assert refused("fox.png", overwrite=overwrite).exit_code == Exit.EXISTS
    os.makedirs("fox-1.png")
    assert refused("fox.png" if folder == "fox.json" else "fox-1", count=3 if folder == "fox.json" else 1,
                   overwrite=True, sidecars=False).exit_code == Exit.USAGE


def test_text_that_is_taken_is_refused():
    write("story.md")
    assert refused("story.png", text="md").exit_code == Exit.EXISTS
    shelf_of("story.png")


@pytest.mark.skipif(WINDOWS, reason="symbolic links need a right there")
def test_dangling_link_is_a_name_that_is_taken():
    os.symlink("nowhere", "fox.png")
    assert refused("fox.png").exit_code == Exit.EXISTS
    assert not os.path.lexists("nowhere")


@pytest.mark.skipif(WINDOWS or ROOT, reason="this user can write everywhere")
def test_read_only_folder_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    assert "cannot be written" in refused("locked/").message


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EROFS, "Read-only file system"),
                                   OSError(errno.ENOSPC, "No space left on device")])
def test_folder_that_takes_no_file_is_refused_and_removed_again(monkeypatch, error):
    def refuse(self):
        raise error
    monkeypatch.setattr(Temporary, "create", refuse)
    failure = refused("new/deeper/fox.png")
    assert failure.exit_code == Exit.USAGE and error.strerror in failure.message and "--output" in failure.fix


def test_file_where_a_folder_should_be_is_refused():
    write("file")
    assert refused("file/fox.png").exit_code == refused("file/deeper/").exit_code == Exit.USAGE


def test_refused_name_leaves_no_new_folder(tmp_path):
    write("there/fox-1.png")
    refused("there/fox.png", count=2)
    assert names("there") == ["fox-1.png"]


def test_folders_are_made_and_removed_again_when_nothing_was_saved():
    os.makedirs("a")
    outputs = shelf_of("a/b/c/fox.png")
    assert os.path.isdir("a/b/c")
    outputs.temporary()
    outputs.discard()
    assert names() == ["a"] and names("a") == []
    outputs = shelf_of("a/b/c/fox.png", sidecars=False)
    put(outputs)
    outputs.discard()
    assert names("a/b/c") == ["fox.png"]


def test_folder_that_somebody_uses_meanwhile_stays():
    outputs = shelf_of("a/b/fox.png")
    write("a/other")
    outputs.discard()
    assert names("a") == ["other"]


def test_nothing_has_its_final_name_before_it_is_saved():
    outputs = shelf_of("fox.png", count=2)
    assert names() == []
    (temporary,) = [outputs.temporary()]
    assert names() == [os.path.basename(temporary)] and names()[0].startswith(".")
    put(outputs)
    assert "fox-1.png" in names() and "fox-2.png" not in names()
    outputs.discard()
    assert names() == ["fox-1.png"]


# ---- saving ----------------------------------------------------------------------------------------------------------

def test_saved_file_and_its_entry():
    outputs = shelf_of("out/fox.png")
    assert put(outputs) == {"path": os.path.join("out", "fox.png"), "bytes": len(PNG), "media_type": "image/png"}
    assert content("out/fox.png") == PNG and names("out") == ["fox.png"] and outputs.told == []


def test_overwrite_replaces_only_at_the_end():
    write("fox.png")
    outputs = shelf_of("fox.png", overwrite=True)
    temporary = outputs.temporary()
    assert content("fox.png") == b"somebody's"
    write(temporary, PNG)
    outputs.save(temporary, 1, "image/png")
    assert content("fox.png") == PNG and names() == ["fox.png"] and outputs.told == []


@pytest.mark.parametrize("output, kind, path", [
    ("fox.png", "image/jpeg", "fox.jpg"), ("fox.jpg", "image/png", "fox.png"), ("fox.webp", "image/png", "fox.png"),
    ("a.b.jpeg", "image/webp", "a.b.webp"), ("fox.mp4", "image/png", "fox.png"), ("fox.txt", "image/gif", "fox.gif"),
    ("fox.png", "image/avif", "fox.avif"), ("fox.avif", "image/png", "fox.png")])
def test_extension_that_lies_is_corrected_and_said_so(output, kind, path):
    outputs = shelf_of(output)
    assert put(outputs, kind=kind)["path"] == path
    assert names() == [path] and len(outputs.told) == 1 and path in outputs.told[0]
    assert os.path.splitext(output)[1][1:].upper() in outputs.told[0]


@pytest.mark.parametrize("output, kind, path", [
    ("fox.jpeg", "image/jpeg", "fox.jpeg"), ("fox.JPG", "image/jpeg", "fox.JPG"), ("fox.tif", "image/tiff", "fox.tif"),
    ("fox.PNG", "image/png", "fox.PNG"), ("fox.png", "image/x-new", "fox.png"), ("fox", "image/png", "fox.png")])
def test_extension_that_fits_stays(output, kind, path):
    outputs = shelf_of(output)
    assert put(outputs, kind=kind)["path"] == path and names() == [path] and outputs.told == []


@pytest.mark.parametrize("output, named", [("v1.2", True), ("out/fox.xyz", True), ("fox", False), (".hidden", False), ("v1.2/", False),
                                           (None, False)])
def test_an_extension_that_is_added_to_another_is_said(output, named):
    told = shelf_of(output).told
    assert [".png is added" in words and output.split("/")[-1] in words for words in told] == [True] * named
    assert shelf_of(output, resumed=True).told == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_correction_never_replaces_another_file(overwrite):
    """Only the name that was given may be replaced."""
    write("fox.jpg")
    outputs = shelf_of("fox.png", overwrite=overwrite)
    entry = put(outputs, data=JPEG, kind="image/jpeg")
    assert content("fox.jpg") == b"somebody's"
    assert re.fullmatch(r"fox-[0-9a-f]{6}\.jpg", entry["path"]) and content(entry["path"]) == JPEG
    assert any("fox.jpg exists already" in words for words in outputs.told)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("output, name", [("fox.png", r"fox-[0-9a-f]{6}\.png"), ("v1.2", r"v1\.2-[0-9a-f]{6}\.png")])
def test_file_that_appears_meanwhile_is_kept_and_the_result_as_well(monkeypatch, links, output, name):
    if not links:
        monkeypatch.setattr(os, "link", fail(errno.EPERM))
    outputs = shelf_of(output)
    outputs.told.clear()
    taken = outputs.path(1)
    write(taken)
    entry = put(outputs)
    assert re.fullmatch(name, entry["path"]) and content(entry["path"]) == PNG and content(taken) == b"somebody's"
    assert len(outputs.told) == 1 and taken in outputs.told[0] and names() == sorted([taken, entry["path"]])


def test_text_that_appears_meanwhile_is_kept():
    outputs = shelf_of("story.png", text="md")
    write("story.md")
    entry = outputs.save_text(outputs.filled(b"new"), "md", "text/markdown")
    assert content("story.md") == b"somebody's" and content(entry["path"]) == b"new"


def fail(number):
    """A function that raises an OSError."""
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))
    return refuse


def test_file_system_without_hard_links(monkeypatch):
    monkeypatch.setattr(os, "link", fail(errno.EOPNOTSUPP))
    assert put(shelf_of("fox.png"))["path"] == "fox.png"
    assert names() == ["fox.png"]


def test_disk_that_refuses_every_name_leaves_nothing(monkeypatch):
    outputs = shelf_of("new/fox.png")
    monkeypatch.setattr(os, "link", fail(errno.EIO))
    monkeypatch.setattr(os, "replace", fail(errno.EIO))
    with pytest.raises(OSError) as caught:
        put(outputs)
    assert caught.value.errno == errno.EIO and outputs.saved == []
    monkeypatch.undo()
    assert not os.path.exists("new/fox.png")


@pytest.mark.parametrize("name", ["replace", "fsync"])
def test_disk_error_is_told_and_cleaned_up(monkeypatch, tmp_path, name):
    write("new/fox.png")
    outputs = shelf_of("new/fox.png", overwrite=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail(errno.ENOSPC))
        with pytest.raises(OSError) as caught:
            put(outputs)
    assert caught.value.errno == errno.ENOSPC
    outputs.discard()
    assert names("new") == ["fox.png"] and content("new/fox.png") == b"somebody's"


def test_one_file_of_several_that_fails_does_not_harm_the_others(monkeypatch):
    outputs = shelf_of("new/fox.png", count=3)
    put(outputs, 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail(errno.EIO))
        with pytest.raises(OSError):
            put(outputs, 2)
    put(outputs, 3)
    outputs.discard()
    assert names("new") == ["fox-1.png", "fox-3.png"]


@pytest.mark.skipif(WINDOWS, reason="modes of POSIX")
def test_mode_of_a_replaced_file_is_kept_and_a_new_one_is_ordinary():
    write("old.png")
    os.chmod("old.png", 0o640)
    put(shelf_of("old.png", overwrite=True))
    write("plain")
    put(shelf_of("new.png"))
    modes = [os.stat(path).st_mode & 0o777 for path in ("old.png", "new.png", "plain")]
    assert modes[0] == 0o640 and modes[1] == modes[2]


@pytest.mark.skipif(WINDOWS, reason="symbolic links need a right there")
def test_link_is_replaced_and_not_written_through():
    write("real.png")
    os.symlink("real.png", "fox.png")
    put(shelf_of("fox.png", overwrite=True))
    assert content("real.png") == b"somebody's" and content("fox.png") == PNG and not os.path.islink("fox.png")


# ---- sidecars --------------------------------------------------------------------------------------------------------

def test_sidecar_says_how_the_file_was_made():
    outputs = shelf_of("狐狸.png", count=2)
    entry = put(outputs, 2)
    outputs.describe(entry, {"skill": "qianwen-x", "prompt": "一只\n狐狸", "seed": 0, "none": None, "empty": "", "list": [], "dict": {},
                           "off": False, "usage": {"image_count": 1}})
    said = content("狐狸-2.json").decode("utf-8")
    assert json.loads(said) == {"file": "狐狸-2.png", "skill": "qianwen-x", "prompt": "一只\n狐狸", "seed": 0, "off": False,
                                "usage": {"image_count": 1}}
    assert "一只" in said and said.endswith("}\n") and "\r" not in said and names() == ["狐狸-2.json", "狐狸-2.png"]
    assert is_sidecar("狐狸-2.json")


def test_sidecar_follows_a_name_that_was_changed():
    write("fox.jpg")
    outputs = shelf_of("fox.png")
    entry = put(outputs, kind="image/jpeg")
    outputs.describe(entry, {"skill": "qianwen-x"})
    assert json.loads(content(sidecar_path(entry["path"])))["file"] == os.path.basename(entry["path"])


def test_no_sidecar_where_none_is_wanted():
    outputs = shelf_of("fox.png", sidecars=False)
    outputs.describe(put(outputs), {"skill": "qianwen-x"})
    assert names() == ["fox.png"]


def test_sidecar_of_a_stranger_that_appears_meanwhile_is_kept():
    outputs = shelf_of("fox.png")
    entry = put(outputs)
    write("fox.json")
    outputs.describe(entry, {"skill": "qianwen-x"})
    outputs.discard()
    assert content("fox.json") == b"somebody's" and content("fox.png") == PNG and names() == ["fox.json", "fox.png"]
    assert len(outputs.told) == 1 and "fox.json" in outputs.told[0]


def test_sidecar_that_cannot_be_written_is_a_warning(monkeypatch):
    outputs = shelf_of("fox.png")
    entry = put(outputs)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail(errno.ENOSPC))
        outputs.describe(entry, {"skill": "qianwen-x"})
    outputs.discard()
    assert names() == ["fox.png"] and len(outputs.told) == 1 and os.strerror(errno.ENOSPC) in outputs.told[0]


def test_sidecar_holds_text_that_is_no_unicode():
    outputs = shelf_of("fox.png")
    outputs.describe(put(outputs), {"skill": "qianwen-x", "prompt": "a\udcffb"})
    assert json.loads(content("fox.json"))["prompt"] == "a?b" and outputs.told == []


@pytest.mark.parametrize("path, beside", [("fox.png", "fox.json"), ("a.b.png", "a.b.json"), (os.path.join("x.y", "fox.png"),
                                          os.path.join("x.y", "fox.json")), ("fox-2.jpg", "fox-2.json")])
def test_name_of_a_sidecar(path, beside):
    assert sidecar_path(path) == beside


def test_output_that_would_be_its_own_sidecar_is_refused_or_named_apart():
    """`-o fox.json`: the picture must not be called like its description."""
    try:
        outputs = shelf_of("fox.json")
    except Failure as failure:
        assert failure.exit_code == Exit.USAGE
        return
    entry = put(outputs)
    outputs.describe(entry, {"skill": "qianwen-x"})
    assert content(entry["path"]) == PNG and entry["path"].endswith(".png")


# ---- later -----------------------------------------------------------------------------------------------------------

def test_resumed_shelf_finds_its_own_files_and_replaces_none():
    first = shelf_of("fox.png", count=2)
    put(first, 1)
    later = shelf_of(first.output, count=2, resumed=True)
    entry = put(later, 2)
    assert os.path.basename(entry["path"]) == "fox-2.png"
    again = put(shelf_of(first.output, count=2, resumed=True), 2)
    assert again["path"] != entry["path"] and content(entry["path"]) == PNG


def test_more_files_than_were_expected_get_numbers():
    outputs = shelf_of("fox.png", count=1)
    assert [os.path.basename(put(outputs, number)["path"]) for number in (1, 2)] == ["fox.png", "fox-2.png"]


@pytest.mark.parametrize("resumed", [False, True])
def test_more_files_than_were_expected_replace_none(resumed):
    """Nobody was asked for those names."""
    write("fox.png"), write("fox-2.png")
    outputs = shelf_of("fox.png", count=1, overwrite=True, resumed=resumed)
    assert put(outputs, 1)["path"] == "fox.png" and re.fullmatch(r"fox-2-[0-9a-f]{6}\.png", put(outputs, 2)["path"])
    assert content("fox.png") == PNG and content("fox-2.png") == b"somebody's"


def test_no_row_has_a_name_of_another_one_for_what_was_not_expected():
    claims = Claims()
    shelves = [shelf_of(name, overwrite=True, claim=functools.partial(claims.take, key))
               for key, name in enumerate(("fox-2.png", "fox.png"))]
    assert re.fullmatch(r"fox-2-[0-9a-f]{6}\.png", put(shelves[1], 2)["path"])
    assert put(shelves[1], 3)["path"] == "fox-3.png"
    assert refused("fox-3.png", overwrite=True, claim=functools.partial(claims.take, 2)).exit_code == 7


def test_names_that_are_all_taken_end_in_an_error(monkeypatch):
    tried = []

    def taken(_, path):
        tried.append(path)
        raise FileExistsError(errno.EEXIST, "File exists", path)
    outputs = shelf_of("fox.png")
    monkeypatch.setattr(os, "link", taken)
    with pytest.raises(FileExistsError):
        put(outputs)
    assert tried[0] == "fox.png" and 5 < len(tried) == len(set(tried)) < 100
    assert outputs.saved == [] and not os.path.exists("fox.png")


@pytest.mark.skipif(os.name != "posix", reason="locales of POSIX")
@pytest.mark.parametrize("prompt, name", [("狐狸", "result"), ("fox 狐狸 hat", "fox-hat")])
def test_locale_that_cannot_write_the_prompt_gets_a_plain_name(prompt, name):
    """The picture is paid for by then, so a name that the system cannot take must not be chosen."""
    code = "import sys; from shared.files.names import slug; print(sys.getfilesystemencoding(), slug(bytes.fromhex(sys.argv[1]).decode()))"
    said = subprocess.run([sys.executable, "-c", code, prompt.encode().hex()], capture_output=True, text=True, cwd=str(HERE.parent.parent), env={
        "PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}).stdout.split()
    if said[0].lower() in ("utf-8", "utf8"):
        pytest.skip("this Python writes UTF-8 names in every locale")
    assert said[1] == name
