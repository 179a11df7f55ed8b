"""A virtual environment that sees what is installed here, so that plugins can be installed into it by pip."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DEADLINE_SECONDS = 900


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], str]:
    """Gives the function that runs a line in a folder as an integrator's shell would, and gives what it printed.

    Its environment has the packages of this one, wirebook among them, and what lines install into it.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    scripts = folder / "bin"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    packages.joinpath("outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    # The command of the outer environment would run its Python, which does not see what is installed here.
    command = scripts / "wirebook"
    command.write_text(f"#!{scripts}/python\nfrom wirebook.cli import main\n\nmain()\n")
    command.chmod(0o755)
    # Compiled crates stay from run to run; speed is not what is tested.
    target = os.environ.get("CARGO_TARGET_DIR") or str(Path(sys.prefix) / "integrators-target")
    outer = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{scripts}:{outer}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(folder),
        "CARGO_TARGET_DIR": target,
        "MATURIN_PEP517_ARGS": "--profile dev",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "COLUMNS": "120",
        "NO_COLOR": "1",
    }

    def run(line: str, within: Path) -> str:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=within,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """Gives the function that lists a plugin's own files with their contents, nothing that a build leaves there."""

    def files_of(folder: Path) -> dict[str, bytes]:
        built = {"wirebook-sdk", "target", "Cargo.lock", ".pytest_cache", ".hypothesis", "__pycache__"}
        made = {"day.py", "day.itch", "conformance.md", "lantern.lua"}
        files = (file for file in folder.rglob("*") if file.is_file())
        names = {str(file.relative_to(folder)): file for file in files}
        return {
            name: file.read_bytes()
            for name, file in names.items()
            if not built & set(file.relative_to(folder).parts) and name not in made
        }

    return files_of
