"""prefault_kit.studies.weights.recording: the large run, here a small one."""

from pathlib import Path

import pytest

from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.studies.weights import recording, result
from prefault_kit.studies.weights.plan import Plan
from prefault_kit.studies.weights.result import Found
from prefault_kit.studies.weights.ways import WAYS


def test_its_groups_can_be_run() -> None:
    """Whole pages, ways that there are, and a file over its limit from below to beyond."""
    groups = recording.groups(1 << 30, ".")
    for plans, ways in groups.values():
        assert set(ways) <= set(WAYS)
        assert all(plan.size_bytes % PAGE == 0 for plan in plans)
    over = [plan.size_bytes / plan.limit_bytes for plan in groups[recording.BY_MEMORY][0]]
    assert min(over) < 1 < max(over)


def test_what_is_recorded_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All groups, each with its progress; a file that is there is never written over."""
    asked: list[list[Plan]] = []

    def run_many(plans: list[Plan], ways: object, **options: object) -> list[Found]:
        asked.append(plans)
        options["on_progress"]("half")
        return [Found(plan) for plan in plans]

    monkeypatch.setattr(recording, "run_many", run_many)
    told: list[tuple[str, object]] = []
    path = tmp_path / "runs.json"
    recording.record(path, size_bytes=1 << 30, on_progress=lambda *words: told.append(words))
    found = result.read(path)
    assert [name for name, _ in told] == list(found)
    assert [len(each) for each in found.values()] == [len(plans) for plans in asked]
    with pytest.raises(FileExistsError, match="name a new file"):
        recording.record(path)


def test_the_recorded_run_can_be_read() -> None:
    """It is whole: each group with its runs, each way with its repetitions; and says where."""
    path = Path(__file__).parents[3] / "data/runs/weights-linux-6.18-amd-epyc-2cpu.json"
    found = result.read(path)
    groups = recording.groups(2 << 30, ".")
    for name, (plans, ways) in groups.items():
        assert [each.plan for each in found[name]] == plans
        assert all(set(each.entries) == set(ways) for each in found[name])
        assert all(each.facts["kernel"] and each.missing is None for each in found[name])
