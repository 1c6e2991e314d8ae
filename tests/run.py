"""`make test`: all test files, several pytest processes side by side, because many tests wait for sockets.

Arguments go to pytest, in one process then: `python3 -m tests.run tests/test_text.py -k chat`.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5  # pytest's exit code
# Files that take more than some seconds, the longest first: each is begun early, and alone.
SLOW = ("test_image_faults.py", "test_batch_api.py", "test_batch.py", "test_video.py", "test_skill_files.py", "test_spending.py", "test_tts.py",
        "test_image_batch.py", "test_text.py", "test_hostile.py", "test_image.py", "test_house.py", "test_csv.py", "test_faults.py",
        "test_video_batch.py", "test_fuzz_commands.py", "test_fuzz.py", "test_fault_rows.py")
ROOM = 2 << 30  # bytes
TOGETHER = 6  # how many of the other files one process takes at a time
# No test needs these parts of pytest; two tenths of the time of a small test are theirs.
WITHOUT = ("logging", "doctest", "benchmark", "faulthandler", "pastebin", "junitxml", "stepwise", "setuponly", "debugging")


def shares() -> list:
    """Lists of files, in the order in which they are begun; each goes to one process."""
    files = {path.name: path for path in sorted((ROOT / "tests").glob("test_*.py"))}
    alone = [[files.pop(name)] for name in SLOW if name in files]
    others = sorted(files.values(), key=lambda path: path.stat().st_size, reverse=True)
    count = -(-len(others) // TOGETHER)
    return alone + [others[number::count] for number in range(count)]


def _in_memory() -> str | None:
    """A folder in memory that has room for what the tests write, None without one: a journaling disk makes them slower by a fifth."""
    folder = "/dev/shm"
    try:
        system = os.statvfs(folder)
        has_room = system.f_bavail * system.f_frsize > ROOM and not system.f_flag & os.ST_NOEXEC
    except (AttributeError, OSError):  # not on Linux
        return None
    return folder if has_room and os.access(folder, os.W_OK) else None


@contextmanager
def child_environment():
    """The environment of processes with a folder for all that they write, outside this one and gone in the end, where each finds
    the bytecode of the others. No plugin is needed."""
    folder = tempfile.mkdtemp(prefix="qianwen-tests-", dir=_in_memory())
    try:
        yield {**os.environ, "TMPDIR": folder, "PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode"), "PYTHONDONTWRITEBYTECODE": "",
               "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Pool:
    """Some threads that each run one share at a time in a process of its own."""

    def __init__(self, waiting: list, environment: dict):
        self.waiting, self.counts, self.failed, self._environment = waiting, Counter(), [], environment
        self._taking = threading.Lock()

    def work(self) -> None:
        while True:
            with self._taking:
                if not self.waiting:
                    return
                files = self.waiting.pop(0)
            done = subprocess.run([sys.executable, "-m", "pytest", "-q", *(f"-pno:{name}" for name in WITHOUT), *map(str, files)],
                                  cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  env=self._environment)
            self._tell(files, done.returncode, done.stdout.decode("utf-8", "replace"))

    def _tell(self, files: list, code: int, output: str) -> None:
        last = output.strip().splitlines()[-1] if output.strip() else ""
        names = ", ".join(path.name for path in files)
        with self._taking:
            self.counts.update({word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)})
            if code not in (0, NO_TESTS):
                self.failed.append(names)
                sys.stdout.write(output)
            sys.stdout.write(f"{names}: {last}\n")
            sys.stdout.flush()


def main() -> int:
    if len(sys.argv) > 1:
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *sys.argv[1:]], cwd=ROOT).returncode
    begin = time.monotonic()
    with child_environment() as environment:
        pool = Pool(shares(), environment)
        threads = [threading.Thread(target=pool.work) for _ in range(min(6, (os.cpu_count() or 2) + 2))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counts = ", ".join(f"{number} {word}" for word, number in sorted(pool.counts.items()))
    sys.stdout.write(f"{counts} in {time.monotonic() - begin:.0f} s"
                     + (f"; failed: {'; '.join(pool.failed)}\n" if pool.failed else "\n"))
    return 1 if pool.failed else 0


if __name__ == "__main__":
    sys.exit(main())
