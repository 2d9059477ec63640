"""What would have prevented a page fault, by the mapping in which it happened.

Sources: madvise(2), mlockall(2), mallopt(3), pthread_attr_setstack(3), fork(2);
Documentation/admin-guide/mm/concepts.rst.
"""

from __future__ import annotations

from prefault_kit.kernel.address_space import DELETED, HEAP, Region

STACK_BYTES = 16 << 20
"""What the stack of a thread has at most, as a rule."""
SHARED_MEMORY = ("/memfd:", "/dev/shm/", "/SYSV", "/dev/zero", "/anon_hugepage")
AGAIN = (
    "these pages were given back and faulted in again: keep the memory and use it again; of malloc "
    "GLIBC_TUNABLES=glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_threshold=4294967296 "
    "keeps it"
)
FORKED = (
    "after fork(2) the first write to each page copies it, in the parent as well: fork before "
    "memory is prepared, start programs with posix_spawn, or MADV_DONTFORK what the child does "
    "not need"
)
GONE = (
    "the mapping is gone again: allocate it once, populate it, and keep it; of malloc "
    "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296 keeps it"
)
STACK = (
    "use as much of the stack once when the thread starts, or mlockall(MCL_CURRENT | MCL_FUTURE) "
    "before it does"
)


def remedy(
    region: Region | None,
    *,
    major: bool,
    again: bool = False,
    forked: bool = False,
    gone: bool = False,
    guarded: bool = False,
) -> str:
    """The advice for a mapping, in one sentence.

    ``region`` is None of a mapping that is gone; ``again`` where pages faulted more than once,
    ``forked`` in a process that has forked or was forked, ``guarded`` where an inaccessible page
    lies before the mapping, ``gone`` where it has been unmapped.

    >>> remedy(Region(0x1000, 4096, "rw-p"), major=False)
    'populate it beforehand: prefault(buffer, "write"), or madvise(0x1000, 4096, \
MADV_POPULATE_WRITE)'
    """
    if region is None:
        return GONE
    if "stack" in region.name or _is_stack_of_a_thread(region, guarded):
        return STACK
    anonymous = region.private and not region.has_file
    if gone and anonymous:
        return GONE
    if forked and region.private and region.writable:
        return FORKED
    if again and anonymous:
        return AGAIN
    call = _populate(region)
    if anonymous:
        if region.name == HEAP:
            return f"{call}; what malloc adds later needs mlockall(MCL_FUTURE)"
        return call
    if _is_shared_memory(region):
        return call
    if major:
        return (
            f"{call}, which also reads {region.name} from its disk; where memory is scarce "
            "mlock(2) keeps it"
        )
    if region.writable and not region.private and again:
        return (
            f"{call}; whenever the file has been written back the next write to each page faults "
            "again, so keep such data in anonymous memory or on tmpfs"
        )
    if "x" in region.permissions:
        return f"{call}, or mlockall(MCL_CURRENT) once the program and its libraries are loaded"
    return call


def _populate(region: Region) -> str:
    advice = "WRITE" if region.writable else "READ"
    return (
        f'populate it beforehand: prefault(buffer, "{advice.lower()}"), or '
        f"madvise({region.address:#x}, {region.length}, MADV_POPULATE_{advice})"
    )


def _is_stack_of_a_thread(region: Region, guarded: bool) -> bool:
    return (
        guarded
        and region.permissions == "rw-p"
        and not region.has_file
        and not region.name
        and region.length <= STACK_BYTES
    )


def _is_shared_memory(region: Region) -> bool:
    return region.name.removesuffix(DELETED).startswith(SHARED_MEMORY)
