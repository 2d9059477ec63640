"""Limits of the control groups that this process is in, at every level up to the root.

Both hierarchies are read, since hosts mount v1, v2, or v2 with single controllers left on v1.
Sources: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, cgroup-v1/hugetlb.rst.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefault_kit.kernel import mounts

UNLIMITED_BYTES = 1 << 62
"""v1 writes "no limit" as the largest multiple of the page size that fits; anything as large is."""


@dataclass(frozen=True)
class Limit:
    """One limit of one cgroup, in bytes."""

    file: Path
    """The file to write a larger limit to."""
    limit_bytes: int
    used_bytes: int
    """What is charged and cannot be reclaimed: without the page cache of files."""

    @property
    def available_bytes(self) -> int:
        """What may still be charged before the limit is met."""
        return max(0, self.limit_bytes - self.used_bytes)

    def command_for(self, limit_bytes: int) -> str:
        """The command that sets the limit anew; systemd puts backslashes into names."""
        return f"echo {limit_bytes} | sudo tee {shlex.quote(str(self.file))}"


def directories(
    controller: str, *, cgroup_text: str, mountinfo_text: str
) -> Iterator[tuple[int, Path]]:
    """Version (1 or 2) and directory of each cgroup above a process, the innermost first.

    ``cgroup_text`` is /proc/PID/cgroup. In a container its path often begins above what is
    mounted: then the mount point is the container's own cgroup.
    """
    mounted = mounts.parse(mountinfo_text)
    for line in cgroup_text.splitlines():
        _, controllers, path = line.split(":", 2)
        version = 1 if controllers else 2
        if version == 1 and controller not in controllers.split(","):
            continue
        for mount in mounted:
            if version == 1:
                fits = mount.file_system == "cgroup" and controller in mount.options
            else:
                fits = mount.file_system == "cgroup2"
            if fits:
                top = Path(mount.directory)
                inner = top / path.lstrip("/")
                if ".." in inner.parts or not inner.is_dir():
                    inner = top
                for level in (inner, *inner.parents):
                    yield version, level
                    if level == top:
                        break
                break


def own_directories(controller: str) -> list[tuple[int, Path]]:
    """Version and directory of each cgroup above this process, the innermost first."""
    return list(
        directories(
            controller,
            cgroup_text=Path("/proc/self/cgroup").read_text(),
            mountinfo_text=Path("/proc/self/mountinfo").read_text(),
        )
    )


def _number(file: Path) -> int | None:
    """The number in a file; None if it says ``max``, or is not there, or may not be read."""
    try:
        text = file.read_text().strip()
    except OSError:  # the root cgroup, and one without the controller, lacks the file
        return None
    return int(text) if text.isdigit() else None


def _file_cache_bytes(version: int, directory: Path) -> int:
    """The page cache charged to a cgroup and the ones below it, without tmpfs."""
    prefix = "total_" if version == 1 else ""
    names = {f"{prefix}active_file", f"{prefix}inactive_file"}
    try:
        lines = (directory / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.split()[0] in names)


def memory_limits(levels: list[tuple[int, Path]] | None = None) -> list[Limit]:
    """Every memory limit above this process (or at ``levels``), the innermost first.

    v2's ``memory.high`` counts like ``memory.max``: above it the kernel slows a process down so
    much that its times mean nothing.
    """
    found = []
    for version, directory in own_directories("memory") if levels is None else levels:
        if version == 1:
            names, usage = ["memory.limit_in_bytes"], "memory.usage_in_bytes"
        else:
            names, usage = ["memory.max", "memory.high"], "memory.current"
        used = _number(directory / usage) or 0
        for name in names:
            limit = _number(directory / name)
            if limit is not None and limit < UNLIMITED_BYTES:
                kept = max(0, used - _file_cache_bytes(version, directory))
                found.append(Limit(directory / name, limit, kept))
    return found


def hugetlb_limits(
    page_size_bytes: int, levels: list[tuple[int, Path]] | None = None
) -> list[Limit]:
    """Every limit on hugetlb pages of one size above this process, the innermost first."""
    unit, factor = next(
        (unit, factor)
        for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10))
        if page_size_bytes >= factor
    )
    size = f"hugetlb.{page_size_bytes // factor}{unit}"
    found = []
    for version, directory in own_directories("hugetlb") if levels is None else levels:
        for kind in ("", ".rsvd"):
            names = (
                (f"{size}{kind}.limit_in_bytes", f"{size}{kind}.usage_in_bytes")
                if version == 1
                else (f"{size}{kind}.max", f"{size}{kind}.current")
            )
            limit = _number(directory / names[0])
            if limit is not None and limit < UNLIMITED_BYTES:
                used = _number(directory / names[1]) or 0
                found.append(Limit(directory / names[0], limit, used))
    return found
