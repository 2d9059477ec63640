"""Populating a range in threads, with an error that says what it means.

What :func:`~prefault_kit.memory.preallocation.preallocate` and
:func:`~prefault_kit.memory.prefault.prefault` have in common.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from prefault_kit.kernel import errors, timed
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.memory import support

SHARE_BYTES = 64 << 20
"""What a thread is worth: a smaller share is populated before the thread is there."""
ADVICE = {"read": "MADV_POPULATE_READ", "write": "MADV_POPULATE_WRITE"}
TOUCHES = {"read": "touch_read", "write": "touch_atomic"}
"""What takes the advice's place where the kernel lacks it, if that is allowed."""
CAUSES = {
    "EFAULT": "there is no page to be had: its tmpfs or disk is full, its huge pages are "
    "exhausted, or it lies beyond the end of its file",
    "ENOMEM": "the range has a hole, or its memory cgroup is full",
    "EINVAL": "the mapping may not be {done}, or is one that cannot be populated",
    "EHWPOISON": "the page is poisoned: its memory is broken",
}
"""What an errno says here (madvise(2)), by its name."""
DONE = {"read": "read", "write": "written"}


def operation(access: str, *, touch: bool) -> str:
    """The advice for an access, or the touch in its place where the kernel lacks it.

    OSError EINVAL where the kernel lacks it and touching is not allowed.
    """
    advice = ADVICE[access]
    lacking = support.populate_refusal(advice)
    if lacking and not touch:
        raise OSError(
            errno.EINVAL,
            f"madvise({advice}) answers {lacking} where it should work: the kernel is older "
            "than Linux 5.14, or a seccomp filter stops it; with touch=True each page is touched "
            "instead",
        )
    return TOUCHES[access] if lacking else advice


def usual_threads(size_bytes: int) -> int:
    """One for each processor that this process may use, and for each share that is worth it."""
    return max(1, min(len(os.sched_getaffinity(0)), size_bytes // SHARE_BYTES))


def populate(
    operation: str,
    address: int,
    length: int,
    *,
    step: int,
    threads: int,
    verb: str,
    pages_before: int = 0,
    go_on: Callable[[int], bool] | None = None,
) -> Work:
    """Do an :func:`operation` over a range; ``go_on`` as for :func:`~timed.range_timed`.

    PrefaultError says which page cannot be had, counted on from ``pages_before``, that it cannot be
    ``verb``, and why.
    """
    try:
        return timed.range_timed(
            operation, address, length, step=step, threads=threads, go_on=go_on
        )
    except PrefaultError as error:
        raise _explained(error, operation, threads, verb, pages_before) from None


def _explained(
    error: PrefaultError, operation: str, threads: int, verb: str, before: int
) -> PrefaultError:
    """The same error, with what it means."""
    number, page = error.errno or 0, before + error.page
    if number == errno.EAGAIN:
        text = f"this process may not start {threads} threads: choose fewer"
    else:
        access = "read" if operation in (ADVICE["read"], TOUCHES["read"]) else "write"
        name = errors.ERRNO_NAMES.get(number, str(number))
        cause = CAUSES.get(name, os.strerror(number).lower()).format(done=DONE[access])
        text = f"page {page} cannot be {verb} ({name}): {cause}"
    return PrefaultError(number, text, page=page, work=error.work)
