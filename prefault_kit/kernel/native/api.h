/* What Python calls. cffi reads these declarations as they stand, so: no preprocessor lines here.
 *
 * Every function that returns int gives 0 (or a count, or a descriptor) on success and -errno on
 * failure; none prints, none decides. Offsets and lengths are bytes. */

/* The cost and the reach of one timed operation; functions that take one ADD to it. */
typedef struct {
    int64_t elapsed_ns;     /* CLOCK_MONOTONIC around the operation alone */
    int64_t minor_faults;   /* ru_minflt of the threads that did the work */
    int64_t major_faults;   /* ru_majflt of the same */
    int64_t cpu_ns;         /* processor time of the same, user's and system's */
    int64_t waits;          /* ru_nvcsw of the same: how often they slept */
    int64_t done_bytes;     /* bytes done; of a failed touch or populate the exact prefix (of each
                               share) */
    int64_t error_offset;   /* where the first failure lies, or -1 */
} pf_work;

/* Page counts of a range, in system pages. */
typedef struct {
    int64_t present;
    int64_t zero;
    int64_t huge;
    int64_t swapped;
    int64_t file;
} pf_page_counts;

/* What cachestat(2) says of a file's range, in system pages. */
typedef struct {
    int64_t cached;
    int64_t dirty;
    int64_t writeback;
    int64_t evicted;
    int64_t recently_evicted;
} pf_cache_counts;

/* What it cost to look at a process; functions that take one ADD to it, but for the longest. */
typedef struct {
    int64_t calls;
    int64_t elapsed_ns;
    int64_t longest_ns; /* of one call: so long may the process have waited for its mmap_lock */
} pf_look;

/* A page fault, as perf_event_open(2) records it. */
typedef struct {
    int64_t time_ns;        /* CLOCK_MONOTONIC */
    uint64_t address;       /* which was accessed */
    uint64_t ip;            /* the instruction that did */
    uint32_t pid;
    uint32_t tid;
    uint32_t depth;         /* how many addresses of its stack there are */
    uint8_t major;
    uint8_t in_kernel;      /* taken by the kernel for the program */
    uint16_t access;        /* of a trap: PF_ACCESS_READ or _WRITE; 0 of what does not say it */
} pf_fault;

/* What else happened: PERF_RECORD_MMAP2, _COMM, _FORK or _EXIT. */
typedef struct {
    int64_t time_ns;
    uint64_t address;       /* of a mapping, as what follows */
    uint64_t length;
    uint64_t offset;
    uint64_t inode;
    uint32_t device_major;
    uint32_t device_minor;
    uint32_t protection;
    uint32_t flags;         /* MAP_...; of a name: whether it came with execve */
    uint32_t pid;
    uint32_t tid;
    uint32_t parent_pid;    /* of a fork or an end */
    uint32_t parent_tid;
    uint32_t name_at;       /* where in the names */
    uint32_t name_length;
    int32_t kind;
    uint32_t unused;
} pf_task;

/* How much was taken out of a buffer. */
typedef struct {
    int64_t faults;
    int64_t ips;
    int64_t tasks;
    int64_t names;          /* bytes */
    int64_t lost;           /* records for which the buffer had no room */
} pf_drained;
/* What a traced program is let do where a mapping matches. */
typedef struct {
    int64_t least_bytes, most_bytes; /* of the mapping, or of the range that is advised, protected */
    int kinds;                       /* PF_KIND_*, or-ed */
    int prot;                        /* PROT_* bits that it must have */
    int moment;                      /* PF_MOMENT_* */
    int drop_populate, drop_advice;  /* leave out MAP_POPULATE; leave out the program's own advice */
    int count;                       /* advices to put in, in order */
    int advice[4];                   /* MADV_*, or PF_INJECT_MLOCK_ONFAULT */
    char path[256];                  /* fnmatch(3) of what /proc/PID/fd says; empty: any */
} pf_rule;

/* How a program is run. */
typedef struct {
    int traced;            /* 0: run it as it is */
    int rules;
    int follow;            /* watch munmap, mprotect and madvise too */
    int heap;              /* watch brk too */
    int record;            /* tell of mappings that no rule matches, too */
    int looks;             /* how often Python is let look at a thread that stands at a mapping */
    int limited;           /* ask Python before memory is taken */
    int fds[3];            /* standard streams, or -1 */
    int64_t least_bytes;   /* below this no mapping is seen */
    int64_t reserve_bytes; /* of the machine's available memory, to be left alone */
    int64_t most_bytes;    /* that all advice may populate; 0: as much as there is */
} pf_trace_plan;

/* One thing that a traced program did, and what it was let do there. */
typedef struct {
    int what; /* PF_EVENT_* */
    int pid, tid;
    int prot, flags, kind; /* PROT_*, MAP_*, one PF_KIND_* */
    int error;             /* errno of the program's own call */
    int advice;            /* of PF_EVENT_ADVICE */
    int rule;              /* index of the rule that matched, or -1 */
    int refused;           /* PF_REFUSED_* */
    int dropped;           /* MAP_POPULATE or the program's own advice was left out */
    int linked, holes;     /* the file has a name; it is one of a tmpfs with holes */
    int injected;          /* advices that were put in */
    int errors[4];         /* errno of each */
    int64_t took_ns[4];    /* of each, the switches to the tracer and back included */
    int64_t time_ns;       /* CLOCK_MONOTONIC */
    uint64_t address, length, offset;
    uint64_t inject_address, inject_length;
    uint64_t ip, sp, frame, link; /* where Python was let look */
    char path[256];
} pf_trace_event;

/* How a program ended, and what it took. */
typedef struct {
    int status; /* as waitpid gives it; -1: not ended */
    int error;  /* errno of exec, 0 if it was executed */
    int processes, threads, left, traces;
    int64_t began_ns, wall_ns, cpu_ns;
    int64_t minor_faults, major_faults; /* and those of children that it waited for */
    int64_t peak_bytes;                 /* of the largest process */
    int64_t page_table_bytes;           /* as it ended; 0: not known */
    int64_t read_bytes, written_bytes;  /* of /proc/PID/io; -1: not known */
    int64_t stops, injections, refusals, lost;
} pf_trace_end;

typedef struct pf_tracer pf_tracer;

/* calls.c: one system call each */
int pf_map_fenced(size_t length, size_t align, int prot, int flags, int fd, int64_t offset,
                  uintptr_t *fence, size_t *fence_length, uintptr_t *address);
int pf_unmap(uintptr_t address, size_t length);
int pf_mincore(uintptr_t address, size_t length, unsigned char *vec);
int pf_madvise(uintptr_t address, size_t length, int advice);
int pf_munlock(uintptr_t address, size_t length);
int pf_mlockall(int flags);
int pf_fill(int fd, int64_t offset, int64_t length, const char *data, size_t chunk);
int pf_prctl(int option, unsigned long argument);
int pf_unshare(int flags);
int pf_mount(const char *source, const char *target, const char *kind, unsigned long flags,
             const char *options);
int pf_mseal(uintptr_t address, size_t length);
int pf_process_madvise(int pidfd, uintptr_t address, size_t length, int advice);
int pf_memfd_secret(void);
int pf_perf_dummy(void);

/* work.c: the timed operations */
int pf_remap_timed(pf_work *work, uintptr_t address, size_t length, int prot, int flags, int fd,
                   int64_t offset);
int pf_fallocate_timed(pf_work *work, int fd, int mode, int64_t offset, int64_t length);
int pf_range_timed(pf_work *work, int operation, int argument, uintptr_t address, size_t length,
                   size_t step, int threads, int64_t budget_ns, int64_t *share_done);
int pf_sync_timed(pf_work *work, uintptr_t address, size_t length, int fd);
int pf_evict_timed(pf_work *work, int fd);
int pf_read_timed(pf_work *work, int fd, uintptr_t address, size_t length, int64_t offset);
int pf_access_timed(pf_work *work, uintptr_t address, size_t length, size_t step,
                    const uint32_t *pages, const unsigned char *writes, size_t count, int threads,
                    uint32_t *latency_ns);

/* touch.c: reading and writing memory that may raise SIGBUS or SIGSEGV */
int pf_copy(uintptr_t address, char *buffer, size_t length, size_t page, int write,
            int64_t *fault_offset);
void pf_touch_unguarded(int operation, uintptr_t address, size_t length, size_t step);

/* views.c: what the page tables and the page cache hold */
int pf_scan_pages(int pagemap_fd, uintptr_t address, size_t length, size_t page, int ask_file,
                  unsigned char *states, pf_page_counts *counts);
int pf_count_pages(int pagemap_fd, uintptr_t address, uint64_t length, size_t page, int ask_file,
                   pf_page_counts *counts, pf_look *look);
int pf_scan_category(int pagemap_fd, uintptr_t address, size_t length, size_t page,
                     uint64_t category, unsigned char *states);
int pf_read_pagemap(int pagemap_fd, uintptr_t address, size_t length, size_t page,
                    unsigned char *states, pf_page_counts *counts);
int pf_cachestat(int fd, uint64_t offset, uint64_t length, pf_cache_counts *counts);
int pf_extents(int fd, size_t pages, size_t page, unsigned char *states);

/* elf.c: the function at a place in a file */
int pf_elf_symbol(int fd, uint64_t offset, uint64_t *address, uint64_t *distance, char *name,
                  size_t size);

/* fuse.c: a file system of one file, which fails or waits */
int pf_fuse_serve(int fd, int64_t size, int64_t good, int64_t wait_ns, size_t read_ahead);

/* numa.c: the nodes of memory */
int pf_mbind(uintptr_t address, size_t length, int mode, int node);
int pf_page_nodes(uintptr_t address, size_t length, size_t page, int64_t *counts, int nodes);

/* uffd.c: userfaultfd(2) and its ioctls */
int pf_uffd_open(void);
int pf_uffd_agree(int fd, uint64_t wanted, uint64_t *offered);
int pf_uffd_register(int fd, uintptr_t address, size_t length, int mode);
int pf_uffd_protect_timed(pf_work *work, int fd, uintptr_t address, size_t length, int on);
int pf_uffd_poison(int fd, uintptr_t address, size_t length);
int pf_uffd_fault(int fd, uint64_t *address);

/* perf.c: page faults as they happen */
int pf_perf_faults(int tid, int cpu, int major, int options, uint32_t watermark);
int pf_perf_traps(int tid, int cpu, uint64_t tracepoint, int options, uint32_t watermark);
int pf_perf_redirect(int fd, int to);
int pf_perf_map(int fd, size_t length, uintptr_t *address);
int pf_perf_switch(const int *fds, size_t count, int on);
int pf_perf_refresh(int fd, int records);
int pf_perf_count(const int *fds, size_t count, int64_t *total);
int pf_perf_drain(uintptr_t buffer, int kind, int stacks, pf_fault *faults, size_t most_faults, uint64_t *ips, size_t most_ips,
                  pf_task *tasks, size_t most_tasks, char *names, size_t most_names,
                  pf_drained *drained);
/* tracer.c: a program that is run under ptrace and executes advice that it does not contain */
int pf_tracer_start(pf_tracer **made, const pf_trace_plan *plan, const pf_rule *rules,
                    const char *path, char *const *argv, char *const *envp);
int pf_tracer_run(pf_tracer *tracer, pf_trace_event *events, size_t capacity, size_t *count);
void pf_tracer_asked(pf_tracer *tracer, pf_trace_event *event);
void pf_tracer_allow(pf_tracer *tracer, int64_t most);
int pf_tracer_signal(pf_tracer *tracer, int number);
void pf_tracer_end(pf_tracer *tracer, pf_trace_end *end);
void pf_tracer_free(pf_tracer *tracer);
