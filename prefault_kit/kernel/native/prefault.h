/* What the C files share with one another. */
#ifndef PREFAULT_H
#define PREFAULT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include "constants.h"
#include "api.h"

static inline int64_t pf_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* When a piece of work began and ended (CLOCK_MONOTONIC), the page faults, processor
 * time and sleeps of the thread that did it (RUSAGE_THREAD: a busy interpreter beside it does not
 * count), and how many bytes it did. */
struct pf_span {
    int64_t began_ns;
    int64_t ended_ns;
    int64_t minor_faults;
    int64_t major_faults;
    int64_t cpu_ns;
    int64_t waits;
    int64_t done_bytes;
};

static inline int64_t pf_cpu_ns(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent); /* getrusage counts in ticks */
    return (int64_t)spent.tv_sec * 1000000000 + spent.tv_nsec;
}

static inline void pf_begin(struct pf_span *span)
{
    struct rusage usage;
    pf_now_ns(); /* so that resolving clock_gettime is not what the first span measures */
    getrusage(RUSAGE_THREAD, &usage);
    *span = (struct pf_span){.minor_faults = -usage.ru_minflt,
                             .major_faults = -usage.ru_majflt,
                             .cpu_ns = -pf_cpu_ns(),
                             .waits = -usage.ru_nvcsw};
    span->began_ns = pf_now_ns();
}

static inline void pf_end(struct pf_span *span)
{
    struct rusage usage;
    span->ended_ns = pf_now_ns();
    getrusage(RUSAGE_THREAD, &usage);
    span->minor_faults += usage.ru_minflt;
    span->major_faults += usage.ru_majflt;
    span->cpu_ns += pf_cpu_ns();
    span->waits += usage.ru_nvcsw;
}

static inline void pf_add_span(pf_work *work, const struct pf_span *span)
{
    work->elapsed_ns += span->ended_ns - span->began_ns;
    work->minor_faults += span->minor_faults;
    work->major_faults += span->major_faults;
    work->cpu_ns += span->cpu_ns;
    work->waits += span->waits;
    work->done_bytes += span->done_bytes;
}

/* guard.c: between enter and leave an access of this thread to [begin, end) that raises SIGBUS or
 * SIGSEGV comes back at `back`, which the caller sets in between by sigsetjmp(back, 0), with the
 * address in `fault`. */
struct pf_guard {
    sigjmp_buf back;
    uintptr_t first_page, begin, end;
    volatile uintptr_t fault;
    sigset_t mask; /* of the thread before */
    sigset_t held; /* signals to be left pending, which the mask would have kept so */
};

void pf_guard_enter(struct pf_guard *guard, const char *begin, const char *end);
void pf_guard_leave(const struct pf_guard *guard);

/* Touch one byte every `step` bytes of [begin, end), until done or until `budget_ns` is spent
 * (0: no limit). Returns 0, or -EFAULT where an access raised SIGBUS or SIGSEGV; done_bytes then
 * leads to that access. Thread-safe. */
int pf_touch(int operation, char *begin, char *end, size_t step, int64_t budget_ns,
             struct pf_span *span);

/* Accesses in an order of the caller's: `pages` says of which page (in steps from base), `writes`
 * whether it is a write, `latency_ns` takes how long each took. */
struct pf_access {
    char *base, *end;
    size_t step;
    const uint32_t *pages;
    const unsigned char *writes;
    uint32_t *latency_ns;
};

/* Do accesses first to last - 1. As pf_touch; done_bytes counts a step an access. */
int pf_access_pages(const struct pf_access *access, size_t first, size_t last,
                    struct pf_span *span);

#endif
