"""The emulator itself: wire shapes, keys and hosts, strictness, files, faults. Raw sockets and http.client only."""
from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator import Emulator, chat, faults, models, multipart, schema
from tests.emulator.keys import WRONG_KEY

CHAT = "/compatible-mode/v1/chat/completions"
FILES = "/compatible-mode/v1/files"
TEXT = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
KEY = "sk-test-0123456789abcdef"
PLAN_KEY = "sk-sp-test-0123456789abcdef"
HI = [{"role": "user", "content": "Hi there"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}, "required": ["city"]}}}


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self):
        """The JSON of a body, or of the one event that refuses a request for a stream."""
        event = self.headers.get("content-type", "").startswith("text/event-stream")
        return json.loads(self.body[self.body.index(b"{"):] if event else self.body)

    @property
    def chunks(self):
        """The JSON of a compat stream."""
        lines = self.body.decode().split("\n\n")
        return [json.loads(line[len("data: "):]) for line in lines if line.startswith("data: {")]

    @property
    def frames(self):
        """The JSON of a native stream."""
        return [json.loads(frame.split("\ndata:", 1)[1]) for frame in self.body.decode().strip().split("\n\n")]


def send(emulator, method, path, body=b"", key=KEY, **headers):
    """One request; header names are written with _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rsplit(":", 1)[1]), timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named.setdefault("Authorization", f"Bearer {key}")
    try:
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def post(emulator, path, value, **headers):
    return send(emulator, "POST", path, json.dumps(value, ensure_ascii=False).encode(), Content_Type="application/json", **headers)


def ask(emulator, headers=None, **fields):
    """A chat call with qwen-plus unless told otherwise; None leaves a field out."""
    body = {"model": "qwen-plus", "messages": HI, **fields}
    return post(emulator, CHAT, {name: value for name, value in body.items() if value is not None}, **(headers or {}))


def native(emulator, path=TEXT, model="qwen-plus", messages=HI, sse=False, **parameters):
    headers = {"X_DashScope_SSE": "enable"} if sse else {}
    return post(emulator, path, {"model": model, "input": {"messages": messages}, "parameters": parameters}, **headers)


def raw(emulator, request):
    """All bytes the server sends for a raw request, which should ask to close the connection."""
    with socket.create_connection(("127.0.0.1", int(emulator.url.rsplit(":", 1)[1])), timeout=60) as connection:
        connection.sendall(request)
        received = b""
        while True:
            data = connection.recv(65536)
            if not data:
                return received
            received += data


def raw_chat(**fields):
    body = json.dumps({"model": "qwen-plus", "messages": HI, **fields}).encode()
    return (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def text_of(answer):
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in answer.chunks if chunk["choices"])


# Compat answers

def test_whole_answer(emulator):
    answer = ask(emulator)
    body = answer.json
    assert list(body) == ["choices", "object", "usage", "created", "system_fingerprint", "model", "id"]
    assert body["id"] == "chatcmpl-" + answer.headers["x-request-id"]
    assert answer.headers["x-dashscope-call-gateway"] == "true"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "Hi there" in body["choices"][0]["message"]["content"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_chinese_prompt_gets_chinese(emulator):
    content = ask(emulator, messages=[{"role": "user", "content": "解释一下 TLS 握手"}]).json["choices"][0]["message"]["content"]
    assert "模拟服务" in content and "解释一下 TLS 握手" in content


def test_stream_byte_for_byte(emulator, monkeypatch):
    monkeypatch.setattr(chat.time, "time", lambda: 1780000000)
    emulator.reply(chunks=["Fo", "ur"], usage={"prompt_tokens": 22, "completion_tokens": 3, "total_tokens": 25})
    received = raw(emulator, raw_chat(stream=True, stream_options={"include_usage": True}))
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    request_id = lines[1][len("x-request-id: "):]
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "content-type: text/event-stream;charset=UTF-8" in lines and "transfer-encoding: chunked" in lines

    def event(choices, usage="null"):
        return (f'data: {{"choices":[{choices}],"object":"chat.completion.chunk","usage":{usage},"created":1780000000,'
                f'"system_fingerprint":null,"model":"qwen-plus","id":"chatcmpl-{request_id}"}}\n\n')

    expected = [
        event('{"delta":{"content":"","role":"assistant"},"index":0,"logprobs":null,"finish_reason":null}'),
        event('{"index":0,"logprobs":null,"finish_reason":null,"delta":{"content":"Fo"}}'),
        event('{"logprobs":null,"finish_reason":null,"delta":{"content":"ur"},"index":0}'),
        event('{"finish_reason":"stop","delta":{"content":""},"index":0,"logprobs":null}'),
        event("", '{"prompt_tokens":22,"completion_tokens":3,"total_tokens":25}'),
        "data: [DONE]\n\n"]
    assert body == b"".join(b"%x\r\n%s\r\n" % (len(line), line.encode()) for line in expected) + b"0\r\n\r\n"


def test_thinking_stream(emulator):
    answer = ask(emulator, model="qwen3.6-plus", stream=True, stream_options={"include_usage": True})
    deltas = [chunk["choices"][0]["delta"] for chunk in answer.chunks if chunk["choices"]]
    assert deltas[0] == {"content": None, "role": "assistant", "reasoning_content": ""}
    thinking = [delta for delta in deltas[1:] if delta["content"] is None]
    answering = [delta for delta in deltas[1:] if delta["content"] is not None]
    assert thinking and all(delta["reasoning_content"] for delta in thinking)
    assert answering and all(delta["reasoning_content"] is None for delta in answering)
    assert deltas[1:] == thinking + answering
    assert answer.chunks[-1]["choices"] == [] and answer.chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert len({tuple(chunk["choices"][0]) for chunk in answer.chunks[:-1]}) > 1      # the key order varies


def test_no_usage_unless_asked(emulator):
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in ask(emulator, stream=True).chunks)


def test_stream_says_what_the_whole_answer_says(emulator):
    assert text_of(ask(emulator, stream=True)) == ask(emulator).json["choices"][0]["message"]["content"]


def test_characters_are_split_on_the_wire(emulator):
    received = raw(emulator, raw_chat(stream=True, messages=[{"role": "user", "content": "你好"}]))
    body, sizes = received.partition(b"\r\n\r\n")[2], []
    while body:
        size, _, body = body.partition(b"\r\n")
        sizes.append(body[:int(size, 16)])
        body = body[int(size, 16) + 2:]

    def broken(piece):
        try:
            piece.decode()
        except UnicodeDecodeError:
            return True
        return False
    assert any(broken(piece) for piece in sizes) and b"".join(sizes).decode()


def test_connection_is_kept(emulator):
    connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rsplit(":", 1)[1]), timeout=60)
    for stream in (True, False, True):
        connection.request("POST", CHAT, json.dumps({"model": "qwen-plus", "messages": HI, "stream": stream}),
                           {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
        assert connection.getresponse().read()
        assert connection.sock is not None
    connection.close()


def test_chunked_upload_is_read(emulator):
    body = iter([json.dumps({"model": "qwen-plus", "messages": HI}).encode()])
    assert send(emulator, "POST", CHAT, body, Content_Type="application/json").status == 200


@pytest.mark.parametrize("model, cumulative", [("qwen-mt-plus", True), ("qwen-mt-turbo", True), ("qwen-mt-flash", False),
                                               ("qwen-mt-lite", False)])
def test_translation_stream(emulator, model, cumulative):
    options = {"source_lang": "auto", "target_lang": "English", "terms": [{"source": "Hi", "target": "Hello"}]}
    answer = ask(emulator, model=model, stream=True, translation_options=options)
    contents = [chunk["choices"][0]["delta"]["content"] for chunk in answer.chunks]
    assert [chunk["choices"][0]["finish_reason"] for chunk in answer.chunks][-2:] == ["stop", "stop"]
    if cumulative:
        assert all(after.startswith(before) for before, after in zip(contents, contents[1:]))
        assert contents[-1] == "[English] Hello there"
    else:
        assert "".join(contents) == "[English] Hello there"


def test_tool_call_fragments(emulator):
    answer = ask(emulator, stream=True, tools=[TOOL], parallel_tool_calls=True)
    choices = [chunk["choices"][0] for chunk in answer.chunks]
    assert choices[-1]["finish_reason"] == "tool_calls" and choices[-1]["delta"]["tool_calls"]
    fragments = [fragment for choice in choices for fragment in choice["delta"].get("tool_calls", [])]
    assert any(len(choice["delta"].get("tool_calls", [])) == 2 for choice in choices)
    for index in (0, 1):
        mine = [fragment for fragment in fragments if fragment["index"] == index]
        assert mine[0]["id"].startswith("call_") and mine[0]["function"]["name"] == "get_weather"
        assert all(fragment["id"] == "" and "name" not in fragment["function"] for fragment in mine[1:])
        assert json.loads("".join(fragment["function"]["arguments"] for fragment in mine)) == {"city": "value", "days": 2}


def test_tool_loop(emulator):
    first = ask(emulator, tools=[TOOL]).json["choices"][0]
    assert first["finish_reason"] == "tool_calls"
    call_id = first["message"]["tool_calls"][0]["id"]
    result = {"role": "tool", "tool_call_id": call_id, "content": "22 degrees"}
    second = ask(emulator, tools=[TOOL], messages=HI + [first["message"], result])
    assert "22 degrees" in second.json["choices"][0]["message"]["content"]


def test_forced_tool_ends_with_stop(emulator):
    other = {"type": "function", "function": {"name": "other"}}
    answer = ask(emulator, tools=[TOOL, other], tool_choice={"type": "function", "function": {"name": "other"}}).json["choices"][0]
    assert answer["finish_reason"] == "stop" and answer["message"]["tool_calls"][0]["function"] == {"name": "other", "arguments": "{}"}


def test_arguments_come_whole_without_tool_stream(emulator):
    long = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
        name: {"type": "string"} for name in ("first", "second", "third")}}}}
    fields = {"model": "glm-5", "stream": True, "tools": [long]}
    count = [sum("tool_calls" in chunk["choices"][0]["delta"] for chunk in ask(emulator, **fields, **extra).chunks)
             for extra in ({}, {"tool_stream": True})]
    assert count[0] == 1 and count[1] > 1


def test_json_schema_is_filled(emulator):
    wanted = {"type": "object", "required": ["name", "kind"], "properties": {
        "name": {"type": "string", "minLength": 9}, "kind": {"enum": ["a", "b"]}, "version": {"const": 3},
        "scores": {"type": "array", "minItems": 2, "items": {"type": "number", "minimum": 0.5}}, "next": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}
    answer = ask(emulator, response_format={"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": wanted}})
    value = json.loads(answer.json["choices"][0]["message"]["content"])
    assert len(value["name"]) >= 9 and value["kind"] == "a" and value["version"] == 3 and value["scores"] == [0.5, 0.5]


@pytest.mark.parametrize("wanted, value", [
    ({"type": "integer", "exclusiveMinimum": 4}, 5), ({"type": "integer", "maximum": -3}, -3), ({"type": ["null", "boolean"]}, True),
    ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None), ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
    ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
    ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10), ({"type": "string", "maxLength": 2}, "va"), ({}, "value"),
    ({"type": "array", "uniqueItems": True, "minItems": 2, "items": {"type": "string"}}, ["value 1", "value 2"])])
def test_schema_instance(wanted, value):
    assert schema.instance(wanted) == value


def test_json_object(emulator):
    answer = ask(emulator, response_format={"type": "json_object"}, messages=[{"role": "user", "content": "as JSON please"}])
    assert "answer" in json.loads(answer.json["choices"][0]["message"]["content"])


def test_partial_omits_the_prefix(emulator):
    answer = ask(emulator, messages=HI + [{"role": "assistant", "content": "def f(", "partial": True}])
    assert "def f(" not in answer.json["choices"][0]["message"]["content"]


def test_max_tokens_and_stop(emulator):
    short = ask(emulator, max_tokens=5).json
    assert short["choices"][0]["finish_reason"] == "length" and short["usage"]["completion_tokens"] == 5
    stopped = ask(emulator, stop=[" emulator"]).json["choices"][0]
    assert (stopped["message"]["content"], stopped["finish_reason"]) == ("This is the", "stop")


def test_several_choices(emulator):
    assert [choice["index"] for choice in ask(emulator, n=3).json["choices"]] == [0, 1, 2]


def test_logprobs(emulator):
    content = ask(emulator, logprobs=True, top_logprobs=2).json["choices"][0]["logprobs"]["content"]
    assert len(content[0]["top_logprobs"]) == 2


def test_explicit_cache(emulator):
    part = {"type": "text", "text": "word " * 2000, "cache_control": {"type": "ephemeral"}}
    fields = {"messages": [{"role": "system", "content": [part]}] + HI}
    created, hit = (ask(emulator, **fields).json["usage"]["prompt_tokens_details"] for _ in range(2))
    assert created["cached_tokens"] == 0 and created["cache_creation"]["ephemeral_5m_input_tokens"] == 2500
    assert hit == {"cached_tokens": 2500, "cache_creation_input_tokens": 0, "cache_type": "ephemeral"}


# Scripts

def test_scripted_answers_queue(emulator):
    emulator.reply(text="one", reasoning="because", headers={"x-dashscope-partialresponse": "true"})
    emulator.reply(tool_calls=[{"name": "f", "arguments": {"a": "北京"}}], usage={"total_tokens": 1})
    first, second, third = (ask(emulator) for _ in range(3))
    assert first.json["choices"][0]["message"]["content"] == "one"
    assert first.json["choices"][0]["message"]["reasoning_content"] == "because"
    assert first.headers["x-dashscope-partialresponse"] == "true"
    assert second.json["choices"][0]["finish_reason"] == "tool_calls" and second.json["usage"] == {"total_tokens": 1}
    assert json.loads(second.json["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]) == {"a": "北京"}
    assert "emulator" in third.json["choices"][0]["message"]["content"]


def test_scripted_chunks(emulator):
    emulator.reply(chunks=["a", {"reasoning_content": "b"}, {"content": "c"}], delay=0.001)
    deltas = [chunk["choices"][0]["delta"] for chunk in ask(emulator, stream=True).chunks]
    assert deltas[1:4] == [{"content": "a", "reasoning_content": None}, {"reasoning_content": "b"}, {"content": "c"}]
    emulator.reply(chunks=["a", {"reasoning_content": "b"}, {"content": "c"}])
    assert ask(emulator).json["choices"][0]["message"] == {"content": "ac", "role": "assistant", "reasoning_content": "b"}


def test_scripted_raw_chunks(emulator):
    emulator.reply(chunks=[b": hello\n\n", {"choices": None}])
    assert ask(emulator, stream=True).body == b': hello\n\ndata: {"choices":null}\n\ndata: [DONE]\n\n'


def test_refused_requests_use_no_script(emulator):
    emulator.reply(text="kept")
    assert ask(emulator, temperature=9).status == 400
    assert ask(emulator).json["choices"][0]["message"]["content"] == "kept"


def test_unknown_script_or_fault_is_an_error(emulator):
    with pytest.raises(ValueError, match="colour"):
        emulator.reply(colour="red")
    with pytest.raises(ValueError, match="unknown fault"):
        emulator.inject("earthquake")
    with pytest.raises(ValueError, match="retry"):
        emulator.inject("reset", retry=1)


# Keys and hosts

KEY_ROWS = [
    ("dashscope", KEY, 200, None, None),
    ("dashscope", "st-0123456789", 200, None, None),
    ("dashscope", WRONG_KEY, 401, "invalid_api_key", "Incorrect API key provided. "),
    ("dashscope", "whatever", 401, "invalid_api_key", "Incorrect API key provided. "),
    ("dashscope", PLAN_KEY, 401, "InvalidApiKey", "Invalid API-key provided."),
    ("dashscope", "SK-SP-ABC", 401, "InvalidApiKey", "Invalid API-key provided."),
    ("dashscope", None, 401, "InvalidApiKey", "No API-key provided."),
    ("dashscope-intl", KEY, 401, "invalid_api_key", "Incorrect API key provided. "),
    ("dashscope-intl", PLAN_KEY, 401, "invalid_api_key", "Incorrect API key provided. "),
    ("dashscope-intl", "sk-singapore", 200, None, None),
    ("token-plan", KEY, 401, "invalid_api_key", "Incorrect API key provided."),
    ("token-plan", PLAN_KEY, 403, "access_denied", "Token Plan is currently only available for AI tools"),
    ("coding-plan", KEY, 403, "invalid_api_key", "invalid api-key"),
    ("coding-plan", PLAN_KEY, 403, "access_denied", "Coding Plan is currently only available for Coding Agents"),
]


@pytest.mark.parametrize("host, key, status, code, message", KEY_ROWS)
def test_key_on_host(emulator, host, key, status, code, message):
    emulator.intl_keys.add("sk-singapore")
    path = "/v1/chat/completions" if host == "coding-plan" else CHAT
    answer = post(emulator, emulator.host_url(host)[len(emulator.url):] + path, {"model": "qwen-plus", "messages": HI}, key=key)
    assert answer.status == status
    if code:
        assert answer.json == {"error": {"message": message, "type": answer.json["error"]["type"], "param": None, "code": code},
                               **({"request_id": answer.headers["x-request-id"]} if status == 403 else {})}
    assert (emulator.requests[-1].host, emulator.requests[-1].path, emulator.requests[-1].status) == (host, path, status)


@pytest.mark.parametrize("key, message", [(None, "No API-key provided."), (WRONG_KEY, "Invalid API-key provided."),
                                          (PLAN_KEY, "Invalid API-key provided.")])
def test_native_401_has_no_content_type(emulator, key, message):
    answer = post(emulator, TEXT, {}, key=key)
    assert answer.status == 401 and "content-type" not in answer.headers
    assert answer.json == {"code": "InvalidApiKey", "message": message, "request_id": answer.headers["x-request-id"]}


@pytest.mark.parametrize("headers", [{"x_api_key": KEY}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}])
def test_other_ways_to_send_a_key(emulator, headers):
    answer = post(emulator, CHAT, {"model": "qwen-plus", "messages": HI}, key=None, **headers)
    assert answer.json["error"]["message"] == "No API-key provided."
    record = emulator.requests[-1]
    assert not record.bearer and record.authorized == ("Authorization" in headers)
    assert record.key_kind == ("malformed" if record.authorized else None) and KEY[3:] not in repr(record)


@pytest.mark.parametrize("key, kind, shown", [(KEY, "standard", "Bearer sk-***"), (PLAN_KEY, "plan", "Bearer sk-sp-***"),
                                              ("st-0123", "temporary", "Bearer st-***"), ("AIzaSecret", "other", "Bearer ***")])
def test_records_hold_no_key(emulator, key, kind, shown):
    ask(emulator, headers={"key": key})
    record = emulator.chat_requests[-1]
    assert (record.key_kind, record.headers["authorization"], record.bearer, record.authorized) == (kind, shown, True, True)
    assert record.key_sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert key not in repr(record) and record.json["messages"] == HI


@pytest.mark.parametrize("method, path", [
    ("POST", "/"), ("POST", "/api/v1/chat/completions"), ("POST", "/compatible-mode/chat/completions"),
    ("GET", "/compatible-mode/v1/model"), ("GET", "/@coding-plan/v1/models"),
    ("POST", "//compatible-mode/v1/chat/completions"),
    ("POST", "/@coding-plan" + CHAT), ("POST", "/@token-plan" + TEXT), ("POST", "/@x" + CHAT)])
def test_unknown_path(emulator, method, path):
    answer = send(emulator, method, path)
    assert (answer.status, answer.body) == (404, b"") and answer.headers["x-request-id"]


def test_wrong_method(emulator):
    answer = send(emulator, "GET", CHAT)
    assert answer.status == 400 and answer.json["error"]["message"] == "Request method 'GET' is not supported."


# Strictness

def user(content):
    return [{"role": "user", "content": content}]


def image(url, **options):
    return user([{"type": "image_url", "image_url": {"url": url}, **options}, {"type": "text", "text": "What is it?"}])


CALLED = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
MT = {"model": "qwen-mt-plus", "translation_options": {"target_lang": "English"}}
SCHEMA_FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
VISION = "qwen3-vl-plus"
REFUSED = [
    ({"colour": 1}, "unknown field 'colour'"),
    ({"frequency_penalty": 1}, "unknown field 'frequency_penalty'"),
    ({"model": None}, "you must provide a model parameter."),
    ({"max_tokens": 0}, "Range of max_tokens should be [1, 32768]"),
    ({"max_tokens": 32769}, "Range of max_tokens should be [1, 32768]"),
    ({"max_tokens": "5"}, "'max_tokens' must be Integer"),
    ({"temperature": 2}, "Temperature should be in [0.0, 2.0)"),
    ({"temperature": "1"}, "'temperature' must be Float"),
    ({"top_p": 0}, "Range of top_p should be (0.0, 1.0]"),
    ({"top_k": -1}, "Parameter top_k be greater than or equal to 0"),
    ({"repetition_penalty": 0}, "Repetition_penalty should be greater than 0.0"),
    ({"presence_penalty": 2.5}, "Presence_penalty should be in [-2.0, 2.0]"),
    ({"n": 5}, "Range of n should be [1, 4]"),
    ({"n": 2, "tools": [TOOL]}, "must be 1 with tools"),
    ({"n": 2, "model": "qwen-max"}, "must be 1 for qwen-max"),
    ({"seed": -1}, "-1 is lesser than the minimum of 0 - 'seed'"),
    ({"seed": 2 ** 31}, "'seed'"),
    ({"seed": "7"}, "'seed' must be Integer"),
    ({"stop": ["a", 1]}, 'The "stop" parameter must be of type'),
    ({"stream": "yes"}, "'stream' must be Boolean"),
    ({"stream_options": {"include_usage": True}}, "does nothing without stream"),
    ({"stream": True, "stream_options": {"usage": True}}, "stream_options"),
    ({"top_logprobs": 2}, "does nothing without 'logprobs'"),
    ({"model": "deepseek-v3.2", "top_k": 5}, "'top_k' is not taken by deepseek-v3.2"),
    ({"vl_high_resolution_images": True}, "does nothing on the text model"),
    ({"preserve_thinking": True}, "'preserve_thinking' is not taken"),
    ({"reasoning_effort": "high"}, "'reasoning_effort' is not taken"),
    # messages
    ({"messages": []}, "[] is too short"),
    ({"messages": ["hi"]}, "Input should be a valid dictionary"),
    ({"messages": [{"role": "user"}]}, "The content field is a required field."),
    ({"messages": user("")}, "Content length must be greater than 0."),
    ({"messages": [{"role": "developer", "content": "x"}]}, "messages[0].role is 'developer'"),
    ({"messages": [{"role": "user", "content": "x", "name": "me"}]}, "messages[0].name"),
    ({"messages": [{"role": "system", "content": "x"}]}, "elements with the role of user"),
    ({"messages": HI + [{"role": "system", "content": "x"}] + HI}, "system messages come first"),
    ({"messages": HI + [{"role": "assistant", "content": "x"}]}, "the last message must be of the user"),
    ({"messages": HI + [{"role": "tool", "tool_call_id": "a", "content": "x"}]}, "must be a response to a preceeding message"),
    ({"messages": HI + [CALLED] + HI}, "must be followed by tool messages"),
    ({"messages": HI + [CALLED, {"role": "tool", "tool_call_id": "other", "content": "x"}]}, "must be a response to a preceeding message"),
    ({"messages": HI + [{**CALLED, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]}] + HI},
     "must be in JSON format"),
    ({"messages": user([{"type": "text", "text": "x"}])}, "input content must be a string."),
    ({"messages": image("https://h/a.png")}, "input content must be a string."),
    ({"messages": user("x" * 4_000_000)}, "Range of input length should be [1, 997952]"),
    ({"model": "qwen-math-plus", "messages": user("字" * 3073)}, "Range of input length should be [1, 3072]"),
    # parts
    ({"model": VISION, "messages": image("file:///a.png")}, "The provided URL does not appear to be valid"),
    ({"model": VISION, "messages": image("data:image/png,abc")}, "The provided URL does not appear to be valid"),
    ({"model": VISION, "messages": image("oss://bucket/a.png")}, "The provided URL does not appear to be valid"),
    ({"model": "qwen-vl-max", "messages": image("data:image/png;base64," + "A" * 10485760)}, "max bytes per data-uri item : 10485760"),
    ({"model": VISION, "messages": image("https://h/a.png", zoom=2)}, "zoom"),
    ({"model": VISION, "messages": user([{"image": "https://h/a.png"}])}, "messages[0].content[0]"),
    ({"model": VISION, "messages": user([{"type": "video", "video": ["https://h/1.png"] * 3}])}, "the range of sequence images shoule be"),
    ({"model": VISION, "messages": user([{"type": "video_url", "video_url": {"url": "https://h/v.mp4"}, "fps": 11}])}, "fps"),
    ({"model": VISION, "messages": [{"role": "system", "content": image("https://h/a.png")[0]["content"]}] + HI},
     "belongs to user messages"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "x"}}]}]}, "cache_control"),
    # tools
    ({"tools": []}, "[] is too short"),
    ({"tools": [{"name": "f"}]}, "tools[0]"),
    ({"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]}, "a cache marker does nothing there"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]}, "tools[0].function.parameters"),
    ({"tools": [TOOL], "model": "qwen-coder-plus"}, "The tool call is not supported."),
    ({"tools": [TOOL], "tool_choice": "required"}, 'tool_choice is one of the strings that should be ["none", "auto"]'),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "not among the tools"),
    ({"tools": [TOOL], "enable_thinking": True, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}, "thinking mode"),
    ({"tool_choice": "auto"}, "does nothing without 'tools'"),
    ({"parallel_tool_calls": True}, "does nothing without 'tools'"),
    # structured output
    ({"response_format": {"type": "json_object"}}, "must contain the word 'json' in some form"),
    ({"response_format": SCHEMA_FORMAT, "enable_thinking": True}, "Json mode response is not supported when enable_thinking is true"),
    ({"response_format": SCHEMA_FORMAT, "model": "qwen3.6-plus"}, "Json mode response is not supported"),
    ({"response_format": SCHEMA_FORMAT, "model": "qwen3-max-preview"}, "is not supported by qwen3-max-preview"),
    ({"response_format": {"type": "xml"}}, "The response_format type from user is xml."),
    ({"response_format": "json_object"}, "Unknown format of response_format"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "must hold 'name' and 'schema'"),
    # thinking
    ({"model": "qwen-max", "enable_thinking": True}, "The model qwen-max does not support enable_thinking."),
    ({"model": "qwen-max", "enable_thinking": False}, "The model qwen-max does not support enable_thinking."),
    ({"model": "deepseek-r1", "enable_thinking": False}, "enable_thinking parameter is restricted to True."),
    ({"model": "qwen3-8b"}, "parameter.enable_thinking must be set to false for non-streaming calls"),
    ({"model": "qwq-plus"}, "This model only support stream mode"),
    ({"enable_thinking": True, "thinking_budget": 81921}, "not greater than 81920"),
    ({"enable_thinking": True, "thinking_budget": 0}, "must be a positive integer"),
    ({"thinking_budget": 100}, "'thinking_budget' does nothing"),
    ({"model": "MiniMax-M2.5", "thinking_budget": 100}, "'thinking_budget' is not taken"),
    ({"enable_thinking": "yes"}, "'enable_thinking' must be Boolean"),
    ({"model": "qwen3-max", "enable_thinking": True, "enable_code_interpreter": True}, "only support stream mode"),
    # search
    ({"model": "qwen-turbo", "enable_search": True}, "This model does not support enable_search."),
    ({"search_options": {"forced_search": True}}, "does nothing without 'enable_search'"),
    ({"enable_search": True, "search_options": {"depth": 1}}, "search_options.depth"),
    ({"enable_search": True, "search_options": {"search_strategy": "best"}}, "search_options.search_strategy"),
    ({"enable_search": True, "search_options": {"enable_source": True}}, "native dialect only"),
    # prefix continuation
    ({"messages": [{"role": "assistant", "content": "x", "partial": True}] + HI}, "belongs to the last message"),
    ({"messages": HI + [{"role": "assistant", "content": "x", "partial": True}], "enable_thinking": True}, "while the model thinks"),
    ({"messages": HI + [{"role": "assistant", "content": "x", "partial": True}], "model": "qwen-turbo"}, "is not supported by qwen-turbo"),
    # translation
    ({**MT, "messages": [{"role": "system", "content": "x"}] + HI}, "Role must be in [user, assistant]"),
    ({**MT, "messages": HI + [{"role": "assistant", "content": "x"}] + HI}, "must be one user message"),
    ({**MT, "translation_options": None}, "translation_options"),
    ({**MT, "translation_options": {"source_lang": "en"}}, "Required parameter(target_lang)"),
    ({**MT, "translation_options": {"target_lang": "Klingon"}}, "language setting not supported"),
    ({**MT, "translation_options": {"target_lang": "English", "style": "x"}}, "translation_options.style"),
    ({**MT, "presence_penalty": 1}, "'presence_penalty' is not taken"),
    ({"translation_options": {"target_lang": "English"}}, "'translation_options' is not taken"),
    # long documents
    ({"messages": [{"role": "system", "content": "fileid://file-fe-1"}] + HI}, "qwen-long only"),
    ({"model": "qwen-long", "messages": user("fileid://file-fe-1")}, "qwen-long only"),
    ({"model": "qwen-long", "messages": [{"role": "system", "content": "fileid://file-fe-1"}] + HI},
     "File [id:file-fe-1] cannot be found."),
    ({"model": "qwen-long", "messages": [{"role": "system", "content": "fileid://a;fileid://b and more"}] + HI}, "joined by commas"),
    ({"model": "qwen-long", "messages": [{"role": "system", "content": ",".join(["fileid://a"] * 101)}] + HI}, "Too many files provided."),
]


@pytest.mark.parametrize("fields, message", REFUSED, ids=[f"{number}-{message[:30]}" for number, (_, message) in enumerate(REFUSED)])
def test_refused(emulator, fields, message):
    answer = ask(emulator, **fields)
    assert answer.status == 400, answer.body
    assert message in answer.json["error"]["message"]
    assert answer.json["request_id"] == answer.headers["x-request-id"]


ACCEPTED = [
    {"model": "qwen-plus-latest"}, {"model": "qwen3.6-plus-2026-04-02"}, {"temperature": 0, "top_p": 1, "seed": 2 ** 31 - 1},
    {"stop": "x"}, {"stop": [[1, 2]]}, {"model": "qwen3-8b", "enable_thinking": False}, {"model": "qwen3-8b", "stream": True},
    {"model": "qwq-plus", "stream": True}, {"enable_thinking": True, "thinking_budget": 81920}, {"tools": [TOOL], "tool_choice": "none"},
    {"enable_search": True, "search_options": {"forced_search": True, "search_strategy": "max"}},
    {"model": VISION, "messages": image("https://h/a.png", max_pixels=1000)},
    {"messages": [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}] + HI},
    {"messages": user("what is fileid://x?")}, {"model": "deepseek-v4-pro", "reasoning_effort": "max"},
    {"messages": HI + [CALLED, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]},
    {"model": "qwen3-max", "enable_thinking": True, "enable_code_interpreter": True, "stream": True},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=str)
def test_accepted(emulator, fields):
    answer = ask(emulator, **fields)
    assert answer.status == 200, answer.body


def test_null_is_no_response_format(emulator):
    answer = post(emulator, CHAT, {"model": "qwen-plus", "messages": HI, "response_format": None})
    assert answer.status == 400 and "response_format type from user is None." in answer.json["error"]["message"]


def test_parameter_error_shape(emulator):
    answer = ask(emulator, max_tokens=0)
    request_id = answer.headers["x-request-id"]
    assert answer.json == {"error": {"message": "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 32768]",
                                     "type": "invalid_request_error", "param": "max_tokens", "code": "invalid_parameter_error"},
                           "id": "chatcmpl-" + request_id, "request_id": request_id}


@pytest.mark.parametrize("model, code, message", [
    ("Qwen-Plus", "model_not_found", "The model `Qwen-Plus` does not exist or you do not have access to it."),
    ("qwen-image-2.0", "model_not_supported", "Unsupported model qwen-image-2.0 for OpenAI compatibility mode.")])
def test_unknown_models(emulator, model, code, message):
    answer = ask(emulator, model=model)
    assert answer.status == 404 and (answer.json["error"]["code"], answer.json["error"]["message"]) == (code, message)


def test_a_test_can_add_a_model(emulator):
    emulator.models["qwen9-plus"] = models.MODELS["qwen-plus"]
    assert ask(emulator, model="qwen9-plus").json["model"] == "qwen9-plus"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe{}", b'{"model": "qwen-plus", "temperature": NaN}', b'{"model": "\\ud800"}',
                                  '{"model": "通义"}'.encode("gbk")])
def test_bodies_that_are_no_json(emulator, body):
    answer = send(emulator, "POST", CHAT, body, Content_Type="application/json")
    assert answer.status == 400 and "Required body invalid" in answer.json["error"]["message"]


def test_content_type_is_checked(emulator):
    answer = send(emulator, "POST", CHAT, b"{}", Content_Type="application/x-www-form-urlencoded")
    assert "must be application/json" in answer.json["error"]["message"]


# The native dialect

def test_native_whole(emulator):
    answer = native(emulator, result_format="message", enable_thinking=True)
    body = answer.json
    message = body["output"]["choices"][0]["message"]
    assert body["request_id"] == answer.headers["x-request-id"] and body["output"]["choices"][0]["finish_reason"] == "stop"
    assert message["role"] == "assistant" and message["content"] and message["reasoning_content"]
    assert body["usage"]["output_tokens_details"]["reasoning_tokens"] > 0
    assert "text" in native(emulator).json["output"]             # the oldest models default to result_format text


def test_native_multimodal(emulator):
    messages = user([{"image": "https://h/a.png"}, {"text": "What is it?"}])
    body = native(emulator, MULTIMODAL, "qwen3-vl-plus", messages).json
    assert list(body["output"]["choices"][0]["message"]["content"][0]) == ["text"]
    assert body["usage"]["input_tokens_details"]["text_tokens"] == body["usage"]["input_tokens"]


def test_native_stream_frames(emulator):
    emulator.reply(chunks=["Fo", "ur"])
    answer = native(emulator, sse=True, result_format="message", incremental_output=True)
    assert answer.headers["content-type"] == "text/event-stream;charset=UTF-8"
    first = answer.body.decode().split("\n\n")[0].split("\n")
    assert first[:3] == ["id:1", "event:result", ":HTTP_STATUS/200"] and first[3].startswith('data:{"output"')
    choices = [frame["output"]["choices"][0] for frame in answer.frames]
    assert [choice["message"]["content"] for choice in choices] == ["Fo", "ur", ""]
    assert [choice["finish_reason"] for choice in choices] == ["null", "null", "stop"]
    totals = [frame["usage"]["output_tokens"] for frame in answer.frames]
    assert totals == sorted(totals) and b"[DONE]" not in answer.body


def test_native_stream_is_cumulative_by_default(emulator):
    emulator.reply(text="One two three four.")
    contents = [frame["output"]["text"] for frame in native(emulator, sse=True).frames]
    assert contents[-1] == "One two three four." and all(after.startswith(before) for before, after in zip(contents, contents[1:]))


def test_native_tool_fragments(emulator):
    answer = native(emulator, sse=True, result_format="message", incremental_output=True, tools=[TOOL])
    choices = [frame["output"]["choices"][0] for frame in answer.frames]
    fragments = [choice["message"]["tool_calls"][0] for choice in choices]
    assert choices[-1]["finish_reason"] == "tool_calls"
    assert [fragment["id"] == "" for fragment in fragments] == [False] + [True] * (len(fragments) - 1)
    assert json.loads("".join(fragment["function"]["arguments"] for fragment in fragments)) == {"city": "value", "days": 2}


def test_native_search_sources(emulator):
    fields = {"enable_search": True, "search_options": {"enable_source": True}, "result_format": "message"}
    whole = native(emulator, **fields).json
    assert whole["output"]["search_info"]["search_results"][0]["index"] == 1 and whole["usage"]["plugins"] == {"search": {"count": 1}}
    frames = native(emulator, sse=True, incremental_output=True, **fields).frames
    assert [bool(frame["output"]["search_info"]["search_results"]) for frame in frames][:2] == [True, False]


NATIVE_REFUSED = [
    ({"model": "qwen3.6-plus"}, "url error, please check url！"),
    ({"path": MULTIMODAL}, "url error, please check url！"),
    ({"path": MULTIMODAL, "model": "qwen3-vl-plus"}, "must be an array of parts"),
    ({"path": MULTIMODAL, "model": "qwen3-vl-plus", "messages": user([{"type": "text", "text": "x"}])}, "unknown field"),
    ({"path": MULTIMODAL, "model": "qwen3-vl-plus", "messages": user([{"picture": "x"}])}, "should be a message of a certain modal."),
    ({"messages": []}, "[] is too short"),
    ({"seed": -1}, "Range of seed should be [0, 9223372036854775807]"),
    ({"colour": 1}, "unknown field 'colour'"),
    ({"stream": True}, "unknown field 'stream'"),
    ({"enable_thinking": True}, 'The result_format parameter must be "message"'),
]


@pytest.mark.parametrize("fields, message", NATIVE_REFUSED)
def test_native_refusals(emulator, fields, message):
    answer = native(emulator, **fields)
    assert answer.status == 400 and answer.json["code"] == "InvalidParameter" and message in answer.json["message"]
    stream = native(emulator, sse=True, **fields)
    assert stream.status == 400 and stream.body.startswith(b"id:1\nevent:error\n:HTTP_STATUS/400\ndata:{")
    assert message in stream.frames[0]["message"]


def test_native_thinking_needs_incremental_output(emulator):
    answer = native(emulator, sse=True, result_format="message", enable_thinking=True)
    assert 'incremental_output parameter must be "true"' in answer.frames[0]["message"]


def test_native_wrong_nesting(emulator):
    answer = post(emulator, TEXT, {"model": "qwen-plus", "messages": HI})
    assert answer.json["message"] == 'Either "prompt" or "messages" must exist and cannot both be none'
    assert post(emulator, TEXT, {"model": "qwen-plus", "input": {"prompt": "hi"}}).status == 200
    assert post(emulator, TEXT, {"input": {"messages": HI}}).json["code"] == "BadRequest.EmptyModel"


def test_native_refuses_async(emulator):
    answer = post(emulator, TEXT, {"model": "qwen-plus", "input": {"messages": HI}}, X_DashScope_Async="enable")
    assert answer.status == 403 and answer.json["message"] == "Current user api does not support asynchronous calls."


# Files and tasks

def form(*fields, boundary="frontier"):
    """multipart/form-data from (disposition parameters, bytes)."""
    parts = [f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + data + b"\r\n"
             for disposition, data in fields]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def upload(emulator, filename="a.txt", data=b"some text", purpose=b"file-extract"):
    body = form(('name="purpose"', purpose), (f'name="file"; filename="{filename}"', data))
    return send(emulator, "POST", FILES, body, Content_Type="multipart/form-data; boundary=frontier")


def long_question(*ids):
    return [{"role": "system", "content": ",".join(f"fileid://{file_id}" for file_id in ids)}] + HI


def test_file_life(emulator):
    emulator.file_polls = 2
    file = upload(emulator, "报告.txt").json
    assert file["id"].startswith("file-fe-") and len(file["id"]) == len("file-fe-") + 24
    assert (file["status"], file["bytes"], file["filename"], file["object"]) == ("processing", 9, "报告.txt", "file")
    assert [send(emulator, "GET", f"{FILES}/{file['id']}").json["status"] for _ in range(3)] == ["processing", "processed", "processed"]
    assert ask(emulator, model="qwen-long", messages=long_question(file["id"])).status == 200
    assert [item["id"] for item in send(emulator, "GET", FILES).json["data"]] == [file["id"]]
    assert send(emulator, "DELETE", f"{FILES}/{file['id']}").json == {"id": file["id"], "object": "file", "deleted": True}
    assert send(emulator, "GET", f"{FILES}/{file['id']}").status == 404


def test_file_still_being_read(emulator):
    emulator.file_polls = 2
    file_id = upload(emulator).json["id"]
    answers = [ask(emulator, model="qwen-long", messages=long_question(file_id)) for _ in range(2)]
    assert "File parsing in progress, please try again later." in answers[0].json["error"]["message"] and answers[1].status == 200


def test_bad_file_ends_in_error(emulator):
    file_id = upload(emulator, "bad.pdf").json["id"]
    assert send(emulator, "GET", f"{FILES}/{file_id}").json["status"] == "error"
    assert "Invalid file" in ask(emulator, model="qwen-long", messages=long_question(file_id)).json["error"]["message"]


def test_file_list_pages(emulator):
    ids = [upload(emulator, f"{number}.txt").json["id"] for number in range(3)]
    first = send(emulator, "GET", FILES + "?limit=2").json
    assert first["has_more"] and [item["id"] for item in first["data"]] == ids[:2]
    rest = send(emulator, "GET", f"{FILES}?after={ids[1]}&purpose=file-extract").json
    assert not rest["has_more"] and [item["id"] for item in rest["data"]] == ids[2:]
    assert send(emulator, "GET", FILES + "?limit=0").status == 400


@pytest.mark.parametrize("fields, message", [
    ({"purpose": b"assistants"}, "'purpose' must be 'file-extract'"), ({"filename": "a.exe"}, "format is not supported"),
    ({"data": b""}, "is empty"), ({"purpose": b"batch"}, "format is not supported")])
def test_upload_refusals(emulator, fields, message):
    answer = upload(emulator, **fields)
    assert answer.status == 400 and message in answer.json["error"]["message"]


GOOD = form(('name="purpose"', b"file-extract"), ('name="file"; filename="a.txt"', b"--frontie\r\n\x00\xff"))


def test_multipart_is_read(emulator):
    purpose, file = multipart.parse('multipart/form-data; boundary="frontier"', GOOD)
    assert (purpose.name, purpose.filename, purpose.data) == ("purpose", None, b"file-extract")
    assert (file.name, file.filename, file.data) == ("file", "a.txt", b"--frontie\r\n\x00\xff")


@pytest.mark.parametrize("content_type, body, message", [
    ("multipart/form-data", GOOD, "legal boundary"),
    ("multipart/form-data; boundary=" + "x" * 71, GOOD, "legal boundary"),
    ("application/json", GOOD, "legal boundary"),
    ("multipart/form-data; boundary=other", GOOD, "does not begin with the boundary"),
    ("multipart/form-data; boundary=frontier", b"\r\n" + GOOD, "does not begin with the boundary"),
    ("multipart/form-data; boundary=frontier", GOOD[:-len("--frontier--\r\n")], "does not end with the closing boundary"),
    ("multipart/form-data; boundary=frontier", GOOD + b"more", "bytes after the closing boundary"),
    ("multipart/form-data; boundary=frontier", b"--frontier--\r\n", "does not end|no part"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b"\r\n", b"\n"), "does not end with the closing boundary"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b"\r\n\r\n", b"\r\n", 1), "no blank line"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b"Content-Disposition", b"Content-Type", 1), "no Content-Disposition"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b'name="purpose"', b'title="purpose"'), "no field name"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b'"a.txt"', b'"a"b.txt"'), "cannot be read"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b'filename="a.txt"', b"filename*=utf-8''a.txt"), "filename\\* is not allowed"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b"a.txt", "报.txt".encode("gbk")), "not UTF-8"),
    ("multipart/form-data; boundary=frontier", GOOD.replace(b"Content-Disposition:", b"Content-Disposition", 1), "no header line"),
])
def test_multipart_is_strict(emulator, content_type, body, message):
    with pytest.raises(multipart.MultipartError, match=message):
        multipart.parse(content_type, body)
    answer = send(emulator, "POST", FILES, body, Content_Type=content_type)
    assert answer.status == 400 and "emulator: multipart: " in answer.json["error"]["message"]


def test_tasks_are_unknown(emulator):
    for path in ("/api/v1/tasks", "/api/v1/tasks/?page_size=5"):
        assert send(emulator, "GET", path).json["data"] == []
    assert send(emulator, "GET", "/api/v1/tasks/1111").json["output"] == {"task_id": "1111", "task_status": "UNKNOWN"}
    assert send(emulator, "GET", "/api/v1/tasks?page_no=x").json["code"] == "InvalidParameter"


# Faults

@pytest.mark.parametrize("fault, parameters, status, code", [
    ("401", {}, 401, "invalid_api_key"), ("403", {}, 403, "access_denied"), ("429", {}, 429, "limit_requests"),
    ("429", {"code": "limit_burst_rate"}, 429, "limit_burst_rate"), ("429", {"code": "insufficient_quota"}, 429, "insufficient_quota"),
    ("500", {}, 500, "internal_error"), ("503", {}, 503, "ModelServingError"), ("502", {"html": False}, 502, "bad_gateway"),
    ("arrearage", {}, 400, "Arrearage"), ("moderation", {}, 400, "data_inspection_failed"),
    ("free-tier", {}, 403, "AllocationQuota.FreeTierOnly"), ("error", {"status": 418, "code": "teapot"}, 418, "teapot")])
def test_error_faults(emulator, fault, parameters, status, code):
    emulator.inject(fault, **parameters)
    answer = ask(emulator)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert emulator.requests[-1].status == status
    assert ask(emulator).status == 200


@pytest.mark.parametrize("retry_after", [3, "Wed, 21 Oct 2026 07:28:00 GMT", None])
def test_retry_after(emulator, retry_after):
    emulator.inject("429", retry_after=retry_after)
    assert ask(emulator).headers.get("retry-after") == (None if retry_after is None else str(retry_after))


@pytest.mark.parametrize("fault, parameters, status", [
    ("503", {"html": True}, 503), ("502", {}, 502), ("504", {}, 504), ("html-200", {}, 200)])
def test_html_faults(emulator, fault, parameters, status):
    emulator.inject(fault, **parameters)
    answer = ask(emulator)
    assert answer.status == status and answer.body.startswith(b"<!DOCTYPE html>") and answer.headers["content-type"].startswith("text/html")


def test_native_rate_limit(emulator):
    emulator.inject("429")
    assert native(emulator).json["code"] == "Throttling.RateQuota"


def test_faults_count_and_match(emulator):
    emulator.inject("500", times=2, path="/files")
    assert [ask(emulator).status] + [send(emulator, "GET", FILES).status for _ in range(3)] == [200, 500, 500, 200]
    emulator.inject("500", times=None)
    assert [ask(emulator).status for _ in range(3)] == [500] * 3


def test_reset_is_a_reset(emulator):
    emulator.inject("reset")
    with pytest.raises(ConnectionResetError):
        raw(emulator, raw_chat())
    assert emulator.requests[-1].status == 0


def test_reset_before_body(emulator):
    emulator.inject("reset-before-body")
    with pytest.raises(ConnectionResetError):
        ask(emulator)
    assert emulator.requests[-1].status == 200


def test_hang_ends(emulator):
    emulator.inject("hang", seconds=0.01)
    assert raw(emulator, raw_chat()) == b""


def test_hang_ends_with_the_emulator():
    with Emulator() as emulator:
        emulator.inject("hang")
        connection = socket.create_connection(("127.0.0.1", int(emulator.url.rsplit(":", 1)[1])), timeout=60)
        connection.sendall(raw_chat())
        connection.settimeout(0.05)
        with pytest.raises(socket.timeout):
            connection.recv(1)
    connection.settimeout(60)
    assert connection.recv(1) == b""
    connection.close()


def test_slow_first_byte_answers_all_the_same(emulator):
    emulator.inject("slow-first-byte", seconds=0.01)
    assert ask(emulator).status == 200


def test_short_body(emulator):
    emulator.inject("short-body")
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(emulator)
    assert caught.value.expected == 50 and json.loads(caught.value.partial)


def test_empty_and_bad_json(emulator):
    emulator.inject("empty-200")
    emulator.inject("bad-json", times=2)
    assert ask(emulator).body == b""
    with pytest.raises(ValueError):
        ask(emulator).json
    with pytest.raises(ValueError):
        ask(emulator, stream=True).chunks


def test_gzip(emulator):
    emulator.inject("gzip", times=2)
    whole, stream = ask(emulator), ask(emulator, stream=True)
    assert whole.headers["content-encoding"] == stream.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(whole.body))["choices"]
    assert gzip.decompress(stream.body).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirect(emulator, status):
    emulator.inject("redirect", to="http://127.0.0.1:1/elsewhere", status=status)
    answer = ask(emulator)
    assert (answer.status, answer.headers["location"]) == (status, "http://127.0.0.1:1/elsewhere")


def finish_reasons(answer):
    return [chunk["choices"][0]["finish_reason"] for chunk in answer.chunks]


def test_cut_streams(emulator):
    emulator.inject("cut-sse", after_chunks=3)
    with pytest.raises(http.client.IncompleteRead):
        ask(emulator, stream=True)
    emulator.inject("cut-sse", after_chunks=3, clean=True)
    assert finish_reasons(ask(emulator, stream=True)) == [None] * 3
    emulator.inject("cut-sse-reset", after_chunks=3)
    with pytest.raises(ConnectionResetError):
        ask(emulator, stream=True)


def test_stream_faults_leave_other_replies_alone(emulator):
    emulator.inject("cut-sse")
    assert ask(emulator).json["choices"]


def test_error_in_a_stream(emulator):
    emulator.inject("sse-error", after_chunks=2)
    answer = ask(emulator, stream=True)
    assert len(answer.chunks) == 3 and answer.chunks[-1]["error"]["code"] == "internal_error" and b"[DONE]" not in answer.body
    emulator.inject("sse-error", after_chunks=2)
    assert b"id:3\nevent:error\n:HTTP_STATUS/500\ndata:{" in native(emulator, sse=True).body


def test_missing_ends(emulator):
    emulator.inject("no-done")
    without_done = ask(emulator, stream=True)
    assert b"[DONE]" not in without_done.body and finish_reasons(without_done)[-1] == "stop"
    emulator.inject("done-no-finish")
    without_finish = ask(emulator, stream=True)
    assert without_finish.body.endswith(b"data: [DONE]\n\n") and set(finish_reasons(without_finish)) == {None}


def test_other_spellings_of_sse(emulator):
    emulator.inject("crlf-sse")
    assert ask(emulator, stream=True).body.endswith(b"\r\n\r\ndata: [DONE]\r\n\r\n")
    emulator.inject("no-space-sse")
    body = ask(emulator, stream=True).body
    assert body.startswith(b": keep-alive\n\ndata:{") and body.endswith(b"data:[DONE]\n\n") and b"data: " not in body


def test_echoed_keys(emulator):
    emulator.inject("echo-key")
    message = ask(emulator).json["error"]["message"]
    assert KEY in message and f"{KEY[:6]}{'*' * 20}{KEY[-4:]}" in message
    emulator.inject("echo-key-answer", times=2)
    said = ask(emulator).json["choices"][0]["message"]
    assert KEY in said["content"] and KEY in said["reasoning_content"]
    assert KEY in text_of(ask(emulator, stream=True))


def test_every_fault_is_tried_here():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_emulator*.py"))
    assert [name for name in faults.FAULTS if f'"{name}"' not in source] == []


# The process of its own

def test_controls_over_http(emulator):
    assert post(emulator, "/_emulator/inject", {"fault": "503", "html": True}).json == {"ok": True}
    assert post(emulator, "/_emulator/reply", {"text": "scripted"}).json == {"ok": True}
    assert post(emulator, "/_emulator/inject", {"fault": "earthquake"}).status == 400
    assert post(emulator, "/_emulator/reply", {"colour": 1}).status == 400
    assert [ask(emulator).status for _ in range(2)] == [503, 200]
    listed = send(emulator, "GET", "/_emulator/requests").json
    assert [record["status"] for record in listed] == [503, 200] and listed[0]["headers"]["authorization"] == "Bearer sk-***"
    assert listed[1]["json"]["model"] == "qwen-plus" and KEY not in json.dumps(listed)
    post(emulator, "/_emulator/reset", {})
    assert emulator.requests == []


def test_standalone_process():
    process = subprocess.Popen([sys.executable, "-m", "tests.emulator", "--verbose"], cwd=Path(__file__).parent.parent,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""})
    line = process.stdout.readline()
    assert line.startswith("emulator listening on http://127.0.0.1:")

    class There:
        url = line.split()[-1]
    assert ask(There).status == 200
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "")
    assert errors == f"POST @dashscope{CHAT} key=standard -> 200\n"
