"""Captures, message by message."""

import json
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

from wirebook._engine import Inspector
from wirebook.recognition import recognize


def inspect(
    path: str | PathLike[str],
    *,
    protocol: str | None = None,
    framing: str | None = None,
    format: str | None = None,
    types: Iterable[str] = (),
    symbols: Iterable[str] = (),
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Iterates the messages of a capture, each field by field.

    Lines are not arbitrated: what is in the capture comes out, duplicates included.

    Args:
        path: pcap, pcapng or raw protocol file, plain, gzip or zstd.
        protocol: name of the protocol; told from the first packets where it is not given.
        framing: how packets number messages; told from the packets where it is not given.
        format: format of the file; told from its first bytes where it is not given.
        types: types (``A``) or names (``add_order``) of the messages wanted; all where empty.
        symbols: symbols wanted; all where empty. A message that names its instrument by a number alone is known by what
            the capture said of that number before.
        limit: messages to give at most.

    Yields:
        A dictionary a message: ``packet`` (0-based frame number), ``session``, ``sequence``, ``type``, ``name``,
        ``bytes``, ``fields`` (prices scaled to one, times in nanoseconds as the venue counts them), ``raw`` (wire
        integers where they differ), ``meanings`` (what codes stand for), and ``error`` where it is not what the
        protocol says.

    Raises:
        WirebookError: the protocol is not clear or not installed, or the capture is broken; messages before the broken
            place come first.
    """
    recognized = recognize(Path(path), protocol=protocol, framing=framing, format=format)
    chunks = Inspector(
        Path(path),
        recognized.taken.decoder,
        framing=framing,
        format=format,
        types=list(types),
        symbols=list(symbols),
        limit=limit,
    )
    for chunk in chunks:
        for line in chunk.splitlines():
            yield json.loads(line)
