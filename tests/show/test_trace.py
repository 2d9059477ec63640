"""prefault_kit.show.trace: a trace in words, of programs with any names."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefault_kit.kernel import fault_around
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.trace import KINDS, Image, Lack
from prefault_kit.show import trace as told
from tests.studies.trace.made import file, mapping, trace

HOSTILE = "<script>alert(1)</script>\x1b[2J\n\udcff&"
SEEN = trace(
    (0, 3, 1), (0, 4, 1), (0, 9, 0), (1, 1, 2), (1, 2, 2),
    mappings=(mapping("file", HOSTILE), mapping()), command=(HOSTILE,),
)  # fmt: skip


def test_a_summary() -> None:
    """Faults, the working set, how the program ended."""
    first, second = told.summary(SEEN)
    assert first == "5 faults, 0 of them major, in 6.00 ms; the program ended with status 0"
    assert "(5 pages) in 2 mappings" in second
    images = (Image(1, "a", None, False), Image(2, "a", 0, True), Image(2, "b", 1, False))
    assert told.summary(trace((0, 1, 1), images=images))[2] == "2 programs and 1 forked process"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"status": -9}, "was killed by SIGKILL"),
        ({"status": -99}, "was killed by signal 99"),
        ({"status": 3}, "ended with status 3"),
        ({"status": None}, "was left running"),
        ({"stopped": True}, "was stopped"),
    ],
)
def test_how_it_ended(known: dict[str, int], said: str) -> None:
    """In words."""
    assert told.ending(trace(**known)) == said


def test_what_is_missing_is_told() -> None:
    """Each lack, with what would help; nothing of what is not lacking."""
    lack = Lack(5, True, "tracefs is not mounted (sudo mount)", True, 2)
    said = told.notes(trace((0, 1, 1), lack=lack))
    for words in ("5 records", "perf_event_paranoid=1", "sudo mount", "was full", "unseen: 2"):
        assert sum(words in each for each in said) == 1
    assert len(told.notes(trace((0, 1, 1)))) == 1
    many = tuple(mapping(ordinal=each) for each in range(1, told.MANY + 2))
    assert "another mapping each time" in told.notes(trace((0, 1, 1), mappings=many))[0]


@pytest.mark.parametrize(
    ("setting", "words"),
    [(None, "usually 64 KiB at once"), (8 * PAGE, "at once"), (PAGE, "no page of a file around")],
)
@pytest.mark.skipif(PAGE > 16 << 10, reason="pages that have no fault-around")
def test_fault_around_is_told(tmp_path: Path, setting: int | None, words: str) -> None:
    """As it was when the trace was recorded, with the command that switches it off."""
    (tmp_path / "a").touch()
    known = trace((0, 1, 1), mappings=(file(tmp_path / "a"),), host={"fault_around_bytes": setting})
    [said] = [each for each in told.notes(known) if "around" in each]
    assert words in said
    assert (fault_around.SETTING in said) == (setting != PAGE)


def test_rows_are_harmless() -> None:
    """Numbers as --mapping takes them; names on one line, without control characters."""
    rows = [told.cells(SEEN, at, each) for at, each in enumerate(SEEN.use, 1)]
    assert [row[0] for row in rows] == ["1", "2"]
    assert all(len(row) == len(told.COLUMNS) for row in rows)
    assert all(text.isprintable() for row in rows for text in row)
    assert told.title(SEEN).isprintable()
    assert rows[0][4:] == ("3", "0", *rows[0][6:8], rows[0][8], "2", "50%")
    assert all(told.name(SEEN, mapping(kind)).isprintable() for kind in KINDS)


def test_the_order_of_first_touches() -> None:
    """In runs, page by page, and no more than so many."""
    found = trace(*((0, page, 1) for page in (5, 6, 6, 7, 1, 0, 9, 8)))
    assert told.first_touches(found, found.use[0]) == "5-7, 1, 0, 9, 8"
    assert told.first_touches(found, found.use[0], 2) == "5-7, 1, ..."
