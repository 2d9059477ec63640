"""``traced.c``, compiled once a run: a program that maps memory in many ways and looks at it."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


@functools.cache
def program() -> str:
    """Its path; it is gone when this process ends."""
    directory = tempfile.mkdtemp(prefix="prefault-traced-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = f"{directory}/traced"
    compiler = shutil.which("gcc") or "cc"
    command = [compiler, "-O1", "-g", "-pthread", "-Wall", "-Werror", "-o", path, str(SOURCE)]
    subprocess.run(command, check=True, timeout=600)
    Path(directory).chmod(0o755)
    return path
