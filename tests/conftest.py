"""What the tests share: the emulator, and scripts that run in an empty home and folder, in this process or in one of their own."""
from __future__ import annotations

import atexit
import functools
import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import types
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parent.parent
for skill in sorted((ROOT / "skills").glob("*/scripts")):
    sys.path.insert(0, str(skill))
sys.path.insert(0, str(ROOT))  # first, so that `shared` is the source and not a copy

import shared  # noqa: E402, F401  before any script is imported, which puts its own folder first
from shared.tasks.polling import Polled  # noqa: E402
from tests.emulator import Emulator  # noqa: E402

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background by a shell; scripts would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

STANDARD_KEY = "sk-emulator-standard-0123456789"
PLAN_KEY = "sk-sp-emulator-plan-0123456789"
SCRIPTS = {
    "qianwen-text": ROOT / "skills" / "qianwen-text" / "scripts" / "text.py",
    "qianwen-vision": ROOT / "skills" / "qianwen-vision" / "scripts" / "vision.py",
    "qianwen-image-generation": ROOT / "skills" / "qianwen-image-generation" / "scripts" / "image.py",
    "qianwen-video-generation": ROOT / "skills" / "qianwen-video-generation" / "scripts" / "video.py",
    "qianwen-audio-tts": ROOT / "skills" / "qianwen-audio-tts" / "scripts" / "tts.py",
}


def _bytecode() -> str:
    """The folder of the bytecode of all processes that tests start, so that none compiles what another has compiled."""
    if sys.pycache_prefix:
        return sys.pycache_prefix
    folder = tempfile.mkdtemp(prefix="qianwen-bytecode-")
    atexit.register(shutil.rmtree, folder, True)
    return folder


BYTECODE = {"PYTHONPYCACHEPREFIX": _bytecode()}  # for the environment of a child


def check_each(cases: dict, check) -> None:
    """`check(*arguments)` for each name and its arguments; fails with the names of all that are wrong, and what is."""
    wrong = {}
    for name, arguments in cases.items():
        try:
            check(*arguments)
        except (Exception, pytest.fail.Exception) as error:
            wrong[name] = f"{type(error).__name__}: {error}"
    assert cases, "a table without rows proves nothing"
    if wrong:
        pytest.fail("\n".join(f"{name}: {what}" for name, what in wrong.items()), pytrace=False)


def post_json(url: str, body, headers: dict) -> tuple:
    """Send a body with the standard key; return the status and the start of what is said."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {
        "Authorization": "Bearer " + STANDARD_KEY, "Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()[:400]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()[:400]


class Run:
    """What a script did: exit code, decoded streams, and helpers to read them."""

    def __init__(self, completed):
        self.code = completed.returncode
        self.out_bytes, self.err_bytes = completed.stdout, completed.stderr
        self.err = self.err_bytes.decode("utf-8")

    @functools.cached_property
    def out(self) -> str:
        return self.out_bytes.decode("utf-8")

    def __repr__(self):
        return f"<exit {self.code}\nstdout: {self.out_bytes.decode('utf-8', 'replace')}\nstderr: {self.err}>"

    @property
    def document(self):
        return json.loads(self.out)


def in_process(skill, arguments, stdin, environment, cwd):
    """A script's run without a process of its own: the same argv, streams, environment and folder. Nor has a batch a worker."""
    from shared.files import whole
    from shared.main import run_script
    whole.sweep.cache_clear()  # what is done once in a run
    module = importlib.import_module(SCRIPTS[skill].stem)
    make_parser = parser_of(skill)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding) for data in (stdin, b"", b"")]
    here = os.getcwd()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        os.chdir(cwd)
        with mock.patch.dict(os.environ, environment, clear=True), mock.patch.object(sys, "argv", [str(SCRIPTS[skill])]), \
                mock.patch.multiple(sys, stdin=streams[0], stdout=streams[1], stderr=streams[2]), \
                mock.patch("shared.batch.worker.hand_over", lambda argv, console, **_: None):
            code = run_script(module.SKILL, make_parser, module.execute, [argument_of(one) for one in arguments])
            for stream in streams[1:]:
                stream.flush()
    finally:
        os.chdir(here)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return types.SimpleNamespace(returncode=code, stdout=streams[1].buffer.getvalue(), stderr=streams[2].buffer.getvalue())


def parser_of(skill):
    """The function that makes a script's parser."""
    module = importlib.import_module(SCRIPTS[skill].stem)
    return getattr(module, "make_parser", None) or module.tts_flags.make_parser


def help_of(skill) -> str:
    """What --help shows."""
    return parser_of(skill)().format_help()


# Variables that the interpreter itself reads, or that are read once in a process.
NEED_A_PROCESS = {"LANG", "LC_ALL", "PYTHONUTF8", "PYTHONHASHSEED", "HTTPS_PROXY", "HTTP_PROXY",
                  "SSL_CERT_FILE", "NO_PROXY"}


def can_be_in_process(env: dict) -> bool:
    """Streams and the folder belong to one thread, and some variables only count when an interpreter starts."""
    return threading.current_thread() is threading.main_thread() and not env.keys() & NEED_A_PROCESS


def argument_of(one) -> str:
    return os.fsdecode(one) if isinstance(one, bytes) else str(one)


@pytest.fixture
def add_row(monkeypatch):
    """`add_row(TABLE, row)`: the row stands at the end of a skill's table, as if it were written there."""
    def add(table, row):
        found = {name: getattr(table, name) for name in ("rows", "_by_id", "own")}  # so that they are there to be restored
        for name in found:
            monkeypatch.delitem(vars(table), name)
        monkeypatch.setattr(table, "_first", {**table._first, row.id: row})
        return row
    return add


@pytest.fixture(scope="session")
def _server():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(_server):
    _server.reset()
    yield _server
    _server.reset()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def work(tmp_path):
    """The working directory of scripts: a project root of its own."""
    folder = tmp_path / "work"
    (folder / ".git").mkdir(parents=True)
    return folder


@pytest.fixture
def short_waits(monkeypatch, emulator):
    """What is waited for a task that will not end ends after a tenth of a second, in calls of this process."""
    def wait(self, record, most, whole=Polled.wait):
        return whole(self, record, min(most, 0.1) if sum(emulator.task_polls) > 100 else most)
    monkeypatch.setattr(Polled, "wait", wait)


@pytest.fixture
def run(emulator, home, work, monkeypatch):
    """`run("prompt", "--json", key=…, env=…, stdin=…, cwd=…, script=…)` runs a script and returns a Run.

    It runs in this process, unless a `script` is named or `process=True` asks for a process of its own, with a batch's worker.
    The environment is bare: no key but `key` (None: none), the emulator as base URL unless `base_url` says otherwise.
    No output may ever hold the key's characters: checked here for every run. Pauses between tries are short.
    """
    monkeypatch.setattr("shared.transport.retries.FIRST_DELAY", 0.05)

    def run_script(*arguments, skill="qianwen-text", key=STANDARD_KEY, base_url="", env=None, stdin=b"", cwd=None,
                   timeout=60, script=None, process=False, leaks_checked=True):
        base = emulator.url if base_url == "" else base_url
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), **BYTECODE,
                       **({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if "SYSTEMROOT" in os.environ else {}),
                       **({"DASHSCOPE_API_KEY": key} if key is not None else {}),
                       **({"QWEN_BASE_URL": base} if base else {}), **(env or {})}
        plain = script is None and not process and can_be_in_process(env or {})
        result = Run(in_process(skill, arguments, stdin, environment, cwd or work) if plain else
                     subprocess.run([sys.executable, str(script or SCRIPTS[skill]), *map(str, arguments)],
                                    input=stdin, capture_output=True, env=environment, cwd=str(cwd or work),
                                    timeout=timeout))
        if leaks_checked:
            for secret in filter(None, (key, *(env or {}).values())):
                if secret.strip().lower().startswith("sk-") and len(secret) > 12:
                    hidden = secret.strip()[len("sk-sp-"):].encode()
                    assert hidden not in result.out_bytes + result.err_bytes, "a key was printed"
        assert b"Traceback" not in result.err_bytes or "-v" in arguments, result
        return result
    return run_script
