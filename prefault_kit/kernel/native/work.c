/* The timed operations: the clock is read directly around each. */
#include "prefault.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* With a budget, populate this much between two looks at the clock: threads wait for the last one
 * when a budget is spent, so it is little; a call more for each is not seen. */
#define BYTES_AT_ONCE ((size_t)4 << 20)

static int call_range(int operation, int argument, char *begin, size_t length)
{
    int result;
    switch (operation) {
    case PF_ADVISE:
        result = madvise(begin, length, argument);
        break;
    case PF_PROTECT:
        result = mprotect(begin, length, argument);
        break;
    case PF_MLOCK:
        result = mlock(begin, length);
        break;
    case PF_MLOCK_ONFAULT:
        result = mlock2(begin, length, MLOCK_ONFAULT);
        break;
    default:
        return -EINVAL;
    }
    return result == -1 ? -errno : 0;
}

/* How many steps a range has; the last one may be cut off. */
static size_t steps_of(size_t length, size_t step)
{
    return length / step + (length % step != 0);
}

/* Where share number `i` of `threads` begins in a whole, without overflow for a large one. */
static size_t share_begin(size_t whole, int i, int threads)
{
    size_t all = (size_t)threads, n = (size_t)i;
    return whole / all * n + whole % all * n / all;
}

/* Whether threads can share a range out: the pointers of a touch must not wrap around. */
static int is_shareable(uintptr_t address, size_t length, size_t step, int threads)
{
    uintptr_t end;
    return threads > 0 && step > 0 && !__builtin_add_overflow(address, length, &end) &&
           !__builtin_add_overflow(end, step, &end);
}

/* After a failed populate: how many bytes of [begin, begin + length) does it reach? A populate of
 * the first k pages succeeds for every k up to the failing page and for none above, and repeating
 * it on populated pages changes nothing: so ask the kernel itself, by bisection. */
static int64_t populated_prefix(int advice, char *begin, size_t length, size_t step)
{
    size_t good = 0, bad = steps_of(length, step);
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        if (call_range(PF_ADVISE, advice, begin + good * step, (middle - good) * step) == 0)
            good = middle;
        else
            bad = middle;
    }
    return (int64_t)(good * step);
}

static int call_in_parts(int operation, int argument, char *begin, char *end, size_t step,
                         int64_t budget_ns, struct pf_span *span)
{
    size_t length = (size_t)(end - begin), done = 0, part = length;
    int result;
    if (budget_ns > 0 && part > BYTES_AT_ONCE)
        part = step > BYTES_AT_ONCE ? step : BYTES_AT_ONCE / step * step;
    pf_begin(span);
    do {
        if (part > length - done)
            part = length - done;
        result = call_range(operation, argument, begin + done, part);
        if (result == 0)
            done += part;
    } while (result == 0 && done < length && pf_now_ns() - span->began_ns < budget_ns);
    pf_end(span);
    if (result != 0 && operation == PF_ADVISE &&
        (argument == MADV_POPULATE_READ || argument == MADV_POPULATE_WRITE))
        done += (size_t)populated_prefix(argument, begin + done, part, step);
    span->done_bytes = (int64_t)done;
    return result;
}

/* The part of the range that one thread does. */
struct share {
    struct team *team;
    char *begin, *end;
    size_t first, last; /* of accesses */
    struct pf_span span;
    int result;
};

struct team {
    int operation, argument;
    const struct pf_access *access; /* instead of an operation */
    size_t step;
    int64_t budget_ns;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ready, go; /* go: 0 wait, 1 start, -1 leave without working */
};

static void do_share(struct share *share)
{
    const struct team *team = share->team;
    if (team->access) {
        share->result = pf_access_pages(team->access, share->first, share->last, &share->span);
    } else if (share->begin == share->end) {
        pf_begin(&share->span);
        pf_end(&share->span);
    } else if (team->operation <= PF_TOUCH_ATOMIC) {
        share->result = pf_touch(team->operation, share->begin, share->end, team->step,
                                 team->budget_ns, &share->span);
    } else {
        share->result = call_in_parts(team->operation, team->argument, share->begin, share->end,
                                      team->step, team->budget_ns, &share->span);
    }
}

static void *member(void *argument)
{
    struct share *share = argument;
    struct team *team = share->team;
    pthread_mutex_lock(&team->lock);
    team->ready++;
    pthread_cond_broadcast(&team->changed);
    while (team->go == 0)
        pthread_cond_wait(&team->changed, &team->lock);
    int go = team->go;
    pthread_mutex_unlock(&team->lock);
    if (go > 0)
        do_share(share);
    return NULL;
}

/* Let every share be done at once: the caller does the first, a new thread each of the others.
 * No share begins before all threads are there. */
static int do_shares(struct team *team, struct share *shares, int threads)
{
    if (threads == 1) {
        do_share(&shares[0]);
        return 0;
    }
    pthread_t *members = calloc((size_t)threads, sizeof(*members));
    if (!members)
        return -ENOMEM;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->changed, NULL);
    int started = 1, error = 0;
    for (; started < threads && !error; started += !error)
        error = pthread_create(&members[started], NULL, member, &shares[started]);
    pthread_mutex_lock(&team->lock);
    while (team->ready < started - 1)
        pthread_cond_wait(&team->changed, &team->lock);
    team->go = error ? -1 : 1;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->lock);
    if (!error)
        do_share(&shares[0]);
    for (int i = 1; i < started; i++)
        pthread_join(members[i], NULL);
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->lock);
    free(members);
    return -error;
}

/* Add what all shares did, from the first one's begin to the last one's end; the first failure, and
 * where it lies. share_done, if there is one, is moved on. */
static int add_shares(pf_work *work, const struct share *shares, int threads, const char *address,
                      int64_t *share_done)
{
    struct pf_span all = shares[0].span;
    int result = 0;
    for (int i = 0; i < threads; i++) {
        const struct pf_span *span = &shares[i].span;
        if (share_done)
            share_done[i] += span->done_bytes;
        if (shares[i].result != 0 && result == 0) {
            result = shares[i].result;
            work->error_offset = shares[i].begin - address + span->done_bytes;
        }
        if (i == 0)
            continue;
        all.began_ns = span->began_ns < all.began_ns ? span->began_ns : all.began_ns;
        all.ended_ns = span->ended_ns > all.ended_ns ? span->ended_ns : all.ended_ns;
        all.minor_faults += span->minor_faults;
        all.major_faults += span->major_faults;
        all.cpu_ns += span->cpu_ns;
        all.waits += span->waits;
        all.done_bytes += span->done_bytes;
    }
    pf_add_span(work, &all);
    return result;
}

/* Do one operation over [address, address + length), in `threads` shares of whole steps.
 * share_done[threads] says how far each share already is and is moved on; call again until all is
 * done where a budget ends the call early. elapsed_ns grows by the time from the first share's
 * begin to the last one's end. */
int pf_range_timed(pf_work *work, int operation, int argument, uintptr_t address, size_t length,
                   size_t step, int threads, int64_t budget_ns, int64_t *share_done)
{
    struct team team = {.operation = operation, .argument = argument, .step = step,
                        .budget_ns = budget_ns};
    if (!is_shareable(address, length, step, threads))
        return -EINVAL;
    struct share *shares = calloc((size_t)threads, sizeof(*shares));
    if (!shares)
        return -ENOMEM;
    size_t steps = steps_of(length, step);
    for (int i = 0; i < threads; i++) {
        size_t first = share_begin(steps, i, threads) * step;
        size_t last = share_begin(steps, i + 1, threads) * step;
        shares[i].team = &team;
        shares[i].begin = (char *)address + first + share_done[i];
        shares[i].end = (char *)address + (last < length ? last : length);
    }
    int result = do_shares(&team, shares, threads);
    if (result == 0)
        result = add_shares(work, shares, threads, (char *)address, share_done);
    free(shares);
    return result;
}

/* Access single pages in the caller's order, in `threads` shares of it. error_offset leads to the
 * page that could not be had. */
int pf_access_timed(pf_work *work, uintptr_t address, size_t length, size_t step,
                    const uint32_t *pages, const unsigned char *writes, size_t count, int threads,
                    uint32_t *latency_ns)
{
    struct pf_access access = {.base = (char *)address, .end = (char *)address + length,
                               .step = step, .pages = pages, .writes = writes,
                               .latency_ns = latency_ns};
    struct team team = {.access = &access, .step = step};
    if (!is_shareable(address, length, step, threads))
        return -EINVAL;
    struct share *shares = calloc((size_t)threads, sizeof(*shares));
    if (!shares)
        return -ENOMEM;
    for (int i = 0; i < threads; i++) {
        shares[i].team = &team;
        shares[i].begin = (char *)address;
        shares[i].first = share_begin(count, i, threads);
        shares[i].last = share_begin(count, i + 1, threads);
    }
    int result = do_shares(&team, shares, threads);
    if (result == 0)
        result = add_shares(work, shares, threads, (char *)address, NULL);
    free(shares);
    return result;
}

/* An mmap over a mapping that failed may have unmapped it (mmap(2)): nobody else is to find room
 * there, within our fence. */
static void keep_place(void *address, size_t length)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    void *got = mmap(address, length, PROT_NONE, flags, -1, 0);
    if (got != MAP_FAILED && got != address)
        munmap(got, length); /* a kernel before 4.17 takes the address for a hint */
}

/* mmap over an existing range of ours: the way to time MAP_POPULATE. */
int pf_remap_timed(pf_work *work, uintptr_t address, size_t length, int prot, int flags, int fd,
                   int64_t offset)
{
    struct pf_span span;
    pf_begin(&span);
    void *got = mmap((void *)address, length, prot, flags | MAP_FIXED, fd, offset);
    int error = got == MAP_FAILED ? errno : 0;
    pf_end(&span);
    if (error)
        keep_place((void *)address, length);
    span.done_bytes = error ? 0 : (int64_t)length;
    pf_add_span(work, &span);
    return -error;
}

int pf_fallocate_timed(pf_work *work, int fd, int mode, int64_t offset, int64_t length)
{
    struct pf_span span;
    pf_begin(&span);
    int error = fallocate(fd, mode, offset, length) == -1 ? errno : 0;
    pf_end(&span);
    span.done_bytes = error ? 0 : length;
    pf_add_span(work, &span);
    return -error;
}

/* msync(MS_SYNC) of a mapping, then fsync of its file where there is one (fd >= 0). */
int pf_sync_timed(pf_work *work, uintptr_t address, size_t length, int fd)
{
    struct pf_span span;
    pf_begin(&span);
    int error = msync((void *)address, length, MS_SYNC) == -1 ? errno : 0;
    if (!error && fd >= 0 && fsync(fd) == -1)
        error = errno;
    pf_end(&span);
    span.done_bytes = error ? 0 : (int64_t)length;
    pf_add_span(work, &span);
    return -error;
}

/* Ask for all clean pages of a file that nobody maps to leave the page cache. */
int pf_evict_timed(pf_work *work, int fd)
{
    struct pf_span span;
    pf_begin(&span);
    int error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    pf_end(&span);
    pf_add_span(work, &span);
    return -error;
}

/* pread of a range of a file, until it is whole or the file ends. Nothing is asked for behind the
 * end: with O_DIRECT that would begin where no block does. */
int pf_read_timed(pf_work *work, int fd, uintptr_t address, size_t length, int64_t offset)
{
    struct pf_span span;
    struct stat file;
    size_t done = 0;
    ssize_t got = 1;
    if (fstat(fd, &file) == -1)
        return -errno;
    pf_begin(&span);
    while (done < length && got > 0 && offset + (int64_t)done < file.st_size) {
        got = pread(fd, (char *)address + done, length - done, offset + (int64_t)done);
        if (got > 0)
            done += (size_t)got;
        else if (got == -1 && errno == EINTR)
            got = 1;
    }
    int error = got == -1 ? errno : 0;
    pf_end(&span);
    span.done_bytes = (int64_t)done;
    pf_add_span(work, &span);
    if (error)
        work->error_offset = (int64_t)done;
    return -error;
}
