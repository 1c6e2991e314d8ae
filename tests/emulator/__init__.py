"""A stand-in for DashScope on loopback: strict where the service refuses or silently ignores, able to fail on request."""
from __future__ import annotations

from tests.emulator.server import Emulator
from tests.emulator.wire import Recorded

__all__ = ["Emulator", "Recorded"]
