"""What is broken, missing or misused: said with the place and the remedy, and everything before it is delivered."""

import gzip
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import wirebook

PROTOCOL = ("--protocol", "nasdaq-totalview-5.0")
Run = Callable[..., subprocess.CompletedProcess[str]]
Facts = Callable[..., dict[str, Any]]
Days = dict[str, tuple[Path, dict[str, Any]]]


@pytest.fixture(scope="module")
def day(days: Days) -> bytes:
    return days["pcap"][0].read_bytes()


def packets_before(day: bytes, size: int) -> tuple[int, int]:
    """How many packets of a pcap lie whole before a byte, and how many bytes they and the header are."""
    at, count = 24, 0
    while at + 16 <= size and (end := at + 16 + int.from_bytes(day[at + 8 : at + 12], "little")) <= size:
        at, count = end, count + 1
    return count, at


def messages_in(day: bytes, size: int) -> int:
    """Messages of the packets that lie whole before a byte: the last two bytes of MoldUDP64's header say how many."""
    at, count = 24, 0
    _, end = packets_before(day, size)
    while at < end:
        payload = at + 16 + 14 + 20 + 8
        count += int.from_bytes(day[payload + 18 : payload + 20], "big")
        at += 16 + int.from_bytes(day[at + 8 : at + 12], "little")
    return count


def zstd(data: bytes) -> bytes:
    compressed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return compressed


def failed(result: subprocess.CompletedProcess[str], *said: str) -> str:
    """Checks that a command failed, in words and not with a traceback."""
    assert result.returncode == 1, result
    assert "Traceback" not in result.stderr
    assert "panicked" not in result.stderr
    text = " ".join(result.stderr.split())
    for each in said:
        assert re.search(each, text), text
    return text


def test_reader_of_packets_agrees_with_the_simulator(day: bytes, days: Days) -> None:
    assert packets_before(day, len(day))[1] == len(day)
    assert messages_in(day, len(day)) == days["pcap"][1]["messages"]


@pytest.mark.parametrize("cut", [1, 17, 1_000, 400_003])
def test_truncated_pcap_is_played_up_to_the_cut(cut: int, day: bytes, run: Run, tmp_path: Path) -> None:
    path, books, out = (tmp_path / name for name in ("cut.pcap", "books.json", "events.parquet"))
    path.write_bytes(day[:-cut])
    size = len(day) - cut
    expected, place = messages_in(day, size), packets_before(day, size)[1]
    assert expected > 10_000
    result = run("replay", path, *PROTOCOL, "--json", "--books", books, "--out", out)
    failed(result, rf"byte {place}:", "copy the file again")
    facts = json.loads(result.stdout)
    assert facts["messages"] == expected
    assert facts["errors"] == 1
    # The same as a file that was whole to begin with.
    whole, books_of_whole, out_of_whole = (tmp_path / name for name in ("whole.pcap", "whole.json", "whole.parquet"))
    whole.write_bytes(day[:place])
    assert run("replay", whole, *PROTOCOL, "--books", books_of_whole, "--out", out_of_whole).returncode == 0
    assert books.read_bytes() == books_of_whole.read_bytes()
    assert pl.read_parquet(out).equals(pl.read_parquet(out_of_whole))


def test_truncated_pcap_is_inspected_up_to_the_cut(day: bytes, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(day[: len(day) // 3])
    result = run("inspect", path, *PROTOCOL, "--json")
    place = packets_before(day, len(day) // 3)[1]
    failed(result, rf"byte {place}:", "copy the file again")
    lines = result.stdout.splitlines()
    assert len(lines) == messages_in(day, len(day) // 3)
    assert json.loads(lines[-1])["packet"] == packets_before(day, len(day) // 3)[0] - 1


def test_truncated_pcap_gives_python_its_frames_before_the_error(day: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(day[:-5])
    _, place = packets_before(day, len(day) - 5)
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(day[:place])
    expected = pl.DataFrame(wirebook.replay(whole, protocol=PROTOCOL[1]))
    played = wirebook.replay(path, protocol=PROTOCOL[1], batch_rows=5_000)
    rows: list[int] = []
    with pytest.raises(wirebook.WirebookError, match=f"byte {place}:"):
        rows.extend(len(frame) for frame in played)
    assert sum(rows) == len(expected) > 10_000
    assert played.stats["messages"] == messages_in(day, place)


@pytest.mark.parametrize("compress", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_compressed_capture_is_played_like_the_plain_one(
    compress: Callable[[bytes], bytes], day: bytes, days: Days, facts: Facts, tmp_path: Path
) -> None:
    path = tmp_path / "day"
    path.write_bytes(compress(day))
    found = facts("replay", path, *PROTOCOL)
    assert (found["messages"], found["errors"]) == (days["pcap"][1]["messages"], 0)


@pytest.mark.parametrize("compress", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_truncated_compression_is_played_up_to_the_cut(
    compress: Callable[[bytes], bytes], day: bytes, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "day"
    compressed = compress(day)
    path.write_bytes(compressed[: len(compressed) * 2 // 3])
    result = run("replay", path, *PROTOCOL, "--json")
    text = failed(result, r"compressed byte \d+", r"byte \d+ of what it holds", "copy the file again")
    found = re.search(r"byte (\d+) of what it holds", text)
    assert found
    # Decompressors give whole blocks, so that some of the last bytes before the cut may be missing, and nothing else.
    facts = json.loads(result.stdout)
    assert facts["messages"] == messages_in(day, int(found[1])) > 10_000
    assert facts["errors"] == 1


def test_truncated_itch_file_is_played_up_to_the_cut(days: Days, run: Run, tmp_path: Path) -> None:
    whole = days["itch"][0].read_bytes()
    path = tmp_path / "cut.itch"
    path.write_bytes(whole[:-3])
    at = messages = 0
    while (end := at + 2 + int.from_bytes(whole[at : at + 2], "big")) <= len(whole) - 3:
        at, messages = end, messages + 1
    result = run("replay", path, *PROTOCOL, "--json")
    failed(result, rf"byte {at}\b")
    assert json.loads(result.stdout)["messages"] == messages == 59_999


def test_packet_that_lies_is_counted_and_the_rest_is_played(day: bytes, days: Days, run: Run, tmp_path: Path) -> None:
    """A message of no known type in the middle of the day."""
    packets, place = packets_before(day, len(day) // 2)
    damaged = bytearray(day)
    damaged[place + 16 + 14 + 20 + 8 + 20 + 2] = 0xFF
    path = tmp_path / "damaged.pcap"
    path.write_bytes(damaged)
    result = run("replay", path, *PROTOCOL, "--json")
    assert result.returncode == 0, result
    facts = json.loads(result.stdout)
    assert facts["errors"] == 1
    assert len(facts["first_faults"]) == 1
    assert "unknown" in facts["first_faults"][0]
    # The message is counted as one, or not: the others are there.
    total = days["pcap"][1]["messages"]
    assert facts["messages"] in (total - 1, total)
    lines = run("inspect", path, *PROTOCOL, "--json").stdout.splitlines()
    errors = [line for line in map(json.loads, lines) if "error" in line]
    assert [line["packet"] for line in errors] == [packets]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("noise", bytes(range(256)) * 64),
        ("text", b"the quick brown fox\n" * 400),
        ("one", b"\0"),
        ("pcap-magic", b"\xd4\xc3\xb2\xa1"),
        ("pcapng-magic", b"\x0a\x0d\x0d\x0a" + b"\xff" * 60),
        ("gzip-magic", b"\x1f\x8b\x08" + b"\xff" * 60),
        ("zstd-magic", b"\x28\xb5\x2f\xfd" + b"\xff" * 60),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("command", ["replay", "inspect"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "guessed"])
def test_garbage_fails_in_words(command: str, name: str, data: bytes, named: bool, run: Run, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    text = failed(run(command, path, *(PROTOCOL if named else ())), "byte", "; |, ")
    assert len(text) > 40, text


@pytest.mark.parametrize("command", ["replay", "inspect"])
def test_empty_file_fails_in_words(command: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.touch()
    for options in ((), PROTOCOL):
        failed(run(command, path, *options), "the file is empty", "record or copy it again")


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay",),
        ("replay", "/no/such/file"),
        ("replay", "/"),
        ("replay", "DAY", "--protocol", "sumerian-1"),
        ("replay", "DAY", "--no-such-option"),
        ("replay", "DAY", "--depth", "0"),
        ("replay", "DAY", "--orders"),
        ("replay", "DAY", "--from", "noon"),
        ("replay", "DAY", "--from", "10:00", "--from-sequence", "7"),
        ("replay", "DAY", "--out", "events.xls"),
        ("replay", "DAY", "--books", "books.xls"),
        ("replay", "DAY", "--plot", "day.xls"),
        ("inspect", "DAY", "--limit", "0"),
        ("simulate", "day.unknown"),
        ("bench", "--messages", "0"),
        ("bench", "nothing"),
        ("bench", "sources", "--messages", "4"),
        ("bench", "sources", "--runs", "0"),
    ],
    ids=" ".join,
)
def test_misuse_exits_with_2_and_says_why(
    arguments: tuple[str, ...], days: Days, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*(str(days["pcap"][0]) if each == "DAY" else each for each in arguments))
    assert result.returncode == 2, result
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--out", "--books"])
@pytest.mark.parametrize("place", ["missing folder", "file as folder"])
def test_output_that_cannot_be_made_fails_in_words(
    option: str, place: str, days: Days, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / ("missing" if place == "missing folder" else "file") / "output.parquet"
    failed(run("replay", days["pcap"][0], option, path), re.escape(str(path.parent)), "No such|Not a directory")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="no folder refuses files to root")
@pytest.mark.parametrize("option", ["--out", "--books"])
def test_folder_without_permission_fails_in_words(option: str, days: Days, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    failed(run("replay", days["pcap"][0], option, folder / "output.parquet"), "Permission denied")


@pytest.mark.parametrize("ending", ["parquet", "arrow", "dbn"])
def test_full_disk_fails_in_words_and_leaves_nothing(
    ending: str, days: Days, wirebook_path: Path, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for a full disk: writes fail in the middle."""
    path = tmp_path / f"events.{ending}"
    script = 'trap "" XFSZ; ulimit -f 64; exec "$0" "$@"'
    command = ["bash", "-c", script, str(wirebook_path), "replay", str(days["pcap"][0]), "--out", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    failed(result, "File too large")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [("replay", "--json"), ("replay",), ("inspect", "--json"), ("inspect",)], ids=" ".join
)
def test_full_standard_output_fails_in_words(arguments: tuple[str, ...], days: Days, wirebook_path: Path) -> None:
    command, *options = arguments
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [str(wirebook_path), command, str(days["pcap"][0]), *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    failed(result, "No space left")
