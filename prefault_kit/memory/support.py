"""Whether this kernel knows an advice: tried on a page, and judged by what it did.

Versions are never parsed: distributions carry features back, and seccomp filters take them away. A
return value alone is not believed either: a filter may answer 0 and do nothing.
"""

from __future__ import annotations

import functools

from prefault_kit.kernel.syscalls import ERRNO_NAMES, PAGE_SIZE_BYTES
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


@functools.cache
def populate_refusal(advice: str) -> str | None:
    """What MADV_POPULATE_READ or MADV_POPULATE_WRITE answers to an anonymous page where it should
    work: an errno's name, or ``0, and maps nothing``; None if it populates."""
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as page:
        try:
            page.advise(advice)
        except OSError as error:
            return ERRNO_NAMES.get(error.errno or 0, str(error.errno))
        return None if page.pages().present else "0, and maps nothing"
