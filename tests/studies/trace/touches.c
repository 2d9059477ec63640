/* A program that touches pages in a known order. Its file has 32 pages, and is only read. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page;
static volatile char sink;

static char *map(size_t pages, int prot, int flags, int fd)
{
    char *got = mmap(NULL, pages * page, prot, flags, fd, 0);
    if (got == MAP_FAILED)
        _exit(3);
    madvise(got, pages * page, MADV_NOHUGEPAGE);
    return got;
}

static char *anonymous(size_t pages)
{
    return map(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void *in_thread(void *memory)
{
    ((char *)memory)[7 * page] = 1;
    return NULL;
}

static int ready(void)
{
    if (write(1, "ready\n", 6) == 6)
        pause();
    return 4;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    page = (size_t)sysconf(_SC_PAGESIZE);
    if (!strcmp(what, "touches")) {
        /* of sizes that nobody else maps: 67 pages, and 45 of which a child touches some */
        char *memory = anonymous(67);
        memory[3 * page] = 1;
        memory[2 * page] = 1;
        sink = memory[9 * page]; /* read, */
        memory[9 * page] = 1;    /* then written */
        sink = memory[5 * page];
        pthread_t thread;
        pthread_create(&thread, NULL, in_thread, memory);
        pthread_join(thread, NULL);
        int fd = open(argv[2], O_RDONLY);
        char *file = map(32, PROT_READ, MAP_SHARED, fd);
        sink = file[20 * page];
        char *copy = map(32, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
        copy[31 * page] = 1;
        char *shared = map(45, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        shared[0] = 1;
        if (fork() == 0) {
            shared[0] = 2;      /* a copy */
            shared[4 * page] = 2;
            _exit(0);
        }
        wait(NULL);
        /* reserved, and made writable in parts */
        char *reserve = map(91, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        mprotect(reserve + 10 * page, 4 * page, PROT_READ | PROT_WRITE);
        reserve[11 * page] = 1;
        mprotect(reserve + 10 * page, 8 * page, PROT_READ | PROT_WRITE);
        reserve[16 * page] = 1;
    } else if (!strcmp(what, "remap")) { /* which the kernel does not record */
        char *memory = anonymous(53);
        memory[0] = 1;
        map(1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        memory = mremap(memory, 53 * page, 4099 * page, MREMAP_MAYMOVE);
        memory[4000 * page] = 1;
        return ready();
    } else if (!strcmp(what, "fork")) {
        for (int each = 0; each < atoi(argv[2]); each++)
            if (fork() == 0) {
                anonymous(67)[each * page % (67 * page)] = 1;
                _exit(0);
            }
        while (wait(NULL) > 0)
            ;
    } else if (!strcmp(what, "exec")) {
        anonymous(67)[page] = 1;
        execl("/proc/self/exe", "again", "fork", "0", NULL);
    } else if (!strcmp(what, "killed")) {
        anonymous(67)[page] = 1;
        raise(SIGKILL);
    } else if (!strcmp(what, "wait")) {
        anonymous(67)[page] = 1;
        return ready();
    } else if (!strcmp(what, "leave")) { /* a process behind, until its input ends */
        if (fork() == 0) {
            char letter;
            setsid();
            return (int)read(0, &letter, 1);
        }
    }
    return 0;
}
