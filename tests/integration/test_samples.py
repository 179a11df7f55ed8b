"""Packets of real feeds decode to what others made of them, field by field, through the installed command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROTOCOLS = {
    "nasdaq": "nasdaq-totalview-5.0",
    "nasdaq-bx": "nasdaq-bx-totalview-5.0",
    "nasdaq-psx": "nasdaq-psx-totalview-5.0",
}

Lines = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize("named", [True, False], ids=["named", "guessed"])
def test_sample_decodes_to_its_expected_file(sample: Path, named: bool, lines: Lines) -> None:
    expected = json.loads(sample.read_text())
    protocol = ("--protocol", PROTOCOLS[sample.parts[-3]]) if named else ()
    found = lines(sample.parent / expected["capture"], *protocol)

    wanted = [(packet, index) for packet in expected["packets"] for index in range(len(packet["messages"]))]
    assert wanted
    assert len(found) == len(wanted)
    for line, (packet, index) in zip(found, wanted, strict=True):
        message = packet["messages"][index]
        assert line["packet"] == packet["frame"]
        assert line["session"] == packet["header"]["session"]
        assert line["sequence"] == packet["header"]["sequence_number"] + index
        assert {key: line[key] for key in message} == message
        # Equal as dictionaries lets 1 be 1.0 and True; what is printed must be of the same kind too.
        assert json.dumps(line["fields"]) == json.dumps(message["fields"])
        assert "error" not in line
