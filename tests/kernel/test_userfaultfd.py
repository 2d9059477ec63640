"""userfaultfd: which features the kernel offers, and what its calls do."""

import contextlib
import errno
import os
import select
import threading

import pytest

from prefault_kit.kernel import userfaultfd
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.timed import PrefaultError
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


def test_features(ordinary_user: None) -> None:
    """An ordinary user gets userfaultfd for faults in user mode, and no descriptor is left."""
    before = len(os.listdir("/proc/self/fd"))
    with contextlib.suppress(OSError):  # a container may forbid it; doctor says so
        offered = userfaultfd.features()
        assert set(offered) <= set(userfaultfd.FEATURES)
        # each came with or after the one before it
        if "WP_ASYNC" in offered:
            assert "WP_UNPOPULATED" in offered
        if "WP_UNPOPULATED" in offered:
            assert "write-protect" in offered
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_refusal_names_the_call_and_leaves_no_descriptor(ordinary_user: None) -> None:
    """A range that is not of pages is EINVAL; so is a feature that there never was."""
    before = len(os.listdir("/proc/self/fd"))
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        if _forbidden():
            pytest.skip("userfaultfd is forbidden")
        with pytest.raises(OSError, match=r"\[Errno 22\] UFFDIO_REGISTER: "):
            userfaultfd.begin(memory.address + 1, PAGE, userfaultfd.MODE_MISSING)
    assert len(os.listdir("/proc/self/fd")) == before


def _forbidden() -> bool:
    try:
        userfaultfd.features()
    except OSError:
        return True
    return False


@pytest.mark.needs("userfaultfd")
def test_a_write_to_a_protected_page_is_told_and_waits() -> None:
    """Its address comes as an event; the writer goes on once its page is let through."""
    with Mapping(Backing.anon(), 8 * PAGE) as memory:
        memory.populate_write()
        where = memory.span()
        fd = userfaultfd.begin(*where, userfaultfd.MODE_WP, "write-protect")
        writer = threading.Thread(target=memory.touch_write, args=(5 * PAGE, PAGE))
        try:
            assert userfaultfd.write_protect(fd, *where, on=True).done_bytes == 8 * PAGE
            assert userfaultfd.fault(fd) is None
            writer.start()
            select.select([fd], [], [], 10)
            assert userfaultfd.fault(fd) == memory.address + 5 * PAGE
            assert writer.is_alive()
            assert userfaultfd.fault(fd) is None
            userfaultfd.write_protect(fd, memory.address + 5 * PAGE, PAGE, on=False)
            writer.join(10)
            assert not writer.is_alive()
        finally:
            os.close(fd)
        with pytest.raises(OSError, match="UFFDIO_WRITEPROTECT") as caught:
            userfaultfd.write_protect(fd, *where, on=True)
        assert caught.value.errno == errno.EBADF
        with pytest.raises(OSError, match="read of a userfaultfd"):
            userfaultfd.fault(fd)


@pytest.mark.needs("userfaultfd")
def test_a_poisoned_page_is_an_error_to_touch() -> None:
    """The first one of a range, and those before it are there."""
    if "POISON" not in userfaultfd.features():
        pytest.skip("needs Linux 6.6")
    with Mapping(Backing.anon(), 8 * PAGE) as memory:
        userfaultfd.poison(memory.address + 3 * PAGE, PAGE)
        with pytest.raises(PrefaultError) as caught:
            memory.touch_read()
        assert (caught.value.errno, caught.value.page) == (errno.EFAULT, 3)
        assert memory.pages().present == 3
