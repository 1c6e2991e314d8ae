"""The shapes of trouble that the live service and its gateways have shown, one fault each."""
from __future__ import annotations

import http.client
import json

import pytest

from tests.test_emulator import MULTIMODAL, TOOL, ask, native, post, send, text_of
from tests.test_emulator_images import fetch, finish, later

SYNTHESIS = "/api/v1/services/audio/tts/SpeechSynthesizer"
VISION = [{"role": "user", "content": [{"text": "Hi there"}]}]


def error_of(answer):
    """The JSON of an event stream that is nothing but an error."""
    line = next(line for line in answer.body.decode().splitlines() if line.startswith("data:"))
    return json.loads(line[len("data:"):])


# HTTP errors with an event stream as body

def test_compat_refusal_as_a_stream(emulator):
    emulator.inject("sse-refusal", code="Arrearage", message="Access denied.")
    answer = ask(emulator, stream=True)
    assert answer.status == 400 and answer.headers["content-type"].startswith("text/event-stream")
    body = error_of(answer)
    assert answer.body.startswith(b"data: {") and answer.body.endswith(b"}\n\n")
    assert body["error"] == {"message": "Access denied.", "type": "Arrearage", "param": None, "code": "Arrearage"}
    assert body["request_id"] == answer.headers["x-request-id"] and body["id"] == "chatcmpl-" + body["request_id"]


def test_native_refusal_as_a_stream(emulator):
    emulator.inject("sse-refusal", code="Arrearage", message="Access denied.")
    answer = native(emulator, sse=True)
    assert answer.status == 400
    assert answer.body.decode().split("\n")[:3] == ["id:1", "event:error", ":HTTP_STATUS/400"]
    assert error_of(answer) == {"code": "Arrearage", "message": "Access denied.",
                                "request_id": answer.headers["x-request-id"]}


def test_the_ids_may_stand_inside_the_error(emulator):
    emulator.inject("sse-refusal", inside=True, status=429, code="limit_requests")
    answer = ask(emulator, stream=True)
    body = error_of(answer)
    assert answer.status == 429 and set(body) == {"error"}
    assert body["error"]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("call", [
    lambda emulator: ask(emulator, stream=True, temperature=3),
    lambda emulator: native(emulator, sse=True, temperature=3),
    lambda emulator: native(emulator, MULTIMODAL, "qwen3.6-plus", VISION, sse=True, temperature=3),
])
def test_every_refusal_of_a_stream_can_come_so(emulator, call):
    emulator.sse_refusals = True
    answer = call(emulator)
    assert answer.status == 400 and answer.headers["content-type"].startswith("text/event-stream")
    assert b"Temperature should be in" in answer.body


def test_other_refusals_stay_json(emulator):
    emulator.sse_refusals = True
    assert ask(emulator, temperature=3).json["error"]["code"] == "invalid_parameter_error"
    assert native(emulator, temperature=3).json["code"] == "InvalidParameter"
    assert ask(emulator, stream=True, headers={"key": "sk-emulator-wrong-key-0000"}).json["error"]["code"] == "invalid_api_key"


# Overload, internal errors and throttling under other names

def test_overload_is_a_500_that_tells_of_503(emulator):
    emulator.inject("overload", times=2)
    answer = ask(emulator)
    assert answer.status == 500 and answer.json["error"]["code"] == "ServiceUnavailable"
    assert answer.json["error"]["message"].startswith("<503> ")
    assert native(emulator).json["code"] == "ServiceUnavailable"


def test_internal_server_error_at_500_and_inside_a_stream(emulator):
    emulator.inject("internal-server-error")
    assert ask(emulator).json["error"]["code"] == "internal_server_error"
    emulator.inject("sse-internal")
    answer = ask(emulator, stream=True)
    assert answer.status == 200 and len(answer.chunks) == 1
    assert answer.chunks[0]["error"]["message"].startswith("<500> InternalError.Algo: ")
    emulator.inject("sse-internal", after_chunks=3)
    assert "error" in ask(emulator, stream=True).chunks[3]


@pytest.mark.parametrize("code", ["429", 429])
def test_throttling_inside_a_stream(emulator, code):
    emulator.inject("sse-throttled", code=code)
    answer = ask(emulator, stream=True)
    assert answer.status == 200 and answer.body.startswith(b":HTTP_STATUS/429\n")
    assert error_of(answer)["error"] == {"message": "Throttling: TPM(10/10)", "type": "Throttling", "code": code, "param": None}
    emulator.inject("sse-throttled", code=code)
    assert error_of(native(emulator, sse=True))["code"] == code


def test_more_kinds_of_429(emulator):
    emulator.inject("429", code="resource_exhausted")
    assert ask(emulator).json["error"]["code"] == "Throttling.ResourceExhausted"
    emulator.inject("429", code="token_plan")
    assert "token-plan quota has been exhausted" in native(emulator).json["message"]


# Polls

@pytest.mark.parametrize("fault, check", [
    ("poll-throttled", lambda answer: set(answer.json) == {"code", "message", "request_id"}),
    ("poll-html", lambda answer: answer.body.startswith(b"<!DOCTYPE html>")),
    ("poll-damaged", lambda answer: answer.body.startswith(b"{") and not answer.body.endswith(b"}")),
])
def test_a_poll_answered_by_trouble(emulator, fault, check):
    emulator.inject(fault)
    made = later(emulator, "wanx-v1")
    answer = send(emulator, "GET", "/api/v1/tasks/" + made.json["output"]["task_id"])
    assert answer.status == 200 and check(answer)
    assert finish(emulator, made)["output"]["task_status"] == "SUCCEEDED"


# Streams under other names

@pytest.mark.parametrize("kind", ["text/plain", "TEXT/Event-Stream", None])
def test_a_stream_under_another_type(emulator, kind):
    emulator.inject("stream-as", kind=kind)
    answer = ask(emulator, stream=True)
    assert answer.headers.get("content-type") == kind and "Hi there" in text_of(answer)


def test_a_stream_that_nobody_asked_for(emulator):
    emulator.inject("unasked-stream", times=3)
    answer = ask(emulator)
    assert "Hi there" in text_of(answer) and answer.chunks[-1]["usage"]["total_tokens"] > 0
    assert native(emulator, result_format="message").frames[0]["output"]["choices"][0]["finish_reason"] == "stop"
    picture = post(emulator, MULTIMODAL, {"model": "qwen-image-2.0", "input": {"messages": [
        {"role": "user", "content": [{"text": "a red fox"}]}]}})
    assert picture.frames[0]["output"]["choices"][0]["message"]["content"][0]["image"].startswith("http")


# What is said, in other pieces

@pytest.mark.parametrize("lone", [False, True])
def test_halves_of_a_pair_in_two_deltas(emulator, lone):
    emulator.inject("split-surrogates", times=2, lone=lone)
    answer = ask(emulator, stream=True)
    assert b'"Hi \\ud83d"' in answer.body and (b'"\\ude00!"' in answer.body) is not lone
    assert text_of(answer) == ("Hi \ud83d!" if lone else "Hi \ud83d\ude00!")
    frames = native(emulator, sse=True, incremental_output=True, result_format="message").frames
    assert [frame["output"]["choices"][0]["message"]["content"] for frame in frames][0] == "Hi \ud83d"


def test_deltas_that_repeat_all_that_came_before(emulator):
    emulator.reply(text="one two three four five")
    emulator.inject("cumulative")
    texts = [choice["delta"].get("content") for chunk in ask(emulator, stream=True).chunks for choice in chunk["choices"]]
    said = [text for text in texts if text]
    assert said[-1] == "one two three four five" and len(said) > 2
    assert all(later.startswith(earlier) for earlier, later in zip(said, said[1:]))


def test_a_last_frame_with_the_whole_message(emulator):
    emulator.reply(chunks=["Hello ", "world"])
    emulator.inject("whole-message", times=2)
    answer = ask(emulator, stream=True)
    assert text_of(answer) == "Hello world"
    assert answer.chunks[-1]["choices"][0]["message"] == {"role": "assistant", "content": "Hello world"}
    emulator.reply(chunks=["Hello ", "world"])
    frames = native(emulator, sse=True, incremental_output=True, result_format="message").frames
    assert [frame["output"]["choices"][0]["message"]["content"] for frame in frames] == ["Hello ", "world", "Hello world"]


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("arguments", [False, True])
def test_parallel_tool_calls_with_one_index(emulator, missing, arguments):
    emulator.reply(tool_calls=[{"name": "get_weather", "arguments": {"city": city, "days": 2}} for city in ("Ulm", "Bonn", "Kiel")])
    emulator.inject("tool-index", missing=missing, arguments=arguments)
    chunks = ask(emulator, stream=True, tools=[TOOL], parallel_tool_calls=True).chunks
    calls = [call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", [])]
    assert {call.get("index") for call in calls} == ({None} if missing else {0})
    assert len({call["id"] for call in calls if call["id"]}) == 3
    assert any(call["function"]["arguments"] for call in calls) is arguments


def test_a_sparse_stream(emulator):
    emulator.reply(text="one two three", tool_calls=[])
    emulator.inject("sparse-stream", times=3)
    answer = ask(emulator, stream=True)
    choices = [chunk["choices"][0] for chunk in answer.chunks]
    assert text_of(answer) == "one two three"
    assert choices[-1] == {"index": 0, "finish_reason": "stop", "delta": {}}
    assert all("finish_reason" not in choice and "logprobs" not in choice and choice["delta"]["role"] is None for choice in choices[:-1])
    emulator.reply(tool_calls=[{"name": "get_weather", "arguments": {"city": "Ulm", "days": 2}}])
    chunks = ask(emulator, stream=True, tools=[TOOL]).chunks
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert [call["function"]["name"] for call in calls][:2] == ["get_weather", ""]
    assert native(emulator, sse=True, incremental_output=True, result_format="message").frames[-1]["output"]["choices"][0]["message"]["content"] == []


def test_answers_that_end_otherwise(emulator):
    emulator.inject("content-filter")
    choice = ask(emulator).json["choices"][0]
    assert choice["finish_reason"] == "content_filter" and choice["message"]["content"] == "Half of an"
    emulator.inject("content-filter", reason="insufficient_system_resource")
    assert ask(emulator, stream=True).chunks[-1]["choices"][0]["finish_reason"] == "insufficient_system_resource"
    emulator.inject("empty-answer", reasoning="Hm.")
    message = ask(emulator, enable_thinking=True).json["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("", "Hm.")
    emulator.inject("empty-answer")
    assert text_of(ask(emulator, stream=True)) == ""


# Links and downloads

def link(emulator):
    return finish(emulator, later(emulator, "wanx-v1"))["output"]["results"]


def test_links_that_are_not_ascii(emulator):
    emulator.result_name = "图 {index}"
    url = link(emulator)[0]["url"]
    assert "/图 0.png?" in url
    assert fetch(emulator, url.replace("图 ", "%E5%9B%BE%20")).status == 200


def test_media_with_bytes_behind_the_end(emulator):
    url = link(emulator)[0]["url"]
    whole = fetch(emulator, url).body
    emulator.inject("download-trailing", times=2)
    assert fetch(emulator, url).body[:len(whole)] == whole
    longer = fetch(emulator, url, Range=f"bytes={len(whole)}-")
    assert longer.status == 206 and len(longer.body) == 100
    emulator.inject("download-trailing", line_end=True)
    assert fetch(emulator, url).body == whole + b"\n"


@pytest.mark.parametrize("kind, begins", [("text", b"not a sound!"), ("m4a", b"\0\0\0\x20ftypM4A"), ("aac", b"\xff\xf1")])
def test_downloads_of_another_kind(emulator, kind, begins):
    emulator.inject("download-other", kind=kind)
    answer = fetch(emulator, link(emulator)[0]["url"])
    assert answer.status == 200 and answer.body.startswith(begins)


def test_a_download_that_is_reset_for_ever(emulator):
    url = link(emulator)[0]["url"]
    emulator.inject("download-reset", times=None)
    for _ in range(3):
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            fetch(emulator, url)
    assert [one.size for one in emulator.downloads] == [1, 1, 1]
    assert all(one.status == 200 for one in emulator.downloads)


def test_links_that_come_twice(emulator):
    emulator.inject("links-twice")
    entries = link(emulator)
    assert len(entries) == 8 and entries[0] == entries[1] != entries[2]


def test_style_repaint_tells_success_as_an_error_message(emulator):
    given = {"image_url": "https://example.com/a.png", "style_index": 3}
    output = finish(emulator, later(emulator, "wanx-style-repaint-v1", given))["output"]
    assert (output["task_status"], output["error_message"]) == ("SUCCEEDED", "Success")


# Odd dress

@pytest.mark.parametrize("dress, status, part", [
    ("detail", 500, '{"detail": "\\u670d'), ("detail-list", 422, '"field required"'), ("code-msg", 500, '{"code": 500, "msg": "\\u7cfb'),
    ("user-quota", 403, '"insufficient_user_quota"'), ("free-quota", 403, '"insufficient_quota"'),
    ("error-text", 502, '{"error": "upstream'), ("success-false", 400, '"errorMsg"')])
def test_errors_in_other_dress(emulator, dress, status, part):
    emulator.inject("odd-error", dress=dress)
    answer = ask(emulator)
    assert answer.status == status and part in answer.body.decode("ascii")
