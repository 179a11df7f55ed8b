"""The conformance suite finds what is wrong: a decoder for each fault, and vectors that say something else."""

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wirebook import plugins
from wirebook.cli import app
from wirebook.errors import Misuse
from wirebook.testing import VectorError, command, load_vectors
from wirebook.testing.books import unsound
from wirebook.testing.command import Result
from wirebook.testing.events import normal
from wirebook.testing.findings import Findings, Rate
from wirebook.testing.reporter import ClassReport

Install = Callable[..., Path]
Run = Callable[..., Result]

FAULTY = Path(__file__).parents[1] / "plugins/faulty"
VECTORS = FAULTY / "vectors"

NUMBERS = itertools.count()

# The tables of the made-up venue are statics of its library: a capsule over one is all that a plugin hands over.
PLUGIN = """
    import ctypes

    import wirebook

    LIBRARY = ctypes.PyDLL({library!r})
    NAME = ctypes.create_string_buffer(b"wirebook.decoder")
    NEW = ctypes.pythonapi.PyCapsule_New
    NEW.restype = ctypes.py_object
    NEW.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    TABLE = NEW(ctypes.addressof(ctypes.c_char.in_dll(LIBRARY, {table!r})), ctypes.addressof(NAME), None)

    @wirebook.hookimpl
    def wirebook_protocols():
        capabilities = wirebook.Capabilities(["moldudp64"], {capabilities})
        return [wirebook.Protocol(
            name="faulty-1.0", title="Faulty", family="faulty", capabilities=capabilities, table=TABLE
        )]
"""

TEST_FILE = """
from pathlib import Path

from wirebook.testing import DecoderConformance
from wirebook.testing.findings import Budget


class TestFaulty(DecoderConformance):
    protocol = "faulty-1.0"
    vectors = Path({vectors!r})
    {attributes}
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up venue, compiled."""
    cargo = shutil.which("cargo")
    if cargo is None:
        if os.environ.get("CI"):
            pytest.fail("cargo is not on the path")
        pytest.skip("cargo is not on the path: the made-up venue cannot be compiled")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or tmp_path_factory.mktemp("target"))
    options = ["--quiet", "--manifest-path", str(FAULTY / "Cargo.toml"), "--target-dir", str(target)]
    subprocess.run([cargo, "build", *options], check=True, timeout=300)
    return target / "debug/libfaulty.so"


@pytest.fixture
def run(install: Install, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Gives a function that runs the suite on one table of the venue, as ``wirebook conformance`` does on a folder."""
    monkeypatch.setattr(plugins, "installed", plugins.load)

    def conform(
        table: str,
        only: str = "",
        *,
        vectors: Path = VECTORS,
        capabilities: str = "encoder=True",
        attributes: str = "exact = True",
    ) -> Result:
        number = next(NUMBERS)
        install(
            f"wirebook-faulty-{number}", PLUGIN.format(library=str(library), table=table, capabilities=capabilities)
        )
        # pytest knows a test file by its name, and takes one that it has seen for the same.
        file = tmp_path / f"run_{number}" / f"test_{table.lower()}_{number}.py"
        file.parent.mkdir()
        file.write_text(TEST_FILE.format(vectors=str(vectors), attributes=attributes))
        return command.run(str(file.parent), None, only=only)

    return conform


def failed(result: Result) -> set[str]:
    """Names of the checks that failed, in words."""
    (report,) = result.classes
    return {command.in_words(each.check) for each in report.outcomes.values() if each.failures}


def undeclared(result: Result) -> set[str]:
    (report,) = result.classes
    return {command.in_words(each.check) for each in report.outcomes.values() if each.state == "not declared"}


def test_sound_decoder_passes_every_check(run: Run) -> None:
    result = run("SOUND")
    assert failed(result) == set(), "\n".join(command.remarks(result))
    assert command.is_fine(result)
    assert undeclared(result) == {"older versions are taken without what came later"}


FAULTS = {
    "WRONG_PRICE": "vector decodes to its events",
    "NARROW_ENCODER": "messages of any content come back",
    "INEXACT_ENCODER": "vector comes back from its events",
    "PANICS_WHEN_CUT": "every truncation is survived",
    "PANICS_AT_BITS": "every bit flip is survived",
    "BELIEVES_LENGTHS": "lying lengths are survived",
    "HIDES_CUTS": "cut packet gives its whole messages",
    "IGNORES_SKIP": "skipped messages are left out",
    "OVERFILLS": "batches of any size give the same events",
    "STOPS_AT_UNKNOWN": "unknown type is counted and the rest goes on",
    "HIDES_SHORT": "short message is counted and the rest goes on",
    "REFUSES_LONGER": "newer version means what this one means",
    "UNNUMBERED": "gap is counted and marks the books",
    "REMEMBERS_NAMES": "new session empties the books",
    "TAKES_MEMORY": "decoding takes no memory",
    "KEEPS_ORDERS": "books come to what the events say",
    "MISCOUNTS_PACKETS": "packets split into their messages",
}


@pytest.mark.parametrize(("table", "check"), FAULTS.items(), ids=FAULTS)
def test_each_fault_is_found_by_its_check(run: Run, table: str, check: str) -> None:
    result = run(table, "test_" + check.replace(" ", "_"))
    assert failed(result) == {check}
    assert not command.is_fine(result)
    reasons = [reason for each in result.classes[0].outcomes.values() for _, reason in each.failures]
    assert all(reasons)


def test_what_is_not_declared_is_not_asked(run: Run) -> None:
    result = run("NARROW_ENCODER", "vector or come", capabilities="encoder=False")
    assert failed(result) == set()
    assert undeclared(result) >= {
        "vector comes back from its events",
        "messages of any content come back",
        "books come to what the events say",
    }
    assert "skipped" not in result.output


@pytest.mark.parametrize("name", ["add", "no_such_message"])
def test_declaring_what_is_not_so_fails(run: Run, name: str) -> None:
    result = run("SOUND", "declared_unencoded", capabilities=f"encoder=True, unencoded=({name!r},)")
    assert failed(result) == {"messages declared unencoded are so"}


def changed(folder: Path, pattern: str, replacement: str) -> Path:
    """The vectors with one place changed."""
    text = (VECTORS / "faulty-1.0.yaml").read_text()
    different, count = re.subn(pattern, replacement, text, count=1)
    assert count == 1
    file = folder / "changed.yaml"
    file.write_text(different)
    return file


def test_vector_that_says_something_else_fails_and_is_named(run: Run, tmp_path: Path) -> None:
    result = run("SOUND", "vector", vectors=changed(tmp_path, "quantity: 1600", "quantity: 1601"))
    assert failed(result) == {"vector decodes to its events", "vector comes back from its events"}
    assert any("a bid is added" in line for line in command.remarks(result))


def test_missing_message_type_is_named(run: Run, tmp_path: Path) -> None:
    vectors = changed(tmp_path, r"  - what: \"part of an order is cancelled\"\n(.*\n){3}", "")
    result = run("SOUND", "every_message_type", vectors=vectors)
    assert command.is_fine(result)
    assert result.classes[0].found.coverage
    assert result.classes[0].found.coverage.missing_messages == ("reduce",)


def test_missing_message_type_fails_where_every_type_is_asked_for(run: Run, tmp_path: Path) -> None:
    vectors = changed(tmp_path, r"  - what: \"part of an order is cancelled\"\n(.*\n){3}", "")
    result = run("SOUND", "every_message_type", vectors=vectors, attributes="every_type = True")
    assert failed(result) == {"every message type has a vector"}


def test_field_that_no_vector_says_is_named(run: Run, tmp_path: Path) -> None:
    vectors = changed(tmp_path, r"(45 07 0de0b6b3a7640000 0000000000000011) 00000064", r"\1 00000000")
    coverage = run("SOUND", "every_message_type", vectors=vectors).classes[0].found.coverage
    assert coverage
    assert coverage.missing_fields == ("execute.quantity",)


def test_slow_decoding_is_a_remark_and_with_strict_rate_an_error(run: Run) -> None:
    result = run("SOUND", "decode_rate", attributes='budget = Budget(0.001, "message")')
    assert command.is_fine(result)
    assert not command.is_fine(result, strict_rate=True)
    assert any("OVER BUDGET" in line for line in command.remarks(result))


def test_report_says_the_same_in_markdown_and_json(run: Run) -> None:
    result = run("WRONG_PRICE", "vector_decodes or memory or rate")
    text = command.markdown(result)
    assert "| vector decodes to its events | failed |" in text
    facts = json.loads(json.dumps(command.facts(result)))
    assert facts["ok"] is False
    (protocol,) = facts["protocols"]
    checks = {each["check"]: each for each in protocol["checks"]}
    assert checks["test_vector_decodes_to_its_events"]["failures"][0]["reason"]
    assert protocol["rate"]["unit"] == "message"
    assert protocol["allocations"]["decoding"] == 0


def test_command_takes_an_installed_distribution(
    install: Install, library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plugins, "installed", plugins.load)
    install("wirebook-faulty", PLUGIN.format(library=str(library), table="SOUND", capabilities="encoder=True"))
    report = tmp_path / "report.md"
    arguments = ["conformance", "wirebook-faulty", "--vectors", str(VECTORS), "--report", str(report), "--json"]
    arguments += ["--only", "vector or skipped"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert [each["protocol"] for each in facts["protocols"]] == ["faulty-1.0"]
    assert "Every check passed." in report.read_text()


def test_command_says_what_it_cannot_find(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="no folder, and no installed distribution"):
        command.run("no-such-package", None)
    with pytest.raises(Misuse, match="name its vectors with --vectors"):
        command.run("pytest", None)
    with pytest.raises(Misuse, match="has no protocol that can be used"):
        command.run("pytest", tmp_path)
    with pytest.raises(Misuse, match="no test class of it derives"):
        CliRunner().invoke(app, ["conformance", str(tmp_path)], catch_exceptions=False)


def test_tests_that_cannot_be_collected_are_no_pass(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import no_such_module_anywhere\n")
    result = command.run(str(tmp_path), None)
    assert not command.is_fine(result)
    assert "no_such_module_anywhere" in "\n".join(command.remarks(result))


WRONG_VECTORS = {
    "protocol": ("vectors: []", "protocol and a list"),
    "no mapping": ("- 1", "not a mapping"),
    "key of a vector": ("protocol: x\nvectors: [{bytes: '00', colour: red}]", r"vectors\[0\]: colour: not a key"),
    "key of an event": (
        "protocol: x\nvectors: [{bytes: '00', events: [{kind: add, colour: 1}]}]",
        r"events\[0\].colour",
    ),
    "no kind": ("protocol: x\nvectors: [{bytes: '00', events: [{price: 1}]}]", r"events\[0\].kind: not given"),
    "no bytes": ("protocol: x\nvectors: [{what: nothing}]", "give bytes"),
    "bytes as a number": ("protocol: x\nvectors: [{bytes: 0011}]", "in quotes"),
    "no digits": ("protocol: x\nvectors: [{bytes: 'xy'}]", "non-hexadecimal"),
    "packet of no framing": ("protocol: x\nvectors: [{packet: '00'}]", "framing: not given"),
    "no YAML": ("protocol: [", r"wrong\.yaml"),
    "detail of no name": ("protocol: x\nvectors: [{bytes: '00', events: [{kind: add, detail: [red]}]}]", "detail: red"),
}


@pytest.mark.parametrize(("text", "what"), WRONG_VECTORS.values(), ids=WRONG_VECTORS)
def test_vectors_that_say_something_else_are_refused_with_their_place(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(VectorError, match=what):
        load_vectors(tmp_path)


def test_codes_that_look_like_truth_values_are_texts(tmp_path: Path) -> None:
    file = tmp_path / "codes.yaml"
    file.write_text("protocol: x\nvectors:\n- {bytes: '00', events: [{kind: add, last: false, record: {code: NO}}]}\n")
    (vector,) = load_vectors(file)
    assert vector.events[0]["record"] == {"code": "NO"}
    assert vector.events[0]["last"] is False


def test_details_are_told_by_name() -> None:
    assert normal({"kind": "modify", "detail": ["remaining", "put"]}, ts=0)["detail"] == 144
    assert normal({"kind": "add", "instrument": 0, "order_id": 0}, ts=0) == {"kind": "add", "instrument": 0, "ts": 0}


def test_protocol_without_rate_budget_meets_it() -> None:
    assert Rate(ns=1e9, unit="message", budget_ns=None, method="").is_met
    assert ClassReport("nobody", "x").found == Findings("x")


UNSOUND = {
    "prices are not in order": ([(10, 5, 1, [(1, 5)]), (11, 5, 1, [(2, 5)])], []),
    "is not the sum": ([(10, 6, 1, [(1, 5)])], []),
    "counts 2 orders": ([(10, 5, 2, [(1, 5)])], []),
    "has quantity -1": ([(10, -1, 1, [(1, -1)])], []),
    "rests twice": ([(10, 5, 1, [(1, 5)])], [(11, 5, 1, [(1, 5)])]),
}


@pytest.mark.parametrize(("what", "sides"), UNSOUND.items(), ids=UNSOUND)
def test_unsound_book_is_told_from_a_sound_one(what: str, sides: tuple[list[Any], list[Any]]) -> None:
    bids, asks = sides
    book: Any = {"key": 7, "symbol": None, "state": "valid", "reason": "none", "bids": bids, "asks": asks}
    found = list(unsound(book))
    assert len(found) == 1
    assert what in found[0]
    assert list(unsound(book, ids_per_side=True)) == ([] if what == "rests twice" else found)
