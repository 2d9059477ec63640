"""What happens in the worker: bring memory into its start state, run a method, look, clean up.

Only the method is timed. Files and mappings are made, emptied and released outside of it, and
what the kit itself needs is allocated elsewhere than in the mapping that is measured.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

from prefault_kit import filecache, methods, mounts, syscalls
from prefault_kit.experiment import Experiment
from prefault_kit.mapping import Mapping
from prefault_kit.syscalls import PAGE_SIZE_BYTES, PrefaultError, Work

FILL_AT_ONCE_BYTES = 64 << 20


def make_hole(fd: int, size_bytes: int, *, on_disk: bool) -> None:
    """Make a file one hole of ``size_bytes``.

    What is written to a file after a truncation to size 0, ext4, xfs and btrfs write to disk at
    the next close (ext4's auto_da_alloc and its like), and a Stop would wait for that. So there is
    a close at once, while there is nothing to write.
    """
    os.ftruncate(fd, 0)
    if on_disk:
        os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC))
    os.ftruncate(fd, size_bytes)


def filling(fd: int, size_bytes: int, chunk_bytes: int | None) -> Iterator[float]:
    """Write ``size_bytes`` of data, a chunk a write, or allocate them where there is no chunk;
    yields the part done, 0 to 1."""
    data = os.urandom(min(chunk_bytes, size_bytes)) if chunk_bytes else b""
    for offset in range(0, size_bytes, FILL_AT_ONCE_BYTES):
        length = min(FILL_AT_ONCE_BYTES, size_bytes - offset)
        if data:
            syscalls.fill(fd, offset, length, data)
        else:
            syscalls.fallocate_timed(fd, offset, length)
        yield (offset + length) / size_bytes


class Stage:
    """The file behind the cells of a run, in its start state; nothing for anonymous memory."""

    def __init__(self, experiment: Experiment) -> None:
        self.backing = experiment.backing
        self.size_bytes = experiment.size_bytes
        self.start = experiment.start
        self.fd = self.backing.open() if self.backing.has_file else None
        directory = self.backing.find_directory() if self.backing.has_file else None
        self.file_system = mounts.file_system(directory) if directory else None

    def close(self) -> None:
        """Close the file, which has no name and so vanishes."""
        if self.fd is not None:
            os.close(self.fd)

    def prepare(self) -> Iterator[float]:
        """Fill the file where the start state has data; yields the part done, 0 to 1."""
        if self.fd is None or self.start == "empty":
            return
        os.ftruncate(self.fd, self.size_bytes)
        # A page a write: ext4 and xfs then cache single pages, not large folios, which one
        # populate of a single page would map whole. hugetlb files can only be allocated.
        chunk_bytes = None if self.backing.is_hugetlb else PAGE_SIZE_BYTES
        yield from filling(self.fd, self.size_bytes, chunk_bytes)

    def reset(self) -> None:
        """Bring the file back into its start state; OSError EBUSY if it cannot be evicted."""
        if self.fd is None:
            return
        if self.start == "empty":
            make_hole(self.fd, self.size_bytes, on_disk=self.backing.on_disk)
        elif self.start == "cold":
            left = filecache.evict(self.fd)
            if left:
                raise OSError(
                    errno.EBUSY,
                    f"{left} pages of the file stay in the page cache, so it cannot start cold",
                )
        elif self.backing.on_disk:
            os.fsync(self.fd)


class Cell:
    """One method on the stage, repetition by repetition."""

    def __init__(self, experiment: Experiment, stage: Stage, *, early_views: bool = False) -> None:
        self.experiment = experiment
        self.method = methods.METHODS[experiment.method]
        self.stage = stage
        self.early_views = early_views
        self.first_views: dict[str, Any] | None = None
        self.measured: dict[str, Any] = {
            "outcome": "ok",
            "timings_ms": [],
            "file_system": stage.file_system,
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
            self.stage.reset()
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
            fd=self.stage.fd,
            thp=self.method.thp,
        )

    def _fail(self, error: OSError) -> None:
        self.measured["outcome"] = "error"
        self.measured["errno"] = syscalls.ERRNO_NAMES.get(error.errno or 0)
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
        if self.stage.fd is not None and not self.stage.backing.is_hugetlb:
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


ONE_CALL = ("fallocate", "map_populate", "mlock_on_fault")
"""Steps that are one system call, which cannot be shared out among threads."""


def do(mapping: Mapping, step: str, threads: int) -> Work:
    """Do one step of a method: its work."""
    if step.startswith("MADV_"):
        return mapping.advise(step)
    if step.startswith("protect "):
        return mapping.protect(step.removeprefix("protect "))
    if step in ONE_CALL:
        work: Work = getattr(mapping, step)()
    else:
        work = getattr(mapping, step)(threads=threads, interruptible=False)
    return work


def perform(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the cells of ``payload["experiments"]`` interleaved; yield progress and measurements.

    Progress has the fields of :class:`~prefault_kit.experiment.Progress`; a measurement has those
    of Result that the worker knows, and comes as soon as its cell is done.
    """
    experiments = [Experiment.from_dict(each) for each in payload["experiments"]]
    try:
        stage = Stage(experiments[0])
    except OSError as error:
        yield from _fail_all(experiments, error)
        return
    try:
        for part in stage.prepare():
            yield _progress(0, experiments[0], 0, "prepare", part=part)
        early = bool(payload.get("early_views"))
        yield from _rounds([Cell(each, stage, early_views=early) for each in experiments])
    except OSError as error:  # only preparing raises: a cell keeps its errors to itself
        yield from _fail_all(experiments, error)
    finally:
        stage.close()


def _rounds(cells: list[Cell]) -> Iterator[dict[str, Any]]:
    for repetition in range(max(cell.experiment.repeats for cell in cells) + 1):
        for index, cell in enumerate(cells):
            experiment = cell.experiment
            if cell.failed or repetition > experiment.repeats:
                continue
            last = repetition == experiment.repeats
            if last and experiment.follow_up:
                yield _progress(index, experiment, repetition, "follow_up", part=0.0)
            elapsed_ms = cell.repeat(repetition)
            if not cell.failed:
                views = cell.first_views if repetition == 0 else None
                yield _progress(
                    index, experiment, repetition, "repetition", elapsed_ms, views=views
                )
            if cell.failed or last:
                yield {"cell": index, **cell.measured}


def _fail_all(experiments: list[Experiment], error: OSError) -> Iterator[dict[str, Any]]:
    for index in range(len(experiments)):
        yield {
            "cell": index,
            "outcome": "error",
            "timings_ms": [],
            "errno": syscalls.ERRNO_NAMES.get(error.errno or 0),
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
