"""The tables of the skills' references, written from the rows that the scripts use: `make sync` writes them, `make check` compares.

A reference marks the place: `<!-- table NAME -->` on a line, the table, `<!-- /table -->`. Each module beside this file gives, for
one skill, `tables()` (without it the module only helps others): a dictionary of (file name in references/, NAME) -> the lines of the table.
"""
from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
for scripts in sorted((ROOT / "skills").glob("*/scripts")):
    if str(scripts) not in sys.path:
        sys.path.insert(0, str(scripts))
sys.path.insert(0, str(ROOT))  # first, so that `shared` is the source and not a copy


def written(root: Path = ROOT) -> dict:
    """path of a reference -> its text with every table as the rows have it now. Raises KeyError for a mark without rows."""
    found = {}
    for module in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        part = importlib.import_module(f"tests.tables.{module.stem}")
        for (name, table), lines in getattr(part, "tables", dict)().items():
            path = root / "skills" / part.SKILL / "references" / name
            found[path] = _with(found.get(path) or path.read_text("utf-8"), table, lines, path)
    return found


def markdown(head: str, rows) -> list:
    """The lines of a table: `head` as `a | b`, each row a sequence of cells."""
    return [f"| {head} |", "|" + "---|" * (head.count("|") + 1), *("| " + " | ".join(map(str, row)) + " |" for row in rows)]


def legend(fields: dict) -> list:
    """The table of the letters of flags that are one field: `fields` are name -> Field of the image or the video skill."""
    found: dict = {}
    for name, field in fields.items():
        flag = name.replace("_", "-")
        names = (flag, f"no-{flag}") if isinstance(field.flag, tuple) else (flag,)
        found.setdefault(field.letter, []).extend(f"`--{one}`" for one in names)
    return markdown("letter | flags", [(letter, ", ".join(flags)) for letter, flags in sorted(found.items())])


def size(count: int) -> str:
    """Bytes as a limit is written: 7.5 MB, 500 MB, 2 GB; ? where none is known."""
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:g} MB" if count else "?"


def length(seconds: int) -> str:
    """Seconds as a limit is written: 40 s, 30 min, 2 h."""
    hours, minutes = seconds % 3_600 == 0, seconds % 60 == 0
    return f"{seconds // 3_600} h" if hours else f"{seconds // 60} min" if minutes else f"{seconds:g} s"


def _with(text: str, table: str, lines, path: Path) -> str:
    mark = re.compile(rf"(<!-- table {re.escape(table)} -->\n).*?(<!-- /table -->)", re.DOTALL)
    if not mark.search(text):
        raise KeyError(f"{path} has no mark <!-- table {table} -->")
    return mark.sub(lambda found: found.group(1) + "\n".join(lines) + "\n" + found.group(2), text, count=1)


def stale(root: Path = ROOT) -> list:
    """The references whose tables differ from the rows, relative to the root."""
    return [path.relative_to(root).as_posix() for path, text in written(root).items() if path.read_text("utf-8") != text]


def write(root: Path = ROOT) -> list:
    """Bring the tables up to date; return what was changed."""
    changed = stale(root)
    for path, text in written(root).items():
        if path.relative_to(root).as_posix() in changed:
            path.write_bytes(text.encode("utf-8"))
    return changed
