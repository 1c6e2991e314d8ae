"""What came back: every shape of a result, interleaved streams, and what a broken or hostile service may send."""
from __future__ import annotations

import json
import time

import pytest

from image_answers import Stream, count_of, has_unread, markdown, parts_of, settle
from shared.failures import Exit, Failure
from shared.transport.events import Event, read_events
from tests.folding import each

A, B = "https://res.example.com/1.png?Expires=1&x=%2F", "https://res.example.com/2.png?Expires=1"


def image(url):
    return {"kind": "media", "url": url}


def text(words):
    return {"kind": "text", "text": words}


def error(code, message):
    return {"kind": "error", "code": code, "message": message}


def choices(*contents, **more):
    return {"output": {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": content}}
                                   for content in contents], **more}, "usage": {}, "request_id": "r"}


# ---- shapes ----------------------------------------------------------------------------------------------------------

TIMES = {"submit_time": "2026-01-02 10:00:00.101", "scheduled_time": "2026-01-02 10:00:00.140", "end_time": "2026-01-02 10:00:21.900"}
BAD = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
SHAPES = {
    "qwen-image, one": (choices([{"image": A}]), [image(A)]),
    "qwen-image, several in one choice": (choices([{"image": A}, {"image": B}]), [image(A), image(B)]),
    "qwen-image-3.0": (choices([{"image": A}], rewrite_status="not_use"), [image(A)]),
    "qwen-image-max with a metric": (choices([{"image": A}], task_metric={"TOTAL": 1, "SUCCEEDED": 1, "FAILED": 0}), [image(A)]),
    "wan, a choice for each picture": (choices([{"type": "image", "image": A}], [{"type": "image", "image": B}], finished=True),
                                       [image(A), image(B)]),
    "z-image with its prompt": (choices([{"image": A}, {"text": "the final prompt"}]), [image(A), text("the final prompt")]),
    "wan2.6, text and pictures": (
        choices([{"type": "text", "text": "One"}, {"type": "image", "image": A}, {"type": "text", "text": "Two"},
                 {"type": "image", "image": B}]), [text("One"), image(A), text("Two"), image(B)]),
    "choices of a task": (choices([{"type": "image", "image": A}], task_id="t", task_status="SUCCEEDED", **TIMES), [image(A)]),
    "content as one object": (choices({"image": A}), [image(A)]),
    "content as a string": (choices("only words"), [text("only words")]),
    "results": ({"output": {"task_id": "t", "task_status": "SUCCEEDED", **TIMES, "results": [{"url": A}, {"url": B}]}},
                [image(A), image(B)]),
    "results with prompts": ({"output": {"results": [{"orig_prompt": "a", "actual_prompt": "A long kite", "url": A}]}},
                             [{**image(A), "actual_prompt": "A long kite"}]),
    "results, one failed": ({"output": {"results": [{"url": A}, BAD], "task_metrics": {"TOTAL": 2, "SUCCEEDED": 1, "FAILED": 1}}},
                            [image(A), error(BAD["code"], BAD["message"])]),
    "results, all failed": ({"output": {"results": [BAD, {"code": "InternalError"}, {"message": "bad"}]}},
                            [error(BAD["code"], BAD["message"]), error("InternalError", ""), error("", "bad")]),
    "qwen-mt-image": ({"output": {"task_status": "SUCCEEDED", "image_url": A}}, [image(A)]),
    "qwen-mt-image without text": ({"output": {"image_url": A, "message": "No text detected for translation"}}, [image(A)]),
    "out-painting": ({"output": {"output_image_url": A}}, [image(A)]),
    "segmentation": ({"output": {"output_image_url": A, "output_vis_image_url": B}}, [image(A), image(B)]),
    "poster": ({"output": {"render_urls": [A, B], "bg_urls": [A + "0"]}}, [image(A), image(B), image(A + "0")]),
    "wanx-v1, each link twice": ({"output": {"results": [{"url": A}, {"url": A}, {"url": B}, {"url": B}]}}, [image(A), image(B)]),
    "an object": (choices([{"image": {"url": A}}]), [image(A)]), "alone in a list": (choices([{"image": [A]}]), [image(A)]),
    "a part of a chat": (choices([{"type": "image_url", "image_url": {"url": A}}]), [image(A)]),
    "content that is a link": (choices(A), [image(A)]), "content as a list of links": (choices([A, B]), [image(A), image(B)]),
    "Markdown": (choices(f"Here it is: ![a fox]({A})"), [image(A)]), "Markdown in its place": (choices([{"image": f"![]({A})"}]), [image(A)]),
    "data": ({"data": [{"url": A}, {"b64_json": "iVBO"}], "created": 1}, [image(A), image("data:image/png;base64,iVBO")]),
    "a line end and a tab": (choices([{"image": f"\t{A[:20]}\t{A[20:]}\r\n"}]), [image(A)]),
    "results of another name": ({"output": {"results": [{"image_url": {"url": A}}]}}, [image(A)]),
    "an unknown place, once": ({"output": {"pictures": {"first": A, "again": [A]}, "input_image_url": B}}, [image(A)]),
    "a picture beside pages": ({"output": {"picture": A, **{name: "https://h/page" for name in (
        "share_link", "report_url", "page_url", "log_url", "icon", "watermark_url", "preview", "details", "x")}}}, [image(A)]),
    "text beside the results of a search": (
        choices([{"type": "text", "text": "a"}], search_info={"results": [{"url": "https://h/p", "icon": "https://h/i.png"}]}, page="https://h/b"),
        [text("a")]),
    "text beside a picture elsewhere": ({**choices([{"text": "a"}]), "data": {"picture": A, "page": "https://h/page"}}, [text("a"), image(A)]),
    "results, one inline": ({"output": {"results": [{"url": A}, {"b64_json": "iVBO"}]}}, [image(A), image("data:image/png;base64,iVBO")]),
    "an item of another form": (choices([{"image": A}, {"image": {"href": B}}, {"type": "image", "pic": [A + "0"]}]),
                                [image(A), image(B), image(A + "0")]),
    "a link in the text": (choices([{"text": A}]), [text(A)]),
    "nothing": (choices(), []), "no output": ({"request_id": "r"}, []), "failed task": ({"output": {"task_status": "FAILED", **BAD}}, []),
    "flat failure": ({"request_id": "r", **BAD}, []),
}


@each("body, parts", SHAPES.values(), ids=SHAPES)
def test_parts_of_an_answer(body, parts):
    given = json.dumps(body)
    assert parts_of(body) == parts
    assert json.dumps(body) == given


@pytest.mark.parametrize("item, unread", [
    ({"type": "image", "pic": "h/1.png"}, True), ({"image": {"key": "1.png"}}, True), ({"type": "text", "text": ""}, False), ({}, False),
    ({"image": A}, False), ({"text": "words"}, False), ({"type": "thinking", "thinking": "about url and image"}, False), ({"image": None}, False)])
def test_a_result_that_cannot_be_read_is_noticed(item, unread):
    assert has_unread(choices([{"image": A}, item])) == unread
    assert has_unread({"output": {"results": [{"url": A}, {"file": 7} if unread else {"message": "bad"}]}}) == unread


def test_marks_without_an_end_take_no_time():
    begin = time.monotonic()
    for beginning in ("![", "![](http://a", "![](", "![](data:a"):
        assert parts_of({"output": {"foo": beginning * 100_000}}) == []
    assert time.monotonic() - begin < 5


# ---- hostile answers -------------------------------------------------------------------------------------------------

ODD = [None, "", "x", 0, 7, -1.5, True, False, [], {}, [None], [[]], ["x"], [7], {"url": None}, {"x": []}, [{"url": 5}]]
PLACES = {
    "output": lambda odd: {"output": odd}, "choices": lambda odd: {"output": {"choices": odd}},
    "choice": lambda odd: {"output": {"choices": [odd]}}, "message": lambda odd: {"output": {"choices": [{"message": odd}]}},
    "content": lambda odd: choices(odd), "item": lambda odd: choices([odd]), "image": lambda odd: choices([{"image": odd}]),
    "text": lambda odd: choices([{"text": odd}]), "results": lambda odd: {"output": {"results": odd}},
    "result": lambda odd: {"output": {"results": [odd]}}, "url": lambda odd: {"output": {"results": [{"url": odd}]}},
    "actual_prompt": lambda odd: {"output": {"results": [{"url": A, "actual_prompt": odd}]}},
    "code": lambda odd: {"output": {"results": [{"code": odd, "message": odd}]}},
    "image_url": lambda odd: {"output": {"image_url": odd, "output_image_url": odd}},
    "render_urls": lambda odd: {"output": {"render_urls": odd, "bg_urls": odd}},
}
HOSTILE = [pytest.param(place(odd), id=f"{name}={odd!r}") for name, place in PLACES.items() for odd in ODD]


def well_formed(parts) -> bool:
    """Whether every part has the strings that its kind promises."""
    needed = {"media": ["url"], "text": ["text"], "error": ["code", "message"]}
    return all(all(isinstance(part[name], str) for name in needed[part["kind"]])
               and all(part[name] for name in needed[part["kind"]] if part["kind"] != "error")
               and isinstance(part.get("actual_prompt", ""), str) for part in parts)


@each("body", HOSTILE)
def test_hostile_answer_never_crashes(body):
    assert well_formed(parts_of(body))


def test_a_string_is_no_list_of_links():
    found = parts_of({"output": {"render_urls": A}})
    assert found in ([], [image(A)]), "it was taken apart"


@each("body", HOSTILE)
def test_good_picture_beside_hostile_parts_is_found(body):
    output = body["output"]
    if not isinstance(output, dict):
        return
    for name in ("choices", "results"):
        if isinstance(output.get(name), list):
            good = {"message": {"content": [{"image": B}]}} if name == "choices" else {"url": B}
            mixed = {"output": {**output, name: [*output[name], good]}}
            assert image(B) in parts_of(mixed)
    assert image(B) in parts_of({"output": {**output, "output_vis_image_url": B}})


@each("body", HOSTILE)
def test_hostile_event_never_crashes(body):
    stream = Stream(lambda found: None)
    stream.take(iter([Event("result", body, 200), Event("", {**choices([{"image": B}]), "usage": None}, 200)]), {})
    assert well_formed(stream.parts) and image(B) in stream.parts


# ---- streams ---------------------------------------------------------------------------------------------------------

def frame(number, item, finish="null", images=0, **more):
    return ("id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%s\n\n" % (number, json.dumps(
        {"output": {"choices": [{"message": {"role": "assistant", "content": [item]}, "finish_reason": finish}], "finished": False},
         "usage": {"input_tokens": 28, "output_tokens": number, "image_count": images}, "request_id": "r1", **more}))).encode()


def word(said):
    return {"type": "text", "text": said}


def picture(url):
    return {"type": "image", "image": url}


FRAMES = [frame(1, word("Step")), frame(2, word(" one")), frame(3, picture(A), images=1), frame(4, word("Two")),
          frame(5, picture(B), images=2), frame(6, word(" done"), "stop", 2)]
WHOLE = [text("Step one"), image(A), text("Two"), image(B), text(" done")]


def read(blocks, headers=None):
    seen = []
    stream = Stream(lambda found: seen.append(json.loads(json.dumps([found.parts, found.usage, found.request_id]))))
    stream.take(read_events(blocks), headers or {})
    return stream, seen


def test_increments_are_joined_and_pictures_keep_their_place():
    stream, seen = read(FRAMES)
    assert stream.parts == WHOLE and stream.text == "Step oneTwo done"
    assert stream.usage == {"input_tokens": 28, "output_tokens": 6, "image_count": 2}, "usage is what stands so far, not a sum"
    assert stream.answer() == {"usage": stream.usage, "request_id": "r1", "text": stream.text, "events": []}
    assert [len(parts) for parts, _, _ in seen] == [2, 4], "told of each picture as it arrives"
    assert [(usage["image_count"], request_id) for _, usage, request_id in seen] == [(1, "r1"), (2, "r1")]


def test_blocks_may_be_cut_anywhere():
    data = b"".join(FRAMES + [frame(7, word("图文"), "stop", 2)])
    for size in (1, 2, 3, 7, 64, 1000, len(data)):
        blocks = [data[place:place + size] for place in range(0, len(data), size)]
        assert read(blocks)[0].parts == [*WHOLE[:-1], text(" done图文")]


def test_a_picture_that_comes_again_is_the_same_one():
    assert read([*FRAMES[:4], frame(4, picture(A), images=1), *FRAMES[4:]])[0].parts == WHOLE


def test_finished_on_every_event_does_not_end_the_stream():
    """One sample of the documents has it on all events (register, 5)."""
    assert read([one.replace(b'"finished": false', b'"finished": true') for one in FRAMES])[0].parts == WHOLE


@pytest.mark.parametrize("extra", [b":keep-alive\n\n", b"event:done\ndata:[DONE]\n\n", b"data:\n\n", b"data:7\n\n", b"data:null\n\n",
                                   b'data:{"output":{},"usage":{"image_count":2}}\n\n'])
def test_other_events_change_nothing(extra):
    for place in range(len(FRAMES) + 1):
        assert read([*FRAMES[:place], extra, *FRAMES[place:]])[0].parts == WHOLE


def test_request_id_comes_from_the_headers_where_the_events_have_none():
    blocks = [one.replace(b'"request_id": "r1"', b'"x": 1') for one in FRAMES]
    assert read(blocks, {"x-request-id": "h1"})[0].request_id == "h1"
    assert read(FRAMES, {"x-request-id": "h1"})[0].request_id == "r1"


@pytest.mark.parametrize("frames, kept, told", [(1, "Step", 0), (3, "Step one", 1), (4, "Step oneTwo", 1), (5, "Step oneTwo", 2)])
def test_stream_that_breaks_off_keeps_what_came(frames, kept, told):
    def events():
        yield from read_events(FRAMES[:frames])
        raise Failure(Exit.NETWORK, "the answer broke off", retryable=True, accepted="maybe")
    seen = []
    stream = Stream(lambda found: seen.append(found))
    with pytest.raises(Failure) as caught:
        stream.take(events(), {})
    assert caught.value.partial == {"text": kept} and stream.text == kept and len(seen) == told
    assert sum(part["kind"] == "media" for part in stream.parts) == told


def test_stream_that_breaks_off_before_anything_came_may_be_tried_again():
    def events():
        raise Failure(Exit.NETWORK, "reset", retryable=True)
        yield
    stream = Stream(lambda found: None)
    with pytest.raises(Failure) as caught:
        stream.take(events(), {})
    assert not caught.value.partial and stream.parts == []


def test_stream_of_one_picture_alone_that_breaks_off_is_not_tried_again():
    """A second try would be billed again; `partial` is what tells the retries so."""
    def events():
        yield from read_events([frame(1, picture(A), images=1)])
        raise Failure(Exit.NETWORK, "reset", retryable=True)
    stream = Stream(lambda found: None)
    with pytest.raises(Failure) as caught:
        stream.take(events(), {})
    assert caught.value.partial and stream.parts == [image(A)]


# ---- what becomes of the parts ---------------------------------------------------------------------------------------

def test_text_beside_a_picture_is_the_prompt_that_was_drawn():
    assert settle([image(A), text("the final"), text(" prompt")], "make") == [{**image(A), "actual_prompt": "the final prompt"}]
    own = {**image(A), "actual_prompt": "own"}
    assert settle([dict(own), image(B), text("x")], "edit") == [own, {**image(B), "actual_prompt": "x"}]
    assert settle([image(A), error("c", "m"), text("x")], "make") == [{**image(A), "actual_prompt": "x"}, error("c", "m")]
    assert settle([image(A)], "make") == [image(A)] and settle([], "make") == []


def test_interleaved_parts_stay_as_they_are():
    assert settle(list(WHOLE), "interleave") == WHOLE


@pytest.mark.parametrize("parts, files, page", [
    (WHOLE, ["a-1.png", "a-2.png"], "Step one\n\n![](a-1.png)\n\nTwo\n\n![](a-2.png)\n\ndone\n"),
    ([image(A), image(B)], ["x.png", "y.png"], "![](x.png)\n\n![](y.png)\n"),
    ([text("一只狐狸\n"), image(A)], ["狐狸 (1).png"], "一只狐狸\n\n![](%E7%8B%90%E7%8B%B8%20%281%29.png)\n"),
    ([text(" "), image(A), error("c", "m"), text("")], ["a.png"], "![](a.png)\n"), ([text("words")], [], "words\n")])
def test_markdown(parts, files, page):
    assert markdown(parts, files) == page


@pytest.mark.parametrize("usage, saved, count", [
    ({"image_count": 2, "height": 1024, "width": 1536}, 1, 2), ({"output_image_count": 3, "input_image_count": 1}, 1, 3),
    ({"image_count": 0}, 1, 0), ({}, 4, 4), ({"image_count": "2"}, 3, 3), ({"image_count": None, "output_image_count": 1}, 3, 1),
    ({"image_count": True}, 3, 3), ({"image_count": 1.5}, 3, 3), ({"image_count": -1}, 3, 3), ({"image_count": 10**9}, 3, 3)])
def test_pictures_that_are_billed(usage, saved, count):
    assert count_of(usage, saved) == count
