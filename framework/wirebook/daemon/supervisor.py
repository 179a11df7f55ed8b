"""The life of a process: started from a plan, watched, stopped on a signal."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import wirebook
from wirebook import _engine
from wirebook.daemon.control import ControlServer
from wirebook.errors import WirebookError
from wirebook.plan import Plan

TICK = 1.0
"""Seconds between two looks at the rates."""

RATES = ("messages", "publications")
"""Counts of a channel whose change a second is told."""


class Rates:
    """How fast counts rise, from one look to the next."""

    def __init__(self) -> None:
        self._before: tuple[float, dict[str, dict[str, int]]] | None = None
        self._rates: dict[str, dict[str, float]] = {}

    def look(self, now: float, status: Mapping[str, Any]) -> None:
        """Takes the counts of this moment."""
        counts = {each["name"]: {key: each[key] for key in RATES} for each in status["channels"]}
        if self._before is not None:
            since, before = self._before
            seconds = max(now - since, 1e-9)
            self._rates = {
                name: {key: (count - before.get(name, {}).get(key, 0)) / seconds for key, count in of.items()}
                for name, of in counts.items()
            }
        self._before = (now, counts)

    def of(self, channel: str) -> dict[str, float]:
        """Counts a second of a channel; 0 before the second look."""
        return self._rates.get(channel, dict.fromkeys(RATES, 0.0))


class Supervisor:
    """One venue's process."""

    def __init__(
        self, plan: Plan, control: Path, stop: threading.Event, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.plan = plan
        self._clock = clock
        self._started = clock()
        self._rates = Rates()
        self._lock = threading.Lock()
        self._stop = stop
        self.live = _engine.Live(plan.text, list(plan.decoders))
        try:
            self.server = ControlServer(control, self._answer)
        except BaseException:
            self.live.stop()
            raise

    def notes(self) -> list[str]:
        """What the machine did not grant, and what that costs."""
        return self.live.notes()

    def status(self, *, latency: bool = False) -> dict[str, Any]:
        """Everything as it stands."""
        status: dict[str, Any] = json.loads(self.live.status(latency=latency))
        with self._lock:
            for channel in status["channels"]:
                channel |= {
                    f"{key}_per_second": round(rate, 1) for key, rate in self._rates.of(channel["name"]).items()
                }
        return {
            "venue": self.plan.venue.venue,
            "version": wirebook.__version__,
            "pid": os.getpid(),
            "seconds": round(self._clock() - self._started, 3),
            "notes": self.notes(),
            **status,
        }

    def _answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        match request.get("request"):
            case "ping":
                return {"pid": os.getpid()}
            case "status":
                return self.status(latency=bool(request.get("latency")))
            case "stop":
                self._stop.set()
                return {"stopping": True}
            case other:
                raise WirebookError(f"{other!r} is no request; there are ping, status, stop")

    def run(self) -> None:
        """Watches until it is told to stop, by the event or by a request, or until no source can go on."""
        while not self._stop.wait(TICK) and not self.live.has_ended():
            with self._lock:
                self._rates.look(self._clock(), json.loads(self.live.status()))

    def close(self) -> list[str]:
        """Stops everything once what was received is applied, and gives what went wrong with sources."""
        self.server.close()
        return self.live.stop()
