/* A file system with one file that cannot be read to its end, or that waits before it answers a read
 * (include/uapi/linux/fuse.h): the root itself is the file. What it does not implement is -ENOSYS,
 * which the kernel takes for an answer. */
#include "prefault.h"

#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { REQUEST_BYTES = 1 << 17, MINOR = 31 /* Linux 5.2 */, VALID_S = 3600 };

/* What the file is like. */
struct file {
    int64_t size, good; /* bytes; those from `good` on are an I/O error */
    int64_t wait_ns;    /* before each read is answered */
    uint32_t read_ahead; /* bytes that the kernel may read ahead; 0 to ask for single pages */
};

static int answer(int fd, uint64_t unique, int error, void *data, size_t length)
{
    struct fuse_out_header head = {(uint32_t)(sizeof(head) + length), error, unique};
    struct iovec parts[] = {{&head, sizeof(head)}, {data, length}};
    return writev(fd, parts, length ? 2 : 1) == -1 && errno != ENOENT ? -errno : 0;
}

static void wait_for(int64_t ns)
{
    struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (ns > 0 && nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

/* Zeros, up to the first byte that is bad; short at the end of the file. */
static int answer_read(int fd, uint64_t unique, const struct fuse_read_in *read,
                       const struct file *file)
{
    static char zeros[REQUEST_BYTES];
    int64_t begin = (int64_t)read->offset, size = read->size;
    wait_for(file->wait_ns);
    if (file->good == file->size && begin + size > file->size)
        size = begin < file->size ? file->size - begin : 0;
    if (size > (int64_t)sizeof(zeros) || begin + size > file->good)
        return answer(fd, unique, -EIO, NULL, 0);
    return answer(fd, unique, 0, zeros, (size_t)size);
}

static int serve_one(int fd, const char *request, const struct file *file)
{
    const struct fuse_in_header *head = (const void *)request;
    const void *words = request + sizeof(*head);
    /* a file that fails is without read-ahead, which would ask for good and bad pages together */
    struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
                                 .minor = MINOR,
                                 .max_readahead = file->read_ahead,
                                 .flags = file->read_ahead ? FUSE_ASYNC_READ : 0,
                                 .max_write = 4096};
    struct fuse_attr_out attributes = {
        .attr_valid = VALID_S,
        .attr = {.ino = FUSE_ROOT_ID, .size = (uint64_t)file->size, .mode = S_IFREG | 0400, .nlink = 1}};
    struct fuse_open_out opened = {.fh = 1};
    switch (head->opcode) {
    case FUSE_INIT:
        return answer(fd, head->unique, 0, &init, sizeof(init));
    case FUSE_GETATTR:
        return answer(fd, head->unique, 0, &attributes, sizeof(attributes));
    case FUSE_OPEN:
        return answer(fd, head->unique, 0, &opened, sizeof(opened));
    case FUSE_READ:
        return answer_read(fd, head->unique, words, file);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return 0; /* nobody waits for these */
    default:
        return answer(fd, head->unique, -ENOSYS, NULL, 0);
    }
}

/* Answer requests on a descriptor of /dev/fuse until the file system is unmounted: a file of `size`
 * bytes of which those from `good` on are an I/O error. Each read waits for `wait_ns`; several
 * processes may serve one descriptor, and then wait side by side. */
int pf_fuse_serve(int fd, int64_t size, int64_t good, int64_t wait_ns, size_t read_ahead)
{
    const struct file file = {size, good, wait_ns, (uint32_t)read_ahead};
    char *request = malloc(REQUEST_BYTES);
    int result = request ? 0 : -ENOMEM;
    while (result == 0) {
        ssize_t got = read(fd, request, REQUEST_BYTES);
        if (got >= (ssize_t)sizeof(struct fuse_in_header))
            result = serve_one(fd, request, &file);
        else if (got != -1 || (errno != EINTR && errno != EAGAIN && errno != ENOENT))
            break; /* ENODEV: unmounted */
    }
    free(request);
    return result;
}
