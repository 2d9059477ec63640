"""A file whose storage answers slowly, for any user who may use FUSE: each read waits a fixed time.

A disk's speed changes with whatever else it does; this one waits for the clock alone. It holds
zeros, and nothing is stored: a file of 2 GiB takes no room but in the page cache.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from prefault_kit.kernel import fuse
from prefault_kit.memory import failing_file

MOST_WAIT_US = 1_000_000
MOST_DEPTH = 64


@contextmanager
def opened(size_bytes: int, wait_us: int, depth: int = 1) -> Iterator[int]:
    """A descriptor for reading a file of ``size_bytes`` zeros, as long as the block.

    Each read of up to 128 KiB is answered after ``wait_us``, and ``depth`` of them wait side by
    side. To be called in the worker, which has one thread. OSError where this user may not mount
    it.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        keeper = os.fork()
        if keeper == 0:
            try:
                ours.close()
                _keep(theirs, size_bytes, wait_us, depth)
            finally:
                os._exit(0)
        theirs.close()
        fd = -1
        try:
            said, descriptors, _, _ = socket.recv_fds(ours, 64, 1)
            if not descriptors:
                number = int(said or errno.EPERM)
                raise OSError(number, f"a file of FUSE cannot be mounted: {os.strerror(number)}")
            fd = descriptors[0]
            yield fd
        finally:
            if fd >= 0:
                os.close(fd)
            ours.close()  # which ends the keeper, and with it those that serve
            os.waitpid(keeper, 0)


def _keep(connection: socket.socket, size_bytes: int, wait_us: int, depth: int) -> None:
    """In the child: mount the file, let it be served, hand it over, and wait to be let go."""
    keeper = os.getpid()
    try:
        device = failing_file.mount()
        for _ in range(depth):
            if os.fork() == 0:
                try:
                    connection.close()
                    fuse.serve(
                        device,
                        size_bytes,
                        size_bytes,
                        parent=keeper,
                        wait_ns=1000 * wait_us,
                        read_ahead_bytes=fuse.READ_BYTES,
                    )
                finally:
                    os._exit(0)
        os.close(device)
        fd = os.open(failing_file.FILE, os.O_RDONLY | os.O_CLOEXEC)
        os.fstat(fd)  # see failing_file
    except OSError as error:
        connection.send(str(error.errno or errno.EPERM).encode())
    else:
        socket.send_fds(connection, [b"here"], [fd])
        os.close(fd)
        connection.recv(1)
