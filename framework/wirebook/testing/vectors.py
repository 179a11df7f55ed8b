"""Vectors: bytes of messages and the events that they mean, written down by hand."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from wirebook.errors import WirebookError
from wirebook.testing.events import Event, normal

DEFAULT_TS = 34_200_000_000_230
"""Time of events that say none, of files that say none: 09:30:00.000000230 after midnight."""

KEYS = frozenset({"what", "bytes", "before", "events", "faults", "packet", "framing"})
"""All that a vector can say."""


class VectorError(WirebookError):
    """A file of vectors does not say what vectors say."""


@attrs.frozen
class Vector:
    """Bytes, and the events that they mean."""

    protocol: str
    """Name of the protocol that the file is of."""
    what: str
    """What it shows, in words."""
    place: str
    """File and number, for messages."""
    message: bytes
    """The message; empty where the vector is of a whole packet."""
    before: tuple[bytes, ...]
    """Messages that went before on the channel, whose events are not compared."""
    events: tuple[Event, ...]
    """Events in the shape of :func:`wirebook.testing.events.normal`."""
    faults: tuple[str, ...]
    """Statuses of messages that are not taken as they stand."""
    packet: bytes = b""
    """The whole packet, where the vector is of one."""
    framing: str = ""
    """Its framing."""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def load_vectors(path: Path) -> tuple[Vector, ...]:
    """Reads a file of vectors, or every ``*.yaml`` in a folder.

    Raises:
        VectorError: a file is not there or says something else; it names the place.
    """
    if not path.exists():
        raise VectorError(f"vectors: {path} does not exist")
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return tuple(vector for file in files for vector in _of_file(file))


class _Loader(yaml.SafeLoader):
    """Reads codes such as N and Y for the texts that they are."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _of_file(file: Path) -> Iterator[Vector]:
    try:
        parsed = yaml.load(file.read_text(), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise VectorError(f"{file}: {error}") from error
    if not isinstance(parsed, dict) or "protocol" not in parsed or not isinstance(parsed.get("vectors"), list):
        raise VectorError(f"{file}: not a mapping with protocol and a list of vectors")
    ts = parsed.get("ts", DEFAULT_TS)
    for number, facts in enumerate(parsed["vectors"]):
        place = f"{file.name}: vectors[{number}]"
        try:
            yield _vector(str(parsed["protocol"]), place, facts, ts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VectorError(f"{place}: {error}") from error


def _vector(protocol: str, place: str, facts: Mapping[str, Any], ts: int) -> Vector:
    unknown = set(facts) - KEYS
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: not a key of vectors; they have {', '.join(sorted(KEYS))}")
    if ("bytes" in facts) == ("packet" in facts):
        raise ValueError("give bytes (of a message), or packet and framing")
    if "packet" in facts and "framing" not in facts:
        raise ValueError("framing: not given")
    return Vector(
        protocol=protocol,
        what=str(facts.get("what", "")),
        place=place,
        message=_hexadecimal(facts.get("bytes", "")),
        before=tuple(_hexadecimal(each) for each in facts.get("before", ())),
        events=tuple(_event(event, number, ts) for number, event in enumerate(facts.get("events") or ())),
        faults=tuple(facts.get("faults", ())),
        packet=_hexadecimal(facts.get("packet", "")),
        framing=facts.get("framing", ""),
    )


def _hexadecimal(text: object) -> bytes:
    # Digits alone, unquoted, are a number to YAML, which has lost its leading zeros.
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not hexadecimal digits in quotes")
    return bytes.fromhex(text)


def _event(event: Mapping[str, Any], number: int, ts: int) -> Event:
    try:
        return normal(event, ts=ts)
    except ValueError as error:
        raise ValueError(f"events[{number}].{error}") from error
