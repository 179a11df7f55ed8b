"""The protocol under test: its decoder on a rig, its vectors, and packets of them in every framing."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import attrs

from wirebook._engine import Rig, RigChannel
from wirebook.testing.events import Event, comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wirebook._engine import FieldDescription, MessageDescription, Run
    from wirebook.plugins import InstalledProtocol
    from wirebook.testing.vectors import Vector

SESSIONS = ("1", "2")
"""Names of a session and of the one that follows; digits, for some framings number their sessions."""

SESSIONS_OF_FRAMINGS = {
    "b3_packet": ("1.1", "1.2"),
    "memx_packet": (f"{1:016x}", f"{2:016x}"),
    "optiq_packet": ("1.1", "1.2"),
}
"""The same in framings whose sessions are named by several numbers: channel and restart, or by sixteen digits."""

PACKET_MESSAGES = 16
"""Most messages that are put into one packet."""

PACKET_BYTES = 1_200
"""Bytes of messages after which no further one is put into a packet."""


ENTRY = re.compile(r"\[\d+\]")
"""Number of a group's entry in a field's path."""

FIXED = ("message_type", "message_length", "block_length", "template_id", "schema_id", "version")
"""Fields that say what a message is, and not what it means."""


@attrs.frozen
class Subject:
    """A protocol under test."""

    installed: InstalledProtocol
    vectors: tuple[Vector, ...]

    @property
    def name(self) -> str:
        """Name of the protocol."""
        return self.installed.protocol.name

    @property
    def framings(self) -> tuple[str, ...]:
        """Framings that the plugin declares."""
        return self.installed.protocol.capabilities.framings

    @property
    def has_encoder(self) -> bool:
        """Whether the plugin declares an encoder."""
        return self.installed.protocol.capabilities.encoder

    def rig(self, framing: str | None = None, *, events: int = 1024, records: int = 512) -> Rig:
        """A new decoder for packets of a framing, the usual one where none is named."""
        return Rig(self.installed.decoder, framing or self.framing, events=events, records=records)

    def channel(self, framing: str | None = None) -> RigChannel:
        """The engine's channel with books around a new decoder."""
        return RigChannel(self.installed.decoder, framing or self.framing)

    @functools.cached_property
    def framing(self) -> str:
        """The first framing that packets can be written in; the first one declared where there is none."""
        return next((each for each in self.framings if self.can_pack(each)), self.framings[0])

    def can_pack(self, framing: str) -> bool:
        """Whether the decoder writes packets in a framing."""
        message = next((each.message for each in self.vectors if each.message), b"")
        rig = Rig(self.installed.decoder, framing)
        status, packet = rig.pack([message], session=session_of(framing), first_sequence=1)
        return status == "ok" and bool(packet)

    def pack(
        self,
        messages: Sequence[bytes],
        *,
        framing: str | None = None,
        first_sequence: int = 1,
        session: str | None = None,
        kind: str = "data",
    ) -> bytes:
        """Writes a packet of messages."""
        status, packet = self.rig(framing).pack(
            list(messages),
            session=session or session_of(framing or self.framing),
            first_sequence=first_sequence,
            kind=kind,
        )
        shown = [each.hex() for each in messages]
        assert status == "ok", f"pack: {status!r} for a {kind} packet in {framing or self.framing} of {shown}"
        return packet

    def packets(self, framing: str) -> list[bytes]:
        """Packets of every vector: its messages, as many together as fit, and whole packets as they are."""
        packets = [each.packet for each in self.vectors if each.framing == framing]
        if self.can_pack(framing):
            most = self.most_messages(framing)
            packets += [self.pack(each, framing=framing) for each in grouped(self.messages, most)]
        return packets

    def most_messages(self, framing: str) -> int:
        """Most messages that are put into one packet of a framing; 1 where it holds one only."""
        message = next(iter(self.messages), b"")
        status, _ = self.rig(framing).pack([message] * 2, session=session_of(framing), first_sequence=1)
        return PACKET_MESSAGES if status == "ok" else 1

    @functools.cached_property
    def messages(self) -> tuple[bytes, ...]:
        """Every message of the vectors, in their order, those that go before a vector's own too."""
        found = [message for each in self.vectors for message in (*each.before, each.message) if message]
        return tuple(found)

    @functools.cached_property
    def packed_messages(self) -> tuple[bytes, ...]:
        """Every message of the vectors that are whole packets."""
        found: list[bytes] = []
        for each in self.vectors:
            if each.packet:
                rig = self.rig(each.framing)
                rig.run(each.packet)
                found += rig.split(each.packet)[1]
        return tuple(found)

    @functools.cached_property
    def plain_messages(self) -> tuple[bytes, ...]:
        """Messages of vectors that are taken as they stand and have events."""
        return tuple(each.message for each in self.vectors if each.message and each.events and not each.faults)

    def decode(self, message: bytes, *, before: Iterable[bytes] = (), framing: str | None = None) -> Run:
        """What a new decoder makes of a message, after those that went before it."""
        rig = self.rig(framing)
        sequence = 1
        for each in before:
            rig.run(self.pack([each], framing=framing, first_sequence=sequence))
            sequence += 1
        return rig.run(self.pack([message], framing=framing, first_sequence=sequence))

    def encode(self, events: Sequence[Event], *, before: Iterable[bytes] = ()) -> tuple[str, bytes]:
        """Status, and the message that means these events, of an encoder that wrote only what went before."""
        rig = self.rig()
        for sequence, each in enumerate(before, 1):
            rig.encode(rig.run(self.pack([each], first_sequence=sequence))["events"])
        return rig.encode(list(events))

    @functools.cached_property
    def described(self) -> dict[str, MessageDescription]:
        """Message types by name."""
        return {each["name"]: each for each in self.installed.decoder.describe()}

    def type_of(self, message: bytes) -> str | None:
        """Name of a message's type, by the description."""
        return self._reader.identify(message)

    def example(self, name: str) -> bytes | None:
        """A vector's message of this type."""
        return next((each for each in self.messages if self.type_of(each) == name), None)

    def before(self, name: str) -> tuple[bytes, ...]:
        """What goes before the example of this type."""
        example = self.example(name)
        return next((each.before for each in self.vectors if each.message == example), ())

    @functools.cached_property
    def _reader(self) -> Rig:
        return Rig(self.installed.decoder, self.framings[0])

    def said(self, message: bytes) -> set[str]:
        """Fields that say something in a message, those of groups behind the group's name: ``entries.price``."""
        return {ENTRY.sub("", path) for path in self._reader.said(message) or ()}

    def build(self, name: str, fields: dict[str, bytes | str | int]) -> bytes:
        """A message of named values, by the description alone."""
        return self._reader.build(name, fields)


def session_of(framing: str, *, following: bool = False) -> str:
    """Name of a session that packets of a framing can be of, or of the one that follows it."""
    return SESSIONS_OF_FRAMINGS.get(framing, SESSIONS)[following]


def is_free(field: FieldDescription) -> bool:
    """Whether a field can have several values."""
    return field["name"] not in FIXED and field["bytes"] > 0 and len(field["codes"]) != 1


def grouped(messages: Iterable[bytes], most: int = PACKET_MESSAGES) -> list[list[bytes]]:
    """Shares messages out to packets.

    >>> [len(each) for each in grouped([b"x"] * 20)]
    [16, 4]
    """
    packets: list[list[bytes]] = []
    for message in messages:
        last = packets[-1] if packets else None
        if last is None or len(last) == most or sum(map(len, last)) + len(message) > PACKET_BYTES:
            packets.append([message])
        else:
            last.append(message)
    return packets


def same_events(found: Sequence[Event], expected: Sequence[Event]) -> bool:
    """Whether events are equal but for sequence and message."""
    return comparable(found) == comparable(expected)


def in_words(broken: Iterable[tuple[bytes, str]]) -> str:
    """Broken promises of a survey, with the packets that broke them."""
    return "\n".join(f"{what}\n    packet {packet.hex()}" for packet, what in broken)


def values_of(events: Iterable[Event]) -> Iterable[Any]:
    """Every value of every record."""
    for event in events:
        yield from event.get("record", {}).get("values", {}).values()
