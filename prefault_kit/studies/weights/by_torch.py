"""A file of weights as torch maps it, where torch is installed; nothing else here needs torch.

safetensors maps a file for torch by ``UntypedStorage.from_file``, privately. To the kernel that is
memory like any other: it can be populated, and it stays the file's until it is written.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass
from typing import Any

from prefault_kit.host import Unavailable
from prefault_kit.kernel import smaps, timed
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.studies.weights import tensors


@dataclass(frozen=True)
class TorchMapping:
    """What the kernel says of a storage that torch has mapped from a file."""

    permissions: str
    """As in /proc/self/maps: ``rw-p`` is private and writable."""
    lazy_faults: int
    """Of reading a byte of each page, just mapped."""
    populated_faults: int
    """The same after MADV_POPULATE_READ."""
    own_pages: int
    """Pages that are no longer the file's, after reading."""
    own_pages_written: int
    """The same after a write by torch to the first page."""


def why_not() -> Unavailable | None:
    """Why there is no torch here; None if there is."""
    if importlib.util.find_spec("torch"):
        return None
    return Unavailable("torch is not installed, which nothing else needs", "pip install torch")


def look(directory: str = ".", *, pages: int = 256) -> TorchMapping:
    """Map a made file twice by torch: once to use it as it comes, once to populate it first.

    ImportError without torch; OSError as the file system says. The file has no name, and what torch
    writes stays in its private mapping.
    """
    torch: Any = importlib.import_module("torch")  # it need not be there, so its types are not
    size_bytes = pages * PAGE_SIZE_BYTES
    fd = tensors.made(directory, size_bytes, 4)
    try:
        path = f"/proc/self/fd/{fd}"
        lazy, populated = (
            torch.UntypedStorage.from_file(path, False, size_bytes) for _ in range(2)
        )
        span, populated_span = ((each.data_ptr(), size_bytes) for each in (lazy, populated))
        step = PAGE_SIZE_BYTES
        lazily = timed.range_timed("touch_read", *span, step=step)
        timed.range_timed("MADV_POPULATE_READ", *populated_span, step=step)
        at_once = timed.range_timed("touch_read", *populated_span, step=step)
        own = _own_pages(*populated_span)
        populated[0] = 1
        return TorchMapping(
            permissions=smaps.areas(*populated_span)[0].permissions,
            lazy_faults=lazily.minor_faults + lazily.major_faults,
            populated_faults=at_once.minor_faults + at_once.major_faults,
            own_pages=own,
            own_pages_written=_own_pages(*populated_span),
        )
    finally:
        os.close(fd)


def _own_pages(address: int, length: int) -> int:
    """Anonymous pages of the mappings that overlap a range, which may have merged."""
    found = 0
    for area in smaps.areas(address, length):
        found += smaps.usage(area.address, area.length).anonymous or 0
    return found // PAGE_SIZE_BYTES
