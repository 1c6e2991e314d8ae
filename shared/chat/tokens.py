"""About how many tokens an input has, before the service counts them:
texts by script, pictures and videos by their pixels.

Pure. The rule for pictures is the public one of the vision models (wire contract 4.4); the one for texts is
an average of what the service's tokenizers do, so whoever shows the number says "about".
"""
from __future__ import annotations

import json
import math
import re

# Tokens for a character of a script, and the rest of the text by words.
_SCRIPTS = (
    (r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]", 0.7),  # Chinese
    (r"[\u3040-\u30ff\uac00-\ud7af]", 0.9),  # kana, hangul
    (r"[\u0400-\u052f\u0370-\u03ff]", 0.45),  # Cyrillic, Greek
    # Hebrew, Arabic, scripts of India and Southeast Asia
    (r"[\u0590-\u08ff\u0900-\u0fff\u1000-\u109f\u1780-\u17ff]", 0.8),
    (r"[0-9]", 1.0),
)
_WORD = r"[^\W\d_]+|[^\w\s]"
_ASCII = r"([A-Za-z]+)|[0-9]|[^A-Za-z0-9\s]"
_LETTERS = 4.6  # of a word, a token
_MESSAGE = 5  # tokens around each message
_MARKERS = 2  # before and behind a picture
# Fields beside the messages that become part of the input.
_READ = ("tools", "response_format", "translation_options")


def text_tokens(text: str) -> int:
    """About how many tokens a text has."""
    if text.isascii():
        return math.ceil(sum(max(1.0, len(word) / _LETTERS) for word in re.findall(_ASCII, text)))
    count = 0.0
    for script, each in _SCRIPTS:
        text, found = re.subn(script, " ", text)
        count += found * each
    count += sum(max(1.0, len(word) / _LETTERS) for word in re.findall(_WORD, text))
    return math.ceil(count)


def picture_tokens(width: int, height: int, grid: int, least: int, most: int) -> int:
    """The tokens of a picture of so many pixels:
    sides to multiples of `grid`, the area between `least` and `most` pixels."""
    if not width or not height:
        return most // grid ** 2 + _MARKERS
    high, wide = (max(grid, round(side / grid) * grid) for side in (height, width))
    if high * wide > most:
        scale = math.sqrt(height * width / most)
        high, wide = (max(grid, math.floor(side / scale / grid) * grid) for side in (height, width))
    elif high * wide < least:
        scale = math.sqrt(least / (height * width))
        high, wide = (math.ceil(side * scale / grid) * grid for side in (height, width))
    return high * wide // grid ** 2 + _MARKERS


def video_tokens(width: int, height: int, frames: int, grid: int, least: int, most: int) -> int:
    """The tokens of so many frames: two of them are one patch in time (wire contract 4.4)."""
    each = picture_tokens(width, height, grid, least, most) - _MARKERS
    return math.ceil(frames / 2) * each + _MARKERS


def body_tokens(messages: list, fields: dict) -> int:
    """About how many tokens the texts of a body have: its messages, and those of its `fields` that the model
    reads as well. Earlier thinking is read where it is to be preserved."""
    contents = [message.get("content") for message in messages]
    texts = [content for content in contents if isinstance(content, str)]
    texts += [part["text"] for content in contents if isinstance(content, list) for part in content
              if isinstance(part, dict) and isinstance(part.get("text"), str)]
    read = [fields[name] for name in _READ if name in fields]
    if isinstance(fields.get("ocr_options"), dict):  # its task has words of its own, counted elsewhere
        read.append(fields["ocr_options"].get("task_config"))
    more = ("tool_calls", "reasoning_content")[:2 if fields.get("preserve_thinking") else 1]
    read += [message[name] for message in messages for name in more if message.get(name)]
    texts += [json.dumps(value, ensure_ascii=False) for value in read if value]
    return _MESSAGE * len(messages) + sum(map(text_tokens, texts))
