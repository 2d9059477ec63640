/* Survive SIGBUS and SIGSEGV in one range of memory, and tell where they were raised.
 *
 * While any thread is guarded, our handlers are installed; the last one out restores what was there
 * before. A fault outside the guarded range of the thread that met it, and a signal that somebody
 * sent, take the action that was there before: Python's faulthandler, say, or the default. */
#include "prefault.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* Whoever installs a handler over ours may keep ours and chain to it long after (faulthandler does,
 * in disable() and on a fault). So each handler of ours stands before one and the same action for
 * ever: had it another one next time, it could come to stand before the handler that chains to it,
 * and a fault would go round between the two. Programs have few different actions. */
enum { LINKS = 8 };

struct chain {
    int number;
    int top;                        /* the link that is installed while threads are guarded */
    int links;                      /* how many are in use */
    struct sigaction before[LINKS]; /* what each stands before */
};

static struct chain bus = {.number = SIGBUS}, segv = {.number = SIGSEGV};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int guards;
static uintptr_t page_bytes;

/* initial-exec: a handler must not be what allocates it */
static __thread struct pf_guard *volatile active __attribute__((tls_model("initial-exec")));

static void pass_on(int number, siginfo_t *info, void *context, int sent,
                    const struct sigaction *before)
{
    if (before->sa_handler == SIG_IGN && sent)
        return;
    if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) {
        signal(number, SIG_DFL); /* an access that faulted repeats at once, and then kills */
        if (sent)
            raise(number);
        return;
    }
    if (before->sa_flags & (int)SA_RESETHAND)
        signal(number, SIG_DFL); /* as the kernel does for a handler of one shot */
    if (before->sa_flags & SA_SIGINFO)
        before->sa_sigaction(number, info, context);
    else
        before->sa_handler(number);
}

static void on_signal(int link, int number, siginfo_t *info, void *context)
{
    struct pf_guard *guard = active;
    uintptr_t address = (uintptr_t)info->si_addr;
    /* Action optional (sigaction(2)): the page went bad, and nobody has accessed it yet. */
    int sent = info->si_code <= 0 || (number == SIGBUS && info->si_code == BUS_MCEERR_AO);
    if (guard && !sent && address >= guard->first_page && address < guard->end) {
        guard->fault = address > guard->begin ? address : guard->begin;
        siglongjmp(guard->back, 1);
    }
    if (guard && sent && sigismember(&guard->mask, number)) {
        sigaddset(&guard->held, number); /* the guard alone let it through: leave it pending */
        return;
    }
    struct chain *chain = number == SIGBUS ? &bus : &segv;
    pass_on(number, info, context, sent, &chain->before[link]);
}

#define HANDLER(link)                                                                              \
    static void on_signal_##link(int number, siginfo_t *info, void *context)                       \
    {                                                                                              \
        on_signal(link, number, info, context);                                                    \
    }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
HANDLER(4)
HANDLER(5)
HANDLER(6)
HANDLER(7)

static void (*const handlers[LINKS])(int, siginfo_t *, void *) = {
    on_signal_0, on_signal_1, on_signal_2, on_signal_3,
    on_signal_4, on_signal_5, on_signal_6, on_signal_7,
};

/* Which link of ours an action is, or -1. */
static int link_of(const struct sigaction *action)
{
    for (int link = 0; link < LINKS; link++)
        if ((action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handlers[link])
            return link;
    return -1;
}

/* The link that stands before an action of somebody else; a new one for an action not met yet. */
static int link_before(struct chain *chain, const struct sigaction *action)
{
    int link = 0;
    while (link < chain->links && (chain->before[link].sa_handler != action->sa_handler ||
                                   chain->before[link].sa_flags != action->sa_flags))
        link++;
    if (link == LINKS)
        link--; /* more actions than a program has: give the last one up */
    if (link == chain->links)
        chain->links++;
    chain->before[link] = *action;
    return link;
}

static void install_link(const struct chain *chain, int link, struct sigaction *found)
{
    struct sigaction ours;
    memset(&ours, 0, sizeof(ours));
    ours.sa_sigaction = handlers[link];
    /* NODEFER: leaving by siglongjmp without restoring a mask leaves the signal unblocked */
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&ours.sa_mask);
    sigaction(chain->number, &ours, found);
}

/* Put a handler of ours on top of whatever is there, in one exchange: nothing gets lost. */
static void install(struct chain *chain)
{
    struct sigaction found;
    install_link(chain, chain->top, &found);
    int link = link_of(&found);
    if (link < 0)
        link = link_before(chain, &found);
    if (link == chain->top)
        return;
    chain->top = link;
    install_link(chain, link, NULL);
}

static void restore(const struct chain *chain)
{
    struct sigaction found;
    sigaction(chain->number, &chain->before[chain->top], &found);
    int link = link_of(&found);
    if (link < 0)
        sigaction(chain->number, &found, NULL); /* somebody installed theirs meanwhile: keep it */
    else if (link != chain->top)
        sigaction(chain->number, &chain->before[link], NULL); /* somebody put an older one back */
}

void pf_guard_enter(struct pf_guard *guard, const char *begin, const char *end)
{
    sigset_t both;
    guard->begin = (uintptr_t)begin;
    guard->end = (uintptr_t)end;
    guard->first_page = guard->begin / page_bytes * page_bytes; /* s390 tells no byte, but a page */
    sigemptyset(&guard->mask);
    sigemptyset(&guard->held);
    pthread_mutex_lock(&lock);
    guards++;
    install(&bus);
    install(&segv);
    active = guard;
    pthread_mutex_unlock(&lock);
    /* A fault whose signal is blocked kills, whatever the handler is (sigprocmask(2)). The kernel
     * writes the mask before it delivers what was pending, so on_signal finds it. */
    sigemptyset(&both);
    sigaddset(&both, SIGBUS);
    sigaddset(&both, SIGSEGV);
    pthread_sigmask(SIG_UNBLOCK, &both, &guard->mask);
}

void pf_guard_leave(const struct pf_guard *guard)
{
    if (sigismember(&guard->mask, SIGBUS) || sigismember(&guard->mask, SIGSEGV))
        pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
    pthread_mutex_lock(&lock);
    active = NULL;
    if (--guards == 0) {
        restore(&bus);
        restore(&segv);
    }
    pthread_mutex_unlock(&lock);
    if (sigismember(&guard->held, SIGBUS))
        raise(SIGBUS);
    if (sigismember(&guard->held, SIGSEGV))
        raise(SIGSEGV);
}

/* A child of fork(2) has the forking thread alone: not whoever held the lock, nor who was guarded. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
    if (guards > 0 && !active) {
        restore(&bus);
        restore(&segv);
    }
    guards = active != NULL;
    pthread_mutex_unlock(&lock);
}

static __attribute__((constructor)) void prepare(void)
{
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}
