"""prefault_kit.studies.locking: what is there, what is locked, what still faults."""

from pathlib import Path

import pytest

from prefault_kit import Backing
from prefault_kit.host import features
from prefault_kit.show import tables
from prefault_kit.studies import locking

FOUND = [(16, 16, 0), (0, 0, 16), (16, 16, 0), (16, 16, 0), (16, 0, 16)]


@pytest.mark.parametrize(
    ("steps", "expected"), [*zip(locking.ORDERS, FOUND, strict=True)], ids=map(str, locking.ORDERS)
)
def test_what_each_order_leaves_behind(
    steps: tuple[str, ...], expected: tuple[int, int, int]
) -> None:
    """Of private anonymous memory: present, locked, faults."""
    if missing := features.mlock():
        pytest.skip(str(missing))
    found = locking.prepared(steps, Backing.anon())
    assert (found.present, found.locked, found.faults) == expected


def test_a_table_has_a_row_for_each(tmp_path: Path) -> None:
    """Steps in their order; a shared file is populated for writing."""
    found = locking.prepared(("populate_write",), Backing.file(tmp_path), "shared")
    assert found.faults == 0
    text = repr(tables.locking([locking.Prepared(("mlock", "populate_read"), 16, 8, 4), found]))
    assert "| mlock, then populate_read | 16 | 8 | 4 |" in text
    assert "| populate_write | 16 | 0 | 0 |" in text
