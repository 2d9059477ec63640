"""What it takes to look at a process, and how long that process waits meanwhile."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prefault_kit.memory.sizes import format_bytes
from prefault_kit.studies.process import Process

from . import plain
from .findings import Finding

SOURCE = Path(__file__).with_name("attached.c")
CASES = ((1000, 5.0), (1, 5.0))
"""Mappings that the memory lies in, and how long looking may hold the process up at a time."""


class Told(NamedTuple):
    """The longest that the process saw since it was last asked, and how often it tried."""

    map_ms: float
    fault_ms: float
    times: int


class Target:
    """The program, which maps and unmaps while it is looked at."""

    def __init__(self, program: Path, mappings: int, size_bytes: int) -> None:
        self._process = subprocess.Popen(
            [program, str(mappings), str(size_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.pid = int(self._process.stdout.readline())

    def ask(self) -> Told:
        """What it has seen."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        longest_map, longest_fault, times, _ = map(int, self._process.stdout.readline().split())
        return Told(longest_map / 1e6, longest_fault / 1e6, times)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=600)


def build(directory: Path) -> Path:
    """Compile the program; its path."""
    program = directory / "attached"
    compiler = plain.compiler() or "gcc"
    command = [compiler, "-O2", "-std=gnu11", "-pthread", "-o", str(program), str(SOURCE)]
    subprocess.run(command, check=True, timeout=600)
    return program


def attaching(size_bytes: int, rounds: int) -> Iterator[Finding]:
    """Look, and leave alone for as long, in turn; medians over rounds, the first aside."""
    with tempfile.TemporaryDirectory() as directory:
        program = build(Path(directory))
        for mappings, longest_ms in CASES:
            with Target(program, mappings, size_bytes) as target, Process(target.pid) as process:
                yield from _looked(target, process, mappings, size_bytes, longest_ms, rounds)


def _looked(
    target: Target,
    process: Process,
    mappings: int,
    size_bytes: int,
    longest_ms: float,
    rounds: int,
) -> Iterator[Finding]:
    took_ms, waited, alone, held = [], [], [], []
    for _ in range(rounds + 1):
        target.ask()
        began = time.perf_counter()
        seen = process.overview(longest_ms=longest_ms)
        took_ms.append((time.perf_counter() - began) * 1000)
        waited.append(target.ask())
        held.append(seen.looking.longest_ns / 1e6)
        time.sleep(took_ms[-1] / 1000)
        alone.append(target.ask())
    what = f"attach, {mappings:,} mappings, {format_bytes(size_bytes)} resident"
    median = statistics.median(took_ms[1:])
    yield Finding(
        f"{what}: overview",
        median,
        1000,
        unit="ms",
        detail=f"{min(took_ms[1:]):.0f} to {max(took_ms[1:]):.0f} ms; {len(seen.missing)} things "
        "not asked",
    )
    longest = [each.map_ms for each in waited[1:]]
    control = [each.map_ms for each in alone[1:]]
    yield Finding(
        f"{what}: longest mmap and munmap of the process meanwhile",
        statistics.median(longest),
        5,
        unit="ms",
        detail=f"{min(longest):.2f} to {max(longest):.2f}; left alone "
        f"{statistics.median(control):.2f} "
        f"({min(control):.2f} to {max(control):.2f}); longest call of ours "
        f"{statistics.median(held[1:]):.2f}; longest fault "
        f"{statistics.median(each.fault_ms for each in waited[1:]):.2f}, left alone "
        f"{statistics.median(each.fault_ms for each in alone[1:]):.2f}",
    )
