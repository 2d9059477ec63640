"""Settings of transparent huge pages."""

import os
from pathlib import Path

import pytest

from prefault_kit.host import thp


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("always [madvise] never\n", "madvise"),
        ("always within_size advise [never] deny force\n", "never"),
        ("never\n", "never"),
    ],
)
def test_parse_choice(text: str, choice: str) -> None:
    """The chosen word stands in brackets."""
    assert thp.parse_choice(text) == choice


def test_this_kernel() -> None:
    """A kernel with transparent huge pages tells all settings, one without tells none."""
    found = thp.size_bytes(), thp.enabled(), thp.shmem_enabled()
    if thp.SETTINGS.is_dir():
        assert found[0] is not None
        assert found[0] % os.sysconf("SC_PAGE_SIZE") == 0
        assert found[1] in ("always", "madvise", "never")
        assert found[2] in ("always", "within_size", "advise", "never", "deny", "force")
    else:
        assert found == (None, None, None)


def test_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel built without them is told by None, not by an error."""
    monkeypatch.setattr(thp, "SETTINGS", Path("/nonexistent"))
    assert (thp.size_bytes(), thp.enabled(), thp.shmem_enabled()) == (None, None, None)


@pytest.mark.parametrize(
    ("size", "enabled", "said"),
    [
        (None, None, "built without"),
        (2 << 20, "never", "transparent huge pages are never"),
        (2 << 20, "madvise", None),
        (2 << 20, "always", None),
    ],
)
def test_why_not(
    monkeypatch: pytest.MonkeyPatch, size: int | None, enabled: str | None, said: str | None
) -> None:
    """Where a setting rules them out, the command that helps is told."""
    monkeypatch.setattr(thp, "size_bytes", lambda: size)
    monkeypatch.setattr(thp, "enabled", lambda: enabled)
    found = thp.why_not()
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert said in found.reason
        assert bool(found.command) == (size is not None)
