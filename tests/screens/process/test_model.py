"""The model of a process that is looked at: which, what was seen, what goes wrong in a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from prefault_kit import PAGE_SIZE_BYTES, Backing, Mapping
from prefault_kit.kernel import perf
from prefault_kit.kernel.faults import FaultBatch
from prefault_kit.kernel.looking import Looking
from prefault_kit.memory.buffer import placed
from prefault_kit.screens.process import ProcessScreen
from prefault_kit.screens.process.model import CALM, LOOK_S, MOST_POINTS, WINDOW_S

PAGES = 64
WAIT_S = 30.0


@pytest.fixture
def memory() -> Iterator[Mapping]:
    """Half written, half untouched."""
    with Mapping(Backing.anon(), PAGES * PAGE_SIZE_BYTES) as mapping:
        mapping.touch_write(0, PAGES // 2 * PAGE_SIZE_BYTES)
        yield mapping


@pytest.fixture
def own() -> Iterator[ProcessScreen]:
    """This process, looked at."""
    model = ProcessScreen(os.getpid())
    yield model
    model.close()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def await_true(condition: Callable[[], object]) -> None:
    """Wait for what a thread does."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_chosen_at_first() -> None:
    """Processes are offered; looking needs one."""
    model = ProcessScreen()
    assert os.getpid() in [each.pid for each in model.choices]
    for act in (model.look, model.watch):
        act()
        assert (model.failed, model.status) == (True, "Choose a process first.")
    assert model.overview is None
    assert not model.watching
    model.export("never.html")
    assert "nothing to export" in model.status


def test_a_look(memory: Mapping) -> None:
    """Mappings, and the pages of the chosen one."""
    model = ProcessScreen(os.getpid())
    assert model.overview
    assert model.status.endswith("ms.")
    model.choose(memory.address + PAGE_SIZE_BYTES)
    assert model.address == memory.address
    assert model.page_map
    assert sum(each.present for each in model.page_map.cells) == PAGES // 2


def test_a_buffer_of_this_process(memory: Mapping) -> None:
    """Its mapping is chosen, whatever process was looked at before."""
    model = ProcessScreen(os.getppid())
    model.choose_memory(memory)
    assert (model.pid, model.address) == (os.getpid(), memory.address)
    assert model.page_map
    array = bytearray(4 * PAGE_SIZE_BYTES)
    with placed(array) as place:
        model.choose_memory(array)
        assert model.overview
        assert model.address == model.overview.at(place.address).address
    with pytest.raises(TypeError, match="no buffer"):
        model.choose_memory(1)


def test_an_address_of_no_mapping(own: ProcessScreen) -> None:
    """ValueError, as of an overview."""
    with pytest.raises(ValueError, match="has no mapping at 0x1"):
        own.choose(1)


def test_watching_takes_faults_and_compares(own: ProcessScreen, memory: Mapping) -> None:
    """What is touched from then on comes as faults; the second look says what changed."""
    own.watch()
    memory.touch_write()
    own.watch()  # once more is nothing
    place = range(memory.address, memory.address + memory.size_bytes)
    await_true(
        lambda: (
            len({each.address for each in list(own.faults) if each.address in place}) == PAGES // 2
        )
    )
    await_true(lambda: own.changes)
    own.stop()
    assert not own.watching
    changed = {each.mapping.address: each for each in own.changes.mappings}
    assert changed[memory.address].pages("present") == PAGES // 2


def test_another_process_is_another_story(
    own: ProcessScreen, sleeper: subprocess.Popen[bytes]
) -> None:
    """What was seen of the first is forgotten, and watching ends."""
    own.watch()
    own.pid = sleeper.pid
    assert not own.watching
    assert own.overview is None
    assert own.diagnoses == ()
    own.look()
    assert own.overview
    assert own.overview.pid == sleeper.pid


def test_a_process_that_ends_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    """While it is watched, and when it is looked at afterwards."""
    model = ProcessScreen(sleeper.pid)
    model.watch()
    os.kill(sleeper.pid, signal.SIGKILL)
    await_true(lambda: not model.watching)
    assert model.failed
    assert "ended" in model.status
    sleeper.wait()
    model.look()
    assert model.status == f"There is no process {sleeper.pid}."


def test_one_that_may_not_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason, and the command that helps."""
    from prefault_kit.host.unavailable import Unavailable
    from prefault_kit.screens.process import model as module
    from prefault_kit.studies.process import NoAccess

    def refuse(_: int) -> None:
        raise NoAccess(Unavailable("it is another user's", "sudo look"))

    monkeypatch.setattr(module, "Process", refuse)
    model = ProcessScreen(1)
    assert (model.failed, model.status) == (True, "It is another user's.")
    assert model.command == "sudo look"


def test_an_export_is_over_no_file(own: ProcessScreen, tmp_path: Path) -> None:
    """Two files, and a sentence where there is one already."""
    path = tmp_path / "seen.html"
    assert own.export(path)
    assert own.status == f"Wrote {path} and seen.json beside it."
    assert sorted(each.name for each in tmp_path.iterdir()) == ["seen.html", "seen.json"]
    assert not own.export(path)
    assert own.failed
    assert "exists already: choose another name" in own.status


def test_without_a_stream_it_says_why(own: ProcessScreen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mappings are looked at all the same."""
    from prefault_kit.screens.process import model as module

    def refuse(_: int) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(module, "FaultStream", refuse)
    own.watch()
    assert own.watching
    own.stop()
    assert own.blind == "No stream of faults: Permission denied."
    assert not own.failed


def batch(times_ns: Sequence[int]) -> FaultBatch:
    """Faults at these times, at the addresses 0, 1, 2 ..."""
    records = numpy.zeros(len(times_ns), perf.FAULT_DTYPE)
    records["time_ns"] = times_ns
    records["address"] = range(len(times_ns))
    return FaultBatch(records, numpy.empty(0, "u8"), numpy.zeros(len(times_ns), "i8"))


def test_of_many_faults_some_are_drawn_and_of_old_ones_none() -> None:
    """Evenly chosen, not the last; those of the last seconds."""
    model = ProcessScreen()
    now = time.monotonic_ns()
    model._add(batch([now] * 4 * MOST_POINTS))
    assert len(model.faults) == MOST_POINTS
    assert model.faults[0].address == 0
    assert model.faults[-1].address >= 4 * (MOST_POINTS - 1)
    model.faults.clear()
    model._add(batch([now - int((WINDOW_S + 1) * 1e9), now]))
    assert [each.address for each in model.faults] == [1]


def test_looking_again_waits_for_as_long_as_looking_disturbs(own: ProcessScreen) -> None:
    """A process that was held up for long is left alone for longer."""
    seen = own.overview
    assert seen
    own.overview = replace(seen, looking=Looking(1, 1_000_000, 1_000_000))
    assert own.pause_s == LOOK_S
    own.overview = replace(seen, looking=Looking(1, 10**9, 10**9))
    assert own.pause_s == CALM


def test_a_chosen_mapping_that_goes_is_chosen_no_more() -> None:
    """After the next look; the others are shown."""
    model = ProcessScreen(os.getpid())
    with Mapping(Backing.anon(), PAGES * PAGE_SIZE_BYTES) as mapping:
        mapping.protect("r")
        model.look()
        model.choose(mapping.address)
        assert model.page_map
    model.look()
    assert (model.address, model.page_map, model.failed) == (0, None, False)
