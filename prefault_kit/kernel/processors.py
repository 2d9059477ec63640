"""Processors: those that a thread, and the threads and children that it starts meanwhile, run on.

A page that was just brought lies in a list of its processor's own at first. MADV_PAGEOUT empties
that of the processor that it is called on, and passes over pages in those of others: what is to
take pages for certain has to run where they came from.

Sources: sched_setaffinity(2); lru_add_drain in mm/swap.c, madvise_pageout in mm/madvise.c.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def running_on(wanted: Iterable[int]) -> Iterator[None]:
    """Run on these alone within the block; OSError EINVAL where none of them may be used."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def the_first() -> set[int]:
    """One that this thread may use, the same each time.

    >>> with running_on(the_first()):
    ...     len(os.sched_getaffinity(0))
    1
    """
    return {min(os.sched_getaffinity(0))}
