"""What older and newer kernels answer is explained, and what no kernel answers is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.host import thp
from prefault_kit.kernel.timed import Work
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.promises import PROMISES, dirtying, faulting


@pytest.mark.parametrize(
    ("name", "kind", "observed", "reason"),
    [
        ("permission-perf-buffer", "shared memfd", "READ 0, WRITE EFAULT", "b709eb872e19"),
        ("permission-vvar", "private anon", "READ 0, WRITE EINVAL", "Linux 7.3"),
        (
            "permission-own-process",
            "private anon",
            "READ EINVAL, WRITE EINVAL; 0 present",
            "Linux 6.13 (commit 021781b01275)",
        ),
        (
            "discard-page-tables",
            "private anon",
            "populating makes page tables, discarding keeps them",
            "Linux 6.14 (commit 6375e95f381e)",
        ),
        ("error-io", "private memfd", "SIGALRM", "631426ba1d45"),
        ("permission-perf-buffer", "shared memfd", "READ 0, WRITE 0", None),
        ("permission-own-process", "private anon", "READ 0, WRITE EINVAL; 512 present", None),
        ("permission-vvar", "private anon", "READ 0, WRITE 0", None),
    ],
)
def test_an_answer_that_a_kernel_gives_is_explained(
    name: str, kind: str, observed: str, reason: str | None
) -> None:
    """By the commit, or the version; another is a surprise."""
    shown = replace(PROMISES[name], show=lambda _: observed, needs=()).judge(kind, ".")
    assert shown.verdict == "differs"
    assert shown.explained == (reason is not None)
    assert (reason or "") in (shown.reason or "")


def test_a_populate_that_begins_a_fault_anew_is_explained(
    disk_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a touch of the same file does take major faults; not where none is counted at all."""
    monkeypatch.setattr(faulting, "_major_faults", lambda *_: 0)
    shown = PROMISES["fault-major"].judge("shared file", str(disk_directory))
    assert shown.verdict == "differs"
    assert "631426ba1d45" in (shown.reason or "")
    monkeypatch.setattr(Mapping, "touch_read", lambda _: Work())
    assert not PROMISES["fault-major"].judge("shared file", str(disk_directory)).explained


def test_huge_pages_that_are_populated_uncounted_are_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other pages are not: a kit that counted nothing would not pass."""
    populate = Mapping.populate_write
    monkeypatch.setattr(
        Mapping, "populate_write", lambda memory: replace(populate(memory), minor_faults=0)
    )
    promise = PROMISES["fault-populate-counts"]
    shown = promise.judge("private anon", ".")
    assert (shown.verdict, shown.explained) == ("differs", False)
    assert f"where touching alone takes {faulting.PAGES}" in (shown.observed or "")
    assert [*promise.differs] == [faulting.UNCOUNTED.format(count=faulting.HUGE_PAGES)]


@pytest.mark.parametrize(
    ("name", "kind"), [("fault-first-touch", "shared anon"), ("lock-reads-shared", "shared file")]
)
def test_a_fault_that_is_taken_twice_is_explained(
    name: str, kind: str, disk_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is counted as major; one that is counted nowhere is a surprise."""
    real = Mapping.touch_write
    for major, explained in ((True, True), (False, False)):

        def touch(memory: Mapping, major: bool = major) -> Work:
            work = real(memory)
            majors = work.minor_faults if major else 0
            return replace(work, minor_faults=0, major_faults=majors)

        monkeypatch.setattr(Mapping, "touch_write", touch)
        shown = PROMISES[name].judge(kind, str(disk_directory))
        assert (shown.verdict, shown.explained) == ("differs", explained)
        assert ("d92725256b4f" in (shown.reason or "")) == explained


@pytest.mark.parametrize(
    ("mapped", "folio", "verdict", "explained"),
    [
        (256, 256, "holds", True),
        (16, 16, "holds", True),
        (16, 256, "differs", True),
        (100, 256, "differs", False),
        (16, 1, "not-testable", True),
    ],
)
def test_a_folio_that_is_mapped_in_part(
    mapped: int,
    folio: int,
    verdict: str,
    explained: bool,
    disk_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The window of fault-around is what older kernels map; its size is what is dirtied."""
    monkeypatch.setattr(dirtying, "_mapped_by_one_page", lambda *_: mapped)
    monkeypatch.setattr(dirtying, "_dirty_by_one_page", lambda *_: folio)
    shown = PROMISES["folio-maps-whole"].judge("shared file", str(disk_directory))
    assert (shown.verdict, shown.explained) == (verdict, explained)


@pytest.mark.parametrize("name", ["folio-dirty-whole", "folio-maps-whole", "folio-aligned"])
def test_a_kernel_without_huge_pages_has_no_large_folios(
    name: str, disk_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the reason, on every file system; where /sys is hidden nothing is known of it."""
    monkeypatch.setattr(thp, "SETTINGS", tmp_path / "transparent_hugepage")
    shown = PROMISES[name].judge("shared file", str(disk_directory))
    assert shown.verdict == "not-testable"
    assert (shown.reason or "").startswith("this kernel is built without transparent huge pages, ")
    monkeypatch.setattr(thp, "SETTINGS", tmp_path / "hidden" / "transparent_hugepage")
    assert thp.NOT_BUILT.reason not in (
        PROMISES[name].judge("shared file", str(disk_directory)).reason or ""
    )
