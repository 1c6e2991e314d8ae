"""fileid:// system messages: for long-document models only, and only for files that were uploaded and read."""
from __future__ import annotations

import re
from typing import List

from tests.emulator.call import Call, text_of
from tests.emulator.wire import ignored, invalid

MAX_FILES = 100


def check(call: Call) -> None:
    for number, message in enumerate(call.messages):
        text = text_of(message).strip()
        if not text.startswith("fileid://") and (message["role"] != "system" or "fileid://" not in text):
            continue
        where = f"messages[{number}]"
        if message["role"] != "system" or not call.model.can("files"):
            raise ignored(where, "fileid:// works in a system message of qwen-long only")
        for file_id in _ids(text, where):
            _ready(call, file_id)


def _ids(text: str, where: str) -> List[str]:
    items = text.split(",")
    if len(items) > MAX_FILES:
        raise invalid("Too many files provided.")
    found = [re.fullmatch(r"fileid://(\S+)", item.strip()) for item in items]
    if not all(found):
        raise ignored(where, "must be fileid://ID, several ones joined by commas, and nothing else")
    return [match.group(1) for match in found if match]


def _ready(call: Call, file_id: str) -> None:
    file = call.exchange.emulator.files.get(file_id)
    if file is None:
        raise invalid(f"File [id:{file_id}] cannot be found.")
    if file.purpose != "file-extract":
        raise invalid(f"Invalid file [id:{file_id}]")
    refusal = STATES.get(file.look())
    if refusal:
        raise invalid(refusal.format(file_id))


STATES = {"processing": "File parsing in progress, please try again later.", "error": "Invalid file [id:{}]"}
