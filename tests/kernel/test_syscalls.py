"""prefault_kit.kernel.syscalls: each call, and what it says where it fails."""

import errno
import os
from collections.abc import Callable

import pytest

from prefault_kit.kernel import syscalls
from prefault_kit.kernel.errors import ERRNO_NAMES
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.forked import beside, told
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

PAGES = 512
SIZE = PAGES * PAGE


def test_advice_numbers_are_the_kernels() -> None:
    """The two advices have the numbers of include/uapi/asm-generic/mman-common.h."""
    assert syscalls.ADVICE["MADV_POPULATE_READ"] == 22
    assert syscalls.ADVICE["MADV_POPULATE_WRITE"] == 23
    assert syscalls.ADVICE["MADV_COLLAPSE"] == 25


def test_failed_call_names_errno_call_and_range() -> None:
    """An unaligned populate is EINVAL, and the text names the call and its range."""
    with Mapping(Backing.anon(), SIZE) as mapping, pytest.raises(OSError) as caught:
        mapping.populate_read(offset=1, length=PAGE)
    assert caught.value.errno == errno.EINVAL
    assert f"MADV_POPULATE_READ(0x{mapping.address + 1:x}, {PAGE} bytes)" in str(caught.value)


def test_mincore_sees_the_page_cache_not_the_mapping() -> None:
    """mincore says resident for cached pages that no page table maps: why pagemap is used."""
    with Mapping(Backing.memfd(), SIZE, "shared") as mapping:
        os.pwrite(mapping.fd, b"x" * SIZE, 0)
        vector = syscalls.mincore(mapping.address, SIZE)
        assert sum(byte & 1 for byte in vector) == PAGES
        assert mapping.pages().present == 0


def test_nothing_to_write_is_refused() -> None:
    """A fill of no data would never end."""
    with Mapping(Backing.memfd(), SIZE, "shared") as memory:
        with pytest.raises(OSError) as caught:
            syscalls.fill(memory.fd, 0, SIZE, b"")
        assert caught.value.errno == errno.EINVAL


def test_a_mapping_without_alignment_is_refused() -> None:
    """A fence of no or of endless width is an OSError."""
    flags = syscalls.MAP["MAP_PRIVATE"] | syscalls.MAP["MAP_ANONYMOUS"]
    for align, number in ((0, errno.EINVAL), (1 << 63, errno.ENOMEM)):
        with pytest.raises(OSError) as caught:
            syscalls.map_fenced(PAGE, align=align, protection=0, flags=flags)
        assert caught.value.errno == number


def test_locking_on_fault_of_all_that_comes() -> None:
    """What is mapped afterwards holds pages once they are there; in a child, for it is for good."""

    def lock() -> str:
        syscalls.mlockall_on_fault()
        with Mapping(Backing.anon(), 16 * PAGE) as memory:
            before = memory.pages().present
            memory.populate_write(0, 2 * PAGE)
            return f"{before} {memory.usage().locked}"

    said = told(lock)
    if said in ("ENOMEM", "EAGAIN", "EPERM"):
        pytest.skip("RLIMIT_MEMLOCK is too small for this process")
    assert said == f"0 {2 * PAGE}"


@pytest.mark.parametrize("call", [syscalls.memfd_secret, syscalls.perf_dummy])
def test_descriptors_that_no_function_of_python_gives(call: Callable[[], int]) -> None:
    """They are closed in programs that this one starts."""
    try:
        fd = call()
    except OSError as error:
        pytest.skip(str(error))
    try:
        assert os.get_inheritable(fd) is False
    finally:
        os.close(fd)


def test_a_mount_that_cannot_be_is_refused() -> None:
    """With the call and what it was about; whoever may not mount gets EPERM first."""
    with pytest.raises(OSError, match=r"mount\(no-such-file-system on /nowhere\)") as caught:
        syscalls.mount("no-such-file-system", "/nowhere", "")
    assert caught.value.errno in (errno.ENOENT, errno.ENODEV, errno.EPERM)
    with pytest.raises(OSError, match=r"unshare\(0x1\)") as caught:
        syscalls.unshare(1)  # no flag of unshare(2)
    assert caught.value.errno in (errno.EINVAL, errno.EPERM)


def test_what_is_sealed_stays_mapped() -> None:
    """In a child, since it is for good; sealing nothing is no error."""

    def seal() -> str:
        memory = Mapping(Backing.anon(), PAGE)
        try:
            syscalls.seal(memory.address, 0)
            syscalls.seal(*memory.span())
        except OSError as error:
            os._exit(error.errno or 1)
        try:
            syscalls.unmap(*memory.span())
        except OSError as error:
            os._exit(error.errno or 1)
        return "it is gone"

    if (said := told(seal)) == "ENOSYS":
        pytest.skip("needs Linux 6.10")
    assert said == "EPERM"


def test_another_process_is_advised_by_its_descriptor() -> None:
    """EBADF without one; populating is not for another process to ask."""
    with Mapping(Backing.anon(), PAGE) as memory, pytest.raises(OSError) as caught:
        syscalls.advise_process(-1, *memory.span(), "MADV_COLD")
    assert caught.value.errno == errno.EBADF
    with Mapping(Backing.anon(), PAGE) as memory, beside() as child:
        fd = os.pidfd_open(child)
        with pytest.raises(OSError) as caught:
            syscalls.advise_process(fd, *memory.span(), "MADV_POPULATE_READ")
        os.close(fd)
    assert caught.value.errno == errno.EINVAL
    assert "MADV_POPULATE_READ" in str(caught.value)


def test_who_lost_its_parent_before_it_could_ask_is_told() -> None:
    """The kernel would never tell: ESRCH, and else the process dies with its parent."""

    def asked(parent: int) -> str:
        try:
            syscalls.die_with_parent(parent)
        except OSError as error:
            return ERRNO_NAMES[error.errno or 0]
        return "dies with it"

    assert told(lambda: asked(os.getppid())) == "dies with it"
    assert told(lambda: asked(1 << 30)) == "ESRCH"
