/* One system call each: errno comes back as a negative number, nothing is decided here. */
#include "prefault.h"

#include <unistd.h>

#define RESULT(call) ((call) == -1 ? -errno : 0)

/* Map a range with at least one page of PROT_NONE on each side, so that no neighbour merges into
 * it and smaps tells of it alone. The fence is marked MADV_DONTDUMP: without that a PROT_NONE
 * range inside would merge with the fence (VMAs with equal flags do). */
int pf_map_fenced(size_t length, size_t align, int prot, int flags, int fd, int64_t offset,
                  uintptr_t *fence, size_t *fence_length, uintptr_t *address)
{
    size_t total;
    if (__builtin_add_overflow(length, 2 * align, &total))
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

int pf_protect(uintptr_t address, size_t length, int prot)
{
    return RESULT(mprotect((void *)address, length, prot));
}

int pf_mincore(uintptr_t address, size_t length, unsigned char *vec)
{
    return RESULT(mincore((void *)address, length, vec));
}

int pf_msync(uintptr_t address, size_t length, int flags)
{
    return RESULT(msync((void *)address, length, flags));
}

int pf_munlock(uintptr_t address, size_t length)
{
    return RESULT(munlock((void *)address, length));
}

int pf_fadvise(int fd, int64_t offset, int64_t length, int advice)
{
    return -posix_fadvise(fd, offset, length, advice);
}

/* Write `data` again and again, `chunk` bytes at a time: the size of a single write decides the size
 * of the folios that ext4 and xfs put into the page cache. */
int pf_fill(int fd, int64_t offset, int64_t length, const char *data, size_t chunk)
{
    while (length > 0) {
        ssize_t wrote = pwrite(fd, data, (uint64_t)length < chunk ? (size_t)length : chunk, offset);
        if (wrote < 0)
            return -errno;
        offset += wrote;
        length -= wrote;
    }
    return 0;
}

int pf_prctl(int option, unsigned long argument)
{
    return RESULT(prctl(option, argument, 0, 0, 0));
}
