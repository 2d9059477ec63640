"""Limits of this process: foreseen where the kernel would refuse, and only there."""

import contextlib
import errno
import resource
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.host import rlimits
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import methods

MIB = 1 << 20
SoftLimit = Callable[[str, int], contextlib.AbstractContextManager[None]]


def _check(backing: Backing, method: str, size_bytes: int) -> Unavailable | None:
    return rlimits.check(backing=backing, method=methods.method(method), size_bytes=size_bytes)


def _over(*arguments: Any) -> Unavailable:
    found = _check(*arguments)
    assert found is not None
    return found


def test_file_size(soft_limit: SoftLimit) -> None:
    """RLIMIT_FSIZE stops files of any kind, and not anonymous memory, as ftruncate does."""
    with soft_limit("FSIZE", MIB):
        found = _over(Backing.memfd(), "Read", 2 * MIB)
        assert found.reason == (
            "2 MiB is the size of the file, but RLIMIT_FSIZE is 1 MiB for this process"
        )
        assert _check(Backing.memfd(), "Read", MIB) is None
        assert _check(Backing.anon(), "Read", 2 * MIB) is None
        with pytest.raises(OSError) as refused:
            Mapping(Backing.memfd(), 2 * MIB, "shared")
        assert refused.value.errno == errno.EFBIG
        Mapping(Backing.memfd(), MIB, "shared").close()


def test_command(soft_limit: SoftLimit) -> None:
    """The command raises the soft limit alone while the hard one allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with soft_limit("FSIZE", MIB):
        found = _over(Backing.memfd(), "Read", 2 * MIB)
    if hard == resource.RLIM_INFINITY:
        assert found.command == f"prlimit --pid $$ --fsize={2 * MIB}:"
    assert found.command is not None
    if not found.command.startswith("sudo"):
        shell = f"ulimit -S -f 1 && {found.command} && ulimit -S -f"
        done = subprocess.run(
            ["sh", "-c", shell], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.strip() in ("2048", "4096")  # KiB, or blocks of 512 bytes


def test_addresses(soft_limit: SoftLimit) -> None:
    """RLIMIT_AS counts what is mapped already."""
    used = proc.status_bytes("VmSize")
    with soft_limit("AS", used + 512 * MIB):
        found = _over(Backing.anon(), "Read", 1024 * MIB)
        assert "1 GiB of addresses are needed beside the" in found.reason
        assert "RLIMIT_AS is" in found.reason
        assert _check(Backing.anon(), "Read", MIB) is None
        with pytest.raises(OSError) as refused:
            Mapping(Backing.anon(), 1024 * MIB)
        assert refused.value.errno == errno.ENOMEM


def test_data(soft_limit: SoftLimit) -> None:
    """RLIMIT_DATA does not stop a mapping, since it takes the place of its own fence."""
    size = 128 * MIB
    with soft_limit("DATA", proc.status_bytes("VmData") + 64 * MIB):
        assert _check(Backing.anon(), "Write", size) is None
        Mapping(Backing.anon(), size, "private").close()


def test_locked_memory(soft_limit: SoftLimit, ordinary_user: None) -> None:
    """RLIMIT_MEMLOCK stops MLOCK of an ordinary user, and no other method."""
    with soft_limit("MEMLOCK", 16 * PAGE_SIZE_BYTES):
        size = 17 * PAGE_SIZE_BYTES
        found = _over(Backing.anon(), "MLOCK", size)
        assert "is to be locked" in found.reason
        assert "RLIMIT_MEMLOCK is" in found.reason
        assert _check(Backing.anon(), "MLOCK", 16 * PAGE_SIZE_BYTES) is None
        assert _check(Backing.anon(), "POPULATE_WRITE", size) is None
        with Mapping(Backing.anon(), size) as memory, pytest.raises(OSError) as refused:
            memory.mlock()
        assert refused.value.errno == errno.ENOMEM


@pytest.mark.needs("root")
def test_locked_memory_of_root(soft_limit: SoftLimit) -> None:
    """RLIMIT_MEMLOCK does not hold for CAP_IPC_LOCK."""
    with soft_limit("MEMLOCK", 0), Mapping(Backing.anon(), PAGE_SIZE_BYTES) as memory:
        assert rlimits.memlock_bytes() is None
        assert _check(Backing.anon(), "MLOCK", MIB) is None
        memory.mlock()
