"""userfaultfd(2): which of its features this kernel has, and the calls that the kit makes.

The descriptor is made for faults in user mode alone, which needs no privilege since Linux 5.11.
Source: include/uapi/linux/userfaultfd.h, Documentation/admin-guide/mm/userfaultfd.rst.
"""

from __future__ import annotations

import fcntl
import os
import struct

from prefault_kit.kernel import libc

UFFD_USER_MODE_ONLY = 1
UFFD_API = 0xAA
UFFDIO_API = 0xC018AA3F
"""_IOWR(0xAA, 0x3F, struct uffdio_api): 24 bytes, api, features, ioctls."""
UFFDIO_REGISTER = 0xC020AA00
"""_IOWR(0xAA, 0x00, struct uffdio_register): start, length, mode (1: missing pages), ioctls."""
UFFDIO_WRITEPROTECT = 0xC018AA06
"""_IOWR(0xAA, 0x06, struct uffdio_writeprotect): start, length, mode (1: protect)."""
MODE_MISSING, MODE_WP = 1, 2
"""UFFDIO_REGISTER_MODE_..."""
EVENT_BYTES, EVENT_PAGEFAULT = 32, 0x12
"""struct uffd_msg; the faulting address is its third word."""
UFFDIO_POISON = 0xC020AA08
"""_IOWR(0xAA, 0x08, struct uffdio_poison): start, length, mode, bytes that were done."""

FEATURES = {
    "write-protect": 1 << 0,
    "WP_HUGETLBFS_SHMEM": 1 << 12,
    "WP_UNPOPULATED": 1 << 13,
    "POISON": 1 << 14,
    "WP_ASYNC": 1 << 15,
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

NUMBERS = {"x86_64": 323, "ppc64le": 364, "ppc64": 364, "s390x": 355}
"""The system call's number, where it is not that of the generic table."""
GENERIC_NUMBER = 282


def _open() -> int:
    """userfaultfd(2), which the C library has no function for; OSError as it says."""
    number = NUMBERS.get(os.uname().machine, GENERIC_NUMBER)
    return libc.call("syscall", number, os.O_CLOEXEC | UFFD_USER_MODE_ONLY)


def _agree(fd: int, wanted: int) -> int:
    """Agree with the kernel on features; those that it offers."""
    answer = bytearray(struct.pack("QQQ", UFFD_API, wanted, 0))
    fcntl.ioctl(fd, UFFDIO_API, answer)
    offered: int = struct.unpack("QQQ", answer)[1]
    return offered


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
        fcntl.ioctl(fd, UFFDIO_REGISTER, bytearray(struct.pack("QQQQ", address, length, mode, 0)))
        os.set_blocking(fd, False)  # poll(2) knows no other
    except BaseException:
        os.close(fd)
        raise
    return fd


def write_protect(fd: int, address: int, length: int, *, on: bool) -> None:
    """Protect pages of a registered range, or let writes through and wake who waits."""
    fcntl.ioctl(fd, UFFDIO_WRITEPROTECT, bytearray(struct.pack("QQQ", address, length, int(on))))


def fault(fd: int) -> int | None:
    """The address of a page fault; None of anything else, or if who waited goes on already."""
    try:
        message = os.read(fd, EVENT_BYTES)
    except BlockingIOError:
        return None
    return struct.unpack_from("Q", message, 16)[0] if message[0] == EVENT_PAGEFAULT else None


def poison(address: int, length: int) -> None:
    """Make an access to an unpopulated range an error as of poisoned memory (Linux 6.6).

    The range stays so until it is unmapped. OSError as the ioctls say.
    """
    fd = begin(address, length, MODE_MISSING, "POISON")
    try:
        fcntl.ioctl(fd, UFFDIO_POISON, bytearray(struct.pack("QQQq", address, length, 0, 0)))
    finally:
        os.close(fd)
