"""Thinking: the switch, the budget, the effort, and what goes with them."""
from __future__ import annotations

from typing import Callable, Tuple

from tests.emulator.call import Call
from tests.emulator.models import ALWAYS, NEVER
from tests.emulator.wire import ignored, invalid

STREAM_ONLY = "This model only support stream mode, please enable the stream parameter to access the model."


def thinking_switch(call: Call) -> None:
    if "enable_thinking" not in call.options:
        return
    if call.model.thinking == NEVER:
        raise invalid(f"The model {call.model.name} does not support enable_thinking.", param="enable_thinking",
                      native="InvalidParameter.NotSupportEnableThinking")
    if call.model.thinking == ALWAYS and not call.options["enable_thinking"]:
        raise invalid("The value of the enable_thinking parameter is restricted to True.", param="enable_thinking")


def thinking_budget(call: Call) -> None:
    if "thinking_budget" not in call.options:
        return
    value, highest = call.options["thinking_budget"], call.model.max_thinking
    if highest is None:
        raise ignored("thinking_budget", f"is not taken by {call.model.name}")
    if not call.thinking:
        raise ignored("thinking_budget", "does nothing while the model does not think")
    if not _whole(value) or not 1 <= value <= highest:
        raise invalid(f"The thinking_budget parameter must be a positive integer and not greater than {highest}", param="thinking_budget")


def thinking_type(call: Call) -> None:
    """MiniMax-M3: {"type": "adaptive"} or {"type": "disabled"}."""
    if not call.model.can("th"):
        return
    if "enable_thinking" in call.options:
        raise ignored("enable_thinking", f"does nothing on {call.model.name}, which takes 'thinking'")
    if call.options.get("thinking", {"type": "adaptive"}) not in ({"type": "adaptive"}, {"type": "disabled"}):
        raise invalid("'thinking.type' must be adaptive or disabled", param="thinking")


def reasoning_effort(call: Call) -> None:
    if "reasoning_effort" not in call.options:
        return
    value, efforts = call.options["reasoning_effort"], call.model.efforts
    if not efforts:
        raise ignored("reasoning_effort", f"is not taken by {call.model.name}")
    if value not in efforts:
        raise invalid(f"The reasoning_effort parameter must be one of {', '.join(efforts)}", param="reasoning_effort")
    if "thinking_budget" in call.options:
        raise invalid("reasoning_effort and thinking_budget cannot be set at the same time", param="reasoning_effort")
    if value == "none" and call.options.get("enable_thinking"):
        raise ignored("reasoning_effort", "none contradicts enable_thinking")
    if value != "none" and not call.thinking:
        raise ignored("reasoning_effort", "needs thinking")


def code_interpreter(call: Call) -> None:
    if not call.options.get("enable_code_interpreter"):
        return
    if not call.thinking:
        raise ignored("enable_code_interpreter", "needs thinking")
    if not call.stream:
        raise invalid(STREAM_ONLY, param="stream")


def stream_needed(call: Call) -> None:
    if call.stream:
        return
    if call.model.stream_only:
        raise invalid(STREAM_ONLY, param="stream")
    if call.model.stream_to_think and call.thinking:
        raise invalid("parameter.enable_thinking must be set to false for non-streaming calls", param="enable_thinking")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


CHECKS: Tuple[Callable[[Call], None], ...] = (thinking_type, thinking_switch, thinking_budget, reasoning_effort,
                                              code_interpreter, stream_needed)
