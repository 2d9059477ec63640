"""What threads bring: each kind of memory, touched and populated by one thread and by more."""

from __future__ import annotations

from collections.abc import Sequence

from prefault_kit.kernel import hugepages
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run_many
from prefault_kit.measure.worker import Worker
from prefault_kit.memory.backing import Backing

METHODS = ("Write", "POPULATE_WRITE")


def kinds(directory: str = ".") -> list[tuple[Backing, str]]:
    """The kinds of memory that are compared; huge pages of hugetlb where the kernel has them."""
    found = [
        (Backing.anon(), "private"),
        (Backing.memfd(), "shared"),
        (Backing.file(directory), "shared"),
    ]
    if huge := hugepages.default_size_bytes():
        found.append((Backing.anon(huge), "private"))
    return found


def run(
    size_bytes: int,
    threads: Sequence[int] = (1, 2),
    *,
    directory: str = ".",
    repeats: int = 5,
    worker: Worker | None = None,
) -> list[Result]:
    """A result for each kind of memory, method and number of threads; those of a kind interleaved.

    ``size_bytes`` is rounded up to whole pages of the kind.
    """
    results: list[Result] = []
    for backing, sharing in kinds(directory):
        page = backing.page_size_bytes
        size = -(-size_bytes // page) * page
        cells = [
            Experiment(backing, sharing, method, size, threads=number, repeats=repeats)
            for method in METHODS
            for number in threads
        ]
        results += run_many(cells, worker=worker)
    return results
