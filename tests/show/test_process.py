"""prefault_kit.show.process: rows and sentences, whatever a process is called."""

import json

import pytest

from prefault_kit.host.unavailable import Unavailable
from prefault_kit.kernel.looking import Looking
from prefault_kit.kernel.pagemap import PageCounts
from prefault_kit.kernel.symbols import Place
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure import saved
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.show import process as show
from prefault_kit.show.page_map import COLOURS
from prefault_kit.studies.process import Faults, PageMap, changes, diagnosis
from prefault_kit.studies.process.faults import MappingFaults, PlaceFaults
from tests.studies.process.made import ADDRESS, mapping, overview

HOSTILE = "/tmp/\x1b[31m<script>\n\udcff|`{{ 7*7 }}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain ä", "plain ä"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("a\nb\r", "a\\nb\\x0d"),
        ("\udcff", "\\xff"),
        ("\u202egnp", "\\u202egnp"),
        ("x" * 500, "x" * 197 + "..."),
    ],
)
def test_names_are_made_harmless(name: str, shown: str) -> None:
    """No control character, no change of direction, no more than fits."""
    assert show.printable(name) == shown


def test_a_row() -> None:
    """What is not known is empty, 0 is 0."""
    row = show.cells(
        mapping(8, name=HOSTILE, flags="rr", present=4, counts={"file": 1}, cached=3, dirty=2)
    )
    found = dict(zip(show.COLUMNS, row, strict=True))
    assert found["address"] == f"{ADDRESS:x}"
    assert (found["resident"], found["anonymous"]) == (
        format_bytes(4 * PAGE),
        format_bytes(3 * PAGE),
    )
    assert found["cached"] == f"{format_bytes(3 * PAGE)}, {format_bytes(2 * PAGE)} dirty"
    assert (found["swapped"], found["advice"]) == ("0", "MADV_RANDOM")
    assert found["mapping"].isprintable()
    unknown = dict(zip(show.COLUMNS, show.cells(mapping(8, name="/x", cached=None)), strict=True))
    assert unknown["cached"] == ""


def test_the_rest_is_summed() -> None:
    """The largest by themselves, and all others in one row."""
    many = [mapping(8, address=ADDRESS + at * 9 * PAGE, present=at) for at in range(5)]
    rows = show.rows(overview(*many), 2)
    assert [row[0] for row in rows] == [f"{many[4].address:x}", f"{many[3].address:x}", ""]
    assert rows[-1][1:4] == (
        format_bytes(24 * PAGE),
        format_bytes(3 * PAGE),
        format_bytes(3 * PAGE),
    )
    assert rows[-1][-1] == "3 more mappings"
    assert len(show.rows(overview(*many), 5)) == 5


def test_title_totals_cost() -> None:
    """A thread is told; sizes that are 0 are left out; cost with its longest."""
    seen = overview(asked_pid=9, command="a\nb", status={"VmRSS": "8 kB", "VmSwap": "0 kB"})
    assert show.title(seen) == "Process 7 (a\\nb), 1 thread; 9 is a thread of it"
    assert show.totals(seen) == "8 KiB resident"
    assert "3.00 ms in 3 calls, 2.00 ms at the longest" in show.cost(seen)


def test_changes_in_sentences() -> None:
    """Grown, new, gone, and how many more; the first has the faults."""
    before = overview(mapping(4, present=1), mapping(4, address=1 << 41))
    new = [mapping(1, address=(1 << 42) + 2 * at * PAGE) for at in range(3)]
    after = overview(mapping(4, present=4), *new, minor=3, taken_s=2)
    found = show.changed(changes.between(before, after), 3)
    assert found[0] == "In 2.0 s: 3 minor faults, 0 major faults, resident memory unchanged"
    assert found[1] == f"anonymous at 0x{ADDRESS:x}: resident +{format_bytes(3 * PAGE)}"
    assert any("is gone" in each for each in found)
    assert found[-1] == "2 more mappings changed"
    same = changes.between(before, before)
    assert show.changed(same)[0].endswith("no mapping changed")


def page_map() -> PageMap:
    """Of nine pages in cells of four."""
    cells = (PageCounts(4, 0, 0, 0, 0), PageCounts(1, 0, 0, 0, 1), PageCounts(0, 0, 0, 1, 0))
    return PageMap(mapping(9), 4, cells, None, {4: 2}, Looking())


def test_a_map_in_letters() -> None:
    """Capitals where most of a cell is so."""
    assert show.letters(page_map()) == "AfS"
    assert show.folio_words(page_map()) == (
        f"Folios of several pages, as far as they are mapped: 2 of {format_bytes(4 * PAGE)}"
    )


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ((0, 0, 0, 0, 0), "not present"),
        ((4, 4, 0, 0, 0), "zero page"),
        ((4, 0, 4, 0, 0), "huge"),
        ((4, 0, 4, 0, 4), "huge"),
        ((4, 1, 0, 0, 0), "anonymous"),
    ],
)
def test_a_cell_in_a_word(counts: tuple[int, ...], word: str) -> None:
    """Each with a colour and a letter."""
    assert show.cell_word(PageCounts(*counts), 4) == (word, True)
    assert word in COLOURS
    assert word in show.CELL_LETTERS


def faults(**known: object) -> Faults:
    """A few, with names that may hold anything."""
    place = PlaceFaults(Place(1, HOSTILE, 2, "f\x1b"), True, (Place(3, "/b", 4, "g"),), 5, 1)
    data: dict[str, object] = {
        "seconds": 1.0, "minor": 5, "major": 1, "pages": 4, "lost": 0, "kernel_included": True,
        "unwatched_threads": 0, "mappings": (MappingFaults(HOSTILE, ADDRESS, "rw-p", 5, 1),),
        "files": ((HOSTILE, 6),), "threads": ((8, 6),), "places": (place,),
    }  # fmt: skip
    return Faults(**(data | known))  # type: ignore[arg-type]


def test_faults_in_words() -> None:
    """What is missing is told; rows are harmless."""
    assert show.faults(faults()) == ["In 1.0 s 5 minor faults and 1 major fault on 4 pages"]
    told = show.faults(faults(lost=3, kernel_included=False, unwatched_threads=2))
    assert "3 faults came too fast" in told[1]
    assert "perf_event_paranoid=1" in told[2]
    assert "2 threads could not be watched" in told[3]
    for row in (*show.fault_rows(faults()), *show.place_rows(faults())):
        assert all(cell.isprintable() for cell in row)
    assert show.place_rows(faults())[0][-1] == "g+0x0 (b)"
    assert show.place_rows(faults())[0][2].startswith("the kernel for f\\x1b+0x0")


def test_long_names_are_cut_in_the_middle() -> None:
    """Those of C++ fill screens."""
    row = show._frame(Place(1, "/b/lib.so", 2, "_Z" + "x" * 500, 3))
    assert row.startswith("_Zxx")
    assert row.endswith("xx+0x3 (lib.so)")
    assert len(row) < 80


def test_all_of_it_is_json() -> None:
    """Whatever the names, and what is not known is null."""
    before = overview(mapping(4))
    after = overview(
        mapping(4, name=HOSTILE, cached=None, present=1),
        missing=(Unavailable("this", "that"),),
        command=HOSTILE,
        taken_s=1,
    )
    found = changes.between(before, after)
    data = json.loads(
        saved.json_text(
            show.as_dict(
                after,
                diagnosis.of(found),
                changes=found,
                page_map=page_map(),
                seen_faults=faults(),
            )
        )
    )
    assert data["command"] == data["mappings"][0]["name"] == HOSTILE
    assert data["mappings"][0]["file"]["cached"] is None
    assert data["missing"] == [{"reason": "this", "command": "that"}]
    assert data["changes"]["seconds"] == 1.0
    assert data["page_map"]["pages_per_cell"] == 4
    assert data["fault_stream"]["places"][0]["function"] == "f\x1b"
    closed = show.closed_dict(before, Unavailable("closed", "sudo"))
    assert (closed["mappings"], closed["missing"][0]["command"]) == (None, "sudo")
