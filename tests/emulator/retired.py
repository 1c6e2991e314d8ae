"""Models announced dead for 2026-10-10, and those that ended before. They are served until `retired` is set."""
from __future__ import annotations

import re
from typing import Any

from tests.emulator import models
from tests.emulator.wire import Exchange, Refusal, parse_json

DATE = r"-\d{4}-\d\d-\d\d"
TEXT = r"""
    qwen-turbo(-latest|-\d+|DATE)? qwq-plus(-latest|DATE)? qwq-32b qwen-max-latest qwen-math-(turbo|plus)(-latest|DATE)?
    qwen-coder-(turbo|plus)(-latest|DATE)? qwen3\.6-max-preview qwen3-max-preview qwen3-max-2025-09-23 qwen3-max-2026-01-23
    qwen3-coder-(plus|next)(DATE)? qwen3-coder-(30b|480b)-.* qwen3-(0\.6b|1\.7b|4b|8b|14b|30b|32b|235b)(-.*)? qwen3-next-80b-.*
    qwen2\.5-.* qwen-plus-(0112|1220|2025-07-28|2025-09-11|us) qwen-flash-us qwen3\.8-max-preview
    qwen-long-latest qwen-long-2025-01-25 qwen-mt-turbo farui-plus qwen-omni-turbo.*
    deepseek-r1(-.*)? deepseek-v3(\.1|\.2|\.2-exp)? glm-4\.5(-air)? glm-4\.6 glm-4\.7 (MiniMax/)?MiniMax-M2\.1 kimi-k2-thinking
    Moonshot-Kimi-K2-Instruct"""
VISION = r"""qwen-vl-(max|plus)(-.*)? qvq-(max|plus)(-.*)? qwen3-vl-flash(-.*)? qwen3-vl-plusDATE qwen3-vl-(8b|30b|32b|235b)-.*"""
IMAGES = r"""qwen-image qwen-image-(plus|max)(DATE)? qwen-image-edit(-plus|-max)?(DATE)? image-out-painting wordart.* aitryon.*
    facechain-generation wanx-background-generation-v2 animate-anyone.* emo-.* emoji-.* liveportrait.*"""
SPEECH = r"""qwen-tts(-latest|DATE)? qwen-voice-design qwen-voice-enrollment qwen3-tts-flashDATE qwen3-tts-instruct-flash(DATE)?
    qwen3-tts-v[cd]-2026-01-2[26] cosyvoice-v1 cosyvoice-v3"""
RETIRED = re.compile("|".join(" ".join((TEXT, VISION, IMAGES, SPEECH)).replace("DATE", DATE).split()))


def is_retired(name: Any) -> bool:
    return isinstance(name, str) and RETIRED.fullmatch(name) is not None


def check(exchange: Exchange) -> None:
    """A call to a model that is gone is refused as one to a model that never was."""
    if not exchange.emulator.retired or exchange.method != "POST" or not exchange.body.startswith(b"{"):
        return
    try:
        name = parse_json(exchange).get("model")
    except Refusal:
        return                         # the handler says it
    if is_retired(name):
        raise models.unknown(name)
