"""prefault_kit.studies.review.presets: the cases of the debate."""

from pathlib import Path

import pytest

from prefault_kit.studies.review import running
from prefault_kit.studies.review.presets import PRESETS

SIZE = 1 << 20


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_a_case_that_runs(name: str, disk_directory: Path) -> None:
    """Small and short, on each file system; what no host can show says why."""
    preset = PRESETS[name]
    case = preset.workload(str(disk_directory), size_bytes=SIZE, repeats=2)
    if preset.not_testable:
        assert "persistent memory" in preset.not_testable
        return
    found = running.run(case, sweep=False)
    assert found.outcome == "ok", found.message
    assert {each.outcome for each in found.candidates} <= {"ok", "not-applicable"}


def test_the_debate_s_cases_are_there() -> None:
    """A guest that writes at once, an NVDIMM, a buffer pool, real time, a sparse matrix, DAX."""
    cases = {"vm-ram", "fake-nvdimm", "buffer-pool", "real-time", "sparse-matrix", "dax"}
    assert set(PRESETS) == cases
