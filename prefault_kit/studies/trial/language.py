"""What a program is written in, by its file and the libraries that it maps; files are only read."""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import re
import stat
from collections.abc import Sequence

C, PYTHON, RUST, GO, JAVA = "C", "Python", "Rust", "Go", "Java"
LANGUAGES = (C, PYTHON, RUST, GO, JAVA)
"""C stands for all that is compiled and none of the others."""
MOST_BYTES = 1 << 29
"""Of a larger file not all is looked through."""
GO_MARK = b"\xff Go buildinf:"
"""What begins the build information that Go's linker puts into every program."""
RUST_MARK = re.compile(rb"rust_eh_personality|/rustc/[0-9a-f]{40}/")
"""A symbol, or the path of the standard library in a message: one is left in most programs."""


def of(path: str, mapped: Sequence[str] = ()) -> str:
    """Of :data:`LANGUAGES`; empty for what is no program, or may not be read.

    ``mapped`` are the files that it maps. A program that a JVM or a Python runs in is Java or
    Python, whatever its own file is.
    """
    libraries = {os.path.basename(each) for each in mapped}
    if "libjvm.so" in libraries:
        return JAVA
    name = os.path.basename(path)
    if any(each.startswith("libpython") for each in libraries) or name.startswith("python"):
        return PYTHON
    return _of_file(path)


@functools.lru_cache(maxsize=256)
def _of_file(path: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or not found.st_size:
                return ""
            length = min(found.st_size, MOST_BYTES)
            with mmap.mmap(fd, length, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE) as data:
                if data[:4] != b"\x7fELF":
                    return ""
                if data.find(GO_MARK) >= 0:
                    return GO
                return RUST if RUST_MARK.search(data) else C
        finally:
            os.close(fd)
    return ""
