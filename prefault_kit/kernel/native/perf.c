/* Page faults as they happen: software events of perf_event_open(2), and their ring buffers.
 * include/uapi/linux/perf_event.h. The kernel accounts a fault with perf where it was taken by a
 * trap (mm_account_fault has registers); what populate takes inside a call is not among them. */
#include "prefault.h"

#include <endian.h>
#include <linux/perf_event.h>
#include <string.h>
#include <unistd.h>

/* Flags of perf_event_attr that headers may not have yet, by their bit (Linux 5.13). */
enum { INHERIT_THREAD = 35, REMOVE_ON_EXEC = 36, SIGTRAP_SYNC = 37 };

#define SAMPLED (PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR)

/* More of a stack is of no use to anybody, and fills the buffer. */
#define MOST_FRAMES 16

/* The head of a sample, in the order of the bits of SAMPLED; with stacks a count and as many
 * addresses follow. */
struct sample {
    struct perf_event_header header;
    uint64_t ip;
    uint32_t pid, tid;
    uint64_t time;
    uint64_t address;
};

/* What ends every other record (sample_id_all). */
struct trailer {
    uint32_t pid, tid;
    uint64_t time;
};

/* What follows the head of a sample of the tracepoints exceptions:page_fault_user and _kernel on
 * x86; whoever opens them compares this with the tracepoint's own description. */
struct trap {
    uint32_t size;
    struct __attribute__((packed)) {
        uint16_t type;
        uint8_t flags, preempt_count;
        int32_t pid;
        uint64_t address, ip, error_code;
    } data;
} __attribute__((packed));

#define TRAP_WROTE UINT64_C(2) /* X86_PF_WRITE */

struct mapped {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t address, length, offset;
    uint32_t device_major, device_minor;
    uint64_t inode, generation;
    uint32_t protection, flags;
    char name[];
};

struct named {
    struct perf_event_header header;
    uint32_t pid, tid;
    char name[];
};

struct forked {
    struct perf_event_header header;
    uint32_t pid, parent_pid;
    uint32_t tid, parent_tid;
    uint64_t time;
};

struct lost {
    struct perf_event_header header;
    uint64_t id;
    uint64_t count;
};

static void set_flag(struct perf_event_attr *event, int bit)
{
    char *flags = (char *)event + offsetof(struct perf_event_attr, read_format) + sizeof(uint64_t);
    uint64_t word;
    memcpy(&word, flags, sizeof(word));
    word |= UINT64_C(1) << (BYTE_ORDER == BIG_ENDIAN ? 63 - bit : bit);
    memcpy(flags, &word, sizeof(word));
}

static int open_event(int tid, int cpu, uint32_t type, uint64_t config, int options,
                      uint32_t watermark)
{
    struct perf_event_attr event = {
        .type = type,
        .size = sizeof(event),
        .config = config,
        .disabled = !!(options & PF_PERF_DISABLED),
        .inherit = !!(options & PF_PERF_INHERIT),
        .exclude_kernel = !!(options & PF_PERF_USER_ONLY),
        .exclude_hv = !!(options & PF_PERF_USER_ONLY),
        .enable_on_exec = !!(options & PF_PERF_ON_EXEC),
    };
    if (options & PF_PERF_RECORD) {
        event.sample_period = 1;
        event.sample_type = SAMPLED;
        if (type == PERF_TYPE_TRACEPOINT)
            event.sample_type |= PERF_SAMPLE_RAW;
        event.sample_id_all = 1;
        event.use_clockid = 1;
        event.clockid = CLOCK_MONOTONIC;
        event.watermark = 1;
        event.wakeup_watermark = watermark;
        if (options & PF_PERF_STACKS) {
            event.sample_type |= PERF_SAMPLE_CALLCHAIN;
            event.exclude_callchain_kernel = 1;
            event.sample_max_stack = MOST_FRAMES;
        }
        event.task = !!(options & (PF_PERF_FORKS | PF_PERF_TASKS));
        if (options & PF_PERF_TASKS) {
            event.comm = 1;
            event.mmap = 1;
            event.mmap2 = 1;
            event.mmap_data = 1;
        }
    }
    if (options & PF_PERF_THREADS)
        set_flag(&event, INHERIT_THREAD);
    if (options & PF_PERF_TRAP) {
        set_flag(&event, REMOVE_ON_EXEC);
        set_flag(&event, SIGTRAP_SYNC);
    }
    long fd = syscall(__NR_perf_event_open, &event, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd == -1 && errno == EOVERFLOW) { /* the host's own limit of frames is lower, and holds */
        event.sample_max_stack = 0;
        fd = syscall(__NR_perf_event_open, &event, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    }
    return fd == -1 ? -errno : (int)fd;
}

/* A descriptor of an event that counts the minor or the major faults of a thread (0: the caller)
 * on a processor (-1: any), and records each one if `options` say so. Those are told when they have
 * been handled, and PERF_COUNT_SW_PAGE_FAULTS before that: the time between is the fault's. */
int pf_perf_faults(int tid, int cpu, int major, int options, uint32_t watermark)
{
    uint64_t config = options & PF_PERF_BEGINS ? PERF_COUNT_SW_PAGE_FAULTS
                      : major                  ? PERF_COUNT_SW_PAGE_FAULTS_MAJ
                                               : PERF_COUNT_SW_PAGE_FAULTS_MIN;
    return open_event(tid, cpu, PERF_TYPE_SOFTWARE, config, options, watermark);
}

/* The same for a tracepoint of the traps that become page faults, which say what was tried. */
int pf_perf_traps(int tid, int cpu, uint64_t tracepoint, int options, uint32_t watermark)
{
    return open_event(tid, cpu, PERF_TYPE_TRACEPOINT, tracepoint, options, watermark);
}

/* Let the records of an event go to the buffer of another one. */
int pf_perf_redirect(int fd, int to)
{
    return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, to) == -1 ? -errno : 0;
}

/* A page of the kernel's and `length` bytes of records: a power of two of pages. */
int pf_perf_map(int fd, size_t length, uintptr_t *address)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *got = mmap(NULL, page + length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (got == MAP_FAILED)
        return -errno;
    *address = (uintptr_t)got;
    return 0;
}

/* Start or stop events, with what they have inherited to. */
int pf_perf_switch(const int *fds, size_t count, int on)
{
    int error = 0;
    for (size_t i = 0; i < count; i++)
        if (ioctl(fds[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) == -1)
            error = errno;
    return -error;
}

/* Start an event that stops by itself after so many records. */
int pf_perf_refresh(int fd, int records)
{
    return ioctl(fd, PERF_EVENT_IOC_REFRESH, records) == -1 ? -errno : 0;
}

/* The sum of what events have counted, here and wherever they were inherited to. */
int pf_perf_count(const int *fds, size_t count, int64_t *total)
{
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        ssize_t got = read(fds[i], &value, sizeof(value));
        if (got == -1)
            return -errno;
        if (got == sizeof(value)) /* 0: the event is in error */
            *total += (int64_t)value;
    }
    return 0;
}

/* The text of a record that ends with `trailer`, without what pads it. */
static size_t text_length(const char *text, const char *trailer)
{
    return trailer > text ? strnlen(text, (size_t)(trailer - text)) : 0;
}

/* Whether there was room. */
static int add_task(const struct perf_event_header *header, pf_task *tasks, size_t most_tasks,
                    char *names, size_t most_names, pf_drained *drained)
{
    const char *end = (const char *)header + header->size - sizeof(struct trailer);
    const struct trailer *trailer = (const void *)end;
    const char *name = NULL;
    pf_task task = {.kind = (int32_t)header->type, .time_ns = (int64_t)trailer->time};
    if (header->type == PERF_RECORD_MMAP2) {
        const struct mapped *record = (const void *)header;
        task.pid = record->pid;
        task.tid = record->tid;
        task.address = record->address;
        task.length = record->length;
        task.offset = record->offset;
        task.inode = record->inode;
        task.device_major = record->device_major;
        task.device_minor = record->device_minor;
        task.protection = record->protection;
        task.flags = record->flags;
        name = record->name;
    } else if (header->type == PERF_RECORD_COMM) {
        const struct named *record = (const void *)header;
        task.pid = record->pid;
        task.tid = record->tid;
        task.flags = !!(header->misc & PERF_RECORD_MISC_COMM_EXEC);
        name = record->name;
    } else {
        const struct forked *record = (const void *)header;
        task.pid = record->pid;
        task.tid = record->tid;
        task.parent_pid = record->parent_pid;
        task.parent_tid = record->parent_tid;
    }
    size_t length = name ? text_length(name, end) : 0;
    if ((size_t)drained->tasks == most_tasks || (size_t)drained->names + length > most_names)
        return 0;
    task.name_at = (uint32_t)drained->names;
    task.name_length = (uint32_t)length;
    if (length)
        memcpy(names + drained->names, name, length);
    drained->names += (int64_t)length;
    tasks[drained->tasks++] = task;
    return 1;
}

/* Whether there was room. */
static int add_fault(const struct sample *sample, int major, int stacks, pf_fault *faults,
                     size_t most_faults, uint64_t *ips, size_t most_ips, pf_drained *drained)
{
    size_t depth = 0;
    const uint64_t *chain = (const uint64_t *)(sample + 1);
    const uint64_t *end = (const uint64_t *)((const char *)sample + sample->header.size);
    if (stacks && chain < end) {
        size_t said = *chain++;
        depth = said < (size_t)(end - chain) ? said : (size_t)(end - chain);
    }
    if ((size_t)drained->faults == most_faults || (size_t)drained->ips + depth > most_ips)
        return 0;
    size_t kept = 0;
    for (size_t i = 0; i < depth; i++)
        if (chain[i] < (uint64_t)PERF_CONTEXT_MAX) /* else it says of what the next ones are */
            ips[drained->ips + (int64_t)kept++] = chain[i];
    drained->ips += (int64_t)kept;
    faults[drained->faults++] = (pf_fault){
        .time_ns = (int64_t)sample->time,
        .address = sample->address,
        .ip = sample->ip,
        .pid = sample->pid,
        .tid = sample->tid,
        .depth = (uint32_t)kept,
        .major = (uint8_t)major,
        .in_kernel =
            (sample->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL,
    };
    return 1;
}

/* Whether there was room. */
static int add_trap(const struct sample *sample, pf_fault *faults, size_t most_faults,
                    pf_drained *drained)
{
    const struct trap *trap = (const void *)(sample + 1);
    if ((const char *)(trap + 1) > (const char *)sample + sample->header.size)
        return 1; /* none that this knows */
    if ((size_t)drained->faults == most_faults)
        return 0;
    faults[drained->faults++] = (pf_fault){
        .time_ns = (int64_t)sample->time,
        .address = trap->data.address,
        .ip = trap->data.ip,
        .pid = sample->pid,
        .tid = sample->tid,
        .access = trap->data.error_code & TRAP_WROTE ? PF_ACCESS_WRITE : PF_ACCESS_READ,
    };
    return 1;
}

/* Take records out of a buffer of minor (0) or of major faults (1) or of traps (2) until it is
 * empty or one has no room any more; ADDS to `drained`.
 * Returns 1 where records are left, else 0. */
int pf_perf_drain(uintptr_t buffer, int kind, int stacks, pf_fault *faults, size_t most_faults, uint64_t *ips, size_t most_ips,
                  pf_task *tasks, size_t most_tasks, char *names, size_t most_names,
                  pf_drained *drained)
{
    struct perf_event_mmap_page *control = (void *)buffer;
    const char *data = (const char *)buffer + control->data_offset;
    uint64_t size = control->data_size, tail = control->data_tail;
    uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    union {
        struct perf_event_header header;
        uint64_t words[(UINT16_MAX + 1) / sizeof(uint64_t)];
    } whole; /* of a record that begins at the end of the buffer and goes on at its beginning */
    int result = 0;
    while (tail < head) {
        uint64_t at = tail % size; /* records are of whole words, so a header is in one piece */
        const struct perf_event_header *header = (const void *)(data + at);
        uint64_t length = header->size;
        if (length < sizeof(*header) || length > head - tail) {
            result = -EIO;
            break;
        }
        if (at + length > size) {
            memcpy(&whole, data + at, size - at);
            memcpy((char *)&whole + (size - at), data, length - (size - at));
            header = &whole.header;
        }
        int fits = 1;
        switch (header->type) {
        case PERF_RECORD_SAMPLE:
            if (kind == PF_PERF_TRAPS)
                fits = add_trap((const void *)header, faults, most_faults, drained);
            else
                fits = add_fault((const void *)header, kind, stacks, faults, most_faults,
                                 ips, most_ips, drained);
            break;
        case PERF_RECORD_LOST:
            drained->lost += (int64_t)((const struct lost *)header)->count;
            break;
        case PERF_RECORD_MMAP2:
        case PERF_RECORD_COMM:
        case PERF_RECORD_FORK:
        case PERF_RECORD_EXIT:
            fits = add_task(header, tasks, most_tasks, names, most_names, drained);
            break;
        }
        if (!fits) {
            result = 1;
            break;
        }
        tail += length;
    }
    __atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
    return result;
}
