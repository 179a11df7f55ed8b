"""docs/integrators.md works as it is written: its commands run, its files are written, its output comes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

Shell = Callable[[str, Path], str]

GUIDE = Path(__file__).parents[2] / "docs/integrators.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITTEN_TO = re.compile(r"Write `([^`]+)`:\s*\Z")
EXAMPLE = "tests/plugins/lantern"


@attrs.frozen
class File:
    """A block that the reader writes to a file."""

    path: str
    text: str


@attrs.frozen
class Command:
    """A line that the reader runs, and what the page shows of its output."""

    line: str
    output: tuple[str, ...]


def steps() -> Iterator[File | Command]:
    """What the page has the reader do, in its order."""
    text = GUIDE.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        path = WRITTEN_TO.search(text[: block.start()])
        if path:
            yield File(path[1], block[2])
        elif block[1] == "console":
            line = ""
            output: list[str] = []
            for each in block[2].splitlines():
                if each.startswith("$ "):
                    if line:
                        yield Command(line, tuple(output))
                    line, output = each.removeprefix("$ "), []
                else:
                    output.append(each)
            yield Command(line, tuple(output))


def test_every_block_is_a_step() -> None:
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    made = list(steps())
    assert len([each for each in made if isinstance(each, File)]) == 3
    assert len(blocks) - 3 == len([language for language, _ in blocks if language == "console"])
    assert len([each for each in made if isinstance(each, Command)]) >= 10


@pytest.fixture(scope="session")
def followed(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the guide's reader ends up with, every step taken and every output held against the page."""
    folder = tmp_path_factory.mktemp("sitting")
    for step in steps():
        if isinstance(step, File):
            folder.joinpath(step.path).write_text(step.text, encoding="utf-8")
        elif step.line.startswith("cd "):
            folder /= step.line.removeprefix("cd ")
        else:
            lines = iter(shell(step.line, folder).splitlines())
            for shown in step.output:
                assert any(line.rstrip() == shown for line in lines), f"$ {step.line}: {shown!r} does not come next"
    return folder


def test_the_guide_works_as_written(followed: Path) -> None:
    assert followed.name == "wirebook-lantern"
    report = (followed / "conformance.md").read_text(encoding="utf-8")
    assert "lantern-1.0" in report
    assert "failed" not in report


def test_the_example_is_what_the_guide_makes(
    followed: Path, repository: Path, files_of: Callable[[Path], dict[str, bytes]]
) -> None:
    example = files_of(repository / EXAMPLE)
    assert example
    assert files_of(followed) == example


def test_tox_lists_what_the_plugin_proves(followed: Path, shell: Shell) -> None:
    listed = shell("python -m tox list", followed)
    assert re.search(r"^conformance\s+-> \w", listed, re.MULTILINE), listed
