"""A file on a small tmpfs of its own, for any user: where memory runs out without harm.

Another process mounts the tmpfs where nobody else sees it, makes a file there without a name, and
hands it over; file and tmpfs live as long as the descriptor.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile

from prefault_kit.host import Unavailable
from prefault_kit.promises import namespace
from prefault_kit.syscalls import PAGE_SIZE_BYTES

FORBIDDEN = Unavailable(
    "this user may not mount a file system, nor make a user namespace to do it in",
    "sudo sysctl kernel.unprivileged_userns_clone=1",
)


def tmpfs_file(limit_bytes: int, size_bytes: int) -> int:
    """A descriptor of a file of ``size_bytes``, one hole, of which ``limit_bytes`` can be filled.

    OSError where this user may neither mount nor make a user namespace; it says what would help.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = [str(theirs.fileno()), str(limit_bytes), str(size_bytes)]
        child = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve({', '.join(words)})"],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        said, descriptors, _, _ = socket.recv_fds(ours, 64, 1)
        child.wait()
    if not descriptors:
        raise OSError(int(said or errno.EPERM), f"{FORBIDDEN.reason}: {FORBIDDEN.command}")
    return descriptors[0]


def why_not() -> Unavailable | None:
    """What stops this user from having such a file; None if nothing does."""
    try:
        os.close(tmpfs_file(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES))
    except OSError:
        return FORBIDDEN
    return None


def serve(fd: int, limit_bytes: int, size_bytes: int) -> None:
    """In the other process: make the file and send it over the socket ``fd``, or an errno."""
    with socket.socket(fileno=fd) as connection:
        try:
            namespace.enter()
            place = tempfile.gettempdir()
            namespace.mount("tmpfs", place, f"size={limit_bytes},mode=700")
            file = os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600)
            os.ftruncate(file, size_bytes)
        except OSError as error:
            connection.send(str(error.errno or 1).encode())
        else:
            socket.send_fds(connection, [b"here"], [file])
