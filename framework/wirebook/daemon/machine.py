"""What a machine and a configuration lack for a venue, and what each lack costs."""

import os
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from wirebook.doctor import Finding, State
from wirebook.venue import Loop, Venue

RMEM_MAX = Path("/proc/sys/net/core/rmem_max")


def examine(venue: Venue) -> list[Finding]:
    """Looks at everything that the venue's loops and channels ask of this machine; changes nothing."""
    interfaces = {name for _, name in socket.if_nameindex()}
    return [
        *loops(venue, interfaces, os.sched_getaffinity(0)),
        *buffers(venue, _number(RMEM_MAX), privileged=os.geteuid() == 0),
        *lines(venue),
    ]


def loops(venue: Venue, interfaces: Collection[str], cores: Collection[int]) -> Iterator[Finding]:
    """Interfaces that are not there, cores that cannot be had, and loops that take each other's."""
    for loop in venue.loops:
        name = loop.source.interface
        if name is not None and name not in interfaces:
            yield Finding(
                loop.name,
                "interface",
                State.PROBLEM,
                f"{name} is not there",
                f"this machine has {', '.join(sorted(interfaces))}",
            )
        yield _core(loop, cores)
    shared = [loop.name for loop in venue.loops if [each.core for each in venue.loops].count(loop.core) > 1]
    if shared and any(loop.core is not None for loop in venue.loops if loop.name in shared):
        names = ", ".join(loop.name for loop in venue.loops if loop.name in shared and loop.core is not None)
        yield Finding("loops", "cores", State.ADVICE, f"{names} share a core", "give each a core of its own")
    spinning = [loop for loop in venue.loops if loop.idle == "spin"]
    if len(spinning) >= len(cores):
        detail = f"{len(spinning)} loops spin on {len(cores)} usable cores: nothing is left for readers and recovery"
        yield Finding("loops", "idle", State.ADVICE, detail, "let some block, or give the process more cores")


def _core(loop: Loop, cores: Collection[int]) -> Finding:
    if loop.core is None:
        detail = "none asked for: the system may move the loop, which costs microseconds each time"
        return Finding(loop.name, "core", State.ADVICE, detail, "give it a core that nothing else uses")
    if loop.core in cores:
        return Finding(loop.name, "core", State.OK, f"{loop.core}")
    detail = f"{loop.core} cannot be had: the loop will run where the system puts it"
    return Finding(loop.name, "core", State.ADVICE, detail, f"usable are {_ranges(cores)}")


def _ranges(numbers: Collection[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def buffers(venue: Venue, most: int, *, privileged: bool) -> Iterator[Finding]:
    """Receive buffers that the kernel will not give."""
    for loop in venue.loops:
        wanted = loop.source.receive_buffer_size
        if loop.source.kind not in ("socket", "io_uring"):
            continue
        if wanted <= most or privileged:
            yield Finding(loop.name, "receive buffer", State.OK, f"{wanted // 1024} KB a socket")
            continue
        detail = f"the kernel gives {most // 1024} KB of {wanted // 1024}: longer bursts are lost, and recovered"
        yield Finding(loop.name, "receive buffer", State.ADVICE, detail, f"sysctl net.core.rmem_max={wanted}, as root")


def lines(venue: Venue) -> Iterator[Finding]:
    """Channels that nothing helps when a packet is lost."""
    for feed in venue.feeds:
        for channel in feed.channels:
            if not channel.recovery.services:
                detail = "none: what all lines lose is lost, and the books stay stale until they are cleared"
                yield Finding(
                    channel.name, "recovery", State.ADVICE, detail, "name the venue's services under recovery"
                )
            if len(channel.lines) == 1:
                detail = "one: every lost packet has to be recovered"
                yield Finding(channel.name, "lines", State.ADVICE, detail, "give line B, too")


def _number(path: Path) -> int:
    """Gives the number in a system file; 0 where this system has none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
