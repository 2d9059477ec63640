"""prefault_kit.studies.trial.limit: a memory cgroup that lasts as long as it is needed."""

import os

import pytest

from prefault_kit.studies.trial import limit


def test_a_limit_and_nothing_left() -> None:
    """The kernel's own account of it, and its directory, which goes; refused to who may not."""
    if missing := limit.why_not():
        assert "cgroup" in missing.reason
        return
    with limit.limited(64 << 20) as own:
        pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
        try:
            own.take(pid)
            assert str(pid) in (own.directory / "cgroup.procs").read_text().split()
            assert 0 < own.available_bytes() <= 64 << 20
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    assert not own.directory.exists()


def test_too_small() -> None:
    """Said before anything is run."""
    with pytest.raises(ValueError, match="at least 4 MiB"):
        limit.check(1)
