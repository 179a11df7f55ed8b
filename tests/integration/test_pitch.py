"""Recorded PITCH sessions against what an independent reader counted in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

FUTURES = "pitch/cfe-futures-depth-1.1.6_2019-05-01.pcap"
REALTIME = "pitch/bats-multicast-pitch_realtime.pcap"

Shared = Callable[[str], Path]
Facts = Callable[..., dict[str, Any]]
Lines = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def counted(shared: Shared) -> Callable[[str], dict[str, Any]]:
    """Gives the function that finds what the manifest says of a capture."""

    def counted(name: str) -> dict[str, Any]:
        captures = yaml.safe_load(shared("captures/MANIFEST.yaml").read_text())["captures"]
        (entry,) = (each for each in captures if each["file"] == name)
        found: dict[str, Any] = entry["counted"]
        return found

    return counted


def test_futures_have_the_counts_of_their_manifest(
    shared: Shared, counted: Callable[[str], dict[str, Any]], facts: Facts
) -> None:
    expected = counted(FUTURES)
    found = facts("replay", shared(f"captures/{FUTURES}"), "--protocol", "cfe-futures-depth-1.1.6")
    assert found["messages"] == expected["messages"]
    assert {name.lower(): count for name, count in found["message_types"].items()} == expected["types"]
    assert (found["channels"], found["gaps"], found["errors"]) == (expected["units"], expected["sequence_gaps"], 0)


def test_futures_come_to_books_named_by_their_symbols(shared: Shared, facts: Facts, tmp_path: Path) -> None:
    books = tmp_path / "books.json"
    capture = shared(f"captures/{FUTURES}")
    found = facts("replay", capture, "--protocol", "cfe-futures-depth-1.1.6", "--books", books)
    written = [json.loads(line) for line in books.read_text().splitlines()]
    assert all(len(book["symbol"]) == 6 for book in written)
    assert found["open_orders"] > 14_000


def test_legs_and_blocks_are_shown_where_they_are(shared: Shared, lines: Lines) -> None:
    found = lines(shared(f"captures/{FUTURES}"), "--protocol", "cfe-futures-depth-1.1.6", "--type", "0xBB")
    for line in found:
        fields = line["fields"]
        legs = [name for name in fields if name.endswith("].leg_symbol")]
        assert len(legs) == fields["leg_count"]
        is_variance = bool(fields["futures_flags"] & 1)
        assert ("variance.initial_strike" in fields) == is_variance
        # The parts and the fixed fields are the whole message.
        assert line["bytes"] == 41 + 10 * len(legs) + 52 * is_variance
    assert {line["bytes"] for line in found} == {41, 61, 71, 93}


def test_the_early_dialect_has_the_counts_of_its_manifest(
    shared: Shared, counted: Callable[[str], dict[str, Any]], facts: Facts
) -> None:
    expected = counted(REALTIME)
    found = facts("replay", shared(f"captures/{REALTIME}"), "--protocol", "cboe-us-equities-depth-2")
    assert found["messages"] == expected["messages"]
    assert sorted(name.lower() for name in found["message_types"]) == expected["types"]
    assert (found["channels"], found["errors"], found["open_orders"]) == (1, 0, 0)
    # The unit's first two messages are in no packet: a heartbeat says 1 comes next, then 3 does.
    assert (found["gaps"], found["missing"]) == (1, 2)
