/* What the page tables, the page cache and the storage hold, without changing any of them. */
#include "prefault.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <unistd.h>

static void count(pf_page_counts *counts, unsigned char state, int64_t pages)
{
    counts->present += state & PF_STATE_PRESENT ? pages : 0;
    counts->zero += state & PF_STATE_ZERO ? pages : 0;
    counts->huge += state & PF_STATE_HUGE ? pages : 0;
    counts->swapped += state & PF_STATE_SWAPPED ? pages : 0;
    counts->file += state & PF_STATE_FILE ? pages : 0;
}

static unsigned char state_of(__u64 categories)
{
    return (unsigned char)((categories & PF_PAGE_IS_PRESENT ? PF_STATE_PRESENT : 0) |
                           (categories & PF_PAGE_IS_PFNZERO ? PF_STATE_ZERO : 0) |
                           (categories & PF_PAGE_IS_HUGE ? PF_STATE_HUGE : 0) |
                           (categories & PF_PAGE_IS_SWAPPED ? PF_STATE_SWAPPED : 0) |
                           (categories & PF_PAGE_IS_FILE ? PF_STATE_FILE : 0) |
                           (categories & PF_PAGE_IS_WRITTEN ? PF_STATE_WRITTEN : 0) |
                           (categories & PF_PAGE_IS_GUARD ? PF_STATE_GUARD : 0));
}

static size_t pages_of(size_t length, size_t page)
{
    return length / page + (length % page != 0);
}

/* Do a PAGEMAP_SCAN (Linux 6.7) in as many calls as it takes, and mark the pages that it finds. */
static int scan(int pagemap_fd, struct pf_scan_arg *scan, size_t page, unsigned char *states,
                pf_page_counts *counts)
{
    struct pf_page_region regions[1024];
    const __u64 address = scan->start;
    scan->size = sizeof(*scan);
    scan->vec = (uintptr_t)regions;
    scan->vec_len = sizeof(regions) / sizeof(regions[0]);
    while (scan->start < scan->end) {
        int found = ioctl(pagemap_fd, PF_PAGEMAP_SCAN, scan);
        if (found < 0)
            return -errno;
        /* walk_end may lie before the last region (seen on 6.18 where regions are small): going
         * on from there would count pages twice */
        __u64 next = scan->walk_end;
        for (int i = 0; i < found; i++) {
            __u64 end = regions[i].end < scan->end ? regions[i].end : scan->end;
            size_t pages = (end - regions[i].start) / page;
            unsigned char state = state_of(regions[i].categories);
            memset(states + (regions[i].start - address) / page, state, pages);
            count(counts, state, (int64_t)pages);
            next = end > next ? end : next;
        }
        if (next <= scan->start)
            return -EIO; /* it would go on for ever */
        scan->start = next;
    }
    return 0;
}

/* Regions of equal pages, the zero page told apart, unprivileged. Whether a page is a file's is
 * asked only if `ask_file`: it makes the scan three times as long. -ENOTTY or -EINVAL on kernels
 * that lack it. */
int pf_scan_pages(int pagemap_fd, uintptr_t address, size_t length, size_t page, int ask_file,
                  unsigned char *states, pf_page_counts *counts)
{
    size_t pages = pages_of(length, page);
    struct pf_scan_arg wanted = {
        .start = address,
        .end = address + pages * page,
        .category_anyof_mask = PF_PAGE_IS_PRESENT | PF_PAGE_IS_SWAPPED,
        .return_mask = PF_PAGE_IS_PRESENT | PF_PAGE_IS_SWAPPED | PF_PAGE_IS_PFNZERO |
                       PF_PAGE_IS_HUGE | (ask_file ? PF_PAGE_IS_FILE : 0),
    };
    memset(states, 0, pages);
    memset(counts, 0, sizeof(*counts));
    return scan(pagemap_fd, &wanted, page, states, counts);
}

/* Where a scan of another process stops to let it go on: after so many pages found, or addresses
 * passed. Tables without pages take their time too. */
#define PIECE_PAGES 8192
#define PIECE_BYTES ((uint64_t)16 << 30)
/* After a piece of so long it rests for as long: whoever waits for the lock must find it free. */
#define REST_AFTER_NS 100000
#define REST_AT_MOST_NS 5000000

/* Count the pages of a range, of any process, in calls that each hold mmap_lock for a short time;
 * `look` is added to. What is sparse is skipped by the kernel. */
int pf_count_pages(int pagemap_fd, uintptr_t address, uint64_t length, size_t page, int ask_file,
                   pf_page_counts *counts, pf_look *look)
{
    struct pf_page_region regions[512];
    struct pf_scan_arg scan = {
        .size = sizeof(scan),
        .start = address,
        .vec = (uintptr_t)regions,
        .vec_len = sizeof(regions) / sizeof(regions[0]),
        .max_pages = PIECE_PAGES,
        .category_anyof_mask = PF_PAGE_IS_PRESENT | PF_PAGE_IS_SWAPPED,
        .return_mask = PF_PAGE_IS_PRESENT | PF_PAGE_IS_SWAPPED | PF_PAGE_IS_PFNZERO |
                       PF_PAGE_IS_HUGE | (ask_file ? PF_PAGE_IS_FILE : 0),
    };
    const uint64_t last = address + length;
    memset(counts, 0, sizeof(*counts));
    while (scan.start < last) {
        scan.end = last - scan.start < PIECE_BYTES ? last : scan.start + PIECE_BYTES;
        int64_t began = pf_now_ns();
        int found = ioctl(pagemap_fd, PF_PAGEMAP_SCAN, &scan);
        int64_t took = pf_now_ns() - began;
        if (found < 0)
            return -errno;
        look->calls++;
        look->elapsed_ns += took;
        look->longest_ns = took > look->longest_ns ? took : look->longest_ns;
        uint64_t next = scan.walk_end; /* which may lie before the last region, as above */
        for (int i = 0; i < found; i++) {
            uint64_t end = regions[i].end < scan.end ? regions[i].end : scan.end;
            count(counts, state_of(regions[i].categories),
                  (int64_t)((end - regions[i].start) / page));
            next = end > next ? end : next;
        }
        if (next <= scan.start)
            return -EIO; /* it would go on for ever */
        scan.start = next;
        if (scan.start < last && took > REST_AFTER_NS)
            nanosleep(&(struct timespec){.tv_nsec = took < REST_AT_MOST_NS ? took : REST_AT_MOST_NS},
                      NULL);
    }
    return 0;
}

/* Pages of one category (PF_PAGE_IS_...). -EINVAL on kernels that do not know it. */
int pf_scan_category(int pagemap_fd, uintptr_t address, size_t length, size_t page,
                     uint64_t category, unsigned char *states)
{
    pf_page_counts unused;
    size_t pages = pages_of(length, page);
    struct pf_scan_arg wanted = {
        .start = address,
        .end = address + pages * page,
        .category_mask = category,
        .return_mask = category,
    };
    memset(states, 0, pages);
    memset(&unused, 0, sizeof(unused));
    return scan(pagemap_fd, &wanted, page, states, &unused);
}

/* /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): works on every kernel, but cannot
 * tell the zero page or a huge page without privilege. */
int pf_read_pagemap(int pagemap_fd, uintptr_t address, size_t length, size_t page,
                    unsigned char *states, pf_page_counts *counts)
{
    enum { ENTRIES = 1024 };
    uint64_t entries[ENTRIES];
    const size_t size = sizeof(entries[0]);
    size_t pages = pages_of(length, page);
    memset(counts, 0, sizeof(*counts));
    for (size_t at = 0; at < pages;) {
        size_t want = pages - at < ENTRIES ? pages - at : ENTRIES;
        ssize_t got = pread(pagemap_fd, entries, want * size, (off_t)((address / page + at) * size));
        if (got < (ssize_t)size)
            return got < 0 ? -errno : -EIO;
        for (size_t i = 0; i < (size_t)got / size; i++, at++) {
            states[at] = (unsigned char)((entries[i] >> 63 & 1 ? PF_STATE_PRESENT : 0) |
                                         (entries[i] >> 62 & 1 ? PF_STATE_SWAPPED : 0) |
                                         (entries[i] >> 61 & 1 ? PF_STATE_FILE : 0));
            count(counts, states[at], 1);
        }
    }
    return 0;
}

int pf_cachestat(int fd, uint64_t offset, uint64_t length, pf_cache_counts *counts)
{
    struct pf_cachestat_range range = {offset, length};
    struct pf_cachestat_answer answer;
    if (syscall(__NR_cachestat, fd, &range, &answer, 0) == -1)
        return -errno;
    *counts = (pf_cache_counts){(int64_t)answer.nr_cache, (int64_t)answer.nr_dirty,
                                (int64_t)answer.nr_writeback, (int64_t)answer.nr_evicted,
                                (int64_t)answer.nr_recently_evicted};
    return 0;
}

static void mark_extent(unsigned char *states, size_t pages, size_t page, uint64_t start,
                        uint64_t end, unsigned char state)
{
    for (size_t at = start / page; at < pages && at * page < end; at++)
        states[at] = states[at] > state ? states[at] : state;
}

static int data_and_holes(int fd, size_t pages, size_t page, unsigned char *states)
{
    off_t size = (off_t)(pages * page), data, hole = 0;
    while (hole < size && (data = lseek(fd, hole, SEEK_DATA)) >= 0) {
        if ((hole = lseek(fd, data, SEEK_HOLE)) < 0)
            return -errno;
        mark_extent(states, pages, page, (uint64_t)data, (uint64_t)hole, PF_BLOCK_WRITTEN);
    }
    return hole >= size || errno == ENXIO ? 0 : -errno;
}

/* The blocks of a file's first pages, by FIEMAP; on file systems without it (tmpfs, hugetlbfs) by
 * SEEK_DATA and SEEK_HOLE, which cannot tell blocks that are reserved. */
int pf_extents(int fd, size_t pages, size_t page, unsigned char *states)
{
    enum { EXTENTS = 128 };
    union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
    } asked;
    uint64_t end = (uint64_t)pages * page;
    memset(states, PF_BLOCK_NONE, pages);
    for (uint64_t next = 0; next < end;) {
        memset(&asked, 0, sizeof(asked));
        asked.map.fm_start = next;
        asked.map.fm_length = end - next;
        asked.map.fm_extent_count = EXTENTS;
        if (ioctl(fd, FS_IOC_FIEMAP, &asked.map) == -1)
            return errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL
                       ? data_and_holes(fd, pages, page, states)
                       : -errno;
        if (!asked.map.fm_mapped_extents)
            break;
        for (uint32_t i = 0; i < asked.map.fm_mapped_extents; i++) {
            const struct fiemap_extent *each = &asked.map.fm_extents[i];
            next = each->fe_logical + each->fe_length;
            mark_extent(states, pages, page, each->fe_logical, next,
                        each->fe_flags & FIEMAP_EXTENT_DELALLOC    ? PF_BLOCK_DELAYED
                        : each->fe_flags & FIEMAP_EXTENT_UNWRITTEN ? PF_BLOCK_UNWRITTEN
                                                                   : PF_BLOCK_WRITTEN);
            if (each->fe_flags & FIEMAP_EXTENT_LAST)
                return 0;
        }
    }
    return 0;
}
