"""One mapping of a process: what it maps, and what is in memory of it."""

from __future__ import annotations

from dataclasses import dataclass

from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.pagemap import PageCounts
from prefault_kit.kernel.smaps import Usage
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES

ADVICE = {
    "rr": "MADV_RANDOM",
    "sr": "MADV_SEQUENTIAL",
    "hg": "MADV_HUGEPAGE",
    "nh": "MADV_NOHUGEPAGE",
    "lo": "locked",
    "dc": "MADV_DONTFORK",
    "dd": "MADV_DONTDUMP",
    "wf": "MADV_WIPEONFORK",
    "um": "userfaultfd missing",
    "uw": "userfaultfd write-protect",
    "ui": "userfaultfd minor",
    "nr": "MAP_NORESERVE",
    "ht": "hugetlb",
    "mg": "MADV_MERGEABLE",
    "sl": "sealed",
    "io": "device memory",
    "pf": "frames of a device",
}
"""VmFlags that tell of advice and the like, and the names of what sets them."""

SHARED_NAMES = ("/dev/zero", "/SYSV", "/dev/shm/", "[anon_shmem:")
ANONYMOUS, HEAP, STACK, FILE, SHARED, MEMFD, HUGETLB, DEVICE, KERNEL = KINDS = (
    "anonymous", "heap", "stack", "file", "shared memory", "memfd", "hugetlb", "device", "kernel's",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileState:
    """The part of a file that a mapping maps, in the page cache, in system pages."""

    cached: int | None
    dirty: int | None
    writeback: int | None
    size_bytes: int | None
    """Of the whole file; None where it could not be opened."""
    fate: str
    """``there``, ``deleted``, ``replaced`` by another file of its name, or ``out of sight``."""


@dataclass(frozen=True, slots=True)
class ProcessMapping:
    """A mapping of another process; what could not be found out is None."""

    head: Region
    usage: Usage | None
    """By smaps, in bytes."""
    pages: PageCounts | None
    """By the page tables, in system pages."""
    page_size_bytes: int | None
    """KernelPageSize: a huge page's for hugetlb."""
    thp_eligible: bool | None
    file: FileState | None
    nodes: dict[int, int] | None
    """Bytes on each NUMA node; None where there is one node, or they were not asked for."""

    @property
    def address(self) -> int:
        """Where it begins."""
        return self.head.address

    @property
    def size_bytes(self) -> int:
        """How many addresses it covers."""
        return self.head.end - self.head.address

    @property
    def shared(self) -> bool:
        """Whether it is MAP_SHARED."""
        return not self.head.private

    @property
    def vm_flags(self) -> tuple[str, ...] | None:
        """As smaps spells them."""
        return self.usage.vm_flags if self.usage else None

    @property
    def advice(self) -> list[str]:
        """What was asked for it, by the names of :data:`ADVICE`; empty where it is not known."""
        return [ADVICE[flag] for flag in self.vm_flags or () if flag in ADVICE]

    @property
    def resident_bytes(self) -> int | None:
        """In memory and mapped, hugetlb pages and those of the zero page included."""
        if self.pages is not None:
            return self.pages.present * PAGE_SIZE_BYTES
        if self.usage is None or self.usage.rss is None:
            return None
        return sum(
            each or 0
            for each in (self.usage.rss, self.usage.private_hugetlb, self.usage.shared_hugetlb)
        )

    @property
    def anonymous_pages(self) -> int | None:
        """Pages that are the process's own, as opposed to a file's or the zero page.

        Of shared memory none are; where only smaps is known, by its ``Anonymous``.
        """
        if self.pages is not None:
            return self.pages.present - self.pages.file - self.pages.zero
        if self.usage is None or self.usage.anonymous is None:
            return None
        return self.usage.anonymous // PAGE_SIZE_BYTES

    @property
    def kind(self) -> str:
        """A word of :data:`KINDS`."""
        return kind_of(self.head, self.vm_flags or ())

    @property
    def title(self) -> str:
        """Its name, or what it is."""
        return self.head.name or self.kind


def asks(head: Region) -> bool:
    """Whether its pages have to be asked whether they are its own; of others it is known.

    The kernel's ([vdso]) are a file's to PAGEMAP_SCAN, and not anonymous to smaps.
    """
    return head.private and (head.has_file or kind_of(head) == KERNEL)


def kind_of(head: Region, vm_flags: tuple[str, ...] = ()) -> str:
    """What a mapping maps, by its name.

    >>> kind_of(Region(0, 4096, "rw-p", name="[heap]"))
    'heap'
    """
    name = head.name
    if "ht" in vm_flags or name.startswith("/anon_hugepage"):
        return HUGETLB
    if name.startswith(SHARED_NAMES):
        return SHARED
    if name.startswith("/memfd:"):
        return MEMFD
    if name.startswith("/dev/"):
        return DEVICE
    if name.startswith("/"):
        return FILE
    if name == "[heap]":
        return HEAP
    if name.startswith("[stack"):
        return STACK
    if not name or name.startswith("[anon:"):
        return ANONYMOUS
    return KERNEL
