"""What moved between two versions of a protocol, and which vectors feel it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs
import yaml

from wirebook import layouts
from wirebook.description import Line
from wirebook.errors import Misuse
from wirebook.layouts import Layout, Shape


@attrs.frozen
class Change:
    """One difference."""

    message: str
    """Type and name of the message, as the older version has them; as the newer one where it is added."""
    what: str
    """``message added``, ``field moved`` and the like."""
    field: str
    """The field; empty where it is the message as a whole."""
    before: str
    after: str


@attrs.frozen
class AffectedVector:
    """A vector whose message changed."""

    file: str
    what: str
    message: str


def compare(before: Layout, after: Layout) -> list[Change]:
    """Gives every difference, in the order of the older version's messages; added ones last."""
    pairs, removed, added = _paired(before.messages, after.messages)
    changes: list[Change] = []
    for old, new in pairs:
        changes += _message_changes(old, new)
    changes += [Change(old.label, "message removed", "", old.size, "") for old in removed]
    changes += [Change(new.label, "message added", "", "", new.size) for new in added]
    return changes


def _paired(
    before: Iterable[Shape], after: Iterable[Shape]
) -> tuple[list[tuple[Shape, Shape]], list[Shape], list[Shape]]:
    """Messages of equal name belong together, then those of equal type; the rest went or came."""
    left = list(after)
    pairs: dict[int, tuple[Shape, Shape]] = {}
    remaining = list(enumerate(before))
    for key in (lambda each: (each.name, each.type), lambda each: each.name, lambda each: each.type):
        rest = []
        for index, old in remaining:
            new = next((each for each in left if key(each) == key(old)), None)
            if new is None:
                rest.append((index, old))
            else:
                left.remove(new)
                pairs[index] = (old, new)
        remaining = rest
    return [pairs[index] for index in sorted(pairs)], [old for _, old in remaining], left


def _message_changes(old: Shape, new: Shape) -> Iterator[Change]:
    for what, before, after in (
        ("message renamed", old.name, new.name),
        ("type changed", old.type, new.type),
        ("length changed", old.size, new.size),
    ):
        if before != after:
            yield Change(old.label, what, "", before, after)
    fields = {line.path: line for line in new.lines}
    gone = [line for line in old.lines if line.path not in fields]
    come = [line for line in new.lines if line.path not in {each.path for each in old.lines}]
    for line in old.lines:
        if line.path in fields:
            yield from _field_changes(old.label, line, fields[line.path])
    for line in gone:
        # The same bytes read the same way under another name.
        same = next((each for each in come if _place(each) == _place(line)), None)
        if same is None:
            yield Change(old.label, "field removed", line.path, _told(line), "")
        else:
            come.remove(same)
            yield Change(old.label, "field renamed", line.path, line.path, same.path)
            yield from _field_changes(old.label, line, same)
    yield from (Change(old.label, "field added", line.path, "", _told(line)) for line in come)


def _place(line: Line) -> tuple[object, ...]:
    return (line.path.rpartition("[].")[0], line.offset, line.bytes, line.type, line.constant)


def _field_changes(message: str, old: Line, new: Line) -> Iterator[Change]:
    for what, before, after in (
        ("field moved", old.offset, new.offset),
        ("field resized", old.bytes, new.bytes),
        ("field retyped", old.type, new.type),
        ("scale changed", old.scale, new.scale),
        ("unit changed", old.unit, new.unit),
        ("null changed", old.null, new.null),
        ("constant changed", old.constant, new.constant),
    ):
        if before != after:
            yield Change(message, what, old.path, _text(before), _text(after))
    for code in old.codes.keys() | new.codes.keys():
        before, after = old.codes.get(code), new.codes.get(code)
        if before is None:
            yield Change(message, "code added", old.path, "", f"{code} {after}")
        elif after is None:
            yield Change(message, "code removed", old.path, f"{code} {before}", "")
        elif before != after:
            yield Change(message, "code renamed", old.path, f"{code} {before}", f"{code} {after}")


def _told(line: Line) -> str:
    if line.constant:
        return f"always {line.constant}"
    return f"{_text(line.bytes) or 'variable'} bytes at {_text(line.offset) or 'the end'}, {line.type}"


def _text(value: object) -> str:
    return "" if value is None else str(value)


def affected(before: Layout, changes: Iterable[Change], folder: Path) -> list[AffectedVector]:
    """Gives the vectors of the older version that have a message that changed, from every YAML file of a folder.

    Raises:
        Misuse: the folder has no vectors of that protocol, or a file is not as vectors are.
    """
    touched = {change.message for change in changes if change.what != "message added"}
    found: list[AffectedVector] = []
    seen = 0
    for file in sorted(folder.glob("*.yaml")):
        for what, messages in _vectors(file, before):
            seen += 1
            # Where what goes before it changed, the vector's own message may mean something else.
            changed = next((each.label for each in messages if each.label in touched), None)
            if changed is not None:
                found.append(AffectedVector(str(file), what, changed))
    if not seen:
        raise Misuse(f"{folder} has no vector of {before.protocol}: name the folder of its vectors")
    return found


def _vectors(file: Path, layout: Layout) -> Iterator[tuple[str, list[Shape]]]:
    """What each vector of the protocol is about, its message and those before it; unknown types are left out.

    A venue's XML has no name that vectors go by: all that the folder has are taken for its. Whole packets are left out.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(content, Mapping) or (layout.is_named and content.get("protocol") != layout.protocol):
        return
    for index, vector in enumerate(content.get("vectors") or ()):
        where = f"{file}: vectors[{index}]"
        if not isinstance(vector, Mapping):
            raise Misuse(f"{where}: {vector!r} is not a mapping")
        if "packet" in vector:
            continue
        given = [("bytes", vector.get("bytes")), *(("before", each) for each in vector.get("before") or ())]
        messages = [layout.message_of(_bytes(f"{where}.{key}", digits)) for key, digits in given]
        if messages[0] is not None:
            yield str(vector.get("what", where)), [each for each in messages if each is not None]


def _bytes(where: str, digits: object) -> bytes:
    if not isinstance(digits, str) or not re.fullmatch(r"([0-9a-fA-F]{2}|\s)*", digits):
        raise Misuse(f"{where}: {digits!r} is not hexadecimal text")
    return bytes.fromhex(digits)


def open_layout(given: str) -> Layout:
    """Gives the layout of an installed protocol, of a description file, or of a venue's XML schema.

    Raises:
        Misuse: it is neither.
    """
    if given.endswith((".yaml", ".yml", ".xml")):
        return layouts.of_file(Path(given))
    return layouts.of_protocol(given)
