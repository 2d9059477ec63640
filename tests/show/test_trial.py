"""prefault_kit.show.trial: a trial in words and figures."""

import json
from dataclasses import replace

import pytest

from prefault_kit.show import trial as shown
from prefault_kit.studies.trial import Row
from prefault_kit.studies.trial.result import Again, FaultCounts, Resident, Seen, Wait
from tests.studies.trial.made import ARRAY, FAST, PLAIN, SLOW, row, runs, trial

FOUND = trial(
    *PLAIN,
    row("POPULATE_WRITE", *FAST, advised=3, advised_bytes=3 << 25, refused={"it is a stack": 2}),
    row("HUGEPAGE", *SLOW, errors={"MADV_HUGEPAGE: EINVAL": 4}),
    Row("WILLNEED", "not-applicable", "it is for files alone"),
    again=[Again("POPULATE_WRITE", runs(FAST, peak_bytes=2 << 20), runs(SLOW))],
    notes=("its exit status is 9",),
)


def test_cells() -> None:
    """A column each; nothing for what did not run."""
    for each in FOUND.rows:
        assert len(shown.cells(FOUND, each)) == len(shown.COLUMNS)
    cells = shown.cells(FOUND, FOUND.row("POPULATE_WRITE"))
    assert cells[:2] == ("POPULATE_WRITE", "50.0 ms")
    assert "faster" in cells and "3: 96 MiB" in cells
    assert "noise" in shown.cells(FOUND, FOUND.row("HUGEPAGE"))
    assert set(shown.cells(FOUND, FOUND.row("WILLNEED"))[1:]) == {""}


def test_what_was_seen_in_a_run_more() -> None:
    """Faults in what is advised, the wait and where, what was not touched; by mapping, too."""
    base = Seen(
        (Resident(10 << 20, 3), None), 1 << 21, (FaultCounts(5000, 7), FaultCounts(0, 0)),
        FaultCounts(20, 0), Wait(1.5, 0, True), 3.0,
    )  # fmt: skip
    best = replace(base, resident=(Resident(40 << 20, 3), None), longest=Wait(2.0, None, False))
    found = trial(
        PLAIN[0], replace(PLAIN[1], seen=base), replace(row("POPULATE_WRITE", *FAST), seen=best)
    )
    assert [each.name for each in shown.watched(found)] == ["traced", "POPULATE_WRITE"]
    cells = [shown.watched_cells(found, each) for each in shown.watched(found)]
    assert cells == [
        ("as it is, traced", "5,007 (7 major)", "20", "1.50 ms in 1", "3.00 ms", "2 MiB", ""),
        ("POPULATE_WRITE", "5,007 (7 major)", "20", "2.00 ms", "3.00 ms", "2 MiB", "30 MiB (75%)"),
    ]
    assert {len(each) for each in cells} == {len(shown.WATCHED_COLUMNS)}
    heads, table = shown.faults_by_mapping(found)
    assert heads == ["", "as it is, traced", "POPULATE_WRITE"]
    assert [each[0] for each in table] == ["1 more", "elsewhere"]  # the same in both


def test_where_faults_were_not_observed() -> None:
    """Empty cells and no table; what is not known is not 0."""
    seen = Seen((None, None), None, why_not="it is forbidden")
    found = trial(PLAIN[0], replace(PLAIN[1], seen=seen))
    assert set(shown.watched_cells(found, found.row("traced"))[1:]) == {""}
    assert shown.faults_by_mapping(found)[1] == []
    assert shown.watched(trial(*PLAIN)) == []


def test_an_interval_that_is_none_is_not_shown() -> None:
    """Of two runs."""
    few = trial(row("nothing", 1.0, 2.0), row("traced", 1.0, 2.0))
    assert shown.cells(few, few.row("traced"))[2] == "1.00"
    assert "inf" not in shown.own_cost(few)


def test_mappings() -> None:
    """With the place that made them."""
    cells = shown.mapping_cells(1, ARRAY)
    assert len(cells) == len(shown.MAPPING_COLUMNS)
    assert cells[5:7] == ("64 MiB", "make (array.so+0x20)")


def test_everything_that_has_to_be_said() -> None:
    """Errors, refusals, what was not run and why, notes."""
    said = " ".join(shown.remarks(FOUND))
    for words in ("EINVAL, 4 times", "it is a stack", "for files alone", "exit status is 9"):
        assert words in said
    assert "tracer's own cost: 1.000" in shown.own_cost(FOUND)
    assert shown.own_cost(trial()) == ""


def test_the_answer_has_the_mapping_the_place_and_the_line() -> None:
    """And what it costs."""
    said = "\n".join(shown.answer(FOUND))
    for words in (
        "POPULATE_WRITE: the wall time is 0.50 of what it was",
        "5 runs more",
        "made at make (array.so+0x20)",
        "madvise(p, n, MADV_POPULATE_WRITE);",
        "1 MiB more memory",
    ):
        assert words in said


def test_no_difference_is_an_answer() -> None:
    """With what seemed to make one."""
    luck = Again("POPULATE_WRITE", runs(SLOW), runs(SLOW))
    said = shown.answer(trial(*PLAIN, row("POPULATE_WRITE", *FAST), again=[luck]))
    assert said[0].startswith("No difference beyond noise")
    assert said[1] == "Faster at first, but not when run again: POPULATE_WRITE."


def test_json() -> None:
    """The record and what is concluded from it, as plain data."""
    said = json.loads(json.dumps(shown.as_dict(FOUND)))
    assert said["recommendation"]["name"] == "POPULATE_WRITE"
    assert said["recommendation"]["lines"][0].startswith("madvise")
    assert said["compared"]["HUGEPAGE"]["verdict"] == "no difference beyond noise"
    assert said["places"][0] == "make (array.so+0x20)"


def test_the_order_of_the_rows() -> None:
    """The program as it is first, then the fastest."""
    names = [each.name for each in shown.ranked(FOUND)]
    assert names == ["nothing", "traced", "POPULATE_WRITE", "HUGEPAGE"]


@pytest.mark.parametrize(
    ("command", "name"),
    [(("/bin/sort", "a=b"), "sort"), (("env", "LC_ALL=C", "sort", "x"), "sort"), (("env",), "env")],
)
def test_the_title_names_the_program(command: tuple[str, ...], name: str) -> None:
    """Not what sets its environment."""
    found = replace(trial(*PLAIN), command=command)
    assert shown.title(found) == f"Which advice helps {name}?"


def test_the_answer_as_an_annotation() -> None:
    """All its sentences in one line."""
    [line] = shown.on_github(FOUND)
    assert line.startswith("::notice title=Which advice helps ")
    assert line.endswith("%0A".join(shown.answer(FOUND)).rpartition("%0A")[2].replace("%", "%25"))
    assert "\n" not in line


def test_an_annotation_at_a_line() -> None:
    """That of the call by which what is advised was made; none where nothing is recommended."""
    asked: list[object] = []

    def locate(frames: object) -> tuple[str, int]:
        asked.append(frames)
        return "a.c", 7

    [line] = shown.on_github(FOUND, locate)
    assert line.startswith("::notice file=a.c,line=7,title=")
    assert asked == [[(each.path, each.offset - 1) for each in ARRAY.stack]]
    [line] = shown.on_github(trial(*PLAIN, row("HUGEPAGE", *SLOW)), locate)
    assert line.startswith("::notice title=")


def test_the_machine_is_told_in_the_units_of_people() -> None:
    """The size of a page as that of the memory; a question mark where it is not known."""
    host = {"memory_bytes": 24 << 30, "page_size_bytes": 4096}
    assert "24 GiB, pages of 4 KiB," in dict(shown.inputs(replace(FOUND, host=host)))["Host"]
    assert "?, pages of ?," in dict(shown.inputs(replace(FOUND, host={})))["Host"]
