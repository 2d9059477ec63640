"""The methods of prefaulting that a review compares, as data: to add one, add a row."""

from __future__ import annotations

from prefault_kit.memory import methods
from prefault_kit.memory.methods import METHODS, Method
from prefault_kit.studies.review.workload import Workload

NOTHING = Method("nothing", (), False, False, "Prefault nothing: each first access faults.")
RANDOM_READ = Method(
    "MADV_RANDOM+POPULATE_READ",
    ("MADV_RANDOM", "populate_read"),
    False,
    False,
    "madvise(MADV_RANDOM), which keeps cold data out of large folios, then POPULATE_READ.",
)

CANDIDATES: dict[str, Method] = {
    method.name: method
    for method in (
        NOTHING,
        METHODS["WILLNEED"],
        METHODS["POPULATE_READ"],
        METHODS["POPULATE_WRITE"],
        METHODS["FALLOCATE+POPULATE_READ"],
        METHODS["FALLOCATE+POPULATE_WRITE"],
        RANDOM_READ,
        METHODS["MAP_POPULATE"],
        METHODS["Read"],
        METHODS["Read/Write"],
    )
}
"""By name. Of two with the same effects, the earlier is recommended."""
DETOUR = Method(
    "mprotect+POPULATE_READ",
    ("protect r", "populate_read", "protect rw"),
    False,
    False,
    "mprotect to read-only, POPULATE_READ, and mprotect back: the only way to ask for reading if "
    "a single advice goes by permissions.",
)
COMPARABLE = CANDIDATES | {DETOUR.name: DETOUR}
"""What a review may be asked to compare: the candidates, and the detour of a policy."""


def why_not(candidate: Method, workload: Workload) -> str | None:
    """Say in one sentence why a candidate does not apply to a case, or None if it does."""
    backing = workload.backing
    own = workload.existing_file is not None
    if own and (candidate.allocates_file or candidate.name in ("POPULATE_WRITE", "Read/Write")):
        return f"{candidate.name} would write to your own file, which is mapped for reading only"
    if candidate.name == "WILLNEED" and not backing.on_disk:
        return "WILLNEED reads ahead from a disk, and this memory is not on one"
    if candidate is RANDOM_READ and not backing.on_disk:
        return "MADV_RANDOM is about reading from a disk, and this memory is not on one"
    return methods.applies(
        candidate,
        has_file=backing.has_file,
        sharing=workload.sharing,
        hugetlb=backing.is_hugetlb,
        on_disk=backing.on_disk,
    )
