"""Whether one program with all plugins loaded is slower than one with a single plugin: two processes, measured in turn.

A process cannot unload what it has loaded. So each side is a process of its own, with the same day in memory; the
parent has them play it in turn, on one core, and compares the rounds pair by pair.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any

import attrs

from wirebook import _engine, plugins
from wirebook.errors import WirebookError

SIDES = ("one", "all")
"""What a process has loaded: the protocol's own plugin, or every one."""

DEADLINE_SECONDS = 60
"""A process that was told to end is gone by then."""


@attrs.frozen
class Spread:
    """A ratio that was taken several times."""

    median: float
    min: float
    max: float


@attrs.frozen
class Comparison:
    """All plugins to one, pair by pair: above 1, all are slower."""

    protocol: str
    plugins: tuple[str, ...]
    """Distributions that the one side loads and the other does not, the protocol's own first."""
    rounds: int
    decode: Spread
    everything: Spread


def compare(protocol: str, *, messages: int, symbols: int, seed: int, runs: int, core: int | None) -> Comparison:
    """Measures both sides in turn.

    Raises:
        WirebookError: a process did not do its part; the error has what it said.
    """
    origin = plugins.installed().find(protocol).origin.distribution
    others = sorted({each.origin.distribution for each in plugins.installed().plugins} - {origin})
    given = {"protocol": protocol, "messages": messages, "symbols": symbols, "seed": seed, "core": core}
    with contextlib.ExitStack() as stack:
        sides = [stack.enter_context(_side({**given, "distribution": name})) for name in (origin, None)]
        # The first round of each warms it up.
        rounds = [[next(side) for side in sides] for _ in range(runs + 1)][1:]
    ratios = [[of_all / of_one for of_one, of_all in zip(one, every, strict=True)] for one, every in rounds]
    decode, everything = (
        Spread(statistics.median(values), min(values), max(values)) for values in zip(*ratios, strict=True)
    )
    return Comparison(protocol, (origin, *others), runs, decode, everything)


@contextlib.contextmanager
def _side(given: dict[str, Any]) -> Iterator[Iterator[tuple[float, float]]]:
    """A process that plays a round each time it is asked for one."""
    command = [sys.executable, "-m", "wirebook.neighbours", json.dumps(given)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield _rounds(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _rounds(asks: IO[str], answers: IO[str]) -> Iterator[tuple[float, float]]:
    while True:
        try:
            asks.write("\n")
            asks.flush()
        except BrokenPipeError:
            pass
        answer = answers.readline()
        if not answer:
            raise WirebookError("a process that was to be measured ended: its standard error says why")
        decode, everything = json.loads(answer)
        yield decode, everything


def main(given: dict[str, Any]) -> None:
    """Plays a round for each line of standard input: what the process of one side does."""
    if given["core"] is not None:
        os.sched_setaffinity(0, {given["core"]})
    decoder = plugins.load(only=given["distribution"]).find(given["protocol"]).decoder
    day = _engine.DayAgain(decoder, messages=given["messages"], symbols=given["symbols"], seed=given["seed"])
    for _ in sys.stdin:
        print(json.dumps(day.round()), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
