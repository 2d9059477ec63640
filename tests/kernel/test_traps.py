"""prefault_kit.kernel.traps: whether a fault read or wrote, where the kernel tells."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from prefault_kit.kernel import perf, traps
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.kernel.traps import accesses, tracepoints

FORMAT = """name: page_fault_user
ID: 7
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;
\tfield:unsigned long ip;\toffset:16;\tsize:8;\tsigned:0;
\tfield:unsigned long error_code;\toffset:24;\tsize:8;\tsigned:0;
"""
PROGRAM = """
from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
from prefault_kit.kernel.faults import FaultStream
from prefault_kit.kernel.traps import TrapStream, accesses
with Mapping(Backing.anon(), 8 * PAGE_SIZE_BYTES) as memory:
    with FaultStream.of_this_thread() as faults, TrapStream.of_this_thread() as traps:
        memory.touch_read(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        memory.touch_write(2 * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        memory.touch_write(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        found = faults.read().within(*memory.span()).records
        access = accesses(found, traps.read().records)
print("".join("?rw"[kind] for kind in access.tolist()))
"""


def tracefs(place: Path, text: str = FORMAT) -> Path:
    """A directory as tracefs has it."""
    for at, name in enumerate(traps.NAMES):
        event = place / "events" / "exceptions" / name
        event.mkdir(parents=True)
        (event / "id").write_text(f"{at + 7}\n")
        (event / "format").write_text(text)
    return place


def test_numbers_of_tracepoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first place where tracefs is; records of another kind are refused."""
    monkeypatch.setattr(traps, "PLACES", (str(tmp_path / "none"), str(tracefs(tmp_path / "a"))))
    assert tracepoints() == (7, 8)
    other = tracefs(tmp_path / "b", FORMAT.replace("offset:24", "offset:32"))
    monkeypatch.setattr(traps, "PLACES", (str(other),))
    with pytest.raises(FileNotFoundError, match="others than those of x86"):
        tracepoints()
    (tmp_path / "c" / "events").mkdir(parents=True)
    monkeypatch.setattr(traps, "PLACES", (str(tmp_path / "c"),))
    with pytest.raises(FileNotFoundError):
        tracepoints()
    monkeypatch.setattr(traps, "PLACES", (str(tmp_path / "none"),))
    with pytest.raises(OSError, match="not mounted") as caught:
        tracepoints()
    assert caught.value.errno == errno.ENODEV


def records(*rows: tuple[int, int, int, int]) -> numpy.ndarray:
    """Records of a thread, a time, a page and an access."""
    found = numpy.zeros(len(rows), perf.FAULT_DTYPE)
    for at, (tid, time, page, access) in enumerate(rows):
        found[at]["tid"], found[at]["time_ns"] = tid, time
        found[at]["address"], found[at]["access"] = page * PAGE, access
    return found


def test_a_fault_is_told_by_its_trap() -> None:
    """By thread, time and address: threads mixed, in any order; one that is lost tells nothing."""
    told = records(
        (2, 10, 1, perf.WRITE), (1, 11, 1, perf.READ), (1, 20, 1, perf.WRITE), (3, 1, 5, perf.READ),
        (1, 40, 9, perf.WRITE),
    )  # fmt: skip
    faults = records(
        (1, 30, 1, 0), (1, 15, 1, 0), (2, 12, 1, 0), (3, 0, 5, 0), (4, 50, 1, 0), (1, 45, 8, 0),
    )  # fmt: skip
    assert accesses(faults, told).tolist() == [
        perf.WRITE, perf.READ, perf.WRITE, perf.UNTOLD, perf.UNTOLD, perf.UNTOLD,
    ]  # fmt: skip
    assert accesses(faults, told[:0]).tolist() == [perf.UNTOLD] * 6
    assert accesses(faults[:0], told).tolist() == []


@pytest.mark.needs("root")
@pytest.mark.needs("fault_events")
def test_reads_and_writes_of_this_thread(namespace: Callable[[str], list[str]]) -> None:
    """A page that is read, one that is written, and the first one written."""
    place = "/sys/kernel/tracing"  # where most hosts have it mounted already
    mount = f"mountpoint -q {place} || mount -t tracefs nodev {place}"
    event = Path("events/exceptions/page_fault_user/id")
    probe = [*namespace(mount), "test", "-e", f"/sys/kernel/tracing/{event}"]
    if subprocess.run(probe, check=False, capture_output=True, timeout=60).returncode:
        pytest.skip("needs tracefs, and x86")
    done = subprocess.run(
        [*namespace(mount), sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "rww\n"
