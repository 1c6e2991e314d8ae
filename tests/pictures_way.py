"""Draws `docs/way-through.svg`: the way of a call, from names that are looked up in the code, so that a stale picture fails.

`make pictures` writes it. Every station is a file of `shared/` and a name in it, or a file of the text skill.
"""
from __future__ import annotations

import ast
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "way-through.svg"
TEXT = "skills/qianwen-text/scripts"

# (file, name in it, what happens there, which of the three lanes: 0 before anything is sent, 1 sending, 2 after it)
STATIONS = (
    ("shared/main.py", "run_script", "argv, streams, signals", 0),
    (f"{TEXT}/text.py", "make_parser", "flags to options", 0),
    ("shared/account.py", "find_account", "key and endpoint, .env", 0),
    ("shared/key_guard.py", "judge", "refuse, warn or go", 0),
    ("shared/converse.py", "run_chats", "one call, or rows of a batch", 0),
    (f"{TEXT}/text_request.py", "build_request", "pure: options and row to body", 0),
    ("shared/files/outputs.py", "OutputFiles", "names proven free, writable", 0),
    ("shared/money/payments.py", "Payments", "held against the budget", 1),
    ("shared/cli/session.py", "client", "no client without the guard", 1),
    ("shared/media/uploads.py", "Uploader", "inline, or uploaded", 1),
    ("shared/transport/client.py", "Client", "retries, redirects, streams", 1),
    ("shared/transport/errors.py", "explain", "cause, next step, exit code", 1),
    ("shared/chat/answer.py", "fold", "pieces to one answer", 2),
    ("shared/tasks/service.py", "Tasks", "journal, create, poll", 2),
    ("shared/transport/download.py", "fetch", "links to files, no key", 2),
    ("shared/files/whole.py", "publish", "whole, or not there", 2),
    ("shared/money/spending.py", "Spending", "what it cost, written down", 2),
    ("shared/failures.py", "Exit", "one exit code", 2),
)
LANES = ("before anything is sent", "sending", "after it")
WIDTH, HEIGHT, GAP, TOP, LEFT, LANE = 268, 48, 12, 52, 16, 24  # pixels


def names_in(path: Path) -> set:
    """The names of functions and classes in a file, methods included."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def missing(root: Path = ROOT) -> list:
    """Stations that the code no longer has."""
    return [f"{file}: {name}" for file, name, _, _ in STATIONS
            if not (root / file).is_file() or name not in names_in(root / file)]


def drawing() -> str:
    """The picture as SVG text, readable on a light and a dark page: one column, which fits a telephone."""
    parts, y, lane = [], TOP, -1
    for file, name, what, its_lane in STATIONS:
        if its_lane != lane:
            lane = its_lane
            parts.append(f'<text class="lane" x="{LEFT}" y="{y + 12}">{escape(LANES[lane])}</text>')
            y += LANE
        else:
            parts.append(f'<path class="way" d="M{LEFT + WIDTH / 2:g} {y - GAP}v{GAP - 3}" marker-end="url(#tip)"/>')
        parts.append(_box(LEFT, y, f"{_short(file)} · {name}", what, "guard" if name == "judge" else "box"))
        y += HEIGHT + GAP
    width = LEFT * 2 + WIDTH
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" viewBox="0 0 {width} {y}" role="img" '
            'aria-label="The way of a call">\n'
            f"<style>{STYLE}</style>\n"
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
            '<path class="tip" d="M0 0l8 4-8 4z"/></marker></defs>\n'
            f'<rect class="page" width="{width}" height="{y}" rx="8"/>\n'
            f'<text class="title" x="{LEFT}" y="34">The way of a call</text>\n' + "\n".join(parts) + "\n</svg>\n")


def _short(file: str) -> str:
    return file.replace("shared/", "").replace(f"{TEXT}/", "").removesuffix(".py")


def _box(x: float, y: float, title: str, what: str, kind: str) -> str:
    return (f'<rect class="{kind}" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
            f'<text class="name" x="{x + 12}" y="{y + 20}">{escape(title)}</text>'
            f'<text class="what" x="{x + 12}" y="{y + 38}">{escape(what)}</text>')


STYLE = """
.page{fill:#fff}.box{fill:#f3f5f8;stroke:#c3ccd8}.guard{fill:#fff1dc;stroke:#d9902f}
.name{font:600 14px ui-monospace,Consolas,monospace;fill:#1b2430}.what{font:13px system-ui,sans-serif;fill:#4b5868}
.title{font:600 20px system-ui,sans-serif;fill:#1b2430}.lane{font:600 14px system-ui,sans-serif;fill:#5b6878}
.way{fill:none;stroke:#8794a5;stroke-width:1.6}.tip{fill:#8794a5}
@media(prefers-color-scheme:dark){.page{fill:#14181e}.box{fill:#1f262f;stroke:#3b4655}.guard{fill:#3a2b14;stroke:#d9902f}
.name,.title{fill:#e8edf3}.what,.lane{fill:#aab5c3}.way{stroke:#77859a}.tip{fill:#77859a}}
"""


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(drawing(), "utf-8")


if __name__ == "__main__":
    main()
