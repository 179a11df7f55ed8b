"""Events as mappings, in the shape in which vectors are written: what is not said is zero, none or empty."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]
"""An event with all that belongs to it."""

KEYS = frozenset(
    {
        "kind",
        "instrument",
        "order_id",
        "position",
        "orders",
        "depth",
        "side",
        "quantity",
        "price",
        "detail",
        "state",
        "last",
        "flags",
        "ts",
        "sequence",
        "match_id",
        "participant",
        "message",
        "record",
    }
)
"""All that an event can say."""

RECORD_KEYS = frozenset({"instrument", "text", "code", "values"})
"""All that its record can say."""

NO_PRICE = -(2**63)
"""The price of orders that have none, which may be written as ``none``."""

DETAILS = {
    "priced": 1,
    "non_printable": 2,
    "cross": 4,
    "whole_channel": 8,
    "remaining": 16,
    "keeps_priority": 32,
    "loses_priority": 64,
    "put": 128,
    "insert": 16,
    "implied": 32,
    "through": 64,
    "onward": 128,
}
"""Bits of ``detail`` by name; the upper four mean one thing in a modify, another in level events."""


def normal(event: Mapping[str, Any], *, ts: int) -> Event:
    """Gives a written event as the engine would say it.

    >>> normal({"kind": "clear", "instrument": "none", "detail": ["whole_channel"], "last": True}, ts=5)
    {'kind': 'clear', 'detail': 8, 'ts': 5}

    Raises:
        ValueError: it says something that events cannot.
    """
    _check_keys(event, KEYS)
    if "kind" not in event:
        raise ValueError("kind: not given")
    said = {key: value for key, value in event.items() if _says_something(key, value)}
    if said.get("price") == NO_PRICE:
        said["price"] = "none"
    if isinstance(said.get("detail"), list):
        said["detail"] = _bits(said["detail"])
    if event.get("record") is not None:
        _check_keys(event["record"], RECORD_KEYS)
        record = {key: value for key, value in event["record"].items() if value not in ("", None, {})}
        said["record"] = {key: str(value) if key in ("text", "code") else value for key, value in record.items()}
    if "participant" in said:
        said["participant"] = str(said["participant"])
    return {**said, "ts": event.get("ts", ts)}


def comparable(events: Iterable[Event], *, like: Iterable[Event] = ()) -> list[Event]:
    """Gives events without sequence and message, but where those that they are compared with say them."""
    expected = list(like)
    return [_without(event, expected[at] if at < len(expected) else {}) for at, event in enumerate(events)]


def _without(event: Event, other: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("sequence", "message") or key in other}


def _says_something(key: str, value: object) -> bool:
    """Whether a value is another than the one that a key has where it is not given."""
    if key == "instrument":
        return value not in (None, "none")
    if key == "last":
        return value is False
    if key == "price":
        return value not in (0, None)
    if key == "state":
        return value not in (None, "unchanged")
    return value not in (0, "", None, "none")


def _check_keys(found: Mapping[str, Any], known: frozenset[str]) -> None:
    for key in found:
        if key not in known:
            raise ValueError(f"{key}: not a key of events; they have {', '.join(sorted(known))}")


def _bits(names: list[str]) -> int:
    bits = 0
    for name in names:
        if name not in DETAILS:
            raise ValueError(f"detail: {name} is none of {', '.join(DETAILS)}")
        bits |= DETAILS[name]
    return bits
