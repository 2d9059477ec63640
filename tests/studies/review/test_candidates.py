"""prefault_kit.studies.review.candidates: which ways apply to which case."""

from pathlib import Path

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Workload
from prefault_kit.studies.review.candidates import CANDIDATES, why_not


def applying(case: Workload) -> set[str]:
    return {name for name, each in CANDIDATES.items() if not why_not(each, case)}


def test_all_apply_to_a_shared_file_on_disk(tmp_path: Path) -> None:
    """It is what the debate is about."""
    assert applying(Workload(Backing.file(tmp_path), size_bytes=PAGE)) == set(CANDIDATES)


def test_anonymous_memory_has_nothing_to_allocate_or_to_read_ahead() -> None:
    """No fallocate, no WILLNEED, no MADV_RANDOM."""
    assert applying(Workload(Backing.anon(), sharing="private", size_bytes=PAGE)) == {
        "nothing",
        "POPULATE_READ",
        "POPULATE_WRITE",
        "MAP_POPULATE",
        "Read",
        "Read/Write",
    }


def test_nothing_that_writes_applies_to_a_file_of_ones_own(tmp_path: Path) -> None:
    """And each of the others says why."""
    path = tmp_path / "mine"
    path.write_bytes(b"x" * PAGE)
    case = Workload.of_file(path)
    assert applying(case) == {
        "nothing",
        "WILLNEED",
        "POPULATE_READ",
        "MADV_RANDOM+POPULATE_READ",
        "MAP_POPULATE",
        "Read",
    }
    for name in set(CANDIDATES) - applying(case):
        assert "your own file" in (why_not(CANDIDATES[name], case) or "")
