"""What the kernel under this process answers: each feature tried on a page or two of memory.

Versions are never parsed: distributions carry features back, and seccomp filters take them away.
"""

from __future__ import annotations

import errno
import functools
import mmap
import os
from collections.abc import Callable

from prefault_kit.host import thp
from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel import errors, mounts, page_cache, perf, proc, syscalls
from prefault_kit.kernel import userfaultfd as uffd
from prefault_kit.kernel.pagemap import SOFT_DIRTY, entries, guard_pages, page_states
from prefault_kit.kernel.smaps import NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory import small_tmpfs, support
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import BLIND, Mapping
from prefault_kit.memory.methods import Method
from prefault_kit.memory.sizes import format_bytes

SECCOMP_FILTER = "2"
"""/proc/self/status, Seccomp: a filter is installed."""
ENTRY_BYTES = 8
"""One entry of /proc/self/pagemap."""
AHEAD_BYTES = 1 << 20
"""More than the kernel reads where it does not read ahead."""
SMAPS_CHARACTERS = 1 << 14
"""More than one record of smaps has: all records have the same fields."""


def _tried(call: Callable[[], object]) -> str | None:
    """The errno's name that a call fails with, None if it succeeds."""
    try:
        call()
    except OSError as error:
        return errors.ERRNO_NAMES.get(error.errno or 0, str(error.errno))
    return None


def _missing(what: str, since: str, answer: str) -> Unavailable:
    cause = f"this kernel is older than Linux {since}"
    if proc.status().get("Seccomp") == SECCOMP_FILTER:
        cause = (
            f"the seccomp filter on this process stops it (of a container, say: run it with "
            f"--security-opt seccomp=unconfined), or {cause}"
        )
    return Unavailable(f"{what} answers {answer} where it should work: {cause}")


def populate(advice: str) -> Unavailable | None:
    """MADV_POPULATE_READ or MADV_POPULATE_WRITE, on a readable and writable anonymous page."""
    answer = support.populate_refusal(advice)
    return _missing(f"madvise({advice})", "5.14", answer) if answer else None


@functools.cache
def collapse(kind: str, sharing: str) -> Unavailable | None:
    """MADV_COLLAPSE, on a range that could hold a huge page, of ``anon`` or shared memory.

    Asked for one small page of it: the kernel checks whether such memory can be collapsed at all,
    and then finds nothing to do.
    """
    huge = thp.size_bytes()
    if huge is None:
        return thp.NOT_BUILT
    backing = Backing.anon() if kind == "anon" else Backing.memfd()
    with Mapping(backing, huge, sharing, thp=None) as memory:
        memory.touch_write(0, PAGE_SIZE_BYTES)
        answer = _tried(lambda: memory.advise("MADV_COLLAPSE", 0, PAGE_SIZE_BYTES))
    if answer and proc.status().get("THP_enabled") == "0":
        return Unavailable(
            "transparent huge pages are switched off for this process (PR_SET_THP_DISABLE)"
        )
    return _missing("madvise(MADV_COLLAPSE)", "6.1", answer) if answer else None


@functools.cache
def pagemap() -> Unavailable | None:
    """The file /proc/self/pagemap, which shows the pages that are present."""

    def read() -> None:
        with open("/proc/self/pagemap", "rb", buffering=0) as entries:
            entries.read(ENTRY_BYTES)

    answer = _tried(read)
    return _unseen("/proc/self/pagemap", f"cannot be read ({answer})") if answer else None


@functools.cache
def smaps() -> Unavailable | None:
    """The file /proc/self/smaps, with every field that the kit knows."""
    text: list[str] = []

    def read() -> None:
        with open("/proc/self/smaps", encoding="ascii", errors="replace") as records:
            text.append(records.read(SMAPS_CHARACTERS))

    if answer := _tried(read):
        return _unseen("/proc/self/smaps", f"cannot be read ({answer})")
    lacking = [name for name in NAMES.values() if f"\n{name}:" not in text[0]]
    return _unseen("/proc/self/smaps", f"has no {', '.join(lacking)}") if lacking else None


def _unseen(file: str, what: str) -> Unavailable:
    return Unavailable(
        f"{file} {what}: this kernel is built without CONFIG_PROC_PAGE_MONITOR, or a sandbox hides "
        "the file"
    )


@functools.cache
def pagemap_scan() -> Unavailable | None:
    """The ioctl PAGEMAP_SCAN."""
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as page:
        answer = _tried(lambda: page_states(page.address, PAGE_SIZE_BYTES))
    return _missing("the ioctl PAGEMAP_SCAN", "6.7", answer) if answer else None


@functools.cache
def guard_regions(kind: str) -> Unavailable | None:
    """MADV_GUARD_INSTALL, on a page of ``anon`` memory or of a memfd's, as for any other kind."""
    fd = -1 if kind == "anon" else os.memfd_create("prefault-kit-guard", os.MFD_CLOEXEC)
    try:
        if fd >= 0:
            os.ftruncate(fd, PAGE_SIZE_BYTES)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS if fd < 0 else mmap.MAP_SHARED
        with mmap.mmap(fd, PAGE_SIZE_BYTES, flags=flags) as page:
            answer = _tried(lambda: page.madvise(syscalls.ADVICE["MADV_GUARD_INSTALL"]))
    finally:
        if fd >= 0:
            os.close(fd)
    since = "6.13" if fd < 0 else "6.15"
    return _missing("madvise(MADV_GUARD_INSTALL)", since, answer) if answer else None


@functools.cache
def guard_scan() -> Unavailable | None:
    """The category PAGE_IS_GUARD of the ioctl PAGEMAP_SCAN."""
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as page:
        answer = _tried(lambda: guard_pages(*page.span()))
    return _missing("PAGEMAP_SCAN with PAGE_IS_GUARD", "6.16", answer) if answer else None


def soft_dirty_seen() -> str:
    """Clear this process's soft-dirty bits, and write to a page: whether its bit is then "set".

    To be called in a child, whose pages all fault at their next write: see :func:`soft_dirty`.
    """
    with mmap.mmap(-1, PAGE_SIZE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
        proc.clear_soft_dirty()
        page[0] = 1
        with memoryview(page) as view, syscalls.borrowed(view) as where:
            return "set" if entries(*where)[0] & SOFT_DIRTY else "not set"


def soft_dirty(answer: str) -> Unavailable | None:
    """What is missing, by what :func:`soft_dirty_seen` said in a child, or by its errno."""
    if answer == "set":
        return None
    if answer == "not set":
        return Unavailable(
            "a page that is written does not become soft-dirty: this kernel is built without "
            "CONFIG_MEM_SOFT_DIRTY"
        )
    return _unseen("/proc/self/clear_refs", f"cannot be written ({answer})")


@functools.cache
def read_ahead(directory: str) -> Unavailable | None:
    """Read-ahead, in a file in a directory: a page of it is read, and more must be cached."""
    fd = Backing.file(directory).open()
    try:
        os.pwrite(fd, bytes(AHEAD_BYTES), 0)
        if page_cache.evict(fd):
            return None  # it cannot be told
        os.pread(fd, PAGE_SIZE_BYTES, 0)
        cached = page_cache.of(fd).cached
    finally:
        os.close(fd)
    if cached != 1:  # 0 and None: it cannot be told, on overlayfs for one
        return None
    return Unavailable(f"nothing is read ahead in {directory}: read_ahead_kb of its device is 0")


@functools.cache
def sealing() -> Unavailable | None:
    """The system call mseal, asked to seal nothing: what is sealed cannot be unmapped again."""
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as page:
        answer = _tried(lambda: syscalls.seal(page.address, 0))
    return _missing("mseal", "6.10", answer) if answer else None


@functools.cache
def droppable() -> Unavailable | None:
    """MAP_DROPPABLE, on an anonymous page."""
    flags = mmap.MAP_ANONYMOUS | syscalls.MAP["MAP_DROPPABLE"]
    answer = _tried(lambda: mmap.mmap(-1, PAGE_SIZE_BYTES, flags=flags).close())
    return _missing("mmap(MAP_DROPPABLE)", "6.11", answer) if answer else None


@functools.cache
def process_madvise() -> Unavailable | None:
    """The system call process_madvise, and the descriptor of a process that it takes.

    It is asked about a descriptor that is none, which needs no privilege, and no advice that the
    kernel knows for another process.
    """
    if answer := _tried(lambda: os.close(os.pidfd_open(os.getpid()))):
        return _missing("pidfd_open", "5.3", answer)
    answer = _tried(lambda: syscalls.advise_process(-1, 0, 0, "MADV_COLD")) or "0"
    return None if answer == "EBADF" else _missing("process_madvise", "5.10", answer)


@functools.cache
def discard_hugetlb(page_size_bytes: int) -> Unavailable | None:
    """MADV_DONTNEED, on a hugetlb page; asked where one can be had."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | syscalls.MAP["MAP_HUGETLB"]
    flags |= (page_size_bytes.bit_length() - 1) << syscalls.MAP["MAP_HUGE_SHIFT"]
    with mmap.mmap(-1, page_size_bytes, flags=flags) as page:
        answer = _tried(lambda: page.madvise(syscalls.ADVICE["MADV_DONTNEED"]))
    return _missing("madvise(MADV_DONTNEED) of huge pages", "5.18", answer) if answer else None


@functools.cache
def cachestat() -> Unavailable | None:
    """The system call cachestat."""
    with Mapping(Backing.memfd(), PAGE_SIZE_BYTES, "shared") as page:
        answer = _tried(lambda: page_cache.cachestat(page.fd))
    return _missing("cachestat", "6.5", answer) if answer else None


def cachestat_in(directory: str) -> Unavailable | None:
    """The system call cachestat, of files in a directory."""
    if missing := cachestat():
        return missing
    file_system = mounts.file_system(directory)
    if file_system in BLIND:
        return Unavailable(
            f"cachestat cannot see the pages of files on {file_system}: choose a directory on a "
            "disk file system"
        )
    return None


def userfaultfd(*wanted: str) -> Unavailable | None:
    """Why a process without privilege has no userfaultfd, or none with the features wanted.

    The names are those of :data:`prefault_kit.kernel.userfaultfd.FEATURES`.
    """
    offered: list[str] = []
    answer = _tried(lambda: offered.extend(uffd.features()))
    if answer is not None:
        return _missing("userfaultfd(UFFD_USER_MODE_ONLY)", "5.11 or built without it", answer)
    for name in wanted:
        if name not in offered:
            return Unavailable(
                f"this kernel's userfaultfd has no {name}: it came with Linux {uffd.SINCE[name]}, "
                "and not for every architecture"
            )
    return None


def snapshots() -> Unavailable | None:
    """What stops :mod:`prefault_kit.memory.snapshot` here; None if nothing does."""
    return userfaultfd("write-protect", "WP_UNPOPULATED")


def own_mounts() -> Unavailable | None:
    """A file on a small tmpfs of its own."""
    if _tried(lambda: os.close(small_tmpfs.file(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES))):
        return Unavailable(small_tmpfs.FORBIDDEN, "sudo sysctl kernel.unprivileged_userns_clone=1")
    return None


def failing_file(answer: str) -> Unavailable | None:
    """Whether an errno that ``failing_file.mount`` gave in a child forbids FUSE."""
    if answer == "returns":
        return None
    return Unavailable(
        f"mounting a file of FUSE answers {answer}: this user may not open /dev/fuse, or make a "
        "user namespace, or this kernel is built without it",
        "sudo modprobe fuse && sudo chmod 666 /dev/fuse",
    )


def mounting(answer: str) -> Unavailable | None:
    """Whether an errno that ``namespace.enter`` gave in a child forbids namespaces."""
    if answer in ("EPERM", "EACCES"):
        return Unavailable(small_tmpfs.FORBIDDEN, "sudo prefault-kit check")
    return None


def fault_events(refusal: OSError | None = None) -> Unavailable | None:
    """Page faults as events, of this thread; or why perf_event_open has refused others."""
    if refusal is None:
        try:
            os.close(perf.open_event(0, major=False, options=perf.USER_ONLY))
        except OSError as error:
            refusal = error
        else:
            return None
    answer = errors.ERRNO_NAMES.get(refusal.errno or 0, str(refusal.errno))
    what = f"page faults cannot be observed one by one (perf_event_open answers {answer})"
    if isinstance(refusal, perf.BufferRefused):
        return Unavailable(
            "no more memory may be locked for buffers of page faults: this user's streams have all",
            "sudo sysctl kernel.perf_event_mlock_kb=8192",
        )
    if refusal.errno in (errno.EMFILE, errno.ENFILE):
        return Unavailable(
            f"{what}: each thread takes two descriptors for a processor", "ulimit -n $(ulimit -Hn)"
        )
    if refusal.errno in perf.REFUSED:
        level = perf.paranoid()
        if level is not None and level > perf.USER_PARANOID and os.geteuid() != 0:
            return Unavailable(
                f"{what}: kernel.perf_event_paranoid is {level}",
                f"sudo sysctl kernel.perf_event_paranoid={perf.USER_PARANOID}",
            )
        if proc.status().get("Seccomp") == SECCOMP_FILTER:
            return Unavailable(
                f"{what}: the seccomp filter on this process forbids it (of a container, say: run "
                "it with --security-opt seccomp=unconfined or --cap-add PERFMON)"
            )
        return Unavailable(f"{what}: the process is not this user's", "sudo prefault-kit")
    return Unavailable(
        f"{what}: this kernel is built without CONFIG_PERF_EVENTS, or a sandbox hides it"
    )


def mlock() -> Unavailable | None:
    """The system call mlock, on one page."""
    with Mapping(Backing.anon(), PAGE_SIZE_BYTES) as page:
        answer = _tried(page.mlock)
    if answer is None:
        return None
    return Unavailable(
        f"mlock of one page answers {answer}: RLIMIT_MEMLOCK leaves no room",
        f"sudo prlimit --pid $$ --memlock={1 << 30}",
    )


def o_tmpfile(directory: str) -> Unavailable | None:
    """O_TMPFILE in a directory."""

    def make() -> None:
        os.close(os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))

    answer = _tried(make)
    if answer is None:
        return None
    return Unavailable(f"a file without a name in {directory} answers {answer}")


def check(*, backing: Backing, sharing: str, method: Method, size_bytes: int) -> Unavailable | None:
    """The first feature that a method needs and this kernel lacks."""
    for step in method.steps:
        missing = None
        if step in ("populate_read", "populate_write"):
            missing = populate(f"MADV_{step.upper()}")
        elif step == "MADV_COLLAPSE":
            missing = _too_small(size_bytes) or collapse(backing.kind, sharing)
        if missing:
            return missing
    return None


def _too_small(size_bytes: int) -> Unavailable | None:
    huge = thp.size_bytes()
    if huge is None or size_bytes >= huge:
        return None
    return Unavailable(
        f"MADV_COLLAPSE makes huge pages of {format_bytes(huge)}, and "
        f"{format_bytes(size_bytes)} hold none: choose a size of {format_bytes(huge)} or more"
    )
