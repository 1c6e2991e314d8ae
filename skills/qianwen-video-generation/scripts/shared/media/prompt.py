"""The prompt that a flag for several files has swallowed."""
from __future__ import annotations

import os
import re

from ..failures import usage


def take_prompt_back(options, names, example: str) -> None:
    """`--image F "What is it?"`: a flag that takes several files has swallowed the prompt.
    `names` are such flags."""
    for values in (getattr(options, name) for name in names):
        if options.prompt is not None or options.prompt_file or len(values) < 2:
            continue
        last = values[-1]
        is_address = "://" in last or last.startswith(("data:", "-"))
        if is_prompt(last):
            options.prompt = values.pop()
        elif not is_address and not os.path.exists(last):
            raise usage(f"{last!r} is not a file, and there is no prompt",
                        f"write the prompt first: {example}")


def is_prompt(text: str) -> bool:
    """Whether a value among files can only be a prompt:
    it has blanks or Chinese, names no file, is no address."""
    chinese = re.search("[\u3000-\u9fff\uff00-\uffef]", text) and not os.path.splitext(text)[1]
    words = chinese or any(character.isspace() for character in text)
    return bool(words) and not os.path.exists(text) and ":" not in (text.split(None, 1) or [""])[0]
