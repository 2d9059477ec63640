/* Access memory that may raise SIGBUS or SIGSEGV, and come back with the place instead of dying. */
#include "prefault.h"

#include <string.h>

/* The four loops: one volatile access a page. Kept out of line, so that nothing but the loop
 * stands between the two readings of the clock. */
static __attribute__((noinline)) void touch_pages(int operation, char *begin, char *end,
                                                  size_t step)
{
    switch (operation) {
    case PF_TOUCH_READ:
        for (volatile char *page = begin; page < (volatile char *)end; page += step)
            (void)*page;
        break;
    case PF_TOUCH_WRITE:
        for (volatile char *page = begin; page < (volatile char *)end; page += step)
            *page = 0;
        break;
    case PF_TOUCH_READ_WRITE:
        for (volatile char *page = begin; page < (volatile char *)end; page += step)
            *page = *page;
        break;
    default: /* PF_TOUCH_ATOMIC: a write that loses no other writer's byte */
        for (char *page = begin; page < end; page += step)
            __atomic_fetch_or(page, 0, __ATOMIC_SEQ_CST);
        break;
    }
}

/* With a budget, touch the pages of this much between two looks at the clock: enough of them for
 * the looks not to be seen. */
#define BYTES_AT_ONCE ((size_t)32 << 20)

int pf_touch(int operation, char *begin, char *end, size_t step, int64_t budget_ns,
             struct pf_span *span)
{
    size_t at_once = step > BYTES_AT_ONCE ? step : BYTES_AT_ONCE / step * step;
    struct pf_guard guard;
    int result;
    pf_guard_enter(&guard, begin, end);
    if (sigsetjmp(guard.back, 0) == 0) {
        pf_begin(span);
        if (budget_ns <= 0) {
            touch_pages(operation, begin, end, step);
            pf_end(span);
            span->done_bytes = end - begin;
        } else {
            do {
                size_t left = (size_t)(end - begin) - (size_t)span->done_bytes;
                size_t part = left < at_once ? left : at_once;
                char *from = begin + span->done_bytes;
                touch_pages(operation, from, from + part, step);
                span->done_bytes += (int64_t)part;
            } while (span->done_bytes < end - begin && pf_now_ns() - span->began_ns < budget_ns);
            pf_end(span);
        }
        result = 0;
    } else {
        pf_end(span);
        /* s390 tells the page of a fault and not the byte: round to the step */
        span->done_bytes = (int64_t)((guard.fault - guard.begin) / step * step);
        result = -EFAULT;
    }
    pf_guard_leave(&guard);
    return result;
}

/* A latency is the time from one reading of the clock to the next: one reading an access. */
static __attribute__((noinline)) void access_all(const struct pf_access *access, size_t first,
                                                 size_t last)
{
    int64_t before = pf_now_ns();
    for (size_t i = first; i < last; i++) {
        volatile char *page = access->base + access->pages[i] * access->step;
        if (access->writes[i])
            *page = 1;
        else
            (void)*page;
        int64_t now = pf_now_ns();
        access->latency_ns[i] = now - before < UINT32_MAX ? (uint32_t)(now - before) : UINT32_MAX;
        before = now;
    }
}

int pf_access_pages(const struct pf_access *access, size_t first, size_t last,
                    struct pf_span *span)
{
    struct pf_guard guard;
    int result;
    pf_guard_enter(&guard, access->base, access->end);
    if (sigsetjmp(guard.back, 0) == 0) {
        pf_begin(span);
        access_all(access, first, last);
        pf_end(span);
        span->done_bytes = (int64_t)((last - first) * access->step);
        result = 0;
    } else {
        pf_end(span);
        span->done_bytes = (int64_t)((guard.fault - guard.begin) / access->step * access->step);
        result = -EFAULT;
    }
    pf_guard_leave(&guard);
    return result;
}

/* Page by page: memcpy keeps to no order, and the first page that cannot be had is to be told. */
static void copy_pages(char *memory, char *buffer, size_t length, size_t page, int write)
{
    size_t part = page - (uintptr_t)memory % page;
    for (size_t done = 0; done < length; done += part, part = page) {
        if (part > length - done)
            part = length - done;
        if (write)
            memcpy(memory + done, buffer + done, part);
        else
            memcpy(buffer + done, memory + done, part);
    }
}

int pf_copy(uintptr_t address, char *buffer, size_t length, size_t page, int write,
            int64_t *fault_offset)
{
    char *memory = (char *)address;
    struct pf_guard guard;
    uintptr_t end;
    int result;
    if (__builtin_add_overflow(address, length, &end)) {
        *fault_offset = 0;
        return -EFAULT;
    }
    pf_guard_enter(&guard, memory, memory + length);
    if (sigsetjmp(guard.back, 0) == 0) {
        copy_pages(memory, buffer, length, page, write);
        result = 0;
    } else {
        *fault_offset = (int64_t)(guard.fault - guard.begin);
        result = -EFAULT;
    }
    pf_guard_leave(&guard);
    return result;
}

void pf_touch_unguarded(int operation, uintptr_t address, size_t length, size_t step)
{
    touch_pages(operation, (char *)address, (char *)address + length, step);
}
