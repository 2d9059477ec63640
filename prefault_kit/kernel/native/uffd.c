/* userfaultfd(2), for faults in user mode alone, which needs no privilege since Linux 5.11.
 * Documentation/admin-guide/mm/userfaultfd.rst. */
#include "prefault.h"

#include <unistd.h>

/* A descriptor that does not block: poll(2) knows no other. */
int pf_uffd_open(void)
{
    long fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    return fd == -1 ? -errno : (int)fd;
}

/* Ask for features, once for a descriptor; `offered` takes what the kernel has. */
int pf_uffd_agree(int fd, uint64_t wanted, uint64_t *offered)
{
    struct uffdio_api api = {.api = UFFD_API, .features = wanted};
    if (ioctl(fd, UFFDIO_API, &api) == -1)
        return -errno;
    *offered = api.features;
    return 0;
}

int pf_uffd_register(int fd, uintptr_t address, size_t length, int mode)
{
    struct uffdio_register range = {.range = {address, length}, .mode = (__u64)mode};
    return ioctl(fd, UFFDIO_REGISTER, &range) == -1 ? -errno : 0;
}

/* Protect pages of a registered range from writing, or let writes through and wake who waits. */
int pf_uffd_protect_timed(pf_work *work, int fd, uintptr_t address, size_t length, int on)
{
    struct pf_uffdio_writeprotect range = {address, length, on ? PF_UFFDIO_WRITEPROTECT_MODE_WP : 0};
    struct pf_span span;
    pf_begin(&span);
    int error = ioctl(fd, PF_UFFDIO_WRITEPROTECT, &range) == -1 ? errno : 0;
    pf_end(&span);
    span.done_bytes = error ? 0 : (int64_t)length;
    pf_add_span(work, &span);
    return -error;
}

/* Make an access to an unpopulated range an error as of poisoned memory, until it is unmapped. */
int pf_uffd_poison(int fd, uintptr_t address, size_t length)
{
    struct pf_uffdio_poison range = {.start = address, .len = length};
    return ioctl(fd, PF_UFFDIO_POISON, &range) == -1 ? -errno : 0;
}

/* 1 and the address of a page fault; 0 of anything else, or if who waited goes on already. */
int pf_uffd_fault(int fd, uint64_t *address)
{
    struct uffd_msg message;
    ssize_t got = read(fd, &message, sizeof(message));
    if (got == -1)
        return errno == EAGAIN ? 0 : -errno;
    if (got != sizeof(message) || message.event != UFFD_EVENT_PAGEFAULT)
        return 0;
    *address = message.arg.pagefault.address;
    return 1;
}
