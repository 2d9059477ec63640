"""prefault_kit.promises.namespace: mounts that only a child sees."""

import os
from pathlib import Path

import pytest

from prefault_kit.promises import namespace
from prefault_kit.promises.child import ended, told


def test_only_the_child_sees_its_mounts() -> None:
    """A tmpfs mounted by the child is there for it, and for nobody else."""
    if missing := namespace.missing(ended(namespace.enter)):
        pytest.skip(missing.reason)
    before = Path("/proc/self/mountinfo").read_text()

    def look() -> str:
        namespace.enter()
        namespace.mount("tmpfs", "/dev", "size=1m")
        return f"{os.listdir('/dev')} {os.statvfs('/dev').f_blocks * os.statvfs('/dev').f_frsize}"

    assert told(look) == f"[] {1 << 20}"
    assert Path("/proc/self/mountinfo").read_text() == before


def test_a_refusal_has_its_reason() -> None:
    """A permission that lacks is said; what succeeds or fails otherwise is not excused."""
    assert namespace.missing("EPERM") is not None
    assert namespace.missing("EACCES") is not None
    assert namespace.missing("returns") is None
    assert namespace.missing("EINVAL") is None
