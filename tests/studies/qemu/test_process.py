"""prefault_kit.studies.qemu.process: a real QEMU preallocates."""

import os
import signal
import subprocess
import sys
import threading
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
@pytest.mark.parametrize(
    "traced",
    [False, pytest.param(True, marks=pytest.mark.needs("strace"))],
    ids=["alone", "traced"],
)
def test_qemu_dies_with_its_parent(traced: bool, tmp_path: Path) -> None:
    """However that ends, and strace around it too."""
    trace = repr(str(tmp_path / "trace")) if traced else "None"
    code = (
        "import time\n"
        "from prefault_kit.studies.qemu import Qemu\n"
        f"running = Qemu(trace={trace})\n"
        "print(running._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        first = int(parent.stdout.readline())
        pids = [first, *_children(first)]
        parent.kill()
    assert len(pids) == 1 + traced
    deadline = time.monotonic() + 30
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.needs("qemu")
def test_it_says_why_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its start, in its own words; later, that the connection broke. No thread is left."""
    threads = threading.active_count()
    with Qemu() as running:
        os.kill(running._process.pid, signal.SIGKILL)
        with pytest.raises(QemuError, match="QEMU ended: "), running.backend("ram", SIZE, 1):
            pass
    monkeypatch.setattr(process, "program", lambda: "/bin/false")
    with pytest.raises(QemuError, match="QEMU ended: "):
        Qemu()
    script = "/usr/bin/env"  # takes none of QEMU's options, and says so
    monkeypatch.setattr(process, "program", lambda: script)
    with pytest.raises(QemuError, match=r"QEMU ended: .*env"):
        Qemu()
    assert threading.active_count() == threads


@pytest.mark.needs("qemu")
def test_a_ctrl_c_ends_it() -> None:
    """In the middle of preallocating too: nothing waits for what nobody wants any more."""
    running = Qemu()
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    def preallocate() -> None:
        with running:
            interrupt.start()
            with running.backend("memfd", 1 << 30, 1):
                time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        preallocate()
    interrupt.join()
    assert not _lives(running._process.pid)


def test_without_qemu_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence and a command."""
    monkeypatch.setattr(process, "program", lambda: None)
    missing = qemu.why_not()
    assert missing is not None
    assert missing.command == "sudo apt install qemu-system-x86"
    for act in (Qemu, qemu.race):
        with pytest.raises(QemuError, match="QEMU is not installed"):
            act()
