"""How populating fails: cover letter, section IV, points 6 to 8, and the errnos of madvise(2)."""

from __future__ import annotations

import mmap
import os
import signal

from prefault_kit.host import Unavailable, features
from prefault_kit.kernel import namespace, syscalls, timed, userfaultfd
from prefault_kit.kernel.syscalls import ADVICE, PAGE_SIZE_BYTES
from prefault_kit.measure.forked import ended, told
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import memcg, needs
from prefault_kit.studies.promises.answer import answer, once
from prefault_kit.studies.promises.ground import GOOD, PAGES, Ground
from prefault_kit.studies.promises.promise import NotTestable, need, promise

EFAULT_SINCE = (
    "the posted patch turned a would-be SIGBUS into EINVAL; since the release in Linux 5.14 it is "
    "EFAULT, and EINVAL is about permissions only"
)


def _both(memory: Mapping) -> str:
    """READ and WRITE: what one call leaves present, and how far they came."""
    words = []
    for name in ("read", "write"):
        said, present = once(memory, name)
        words.append(f"{said}, {present} present")
        memory.advise("MADV_DONTNEED")
    return _alike(words)


def _alike(words: list[str]) -> str:
    """What READ and WRITE say, once where they say the same."""
    return words[0] if words[0] == words[1] else " / ".join(words)


# Point 6: a prefix


@promise(
    "prefix-end-of-file",
    source="cover letter IV.6",
    claim="beyond the end of the file both fail, and exactly the pages before it are populated",
    on=dict.fromkeys(
        ("shared memfd", "private memfd", "shared tmpfs", "shared file", "private file"),
        f"EFAULT after {GOOD} pages, {GOOD} present",
    ),
    needs=(needs.populate, needs.page_tables),
)
def end_of_file(ground: Ground) -> str:
    with ground.file(GOOD * PAGE_SIZE_BYTES) as fd, ground.map(fd=fd) as memory:
        return _both(memory)


@promise(
    "prefix-protection",
    source="cover letter IV.6",
    claim="at a page that may not be accessed both fail, and all pages before it are populated",
    on=dict.fromkeys(
        ("private anon", "shared anon", "shared memfd"),
        f"EINVAL after {GOOD} pages, {GOOD} present",
    ),
    needs=(needs.populate, needs.page_tables),
)
def protection(ground: Ground) -> str:
    with ground.map() as memory:
        memory.protect("none", GOOD * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        return _both(memory)


@promise(
    "prefix-guard-region",
    source="madvise(2), MADV_GUARD_INSTALL",
    claim="at a guard region both fail with EFAULT, and all pages before it are populated",
    on=dict.fromkeys(
        ("private anon", "shared memfd"), f"EFAULT after {GOOD} pages, {GOOD} present"
    ),
    needs=(needs.populate, needs.page_tables, needs.guard_regions),
)
def guard_region(ground: Ground) -> str:
    with ground.map() as memory:
        memory.advise("MADV_GUARD_INSTALL", GOOD * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        return _both(memory)


@promise(
    "prefix-same-as-touching",
    source="cover letter I, II.3",
    claim="where touching raises SIGBUS, populating returns an error and leaves the same pages "
    "present",
    on=dict.fromkeys(
        ("shared memfd", "shared tmpfs", "shared file"),
        f"touching SIGBUS, populating EFAULT; {GOOD} and {GOOD} pages present",
    ),
    needs=(needs.populate, needs.page_tables),
)
def same_as_touching(ground: Ground) -> str:
    with ground.file(GOOD * PAGE_SIZE_BYTES) as fd, ground.map(fd=fd) as memory:
        death = ended(
            lambda: timed.touch_unguarded("touch_read", *memory.span(), step=PAGE_SIZE_BYTES)
        )
        answer(memory.touch_read)
        touched = memory.pages().present
        memory.advise("MADV_DONTNEED")
        said = answer(memory.populate_read)
        present = memory.pages().present
    return f"touching {death}, populating {said}; {touched} and {present} pages present"


# Errnos


@promise(
    "error-2021-sigbus",
    source="the patch as posted in 2021, version 2",
    claim="populating where a touch would raise SIGBUS fails with EINVAL",
    on={"shared memfd": "EINVAL"},
    differs={"EFAULT": EFAULT_SINCE},
)
def sigbus_of_2021(ground: Ground) -> str:
    with ground.file(0) as fd, ground.map(fd=fd) as memory:
        return answer(memory.populate_read)


@promise(
    "error-efault",
    source="madvise(2)",
    claim="populating where a touch would raise SIGBUS or SIGSEGV fails with EFAULT",
    on=dict.fromkeys(("shared memfd", "shared tmpfs", "shared file", "private file"), "EFAULT"),
)
def efault(ground: Ground) -> str:
    with ground.file(0) as fd, ground.map(fd=fd) as memory:
        return answer(memory.populate_read)


SMALL_PAGES = 64
"""What a small tmpfs holds."""
MOUNT_POINT = "/dev"
"""A directory that every host has; only the child sees what is mounted over it."""


def _filled(file_system: str, backing: Backing, pages: int, options: str) -> str:
    """Populate twice what a file system of its own holds, in a child's own mounts."""
    size = pages * backing.page_size_bytes

    def fill() -> str:
        namespace.enter()
        namespace.mount(file_system, MOUNT_POINT, f"size={size}{options}")
        words = []
        for name in ("read", "write"):  # each in a file of its own, for discarding leaves the file
            with Mapping(backing, 2 * size, "shared", reserve=False) as memory:
                said, present = once(memory, name)
                words.append(f"{said}, {present} present")
        return _alike(words)

    return told(fill)


@promise(
    "error-full-tmpfs",
    source="cover letter I",
    claim="populating more than a tmpfs holds is an error, after exactly as much as it holds",
    on={"shared tmpfs": f"EFAULT after {SMALL_PAGES} pages, {SMALL_PAGES} present"},
    needs=(needs.populate, needs.page_tables),
)
def full_tmpfs(ground: Ground) -> str:
    need(features.mounting(ended(namespace.enter)))
    return _filled("tmpfs", Backing.tmpfs(MOUNT_POINT), SMALL_PAGES, "")


@promise(
    "error-no-huge-page",
    source="cover letter I",
    claim="populating more huge pages than there are is an error, after exactly as many as there "
    "are",
    on={"shared hugetlb": "EFAULT after 1 huge page, 1 present"},
    needs=(needs.populate, needs.page_tables),
)
def no_huge_page(ground: Ground) -> str:
    if os.geteuid():
        raise NotTestable(
            Unavailable("only root may mount a hugetlbfs", "sudo prefault-kit check 'error-*'")
        )
    need(features.mounting(ended(namespace.enter)))
    huge = ground.page
    said = _filled("hugetlbfs", Backing("hugetlbfs", huge, MOUNT_POINT), 1, f",pagesize={huge}")
    pages = huge // PAGE_SIZE_BYTES
    return said.replace(f"{pages} pages", "1 huge page").replace(f"{pages} present", "1 present")


@promise(
    "error-unaligned",
    source="madvise(2)",
    claim="a range that does not begin at a page boundary is EINVAL",
    on={"private anon": "READ EINVAL, WRITE EINVAL"},
)
def unaligned(ground: Ground) -> str:
    with ground.map() as memory:
        read = answer(memory.populate_read, 1, PAGE_SIZE_BYTES)
        return f"READ {read}, WRITE {answer(memory.populate_write, 1, PAGE_SIZE_BYTES)}"


@promise(
    "error-length",
    source="madvise(2)",
    claim="a length is rounded up to whole pages, and a length of 0 is no error",
    on={"private anon": "length 1: 0, 1 page; length 0: 0, 1 page"},
    needs=(needs.populate, needs.page_tables),
)
def length(ground: Ground) -> str:
    with ground.map() as memory:
        words = [
            f"length {n}: {answer(syscalls.madvise, memory.address, n, 'MADV_POPULATE_WRITE')}, "
            f"{memory.pages().present} page"
            for n in (1, 0)
        ]
    return "; ".join(words)


@promise(
    "error-unknown-advice",
    source="madvise(2)",
    claim="an advice that the kernel does not know is EINVAL, as these two were before Linux 5.14",
    on={"private anon": "EINVAL"},
    needs=(),
)
def unknown_advice(ground: Ground) -> str:
    with mmap.mmap(-1, PAGE_SIZE_BYTES) as memory:
        return answer(memory.madvise, max(ADVICE.values()) + 1000)


@promise(
    "error-no-eintr",
    source="madvise(2)",
    claim="a signal with a handler does not interrupt populating: EINTR is never seen",
    on={"private anon": "0 after 1 signal or more"},
)
def no_eintr(ground: Ground) -> str:
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    before = signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        said = "0"
        while not seen and said == "0":
            with ground.map(32 * PAGES) as memory:
                said = answer(memory.advise, "MADV_POPULATE_READ")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return f"{said} after {'1 signal or more' if seen else 'no signal'}"


# Point 7: poison


@promise(
    "error-ehwpoison",
    source="cover letter IV.7",
    claim="a poisoned page in the range is EHWPOISON",
    on=dict.fromkeys(
        ("private anon", "shared memfd"), f"EHWPOISON after {GOOD} pages, {GOOD} present"
    ),
    needs=(needs.populate, needs.page_tables, needs.poison),
)
def ehwpoison(ground: Ground) -> str:
    with ground.map() as memory:
        page = memory.address + GOOD * PAGE_SIZE_BYTES
        userfaultfd.poison(page, PAGE_SIZE_BYTES)
        read, present = once(memory, "read")
        return f"{read}, {present} present"


# Point 8: the OOM killer

CGROUP_BYTES = 32 << 20
TOO_MUCH_BYTES = 128 << 20


@promise(
    "oom-write",
    source="cover letter IV.8",
    claim="WRITE of more than a memory cgroup allows does not fail: the OOM killer ends the "
    "process",
    on={"private anon": "SIGKILL"},
    needs=(needs.populate, needs.memory(lambda _: CGROUP_BYTES)),
)
def oom_write(ground: Ground) -> str:
    return _limited(ground, "MADV_POPULATE_WRITE")


@promise(
    "oom-read",
    source="cover letter IV.1, IV.8",
    claim="READ of as much private memory costs only its page tables",
    on={"private anon": "returns"},
    needs=(needs.populate, needs.page_states, needs.memory(lambda _: CGROUP_BYTES)),
)
def oom_read(ground: Ground) -> str:
    return _limited(ground, "MADV_POPULATE_READ")


def _limited(ground: Ground, advice: str) -> str:
    """How a child in a small memory cgroup ends that populates four times as much."""
    with memcg.limited(CGROUP_BYTES) as enter, ground.map(TOO_MUCH_BYTES // ground.page) as memory:

        def populate() -> None:
            enter()
            memory.advise(advice)

        return ended(populate)
