"""Messages of any content, made from nothing but a protocol's own description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from wirebook.testing.subject import is_free

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from wirebook._engine import FieldDescription
    from wirebook.testing.subject import Subject

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""What texts are made of; padding within a text is left to vectors."""

WITHIN_SECOND = 1_000_000_000
"""Nanoseconds within a second are below this."""


def messages(subject: Subject, name: str) -> SearchStrategy[bytes]:
    """Messages of a type: any numbers, ends of their ranges more often; listed codes; texts of letters and digits."""
    fields = [each for each in subject.described[name]["fields"] if is_free(each)]
    values = st.fixed_dictionaries({each["name"]: _value(subject, name, each) for each in fields})
    return values.map(lambda drawn: _message(subject, name, fields, drawn))


def _message(subject: Subject, name: str, fields: list[FieldDescription], values: dict[str, bytes]) -> bytes:
    message = bytearray(subject.example(name) or subject.build(name, {}))
    for field in fields:
        start = field["offset"]
        message[start : start + field["bytes"]] = values[field["name"]]
    return bytes(message)


def _value(subject: Subject, name: str, field: FieldDescription) -> SearchStrategy[bytes]:
    """Bytes of one field."""
    size, kind = field["bytes"], field["kind"]

    def written(value: str) -> bytes:
        start = field["offset"]
        return subject.build(name, {field["name"]: value})[start : start + size]

    if field["codes"] and kind != "bits":
        return st.sampled_from(sorted(field["codes"])).map(written)
    if kind in ("char", "ascii", "utf8"):
        return st.text(LETTERS, min_size=1, max_size=size).map(written)
    if kind == "ascii_decimal":
        return st.integers(0, 10**size - 1).map(str).map(written)
    if "within_second" in field["unit"] or field["unit"] == "ns_offset":
        return st.integers(0, WITHIN_SECOND - 1).map(str).map(written)
    if kind == "float":
        return st.just(bytes(size))
    return st.one_of(st.sampled_from([bytes(size), b"\xff" * size]), st.binary(min_size=size, max_size=size))
