"""A candidate carried out without this kit: a library that is loaded before a program.

What the trial puts into a program from outside, this does from inside: each mmap, malloc and calloc
of the program that is large enough is followed by the advice. It reaches what calls those of the C
library (glibc), and no static program.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.syscalls import ADVICE

LIMIT_S = 60
SOURCE = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* BY_HAND_ADVICE: numbers of madvise; BY_HAND_BYTES: the least size of a mapping;
   BY_HAND_PROT: what it must be mapped for, at least. */
static int advices[8], count, prot_wanted;
static size_t least = -1;
static void *(*real)(void *, size_t, int, int, int, off_t);
void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);

__attribute__((constructor)) static void begin(void)
{
    char *text = getenv("BY_HAND_ADVICE"), *end;
    while (text && *text && count < 8) {
        advices[count++] = strtol(text, &end, 10);
        text = *end ? end + 1 : end;
    }
    least = strtoull(getenv("BY_HAND_BYTES") ?: "1048576", NULL, 10);
    prot_wanted = atoi(getenv("BY_HAND_PROT") ?: "3");
    real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
}

static void *advised(void *p, size_t length)
{
    uintptr_t page = sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & -page, to = ((uintptr_t)p + length) & -page;
    for (int i = 0; p && i < count && from < to; i++)
        madvise((void *)from, to - from, advices[i]);
    return p;
}

void *malloc(size_t length)
{
    void *p = __libc_malloc(length);
    return length >= least ? advised(p, length) : p;
}

void *calloc(size_t number, size_t size)
{
    void *p = __libc_calloc(number, size);
    return p && number * size >= least ? advised(p, number * size) : p;
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    if (!real) /* before the constructor: of other libraries */
        real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    void *p = real(address, length, prot, flags, fd, offset);
    int large = length >= least && (prot & prot_wanted) == prot_wanted;
    return p != MAP_FAILED && large ? advised(p, length) : p;
}

void *mmap64(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    return mmap(address, length, prot, flags, fd, offset);
}
"""
PROT = {"r": 1, "w": 3}
"""PROT_READ alone, or with PROT_WRITE."""


def why_not() -> Unavailable | None:
    """Why the library cannot be made here; None if it can."""
    if shutil.which("gcc") is None:
        return Unavailable("gcc is missing, which compiles the library", "sudo apt install gcc")
    return None


def library(directory: Path) -> Path:
    """Compile the library into a directory; OSError with what gcc said, or where ld.so would read
    more than one path in the library's."""
    source, made = directory / "by-hand.c", directory / "by-hand.so"
    if re.search(r"[\s:]", str(made)):
        raise OSError(f"LD_PRELOAD takes no blank or colon ({directory}): set TMPDIR to another")
    source.write_text(SOURCE)
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", str(made), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if done.returncode:
        raise OSError(f"the library could not be compiled: {done.stderr.strip()[-200:]}")
    return made


def carried_out(
    command: Sequence[str], library: Path, advices: Sequence[str], least_bytes: int, access: str
) -> tuple[str, ...]:
    """A command that runs another one with advice on its mappings of ``least_bytes`` and more that
    are mapped for ``access``, ``r`` or ``w``, and on what it allocates of that size.

    >>> carried_out(["redis-server"], Path("/lib.so"), ["MADV_HUGEPAGE"], 4096, "w")[-2:]
    ('BY_HAND_PROT=3', 'redis-server')
    """
    numbers = ",".join(str(ADVICE[each]) for each in advices)
    settings = [
        f"LD_PRELOAD={library}",
        f"BY_HAND_ADVICE={numbers}",
        f"BY_HAND_BYTES={least_bytes}",
        f"BY_HAND_PROT={PROT[access]}",
    ]
    return ("env", *settings, *command)
