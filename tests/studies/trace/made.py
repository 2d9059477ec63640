"""``touches.c``, compiled once a run; and traces that nobody recorded."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.trace import (
    ACCESS_SHIFT,
    ANONYMOUS,
    FILE,
    FileState,
    Image,
    Thread,
    Trace,
    TracedMapping,
)

SOURCE = Path(__file__).with_name("touches.c")


@functools.cache
def program(*flags: str) -> str:
    """Its path; it is gone when this process ends."""
    directory = tempfile.mkdtemp(prefix="prefault-touches-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = f"{directory}/touches"
    command = [shutil.which("gcc") or "cc", "-O1", "-pthread", "-Wall", "-Werror", *flags]
    subprocess.run([*command, "-o", path, str(SOURCE)], check=True, timeout=600)
    Path(directory).chmod(0o755)
    return path


def mapping(kind: str = ANONYMOUS, name: str = "", **other: Any) -> TracedMapping:
    """A mapping of 64 pages."""
    known = {"image": 0, "ordinal": 1, "size_bytes": 64 * PAGE, "first_page": 0,
             "permissions": "rw-p", "file": None}  # fmt: skip
    return TracedMapping(kind, name, **(known | other))


def file(path: Path, **other: Any) -> TracedMapping:
    """A mapping of a file as it is now."""
    found = path.stat()
    state = FileState(found.st_size, found.st_mtime_ns, found.st_ino)
    return mapping(FILE, str(path), permissions="r--p", **({"file": state} | other))


def trace(
    *faults: tuple[int, int, int], mappings: tuple[TracedMapping, ...] = (), **other: Any
) -> Trace:
    """Faults, each a mapping, a page and an access, a millisecond apart."""
    rows = numpy.array(faults, "i8").reshape(-1, 3)
    known: dict[str, Any] = {
        "command": ("touches",),
        "page_size_bytes": PAGE,
        "duration_ns": 10**6 * (len(rows) + 1),
        "status": 0,
        "stopped": False,
        "images": (Image(1, "touches", None, False),),
        "threads": (Thread(1, 1, "touches"),),
        "mappings": mappings or (mapping(),),
        "time_ns": numpy.arange(len(rows), dtype="i8") * 10**6,
        "mapping": rows[:, 0].astype("u4"),
        "page": rows[:, 1],
        "thread": numpy.zeros(len(rows), "u4"),
        "flags": (rows[:, 2] << ACCESS_SHIFT).astype("u1"),
    }
    return Trace(**(known | other))
