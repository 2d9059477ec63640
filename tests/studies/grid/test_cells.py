"""prefault_kit.studies.grid.cells: the published cells, and choosing among them."""

import csv
from pathlib import Path

import pytest

from prefault_kit.kernel import hugepages
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.grid import cells as grids
from prefault_kit.studies.grid.cells import Grid

MIB = 1 << 20
PAGE = format_bytes(PAGE_SIZE_BYTES).replace(" ", "")
PUBLISHED = Path(__file__).parents[3] / "data" / "published_timings.csv"


def names(*only: str) -> list[str]:
    """The names of the cells that patterns choose."""
    cells = Grid((2 * MIB,), only=only).cells()
    return [grids.name(cell.backing, cell.sharing, cell.method) for cell in cells]


@pytest.mark.skipif(
    (PAGE_SIZE_BYTES, hugepages.default_size_bytes()) != (4096, 2 * MIB),
    reason="the published labels have pages of 4 KiB and 2 MiB",
)
def test_the_published_rows_in_their_order() -> None:
    """Two sizes give exactly the 190 rows of the table of 2021, in its order."""
    with PUBLISHED.open() as lines:
        published = [
            (int(row["size_mib"]) * MIB, row["sharing"], row["backing"], row["method"])
            for row in csv.DictReader(lines)
        ]
    cells = [
        (cell.size_bytes, cell.sharing, cell.backing.label, cell.method)
        for cell in Grid((2 * MIB, 4096 * MIB)).cells()
    ]
    assert cells == published
    assert len(set(cells)) == 190


def test_other_starts_where_there_are_any() -> None:
    """Anonymous memory has no page cache and memfd no disk: these cells stay empty."""
    cached = Grid((2 * MIB,), start="cached").cells()
    assert {cell.start for cell in cached if cell.backing.kind == "anon"} == {"empty"}
    assert {cell.start for cell in cached if cell.backing.has_file} == {"cached"}
    cold = Grid((2 * MIB,), start="cold").cells()
    assert {cell.backing.kind for cell in cold if cell.start == "cold"} == {"file"}


def test_a_pattern_is_words_in_any_order_and_case() -> None:
    """Each word is one of the four parts of a name, whole, or with * for anything."""
    page = grids.name(Grid((2 * MIB,)).cells()[0].backing, "", "").split()[1]
    assert names(f"shared memfd {page} *") == names(f"{page} MEMFD Shared")
    assert len(names(f"shared memfd {page}")) == 11
    assert set(names("read")) == {name for name in names() if name.endswith(" Read")}
    assert set(names("tmpfs *populate*")) == {
        name for name in names() if "tmpfs" in name and "POPULATE" in name
    }
    assert len(names("private tmpfs", "shared tmpfs")) == 16


def test_a_page_size_may_have_a_blank() -> None:
    """``4 KiB`` is one word, as the table of 2021 writes it."""
    assert names("shared memfd 4 KiB") == names("shared memfd 4KiB")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("memfdd", "did you mean 'memfd'"),
        ("POPULATE_REED", "did you mean 'POPULATE_READ'"),
        ("xyz", f"named like 'shared memfd {PAGE} POPULATE_READ'"),
        ("private FALLOCATE", "named like"),
        ("  ", "named like"),
    ],
)
def test_a_pattern_that_names_nothing_is_refused(pattern: str, words: str) -> None:
    """One sentence, with what was perhaps meant."""
    with pytest.raises(ValueError, match=words) as caught:
        names(pattern)
    assert "none of the" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sizes_must_fit_every_chosen_cell() -> None:
    """One small page is no size for huge pages, and the error says what is."""
    with pytest.raises(ValueError, match=r"would round up to .* or choose other cells by --only"):
        Grid((PAGE_SIZE_BYTES,)).cells()
    assert len(Grid((PAGE_SIZE_BYTES,), only=("private anon", "tmpfs")).cells()) == 5 + 16
    with pytest.raises(ValueError, match="at least one size"):
        Grid(()).cells()
    sizes = tuple(2 * MIB * number for number in range(1, grids.MOST_SIZES + 2))
    with pytest.raises(ValueError, match="at most 32 sizes, not 33: make several"):
        Grid(sizes).cells()
    assert Grid(sizes[1:]).cells()


def test_a_kernel_without_hugetlb_pages_has_none_in_its_grid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """anon and memfd come small only; nothing else is lost."""
    every = names()
    monkeypatch.setattr(hugepages, "default_size_bytes", lambda: None)
    left = Grid((2 * MIB,)).cells()
    assert len(left) == len(every) - 5 - 5 - 11
    assert not any(cell.backing.is_hugetlb and cell.backing.kind != "hugetlbfs" for cell in left)


def test_a_plan_names_no_path(tmp_path: Path) -> None:
    """What is saved of a grid has the file system of its directory, not the directory."""
    grid = Grid((2 * MIB,), directory=str(tmp_path), tmpfs_directory=str(tmp_path))
    plan = grid.plan()
    assert plan["file_system"]
    assert str(tmp_path) not in repr(plan)
