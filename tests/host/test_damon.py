"""Whether DAMON is at work."""

from __future__ import annotations

from pathlib import Path

from prefault_kit.host import damon


def test_its_threads_are_found(tmp_path: Path) -> None:
    """By name, of those that can be read."""
    for pid, name in {"1": "init", "78": "kdamond.0", "79": "kdamond.1"}.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(f"{name}\n")
    (tmp_path / "80").mkdir()
    (tmp_path / "self").mkdir()
    assert damon.threads(str(tmp_path)) == ["kdamond.0", "kdamond.1"]


def test_a_machine_is_asked() -> None:
    """Whatever runs here, it is a list of such names."""
    assert all(each.startswith("kdamond") for each in damon.threads())
