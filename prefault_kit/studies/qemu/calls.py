"""What QEMU asks of the kernel to preallocate, as strace sees it."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.qemu.monitor import QemuError
from prefault_kit.studies.qemu.process import Qemu


def calls(kind: str, size_bytes: int, threads: int, directory: str = ".") -> list[str]:
    """What QEMU asks of the kernel to preallocate: madvise and fallocate, as strace saw them.

    The lengths in place of the addresses, in order; QemuError without strace or where it may not
    trace.
    """
    if shutil.which("strace") is None:
        raise QemuError("strace is not installed: sudo apt install strace")
    with tempfile.TemporaryDirectory() as place:
        trace = Path(place) / "trace"
        with (
            Qemu(trace=trace) as qemu,
            qemu.backend(kind, size_bytes, threads, directory),
        ):
            pass
        text = trace.read_text()
    found = re.findall(r"(madvise|fallocate)\((.*?)(?:\)| <unfinished)", text)
    lines = []
    for name, arguments in found:
        words = arguments.replace("0x17 /* MADV_??? */", "MADV_POPULATE_WRITE").split(", ")
        if name == "fallocate" or "POPULATE" in words[-1] or "HUGEPAGE" in words[-1]:
            lines.append(f"{name}({format_bytes(int(words[-2]))}, {words[-1]})")
    return lines
