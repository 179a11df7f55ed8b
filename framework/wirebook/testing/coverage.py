"""What the vectors exercise: message types, and fields that say something in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from wirebook.testing.subject import Subject, is_free

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wirebook._engine import GroupDescription, MessageDescription


@attrs.frozen
class Coverage:
    """What vectors exercise of a protocol."""

    messages: int
    """Message types of the description."""
    fields: int
    """Fields of them that can have several values."""
    missing_messages: tuple[str, ...]
    """Message types that no vector has."""
    missing_fields: tuple[str, ...]
    """Fields of the other messages that are zero, blank or null in every vector: ``add_order.tracking_number``."""


def coverage(subject: Subject) -> Coverage:
    """Looks at every message of the vectors."""
    seen: dict[str, set[str]] = {}
    for message in (*subject.messages, *subject.packed_messages):
        name = subject.type_of(message)
        if name is not None:
            seen.setdefault(name, set()).update(subject.said(message))
    free = {name: list(_free_fields(described)) for name, described in subject.described.items()}
    return Coverage(
        messages=len(free),
        fields=sum(map(len, free.values())),
        missing_messages=tuple(name for name in free if name not in seen),
        missing_fields=tuple(
            f"{name}.{field}"
            for name, fields in free.items()
            if name in seen
            for field in fields
            if field not in seen[name]
        ),
    )


def _free_fields(described: MessageDescription | GroupDescription) -> Iterator[str]:
    """Names of the fields that can have several values, in groups too."""
    yield from (field["name"] for field in described["fields"] if is_free(field))
    yield from (data["name"] for data in described["data"])
    for group in described["groups"]:
        yield from (f"{group['name']}.{name}" for name in _free_fields(group))
