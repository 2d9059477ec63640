"""Kernel features: found by trying them, also where a filter takes them away."""

import errno
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing, Mapping
from prefault_kit.host import features, thp
from prefault_kit.kernel import page_cache, syscalls, userfaultfd
from prefault_kit.kernel.page_cache import FileCache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.forked import told
from prefault_kit.memory import methods, support
from prefault_kit.memory.sizes import format_bytes

Ask = Callable[..., Any]


@pytest.fixture
def forgotten() -> Iterator[Callable[[Any], None]]:
    """What a probe remembers is forgotten, and again in the end."""
    probes = []

    def forget(probe: Any) -> None:
        probe.cache_clear()
        probes.append(probe)

    yield forget
    for probe in probes:
        probe.cache_clear()


FILTERED = [sys.executable, str(Path(__file__).parents[1] / "filtered.py")]
OLD_KERNEL = [*FILTERED, "populate"]
CELL = "backing=Backing.memfd(), sharing='shared', size_bytes=1 << 16, method="


@pytest.mark.parametrize("advice", ["MADV_POPULATE_READ", "MADV_POPULATE_WRITE"])
def test_populate(advice: str) -> None:
    """What the probe says of MADV_POPULATE is what the kernel answers."""
    support.populate_refusal.cache_clear()
    with Mapping(Backing.memfd(), PAGE_SIZE_BYTES, "shared") as page:
        try:
            page.advise(advice)
            works = True
        except OSError:
            works = False
    assert (features.populate(advice) is None) == works


@pytest.mark.parametrize(
    "method", [name for name, each in methods.METHODS.items() if "POPULATE_" in name]
)
def test_populate_filtered(method: str, ask: Ask) -> None:
    """Where madvise answers EINVAL to 22 and 23, each populating method is refused in words."""
    advice = f"MADV_POPULATE_{method.rpartition('_')[2]}"
    reason, command = ask(OLD_KERNEL, f"{CELL}'{method}'")
    assert reason.startswith(f"madvise({advice}) answers EINVAL where it should work: ")
    assert "seccomp filter" in reason
    assert "older than Linux 5.14" in reason
    assert command is None


def test_collapse_filtered(ask: Ask) -> None:
    """MADV_COLLAPSE, which populates first, is refused then too."""
    large = CELL.replace("1 << 16", "1 << 29")
    reason, _ = ask(OLD_KERNEL, f"{large}'MADV_COLLAPSE'")
    assert reason.startswith("madvise(MADV_POPULATE_WRITE) answers EINVAL")


@pytest.mark.parametrize("method", ["Read", "Write", "FALLOCATE", "MAP_POPULATE", "WILLNEED"])
def test_others_work_filtered(method: str, ask: Ask) -> None:
    """Methods that do not need MADV_POPULATE run on such a kernel."""
    assert ask(OLD_KERNEL, f"{CELL}'{method}'") is None


def test_userfaultfd_filtered(run_json: Callable[[list[str]], Any]) -> None:
    """Where a filter forbids userfaultfd, snapshots and promises say so, and nothing is tried."""
    code = """
import json
from prefault_kit.host import features
from prefault_kit.studies import promises
verdicts = promises.check(promises.questions(["snapshot-*"]))
print(json.dumps([str(features.snapshots()), *(f"{e.verdict}: {e.reason}" for e in verdicts)]))
"""
    said, *verdicts = run_json([*FILTERED, "userfaultfd", sys.executable, "-c", code])
    assert said.startswith("userfaultfd(UFFD_USER_MODE_ONLY) answers EPERM where it should work: ")
    assert "seccomp=unconfined" in said
    assert verdicts
    assert set(verdicts) == {f"not-testable: {said}"}


def test_a_feature_of_userfaultfd_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the kernel that brought it."""
    monkeypatch.setattr(userfaultfd, "features", lambda: ["write-protect"])
    assert features.userfaultfd("write-protect") is None
    missing = features.userfaultfd("write-protect", "WP_ASYNC")
    assert missing is not None
    assert "has no WP_ASYNC: it came with Linux 6.7" in missing.reason


def test_a_kernel_without_droppable_memory(
    monkeypatch: pytest.MonkeyPatch, forgotten: Callable[[Any], None]
) -> None:
    """A type of mapping that the kernel does not know is EINVAL."""
    forgotten(features.droppable)
    monkeypatch.setitem(syscalls.MAP, "MAP_DROPPABLE", 0x0F)
    missing = features.droppable()
    assert missing is not None
    assert missing.reason.startswith("mmap(MAP_DROPPABLE) answers EINVAL where it should work: ")
    assert missing.reason.endswith("older than Linux 6.11")


def test_a_kernel_that_does_not_tell_guards(
    monkeypatch: pytest.MonkeyPatch, forgotten: Callable[[Any], None]
) -> None:
    """A category that PAGEMAP_SCAN does not know is EINVAL."""
    forgotten(features.guard_scan)

    def refuse(*_: int) -> list[int]:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(features, "guard_pages", refuse)
    missing = features.guard_scan()
    assert missing is not None
    assert missing.reason.endswith("older than Linux 6.16")


@pytest.mark.parametrize(("cached", "there"), [(1, False), (32, True), (0, True), (None, True)])
def test_a_device_that_reads_nothing_ahead(
    cached: int | None,
    there: bool,
    disk_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    forgotten: Callable[[Any], None],
) -> None:
    """A page that was read is then cached alone; what cannot be counted is no reason."""
    forgotten(features.read_ahead)
    monkeypatch.setattr(page_cache, "of", lambda _: FileCache(cached, 0, 0, 0))
    monkeypatch.setattr(page_cache, "evict", lambda _: 0)
    missing = features.read_ahead(str(disk_directory))
    assert (missing is None) == there
    assert missing is None or "read_ahead_kb of its device is 0" in missing.reason


def test_soft_dirty_bits_are_judged_by_what_they_are() -> None:
    """Set after a write, or not; an errno is the file's that clears them."""
    assert features.soft_dirty("set") is None
    said = told(features.soft_dirty_seen)
    assert said in ("set", "not set", "EACCES", "EPERM", "ENOENT", "EROFS")


def test_cause_without_a_filter() -> None:
    """Without a seccomp filter the kernel's age is the one cause that is named."""
    found = features._missing("cachestat", "6.5", "ENOSYS")
    status = Path("/proc/self/status").read_text()
    assert ("seccomp" in found.reason) == ("Seccomp:\t2" in status)
    assert found.reason.endswith("this kernel is older than Linux 6.5")


@pytest.mark.parametrize(("kind", "sharing"), [("anon", "private"), ("memfd", "shared")])
def test_collapse(kind: str, sharing: str) -> None:
    """Where the probe says that memory can be collapsed, a whole huge page of it can."""
    size = thp.size_bytes()
    if size is None or size > 32 << 20:
        pytest.skip("needs transparent huge pages of at most 32 MiB")
    backing = Backing.anon() if kind == "anon" else Backing.memfd()
    with Mapping(backing, size, sharing, thp=None) as memory:
        memory.touch_write()
        try:
            memory.advise("MADV_COLLAPSE")
            works = True
        except OSError:
            works = False
    assert (features.collapse(kind, sharing) is None) == works


def test_collapse_switched_off(run_json: Callable[[list[str]], Any]) -> None:
    """Where a process has transparent huge pages switched off, the reason says that."""
    script = """
import json
from prefault_kit.kernel import syscalls
from prefault_kit.host import features
syscalls.disable_thp(True)
print(json.dumps(features.collapse("anon", "private").reason))
"""
    if thp.size_bytes() is None:
        pytest.skip("needs transparent huge pages")
    assert "switched off for this process" in run_json([sys.executable, "-c", script])


def test_collapse_of_too_little() -> None:
    """Less than a huge page cannot be collapsed, and the size that can be is named."""
    size = thp.size_bytes()
    if size is None:
        pytest.skip("needs transparent huge pages")
    check = functools.partial(
        features.check,
        backing=Backing.anon(),
        sharing="private",
        method=methods.method("MADV_COLLAPSE"),
    )
    found = check(size_bytes=size - PAGE_SIZE_BYTES)
    assert found is not None
    assert found.reason.endswith(f"choose a size of {format_bytes(size)} or more")
    enough = check(size_bytes=size)
    assert enough is None or "choose a size" not in enough.reason


def test_collapse_without_thp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without transparent huge pages the reason says that."""
    monkeypatch.setattr(thp, "SETTINGS", Path("/nonexistent"))
    features.collapse.cache_clear()
    try:
        found = features.collapse("anon", "private")
    finally:
        features.collapse.cache_clear()
    assert found is not None
    assert found.reason == "this kernel is built without transparent huge pages"


@pytest.mark.parametrize("name", ["pagemap", "smaps"])
def test_views_are_there(name: str) -> None:
    """A kernel with CONFIG_PROC_PAGE_MONITOR has pagemap, and smaps with every field."""
    assert getattr(features, name)() is None


def test_fields_of_smaps_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named."""
    monkeypatch.setattr(features, "NAMES", {"rss": "Rss", "other": "Nonsense"})
    features.smaps.cache_clear()
    try:
        found = features.smaps()
    finally:
        features.smaps.cache_clear()
    assert found is not None
    assert found.reason.startswith("/proc/self/smaps has no Nonsense: ")


@pytest.mark.parametrize("kind", ["anon", "memfd"])
def test_guard_regions(kind: str) -> None:
    """What the probe says is what the kernel answers to a mapping of the kind."""
    sharing = "private" if kind == "anon" else "shared"
    with Mapping(Backing.of(kind), PAGE_SIZE_BYTES, sharing) as page:
        try:
            page.advise("MADV_GUARD_INSTALL")
            works = True
        except OSError:
            works = False
    assert (features.guard_regions(kind) is None) == works


@pytest.mark.needs("hugetlb")
def test_discarding_huge_pages(huge_page_bytes: int) -> None:
    """What the probe says is what the kernel answers."""
    with Mapping(Backing.anon(huge_page_bytes), huge_page_bytes) as page:
        try:
            page.advise("MADV_DONTNEED")
            works = True
        except OSError:
            works = False
    assert (features.discard_hugetlb(huge_page_bytes) is None) == works


def test_probes_leave_nothing(disk: str) -> None:
    """No probe leaves a file, a descriptor or a mapping behind."""
    for _ in range(2):  # the first round fills caches
        before = os.listdir(disk), len(os.listdir("/proc/self/fd"))
        mapped = Path("/proc/self/maps").read_text().count("memfd:")
        features.pagemap_scan.cache_clear()
        features.cachestat.cache_clear()
        features.pagemap_scan()
        features.cachestat()
        features.mlock()
        features.o_tmpfile(disk)
    assert (os.listdir(disk), len(os.listdir("/proc/self/fd"))) == before
    assert Path("/proc/self/maps").read_text().count("memfd:") == mapped


def test_o_tmpfile_of_a_missing_directory() -> None:
    """The errno is told."""
    found = features.o_tmpfile("/nonexistent")
    assert found is not None
    assert found.reason == "a file without a name in /nonexistent answers ENOENT"


def test_a_refusal_has_its_reason() -> None:
    """A permission that lacks is said; what succeeds or fails otherwise is not excused."""
    assert features.mounting("EPERM") is not None
    assert features.mounting("EACCES") is not None
    assert features.mounting("returns") is None
    assert features.mounting("EINVAL") is None


@pytest.mark.parametrize(
    ("number", "paranoid", "seccomp", "words", "command"),
    [
        (errno.EACCES, 3, "0", "perf_event_paranoid is 3", "sysctl kernel.perf_event_paranoid"),
        (errno.EPERM, 2, "2", "seccomp", None),
        (errno.EACCES, 2, "0", "not this user's", "sudo"),
        (errno.EMFILE, 2, "0", "two descriptors", "ulimit -n"),
        (errno.ENOSYS, None, "0", "CONFIG_PERF_EVENTS", None),
    ],
)  # fmt: skip
def test_why_faults_cannot_be_observed(
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    paranoid: int | None,
    seccomp: str,
    words: str,
    command: str | None,
) -> None:
    """By the errno and by what the kernel is set to, each with the command that helps."""
    monkeypatch.setattr(features.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(features.perf, "paranoid", lambda: paranoid)
    monkeypatch.setattr(features.proc, "status", lambda: {"Seccomp": seccomp})
    found = features.fault_events(OSError(number, "refused"))
    assert words in found.reason
    assert errno.errorcode[number] in found.reason
    assert (command is None) == (found.command is None)
    assert (command or "") in (found.command or "")


def test_faults_can_be_observed_or_not(
    ordinary_user: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one event of this thread shows, which is closed again."""
    before = len(os.listdir("/proc/self/fd"))
    assert features.fault_events() is None or features.fault_events().reason
    assert len(os.listdir("/proc/self/fd")) == before

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSYS, "no")

    monkeypatch.setattr(features.perf, "open_event", refuse)
    assert "ENOSYS" in features.fault_events().reason
