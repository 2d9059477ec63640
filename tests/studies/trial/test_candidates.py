"""prefault_kit.studies.trial.candidates: the table, and names as people type them."""

import pytest

from prefault_kit.kernel.tracer import INJECTED, KINDS
from prefault_kit.studies.trial.candidates import CANDIDATES, chosen


def test_every_candidate_keeps_what_memory_holds() -> None:
    """Only advice that a rule takes, on kinds that there are; each does something."""
    for each in CANDIDATES.values():
        assert set(each.advices) <= set(INJECTED)
        assert each.kinds and set(each.kinds) <= set(KINDS)
        assert bool(each.advices) != (each.drop_populate or each.drop_advice)
        assert bool(each.line) == bool(each.advices)


def test_no_page_of_a_file_is_copied_ahead_of_its_writer() -> None:
    """A private copy would keep what the file held then; the program may look later."""
    copies = [each for each in CANDIDATES.values() if "MADV_POPULATE_WRITE" in each.advices]
    assert len(copies) == 2
    assert not any("file private" in each.kinds for each in copies)


def test_names() -> None:
    """With MADV_ or without, each once."""
    found = chosen(("madv_populate_write", "POPULATE_WRITE", " HugePage "))
    assert [each.name for each in found] == ["POPULATE_WRITE", "HUGEPAGE"]
    assert found[0].line == "madvise(p, n, MADV_POPULATE_WRITE);"
    with pytest.raises(ValueError, match="no candidate"):
        chosen(("DONTNEED",))
