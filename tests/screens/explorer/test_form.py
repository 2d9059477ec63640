"""prefault_kit.screens.explorer.form: what is on offer, and what this host cannot run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.host import Unavailable
from prefault_kit.memory import methods
from prefault_kit.memory.backing import Backing
from prefault_kit.screens.explorer import form as forms
from prefault_kit.screens.explorer.form import SYSTEM_PAGE, CellForm
from prefault_kit.screens.options import Option, Problem


def names(options: tuple[Option, ...]) -> list[str]:
    return [option.value for option in options]


@pytest.fixture
def no_huge_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that refuses whatever needs huge pages."""

    def why_not(*, backing: Backing, **_: Any) -> Unavailable | None:
        return Unavailable("no huge pages are free", "make some") if backing.is_hugetlb else None

    monkeypatch.setattr("prefault_kit.measure.experiment.host.why_not", why_not)


def test_the_defaults_can_run() -> None:
    """The defaults have no problem, whatever the host."""
    assert CellForm().settled().problem() is None


def test_anonymous_memory_offers_no_file_methods() -> None:
    """FALLOCATE needs a file; anonymous memory has one start state."""
    form = CellForm().settled()
    assert not any("FALLOCATE" in name for name in form.method_names())
    assert form.starts() == ("empty",)


def test_shared_memfd_offers_all_published_methods() -> None:
    """Eleven published methods apply to a shared file."""
    form = CellForm(backing="memfd", sharing="shared").settled()
    published = [name for name, each in methods.METHODS.items() if each.published]
    assert set(published) <= set(form.method_names())
    assert form.starts() == ("empty", "cached")


def test_only_files_start_cold() -> None:
    """Data must be on disk to be evicted."""
    assert "cold" in CellForm(backing="file").settled().starts()


@pytest.mark.parametrize(
    ("method", "settled"),
    [
        ("FALLOCATE+POPULATE_WRITE", "POPULATE_WRITE"),
        ("FALLOCATE", "POPULATE_READ"),
        ("Write", "Write"),
    ],
)
def test_a_method_that_no_longer_applies_becomes_its_plain_one(method: str, settled: str) -> None:
    """Going from shared to private drops the fallocate and keeps the rest."""
    form = CellForm(backing="memfd", sharing="private", method=method)
    assert form.settled().method == settled


def test_page_size_settles_with_the_backing() -> None:
    """tmpfs has system pages only."""
    form = CellForm(backing="tmpfs", page_size="2 MiB").settled()
    assert form.page_sizes() == (SYSTEM_PAGE,)
    assert form.page_size == SYSTEM_PAGE


def test_start_settles_with_the_backing() -> None:
    """Only files have other start states."""
    assert CellForm(backing="anon", start="cold").settled().start == "empty"


@pytest.mark.usefixtures("no_huge_pages")
def test_what_the_host_refuses_is_offered_with_reason_and_command() -> None:
    """Everything huge is refused, everything else is not."""
    offer = CellForm().settled().offer()
    backings = {option.value: option for option in offer["backing"]}
    assert backings["hugetlbfs"].reason == "no huge pages are free"
    assert backings["hugetlbfs"].command == "make some"
    assert all(backings[kind].reason is None for kind in ("anon", "memfd", "tmpfs", "file"))
    assert [option.reason is None for option in offer["page_size"]] == [
        size == SYSTEM_PAGE for size in names(offer["page_size"])
    ]
    assert all(option.reason is None for option in offer["method"])


@pytest.mark.usefixtures("no_huge_pages")
def test_memory_that_cannot_be_had_is_one_problem() -> None:
    """A refused backing does not grey out every method too."""
    form = CellForm(backing="hugetlbfs").settled()
    assert all(option.reason is None for option in form.offer()["method"])
    assert form.problem() == Problem("no huge pages are free", "make some")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": "0"}, "at least one page"),
        ({"size": "-2 MiB"}, "at least one page"),
        ({"size": "two"}, "is not a size"),
        ({"size": "3000001"}, "would round up to"),
        ({"size": "8000 GiB"}, ""),
        ({"repeats": 0}, "repeats"),
        ({"backing": "file", "directory": "/nowhere/at/all"}, ""),
        ({"backing": "file", "directory": "/proc/version"}, ""),
    ],
)
def test_a_bad_value_is_one_sentence(change: dict[str, Any], words: str) -> None:
    """Nothing runs; the sentence says what is wrong."""
    problem = replace(CellForm().settled(), **change).problem()
    assert problem is not None
    assert words in problem.reason
    assert "\n" not in problem.reason
    assert "Traceback" not in problem.reason


def test_a_directory_is_used(tmp_path: Path) -> None:
    """The file is made in the chosen directory."""
    assert CellForm(backing="file", directory=str(tmp_path)).memory() == Backing.file(tmp_path)
    assert CellForm(backing="file").memory().directory == "."
    assert CellForm(backing="tmpfs").memory().directory is None


@pytest.mark.needs("thp")
def test_collapse_is_judged_at_a_huge_page() -> None:
    """MADV_COLLAPSE is on offer where a huge page fits, whatever the size of a plain page."""
    offered = {option.value: option.reason for option in CellForm().offer()["method"]}
    assert offered["MADV_COLLAPSE"] is None


@pytest.mark.parametrize(
    ("page_bytes", "pool_bytes", "sizes"),
    [
        (4 << 10, (2 << 20, 1 << 30), ("4 KiB", "2 MiB", "1 GiB")),
        (16 << 10, (32 << 20,), ("16 KiB", "32 MiB")),
        (64 << 10, (2 << 20, 512 << 20), ("64 KiB", "2 MiB", "512 MiB")),
        (64 << 10, (), ("64 KiB",)),
    ],
)
def test_page_sizes_are_those_of_the_host(
    monkeypatch: pytest.MonkeyPatch,
    page_bytes: int,
    pool_bytes: tuple[int, ...],
    sizes: tuple[str, ...],
) -> None:
    """The system's page and the pools of huge pages, on any architecture."""
    monkeypatch.setattr(forms, "PAGE_SIZE_BYTES", page_bytes)
    monkeypatch.setattr(forms.hugepages, "pools", lambda: dict.fromkeys(pool_bytes))
    assert CellForm().page_sizes() == sizes
