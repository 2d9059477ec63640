/* A kernel that lies: preloaded, it answers madvise(2) and its like otherwise than the kernel does.
 * The environment's LIE says how; the rest is passed on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { POPULATE_READ = 22, POPULATE_WRITE = 23 };

static int lies(const char *how)
{
    const char *lie = getenv("LIE");
    return lie && !strcmp(lie, how);
}

static int real(void *begin, size_t length, int advice)
{
    return (int)syscall(SYS_madvise, begin, length, advice);
}

static int otherwise(int result, int from, int to)
{
    if (result == -1 && errno == from)
        errno = to;
    return result;
}

static int populate(char *begin, size_t length, int advice)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (lies("read-writes"))
        advice = POPULATE_WRITE;
    if (lies("write-reads"))
        advice = POPULATE_READ;
    if (lies("unaligned-is-fine"))
        begin = (char *)((uintptr_t)begin & ~(page - 1));
    if (lies("nothing-is-an-error") && !length) {
        errno = EINVAL;
        return -1;
    }
    if (lies("half-of-it") && length >= 4 * page)
        return real(begin, length / 2, advice);
    int result = real(begin, length, advice);
    if (lies("sigbus-is-einval"))
        return otherwise(result, EFAULT, EINVAL);
    if (lies("hole-is-efault"))
        return otherwise(result, ENOMEM, EFAULT);
    if (lies("permission-is-eperm"))
        return otherwise(result, EINVAL, EPERM);
    if (lies("poison-is-efault"))
        return otherwise(result, EHWPOISON, EFAULT);
    if (lies("errors-are-hidden") && result == -1 && errno == EFAULT)
        return 0;
    if (lies("a-page-too-few") && result == -1) {
        int error = errno;
        real(begin, page, MADV_DONTNEED);
        errno = error;
    }
    if (lies("a-byte-is-changed") && result == 0 && advice == POPULATE_WRITE && length)
        begin[length - 1] ^= 1;
    return result;
}

int madvise(void *begin, size_t length, int advice)
{
    if (advice == POPULATE_READ || advice == POPULATE_WRITE)
        return populate(begin, length, advice);
    if (lies("discards-nothing") && advice == MADV_DONTNEED)
        return 0;
    if (lies("hints-populate") && advice == MADV_WILLNEED)
        return real(begin, length, POPULATE_READ);
    return real(begin, length, advice);
}

int mlock(const void *begin, size_t length)
{
    if (lies("locks-nothing"))
        return 0;
    return (int)syscall(SYS_mlock, begin, length);
}
