/* A process to be looked at: it holds memory in many mappings, maps and unmaps all the while, and
 * says how long that took at the longest since it was last asked.
 *
 * attached MAPPINGS BYTES: prints its id; then, for each line that it reads, nanoseconds and counts
 * of mmap with munmap, and of faults in a mapping of its own. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic long longest_map, longest_fault, maps, faults;

static long now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000L + at.tv_nsec;
}

static void *work(void *page_size)
{
    const size_t page = (size_t)page_size, size = 16 * page;
    for (;;) {
        long began = now();
        char *memory =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long mapped = now();
        memory[0] = 1;
        long touched = now();
        munmap(memory, size);
        long took = now() - touched + mapped - began;
        if (took > longest_map)
            longest_map = took;
        if (touched - mapped > longest_fault)
            longest_fault = touched - mapped;
        maps++;
        faults++;
        usleep(100);
    }
    return NULL;
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const long mappings = atol(words[1]);
    const size_t each = (size_t)atol(words[2]) / (size_t)mappings / page * page;
    for (long i = 0; i < mappings; i++) {
        char *memory = mmap(NULL, each + page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory + each, page, PROT_NONE))
            return 1;
        madvise(memory, each, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < each; at += page)
            memory[at] = 1;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, (void *)page))
        return 1;
    printf("%d\n", getpid());
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof(line), stdin)) {
        printf("%ld %ld %ld %ld\n", atomic_exchange(&longest_map, 0),
               atomic_exchange(&longest_fault, 0), atomic_exchange(&maps, 0),
               atomic_exchange(&faults, 0));
        fflush(stdout);
    }
    return 0;
}
