"""prefault_kit.kernel.diskstats: what was charged and what the device took."""

import os
from pathlib import Path

import pytest

from prefault_kit.kernel import diskstats


def test_what_a_process_makes_dirty_is_charged_to_it(disk_directory: Path) -> None:
    """A MiB written to a file is a MiB, to the byte."""
    before = diskstats.charged_bytes()
    if before is None:
        pytest.skip("needs CONFIG_TASK_IO_ACCOUNTING")
    path = disk_directory / "file"
    path.write_bytes(bytes(1 << 20))
    after = diskstats.charged_bytes() or 0
    path.unlink()
    assert 1 << 20 <= after - before < (1 << 20) + (1 << 18)  # btrfs charges its tree too


def test_the_device_takes_what_is_synced(disk_directory: Path) -> None:
    """Not less than the data."""
    under = diskstats.under(disk_directory)
    if under is None:
        pytest.skip("needs a directory on one block device")
    before = under.written_bytes()
    path = disk_directory / "file"
    with path.open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    after = under.written_bytes()
    path.unlink()
    assert before is not None
    assert after is not None
    assert after - before >= 1 << 20


def test_memory_has_no_device() -> None:
    """/proc is on none."""
    assert diskstats.under("/proc") is None
    assert diskstats.holding("/proc/self/maps") is None
    assert diskstats.holding("/no/such") is None
    assert diskstats.Device(999, 999).written_bytes() is None


def test_a_file_lies_on_the_device_of_its_directory(disk_directory: Path) -> None:
    """And a partition belongs to a whole device, of which it is none."""
    found = diskstats.holding(disk_directory)
    if found is None:
        pytest.skip("needs a directory on one block device")
    whole = found.whole()
    place = Path(f"/sys/dev/block/{whole.major}:{whole.minor}")
    assert place.exists() and not (place / "partition").exists()
    assert whole.whole() == whole
