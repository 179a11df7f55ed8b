"""What runs on a trading server: a venue's feeds, their channels and lines, and the loops that carry them."""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address
from typing import Any, NewType

import attrs

SOURCES = ("socket", "io_uring", "af_xdp", "dpdk")
"""By which means packets are received."""

IDLE = ("block", "back_off", "spin")
"""What a loop does without packets, the one that is kindest to other processes first."""

SERVICES_OF_FRAMING = {
    "moldudp64": ("moldudp64", "glimpse"),
    "sequenced_unit": ("gap_proxy", "spin"),
    "cme_packet": ("loops",),
    "b3_packet": ("loops",),
}
"""Recovery services that speak of a framing's sequences."""

Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]

Place = NewType("Place", str)
"""``address:port``, the address being IPv4."""


class Fault(ValueError):
    """A field of a model has a value that cannot be."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text


_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_PLACE = re.compile(r"([^:\s]+):(\d{1,5})")


def whole(least: int, most: int) -> Check:
    """Refuses what is not a whole number in this range, both ends included; ``None`` passes."""

    def check(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most):
            raise Fault(attribute.name, f"{value!r} is not {least}-{most}")

    return check


def among(choices: Iterable[str]) -> Check:
    """Refuses what is none of these; ``None`` passes."""
    known = tuple(choices)

    def check(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if value is not None and value not in known:
            raise Fault(attribute.name, f"{value!r} is not one of {', '.join(known)}")

    return check


def named(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuses what is no name for tables, threads and files."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Fault(attribute.name, f"{value!r} is no name; use up to 64 of a-z, A-Z, 0-9, - . and _")


def filled(_instance: object, attribute: "attrs.Attribute[Any]", value: tuple[object, ...]) -> None:
    """Refuses a list without an entry."""
    if not value:
        raise Fault(attribute.name, "it is empty; give at least one")


def place(value: object) -> Place:
    """Takes ``address:port`` with an IPv4 address."""
    match = _PLACE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise ValueError(f"{value!r} is no address:port, as 127.0.0.1:26401")
    try:
        IPv4Address(match[1])
    except ValueError:
        raise ValueError(f"{value!r}: {match[1]} is no IPv4 address") from None
    return Place(f"{IPv4Address(match[1])}:{int(match[2])}")


def address(value: object) -> IPv4Address:
    """Takes an IPv4 address."""
    try:
        return IPv4Address(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is no IPv4 address") from None


def _unique(_instance: object, attribute: "attrs.Attribute[Any]", value: tuple[Any, ...]) -> None:
    """Refuses entries with the same name."""
    seen: set[str] = set()
    for index, each in enumerate(value):
        if each.name in seen:
            text = f"{each.name!r} is there twice; names of {attribute.name} differ"
            raise Fault(f"{attribute.name}[{index}].name", text)
        seen.add(each.name)


@attrs.frozen
class Source:
    """Where a loop's packets come from."""

    kind: str = attrs.field(default="socket", validator=among(SOURCES))
    interface: str | None = attrs.field(default=None)
    """Interface on which groups are joined; the routing table chooses where there is none."""
    datagram_size: int = attrs.field(default=2_048, validator=whole(64, 65_507))
    """Bytes of the longest datagram that is taken whole."""
    receive_buffer_size: int = attrs.field(default=16 << 20, validator=whole(4_096, 1 << 30))
    """Bytes that the kernel may keep for each socket while nobody takes them."""
    busy_poll_us: int = attrs.field(default=0, validator=whole(0, 1_000_000))
    """Time that the kernel polls the card on behalf of a call that would find nothing."""
    stamps: str = attrs.field(default="kernel", validator=among(("kernel", "hardware")))
    trailer: str | None = attrs.field(default=None, validator=among(("metamako", "exablaze")))
    """What a capture switch appended to each frame; AF_XDP and DPDK see it."""
    flow_limit: int = attrs.field(default=4_096, validator=whole(1, 1 << 20))
    """Most flows (group, port and sender) that are kept apart."""
    queue: int = attrs.field(default=0, validator=whole(0, 65_535))
    """Receive queue, of AF_XDP and DPDK."""
    mode: str = attrs.field(default="best", validator=among(("best", "zero_copy", "copy", "generic")))
    """How AF_XDP gets packets."""
    frame_count: int = attrs.field(default=4_096, validator=whole(64, 1 << 20))
    """Frames of AF_XDP's memory, a power of two."""
    device: str | None = attrs.field(default=None)
    """Card by its PCI address, or virtual device with its arguments, of DPDK."""
    queue_count: int = attrs.field(default=1, validator=whole(1, 1_024))
    """Receive queues that DPDK opens the port with."""
    descriptor_count: int = attrs.field(default=1_024, validator=whole(32, 32_768))
    buffer_count: int = attrs.field(default=8_191, validator=whole(64, 1 << 24))
    memory: str = attrs.field(default="ordinary", validator=among(("ordinary", "huge_pages")))
    """Where DPDK takes its memory from; cards need huge pages."""
    megabytes: int = attrs.field(default=128, validator=whole(16, 1 << 20))
    """Ordinary memory that DPDK takes."""
    promiscuous: bool = attrs.field(default=True)


@attrs.frozen
class Loop:
    """One thread that polls a source and works for the channels that are assigned to it."""

    name: str = attrs.field(default="loop-0", validator=named)
    core: int | None = attrs.field(default=None, validator=whole(0, 1023))
    """The core that it has for itself; the system chooses where there is none."""
    idle: str = attrs.field(default="block", validator=among(IDLE))
    polls: int = attrs.field(default=1_000, validator=whole(1, 1 << 30))
    """Empty polls in a row after which ``back_off`` sleeps."""
    sleep_us: int = attrs.field(default=50, validator=whole(1, 1_000_000))
    timed_every: int = attrs.field(default=16, validator=whole(0, 1 << 30))
    """Of so many bursts one is timed; 0: none."""
    source: Source = attrs.field(factory=Source)


@attrs.frozen
class Line:
    """One of the redundant copies of a channel."""

    group: IPv4Address = attrs.field()
    """Multicast group, or an address of this machine."""
    port: int = attrs.field(validator=whole(1, 65_535))
    sender: IPv4Address | None = attrs.field(default=None)
    """The only sender whose packets are taken."""

    @property
    def text(self) -> str:
        """The line as the engine reads it."""
        sender = f"@{self.sender}" if self.sender else ""
        return f"{self.group}:{self.port}{sender}"


@attrs.frozen
class Books:
    """Memory that a channel's books reserve; what is left out is as for a whole equity venue."""

    instruments: int | None = attrs.field(default=None, validator=whole(1, 1 << 24))
    orders: int | None = attrs.field(default=None, validator=whole(1, 1 << 30))
    levels: int | None = attrs.field(default=None, validator=whole(1, 1 << 30))


@attrs.frozen
class Pace:
    """How often a service is asked."""

    burst: int = attrs.field(default=10, validator=whole(1, 100_000))
    """Requests that may go out at once."""
    per_second: int = attrs.field(default=10, validator=whole(1, 100_000))
    """Requests a second after that."""
    timeout_ms: int = attrs.field(default=50, validator=whole(1, 60_000))
    """Wait for an answer before the first retry; each further one waits twice as long."""
    tries: int = attrs.field(default=10, validator=whole(1, 1_000))


@attrs.frozen
class MoldUdp64:
    """Request servers that send messages again."""

    servers: tuple[Place, ...] = attrs.field(validator=filled)
    most_messages: int = attrs.field(default=60, validator=whole(1, 65_535))
    """Messages asked for at a time."""
    pace: Pace = attrs.field(factory=Pace)


@attrs.frozen
class Glimpse:
    """Servers of snapshots over SoupBinTCP."""

    servers: tuple[Place, ...] = attrs.field(validator=filled)
    username: str = attrs.field(default="")
    password: str = attrs.field(default="", repr=False)
    pace: Pace = attrs.field(factory=Pace)


@attrs.frozen
class GapProxy:
    """Cboe's gap request proxy: asked over TCP, it answers by multicast."""

    servers: tuple[Place, ...] = attrs.field(validator=filled)
    groups: tuple[Place, ...] = attrs.field(validator=filled)
    """Where its answers come."""
    session_sub_id: str = attrs.field(default="")
    username: str = attrs.field(default="")
    password: str = attrs.field(default="", repr=False)
    interface: IPv4Address = attrs.field(default=IPv4Address("0.0.0.0"))
    """Address of the interface on which the groups are joined."""
    most_messages: int = attrs.field(default=100, validator=whole(1, 65_535))
    silence_ms: int = attrs.field(default=5_000, validator=whole(100, 600_000))
    pace: Pace = attrs.field(factory=Pace)


@attrs.frozen
class Spin:
    """Cboe's spin server of snapshots."""

    servers: tuple[Place, ...] = attrs.field(validator=filled)
    session_sub_id: str = attrs.field(default="")
    username: str = attrs.field(default="")
    password: str = attrs.field(default="", repr=False)
    silence_ms: int = attrs.field(default=5_000, validator=whole(100, 600_000))
    pace: Pace = attrs.field(factory=Pace)


@attrs.frozen
class Loops:
    """Feeds that give one instrument's state after the other, again and again."""

    loops: tuple[tuple[Place, ...], ...] = attrs.field(validator=filled)
    """Of each loop its groups: lines A and B."""
    interface: IPv4Address = attrs.field(default=IPv4Address("0.0.0.0"))
    pace: Pace = attrs.field(factory=Pace)


Service = MoldUdp64 | Glimpse | GapProxy | Spin | Loops


@attrs.frozen
class Recovery:
    """Whom a channel asks for what is missing."""

    messages_limit: int = attrs.field(default=10_000, validator=whole(1, 1 << 40))
    """More missing messages than this are not asked for again: a snapshot is fetched."""
    retry_s: int = attrs.field(default=10, validator=whole(0, 86_400))
    """Seconds after which a snapshot that did not come is asked for again; 0: never."""
    moldudp64: MoldUdp64 | None = attrs.field(default=None)
    glimpse: Glimpse | None = attrs.field(default=None)
    gap_proxy: GapProxy | None = attrs.field(default=None)
    spin: Spin | None = attrs.field(default=None)
    loops: Loops | None = attrs.field(default=None)

    @property
    def services(self) -> dict[str, Service]:
        """The services that are there, by kind; those that send messages again before snapshots."""
        each = (self.moldudp64, self.gap_proxy, self.glimpse, self.spin, self.loops)
        kinds = ("moldudp64", "gap_proxy", "glimpse", "spin", "loops")
        return {kind: service for kind, service in zip(kinds, each, strict=True) if service is not None}


@attrs.frozen
class Channel:
    """One independently numbered stream of packets."""

    name: str = attrs.field(validator=named)
    lines: tuple[Line, ...] = attrs.field(validator=filled)
    loop: str | None = attrs.field(default=None)
    """The loop that works for it; the first one where there is none."""
    session: str | None = attrs.field(default=None)
    """The session that names the channel where several share their lines: Cboe's unit number."""
    window_packets: int = attrs.field(default=256, validator=whole(1, 65_536))
    """Packets behind a hole after which no line is waited for."""
    window_us: int = attrs.field(default=1_000, validator=whole(0, 60_000_000))
    """Time after which none is."""
    held_packets: int = attrs.field(default=16_384, validator=whole(1, 1 << 20))
    """Packets that can wait while what is missing is fetched."""
    packet_bytes: int = attrs.field(default=2_048, validator=whole(64, 65_536))
    silence_ms: int = attrs.field(default=0, validator=whole(0, 86_400_000))
    """Time without a packet after which books are stale; 0: never."""
    books: Books = attrs.field(factory=Books)
    recovery: Recovery = attrs.field(factory=Recovery)

    @lines.validator
    def _at_most_sixteen(self, attribute: "attrs.Attribute[Any]", value: tuple[Line, ...]) -> None:
        if len(value) > 16:
            raise Fault(attribute.name, f"{len(value)} lines are more than 16")

    @held_packets.validator
    def _holds_a_window(self, attribute: "attrs.Attribute[Any]", value: int) -> None:
        if value < self.window_packets:
            raise Fault(attribute.name, f"{value} is less than window_packets, {self.window_packets}")


@attrs.frozen
class Feed:
    """One product that a venue publishes."""

    name: str = attrs.field(validator=named)
    protocol: str = attrs.field()
    channels: tuple[Channel, ...] = attrs.field(validator=[filled, _unique])
    framing: str | None = attrs.field(default=None)
    """How packets number messages; the protocol's usual one where there is none."""


@attrs.frozen
class Venue:
    """A market and everything of it that one process takes in."""

    venue: str = attrs.field(validator=named)
    feeds: tuple[Feed, ...] = attrs.field(validator=[filled, _unique])
    loops: tuple[Loop, ...] = attrs.field(factory=lambda: (Loop(),), validator=[filled, _unique])
    control: str | None = attrs.field(default=None)
    """Path of the socket that ``wirebook status`` asks; in the runtime directory where there is none."""
