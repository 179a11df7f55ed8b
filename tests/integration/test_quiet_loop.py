"""A replay from memory makes no system call between its first and its last packet."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

# Building the engine for release the first time takes minutes on small machines.
BUILD_DEADLINE_SECONDS = 1800
RUN_DEADLINE_SECONDS = 120
MESSAGES = 200_000
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(")


def program(repository: Path) -> Path:
    """The example that plays a day from memory between two marks, built if need be."""
    engine = repository / "engine"
    target = Path(os.environ.get("CARGO_TARGET_DIR", engine / "target"))
    command = ["cargo", "build", "--release", "--quiet", "-p", "wirebook-bench", "--example", "replay_from_memory"]
    subprocess.run(command, cwd=engine, check=True, timeout=BUILD_DEADLINE_SECONDS)
    return target / "release" / "examples" / "replay_from_memory"


def test_no_system_call_stands_between_the_marks(repository: Path, tmp_path: Path) -> None:
    for tool, remedy in (("strace", "apt-get install strace"), ("cargo", "https://rustup.rs")):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not there ({remedy}): system calls were not counted")
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-o", str(log), str(program(repository)), str(MESSAGES)]
    played = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_DEADLINE_SECONDS)
    if "PTRACE" in played.stderr:
        pytest.skip(f"strace may not trace here: {played.stderr.strip()}")
    assert played.returncode == 0, played
    assert played.stdout.startswith(f"{MESSAGES} messages")

    calls = [found[1] for found in map(CALL.match, log.read_text().splitlines()) if found]
    marks = [at for at, call in enumerate(calls) if call == "getppid"]
    # Two calls a mark: one before the loop, one behind it.
    assert len(marks) == 4, calls
    assert marks == list(range(marks[0], marks[0] + 4)), calls[marks[0] : marks[-1] + 1]
