"""The suite from the command line: run in this process, and put into words."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from wirebook import plugins
from wirebook.errors import Misuse
from wirebook.testing.reporter import NAME, ClassReport, Reporter, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("check", "result", "tests", "failed")
"""Of the table."""

FAILURES_SHOWN = 3
"""Failures of one check that are told in full; a report has all."""

_CLASS = """
class Test{number}(DecoderConformance):
    protocol = {protocol!r}
    vectors = Path({vectors!r})
"""


@attrs.frozen
class Result:
    """What a run came to."""

    package: str
    classes: tuple[ClassReport, ...]
    output: str
    """All that pytest said."""
    collected: bool
    """Whether every test could be collected and run."""


def run(package: str, vectors: Path | None, *, only: str = "") -> Result:
    """Runs the conformance classes of a plugin's folder, or those that an installed distribution needs.

    Args:
        package: the folder, or the name of the distribution.
        vectors: vectors of the distribution.
        only: an expression of names, as pytest's ``-k`` takes it; empty for all.

    Raises:
        Misuse: there is no such folder or distribution, or it has no vectors.
    """
    folder = Path(package)
    if folder.is_dir():
        if vectors:
            raise Misuse("--vectors goes with an installed distribution; a plugin's folder has its own")
        return _pytest(package, folder / "tests" if (folder / "tests").is_dir() else folder, only)
    if vectors is None:
        _distribution(package)
        raise Misuse(f"{package} is an installed distribution: name its vectors with --vectors")
    protocols = _protocols(_distribution(package))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "test_conformance.py"
        file.write_text(_module(protocols, vectors.resolve()))
        return _pytest(package, file, only)


def _distribution(name: str) -> str:
    try:
        return importlib.metadata.distribution(name).name
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        raise Misuse(f"{name}: no folder, and no installed distribution") from error


def _protocols(distribution: str) -> list[str]:
    installed = plugins.installed()
    found = [each.protocol.name for each in installed.protocols if each.origin.distribution == distribution]
    if not found:
        refused = [each.reason for each in installed.refused if each.origin.distribution == distribution]
        raise Misuse(f"{distribution} has no protocol that can be used" + "".join(f": {each}" for each in refused))
    return found


def _module(protocols: list[str], vectors: Path) -> str:
    """A test file for protocols that bring none."""
    head = "from pathlib import Path\n\nfrom wirebook.testing import DecoderConformance\n"
    classes = (
        _CLASS.format(number=number, protocol=protocol, vectors=str(vectors))
        for number, protocol in enumerate(protocols)
    )
    return head + "".join(classes)


class _OnlyConformance:
    """Leaves a plugin's other tests alone."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [each for each in items if hasattr(getattr(each, "cls", None), "findings")]


def _pytest(package: str, path: Path, only: str) -> Result:
    reporter = Reporter(quiet=True)
    output = io.StringIO()
    options = ["--quiet", "--tb=short", "-p", "no:cacheprovider", "--import-mode=importlib"]
    # Run within another run of pytest, its modules are there already.
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning", str(path)]
    if only:
        options += ["-k", only]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main(options, plugins=[_Named(reporter), _OnlyConformance()])
    ran = code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    return Result(package, tuple(reporter.classes.values()), output.getvalue(), ran)


class _Named:
    """Registers a reporter under the name by which the classes look for one."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._reporter, NAME)


def is_fine(result: Result, *, strict_rate: bool = False) -> bool:
    """Whether nothing failed; with ``strict_rate`` also whether decoding is within its budgets."""
    rates = [each.found.rate for each in result.classes]
    is_fast = all(rate is None or rate.is_met for rate in rates)
    return result.collected and not any(each.failed for each in result.classes) and (is_fast or not strict_rate)


def rows(report: ClassReport) -> Iterator[tuple[object, ...]]:
    """Gives a row a check."""
    for check in report.outcomes.values():
        failed = ", ".join(name for name, _ in check.failures[:FAILURES_SHOWN]) or None
        yield (in_words(check.check), check.state, check.passed + len(check.failures), failed)


def remarks(result: Result) -> Iterator[str]:
    """Gives what stands under the table: failures with their reasons, and what was found out."""
    for report in result.classes:
        for check in report.outcomes.values():
            for name, reason in check.failures[:FAILURES_SHOWN]:
                yield f"{report.protocol}: {name}: {reason}"
        yield from (f"{report.protocol}: {line}" for line in lines(report))
    if not result.collected:
        yield result.output


def in_words(check: str) -> str:
    """Gives a check's name as a sentence.

    >>> in_words("test_every_bit_flip_is_survived")
    'every bit flip is survived'
    """
    return check.removeprefix("test_").replace("_", " ")


def facts(result: Result, *, strict_rate: bool = False) -> dict[str, Any]:
    """Gives all of it for JSON."""
    return {
        "package": result.package,
        "ok": is_fine(result, strict_rate=strict_rate),
        "protocols": [_class_facts(each) for each in result.classes],
        "error": None if result.collected else result.output,
    }


def _class_facts(report: ClassReport) -> dict[str, Any]:
    return {
        **report.found.as_facts(),
        "ok": not report.failed,
        "checks": [
            {
                "check": each.check,
                "state": each.state,
                "passed": each.passed,
                "failures": [{"test": name, "reason": reason} for name, reason in each.failures],
            }
            for each in report.outcomes.values()
        ],
    }


def markdown(result: Result) -> str:
    """Gives the report as a Markdown document."""
    parts = [f"# Conformance of {result.package}\n"]
    parts += [_section(each) for each in result.classes]
    if not result.collected:
        parts.append(f"The tests could not all be run:\n\n```text\n{result.output}```\n")
    return "\n".join(parts)


def _section(report: ClassReport) -> str:
    verdict = "Some checks failed." if report.failed else "Every check passed."
    text = [f"## {report.protocol}\n", f"{verdict}\n", "| check | result | tests |", "|---|---|---|"]
    checks = report.outcomes.values()
    text += [f"| {in_words(each.check)} | {each.state} | {each.passed + len(each.failures)} |" for each in checks]
    text.append("")
    for check in report.outcomes.values():
        text += [f"- `{name}`: {_one_line(reason)}" for name, reason in check.failures]
    text += [f"- {line}" for line in lines(report)]
    if covered := report.found.coverage:
        text += _list("Message types without a vector", covered.missing_messages)
        text += _list("Fields zero or blank in every vector", covered.missing_fields)
    return "\n".join(text) + "\n"


def _one_line(reason: str) -> str:
    return " ".join(reason.split())


def _list(title: str, names: tuple[str, ...]) -> list[str]:
    return [f"\n### {title}\n", *(f"- `{name}`" for name in names)] if names else []
