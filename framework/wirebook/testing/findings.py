"""What a run of the suite finds out beside passing or failing: for reports."""

from typing import Any

import attrs

from wirebook.testing.coverage import Coverage


@attrs.frozen
class Budget:
    """What decoding may take in a family."""

    ns: float
    """Nanoseconds."""
    unit: str
    """Of what: ``message`` or ``event``."""


BUDGETS = {"itch": Budget(10.0, "message"), "pitch": Budget(10.0, "message"), "sbe": Budget(15.0, "event")}
"""Flat families by message; SBE by event, since a message has many."""


@attrs.frozen
class Rate:
    """What decoding took: processor time of one thread, no books."""

    ns: float
    """Nanoseconds a unit of the budget, in the middle one of the runs."""
    unit: str
    budget_ns: float | None
    """None where the family has no budget."""
    method: str
    """How it was measured."""

    @property
    def is_met(self) -> bool:
        """Whether it is within its budget."""
        return self.budget_ns is None or self.ns <= self.budget_ns


@attrs.define
class Findings:
    """What one class found out of its protocol."""

    protocol: str
    coverage: Coverage | None = None
    rate: Rate | None = None
    allocations: dict[str, int] | None = None
    """Calls for memory, by part of a decoder's life; None where they were not counted."""
    packets: dict[str, int] = attrs.field(factory=dict)
    """Damaged packets tried, by damage."""
    remarks: list[str] = attrs.field(factory=list)
    """What else a reader of the report should know."""

    def as_facts(self) -> dict[str, Any]:
        """Gives it for JSON."""
        facts = attrs.asdict(self)
        if self.rate is not None:
            facts["rate"]["is_met"] = self.rate.is_met
        return facts


ALL: dict[str, Findings] = {}
"""By name of the class, with its module."""
