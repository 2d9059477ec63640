"""What happens in the worker: one candidate on one case, phase by phase, and what each left.

The phases are prefault, access, and what the case asks for afterwards; each is timed by itself,
and between them the kernel is asked what is resident, dirty and written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit.kernel import diskstats, syscalls
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES, Work
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.steps import do
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.review import accesses
from prefault_kit.studies.review.accesses import Accesses
from prefault_kit.studies.review.candidates import WAYS
from prefault_kit.studies.review.content import Content
from prefault_kit.studies.review.workload import Workload

BINS_PER_DECADE = 10
"""Of the histogram of latencies, from 10 ns on."""
BINS = 8 * BINS_PER_DECADE


@dataclass(frozen=True)
class Trial:
    """One repetition of one candidate. Times are milliseconds; None where there is no such phase
    or the kernel does not tell."""

    prefault_ms: float
    access_ms: float
    sync_ms: float | None
    evict_ms: float | None
    refault_ms: float | None
    first_touch_us: dict[str, float]
    """``p50``, ``p99``, ``p999``, ``max`` of the first access to each page, in microseconds."""
    first_touch_bins: list[int]
    """How many first accesses took so long: bin i begins at 10^(1 + i/10) ns."""
    minor_faults: int
    """Of the accesses; those of prefaulting are the prefault's."""
    major_faults: int
    pages_after_prefault: int
    dirty_pages_after_prefault: int | None
    dirty_pages_after_access: int | None
    memory_bytes_after_prefault: int
    memory_bytes_after_access: int
    bytes_dirtied_by_program: int
    """Different pages written, in bytes."""
    bytes_written_back: int | None
    """Pages that this process made dirty, written back by the end or to be."""
    device_bytes_written: int | None
    """What its device took until then, the file system's own bookkeeping included."""


def _memory(mapping: Mapping) -> int:
    """What is in memory for the mapping: its own pages, and the page cache of its file."""
    usage = mapping.usage()
    if mapping.backing.is_hugetlb:
        return (usage.private_hugetlb or 0) + (usage.shared_hugetlb or 0)
    cache = mapping.file_cache()
    if cache is None:
        return usage.rss or 0
    return (usage.anonymous or 0) + (cache.cached or 0) * PAGE_SIZE_BYTES


def _dirty(mapping: Mapping) -> int | None:
    cache = mapping.file_cache()
    return cache.dirty if cache else None


def _first_touch(times_ns: Any, first: Any) -> tuple[dict[str, float], list[int]]:
    import numpy

    times = times_ns[first].astype("float64")
    p50, p99, p999 = numpy.percentile(times, (50, 99, 99.9)) / 1000
    values = {"p50": p50, "p99": p99, "p999": p999, "max": times.max() / 1000}
    edges = 10 ** (1 + numpy.arange(1, BINS) / BINS_PER_DECADE)
    bins = numpy.bincount(numpy.digitize(times, edges), minlength=BINS)
    return {name: round(float(value), 3) for name, value in values.items()}, bins.tolist()


def _ms(began_ns: int) -> float:
    return (time.monotonic_ns() - began_ns) / 1e6


class TrialRun:
    """The cases of a review on one file, trial by trial."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.content = Content(workload)
        directory = workload.backing.find_directory()
        self.device = diskstats.under(directory) if directory and workload.backing.on_disk else None

    def plan(self, write: float) -> Accesses:
        """The accesses of the case with another written fraction."""
        load = self.workload
        return accesses.plan(load.pages, read=load.read, write=write, pattern=load.pattern)

    def trial(self, candidate: str, plan: Accesses) -> Trial:
        """Do one; the file is in its content already. OSError as the kernel says it."""
        load = self.workload
        with Mapping(
            load.backing,
            load.size_bytes,
            load.sharing,
            fd=self.content.fd,
            writable=load.existing_file is None,
        ) as mapping:
            before = self._written()
            work = Work()
            for step in WAYS[candidate].steps:
                work += do(mapping, step, load.threads)
            after_prefault: dict[str, Any] = {
                "pages_after_prefault": mapping.pages().present,
                "dirty_pages_after_prefault": _dirty(mapping),
                "memory_bytes_after_prefault": _memory(mapping),
            }
            accessed, times = mapping.access(plan.pages, plan.writes, threads=load.threads)
            after_access: dict[str, Any] = {
                "dirty_pages_after_access": _dirty(mapping),
                "memory_bytes_after_access": _memory(mapping),
            }
            afterwards = self._afterwards(mapping, plan)
            charged, taken = (
                None if then is None or now is None else now - then
                for then, now in zip(before, self._written(), strict=True)
            )
        first_touch, bins = _first_touch(times, plan.first)
        return Trial(
            prefault_ms=work.elapsed_ms,
            access_ms=accessed.elapsed_ms,
            first_touch_us=first_touch,
            first_touch_bins=bins,
            minor_faults=accessed.minor_faults,
            major_faults=accessed.major_faults,
            bytes_dirtied_by_program=plan.pages_written * load.backing.page_size_bytes,
            bytes_written_back=charged,
            device_bytes_written=taken,
            **after_prefault,
            **after_access,
            **afterwards,
        )

    def _written(self) -> tuple[int | None, int | None]:
        if not self.workload.backing.on_disk:
            return None, None
        return diskstats.charged_bytes(), self.device.written_bytes() if self.device else None

    def _afterwards(self, mapping: Mapping, plan: Accesses) -> dict[str, Any]:
        """Sync, evict and read again, as far as the case goes."""
        load = self.workload
        times: dict[str, Any] = dict.fromkeys(("sync_ms", "evict_ms", "refault_ms"))
        if load.afterwards == "nothing" or not load.backing.has_file:
            return times
        if load.existing_file is None:
            began_ns = time.monotonic_ns()
            mapping.sync()
            times["sync_ms"] = _ms(began_ns)
        if load.afterwards == "evict":
            began_ns = time.monotonic_ns()
            mapping.advise("MADV_DONTNEED")
            syscalls.evict(mapping.fd)
            times["evict_ms"] = _ms(began_ns)
            self.content.evict()  # what was on its way to a list is waited for, off the clock
            again = plan.read_again
            if len(again):
                work, _ = mapping.access(again, (again * 0).astype("uint8"), threads=load.threads)
                times["refault_ms"] = work.elapsed_ms
        return times


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the cases of ``payload`` interleaved, each round in another order; round 0 warms up.

    A case is a candidate's name and a written fraction. Yields the part of a content that is laid,
    then a trial or an error; a case that failed is not repeated.
    """
    workload = Workload.from_dict(payload["workload"])
    cases = [(str(name), float(write)) for name, write in payload["cases"]]
    failed: set[int] = set()
    try:
        runs = TrialRun(workload)
    except OSError as error:
        yield {"fatal": _said(error)}
        return
    plans = {write: runs.plan(write) for _, write in cases}
    try:
        for repetition, index, (name, write) in interleave(cases, workload.repeats, turning=True):
            if index in failed:
                continue
            event = {"case": index, "repetition": repetition}
            try:
                for part in runs.content.lay():
                    yield event | {"laid": part}
            except OSError as error:
                yield {"fatal": f"the file could not be prepared: {_said(error)}"}
                return
            try:
                yield event | {"trial": asdict(runs.trial(name, plans[write]))}
            except OSError as error:
                failed.add(index)
                yield event | {"error": _said(error)}
    finally:
        runs.content.close()


def _said(error: OSError) -> str:
    name = syscalls.ERRNO_NAMES.get(error.errno or 0)
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"{error.strerror or reason} ({name})"
