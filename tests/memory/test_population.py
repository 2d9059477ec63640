"""prefault_kit.memory.population: what populating a range says when it fails."""

import errno
import os

import pytest

from prefault_kit import Backing, Mapping, PrefaultError
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory import population, support
from prefault_kit.memory.population import SHARE_BYTES


def test_an_operation_for_each_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice; where the kernel lacks it an error, or a touch if that is allowed."""
    assert population.operation("read", touch=True) == "MADV_POPULATE_READ"
    assert population.operation("write", touch=False) == "MADV_POPULATE_WRITE"
    monkeypatch.setattr(support, "populate_refusal", lambda _: "EINVAL")
    assert population.operation("read", touch=True) == "touch_read"
    assert population.operation("write", touch=True) == "touch_atomic"
    with pytest.raises(OSError, match="MADV_POPULATE_READ") as raised:
        population.operation("read", touch=False)
    assert raised.value.errno == errno.EINVAL


def test_pages_are_counted_on() -> None:
    """From those that lie before the range."""
    with Mapping(Backing.memfd(), 8 * PAGE, "shared") as memory:
        os.ftruncate(memory.fd, 6 * PAGE)
        with pytest.raises(PrefaultError, match=r"page 6 cannot be had \(EFAULT\)") as raised:
            population.populate(
                "MADV_POPULATE_READ",
                memory.address + 4 * PAGE,
                4 * PAGE,
                step=PAGE,
                threads=1,
                verb="had",
                pages_before=4,
            )
        assert (raised.value.page, raised.value.populated_bytes) == (6, 2 * PAGE)


def test_too_many_threads_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """EAGAIN of a thread that could not start."""
    from prefault_kit.kernel import timed

    def fail(*_: object, **__: object) -> None:
        raise PrefaultError(errno.EAGAIN, "no", page=0, work=timed.Work())

    monkeypatch.setattr(timed, "range_timed", fail)
    with pytest.raises(PrefaultError, match="may not start 9 threads"):
        population.populate("MADV_POPULATE_READ", 0, PAGE, step=PAGE, threads=9, verb="had")


def test_the_usual_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each processor, and for each share that is worth it."""
    monkeypatch.setattr(population.os, "sched_getaffinity", lambda _: set(range(8)))
    usual = population.usual_threads
    assert [usual(size) for size in (PAGE, 2 * SHARE_BYTES, 100 * SHARE_BYTES)] == [1, 2, 8]
