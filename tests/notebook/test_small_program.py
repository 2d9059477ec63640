"""prefault_kit.notebook.small_program: it does what its source says, and leaves nothing."""

import subprocess
from pathlib import Path

import pytest

from prefault_kit.kernel.faults import FaultStream
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES
from prefault_kit.notebook import small_program


@pytest.mark.needs("compiler")
@pytest.mark.needs("fault_events")
def test_it_touches_a_quarter() -> None:
    """And ends well; its directory goes with the notebook's kernel."""
    path = small_program.compiled()
    with FaultStream.of_program() as stream:
        assert subprocess.run([path], check=False, timeout=60).returncode == 0
        least = small_program.TOUCHED_BYTES // PAGE_SIZE_BYTES
        assert least <= len(stream.read()) < least + 200
    small_program._KEPT.pop().cleanup()
    assert not Path(path).exists()
