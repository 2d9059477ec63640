"""The C as Python sees it: ``api.h`` and the constants of ``build.py``; a test holds them equal."""

from typing import Final, Protocol, TypeAlias

from _cffi_backend import FFI

CData: TypeAlias = FFI.CData

class WorkPointer(Protocol):
    """A ``pf_work *``."""

    elapsed_ns: int
    minor_faults: int
    major_faults: int
    cpu_ns: int
    waits: int
    done_bytes: int
    error_offset: int

class PageCountsPointer(Protocol):
    """A ``pf_page_counts *``."""

    present: int
    zero: int
    huge: int
    swapped: int
    file: int

class CacheCountsPointer(Protocol):
    """A ``pf_cache_counts *``."""

    cached: int
    dirty: int
    writeback: int
    evicted: int
    recently_evicted: int

class LookPointer(Protocol):
    """A ``pf_look *``."""

    calls: int
    elapsed_ns: int
    longest_ns: int

class DrainedPointer(Protocol):
    """A ``pf_drained *``."""

    faults: int
    ips: int
    tasks: int
    names: int
    lost: int

class Lib:
    """The functions give 0 (or a count, a descriptor) or -errno, and release the GIL meanwhile."""

    def pf_map_fenced(
        self,
        length: int,
        align: int,
        prot: int,
        flags: int,
        fd: int,
        offset: int,
        fence: CData,
        fence_length: CData,
        address: CData,
        /,
    ) -> int: ...
    def pf_unmap(self, address: int, length: int, /) -> int: ...
    def pf_mincore(self, address: int, length: int, vec: CData, /) -> int: ...
    def pf_madvise(self, address: int, length: int, advice: int, /) -> int: ...
    def pf_munlock(self, address: int, length: int, /) -> int: ...
    def pf_mlockall(self, flags: int, /) -> int: ...
    def pf_fill(
        self, fd: int, offset: int, length: int, data: bytes | CData, chunk: int, /
    ) -> int: ...
    def pf_prctl(self, option: int, argument: int, /) -> int: ...
    def pf_unshare(self, flags: int, /) -> int: ...
    def pf_mount(
        self,
        source: bytes | CData,
        target: bytes | CData,
        kind: bytes | CData,
        flags: int,
        options: bytes | CData,
        /,
    ) -> int: ...
    def pf_mseal(self, address: int, length: int, /) -> int: ...
    def pf_process_madvise(self, pidfd: int, address: int, length: int, advice: int, /) -> int: ...
    def pf_memfd_secret(self) -> int: ...
    def pf_perf_dummy(self) -> int: ...
    def pf_remap_timed(
        self,
        work: WorkPointer,
        address: int,
        length: int,
        prot: int,
        flags: int,
        fd: int,
        offset: int,
        /,
    ) -> int: ...
    def pf_fallocate_timed(
        self, work: WorkPointer, fd: int, mode: int, offset: int, length: int, /
    ) -> int: ...
    def pf_range_timed(
        self,
        work: WorkPointer,
        operation: int,
        argument: int,
        address: int,
        length: int,
        step: int,
        threads: int,
        budget_ns: int,
        share_done: CData,
        /,
    ) -> int: ...
    def pf_sync_timed(self, work: WorkPointer, address: int, length: int, fd: int, /) -> int: ...
    def pf_evict_timed(self, work: WorkPointer, fd: int, /) -> int: ...
    def pf_read_timed(
        self, work: WorkPointer, fd: int, address: int, length: int, offset: int, /
    ) -> int: ...
    def pf_access_timed(
        self,
        work: WorkPointer,
        address: int,
        length: int,
        step: int,
        pages: CData,
        writes: CData,
        count: int,
        threads: int,
        latency_ns: CData,
        /,
    ) -> int: ...
    def pf_copy(
        self,
        address: int,
        buffer: CData,
        length: int,
        page: int,
        write: int,
        fault_offset: CData,
        /,
    ) -> int: ...
    def pf_touch_unguarded(
        self, operation: int, address: int, length: int, step: int, /
    ) -> None: ...
    def pf_scan_pages(
        self,
        pagemap_fd: int,
        address: int,
        length: int,
        page: int,
        ask_file: int,
        states: CData,
        counts: PageCountsPointer,
        /,
    ) -> int: ...
    def pf_count_pages(
        self,
        pagemap_fd: int,
        address: int,
        length: int,
        page: int,
        ask_file: int,
        counts: PageCountsPointer,
        look: LookPointer,
        /,
    ) -> int: ...
    def pf_scan_category(
        self,
        pagemap_fd: int,
        address: int,
        length: int,
        page: int,
        category: int,
        states: CData,
        /,
    ) -> int: ...
    def pf_read_pagemap(
        self,
        pagemap_fd: int,
        address: int,
        length: int,
        page: int,
        states: CData,
        counts: PageCountsPointer,
        /,
    ) -> int: ...
    def pf_cachestat(
        self, fd: int, offset: int, length: int, counts: CacheCountsPointer, /
    ) -> int: ...
    def pf_extents(self, fd: int, pages: int, page: int, states: CData, /) -> int: ...
    def pf_elf_symbol(
        self, fd: int, offset: int, address: CData, distance: CData, name: CData, size: int, /
    ) -> int: ...
    def pf_mbind(self, address: int, length: int, mode: int, node: int, /) -> int: ...
    def pf_page_nodes(
        self, address: int, length: int, page: int, counts: CData, nodes: int, /
    ) -> int: ...
    def pf_fuse_serve(
        self, fd: int, size: int, good: int, wait_ns: int, read_ahead: int, /
    ) -> int: ...
    def pf_uffd_open(self) -> int: ...
    def pf_uffd_agree(self, fd: int, wanted: int, offered: CData, /) -> int: ...
    def pf_uffd_register(self, fd: int, address: int, length: int, mode: int, /) -> int: ...
    def pf_uffd_protect_timed(
        self, work: WorkPointer, fd: int, address: int, length: int, on: int, /
    ) -> int: ...
    def pf_uffd_poison(self, fd: int, address: int, length: int, /) -> int: ...
    def pf_uffd_fault(self, fd: int, address: CData, /) -> int: ...
    def pf_perf_faults(
        self, tid: int, cpu: int, major: int, options: int, watermark: int, /
    ) -> int: ...
    def pf_perf_traps(
        self, tid: int, cpu: int, tracepoint: int, options: int, watermark: int, /
    ) -> int: ...
    def pf_perf_redirect(self, fd: int, to: int, /) -> int: ...
    def pf_perf_map(self, fd: int, length: int, address: CData, /) -> int: ...
    def pf_perf_switch(self, fds: CData, count: int, on: int, /) -> int: ...
    def pf_perf_refresh(self, fd: int, records: int, /) -> int: ...
    def pf_perf_count(self, fds: CData, count: int, total: CData, /) -> int: ...
    def pf_perf_drain(
        self,
        buffer: int,
        kind: int,
        stacks: int,
        faults: CData,
        most_faults: int,
        ips: CData,
        most_ips: int,
        tasks: CData,
        most_tasks: int,
        names: CData,
        most_names: int,
        drained: DrainedPointer,
        /,
    ) -> int: ...
    def pf_tracer_start(
        self,
        made: CData,
        plan: CData,
        rules: CData,
        path: bytes | CData,
        argv: CData,
        envp: CData,
        /,
    ) -> int: ...
    def pf_tracer_run(
        self, tracer: CData, events: CData, capacity: int, count: CData, /
    ) -> int: ...
    def pf_tracer_asked(self, tracer: CData, event: CData, /) -> None: ...
    def pf_tracer_allow(self, tracer: CData, most: int, /) -> None: ...
    def pf_tracer_signal(self, tracer: CData, number: int, /) -> int: ...
    def pf_tracer_end(self, tracer: CData, end: CData, /) -> None: ...
    def pf_tracer_free(self, tracer: CData, /) -> None: ...
    PROT_NONE: Final[int]
    PROT_READ: Final[int]
    PROT_WRITE: Final[int]
    PROT_EXEC: Final[int]
    MAP_SHARED: Final[int]
    MAP_PRIVATE: Final[int]
    MAP_ANONYMOUS: Final[int]
    MAP_NORESERVE: Final[int]
    MAP_POPULATE: Final[int]
    MAP_HUGETLB: Final[int]
    MAP_HUGE_SHIFT: Final[int]
    MAP_DROPPABLE: Final[int]
    MADV_NORMAL: Final[int]
    MADV_RANDOM: Final[int]
    MADV_SEQUENTIAL: Final[int]
    MADV_WILLNEED: Final[int]
    MADV_DONTNEED: Final[int]
    MADV_FREE: Final[int]
    MADV_REMOVE: Final[int]
    MADV_DONTFORK: Final[int]
    MADV_DOFORK: Final[int]
    MADV_HUGEPAGE: Final[int]
    MADV_NOHUGEPAGE: Final[int]
    MADV_DONTDUMP: Final[int]
    MADV_DODUMP: Final[int]
    MADV_COLD: Final[int]
    MADV_PAGEOUT: Final[int]
    MADV_POPULATE_READ: Final[int]
    MADV_POPULATE_WRITE: Final[int]
    MADV_DONTNEED_LOCKED: Final[int]
    MADV_COLLAPSE: Final[int]
    MADV_HWPOISON: Final[int]
    MADV_GUARD_INSTALL: Final[int]
    MADV_GUARD_REMOVE: Final[int]
    MADV_WIPEONFORK: Final[int]
    MADV_KEEPONFORK: Final[int]
    FALLOC_FL_KEEP_SIZE: Final[int]
    FALLOC_FL_PUNCH_HOLE: Final[int]
    FALLOC_FL_ZERO_RANGE: Final[int]
    MCL_FUTURE: Final[int]
    MCL_ONFAULT: Final[int]
    CLONE_NEWNS: Final[int]
    CLONE_NEWUSER: Final[int]
    MS_REC: Final[int]
    MS_PRIVATE: Final[int]
    UFFDIO_REGISTER_MODE_MISSING: Final[int]
    UFFDIO_REGISTER_MODE_WP: Final[int]
    UFFD_FEATURE_PAGEFAULT_FLAG_WP: Final[int]
    UFFD_FEATURE_WP_HUGETLBFS_SHMEM: Final[int]
    UFFD_FEATURE_WP_UNPOPULATED: Final[int]
    UFFD_FEATURE_POISON: Final[int]
    UFFD_FEATURE_WP_ASYNC: Final[int]
    PR_SET_THP_DISABLE: Final[int]
    PR_SET_PDEATHSIG: Final[int]
    EHWPOISON: Final[int]
    MPOL_PREFERRED: Final[int]
    PF_TOUCH_READ: Final[int]
    PF_TOUCH_WRITE: Final[int]
    PF_TOUCH_READ_WRITE: Final[int]
    PF_TOUCH_ATOMIC: Final[int]
    PF_PERF_RECORD: Final[int]
    PF_PERF_STACKS: Final[int]
    PF_PERF_TASKS: Final[int]
    PF_PERF_INHERIT: Final[int]
    PF_PERF_THREADS: Final[int]
    PF_PERF_USER_ONLY: Final[int]
    PF_PERF_DISABLED: Final[int]
    PF_PERF_ON_EXEC: Final[int]
    PF_PERF_FORKS: Final[int]
    PF_PERF_TRAP: Final[int]
    PF_PERF_BEGINS: Final[int]
    PF_PERF_TRAPS: Final[int]
    PF_ACCESS_READ: Final[int]
    PF_ACCESS_WRITE: Final[int]
    PERF_RECORD_MMAP2: Final[int]
    PERF_RECORD_COMM: Final[int]
    PERF_RECORD_FORK: Final[int]
    PERF_RECORD_EXIT: Final[int]
    PF_ADVISE: Final[int]
    PF_MLOCK: Final[int]
    PF_MLOCK_ONFAULT: Final[int]
    PF_PROTECT: Final[int]
    PF_PAGE_IS_WRITTEN: Final[int]
    PF_PAGE_IS_GUARD: Final[int]
    PF_STATE_PRESENT: Final[int]
    PF_STATE_ZERO: Final[int]
    PF_STATE_HUGE: Final[int]
    PF_STATE_SWAPPED: Final[int]
    PF_STATE_FILE: Final[int]
    PF_STATE_WRITTEN: Final[int]
    PF_BLOCK_NONE: Final[int]
    PF_BLOCK_DELAYED: Final[int]
    PF_BLOCK_UNWRITTEN: Final[int]
    PF_BLOCK_WRITTEN: Final[int]
    PF_INJECT_MLOCK_ONFAULT: Final[int]
    PF_KIND_ANON_PRIVATE: Final[int]
    PF_KIND_ANON_SHARED: Final[int]
    PF_KIND_FILE_PRIVATE: Final[int]
    PF_KIND_FILE_SHARED: Final[int]
    PF_KIND_MEMFD: Final[int]
    PF_KIND_HUGETLB: Final[int]
    PF_KIND_HEAP: Final[int]
    PF_MOMENT_MMAP: Final[int]
    PF_MOMENT_ADVICE: Final[int]
    PF_MOMENT_WRITABLE: Final[int]
    PF_EVENT_MMAP: Final[int]
    PF_EVENT_MREMAP: Final[int]
    PF_EVENT_PROTECT: Final[int]
    PF_EVENT_ADVICE: Final[int]
    PF_EVENT_EXEC: Final[int]
    PF_EVENT_EXIT: Final[int]
    PF_EVENT_FILTERS: Final[int]
    PF_EVENT_TRACES: Final[int]
    PF_EVENT_MUNMAP: Final[int]
    PF_EVENT_HANDLES: Final[int]
    PF_REFUSED_NO_ACCESS: Final[int]
    PF_REFUSED_STACK: Final[int]
    PF_REFUSED_DEVICE: Final[int]
    PF_REFUSED_MEMORY: Final[int]
    PF_REFUSED_SHARED_FILE: Final[int]
    PF_REFUSED_NOT_WRITABLE: Final[int]
    PF_REFUSED_HOLES: Final[int]
    PF_REFUSED_FILTERED: Final[int]
    PF_REFUSED_CONTENT: Final[int]
    PF_REFUSED_SETUID: Final[int]
    PF_REFUSED_HANDLES: Final[int]
    PF_REFUSED_LOCKS: Final[int]
    PF_TRACER_ENDED: Final[int]
    PF_TRACER_FULL: Final[int]
    PF_TRACER_ASK: Final[int]
    PF_TRACER_LOOK: Final[int]

ffi: FFI
lib: Lib
