"""Transparent huge pages: how large they are, and when the kernel makes them.

Source: Documentation/admin-guide/mm/transhuge.rst.
"""

from __future__ import annotations

import re
from pathlib import Path

from prefault_kit.host.unavailable import Unavailable

SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
NOT_BUILT = Unavailable("this kernel is built without transparent huge pages")

HIDDEN = Unavailable(
    f"{SETTINGS.parent} is not there, so nothing is known of transparent huge pages: /sys is "
    "hidden, or not mounted"
)


def parse_choice(text: str) -> str:
    """The word in brackets of ``always [madvise] never``; the text itself where there is none."""
    chosen = re.search(r"\[([^\]]+)\]", text)
    return chosen[1] if chosen else text.strip()


def _read(name: str) -> str | None:
    try:
        return (SETTINGS / name).read_text()
    except OSError:  # built without, or hidden from a container
        return None


def size_bytes() -> int | None:
    """The size of a huge page in a page table (PMD); None without transparent huge pages."""
    text = _read("hpage_pmd_size")
    return None if text is None else int(text)


def enabled() -> str | None:
    """For anonymous memory: ``always``, ``madvise`` or ``never``."""
    text = _read("enabled")
    return None if text is None else parse_choice(text)


def shmem_enabled() -> str | None:
    """For memfd and shared anonymous memory: ``never``, ``advise``, ``always``..."""
    text = _read("shmem_enabled")
    return None if text is None else parse_choice(text)


def use_zero_page() -> bool:
    """Whether reading maps the huge zero page."""
    text = _read("use_zero_page")
    return text is not None and text.strip() == "1"


def why_not_of(size: int) -> Unavailable | None:
    """Why MADV_HUGEPAGE gives anonymous memory no folios of ``size`` bytes; None if it does.

    The sizes below that of :func:`size_bytes` came with Linux 6.8, and are off by default.
    """
    if size_bytes() is None:
        return NOT_BUILT if SETTINGS.parent.exists() else HIDDEN
    own = f"hugepages-{size // 1024}kB/enabled"
    text = _read(own)
    if text is None:
        return Unavailable(
            f"this kernel has no transparent huge pages of {size // 1024} KiB: it is older than "
            "Linux 6.8, or its system pages are not much smaller"
        )
    chosen = parse_choice(text)
    if (enabled() if chosen == "inherit" else chosen) in ("always", "madvise"):
        return None
    return Unavailable(
        f"transparent huge pages of {size // 1024} KiB are {chosen}",
        f"echo madvise | sudo tee {SETTINGS / own}",
    )


def why_not() -> Unavailable | None:
    """Why MADV_HUGEPAGE has no effect on anonymous memory; None if it has."""
    if size_bytes() is None:
        return NOT_BUILT if SETTINGS.parent.exists() else HIDDEN
    if enabled() not in ("always", "madvise"):
        return Unavailable(
            f"transparent huge pages are {enabled()}",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        )
    # since Linux 6.8 each size has a setting of its own, of which "inherit" means the one above
    own = f"hugepages-{(size_bytes() or 0) // 1024}kB/enabled"
    text = _read(own)
    if text is not None and parse_choice(text) not in ("inherit", "always", "madvise"):
        return Unavailable(
            f"transparent huge pages of this size are {parse_choice(text)}",
            f"echo inherit | sudo tee {SETTINGS / own}",
        )
    return None
