"""The mappings of a process, as ``/proc/PID/maps`` lists them.

Source: proc_pid_maps(5). Since Linux 6.17 reading it takes no lock that the process would wait for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

HEAD = re.compile(
    rb"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)"
)
"""A line of maps, which is also the first line of a mapping in smaps."""
READ_BYTES = 1 << 16


class Head(NamedTuple):
    """One mapping: where, what may be done with it, and what it maps."""

    start: int
    end: int
    permissions: str
    """``rw-p`` and the like; the last letter is s for shared and p for private."""
    offset: int
    """Of its first byte in the file."""
    device: tuple[int, int]
    """Major and minor number; (0, 0) without a file."""
    inode: int
    """0 without a file."""
    name: str
    """A path, ``[heap]`` and the like, or empty. Bytes that are no UTF-8 are surrogates."""

    @property
    def shared(self) -> bool:
        """Whether it is MAP_SHARED."""
        return self.permissions.endswith("s")


def parse_head(line: bytes) -> Head:
    r"""One line of maps; ValueError if it is none.

    >>> parse_head(b"7f00-8f00 r--p 00001000 fd:01 17    /lib/x y\n").name
    '/lib/x y'
    """
    found = HEAD.match(line)
    if found is None:
        raise ValueError(f"no line of /proc/PID/maps: {line!r}")
    low, high, permissions, offset, major, minor, inode, name = found.groups()
    return Head(
        int(low, 16),
        int(high, 16),
        permissions.decode(),
        int(offset, 16),
        (int(major, 16), int(minor, 16)),
        int(inode),
        os.fsdecode(name),
    )


def heads(fd: int) -> Iterator[Head]:
    """Every mapping in an open file of maps, from its beginning, ascending."""
    rest = b""
    while read := os.read(fd, READ_BYTES):
        *lines, rest = (rest + read).split(b"\n")
        yield from map(parse_head, lines)
