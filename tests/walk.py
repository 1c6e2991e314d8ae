"""How long the way of a plain question is: calls of our own functions, and crossings between the lines of the map.

A line of the map in `shared/__init__.py` is a package or a module beside them; the scripts of a skill count as one.

`python3 -m tests.walk` prints the way of `text.py "hi"` from `execute` to the socket, indented by depth.
"""
from __future__ import annotations

import inspect
import os
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = (str(ROOT / "shared") + os.sep, str(ROOT / "skills") + os.sep)

# calls: (depth, module, function) in order. crossings: how many of them came from another line of the map.
Walk = namedtuple("Walk", "calls crossings")


class _Arrived(BaseException):
    """The socket is reached."""


def walk_of(script: str, argv: list, endpoint: str = "https://dashscope.aliyuncs.com") -> Walk:
    """Run one script's `execute` until it opens a connection, which is not made."""
    import http.client
    import importlib
    from unittest import mock
    for folder in (*sorted((ROOT / "skills").glob("*/scripts")), ROOT):
        sys.path.insert(0, str(folder))
    importlib.import_module("shared.chat.turn")  # the source, and not a copy
    module = importlib.import_module(script)
    session = _session(module, argv, endpoint)
    calls: list = []
    crossings = [0]
    arrived: list = []

    def profile(frame, event, argument_):
        name = frame.f_code.co_filename
        is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED and frame.f_code.co_name[0] != "<"
        if event == "call" and name.startswith(OURS) and is_function and not arrived:
            outer = _nearest(frame.f_back)
            crossings[0] += outer is not None and _line(outer.f_code.co_filename) != _line(name)
            calls.append((_depth(frame), Path(name).stem, frame.f_code.co_name))

    def connect(self_):
        arrived.append(True)
        raise _Arrived
    with mock.patch.object(http.client.HTTPConnection, "connect", connect):
        sys.setprofile(profile)
        try:
            module.execute(session)
        except _Arrived:
            pass
        finally:
            sys.setprofile(None)
    return Walk(calls, crossings[0])


def _session(module, argv: list, endpoint: str):
    from shared.account import find_account, Settings
    from shared.cli.console import Console
    from shared.cli.session import Session
    options = module.make_parser().parse_args(argv)
    environment = {"DASHSCOPE_API_KEY": "sk-walk-0123456789abcdef", "QWEN_BASE_URL": endpoint, "HOME": "/nowhere"}
    account = find_account(Settings(environment, os.sep))
    return Session(module.SKILL, options, account, Console(module.SKILL))


def _line(name: str) -> str:
    """The line of the map that a file belongs to."""
    return Path(name).relative_to(ROOT / "shared").parts[0] if name.startswith(OURS[0]) else "the skill"


def _nearest(frame):
    """The next frame of ours, outward."""
    while frame is not None and not frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return frame


def _depth(frame) -> int:
    depth = 0
    while frame is not None:
        depth += frame.f_code.co_filename.startswith(OURS)
        frame = frame.f_back
    return depth


def main() -> int:
    walk = walk_of("text", sys.argv[1:] or ["hi"])
    for depth, module, function in walk.calls:
        sys.stdout.write(f"{'  ' * (depth - 1)}{module}.{function}\n")
    sys.stdout.write(f"{len(walk.calls)} calls, {walk.crossings} crossings\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
