"""`make test`: all test files, several pytest processes side by side, because most tests wait for scripts and sockets.

Arguments go to pytest, in one process then: `python3 -m tests.run tests/test_text.py -k chat`.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5  # pytest's exit code


def weight(path: Path) -> int:
    """Files whose tests start scripts take long, so they are begun first."""
    text = path.read_text("utf-8")
    return len(text) * (5 if re.search(r"\brun\(|\bstart\(|subprocess", text) else 1)


class Pool:
    """Some threads that each run one test file at a time in a process of its own."""

    def __init__(self, files: list):
        self.files, self.counts, self.failed = files, Counter(), []
        self._taking = threading.Lock()

    def work(self) -> None:
        while True:
            with self._taking:
                if not self.files:
                    return
                path = self.files.pop(0)
            done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(path)], cwd=ROOT, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            self._tell(path, done.returncode, done.stdout.decode("utf-8", "replace"))

    def _tell(self, path: Path, code: int, output: str) -> None:
        last = output.strip().splitlines()[-1] if output.strip() else ""
        with self._taking:
            self.counts.update({word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)})
            if code not in (0, NO_TESTS):
                self.failed.append(path.name)
                sys.stdout.write(output)
            sys.stdout.write(f"{path.relative_to(ROOT).as_posix()}: {last}\n")
            sys.stdout.flush()


def main() -> int:
    if len(sys.argv) > 1:
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *sys.argv[1:]], cwd=ROOT).returncode
    begin = time.monotonic()
    pool = Pool(sorted((ROOT / "tests").glob("test_*.py"), key=weight, reverse=True))
    threads = [threading.Thread(target=pool.work) for _ in range(min(6, (os.cpu_count() or 2) + 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = ", ".join(f"{number} {word}" for word, number in sorted(pool.counts.items()))
    sys.stdout.write(f"{counts} in {time.monotonic() - begin:.0f} s"
                     + (f"; failed: {', '.join(pool.failed)}\n" if pool.failed else "\n"))
    return 1 if pool.failed else 0


if __name__ == "__main__":
    sys.exit(main())
