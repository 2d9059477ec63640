"""The line of source that a place in a program was compiled from, by addr2line where that is."""

from __future__ import annotations

import shutil
import subprocess

from prefault_kit.kernel import symbols

PATIENCE_S = 30


def line_of(path: str, offset: int) -> tuple[str, int] | None:
    """The source's path and the line, of an offset in an ELF file with debug information.

    None without it, and where nobody can say. The path is as the compiler wrote it.
    """
    address = symbols.code_address(path, offset)
    tool = shutil.which("addr2line")
    if address is None or tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, "-e", path, hex(address)], capture_output=True, text=True, errors="replace",
            timeout=PATIENCE_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    source, _, line = done.stdout.partition(" (")[0].strip().rpartition(":")
    return (source, int(line)) if line.isdecimal() and int(line) else None
