"""SKILL.md, references, READMEs and docs: legal for real agents, true to `--help` and the exit codes, and their commands run."""
from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from shared.failures import Exit
from tests import media_samples
from tests.conftest import BYTECODE, help_of, ROOT, SCRIPTS

SKILLS = sorted(path.parent for path in (ROOT / "skills").glob("*/SKILL.md"))
MANUALS = [ROOT / "SKILL.md"] + [folder / "SKILL.md" for folder in SKILLS]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
REFERENCES = [ROOT / "docs" / "reference.md", ROOT / "docs" / "reference.zh-CN.md"]
PAGES = sorted((ROOT / "skills").glob("*/references/*.md"))
DOCUMENTS = MANUALS + READMES + REFERENCES + PAGES

FIELDS = {"name", "description", "license", "compatibility", "metadata"}
OTHER_PROGRAMS_FLAGS = {"--consent", "--marketplace"}  # flags in the documents that are not the scripts' own
MEDIA = {  # the user's pictures, videos and recordings, which no block makes
    **{name: media_samples.png(64, 48) for name in ("before.png", "after.png", "receipt.png", "table.png", "page.png")},
    **{name: media_samples.jpeg(64, 48) for name in ("photo.jpg", *(f"frame-{number}.jpg" for number in range(1, 5)))},
    **{name: media_samples.png(1024, 768) for name in ("room.png", "room-mask.png")},
    "talk.mp4": media_samples.mp4(), "lecture.mp4": media_samples.mp4(60, size=7_100_000),
    "portrait.png": media_samples.png(768, 1024), "voice.wav": media_samples.wav(6), "clip.mp4": media_samples.mp4(4, 1280, 720),
    **{name: media_samples.png(1280, 720) for name in ("night.png", "clip-mask.png")}, "me.wav": media_samples.wav(15, 24000),
}
STAND_INS = {  # input files of the commands in SKILL.md
    **MEDIA,
    "notes.txt": b"Anna writes the report.\n",
    "tasks.schema.json": b'{"type": "object", "properties": {"tasks": {"type": "array"}}, "required": ["tasks"]}',
    "total.schema.json": b'{"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}',
    **{name: media_samples.png(1024, 768) for name in ("fox.png", "fox-night.png")},
    "mugs.csv": b"id,colour\nmug-1,white\n", "reviews.csv": b"id,review\n1,Cold tea.\n",
    "rooms.csv": b"image,thing\nphoto.jpg,lamp\n", "clips.csv": b"id,animal\nfox,red fox\n",
    "boat.mp4": media_samples.mp4(5, 1280, 720), "article.md": b"# The fox\n\nA fox finds snow.\n",
    "guests.csv": b"id,name\nanna,Anna\n",
}
# The lines of a skill that wait for the service, here with short pauses.
WAITING = {"qianwen-image-generation": "", "qianwen-video-generation": "",
           **dict.fromkeys(("qianwen-text", "qianwen-vision"), "--(batch-api|resume) ")}


def name_of(path) -> str:
    return path.relative_to(ROOT).as_posix()


def _skill_of(path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "skills" else ""


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=name_of)


def read(path) -> str:
    return path.read_bytes().decode("utf-8")


def split(path) -> tuple:
    """(lines of the frontmatter, body) of a SKILL.md."""
    match = re.fullmatch(r"---\n(.*?)\n---\n(.*)", read(path), re.DOTALL)
    assert match, "no frontmatter between two --- lines"
    return match.group(1).split("\n"), match.group(2)


def fields(path) -> dict:
    """Top-level fields as written; the lines of a nested block follow their field."""
    found: dict = {}
    name = ""
    for line in split(path)[0]:
        match = re.fullmatch(r"([a-z-]+):(?: (\S.*))?", line)
        if match:
            name = match.group(1)
            assert name not in found, f"{name} stands there twice"
            found[name] = match.group(2) or ""
        else:
            assert re.fullmatch(r"  [a-z-]+: \S.*", line) and name == "metadata", f"illegal line {line!r}"
            found[name] += line[1:] + "\n"
    return found


def links(path) -> list:
    """Targets of the relative links, code left out."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", read(path), flags=re.MULTILINE | re.DOTALL)
    return [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in target]


def blocks(text: str) -> list:
    """The shell blocks of a document."""
    return re.findall(r"^```(?:sh|bash)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list:
    """The lines of all shell blocks, continued lines joined."""
    return [line for block in blocks(text) for line in block.replace("\\\n", " ").splitlines() if line.strip()]


# ---- what agents demand of a SKILL.md --------------------------------------------------------------------------------

@each(DOCUMENTS)
def test_plain_utf8(path):
    raw = path.read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf") and b"\r" not in raw and b"\t" not in raw
    raw.decode("utf-8")


@each(MANUALS)
def test_frontmatter(path):
    found = fields(path)
    assert set(found) <= FIELDS and {"name", "description", "license"} <= set(found)
    if path.parent != ROOT:
        assert found["name"] == path.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found["name"]) and len(found["name"]) <= 64
    assert re.fullmatch(r'"[^"\\]+"', found["description"]), "one line in double quotes"
    description = found["description"][1:-1]
    assert len(description) <= 180
    assert not [sign for sign in ("---", "<", ">") if sign in description]


@each(MANUALS)
def test_codex_reads_it_whole(path):
    """Codex has no tool for skills: the model prints the file, and of 10,000 bytes upward the middle is cut out
    where Codex does not know the model, as it does none of a provider of one's own."""
    assert len(path.read_bytes()) <= 9_900


def test_root_manual_is_internal():
    """Without it `npx skills add` copies the whole repository as one skill; a string would not count."""
    assert fields(ROOT / "SKILL.md")["metadata"] == " internal: true\n"


@each(MANUALS)
def test_body(path):
    body = split(path)[1]
    if path.parent != ROOT:
        assert 60 <= len(body.splitlines())
    assert not re.search(r"(^|\s)!`", body, re.MULTILINE), "one agent executes this"
    assert "${" not in body and "$ARGUMENTS" not in body, "placeholders are filled by one agent only"


@each(DOCUMENTS)
def test_no_variable_before_a_command(path):
    """A permission for python3 does not cover `NAME=value python3`."""
    assert not [line for line in commands(read(path)) if re.search(r"(^|[;&|]\s*)([A-Za-z_]\w*=\S*\s+)+python3\b", line)]


# ---- what they say is true -------------------------------------------------------------------------------------------

@each(DOCUMENTS)
def test_links_resolve(path):
    for target in links(path):
        assert (path.parent / target).exists(), target


@each([path for path in DOCUMENTS if _skill_of(path)])
def test_links_stay_in_the_skill(path):
    """A skill is copied alone."""
    folder = (ROOT / "skills" / path.relative_to(ROOT / "skills").parts[0]).resolve()
    for target in links(path):
        assert folder in (path.parent / target).resolve().parents, target


def flags(text: str) -> set:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


@pytest.fixture(scope="module")
def help_flags():
    """Skill -> the flags of its script."""
    installer = subprocess.run([sys.executable, str(ROOT / "skills" / "install.py"), "--help"], capture_output=True, timeout=60)
    return {"installer": flags(installer.stdout.decode("utf-8")), **{skill: flags(help_of(skill)) for skill in SCRIPTS}}


@each(DOCUMENTS)
def test_flags_exist(path, help_flags):
    """A skill's own documents name its own flags; those of the bundle may name any."""
    own = help_flags.get(_skill_of(path), set().union(*help_flags.values()))
    assert not flags(read(path)) - own - OTHER_PROGRAMS_FLAGS


def test_every_skill_has_its_documents():
    assert [folder.name for folder in SKILLS] == sorted(SCRIPTS)
    for folder in SKILLS:
        assert {"errors.md", "models.md", "recipes.md"} <= {path.name for path in (folder / "references").iterdir()}
        for path in (ROOT / "SKILL.md", *READMES):
            assert f"skills/{folder.name}" in read(path), path



@each([path for path in PAGES if path.name == "errors.md"] + REFERENCES)
def test_exit_codes(path):
    table = re.findall(r"^\| (\d+) \| ([a-z]+) \| \S", read(path), re.MULTILINE)
    assert [(int(code), name) for code, name in table] == [(int(code), code.name.lower()) for code in Exit]


@pytest.mark.parametrize("skill", SCRIPTS)
def test_help_names_its_own_flags_and_every_exit_code(skill):
    text = help_of(skill)
    usage, codes = text[:text.index("\n\n")], re.search(r"exit codes: ([^.]+)\.", text)[1]
    assert flags(text) - flags(usage) <= {"--n", "--help", "--output", "--quiet", "--verbose"}  # the usage has their short forms
    assert [int(one) for one in re.findall(r"\b\d+", codes)] == [code for code in Exit if code != Exit.RUNNING or "--resume" in usage]


LANGUAGES = pytest.mark.parametrize("pair", (READMES, REFERENCES), ids=("README", "reference"))


@each([folder / "SKILL.md" for folder in SKILLS])
def test_sections_of_the_recipes_are_named(path):
    """An agent reads the section that it needs, so SKILL.md has to list them as they are called."""
    whole = read(path.parent / "references" / "recipes.md")
    recipes = re.sub(r"^```.*?^```$", "", whole, flags=re.MULTILINE | re.DOTALL)
    named = re.findall(r'"([^"]+)"', " ".join(read(path).split("references/recipes.md): ")[1].split("\n- [")[0].split()))
    assert named == re.findall(r"^## (.*)$", recipes, re.MULTILINE) == re.findall(r"^## (.*)$", whole, re.MULTILINE)


@each([folder / "SKILL.md" for folder in SKILLS])
def test_one_section_of_the_recipes_is_read_as_said(path):
    command, = re.findall(r"`(sed [^`]*)`", read(path))
    read_so = [*shlex.split(command), path.parent / "references" / "recipes.md"]
    lines = subprocess.run(read_so, capture_output=True, check=True, encoding="utf-8").stdout.splitlines()
    headings = [number for number, line in enumerate(lines) if line.startswith("## ")]
    assert headings == [0, len(lines) - 1] and 5 < len(lines) < 60


def test_make_targets_exist():
    targets = set(" ".join(re.findall(r"^([a-z ]+):", read(ROOT / "Makefile"), re.MULTILINE)).split())
    for path in READMES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)(?:$|`| )", read(path), re.MULTILINE))
        assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("what, pattern", (
    ("flags", r"(?<![\w-])--?[a-z][a-z-]*(?![\w-])"),
    ("variables", r"\b[A-Z]{2,}(?:_[A-Z]+)+\b"),
    ("URLs", r"https?://[A-Za-z0-9./_:-]*[A-Za-z0-9/_-]"),
    ("models", r"`((?:qwen|glm|MiniMax|deepseek)[\w.-]+)`"),
    ("files", r"\]\(([^)\s]*[^)\s])\)"),
))
@LANGUAGES
def test_both_languages_name_the_same(pair, what, pattern):
    english, chinese = (set(re.findall(pattern, re.sub(r"\.zh-CN(?=\.md)|(?<=\.md)#[^)\s]+", "", read(path)))) for path in pair)
    assert english == chinese, what


def test_readmes_have_the_same_commands():
    """Prompts, which stand in quotes, may be in the reader's language."""
    english, chinese = ([re.sub(r'"[^"]*"', '"…"', line) for line in commands(read(path))] for path in READMES)
    assert english == chinese and english


@LANGUAGES
def test_both_languages_have_the_same_tables(pair):
    """Rows in the same number and order, told by the code in their first two cells."""
    english, chinese = ([re.findall(r"`[^`]+`", " ".join(row.split("|")[1:3])) for row in read(path).splitlines()
                         if row.startswith("|")] for path in pair)
    assert english == chinese and english


# ---- their commands run ----------------------------------------------------------------------------------------------

def _script_commands(skill: str) -> list:
    """(skill, command) for each line of its SKILL.md that runs its script."""
    text = read(ROOT / "skills" / skill / "SKILL.md")
    lines = commands(text) + re.findall(r"`(python3 scripts/[^`]+)`", text)
    found = [(skill, line) for line in lines if line.startswith(f"python3 scripts/{SCRIPTS[skill].name} ")]
    assert found
    return found


def put_files(folder, files) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("skill, command", [pair for skill in SCRIPTS for pair in _script_commands(skill)])
def test_command_dry_runs(run, work, skill, command):
    put_files(work, STAND_INS)
    result = run(*shlex.split(command)[2:], "--dry-run", skill=skill)
    assert result.code == 0, result


@pytest.mark.skipif(not shutil.which("bash"), reason="the blocks are for a shell")
@each([folder / "SKILL.md" for folder in SKILLS] + sorted((ROOT / "skills").glob("*/references/recipes.md")))
def test_blocks_run_in_order(path, run, emulator, home, work):
    """Every shell block as it stands, one after the other, against the emulator; plain calls of the script in this process."""
    put_files(work, MEDIA)
    skill = _skill_of(path)
    script, name = SCRIPTS[skill], f"scripts/{SCRIPTS[skill].name}"
    for statement in (one for block in blocks(read(path)) for one in _statements(block, f"python3 {name} ")):
        if skill in WAITING:
            statement = re.sub(f"(?={name} .*{WAITING[skill]}){name}", f"{name} --poll 0.05", statement)
        if _is_plain(statement, f"python3 {name} "):
            done = run(*shlex.split(statement.replace("\\\n", " "))[2:], skill=skill, key="sk-emulator-standard-0001")
            assert done.code == 0, (statement, done)
        else:
            _run_in_shell(statement.replace(name, shlex.quote(str(script))), emulator, home, work)


def _statements(block: str, call: str) -> list:
    """A block in parts, so that plain calls stand alone. One with loops or variables is one part."""
    if re.search(r"^ *(for|while|if|case|[A-Za-z_]\w*=)", block, re.MULTILINE):
        return [block]
    found, pending = [], ""
    for line in block.splitlines(keepends=True):
        pending += line
        if not _is_open(pending):
            if found and not _is_plain(found[-1], call) and not _is_plain(pending, call):
                found[-1] += pending
            else:
                found.append(pending)
            pending = ""
    return found + ([pending] if pending else [])


def _is_open(lines: str) -> bool:
    """Whether a line, a text in quotes or a here-document goes on."""
    here = re.search(r"<<'(\w+)'", lines)
    if here:
        return not lines.endswith(f"\n{here.group(1)}\n")
    try:
        return lines.endswith("\\\n") or not isinstance(shlex.split(lines, comments=True), list)
    except ValueError:
        return True


def _is_plain(statement: str, call: str) -> bool:
    """One call of the script, with nothing that only a shell understands."""
    bare = re.sub(r"""'[^']*'|"[^"$`\\]*"|\\\n""", " ", statement.strip())
    return statement.startswith(call) and not re.search(r"[|<>;&$*?`(){}~\\\n#]", bare)


def test_statements_of_a_block():
    call, plain, here = "python3 s.py ", 'python3 s.py "a; b" \\\n  --c \'d\'\n', "cat > f <<'END'\npython3 s.py x\nEND\n"
    shell = "python3 s.py > out.txt\n"
    assert _statements(plain + here + shell + plain, call) == [plain, here + shell, plain]
    assert [_is_plain(one, call) for one in (plain, here, shell, 'python3 s.py "$X"\n', "python3 s.py *.png\n")] == [True] + 4 * [False]
    assert _statements("for x in 1 2; do\n" + plain + "done\n", call) == ["for x in 1 2; do\n" + plain + "done\n"]


@pytest.mark.skipif(not shutil.which("bash"), reason="the blocks are for a shell")
def test_readme_commands_run(emulator, home, work):
    """Those of the English one; the other has the same, see above."""
    for item in ("skills", "README.md"):
        source = ROOT / item
        (shutil.copytree if source.is_dir() else shutil.copy)(source, work / item)
    put_files(work, MEDIA)
    for block in blocks(read(ROOT / "README.md")):
        if "make " not in block and "export" not in block:
            _run_in_shell(block, emulator, home, work)
    for skill in SCRIPTS:
        assert (home / ".claude" / "skills" / skill / "SKILL.md").is_file()
        assert (home / ".qwen" / "skills" / skill / "scripts" / "shared" / "key_guard.py").is_file()


def _run_in_shell(text, emulator, home, work):
    environment = {"HOME": str(home), "DASHSCOPE_API_KEY": "sk-emulator-standard-0001", "QWEN_BASE_URL": emulator.url,
                   "PATH": _path(home), **BYTECODE}
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], capture_output=True, cwd=str(work), env=environment, timeout=120)
    assert done.returncode == 0, text + done.stderr.decode("utf-8", "replace")


def _path(home) -> str:
    """A PATH whose python3 is the Python of this test run."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    link = folder / "python3"
    if not link.exists():
        link.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        link.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


# ---- models.md is the script's table ---------------------------------------------------------------------------------

def test_image_functions_reference_equals_the_table():
    from image_models import FUNCTIONS
    text = read(ROOT / "skills" / "qianwen-image-generation" / "references" / "recipes.md")
    rows = re.findall(r"^\| `([a-z_]+)` \|[^|]*\|([^|]*)\|", text.split("\n## The functions of ")[1].split("\n## ")[0], re.MULTILINE)
    assert [(name, re.findall(r"`(?:--)?([a-z_]+)`", own)) for name, own in rows] == [
        (name, [*own, *(["mask"] if name.endswith("_with_mask") else [])]) for name, own in FUNCTIONS.items()]


def test_video_functions_reference_equals_the_table():
    """What each function needs and may have, the values of --control, and its own parameters."""
    from video_fields import flag_of
    from video_models import all_fields
    from video_rows import CONTROLS, FUNCTIONS
    flags = {field.path.split(".")[1]: flag_of(field_name) for field_name, field in all_fields().items()}
    text = read(ROOT / "skills" / "qianwen-video-generation" / "references" / "recipes.md")
    rows = re.findall(r"^\| `([a-z_]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$", text.split("\n## The functions of ")[1].split("\n## ")[0],
                      re.MULTILINE)
    assert [name for name, *_ in rows] == list(FUNCTIONS)
    for name, needs, may, own in rows:
        function, words = FUNCTIONS[name], re.findall(r"`([^`]+)`", own)
        assert {flags.get(one, one) for one in function.own} <= set(words), name
        assert tuple(word for word in words if word in CONTROLS) == function.controls, name
        assert [role for role in function.needed if f"--{role}" not in needs] == [], name
        assert ("--size" in may, "--control" in needs + may) == (function.sized, function.control_needed), name


@each(READMES)
def test_a_second_of_video_costs_what_the_rows_say(path):
    from video_models import describe, TABLE
    prices = [float(one) for row in TABLE.live() for one in re.findall(r"\d+\.\d\d", describe(row)["price"])]
    said = re.search(r"(?:a second of video|一秒视频) ([\d.]+) (?:to|到) ([\d.]+)", " ".join(read(path).split()))
    assert [float(one) for one in said.groups()] == [min(prices), max(prices)]


@each([path for path in PAGES if "cannot promise JSON" in read(path)])
def test_a_model_that_is_named_as_without_json_is_without(path):
    from shared.chat.models import lacks, ROWS
    for name in re.findall(r"`--schema: (\S+) cannot promise JSON`", read(path)):
        assert lacks({row.id: row for row in ROWS}[name], "so"), name


@pytest.mark.parametrize("changes, cell", [
    (dict(video_seconds=1_800), "20 MB / 2 GB, 30 min"), (dict(picture_bytes=7_500_000, video_bytes=500_000_000), "7.5 MB / 500 MB, 2 h"),
    (dict(video_seconds=0), "20 MB / 2 GB"), (dict(video_bytes=0, video_seconds=90), "20 MB / ?, 90 s"), (dict(frames=(0, 0)), "20 MB")])
def test_limits_of_a_new_model_that_sees_are_in_the_table(add_row, changes, cell):
    from shared.chat.models import QWEN3X
    from tests.tables.vision import tables
    from vision_models import TABLE
    add_row(TABLE, TABLE.row("qwen3.7-plus")._replace(id="made-up-vl", sees=QWEN3X._replace(**changes)))
    (line,) = [line for line in tables()["models.md", "models"] if "made-up-vl" in line]
    assert line.split(" | ")[3] == cell
