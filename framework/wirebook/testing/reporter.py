"""What pytest says of conformance classes: outcomes gathered by class, and a few lines at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from wirebook.testing import findings
from wirebook.testing.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "wirebook-conformance"
"""Name under which pytest knows the reporter."""

SHOWN = 5
"""Names that are shown of a list."""


@attrs.define
class Outcome:
    """What became of one check of one class."""

    check: str
    """Name of the test function: what is promised."""
    passed: int = 0
    failures: list[tuple[str, str]] = attrs.field(factory=list)
    """Name of each test that failed, and why."""

    @property
    def state(self) -> str:
        """``passed``, ``failed``, or ``not declared`` where the plugin does not claim to do it."""
        if self.failures:
            return "failed"
        return "passed" if self.passed else "not declared"


@attrs.define
class ClassReport:
    """All of one class."""

    name: str
    protocol: str
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)

    @property
    def found(self) -> Findings:
        """What its tests found out."""
        return findings.ALL.get(self.name) or Findings(self.protocol)

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(each.failures for each in self.outcomes.values())

    def check(self, name: str) -> Outcome:
        """Gives the outcome of one check."""
        return self.outcomes.setdefault(name, Outcome(name))


class Reporter:
    """A pytest plugin that registers itself with the first conformance class that is collected.

    It is no entry point of its own, so that it touches no test run without such a class.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.classes: dict[str, ClassReport] = {}
        self._places: dict[str, tuple[ClassReport, str]] = {}
        self._quiet = quiet

    @classmethod
    def register(cls, config: pytest.Config) -> None:
        """Sees to it that a run has a reporter."""
        if not config.pluginmanager.has_plugin(NAME):
            config.pluginmanager.register(cls(), NAME)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Takes out tests of what a plugin does not declare: they would count as skipped."""
        undeclared = []
        for item in items:
            report = self._report_of(item)
            if report is None:
                continue
            outcome = report.check(_check(item))
            self._places[item.nodeid] = (report, outcome.check)
            if _has_nothing_to_do(item):
                undeclared.append(item)
        if undeclared:
            gone = set(undeclared)
            items[:] = [each for each in items if each not in gone]
            config.hook.pytest_deselected(items=undeclared)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes how a test went."""
        place = self._places.get(report.nodeid)
        if place is None:
            return
        outcome = place[0].check(place[1])
        if report.failed:
            outcome.failures.append((report.nodeid.rpartition("::")[2], _reason(report)))
        elif report.when == "call":
            outcome.passed += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says what vectors leave out, and what decoding took."""
        if self._quiet:
            return
        for report in self.classes.values():
            terminalreporter.section(f"conformance of {report.protocol}")
            for line in lines(report):
                terminalreporter.line(line)

    def _report_of(self, item: pytest.Item) -> ClassReport | None:
        cls = getattr(item, "cls", None)
        protocol = getattr(cls, "protocol", None)
        if cls is None or protocol is None or not hasattr(cls, "findings"):
            return None
        name = f"{cls.__module__}.{cls.__qualname__}"
        return self.classes.setdefault(name, ClassReport(name, protocol))


def lines(report: ClassReport) -> Iterable[str]:
    """Gives what was found out, a line a fact."""
    found = report.found
    if covered := found.coverage:
        missing, silent = covered.missing_messages, covered.missing_fields
        yield f"message types without a vector: {len(missing)} of {covered.messages}" + _listed(missing)
        yield f"fields zero or blank in every vector: {len(silent)} of {covered.fields}" + _listed(silent)
    if found.packets:
        tried = ", ".join(f"{damage.replace('_', ' ')} {count:,}" for damage, count in found.packets.items())
        yield f"damaged packets, by damage: {tried}"
    if found.allocations:
        yield "calls for memory: {construction} to make a decoder, {decoding} while it decoded".format_map(
            found.allocations
        )
    if rate := found.rate:
        budget = "no budget" if rate.budget_ns is None else f"budget {rate.budget_ns:g} ns"
        verdict = "" if rate.is_met else ": OVER BUDGET"
        yield f"decoding: {rate.ns:.1f} ns {_article(rate.unit)} {rate.unit}, {budget}{verdict} ({rate.method})"
    yield from found.remarks


def _listed(names: tuple[str, ...]) -> str:
    """Names the first of them; a report has all."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f": {', '.join(names[:SHOWN])}{more}" if names else ""


def _article(unit: str) -> str:
    return "an" if unit[0] in "aeiou" else "a"


def _check(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


def _has_nothing_to_do(item: pytest.Item) -> bool:
    """Whether pytest made the test of an empty list of parameters."""
    mark = item.get_closest_marker("skip")
    return mark is not None and "empty parameter set" in str(mark.kwargs.get("reason", ""))


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", report.longrepr)).strip()
