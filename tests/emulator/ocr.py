"""The built-in tasks of the OCR models: parameters.ocr_options, in the native dialect only.

The emulator cannot read. Its answers have the form of the task and say which picture arrived.
"""
from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional, Tuple

from tests.emulator import telling
from tests.emulator.call import Call
from tests.emulator.wire import ignored, invalid

MAX_LEVELS = 3
KEYS = "key_information_extraction"


def check(call: Call) -> None:
    if "ocr_options" not in call.options:
        return
    options = call.options["ocr_options"]
    if not isinstance(options, dict):
        raise invalid("'ocr_options' must be Dict", param="ocr_options")
    for name in sorted(set(options) - {"task", "task_config"}):
        raise ignored(f"ocr_options.{name}", "is not known")
    task = options.get("task")
    if task not in TASKS:
        raise ignored("ocr_options.task", f"cannot be {task!r}; it is one of {', '.join(TASKS)}")
    if "task_config" in options:
        _config(task, options["task_config"])


def _config(task: str, config: Any) -> None:
    if task != KEYS:
        raise ignored("ocr_options.task_config", f"does nothing with the task {task}")
    if not isinstance(config, dict) or set(config) != {"result_schema"}:
        raise ignored("ocr_options.task_config", 'must be {"result_schema": {...}}')
    wanted = config["result_schema"]
    if not isinstance(wanted, dict) or not wanted:
        raise ignored("ocr_options.task_config.result_schema", "must be an object with the names to look for")
    if _levels(wanted) > MAX_LEVELS:
        raise ignored("ocr_options.task_config.result_schema", f"may nest {MAX_LEVELS} levels at most")


def _levels(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    deeper = max(map(_levels, inside), default=0)
    return deeper + isinstance(value, dict)


# Answers: the text, and ocr_result or None

Answer = Tuple[str, Optional[Dict[str, Any]]]


def answer(call: Call) -> Answer:
    return TASKS[call.options["ocr_options"]["task"]](call, _lines(call))


def _lines(call: Call) -> List[str]:
    return ["EMULATOR", telling.sentence(call.seen, False).partition(": ")[2].rstrip(".")]


def _plain(call: Call, lines: List[str]) -> Answer:
    return "\n".join(lines), None


def _located(call: Call, lines: List[str]) -> Answer:
    """One row of the upper half of the picture for each line."""
    picture = call.seen[0].picture
    width, height = (picture.width, picture.height) if picture else (1000, 1000)
    step = height // (2 * len(lines))
    words = []
    for number, text in enumerate(lines):
        top, bottom = number * step, (number + 1) * step
        words.append({"text": text, "location": [0, top, width, top, width, bottom, 0, bottom],
                      "rotate_rect": [width // 2, (top + bottom) // 2, width, step, 0]})
    return "\n".join(lines), {"words_info": words}


def _keys(call: Call, lines: List[str]) -> Answer:
    """Every leaf of the schema is filled with its own name."""
    config = call.options["ocr_options"].get("task_config", {"result_schema": {"text": ""}})
    found = _filled("", config["result_schema"])
    return f"```json\n{json.dumps(found, ensure_ascii=False, indent=2)}\n```", {"kv_result": found}


def _filled(name: str, wanted: Any) -> Any:
    if isinstance(wanted, dict):
        return {key: _filled(key, value) for key, value in wanted.items()}
    if isinstance(wanted, list):
        return [_filled(name, value) for value in wanted]
    return f"{name} of the emulator"


def _table(call: Call, lines: List[str]) -> Answer:
    return "<table>" + "".join(f"<tr><td>{line}</td></tr>" for line in lines) + "</table>", None


def _latex(call: Call, lines: List[str]) -> Answer:
    escaped = [line.replace("#", r"\#") for line in lines]
    return "\n".join((r"\documentclass{article}", r"\begin{document}", *escaped, r"\end{document}")), None


def _formula(call: Call, lines: List[str]) -> Answer:
    return r"\text{" + " ".join(lines).replace("#", r"\#") + "}", None


TASKS: Dict[str, Callable[[Call, List[str]], Answer]] = {
    "text_recognition": _plain,
    "advanced_recognition": _located,
    KEYS: _keys,
    "table_parsing": _table,
    "document_parsing": _latex,
    "formula_recognition": _formula,
    "multi_lan": _plain,
}
