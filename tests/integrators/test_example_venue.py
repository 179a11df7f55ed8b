"""A venue that wirebook does not know, as a distribution of its own: installed by pip, decoded to books."""

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

Shell = Callable[[str, Path], str]

IGNORED = shutil.ignore_patterns("wirebook-sdk", "target", "__pycache__", ".pytest_cache", ".hypothesis")


@pytest.fixture(scope="session")
def installed(shell: Shell, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The environment with the example's wheel, which pip built from a copy of its folder alone."""
    folder = tmp_path_factory.mktemp("stranger") / "lantern"
    shutil.copytree(repository / "tests/plugins/lantern", folder, ignore=IGNORED)
    shell("python -m pip wheel --no-build-isolation --no-deps --wheel-dir wheels .", folder)
    shell("python -m pip install --force-reinstall --no-deps wheels/*.whl", folder)
    return shell


@pytest.fixture(scope="session")
def messages(repository: Path) -> list[bytes]:
    """The example's vectors, which tell one story."""
    vectors = yaml.safe_load((repository / "tests/plugins/lantern/tests/vectors/lantern-1.0.yaml").read_text())
    return [bytes.fromhex(vector["bytes"]) for vector in vectors["vectors"]]


def moldudp64(first: int, messages: list[bytes]) -> bytes:
    """A MoldUDP64 datagram."""
    blocks = b"".join(struct.pack(">H", len(each)) + each for each in messages)
    return struct.pack(">10sQH", b"LANTERN001", first, len(messages)) + blocks


def pcap(datagrams: list[bytes]) -> bytes:
    """A capture of UDP datagrams, in Ethernet and IPv4, from one sender to one group."""

    def frames() -> Iterator[bytes]:
        for number, payload in enumerate(datagrams):
            udp = struct.pack(">HHHH", 26400, 26400, 8 + len(payload), 0) + payload
            addresses = bytes([192, 0, 2, 1, 233, 252, 0, 1])
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 8, 17, 0) + addresses + udp
            ethernet = bytes.fromhex("01005e7c0001 0200c0000201 0800") + ip
            yield struct.pack("<IIII", 1_750_000_000, number, len(ethernet), len(ethernet)) + ethernet

    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(frames())


def replay(shell: Shell, folder: Path, datagrams: list[bytes], *options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `wirebook replay` says of a capture of these, and the book it writes."""
    (folder / "lantern.pcap").write_bytes(pcap(datagrams))
    command = f"wirebook replay lantern.pcap {' '.join(options)} --orders --books books.json --json"
    facts = json.loads(shell(command, folder).splitlines()[-1])
    (book,) = [json.loads(line, parse_float=Decimal) for line in (folder / "books.json").read_text().splitlines()]
    return facts, book


def test_books_of_a_venue_from_outside(installed: Shell, messages: list[bytes], tmp_path: Path) -> None:
    half = len(messages) // 2
    datagrams = [moldudp64(1, messages[:half]), moldudp64(half + 1, messages[half:])]
    facts, book = replay(installed, tmp_path, datagrams)
    assert facts["protocol"] == "lantern-1.0"
    assert (facts["messages"], facts["errors"], facts["gaps"]) == (len(messages), 0, 0)
    assert (book["symbol"], book["state"]) == ("WICK", "valid")
    (bid,) = book["bids"]
    (ask,) = book["asks"]
    assert (bid["price"], bid["quantity"]) == (Decimal("20.16"), 40)
    assert (ask["price"], ask["quantity"]) == (Decimal("20.2"), 10)
    queue = [(order["order_id"], order["quantity"]) for order in ask["orders"]]
    assert queue == [(7002, 5), (7003, 5)]


def test_a_lost_packet_marks_the_stranger_s_books(installed: Shell, messages: list[bytes], tmp_path: Path) -> None:
    datagrams = [moldudp64(1, messages[:4]), moldudp64(6, messages[5:])]
    facts, book = replay(installed, tmp_path, datagrams, "--protocol lantern-1.0")
    assert (facts["gaps"], facts["missing"]) == (1, 1)
    assert book["state"] != "valid"


def test_the_stranger_is_listed_like_any_other(installed: Shell, tmp_path: Path) -> None:
    listed = json.loads(installed("wirebook plugins --json", tmp_path).splitlines()[-1])
    (protocol,) = [each for each in listed["protocols"] if each["name"] == "lantern-1.0"]
    assert protocol["distribution"] == "wirebook-lantern"
    assert listed["refused"] == []
