"""prefault_kit.studies.process.process: the door, on real processes that end, and are advised."""

import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefault_kit.kernel import page_cache
from prefault_kit.kernel.syscalls import PAGE_SIZE_BYTES as PAGE
from prefault_kit.memory.backing import Backing
from prefault_kit.memory.buffer import placed
from prefault_kit.memory.mapping import Mapping
from prefault_kit.studies.process import NoAccess, Process, page_map


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A program that does nothing."""
    with subprocess.Popen(["sleep", "60"]) as running:
        yield running
        running.kill()


@pytest.fixture
def own() -> Iterator[Process]:
    """This one."""
    with Process(os.getpid()) as process:
        yield process


def test_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    """Its file is among its mappings, with what is cached of it; a quiet one has no finding."""
    with Process(sleeper.pid) as process:
        seen = process.overview()
        names = {each.head.name for each in seen.mappings if each.kind == "file"}
        assert any("sleep" in name or "coreutils" in name for name in names)
        code = [each for each in seen.mappings if each.file and each.file.cached]
        assert code or os.geteuid() != 0  # a user is not told of files that it may not write
        assert process.diagnose(process.changes(seen, longest_ms=100)) == ()


def test_an_ended_process_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    """A sentence, in whatever is asked, also while it is waited for."""
    with Process(sleeper.pid) as process:
        sleeper.kill()
        os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
        for ask in (process.overview, process.mappings, lambda: process.wait(60)):
            with pytest.raises(ProcessLookupError, match=r"ended meanwhile|has ended"):
                ask()


@pytest.mark.parametrize("when", ["page tables", "smaps", "files"])
def test_it_ends_while_it_is_looked_at(sleeper: subprocess.Popen[bytes], when: str) -> None:
    """At any moment, also where it is a zombie then, whose status can be read still."""

    def kill(part: float, words: str) -> None:
        if words == when:
            os.kill(sleeper.pid, signal.SIGKILL)  # Popen's would wait for it the second time
            os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    with (
        Process(sleeper.pid) as process,
        pytest.raises(ProcessLookupError, match="ended meanwhile"),
    ):
        process.overview(on_progress=kill)


def test_it_ends_while_its_pages_are_looked_at(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page tables that are gone are no empty map."""
    take = page_map.take

    def kill_first(*known: Any, **more: Any) -> Any:
        found = take(*known, **more)
        sleeper.kill()
        sleeper.wait(60)
        return found

    monkeypatch.setattr(page_map, "take", kill_first)
    with Process(sleeper.pid) as process:
        mapping = process.mappings()[0]
        with pytest.raises(ProcessLookupError, match="ended meanwhile"):
            process.page_map(mapping)


def test_a_zombie_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    """It ended before, and was not waited for."""
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    with Process(sleeper.pid) as process, pytest.raises(ProcessLookupError, match="not waited for"):
        process.overview()


def test_changes_of_this_process(own: Process) -> None:
    """What is touched between is among them."""
    with Mapping(Backing.anon(), 64 * PAGE) as memory:
        before = own.overview(files=False, longest_ms=1e4)
        memory.touch_write()
        found = own.changes(before, longest_ms=1e4)
        [change] = [each for each in found.mappings if each.mapping.address == memory.address]
    assert change.resident_bytes == change.usage("private_dirty") == 64 * PAGE
    assert found.minor_faults >= 64


def test_page_map_by_any_address_within(own: Process) -> None:
    """Not only by where the mapping begins."""
    with Mapping(Backing.anon(), 8 * PAGE) as memory:
        memory.touch_write(PAGE, 2 * PAGE)
        found = own.page_map(memory.address + 5 * PAGE + 7)
    assert [each.present for each in found.cells] == [0, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.needs("root")
@pytest.mark.needs("cachestat")
def test_reading_the_file_behind(own: Process, tmp_path: Path) -> None:
    """Into the page cache, by what the mapping maps of it; nothing is mapped by that."""
    with Mapping(Backing.file(str(tmp_path)), 16 * PAGE, "shared") as memory:
        os.pwrite(memory.fd, b"x" * 16 * PAGE, 0)
        page_cache.evict(memory.fd)
        assert own.read_file(memory.address) == 16 * PAGE
        assert memory.pages().present == 0
        counts = memory.file_cache()
        assert counts is not None
        assert counts.cached == 16
        with pytest.raises(OSError, match="no regular file"):
            own.read_file(next(each.address for each in own.mappings() if each.kind == "stack"))


def test_only_what_is_mapped_of_the_file_is_read(own: Process, tmp_path: Path) -> None:
    """From the mapping's offset on, up to the end of the file."""
    path = tmp_path / "file"
    path.write_bytes(bytes(12 * PAGE))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4 * PAGE, offset=8 * PAGE) as part:
        file.truncate(10 * PAGE)
        with placed(part) as place:
            address = place.address
        assert own.read_file(address) == 2 * PAGE


def test_advice_from_outside(own: Process) -> None:
    """What the kernel permits; nothing that destroys."""
    with Mapping(Backing.anon(), 4 * PAGE) as memory:
        memory.touch_write()
        own.advise(memory.address, "MADV_WILLNEED")
        assert memory.pages().present == 4
        with pytest.raises(ValueError, match="from outside there is MADV_WILLNEED"):
            own.advise(memory.address, "MADV_DONTNEED")


@pytest.mark.needs("root")
def test_advising_takes_more_than_looking(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CAP_SYS_NICE, told with the command."""
    import prefault_kit.studies.process.process as module

    def refuse(*_: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(module.syscalls, "advise_process", refuse)
    with Process(sleeper.pid) as process:
        address = process.mappings()[0].address
        with pytest.raises(NoAccess, match="takes CAP_SYS_NICE"):
            process.advise(address, "MADV_COLD")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9])
def test_seconds_are_bounded(own: Process, seconds: float) -> None:
    """In a sentence."""
    for ask in (own.wait, own.faults):
        with pytest.raises(ValueError, match="seconds are more than 0"):
            ask(seconds)
    with pytest.raises(ValueError, match="longest_ms is 0 to 1000000"):
        own.overview(longest_ms=-1.0 if seconds > 0 else float("nan"))


def test_nothing_of_it_is_loaded_with_the_kit() -> None:
    """`import prefault_kit` stays light."""
    code = "import sys, prefault_kit; print('prefault_kit.studies.process' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n"
