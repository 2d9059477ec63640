"""prefault_kit.studies.process.mapping: what a mapping is, and what is known of it."""

from dataclasses import replace

import pytest

from prefault_kit.kernel.address_space import Region
from prefault_kit.kernel.smaps import Usage
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.process import mapping as mappings
from tests.studies.process.made import mapping


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "anonymous"),
        ("[anon:glibc: malloc]", "anonymous"),
        ("[heap]", "heap"),
        ("[stack]", "stack"),
        ("/usr/bin/cat", "file"),
        ("/dev/shm/x", "shared memory"),
        ("/dev/zero (deleted)", "shared memory"),
        ("/SYSV00000000 (deleted)", "shared memory"),
        ("/memfd:x (deleted)", "memfd"),
        ("/anon_hugepage (deleted)", "hugetlb"),
        ("/dev/nvidia0", "device"),
        ("[vdso]", "kernel's"),
        ("anon_inode:[perf_event]", "kernel's"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    """By the names that the kernel gives."""
    assert mappings.kind_of(Region(0, PAGE, "rw-p", name=name)) == kind
    assert kind in mappings.KINDS


def test_a_file_of_hugetlbfs_is_told_by_its_flag() -> None:
    """Its name is that of any file."""
    assert mapping(1, name="/mnt/huge/x", flags="rd ht").kind == "hugetlb"


def test_advice_by_name() -> None:
    """Of flags that tell of none there is nothing."""
    assert mapping(1, flags="rd wr rr nh lo sd").advice == [
        "MADV_RANDOM",
        "MADV_NOHUGEPAGE",
        "locked",
    ]


def test_without_page_tables_smaps_tells() -> None:
    """Hugetlb is in no Rss, and counts; without either nothing is known, which is not 0."""
    full = mapping(4, present=3, counts={"zero": 1, "file": 1})
    assert (full.resident_bytes, full.anonymous_pages) == (3 * PAGE, 1)
    usage = Usage(rss=PAGE, private_hugetlb=2 * PAGE, anonymous=PAGE)
    without = replace(full, pages=None, usage=usage)
    assert (without.resident_bytes, without.anonymous_pages) == (3 * PAGE, 1)
    nothing = replace(full, pages=None, usage=None)
    assert (nothing.resident_bytes, nothing.anonymous_pages, nothing.vm_flags) == (None,) * 3
