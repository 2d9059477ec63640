"""workload: what a reviewer may describe, and how nonsense is refused."""

from pathlib import Path
from typing import Any

import pytest

from prefault_kit import Backing
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.review import Workload

SIZE = 64 * PAGE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"sharing": "both"}, "private or shared"),
        ({"size_bytes": 5}, "round up"),
        ({"content": "full"}, "content is one of hole"),
        ({"content": "cold"}, "choose backing file"),
        ({"content": "as-is"}, "name it"),
        ({"pattern": "zigzag"}, "pattern is one of"),
        ({"afterwards": "fly"}, "afterwards is one of"),
        ({"afterwards": "evict"}, "choose backing file"),
        ({"read": 1.5}, "fraction from 0 to 1"),
        ({"write": float("nan")}, "fraction from 0 to 1"),
        ({"read": 0.0}, "set one"),
        ({"threads": 0}, "whole number from 1"),
        ({"repeats": 1}, "whole number from 2"),
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
    missing = Workload(Backing.memfd(), size_bytes=1 << 50).why_not()
    assert missing is not None
    assert "memory" in missing.reason


def test_a_case_survives_json() -> None:
    """as_dict and back."""
    case = Workload(Backing.memfd(), size_bytes=SIZE, read=0.25, pattern="hotspot")
    assert Workload.from_dict(case.as_dict()) == case
