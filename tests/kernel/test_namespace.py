"""prefault_kit.kernel.namespace: mounts that only a child sees."""

import os
from pathlib import Path

import pytest

from prefault_kit.host import features
from prefault_kit.kernel import namespace
from prefault_kit.measure.forked import ended, told


def test_only_the_child_sees_its_mounts() -> None:
    """A tmpfs mounted by the child is there for it, and for nobody else."""
    if missing := features.mounting(ended(namespace.enter)):
        pytest.skip(missing.reason)
    before = Path("/proc/self/mountinfo").read_text()

    def look() -> str:
        namespace.enter()
        namespace.mount("tmpfs", "/dev", "size=1m")
        return f"{os.listdir('/dev')} {os.statvfs('/dev').f_blocks * os.statvfs('/dev').f_frsize}"

    assert told(look) == f"[] {1 << 20}"
    assert Path("/proc/self/mountinfo").read_text() == before
