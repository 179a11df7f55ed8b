"""What a venue's SBE schema says of its messages, as far as the start of a plugin needs it.

The build of the plugin reads the schema in full and says what is wrong with it; here names and sizes are enough.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementInclude, ElementTree
from xml.etree.ElementTree import Element

import attrs

from wirebook.errors import Misuse

PRIMITIVES = {
    "char": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "float": 4,
    "int64": 8,
    "uint64": 8,
    "double": 8,
}
"""Bytes of the primitive types."""


@attrs.frozen
class SchemaMessage:
    """One message of a schema."""

    template_id: int
    name: str
    empty: bytes
    """The message with every field 0, no entry in any group and no data."""


@attrs.frozen
class Schema:
    """A schema, with what it includes."""

    byte_order: str
    messages: tuple[SchemaMessage, ...]
    files: tuple[Path, ...]
    """The schema itself and the files that it includes, by their names in its folder."""

    @property
    def shortest(self) -> SchemaMessage:
        """The message with the fewest bytes: a heartbeat, where there is one."""
        return min(self.messages, key=lambda each: len(each.empty))


def read(path: Path) -> Schema:
    """Reads a schema.

    Raises:
        Misuse: it cannot be read, or is no SBE schema.
    """
    try:
        root = ElementTree.parse(path).getroot()
        files = (path, *(path.parent / name for name in _included(root)))
        ElementInclude.include(root, base_url=str(path))
        return _Reader(root).schema(files)
    except (OSError, ElementTree.ParseError, ElementInclude.FatalIncludeError) as error:
        raise Misuse(f"{path} cannot be read as a schema: {error}") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise Misuse(f"{path} is no SBE schema: {error!r}") from error


def _included(root: Element) -> Iterator[str]:
    for element in root.iter(f"{ElementInclude.XINCLUDE}include"):
        yield element.attrib["href"]


def _local(element: Element) -> str:
    """The name of an element without its namespace, which venues do not agree on."""
    return element.tag.rpartition("}")[2]


class _Reader:
    """Sizes of the types of one schema."""

    def __init__(self, root: Element) -> None:
        if _local(root) != "messageSchema":
            raise ValueError(f"its root is {_local(root)}, not messageSchema")
        self._root = root
        self._order = "big" if root.get("byteOrder") == "bigEndian" else "little"
        types = (each for group in root if _local(group) == "types" for each in group)
        self._types = {each.attrib["name"]: each for each in types}

    def schema(self, files: tuple[Path, ...]) -> Schema:
        nodes = [each for each in self._root.iter() if _local(each) == "message"]
        if not nodes:
            raise ValueError("it has no message")
        return Schema(self._order, tuple(self._message(each) for each in nodes), files)

    def _message(self, node: Element) -> SchemaMessage:
        template_id, length = int(node.attrib["id"]), self._block(node)
        values = {
            "blockLength": length,
            "templateId": template_id,
            "schemaId": int(self._root.get("id", "0")),
            "version": int(self._root.get("version", "0")),
        }
        header = self._types[self._root.get("headerType", "messageHeader")]
        empty = b"".join(self._number(each, values.get(each.attrib["name"], 0)) for each in header)
        return SchemaMessage(template_id, node.attrib["name"], empty + bytes(length + self._behind(node)))

    def _number(self, node: Element, value: int) -> bytes:
        return value.to_bytes(self._size(node), "big" if self._order == "big" else "little")

    def _block(self, node: Element) -> int:
        """Bytes of a message's root block."""
        end = 0
        for field in (each for each in node if _local(each) == "field"):
            end = int(field.get("offset", end)) + self._size(field)
        return int(node.get("blockLength") or end)

    def _behind(self, node: Element) -> int:
        """Bytes of the dimensions of groups without entries, and of the lengths of data without bytes."""
        groups = [each.get("dimensionType", "groupSizeEncoding") for each in node if _local(each) == "group"]
        data = [each.attrib["type"] for each in node if _local(each) == "data"]
        lengths = [element for name in data for element in self._types[name] if element.attrib["name"] != "varData"]
        return sum(self._size(self._types[name]) for name in groups) + sum(map(self._size, lengths))

    def _size(self, node: Element) -> int:
        """Bytes that a type, or a field of it, takes on the wire."""
        if node.get("presence") == "constant":
            return 0
        match _local(node):
            case "composite":
                end = 0
                for element in node:
                    end = int(element.get("offset", end)) + self._size(element)
                return end
            case "enum" | "set":
                return self._named(node.attrib["encodingType"])
            case "type":
                return PRIMITIVES[node.attrib["primitiveType"]] * int(node.get("length", "1"))
            case _:
                return self._named(node.attrib["type"])

    def _named(self, name: str) -> int:
        return PRIMITIVES[name] if name in PRIMITIVES and name not in self._types else self._size(self._types[name])
