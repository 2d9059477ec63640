"""userfaultfd(2): which of its features this kernel has.

The descriptor is made for faults in user mode alone, which needs no privilege since Linux 5.11.
Source: include/uapi/linux/userfaultfd.h, Documentation/admin-guide/mm/userfaultfd.rst.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct

UFFD_USER_MODE_ONLY = 1
UFFD_API = 0xAA
UFFDIO_API = 0xC018AA3F
"""_IOWR(0xAA, 0x3F, struct uffdio_api): 24 bytes, api, features, ioctls."""

FEATURES = {
    "write-protect": 1 << 0,
    "WP_HUGETLBFS_SHMEM": 1 << 12,
    "WP_UNPOPULATED": 1 << 13,
    "POISON": 1 << 14,
    "WP_ASYNC": 1 << 15,
}
"""The features that matter to prefaulting, and their bits."""

NUMBERS = {"x86_64": 323, "ppc64le": 364, "ppc64": 364, "s390x": 355}
"""The system call's number, where it is not that of the generic table."""
GENERIC_NUMBER = 282


def _open() -> int:
    """userfaultfd(2), which the C library has no function for; OSError as it says."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = NUMBERS.get(os.uname().machine, GENERIC_NUMBER)
    fd: int = libc.syscall(ctypes.c_long(number), ctypes.c_long(os.O_CLOEXEC | UFFD_USER_MODE_ONLY))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"userfaultfd: {os.strerror(error)}")
    return fd


def features() -> list[str]:
    """The names of :data:`FEATURES` that the kernel offers; OSError without userfaultfd."""
    fd = _open()
    try:
        answer = bytearray(struct.pack("QQQ", UFFD_API, 0, 0))
        fcntl.ioctl(fd, UFFDIO_API, answer)
    finally:
        os.close(fd)
    offered = struct.unpack("QQQ", answer)[1]
    return [name for name, bit in FEATURES.items() if offered & bit]
