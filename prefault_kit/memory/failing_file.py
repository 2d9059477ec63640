"""A file that cannot be read to its end, for any user who may use FUSE: where a disk fails."""

from __future__ import annotations

import os
from pathlib import Path

from prefault_kit.kernel import fuse, namespace

PLACE = "/dev"
"""A directory that every host has; only this process sees what is mounted over it."""
FILE = f"{PLACE}/failing"


def mount() -> int:
    """In a child: give it mounts of its own, and a file of FUSE at :data:`FILE`.

    Returns the descriptor that :func:`prefault_kit.kernel.fuse.serve` takes. OSError where this
    user may not.
    """
    namespace.enter()
    device = fuse.connect()  # before /dev is hidden
    namespace.mount("tmpfs", PLACE, "size=1m")
    Path(FILE).touch()
    fuse.mount(device, FILE)
    return device


def file(size_bytes: int, good_bytes: int) -> int:
    """In a child: a descriptor for reading a file of which all from ``good_bytes`` on is EIO.

    OSError where this user may not mount it.
    """
    device, parent = mount(), os.getpid()
    if os.fork() == 0:
        try:
            fuse.serve(device, size_bytes, good_bytes, parent=parent)
        finally:
            os._exit(0)
    os.close(device)
    fd = os.open(FILE, os.O_RDONLY | os.O_CLOEXEC)
    os.fstat(fd)  # else the kernel takes the file for empty: it asks when it has to, not for mmap
    return fd
