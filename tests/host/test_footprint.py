"""What a cell is said to take is what the kernel takes, to the page."""

import itertools
from typing import Any

import pytest

from prefault_kit import Backing, Experiment
from prefault_kit.host import footprint, thp
from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.cell import measure
from prefault_kit.memory import methods

PAGES = 64
MIB = 1 << 20


def _experiments(backing: Backing, size_bytes: int) -> list[Experiment]:
    """Every cell of a backing that makes sense."""
    cells = []
    for sharing, start, name in itertools.product(
        ("private", "shared"), ("empty", "cached", "cold"), methods.METHODS
    ):
        collapse = (thp.size_bytes() or 0) if name == "MADV_COLLAPSE" else 0
        try:
            cells.append(
                Experiment(backing, sharing, name, collapse or size_bytes, start=start, repeats=1)
            )
        except ValueError:
            continue
    return cells


def _needs(cell: Experiment) -> footprint.Needs:
    return footprint.of(
        backing=cell.backing,
        sharing=cell.sharing,
        method=methods.method(cell.method),
        size_bytes=cell.size_bytes,
        start=cell.start,
    )


def _run(cell: Experiment) -> dict[str, Any]:
    """Run a cell in this process; what was measured."""
    events = list(measure({"experiments": [cell.as_dict()]}))
    measured = events[-1]
    assert measured["outcome"] == "ok", measured
    return measured


@pytest.mark.needs("cachestat")
@pytest.mark.parametrize("kind", ["anon", "memfd", "tmpfs"])
def test_memory_against_the_kernel(kind: str) -> None:
    """Private copies and pages of the file come out exactly, for every cell."""
    _against_the_kernel(Backing(kind, PAGE_SIZE_BYTES))


def test_file_against_the_kernel(disk: str) -> None:
    """So do they, and the blocks on disk, for every cell of a file on each file system."""
    _against_the_kernel(Backing.file(disk))


def _against_the_kernel(backing: Backing) -> None:
    cells = _experiments(backing, PAGES * PAGE_SIZE_BYTES)
    if thp.size_bytes() is None:
        cells = [cell for cell in cells if cell.method != "MADV_COLLAPSE"]
    wrong = []
    for cell in cells:
        said, measured = _needs(cell), _run(cell)
        usage, cache = measured["usage"], measured["file"]
        if backing.has_file:
            file_pages = cache["cached"] * PAGE_SIZE_BYTES
        else:
            file_pages = usage["rss"] - usage["anonymous"]
        told = said.file_pages
        if (cell.method, cell.start) == ("FALLOCATE", "cold"):
            told = 0  # the file passed through the page cache when it was made
        if (cell.method, backing.on_disk) == ("WILLNEED", True):
            told = min(told, file_pages)  # a hint: the kernel may read less, or later
        got = (usage["anonymous"], file_pages)
        if got != (said.private_pages, told):
            wrong.append((cell, got))
        if backing.on_disk and not said.disk <= cache["allocated_bytes"] <= said.disk + MIB:
            wrong.append((cell, cache))
        if backing.kind == "tmpfs" and cache["allocated_bytes"] != said.tmpfs:
            wrong.append((cell, cache))
    assert len(cells) > 10
    assert wrong == []


@pytest.mark.needs("hugetlb")
@pytest.mark.parametrize(
    "kind", ["anon", "memfd", pytest.param("hugetlbfs", marks=pytest.mark.needs("hugetlbfs"))]
)
def test_huge_pages_against_the_kernel(
    kind: str, huge_page_bytes: int, request: pytest.FixtureRequest
) -> None:
    """No cell of huge pages has more of them in use or reserved than it is said to take."""
    size = huge_page_bytes
    directory = None
    if kind == "hugetlbfs":
        directory = str(request.getfixturevalue("hugetlbfs_directory"))
    backing = Backing(kind, size, directory)
    cells = [cell for cell in _experiments(backing, size) if cell.method != "MADV_COLLAPSE"]
    for cell in cells:
        said, measured = _needs(cell), _run(cell)
        usage = measured["usage"]
        allocated = measured["file"]["allocated_bytes"] if measured["file"] else 0
        mapped = usage["private_hugetlb"] + usage["shared_hugetlb"]
        private = measured["file"] is None or cell.sharing == "private"
        in_use = max(mapped, allocated)
        if private and cell.method not in ("Read", "POPULATE_READ"):
            in_use = mapped + allocated
        assert in_use <= said.hugetlb, cell
        assert said.memory == 0
    assert cells


def test_huge_pages_of_a_private_cached_file() -> None:
    """A private mapping of a file with data reserves as many pages again at mmap time."""
    size = hugepages.default_size_bytes() or 2 * MIB
    read = methods.method("Read")
    for start, times in (("empty", 1), ("cached", 2)):
        said = footprint.of(
            backing=Backing("hugetlbfs", size),
            sharing="private",
            method=read,
            size_bytes=4 * size,
            start=start,
        )
        assert said.hugetlb == times * 4 * size


def test_zero_page() -> None:
    """Private anonymous memory that is only read takes page tables and nothing else."""
    for name in ("Read", "POPULATE_READ"):
        said = footprint.of(
            backing=Backing.anon(),
            sharing="private",
            method=methods.method(name),
            size_bytes=1 << 30,
            start="empty",
        )
        assert said.memory == said.page_tables
        assert 0 < said.memory <= (1 << 30) // 512


@pytest.mark.parametrize(
    ("page_size_bytes", "size_bytes", "table_bytes"),
    [(4096, 2 * MIB, 4096), (4096, 4096, 4096), (16384, 33 * MIB, 32768), (65536, 1 << 30, 131072)],
)
def test_page_tables(
    page_size_bytes: int, size_bytes: int, table_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of page table holds an eighth as many entries as bytes, for any page size."""
    monkeypatch.setattr(footprint, "PAGE_SIZE_BYTES", page_size_bytes)
    said = footprint.of(
        backing=Backing.anon(),
        sharing="private",
        method=methods.method("POPULATE_READ"),
        size_bytes=size_bytes,
        start="empty",
    )
    assert said.page_tables == table_bytes


@pytest.mark.parametrize(("file_system", "times"), [("ext4", 1), ("xfs", 1), ("btrfs", 2)])
def test_copy_on_write(file_system: str, times: int) -> None:
    """Overwriting data on a copy-on-write file system takes the space twice for a while."""
    said = footprint.of(
        backing=Backing.file("."),
        sharing="shared",
        method=methods.method("Write"),
        size_bytes=MIB,
        start="cached",
        file_system=file_system,
    )
    assert said.disk == times * MIB
