"""userfaultfd: which features the kernel offers."""

import contextlib
import os

from prefault_kit.kernel import userfaultfd


def test_features(ordinary_user: None) -> None:
    """An ordinary user gets userfaultfd for faults in user mode, and no descriptor is left."""
    before = len(os.listdir("/proc/self/fd"))
    with contextlib.suppress(OSError):  # a container may forbid it; doctor says so
        offered = userfaultfd.features()
        assert set(offered) <= set(userfaultfd.FEATURES)
        # each came with or after the one before it
        if "WP_ASYNC" in offered:
            assert "WP_UNPOPULATED" in offered
        if "WP_UNPOPULATED" in offered:
            assert "write-protect" in offered
    assert len(os.listdir("/proc/self/fd")) == before
