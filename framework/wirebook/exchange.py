"""An exchange in a box: a recorded or simulated day, published by the real protocols."""

import json
import threading
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from wirebook import _engine, config, plugins
from wirebook.errors import Misuse

WATCH_S = 0.25
"""How often the exchange is looked at while it runs."""


class Exchange:
    """A day on its lines, with the services that answer for it. Leaving the ``with`` block stops it."""

    def __init__(self, day: str | PathLike[str], *, protocol: str, plan: dict[str, Any]) -> None:
        """Opens every socket and starts to publish.

        Args:
            day: capture of the day's packets.
            protocol: what it is in.
            plan: keys as the YAML file of ``wirebook simulate --live`` has them.

        Raises:
            Misuse: the plan cannot be.
        """
        decoder = plugins.installed().find(protocol).decoder
        try:
            self._engine = _engine.Exchange(Path(day), decoder, json.dumps(plan))
        except (ValueError, TypeError) as error:
            raise Misuse(str(error)) from error

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> dict[str, Any]:
        """What it has done so far: packets out, what each line and each service did."""
        status: dict[str, Any] = json.loads(self._engine.status())
        return status

    def stop(self) -> dict[str, Any]:
        """Stops lines and services, and gives what they did."""
        status: dict[str, Any] = json.loads(self._engine.stop())
        return status

    def run(self, stop: threading.Event, show: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
        """Waits until the day and its linger are over, or until told to stop, and gives what was done.

        Args:
            stop: ends it early; see :func:`wirebook.signals.stop_on_signal`.
            show: called with the status now and then.
        """
        while not stop.wait(WATCH_S):
            status = self.status
            if show:
                show(status)
            if status["is_over"]:
                break
        return self.stop()


def read_plan(path: Path) -> dict[str, Any]:
    """The plan of an exchange from its YAML file.

    Raises:
        ConfigError: the file cannot be read, or is no mapping in YAML.
    """
    given = config.read(path)
    if not isinstance(given, dict):
        raise config.ConfigError(path, ["an exchange is a mapping with lines, services and chaos"])
    return given
