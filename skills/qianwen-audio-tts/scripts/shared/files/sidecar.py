"""The JSON file beside a result: its name and how one is recognised."""
from __future__ import annotations

import os

from .own import read_own

_LARGEST = 1 << 20  # bytes; ours have a few thousand


def sidecar_path(path: str) -> str:
    """The description of a result: NAME.json beside NAME.png;
    NAME.mp4.json where NAME.json describes another file."""
    usual = os.path.splitext(path)[0] + ".json"
    described = os.path.normcase(described_by(usual))  # Windows takes fox.PNG for fox.png
    return usual if described in ("", os.path.normcase(os.path.basename(path))) else path + ".json"


def is_sidecar(path: str) -> bool:
    """Whether a file is a description that one of these skills wrote."""
    return bool(described_by(path))


def described_by(path: str) -> str:
    """The name of the file that a description is of; '' when none of our skills wrote it."""
    import json
    try:
        value = json.loads(read_own(path, _LARGEST) or b"")
    except (OSError, ValueError, RecursionError):
        return ""
    ours = (isinstance(value, dict) and str(value.get("skill", "")).startswith("qianwen-")
            and isinstance(value.get("file"), str))
    return value["file"] if ours else ""
