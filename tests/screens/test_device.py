"""prefault_kit.screens.device: click blocks, look at the device."""

from collections.abc import Iterator

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.sparse_device import FAILED, PLUGGED
from prefault_kit.screens import device
from prefault_kit.screens.device import Grid

BLOCK = 16 * PAGE

pytestmark = pytest.mark.needs("own_mounts")


@pytest.fixture
def grid() -> Iterator[Grid]:
    """Eight blocks, of which five can be had."""
    made = device.device(8, BLOCK, 5 * BLOCK)
    yield made
    made.device.memory.close()


def plugged(grid: Grid) -> list[int]:
    return [block for block, state in enumerate(grid.device.states) if state == PLUGGED]


def test_a_click_plugs_and_another_unplugs(grid: Grid) -> None:
    """The block shows it, and so does the account."""
    grid.blocks[3].click()
    assert plugged(grid) == [3]
    assert "prefault-plugged" in grid.blocks[3]._dom_classes
    assert "64 KiB" in grid.account.value
    assert "is plugged" in grid.said.value
    grid.blocks[3].click()
    assert plugged(grid) == []
    assert "prefault-plugged" not in grid.blocks[3]._dom_classes


def test_what_fails_is_marked_and_said(grid: Grid) -> None:
    """Five fit; the sixth is an error in words, and nothing else changes."""
    for block in range(6):
        grid.blocks[block].click()
    assert plugged(grid) == [0, 1, 2, 3, 4]
    assert grid.device.states[5] == FAILED
    assert "prefault-failed-block" in grid.blocks[5]._dom_classes
    assert "cannot be plugged" in grid.said.value
    grid.blocks[0].click()
    grid.blocks[5].click()
    assert plugged(grid) == [1, 2, 3, 4, 5]


def test_all_or_none(grid: Grid) -> None:
    """Plug all does not fit, so nothing is plugged; Unplug all gives everything back."""
    grid.all.click()
    assert plugged(grid) == []
    assert grid.device.account().backend_bytes == 0
    grid.blocks[1].click()
    grid.blocks[4].click()
    grid.all.click()
    assert plugged(grid) == [1, 4]
    grid.none.click()
    assert plugged(grid) == []
    assert grid.device.account().backend_bytes == 0


def test_the_stored_text_is_always_the_same(grid: Grid) -> None:
    """A notebook keeps it."""
    assert repr(grid.page) == "The device is live: choose Run > Run All Cells to see it."
