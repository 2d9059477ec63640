"""prefault_kit.measure.notes: plain words on a result."""

from dataclasses import replace
from pathlib import Path

import pytest

from prefault_kit.kernel import fault_around
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import notes
from prefault_kit.measure.experiment import Experiment
from prefault_kit.measure.result import Result
from prefault_kit.measure.running import run
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

SIZE = 512 * PAGE

PLAIN = Result("anon", PAGE, "private", "Write", SIZE, "empty", 1, 3, "ok")


def said(result: Result, word: str) -> bool:
    return any(word in note for note in notes.about(result))


def test_disagreement_of_minimum_and_median_is_told() -> None:
    """A median far above the minimum is called disturbed; microseconds of scatter are not."""
    assert said(replace(PLAIN, best_ms=1.0, median_ms=1.5), "50% above")
    assert not said(replace(PLAIN, best_ms=1.0, median_ms=1.1), "above")
    assert not said(replace(PLAIN, best_ms=0.001, median_ms=0.002), "above")


def test_slow_warm_up_is_told_with_its_cause() -> None:
    """A warm-up far above the median is explained, by the host's faults in a virtual machine."""
    slow = replace(PLAIN, warmup_ms=10.0, best_ms=1.0, median_ms=1.0)
    assert said(slow, "caches and free lists")
    assert said(replace(slow, host={"hypervisor": "KVM"}), "on the host")


@pytest.mark.needs("pagemap_scan")
def test_zero_page_is_told() -> None:
    """Rss 0 with all pages present is explained."""
    result = run(Experiment(Backing.anon(), "private", "POPULATE_READ", SIZE, repeats=1))
    assert said(result, "512 of 512 present pages are the shared zero page")


@pytest.mark.parametrize("method", ["FALLOCATE", "WILLNEED"])
def test_nothing_mapped_is_told(method: str) -> None:
    """A method that maps nothing is said to map nothing."""
    result = run(Experiment(Backing.memfd(), "shared", method, SIZE, repeats=1))
    assert said(result, f"{method} returned without error and mapped no page")


def test_memory_held_twice_is_told() -> None:
    """Private copies beside the page cache are pointed out."""
    result = run(Experiment(Backing.memfd(), "private", "Write", SIZE, repeats=1))
    assert said(result, "Memory is held twice: 512 pages")


def test_fault_around_is_told(disk_directory: Path) -> None:
    """Fewer faults than pages are explained."""
    if (fault_around.size_bytes() or fault_around.USUAL_BYTES) <= PAGE:
        pytest.skip("the kernel maps no pages around a fault where a page is as large")
    cell = Experiment(Backing.file(disk_directory), "private", "Read", SIZE, "cached", repeats=1)
    assert said(run(cell), "fault-around")


def test_swallowed_error_is_told() -> None:
    """MAP_POPULATE that mapped a part is unmasked."""
    result = replace(
        PLAIN, method="MAP_POPULATE", pages={"present": 256, "zero": 0, "huge": 0, "swapped": 0}
    )
    assert said(result, "Only 256 of 512 pages are present: mmap swallowed the error")


def test_pages_taken_back_are_told() -> None:
    """Success with pages missing means that the kernel took them back."""
    result = replace(PLAIN, pages={"present": 5, "zero": 0, "huge": 0, "swapped": 0})
    assert said(result, "the kernel reclaimed pages")
    result = replace(result, host={"damon": ["kdamond.0"]})
    assert said(result, "DAMON (kdamond.0) reclaimed pages")


def test_blind_file_system_is_told() -> None:
    """Where dirty pages cannot be counted, the reader is told where they can."""
    file = {"cached": 512, "dirty": None, "writeback": None, "allocated_bytes": 0}
    assert said(replace(PLAIN, file=file, file_system="overlay"), "on overlay")


@pytest.mark.needs("hugetlb")
def test_hugetlb_is_told(huge_page_bytes: int) -> None:
    """Rss without hugetlb pages is explained."""
    with Mapping(Backing.anon(huge_page_bytes), huge_page_bytes) as mapping:
        mapping.populate_write()
        usage = mapping.usage().as_dict()
    assert said(replace(PLAIN, usage=usage), "leaves hugetlb pages out of Rss")


def test_a_plain_result_needs_no_words() -> None:
    """An unsurprising result has no note."""
    pages = {"present": 512, "zero": 0, "huge": 0, "swapped": 0}
    assert notes.about(replace(PLAIN, pages=pages, best_ms=1.0, median_ms=1.01)) == []
