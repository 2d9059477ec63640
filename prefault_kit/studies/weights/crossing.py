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


CLEAR = 1.1
"""Best times that differ by less are taken for equal: they say nothing about who is faster."""


@dataclass(frozen=True)
class Crossing:
    """Two ways along an axis, and where they cross.

    ``at`` is where the best times are equal, by a straight line in logarithms between the last
    value where one is clearly faster and the next where the other is; None where neither gives way
    to the other. A way that did not come to its end has lost from there on.
    """

    axis: str
    one: str
    other: str
    points: tuple[tuple[float, float], ...]
    """Value, and the best time of ``one`` over that of ``other``; infinite where ``one`` did not
    come to its end, 0 where ``other`` did not."""
    at: float | None
    changes: int
    """How often the faster one changes: where more than once, no side of ``at`` is safe."""

    @property
    def below(self) -> str | None:
        """The one that is clearly faster at the small end; None where neither ever is."""
        return self._faster(0)

    @property
    def above(self) -> str | None:
        """The one that is clearly faster at the large end; None where neither ever is."""
        return self._faster(-1)

    def _faster(self, place: int) -> str | None:
        clear = _clear(self.points)
        return None if not clear else self.one if clear[place][1] < 1 else self.other


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
    changes = [
        _between(before, after)
        for before, after in itertools.pairwise(_clear(points))
        if (before[1] < 1) != (after[1] < 1)
    ]
    at = changes[-1] if changes else None
    return Crossing(axis, one, other, tuple(points), at, len(changes))


def _ratio(found: Found, one: str, other: str, figure: str) -> float | None:
    first, second = found.best_ms(one, figure), found.best_ms(other, figure)
    if first is None:
        return None if second is None else math.inf
    return first / second if second else 0.0


def _clear(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(value, ratio) for value, ratio in points if not 1 / CLEAR < ratio < CLEAR]


def _between(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Where a line between two points, in logarithms, meets a ratio of 1."""
    (left, low), (right, high) = before, after
    if math.isinf(max(low, high)) or min(low, high) == 0:
        return right if after[1] in (0.0, math.inf) else left  # one ends there
    part = math.log(low) / (math.log(low) - math.log(high))
    return math.exp(math.log(left) + part * (math.log(right) - math.log(left)))
