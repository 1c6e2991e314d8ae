"""Answers of both dialects, whole and streamed, folded into one form; and the small helpers around them."""
from __future__ import annotations

import pytest

from shared.body import plain
from shared.chat import answer
from shared.chat.answer import Answer, fold, tool_calls_for_messages
from shared.chat.json_answer import json_answer
from shared.chat.usage import units, usage_line
from shared.failures import Exit, Failure
from shared.transport.context import Context, ServiceError
from shared.transport.errors import explain
from shared.transport.events import Event, WHOLE as WHOLE_EVENT
from shared.transport.retries import Retries

NULL = None
USAGE = {"prompt_tokens": 22, "completion_tokens": 3, "total_tokens": 25}
NATIVE_USAGE = {"input_tokens": 22, "output_tokens": 3, "total_tokens": 25}
DONE = "[DONE]"


def chunk(finish=None, **delta) -> dict:
    """A compatible chunk."""
    return {"choices": [{"delta": delta, "index": 0, "logprobs": None, "finish_reason": finish}], "usage": None,
            "model": "qwen-plus", "id": "chatcmpl-uuid"}


def frame(content, finish="null", usage=NATIVE_USAGE, **message) -> dict:
    """A native event."""
    return {"output": {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}]},
            "usage": usage, "request_id": "uuid"}


def call(index, arguments, call_id="", name=None) -> dict:
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"index": index, "id": call_id, "type": "function", "function": function}


COUNTED = {"choices": [], "usage": USAGE, "model": "qwen-plus", "id": "chatcmpl-uuid"}
END = (chunk("stop", content=""), COUNTED, DONE)


def folded(*bodies, answer=None, headers=None, shown=None) -> Answer:
    events = (Event("", body, 0) for body in bodies)
    show = (lambda channel, piece: None) if shown is None else lambda channel, piece: shown.append((channel, piece))
    return fold(events, headers or {}, answer or Answer(), show, Context(host="the-host"))


# ---- streams ---------------------------------------------------------------------------------------------------------

STREAMS = {     # events -> text, reasoning, finish_reason
    "plain": ((chunk(content="", role="assistant"), chunk(content="Fo"), chunk(content="ur"), *END), "Four", "", "stop"),
    "text in the opener": ((chunk(content="Four", role="assistant"), *END), "Four", "", "stop"),
    "text in the finish": ((chunk(content="Fo"), chunk("stop", content="ur"), DONE), "Four", "", "stop"),
    "finish twice": ((chunk(content="Four"), chunk("stop", content=""), *END), "Four", "", "stop"),
    "no usage": ((chunk(content="Four"), chunk("stop"), DONE), "Four", "", "stop"),
    "no [DONE]": ((chunk(content="Four"), chunk("stop")), "Four", "", "stop"),
    "[DONE] without finish": ((chunk(content="Four"), DONE), "Four", "", ""),
    "length": ((chunk(content="Fo"), chunk("length", content=""), DONE), "Fo", "", "length"),
    "thinking": ((chunk(content=NULL, reasoning_content="", role="assistant"), chunk(content=NULL, reasoning_content="Add"),
                  chunk(content=NULL, reasoning_content=" up."), chunk(content="Four", reasoning_content=NULL), *END),
                 "Four", "Add up.", "stop"),
    "thinking and text in one": ((chunk(content="Four", reasoning_content="Add."), *END), "Four", "Add.", "stop"),
    "thinking in the opener": ((chunk(role="assistant", content=NULL, reasoning_content="Add."), chunk(content="4"), *END),
                               "4", "Add.", "stop"),
    "null choices": (({"choices": NULL, "usage": NULL}, chunk(content="Four"), {"choices": NULL}, *END), "Four", "", "stop"),
    "empty and odd events": (({}, {"choices": [{}]}, {"choices": [{"delta": NULL}]}, {"reated": 1}, "", 7, [], NULL,
                              chunk(content="Four"), *END), "Four", "", "stop"),
    "other candidates are left out": (({"choices": [{"index": 0, "delta": {"content": "Four"}}]},
                                       {"choices": [{"index": 1, "delta": {"content": "Vier"}}]}, *END), "Four", "", "stop"),
    "native": ((frame("Fo"), frame("ur"), frame("", "stop")), "Four", "", "stop"),
    "native, text in the finish": ((frame("Fo"), frame("ur", "stop")), "Four", "", "stop"),
    "native, thinking": ((frame("", reasoning_content="Add."), frame("4", reasoning_content=""), frame("", "stop")), "4", "Add.", "stop"),
    "native, parts": ((frame([], reasoning_content="Add."), frame([{"text": "Fo"}]), frame([{"text": "ur"}, {"image": "x"}]),
                       frame([], "stop")), "Four", "Add.", "stop"),
    "native, result_format text": (({"output": {"text": "Fo", "finish_reason": "null"}},
                                    {"output": {"text": "ur", "finish_reason": "stop"}}), "Four", "", "stop"),
}


@pytest.mark.parametrize("events, text, reasoning, finish", STREAMS.values(), ids=STREAMS)
def test_streams(events, text, reasoning, finish):
    shown = []
    answer = folded(*events, shown=shown)
    assert (answer.text, answer.reasoning, answer.finish_reason, answer.complete) == (text, reasoning, finish, True)
    assert "".join(piece for channel, piece in shown if channel == "text") == text
    assert "".join(piece for channel, piece in shown if channel == "reasoning") == reasoning
    assert all(piece for _, piece in shown)


def test_pieces_are_shown_in_order_as_they_come():
    shown = []

    def bodies():
        yield chunk(reasoning_content="Add.", content="Fo")
        assert shown == [("reasoning", "Add."), ("text", "Fo")]
        yield chunk(content="ur")
        assert shown[2:] == [("text", "ur")]
        yield DONE
    fold((Event("", body, 0) for body in bodies()), {}, Answer(), lambda *piece: shown.append(piece), Context())


CUMULATIVE = {
    "compatible": (chunk(content="", role="assistant"), chunk(content="你"), chunk(content="你好"), chunk("stop", content="你好"),
                   chunk("stop", content="你好"), DONE),
    "an empty finish": (chunk(content="你"), chunk(content="你好"), chunk("stop", content=""), DONE),
    "native": (frame("你"), frame("你好"), frame("你好", "stop")),
    "native, parts": (frame([{"text": "你"}]), frame([{"text": "你好"}], "stop")),
}


@pytest.mark.parametrize("events", CUMULATIVE.values(), ids=CUMULATIVE)
def test_cumulative_streams(events):
    shown = []
    assert folded(*events, answer=Answer(cumulative=True), shown=shown).text == "你好"
    assert shown == [("text", "你"), ("text", "好")]


def test_repeated_pieces_of_an_ordinary_stream_are_kept():
    assert folded(chunk(content="ha"), chunk(content="ha"), chunk(content="haha"), *END).text == "hahahaha"


# ---- tool calls ------------------------------------------------------------------------------------------------------

TOOL_STREAMS = {    # lists of fragments, one a chunk -> (id, name, arguments) of each call
    "one call": ([[call(0, '{"city": "', "call_a", "weather")], [call(0, 'Hangzhou"}')]], [("call_a", "weather", '{"city": "Hangzhou"}')]),
    "empty names": ([[call(0, "{", "call_a", "weather")], [call(0, "}", "", "")]], [("call_a", "weather", "{}")]),
    "two entries in a chunk": ([[call(0, "{", "call_a", "f")], [call(0, "}"), call(1, "[", "call_b", "g")], [call(1, "]")]],
                               [("call_a", "f", "{}"), ("call_b", "g", "[]")]),
    "out of order": ([[call(1, "[", "call_b", "g")], [call(0, "{", "call_a", "f")], [call(1, "]")], [call(0, "}")]],
                     [("call_b", "g", "[]"), ("call_a", "f", "{}")]),
    "id after the first": ([[call(0, "{", "", "f")], [call(0, "}", "call_a")]], [("call_a", "f", "{}")]),
    "null arguments": ([[call(0, NULL, "call_a", "f")], [call(0, "{}")]], [("call_a", "f", "{}")]),
    "null function": ([[call(0, "{}", "call_a", "f")], [{"index": 0, "id": NULL, "function": NULL}]], [("call_a", "f", "{}")]),
    "no index": ([[{"id": "call_a", "function": {"name": "f", "arguments": "{}"}},
                   {"id": "call_b", "function": {"name": "g", "arguments": "{}"}}]], [("call_a", "f", "{}"), ("call_b", "g", "{}")]),
    "all so far in each": ([[call(0, '{"city"', "c1", "f")], [call(0, '{"city":', "c1")], [call(0, '{"city":"X"}', "c1")]],
                           [("c1", "f", '{"city":"X"}')]),
    "all once more": ([[call(0, '{"a":{', "c1", "f")], [call(0, '}}')], [call(0, '{"a":{}}')]], [("c1", "f", '{"a":{}}')]),
    "whole, twice": ([[call(0, '{"a":1}', "c1", "f")], [call(0, '{"a":1}', "c1", "f")]], [("c1", "f", '{"a":1}')]),
    "an object inside that begins like the whole": ([[call(0, '{"a":', "c1", "f")], [call(0, '{"a":1}')], [call(0, "}")]],
                                                    [("c1", "f", '{"a":{"a":1}}')]),
    "an object": ([[call(0, {"city": "杭州"}, "c1", "f")]], [("c1", "f", '{"city": "杭州"}')]),
    "null index": ([[call(NULL, "{}", "call_a", "f"), call(NULL, "{}", "call_b", "g")]], [("call_a", "f", "{}"), ("call_b", "g", "{}")]),
}


def calls_of(answer: Answer) -> list:
    return [(made["id"], made["function"]["name"], made["function"]["arguments"]) for made in tool_calls_for_messages(answer)]


@pytest.mark.parametrize("fragments, expected", TOOL_STREAMS.values(), ids=TOOL_STREAMS)
def test_tool_call_fragments(fragments, expected):
    compatible = folded(*(chunk(content="", tool_calls=some) for some in fragments), chunk("tool_calls"), COUNTED, DONE)
    native = folded(*(frame("", tool_calls=some) for some in fragments), frame("", "tool_calls"))
    assert calls_of(compatible) == calls_of(native) == expected


def test_text_before_a_tool_call_and_the_finish_on_the_last_fragment():
    answer = folded(chunk(content="Let me look."), chunk("tool_calls", tool_calls=[call(0, "{}", "call_a", "f")]), DONE)
    assert answer.text == "Let me look." and calls_of(answer) == [("call_a", "f", "{}")] and answer.started
    assert tool_calls_for_messages(answer) == [{"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


# ---- streams that break off ------------------------------------------------------------------------------------------

CUT = {     # events -> what is kept
    "nothing": ((), {}),
    "the opener": ((chunk(content="", role="assistant"),), {}),
    "text": ((chunk(content="Fo"), chunk(content="ur")), {"text": "Four"}),
    "thinking": ((chunk(reasoning_content="Add"),), {"reasoning": "Add"}),
    "both": ((chunk(reasoning_content="Add"), chunk(content="Fo")), {"text": "Fo", "reasoning": "Add"}),
    "usage is no end": ((chunk(content="Fo"), COUNTED), {"text": "Fo"}),
    "native": ((frame("Fo"), frame("ur")), {"text": "Four"}),
}


@pytest.mark.parametrize("events, kept", CUT.values(), ids=CUT)
def test_an_end_without_finish_is_a_cut(events, kept):
    answer = Answer()
    with pytest.raises(Failure, match="is incomplete") as caught:
        folded(*events, answer=answer, headers={"x-request-id": "r"})
    failure = caught.value
    assert (failure.exit_code, failure.partial, failure.accepted) == (Exit.NETWORK, kept, "maybe")
    assert failure.request_id == ("uuid" if events else "r") and failure.cause and failure.fix
    assert not Retries().allowed(failure, Retries.CHAT)
    assert (answer.text, answer.reasoning) == (kept.get("text", ""), kept.get("reasoning", ""))


BREAKS = {
    "network": Context().network("reset"),
    "server": explain(ServiceError(500, "internal_error", "x"), Context()),
    "rate limit": explain(ServiceError(200, "limit_requests", "x"), Context()),
}


def broken_after(*bodies, failure):
    yield from (Event("", body, 0) for body in bodies)
    raise failure


@pytest.mark.parametrize("failure", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("body", [chunk(content="Fo"), chunk(reasoning_content="Add"), chunk(tool_calls=[call(0, "{", "call_a", "f")])],
                         ids=["text", "thinking", "tool call"])
def test_a_failure_after_some_of_the_answer_is_not_tried_again(failure, body):
    failure.partial, failure.request_id = {}, ""
    with pytest.raises(Failure) as caught:
        fold(broken_after(body, failure=failure), {}, Answer(), lambda *_: None, Context())
    assert caught.value is failure and failure.request_id == "uuid"
    assert not any(Retries().allowed(failure, safety) for safety in (Retries.CHAT, Retries.CREATE))


def test_a_failure_before_the_answer_may_be_tried_again():
    with pytest.raises(Failure) as caught:
        fold(broken_after(failure=explain(ServiceError(500, "internal_error", "x"), Context())), {}, Answer(), print, Context())
    assert Retries().allowed(caught.value, Retries.CHAT) and not Retries().allowed(caught.value, Retries.CREATE)


# ---- what comes along ------------------------------------------------------------------------------------------------

def test_usage_and_names():
    answer = folded(chunk(content="Four"), *END)
    assert (answer.usage, answer.model, answer.request_id) == (USAGE, "qwen-plus", "uuid")


def test_the_last_native_usage_counts():
    answer = folded(frame("Fo", usage={"output_tokens": 1}), frame("ur", usage={"output_tokens": 2}), frame("", "stop", usage=NULL))
    assert answer.usage == {"output_tokens": 2}


def test_headers():
    answer = folded({"choices": [{"delta": {"content": "4"}, "finish_reason": "stop"}]},
                    headers={"x-request-id": "r", "x-dashscope-partialresponse": "TRUE"})
    assert answer.request_id == "r" and answer.timed_out
    assert not folded(DONE, headers={"x-dashscope-partialresponse": "false"}).timed_out


def test_only_the_first_event_has_the_pages_of_a_search():
    pages = [{"index": 1, "title": "A page", "url": "https://example.com/a"}]
    first, later = frame("Fo"), frame("ur", "stop")
    first["output"]["search_info"], later["output"]["search_info"] = {"search_results": pages}, {"search_results": []}
    assert folded(first, later).search_results == pages
    assert folded(frame("Four", "stop")).search_results == []


@pytest.mark.parametrize("info", [NULL, {}, [], {"search_results": NULL}])
def test_searches_without_pages(info):
    body = frame("4", "stop")
    body["output"]["search_info"] = info
    assert folded(body).search_results == []


WHOLE = {
    "compatible": {"choices": [{"message": {"content": "4", "role": "assistant", "reasoning_content": "Add."}, "finish_reason": "stop"}],
                   "usage": USAGE, "model": "qwen-plus", "id": "chatcmpl-uuid"},
    "native": frame("4", "stop", usage=USAGE, reasoning_content="Add."),
    "native, parts": frame([{"text": "4"}], "stop", usage=USAGE, reasoning_content="Add."),
    "native, words": frame(["4"], "stop", usage=USAGE, reasoning_content="Add."),
    "native, a part": frame({"text": "4"}, "stop", usage=USAGE, reasoning_content="Add."),
    "an index as text": {"choices": [{"message": {"content": "4", "reasoning_content": "Add."}, "finish_reason": "stop", "index": "0"}],
                         "usage": USAGE, "model": "qwen-plus", "id": "chatcmpl-uuid"},
}


def whole(body, headers):
    return fold(iter([Event(WHOLE_EVENT, body, 200)]), headers, Answer(), lambda *_: None, Context())


@pytest.mark.parametrize("reason, code", [
    (reason, Exit.CONTENT) for reason in ("content_filter", "content_filtered", "data_inspection_failed", "SAFETY", "refusal")] + [
    (reason, Exit.FAILED) for reason in ("insufficient_system_resource", "engine_overloaded", "model_error", "timeout", "cancelled")])
def test_ends_that_are_none(reason, code):
    with pytest.raises(Failure) as caught:
        folded(chunk(content="half"), chunk(reason), DONE).check_end()
    assert caught.value.exit_code == code and caught.value.partial == {"text": "half"}


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "function_call", "end_turn", "max_tokens", "eos"])
def test_ends_like_any(reason):
    folded(chunk(content="all"), chunk(reason), DONE).check_end()


def test_a_whole_answer_needs_no_reason_of_its_end():
    assert whole({"choices": [{"message": {"content": "4"}}]}, {}).text == "4"


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
def test_whole_answers(body):
    answer = whole(body, {})
    assert (answer.text, answer.reasoning, answer.finish_reason, answer.usage) == ("4", "Add.", "stop", USAGE)
    assert answer.request_id == "uuid" and answer.complete


ODD = {  # answers of gateways -> text
    "text completions": ([{"choices": [{"text": "Fo"}]}, {"choices": [{"text": "ur", "finish_reason": "stop"}]}, DONE], "Four"),
    "an object of choices": ([{"choices": {"0": {"delta": {"content": "Four"}, "finish_reason": "stop"}}}, DONE], "Four"),
    "a list as delta": ([{"choices": [{"delta": ["Fo", {"text": "ur"}], "finish_reason": "stop"}]}, DONE], "Four"),
    "a number": ([chunk("stop", content=5), DONE], "5"),
    "counted from 1": ([{"choices": [{"index": 1, "delta": {"content": "Fo"}}]}, {"choices": [{"index": 1, "delta": {"content": "ur"}}]}, DONE],
                       "Four"),
    "a refusal": ([chunk(refusal="I cannot."), chunk("stop"), DONE], "I cannot."),
    "text as message": ([{"choices": [{"message": "Four", "finish_reason": "stop"}]}], "Four"),
}


@pytest.mark.parametrize("events, text", ODD.values(), ids=ODD)
def test_answers_of_gateways(events, text):
    answer = folded(*events)
    answer.check_end()
    assert answer.text == text


def test_what_cannot_be_read_is_not_lost():
    with pytest.raises(Failure) as caught:
        folded(chunk(content="Fo"), {"choices": [7], "usage": USAGE})
    assert caught.value.partial == {"text": "Fo", "unread": {"choices": [7], "usage": USAGE}}


def test_what_cannot_be_read_is_kept_as_json_can_carry_it():
    with pytest.raises(Failure) as caught:
        folded({"choices": [7], "x": float("inf")})
    assert caught.value.partial == {"unread": {"choices": [7], "x": None}}


def test_whole_answers_with_tool_calls():
    body = {"choices": [{"message": {"content": NULL, "tool_calls": [call(0, "{}", "a", "f"), call(1, "[]", "b", "g")]},
                         "finish_reason": "stop"}]}
    answer = whole(body, {"x-dashscope-partialresponse": "true"})
    assert calls_of(answer) == [("a", "f", "{}"), ("b", "g", "[]")] and answer.text == "" and answer.timed_out


# ---- JSON answers and usage ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, value", [
    ('{"a": 1}', {"a": 1}), (' \n[1, 2]\n', [1, 2]), ('```json\n{"a": 1}\n```', {"a": 1}), ('```\n{"a": 1}\n```\n', {"a": 1}),
    ('```JSON\n{"a": "```"}\n```', {"a": "```"}),
    ('```json\n{\n "城": "杭州"\n}```', {"城": "杭州"}), ("null", None), ('"四"', "四"), ('{"a": "x\n\ty", "b": {}}', {"a": "x\n\ty", "b": {}}),
])
def test_json_answers(text, value):
    found, clean = json_answer(text)
    assert found == value and "```json" not in clean and clean == clean.strip()
    assert json_answer(clean) == (value, clean)


@pytest.mark.parametrize("text", ["", "Four.", '{"a": 1', '{"a": 1} and more', 'Here:\n```json\n{}\n```', "```json\n```", "```", "``````",
                                  '{"a": NaN}', "[Infinity]"])
def test_answers_that_are_no_json(text):
    with pytest.raises(ValueError):
        json_answer(text)


@pytest.mark.parametrize("usage, counted", [
    (USAGE, {"input_tokens": 22, "output_tokens": 3}), (NATIVE_USAGE, {"input_tokens": 22, "output_tokens": 3}),
    ({"prompt_tokens": 0, "completion_tokens": 0}, {"input_tokens": 0, "output_tokens": 0}),
    ({"input_tokens": 5}, {"input_tokens": 5}), ({"prompt_tokens": NULL, "completion_tokens": 3}, {"output_tokens": 3}), ({}, {}),
])
def test_units(usage, counted):
    assert units(usage) == counted


@pytest.mark.parametrize("usage, line", [
    (USAGE, "22 tokens in, 3 out"), (NATIVE_USAGE, "22 tokens in, 3 out"), ({}, "tokens unknown"),
    ({"output_tokens": 3}, "? tokens in, 3 out"),
    ({**USAGE, "completion_tokens_details": {"reasoning_tokens": 2}}, "22 tokens in, 3 out (2 thinking)"),
    ({**NATIVE_USAGE, "output_tokens_details": {"reasoning_tokens": 2}}, "22 tokens in, 3 out (2 thinking)"),
    ({**USAGE, "prompt_tokens_details": {"cached_tokens": 20}}, "22 tokens in (20 cached), 3 out"),
    ({**USAGE, "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": NULL}, "22 tokens in, 3 out"),
    ({**USAGE, "plugins": {"search": {"count": 2}}}, "22 tokens in, 3 out, 2 web searches"),
    ({**USAGE, "plugins": NULL}, "22 tokens in, 3 out"),
])
def test_the_usage_line(usage, line):
    assert usage_line(usage, "qwen-plus", "billed pay-as-you-go") == f"{line} · qwen-plus · billed pay-as-you-go"


def test_work_on_pieces_that_stay_unclear_grows_with_their_number(monkeypatch):
    """The same word again and again may be a stream of either kind until it ends; each piece is looked at once."""
    looks = []
    monkeypatch.setattr(answer, "_recurs", lambda piece: looks.append(piece) or False)
    text = answer.Pieces()
    shown = "".join(text.take(piece) for piece in ["ha "] * 500 + ["ha " + "x" * number for number in range(500)])
    assert shown + text.end() and len(looks) <= 1000
