"""Parts that are paid, kept on disk: their names, what is found again, links that die, what is dropped, and folders that cannot be used."""
from __future__ import annotations

import json
import os
import stat
import time

import pytest
import tts_store

from shared.failures import Exit, Failure
from shared.transport.request import Request
from tts_speak import Narration
from tts_store import KEPT_DAYS, Store, unsaved

NOW, HOUR, DAY = int(time.time()), 3600, 86400
FACTS = {"usage": {"characters": 15}, "request_id": "r1", "url": "http://h/y.wav?Expires=1&x=%2F"}
BODY = {"model": "qwen3-tts-flash", "input": {"text": "你好", "voice": "Cherry"}}


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    found = Store(str(tmp_path / "state" / "qianwen"), clock)
    found.prove()
    return found


def names(store) -> list:
    """What is kept for all runs."""
    return sorted(name for name in os.listdir(store.folder) if not name.startswith("."))


def own(store) -> list:
    """What only one run knows."""
    return sorted(name for name in os.listdir(store.folder) if name.startswith("."))


def keep(store, key="k", data=b"sound", form="wav", facts=None):
    """A part that an earlier run left; as `find` gives it."""
    store.release(key, owned(store, key, data, form, facts), False)
    return store.find(key)


def owned(store, key="k", data=b"sound", form="wav", facts=None):
    """A part that this run has made."""
    path = store.temporary()
    with open(path, "wb") as file:
        file.write(data)
    return store.keep(key, path, form, FACTS if facts is None else facts)


def made(store, when, begin="") -> None:
    """Set the time of the files whose names begin so."""
    for name in os.listdir(store.folder):
        if name.startswith(begin):
            os.utime(os.path.join(store.folder, name), (when, when))


# ---- keys ------------------------------------------------------------------------------------------------------------

def test_key_is_that_of_the_request():
    first = Store.key("https://h/api/v1", BODY, 1)
    again = {"input": {"voice": "Cherry", "text": "你好"}, "model": "qwen3-tts-flash"}
    assert first == Store.key("https://h/api/v1", again, 1) and len(first) == 32 and first.isalnum() and first.isascii()


def test_key_differs_with_everything_that_changes_the_sound():
    others = [("https://other/api/v1", BODY, 1), ("https://h/api/v1", BODY, 2), ("https://h/api/v1", {**BODY, "model": "qwen-tts"}, 1),
              ("https://h/api/v1", {**BODY, "input": {"text": "你好。", "voice": "Cherry"}}, 1), ("https://h/api/v1", {**BODY, "parameters": {}}, 1),
              ("https://h/api/v1", {**BODY, "input": {"text": "你好", "voice": "Ethan"}}, 1), ("https://h/api/v1", {**BODY, "seed": 1}, 1),
              ("https://h/api/v1", {**BODY, "seed": True}, 1), ("https://h/api/v1", {**BODY, "seed": "1"}, 1), ("", BODY, 1)]
    assert len({Store.key(*one) for one in others} | {Store.key("https://h/api/v1", BODY, 1)}) == len(others) + 1


def test_key_of_text_that_is_no_unicode():
    assert len(Store.key("e", {"input": {"text": "\ud800"}}, 1)) == 32


# ---- kept and found --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "flac"])
def test_what_is_kept_is_found(store, form):
    kept = keep(store, form=form)
    assert kept == store.find("k") == {**FACTS, "form": form, "bytes": 5, "made": NOW, "path": os.path.join(store.folder, f"k.{form}")}
    with open(kept["path"], "rb") as file:
        assert file.read() == b"sound"
    assert names(store) == sorted(["k.json", f"k.{form}"]) and store.link("k") is None, "temporary files are gone, and no link is needed"


def content(part) -> bytes:
    with open(part["path"], "rb") as file:
        return file.read()


def test_taken_part_is_the_runs_own(store):
    kept = keep(store)
    first, second = store.take("k"), store.take("k")
    assert len({kept["path"], first["path"], second["path"]}) == 3 and len(own(store)) == 2
    assert {**first, "path": ""} == {**second, "path": ""} == {**kept, "path": ""}
    assert content(first) == content(second) == b"sound" and store.take("other") is None


def test_taken_part_survives_what_others_do(store):
    mine, other = owned(store), Store(os.path.dirname(store.folder))
    theirs = other.take("k")
    other.release("k", theirs, True)
    assert names(store) == [] and content(mine) == b"sound" and not os.path.exists(theirs["path"])
    owned(other, data=b"another")
    assert content(mine) == b"sound"
    store.release("k", mine, True)
    assert names(store) == [] and store.find("k") is None


def test_part_of_a_failed_run_is_left_for_its_rerun(store):
    mine, other = owned(store), Store(os.path.dirname(store.folder))
    other.release("k", other.take("k"), True)
    store.release("k", mine, False)
    found = store.take("k")
    assert content(found) == b"sound" and {**found, "path": ""} == {**mine, "path": ""} and len(own(store)) == 1


def test_failed_run_does_not_replace_what_another_kept(store):
    mine = owned(store, data=b"mine")
    owned(store, data=b"theirs")
    store.release("k", mine, False)
    assert content(store.take("k")) == b"theirs"


def test_file_system_without_hard_links(store, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")
    monkeypatch.setattr(os, "link", refuse)
    mine = owned(store)
    theirs = store.take("k")
    store.release("k", theirs, True)
    assert content(mine) == b"sound" and own(store) == [os.path.basename(mine["path"])]
    store.release("k", mine, False)
    assert content(store.find("k")) == b"sound" and own(store) == []


def test_part_that_is_dropped_while_it_is_taken(store, monkeypatch):
    keep(store)
    real = os.link

    def late(path, new):
        os.unlink(path)
        real(path, new)
    monkeypatch.setattr(os, "link", late)
    assert store.take("k") is None and own(store) == []


def test_full_disk_at_the_release_is_no_crash(store, monkeypatch):
    mine = owned(store)
    store.drop("k")

    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(Store, "_write", full)
    store.release("k", mine, False)
    assert store.find("k") is None


def test_what_was_never_kept_is_not_found(store):
    keep(store)
    assert store.find("other") is None and store.link("other") is None


def test_kept_again_replaces(store):
    keep(store, data=b"one")
    keep(store, data=b"another", facts={"usage": {}})
    assert store.find("k") == {"usage": {}, "form": "wav", "bytes": 7, "made": NOW, "path": os.path.join(store.folder, "k.wav")}


def test_it_is_found_by_a_later_run(store, clock):
    kept = keep(store)
    clock.now += 6 * DAY
    assert Store(os.path.dirname(store.folder), clock).find("k") == kept


@pytest.mark.parametrize("damage", ["shorter", "longer", "gone", "no facts", "other facts"])
def test_part_that_is_not_whole_is_not_found(store, damage):
    path = keep(store)["path"]
    facts = os.path.join(store.folder, "k.json")
    if damage in ("shorter", "longer"):
        with open(path, "wb") as file:
            file.write(b"soun" if damage == "shorter" else b"sound!")
    elif damage == "gone":
        os.unlink(path)
    elif damage == "no facts":
        os.unlink(facts)
    else:
        with open(facts, "w", encoding="utf-8") as file:
            file.write("[1]")
    assert store.find("k") is None


@pytest.mark.parametrize("text", ["", "{", "null", "7", "[]", '"x"', "{}", '{"form": "wav", "bytes": 5}', '{"made": "x", "form": "wav", "bytes": 5}',
                                  '{"made": 1, "form": 7}', '{"made": 1, "form": "wav", "bytes": "5"}', "[" * 100_000, "\ufeff{}",
                                  '{"made": null, "url": "http://h/x"}', '{"made": NaN, "url": "http://h/x"}'])
def test_damaged_facts_never_crash(store, text):
    keep(store)
    with open(os.path.join(store.folder, "k.json"), "w", encoding="utf-8") as file:
        file.write(text)
    assert store.find("k") is None and store.link("k") is None
    store.drop("k")
    assert "k.json" not in names(store)


def test_facts_that_are_no_unicode_are_kept(store):
    keep(store, facts={"request_id": "\ud800", "usage": {}})
    assert store.find("k")["bytes"] == 5


# ---- links -----------------------------------------------------------------------------------------------------------

def test_link_is_kept_before_the_download(store):
    store.keep_link("k", FACTS)
    assert store.link("k") == {**FACTS, "made": NOW} and store.find("k") is None and names(store) == ["k.json"]


@pytest.mark.parametrize("url", ["", None])
def test_no_link_is_no_link(store, url):
    store.keep_link("k", {**FACTS, "url": url})
    assert store.link("k") is None


def test_link_gives_way_to_the_part(store, clock):
    store.keep_link("k", FACTS)
    clock.now += HOUR
    keep(store)
    assert store.link("k") is None and store.find("k")["made"] == NOW + HOUR


# ---- dropped ---------------------------------------------------------------------------------------------------------

def test_dropped_part_is_gone_and_others_stay(store):
    keep(store, "a")
    keep(store, "b", form="mp3")
    store.keep_link("c", FACTS)
    for key in ("a", "c", "never"):
        store.drop(key)
    assert names(store) == ["b.json", "b.mp3"] and store.find("a") is None and store.find("b")


@pytest.mark.parametrize("missing", ["k.wav", "k.json"])
def test_drop_survives_a_part_that_is_half_gone(store, missing):
    """As one is that another run drops at the same time; nothing of it stays."""
    keep(store)
    os.unlink(os.path.join(store.folder, missing))
    store.drop("k")
    store.drop("k")
    assert names(store) == []


@pytest.mark.parametrize("age, stays", [(0, True), (6 * DAY, True), (7 * DAY, True), (7 * DAY + 1, False), (30 * DAY, False), (-DAY, True)])
def test_what_is_a_week_old_is_dropped(store, clock, age, stays):
    keep(store)
    store.keep_link("link", FACTS)
    made(store, NOW - age)
    keep(store, "fresh")
    made(store, NOW, "fresh")
    store.drop_old(NOW)
    assert KEPT_DAYS == 7 and len(names(store)) == (5 if stays else 2) and bool(store.find("k")) is stays and store.find("fresh")


@pytest.mark.parametrize("ours, service, served", [(9, 0, 0), (0, 9, 0), (9, None, 0), (9, 9, 3)])
def test_a_wrong_clock_drops_nothing_that_is_paid(store, clock, ours, service, served):
    """By one of the two clocks all is old, or it is by the time of the file, but not by the service's when it was made."""
    keep(store, facts={**FACTS, "served": NOW + served * DAY})
    store.take("k")
    clock.now += ours * DAY
    assert store.drop_old(service and NOW + service * DAY) == 0 and store.find("k") and len(own(store)) == (0 if served else 1)


def test_dropped_parts_are_counted_once_a_run(store):
    keep(store)
    store.keep_link("link", FACTS)
    made(store, NOW - 8 * DAY)
    assert (store.drop_old(NOW), store.drop_old(NOW), names(store)) == (1, 0, [])


def test_names_of_a_killed_run_are_dropped_after_a_day(store, clock):
    keep(store)
    made(store, NOW - 6 * DAY)
    store.take("k")
    store.temporary()
    store.drop_old(NOW)
    assert len(own(store)) == 2, "the part is old, and its use is not"
    clock.now += DAY + HOUR
    Store(os.path.dirname(store.folder), clock).drop_old(clock.now)
    assert own(store) == []


def test_what_cannot_be_dropped_is_left(store):
    folder = os.path.join(store.folder, "old")
    os.mkdir(folder)
    os.utime(folder, (1, 1))
    store.drop_old(NOW)
    assert names(store) == ["old"]


# ---- the folder ------------------------------------------------------------------------------------------------------

def test_folder_is_made_for_its_owner_alone(store):
    assert os.path.isdir(store.folder) and names(store) == []
    if os.name == "posix":
        assert stat.S_IMODE(os.stat(store.folder).st_mode) == 0o700


def test_proving_again_changes_nothing(store):
    kept = keep(store)
    made(store, NOW)
    store.prove()
    assert store.find("k") == kept


def refused(store):
    with pytest.raises(Failure) as caught:
        store.prove()
    assert caught.value.exit_code == Exit.USAGE and store.folder in caught.value.message and "XDG_STATE_HOME" in caught.value.fix
    return caught.value


@pytest.mark.parametrize("place", ["state", "state/speech"])
def test_file_in_the_place_of_the_folder_is_refused(tmp_path, clock, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("x")
    refused(Store(str(tmp_path / "state"), clock))


def test_folder_that_takes_no_bytes_is_refused(tmp_path, clock, monkeypatch):
    """On a full disk an empty file can still be made."""
    def full(folder, size=0):
        if size:
            raise OSError(28, "No space left on device")
    monkeypatch.setattr(tts_store, "prove_writable", full)
    assert "make room there" in refused(Store(str(tmp_path), clock)).fix


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_folder_of_another_is_refused(tmp_path, clock):
    folder = tmp_path / "speech"
    folder.mkdir(mode=0o500)
    refused(Store(str(tmp_path), clock))


def test_temporary_files_are_new_and_empty(store):
    paths = {store.temporary() for _ in range(50)}
    assert len(paths) == 50 and all(os.path.getsize(path) == 0 and os.path.dirname(path) == store.folder for path in paths)


def test_part_that_cannot_be_kept_is_said_to_be_paid(store):
    failure = unsaved(OSError(28, "No space left on device"), store.folder)
    assert failure.exit_code == Exit.UNSAVED and "No space left" in failure.message and store.folder in failure.message
    assert "paid" in failure.cause and "billed again" in failure.fix and failure.accepted == "maybe"


def test_facts_are_readable_json(store):
    keep(store, facts={**FACTS, "request_id": "你好"})
    with open(os.path.join(store.folder, "k.json"), encoding="utf-8") as file:
        assert json.load(file)["request_id"] == "你好"


# ---- a run that ends -------------------------------------------------------------------------------------------------

class Teller:
    """What a Narration needs of a Speaker to hold parts."""

    per_minute, units_a_minute, endpoint = 180, 0, "http://h"

    def __init__(self, store):
        self.store = store


@pytest.mark.parametrize("done", [True, False])
def test_interrupt_waits_until_the_parts_are_released(store, monkeypatch, done):
    """After the whole is saved it does not matter any more; before, it goes on once nothing of the run's own is left."""
    calls = [Request("POST", "http://h", {**BODY, "input": {"text": str(number)}}) for number in range(3)]
    narration = Narration(Teller(store), calls, 1, None)
    for number in range(3):
        narration.add(number, owned(store, narration.keys[number]))
    real, interrupts = Store.release, [KeyboardInterrupt()]

    def interrupted(*arguments):
        if len(own(store)) == 2 and interrupts:
            raise interrupts.pop()
        real(*arguments)
    monkeypatch.setattr(Store, "release", interrupted)
    if done:
        narration.release(True)
        assert names(store) == []
    else:
        with pytest.raises(KeyboardInterrupt):
            narration.release(False)
        assert len(names(store)) == 6
    assert own(store) == [] and not interrupts
