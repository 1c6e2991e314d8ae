"""Copy `shared/` into every skill, byte for byte. `make sync` runs it; `differences` is what the check uses.

A copied skill folder must stand alone, and links do not survive `cp -r`, zip files or Windows: hence real copies.
"""
from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files_of(folder: Path) -> dict:
    """Relative path -> content of the files that belong to a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts}


def copies(root: Path = ROOT) -> list:
    """Where the copies belong: the `scripts/shared` folder of every skill."""
    return [skill / "scripts" / "shared" for skill in sorted((root / "skills").iterdir()) if (skill / "scripts").is_dir()]


def differences(root: Path = ROOT) -> list:
    """The files of the copies that are missing, extra or different, as paths relative to the root."""
    source, found = files_of(root / "shared"), []
    for copy in copies(root):
        have = files_of(copy)
        found += [f"{copy.relative_to(root).as_posix()}/{name}" for name in sorted(source.keys() | have.keys())
                  if source.get(name) != have.get(name)]
    return found


def sync(root: Path = ROOT) -> list:
    """Bring every copy up to date; only what differs is written. Return what was changed."""
    changed = differences(root)
    for name in changed:
        copy = root / name
        original = root / "shared" / name.split("/scripts/shared/", 1)[1]
        if original.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)
        else:
            copy.unlink()
    return changed


if __name__ == "__main__":
    for changed_file in sync():
        sys.stdout.write(f"updated {changed_file}\n")
