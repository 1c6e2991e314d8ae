"""From what was asked to the body on the wire: golden bodies per model family, flags, refusals, settings, messages.

Every golden body is also posted to the emulator, so that client and emulator prove each other.
"""
from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from shared.body import apply_settings, parse_settings
from shared.chat.promised import without_schema
from shared.failures import Exit, Failure
from text_models import TABLE
from text_request import Ask, build_request, native_request, user_text

from tests.conftest import post_json
from tests.emulator import models as emulated
from tests.emulator.files import StoredFile

HI = {"role": "user", "content": "Hi"}
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather now", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Hangzhou"}'}}]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
IN_WORDS = ('Answer with JSON that matches this JSON Schema: {"title": "City list", "type": "object", '
            '"properties": {"city": {"type": "string"}}}')
SCHEMA = {"title": "City list", "type": "object", "properties": {"city": {"type": "string"}}}


def build(model=None, **fields):
    """The body and the remarks; a prompt is there unless something else brings the messages."""
    if not {"prompt", "messages", "history", "request"} & set(fields):
        fields["prompt"] = "Hi"
    ask = Ask(model=model, **fields)
    return build_request(ask, TABLE.find(ask.model_name())[0])


def body_of(model=None, **fields):
    return build(model, **fields)[0]


def messages_of(model=None, **fields):
    return body_of(model, **fields)["messages"]


def refusal(model=None, **fields):
    with pytest.raises(Failure) as caught:
        build(model, **fields)
    assert caught.value.exit_code == Exit.USAGE
    return f"{caught.value.message} | {caught.value.fix}"


@pytest.fixture
def post(emulator):
    """Send a body to the emulator; returns the status and the start of what it says."""
    for file_id in ("file-fe-a1", "file-fe-b2"):
        emulator.files[file_id] = StoredFile(file_id, 9, "a.txt", "file-extract", int(time.time()), 0, False)
    for name, like in (("qwen3.9-nova", "qwen3.7-plus"), ("qwen3.8-max-preview", "qwen3.8-max"),
                       ("someone/new", "qwen-plus"), ("deepseek-r1-distill-qwen-32b", "deepseek-r1")):
        emulator.models[name] = replace(emulated.MODELS[like], name=name)

    return lambda body, path="/compatible-mode/v1/chat/completions", **headers: post_json(emulator.url + path, body, headers)


# ---- golden bodies ---------------------------------------------------------------------------------------------------

GOLDEN = {
    "default": (dict(), {"model": "qwen3.7-plus", "messages": [HI], "enable_thinking": True, **STREAM}),
    "hybrid on, not streamed": (
        dict(stream=False), {"model": "qwen3.7-plus", "messages": [HI], "enable_thinking": True, "stream": False}),
    "hybrid on, told not to think": (
        dict(model="qwen3.7-max", think=False),
        {"model": "qwen3.7-max", "messages": [HI], "enable_thinking": False, **STREAM}),
    "hybrid on, budget": (
        dict(model="qwen3.6-flash", thinking_budget=200),
        {"model": "qwen3.6-flash", "messages": [HI], "enable_thinking": True, "thinking_budget": 200, **STREAM}),
    "hybrid on, snapshot": (
        dict(model="qwen3.5-plus-2026-02-15"),
        {"model": "qwen3.5-plus-2026-02-15", "messages": [HI], "enable_thinking": True, **STREAM}),
    "hybrid off": (
        dict(model="qwen-plus"), {"model": "qwen-plus", "messages": [HI], "enable_thinking": False, **STREAM}),
    "hybrid off, told to think": (
        dict(model="qwen3-max", think=True, thinking_budget=81_920),
        {"model": "qwen3-max", "messages": [HI], "enable_thinking": True, "thinking_budget": 81_920, **STREAM}),
    "hybrid off, a budget means thinking": (
        dict(model="qwen-flash", thinking_budget=50),
        {"model": "qwen-flash", "messages": [HI], "enable_thinking": True, "thinking_budget": 50, **STREAM}),
    "always": (
        dict(model="qwen3-235b-a22b-thinking-2507"),
        {"model": "qwen3-235b-a22b-thinking-2507", "messages": [HI], **STREAM}),
    "always, told to think": (
        dict(model="qwen3-next-80b-a3b-thinking", think=True),
        {"model": "qwen3-next-80b-a3b-thinking", "messages": [HI], **STREAM}),
    "never": (dict(model="qwen-max"), {"model": "qwen-max", "messages": [HI], **STREAM}),
    "never, told not to think, not streamed": (
        dict(model="qwen-max", think=False, stream=False), {"model": "qwen-max", "messages": [HI], "stream": False}),
    "only streams": (dict(model="qwq-plus", stream=False), {"model": "qwq-plus", "messages": [HI], **STREAM}),
    "open hybrid": (
        dict(model="qwen3-32b"), {"model": "qwen3-32b", "messages": [HI], "enable_thinking": True, **STREAM}),
    "open hybrid, not streamed, thinks in a stream": (
        dict(model="qwen3-8b", stream=False),
        {"model": "qwen3-8b", "messages": [HI], "enable_thinking": True, **STREAM}),
    "open hybrid, not streamed, not thinking": (
        dict(model="qwen3-235b-a22b", stream=False, think=False),
        {"model": "qwen3-235b-a22b", "messages": [HI], "enable_thinking": False, "stream": False}),
    "open instruct": (
        dict(model="qwen3-30b-a3b-instruct-2507"),
        {"model": "qwen3-30b-a3b-instruct-2507", "messages": [HI], **STREAM}),
    "coder": (
        dict(model="qwen3-coder-plus", tools=[TOOL]),
        {"model": "qwen3-coder-plus", "messages": [HI], "tools": [TOOL], **STREAM}),
    "math": (dict(model="qwen-math-plus"), {"model": "qwen-math-plus", "messages": [HI], **STREAM}),
    "character": (
        dict(model="qwen-plus-character", system="You are Li Bai."),
        {"model": "qwen-plus-character", "messages": [{"role": "system", "content": "You are Li Bai."}, HI], **STREAM}),
    "translation": (
        dict(translate_to="Chinese"),
        {"model": "qwen-mt-plus", "messages": [HI],
         "translation_options": {"source_lang": "auto", "target_lang": "Chinese"}, **STREAM}),
    "translation, with terms": (
        dict(model="qwen-mt-flash", translate_to="zh", translate_from="en", terms=[("Hi", "嗨")], temperature=0.5, seed=7,
             stream=False),
        {"model": "qwen-mt-flash", "messages": [HI], "temperature": 0.5, "seed": 7, "stream": False,
         "translation_options": {"source_lang": "en", "target_lang": "zh", "terms": [{"source": "Hi", "target": "嗨"}]}}),
    "documents": (
        dict(documents=["file-fe-a1", "file-fe-b2"]),
        {"model": "qwen-long", "messages": [
            {"role": "system", "content": "You answer from the user's documents."},
            {"role": "system", "content": "fileid://file-fe-a1,fileid://file-fe-b2"}, HI], **STREAM}),
    "documents, with a system text": (
        dict(documents=["file-fe-a1"], system="Be brief."),
        {"model": "qwen-long", "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "system", "content": "fileid://file-fe-a1"}, HI], **STREAM}),
    "deepseek-v4": (
        dict(model="deepseek-v4-pro"), {"model": "deepseek-v4-pro", "messages": [HI], "enable_thinking": True, **STREAM}),
    "deepseek-v3.2": (
        dict(model="deepseek-v3.2"), {"model": "deepseek-v3.2", "messages": [HI], "enable_thinking": False, **STREAM}),
    "deepseek-v3": (dict(model="deepseek-v3"), {"model": "deepseek-v3", "messages": [HI], **STREAM}),
    "deepseek-r1": (dict(model="deepseek-r1-0528"), {"model": "deepseek-r1-0528", "messages": [HI], **STREAM}),
    "glm": (
        dict(model="glm-5.1", thinking_budget=32_768),
        {"model": "glm-5.1", "messages": [HI], "enable_thinking": True, "thinking_budget": 32_768, **STREAM}),
    "kimi": (dict(model="kimi-k2.6"), {"model": "kimi-k2.6", "messages": [HI], "enable_thinking": False, **STREAM}),
    "kimi, thinking model": (dict(model="kimi-k2-thinking"), {"model": "kimi-k2-thinking", "messages": [HI], **STREAM}),
    "kimi, instruct": (
        dict(model="Moonshot-Kimi-K2-Instruct"), {"model": "Moonshot-Kimi-K2-Instruct", "messages": [HI], **STREAM}),
    "MiniMax": (dict(model="MiniMax-M2.5"), {"model": "MiniMax-M2.5", "messages": [HI], **STREAM}),
    "kimi, hosted by its vendor": (
        dict(model="kimi/kimi-k2.6", prefix="Dear"),
        {"model": "kimi/kimi-k2.6", "messages": [HI, {"role": "assistant", "content": "Dear", "partial": True}],
         "enable_thinking": False, **STREAM}),
    "glm, hosted by its vendor": (
        dict(model="ZHIPU/GLM-5.1"), {"model": "ZHIPU/GLM-5.1", "messages": [HI], "enable_thinking": True, **STREAM}),
    "mimo": (
        dict(model="xiaomi/mimo-v2.5-pro", think=False),
        {"model": "xiaomi/mimo-v2.5-pro", "messages": [HI], "enable_thinking": False, **STREAM}),
    "thinks with an effort": (
        dict(model="qwen3.8-max", effort="low"),
        {"model": "qwen3.8-max", "messages": [HI], "enable_thinking": True, "reasoning_effort": "low", **STREAM}),
    "an effort that switches thinking off": (
        dict(model="qwen3.8-flash", effort="none"),
        {"model": "qwen3.8-flash", "messages": [HI], "enable_thinking": False, "reasoning_effort": "none", **STREAM}),
    "thinks only, with an effort, and keeps to JSON": (
        dict(model="kimi-k3", effort="high", json_object=True),
        {"model": "kimi-k3", "messages": [{"role": "system", "content": "Answer in JSON."}, HI], "reasoning_effort": "high",
         "response_format": {"type": "json_object"}, **STREAM}),
    "schema that the service keeps to, while it thinks": (
        dict(model="qwen3.7-max", schema=SCHEMA, think=True),
        {"model": "qwen3.7-max", "messages": [{"role": "system", "content": "Answer in JSON."}, HI], "enable_thinking": True,
         "response_format": {"type": "json_schema", "json_schema": {"name": "City_list", "strict": True, "schema": SCHEMA}}, **STREAM}),
    "schema in words where the service has JSON mode alone": (
        dict(model="deepseek-v4-pro", schema=SCHEMA),
        {"model": "deepseek-v4-pro", "messages": [{"role": "system", "content": IN_WORDS}, HI], "enable_thinking": False,
         "response_format": {"type": "json_object"}, **STREAM}),
    "switched by a field of its own": (
        dict(model="MiniMax/MiniMax-M3", think=False),
        {"model": "MiniMax/MiniMax-M3", "messages": [HI], "thinking": {"type": "disabled"}, **STREAM}),
    "always thinks, new": (dict(model="glm-5.3"), {"model": "glm-5.3", "messages": [HI], **STREAM}),
    "unknown id of a known family": (
        dict(model="qwen3.9-nova"), {"model": "qwen3.9-nova", "messages": [HI], "enable_thinking": True, **STREAM}),
    "unknown id": (dict(model="someone/new"), {"model": "someone/new", "messages": [HI], **STREAM}),
    "tool loop": (
        dict(messages=[HI, CALLED, RESULT], tools=[TOOL], think=False),
        {"model": "qwen3.7-plus", "messages": [HI, CALLED, RESULT], "enable_thinking": False, "tools": [TOOL], **STREAM}),
}


@pytest.mark.parametrize("fields, golden", GOLDEN.values(), ids=GOLDEN)
def test_golden_body(fields, golden, post):
    assert body_of(**fields) == golden
    status, said = post(golden)
    assert status == 200, said


@pytest.mark.parametrize("model", ["qwq-plus", "qwen3-8b"])
def test_remark_where_a_stream_is_forced(model):
    assert build(model, stream=False)[1] == [f"{model} only streams its answers; the answer is collected and shown as a whole"]
    assert build(model)[1] == []


# ---- each model with each flag: what the client lets through, the emulator takes --------------------------------------

FLAGS = (dict(), dict(stream=False), dict(think=True), dict(think=False), dict(search=True), dict(tools=[TOOL]),
         dict(tools=[TOOL], tool_choice="get_weather"), dict(prefix="Once"), dict(json_object=True), dict(schema=SCHEMA),
         dict(schema=SCHEMA, stream=False), dict(system="Be brief."), dict(thinking_budget=100))


def test_emulator_takes_what_the_client_lets_through(post):
    """Rows with the same abilities behave alike, so one of each kind is asked."""
    refused = []
    for row in {row._replace(id="", price=None, retired="", successor=""): row for row in TABLE.own}.values():
        limits = [dict(max_tokens=row.max_output)] * bool(row.max_output) + [dict(thinking_budget=row.max_thinking)] * bool(row.max_thinking)
        for fields in (*FLAGS, *limits, *(dict(effort=effort) for effort in row.efforts)):
            extra = {"translate_to": "Chinese"} if "mt" in row.features else {}
            try:
                body = body_of(row.id, **fields, **extra)
            except Failure as failure:
                assert fields not in ({}, dict(stream=False)), failure.message
                continue
            status, said = post(body)
            refused += [] if status == 200 else [(row.id, fields, said)]
    assert refused == []


def test_client_and_emulator_agree_on_thinking():
    ours = {row.id: row.thinking for row in TABLE.own}
    theirs = {name: model.thinking for name, model in emulated.MODELS.items()}
    both = set(ours) & set(theirs)
    assert len(both) > 60
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}


# ---- flags -> wire ---------------------------------------------------------------------------------------------------

BEGUN = [HI, {"role": "assistant", "content": "Once", "partial": True}]
WIRE = (
    ("qwen-plus", dict(temperature=0), {"temperature": 0}),
    ("qwen-plus", dict(temperature=1.9), {"temperature": 1.9}),
    ("qwen-plus", dict(top_p=1.0), {"top_p": 1.0}),
    ("qwen-plus", dict(max_tokens=1), {"max_tokens": 1}),
    ("qwen-plus", dict(seed=0), {"seed": 0}),
    ("qwen-plus", dict(seed=2**31 - 1), {"seed": 2**31 - 1}),
    ("qwen-plus", dict(stop=["END"]), {"stop": ["END"]}),
    ("qwen-plus", dict(stop=["a", "b"]), {"stop": ["a", "b"]}),
    ("qwen-plus", dict(search=True), {"enable_search": True}),
    ("qwen-plus", dict(stream=False), {"stream": False}),
    ("qwen-plus", dict(tools=[TOOL["function"]]), {"tools": [TOOL]}),
    ("qwen-plus", dict(tools=[TOOL], tool_choice="auto"), {"tools": [TOOL], "tool_choice": "auto"}),
    ("qwen3.7-plus", dict(tools=[TOOL], tool_choice="none"), {"tools": [TOOL], "tool_choice": "none", "enable_thinking": True}),
    ("qwen3.7-plus", dict(tools=[TOOL], tool_choice="get_weather"),
     {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}, "enable_thinking": False}),
    ("qwen3.7-plus", dict(json_object=True), {
        "response_format": {"type": "json_object"}, "enable_thinking": False,
        "messages": [{"role": "system", "content": "Answer in JSON."}, HI]}),
    ("qwen3.7-plus", dict(schema=SCHEMA), {
        "response_format": {"type": "json_schema", "json_schema": {"name": "City_list", "strict": True, "schema": SCHEMA}},
        "enable_thinking": False, "messages": [{"role": "system", "content": "Answer in JSON."}, HI]}),
    ("qwen3.7-plus", dict(prefix="Once"), {
        "enable_thinking": False, "messages": [HI, {"role": "assistant", "content": "Once", "partial": True}]}),
    ("qwen3.7-plus", dict(prompt=None, messages=BEGUN), {"enable_thinking": False, "messages": BEGUN}),
    ("qwen3.7-plus", dict(prompt=None, request={"messages": BEGUN}), {"enable_thinking": False, "messages": BEGUN}),
    ("qwen3.7-plus", dict(prompt="Hi", request={"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}), {
        "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}, "enable_thinking": False}),
    ("qwen-max", dict(json_object=True), {"response_format": {"type": "json_object"}}),
    ("qwen3.7-plus", dict(settings=parse_settings(["top_k=20"])), {"top_k": 20}),
    ("qwen3.7-plus", dict(search=True, settings=parse_settings(["search_options.forced_search=true"])),
     {"enable_search": True, "search_options": {"forced_search": True}}),
    ("qwen-mt-plus", dict(settings=parse_settings(["translation_options.target_lang=English"])),
     {"translation_options": {"target_lang": "English"}}),
)


@pytest.mark.parametrize("model, fields, part", WIRE, ids=lambda item: json.dumps(item, default=str)[:60])
def test_flag_on_the_wire(model, fields, part, post):
    body = body_of(model, **fields)
    assert {name: body[name] for name in part} == part
    plain = body_of(model, **({"translate_to": "English"} if "mt" in TABLE.find(model)[0].features else {}))
    assert set(body) - set(plain) <= set(part), "a field nobody asked for"
    status, said = post(body)
    assert status == 200, said


@pytest.mark.parametrize("title, name", [
    (None, "answer"), ("City list", "City_list"), ("a-b_C9", "a-b_C9"), ("城市", "answer"), (" two  words! ", "two_words"),
    ("x" * 80, "x" * 64), (5, "5"),
])
def test_name_of_a_schema(title, name):
    body = body_of(schema={"type": "object"} if title is None else {"type": "object", "title": title})
    assert body["response_format"]["json_schema"]["name"] == name


@pytest.mark.parametrize("fields, said", [
    (dict(prompt="A list as Json"), [{"role": "user", "content": "A list as Json"}]),
    (dict(prompt="Hi", system="Only JSON."), [{"role": "system", "content": "Only JSON."}, HI]),
    (dict(prompt="Hi", system="Be brief."), [{"role": "system", "content": "Be brief.\n\nAnswer in JSON."}, HI]),
    (dict(prompt="Hi"), [{"role": "system", "content": "Answer in JSON."}, HI]),
    (dict(messages=[{"role": "user", "content": "Q"}, {"role": "assistant", "content": "JSON"}, HI]),
     [{"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": "Q"},
      {"role": "assistant", "content": "JSON"}, HI]),
])
@pytest.mark.parametrize("form", [dict(json_object=True), dict(schema={"type": "object"})], ids=["object", "schema"])
def test_the_word_json_is_added_only_where_it_is_absent(fields, said, form, post):
    body = body_of(**fields, **form)
    assert body["messages"] == said
    status, said = post(body)
    assert status == 200, said


def test_without_schema_falls_back_to_json_mode(post):
    body = body_of(schema=SCHEMA)
    before = json.dumps(body)
    fallback = without_schema(body, SCHEMA)
    assert json.dumps(body) == before
    assert fallback["response_format"] == {"type": "json_object"}
    assert json.dumps(SCHEMA) in fallback["messages"][0]["content"]
    assert post(fallback)[0] == 200


# ---- refusals --------------------------------------------------------------------------------------------------------

REFUSED = (
    # what the model cannot do
    ("qwen-long", dict(search=True), ["--search", "qwen-long", "search the web", "qwen3.7-plus"]),
    ("qwen3-max-preview", dict(tools=[TOOL]), ["--tools", "qwen3-max-preview", "call tools", "qwen3.7-plus"]),
    ("qwen-turbo", dict(prefix="x"), ["--prefix", "qwen-turbo", "use --model with one of"]),
    ("glm-4.7", dict(json_object=True), ["--json-object", "glm-4.7", "qwen3.7-plus"]),
    ("kimi-k2.6", dict(schema=SCHEMA), ["--schema", "kimi-k2.6", "qwen3.7-plus"]),
    ("qwen-plus", dict(documents=["file-fe-a1"]), ["--document", "qwen-plus", "qwen-long"]),
    ("qwen-plus", dict(translate_to="English"), ["--translate-to", "qwen-plus", "qwen-mt-plus"]),
    *[(None, dict(translate_to="English", **{name: value}), [flag, "qwen-mt-plus", f"no model takes {one} and {two} together"])
      for name, value, flag, one, two in (("documents", ["file-fe-a1"], "--document", "--document", "--translate-to"),
                                          ("schema", SCHEMA, "--schema", "--schema", "--translate-to"))],
    (None, dict(documents=["file-fe-a1"], search=True), ["--search and --document together", "leave one of them out"]),
    ("glm-5.3", dict(search=True, json_object=True), ["--search", "use --model with one of: qwen3.7-plus"]),
    # flags that exclude each other
    (None, dict(json_object=True, schema=SCHEMA), ["--json-object", "--schema", "leave one of them out"]),
    (None, dict(prefix="x", tools=[TOOL]), ["--prefix", "--tools"]),
    (None, dict(prefix="x", json_object=True), ["--prefix", "--json-object"]),
    (None, dict(prefix="x", schema=SCHEMA), ["--prefix", "--schema"]),
    (None, dict(messages=[HI], history=[HI]), ["--messages", "--chat"]),
    (None, dict(messages=[HI], request={"messages": [HI]}), ["--messages", "--request"]),
    (None, dict(history=[], request={"messages": [HI]}), ["--chat", "--request"]),
    # flags that need another
    (None, dict(tool_choice="auto"), ["--tool-choice", "add --tools"]),
    (None, dict(translate_from="en"), ["--translate-from", "add --translate-to"]),
    (None, dict(terms=[("a", "b")]), ["--terms", "add --translate-to"]),
    # limits
    ("qwen-plus", dict(max_tokens=32_769), ["--max-tokens 32769", "qwen-plus", "from 1 to 32768"]),
    ("qwen3.6-plus", dict(thinking_budget=81_921), ["--thinking-budget 81921", "qwen3.6-plus", "from 1 to 81920"]),
    ("glm-5.1", dict(thinking_budget=32_769), ["--thinking-budget 32769", "from 1 to 32768"]),
    # thinking
    ("qwen-max", dict(think=True), ["qwen-max cannot think", "--think", "qwen3.7-plus"]),
    ("qwen3-coder-plus", dict(thinking_budget=9), ["qwen3-coder-plus cannot think", "--thinking-budget"]),
    ("deepseek-r1", dict(think=False), ["--no-think", "deepseek-r1 always thinks", "qwen3.7-plus"]),
    ("qwq-plus", dict(tools=[TOOL], tool_choice="get_weather"), ["--tool-choice get_weather", "qwq-plus always thinks"]),
    ("qwen3.6-plus", dict(think=True, json_object=True), ["--json-object excludes thinking", "leave out --think", "qwen3.8-max"]),
    ("qwen3.6-plus", dict(think=True, schema=SCHEMA), ["--schema excludes thinking", "leave out --think", "qwen3.7-plus"]),
    ("qwen-plus", dict(thinking_budget=5, schema=SCHEMA), ["--schema excludes thinking", "--thinking-budget"]),
    ("glm-5.1", dict(effort="low"), ["--effort low", "glm-5.1", "--thinking-budget", "qwen3.8-max"]),
    ("qwen3.8-max", dict(effort="max"), ["--effort max", "qwen3.8-max", "none, low, medium, xhigh"]),
    ("qwen3.8-max", dict(effort="low", thinking_budget=5), ["--effort and --thinking-budget", "leave one"]),
    ("qwen3.8-max", dict(effort="low", think=False), ["--effort goes with thinking", "leave out --no-think"]),
    ("qwen3.8-max", dict(effort="none", think=True), ["--effort none", "leave out --think"]),
    ("kimi-k3", dict(effort="none"), ["kimi-k3 always thinks"]),
    (None, dict(think=True, prefix="x"), ["--prefix excludes thinking"]),
    (None, dict(think=True, tools=[TOOL], tool_choice="get_weather"), ["--tool-choice get_weather excludes thinking"]),
    (None, dict(think=False, thinking_budget=5), ["--thinking-budget", "leave out --no-think"]),
    ("MiniMax-M2.5", dict(thinking_budget=100), ["--thinking-budget", "MiniMax-M2.5"]),
    ("deepseek-r1", dict(thinking_budget=100), ["--thinking-budget", "deepseek-r1"]),
    # tools
    (None, dict(tools=[TOOL], tool_choice="other"), ["--tool-choice other", "auto, none", "get_weather", "required"]),
    (None, dict(tools=[TOOL], tool_choice="required"), ["--tool-choice required", "get_weather"]),
    (None, dict(tools=[]), ["--tools", "list"]),
    (None, dict(tools={"name": "f"}), ["--tools", "list"]),
    (None, dict(tools=[{"name": "two words"}]), ["--tools", "tool 1", "'two words'", "1 to 64"]),
    (None, dict(tools=[TOOL, {"name": "x" * 65}]), ["--tools", "tool 2"]),
    (None, dict(tools=[{"type": "function", "function": 5}]), ["--tools", "tool 1", "None"]),
    (None, dict(tools=["f"]), ["--tools", "tool 1"]),
    # translation
    ("qwen-mt-plus", dict(), ["qwen-mt-plus", "target language", "--translate-to English"]),
    (None, dict(translate_to="en", system="x"), ["--system", "qwen-mt-plus", "leave it out"]),
    (None, dict(translate_to="en", messages=[HI]), ["--messages", "qwen-mt-plus"]),
    (None, dict(translate_to="en", prompt="a", history=[]), ["--chat", "qwen-mt-plus"]),
    (None, dict(translate_to="en", attachments=[("a", "b")]), ["--attach", "--prompt-file"]),
    (None, dict(translate_to="en", think=True), ["--think"]),
    (None, dict(translate_to="en", thinking_budget=3), ["--thinking-budget"]),
    # messages
    (None, dict(prompt=None), ["no prompt", "text.py", "stdin"]),
    (None, dict(messages=[]), ["no prompt"]),
    (None, dict(prompt=None, system="x"), ["no user message", "add a prompt"]),
    (None, dict(messages=[HI, {"role": "assistant", "content": "x"}]), ["assistant", "nothing to answer", "add a prompt"]),
    (None, dict(messages={"role": "user"}), ["JSON list", "dict"]),
    (None, dict(request={"messages": "Hi"}), ["JSON list", "str"]),
    (None, dict(messages=[HI, "x"]), ["message 2 has no role", "system, user, assistant, tool"]),
    (None, dict(messages=[{"role": "bot", "content": "x"}]), ["message 1 has no role"]),
    (None, dict(messages=[{"role": "user"}]), ["message 1 (user) has no content"]),
    (None, dict(messages=[HI, {"role": "assistant", "content": None}, HI]), ["message 2 (assistant)"]),
    (None, dict(messages=[HI, CALLED, {"role": "tool", "content": "x"}]), ["message 3 (tool) has no tool_call_id"]),
    # settings
    (None, dict(settings=parse_settings(["model.x=1"])), ["--set model.x", "is not an object"]),
    (None, dict(settings=parse_settings(["messages=[]"])), ["--set messages", "at least one message"]),
    (None, dict(settings=parse_settings(["messages=[1]"])), ["--set messages", "message 1 has no role"]),
    (None, dict(settings=parse_settings(["messages=null"])), ["--set messages", "JSON list"]),
    (None, dict(settings=parse_settings(["input=hello"])), ["'input'", "native API", "at the top"]),
    (None, dict(settings=parse_settings(["parameters.n=2"])), ["'parameters'", "native API"]),
)


@pytest.mark.parametrize("model, fields, words", REFUSED, ids=lambda item: json.dumps(item, default=str)[:60])
def test_refusal_names_the_flag_and_the_way_out(model, fields, words):
    said = refusal(model, **fields)
    assert [word for word in words if word not in said] == [], said


def test_every_refusal_says_what_to_do_next():
    silent = []
    for model, fields, _ in REFUSED:
        try:
            build(model, **fields)
        except Failure as failure:
            silent += [] if failure.fix else [failure.message]
        except Exception:  # a defect, which the test above reports
            pass
    assert silent == []


# ---- --set and --request ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("setting, pair", [
    ("top_k=20", (["top_k"], 20)), ("a.b.c=true", (["a", "b", "c"], True)), ("x=null", (["x"], None)),
    ("x=[1,2]", (["x"], [1, 2])), ('x={"a": 1}', (["x"], {"a": 1})), ('x="20"', (["x"], "20")),
    ("x=plain text", (["x"], "plain text")), ("x=你好", (["x"], "你好")), ("x=", (["x"], "")), ("x=a=b", (["x"], "a=b")),
    ("x=1e3", (["x"], 1000.0)), ("x=NaN", (["x"], "NaN")), ("x=Infinity", (["x"], "Infinity")),
])
def test_setting_is_json_where_it_parses_else_a_string(setting, pair):
    assert parse_settings([setting]) == [pair]


@pytest.mark.parametrize("setting", ["top_k", "=5", ".x=5", "x.=5", "a..b=5", ""])
def test_setting_without_a_key_is_refused(setting):
    with pytest.raises(Failure) as caught:
        parse_settings([setting])
    assert caught.value.exit_code == Exit.USAGE and "KEY=VALUE" in caught.value.message


def test_settings_nest_and_the_last_one_wins():
    body = apply_settings({"a": {"b": 1}}, parse_settings(["a.c=2", "d.e.f=3", "a.b=4", "g=5", "g=6"]))
    assert body == {"a": {"b": 4, "c": 2}, "d": {"e": {"f": 3}}, "g": 6}


@pytest.mark.parametrize("settings, part", [
    (["temperature=1"], {"temperature": 1}), (["enable_thinking=false"], {"enable_thinking": False}),
    (['messages=[{"role":"user","content":"Yo"}]'], {"messages": [{"role": "user", "content": "Yo"}]}),
])
def test_setting_has_the_last_word(settings, part):
    body = body_of(prompt="Hi", temperature=0.1, settings=parse_settings(settings))
    assert {name: body[name] for name in part} == part


@pytest.mark.parametrize("system, named", [
    ("The file <a.txt> is the contract", []), ("Not file-fe-1, nor fileid://file-fe-1", []), ("S", ["file-fe-12"])])
def test_a_document_is_known_only_where_a_message_gives_it_to_the_model(system, named):
    history = [{"role": "system", "content": system},
               *({"role": "system", "content": f"fileid://{name}"} for name in named), HI, {"role": "assistant", "content": "A"}]
    for document in ("<a.txt>", "file-fe-1"):
        body = body_of(documents=[document], history=history, prompt="Q")
        assert body["messages"][1] == {"role": "system", "content": f"fileid://{document}"}
        assert messages_of(documents=[document], history=body["messages"][:-1] + [{"role": "assistant", "content": "A"}],
                           prompt="Q").count(body["messages"][1]) == 1


def test_setting_stream_false_takes_stream_options_away():
    body = body_of(settings=parse_settings(["stream=false"]))
    assert body["stream"] is False and "stream_options" not in body


@pytest.mark.parametrize("fields, model", [
    (dict(), "qwen3.7-plus"), (dict(translate_to="en"), "qwen-mt-plus"), (dict(documents=["x"]), "qwen-long"),
    (dict(model="a", translate_to="en"), "a"), (dict(request={"model": "b"}), "b"),
    (dict(model="a", request={"model": "b"}), "a"),
])
def test_model_is_the_one_asked_for_else_the_one_for_the_work(fields, model):
    assert Ask(**fields).model_name() == model


REQUEST = {"model": "qwen-plus", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Old"}],
           "temperature": 0.1, "top_k": 9, "enable_thinking": True}


@pytest.mark.parametrize("fields, changed", [
    (dict(), {}),
    (dict(prompt="New"), {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "New"}]}),
    (dict(system="T"), {"messages": [{"role": "system", "content": "T"}, {"role": "user", "content": "Old"}]}),
    (dict(temperature=1.5), {"temperature": 1.5}),
    (dict(model="qwen-flash"), {"model": "qwen-flash"}),
    (dict(think=False), {"enable_thinking": False}),
    (dict(settings=[(["top_k"], 1)]), {"top_k": 1}),
])
def test_flags_override_the_request(fields, changed, post):
    body = body_of(request=REQUEST, **fields)
    assert body == {**REQUEST, **STREAM, **changed}
    assert post(body)[0] == 200


def test_request_keeps_what_no_flag_names(post):
    request = {"model": "qwen-plus", "messages": [HI], "stream": False, "enable_thinking": False, "n": 2}
    body = body_of(request=request)
    assert body == request
    assert post(body)[0] == 200


def test_request_ending_in_an_answer_gets_the_prompt_behind_it():
    past = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    assert messages_of(request={"messages": past}, prompt="Hi") == [*past, HI]


def test_what_was_given_is_not_changed():
    request = {"messages": [{"role": "system", "content": "S"}, HI], "stream_options": {"include_usage": False}, "a": {"b": 1}}
    messages = [{"role": "system", "content": "S"}, HI]
    before = json.dumps([request, messages])
    build(request=request, prompt="New", system="T", json_object=True, settings=[(["a", "b"], 2)])
    build(messages=messages, prompt="New", system="T", json_object=True)
    assert json.dumps([request, messages]) == before


# ---- messages --------------------------------------------------------------------------------------------------------

PAST = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]


@pytest.mark.parametrize("fields, messages", [
    (dict(prompt="Hi", system="S"), [{"role": "system", "content": "S"}, HI]),
    (dict(prompt="Hi", messages=PAST), [*PAST, HI]),
    (dict(prompt="Hi", messages=[HI]), [HI, HI]),
    (dict(messages=[*PAST, HI]), [*PAST, HI]),
    (dict(prompt="Hi", history=[]), [HI]),
    (dict(prompt="Hi", history=PAST, system="S"), [{"role": "system", "content": "S"}, *PAST, HI]),
    (dict(prompt="Hi", messages=[{"role": "system", "content": "S"}, *PAST], system="T"),
     [{"role": "system", "content": "T"}, *PAST, HI]),
    (dict(prompt="Hi", history=PAST, prefix="A"), [*PAST, HI, {"role": "assistant", "content": "A", "partial": True}]),
    (dict(prompt="Hi", attachments=[("a.txt", "A\n"), ("b.md", "B")]),
     [{"role": "user", "content": '<file name="a.txt">\nA\n</file>\n\n<file name="b.md">\nB\n</file>\n\nHi'}]),
])
def test_conversation(fields, messages):
    assert messages_of(**fields) == messages


@pytest.mark.parametrize("prompt", [
    "it's \"quoted\"", "two\nlines\r\nthree\t", "😀 emoji", "你好，世界", "-5", "  blanks stay  ", "null\u2028sep", "{}"])
def test_prompt_is_never_changed(prompt):
    assert messages_of(prompt=prompt) == [{"role": "user", "content": prompt}]
    assert user_text(prompt, ()) == prompt


def test_unknown_field_of_an_ask_is_a_mistake():
    with pytest.raises(TypeError, match="temprature"):
        Ask(temprature=1)


# ---- the native dialect ----------------------------------------------------------------------------------------------

def native(model=None, **fields):
    ask = Ask(model=model, **{"prompt": "Hi", "search": True, "sources": True, **fields})
    row = TABLE.find(ask.model_name())[0]
    return native_request(build_request(ask, row)[0], "mm" in row.features)


@pytest.mark.parametrize("model, fields, path, body", [
    ("qwen-plus", dict(),
     "/services/aigc/text-generation/generation",
     {"model": "qwen-plus", "input": {"messages": [HI]}, "parameters": {
         "enable_thinking": False, "enable_search": True, "search_options": {"enable_source": True},
         "incremental_output": True, "result_format": "message"}}),
    ("qwen3.7-plus", dict(system="S", max_tokens=50),
     "/services/aigc/multimodal-generation/generation",
     {"model": "qwen3.7-plus",
      "input": {"messages": [{"role": "system", "content": [{"text": "S"}]}, {"role": "user", "content": [{"text": "Hi"}]}]},
      "parameters": {"max_tokens": 50, "enable_thinking": True, "enable_search": True,
                     "search_options": {"enable_source": True}, "incremental_output": True}}),
    ("qwen3-max", dict(settings=parse_settings(["search_options.search_strategy=max", "search_options.enable_citation=true"])),
     "/services/aigc/text-generation/generation",
     {"model": "qwen3-max", "input": {"messages": [HI]}, "parameters": {
         "enable_thinking": False, "enable_search": True, "incremental_output": True, "result_format": "message",
         "search_options": {"enable_source": True, "search_strategy": "max", "enable_citation": True}}}),
    ("qwen3.7-plus", dict(prompt=None, messages=[HI, CALLED, RESULT], tools=[TOOL], think=False),
     "/services/aigc/multimodal-generation/generation",
     {"model": "qwen3.7-plus",
      "input": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}, CALLED, {**RESULT, "content": [{"text": "21 degrees"}]}]},
      "parameters": {"enable_thinking": False, "tools": [TOOL], "enable_search": True,
                     "search_options": {"enable_source": True}, "incremental_output": True}}),
])
def test_native_request_for_sources(model, fields, path, body, post):
    assert native(model, **fields) == (path, body)
    status, said = post(body, "/api/v1" + path, **{"X-DashScope-SSE": "enable"})
    assert status == 200 and "event:error" not in said, said


PARTS = [{"type": "image_url", "image_url": {"url": "https://h/a.png"}, "max_pixels": 99999},
         {"type": "video", "video": ["https://h/1.jpg", "https://h/2.jpg"], "fps": 2}, {"type": "text", "text": "Hi "},
         {"text": "there"}]


@pytest.mark.parametrize("model, parts, content", [
    ("qwen3.7-plus", PARTS, [{"image": "https://h/a.png", "max_pixels": 99999},
                             {"video": ["https://h/1.jpg", "https://h/2.jpg"], "fps": 2}, {"text": "Hi "}, {"text": "there"}]),
    ("qwen-plus", PARTS[2:], "Hi there")])
def test_parts_of_a_content_are_those_of_the_native_dialect(model, parts, content):
    body = native(model, prompt=None, messages=[{"role": "user", "content": parts}])[1]
    assert body["input"]["messages"] == [{"role": "user", "content": content}]


def test_text_in_parts_is_answered_with_its_sources(run, work):
    (work / "parts.json").write_text(json.dumps([{"role": "user", "content": PARTS[2:]}]))
    for model in ("qwen3.7-plus", "qwen-plus"):
        assert run("--messages", "parts.json", "--sources", "--model", model).code == 0


def test_native_request_finds_the_right_endpoint(post):
    for row in TABLE.live(lambda row: "ws" in row.features):
        path, body = native(row.id)
        status, said = post(body, "/api/v1" + path, **{"X-DashScope-SSE": "enable"})
        assert status == 200 and "event:error" not in said, said
