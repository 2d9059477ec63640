/* Kernel constants, and those that the distribution's headers may not have yet.
 * Values: include/uapi/linux/{mman,fs,userfaultfd}.h and include/uapi/asm-generic/ of Linux 6.18. */
#ifndef PREFAULT_CONSTANTS_H
#define PREFAULT_CONSTANTS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/perf_event.h>
#include <linux/mempolicy.h>
#include <linux/types.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef MADV_FREE
#define MADV_FREE 8
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED /* Linux 5.18 */
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE /* Linux 6.1 */
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL /* Linux 6.13 */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#ifndef MLOCK_ONFAULT /* Linux 4.4 */
#define MLOCK_ONFAULT 1
#endif
#ifndef MAP_FIXED_NOREPLACE /* Linux 4.17 */
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_DROPPABLE /* Linux 6.11 */
#define MAP_DROPPABLE 0x08
#endif
#ifndef UFFD_USER_MODE_ONLY /* Linux 5.11 */
#define UFFD_USER_MODE_ONLY 1
#endif

/* Since Linux 5.4 a system call has one number on every architecture but alpha. */
#ifdef __alpha__
#define PF_NUMBER(number) ((number) + 110)
#else
#define PF_NUMBER(number) (number)
#endif
#ifndef __NR_process_madvise /* Linux 5.10 */
#define __NR_process_madvise PF_NUMBER(440)
#endif
#ifndef __NR_memfd_secret /* Linux 5.14 */
#define __NR_memfd_secret PF_NUMBER(447)
#endif
#ifndef __NR_cachestat /* Linux 6.5 */
#define __NR_cachestat PF_NUMBER(451)
#endif
#ifndef __NR_mseal /* Linux 6.10 */
#define __NR_mseal PF_NUMBER(462)
#endif

/* Linux 6.5, include/uapi/linux/mman.h */
struct pf_cachestat_range {
    __u64 off;
    __u64 len;
};
struct pf_cachestat_answer {
    __u64 nr_cache;
    __u64 nr_dirty;
    __u64 nr_writeback;
    __u64 nr_evicted;
    __u64 nr_recently_evicted;
};

/* Linux 6.7, include/uapi/linux/fs.h; our own names, since headers have them or not */
#define PF_PAGE_IS_WRITTEN (1ULL << 1)
#define PF_PAGE_IS_FILE (1ULL << 2)
#define PF_PAGE_IS_PRESENT (1ULL << 3)
#define PF_PAGE_IS_SWAPPED (1ULL << 4)
#define PF_PAGE_IS_PFNZERO (1ULL << 5)
#define PF_PAGE_IS_HUGE (1ULL << 6)
#define PF_PAGE_IS_GUARD (1ULL << 8) /* Linux 6.16 */
struct pf_page_region {
    __u64 start;
    __u64 end;
    __u64 categories;
};
struct pf_scan_arg {
    __u64 size;
    __u64 flags;
    __u64 start;
    __u64 end;
    __u64 walk_end;
    __u64 vec;
    __u64 vec_len;
    __u64 max_pages;
    __u64 category_inverted;
    __u64 category_mask;
    __u64 category_anyof_mask;
    __u64 return_mask;
};
#define PF_PAGEMAP_SCAN _IOWR('f', 16, struct pf_scan_arg)

/* include/uapi/linux/userfaultfd.h */
#ifndef UFFD_FEATURE_PAGEFAULT_FLAG_WP /* Linux 5.7 */
#define UFFD_FEATURE_PAGEFAULT_FLAG_WP (1 << 0)
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM /* Linux 5.19 */
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED /* Linux 6.4 */
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON /* Linux 6.6 */
#define UFFD_FEATURE_POISON (1 << 14)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC /* Linux 6.7 */
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
struct pf_uffdio_writeprotect {
    __u64 start;
    __u64 len;
    __u64 mode;
};
#define PF_UFFDIO_WRITEPROTECT_MODE_WP 1
#define PF_UFFDIO_WRITEPROTECT _IOWR(UFFDIO, 0x06, struct pf_uffdio_writeprotect)
struct pf_uffdio_poison {
    __u64 start;
    __u64 len;
    __u64 mode;
    __s64 updated;
};
#define PF_UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct pf_uffdio_poison)

/* Ours: the operations of pf_range_timed */
#define PF_TOUCH_READ 0
#define PF_TOUCH_WRITE 1
#define PF_TOUCH_READ_WRITE 2
#define PF_TOUCH_ATOMIC 3
#define PF_ADVISE 4
#define PF_MLOCK 5
#define PF_MLOCK_ONFAULT 6
#define PF_PROTECT 7

/* Ours: what an event of pf_perf_faults is to do */
#define PF_PERF_RECORD 1     /* record each fault, beside counting */
#define PF_PERF_STACKS 2     /* with the stack, as far as frame pointers lead */
#define PF_PERF_TASKS 4      /* record what is mapped, named, forked and ended as well */
#define PF_PERF_FORKS 512    /* of those what is forked and ended alone */
#define PF_PERF_INHERIT 8    /* go on in threads and children that start from now on */
#define PF_PERF_THREADS 16   /* with the one before: in threads alone (Linux 5.13) */
#define PF_PERF_USER_ONLY 32 /* without faults that the kernel takes for the program */
#define PF_PERF_DISABLED 64  /* do not begin yet */
#define PF_PERF_ON_EXEC 128  /* begin where a program is executed */
#define PF_PERF_TRAP 256     /* raise SIGTRAP at each fault (Linux 5.13) */
#define PF_PERF_BEGINS 1024  /* not what was handled: each fault as the kernel begins with it */

/* Ours: what a buffer of events holds that is neither minor (0) nor major faults (1) */
#define PF_PERF_TRAPS 2

/* Ours: what an access was */
#define PF_ACCESS_READ 1
#define PF_ACCESS_WRITE 2

/* Ours: one byte of state for each page */
#define PF_STATE_PRESENT 1
#define PF_STATE_ZERO 2
#define PF_STATE_HUGE 4
#define PF_STATE_SWAPPED 8
#define PF_STATE_FILE 16
#define PF_STATE_WRITTEN 32
#define PF_STATE_GUARD 64

/* The blocks behind a page of a file; where a page has several, the highest counts. */
#define PF_BLOCK_NONE 0
#define PF_BLOCK_DELAYED 1
#define PF_BLOCK_UNWRITTEN 2
#define PF_BLOCK_WRITTEN 3

/* Ours: what a tracer is asked and tells */
#define PF_INJECT_MLOCK_ONFAULT 1000
#define PF_KIND_ANON_PRIVATE 1
#define PF_KIND_ANON_SHARED 2
#define PF_KIND_FILE_PRIVATE 4
#define PF_KIND_FILE_SHARED 8
#define PF_KIND_MEMFD 16
#define PF_KIND_HUGETLB 32
#define PF_KIND_HEAP 64
#define PF_MOMENT_MMAP 0
#define PF_MOMENT_ADVICE 1
#define PF_MOMENT_WRITABLE 2
#define PF_EVENT_MMAP 1
#define PF_EVENT_MREMAP 2
#define PF_EVENT_PROTECT 3
#define PF_EVENT_ADVICE 4
#define PF_EVENT_EXEC 5
#define PF_EVENT_EXIT 6
#define PF_EVENT_FILTERS 7
#define PF_EVENT_TRACES 8
#define PF_EVENT_MUNMAP 9
#define PF_EVENT_HANDLES 10
#define PF_REFUSED_NO_ACCESS 1
#define PF_REFUSED_STACK 2
#define PF_REFUSED_DEVICE 3
#define PF_REFUSED_MEMORY 4
#define PF_REFUSED_SHARED_FILE 5
#define PF_REFUSED_NOT_WRITABLE 6
#define PF_REFUSED_HOLES 7
#define PF_REFUSED_FILTERED 8
#define PF_REFUSED_CONTENT 9
#define PF_REFUSED_SETUID 10
#define PF_REFUSED_HANDLES 11
#define PF_REFUSED_LOCKS 12
#define PF_TRACER_ENDED 0
#define PF_TRACER_FULL 1
#define PF_TRACER_ASK 2
#define PF_TRACER_LOOK 3

#endif
