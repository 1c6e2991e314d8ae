"""The journal of what was started, and tasks: created once, polled with patience, resumed, cancelled. No network, no clock."""
from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from shared import key_guard
from shared.cli import commands
from shared.cli.commands import command_line
from shared.failures import Exit, Failure
from shared.files.locks import Held
from shared.tasks.answers import hash_of
from shared.tasks.commands import describe, list_tasks
from shared.tasks.journal import is_submitting, Journal, LIFE, READY, RUNNING, SUBMITTING
from shared.tasks.service import check_given, fingerprint, Tasks
from shared.transport.client import Client
from shared.transport.context import Context, costs_nothing, ServiceError
from shared.transport.errors import explain
from shared.transport.request import Reply, Request
from shared.transport.retries import Retries
from tests.conftest import STANDARD_KEY

WINDOWS = sys.platform == "win32"
ROOT = getattr(os, "geteuid", lambda: 1)() == 0
NOW = 1_767_322_800.0  # 2026-01-02 03:00:00 UTC
MODEL = "wan2.6-t2i"
CREATE = Request("POST", "https://dashscope.aliyuncs.com/api/v1/services/aigc/x", {"model": MODEL})


class Clock:
    """Both clocks at once; sleeping moves them."""

    def __init__(self):
        self.now, self.slept = NOW, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def python_by_its_path(monkeypatch):
    """A command begins with the whole path of Python; the short names are in test_windows.py."""
    monkeypatch.setattr(commands, "_program", lambda: sys.executable)


@pytest.fixture
def journal(tmp_path, clock, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return Journal(str(tmp_path / ".local" / "state" / "qianwen"), clock=clock)


def files(journal) -> list:
    """The records' files, and whatever else was left lying about; hidden notes without prompts do not count."""
    found = sorted(os.listdir(journal.folder)) if os.path.isdir(journal.folder) else []
    return [name for name in found if not name.startswith(".") or name.endswith(".tmp")]


def started(journal, task_id="t1", **fields):
    """A record on disk of a task that was created."""
    record = journal.new("qianwen-image-generation", task_id=task_id, state=RUNNING, model=MODEL, **fields)
    journal.write(record)
    return record


# ---- the journal -----------------------------------------------------------------------------------------------------

def test_a_hash_that_looks_like_a_part_of_the_key_stays(journal, clock):
    """Six digits of a hash may be those of a key; the request must be known again, or it would be paid twice."""
    from shared.redaction import cleaned
    journal = Journal(journal.state, lambda record: cleaned(record, ["sk-0123456789abcdef"]), clock)
    record = started(journal, record_id="row-00abcdef", fingerprint="ff234567ff", prompt="sk-0123456789abcdef",
                     jobs=[{"hash": "ee345678ee", "why": "sk-0123456789abcdef"}])
    assert journal.same_request("ff234567ff")["id"] == record["id"] == "row-00abcdef"
    assert journal.read(record["id"])["jobs"] == [{"hash": "ee345678ee", "why": "sk-***"}]
    assert journal.read(record["id"])["prompt"] == "sk-***"


def test_record_is_written_read_and_removed(journal):
    record = journal.new("qianwen-x", prompt="一只🦊\udcff", model=MODEL)
    assert (record["state"], record["task_id"], record["created"]) == (SUBMITTING, "", NOW) and files(journal) == []
    journal.write(record)
    assert journal.read(record["id"]) == {**record, "prompt": "一只🦊?"} and files(journal) == [record["id"] + ".json"]
    record["state"] = READY
    journal.write(record)
    assert journal.read(record["id"])["state"] == READY and files(journal) == [record["id"] + ".json"]
    journal.remove(record)
    journal.remove(record)
    assert journal.read(record["id"]) is None and files(journal) == []


def test_records_have_ids_of_their_own(journal):
    assert len({journal.new("s")["id"] for _ in range(50)}) == 50
    assert journal.new("s", "row-7")["id"] == "row-7"


@pytest.mark.skipif(WINDOWS, reason="modes of POSIX")
def test_only_the_owner_reads_the_records(journal):
    old = os.umask(0)
    try:
        started(journal)
    finally:
        os.umask(old)
    assert os.stat(journal.folder).st_mode & 0o777 == 0o700
    assert [os.stat(os.path.join(journal.folder, name)).st_mode & 0o777 for name in os.listdir(journal.folder)] == [0o600]


def test_record_is_whole_or_not_there(journal, monkeypatch):
    record = started(journal)
    before = journal.read(record["id"])

    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        journal.write({**record, "prompt": "x" * 10_000})
    assert journal.read(record["id"]) == before and journal.all() == [before]
    assert files(journal) == [record["id"] + ".json"], "a temporary file was left"


def test_proof_leaves_nothing(journal):
    journal.prove()
    assert files(journal) == []


def test_journal_that_cannot_be_written_is_refused_before(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(Failure) as caught:
        Journal(str(tmp_path / "state")).prove()
    assert caught.value.exit_code == Exit.USAGE and "XDG_STATE_HOME" in caught.value.fix


@pytest.mark.skipif(WINDOWS or ROOT, reason="this user can write everywhere")
def test_read_only_journal_is_refused_before(tmp_path):
    (tmp_path / "tasks").mkdir(mode=0o555)
    with pytest.raises(Failure):
        Journal(str(tmp_path)).prove()


def test_records_by_age_and_by_every_id(journal, clock):
    made = []
    for number in range(3):
        clock.now = NOW - number * 100
        made.append(started(journal, f"task-{number}", request_id=f"request-{number}"))
    assert [record["task_id"] for record in journal.all()] == ["task-2", "task-1", "task-0"]
    for number, record in enumerate(made):
        for given in (record["id"], f"task-{number}", f"request-{number}"):
            assert journal.find(given) == record
    for given in ("", "task-9", "../x", "tasks", "x" * 200, "a/b", "\0", ".."):
        assert journal.find(given) is None


def test_record_without_a_task_is_not_found_by_nothing(journal):
    journal.write(journal.new("s"))
    assert journal.find("") is None


@pytest.mark.parametrize("age, expired", [(0, False), (LIFE - 1, False), (LIFE, False), (LIFE + 1, True), (-500, False)])
def test_age(journal, clock, age, expired):
    record = started(journal, fingerprint="f")
    clock.now += age
    assert journal.expired(record) is expired
    assert bool(journal.same_request("f")) is not expired and journal.same_request("other") is None
    assert LIFE == 24 * 3600


HOSTILE = {
    "empty": b"", "no json": b"{", "list": b"[1]", "null": b"null", "number": b"5", "binary": b"\xff\xfe\0", "deep": b"[" * 100_000,
    "no id": b'{"skill":"s","state":"running","task_id":"t1","created":1}',
    "other id": b'{"id":"other","skill":"s","state":"running","task_id":"t1","created":1}',
    "task id of a number": b'{"id":"ID","skill":"s","state":"running","task_id":5,"created":1}',
    "no state": b'{"id":"ID","skill":"s","task_id":"t1","created":1}',
    "created is text": b'{"id":"ID","skill":"s","state":"running","task_id":"t1","created":"now"}',
    "created is nothing": b'{"id":"ID","skill":"s","state":"running","task_id":"t1","created":null}',
    "skill is a list": b'{"id":"ID","skill":[],"state":"running","task_id":"t1","created":1}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_in_the_folder_is_passed_over(journal, name):
    good = started(journal, "good")
    with open(os.path.join(journal.folder, "ID.json"), "wb") as file:
        file.write(HOSTILE[name])
    assert journal.read("ID") is None and journal.all() == [good]
    assert journal.find("t1") is None and journal.find("good") == good


def test_hostile_names_in_the_folder_are_passed_over(journal):
    good = started(journal, "good")
    os.makedirs(os.path.join(journal.folder, "folder.json"))
    for name in ("a b.json", "é.json", ".qianwen-abc.tmp", "x.json~", "y" * 120 + ".json"):
        with open(os.path.join(journal.folder, name), "w") as file:
            file.write("{}")
    assert journal.all() == [good]


@pytest.mark.parametrize("moment", ["NaN", "Infinity", "-Infinity", "1e400", "true"])
def test_odd_moment_does_not_stop_the_list(journal, moment):
    good = started(journal, "good")
    with open(os.path.join(journal.folder, "ID.json"), "w") as file:
        file.write('{"id":"ID","skill":"s","state":"running","task_id":"t1","created":%s}' % moment)
    rows = describe(journal.all(), journal)
    assert good["task_id"] in [row["id"] for row in rows]


# ---- a fake service --------------------------------------------------------------------------------------------------

class Service:
    """A client that answers from a list: replies as dicts, failures to raise, or functions of the request."""

    def __init__(self, *answers):
        self.answers, self.sent, self.timeout, self.headers = list(answers), [], 60.0, {}
        self.endpoint = key_guard.parse_base_url("https://dashscope.aliyuncs.com")
        self.context = Context("qianwen-image-generation", "standard", "dashscope", "dashscope.aliyuncs.com", MODEL)

    def json(self, request, safety, errors_pass=False):
        self.sent.append((request.method, request.url, safety))
        answer = self.answers.pop(0)
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return Reply(200, self.headers, answer)


class Words:
    """A console that remembers."""

    def __init__(self, terminal=False):
        self.notes, self.warnings, self.redrawn = [], [], []
        self.stderr = SimpleNamespace(isatty=lambda: terminal)

    def note(self, text):
        self.notes.append(text)

    def redraw(self, text):
        self.redrawn.append(text)

    def warn(self, text, fix=""):
        self.warnings.append((text, fix))


def runner_of(journal, clock, *answers, console=None, pace=(2.0, 10.0), **settings):
    return Tasks(Service(*answers), journal, console or Words(), pace=pace, clock=clock, sleep=clock.sleep, **settings)


def status(word, **output):
    return {"request_id": "r9", "output": {"task_id": "t1", "task_status": word, **output}}


CREATED = {"output": {"task_status": "PENDING", "task_id": "t1"}, "request_id": "r1"}
DONE = status("SUCCEEDED", results=[{"url": "https://h/1.png"}])


def service_failure(http_status, code, message=""):
    return explain(ServiceError(http_status, code, message, "r8"), Context(key_kind="standard", endpoint_kind="dashscope"))


def resume_of(given):
    return shlex.join([sys.executable, os.path.abspath(sys.argv[0]), "--resume", given])


# ---- create ----------------------------------------------------------------------------------------------------------

def test_record_is_there_before_the_create_and_the_id_before_the_first_poll(journal, clock):
    seen = []

    def look(answer):
        def reply(_):
            seen.extend((record["state"], record["task_id"], record["request_id"] if "request_id" in record else None)
                        for record in journal.all())
            return answer
        return reply
    runner = runner_of(journal, clock, look(CREATED), look(DONE))
    record = journal.new("s", model=MODEL)
    runner.submit(CREATE, record)
    assert runner.wait(record, 60) == DONE
    assert seen == [(SUBMITTING, "", None), (RUNNING, "t1", "r1")]
    assert runner.client.sent == [("POST", CREATE.url, Retries.CREATE),
                                  ("GET", "https://dashscope.aliyuncs.com/api/v1/tasks/t1", Retries.READ)]
    assert journal.read(record["id"])["task_id"] == "t1", "it goes only when the files are saved"


@pytest.mark.parametrize("answer, task_id", [({"output": {"task_id": 77}}, "77"), ({"task_id": "t8"}, "t8")])
def test_id_in_another_form_is_taken(journal, clock, answer, task_id):
    record = journal.new("s", model=MODEL)
    runner_of(journal, clock, answer).submit(CREATE, record)
    assert journal.read(record["id"])["task_id"] == task_id


def test_older_form_of_the_answer_has_the_id_in_a_list(journal, clock):
    record = journal.new("s", model=MODEL)
    runner_of(journal, clock, {"data": [{"task_id": "t7"}]}).submit(CREATE, record)
    assert record["task_id"] == "t7"


@pytest.mark.parametrize("answer", [{}, {"output": None}, {"output": {"task_id": None}}, {"output": {"task_id": True}}, {"output": []},
                                    {"data": []}, {"data": [None]}, {"data": {"task_id": "t"}}, {"output": {"task_id": ["t"]}}])
def test_answer_without_an_id_says_how_to_look_for_the_task(journal, clock, answer):
    record = journal.new("s", model=MODEL)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, answer).submit(CREATE, record)
    assert caught.value.exit_code == Exit.FAILED and caught.value.accepted == "maybe"
    assert caught.value.resume == resume_of(record["id"]) and journal.read(record["id"])["state"] == SUBMITTING


@pytest.mark.parametrize("failure", [service_failure(400, "InvalidParameter", "n must be 1"), service_failure(401, "InvalidApiKey"),
                                     service_failure(429, "Throttling.RateQuota"), Context().network("refused", accepted="no")],
                         ids=["400", "401", "429", "refused"])
def test_create_that_was_not_taken_leaves_no_record(journal, clock, failure):
    record = journal.new("s", model=MODEL)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, failure).submit(CREATE, record)
    assert caught.value is failure and not failure.resume and files(journal) == []


@pytest.mark.parametrize("failure", [Context().network("the connection was closed before the answer came"),
                                     service_failure(500, "InternalError")], ids=["reset", "500"])
def test_create_that_may_have_been_taken_is_sent_once_and_can_be_looked_for(journal, clock, failure):
    record = journal.new("s", model=MODEL)
    runner = runner_of(journal, clock, failure, CREATED)
    with pytest.raises(Failure) as caught:
        runner.submit(CREATE, record)
    assert len(runner.client.sent) == 1 and is_submitting(journal.read(record["id"]))
    assert caught.value.resume == resume_of(record["id"]) and caught.value.resume in caught.value.fix
    assert "bill" in caught.value.cause


def test_interrupt_during_the_create_says_how_to_look_for_the_task(journal, clock):
    record = journal.new("s", model=MODEL)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, KeyboardInterrupt()).submit(CREATE, record)
    assert caught.value.exit_code == Exit.INTERRUPTED == 130 and caught.value.resume == resume_of(record["id"])
    assert is_submitting(journal.read(record["id"]))


def test_id_is_shown_where_the_disk_refuses_it(journal, clock, monkeypatch):
    record, console = journal.new("s", model=MODEL), Words()

    def fill(_):
        monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        return CREATED
    runner_of(journal, clock, fill, console=console).submit(CREATE, record)
    assert record["task_id"] == "t1" and "t1" in console.warnings[0][0] and "No space left" in console.warnings[0][0]


def test_fingerprint_tells_requests_apart():
    same = {fingerprint("/a", {"model": "m", "input": {"x": [1]}}) for _ in range(2)}
    other = {fingerprint(*args) for args in (("/b", {"model": "m", "input": {"x": [1]}}), ("/a", {"model": "m", "input": {"x": [2]}}),
                                                   ("/a", {"model": "n", "input": {"x": [1]}}))}
    assert len(same) == 1 and len(same | other) == 4


# ---- a create whose answer was lost ----------------------------------------------------------------------------------

def listed(task_id, seconds=1.0, model=MODEL, **more):
    return {"task_id": task_id, "model_name": model, "gmt_create": int((NOW + seconds) * 1000), "status": "RUNNING", **more}


def a_list(*items, **more):
    return {"data": list(items), "total": len(items), "total_page": 1, "page_no": 1, "page_size": 100, **more}


def lost(journal, clock, later=60.0):
    record = journal.new("s", model=MODEL)
    journal.write(record)
    clock.now += later
    return record


def test_the_only_new_task_of_the_model_is_the_one(journal, clock):
    started(journal, "known")
    record = lost(journal, clock)
    settled = started(journal, "settled")
    journal.remove(settled)
    items = [listed("t5"), listed("known"), listed("settled", 2), listed("early", -300),
             listed("other", model="wan2.7-image"), None, "x", {}, {"task_id": 5}]
    runner = runner_of(journal, clock, {"data": items, "total": 9})
    assert runner.look_for(record) == "t5"
    kept = journal.read(record["id"])
    assert (kept["task_id"], kept["state"]) == ("t5", RUNNING)
    (method, url, safety), = runner.client.sent
    assert (method, safety) == ("GET", Retries.READ) and url.startswith("https://dashscope.aliyuncs.com/api/v1/tasks/?page_no=1&")
    first, last = (time.strptime(re.search(name + r"=(\d{14})(&|$)", url).group(1), "%Y%m%d%H%M%S") for name in ("start_time", "end_time"))
    eight = time.gmtime(NOW + 8 * 3600)  # the service's times are those of UTC+8
    assert first < eight < last and time.mktime(last) - time.mktime(first) < 24 * 3600


def test_start_time_stands_in_for_the_creation(journal, clock):
    record = lost(journal, clock)
    item = {"task_id": "t5", "model_name": MODEL, "start_time": int(NOW * 1000) + 200}
    assert runner_of(journal, clock, a_list(item)).look_for(record) == "t5"


@pytest.mark.parametrize("moment", [str(int(NOW * 1000)), "2026-01-02 11:00:00", None, [], float("nan")])
def test_task_whose_beginning_is_told_oddly_is_found(journal, clock, moment):
    """The service was asked for this time, so what it lists is of this time."""
    record = lost(journal, clock)
    assert runner_of(journal, clock, a_list({**listed("t5"), "gmt_create": moment})).look_for(record) == "t5"


@pytest.mark.parametrize("answer", [{}, {"data": "x"}, {"output": {"data": [listed("t5")]}}, {"data": {"list": []}}])
def test_answer_that_is_no_list_says_of_no_task_that_it_is_not_there(journal, clock, answer):
    record = lost(journal, clock)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, answer).look_for(record)
    assert caught.value.exit_code == Exit.RUNNING and caught.value.resume == resume_of(record["id"]) and journal.read(record["id"])


def test_list_with_shorter_pages_is_read_to_its_end(journal, clock):
    record, page = lost(journal, clock), [listed(f"x{number}", model="other") for number in range(50)]
    pages = [{"data": page, "total_page": 2}, {"data": [listed("t5")], "total_page": 2}]
    assert runner_of(journal, clock, *pages).look_for(record) == "t5"


@pytest.mark.parametrize("answer", [{"data": []}, {"data": None}, a_list(), a_list(total_page=0), a_list(listed("t5", model="other")),
                                    a_list(listed("t5", model=MODEL + "-pro"), total="1", total_page="1")])
def test_task_that_is_not_listed_was_not_taken(journal, clock, answer):
    record = lost(journal, clock)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, answer, answer).look_for(record)
    assert caught.value.exit_code == Exit.FAILED and caught.value.accepted == "no"
    assert "costs nothing" in caught.value.message and "run the original command again" in caught.value.fix
    assert journal.read(record["id"]) is None


def test_task_that_is_very_new_may_not_be_listed_yet(journal, clock):
    record = lost(journal, clock, later=3)
    with pytest.raises(Failure):
        runner_of(journal, clock, {"data": []}).look_for(record)
    assert journal.read(record["id"]), "it can be looked for again"


@pytest.mark.parametrize("ahead", [-90, -20, 0, 20, 90], ids=lambda ahead: f"{ahead} s")
def test_clocks_that_differ_hide_no_task(journal, clock, ahead):
    """The service's clock is told by its answer; only what began after the create can be meant."""
    record = lost(journal, clock)
    runner = runner_of(journal, clock, a_list(listed("older", ahead - 40), listed("t5", ahead + 1)))
    runner.client.headers = {"date": formatdate(clock.now + ahead, usegmt=True)}
    assert runner.look_for(record) == "t5"


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Jan 2026 03:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200",
                                  "Mon, 01 Jan 0001 00:00:00 +1200", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_odd_date_of_the_service_is_passed_over(journal, clock, date):
    record = lost(journal, clock)
    runner = runner_of(journal, clock, a_list(listed("t5")))
    runner.client.headers = {"date": date}
    assert runner.look_for(record) == "t5"


TWO = a_list(listed("t5"), listed("t6", 2))


@pytest.mark.parametrize("ends", [("SUCCEEDED", "SUCCEEDED"), ("FAILED", "SUCCEEDED")])
def test_two_tasks_without_prompts_cannot_be_told_apart(journal, clock, ends):
    record = lost(journal, clock)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, TWO, *map(status, ends)).look_for(record)
    assert caught.value.accepted == "maybe" and "t5" in caught.value.message and "t6" in caught.value.message
    assert "--resume TASK_ID" in caught.value.fix and journal.read(record["id"])["task_id"] == ""


def test_two_tasks_are_told_apart_by_their_prompts(journal, clock):
    record = {**lost(journal, clock), "hash": hash_of("a fox")}
    looks = (status("SUCCEEDED", results=[{"orig_prompt": "a hat"}]), status("SUCCEEDED", results=[{"orig_prompt": "a fox"}]))
    assert runner_of(journal, clock, TWO, *looks).look_for(record) == "t6" == journal.read(record["id"])["task_id"]


def test_two_tasks_that_run_are_not_clear_yet(journal, clock):
    record = {**lost(journal, clock), "hash": hash_of("a fox")}
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, TWO, status("RUNNING"), status("PENDING")).look_for(record)
    assert caught.value.exit_code == Exit.RUNNING and record["id"] in caught.value.resume


def test_one_task_is_not_taken_when_another_create_was_lost_too(journal, clock):
    """It could be the other's; taking it would leave that one to be paid again."""
    record = {**lost(journal, clock), "hash": hash_of("a fox")}
    journal.write(journal.new("s", model=MODEL))
    with pytest.raises(Failure):
        runner_of(journal, clock, a_list(listed("t5")), status("SUCCEEDED", orig_prompt="a hat")).look_for(record)


def test_list_is_read_page_by_page(journal, clock):
    record = lost(journal, clock)
    one, two = ([listed(f"{name}{number}", model="other") for number in range(100)] for name in "xy")
    runner = runner_of(journal, clock, {"data": one}, {"data": two}, {"data": [listed("t5")]}, {"data": []})
    assert runner.look_for(record) == "t5"
    assert [re.search(r"page_no=(\d+)&page_size=100&", url).group(1) for _, url, _ in runner.client.sent] == ["1", "2", "3", "4"]


def test_endless_list_is_given_up(journal, clock):
    record = lost(journal, clock)
    pages = [{"data": [listed(f"x{page}-{number}", model="other") for number in range(100)]} for page in range(200)]
    runner = runner_of(journal, clock, *pages)
    with pytest.raises(Failure) as caught:
        runner.look_for(record)
    assert len(runner.client.sent) <= 50 and caught.value.accepted == "maybe" and journal.read(record["id"])


OTHERS = [listed(f"x{number}", model="other") for number in range(50)]


@pytest.mark.parametrize("pages", [
    [a_list("t5")], [a_list(None)], [a_list({"model_name": MODEL})], [a_list({"task_id": ["t5"], "model_name": MODEL})],
    [a_list(total=1)], [{"data": None, "total": 1}, {"data": None, "total": 1}], [a_list(total="many")], [a_list(total_page=True)],
    [{"data": OTHERS, "total": 80}] * 2, [a_list(*OTHERS, total=80, total_page="2")] * 2, [{"data": OTHERS}] * 2])
def test_a_list_that_is_not_clear_says_of_no_task_that_it_is_not_there(journal, clock, pages):
    """Its task may be among what was not understood, or not shown."""
    record, forgotten = lost(journal, clock), []
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *pages, forget=forgotten.append).look_for(record)
    failure = caught.value
    assert (failure.exit_code, failure.accepted, failure.resume) == (Exit.FAILED, "maybe", resume_of(record["id"]))
    assert "costs nothing" not in failure.message and "only if paying twice" in failure.fix
    assert journal.read(record["id"]) and not forgotten


@pytest.mark.parametrize("item", [
    {"task_id": 5}, {"task_id": "5", "model": MODEL, "model_name": None}, {"taskId": "5"}, {"model_name": MODEL.upper()},
    {"gmt_create": int(NOW)}, {"gmt_create": int(NOW * 1e6)}])
def test_task_that_is_listed_in_another_form_is_found(journal, clock, item):
    record, usual = lost(journal, clock), {"task_id": "5", "model_name": MODEL, "gmt_create": int(NOW * 1000)}
    usual = {name: value for name, value in usual.items() if not (name == "task_id" and "taskId" in item)}
    assert runner_of(journal, clock, a_list({**usual, **item})).look_for(record) == "5"


@pytest.mark.parametrize("model", [MODEL + "-2026-01-01", MODEL + "-20260101", None, ""])
def test_task_whose_model_is_told_in_part_is_taken_by_its_prompt_alone(journal, clock, model):
    record, item = {**lost(journal, clock), "hash": hash_of("a fox")}, a_list({**listed("t5"), "model_name": model})
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, item, status("SUCCEEDED")).look_for(record)
    assert caught.value.accepted == "maybe" and "t5" in caught.value.message and journal.read(record["id"])["task_id"] == ""
    assert runner_of(journal, clock, item, status("SUCCEEDED", orig_prompt="a fox")).look_for(record) == "t5"


@pytest.mark.parametrize("off", [3 * 86400, -3 * 86400, -600, 600], ids=lambda off: f"{off} s")
def test_a_clock_that_was_corrected_after_a_lost_create_hides_no_task(journal, clock, off):
    """By the record the task began at another time than by the list."""
    record = {**lost(journal, clock), "created": NOW + off, "ended": NOW + off + 1, "hash": hash_of("a fox")}
    journal.write(record)
    clock.now += 60
    day = a_list(listed("t5"))
    for around in (a_list(), day):  # a list that heeds the window, and one that does not
        def answer(request, around=around):
            return around if "start_time" in request.url else day if "page_no" in request.url else status("SUCCEEDED")
        with pytest.raises(Failure) as caught:
            runner_of(journal, clock, *[answer] * 5).find(record, 60)
        assert caught.value.accepted == "maybe" and "t5" in caught.value.message and journal.read(record["id"])
    runner = runner_of(journal, clock, a_list(), day, status("SUCCEEDED", orig_prompt="a fox"))
    assert runner.look_for(record) == "t5" and "time=" not in runner.client.sent[1][1]


def test_a_create_at_a_moment_of_the_services_clock_is_no_other_task(journal, clock):
    """The time was known by an answer before, so that the clock of this machine does not matter."""
    clock.now += 5000
    runner = runner_of(journal, clock, {"data": [], "total": 0}, Context().network("reset"), a_list(listed("t5", -600)))
    runner.client.headers = {"date": formatdate(NOW, usegmt=True)}
    with pytest.raises(Failure):
        runner.look_for(lost(journal, clock, 0))
    record = journal.new("s", model=MODEL)
    with pytest.raises(Failure):
        runner.submit(CREATE, record)
    clock.now += 60
    runner.client.headers = {"date": formatdate(NOW + 60, usegmt=True)}
    with pytest.raises(Failure, match="costs nothing"):
        runner.look_for(journal.read(record["id"]))


def test_a_create_that_is_older_than_the_list_stays_in_doubt(journal, clock):
    record = lost(journal, clock, later=LIFE + 60)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, a_list(), a_list()).look_for(record)
    assert caught.value.accepted == "maybe" and "24 hours" in caught.value.message and journal.read(record["id"])


def test_the_list_of_a_create_in_the_future_is_waited_for_once(journal, clock):
    record = {**lost(journal, clock), "created": NOW + 3 * 86400}
    with pytest.raises(Failure, match="costs nothing"):
        runner_of(journal, clock, *[a_list()] * 3).find(record, 60)
    assert sum(clock.slept) <= 15


@pytest.mark.parametrize("answers", [[costs_nothing(Context().network("reset"))], [a_list(listed("t5"), listed("t6")), service_failure(500, "x")]])
def test_list_that_cannot_be_had_keeps_the_record(journal, clock, answers):
    record = lost(journal, clock)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *answers).look_for(record)
    assert caught.value.accepted == "maybe" and resume_of(record["id"]) == caught.value.resume and caught.value.resume in caught.value.fix
    assert journal.read(record["id"]) and "run the command again" not in caught.value.fix


def test_task_that_began_long_before_the_limit_is_found(journal, clock):
    """The request may have been under way for its whole idle limit before the task began."""
    record = lost(journal, clock, later=600)
    assert runner_of(journal, clock, a_list(listed("t5", 55))).look_for(record) == "t5"


# ---- poll ------------------------------------------------------------------------------------------------------------

def test_pace_grows_from_two_to_ten_seconds_with_jitter(journal, clock):
    runner = runner_of(journal, clock, *[status("RUNNING")] * 12, DONE)
    runner.wait(started(journal), 10_000)
    steady = [2.0]
    while len(steady) < 12:
        steady.append(min(10.0, steady[-1] * 1.5))
    assert len(clock.slept) == 12
    for slept, pause in zip(clock.slept, steady):
        assert 0.85 * pause - 1e-9 <= slept <= 1.15 * pause + 1e-9
    assert len({round(slept / pause, 6) for slept, pause in zip(clock.slept, steady)}) > 6, "there is no jitter"


def test_pace_is_the_one_that_was_given(journal, clock):
    runner = runner_of(journal, clock, *[status("RUNNING")] * 20, DONE, pace=(0.5, 0.5))
    runner.wait(started(journal), 10_000)
    assert all(0.42 < slept < 0.58 for slept in clock.slept)


@pytest.mark.parametrize("word", ["PENDING", "RUNNING", "SUSPENDED", "PRE-PROCESSING", "POST-PROCESSING", "pending", "SOMETHING-NEW", ""])
def test_every_other_status_is_waited_for(journal, clock, word):
    assert runner_of(journal, clock, status(word), DONE).wait(started(journal), 60) == DONE
    assert len(clock.slept) == 1


@pytest.mark.parametrize("body", [{}, {"output": None}, {"output": []}, {"output": {"task_status": None}}, {"output": {"task_status": 5}}])
def test_answer_without_a_status_is_waited_for(journal, clock, body):
    assert runner_of(journal, clock, body, DONE).wait(started(journal), 60) == DONE


def test_status_in_lower_case_counts(journal, clock):
    assert runner_of(journal, clock, status("Succeeded")).wait(started(journal), 60)["output"]["task_status"] == "Succeeded"


@pytest.mark.parametrize("most", [1, 5, 60, 540])
def test_waiting_ends_with_the_command_that_goes_on(journal, clock, most):
    record = started(journal)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *[status("RUNNING")] * 1000).wait(record, most)
    failure = caught.value
    assert failure.exit_code == Exit.RUNNING == 5 and failure.task_id == "t1"
    assert failure.resume == resume_of("t1") and failure.resume in failure.fix
    assert sum(clock.slept) == pytest.approx(most), "neither longer nor shorter"
    assert journal.read(record["id"]) == record


def test_task_that_ends_in_the_last_instant_is_fetched(journal, clock):
    assert runner_of(journal, clock, status("RUNNING"), DONE).wait(started(journal), 1.0) == DONE


def test_interrupt_leaves_the_task_and_says_how_to_go_on(journal, clock):
    record = started(journal)
    for answers in ((KeyboardInterrupt(),), (status("RUNNING"), KeyboardInterrupt())):
        with pytest.raises(Failure) as caught:
            runner_of(journal, clock, *answers).wait(record, 60)
        failure = caught.value
        assert failure.exit_code == Exit.INTERRUPTED and (failure.task_id, failure.resume) == ("t1", resume_of("t1"))
        assert journal.read(record["id"])


def test_interrupt_while_sleeping(journal, clock):
    runner = runner_of(journal, clock, status("RUNNING"))

    def interrupt(_):
        raise KeyboardInterrupt
    runner.sleep = interrupt
    with pytest.raises(Failure) as caught:
        runner.wait(started(journal), 60)
    assert caught.value.exit_code == 130


BAD = {"code": "InvalidParameter", "message": "The size is not match xxx"}
CENSORED = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}


@pytest.mark.parametrize("body, exit_code, code", [
    (status("FAILED", **BAD), Exit.FAILED, "InvalidParameter"), ({"request_id": "r9", **BAD}, Exit.FAILED, "InvalidParameter"),
    ({"request_id": "r9", "output": {"task_id": "t1"}, **BAD}, Exit.FAILED, "InvalidParameter"),
    ({"request_id": "r9", "output": {"task_id": "t1", **BAD}}, Exit.FAILED, "InvalidParameter"),
    ({**status("FAILED"), **BAD}, Exit.FAILED, "InvalidParameter"),
    (status("FAILED", **CENSORED), Exit.CONTENT, "DataInspectionFailed"), ({"request_id": "r9", **CENSORED}, Exit.CONTENT, "DataInspectionFailed"),
    (status("FAILED"), Exit.FAILED, "TaskFailed"), (status("FAILED", code=None, message=7), Exit.FAILED, "TaskFailed"),
    (status("FAILED", code="InternalError.Timeout", message="x"), Exit.FAILED, "InternalError.Timeout"),
    (status("CANCELED"), Exit.FAILED, "CANCELED")])
def test_task_that_ended_without_a_result(journal, clock, body, exit_code, code):
    record = started(journal)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, status("PENDING"), body).wait(record, 60)
    failure = caught.value
    assert (failure.exit_code, failure.code, failure.task_id, failure.request_id) == (exit_code, code, "t1", "r9")
    assert not failure.resume and files(journal) == [], "there is nothing to fetch"
    if code == "InvalidParameter":
        assert failure.message == BAD["message"]
    if code != "CANCELED":
        assert "not billed" in failure.cause and failure.http_status == 0


def test_flat_failure_passes_the_real_client():
    """With HTTP 200 a body of code and message alone is an answer of a poll, and an error of anything else."""
    body = {"request_id": "r9", **BAD}
    verdict = key_guard.judge(key_guard.inspect_key(STANDARD_KEY), key_guard.parse_base_url("http://127.0.0.1:9"), "qianwen-image-generation")
    client = Client(verdict, "qianwen-image-generation", retries=Retries(0))
    for errors_pass in (True, False):
        client.open = lambda request: FakeResponse(json.dumps(body).encode())
        if errors_pass:
            assert client.json(CREATE, Retries.READ, errors_pass=True).body == body
        else:
            with pytest.raises(Failure, match="The size is not match"):
                client.json(CREATE, Retries.READ)


class FakeResponse:
    status = 200

    def __init__(self, data):
        self.data, self.headers = data, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read1(self, _):
        data, self.data = self.data, b""
        return data


def test_young_task_that_is_not_known_yet_is_asked_for_again(journal, clock):
    assert runner_of(journal, clock, status("UNKNOWN"), status("UNKNOWN"), status("RUNNING"), DONE).wait(started(journal), 60) == DONE


def test_task_that_stays_unknown_is_given_up_soon(journal, clock):
    record = started(journal)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *[status("UNKNOWN")] * 100).wait(record, 600)
    assert caught.value.code == "UNKNOWN" and 20 < sum(clock.slept) < 60, clock.slept  # pauses have chance in them
    assert journal.read(record["id"]), "another key may know it"


@pytest.mark.parametrize("age, kept", [(31, True), (LIFE - 1, True), (LIFE + 1, False)])
def test_old_task_that_is_not_known_is_told_at_once(journal, clock, age, kept):
    """Another account or region may know it, until it must have ended."""
    record = started(journal)
    clock.now += age
    runner = runner_of(journal, clock, status("UNKNOWN"))
    runner.client.headers = {"date": formatdate(clock.now, usegmt=True)}
    with pytest.raises(Failure) as caught:
        runner.wait(record, 60)
    failure = caught.value
    assert failure.exit_code == Exit.FAILED and "24 hours" in failure.cause and "QWEN_REGION" in failure.fix
    assert clock.slept == [] and bool(journal.read(record["id"])) is kept


PASSING = {"reset": Context().network("reset"), "refused": Context().network("refused", accepted="no"),
           "500": service_failure(500, "InternalError"), "502": service_failure(502, "http_502", "Bad Gateway"),
           "503": service_failure(503, "ModelUnavailable"), "429": service_failure(429, "Throttling.RateQuota"),
           "504": service_failure(504, "RequestTimeOut", "timed out")}


@pytest.mark.parametrize("name", PASSING)
def test_poll_that_fails_does_not_end_the_waiting(journal, clock, name):
    record, console = started(journal), Words()
    runner = runner_of(journal, clock, status("RUNNING"), *[PASSING[name]] * 5, status("RUNNING"), DONE, console=console)
    assert runner.wait(record, 600) == DONE
    assert sum("asking again" in note for note in console.notes) == 5 and journal.read(record["id"])


@pytest.mark.parametrize("asked, waited", [(33.0, 33.0), (0.001, 10.0), (0.0, 10.0), (None, 10.0)])
def test_poll_waits_as_long_as_the_service_asks_and_never_less_than_usual(journal, clock, asked, waited):
    failure = service_failure(429, "Throttling.RateQuota")
    failure.retry_after = asked
    assert runner_of(journal, clock, failure, DONE).wait(started(journal), 600) == DONE
    assert clock.slept == [waited]


@pytest.mark.parametrize("name", PASSING)
def test_poll_that_fails_to_the_end_leaves_the_task(journal, clock, name):
    record = started(journal)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *[PASSING[name]] * 1000).wait(record, 60)
    failure = caught.value
    assert (failure.task_id, failure.resume) == ("t1", resume_of("t1")) and journal.read(record["id"])
    assert resume_of("t1") in failure.fix and 50 <= sum(clock.slept) <= 75


@pytest.mark.parametrize("failure, exit_code", [
    (service_failure(401, "InvalidApiKey", "Invalid API-key provided."), Exit.KEY), (service_failure(403, "AccessDenied"), Exit.KEY),
    (service_failure(400, "Arrearage"), Exit.QUOTA)], ids=["401", "403", "arrearage"])
def test_poll_that_is_refused_stops_at_once_and_keeps_the_task(journal, clock, failure, exit_code):
    record = started(journal)
    runner = runner_of(journal, clock, failure, DONE)
    with pytest.raises(Failure) as caught:
        runner.wait(record, 600)
    assert caught.value.exit_code == exit_code and len(runner.client.sent) == 1 and clock.slept == []
    assert caught.value.resume == resume_of("t1") and journal.read(record["id"])


def test_id_is_quoted_in_the_address(journal, clock):
    runner = runner_of(journal, clock, DONE)
    runner.look("a/../b?x=1#é")
    assert runner.client.sent[0][1].endswith("/api/v1/tasks/a%2F..%2Fb%3Fx%3D1%23%C3%A9")


def test_progress_is_told_when_it_changes(journal, clock):
    console = Words()
    runner_of(journal, clock, *[status("PENDING")] * 3, *[status("RUNNING")] * 10, DONE, console=console,
              usual="5 to 120 s").wait(started(journal), 600)
    assert 2 <= len(console.notes) < 8 and console.redrawn == []
    assert "waiting" in console.notes[0] and "usually 5 to 120 s" in console.notes[0] and any("running" in note for note in console.notes)
    terminal = Words(terminal=True)
    runner_of(journal, clock, *[status("PENDING")] * 3, DONE, console=terminal).wait(started(journal), 600)
    assert len(terminal.redrawn) == 3 and terminal.notes == []


# ---- cancel, list ----------------------------------------------------------------------------------------------------

def test_cancel(journal, clock):
    record = started(journal, "t/1")
    runner = runner_of(journal, clock, {"request_id": "r7"}, {"output": {"task_id": "t/1", "task_status": "CANCELED"}})
    runner.cancel("t/1", record)
    assert runner.client.sent[0][:2] == ("POST", "https://dashscope.aliyuncs.com/api/v1/tasks/t%2F1/cancel")
    assert journal.read(record["id"]) is None


@pytest.mark.parametrize("said", [{"request_id": "r7"}, {"success": False}, status("RUNNING"), status("CANCELED", task_id="t2"), {}])
@pytest.mark.parametrize("looks", [[status("RUNNING")], [status("SUCCEEDED")], [status("PENDING")] * 3, [{}],
                                   [status("CANCELED", task_id="t2")], [Context().network("reset")]],
                         ids=["runs", "done", "waits", "nothing", "another", "reset"])
def test_a_cancel_counts_when_the_task_itself_says_so(journal, clock, said, looks):
    record, forgotten = started(journal), []
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, said, *looks, forget=forgotten.append).cancel("t1", record)
    assert caught.value.task_id == "t1" and "cancelled" not in caught.value.message.replace("not cancelled", "")
    assert journal.read(record["id"]) and not forgotten
    late = [status("PENDING"), status("CANCELED")]
    runner_of(journal, clock, said, *late).cancel("t1", record)
    assert journal.read(record["id"]) is None


def test_cancel_of_a_task_that_has_begun_is_refused(journal, clock):
    refusal = service_failure(400, "UnsupportedOperation", "Failed to cancel the task, please confirm if the task is in PENDING status.")
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, refusal).cancel("t1")
    failure = caught.value
    assert failure.exit_code == Exit.FAILED and failure.task_id == "t1" and "waiting" in failure.cause and resume_of("t1") in failure.fix


def test_records_as_rows(journal, clock):
    started(journal, "t1", prompt="P" * 200, output="/x/fox.png")
    journal.write(journal.new("qianwen-video", model="m"))
    clock.now += LIFE + 5
    started(journal, "t3")
    rows = describe(journal.all(), journal)
    assert [row["state"] for row in rows] == ["expired", "expired", RUNNING]
    by_id = {row["id"]: row for row in rows}
    assert by_id["t1"]["age_seconds"] == LIFE + 5 and by_id["t1"]["prompt"] == "P" * 80 and by_id["t1"]["output"] == "/x/fox.png"
    assert by_id["t3"]["resume"] == resume_of("t3") and all(row["id"] for row in rows)
    assert not any("fingerprint" in row for row in rows)


# ---- trouble that is not the task's ----------------------------------------------------------------------------------

NOT_ITS_OWN = {
    "throttled": {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded"}, "nothing": {}, "no status": {"output": {}},
    "overloaded": {"code": "ServiceUnavailable", "message": "<503> try later"}, "odd": {"output": [], "code": "SystemError"},
    "in output": {"output": {"code": "Throttling", "message": "slow"}},
    **{code: {"code": code, "message": "of a gateway"} for code in (
        "InvalidToken", "InvalidSignature", "InvalidTimestamp", "InvalidRequest", "InvalidFile", "InvalidParameterSet", "ModelNotFound",
        "FileNotFound", "ImagePullBackOff", "UnsupportedMediaType", "UnsupportedOperation", "MediaError", "TaskFailed")},
    "not JSON": Context().network("the answer is not the expected JSON: {\"out", retryable=False),
    "a page": Context().network("a web page came instead of an answer (HTTP 200): <html>", retryable=False),
}


@pytest.mark.parametrize("name", NOT_ITS_OWN)
def test_an_answer_that_is_not_the_tasks_is_asked_again(journal, clock, name):
    record = started(journal)
    assert runner_of(journal, clock, NOT_ITS_OWN[name], DONE).wait(record, 600) == DONE and journal.read(record["id"])


@pytest.mark.parametrize("name", NOT_ITS_OWN)
def test_a_read_never_advises_to_pay_again(journal, clock, name):
    record = started(journal)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *[NOT_ITS_OWN[name]] * 1000).wait(record, 60)
    failure = caught.value
    assert failure.exit_code == Exit.RUNNING and journal.read(record["id"]) and failure.resume == resume_of("t1")
    assert "run the command again" not in failure.fix and "bill" not in failure.cause + failure.message


@pytest.mark.parametrize("code", ["InvalidParameter", "DataInspectionFailed", "InternalError.Algo", "IPInfringementSuspect",
                                  "InvalidParameter.DataInspection", "InvalidFile.NoHuman", "InvalidImageFormat", "InvalidURL.Timeout"])
def test_a_code_that_can_be_the_tasks_ends_it(journal, clock, code):
    record = started(journal)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, {"code": code, "message": "m", "request_id": "r"}).wait(record, 60)
    assert caught.value.code == code and journal.read(record["id"]) is None


@pytest.mark.parametrize("code", ["InternalError", "InvalidURL", "BadRequest.TooLarge"])
def test_what_the_question_may_have_met_is_the_tasks_when_it_comes_five_times_in_a_row(journal, clock, code):
    record, console, doubtful = started(journal), Words(), {"code": code, "message": "m", "request_id": "r"}
    looks = [*[doubtful] * 4, status("RUNNING"), *[doubtful] * 4]
    assert runner_of(journal, clock, *looks, DONE, console=console).wait(record, 600) == DONE
    assert any("in an unknown state, " in note for note in console.notes)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *looks, doubtful, DONE).wait(record, 600)
    assert caught.value.code == code and journal.read(record["id"]) is None


def test_a_result_that_cannot_be_read_is_asked_for_again_and_stays(journal, clock):
    """The task has succeeded, so it is billed: nobody may advise to make it again."""
    record, empty = started(journal), status("SUCCEEDED")
    settings = {"has_result": lambda record, body: "results" in body["output"]}
    assert runner_of(journal, clock, *[empty] * 4, DONE, **settings).wait(record, 600) == DONE
    assert runner_of(journal, clock, *[empty] * 5, **settings).wait(record, 600) == empty and journal.read(record["id"])
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, *[empty] * 5, **settings).wait(record, 2)
    assert caught.value.exit_code == Exit.RUNNING and "without a result" in caught.value.message and journal.read(record["id"])


def test_a_status_beside_the_output_counts(journal, clock):
    body = {"task_id": "t1", "task_status": " succeeded", "video_url": "https://h/1.mp4"}
    assert runner_of(journal, clock, body).wait(started(journal), 60) == body


# ---- a clock that is wrong -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("off", [-3, 3, 400], ids=lambda days: f"{days} days")
def test_a_wrong_clock_drops_nothing_and_waits_no_longer(journal, clock, off):
    clock.now += off * 86400
    record, runner = journal.new("s", model=MODEL), runner_of(journal, clock, CREATED)
    runner.client.headers = {"date": formatdate(NOW, usegmt=True)}
    runner.submit(CREATE, record)
    assert abs(journal.read(record["id"])["created"] - NOW) < 2, "the moment is the service's"
    later = Journal(journal.state, clock=clock)
    clock.now += 3600
    runner = runner_of(later, clock, status("RUNNING"), status("UNKNOWN"))
    runner.client.headers = {"date": formatdate(NOW + 3600, usegmt=True)}
    with pytest.raises(Failure, match="does not know"):
        runner.wait(record, 600)
    assert later.read(record["id"]), "by the service's clock it is an hour old"


def test_a_list_drops_no_record(journal, clock):
    record, said = started(journal), []
    clock.now += 9 * 86400
    list_tasks(journal, SimpleNamespace(skill="qianwen-image-generation", json_mode=False, clean=str, result=said.append))
    assert journal.read(record["id"]) and "too old" in said[0] and resume_of("t1") in said[0]


def test_settled_tasks_of_the_future_are_not_trusted(journal, clock):
    journal.remove(started(journal, "t8"))
    clock.now -= 30 * 86400
    assert "t8" not in journal.known_tasks()


# ---- ids and commands ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("task_id", ["--overwrite", "..", ".", "a/../b", "x;touch y", "$(x)", "x&calc.exe", "\ud800", "a b", "x" * 257, "\0"])
def test_an_id_of_an_odd_form_is_not_used(journal, clock, task_id):
    record = journal.new("s", model=MODEL)
    with pytest.raises(Failure) as caught:
        runner_of(journal, clock, {"output": {"task_id": task_id}}).submit(CREATE, record)
    assert caught.value.resume == resume_of(record["id"]) and "form" in caught.value.message
    assert journal.read(record["id"])["task_id"] == "" and task_id not in caught.value.fix.split()
    with pytest.raises(Failure) as caught:
        check_given(task_id, None, journal)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("given", ["q-0123456789ab", "row-8f8f-11"])
def test_a_local_id_that_is_not_here_is_not_sent(journal, given):
    with pytest.raises(Failure) as caught:
        check_given(given, None, journal)
    assert caught.value.exit_code == Exit.USAGE and "XDG_STATE_HOME" in caught.value.fix
    assert check_given("0b5c1f5e-1111-4222", None, journal) is None and check_given(given, {"id": given}, journal) is None


@pytest.mark.skipif(WINDOWS, reason="a shell of POSIX")
def test_a_command_finds_the_journal_it_was_made_with(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    state = str(tmp_path / "it's here" / "qianwen")
    words = shlex.split(command_line("--resume", "t1", state=state))
    assert words[0] == f"XDG_STATE_HOME={os.path.dirname(state)}"
    assert words[1:] == shlex.split(resume_of("t1"))
    assert command_line("--resume", "t1", state=str(tmp_path / ".local/state/qianwen")) == resume_of("t1")


def test_files_that_were_fetched_are_remembered(journal, tmp_path):
    path = tmp_path / "fox.png"
    path.write_bytes(b"x")
    journal.remove(started(journal, "t1", saved={"1": {"path": str(path)}}))
    assert journal.fetched("t1") is None, "only what is whole counts"
    record = started(journal, "t2", saved={"1": {"path": str(path)}})
    journal.remove({**record, "state": READY})
    assert journal.fetched("t2")["files"] == [{"path": str(path)}] and journal.fetched("t3") is None
    path.unlink()
    assert journal.fetched("t2") is None


@pytest.mark.skipif(WINDOWS, reason="links of POSIX")
def test_twins_that_pass_the_first_look_are_told_apart_at_the_create(journal, clock):
    """Both have uploaded their files before one of them has a record."""
    one, two = (journal.new("s", model=MODEL, fingerprint="f") for _ in range(2))
    runner = runner_of(journal, clock, CREATED)
    runner.submit(CREATE, one, alone=True)
    with pytest.raises(Failure) as caught:
        runner.submit(CREATE, two, alone=True)
    assert (caught.value.exit_code, caught.value.accepted, len(runner.client.sent)) == (Exit.RUNNING, "no", 1)
    assert "--again" in caught.value.fix and [record["id"] for record in journal.all()] == [one["id"]]


def test_a_record_is_fetched_by_one_command_at_a_time(journal):
    record = started(journal)
    with journal.fetching(record, 1) as left:
        assert left == record
        with pytest.raises(Held), journal.fetching(record, 0.1):
            pass
        journal.remove(record)
    with journal.fetching(record, 0.1) as left:
        assert left is None
    assert files(journal) == []


def test_links_among_the_records_are_not_followed(journal, tmp_path):
    good, notes = started(journal, "good"), tmp_path / "bashrc"
    notes.write_text("mine")
    os.symlink(notes, os.path.join(journal.folder, ".settled"))
    os.symlink("/dev/zero", os.path.join(journal.folder, "zero.json"))
    os.mkfifo(os.path.join(journal.folder, "pipe.json"))
    assert journal.all() == [good] and journal.find("t9") is None
    journal.remove(good)
    assert notes.read_text() == "mine"
