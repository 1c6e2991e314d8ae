"""A reset of the emulator: requests still in flight leave nothing behind, and the settings are back."""
from __future__ import annotations

import threading
import time

import pytest

from tests.test_emulator import CHAT, HI, MULTIMODAL, ask, post

PICTURE = {"model": "qwen-image-2.0", "input": {"messages": [{"role": "user", "content": [{"text": "a red fox"}]}]}}
VIDEO = {"model": "wan2.7-t2v", "input": {"prompt": "a red fox"}}


class SlowClock:
    """A clock that stops whoever asks for the time until it is let go."""

    def __init__(self):
        self.asked, self.go = threading.Event(), threading.Event()

    def __call__(self):
        self.asked.set()
        assert self.go.wait(30)
        return time.time()


@pytest.mark.parametrize("path, body, headers", [
    (MULTIMODAL, PICTURE, {}),
    ("/api/v1/services/aigc/video-generation/video-synthesis", VIDEO, {"X_DashScope_Async": "enable"}),
])
def test_a_request_in_flight_keeps_nothing(emulator, path, body, headers):
    emulator.clock = clock = SlowClock()
    thread = threading.Thread(target=post, args=(emulator, path, body), kwargs=headers)
    thread.start()
    assert clock.asked.wait(30)
    emulator.reset()
    clock.go.set()
    thread.join(30)
    assert not thread.is_alive()
    assert (emulator.creates, emulator.results, emulator.tasks, emulator.requests) == ([], {}, {}, [])
    assert emulator.clock is time.time


def test_a_request_in_flight_takes_no_fault_of_the_next_test(emulator):
    emulator.inject("hang", path=CHAT)
    old = emulator.epoch
    emulator.reset()
    assert ask(emulator).status == 200
    assert old.faults[0].times == 1 and emulator.faults == []


def test_settings_are_back_after_a_reset(emulator):
    emulator.delay, emulator.latency, emulator.task_polls = 9.0, 9.0, (7, 7)
    emulator.reset()
    assert (emulator.delay, emulator.latency, emulator.task_polls) == (0.0, 0.0, (1, 1))


def test_a_setting_that_is_none_is_an_error(emulator):
    with pytest.raises(AttributeError, match="task_poll'"):
        emulator.task_poll = (1, 1)


def test_a_reset_over_http(emulator):
    post(emulator, CHAT, {"model": "qwen-plus", "messages": HI})
    assert emulator.requests
    assert post(emulator, "/_emulator/reset", {}).json == {"ok": True}
    assert emulator.requests == []
