"""Page tables: which pages of a range are present, the zero page, huge, swapped.

By the ioctl PAGEMAP_SCAN (Linux 6.7, unprivileged); else from ``/proc/self/pagemap``, which cannot
tell the zero page or huge pages: those counts are then None. All counts are in system pages, also
for huge pages. Source: Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefault_kit.kernel import syscalls

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PRESENT = syscalls.PAGE_STATES["present"]
ZERO = syscalls.PAGE_STATES["zero"]
HUGE = syscalls.PAGE_STATES["huge"]
SWAPPED = syscalls.PAGE_STATES["swapped"]
FILE = syscalls.PAGE_STATES["file"]


@dataclass(frozen=True)
class Pages:
    """The page states of a range, as counts and one by one."""

    present: int
    """Pages with a page-table entry to memory, the zero page included."""
    zero: int | None
    """Of those, entries to the shared zero page."""
    huge: int | None
    """Of those, pages mapped by a huge entry (one of 2 MiB counts as 512 pages of 4 KiB)."""
    swapped: int
    file: int | None
    """Present pages of a file or of shared memory, as opposed to private copies; if asked for."""
    state_bytes: bytearray
    """One byte of PRESENT | ZERO | HUGE | SWAPPED | FILE bits a page."""

    @property
    def states(self) -> NDArray[np.uint8]:
        """``state_bytes`` as an array of shape (pages,), uint8; not a copy."""
        import numpy  # here, so that importing the kit stays quick

        return numpy.frombuffer(self.state_bytes, dtype=numpy.uint8)

    def as_dict(self) -> dict[str, int | None]:
        """The counts, as ``run --json`` gives them."""
        return {
            "present": self.present,
            "zero": self.zero,
            "huge": self.huge,
            "swapped": self.swapped,
        }


def scan(address: int, length: int, *, file: bool = False, fallback: bool = False) -> Pages:
    """Look up the pages of a range of this process.

    ``file`` asks of each page whether it is a file's, which takes three times as long.
    ``fallback=True`` reads /proc/self/pagemap even where the kernel has PAGEMAP_SCAN.
    """
    if not fallback:
        try:
            states, counts = syscalls.page_states(address, length, file=file)
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EPERM):
                raise
        else:
            files = counts.file if file else None
            return Pages(counts.present, counts.zero, counts.huge, counts.swapped, files, states)
    states, counts = syscalls.page_states(address, length, scan=False)
    return Pages(counts.present, None, None, counts.swapped, counts.file, states)
