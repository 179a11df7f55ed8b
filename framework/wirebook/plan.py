"""A venue's model to what the engine runs: every reference followed, every part with its YAML path."""

import json
from collections.abc import Iterator
from typing import Any

import attrs

from wirebook import _engine
from wirebook.errors import UnknownProtocol
from wirebook.plugins import Installed, InstalledProtocol
from wirebook.venue import SERVICES_OF_FRAMING, Channel, Feed, Loop, Pace, Service, Venue

STREAMS = ("length16", "soupbintcp", "cme_tcp")
"""Framings without packets of their own: no live channel has them."""


@attrs.frozen
class Plan:
    """What the engine runs."""

    text: str
    """JSON for the engine."""
    decoders: tuple["_engine.Decoder", ...]
    """The decoders that it names by index."""
    venue: Venue


def make(venue: Venue, installed: Installed) -> Plan:
    """Makes the plan of a venue, and has the engine check it.

    Raises:
        ValueError: with every fault that was found, one a line, each by its YAML path.
    """
    faults = list(_faults(venue, installed))
    if faults:
        raise ValueError("\n".join(faults))
    found = [installed.find(feed.protocol) for feed in venue.feeds]
    decoders = tuple(each.decoder for each in found)
    loops = {loop.name: index for index, loop in enumerate(venue.loops)}
    channels = [
        _channel(f"feeds[{at}].channels[{index}]", feed, channel, at, found[at], loops)
        for at, feed in enumerate(venue.feeds)
        for index, channel in enumerate(feed.channels)
    ]
    text = json.dumps({"loops": [_loop(index, loop) for index, loop in enumerate(venue.loops)], "channels": channels})
    _engine.check_live(text, list(decoders))
    return Plan(text, decoders, venue)


def _faults(venue: Venue, installed: Installed) -> Iterator[str]:
    """What does not fit together."""
    loops = [loop.name for loop in venue.loops]
    used = set()
    names: dict[str, str] = {}
    for at, feed in enumerate(venue.feeds):
        try:
            found = installed.find(feed.protocol)
        except UnknownProtocol as error:
            known = str(error).partition(": ")[2]
            yield f"feeds[{at}].protocol: {known}"
            continue
        framings = [each for each in found.protocol.capabilities.framings if each not in STREAMS]
        if _framing(feed, found) not in framings:
            which = ", ".join(framings) or "none"
            yield f"feeds[{at}].framing: {_framing(feed, found)} has no live packets; {feed.protocol} has {which}"
            continue
        for index, channel in enumerate(feed.channels):
            path = f"feeds[{at}].channels[{index}]"
            if channel.name in names:
                yield f"{path}.name: {channel.name!r} is {names[channel.name]}, too; channels' names differ"
            names[channel.name] = path
            if channel.loop is not None and channel.loop not in loops:
                yield f"{path}.loop: {channel.loop!r} is not one of {', '.join(loops)}"
            used.add(channel.loop or loops[0])
            yield from _service_faults(path, channel, _framing(feed, found))
    for index, loop in enumerate(venue.loops):
        if loop.name not in used:
            yield f"loops[{index}].name: no channel has {loop.name!r}; leave the loop out, or give it one"
    yield from _shared_lines(venue)


def _service_faults(path: str, channel: Channel, framing: str) -> Iterator[str]:
    fitting = SERVICES_OF_FRAMING.get(framing, ())
    for kind in channel.recovery.services:
        if kind not in fitting:
            which = ", ".join(fitting) or "none"
            yield f"{path}.recovery.{kind}: it does not speak of {framing}; what does: {which}"


def _shared_lines(venue: Venue) -> Iterator[str]:
    """Lines of several channels, whose packets nothing tells apart."""
    owners: dict[str, list[tuple[str, Channel]]] = {}
    for at, feed in enumerate(venue.feeds):
        for index, channel in enumerate(feed.channels):
            for number, line in enumerate(channel.lines):
                path = f"feeds[{at}].channels[{index}].lines[{number}]"
                owners.setdefault(line.text, []).append((path, channel))
    for text, those in owners.items():
        for path, channel in those[1:]:
            first_path, first = those[0]
            if channel is first:
                yield f"{path}: {text} is {first_path}, too; a line is there once"
            elif channel.session is None or first.session is None:
                yield f"{path}: {text} is {first_path}, too; give both channels a session to tell their packets apart"


def _framing(feed: Feed, found: InstalledProtocol) -> str:
    return feed.framing or found.protocol.capabilities.framings[0]


def _loop(index: int, loop: Loop) -> dict[str, Any]:
    idle: dict[str, Any] = {"kind": loop.idle}
    if loop.idle == "back_off":
        idle |= {"polls": loop.polls, "sleep_us": loop.sleep_us}
    return {
        "path": f"loops[{index}].source",
        "name": loop.name,
        "core": loop.core,
        "idle": idle,
        "timed_every": loop.timed_every,
        "source": attrs.asdict(loop.source),
    }


def _channel(
    path: str, feed: Feed, channel: Channel, decoder: int, found: InstalledProtocol, loops: dict[str, int]
) -> dict[str, Any]:
    return {
        "path": path,
        "name": channel.name,
        "at_loop": loops[channel.loop] if channel.loop else 0,
        "decoder": decoder,
        "framing": _framing(feed, found),
        "session": channel.session,
        "lines": [line.text for line in channel.lines],
        "window_packets": channel.window_packets,
        "window_ns": channel.window_us * 1_000,
        "held_packets": channel.held_packets,
        "packet_bytes": channel.packet_bytes,
        "silence_ns": channel.silence_ms * 1_000_000,
        "books": attrs.asdict(channel.books),
        "messages_limit": channel.recovery.messages_limit,
        "retry_ns": channel.recovery.retry_s * 1_000_000_000,
        "services": [_service(kind, service) for kind, service in channel.recovery.services.items()],
    }


def _service(kind: str, service: Service) -> dict[str, Any]:
    """A service as the engine reads it: logins apart, times in nanoseconds, addresses as texts."""
    given = {each.name: getattr(service, each.name) for each in attrs.fields(type(service))}
    pace: Pace = given.pop("pace")
    made: dict[str, Any] = {"kind": kind, "pace": _pace(pace)}
    if "session_sub_id" in given:
        made["login"] = {each: given.pop(each) for each in ("session_sub_id", "username", "password")}
    if "silence_ms" in given:
        made["silence_ns"] = given.pop("silence_ms") * 1_000_000
    if "interface" in given:
        made["interface"] = str(given.pop("interface"))
    return made | given


def _pace(pace: Pace) -> dict[str, int]:
    return {
        "burst": pace.burst,
        "refill_ns": 1_000_000_000 // pace.per_second,
        "timeout_ns": pace.timeout_ms * 1_000_000,
        "tries": pace.tries,
    }
