"""prefault_kit.kernel.proc: /proc as numbers, of this machine and of others."""

import re
from pathlib import Path

from prefault_kit.kernel import pagemap, proc
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.measure.forked import told
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.mapping import Mapping

MIB = 1 << 20

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

STATUS_OF_A_CONTAINER = """\
Name:\tpython3
VmSize:\t  204800 kB
VmLck:\t       8 kB
CapEff:\t00000000a80425fb
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""


def test_parse_meminfo() -> None:
    """kB become bytes, counts of pages stay counts."""
    info = proc.parse_meminfo(AARCH64_64K)
    assert info["Hugepagesize"] == 512 * MIB
    assert info["HugePages_Total"] == 0
    assert info["MemTotal"] == 65776896 * 1024


def test_parse_meminfo_without_hugetlb() -> None:
    """A kernel without hugetlb has no such lines, and that is no error."""
    info = proc.parse_meminfo(NO_HUGETLB)
    assert "Hugepagesize" not in info
    assert info["SwapTotal"] == 102396 * 1024


def test_parse_status() -> None:
    """Names and values of /proc/PID/status, as they stand."""
    status = proc.parse_status(STATUS_OF_A_CONTAINER)
    assert status["Seccomp"] == "2"
    assert status["VmLck"] == "8 kB"


def test_a_size_is_in_bytes() -> None:
    """What is mapped of this process is a whole number of pages, and kB become bytes."""
    size = proc.status_bytes("VmSize")
    said = proc.status()["VmSize"]
    assert size % PAGE_SIZE_BYTES == 0
    assert re.fullmatch(r"\d+ kB", said)
    assert abs(size - int(said.split()[0]) * 1024) < 64 * MIB


def test_this_machine_has_its_memory() -> None:
    """No more is available than there is."""
    info = proc.meminfo()
    assert 0 < info["MemAvailable"] <= info["MemTotal"]


def test_kills_are_counted_where_the_kernel_tells_them() -> None:
    """The line oom_kill of /proc/vmstat; they are never fewer than before."""
    text = Path("/proc/vmstat").read_text()
    found = re.search(r"^oom_kill (\d+)$", text, re.M)
    assert proc.oom_kills() >= (int(found[1]) if found else 0)


def test_soft_dirty_bits_are_cleared() -> None:
    """No page has one then, whether the kernel keeps such bits or not; in a child, who pays."""

    def clear() -> str:
        with Mapping(Backing.anon(), 4 * PAGE_SIZE_BYTES) as memory:
            memory.touch_write()
            proc.clear_soft_dirty()
            entries = pagemap.entries(*memory.span())
            return f"{sum(bool(each & pagemap.SOFT_DIRTY) for each in entries)} of {len(entries)}"

    assert told(clear) == "0 of 4"
