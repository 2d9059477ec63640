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


def test_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where /sys is hidden, that is said, and not that the kernel is built without them."""
    monkeypatch.setattr(thp, "SETTINGS", tmp_path / "mm" / "transparent_hugepage")
    assert thp.why_not() == thp.HIDDEN
    (tmp_path / "mm").mkdir()
    assert thp.why_not() == thp.NOT_BUILT


@pytest.mark.parametrize(
    ("own", "helps"),
    [
        ("always [inherit] madvise never", False),
        ("always inherit [madvise] never", False),
        ("always inherit madvise [never]", True),
    ],
)
def test_a_size_that_is_switched_off(
    own: str, helps: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The setting of the size itself counts, here that of 32 MiB (16 KiB pages)."""
    monkeypatch.setattr(thp, "SETTINGS", tmp_path)
    (tmp_path / "hpage_pmd_size").write_text(f"{32 << 20}\n")
    (tmp_path / "enabled").write_text("always [madvise] never\n")
    (tmp_path / "hugepages-32768kB").mkdir()
    (tmp_path / "hugepages-32768kB" / "enabled").write_text(f"{own}\n")
    found = thp.why_not()
    assert (found is not None) == helps
    if found:
        command = f"echo inherit | sudo tee {tmp_path}/hugepages-32768kB/enabled"
        assert (found.reason, found.command) == (
            "transparent huge pages of this size are never",
            command,
        )


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
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    size: int | None,
    enabled: str | None,
    said: str | None,
) -> None:
    """Where a setting rules them out, the command that helps is told."""
    monkeypatch.setattr(thp, "SETTINGS", tmp_path)  # where no size has a setting of its own
    monkeypatch.setattr(thp, "size_bytes", lambda: size)
    monkeypatch.setattr(thp, "enabled", lambda: enabled)
    found = thp.why_not()
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert said in found.reason
        assert bool(found.command) == (size is not None)
