/* One system call each: errno comes back as a negative number, nothing is decided here. */
#include "prefault.h"

#include <linux/perf_event.h>
#include <sys/uio.h>
#include <unistd.h>

#define RESULT(call) ((call) == -1 ? -errno : 0)

/* Map a range with at least one page of PROT_NONE on each side, so that no neighbour merges into
 * it and smaps tells of it alone. The fence is marked MADV_DONTDUMP: without that a PROT_NONE
 * range inside would merge with the fence (VMAs with equal flags do). */
int pf_map_fenced(size_t length, size_t align, int prot, int flags, int fd, int64_t offset,
                  uintptr_t *fence, size_t *fence_length, uintptr_t *address)
{
    size_t total;
    if (align == 0)
        return -EINVAL;
    if (__builtin_mul_overflow(align, 2, &total) || __builtin_add_overflow(length, total, &total))
        return -ENOMEM;
    char *outer = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (outer == MAP_FAILED)
        return -errno;
    madvise(outer, total, MADV_DONTDUMP);
    uintptr_t inner = ((uintptr_t)outer + 2 * align - 1) / align * align;
    void *got = mmap((void *)inner, length, prot, flags | MAP_FIXED, fd, offset);
    if (got == MAP_FAILED) {
        int error = errno;
        munmap(outer, total);
        return -error;
    }
    *fence = (uintptr_t)outer;
    *fence_length = total;
    *address = inner;
    return 0;
}

int pf_unmap(uintptr_t address, size_t length)
{
    return RESULT(munmap((void *)address, length));
}

int pf_mincore(uintptr_t address, size_t length, unsigned char *vec)
{
    return RESULT(mincore((void *)address, length, vec));
}

int pf_madvise(uintptr_t address, size_t length, int advice)
{
    return RESULT(madvise((void *)address, length, advice));
}

int pf_munlock(uintptr_t address, size_t length)
{
    return RESULT(munlock((void *)address, length));
}

int pf_mlockall(int flags)
{
    return RESULT(mlockall(flags));
}

/* Write `data` again and again, `chunk` bytes at a time: the size of a single write decides the size
 * of the folios that ext4 and xfs put into the page cache. */
int pf_fill(int fd, int64_t offset, int64_t length, const char *data, size_t chunk)
{
    if (chunk == 0)
        return -EINVAL;
    while (length > 0) {
        ssize_t wrote = pwrite(fd, data, (uint64_t)length < chunk ? (size_t)length : chunk, offset);
        if (wrote <= 0)
            return wrote < 0 ? -errno : -EIO;
        offset += wrote;
        length -= wrote;
    }
    return 0;
}

int pf_prctl(int option, unsigned long argument)
{
    return RESULT(prctl(option, argument, 0, 0, 0));
}

int pf_unshare(int flags)
{
    return RESULT(unshare(flags));
}

int pf_mount(const char *source, const char *target, const char *kind, unsigned long flags,
             const char *options)
{
    return RESULT(mount(source, target, kind, flags, options));
}

/* Until the process ends nothing unmaps the range or changes its protection. */
int pf_mseal(uintptr_t address, size_t length)
{
    return RESULT(syscall(__NR_mseal, address, length, 0UL));
}

/* Advise a range of the process that the descriptor names. */
int pf_process_madvise(int pidfd, uintptr_t address, size_t length, int advice)
{
    struct iovec range = {(void *)address, length};
    return RESULT(syscall(__NR_process_madvise, pidfd, &range, 1UL, advice, 0U));
}

/* A descriptor of memory that the kernel itself cannot reach. */
int pf_memfd_secret(void)
{
    long fd = syscall(__NR_memfd_secret, O_CLOEXEC);
    return fd == -1 ? -errno : (int)fd;
}

/* A descriptor of an event of this thread that counts nothing, in user mode alone, which spares
 * privilege. */
int pf_perf_dummy(void)
{
    struct perf_event_attr event = {
        .type = PERF_TYPE_SOFTWARE,
        .size = PERF_ATTR_SIZE_VER0,
        .config = PERF_COUNT_SW_DUMMY,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    long fd = syscall(__NR_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd == -1 ? -errno : (int)fd;
}
