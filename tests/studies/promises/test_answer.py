"""prefault_kit.studies.promises.answer: the kernel's answer in a word."""

import errno
import os

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises.answer import answer, counts, once, reach


def _fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_success_is_zero() -> None:
    """A call that raises nothing answers 0, whatever it returns."""
    assert answer(lambda: 5) == reach(lambda: 5) == "0"


def test_a_failure_is_its_errno() -> None:
    """The errno's name; its number where it has none."""
    assert answer(_fail, errno.ENOMEM) == "ENOMEM"
    assert answer(_fail, 4000) == "errno 4000"


def test_how_far_it_came() -> None:
    """A populate that fails midway says how many pages it had done."""

    def midway() -> None:
        work = Work(done_bytes=3 * PAGE_SIZE_BYTES)
        raise PrefaultError(errno.EFAULT, "no", page=3, work=work)

    assert reach(midway) == "EFAULT after 3 pages"


def test_what_one_call_leaves() -> None:
    """The prefix, counted before anything is populated again."""
    with Mapping(Backing.memfd(), 4 * PAGE_SIZE_BYTES) as memory:
        os.ftruncate(memory.fd, PAGE_SIZE_BYTES)
        assert once(memory, "read") == ("EFAULT after 1 pages", 1)


def test_counts_that_are_alike_are_one() -> None:
    """Others are told in their order."""
    assert (counts((4, 4)), counts((0, 4))) == ("4", "0 and 4")
