"""prefault_kit.screens.sparse_device: click blocks, look at the device."""

from collections.abc import Iterator

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.sparse_device import FAILED, PLUGGED
from prefault_kit.screens import sparse_device
from prefault_kit.screens.sparse_device import DeviceScreen

BLOCK = 16 * PAGE

pytestmark = pytest.mark.needs("own_mounts")


@pytest.fixture
def screen() -> Iterator[DeviceScreen]:
    """Eight blocks, of which five can be had."""
    made = sparse_device.device(8, BLOCK, 5 * BLOCK)
    yield made
    made.device.memory.close()


def plugged(screen: DeviceScreen) -> list[int]:
    return [block for block, state in enumerate(screen.device.states) if state == PLUGGED]


def test_a_click_plugs_and_another_unplugs(screen: DeviceScreen) -> None:
    """The block shows it, and so does the account."""
    screen.blocks[3].click()
    assert plugged(screen) == [3]
    assert "prefault-plugged" in screen.blocks[3]._dom_classes
    assert "64 KiB" in screen.account.value
    assert "is plugged" in screen.status.value
    screen.blocks[3].click()
    assert plugged(screen) == []
    assert "prefault-plugged" not in screen.blocks[3]._dom_classes


def test_what_fails_is_marked_and_reported(screen: DeviceScreen) -> None:
    """Five fit; the sixth is an error in words, and nothing else changes."""
    for block in range(6):
        screen.blocks[block].click()
    assert plugged(screen) == [0, 1, 2, 3, 4]
    assert screen.device.states[5] == FAILED
    assert "prefault-failed-block" in screen.blocks[5]._dom_classes
    assert "cannot be plugged" in screen.status.value
    screen.blocks[0].click()
    screen.blocks[5].click()
    assert plugged(screen) == [1, 2, 3, 4, 5]


def test_all_or_none(screen: DeviceScreen) -> None:
    """Plug all does not fit, so nothing is plugged; Unplug all gives everything back."""
    screen.all.click()
    assert plugged(screen) == []
    assert screen.device.account().backend_bytes == 0
    screen.blocks[1].click()
    screen.blocks[4].click()
    screen.all.click()
    assert plugged(screen) == [1, 4]
    screen.none.click()
    assert plugged(screen) == []
    assert screen.device.account().backend_bytes == 0


def test_the_stored_text_is_always_the_same(screen: DeviceScreen) -> None:
    """A notebook keeps it."""
    assert screen.page.idle == "The device runs in JupyterLab: choose Run > Run All Cells."
