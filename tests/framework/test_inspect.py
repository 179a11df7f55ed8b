"""Captures of real packets decode to what others made of them, field by field, through the command line."""

import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import wirebook
import wirebook.plugins
from typer.testing import CliRunner
from wirebook.cli import app
from wirebook.errors import CaptureError, Misuse, ProtocolUnclear

SHARED = Path(__file__).parents[3] / "shared"
SAMPLES = sorted((SHARED / "samples").glob("nasdaq*/totalview*/*.expected.json"))
PROTOCOLS = {
    "nasdaq": "nasdaq-totalview-5.0",
    "nasdaq-bx": "nasdaq-bx-totalview-5.0",
    "nasdaq-psx": "nasdaq-psx-totalview-5.0",
}

if not SAMPLES:
    print(f"\nSKIPPED: no samples in {SHARED}/samples", file=sys.__stderr__)

pytestmark = pytest.mark.skipif(
    not {each.protocol.name for each in wirebook.plugins.installed().protocols} >= set(PROTOCOLS.values()),
    reason="wirebook-itch is not installed",
)


def inspect(*arguments: str | Path) -> list[dict[str, Any]]:
    """What the command prints, an object a line."""
    result = CliRunner().invoke(app, ["inspect", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def expected_of(path: Path) -> list[dict[str, Any]]:
    """The expected file in the shape of the command's lines."""
    packets = json.loads(path.read_text())["packets"]
    return [
        {
            "packet": packet["frame"],
            "session": packet["header"]["session"],
            "sequence": packet["header"]["sequence_number"] + index,
            **message,
        }
        for packet in packets
        for index, message in enumerate(packet["messages"])
    ]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.name.partition('.')[0]}")
@pytest.mark.parametrize("named", [True, False], ids=["named", "guessed"])
def test_sample_decodes_to_its_expected_file(path: Path, named: bool) -> None:
    capture = path.parent / json.loads(path.read_text())["capture"]
    options = ["--protocol", PROTOCOLS[path.parts[-3]]] if named else []
    lines = inspect(capture, *options)
    wanted = expected_of(path)
    assert wanted
    assert [{key: line[key] for key in wanted[0]} for line in lines] == wanted
    assert all(list(line)[:1] == ["packet"] and "error" not in line for line in lines)


SOUPBINTCP = sorted((SHARED / "samples").glob("nasdaq/soupbintcp*/*.pcap"))


@pytest.mark.parametrize("path", SOUPBINTCP, ids=lambda path: path.stem)
def test_order_entry_is_not_taken_for_market_data(path: Path) -> None:
    with pytest.raises(ProtocolUnclear, match="no installed protocol explains"):
        list(wirebook.inspect(path))


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A short synthetic day."""
    path = tmp_path / "day.pcap"
    wirebook.simulate(path, messages=4_000, symbols=30, seed=3)
    return path


def test_type_filter_takes_types_and_names(day: Path) -> None:
    by_type = inspect(day, "--type", "A,D")
    by_name = inspect(day, "--type", "add_order", "--type", "order_delete")
    assert by_type == by_name
    assert {line["type"] for line in by_type} == {"A", "D"}


def test_symbol_filter_knows_messages_that_name_a_number_alone(day: Path) -> None:
    everything = inspect(day)
    directory = {line["fields"]["stock_locate"]: line["fields"]["stock"] for line in everything if line["type"] == "R"}
    symbol = directory[1]
    wanted = [line for line in everything if line["fields"]["stock_locate"] == 1]
    assert {"R", "A", "D"} <= {line["type"] for line in wanted}
    assert inspect(day, "--symbol", symbol) == wanted


def test_symbol_and_type_filters_both_hold(day: Path) -> None:
    lines = inspect(day, "--type", "R", "--symbol", inspect(day, "--type", "R", "--limit", "2")[1]["fields"]["stock"])
    assert len(lines) == 1


def test_limit_ends_the_output(day: Path) -> None:
    assert inspect(day, "--limit", "7") == inspect(day)[:7]


def test_hex_shows_the_bytes(day: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(day), "--limit", "1", "--hex"])
    assert result.stdout.startswith("packet 0 sequence 1: S system_event, 12 bytes\n")
    assert "  0000  53 00 00 " in result.stdout


def test_guess_says_what_else_would_fit(day: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(day), "--limit", "1"])
    assert "read as nasdaq-totalview-5.0; nasdaq-bx-totalview-5.0" in " ".join(result.stderr.split())


def test_named_framing_must_be_one_of_the_protocol(day: Path) -> None:
    with pytest.raises(Misuse, match="does not come in cme_packet; it comes in moldudp64"):
        list(wirebook.inspect(day, protocol="nasdaq-totalview-5.0", framing="cme_packet"))


def test_cut_file_gives_everything_before_the_cut_and_the_place(day: Path) -> None:
    whole = list(wirebook.inspect(day))
    content = day.read_bytes()
    day.write_bytes(content[: len(content) // 2])
    found: list[dict[str, Any]] = []
    with pytest.raises(CaptureError, match=r"byte \d+: "):
        # What an iterator gave before it raised stays in the list.
        found.extend(wirebook.inspect(day))
    assert found == whole[: len(found)]
    assert len(found) > len(whole) // 3


def test_length_prefixed_file_and_pcap_of_a_day_hold_the_same_messages(day: Path, tmp_path: Path) -> None:
    raw = tmp_path / "day.itch"
    wirebook.simulate(raw, messages=4_000, symbols=30, seed=3)
    fields = [message["fields"] for message in wirebook.inspect(raw)]
    assert fields == [message["fields"] for message in wirebook.inspect(day)]
    assert len(fields) == 4_000


def test_unknown_type_is_an_error_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "odd.itch"
    messages = [b"S" + bytes(10) + b"O", b"~odd", b"S" + bytes(10) + b"C"]
    path.write_bytes(b"".join(struct.pack(">H", len(each)) + each for each in messages) * 3)
    lines = list(wirebook.inspect(path, protocol="nasdaq-totalview-5.0", format="length16"))
    assert [line["name"] for line in lines] == ["system_event", None, "system_event"] * 3
    assert [line["sequence"] for line in lines] == list(range(1, 10))
    assert "message type ~" in lines[1]["error"]


def test_simulated_bytes_depend_on_the_seed_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.itch" for name in "abc"]
    for path, seed in zip(paths, (5, 5, 6), strict=True):
        wirebook.simulate(path, messages=3_000, symbols=20, seed=seed)
    first, same, other = (path.read_bytes() for path in paths)
    assert first == same
    assert first != other


def test_impossible_day_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="messages: 10 is not"):
        wirebook.simulate(tmp_path / "day.pcap", messages=10, symbols=1_000)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_simulation_leaves_no_file(tmp_path: Path) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wirebook.simulate(tmp_path / "day.pcap", messages=200_000, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
