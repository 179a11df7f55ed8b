"""An exchange in a box, by the installed command: a day goes out, services answer, and its books are told."""

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ITCH = "nasdaq-totalview-5.0"
PITCH = "cboe-us-equities-depth-2.41.64"


@pytest.fixture
def reader() -> Iterator[socket.socket]:
    """A socket that stands for a line's group."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(20)
        yield opened


def plan(path: Path, *readers: socket.socket, **more: Any) -> Path:
    """Writes an exchange's file: a line to each reader, services where the system has room."""
    lines = [{"destinations": [f"127.0.0.1:{each.getsockname()[1]}"]} for each in readers]
    path.write_text(json.dumps({"lines": lines, "fastest": True, **more}))
    return path


def test_a_day_is_written_published_and_accounted_for(
    tmp_path: Path, facts: Callable[..., dict[str, Any]], reader: socket.socket
) -> None:
    services = {"moldudp64": ["127.0.0.1:0"], "glimpse": ["127.0.0.1:0"]}
    chaos = {"seed": 3, "lines": [{"loss": {"rate": 0.1, "mean_burst": 4}, "duplicates": 0.05}]}
    exchange = plan(tmp_path / "exchange.yaml", reader, services=services, chaos=chaos)
    day, books = tmp_path / "day.pcap", tmp_path / "books.json"
    size = ("--messages", "3000", "--symbols", "20", "--no-end-of-messages")
    live = ("--protocol", ITCH, "--live", exchange, "--books", books)
    done = facts("simulate", day, *size, *live)
    assert done["published"] == done["packets"] > 500
    assert done["is_over"]
    (line,) = done["lines"]
    assert line["sent"] + line["lost"] == done["packets"] + line["duplicated"]
    assert line["lost"] > 20
    assert done["sent"] == line["sent"]
    assert [each["service"] for each in done["services"]] == ["moldudp64", "glimpse"]
    replayed = tmp_path / "replayed.json"
    facts("replay", day, "--books", replayed)
    assert books.read_text() == replayed.read_text()
    # What is there already is published as it is: the same faults of the same packets.
    before = day.stat().st_mtime_ns
    assert facts("simulate", day, *live)["lines"] == done["lines"]
    assert day.stat().st_mtime_ns == before


def test_a_signal_stops_it_cleanly(tmp_path: Path, wirebook_path: Path, reader: socket.socket) -> None:
    exchange = plan(tmp_path / "exchange.yaml", reader, fastest=False, rate=50)
    size = ("--messages", "3000", "--symbols", "20")
    command = [
        wirebook_path,
        "simulate",
        tmp_path / "day.pcap",
        *size,
        "--protocol",
        ITCH,
        "--live",
        exchange,
        "--json",
    ]
    with subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE, text=True) as running:
        reader.recv(2048)
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    done = json.loads(out)
    assert 0 < done["published"] < done["packets"]


def test_a_pitch_day_comes_to_its_books(tmp_path: Path, facts: Callable[..., dict[str, Any]]) -> None:
    day = tmp_path / "day.pcap"
    size = ("--messages", "5000", "--symbols", "40", "--no-end-of-messages")
    made = facts("simulate", day, *size, "--protocol", PITCH, "--channels", "3")
    replayed = facts("replay", day)
    assert replayed["protocol"].startswith("cboe-us-equities-depth")
    assert (replayed["gaps"], replayed["errors"], replayed["unknown_orders"]) == (0, 0, 0)
    assert replayed["open_orders"] == made["open_orders"] > 100


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"rate": 5.0}, "rate, speed, fastest: more than one is given"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"chaos": {"lines": [{"duplicates": 2}]}}, "chaos.lines[0].duplicates: 2 is not a share from 0 to 1"),
        ({"services": {"spin": {"listen": "127.0.0.1:0"}}}, "spin is a service of sequenced_unit"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path,
    run: Callable[..., subprocess.CompletedProcess[str]],
    reader: socket.socket,
    more: dict[str, Any],
    said: str,
) -> None:
    exchange = plan(tmp_path / "exchange.yaml", reader, **more)
    result = run(
        "simulate", tmp_path / "day.pcap", "--messages", "100", "--symbols", "5", "--protocol", ITCH, "--live", exchange
    )
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr
