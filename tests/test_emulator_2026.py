"""What the emulator knows since November 2026: hosts, body caps, retired ids, the list of models, text and vision."""
from __future__ import annotations

import json

import pytest

from tests import media_samples as samples
from tests.emulator import models
from tests.emulator.retired import is_retired
from tests.folding import each
from tests.test_emulator import CHAT, HI, KEY, MULTIMODAL, PLAN_KEY, TEXT, TOOL, ask, native, post, send, text_of

PNG = samples.data_url(samples.png(64, 64), "image/png")
FORCED = {"type": "function", "function": {"name": "get_weather"}}
WANTED = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "judged", "schema": WANTED}}
OBJECT = {"type": "json_object"}
AS_JSON = [{"role": "user", "content": "Answer in JSON: hi"}]


def see(*parts, text="What is it? Answer in JSON."):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def picture(url=PNG):
    return {"type": "image_url", "image_url": {"url": url}}


def content(answer):
    return answer.json["choices"][0]["message"]["content"]


# Hosts

@pytest.mark.parametrize("host, key, status, code", [
    ("maas", KEY, 200, None), ("workspace", KEY, 200, None), ("maas", "sk-ws-H.abc_def-0123", 200, None),
    ("maas", PLAN_KEY, 401, "InvalidApiKey"), ("workspace", PLAN_KEY, 401, "InvalidApiKey"),
    ("maas-token-plan", KEY, 401, "invalid_api_key"), ("maas-token-plan", PLAN_KEY, 403, "access_denied")])
def test_the_hosts_of_the_platform(emulator, host, key, status, code):
    answer = post(emulator, f"/@{host}{CHAT}", {"model": "qwen-plus", "messages": HI}, key=key)
    assert answer.status == status and (code is None or answer.json["error"]["code"] == code)
    assert emulator.requests[-1].host == host and emulator.requests[-1].key_kind == ("plan" if key == PLAN_KEY else "standard")


def test_the_hosts_of_one_region_share_their_accounts(emulator):
    body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "a red fox"}}
    made = post(emulator, "/@maas/api/v1/services/aigc/text2image/image-synthesis", body, X_DashScope_Async="enable")
    answer = send(emulator, "GET", "/api/v1/tasks/" + made.json["output"]["task_id"])
    assert answer.json["output"]["task_status"] == "PENDING"


@pytest.mark.parametrize("host, megabytes", [("dashscope", 16), ("dashscope-intl", 16), ("maas", 64), ("workspace", 64)])
def test_how_long_a_body_may_be(emulator, host, megabytes):
    assert emulator.body_limits[host] == megabytes * 1024 * 1024
    emulator.intl_keys.add(KEY)
    emulator.body_limits[host] = 1000
    body = json.dumps({"model": "qwen-plus", "messages": HI}).encode()
    headers = {"Content_Type": "application/json"}
    assert send(emulator, "POST", f"/@{host}{CHAT}", body.ljust(1000), **headers).status == 200
    answer = send(emulator, "POST", f"/@{host}{CHAT}", body.ljust(1001), **headers)
    assert answer.status == 400 and answer.json["error"]["code"] == "BadRequest.TooLarge"
    answer = send(emulator, "POST", f"/@{host}{TEXT}", body.ljust(1001), **headers)
    assert answer.json["code"] == "BadRequest.TooLarge" and answer.json["message"].startswith("Payload Too Large.")


# Retired ids and the list

GONE = """qwen-turbo qwq-plus qwen-vl-max qwen-vl-plus qvq-max qvq-plus qwen-math-turbo qwen-math-plus qwen-coder-turbo qwen-coder-plus
    qwen3.6-max-preview qwen3-max-preview qwen3-vl-flash qwen3-coder-plus qwen3-vl-8b-instruct qwen3-vl-235b-a22b-thinking
    qwen3-coder-480b-a35b-instruct qwen3-8b qwen3-235b-a22b-thinking-2507 qwen3-next-80b-a3b-instruct qwen3-max-2025-09-23 deepseek-r1
    deepseek-v3.2 glm-4.5-air glm-4.6 MiniMax-M2.1 kimi-k2-thinking qwen-image qwen-image-plus qwen-image-max-2025-12-30
    qwen-image-edit qwen-image-edit-max image-out-painting wanx-background-generation-v2 qwen-mt-turbo farui-plus qwen-plus-us
    qwen-tts qwen-tts-latest qwen-voice-design qwen3-tts-instruct-flash qwen3-tts-vc-2026-01-22 cosyvoice-v1 qwen-max-latest
    qwen2.5-72b-instruct qwen3.8-max-preview qwen-vl-max-latest qwen3-vl-plus-2025-09-23""".split()
ALIVE = """qwen-plus qwen-max qwen-flash qwen-long qwen3-max qwen3.5-plus qwen3.6-plus qwen3.6-flash qwen3.7-max qwen3.7-plus qwen3.8-max
    qwen3-vl-plus qwen-vl-ocr qwen-vl-ocr-latest qwen-mt-image qwen-mt-flash qwen-image-2.0 qwen-image-2.0-pro qwen-image-3.0 wan2.7-t2v
    qwen3-tts-flash cosyvoice-v3-flash cosyvoice-v3.5-plus deepseek-v4-pro glm-5 kimi-k2.6 qwen3.7-plus-us MiniMax-M2.5 wan2.6-image
    z-image-turbo wanx-v1 qwen3-coder-flash""".split()


@each("name, gone", [*((name, True) for name in GONE), *((name, False) for name in ALIVE)])
def test_what_is_retired(name, gone):
    assert is_retired(name) is gone


@pytest.mark.parametrize("path, body", [
    (CHAT, {"model": "qwen-turbo", "messages": HI}), (TEXT, {"model": "qwen-turbo", "input": {"messages": HI}}),
    (MULTIMODAL, {"model": "qwen-image-plus", "input": {"messages": [{"role": "user", "content": [{"text": "a fox"}]}]}}),
    (MULTIMODAL, {"model": "qwen-tts", "input": {"text": "Hello", "voice": "Cherry"}}),
])
def test_a_retired_id_is_served_until_it_is_told_otherwise(emulator, path, body):
    assert post(emulator, path, body).status == 200
    emulator.retired = True
    answer = post(emulator, path, body)
    assert answer.status == 404
    code = answer.json["error"]["code"] if path == CHAT else answer.json["code"]
    assert code == ("model_not_found" if path == CHAT else "ModelNotFound")
    assert ask(emulator).status == 200


def test_the_list_of_models(emulator):
    listed = send(emulator, "GET", "/compatible-mode/v1/models").json
    ids = {one["id"] for one in listed["data"]}
    assert listed["object"] == "list" and {"qwen3.8-max", "qwen-turbo", "wan2.7-t2v", "qwen-image-2.1-pro", "qwen3-tts-flash"} <= ids
    emulator.retired = True
    later = {one["id"] for one in send(emulator, "GET", "/compatible-mode/v1/models").json["data"]}
    assert "qwen-turbo" not in later and "qwen3.8-max" in later and later < ids


def test_the_native_list_comes_in_pages(emulator):
    first = send(emulator, "GET", "/api/v1/models").json["output"]
    second = send(emulator, "GET", "/api/v1/models?page_no=2&page_size=10").json["output"]
    assert len(first["models"]) == len(second["models"]) == 10 and first["models"] != second["models"]
    assert set(first["models"][0]) == {"model", "name", "source", "provider", "opensource"} and first["total"] > 100
    one = send(emulator, "GET", "/api/v1/models?model=kimi/kimi-k3&page_size=1").json["output"]["models"]
    assert [(row["model"], row["provider"]) for row in one] == [("kimi/kimi-k3", "kimi")]
    assert send(emulator, "GET", "/api/v1/models?model=none").json["output"]["models"] == []
    assert send(emulator, "GET", "/api/v1/models?page_size=0").status == 400


# Thinking

@pytest.mark.parametrize("name, thinking", [
    ("qwen3.8-max", "on"), ("qwen3.8-max-0902", "on"), ("qwen3.8-max-2026-09-02", "on"), ("qwen3.8-flash", "on"), ("qwen3.8-27b", "on"),
    ("qwen3.7-plus", "on"), ("qwen3.7-plus-2026-05-26", "on"), ("qwen3.7-flash-2026-07-15", "on"), ("qwen3.8-max-prime", "on"),
    ("qwen3.8-2.4t-a95b", "always"), ("qwen3.7-max-preview", "always"), ("qwen3.7-max-2026-05-17", "always"), ("glm-5.2", "on"),
    ("glm-5.3", "always"), ("ZHIPU/GLM-5.3", "always"), ("ZHIPU/GLM-5.3-Flash", "always"), ("kimi-k3", "always"),
    ("kimi/kimi-k3", "always"), ("kimi-k2.7-code", "always"), ("kimi/kimi-k2.7-code-highspeed", "always"), ("kimi/kimi-k2.6", "on"),
    ("kimi/kimi-k2.5", "on"), ("deepseek-v4.1-flash", "on"), ("deepseek-v4-pro-0813", "on"), ("stepfun/step-3.7-flash", "on")])
def test_who_thinks(emulator, name, thinking):
    assert models.find(name).thinking == thinking
    message = ask(emulator, model=name).json["choices"][0]["message"]
    assert message["reasoning_content"] and message["content"]


@pytest.mark.parametrize("name, legal, wrong", [
    ("qwen3.8-max", ("low", "medium", "xhigh", "none"), "max"), ("qwen3.8-flash", ("xhigh", "none"), "high"),
    ("kimi-k3", ("low", "high", "max"), "medium"), ("deepseek-v4-pro-0813", ("low", "high", "max"), "none"),
    ("deepseek-v4-pro", ("low", "medium", "high", "xhigh", "max"), "none"), ("qwen3.7-plus", (), "low"), ("qwen-plus", (), "high")])
def test_efforts(emulator, name, legal, wrong):
    for value in legal:
        answer = ask(emulator, model=name, reasoning_effort=value)
        assert answer.status == 200, answer.body
        assert bool(answer.json["choices"][0]["message"]["reasoning_content"]) is (value != "none")
    assert "reasoning_effort" in ask(emulator, model=name, reasoning_effort=wrong).json["error"]["message"]


@pytest.mark.parametrize("fields, part", [
    ({"reasoning_effort": "low", "thinking_budget": 100}, "at the same time"),
    ({"reasoning_effort": "low", "enable_thinking": False}, "needs thinking"),
    ({"reasoning_effort": "none", "enable_thinking": True}, "contradicts"), ({"reasoning_effort": 3}, "must be one of"),
    ({"thinking": {"type": "disabled"}}, "is not taken by qwen3.8-max")])
def test_efforts_that_do_not_go_together(emulator, fields, part):
    answer = ask(emulator, model="qwen3.8-max", **fields)
    assert answer.status == 400 and part in answer.json["error"]["message"]


def test_minimax_m3_has_a_field_of_its_own(emulator):
    def reasoning(**fields):
        return ask(emulator, model="MiniMax/MiniMax-M3", **fields).json["choices"][0]["message"]["reasoning_content"]
    assert reasoning() and reasoning(thinking={"type": "adaptive"}) and not reasoning(thinking={"type": "disabled"})
    assert "does nothing" in ask(emulator, model="MiniMax/MiniMax-M3", enable_thinking=False).json["error"]["message"]
    assert ask(emulator, model="MiniMax/MiniMax-M3", thinking={"type": "enabled"}).status == 400


@pytest.mark.parametrize("name, part", [("qwen3.8-max", "thinking mode"), ("qwen3.7-flash", "is not heeded")])
def test_a_forced_tool_while_thinking(emulator, name, part):
    answer = ask(emulator, model=name, tools=[TOOL], tool_choice=FORCED)
    assert answer.status == 400 and part in answer.json["error"]["message"]
    assert ask(emulator, model=name, tools=[TOOL], tool_choice=FORCED, enable_thinking=False).status == 200


def test_tools_that_are_taken(emulator):
    search = {"type": "function", "function": {"name": "search"}}
    assert ask(emulator, tools=[search]).json["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "search"
    assert ask(emulator, model="qwen-turbo", tools=[TOOL]).status == 200


# JSON

@pytest.mark.parametrize("name", ["qwen3.8-max", "qwen3.8-flash", "qwen3.7-max", "qwen3.7-plus", "qwen3.7-flash", "kimi-k3", "kimi/kimi-k2.6",
                                  "deepseek-v4-pro", "stepfun/step-5-preview"])
def test_json_while_thinking(emulator, name):
    message = ask(emulator, model=name, messages=AS_JSON, response_format=OBJECT).json["choices"][0]["message"]
    assert json.loads(message["content"]) and message["reasoning_content"]


@pytest.mark.parametrize("name, status", [("qwen3.8-max", 200), ("qwen3.7-max", 200), ("qwen3.7-flash", 200), ("qwen3.6-plus", 400),
                                          ("deepseek-v4-pro", 400), ("kimi-k3", 400), ("glm-5.2", 400)])
def test_schemas_while_thinking(emulator, name, status):
    answer = ask(emulator, model=name, response_format=SCHEMA)
    assert answer.status == status and (status == 400 or json.loads(content(answer)) == {"mood": "good"})


def test_a_schema_beside_media_is_lowered_without_a_word(emulator):
    answer = ask(emulator, model="qwen3.8-max", messages=see(picture()), response_format=SCHEMA)
    assert answer.status == 200 and set(json.loads(content(answer))) == {"answer"}
    told = see(picture(), text="Answer with JSON that matches this JSON Schema: " + json.dumps(WANTED))
    assert json.loads(content(ask(emulator, model="qwen3.8-max", messages=told, response_format=SCHEMA))) == {"mood": "good"}


def test_a_schema_in_the_text_is_filled(emulator):
    messages = [{"role": "system", "content": "Use {braces}. JSON Schema: " + json.dumps(WANTED)}] + HI
    answer = ask(emulator, messages=messages, response_format=OBJECT)
    assert json.loads(content(answer)) == {"mood": "good"}
    assert "answer" in json.loads(content(ask(emulator, messages=AS_JSON, response_format=OBJECT)))


# The native path

@pytest.mark.parametrize("name, sees", [("qwen3.8-max", True), ("qwen3.7-plus", True), ("qwen3.7-max-2026-06-08", True), ("qwen3.7-max", False)])
def test_text_of_new_models_lives_on_the_multimodal_endpoint(emulator, name, sees):
    said = [{"role": "user", "content": [{"text": "Hi there"}]}]
    answer = native(emulator, MULTIMODAL, name, said)
    assert answer.json["output"]["choices"][0]["message"]["content"][0]["text"]
    assert native(emulator, TEXT, name, HI).json["message"] == "url error, please check url！"
    shown = [{"role": "user", "content": [{"image": PNG}, {"text": "Hi there"}]}]
    assert native(emulator, MULTIMODAL, name, shown).status == (200 if sees else 400)
    searched = native(emulator, MULTIMODAL, name, said, enable_search=True, search_options={"enable_source": True})
    assert searched.json["output"]["search_info"]["search_results"]


# Vision

@pytest.mark.parametrize("name, images, frames, seconds", [
    ("qwen3.8-max", 2048, 8000, 7200), ("qwen3.8-flash", 2048, 8000, 7200), ("qwen3.7-plus", 2048, 8000, 7200),
    ("qwen3.7-flash", 256, 8000, 7200), ("qwen3.6-plus", 256, 8000, 7200), ("qwen3.5-27b", 256, 8000, 7200),
    ("qwen3-vl-plus", 256, 2000, 3600), ("qwen3-vl-flash", 256, 2000, 3600), ("qwen3-vl-235b-a22b-instruct", 256, 2000, 3600),
    ("qwen3-vl-8b-thinking", 256, 512, 1200), ("qwen-vl-max", 256, 512, 600), ("qwen-vl-max-0809", 256, 80, 40)])
def test_limits_of_what_is_seen(emulator, name, images, frames, seconds):
    sight = models.find(name).sight
    assert (sight.images, sight.frames[1], sight.video_seconds) == (images, frames, seconds)
    pictures = [picture("https://example.com/a.png")]
    assert ask(emulator, model=name, messages=see(*pictures * images), stream=True).status == 200
    assert f"may hold {images} pictures" in ask(emulator, model=name, messages=see(*pictures * (images + 1)), stream=True).body.decode()
    moving = {"type": "video", "video": ["https://example.com/a.png"] * (frames + 1)}
    assert "the range of sequence images" in ask(emulator, model=name, messages=see(moving), stream=True).body.decode()


def test_pictures_as_base64_are_fewer(emulator):
    assert ask(emulator, model="qwen3.8-max", messages=see(*[picture()] * 250)).status == 200
    answer = ask(emulator, model="qwen3.8-max", messages=see(*[picture()] * 251))
    assert "250 pictures as base64" in answer.json["error"]["message"]


@pytest.mark.parametrize("name", ["deepseek-v4.1-flash", "vanchin/deepseek-v4.1-flash", "ZHIPU/GLM-5.3-Flash", "qwen3.8-27b", "qwen3.5-ocr"])
def test_others_that_see(emulator, name):
    assert "64" in content(ask(emulator, model=name, messages=see(picture())))


def test_an_omni_model_streams(emulator):
    assert ask(emulator, model="qwen3.8-omni-flash").status == 400
    assert "Hi there" in text_of(ask(emulator, model="qwen3.8-omni-flash", stream=True))
