"""Packets of real feeds decode to what others made of them, field by field, through the installed command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lines = Callable[..., list[dict[str, Any]]]


Header = dict[str, Any]


def _nasdaq(header: Header, index: int) -> tuple[str, int]:
    return header["session"], header["sequence_number"] + index


def _cme(header: Header, _index: int) -> tuple[str, int]:
    return "", header.get("packet_sequence_number") or header["message_sequence_number"]


def _b3(header: Header, _index: int) -> tuple[str, int]:
    return f"{header['channel_id']}.{header['sequence_version']}", header["sequence_number"]


def _memx(header: Header, index: int) -> tuple[str, int]:
    return f"{header['session_id']:016x}", header["sequence_number"] + index


def _coinbase(header: Header, index: int) -> tuple[str, int]:
    # A snapshot has the sequence that it is as of, and none of its own.
    is_snapshot = bool(header["packet_flags"] & 2)
    return f"{header['channel_id']}{'.snap' * is_snapshot}", 0 if is_snapshot else header["seq_num"] + index


def _unit(header: Header, index: int) -> tuple[str, int]:
    return str(header["unit"]), header["sequence"] + index


# What a packet's header says of a message's session and sequence, by the front of the protocol's name.
PLACES: dict[str, Callable[[Header, int], tuple[str, int]]] = {
    "nasdaq": _nasdaq,
    "jnx": _nasdaq,
    "asx24": _nasdaq,
    "cboe": _unit,
    "cfe": _unit,
    "cme": _cme,
    "b3": _b3,
    "memx": _memx,
    "coinbase": _coinbase,
}


# Markets that give the same types and lengths different fields: a few messages do not tell which one they are of.
ALIKE = ("cboe", "cfe")


def _place(protocol: str, packet: dict[str, Any], index: int) -> tuple[str, int]:
    session, sequence = PLACES[protocol.partition("-")[0]](packet["header"], index)
    message = packet["messages"][index]
    if protocol.startswith("b3") and message["name"] == "sequence":
        # A heartbeat has no number of its own and names the next one.
        sequence = message["fields"]["next_seq_no"]
    return session, sequence


@pytest.mark.parametrize("named", [True, False], ids=["named", "guessed"])
def test_sample_decodes_to_its_expected_file(sample: Path, named: bool, lines: Lines) -> None:
    expected = json.loads(sample.read_text())
    protocol = ("--protocol", expected["protocol"]) if named else ()
    # The expected file of a long capture has its first packets only.
    packets = expected.get("packets") or expected["first_packets"]
    wanted = [(packet, index) for packet in packets for index in range(len(packet["messages"]))]
    if not named and not wanted:
        return  # A heartbeat without a message does not say whose it is.
    limit = ("--limit", len(wanted)) if "first_packets" in expected else ()
    found = lines(sample.parent / expected["capture"], *protocol, *limit)

    assert len(found) == len(wanted)
    for line, (packet, index) in zip(found, wanted, strict=True):
        message = packet["messages"][index]
        assert line["packet"] == packet["frame"]
        assert (line["session"], line["sequence"]) == _place(expected["protocol"], packet, index)
        if not named and expected["protocol"].startswith(ALIKE):
            assert (line["type"], line["bytes"]) == (message["type"], message["bytes"])
            continue
        # A type is text, as counts have it and as `--type` takes it.
        message = message | {"type": str(message["type"])}
        assert {key: line[key] for key in message} == message
        # Equal as dictionaries lets 1 be 1.0 and True; what is printed must be of the same kind too.
        assert json.dumps(line["fields"]) == json.dumps(message["fields"])
        assert "error" not in line


def test_session_sample_shows_its_packets(session_sample: Path, lines: Lines) -> None:
    """Of order entry the session is read, not what it carries."""
    expected = json.loads(session_sample.read_text())
    found = lines(session_sample.parent / expected["capture"], "--protocol", "soupbintcp")
    wanted = [(packet["frame"], each) for packet in expected["packets"] for each in packet["packets"]]
    assert wanted
    assert [(line["packet"], line["type"], line["bytes"]) for line in found] == [
        (frame, each["packet_type"], each["packet_length"]) for frame, each in wanted
    ]
    for line, (_, each) in zip(found, wanted, strict=True):
        own = {name: value for name, value in each.items() if name not in ("packet_length", "payload")}
        assert {name: str(value) for name, value in line["fields"].items()} == own
