"""prefault_kit.kernel.hugepages: the pools."""

from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel import hugepages
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping


def test_pools_are_those_of_sysfs() -> None:
    """Every pool of sysfs is there, smallest first, and so is the default size."""
    found = hugepages.pools()
    assert list(found) == sorted(found)
    assert len(found) == len(list(Path("/sys/kernel/mm/hugepages").glob("hugepages-*")))
    assert hugepages.default_size_bytes() in (found or (None,))


def test_command_keeps_pages_in_use() -> None:
    """The command asks for the pages that are in use or promised, and the missing ones."""
    pool = hugepages.Pool(page_size_bytes=2 << 20, total=10, free=4, reserved=1)
    assert pool.available == 3
    assert pool.command_for(5).startswith(
        "echo 12 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/"
    )


@pytest.mark.alone
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


@pytest.mark.parametrize(
    ("page_size_bytes", "sizes"),
    [
        (4 << 10, {2048: 2 << 20, 1048576: 1 << 30}),
        (16 << 10, {2048: 2 << 20, 32768: 32 << 20, 1048576: 1 << 30}),
        (64 << 10, {64: 64 << 10, 2048: 2 << 20, 524288: 512 << 20, 16777216: 16 << 30}),
    ],
    ids=["4 KiB", "16 KiB", "64 KiB"],
)
def test_pools_of_other_page_sizes(
    page_size_bytes: int, sizes: dict[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x86-64 and aarch64: sysfs names pools in kB, and the commands name them as sysfs does."""
    for kb in sizes:
        (tmp_path / f"hugepages-{kb}kB").mkdir()
        for name, pages in (("nr", 7), ("free", 5), ("resv", 2)):
            (tmp_path / f"hugepages-{kb}kB" / f"{name}_hugepages").write_text(f"{pages}\n")
    monkeypatch.setattr(hugepages, "POOLS", tmp_path)
    found = hugepages.pools()
    assert list(found) == sorted(sizes.values())
    assert all(size % page_size_bytes == 0 for size in found)
    for kb, size in sizes.items():
        assert found[size] == hugepages.Pool(size, 7, 5, 2)
        command = found[size].command_for(4)
        assert command == f"echo 8 | sudo tee {tmp_path}/hugepages-{kb}kB/nr_hugepages"


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("Hugepagesize:       2048 kB", 2 << 20),
        ("Hugepagesize:      32768 kB", 32 << 20),
        ("Hugepagesize:     524288 kB", 512 << 20),
        ("HugePages_Total:       0", None),
    ],
)
def test_the_default_size_is_that_of_meminfo(line: str, size: int | None) -> None:
    """With pages of 4, 16 and 64 KiB; a kernel without hugetlb pages has no such line."""
    assert hugepages.parse_default(f"MemTotal: 1 kB\n{line}\nHugetlb: 0 kB\n") == size


@pytest.mark.parametrize(
    ("shared", "setting", "flags", "may"),
    [
        (False, "[always] madvise never", "", True),
        (False, "[always] madvise never", "nh", False),
        (False, "always [madvise] never", "", False),
        (False, "always [madvise] never", "hg", True),
        (False, "always madvise [never]", "hg", False),
        (True, "always within_size [advise] never deny force", "", False),
        (True, "always within_size advise never deny [force]", "nh", True),
        (True, "always within_size advise never [deny] force", "hg", False),
    ],
)
def test_who_may_be_given_transparent_huge_pages(
    shared: bool, setting: str, flags: str, may: bool, tmp_path: Path, monkeypatch: Any
) -> None:
    """By the setting and the mapping's own advice; nobody where the kernel has none."""
    monkeypatch.setattr(hugepages, "THP", tmp_path)
    assert not hugepages.transparent_for(shared=shared, flags=[flags])
    assert hugepages.transparent_size_bytes() is None
    (tmp_path / ("shmem_enabled" if shared else "enabled")).write_text(setting + "\n")
    (tmp_path / "hpage_pmd_size").write_text("2097152\n")
    assert hugepages.transparent_for(shared=shared, flags=[flags]) is may
    assert hugepages.transparent_size_bytes() == 2 << 20
