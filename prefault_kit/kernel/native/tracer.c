/* Run a program under ptrace(2) and let it execute advice that it does not contain.
 *
 * The child installs a seccomp filter that stops it at the calls of interest alone (mmap, and what
 * bookkeeping needs), and only where their length is of interest. At the exit of a call that a rule
 * matches, the thread executes one more system call for each advice of the rule: the instruction
 * that made the call is executed again with other registers, which are put back afterwards. Signals
 * are blocked in that thread meanwhile.
 *
 * All calls of one tracer but pf_tracer_stop are made by one thread: it is the tracer.
 * Sources: ptrace(2), seccomp(2), Documentation/userspace-api/seccomp_filter.rst. */
#include "prefault.h"

#include <elf.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
typedef struct user_regs_struct registers;
/* Execute the `syscall` at whose exit the thread stands again, with another number. */
static void again(registers *regs, long number, const uint64_t *words)
{
    regs->rip -= 2;
    regs->rax = (uint64_t)number;
    regs->rdi = words[0];
    regs->rsi = words[1];
    regs->rdx = words[2];
}
static void set_argument(registers *regs, int index, uint64_t value)
{
    if (index == 1)
        regs->rsi = value;
    else if (index == 3)
        regs->r10 = value;
    else if (index == 0)
        regs->rdi = value;
}
static uint64_t frame_of(const registers *regs) { return regs->rbp; }
static uint64_t link_of(const registers *regs) { (void)regs; return 0; }
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
typedef struct user_regs_struct registers;
static void again(registers *regs, long number, const uint64_t *words)
{
    regs->pc -= 4;
    regs->regs[8] = (uint64_t)number;
    for (int each = 0; each < 3; each++)
        regs->regs[each] = words[each];
}
static void set_argument(registers *regs, int index, uint64_t value)
{
    regs->regs[index] = value;
}
static uint64_t frame_of(const registers *regs) { return regs->regs[29]; }
static uint64_t link_of(const registers *regs) { return regs->regs[30]; }
#endif

#ifdef ARCHITECTURE

enum { MOST_RULES = 16, BUCKETS = 1024, MOST_KNOWN = 4096, RECENT = 64, FRESH_BYTES = 32 << 20 };
/* What a stop of the filter is about: the data of SECCOMP_RET_TRACE */
enum { AT_MMAP = 1, AT_MUNMAP, AT_MREMAP, AT_MPROTECT, AT_MADVISE, AT_BRK, AT_CLONE, AT_CLONE3,
       AT_PTRACE, AT_SECCOMP, AT_REGISTER };
/* Where a thread stands: nowhere special; between a call of interest and its exit; before and
 * inside of a call that was put in. */
enum { RUNNING, IN_CALL, BEFORE_INJECTED, IN_INJECTED };

struct known { /* a mapping that the program made */
    uint64_t begin, end;
    int prot, flags, kind;
    int refused; /* whatever is asked later */
    char *path;
};

struct process {
    int pid, threads, filters, handles;
    uint64_t heap_end;
    struct known *known;
    int count, room, most;
    unsigned oldest;
    struct process *next;
};

struct thread {
    int tid, state, call, next_advice;
    struct process *process;
    uint64_t words[6];
    registers saved;
    uint64_t mask;
    int64_t began_ns;
    pf_trace_event event;
    struct thread *next;
};

struct pf_tracer {
    pf_trace_plan plan;
    pf_rule rules[MOST_RULES];
    int root, pidfd, go, failed, told, traced;
    int asking; /* what Python was asked: PF_TRACER_LOOK or PF_TRACER_ASK */
    int looks, answered, filters;
    int64_t allowance, since_asked, injected_bytes;
    struct thread *asked;
    struct thread *threads[BUCKETS];
    struct process *processes;
    pf_trace_event *events;
    size_t capacity, count;
    volatile int stop;
    int reaped, ending;
    pf_trace_end end;
};

/* --- the child --- */

#define STATEMENT(code, k) ((struct sock_filter)BPF_STMT(code, k))
#define JUMP(code, k, yes, no) ((struct sock_filter)BPF_JUMP(code, k, yes, no))
#define DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { LOW = 0, HIGH = 4 };
#else
enum { LOW = 4, HIGH = 0 };
#endif
#define TRACE(code) STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | (code))
#define ALLOW STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Stop at a call whose argument is at least so large. */
static int add_sized(struct sock_filter *to, int at, int number, int argument, uint64_t least,
                     int code)
{
    uint32_t word = DATA(args) + 8 * (uint32_t)argument;
    to[at++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 7);
    to[at++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, word + HIGH);
    to[at++] = JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(least >> 32), 3, 0);
    to[at++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(least >> 32), 0, 3);
    to[at++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, word + LOW);
    to[at++] = JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)least, 0, 1);
    to[at++] = TRACE(code);
    to[at++] = ALLOW;
    return at;
}

/* Stop at a call whatever its arguments, or where the low word of one is, or has, `word`. */
static int add_plain(struct sock_filter *to, int at, int number, int compare, int argument,
                     uint32_t word, int code)
{
    if (!compare) {
        to[at++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
        to[at++] = TRACE(code);
        return at;
    }
    to[at++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4);
    to[at++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, DATA(args) + 8 * (uint32_t)argument + LOW);
    to[at++] = JUMP(BPF_JMP | compare | BPF_K, word, 0, 1);
    to[at++] = TRACE(code);
    to[at++] = ALLOW;
    return at;
}

static int install_filter(const pf_trace_plan *plan)
{
    struct sock_filter code[96];
    int at = 0;
    uint64_t least = (uint64_t)plan->least_bytes;
    code[at++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, DATA(arch));
    code[at++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    code[at++] = ALLOW;
    code[at++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, DATA(nr));
    at = add_sized(code, at, __NR_mmap, 1, least, AT_MMAP);
    if (plan->follow) {
        at = add_sized(code, at, __NR_munmap, 1, least, AT_MUNMAP);
        at = add_sized(code, at, __NR_mprotect, 1, least, AT_MPROTECT);
        at = add_sized(code, at, __NR_madvise, 1, least, AT_MADVISE);
    }
    at = add_sized(code, at, __NR_mremap, 2, least, AT_MREMAP);
    if (plan->heap)
        at = add_plain(code, at, __NR_brk, 0, 0, 0, AT_BRK);
    at = add_plain(code, at, __NR_clone, BPF_JSET, 0, CLONE_UNTRACED, AT_CLONE);
    at = add_plain(code, at, __NR_clone3, 0, 0, 0, AT_CLONE3);
    at = add_plain(code, at, __NR_ptrace, 0, 0, 0, AT_PTRACE);
    at = add_plain(code, at, __NR_seccomp, 0, 0, 0, AT_SECCOMP);
    at = add_plain(code, at, __NR_prctl, BPF_JEQ, 0, PR_SET_SECCOMP, AT_SECCOMP);
    at = add_plain(code, at, __NR_ioctl, BPF_JEQ, 1, (uint32_t)UFFDIO_REGISTER, AT_REGISTER);
    code[at++] = ALLOW;
    struct sock_fprog program = {(unsigned short)at, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return -errno;
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == -1 ? -errno : 0;
}

static void run_child(const pf_trace_plan *plan, int go, int failed, const char *path,
                      char *const *argv, char *const *envp)
{
    char byte;
    int error = 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 || read(go, &byte, 1) != 1)
        _exit(127); /* whoever started it has ended */
    for (int fd = 0; fd < 3; fd++)
        if (plan->fds[fd] >= 0 && dup2(plan->fds[fd], fd) == -1)
            error = errno;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < 65; number++)
        sigaction(number, &usual, NULL); /* Python ignores some */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (!error && plan->traced)
        error = -install_filter(plan);
    if (!error) {
        execve(path, argv, envp);
        error = errno;
    }
    if (write(failed, &error, sizeof(error)) < 0)
        _exit(126);
    _exit(127);
}

static int64_t io_number(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

static void read_io(pf_trace_end *end, int pid)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/io", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd != -1)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    end->read_bytes = io_number(text, "\nread_bytes:");
    end->written_bytes = io_number(text, "\nwrite_bytes:");
}

static void note_usage(pf_trace_end *end, int status, const struct rusage *used)
{
    end->status = status;
    end->minor_faults = used->ru_minflt;
    end->major_faults = used->ru_majflt;
    end->cpu_ns = ((int64_t)used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000000 +
                         ((int64_t)used->ru_utime.tv_usec + used->ru_stime.tv_usec) * 1000;
    if ((int64_t)used->ru_maxrss * 1024 > end->peak_bytes)
        end->peak_bytes = (int64_t)used->ru_maxrss * 1024;
}

enum { HAND_ON = SIGUSR1, END_ALL = SIGTERM };

static int kill_children(void)
{
    char path[64], text[4096];
    int count = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd != -1)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    char *at = text, *after;
    for (long child; (child = strtol(at, &after, 10)) > 0; at = after)
        count += kill((int)child, SIGKILL) == 0;
    return count;
}

/* The parent of a program that has no tracer: it measures the program, and lets nothing outlive
 * it. Its own parent's end is told by END_ALL; HAND_ON is a SIGTERM for the program. */
static void keep(const pf_trace_plan *plan, int go, int failed, int result, const char *path,
                 char *const *argv, char *const *envp)
{
    pf_trace_end end = {.status = -1, .read_bytes = -1, .written_bytes = -1};
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct rusage used;
    siginfo_t info;
    sigset_t heard; /* blocked, so that none comes between a look and the wait for the next */
    char byte;
    int status, end_all = 0;
    sigaction(SIGCHLD, &usual, NULL);
    sigemptyset(&heard);
    sigaddset(&heard, HAND_ON);
    sigaddset(&heard, END_ALL);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_SETMASK, &heard, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (prctl(PR_SET_PDEATHSIG, END_ALL, 0, 0, 0) == -1 || read(go, &byte, 1) != 1)
        _exit(127);
    int child = fork();
    if (child == 0)
        run_child(plan, go, failed, path, argv, envp); /* which waits for a word of its own */
    if (write(result, "", 1) != 1)
        end_all = 1;
    while (child > 0) {
        if (end_all)
            kill_children();
        int number = sigwaitinfo(&heard, NULL);
        end_all |= number == END_ALL;
        if (number == HAND_ON)
            kill(child, SIGTERM);
        memset(&info, 0, sizeof(info));
        while (child > 0 && waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
               info.si_pid) {
            if (info.si_pid == child) {
                end.wall_ns = pf_now_ns();
                read_io(&end, child);
                if (wait4(child, &status, __WALL, &used) == child)
                    note_usage(&end, status, &used);
                end.left = kill_children();
                child = 0;
            } else {
                waitpid(info.si_pid, NULL, __WALL);
            }
            memset(&info, 0, sizeof(info));
        }
    }
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
        kill_children();
    _exit(write(result, &end, sizeof(end)) != sizeof(end));
}

int pf_tracer_start(pf_tracer **made, const pf_trace_plan *plan, const pf_rule *rules,
                    const char *path, char *const *argv, char *const *envp)
{
    int go[2] = {-1, -1}, failed[2] = {-1, -1}, told[2] = {-1, -1}, result = 0;
    if (plan->rules < 0 || plan->rules > MOST_RULES)
        return -EINVAL;
    pf_tracer *tracer = calloc(1, sizeof(*tracer));
    if (!tracer)
        return -ENOMEM;
    tracer->plan = *plan;
    memcpy(tracer->rules, rules, (size_t)plan->rules * sizeof(*rules));
    tracer->traced = plan->traced;
    tracer->end.status = -1;
    tracer->end.error = 0;
    tracer->allowance = 0;
    tracer->pidfd = -1;
    if (pipe2(go, O_CLOEXEC) == -1 || pipe2(failed, O_CLOEXEC | O_NONBLOCK) == -1 ||
        pipe2(told, O_CLOEXEC) == -1) {
        result = -errno;
        goto out;
    }
    int child = fork();
    if (child == 0) {
        close(go[1]);
        if (plan->traced)
            run_child(plan, go[0], failed[1], path, argv, envp);
        keep(plan, go[0], failed[1], told[1], path, argv, envp);
    }
    if (child == -1) {
        result = -errno;
        goto out;
    }
    tracer->root = child;
    tracer->pidfd = (int)syscall(__NR_pidfd_open, child, 0);
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP |
                   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
    if (tracer->pidfd == -1 ||
        (plan->traced && ptrace(PTRACE_SEIZE, child, 0, options) == -1)) {
        result = -errno;
        kill(child, SIGKILL);
        waitpid(child, NULL, __WALL);
        goto out;
    }
    tracer->go = go[1];
    tracer->failed = failed[0];
    tracer->told = told[0];
    close(go[0]);
    close(failed[1]);
    close(told[1]);
    *made = tracer;
    return child;
out:
    for (int each = 0; each < 2; each++) {
        if (go[each] != -1)
            close(go[each]);
        if (failed[each] != -1)
            close(failed[each]);
        if (told[each] != -1)
            close(told[each]);
    }
    if (tracer->pidfd != -1)
        close(tracer->pidfd);
    free(tracer);
    return result;
}

/* --- who is there --- */

static struct thread **slot_of(pf_tracer *tracer, int tid)
{
    struct thread **slot = &tracer->threads[tid % BUCKETS];
    while (*slot && (*slot)->tid != tid)
        slot = &(*slot)->next;
    return slot;
}

static struct process *process_of(pf_tracer *tracer, int pid)
{
    struct process *process = tracer->processes;
    while (process && process->pid != pid)
        process = process->next;
    return process;
}

#define FILTERS "\nSeccomp_filters:"

/* A number of /proc/TID/status; 0 where it is not there. */
static int64_t status_number(int tid, const char *name, int base)
{
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd != -1)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    char *at = strstr(text, name);
    return at ? strtoll(at + strlen(name), NULL, base) : 0;
}

static void forget_known(struct process *process)
{
    for (int each = 0; each < process->count; each++)
        free(process->known[each].path);
    process->count = 0;
}

static void remember(struct process *process, struct known known)
{
    if (process->count >= process->most) { /* an old one goes: nothing will be done to it */
        struct known *old = &process->known[process->oldest++ % process->count];
        free(old->path);
        *old = known;
        return;
    }
    if (process->count == process->room) {
        int room = process->room ? 2 * process->room : 16;
        void *more = realloc(process->known, (size_t)room * sizeof(known));
        if (!more) {
            free(known.path);
            return;
        }
        process->known = more;
        process->room = room;
    }
    process->known[process->count++] = known;
}

/* Let go of what a range covers: the rest of a mapping stays known. */
static void forget_range(struct process *process, uint64_t begin, uint64_t end)
{
    for (int each = 0; each < process->count; each++) {
        struct known *known = &process->known[each];
        if (known->end <= begin || known->begin >= end)
            continue;
        struct known rest = *known;
        if (known->begin < begin && known->end > end) { /* two parts stay */
            known->end = begin;
            rest.begin = end;
            rest.path = known->path ? strdup(known->path) : NULL;
            remember(process, rest);
        } else if (known->begin < begin) {
            known->end = begin;
        } else if (known->end > end) {
            known->begin = end;
        } else {
            free(known->path);
            *known = process->known[--process->count];
            each--;
        }
    }
}

static struct known *known_around(struct process *process, uint64_t begin, uint64_t end)
{
    for (int each = 0; each < process->count; each++)
        if (process->known[each].begin <= begin && end <= process->known[each].end)
            return &process->known[each];
    return NULL;
}

static struct thread *adopt(pf_tracer *tracer, int tid)
{
    struct thread **slot = slot_of(tracer, tid);
    if (*slot)
        return *slot;
    struct thread *thread = calloc(1, sizeof(*thread));
    if (!thread)
        return NULL;
    int pid = (int)status_number(tid, "\nTgid:", 10);
    pid = pid ? pid : tid;
    struct process *process = process_of(tracer, pid);
    if (!process && (process = calloc(1, sizeof(*process)))) {
        process->pid = pid;
        /* only mremap asks for them where munmap is not followed, and each mmap looks at them all */
        process->most = tracer->plan.follow ? MOST_KNOWN : RECENT;
        /* its parent may have gone: what it filters is asked of itself (Linux 5.9) */
        process->filters = tracer->processes &&
                           status_number(tid, FILTERS, 10) > tracer->filters + 1;
        struct process *parent = process_of(tracer, (int)status_number(tid, "\nPPid:", 10));
        if (parent) {
            process->filters |= parent->filters;
            process->handles = parent->handles;
            process->heap_end = parent->heap_end;
            for (int each = 0; each < parent->count; each++) {
                struct known copy = parent->known[each];
                copy.path = copy.path ? strdup(copy.path) : NULL;
                remember(process, copy);
            }
        }
        process->next = tracer->processes;
        tracer->processes = process;
        tracer->end.processes++;
        tracer->end.left += tracer->reaped; /* it comes when the program has ended */
    }
    if (!process) {
        free(thread);
        return NULL;
    }
    process->threads++;
    tracer->end.threads++;
    thread->tid = tid;
    thread->process = process;
    *slot = thread;
    return thread;
}

static void bury(pf_tracer *tracer, int tid)
{
    struct thread **slot = slot_of(tracer, tid), *thread = *slot;
    if (!thread)
        return;
    *slot = thread->next;
    struct process *process = thread->process;
    if (--process->threads == 0) {
        struct process **link = &tracer->processes;
        while (*link != process)
            link = &(*link)->next;
        *link = process->next;
        forget_known(process);
        free(process->known);
        free(process);
    }
    if (tracer->asked == thread)
        tracer->asked = NULL;
    free(thread);
}

/* --- stops --- */

static void resume(const struct thread *thread, int number)
{
    int how = thread->state == RUNNING ? PTRACE_CONT : PTRACE_SYSCALL;
    ptrace(how, thread->tid, 0, number); /* ESRCH: it was killed meanwhile, which waitpid tells */
}

static int get_registers(int tid, registers *regs)
{
    struct iovec part = {regs, sizeof(*regs)};
    return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part) == -1 ? -errno : 0;
}

static int set_registers(int tid, const registers *regs)
{
    struct iovec part = {(void *)regs, sizeof(*regs)};
    return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &part) == -1 ? -errno : 0;
}

static int change_argument(int tid, int index, uint64_t value)
{
    registers regs;
    int result = get_registers(tid, &regs);
    if (result == 0) {
        set_argument(&regs, index, value);
        result = set_registers(tid, &regs);
    }
    return result;
}

static void tell(pf_tracer *tracer, const pf_trace_event *event)
{
    if (tracer->count < tracer->capacity)
        tracer->events[tracer->count++] = *event;
    else
        tracer->end.lost++;
}

/* Whether to bring pages of a file in would fill holes of it, which would stay. */
static int has_holes(const struct stat *file, const struct statfs *system, int shared)
{
    return (system->f_type == TMPFS_MAGIC || (system->f_type == HUGETLBFS_MAGIC && shared)) &&
           file->st_blocks * 512 < file->st_size;
}

/* What lies behind a descriptor: fills kind, path, and why nothing may be done to it. */
static int64_t describe_file(pf_trace_event *event, int tid, int fd, uint64_t offset)
{
    char name[64];
    struct stat file;
    struct statfs system;
    int shared = (event->flags & MAP_TYPE) != MAP_PRIVATE;
    snprintf(name, sizeof(name), "/proc/%d/fd/%d", tid, fd);
    ssize_t length = readlink(name, event->path, sizeof(event->path) - 1);
    event->path[length > 0 ? length : 0] = 0;
    event->kind = shared ? PF_KIND_FILE_SHARED : PF_KIND_FILE_PRIVATE;
    if (stat(name, &file) == -1 || statfs(name, &system) == -1) {
        event->refused = PF_REFUSED_DEVICE; /* nothing is known of it */
        return 0;
    }
    if (!S_ISREG(file.st_mode)) {
        event->refused = PF_REFUSED_DEVICE;
        return 0;
    }
    if (system.f_type == HUGETLBFS_MAGIC)
        event->kind = PF_KIND_HUGETLB;
    else if (strncmp(event->path, "/memfd:", 7) == 0)
        event->kind = PF_KIND_MEMFD;
    event->linked = file.st_nlink > 0;
    event->holes = has_holes(&file, &system, shared);
    return file.st_size > (int64_t)offset ? file.st_size - (int64_t)offset : 0;
}

static int match(const pf_tracer *tracer, const pf_trace_event *event, int moment)
{
    for (int each = 0; each < tracer->plan.rules; each++) {
        const pf_rule *rule = &tracer->rules[each];
        if (rule->moment == moment && (rule->kinds & event->kind) &&
            (int64_t)event->length >= rule->least_bytes &&
            (int64_t)event->length <= rule->most_bytes &&
            (event->prot & rule->prot) == rule->prot &&
            (!rule->path[0] || fnmatch(rule->path, event->path, FNM_NOESCAPE) == 0))
            return each;
    }
    return -1;
}

/* Whether an advice keeps what memory holds, so that to add it or to leave it out changes no
 * result; the rest (MADV_DONTNEED, _FREE, _REMOVE, _DONTFORK ...) is the program's. */
static int keeps_content(int advice)
{
    return advice == MADV_NORMAL || advice == MADV_RANDOM || advice == MADV_SEQUENTIAL ||
           advice == MADV_WILLNEED || advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE ||
           advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_POPULATE_READ ||
           advice == MADV_POPULATE_WRITE || advice == MADV_COLLAPSE ||
           advice == PF_INJECT_MLOCK_ONFAULT;
}

static int populates(int advice)
{
    return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE ||
           advice == MADV_COLLAPSE || advice == MADV_WILLNEED;
}

/* Whether a lock takes nothing of what the program itself may lock, or mremap when it is locked. */
static int may_lock(int tid)
{
    struct rlimit limit;
    return (prlimit(tid, RLIMIT_MEMLOCK, NULL, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) ||
           (status_number(tid, "\nCapEff:", 16) >> CAP_IPC_LOCK & 1);
}

/* Why an advice must not be put in here; 0 if it may be. */
static int why_not(const struct thread *thread, const pf_trace_event *event, int advice)
{
    if (event->refused)
        return event->refused;
    if (thread->process->filters)
        return PF_REFUSED_FILTERED;
    if (thread->process->handles)
        return PF_REFUSED_HANDLES;
    if (!keeps_content(advice))
        return PF_REFUSED_CONTENT;
    if (event->prot == PROT_NONE)
        return PF_REFUSED_NO_ACCESS;
    if (event->flags & (MAP_STACK | MAP_GROWSDOWN))
        return PF_REFUSED_STACK;
    if (advice == PF_INJECT_MLOCK_ONFAULT && !may_lock(thread->tid))
        return PF_REFUSED_LOCKS;
    if (advice == MADV_POPULATE_READ && !(event->prot & PROT_READ))
        return PF_REFUSED_NO_ACCESS;
    if (advice == MADV_POPULATE_WRITE) {
        if (!(event->prot & PROT_WRITE))
            return PF_REFUSED_NOT_WRITABLE;
        if ((event->flags & MAP_TYPE) != MAP_PRIVATE && event->linked)
            return PF_REFUSED_SHARED_FILE;
    }
    if (populates(advice) && event->holes && event->linked)
        return PF_REFUSED_HOLES;
    return 0;
}

/* Why pages must not be brought in that a mapping has by now; 0 if they may be. */
static int why_not_mapped(int tid, const char *permissions, uint64_t inode, const char *path,
                          int advice)
{
    static const char gone[] = " (deleted)"; /* memfd and shared anonymous memory too */
    char name[PATH_MAX + 64];
    struct stat file;
    struct statfs system;
    int shared = permissions[3] == 's';
    size_t length = strlen(path);
    if (path[0] != '/')
        return 0;
    snprintf(name, sizeof(name), "/proc/%d/root%s", tid, path);
    int found = stat(name, &file) == 0 && file.st_ino == inode && statfs(name, &system) == 0;
    if (!found && length >= strlen(gone) && !strcmp(path + length - strlen(gone), gone))
        return 0;
    if (shared && advice == MADV_POPULATE_WRITE)
        return PF_REFUSED_SHARED_FILE;
    if (!found || !S_ISREG(file.st_mode))
        return PF_REFUSED_DEVICE; /* or nothing is known of it */
    return has_holes(&file, &system, shared) ? PF_REFUSED_HOLES : 0;
}

/* The same of all that lies in the range of an event. What is small is not seen when it is mapped,
 * so more than is known may lie there, and another file. */
static int why_not_there(const struct thread *thread, const pf_trace_event *event, int advice)
{
    uint64_t end = event->inject_address + event->inject_length;
    unsigned long long from, to, inode;
    char name[64], permissions[5];
    int refused = 0, path = 0;
    char *line = NULL;
    size_t room = 0;
    snprintf(name, sizeof(name), "/proc/%d/maps", thread->tid);
    FILE *maps = fopen(name, "re");
    if (!maps)
        return PF_REFUSED_DEVICE;
    while (!refused && getline(&line, &room, maps) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%llx-%llx %4s %*s %*s %llu %n", &from, &to, permissions, &inode,
                   &path) == 4 && from < end && event->inject_address < to)
            refused = why_not_mapped(thread->tid, permissions, inode, line + path, advice);
    }
    free(line);
    fclose(maps);
    return refused;
}

static int64_t machine_available(void)
{
    char text[512];
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd != -1)
        close(fd);
    text[got > 0 ? got : 0] = 0;
    char *at = strstr(text, "MemAvailable:");
    return at ? strtoll(at + 13, NULL, 10) * 1024 : 0;
}

static uint64_t page_up(uint64_t value)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (value + page - 1) / page * page;
}

static void begin_injected(pf_tracer *tracer, struct thread *thread);

/* All advice of a rule was given, or none is to be: tell, and go on. */
static void finish(pf_tracer *tracer, struct thread *thread)
{
    if (thread->next_advice) { /* there were some */
        set_registers(thread->tid, &thread->saved);
        ptrace(PTRACE_SETSIGMASK, thread->tid, sizeof(thread->mask), &thread->mask);
    }
    thread->state = RUNNING;
    if (thread->event.refused && thread->event.rule >= 0)
        tracer->end.refusals++;
    tell(tracer, &thread->event);
    resume(thread, 0);
}

static void give_next(pf_tracer *tracer, struct thread *thread)
{
    pf_trace_event *event = &thread->event;
    if (event->rule < 0 || thread->next_advice >= tracer->rules[event->rule].count) {
        finish(tracer, thread);
        return;
    }
    int advice = tracer->rules[event->rule].advice[thread->next_advice];
    int refused = why_not(thread, event, advice);
    if (!refused && populates(advice) && event->what != PF_EVENT_MMAP)
        refused = why_not_there(thread, event, advice);
    if (refused) {
        event->refused = refused;
        finish(tracer, thread);
        return;
    }
    int64_t length = (int64_t)event->inject_length;
    if (length <= 0) {
        finish(tracer, thread);
        return;
    }
    if (populates(advice)) {
        if (tracer->answered) {
            tracer->answered = 0;
        } else if (length > tracer->allowance || tracer->since_asked > FRESH_BYTES) {
            tracer->allowance = machine_available() - tracer->plan.reserve_bytes;
            tracer->since_asked = 0;
            if (tracer->plan.limited) {
                tracer->asking = PF_TRACER_ASK;
                tracer->asked = thread;
                return;
            }
        }
        if (tracer->plan.most_bytes && tracer->injected_bytes + length > tracer->plan.most_bytes)
            tracer->allowance = 0;
        if (length > tracer->allowance) {
            event->refused = PF_REFUSED_MEMORY;
            finish(tracer, thread);
            return;
        }
        tracer->allowance -= length;
        tracer->since_asked += length;
        tracer->injected_bytes += length;
    }
    begin_injected(tracer, thread);
}

static void begin_injected(pf_tracer *tracer, struct thread *thread)
{
    pf_trace_event *event = &thread->event;
    int advice = tracer->rules[event->rule].advice[thread->next_advice];
    int lock = advice == PF_INJECT_MLOCK_ONFAULT;
    /* advice that is remembered is given to all of it, also behind the end of a file: in two parts
     * that differ the program could not mremap it as one */
    int whole = !populates(advice) &&
                (event->what == PF_EVENT_MMAP || event->what == PF_EVENT_MREMAP);
    uint64_t words[3] = {whole ? event->address : event->inject_address,
                         whole ? page_up(event->length) : event->inject_length,
                         lock ? MLOCK_ONFAULT : (uint64_t)advice};
    registers regs = thread->saved;
    uint64_t all = ~UINT64_C(0);
    again(&regs, lock ? __NR_mlock2 : __NR_madvise, words);
    if (thread->next_advice == 0) {
        ptrace(PTRACE_GETSIGMASK, thread->tid, sizeof(thread->mask), &thread->mask);
        ptrace(PTRACE_SETSIGMASK, thread->tid, sizeof(all), &all);
    }
    thread->state = BEFORE_INJECTED;
    if (set_registers(thread->tid, &regs) == 0)
        resume(thread, 0);
}

static void end_injected(pf_tracer *tracer, struct thread *thread, int64_t result)
{
    pf_trace_event *event = &thread->event;
    event->took_ns[thread->next_advice] = pf_now_ns() - thread->began_ns;
    event->errors[thread->next_advice] = result < 0 ? (int)-result : 0;
    event->injected = ++thread->next_advice;
    tracer->end.injections++;
    give_next(tracer, thread);
}

/* What the program may have called from: the frame pointer's chain is followed by Python. */
static void note_place(struct thread *thread)
{
    struct __ptrace_syscall_info info;
    thread->event.frame = frame_of(&thread->saved);
    thread->event.link = link_of(&thread->saved);
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof(info), &info) > 0) {
        thread->event.ip = info.instruction_pointer;
        thread->event.sp = info.stack_pointer;
    }
}

static void begin_event(struct thread *thread, int what)
{
    thread->event = (pf_trace_event){.what = what,
                                     .pid = thread->process->pid,
                                     .tid = thread->tid,
                                     .time_ns = pf_now_ns(),
                                     .rule = -1};
    thread->next_advice = 0;
}

/* A call of interest begins. */
static void enter_call(pf_tracer *tracer, struct thread *thread, int code, const uint64_t *words)
{
    pf_trace_event *event = &thread->event;
    struct process *process = thread->process;
    thread->call = code;
    memcpy(thread->words, words, sizeof(thread->words));
    if (code == AT_MMAP) {
        begin_event(thread, PF_EVENT_MMAP);
        event->length = words[1];
        event->prot = (int)words[2];
        event->flags = (int)words[3];
        event->offset = words[5];
        int64_t behind = INT64_MAX;
        if (!(event->flags & MAP_ANONYMOUS))
            behind = describe_file(event, thread->tid, (int)words[4], words[5]);
        else if (event->flags & MAP_HUGETLB)
            event->kind = PF_KIND_HUGETLB;
        else
            event->kind = (event->flags & MAP_TYPE) == MAP_PRIVATE ? PF_KIND_ANON_PRIVATE
                                                                  : PF_KIND_ANON_SHARED;
        event->inject_length = page_up((uint64_t)behind < event->length ? (uint64_t)behind
                                                                        : event->length);
        event->rule = match(tracer, event, PF_MOMENT_MMAP);
        if (event->rule < 0 && !tracer->plan.record && !tracer->plan.follow) {
            resume(thread, 0);
            return;
        }
        if (event->rule >= 0 && tracer->rules[event->rule].drop_populate &&
            (event->flags & MAP_POPULATE) && !process->filters &&
            change_argument(thread->tid, 3, words[3] & ~(uint64_t)MAP_POPULATE) == 0)
            event->dropped = 1;
    } else if (code == AT_MADVISE) {
        begin_event(thread, PF_EVENT_ADVICE);
        struct known *known = known_around(process, words[0], words[0] + words[1]);
        event->address = words[0];
        event->length = words[1];
        event->advice = (int)words[2];
        if (known) {
            event->kind = known->kind;
            event->prot = known->prot;
            event->flags = known->flags;
            event->refused = known->refused;
            if (known->path)
                snprintf(event->path, sizeof(event->path), "%s", known->path);
        }
        if (!known || !keeps_content(event->advice)) {
            resume(thread, 0);
            return;
        }
        event->rule = match(tracer, event, PF_MOMENT_ADVICE);
        int drops = event->rule >= 0 && tracer->rules[event->rule].drop_advice;
        for (int each = 0; event->rule < 0 && each < tracer->plan.rules; each++) {
            /* a rule that leaves advice out need not wait for it */
            event->rule = match(tracer, event, PF_MOMENT_MMAP);
            drops = event->rule >= 0 && tracer->rules[event->rule].drop_advice;
            if (!drops)
                event->rule = -1;
        }
        /* who populates a file may rely on its errors */
        int told = event->advice == MADV_POPULATE_READ || event->advice == MADV_POPULATE_WRITE;
        if (told && !(event->flags & MAP_ANONYMOUS))
            drops = 0;
        if (drops && !process->filters && change_argument(thread->tid, 1, 0) == 0)
            event->dropped = 1;
        if (event->rule < 0 && !tracer->plan.record) {
            resume(thread, 0);
            return;
        }
    } else if (code == AT_CLONE) {
        change_argument(thread->tid, 0, words[0] & ~(uint64_t)CLONE_UNTRACED);
        resume(thread, 0);
        return;
    } else if (code == AT_CLONE3) {
        errno = 0;
        long flags = ptrace(PTRACE_PEEKDATA, thread->tid, words[0], 0);
        if (errno == 0 && (flags & CLONE_UNTRACED))
            ptrace(PTRACE_POKEDATA, thread->tid, words[0], flags & ~(long)CLONE_UNTRACED);
        resume(thread, 0);
        return;
    } else if (code == AT_PTRACE) {
        begin_event(thread, PF_EVENT_TRACES);
        tell(tracer, event);
        tracer->end.traces = 1;
        tracer->stop = 1; /* it stays where it is, or it might end by itself first */
        return;
    } else if (code == AT_SECCOMP) {
        /* its filter may forbid what we would let it call */
        begin_event(thread, PF_EVENT_FILTERS);
        tell(tracer, event);
        process->filters = 1;
        resume(thread, 0);
        return;
    } else if (code == AT_REGISTER) {
        /* what is there already never asks it for what belongs there */
        begin_event(thread, PF_EVENT_HANDLES);
        tell(tracer, event);
        process->handles = 1;
        resume(thread, 0);
        return;
    }
    thread->state = IN_CALL;
    if (code == AT_MUNMAP && tracer->looks < tracer->plan.looks) {
        tracer->looks++;
        begin_event(thread, PF_EVENT_MUNMAP);
        event->address = words[0];
        event->length = words[1];
        tracer->asking = PF_TRACER_LOOK;
        tracer->asked = thread;
        return;
    }
    resume(thread, 0);
}

static void look_or_give(pf_tracer *tracer, struct thread *thread)
{
    int injects = thread->event.rule >= 0 && tracer->rules[thread->event.rule].count;
    if (!injects && !tracer->plan.record && !thread->event.dropped) {
        thread->state = RUNNING;
        resume(thread, 0);
        return;
    }
    if (injects || tracer->looks < tracer->plan.looks)
        get_registers(thread->tid, &thread->saved);
    if (tracer->looks < tracer->plan.looks && !thread->event.refused) {
        tracer->looks++;
        note_place(thread);
        tracer->asking = PF_TRACER_LOOK;
        tracer->asked = thread;
        return;
    }
    give_next(tracer, thread);
}

static void tell_unmapped(pf_tracer *tracer, struct thread *thread, uint64_t begin,
                          uint64_t length)
{
    if (!tracer->plan.record)
        return;
    begin_event(thread, PF_EVENT_MUNMAP);
    thread->event.address = begin;
    thread->event.length = page_up(length);
    tell(tracer, &thread->event);
}

/* A call of interest has ended, with a result or -errno. */
static void leave_call(pf_tracer *tracer, struct thread *thread, int64_t result)
{
    pf_trace_event *event = &thread->event;
    struct process *process = thread->process;
    uint64_t *words = thread->words;
    int failed = result < 0 && result > -4096;
    thread->state = RUNNING;
    /* a call leaves the registers of its arguments as they were */
    if (thread->call == AT_MMAP && event->dropped)
        change_argument(thread->tid, 3, words[3]);
    if (thread->call == AT_MADVISE && event->dropped)
        change_argument(thread->tid, 1, words[1]);
    if (thread->call == AT_BRK && !failed) {
        uint64_t old = page_up(process->heap_end), now = page_up((uint64_t)result);
        process->heap_end = (uint64_t)result;
        if (old && now > old) {
            begin_event(thread, PF_EVENT_MMAP);
            event->kind = PF_KIND_HEAP;
            event->address = event->inject_address = old;
            event->length = event->inject_length = now - old;
            event->prot = PROT_READ | PROT_WRITE;
            event->flags = MAP_PRIVATE | MAP_ANONYMOUS;
            snprintf(event->path, sizeof(event->path), "[heap]");
            event->rule = match(tracer, event, PF_MOMENT_MMAP);
            if ((int64_t)event->length >= tracer->plan.least_bytes) {
                look_or_give(tracer, thread);
                return;
            }
        }
    } else if (failed) {
        if (thread->call == AT_MMAP) {
            event->error = (int)-result;
            event->rule = -1;
            tell(tracer, event);
        }
    } else if (thread->call == AT_MMAP) {
        event->address = event->inject_address = (uint64_t)result;
        forget_range(process, event->address, event->address + page_up(event->length));
        int barred = event->refused;
        if (event->flags & (MAP_STACK | MAP_GROWSDOWN))
            barred = PF_REFUSED_STACK;
        remember(process, (struct known){event->address, event->address + page_up(event->length),
                                         event->prot, event->flags, event->kind, barred,
                                         event->path[0] ? strdup(event->path) : NULL});
        look_or_give(tracer, thread);
        return;
    } else if (thread->call == AT_MUNMAP) {
        forget_range(process, words[0], words[0] + page_up(words[1]));
        tell_unmapped(tracer, thread, words[0], words[1]);
    } else if (thread->call == AT_MREMAP) {
        uint64_t old = page_up(words[1]), now = page_up(words[2]);
        struct known *known = known_around(process, words[0], words[0] + old);
        if (known) {
            struct known moved = *known;
            moved.path = known->path ? strdup(known->path) : NULL;
            forget_range(process, words[0], words[0] + old);
            moved.begin = (uint64_t)result;
            moved.end = moved.begin + now;
            if (moved.begin != words[0] && !(words[3] & MREMAP_DONTUNMAP))
                tell_unmapped(tracer, thread, words[0], words[1]);
            begin_event(thread, PF_EVENT_MREMAP);
            event->kind = moved.kind;
            event->prot = moved.prot;
            event->flags = moved.flags;
            event->refused = moved.refused;
            if (moved.path)
                snprintf(event->path, sizeof(event->path), "%s", moved.path);
            event->address = moved.begin;
            event->length = now;
            event->inject_address = moved.begin + old;
            /* a file's new part may lie behind its end */
            event->inject_length = now > old && (moved.flags & MAP_ANONYMOUS) ? now - old : 0;
            event->rule = match(tracer, event, PF_MOMENT_MMAP);
            forget_range(process, moved.begin, moved.end);
            remember(process, moved);
            look_or_give(tracer, thread);
            return;
        }
    } else if (thread->call == AT_MPROTECT) {
        struct known *known = known_around(process, words[0], words[0] + page_up(words[1]));
        if (known) {
            int before = known->prot;
            begin_event(thread, PF_EVENT_PROTECT);
            event->kind = known->kind;
            event->flags = known->flags;
            event->prot = (int)words[2];
            event->refused = known->refused;
            if (known->path)
                snprintf(event->path, sizeof(event->path), "%s", known->path);
            event->address = event->inject_address = words[0];
            event->length = event->inject_length = page_up(words[1]);
            struct known changed = *known;
            changed.path = known->path ? strdup(known->path) : NULL;
            changed.begin = words[0];
            changed.end = words[0] + page_up(words[1]);
            changed.prot = event->prot;
            forget_range(process, changed.begin, changed.end);
            remember(process, changed);
            if ((event->prot & PROT_WRITE) && !(before & PROT_WRITE)) {
                event->rule = match(tracer, event, PF_MOMENT_WRITABLE);
                look_or_give(tracer, thread);
                return;
            }
        }
    } else if (thread->call == AT_MADVISE) {
        event->inject_address = event->address;
        event->inject_length = page_up(event->length);
        /* what a rule for the moment of mmap leaves out, it does not add to */
        if (event->rule >= 0 && tracer->rules[event->rule].moment != PF_MOMENT_ADVICE) {
            tell(tracer, event);
            resume(thread, 0);
            return;
        }
        look_or_give(tracer, thread);
        return;
    }
    resume(thread, 0);
}

static void note_exec(pf_tracer *tracer, struct thread *thread)
{
    char name[64];
    struct stat file;
    unsigned long former = 0;
    ptrace(PTRACE_GETEVENTMSG, thread->tid, 0, &former);
    if (former && (int)former != thread->tid)
        bury(tracer, (int)former);
    forget_known(thread->process);
    thread->process->heap_end = 0;
    thread->process->handles = 0;
    thread->state = RUNNING;
    begin_event(thread, PF_EVENT_EXEC);
    snprintf(name, sizeof(name), "/proc/%d/exe", thread->tid);
    ssize_t length = readlink(name, thread->event.path, sizeof(thread->event.path) - 1);
    thread->event.path[length > 0 ? length : 0] = 0;
    if (stat(name, &file) == 0 && (file.st_mode & (S_ISUID | S_ISGID)))
        thread->event.refused = PF_REFUSED_SETUID;
    tell(tracer, &thread->event);
}

static void note_exit(pf_tracer *tracer, struct thread *thread)
{
    begin_event(thread, PF_EVENT_EXIT);
    int pid = thread->process->pid;
    if (thread->tid == pid) {
        int64_t tables = status_number(pid, "\nVmPTE:", 10) * 1024;
        int64_t peak = status_number(pid, "\nVmHWM:", 10) * 1024;
        if (tables > tracer->end.page_table_bytes)
            tracer->end.page_table_bytes = tables;
        if (peak > tracer->end.peak_bytes)
            tracer->end.peak_bytes = peak;
        if (pid == tracer->root) {
            read_io(&tracer->end, pid);
            tracer->ending = 1;
        }
        if (tracer->plan.looks) {
            tracer->asking = PF_TRACER_LOOK;
            tracer->asked = thread;
        }
    }
}

static void stopped(pf_tracer *tracer, struct thread *thread, int status)
{
    int number = WSTOPSIG(status), event = status >> 16;
    struct __ptrace_syscall_info info;
    tracer->end.stops++;
    if (event == PTRACE_EVENT_STOP) {
        if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
            ptrace(PTRACE_LISTEN, thread->tid, 0, 0);
        else
            resume(thread, 0);
    } else if (event == PTRACE_EVENT_SECCOMP) {
        if (thread->state != RUNNING) { /* our own call, which the filter sees too */
            resume(thread, 0);
            return;
        }
        if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof(info), &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_SECCOMP)
            enter_call(tracer, thread, (int)info.seccomp.ret_data, (uint64_t *)info.seccomp.args);
        else
            resume(thread, 0);
    } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
               event == PTRACE_EVENT_CLONE) {
        /* the child tells of itself: it may have come and gone by now, and its number be another's */
        resume(thread, 0);
    } else if (event == PTRACE_EVENT_EXEC) {
        note_exec(tracer, thread);
        resume(thread, 0);
    } else if (event == PTRACE_EVENT_EXIT) {
        thread->state = RUNNING;
        note_exit(tracer, thread);
        if (!tracer->asked)
            resume(thread, 0);
    } else if (number == (SIGTRAP | 0x80)) {
        if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof(info), &info) <= 0) {
            resume(thread, 0);
        } else if (thread->state == BEFORE_INJECTED && info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            thread->state = IN_INJECTED;
            thread->began_ns = pf_now_ns();
            resume(thread, 0);
        } else if (thread->state == IN_INJECTED && info.op == PTRACE_SYSCALL_INFO_EXIT) {
            end_injected(tracer, thread, info.exit.rval);
        } else if (thread->state == IN_CALL && info.op == PTRACE_SYSCALL_INFO_EXIT) {
            leave_call(tracer, thread, info.exit.rval);
        } else {
            resume(thread, 0);
        }
    } else {
        resume(thread, number); /* a signal of the program's own */
    }
}

static void kill_all(pf_tracer *tracer)
{
    for (struct process *each = tracer->processes; each; each = each->next)
        kill(each->pid, SIGKILL); /* ours to wait for, so no pid of another's */
}

static void note_failed(pf_tracer *tracer)
{
    if (read(tracer->failed, &tracer->end.error, sizeof(int)) != sizeof(int))
        tracer->end.error = 0;
}

static int run_untraced(pf_tracer *tracer)
{
    pf_trace_end end;
    ssize_t got;
    while ((got = read(tracer->told, &end, sizeof(end))) == -1 && errno == EINTR)
        ;
    while (waitpid(tracer->root, NULL, __WALL) == -1 && errno == EINTR)
        ;
    tracer->reaped = 1;
    if (got == sizeof(end)) { /* else it was killed */
        end.began_ns = tracer->end.began_ns;
        end.wall_ns -= end.began_ns;
        tracer->end = end;
    }
    note_failed(tracer);
    return PF_TRACER_ENDED;
}

int pf_tracer_run(pf_tracer *tracer, pf_trace_event *events, size_t capacity, size_t *count)
{
    tracer->events = events;
    tracer->capacity = capacity;
    tracer->count = 0;
    *count = 0;
    if (tracer->go != -1) { /* the first time */
        tracer->end.read_bytes = tracer->end.written_bytes = -1;
        tracer->filters = (int)status_number(tracer->root, FILTERS, 10); /* before it has ours */
        if (tracer->traced && !adopt(tracer, tracer->root))
            return -ENOMEM;
        char byte;
        if (!tracer->traced && /* let its keeper make it, and wait until it is there */
            (write(tracer->go, "", 1) != 1 || read(tracer->told, &byte, 1) != 1))
            return -ECHILD;
        tracer->end.began_ns = pf_now_ns();
        tracer->end.wall_ns = -tracer->end.began_ns;
        if (write(tracer->go, "", 1) != 1)
            return -errno;
        close(tracer->go);
        tracer->go = -1;
    }
    if (!tracer->traced)
        return run_untraced(tracer);
    if (tracer->asked) { /* Python has looked, or said what may be taken */
        struct thread *thread = tracer->asked;
        tracer->answered = tracer->asking == PF_TRACER_ASK;
        tracer->asked = NULL;
        tracer->asking = 0;
        if (thread->event.what == PF_EVENT_MUNMAP || thread->event.what == PF_EVENT_EXIT)
            resume(thread, 0);
        else
            give_next(tracer, thread);
    }
    for (;;) {
        int status, tid;
        struct rusage used;
        *count = tracer->count;
        if (tracer->asked)
            return tracer->asking;
        if (tracer->count + 8 > tracer->capacity)
            return PF_TRACER_FULL;
        if (tracer->stop)
            kill_all(tracer);
        memset(&used, 0, sizeof(used));
        tid = wait4(-1, &status, __WALL | __WNOTHREAD,
                    tracer->ending || tracer->stop ? &used : NULL);
        if (tid == -1 && errno == EINTR)
            continue;
        if (tid == -1)
            return errno == ECHILD ? PF_TRACER_ENDED : -errno;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            bury(tracer, tid);
            if (tid == tracer->root) {
                tracer->reaped = 1;
                tracer->end.wall_ns += pf_now_ns();
                note_usage(&tracer->end, status, &used);
                note_failed(tracer);
                for (struct process *each = tracer->processes; each; each = each->next)
                    tracer->end.left++;
                tracer->stop = 1;
            }
            continue;
        }
        struct thread *thread = adopt(tracer, tid);
        if (thread && WIFSTOPPED(status))
            stopped(tracer, thread, status);
        else
            ptrace(PTRACE_CONT, tid, 0, 0);
    }
}

/* The mapping at which the thread stands that Python is let look at. */
void pf_tracer_asked(pf_tracer *tracer, pf_trace_event *event)
{
    if (tracer->asked)
        *event = tracer->asked->event;
}

/* The answer to PF_TRACER_ASK. */
void pf_tracer_allow(pf_tracer *tracer, int64_t most)
{
    if (most < tracer->allowance)
        tracer->allowance = most;
}

int pf_tracer_signal(pf_tracer *tracer, int number)
{
    if (number == SIGKILL)
        tracer->stop = 1;
    if (!tracer->traced)
        number = number == SIGKILL ? END_ALL : HAND_ON;
    return syscall(__NR_pidfd_send_signal, tracer->pidfd, number, NULL, 0) == -1 ? -errno : 0;
}

void pf_tracer_end(pf_tracer *tracer, pf_trace_end *end)
{
    *end = tracer->end;
}

void pf_tracer_free(pf_tracer *tracer)
{
    if (tracer->go != -1)
        close(tracer->go); /* the child that waits for a word ends */
    if (!tracer->reaped)
        kill(tracer->root, tracer->traced ? SIGKILL : END_ALL);
    if (!tracer->traced && !tracer->reaped)
        waitpid(tracer->root, NULL, __WALL);
    int status, tid = 1;
    while (tracer->traced && (tid > 0 || errno == EINTR)) {
        kill_all(tracer);
        tid = wait4(-1, &status, __WALL | __WNOTHREAD, NULL);
        if (tid > 0 && WIFSTOPPED(status) && adopt(tracer, tid))
            ptrace(PTRACE_CONT, tid, 0, 0);
        else if (tid > 0)
            bury(tracer, tid);
    }
    close(tracer->failed);
    close(tracer->told);
    close(tracer->pidfd);
    free(tracer);
}

#else /* an architecture on which no call is put in */

int pf_tracer_start(pf_tracer **made, const pf_trace_plan *plan, const pf_rule *rules,
                    const char *path, char *const *argv, char *const *envp)
{
    (void)made, (void)plan, (void)rules, (void)path, (void)argv, (void)envp;
    return -ENOSYS;
}
int pf_tracer_run(pf_tracer *tracer, pf_trace_event *events, size_t capacity, size_t *count)
{
    (void)tracer, (void)events, (void)capacity, (void)count;
    return -ENOSYS;
}
void pf_tracer_asked(pf_tracer *tracer, pf_trace_event *event) { (void)tracer, (void)event; }
void pf_tracer_allow(pf_tracer *tracer, int64_t most) { (void)tracer, (void)most; }
int pf_tracer_signal(pf_tracer *tracer, int number)
{
    (void)tracer, (void)number;
    return -ENOSYS;
}
void pf_tracer_end(pf_tracer *tracer, pf_trace_end *end) { (void)tracer, (void)end; }
void pf_tracer_free(pf_tracer *tracer) { (void)tracer; }

#endif
