"""Layouts of protocols, to be held against each other: those of installed decoders, and those of description files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import yaml

from wirebook import _engine, description, plugins
from wirebook.description import Line
from wirebook.errors import Misuse

if TYPE_CHECKING:
    from wirebook._engine import Decoder, HeaderDescription, MessageDescription

KINDS = {
    "char": "char",
    "ascii": "ascii",
    "ascii_nul": "ascii",
    "ascii_decimal": "ascii_decimal",
    "bytes": "bytes",
}
"""What decoders call the types that are not integers."""


@attrs.frozen
class Shape:
    """One message."""

    type: str
    type_value: int
    name: str
    size: str
    """Bytes of the whole message, or of its fixed part."""
    lines: tuple[Line, ...]

    @property
    def label(self) -> str:
        """Type and name, for people."""
        return f"{self.type} {self.name}"


@attrs.frozen
class Layout:
    """All messages of a protocol."""

    protocol: str
    messages: tuple[Shape, ...]
    type_place: tuple[int, int, str]
    """Offset, size and byte order of the number that tells messages apart."""
    is_named: bool = True
    """Whether ``protocol`` is its identity; that of a venue's XML is the file's name."""

    def message_of(self, message: bytes) -> Shape | None:
        """Gives the layout of a message by its type; of several forms of one type the one that fits its length best."""
        offset, size, order = self.type_place
        value = int.from_bytes(message[offset : offset + size], "big" if order == "big" else "little")
        forms = [each for each in self.messages if each.type_value == value]
        fitting = [each for each in forms if int(each.size) <= len(message)]
        return max(fitting, key=lambda each: int(each.size)) if fitting else next(iter(forms), None)


def of_protocol(name: str) -> Layout:
    """Gives the layout of an installed protocol.

    Raises:
        UnknownProtocol: no plugin has it.
    """
    return of_decoder(plugins.installed().find(name).decoder)


def of_decoder(decoder: Decoder) -> Layout:
    """Gives the layout that a decoder describes."""
    return _described(decoder.protocol, decoder.header, decoder.describe())


def _described(protocol: str, header: HeaderDescription | None, messages: list[MessageDescription]) -> Layout:
    shapes = tuple(_shape(each) for each in messages)
    if header:
        offset, size = header["template_id"] or (0, 1)
        return Layout(protocol, shapes, (offset, size, header["byte_order"]))
    return Layout(protocol, shapes, next(filter(None, map(_type_place, messages)), (0, 1, "big")))


def _shape(message: MessageDescription) -> Shape:
    return Shape(
        type=message["type"],
        type_value=message["type_value"],
        name=message["name"],
        size=str(message["bytes"]),
        lines=tuple(description.lines(message)),
    )


def _type_place(message: MessageDescription) -> tuple[int, int, str] | None:
    """Where a flat message has its type: decoders call the field ``message_type``."""
    for field in message["fields"]:
        if field["name"] == "message_type":
            return field["offset"], field["bytes"], field["byte_order"]
    return None


def of_file(path: Path) -> Layout:
    """Gives the layout of a description file, whatever it extends taken in, or of a venue's own XML schema.

    Raises:
        Misuse: the file is neither; of flat messages the build of its plugin says more.
    """
    if path.suffix == ".xml":
        return _of_sbe_file(path)
    content = _tree(path)
    if content.get("family") == "sbe":
        return _of_sbe_file(path)
    try:
        return _layout(content)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise Misuse(f"{path} is no description of flat messages ({error!r}): its plugin's build says more") from error


def _of_sbe_file(path: Path) -> Layout:
    try:
        read = _engine.read_sbe_layout(path)
    except ValueError as error:
        raise Misuse(str(error)) from error
    layout = _described(read["protocol"], read["header"], read["messages"])
    return attrs.evolve(layout, is_named=path.suffix != ".xml")


def _tree(path: Path, depth: int = 0) -> dict[str, Any]:
    """A description with what it extends: keys replace; messages and enums add to those, or replace their namesakes."""
    try:
        # As codegen reads it: every scalar is text, so that 0x20 stays what it is and N is no truth value.
        own = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Misuse(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(own, dict):
        raise Misuse(f"{path} is no description: it has no keys")
    base_name = own.get("extends")
    if base_name is None:
        return own
    if depth == 4:
        raise Misuse(f"{path}: extends {base_name} and so on without end")
    base = _tree(path.with_name(f"{base_name}.yaml"), depth + 1)
    without = {str(each) for each in own.get("without") or ()}
    messages = {str(each["type"]): each for each in base.get("messages") or () if str(each["type"]) not in without}
    messages |= {str(each["type"]): each for each in own.get("messages") or ()}
    enums = {**(base.get("enums") or {}), **(own.get("enums") or {})}
    return {**base, **own, "messages": list(messages.values()), "enums": enums}


def _layout(content: Mapping[str, Any]) -> Layout:
    order = str(content["byte_order"])
    header = content.get("header") or []
    enums = content.get("enums") or {}
    type_name = str(content["type_field"])
    messages = tuple(_message(each, header, enums, order, type_name) for each in content["messages"])
    fields = [*header, *content["messages"][0].get("fields", [])]
    place = next(each for each in fields if each["name"] == type_name)
    return Layout(str(content["id"]), messages, (_number(place["offset"]), _number(place["size"]), order))


def _message(
    message: Mapping[str, Any], header: list[Any], enums: Mapping[str, Any], order: str, type_name: str
) -> Shape:
    fields = sorted([*header, *(message.get("fields") or [])], key=lambda each: _number(each["offset"]))
    lines = [_line(each, "", enums, order) for each in fields]
    for key, part in message.items():
        if key in ("repeat", "optional_block"):
            prefix = f"{part['name']}[]." if key == "repeat" else f"{part['name']}."
            lines += [_line(each, prefix, enums, order) for each in part["fields"]]
    # Decoders name the type field so, whatever the description calls it.
    return Shape(
        type=str(message["type"]),
        type_value=_type_value(str(message["type"]), next(each for each in fields if each["name"] == type_name)),
        name=str(message["name"]),
        size=str(message.get("length", message.get("min_length"))),
        lines=tuple(lines),
    )


def _number(text: str) -> int:
    return int(text, 0)


def _type_value(text: str, field: Mapping[str, Any]) -> int:
    if field["type"] == "char" or (field["type"] == "ascii" and len(text) == 1):
        return ord(text)
    return int(text, 0)


def _line(field: Mapping[str, Any], prefix: str, enums: Mapping[str, Any], order: str) -> Line:
    name = field.get("enum") or field.get("bits")
    listed = enums.get(name) if name else None
    # A list that is set to ~ is none of this venue's.
    codes = dict(_codes(listed)) if isinstance(listed, Mapping) else {}
    scale = str(field.get("scale", 1))
    return Line(
        path=prefix + str(field["name"]),
        offset=_number(field["offset"]),
        bytes=_number(field["size"]),
        type=_type(str(field["type"]), _number(field["size"]), order),
        scale="" if scale == "1" else f"/ {scale}",
        unit=str(field.get("unit", "")),
        since=0,
        null=None,
        constant="",
        enumeration=str(name) if codes else "",
        codes=codes,
    )


def _codes(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for code, meaning in values.items():
        yield str(code), str(meaning)


def _type(name: str, size: int, order: str) -> str:
    if name in KINDS:
        return KINDS[name]
    kind = {"u": "unsigned", "i": "signed", "b": "bits"}[name[0]]
    return f"{kind} {order}" if size > 1 else kind
