"""prefault_kit.studies.field.case: what a row says of memory."""

from pathlib import Path

import pytest

from prefault_kit.host import thp
from prefault_kit.studies.field import Case, Memory, Way


def test_a_size_in_huge_pages_is_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they are; without them the size is what the row says."""
    assert Memory(size_bytes=1 << 20).bytes == 1 << 20
    monkeypatch.setattr(thp, "size_bytes", lambda: 32 << 20)
    assert Memory(huge_pages=2).bytes == 64 << 20
    monkeypatch.setattr(thp, "size_bytes", lambda: None)
    assert Memory(huge_pages=2).bytes == Memory.size_bytes


def test_memory_is_a_backing_here(tmp_path: Path) -> None:
    """A file lies in the directory that is named."""
    assert Memory("file").backing(str(tmp_path)).directory == str(tmp_path)
    assert Memory("memfd").backing(str(tmp_path)).kind == "memfd"
    assert Memory("tmpfs", limit_bytes=1 << 20).backing(".").kind == "tmpfs"


def test_a_way_gets_its_own_memory_or_that_of_the_case() -> None:
    """Its own comes first."""
    own = Memory("memfd", "shared")
    ways = (Way("a", ()), Way("b", (), memory=own))
    case = Case("id", "W", "a program", "2021", "T", (), "", ways, ())
    assert [case.memory_of(way) for way in ways] == [Memory(), own]
