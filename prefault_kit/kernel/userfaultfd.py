"""userfaultfd(2): which of its features this kernel has, and the calls that the kit makes.

The descriptor is made for faults in user mode alone, which needs no privilege since Linux 5.11.
Source: include/uapi/linux/userfaultfd.h, Documentation/admin-guide/mm/userfaultfd.rst.
"""

from __future__ import annotations

import os

from prefault_kit.kernel.errors import check
from prefault_kit.kernel.native import ffi, lib
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import Work, timed

MODE_MISSING, MODE_WP = lib.UFFDIO_REGISTER_MODE_MISSING, lib.UFFDIO_REGISTER_MODE_WP
"""What :func:`begin` watches: pages that are not there, or writes to protected ones."""

FEATURES = {
    "write-protect": lib.UFFD_FEATURE_PAGEFAULT_FLAG_WP,
    "WP_HUGETLBFS_SHMEM": lib.UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
    "WP_UNPOPULATED": lib.UFFD_FEATURE_WP_UNPOPULATED,
    "POISON": lib.UFFD_FEATURE_POISON,
    "WP_ASYNC": lib.UFFD_FEATURE_WP_ASYNC,
}
"""The features that matter to prefaulting, and their bits."""
SINCE = {
    "write-protect": "5.7",
    "WP_HUGETLBFS_SHMEM": "5.19",
    "WP_UNPOPULATED": "6.4",
    "POISON": "6.6",
    "WP_ASYNC": "6.7",
}
"""The kernel that each came with, on x86-64."""


def _open() -> int:
    return check(lib.pf_uffd_open(), "userfaultfd")


def _agree(fd: int, wanted: int) -> int:
    """Agree with the kernel on features; those that it offers."""
    offered = ffi.new("uint64_t *")
    check(lib.pf_uffd_agree(fd, wanted, offered), f"UFFDIO_API(0x{wanted:x})")
    return int(offered[0])


def features() -> list[str]:
    """The names of :data:`FEATURES` that the kernel offers; OSError without userfaultfd."""
    fd = _open()
    try:
        offered = _agree(fd, 0)
    finally:
        os.close(fd)
    return [name for name, bit in FEATURES.items() if offered & bit]


def begin(address: int, length: int, mode: int, *wanted: str) -> int:
    """A descriptor on which faults of a range are told; to be closed. OSError as the calls say."""
    fd = _open()
    try:
        _agree(fd, sum(FEATURES[name] for name in wanted))
        check(lib.pf_uffd_register(fd, address, length, mode), "UFFDIO_REGISTER")
    except BaseException:
        os.close(fd)
        raise
    return fd


def write_protect(fd: int, address: int, length: int, *, on: bool) -> Work:
    """Protect pages of a registered range, or let writes through and wake who waits."""
    return timed(
        f"UFFDIO_WRITEPROTECT(0x{address:x}, {length} bytes)",
        PAGE_SIZE_BYTES,
        lambda native: lib.pf_uffd_protect_timed(native, fd, address, length, on),
    )


def fault(fd: int) -> int | None:
    """The address of a page fault; None of anything else, or if who waited goes on already."""
    address = ffi.new("uint64_t *")
    found = check(lib.pf_uffd_fault(fd, address), "read of a userfaultfd")
    return int(address[0]) if found else None


def poison(address: int, length: int) -> None:
    """Make an access to an unpopulated range an error as of poisoned memory (Linux 6.6).

    The range stays so until it is unmapped. OSError as the ioctls say.
    """
    fd = begin(address, length, MODE_MISSING, "POISON")
    try:
        check(lib.pf_uffd_poison(fd, address, length), "UFFDIO_POISON")
    finally:
        os.close(fd)
