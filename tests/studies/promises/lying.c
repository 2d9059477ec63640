/* A kernel that lies: preloaded, it answers madvise(2) and its like otherwise than the kernel does.
 * The environment's LIE says how; the rest is passed on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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
    if (lies("read-does-nothing") && advice == POPULATE_READ)
        return 0;
    if (lies("the-first-page-alone") && length > page)
        return real(begin, page, advice);
    if (lies("half-of-it") && length >= 4 * page)
        return real(begin, length / 2, advice);
    int result = real(begin, length, advice);
    if (lies("sigbus-is-einval"))
        return otherwise(result, EFAULT, EINVAL);
    if (lies("hole-is-efault"))
        return otherwise(result, ENOMEM, EFAULT);
    if (lies("read-of-a-hole-is-efault") && advice == POPULATE_READ)
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
    if (result == -1 && (lies("a-failure-keeps-nothing") ||
                         (lies("a-failed-read-keeps-nothing") && advice == POPULATE_READ) ||
                         (lies("a-failed-write-keeps-nothing") && advice == POPULATE_WRITE))) {
        int error = errno;
        real(begin, length, MADV_DONTNEED);
        errno = error;
    }
    if (lies("nothing-is-kept") && result == 0)
        real(begin, length, MADV_DONTNEED);
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

/* What the C library has no name for is called by its number. */
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long words[6];
    va_list all;
    va_start(all, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(all, long);
    va_end(all);
    if (number == SYS_process_madvise && words[3] == POPULATE_READ && lies("read-does-nothing"))
        return (long)((struct iovec *)words[1])->iov_len;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
