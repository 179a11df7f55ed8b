"""Exchange market data from wire to order book."""

import importlib.metadata

from wirebook.errors import WirebookError
from wirebook.hookspecs import hookimpl
from wirebook.inspection import inspect
from wirebook.model import Capabilities, Protocol
from wirebook.replay import Replay, replay
from wirebook.simulation import simulate

__all__ = [
    "Capabilities",
    "Protocol",
    "Replay",
    "WirebookError",
    "__version__",
    "hookimpl",
    "inspect",
    "replay",
    "simulate",
]

__version__ = importlib.metadata.version("wirebook")
