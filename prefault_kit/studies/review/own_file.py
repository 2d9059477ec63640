"""A file of the reviewer's own: how it is opened, for reading alone, and how much is reviewed.

A path may name a FIFO that nothing writes to, or a device whose opening does something: the kind is
looked at first, and nothing is waited for.
"""

from __future__ import annotations

import errno
import os
import stat

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes

MOST_UNASKED_BYTES = 4 << 30
"""As much of a larger file is reviewed, from its beginning, unless a size is given."""
NO_FILE = "is no regular file: name a file with data"


def open_file(path: str | os.PathLike[str]) -> int:
    """A descriptor for reading; OSError as open(2) says, EINVAL if it is no regular file."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, NO_FILE, os.fspath(path))
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):  # another file took its place meanwhile
        os.close(fd)
        raise OSError(errno.EINVAL, NO_FILE, os.fspath(path))
    return fd


def size_of(path: str | os.PathLike[str]) -> int:
    """Its size in bytes; OSError as :func:`open_file`, ValueError if it is empty."""
    fd = open_file(path)
    try:
        size = os.fstat(fd).st_size
    finally:
        os.close(fd)
    if not size:
        raise ValueError(f"{os.fspath(path)} is empty: name a file with data")
    return size


def whole_pages(size_bytes: int) -> int:
    """A size in bytes, rounded up to whole pages."""
    return -(-size_bytes // PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES


def reviewed_bytes(path: str | os.PathLike[str], wanted: int | None = None) -> int:
    """How much of a file is reviewed, in whole pages; ValueError if more is wanted than it has."""
    there = size_of(path)
    if wanted is None:
        return min(whole_pages(there), MOST_UNASKED_BYTES)
    if wanted > whole_pages(there):
        raise ValueError(
            f"{os.fspath(path)} has {_exactly(there)}, and a size of {_exactly(wanted)} reaches "
            "beyond its end: choose a smaller one, or none for the whole file"
        )
    return wanted


def part_of(path: str | os.PathLike[str], size_bytes: int) -> str | None:
    """The sentence that says which part of a file is reviewed; None where that is all of it."""
    there = size_of(path)
    if size_bytes >= there:
        return None
    return (
        f"Of the {format_bytes(there)} of {os.fspath(path)} the first {format_bytes(size_bytes)} "
        "are reviewed: ask for more with --size."
    )


def check_length(fd: int, size_bytes: int) -> None:
    """OSError ENODATA if a file has become shorter than what is reviewed of it."""
    there = os.fstat(fd).st_size
    if whole_pages(there) < size_bytes:
        raise OSError(
            errno.ENODATA,
            f"the file has been truncated to {_exactly(there)} meanwhile, and "
            f"{_exactly(size_bytes)} of it are reviewed",
        )


def _exactly(size_bytes: int) -> str:
    short = format_bytes(size_bytes)
    return short if short.endswith("bytes") else f"{short} ({size_bytes} bytes)"
