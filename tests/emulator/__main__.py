"""python3 -m tests.emulator --port N: the emulator as a process of its own."""
from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.emulator import Emulator


def parse(argv):
    parser = argparse.ArgumentParser(prog="python3 -m tests.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between the chunks of a streamed answer")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until a create of pictures is answered")
    parser.add_argument("--verbose", action="store_true", help="one line per request on stderr")
    return parser.parse_args(argv)


def main(argv=None) -> int:
    options = parse(argv)
    finish = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: finish.set())
    try:
        emulator = Emulator(port=options.port, delay=options.delay, verbose=options.verbose, latency=options.latency)
    except OSError as error:
        print(f"emulator: cannot listen on port {options.port}: {error}", file=sys.stderr)
        return 1
    with emulator:
        print(f"emulator listening on {emulator.url}", flush=True)
        finish.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
