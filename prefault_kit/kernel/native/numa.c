/* On which node of a NUMA machine memory lies, and where it is to come from. */
#include "prefault.h"

#include <unistd.h>

enum { MOST_NODES = 1024, WORD_BITS = 8 * sizeof(unsigned long), AT_ONCE = 1024 };

/* mbind(2) of a range to one node: for pages that are not there yet. */
int pf_mbind(uintptr_t address, size_t length, int mode, int node)
{
    unsigned long mask[MOST_NODES / WORD_BITS] = {0};
    if (node < 0 || node >= MOST_NODES)
        return -EINVAL;
    mask[(unsigned)node / WORD_BITS] = 1UL << (unsigned)node % WORD_BITS;
    /* the kernel takes one bit less than it is told */
    long result = syscall(__NR_mbind, address, length, mode, mask, MOST_NODES + 1UL, 0U);
    return result == -1 ? -errno : 0;
}

/* Add to counts[nodes] how many pages of a range lie on each node, by move_pages(2) that moves
 * none. Pages that are not present, and the zero page, are on none. */
int pf_page_nodes(uintptr_t address, size_t length, size_t page, int64_t *counts, int nodes)
{
    void *pages[AT_ONCE];
    int where[AT_ONCE];
    if (page == 0)
        return -EINVAL;
    size_t all = length / page + (length % page != 0);
    for (size_t at = 0; at < all;) {
        size_t count = all - at < AT_ONCE ? all - at : AT_ONCE;
        for (size_t i = 0; i < count; i++)
            pages[i] = (void *)(address + (at + i) * page);
        if (syscall(__NR_move_pages, 0, count, pages, NULL, where, 0) == -1)
            return -errno;
        for (size_t i = 0; i < count; i++)
            if (where[i] >= 0 && where[i] < nodes)
                counts[where[i]]++;
        at += count;
    }
    return 0;
}
