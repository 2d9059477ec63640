"""prefault_kit.show.contribution: what a file to send says, a line each."""

from dataclasses import replace

from prefault_kit.show import contribution
from prefault_kit.studies.comparison import Run
from tests.studies.comparison.made import answer, grid, result, verdicts


def test_every_fact_is_a_line() -> None:
    """Then what each cell has, and each text once."""
    cells = [replace(result(1.0, method=each), notes=["noted\x1b"]) for each in ("Read", "Write")]
    lines = list(contribution.lines(grid("a", *cells, memory_limit_bytes=None)))
    assert lines[:4] == [
        "of the host:",
        "  kernel: 6.1",
        "  page size: 4 KiB",
        "  memory limit: none",
    ]
    assert lines[4] == "2 cells, and of each:"
    assert lines[6:] == ["1 text of theirs:", "  noted\\x1b"]


def test_many_texts_are_counted() -> None:
    """And a run that says nothing of its host says that."""
    asked = verdicts("a", *(answer(str(at), reason=f"reason {at}") for at in range(25)))
    lines = list(contribution.lines(asked))
    assert lines[-1] == "  and 5 more, in the file"
    assert list(contribution.lines(Run("a", "grid", {}, (result(1.0),))))[1] == "  nothing"
