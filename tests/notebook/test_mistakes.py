"""The program with mistakes as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefault_kit.notebook.mistakes import found, memory, sentences
from prefault_kit.studies.mistakes import MISTAKES, Program
from prefault_kit.studies.process import Process


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """One with all its mistakes."""
    with Program(str(tmp_path)) as running:
        yield running


@pytest.mark.needs("pagemap_scan")
@pytest.mark.needs("cachestat")
@pytest.mark.needs("thp")
def test_each_mistake_is_found_until_it_is_repaired(program: Program) -> None:
    """By its rule; afterwards nothing is amiss."""
    rules = {
        "forked": "shared-by-fork",
        "random": "advice-random",
        "copies": "held-twice",
        "small-pages": "thp-refused",
        "beat": "steady-faults",
    }
    with Process(program.pid) as process:
        rows = found(process, program).text.splitlines()[2:]
        assert rows == [f"| {name} | {rules[name]} |" for name in MISTAKES]
        told = sentences(process, program).text.splitlines()
        assert "MADV_RANDOM is set on *random* (" in told[1]
        assert not [line for line in told if " at 0x" in line.partition("What helps")[0]]
        row = memory(process, program, "copies").text.splitlines()[2]
        assert row == "| copies | 16 MiB | 16 MiB | 0 | 0 | 16 MiB |  |"
        for name in MISTAKES:
            program.repair(name)
        assert found(process, program).text == "Nothing is amiss."
        rows = memory(process, program).text.splitlines()[2:]
    assert rows == [
        "| forked | 16 MiB | 16 MiB | 0 | 0 | 0 |  |",
        "| random | 16 MiB | 0 | 0 | 0 | 16 MiB |  |",
        "| copies | 16 MiB | 0 | 0 | 0 | 16 MiB |  |",
        "| small-pages | 16 MiB | 16 MiB | 0 | 16 MiB | 0 | MADV_HUGEPAGE |",
    ]
