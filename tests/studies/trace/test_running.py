"""prefault_kit.studies.trace.running: exactly the pages that a program touches, in their order."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from prefault_kit.host import accounts
from prefault_kit.kernel import perf, traps
from prefault_kit.kernel.faults import FaultStream
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.measure.trace import (
    ANONYMOUS,
    FILE,
    STACK,
    UNRECORDED,
    Trace,
    TracedMapping,
)
from prefault_kit.studies.trace import running
from prefault_kit.studies.trace.comparison import compare
from tests.measure import observer
from tests.studies.trace import made

pytestmark = [pytest.mark.needs("compiler"), pytest.mark.needs("fault_events")]


def traced(*words: str, **options: Any) -> Trace:
    """A trace of the program."""
    with open(os.devnull, "w") as null:
        return running.run(
            [made.program(), *words], outputs=(null.fileno(), null.fileno()), **options
        )


def until_ready(*words: str) -> Trace:
    """A trace of the program until Ctrl-C, once it is ready and was looked at since."""
    reader, writer = os.pipe()
    looks = 0

    def interrupt(_: int) -> None:
        nonlocal looks
        looks += bool(select.select([reader], [], [], 0)[0])
        if looks == 2:
            signal.raise_signal(signal.SIGINT)

    try:
        return running.run(
            [made.program(), *words], outputs=(writer, writer), on_progress=interrupt
        )
    finally:
        os.close(reader)
        os.close(writer)


def of_size(trace: Trace, pages: int) -> list[int]:
    """The indices of anonymous mappings of so many pages."""
    return [
        at
        for at, each in enumerate(trace.mappings)
        if (each.kind, each.size_bytes) == (ANONYMOUS, pages * PAGE)
    ]


def touched(trace: Trace, index: int) -> list[int]:
    """The pages of a mapping's faults, in order."""
    return trace.page[trace.of(index)].tolist()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 32 pages."""
    path = tmp_path_factory.mktemp("data") / "data"
    path.write_bytes(bytes(32 * PAGE))
    return path


@pytest.fixture(scope="module")
def known(data: Path) -> Trace:
    """The program's known touches."""
    return traced("touches", str(data))


def test_pages_in_the_order_of_touches(known: Trace) -> None:
    """Each page once for each fault, whichever thread took it; a page that is read first twice."""
    [memory] = of_size(known, 67)
    assert touched(known, memory) == [3, 2, 9, 9, 5, 7]
    assert known.first[known.of(memory)].tolist() == [True, True, True, False, True, True]
    threads = known.thread[known.of(memory)].tolist()
    assert len(set(threads[:5])) == 1
    assert threads[5] != threads[0]
    assert known.threads[threads[5]].pid == known.threads[threads[0]].pid
    assert not known.major[known.of(memory)].any()
    assert (known.status, known.stopped) == (0, False)
    assert known.lack.lost == 0


def test_pages_of_a_file_are_those_of_the_file(known: Trace, data: Path) -> None:
    """Of both mappings of it, the shared and the private one; its state is known."""
    found = [(at, each) for at, each in known.files() if each.name == str(data)]
    [(index, mapping)] = found
    assert touched(known, index) == [20, 31]
    assert (mapping.first_page, mapping.size_bytes) == (0, 32 * PAGE)
    assert mapping.file is not None
    assert mapping.file.size_bytes == 32 * PAGE
    assert known.runs(str(data), 0) == [(20 * PAGE, PAGE), (31 * PAGE, PAGE)]
    assert known.runs(str(data), 16 * PAGE) == [(16 * PAGE, 16 * PAGE)]
    assert known.access[known.of(index)].tolist()[0] == perf.READ  # it may not be written


def test_a_forked_child_has_the_pages_of_its_parent(known: Trace) -> None:
    """Its copies are faults at the same pages of the same mapping, of another process."""
    [memory] = of_size(known, 45)
    assert touched(known, memory) == [0, 0, 4]
    pids = [known.threads[each].pid for each in known.thread[known.of(memory)].tolist()]
    assert pids[0] != pids[1] == pids[2]
    assert [each.forked for each in known.images] == [False, True]


def test_reserved_memory_is_one_mapping(known: Trace) -> None:
    """However much of it is made writable, and when."""
    [memory] = of_size(known, 91)
    assert touched(known, memory) == [11, 16]


def test_another_run_has_the_same_mappings(known: Trace, data: Path) -> None:
    """At other addresses: what the program touches by itself covers itself, without waste."""
    again = traced("touches", str(data))

    def keys(trace: Trace) -> set[tuple[object, ...]]:
        return {
            each.key
            for each in trace.mappings
            if each.size_bytes in (67 * PAGE, 45 * PAGE, 91 * PAGE) or each.name == str(data)
        }

    assert len(keys(known)) == 4
    assert keys(again) == keys(known)
    compared = compare(again, known)
    [mine] = [each for each in compared.by_file if each.title == str(data)]
    assert (mine.coverage, mine.waste) == (1, 0)
    assert compared.memory.coverage is not None
    assert compared.memory.coverage > 0.5


def test_a_stack_is_met(known: Trace) -> None:
    """Its pages count from its top, whatever its address."""
    stacks = [at for at, each in enumerate(known.mappings) if each.kind == STACK]
    assert stacks
    pages = touched(known, stacks[0])
    assert pages
    assert 0 <= min(pages) <= max(pages) < 64


def test_nothing_is_unrecorded_of_a_simple_program(known: Trace) -> None:
    """Every fault has its mapping."""
    assert UNRECORDED not in {known.mappings[each.index].kind for each in known.use}


def test_what_is_remapped_is_looked_for() -> None:
    """mremap(2) is not recorded: /proc knows where the memory is, as long as it is there."""
    trace = until_ready("remap")
    found = [each for each in trace.use if 4000 in touched(trace, each.index)]
    assert [trace.mappings[each.index].size_bytes for each in found] == [4099 * PAGE]


def test_many_children() -> None:
    """A hundred of them, each with memory of its own."""
    trace = traced("fork", "100")
    assert len(of_size(trace, 67)) == 100
    assert sum(each.forked for each in trace.images) == 100
    assert len({trace.mappings[each].key for each in of_size(trace, 67)}) == 100


def test_a_program_that_executes_another() -> None:
    """The old one's mappings stay its own."""
    trace = traced("exec")
    assert [each.forked for each in trace.images] == [False, False]
    assert trace.images[1].parent == 0
    [memory] = of_size(trace, 67)
    assert trace.mappings[memory].image == 0


def test_a_program_that_is_killed() -> None:
    """What it had touched until then is there."""
    trace = traced("killed")
    assert trace.status == -signal.SIGKILL
    assert touched(trace, of_size(trace, 67)[0]) == [1]


def test_a_duration() -> None:
    """The program ends then, and the trace says that it was ended."""
    trace = traced("wait", duration_s=0.2)
    assert trace.stopped
    assert trace.status == -signal.SIGTERM
    with pytest.raises(ValueError, match="seconds over 0"):
        traced("wait", duration_s=-1)


def test_ctrl_c_keeps_what_was_recorded() -> None:
    """The program ends, and what it had done is the trace."""
    trace = until_ready("wait")
    assert trace.stopped
    assert trace.status == -signal.SIGTERM
    assert touched(trace, of_size(trace, 67)[0]) == [1]


@pytest.fixture
def interrupted_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes as soon as the program waits, before anybody follows it."""
    begin = subprocess.Popen

    def started(*words: object, **options: object) -> object:
        found = begin(*words, **options)  # type: ignore[call-overload]
        deadline = time.monotonic() + 30
        while Path(f"/proc/{found.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < deadline
            time.sleep(0.001)
        signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(subprocess, "Popen", started)


@pytest.mark.usefixtures("interrupted_at_its_start")
def test_ctrl_c_while_it_is_started() -> None:
    """The program is ended, though nobody has followed it yet; signals are handled as before."""
    before = signal.getsignal(signal.SIGINT)
    trace = traced("wait")
    assert trace.stopped
    assert trace.status == -signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("interrupted_at_its_start")
def test_ctrl_c_before_its_first_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to keep: Ctrl-C is what it is elsewhere."""
    monkeypatch.setattr(FaultStream, "counts", lambda _: (0, 0))
    with pytest.raises(KeyboardInterrupt):
        traced("wait")


def test_a_tracer_that_is_killed_takes_its_program_along() -> None:
    """Nothing of it is left."""
    observer.killed(
        "from prefault_kit.studies.trace import running\n"
        f"running.run([{made.program()!r}, 'wait'], outputs=({{writer}}, {{writer}}))"
    )


def test_a_process_that_stays_is_told() -> None:
    """It goes on, unseen."""
    reader, writer = os.pipe()
    keep = os.dup(0)
    os.dup2(reader, 0)
    os.set_inheritable(writer, False)
    try:
        trace = traced("leave")
    finally:
        os.dup2(keep, 0)
        for fd in (reader, writer, keep):
            os.close(fd)
    assert trace.lack.left == 1


def test_a_full_trace_says_so() -> None:
    """It has the first faults, and no more."""
    trace = traced("fork", "1", most_faults=10)
    assert len(trace) == 10
    assert trace.lack.full


def test_a_trace_takes_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where little memory is left it is full sooner; the program goes on."""

    class Little(NamedTuple):
        usable_bytes: int

    monkeypatch.setattr(accounts, "tightest", lambda: Little(5000))
    trace = traced("fork", "1")
    assert (len(trace), trace.lack.full, trace.status) == (5000 // running.FAULT_BYTES, True, 0)


def test_a_static_program(tmp_path: Path) -> None:
    """It has no loader, and no library."""
    with open(os.devnull, "w") as null:
        fds = (null.fileno(), null.fileno())
        trace = running.run([made.program("-static"), "killed"], outputs=fds)
    assert touched(trace, of_size(trace, 67)[0]) == [1]
    assert [each.name for _, each in trace.files()] == [made.program("-static")]


def test_no_program() -> None:
    """An error that names it, and no stream is left."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError) as caught:
        running.run(["/no/such/program"])
    assert caught.value.filename == "/no/such/program"
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(19, "x"), "sudo mount -t tracefs" if os.geteuid() == 0 else "sudo prefault-kit"),
        (OSError(2, "x"), "as of x86"),
        (OSError(13, "x"), "tracepoints"),
    ],
)
def test_without_tracepoints(monkeypatch: pytest.MonkeyPatch, error: OSError, said: str) -> None:
    """What was read is not known of memory that may be written, and why."""

    def refuse() -> tuple[int, int]:
        raise error

    monkeypatch.setattr(traps, "tracepoints", refuse)
    trace = traced("killed")
    assert said in trace.lack.accesses
    accesses = trace.access[trace.of(of_size(trace, 67)[0])].tolist()
    assert accesses == [perf.UNTOLD]
    assert (trace.access == perf.READ).any()


def test_file_of_a_name_is_the_file_that_was_mapped(tmp_path: Path) -> None:
    """One that was replaced meanwhile is not taken for it."""
    path = tmp_path / "a"
    path.write_bytes(b"a")
    assert running._file_state(str(path), path.stat().st_ino) is not None
    assert running._file_state(str(path), path.stat().st_ino + 1) is None
    assert running._file_state(str(tmp_path), tmp_path.stat().st_ino) is None
    assert running._file_state(str(path) + "b", 1) is None
    mapping = TracedMapping(FILE, str(path), 0, 1, PAGE, 0, "r--p")
    assert mapping.key == (FILE, str(path))
