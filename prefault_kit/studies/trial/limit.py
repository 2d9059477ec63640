"""Cgroups for a program that limit its memory or its I/O: made for a run, and removed after it.

Root's alone, or of whom a cgroup was delegated to. Either version: where both controllers are in
version 2, one cgroup has both limits, for a process is in one alone.
Sources: Documentation/admin-guide/cgroup-v2.rst (io.max), cgroup-v1/blkio-controller.rst.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import cgroup, diskstats
from prefault_kit.kernel.diskstats import Device
from prefault_kit.memory.sizes import format_bytes

LEAST_BYTES = 4 << 20
"""Below this hardly a program starts."""
LEAST_IO_BYTES = 64 << 10
"""A second; below this a single read of the kernel's would take seconds."""
PREFIX = "prefault-kit-"
"""Of a name, before the process that made it."""
MEMORY, IO = "memory", "io"
V1_NAMES = {MEMORY: "memory", IO: "blkio"}
"""What version 1 calls a controller."""
WHAT = {MEMORY: "a memory limit", IO: "an I/O limit"}
Place = tuple[int, Path]
"""A version, and the directory in which a cgroup can be made."""


@dataclass(frozen=True)
class Limited:
    """The cgroups that limit a program."""

    places: dict[str, Place]
    """The cgroup of each controller: version and directory."""

    def take(self, pid: int) -> None:
        """Put a process into them."""
        for _, directory in dict.fromkeys(self.places.values()):
            (directory / "cgroup.procs").write_text(str(pid))

    def available_bytes(self) -> int:
        """What memory may still be charged to it."""
        limits = cgroup.memory_limits([self.places[MEMORY]])
        return min((each.available_bytes for each in limits), default=0)

    def throttle(self, devices: Iterable[Device], bytes_per_second: int) -> None:
        """Let whole block devices read and write so much for it; OSError as the kernel says."""
        version, directory = self.places[IO]
        for each in devices:
            number = f"{each.major}:{each.minor}"
            if version == 1:
                for name in ("read", "write"):
                    file = directory / f"blkio.throttle.{name}_bps_device"
                    file.write_text(f"{number} {bytes_per_second}")
            else:
                limits = f"{number} rbps={bytes_per_second} wbps={bytes_per_second}"
                (directory / "io.max").write_text(limits)

    @property
    def writes_are_throttled(self) -> bool:
        """Whether what the kernel writes back for it is limited too: not by version 1."""
        return self.places[IO][0] == 2


def _find(controllers: Sequence[str]) -> dict[str, Place] | None:
    """Where cgroups with these controllers can be made: below this process's, or beside it.

    Of version 2 one that has all of those that version 1 has not.
    """
    found: dict[str, Place] = {}
    unified: list[str] = []
    for each in controllers:
        levels = cgroup.own_directories(V1_NAMES[each])
        first = next((level for level in levels if level[0] == 1), None)
        if first:
            found[each] = first
        else:
            unified.append(each)
    for version, directory in cgroup.own_directories("") if unified else ():
        with contextlib.suppress(OSError):
            enabled = (directory / "cgroup.subtree_control").read_text().split()
            if version == 2 and set(unified) <= set(enabled):
                return found | dict.fromkeys(unified, (version, directory))
    return None if unified else found


def why_not(*controllers: str) -> Unavailable | None:
    """Why no program can be given these limits here (a memory limit, if none is named), or None."""
    wanted = controllers or (MEMORY,)
    what = " and ".join(WHAT[each] for each in wanted)
    found = _find(wanted)
    if found is None:
        return Unavailable(
            f"a program cannot be given {what}: no hierarchy of cgroups with the "
            f"{' and '.join(wanted)} controller is in reach",
            "sudo systemd-run --scope -p Delegate=yes prefault-kit try ...",
        )
    if not all(os.access(directory, os.W_OK) for _, directory in found.values()):
        return Unavailable(
            f"to give a program {what} takes a cgroup, and this user may make none",
            "sudo prefault-kit try ...",
        )
    for controller, (version, directory) in found.items():
        if controller == IO and version == 1 and not _throttles(directory):
            return Unavailable("this kernel was built without limits on I/O (BLK_DEV_THROTTLING)")
    return None


def _throttles(directory: Path) -> bool:
    return (directory / "blkio.throttle.read_bps_device").exists()


@contextlib.contextmanager
def limited(memory_bytes: int | None = None, *, io: bool = False) -> Iterator[Limited]:
    """Cgroups with a memory limit, and for I/O that :meth:`Limited.throttle` limits.

    They are removed again. OSError as the kernel says.
    """
    wanted = [MEMORY] * (memory_bytes is not None) + [IO] * io
    found = _find(wanted)
    assert found is not None, "ask why_not first"
    name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    made: list[Path] = []
    for _, above in found.values():
        _remove_left(above)
    try:
        places = {each: (version, above / name) for each, (version, above) in found.items()}
        for _, directory in dict.fromkeys(places.values()):
            directory.mkdir()
            made.append(directory)
        if memory_bytes is not None:
            version, directory = places[MEMORY]
            file = "memory.limit_in_bytes" if version == 1 else "memory.max"
            (directory / file).write_text(str(memory_bytes))
        yield Limited(places)
    finally:
        for directory in made:
            _remove(directory)


def _remove_left(above: Path) -> None:
    """Remove what a process that was killed has left, if it is empty by now."""
    for left in above.glob(f"{PREFIX}*"):
        maker = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):
                left.rmdir()


def _remove(directory: Path) -> None:
    for _ in range(100):  # what has ended is a moment on its way
        try:
            directory.rmdir()
            return
        except OSError:
            time.sleep(0.02)


def devices_of(paths: Iterable[str]) -> list[Device]:
    """The whole block devices that files and directories lie on; those on none are left out."""
    found = {device.whole() for path in paths if (device := diskstats.holding(path))}
    return sorted(found, key=lambda each: (each.major, each.minor))


def check(limit_bytes: int) -> None:
    """ValueError for a limit below which no program starts."""
    if limit_bytes < LEAST_BYTES:
        raise ValueError(
            f"a memory limit is at least {format_bytes(LEAST_BYTES)}, not {limit_bytes} bytes"
        )


def check_io(bytes_per_second: int) -> None:
    """ValueError for a limit with which nothing comes to an end."""
    if bytes_per_second < LEAST_IO_BYTES:
        raise ValueError(
            f"an I/O limit is at least {format_bytes(LEAST_IO_BYTES)} a second, not "
            f"{bytes_per_second} bytes"
        )
