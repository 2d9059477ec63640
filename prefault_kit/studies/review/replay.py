"""The accesses of a program that was traced, to one of its mappings: a workload without a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefault_kit.kernel import perf
from prefault_kit.measure import trace_file
from prefault_kit.measure.trace import (
    ANONYMOUS,
    FILE,
    HEAP,
    SHARED,
    STACK,
    MappingUse,
    Trace,
    TracedMapping,
)
from prefault_kit.memory.backing import Backing
from prefault_kit.studies.review import accesses
from prefault_kit.studies.review.accesses import Accesses

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

REPLAYABLE = (FILE, ANONYMOUS, SHARED, HEAP, STACK)
TRACE_BYTES = 112
"""Of each fault of a trace, while it is loaded; test_replay.py measures it."""


@dataclass(frozen=True)
class Replay:
    """Which accesses: of a saved trace, and of a mapping by its number there, from 1."""

    path: str
    mapping: int
    name: str
    """The mapping's, as the program has it; its kind where it has none."""
    kind: str
    accesses: int
    unknown: int
    """Accesses of which it is not known whether they read or wrote."""
    faults: int
    """Of the whole trace."""

    @property
    def unknown_write(self) -> bool:
        """Whether those are replayed as writes: to a file as reads, to other memory as writes."""
        return self.kind != FILE

    @property
    def sentence(self) -> str:
        """What the accesses are."""
        said = (
            f"The accesses are the {self.accesses:,} faults at {self.name} in the trace "
            f"{self.path}, in their order"
        )
        if self.unknown:
            guessed = "writes" if self.unknown_write else "reads"
            said += (
                f"; of {self.unknown:,} it is not known whether they read or wrote, and they are "
                f"replayed as {guessed}"
            )
        return f"{said}."

    def memory_bytes(self) -> int:
        """What loading the trace takes, at most."""
        return TRACE_BYTES * self.faults

    def plan(self, page_size_bytes: int) -> Accesses:
        """The accesses, by pages of this size.

        OSError and ValueError where the trace is gone, or is another one by now.
        """
        trace = trace_file.load(self.path)
        _, use, mapping = chosen(trace, self.path, self.mapping)
        if (use.faults, mapping.kind) != (self.accesses, self.kind):
            raise ValueError(f"{self.path} is another trace by now: begin anew")
        return _plan(trace, use, mapping, page_size_bytes)


def chosen(trace: Trace, path: str, number: int | None) -> tuple[Replay, MappingUse, TracedMapping]:
    """A mapping by its number, or the first that can be replayed; ValueError without one."""
    for at, use in enumerate(trace.use, 1):
        mapping = trace.mappings[use.index]
        if number is None and mapping.kind not in REPLAYABLE:
            continue
        if number not in (None, at):
            continue
        if mapping.kind not in REPLAYABLE:
            raise ValueError(f"mapping {at} of the trace is {mapping.kind}, and cannot be replayed")
        unknown = int((trace.access[trace.of(use.index)] == perf.UNTOLD).sum())
        name = mapping.name or f"{mapping.kind} memory"
        return (
            Replay(path, at, name, mapping.kind, use.faults, unknown, len(trace)),
            use,
            mapping,
        )
    if number is not None and trace.use:
        raise ValueError(f"the trace has mappings 1 to {len(trace.use)}, and no {number}")
    raise ValueError(f"{path} has no mapping that could be replayed: it has no faults")


def case(trace: Trace, path: str, number: int | None, backing: Backing | None) -> dict[str, Any]:
    """What a trace says of a workload, as its arguments; sizes in whole pages of the backing."""
    replay, use, mapping = chosen(trace, path, number)
    if backing is None:
        like = {FILE: Backing.file("."), SHARED: Backing.memfd()}
        backing = like.get(mapping.kind) or Backing.anon()
    page = backing.page_size_bytes
    plan = _plan(trace, use, mapping, page)
    pages = max(-(-mapping.size_bytes // page), int(plan.pages.max(initial=0)) + 1)
    read = len(plan.read_again)
    return {
        "backing": backing,
        "sharing": "private" if mapping.is_private else "shared",
        "size_bytes": pages * page,
        "content": "large-chunks" if mapping.kind == FILE and backing.has_file
        and not backing.is_hugetlb else "hole",
        "read": read / pages,
        "write": plan.pages_written / pages,
        "replay": replay,
    }  # fmt: skip


def _plan(trace: Trace, use: MappingUse, mapping: TracedMapping, page_size_bytes: int) -> Accesses:
    at = trace.of(use.index)
    pages = trace.page[at] - mapping.first_page
    pages = pages * trace.page_size_bytes // page_size_bytes
    if pages.min() < 0 or pages.max() >= accesses.MOST_PAGES:
        raise ValueError("the trace has pages outside of its mapping")
    write: NDArray[numpy.bool_] = trace.access[at] == perf.WRITE
    if mapping.kind != FILE:
        write = write | (trace.access[at] == perf.UNTOLD)
    return accesses.of(pages.astype("uint32"), write.astype("uint8"))
