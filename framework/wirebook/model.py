"""What plugins and commands speak of: protocols and what they can do."""

import re
from collections.abc import Iterable

import attrs
from attrs.validators import instance_of, matches_re

FRAMINGS = (
    "moldudp64",
    "length16",
    "soupbintcp",
    "sequenced_unit",
    "cme_packet",
    "cme_tcp",
    "b3_packet",
    "memx_packet",
    "coinbase_packet",
    "deribit_packet",
    "optiq_packet",
    "simba_packet",
    "message",
)
"""Names of the framings that the engine knows: how packets number messages."""

FORMATS = ("pcap", "pcapng", "gzip", "zstd", "length16", "soupbintcp", "moldudp64")
"""Names of the formats that a capture can have."""

_IDENTITY = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _known_framings(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    """Refuses an empty list and names that the engine does not know."""
    if not value:
        raise ValueError(f"framings: empty; name at least one of {', '.join(FRAMINGS)}")
    for index, framing in enumerate(value):
        if framing not in FRAMINGS:
            raise ValueError(f"framings[{index}]: {framing!r} is not one of {', '.join(FRAMINGS)}")


def _identities(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    """Refuses aliases that could not be names."""
    for index, alias in enumerate(value):
        if not _IDENTITY.fullmatch(alias):
            raise ValueError(f"aliases[{index}]: {alias!r} is no name; use a-z, 0-9, - and .")


@attrs.frozen
class Capabilities:
    """What a plugin declares that it can do for a protocol.

    What is not declared here is not asked of it, and not tested.
    """

    framings: tuple[str, ...] = attrs.field(converter=_texts, validator=_known_framings)
    """Framings that its packets come in, the usual one first."""

    order_books: bool = attrs.field(default=True, validator=instance_of(bool), kw_only=True)
    """Events name orders, so that books have queues (MBO)."""

    encoder: bool = attrs.field(default=False, validator=instance_of(bool), kw_only=True)
    """Events can be written as messages and packets; ``wirebook simulate`` needs it."""

    unencoded: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    """Names of messages that the encoder does not write: their events say less than it would need."""


@attrs.frozen
class Protocol:
    """A message format of a venue, and the decoder for it.

    >>> Protocol(name="demo-1.0", title="Demo", family="itch", capabilities=Capabilities(["moldudp64"]), table=object())
    Protocol(name='demo-1.0', title='Demo', family='itch', capabilities=Capabilities(framings=('moldudp64',), \
order_books=True, encoder=False, unencoded=()), aliases=())
    """

    name: str = attrs.field(validator=[instance_of(str), matches_re(_IDENTITY)])
    """Identity, as ``--protocol`` takes it: ``nasdaq-totalview-5.0``."""

    title: str = attrs.field(validator=instance_of(str))
    """The venue's name for it, for people."""

    family: str = attrs.field(validator=[instance_of(str), matches_re(_IDENTITY)])
    """Family of protocols: ``itch``, ``pitch``, ``sbe``."""

    capabilities: Capabilities = attrs.field(validator=instance_of(Capabilities))
    """What the plugin can do for it."""

    table: object = attrs.field(repr=False, eq=False)
    """``PyCapsule`` named ``wirebook.decoder`` that points to a static decoder table."""

    aliases: tuple[str, ...] = attrs.field(default=(), converter=_texts, validator=_identities, kw_only=True)
    """Other names that ``--protocol`` takes for it: versions of a schema that one decoder reads."""
