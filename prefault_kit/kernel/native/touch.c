/* Access memory that may raise SIGBUS or SIGSEGV, and come back with the place instead of dying.
 *
 * While any thread is inside a guarded loop, our handlers are installed; the last one out restores
 * what was there before. A fault outside the guarded range of the thread that met it goes to the
 * handler that was there before (Python's faulthandler, say) or to the default action. */
#include "prefault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

struct guard {
    sigjmp_buf back;
    uintptr_t begin, end;
    volatile uintptr_t fault;
};

static __thread struct guard *volatile active;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int guards;
static struct sigaction before_bus, before_segv;

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct guard *guard = active;
    uintptr_t address = (uintptr_t)info->si_addr;
    if (guard && info->si_code > 0 && address >= guard->begin && address < guard->end) {
        guard->fault = address;
        siglongjmp(guard->back, 1);
    }
    struct sigaction *before = number == SIGBUS ? &before_bus : &before_segv;
    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
    } else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) {
        signal(number, SIG_DFL); /* a real fault repeats at once and takes the default action */
        if (info->si_code <= 0)
            raise(number);
    } else {
        before->sa_handler(number);
    }
}

static void restore(int number, const struct sigaction *before)
{
    struct sigaction now;
    sigaction(number, NULL, &now);
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
        sigaction(number, before, NULL); /* else somebody installed theirs meanwhile: keep it */
}

static void enter(struct guard *guard, char *begin, char *end)
{
    guard->begin = (uintptr_t)begin;
    guard->end = (uintptr_t)end;
    pthread_mutex_lock(&lock);
    if (guards++ == 0) {
        struct sigaction ours;
        memset(&ours, 0, sizeof(ours));
        ours.sa_sigaction = on_fault;
        /* NODEFER: leaving by siglongjmp without restoring a mask leaves the signal unblocked */
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigemptyset(&ours.sa_mask);
        sigaction(SIGBUS, &ours, &before_bus);
        sigaction(SIGSEGV, &ours, &before_segv);
    }
    pthread_mutex_unlock(&lock);
}

static void leave(void)
{
    active = NULL;
    pthread_mutex_lock(&lock);
    if (--guards == 0) {
        restore(SIGBUS, &before_bus);
        restore(SIGSEGV, &before_segv);
    }
    pthread_mutex_unlock(&lock);
}

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

/* How many steps between two looks at the clock when there is a budget. */
enum { STEPS_AT_ONCE = 8192 };

int pf_touch(int operation, char *begin, char *end, size_t step, int64_t budget_ns,
             struct pf_span *span)
{
    struct guard guard;
    int result;
    enter(&guard, begin, end);
    if (sigsetjmp(guard.back, 0) == 0) {
        active = &guard;
        pf_begin(span);
        if (budget_ns <= 0) {
            touch_pages(operation, begin, end, step);
            pf_end(span);
            span->done_bytes = end - begin;
        } else {
            do {
                size_t left = (size_t)(end - begin) - (size_t)span->done_bytes;
                size_t part = left / step < STEPS_AT_ONCE ? left : STEPS_AT_ONCE * step;
                char *from = begin + span->done_bytes;
                touch_pages(operation, from, from + part, step);
                span->done_bytes += (int64_t)part;
            } while (span->done_bytes < end - begin && pf_now_ns() - span->began_ns < budget_ns);
            pf_end(span);
        }
        result = 0;
    } else {
        pf_end(span);
        /* s390 reports the page and not the byte of a fault: round to the step */
        span->done_bytes = (int64_t)((guard.fault - guard.begin) / step * step);
        result = -EFAULT;
    }
    leave();
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
    struct guard guard;
    int result;
    enter(&guard, access->base, access->end);
    if (sigsetjmp(guard.back, 0) == 0) {
        active = &guard;
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
    leave();
    return result;
}

int pf_copy(uintptr_t address, char *buffer, size_t length, int write, int64_t *fault_offset)
{
    char *memory = (char *)address;
    struct guard guard;
    int result;
    enter(&guard, memory, memory + length);
    if (sigsetjmp(guard.back, 0) == 0) {
        active = &guard;
        if (write)
            memcpy(memory, buffer, length);
        else
            memcpy(buffer, memory, length);
        result = 0;
    } else {
        *fault_offset = (int64_t)(guard.fault - guard.begin);
        result = -EFAULT;
    }
    leave();
    return result;
}
