"""prefault_kit.studies.trial.plan: what is asked for, and what contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prefault_kit.studies.trial import Choice, Plan, Ready, Setting


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"command": ()}, "a command is needed"),
        ({"repeats": 1}, "from 2 to 1000"),
        ({"start": "hot"}, "no start"),
        ({"choice": Choice(moment="noon")}, "no moment"),
        ({"choice": Choice(least_bytes=0)}, "above 0"),
        ({"measure": "joy"}, "no measure"),
        ({"measure": "ready_ms"}, "when the program is ready"),
        ({"measure": "load_ms", "setting": Setting(Ready("x"))}, "needs a load"),
        ({"setting": Setting(load=("true",))}, "say when it is"),
        ({"memory_limit_bytes": 1}, "at least 4 MiB"),
        ({"io_limit_bytes": 1}, "at least 64 KiB a second"),
        ({"variants": {"nothing": ("true",)}}, "name of its own"),
        ({"candidates": ("DONTNEED",)}, "no candidate"),
    ],
)
def test_bad_plans(options: dict[str, object], said: str) -> None:
    """One sentence each, before anything is run."""
    with pytest.raises(ValueError, match=said):
        Plan(**{"command": ("true",)} | options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"timeout_s": float("nan")}, {"timeout_s": 0.0}, {"most_bytes": -1}]
)
def test_bad_settings(options: dict[str, float]) -> None:
    """Times and sizes that are none."""
    with pytest.raises(ValueError, match=r"over 0|or more bytes"):
        Setting(**options)  # type: ignore[arg-type]


def test_what_decides() -> None:
    """What was asked for, or what a user waits for."""
    ready = Setting(Ready("x"))
    assert Plan(("true",)).decided_by == "wall_ms"
    assert Plan(("true",), setting=ready).decided_by == "ready_ms"
    assert Plan(("true",), setting=replace(ready, load=("true",))).decided_by == "load_ms"
    assert Plan(("true",), setting=ready, measure="cpu_ms").decided_by == "cpu_ms"
