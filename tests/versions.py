"""Part of `make check`: the tests of house, transport, chat, results and batch under every Python from 3.9 to 3.13 that is here.

Warnings are errors, and the interpreter runs in its development mode, so that a leaked file or a deprecated call fails. Each Python
gets an environment of its own in `.venv-check/`, into which pytest is installed once.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from tests.run import child_environment

ROOT = Path(__file__).resolve().parent.parent
MINORS = range(9, 14)
# Long, and the same under every Python: make test has the first two, and tests.check is the third.
NOT_HERE = "not hundreds_of_rows and not memory_stays_bounded and not the_house_is_in_order"
FILES = ("test_house.py", "test_transport.py", "test_chat_fold.py", "test_results.py", "test_batch.py")
SIDE_BY_SIDE = 2


def interpreters() -> dict:
    """minor version -> an interpreter: this one, those on the PATH, and those of pyenv."""
    found = {sys.version_info[1]: sys.executable} if sys.version_info[0] == 3 else {}
    for minor in MINORS:
        named = shutil.which(f"python3.{minor}")
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3"))
        for candidate in filter(None, (named, *map(str, pyenv))):
            if minor not in found and _is(candidate, minor):
                found[minor] = candidate
    return {minor: found[minor] for minor in MINORS if minor in found}


def _is(candidate: str, minor: int) -> bool:
    """Whether it starts and is that version: a pyenv shim may be there without one."""
    done = subprocess.run([candidate, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.strip() == str(minor)


def with_pytest(interpreter: str, minor: int) -> str:
    """An interpreter that has pytest, made once. Raises CalledProcessError."""
    folder = ROOT / ".venv-check" / f"3.{minor}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists() or subprocess.run([str(python), "-c", "import pytest"], capture_output=True).returncode:
        subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pytest>=7,<10"], check=True,
                       capture_output=True)
    return str(python)


def run(interpreter: str, minor: int, environment: dict) -> tuple:
    """(whether all passed, the last line, the output)."""
    try:
        python = with_pytest(interpreter, minor)
    except subprocess.CalledProcessError as error:
        return False, "pytest could not be installed", error.stderr.decode("utf-8", "replace")
    done = subprocess.run([python, "-X", "dev", "-W", "error", "-m", "pytest", "-q", "-k", NOT_HERE,
                           *(f"tests/{name}" for name in FILES)], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env=environment)
    output = done.stdout.decode("utf-8", "replace")
    return done.returncode == 0, output.strip().splitlines()[-1] if output.strip() else "no output", output


def main() -> int:
    waiting, failed, lock = list(interpreters().items()), [], threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                minor, interpreter = waiting.pop()
            passed, last, output = run(interpreter, minor, environment)
            with lock:
                if not passed:
                    failed.append(f"3.{minor}")
                    sys.stdout.write(output)
                sys.stdout.write(f"Python 3.{minor}: {last}\n")
                sys.stdout.flush()
    with child_environment() as environment:
        threads = [threading.Thread(target=work) for _ in range(SIDE_BY_SIDE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failed:
        sys.stdout.write(f"failed under Python {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
