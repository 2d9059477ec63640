"""System calls, one function each.

A failed call is an :class:`OSError` whose errno is kept and whose text names the call and the
range. Lengths and offsets are bytes, addresses are integers.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefault_kit.kernel.errors import check, span_text
from prefault_kit.kernel.native import ffi, lib

if TYPE_CHECKING:
    from typing_extensions import Buffer

PAGE_SIZE_BYTES = os.sysconf("SC_PAGE_SIZE")
"""The system's page size; every page count of the kit is in pages of this size."""

ADVICE: dict[str, int] = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MADV_")}
"""Advice names of madvise(2), in the kernel's spelling, and their numbers."""

PROTECTION: dict[str, int] = {
    "none": lib.PROT_NONE,
    "r": lib.PROT_READ,
    "w": lib.PROT_WRITE,
    "rw": lib.PROT_READ | lib.PROT_WRITE,
    "rx": lib.PROT_READ | lib.PROT_EXEC,
}
"""The protections that :meth:`prefault_kit.Mapping.protect` takes."""

MAP: dict[str, int] = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MAP_")}
"""Flags of mmap(2)."""

CLONE_NEWNS, CLONE_NEWUSER = lib.CLONE_NEWNS, lib.CLONE_NEWUSER
"""What :func:`unshare` takes: mounts, users."""


def map_fenced(
    length: int, *, align: int, protection: int, flags: int, fd: int = -1, offset: int = 0
) -> tuple[int, int, int]:
    """Map ``length`` bytes aligned to ``align`` with PROT_NONE on both sides.

    Returns the address of the mapping, and address and length of the whole reservation, which is
    what to hand to :func:`unmap`.
    """
    fence, address = ffi.new("uintptr_t *"), ffi.new("uintptr_t *")
    fence_length = ffi.new("size_t *")
    check(
        lib.pf_map_fenced(
            length, align, protection, flags, fd, offset, fence, fence_length, address
        ),
        f"mmap({length} bytes, flags 0x{flags:x})",
    )
    return address[0], fence[0], fence_length[0]


def unmap(address: int, length: int) -> None:
    """munmap(2)."""
    check(lib.pf_unmap(address, length), f"munmap({span_text(address, length)})")


def madvise(address: int, length: int, advice: str) -> None:
    """madvise(2) as one call, after which the kernel is asked nothing more.

    The timed one (:func:`~prefault_kit.kernel.timed.range_timed`) finds out how far a populate came
    by repeating it, and by that populates what a kernel may have left out.
    """
    check(
        lib.pf_madvise(address, length, ADVICE[advice]),
        f"madvise({span_text(address, length)}, {advice})",
    )


def munlock(address: int, length: int) -> None:
    """munlock(2)."""
    check(lib.pf_munlock(address, length), f"munlock({span_text(address, length)})")


def mlockall_on_fault() -> None:
    """mlockall(2) with MCL_FUTURE and MCL_ONFAULT: whatever this process maps from now on."""
    check(lib.pf_mlockall(lib.MCL_FUTURE | lib.MCL_ONFAULT), "mlockall(MCL_FUTURE | MCL_ONFAULT)")


def mincore(address: int, length: int) -> bytearray:
    """mincore(2): one byte a page; for file mappings it tells of the page cache, mapped or not."""
    vector = bytearray(-(-length // PAGE_SIZE_BYTES))
    check(
        lib.pf_mincore(address, length, ffi.from_buffer(vector)),
        f"mincore({span_text(address, length)})",
    )
    return vector


def fill(fd: int, offset: int, length: int, data: bytes) -> None:
    """pwrite(2) ``data`` again and again over a range; each write is ``len(data)`` bytes.

    OSError EINVAL without data.
    """
    check(lib.pf_fill(fd, offset, length, data, len(data)), f"pwrite({length} bytes)")


def disable_thp(disabled: bool) -> None:
    """prctl(PR_SET_THP_DISABLE) for this process: the only way to keep MAP_POPULATE off THP."""
    check(lib.pf_prctl(lib.PR_SET_THP_DISABLE, int(disabled)), "prctl(PR_SET_THP_DISABLE)")


def die_with_parent(parent: int) -> None:
    """prctl(PR_SET_PDEATHSIG): the kernel kills this process when its parent, that pid, ends.

    OSError ESRCH if it has ended already, of which the kernel would tell nothing any more.
    """
    check(lib.pf_prctl(lib.PR_SET_PDEATHSIG, signal.SIGKILL), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the parent of this process has ended")


def unshare(flags: int) -> None:
    """unshare(2): give this process namespaces of its own, for good."""
    check(lib.pf_unshare(flags), f"unshare(0x{flags:x})")


def make_mounts_private() -> None:
    """mount(2) with MS_REC and MS_PRIVATE: what is mounted from now on, other namespaces miss."""
    check(
        lib.pf_mount(ffi.NULL, b"/", ffi.NULL, lib.MS_REC | lib.MS_PRIVATE, ffi.NULL),
        "mount(/, MS_REC | MS_PRIVATE)",
    )


def mount(file_system: str, directory: str, options: str) -> None:
    """mount(2) a file system that is made of memory over a directory."""
    name, data = os.fsencode(file_system), os.fsencode(options)
    result = lib.pf_mount(b"none", os.fsencode(directory), name, 0, data)
    check(result, f"mount({file_system} on {directory})")


def seal(address: int, length: int) -> None:
    """mseal(2): nothing unmaps a range or changes its protection until this process ends.

    A length of 0 seals nothing. OSError ENOSYS before Linux 6.10.
    """
    check(lib.pf_mseal(address, length), f"mseal({span_text(address, length)})")


def advise_process(pidfd: int, address: int, length: int, advice: str) -> None:
    """process_madvise(2): advise a range of the process behind a descriptor of pidfd_open(2)."""
    check(
        lib.pf_process_madvise(pidfd, address, length, ADVICE[advice]),
        f"process_madvise({span_text(address, length)}, {advice})",
    )


def memfd_secret() -> int:
    """memfd_secret(2): a file of memory that the kernel itself cannot reach. ENOSYS without it."""
    return check(lib.pf_memfd_secret(), "memfd_secret")


def perf_dummy() -> int:
    """perf_event_open(2) of an event that counts nothing, whose ring buffer can be mapped."""
    return check(lib.pf_perf_dummy(), "perf_event_open")


def memory(address: int, length: int) -> memoryview:
    """Writable bytes at an address; nothing keeps them there."""
    return memoryview(ffi.buffer(ffi.cast("char *", address), length))


@contextmanager
def borrowed(buffer: Buffer, *, writable: bool = True) -> Iterator[tuple[int, int]]:
    """Address and length of a C-contiguous buffer of any format, which is held meanwhile.

    With ``writable`` BufferError where it is read-only; what the exporter raises where it gives
    none.
    """
    data = ffi.from_buffer(buffer)
    try:
        if writable:
            try:
                ffi.release(ffi.from_buffer(buffer, require_writable=True))
            except (ValueError, BufferError):
                raise BufferError("the buffer is read-only") from None
        yield int(ffi.cast("uintptr_t", data)), len(data)
    finally:
        ffi.release(data)
