"""Exit codes and JSON keys of the commands, through the real process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import wirebook


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command as a shell would."""
    command = [sys.executable, "-c", "from wirebook.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_version_is_that_of_the_distribution() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"wirebook {wirebook.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("inspect",),
        ("inspect", "/no/such/file"),
        ("inspect", __file__, "--limit", "0"),
        ("inspect", __file__, "--protocol", "sumerian-1"),
        ("simulate", "day.unknown"),
        ("simulate", "day.pcap", "--date", "yesterday"),
        ("plugins", "--no-such-option"),
    ],
    ids=" ".join,
)
def test_misuse_exits_with_2_and_says_why(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2, result
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_what_cannot_be_read_exits_with_1(tmp_path: Path) -> None:
    path = tmp_path / "noise.bin"
    path.write_bytes(b"no capture at all")
    result = run("inspect", path, "--protocol", "nasdaq-totalview-5.0")
    assert result.returncode == 1, result
    assert "the format is not clear" in result.stderr
    assert "Traceback" not in result.stderr


def test_plugins_as_json_has_its_keys() -> None:
    facts = json.loads(run("plugins", "--json").stdout)
    assert set(facts) == {"protocols", "plugins", "refused"}
    for protocol in facts["protocols"]:
        assert set(protocol) == {
            "name",
            "title",
            "version",
            "venue",
            "family",
            "framings",
            "capabilities",
            "abi_version",
            "messages",
            "distribution",
            "distribution_version",
            "path",
        }


def test_doctor_says_the_same_in_json_and_by_its_exit_code() -> None:
    result = run("doctor", "--json")
    facts = json.loads(result.stdout)
    assert result.returncode == (0 if facts["ok"] else 1)
    assert {finding["topic"] for finding in facts["findings"]} >= {"python", "wirebook", "engine", "plugins", "machine"}
    for finding in facts["findings"]:
        assert set(finding) == {"topic", "name", "state", "detail", "remedy"}


def test_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    day = tmp_path / "day.pcap"
    assert run("simulate", day, "--messages", "20000", "--symbols", "50").returncode == 0
    script = f"{sys.executable} -c 'from wirebook.cli import main; main()' inspect {day} 2>&1 >/dev/stdout | head -1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result
    assert "Traceback" not in result.stderr


def test_simulate_as_json_has_its_keys(tmp_path: Path) -> None:
    result = run("simulate", tmp_path / "day.itch", "--messages", "3000", "--symbols", "20", "--json")
    facts = json.loads(result.stdout)
    assert set(facts) == {"file", "messages", "message_kinds", "instruments", "open_orders", "bytes", "seconds"}
    assert facts["messages"] == 3000 == sum(facts["message_kinds"].values())
    assert facts["bytes"] == (tmp_path / "day.itch").stat().st_size
