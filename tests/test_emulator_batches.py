"""The emulator's Batch API: files of rows, validation, states by looks and by the clock, results, faults."""
from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from tests.emulator.batch_rows import FAILED, MISSING
from tests.test_emulator import KEY, PLAN_KEY, ask, post, send
from tests.test_emulator import upload as upload_document

FILES, BATCHES = "/compatible-mode/v1/files", "/compatible-mode/v1/batches"
CHAT, DRY = "/v1/chat/completions", "/v1/chat/ds-test"
HOUR, DAY = 3600, 24 * 3600


def row(number, prompt="Hi there", url=CHAT, **body):
    return {"custom_id": f"r-{number}", "method": "POST", "url": url,
            "body": {"model": "qwen-plus", "messages": [{"role": "user", "content": prompt}], "enable_thinking": False, **body}}


def lines(rows):
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in rows)


def upload(emulator, data, name="rows.jsonl", key=KEY):
    boundary = b"----rows"
    parts = (b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch',
             f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + data)
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    return send(emulator, "POST", FILES, body, key, Content_Type="multipart/form-data; boundary=----rows")


def create(emulator, data, headers=None, **fields):
    """A batch of rows, or of the bytes of a file."""
    data = data if isinstance(data, bytes) else lines(data)
    body = {"input_file_id": upload(emulator, data).json["id"], "endpoint": CHAT, "completion_window": "24h", **fields}
    return post(emulator, BATCHES, body, **(headers or {}))


def look(emulator, batch):
    return send(emulator, "GET", f"{BATCHES}/{batch['id']}").json


def finish(emulator, batch):
    for _ in range(9):
        batch = look(emulator, batch)
        if batch["status"] in ("completed", "failed", "expired", "cancelled"):
            return batch
    raise AssertionError(f"the batch does not end: {batch}")


def results(emulator, number):
    answer = send(emulator, "GET", f"{FILES}/{number}/content")
    assert answer.status == 200
    return {one["custom_id"]: one for one in map(json.loads, answer.body.splitlines())}


# One batch from beginning to end

def test_from_upload_to_deletion(emulator):
    file = upload(emulator, lines(row(number, f"Say {number}") for number in range(5))).json
    assert file["id"].startswith("file-batch-") and (file["status"], file["purpose"]) == ("processed", "batch")
    batch = post(emulator, BATCHES, {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "2d",
                                     "metadata": {"ds_name": "job", "hash": "0123"}}).json
    assert batch["id"].startswith("batch_") and batch["object"] == "batch" and batch["status"] == "validating"
    assert batch["metadata"] == {"ds_name": "job", "hash": "0123"} and batch["expires_at"] - batch["created_at"] == 48 * HOUR
    states = [look(emulator, batch) for _ in range(4)]
    assert [state["status"] for state in states] == ["validating", "in_progress", "finalizing", "completed"]
    assert [state["request_counts"]["total"] for state in states] == [0, 5, 5, 5]
    done = states[-1]
    assert done["request_counts"] == {"total": 5, "completed": 5, "failed": 0}
    assert done["error_file_id"] is None and all(done[name] for name in ("in_progress_at", "finalizing_at", "completed_at"))
    found = results(emulator, done["output_file_id"])
    assert set(found) == {f"r-{number}" for number in range(5)} and list(found) != sorted(found)
    assert 'begins: "Say 3"' in found["r-3"]["response"]["body"]["choices"][0]["message"]["content"]
    for number in (file["id"], done["output_file_id"]):
        assert send(emulator, "DELETE", f"{FILES}/{number}").json["deleted"] is True
    assert send(emulator, "GET", f"{FILES}/{done['output_file_id']}/content").status == 404


def test_a_row_answers_as_a_call_does(emulator):
    wanted = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"]}
    form = {"type": "json_schema", "json_schema": {"name": "judged", "schema": wanted, "strict": True}}
    done = finish(emulator, create(emulator, [row(1, response_format=form), row(2, n=2), row(3, max_tokens=3)]).json)
    found = results(emulator, done["output_file_id"])
    body = found["r-1"]["response"]["body"]
    assert json.loads(body["choices"][0]["message"]["content"]) == {"mood": "good"}
    assert len(found["r-2"]["response"]["body"]["choices"]) == 2
    limited = found["r-3"]["response"]["body"]
    direct = ask(emulator, max_tokens=3, enable_thinking=False).json
    del direct["choices"][0]["message"]["reasoning_content"]
    assert limited["choices"] == direct["choices"] and limited["usage"] == direct["usage"]
    assert found["r-1"]["error"] is None and found["r-1"]["response"]["status_code"] == 200
    assert body["id"] == "chatcmpl-" + found["r-1"]["response"]["request_id"] and body["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("told", [False, True])
def test_reasoning_is_told_or_not(emulator, told):
    emulator.batch_reasoning = told
    done = finish(emulator, create(emulator, [row(1, enable_thinking=True)]).json)
    message = results(emulator, done["output_file_id"])["r-1"]["response"]["body"]["choices"][0]["message"]
    assert ("reasoning_content" in message) is told
    usage = results(emulator, done["output_file_id"])["r-1"]["response"]["body"]["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] > 0


def test_the_cache_is_never_hit(emulator):
    content = [{"type": "text", "text": "word " * 2000, "cache_control": {"type": "ephemeral"}}]
    messages = [{"role": "user", "content": content}]
    done = finish(emulator, create(emulator, [row(1, messages=messages), row(2, messages=messages)]).json)
    for one in results(emulator, done["output_file_id"]).values():
        assert one["response"]["body"]["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}


def test_each_row_is_billed_once_and_only_when_it_succeeds(emulator):
    batch = create(emulator, [row(1, "first"), row(2, "second " + FAILED), row(3, "third", temperature=3), row(4, "fourth")]).json
    for _ in range(6):
        done = look(emulator, batch)
    assert Counter(one.prompt for one in emulator.creates) == {"first": 1, "fourth": 1}
    assert {one.task_id for one in emulator.creates} == {batch["id"]}
    assert done["request_counts"] == {"total": 4, "completed": 2, "failed": 2}


def test_the_test_model(emulator):
    done = finish(emulator, create(emulator, [row(1, url=DRY, model="batch-test-model")], endpoint=DRY).json)
    body = results(emulator, done["output_file_id"])["r-1"]["response"]["body"]
    assert body["choices"][0]["message"]["content"] == "This is a test result."
    emulator.reset()
    failed = finish(emulator, create(emulator, [row(1, model="batch-test-model")]).json)
    assert failed["status"] == "failed" and failed["errors"]["data"][0]["code"] == "model_not_found"
    many = finish(emulator, create(emulator, [row(n, url=DRY, model="batch-test-model") for n in range(101)], endpoint=DRY).json)
    assert many["errors"]["data"][0]["code"] == "too_many_rows"


# Rows that fail

@pytest.mark.parametrize("form, response, error", [
    ("response", 500, {"code", "message"}), ("null", None, {"code", "message"}), ("flat", None, {"error_code", "error_message"})])
def test_error_rows_in_three_spellings(emulator, form, response, error):
    emulator.batch_error_form, emulator.batch_error_prefix = form, "file-batch_error-"
    done = finish(emulator, create(emulator, [row(1, FAILED), row(2)]).json)
    assert done["status"] == "completed" and done["error_file_id"].startswith("file-batch_error-")
    found = results(emulator, done["error_file_id"])["r-1"]
    assert (found["response"] or {}).get("status_code") == response and set(found["error"]) == error
    assert list(results(emulator, done["output_file_id"])) == ["r-2"]


def test_a_refused_row_says_why(emulator):
    done = finish(emulator, create(emulator, [row(1, temperature=3)]).json)
    assert done["output_file_id"] is None and done["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    found = results(emulator, done["error_file_id"])["r-1"]
    assert found["error"] == {"code": "invalid_parameter_error", "message": "Temperature should be in [0.0, 2.0)"}
    assert found["response"]["status_code"] == 400 and found["response"]["body"] is None


def test_a_row_in_neither_file(emulator):
    done = finish(emulator, create(emulator, [row(1, MISSING), row(2)]).json)
    assert done["request_counts"] == {"total": 2, "completed": 1, "failed": 0}
    assert list(results(emulator, done["output_file_id"])) == ["r-2"]


def test_an_address_that_nobody_reaches_never_ends(emulator):
    started = time.time()
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.invalid/b.png"}},
                                            {"type": "text", "text": "What is it?"}]}]
    batch = create(emulator, [row(1, model="qwen3-vl-plus", messages=picture), row(2, model="qwen3-vl-plus")]).json
    assert {look(emulator, batch)["status"] for _ in range(8)} == {"validating", "in_progress"}
    emulator.clock = lambda: started + DAY + 60
    assert finish(emulator, batch)["status"] == "expired" and emulator.creates == []


# Validation

LONG = "x" * 257


@pytest.mark.parametrize("rows, code, line", [
    ([row(1), row(1)], "duplicate_custom_id", 2),
    ([{**row(1), "custom_id": LONG}], "invalid_custom_id", 1),
    ([{**row(1), "custom_id": 7}], "invalid_custom_id", 1),
    ([row(1), row(2, model="qwen-flash")], "mismatched_model", 2),
    ([row(1), row(2, enable_thinking=True)], "mismatched_thinking", 2),
    ([row(1, url="/v1/chat/completion")], "url_not_found", 1),
    ([{**row(1), "method": "GET"}], "invalid_method", 1),
    ([{**row(1), "extra": 1}], "invalid_row", 1),
    ([row(1, model="qwen-nonsense")], "model_not_found", 1),
    ([row(1, stream=True)], "invalid_body", 1),
    ([row(1, extra_body={"enable_thinking": False})], "invalid_body", 1),
    ([row(1, "x" * 1_000_000)], "row_too_large", 1),
    (b'{"custom_id": \n', "invalid_json_line", 1),
    (b"\xef\xbb\xbf" + lines([row(1)]), "invalid_json_line", 1),
    (lines([row(1)]) + b"\n" + lines([row(2)]), "invalid_json_line", 2),
])
def test_a_file_that_is_refused_as_a_whole(emulator, rows, code, line):
    batch = create(emulator, rows).json
    assert batch["status"] == "validating" and batch["errors"] is None
    done = finish(emulator, batch)
    assert done["status"] == "failed" and done["failed_at"] and done["output_file_id"] is None
    assert [(one["code"], one["line"]) for one in done["errors"]["data"]] == [(code, line)]
    assert emulator.creates == []


def test_limits_that_a_test_can_move(emulator):
    emulator.batch_row_bytes = 6 * 1024 * 1024
    assert finish(emulator, create(emulator, [row(1, "x" * 1_000_000, model="qwen-flash")]).json)["status"] == "completed"
    emulator.batch_refused_models = {"qwen-plus"}
    assert finish(emulator, create(emulator, [row(1)]).json)["errors"]["data"][0]["code"] == "model_not_found"


def test_many_errors_are_cut(emulator):
    done = finish(emulator, create(emulator, b"nonsense\n" * 500).json)
    assert len(done["errors"]["data"]) == 100


def test_an_empty_file_is_not_stored(emulator):
    assert upload(emulator, b"").status == 400


@pytest.mark.parametrize("fields, part", [
    ({"completion_window": "12h"}, "completion_window"), ({"completion_window": "15d"}, "completion_window"),
    ({"completion_window": 24}, "completion_window"), ({"endpoint": "/v1/images"}, "endpoint"),
    ({"input_file_id": "file-batch-none"}, "No such File"), ({"metadata": {"ds_name": "x" * 101}}, "ds_name"),
    ({"metadata": {"ds_description": "x" * 201}}, "ds_description"), ({"priority": 1}, "priority")])
def test_creates_that_are_refused(emulator, fields, part):
    answer = create(emulator, [row(1)], **fields)
    assert answer.status == 400 and part in answer.body.decode() and emulator.batches == {}


def test_whose_batch_it_is(emulator):
    emulator.intl_keys.add(KEY)
    batch = create(emulator, [row(1)]).json
    other = send(emulator, "GET", f"{BATCHES}/{batch['id']}", key="sk-another-0123456789")
    assert other.status == 404
    assert send(emulator, "GET", f"/@dashscope-intl{BATCHES}/{batch['id']}").status == 404
    assert create(emulator, [row(1)], headers={"key": PLAN_KEY}).status == 401
    file = upload(emulator, lines([row(1)]), key="sk-another-0123456789").json
    assert post(emulator, BATCHES, {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h"}).status == 400


def test_a_document_is_no_batch_file(emulator):
    number = upload_document(emulator).json["id"]
    answer = post(emulator, BATCHES, {"input_file_id": number, "endpoint": CHAT, "completion_window": "24h"})
    assert answer.status == 400 and "not 'batch'" in answer.json["error"]["message"]


def test_as_many_batches_as_an_account_may_have(emulator):
    emulator.batch_live_limit = 1
    assert create(emulator, [row(1)]).status == 200
    assert create(emulator, [row(1)]).json["error"]["code"] == "limit_requests"


# Time, expiry, cancellation

def test_states_by_the_clock(emulator):
    now = [time.time()]
    emulator.clock, emulator.batch_seconds = lambda: now[0], (60, 600, 30)
    batch = create(emulator, [row(1), row(2)]).json
    seen = []
    for _ in range(8):
        seen.append(look(emulator, batch)["status"])
        now[0] += 100
    assert seen == ["validating"] + ["in_progress"] * 6 + ["completed"]


def test_counts_while_it_runs(emulator):
    emulator.batch_polls = (0, 9, 0)
    batch = create(emulator, [row(number) for number in range(4)]).json
    assert look(emulator, batch)["request_counts"] == {"total": 4, "completed": 2, "failed": 0}
    emulator.batch_counts_move = emulator.batch_expires_at = False
    batch = create(emulator, [row(number) for number in range(4)]).json
    assert batch["expires_at"] is None
    assert look(emulator, batch)["request_counts"] == {"total": 4, "completed": 0, "failed": 0}


@pytest.mark.parametrize("share, output", [(0.5, 2), (0, None), (1, 4)])
def test_a_batch_that_expires(emulator, share, output):
    started = time.time()
    emulator.batch_polls, emulator.batch_share = (0, 99, 0), share
    batch = create(emulator, [row(number, f"Say {number}") for number in range(4)]).json
    assert look(emulator, batch)["status"] == "in_progress"
    emulator.clock = lambda: started + DAY + 60
    done = look(emulator, batch)
    assert done["status"] == "expired" and done["expired_at"] and done["error_file_id"] is None
    assert (len(results(emulator, done["output_file_id"])) if done["output_file_id"] else None) == output
    assert len(emulator.creates) == (output or 0)


@pytest.mark.parametrize("told", [False, True])
def test_a_cancellation_keeps_what_is_done(emulator, told):
    emulator.batch_cancel_fails_rows = told
    batch = create(emulator, [row(number) for number in range(4)]).json
    answer = send(emulator, "POST", f"{BATCHES}/{batch['id']}/cancel").json
    assert answer["status"] == "cancelling" and answer["cancelling_at"] is None
    states = [look(emulator, batch) for _ in range(2)]
    assert [state["status"] for state in states] == ["cancelling", "cancelled"] and states[0]["cancelling_at"]
    assert states[1]["request_counts"] == {"total": 4, "completed": 2, "failed": 2 if told else 0}
    assert len(results(emulator, states[1]["output_file_id"])) == 2 and bool(states[1]["error_file_id"]) is told
    assert send(emulator, "POST", f"{BATCHES}/{batch['id']}/cancel").status == 400


def test_a_batch_is_forgotten_after_a_month(emulator):
    started = time.time()
    batch = create(emulator, [row(1)]).json
    emulator.clock = lambda: started + 31 * DAY
    assert send(emulator, "GET", f"{BATCHES}/{batch['id']}").status == 404


# The list

def found(emulator, query):
    return [batch["id"] for batch in send(emulator, "GET", f"{BATCHES}?{query}").json["data"] or []]


def test_the_list(emulator):
    empty = send(emulator, "GET", BATCHES).json
    assert empty == {"object": "list", "data": None, "first_id": None, "last_id": None, "has_more": False}
    made = [create(emulator, [row(1)], metadata={"ds_name": f"job {number}"}).json for number in range(5)]
    ids = [batch["id"] for batch in reversed(made)]
    assert found(emulator, "limit=100") == ids
    page = send(emulator, "GET", f"{BATCHES}?limit=2").json
    assert [batch["id"] for batch in page["data"]] == ids[:2] and page["has_more"] and page["last_id"] == ids[1]
    assert found(emulator, f"limit=2&after={ids[1]}") == ids[2:4]
    assert found(emulator, "ds_name=job%203") == [made[3]["id"]]
    assert found(emulator, f"input_file_ids={made[0]['input_file_id']},{made[4]['input_file_id']}") == [ids[0], ids[4]]
    finish(emulator, made[2])
    assert found(emulator, "status=completed,failed") == [made[2]["id"]]
    assert found(emulator, "create_after=20990101000000") == [] and found(emulator, "create_before=20990101000000") == ids
    for wrong in ("limit=101", "status=done", "create_after=2026", "page=2"):
        assert send(emulator, "GET", f"{BATCHES}?{wrong}").status == 400


# Faults of upload, create, poll and fetch

def test_a_create_whose_answer_is_lost_is_found_in_the_list(emulator):
    emulator.inject("accept-then-reset", path=BATCHES)
    with pytest.raises(OSError):
        create(emulator, [row(1)], metadata={"ds_name": "job"})
    emulator.inject("answer-lost", path=BATCHES)
    assert create(emulator, [row(1)], metadata={"ds_name": "job"}).status == 504
    assert len(found(emulator, "ds_name=job")) == 2
    emulator.inject("accept-then-500", path=BATCHES)
    assert create(emulator, [row(1)]).status == 500 and len(found(emulator, "")) == 2


@pytest.mark.parametrize("fault, status", [("poll-throttled", 200), ("poll-damaged", 200), ("poll-html", 200), ("429", 429),
                                           ("overload", 500), ("502", 502)])
def test_a_look_that_fails_changes_nothing(emulator, fault, status):
    batch = create(emulator, [row(1)]).json
    emulator.inject(fault, path=BATCHES + "/")
    assert send(emulator, "GET", f"{BATCHES}/{batch['id']}").status == status
    assert finish(emulator, batch)["status"] == "completed"


def test_uploads_and_fetches_that_fail(emulator):
    emulator.inject("500", path=FILES)
    assert upload(emulator, lines([row(1)])).status == 500 and emulator.files == {}
    emulator.inject("accept-then-reset", path=FILES)
    with pytest.raises(OSError):
        upload(emulator, lines([row(1)]))
    assert len(emulator.files) == 1
    done = finish(emulator, create(emulator, [row(1), row(2)]).json)
    address = f"{FILES}/{done['output_file_id']}/content"
    emulator.inject("download-short", path="/content", at=300)
    assert len(send(emulator, "GET", address).body) == 300
    assert len(send(emulator, "GET", address).body.splitlines()) == 2


def test_settings_over_http(emulator):
    answer = post(emulator, "/_emulator/settings", {"batch_polls": [0, 0, 0], "batch_error_form": "null", "batch_seconds": None})
    assert answer.json == {"ok": True}
    assert look(emulator, create(emulator, [row(1)]).json)["status"] == "completed"
    assert post(emulator, "/_emulator/settings", {"batch_polls": [0]}).status == 400


# Many rows

def test_thousands_of_rows(emulator):
    """A bench asks for a hundred thousand; here are few, so that the test is short."""
    data = lines(row(number, f"Say {number}") for number in range(2000))
    done = finish(emulator, create(emulator, data).json)
    assert done["request_counts"] == {"total": 2000, "completed": 2000, "failed": 0}
    assert len(results(emulator, done["output_file_id"])) == 2000
    assert max(Counter(one.prompt for one in emulator.creates).values()) == 1
