"""Copy into every skill what it needs of `shared/`, byte for byte. `make sync` runs it; `differences` is what the check uses.

A copied skill folder must stand alone, and links do not survive `cp -r`, zip files or Windows: hence real copies. A skill
carries the files of `shared/` that its scripts import, directly or through others, and no more.
"""
from __future__ import annotations

import ast
import functools
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = (".html", ".css", ".js")


def files_of(folder: Path) -> dict:
    """Relative path -> content of the files that belong to a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts}


def skills(root: Path = ROOT) -> list:
    """The folders of the skills."""
    return [skill for skill in sorted((root / "skills").iterdir()) if (skill / "scripts").is_dir()]


def imported(path: Path, root: Path = ROOT) -> set:
    """The files of `shared/` that a file imports, at its top or within a function, and the packages' own files."""
    shared = root / "shared"
    package = ("shared", *path.relative_to(shared).parts[:-1]) if shared in path.parents else ()
    names = {(*package[:len(package) - level + 1], *names) if level else names for level, names in _imports(path.read_text("utf-8"))}
    return {file for one in names if one[0] == "shared" and len(one) > 1 for file in _files(root, one)}


@functools.lru_cache(maxsize=None)
def _imports(text: str) -> set:
    """(number of leading dots, the parts of the name) of all that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else ()
            found |= {(node.level, (*module, alias.name)) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {(0, tuple(alias.name.split("."))) for alias in node.names}
    return found


def _files(root: Path, names: tuple):
    """The module that a dotted name means or lies in, and what its package holds that is not Python (the gallery's page)."""
    for length in (len(names), len(names) - 1):
        module = root.joinpath(*names[:length]).with_suffix(".py")
        if module.is_file():
            yield module
            if module.parent != root / "shared":
                yield module.parent / "__init__.py"
                yield from (path for path in module.parent.iterdir() if path.is_file() and path.suffix in DATA)
            return


def reached(skill: Path, root: Path = ROOT) -> set:
    """The files of `shared/` that a skill's scripts reach, followed through."""
    found, waiting = {root / "shared" / "__init__.py"}, list((skill / "scripts").glob("*.py"))
    while waiting:
        new = {file for file in imported(waiting.pop(), root)} - found
        found |= new
        waiting += [file for file in new if file.suffix == ".py"]
    return found


def wanted(skill: Path, root: Path = ROOT) -> dict:
    """Relative path -> content of what a skill's `scripts/shared` must hold."""
    return {file.relative_to(root / "shared").as_posix(): file.read_bytes() for file in sorted(reached(skill, root))}


def differences(root: Path = ROOT) -> list:
    """(path relative to the root, what is wrong) for each file of the copies that is missing, extra or different."""
    found = []
    for skill in skills(root):
        copy = skill / "scripts" / "shared"
        have, want = files_of(copy), wanted(skill, root)
        for name in sorted(have.keys() | want.keys()):
            if have.get(name) != want.get(name):
                what = "is missing" if name not in have else "is not reached by the skill" if name not in want else "differs"
                found.append((f"{copy.relative_to(root).as_posix()}/{name}", what))
    return found


def sync(root: Path = ROOT) -> list:
    """Bring every copy up to date; only what differs is written. Return what was changed."""
    changed = [name for name, _ in differences(root)]
    for name in changed:
        copy, original = root / name, root / "shared" / name.split("/scripts/shared/", 1)[1]
        if original.is_file() and original.relative_to(root / "shared").as_posix() in wanted(copy_owner(copy), root):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)
        else:
            copy.unlink()
            _drop_empty(copy.parent)
    return changed


def copy_owner(copy: Path) -> Path:
    """The skill that a copied file belongs to."""
    return next(parent.parent.parent for parent in copy.parents if parent.name == "shared" and parent.parent.name == "scripts")


def _drop_empty(folder: Path) -> None:
    if all(path.name == "__pycache__" for path in folder.iterdir()):
        shutil.rmtree(folder)


if __name__ == "__main__":
    from tests import tables
    for changed_file in (*sync(), *tables.write()):
        sys.stdout.write(f"updated {changed_file}\n")
