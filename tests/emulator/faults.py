"""Failures on request. A fault takes the exchange and `proceed`, which gives the ordinary reply, and returns a reply."""
from __future__ import annotations

import inspect
import random
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from tests.emulator import fault_calls, fault_errors, fault_links, fault_streams
from tests.emulator.wire import OSS, RESULTS, Exchange, Reply

Proceed = Callable[[], Reply]
SPEECH_FAULTS = fault_calls.SPEECH
FAULTS: Dict[str, Callable[..., Reply]] = {**fault_errors.FAULTS, **fault_links.FAULTS, **fault_streams.FAULTS, **fault_links.DOWNLOADS,
                                           **fault_calls.CREATES, **fault_calls.POLLS, **fault_calls.SPEECH}
# where a fault without a path waits: for an upload to the object storage, a download, a look at a task, a create
HOMES = ((f"/@{OSS}/", frozenset((*fault_errors.OSS_ERRORS, "oss-reset"))),
         (f"/@{RESULTS}/", frozenset(fault_links.DOWNLOADS)),
         ("/api/v1/tasks/", frozenset(fault_calls.POLLS)), ("/services/aigc/", frozenset(fault_calls.CREATES)),
         ("/services/", frozenset(fault_calls.SPEECH)))


@dataclass
class Fault:
    """An injected fault; `times` None means until reset."""
    name: str
    times: Optional[int] = 1
    path: Optional[str] = None
    parameters: Dict[str, Any] = field(default_factory=dict)
    text: bytes = b""                  # what the body of the request must hold

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"unknown fault {self.name!r}; known: {', '.join(FAULTS)}")
        if self.path is None:
            self.path = next((path for path, names in HOMES if self.name in names), None)
        try:
            inspect.signature(FAULTS[self.name]).bind(None, None, **self.parameters)
        except TypeError as error:
            raise ValueError(f"fault {self.name!r}: {error}") from None

    def matches(self, path: str) -> bool:
        return self.times != 0 and (self.path is None or self.path in path)

    def apply(self, exchange: Exchange, proceed: Proceed) -> Reply:
        return FAULTS[self.name](exchange, proceed, **self.parameters)


# Chance

class Flaky:
    """A seeded plan: of the requests whose path contains `path`, each fault befalls its share."""

    def __init__(self, path: str, seed: int, rates: Dict[str, float]):
        if sum(rates.values()) > 1 or min(rates.values(), default=0) < 0:
            raise ValueError(f"the rates {rates} are no shares of one whole")
        self.path, self.random, self.lock = path, random.Random(seed), threading.Lock()
        self.shares: List[Tuple[float, Fault]] = [(rate, Fault(name, None, path)) for name, rate in rates.items()]

    def take(self, path: str) -> Optional[Fault]:
        if self.path not in path:
            return None
        with self.lock:
            drawn = self.random.random()
        for share, fault in self.shares:
            drawn -= share
            if drawn < 0:
                return fault
        return None
