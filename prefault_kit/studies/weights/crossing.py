"""Where one way overtakes another: over the part that is used, or the file over the memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prefault_kit.studies.weights.result import LAST, Found

USED = "used"
OVER_LIMIT = "file over memory limit"
AXES: dict[str, Callable[[Found], float]] = {
    USED: lambda found: found.used_bytes / found.size_bytes,
    OVER_LIMIT: lambda found: found.size_bytes / (found.plan.limit_bytes or math.inf),
}
"""What plans may be laid along, from a small value to a large one."""


@dataclass(frozen=True)
class Crossing:
    """Two ways along an axis, and where they cross.

    ``at`` is where the best times are equal, by a straight line between two neighbours in
    logarithms; None where one is faster all along.
    """

    axis: str
    one: str
    other: str
    points: tuple[tuple[float, float], ...]
    """Value, and the best time of ``one`` over that of ``other``; infinite where ``one`` did not
    come to its end, 0 where ``other`` did not."""
    at: float | None

    @property
    def below(self) -> str:
        """The faster one at the small end."""
        return self.one if self.points[0][1] <= 1 else self.other

    @property
    def above(self) -> str:
        """The faster one at the large end."""
        return self.one if self.points[-1][1] <= 1 else self.other


def compare(runs: Sequence[Found], one: str, other: str, axis: str, figure: str = LAST) -> Crossing:
    """Compare two ways in runs that differ along an axis. ValueError for fewer than two runs in
    which one of them came to its end."""
    points = sorted(
        (AXES[axis](found), ratio)
        for found in runs
        if not found.missing and (ratio := _ratio(found, one, other, figure)) is not None
    )
    if len(points) < 2:
        raise ValueError(f"{axis}: two runs at least that differ are needed for a crossing")
    return Crossing(axis, one, other, tuple(points), _crossing(points))


def _ratio(found: Found, one: str, other: str, figure: str) -> float | None:
    first, second = found.best_ms(one, figure), found.best_ms(other, figure)
    if first is None:
        return None if second is None else math.inf
    return first / second if second else 0.0


def _crossing(points: Sequence[tuple[float, float]]) -> float | None:
    """The last change of sign, so that beyond it nothing changes."""
    for (left, before), (right, after) in reversed(list(itertools.pairwise(points))):
        if (before <= 1) != (after <= 1):
            ends = (before, after)
            if math.isinf(max(ends)) or min(ends) == 0:
                return right  # one of them ends there: nothing lies between
            part = math.log(before) / (math.log(before) - math.log(after))
            return math.exp(math.log(left) + part * (math.log(right) - math.log(left)))
    return None
