"""Whether this kernel knows an advice: tried on a page, and judged by what it did.

Versions are never parsed: distributions carry features back, and seccomp filters take them away. A
return value alone is not believed either: a filter may answer 0 and do nothing. The probe uses
neither the kit's populating nor its views, or a fault in them would pass for a lack of the host.
"""

from __future__ import annotations

import functools
import mmap

from prefault_kit.kernel import syscalls
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import ADVICE, PAGE_SIZE_BYTES


@functools.cache
def populate_refusal(advice: str) -> str | None:
    """What MADV_POPULATE_READ or MADV_POPULATE_WRITE answers to an anonymous page where it should
    work: an errno's name, or ``0, and maps nothing``; None if it populates."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with mmap.mmap(-1, PAGE_SIZE_BYTES, flags=flags) as page:
        try:
            page.madvise(ADVICE[advice])
        except OSError as error:
            return ERRNO_NAMES.get(error.errno or 0, str(error.errno))
        with memoryview(page) as view, syscalls.borrowed(view) as (address, _):
            # of anonymous memory mincore(2) tells whether the page is in the page tables
            present = syscalls.mincore(address, PAGE_SIZE_BYTES)[0] & 1
    return None if present else "0, and maps nothing"
