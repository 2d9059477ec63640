"""The pools of hugetlb pages: which sizes there are and how many pages are free.

Source: Documentation/admin-guide/mm/hugetlbpage.rst.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

POOLS = Path("/sys/kernel/mm/hugepages")
THP = Path("/sys/kernel/mm/transparent_hugepage")


@dataclass(frozen=True)
class Pool:
    """One pool of huge pages, in pages of ``page_size_bytes``."""

    page_size_bytes: int
    total: int
    free: int
    reserved: int

    @property
    def available(self) -> int:
        """Free pages that nobody has reserved."""
        return self.free - self.reserved

    def command_for(self, pages: int) -> str:
        """The command that makes ``pages`` available beside those in use."""
        total = self.total - self.available + pages
        directory = POOLS / f"hugepages-{self.page_size_bytes // 1024}kB"
        return f"echo {total} | sudo tee {directory / 'nr_hugepages'}"


def parse_default(meminfo: str) -> int | None:
    """The default size in /proc/meminfo, in bytes; None without hugetlb support."""
    found = re.search(r"^Hugepagesize:\s+(\d+) kB", meminfo, re.M)
    return int(found[1]) * 1024 if found else None


@functools.cache
def default_size_bytes() -> int | None:
    """The size that MAP_HUGETLB and hugetlbfs use unless told; None without hugetlb support."""
    return parse_default(Path("/proc/meminfo").read_text())


def pools() -> dict[int, Pool]:
    """Every pool by its page size in bytes, smallest first."""
    found = {}
    for directory in POOLS.glob("hugepages-*kB"):
        size = int(directory.name.removeprefix("hugepages-").removesuffix("kB")) * 1024
        total, free, reserved = (
            int((directory / name).read_text())
            for name in ("nr_hugepages", "free_hugepages", "resv_hugepages")
        )
        found[size] = Pool(size, total, free, reserved)
    return dict(sorted(found.items()))


def transparent_size_bytes() -> int | None:
    """Of a transparent huge page; None where the kernel has none."""
    try:
        return int((THP / "hpage_pmd_size").read_text())
    except OSError:
        return None


def transparent_for(*, shared: bool, flags: Collection[str]) -> bool:
    """Whether memory without a file on a disk may be given transparent huge pages.

    ``flags`` are the VmFlags of its mapping. Each size of its own (mTHP) counts as none.
    """
    try:
        text = (THP / ("shmem_enabled" if shared else "enabled")).read_text()
    except OSError:
        return False
    setting = text.partition("[")[2].partition("]")[0]
    if setting in ("never", "deny", "") or ("nh" in flags and setting != "force"):
        return False
    return setting not in ("madvise", "advise") or "hg" in flags
