"""What `make check` checks beyond the tests: the house rules that a reader of a diff would otherwise have to watch.

- every skill's copy of `shared/` equals it, and holds no more than the skill reaches;
- `shared/` keeps to its own map: no import upwards, no circle, short modules and functions, one reader of the environment;
- the tables of the references are those of the rows;
- the lists of voices can be read, and go with the rows of the speech models;
- the code keeps to Python 3.9 and to the standard library;
- no unused import, no bare except, no print or sys.exit below the command layer;
- every SKILL.md has a legal frontmatter and a body of reasonable length, and says the same about keys, exit codes and money.
"""
from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import layers, tables, voice_lists
from tests.sync import ROOT, differences

OLDEST = (3, 9)

# Names of the standard library that came after 3.9: module attribute -> the version that brought it.
TOO_NEW = {
    "itertools.pairwise": "3.10", "itertools.batched": "3.12", "contextlib.aclosing": "3.10", "contextlib.chdir": "3.11",
    "datetime.UTC": "3.11", "enum.StrEnum": "3.11", "enum.verify": "3.11",
    "typing.Self": "3.11", "typing.assert_never": "3.11", "typing.ParamSpec": "3.10", "typing.TypeAlias": "3.10",
    "typing.override": "3.12", "sys.stdlib_module_names": "3.10", "sys.orig_argv": "3.10", "sys.exception": "3.11",
    "hashlib.file_digest": "3.11", "os.EFD_CLOEXEC": "3.10", "inspect.get_annotations": "3.10",
    "logging.getLevelNamesMapping": "3.11", "math.cbrt": "3.11", "math.exp2": "3.11", "operator.call": "3.11",
    "socket.SO_INCOMING_CPU": "3.11",
    "asyncio.TaskGroup": "3.11", "asyncio.timeout": "3.11",
    "functools.Placeholder": "3.14", "copy.replace": "3.13", "types.EllipsisType": "3.10", "types.NoneType": "3.10",
}
TOO_NEW_METHODS = {"bit_count": "3.10", "add_note": "3.11", "with_segments": "3.12", "is_junction": "3.12",
                   "hardlink_to": "3.10", "full_match": "3.13"}
TOO_NEW_MODULES = {"tomllib": "3.11", "annotationlib": "3.14", "compression": "3.14", "string.templatelib": "3.14"}
TOO_NEW_KEYWORDS = {("zip", "strict"): "3.10", ("dataclass", "slots"): "3.10", ("dataclass", "kw_only"): "3.10",
                    ("bisect", "key"): "3.10", ("TemporaryDirectory", "delete"): "3.12", ("rmtree", "onexc"): "3.12",
                    ("write_text", "newline"): "3.10", ("map", "strict"): "3.14"}
TOO_NEW_BUILTINS = {"aiter": "3.10", "anext": "3.10", "ExceptionGroup": "3.11", "BaseExceptionGroup": "3.11",
                    "EncodingWarning": "3.10", "PythonFinalizationError": "3.13"}

LINE_LIMIT, CODE_LIMIT = 150, 110  # characters: of every line; of the product's that hold no text literal
OURS = {"shared", "tests", "pytest"}


def sources(root: Path) -> list:
    """The Python files that count: everything but the copies and what is not ours."""
    return [path for path in sorted(root.rglob("*.py"))
            if not any(part.startswith(".") or part in ("__pycache__", "node_modules") for part in path.relative_to(root).parts)
            and "/scripts/shared/" not in path.as_posix()]


def problems(root: Path = ROOT) -> list:
    """Everything out of order, one sentence each, beginning with the file."""
    found = [f"{name}: {what}; run make sync" for name, what in differences(root)]
    if root == ROOT:
        found += voice_lists.problems() or [f"{name}: a table differs from the rows; run make sync" for name in tables.stale()]
    found += layers.problems(root)
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        found += [f"{name}:{line}: {what}" for line, what in sorted(python_problems(path.read_text("utf-8"), name, root))]
    for manual in [root / "SKILL.md", *sorted((root / "skills").glob("*/SKILL.md"))]:
        if manual.is_file():
            found += [f"{manual.relative_to(root).as_posix()}: {what}" for what in manual_problems(manual)]
    return found + shared_paragraph_problems(sorted((root / "skills").glob("*/SKILL.md")))


# ---- Python ----------------------------------------------------------------------------------------------------------

def python_problems(text: str, name: str, root: Path = ROOT) -> list:
    """(line, what) for one source file."""
    try:
        tree = ast.parse(text, filename=name, feature_version=OLDEST)
    except SyntaxError as error:
        return [(error.lineno or 1, f"does not parse as Python {OLDEST[0]}.{OLDEST[1]}: {error.msg}")]
    nodes = list(ast.walk(tree))
    found = _long_lines(text, name) + _unused_imports(nodes, text)
    folders = [(root / name).parent, *((root / "skills").glob("*/scripts") if name.startswith("tests/") else ())]
    local = {path.stem for folder in folders for path in folder.glob("*.py")}
    lazy = any(isinstance(node, ast.ImportFrom) and node.module == "__future__"
               and any(alias.name == "annotations" for alias in node.names) for node in tree.body)
    for node in nodes:
        found += [(node.lineno, what) for what in _node_problems(node, name, local)]
    if not lazy:
        found += [(node.lineno, "X | Y in an annotation needs `from __future__ import annotations`")
                  for node in _annotations(nodes) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    return found


def _annotations(nodes: list):
    for node in nodes:
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None:
                yield part


def _long_lines(text: str, name: str) -> list:
    lines = list(enumerate(text.splitlines(), 1))
    literal = _lines_with_text(text) if name.startswith(("shared/", "skills/")) else {number for number, _ in lines}
    return [(number, f"{len(line)} characters, more than {limit}") for number, line in lines
            for limit in [LINE_LIMIT if number in literal else CODE_LIMIT] if len(line) > limit]


def _lines_with_text(text: str) -> set:
    """The lines that a literal of text stands in, which cannot always be broken."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {line for token in tokens if token.type == tokenize.STRING or "FSTRING" in tokenize.tok_name[token.type]
            for line in range(token.start[0], token.end[0] + 1)}


def _unused_imports(nodes: list, text: str) -> list:
    imported = {}
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            for alias in node.names:
                imported[(alias.asname or alias.name).split(".")[0]] = node.lineno
    lines = text.splitlines()
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return [(line, f"{name} is imported and not used") for name, line in imported.items()
            if name != "*" and "noqa" not in lines[line - 1] and name not in used]


def _node_problems(node, name: str, local: set):
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        yield "a bare except hides defects"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _import_problems(node, local)
    if isinstance(node, ast.Attribute):
        version = TOO_NEW.get(f"{getattr(node.value, 'id', '')}.{node.attr}") or TOO_NEW_METHODS.get(node.attr)
        if version:
            yield f"{node.attr} came with Python {version}"
    if isinstance(node, ast.Name) and node.id in TOO_NEW_BUILTINS:
        yield f"{node.id} came with Python {TOO_NEW_BUILTINS[node.id]}"
    if isinstance(node, ast.Call):
        yield from _call_problems(node, name)


def _import_problems(node, local: set):
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
        [] if node.level else [node.module]
    standard = getattr(sys, "stdlib_module_names", None)
    for module in modules:
        top = module.split(".")[0]
        if module in TOO_NEW_MODULES:
            yield f"the module {module} came with Python {TOO_NEW_MODULES[module]}"
        elif standard and top not in standard and top not in OURS and top not in local:
            yield f"{top} is not in the standard library"
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            version = TOO_NEW.get(f"{node.module}.{alias.name}")
            if version:
                yield f"{node.module}.{alias.name} came with Python {version}"


def _call_problems(node, name: str):
    called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
    for keyword in node.keywords:
        version = TOO_NEW_KEYWORDS.get((called, keyword.arg))
        if version:
            yield f"{called}({keyword.arg}=…) came with Python {version}"
    if not name.startswith(("shared/", "skills/")) or name == "skills/install.py":  # a command of its own
        return
    if getattr(node.func, "id", "") == "print":
        yield "print below the command layer; use the console"
    if name == "shared/main.py" and ast.unparse(node) == "os._exit(code)":  # an interrupt after the outcome was told
        return
    if ast.unparse(node.func) in ("sys.exit", "exit", "os._exit") and "run_script" not in ast.unparse(node):
        yield "only the last line of a script ends the process"


# ---- SKILL.md --------------------------------------------------------------------------------------------------------

FIELDS = ("name", "description", "license", "compatibility", "metadata")
LONGEST_MANUAL = 108  # lines
DESCRIPTION_LIMIT = 180  # characters; what agents list is short (a bundle of five has to share about a thousand)


def frontmatter(text: str) -> tuple:
    """The fields of a SKILL.md (values as written, nested blocks as text) and its body. Raises ValueError."""
    match = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if not match:
        raise ValueError("the file must begin with a frontmatter between two --- lines")
    fields, last = {}, None
    for line in match.group(1).split("\n"):
        if line[:1] in (" ", "\t"):
            if last is None or line.startswith("\t"):
                raise ValueError(f"the frontmatter line {line!r} belongs to nothing")
            fields[last] += "\n" + line
            continue
        name, colon, value = line.partition(":")
        if not colon or name in fields:
            raise ValueError(f"the frontmatter line {line!r} is not a field, or repeats one")
        fields[name], last = value.strip(), name
    return fields, match.group(2)


def manual_problems(path: Path) -> list:
    """What breaks the rules that real agents impose on a SKILL.md."""
    raw = path.read_bytes()
    if raw.startswith(b"\xef\xbb\xbf") or b"\r" in raw:
        return ["it has a byte order mark or carriage returns, which some agents cannot read"]
    try:
        fields, body = frontmatter(raw.decode("utf-8"))
    except ValueError as error:
        return [str(error)]
    found = [f"the field {name} is not one of {', '.join(FIELDS)}" for name in fields if name not in FIELDS]
    found += _name_problems(fields.get("name", ""), path) + _description_problems(fields.get("description", ""))
    lines = raw.count(b"\n")
    if path.parent.parent.name == "skills" and lines > LONGEST_MANUAL:
        found.append(f"it has {lines} lines; at most {LONGEST_MANUAL} keep it short enough to be read whole")
    if re.search(r"(^|\s)!`", body, re.MULTILINE):
        found.append("an exclamation mark before a backtick is executed by one agent")
    if "${" in body:
        found.append("a ${…} placeholder is filled by one agent only")
    if re.search(r"^\s*[A-Z_]+=\S* +python3", body, re.MULTILINE):
        found.append("a command begins with a variable, which no permission for python3 covers")
    return found


# How the paragraphs begin that stand in every skill's SKILL.md, word for word but for the name of the script.
SHARED_PARAGRAPHS = ("Run the script by the absolute path", "When the key is missing", "Exit code 0 means done", "Every call is billed")


def shared_paragraph_problems(manuals: list) -> list:
    """What keeps the SKILL.md files from saying the same about keys, exit codes and money."""
    bodies = [re.sub(r"scripts/\w+\.py", "scripts/NAME.py", path.read_text("utf-8")).split("\n\n") for path in manuals]
    found = []
    for start in SHARED_PARAGRAPHS:
        versions = [[paragraph.strip() for paragraph in body if paragraph.startswith(start)] for body in bodies]
        if any(len(version) != 1 or version != versions[0] for version in versions):
            found.append(f"skills/*/SKILL.md: the paragraph {start!r} … has to stand in each of them, once and the same")
    return found


def _name_problems(name: str, path: Path) -> list:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 64:
        return [f"the name {name!r} is not 1 to 64 lower-case letters, digits and single hyphens"]
    if path.parent.parent.name == "skills" and path.parent.name != name:
        return [f"the name {name!r} differs from the folder {path.parent.name!r}"]
    return []


def _description_problems(value: str) -> list:
    if not re.fullmatch(r'"[^"\\\n]+"', value):
        return ["the description must be one line in double quotes"]
    text = value[1:-1]
    found = [f"the description holds {bad!r}" for bad in ("---", "<", ">") if bad in text]
    if len(text) > DESCRIPTION_LIMIT:
        found.append(f"the description has {len(text)} characters; at most {DESCRIPTION_LIMIT} are listed")
    return found


def main() -> int:
    found = problems()
    for problem in found:
        sys.stdout.write(problem + "\n")
    sys.stdout.write(f"{len(found)} problem(s)\n" if found else "check: all in order\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
