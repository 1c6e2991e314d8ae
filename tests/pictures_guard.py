"""Draws `docs/guard.svg`: a terminal in which a script meets a plan key, from the script's real output.

`make pictures` writes it. `--check` sends nothing, so the output is the same on every machine.
"""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "guard.svg"
SKILL, SCRIPT = "skills/qianwen-text", "scripts/text.py"
PLAN_KEY = "sk-sp-demo-plan-key-of-nobody-0000"
COMMANDS = ("export DASHSCOPE_API_KEY=sk-sp-…", f"cd {SKILL}", f"python3 {SCRIPT} --check 2> /dev/null")
COLUMNS, LABEL = 52, 11  # characters of a line, few enough for a telephone; and of the label of a line of --check
LEFT, TOP, LINE, CHARACTER = 22, 66, 22, 8.45  # pixels


def output() -> str:
    """What `--check` says to a plan key at DashScope, in an empty home and folder; stderr would say the warning twice."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"HOME": folder, "XDG_STATE_HOME": folder, "DASHSCOPE_API_KEY": PLAN_KEY, "PYTHONIOENCODING": "utf-8",
                       "PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, str(ROOT / SKILL / SCRIPT), "--check"], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    return done.stdout.decode("utf-8")


def lines(text: str) -> list:
    """(kind, label, rest) of each line of the terminal: what was typed, and the output wrapped behind its labels."""
    found = [("typed", "$ ", command) for command in COMMANDS]
    for line in text.splitlines():
        label, rest = line[:LABEL], line[LABEL:]
        kind = "warning" if label.strip() in ("verdict:", "usable:") else "said"
        first, *others = textwrap.wrap(rest, COLUMNS - LABEL, break_on_hyphens=False) or [""]
        found += [(kind, label, first), *((kind, " " * LABEL, other) for other in others)]
    return found


def drawing(text: str) -> str:
    """The terminal as SVG text, readable on a light and a dark page."""
    shown = lines(text)
    width, height = round(LEFT * 2 + COLUMNS * CHARACTER), TOP + len(shown) * LINE
    rows = "\n".join(_row(TOP + number * LINE, *line) for number, line in enumerate(shown))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" viewBox="0 0 {width} {height}" '
            'role="img" aria-label="The key guard warns of a plan key">\n'
            f"<style>{STYLE}</style>\n"
            f'<rect class="page" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="10"/>\n'
            '<g class="dots"><circle cx="24" cy="22" r="6"/><circle cx="44" cy="22" r="6"/><circle cx="64" cy="22" r="6"/></g>\n'
            f"{rows}\n</svg>\n")


def _row(y: int, kind: str, label: str, rest: str) -> str:
    """One line; label and rest have places of their own, so that any monospaced font keeps the columns."""
    x = LEFT + len(label) * CHARACTER
    head = f'<text class="label" x="{LEFT}" y="{y}">{escape(label.strip())}</text>' if label.strip() else ""
    return f'{head}<text class="{kind}" x="{x:g}" y="{y}">{escape(rest)}</text>'


STYLE = """
text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}
.page{fill:#fbfbfd;stroke:#c9d0da}.dots{fill:#cdd4de}
.typed{fill:#1b2430;font-weight:600}.label{fill:#68758a}.said{fill:#2b3645}.warning{fill:#9a4a00}
@media(prefers-color-scheme:dark){.page{fill:#14181e;stroke:#333d4a}.dots{fill:#3b4655}
.typed{fill:#f2f5f9}.label{fill:#8d9aac}.said{fill:#d3dae4}.warning{fill:#f0b060}}
"""


def main() -> None:
    TARGET.write_text(drawing(output()), "utf-8")


if __name__ == "__main__":
    main()
