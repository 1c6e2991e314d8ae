"""How large the pictures of an image call may be, and will be."""
from __future__ import annotations

import re
from math import sqrt
from typing import Any, Optional, Tuple

from tests.emulator.image_call import ImageCall
from tests.emulator.image_models import ASPECTS, WAN26_MIXED, WAN27_PRO_TEXT, Size
from tests.emulator.looks import Look
from tests.emulator.wire import invalid

WIDTH_HEIGHT = re.compile(r"(\d{1,5})\*(\d{1,5})")


def size_rule(call: ImageCall) -> Optional[Size]:
    if call.mixed:
        return WAN26_MIXED
    if call.model.name.startswith("wan2.7-image-pro") and not call.given and not call.sequential:
        return WAN27_PRO_TEXT
    return call.model.size


def check_size(call: ImageCall, rule: Optional[Size]) -> None:
    if "size" not in call.options or rule is None:
        return
    wrong = _wrong_size(call.options["size"], rule)
    if wrong:
        raise invalid(f"The size is not match {call.options['size']}. emulator: {call.model.name} {wrong}", param="size")


def _wrong_size(value: Any, rule: Size) -> str:
    if not isinstance(value, str):
        return "takes a String"
    if value in rule.tiers or value in rule.also:
        return ""
    match = WIDTH_HEIGHT.fullmatch(value)
    if not match:
        return f"takes W*H{' or ' + ', '.join(rule.tiers) if rule.tiers else ''}"
    width, height = map(int, match.groups())
    if rule.values and value not in rule.values:
        return f"takes {', '.join(rule.values)}"
    if rule.side and not all(rule.side[0] <= side <= rule.side[1] for side in (width, height)):
        return f"takes sides from {rule.side[0]} to {rule.side[1]}"
    if rule.area and not rule.area[0] ** 2 <= width * height <= rule.area[1] ** 2:
        return f"takes areas from {rule.area[0]}*{rule.area[0]} to {rule.area[1]}*{rule.area[1]}"
    if max(width, height) > rule.ratio * min(width, height):
        return f"takes aspect ratios up to {rule.ratio}:1"
    return ""


def resolved(call: ImageCall, rule: Optional[Size]) -> Tuple[int, int]:
    """Width and height of what will be drawn."""
    last = next((look for look in reversed(call.looks) if look.width), None)
    if rule is None:
        return _of_tools(call, last)
    asked = call.options.get("size", "")
    if "*" in asked or not asked and not call.given:
        width, height = map(int, (asked or rule.default).split("*"))
        return _stepped(width, rule.step), _stepped(height, rule.step)
    root: float = rule.tiers.get(asked, rule.edited)
    if call.mixed and last:
        root = min(root, sqrt(last.width * last.height))
    ratio = sqrt(last.width / last.height) if last else 1.0
    return _stepped(root * ratio, 16), _stepped(root / ratio, 16)


def _stepped(value: float, step: int) -> int:
    return max(step, round(value / step) * step)


def _of_tools(call: ImageCall, last: Optional[Look]) -> Tuple[int, int]:
    options = call.options
    if "aspect_ratio" in options or call.model.usage == "kling":
        across, down = ASPECTS[options.get("aspect_ratio", "16:9")]
        root = {"1k": 1024, "2k": 2048, "4k": 4096}[options.get("resolution", "1k")]
        return _stepped(root * sqrt(across / down), 16), _stepped(root * sqrt(down / across), 16)
    width, height = (last.width, last.height) if last else (1024, 1024)
    across = options.get("left_scale", 1) + options.get("right_scale", 1) - 1
    down = options.get("top_scale", 1) + options.get("bottom_scale", 1) - 1
    factor = options.get("upscale_factor", 1)
    width, height = width * across * factor * options.get("x_scale", 1), height * down * factor * options.get("y_scale", 1)
    width += options.get("left_offset", 0) + options.get("right_offset", 0)
    height += options.get("top_offset", 0) + options.get("bottom_offset", 0)
    return min(16384, int(width)), min(16384, int(height))
