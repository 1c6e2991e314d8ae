"""Costs, budgets and the record of what was spent: pure parts, the files, many processes at once."""
from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import subprocess
import sys
import threading
import time
from datetime import date, datetime

import pytest

from shared.failures import Exit, Failure
from shared.money import budget, report, spending, sums
from shared.money.cost import Cost, document, estimate_document, exactly, FREE, parts, span, total, unknown, words, yuan
from shared.money.payments import correct, Payments
from shared.money.spending import UnderWay
from shared.money.sums import Sum, Sums
from tests.conftest import ROOT

PRICED = exactly(0.4, "2026-10-09", units={"pictures": 2})
NOT_KNOWN = unknown("its price is not in the table", "2026-10-09")
TODAY = datetime.now().date()


# ---- amounts

@pytest.mark.parametrize("amount, written", [
    (0, "0.00"), (0.4, "0.40"), (12.345, "12.35"), (0.0123456, "0.012346"), (0.05, "0.05"), (0.000001, "0.000001"), (-0.4, "-0.40")])
def test_amounts_are_written_without_exponent(amount, written):
    assert yuan(amount) == written


def test_a_known_cost_in_words_and_json():
    assert words(PRICED) == "about 0.40 CNY (list price 2026-10-09, cn-beijing)"
    assert document(PRICED) == {"amount": 0.4, "currency": "CNY", "known": True, "prices_of": "2026-10-09", "region": "cn-beijing"}
    assert estimate_document(PRICED._replace(low=0.2)) == {
        "low": 0.2, "high": 0.4, "currency": "CNY", "known": True, "prices_of": "2026-10-09", "region": "cn-beijing",
        "units": {"pictures": 2}}
    assert span(PRICED._replace(low=0.2, about=True)) == "about 0.20 to 0.40 CNY"


def test_what_is_not_known_is_not_guessed():
    assert words(NOT_KNOWN) == "price not known"
    assert document(NOT_KNOWN)["amount"] is None and document(NOT_KNOWN)["why"] == "its price is not in the table"
    assert estimate_document(NOT_KNOWN)["high"] is None and not estimate_document(NOT_KNOWN)["known"]


def test_a_sum_counts_what_has_no_price_apart():
    assert total([PRICED, NOT_KNOWN, PRICED]) == (
        Cost(0.8, 0.8, "2026-10-09", "cn-beijing", {"pictures": 4}), 1)
    assert total([]) == (Cost(0, 0, "", "", {}), 0) and words(total([])[0]) == "about 0.00 CNY"
    found, missing = total([NOT_KNOWN, NOT_KNOWN])
    assert not found.known and missing == 2
    assert total([PRICED, PRICED._replace(region="ap-southeast-1")])[0].region == "", "two regions are none"
    assert total([FREE, PRICED, FREE])[0].region == "cn-beijing"
    assert set(document(FREE)) == {"amount", "currency", "known"}


# ---- budgets

@pytest.mark.parametrize("text, amount, period", [
    ("20", 20, "day"), ("20/day", 20, "day"), (" 0.5 / week ", 0.5, "week"), (".5/month", 0.5, "month"), ("0", 0, "day")])
def test_a_budget_is_an_amount_and_a_period(text, amount, period):
    assert budget.parse(text, "the environment")[:2] == (amount, period)


@pytest.mark.parametrize("text", ["20 yuan", "-1", "1e3", "20/year", "nan", "inf", "20/", "/day", "二十", "２０", "20,5", "1" * 400])
def test_any_other_budget_is_refused(text):
    with pytest.raises(Failure, match="is not a budget") as caught:
        budget.parse(text, ".env")
    assert caught.value.exit_code == Exit.USAGE


def test_the_smallest_budget_of_each_period_counts():
    found = budget.smallest([("20", "a"), ("5/day", "b"), ("", "c"), ("100/month", "d"), ("300/month", "e")])
    assert [(one.amount, one.period, one.where) for one in found] == [(5, "day", "b"), (100, "month", "d")]


@pytest.mark.parametrize("period, today, first", [
    ("day", date(2026, 11, 26), date(2026, 11, 26)), ("week", date(2026, 11, 26), date(2026, 11, 23)),
    ("week", date(2026, 11, 23), date(2026, 11, 23)), ("week", date(2027, 1, 1), date(2026, 12, 28)),
    ("month", date(2026, 12, 31), date(2026, 12, 1))])
def test_periods_begin_at_midnight_monday_and_the_first(period, today, first):
    assert budget.first_day(period, today) == first


# ---- the file

def lines_of(folder) -> list:
    return [json.loads(line) for line in (folder / "spending.jsonl").read_text("utf-8").splitlines()]


def test_a_line_holds_what_was_spent_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = tmp_path / "state"
    Sums(str(state)).add("qianwen-image-generation", "wan2.7-image", {"pictures": 2}, 0.4, call="r-1")
    (line,) = lines_of(state)
    assert abs(line.pop("time") - time.time()) < 60
    assert line == {"skill": "qianwen-image-generation", "model": "wan2.7-image", "units": {"pictures": 2}, "amount": 0.4,
                    "calls": 1, "id": "r-1", "folder": str(tmp_path)}
    if os.name == "posix":
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert stat.S_IMODE((state / "spending.jsonl").stat().st_mode) == 0o600


def test_torn_and_foreign_lines_are_passed_over(tmp_path):
    one = Sums(str(tmp_path))
    one.add("s", "m", {"tokens": 3}, 0.1)
    with open(tmp_path / "spending.jsonl", "ab") as file:
        file.write(b'{"time": 1, "ski')  # a process was killed while it wrote
    one.add("s", "m", {"tokens": 4}, 0.2)
    with open(tmp_path / "spending.jsonl", "ab") as file:
        file.write(b'[]\nnull\n{"time": 1e99, "skill": "s", "model": "m", "units": {}, "amount": 1}\n\xff\xfe\n'
                   b'{"time": 1, "skill": "s", "model": "m", "units": {}, "amount": NaN}\n')
    one.add("s", "m", {"tokens": 5}, None, in_doubt=True)
    expected = {("s", "m"): Sum(3, {"tokens": 12}, 0.3, 1, 1)}
    assert one.between(TODAY, TODAY) == Sums(str(tmp_path)).between(TODAY, TODAY) == expected
    assert one.unreadable == 6


def test_lines_that_cannot_be_read_stay_counted_when_the_file_is_set_aside(tmp_path, monkeypatch):
    set_aside_above(monkeypatch, 300)
    (tmp_path / "spending.jsonl").write_text("[" * 100_000 + "\n\n")
    for _ in range(6):
        add(Sums(str(tmp_path)), "s", "m", {}, 0.5)
    one = Sums(str(tmp_path))
    assert one.since(TODAY) == 3.0 and one.unreadable == 1 and len(list(tmp_path.glob("spending-*.jsonl"))) > 1


def add(one: Sums, *line, **more) -> None:
    """As payments do it."""
    if one.add(*line, **more):
        one.set_aside()


def set_aside_above(monkeypatch, size: int) -> None:
    for module in (spending, sums):
        monkeypatch.setattr(module, "MOST_BYTES", size)


def test_a_long_file_is_set_aside_and_the_sums_stay(tmp_path, monkeypatch):
    set_aside_above(monkeypatch, 2000)
    one, other = Sums(str(tmp_path)), Sums(str(tmp_path))
    for number in range(100):
        add((one, other)[number % 2], "s", f"m{number % 3}", {"tokens": 1}, 0.01)
        if number % 17 == 0:
            assert sum(found.calls for found in other.between(TODAY, TODAY).values()) == number + 1
    for reader in (one, other, Sums(str(tmp_path))):
        found = reader.between(TODAY, TODAY)
        assert sum(value.calls for value in found.values()) == 100
        assert round(sum(value.amount for value in found.values()), 6) == 1.0
    assert len(list(tmp_path.glob("spending-*.jsonl"))) > 3 and (tmp_path / "spending.jsonl").stat().st_size < 3000


def test_sums_are_right_after_a_crash_between_renaming_and_summing(tmp_path, monkeypatch):
    set_aside_above(monkeypatch, 1000)
    one = Sums(str(tmp_path))
    for _ in range(20):
        add(one, "s", "m", {}, 0.5)
    before = Sums(str(tmp_path)).since(TODAY)
    (tmp_path / "spending-sums.json").unlink()  # what a crash leaves, and what a hand may do
    assert Sums(str(tmp_path)).since(TODAY) == before == 10.0
    (tmp_path / "spending-sums.json").write_text("{")
    assert Sums(str(tmp_path)).since(TODAY) == 10.0


def test_many_processes_lose_no_line(tmp_path):
    code = ("import sys\nfrom shared.money import spending, sums\nspending.MOST_BYTES = sums.MOST_BYTES = 4000\n"
            "one = sums.Sums(sys.argv[1])\nfor number in range(60):\n"
            "    if one.add('s', 'm', {'tokens': 1}, 0.25, call=str(number)): one.set_aside()\n")
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    assert Sums(str(tmp_path)).between(TODAY, TODAY) == {("s", "m"): Sum(360, {"tokens": 360}, 90.0, 0, 0)}


def test_days_are_told_apart(tmp_path):
    now = datetime(2026, 11, 26, 12).timestamp()
    for days, amount in ((0, 1.0), (1, 2.0), (3, 4.0), (40, 8.0)):
        Sums(str(tmp_path), clock=lambda: now - days * 86400).add("s", "m", {}, amount)
    one, today = Sums(str(tmp_path)), date(2026, 11, 26)

    def spent(period):
        return report.sum_of(one.between(*report.days_of(period, today)).values()).amount
    assert [spent(period) for period in ("today", "yesterday", "week", "month", "all", "2026-10", "2026-11-23")] == [
        1.0, 2.0, 7.0, 7.0, 15.0, 8.0, 4.0]


@pytest.mark.parametrize("period, last", [("9999-12", (9999, 12, 31)), ("2028-02", (2028, 2, 29)), ("2026-02", (2026, 2, 28))])
def test_a_month_ends_with_its_own_last_day(period, last):
    assert report.days_of(period, TODAY)[1] == date(*last)


@pytest.mark.parametrize("period", ["tomorrow", "2026", "2026-13", "2026-02-30", "26-11-01", "", "２０２６-11"])
def test_other_periods_are_refused(period):
    with pytest.raises(Failure, match="is not a period"):
        report.days_of(period, TODAY)


def test_the_report_names_models_dearest_first():
    found = {("qianwen-text", "qwen3.7-plus"): Sum(3, {"input_tokens": 1200}, 0.05), ("qianwen-video-generation", "wan"): Sum(1, {"seconds": 5}, 3.0),
             ("qianwen-image-generation", "new"): Sum(2, {"pictures": 2}, 0.0, 2, 1)}
    days = (TODAY, TODAY)
    told = report.document("today", days, found)
    assert [row["model"] for row in told["by"]] == ["wan", "qwen3.7-plus", "new"] and told["total"] == 3.05
    assert told["calls_without_price"] == 2 and told["calls_in_doubt"] == 1 and told["by"][2]["calls_without_price"] == 2
    text = report.table("today", days, found)
    assert text.splitlines()[1].split() == ["skill", "model", "calls", "units", "CNY"]
    assert "not known" in text and text.splitlines()[-3].split() == ["total", "6", "3.05"] and "in doubt" in text
    assert report.table("today", days, {}) == "nothing was spent (today)\n"


# ---- calls under way and budgets

def payments_of(folder, *settings, **more):
    return Payments(str(folder), "qianwen-text", [(text, "the environment") for text in settings], **more)


def spent(folder) -> float:
    return round(Sums(str(folder)).since(TODAY), 6)


def test_a_settled_call_is_written_and_nothing_is_under_way(tmp_path):
    payments = payments_of(tmp_path)
    with payments.paying("m", PRICED) as payment:
        assert Sums(str(tmp_path)).under_way() == 0.4
        payment.settle(exactly(0.3, "2026-10-09", units={"tokens": 7}), "r-1")
    payments.close()
    assert [(line["amount"], line["units"], line["id"]) for line in lines_of(tmp_path)] == [(0.3, {"tokens": 7}, "r-1")]
    assert list((tmp_path / "under-way").iterdir()) == []


@pytest.mark.parametrize("accepted, doubt", [("no", False), ("maybe", True)])
def test_a_failure_is_free_or_in_doubt(tmp_path, accepted, doubt):
    payments = payments_of(tmp_path)
    with pytest.raises(Failure):
        with payments.paying("m", PRICED):
            raise Failure(Exit.NETWORK, "x", accepted=accepted)
    payments.close()
    assert spent(tmp_path) == (0.4 if doubt else 0)
    assert not doubt or lines_of(tmp_path)[0]["in_doubt"] is True


def test_an_interrupted_call_is_in_doubt(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with payments_of(tmp_path).paying("m", PRICED):
            raise KeyboardInterrupt
    assert lines_of(tmp_path)[0]["in_doubt"] is True


def test_a_task_counts_from_its_create_and_is_settled_at_its_end(tmp_path):
    payments, held = payments_of(tmp_path), {}
    with payments.paying("m", PRICED) as payment:
        payment.note(held)
        payment.goes_on("task-1")
    assert spent(tmp_path) == 0.4
    correct(payments, "m", held, PRICED, exactly(0.0, "2026-10-09"), "task-1")  # it failed
    assert spent(tmp_path) == 0 and Sums(str(tmp_path)).between(TODAY, TODAY)["qianwen-text", "m"].calls == 1
    assert lines_of(tmp_path)[1]["calls"] == 0 and lines_of(tmp_path)[1]["id"] == "task-1"


def at(day: date, *time_of_day) -> float:
    return datetime(day.year, day.month, day.day, *time_of_day).timestamp()


@pytest.mark.parametrize("day", [date(2026, 11, 25), date(2026, 11, 29), date(2026, 12, 31)])
@pytest.mark.parametrize("longest", [10**6, 0])
@pytest.mark.parametrize("answered", [True, False])
def test_a_correction_counts_on_the_day_of_its_create(tmp_path, monkeypatch, day, longest, answered):
    set_aside_above(monkeypatch, longest)
    now = [at(day, 23, 59, 50)]
    monkeypatch.setattr(time, "time", lambda: now[0])
    payments, held = payments_of(tmp_path), {}
    with payments.paying("m", PRICED) as payment:
        payment.note(held)
        now[0] += 20
        if answered:
            payment.goes_on("task-1")
    payments.write("m", {}, 1.0, moment=now[0])
    correct(payments, "m", held, PRICED, exactly(0.1, "2026-10-09"), "task-1")
    one, next_day = Sums(str(tmp_path)), date.fromordinal(day.toordinal() + 1)
    assert [one.between(first, first)["qianwen-text", "m"][2::2] for first in (day, next_day)] == [(0.1, 0), (1.0, 0)]


def created(payments, outcome="goes_on") -> dict:
    """What a record holds of a create that was counted, or that ended otherwise."""
    held: dict = {}
    with contextlib.suppress(KeyboardInterrupt), payments.paying("m", PRICED) as payment:
        payment.note(held)
        if outcome == "lost":
            raise KeyboardInterrupt
        payment.goes_on("task-1")
    return held


def counted_now(folder) -> tuple:
    """(CNY, calls, pictures, calls in doubt) of today, by all lines."""
    Sums(str(folder)).under_way()
    one = Sums(str(folder)).between(TODAY, TODAY).get(("qianwen-text", "m"), Sum())
    return one.amount, one.calls, one.units.get("pictures", 0), one.in_doubt


@pytest.mark.parametrize("end, amount", [(FREE, 0.0), (exactly(0.2, "2026-10-09", units={"pictures": 1}), 0.2)])
@pytest.mark.parametrize("outcome", ["goes_on", "lost"])
def test_a_task_is_settled_once_by_however_many_processes(tmp_path, end, amount, outcome):
    """Each knows only what stood in the record when it began."""
    held = created(payments_of(tmp_path), outcome)
    for _ in range(3):
        correct(payments_of(tmp_path), "m", dict(held), PRICED, end, "task-1")
        assert counted_now(tmp_path) == (amount, 1, len(end.units), 0) and len(lines_of(tmp_path)) == 2


def test_a_create_that_is_settled_before_its_process_hears_of_it_counts_once(tmp_path):
    payments, held = payments_of(tmp_path), {}
    with payments.paying("m", PRICED) as payment:
        payment.note(held)
        correct(payments_of(tmp_path), "m", held, PRICED, FREE, "task-1")
        payment.goes_on("task-1")
    assert counted_now(tmp_path) == (0.0, 1, 0, 0)


@pytest.mark.parametrize("end, found", [(FREE, (0.0, 1, 0, 0)), (PRICED, (0.4, 1, 2, 0))])
def test_what_was_never_counted_is_not_taken_out(tmp_path, monkeypatch, end, found):
    with monkeypatch.context() as patch:
        patch.setattr(spending.Spending, "_append", lambda *line: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
        patch.setattr("shared.money.payments.UnderWay", lambda state: (_ for _ in ()).throw(OSError(errno.EROFS, "Read-only file system")))
        held = created(payments_of(tmp_path))
    correct(payments_of(tmp_path), "m", held, PRICED, end, "task-1")
    assert counted_now(tmp_path) == found
    correct(payments_of(tmp_path), "m", {}, PRICED, end)  # a create that was never begun
    assert counted_now(tmp_path) == found


@pytest.mark.parametrize("killed_at", ["line", "end"])
@pytest.mark.parametrize("swept", [True, False])
def test_a_process_killed_near_its_line_counts_its_call_once(tmp_path, monkeypatch, killed_at, swept):
    """Before the line is written, or between that and the word that the call is under way no more."""
    payments = payments_of(tmp_path)
    with monkeypatch.context() as patch:
        if killed_at == "line":
            patch.setattr(Sums, "add_once", lambda *line, **more: False)
        patch.setattr(payments, "end", lambda number: None)
        held = created(payments)
    payments._under_way._lock.__exit__()  # as the end of the process does
    if swept:
        assert counted_now(tmp_path) == (0.4, 1, 0 if killed_at == "line" else 2, killed_at == "line")
    correct(payments_of(tmp_path), "m", held, PRICED, PRICED, "task-1")
    assert counted_now(tmp_path) == (0.4, 1, 2, 0)


def test_a_call_that_no_task_makes_is_counted_once_too(tmp_path, monkeypatch):
    payments = payments_of(tmp_path)
    monkeypatch.setattr(payments, "end", lambda number: None)
    with payments.paying("m", PRICED) as payment:
        payment.settle(PRICED, "r-1")
    payments._under_way._lock.__exit__()
    assert counted_now(tmp_path) == (0.4, 1, 2, 0) and list((tmp_path / "under-way").iterdir()) == []


@pytest.mark.parametrize("outcome, doubts", [("goes_on", 0), ("lost", 1)])
def test_an_unknown_cost_changes_nothing_that_is_counted(tmp_path, outcome, doubts):
    held = created(payments_of(tmp_path), outcome)
    correct(payments_of(tmp_path), "m", held, PRICED, NOT_KNOWN, "task-1")
    assert counted_now(tmp_path) == (0.4, 1, 2, doubts)


def test_a_correction_reads_only_files_since_its_create(tmp_path, monkeypatch):
    set_aside_above(monkeypatch, 0)
    payments, read = payments_of(tmp_path), []
    for _ in range(12):
        payments.write("m", {}, 0.0)
    for path in tmp_path.glob("spending-*.jsonl"):
        os.utime(path, (time.time() - 3 * 86400,) * 2)
    held = created(payments)
    for _ in range(6):
        payments.write("m", {}, 0.0)
    whole = Sums._whole_lines
    monkeypatch.setattr(Sums, "_whole_lines", staticmethod(lambda path, start=0: read.append(os.path.basename(path)) or whole(path, start)))
    one = Sums(str(tmp_path))
    assert one._counted(held["payment"], held["time"]).amount == 0.4 and 2 <= len(read) <= 6 < len(one._numbers()), read
    read.clear()
    assert one._counted("of-nobody", None).calls == 0 and 2 <= len(read) <= 6, read


def test_the_sums_are_read_once_for_all_calls_and_budgets(tmp_path, monkeypatch):
    set_aside_above(monkeypatch, 500)
    payments, read, read_sums = payments_of(tmp_path, "50/day", "60/week", "70/month"), [], Sums._read_sums
    for _ in range(12):
        payments.write("m", {}, 0.1)
    monkeypatch.setattr(spending, "MOST_BYTES", 10**6)
    monkeypatch.setattr(Sums, "_read_sums", lambda self: read.append(1) or read_sums(self))
    for number in range(10):
        payments.begin("m", PRICED).settle(PRICED)
        assert round(payments.left()[2][1], 6) == round(1.2 + 0.4 * (number + 1), 6)
    assert len(read) <= 2, read
    set_aside_above(monkeypatch, 0)  # by another process
    payments_of(tmp_path).write("m", {}, 0.5)
    payments_of(tmp_path).write("m", {}, 0.5)
    assert round(payments.left()[0][1], 6) == 6.2


def test_what_several_jobs_cost_is_shared_by_their_rows():
    cost = exactly(1.0, "2026-10-09", units={"input_tokens": 100})
    assert [(part.high, part.units["input_tokens"]) for part in parts(cost, [1, 2, 0])] == [(0.333333, 33), (0.666667, 67), (0.0, 0)]
    assert parts(cost, [5]) == [cost] and [part.high for part in parts(cost, [0, 0])] == [0.0, 1.0]
    assert [part.high for part in parts(NOT_KNOWN, [1, 1])] == [None, None]


def test_what_the_service_does_not_report_stays_held(tmp_path):
    payments = payments_of(tmp_path, "0.5")
    with payments.paying("m", PRICED) as payment:
        assert payment.settle(NOT_KNOWN, "r-1") == NOT_KNOWN
    (line,) = lines_of(tmp_path)
    assert (line["amount"], line["in_doubt"], line["id"]) == (0.4, True, "r-1")
    with pytest.raises(Failure, match="leaves 0.10 CNY"):
        payments.begin("m", PRICED)


def test_a_result_is_not_lost_where_a_long_file_cannot_be_set_aside(tmp_path, monkeypatch):
    """The module that does it is loaded late; an update of the skill may have taken it away."""
    monkeypatch.setattr(spending, "MOST_BYTES", 0)
    monkeypatch.setitem(sys.modules, "shared.money.sums", None)
    payments = Payments(str(tmp_path), "s")
    with payments.paying("m", PRICED) as payment:
        assert payment.settle(PRICED) == PRICED
    payments.write("m", {}, 0.1)
    assert len(lines_of(tmp_path)) == 2


def test_every_row_of_a_job_without_a_price_is_told_as_such(tmp_path):
    payments, held = payments_of(tmp_path), {}
    with payments.paying("m", NOT_KNOWN) as payment:
        payment.note(held)
        payment.goes_on("job-1")
    correct(payments, "m", held, NOT_KNOWN, NOT_KNOWN, "job-1", calls=100)
    found = Sums(str(tmp_path)).between(TODAY, TODAY)["qianwen-text", "m"]
    assert (found.calls, found.unpriced, found.amount) == (100, 100, 0)


def test_a_call_over_the_budget_is_refused_with_what_is_left(tmp_path):
    Sums(str(tmp_path)).add("s", "m", {}, 0.7)
    with pytest.raises(Failure) as caught:
        payments_of(tmp_path, "1").begin("m", PRICED)
    failure = caught.value
    assert (failure.exit_code, failure.code, failure.accepted) == (Exit.QUOTA, "Budget", "no")
    assert "leaves 0.30 CNY" in failure.message and "0.40 CNY" in failure.message and "0.70 CNY" in failure.cause
    payments_of(tmp_path, "1.1").begin("m", PRICED)


def test_budgets_of_several_periods_all_hold(tmp_path):
    Sums(str(tmp_path), clock=lambda: time.time()).add("s", "m", {}, 5.0)
    payments_of(tmp_path, "6/day", "6/week", "6/month").begin("m", PRICED)
    with pytest.raises(Failure, match="a month"):
        payments_of(tmp_path, "60/day", "60/week", "5.1/month").begin("m", PRICED)


@pytest.mark.parametrize("cost, said", [
    (PRICED, "this call may cost 0.40 CNY"), (NOT_KNOWN, "the price of this call is not known"), (exactly(0.0, "x"), "")])
@pytest.mark.parametrize("spent", [1.0, 1.2])
def test_where_nothing_is_left_only_what_is_free_goes(tmp_path, cost, said, spent):
    Sums(str(tmp_path)).add("s", "m", {}, spent)
    payments = payments_of(tmp_path, "1", unpriced=True)
    if said:
        with pytest.raises(Failure, match=f"leaves 0.00 CNY, but {said}"):
            payments.begin("m", cost)
    else:
        payments.begin("m", cost).release()


@pytest.mark.parametrize("budgets", ["", "1"])
@pytest.mark.parametrize("low, high", [(-60, -60), (-1, 1), (0.5, 0.2), (0, float("inf")), (float("nan"), float("nan"))])
def test_an_amount_that_no_call_costs_is_refused_and_raises_no_budget(tmp_path, budgets, low, high):
    payments = payments_of(tmp_path, budgets)
    with pytest.raises(Failure, match="price of this call comes out as") as caught:
        payments.begin("m", PRICED._replace(low=low, high=high))
    assert caught.value.exit_code == 2 and Sums(str(tmp_path)).under_way() == 0 and not (tmp_path / "spending.jsonl").exists()


@pytest.mark.parametrize("cost, goes", [(PRICED, False), (NOT_KNOWN, False), (exactly(0.0, "2026-10-09"), True)])
def test_a_budget_of_nothing_sends_only_what_is_free(tmp_path, cost, goes):
    payments = payments_of(tmp_path, "0", unpriced=True)
    if goes:
        payments.begin("m", cost).release()
    else:
        with pytest.raises(Failure, match="budget"):
            payments.begin("m", cost)


def test_without_a_price_a_budget_refuses_unless_told_otherwise(tmp_path):
    with pytest.raises(Failure, match="the price of m is not known") as caught:
        payments_of(tmp_path, "9").begin("m", NOT_KNOWN)
    assert caught.value.code == "Budget" and "--unpriced" in caught.value.fix
    payments_of(tmp_path, "9", unpriced=True).begin("m", NOT_KNOWN)
    payments_of(tmp_path).begin("m", NOT_KNOWN)


def test_threads_cannot_overshoot(tmp_path):
    payments, done = payments_of(tmp_path, "1"), []

    def call():
        try:
            with payments.paying("m", exactly(0.15, "x")) as payment:
                payment.settle(exactly(0.15, "x"))
            done.append(1)
        except Failure:
            pass
    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 6 and spent(tmp_path) == 0.9


def test_processes_cannot_overshoot(tmp_path):
    code = ("import sys\nfrom shared.failures import Failure\nfrom shared.money.cost import exactly\n"
            "from shared.money.payments import Payments\n"
            "payments = Payments(sys.argv[1], 's', [('1', 'here')])\n"
            "for _ in range(4):\n    try:\n        with payments.paying('m', exactly(0.15, 'x')) as one: one.settle(exactly(0.15, 'x'))\n"
            "    except Failure as failure: assert failure.code == 'Budget', failure\n")
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(8)]
    assert [process.wait(60) for process in running] == [0] * 8
    assert spent(tmp_path) == 0.9


def test_a_killed_process_leaves_its_call_in_doubt(tmp_path):
    code = ("import sys, time\nfrom shared.money.cost import exactly\nfrom shared.money.payments import Payments\n"
            "payments = Payments(sys.argv[1], 'qianwen-image-generation')\npayments.begin('m', exactly(0.4, 'x'))\n"
            "print('begun', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"begun"
    with pytest.raises(Failure, match="leaves 0.10 CNY"):
        payments_of(tmp_path, "0.5").begin("m", PRICED)  # while it is under way
    process.kill()
    process.wait()
    process.stdout.close()
    assert Sums(str(tmp_path)).under_way() == 0
    (line,) = lines_of(tmp_path)
    assert line["in_doubt"] and line["amount"] == 0.4 and line["skill"] == "qianwen-image-generation"


def test_a_torn_file_of_calls_under_way_does_no_harm(tmp_path):
    (tmp_path / "under-way").mkdir()
    (tmp_path / "under-way" / "1-a.jsonl").write_bytes(b'{"begin": 1, "skill": "s", "model": "m", "amount": 2}\n[]\n{"begin": 2, "sk')
    assert Sums(str(tmp_path)).under_way() == 0
    assert lines_of(tmp_path)[0]["amount"] == 2


@pytest.mark.skipif(os.name != "posix", reason="POSIX")
def test_spending_that_cannot_be_written_is_told_once_and_loses_nothing(tmp_path):
    (tmp_path / "state").write_text("a file in the place of the folder")
    told = []
    payments = Payments(str(tmp_path / "state"), "s", warn=lambda text, fix: told.append(text))
    for _ in range(3):
        with payments.paying("m", PRICED) as payment:
            assert payment.settle(PRICED) == PRICED
    payments.close()
    assert len(told) == 1 and "the spending could not be written" in told[0]
    with pytest.raises(Failure, match="the budget cannot be enforced") as caught:
        Payments(str(tmp_path / "state"), "s", [("1", "here")]).begin("m", PRICED)
    assert caught.value.code == "Budget"


def test_what_is_left_for_check(tmp_path):
    Sums(str(tmp_path)).add("s", "m", {}, 0.75)
    ((held, amount, left),) = payments_of(tmp_path, "1/week").left()
    assert (held.period, amount, left) == ("week", 0.75, 0.25)


def test_a_line_of_another_day_is_not_of_today(tmp_path):
    """Of a day to come neither: a clock that was wrong must not block a budget until then."""
    for days in (-1, 1, 900):
        Sums(str(tmp_path), clock=lambda: time.time() + days * 86400).add("s", "m", {}, 5.0)
    assert spent(tmp_path) == 0 and Sums(str(tmp_path)).between(TODAY, TODAY) == {}
    payments_of(tmp_path, "1").begin("m", PRICED)


@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b"1e400", b"1e300", b'"5"', b"[]", b"true",
                                   pytest.param(b"[" * 90_000 + b"]" * 90_000, id="deep")])
def test_damaged_records_are_passed_over(tmp_path, value):
    one, damaged = Sums(str(tmp_path)), b"".join
    one.add("s", "m", {"tokens": 1}, 0.5)
    line = (tmp_path / "spending.jsonl").read_bytes()
    with open(tmp_path / "spending.jsonl", "ab") as file:
        file.write(line.replace(b'"amount": 0.5', b'"amount": ' + value) + line.replace(b'"calls": 1', b'"calls": ' + value))
    day = TODAY.isoformat().encode()
    for row in (b'"s", "m", 1, {}, %s, 0, 0', b'"s", "m", %s, {}, 1, 0, 0', b'"s", "m", 1, {"tokens": %s}, 1, 0, 0', b'"s", "m", 1, %s, 1'):
        (tmp_path / "spending-sums.json").write_bytes(damaged((b'{"folded": 0, "days": [["', day, b'", ', row % value, b"]]}")))
        assert Sums(str(tmp_path)).between(TODAY, TODAY)["s", "m"][:3] == (1, {"tokens": 1}, 0.5), row
    (tmp_path / "spending-sums.json").write_bytes(b'{"folded": %s, "days": []}' % value)
    (tmp_path / "under-way").mkdir()
    begun = b'{"begin": 1, "skill": "s", "model": "m", "amount": %s}\n{"begin": 2, "skill": "s", "model": "m", "amount": 2}\n'
    (tmp_path / "under-way" / "1-a.jsonl").write_bytes(begun % value)
    assert Sums(str(tmp_path)).under_way() == 0 and spent(tmp_path) == 2.5


def test_a_unit_that_is_no_number_does_not_take_the_amount_along(tmp_path):
    (tmp_path / "spending.jsonl").write_text(
        json.dumps({"time": time.time(), "skill": "s", "model": "m", "units": {"tokens": float("nan"), "seconds": "5"}, "amount": 2}) + "\n")
    assert Sums(str(tmp_path)).between(TODAY, TODAY) == {("s", "m"): Sum(1, {}, 2.0, 0, 0)}


def test_the_file_of_a_process_that_has_not_locked_it_yet_is_left_alone(tmp_path):
    """Locked or deleted by a reader now, its process would refuse a call, or be taken for none."""
    path = tmp_path / "under-way" / "1-abc.jsonl"
    path.parent.mkdir()
    path.touch()
    assert Sums(str(tmp_path)).under_way() == 0 and path.exists()
    os.utime(path, (1, 1))
    assert Sums(str(tmp_path)).under_way() == 0 and not path.exists(), "a process that was killed then left it"


def test_only_the_open_calls_of_a_process_count(tmp_path):
    under_way = UnderWay(str(tmp_path))
    first, second = under_way.begin("s", "m", 1.0), under_way.begin("s", "m", 2.0)
    under_way.end(first)
    assert Sums(str(tmp_path)).under_way() == 2.0
    under_way.end(second)
    under_way.close()
    assert Sums(str(tmp_path)).under_way() == 0.0


def test_a_process_of_many_calls_counts_those_that_are_open(tmp_path):
    """Its files stay short: a full one gets no more calls, and goes with the last of its own."""
    under_way, folder = UnderWay(str(tmp_path)), tmp_path / "under-way"
    long_one = under_way.begin("s", "m", 5.0)
    for _ in range(12_000):
        under_way.end(under_way.begin("s", "m", 1.0))
    last = [under_way.begin("s", "m", 10.0) for _ in range(64)]
    assert Sums(str(tmp_path)).under_way() == 645.0
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert len(sizes) in (2, 3) and max(sizes) < 12_000
    under_way.end(long_one)
    assert len(list(folder.iterdir())) == len(sizes) - 1 and Sums(str(tmp_path)).under_way() == 640.0
    for number in last:
        under_way.end(number)
    under_way.close()
    assert list(folder.iterdir()) == []


def test_a_long_file_of_calls_under_way_is_read_whole(tmp_path):
    under_way = UnderWay(str(tmp_path))
    os.write(under_way._lock.descriptor, b'{"begin": 0, "skill": "s", "model": "m", "amount": 1}\n{"end": 0}\n' * 20_000)
    under_way.begin("s", "m", 2.0)
    assert Sums(str(tmp_path)).under_way() == 2.0


def test_a_call_whose_line_cannot_be_written_stays_under_way(tmp_path, monkeypatch):
    payments, written = payments_of(tmp_path, "1"), Sums.add
    monkeypatch.setattr(spending.Spending, "add", lambda *line, **more: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with payments.paying("m", PRICED) as payment:
        payment.settle(PRICED)
    with pytest.raises(Failure, match="leaves 0.60 CNY"):
        payments.begin("m", exactly(0.7, "x"))
    monkeypatch.setattr(spending.Spending, "add", written)
    payments.close()
    payments._under_way._lock.__exit__()  # as the end of the process does
    assert Sums(str(tmp_path)).under_way() == 0 and spent(tmp_path) == 0.4 and lines_of(tmp_path)[0]["in_doubt"]


def test_a_line_that_the_disk_takes_in_part_is_not_written(tmp_path, monkeypatch):
    payments = payments_of(tmp_path)
    with payments.paying("m", PRICED) as payment:
        with monkeypatch.context() as patch:
            patch.setattr(spending.os, "write", lambda descriptor, line, write=os.write: write(descriptor, line[:9 if b"folder" in line else None]))
            payment.settle(PRICED)
        assert Sums(str(tmp_path)).under_way() == 0.4
