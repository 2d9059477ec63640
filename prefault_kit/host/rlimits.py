"""The limits that this process has of its own (getrlimit(2)), held against what a cell needs."""

from __future__ import annotations

import resource
from pathlib import Path

from prefault_kit.backing import Backing, format_bytes
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.methods import Method

CAP_IPC_LOCK = 14
"""Bit of the capability that lifts RLIMIT_MEMLOCK, include/uapi/linux/capability.h."""


def parse_status(text: str) -> dict[str, str]:
    """Read /proc/PID/status: its names and values as they stand."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def status() -> dict[str, str]:
    """This process's state (proc_pid_status(5))."""
    return parse_status(Path("/proc/self/status").read_text())


def _status_bytes(name: str) -> int:
    return int(status()[name].removesuffix("kB")) * 1024


def memlock_bytes() -> int | None:
    """How much this process may lock in all; None without a limit."""
    if int(status()["CapEff"], 16) >> CAP_IPC_LOCK & 1:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return None if soft == resource.RLIM_INFINITY else soft


def _over(name: str, what: str, needed: int, used: int) -> Unavailable | None:
    """Compare ``used + needed`` bytes with the soft limit ``name``."""
    kind: int = getattr(resource, f"RLIMIT_{name}")
    soft, hard = resource.getrlimit(kind)
    total = used + needed
    if soft == resource.RLIM_INFINITY or total <= soft:
        return None
    beside = f" beside the {format_bytes(used)} in use" if used else ""
    sudo = "" if hard == resource.RLIM_INFINITY or total <= hard else "sudo "
    # prlimit(1) and not ulimit, whose units differ from shell to shell
    bounds = f"{total}:" if not sudo else str(total)
    return Unavailable(
        f"{format_bytes(needed)} {what}{beside}, "
        f"but RLIMIT_{name} is {format_bytes(soft)} for this process",
        f"{sudo}prlimit --pid $$ --{name.lower()}={bounds}",
    )


def check(*, backing: Backing, method: Method, size_bytes: int) -> Unavailable | None:
    """The first limit of this process that a cell would run into.

    The commands hold for the shell that they are typed in, and what is started from it then.
    """
    if backing.has_file and (over := _over("FSIZE", "is the size of the file", size_bytes, 0)):
        return over
    if over := _over("AS", "of addresses are needed", size_bytes, _status_bytes("VmSize")):
        return over
    if "mlock" in method.steps and memlock_bytes() is not None:
        return _over("MEMLOCK", "is to be locked", size_bytes, _status_bytes("VmLck"))
    return None
