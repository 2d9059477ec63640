"""prefault_kit.studies.snapshots: what each way to prepare memory costs."""

import contextlib
from collections.abc import Iterator

import pytest

from prefault_kit import Mapping, Work
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies import snapshots


@pytest.mark.needs("userfaultfd")
def test_what_preparing_costs_in_memory() -> None:
    """WRITE takes every page, READ page tables alone; the kernel's own way page tables too."""
    size = 16 << 20
    tables = size // PAGE * 8
    found = snapshots.costs(size, repeats=2)
    assert found.size_bytes == size
    memory = {name: cost.memory_bytes for name, cost in found.ways.items()}
    assert memory == {"POPULATE_READ": 0, "POPULATE_WRITE": size, "WP_UNPOPULATED": 0}
    for cost in found.ways.values():
        assert tables <= cost.page_table_bytes <= tables + 8 * PAGE
        assert cost.protect_ms > 0
    assert found.ways["WP_UNPOPULATED"].populate_ms == 0


def test_the_cheapest_repetition_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of which both together took least, not the least of each; the warm-up is left out."""
    populating, protecting = iter((0, 5, 1)), iter((0, 1, 9))

    @contextlib.contextmanager
    def protected(memory: Mapping, *, unpopulated: bool) -> Iterator[Work]:
        yield Work(elapsed_ns=next(protecting) * 1_000_000)

    way = {"a way": lambda memory: Work(elapsed_ns=next(populating) * 1_000_000)}
    monkeypatch.setattr(snapshots, "PREPARED", way)
    monkeypatch.setattr(snapshots, "protected", protected)
    cost = snapshots.costs(PAGE, repeats=2).ways["a way"]
    assert (cost.populate_ms, cost.protect_ms, cost.together_ms) == (5.0, 1.0, 6.0)


@pytest.mark.needs("userfaultfd")
@pytest.mark.parametrize(
    ("prepare", "unpopulated", "expected"),
    [
        (None, False, (snapshots.PAGES, 0)),
        ("populate_read", False, (0, snapshots.PAGES)),
        ("populate_write", False, (0, snapshots.PAGES)),
        (None, True, (0, snapshots.PAGES)),
    ],
)
def test_a_write_is_held_or_missed(
    prepare: str | None, unpopulated: bool, expected: tuple[int, int]
) -> None:
    """Wrong pages and held writes: what is not populated is missed."""
    assert snapshots.missed(prepare, unpopulated=unpopulated) == expected
