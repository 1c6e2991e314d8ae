"""The house rules hold, and a rule that is broken is found."""
from __future__ import annotations

import shutil

import pytest

from tests import check, sync


def test_the_house_is_in_order():
    assert check.problems() == []


@pytest.mark.parametrize("source, what", [
    ("match x:\n    case 1: pass\n", "does not parse"),
    ("from itertools import pairwise\nlist(pairwise([]))\n", "3.10"),
    ("import itertools\nitertools.batched([], 2)\n", "3.12"),
    ("import tomllib\ntomllib.loads('')\n", "3.11"),
    ("import requests\nrequests.get('')\n", "not in the standard library"),
    ("import os\n", "not used"),
    ("try:\n    pass\nexcept:\n    pass\n", "bare except"),
    ("print('x')\n", "below the command layer"),
    ("import sys\nsys.exit(3)\n", "ends the process"),
    ("def f(x: int | None): pass\n", "annotations"),
    ("zip([], [], strict=True)\n", "3.10"),
    ("x = 1  # " + "x" * 150 + "\n", "characters"),
])
def test_broken_rule_is_found(source, what):
    assert any(what in sentence for _, sentence in check.python_problems(source, "shared/new.py"))


@pytest.mark.parametrize("change, what", [
    (lambda text: text.replace("name: qianwen-text", "name: other"), "differs from the folder"),
    (lambda text: text.replace('description: "', 'description: "' + "x" * 180), "characters"),
    (lambda text: text.replace('description: "', 'description: "a --- b '), "'---'"),
    (lambda text: text.replace("license:", "allowed-tools: Bash\nlicense:"), "allowed-tools"),
    (lambda text: text.replace("\n", "\r\n"), "carriage returns"),
    (lambda text: "\ufeff" + text, "byte order mark"),
    (lambda text: text + "\nX=1 python3 text.py\n", "begins with a variable"),
    (lambda text: text + "\nrun !`ls`\n", "exclamation mark"),
    (lambda text: text + "\n" * 100, "lines"),
])
def test_broken_manual_is_found(tmp_path, change, what):
    manual = tmp_path / "skills" / "qianwen-text" / "SKILL.md"
    manual.parent.mkdir(parents=True)
    original = (check.ROOT / "skills" / "qianwen-text" / "SKILL.md").read_text("utf-8")
    manual.write_bytes(original.encode("utf-8"))
    assert check.manual_problems(manual) == []
    manual.write_bytes(change(original).encode("utf-8"))
    assert any(what in sentence for sentence in check.manual_problems(manual))


def test_sync_mends_a_copy_that_differs(tmp_path):
    shutil.copytree(sync.ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    copy = tmp_path / "skills" / "one" / "scripts" / "shared"
    copy.mkdir(parents=True)
    (copy / "stray.py").write_text("x = 1\n")
    assert "skills/one/scripts/shared/stray.py" in sync.differences(tmp_path)
    assert "skills/one/scripts/shared/key_guard.py" in sync.sync(tmp_path)
    assert sync.differences(tmp_path) == [] and not (copy / "stray.py").exists()
