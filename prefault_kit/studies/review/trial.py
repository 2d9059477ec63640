"""What happens in the worker: one candidate on one case, phase by phase, and what each left.

The phases are prefault, access, and what the case asks for afterwards; each is timed separately,
and between them the kernel reports what is resident, dirty and written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from prefault_kit.kernel import diskstats, errors, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.steps import do
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.review import accesses
from prefault_kit.studies.review.accesses import Accesses
from prefault_kit.studies.review.candidates import COMPARABLE
from prefault_kit.studies.review.content import Content
from prefault_kit.studies.review.workload import Workload

BINS_PER_DECADE = 10
"""Of the histogram of latencies, which begins at 10 ns."""
BINS = 8 * BINS_PER_DECADE


@dataclass(frozen=True)
class Trial:
    """One repetition of one candidate. Times are milliseconds; None where there is no such phase
    or the kernel does not report it."""

    prefault_ms: float
    access_ms: float
    sync_ms: float | None
    evict_ms: float | None
    refault_ms: float | None
    first_touch_us: dict[str, float]
    """``p50``, ``p99``, ``p999``, ``max`` of the first access to each page, in microseconds."""
    first_touch_bins: list[int]
    """Counts of first accesses by latency: bin i begins at 10^(1 + i/10) ns."""
    minor_faults: int
    """Of the accesses, without those of prefaulting."""
    major_faults: int
    pages_after_prefault: int
    dirty_pages_after_prefault: int | None
    dirty_pages_after_access: int | None
    memory_bytes_after_prefault: int
    memory_bytes_after_access: int
    bytes_dirtied_by_program: int
    """Different pages written, in bytes."""
    bytes_written_back: int | None
    """Pages that this process made dirty, written back by then or later."""
    device_bytes_written: int | None
    """What the device was given to write meanwhile, the file system's metadata included."""


def _memory(mapping: Mapping) -> int:
    """Bytes in memory for a mapping: its own pages, private copies included, and the page cache of
    its file."""
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

    times = times_ns[first]
    times.sort()
    p50, p99, p999 = numpy.percentile(times, (50, 99, 99.9), overwrite_input=True) / 1000
    values = {"p50": p50, "p99": p99, "p999": p999, "max": times[-1] / 1000}
    edges = 10 ** (1 + numpy.arange(1, BINS) / BINS_PER_DECADE)
    below = numpy.searchsorted(times, numpy.ceil(edges).astype(times.dtype))
    bins = numpy.diff(below, prepend=0, append=len(times))
    return {name: round(float(value), 3) for name, value in values.items()}, bins.tolist()


class TrialRun:
    """The trials of a review, all on one file. It holds one plan of accesses at a time."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.content = Content(workload)
        self._plan: tuple[float, Accesses] | None = None
        directory = workload.backing.find_directory()
        self.device = diskstats.under(directory) if directory and workload.backing.on_disk else None

    def plan(self, write: float) -> Accesses:
        """The accesses of the case with this written fraction, the same each time."""
        if self._plan is None or self._plan[0] != write:
            self._plan = None  # released before the next one is made
            load = self.workload
            if load.replay is not None:
                made = load.replay.plan(load.backing.page_size_bytes)
            else:
                made = accesses.plan(load.pages, read=load.read, write=write, pattern=load.pattern)
            self._plan = write, made
        return self._plan[1]

    def trial(self, candidate: str, plan: Accesses) -> Trial:
        """Run one; the file has its content already. OSError as it comes from the kernel."""
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
            for step in COMPARABLE[candidate].steps:
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
        import numpy

        load = self.workload
        times: dict[str, Any] = dict.fromkeys(("sync_ms", "evict_ms", "refault_ms"))
        if load.afterwards == "nothing" or not load.backing.has_file:
            return times
        if load.existing_file is None:
            times["sync_ms"] = mapping.sync().elapsed_ms
        if load.afterwards == "evict":
            work = mapping.advise("MADV_DONTNEED") + timed.evict_timed(mapping.fd)
            times["evict_ms"] = work.elapsed_ms
            self.content.evict()  # waits for pages on per-CPU lists, outside of the timed part
            again = plan.read_again
            if len(again):
                reading = numpy.zeros(len(again), "uint8")
                work, _ = mapping.access(again, reading, threads=load.threads)
                times["refault_ms"] = work.elapsed_ms
        return times


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the cases of ``payload`` interleaved, each round in another order; round 0 warms up.

    A case is a candidate's name and a written fraction. Yields the part of the file that is
    prepared, then a trial or an error; a case that failed is not repeated.
    """
    workload = Workload.from_dict(payload["workload"])
    cases = [(str(name), float(write)) for name, write in payload["cases"]]
    failed: set[int] = set()
    try:
        runs = TrialRun(workload)
    except OSError as error:
        yield {"fatal": f"the file could not be opened: {_in_words(error)}"}
        return
    try:
        for repetition, index, (name, write) in interleave(cases, workload.repeats, turning=True):
            if index in failed:
                continue
            event = {"case": index, "repetition": repetition}
            try:
                for part in runs.content.prepare():
                    yield event | {"prepared": part}
            except OSError as error:
                yield {"fatal": f"the file could not be prepared: {_in_words(error)}"}
                return
            try:
                plan = runs.plan(write)
            except (OSError, ValueError) as error:  # a trace that is gone, or another one by now
                said = _in_words(error) if isinstance(error, OSError) else str(error)
                yield {"fatal": f"the accesses are not known any more: {said}"}
                return
            try:
                yield event | {"trial": asdict(runs.trial(name, plan))}
            except OSError as error:
                failed.add(index)
                yield event | {"error": _in_words(error)}
    finally:
        runs.content.close()


def _in_words(error: OSError) -> str:
    name = errors.ERRNO_NAMES.get(error.errno or 0)
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"{error.strerror or reason} ({name})"
