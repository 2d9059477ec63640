"""workload: what a reviewer may describe, and how nonsense is refused."""

import re
from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing, host
from prefault_kit.host import accounts
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Workload, workload

SIZE = 64 * PAGE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"sharing": "both"}, "private or shared"),
        ({"size_bytes": 5}, "round up"),
        ({"content": "full"}, "content is one of hole"),
        ({"content": "cold"}, "choose backing file"),
        ({"content": "as-is"}, "name that file"),
        ({"pattern": "zigzag"}, "pattern is one of"),
        ({"afterwards": "fly"}, "afterwards is one of"),
        ({"afterwards": "evict"}, "choose backing file"),
        ({"read": 1.5}, "fraction from 0 to 1"),
        ({"write": float("nan")}, "fraction from 0 to 1"),
        ({"read": 0.0}, "set read or write"),
        ({"threads": 0}, "whole number from 1 to 1024"),
        ({"threads": 10**12}, "whole number from 1 to 1024"),
        ({"repeats": 1}, "whole number from 2 to 10000"),
        ({"repeats": 10**21}, "whole number from 2 to 10000"),
        ({"size_bytes": PAGE << 32}, "at most 8 TiB"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(words: dict[str, Any], said: str) -> None:
    """ValueError says what is wrong, and what would do."""
    with pytest.raises(ValueError, match=said) as caught:
        Workload(Backing.memfd(), **({"size_bytes": SIZE} | words))
    assert "\n" not in str(caught.value)


def test_anonymous_memory_has_no_content() -> None:
    """It has no file to hold any."""
    with pytest.raises(ValueError, match="its content is hole"):
        Workload(Backing.anon(), size_bytes=SIZE, content="large-chunks")


def test_a_file_of_ones_own_is_read_as_large_as_it_is(tmp_path: Path) -> None:
    """Its size in whole pages, its content as it is."""
    path = tmp_path / "mine"
    path.write_bytes(b"x" * (3 * PAGE + 1))
    case = Workload.of_file(path, read=0.5)
    assert (case.size_bytes, case.content, case.read) == (4 * PAGE, "as-is", 0.5)
    assert case.backing.directory == str(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"write": 0.1}, "never written"),
        ({"content": "hole"}, "as-is or cold"),
        ({"afterwards": "sync"}, "not synced"),
    ],
)
def test_a_file_of_ones_own_is_never_written(
    tmp_path: Path, words: dict[str, Any], said: str
) -> None:
    """Whatever would write, truncate or sync it is refused."""
    path = tmp_path / "mine"
    path.write_bytes(b"x" * PAGE)
    with pytest.raises(ValueError, match=said):
        Workload.of_file(path, **words)


def test_a_large_file_is_reviewed_in_part_unless_asked_for(tmp_path: Path) -> None:
    """The first 4 GiB; the whole with a size, and more than the whole not at all."""
    path = tmp_path / "mine"
    with path.open("wb") as file:
        file.truncate(8 << 30)
    assert Workload.of_file(path).size_bytes == 4 << 30
    assert Workload.of_file(path, size_bytes=8 << 30).size_bytes == 8 << 30
    with pytest.raises(ValueError, match=r"8 GiB .* beyond its end"):
        Workload.of_file(path, size_bytes=16 << 30)


def test_the_kit_s_own_memory_is_counted_for_a_file_that_takes_none(tmp_path: Path) -> None:
    """The pages of a sparse file are its page cache, which gives way; the plans do not."""
    path = tmp_path / "mine"
    with path.open("wb") as file:
        file.truncate(8 << 40)
    missing = Workload.of_file(path, size_bytes=8 << 40).why_not()
    assert missing is not None
    assert re.search(
        r"of memory are needed, [\d.]+ GiB of it for the kit's own lists", missing.reason
    )
    fits = re.search(r"enough for a size of (\d+) MiB", missing.reason)
    assert fits is not None
    size = int(fits[1]) * 9 // 10 << 20  # other processes take memory meanwhile
    assert Workload.of_file(path, size_bytes=size).why_not() is None


def test_the_kit_s_own_memory_comes_on_top_of_the_memory_that_is_studied() -> None:
    """Of as much memory as there is, all may be studied, but not all and its plans."""
    usable = accounts.tightest().usable_bytes
    size = usable * 99 // 100 // PAGE * PAGE  # 1 % for page tables is enough, for plans it is not
    case = Workload(Backing.memfd(), size_bytes=size)
    alone = host.why_not(
        backing=case.backing, sharing="shared", method="POPULATE_WRITE", size_bytes=size
    )
    assert alone is None
    missing = case.why_not()
    assert missing is not None
    assert "for the kit's own lists" in missing.reason


def test_libraries_are_counted_whatever_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room for NumPy and SciPy, no review is begun."""
    path = tmp_path / "mine"
    path.write_bytes(bytes(PAGE))
    cases = (Workload.of_file(path), Workload(Backing.anon(), size_bytes=PAGE))
    assert [case.why_not() for case in cases] == [None, None]
    usable = accounts.tightest().usable_bytes
    monkeypatch.setattr(workload, "LIBRARIES_BYTES", 2 * usable)
    for case in cases:
        missing = case.why_not()
        assert missing is not None
        assert "enough for a size" not in missing.reason  # no smaller one would do


def test_an_empty_file_and_no_file_are_refused(tmp_path: Path) -> None:
    """Each by its own sentence."""
    path = tmp_path / "mine"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="with data"):
        Workload.of_file(path)
    with pytest.raises(FileNotFoundError):
        Workload.of_file(tmp_path / "none")


def test_too_large_is_unavailable_with_what_would_fit() -> None:
    """Before anything is allocated."""
    missing = Workload(Backing.memfd(), size_bytes=1 << 42).why_not()
    assert missing is not None
    assert "memory" in missing.reason


def test_a_case_survives_json() -> None:
    """as_dict and back."""
    case = Workload(Backing.memfd(), size_bytes=SIZE, read=0.25, pattern="hotspot")
    assert Workload.from_dict(case.as_dict()) == case
