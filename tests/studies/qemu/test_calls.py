"""prefault_kit.studies.qemu.calls: what QEMU asks of the kernel."""

import shutil
from pathlib import Path

import pytest

from prefault_kit import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies import qemu
from prefault_kit.studies.qemu import QemuError

SIZE = 16 << 20


@pytest.mark.needs("qemu")
@pytest.mark.needs("strace")
def test_what_it_asks_of_the_kernel(tmp_path: Path) -> None:
    """One page to probe, then a share a thread."""
    said = [each for each in qemu.calls("memfd", 16 * SIZE, 2, str(tmp_path)) if "POPULATE" in each]
    assert said[0] == f"madvise({format_bytes(PAGE)}, MADV_POPULATE_WRITE)"
    assert sorted(said[1:]) == ["madvise(128 MiB, MADV_POPULATE_WRITE)"] * 2


def test_without_strace_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence and a command."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(QemuError, match="sudo apt install strace"):
        qemu.calls("ram", SIZE, 1)
