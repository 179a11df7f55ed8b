"""Writes a Wireshark dissector for a protocol from what its decoder says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

import jinja2

import wirebook
from wirebook import layouts
from wirebook.errors import Misuse

if TYPE_CHECKING:
    from wirebook._engine import MessageDescription
    from wirebook.plugins import InstalledProtocol

FRAMINGS = (
    "moldudp64",
    "sequenced_unit",
    "cme_packet",
    "b3_packet",
    "memx_packet",
    "coinbase_packet",
    "deribit_packet",
    "optiq_packet",
    "message",
    "soupbintcp",
)
"""Framings that the dissector takes apart."""

_UNUSED = ("about", "unit", "enumeration", "dimension")
"""What the decoder says and the dissector does not need."""


def write(installed: InstalledProtocol) -> str:
    """Gives the dissector as Lua.

    Raises:
        Misuse: the protocol comes in none of the framings that Wireshark could see.
    """
    decoder = installed.decoder
    framings = [each for each in decoder.framings if each in FRAMINGS]
    if not framings:
        has, wanted = ", ".join(decoder.framings), ", ".join(FRAMINGS)
        raise Misuse(f"{decoder.protocol} comes in {has}; a dissector can take apart {wanted}")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.filters["lua"] = lua
    template = files("wirebook") / "templates" / "dissector.lua.jinja"
    offset, size, order = layouts.of_decoder(decoder).type_place
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        file=f"{decoder.protocol}.lua",
        framings=framings,
        header=decoder.header,
        messages=_by_type(decoder.describe()),
        name=re.sub(r"[-.]", "_", decoder.protocol),
        title=installed.protocol.title,
        type_place={1: offset, 2: size, "byte_order": order},
        wirebook_version=wirebook.__version__,
    )


def _by_type(messages: Iterable[MessageDescription]) -> dict[int, list[object]]:
    found: dict[int, list[object]] = {}
    for message in messages:
        found.setdefault(message["type_value"], []).append(_needed(message))
    return found


def _needed(value: object) -> object:
    """What the dissector needs of a description; null values in halves, as Lua's numbers end at 2^53."""
    if isinstance(value, Mapping):
        kept = {key: _needed(each) for key, each in value.items() if key not in _UNUSED or key == "codes"}
        null = kept.get("null")
        if isinstance(null, int):
            kept["null"] = [null & 0xFFFF_FFFF, null >> 32]
        return kept
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_needed(each) for each in value]
    return value


def lua(value: object) -> str:
    """Writes a value as Lua.

    >>> lua({"bytes": 4, "codes": {"B": "buy"}, "place": [0, 1], "null": None})
    '{["bytes"] = 4, ["codes"] = {["B"] = "buy"}, ["place"] = {0, 1}}'
    """
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case Mapping():
            return (
                "{" + ", ".join(f"[{lua(key)}] = {lua(each)}" for key, each in value.items() if each is not None) + "}"
            )
        case Sequence():
            return "{" + ", ".join(map(lua, value)) + "}"
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as Lua")


def _text(text: str) -> str:
    """Quotes as JSON does, which Lua reads alike but for escapes of code points."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: f"\\u{{{match[1]}}}", json.dumps(text))
