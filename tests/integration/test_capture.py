"""A recorded session against what an independent reader counted in it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CAPTURE = "itch/nasdaq-totalview-5.0_2019-12-30_open.itch"
KEYS = {
    "messages",
    "message_types",
    "instruments",
    "unknown_orders",
    "gaps",
    "errors",
    "seconds",
    "messages_per_second",
}

Shared = Callable[[str], Path]
Facts = Callable[..., dict[str, Any]]
Lines = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def capture(shared: Shared) -> Path:
    return shared(f"captures/{CAPTURE}")


@pytest.fixture
def counted(shared: Shared) -> dict[str, Any]:
    """The manifest's entry of the capture."""
    captures = yaml.safe_load(shared("captures/MANIFEST.yaml").read_text())["captures"]
    (entry,) = (each for each in captures if each["file"] == CAPTURE)
    found: dict[str, Any] = entry["counted"]
    return found


def test_replay_counts_what_the_manifest_does(capture: Path, counted: dict[str, Any], facts: Facts) -> None:
    found = facts("replay", capture)
    assert set(found) >= KEYS
    assert found["messages"] == counted["messages"]
    assert found["message_types"] == counted["types"]
    assert (found["gaps"], found["errors"]) == (0, 0)
    assert found["instruments"] == counted["instruments"]
    assert found["seconds"] > 0
    assert found["messages_per_second"] == pytest.approx(found["messages"] / found["seconds"], rel=0.01)


def test_inspect_counts_what_the_manifest_does(capture: Path, counted: dict[str, Any], lines: Lines) -> None:
    found = lines(capture)
    types = [line["type"] for line in found]
    assert {each: types.count(each) for each in set(types)} == counted["types"]
    assert len({line["fields"]["stock_locate"] for line in found}) == counted["instruments"]
    assert found[0]["fields"]["timestamp"] == (9 * 60 + 30) * 60 * 10**9 + 230


def test_orders_from_before_the_capture_are_unknown(
    capture: Path, counted: dict[str, Any], facts: Facts, lines: Lines
) -> None:
    announced: set[int] = set()
    never_announced = 0
    for line in lines(capture):
        fields = line["fields"]
        if line["type"] in "AF":
            announced.add(fields["order_reference_number"])
        elif line["type"] in "EXDCU":
            replaces = line["type"] == "U"
            order = fields["original_order_reference_number" if replaces else "order_reference_number"]
            never_announced += order not in announced
            if replaces:
                announced.add(fields["new_order_reference_number"])
    # The manifest's count is in words.
    assert counted["note"].find(f" {never_announced} of E/X/D/C/U ") > 0
    assert facts("replay", capture)["unknown_orders"] == never_announced


def test_books_of_a_late_start_say_that_they_are_not_whole(capture: Path, facts: Facts, tmp_path: Path) -> None:
    books = tmp_path / "books.json"
    facts("replay", capture, "--books", books)
    states = [json.loads(line)["state"] for line in books.read_text().splitlines()]
    assert "stale" in states
