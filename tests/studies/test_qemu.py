"""prefault_kit.studies.qemu: a real QEMU preallocates, and the kit beside it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefault_kit.show import tables
from prefault_kit.studies import qemu
from prefault_kit.studies.qemu import KINDS, Lap, Qemu, QemuError

SIZE = 16 << 20
LAPS = Path(__file__).parents[2] / "data/runs/qemu-7.2-linux-6.18-amd-epyc-2cpu.jsonl"


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
def test_a_race_has_a_lap_for_each_case(tmp_path: Path) -> None:
    """Both had all of it, each time; the warm-up is told and not kept."""
    told: list[Lap] = []
    laps = qemu.race(size_bytes=SIZE, repeats=2, directory=str(tmp_path), on_lap=told.append)
    assert len(told) == 3 * len(KINDS) * 2
    assert len(laps) == 2 * len(KINDS) * 2
    assert {(lap.qemu_rss_bytes, lap.kit_rss_bytes) for lap in laps} == {(SIZE, SIZE)}
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


@pytest.mark.needs("qemu")
@pytest.mark.needs("strace")
def test_what_it_asks_of_the_kernel(tmp_path: Path) -> None:
    """One page to probe, then a share a thread."""
    said = [each for each in qemu.calls("memfd", 16 * SIZE, 2, str(tmp_path)) if "POPULATE" in each]
    assert said[0] == "madvise(4 KiB, MADV_POPULATE_WRITE)"
    assert sorted(said[1:]) == ["madvise(128 MiB, MADV_POPULATE_WRITE)"] * 2


def test_without_qemu_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence and a command."""
    monkeypatch.setattr(qemu, "program", lambda: None)
    missing = qemu.why_not()
    assert missing is not None
    assert missing.command == "sudo apt install qemu-system-x86"
    for act in (Qemu, qemu.race):
        with pytest.raises(QemuError, match="QEMU is not installed"):
            act()


@pytest.mark.needs("qemu")
def test_without_room_nothing_is_started() -> None:
    """Memory is checked first."""
    with pytest.raises(QemuError, match="memory"):
        qemu.race(("ram",), size_bytes=1 << 50)


def test_laps_are_kept_and_told(tmp_path: Path) -> None:
    """The table has minimum, median and both ratios."""
    laps = [Lap("ram", 1, SIZE, n, 10.0 * n, 5.0 * n, SIZE, SIZE) for n in (1, 2, 3)]
    qemu.save(laps, tmp_path / "laps")
    assert qemu.read(tmp_path / "laps") == laps
    with pytest.raises(FileExistsError):
        qemu.save(laps, tmp_path / "laps")
    assert (
        "| memory-backend-ram | 1 | 16 MiB | 10.0 ms | 20.0 ms | 5.00 ms | 10.0 ms | 0.50 "
        "| 0.50 (0.50 to 0.50) |"
    ) in repr(tables.race(laps))


def test_the_recorded_laps_can_be_read() -> None:
    """Each kind, one and two threads, and all of it was there."""
    laps = qemu.read(LAPS)
    assert {(lap.kind, lap.threads) for lap in laps} == {(k, n) for k in KINDS for n in (1, 2)}
    assert all(lap.qemu_rss_bytes == lap.kit_rss_bytes == lap.size_bytes for lap in laps)
