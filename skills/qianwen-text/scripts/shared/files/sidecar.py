"""The JSON file beside a result: its name and how one is recognised."""
from __future__ import annotations

import os


def sidecar_path(path: str) -> str:
    """The description of a result: NAME.json beside NAME.png; NAME.mp4.json where NAME.json describes another file."""
    usual = os.path.splitext(path)[0] + ".json"
    return usual if described_by(usual) in ("", os.path.basename(path)) else path + ".json"


def is_sidecar(path: str) -> bool:
    """Whether a file is a description that one of these skills wrote."""
    return bool(described_by(path))


def described_by(path: str) -> str:
    """The name of the file that a description is of; '' when it is no description of ours."""
    import json
    try:
        if os.path.getsize(path) > 1 << 20:
            return ""
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return ""
    ours = isinstance(value, dict) and str(value.get("skill", "")).startswith("qianwen-") and isinstance(value.get("file"), str)
    return value["file"] if ours else ""
