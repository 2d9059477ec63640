"""The large run that ``data/`` has: what it consists of, so that it can be made anew elsewhere.

``record("weights.json", directory=".")`` takes half an hour with a file of 2 GiB, and 4 GiB of
memory. Without a memory cgroup or FUSE, the parts that need them say so and are left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.worker import Worker
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import Record, save
from prefault_kit.studies.weights.running import Progress, run_many
from prefault_kit.studies.weights.ways import (
    AT_ONCE,
    BY_TENSOR,
    DIRECT_HUGE,
    LAZY,
    LET_GO,
    USUAL,
    WINDOWS,
)

SITUATIONS, BY_USED, BY_MEMORY = "situations", "by used", "by memory"
"""The groups of a record: side by side, over the part that is used, over the memory limit."""
USED_PARTS = (1 / 64, 1 / 16, 1 / 4, 1.0)
OF_LIMIT = (2 / 3, 1.1, 2.0, 4.0)
"""The file over the memory limit."""
TENSORS = 512
SLOW_WAIT_US = 1000
SLOW_SHARE = 8
"""The file on slow storage is an eighth as large, or it would take most of the time."""


def groups(size_bytes: int, directory: str) -> dict[str, tuple[list[Plan], tuple[str, ...]]]:
    """The plans of each group, and the ways that they are tried by."""
    window_bytes = max(PAGE_SIZE_BYTES, _pages(size_bytes // 32))

    def plan(**other: object) -> Plan:
        fields = {"size_bytes": size_bytes, "tensors": TENSORS, "directory": directory}
        return Plan(**fields | {"window_bytes": window_bytes} | other)  # type: ignore[arg-type]

    slow = plan(size_bytes=_pages(size_bytes // SLOW_SHARE), wait_us=SLOW_WAIT_US)
    tight = plan(limit_bytes=size_bytes // 2, second=False)
    situations = [plan(), plan(start="warm"), tight, slow]
    used = [plan(used=part, second=False) for part in USED_PARTS]
    memory = [plan(limit_bytes=_pages(int(size_bytes / part)), second=False) for part in OF_LIMIT]
    return {
        SITUATIONS: (situations, USUAL),
        BY_USED: (used, (LAZY, AT_ONCE, BY_TENSOR, DIRECT_HUGE)),
        BY_MEMORY: (memory, (LAZY, AT_ONCE, WINDOWS, LET_GO, DIRECT_HUGE)),
    }


def _pages(size_bytes: int) -> int:
    return size_bytes // PAGE_SIZE_BYTES * PAGE_SIZE_BYTES


def record(
    path: str | os.PathLike[str] | None = None,
    *,
    size_bytes: int = 2 << 30,
    repeats: int = 5,
    directory: str = ".",
    worker: Worker | None = None,
    on_progress: Callable[[str, Progress], object] | None = None,
) -> Record:
    """Run all groups, and write what was found to a new file at ``path``; errors as
    :func:`run_many`."""
    if path is not None and os.path.exists(path):
        raise FileExistsError(f"{os.fspath(path)} is there already: name a new file")
    found: Record = {}
    for name, (plans, ways) in groups(size_bytes, directory).items():

        def tell(progress: Progress, name: str = name) -> None:
            if on_progress:
                on_progress(name, progress)

        found[name] = run_many(plans, ways, repeats=repeats, worker=worker, on_progress=tell)
    if path is not None:
        save(found, path)
    return found
