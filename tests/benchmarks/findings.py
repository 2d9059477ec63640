"""What a benchmark finds: a figure, held against its budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One budget of the kit and what was measured, both in ``unit``."""

    budget: str
    """What is budgeted, in words."""
    measured: float
    at_most: float
    unit: str = ""
    """``ms``, or empty for a ratio."""
    at_least: float = 0.0
    detail: str = ""
    """How the figure spreads, or what it is made of."""
    broken: str = ""
    """Why the budget is not met although the figure is within it; else empty."""

    @property
    def met(self) -> bool:
        """Whether the figure is within its budget."""
        return self.at_least <= self.measured <= self.at_most and not self.broken

    @property
    def share(self) -> float:
        """The figure as a part of what is allowed; of a range around 1, the distance from 1."""
        if not self.at_least:
            return self.measured / self.at_most
        off = self.measured - 1
        return off / (self.at_most - 1) if off > 0 else off / (self.at_least - 1)

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "budget": self.budget,
            "measured": self.measured,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "unit": self.unit,
            "share": self.share,
            "met": self.met,
            "detail": self.detail or self.broken,
        }


@dataclass(frozen=True)
class NotMeasured:
    """One budget that could not be measured here, and why."""

    budget: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {"budget": self.budget, "met": None, "detail": self.reason}
