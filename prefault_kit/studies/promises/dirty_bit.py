"""Processors that do not note in a page table that a page is written: the kernel has to see it."""

from __future__ import annotations

import platform

WITHOUT = ("s390x",)
"""As ``uname -m`` says it (arch/s390/include/asm/pgtable.h, pte_mkwrite)."""
REASON = (
    "the page tables of this processor have no dirty bit that it sets itself: a page that is "
    "mapped clean is write-protected, and its first write takes a fault"
)


def differs(*observed: str) -> dict[str, str]:
    """What is seen on such a processor where another writes without a fault, with the reason; on
    another one nothing is explained by that."""
    return dict.fromkeys(observed, REASON) if platform.machine() in WITHOUT else {}
