"""A program with mistakes: each shows from outside, and is gone once repaired."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prefault_kit.kernel import smaps
from prefault_kit.studies import mistakes
from prefault_kit.studies.mistakes import MISTAKES, SIZE_BYTES, SPREAD, Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One that is repaired mistake by mistake."""
    with Program(str(tmp_path_factory.mktemp("files"))) as running:
        yield running


def usage(program: Program, name: str) -> smaps.Usage:
    """What the kernel accounts to a mistake's memory."""
    return smaps.usage(*program.places[name], program.pid)


def minor_faults(program: Program) -> int:
    """All of the program's, so far."""
    return int(Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()[7])


def _forked(program: Program) -> object:
    return usage(program, "forked").shared_dirty


def _random(program: Program) -> object:
    told = usage(program, "random")
    return "rr" in told.vm_flags, told.rss


def _copies(program: Program) -> object:
    return usage(program, "copies").anonymous


def _small_pages(program: Program) -> object:
    told = usage(program, "small-pages")
    return "nh" in told.vm_flags, told.anon_huge == told.rss


def _beat(program: Program) -> object:
    before = minor_faults(program)
    deadline = time.monotonic() + 2
    while minor_faults(program) < before + mistakes.BEAT_PAGES:
        if time.monotonic() > deadline:
            return False
        time.sleep(mistakes.BEAT_S)
    return True


SEEN: dict[str, tuple[Callable[[Program], object], object, object]] = {
    "forked": (_forked, SIZE_BYTES, 0),
    "random": (_random, (True, SIZE_BYTES // SPREAD), (False, SIZE_BYTES)),
    "copies": (_copies, SIZE_BYTES, 0),
    "small-pages": (_small_pages, (True, False), (False, True)),
    "beat": (_beat, True, False),
}
"""How each mistake is looked at, what is seen of it, and what once it is repaired."""


@pytest.mark.needs("thp")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_shows_until_it_is_repaired(program: Program, name: str) -> None:
    """From outside, by what /proc says of the program."""
    look, mistaken, repaired = SEEN[name]
    assert look(program) == mistaken
    program.repair(name)
    assert name not in program.mistaken
    # the first look at a beat may see how the buffer that it keeps is populated
    assert any(look(program) == repaired for _ in range(3))


def test_an_unknown_mistake(program: Program) -> None:
    """It says which there are."""
    with pytest.raises(ValueError, match="there is no mistake 'x'; choose from forked, random"):
        program.repair("x")


def test_it_ends_with_a_sentence(tmp_path: Path) -> None:
    """A directory that cannot be written, and a program that is killed."""
    with pytest.raises(OSError, match="No such file or directory"):
        Program(str(tmp_path / "missing"))
    with Program(str(tmp_path)) as program:
        os.kill(program.pid, signal.SIGKILL)
        with pytest.raises(OSError, match="ended with status -9"):
            program.repair("beat")
