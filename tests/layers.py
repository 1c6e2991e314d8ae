"""Whether `shared/` keeps to the map in its `__init__.py`: who may import whom, who reads the environment, and how long things get."""
from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.sync import ROOT, imported

LONGEST_MODULE, LONGEST_FUNCTION = 420, 40  # lines
READS_ENVIRONMENT = ("account.py", "main.py", "batch/worker.py", "transport/proxies.py")  # the last: what Python itself heeds


def lines_of_the_map(root: Path = ROOT) -> list:
    """The names at the beginning of the map's lines, top to bottom: "main.py", "batch/" and so on."""
    return re.findall(r"^([a-z_]+(?:\.py|/)) ", map_of(root), re.MULTILINE)


def map_of(root: Path = ROOT) -> str:
    return ast.get_docstring(ast.parse((root / "shared" / "__init__.py").read_text("utf-8")))


def line_of(path: Path, root: Path = ROOT) -> str:
    """The line of the map that a file of `shared/` belongs to."""
    first, *rest = path.relative_to(root / "shared").parts
    return first + "/" if rest else first


def problems(root: Path = ROOT) -> list:
    """Everything out of order in `shared/` and the scripts, one sentence each."""
    order = {name: rank for rank, name in enumerate(lines_of_the_map(root))}
    files = [path for path in sorted((root / "shared").rglob("*.py")) if path.name != "__init__.py"]
    words = set(re.findall(r"\w+", map_of(root)))
    found = []
    for path in files:
        name = path.relative_to(root / "shared").as_posix()
        if line_of(path, root) not in order:
            found.append(f"shared/{name} is not in the map of shared/__init__.py")
            continue
        if path.stem not in words:
            found.append(f"shared/{name} is not named in its line of the map of shared/__init__.py")
        for other in needed(path, root):
            if order.get(line_of(other, root), -1) < order[line_of(path, root)]:
                found.append(f"shared/{name} imports {other.relative_to(root / 'shared').as_posix()}, which stands above it")
        if name not in READS_ENVIRONMENT and re.search(r"os\.(environ|getenv)|environb", path.read_text("utf-8")):
            found.append(f"shared/{name} reads the environment; only {', '.join(READS_ENVIRONMENT)} may")
    return found + [f"{' -> '.join(circle)} import each other" for circle in circles(files, root)] + too_long(root)


def needed(path: Path, root: Path = ROOT) -> list:
    """The files of `shared/` that a file imports, the packages' own files aside."""
    return sorted(other for other in imported(path, root) if other.suffix == ".py" and other.name != "__init__.py")


def circles(files: list, root: Path = ROOT) -> list:
    """Chains of imports that come back to where they began."""
    found, done = [], set()

    def walk(path: Path, way: list) -> None:
        if path in way:
            found.append([one.relative_to(root / "shared").as_posix() for one in (*way[way.index(path):], path)])
        elif path not in done:
            for other in needed(path, root):
                walk(other, [*way, path])
            done.add(path)
    for path in files:
        walk(path, [])
    return found


def too_long(root: Path = ROOT) -> list:
    """Modules and functions beyond the limits, product code alone."""
    found = []
    for path in (*sorted((root / "shared").rglob("*.py")), *sorted(root.glob("skills/*/scripts/*.py")), *root.glob("skills/*.py")):
        name, text = path.relative_to(root).as_posix(), path.read_text("utf-8")
        if text.count("\n") > LONGEST_MODULE:
            found.append(f"{name} has {text.count(chr(10))} lines, more than {LONGEST_MODULE}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno >= LONGEST_FUNCTION:
                found.append(f"{name}:{node.lineno}: {node.name} has more than {LONGEST_FUNCTION} lines")
    return found
