"""What may be populated: cover letter, section IV, point 5."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefault_kit.host import Unavailable
from prefault_kit.kernel import syscalls, timed
from prefault_kit.kernel.syscalls import MAP, PAGE_SIZE_BYTES, PROTECTION
from prefault_kit.measure.forked import beside, ended
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import answer, counts
from prefault_kit.studies.promises.ground import PAGES, Ground
from prefault_kit.studies.promises.promise import NotTestable, promise

KINDS = ("private anon", "shared anon", "shared memfd", "shared file", "private hugetlb")
TABLE = {
    "none": "READ EINVAL, WRITE EINVAL",
    "r": "READ 0, WRITE EINVAL",
    "w": "READ EINVAL, WRITE 0",
    "rw": "READ 0, WRITE 0",
    "rx": "READ 0, WRITE EINVAL",
}
"""What both advices answer to each protection of ``Mapping.protect``."""


DETOURS_S = 5
"""How long mappings are made read-only and writable again; the first time usually kills."""


def _both(address: int, length: int) -> str:
    """READ and WRITE of any mapping of this process."""
    said = {
        name: answer(
            timed.range_timed,
            f"MADV_POPULATE_{name}",
            address,
            length,
            step=PAGE_SIZE_BYTES,
            interruptible=False,
        )
        for name in ("READ", "WRITE")
    }
    return ", ".join(f"{name} {word}" for name, word in said.items())


def _protected(protection: str) -> None:
    """Enter the promise of one row of the table."""

    @promise(
        f"permission-{protection}",
        source="cover letter IV.5",
        claim="READ needs the permission to read, WRITE the permission to write, else EINVAL: "
        f"protection {protection}",
        on=dict.fromkeys(KINDS, TABLE[protection]),
    )
    def protected(ground: Ground) -> str:
        with ground.map() as memory:
            memory.protect(protection)
            return _both(memory.address, memory.size_bytes)


for row in TABLE:
    _protected(row)


def _own(name: str) -> tuple[int, int]:
    """Address and length of a mapping that the kernel made in every process."""
    maps = Path("/proc/self/maps").read_text()
    found = re.search(rf"^(\w+)-(\w+) .*\[{name}\]$", maps, re.M)
    if not found:
        raise NotTestable(Unavailable(f"this kernel maps no [{name}] into processes"))
    low, high = (int(word, 16) for word in found.groups())
    return low, high - low


@promise(
    "permission-vvar",
    source="cover letter IV.5",
    claim="memory that the kernel maps as page frames (VM_PFNMAP), such as [vvar], is EINVAL for "
    "both",
    on={"private anon": "READ EINVAL, WRITE EINVAL"},
    differs={
        "READ 0, WRITE EINVAL": "since Linux 7.3 (commit c27e727c9a60) they may be populated: they "
        "are ordinary pages since 7.1 (commit 05988dba1179)"
    },
)
def vvar(ground: Ground) -> str:
    return _both(*_own("vvar"))


@promise(
    "permission-vdso",
    source="cover letter IV.5",
    claim="the code of the vDSO is in ordinary pages: readable, but not writable",
    on={"private anon": "READ 0, WRITE EINVAL"},
)
def vdso(ground: Ground) -> str:
    return _both(*_own("vdso"))


@contextmanager
def _mapped(fd: int, length: int) -> Iterator[int]:
    """The address of a shared mapping of a descriptor, which is closed in the end."""
    try:
        address, fence, fence_length = syscalls.map_fenced(
            length,
            align=PAGE_SIZE_BYTES,
            protection=PROTECTION["rw"],
            flags=MAP["MAP_SHARED"],
            fd=fd,
        )
        try:
            yield address
        finally:
            syscalls.unmap(fence, fence_length)
    finally:
        os.close(fd)


@promise(
    "permission-memfd-secret",
    source="memfd_secret(2)",
    claim="memory that the kernel itself cannot reach is EINVAL for both",
    on={"shared memfd": "READ EINVAL, WRITE EINVAL"},
)
def memfd_secret(ground: Ground) -> str:
    try:
        fd = syscalls.memfd_secret()
    except OSError as error:
        raise NotTestable(
            Unavailable(
                f"memfd_secret answers {os.strerror(error.errno or 0)}: it needs Linux 5.14 and, "
                "before 6.5, secretmem.enable=1 on the kernel's command line"
            )
        ) from None
    os.ftruncate(fd, PAGE_SIZE_BYTES)
    with _mapped(fd, PAGE_SIZE_BYTES) as address:
        return _both(address, PAGE_SIZE_BYTES)


@promise(
    "permission-perf-buffer",
    source="cover letter IV.5; perf_event_open(2)",
    claim="the ring buffer of a perf event, which a driver maps, is EINVAL for both",
    on={"shared memfd": "READ EINVAL, WRITE EINVAL"},
    differs={
        "READ 0, WRITE EFAULT": "before Linux 6.14 (commit b709eb872e19) its pages came by faults; "
        "a write to any but the first is a would-be SIGBUS"
    },
)
def perf_buffer(ground: Ground) -> str:
    try:
        fd = syscalls.perf_dummy()
    except OSError as error:
        raise NotTestable(
            Unavailable(
                f"perf_event_open answers {os.strerror(error.errno or 0)}",
                "sudo sysctl kernel.perf_event_paranoid=2",
            )
        ) from None
    with _mapped(fd, 2 * PAGE_SIZE_BYTES) as address:
        return _both(address, 2 * PAGE_SIZE_BYTES)


def _by_process(pid: int, memory: Mapping, *advice: str) -> list[str]:
    """What process_madvise answers to each advice, about where a mapping is in a process."""
    fd = os.pidfd_open(pid)
    try:
        return [answer(syscalls.advise_process, fd, *memory.span(), each) for each in advice]
    finally:
        os.close(fd)


@promise(
    "permission-another-process",
    source="process_madvise(2)",
    claim="a process cannot populate another's memory: process_madvise takes hints for it, but "
    "neither advice",
    on=dict.fromkeys(("private anon", "shared memfd"), "READ EINVAL, WRITE EINVAL; COLD known"),
    needs=(needs.populate, needs.process_madvise),
)
def another_process(ground: Ground) -> str:
    advice = ("MADV_POPULATE_READ", "MADV_POPULATE_WRITE", "MADV_COLD")
    with ground.map() as memory, beside() as child:
        read, write, cold = _by_process(child, memory, *advice)
    known = "known" if cold in ("0", "EPERM") else cold  # it takes CAP_SYS_NICE
    return f"READ {read}, WRITE {write}; COLD {known}"


@promise(
    "permission-own-process",
    source="process_madvise(2)",
    claim="of its own memory a process may ask process_madvise for either advice",
    on=dict.fromkeys(("private anon", "shared memfd"), f"READ 0, WRITE 0; {PAGES} present"),
    differs={
        "READ EINVAL, WRITE EINVAL; 0 present": "before Linux 6.13 (commit 021781b01275) "
        "process_madvise knew only the hints for other processes"
    },
    needs=(needs.populate, needs.page_tables, needs.process_madvise),
)
def own_process(ground: Ground) -> str:
    with ground.map() as memory:
        said, present = [], []
        for name in ("READ", "WRITE"):
            word = _by_process(os.getpid(), memory, f"MADV_POPULATE_{name}")[0]
            said.append(f"{name} {word}")
            present.append(memory.pages().present)
        return f"{', '.join(said)}; {counts(present)} present"


@promise(
    "detour-kills-writers",
    source="the review of the patch, May 2021, which named mprotect as the way around one flag",
    claim="making memory read-only so as to populate it for reading kills a thread that writes to "
    "it meanwhile",
    on=dict.fromkeys(("private anon", "shared memfd"), "SIGSEGV"),
)
def detour(ground: Ground) -> str:
    with ground.map() as memory:

        def write() -> None:
            while True:
                timed.touch_unguarded("touch_write", *memory.span(), step=memory.size_bytes)

        def populate() -> None:
            threading.Thread(target=write, daemon=True).start()
            until_s = time.monotonic() + DETOURS_S
            while time.monotonic() < until_s:
                memory.protect("r")
                memory.populate_read()
                memory.protect("rw")

        return ended(populate)
