"""The gallery page: what it shows, what it ignores, and that nothing in a prompt or a file name can break out of it."""
from __future__ import annotations

import json
import os
import re
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from shared.failures import Exit, Failure
from shared.gallery import page as gallery
from tests.media_samples import png

WINDOWS = sys.platform == "win32"
PICTURE = png(2, 2)
VOID = {"meta", "link", "img", "input", "br", "path"}
HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror='alert(1)'>", "</title><b>", "--><i>",
           "&lt;b&gt; & 'quotes' \"", "{title} %s {{}}", "</li></ul></main>"]
NAMES = ["狐狸 雪地.png", "a b.png", "#1.png", "100%25.png", "it's.png", "-rf.png", "&amp;.png", "é.png", ".png"]
UNIX_NAMES = ['"q".png', "what?.png", "javascript:alert(1).png", "<b>.png"]


class Page(HTMLParser):
    """The elements of a page with their attributes, and their text; fails where an element is not closed in its place."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements, self.cards = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if element.get("class") == "card":
            self.cards.append([])
        if self.cards:
            self.cards[-1].append(element)
        if tag not in VOID:
            self.open.append((element, []))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            element, pieces = self.open.pop()
            element["text"] = "".join(pieces)
            assert element["tag"] == tag

    def handle_data(self, data):
        for _, pieces in self.open:
            pieces.append(data)

    def all(self, tag: str) -> list:
        return [element for element in self.elements if element["tag"] == tag]

    def of_class(self, name: str) -> list:
        return [element for element in self.elements if element.get("class") == name]

    def files(self) -> list:
        return [unquote(next(element["src"] for element in card if "src" in element)) for card in self.cards]


MEDIA = {"video": b"\0\0\0\x18ftypisom" + bytes(16), "audio": b"RIFF\x24\0\0\0WAVEfmt "}  # as far as the first bytes tell


def add(folder, file: str = "fox.png", sidecar: str = "", data: bytes = PICTURE, **fields) -> None:
    """A result and its .json file; a field that is None is left out."""
    fields = {"skill": "qianwen-image-generation", "file": file, "media_type": "image/png", "width": 2, "height": 3,
              "prompt": "a red fox", "model": "qwen-image-2.0", "created": "2026-11-23T22:10:00+00:00", **fields}
    if data is PICTURE:
        data = MEDIA[str(fields["media_type"]).partition("/")[0]] if fields["media_type"] in ("video/mp4", "audio/wav") else data
    if data is not None:
        (folder / file).write_bytes(data)
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    (folder / (sidecar or os.path.splitext(file)[0] + ".json")).write_text(text, "utf-8")


def written(folder) -> str:
    result = gallery.write(str(folder))
    path = folder / "index.html"
    assert result == {"path": str(path), "bytes": path.stat().st_size, "media_type": "text/html"}
    return path.read_text("utf-8")


def page(folder) -> Page:
    return Page(written(folder))


def refused(action, *arguments) -> Failure:
    with pytest.raises(Failure) as caught:
        action(*arguments)
    return caught.value


# ---- what a card shows -----------------------------------------------------------------------------------------------

def test_a_card_shows_all_there_is(tmp_path):
    add(tmp_path, seed=7, size="2*3", actual_prompt="a fox, red", negative="blur", request_id="r-1", task_id="t-1",
        bytes=12345, number=2, of=4, usage={"image_count": 1}, inputs=["photo.png"], parameters={"n": 4, "watermark": False})
    text = written(tmp_path)
    made = Page(text)
    facts, details = made.of_class("facts")[0]["text"], made.all("dl")[0]["text"]
    assert facts.replace("\u2009", "").replace("\xa0", " ") == "qwen-image-2.02×3 · seed 7 · 2026-11-23 22:10 UTC"
    for part in ("a fox, red", "blur", "photo.png", "2*3", "2 of 4", "n: 4", "watermark: false", "image_count: 1", "r-1",
                 "t-1", "fox.png", "12 KB"):
        assert part in details
    assert "None" not in text


def test_a_picture_is_lazy_and_keeps_its_place(tmp_path):
    add(tmp_path)
    made = page(tmp_path)
    picture = made.of_class("mat")[0], made.cards[0][2]
    assert picture[0]["tag"] == "a" and picture[0]["href"] == "fox.png"
    assert {name: picture[1][name] for name in ("src", "alt", "width", "height", "loading", "decoding")} == {
        "src": "fox.png", "alt": "a red fox", "width": "2", "height": "3", "loading": "lazy", "decoding": "async"}


@pytest.mark.parametrize("kind, tag, preload", [("video/mp4", "video", "metadata"), ("audio/wav", "audio", "none")])
def test_videos_and_sounds_have_controls(tmp_path, kind, tag, preload):
    add(tmp_path, "clip.bin", media_type=kind)
    player = page(tmp_path).all(tag)[0]
    assert player["src"] == "clip.bin" and player["preload"] == preload and "controls" in player
    assert player["aria-label"] == "a red fox"


def test_the_head_counts_kinds(tmp_path):
    for file, kind in (("1.png", "image/png"), ("2.png", "image/webp"), ("3.mp4", "video/mp4"), ("4.wav", "audio/wav")):
        add(tmp_path, file, media_type=kind)
    made = page(tmp_path)
    assert [element["text"] for element in made.elements if element.get("id") == "count"] == ["2 pictures, 1 video, 1 sound"]
    assert made.all("title")[0]["text"] == tmp_path.name == made.all("h1")[0]["text"]


@pytest.mark.parametrize("models, shown", [(["a"], []), (["b", "a", "b", "<c>"], ["All models", "<c>", "a", "b"])])
def test_models_can_be_chosen_when_there_are_several(tmp_path, models, shown):
    for number, model in enumerate(models):
        add(tmp_path, f"{number}.png", model=model)
    assert [option["text"] for option in page(tmp_path).all("option")] == shown


def test_an_empty_folder_says_so(tmp_path):
    made = page(tmp_path)
    assert made.cards == [] and "Nothing here yet." in made.of_class("grid")[0]["text"] and not made.all("input")


STRANGE = [None, "", 0, -5, 7.5, True, "text", "9" * 5000, [], ["x", None, {"y": []}], {}, {"a": {"b": [1]}, "<i>": "<b>"},
           10 ** 30, float("inf")]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: repr(value)[:20])
def test_values_of_any_type_are_shown_or_left_out(tmp_path, value):
    names = ("width", "height", "bytes", "prompt", "actual_prompt", "negative", "model", "seed", "size", "request_id",
             "task_id", "usage", "created", "parameters", "inputs", "number", "of")
    add(tmp_path, **{name: value for name in names})
    made = page(tmp_path)
    assert made.files() == ["fox.png"] and not made.all("i") and not made.all("b")
    for picture in made.all("img")[:1]:
        assert re.fullmatch(r"[1-9]\d{0,6}", picture.get("width", "1"))


# ---- nothing breaks out ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(tmp_path, text):
    fields = ("actual_prompt", "negative", "request_id", "task_id", "size", "seed", "skill")
    add(tmp_path, prompt=text, model=text, inputs=[text], parameters={text: text}, usage={text: [text]},
        **{name: "qianwen-" + text if name == "skill" else text for name in fields})
    made, plain = page(tmp_path), Page(gallery._page("x", []))
    assert made.of_class("prompt")[0]["text"] == text == made.all("img")[0]["alt"]
    assert made.of_class("card")[0]["data-model"] == text
    for tag in ("script", "b", "i", "title", "main", "ul"):
        assert len(made.all(tag)) == len(plain.all(tag))
    assert not any(name.startswith("on") for element in made.elements for name in element)


def test_a_folder_name_is_escaped(tmp_path):
    folder = tmp_path / "a & b's"
    folder.mkdir()
    made = page(folder)
    assert made.all("h1")[0]["text"] == "a & b's" and "a &amp; b&#x27;s" in written(folder)


@pytest.mark.parametrize("name", NAMES + ([] if WINDOWS else UNIX_NAMES))
def test_file_names_become_relative_addresses(tmp_path, name):
    add(tmp_path, name, "one.json")
    made = page(tmp_path)
    address = made.of_class("mat")[0]["href"]
    assert unquote(address) == name and made.all("img")[0]["src"] == address
    assert re.fullmatch(r"[\w.~%-]+", address, re.ASCII), "a colon or a slash would lead out of the folder"


def test_control_characters_and_halves_of_characters_do_no_harm(tmp_path):
    add(tmp_path, prompt="a\0b\x1bc\ud83d d\nline")
    assert page(tmp_path).of_class("prompt")[0]["text"] == "a b c? d\nline"


def test_long_text_is_cut(tmp_path):
    add(tmp_path, prompt="四" * 50_000)
    text = written(tmp_path)
    assert len(text) < 60_000 and "四…" in text


def test_the_page_reaches_nothing_outside(tmp_path):
    add(tmp_path, inputs=["https://example.com/a.png"])
    text = written(tmp_path)
    made = Page(text)
    addresses = [element[name] for element in made.elements for name in ("src", "href") if element.get(name)]
    assert set(addresses) == {"data:,", "fox.png"}
    own = gallery._page("x", [])
    assert not re.search(r"https?:|//\w|@import|url\(", re.sub(r"^ *// .*$", "", own, flags=re.MULTILINE))


def test_the_policy_allows_this_script_and_style_alone(tmp_path):
    text = written(tmp_path)
    policy = next(meta["content"] for meta in Page(text).all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "http" not in policy and "unsafe" not in policy
    for tag in ("script", "style"):
        inline = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
        assert f"{tag}-src {gallery._sha256(inline)}" in policy
    assert not re.search(r"<[^>]+ style=", text), "the policy forbids style attributes"


# ---- order -----------------------------------------------------------------------------------------------------------

def test_newest_first_then_by_name(tmp_path):
    add(tmp_path, "old.png", created="2026-11-20T00:00:00+00:00")
    add(tmp_path, "undated.png", created=None)
    add(tmp_path, "odd.png", created="yesterday")
    for number in (10, 2, 1):
        add(tmp_path, f"fox-{number}.png", number=number, of=10)
    add(tmp_path, "zone.png", created="2026-11-24T07:00:00+08:00")
    add(tmp_path, "zulu.png", created="2026-11-23T22:30:00Z")
    assert page(tmp_path).files() == ["zone.png", "zulu.png", "fox-1.png", "fox-2.png", "fox-10.png", "old.png",
                                      "odd.png", "undated.png"]


def test_the_ends_of_time_are_dates_too(tmp_path):
    add(tmp_path, "1.png", created="0001-01-01T00:00:00+14:00")
    add(tmp_path, "2.png", created="9999-12-31T23:59:59-14:00")
    add(tmp_path, "3.png", created="2026-11-23")
    assert page(tmp_path).files() == ["2.png", "3.png", "1.png"]


# ---- strangers -------------------------------------------------------------------------------------------------------

STRANGERS = {
    "a list": b"[1]", "a number": b"7", "broken": b'{"skill": ', "not text": b"\xff\xfe\x00", "empty": b"",
    "deep": b"[" * 200_000, "package": b'{"name": "qianwen-x", "file": "fox.png"}',
    "no file": b'{"skill": "qianwen-x", "media_type": "image/png"}',
    "another skill": b'{"skill": "other", "file": "fox.png", "media_type": "image/png"}',
    "no media": b'{"skill": "qianwen-text", "file": "fox.png", "media_type": "text/html"}',
    "huge": b'{"skill": "qianwen-x", "file": "fox.png", "media_type": "image/png", "x": "' + b"x" * 1_000_000 + b'"}',
}
FILES = [7, ["fox.png"], "", ".", "..", "missing.png", "../fox.png", "sub/fox.png", "sub\\fox.png", "/etc/hosts", "fox.png\0",
         "\ud800.png", "x" * 5000, "index.html", "sub"]


@pytest.mark.parametrize("data", STRANGERS.values(), ids=list(STRANGERS))
def test_other_json_files_are_ignored(tmp_path, data):
    (tmp_path / "fox.png").write_bytes(PICTURE)
    (tmp_path / "stranger.json").write_bytes(data)
    assert page(tmp_path).cards == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: ascii(file)[:20])
def test_only_files_of_the_folder_are_shown(tmp_path, file):
    folder = tmp_path / "here"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder, folder / "sub"):
        (place / "fox.png").write_bytes(PICTURE)
    (folder / "one.json").write_text(json.dumps({"skill": "qianwen-x", "file": file, "media_type": "image/png"}))
    assert page(folder).cards == [] and page(folder).cards == [], "not the page itself either"


def test_folders_and_broken_links_of_that_name_are_ignored(tmp_path):
    add(tmp_path)
    (tmp_path / "folder.json").mkdir()
    if not WINDOWS:
        os.symlink("nowhere", tmp_path / "link.json")
        os.mkfifo(tmp_path / "pipe.json")
    assert page(tmp_path).files() == ["fox.png"]


def test_a_file_named_twice_is_shown_once(tmp_path):
    add(tmp_path)
    add(tmp_path, sidecar="copy of fox.json")
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "fox.json").read_bytes())
    assert page(tmp_path).files() == ["fox.png"]


def test_thousands_of_pictures(tmp_path):
    line = json.dumps({"skill": "qianwen-image-generation", "media_type": "image/png", "prompt": "江南古镇" * 40,
                       "file": "NAME"})
    for number in range(3000):
        (tmp_path / f"{number}.png").write_bytes(PICTURE)
        (tmp_path / f"{number}.json").write_text(line.replace("NAME", f"{number}.png"))
    files = page(tmp_path).files()
    assert files == [f"{number}.png" for number in range(3000)]


# ---- the page on disk ------------------------------------------------------------------------------------------------

def test_a_page_of_someone_else_is_refused(tmp_path):
    foreign = tmp_path / "index.html"
    foreign.write_text("<!DOCTYPE html>" + " " * 600 + gallery.MARKER)
    before = foreign.read_bytes()
    for failure in (refused(gallery.check, str(tmp_path), False), refused(gallery.write, str(tmp_path))):
        assert failure.exit_code == Exit.EXISTS and str(foreign) in failure.message and "--overwrite" in failure.fix
    assert foreign.read_bytes() == before
    gallery.check(str(tmp_path), True)
    gallery.write(str(tmp_path), overwrite=True)
    assert gallery.MARKER in foreign.read_text("utf-8")


def test_our_own_page_is_replaced(tmp_path):
    assert page(tmp_path).cards == []
    add(tmp_path)
    gallery.check(str(tmp_path), False)
    assert len(page(tmp_path).cards) == 1
    assert sorted(os.listdir(tmp_path)) == ["fox.json", "fox.png", "index.html"]


def test_a_missing_folder_is_fine_before_and_an_error_after(tmp_path):
    gallery.check(str(tmp_path / "new"), False)
    assert not (tmp_path / "new").exists()
    assert refused(gallery.write, str(tmp_path / "new")).exit_code == Exit.UNSAVED


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "index.html").mkdir()
    failure = refused(gallery.check, str(tmp_path), True)
    assert failure.exit_code == Exit.EXISTS and "is a folder" in failure.message


@pytest.mark.skipif(WINDOWS, reason="links and pipes")
def test_links_and_pipes_are_not_ours(tmp_path):
    path = tmp_path / "index.html"
    os.symlink("nowhere", path)
    assert refused(gallery.check, str(tmp_path), False).exit_code == Exit.EXISTS
    path.unlink()
    os.mkfifo(path)
    assert refused(gallery.check, str(tmp_path), False).exit_code == Exit.EXISTS


def test_a_failed_write_leaves_the_old_page(tmp_path, monkeypatch):
    before = written(tmp_path)
    add(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "replace", full)
    failure = refused(gallery.write, str(tmp_path))
    assert failure.exit_code == Exit.UNSAVED and "No space left" in failure.message
    assert (tmp_path / "index.html").read_text("utf-8") == before
    assert sorted(os.listdir(tmp_path)) == ["fox.json", "fox.png", "index.html"]


def test_a_picture_that_came_meanwhile_is_on_the_page(tmp_path, monkeypatch):
    replace = os.replace

    def late(temporary, path):
        replace(temporary, path)
        if not (tmp_path / "late.png").exists():
            add(tmp_path, "late.png")
    monkeypatch.setattr(os, "replace", late)
    assert page(tmp_path).files() == ["late.png"]


def test_the_folder_may_be_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add(tmp_path)
    for folder in ("", "."):
        assert os.path.basename(gallery.write(folder)["path"]) == "index.html"
        assert Page((tmp_path / "index.html").read_text("utf-8")).all("h1")[0]["text"] == tmp_path.name


@pytest.mark.parametrize("name, data", [("e.html", b"<script>alert(1)</script>"), ("e.svg", b"<svg onload='x()'/>"), ("run.sh", b"#!/bin/sh\n"),
                                        ("fox.png", b""), ("fox.png", MEDIA["video"]), ("fox.png", b"%PDF-1.7")])
def test_only_what_is_the_medium_is_shown(tmp_path, name, data):
    add(tmp_path, name, data=data)
    add(tmp_path, "real.png")
    assert page(tmp_path).files() == ["real.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_links_and_pipes_are_not_shown(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "private.png").write_bytes(PICTURE)
    add(folder, "linked.png", data=None)
    (folder / "linked.png").symlink_to(tmp_path / "private.png")
    add(folder, "pipe.png", data=None)
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe2.json")
    (folder / "zero.json").symlink_to("/dev/zero")
    assert page(folder).files() == []


def test_raw_samples_are_shown(tmp_path):
    add(tmp_path, "a.pcm", data=b"\0\1" * 50, media_type="audio/pcm")
    assert page(tmp_path).files() == ["a.pcm"]
