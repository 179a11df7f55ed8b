"""The installed command as a shell runs it, synthetic days, and the folder of captures of real feeds."""

import json
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared"
# A hang is a failure, not a wait.
DEADLINE_SECONDS = 180

# Folders of samples.
SAMPLES = ("nasdaq*/totalview*", "jnx/pts*", "asx/*", "cboe-*/*", "cme/*", "b3/*", "memx/*", "coinbase-derivatives/*")
# Sessions of order entry, which is no market data: they are there for their packets.
SESSION_SAMPLES = ("*/soupbintcp-*",)

missing: set[str] = set()


def in_shared(name: str) -> Path:
    """Finds a file of the shared folder; skips the test, and says so at the end, where it is not there."""
    path = SHARED / name
    if not path.exists():
        missing.add(str(path))
        pytest.skip(f"{path} is not there")
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not looked at must be seen by whoever reads the end of the output only."""
    if missing:
        terminalreporter.section("SKIPPED: captures of real feeds are missing", red=True, bold=True)
        for path in sorted(missing):
            terminalreporter.line(path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test for every sample: ``sample`` is market data, ``session_sample`` a session of order entry."""
    for fixture, patterns in (("sample", SAMPLES), ("session_sample", SESSION_SAMPLES)):
        if fixture in metafunc.fixturenames:
            found = sorted(
                path for pattern in patterns for path in (SHARED / "samples").glob(f"{pattern}/*.expected.json")
            )
            names = [str(path.relative_to(SHARED)) for path in found] or ["samples/nasdaq"]
            metafunc.parametrize(fixture, names, indirect=True, ids=lambda name: name.removeprefix("samples/"))


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Path:
    """The expected file of one sample."""
    return in_shared(request.param)


@pytest.fixture
def session_sample(request: pytest.FixtureRequest) -> Path:
    """The expected file of one sample of a session."""
    return in_shared(request.param)


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Gives the function that finds a file in the shared folder."""
    return in_shared


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def wirebook_path() -> Path:
    """The console script beside this interpreter."""
    path = Path(sysconfig.get_path("scripts")) / "wirebook"
    assert path.is_file(), f"{path}: install the wheels of wirebook and wirebook-itch first"
    return path


@pytest.fixture(scope="session")
def run(wirebook_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Gives a function that runs the command with some arguments."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(wirebook_path), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS)

    return run


@pytest.fixture(scope="session")
def facts(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., dict[str, Any]]:
    """Gives a function that runs the command with ``--json``, expects success, and returns what it printed."""

    def facts(*arguments: str | Path) -> dict[str, Any]:
        result = run(*arguments, "--json")
        assert result.returncode == 0, result
        assert "Traceback" not in result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return facts


@pytest.fixture(scope="session")
def lines(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., list[dict[str, Any]]]:
    """Gives a function that inspects a capture and returns an object a message."""

    def lines(*arguments: str | Path) -> list[dict[str, Any]]:
        result = run("inspect", *arguments, "--json")
        assert result.returncode == 0, result
        return [json.loads(line) for line in result.stdout.splitlines()]

    return lines


@pytest.fixture(scope="session")
def simulate(facts: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Gives a function that writes a small day whose books are full at the end."""

    def simulate(path: Path, *, seed: int = 11, messages: int = 60_000) -> dict[str, Any]:
        size = ("--messages", str(messages), "--symbols", "300", "--seed", str(seed))
        return facts("simulate", path, *size, "--no-end-of-messages")

    return simulate


@pytest.fixture(scope="session")
def days(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., dict[str, Any]]
) -> dict[str, tuple[Path, dict[str, Any]]]:
    """One and the same day in each format: the file and what the simulator says of it."""
    folder = tmp_path_factory.mktemp("days")
    return {ending: (folder / f"day.{ending}", simulate(folder / f"day.{ending}")) for ending in ("pcap", "itch")}
