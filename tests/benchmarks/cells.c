/* One cell of the grid in plain C, as one would write it to time a system call: the yardstick that
 * the kit is held against. Nothing here comes from the kit.
 *
 *   cells BACKING SHARING METHOD BYTES PAGE_BYTES [DIRECTORY [THREADS]]
 *
 * BACKING is anon, memfd, or file (any file in DIRECTORY: disk, tmpfs, hugetlbfs). For each line on
 * standard input one repetition is done and one line printed:
 *   "t"  nanoseconds
 *   "c"  the same, after a walk through as much memory as the second cache holds: what the operation
 *        takes when it finds its code and data out of the caches, as after an interpreter has run
 *   "l"  nanoseconds, minor faults, system pages present, 512-byte blocks of the file: what the
 *        repetition did and left, to compare with the kit
 * It ends with its standard input. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ /* include/uapi/asm-generic/mman-common.h, Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static size_t bytes, page, threads = 1;
static int fd = -1, map_flags, is_huge, on_disk;
static int do_fallocate, do_advice, do_read, do_write;

static void die(const char *what)
{
    fprintf(stderr, "cells: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void choose_method(const char *name)
{
    if (strncmp(name, "FALLOCATE", 9) == 0) {
        do_fallocate = 1;
        name += name[9] == '+' ? 10 : 9;
    }
    if (strcmp(name, "POPULATE_READ") == 0)
        do_advice = MADV_POPULATE_READ;
    else if (strcmp(name, "POPULATE_WRITE") == 0)
        do_advice = MADV_POPULATE_WRITE;
    else if (strcmp(name, "Read") == 0)
        do_read = 1;
    else if (strcmp(name, "Write") == 0)
        do_write = 1;
    else if (strcmp(name, "Read/Write") == 0)
        do_read = do_write = 1;
    else if (*name || !do_fallocate) {
        fprintf(stderr, "cells: no method %s\n", name);
        exit(2);
    }
}

static void open_backing(const char *backing, const char *directory)
{
    int log2 = __builtin_ctzl(page);
    if (strcmp(backing, "anon") == 0) {
        map_flags |= MAP_ANONYMOUS | (is_huge ? MAP_HUGETLB | log2 << MAP_HUGE_SHIFT : 0);
        return;
    }
    if (strcmp(backing, "memfd") == 0) {
        fd = memfd_create("cells", is_huge ? MFD_HUGETLB | (unsigned)log2 << MAP_HUGE_SHIFT : 0);
    } else {
        fd = open(directory, O_TMPFILE | O_RDWR, 0600);
        if (fd < 0) {
            char path[4096];
            snprintf(path, sizeof(path), "%s/.cells-XXXXXX", directory);
            fd = mkstemp(path);
            if (fd >= 0)
                unlink(path);
        }
    }
    if (fd < 0)
        die(backing);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static long minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* Bit 63 of /proc/self/pagemap. */
static long count_present(const char *memory)
{
    size_t small = (size_t)sysconf(_SC_PAGESIZE);
    int pagemap = open("/proc/self/pagemap", O_RDONLY);
    if (pagemap < 0)
        die("pagemap");
    long present = 0;
    for (size_t at = 0; at < bytes; at += small) {
        uint64_t entry;
        if (pread(pagemap, &entry, 8, (off_t)(((uintptr_t)memory + at) / small * 8)) != 8)
            die("pagemap");
        present += entry >> 63 & 1;
    }
    close(pagemap);
    return present;
}

/* As the kit does it, with the close that keeps a later one from flushing the file. */
static void empty_file(void)
{
    if (fd < 0)
        return;
    if (ftruncate(fd, 0))
        die("ftruncate");
    if (on_disk) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int again = open(path, O_RDWR | O_CLOEXEC);
        if (again < 0 || close(again))
            die(path);
    }
    if (ftruncate(fd, (off_t)bytes))
        die("ftruncate");
}

/* More than the second cache holds, so that nothing of before is left in it. */
static void cool_caches(void)
{
    static volatile char walked[4 << 20];
    for (size_t at = 0; at < sizeof(walked); at += 64)
        walked[at]++;
}

static void *advise(void *share)
{
    char **ends = share;
    return (void *)(intptr_t)madvise(ends[0], (size_t)(ends[1] - ends[0]), do_advice);
}

/* Each thread advises its share of whole pages; this one does the first. */
static int advise_all(char *memory)
{
    enum { MOST = 64 };
    pthread_t members[MOST];
    char *ends[MOST][2];
    size_t pages = bytes / page;
    int failed = 0;
    if (threads == 1)
        return madvise(memory, bytes, do_advice);
    for (size_t i = 0; i < threads && i < MOST; i++) {
        ends[i][0] = memory + pages * i / threads * page;
        ends[i][1] = memory + pages * (i + 1) / threads * page;
        if (i && pthread_create(&members[i], NULL, advise, ends[i]))
            die("pthread_create");
    }
    failed |= advise(ends[0]) != NULL;
    for (size_t i = 1; i < threads && i < MOST; i++) {
        void *result;
        failed |= pthread_join(members[i], &result) || result;
    }
    return failed;
}

static void repetition(int looking, int cold)
{
    empty_file();
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, map_flags, fd, 0);
    if (memory == MAP_FAILED)
        die("mmap");
    if (!is_huge && madvise(memory, bytes, MADV_NOHUGEPAGE) && errno != EINVAL)
        die("MADV_NOHUGEPAGE"); /* EINVAL: a kernel without transparent huge pages */

    long faults = looking ? minor_faults() : 0;
    int failed = 0;
    volatile char *end = memory + bytes;
    if (cold)
        cool_caches();
    int64_t began = now_ns();
    if (do_fallocate)
        failed = fallocate(fd, 0, 0, (off_t)bytes);
    if (do_advice)
        failed |= advise_all(memory);
    else if (do_read && do_write)
        for (volatile char *at = memory; at < end; at += page)
            *at = *at;
    else if (do_read)
        for (volatile char *at = memory; at < end; at += page)
            (void)*at;
    else if (do_write)
        for (volatile char *at = memory; at < end; at += page)
            *at = 0;
    int64_t ended = now_ns();
    if (failed)
        die("the method");

    printf("%lld", (long long)(ended - began));
    if (looking) {
        struct stat status = {0};
        faults = minor_faults() - faults;
        if (fd >= 0 && fstat(fd, &status))
            die("fstat");
        printf(" %ld %ld %lld", faults, count_present(memory), (long long)status.st_blocks);
    }
    if (munmap(memory, bytes))
        die("munmap");
    empty_file(); /* what waits for its turn holds no memory */
    printf("\n");
    fflush(stdout);
}

int main(int count, char **words)
{
    if (count < 6) {
        fprintf(stderr, "usage: cells BACKING SHARING METHOD BYTES PAGE_BYTES [DIRECTORY [THREADS]]\n");
        return 2;
    }
    map_flags = strcmp(words[2], "private") == 0 ? MAP_PRIVATE : MAP_SHARED;
    choose_method(words[3]);
    bytes = strtoull(words[4], NULL, 10);
    page = strtoull(words[5], NULL, 10);
    is_huge = page != (size_t)sysconf(_SC_PAGESIZE);
    on_disk = strcmp(words[1], "file") == 0;
    open_backing(words[1], count > 6 ? words[6] : ".");
    threads = count > 7 ? strtoull(words[7], NULL, 10) : 1;
    char line[16];
    while (fgets(line, sizeof(line), stdin))
        repetition(line[0] == 'l', line[0] == 'c');
    return 0;
}
