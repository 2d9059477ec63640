"""A part of a file, by its path: what lies in its page cache can be asked for and brought there.

A file is opened for reading alone. It is known again by its device and inode, so that one which was
replaced meanwhile is an error and never taken for the other.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Identity:
    """Which file it is, and how large."""

    device: int
    inode: int
    size_bytes: int

    @classmethod
    def of(cls, file: int | str) -> Self:
        """Of an open file, or of what a path leads to."""
        found = os.stat(file)
        return cls(found.st_dev, found.st_ino, found.st_size)

    def is_same_file(self, other: Identity) -> bool:
        """Whether both are one file, whatever its size."""
        return (self.device, self.inode) == (other.device, other.inode)


@dataclass(frozen=True)
class FilePart:
    """Bytes of a file: from an offset on."""

    path: str
    offset_bytes: int
    size_bytes: int
    identity: Identity
    """As it was when the part was found."""

    @classmethod
    def whole(cls, path: str | os.PathLike[str]) -> FilePart:
        """All of a file, as large as it is now; OSError where it is none."""
        name = os.fspath(path)
        fd = open_regular(name)
        try:
            identity = Identity.of(fd)
        finally:
            os.close(fd)
        return FilePart(name, 0, identity.size_bytes, identity)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of the file, for reading; OSError ESTALE if it is another one by now.

        One that was truncated is opened: which page is gone shows when it is read.
        """
        fd = open_regular(self.path)
        try:
            if not self.identity.is_same_file(Identity.of(fd)):
                raise self.replaced()
            yield fd
        finally:
            os.close(fd)

    def is_replaced(self) -> bool:
        """Whether the path leads to another file by now, or to none."""
        try:
            return not self.identity.is_same_file(Identity.of(self.path))
        except OSError:
            return True

    def replaced(self) -> OSError:
        """The error to raise then."""
        return OSError(
            errno.ESTALE, "the file was replaced by another one meanwhile: begin anew", self.path
        )


def open_regular(path: str) -> int:
    """A descriptor of a regular file, for reading; OSError EINVAL for anything else.

    Nothing is waited for: opening a FIFO would, and opening a device may do something.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise _no_file(path)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(fd).st_mode):  # replaced in between
        os.close(fd)
        raise _no_file(path)
    return fd


def _no_file(path: str) -> OSError:
    number = errno.EISDIR if os.path.isdir(path) else errno.EINVAL
    return OSError(number, "is not a regular file: only one of those has a page cache", path)
