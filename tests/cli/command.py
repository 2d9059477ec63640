"""The installed command, run for real; and what is left of its processes."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefault_kit.cli import entry
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes

COMMAND = str(Path(sys.executable).with_name("prefault-kit"))
PAGE = format_bytes(PAGE_SIZE_BYTES).replace(" ", "")
RUN = ("run", "--backing", "anon", "--method", "POPULATE_WRITE")
LONG_RUN = (*RUN, "--size", "256MiB", "--repeats", "10000")
SMALL_GRID = ("matrix", "--only", f"anon {PAGE}", "--only", f"memfd {PAGE}")
PATIENCE_S = 180.0


def prefault(*arguments: str, **known: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, **known
    )


def prefault_here(*arguments: str, cwd: Path | str = ".") -> subprocess.CompletedProcess[str]:
    """Run the command within this process, which is ten times as quick: for what it says and
    writes, where it does not matter that it is a process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(cwd):
        status = entry.main(list(arguments))
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def start(*arguments: str, **known: Any) -> subprocess.Popen[str]:
    """Start the command. A shell's background job ignores SIGINT, and one of nohup's SIGHUP; this
    one does not."""
    return subprocess.Popen(
        ["env", "--default-signal=INT,HUP", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **known,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence on stderr; fails if there is a traceback, or more than it."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("prefault-kit: ")
    assert "Traceback" not in done.stderr
    return lines[0].removeprefix("prefault-kit: ")


def await_true(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """The living children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, if perhaps not yet been waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def await_worker(command: subprocess.Popen[str]) -> int:
    """Wait until the command has its worker; its process id."""

    def populates() -> bool:
        return any(_resident(child) > 64 for child in children(command.pid))

    await_true(populates)
    return children(command.pid)[0]


def _resident(pid: int) -> int:
    """MiB that a process has ever had resident at once."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    high = next((line for line in text.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0")
    return int(high.split()[1]) // 1024


def environment(**changed: str) -> dict[str, str]:
    """This process's environment, changed."""
    return os.environ | changed
