"""A page that cannot be read from its file: what populating says, and that it says it at all."""

from __future__ import annotations

import signal

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.forked import told
from prefault_kit.memory import failing_file
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import needs
from prefault_kit.studies.promises.answer import counts, once
from prefault_kit.studies.promises.ground import GOOD, PAGES, Ground
from prefault_kit.studies.promises.promise import promise

PATIENCE_S = 10
"""The longest time that the populating may take, in a virtual machine without KVM, too."""


@promise(
    "error-io",
    source="madvise(2); Linux, commit 631426ba1d45",
    claim="where a file cannot be read (here one of FUSE, whose pread would be EIO), both fail "
    "with EFAULT, after all pages before it",
    on={
        "private memfd": f"READ EFAULT after {GOOD} pages, WRITE EFAULT after {GOOD} pages, "
        f"{GOOD} present"
    },
    differs={
        "SIGALRM": "before Linux 6.9 and 6.6.30 (commit 631426ba1d45) populating tried to read the "
        "page again and again, until a signal ended the process"
    },
    needs=(needs.populate, needs.page_tables, needs.failing_file),
)
def io_error(_: Ground) -> str:
    return told(_populate_failing_file)


def _populate_failing_file() -> str:
    """In a child, which SIGALRM ends where the populating does not."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE_S)
    fd = failing_file.file(PAGES * PAGE_SIZE_BYTES, GOOD * PAGE_SIZE_BYTES)
    backing = Backing.file(failing_file.PLACE)
    with Mapping(backing, PAGES * PAGE_SIZE_BYTES, "private", fd=fd) as memory:
        read, by_read = once(memory, "read")
        memory.advise("MADV_DONTNEED")
        write, by_write = once(memory, "write")
        return f"READ {read}, WRITE {write}, {counts((by_read, by_write))} present"
