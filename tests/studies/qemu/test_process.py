"""prefault_kit.studies.qemu.process: a real QEMU preallocates."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefault_kit.studies import qemu
from prefault_kit.studies.qemu import KINDS, Qemu, QemuError, process

SIZE = 16 << 20


@pytest.mark.needs("qemu")
@pytest.mark.parametrize("kind", KINDS)
def test_a_backend_is_all_there_and_given_back(kind: str, tmp_path: Path) -> None:
    """Read from outside while QEMU lives; afterwards QEMU goes on without it."""
    with Qemu() as running:
        for _ in range(2):
            with running.backend(kind, SIZE, 2, str(tmp_path)) as backend:
                assert backend.usage.rss == SIZE
                assert backend.elapsed_ms > 0
            assert running._ranges(SIZE) == []
        pid = running._process.pid
    assert not Path(f"/proc/{pid}").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("qemu")
def test_what_qemu_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    """And it can be asked again; a directory that is none would become a file."""
    with Qemu() as running:
        with (
            pytest.raises(QemuError, match=r"QEMU .* says"),
            running.backend("nothing", SIZE, 1),
        ):
            pass
        with (
            pytest.raises(QemuError, match="is no directory"),
            running.backend("file", SIZE, 1, str(tmp_path / "none")),
        ):
            pass
        with running.backend("ram", SIZE, 1) as backend:
            assert backend.usage.rss == SIZE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("qemu")
def test_qemu_dies_with_its_parent() -> None:
    """However that ends."""
    code = (
        "import time\n"
        "from prefault_kit.studies.qemu import Qemu\n"
        "running = Qemu()\n"
        "print(running._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return
        if state == "Z":
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("QEMU outlived its parent")


def test_without_qemu_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence and a command."""
    monkeypatch.setattr(process, "program", lambda: None)
    missing = qemu.why_not()
    assert missing is not None
    assert missing.command == "sudo apt install qemu-system-x86"
    for act in (Qemu, qemu.race):
        with pytest.raises(QemuError, match="QEMU is not installed"):
            act()
