"""The Emulator object that tests hold."""
from __future__ import annotations

import sys
import threading
import traceback
from typing import Any, Optional

from tests.emulator.controls import control
from tests.emulator.epoch import Epoch
from tests.emulator.routes import respond
from tests.emulator.sockets import Server
from tests.emulator.wire import BadRequest, Exchange, Refusal, Reply


class Emulator:
    """A DashScope stand-in on 127.0.0.1. Use as a context manager, or start() and stop().

    Every attribute that is not of the server itself is one of the running epoch, to read and to set.
    """
    OWN = frozenset(("verbose", "server", "url", "epoch", "_thread", "_settings"))

    def __init__(self, port: int = 0, delay: float = 0.0, verbose: bool = False, latency: float = 0.0):
        self._settings = delay, latency
        self.verbose = verbose
        self.server = Server(port, self)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread: Optional[threading.Thread] = None
        self.reset()

    def reset(self) -> None:
        """Forget all that came in, was made or was told to go wrong, and put the settings back."""
        if "epoch" in self.__dict__:
            self.hurry()
        self.epoch = Epoch(self, *self._settings)

    def __getattr__(self, name: str) -> Any:
        if name in self.OWN:
            raise AttributeError(name)
        return getattr(self.epoch, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.OWN:
            object.__setattr__(self, name, value)
        elif hasattr(self.epoch, name):
            setattr(self.epoch, name, value)
        else:
            raise AttributeError(f"the emulator has no setting {name!r}")

    def handle(self, exchange: Exchange) -> Reply:
        if exchange.path.startswith("/_emulator/"):
            return control(exchange)
        record = exchange.emulator.remember(exchange.record())
        fault = exchange.emulator.take_fault(f"/@{exchange.host}{exchange.path}", exchange.body)
        try:
            reply = fault.apply(exchange, lambda: respond(exchange)) if fault else respond(exchange)
        except (BadRequest, ConnectionError):           # the client stopped in the middle of a body
            record.status = 0
            raise
        except Exception as error:     # a defect here must not look like a network failure to the client
            traceback.print_exc()
            reply = Refusal(500, "emulator_defect", f"emulator: {error!r}").reply(exchange)
        record.status = reply.status
        if self.verbose:
            print(f"{record.method} @{record.host}{record.path} key={record.key_kind} -> {record.status}",
                  file=sys.stderr, flush=True)
        return reply

    def start(self) -> "Emulator":
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.hurry()
        if self._thread:
            self.server.shutdown()
            self._thread.join()
        self.server.server_close()
        self.server.close_connections()

    def __enter__(self) -> "Emulator":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()
