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
from pathlib import Path

from prefault_kit.kernel import namespace

FORBIDDEN = "this user may not mount a file system, nor make a user namespace to do it in"


def file(limit_bytes: int, size_bytes: int) -> int:
    """A descriptor of a file of ``size_bytes``, one hole, of which ``limit_bytes`` can be filled.

    OSError where this user may neither mount nor make a user namespace.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = f"{theirs.fileno()}, {limit_bytes}, {size_bytes}"
        child = subprocess.Popen(
            # -P: modules in the user's directory must not shadow the standard library's
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({words})"],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": path},
        )
        theirs.close()
        said, descriptors, _, _ = socket.recv_fds(ours, 64, 1)
        child.wait()
    if not descriptors:
        raise OSError(int(said or errno.EPERM), FORBIDDEN)
    return descriptors[0]


def serve(fd: int, limit_bytes: int, size_bytes: int) -> None:
    """In the other process: make the file and send it over the socket ``fd``, or an errno."""
    with socket.socket(fileno=fd) as connection:
        try:
            namespace.enter()
            place = tempfile.gettempdir()
            namespace.mount("tmpfs", place, f"size={limit_bytes},mode=700")
            made = os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600)
            os.ftruncate(made, size_bytes)
        except OSError as error:
            connection.send(str(error.errno or 1).encode())
        else:
            socket.send_fds(connection, [b"here"], [made])
