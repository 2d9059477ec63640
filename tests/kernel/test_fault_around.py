"""prefault_kit.kernel.fault_around: the setting is read, and never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefault_kit.kernel import fault_around
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES


@pytest.mark.parametrize(
    ("text", "known", "after"), [("8192\n", 8192, 8192), ("x", None, 65536), (None, None, 65536)]
)
def test_the_setting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    known: int | None,
    after: int,
) -> None:
    """None where it is not told; the commands put back what was."""
    place = tmp_path / "fault_around_bytes"
    monkeypatch.setattr(fault_around, "SETTING", str(place))
    if text is not None:
        place.write_text(text)
    assert fault_around.size_bytes() == known
    first, _, second = fault_around.without().partition("; ")
    assert first == f"echo {PAGE_SIZE_BYTES} | sudo tee {place}"
    assert second == f"and afterwards echo {after} | sudo tee {place}"
    assert not place.exists() or place.read_text() == text
