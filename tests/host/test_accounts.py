"""Memory accounts: the machine's, and those of cgroups."""

import resource

import pytest

from prefault_kit.host import accounts

MIB, GIB = 1 << 20, 1 << 30

AARCH64_64K = """\
MemTotal:       65776896 kB
MemFree:        61203456 kB
MemAvailable:   62914560 kB
SwapTotal:             0 kB
HugePages_Total:       0
HugePages_Free:        0
Hugepagesize:     524288 kB
"""

NO_HUGETLB = """\
MemTotal:        1993924 kB
MemFree:          115048 kB
MemAvailable:     902344 kB
SwapTotal:        102396 kB
DirectMap4k:       96256 kB
"""


def test_parse_meminfo() -> None:
    """kB become bytes, counts of pages stay counts."""
    info = accounts.parse_meminfo(AARCH64_64K)
    assert info["Hugepagesize"] == 512 * MIB
    assert info["HugePages_Total"] == 0
    assert info["MemTotal"] == 65776896 * 1024


def test_parse_meminfo_without_hugetlb() -> None:
    """A kernel without hugetlb has no such lines, and that is no error."""
    info = accounts.parse_meminfo(NO_HUGETLB)
    assert "Hugepagesize" not in info
    assert info["SwapTotal"] == 102396 * 1024


@pytest.mark.parametrize(
    ("total", "reserve"),
    [(128 * MIB, 32 * MIB), (1 * GIB, 64 * MIB), (20 * GIB, 1 * GIB), (1000 * GIB, 50 * GIB)],
)
def test_reserve(total: int, reserve: int) -> None:
    """The reserve is 5 %, at least 64 MiB, at most a quarter."""
    assert accounts.reserve_bytes(total) == reserve


def test_usable_is_never_negative() -> None:
    """An account that is used up has nothing to give."""
    assert accounts.Account("this machine", GIB, 10 * MIB).usable_bytes == 0


def test_machine_account() -> None:
    """The machine's account comes first and agrees with what it has in pages."""
    account = accounts.accounts()[0]
    pages = account.total_bytes // resource.getpagesize()
    assert account.name == "this machine"
    assert account.limit is None
    assert 0 < account.usable_bytes < account.available_bytes <= account.total_bytes
    import os

    assert pages == os.sysconf("SC_PHYS_PAGES")


def test_tightest() -> None:
    """The tightest account is the one with the least to give."""
    least = accounts.tightest().usable_bytes
    slack = 64 * MIB  # other processes go on while this one looks twice
    assert all(account.usable_bytes >= least - slack for account in accounts.accounts())
