"""Synthetic trading days, for demonstrations, benchmarks and tests."""

import datetime
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from wirebook import _engine, clock, plugins
from wirebook.errors import Misuse

FORMATS = {".pcap": "pcap", ".itch": "length16"}
"""Format of the file that each ending asks for."""


def simulate(
    path: str | PathLike[str],
    *,
    protocol: str | None = None,
    messages: int = 5_000_000,
    symbols: int = 8_500,
    seed: int = 1,
    date: datetime.date = datetime.date(2025, 7, 17),
    open_orders: int | None = None,
    format: str | None = None,
    messages_per_packet: int | None = None,
    channels: int | None = None,
    end_of_messages: bool = True,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Writes a day: the same arguments give the same bytes.

    Books are never crossed and every reference is sound.

    Args:
        path: file to write; it appears when it is complete.
        protocol: protocol to write in; the first installed that has an encoder where it is not given.
        messages: messages of the day, all types counted.
        symbols: instruments.
        seed: another seed is another day of the same kind.
        date: the venue's day.
        open_orders: orders open at a time; a tenth of ``messages`` where it is not given.
        format: ``pcap`` (datagrams in the protocol's framing) or ``length16`` (messages behind a big-endian 16-bit
            length); told from the ending of ``path`` (``.pcap``, ``.itch``) where it is not given.
        messages_per_packet: as many in each packet; as at a venue where it is not given.
        channels: channels that instruments are spread over, of protocols that have several: units of PITCH, 4 where
            it is not given.
        end_of_messages: whether the day ends with the message that clears every book.
        progress: called now and then with messages made and messages of the day; what it raises stops the work.

    Returns:
        ``messages``, ``message_kinds`` (messages by kind), ``instruments``, ``open_orders`` (left at the end, before
        books are cleared) and ``bytes`` (of the file).

    Raises:
        Misuse: the day cannot be made as asked.
    """
    path = Path(path)
    chosen = _protocol(protocol)
    midnight_ns = clock.base_ns(date, chosen.decoder.timezone)
    try:
        return _engine.simulate(
            path,
            chosen.decoder,
            seed=seed,
            symbols=symbols,
            messages=messages,
            midnight_unix_ns=midnight_ns,
            format=format or _format(path),
            open_orders=open_orders,
            messages_per_packet=messages_per_packet,
            channels=channels,
            end_of_messages=end_of_messages,
            progress=progress,
        )
    except (ValueError, OverflowError) as error:
        raise Misuse(str(error)) from error


def _protocol(name: str | None) -> plugins.InstalledProtocol:
    installed = plugins.installed()
    if name is not None:
        chosen = installed.find(name)
        if not chosen.protocol.capabilities.encoder:
            raise Misuse(f"protocol: the plugin for {name} has no encoder, which a simulation needs")
        return chosen
    with_encoder = [each for each in installed.protocols if each.protocol.capabilities.encoder]
    if not with_encoder:
        raise Misuse("no installed protocol has an encoder, which a simulation needs: pip install wirebook-itch")
    return with_encoder[0]


def _format(path: Path) -> str:
    try:
        return FORMATS[path.suffix]
    except KeyError:
        known = ", ".join(FORMATS)
        raise Misuse(f"{path}: its ending does not say its format ({known}); name it with --format") from None
