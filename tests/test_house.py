"""The house rules hold, and a rule that is broken is found."""
from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests import check, layers, sync


def test_the_house_is_in_order():
    assert check.problems() == []


@pytest.mark.parametrize("source, what", [
    ("match x:\n    case 1: pass\n", "does not parse"),
    ("from itertools import pairwise\nlist(pairwise([]))\n", "3.10"),
    ("import itertools\nitertools.batched([], 2)\n", "3.12"),
    ("import tomllib\ntomllib.loads('')\n", "3.11"),
    pytest.param("import requests\nrequests.get('')\n", "not in the standard library", marks=pytest.mark.skipif(
        sys.version_info < (3, 10), reason="Python 3.9 has no list of its modules")),
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


def test_a_shared_paragraph_that_differs_or_is_gone_is_found(tmp_path):
    manuals = sorted((check.ROOT / "skills").glob("*/SKILL.md"))
    assert len(manuals) == 5 and check.shared_paragraph_problems(manuals) == []
    text = manuals[0].read_text("utf-8")
    other = tmp_path / "SKILL.md"
    for start in check.SHARED_PARAGRAPHS:
        for changed in (text.replace(start, start + " not"), text.replace(start, "Something else")):
            other.write_text(changed, "utf-8")
            [found] = check.shared_paragraph_problems([*manuals[1:], other])
            assert start in found


@pytest.fixture
def house(tmp_path):
    """A copy of the project's shared code, and one skill that reaches a part of it."""
    shutil.copytree(sync.ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    scripts = tmp_path / "skills" / "one" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "one.py").write_text("from shared.transport.retries import Retries\n")
    return tmp_path


def test_a_copy_holds_what_the_skill_reaches_and_no_more(house):
    copy = house / "skills" / "one" / "scripts" / "shared"
    copy.mkdir()
    (copy / "stray.py").write_text("x = 1\n")
    (copy / "models.py").write_bytes((house / "shared" / "models.py").read_bytes())
    found = dict(sync.differences(house))
    assert found["skills/one/scripts/shared/stray.py"] == found["skills/one/scripts/shared/models.py"] == "is not reached by the skill"
    assert found["skills/one/scripts/shared/transport/retries.py"] == "is missing"
    sync.sync(house)
    assert sync.differences(house) == [] and not (copy / "models.py").exists()
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*.py")} == {
        "__init__.py", "failures.py", "transport/__init__.py", "transport/retries.py"}
    (copy / "failures.py").write_text("x = 1\n")
    assert sync.differences(house) == [("skills/one/scripts/shared/failures.py", "differs")]


def test_only_skills_that_offer_the_batch_api_carry_it():
    offer = {skill.name for skill in sync.skills()
             if any("add_api_flags(" in script.read_text("utf-8") for script in (skill / "scripts").glob("*.py"))}
    own = {f"batch/{name}.py" for name in ("job_commands", "api", "outcomes", "stored", "job_files", "service")}
    carry = {skill.name: own & sync.wanted(skill).keys() for skill in sync.skills()}
    assert carry == {name: own if name in offer else set() for name in carry} and len(offer) == 2


LEAVES_THE_MAP = {
    "upwards": ("from ..cli.console import Console\nConsole\n", "stands above it"),
    "to the top": ("from .. import main\nmain\n", "stands above it"),
    "environment": ("import os\nos.environ\n", "reads the environment"),
    "long function": ("def f():\n" + "    x = 1\n" * 45, "f has more than 40 lines"),
    "long module": ("x = 1\n" * 600, "has 600 lines"),
}


def test_what_leaves_the_map_is_found(house):
    assert layers.problems(house) == [], "the copy itself is in order"
    for number, (source, _) in enumerate(LEAVES_THE_MAP.values()):
        (house / "shared" / "files" / f"new{number}.py").write_text(source)
    found = layers.problems(house)
    assert [name for number, (name, (_, what)) in enumerate(LEAVES_THE_MAP.items())
            if not any(f"new{number}.py" in sentence and what in sentence for sentence in found)] == []
    unnamed = [sentence for sentence in found if "is not named in its line of the map" in sentence]
    assert len(unnamed) == len(LEAVES_THE_MAP) and len(found) == 2 * len(LEAVES_THE_MAP), found


def test_a_circle_and_a_file_outside_the_map_are_found(house):
    (house / "shared" / "files" / "one.py").write_text("from .two import x\nx\n")
    (house / "shared" / "files" / "two.py").write_text("from .one import x\nx\n")
    (house / "shared" / "stray.py").write_text("x = 1\n")
    found = layers.problems(house)
    assert "files/one.py -> files/two.py -> files/one.py import each other" in found
    assert "shared/stray.py is not in the map of shared/__init__.py" in found


def test_the_way_of_a_plain_question_stays_short():
    """Ten of these calls hold the question against the budget and write down that it is under way."""
    way = subprocess.run([sys.executable, "-m", "tests.walk"], cwd=check.ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    calls, crossings = map(int, re.search(r"(\d+) calls, (\d+) crossings\n$", way).groups())
    assert 20 < calls <= 60 and 5 < crossings <= 20, way


LATER = ("transport.said", "transport.errors", "transport.troubles", "transport.proxies", "cli.failed", "transport.storage", "transport.multipart")


@pytest.mark.parametrize("fault, code, needed", [
    ("", 0, ()), ("401", 3, ("transport.said", "transport.errors", "cli.failed")),
    ("reset", 6, ("transport.said", "transport.troubles", "transport.proxies", "cli.failed", "transport.multipart"))])
def test_what_only_failures_and_uploads_need_is_loaded_by_them_alone(run, emulator, fault, code, needed):
    if fault:
        emulator.inject(fault)
    result = run("hi", "--no-think", "--retries", 0, process=True, env={"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rpartition("|")[2].strip() for line in result.err.splitlines() if line.startswith("import time:")}
    assert "shared.transport.client" in loaded and result.code == code, result
    assert [name for name in LATER if f"shared.{name}" in loaded] == [*needed], result


@pytest.mark.parametrize("module", ["shared.batch.workers", "shared.tasks.polling"])
def test_what_goes_on_for_long_loads_what_failures_need_before_it_begins(module):
    """A row that finds no free descriptor has sent nothing; a module that cannot be loaded then would leave it in doubt. Who
    waits for a task while the skill is updated still learns how to fetch it."""
    code = f"import sys, {module}; print(*(name for name in sys.argv[1:] if 'shared.' + name not in sys.modules))"
    needed = [name for name in LATER if name != "transport.storage"]  # what uploads need is loaded by them
    done = subprocess.run([sys.executable, "-c", code, *needed], cwd=check.ROOT, stdout=subprocess.PIPE, check=True)
    assert not done.stdout.strip()


def test_what_saves_a_conversation_is_loaded_before_it_is_paid(run):
    result = run("hi", "--chat", "c.json", "--dry-run", process=True, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert result.code == 0 and re.search(r"\| +text_chat$", result.err, re.MULTILINE), result
