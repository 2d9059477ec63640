"""prefault_kit.kernel.hugepages: the pools."""

from pathlib import Path

import pytest

from prefault_kit.kernel import hugepages
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


def test_pools_are_those_of_sysfs() -> None:
    """Every pool of sysfs is there, smallest first, and so is the default size."""
    found = hugepages.pools()
    assert list(found) == sorted(found)
    assert len(found) == len(list(Path("/sys/kernel/mm/hugepages").glob("hugepages-*")))
    assert hugepages.default_size_bytes() in found


def test_command_keeps_pages_in_use() -> None:
    """The command asks for the pages that are in use or promised, and the missing ones."""
    pool = hugepages.Pool(page_size_bytes=2 << 20, total=10, free=4, reserved=1)
    assert pool.available == 3
    assert pool.command_for(5).startswith(
        "echo 12 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/"
    )


@pytest.mark.needs("hugetlb")
def test_pool_follows_use(huge_page_bytes: int) -> None:
    """A reserved page is no longer available, a faulted one no longer free."""
    before = hugepages.pools()[huge_page_bytes]
    with Mapping(Backing.anon(huge_page_bytes), huge_page_bytes) as mapping:
        reserved = hugepages.pools()[huge_page_bytes]
        assert reserved.available == before.available - 1
        mapping.populate_write()
        used = hugepages.pools()[huge_page_bytes]
        assert (used.free, used.available) == (before.free - 1, before.available - 1)
    assert hugepages.pools()[huge_page_bytes] == before
