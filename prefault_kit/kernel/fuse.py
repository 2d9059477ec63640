"""A file of a file system of one's own, made by FUSE: a part is an I/O error, or a read waits.

Source: fuse(4), Documentation/filesystems/fuse/fuse.rst.
"""

from __future__ import annotations

import os

from prefault_kit.kernel import namespace, syscalls
from prefault_kit.kernel.errors import check
from prefault_kit.kernel.native import lib

DEVICE = "/dev/fuse"
READ_BYTES = 1 << 17
"""The longest read that is answered (REQUEST_BYTES in native/fuse.c)."""


def connect() -> int:
    """A descriptor of :data:`DEVICE`, for :func:`mount` and :func:`serve`; to be closed.

    To be called in the user namespace that mounts. OSError where the device may not be opened.
    """
    return os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)


def mount(fd: int, file: str) -> None:
    """Mount over a file, in this process's own mounts. OSError where nothing may be mounted."""
    namespace.mount(
        "fuse", file, f"fd={fd},rootmode=100000,user_id=0,group_id=0,max_read={READ_BYTES}"
    )


def serve(
    fd: int,
    size_bytes: int,
    good_bytes: int,
    *,
    parent: int,
    wait_ns: int = 0,
    read_ahead_bytes: int = 0,
) -> None:
    """Answer what the kernel asks of a file whose first ``good_bytes`` alone can be read.

    Each read is answered after ``wait_ns``; the kernel may read ``read_ahead_bytes`` ahead.
    Processes that serve the same descriptor wait side by side.

    For a process of its own, which ends with its ``parent``: this returns when nobody has the file
    system mounted any more. OSError ESRCH where the parent has ended already.
    """
    syscalls.die_with_parent(parent)
    check(lib.pf_fuse_serve(fd, size_bytes, good_bytes, wait_ns, read_ahead_bytes), "fuse")
