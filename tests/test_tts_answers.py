"""What the speech services answer: whole and streamed, in base64, in hex or behind a link; damaged and hostile answers; usage."""
from __future__ import annotations

import base64
import json
import random

import pytest

from shared.failures import Exit
from shared.transport.context import Context
from shared.transport.errors import explain
from shared.transport.events import read_events
from tests.folding import each
from tts_answers import Answer, Damaged, add_usage, billed, error_of
from tts_costs import charged, expected
from tts_models import find_model
from tts_sound import header
from tts_speak import usage_of
from tts_store import Store

LINK = "http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/aa/y.wav?Expires=1767312000&OSSAccessKeyId=X&Signature=abc%2Fdef%3D"
SOUND = bytes(range(256)) * 3


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def audio(data=b"", url=None, finish="null", usage=None, **output):
    """An answer or event of qwen3-tts, cosyvoice and qwen-audio."""
    found = {"data": b64(data), "id": "audio_r1", "expires_at": 1767312000, **({"url": url} if url is not None else {})}
    return {"output": {"finish_reason": finish, "audio": found, **output}, "usage": {"characters": 15} if usage is None else usage,
            "request_id": "r1"}


EXTRA = {"audio_channel": 1, "audio_format": "mp3", "audio_length": 3528, "audio_sample_rate": 32000, "audio_size": 768, "bitrate": 128000,
         "invisible_character_ratio": 0, "usage_characters": 26, "word_count": 14}
GOOD = {"status_code": 0, "status_msg": "success"}


def minimax(data=b"", status=1, extra=None, **body):
    output = {"base_resp": GOOD, "data": {"audio": data.hex() if isinstance(data, bytes) else data, "status": status}, "trace_id": "t"}
    return {"output": {**output, **({"extra_info": extra} if extra else {})}, "usage": {"characters": 26}, "request_id": "r2", **body}


def take(wire, *bodies):
    """(the sound of all bodies, the Answer)."""
    answer = Answer(wire)
    return b"".join(answer.take(body) for body in bodies), answer


# ---- whole answers ---------------------------------------------------------------------------------------------------

WHOLE = {  # name -> dialect, body, sound, link, finished
    "qwen3 with a link": ("qwen", audio(b"", LINK, "stop"), b"", LINK, True),
    "qwen3 with the nulls of the documents": ("qwen", audio(b"", LINK, "stop", text=None, choices=None), b"", LINK, True),
    "qwen3 in base64": ("qwen", audio(SOUND, "", "stop"), SOUND, "", True),
    "cosyvoice with a link": ("cosy", audio(b"", LINK, "stop"), b"", LINK, True),
    "cosyvoice in base64 and with a link": ("cosy", audio(SOUND, LINK, "stop"), SOUND, LINK, True),
    "minimax in hex": ("minimax", minimax(SOUND, 2, EXTRA), SOUND, "", True),
    "minimax in capital hex": ("minimax", minimax(SOUND.hex().upper(), 2, EXTRA), SOUND, "", True),
    "minimax with a link": ("minimax", minimax(LINK, 2, EXTRA), b"", LINK, True),
    "minimax with a link that shouts": ("minimax", minimax("HTTPS://h/x", 2, EXTRA), b"", "HTTPS://h/x", True),
    "minimax without its extra information": ("minimax", minimax(SOUND, 2), SOUND, "", True),
    "minimax, a link between line ends": ("minimax", minimax(f"\n{LINK}\r\n", 2), b"", LINK, True),
    "a link with a line end and a tab": ("qwen", {"output": {"finish_reason": "stop", "audio": {"url": f"{LINK[:9]}\t{LINK[9:]}\n"}}},
                                         b"", LINK, True),
    "minimax without a sound": ("minimax", {"output": {"base_resp": GOOD, "data": None}}, b"", "", False),
}


def in_choice(content=None, **message):
    return {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": content, **message}}]}


OUTPUTS = {  # of gateways -> sound, link
    "a link in place of the object": ({"audio": LINK}, b"", LINK), "a list": ({"audio": [{"url": LINK}]}, b"", LINK),
    "a link of its own": ({"audio_url": LINK}, b"", LINK), "an object in the link": ({"audio": {"url": {"url": LINK}}}, b"", LINK),
    "capitals": ({"audio": {"URL": f" {LINK}\n"}}, b"", LINK), "a choice": (in_choice([{"audio": LINK}]), b"", LINK),
    "a choice with an object": (in_choice([{"text": "Hi"}, {"audio": {"url": LINK}}]), b"", LINK),
    "a choice with sound": (in_choice("Hi", audio={"data": b64(SOUND)}), SOUND, ""),
    "a place that is nobody's": ({"results": {"file": LINK}, "original_text": "https://h/spoken"}, b"", LINK),
    "base64 in place of the object": ({"audio": b64(SOUND)}, SOUND, ""), "base64 that says so": ({"audio": {
        "data": f"data:audio/wav;base64,{b64(SOUND)}"}}, SOUND, ""), "base64 in the link": ({"audio": {
            "url": f"data:audio/wav;base64,{b64(SOUND)}"}}, SOUND, ""),
    "lines": ({"audio": {"data": base64.encodebytes(SOUND).decode()}}, SOUND, ""),
    "the alphabet of addresses, unpadded": ({"audio": {"data": base64.urlsafe_b64encode(SOUND[:-1]).decode().rstrip("=")}}, SOUND[:-1], ""),
    "words": (in_choice("Some words"), b"", ""), "a link that is none": ({"audio": {"url": "abcd"}}, b"", ""),
}


@pytest.mark.parametrize("output, sound, link", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("wire", ["qwen", "cosy"])
def test_answer_with_its_sound_in_another_place(wire, output, sound, link):
    found, answer = take(wire, {"output": output})
    assert (found, answer.url) == (sound, link) and answer.finished == ("choices" in output)


def test_link_of_minimax_in_another_place():
    assert take("minimax", {"output": {"base_resp": GOOD, "audio_url": LINK}})[1].url == LINK
    assert take("minimax", {"output": {"x": LINK}}, minimax(SOUND, 2))[1].url == "", "a link at any place gives way to the sound"


@pytest.mark.parametrize("wire, body, sound, link, finished", WHOLE.values(), ids=WHOLE)
def test_whole_answer(wire, body, sound, link, finished):
    found, answer = take(wire, body)
    assert (found, answer.url, answer.finished) == (sound, link, finished)
    assert (answer.usage, answer.request_id) == (body.get("usage", {}), body.get("request_id", ""))


# ---- streams ---------------------------------------------------------------------------------------------------------

CHUNKS = [SOUND[place:place + 100] for place in range(0, len(SOUND), 100)]
QWEN = [*(audio(chunk) for chunk in CHUNKS), audio(b"", LINK, "stop")]
SENTENCE = {"index": 0, "words": []}
COSY = [audio(type="sentence-begin", original_text="Hello.", sentence=SENTENCE),
        *(audio(chunk, type="sentence-synthesis", sentence=SENTENCE, usage={"characters": number}) for number, chunk in enumerate(CHUNKS)),
        audio(type="sentence-end", original_text="Hello.", sentence={"index": 0, "words": [{"text": "Hello", "begin_time": 0}]}),
        audio(b"", LINK, "stop")]
REPEATED = [*(minimax(chunk) for chunk in CHUNKS), minimax(SOUND, 2, EXTRA)]
EXCLUDED = [*(minimax(chunk) for chunk in CHUNKS), minimax(b"", 2, EXTRA)]
STREAMS = {
    "qwen3": ("qwen", QWEN, LINK), "qwen3, sound on the last event": ("qwen", [*QWEN[:-2], audio(CHUNKS[-1], LINK, "stop")], LINK),
    "qwen3, links that are null or empty": ("qwen", [audio(CHUNKS[0], ""), *QWEN[1:]], LINK), "cosyvoice": ("cosy", COSY, LINK),
    "minimax, the last event repeats": ("minimax", REPEATED, ""), "minimax, the last event is empty": ("minimax", EXCLUDED, ""),
    "minimax, all in one event": ("minimax", [minimax(SOUND, 2, EXTRA)], ""),
    "minimax, nothing before the whole": ("minimax", [minimax(b""), minimax(SOUND, 2, EXTRA)], ""),
}


@pytest.mark.parametrize("wire, events, link", STREAMS.values(), ids=STREAMS)
def test_stream(wire, events, link):
    found, answer = take(wire, *events)
    assert (found, answer.url, answer.finished) == (SOUND, link, True)
    assert answer.usage == events[-1]["usage"]


@pytest.mark.parametrize("wire, events, link", STREAMS.values(), ids=STREAMS)
def test_a_stream_that_breaks_off_is_not_finished(wire, events, link):
    for count in range(len(events)):
        found, answer = take(wire, *events[:count])
        assert not answer.finished and SOUND.startswith(found)


def test_sound_with_a_status_that_says_more_is_never_dropped():
    """Section 8.2: status 1 means more to come. That extra_info stands on the last event alone is only likely."""
    events = [*(minimax(chunk, 1, EXTRA) for chunk in CHUNKS), minimax(SOUND, 2, EXTRA)]
    assert take("minimax", *events)[0] == SOUND
    assert not take("minimax", *events[:-1])[1].finished


RNG = random.Random(3)
NOISE = [RNG.randbytes(4000) for _ in range(3)]


def riff(samples: bytes) -> bytes:
    """A WAV whose header tells its own size, as each repetition has it."""
    return header(24000, len(samples)) + samples


REPEATS = {  # what events carry -> what is new in them
    "each has all so far": ([NOISE[0], NOISE[0] + NOISE[1], b"".join(NOISE)], NOISE),
    "each has all so far, as WAV": ([riff(NOISE[0]), riff(NOISE[0] + NOISE[1]), riff(b"".join(NOISE))], [riff(NOISE[0]), *NOISE[1:]]),
    "the last has all again": ([*NOISE, b"".join(NOISE)], [*NOISE, b""]),
    "the last has all again, as WAV": ([riff(NOISE[0]), *NOISE[1:], riff(b"".join(NOISE))], [riff(NOISE[0]), *NOISE[1:], b""]),
    "each has all so far, and the first is short": ([NOISE[0][:900], NOISE[0], NOISE[0] + NOISE[1]], [NOISE[0][:900], NOISE[0][900:], NOISE[1]]),
    "each has all so far, and silence begins": (
        [bytes(4000), bytes(4000) + NOISE[0], bytes(4000) + NOISE[0] + NOISE[1]], [bytes(4000), *NOISE[:2]]),
    "one came twice": ([NOISE[0], NOISE[0], NOISE[1]], [NOISE[0], NOISE[0], NOISE[1]]),
    "equal ones": ([NOISE[0]] * 5 + [b""], [NOISE[0]] * 5 + [b""]),
    "equal ones with headers": ([riff(NOISE[0])] * 3 + [b""], [riff(NOISE[0])] * 3 + [b""]),
    "the last is the only one again": ([NOISE[0], NOISE[0]], [NOISE[0], b""]),
    "increments": (NOISE, NOISE), "increments with headers": ([riff(one) for one in NOISE], [riff(one) for one in NOISE]),
    "silence": ([bytes(4000)] * 3 + [NOISE[0]], [bytes(4000)] * 3 + [NOISE[0]]),
    "silence, and all of it again": ([bytes(4000)] * 2 + [bytes(8000)], [bytes(4000)] * 2 + [b""]),
    "one like the first only": ([NOISE[0], NOISE[1], NOISE[0] + NOISE[2]], [NOISE[0], NOISE[1], NOISE[0] + NOISE[2]]),
}


@pytest.mark.parametrize("carried, new", REPEATS.values(), ids=REPEATS)
def test_what_is_repeated_within_a_stream_is_taken_once(carried, new):
    answer = Answer("cosy")
    assert [answer.take(audio(one, finish="stop" if number == len(carried) else "null"))
            for number, one in enumerate(carried, 1)] == new


def test_stream_over_the_wire():
    """As bytes of an event stream, one data line each or several, a comment in between."""
    lines = []
    for number, event in enumerate(QWEN, 1):
        text = json.dumps(event)
        data = text if number % 2 else json.dumps(event, indent=1)
        lines.append(f"id:{number}\nevent:result\n:HTTP_STATUS/200\n" + "".join(f"data:{line}\n" for line in data.split("\n")) + "\n")
    answer, found = Answer("qwen"), b""
    for event in read_events(["".join(lines).encode()]):
        found += answer.take(event.data)
    assert (found, answer.url, answer.finished) == (SOUND, LINK, True)


def test_every_chunk_carries_its_own_padding():
    chunks = [b"a", b"bc", b"def", b"", b"g"]
    assert take("qwen", *(audio(chunk) for chunk in chunks))[0] == b"abcdefg"


def test_minimax_tells_the_same_number_twice():
    """Section 2.4: usage.characters, and extra_info.usage_characters."""
    assert take("minimax", minimax(b"a", usage={}), minimax(SOUND, 2, EXTRA, usage=None))[1].usage == {"characters": 26}
    assert take("minimax", minimax(SOUND, 2, {"usage_characters": "26"}, usage={}))[1].usage == {}
    assert take("minimax", minimax(SOUND, 2, {"usage_characters": 3}))[1].usage == {"characters": 26}


def test_the_last_usage_and_request_id_that_came_count():
    first, last = {"characters": 3}, {"characters": 12}
    bodies = [audio(b"a", usage=first), audio(b"b", usage=last), {**audio(b"c", usage={}), "request_id": ""}]
    _, answer = take("cosy", *bodies)
    assert answer.usage == last and answer.request_id == "r1"


# ---- damaged ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", ["not base64!", "QUJD*", "QQ==QQ==x", "你好", "\u00ff", "QUJDR", "494433!"])
@pytest.mark.parametrize("wire", ["qwen", "cosy"])
def test_bad_base64(wire, data):
    with pytest.raises(Damaged) as caught:
        Answer(wire).take({"output": {"audio": {"data": data}}})
    assert "base64" in str(caught.value)


@pytest.mark.parametrize("data", ["4944331", "xyz", "0x4944", "49-44", "你好", "ftp://h/x", "SUQz", "\u0664\u0669"])
def test_bad_hex(data):
    with pytest.raises(Damaged) as caught:
        Answer("minimax").take(minimax(data, 2))
    assert "hexadecimal" in str(caught.value)


def test_damage_does_not_lose_the_link_or_the_end():
    """What came with the damaged sound is kept: the whole can be fetched from the link."""
    body = audio(b"", LINK, "stop")
    body["output"]["audio"]["data"] = "%"
    answer = Answer("qwen")
    with pytest.raises(Damaged):
        answer.take(body)
    assert (answer.url, answer.finished, answer.usage, answer.request_id) == (LINK, True, {"characters": 15}, "r1")


ODD = [None, "", "x", 0, 7, -1.5, True, False, [], {}, [None], [[]], ["x"], {"x": []}]
PLACES = {
    "body": lambda odd: odd if isinstance(odd, dict) else {"x": odd}, "output": lambda odd: {"output": odd},
    "audio": lambda odd: {"output": {"audio": odd}}, "url": lambda odd: {"output": {"audio": {"url": odd}}},
    "data": lambda odd: {"output": {"audio": {"data": odd}, "data": odd}}, "hex": lambda odd: {"output": {"data": {"audio": odd}}},
    "finish_reason": lambda odd: {"output": {"finish_reason": odd}}, "status": lambda odd: {"output": {"data": {"status": odd}}},
    "extra_info": lambda odd: {"output": {"extra_info": odd}}, "usage": lambda odd: {"usage": odd}, "request_id": lambda odd: {"request_id": odd},
    "base_resp": lambda odd: {"output": {"base_resp": odd}}, "status_code": lambda odd: {"output": {"base_resp": {"status_code": odd}}},
    "status_msg": lambda odd: {"output": {"base_resp": {"status_code": 1000, "status_msg": odd}}},
}
HOSTILE = [pytest.param(place(odd), id=f"{name}={odd!r}") for name, place in PLACES.items() for odd in ODD]


@each("body", HOSTILE)
@each("wire", ["qwen", "cosy", "minimax"])
def test_hostile_answer_never_crashes(wire, body):
    answer = Answer(wire)
    try:
        assert answer.take(body) == b""
    except Damaged:
        pass
    assert isinstance(answer.url, str) and isinstance(answer.usage, dict) and isinstance(answer.request_id, str)
    assert answer.finished in (True, False)
    error = error_of(body, wire)
    assert error is None or (error.status, type(error.code), type(error.message)) == (200, str, str)
    good = minimax(SOUND, 2) if wire == "minimax" else audio(SOUND, LINK, "stop")
    assert answer.take(good) == SOUND and answer.finished


# ---- refusals in an answer that says 200 -----------------------------------------------------------------------------

@pytest.mark.parametrize("code, exit_code, retryable", [
    (1000, Exit.FAILED, True), (1001, Exit.FAILED, True), (1002, Exit.QUOTA, True), (1004, Exit.KEY, False), (1013, Exit.FAILED, True),
    (1039, Exit.QUOTA, True), (1042, Exit.FAILED, False), (2013, Exit.FAILED, False), (2038, Exit.KEY, False), (9999, Exit.FAILED, True)])
def test_errors_of_minimax(code, exit_code, retryable):
    body = {"output": {"base_resp": {"status_code": code, "status_msg": "said so"}, "data": None}, "request_id": "r3"}
    error = error_of(body, "minimax")
    assert error.status == 200 and "said so" in error.message and str(code) in error.message and error.request_id == "r3"
    failure = explain(error, Context("qianwen-audio-tts", "standard", "", "h", "MiniMax/speech-2.8-hd"))
    assert (failure.exit_code, failure.retryable) == (exit_code, retryable)


@pytest.mark.parametrize("state", [GOOD, {"status_code": 0}, {}, {"status_msg": "success"}, {"status_code": None}])
def test_success_of_minimax_is_none(state):
    assert error_of({"output": {"base_resp": state}}, "minimax") is None


@pytest.mark.parametrize("body", [{}, {"output": {}}, {"output": None}])
def test_answer_without_a_state_is_no_error(body):
    assert error_of(body, "minimax") is None


def test_only_minimax_has_such_errors():
    body = {"output": {"base_resp": {"status_code": 2013, "status_msg": "bad"}}}
    assert error_of(body, "minimax") and error_of(body, "qwen") is None and error_of(body, "cosy") is None and error_of(body, "") is None


# ---- usage -----------------------------------------------------------------------------------------------------------

LEGACY = {"input_tokens": 12, "output_tokens": 100, "total_tokens": 112, "input_tokens_details": {"text_tokens": 12},
          "output_tokens_details": {"audio_tokens": 100, "text_tokens": 0}, "characters": 0}
SUMS = [
    ([], {}), ([{"characters": 5}], {"characters": 5}), ([{"characters": 5}, {"characters": 7}], {"characters": 12}),
    ([LEGACY, LEGACY], {"input_tokens": 24, "output_tokens": 200, "total_tokens": 224, "input_tokens_details": {"text_tokens": 24},
                        "output_tokens_details": {"audio_tokens": 200, "text_tokens": 0}, "characters": 0}),
    ([{"characters": 5}, {}], {"characters": 5}), ([{"a": 1.5}, {"a": 1, "b": 2}], {"a": 2.5, "b": 2}),
    ([{"characters": 5, "model": "x", "ok": True, "list": [1]}, {"characters": 1}], {"characters": 6}),
]


@pytest.mark.parametrize("usages, total", SUMS)
def test_usage_of_all_parts(usages, total):
    given, found = json.dumps(usages), {}
    for one in usages:
        add_usage(found, one)
    assert found == total and json.dumps(usages) == given
    if usages:
        assert usage_of(usages) == (total if len(usages) > 1 else usages[0])


@pytest.mark.parametrize("usages", [[{"a": 1}, {"a": {"b": 1}}], [{"a": {"b": 1}}, {"a": 1}], [{"a": "x"}, {"a": 1}], [{"a": None}, {"a": {}}],
                                    [{"a": {"b": {}}}, {"a": {"b": 2}}]])
def test_usage_that_changes_its_shape_never_crashes(usages):
    """The parts are paid and saved by then."""
    total = {}
    for one in usages:
        add_usage(total, one)
    assert isinstance(total, dict)


@pytest.mark.parametrize("number", ["NaN", "1e999", "-1e999", "1e300", "-5", "1" + "0" * 400])
def test_number_that_counts_nothing_is_not_billed_and_what_is_kept_can_be_read(tmp_path, number):
    """The sound is there, so it costs what its text does."""
    given = json.loads('{"characters": %s, "x": {"input_tokens": %s}, "duration": %s, "output_tokens": %s}' % ((number,) * 4))
    answer = take("cosy", audio(SOUND, finish="stop", usage=given))[1]
    store, facts = Store(str(tmp_path)), {"usage": answer.usage, "url": LINK}
    store.keep_link("k", facts)
    assert store.link("k")["usage"] == answer.usage and billed(answer.usage) == {}
    total = usage_of([answer.usage, {**answer.usage, "characters": 3}])
    assert json.loads(json.dumps(total, allow_nan=False)).get("characters", 3) == 3
    for model in ("cosyvoice-v3-flash", "qwen-audio-3.1-tts-next"):
        assert charged(find_model(model)[0], answer.usage, "你好") == expected(find_model(model)[0], "你好")


@pytest.mark.parametrize("usage, units", [
    ({"characters": 15}, {"characters": 15}), ({"characters": 15, "input_tokens": 0, "output_tokens": 0}, {"characters": 15}),
    (LEGACY, {"tokens": 112}), ({"input_tokens": 3, "output_tokens": 50}, {"tokens": 53}), ({"input_tokens": 3}, {"tokens": 3}),
    ({"characters": 0}, {"characters": 0}), ({"characters": 0, "input_tokens": 0, "output_tokens": 0}, {"characters": 0}), ({}, {}),
    ({"characters": None, "total_tokens": 4}, {"tokens": 4})])
def test_what_is_billed(usage, units):
    assert billed(usage) == units


@pytest.mark.parametrize("odd", [value for value in ODD if value is not None])
def test_hostile_usage_never_crashes_the_bill(odd):
    for usage in ({"characters": odd}, {"input_tokens": odd, "output_tokens": 5}, {"total_tokens": odd}, {"input_tokens": 5, "output_tokens": odd}):
        found = billed(usage)
        assert set(found) <= {"characters", "tokens"}
