"""Folios: which pages the kernel keeps together, as far as they are mapped.

By /proc/self/pagemap, which tells frame numbers, and /proc/kpageflags, which tells where a folio
begins: root alone may read either. Source: Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from itertools import count, groupby

PRESENT, FRAME = 1 << 63, (1 << 55) - 1
"""Of an entry of pagemap."""
HEAD, TAIL = 1 << 15, 1 << 16
"""Of an entry of kpageflags: the first page of a folio of several pages, and the others."""


def spans(entries: Sequence[int]) -> list[tuple[int, int]] | None:
    """The folios of several pages in a range, by its entries of pagemap: the first page of each
    within the range, and how many follow one another there. None where it cannot be known.
    """
    frames = [entry & FRAME if entry & PRESENT else 0 for entry in entries]
    if any(entry & PRESENT for entry in entries) and not any(frames):
        return None  # without CAP_SYS_ADMIN every frame number is 0
    try:
        flags = _flags(frames)
    except OSError:
        return None
    found: list[tuple[int, int]] = []
    for page, flag in enumerate(flags):
        follows = page > 0 and frames[page] == frames[page - 1] + 1
        if flag & TAIL and follows and found and sum(found[-1]) == page:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif flag & (HEAD | TAIL):
            found.append((page, 1))
    return found


def _flags(frames: Sequence[int]) -> list[int]:
    """The entry of kpageflags for each frame; 0 for frame 0, which is none."""
    fd = os.open("/proc/kpageflags", os.O_RDONLY | os.O_CLOEXEC)
    try:
        found: list[int] = []
        steps = zip(frames, count(), strict=False)
        for _, run in groupby(steps, lambda pair: pair[0] and pair[0] - pair[1]):
            together = [frame for frame, _ in run]
            if together[0]:
                read = os.pread(fd, 8 * len(together), 8 * together[0])
                found.extend(array("Q", read))
            else:
                found.extend([0] * len(together))
    finally:
        os.close(fd)
    return found
