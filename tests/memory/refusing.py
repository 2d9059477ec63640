"""Answers as small_tmpfs.serve does where namespaces are forbidden."""

import errno
import socket


def serve(fd: int, limit_bytes: int, size_bytes: int) -> None:
    """Send EACCES."""
    with socket.socket(fileno=fd) as connection:
        connection.send(str(errno.EACCES).encode())
