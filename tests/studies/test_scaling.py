"""prefault_kit.studies.scaling: each kind of memory, method and number of threads."""

from pathlib import Path

import pytest

from prefault_kit.kernel import hugepages
from prefault_kit.show import tables
from prefault_kit.studies import scaling

SIZE = 1 << 20


def test_a_result_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a table with a row a kind of memory."""
    monkeypatch.setattr(hugepages, "default_size_bytes", lambda: None)
    found = scaling.run(SIZE, (1, 2), directory=str(tmp_path), repeats=1)
    assert [(each.backing, each.method, each.threads) for each in found] == [
        (kind, method, threads)
        for kind in ("anon", "memfd", "file")
        for method in ("Write", "POPULATE_WRITE")
        for threads in (1, 2)
    ]
    assert {each.populated_bytes for each in found} == {SIZE}
    lines = repr(tables.scaling(found)).splitlines()
    assert lines[0] == "| memory | Write, 1 | Write, 2 | POPULATE_WRITE, 1 | POPULATE_WRITE, 2 |"
    assert len(lines) == 2 + 3


def test_huge_pages_are_those_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it has any."""
    size = hugepages.default_size_bytes()
    if size:
        assert scaling.kinds()[-1][0].page_size_bytes == size
    monkeypatch.setattr(hugepages, "default_size_bytes", lambda: None)
    assert not any(backing.is_hugetlb for backing, _ in scaling.kinds())
