"""Every module of promises notices a kit that is broken: the promise then differs, unexplained."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import features
from prefault_kit.kernel import page_cache, pagemap, proc, smaps, syscalls, timed, userfaultfd
from prefault_kit.kernel.pagemap import Pages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.kernel.timed import PrefaultError, Work
from prefault_kit.memory import mapping, support
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import PROMISES, forking, memcg

Patch = pytest.MonkeyPatch


def advice_taken_for(patch: Patch, one: str, other: str) -> None:
    patch.setitem(timed.OPERATIONS, one, timed.OPERATIONS[other])


def read_for_write(patch: Patch) -> None:
    """A wrong constant."""
    advice_taken_for(patch, "MADV_POPULATE_WRITE", "MADV_POPULATE_READ")


def write_for_read(patch: Patch) -> None:
    """The other wrong constant."""
    advice_taken_for(patch, "MADV_POPULATE_READ", "MADV_POPULATE_WRITE")


def hint_that_populates(patch: Patch) -> None:
    """A hint that is taken for a populate."""
    advice_taken_for(patch, "MADV_WILLNEED", "MADV_POPULATE_READ")


def a_page_too_far(patch: Patch) -> None:
    """An off-by-one in the prefix."""
    real = PrefaultError.__init__

    def late(self: Any, *words: Any, **known: Any) -> None:
        real(self, *words, **known)
        self.populated_bytes += PAGE_SIZE_BYTES

    patch.setattr(PrefaultError, "__init__", late)


def dirty_read_as_clean(patch: Patch) -> None:
    """A view that sees no dirty page."""
    real = page_cache.of
    patch.setattr(page_cache, "of", lambda *w, **k: replace(real(*w, **k), dirty=0))


def zero_page_unseen(patch: Patch) -> None:
    """A view that takes the zero page for any other."""
    real = pagemap.scan
    patch.setattr(pagemap, "scan", lambda *w, **k: replace(real(*w, **k), zero=0))


def a_page_unseen(patch: Patch) -> None:
    """A view that misses a page."""
    real = pagemap.scan

    def short(*words: Any, **known: Any) -> Pages:
        found = real(*words, **known)
        return replace(found, present=max(0, found.present - 1))

    patch.setattr(pagemap, "scan", short)


def a_fault_too_many(patch: Patch) -> None:
    """A miscounted fault."""
    real = timed.range_timed

    def more(*words: Any, **known: Any) -> Work:
        work = real(*words, **known)
        return replace(work, minor_faults=work.minor_faults + 1)

    patch.setattr(timed, "range_timed", more)


def nothing_for(owner: Any, name: str) -> Callable[[Patch], None]:
    """A function that does nothing."""

    def plant(patch: Patch) -> None:
        patch.setattr(owner, name, lambda *words, **known: Work())

    plant.__name__ = f"no_{name}"
    return plant


def refusing(advice: str) -> Callable[[Patch], None]:
    """An advice whose number the kit has wrong, so that the kernel says EINVAL."""

    def plant(patch: Patch) -> None:
        operation, _ = timed.OPERATIONS[advice]
        patch.setitem(timed.OPERATIONS, advice, (operation, 9999))

    plant.__name__ = f"refused_{advice}"
    return plant


def nothing_locked(patch: Patch) -> None:
    """Accounting that sees nothing locked."""
    real = smaps.usage
    patch.setattr(mapping.smaps, "usage", lambda *w: replace(real(*w), locked=0))


def no_child(patch: Patch) -> None:
    """A fork that does not take place."""
    patch.setattr(forking, "beside", contextlib.nullcontext)


def no_limit(patch: Patch) -> None:
    """A cgroup that is not entered."""

    @contextlib.contextmanager
    def unlimited(limit_bytes: int) -> Iterator[Callable[[], None]]:
        yield lambda: None

    patch.setattr(memcg, "limited", unlimited)


def unknown_hint(patch: Patch) -> None:
    """A call that the kernel refuses whatever it is asked for."""
    patch.setitem(syscalls.ADVICE, "MADV_COLD", 9999)


def any_protection(patch: Patch) -> None:
    """An mprotect that grants everything."""
    for protection in syscalls.PROTECTION:
        advice_taken_for(patch, f"protect {protection}", "protect rw")


FAULTS: tuple[tuple[Callable[[Patch], None], str, str], ...] = (
    (a_fault_too_many, "fault-populate-counts", "private anon"),
    (a_page_unseen, "resident-written", "shared memfd"),
    (write_for_read, "read-zero-page", "private anon"),
    (write_for_read, "read-keeps-cow", "private memfd"),
    (a_page_unseen, "read-makes-readable", "shared file"),
    (nothing_for(Mapping, "fallocate"), "read-after-fallocate", "shared file"),
    (read_for_write, "write-breaks-cow", "private anon"),
    (read_for_write, "write-makes-writable", "shared file"),
    (nothing_for(Mapping, "sync"), "write-once-until-sync", "shared file"),
    (a_fault_too_many, "write-after-read", "shared memfd"),
    (any_protection, "permission-r", "private anon"),
    (any_protection, "permission-none", "shared memfd"),
    (a_page_too_far, "prefix-end-of-file", "shared memfd"),
    (a_page_too_far, "error-full-tmpfs", "shared tmpfs"),
    (any_protection, "prefix-protection", "private anon"),
    (nothing_for(userfaultfd, "poison"), "error-ehwpoison", "private anon"),
    (no_limit, "oom-write", "private anon"),
    (nothing_for(Mapping, "fallocate"), "fallocate-maps-nothing", "shared memfd"),
    (nothing_for(Mapping, "map_populate"), "map-populate-hides-errors", "shared memfd"),
    (hint_that_populates, "willneed-is-a-hint", "shared memfd"),
    (nothing_for(Mapping, "punch_hole"), "discard-punch-hole", "shared memfd"),
    (nothing_for(Mapping, "advise"), "discard-dontneed", "private anon"),
    (nothing_for(Mapping, "advise"), "prefix-guard-region", "private anon"),
    (nothing_for(Mapping, "populate_write"), "write-makes-writable", "private anon"),
    (refusing("MADV_POPULATE_READ"), "read-makes-readable", "private anon"),
    (refusing("MADV_GUARD_INSTALL"), "prefix-guard-region", "private anon"),
    (refusing("MADV_DONTNEED"), "discard-dontneed", "private anon"),
    (a_page_unseen, "prefix-protection", "private anon"),
    (dirty_read_as_clean, "dirty-write", "shared file"),
    (dirty_read_as_clean, "folio-small-chunks", "shared file"),
    (write_for_read, "dirty-read", "shared file"),
    (zero_page_unseen, "zero-read-is-free", "private anon"),
    (write_for_read, "zero-huge", "private anon"),
    (nothing_locked, "lock-populates", "private anon"),
    (nothing_for(Mapping, "mlock"), "lock-writes-private", "private anon"),
    (nothing_for(Mapping, "mlock_on_fault"), "lock-on-fault", "private anon"),
    (nothing_for(Mapping, "populate_read"), "snapshot-read", "private anon"),
    (nothing_for(syscalls, "mlockall_on_fault"), "lock-all-on-fault", "private anon"),
    (no_child, "fork-protects-private", "private anon"),
    (nothing_for(syscalls, "seal"), "seal-populates", "private anon"),
    (nothing_for(syscalls, "seal"), "seal-discards", "private anon"),
    (nothing_for(timed, "remap_timed"), "droppable-fork", "private anon"),
    (nothing_for(timed, "remap_timed"), "droppable-unlockable", "private anon"),
    (read_for_write, "droppable-populates", "private anon"),
    (unknown_hint, "permission-another-process", "private anon"),
    (nothing_for(Mapping, "advise"), "resident-guard", "private anon"),
    (nothing_for(Mapping, "advise"), "discard-page-tables", "private anon"),
    (nothing_for(Mapping, "advise"), "fault-random", "shared file"),
    (refusing("MADV_POPULATE_READ"), "error-hole-anywhere", "private anon"),
    (a_page_too_far, "error-io", "private memfd"),
    (nothing_for(proc, "clear_soft_dirty"), "soft-dirty", "private anon"),
)
"""What is broken, and a promise on a kind of memory that notices."""


def _forget_the_host() -> None:
    """Let the broken kit itself find out what the host has, as it would from the start."""
    support.populate_refusal.cache_clear()
    for probe in vars(features).values():
        if hasattr(probe, "cache_clear"):
            probe.cache_clear()


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What a broken kit has found out of the host is forgotten in the end."""
    yield
    _forget_the_host()


@pytest.mark.parametrize(
    ("plant", "name", "kind"), FAULTS, ids=[f"{name}-{plant.__name__}" for plant, name, _ in FAULTS]
)
def test_it_is_noticed(
    plant: Callable[[Patch], None],
    name: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: Patch,
    forgetful: None,
) -> None:
    """It holds with the kit as it is, and differs without an explanation when this is broken."""
    directory = str(tmp_path)
    before = PROMISES[name].judge(kind, directory)
    if before.verdict != "holds" and before.explained:
        pytest.skip(f"{name}: {before.reason}")
    assert before.verdict == "holds", before
    plant(monkeypatch)
    _forget_the_host()
    after = PROMISES[name].judge(kind, directory)
    assert after.verdict == "differs", after
    assert not after.explained


def test_every_module_is_tried() -> None:
    """No module of promises is without a fault that it notices."""
    tried = {PROMISES[name].show.__module__ for _, name, _ in FAULTS}
    assert {promise.show.__module__ for promise in PROMISES.values()} == tried
