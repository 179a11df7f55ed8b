"""Links lead somewhere, commands exist, examples run, and what documents quote is what the files say."""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from wirebook import plugins
from wirebook.cli import app
from wirebook.plugins import InstalledProtocol

ROOT = Path(__file__).parents[1]
SKIPPED = {".venv", ".tox", ".git", "target", "node_modules", "demo", "dist", ".pytest_cache"}
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED_FROM = re.compile(r"\b[Ff]rom\s+\[[^\]]*\]\(([^)\s]+)\):\s*\Z")
COMMAND = re.compile(r"(?:`|\$ \S*/)wirebook ([a-z][a-z-]*)")
TARGET = re.compile(r"(?:`|\$ )make ([a-z]+)")
ABOUT_COMMANDS = [ROOT / "README.md", ROOT / "docs/cli.md"]


class Block(NamedTuple):
    """A fenced block of a document."""

    language: str
    text: str
    source: str | None
    """The file that it is quoted from, where the paragraph before says so."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchor(heading: str) -> str:
    """The anchor that a renderer makes of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return BLOCK.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    """Every anchor of a document."""
    return {anchor(line.lstrip("#")) for line in prose(document).splitlines() if line.startswith("#")}


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for match in BLOCK.finditer(text):
        source = QUOTED_FROM.search(text[: match.start()])
        yield Block(match[1], match[2], source[1] if source else None)


def test_documents_are_found() -> None:
    assert set(DOCUMENTS) >= {
        ROOT / each for each in ("README.md", "ARCHITECTURE.md", "docs/cli.md", "docs/plugins.md")
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_relative_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), f"{document}: {target}"
        if fragment and file.suffix == ".md":
            assert fragment in anchors(file), f"{document}: {target}"


def test_every_command_has_its_section() -> None:
    text = (ROOT / "docs/cli.md").read_text()
    commands = [command.name for command in app.registered_commands]
    assert commands
    assert [each for each in commands if f"\n## wirebook {each}\n" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_commands_exist(document: Path) -> None:
    known = {command.name for command in app.registered_commands}
    assert set(COMMAND.findall(document.read_text())) <= known


def test_the_readme_names_every_command() -> None:
    commands = {command.name for command in app.registered_commands}
    assert set(COMMAND.findall((ROOT / "README.md").read_text())) == commands


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_make_targets_exist(document: Path) -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(document.read_text())) <= known


def test_the_readme_names_the_two_commands() -> None:
    assert {"demo", "test"} <= set(TARGET.findall((ROOT / "README.md").read_text()))


QUOTES = [(document, block) for document in DOCUMENTS for block in blocks(document) if block.source]


def test_quotes_are_found() -> None:
    assert {name(document) for document, _ in QUOTES} >= {"README.md", "docs/plugins.md"}


@pytest.mark.parametrize(("document", "block"), QUOTES, ids=[f"{name(path)}-{block.source}" for path, block in QUOTES])
def test_quotes_are_what_the_file_says(document: Path, block: Block) -> None:
    """Each line of a quote stands in the file, in this order; what lies between may be left out."""
    assert block.source
    lines = iter((document.parent / block.source).read_text().splitlines())
    for quoted in filter(None, map(str.strip, block.text.splitlines())):
        assert any(line.strip() == quoted for line in lines), f"{document}: {quoted!r} is not next in {block.source}"


def test_the_readme_example_runs(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    examples = [block for block in blocks(ROOT / "README.md") if block.language == "python" and not block.source]
    assert examples
    for example in examples:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(example.text)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_the_readme_has_its_figures() -> None:
    assert re.findall(r"\{\{.*?\}\}", (ROOT / "README.md").read_text()) == []


PROTOCOLS = plugins.installed().protocols


def test_every_protocol_has_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs/protocols").glob("*.md")} - {"README"}
    assert pages == {each.protocol.name for each in PROTOCOLS}


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.protocol.name)
def test_pages_say_what_the_decoder_says(protocol: InstalledProtocol) -> None:
    """Messages and fields of a page are those that the description was compiled to, in its order."""
    page = (ROOT / f"docs/protocols/{protocol.protocol.name}.md").read_text()
    described = protocol.decoder.describe()
    messages = [(each["type"], each["name"], str(each["bytes"]), each["about"]) for each in described]
    assert re.findall(r"^\| `(.+)` \| (\w+) \| (\d+)(?: or more)? \| [^|]* \| (.*) \|$", page, re.MULTILINE) == messages
    fields = [
        (str(each["offset"]), str(each["bytes"]), each["name"])
        for message in described
        for run in (message, *message["parts"])
        for each in run["fields"]
        if not each["constant"]
    ]
    assert re.findall(r"^\| (\d+) \| (\d+) \| ([\w.]+) \|", page, re.MULTILINE) == fields
    codes = [tuple(code) for message in described for field in message["fields"] for code in field["codes"].items()]
    listed = re.findall(r"^\| `(.+)` \| (.*) \|$", page.partition("\n## Codes\n")[2], re.MULTILINE)
    assert set(codes) <= set(listed)
