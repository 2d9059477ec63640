"""The published grid on this host: run interleaved and recorded, so that it can be resumed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefault_kit import host
from prefault_kit.measure import running, saved
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import Progress
from prefault_kit.measure.worker import Worker
from prefault_kit.studies.grid import table_file
from prefault_kit.studies.grid.cells import Grid
from prefault_kit.studies.grid.published import published
from prefault_kit.studies.grid.recording import Recording, Unrecorded

OVERHEAD_MS = 5.0
"""Roughly what a repetition takes beside its method: mapping, emptying the file, the message."""

PUBLISHED_BYTES = 4096 << 20
"""The size whose published figures serve for the estimate."""

UNPUBLISHED_MS = 1000.0
"""What a cell of that size takes that was not published, as with other page sizes."""


@dataclass(frozen=True)
class GridProgress:
    """How far a grid is. Work is in milliseconds as they are expected."""

    cell: Experiment
    number: int
    """Of this cell, from 1."""
    cells: int
    progress: Progress
    work_done: float
    work: float


def _expected_ms(cell: Experiment) -> float:
    """Roughly what one repetition takes: as published, in proportion to the size."""
    like = replace(cell, size_bytes=PUBLISHED_BYTES)
    whole_ms = published(like) or UNPUBLISHED_MS
    return OVERHEAD_MS + whole_ms * cell.size_bytes / PUBLISHED_BYTES


def _key_of(cell: Experiment) -> tuple[object, ...]:
    """As :func:`table_file.key` of its result."""
    memory = (cell.backing.kind, cell.backing.page_size_bytes, cell.sharing)
    return (*memory, cell.method, cell.size_bytes)


class _GridRun:
    """One run of a grid: through the worker into its files."""

    def __init__(
        self,
        grid: Grid,
        recording: Recording,
        worker: Worker | None,
        on_progress: Callable[[GridProgress], None] | None,
    ) -> None:
        self.grid = grid
        self.cells = grid.cells()
        self.recording = recording
        self.worker = worker
        self.on_progress = on_progress
        self.before = {cell: len(times) for cell, times in recording.timings_ms.items()}
        self.results = {table_file.key(result): result for result in recording.results}
        self.costs = [_expected_ms(cell) for cell in self.cells]
        self.work = sum(self.costs) * (grid.repeats + 1)
        self.work_done = self._work_done()

    def _work_done(self) -> float:
        """The work of finished cells, and of what the journal has of the others."""
        done = 0.0
        for index, cell in enumerate(self.cells):
            if _key_of(cell) in self.results:
                repetitions = self.grid.repeats + 1
            else:
                times = self.recording.timings_ms.get(index, ())
                repetitions = len(times) + (index in self.recording.warmups_ms)
            done += repetitions * self.costs[index]
        return done

    def run(self) -> list[Result]:
        """Run what is left, group by group."""

        def group(index: int) -> tuple[object, ...]:
            cell = self.cells[index]
            return cell.sharing, cell.size_bytes, cell.backing

        for _, indices in itertools.groupby(range(len(self.cells)), key=group):
            left = [index for index in indices if _key_of(self.cells[index]) not in self.results]
            if left:
                self._finish(left, self._measure_all(left))
                self.work_done = self._work_done()
        self.recording.complete()
        return [self.results[_key_of(cell)] for cell in self.cells]

    def _measure_all(self, left: list[int]) -> dict[int, Result]:
        """Measure cells interleaved; if one of them kills the worker, each by itself."""
        found = self._measure(left)
        lost = [index for index in left if _died(found[index])]
        if len(left) > 1:
            for index in lost:
                alone = self._measure([index])[index]
                said = "Run by itself: with its neighbours, the worker died."
                found[index] = replace(alone, notes=[*alone.notes, said])
        return found

    def _measure(self, left: list[int]) -> dict[int, Result]:
        repeats = self.grid.repeats
        times = self.recording.timings_ms
        # A cell whose timings are all there, but not its views, is run once more for these.
        todo = [
            replace(self.cells[index], repeats=max(1, repeats - len(times.get(index, ()))))
            for index in left
        ]

        def tell(progress: Progress) -> None:
            index = left[progress.cell]
            wanted = not progress.repetition or len(times.get(index, ())) < repeats
            if progress.phase == "repetition" and wanted:
                self.recording.note(index, progress.elapsed_ms, warm_up=progress.repetition == 0)
                self.work_done += self.costs[index]
            if self.on_progress:
                told = GridProgress(
                    cell=self.cells[index],
                    number=index + 1,
                    cells=len(self.cells),
                    progress=replace(progress, repeats=repeats),
                    work_done=min(self.work_done, self.work),
                    work=self.work,
                )
                self.on_progress(told)

        measured = running.run_many(todo, worker=self.worker, on_progress=tell)
        return {
            index: self._whole(index, result) for index, result in zip(left, measured, strict=True)
        }

    def _whole(self, index: int, result: Result) -> Result:
        """A result with the repetitions from before a break."""
        warmup_ms = self.recording.warmups_ms.get(index)
        whole = running.timed(
            replace(result, repeats=self.grid.repeats, warmup_ms=warmup_ms),
            self.recording.timings_ms.get(index, ()),
        )
        if before := self.before.get(index):
            said = f"{before} of the repetitions are from before a break."
            whole = replace(whole, notes=[*whole.notes, said])
        return whole

    def _finish(self, left: list[int], found: dict[int, Result]) -> None:
        known = [each for each in self._directories() if each]
        made = []
        for index in left:
            cell = self.cells[index]
            touch = table_file.touch_of(cell.method)
            touched = self.results.get(_key_of(replace(cell, method=touch))) if touch else None
            result = found[index]
            if result.message:
                clean = saved.without_paths(result.message, known)
                result = replace(result, message=clean)
            row = table_file.row(result, touched)
            made.append(row)
            # as the table has it, so that a break makes no difference
            self.results[table_file.key(result)] = table_file.result(row)
        self.recording.finish(made)

    def _directories(self) -> tuple[str | None, ...]:
        grid = self.grid
        return grid.directory, grid.tmpfs_directory, grid.hugetlbfs_directory


def _died(result: Result) -> bool:
    """Whether a result is an error that no system call gave: the worker's end."""
    return result.outcome == "error" and result.errno is None


def run(
    grid: Grid,
    table: Path,
    *,
    resume: bool = False,
    worker: Worker | None = None,
    on_progress: Callable[[GridProgress], None] | None = None,
) -> list[Result]:
    """Run a grid into ``table`` and the files beside it, see ``recording.py``; all its results.

    Cells of the same memory run interleaved. What this host cannot run has a row too, with the
    outcome ``unavailable``. ValueError in one sentence; WorkerStopped after a stop, after which
    ``resume`` continues.
    """
    grid.cells()  # what makes no sense is refused before a file is made
    start = Recording.resume if resume else Recording.begin
    try:
        recording = start(table, grid.plan(), host.facts())
    except OSError as error:
        raise ValueError(
            f"{error.filename or table} cannot be written: {error.strerror}: name another file"
        ) from error
    with recording:
        return _GridRun(grid, recording, worker, on_progress).run()


def follow(
    grid: Grid,
    known: Sequence[Result],
    tell: Callable[[Result], object],
    *,
    on_progress: Callable[[GridProgress], None] | None = None,
) -> list[Result]:
    """Run a grid that another host records: what is ``known`` of it is not run again, and what
    comes is told as a table would have it. As :func:`run` otherwise."""
    return _GridRun(grid, Unrecorded(known, tell), None, on_progress).run()
