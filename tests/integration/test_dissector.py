"""The dissector that `wirebook dissector` writes shows in tshark what `wirebook inspect` shows."""

import os
import re
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wirebook import plugins
from wirebook._engine import Rig
from wirebook.testing.vectors import load_vectors

ROOT = Path(__file__).parents[2]
PREFIX = "nasdaq_totalview_5_0"
TSHARK = shutil.which("tshark")

if not TSHARK and os.environ.get("CI") == "true":
    raise RuntimeError("tshark is missing: apt-get install tshark")

pytestmark = pytest.mark.skipif(not TSHARK, reason="SKIPPED: tshark is missing (apt-get install tshark)")


@pytest.fixture(scope="module")
def day(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., dict[str, Any]]
) -> tuple[Path, dict[str, Any]]:
    """A small day and what the simulator says of it."""
    path = tmp_path_factory.mktemp("dissector") / "day.pcap"
    return path, simulate(path, messages=5_000)


@pytest.fixture(scope="module")
def tshark(
    day: tuple[Path, dict[str, Any]], run: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., list[str]]:
    """Gives the function that runs tshark on the day with the dissector, and gives its lines."""
    path, _ = day
    script = path.with_suffix(".lua")
    assert run("dissector", "nasdaq-totalview-5.0", "--out", script).returncode == 0

    def tshark(*arguments: str) -> list[str]:
        command = [TSHARK or "", "-X", f"lua_script:{script}", "-r", str(path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "Lua" not in done.stderr, done.stderr
        return done.stdout.splitlines()

    return tshark


def fields(tshark: Callable[..., list[str]], *names: str, of: str) -> list[list[list[str]]]:
    """A list a packet with such a message, in it the values of each field."""
    wanted = [part for name in names for part in ("-e", f"{PREFIX}.{name}")]
    lines = tshark("-Y", f"{PREFIX}.{of}", "-T", "fields", "-E", "separator=;", *wanted)
    return [[values.split(",") for values in line.split(";")] for line in lines]


def test_every_packet_is_taken(tshark: Callable[..., list[str]]) -> None:
    assert len(tshark("-Y", PREFIX)) == len(tshark())


def test_messages_are_those_of_inspect(
    tshark: Callable[..., list[str]],
    day: tuple[Path, dict[str, Any]],
    lines: Callable[..., list[dict[str, Any]]],
) -> None:
    path, facts = day
    inspected = lines(path, "--protocol", "nasdaq-totalview-5.0")
    shown = Counter(name for packet in fields(tshark, "message", of="message") for name in packet[0])
    assert shown == Counter(line["name"] for line in inspected)
    assert shown.total() == facts["messages"]


@pytest.mark.parametrize(
    "message", ["add_order", "order_executed", "order_replace", "net_order_imbalance", "stock_directory"]
)
def test_fields_are_those_of_inspect(
    message: str,
    tshark: Callable[..., list[str]],
    day: tuple[Path, dict[str, Any]],
    lines: Callable[..., list[dict[str, Any]]],
) -> None:
    inspected = lines(day[0], "--protocol", "nasdaq-totalview-5.0", "--type", message)
    assert inspected
    for name in inspected[0]["fields"]:
        wanted = [str(line["raw"].get(name, line["fields"][name])).rstrip() for line in inspected]
        shown = [value.rstrip() for packet in fields(tshark, f"{message}.{name}", of=message) for value in packet[0]]
        assert shown == wanted, name


def test_values_stand_beside_the_wire_s_integers(tshark: Callable[..., list[str]]) -> None:
    tree = "\n".join(tshark("-Y", f"{PREFIX}.add_order", "-V"))
    assert "buy_sell_indicator: B (buy" in tree
    assert "price: " in tree
    price = next(line.split() for line in tree.splitlines() if line.strip().startswith("price: "))
    assert float(price[2].strip("()")) == int(price[1]) / 10_000


VENUES = {
    "memx-memoir-depth-1.3": ("memx_packet", f"{7:016x}"),
    "coinbase-derivatives-md-1.7": ("coinbase_packet", "7"),
    "deribit-md-1.0": ("deribit_packet", "7"),
}


def datagrams(path: Path, payloads: list[bytes]) -> None:
    """Writes a capture of UDP datagrams, one a millisecond."""
    capture = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for number, payload in enumerate(payloads):
        udp = struct.pack(">HHHH", 30000, 30001, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 9, 17, 0, b"\xc0\0\2\1", b"\xe9\xfc\0\1")
        frame = bytes.fromhex("01005e7c0001 020000000001 0800") + ip + udp
        capture += struct.pack("<IIII", 1_700_000_000, 1_000 * number, len(frame), len(frame)) + frame
    path.write_bytes(capture)


@pytest.mark.parametrize("protocol", VENUES)
def test_venues_own_framings_are_taken_apart(
    protocol: str,
    tmp_path: Path,
    run: Callable[..., subprocess.CompletedProcess[str]],
    lines: Callable[..., list[dict[str, Any]]],
) -> None:
    framing, session = VENUES[protocol]
    vectors = load_vectors(ROOT / "plugins/sbe/tests/vectors" / f"{protocol}.yaml")
    rig = Rig(plugins.installed().find(protocol).decoder, framing)
    messages = [each.message for each in vectors if each.message]
    payloads, sequence = [], 1
    for at in range(0, len(messages), 3):
        some = messages[at : at + 3]
        status, packet = rig.pack(some, session=session, first_sequence=sequence, kind="data")
        assert status == "ok"
        payloads.append(packet)
        sequence += len(some)
    status, heartbeat = rig.pack([], session=session, first_sequence=sequence, kind="heartbeat")
    assert status == "ok"
    path, script = tmp_path / "day.pcap", tmp_path / "venue.lua"
    datagrams(path, [*payloads, heartbeat])
    assert run("dissector", protocol, "--out", script).returncode == 0
    name = re.sub(r"[-.]", "_", protocol)
    wanted = [part for field in ("message", "sequence", "session") for part in ("-e", f"{name}.{field}")]
    command = [
        TSHARK or "",
        "-X",
        f"lua_script:{script}",
        "-r",
        str(path),
        "-T",
        "fields",
        "-E",
        "separator=;",
        *wanted,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "Lua" not in done.stderr, done.stderr
    shown = [line.split(";") for line in done.stdout.splitlines()]
    inspected = [line["name"] for line in lines(path, "--protocol", protocol)]
    assert len(inspected) == sequence - 1
    assert [each for names, *_ in shown for each in names.split(",") if each] == inspected
    assert {session for *_, session in shown} == {session}
    # MEMX's heartbeats name the last sequence, the others' the next one.
    last = sequence - 1 if framing == "memx_packet" else sequence
    assert [int(number) for _, number, _ in shown] == [*(1 + 3 * at for at in range(len(payloads))), last]
