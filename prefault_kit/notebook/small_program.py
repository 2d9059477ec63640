"""A small program in C that notebooks try advice on: what it maps and touches is known."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

SOURCE = """\
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 16 << 20;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(p, size, MADV_NOHUGEPAGE);
    memset(p, 1, size / 4);
    return p[0] != 1;
}
"""
SIZE_BYTES, TOUCHED_BYTES = 16 << 20, 4 << 20
COMPILE_S = 60
_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Directories that are removed when the notebook's kernel ends."""


def compiled() -> str:
    """The program's path; with debug information, so that its lines are known. OSError without
    gcc."""
    _KEPT.append(tempfile.TemporaryDirectory(prefix="prefault-small-"))
    path = Path(_KEPT[-1].name) / "fill"
    command = ["gcc", "-g", "-O1", "-x", "c", "-o", str(path), "-"]
    subprocess.run(command, input=SOURCE, text=True, check=True, timeout=COMPILE_S)
    return str(path)
