/* A program that maps memory in one of many ways and says how many of its pages are resident. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page, size;
static volatile long ticks;

static void *map(int prot, int flags, int fd, size_t length)
{
    void *got = mmap(NULL, length, prot, flags, fd, 0);
    if (got == MAP_FAILED) {
        perror("mmap");
        exit(3);
    }
    return got;
}

static void *anonymous(int flags)
{
    return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, size);
}

static size_t resident(const void *at, size_t length)
{
    size_t pages = length / page, count = 0;
    unsigned char *found = malloc(pages);
    if (mincore((void *)at, length, found) == -1)
        perror("mincore");
    for (size_t each = 0; each < pages; each++)
        count += found[each] & 1;
    free(found);
    return count;
}

static void say(const void *at) { printf("%zu\n", resident(at, size)); }

static int state_of(int pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file && fgets(text, sizeof(text), file) && strrchr(text, ')'))
        return strrchr(text, ')')[2];
    return 0;
}

/* Each signal orders the next one, so that the program gets on however long a signal takes. */
static void count(int number)
{
    struct itimerval soon = {.it_value = {0, 300}};
    (void)number;
    ticks++;
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void *in_thread(void *sum)
{
    char *at = anonymous(0);
    __atomic_add_fetch((long *)sum, (long)resident(at, size), __ATOMIC_SEQ_CST);
    munmap(at, size);
    return NULL;
}

static int forbid(int number)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Whether the registers of two arguments are after mmap and madvise what they were before. */
static int keeps_registers(void)
{
    long flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, length = (long)size;
#if defined(__x86_64__)
    register long fourth __asm__("r10") = flags;
    register long fifth __asm__("r8") = -1;
    register long sixth __asm__("r9") = 0;
    long got = SYS_mmap, second = length, begin;
    __asm__ volatile("syscall" : "+a"(got), "+S"(second), "+r"(fourth)
                     : "D"(0), "d"(PROT_READ), "r"(fifth), "r"(sixth) : "rcx", "r11", "memory");
    begin = got;
    got = SYS_madvise;
    __asm__ volatile("syscall" : "+a"(got), "+S"(second)
                     : "D"(begin), "d"(MADV_RANDOM) : "rcx", "r11", "memory");
#else
    register long eighth __asm__("x8") = SYS_mmap;
    register long got __asm__("x0") = 0;
    register long second __asm__("x1") = length;
    register long third __asm__("x2") = PROT_READ;
    register long fourth __asm__("x3") = flags;
    register long fifth __asm__("x4") = -1;
    register long sixth __asm__("x5") = 0;
    __asm__ volatile("svc 0" : "+r"(got), "+r"(second), "+r"(fourth)
                     : "r"(eighth), "r"(third), "r"(fifth), "r"(sixth) : "memory");
    eighth = SYS_madvise;
    third = MADV_RANDOM;
    __asm__ volatile("svc 0" : "+r"(got), "+r"(second) : "r"(eighth), "r"(third) : "memory");
#endif
    return got == 0 && second == length && fourth == flags;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long number = argc > 3 ? atol(argv[3]) : 1;
    page = (size_t)sysconf(_SC_PAGESIZE);
    size = (argc > 2 ? (size_t)atol(argv[2]) : 512) * page;
    if (!strcmp(what, "anonymous")) {
        for (long each = 0; each < number; each++)
            say(anonymous(0));
    } else if (!strcmp(what, "write")) { /* map, write all, unmap, again and again */
        int advice = argc > 4 ? atoi(argv[4]) : 0;
        for (long each = 0; each < number; each++) {
            char *at = anonymous(0);
            if (advice)
                madvise(at, size, advice);
            for (size_t byte = 0; byte < size; byte += page)
                at[byte] = 1;
            munmap(at, size);
        }
    } else if (!strcmp(what, "shared")) {
        say(map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, size));
    } else if (!strcmp(what, "memfd")) {
        int fd = memfd_create("mine", 0);
        if (ftruncate(fd, (off_t)size) == -1)
            return 4;
        say(map(PROT_READ | PROT_WRITE, MAP_SHARED, fd, size));
    } else if (!strcmp(what, "file")) { /* shared or private, of a file */
        int fd = open(argv[3], O_RDWR);
        void *at = map(PROT_READ | PROT_WRITE, argc > 4 ? MAP_PRIVATE : MAP_SHARED, fd, size);
        say(at);
    } else if (!strcmp(what, "late")) { /* a file's, which becomes writable */
        char *at = map(PROT_READ, MAP_SHARED, open(argv[3], O_RDWR), size);
        madvise(at, size, MADV_RANDOM);
        mprotect(at, size, PROT_READ | PROT_WRITE);
        madvise(at, size, MADV_SEQUENTIAL);
    } else if (!strcmp(what, "covered")) { /* so is what has a page of a file in its middle */
        int fd = open(argv[3], O_RDWR), flags = MAP_PRIVATE | MAP_ANONYMOUS;
        char *at = map(PROT_READ, flags, -1, size);
        mmap(at + page, page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
        mprotect(at, size, PROT_READ | PROT_WRITE);
        at = map(PROT_READ | PROT_WRITE, flags, -1, 2 * size); /* gone, and small ones in place */
        munmap(at, 2 * size);
        mmap(at, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        mremap(at, page, size, MREMAP_MAYMOVE);
    } else if (!strcmp(what, "longer")) { /* grown, though its file ends before */
        void *at = map(PROT_READ, MAP_SHARED, open(argv[3], O_RDONLY), size);
        return mremap(at, size, 2 * size, MREMAP_MAYMOVE) == MAP_FAILED;
    } else if (!strcmp(what, "registers")) {
        printf("%d\n", keeps_registers());
    } else if (!strcmp(what, "handles")) { /* its own page faults */
        void *at = anonymous(0);
        struct uffdio_api api = {.api = UFFD_API};
        struct uffdio_register range = {{(uintptr_t)at, size}, UFFDIO_REGISTER_MODE_MISSING, 0};
        int fd = (int)syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY, of Linux 5.11 */);
        fd = fd == -1 ? (int)syscall(SYS_userfaultfd, 0) : fd;
        if (ioctl(fd, UFFDIO_API, &api) == -1 || ioctl(fd, UFFDIO_REGISTER, &range) == -1)
            return 8;
        say(anonymous(0));
    } else if (!strcmp(what, "device")) {
        int fd = open("/dev/zero", O_RDWR);
        void *at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, size);
        madvise(at, size, MADV_SEQUENTIAL);
        mprotect(at, size, PROT_READ);
        mprotect(at, size, PROT_READ | PROT_WRITE);
        say(at);
    } else if (!strcmp(what, "reserve")) { /* address space first, a part of it writable later */
        char *at = map(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 4 * size);
        mprotect(at + size, size, PROT_READ | PROT_WRITE);
        say(at + size);
        mprotect(at + 2 * size, page, PROT_READ | PROT_WRITE);
    } else if (!strcmp(what, "stack")) {
        char *at = map(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1,
                       size);
        mprotect(at, size, PROT_READ | PROT_WRITE);
        say(at);
        say(anonymous(MAP_STACK));
    } else if (!strcmp(what, "reserved")) { /* far beyond what is free */
        void *at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                       (size_t)1 << 42);
        say(at);
    } else if (!strcmp(what, "advice")) {
        char *at = anonymous(0);
        madvise(at + page, size - page, MADV_NOHUGEPAGE);
        say(at);
    } else if (!strcmp(what, "dontneed")) { /* relies on what the advice does */
        char *at = anonymous(0);
        madvise(at, size, MADV_SEQUENTIAL);
        memset(at, 1, size);
        madvise(at, size, MADV_DONTNEED);
        printf("%d\n", at[0]);
    } else if (!strcmp(what, "populate")) {
        say(anonymous(MAP_POPULATE));
    } else if (!strcmp(what, "heap")) {
        char *at = sbrk((intptr_t)(2 * size));
        at = (char *)(((uintptr_t)at + page - 1) / page * page);
        say(at);
    } else if (!strcmp(what, "grow")) {
        void *at = mremap(anonymous(0), size, 2 * size, MREMAP_MAYMOVE);
        printf("%zu\n", resident(at, 2 * size));
    } else if (!strcmp(what, "threads")) {
        pthread_t *all = malloc((size_t)number * sizeof(*all));
        long sum = 0;
        for (long each = 0; each < number; each++)
            if (pthread_create(&all[each], NULL, in_thread, &sum))
                return 5;
        for (long each = 0; each < number; each++)
            pthread_join(all[each], NULL);
        printf("%ld\n", sum);
    } else if (!strcmp(what, "fork")) {
        fflush(stdout);
        for (long each = 0; each < number; each++)
            if (fork() == 0) {
                say(anonymous(0));
                return 0;
            }
        while (wait(NULL) > 0)
            ;
    } else if (!strcmp(what, "vfork")) { /* a child that shares our memory, and executes us */
        if (vfork() == 0) {
            anonymous(0);
            execl("/proc/self/exe", argv[0], "anonymous", argv[2], NULL);
            _exit(6);
        }
        int status;
        wait(&status);
        say(anonymous(0));
    } else if (!strcmp(what, "untraced")) { /* a child that no tracer is to see */
        long child = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            say(anonymous(0));
            fflush(stdout);
            _exit(0);
        }
        wait(NULL);
    } else if (!strcmp(what, "signals")) { /* interrupted all the time */
        struct sigaction action = {.sa_handler = count};
        size_t sum = 0;
        sigaction(SIGALRM, &action, NULL);
        count(SIGALRM);
        for (long each = 0; each < number || ticks < 2; each++) {
            void *at = anonymous(0);
            if (each < number)
                sum += resident(at, size);
            munmap(at, size);
        }
        printf("%zu\n", sum);
    } else if (!strcmp(what, "stop")) { /* stopped by a signal, and continued by a child */
        int parent = getpid();
        fflush(stdout);
        if (fork() == 0) {
            usleep(50000);
            kill(parent, state_of(parent) == 't' || state_of(parent) == 'T' ? SIGCONT : SIGKILL);
            _exit(0);
        }
        raise(SIGSTOP);
        wait(NULL);
        say(anonymous(0));
    } else if (!strcmp(what, "filter")) { /* forbids itself to advise */
        say(anonymous(0));
        if (forbid(SYS_madvise))
            return 7;
        say(anonymous(0));
    } else if (!strcmp(what, "inherits")) { /* a child with its parent's filter and mapping */
        void *at = anonymous(0);
        if (argc > 3 && forbid(SYS_madvise))
            return 7;
        if (fork() == 0) {
            at = mremap(at, size, 2 * size, MREMAP_MAYMOVE);
            printf("%zu\n", resident(at, 2 * size));
            return 0;
        }
        int status = 0;
        wait(&status);
        return status != 0;
    } else if (!strcmp(what, "trace")) {
        printf("%ld\n", ptrace(PTRACE_TRACEME, 0, 0, 0));
    } else if (!strcmp(what, "killed")) {
        anonymous(0);
        kill(getpid(), SIGKILL);
    } else if (!strcmp(what, "daemon")) { /* leaves a process behind */
        if (fork() == 0) {
            setsid();
            fclose(stdout);
            pause();
        }
    } else if (!strcmp(what, "serve")) { /* ready, until it is ended */
        say(anonymous(0));
        printf("ready to serve\n");
        fflush(stdout);
        pause();
    } else if (!strcmp(what, "spin")) {
        say(anonymous(0));
        fflush(stdout);
        for (;;)
            pause();
    } else if (!strcmp(what, "fail")) {
        fprintf(stderr, "no luck today\n");
        return 9;
    } else {
        return 2;
    }
    return 0;
}
