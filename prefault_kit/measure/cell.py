"""What happens in the worker: run each cell's method on fresh memory, look at it, clean up.

Only the method is timed, and what the kit itself needs is allocated elsewhere than in the mapping
that is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prefault_kit.kernel import errors
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.interleaving import interleave
from prefault_kit.measure.start_state import StartState
from prefault_kit.measure.steps import do
from prefault_kit.memory import methods
from prefault_kit.memory.mapping import Mapping


class Cell:
    """One method on memory in its start state, repetition by repetition."""

    def __init__(
        self, experiment: Experiment, start: StartState, *, early_views: bool = False
    ) -> None:
        self.experiment = experiment
        self.method = methods.METHODS[experiment.method]
        self.start = start
        self.early_views = early_views
        self.first_views: dict[str, Any] | None = None
        self.measured: dict[str, Any] = {
            "outcome": "ok",
            "timings_ms": [],
            "file_system": start.file_system,
        }

    @property
    def failed(self) -> bool:
        """Whether a repetition failed; the cell is then over."""
        return bool(self.measured["outcome"] != "ok")

    def repeat(self, repetition: int) -> float:
        """Do one repetition on a fresh mapping; its milliseconds. Number 0 is the warm-up."""
        last = repetition == self.experiment.repeats
        work = Work()
        try:
            self.start.reset()
            with self._map() as mapping:
                try:
                    for step in self.method.steps:
                        work += do(mapping, step, self.experiment.threads)
                except OSError as error:
                    self._fail(error)
                if last or self.failed:
                    self.measured |= self._look(mapping, work)
                elif repetition == 0 and self.early_views:
                    self.first_views = self._look(mapping, work)
                if last and not self.failed and self.experiment.follow_up:
                    self._follow_up(mapping, work)
        except OSError as error:
            self._fail(error)
        if self.failed:
            return work.elapsed_ms
        if repetition == 0:
            self.measured["warmup_ms"] = work.elapsed_ms
        else:
            self.measured["timings_ms"].append(work.elapsed_ms)
        return work.elapsed_ms

    def _map(self) -> Mapping:
        return Mapping(
            self.experiment.backing,
            self.experiment.size_bytes,
            self.experiment.sharing,
            fd=self.start.fd,
            thp=self.method.thp,
        )

    def _fail(self, error: OSError) -> None:
        self.measured["outcome"] = "error"
        self.measured["errno"] = errors.ERRNO_NAMES.get(error.errno or 0)
        self.measured["message"] = f"{self.experiment.method} failed: {error.strerror}"
        if isinstance(error, PrefaultError):
            self.measured["populated_bytes"] = error.populated_bytes

    def _look(self, mapping: Mapping, work: Work) -> dict[str, Any]:
        """Take the three views of the mapping as the method left it."""
        usage = mapping.usage()
        pages = mapping.pages()
        cache = mapping.file_cache()
        populated_bytes = self.measured.get("populated_bytes")  # known if the method failed
        return {
            "usage": usage.as_dict(),
            "pages": pages.as_dict(),
            "file": cache and cache.as_dict(),
            "faults": {"minor": work.minor_faults, "major": work.major_faults},
            "populated_bytes": (
                pages.present * PAGE_SIZE_BYTES if populated_bytes is None else populated_bytes
            ),
        }

    def _follow_up(self, mapping: Mapping, work: Work) -> None:
        """One write to each page, then sync: what the method left to be paid later."""
        phases = self.measured["phases"] = [self._phase("method", mapping, work)]
        wrote = mapping.touch_write(interruptible=False)
        phases.append(self._phase("write", mapping, wrote))
        if self.start.fd is not None and not self.start.backing.is_hugetlb:
            mapping.sync()
        phases.append(self._phase("sync", mapping, Work()))

    def _phase(self, name: str, mapping: Mapping, work: Work) -> dict[str, Any]:
        cache = mapping.file_cache()
        nothing = dict.fromkeys(("cached", "dirty", "writeback", "allocated_bytes"))
        return {
            "phase": name,
            "minor_faults": work.minor_faults,
            **(cache.as_dict() if cache else nothing),
        }


def measure(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the cells of ``payload["experiments"]`` interleaved; yield progress and measurements.

    Progress has the fields of :class:`~prefault_kit.measure.running.Progress`; a measurement has
    those of Result that the worker knows, and comes as soon as its cell is done.
    """
    experiments = [Experiment.from_dict(each) for each in payload["experiments"]]
    try:
        start = StartState(experiments[0])
    except OSError as error:
        yield from _fail_all(experiments, error)
        return
    try:
        for part in start.prepare():
            yield _progress(0, experiments[0], 0, "prepare", part=part)
        early = bool(payload.get("early_views"))
        yield from _take_turns([Cell(each, start, early_views=early) for each in experiments])
    except OSError as error:  # only preparing raises: a cell keeps its errors to itself
        yield from _fail_all(experiments, error)
    finally:
        start.close()


def _take_turns(cells: list[Cell]) -> Iterator[dict[str, Any]]:
    most = max(cell.experiment.repeats for cell in cells)
    for repetition, index, cell in interleave(cells, most):
        experiment = cell.experiment
        if cell.failed or repetition > experiment.repeats:
            continue
        last = repetition == experiment.repeats
        if last and experiment.follow_up:
            yield _progress(index, experiment, repetition, "follow_up", part=0.0)
        elapsed_ms = cell.repeat(repetition)
        if not cell.failed:
            views = cell.first_views if repetition == 0 else None
            yield _progress(index, experiment, repetition, "repetition", elapsed_ms, views=views)
        if cell.failed or last:
            yield {"cell": index, **cell.measured}


def _fail_all(experiments: list[Experiment], error: OSError) -> Iterator[dict[str, Any]]:
    for index in range(len(experiments)):
        yield {
            "cell": index,
            "outcome": "error",
            "timings_ms": [],
            "errno": errors.ERRNO_NAMES.get(error.errno or 0),
            "message": f"the file could not be prepared: {error.strerror}",
        }


def _progress(
    cell: int,
    experiment: Experiment,
    repetition: int,
    phase: str,
    elapsed_ms: float = 0.0,
    part: float = 1.0,
    views: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "cell": cell,
        "repetition": repetition,
        "repeats": experiment.repeats,
        "elapsed_ms": elapsed_ms,
        "phase": phase,
        "part": part,
        "views": views,
    }
