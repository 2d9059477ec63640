"""What /proc says of this process and of the machine, as numbers.

Sources: proc_pid_status(5), proc_meminfo(5), Documentation/admin-guide/sysctl/vm.rst.
"""

from __future__ import annotations

import re
from pathlib import Path


def parse_status(text: str) -> dict[str, str]:
    """Read /proc/PID/status: its names and values as they stand."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def status() -> dict[str, str]:
    """This process's state."""
    return parse_status(Path("/proc/self/status").read_text())


def status_bytes(name: str) -> int:
    """A size of /proc/self/status, such as ``VmPTE``, in bytes."""
    return int(status()[name].removesuffix("kB")) * 1024


def clear_soft_dirty() -> None:
    """Clear the soft-dirty bits of this process (``/proc/self/clear_refs``).

    Every page that is written then takes a fault. Where the kernel has no such bits this succeeds,
    and they are 0 anyway.
    """
    Path("/proc/self/clear_refs").write_text("4")


def parse_meminfo(text: str) -> dict[str, int]:
    """Read /proc/meminfo: its names, sizes in bytes, and the counts of HugePages as they are."""
    values = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        values[name] = int(number) * (1024 if unit == "kB" else 1)
    return values


def meminfo() -> dict[str, int]:
    """The machine's memory now, in bytes."""
    return parse_meminfo(Path("/proc/meminfo").read_text())


def oom_kills() -> int:
    """How often this machine's OOM killer has acted, memory cgroups included."""
    found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.M)
    return int(found[1]) if found else 0
