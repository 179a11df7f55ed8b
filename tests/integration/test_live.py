"""``wirebook run`` against senders and servers on the loopback interface: the books of a replay."""

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wirebook
import yaml
from wirebook.daemon import control
from wirebook.errors import WirebookError

COMMAND = str(Path(sysconfig.get_path("scripts")) / "wirebook")
DEADLINE_SECONDS = 60
MESSAGES = 3_000


def wait_for(done: Callable[[], Any], what: str) -> Any:
    """Waits until something is so; a hang is a failure."""
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        if found := done():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE_SECONDS} s: {what}")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day whose books are full at its end."""
    path = tmp_path_factory.mktemp("day") / "day.pcap"
    wirebook.simulate(
        path,
        protocol="nasdaq-totalview-5.0",
        messages=MESSAGES,
        symbols=8,
        seed=3,
        messages_per_packet=6,
        end_of_messages=False,
    )
    return path


def payloads(day: Path) -> list[bytes]:
    """Datagrams of a capture, heartbeats and end of session left out."""
    data = day.read_bytes()
    at, found = 24, []
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        # Ethernet, IPv4 and UDP headers, then MoldUDP64's: session, sequence, count.
        datagram = data[at + 16 + 42 : at + 16 + size]
        if 0 < int.from_bytes(datagram[18:20], "big") < 0xFFFF:
            found.append(datagram)
        at += 16 + size
    return found


def messages(datagrams: list[bytes]) -> int:
    """How many messages these carry."""
    return sum(int.from_bytes(datagram[18:20], "big") for datagram in datagrams)


def ports(count: int) -> list[int]:
    """UDP ports that nobody has now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class RequestServer(threading.Thread):
    """A MoldUDP64 request server: sends messages again, a datagram a request."""

    def __init__(self, datagrams: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.session = datagrams[0][:10]
        self.messages: list[bytes] = []
        for datagram in datagrams:
            at = 20
            while at < len(datagram):
                size = int.from_bytes(datagram[at : at + 2], "big")
                self.messages.append(datagram[at : at + 2 + size])
                at += 2 + size
        self.requests = 0
        self.stops = threading.Event()

    def run(self) -> None:
        while not self.stops.is_set():
            try:
                request, sender = self.socket.recvfrom(64)
            except TimeoutError:
                continue
            self.requests += 1
            first, count = struct.unpack(">QH", request[10:20])
            again = self.messages[first - 1 : first - 1 + min(count, 20)]
            header = self.session + struct.pack(">QH", first, len(again))
            self.socket.sendto(header + b"".join(again), sender)
        self.socket.close()


class Process:
    """A running ``wirebook run``."""

    def __init__(self, folder: Path, venue: dict[str, Any]) -> None:
        self.path = folder / "venue.sock"
        self.books = folder / "books.json"
        file = folder / "venue.yaml"
        file.write_text(yaml.safe_dump(venue))
        words = [COMMAND, "run", str(file), "--control", str(self.path), "--books", str(self.books), "--json"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(self.answers, "the process answers")

    def answers(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        with contextlib.suppress(WirebookError):
            return bool(control.ask(self.path, {"request": "ping"}))
        return False

    def channel(self) -> dict[str, Any]:
        found: dict[str, Any] = control.ask(self.path, {"request": "status"})["channels"][0]
        return found

    def end(self) -> None:
        """Kills it, where it still runs."""
        self.process.kill()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe and not pipe.closed:
                pipe.close()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> dict[str, Any]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=DEADLINE_SECONDS)
        assert self.process.returncode == 0, err
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def running() -> Iterator[list[Process]]:
    """Processes to end, however the test does."""
    processes: list[Process] = []
    yield processes
    for each in processes:
        each.end()


def venue_of(lines: list[int], server: int | None, **channel: Any) -> dict[str, Any]:
    recovery = {"moldudp64": {"servers": [f"127.0.0.1:{server}"]}, "messages_limit": 100_000} if server else {}
    return {
        "venue": "test",
        "feeds": [
            {
                "name": "feed",
                "protocol": "nasdaq-totalview-5.0",
                "channels": [
                    {
                        "name": "all",
                        "lines": [{"group": "127.0.0.1", "port": port} for port in lines],
                        "books": {"orders": 10_000, "levels": 10_000},
                        "recovery": recovery,
                        **channel,
                    }
                ],
            }
        ],
    }


def send(datagrams: list[bytes], lines: list[int], lost: Callable[[int, int], bool]) -> None:
    """Sends datagrams on every line, a few at a time, but for those that are lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for at, datagram in enumerate(datagrams):
            for line, port in enumerate(lines):
                if not lost(line, at):
                    sender.sendto(datagram, ("127.0.0.1", port))
            if at % 20 == 0:
                time.sleep(0.001)


def books(path: Path) -> dict[str, Any]:
    """Levels by symbol, of a file of books."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {each["symbol"]: (each["bids"], each["asks"]) for each in found if each["bids"] or each["asks"]}


def replayed(day: Path, folder: Path) -> dict[str, Any]:
    path = folder / "replayed.json"
    played = wirebook.replay(day, protocol="nasdaq-totalview-5.0")
    played.run()
    played.write_books(path, orders=False)
    return books(path)


def test_what_one_line_loses_the_other_has(day: Path, tmp_path: Path, running: list[Process]) -> None:
    lines = ports(2)
    process = Process(tmp_path, venue_of(lines, None))
    running.append(process)
    send(payloads(day), lines, lambda line, at: at % 3 == line)
    wait_for(lambda: process.channel()["next_sequence"] == MESSAGES + 1, "every message is applied")
    status = process.stop()
    (channel,) = status["channels"]
    assert (channel["state"], channel["lost"], channel["taken"]) == ("live", 0, MESSAGES)
    assert channel["books_stale"] == 0
    assert all(line["wins"] for line in channel["lines"])
    assert channel["lines"][0]["wins"] + channel["lines"][1]["wins"] == len(payloads(day))
    found = books(process.books)
    assert found
    assert found == replayed(day, tmp_path)


def test_what_both_lines_lose_is_asked_for(day: Path, tmp_path: Path, running: list[Process]) -> None:
    datagrams = payloads(day)
    server = RequestServer(datagrams)
    server.start()
    lines = ports(2)
    process = Process(tmp_path, venue_of(lines, server.port))
    running.append(process)
    # The first ones, too: a late join.
    lost = [*range(10), *range(100, 110), 200]
    send(datagrams, lines, lambda _, at: at in lost)
    wait_for(lambda: process.channel()["next_sequence"] == MESSAGES + 1, "every message is applied")
    wait_for(lambda: process.channel()["state"] == "live", "the channel is live again")
    status = process.stop()
    server.stops.set()
    (channel,) = status["channels"]
    assert (channel["lost"], channel["recovered"]) == (0, messages([datagrams[at] for at in lost]))
    assert channel["taken"] + channel["recovered"] == MESSAGES
    assert status["recovery"]["all"][0]["requests"] >= 3
    assert channel["books_stale"] + channel["books_building"] + channel["books_recovering"] == 0
    assert books(process.books) == replayed(day, tmp_path)


CHAOS = {
    "seed": 5,
    "every_line": {"rate": 0.02, "mean_burst": 3},
    "lines": [{"duplicates": 0.05, "reorders": 0.05, "reorder_packets": 4}, {"loss": {"rate": 0.2, "mean_burst": 10}}],
}


def exchange_of(folder: Path, lines: list[int], **more: Any) -> Path:
    """An exchange of one channel that loses packets on both lines, and heals what it is asked for."""
    path = folder / "exchange.yaml"
    places = [{"destinations": [f"127.0.0.1:{port}"]} for port in lines]
    # Late packets of the two lines and answers are apart by real time: no faster than they can be sorted out.
    exchange = {"lines": places, "rate": 10_000, "lead_ms": 300, "linger_ms": 4_000, "chaos": CHAOS, **more}
    path.write_text(yaml.safe_dump(exchange))
    return path


@pytest.mark.parametrize("protocol", ["nasdaq-totalview-5.0", "cboe-us-equities-depth-2.41.64"])
def test_what_an_exchange_loses_its_services_have(protocol: str, tmp_path: Path, running: list[Process]) -> None:
    first, second, served, image, groups = ports(5)
    host = "127.0.0.1"
    if protocol.startswith("nasdaq"):
        services: dict[str, Any] = {"moldudp64": [f"{host}:{served}"], "glimpse": [f"{host}:{image}"]}
        recovery: dict[str, Any] = {
            "moldudp64": {"servers": [f"{host}:{served}"]},
            "glimpse": {"servers": [f"{host}:{image}"], "username": "wire", "password": "book"},
        }
    else:
        users = {"username": "wire", "password": "book"}
        services = {
            "gap_proxy": {"listen": f"{host}:{served}", "groups": [f"{host}:{groups}"], **users},
            "spin": {"listen": f"{host}:{image}", **users},
        }
        asked = {"session_sub_id": "0001", **users}
        recovery = {
            "gap_proxy": {
                "servers": [f"{host}:{served}"],
                "groups": [f"{host}:{groups}"],
                **asked,
            },
            "spin": {"servers": [f"{host}:{image}"], **asked},
        }
    venue = venue_of([first, second], None, recovery=recovery)
    venue["feeds"][0]["protocol"] = protocol
    process = Process(tmp_path, venue)
    running.append(process)
    truth = tmp_path / "truth.json"
    words = [COMMAND, "simulate", str(tmp_path / "day.pcap"), "--protocol", protocol, "--messages", "6000"]
    words += ["--symbols", "20", "--no-end-of-messages", "--books", str(truth), "--json"]
    if protocol.startswith("cboe"):
        words += ["--channels", "1"]
    live = ["--live", str(exchange_of(tmp_path, [first, second], services=services))]
    done = subprocess.run([*words, *live], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    (channel,) = process.stop()["channels"]
    assert (channel["state"], channel["lost"]) == ("live", 0)
    assert channel["recovered"] + channel["covered"] > 0
    assert channel["books_stale"] + channel["books_building"] + channel["books_recovering"] == 0
    assert books(process.books) == books(truth)


def test_what_nobody_has_is_lost_and_the_books_say_so(day: Path, tmp_path: Path, running: list[Process]) -> None:
    lines = ports(1)
    process = Process(tmp_path, venue_of(lines, None))
    running.append(process)
    datagrams = payloads(day)
    send(datagrams, lines, lambda _, at: at == 250)
    wait_for(lambda: process.channel()["next_sequence"] == MESSAGES + 1, "every message is applied")
    status = process.stop(signal.SIGINT)
    (channel,) = status["channels"]
    assert (channel["lost"], channel["state"], channel["reason"]) == (messages(datagrams[250:251]), "live", "lost")
    assert (channel["books_valid"], channel["books_stale"]) == (0, channel["instruments"])


def test_status_shows_what_runs_and_stops_it(day: Path, tmp_path: Path, running: list[Process]) -> None:
    lines = ports(1)
    process = Process(tmp_path, venue_of(lines, None))
    running.append(process)
    send(payloads(day), lines, lambda *_: False)
    wait_for(lambda: process.channel()["messages"] == MESSAGES, "every message is applied")

    def status(*words: str) -> str:
        done = subprocess.run(
            [COMMAND, "status", "--control", str(process.path), *words],
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=True,
        )
        return done.stdout

    assert "3,000" in status("--latency")
    facts = json.loads(status("--latency", "--json"))
    times = facts["channels"][0]["latency_ns"]
    assert set(times) == {"received", "framed", "decoded", "applied", "published"}
    assert times["published"]["count"] > 0
    assert times["framed"]["p50"] <= times["published"]["p50"] <= times["published"]["max"]
    with pytest.raises(WirebookError, match="'dance' is no request"):
        control.ask(process.path, {"request": "dance"})
    assert json.loads(status("--stop", "--json")) == {"stopping": True}
    process.process.communicate(timeout=DEADLINE_SECONDS)
    assert process.process.returncode == 0
    assert not process.path.exists()
    with pytest.raises(control.NotRunning, match="no process answers"):
        control.ask(process.path, {"request": "ping"})


def test_a_second_process_at_the_same_socket_is_refused(tmp_path: Path, running: list[Process]) -> None:
    process = Process(tmp_path, venue_of(ports(1), None))
    running.append(process)
    file = tmp_path / "venue.yaml"
    words = [COMMAND, "run", str(file), "--control", str(process.path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 1
    assert "a process answers" in done.stderr
    # One that was killed leaves its socket behind, which is in nobody's way.
    process.end()
    assert process.path.exists()
    again = Process(tmp_path, venue_of(ports(1), None))
    running.append(again)
    again.stop()


def test_a_configuration_that_cannot_be_is_told_by_its_paths(tmp_path: Path) -> None:
    venue = venue_of([70000], None, names="all")
    file = tmp_path / "venue.yaml"
    file.write_text(yaml.safe_dump(venue))
    for command in ("check", "run"):
        done = subprocess.run(
            [COMMAND, command, str(file)], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
        )
        assert done.returncode == 2, done.stderr
        assert f"{file}: feeds[0].channels[0].lines[0].port: 70000 is not 1-65535" in done.stderr
        assert "feeds[0].channels[0].names: there is no such setting; do you mean name?" in done.stderr


def test_check_says_what_is_lacking(tmp_path: Path) -> None:
    file = tmp_path / "venue.yaml"
    file.write_text(yaml.safe_dump(venue_of([26400], None)))
    words = [COMMAND, "check", str(file), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True)
    facts = json.loads(done.stdout)
    assert (facts["ok"], facts["channels"]) == (True, 1)
    assert {("all", "recovery"), ("all", "lines")} <= {(each["topic"], each["name"]) for each in facts["findings"]}


def test_bench_live_loses_nothing_and_allocates_nothing() -> None:
    words = [COMMAND, "bench", "live", "--messages", "30000", "--symbols", "20", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True)
    report = json.loads(done.stdout)
    assert set(report) == {"method", "machine", "rate", "steady", "tenfold"}
    for times in (report["steady"], report["tenfold"]):
        assert (times["lost"], times["allocations"]) == (0, 0)
        assert times["received"]["p50_ns"] <= times["received"]["p99_ns"]
