"""A trace held against an earlier one: what that foretold, and what it had in vain.

A page of a file stands for its window, as in :meth:`~prefault_kit.measure.trace.Trace.runs`: which
page of a window faults, and which ones fault-around maps, is chance. Other memory is compared page
by page.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from prefault_kit.measure.trace import (
    FILE,
    SPECIAL,
    UNRECORDED,
    WINDOW_BYTES,
    Trace,
    check_around,
    distinct,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Overlap:
    """Of one mapping, or of several together, in bytes."""

    title: str
    now: int
    """What was touched in this run."""
    earlier: int
    """What was touched in the earlier one."""
    both: int

    @property
    def coverage(self) -> float | None:
        """The part of what was touched now that the earlier trace has; None if nothing was."""
        return self.both / self.now if self.now else None

    @property
    def waste(self) -> float | None:
        """The part of the earlier trace that was not touched now; None if that is empty."""
        return 1 - self.both / self.earlier if self.earlier else None

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self) | {"coverage": self.coverage, "waste": self.waste}


@dataclass(frozen=True)
class Comparison:
    """Files, which ``prefault --from-trace`` brings, and other memory."""

    around_bytes: int
    files: Overlap
    """All files together."""
    memory: Overlap
    """All other memory together."""
    by_file: tuple[Overlap, ...]
    """The largest first."""

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "around_bytes": self.around_bytes,
            "files": self.files.as_dict(),
            "memory": self.memory.as_dict(),
            "by_file": [each.as_dict() for each in self.by_file],
        }


def compare(now: Trace, earlier: Trace, around_bytes: int = WINDOW_BYTES) -> Comparison:
    """Hold a trace against an earlier one; ValueError where they have pages of different sizes."""
    import numpy  # here, so that importing the kit stays quick

    check_around(around_bytes)
    if now.page_size_bytes != earlier.page_size_bytes:
        raise ValueError(
            f"the earlier trace has pages of {earlier.page_size_bytes} bytes, and this one of "
            f"{now.page_size_bytes}: they cannot be compared"
        )
    found = [_units(each, around_bytes) for each in (now, earlier)]
    overlaps: dict[bool, list[Overlap]] = {True: [], False: []}
    for key in dict.fromkeys([*found[0], *found[1]]):
        mine, other = (each.get(key, (0, numpy.empty(0, "i8"))) for each in found)
        size = mine[0] or other[0]
        both = len(numpy.intersect1d(mine[1], other[1], assume_unique=True))
        title = str(key[1]) if key[0] == FILE else " ".join(map(str, key[1:]))
        overlaps[key[0] == FILE].append(
            Overlap(title, len(mine[1]) * size, len(other[1]) * size, both * size)
        )
    files = sorted(overlaps[True], key=lambda each: -max(each.now, each.earlier))
    return Comparison(
        around_bytes,
        _sum("files", files),
        _sum("other memory", overlaps[False]),
        tuple(files),
    )


def _sum(title: str, parts: list[Overlap]) -> Overlap:
    return Overlap(
        title,
        sum(each.now for each in parts),
        sum(each.earlier for each in parts),
        sum(each.both for each in parts),
    )


def _units(
    trace: Trace, around_bytes: int
) -> dict[tuple[object, ...], tuple[int, NDArray[np.int64]]]:
    """By key of a mapping: the size of a unit in bytes, and the units that were touched."""
    import numpy

    found: dict[tuple[object, ...], tuple[int, NDArray[np.int64]]] = {}
    page = trace.page_size_bytes
    for use in trace.use:
        mapping = trace.mappings[use.index]
        if mapping.kind in (SPECIAL, UNRECORDED):
            continue
        window = max(1, around_bytes // page) if mapping.kind == FILE else 1
        units = distinct(trace.page[trace.of(use.index)] // window)
        if mapping.key in found:
            units = distinct(numpy.concatenate([units, found[mapping.key][1]]))
        found[mapping.key] = window * page, units
    return found
